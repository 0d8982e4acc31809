//! How bones move over time.

use std::collections::BTreeMap;

use super::scene::{Scene, rotation};
use super::tree::Node;
use crate::kernels::mesh::gltf::clip::Track;

/// Ticks of a second.
const TICKS: f64 = 46_186_158_000.0;

/// Numbers over time.
struct Curve {
    times: Vec<f64>,
    values: Vec<f64>,
}

impl Curve {
    fn read(node: &Node<'_>) -> Self {
        let times = node.wholes("KeyTime").into_iter().map(|tick| tick as f64 / TICKS);
        Self { times: times.collect(), values: node.numbers("KeyValueFloat") }
    }

    /// The value at a time, between keys in a straight line; `None` without any key.
    fn at(&self, time: f64) -> Option<f64> {
        let behind = self.times.partition_point(|key| *key <= time);
        let last = self.values.len().min(self.times.len()).checked_sub(1)?;
        let (from, to) = (behind.saturating_sub(1).min(last), behind.min(last));
        let (start, end) = (self.times[from], self.times[to]);
        let part = if end > start { ((time - start) / (end - start)).clamp(0.0, 1.0) } else { 0.0 };
        Some(self.values[from] + (self.values[to] - self.values[from]) * part)
    }
}

impl Scene<'_> {
    /// What each bone does, by bone and property. An axis without a curve stays where the bone is.
    pub fn tracks(&self) -> Vec<Track> {
        let models = self.bone_models();
        let order = self.bone_order(&models);
        let mut tracks: BTreeMap<(usize, &'static str), Track> = BTreeMap::new();
        for node in self.all("AnimationCurveNode") {
            let Some(id) = node.whole(0) else { continue };
            for (model, property) in self.parents(id) {
                let Some(bone) = model.whole(0).and_then(|id| order.get(&id).copied()) else { continue };
                let (property, setting, rest) = match property {
                    "Lcl Translation" => ("position", "Lcl Translation", 0.0),
                    "Lcl Rotation" => ("rotation", "Lcl Rotation", 0.0),
                    "Lcl Scaling" => ("scale", "Lcl Scaling", 1.0),
                    _ => continue,
                };
                let rest = model.setting(setting).unwrap_or([rest; 3]);
                let track = self.track(id, model, (bone, property), rest);
                tracks.entry((bone, property)).or_insert(track);
            }
        }
        tracks.into_values().collect()
    }

    fn track(&self, id: i64, model: &Node<'_>, (bone, property): (usize, &'static str), rest: [f64; 3]) -> Track {
        let mut curves: [Option<Curve>; 3] = [None, None, None];
        for (curve, axis) in self.children(id) {
            let place = match axis {
                "d|X" => 0,
                "d|Y" => 1,
                "d|Z" => 2,
                _ => continue,
            };
            curves[place].get_or_insert_with(|| Curve::read(curve));
        }
        let longest = curves.iter().flatten().max_by_key(|curve| curve.times.len());
        let times = longest.map_or(Vec::new(), |curve| curve.times.clone());
        let mut values = Vec::new();
        for time in &times {
            let at = |axis: usize| curves[axis].as_ref().and_then(|curve| curve.at(*time)).unwrap_or(rest[axis]);
            let numbers = [at(0), at(1), at(2)];
            if property == "rotation" {
                values.extend(rotation(model, numbers).to_array().map(|part| part as f32));
            } else {
                values.extend(numbers.map(|part| part as f32));
            }
        }
        let width = if property == "rotation" { 4 } else { 3 };
        let times = times.into_iter().map(|time| time as f32).collect();
        Track { bone, property, interpolation: "linear", times, values, width }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::mesh::fbx::tree::{
        read,
        tests::{N, P, file},
    };

    fn connection<'a>(kind: &'a str, child: i64, parent: i64, property: &'a str) -> N<'a> {
        let mut properties = vec![P::S(kind), P::L(child), P::L(parent)];
        if !property.is_empty() {
            properties.push(P::S(property));
        }
        N("C", properties, vec![])
    }

    fn setting(name: &str, [x, y, z]: [f64; 3]) -> N<'_> {
        N("P", vec![P::S(name), P::S(name), P::S(""), P::S("A"), P::D(x), P::D(y), P::D(z)], vec![])
    }

    #[test]
    fn an_axis_without_a_curve_stays_where_the_bone_is() {
        let second = 46_186_158_000;
        let settings = N("Properties70", vec![], vec![setting("Lcl Scaling", [2.0, 3.0, 4.0])]);
        let curve = |id: i64, times: Vec<i64>, values: Vec<f32>| {
            let keys = vec![N("KeyTime", vec![P::Ls(times)], vec![]), N("KeyValueFloat", vec![P::Fs(values)], vec![])];
            N("AnimationCurve", vec![P::L(id), P::S(""), P::S("")], keys)
        };
        let objects = vec![
            N("Model", vec![P::L(1), P::S("Model::Hips"), P::S("LimbNode")], vec![settings]),
            N("AnimationCurveNode", vec![P::L(2), P::S("S"), P::S("")], vec![]),
            curve(3, vec![0, second], vec![1.0, 5.0]),
            curve(4, vec![0, second / 2, second], vec![0.0, 1.0, 2.0]),
        ];
        let connections =
            vec![connection("OP", 2, 1, "Lcl Scaling"), connection("OP", 3, 2, "d|X"), connection("OP", 4, 2, "d|Z")];
        let bytes = file(&[N("Objects", vec![], objects), N("Connections", vec![], connections)], true);
        let scene = Scene::new(read(&bytes).unwrap()).unwrap();
        let tracks = scene.tracks();
        assert_eq!(tracks[0].times, [0.0, 0.5, 1.0]);
        assert_eq!(tracks[0].values, [1.0, 3.0, 0.0, 3.0, 3.0, 1.0, 5.0, 3.0, 2.0]);
        assert_eq!(scene.bones()[0].name, "Hips");
    }
}
