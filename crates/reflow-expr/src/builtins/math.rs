//! `Math`.

use std::f64::consts;

use crate::builtins::{Native, argument};
use crate::convert::to_number;
use crate::datum::Datum;
use crate::error::Outcome;
use crate::machine::Machine;

pub(super) fn constant(name: &str) -> Option<f64> {
    Some(match name {
        "PI" => consts::PI,
        "E" => consts::E,
        "LN2" => consts::LN_2,
        "LN10" => consts::LN_10,
        "LOG2E" => consts::LOG2_E,
        "LOG10E" => consts::LOG10_E,
        "SQRT2" => consts::SQRT_2,
        "SQRT1_2" => consts::FRAC_1_SQRT_2,
        _ => return None,
    })
}

macro_rules! of_one {
    ($($name:literal => $function:expr),+ $(,)?) => {
        &[
            $(Native {
                name: $name,
                run: |machine, arguments| {
                    let function: fn(f64) -> f64 = $function;
                    Ok(Datum::Number(function(to_number(machine, argument(arguments, 0))?)))
                },
            },)+
            Native { name: "atan2", run: |machine, arguments| of_two(machine, arguments, f64::atan2) },
            Native { name: "pow", run: |machine, arguments| of_two(machine, arguments, crate::operators::power) },
            Native { name: "hypot", run: |machine, arguments| fold(machine, arguments, 0.0, f64::hypot) },
            Native { name: "max", run: |machine, arguments| fold(machine, arguments, f64::NEG_INFINITY, larger) },
            Native { name: "min", run: |machine, arguments| fold(machine, arguments, f64::INFINITY, smaller) },
        ]
    };
}

pub(super) const FUNCTIONS: &[Native] = of_one! {
    "abs" => f64::abs,
    "acos" => f64::acos,
    "acosh" => f64::acosh,
    "asin" => f64::asin,
    "asinh" => f64::asinh,
    "atan" => f64::atan,
    "atanh" => f64::atanh,
    "cbrt" => f64::cbrt,
    "ceil" => f64::ceil,
    "clz32" => |x| f64::from((crate::operators::to_int32(x) as u32).leading_zeros()),
    "cos" => f64::cos,
    "cosh" => f64::cosh,
    "exp" => f64::exp,
    "expm1" => f64::exp_m1,
    "floor" => f64::floor,
    "fround" => |x| f64::from(x as f32),
    "log" => f64::ln,
    "log10" => f64::log10,
    "log1p" => f64::ln_1p,
    "log2" => f64::log2,
    "round" => round,
    "sign" => |x| if x == 0.0 || x.is_nan() { x } else { x.signum() },
    "sin" => f64::sin,
    "sinh" => f64::sinh,
    "sqrt" => f64::sqrt,
    "tan" => f64::tan,
    "tanh" => f64::tanh,
    "trunc" => f64::trunc,
};

/// Ties go up.
fn round(x: f64) -> f64 {
    let down = x.floor();
    if x - down >= 0.5 { down + 1.0 } else { down }
}

fn larger(a: f64, b: f64) -> f64 {
    if a.is_nan() || b.is_nan() { f64::NAN } else { a.max(b) }
}

fn smaller(a: f64, b: f64) -> f64 {
    if a.is_nan() || b.is_nan() { f64::NAN } else { a.min(b) }
}

fn of_two(machine: &mut Machine<'_>, arguments: &[Datum], function: fn(f64, f64) -> f64) -> Outcome<Datum> {
    let first = to_number(machine, argument(arguments, 0))?;
    Ok(Datum::Number(function(first, to_number(machine, argument(arguments, 1))?)))
}

fn fold(machine: &mut Machine<'_>, arguments: &[Datum], start: f64, function: fn(f64, f64) -> f64) -> Outcome<Datum> {
    machine.budget.steps(arguments.len())?;
    let mut result = start;
    for value in arguments {
        result = function(result, to_number(machine, value)?);
    }
    Ok(Datum::Number(result))
}
