//! Skeletons and clips as JSON.

use glam::{Mat4, Vec4};
use reflow_component::prelude::*;

use crate::database::bad_config;
use crate::kernels::sampling::{Channel, Clip, Interpolation, Property};
use crate::kernels::skeleton::Skeleton;
use crate::values::{count, float_or, floats, list, object, text_or};

/// The skeleton of `{bones: [{parent, localBindTransform}]}`.
pub(super) fn skeleton(value: &Value) -> Result<Skeleton, String> {
    let bones = value.get("bones").and_then(Value::as_array).ok_or("the skeleton has no list `bones`")?;
    let parent = |bone: &Value| bone.get("parent").and_then(count).and_then(|parent| usize::try_from(parent).ok());
    let local =
        |bone: &Value| Mat4::from_cols_array(&floats(bone.get("localBindTransform"), Mat4::IDENTITY.to_cols_array()));
    Ok(Skeleton { parents: bones.iter().map(parent).collect(), locals: bones.iter().map(local).collect() })
}

/// The longest vertex.
const LONGEST: u32 = 65_536;

/// The bytes of a vertex that has at least `least` of them.
pub(super) fn stride(stride: u32, least: usize) -> Result<usize, Failure> {
    let bytes = stride as usize;
    if (least..=LONGEST as usize).contains(&bytes) {
        Ok(bytes)
    } else {
        Err(bad_config(format!("`stride` must be from {least} to {LONGEST} bytes, not {stride}")))
    }
}

/// A bone as skeletons list it.
pub(super) fn bone(index: usize, name: &str, parent: Option<usize>, local: &Mat4) -> Value {
    object([
        ("index", index.into()),
        ("name", name.into()),
        ("parent", parent.map_or(Value::Integer(-1), Value::from)),
        ("localBindTransform", list(local.to_cols_array())),
    ])
}

/// The clip of `{duration, channels}`.
pub(super) fn clip(value: &Value) -> Clip {
    let channels = value.get("channels").and_then(Value::as_array).unwrap_or_default();
    Clip { duration: float_or(value, "duration", 1.0), channels: channels.iter().filter_map(channel).collect() }
}

fn channel(value: &Value) -> Option<Channel> {
    let property = match text_or(value, "property", "rotation") {
        "position" | "translation" => Property::Position,
        "rotation" => Property::Rotation,
        "scale" => Property::Scale,
        _ => return None,
    };
    let interpolation = match text_or(value, "interpolation", "linear") {
        word if word.eq_ignore_ascii_case("step") => Interpolation::Step,
        word if word.eq_ignore_ascii_case("cubicspline") || word == "cubic" => Interpolation::Cubic,
        _ => Interpolation::Linear,
    };
    let items = |key| value.get(key).and_then(Value::as_array).unwrap_or_default();
    let times: Vec<f32> = items("times").iter().map(|time| time.as_number().unwrap_or(0.0) as f32).collect();
    let missing = if property == Property::Rotation { [0.0, 0.0, 0.0, 1.0] } else { [0.0; 4] };
    let values = items("values").iter().map(|value| Vec4::from_array(floats(Some(value), missing))).collect();
    let bone = value.get("boneIndex").map_or(Some(0), count)?;
    Some(Channel { bone: usize::try_from(bone).ok()?, property, interpolation, times, values })
}
