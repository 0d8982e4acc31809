//! `tpl_canvas_2d`.

use std::collections::BTreeMap;
use std::sync::Arc;

use reflow_component::prelude::*;
use reflow_runtime::Buffer;

use super::background::{BLACK, Parts};
use super::blend_mode::ModeWord;
use crate::kernels::blend::{Blend, Mode};

/// The most bytes that layers keep.
const MOST_KEPT: usize = 1 << 30;

/// The most pixels of a frame.
const MOST_PIXELS: u64 = 1 << 26;

/// Puts layers of pixels over each other.
///
/// Every inport but `tick` is a layer: its pixels are remembered under the name of the inport, and `tick` makes a frame of all of them.
/// Layers and frames are red, green, blue and alpha, rows from top to bottom. Without `layers`, they are drawn in the order of
/// their names. Layers of another size are left out, and `error` says which.
#[derive(Component)]
#[component(id = "tpl_canvas_2d", title = "Canvas 2D", category = "2d", heavy, open_ports)]
#[inport(tick: Any, required, "Whatever comes asks for a frame.")]
#[inport(background: Bytes, "The pixels behind the layers.")]
#[outport(frame: Bytes, "The pixels.")]
#[outport(metadata: JsonObject, "Width, height and the number of layers.")]
#[outport(error: ErrorText, "Which layers were left out, or why there is no frame.")]
#[example(
    config = r#"{"width": 1, "height": 1}"#,
    steps = r#"[{"glow": {"type": "Bytes", "data": [255, 255, 0, 128]}}, {"tick": 1}]"#,
    outputs = r#"[{}, {"frame": [{"data": [128, 128, 0, 255], "type": "Bytes"}], "metadata": [{"height": 1, "layerCount": 1, "width": 1}]}]"#
)]
pub(super) struct Canvas2d {
    /// Pixels in a row.
    #[config(default = 640, lenient)]
    width: u32,
    /// Rows.
    #[config(default = 360, lenient)]
    height: u32,
    /// The colour behind everything: red, green, blue and perhaps alpha, from 0 to 255.
    #[config(default = Parts::of(BLACK), lenient)]
    background: Parts,
    /// The layers to draw, the lowest first: names, or objects of `name`, `blend` (as of `tpl_blend_mode`) and `opacity`.
    #[config(lenient)]
    layers: Option<Vec<Value>>,
    #[state]
    known: BTreeMap<Arc<str>, Buffer>,
    /// The layers in the order that they are drawn in.
    #[state]
    order: Vec<Layer>,
}

/// A layer that is to be drawn.
struct Layer {
    name: Arc<str>,
    blend: Blend,
}

impl Layer {
    fn new(name: &Arc<str>, mode: Mode, opacity: f32) -> Self {
        Self { name: Arc::clone(name), blend: Blend::new(mode, opacity, false) }
    }
}

impl Actor for Canvas2d {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        for (name, message) in tick.inputs() {
            if let (true, Some(pixels)) = (&*name != "tick", Bytes::read(message)) {
                self.known.insert(name, pixels);
            }
        }
        if self.known.values().map(|pixels| pixels.len()).sum::<usize>() > MOST_KEPT {
            self.known.clear();
            return tick.report(Self::OUT_ERROR, format!("Layers of more than {MOST_KEPT} bytes are not kept"));
        }
        if tick.input(Self::IN_TICK).is_none() {
            return Ok(());
        }
        self.arrange();
        self.draw(tick)
    }
}

impl Canvas2d {
    fn draw(&self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let (width, height) = (self.width, self.height);
        let pixels = u64::from(width) * u64::from(height);
        if pixels == 0 || pixels > MOST_PIXELS {
            return tick.report(Self::OUT_ERROR, format!("A frame of {width} × {height} pixels is empty or too large"));
        }
        let length = pixels as usize * 4;
        let fits = |name: &str| self.known.get(name).filter(|pixels| pixels.len() == length);
        let mut frame = match fits("background") {
            Some(pixels) => pixels.to_vec(),
            None => self.background.or(BLACK).repeat(pixels as usize),
        };
        let mut left_out: Vec<&str> = Vec::new();
        for layer in &self.order {
            match fits(&layer.name) {
                Some(pixels) => layer.blend.apply(&mut frame, pixels),
                None if self.known.contains_key(&layer.name) => left_out.push(&layer.name),
                None => {}
            }
        }
        if self.known.contains_key("background") && fits("background").is_none() {
            left_out.push("background");
        }
        if !left_out.is_empty() {
            let names = left_out.join(", ");
            let text = format!("Left out, since they are not of {width} × {height} pixels: {names}");
            tick.node().log("warning", &*text);
            tick.send(Self::OUT_ERROR, Message::error(text));
        }
        let metadata = Value::object([
            ("width", Value::from(width)),
            ("height", height.into()),
            ("layerCount", self.order.len().into()),
        ]);
        tick.write(Self::OUT_FRAME, frame);
        tick.write(Self::OUT_METADATA, metadata);
        Ok(())
    }

    /// Finds the order: that of the config, worked out once, or that of the names that are known.
    fn arrange(&mut self) {
        match &self.layers {
            Some(entries) if self.order.is_empty() => self.order = entries.iter().filter_map(layer).collect(),
            Some(_) => {}
            None => {
                let names = self.known.keys().filter(|name| &***name != "background");
                self.order = names.map(|name| Layer::new(name, Mode::Normal, 1.0)).collect();
            }
        }
    }
}

/// A layer as the config has it: a name, or an object.
fn layer(entry: &Value) -> Option<Layer> {
    let Value::Object(members) = entry else {
        return Some(Layer::new(&entry.as_str()?.into(), Mode::Normal, 1.0));
    };
    let name = members.get("name")?.as_str()?.into();
    let mode = members.get("blend").and_then(Value::as_str).map_or(Mode::Normal, |word| ModeWord::new(word).mode());
    let opacity = members.get("opacity").and_then(Value::as_number).filter(|opacity| !opacity.is_nan()).unwrap_or(1.0);
    Some(Layer::new(&name, mode, opacity.clamp(0.0, 1.0) as f32))
}

#[cfg(test)]
mod tests {
    use super::*;
    use reflow_component::testing::run;
    use serde_json::json;

    #[test]
    fn layers_of_another_size_are_told() {
        let bytes = |length: usize| json!({"type": "Bytes", "data": vec![255; length]});
        let steps = [json!({"a": bytes(8), "b": bytes(4), "background": bytes(3)}), json!({"tick": 1})];
        let outputs = run::<Canvas2d>(json!({"width": 1, "height": 1}), steps);
        let text = "Left out, since they are not of 1 × 1 pixels: a, background";
        assert_eq!(outputs[1]["error"][0]["data"], text);
        assert_eq!(outputs[1]["frame"][0]["data"], json!([255, 255, 255, 255]));
        let outputs = run::<Canvas2d>(json!({"width": 99999, "height": 99999}), [json!({"tick": 1})]);
        assert_eq!(outputs[0]["error"][0]["data"], "A frame of 99999 × 99999 pixels is empty or too large");
    }
}
