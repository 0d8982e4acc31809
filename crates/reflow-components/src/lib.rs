//! The bundled catalog of components, a folder per family and a file per component.
//!
//! A component is declared once, on the struct that runs it (see [`declare`]); its ports, config checks, JSON Schema,
//! documentation page and place in the [`catalog`] are read off that declaration.
#![forbid(unsafe_code)]

// The derives write `::reflow_components::…`, inside this crate and outside.
extern crate self as reflow_components;

pub mod declare;
pub mod documentation;
pub mod prelude;
pub mod testing;

mod catalog;
mod clock;
mod conditions;
mod config;
mod data;
mod flow;
mod integration;
mod lint;
mod math;
mod path;
mod read;
mod report;
mod schema;
mod shape;
mod size;
mod vector;
mod word;

pub use catalog::{Entry, Found, catalog, entries, entry, search};
