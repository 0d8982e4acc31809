//! What filters have in common that look at things together, a sample of each channel or the bytes of a pixel, however frames cut them.

use reflow_component::declare::Outport;
use reflow_component::prelude::*;
use reflow_component::stream::Sample;

use crate::kernels::groups::Groups;

/// Changes things in place; how many are a group comes with them.
type Change<T> = dyn FnMut(&mut [T], usize) + Send;

/// The state of a filter that changes whole groups.
pub(crate) struct Changing<T> {
    groups: Groups<T>,
    change: Box<Change<T>>,
}

impl<T: Sample> Changing<T> {
    pub(crate) fn new(size: usize, change: impl FnMut(&mut [T], usize) + Send + 'static) -> Self {
        Self { groups: Groups::new(size), change: Box::new(change) }
    }

    /// Every frame gives one, of the groups that are whole with it.
    pub(crate) fn data(&mut self, things: Vec<T>, out: &mut Frames) {
        let whole = self.groups.whole(things);
        self.push(whole, out);
    }

    /// What is left of a group goes the same way.
    pub(crate) fn end(&mut self, out: &mut Frames) {
        let rest = self.groups.rest();
        if !rest.is_empty() {
            self.push(rest, out);
        }
    }

    fn push(&mut self, mut things: Vec<T>, out: &mut Frames) {
        (self.change)(&mut things, self.groups.size());
        out.push(things);
    }
}

/// What a filter of sound looks for in groups that it passes on as they are.
pub(crate) trait Watch {
    /// Looks at the next group; gives an event if there is one.
    fn look(&mut self, group: &[f32]) -> Option<Value>;

    /// The event at the end, which says it all again.
    fn summary(&mut self) -> Value;
}

/// The state of a filter that passes samples on and tells what it finds.
pub(crate) struct Watching<W> {
    groups: Groups<f32>,
    watch: W,
    events: Outport<JsonObject>,
}

/// The most that a summary lists.
pub(crate) const MOST_TOLD: usize = 10_000;

impl<W: Watch> Watching<W> {
    pub(crate) fn new(channels: usize, watch: W, events: Outport<JsonObject>) -> Self {
        Self { groups: Groups::new(channels), watch, events }
    }

    pub(crate) fn data(&mut self, samples: Vec<f32>, out: &mut Frames) {
        out.push(samples.clone());
        let whole = self.groups.whole(samples);
        self.look(&whole, out);
    }

    /// However the stream ends.
    pub(crate) fn end(&mut self, out: &mut Frames) {
        let rest = self.groups.rest();
        self.look(&rest, out);
        out.send(self.events, self.watch.summary());
    }

    fn look(&mut self, samples: &[f32], out: &mut Frames) {
        for group in samples.chunks(self.groups.size()) {
            if let Some(event) = self.watch.look(group) {
                out.send(self.events, event);
            }
        }
    }
}
