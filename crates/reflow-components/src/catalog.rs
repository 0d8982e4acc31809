//! The catalog: every component by its id.

use std::borrow::Cow;
use std::sync::{Arc, LazyLock};

use reflow_runtime::{Catalog, Component, ComponentSpec, Documentation, Firing, Instance, Value};
use rustc_hash::FxHashMap;

use crate::config::Config;
use crate::declare::{Declaration, Declare};
use crate::schema::config_schema;

/// A component of the catalog.
#[derive(Debug)]
pub struct Entry {
    declaration: Declaration,
    spec: Arc<ComponentSpec>,
    make: fn(&mut Config<'_>) -> Instance,
    firing: fn(&mut Config<'_>, &[&str]) -> Firing,
}

impl Entry {
    /// The entry of a declared component.
    pub fn of<D: Declare>() -> Self {
        let declaration = D::declaration();
        let spec = Arc::new(ComponentSpec {
            id: declaration.id.into(),
            inports: declaration.inports.clone(),
            outports: declaration.outports.clone(),
            firing: declaration.firing.clone(),
            source: declaration.source,
            config_schema: config_schema(&declaration),
            documentation: Documentation {
                title: declaration.title.into(),
                category: declaration.category.into(),
                summary: Cow::Owned(declaration.summary()),
                text: declaration.body().into(),
            },
        });
        Self {
            declaration,
            spec,
            make: |config| D::configure(config).into_instance(),
            firing: |config, connected| D::configure(config).firing_of_node(connected),
        }
    }

    /// What the component declares.
    pub fn declaration(&self) -> &Declaration {
        &self.declaration
    }

    /// What is wrong with a config, a text a problem.
    pub fn check(&self, config: &Value) -> Vec<String> {
        self.read(config).err().unwrap_or_default()
    }

    /// What a config says in vain: values of a kind that counts as the default, keys that look like a slip of the keyboard, words
    /// that are none of the choices, and the same inside of lists and objects.
    pub fn warnings(&self, config: &Value) -> Vec<String> {
        let mut reading = Config::new(config);
        (self.make)(&mut reading);
        let (_, mut warnings) = reading.finish();
        for key in &self.declaration.keys {
            let names = std::iter::once(&key.rule.name).chain(key.rule.aliases);
            let found = names.filter_map(|name| Some((*name, config.get(name)?))).find(|(_, value)| !value.is_null());
            let Some((name, value)) = found else { continue };
            let is_told = warnings.iter().any(|text| text.starts_with(&format!("config `{name}`:")));
            warnings.extend(crate::lint::findings(name, value, &key.schema, is_told));
        }
        warnings
    }

    fn read(&self, config: &Value) -> Result<Instance, Vec<String>> {
        let mut config = Config::new(config);
        let instance = (self.make)(&mut config);
        let (problems, _) = config.finish();
        if problems.is_empty() { Ok(instance) } else { Err(problems) }
    }
}

impl Component for Entry {
    fn spec(&self) -> Arc<ComponentSpec> {
        Arc::clone(&self.spec)
    }

    fn instantiate(&self, config: &Value) -> Result<Instance, String> {
        self.read(config).map_err(|problems| problems.join("; "))
    }

    fn firing(&self, config: &Value, connected: &[&str]) -> Firing {
        if self.declaration.per_node {
            (self.firing)(&mut Config::new(config), connected)
        } else {
            self.spec.firing.clone()
        }
    }

    fn open_ports(&self) -> bool {
        // The one whose config names outports.
        self.spec.id == "tpl_rules_engine"
    }

    fn check_config(&self, config: &Value) -> Vec<String> {
        self.check(config)
    }

    fn config_warnings(&self, config: &Value) -> Vec<String> {
        self.warnings(config)
    }
}

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
    ];
    let mut entries: Vec<_> = families.into_iter().flatten().map(Arc::new).collect();
    entries.sort_by_key(|entry| entry.declaration.id);
    let by_id = entries.iter().enumerate().map(|(index, entry)| (entry.declaration.id, index)).collect();
    Arc::new(Bundled { entries, by_id })
});

impl Catalog for Bundled {
    fn component(&self, id: &str) -> Option<Arc<dyn Component>> {
        let entry: Arc<Entry> = Arc::clone(self.entries.get(*self.by_id.get(id)?)?);
        Some(entry)
    }

    fn ids(&self) -> Vec<String> {
        self.entries.iter().map(|entry| entry.declaration.id.to_string()).collect()
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
                .map(|word| score(&entry.declaration, word))
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
    let ports = || declaration.inports.iter().chain(&declaration.outports).any(|port| has(&port.name));
    let keys = || declaration.keys.iter().any(|key| has(key.rule.name));
    [
        (is_word(declaration.id) || is_word(declaration.title), 16),
        (has(declaration.id) || has(declaration.title), 8),
        (has(declaration.category), 4),
        (has(&declaration.summary()), 4),
        (ports() || keys(), 2),
        (has(declaration.text), 1),
    ]
    .into_iter()
    .filter_map(|(fits, points)| fits.then_some(points))
    .sum()
}
