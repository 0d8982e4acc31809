//! What programs may ask the pack for, outside of any network.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use reflow_pack_sdk::Value;
use serde_json::{Value as Json, json};

use crate::import::source::{Documents, read_file};
use crate::import::{self, Imported, Options};
use crate::model::Operation;
use crate::{builtin, registry};

/// Folders whose documents are loaded with the pack.
const FOLDERS: &str = "OFFBIT_REFLOW_OPENAPI_PATH";

/// What became of documents in folders, by file.
static LOADED: Mutex<Vec<(String, Result<Json, String>)>> = Mutex::new(Vec::new());

/// Reads a document and makes its operations templates. Arguments: `path` or `document` (itself, or its text), `service`,
/// `base_url`, `auth`, `name`, `category`, `include`, `exclude`, `deprecated`, `replace`, `folder`.
pub(crate) fn load_openapi(arguments: &Value) -> Result<Value, String> {
    let arguments = Json::from(arguments);
    load(&arguments).map(|report| Value::from(&report))
}

fn load(arguments: &Json) -> Result<Json, String> {
    let text = |key: &str| arguments.get(key).and_then(Json::as_str);
    let path = text("path").map(Path::new);
    let options = options(arguments)?;
    let replaces = arguments.get("replace").and_then(Json::as_bool).unwrap_or(false);
    let mut imported = match (path, arguments.get("document").filter(|document| !document.is_null())) {
        (Some(path), _) if path.extension().is_some_and(|extension| extension == "jsonl") => lines(path, &options)?,
        (Some(path), _) => import::import(&Documents::open(path, text("folder").map(Path::new))?, options)
            .map_err(|why| format!("{}: {why}", path.display()))?,
        // As text it keeps the order of its members, which is that of ports.
        (None, Some(Json::String(document))) => {
            import::import(&Documents::of(import::source::parse(document)?)?, options)?
        }
        (None, Some(document)) => import::import(&Documents::of(document.clone())?, options)?,
        (None, None) => return Err("there is no document: give a path or the document itself".into()),
    };
    registry::add(&mut imported, replaces);
    Ok(imported.report())
}

fn options(arguments: &Json) -> Result<Options, String> {
    let text = |key: &str| arguments.get(key).and_then(Json::as_str).map(String::from);
    let list = |key: &str| -> Result<Vec<String>, String> {
        match arguments.get(key) {
            None | Some(Json::Null) => Ok(Vec::new()),
            Some(Json::String(one)) => Ok(vec![one.clone()]),
            Some(Json::Array(items)) => items
                .iter()
                .map(|item| {
                    item.as_str()
                        .map(Into::into)
                        .ok_or_else(|| format!("`{key}` is a list of texts, and {item} is none"))
                })
                .collect(),
            Some(other) => Err(format!("`{key}` is a list of texts, found {other}")),
        }
    };
    let service = text("service").map(|service| service.replace('-', "_").to_ascii_lowercase());
    let auth = arguments.get("auth").filter(|auth| !auth.is_null()).cloned();
    Ok(Options {
        service,
        base_url: text("base_url"),
        name: text("name"),
        category: text("category"),
        auth,
        include: list("include")?,
        exclude: list("exclude")?,
        deprecated: arguments.get("deprecated").and_then(Json::as_bool).unwrap_or(false),
        is_swagger: false,
    })
}

/// A registry in lines: services and operations, as those that come along.
fn lines(path: &Path, options: &Options) -> Result<Imported, String> {
    let said = [
        ("base_url", options.base_url.is_some()),
        ("auth", options.auth.is_some()),
        ("name", options.name.is_some()),
        ("category", options.category.is_some()),
        ("include", !options.include.is_empty()),
        ("exclude", !options.exclude.is_empty()),
    ];
    if let Some((key, _)) = said.iter().find(|(_, is_said)| *is_said) {
        return Err(format!("{}: a registry in lines says `{key}` itself; leave it out", path.display()));
    }
    let found = std::fs::metadata(path).map_err(|error| format!("{}: cannot be read: {error}", path.display()))?;
    if found.len() > import::limits::MOST_BYTES {
        return Err(format!("{}: has more than {} bytes", path.display(), import::limits::MOST_BYTES));
    }
    let text = std::fs::read_to_string(path).map_err(|error| format!("{}: cannot be read: {error}", path.display()))?;
    let operations = builtin::parse(&text, false);
    let service = options.service.clone();
    let wanted: Vec<Operation> = operations
        .iter()
        .filter(|operation| service.as_ref().is_none_or(|service| operation.service.id == *service))
        .map(|operation| (**operation).clone())
        .collect();
    let first = wanted.first().ok_or_else(|| format!("{}: holds no operations in lines", path.display()))?;
    if let Some(other) = wanted.iter().find(|one| one.service.id != first.service.id) {
        return Err(format!(
            "{}: holds more than one service (`{}`, `{}`); say which with `service`",
            path.display(),
            first.service.id,
            other.service.id
        ));
    }
    Ok(Imported { service: Arc::clone(&first.service), operations: wanted, ..Imported::default() })
}

/// Forgets a service that was loaded.
pub(crate) fn unload_service(arguments: &Value) -> Result<Value, String> {
    let service = arguments.get("service").and_then(Value::as_str).ok_or("`service` is missing")?.replace('-', "_");
    match registry::unload(&service) {
        Some(templates) => {
            Ok(Value::object([("service", Value::from(service)), ("templates", (templates as i64).into())]))
        }
        None if builtin::services().contains(&service) => {
            Err(format!("the service `{service}` came along with the pack and stays"))
        }
        None => Err(format!("no service `{service}` was loaded")),
    }
}

/// The services that come along.
pub(crate) fn services(_arguments: &Value) -> Result<Value, String> {
    Ok(Value::array(builtin::services()))
}

/// An operation as data, by the id of its template.
pub(crate) fn describe(arguments: &Value) -> Result<Value, String> {
    let id = arguments.get("id").and_then(Value::as_str).ok_or("`id` is missing")?;
    let operation = registry::find(id).ok_or_else(|| format!("there is no operation `{id}`"))?;
    Ok(Value::from(&operation.describe()))
}

/// What became of the documents in folders.
pub(crate) fn folders(_arguments: &Value) -> Result<Value, String> {
    let loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(Value::object(loaded.iter().map(|(file, outcome)| {
        let told = match outcome {
            Ok(report) => report.clone(),
            Err(why) => json!({"error": why}),
        };
        (file.clone(), Value::from(&told))
    })))
}

/// Loads the documents in the folders that the environment names: the name of a file is the id of its service, and
/// `<name>.reflow.json` beside it says the rest.
pub(crate) fn load_folders() {
    let Some(paths) = std::env::var_os(FOLDERS) else { return };
    let mut outcomes = Vec::new();
    for folder in std::env::split_paths(&paths).filter(|folder| !folder.as_os_str().is_empty()) {
        match documents_in(&folder) {
            Ok(files) => outcomes.extend(files.into_iter().map(|file| (file.display().to_string(), load_file(&file)))),
            Err(why) => outcomes.push((folder.display().to_string(), Err(why))),
        }
    }
    *LOADED.lock().unwrap_or_else(PoisonError::into_inner) = outcomes;
}

fn documents_in(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let entries = std::fs::read_dir(folder).map_err(|error| format!("the folder cannot be read: {error}"))?;
    let is_document = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        let known = [".json", ".yaml", ".yml", ".jsonl"].iter().any(|end| name.ends_with(end));
        known && !name.ends_with(".reflow.json") && !name.starts_with('.') && path.is_file()
    };
    let mut files: Vec<PathBuf> =
        entries.filter_map(Result::ok).map(|entry| entry.path()).filter(is_document).collect();
    files.sort();
    Ok(files)
}

fn load_file(file: &Path) -> Result<Json, String> {
    let stem = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let beside = file.with_file_name(format!("{stem}.reflow.json"));
    let mut arguments = if beside.is_file() { read_file(&beside)? } else { json!({}) };
    let Some(members) = arguments.as_object_mut() else { return Err(format!("{}: is no object", beside.display())) };
    members.insert("path".into(), file.display().to_string().into());
    members.entry("service").or_insert_with(|| crate::naming::service_id(&stem).into());
    if let Some(folder) = file.parent() {
        members.entry("folder").or_insert_with(|| folder.display().to_string().into());
    }
    load(&arguments)
}
