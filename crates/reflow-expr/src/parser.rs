//! Tokens to the compiled form: a recursive descent over the precedence levels of JavaScript.

use std::sync::Arc;

use crate::ast::{Arrow, Binary, Element, Key, Kind, Logical, Node, Pattern, Property, Unary};
use crate::builtins::Builtin;
use crate::datum::Datum;
use crate::error::{Fault, Outcome};
use crate::lexer::{Spanned, Token, tokenize};
use crate::limits::{MAX_HEIGHT, MAX_NESTING, MAX_SOURCE};

/// Compiles `source`; also gives the names that it takes from its scope.
pub(crate) fn parse(source: &str) -> Outcome<(Node, Vec<Arc<str>>)> {
    if source.len() > MAX_SOURCE {
        return Err(Fault::limit("is longer than 64 KiB").at(0));
    }
    let mut parser = Parser {
        tokens: tokenize(source)?,
        at: 0,
        depth: 0,
        scopes: Vec::new(),
        globals: Vec::new(),
        closing: Vec::new(),
    };
    parser.match_brackets();
    let node = parser.expression()?;
    // People end what they write with it; a second expression behind it is still one too many.
    let ended = parser.eat(";");
    match parser.peek() {
        Token::End => Ok((node, parser.globals)),
        _ if ended => Err(parser.unexpected("the end after `;`")),
        Token::Sign("=" | "+=" | "-=" | "*=" | "/=" | "%=" | "**=" | "++" | "--" | "&&=" | "||=" | "??=") => {
            Err(parser.fault("an expression cannot assign; give the new value instead"))
        }
        _ => Err(parser.unexpected("an operator or the end")),
    }
}

struct Parser {
    tokens: Vec<Spanned>,
    at: usize,
    depth: u16,
    /// Parameter names of the functions around, outermost first.
    scopes: Vec<Vec<Arc<str>>>,
    globals: Vec<Arc<str>>,
    /// For each opening parenthesis the token that closes it.
    closing: Vec<usize>,
}

/// Words of JavaScript that would start something an expression here cannot do.
const STATEMENTS: &[&str] = &[
    "async",
    "await",
    "break",
    "case",
    "catch",
    "class",
    "const",
    "continue",
    "debugger",
    "default",
    "delete",
    "do",
    "else",
    "export",
    "extends",
    "finally",
    "for",
    "function",
    "if",
    "import",
    "instanceof",
    "let",
    "new",
    "return",
    "super",
    "switch",
    "this",
    "throw",
    "try",
    "var",
    "void",
    "while",
    "with",
    "yield",
];

impl Parser {
    /// Finds the closing parenthesis of each opening one, so that a parameter list is known from its beginning.
    fn match_brackets(&mut self) {
        self.closing = vec![usize::MAX; self.tokens.len()];
        let mut open = Vec::new();
        for (index, spanned) in self.tokens.iter().enumerate() {
            match spanned.token {
                Token::Sign("(") => open.push(index),
                Token::Sign(")") => {
                    if let Some(start) = open.pop() {
                        self.closing[start] = index;
                    }
                }
                _ => {}
            }
        }
    }

    fn token(&self, at: usize) -> &Token {
        self.tokens.get(at).map_or(&Token::End, |spanned| &spanned.token)
    }

    fn peek(&self) -> &Token {
        self.token(self.at)
    }

    fn offset(&self) -> u32 {
        self.tokens.get(self.at).or(self.tokens.last()).map_or(0, |spanned| spanned.at)
    }

    fn is(&self, sign: &str) -> bool {
        matches!(self.peek(), Token::Sign(found) if *found == sign)
    }

    fn eat(&mut self, sign: &str) -> bool {
        let found = self.is(sign);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, sign: &str) -> Outcome<()> {
        if self.eat(sign) { Ok(()) } else { Err(self.unexpected(&format!("`{sign}`"))) }
    }

    fn fault(&self, message: impl Into<String>) -> Fault {
        Fault::syntax(message).at(self.offset())
    }

    fn unexpected(&self, wanted: &str) -> Fault {
        let found = match self.peek() {
            Token::Number(number) => format!("the number {}", crate::number::to_text(*number)),
            Token::String(_) => "a string".into(),
            Token::Name(name) => format!("`{name}`"),
            Token::Sign(sign) => format!("`{sign}`"),
            Token::Chunk { .. } => "a template string".into(),
            Token::End => "the end".into(),
        };
        self.fault(format!("expected {wanted}, found {found}"))
    }

    /// Runs `parse` one level deeper.
    fn nested<T>(&mut self, parse: impl FnOnce(&mut Self) -> Outcome<T>) -> Outcome<T> {
        if self.depth >= MAX_NESTING {
            return Err(Fault::limit("is nested too deeply").at(self.offset()));
        }
        self.depth += 1;
        let parsed = parse(self);
        self.depth -= 1;
        parsed
    }

    fn expression(&mut self) -> Outcome<Node> {
        self.nested(|parser| if parser.at_arrow() { parser.arrow() } else { parser.conditional() })
    }

    // ---- functions

    fn at_arrow(&self) -> bool {
        let after = match self.peek() {
            Token::Name(_) => self.at + 1,
            Token::Sign("(") => match self.closing[self.at] {
                usize::MAX => return false,
                end => end + 1,
            },
            _ => return false,
        };
        matches!(self.token(after), Token::Sign("=>"))
    }

    fn arrow(&mut self) -> Outcome<Node> {
        let at = self.offset();
        let mut names = Vec::new();
        let mut parameters = Vec::new();
        let mut rest = false;
        if self.eat("(") {
            while !self.eat(")") {
                rest = self.eat("...");
                parameters.push(self.pattern(&mut names)?);
                if self.is("=") {
                    return Err(self.fault("a parameter has no default value here; use `??` where it is used"));
                }
                if !self.is(")") {
                    if rest {
                        return Err(self.unexpected("`)` after the rest parameter"));
                    }
                    self.expect(",")?;
                }
            }
        } else {
            parameters.push(self.pattern(&mut names)?);
        }
        self.expect("=>")?;
        self.scopes.push(names);
        let body = if self.is("{") { self.block() } else { self.expression() };
        self.scopes.pop();
        node(at, Kind::Arrow(Arc::new(Arrow { parameters, rest, body: body? })))
    }

    /// `{ return … }`: the body in braces that says no more than an expression.
    fn block(&mut self) -> Outcome<Node> {
        if !matches!(self.token(self.at + 1), Token::Name(name) if &**name == "return") {
            return Err(self.fault("a function body is an expression or `{ return … }`; write `({ … })` for an object"));
        }
        self.at += 2;
        let value = self.expression()?;
        self.eat(";");
        self.expect("}")?;
        Ok(value)
    }

    fn pattern(&mut self, names: &mut Vec<Arc<str>>) -> Outcome<Pattern> {
        self.nested(|parser| {
            if parser.eat("[") {
                let mut items = Vec::new();
                while !parser.eat("]") {
                    if parser.eat(",") {
                        items.push(None);
                        continue;
                    }
                    items.push(Some(parser.pattern(names)?));
                    if !parser.is("]") {
                        parser.expect(",")?;
                    }
                }
                return Ok(Pattern::Array(items));
            }
            if parser.eat("{") {
                let mut members = Vec::new();
                while !parser.eat("}") {
                    let (key, plain) = parser.key_text()?;
                    let pattern = if parser.eat(":") {
                        parser.pattern(names)?
                    } else if plain {
                        names.push(Arc::clone(&key));
                        Pattern::Name
                    } else {
                        return Err(parser.unexpected("`:`"));
                    };
                    members.push((key, pattern));
                    if !parser.is("}") {
                        parser.expect(",")?;
                    }
                }
                return Ok(Pattern::Object(members));
            }
            match parser.peek().clone() {
                Token::Name(name) => {
                    parser.reject_statement(&name)?;
                    parser.at += 1;
                    names.push(name);
                    Ok(Pattern::Name)
                }
                _ => Err(parser.unexpected("a parameter name")),
            }
        })
    }

    // ---- operators

    fn conditional(&mut self) -> Outcome<Node> {
        let condition = self.binary(0)?;
        if !self.is("?") {
            return Ok(condition);
        }
        let at = self.offset();
        self.at += 1;
        let first = self.expression()?;
        self.expect(":")?;
        let second = self.expression()?;
        node(at, Kind::Conditional(Box::new([condition, first, second])))
    }

    fn binary(&mut self, lowest: u8) -> Outcome<Node> {
        let mut left = self.unary()?;
        while let Some((operator, strength)) = self.operator() {
            if strength < lowest {
                break;
            }
            let at = self.offset();
            self.at += 1;
            // `**` binds to the right.
            let right_strength = if operator == Operator::Binary(Binary::Power) { strength } else { strength + 1 };
            let right = self.nested(|parser| parser.binary(right_strength))?;
            left = node(
                at,
                match operator {
                    Operator::Binary(operator) => Kind::Binary(operator, Box::new(left), Box::new(right)),
                    Operator::Logical(operator) => Kind::Logical(operator, Box::new(left), Box::new(right)),
                },
            )?;
        }
        Ok(left)
    }

    fn operator(&self) -> Option<(Operator, u8)> {
        use Operator::{Binary as B, Logical as L};
        Some(match self.peek() {
            Token::Sign("??") => (L(Logical::Nullish), 1),
            Token::Sign("||") => (L(Logical::Or), 2),
            Token::Sign("&&") => (L(Logical::And), 3),
            Token::Sign("|") => (B(Binary::BitOr), 4),
            Token::Sign("^") => (B(Binary::BitXor), 5),
            Token::Sign("&") => (B(Binary::BitAnd), 6),
            Token::Sign("==") => (B(Binary::Equal), 7),
            Token::Sign("!=") => (B(Binary::NotEqual), 7),
            Token::Sign("===") => (B(Binary::StrictEqual), 7),
            Token::Sign("!==") => (B(Binary::StrictNotEqual), 7),
            Token::Sign("<") => (B(Binary::Less), 8),
            Token::Sign("<=") => (B(Binary::LessEqual), 8),
            Token::Sign(">") => (B(Binary::Greater), 8),
            Token::Sign(">=") => (B(Binary::GreaterEqual), 8),
            Token::Name(name) if &**name == "in" => (B(Binary::In), 8),
            Token::Sign("<<") => (B(Binary::ShiftLeft), 9),
            Token::Sign(">>") => (B(Binary::ShiftRight), 9),
            Token::Sign(">>>") => (B(Binary::ShiftRightUnsigned), 9),
            Token::Sign("+") => (B(Binary::Add), 10),
            Token::Sign("-") => (B(Binary::Subtract), 10),
            Token::Sign("*") => (B(Binary::Multiply), 11),
            Token::Sign("/") => (B(Binary::Divide), 11),
            Token::Sign("%") => (B(Binary::Remainder), 11),
            Token::Sign("**") => (B(Binary::Power), 12),
            _ => return None,
        })
    }

    fn unary(&mut self) -> Outcome<Node> {
        let at = self.offset();
        let operator = match self.peek() {
            Token::Sign("!") => Unary::Not,
            Token::Sign("-") => Unary::Negate,
            Token::Sign("+") => Unary::Number,
            Token::Sign("~") => Unary::BitNot,
            Token::Name(name) if &**name == "typeof" => Unary::TypeOf,
            _ => return self.postfix(),
        };
        self.at += 1;
        let operand = self.nested(Self::unary)?;
        if self.is("**") {
            return Err(self.fault("put parentheses around the sign or around the power: `(-a) ** b` or `-(a ** b)`"));
        }
        node(at, Kind::Unary(operator, Box::new(operand)))
    }

    // ---- members and calls

    fn postfix(&mut self) -> Outcome<Node> {
        let mut object = self.primary()?;
        loop {
            let at = self.offset();
            if self.eat(".") {
                object = self.member(at, object, false)?;
            } else if self.eat("?.") {
                object = if self.is("(") {
                    self.call(at, object, true)?
                } else if self.eat("[") {
                    self.index(at, object, true)?
                } else {
                    self.member(at, object, true)?
                };
            } else if self.eat("[") {
                object = self.index(at, object, false)?;
            } else if self.is("(") {
                object = self.call(at, object, false)?;
            } else if matches!(self.peek(), Token::Chunk { first: true, .. }) {
                return Err(self.fault("a template string cannot be tagged here"));
            } else {
                return Ok(object);
            }
        }
    }

    fn member(&mut self, at: u32, object: Node, optional: bool) -> Outcome<Node> {
        let Token::Name(name) = self.peek().clone() else { return Err(self.unexpected("a member name")) };
        self.at += 1;
        node(at, Kind::Member { object: Box::new(object), name, optional })
    }

    fn index(&mut self, at: u32, object: Node, optional: bool) -> Outcome<Node> {
        let index = Box::new(self.expression()?);
        self.expect("]")?;
        node(at, Kind::Index { object: Box::new(object), index, optional })
    }

    fn call(&mut self, at: u32, callee: Node, optional: bool) -> Outcome<Node> {
        self.expect("(")?;
        let arguments = self.elements(")")?;
        let host = match &callee.kind {
            Kind::Global(name) => Some(Arc::clone(name)),
            Kind::Member { object, name, .. } => match &object.kind {
                Kind::Global(object) => Some(format!("{object}.{name}").into()),
                _ => None,
            },
            _ => None,
        };
        node(at, Kind::Call { callee: Box::new(callee), arguments, optional, host })
    }

    /// Items up to the closing sign.
    fn elements(&mut self, close: &str) -> Outcome<Vec<Element>> {
        let mut elements = Vec::new();
        while !self.eat(close) {
            elements.push(if self.eat("...") {
                Element::Spread(self.expression()?)
            } else {
                Element::Item(self.expression()?)
            });
            if !self.is(close) && !self.eat(",") {
                return Err(self.unexpected(&format!("`,` or `{close}`")));
            }
        }
        Ok(elements)
    }

    // ---- the smallest parts

    fn primary(&mut self) -> Outcome<Node> {
        let at = self.offset();
        match self.peek().clone() {
            Token::Number(number) => self.literal(Datum::Number(number)),
            Token::String(text) => self.literal(Datum::String(text)),
            Token::Name(name) => self.name(&name),
            Token::Chunk { .. } => self.template(),
            Token::Sign("(") => {
                self.at += 1;
                let inner = self.expression()?;
                if self.is(",") {
                    return Err(self.fault("parentheses hold one expression"));
                }
                self.expect(")")?;
                Ok(inner)
            }
            Token::Sign("[") => {
                self.at += 1;
                let elements = self.elements("]")?;
                node(at, Kind::Array(elements))
            }
            Token::Sign("{") => self.object(),
            Token::Sign("/") => {
                Err(self.fault("there are no regular expressions here; use includes, split or replaceAll with text"))
            }
            Token::Sign("++" | "--") => Err(self.fault("an expression cannot assign; give the new value instead")),
            _ => Err(self.unexpected("a value")),
        }
    }

    fn literal(&mut self, value: Datum) -> Outcome<Node> {
        let at = self.offset();
        self.at += 1;
        node(at, Kind::Literal(value))
    }

    fn reject_statement(&self, name: &str) -> Outcome<()> {
        if STATEMENTS.contains(&name) {
            return Err(self.fault(format!("`{name}` is not part of the expression language")));
        }
        Ok(())
    }

    fn name(&mut self, name: &Arc<str>) -> Outcome<Node> {
        for (up, scope) in self.scopes.iter().rev().enumerate() {
            // The last of two parameters with one name counts.
            if let Some(slot) = scope.iter().rposition(|parameter| parameter == name) {
                let at = self.offset();
                self.at += 1;
                return node(at, Kind::Local { up: up as u16, slot: slot as u16 });
            }
        }
        self.reject_statement(name)?;
        let kind = match &**name {
            "true" => Kind::Literal(Datum::Boolean(true)),
            "false" => Kind::Literal(Datum::Boolean(false)),
            "null" => Kind::Literal(Datum::Null),
            "undefined" => Kind::Literal(Datum::Undefined),
            "NaN" => Kind::Literal(Datum::Number(f64::NAN)),
            "Infinity" => Kind::Literal(Datum::Number(f64::INFINITY)),
            "in" | "typeof" => return Err(self.unexpected("a value")),
            _ => {
                if let Some(builtin) = Builtin::named(name) {
                    Kind::Builtin(builtin)
                } else {
                    if !self.globals.contains(name) {
                        self.globals.push(Arc::clone(name));
                    }
                    Kind::Global(Arc::clone(name))
                }
            }
        };
        let at = self.offset();
        self.at += 1;
        node(at, kind)
    }

    fn template(&mut self) -> Outcome<Node> {
        let at = self.offset();
        let mut parts = Vec::new();
        loop {
            let Token::Chunk { text, last, .. } = self.peek().clone() else {
                return Err(self.unexpected("`}` of the template string"));
            };
            let chunk = self.offset();
            self.at += 1;
            if !text.is_empty() {
                parts.push(node(chunk, Kind::Literal(Datum::String(text)))?);
            }
            if last {
                return node(at, Kind::Template(parts));
            }
            parts.push(self.expression()?);
        }
    }

    fn object(&mut self) -> Outcome<Node> {
        let at = self.offset();
        self.expect("{")?;
        let mut properties = Vec::new();
        while !self.eat("}") {
            properties.push(self.property()?);
            if !self.is("}") && !self.eat(",") {
                return Err(self.unexpected("`,` or `}`"));
            }
        }
        node(at, Kind::Object(properties))
    }

    fn property(&mut self) -> Outcome<Property> {
        if self.eat("...") {
            return Ok(Property::Spread(self.expression()?));
        }
        if self.eat("[") {
            let key = self.expression()?;
            self.expect("]")?;
            self.expect(":")?;
            return Ok(Property::Member(Key::Computed(key), self.expression()?));
        }
        let start = self.at;
        let (key, plain) = self.key_text()?;
        if self.eat(":") {
            return Ok(Property::Member(Key::Name(key), self.expression()?));
        }
        if plain && (self.is(",") || self.is("}")) {
            self.at = start;
            let value = self.name(&key)?;
            return Ok(Property::Member(Key::Name(key), value));
        }
        Err(self.unexpected("`:`"))
    }

    /// A key and whether it is a plain name.
    fn key_text(&mut self) -> Outcome<(Arc<str>, bool)> {
        let (key, plain) = match self.peek().clone() {
            Token::Name(name) => (name, true),
            Token::String(text) => (text, false),
            Token::Number(number) => (crate::number::to_text(number).into(), false),
            _ => return Err(self.unexpected("a member name")),
        };
        self.at += 1;
        Ok((key, plain))
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Operator {
    Binary(Binary),
    Logical(Logical),
}

/// Makes a node, unless what it holds is nested too deeply.
fn node(at: u32, kind: Kind) -> Outcome<Node> {
    let height = 1 + kind.height();
    if height > MAX_HEIGHT {
        return Err(Fault::limit("has too many parts in a row").at(at));
    }
    Ok(Node { at, height, kind })
}
