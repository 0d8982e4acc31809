//! How bones move.

use super::document::{Animation, File, GltfError, Skin};

/// One property of one bone over time.
#[derive(Clone, Debug, PartialEq)]
pub struct Track {
    /// Which bone.
    pub bone: usize,
    /// `position`, `rotation` or `scale`.
    pub property: &'static str,
    /// `linear` or `step`.
    pub interpolation: &'static str,
    /// When, in seconds.
    pub times: Vec<f32>,
    /// Three or four numbers for each time.
    pub values: Vec<f32>,
    /// Three or four.
    pub width: usize,
}

impl File<'_> {
    /// The tracks of an animation that move bones of a skin.
    ///
    /// # Errors
    /// When data are not there, or of another kind.
    pub fn tracks(&self, animation: &Animation, skin: Option<&Skin>) -> Result<Vec<Track>, GltfError> {
        let joints = skin.map_or(&[][..], |skin| &skin.joints);
        let mut tracks = Vec::new();
        for channel in &animation.channels {
            let bone = channel.target.node.and_then(|node| joints.iter().position(|joint| *joint == node));
            let (property, width) = match &*channel.target.path {
                "translation" => ("position", 3),
                "rotation" => ("rotation", 4),
                "scale" => ("scale", 3),
                _ => continue,
            };
            let Some(bone) = bone else { continue };
            let missing = GltfError::Missing { what: "sampler", index: channel.sampler };
            let sampler = animation.samplers.get(channel.sampler).ok_or(missing)?;
            let times = self.numbers(sampler.input, &[1], false)?.numbers;
            let mut values = self.numbers(sampler.output, &[width], true)?.numbers;
            let interpolation = sampler.interpolation.as_deref().unwrap_or("LINEAR");
            if interpolation == "CUBICSPLINE" {
                // A key is three values: the tangent before, the value, and the tangent behind.
                let keys = values.chunks_exact(width * 3);
                values = keys.flat_map(|key| key[width..width * 2].to_vec()).collect();
            }
            values.truncate(times.len() * width);
            let interpolation = if interpolation == "STEP" { "step" } else { "linear" };
            tracks.push(Track { bone, property, interpolation, times, values, width });
        }
        Ok(tracks)
    }
}
