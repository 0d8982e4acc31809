//! Pairing packets in order among the inports that are connected, for components whose inports may be left unconnected.
//!
//! (The firing rule of a component pairs all declared inports, and would wait for ever for one that nobody feeds.)

use std::collections::VecDeque;

use reflow_runtime::{Failure, Message, Tick};

/// Packets that may wait on an inport for their partners.
const MAX_WAITING: usize = 1 << 16;

/// Packets that wait for their partners.
#[derive(Debug, Default)]
pub(crate) struct Pairing {
    inports: Vec<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    queue: VecDeque<Message>,
    /// Whether a set needs a packet of this inport.
    expected: bool,
}

/// One packet of each expected inport, by the inport's index.
pub(crate) type Set = Vec<Option<Message>>;

impl Pairing {
    /// Begins to pair the first `count` inports: those in `always`, and those that something is connected to.
    pub(crate) fn begin(&mut self, tick: &Tick<'_>, count: usize, always: &[usize]) {
        self.inports.clear();
        self.inports.resize_with(count, Waiting::default);
        let connected = tick.node().connected_inports();
        let connected = connected.iter().filter_map(|name| tick.node().inport(name)).map(usize::from);
        for index in connected.chain(always.iter().copied()) {
            if let Some(inport) = self.inports.get_mut(index) {
                inport.expected = true;
            }
        }
    }

    /// Takes the packets of a tick in. An inport that brings a packet is expected to bring more.
    ///
    /// # Errors
    /// When a packet has to be refused, because too many wait on its inport already.
    pub(crate) fn take(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        for (index, inport) in self.inports.iter_mut().enumerate() {
            let Some(message) = tick.take(index) else { continue };
            if inport.queue.len() >= MAX_WAITING {
                let name = tick.node().inport_name(index as u16);
                let text = format!("inport `{name}` is {MAX_WAITING} packets ahead of the others; this one is lost");
                return Err(Failure::new(text).with_permanent(true));
            }
            inport.queue.push_back(message);
            inport.expected = true;
        }
        Ok(())
    }

    /// The next complete set.
    pub(crate) fn next(&mut self) -> Option<Set> {
        let mut expected = self.inports.iter().filter(|inport| inport.expected).peekable();
        expected.peek()?;
        if expected.any(|inport| inport.queue.is_empty()) {
            return None;
        }
        Some(self.inports.iter_mut().map(|inport| inport.queue.pop_front()).collect())
    }
}
