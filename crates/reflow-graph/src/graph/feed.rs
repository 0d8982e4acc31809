//! Changes on their way to those who watch a graph.

use std::collections::VecDeque;
use std::sync::Arc;

use super::Change;

/// A reader of a graph's changes: see [`Graph::watch`](crate::Graph::watch).
///
/// It belongs to the graph that gave it.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Watch(pub(crate) usize);

/// Changes not yet read by every watch. Nothing is kept while nobody watches.
#[derive(Clone, Debug, Default)]
pub(crate) struct Feed {
    changes: VecDeque<Arc<Change>>,
    /// Number of the first change kept.
    first: u64,
    /// Number of the next change each watch reads; `None` for one that ended.
    positions: Vec<Option<u64>>,
}

impl Feed {
    pub(crate) fn is_watched(&self) -> bool {
        self.positions.iter().any(Option::is_some)
    }

    pub(crate) fn watch(&mut self) -> Watch {
        let position = Some(self.end());
        let free = self.positions.iter().position(Option::is_none);
        let slot = free.unwrap_or_else(|| {
            self.positions.push(None);
            self.positions.len() - 1
        });
        self.positions[slot] = position;
        Watch(slot)
    }

    pub(crate) fn push(&mut self, change: &Change) {
        if self.is_watched() {
            self.changes.push_back(Arc::new(change.clone()));
        }
    }

    pub(crate) fn drain(&mut self, watch: &Watch) -> Vec<Arc<Change>> {
        let end = self.end();
        let Some(Some(position)) = self.positions.get_mut(watch.0) else { return Vec::new() };
        let skip = (std::mem::replace(position, end) - self.first) as usize;
        let unread = self.changes.iter().skip(skip).cloned().collect();
        self.forget_read();
        unread
    }

    pub(crate) fn unwatch(&mut self, watch: &Watch) {
        if let Some(position) = self.positions.get_mut(watch.0) {
            *position = None;
        }
        self.forget_read();
    }

    fn end(&self) -> u64 {
        self.first + self.changes.len() as u64
    }

    fn forget_read(&mut self) {
        let end = self.end();
        let keep_from = self.positions.iter().flatten().copied().min().unwrap_or(end);
        self.changes.drain(..(keep_from - self.first) as usize);
        self.first = keep_from;
    }
}
