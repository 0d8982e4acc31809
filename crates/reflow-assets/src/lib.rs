//! A store of assets in a directory: blobs and JSON under ids such as `player:transform`, which make entities and their
//! components.
//!
//! ```
//! use reflow_assets::{Query, Store};
//! use reflow_message::Value;
//!
//! # fn main() -> Result<(), reflow_assets::AssetError> {
//! let store = Store::open(":memory:example")?;
//! store.put_json("player:transform", Value::object([("x", 1.0)]), Value::object::<&str, Value>([]))?;
//! store.update("player:transform", |old| {
//!     let x = old.and_then(|value| value.get("x")?.as_number()).unwrap_or(0.0);
//!     Ok(Value::object([("x", x + 1.0)]))
//! })?;
//! assert_eq!(store.json("player:transform")?, Some(Value::object([("x", 2.0)])));
//! let found = store.query(&Query::read(&Value::object([("name", "player")])))?;
//! assert_eq!(found.len(), 1);
//! # Ok(())
//! # }
//! ```
//!
//! # On disk
//!
//! `manifest.json` lists all entries; `blobs/HH/HASH` holds binary content. A change is first a line of `.journal`, which is
//! read over the manifest, so that writing costs the same however many assets there are and nothing that was written is
//! lost when the process is killed. Soon after, in the background, the manifest is written anew and takes the old one's
//! place, and the journal begins again; blobs that nothing refers to any more go only then. Who writes holds `.lock`, and
//! first takes over what others have written.
#![forbid(unsafe_code)]

mod blob;
mod delta;
mod disk;
mod entry;
mod error;
mod hash;
mod journal;
mod lock;
mod query;
mod stamp;
mod store;
mod table;
mod transaction;

pub use delta::{Delta, Watch};
pub use entry::{AssetType, Entry, component_of, entity_of};
pub use error::AssetError;
pub use hash::content_hash;
pub use query::Query;
pub use store::{Asset, Stats, Store};
pub use table::Table;
pub use transaction::Transaction;
