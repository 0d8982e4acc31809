//! The global names.

use crate::builtins::{Native, argument, arrays, json, math, numbers, objects, strings};
use crate::convert::{to_number, to_text, truthy};
use crate::datum::Datum;
use crate::error::{Fault, Outcome};
use crate::machine::Machine;
use crate::number;

/// A name that every expression knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Builtin {
    Math,
    Json,
    Object,
    Array,
    String,
    Number,
    Boolean,
    ParseInt,
    ParseFloat,
    IsNaN,
    IsFinite,
}

impl Builtin {
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "Math" => Self::Math,
            "JSON" => Self::Json,
            "Object" => Self::Object,
            "Array" => Self::Array,
            "String" => Self::String,
            "Number" => Self::Number,
            "Boolean" => Self::Boolean,
            "parseInt" => Self::ParseInt,
            "parseFloat" => Self::ParseFloat,
            "isNaN" => Self::IsNaN,
            "isFinite" => Self::IsFinite,
            _ => return None,
        })
    }

    fn name(self) -> &'static str {
        match self {
            Self::Math => "Math",
            Self::Json => "JSON",
            Self::Object => "Object",
            Self::Array => "Array",
            Self::String => "String",
            Self::Number => "Number",
            Self::Boolean => "Boolean",
            Self::ParseInt => "parseInt",
            Self::ParseFloat => "parseFloat",
            Self::IsNaN => "isNaN",
            Self::IsFinite => "isFinite",
        }
    }

    /// A constant or function of a built-in object.
    pub(crate) fn member(self, name: &str) -> Outcome<Datum> {
        if let Some(constant) = self.constant(name) {
            return Ok(Datum::Number(constant));
        }
        let natives: &[Native] = match self {
            Self::Math => math::FUNCTIONS,
            Self::Json => json::FUNCTIONS,
            Self::Object => objects::FUNCTIONS,
            Self::Array => arrays::FUNCTIONS,
            Self::String => strings::FUNCTIONS,
            Self::Number => numbers::FUNCTIONS,
            Self::Boolean | Self::ParseInt | Self::ParseFloat | Self::IsNaN | Self::IsFinite => &[],
        };
        match natives.iter().find(|native| native.name == name) {
            Some(native) => Ok(Datum::Function(crate::datum::Function::Native(*native))),
            None => Err(Fault::evaluation(format!("there is no `{}.{name}`", self.name()))),
        }
    }

    fn constant(self, name: &str) -> Option<f64> {
        match self {
            Self::Math => math::constant(name),
            Self::Number => numbers::constant(name),
            _ => None,
        }
    }

    /// The name used as a function.
    pub(crate) fn call(self, machine: &mut Machine<'_>, arguments: &[Datum]) -> Outcome<Datum> {
        let first = argument(arguments, 0);
        Ok(match self {
            Self::Number if arguments.is_empty() => Datum::Number(0.0),
            Self::Number => Datum::Number(to_number(machine, first)?),
            Self::String if arguments.is_empty() => Datum::string(""),
            Self::String => Datum::String(to_text(machine, first)?),
            Self::Boolean => Datum::Boolean(truthy(first)),
            Self::ParseFloat => {
                let text = to_text(machine, first)?;
                machine.budget.scan(text.len())?;
                Datum::Number(number::parse_float(&text))
            }
            Self::ParseInt => {
                let text = to_text(machine, first)?;
                machine.budget.scan(text.len())?;
                let radix = to_number(machine, argument(arguments, 1))?;
                Datum::Number(number::parse_int(&text, crate::operators::to_int32(radix)))
            }
            Self::IsNaN => Datum::Boolean(to_number(machine, first)?.is_nan()),
            Self::IsFinite => Datum::Boolean(to_number(machine, first)?.is_finite()),
            Self::Math | Self::Json | Self::Object | Self::Array => {
                return Err(Fault::evaluation(format!("`{}` is not a function", self.name())));
            }
        })
    }
}
