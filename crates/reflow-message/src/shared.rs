//! `SharedArray` and `SharedObject`: the immutable containers of a [`Value`], which know how deep and how large they are.
//!
//! Every container is made here, so the limit of depth holds for every value however it is made: one that would be nested
//! deeper holds nothing and says so ([`Value::is_too_deep`]), as NaN does among numbers. Whoever hands values on looks at
//! that; whoever walks through values never has to fear for its stack.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use crate::value::{MAX_DEPTH, Object, Value};

/// How deep and how large a value is, with everything in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Weight {
    /// Levels of containers, 0 for a scalar; one more than [`DEEPEST`] when it was too deep to be made.
    pub(crate) depth: usize,
    /// Memory that it takes once it is written out, about; what is shared counts as often as it occurs.
    pub(crate) bytes: u64,
}

impl Weight {
    const TOO_DEEP: Self = Self { depth: DEEPEST + 1, bytes: CONTAINER };

    fn around(contents: impl Iterator<Item = Self>) -> Self {
        let empty = Self { depth: 0, bytes: CONTAINER };
        let inside = contents.fold(empty, |sum, one| Self {
            depth: sum.depth.max(one.depth),
            bytes: sum.bytes.saturating_add(one.bytes),
        });
        if inside.depth >= DEEPEST { Self::TOO_DEEP } else { Self { depth: inside.depth + 1, ..inside } }
    }
}

/// How deep a container can be: what the runtime puts around a value (the tagged form, an event, the report of a failure)
/// still has room.
pub(crate) const DEEPEST: usize = MAX_DEPTH + 16;
/// What a container without contents counts as.
const CONTAINER: u64 = 80;
/// What a scalar counts as.
const SCALAR: u64 = 16;
/// What a member counts as beside its key and its value.
const MEMBER: u64 = 16;
/// Containers that are nested deeper are taken apart in a loop.
const SHALLOW: usize = 32;

#[derive(Debug)]
struct Weighed<T> {
    weight: Weight,
    contents: T,
}

macro_rules! shared {
    ($(#[$doc:meta])* $name:ident, $contents:ty, $target:ty) => {
        $(#[$doc])*
        #[derive(Clone)]
        pub struct $name(Arc<Weighed<$contents>>);

        impl $name {
            /// Whether both are the same container, not only an equal one.
            pub fn is_same(&self, other: &Self) -> bool {
                Arc::ptr_eq(&self.0, &other.0)
            }

            /// Where it is in memory: equal for the same container, and for no other one as long as this one lives.
            pub fn address(&self) -> usize {
                Arc::as_ptr(&self.0).addr()
            }

            pub(crate) fn weight(&self) -> Weight {
                self.0.weight
            }

            /// The contents, if this is the last reference to them.
            fn take_last(&mut self) -> Option<$contents> {
                Arc::get_mut(&mut self.0).map(|weighed| std::mem::take(&mut weighed.contents))
            }
        }

        impl Deref for $name {
            type Target = $target;

            fn deref(&self) -> &$target {
                &self.0.contents
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self::from(<$contents>::default())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&Value::from(self.clone()), f)
            }
        }

        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                Value::from(self.clone()) == Value::from(other.clone())
            }
        }

        impl Drop for $name {
            fn drop(&mut self) {
                if self.0.weight.depth > SHALLOW
                    && let Some(contents) = self.take_last()
                {
                    take_apart(contents.into());
                }
            }
        }

        impl From<$contents> for $name {
            fn from(contents: $contents) -> Self {
                let weight = weigh(&contents);
                if weight.depth > DEEPEST {
                    return Self(Arc::new(Weighed { weight, contents: Default::default() }));
                }
                Self(Arc::new(Weighed { weight, contents }))
            }
        }
    };
}

shared! {
    /// The items of an array: immutable, shared by its clones.
    SharedArray, Vec<Value>, [Value]
}

shared! {
    /// The members of an object: immutable, shared by its clones.
    SharedObject, Object, Object
}

impl From<&[Value]> for SharedArray {
    fn from(items: &[Value]) -> Self {
        items.to_vec().into()
    }
}

impl<const N: usize> From<[Value; N]> for SharedArray {
    fn from(items: [Value; N]) -> Self {
        Vec::from(items).into()
    }
}

impl FromIterator<Value> for SharedArray {
    fn from_iter<I: IntoIterator<Item = Value>>(items: I) -> Self {
        items.into_iter().collect::<Vec<_>>().into()
    }
}

impl FromIterator<(Arc<str>, Value)> for SharedObject {
    fn from_iter<I: IntoIterator<Item = (Arc<str>, Value)>>(members: I) -> Self {
        members.into_iter().collect::<Object>().into()
    }
}

impl<'a> IntoIterator for &'a SharedArray {
    type Item = &'a Value;
    type IntoIter = std::slice::Iter<'a, Value>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<'a> IntoIterator for &'a SharedObject {
    type Item = (&'a Arc<str>, &'a Value);
    type IntoIter = std::collections::btree_map::Iter<'a, Arc<str>, Value>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// Contents of either kind of container.
trait Contents {
    fn weight(&self) -> Weight;
}

impl Contents for Vec<Value> {
    fn weight(&self) -> Weight {
        Weight::around(self.iter().map(Value::weight))
    }
}

impl Contents for Object {
    fn weight(&self) -> Weight {
        Weight::around(self.iter().map(|(key, value)| {
            let Weight { depth, bytes } = value.weight();
            Weight { depth, bytes: bytes.saturating_add(MEMBER + key.len() as u64) }
        }))
    }
}

fn weigh(contents: &impl Contents) -> Weight {
    contents.weight()
}

/// What a container leaves to be taken apart.
struct Parts(Vec<Value>);

impl From<Vec<Value>> for Parts {
    fn from(items: Vec<Value>) -> Self {
        Self(items)
    }
}

impl From<Object> for Parts {
    fn from(members: Object) -> Self {
        Self(members.into_values().collect())
    }
}

/// Drops what was nested, one level after the other.
fn take_apart(Parts(mut open): Parts) {
    while let Some(value) = open.pop() {
        match value {
            Value::Array(mut items) => open.extend(items.take_last().unwrap_or_default()),
            Value::Object(mut members) => open.extend(members.take_last().unwrap_or_default().into_values()),
            _ => {}
        }
    }
}

impl Value {
    pub(crate) fn weight(&self) -> Weight {
        match self {
            Self::Array(items) => items.weight(),
            Self::Object(members) => members.weight(),
            Self::String(text) => Weight { depth: 0, bytes: SCALAR + text.len() as u64 },
            _ => Weight { depth: 0, bytes: SCALAR },
        }
    }

    /// How many levels of containers it has: 0 for a scalar, 1 for a list of scalars.
    pub fn depth(&self) -> usize {
        self.weight().depth
    }

    /// The memory that the value takes once it is written out, about. A part that occurs in several places counts as often
    /// as it occurs, so that the number says what a conversion costs, and not what the value takes now.
    pub fn bytes(&self) -> u64 {
        self.weight().bytes
    }

    /// Whether it is nested more than [`MAX_DEPTH`] levels deep, so that nobody may send it.
    pub fn is_too_deep(&self) -> bool {
        self.weight().depth > MAX_DEPTH
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn nested(levels: usize) -> Value {
        (0..levels).fold(Value::Null, |inner, level| match level % 2 {
            0 => Value::array([inner]),
            _ => Value::object([("a", inner)]),
        })
    }

    /// Runs on a stack as small as threads have it.
    fn on_a_small_stack(work: impl FnOnce() + Send + 'static) {
        std::thread::Builder::new().stack_size(256 << 10).spawn(work).unwrap().join().unwrap();
    }

    #[test]
    fn what_would_be_deeper_holds_nothing_and_says_so() {
        assert_eq!(nested(MAX_DEPTH).depth(), MAX_DEPTH);
        assert!(!nested(MAX_DEPTH).is_too_deep());
        assert!(nested(MAX_DEPTH + 1).is_too_deep());
        assert_eq!(nested(MAX_DEPTH + 1).check(), Ok(()));
        let endless = nested(100_000);
        assert!(endless.is_too_deep());
        assert_eq!(endless.check(), Err(crate::ValueError::TooDeep));
        assert_eq!(endless.depth(), DEEPEST + 1);
        assert!(serde_json::to_string(&endless).is_err());
        assert!(endless.to_json_string().contains("512 levels"));
    }

    #[test]
    fn legal_depth_fits_a_small_stack() {
        on_a_small_stack(|| {
            let (value, other) = (nested(DEEPEST), nested(DEEPEST));
            assert_eq!(value, other);
            let text = value.to_json().unwrap();
            assert!(text.starts_with(r#"{"a":[{"a":["#), "{text}");
            assert_eq!(format!("{value:?}"), text);
            drop(value);
            drop(other);
        });
    }

    #[test]
    fn sharing_does_not_hide_the_size() {
        let bomb = (0..40).fold(Value::from("x"), |inner, _| Value::array([inner.clone(), inner]));
        assert!(bomb.bytes() > 1 << 40);
        assert!(matches!(bomb.check(), Err(crate::ValueError::TooLarge { .. })));
        assert!(bomb.to_json().is_err());
        assert!(serde_json::to_string(&bomb).is_err());
        assert_eq!(bomb, bomb.clone());
        let larger = (0..200).fold(bomb, |inner, _| Value::array([inner.clone(), inner]));
        assert_eq!(larger.bytes(), u64::MAX);
    }

    proptest! {
        #[test]
        fn weights_add_up(items in prop::collection::vec(0_usize..20, 0..8)) {
            let parts: Vec<_> = items.iter().map(|levels| nested(*levels)).collect();
            let inside: u64 = parts.iter().map(Value::bytes).sum();
            let whole = Value::from(parts);
            prop_assert_eq!(whole.depth(), items.iter().max().copied().unwrap_or(0) + 1);
            prop_assert_eq!(whole.bytes(), inside + CONTAINER);
        }
    }
}
