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
mod transaction;

use reflow_pack_sdk::export_pack;
use reflow_pack_sdk::prelude::component;

export_pack!(
    "reflow.pack.sql",
    all = [
        component::<query::Query>(),
        component::<execute::Execute>(),
        component::<insert::Insert>(),
        component::<schema::Schema>(),
        component::<transaction::Transaction>(),
    ]
);
