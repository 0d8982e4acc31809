//! The documentation pages, written from the declarations: one a component and an index.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write as _;

use reflow_message::Value;

use crate::declaration::{Declaration, Example, Key};
use crate::firing::{Firing, Source};
use crate::port::Port;

/// The pages of a catalog by file name, `index.md` among them.
pub fn pages(declarations: &[&Declaration]) -> BTreeMap<String, String> {
    let pages = declarations.iter().map(|declaration| (format!("{}.md", declaration.id), page(declaration)));
    pages.chain([("index.md".to_string(), index(declarations))]).collect()
}

/// The page of one component.
pub fn page(declaration: &Declaration) -> String {
    let Declaration { id, title, category, .. } = declaration;
    let mut page = format!("# {title}\n\n`{id}` · {category}\n\n{}\n", declaration.summary());
    if !declaration.body().is_empty() {
        // The doc comment's headings stand below the page's title.
        let body: Vec<_> = declaration.body().lines().map(demoted).collect();
        write(&mut page, format_args!("\n{}\n", body.join("\n")));
    }
    ports(&mut page, "Inports", &declaration.inports);
    kinds(&mut page, "Read", declaration.inports.iter().map(|port| (&port.kind.word, &port.kind.text)));
    write(&mut page, format_args!("\n{}\n", firing(declaration)));
    ports(&mut page, "Outports", &declaration.outports);
    kinds(&mut page, "Sent", declaration.outports.iter().map(|port| (&port.kind.word, &port.kind.made)));
    config(&mut page, &declaration.keys);
    for example in &declaration.examples {
        page.push_str("\n## Example\n\n");
        write(&mut page, format_args!("```python\n{}```\n", python(declaration, example)));
    }
    page
}

/// The page that leads to the others.
fn index(declarations: &[&Declaration]) -> String {
    let mut families: BTreeMap<&str, Vec<&Declaration>> = BTreeMap::new();
    for declaration in declarations {
        families.entry(declaration.category).or_default().push(declaration);
    }
    let mut page = String::from("# Components\n\nEvery component of the bundled catalog, by family.\n");
    for (family, declarations) in families {
        write(&mut page, format_args!("\n## {family}\n\n| component | |\n| --- | --- |\n"));
        for declaration in declarations {
            let id = declaration.id;
            write(&mut page, format_args!("| [`{id}`]({id}.md) | {} |\n", cell(&declaration.summary())));
        }
    }
    page
}

/// Writing into a `String` cannot fail.
fn write(page: &mut String, text: std::fmt::Arguments<'_>) {
    let _ = page.write_fmt(text);
}

fn demoted(line: &str) -> String {
    if line.starts_with('#') { format!("#{line}") } else { line.to_string() }
}

/// Text that stays in one cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

fn ports(page: &mut String, title: &str, ports: &[Port]) {
    if ports.is_empty() {
        return;
    }
    write(page, format_args!("\n## {title}\n\n| port | kind | |\n| --- | --- | --- |\n"));
    for port in ports {
        let required = if port.required { " Required." } else { "" };
        let (name, kind) = (port.name, cell(&port.kind.word));
        write(page, format_args!("| `{name}` | {kind} | {}{required} |\n", cell(port.summary)));
    }
}

/// How messages are read or sent, a line for each kind that has something to say.
fn kinds<'a>(
    page: &mut String,
    how: &str,
    kinds: impl Iterator<Item = (&'a Cow<'static, str>, &'a Cow<'static, str>)>,
) {
    let kinds: BTreeMap<_, _> = kinds.filter(|(_, text)| !text.is_empty()).collect();
    for (word, text) in kinds {
        write(page, format_args!("\n{how} as {word}: {text}.\n"));
    }
}

/// When a tick starts, in words.
fn firing(declaration: &Declaration) -> String {
    let names = |names: &[std::borrow::Cow<'static, str>]| {
        names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
    };
    let mut text = match &declaration.firing {
        _ if declaration.per_node => {
            "When it fires depends on its config and on which inports are connected, as said above.".to_string()
        }
        Firing::Any => "Fires for every packet, on whichever inport.".to_string(),
        Firing::All { latest, .. } if latest.is_empty() => {
            "Fires when every inport has a packet: one of each, in order of arrival.".to_string()
        }
        Firing::All { latest, .. } => {
            format!("Fires when every inport has a packet: one of each, in order, and the newest of {}.", names(latest))
        }
        Firing::Latest => "Fires when every inport has a packet; a newer one replaces one that waits.".to_string(),
        Firing::Required(required) if required.is_empty() => {
            "Fires for every packet, together with the newest one of each other inport.".to_string()
        }
        Firing::Required(required) => {
            format!("Fires when {} have had a packet; the other inports offer their newest one.", names(required))
        }
    };
    match declaration.source {
        Source::No => {}
        Source::ToTheEnd => text += " Runs by itself in a run to the end when nothing feeds it.",
        Source::Yes => text += " Runs by itself when nothing feeds it.",
    }
    text
}

fn config(page: &mut String, keys: &[Key]) {
    if keys.is_empty() {
        return;
    }
    page.push_str("\n## Config\n\n| key | type | default | |\n| --- | --- | --- | --- |\n");
    for key in keys {
        let default = match &key.default {
            None => "required".to_string(),
            Some(Value::Null) => String::new(),
            Some(value) => format!("`{}`", value.to_json_string()),
        };
        let (name, kind) = (key.rule.name, kind(key));
        write(page, format_args!("| `{name}` | {} | {} | {} |\n", cell(&kind), cell(&default), cell(&notes(key))));
    }
    for key in keys {
        let words = ["enum", "examples"].iter().find_map(|list| key.schema.get(list)?.as_array());
        let Some(words) = words else { continue };
        let Some(meanings) = key.schema.get("x-options") else {
            let words: Vec<_> = words.iter().filter_map(Value::as_str).map(|word| format!("`{word}`")).collect();
            write(page, format_args!("\n`{}` is one of {}.\n", key.rule.name, words.join(", ")));
            continue;
        };
        write(page, format_args!("\n`{}` is one of:\n\n", key.rule.name));
        for word in words.iter().filter_map(Value::as_str) {
            let meaning = meanings.get(word).and_then(Value::as_str).unwrap_or_default().replace('\n', " ");
            write(page, format_args!("- `{word}`: {meaning}\n"));
        }
    }
}

/// The type of a key, with its unit and its range.
fn kind(key: &Key) -> String {
    let of = |schema: &Value| schema.get("type").and_then(Value::as_str).map(str::to_string);
    let any = key.schema.get("anyOf").and_then(Value::as_array);
    let any = any.map(|kinds| kinds.iter().filter_map(of).collect::<Vec<_>>().join(" or "));
    let mut kind = of(&key.schema).or(any).unwrap_or_else(|| "any".into());
    if !key.unit.is_empty() {
        write(&mut kind, format_args!(" in {}", key.unit));
    }
    match (key.rule.min, key.rule.max) {
        (Some(min), Some(max)) => write(&mut kind, format_args!(", {min} to {max}")),
        (Some(min), None) => write(&mut kind, format_args!(", at least {min}")),
        (None, Some(max)) => write(&mut kind, format_args!(", at most {max}")),
        (None, None) => {}
    }
    if let Some([low, high]) = key.range {
        write(&mut kind, format_args!(", usually {low} to {high}"));
    }
    kind
}

fn notes(key: &Key) -> String {
    let mut notes = key.summary.to_string();
    if !key.rule.aliases.is_empty() {
        let aliases: Vec<_> = key.rule.aliases.iter().map(|alias| format!("`{alias}`")).collect();
        write(&mut notes, format_args!(" Also called {}.", aliases.join(", ")));
    }
    if key.rule.lenient {
        notes.push_str(" A value that does not fit means the default.");
    }
    notes
}

/// Whether a message is a stream: `{"type": "@stream"}` with its frames under `u8` or `f32`.
fn is_stream(message: &Value) -> bool {
    message.get("type").and_then(Value::as_str) == Some("@stream")
}

/// The frames of a stream, and whether they are samples rather than bytes.
fn frames(stream: &Value) -> (bool, &[Value]) {
    let list = |form| stream.get(form).and_then(Value::as_array);
    list("f32").map_or((false, list("u8").unwrap_or_default()), |frames| (true, frames))
}

/// The lines that write a stream.
fn written(stream: &Value) -> String {
    let (is_sound, frames) = frames(stream);
    let sound = is_sound.then(|| Value::from("audio/raw-pcm-f32"));
    let told = |keys: &[&str]| {
        let said = |key: &str| stream.get(key).or(sound.as_ref().filter(|_| key == "content_type"));
        let members = keys.iter().filter_map(|key| Some(format!("{key}={}", literal(said(key)?))));
        members.collect::<Vec<_>>().join(", ")
    };
    let mut text = format!("stream = Stream.create({})\n", told(&["content_type"]));
    let begin = told(&["content_type", "size_hint", "metadata"]);
    if stream.get("metadata").or(stream.get("size_hint")).is_some() {
        write(&mut text, format_args!("stream.send_begin({begin})\n"));
    }
    for frame in frames {
        let frame = literal(frame);
        let frame = if is_sound { format!("array(\"f\", {frame})") } else { format!("bytes({frame})") };
        write(&mut text, format_args!("stream.send_bytes({frame})\n"));
    }
    text + "stream.end()\n"
}

/// The lines that read a stream from an outport and look at its frames. Samples are compared to the sixth digit.
fn read(port: &str, stream: &Value) -> String {
    let (is_sound, frames) = frames(stream);
    let rounded = |sample: &Value| match sample.as_number() {
        Some(number) => Value::from((number * 1e6).round() / 1e6),
        None => sample.clone(),
    };
    let frame = |frame: &Value| match frame.as_array() {
        Some(samples) if is_sound => Value::array(samples.iter().map(rounded)),
        _ => frame.clone(),
    };
    let wanted = literal(&Value::array(frames.iter().map(frame)));
    let shown = if is_sound {
        "[[round(sample, 6) for sample in array(\"f\", frame)] for frame in frames]"
    } else {
        "[list(frame) for frame in frames]"
    };
    format!(
        "reader = result.outputs[\"{port}\"][0].take_stream()\n\
         frames = [frame[\"data\"] for frame in reader if frame[\"kind\"] == \"data\"]\nassert {shown} == {wanted}\n"
    )
}

/// A Python program that runs the example and checks what comes out.
fn python(declaration: &Declaration, example: &Example) -> String {
    let id = declaration.id;
    let parsed = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_default();
    let (config, steps, outputs) = (parsed(&example.config), parsed(&example.steps), parsed(&example.outputs));
    let inputs = by_port(&steps, |step, port| step.get(port).cloned().into_iter().collect());
    let mut results =
        by_port(&outputs, |step, port| step.get(port).and_then(Value::as_array).unwrap_or_default().to_vec());
    // What an example does not show is not written down.
    results.retain(|_, messages| !messages.is_empty());

    let streams: Vec<_> = inputs.values().flatten().filter(|message| is_stream(message)).cloned().collect();
    let all = || inputs.values().chain(results.values()).flatten();
    let has_samples = all().any(|message| is_stream(message) && frames(message).0);
    let inputs: BTreeMap<_, Vec<_>> =
        inputs.iter().map(|(port, messages)| (port, messages.iter().map(sent).collect())).collect();
    let tagged =
        if inputs.values().flatten().any(|message| message.starts_with("Message.")) { "Message, " } else { "" };
    let with_streams = if streams.is_empty() { "" } else { "Stream, " };
    let mut text = if has_samples { "from array import array\n\n".to_string() } else { String::new() };
    write(&mut text, format_args!("from offbit_reflow import {tagged}Network, {with_streams}template_actor\n\n"));
    for stream in &streams {
        write(&mut text, format_args!("{}\n", written(stream)));
    }
    write(&mut text, format_args!("net = Network()\nnet.register_actor(\"{id}\", template_actor(\"{id}\"))\n"));
    match config.as_object() {
        Some(members) if !members.is_empty() => {
            write(&mut text, format_args!("net.add_node(\"node\", \"{id}\", {})\n", literal(&config)));
        }
        _ => write(&mut text, format_args!("net.add_node(\"node\", \"{id}\")\n")),
    }
    for port in results.keys() {
        write(&mut text, format_args!("net.add_outport(\"{port}\", \"node\", \"{port}\")\n"));
    }
    let is_declared = |name: &String| declaration.inports.iter().any(|port| port.name == name.as_str());
    let by_packet = matches!(declaration.firing, Firing::Any) && !declaration.per_node;
    if by_packet && inputs.len() > 1 && inputs.keys().all(|port| is_declared(port)) {
        // Which packet comes first decides what comes out.
        text.push_str("\nnet.start(collect=True)\n");
        let steps = steps.as_array().unwrap_or_default();
        for (port, message) in steps.iter().filter_map(Value::as_object).flatten() {
            write(&mut text, format_args!("net.send(\"node\", \"{port}\", {})\n", sent(message)));
        }
        text.push_str("net.close_inputs()\nresult = net.wait()\n");
    } else {
        text.push_str("\nresult = net.run({\n");
        for (port, messages) in &inputs {
            write(&mut text, format_args!("    \"node.{port}\": iter([{}]),\n", messages.join(", ")));
        }
        text.push_str("})\n");
    }
    let shown = |message: &Value| {
        let text = literal(plain(message)?);
        let is_bytes = message.get("type").and_then(Value::as_str) == Some("Bytes");
        Some(if is_bytes { format!("bytes({text})") } else { text })
    };
    for (port, messages) in &results {
        if let [stream] = &messages[..]
            && is_stream(stream)
        {
            text.push_str(&read(port, stream));
            continue;
        }
        let plain: Option<Vec<_>> = messages.iter().map(shown).collect();
        match plain {
            Some(plain) => {
                write(&mut text, format_args!("assert result.outputs[\"{port}\"] == [{}]\n", plain.join(", ")));
            }
            None => write(&mut text, format_args!("assert len(result.outputs[\"{port}\"]) == {}\n", messages.len())),
        }
    }
    text
}

/// The messages of all steps by port.
fn by_port(steps: &Value, of: impl Fn(&Value, &str) -> Vec<Value>) -> BTreeMap<String, Vec<Value>> {
    let mut ports: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for step in steps.as_array().unwrap_or_default() {
        for port in step.as_object().into_iter().flat_map(|ports| ports.keys()) {
            ports.entry(port.to_string()).or_default().extend(of(step, port));
        }
    }
    ports
}

/// The members of a message in the tagged form, in order; of another, none.
fn tags(message: &Value) -> &'static [&'static str] {
    let members: Vec<_> = message.as_object().into_iter().flatten().map(|(key, _)| &**key).collect();
    match members[..] {
        // An object with another word is an object.
        ["type"] if message.get("type").and_then(Value::as_str) == Some("Flow") => &["type"],
        ["data", "type"] => &["data", "type"],
        _ => &[],
    }
}

/// A message as a Python program sends it.
fn sent(message: &Value) -> String {
    match tags(message) {
        _ if is_stream(message) => "stream.into_message()".to_string(),
        [] => literal(message),
        ["type"] => "Message.flow()".to_string(),
        _ => format!("Message.from_json({})", literal(message)),
    }
}

/// The plain value of a message as Python sees it; `None` for a Flow, which has none.
fn plain(message: &Value) -> Option<&Value> {
    match tags(message) {
        [] => Some(message),
        _ => message.get("data"),
    }
}

/// JSON as a Python literal.
fn literal(value: &Value) -> String {
    let list = |items: Vec<String>| items.join(", ");
    match value {
        Value::Null => "None".to_string(),
        Value::Boolean(true) => "True".to_string(),
        Value::Boolean(false) => "False".to_string(),
        Value::Array(items) => format!("[{}]", list(items.iter().map(literal).collect())),
        Value::Object(members) => {
            let member = |(key, value): (&std::sync::Arc<str>, &Value)| {
                format!("{}: {}", Value::String(std::sync::Arc::clone(key)).to_json_string(), literal(value))
            };
            format!("{{{}}}", list(members.iter().map(member).collect()))
        }
        other => other.to_json_string(),
    }
}

/// The files of a folder that are not as `pages` have them, and how.
///
/// # Errors
/// When the folder is there and cannot be read.
pub fn stale(
    pages: &BTreeMap<String, String>,
    folder: &std::path::Path,
) -> std::io::Result<Vec<(String, &'static str)>> {
    let mut stale = Vec::new();
    for (file, page) in pages {
        match std::fs::read_to_string(folder.join(file)) {
            Ok(text) if text == *page => {}
            Ok(_) => stale.push((file.clone(), "out of date")),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => stale.push((file.clone(), "missing")),
            Err(error) => return Err(error),
        }
    }
    if folder.is_dir() {
        for entry in std::fs::read_dir(folder)? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            if std::path::Path::new(&name).extension().is_some_and(|extension| extension == "md")
                && !pages.contains_key(&name)
            {
                stale.push((name, "belongs to no component"));
            }
        }
    }
    Ok(stale)
}
