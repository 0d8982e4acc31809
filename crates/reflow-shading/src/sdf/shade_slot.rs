//! `tpl_sdf_shade_slot`.

use reflow_component::prelude::*;

use crate::kernels::sdf::{defines, is_identifier};

/// Says which material slot a shade is for.
///
/// A shade is WGSL of the component `tpl_shader_compiler`, whose `shadeName` is the `functionName` here. A text that does not
/// define the function is passed on, and told on `error`.
#[derive(Component)]
#[component(id = "tpl_sdf_shade_slot", title = "SDF Shade Slot", category = "sdf")]
#[inport(shade: Text, required, "The shade.")]
#[outport(shade: JsonObject, "The shade with its slot, for `tpl_sdf_scene`.")]
#[outport(error: ErrorText, "What is wrong with it.")]
#[example(
    config = r#"{"slot": "ice", "functionName": "ice"}"#,
    steps = r#"[{"shade": "fn ice(ro: vec3f, rd: vec3f, t: f32) -> vec3f { return vec3f(1.0); }"}]"#,
    outputs = r#"[{"shade": [{"slot": "ice", "functionName": "ice", "wgsl": "fn ice(ro: vec3f, rd: vec3f, t: f32) -> vec3f { return vec3f(1.0); }"}]}]"#
)]
pub(super) struct ShadeSlot {
    /// The slot, as `tpl_sdf_material` names it.
    #[config(lenient)]
    slot: Option<String>,
    /// The function in the text.
    #[config(key = "functionName", lenient)]
    function: Option<String>,
}

impl Actor for ShadeSlot {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let Some(Message::String(text)) = tick.input(Self::IN_SHADE).cloned() else { return Ok(()) };
        let (Some(slot), Some(function)) = (&self.slot, &self.function) else {
            let key = if self.slot.is_none() { "slot" } else { "functionName" };
            return tick.report(Self::OUT_ERROR, format!("config `{key}`: is required"));
        };
        if !is_identifier(function) {
            let shown: String = function.chars().take(100).collect();
            let text = format!("config `functionName`: `{shown}` is no name of a WGSL function");
            return tick.report(Self::OUT_ERROR, text);
        }
        let problem = format!("the text does not define `fn {function}`");
        let is_defined = defines(&text, function);
        let members =
            [("slot", slot.as_str().into()), ("functionName", function.as_str().into()), ("wgsl", text.into())];
        // Also sent when the tick fails because nobody hears of the problem.
        tick.send(Self::OUT_SHADE, Message::Object(Value::object::<_, Value>(members)));
        if is_defined { Ok(()) } else { tick.report(Self::OUT_ERROR, problem) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use reflow_component::testing::run;
    use serde_json::json;

    #[test]
    fn names_that_are_none_are_told() {
        let config = json!({"slot": "ice", "functionName": "a b"});
        let outputs = run::<ShadeSlot>(config, [json!({"shade": "fn a() {}"})]);
        assert_eq!(outputs[0]["error"][0]["data"], "config `functionName`: `a b` is no name of a WGSL function");
        assert!(outputs[0].get("shade").is_none());
    }
}
