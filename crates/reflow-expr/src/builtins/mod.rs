//! What the language brings along: global names, members and methods.

mod arrays;
mod globals;
mod json;
mod math;
mod numbers;
mod objects;
mod strings;

use crate::datum::{Datum, Function, index_key};
use crate::error::{Fault, Outcome};
use crate::machine::Machine;
use crate::text;

pub(crate) use globals::Builtin;

/// What runs a built-in function.
pub(crate) type Run = fn(&mut Machine<'_>, &[Datum]) -> Outcome<Datum>;

/// A function of a built-in object, `Math.max` for example.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Native {
    pub(crate) name: &'static str,
    pub(crate) run: Run,
}

/// The argument at `index`; undefined when it is not given.
pub(crate) fn argument(arguments: &[Datum], index: usize) -> &Datum {
    arguments.get(index).unwrap_or(&Datum::Undefined)
}

/// The function given as argument `index` of `method`.
fn function<'a>(arguments: &'a [Datum], index: usize, method: &str) -> Outcome<&'a Function> {
    match argument(arguments, index) {
        Datum::Function(function) => Ok(function),
        other => Err(Fault::evaluation(format!("`{method}` needs a function, found {}", other.describe()))),
    }
}

/// `object.name`.
pub(crate) fn member(machine: &mut Machine<'_>, object: &Datum, name: &str) -> Outcome<Datum> {
    Ok(match object {
        Datum::Undefined | Datum::Null => {
            return Err(Fault::evaluation(format!("cannot read `{name}` of {}", object.describe())));
        }
        Datum::Object(members) => members.get(name).unwrap_or(Datum::Undefined),
        Datum::Array(items) if name == "length" => Datum::Number(items.len() as f64),
        Datum::Array(items) => index_key(name).and_then(|index| items.get(index as usize)).unwrap_or(Datum::Undefined),
        Datum::String(value) => {
            // Where a unit is, and how many there are, is only seen by walking through the text.
            machine.budget.scan(value.len())?;
            match index_key(name) {
                _ if name == "length" => Datum::Number(text::length(value) as f64),
                Some(index) => text::unit_at(value, index as usize).map_or(Datum::Undefined, Datum::string),
                None => Datum::Undefined,
            }
        }
        Datum::Function(Function::Builtin(builtin)) => builtin.member(name)?,
        Datum::Function(_) | Datum::Boolean(_) | Datum::Number(_) | Datum::Wide(_) => Datum::Undefined,
    })
}

/// Whether `receiver` has a built-in method of that name.
pub(crate) fn has_method(receiver: &Datum, name: &str) -> bool {
    match receiver {
        Datum::String(_) => strings::METHODS.contains(&name),
        Datum::Array(_) => arrays::METHODS.contains(&name),
        Datum::Number(_) | Datum::Wide(_) => numbers::METHODS.contains(&name),
        Datum::Object(_) => objects::METHODS.contains(&name),
        Datum::Boolean(_) => name == "toString",
        Datum::Undefined | Datum::Null | Datum::Function(_) => false,
    }
}

/// `receiver.name(arguments)`.
pub(crate) fn method(machine: &mut Machine<'_>, receiver: &Datum, name: &str, arguments: &[Datum]) -> Outcome<Datum> {
    let result = match receiver {
        Datum::String(text) => strings::method(machine, text, name, arguments)?,
        Datum::Array(items) => arrays::method(machine, receiver, items, name, arguments)?,
        Datum::Number(_) | Datum::Wide(_) => numbers::method(machine, receiver, name, arguments)?,
        Datum::Object(members) => objects::method(machine, members, name, arguments)?,
        Datum::Boolean(value) if name == "toString" => Some(Datum::string(value.to_string())),
        Datum::Boolean(_) | Datum::Undefined | Datum::Null | Datum::Function(_) => None,
    };
    result.ok_or_else(|| Fault::evaluation(format!("{} has no method `{name}`", receiver.describe())))
}
