//! `Object` and the methods of objects.

use std::sync::Arc;

use crate::builtins::{Native, argument};
use crate::convert::to_text;
use crate::datum::{Datum, Members};
use crate::error::{Fault, Outcome};
use crate::machine::{Entries, Machine};

pub(super) const METHODS: &[&str] = &["hasOwnProperty", "toString"];

pub(super) const FUNCTIONS: &[Native] = &[
    Native { name: "keys", run: keys },
    Native { name: "values", run: values },
    Native { name: "entries", run: entries },
    Native { name: "fromEntries", run: from_entries },
    Native { name: "assign", run: assign },
    Native { name: "hasOwn", run: has_own },
];

fn members(machine: &mut Machine<'_>, arguments: &[Datum]) -> Outcome<Vec<(Arc<str>, Datum)>> {
    let object = argument(arguments, 0);
    if object.is_nullish() {
        return Err(Fault::evaluation(format!("expected an object, found {}", object.describe())));
    }
    machine.entries(object)
}

fn keys(machine: &mut Machine<'_>, arguments: &[Datum]) -> Outcome<Datum> {
    let keys = members(machine, arguments)?.into_iter().map(|(key, _)| Datum::String(key)).collect();
    machine.list(keys)
}

fn values(machine: &mut Machine<'_>, arguments: &[Datum]) -> Outcome<Datum> {
    let values = members(machine, arguments)?.into_iter().map(|(_, value)| value).collect();
    machine.list(values)
}

fn entries(machine: &mut Machine<'_>, arguments: &[Datum]) -> Outcome<Datum> {
    let members = members(machine, arguments)?;
    let mut pairs = Vec::with_capacity(members.len());
    for (key, value) in members {
        pairs.push(machine.list(vec![Datum::String(key), value])?);
    }
    machine.list(pairs)
}

fn from_entries(machine: &mut Machine<'_>, arguments: &[Datum]) -> Outcome<Datum> {
    let mut made = Entries::new();
    for pair in machine.spread(argument(arguments, 0))? {
        let Datum::Array(pair) = pair else {
            return Err(Fault::evaluation(format!("expected a pair of key and value, found {}", pair.describe())));
        };
        let key = to_text(machine, &pair.get(0).unwrap_or(Datum::Undefined))?;
        machine.budget.scan(key.len())?;
        made.insert(key, pair.get(1).unwrap_or(Datum::Undefined));
    }
    machine.record(made)
}

/// The members of all arguments in a new object; nothing is changed in place.
fn assign(machine: &mut Machine<'_>, arguments: &[Datum]) -> Outcome<Datum> {
    let mut made = Entries::new();
    for object in arguments {
        made.extend(machine.entries(object)?);
    }
    machine.record(made)
}

fn has_own(machine: &mut Machine<'_>, arguments: &[Datum]) -> Outcome<Datum> {
    let key = to_text(machine, argument(arguments, 1))?;
    machine.budget.scan(key.len())?;
    Ok(Datum::Boolean(matches!(argument(arguments, 0), Datum::Object(members) if members.get(&key).is_some())))
}

pub(super) fn method(
    machine: &mut Machine<'_>,
    receiver: &Members,
    name: &str,
    arguments: &[Datum],
) -> Outcome<Option<Datum>> {
    Ok(Some(match name {
        "hasOwnProperty" => {
            let key = to_text(machine, argument(arguments, 0))?;
            machine.budget.scan(key.len())?;
            Datum::Boolean(receiver.get(&key).is_some())
        }
        "toString" => Datum::string("[object Object]"),
        _ => return Ok(None),
    }))
}
