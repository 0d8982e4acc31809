//! The compiled form of an expression.

use std::sync::Arc;

use crate::builtins::Builtin;
use crate::datum::Datum;

/// A part of an expression and where it stands.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) at: u32,
    /// Levels of nodes from here down; bounds the stack of evaluation and drop.
    pub(crate) height: u16,
    pub(crate) kind: Kind,
}

#[derive(Debug)]
pub(crate) enum Kind {
    Literal(Datum),
    /// A name of the scope.
    Global(Arc<str>),
    /// A parameter of an enclosing function, `up` functions out.
    Local {
        up: u16,
        slot: u16,
    },
    Builtin(Builtin),
    Template(Vec<Node>),
    Array(Vec<Element>),
    Object(Vec<Property>),
    Member {
        object: Box<Node>,
        name: Arc<str>,
        optional: bool,
    },
    Index {
        object: Box<Node>,
        index: Box<Node>,
        optional: bool,
    },
    Call {
        callee: Box<Node>,
        arguments: Vec<Element>,
        optional: bool,
        /// What a host function that this may call would be named.
        host: Option<Arc<str>>,
    },
    Unary(Unary, Box<Node>),
    Binary(Binary, Box<Node>, Box<Node>),
    Logical(Logical, Box<Node>, Box<Node>),
    Conditional(Box<[Node; 3]>),
    Arrow(Arc<Arrow>),
}

impl Kind {
    /// The height of the tallest node inside.
    pub(crate) fn height(&self) -> u16 {
        fn tallest<'a>(nodes: impl IntoIterator<Item = &'a Node>) -> u16 {
            nodes.into_iter().map(|node| node.height).max().unwrap_or(0)
        }
        fn elements(elements: &[Element]) -> u16 {
            tallest(elements.iter().map(|(Element::Item(node) | Element::Spread(node))| node))
        }
        match self {
            Self::Literal(_) | Self::Global(_) | Self::Local { .. } | Self::Builtin(_) => 0,
            Self::Template(parts) => tallest(parts),
            Self::Array(items) => elements(items),
            Self::Object(properties) => properties
                .iter()
                .map(|property| match property {
                    Property::Member(Key::Computed(key), value) => key.height.max(value.height),
                    Property::Member(Key::Name(_), value) | Property::Spread(value) => value.height,
                })
                .max()
                .unwrap_or(0),
            Self::Member { object, .. } => object.height,
            Self::Index { object, index, .. } => object.height.max(index.height),
            Self::Call { callee, arguments, .. } => callee.height.max(elements(arguments)),
            Self::Unary(_, operand) => operand.height,
            Self::Binary(_, left, right) | Self::Logical(_, left, right) => left.height.max(right.height),
            Self::Conditional(parts) => tallest(parts.iter()),
            Self::Arrow(arrow) => arrow.body.height,
        }
    }
}

/// An item of a list or argument of a call.
#[derive(Debug)]
pub(crate) enum Element {
    Item(Node),
    Spread(Node),
}

#[derive(Debug)]
pub(crate) enum Property {
    Member(Key, Node),
    Spread(Node),
}

#[derive(Debug)]
pub(crate) enum Key {
    Name(Arc<str>),
    Computed(Node),
}

/// A function of an expression.
#[derive(Debug)]
pub(crate) struct Arrow {
    pub(crate) parameters: Vec<Pattern>,
    pub(crate) rest: bool,
    pub(crate) body: Node,
}

/// What a parameter is taken apart into. Names become slots in the order they are written.
#[derive(Debug)]
pub(crate) enum Pattern {
    Name,
    Array(Vec<Option<Self>>),
    Object(Vec<(Arc<str>, Self)>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unary {
    Not,
    Negate,
    Number,
    TypeOf,
    BitNot,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Logical {
    And,
    Or,
    Nullish,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Binary {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    Power,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Equal,
    NotEqual,
    StrictEqual,
    StrictNotEqual,
    In,
    BitAnd,
    BitOr,
    BitXor,
    ShiftLeft,
    ShiftRight,
    ShiftRightUnsigned,
}
