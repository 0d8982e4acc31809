//! `tpl_sdf_scene`.

use std::collections::BTreeMap;
use std::sync::Arc;

use glam::Vec3 as V3;
use reflow_component::kind::payload;
use reflow_component::prelude::*;

use super::{Sdf, node, shape};
use crate::kernels::sdf::{Settings, Shade, Tree, compile, slot_shade};
use crate::kernels::validate::{validate, validate_with};

/// A shape with camera and light, as the WGSL of a compute shader that draws it by marching rays.
///
/// The shader has everything in it: a uniform block (group 0, binding 0: resolution, time, camera), a storage texture to write to
/// (binding 1), and the entry point `main`. It was checked by a WGSL compiler before it is sent. Surfaces are those of the
/// materials in the shape. A text on `shade` draws the whole scene instead; it defines `shade(ro, rd, t)`. When materials
/// name slots, nothing is sent before each slot has had its shade (`tpl_sdf_shade_slot`).
///
/// What cannot be drawn is told on `error`, and then there is no `wgsl`. A `ref` in the shape is a field that somebody else
/// supplies: the shader has the function `sdf_ref_N` for it, which says that nothing is near.
#[derive(Component)]
#[component(id = "tpl_sdf_scene", title = "SDF Scene", category = "sdf", heavy)]
#[inport(sdf: Sdf, required, "The shape.")]
#[inport(shade: ShadeKind, "A shade for everything, or one with its slot.")]
#[outport(wgsl: Text, "The shader.")]
#[outport(sdf: Sdf, "The shape with all settings.")]
#[outport(stats: JsonObject, "`nodeCount`, `usesNoise`, `usesSmoothOps`, and `shaderSize` in bytes.")]
#[outport(error: ErrorText, "Why there is no shader.")]
#[example(
    config = r#"{"width": 64, "height": 64, "ambient": 0.25, "lightDir": [0, 1, 0], "background": [0, 0, 1]}"#,
    steps = r#"[{"sdf": {"type": "primitive", "primitive": "sphere", "radius": 1}}]"#,
    outputs = r#"[{"wgsl": "...", "stats": "...", "sdf": [{"type": "scene", "root": {"type": "primitive", "primitive": "sphere", "radius": 1.0, "material": null}, "settings": {"width": 64, "height": 64, "maxSteps": 128, "maxDist": 100.0, "epsilon": 0.0010000000474974513, "fov": 45.0, "cameraPos": [3.0, 2.0, 4.0], "cameraTarget": [0.0, 0.0, 0.0], "softShadows": false, "shadowK": 32.0, "ao": true, "ambient": 0.25, "lightDir": [0.0, 1.0, 0.0], "lightColor": [1.0, 1.0, 1.0], "background": [0.0, 0.0, 1.0], "time": 0.0, "customShadeWgsl": ""}}]}]"#
)]
pub(super) struct Scene {
    /// Width of the picture; carried along.
    #[config(default = 512, unit = "pixels", lenient)]
    width: u32,
    /// Height of the picture; carried along.
    #[config(default = 512, unit = "pixels", lenient)]
    height: u32,
    /// Steps of a ray at most.
    #[config(key = "maxSteps", default = 128, lenient)]
    max_steps: u32,
    /// The vertical field of view.
    #[config(default = 45.0, range = 1.0..=179.0, unit = "degrees", lenient)]
    fov: f64,
    /// x of the camera.
    #[config(key = "cameraPosX", default = 3.0, lenient)]
    camera_x: f64,
    /// y of it.
    #[config(key = "cameraPosY", default = 2.0, lenient)]
    camera_y: f64,
    /// z of it.
    #[config(key = "cameraPosZ", default = 4.0, lenient)]
    camera_z: f64,
    /// x of what it looks at.
    #[config(key = "cameraTargetX", default = 0.0, lenient)]
    target_x: f64,
    /// y of it.
    #[config(key = "cameraTargetY", default = 0.0, lenient)]
    target_y: f64,
    /// z of it.
    #[config(key = "cameraTargetZ", default = 0.0, lenient)]
    target_z: f64,
    /// Whether things throw soft shadows.
    #[config(key = "softShadows", default = false, lenient)]
    soft_shadows: bool,
    /// Whether corners are darker.
    #[config(default = true, lenient)]
    ao: bool,
    /// Light from everywhere.
    #[config(default = 0.15, range = 0.0..=1.0, lenient)]
    ambient: f64,
    /// How sharp shadows are.
    #[config(key = "shadowK", default = 32.0, lenient)]
    shadow_k: f64,
    /// Towards the light; entries that are left out are those of the default.
    #[config(key = "lightDir", default = Value::array(LIGHT).into(), lenient)]
    light_dir: Shaped<Numbers>,
    /// The colour of the light.
    #[config(key = "lightColor", default = Value::array(WHITE).into(), lenient)]
    light_color: Shaped<Numbers>,
    /// The colour of what is not hit.
    #[config(default = Value::array(BACKGROUND).into(), lenient)]
    background: Shaped<Numbers>,
    /// The time that the shade may use; carried along.
    #[config(default = 0.0, unit = "s", lenient)]
    time: f64,
    /// Whether nothing is sent without a shade.
    #[config(key = "requireShade", default = false, lenient)]
    requires_shade: bool,
    /// Whether the log says which slots still wait for their shade.
    #[config(key = "logProgress", default = false, lenient)]
    logs: bool,
    #[state]
    root: Option<Nested>,
    #[state]
    shade: Arc<str>,
    #[state]
    slots: BTreeMap<Arc<str>, (String, String)>,
}

const LIGHT: [f64; 3] = [0.577, 0.577, -0.577];
const WHITE: [f64; 3] = [1.0; 3];
const BACKGROUND: [f64; 3] = [0.1, 0.1, 0.15];

/// A text, or an object of `slot`, `functionName` and `wgsl`.
type ShadeKind = Either<Text, JsonObject>;

fn single(value: f64) -> f32 {
    (value as f32).clamp(f32::MIN, f32::MAX)
}

fn triple(given: &Shaped<Numbers>, default: [f64; 3]) -> V3 {
    let [x, y, z] = given.or(default).map(single);
    V3::new(x, y, z)
}

impl Scene {
    fn settings(&self, custom_shade_wgsl: String) -> Settings {
        let point = |x, y, z| V3::new(single(x), single(y), single(z));
        Settings {
            camera_pos: point(self.camera_x, self.camera_y, self.camera_z),
            camera_target: point(self.target_x, self.target_y, self.target_z),
            fov: single(self.fov),
            max_steps: self.max_steps,
            background: triple(&self.background, BACKGROUND),
            ambient: single(self.ambient),
            light_dir: triple(&self.light_dir, LIGHT),
            light_color: triple(&self.light_color, WHITE),
            soft_shadows: self.soft_shadows,
            shadow_k: single(self.shadow_k),
            ao: self.ao,
            width: self.width,
            height: self.height,
            custom_shade_wgsl,
            time: single(self.time),
            ..Settings::default()
        }
    }

    /// Remembers what came in; the problems of what cannot be used.
    fn remember(&mut self, tick: &Tick<'_>) -> Vec<String> {
        let mut problems = Vec::new();
        if let Some(message) = tick.input(Self::IN_SDF) {
            match shape("sdf", Some(message)) {
                Ok(root) => self.root = Some(root),
                Err(problem) => problems.push(problem),
            }
        }
        match tick.input(Self::IN_SHADE) {
            None => {}
            Some(Message::String(text)) => self.shade = Arc::clone(text),
            Some(message) => {
                let slot = payload(message);
                let text = |key: &str| slot.and_then(|slot| slot.get(key)).and_then(Value::as_str);
                match (text("slot"), text("functionName"), text("wgsl")) {
                    (Some(slot), Some(function), Some(wgsl)) => {
                        self.slots.insert(slot.into(), (function.into(), wgsl.into()));
                    }
                    _ => problems.push(format!(
                        "no shade on shade: expected a text or an object of `slot`, `functionName` and `wgsl`, found {}",
                        message.kind()
                    )),
                }
            }
        }
        problems
    }

    /// The shade, if it is complete: that of the slots, or else the one for everything.
    fn custom_shade(&self, slots: &[&str], tick: &Tick<'_>, problems: &mut Vec<String>) -> Option<String> {
        let missing: Vec<&str> = slots.iter().copied().filter(|slot| !self.slots.contains_key(*slot)).collect();
        if !missing.is_empty() {
            if self.logs {
                tick.node().log("info", format!("slots without a shade: {}", missing.join(", ")));
            }
            return None;
        }
        if slots.is_empty() {
            return Some(self.shade.to_string());
        }
        let texts: Vec<_> = slots.iter().filter_map(|slot| self.slots.get(*slot).cloned()).collect();
        Some(slot_shade(&texts).unwrap_or_else(|error| {
            problems.push(error.to_string());
            String::new()
        }))
    }
}

/// The shader, when it is one.
fn shader(tree: &Tree, settings: &Settings) -> Result<(String, Result<(), String>), String> {
    let custom = &settings.custom_shade_wgsl;
    let shade = if custom.is_empty() { Shade::BuiltIn } else { Shade::Text(custom.clone()) };
    let wgsl = compile(tree, settings, &shade).map_err(|error| error.to_string())?;
    let checked = if custom.is_empty() { validate(&wgsl) } else { validate_with(&wgsl, custom) };
    Ok((wgsl, checked.map_err(|error| format!("the shader is no valid WGSL: {error}"))))
}

impl Actor for Scene {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let mut problems = self.remember(tick);
        let Some(root) = self.root.clone() else {
            return if problems.is_empty() { Ok(()) } else { tick.report(Self::OUT_ERROR, problems.join("; ")) };
        };
        let tree = match Tree::read_nested(&root) {
            Ok(tree) => tree,
            Err(error) => return tick.report(Self::OUT_ERROR, error.to_string()),
        };
        let unshadable = problems.len();
        let custom = self.custom_shade(&tree.slots(), tick, &mut problems);
        if let Some(custom) = custom.filter(|custom| !(self.requires_shade && custom.is_empty())) {
            let is_whole = problems.len() == unshadable;
            let settings = self.settings(custom);
            let mut size = 0;
            let mut shown = None;
            match shader(&tree, &settings) {
                Ok((wgsl, checked)) => {
                    size = wgsl.len();
                    shown = (checked.is_ok() && is_whole).then_some(wgsl);
                    problems.extend(checked.err());
                }
                Err(problem) => problems.push(problem),
            }
            let names = tree.references();
            problems.extend(names.iter().map(|name| {
                let name: String = name.chars().take(100).collect();
                format!("the field refers to `{name}`, which nobody supplies: nothing is there")
            }));
            let scene = node([("type", "scene".into()), ("settings", settings.to_value())], vec![("root", root)]);
            let stats = [
                ("nodeCount", tree.len().into()),
                ("usesNoise", tree.uses_noise().into()),
                ("usesSmoothOps", tree.uses_smooth_operations().into()),
                ("shaderSize", size.into()),
            ];
            // Sent, not emitted: what there is goes out also when a problem is told by the failure of the tick.
            if let Some(wgsl) = shown {
                tick.send(Self::OUT_WGSL, Message::from(wgsl));
            }
            tick.send(Self::OUT_SDF, scene);
            tick.send(Self::OUT_STATS, Message::Object(Value::object::<_, Value>(stats)));
        }
        if problems.is_empty() { Ok(()) } else { tick.report(Self::OUT_ERROR, problems.join("; ")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use reflow_component::testing::run;
    use serde_json::{Value as Json, json};

    fn ball(slot: &str) -> Json {
        json!({"type": "material", "material": {"slot": slot}, "child": {"type": "primitive", "primitive": "sphere", "radius": 1}})
    }

    fn plain() -> Json {
        json!({"type": "primitive", "primitive": "sphere", "radius": 1})
    }

    fn text(output: &Json, port: &str) -> String {
        let message = &output[port][0];
        message["data"].as_str().or(message.as_str()).unwrap_or_default().to_string()
    }

    #[test]
    fn entries_that_are_no_numbers_are_those_of_the_default() {
        let config = json!({"lightDir": [0, "x", 1], "background": [1, null, 0], "lightColor": [0.5]});
        let settings = run::<Scene>(config, [json!({"sdf": plain()})])[0]["sdf"][0]["settings"].take();
        let near = |found: &Json, wanted: [f64; 3]| {
            let found = found.as_array().unwrap().iter().map(|part| part.as_f64().unwrap());
            assert!(found.zip(wanted).all(|(a, b)| (a - b).abs() < 1e-6), "{settings}");
        };
        near(&settings["lightDir"], [0.0, 0.577, 1.0]);
        near(&settings["background"], [1.0, 0.1, 0.0]);
        near(&settings["lightColor"], [0.5, 1.0, 1.0]);
    }

    #[test]
    fn a_shape_becomes_a_shader() {
        let outputs = run::<Scene>(json!({}), [json!({"sdf": plain()})]);
        assert!(text(&outputs[0], "wgsl").contains("fn sdf_scene"), "{}", outputs[0]);
        assert_eq!(outputs[0]["stats"][0]["shaderSize"], text(&outputs[0], "wgsl").len());
        assert!(outputs[0].get("error").is_none());
    }

    #[test]
    fn slots_wait_for_their_shades_and_are_put_together() {
        let shade = |slot: &str| {
            let wgsl = format!("fn {slot}(ro: vec3f, rd: vec3f, t: f32) -> vec3f {{ return vec3f(1.0); }}\n");
            json!({"shade": {"slot": slot, "functionName": slot, "wgsl": wgsl}})
        };
        let both = json!({"type": "operation", "op": "union", "left": ball("ice"), "right": ball("gold")});
        let outputs = run::<Scene>(json!({}), [json!({"sdf": both}), shade("gold"), shade("ice")]);
        assert_eq!(outputs[..2], [json!({}), json!({})]);
        let wgsl = text(&outputs[2], "wgsl");
        assert!(wgsl.contains("case 1: { return gold(ro, rd, t); }") && wgsl.contains("sdf_material_id"), "{wgsl}");
        let custom = outputs[2]["sdf"][0]["settings"]["customShadeWgsl"].as_str().unwrap();
        assert!(custom.contains("fn shade_probe("));
    }

    #[test]
    fn what_cannot_be_drawn_is_told_and_the_rest_goes_out() {
        let outputs = run::<Scene>(
            json!({}),
            [
                json!({"sdf": 5}),
                json!({"sdf": plain()}),
                json!({"shade": "fn shade() {"}),
                json!({"shade": 5}),
                json!({"shade": "", "sdf": {"type": "ref", "name": "\"};"}}),
            ],
        );
        assert_eq!(text(&outputs[0], "error"), "invalid SDF on sdf: expected an Object, found Integer");
        assert!(outputs[1].get("error").is_none());
        assert!(text(&outputs[2], "error").starts_with("the shader is no valid WGSL"));
        assert!(outputs[2].get("wgsl").is_none() && outputs[2].get("sdf").is_some());
        assert!(text(&outputs[3], "error").contains("no shade on shade"));
        let last = &outputs[4];
        assert!(last.get("wgsl").is_some() || outputs.len() > 5, "{last}");
    }
}
