//! Conversions between kinds, with the rules of JavaScript, and the way back to data.

use std::fmt::Write;
use std::sync::Arc;

use reflow_message::{MAX_DEPTH, Object, Value};
use rustc_hash::FxHashSet;

use crate::datum::{Datum, Items, Members};
use crate::error::{Fault, Outcome};
use crate::machine::Machine;
use crate::number;

/// What counts as true.
pub(crate) fn truthy(value: &Datum) -> bool {
    match value {
        Datum::Undefined | Datum::Null => false,
        Datum::Boolean(value) => *value,
        Datum::Number(value) => *value != 0.0 && !value.is_nan(),
        Datum::String(text) => !text.is_empty(),
        Datum::Wide(_) | Datum::Array(_) | Datum::Object(_) | Datum::Function(_) => true,
    }
}

/// `Number(value)`.
pub(crate) fn to_number(machine: &mut Machine<'_>, value: &Datum) -> Outcome<f64> {
    Ok(match value {
        Datum::Undefined | Datum::Function(_) | Datum::Object(_) => f64::NAN,
        Datum::Null => 0.0,
        Datum::Boolean(value) => f64::from(u8::from(*value)),
        Datum::Number(value) => *value,
        Datum::Wide(value) => *value as f64,
        Datum::String(text) => {
            machine.budget.scan(text.len())?;
            number::from_text(text)
        }
        Datum::Array(_) => number::from_text(&to_text(machine, value)?),
    })
}

/// `String(value)`.
pub(crate) fn to_text(machine: &mut Machine<'_>, value: &Datum) -> Outcome<Arc<str>> {
    Ok(match value {
        Datum::String(text) => Arc::clone(text),
        Datum::Undefined => "undefined".into(),
        Datum::Null => "null".into(),
        Datum::Boolean(value) => if *value { "true" } else { "false" }.into(),
        Datum::Number(value) => {
            // Finding the shortest digits is more work than other steps.
            machine.budget.steps(4)?;
            number::to_text(*value).into()
        }
        Datum::Wide(value) => value.to_string().into(),
        Datum::Array(items) => join(machine, items, ",")?.into(),
        Datum::Object(_) => "[object Object]".into(),
        Datum::Function(_) => "function".into(),
    })
}

/// The texts of all items with `separator` between them; null and undefined are empty.
pub(crate) fn join(machine: &mut Machine<'_>, items: &Items, separator: &str) -> Outcome<String> {
    let mut text = String::new();
    for (index, item) in items.iter().enumerate() {
        machine.budget.steps(1)?;
        let separator = if index == 0 { "" } else { separator };
        let piece = if item.is_nullish() { "".into() } else { to_text(machine, &item)? };
        machine.budget.make(piece.len() + separator.len())?;
        text.push_str(separator);
        text.push_str(&piece);
    }
    Ok(text)
}

/// A number from argument `index`, cut to a whole one; `otherwise` when it is not given, 0 for what is no number.
pub(crate) fn to_whole(machine: &mut Machine<'_>, value: Option<&Datum>, otherwise: f64) -> Outcome<f64> {
    match value {
        None | Some(Datum::Undefined) => Ok(otherwise),
        Some(value) => {
            let number = to_number(machine, value)?;
            Ok(if number.is_nan() { 0.0 } else { number.trunc() })
        }
    }
}

/// The data that a result stands for: whole numbers as integers; what JSON cannot say as null.
pub(crate) fn to_value(machine: &mut Machine<'_>, value: &Datum) -> Outcome<Value> {
    Leaving { seen: FxHashSet::default() }.value(machine, value, 0, false)
}

/// A result on its way out. Inside of the machine parts that are in it several times take room once; who writes it
/// down or walks through it pays for each. So what was seen before is charged again, with all that is in it.
struct Leaving {
    /// Where parts are that were in the result already.
    seen: FxHashSet<usize>,
}

/// Texts below this are not looked for: they cost no more than other values.
const SMALL_TEXT: usize = 64;

/// About what a value takes, and what a list or object takes beside its items.
const ROOM: usize = size_of::<Value>();
const ROOM_OF_LIST: usize = 64;

fn address<T: ?Sized>(part: &Arc<T>) -> usize {
    Arc::as_ptr(part).cast::<u8>().addr()
}

impl Leaving {
    /// Whether a shared part is one that is paid for again: `again` when it is inside of such a part.
    fn is_again(&mut self, address: usize, again: bool) -> bool {
        again || !self.seen.insert(address)
    }

    fn text(&mut self, machine: &mut Machine<'_>, text: &Arc<str>, again: bool) -> Outcome<()> {
        let again = if text.len() < SMALL_TEXT { again } else { self.is_again(address(text), again) };
        charge(machine, again, ROOM + text.len())
    }

    fn value(&mut self, machine: &mut Machine<'_>, value: &Datum, depth: usize, again: bool) -> Outcome<Value> {
        if depth > MAX_DEPTH {
            return Err(Fault::limit("makes data that is nested too deeply"));
        }
        machine.budget.steps(1)?;
        Ok(match value {
            Datum::Undefined | Datum::Null | Datum::Function(_) => Value::Null,
            Datum::Boolean(value) => Value::Boolean(*value),
            Datum::Number(value) => number_value(*value),
            Datum::Wide(value) => Value::Integer(*value),
            Datum::String(text) => {
                self.text(machine, text, again)?;
                return Ok(Value::String(Arc::clone(text)));
            }
            Datum::Array(Items::Shared(items)) => {
                let again = self.is_again(items.address(), again);
                tidy_items(machine, items, depth, again)?.unwrap_or_else(|| Value::Array(items.clone()))
            }
            Datum::Object(Members::Shared(members)) => {
                let again = self.is_again(members.address(), again);
                tidy_members(machine, members, depth, again)?.unwrap_or_else(|| Value::Object(members.clone()))
            }
            Datum::Array(Items::Made(made)) => {
                let again = self.is_again(address(made), again);
                charge(machine, again, ROOM_OF_LIST + ROOM * made.content.len())?;
                let mut items = Vec::with_capacity(made.content.len());
                for item in &made.content {
                    items.push(self.value(machine, item, depth + 1, again)?);
                }
                Value::Array(items.into())
            }
            Datum::Object(Members::Made(made)) => {
                let again = self.is_again(address(made), again);
                charge(machine, again, ROOM_OF_LIST + 3 * ROOM * made.content.len())?;
                let mut members = Object::new();
                for (key, member) in &made.content {
                    // JSON has no member for what is not there.
                    if !matches!(member, Datum::Undefined | Datum::Function(_)) {
                        self.text(machine, key, again)?;
                        members.insert(Arc::clone(key), self.value(machine, member, depth + 1, again)?);
                    }
                }
                members.into()
            }
        })
    }
}

fn charge(machine: &mut Machine<'_>, again: bool, bytes: usize) -> Outcome<()> {
    if again { machine.budget.make(bytes) } else { Ok(()) }
}

/// Data from outside with whole floats as integers; `None` when that is what it is already.
fn tidy(machine: &mut Machine<'_>, value: &Value, depth: usize, again: bool) -> Outcome<Option<Value>> {
    if depth > MAX_DEPTH {
        return Err(Fault::limit("makes data that is nested too deeply"));
    }
    match value {
        Value::Float(number) => Ok(Some(number_value(*number)).filter(|tidied| !matches!(tidied, Value::Float(_)))),
        Value::Unsigned(number) => Ok(Some(Value::Float(*number as f64))),
        Value::Array(items) => tidy_items(machine, items, depth, again),
        Value::Object(members) => tidy_members(machine, members, depth, again),
        Value::String(text) => charge(machine, again, ROOM + text.len()).map(|()| None),
        Value::Null | Value::Boolean(_) | Value::Integer(_) => Ok(None),
    }
}

fn tidy_items(machine: &mut Machine<'_>, items: &[Value], depth: usize, again: bool) -> Outcome<Option<Value>> {
    machine.budget.steps(items.len())?;
    charge(machine, again, ROOM_OF_LIST + ROOM * items.len())?;
    let mut tidied: Option<Vec<Value>> = None;
    for (index, item) in items.iter().enumerate() {
        let changed = tidy(machine, item, depth + 1, again)?;
        if let (None, Some(_)) = (&tidied, &changed) {
            tidied = Some(items[..index].to_vec());
        }
        if let Some(tidied) = &mut tidied {
            tidied.push(changed.unwrap_or_else(|| item.clone()));
        }
    }
    Ok(tidied.map(|items| Value::Array(items.into())))
}

fn tidy_members(machine: &mut Machine<'_>, members: &Object, depth: usize, again: bool) -> Outcome<Option<Value>> {
    machine.budget.steps(members.len())?;
    charge(machine, again, ROOM_OF_LIST + 3 * ROOM * members.len())?;
    let mut changed = Vec::new();
    for (key, member) in members {
        charge(machine, again, ROOM + key.len())?;
        if let Some(tidied) = tidy(machine, member, depth + 1, again)? {
            changed.push((Arc::clone(key), tidied));
        }
    }
    if changed.is_empty() {
        return Ok(None);
    }
    let mut tidied = members.clone();
    tidied.extend(changed);
    Ok(Some(tidied.into()))
}

/// A number as JSON would print and read it back.
fn number_value(number: f64) -> Value {
    if !number.is_finite() {
        Value::Null
    } else if number.fract() == 0.0 && (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&number) {
        Value::Integer(number as i64)
    } else {
        Value::Float(number)
    }
}

/// `JSON.stringify(value)` with `indent` blanks a level; `None` for undefined and functions.
pub(crate) fn to_json(machine: &mut Machine<'_>, value: &Datum, indent: usize) -> Outcome<Option<String>> {
    let mut out = String::new();
    Ok(write_json(machine, value, indent, 0, &mut out)?.then_some(out))
}

fn write_json(
    machine: &mut Machine<'_>,
    value: &Datum,
    indent: usize,
    level: usize,
    out: &mut String,
) -> Outcome<bool> {
    if level > MAX_DEPTH {
        return Err(Fault::limit("makes data that is nested too deeply"));
    }
    machine.budget.steps(1)?;
    let before = out.len();
    match value {
        Datum::Undefined | Datum::Function(_) => return Ok(false),
        Datum::Null => out.push_str("null"),
        Datum::Boolean(value) => out.push_str(if *value { "true" } else { "false" }),
        Datum::Number(value) if !value.is_finite() => out.push_str("null"),
        Datum::Number(value) => out.push_str(&number::to_text(*value)),
        Datum::Wide(value) => {
            // Writing into a `String` cannot fail.
            let _ = write!(out, "{value}");
        }
        Datum::String(text) => {
            machine.budget.make(text.len())?;
            out.push_str(&quote(text));
        }
        Datum::Array(items) => {
            let mut separator = "";
            out.push('[');
            for item in items.iter() {
                out.push_str(separator);
                line(machine, indent, level + 1, out)?;
                if !write_json(machine, &item, indent, level + 1, out)? {
                    out.push_str("null");
                }
                separator = ",";
            }
            if !separator.is_empty() {
                line(machine, indent, level, out)?;
            }
            out.push(']');
        }
        Datum::Object(members) => {
            machine.make_items(2 * members.len())?;
            let mut separator = "";
            out.push('{');
            for (key, member) in members.entries() {
                if matches!(member, Datum::Undefined | Datum::Function(_)) {
                    continue;
                }
                out.push_str(separator);
                line(machine, indent, level + 1, out)?;
                machine.budget.make(key.len())?;
                out.push_str(&quote(&key));
                out.push_str(if indent > 0 { ": " } else { ":" });
                write_json(machine, &member, indent, level + 1, out)?;
                separator = ",";
            }
            if !separator.is_empty() {
                line(machine, indent, level, out)?;
            }
            out.push('}');
        }
    }
    if !matches!(value, Datum::Array(_) | Datum::Object(_)) {
        machine.budget.make(out.len() - before)?;
    }
    Ok(true)
}

fn line(machine: &mut Machine<'_>, indent: usize, level: usize, out: &mut String) -> Outcome<()> {
    if indent > 0 {
        machine.budget.make(1 + indent * level)?;
        out.push('\n');
        out.extend(std::iter::repeat_n(' ', indent * level));
    }
    Ok(())
}

fn quote(text: &str) -> String {
    // Text always has a JSON form.
    serde_json::to_string(text).unwrap_or_default()
}
