//! What a component declares.

use std::borrow::Cow;

use reflow_message::Value;

use crate::config::{Config, Rule};
use crate::firing::{Firing, Source};
use crate::port::Port;

/// A struct that is a component. Derived, never written by hand.
pub trait Declare: Sized + Send + 'static {
    /// Everything there is to know about the component.
    fn declaration() -> Declaration;

    /// Reads the struct out of a config; problems are left in `config`.
    fn configure(config: &mut Config<'_>) -> Self;

    /// When a tick of a node with these inports connected starts.
    fn firing_of_node(&self, _connected: &[&str]) -> Firing {
        Self::declaration().firing
    }
}

/// Config keys that several components have in common. Derived.
///
/// ```
/// # #[cfg(feature = "runtime")] {
/// use reflow_component::prelude::*;
///
/// #[derive(ConfigGroup)]
/// struct Size {
///     /// Pixels in a row.
///     #[config(default = 512)]
///     width: u32,
///     /// Rows.
///     #[config(default = 512)]
///     height: u32,
/// }
///
/// /// Makes a picture.
/// #[derive(Component)]
/// #[component(id = "tpl_picture", title = "Picture", category = "image")]
/// struct Picture {
///     #[config(group)]
///     size: Size,
/// }
///
/// # impl Actor for Picture {
/// #     fn run(&mut self, _: &mut Tick<'_>) -> Result<(), Failure> {
/// #         Ok(())
/// #     }
/// # }
/// let keys: Vec<_> = Entry::of::<Picture>().declaration().keys.iter().map(|key| key.rule.name).collect();
/// assert_eq!(keys, ["width", "height"]);
/// # }
/// ```
pub trait ConfigGroup: Sized {
    /// The keys.
    fn keys() -> Vec<Key>;

    /// Reads the group; problems are left in `config`.
    fn read(config: &mut Config<'_>) -> Self;
}

/// What a component declares.
#[derive(Clone, Debug)]
pub struct Declaration {
    /// The template id.
    pub id: &'static str,
    /// A name to show.
    pub title: &'static str,
    /// The family.
    pub category: &'static str,
    /// The doc comment: the first paragraph is the summary, the rest the page.
    pub text: Cow<'static, str>,
    /// Declared inports.
    pub inports: Vec<Port>,
    /// Declared outports.
    pub outports: Vec<Port>,
    /// When a tick starts.
    pub firing: Firing,
    /// Whether a node's config and connections say otherwise: see [`Declare::firing_of_node`].
    pub per_node: bool,
    /// Whether ticks ask for the origin of their packets.
    pub origins: bool,
    /// Whether connections may use ports that are not declared.
    pub open_ports: bool,
    /// Whether a node that nothing feeds runs.
    pub source: Source,
    /// The keys of the config.
    pub keys: Vec<Key>,
    /// Examples that are printed and tested.
    pub examples: Vec<Example>,
}

impl Declaration {
    /// The first paragraph of the doc comment, on one line.
    pub fn summary(&self) -> String {
        self.text.split("\n\n").next().unwrap_or_default().replace('\n', " ")
    }

    /// The doc comment without its first paragraph.
    pub fn body(&self) -> &str {
        self.text.split_once("\n\n").map_or("", |(_, body)| body.trim())
    }
}

/// A key of a component's config.
#[derive(Clone, Debug)]
pub struct Key {
    /// How it is read.
    pub rule: Rule,
    /// The range that editors offer; other numbers are allowed.
    pub range: Option<[f64; 2]>,
    /// The unit of the number, `ms` for example; empty when it has none.
    pub unit: &'static str,
    /// One line for people.
    pub summary: &'static str,
    /// What holds when the key is not there; `None` when it must be.
    pub default: Option<Value>,
    /// JSON Schema of the value.
    pub schema: Value,
}

/// An example of a component at work, in JSON.
#[derive(Clone, Debug)]
pub struct Example {
    /// The config.
    pub config: Cow<'static, str>,
    /// A list of input sets, `[{"a": 1, "b": 2}]`: a message by inport, in the plain or the tagged form.
    pub steps: Cow<'static, str>,
    /// What each set brings, `[{"result": [3.0]}]`: a list of messages by outport.
    pub outputs: Cow<'static, str>,
}
