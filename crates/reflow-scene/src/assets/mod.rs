//! The family `assets`: putting assets into a database, and getting and finding them.

mod asset_load;
mod asset_query;
mod asset_store;

use reflow_component::Entry;

pub(crate) fn components() -> Vec<Entry> {
    vec![
        Entry::of::<asset_load::AssetLoad>(),
        Entry::of::<asset_query::AssetQuery>(),
        Entry::of::<asset_store::AssetStore>(),
    ]
}
