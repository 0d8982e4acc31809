//! `tpl_tube_mesh`.

use glam::Vec3;
use reflow_component::prelude::*;

use crate::kernels::curve::{parse, polyline, resample};
use crate::kernels::floats::write_f32;
use crate::kernels::tube::{Tube, vertex_count};

/// The most vertices.
const MOST_VERTICES: usize = 1 << 24;

/// Makes a tube along a path.
///
/// The path is the path data of SVG; its parts are joined. Rings stand at equal distances along it and twist as little as can
/// be, radii between those of `profile` are interpolated. The start is a dome of 1.2 radii, the end is flat; triangles are
/// counter-clockwise seen from outside. Along u a tube goes from 0 to 1 and its dome to -0.1, around it v goes from 0 to 1.
#[derive(Component)]
#[component(id = "tpl_tube_mesh", title = "Tube Mesh", category = "procedural", heavy, open_ports)]
#[inport(trigger: Any, "Whatever comes asks for a mesh.")]
#[outport(mesh: Bytes, "Three vertices for every triangle, of position and normal: 6 floats of 32 bits each.")]
#[outport(uv: Bytes, "Their texture coordinates: 2 floats of 32 bits each.")]
#[outport(metadata: JsonObject, "Counts and the layout.")]
#[outport(error: ErrorText, "Why there is no mesh.")]
#[example(
    config = r#"{"path": "M0,0"}"#,
    steps = r#"[{"trigger": {"type": "Flow"}}]"#,
    outputs = r#"[{"error": [{"type": "Error", "data": "Path produced fewer than 2 points"}]}]"#
)]
pub(super) struct TubeMesh {
    /// The path, in the plane.
    #[config(default = "M 0,0 L 5,0".to_string(), lenient)]
    path: String,
    /// Radii along the path; what is no number is skipped.
    #[config(default = vec![Value::from(0.1)], lenient)]
    profile: Vec<Value>,
    /// Rings along the path, from 2.
    #[config(default = 32, lenient)]
    segments: u32,
    /// Vertices around a ring, from 3.
    #[config(default = 16, lenient)]
    rings: u32,
    /// Where the path lies.
    #[config(default = Plane::Xz, lenient)]
    plane: Plane,
    /// The part of the tube that is the head.
    #[config(key = "headLength", default = 0.0, range = 0.0..=1.0, lenient)]
    head_length: f64,
    /// How round the tip of the head is, from 0 (flat) to 1.
    #[config(key = "headFlatten", default = 1.0, range = 0.0..=1.0, lenient)]
    head_flatten: f64,
}

#[derive(Choice, Clone, Copy)]
enum Plane {
    /// Horizontal: x stays, y becomes z.
    #[choice(..)]
    Xz,
    /// Upright, seen from the front.
    Xy,
    /// Upright, seen from the side: x becomes y, y becomes z.
    Yz,
}

impl Actor for TubeMesh {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let line = match self.line() {
            Ok(line) => line,
            Err(problem) => return tick.report(Self::OUT_ERROR, problem),
        };
        let rings = self.rings as usize;
        let tube = Tube {
            profile: self.radii(),
            rings,
            head_length: self.head_length as f32,
            head_flatten: self.head_flatten as f32,
        };
        let soup = tube.mesh(&line);
        let metadata = Value::object([
            ("vertexCount", Value::from(soup.vertices.len())),
            ("triangleCount", (soup.vertices.len() / 3).into()),
            ("segments", line.len().into()),
            ("rings", rings.into()),
            ("stride", 24.into()),
            ("format", "pos3_normal3_f32".into()),
        ]);
        tick.write(Self::OUT_MESH, write_f32(soup.vertices.as_flattened()));
        tick.write(Self::OUT_UV, write_f32(soup.uv.as_flattened()));
        tick.write(Self::OUT_METADATA, metadata);
        Ok(())
    }
}

impl TubeMesh {
    /// The middle of the tube.
    fn line(&self) -> Result<Vec<Vec3>, String> {
        let (segments, rings) = (self.segments as usize, self.rings as usize);
        if rings < 3 {
            return Err(format!("A tube of {rings} vertices around is none (at least 3)"));
        }
        if vertex_count(segments, rings).is_none_or(|count| count > MOST_VERTICES) {
            return Err(format!("{segments} × {rings} vertices are too many (at most {})", MOST_VERTICES / 6));
        }
        if let Some(radius) = self.radii().iter().find(|radius| **radius < 0.0) {
            return Err(format!("A tube with a radius of {radius} is none"));
        }
        let path = parse(&self.path).map_err(|error| error.to_string())?;
        let points = if segments < 2 { Vec::new() } else { resample(&polyline(&path), segments) };
        if points.len() < 2 {
            return Err("Path produced fewer than 2 points".to_string());
        }
        let place = |[x, y]: [f64; 2]| {
            let (x, y) = (x as f32, y as f32);
            match self.plane {
                Plane::Xz => Vec3::new(x, 0.0, y),
                Plane::Xy => Vec3::new(x, y, 0.0),
                Plane::Yz => Vec3::new(0.0, x, y),
            }
        };
        Ok(points.into_iter().map(place).collect())
    }

    fn radii(&self) -> Vec<f32> {
        let numbers = self.profile.iter().filter_map(Value::as_number);
        let radii: Vec<f32> = numbers.map(|radius| radius as f32).filter(|radius| radius.is_finite()).collect();
        if radii.is_empty() { vec![0.1] } else { radii }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use reflow_component::testing::run;
    use serde_json::json;

    #[test]
    fn all_of_path_data_is_understood() {
        let config = json!({"path": "m0 0 h2 a1 1 0 0 1 0 2 z", "segments": 20, "profile": ["x", 0.2, 0.1]});
        let outputs = run::<TubeMesh>(config, [json!({"go": 1})]);
        assert_eq!(outputs[0]["metadata"][0]["vertexCount"], 6 * 16 * (20 + 6));
    }

    #[test]
    fn what_is_no_tube_is_told() {
        for (config, text) in [
            (json!({"path": "M0,0 Lx"}), "Invalid path: Wrong path command"),
            (json!({"segments": 1}), "Path produced fewer than 2 points"),
            (json!({"rings": 2}), "A tube of 2 vertices around is none (at least 3)"),
            (json!({"profile": [0.1, -0.5]}), "A tube with a radius of -0.5 is none"),
            (json!({"segments": 4_000_000_000_u32}), "4000000000 × 16 vertices are too many (at most 2796202)"),
        ] {
            let outputs = run::<TubeMesh>(config, [json!({"go": 1})]);
            let told = outputs[0]["error"][0]["data"].as_str().unwrap_or_default();
            assert!(told.starts_with(&text[..14]), "{told}");
        }
    }
}
