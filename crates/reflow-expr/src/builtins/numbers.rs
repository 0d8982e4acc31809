//! `Number` and the methods of numbers.

use crate::builtins::{Native, argument};
use crate::convert::{to_number, to_text, to_whole};
use crate::datum::Datum;
use crate::error::{Fault, Outcome};
use crate::machine::Machine;
use crate::number;

pub(super) const METHODS: &[&str] = &["toFixed", "toString"];

const MAX_SAFE: f64 = 9_007_199_254_740_991.0;

pub(super) fn constant(name: &str) -> Option<f64> {
    Some(match name {
        "EPSILON" => f64::EPSILON,
        "MAX_SAFE_INTEGER" => MAX_SAFE,
        "MIN_SAFE_INTEGER" => -MAX_SAFE,
        "MAX_VALUE" => f64::MAX,
        "MIN_VALUE" => 5e-324,
        "NaN" => f64::NAN,
        "POSITIVE_INFINITY" => f64::INFINITY,
        "NEGATIVE_INFINITY" => f64::NEG_INFINITY,
        _ => return None,
    })
}

pub(super) const FUNCTIONS: &[Native] = &[
    Native { name: "isInteger", run: |_, arguments| Ok(test(arguments, |x| x.is_finite() && x.fract() == 0.0)) },
    Native {
        name: "isSafeInteger",
        run: |_, arguments| Ok(test(arguments, |x| x.fract() == 0.0 && x.abs() <= MAX_SAFE)),
    },
    Native { name: "isFinite", run: |_, arguments| Ok(test(arguments, f64::is_finite)) },
    Native { name: "isNaN", run: |_, arguments| Ok(test(arguments, f64::is_nan)) },
    Native { name: "parseFloat", run: |machine, arguments| super::Builtin::ParseFloat.call(machine, arguments) },
    Native { name: "parseInt", run: |machine, arguments| super::Builtin::ParseInt.call(machine, arguments) },
];

/// Unlike the global functions of the same names these do not convert.
fn test(arguments: &[Datum], holds: fn(f64) -> bool) -> Datum {
    Datum::Boolean(match argument(arguments, 0) {
        Datum::Number(number) => holds(*number),
        Datum::Wide(number) => holds(*number as f64),
        _ => false,
    })
}

pub(super) fn method(
    machine: &mut Machine<'_>,
    receiver: &Datum,
    name: &str,
    arguments: &[Datum],
) -> Outcome<Option<Datum>> {
    Ok(Some(match name {
        "toFixed" => {
            let places = to_whole(machine, arguments.first(), 0.0)?;
            if !(0.0..=100.0).contains(&places) {
                return Err(Fault::evaluation("`toFixed` takes 0 to 100 digits"));
            }
            let value = to_number(machine, receiver)?;
            machine.budget.steps(places as usize)?;
            machine.text(number::to_fixed(value, places as usize))?
        }
        "toString" => {
            let radix = to_whole(machine, arguments.first(), 10.0)?;
            if !(2.0..=36.0).contains(&radix) {
                return Err(Fault::evaluation("`toString` takes a radix from 2 to 36"));
            }
            if radix == 10.0 {
                return Ok(Some(Datum::String(to_text(machine, receiver)?)));
            }
            let value = to_number(machine, receiver)?;
            let digits = number::to_radix(value, radix as u32);
            // Each digit is a division.
            machine.budget.steps(digits.len())?;
            machine.text(digits)?
        }
        _ => return Ok(None),
    }))
}
