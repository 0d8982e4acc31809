//! Schemas, as far as parameters need them: what type something is, and what members a body has.

use serde_json::Value;

use super::limits::{MOST_PARAMETERS, MOST_SCHEMAS};
use super::source::{At, Documents};
use crate::model::Type;

/// What is known of one value.
#[derive(Clone, Debug, Default)]
pub(super) struct Shape {
    pub(super) kind: Type,
    pub(super) description: String,
    pub(super) default: Option<Value>,
    pub(super) choices: Vec<Value>,
}

/// A member of an object.
#[derive(Clone, Debug)]
pub(super) struct Member {
    pub(super) name: String,
    pub(super) required: bool,
    pub(super) shape: Shape,
}

/// The members of an object, as far as its schema names them.
#[derive(Clone, Debug, Default)]
pub(super) struct Members {
    pub(super) members: Vec<Member>,
    /// Whether it may be something else than an object with these members too.
    pub(super) is_open: bool,
}

/// What a schema says of a value.
pub(super) fn shape(documents: &Documents, schema: At<'_>) -> Shape {
    let mut shape = Shape::default();
    let mut budget = MOST_SCHEMAS;
    look(documents, schema, &mut shape, &mut budget, 0);
    if let Some(text) = schema.value.get("description").and_then(Value::as_str) {
        shape.description = text.into();
    }
    shape
}

fn look(documents: &Documents, schema: At<'_>, shape: &mut Shape, budget: &mut usize, level: usize) {
    if *budget == 0 || level > 20 {
        return;
    }
    *budget -= 1;
    let Ok(schema) = documents.resolve(schema) else { return };
    if shape.description.is_empty() {
        shape.description = schema.text("description").into();
    }
    if shape.default.is_none() {
        shape.default = schema.value.get("default").filter(|default| !default.is_null()).cloned();
    }
    if shape.choices.is_empty() {
        shape.choices = schema.value.get("enum").and_then(Value::as_array).cloned().unwrap_or_default();
    }
    if shape.kind == Type::Any {
        shape.kind = kind(schema);
    }
    for part in schema.items("allOf") {
        look(documents, part, shape, budget, level + 1);
    }
    if shape.kind != Type::Any {
        return;
    }
    for word in ["oneOf", "anyOf"] {
        let mut kinds: Vec<Type> = Vec::new();
        for choice in schema.items(word) {
            let mut one = Shape::default();
            look(documents, choice, &mut one, budget, level + 1);
            let is_null = documents.resolve(choice).is_ok_and(|choice| choice.text("type") == "null");
            if !is_null && !kinds.contains(&one.kind) {
                kinds.push(one.kind);
            }
        }
        if let [only] = kinds[..] {
            shape.kind = only;
        }
    }
}

/// The type that a schema names itself.
fn kind(schema: At<'_>) -> Type {
    let word = match schema.value.get("type") {
        Some(Value::String(word)) => word.as_str(),
        // Since 3.1 a list; null beside one type says nothing new.
        Some(Value::Array(words)) => {
            let mut words = words.iter().filter_map(Value::as_str).filter(|word| *word != "null");
            match (words.next(), words.next()) {
                (Some(word), None) => word,
                _ => return Type::Any,
            }
        }
        _ if schema.value.get("properties").is_some() => "object",
        _ if schema.value.get("items").is_some() => "array",
        _ => return Type::Any,
    };
    let is_binary = ["binary", "file"].contains(&schema.text("format"))
        || schema.value.get("contentMediaType").is_some_and(|kind| kind == "application/octet-stream");
    match word {
        "string" if is_binary => Type::File,
        "file" => Type::File,
        word => Type::from_word(word),
    }
}

/// The members of the object that a schema describes; nothing when it describes none with members.
///
/// Members of all parts of `allOf` count. Of `oneOf` and `anyOf` all members count, required are those that every choice
/// requires.
pub(super) fn members(documents: &Documents, schema: At<'_>) -> Members {
    let mut budget = MOST_SCHEMAS;
    collect(documents, schema, &mut budget, 0)
}

fn collect(documents: &Documents, schema: At<'_>, budget: &mut usize, level: usize) -> Members {
    let mut found = Members::default();
    if *budget == 0 || level > 20 {
        return found;
    }
    *budget -= 1;
    let Ok(schema) = documents.resolve(schema) else { return found };
    let mut required: Vec<&str> = schema.items("required").filter_map(|name| name.value.as_str()).collect();
    for (name, property) in schema.members("properties") {
        let is_read_only = property.flag("readOnly") || documents.resolve(property).is_ok_and(|at| at.flag("readOnly"));
        if !is_read_only && found.members.len() < MOST_PARAMETERS {
            add(&mut found.members, Member { name: name.into(), required: false, shape: shape(documents, property) });
        }
    }
    for part in schema.items("allOf") {
        let part = collect(documents, part, budget, level + 1);
        found.is_open |= part.is_open;
        part.members.into_iter().for_each(|member| add(&mut found.members, member));
    }
    for word in ["oneOf", "anyOf"] {
        let choices: Vec<Members> =
            schema.items(word).map(|choice| collect(documents, choice, budget, level + 1)).collect();
        if choices.is_empty() {
            continue;
        }
        let names =
            |choice: &Members, name: &str| choice.members.iter().any(|member| member.required && member.name == name);
        found.is_open |= choices.iter().any(|choice| choice.members.is_empty() || choice.is_open);
        let in_all: Vec<String> = choices[0]
            .members
            .iter()
            .map(|member| member.name.clone())
            .filter(|name| choices.iter().all(|choice| names(choice, name)))
            .collect();
        // Old graphs give such a body as a whole.
        found.is_open = true;
        for mut member in choices.into_iter().flat_map(|choice| choice.members) {
            member.required = in_all.contains(&member.name);
            add(&mut found.members, member);
        }
    }
    required.dedup();
    for member in &mut found.members {
        member.required |= required.contains(&member.name.as_str());
    }
    found
}

/// Adds a member; one of the same name is there once.
fn add(members: &mut Vec<Member>, member: Member) {
    match members.iter().position(|known| known.name == member.name) {
        Some(place) => {
            let known = &mut members[place];
            known.required |= member.required;
            if known.shape.kind == Type::Any {
                known.shape.kind = member.shape.kind;
            } else if member.shape.kind != known.shape.kind && member.shape.kind != Type::Any {
                known.shape.kind = Type::Any;
            }
        }
        None if members.len() < MOST_PARAMETERS => members.push(member),
        None => {}
    }
}
