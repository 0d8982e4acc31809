//! `Changes`: what the ticks of a node have changed in pools and variables, until a journal knows of it.
//!
//! Everybody sees a change at once, but it is written down with the tick that made it: one that is run again makes it again.

use std::sync::Arc;

use parking_lot::Mutex;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::journal::Op;
use crate::vars::VarChange;

/// So many changes of one tick are kept before it is looked which of them still count.
const MANY: usize = 1024;

/// What the ticks of a node have changed and not committed yet.
#[derive(Debug, Default)]
pub(crate) struct Changes(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// Changes so far: each has its number.
    made: u64,
    /// By tick that is open; those of 0 belong to none.
    of_ticks: FxHashMap<u64, Own>,
}

/// The changes of one tick.
#[derive(Debug, Default)]
struct Own {
    ops: Vec<(u64, Op)>,
    /// How many were left when they were looked through last.
    left: usize,
}

/// What a change changes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Place {
    /// A value of a pool, or all of it.
    Pool(Arc<str>, Option<Arc<str>>),
    Var(Arc<str>),
}

impl Changes {
    /// A tick begins.
    pub(crate) fn open(&self, tick: u64) {
        self.0.lock().of_ticks.entry(tick).or_default();
    }

    /// Whether the tick has begun and is not over.
    pub(crate) fn is_open(&self, tick: u64) -> bool {
        tick > 0 && self.0.lock().of_ticks.contains_key(&tick)
    }

    /// Makes a change for a tick, and keeps what is to be written down of it.
    pub(crate) fn make<T>(&self, tick: u64, make: impl FnOnce() -> (T, Option<Op>)) -> T {
        let mut inner = self.0.lock();
        // Locked: they are kept in the order in which they were made.
        let (made, op) = make();
        if let Some(op) = op {
            inner.made += 1;
            let number = inner.made;
            // What is changed for a tick that is over belongs to none.
            let tick = if inner.of_ticks.contains_key(&tick) { tick } else { 0 };
            inner.of_ticks.entry(tick).or_default().push(number, op);
        }
        made
    }

    /// The number of the last change.
    pub(crate) fn made(&self) -> u64 {
        self.0.lock().made
    }

    /// Takes what an open tick has changed up to the change of this number, and what belongs to no tick.
    pub(crate) fn take_until(&self, tick: u64, number: u64, ops: &mut Vec<Op>) {
        self.0.lock().take(tick, number, ops);
    }

    /// The same for everything so far.
    pub(crate) fn take(&self, tick: u64, ops: &mut Vec<Op>) {
        self.0.lock().take(tick, u64::MAX, ops);
    }

    /// The same at the end of a tick.
    pub(crate) fn close(&self, tick: u64, ops: &mut Vec<Op>) {
        let mut inner = self.0.lock();
        inner.take(tick, u64::MAX, ops);
        inner.of_ticks.remove(&tick);
    }
}

impl Inner {
    fn take(&mut self, tick: u64, number: u64, ops: &mut Vec<Op>) {
        let mut taken = Vec::new();
        for tick in [0].into_iter().chain((tick > 0).then_some(tick)) {
            let Some(own) = self.of_ticks.get_mut(&tick) else { continue };
            let upto = own.ops.partition_point(|(at, _)| *at <= number);
            taken.extend(own.ops.drain(..upto));
            own.left = 0;
        }
        taken.sort_unstable_by_key(|(at, _)| *at);
        if !taken.is_empty() {
            self.void(&taken);
        }
        ops.extend(taken.into_iter().map(|(_, op)| op));
    }

    /// What ticks that are still open have changed before, and these have changed after them, does not come back with those ticks.
    fn void(&mut self, newer: &[(u64, Op)]) {
        let mut others = self.of_ticks.values_mut().filter(|own| !own.ops.is_empty()).peekable();
        if others.peek().is_none() {
            return;
        }
        let replaced: FxHashMap<Place, u64> =
            newer.iter().filter(|(_, op)| replaces(op)).filter_map(|(at, op)| Some((place(op)?, *at))).collect();
        let is_void = |at: u64, op: &Op| {
            let Some(place) = place(op) else { return false };
            let all =
                if let Place::Pool(pool, Some(_)) = &place { Some(Place::Pool(Arc::clone(pool), None)) } else { None };
            let later = |place: &Place| replaced.get(place).is_some_and(|by| *by > at);
            later(&place) || all.as_ref().is_some_and(later)
        };
        others.for_each(|own| own.ops.retain(|(at, op)| !is_void(*at, op)));
    }
}

impl Own {
    fn push(&mut self, number: u64, op: Op) {
        // With nothing in between, of this tick or another.
        if let (Some((at, Op::Var(VarChange::Add(path, sum)))), Op::Var(VarChange::Add(to, by))) =
            (self.ops.last_mut(), &op)
            && *at + 1 == number
            && path == to
            && let Some(both) = crate::vars::added(sum, by)
        {
            (*at, *sum) = (number, both);
            return;
        }
        self.ops.push((number, op));
        if self.ops.len() >= MANY.max(self.left * 2) {
            self.thin();
        }
    }

    /// Forgets what was replaced by something later.
    fn thin(&mut self) {
        let mut replaced: FxHashSet<Place> = FxHashSet::default();
        let mut kept = Vec::with_capacity(self.ops.len());
        for (at, op) in self.ops.drain(..).rev() {
            let Some(place) = place(&op) else { continue };
            let counts = !replaced.contains(&place);
            if counts && replaces(&op) {
                replaced.insert(place);
            }
            if counts {
                kept.push((at, op));
            }
        }
        kept.reverse();
        self.left = kept.len();
        self.ops = kept;
    }
}

fn place(op: &Op) -> Option<Place> {
    match op {
        Op::Pool { pool, id, .. } => Some(Place::Pool(Arc::clone(pool), id.clone())),
        Op::Var(change) => Some(Place::Var(Arc::clone(change.path()))),
        _ => None,
    }
}

/// Whether nothing of what was in its place before is left.
fn replaces(op: &Op) -> bool {
    matches!(op, Op::Pool { .. } | Op::Var(VarChange::Set(..) | VarChange::Unset(_)))
}

#[cfg(test)]
mod tests {
    use reflow_message::Value;

    use super::*;

    fn set(changes: &Changes, tick: u64, id: &str, value: i64) {
        let op = Op::Pool { node: 0, pool: "p".into(), id: Some(id.into()), value: Some(value.into()) };
        changes.make(tick, || ((), Some(op)));
    }

    fn count(changes: &Changes, tick: u64, path: &str) {
        changes.make(tick, || ((), Some(Op::Var(VarChange::Add(path.into(), 1.into())))));
    }

    /// What is taken, in short.
    fn shown(take: impl FnOnce(&mut Vec<Op>)) -> Vec<String> {
        let mut ops = Vec::new();
        take(&mut ops);
        let shown = |op: &Op| match op {
            Op::Pool { id, value, .. } => format!("{}={}", id.as_deref().unwrap(), value.as_ref().unwrap()),
            Op::Var(VarChange::Add(path, by)) => format!("{path}+{by}"),
            other => format!("{other:?}"),
        };
        ops.iter().map(shown).collect()
    }

    #[test]
    fn changes_are_taken_with_their_tick() {
        let changes = Changes::default();
        changes.open(1);
        changes.open(2);
        count(&changes, 1, "n");
        count(&changes, 2, "n");
        count(&changes, 2, "n");
        count(&changes, 9, "of none");
        let until = changes.made();
        set(&changes, 2, "x", 1);
        assert_eq!(shown(|ops| changes.take_until(2, until, ops)), ["n+2", "of none+1"]);
        assert_eq!(shown(|ops| changes.close(2, ops)), ["x=1"]);
        assert!(changes.is_open(1) && !changes.is_open(2));
        count(&changes, 2, "late");
        assert_eq!(shown(|ops| changes.take(0, ops)), ["late+1"]);
        assert_eq!(shown(|ops| changes.close(1, ops)), ["n+1"]);
    }

    #[test]
    fn the_last_value_stands_whichever_tick_ends_first() {
        let changes = Changes::default();
        changes.open(1);
        changes.open(2);
        set(&changes, 1, "x", 1);
        set(&changes, 1, "y", 1);
        set(&changes, 2, "x", 2);
        assert_eq!(shown(|ops| changes.close(2, ops)), ["x=2"]);
        assert_eq!(shown(|ops| changes.close(1, ops)), ["y=1"]);
    }

    #[test]
    fn a_tick_without_end_keeps_what_counts() {
        let changes = Changes::default();
        changes.open(1);
        for number in 0..10 * MANY as i64 {
            set(&changes, 1, if number % 2 == 0 { "even" } else { "odd" }, number);
        }
        assert!(changes.0.lock().of_ticks[&1].ops.len() < MANY);
        let taken = shown(|ops| changes.close(1, ops));
        assert_eq!(taken[taken.len() - 2..], [format!("even={}", 10 * MANY - 2), format!("odd={}", 10 * MANY - 1)]);
        changes.open(2);
        (0..10 * MANY).for_each(|_| count(&changes, 2, "n"));
        assert_eq!(shown(|ops| changes.close(2, ops)), [format!("n+{}", Value::from(10 * MANY as i64))]);
    }
}
