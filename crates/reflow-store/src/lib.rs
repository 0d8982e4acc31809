//! What outlives a run: one SQLite database with the journals of runs, their history, and cached results.
//!
//! One thread writes (group commit: everything that came meanwhile is one transaction), readers have connections of their own.
//! Payloads of 64 KiB and more are files beside the database, named by their content. The schema stands in `schema.sql`.
#![forbid(unsafe_code)]

mod cache;
mod error;
mod files;
mod history;
mod journal;
mod lease;
mod open;
mod process;
mod run;
mod segment;
mod store;
mod writer;

pub use cache::{CacheEntry, CacheRow, StoredCache};
pub use error::StoreError;
pub use history::{FailureRow, MomentRow, NodeRow, RunDetails, RunFilter, RunRow};
pub use journal::RunJournal;
pub use open::SCHEMA_VERSION;
pub use store::{NewRun, Store, StoredRun};
