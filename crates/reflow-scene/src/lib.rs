//! Components for assets, systems that work on entities in a database, animation and scenes.
//!
//! They are one crate because they share their data: keyframes and easing drive tracks, timelines and tweens alike, and systems
//! and scene components work on the same entities of a [`reflow_assets::Store`]. A component is a file in the folder of its
//! family; the [`kernels`] are plain functions that know neither ticks nor messages.
#![forbid(unsafe_code)]

mod animation;
mod assets;
mod database;
mod kinds;
mod paths;
mod scene;
mod systems;
mod text;
mod values;

pub mod kernels;
pub mod layout;

use reflow_component::Entry;

/// The components of this crate.
pub fn components() -> Vec<Entry> {
    let families =
        [assets::components(), systems::components(), animation::components(), scene::components(), text::components()];
    families.into_iter().flatten().collect()
}
