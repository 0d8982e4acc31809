//! `tpl_canvas_2d`.

use std::collections::BTreeMap;
use std::sync::Arc;

use reflow_component::prelude::*;
use reflow_message::Buffer;

use super::color::bytes;
use crate::kernels::blend::{Blend, over};

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
    #[config(default = [0, 0, 0, 255].map(Value::from).to_vec(), lenient)]
    background: Vec<Value>,
    /// The layers to draw, the lowest first: names, or objects of `name`, `blend` (as of `tpl_blend_mode`) and `opacity`.
    #[config(lenient)]
    layers: Option<Vec<Value>>,
    #[state]
    known: BTreeMap<Arc<str>, Buffer>,
}

/// A layer that is to be drawn.
struct Layer {
    name: Arc<str>,
    blend: Blend,
    opacity: f32,
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
        if tick.input(Self::IN_TICK).is_some() { self.draw(tick) } else { Ok(()) }
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
            None => bytes(&self.background).repeat(pixels as usize),
        };
        let layers = self.layers();
        let mut left_out: Vec<&str> = Vec::new();
        for layer in &layers {
            match fits(&layer.name) {
                Some(pixels) => over(&mut frame, pixels, layer.blend, layer.opacity),
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
            ("layerCount", layers.len().into()),
        ]);
        tick.write(Self::OUT_FRAME, frame);
        tick.write(Self::OUT_METADATA, metadata);
        Ok(())
    }

    fn layers(&self) -> Vec<Layer> {
        let plain = |name: &Arc<str>| Layer { name: Arc::clone(name), blend: Blend::Normal, opacity: 1.0 };
        let Some(listed) = &self.layers else {
            return self.known.keys().filter(|name| &***name != "background").map(plain).collect();
        };
        let listed = listed.iter().filter_map(|entry| match entry {
            Value::String(name) => Some(plain(name)),
            Value::Object(members) => {
                let name: Arc<str> = members.get("name")?.as_str()?.into();
                let blend = members.get("blend").and_then(Value::as_str).map_or(Blend::Normal, Blend::of_name);
                let opacity = members.get("opacity").and_then(Value::as_number).unwrap_or(1.0);
                let opacity = if opacity.is_nan() { 1.0 } else { opacity.clamp(0.0, 1.0) as f32 };
                Some(Layer { name, blend, opacity })
            }
            _ => None,
        });
        listed.collect()
    }
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
