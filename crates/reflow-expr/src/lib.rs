//! The expressions and text templates that components take in their configs.
//!
//! The language is the expression part of JavaScript, without statements, assignment and the outside world; its grammar
//! stands in `docs/expressions.md` of this crate. An [`Expression`] is compiled once a node and evaluated for every
//! packet; evaluation always ends, within [`Limits`].
//!
//! ```
//! use reflow_expr::Expression;
//! use reflow_message::Value;
//!
//! let total = Expression::compile("data.price * data.quantity").unwrap();
//! let data = Value::object([("price", 2.5), ("quantity", 2.0)]);
//! let scope = |name: &str| (name == "data").then(|| data.clone());
//! assert_eq!(total.evaluate(&scope).unwrap(), Value::Integer(5));
//! ```
#![forbid(unsafe_code)]

mod ast;
mod builtins;
mod convert;
mod datum;
mod error;
mod expression;
mod lexer;
mod limits;
mod machine;
mod number;
mod operators;
mod parser;
mod scope;
mod sort;
mod template;
mod text;

pub use error::{ExprError, Position};
pub use expression::Expression;
pub use limits::{Budget, Limits};
pub use scope::Scope;
pub use sort::try_sort_by;
pub use template::Template;
