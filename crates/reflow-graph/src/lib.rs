//! What a network is made of: the GraphExport model, editing, checking, composing, analysing and drawing.
#![forbid(unsafe_code)]

mod error;
mod export;
mod metadata;
mod name;
mod port_type;
mod read;
mod workspace;

pub use error::{Error, Result};
pub use export::{Connection, Edge, GraphExport, Group, Process};
pub use metadata::{Data, Extra, Map, Metadata};
pub use name::Name;
pub use port_type::PortType;
pub use read::MAX_DEPTH;
pub use workspace::{ExternalConnection, GraphDependency, InterfaceDefinition};
