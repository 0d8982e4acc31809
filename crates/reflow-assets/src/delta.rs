//! `Delta`: a change, as listeners are told of it.

use std::collections::VecDeque;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use reflow_message::Value;

use crate::entry::{component_of, entity_of};

/// A change of a database.
#[derive(Clone, Debug, PartialEq)]
pub struct Delta {
    /// `put`, `delete`, `tag`, `spawn` or `destroy`.
    pub op: &'static str,
    /// The asset; of `spawn` and `destroy` the entity.
    pub id: Arc<str>,
    /// The JSON that was put, the tags, or for `spawn` the template.
    pub data: Option<Value>,
    /// The metadata, for `put`.
    pub metadata: Option<Value>,
    /// When, `YYYY-MM-DDTHH:MM:SSZ`.
    pub timestamp: Arc<str>,
}

impl Delta {
    /// The entity.
    pub fn entity(&self) -> &str {
        if matches!(self.op, "spawn" | "destroy") { &self.id } else { entity_of(&self.id) }
    }

    /// The component; empty for whole entities.
    pub fn component(&self) -> &str {
        if matches!(self.op, "spawn" | "destroy") { "" } else { component_of(&self.id).unwrap_or_default() }
    }

    /// The change as JSON.
    pub fn to_value(&self) -> Value {
        let mut members = vec![
            ("op", self.op.into()),
            ("id", Value::String(Arc::clone(&self.id))),
            ("entity", self.entity().into()),
            ("component", self.component().into()),
            ("timestamp", Value::String(Arc::clone(&self.timestamp))),
        ];
        members.extend(self.data.clone().map(|data| ("data", data)));
        members.extend(self.metadata.clone().map(|metadata| ("metadata", metadata)));
        Value::object(members)
    }
}

type Listener = Arc<dyn Fn(&Delta) + Send + Sync>;

/// Listeners, and what they are still to be told.
#[derive(Default)]
pub(crate) struct Listeners {
    list: Mutex<Vec<(u64, Listener)>>,
    waiting: Mutex<VecDeque<Delta>>,
    /// Held by the thread that tells.
    telling: Mutex<()>,
    next: Mutex<u64>,
}

impl Listeners {
    pub(crate) fn add(self: &Arc<Self>, listener: Listener) -> Watch {
        let mut next = self.next.lock();
        *next += 1;
        self.list.lock().push((*next, listener));
        Watch { number: *next, listeners: Arc::downgrade(self) }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.list.lock().is_empty()
    }

    /// Notes changes, in the order in which they were made.
    pub(crate) fn note(&self, deltas: impl IntoIterator<Item = Delta>) {
        if !self.is_empty() {
            self.waiting.lock().extend(deltas);
        }
    }

    /// Tells what was noted. A listener may itself change something: the outer call goes on to tell that.
    pub(crate) fn tell(&self) {
        while !self.waiting.lock().is_empty() {
            let Some(_telling) = self.telling.try_lock() else { return };
            while let Some(delta) = { self.waiting.lock().pop_front() } {
                let listeners: Vec<Listener> =
                    self.list.lock().iter().map(|(_, listener)| Arc::clone(listener)).collect();
                listeners.iter().for_each(|listener| listener(&delta));
            }
        }
    }
}

/// Keeps a listener listening.
#[must_use = "the listener goes with it"]
pub struct Watch {
    number: u64,
    listeners: Weak<Listeners>,
}

impl Drop for Watch {
    fn drop(&mut self) {
        if let Some(listeners) = self.listeners.upgrade() {
            listeners.list.lock().retain(|(number, _)| *number != self.number);
        }
    }
}
