//! The operations that come along, read a service at a time.

use std::collections::HashMap;
use std::io::Read;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use flate2::read::DeflateDecoder;
use serde_json::Value;

use crate::auth::Scheme;
use crate::model::{Body, Graphql, Operation, Parameter, Place, Service, Style, Type};

static BLOCKS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/operations.bin"));
static INDEX: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/index.bin"));

/// What is there, by service.
struct Index {
    services: Vec<Indexed>,
    by_name: HashMap<String, usize>,
}

struct Indexed {
    id: String,
    at: usize,
    packed: usize,
    size: usize,
    /// The ids of its templates.
    ids: Vec<String>,
}

static CONTENTS: LazyLock<Index> = LazyLock::new(|| {
    let text = String::from_utf8(inflate(INDEX, 0)).unwrap_or_default();
    let mut services = Vec::new();
    for block in text.split("\n\n") {
        let mut lines = block.lines();
        let Some(head) = lines.next() else { continue };
        let mut words = head.split(' ');
        let id = words.next().unwrap_or_default().to_string();
        let mut number = || words.next().and_then(|word| word.parse().ok()).unwrap_or(0);
        let (at, packed, size) = (number(), number(), number());
        let ids = lines.flat_map(|line| line.split(' ')).map(Into::into).collect();
        services.push(Indexed { id, at, packed, size, ids });
    }
    let by_name = services.iter().enumerate().map(|(place, service)| (service.id.clone(), place)).collect();
    Index { services, by_name }
});

/// Services that were read. They are small, and stay.
static READ: Mutex<Option<HashMap<String, Arc<Vec<Arc<Operation>>>>>> = Mutex::new(None);

fn inflate(bytes: &[u8], size: usize) -> Vec<u8> {
    let mut text = Vec::with_capacity(size);
    // What was packed here can be unpacked.
    let _ = DeflateDecoder::new(bytes).read_to_end(&mut text);
    text
}

/// The ids of all templates that come along.
pub(crate) fn ids() -> Vec<String> {
    CONTENTS.services.iter().flat_map(|service| service.ids.iter().cloned()).collect()
}

/// The ids of all services that come along.
pub(crate) fn services() -> Vec<String> {
    CONTENTS.services.iter().map(|service| service.id.clone()).collect()
}

/// Whether a template of this id comes along.
pub(crate) fn has(id: &str) -> bool {
    services_of(id).any(|service| service.ids.iter().any(|known| known == id))
}

/// The services whose templates may have this id.
fn services_of(id: &str) -> impl Iterator<Item = &'static Indexed> + use<'_> {
    let rest = id.strip_prefix("api_").unwrap_or_default();
    CONTENTS
        .services
        .iter()
        .filter(move |service| rest.strip_prefix(service.id.as_str()).is_some_and(|rest| rest.starts_with('_')))
}

/// The operation that a template stands for.
pub(crate) fn find(id: &str) -> Option<Arc<Operation>> {
    services_of(id).filter_map(|service| operations(&service.id)).find_map(|operations| {
        operations.iter().find(|operation| operation.ids.iter().any(|known| known == id)).cloned()
    })
}

/// The operations of a service.
pub(crate) fn operations(service: &str) -> Option<Arc<Vec<Arc<Operation>>>> {
    let place = *CONTENTS.by_name.get(service)?;
    let indexed = &CONTENTS.services[place];
    let mut read = READ.lock().unwrap_or_else(PoisonError::into_inner);
    let read = read.get_or_insert_default();
    if let Some(known) = read.get(service) {
        return Some(Arc::clone(known));
    }
    let bytes = BLOCKS.get(indexed.at..indexed.at + indexed.packed)?;
    let text = String::from_utf8(inflate(bytes, indexed.size)).unwrap_or_default();
    let operations = Arc::new(parse(&text, true));
    read.insert(service.into(), Arc::clone(&operations));
    Some(operations)
}

/// A seed: an operation that names of a document give way to.
pub(crate) struct Seed {
    pub(crate) id: String,
    pub(crate) method: String,
    pub(crate) path: String,
}

/// The seeds of a service.
pub(crate) fn seeds(service: &str) -> Vec<Seed> {
    let operations = operations(service).unwrap_or_default();
    let seeds = operations.iter().filter(|operation| operation.tags.iter().any(|tag| tag == "seed"));
    seeds
        .map(|operation| Seed {
            id: operation.id().into(),
            method: operation.method.clone(),
            path: operation.path.clone(),
        })
        .collect()
}

/// Reads lines: a service, then its operations.
pub(crate) fn parse(text: &str, is_built_in: bool) -> Vec<Arc<Operation>> {
    let mut service = Arc::new(Service::default());
    let mut document_url = None;
    let mut operations = Vec::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let Ok(value) = serde_json::from_str::<Value>(line) else { continue };
        if value.is_object() {
            service = Arc::new(read_service(&value));
            document_url = value.get("document_url").and_then(Value::as_str).map(String::from);
        } else if let Some(mut operation) = read_operation(&service, &value) {
            operation.is_built_in = is_built_in;
            if !operation.tags.iter().any(|tag| tag == "seed") {
                operation.base_url = document_url.clone();
            }
            operations.push(Arc::new(operation));
        }
    }
    operations
}

fn read_service(said: &Value) -> Service {
    let text = |key: &str| said.get(key).and_then(Value::as_str).unwrap_or_default().to_string();
    let (id, base_url) = (text("service"), text("base_url"));
    let variables = crate::model::placeholders(&base_url).into_iter().map(|name| (name.to_string(), None)).collect();
    let auth = said.get("auth").map(|auth| Scheme::from_value(&id, auth));
    Service {
        auth: auth.and_then(Result::ok).unwrap_or_default(),
        name: text("name"),
        category: text("category"),
        variables,
        is_graphql: said.get("graphql").is_some(),
        id,
        base_url,
    }
}

/// `[id, canonical id or null, method, path, [[name, place and type], …], {more}]`.
fn read_operation(service: &Arc<Service>, said: &Value) -> Option<Operation> {
    let text = |index: usize| said.get(index).and_then(Value::as_str);
    let more = said.get(5);
    let of = |key: &str| more.and_then(|more| more.get(key));
    let content_type = of("body").and_then(Value::as_str);
    let mut operation = Operation {
        service: Arc::clone(service),
        ids: [text(0), text(1)].into_iter().flatten().map(Into::into).collect(),
        method: text(2)?.into(),
        path: text(3)?.into(),
        parameters: said.get(4)?.as_array()?.iter().filter_map(read_parameter).collect(),
        body: content_type.map(|kind| Body { content_type: kind.into(), required: false }),
        graphql: of("graphql").and_then(Value::as_array).map(|parts| Graphql {
            operation_name: parts.first().and_then(Value::as_str).unwrap_or_default().into(),
            query: parts.get(1).and_then(Value::as_str).map(Into::into),
        }),
        headers: of("headers")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(|pair| Some((pair.get(0)?.as_str()?.into(), pair.get(1)?.as_str()?.into())))
            .collect(),
        tags: of("seed").map(|_| "seed".to_string()).into_iter().collect(),
        ..Operation::default()
    };
    if operation.body.is_none() {
        let has = |place: Place| operation.parameters.iter().any(|parameter| parameter.place == place);
        if has(Place::Form) {
            let has_file = operation.parameters.iter().any(|parameter| parameter.kind == Type::File);
            let kind = if has_file { "multipart/form-data" } else { "application/x-www-form-urlencoded" };
            operation.body = Some(Body { content_type: kind.into(), required: false });
        } else if has(Place::Body) || has(Place::Raw) {
            operation.body = Some(Body { content_type: "application/json".into(), required: false });
        }
    }
    // Objects in forms are written with brackets, as the services that have them read them.
    for parameter in &mut operation.parameters {
        if parameter.place == Place::Form && parameter.kind == Type::Object {
            parameter.style = Style::Deep;
        }
        if service.id == "aws_s3" && parameter.place == Place::Path {
            parameter.allow_reserved = true;
        }
    }
    if operation.graphql.is_some() || service.is_graphql {
        for parameter in crate::graphql::parameters() {
            if !operation.parameters.iter().any(|known| known.port == parameter.port) {
                operation.parameters.push(parameter);
            }
        }
    }
    operation.summary = format!("{} {}", operation.method, operation.path);
    operation.settle();
    Some(operation)
}

fn read_parameter(said: &Value) -> Option<Parameter> {
    let name = said.get(0)?.as_str()?;
    let mut signs = said.get(1)?.as_str()?.chars();
    let place = match signs.next()? {
        'p' => Place::Path,
        'h' => Place::Header,
        'c' => Place::Cookie,
        'b' => Place::Body,
        'f' => Place::Form,
        'r' => Place::Raw,
        _ => Place::Query,
    };
    let kind = match signs.next()? {
        's' => Type::Text,
        'i' => Type::Integer,
        'n' => Type::Number,
        'b' => Type::Boolean,
        'a' => Type::Array,
        'o' => Type::Object,
        'f' => Type::File,
        _ => Type::Any,
    };
    Some(Parameter::new(name, place, kind, signs.next() == Some('!')))
}

/// The path without what the address says already: documents name versions that the address of the service names too.
pub(crate) fn without_overlap<'a>(base: &str, path: &'a str) -> &'a str {
    let (_, base_path) =
        base.split_once("://").map_or(("", base), |(_, rest)| rest.split_once('/').unwrap_or((rest, "")));
    if base_path.is_empty() {
        return path;
    }
    let inner = path.strip_prefix('/').unwrap_or(path);
    match inner.strip_prefix(base_path) {
        Some(rest) if rest.is_empty() || rest.starts_with('/') => rest,
        _ => path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_comes_along_can_be_read() {
        let (mut operations_there, mut ids_there) = (0, 0);
        for service in services() {
            for operation in operations(&service).unwrap().iter() {
                operations_there += 1;
                ids_there += operation.ids.len();
                assert_eq!(find(operation.id()).unwrap().path, operation.path);
                for name in operation.placeholders() {
                    assert!(operation.parameters.iter().any(|one| one.place == Place::Path && one.name == name));
                }
            }
        }
        assert_eq!((services().len(), operations_there), (88, 3_307));
        assert_eq!(ids_there, ids().len());
        assert!(has("api_github_create_issue") && !has("api_github_nothing"));
        assert_eq!(without_overlap("https://a/2010", "/2010/b"), "/b");
        assert_eq!(without_overlap("https://a/v1", "/v10/b"), "/v10/b");
        assert_eq!(without_overlap("https://a", "/b"), "/b");
    }
}
