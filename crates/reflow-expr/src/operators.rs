//! Binary operators.

use std::cmp::Ordering;

use crate::ast::Binary;
use crate::convert::{to_number, to_text};
use crate::datum::Datum;
use crate::error::{Fault, Outcome};
use crate::machine::Machine;
use crate::text;

pub(crate) fn binary(machine: &mut Machine<'_>, operator: Binary, left: &Datum, right: &Datum) -> Outcome<Datum> {
    Ok(match operator {
        Binary::Add => return add(machine, left, right),
        Binary::Less => Datum::Boolean(compare(machine, left, right)?.is_some_and(Ordering::is_lt)),
        Binary::LessEqual => Datum::Boolean(compare(machine, left, right)?.is_some_and(Ordering::is_le)),
        Binary::Greater => Datum::Boolean(compare(machine, left, right)?.is_some_and(Ordering::is_gt)),
        Binary::GreaterEqual => Datum::Boolean(compare(machine, left, right)?.is_some_and(Ordering::is_ge)),
        Binary::Equal => Datum::Boolean(loosely_equal(machine, left, right)?),
        Binary::NotEqual => Datum::Boolean(!loosely_equal(machine, left, right)?),
        Binary::StrictEqual => Datum::Boolean(strictly_equal(machine, left, right)?),
        Binary::StrictNotEqual => Datum::Boolean(!strictly_equal(machine, left, right)?),
        Binary::In => return contains_key(machine, left, right),
        _ => {
            let left = to_number(machine, left)?;
            let right = to_number(machine, right)?;
            Datum::Number(arithmetic(operator, left, right))
        }
    })
}

fn arithmetic(operator: Binary, left: f64, right: f64) -> f64 {
    let shift = to_int32(right) as u32 & 31;
    match operator {
        Binary::Subtract => left - right,
        Binary::Multiply => left * right,
        Binary::Divide => left / right,
        Binary::Remainder => left % right,
        Binary::Power => power(left, right),
        Binary::BitAnd => f64::from(to_int32(left) & to_int32(right)),
        Binary::BitOr => f64::from(to_int32(left) | to_int32(right)),
        Binary::BitXor => f64::from(to_int32(left) ^ to_int32(right)),
        Binary::ShiftLeft => f64::from(to_int32(left) << shift),
        Binary::ShiftRight => f64::from(to_int32(left) >> shift),
        Binary::ShiftRightUnsigned => f64::from((to_int32(left) as u32) >> shift),
        // The others do not compute a number from two numbers; `binary` has answered them.
        _ => f64::NAN,
    }
}

/// Unlike IEEE 754, one to an unknown power is unknown.
pub(crate) fn power(base: f64, exponent: f64) -> f64 {
    if exponent.is_nan() || (base.abs() == 1.0 && exponent.is_infinite()) { f64::NAN } else { base.powf(exponent) }
}

/// The low 32 bits of a whole number.
pub(crate) fn to_int32(number: f64) -> i32 {
    if !number.is_finite() {
        return 0;
    }
    number.trunc().rem_euclid(4_294_967_296.0) as u32 as i32
}

fn add(machine: &mut Machine<'_>, left: &Datum, right: &Datum) -> Outcome<Datum> {
    if let (Datum::Number(left), Datum::Number(right)) = (left, right) {
        return Ok(Datum::Number(left + right));
    }
    let is_text =
        |datum: &Datum| matches!(datum, Datum::String(_) | Datum::Array(_) | Datum::Object(_) | Datum::Function(_));
    if is_text(left) || is_text(right) {
        let left = to_text(machine, left)?;
        let right = to_text(machine, right)?;
        machine.budget.make(left.len() + right.len())?;
        return Ok(Datum::string(format!("{left}{right}")));
    }
    let left = to_number(machine, left)?;
    Ok(Datum::Number(left + to_number(machine, right)?))
}

/// The order of two values; texts by their UTF-16 units, everything else as numbers. `None` next to NaN.
pub(crate) fn compare(machine: &mut Machine<'_>, left: &Datum, right: &Datum) -> Outcome<Option<Ordering>> {
    let is_text = |datum: &Datum| matches!(datum, Datum::String(_) | Datum::Array(_) | Datum::Object(_));
    match (left, right) {
        (Datum::Number(left), Datum::Number(right)) => Ok(left.partial_cmp(right)),
        (Datum::Wide(left), Datum::Wide(right)) => Ok(Some(left.cmp(right))),
        _ if is_text(left) && is_text(right) => {
            let left = to_text(machine, left)?;
            let right = to_text(machine, right)?;
            machine.budget.scan(left.len().min(right.len()))?;
            Ok(Some(text::compare(&left, &right)))
        }
        _ => {
            let left = to_number(machine, left)?;
            Ok(left.partial_cmp(&to_number(machine, right)?))
        }
    }
}

/// `===`: same kind and same value; lists, objects and functions by identity.
pub(crate) fn strictly_equal(machine: &mut Machine<'_>, left: &Datum, right: &Datum) -> Outcome<bool> {
    Ok(match (left, right) {
        (Datum::Undefined, Datum::Undefined) | (Datum::Null, Datum::Null) => true,
        (Datum::Boolean(left), Datum::Boolean(right)) => left == right,
        (Datum::Number(left), Datum::Number(right)) => left == right,
        (Datum::Wide(left), Datum::Wide(right)) => left == right,
        (Datum::Wide(wide), Datum::Number(number)) | (Datum::Number(number), Datum::Wide(wide)) => {
            *wide as f64 == *number
        }
        (Datum::String(left), Datum::String(right)) => {
            machine.budget.scan(left.len().min(right.len()))?;
            left == right
        }
        (Datum::Array(left), Datum::Array(right)) => left.is_same(right),
        (Datum::Object(left), Datum::Object(right)) => left.is_same(right),
        (Datum::Function(left), Datum::Function(right)) => left.is_same(right),
        _ => false,
    })
}

/// `==`: as `===`, but null is undefined, and different kinds are compared as numbers or texts.
fn loosely_equal(machine: &mut Machine<'_>, left: &Datum, right: &Datum) -> Outcome<bool> {
    if left.is_nullish() || right.is_nullish() {
        return Ok(left.is_nullish() && right.is_nullish());
    }
    let is_held = |datum: &Datum| matches!(datum, Datum::Array(_) | Datum::Object(_) | Datum::Function(_));
    if left.type_word() == right.type_word() || (is_held(left) && is_held(right)) {
        return strictly_equal(machine, left, right);
    }
    if is_held(left) && matches!(right, Datum::String(_)) {
        let (left, right) = (to_text(machine, left)?, to_text(machine, right)?);
        machine.budget.scan(left.len().min(right.len()))?;
        return Ok(left == right);
    }
    if is_held(right) && matches!(left, Datum::String(_)) {
        return loosely_equal(machine, right, left);
    }
    let left = to_number(machine, left)?;
    Ok(left == to_number(machine, right)?)
}

fn contains_key(machine: &mut Machine<'_>, key: &Datum, object: &Datum) -> Outcome<Datum> {
    let key = to_text(machine, key)?;
    machine.budget.scan(key.len())?;
    match object {
        Datum::Object(members) => Ok(Datum::Boolean(members.get(&key).is_some())),
        Datum::Array(items) => {
            let inside = crate::datum::index_key(&key).is_some_and(|index| (index as usize) < items.len());
            Ok(Datum::Boolean(inside || &*key == "length"))
        }
        other => Err(Fault::evaluation(format!("`in` looks into an object or array, not into {}", other.describe()))),
    }
}
