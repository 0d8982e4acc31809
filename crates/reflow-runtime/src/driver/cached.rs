//! Ticks whose result is known: they leave as if they had run.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use super::Driver;
use super::open::{Open, Stage};
use crate::attempt::{Attempt, Packets};
use crate::cache::{CachedResult, is_lasting};
use crate::event::Event;
use crate::node_handle::NodeHandle;

impl Driver {
    /// Whether the result of the attempt is known: then it has the outputs, and need not run. If not, it is kept when it commits.
    pub(super) fn is_known(&self, attempt: &mut Attempt) -> bool {
        let (node, run) = (self.handle.node(), self.handle.run());
        let Some(results) = &node.results else { return false };
        let Some(key) = results.key(&attempt.inputs, |port| node.inport_name(port)) else { return false };
        let Some(result) = run.cache.get(&key, now_ms(&self.handle)) else {
            results.begin((attempt.sequence, attempt.number), key);
            return false;
        };
        let port = |(name, message): &(Arc<str>, _)| Some((node.outport(name)?, Clone::clone(message)));
        attempt.sent = result.sent.iter().filter_map(port).collect();
        attempt.emitted = result.emitted.iter().filter_map(port).collect();
        node.counters.cached.add(1);
        run.events.emit(Event::ActorCached { actor: Arc::clone(&node.id), component: Arc::clone(&node.component) });
        true
    }

    /// Takes those out whose result is known: they leave in their turn.
    pub(super) fn leave_known(&mut self, attempts: &mut Vec<Attempt>) {
        let mut at = 0;
        while at < attempts.len() {
            if self.is_known(&mut attempts[at]) {
                let attempt = attempts.remove(at);
                self.open.put(Open { attempt, held: Packets::new(), stage: Stage::Committed, until: None });
            } else {
                at += 1;
            }
        }
    }

    /// Nothing of the attempt is kept.
    pub(super) fn forget_result(&self, attempt: &Attempt) {
        if let Some(results) = &self.handle.node().results {
            results.end((attempt.sequence, attempt.number));
        }
    }
}

/// Keeps the result of an attempt that commits.
pub(super) fn keep_result(handle: &NodeHandle, attempt: &Attempt) {
    let node = handle.node();
    let Some(results) = &node.results else { return };
    let Some((key, sent)) = results.end((attempt.sequence, attempt.number)) else { return };
    let mut messages = sent.iter().chain(&attempt.emitted).map(|(_, message)| message);
    if attempt.finish || !messages.all(is_lasting) {
        return;
    }
    let name = |(port, message): &(u16, _)| (node.outport_name(*port), Clone::clone(message));
    let result =
        CachedResult { sent: sent.iter().map(name).collect(), emitted: attempt.emitted.iter().map(name).collect() };
    let until = results.ttl().map(|ttl| now_ms(handle).saturating_add(ttl.as_millis() as u64));
    handle.run().cache.put(key, &node.component, Arc::new(result), until);
}

/// Milliseconds since 1970, by the clock of the run.
fn now_ms(handle: &NodeHandle) -> u64 {
    let world = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    match handle.virtual_time() {
        None => world.as_millis() as u64,
        Some(time) => handle.run().began_ms + time.elapsed().as_millis() as u64,
    }
}
