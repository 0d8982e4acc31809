//! What entering or leaving a state does.

use crate::prelude::*;

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
    /// An operation and its operand; none leaves the number as it is.
    Change(Option<Operation>, Value),
}

/// How a member of the context changes.
#[derive(Choice, Clone, Copy, Debug)]
pub(super) enum Operation {
    /// The operand.
    Set,
    /// The sum with the operand.
    #[choice("increment", "add")]
    Add,
    /// The difference to the operand.
    #[choice("decrement")]
    Subtract,
    /// The product with the operand.
    Multiply,
    /// The other truth value; 1 for 0, and 0 for other numbers.
    Toggle,
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
        Self::Change(Operation::from_word(word), value.get("value").cloned().unwrap_or(Value::Integer(1)))
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
            Some(Operation::Set) => operand.clone(),
            Some(Operation::Add) => calculate(&old_number, &operand_number, i64::checked_add, |a, b| a + b),
            Some(Operation::Subtract) => calculate(&old_number, &operand_number, i64::checked_sub, |a, b| a - b),
            Some(Operation::Multiply) => calculate(&old_number, &operand_number, i64::checked_mul, |a, b| a * b),
            Some(Operation::Toggle) => match old {
                Some(Value::Boolean(truth)) => Value::Boolean(!truth),
                _ => Value::Integer(i64::from(old_number.as_number() == Some(0.0))),
            },
            None => old_number,
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
