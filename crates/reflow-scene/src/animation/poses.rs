//! The eight poses that a component mixes or chooses from.

use glam::Mat4;

use crate::kernels::pose;

/// How many poses there may be.
pub(super) const MOST: usize = 8;

/// The newest pose of each inport.
#[derive(Debug, Default)]
pub(super) struct Poses([Option<Vec<Mat4>>; MOST]);

impl Poses {
    /// Keeps the pose of an inport.
    pub(super) fn keep(&mut self, port: usize, pose: Vec<Mat4>) {
        if let Some(place) = self.0.get_mut(port) {
            *place = Some(pose);
        }
    }

    /// The pose of an inport.
    pub(super) fn at(&self, port: usize) -> Option<&[Mat4]> {
        self.0.get(port)?.as_deref()
    }

    /// The poses that there are, in the order of their inports.
    pub(super) fn known(&self) -> Vec<&[Mat4]> {
        self.0.iter().flatten().map(Vec::as_slice).collect()
    }
}

/// Two poses mixed, as many bones as both have.
pub(super) fn blend(a: &[Mat4], b: &[Mat4], t: f32) -> Vec<Mat4> {
    a.iter().zip(b).map(|(a, b)| pose::blend(a, b, t)).collect()
}
