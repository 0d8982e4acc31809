//! How a component is declared.
//!
//! The file of a component is its struct, which holds config and state, and the runtime's own `Actor` (or another form, see
//! below) implemented on it. `#[derive(Component)]` reads the rest off the struct:
//!
//! ```
//! # #[cfg(feature = "runtime")] {
//! use reflow_component::prelude::*;
//!
//! /// Repeats a text.
//! ///
//! /// `output` is `input`, `times` times over.
//! #[derive(Component)]
//! #[component(id = "tpl_text_repeat", title = "Repeat", category = "text")]
//! #[inport(input: Text, required, "The text.")]
//! #[outport(output: Text, "The text, repeated.")]
//! #[example(config = r#"{"times": 2}"#, steps = r#"[{"input": "ab"}]"#, outputs = r#"[{"output": ["abab"]}]"#)]
//! struct Repeat {
//!     /// How often the text is repeated.
//!     #[config(default = 3, max = 1000)]
//!     times: u32,
//! }
//!
//! impl Actor for Repeat {
//!     fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
//!         let text = tick.read(Self::IN_INPUT).ok_or("expected a text")?;
//!         tick.write(Self::OUT_OUTPUT, text.repeat(self.times as usize));
//!         Ok(())
//!     }
//! }
//!
//! let repeat = reflow_component::Entry::of::<Repeat>();
//! assert_eq!(repeat.check(&Value::object([("times", "x")])), ["config `times`: expected a whole number, found \"x\""]);
//! # }
//! ```
//!
//! The [derive](derive@Component) documents every attribute.

pub use reflow_component_macros::{Choice, Component, ConfigGroup};
pub use reflow_message::{PortType, Value};

pub use crate::config::{Choice, Config, ConfigValue, Rule, Verdict, choice_schema, read_choice};
pub use crate::declaration::{ConfigGroup, Declaration, Declare, Example, Key};
#[cfg(feature = "runtime")]
pub use crate::entry::{Make, asynchronous, blocking, computes, heavy};
pub use crate::firing::{Firing, Source};
pub use crate::port::{Inport, Kind, Outport, Port};
pub use crate::schema::config_schema;
pub use crate::shape::{Numbers, Shape, Shaped};
#[cfg(feature = "runtime")]
pub use crate::stream::{collector, filter, producer};
pub use crate::word::Word;
#[cfg(feature = "runtime")]
pub use reflow_runtime::Instance;
