//! The body of a request: JSON, forms, parts, or what comes as it is.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::style;
use super::value::{Part, Values, plain};
use crate::auth::Grant;
use crate::error::Refusal;
use crate::model::{Operation, Parameter, Place, Type, is_json};

/// The largest file that is sent.
const MOST_BYTES: u64 = 512 << 20;

/// The body and its media type; both are empty when there is none.
pub(super) fn write(
    operation: &Operation,
    values: &Values,
    grants: &[Grant],
) -> Result<(Vec<u8>, Option<String>), Refusal> {
    let of_grants = || {
        grants.iter().filter_map(|grant| match grant {
            Grant::Body(name, value) => Some((name, value)),
            _ => None,
        })
    };
    if operation.graphql.is_some() || operation.service.is_graphql {
        return Ok((crate::graphql::body(operation, values).into_bytes(), Some("application/json".into())));
    }
    let raw = values.of(operation, |place| place == Place::Raw).next();
    let has_members = values.of(operation, |place| matches!(place, Place::Body | Place::Form)).next().is_some();
    let content_type = operation.body.as_ref().map_or("application/json", |body| body.content_type.as_str());
    let is_form = operation.parameters.iter().any(|parameter| parameter.place == Place::Form);
    if let Some((parameter, part)) = raw
        && !(is_json(content_type) && has_members)
    {
        return whole(parameter, part, content_type).map(|body| (body, Some(content_type.into())));
    }
    if is_form {
        let fields = values.of(operation, |place| place == Place::Form);
        if operation.body.as_ref().is_some_and(crate::model::Body::is_multipart)
            || operation
                .parameters
                .iter()
                .any(|parameter| parameter.place == Place::Form && parameter.kind == Type::File)
        {
            return multipart(fields, of_grants());
        }
        let mut pairs = Vec::new();
        for (parameter, part) in fields {
            pairs.extend(style::query(parameter, part)?);
        }
        for (name, value) in of_grants() {
            pairs.push(format!("{}={}", super::encode(name, false), super::encode(value, false)));
        }
        return Ok((pairs.join("&").into_bytes(), Some("application/x-www-form-urlencoded".into())));
    }
    let mut members = match raw {
        Some((_, Part::Json(Value::Object(members)))) => members.clone(),
        _ => Map::new(),
    };
    for (parameter, part) in values.of(operation, |place| place == Place::Body) {
        members.insert(parameter.name.clone(), json(parameter, part)?);
    }
    for (name, value) in of_grants() {
        // Who says it with a packet means it.
        members.entry(name.clone()).or_insert_with(|| Value::from(value.as_str()));
    }
    let has_body = operation.body.as_ref().is_some_and(|body| body.required && body.is_json())
        || operation.parameters.iter().any(|parameter| parameter.place == Place::Body && parameter.required);
    if members.is_empty() && !has_body {
        return Ok((Vec::new(), None));
    }
    Ok((Value::Object(members).to_string().into_bytes(), Some(content_type.into())))
}

fn json(parameter: &Parameter, part: &Part) -> Result<Value, Refusal> {
    match part {
        Part::Json(value) => Ok(value.clone()),
        Part::Bytes(bytes) if parameter.kind == Type::File => Ok(STANDARD.encode(bytes).into()),
        Part::Bytes(_) => {
            let why = format!("`{}`: bytes cannot stand in a JSON body", parameter.port);
            Err(Refusal::invalid(why, vec![parameter.port.clone()]))
        }
    }
}

/// A body that comes as it is.
fn whole(parameter: &Parameter, part: &Part, content_type: &str) -> Result<Vec<u8>, Refusal> {
    match part {
        Part::Bytes(bytes) => Ok(bytes.to_vec()),
        // Text that is JSON already is not quoted once more, where an object or a list is expected.
        Part::Json(Value::String(text)) if is_json(content_type) => {
            let is_written = matches!(parameter.kind, Type::Any | Type::Object | Type::Array)
                && serde_json::from_str::<Value>(text).is_ok_and(|value| value.is_object() || value.is_array());
            Ok(if is_written { text.clone() } else { Value::from(text.as_str()).to_string() }.into_bytes())
        }
        Part::Json(value) if is_json(content_type) => Ok(value.to_string().into_bytes()),
        Part::Json(value @ Value::Object(members)) => match file(parameter, members)? {
            Some(file) => Ok(file.content),
            None => Ok(value.to_string().into_bytes()),
        },
        Part::Json(value) => Ok(plain(value).into_bytes()),
    }
}

/// Something that is sent as a file.
struct File {
    name: String,
    content_type: Option<String>,
    content: Vec<u8>,
}

/// The file that an object describes: `filename`, `contentType`, and `data` (text, base64 with `"encoding": "base64"`, or a list of
/// bytes) or `path`.
fn file(parameter: &Parameter, members: &Map<String, Value>) -> Result<Option<File>, Refusal> {
    let text = |key: &str| members.get(key).and_then(Value::as_str);
    let refused = |why: String| Refusal::invalid(format!("`{}`: {why}", parameter.port), vec![parameter.port.clone()]);
    let content_type = text("contentType").or_else(|| text("content_type")).map(Into::into);
    if let Some(path) = text("path").filter(|_| !members.contains_key("data")) {
        let mut file = read(Path::new(path)).map_err(refused)?;
        file.content_type = content_type;
        if let Some(name) = text("filename") {
            file.name = name.into();
        }
        return Ok(Some(file));
    }
    let content = match members.get("data") {
        Some(Value::String(data)) if text("encoding") == Some("base64") => {
            STANDARD.decode(data.trim()).map_err(|error| refused(format!("`data` is no base64: {error}")))?
        }
        Some(Value::String(data)) => data.clone().into_bytes(),
        Some(Value::Array(items)) => {
            let bytes: Option<Vec<u8>> =
                items.iter().map(|item| item.as_u64().and_then(|byte| u8::try_from(byte).ok())).collect();
            bytes.ok_or_else(|| refused("`data` is a list of other things than bytes".into()))?
        }
        _ => return Ok(None),
    };
    let name = text("filename").unwrap_or(&parameter.name).to_string();
    Ok(Some(File { name, content_type, content }))
}

fn read(path: &Path) -> Result<File, String> {
    let told = |error: std::io::Error| format!("the file {} cannot be read: {error}", path.display());
    let found = fs::metadata(path).map_err(told)?;
    if !found.is_file() || found.len() > MOST_BYTES {
        return Err(format!("{} is no file of at most {MOST_BYTES} bytes", path.display()));
    }
    let name = path.file_name().map_or_else(|| "file".into(), |name| name.to_string_lossy().into_owned());
    Ok(File { name, content_type: None, content: fs::read(path).map_err(told)? })
}

fn multipart<'a>(
    fields: impl Iterator<Item = (&'a Parameter, &'a Part)>,
    grants: impl Iterator<Item = (&'a String, &'a String)>,
) -> Result<(Vec<u8>, Option<String>), Refusal> {
    let boundary = boundary();
    let mut body = Vec::new();
    for (parameter, part) in fields {
        match part {
            Part::Bytes(bytes) => {
                let file = File { name: parameter.name.clone(), content_type: None, content: bytes.to_vec() };
                add(&mut body, &boundary, parameter, Some(&file), &[], None);
            }
            Part::Json(Value::Array(items)) if parameter.content_type.is_none() => {
                for item in items {
                    add_value(&mut body, &boundary, parameter, item)?;
                }
            }
            Part::Json(value) => add_value(&mut body, &boundary, parameter, value)?,
        }
    }
    for (name, value) in grants {
        let parameter = Parameter::new(name.clone(), Place::Form, Type::Text, false);
        add(&mut body, &boundary, &parameter, None, value.as_bytes(), None);
    }
    body.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    Ok((body, Some(format!("multipart/form-data; boundary={boundary}"))))
}

fn add_value(body: &mut Vec<u8>, boundary: &str, parameter: &Parameter, value: &Value) -> Result<(), Refusal> {
    let described = value.as_object().map(|members| file(parameter, members)).transpose()?.flatten();
    if let Some(file) = described {
        add(body, boundary, parameter, Some(&file), &[], None);
        return Ok(());
    }
    // A text for a file is the path of one, if there is such a file.
    if let (Type::File, Value::String(text)) = (parameter.kind, value)
        && Path::new(text).is_file()
    {
        let read = read(Path::new(text))
            .map_err(|why| Refusal::invalid(format!("`{}`: {why}", parameter.port), vec![parameter.port.clone()]))?;
        add(body, boundary, parameter, Some(&read), &[], None);
        return Ok(());
    }
    if parameter.kind == Type::File {
        let file = File {
            name: parameter.name.clone(),
            content_type: Some("text/plain".into()),
            content: plain(value).into_bytes(),
        };
        add(body, boundary, parameter, Some(&file), &[], None);
        return Ok(());
    }
    let is_structured = value.is_object() || value.is_array();
    let kind = parameter.content_type.as_deref().or(is_structured.then_some("application/json"));
    add(body, boundary, parameter, None, plain(value).as_bytes(), kind);
    Ok(())
}

fn add(
    body: &mut Vec<u8>,
    boundary: &str,
    parameter: &Parameter,
    file: Option<&File>,
    content: &[u8],
    content_type: Option<&str>,
) {
    // As browsers write names, so that none of them ends the header.
    let quoted = |text: &str| text.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A");
    let mut head = format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{}\"", quoted(&parameter.name));
    if let Some(file) = file {
        head += &format!("; filename=\"{}\"", quoted(&file.name));
    }
    let of_file = file.map(|file| {
        let said = file.content_type.as_deref().or(parameter.content_type.as_deref());
        said.unwrap_or("application/octet-stream")
    });
    if let Some(kind) = of_file.or(content_type) {
        head += &format!("\r\nContent-Type: {}", kind.replace(['\r', '\n'], " "));
    }
    body.extend_from_slice(head.as_bytes());
    body.extend_from_slice(b"\r\n\r\n");
    body.extend_from_slice(file.map_or(content, |file| &file.content));
    body.extend_from_slice(b"\r\n");
}

/// A line that stands in no content.
fn boundary() -> String {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
    let seed = format!("{now}-{}-{}", NUMBER.fetch_add(1, Ordering::Relaxed), std::process::id());
    let digest = crate::auth::sigv4::hex(&crate::auth::sigv4::mac(b"boundary", seed.as_bytes()));
    format!("reflow-{}", &digest[..32])
}
