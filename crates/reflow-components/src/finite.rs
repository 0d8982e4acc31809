//! Results that are finite numbers, or else an error.

use std::borrow::Cow;
use std::sync::Arc;

use reflow_component::declare::Outport;
use reflow_component::kind::{ErrorText, PortKind};
use reflow_component::{Report, Typed};
use reflow_runtime::{Failure, Message, PortType, Tick};

/// What is said of infinities and NaN.
pub(crate) const NOT_FINITE: &str = "Result is not a finite number";

/// The error port of a component whose results are finite.
pub(crate) struct NotFinite;

impl PortKind for NotFinite {
    type Value = Arc<str>;

    fn word() -> Cow<'static, str> {
        ErrorText::word()
    }

    fn made() -> Cow<'static, str> {
        format!("`{NOT_FINITE}` in place of an infinite or undefined result").into()
    }

    fn port_type() -> PortType {
        ErrorText::port_type()
    }

    fn read(message: &Message) -> Option<Arc<str>> {
        ErrorText::read(message)
    }

    fn make(value: Arc<str>) -> Message {
        ErrorText::make(value)
    }
}

/// A result that may be infinite or undefined.
pub(crate) trait Finite {
    fn is_finite(&self) -> bool;
}

impl Finite for f64 {
    fn is_finite(&self) -> bool {
        Self::is_finite(*self)
    }
}

impl<const N: usize> Finite for [f64; N] {
    fn is_finite(&self) -> bool {
        self.iter().all(|part| f64::is_finite(*part))
    }
}

/// Sends results that are finite.
pub(crate) trait WriteFinite {
    /// Sends `value`, or an Error in place of infinities and NaN.
    fn write_finite<K>(
        &mut self,
        result: Outport<K>,
        error: Outport<NotFinite>,
        value: K::Value,
    ) -> Result<(), Failure>
    where
        K: PortKind,
        K::Value: Finite;
}

impl WriteFinite for Tick<'_> {
    fn write_finite<K>(&mut self, result: Outport<K>, error: Outport<NotFinite>, value: K::Value) -> Result<(), Failure>
    where
        K: PortKind,
        K::Value: Finite,
    {
        if !value.is_finite() {
            return self.report(error, NOT_FINITE);
        }
        self.write(result, value);
        Ok(())
    }
}
