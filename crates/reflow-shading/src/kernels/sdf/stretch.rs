//! How much a field says more than the true distance.

use glam::Vec3;

use super::bounds::Bounds;
use super::tree::{Node, Primitive, Transform, Tree};

/// Rays are not slowed down by more than this: steps that small would be too many.
const MOST: f32 = 4.0;
/// How steep a layer of noise is where it is steep: it rises by about its pitch.
const NOISE_SLOPE: f32 = 1.0;

impl Tree {
    /// By how much the distances grow faster than the way, about: rays that take steps as long as the distance over this do
    /// not step through twisted, bent and displaced shapes. From 1 to 4.
    pub fn stretch(&self) -> f32 {
        let boxes = self.boxes();
        let mut found: Vec<f32> = Vec::with_capacity(self.len());
        for (_, node) in self.nodes() {
            let inside = node.children().map(|child| found[child.index()]).fold(1.0, f32::max);
            let own = match node {
                Node::Primitive { primitive, .. } => of_primitive(primitive),
                Node::Transform { transform, child } => of_transform(transform, boxes[child.index()], inside),
                _ => inside,
            };
            found.push(if own.is_nan() { MOST } else { own.clamp(1.0, MOST) });
        }
        found.pop().unwrap_or(1.0)
    }
}

fn of_primitive(primitive: &Primitive) -> f32 {
    match *primitive {
        // The outline moves with two layers of noise, the finer one half as strong.
        Primitive::Puddle { noise_freq, noise_amp, .. } => {
            1.0 + (noise_amp * noise_freq).abs() * NOISE_SLOPE * (2.0 + 0.5 * 2.3)
        }
        _ => 1.0,
    }
}

fn of_transform(transform: &Transform, child: Bounds, inside: f32) -> f32 {
    let reach = if child.is_finite() { child.min.abs().max(child.max.abs()) } else { Vec3::ZERO };
    match *transform {
        Transform::Twist { strength } => inside * 1.0_f32.hypot(strength * reach.x.hypot(reach.z)),
        Transform::Bend { strength } => inside * 1.0_f32.hypot(strength * reach.x.hypot(reach.y)),
        // Every layer is twice as fine and half as strong.
        Transform::Displace { frequency, amplitude, octaves } => {
            inside + (amplitude * frequency).abs() * NOISE_SLOPE * octaves.min(8) as f32
        }
        _ => inside,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stretch(text: &str) -> f32 {
        Tree::read(&serde_json::from_str(text).unwrap()).unwrap().stretch()
    }

    #[test]
    fn plain_shapes_are_not_stretched_and_twisted_ones_are() {
        let ball = r#"{"type":"primitive","primitive":"sphere","radius":1}"#;
        assert_eq!(stretch(ball), 1.0);
        let twisted = format!(r#"{{"type":"transform","transform":"twist","strength":1,"child":{ball}}}"#);
        assert!((stretch(&twisted) - 3.0_f32.sqrt()).abs() < 1e-6);
        let wild = format!(r#"{{"type":"transform","transform":"twist","strength":3e38,"child":{twisted}}}"#);
        assert_eq!(stretch(&wild), MOST);
    }
}
