//! `Array` and the methods of lists. None of them changes its list; `sort` and `reverse` give a new one.

use std::cmp::Ordering;

use crate::builtins::strings::range;
use crate::builtins::{Native, argument, function};
use crate::convert::{join, to_number, to_text, to_whole, truthy};
use crate::datum::{Datum, Function, Items};
use crate::error::{Fault, Outcome};
use crate::machine::Machine;
use crate::operators::strictly_equal;
use crate::sort::try_sort_by;

pub(super) const METHODS: &[&str] = &[
    "at",
    "concat",
    "every",
    "filter",
    "find",
    "findIndex",
    "findLast",
    "findLastIndex",
    "flat",
    "flatMap",
    "includes",
    "indexOf",
    "join",
    "lastIndexOf",
    "map",
    "reduce",
    "reduceRight",
    "reverse",
    "slice",
    "some",
    "sort",
    "toReversed",
    "toSorted",
    "toString",
];

/// Methods of JavaScript that would change the list, and what to write instead.
const CHANGING: &[(&str, &str)] = &[
    ("push", "`[...list, item]`"),
    ("unshift", "`[item, ...list]`"),
    ("pop", "`slice(0, -1)`"),
    ("shift", "`slice(1)`"),
    ("splice", "`slice` and `concat`"),
    ("fill", "`map`"),
];

pub(super) const FUNCTIONS: &[Native] = &[
    Native {
        name: "isArray",
        run: |_, arguments| Ok(Datum::Boolean(matches!(argument(arguments, 0), Datum::Array(_)))),
    },
    Native { name: "of", run: |machine, arguments| machine.list(arguments.to_vec()) },
    Native { name: "from", run: from },
];

/// `Array.from(list or {length: n}, function)`.
fn from(machine: &mut Machine<'_>, arguments: &[Datum]) -> Outcome<Datum> {
    let source = argument(arguments, 0);
    let items = match source {
        Datum::Object(members) => {
            let length = members.get("length").unwrap_or(Datum::Number(0.0));
            let length = to_whole(machine, Some(&length), 0.0)?.clamp(0.0, 9e15) as usize;
            machine.make_items(length)?;
            (0..length).map(|index| members.get(&index.to_string()).unwrap_or(Datum::Undefined)).collect()
        }
        other => machine.spread(other)?,
    };
    if matches!(argument(arguments, 1), Datum::Undefined) {
        return machine.list(items);
    }
    let function = function(arguments, 1, "Array.from")?;
    let mut made = Vec::with_capacity(items.len());
    for (index, item) in items.into_iter().enumerate() {
        made.push(machine.apply(function, &[item, Datum::Number(index as f64)])?);
    }
    machine.list(made)
}

/// One method call.
struct Call<'c> {
    receiver: &'c Datum,
    items: &'c Items,
    name: &'c str,
    arguments: &'c [Datum],
}

pub(super) fn method(
    machine: &mut Machine<'_>,
    receiver: &Datum,
    items: &Items,
    name: &str,
    arguments: &[Datum],
) -> Outcome<Option<Datum>> {
    let call = Call { receiver, items, name, arguments };
    Ok(Some(match name {
        "map" => call.map(machine)?,
        "filter" => call.filter(machine)?,
        "flatMap" => {
            let mapped = call.map(machine)?;
            flat(machine, &mapped, 1)?
        }
        "find" | "findLast" => call.position(machine)?.and_then(|at| items.get(at)).unwrap_or(Datum::Undefined),
        "findIndex" | "findLastIndex" => index(call.position(machine)?),
        "some" => Datum::Boolean(call.position(machine)?.is_some()),
        "every" => Datum::Boolean(call.position(machine)?.is_none()),
        "reduce" => call.reduce(machine, (0..items.len()).collect())?,
        "reduceRight" => call.reduce(machine, (0..items.len()).rev().collect())?,
        "includes" => Datum::Boolean(call.search(machine, true)?.is_some()),
        "indexOf" => index(call.search(machine, false)?),
        "lastIndexOf" => index(call.search_back(machine)?),
        "join" => {
            let separator = match argument(arguments, 0) {
                Datum::Undefined => ",".into(),
                other => to_text(machine, other)?,
            };
            Datum::string(join(machine, items, &separator)?)
        }
        "toString" => Datum::String(to_text(machine, receiver)?),
        "slice" => {
            let (start, end) = range(machine, items.len(), arguments)?;
            let end = end.max(start);
            machine.make_items(end - start)?;
            machine.list((start..end).filter_map(|at| items.get(at)).collect())?
        }
        "concat" => call.concat(machine)?,
        "sort" | "toSorted" => call.sort(machine)?,
        "reverse" | "toReversed" => {
            let mut reversed = machine.spread(receiver)?;
            reversed.reverse();
            machine.list(reversed)?
        }
        "flat" => {
            let depth = to_whole(machine, arguments.first(), 1.0)?;
            flat(machine, receiver, depth.clamp(0.0, 1e6) as usize)?
        }
        "at" => {
            let at = to_whole(machine, arguments.first(), 0.0)?;
            let at = if at < 0.0 { at + items.len() as f64 } else { at };
            if at < 0.0 { Datum::Undefined } else { items.get(at as usize).unwrap_or(Datum::Undefined) }
        }
        _ => {
            return match CHANGING.iter().find(|(changing, _)| *changing == name) {
                Some((_, instead)) => Err(Fault::evaluation(format!("`{name}` would change the array; use {instead}"))),
                None => Ok(None),
            };
        }
    }))
}

fn index(at: Option<usize>) -> Datum {
    Datum::Number(at.map_or(-1.0, |at| at as f64))
}

impl Call<'_> {
    fn function(&self) -> Outcome<&Function> {
        function(self.arguments, 0, self.name)
    }

    fn apply(&self, machine: &mut Machine<'_>, function: &Function, at: usize) -> Outcome<Datum> {
        let item = self.items.get(at).unwrap_or(Datum::Undefined);
        machine.apply(function, &[item, Datum::Number(at as f64), self.receiver.clone()])
    }

    fn map(&self, machine: &mut Machine<'_>) -> Outcome<Datum> {
        let function = self.function()?;
        let mut made = Vec::new();
        for at in 0..self.items.len() {
            made.push(self.apply(machine, function, at)?);
        }
        machine.list(made)
    }

    fn filter(&self, machine: &mut Machine<'_>) -> Outcome<Datum> {
        let function = self.function()?;
        let mut made = Vec::new();
        for (at, item) in self.items.iter().enumerate() {
            if truthy(&self.apply(machine, function, at)?) {
                made.push(item);
            }
        }
        machine.list(made)
    }

    /// The first item (the last one for `findLast…`) that the function holds for; for `every` that it does not.
    fn position(&self, machine: &mut Machine<'_>) -> Outcome<Option<usize>> {
        let function = self.function()?;
        let wanted = self.name != "every";
        let backwards = self.name.starts_with("findLast");
        let length = self.items.len();
        for step in 0..length {
            let at = if backwards { length - 1 - step } else { step };
            if truthy(&self.apply(machine, function, at)?) == wanted {
                return Ok(Some(at));
            }
        }
        Ok(None)
    }

    fn reduce(&self, machine: &mut Machine<'_>, order: Vec<usize>) -> Outcome<Datum> {
        let function = self.function()?;
        machine.budget.steps(order.len())?;
        let mut order = order.into_iter();
        let mut result = match self.arguments.get(1) {
            Some(start) => start.clone(),
            None => order
                .next()
                .and_then(|at| self.items.get(at))
                .ok_or_else(|| Fault::evaluation("`reduce` of an empty array needs a start value"))?,
        };
        for at in order {
            let item = self.items.get(at).unwrap_or(Datum::Undefined);
            result = machine.apply(function, &[result, item, Datum::Number(at as f64), self.receiver.clone()])?;
        }
        Ok(result)
    }

    /// Where the first argument is, as `===` sees it; `includes` also finds NaN.
    fn search(&self, machine: &mut Machine<'_>, with_nan: bool) -> Outcome<Option<usize>> {
        let wanted = argument(self.arguments, 0);
        let (start, _) = range(machine, self.items.len(), self.arguments.get(1..2).unwrap_or_default())?;
        let is_nan = |datum: &Datum| matches!(datum, Datum::Number(number) if number.is_nan());
        for at in start..self.items.len() {
            machine.budget.steps(1)?;
            let item = self.items.get(at).unwrap_or(Datum::Undefined);
            if strictly_equal(machine, &item, wanted)? || (with_nan && is_nan(&item) && is_nan(wanted)) {
                return Ok(Some(at));
            }
        }
        Ok(None)
    }

    fn search_back(&self, machine: &mut Machine<'_>) -> Outcome<Option<usize>> {
        let wanted = argument(self.arguments, 0);
        for at in (0..self.items.len()).rev() {
            machine.budget.steps(1)?;
            if strictly_equal(machine, &self.items.get(at).unwrap_or(Datum::Undefined), wanted)? {
                return Ok(Some(at));
            }
        }
        Ok(None)
    }

    fn concat(&self, machine: &mut Machine<'_>) -> Outcome<Datum> {
        let mut made = machine.spread(self.receiver)?;
        for argument in self.arguments {
            match argument {
                Datum::Array(_) => made.extend(machine.spread(argument)?),
                other => made.push(other.clone()),
            }
        }
        machine.list(made)
    }

    /// By the function, or as texts; undefined comes last.
    fn sort(&self, machine: &mut Machine<'_>) -> Outcome<Datum> {
        let (absent, items): (Vec<_>, Vec<_>) =
            machine.spread(self.receiver)?.into_iter().partition(|item| matches!(item, Datum::Undefined));
        let mut sorted = if matches!(argument(self.arguments, 0), Datum::Undefined) {
            let mut keyed = Vec::with_capacity(items.len());
            for item in items {
                keyed.push((to_text(machine, &item)?, item));
            }
            let by_text = try_sort_by(keyed, |a, b| -> Outcome<Ordering> {
                machine.budget.steps(1 + a.0.len().min(b.0.len()) / 16)?;
                Ok(crate::text::compare(&a.0, &b.0))
            })?;
            by_text.into_iter().map(|(_, item)| item).collect()
        } else {
            let function = self.function()?;
            try_sort_by(items, |a, b| -> Outcome<Ordering> {
                let order = machine.apply(function, &[a.clone(), b.clone()])?;
                Ok(to_number(machine, &order)?.partial_cmp(&0.0).unwrap_or(Ordering::Equal))
            })?
        };
        sorted.extend(absent);
        machine.list(sorted)
    }
}

/// The items with lists up to `depth` levels down replaced by their items.
fn flat(machine: &mut Machine<'_>, list: &Datum, depth: usize) -> Outcome<Datum> {
    let mut made = Vec::new();
    flatten(machine, list, depth, &mut made)?;
    machine.list(made)
}

fn flatten(machine: &mut Machine<'_>, list: &Datum, depth: usize, made: &mut Vec<Datum>) -> Outcome<()> {
    for item in machine.spread(list)? {
        match item {
            Datum::Array(_) if depth > 0 => flatten(machine, &item, depth - 1, made)?,
            other => made.push(other),
        }
    }
    Ok(())
}
