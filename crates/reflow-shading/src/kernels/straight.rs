//! Straight-line WGSL: variables that are computed one after the other.
//!
//! For every expression the compiler walks over all expressions of its function, so that one long function takes it quadratic time.
//! Long code is therefore cut into functions, which hand on in private variables what others need.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write as _;

/// The most variables of a function.
pub(crate) const LONGEST: usize = 256;

/// A variable.
struct Line {
    name: String,
    kind: &'static str,
    text: String,
}

/// Variables in the order in which they are computed.
#[derive(Default)]
pub(crate) struct Straight {
    lines: Vec<Line>,
}

/// Code in its place.
pub(crate) struct Placed {
    /// What stands before the function that the code is part of.
    pub(crate) before: String,
    /// What stands in it.
    pub(crate) inside: String,
}

impl Straight {
    /// Computes one more variable, of earlier ones and of the parameters of the function.
    pub(crate) fn push(&mut self, name: String, kind: &'static str, text: String) {
        self.lines.push(Line { name, kind, text });
    }

    /// The code for a function called `name` that has a value `parameter`, which goes on with the variables `wanted`.
    pub(crate) fn place<'a>(
        &'a self,
        name: &str,
        parameter: (&str, &str),
        wanted: impl IntoIterator<Item = &'a str>,
    ) -> Placed {
        let (mut before, mut inside) = (String::new(), String::new());
        let wanted: Vec<&str> = wanted.into_iter().collect();
        let count = self.lines.len().div_ceil(LONGEST).max(1);
        let taken = self.taken(count, &wanted);
        let handed_on: BTreeSet<usize> = taken.iter().flatten().copied().collect();
        for at in &handed_on {
            let Line { name: variable, kind, .. } = &self.lines[*at];
            let _ = writeln!(before, "var<private> {name}_{variable}: {kind};");
        }
        for (part, taken) in taken.iter().enumerate() {
            let is_last = part + 1 == count;
            let out = if is_last { &mut inside } else { &mut before };
            if is_last {
                for part in 0..part {
                    let _ = writeln!(out, "    {name}_part_{part}({});", parameter.0);
                }
            } else {
                let (argument, kind) = parameter;
                let _ = writeln!(out, "fn {name}_part_{part}({argument}: {kind}) {{");
            }
            for at in taken {
                let variable = &self.lines[*at].name;
                let _ = writeln!(out, "    let {variable} = {name}_{variable};");
            }
            let first = part * LONGEST;
            for (at, line) in self.lines.iter().enumerate().skip(first).take(LONGEST) {
                let _ = writeln!(out, "    let {} = {};", line.name, line.text);
                if handed_on.contains(&at) {
                    let _ = writeln!(out, "    {name}_{0} = {0};", line.name);
                }
            }
            if !is_last {
                out.push_str("}\n\n");
            }
        }
        Placed { before, inside }
    }

    /// For each part the variables of earlier ones that it reads.
    fn taken(&self, count: usize, wanted: &[&str]) -> Vec<BTreeSet<usize>> {
        let mut taken = vec![BTreeSet::new(); count];
        if count == 1 {
            return taken;
        }
        let places: HashMap<&str, usize> = self.lines.iter().map(|line| line.name.as_str()).zip(0..).collect();
        let texts = self.lines.iter().enumerate().map(|(at, line)| (at / LONGEST, line.text.as_str()));
        for (part, text) in texts.chain(wanted.iter().map(|name| (count - 1, *name))) {
            let words = text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
            let used = words.filter_map(|word| places.get(word).copied());
            taken[part].extend(used.filter(|at| at / LONGEST < part));
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::validate::validate;

    #[test]
    fn short_code_stands_in_its_function() {
        let mut code = Straight::default();
        code.push("a".into(), "f32", "x + 1.0".into());
        code.push("b".into(), "f32", "a * a".into());
        let Placed { before, inside } = code.place("f", ("x", "f32"), ["b"]);
        assert_eq!((before.as_str(), inside.as_str()), ("", "    let a = x + 1.0;\n    let b = a * a;\n"));
    }

    #[test]
    fn long_code_hands_on_what_is_needed_later() {
        let mut code = Straight::default();
        code.push("v0".into(), "vec2f", "vec2f(x)".into());
        for at in 1..3 * LONGEST {
            code.push(format!("v{at}"), "vec2f", format!("v{} + vec2f(x)", at - 1));
        }
        let (last, name) = (3 * LONGEST - 1, "f");
        let result = format!("v{last}");
        let Placed { before, inside } = code.place(name, ("x", "f32"), ["v7", &result]);
        let text = format!("{before}fn f(x: f32) -> vec2f {{\n{inside}    return v7 + v{last};\n}}\n");
        assert_eq!(validate(&text), Ok(()), "{text}");
        let private: Vec<&str> = text.lines().filter(|line| line.starts_with("var<private>")).collect();
        assert_eq!(private, ["v7", "v255", "v511"].map(|name| format!("var<private> f_{name}: vec2f;")));
        assert!(text.contains("fn f_part_1(") && !text.contains("fn f_part_2("));
    }
}
