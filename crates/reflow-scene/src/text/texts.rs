//! The texts of entities, one after another.

use std::sync::Arc;

use reflow_assets::{Store, Table};
use reflow_component::declare::Outport;
use reflow_component::kind::ErrorText;
use reflow_component::prelude::{Failure, Message, Tick, Value};

use super::fonts::{DEFAULT, load};
use super::setting::content;
use crate::database::{Selection, failure};

/// A text component of an entity.
pub(super) struct Text<'a> {
    pub(super) entity: &'a str,
    pub(super) component: &'a Value,
    pub(super) content: &'a str,
    /// The id of its font, and the font itself.
    pub(super) font: &'a str,
    pub(super) bytes: Vec<u8>,
}

/// What is made of each text that a tick asks for, components of the name `kind`. Those of which nothing can be made are told on `error`,
/// and in the log.
pub(super) fn of_each(
    tick: &mut Tick<'_>,
    store: &Store,
    (selection, named): (&Selection, Option<Arc<str>>),
    kind: &str,
    error: Outport<ErrorText>,
    make: impl Fn(&Text<'_>) -> Result<Value, String>,
) -> Result<Vec<Value>, Failure> {
    let texts = store.read(|table: &Table| {
        let entities = selection.entities(table, named, &[kind]);
        let text = |entity: Arc<str>| Some((table.component(&entity, kind)?.clone(), entity));
        entities.into_iter().filter_map(text).collect::<Vec<_>>()
    });
    let (mut made, mut problems) = (Vec::new(), Vec::new());
    for (component, entity) in texts.map_err(failure)? {
        match text(store, &entity, &component).and_then(|text| make(&text)) {
            Ok(value) => made.push(value),
            Err(problem) => problems.push(format!("{entity}: {problem}")),
        }
    }
    if !problems.is_empty() {
        let text = problems.join("; ");
        tick.node().log("warning", &*text);
        tick.send(error, Message::error(text));
    }
    Ok(made)
}

fn text<'a>(store: &Store, entity: &'a str, component: &'a Value) -> Result<Text<'a>, String> {
    let content = content(component)?;
    let font = component.get("font").and_then(Value::as_str).unwrap_or(DEFAULT);
    let bytes = load(store, font).map_err(|error| error.to_string())?;
    Ok(Text { entity, component, content, font, bytes })
}
