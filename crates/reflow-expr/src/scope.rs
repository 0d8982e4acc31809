//! `Scope`: the names that an expression sees from outside.

use reflow_message::Value;

/// The names that an expression sees from outside. A closure `Fn(&str) -> Option<Value>` is one.
pub trait Scope {
    /// The data called `name`; `None` when there is no such name.
    fn lookup(&self, name: &str) -> Option<Value>;

    /// Calls a function of the host: `name` is `f` in `f(x)` and `object.f` in `object.f(x)`. Only asked for names that
    /// [`lookup`](Self::lookup) does not know. `None` when there is no such function; the error text is shown to people.
    fn call(&self, _name: &str, _arguments: &[Value]) -> Option<Result<Value, String>> {
        None
    }
}

impl<F: Fn(&str) -> Option<Value>> Scope for F {
    fn lookup(&self, name: &str) -> Option<Value> {
        self(name)
    }
}
