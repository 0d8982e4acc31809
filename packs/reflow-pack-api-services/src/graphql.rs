//! GraphQL: one address, a document and its variables.

use serde_json::{Map, Value, json};

use crate::model::{Operation, Parameter, Place, Type};
use crate::request::{Part, Values};

/// The ports that every operation of GraphQL has: the document, and which of its operations.
pub(crate) fn parameters() -> [Parameter; 2] {
    let mut query = Parameter::new("query", Place::Raw, Type::Text, false);
    query.description = "The GraphQL document.".into();
    let mut name = Parameter::new("operationName", Place::Raw, Type::Text, false);
    name.description = "Which operation of the document.".into();
    [query, name]
}

/// The question as JSON.
pub(super) fn body(operation: &Operation, values: &Values) -> String {
    let mut variables = Map::new();
    let mut said = Map::new();
    for (parameter, part) in values.of(operation, |_| true) {
        let Part::Json(value) = part else { continue };
        match (parameter.place, parameter.name.as_str()) {
            (Place::Raw, "query" | "operationName") => drop(said.insert(parameter.name.clone(), value.clone())),
            (Place::Raw, "variables") => {
                variables
                    .extend(value.as_object().into_iter().flatten().map(|(key, value)| (key.clone(), value.clone())));
            }
            _ => drop(variables.insert(parameter.name.clone(), value.clone())),
        }
    }
    let known = operation.graphql.as_ref();
    let query = said.get("query").cloned().or_else(|| known.and_then(|known| known.query.clone()).map(Value::from));
    let mut body = json!({"query": query.unwrap_or_default(), "variables": variables});
    let own_name =
        known.filter(|_| !said.contains_key("query")).map(|known| Value::from(known.operation_name.as_str()));
    if let Some(name) = said.get("operationName").cloned().or(own_name) {
        body["operationName"] = name;
    }
    body.to_string()
}

/// What went wrong, as the answer says.
pub(crate) fn errors(body: &reflow_pack_sdk::Value) -> Option<String> {
    use reflow_pack_sdk::Value;
    let errors = body.get("errors").and_then(Value::as_array).filter(|errors| !errors.is_empty())?;
    let text =
        |error: &Value| error.get("message").and_then(Value::as_str).map_or_else(|| error.to_json_string(), Into::into);
    Some(errors.iter().map(text).collect::<Vec<String>>().join("; "))
}
