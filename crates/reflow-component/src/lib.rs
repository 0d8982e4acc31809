//! The kit that components are made with, bundled ones and those of packs.
//!
//! A component is declared once, on the struct that runs it (see [`declare`]). Its ports, with the [`kind`] of each, its
//! config checks, JSON Schema, documentation page and examples are read off that declaration; what it shares with others
//! of its form, a stream filter or a computation that takes long, is written here once.
#![forbid(unsafe_code)]

// The derives write `::reflow_component::…`, inside this crate and outside.
extern crate self as reflow_component;

pub mod config;
pub mod declare;
pub mod documentation;
pub mod kind;
pub mod vector;

mod declaration;
mod firing;
pub mod lint;
mod port;
mod schema;
mod shape;
mod word;

#[cfg(feature = "runtime")]
mod entry;
#[cfg(feature = "runtime")]
pub mod prelude;
#[cfg(feature = "runtime")]
pub mod read;
#[cfg(feature = "runtime")]
mod report;
#[cfg(feature = "runtime")]
pub mod stream;
#[cfg(feature = "runtime")]
pub mod table;
#[cfg(feature = "runtime")]
pub mod testing;
#[cfg(feature = "runtime")]
mod typed;

#[cfg(feature = "runtime")]
pub use entry::Entry;
#[cfg(feature = "runtime")]
pub use report::Report;
#[cfg(feature = "runtime")]
pub use typed::Typed;
