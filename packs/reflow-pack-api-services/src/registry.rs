//! The operations that there are: those that come along, and those of documents that users load.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use reflow_pack_sdk::{Component, TemplateSource};

use crate::anything::{self, Anything};
use crate::builtin;
use crate::component::ApiOperation;
use crate::import::Imported;
use crate::model::Operation;

/// What users have loaded.
#[derive(Default)]
struct Loaded {
    /// The operations of each service.
    services: BTreeMap<String, Vec<Arc<Operation>>>,
    by_id: BTreeMap<String, Arc<Operation>>,
}

static LOADED: RwLock<Loaded> = RwLock::new(Loaded { services: BTreeMap::new(), by_id: BTreeMap::new() });

/// All templates of this pack.
pub(crate) struct Templates;

impl TemplateSource for Templates {
    fn ids(&self) -> Vec<String> {
        let mut ids = builtin::ids();
        ids.push(anything::ID.into());
        let loaded = LOADED.read().unwrap_or_else(PoisonError::into_inner);
        ids.extend(loaded.by_id.keys().filter(|id| !builtin::has(id)).cloned());
        ids
    }

    fn find(&self, id: &str) -> Option<Box<dyn Component>> {
        if id == anything::ID {
            return Some(Box::new(Anything));
        }
        let operation = find(id)?;
        Some(Box::new(ApiOperation { operation, id: id.into() }))
    }
}

/// The operation behind an id; one that replaces what came along wins.
pub(crate) fn find(id: &str) -> Option<Arc<Operation>> {
    let loaded = LOADED.read().unwrap_or_else(PoisonError::into_inner).by_id.get(id).cloned();
    loaded.or_else(|| builtin::find(id))
}

/// The operation of a service, by its id, by what its document calls it, or by method and path.
pub(crate) fn of_service(service: &str, wanted: &str) -> Result<Arc<Operation>, String> {
    let loaded = LOADED.read().unwrap_or_else(PoisonError::into_inner).services.get(service).cloned();
    let built_in = builtin::operations(service).map(|operations| operations.to_vec());
    if loaded.is_none() && built_in.is_none() {
        let known = builtin::services();
        let loaded: Vec<_> = LOADED.read().unwrap_or_else(PoisonError::into_inner).services.keys().cloned().collect();
        return Err(format!(
            "there is no service `{service}`; there are {} ({} in all)",
            shown(loaded.iter().chain(&known)),
            known.len() + loaded.len()
        ));
    }
    let all: Vec<_> = loaded.into_iter().chain(built_in).flatten().collect();
    one_of(&all, service, wanted)
}

/// The operation with a name among others.
pub(crate) fn one_of(all: &[Arc<Operation>], service: &str, wanted: &str) -> Result<Arc<Operation>, String> {
    let fits = |operation: &Operation| {
        let prefix = format!("api_{}_", service.replace('-', "_"));
        operation.operation_id == wanted
            || operation.ids.iter().any(|id| id == wanted || id.strip_prefix(&prefix) == Some(wanted))
            || format!("{} {}", operation.method, operation.path) == wanted
    };
    let found = all.iter().find(|operation| fits(operation)).cloned();
    found.ok_or_else(|| {
        let ids: Vec<_> = all.iter().map(|operation| operation.id().to_string()).collect();
        format!("`{service}` has no operation `{wanted}`; it has {}", shown(ids.iter()))
    })
}

fn shown<'a>(names: impl Iterator<Item = &'a String>) -> String {
    let names: Vec<_> = names.collect();
    let first: Vec<_> = names.iter().take(8).map(|name| format!("`{name}`")).collect();
    match names.len() {
        0 => "none".into(),
        1..=8 => first.join(", "),
        more => format!("{} and {} more", first.join(", "), more - 8),
    }
}

/// Makes the operations of a document available, in place of those that were loaded for its service before.
pub(crate) fn add(imported: &mut Imported, replaces: bool) {
    let mut loaded = LOADED.write().unwrap_or_else(PoisonError::into_inner);
    remove(&mut loaded, &imported.service.id);
    let mut kept = Vec::new();
    for mut operation in std::mem::take(&mut imported.operations) {
        let taken = |id: &String| !replaces && builtin::has(id) || loaded.by_id.contains_key(id);
        if let Some(id) = operation.ids.iter().find(|id| taken(id)) {
            imported.warnings.push(format!(
                "{} {}: the id `{id}` belongs to an operation that is there already; `replace=True` takes it over",
                operation.method, operation.path
            ));
        }
        operation.ids.retain(|id| !taken(id));
        if operation.ids.is_empty() {
            imported.skipped.push((
                format!("{} {}", operation.method, operation.path),
                "is there already, with all its ids".into(),
            ));
            continue;
        }
        let shared = Arc::new(operation.clone());
        for id in &operation.ids {
            loaded.by_id.insert(id.clone(), Arc::clone(&shared));
        }
        loaded.services.entry(imported.service.id.clone()).or_default().push(shared);
        kept.push(operation);
    }
    imported.operations = kept;
}

/// Forgets a service that was loaded; how many templates that were.
pub(crate) fn unload(service: &str) -> Option<usize> {
    let mut loaded = LOADED.write().unwrap_or_else(PoisonError::into_inner);
    loaded.services.contains_key(service).then(|| remove(&mut loaded, service))
}

fn remove(loaded: &mut Loaded, service: &str) -> usize {
    let before = loaded.by_id.len();
    loaded.services.remove(service);
    loaded.by_id.retain(|_, operation| operation.service.id != service);
    before - loaded.by_id.len()
}
