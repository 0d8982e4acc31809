//! Bone hierarchies.

use glam::Mat4;

use super::pose;

/// A bone hierarchy.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Skeleton {
    /// The parent of each bone, if it has one.
    pub parents: Vec<Option<usize>>,
    /// The matrix of each bone in its bind pose, seen from its parent.
    pub locals: Vec<Mat4>,
}

/// Bones that are their own ancestors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("bone {0} is its own ancestor")]
pub struct Cycle(pub usize);

impl Skeleton {
    /// The number of bones.
    pub fn len(&self) -> usize {
        self.locals.len()
    }

    /// Whether there is no bone.
    pub fn is_empty(&self) -> bool {
        self.locals.is_empty()
    }

    /// The matrices of all bones seen from the world.
    ///
    /// # Errors
    /// When a bone is its own ancestor.
    pub fn world(&self) -> Result<Vec<Mat4>, Cycle> {
        world(&self.locals, &self.parents)
    }

    /// The inverses of the world matrices.
    ///
    /// # Errors
    /// When a bone is its own ancestor.
    pub fn inverse_bind(&self) -> Result<Vec<Mat4>, Cycle> {
        Ok(self.world()?.iter().map(pose::inverse).collect())
    }
}

/// World matrices of bones whose parents may stand anywhere in the list; who names no bone as its parent has none.
///
/// # Errors
/// When a bone is its own ancestor.
pub fn world(locals: &[Mat4], parents: &[Option<usize>]) -> Result<Vec<Mat4>, Cycle> {
    let mut world: Vec<Option<Mat4>> = vec![None; locals.len()];
    let parent = |bone: usize| parents.get(bone).copied().flatten().filter(|parent| *parent < locals.len());
    let mut way = Vec::new();
    for bone in 0..locals.len() {
        let mut at = bone;
        while world[at].is_none() {
            way.push(at);
            if way.len() > locals.len() {
                return Err(Cycle(bone));
            }
            let Some(next) = parent(at) else { break };
            at = next;
        }
        while let Some(at) = way.pop() {
            let above = parent(at).and_then(|parent| world[parent]);
            world[at] = Some(above.map_or(locals[at], |above| above * locals[at]));
        }
    }
    Ok(world.into_iter().flatten().collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use glam::Vec3;

    fn moved(x: f32) -> Mat4 {
        Mat4::from_translation(Vec3::X * x)
    }

    #[test]
    fn parents_may_stand_anywhere() {
        let world = world(&[moved(1.0), moved(10.0), moved(100.0)], &[Some(2), Some(0), None]).unwrap();
        let places: Vec<f32> = world.iter().map(|matrix| matrix.w_axis.x).collect();
        assert_eq!(places, [101.0, 111.0, 100.0]);
    }

    #[test]
    fn cycles_are_told_and_strange_parents_are_none() {
        assert_eq!(world(&[moved(1.0), moved(1.0)], &[Some(1), Some(0)]), Err(Cycle(0)));
        assert_eq!(world(&[moved(1.0)], &[Some(0)]), Err(Cycle(0)));
        assert_eq!(world(&[moved(1.0)], &[Some(7)]), Ok(vec![moved(1.0)]));
    }

    #[test]
    fn deep_chains_take_linear_time_and_no_stack() {
        let count = 100_000;
        let parents: Vec<_> = (1..count).map(Some).chain([None]).collect();
        let world = world(&vec![moved(1.0); count], &parents).unwrap();
        assert_eq!(world[0].w_axis.x, count as f32);
    }
}
