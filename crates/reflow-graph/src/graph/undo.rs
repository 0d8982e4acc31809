//! Undo, redo, transactions and watching, as the graph offers them.

use std::sync::Arc;

use super::{Change, Graph, Watch};
use crate::{Error, Result};

impl Graph {
    /// Takes back the last step. Returns false if there is none.
    ///
    /// # Errors
    ///
    /// [`Error::TransactionOpen`] inside a transaction.
    pub fn undo(&mut self) -> Result<bool> {
        self.outside_transaction("undo")?;
        let Some(step) = self.history.undo.pop_back() else { return Ok(false) };
        self.take_back(step.iter().cloned());
        self.history.redo.push(step);
        Ok(true)
    }

    /// Does again what was undone last. Any other edit in between forgets it. Returns false if there is nothing.
    ///
    /// # Errors
    ///
    /// [`Error::TransactionOpen`] inside a transaction.
    pub fn redo(&mut self) -> Result<bool> {
        self.outside_transaction("redo")?;
        let Some(step) = self.history.redo.pop() else { return Ok(false) };
        for change in &step {
            self.carry_out(change);
        }
        self.history.push_undo(step);
        Ok(true)
    }

    /// How many steps can be undone.
    pub fn undo_count(&self) -> usize {
        self.history.undo.len()
    }

    /// How many steps can be redone.
    pub fn redo_count(&self) -> usize {
        self.history.redo.len()
    }

    /// Keeps at most this many undoable steps, dropping the oldest. The default is 10,000.
    pub fn set_undo_limit(&mut self, limit: usize) {
        self.history.set_limit(limit);
    }

    /// Begins a transaction: everything until [`commit`](Self::commit) is one step. Transactions nest.
    pub fn begin(&mut self) {
        self.history.begin();
    }

    /// Ends the innermost transaction and keeps its changes.
    ///
    /// # Errors
    ///
    /// [`Error::NoTransaction`] if none is open.
    pub fn commit(&mut self) -> Result<()> {
        if self.history.commit() { Ok(()) } else { Err(Error::NoTransaction { verb: "commit" }) }
    }

    /// Ends the innermost transaction and takes its changes back.
    ///
    /// # Errors
    ///
    /// [`Error::NoTransaction`] if none is open.
    pub fn rollback(&mut self) -> Result<()> {
        let changes = self.history.rollback().ok_or(Error::NoTransaction { verb: "roll back" })?;
        self.take_back(changes.into_iter());
        Ok(())
    }

    /// Runs `edit` as one step; if it fails, everything it did is taken back.
    ///
    /// ```
    /// use reflow_graph::{Graph, Metadata};
    /// let mut graph = Graph::new("", false);
    /// let failed: Result<(), &str> = graph.transaction(|graph| {
    ///     graph.add_node("a", "x", Metadata::NULL);
    ///     Err("on second thought")
    /// });
    /// assert!(failed.is_err() && graph.node_count() == 0);
    /// ```
    pub fn transaction<T, E>(&mut self, edit: impl FnOnce(&mut Self) -> Result<T, E>) -> Result<T, E> {
        let depth = self.history.marks.len();
        self.begin();
        let result = edit(self);
        // An unbalanced `begin` inside is closed along with this one.
        while self.history.marks.len() > depth {
            if result.is_ok() {
                self.history.commit();
            } else if let Some(changes) = self.history.rollback() {
                self.take_back(changes.into_iter());
            }
        }
        result
    }

    /// Starts watching: every later change, also by undo and rollback, waits to be [drained](Self::drain).
    ///
    /// Unread changes are kept until they are read, so end a watch that is no longer wanted.
    #[must_use]
    pub fn watch(&mut self) -> Watch {
        self.feed.watch()
    }

    /// Hands out the changes since the last call, oldest first.
    pub fn drain(&mut self, watch: &Watch) -> Vec<Arc<Change>> {
        self.feed.drain(watch)
    }

    /// Ends a watch.
    #[expect(clippy::needless_pass_by_value, reason = "a watch that ended must not be used again")]
    pub fn unwatch(&mut self, watch: Watch) {
        self.feed.unwatch(&watch);
    }

    /// Carries out a change that was recorded elsewhere: from a [watch](Self::watch) of another copy, or a journal.
    /// It becomes an undoable step of its own.
    ///
    /// # Errors
    ///
    /// [`Error::Unfitting`] if the graph is not in the state the change was made in; nothing happens then.
    pub fn apply(&mut self, change: Change) -> Result<()> {
        if self.change(change.clone()) { Ok(()) } else { Err(Error::Unfitting { change: Box::new(change) }) }
    }

    /// Runs an edit of several changes as one step.
    pub(super) fn step<T>(&mut self, edit: impl FnOnce(&mut Self) -> T) -> T {
        self.history.begin();
        let result = edit(self);
        self.history.commit();
        result
    }

    fn take_back(&mut self, changes: impl DoubleEndedIterator<Item = Change>) {
        for change in changes.rev() {
            self.carry_out(&change.inverse());
        }
    }

    fn carry_out(&mut self, change: &Change) {
        let fits = self.content.apply(change);
        debug_assert!(fits, "history holds changes of this graph only: {change:?}");
        self.feed.push(change);
    }

    fn outside_transaction(&self, verb: &'static str) -> Result<()> {
        if self.history.marks.is_empty() { Ok(()) } else { Err(Error::TransactionOpen { verb }) }
    }
}
