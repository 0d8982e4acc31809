//! Arithmetic formulas: parsed once, evaluated for every packet, always in a time proportional to their length.
//!
//! ```text
//! sum     = product { ("+" | "-") product }
//! product = power { ("*" | "/" | "%") power }
//! power   = unary [ "^" power ]
//! unary   = [ "-" ] atom                          so that -2^2 is 4
//! atom    = number | "(" sum [ ")" ] | "$input" | "$x" | name | name "(" [ sum { "," sum } ] ")"
//! ```

use std::f64::consts::{E, PI, TAU};
use std::sync::Arc;

/// How deeply a formula may be nested; keeps the parser's stack small.
const MAX_NESTING: usize = 100;

/// A formula over one number and named ones.
#[derive(Clone, Debug)]
pub(super) enum Formula {
    Number(f64),
    Input,
    Variable(Arc<str>),
    Negated(Box<Formula>),
    /// Operators of one rank, from left to right. Flat, so that a long formula is not a deep one.
    Chain(Box<Formula>, Vec<(Operator, Formula)>),
    /// Powers, from right to left.
    Powers(Vec<Formula>, Box<Formula>),
    Call(fn(&[f64]) -> Result<f64, &'static str>, Vec<Formula>),
}

/// What stands between two operands.
#[derive(Clone, Copy, Debug)]
pub(super) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

impl Formula {
    /// Parses a formula.
    ///
    /// # Errors
    /// What is wrong and where.
    pub(super) fn parse(source: &str) -> Result<Self, Mistake> {
        let mut parser = Parser::new(source);
        let formula = parser.sum()?;
        if parser.at < parser.characters.len() { Err(parser.unexpected()) } else { Ok(formula) }
    }

    /// The value for an input, with other names looked up in `variables`.
    ///
    /// # Errors
    /// Divisions by zero and names that stand for nothing.
    pub(super) fn evaluate(&self, input: f64, variables: &dyn Fn(&str) -> Option<f64>) -> Result<f64, String> {
        let of = |formula: &Self| formula.evaluate(input, variables);
        Ok(match self {
            Self::Number(number) => *number,
            Self::Input => input,
            Self::Variable(name) => variables(name).ok_or_else(|| format!("Unknown variable: {name}"))?,
            Self::Negated(operand) => -of(operand)?,
            Self::Chain(first, rest) => {
                let mut value = of(first)?;
                for (operator, operand) in rest {
                    value = operator.apply(value, of(operand)?)?;
                }
                value
            }
            Self::Powers(bases, last) => {
                let mut value = of(last)?;
                for base in bases.iter().rev() {
                    value = of(base)?.powf(value);
                }
                value
            }
            Self::Call(function, arguments) => function(&arguments.iter().map(of).collect::<Result<Vec<_>, _>>()?)?,
        })
    }
}

impl Operator {
    fn apply(self, left: f64, right: f64) -> Result<f64, &'static str> {
        Ok(match self {
            Self::Add => left + right,
            Self::Subtract => left - right,
            Self::Multiply => left * right,
            Self::Divide if right == 0.0 => return Err("Division by zero"),
            Self::Divide => left / right,
            Self::Remainder if right == 0.0 => return Err("Modulo by zero"),
            Self::Remainder => left % right,
        })
    }
}

/// What is wrong with the text of a formula.
#[derive(Clone, Debug)]
pub(super) struct Mistake {
    text: String,
    place: Option<Place>,
}

/// A place in the text: the characters before it, white space left out, and how many inputs are among them. Those count with
/// the characters of their value, as if it stood there.
#[derive(Clone, Copy, Debug)]
struct Place {
    characters: usize,
    inputs: usize,
}

impl Mistake {
    /// The mistake in words, for the input that the formula was to be evaluated for.
    pub(super) fn told(&self, input: f64) -> String {
        match self.place {
            Some(Place { characters, inputs }) => {
                let position = characters + inputs * input.to_string().len();
                format!("{} at position {position}", self.text)
            }
            None => self.text.clone(),
        }
    }
}

impl From<String> for Mistake {
    fn from(text: String) -> Self {
        Self { text, place: None }
    }
}

struct Parser {
    /// The source without white space, and where white space stood: `1 2` is not `12`.
    characters: Vec<char>,
    breaks: Vec<bool>,
    at: usize,
    nesting: usize,
    /// How many inputs were read, and how many characters their names have.
    inputs: usize,
    names: usize,
}

impl Parser {
    fn new(source: &str) -> Self {
        let (mut characters, mut breaks) = (Vec::new(), Vec::new());
        let mut after_space = false;
        for character in source.chars() {
            if character.is_whitespace() {
                after_space = true;
            } else {
                characters.push(character);
                breaks.push(std::mem::take(&mut after_space));
            }
        }
        Self { characters, breaks, at: 0, nesting: 0, inputs: 0, names: 0 }
    }

    fn peek(&self) -> Option<char> {
        self.characters.get(self.at).copied()
    }

    fn take(&mut self, expected: char) -> bool {
        let found = self.peek() == Some(expected);
        self.at += usize::from(found);
        found
    }

    /// The mistake at a place that no input was read beyond.
    fn mistake(&self, text: impl Into<String>, at: usize) -> Mistake {
        Mistake { text: text.into(), place: Some(Place { characters: at - self.names, inputs: self.inputs }) }
    }

    fn unexpected(&self) -> Mistake {
        self.mistake("Unexpected character", self.at)
    }

    fn sum(&mut self) -> Result<Formula, Mistake> {
        self.nesting += 1;
        if self.nesting > MAX_NESTING {
            return Err(self.mistake(format!("Nested more than {MAX_NESTING} levels deep"), self.at));
        }
        let sum = self.chain(&[('+', Operator::Add), ('-', Operator::Subtract)], Self::product)?;
        self.nesting -= 1;
        Ok(sum)
    }

    fn product(&mut self) -> Result<Formula, Mistake> {
        let operators = [('*', Operator::Multiply), ('/', Operator::Divide), ('%', Operator::Remainder)];
        self.chain(&operators, Self::power)
    }

    fn chain(
        &mut self,
        operators: &[(char, Operator)],
        operand: fn(&mut Self) -> Result<Formula, Mistake>,
    ) -> Result<Formula, Mistake> {
        let first = operand(self)?;
        let mut rest = Vec::new();
        while let Some(operator) = self.operator(operators) {
            rest.push((operator, operand(self)?));
        }
        Ok(if rest.is_empty() { first } else { Formula::Chain(Box::new(first), rest) })
    }

    fn operator(&mut self, operators: &[(char, Operator)]) -> Option<Operator> {
        let (_, operator) = operators.iter().find(|(sign, _)| self.peek() == Some(*sign))?;
        self.at += 1;
        Some(*operator)
    }

    fn power(&mut self) -> Result<Formula, Mistake> {
        let mut bases = Vec::new();
        let mut last = self.unary()?;
        while self.take('^') {
            bases.push(std::mem::replace(&mut last, self.unary()?));
        }
        Ok(if bases.is_empty() { last } else { Formula::Powers(bases, Box::new(last)) })
    }

    fn unary(&mut self) -> Result<Formula, Mistake> {
        if self.take('-') { Ok(Formula::Negated(Box::new(self.atom()?))) } else { self.atom() }
    }

    fn atom(&mut self) -> Result<Formula, Mistake> {
        let start = self.at;
        match self.peek() {
            None => Err("Unexpected end of expression".to_string().into()),
            Some('(') => {
                self.at += 1;
                let inner = self.sum()?;
                // The last parenthesis may be missing at the end.
                if self.take(')') || self.peek().is_none() { Ok(inner) } else { Err(self.unexpected()) }
            }
            Some('0'..='9' | '.') => self.number(),
            Some('$') => {
                self.at += 1;
                match self.word().as_str() {
                    "input" | "x" => {
                        self.inputs += 1;
                        self.names += self.at - start;
                        Ok(Formula::Input)
                    }
                    "" => Err(self.mistake("Expected number", start)),
                    name => Ok(Formula::Variable(name.into())),
                }
            }
            Some(letter) if letter.is_alphabetic() || letter == '_' => self.named(),
            Some(_) => Err(self.mistake("Expected number", start)),
        }
    }

    /// A run of characters without white space in it.
    fn run(&mut self, belongs: impl Fn(char) -> bool) -> String {
        let start = self.at;
        while self.peek().is_some_and(&belongs) && (self.at == start || !self.breaks[self.at]) {
            self.at += 1;
        }
        self.characters[start..self.at].iter().collect()
    }

    fn word(&mut self) -> String {
        self.run(|letter| letter.is_alphanumeric() || letter == '_')
    }

    fn number(&mut self) -> Result<Formula, Mistake> {
        let mut text = self.run(|digit| digit.is_ascii_digit() || digit == '.');
        let ahead = |offset: usize| self.characters.get(self.at + offset).copied();
        let sign = usize::from(matches!(ahead(1), Some('+' | '-')));
        if matches!(ahead(0), Some('e' | 'E')) && ahead(1 + sign).is_some_and(|digit| digit.is_ascii_digit()) {
            text.extend(&self.characters[self.at..=self.at + sign]);
            self.at += 1 + sign;
            text += &self.run(|digit| digit.is_ascii_digit());
        }
        text.parse().map(Formula::Number).map_err(|_| format!("Invalid number: {text}").into())
    }

    fn named(&mut self) -> Result<Formula, Mistake> {
        let name = self.word();
        if !self.take('(') {
            return Ok(match name.as_str() {
                "pi" => Formula::Number(PI),
                "tau" => Formula::Number(TAU),
                "e" => Formula::Number(E),
                _ => Formula::Variable(name.into()),
            });
        }
        let mut arguments = Vec::new();
        if !self.take(')') {
            loop {
                arguments.push(self.sum()?);
                if self.take(',') {
                    continue;
                }
                if self.take(')') || self.peek().is_none() {
                    break;
                }
                return Err(self.unexpected());
            }
        }
        let &(_, fewest, most, function) =
            FUNCTIONS.iter().find(|(known, ..)| *known == name).ok_or_else(|| format!("Unknown function: {name}"))?;
        if !(fewest..=most).contains(&arguments.len()) {
            return Err(format!("Wrong number of arguments for {name}: {}", arguments.len()).into());
        }
        Ok(Formula::Call(function, arguments))
    }
}

/// A function: its name, its fewest and most arguments, and what it does with so many.
type Function = (&'static str, usize, usize, fn(&[f64]) -> Result<f64, &'static str>);

/// GLSL's meaning where GLSL has a function of that name: `mod` is floored, unlike `%`.
const FUNCTIONS: &[Function] = &[
    ("sin", 1, 1, |a| Ok(a[0].sin())),
    ("cos", 1, 1, |a| Ok(a[0].cos())),
    ("tan", 1, 1, |a| Ok(a[0].tan())),
    ("asin", 1, 1, |a| Ok(a[0].asin())),
    ("acos", 1, 1, |a| Ok(a[0].acos())),
    ("atan", 1, 2, |a| Ok(a.get(1).map_or_else(|| a[0].atan(), |x| a[0].atan2(*x)))),
    ("atan2", 2, 2, |a| Ok(a[0].atan2(a[1]))),
    ("abs", 1, 1, |a| Ok(a[0].abs())),
    ("floor", 1, 1, |a| Ok(a[0].floor())),
    ("ceil", 1, 1, |a| Ok(a[0].ceil())),
    ("round", 1, 1, |a| Ok(a[0].round())),
    ("sqrt", 1, 1, |a| if a[0] < 0.0 { Err("Square root of negative number") } else { Ok(a[0].sqrt()) }),
    ("pow", 2, 2, |a| Ok(a[0].powf(a[1]))),
    ("min", 1, usize::MAX, |a| Ok(a.iter().copied().fold(f64::INFINITY, f64::min))),
    ("max", 1, usize::MAX, |a| Ok(a.iter().copied().fold(f64::NEG_INFINITY, f64::max))),
    // Unlike `f64::clamp`, this takes limits in any order.
    ("clamp", 3, 3, |a| Ok(a[0].max(a[1].min(a[2])).min(a[1].max(a[2])))),
    ("lerp", 3, 3, |a| Ok(a[0] + (a[1] - a[0]) * a[2])),
    ("mix", 3, 3, |a| Ok(a[0] + (a[1] - a[0]) * a[2])),
    ("mod", 2, 2, |a| if a[1] == 0.0 { Err("Modulo by zero") } else { Ok(a[0] - a[1] * (a[0] / a[1]).floor()) }),
    ("sign", 1, 1, |a| Ok(if a[0] == 0.0 { 0.0 } else { a[0].signum() })),
    ("step", 2, 2, |a| Ok(f64::from(u8::from(a[1] >= a[0])))),
    ("smoothstep", 3, 3, |a| {
        if a[0] == a[1] {
            return Err("Division by zero");
        }
        let t = ((a[2] - a[0]) / (a[1] - a[0])).clamp(0.0, 1.0);
        Ok(t * t * (3.0 - 2.0 * t))
    }),
    ("fract", 1, 1, |a| Ok(a[0] - a[0].floor())),
    ("log", 1, 1, |a| Ok(a[0].ln())),
    ("log2", 1, 1, |a| Ok(a[0].log2())),
    ("exp", 1, 1, |a| Ok(a[0].exp())),
    ("deg", 1, 1, |a| Ok(a[0].to_degrees())),
    ("rad", 1, 1, |a| Ok(a[0].to_radians())),
];

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn value(source: &str, input: f64) -> Result<f64, String> {
        let formula = Formula::parse(source).map_err(|mistake| mistake.told(input))?;
        formula.evaluate(input, &|name| (name == "width").then_some(4.0))
    }

    #[test]
    fn precedence_and_associativity() {
        for (source, expected) in [
            ("1 + 2 * 3 - 8 / 4", 5.0),
            ("2^3^2", 512.0),
            ("-2^2", 4.0),
            ("5 - $x", 8.0),
            ("-$input", 3.0),
            ("7 % 4 * 2", 6.0),
            ("(1 + 2", 3.0),
            ("1.5e2 + 1E-1", 150.1),
            ("2 * width", 8.0),
            ("max(1, 2, clamp(9, 5, 3)) + min(1, 0)", 5.0),
            ("mod(-1, 3) + smoothstep(0, 2, 1) + step(1, 1)", 3.5),
            ("atan2(1, 1) * 4 - pi + atan(0) + log(e)", 1.0),
        ] {
            let found = value(source, -3.0).unwrap();
            assert!((found - expected).abs() < 1e-12, "{source}: {found}");
        }
    }

    #[test]
    fn mistakes_are_named_with_their_place() {
        for (source, expected) in [
            ("1+", "Unexpected end of expression"),
            ("", "Unexpected end of expression"),
            ("1 2", "Unexpected character at position 1"),
            ("--3", "Expected number at position 1"),
            ("2 * ) 3", "Expected number at position 2"),
            ("1.2.3", "Invalid number: 1.2.3"),
            ("5 % 0", "Modulo by zero"),
            ("1 / (2 - 2)", "Division by zero"),
            ("height", "Unknown variable: height"),
            ("sinus(1)", "Unknown function: sinus"),
            ("pow(1)", "Wrong number of arguments for pow: 1"),
        ] {
            assert_eq!(value(source, 0.0).unwrap_err(), expected, "{source}");
        }
        for (source, input, expected) in [
            ("$input+*", 12.0, "Expected number at position 3"),
            ("$x)", 3.0, "Unexpected character at position 1"),
            ("$x * $input + -0.5 * )", -0.25, "Expected number at position 17"),
            ("$x + width )", 1e21, "Unexpected character at position 28"),
        ] {
            assert_eq!(value(source, input).unwrap_err(), expected, "{source}");
        }
        assert!(value(&"(".repeat(100_000), 0.0).unwrap_err().contains("Nested more than"));
        assert!(value(&"-(".repeat(100_000), 0.0).is_err());
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(source in r"[-+*/%^(),.$ xe0-9a-z]{0,60}", input: f64) {
            let _ = value(&source, input);
        }

        #[test]
        fn it_agrees_with_rust(a in -1e6..1e6_f64, b in -1e6..1e6_f64, c in 0.1..1e3_f64) {
            let source = format!("({a}) * $x + ({b}) / {c} - (0 - {c})");
            prop_assert_eq!(value(&source, b).unwrap(), a * b + b / c - (0.0 - c));
        }

        #[test]
        fn long_sums_are_no_deep_ones(count in 1..5_000_usize) {
            prop_assert_eq!(value(&vec!["1"; count].join("+"), 0.0).unwrap(), count as f64);
        }
    }
}
