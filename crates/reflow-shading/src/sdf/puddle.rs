//! `tpl_sdf_puddle`.

use reflow_component::prelude::*;
use reflow_component::table::Language as _;

use super::{Sdf, primitive};

/// A flat drop with a noisy outline that lies on y = 0.
///
/// The outline is at r = max(`radius` + `noiseAmp` n, 0.001) with n = 2 noise(f x, f z, 0) - 1 + 0.5 noise(2.3 f x, 2.3 f z, 5)
/// and f = `noiseFreq`. Within `bevel` of the outline the top falls smoothly from `height` to 0, with a lip of the height
/// `meniscus`. The distance is max(|p.xz| - r, max(-p.y, p.y - top)).
#[derive(Component)]
#[component(id = "tpl_sdf_puddle", title = "SDF Puddle", category = "sdf", open_ports)]
#[inport(trigger: Any, "Whatever comes asks for the node.")]
#[outport(sdf: Sdf, "The shape.")]
#[example(
    config = r#"{"radius": 2, "height": 0.5, "noiseFreq": 1, "noiseAmp": 0.25, "meniscus": 0.125}"#,
    steps = r#"[{"trigger": {"type": "Flow"}}]"#,
    outputs = r#"[{"sdf": [{"type": "primitive", "primitive": "puddle", "radius": 2.0, "height": 0.5, "noise_freq": 1.0, "noise_amp": 0.25, "bevel": 3.0, "meniscus": 0.125, "material": null}]}]"#
)]
pub(super) struct Puddle {
    /// The mean radius of the outline.
    #[config(default = 1.0, lenient)]
    radius: f64,
    /// The height of the flat middle.
    #[config(default = 0.01, lenient)]
    height: f64,
    /// How fine the noise of the outline is.
    #[config(key = "noiseFreq", default = 2.0, lenient)]
    frequency: f64,
    /// How strong it is.
    #[config(key = "noiseAmp", default = 0.3, lenient)]
    amplitude: f64,
    /// The width of the rim; the larger one of 0.12 `radius` and 6 `height` when it is left out.
    #[config(lenient)]
    bevel: Option<f64>,
    /// The height of the lip near the rim; 0.35 `height` when it is left out.
    #[config(lenient)]
    meniscus: Option<f64>,
}

impl Actor for Puddle {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let fields = [
            ("radius", self.radius),
            ("height", self.height),
            ("noise_freq", self.frequency),
            ("noise_amp", self.amplitude),
            ("bevel", self.bevel.unwrap_or_else(|| (0.12 * self.radius).max(6.0 * self.height))),
            ("meniscus", self.meniscus.unwrap_or(0.35 * self.height)),
        ];
        tick.write(Self::OUT_SDF, primitive("puddle", fields.map(|(name, value)| (name, Sdf::number(value)))));
        Ok(())
    }
}
