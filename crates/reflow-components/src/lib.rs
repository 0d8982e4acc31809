//! The bundled catalog: it collects the components of the families that live here, a folder each, and of the family crates.
#![forbid(unsafe_code)]

pub mod documentation;
pub mod testing;

mod catalog;
mod clock;
mod conditions;
mod data;
mod finite;
mod flow;
mod integration;
mod math;
mod path;
mod size;
mod vector;

pub use catalog::{Found, catalog, entries, entry, search};
pub use reflow_component::Entry;

// The words of the kit under the names that the families use.
use reflow_component::{config, declare, prelude, read};
