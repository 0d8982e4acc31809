//! What a pack author links against: the C ABI and a safe Rust face on it.
//!
//! A pack is a shared library with actors in it. Write a [`Component`] for each template, make its actors out of
//! [`Actor`] or [`AsyncActor`], and name them in one [`export_pack!`] line; `reflow-pack build` packs the library into a
//! `.rflpack` that every runtime of the same ABI major version loads, whatever compiler built either side.
//!
//! ```
//! use reflow_pack_sdk::{Actor, Component, ComponentSpec, Failure, Instance, Message, PortSpec, Tick, Value, export_pack};
//!
//! struct Double;
//!
//! impl Actor for Double {
//!     fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
//!         let number = tick.input(0).and_then(Message::as_number).ok_or("expected a number")?;
//!         tick.emit(0, number * 2.0);
//!         Ok(())
//!     }
//! }
//!
//! impl Component for Double {
//!     fn spec(&self) -> ComponentSpec {
//!         ComponentSpec {
//!             id: "acme_double".into(),
//!             inports: vec![PortSpec::new("number", "number")],
//!             outports: vec![PortSpec::new("doubled", "number")],
//!             ..ComponentSpec::default()
//!         }
//!     }
//!
//!     fn instantiate(&self, _config: &Value) -> Result<Instance, String> {
//!         Ok(Instance::new(Double))
//!     }
//! }
//!
//! export_pack!(Double);
//! ```
//!
//! The same boundary for C is `include/reflow_pack.h`, generated from [`abi`].

pub mod abi;

mod actor;
mod bytes;
mod component;
mod export;
mod failure;
mod host;
mod message;
mod node;
mod shell;
mod shell_async;
mod stream;
mod tick;
mod value;
#[doc(hidden)]
pub mod waker;

pub use actor::{Actor, AsyncActor, Instance, Signal};
pub use bytes::Bytes;
pub use component::{Component, ComponentSpec, Documentation, Firing, PortSpec, Source};
#[doc(hidden)]
pub use export::register;
pub use failure::Failure;
pub use message::{Kind, Message};
pub use node::{NodeHandle, SendError};
pub use stream::{Begin, Frame, StreamError, StreamReader, StreamWriter};
pub use tick::Tick;
pub use value::{Object, Value};

/// The C header, `reflow_pack.h`, for tools that lay out packs in C.
pub const C_HEADER: &str = include_str!("../include/reflow_pack.h");
