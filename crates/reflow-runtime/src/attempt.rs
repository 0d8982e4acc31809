//! `Attempt`: one try at one tick, the packets that fired it, and what it wants to send.

use smallvec::SmallVec;

use reflow_message::{Message, ValueError};

use crate::failure::Failure;
use crate::node::Node;
use crate::origin::Origin;

/// Messages with the index of their port. Two fit in place, which covers most ticks.
pub type Packets = SmallVec<[(u16, Message); 2]>;

/// One try at one tick. The packets that fired it are held until it ends.
#[derive(Debug, Default)]
pub struct Attempt {
    /// Number of the tick in its node, from 1.
    pub sequence: u64,
    /// Number of the try, from 1.
    pub number: u32,
    /// What fired the tick: at most one packet a port.
    pub inputs: Packets,
    /// What leaves when the attempt commits: at most one message a port.
    pub emitted: Packets,
    /// What leaves whatever becomes of the attempt, in order.
    pub sent: Vec<(u16, Message)>,
    /// The packets that it takes, by link and the lower half of their position; only where a journal wants to know.
    #[doc(hidden)]
    pub taken: Vec<(u32, u32)>,
    /// How it failed for good; only where a journal wants to know.
    #[doc(hidden)]
    pub failed: Option<Box<crate::event::FailedAttempt>>,
    /// The group whose list it takes; only where a journal wants to know.
    #[doc(hidden)]
    pub settled: Option<Box<crate::gather::Settled>>,
    /// What its packets descend from, where something needs that.
    pub origin: Option<Origin>,
    /// Whether the actor asked for its node to end after this tick.
    pub finish: bool,
}

impl Attempt {
    /// First tries at so many ticks, without their packets.
    pub fn first_tries(first: u64, count: usize) -> Vec<Self> {
        (first..).take(count).map(|sequence| Self { sequence, number: 1, ..Self::default() }).collect()
    }

    /// The same try, as it begins, with these inputs.
    #[must_use]
    pub fn of_inputs(&self, inputs: Packets) -> Self {
        let origin = self.origin.clone();
        Self { sequence: self.sequence, number: self.number, inputs, origin, ..Self::default() }
    }

    /// Queues `message` for the commit; a second message for a port replaces the first.
    #[inline]
    pub fn emit(&mut self, port: u16, message: Message) {
        // As most ticks do.
        if self.emitted.is_empty() {
            self.emitted.push((port, message));
        } else {
            self.emit_another(port, message);
        }
    }

    fn emit_another(&mut self, port: u16, message: Message) {
        match self.emitted.iter_mut().find(|(queued, _)| *queued == port) {
            Some((_, queued)) => *queued = message,
            None => self.emitted.push((port, message)),
        }
    }

    /// Its streams are the node's to read from now on.
    #[inline]
    pub(crate) fn meet_node(&self, node: &Node) {
        self.inputs.iter().for_each(|(_, message)| node.receive(message));
    }

    /// Makes the inputs messages of the kinds that every component knows.
    #[inline]
    pub(crate) fn meet_component(&mut self, node: &Node) -> Result<(), Failure> {
        let is_hosted = |(_, message): &(u16, Message)| matches!(message, Message::Host(_));
        if self.inputs.iter().any(is_hosted) { self.convert_hosted(node) } else { Ok(()) }
    }

    #[cold]
    fn convert_hosted(&mut self, node: &Node) -> Result<(), Failure> {
        for (port, message) in &mut self.inputs {
            if let Message::Host(value) = message {
                if *port < 64 && node.as_is >> *port & 1 == 1 && value.is_of_components() {
                    continue;
                }
                let known = value.message().cloned();
                *message = known.map_err(|error| {
                    Failure::new(format!("node `{}`, port `{}`: {error}", node.id, node.inport_name(*port)))
                        .with_reason("conversion")
                        .with_permanent(true)
                })?;
            }
        }
        Ok(())
    }

    /// Keeps back what is nested deeper than values may be: the attempt fails, and it does not leave.
    #[inline]
    pub(crate) fn refuse_too_deep(&mut self) -> Result<(), Failure> {
        let too_deep = |(_, message): &(u16, Message)| message.is_too_deep();
        if self.emitted.iter().any(too_deep) || self.sent.iter().any(too_deep) { self.hold_too_deep() } else { Ok(()) }
    }

    #[cold]
    fn hold_too_deep(&mut self) -> Result<(), Failure> {
        let too_deep = |(_, message): &(u16, Message)| message.is_too_deep();
        self.sent.retain(|packet| !too_deep(packet));
        Err(Failure::new(format!("the output: {}", ValueError::TooDeep)).with_reason("too_deep"))
    }

    /// Forgets everything, for the next use.
    pub(crate) fn clear(&mut self) {
        self.inputs.clear();
        self.emitted.clear();
        self.sent.clear();
        self.taken.clear();
        self.failed = None;
        self.settled = None;
        self.origin = None;
        self.finish = false;
    }

    /// Whether it is the one of these numbers.
    pub(crate) fn is(&self, sequence: u64, number: u32) -> bool {
        (self.sequence, self.number) == (sequence, number)
    }
}

/// How an attempt ended, when it ended after its `run` had returned.
#[derive(Debug)]
pub enum Outcome {
    /// It committed, with these outputs.
    Done(Packets),
    /// It failed.
    Failed(Failure),
}

/// The end of one attempt, sent to its node.
#[derive(Debug)]
pub struct Completion {
    /// Which tick.
    pub sequence: u64,
    /// Which try.
    pub number: u32,
    /// How it ended.
    pub outcome: Outcome,
    /// Whether the actor asked for its node to end.
    pub finish: bool,
    /// Whether its `run` has yet to return, which another completion will tell. The next tick waits for that.
    pub goes_on: bool,
}
