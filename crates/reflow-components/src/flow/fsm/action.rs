//! What entering or leaving a state does.

use reflow_runtime::{Object, Value};

/// An entry or exit action.
#[derive(Debug, Default)]
pub(super) struct Action {
    pub(super) emit: Object,
    assign: Vec<(std::sync::Arc<str>, Assignment)>,
    pub(super) emit_context: bool,
}

#[derive(Debug)]
enum Assignment {
    Store(Value),
    /// An operation and its operand.
    Change(Operation, Value),
}

#[derive(Clone, Copy, Debug)]
enum Operation {
    Set,
    Add,
    Subtract,
    Multiply,
    Toggle,
    /// Leaves the number as it is.
    Keep,
}

impl Action {
    pub(super) fn of(value: Option<&Value>) -> Self {
        let members = |key| value.and_then(|value| value.get(key)).and_then(Value::as_object);
        Self {
            emit: members("emit").cloned().unwrap_or_default(),
            assign: members("assign")
                .into_iter()
                .flatten()
                .map(|(key, value)| (key.clone(), Assignment::of(value)))
                .collect(),
            emit_context: value.and_then(|value| value.get("emit_context")) == Some(&Value::Boolean(true)),
        }
    }

    /// Changes the context as the action says.
    pub(super) fn assign(&self, context: &mut Object) {
        for (key, assignment) in &self.assign {
            let value = assignment.value(context.get(key));
            context.insert(key.clone(), value);
        }
    }
}

impl Assignment {
    fn of(value: &Value) -> Self {
        let Some(word) = value.get("op").and_then(Value::as_str) else { return Self::Store(value.clone()) };
        let operation = match word {
            "set" => Operation::Set,
            "increment" | "add" => Operation::Add,
            "decrement" => Operation::Subtract,
            "multiply" => Operation::Multiply,
            "toggle" => Operation::Toggle,
            _ => Operation::Keep,
        };
        Self::Change(operation, value.get("value").cloned().unwrap_or(Value::Integer(1)))
    }

    fn value(&self, old: Option<&Value>) -> Value {
        let (operation, operand) = match self {
            Self::Store(value) => return value.clone(),
            Self::Change(operation, operand) => (*operation, operand),
        };
        let number = |value: Option<&Value>, default| {
            value.filter(|value| value.as_number().is_some()).cloned().unwrap_or(Value::Integer(default))
        };
        let (old_number, operand_number) = (number(old, 0), number(Some(operand), 1));
        match operation {
            Operation::Set => operand.clone(),
            Operation::Add => calculate(&old_number, &operand_number, i64::checked_add, |a, b| a + b),
            Operation::Subtract => calculate(&old_number, &operand_number, i64::checked_sub, |a, b| a - b),
            Operation::Multiply => calculate(&old_number, &operand_number, i64::checked_mul, |a, b| a * b),
            Operation::Toggle => match old {
                Some(Value::Boolean(truth)) => Value::Boolean(!truth),
                _ => Value::Integer(i64::from(old_number.as_number() == Some(0.0))),
            },
            Operation::Keep => old_number,
        }
    }
}

/// Integers stay integers as long as they fit.
fn calculate(a: &Value, b: &Value, whole: fn(i64, i64) -> Option<i64>, other: fn(f64, f64) -> f64) -> Value {
    if let (Value::Integer(a), Value::Integer(b)) = (a, b)
        && let Some(result) = whole(*a, *b)
    {
        return Value::Integer(result);
    }
    Value::Float(other(a.as_number().unwrap_or(0.0), b.as_number().unwrap_or(0.0)))
}
