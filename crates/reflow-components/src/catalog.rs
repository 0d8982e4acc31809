//! The catalog: every component by its id.

use std::sync::{Arc, LazyLock};

use reflow_component::Entry;
use reflow_component::declare::Declaration;
use reflow_runtime::{Catalog, Component};
use rustc_hash::FxHashMap;

/// The entries in order of their ids, and where each is.
struct Bundled {
    entries: Vec<Arc<Entry>>,
    by_id: FxHashMap<&'static str, usize>,
}

static BUNDLED: LazyLock<Arc<Bundled>> = LazyLock::new(|| {
    let families = [
        crate::data::components(),
        crate::flow::components(),
        crate::integration::components(),
        crate::math::components(),
        crate::vector::components(),
        #[cfg(feature = "families")]
        reflow_geometry::components(),
        #[cfg(feature = "families")]
        reflow_media::components(),
        #[cfg(feature = "families")]
        reflow_scene::components(),
        #[cfg(feature = "families")]
        reflow_shading::components(),
    ];
    let mut entries: Vec<_> = families.into_iter().flatten().map(Arc::new).collect();
    entries.sort_by_key(|entry| entry.declaration().id);
    let by_id = entries.iter().enumerate().map(|(index, entry)| (entry.declaration().id, index)).collect();
    Arc::new(Bundled { entries, by_id })
});

impl Catalog for Bundled {
    fn component(&self, id: &str) -> Option<Arc<dyn Component>> {
        let entry: Arc<Entry> = Arc::clone(self.entries.get(*self.by_id.get(id)?)?);
        Some(entry)
    }

    fn ids(&self) -> Vec<String> {
        self.entries.iter().map(|entry| entry.declaration().id.to_string()).collect()
    }
}

/// The bundled catalog, for [`Network::set_catalog`](reflow_runtime::Network::set_catalog).
pub fn catalog() -> Arc<dyn Catalog> {
    let bundled: Arc<Bundled> = Arc::clone(&BUNDLED);
    bundled
}

/// All components, sorted by id.
pub fn entries() -> &'static [Arc<Entry>] {
    &BUNDLED.entries
}

/// The component with this id.
pub fn entry(id: &str) -> Option<&'static Arc<Entry>> {
    BUNDLED.entries.get(*BUNDLED.by_id.get(id)?)
}

/// A component that a search has found.
#[derive(Clone, Debug)]
pub struct Found {
    /// The component.
    pub entry: Arc<Entry>,
    /// How well it fits; more is better.
    pub score: u32,
}

/// Components that every word of `text` occurs in, best first: a word weighs most in the id and the title, then in the
/// summary, then in ports, config keys and the text. Letter case does not count.
pub fn search(text: &str) -> Vec<Found> {
    let words: Vec<String> = text.split_whitespace().map(str::to_lowercase).collect();
    let mut found: Vec<Found> = entries()
        .iter()
        .filter_map(|entry| {
            let score = words
                .iter()
                .map(|word| score(entry.declaration(), word))
                .try_fold(0, |sum, score| if score == 0 { None } else { Some(sum + score) })?;
            Some(Found { entry: Arc::clone(entry), score })
        })
        .collect();
    // Stable: components that fit equally well stay in order of their ids.
    found.sort_by_key(|found| std::cmp::Reverse(found.score));
    found
}

fn score(declaration: &Declaration, word: &str) -> u32 {
    let has = |text: &str| text.to_lowercase().contains(word);
    let is_word = |text: &str| text.to_lowercase().split(|c: char| !c.is_alphanumeric()).any(|part| part == word);
    let ports = || declaration.inports.iter().chain(&declaration.outports).any(|port| has(port.name));
    let keys = || declaration.keys.iter().any(|key| has(key.rule.name));
    [
        (is_word(declaration.id) || is_word(declaration.title), 16),
        (has(declaration.id) || has(declaration.title), 8),
        (has(declaration.category), 4),
        (has(&declaration.summary()), 4),
        (ports() || keys(), 2),
        (has(&declaration.text), 1),
    ]
    .into_iter()
    .filter_map(|(fits, points)| fits.then_some(points))
    .sum()
}
