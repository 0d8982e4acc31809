//! What the file of a component needs: the derives, the runtime's words, and errors as data.

pub use reflow_runtime::{Actor, AsyncActor, Failure, Firing, Message, Object, Tick, Value, async_trait};

pub use crate::declare::{Choice, Component, ConfigValue, Shape, Shaped, Word};
pub use crate::report::Report;
