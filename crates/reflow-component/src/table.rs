//! Families of tables: components that turn their config, and the nodes that come in, into one node of a JSON language.
//!
//! A row of a table is a whole component: ports, config with its schema, page and example come of it.
//!
//! ```
//! use std::borrow::Cow;
//!
//! use reflow_component::kind::{PortKind, payload};
//! use reflow_component::table::{Language, Row, child, components, number, vector};
//! use reflow_message::{Message, PortType, Value};
//!
//! /// A shape, as JSON.
//! struct Shape;
//!
//! impl PortKind for Shape {
//!     type Value = Value;
//!
//!     fn word() -> Cow<'static, str> {
//!         "shape".into()
//!     }
//!
//!     fn port_type() -> PortType {
//!         PortType::object("Shape")
//!     }
//!
//!     fn read(message: &Message) -> Option<Value> {
//!         payload(message).filter(|value| value.get("type").is_some()).cloned()
//!     }
//!
//!     fn make(value: Value) -> Message {
//!         Message::Object(value)
//!     }
//! }
//!
//! impl Language for Shape {
//!     const CATEGORY: &'static str = "shape";
//!     const OUTPORT: (&'static str, &'static str) = ("shape", "The shape.");
//!
//!     fn specimen() -> Value {
//!         Value::object([("type", "circle")])
//!     }
//! }
//!
//! const SHAPES: &[Row] = &[
//!     Row::new("tpl_circle", "Circle", "A circle around the origin.", "circle")
//!         .with(&[number("radius", "radius", 1.0, "The radius.").range(0.1, 10.0)]),
//!     Row::new("tpl_move", "Move", "Moves a shape.", "move")
//!         .with(&[vector("by", &[("x", 0.0, "How far right."), ("y", 0.0, "How far up.")])])
//!         .around(&[child("shape", "child", "The shape to move.")]),
//! ];
//!
//! let entries = components::<Shape>(SHAPES);
//! assert_eq!(entries[0].declaration().examples[0].outputs, r#"[{"shape":[{"radius":1.0,"type":"circle"}]}]"#);
//! assert_eq!(entries[1].declaration().inports[0].name, "shape");
//! ```

use std::borrow::Cow;

use reflow_message::Value;
use reflow_runtime::{Actor, Failure, Instance, Tick};

use crate::config::{Config, ConfigValue, Rule};
use crate::declaration::{Declaration, Example, Key};
use crate::entry::Entry;
use crate::firing::{Firing, Source};
use crate::kind::{Any, ErrorText, PortKind};
use crate::port::Port;
use crate::report::Report;

/// A JSON language: the kind of its nodes, and what the components that make them share.
pub trait Language: PortKind<Value = Value> {
    /// The family.
    const CATEGORY: &'static str;

    /// The outport that nodes leave by, and its summary.
    const OUTPORT: (&'static str, &'static str);

    /// The member that says what a node is.
    const TAG: &'static str = "type";

    /// The inport that asks a component without inputs for its node.
    const TRIGGER: &'static str = "trigger";

    /// A number of the config as it stands in a node.
    fn number(value: f64) -> Value {
        Value::Float(value)
    }

    /// The node that stands in for a number, where an input that was not sent has one in the config.
    fn constant(value: f64) -> Value {
        Self::number(value)
    }

    /// A small node, for examples.
    fn specimen() -> Value;
}

/// One component of a table.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    id: &'static str,
    title: &'static str,
    text: &'static str,
    /// What the tag says.
    tag: &'static str,
    /// A second tag and what it says.
    variant: Option<(&'static str, &'static str)>,
    /// A member that is null.
    null: Option<&'static str>,
    fields: &'static [Field],
    children: &'static [Child],
}

impl Row {
    /// A component whose nodes are tagged with `tag`. The first paragraph of `text` is its summary.
    pub const fn new(id: &'static str, title: &'static str, text: &'static str, tag: &'static str) -> Self {
        Self { id, title, text, tag, variant: None, null: None, fields: &[], children: &[] }
    }

    /// The same with a second tag.
    #[must_use]
    pub const fn variant(self, member: &'static str, word: &'static str) -> Self {
        Self { variant: Some((member, word)), ..self }
    }

    /// The same with a member that is null.
    #[must_use]
    pub const fn null(self, member: &'static str) -> Self {
        Self { null: Some(member), ..self }
    }

    /// The same with members out of the config.
    #[must_use]
    pub const fn with(self, fields: &'static [Field]) -> Self {
        Self { fields, ..self }
    }

    /// The same with nodes that come in.
    #[must_use]
    pub const fn around(self, children: &'static [Child]) -> Self {
        Self { children, ..self }
    }
}

/// A member of a node that the config fills.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    member: &'static str,
    shape: Shape,
    range: Option<[f64; 2]>,
    min: Option<f64>,
    unit: &'static str,
}

#[derive(Clone, Copy, Debug)]
enum Shape {
    Number(Part),
    Whole(&'static str, u32, &'static str),
    Vector(&'static [Part]),
    Word(&'static str, &'static str, &'static [&'static str], &'static str),
}

/// A key, its default and its summary.
type Part = (&'static str, f64, &'static str);

/// The number `key`.
pub const fn number(member: &'static str, key: &'static str, default: f64, summary: &'static str) -> Field {
    Field::new(member, Shape::Number((key, default, summary)))
}

/// The whole number `key`.
pub const fn whole(member: &'static str, key: &'static str, default: u32, summary: &'static str) -> Field {
    Field::new(member, Shape::Whole(key, default, summary))
}

/// A list of numbers, a key each.
pub const fn vector(member: &'static str, parts: &'static [Part]) -> Field {
    Field::new(member, Shape::Vector(parts))
}

/// One of several words.
pub const fn word(
    member: &'static str,
    key: &'static str,
    default: &'static str,
    words: &'static [&'static str],
    summary: &'static str,
) -> Field {
    Field::new(member, Shape::Word(key, default, words, summary))
}

impl Field {
    const fn new(member: &'static str, shape: Shape) -> Self {
        Self { member, shape, range: None, min: None, unit: "" }
    }

    /// The same with a range that editors offer; other numbers are allowed.
    #[must_use]
    pub const fn range(self, low: f64, high: f64) -> Self {
        Self { range: Some([low, high]), ..self }
    }

    /// The same with a smallest number; the default counts in place of a smaller one.
    #[must_use]
    pub const fn min(self, min: f64) -> Self {
        Self { min: Some(min), ..self }
    }

    /// The same with a unit.
    #[must_use]
    pub const fn unit(self, unit: &'static str) -> Self {
        Self { unit, ..self }
    }

    fn rule(&self, name: &'static str) -> Rule {
        Rule { name, aliases: &[], min: self.min, max: None, required: false, lenient: true }
    }

    fn read<L: Language>(&self, config: &mut Config<'_>) -> Value {
        match self.shape {
            Shape::Number((key, default, _)) => L::number(config.read(&self.rule(key), || default)),
            Shape::Whole(key, default, _) => config.read(&self.rule(key), || default).into(),
            Shape::Vector(parts) => {
                Value::array(parts.iter().map(|(key, default, _)| L::number(config.read(&self.rule(key), || *default))))
            }
            Shape::Word(key, default, words, _) => {
                let word: String = config.read(&self.rule(key), || default.to_string());
                words.iter().find(|known| **known == word).unwrap_or(&default).to_string().into()
            }
        }
    }

    fn keys(&self) -> Vec<Key> {
        let key = |name, default: Value, schema: Value, summary| Key {
            rule: self.rule(name),
            range: self.range,
            unit: self.unit,
            summary,
            default: Some(default),
            schema,
        };
        let of_part = |(name, default, summary): &Part| key(*name, (*default).into(), f64::schema(), *summary);
        match self.shape {
            Shape::Number(part) => vec![of_part(&part)],
            Shape::Whole(name, default, summary) => vec![key(name, default.into(), u32::schema(), summary)],
            Shape::Vector(parts) => parts.iter().map(of_part).collect(),
            Shape::Word(name, default, words, summary) => {
                let schema = [("type", Value::from("string")), ("examples", Value::array(words.iter().copied()))];
                vec![key(name, default.into(), Value::object(schema), summary)]
            }
        }
    }
}

/// A node that comes in on an inport and becomes a member.
#[derive(Clone, Copy, Debug)]
pub struct Child {
    port: &'static str,
    member: &'static str,
    summary: &'static str,
    otherwise: Otherwise,
}

#[derive(Clone, Copy, Debug)]
enum Otherwise {
    Needed,
    LeftOut,
    Number(Field),
}

/// A node that there must be.
pub const fn child(port: &'static str, member: &'static str, summary: &'static str) -> Child {
    Child { port, member, summary, otherwise: Otherwise::Needed }
}

impl Child {
    /// The same, left out of the node where nothing was sent.
    #[must_use]
    pub const fn optional(self) -> Self {
        Self { otherwise: Otherwise::LeftOut, ..self }
    }

    /// The same, with a number of the config in its place where nothing was sent.
    #[must_use]
    pub const fn or(self, key: &'static str, default: f64, summary: &'static str) -> Self {
        Self { otherwise: Otherwise::Number(number(self.member, key, default, summary)), ..self }
    }
}

/// The components of a table.
pub fn components<L: Language>(rows: &'static [Row]) -> Vec<Entry> {
    rows.iter().map(|row| Entry::new(row.declaration::<L>(), |config| Instance::new(row.node::<L>(config)))).collect()
}

impl Row {
    fn node<L: Language>(&'static self, config: &mut Config<'_>) -> Node<L> {
        let mut members = vec![(L::TAG, Value::from(self.tag))];
        members.extend(self.variant.map(|(member, word)| (member, word.into())));
        members.extend(self.null.map(|member| (member, Value::Null)));
        members.extend(self.fields.iter().map(|field| (field.member, field.read::<L>(config))));
        let numbers = self.children.iter().map(|child| match &child.otherwise {
            Otherwise::Number(field) => {
                let Shape::Number((key, default, _)) = field.shape else { return None };
                Some(L::constant(config.read(&field.rule(key), || default)))
            }
            Otherwise::Needed | Otherwise::LeftOut => None,
        });
        Node { otherwise: numbers.collect(), row: self, members, language: std::marker::PhantomData }
    }

    fn declaration<L: Language>(&'static self) -> Declaration {
        let (name, summary) = L::OUTPORT;
        let mut outports = vec![Port::of::<L>(name, summary, false, false)];
        let needs = self.children.iter().any(|child| matches!(child.otherwise, Otherwise::Needed));
        if needs {
            outports.push(Port::of::<ErrorText>("error", "Why there is no node.", false, false));
        }
        let mut inports: Vec<Port> = self.children.iter().map(Child::port::<L>).collect();
        if inports.is_empty() {
            inports.push(Port::of::<Any>(L::TRIGGER, "Whatever comes asks for the node.", false, false));
        }
        let mut keys: Vec<Key> = self.fields.iter().flat_map(Field::keys).collect();
        keys.extend(self.children.iter().flat_map(|child| match &child.otherwise {
            Otherwise::Number(field) => field.keys(),
            Otherwise::Needed | Otherwise::LeftOut => Vec::new(),
        }));
        Declaration {
            id: self.id,
            title: self.title,
            category: L::CATEGORY,
            text: Cow::Borrowed(self.text),
            inports,
            outports,
            firing: match (self.children.len(), needs) {
                (0 | 1, _) => Firing::Any,
                (_, true) => Firing::all(),
                // Every packet gives a node, with the newest one of each other inport.
                (_, false) => Firing::Required(Vec::new()),
            },
            per_node: false,
            origins: false,
            // What asks for a node may come by any name.
            open_ports: self.children.is_empty(),
            source: Source::No,
            keys,
            examples: vec![self.example::<L>()],
        }
    }

    /// What the defaults make of the specimen.
    fn example<L: Language>(&'static self) -> Example {
        let node = self.node::<L>(&mut Config::new(&Value::Null));
        let needs = self.children.iter().any(|child| matches!(child.otherwise, Otherwise::Needed));
        // Without an input that is needed every packet gives a node, so there is one.
        let sent = |at: usize| needs || at == 0;
        let children: Vec<_> = (0..self.children.len()).map(|at| sent(at).then(L::specimen)).collect();
        let inputs = self.children.iter().zip(&children).filter_map(|(child, node)| Some((child.port, node.clone()?)));
        let step = match self.children {
            [] => Value::object([(L::TRIGGER, Value::object([("type", "Flow")]))]),
            _ => Value::object(inputs),
        };
        let output = Value::object([(L::OUTPORT.0, Value::array([node.assemble(&children)]))]);
        Example {
            config: Cow::Borrowed("{}"),
            steps: Cow::Owned(Value::array([step]).to_json_string()),
            outputs: Cow::Owned(Value::array([output]).to_json_string()),
        }
    }
}

impl Child {
    fn port<L: Language>(&self) -> Port {
        Port::of::<L>(self.port, self.summary, matches!(self.otherwise, Otherwise::Needed), false)
    }
}

/// The actor of a node: its members, ready to be put together.
struct Node<L> {
    row: &'static Row,
    members: Vec<(&'static str, Value)>,
    /// What stands in for children that were not sent.
    otherwise: Vec<Option<Value>>,
    language: std::marker::PhantomData<fn() -> L>,
}

impl<L: Language> Node<L> {
    /// The node around `children`, as far as they are there.
    fn assemble(&self, children: &[Option<Value>]) -> Value {
        let inner = self.row.children.iter().zip(children.iter().zip(&self.otherwise));
        let inner = inner
            .filter_map(|(child, (node, otherwise))| Some((child.member, node.clone().or_else(|| otherwise.clone())?)));
        Value::object(self.members.iter().cloned().chain(inner))
    }
}

impl<L: Language> Actor for Node<L> {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let mut children = Vec::with_capacity(self.row.children.len());
        for (port, child) in self.row.children.iter().enumerate() {
            let node = tick.input(port).and_then(L::read);
            if node.is_none() && matches!(child.otherwise, Otherwise::Needed) {
                return tick.report(1, format!("No {} on {}", L::word(), child.port));
            }
            children.push(node);
        }
        tick.emit(0, L::make(self.assemble(&children)));
        Ok(())
    }
}
