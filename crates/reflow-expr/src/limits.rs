//! `Limits`: what one evaluation may use.

use crate::error::{Fault, Outcome};

/// How long the text of an expression may be, in bytes.
pub(crate) const MAX_SOURCE: usize = 64 * 1024;

/// How deeply the text of an expression may be nested.
pub(crate) const MAX_NESTING: u16 = 96;

/// How many parts of an expression may hold each other: nesting, and operators in a row.
pub(crate) const MAX_HEIGHT: u16 = 240;

/// How deeply evaluation may be nested: nesting of the text, multiplied by functions that call functions.
pub(crate) const MAX_CALLS: u16 = 256;

/// How many levels of the text a call of a function counts for: built-in methods that call functions take more stack.
pub(crate) const CALL_DEPTH: u16 = 6;

/// How many levels of lists, objects and functions an expression may put around each other.
pub(crate) const MAX_LEVELS: u16 = 128;

/// What one evaluation, or all that share a [`Budget`], may use. What needs more ends with
/// [`ExprError::Limit`](crate::ExprError::Limit).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Steps: about one an operation, an element looked at, or sixteen bytes of text looked at.
    pub steps: u64,
    /// Bytes of text and lists that it may make, counted whether or not they are still needed. In a result, what is in it several
    /// times counts again each time.
    pub bytes: u64,
}

/// Ten million steps (well under a second) and 64 MiB.
impl Default for Limits {
    fn default() -> Self {
        Self { steps: 10_000_000, bytes: 64 << 20 }
    }
}

/// What is left of some limits: evaluations that share one may use no more together.
///
/// # Examples
/// ```
/// use reflow_expr::{Budget, Expression, Limits};
///
/// let expression = Expression::compile("[1, 2, 3].map(x => x * 2)").unwrap();
/// let mut budget = Budget::new(Limits { steps: 40, bytes: 1_000 });
/// assert!(expression.evaluate_within(&|_: &str| None, &mut budget).is_ok());
/// assert!(expression.evaluate_within(&|_: &str| None, &mut budget).is_err());
/// ```
#[derive(Debug)]
pub struct Budget(Limits);

impl Default for Budget {
    fn default() -> Self {
        Self::new(Limits::default())
    }
}

impl Budget {
    /// A budget with nothing used.
    pub fn new(limits: Limits) -> Self {
        Self(limits)
    }

    /// Allows for more, when there is more to work on.
    pub fn add(&mut self, more: Limits) {
        self.0.steps = self.0.steps.saturating_add(more.steps);
        self.0.bytes = self.0.bytes.saturating_add(more.bytes);
    }

    /// Accounts for work that the host does beside the expressions: `bytes` bytes looked at. Whether there was room for it.
    pub fn look_at(&mut self, bytes: usize) -> bool {
        self.steps(1 + bytes / 16).is_ok()
    }

    pub(crate) fn steps(&mut self, count: usize) -> Outcome<()> {
        self.0.steps = self.0.steps.checked_sub(count as u64).ok_or_else(|| Fault::limit("takes too many steps"))?;
        Ok(())
    }

    /// Looks at `bytes` bytes of text.
    pub(crate) fn scan(&mut self, bytes: usize) -> Outcome<()> {
        self.steps(bytes / 16)
    }

    /// Makes something of `bytes` bytes.
    pub(crate) fn make(&mut self, bytes: usize) -> Outcome<()> {
        self.0.bytes = self.0.bytes.checked_sub(bytes as u64).ok_or_else(|| Fault::limit("makes too much data"))?;
        self.scan(bytes)
    }
}
