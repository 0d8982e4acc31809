//! `Expression`: compiled once, evaluated often.

use std::sync::Arc;

use reflow_message::Value;

use crate::ast::Node;
use crate::convert;
use crate::datum::Datum;
use crate::error::{ExprError, Outcome};
use crate::limits::{Budget, Limits};
use crate::machine::Machine;
use crate::parser;
use crate::scope::Scope;

/// A compiled expression. Cloning shares it.
#[derive(Clone, Debug)]
pub struct Expression {
    source: Arc<str>,
    names: Arc<[Arc<str>]>,
    root: Arc<Node>,
    limits: Limits,
}

impl Expression {
    /// Compiles the text of an expression.
    ///
    /// # Errors
    /// [`ExprError::Syntax`] says what is wrong and where; [`ExprError::Limit`] when the text is longer than 64 KiB or
    /// nested too deeply.
    pub fn compile(source: &str) -> Result<Self, ExprError> {
        let (root, names) = parser::parse(source).map_err(|fault| fault.into_error(source))?;
        Ok(Self { source: source.into(), names: names.into(), root: Arc::new(root), limits: Limits::default() })
    }

    /// The same with other limits.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// The text it was compiled from.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The names it takes from its scope, in order of appearance.
    pub fn names(&self) -> &[Arc<str>] {
        &self.names
    }

    /// The result as data: whole numbers are integers; undefined, functions, NaN and infinities are null.
    ///
    /// # Errors
    /// [`ExprError::Evaluation`] when it does not work on this data, [`ExprError::Limit`] when it would take too long,
    /// grow too large or nest too deeply.
    pub fn evaluate(&self, scope: &dyn Scope) -> Result<Value, ExprError> {
        self.evaluate_within(scope, &mut Budget::new(self.limits))
    }

    /// [`evaluate`](Self::evaluate) with what is left of a budget instead of limits of its own.
    ///
    /// # Errors
    /// As [`evaluate`](Self::evaluate).
    pub fn evaluate_within(&self, scope: &dyn Scope, budget: &mut Budget) -> Result<Value, ExprError> {
        self.with_machine(scope, budget, |machine, result| convert::to_value(machine, &result))
    }

    /// Whether the result counts as true, as JavaScript sees it: all but false, 0, NaN, `""`, null and undefined.
    ///
    /// # Errors
    /// As [`evaluate`](Self::evaluate).
    pub fn test(&self, scope: &dyn Scope) -> Result<bool, ExprError> {
        self.test_within(scope, &mut Budget::new(self.limits))
    }

    /// [`test`](Self::test) with what is left of a budget instead of limits of its own.
    ///
    /// # Errors
    /// As [`evaluate`](Self::evaluate).
    pub fn test_within(&self, scope: &dyn Scope, budget: &mut Budget) -> Result<bool, ExprError> {
        self.with_machine(scope, budget, |_, result| Ok(convert::truthy(&result)))
    }

    /// The result as text, as `String(result)` gives it.
    ///
    /// # Errors
    /// As [`evaluate`](Self::evaluate).
    pub fn text(&self, scope: &dyn Scope) -> Result<Arc<str>, ExprError> {
        let budget = &mut Budget::new(self.limits);
        self.with_machine(scope, budget, |machine, result| convert::to_text(machine, &result))
    }

    fn with_machine<T>(
        &self,
        scope: &dyn Scope,
        budget: &mut Budget,
        finish: impl FnOnce(&mut Machine<'_>, Datum) -> Outcome<T>,
    ) -> Result<T, ExprError> {
        let mut machine = Machine::new(scope, budget);
        machine
            .run(&self.root)
            .and_then(|result| finish(&mut machine, result))
            .map_err(|fault| fault.into_error(&self.source))
    }
}
