//! `Template`: text with `${…}` in it.

use std::sync::Arc;

use crate::ast::Node;
use crate::convert;
use crate::error::{ExprError, Fault, Outcome};
use crate::limits::Budget;
use crate::machine::Machine;
use crate::parser;
use crate::scope::Scope;

/// Compiled text in which each `${…}` holds an expression whose result is put in its place.
///
/// All other text stands for itself, backslashes too; `$${` is a plain `${`.
///
/// # Examples
/// ```
/// use reflow_expr::Template;
/// use reflow_message::Value;
///
/// let greeting = Template::compile("Hello ${name.toUpperCase()}!").unwrap();
/// let scope = |name: &str| (name == "name").then(|| Value::from("ada"));
/// assert_eq!(greeting.render(&scope).unwrap(), "Hello ADA!");
/// ```
#[derive(Clone, Debug)]
pub struct Template {
    source: Arc<str>,
    parts: Arc<[Part]>,
}

#[derive(Debug)]
enum Part {
    Text(Box<str>),
    /// An expression, and how many bytes are before it.
    Expression(Node, u32),
}

impl Template {
    /// Compiles a text.
    ///
    /// # Errors
    /// When a `${` is not closed or what it holds is no expression.
    pub fn compile(source: &str) -> Result<Self, ExprError> {
        let parts = parts(source).map_err(|fault| fault.into_error(source))?;
        Ok(Self { source: source.into(), parts: parts.into() })
    }

    /// Whether `text` has a place to fill in.
    pub fn is_template(text: &str) -> bool {
        text.contains("${")
    }

    /// The text with the results filled in.
    ///
    /// # Errors
    /// When an expression does not work on this data, or the limits are exceeded.
    pub fn render(&self, scope: &dyn Scope) -> Result<String, ExprError> {
        self.render_within(scope, &mut Budget::default())
    }

    /// [`render`](Self::render) with what is left of a budget instead of limits of its own.
    ///
    /// # Errors
    /// As [`render`](Self::render).
    pub fn render_within(&self, scope: &dyn Scope, budget: &mut Budget) -> Result<String, ExprError> {
        let mut machine = Machine::new(scope, budget);
        self.fill(&mut machine).map_err(|fault| fault.into_error(&self.source))
    }

    fn fill(&self, machine: &mut Machine<'_>) -> Outcome<String> {
        let mut text = String::new();
        for part in self.parts.iter() {
            match part {
                Part::Text(piece) => {
                    machine.budget.make(piece.len())?;
                    text.push_str(piece);
                }
                Part::Expression(node, start) => {
                    let value = machine.run(node).map_err(|fault| fault.shifted(*start))?;
                    let piece = convert::to_text(machine, &value)?;
                    machine.budget.make(piece.len())?;
                    text.push_str(&piece);
                }
            }
        }
        Ok(text)
    }
}

fn parts(source: &str) -> Outcome<Vec<Part>> {
    let mut parts = Vec::new();
    let mut text = String::new();
    let mut at = 0;
    while let Some(found) = source[at..].find("${") {
        let sign = at + found;
        if source[at..sign].ends_with('$') {
            text.push_str(&source[at..sign - 1]);
            text.push_str("${");
            at = sign + 2;
            continue;
        }
        text.push_str(&source[at..sign]);
        let start = sign + 2;
        let end = closing(source, start).ok_or_else(|| Fault::syntax("`${` is not closed").at(sign as u32))?;
        let (node, _) = parser::parse(&source[start..end]).map_err(|fault| fault.shifted(start as u32))?;
        if !text.is_empty() {
            parts.push(Part::Text(std::mem::take(&mut text).into()));
        }
        parts.push(Part::Expression(node, start as u32));
        at = end + 1;
    }
    text.push_str(&source[at..]);
    if !text.is_empty() {
        parts.push(Part::Text(text.into()));
    }
    Ok(parts)
}

/// The `}` that closes a `${`, past braces and strings inside.
fn closing(source: &str, start: usize) -> Option<usize> {
    let mut depth = 0_usize;
    let mut quote = None;
    let mut characters = source[start..].char_indices();
    while let Some((at, c)) = characters.next() {
        match (quote, c) {
            (Some(_), '\\') => {
                characters.next();
            }
            (Some(open), _) if c == open => quote = None,
            (None, '\'' | '"' | '`') => quote = Some(c),
            (None, '{') => depth += 1,
            (None, '}') if depth == 0 => return Some(start + at),
            (None, '}') => depth -= 1,
            _ => {}
        }
    }
    None
}
