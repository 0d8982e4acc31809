//! `tpl_file_save`.

use std::fs;
use std::path::Path;

use super::{blocking, file};
use crate::prelude::*;
use crate::read;

/// Writes messages to a file.
///
/// Every packet replaces the file's content: Bytes are written as they are, text as UTF-8, anything else as JSON with two spaces
/// of indentation, sorted keys and no line end at the end. Then `path` and `metadata`, `{path, size, written}`, are sent. The new
/// content is written to a private file beside it, which then takes its place, so that nobody ever reads half of it; a file that
/// is replaced keeps its mode, and a link is followed. With `append` the content is added to the file instead. Without `sync` the
/// system writes it to the disk when it likes, which a loss of power may come before. A pipe is not written to. When the inport
/// `path` is connected, each packet goes, in order, to the file that its partner there names.
///
/// # Errors
///
/// Nothing but an Error leaves when there is no path (`Missing 'path' in config`), for a packet on another inport (`No data on
/// input port`), and when writing fails (`Failed to create directories: …`, `File write error: …`, with the reason and number
/// of the operating system).
#[derive(Component)]
#[component(id = "tpl_file_save", title = "File Save", category = "io", asynchronous, per_node)]
#[inport(input: Any, required, "What to write.")]
#[inport(path: Text, "The file to write it to.")]
#[outport(path: Text, "The file that was written.")]
#[outport(metadata: JsonObject, "Path and size.")]
#[outport(error: ErrorText, "Why nothing was written.")]
#[example(
    steps = r#"[{"input": "text"}]"#,
    outputs = r#"[{"error": [{"type": "Error", "data": "Missing 'path' in config"}]}]"#
)]
pub(super) struct FileSave {
    /// The file to write.
    #[config(lenient)]
    path: Option<String>,
    /// Make missing parent folders.
    #[config(key = "createDirs", default = true, lenient)]
    create_dirs: bool,
    /// Add to the file instead of replacing its content.
    #[config(lenient)]
    append: bool,
    /// Wait until the content is on the disk.
    #[config(lenient)]
    sync: bool,
}

/// The bytes that a message stands for in a file.
fn content(message: &Message) -> Result<bytes::Bytes, String> {
    Ok(match message {
        Message::Bytes(bytes) | Message::Encoded(bytes) => bytes.to_bytes(),
        Message::String(text) => text.as_bytes().to_vec().into(),
        other => serde_json::to_vec_pretty(&other.to_value()).map_err(|error| error.to_string())?.into(),
    })
}

/// How a file is written.
#[derive(Clone, Copy)]
struct Way {
    create_dirs: bool,
    append: bool,
    sync: bool,
}

fn save(path: &str, content: &[u8], way: Way) -> Result<(), String> {
    let path = Path::new(path);
    if way.create_dirs {
        // Of the path, so that a link can be read, and of what that leads to.
        let failed = |error| format!("Failed to create directories: {error}");
        path.parent().map_or(Ok(()), fs::create_dir_all).map_err(failed)?;
        let target = file::target(path).map_err(failed)?;
        target.parent().map_or(Ok(()), fs::create_dir_all).map_err(failed)?;
    }
    let write = if way.append { file::append } else { file::replace };
    write(path, content, way.sync).map_err(|error| format!("File write error: {error}"))
}

impl FileSave {
    fn firing(&self, connected: &[&str]) -> Firing {
        if connected.contains(&"path") { Firing::all() } else { Firing::Any }
    }

    async fn save(&self, named: Option<String>, message: &Message) -> Result<(String, usize), String> {
        let path = named.or_else(|| self.path.clone()).ok_or("Missing 'path' in config")?;
        let (content, to) = (content(message)?, path.clone());
        let size = content.len();
        let way = Way { create_dirs: self.create_dirs, append: self.append, sync: self.sync };
        blocking(move || save(&to, &content, way)).await?;
        Ok((path, size))
    }
}

#[async_trait]
impl AsyncActor for FileSave {
    async fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let named = tick.input(Self::IN_PATH).map(|message| read::text(message).unwrap_or_default().to_string());
        let Some(message) = tick.take(Self::IN_INPUT) else {
            let text = if self.path.is_none() { "Missing 'path' in config" } else { "No data on input port" };
            return tick.report(Self::OUT_ERROR, text);
        };
        match self.save(named, &message).await {
            Ok((path, size)) => {
                let metadata =
                    [("path", path.as_str().into()), ("size", size.into()), ("written", Value::Boolean(true))];
                tick.emit(Self::OUT_METADATA, Message::object(Value::object(metadata)));
                tick.emit(Self::OUT_PATH, path);
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

    fn folder(name: &str) -> std::path::PathBuf {
        let folder = std::env::temp_dir().join(format!("reflow-save-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        folder
    }

    #[cfg(unix)]
    #[test]
    fn folders_are_made_for_what_a_link_leads_to() {
        let folder = folder("link");
        fs::create_dir_all(&folder).unwrap();
        let link = folder.join("l");
        std::os::unix::fs::symlink("not/there/target", &link).unwrap();
        run::<FileSave>(json!({"path": link.to_str().unwrap()}), [json!({"input": "text"})]);
        assert_eq!(fs::read_to_string(folder.join("not/there/target")).unwrap(), "text");
    }

    #[test]
    fn content_is_replaced_or_added_to() {
        let folder = folder("content");
        let path = folder.join("a/b.txt");
        let config = |append: bool| json!({"path": path.to_str().unwrap(), "append": append});
        let text = |append, input| {
            run::<FileSave>(config(append), [json!({"input": input})]);
            fs::read_to_string(&path).unwrap()
        };
        assert_eq!(text(false, json!("long text")), "long text");
        assert_eq!(text(false, json!({"b": 1, "a": []})), "{\n  \"a\": [],\n  \"b\": 1\n}");
        assert_eq!(text(false, json!("x")), "x");
        assert_eq!(text(true, json!("y")), "xy");
        let names: Vec<_> = fs::read_dir(folder.join("a")).unwrap().collect();
        assert_eq!(names.len(), 1, "nothing is left beside the file");
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn packets_go_to_the_files_of_their_partners() {
        let folder = folder("partners");
        let path = |name: &str| folder.join(name).to_str().unwrap().to_string();
        let steps = [json!({"input": "1", "path": path("a")}), json!({"path": path("b")}), json!({"input": "2"})];
        let outputs = run::<FileSave>(json!({}), steps);
        assert_eq!(outputs[1], json!({}));
        assert_eq!(outputs[2]["path"], json!([path("b")]));
        assert_eq!(fs::read_to_string(path("a")).unwrap() + &fs::read_to_string(path("b")).unwrap(), "12");
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn what_is_no_number_is_written_as_null() {
        assert_eq!(content(&Message::Float(f64::NAN)).unwrap(), "null");
        assert_eq!(content(&Message::Float(2.0)).unwrap(), "2.0");
        assert_eq!(content(&Message::Flow).unwrap(), "\"flow\"");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn pipes_are_refused_instead_of_waited_for() {
        let folder = folder("pipe");
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        for append in [false, true] {
            let config = json!({"path": path.to_str().unwrap(), "append": append});
            let outputs = run::<FileSave>(config, [json!({"input": 1})]);
            let text = format!("File write error: {} is a pipe", path.display());
            assert_eq!(outputs[0]["error"][0]["data"], text);
        }
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn folders_are_not_files() {
        let outputs = run::<FileSave>(json!({"path": "/tmp"}), [json!({"input": 1})]);
        assert_eq!(outputs[0]["error"][0]["data"], "File write error: Is a directory (os error 21)");
    }
}
