//! The formulas of behavior rules: arithmetic on named numbers.
//!
//! The grammar, loosest first: sums, products (`*`, `/`, `%`), powers (`^`, from the right), signs; numbers, names, calls and
//! brackets. A minus belongs to what stands behind it: `-2^2` is 4, and so is `-x^2` where x is 2.

use std::f64::consts::{E, PI, TAU};

use rustc_hash::FxHashMap;

/// How deep formulas may be nested.
const DEEPEST: usize = 200;

/// What is wrong with a formula.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormulaError {
    /// Something that stands where it means nothing.
    #[error("`{found}` at {at} means nothing there")]
    Unexpected {
        /// What stands there.
        found: String,
        /// Where, in characters.
        at: usize,
    },
    /// It ends in the middle.
    #[error("it ends too early")]
    Incomplete,
    /// Too deep.
    #[error("it is nested more than {DEEPEST} levels deep")]
    TooDeep,
}

/// A formula, or a list of them.
#[derive(Clone, Debug, PartialEq)]
pub enum Formula {
    /// One number.
    Scalar(Node),
    /// `[a, b, …]`.
    List(Vec<Node>),
}

/// A part of a formula.
#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    /// A number.
    Number(f64),
    /// A constant or a variable.
    Name(String),
    /// The negation of a part.
    Negative(Box<Node>),
    /// Two parts and an operator.
    Binary(char, Box<Node>, Box<Node>),
    /// A function of parts.
    Call(String, Vec<Node>),
}

impl Formula {
    /// Reads a formula.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, FormulaError> {
        let letters: Vec<char> = text.chars().collect();
        let mut parser = Parser { letters, at: 0, depth: 0 };
        if parser.skip('[') {
            let items = parser.list(']')?;
            parser.end()?;
            return Ok(Self::List(items));
        }
        let node = parser.sum()?;
        parser.end()?;
        Ok(Self::Scalar(node))
    }
}

impl Node {
    /// The value with these variables; names that are unknown are 0.
    pub fn value(&self, variables: &FxHashMap<String, f64>) -> f64 {
        match self {
            Self::Number(number) => *number,
            Self::Name(name) => variables.get(name).copied().or_else(|| constant(name)).unwrap_or(0.0),
            Self::Negative(node) => -node.value(variables),
            Self::Binary(operator, a, b) => {
                let (a, b) = (a.value(variables), b.value(variables));
                match operator {
                    '+' => a + b,
                    '-' => a - b,
                    '*' => a * b,
                    '/' => a / b,
                    '%' => a % b,
                    _ => a.powf(b),
                }
            }
            Self::Call(name, arguments) => {
                let values: Vec<f64> = arguments.iter().map(|node| node.value(variables)).collect();
                call(name, &values)
            }
        }
    }

    /// A function that there is not.
    pub fn unknown_function(&self) -> Option<&str> {
        match self {
            Self::Number(_) | Self::Name(_) => None,
            Self::Negative(node) => node.unknown_function(),
            Self::Binary(_, a, b) => a.unknown_function().or_else(|| b.unknown_function()),
            Self::Call(name, arguments) => {
                let inner = || arguments.iter().find_map(Self::unknown_function);
                if is_function(name) { inner() } else { Some(name) }
            }
        }
    }
}

fn constant(name: &str) -> Option<f64> {
    Some(match name {
        "pi" => PI,
        "tau" => TAU,
        "e" => E,
        "inf" => f64::INFINITY,
        "true" => 1.0,
        "false" => 0.0,
        _ => return None,
    })
}

fn is_function(name: &str) -> bool {
    const FUNCTIONS: [&str; 31] = [
        "sin",
        "cos",
        "tan",
        "asin",
        "acos",
        "atan",
        "atan2",
        "abs",
        "floor",
        "ceil",
        "round",
        "sqrt",
        "pow",
        "min",
        "max",
        "clamp",
        "lerp",
        "mix",
        "mod",
        "sign",
        "step",
        "smoothstep",
        "fract",
        "log",
        "log2",
        "exp",
        "deg",
        "rad",
        "hypot",
        "log10",
        "trunc",
    ];
    FUNCTIONS.contains(&name)
}

/// The value of a function; missing arguments are 0, and so is an unknown function.
fn call(name: &str, arguments: &[f64]) -> f64 {
    let part = |at: usize| arguments.get(at).copied().unwrap_or(0.0);
    let (a, b, c) = (part(0), part(1), part(2));
    match name {
        "sin" => a.sin(),
        "cos" => a.cos(),
        "tan" => a.tan(),
        "asin" => a.asin(),
        "acos" => a.acos(),
        "atan" if arguments.len() > 1 => a.atan2(b),
        "atan" => a.atan(),
        "atan2" => a.atan2(b),
        "abs" => a.abs(),
        "floor" => a.floor(),
        "ceil" => a.ceil(),
        "round" => a.round(),
        "trunc" => a.trunc(),
        "sqrt" => a.sqrt(),
        "pow" => a.powf(b),
        "hypot" => a.hypot(b),
        "min" => a.min(b),
        "max" => a.max(b),
        // A range upside down is the same range.
        "clamp" => a.max(b.min(c)).min(b.max(c)),
        "lerp" | "mix" => a + (b - a) * c,
        "mod" => a.rem_euclid(b),
        "sign" if a == 0.0 => 0.0,
        "sign" => a.signum(),
        "step" => f64::from(u8::from(b >= a)),
        "smoothstep" => {
            let t = if a == b { f64::from(u8::from(c >= a)) } else { ((c - a) / (b - a)).clamp(0.0, 1.0) };
            t * t * (3.0 - 2.0 * t)
        }
        "fract" => a - a.floor(),
        "log" => a.ln(),
        "log2" => a.log2(),
        "log10" => a.log10(),
        "exp" => a.exp(),
        "deg" => a.to_degrees(),
        "rad" => a.to_radians(),
        _ => 0.0,
    }
}

struct Parser {
    letters: Vec<char>,
    at: usize,
    depth: usize,
}

type Parsed = Result<Node, FormulaError>;

impl Parser {
    fn peek(&mut self) -> Option<char> {
        while self.letters.get(self.at).is_some_and(|letter| letter.is_whitespace()) {
            self.at += 1;
        }
        self.letters.get(self.at).copied()
    }

    fn skip(&mut self, letter: char) -> bool {
        let is_there = self.peek() == Some(letter);
        self.at += usize::from(is_there);
        is_there
    }

    fn unexpected(&self) -> FormulaError {
        match self.letters.get(self.at) {
            Some(letter) => FormulaError::Unexpected { found: letter.to_string(), at: self.at },
            None => FormulaError::Incomplete,
        }
    }

    fn end(&mut self) -> Result<(), FormulaError> {
        if self.peek().is_some() { Err(self.unexpected()) } else { Ok(()) }
    }

    fn list(&mut self, close: char) -> Result<Vec<Node>, FormulaError> {
        let mut items = Vec::new();
        if self.skip(close) {
            return Ok(items);
        }
        loop {
            items.push(self.sum()?);
            if self.skip(close) {
                return Ok(items);
            }
            if !self.skip(',') {
                return Err(self.unexpected());
            }
        }
    }

    /// Reads a part that stands in another one.
    fn deeper(&mut self, part: fn(&mut Self) -> Parsed) -> Parsed {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(FormulaError::TooDeep);
        }
        let node = part(self);
        self.depth -= 1;
        node
    }

    fn sum(&mut self) -> Parsed {
        self.deeper(|this| this.chain(&['+', '-'], Self::product))
    }

    fn product(&mut self) -> Parsed {
        self.chain(&['*', '/', '%'], Self::power)
    }

    fn chain(&mut self, operators: &[char], part: fn(&mut Self) -> Parsed) -> Parsed {
        let mut node = part(self)?;
        let mut length = 0;
        while let Some(operator) = self.peek().filter(|letter| operators.contains(letter)) {
            self.at += 1;
            length += 1;
            if length > DEEPEST {
                return Err(FormulaError::TooDeep);
            }
            node = Node::Binary(operator, Box::new(node), Box::new(part(self)?));
        }
        Ok(node)
    }

    fn power(&mut self) -> Parsed {
        let base = self.signed()?;
        if !self.skip('^') {
            return Ok(base);
        }
        let exponent = self.deeper(Self::power)?;
        Ok(Node::Binary('^', Box::new(base), Box::new(exponent)))
    }

    fn signed(&mut self) -> Parsed {
        if !self.skip('-') {
            return self.primary();
        }
        let is_number = self.letters.get(self.at).is_some_and(|letter| letter.is_ascii_digit() || *letter == '.');
        if is_number {
            self.at -= 1;
            return self.primary();
        }
        Ok(Node::Negative(Box::new(self.deeper(Self::signed)?)))
    }

    fn primary(&mut self) -> Parsed {
        match self.peek() {
            Some('(') => {
                self.at += 1;
                let node = self.sum()?;
                if self.skip(')') { Ok(node) } else { Err(self.unexpected()) }
            }
            Some(letter) if letter.is_ascii_digit() || matches!(letter, '.' | '-') => self.number(),
            Some(letter) if letter.is_alphabetic() || letter == '_' => {
                let start = self.at;
                while self.letters.get(self.at).is_some_and(|letter| letter.is_alphanumeric() || *letter == '_') {
                    self.at += 1;
                }
                let name: String = self.letters[start..self.at].iter().collect();
                if self.skip('(') { Ok(Node::Call(name, self.list(')')?)) } else { Ok(Node::Name(name)) }
            }
            _ => Err(self.unexpected()),
        }
    }

    fn number(&mut self) -> Parsed {
        let start = self.at;
        self.at += usize::from(self.letters.get(start) == Some(&'-'));
        let digit = |letter: Option<&char>| letter.is_some_and(char::is_ascii_digit);
        while let Some(letter) = self.letters.get(self.at) {
            let is_exponent = matches!(letter, 'e' | 'E') && {
                let sign = usize::from(matches!(self.letters.get(self.at + 1), Some('+' | '-')));
                digit(self.letters.get(self.at + 1 + sign))
            };
            if is_exponent {
                self.at += 2;
            } else if letter.is_ascii_digit() || *letter == '.' {
                self.at += 1;
            } else {
                break;
            }
        }
        let text: String = self.letters[start..self.at].iter().collect();
        text.parse().map(Node::Number).map_err(|_| FormulaError::Unexpected { found: text, at: start })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn value(text: &str) -> f64 {
        let variables = [("x".to_string(), 3.0)].into_iter().collect();
        match Formula::parse(text).unwrap() {
            Formula::Scalar(node) => node.value(&variables),
            Formula::List(nodes) => nodes.iter().map(|node| node.value(&variables)).sum(),
        }
    }

    #[test]
    fn formulas_mean_what_they_say() {
        for (text, expected) in [
            ("1 + 2 * 3", 7.0),
            ("-2^2", 4.0),
            ("-x^2", 9.0),
            ("-(x)^2", 9.0),
            ("2*-x^2", 18.0),
            ("0 - x^2", -9.0),
            ("2^-x^2", 512.0),
            ("2^-1", 0.5),
            ("2^3^2", 512.0),
            ("10 / 4 - -3 % 2", 3.5),
            ("1.5e-3 * 1000", 1.5),
            ("max(7, unknown) + nothing(1)", 7.0),
            ("clamp(5, 3, 1)", 3.0),
            ("smoothstep(0, 1, 0.5) + step(0.4, 0.5)", 1.5),
            ("atan(1, 1) * 4 - pi", 0.0),
            ("[1, (2), x]", 6.0),
            ("fract(-0.25) + mod(-1, 3)", 2.75),
            ("2 * -(x)", -6.0),
        ] {
            assert!((value(text) - expected).abs() < 1e-12, "{text} is {}", value(text));
        }
        assert_eq!(value("1 / 0"), f64::INFINITY);
        assert_eq!(
            Formula::parse("f(1)").map(|f| matches!(f, Formula::Scalar(node) if node.unknown_function() == Some("f"))),
            Ok(true)
        );
    }

    #[test]
    fn half_of_a_formula_is_none() {
        for text in ["", "1 +", "1 2", "(1", "[1, 2", "1 $ 2", "max(1", "1..2"] {
            assert!(Formula::parse(text).is_err(), "{text}");
        }
        assert_eq!(Formula::parse(&"(".repeat(100_000)), Err(FormulaError::TooDeep));
        assert_eq!(Formula::parse(&"-x".repeat(100_000)), Err(FormulaError::TooDeep));
        assert_eq!(Formula::parse(&"--x^".repeat(100_000)), Err(FormulaError::TooDeep));
    }

    proptest! {
        #[test]
        fn any_text_is_a_formula_or_not(text in "[-+*/%^()\\[\\],.0-9a-z ]{0,40}") {
            let _ = Formula::parse(&text);
        }
    }
}
