//! `tpl_font_load`.

use std::io::Read;
use std::sync::Arc;

use reflow_assets::Store;
use reflow_component::prelude::*;
use reflow_geometry::kernels::text::font::{family, read};

use super::fonts::{BUILTIN, load};

/// The largest font file.
const LARGEST: u64 = 64 << 20;

/// Loads a font once and sends its bytes.
///
/// Bytes on `font_data` go on as they are. Any other packet reads the file at `path`, or else the asset `font` of the database;
/// `builtin:font` is one that comes along. What was sent is sent again only when `repeat` is set. When nothing could be read,
/// the next packet tries again.
#[derive(Component)]
#[component(id = "tpl_font_load", title = "Font Load", category = "text", blocking, open_ports)]
#[inport("font_data": Bytes, "A font.")]
#[inport(tick: Any, "Whatever comes asks for the font.")]
#[outport("font_data": Bytes, "The font.")]
#[outport(metadata: JsonObject, "Where it comes from, and its size in bytes.")]
#[outport(info: JsonObject, "Its family, the units of an em, and the number of its glyphs.")]
#[outport(error: ErrorText, "Why there is no font, or that what came is none.")]
#[example(
    config = r#"{"font": "ghost:font", "$db": ":memory:docs"}"#,
    steps = r#"[{"tick": 1}]"#,
    outputs = r#"[{"error": [{"type": "Error", "data": "Entity not found: ghost:font"}]}]"#
)]
pub(super) struct FontLoad {
    /// A file, TrueType or OpenType; it counts before `font`.
    #[config(lenient)]
    path: Option<String>,
    /// The id of an asset.
    #[config(lenient)]
    font: Option<String>,
    /// The directory of the database.
    #[config(key = "$db", lenient)]
    database: Option<String>,
    /// Whether packets after the first get the font again.
    #[config(default = false, lenient)]
    repeat: bool,
    #[state]
    loaded: Option<Loaded>,
}

/// A font that was sent.
struct Loaded {
    bytes: reflow_message::Buffer,
    source: Arc<str>,
}

impl Actor for FontLoad {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        if let Some(bytes) = tick.read(Self::IN_FONT_DATA) {
            return self.send(tick, Loaded { bytes, source: "font_data".into() });
        }
        match self.loaded.take() {
            Some(loaded) if self.repeat => self.send(tick, loaded),
            Some(loaded) => {
                self.loaded = Some(loaded);
                Ok(())
            }
            None => match self.load() {
                Ok(loaded) => self.send(tick, loaded),
                Err(problem) => tick.report(Self::OUT_ERROR, problem),
            },
        }
    }
}

impl FontLoad {
    fn load(&self) -> Result<Loaded, String> {
        let (bytes, source) = match (&self.path, &self.font, &self.database) {
            (Some(path), ..) => (file(path)?, path),
            (None, Some(font), None) if font == BUILTIN => (reflow_geometry::kernels::text::font::SANS.to_vec(), font),
            (None, Some(font), Some(database)) => {
                let store = Store::open(database).map_err(|error| error.to_string())?;
                (load(&store, font).map_err(|error| error.to_string())?, font)
            }
            (None, Some(_), None) => return Err("A font asset needs `$db`".to_string()),
            (None, None, _) => return Err("Neither `path` nor `font` is configured".to_string()),
        };
        Ok(Loaded { bytes: bytes.into(), source: source.as_str().into() })
    }

    fn send(&mut self, tick: &mut Tick<'_>, loaded: Loaded) -> Result<(), Failure> {
        let is_file = &*loaded.source != "font_data";
        match read(&loaded.bytes) {
            Ok(face) => {
                let info = Value::object([
                    ("family", Value::from(family(&face))),
                    ("unitsPerEm", face.units_per_em().into()),
                    ("glyphCount", u32::from(face.number_of_glyphs()).into()),
                ]);
                tick.write(Self::OUT_INFO, info);
            }
            // Bytes that came are passed on as they are; a source that gives something else is at fault.
            Err(error) if is_file => return tick.report(Self::OUT_ERROR, error.to_string()),
            Err(error) => {
                tick.node().log("warning", error.to_string());
                tick.send(Self::OUT_ERROR, Message::error(error.to_string()));
            }
        }
        if is_file || read(&loaded.bytes).is_ok() {
            let size = loaded.bytes.len();
            let metadata =
                Value::object([("source", Value::String(Arc::clone(&loaded.source))), ("size", size.into())]);
            tick.write(Self::OUT_METADATA, metadata);
        }
        tick.write(Self::OUT_FONT_DATA, loaded.bytes.clone());
        self.loaded = Some(loaded);
        Ok(())
    }
}

fn file(path: &str) -> Result<Vec<u8>, String> {
    let told = |error: std::io::Error| format!("Cannot read `{path}`: {error}");
    let mut bytes = Vec::new();
    std::fs::File::open(path).map_err(told)?.take(LARGEST + 1).read_to_end(&mut bytes).map_err(told)?;
    if bytes.len() as u64 > LARGEST { Err(format!("`{path}` is larger than {LARGEST} bytes")) } else { Ok(bytes) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use reflow_component::testing::run;
    use serde_json::json;

    #[test]
    fn a_font_is_sent_once_unless_it_is_asked_for_again() {
        let steps = [json!({"tick": 1}), json!({"tick": 1})];
        let outputs = run::<FontLoad>(json!({"font": "builtin:font"}), steps.clone());
        assert_eq!(outputs[0]["info"][0]["family"], "DejaVu Sans");
        assert_eq!(outputs[0]["metadata"][0]["source"], "builtin:font");
        assert_eq!(outputs[1], json!({}));
        let outputs = run::<FontLoad>(json!({"font": "builtin:font", "repeat": true}), steps);
        assert_eq!(outputs[0], outputs[1]);
    }

    #[test]
    fn what_is_no_font_is_told() {
        for (config, text) in [
            (json!({}), "Neither `path` nor `font` is configured"),
            (json!({"font": "a:font"}), "A font asset needs `$db`"),
            (json!({"path": "Cargo.toml"}), "The bytes are no font that can be read (TrueType or OpenType)"),
        ] {
            let outputs = run::<FontLoad>(config, [json!({"tick": 1})]);
            assert_eq!(outputs[0]["error"][0]["data"], text);
        }
        let bytes = json!({"font_data": {"type": "Bytes", "data": [1, 2, 3]}});
        let outputs = run::<FontLoad>(json!({}), [bytes]);
        assert_eq!(outputs[0]["font_data"][0]["data"], json!([1, 2, 3]));
        assert!(outputs[0]["error"][0]["data"].is_string());
    }
}
