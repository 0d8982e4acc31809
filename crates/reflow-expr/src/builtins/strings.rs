//! `String` and the methods of text.

use std::sync::Arc;

use crate::builtins::{Native, argument};
use crate::convert::{to_number, to_text, to_whole};
use crate::datum::{Datum, Function};
use crate::error::{Fault, Outcome};
use crate::machine::Machine;
use crate::text;

pub(super) const METHODS: &[&str] = &[
    "at",
    "charAt",
    "charCodeAt",
    "codePointAt",
    "concat",
    "endsWith",
    "includes",
    "indexOf",
    "lastIndexOf",
    "localeCompare",
    "padEnd",
    "padStart",
    "repeat",
    "replace",
    "replaceAll",
    "slice",
    "split",
    "startsWith",
    "substr",
    "substring",
    "toLowerCase",
    "toString",
    "toUpperCase",
    "trim",
    "trimEnd",
    "trimStart",
];

pub(super) const FUNCTIONS: &[Native] =
    &[Native { name: "fromCharCode", run: from_units }, Native { name: "fromCodePoint", run: from_code_points }];

fn from_units(machine: &mut Machine<'_>, arguments: &[Datum]) -> Outcome<Datum> {
    let mut units = Vec::with_capacity(arguments.len());
    for argument in arguments {
        units.push(crate::operators::to_int32(to_number(machine, argument)?) as u16);
    }
    machine.text(String::from_utf16_lossy(&units))
}

fn from_code_points(machine: &mut Machine<'_>, arguments: &[Datum]) -> Outcome<Datum> {
    let mut made = String::new();
    for argument in arguments {
        let code = to_number(machine, argument)?;
        let character = if code.fract() == 0.0 && (0.0..=1_114_111.0).contains(&code) {
            char::from_u32(code as u32).unwrap_or(char::REPLACEMENT_CHARACTER)
        } else {
            return Err(Fault::evaluation("`String.fromCodePoint` takes whole numbers from 0 to 0x10FFFF"));
        };
        made.push(character);
    }
    machine.text(made)
}

pub(super) fn method(
    machine: &mut Machine<'_>,
    receiver: &Arc<str>,
    name: &str,
    arguments: &[Datum],
) -> Outcome<Option<Datum>> {
    machine.budget.scan(receiver.len())?;
    Ok(Some(match name {
        "toUpperCase" => machine.text(receiver.to_uppercase())?,
        "toLowerCase" => machine.text(receiver.to_lowercase())?,
        "trim" => machine.text(receiver.trim_matches(is_blank))?,
        "trimStart" => machine.text(receiver.trim_start_matches(is_blank))?,
        "trimEnd" => machine.text(receiver.trim_end_matches(is_blank))?,
        "toString" => Datum::String(Arc::clone(receiver)),
        "includes" => Datum::Boolean(tail(machine, receiver, arguments)?.contains(&*pattern(machine, arguments)?)),
        "startsWith" => Datum::Boolean(tail(machine, receiver, arguments)?.starts_with(&*pattern(machine, arguments)?)),
        "endsWith" => {
            let end = to_whole(machine, arguments.get(1), f64::INFINITY)?.max(0.0) as usize;
            let head = &receiver[..text::byte_of(receiver, end)];
            Datum::Boolean(head.ends_with(&*pattern(machine, arguments)?))
        }
        "indexOf" => {
            let start = text::byte_of(receiver, to_whole(machine, arguments.get(1), 0.0)?.max(0.0) as usize);
            let found = receiver[start..].find(&*pattern(machine, arguments)?);
            index(receiver, found.map(|at| start + at))
        }
        "lastIndexOf" => index(receiver, receiver.rfind(&*pattern(machine, arguments)?)),
        // There is no locale: the order is that of `sort`, by code points.
        "localeCompare" => Datum::Number(f64::from(receiver.cmp(&pattern(machine, arguments)?) as i8)),
        "slice" => slice(machine, receiver, arguments)?,
        "substr" => {
            let (start, end) = range(machine, text::length(receiver), &arguments[..arguments.len().min(1)])?;
            let length = to_whole(machine, arguments.get(1), f64::INFINITY)?.max(0.0);
            machine.text(text::slice(receiver, start, (start as f64 + length).min(end as f64) as usize))?
        }
        "substring" => {
            let length = text::length(receiver) as f64;
            let a = to_whole(machine, arguments.first(), 0.0)?.clamp(0.0, length);
            let b = to_whole(machine, arguments.get(1), length)?.clamp(0.0, length);
            machine.text(text::slice(receiver, a.min(b) as usize, a.max(b) as usize))?
        }
        "charAt" | "at" => {
            let at = position(machine, receiver, arguments, name == "at")?;
            match at.and_then(|at| text::unit_at(receiver, at)) {
                Some(unit) => Datum::string(unit),
                None if name == "at" => Datum::Undefined,
                None => Datum::string(""),
            }
        }
        "charCodeAt" => {
            let at = position(machine, receiver, arguments, false)?;
            Datum::Number(at.and_then(|at| text::unit(receiver, at)).map_or(f64::NAN, f64::from))
        }
        "codePointAt" => {
            let at = position(machine, receiver, arguments, false)?.unwrap_or(usize::MAX);
            let rest = &receiver[text::byte_of(receiver, at)..];
            rest.chars().next().map_or(Datum::Undefined, |c| Datum::Number(f64::from(u32::from(c))))
        }
        "split" => split(machine, receiver, arguments)?,
        "replace" => replace(machine, receiver, arguments, false)?,
        "replaceAll" => replace(machine, receiver, arguments, true)?,
        "repeat" => {
            let count = to_whole(machine, arguments.first(), 0.0)?;
            if !(0.0..=9e15).contains(&count) {
                return Err(Fault::evaluation("`repeat` takes a count from 0"));
            }
            machine.budget.make(receiver.len().saturating_mul(count as usize))?;
            Datum::string(receiver.repeat(if receiver.is_empty() { 0 } else { count as usize }))
        }
        "padStart" => pad(machine, receiver, arguments, true)?,
        "padEnd" => pad(machine, receiver, arguments, false)?,
        "concat" => {
            let mut joined = receiver.to_string();
            for argument in arguments {
                let piece = to_text(machine, argument)?;
                machine.budget.make(piece.len())?;
                joined.push_str(&piece);
            }
            machine.text(joined)?
        }
        _ => return Ok(None),
    }))
}

fn is_blank(c: char) -> bool {
    c.is_whitespace() || c == '\u{feff}'
}

fn pattern(machine: &mut Machine<'_>, arguments: &[Datum]) -> Outcome<Arc<str>> {
    let pattern = to_text(machine, argument(arguments, 0))?;
    machine.budget.scan(pattern.len())?;
    Ok(pattern)
}

/// The text from the unit that the second argument names.
fn tail<'a>(machine: &mut Machine<'_>, receiver: &'a str, arguments: &[Datum]) -> Outcome<&'a str> {
    let start = to_whole(machine, arguments.get(1), 0.0)?.max(0.0) as usize;
    Ok(&receiver[text::byte_of(receiver, start)..])
}

fn index(receiver: &str, byte: Option<usize>) -> Datum {
    Datum::Number(byte.map_or(-1.0, |at| text::unit_of(receiver, at) as f64))
}

fn position(machine: &mut Machine<'_>, receiver: &str, arguments: &[Datum], from_end: bool) -> Outcome<Option<usize>> {
    let mut at = to_whole(machine, arguments.first(), 0.0)?;
    if at < 0.0 && from_end {
        at += text::length(receiver) as f64;
    }
    Ok((0.0..=9e15).contains(&at).then_some(at as usize))
}

fn slice(machine: &mut Machine<'_>, receiver: &str, arguments: &[Datum]) -> Outcome<Datum> {
    let (start, end) = range(machine, text::length(receiver), arguments)?;
    machine.text(text::slice(receiver, start, end))
}

/// What `slice(start, end)` means for `length` units or items; negative numbers count from the end.
pub(super) fn range(machine: &mut Machine<'_>, length: usize, arguments: &[Datum]) -> Outcome<(usize, usize)> {
    let length = length as f64;
    let mut bound = |index: usize, otherwise: f64| -> Outcome<usize> {
        let at = to_whole(machine, arguments.get(index), otherwise)?;
        Ok(if at < 0.0 { (length + at).max(0.0) } else { at.min(length) } as usize)
    };
    Ok((bound(0, 0.0)?, bound(1, length)?))
}

fn split(machine: &mut Machine<'_>, receiver: &Arc<str>, arguments: &[Datum]) -> Outcome<Datum> {
    let limit = match argument(arguments, 1) {
        Datum::Undefined => usize::MAX,
        // A negative limit counts as a huge one.
        other => crate::operators::to_int32(to_number(machine, other)?) as u32 as usize,
    };
    if matches!(argument(arguments, 0), Datum::Undefined) {
        return machine.list(vec![Datum::String(Arc::clone(receiver))]);
    }
    let separator = pattern(machine, arguments)?;
    machine.budget.make(receiver.len())?;
    let pieces: Vec<Datum> = if separator.is_empty() {
        machine.make_items(receiver.len().min(limit))?;
        receiver.encode_utf16().take(limit).map(|unit| Datum::string(String::from_utf16_lossy(&[unit]))).collect()
    } else {
        machine.make_items(receiver.matches(&*separator).count().min(limit))?;
        receiver.split(&*separator).take(limit).map(Datum::string).collect()
    };
    machine.list(pieces)
}

fn replace(machine: &mut Machine<'_>, receiver: &Arc<str>, arguments: &[Datum], all: bool) -> Outcome<Datum> {
    let pattern = pattern(machine, arguments)?;
    let mut made = String::new();
    let mut end = 0;
    for (at, found) in receiver.match_indices(&*pattern).take(if all { usize::MAX } else { 1 }) {
        machine.budget.steps(1)?;
        let piece = match argument(arguments, 1) {
            Datum::Function(function) => replacement_of(machine, function, receiver, at, found)?,
            other => {
                let template = to_text(machine, other)?;
                expand(machine, &template, receiver, at, found)?
            }
        };
        machine.budget.make(at - end + piece.len())?;
        made.push_str(&receiver[end..at]);
        made.push_str(&piece);
        end = at + found.len();
    }
    machine.budget.make(receiver.len() - end)?;
    made.push_str(&receiver[end..]);
    Ok(Datum::string(made))
}

fn replacement_of(
    machine: &mut Machine<'_>,
    function: &Function,
    receiver: &Arc<str>,
    at: usize,
    found: &str,
) -> Outcome<Arc<str>> {
    machine.budget.scan(at)?;
    let position = Datum::Number(text::unit_of(receiver, at) as f64);
    let value = machine.apply(function, &[Datum::string(found), position, Datum::String(Arc::clone(receiver))])?;
    to_text(machine, &value)
}

/// A replacement text with `$$`, `$&`, `` $` `` and `$'` filled in.
fn expand(machine: &mut Machine<'_>, template: &Arc<str>, whole: &str, at: usize, found: &str) -> Outcome<Arc<str>> {
    if !template.contains('$') {
        return Ok(Arc::clone(template));
    }
    let mut made = String::new();
    let mut rest = &**template;
    while let Some(sign) = rest.find('$') {
        made.push_str(&rest[..sign]);
        let (piece, used) = match rest.as_bytes().get(sign + 1) {
            Some(b'$') => ("$", 2),
            Some(b'&') => (found, 2),
            Some(b'`') => (&whole[..at], 2),
            Some(b'\'') => (&whole[at + found.len()..], 2),
            _ => ("$", 1),
        };
        machine.budget.make(sign + piece.len())?;
        made.push_str(piece);
        rest = &rest[sign + used..];
    }
    made.push_str(rest);
    Ok(made.into())
}

fn pad(machine: &mut Machine<'_>, receiver: &Arc<str>, arguments: &[Datum], front: bool) -> Outcome<Datum> {
    let wanted = to_whole(machine, arguments.first(), 0.0)?.clamp(0.0, 9e15) as usize;
    let filler = match argument(arguments, 1) {
        Datum::Undefined => " ".into(),
        other => to_text(machine, other)?,
    };
    let missing = wanted.saturating_sub(text::length(receiver));
    if missing == 0 || filler.is_empty() {
        return Ok(Datum::String(Arc::clone(receiver)));
    }
    machine.budget.make(missing.saturating_mul(3).saturating_add(receiver.len()))?;
    let units: Vec<u16> = filler.encode_utf16().cycle().take(missing).collect();
    let filling = String::from_utf16_lossy(&units);
    Ok(Datum::string(if front { format!("{filling}{receiver}") } else { format!("{receiver}{filling}") }))
}
