//! Families of tables: components that turn their config, and the nodes that come in, into one node of a JSON language.
//!
//! A row of a table is a whole component: ports, config with its schema, page and example come of it.
//!
//! ```
//! use std::borrow::Cow;
//!
//! use reflow_component::kind::PortKind;
//! use reflow_component::table::{Language, Row, child, components, number, vector};
//! use reflow_message::{Message, Nested, PortType, Value};
//!
//! /// A shape, as JSON.
//! struct Shape;
//!
//! impl PortKind for Shape {
//!     type Value = Nested;
//!     const AS_IS: bool = true;
//!
//!     fn word() -> Cow<'static, str> {
//!         "shape".into()
//!     }
//!
//!     fn port_type() -> PortType {
//!         PortType::object("Shape")
//!     }
//!
//!     fn read(message: &Message) -> Option<Nested> {
//!         Nested::of(Self::NAME, message).filter(|node| node.own().contains_key("type"))
//!     }
//!
//!     fn make(node: Nested) -> Message {
//!         node.into()
//!     }
//! }
//!
//! impl Language for Shape {
//!     const NAME: &'static str = "shape";
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

use reflow_message::{Message, Nested, Object, Value};
use reflow_runtime::{Actor, Failure, Instance, Tick};

use crate::config::{Config, ConfigValue, Rule, expected};
use crate::declaration::{Declaration, Example, Key};
use crate::entry::Entry;
use crate::firing::{Firing, Source};
use crate::kind::{Any, ErrorText, PortKind};
use crate::lint::not_a_word;
use crate::port::Port;
use crate::report::Report;
use crate::shape::{Numbers, Shaped};

/// A JSON language: the kind of its nodes, and what the components that make them share.
pub trait Language: PortKind<Value = Nested> {
    /// Its name, by which its components know what is in it already.
    const NAME: &'static str;

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

    /// The node that stands in for three numbers.
    fn constants(values: [f64; 3]) -> Value {
        Value::array(values.map(Self::number))
    }

    /// What is said of a message that is no node.
    fn refusal(port: &str, _message: Option<&Message>) -> String {
        format!("No {} on {port}", Self::word())
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
    waits: bool,
    triggered: bool,
}

impl Row {
    /// A component whose nodes are tagged with `tag`. The first paragraph of `text` is its summary.
    pub const fn new(id: &'static str, title: &'static str, text: &'static str, tag: &'static str) -> Self {
        Self {
            id,
            title,
            text,
            tag,
            variant: None,
            null: None,
            fields: &[],
            children: &[],
            waits: false,
            triggered: false,
        }
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

    /// The same with nodes that come in. Each is remembered until another one comes, when there are several and none of them
    /// is needed: then every packet gives a node.
    #[must_use]
    pub const fn around(self, children: &'static [Child]) -> Self {
        Self { children, ..self }
    }

    /// The same, giving no node before every inport that is connected has had one.
    #[must_use]
    pub const fn waits(self) -> Self {
        Self { waits: true, ..self }
    }

    /// The same with the inport that asks for the node, as components without inputs have it.
    #[must_use]
    pub const fn triggered(self) -> Self {
        Self { triggered: true, ..self }
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
    times: f64,
    rounded: bool,
    open: bool,
}

#[derive(Clone, Copy, Debug)]
enum Shape {
    Number(Part),
    Whole(WholePart),
    Vector(&'static [Part]),
    Wholes(&'static [WholePart]),
    List(&'static str, &'static [f64], &'static str),
    Text(&'static str, &'static str, &'static str),
    Word(&'static str, &'static str, &'static [&'static str], &'static str),
    Items(&'static str, fn() -> Value, fn() -> Value, &'static str),
}

/// A key, its default and its summary.
type Part = (&'static str, f64, &'static str);
/// The same of a whole number.
type WholePart = (&'static str, u32, &'static str);

/// The number `key`.
pub const fn number(member: &'static str, key: &'static str, default: f64, summary: &'static str) -> Field {
    Field::new(member, Shape::Number((key, default, summary)))
}

/// The whole number `key`.
pub const fn whole(member: &'static str, key: &'static str, default: u32, summary: &'static str) -> Field {
    Field::new(member, Shape::Whole((key, default, summary)))
}

/// A list of numbers, a key each.
pub const fn vector(member: &'static str, parts: &'static [Part]) -> Field {
    Field::new(member, Shape::Vector(parts))
}

/// A list of whole numbers, a key each.
pub const fn wholes(member: &'static str, parts: &'static [WholePart]) -> Field {
    Field::new(member, Shape::Wholes(parts))
}

/// A list of numbers in one key, of which those at the end may be left out.
pub const fn list(member: &'static str, key: &'static str, default: &'static [f64], summary: &'static str) -> Field {
    Field::new(member, Shape::List(key, default, summary))
}

/// A text.
pub const fn text(member: &'static str, key: &'static str, default: &'static str, summary: &'static str) -> Field {
    Field::new(member, Shape::Text(key, default, summary))
}

/// A list of JSON that becomes a member as it is.
pub const fn items(
    member: &'static str,
    key: &'static str,
    default: fn() -> Value,
    schema: fn() -> Value,
    summary: &'static str,
) -> Field {
    Field::new(member, Shape::Items(key, default, schema, summary))
}

/// One of several words; another one is a problem of the config.
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
        Self { member, shape, range: None, min: None, unit: "", times: 1.0, rounded: false, open: false }
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

    /// The same in another unit than the node has it in: the number of the config times `factor`.
    #[must_use]
    pub const fn times(self, factor: f64) -> Self {
        Self { times: factor, ..self }
    }

    /// The same as 32-bit floats.
    #[must_use]
    pub const fn rounded(self) -> Self {
        Self { rounded: true, ..self }
    }

    /// The same word, or another one: it stands in the node as it was written.
    #[must_use]
    pub const fn open(self) -> Self {
        Self { open: true, ..self }
    }

    fn rule(&self, name: &'static str) -> Rule {
        let lenient = self.open || !matches!(self.shape, Shape::Word(..));
        Rule { name, aliases: &[], min: self.min, max: None, required: false, lenient }
    }

    fn number<L: Language>(&self, value: f64) -> Value {
        let value = value * self.times;
        L::number(if self.rounded { f64::from((value as f32).clamp(f32::MIN, f32::MAX)) } else { value })
    }

    fn read<L: Language>(&self, config: &mut Config<'_>) -> Value {
        let part = |config: &mut Config<'_>, (key, default, _): &Part| {
            self.number::<L>(config.read(&self.rule(key), || *default))
        };
        let whole = |config: &mut Config<'_>, (key, default, _): &WholePart| -> Value {
            config.read(&self.rule(key), || *default).into()
        };
        match self.shape {
            Shape::Number(number) => part(config, &number),
            Shape::Whole(number) => whole(config, &number),
            Shape::Vector(parts) => Value::array(parts.iter().map(|number| part(config, number))),
            Shape::Wholes(parts) => Value::array(parts.iter().map(|number| whole(config, number))),
            Shape::List(key, default, _) => {
                let given: Shaped<Numbers> = config.read(&self.rule(key), Shaped::default);
                let numbers = default.iter().enumerate().map(|(at, default)| given.number(at).unwrap_or(*default));
                Value::array(numbers.map(|number| self.number::<L>(number)))
            }
            Shape::Text(key, default, _) => config.read(&self.rule(key), || default.to_string()).into(),
            Shape::Word(key, default, words, _) => {
                let word: String = config.read(&self.rule(key), || default.to_string());
                if !self.open && !words.contains(&&*word) {
                    config.accept(Err(format!("`{key}`: {}", not_a_word(&word, words))));
                }
                word.into()
            }
            Shape::Items(key, default, ..) => config.read(&self.rule(key), || Items(default())).0,
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
        let of_whole = |(name, default, summary): &WholePart| key(*name, (*default).into(), u32::schema(), *summary);
        match self.shape {
            Shape::Number(part) => vec![of_part(&part)],
            Shape::Whole(part) => vec![of_whole(&part)],
            Shape::Vector(parts) => parts.iter().map(of_part).collect(),
            Shape::Wholes(parts) => parts.iter().map(of_whole).collect(),
            Shape::List(name, default, summary) => {
                vec![key(name, Value::array(default.iter().copied()), Vec::<f64>::schema(), summary)]
            }
            Shape::Text(name, default, summary) => vec![key(name, default.into(), String::schema(), summary)],
            Shape::Word(name, default, words, summary) => {
                let listed = if self.open { "examples" } else { "enum" };
                let schema = [("type", Value::from("string")), (listed, Value::array(words.iter().copied()))];
                vec![key(name, default.into(), Value::object(schema), summary)]
            }
            Shape::Items(name, default, schema, summary) => vec![key(name, default(), schema(), summary)],
        }
    }
}

/// A list of anything.
struct Items(Value);

impl ConfigValue for Items {
    fn read(value: &Value) -> Result<Self, String> {
        if value.as_array().is_some() { Ok(Self(value.clone())) } else { Err(expected("a list", value)) }
    }

    fn to_value(&self) -> Value {
        self.0.clone()
    }

    fn schema() -> Value {
        Value::object([("type", "array")])
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
    /// What the config says, or else this.
    Config {
        key: &'static str,
        default: Option<Constant>,
        as_node: bool,
        summary: &'static str,
    },
    Always(Constant),
}

/// What stands in for a node that was not sent.
#[derive(Clone, Copy, Debug)]
pub enum Constant {
    /// The node of a number.
    Number(f64),
    /// The node of three numbers.
    Numbers([f64; 3]),
    /// A node that has nothing but its tag.
    Tag(&'static str),
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

    /// The same, with a number of the config in its place where nothing was sent. Three numbers and a node will do too.
    #[must_use]
    pub const fn or(self, key: &'static str, default: f64, summary: &'static str) -> Self {
        self.or_constant(key, Constant::Number(default), summary)
    }

    /// [`or`](Self::or) for any constant.
    #[must_use]
    pub const fn or_constant(self, key: &'static str, default: Constant, summary: &'static str) -> Self {
        Self { otherwise: Otherwise::Config { key, default: Some(default), as_node: false, summary }, ..self }
    }

    /// [`or_constant`](Self::or_constant) whose default is told as the node that it is.
    #[must_use]
    pub const fn or_node(self, key: &'static str, default: Constant, summary: &'static str) -> Self {
        Self { otherwise: Otherwise::Config { key, default: Some(default), as_node: true, summary }, ..self }
    }

    /// The same, with what the config says in its place, and left out where that says nothing either.
    #[must_use]
    pub const fn or_given(self, key: &'static str, summary: &'static str) -> Self {
        Self { otherwise: Otherwise::Config { key, default: None, as_node: false, summary }, ..self }
    }

    /// The same, with a constant in its place where nothing was sent.
    #[must_use]
    pub const fn or_always(self, constant: Constant) -> Self {
        Self { otherwise: Otherwise::Always(constant), ..self }
    }

    fn port<L: Language>(&self) -> Port {
        Port::of::<L>(self.port, self.summary, matches!(self.otherwise, Otherwise::Needed), false)
    }

    /// What stands in for the node.
    fn stand_in<L: Language>(&self, config: &mut Config<'_>) -> Option<Value> {
        match self.otherwise {
            Otherwise::Needed | Otherwise::LeftOut => None,
            Otherwise::Always(constant) => Some(constant.node::<L>()),
            Otherwise::Config { key, default, .. } => match config.read(&stand_in_rule(key), || None) {
                Some(StandIn::Number(number)) => Some(L::constant(number)),
                Some(StandIn::Numbers(numbers)) => Some(L::constants(numbers)),
                Some(StandIn::Node(node)) => Some(node),
                None => default.map(Constant::node::<L>),
            },
        }
    }

    fn key<L: Language>(&self) -> Option<Key> {
        let Otherwise::Config { key, default, as_node, summary } = self.otherwise else { return None };
        let default = default.map_or(Value::Null, |constant| match constant {
            Constant::Number(number) if !as_node => number.into(),
            Constant::Numbers(numbers) if !as_node => Value::array(numbers),
            constant => constant.node::<L>(),
        });
        Some(Key {
            rule: stand_in_rule(key),
            range: None,
            unit: "",
            summary,
            default: Some(default),
            schema: StandIn::schema(),
        })
    }
}

impl Constant {
    fn node<L: Language>(self) -> Value {
        match self {
            Self::Number(number) => L::constant(number),
            Self::Numbers(numbers) => L::constants(numbers),
            Self::Tag(tag) => Value::object([(L::TAG, tag)]),
        }
    }
}

/// What a config says in place of a node.
enum StandIn {
    Number(f64),
    Numbers([f64; 3]),
    Node(Value),
}

fn stand_in_rule(name: &'static str) -> Rule {
    Rule { name, aliases: &[], min: None, max: None, required: false, lenient: true }
}

impl ConfigValue for StandIn {
    fn read(value: &Value) -> Result<Self, String> {
        let refused = || expected("a number, a list of 3 numbers or a node", value);
        match value {
            Value::Object(_) => Ok(Self::Node(value.clone())),
            Value::Array(_) => {
                let numbers = Vec::<f64>::read(value).map_err(|_| refused())?;
                numbers.try_into().map(Self::Numbers).map_err(|_| refused())
            }
            _ => f64::read(value).map(Self::Number).map_err(|_| refused()),
        }
    }

    fn to_value(&self) -> Value {
        match self {
            Self::Number(number) => (*number).into(),
            Self::Numbers(numbers) => Value::array(*numbers),
            Self::Node(node) => node.clone(),
        }
    }

    fn schema() -> Value {
        let kinds = [f64::schema(), Vec::<f64>::schema(), Value::object([("type", "object")])];
        Value::object([("anyOf", Value::array(kinds))])
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
        let otherwise = self.children.iter().map(|child| child.stand_in::<L>(config)).collect();
        let last = vec![None; self.children.len()];
        Node { row: self, members, otherwise, last, language: std::marker::PhantomData }
    }

    /// Whether there is no node without some that came in.
    fn needs(&self) -> bool {
        self.children.iter().any(|child| matches!(child.otherwise, Otherwise::Needed))
    }

    fn declaration<L: Language>(&'static self) -> Declaration {
        let (name, summary) = L::OUTPORT;
        let mut outports = vec![Port::of::<L>(name, summary, false, false)];
        let needs = self.needs();
        if needs {
            outports.push(Port::of::<ErrorText>("error", "Why there is no node.", false, false));
        }
        let mut inports: Vec<Port> = self.children.iter().map(Child::port::<L>).collect();
        let asked = self.triggered || inports.is_empty();
        if asked {
            inports.push(Port::of::<Any>(L::TRIGGER, "Whatever comes asks for the node.", false, false));
        }
        let mut keys: Vec<Key> = self.fields.iter().flat_map(Field::keys).collect();
        keys.extend(self.children.iter().filter_map(Child::key::<L>));
        Declaration {
            id: self.id,
            title: self.title,
            category: L::CATEGORY,
            text: Cow::Borrowed(self.text),
            inports,
            outports,
            firing: if needs && self.children.len() > 1 { Firing::all() } else { Firing::Any },
            per_node: false,
            origins: false,
            // What asks for a node may come by any name.
            open_ports: asked,
            source: Source::No,
            keys,
            examples: vec![self.example::<L>()],
        }
    }

    /// What the defaults make of the specimen.
    fn example<L: Language>(&'static self) -> Example {
        let node = self.node::<L>(&mut Config::new(&Value::Null));
        // Without an input that is needed every packet gives a node, so there is one.
        let sent = |at: usize| self.needs() || (at == 0 && !self.triggered);
        let specimen = || L::read(&Message::Object(L::specimen()));
        let children: Vec<_> = (0..self.children.len()).map(|at| if sent(at) { specimen() } else { None }).collect();
        let inputs = (0..self.children.len()).filter(|at| sent(*at)).map(|at| (self.children[at].port, L::specimen()));
        let step = if self.triggered || self.children.is_empty() {
            Value::object([(L::TRIGGER, Value::object([("type", "Flow")]))])
        } else {
            Value::object(inputs)
        };
        let output = Value::object([(L::OUTPORT.0, Value::array([L::make(node.assemble(&children)).to_value()]))]);
        Example {
            config: Cow::Borrowed("{}"),
            steps: Cow::Owned(Value::array([step]).to_json_string()),
            outputs: Cow::Owned(Value::array([output]).to_json_string()),
        }
    }
}

/// The actor of a node: its members, ready to be put together.
struct Node<L> {
    row: &'static Row,
    members: Vec<(&'static str, Value)>,
    /// What stands in for children that were not sent.
    otherwise: Vec<Option<Value>>,
    /// The last node of each inport.
    last: Vec<Option<Nested>>,
    language: std::marker::PhantomData<fn() -> L>,
}

/// The largest node, in bytes written out. Parts that occur twice are shared here, and are copies elsewhere.
const LARGEST: u64 = 256 << 20;

impl<L: Language> Node<L> {
    /// The node around `children`, as far as they are there.
    fn assemble(&self, children: &[Option<Nested>]) -> Nested {
        let mut own: Object = self.members.iter().map(|(member, value)| ((*member).into(), value.clone())).collect();
        let mut inner = Vec::new();
        for (child, (node, otherwise)) in self.row.children.iter().zip(children.iter().zip(&self.otherwise)) {
            match (node, otherwise) {
                (Some(node), _) => inner.push((child.member, node.clone())),
                (None, Some(constant)) => {
                    own.insert(child.member.into(), constant.clone());
                }
                (None, None) => {}
            }
        }
        Nested::new(L::NAME, own, inner)
    }

    /// Whether an inport that is connected has had no node yet.
    fn is_waiting(&self, tick: &Tick<'_>) -> bool {
        self.row.waits && self.last.iter().any(Option::is_none) && {
            let connected = tick.node().connected_inports();
            let mut open = self.row.children.iter().zip(&self.last).filter(|(_, last)| last.is_none());
            open.any(|(child, _)| connected.iter().any(|port| **port == *child.port))
        }
    }
}

impl<L: Language> Actor for Node<L> {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let remembers = self.row.children.len() > 1 && !self.row.needs();
        for (port, child) in self.row.children.iter().enumerate() {
            let node = tick.input(port).and_then(L::read);
            if node.is_none() && matches!(child.otherwise, Otherwise::Needed) {
                return tick.report(1, L::refusal(child.port, tick.input(port)));
            }
            if node.is_some() || !remembers {
                self.last[port] = node;
            }
        }
        if self.is_waiting(tick) {
            return Ok(());
        }
        let node = self.assemble(&self.last);
        let size = node.bytes();
        if size > LARGEST {
            let text =
                format!("the {} is too large: {} levels deep, {size} bytes written out", L::word(), node.depth());
            return if self.row.needs() { tick.report(1, text) } else { Err(text.into()) };
        }
        tick.emit(0, L::make(node));
        Ok(())
    }
}
