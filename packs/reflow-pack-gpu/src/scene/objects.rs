//! The objects of a scene: where they are, and what they are made of.

use std::collections::HashMap;

use glam::{EulerRot, Mat4, Quat, Vec3};
use reflow_pack_sdk::prelude::*;

/// An object of a scene.
pub(super) struct SceneObject {
    pub(super) id: String,
    pub(super) kind: String,
    /// From the object to the world.
    pub(super) world: Mat4,
    pub(super) scale_x: f32,
    pub(super) color: Option<Vec3>,
    pub(super) mesh: Option<String>,
    pub(super) stride: Option<usize>,
    /// Width and depth of a terrain without a mesh.
    pub(super) ground: (f32, f32),
}

fn number(value: Option<&Value>) -> Option<f32> {
    value.and_then(Value::as_number).map(|number| number as f32).filter(|number| number.is_finite())
}

fn vector(value: Option<&Value>, default: Vec3) -> Vec3 {
    let Some(value) = value else { return default };
    let part = |at: usize, name: &str| number(value.at(at).or_else(|| value.get(name))).unwrap_or(default[at]);
    match number(Some(value)) {
        Some(same) => Vec3::splat(same),
        None => Vec3::new(part(0, "x"), part(1, "y"), part(2, "z")),
    }
}

/// Three angles in degrees about x, y and z, or the four parts of a quaternion.
fn rotation(value: Option<&Value>) -> Quat {
    let Some(value) = value else { return Quat::IDENTITY };
    if let Some(w) = number(value.at(3).or_else(|| value.get("w"))) {
        let xyz = vector(Some(value), Vec3::ZERO);
        return Quat::from_xyzw(xyz.x, xyz.y, xyz.z, w).normalize();
    }
    let angles = vector(Some(value), Vec3::ZERO);
    let [x, y, z] = angles.to_array().map(f32::to_radians);
    Quat::from_euler(EulerRot::ZYX, z, y, x)
}

fn local(object: &Value) -> (Mat4, Vec3) {
    let transform = object.get("transform");
    let part = |name: &str| transform.and_then(|transform| transform.get(name)).filter(|value| !value.is_null());
    let scale = vector(part("scale"), Vec3::ONE);
    let rotation = rotation(part("rotation"));
    let rotation = if rotation.is_finite() { rotation } else { Quat::IDENTITY };
    (Mat4::from_scale_rotation_translation(scale, rotation, vector(part("position"), Vec3::ZERO)), scale)
}

/// From each object to the world.
///
/// # Errors
/// An object that is inside of itself.
fn worlds(locals: &[(Mat4, Vec3)], parents: &[Option<usize>]) -> Result<Vec<Mat4>, usize> {
    let mut known: Vec<Option<Mat4>> = vec![None; locals.len()];
    for start in 0..locals.len() {
        let mut chain = Vec::new();
        let mut at = Some(start);
        while let Some(one) = at.filter(|one| known[*one].is_none()) {
            if chain.len() == locals.len() {
                return Err(one);
            }
            chain.push(one);
            at = parents[one];
        }
        let mut above = at.and_then(|one| known[one]).unwrap_or(Mat4::IDENTITY);
        for one in chain.into_iter().rev() {
            above *= locals[one].0;
            known[one] = Some(above);
        }
    }
    Ok(known.into_iter().map(Option::unwrap_or_default).collect())
}

/// The objects of a scene, in the world.
///
/// # Errors
/// When there are none in the sense of a scene, or one is inside of itself.
pub(super) fn read(scene: &Value) -> Result<Vec<SceneObject>, String> {
    let list = scene.get("objects").and_then(Value::as_array).or(scene.as_array());
    let list = list.ok_or("a scene has `objects`, a list of objects")?;
    let text = |object: &Value, name: &str| object.get(name).and_then(Value::as_str).map(ToString::to_string);
    let ids: HashMap<String, usize> =
        list.iter().enumerate().filter_map(|(at, object)| Some((text(object, "id")?, at))).collect();
    let locals: Vec<(Mat4, Vec3)> = list.iter().map(local).collect();
    let parents: Vec<Option<usize>> =
        list.iter().map(|object| text(object, "parent").and_then(|parent| ids.get(&parent).copied())).collect();
    let worlds = worlds(&locals, &parents).map_err(|at| {
        let id = text(&list[at], "id").unwrap_or_else(|| at.to_string());
        format!("the object `{id}` is inside of itself")
    })?;
    let objects = list.iter().enumerate().map(|(at, object)| {
        if object.as_object().is_none() {
            return Err(format!("object {at} of the scene is {}, not an object", object.kind()));
        }
        let color =
            object.get("material").and_then(|material| material.get("color").or_else(|| material.get("baseColor")));
        let terrain = object.get("terrain");
        let side = |name: &str| {
            number(terrain.and_then(|terrain| terrain.get(name))).filter(|side| *side > 0.0).unwrap_or(10.0)
        };
        Ok(SceneObject {
            id: text(object, "id").unwrap_or_else(|| at.to_string()),
            kind: text(object, "type").unwrap_or_default(),
            world: worlds[at],
            scale_x: locals[at].1.x,
            color: color.filter(|color| !color.is_null()).map(|color| vector(Some(color), Vec3::splat(0.8))),
            mesh: text(object, "mesh"),
            stride: object
                .get("meshStride")
                .and_then(Value::as_integer)
                .and_then(|stride| usize::try_from(stride).ok()),
            ground: (side("width"), side("depth")),
        })
    });
    objects.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(parents: &[Option<usize>]) -> Result<Vec<f32>, usize> {
        let step = (Mat4::from_translation(Vec3::X), Vec3::ONE);
        let found = worlds(&vec![step; parents.len()], parents)?;
        Ok(found.into_iter().map(|world| world.w_axis.x).collect())
    }

    #[test]
    fn objects_go_along_with_their_parents() {
        assert_eq!(places(&[Some(2), None, Some(1), Some(2)]), Ok(vec![3.0, 1.0, 2.0, 3.0]));
        // The one outside of the ring is not what is told.
        assert!(matches!(places(&[Some(1), Some(2), Some(1)]), Err(1 | 2)));
        assert_eq!(places(&[None, Some(1)]), Err(1));
        // A long chain takes no longer for each object.
        let long: Vec<_> =
            (0..200_000_usize).map(|at| at.checked_sub(1)).rev().map(|below| below.map(|at| 199_999 - at)).collect();
        assert_eq!(places(&long).map(|places| places.iter().copied().fold(0.0, f32::max)), Ok(200_000.0));
    }
}
