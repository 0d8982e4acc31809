//! `ExprError`: why an expression could not be compiled or evaluated, and where.

use std::fmt;

/// A place in the text of an expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// Bytes before it.
    pub offset: usize,
    /// Line, from 1.
    pub line: usize,
    /// Character in the line, from 1.
    pub column: usize,
}

impl Position {
    pub(crate) fn of(source: &str, offset: u32) -> Self {
        let mut offset = source.len().min(offset as usize);
        while !source.is_char_boundary(offset) {
            offset -= 1;
        }
        let before = &source[..offset];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Self { offset, line: before.matches('\n').count() + 1, column: before[line_start..].chars().count() + 1 }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line == 1 {
            write!(f, "column {}", self.column)
        } else {
            write!(f, "line {}, column {}", self.line, self.column)
        }
    }
}

/// Why an expression could not be compiled or evaluated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ExprError {
    /// The text is not an expression of the language.
    #[error("{message} (at {at})")]
    Syntax {
        /// What was found and what would be right.
        message: String,
        /// Where.
        at: Position,
    },
    /// The expression does not work on this data.
    #[error("{message} (at {at})")]
    Evaluation {
        /// What went wrong.
        message: String,
        /// Where.
        at: Position,
    },
    /// The expression, or what it makes, is larger than the [`Limits`](crate::Limits) allow.
    #[error("the expression {what} (at {at})")]
    Limit {
        /// Which limit, as the end of a sentence.
        what: &'static str,
        /// Where it was reached.
        at: Position,
    },
}

impl ExprError {
    /// Where it happened.
    pub fn position(&self) -> Position {
        match self {
            Self::Syntax { at, .. } | Self::Evaluation { at, .. } | Self::Limit { at, .. } => *at,
        }
    }
}

/// An error on its way out of the machine; it learns its place from the innermost node it passes.
#[derive(Debug)]
pub(crate) struct Fault(Box<Inner>);

#[derive(Debug)]
struct Inner {
    what: What,
    at: Option<u32>,
}

#[derive(Debug)]
enum What {
    Syntax(String),
    Evaluation(String),
    Limit(&'static str),
}

/// What nearly every function of the machine returns.
pub(crate) type Outcome<T> = Result<T, Fault>;

impl Fault {
    fn new(what: What) -> Self {
        Self(Box::new(Inner { what, at: None }))
    }

    pub(crate) fn syntax(message: impl Into<String>) -> Self {
        Self::new(What::Syntax(message.into()))
    }

    pub(crate) fn evaluation(message: impl Into<String>) -> Self {
        Self::new(What::Evaluation(message.into()))
    }

    pub(crate) fn limit(what: &'static str) -> Self {
        Self::new(What::Limit(what))
    }

    /// Notes the place, unless it is known already.
    #[must_use]
    pub(crate) fn at(mut self, offset: u32) -> Self {
        self.0.at.get_or_insert(offset);
        self
    }

    /// Moves a known place, for sources that are a part of a larger text.
    #[must_use]
    pub(crate) fn shifted(mut self, by: u32) -> Self {
        self.0.at = self.0.at.map(|at| at.saturating_add(by));
        self
    }

    pub(crate) fn into_error(self, source: &str) -> ExprError {
        let Inner { what, at } = *self.0;
        let at = Position::of(source, at.unwrap_or(0));
        match what {
            What::Syntax(message) => ExprError::Syntax { message, at },
            What::Evaluation(message) => ExprError::Evaluation { message, at },
            What::Limit(what) => ExprError::Limit { what, at },
        }
    }
}
