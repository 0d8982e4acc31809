//! `tpl_animation_blend_tree`.

use glam::Mat4;
use reflow_component::kind::payload;
use reflow_component::prelude::*;

use super::poses::{MOST, Poses, blend};
use crate::kernels::pose;
use crate::kinds::Pose;
use crate::values::{number_or, object};

/// Mixes up to eight poses by a parameter: along a line, in a plane, or by explicit weights.
///
/// Runs for every packet on `parameter`, with the poses that have come, in the order of their inports; `thresholds`, `positions`
/// and `weights` go with that list. Along a line (`1d`), the two poses around the number are blended. In a plane (`2d`), all are
/// mixed by one over their distance to `{x, y}`. With `direct`, by `{weights: […]}` or those of the config. Rotations are mixed as
/// such; weights that do not add up to 1 mix matrices element by element, unless `normalize` is set. The result has as many bones as
/// all poses have.
#[derive(Component)]
#[component(id = "tpl_animation_blend_tree", title = "Blend Tree", category = "animation")]
#[inport(input_0: Pose, "A pose.")]
#[inport(input_1: Pose, "A pose.")]
#[inport(input_2: Pose, "A pose.")]
#[inport(input_3: Pose, "A pose.")]
#[inport(input_4: Pose, "A pose.")]
#[inport(input_5: Pose, "A pose.")]
#[inport(input_6: Pose, "A pose.")]
#[inport(input_7: Pose, "A pose.")]
#[inport(parameter: Any, required, "A number, an object `{x, y}`, or an object `{weights}`.")]
#[outport(bone_transforms: Pose, "The pose.")]
#[outport(metadata: JsonObject, "The number of bones, the mode, and the number of poses.")]
#[example(
    steps = r#"[{"input_0": {"type": "Bytes", "data": []}}, {"parameter": 0.5}]"#,
    outputs = r#"[{}, {"bone_transforms": [{"type": "Bytes", "data": []}], "metadata": [{"boneCount": 0, "mode": "1d", "inputCount": 1}]}]"#
)]
pub(super) struct AnimationBlendTree {
    /// `1d`, `2d` or `direct`; every other word means `direct`.
    #[config(default = "1d".to_string(), lenient)]
    mode: String,
    /// `1d`: where each pose stands, ascending; evenly from 0 to 1 when it is left out.
    #[config(lenient)]
    thresholds: Option<Vec<f64>>,
    /// `2d`: where each pose stands, `[x, y]`.
    #[config(lenient)]
    positions: Vec<Value>,
    /// `direct`: the weights while a packet brings none.
    #[config(default = Value::array::<f64>([]).into(), lenient)]
    weights: Shaped<Numbers>,
    /// `direct`: scale the weights so that they add up to 1.
    #[config(lenient)]
    normalize: bool,
    #[state]
    poses: Poses,
}

/// Weights smaller than this are none.
const SMALLEST: f64 = 1e-6;

impl AnimationBlendTree {
    fn line(&self, poses: &[&[Mat4]], parameter: f64) -> Vec<Mat4> {
        let evenly = |at: usize| at as f64 / (poses.len().max(2) - 1) as f64;
        let place = |at: usize| {
            self.thresholds
                .as_ref()
                .map_or_else(|| evenly(at), |places| places.get(at).copied().unwrap_or(f64::INFINITY))
        };
        let below = (0..poses.len()).rev().find(|at| place(*at) <= parameter);
        let above = (0..poses.len()).find(|at| place(*at) >= parameter);
        match (below, above) {
            (Some(low), Some(high)) if low == high || place(high) - place(low) < SMALLEST => poses[low].to_vec(),
            (Some(low), Some(high)) => {
                let span = place(high) - place(low);
                let t = if span.is_finite() { (parameter - place(low)) / span } else { 0.0 };
                blend(poses[low], poses[high], t as f32)
            }
            (Some(only), None) | (None, Some(only)) => poses[only].to_vec(),
            (None, None) => poses[0].to_vec(),
        }
    }

    fn plane(&self, poses: usize, [x, y]: [f64; 2]) -> Vec<f64> {
        let part =
            |at: usize, axis| self.positions.get(at).and_then(|place| place.at(axis)?.as_number()).unwrap_or(0.0);
        let near: Vec<f64> = (0..poses).map(|at| 1.0 / (x - part(at, 0)).hypot(y - part(at, 1)).max(0.001)).collect();
        let total: f64 = near.iter().sum();
        near.iter().map(|near| near / total).collect()
    }

    fn direct(&self, parameter: Option<&Value>) -> Vec<f64> {
        let given = parameter.and_then(|value| value.get("weights")?.as_array());
        let given = given.or_else(|| self.weights.as_array()).unwrap_or_default();
        let mut weights: Vec<f64> = given.iter().map(|weight| weight.as_number().unwrap_or(0.0)).collect();
        let total: f64 = weights.iter().sum();
        if self.normalize && total.abs() > SMALLEST {
            weights.iter_mut().for_each(|weight| *weight /= total);
        }
        weights
    }
}

/// The weighted sum of poses, as many bones as all have.
fn weighted(poses: &[&[Mat4]], weights: &[f64]) -> Vec<Mat4> {
    let bones = poses.iter().map(|pose| pose.len()).min().unwrap_or(0);
    let counted: Vec<(f32, &[Mat4])> = poses
        .iter()
        .zip(weights)
        .filter(|(_, weight)| weight.abs() >= SMALLEST && weight.is_finite())
        .map(|(pose, weight)| (*weight as f32, *pose))
        .collect();
    let parts = |bone: usize| counted.iter().map(|(weight, pose)| (*weight, pose[bone])).collect::<Vec<_>>();
    (0..bones).map(|bone| pose::sum(&parts(bone))).collect()
}

impl Actor for AnimationBlendTree {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let Some(parameter) = tick.input(Self::IN_PARAMETER) else {
            let given = (0..MOST).find_map(|port| Some((port, Pose::read(tick.input(port)?)?)));
            if let Some((port, pose)) = given {
                self.poses.keep(port, pose);
            }
            return Ok(());
        };
        let (number, value) = (parameter.as_number().filter(|number| number.is_finite()), payload(parameter).cloned());
        let poses = self.poses.known();
        if poses.is_empty() {
            return Ok(());
        }
        let mixed = match self.mode.as_str() {
            "1d" => self.line(&poses, number.unwrap_or(0.5)),
            "2d" => {
                let part = |key: &str| value.as_ref().map_or(0.0, |value| number_or(value, key, 0.0));
                weighted(&poses, &self.plane(poses.len(), [part("x"), part("y")]))
            }
            _ => weighted(&poses, &self.direct(value.as_ref())),
        };
        let metadata = object([
            ("boneCount", mixed.len().into()),
            ("mode", self.mode.as_str().into()),
            ("inputCount", poses.len().into()),
        ]);
        tick.write(Self::OUT_METADATA, metadata);
        tick.write(Self::OUT_BONE_TRANSFORMS, mixed);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use reflow_component::testing::run;
    use serde_json::json;

    #[test]
    fn a_weight_that_is_no_number_is_none() {
        let pose = |x: f32| {
            let columns = Mat4::from_translation(glam::Vec3::new(x, 0.0, 0.0)).to_cols_array();
            json!({"type": "Bytes", "data": columns.iter().flat_map(|part| part.to_le_bytes()).collect::<Vec<u8>>()})
        };
        let steps = [json!({"input_0": pose(4.0)}), json!({"input_1": pose(10.0)}), json!({"parameter": 0})];
        let outputs = run::<AnimationBlendTree>(json!({"mode": "direct", "weights": [null, 0.5]}), steps);
        let bytes = outputs[2]["bone_transforms"][0]["data"].as_array().unwrap();
        let bytes: Vec<u8> = bytes[48..52].iter().map(|byte| byte.as_u64().unwrap() as u8).collect();
        assert_eq!(bytes, 5.0_f32.to_le_bytes());
    }
}
