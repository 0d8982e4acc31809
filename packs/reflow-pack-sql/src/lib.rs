//! `reflow.pack.sql`: SQLite in a network.
//!
//! Every node has a connection of its own, opened when it starts and closed with it; its ticks run on threads that may
//! block, and statements stay prepared. A statement takes its parameters from the packet that fires it.

mod convert;
mod database;
mod execute;
mod insert;
mod query;
mod schema;
mod template;
mod transaction;

use reflow_pack_sdk::export_pack;

export_pack!(
    "reflow.pack.sql",
    all = [query::template(), execute::template(), insert::template(), schema::template(), transaction::template(),]
);
