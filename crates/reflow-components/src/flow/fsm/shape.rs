//! What the tables of a state machine look like, for checks.

use reflow_runtime::Value;

use super::action::Operation;
use crate::conditions::{any_of, closed, list_of, map_of, rule_schema, typed};
use crate::prelude::*;

/// States by their names.
pub(super) struct StateTable;

/// Guards by their names.
pub(super) struct Guards;

/// What kind of state one is.
#[derive(Choice, Clone, Copy)]
enum StateType {
    /// One that the machine ends in.
    Final,
}

impl Shape for StateTable {
    fn schema() -> Value {
        let guard = any_of([typed("string"), rule_schema()]);
        let transition = closed([("target", typed("string")), ("guard", guard), ("delay", typed("number"))]);
        let transitions = any_of([typed("string"), transition.clone(), list_of(any_of([typed("string"), transition]))]);
        let change = Value::object([("properties", Value::object([("op", Operation::schema())]))]);
        let action =
            closed([("emit", typed("object")), ("assign", map_of(change)), ("emit_context", typed("boolean"))]);
        map_of(closed([
            ("on", map_of(transitions.clone())),
            ("entry", action.clone()),
            ("exit", action),
            ("always", transitions),
            ("type", StateType::schema()),
        ]))
    }
}

impl Shape for Guards {
    fn schema() -> Value {
        map_of(rule_schema())
    }
}
