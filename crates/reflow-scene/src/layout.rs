//! Layout backends: trees of boxes that entities of a database are bound to.
//!
//! Every database may have one; a host that has a layout of its own sets it, and otherwise a tree in memory is used.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

use parking_lot::Mutex;
use reflow_assets::{Store, Table, entity_of};
use reflow_message::Value;
use rustc_hash::FxHashMap;

use crate::values::{number_or, text_or, vector};

/// A tree of boxes.
pub trait LayoutBackend: Send {
    /// What it is called.
    fn name(&self) -> &str;

    /// A number that belongs to an entity: `x`, `y`, `width`, `height`, `scrollX`, `scrollY`, `scrollProgress`, `opacity`,
    /// `inViewport`, or whatever else it has.
    fn query(&self, entity: &str, property: &str) -> Option<f64>;

    /// A text that belongs to an entity.
    fn query_string(&self, entity: &str, property: &str) -> Option<Arc<str>>;

    /// The entity whose box holds a point.
    fn hit_test(&self, x: f64, y: f64) -> Option<Arc<str>>;

    /// The entity that an entity is in.
    fn parent_of(&self, entity: &str) -> Option<Arc<str>>;

    /// The entities in an entity.
    fn children_of(&self, entity: &str) -> Vec<Arc<str>>;

    /// Takes in what the `dom` components of a database say.
    fn hydrate(&mut self, table: &Table);

    /// Takes over positions from `transform` and opacities from `style`.
    fn sync(&mut self, table: &Table);

    /// Takes in what happened outside.
    fn poll_events(&mut self) {}
}

/// The layout of a database, and where its entities were when both sides last agreed.
pub(crate) struct Layout {
    pub(crate) backend: Box<dyn LayoutBackend>,
    pub(crate) agreed: FxHashMap<Arc<str>, [f64; 2]>,
}

type Layouts = FxHashMap<PathBuf, Arc<Mutex<Layout>>>;

static LAYOUTS: LazyLock<Mutex<Layouts>> = LazyLock::new(Mutex::default);

fn key(database: &str) -> Option<PathBuf> {
    Some(Store::open(database).ok()?.path().to_path_buf())
}

/// Gives the database at a path a layout of the host's own.
///
/// # Errors
/// When the path is none.
pub fn set_backend(database: &str, backend: Box<dyn LayoutBackend>) -> Result<(), reflow_assets::AssetError> {
    let path = Store::open(database)?.path().to_path_buf();
    LAYOUTS.lock().insert(path, Arc::new(Mutex::new(Layout { backend, agreed: FxHashMap::default() })));
    Ok(())
}

/// The layout of a database, made if there is none.
pub(crate) fn of(database: &str) -> Option<Arc<Mutex<Layout>>> {
    let make = || Layout { backend: Box::new(Headless::default()), agreed: FxHashMap::default() };
    Some(Arc::clone(LAYOUTS.lock().entry(key(database)?).or_insert_with(|| Arc::new(Mutex::new(make())))))
}

/// A number of the layout of a database, by `entity:property`.
pub(crate) fn query(database: &str, _table: &Table, place: &str) -> Option<f64> {
    let (entity, property) = place.rsplit_once(':')?;
    let layout = Arc::clone(LAYOUTS.lock().get(&key(database)?)?);
    layout.lock().backend.query(entity, property)
}

/// A tree in memory that nobody sees.
#[derive(Debug, Default)]
pub struct Headless {
    nodes: BTreeMap<Arc<str>, Node>,
}

#[derive(Debug, Default, Clone)]
struct Node {
    tag: Arc<str>,
    text: Arc<str>,
    parent: Option<Arc<str>>,
    x: f64,
    y: f64,
    width: f64,
    height: f64,
    scroll: [f64; 2],
    scroll_height: f64,
    opacity: f64,
    numbers: BTreeMap<Arc<str>, f64>,
    texts: BTreeMap<Arc<str>, Arc<str>>,
}

impl LayoutBackend for Headless {
    fn name(&self) -> &'static str {
        "headless"
    }

    fn query(&self, entity: &str, property: &str) -> Option<f64> {
        let node = self.nodes.get(entity)?;
        Some(match property {
            "x" => node.x,
            "y" => node.y,
            "width" => node.width,
            "height" => node.height,
            "scrollX" => node.scroll[0],
            "scrollY" => node.scroll[1],
            "opacity" => node.opacity,
            "inViewport" => 1.0,
            "scrollProgress" => {
                let way = node.scroll_height - node.height;
                if way > 0.0 { node.scroll[1] / way } else { 0.0 }
            }
            other => *node.numbers.get(other)?,
        })
    }

    fn query_string(&self, entity: &str, property: &str) -> Option<Arc<str>> {
        let node = self.nodes.get(entity)?;
        match property {
            "tag" => Some(Arc::clone(&node.tag)),
            "text" => Some(Arc::clone(&node.text)),
            other => node.texts.get(other).cloned(),
        }
    }

    fn hit_test(&self, x: f64, y: f64) -> Option<Arc<str>> {
        let holds =
            |node: &Node| (node.x..=node.x + node.width).contains(&x) && (node.y..=node.y + node.height).contains(&y);
        self.nodes.iter().find(|(_, node)| holds(node)).map(|(entity, _)| Arc::clone(entity))
    }

    fn parent_of(&self, entity: &str) -> Option<Arc<str>> {
        self.nodes.get(entity)?.parent.clone()
    }

    fn children_of(&self, entity: &str) -> Vec<Arc<str>> {
        let is_child = |node: &Node| node.parent.as_deref() == Some(entity);
        self.nodes.iter().filter(|(_, node)| is_child(node)).map(|(entity, _)| Arc::clone(entity)).collect()
    }

    fn hydrate(&mut self, table: &Table) {
        let mut old = std::mem::take(&mut self.nodes);
        for entry in table.with_component(&["dom"], None) {
            let (entity, Some(dom)) = (entity_of(&entry.id), &entry.inline) else { continue };
            let mut node = old.remove(entity).unwrap_or_else(|| {
                let [x, y] = position(table, entity).unwrap_or_default();
                Node { x, y, opacity: 1.0, ..Node::default() }
            });
            node.tag = text_or(dom, "tag", "div").into();
            node.text = text_or(dom, "text", "").into();
            node.parent = dom.get("parent").and_then(Value::as_str).map(Into::into);
            (node.width, node.height) = (number_or(dom, "width", 0.0), number_or(dom, "height", 0.0));
            let free = dom.as_object().into_iter().flatten();
            let free = free.filter(|(key, _)| !matches!(&***key, "tag" | "text" | "parent" | "width" | "height"));
            for (key, value) in free {
                match (value.as_number(), value.as_str()) {
                    (Some(number), _) => _ = node.numbers.insert(Arc::clone(key), number),
                    (_, Some(text)) => _ = node.texts.insert(Arc::clone(key), text.into()),
                    _ => {}
                }
            }
            self.nodes.insert(entity.into(), node);
        }
    }

    fn sync(&mut self, table: &Table) {
        for (entity, node) in &mut self.nodes {
            if let Some([x, y]) = position(table, entity) {
                (node.x, node.y) = (x, y);
            }
            let opacity = table.component(entity, "style").and_then(|style| style.get("opacity")?.as_number());
            node.opacity = opacity.unwrap_or(node.opacity);
        }
    }
}

/// Where the `transform` of an entity says that it is.
pub(crate) fn position(table: &Table, entity: &str) -> Option<[f64; 2]> {
    let position = table.component(entity, "transform")?.get("position")?;
    position.as_array().map(|_| vector(Some(position), [0.0; 2]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::empty;

    #[test]
    fn trees_know_their_boxes() {
        let store = Store::open(":memory:layout").unwrap();
        let put = |id: &str, json: &str| store.put_json(id, Value::from_json(json).unwrap(), empty()).unwrap();
        put("page:dom", r#"{"width": 100, "height": 50, "zoom": 2}"#);
        put("button:dom", r#"{"tag": "button", "parent": "page", "width": 10, "height": 10}"#);
        put("button:transform", r#"{"position": [200, 5]}"#);
        let mut tree = Headless::default();
        store.read(|table| tree.hydrate(table)).unwrap();
        assert_eq!((tree.query("button", "x"), tree.query("page", "zoom")), (Some(200.0), Some(2.0)));
        assert_eq!((tree.query("nobody", "x"), tree.query("page", "value")), (None, None));
        assert_eq!(tree.hit_test(210.0, 15.0).as_deref(), Some("button"));
        assert_eq!(tree.children_of("page"), ["button".into()]);
        assert_eq!(tree.query_string("page", "tag").as_deref(), Some("div"));
    }
}
