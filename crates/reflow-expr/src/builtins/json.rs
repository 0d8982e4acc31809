//! `JSON`.

use reflow_message::Value;

use crate::builtins::{Native, argument};
use crate::convert::{to_json, to_text, to_whole};
use crate::datum::Datum;
use crate::error::{Fault, Outcome};
use crate::machine::Machine;

pub(super) const FUNCTIONS: &[Native] =
    &[Native { name: "stringify", run: stringify }, Native { name: "parse", run: parse }];

fn stringify(machine: &mut Machine<'_>, arguments: &[Datum]) -> Outcome<Datum> {
    if let replacer @ (Datum::Function(_) | Datum::Array(_)) = argument(arguments, 1) {
        return Err(Fault::evaluation(format!(
            "`JSON.stringify` takes null as its second argument here, found {}",
            replacer.describe()
        )));
    }
    let indent = match argument(arguments, 2) {
        Datum::String(text) => text.len() as f64,
        other => to_whole(machine, Some(other), 0.0)?,
    };
    let text = to_json(machine, argument(arguments, 0), indent.clamp(0.0, 10.0) as usize)?;
    Ok(text.map_or(Datum::Undefined, Datum::string))
}

fn parse(machine: &mut Machine<'_>, arguments: &[Datum]) -> Outcome<Datum> {
    let text = to_text(machine, argument(arguments, 0))?;
    // What is read takes several times the room of its text.
    machine.budget.steps(text.len())?;
    machine.budget.make(text.len().saturating_mul(8))?;
    let value: Value = Value::from_json(&text).map_err(|error| Fault::evaluation(format!("`JSON.parse`: {error}")))?;
    Ok(Datum::from(value))
}
