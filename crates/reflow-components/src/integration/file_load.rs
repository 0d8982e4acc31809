//! `tpl_file_load`.

use super::{blocking, file};
use crate::prelude::*;
use crate::read;

/// Reads a file into bytes.
///
/// A packet of any kind on any inport asks for the file at `path`; text on the inport `path` names another one for that time.
/// `output` is the content, `metadata` is `{path, size, mimeType}`, the type being guessed by the extension in any letter case.
/// Relative paths start at the process's directory. Only regular files are read, no pipes and no devices. Reading goes on beside
/// other nodes' work.
///
/// # Errors
///
/// Nothing but an Error leaves when no path is configured (`Missing 'path' in config`), when the file cannot be read (`File read
/// error: …`, with the reason and number of the operating system), and when it has more than `maxBytes` bytes.
#[derive(Component)]
#[component(id = "tpl_file_load", title = "File Load", category = "io", asynchronous, open_ports)]
#[inport(trigger: Any, "Whatever comes asks for the file.")]
#[inport(path: Text, "The file to read this time.")]
#[outport(output: Bytes, "The content.")]
#[outport(metadata: JsonObject, "Path, size and media type.")]
#[outport(error: ErrorText, "Why there is no content.")]
#[example(
    config = r#"{"path": "/no/such/file"}"#,
    steps = r#"[{"trigger": {"type": "Flow"}}]"#,
    outputs = r#"[{"error": [{"type": "Error", "data": "File read error: No such file or directory (os error 2)"}]}]"#
)]
pub(super) struct FileLoad {
    /// The file to read.
    #[config(lenient)]
    path: Option<String>,
    /// The largest file that is read.
    #[config(key = "maxBytes", default = 268_435_456, unit = "bytes", lenient)]
    max_bytes: u64,
}

/// The media type that an extension stands for.
fn media_type(path: &str) -> &'static str {
    let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
    let extension = name.rsplit_once('.').map(|(_, extension)| extension.to_lowercase()).unwrap_or_default();
    match extension.as_str() {
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "webp" => "image/webp",
        "gif" => "image/gif",
        "svg" => "image/svg+xml",
        "bmp" => "image/bmp",
        "tif" | "tiff" => "image/tiff",
        "wav" => "audio/wav",
        "mp3" => "audio/mpeg",
        "ogg" => "audio/ogg",
        "flac" => "audio/flac",
        "mp4" => "video/mp4",
        "webm" => "video/webm",
        "mov" => "video/quicktime",
        "json" => "application/json",
        "pdf" => "application/pdf",
        "zip" => "application/zip",
        "gz" => "application/gzip",
        "wasm" => "application/wasm",
        "xml" => "application/xml",
        "yaml" | "yml" => "application/yaml",
        "toml" => "application/toml",
        "txt" => "text/plain",
        "csv" => "text/csv",
        "html" | "htm" => "text/html",
        "css" => "text/css",
        "js" => "text/javascript",
        "md" => "text/markdown",
        "glb" => "model/gltf-binary",
        "gltf" => "model/gltf+json",
        "obj" => "model/obj",
        "stl" => "model/stl",
        "ttf" => "font/ttf",
        "otf" => "font/otf",
        "woff" => "font/woff",
        "woff2" => "font/woff2",
        _ => "application/octet-stream",
    }
}

#[async_trait]
impl AsyncActor for FileLoad {
    async fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let named = tick.input(Self::IN_PATH).and_then(read::text).map(str::to_string);
        let Some(path) = named.or_else(|| self.path.clone()) else {
            return tick.report(Self::OUT_ERROR, "Missing 'path' in config");
        };
        let (from, max) = (path.clone(), self.max_bytes);
        match blocking(move || file::read(from.as_ref(), max).map_err(|error| format!("File read error: {error}")))
            .await
        {
            Ok(content) => {
                let metadata = [
                    ("path", Value::from(path.as_str())),
                    ("size", content.len().into()),
                    ("mimeType", media_type(&path).into()),
                ];
                tick.emit(Self::OUT_OUTPUT, content);
                tick.emit(Self::OUT_METADATA, Message::object(Value::object(metadata)));
                Ok(())
            }
            Err(text) => tick.report(Self::OUT_ERROR, text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::run;
    use serde_json::json;

    #[test]
    fn a_file_is_read_up_to_its_limit() {
        let path = std::env::temp_dir().join(format!("reflow-load-{}.TXT", std::process::id()));
        std::fs::write(&path, "abc").unwrap();
        let path = path.to_str().unwrap();
        let outputs = run::<FileLoad>(json!({}), [json!({"path": path})]);
        assert_eq!(outputs[0]["output"], json!([{"type": "Bytes", "data": [97, 98, 99]}]));
        assert_eq!(outputs[0]["metadata"], json!([{"path": path, "size": 3, "mimeType": "text/plain"}]));
        let outputs = run::<FileLoad>(json!({"path": path, "maxBytes": 2}), [json!({"trigger": 1})]);
        let text = format!("File read error: {path} has more than 2 bytes");
        assert_eq!(outputs[0], json!({"error": [{"type": "Error", "data": text}]}));
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn devices_and_folders_are_refused() {
        let outputs = run::<FileLoad>(json!({"path": "/dev/zero", "maxBytes": 1000}), [json!({"trigger": 1})]);
        assert_eq!(outputs[0]["error"][0]["data"], "File read error: /dev/zero is no regular file");
        let outputs = run::<FileLoad>(json!({"path": "/tmp"}), [json!({"trigger": 1})]);
        assert_eq!(outputs[0]["error"][0]["data"], "File read error: Is a directory (os error 21)");
    }
}
