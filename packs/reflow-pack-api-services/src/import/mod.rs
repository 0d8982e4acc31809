//! Reading OpenAPI documents, 2.0 to 3.1, as they are found in the world: what is wrong with one operation is a reason to leave
//! that out, not to refuse the rest.

pub(crate) mod limits;
mod operation;
mod schema;
mod security;
mod servers;
pub(crate) mod source;
mod yaml;

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::auth::Scheme;
use crate::builtin::{self, Seed};
use crate::model::{Operation, Service};
use crate::naming::{Named, canonical_id, compatible_id, verb_and_resource};
use operation::Reader;
use source::{At, Documents};

/// The methods of a path, in the order that names are given in.
const METHODS: [&str; 7] = ["get", "post", "put", "patch", "delete", "head", "options"];

/// How a document is to be read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    /// The id of the service; by default a word of the title.
    pub(crate) service: Option<String>,
    pub(crate) base_url: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) category: Option<String>,
    /// How requests say who asks, in place of what the document says.
    pub(crate) auth: Option<Value>,
    /// Which operations are wanted: parts of ids, of tags, or paths with `*`.
    pub(crate) include: Vec<String>,
    pub(crate) exclude: Vec<String>,
    /// Whether deprecated operations are wanted.
    pub(crate) deprecated: bool,
    /// Which edition of the document this is: `swagger` or `openapi`.
    pub(crate) is_swagger: bool,
}

/// What was read.
#[derive(Debug, Default)]
pub(crate) struct Imported {
    pub(crate) service: Arc<Service>,
    pub(crate) operations: Vec<Operation>,
    /// What was left out: where it is and why.
    pub(crate) skipped: Vec<(String, String)>,
    pub(crate) warnings: Vec<String>,
}

impl Imported {
    /// The report that users see.
    pub(crate) fn report(&self) -> Value {
        let skipped: Vec<_> = self.skipped.iter().map(|(at, why)| json!({"where": at, "why": why})).collect();
        json!({
            "service": self.service.id,
            "name": self.service.name,
            "base_url": self.service.base_url,
            "operations": self.operations.iter().map(Operation::describe).collect::<Vec<_>>(),
            "skipped": skipped,
            "warnings": self.warnings,
        })
    }
}

/// Reads a document.
pub(crate) fn import(documents: &Documents, mut options: Options) -> Result<Imported, String> {
    let root = documents.root();
    if root.value.as_object().is_none() {
        return Err("the document is no object".into());
    }
    let edition = |key: &str| match root.value.get(key) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ => String::new(),
    };
    let (openapi, swagger) = (edition("openapi"), edition("swagger"));
    options.is_swagger = match (openapi.split('.').next().unwrap_or_default(), swagger.as_str()) {
        ("3", _) => false,
        (_, "2" | "2.0") => true,
        ("", "") => {
            return Err("the document has neither `openapi` (3.0, 3.1) nor `swagger` (2.0), so it is no OpenAPI".into());
        }
        _ => return Err(format!("the document is of edition {openapi}{swagger}; 2.0, 3.0 and 3.1 are read")),
    };
    let title = root.get("info").map(|info| info.text("title")).unwrap_or_default();
    let id = options.service.clone().unwrap_or_else(|| crate::naming::service_id(title));
    if id.is_empty() || crate::naming::service_id(&id) != id.to_ascii_lowercase().replace('-', "_") {
        return Err(format!("the service id {id:?} is not letters, digits and `_`; give one with `service`"));
    }
    let mut warnings = Vec::new();
    let (base_url, variables) = servers::of(documents, &options, &mut warnings);
    let schemes = security::Schemes::of(documents, &id, &base_url, &mut warnings);
    // Only here is it known what its credentials are called by.
    let auth = options.auth.as_ref().map(|auth| Scheme::from_value(&id, auth)).transpose()?;
    let auth = auth.or_else(|| schemes.of_requirements(root)).unwrap_or_default();
    let service = Arc::new(Service {
        name: options.name.clone().unwrap_or_else(|| if title.is_empty() { id.clone() } else { title.into() }),
        category: options.category.clone().unwrap_or_else(|| "api".into()),
        id,
        base_url,
        variables,
        auth,
        is_graphql: false,
    });
    let mut imported = Imported { service, warnings, ..Imported::default() };
    if root.get("paths").is_none() {
        imported.warnings.push("the document has no `paths`".into());
    }
    let mut paths: Vec<(&str, At<'_>)> = root.members("paths").filter(|(path, _)| !path.starts_with("x-")).collect();
    paths.sort_by_key(|(path, _)| *path);
    let mut names = Names::of(&imported.service.id);
    for (path, item) in paths {
        let item = match documents.resolve(item) {
            Ok(item) if item.value.is_object() => item,
            Ok(_) => {
                imported.skipped.push((path.into(), "is no object".into()));
                continue;
            }
            Err(why) => {
                imported.skipped.push((path.into(), why));
                continue;
            }
        };
        for method in METHODS {
            let Some(described) = item.get(method) else { continue };
            let at = format!("{} {path}", method.to_uppercase());
            if imported.operations.len() >= limits::MOST_OPERATIONS {
                return Err(format!("the document has more than {} operations", limits::MOST_OPERATIONS));
            }
            let reader = Reader { documents, options: &options, schemes: &schemes, service: &imported.service };
            match reader.read(method, path, item, described, &mut imported.warnings) {
                Ok(mut operation) => {
                    let tag = described.items("tags").next().and_then(|tag| tag.value.as_str()).unwrap_or_default();
                    names.give(&mut operation, tag);
                    imported.operations.push(operation);
                }
                Err(why) => imported.skipped.push((at, why)),
            }
        }
        if item.get("trace").is_some() {
            imported.skipped.push((format!("TRACE {path}"), "is for finding faults of servers, and not called".into()));
        }
    }
    names.settle(&mut imported.operations, &mut imported.warnings);
    // What is not wanted has had its part in the names: those of the others do not depend on it.
    imported.operations.retain(|operation| {
        let wanted = is_wanted(&options, operation);
        if !wanted {
            imported.skipped.push((format!("{} {}", operation.method, operation.path), "is not wanted".into()));
        }
        wanted
    });
    Ok(imported)
}

/// Which operation has the old name of a verb and a resource.
struct Names {
    compatible: HashMap<String, usize>,
    seeds: Vec<Seed>,
    given: usize,
}

/// Of something that is no operation of the document.
const NONE: usize = usize::MAX;

impl Names {
    /// The names that operations which come along have already.
    fn of(service: &str) -> Self {
        let seeds = builtin::seeds(service);
        let compatible = seeds.iter().map(|seed| (seed.id.clone(), NONE)).collect();
        Self { compatible, seeds, given: 0 }
    }

    /// Gives an operation its old name, if nobody has it.
    fn give(&mut self, operation: &mut Operation, tag: &str) {
        use crate::model::Place;
        let query: Vec<&str> = operation
            .parameters
            .iter()
            .filter(|parameter| parameter.place == Place::Query)
            .map(|parameter| parameter.name.as_str())
            .collect();
        let (verb, resource) = verb_and_resource(&Named {
            operation_id: &operation.operation_id,
            first_tag: tag,
            method: &operation.method,
            path: &operation.path,
            query: &query,
        });
        let id = compatible_id(&operation.service.id, &verb, &resource);
        let place = self.given;
        self.given += 1;
        let is_seed = self.seeds.iter().any(|seed| {
            let same = seed.method == operation.method && seed.path == operation.path;
            same && seed.id.starts_with(&(compatible_id(&operation.service.id, &verb, "") + "_"))
        });
        if !operation.is_deprecated && !is_seed {
            self.compatible.entry(id.clone()).or_insert_with(|| {
                operation.ids.push(id);
                place
            });
        }
    }

    /// Gives every operation the name of its own, once all old ones are known.
    fn settle(&self, operations: &mut [Operation], warnings: &mut Vec<String>) {
        let mut taken: HashMap<String, usize> = self
            .compatible
            .iter()
            .filter(|(_, place)| **place != NONE)
            .map(|(id, place)| (id.clone(), *place))
            .collect();
        for (place, operation) in operations.iter_mut().enumerate() {
            let own = canonical_id(&operation.service.id, &operation.operation_id, &operation.method, &operation.path);
            let mut id = own.clone();
            let mut number = 1;
            while taken.get(&id).is_some_and(|owner| *owner != place) {
                number += 1;
                id = format!("{own}_{number}");
            }
            if number > 1 {
                warnings.push(format!(
                    "{} {}: another operation has the id `{own}`, so this one is `{id}`",
                    operation.method, operation.path
                ));
            }
            taken.insert(id.clone(), place);
            if !operation.ids.contains(&id) {
                operation.ids.push(id);
            }
        }
    }
}

fn is_wanted(options: &Options, operation: &Operation) -> bool {
    let fits = |pattern: &String| {
        operation.ids.iter().chain([&operation.operation_id, &operation.path]).any(|text| matches(pattern, text))
            || matches(pattern, &format!("{} {}", operation.method, operation.path))
            || operation.tags.iter().any(|tag| tag == pattern)
    };
    (options.include.is_empty() || options.include.iter().any(fits)) && !options.exclude.iter().any(fits)
}

/// Whether a text is as a pattern says, in which `*` stands for anything.
fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    true
}

#[cfg(test)]
mod tests;
