//! What a pack author links against: the C ABI and a safe Rust face on it.
//!
//! A pack is a shared library with actors in it. Declare a struct for each template (see [`declare`]), which is an [`Actor`] or an
//! [`AsyncActor`], and name them in one [`export_pack!`] line; `reflow pack build` packs the library into a
//! `.rflpack` that every runtime of the same ABI major version loads, whatever compiler built either side.
//!
//! ```
//! use reflow_pack_sdk::prelude::*;
//!
//! /// Doubles a number.
//! #[derive(Component)]
//! #[component(id = "acme_double", title = "Double", category = "math")]
//! #[inport(number: Number, required, "The number.")]
//! #[outport(doubled: Float, "Twice the number.")]
//! struct Double;
//!
//! impl Actor for Double {
//!     fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
//!         let number = tick.need(Self::IN_NUMBER)?;
//!         tick.write(Self::OUT_DOUBLED, number * 2.0);
//!         Ok(())
//!     }
//! }
//!
//! reflow_pack_sdk::export_pack!("acme.math", all = [component::<Double>()]);
//! ```
//!
//! The same boundary for C is `include/reflow_pack.h`, generated from [`abi`].

pub mod abi;

mod actor;
mod bytes;
mod component;
pub mod declare;
mod exit;
mod export;
mod failure;
mod host;
mod message;
mod node;
mod portable;
pub mod prelude;
mod shared;
mod shell;
mod shell_async;
mod stream;
mod tick;
mod value;
#[doc(hidden)]
pub mod waker;

pub use actor::{Actor, AsyncActor, Instance, Signal};
pub use bytes::Bytes;
pub use component::{Adaptation, Component, ComponentSpec, Documentation, Firing, PortSpec, Source, TemplateSource};
pub use exit::AtExit;
pub use export::Pack;
#[doc(hidden)]
pub use export::register;
pub use failure::Failure;
pub use message::{Kind, Message};
pub use node::{NodeHandle, SendError};
pub use reflow_component::kind;
pub use reflow_message::{Object, PortType, Value};
pub use shared::{Shared, SharedMap};
pub use stream::{Begin, Frame, StreamError, StreamReader, StreamWriter};
pub use tick::{PortIndex, Tick};

/// The C header, `reflow_pack.h`, for tools that lay out packs in C.
pub const C_HEADER: &str = include_str!("../include/reflow_pack.h");
