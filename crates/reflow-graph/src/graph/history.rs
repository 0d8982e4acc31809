//! Undo, redo and transactions.

use std::collections::VecDeque;

use super::Change;

/// Undoable steps kept when nothing else is asked for.
const DEFAULT_LIMIT: usize = 10_000;

/// What was done, as steps of changes, and what was undone.
#[derive(Clone, Debug)]
pub(crate) struct History {
    pub(crate) undo: VecDeque<Vec<Change>>,
    pub(crate) redo: Vec<Vec<Change>>,
    /// Changes of the step that is open.
    pub(crate) open: Vec<Change>,
    /// Where in `open` each nested transaction began.
    pub(crate) marks: Vec<usize>,
    limit: usize,
}

impl Default for History {
    fn default() -> Self {
        Self { undo: VecDeque::new(), redo: Vec::new(), open: Vec::new(), marks: Vec::new(), limit: DEFAULT_LIMIT }
    }
}

impl History {
    pub(crate) fn begin(&mut self) {
        self.marks.push(self.open.len());
    }

    /// Ends the innermost transaction; the outermost becomes one undoable step.
    pub(crate) fn commit(&mut self) -> bool {
        if self.marks.pop().is_none() {
            return false;
        }
        if self.marks.is_empty() && !self.open.is_empty() {
            let step = std::mem::take(&mut self.open);
            self.redo.clear();
            self.push_undo(step);
        }
        true
    }

    /// Ends the innermost transaction and hands out its changes, to be taken back last one first.
    pub(crate) fn rollback(&mut self) -> Option<Vec<Change>> {
        self.marks.pop().map(|mark| self.open.split_off(mark))
    }

    pub(crate) fn push_undo(&mut self, step: Vec<Change>) {
        self.undo.push_back(step);
        self.trim();
    }

    pub(crate) fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
        self.trim();
    }

    fn trim(&mut self) {
        while self.undo.len() > self.limit {
            self.undo.pop_front();
        }
    }
}
