//! Ports as a component declares and addresses them.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use reflow_message::PortType;

use crate::kind::PortKind;

/// A declared port.
#[derive(Clone, Debug)]
pub struct Port {
    /// The name that connections use.
    pub name: &'static str,
    /// What it carries.
    pub kind: Kind,
    /// One line for people.
    pub summary: &'static str,
    /// Whether a node of this component makes no sense with this inport unconnected.
    pub required: bool,
    /// Whether a newer packet replaces an older one that is still waiting.
    pub latest: bool,
}

impl Port {
    /// A port of the kind `K`.
    pub fn of<K: PortKind>(name: &'static str, summary: &'static str, required: bool, latest: bool) -> Self {
        Self { name, kind: Kind::of::<K>(), summary, required, latest }
    }
}

/// What a [`PortKind`] says of itself.
#[derive(Clone, Debug)]
pub struct Kind {
    /// A short name for people: `number`, `vec3`.
    pub word: Cow<'static, str>,
    /// How messages are read, in one line; empty where there is nothing to say.
    pub text: Cow<'static, str>,
    /// How messages are made, in one line; empty where there is nothing to say.
    pub made: Cow<'static, str>,
    /// The type that connections are checked by.
    pub port_type: PortType,
    /// Types that are taken or sent beside that.
    pub also: Vec<PortType>,
    /// Whether nested values are taken as they are.
    pub as_is: bool,
}

impl Kind {
    /// The description of `K`.
    pub fn of<K: PortKind>() -> Self {
        Self {
            word: K::word(),
            text: K::text(),
            made: K::made(),
            port_type: K::port_type(),
            also: K::also(),
            as_is: K::AS_IS,
        }
    }
}

macro_rules! handle {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        pub struct $name<K> {
            index: usize,
            kind: PhantomData<fn() -> K>,
        }

        impl<K> $name<K> {
            /// The port at this position of the declaration.
            pub const fn new(index: usize) -> Self {
                Self { index, kind: PhantomData }
            }

            /// The position.
            pub const fn index(self) -> usize {
                self.index
            }
        }

        impl<K> Clone for $name<K> {
            fn clone(&self) -> Self {
                *self
            }
        }

        impl<K> Copy for $name<K> {}

        impl<K: PortKind> fmt::Debug for $name<K> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({}: {})", stringify!($name), self.index, K::word())
            }
        }

        #[cfg(feature = "runtime")]
        impl<K> reflow_runtime::PortIndex for $name<K> {
            fn index(&self) -> usize {
                self.index
            }
        }
    };
}

handle! {
    /// An inport: its position, and the kind of what it carries.
    Inport
}

handle! {
    /// An outport: its position, and the kind of what it carries.
    Outport
}
