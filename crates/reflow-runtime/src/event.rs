//! Events: what a network tells about itself. An event holds the message itself and turns into JSON when it is read.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use reflow_message::{Message, Value};

use crate::attempt::Packets;
use crate::budget::Charge;
use crate::failure::Failure;

/// What happened.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// The run began.
    NetworkStarted,
    /// A node was made.
    ActorStarted {
        /// The node and its component.
        actor: Arc<str>,
        /// The template id.
        component: Arc<str>,
    },
    /// A packet from outside (an initial, an input of the run) was put into a mailbox.
    MessageReceived {
        /// The node.
        actor: Arc<str>,
        /// Its inport.
        port: Arc<str>,
        /// The packet.
        message: Message,
    },
    /// A packet was put into the mailbox of its target.
    MessageSent {
        /// The node it comes from.
        from: Arc<str>,
        /// The outport.
        from_port: Arc<str>,
        /// The node it goes to.
        to: Arc<str>,
        /// The inport.
        to_port: Arc<str>,
        /// The packet.
        message: Message,
    },
    /// A tick committed (only with a subscriber that asks for it by type).
    ActorCompleted {
        /// The node.
        actor: Arc<str>,
        /// The template id.
        component: Arc<str>,
        /// What left with the commit, by port.
        outputs: Vec<(Arc<str>, Message)>,
    },
    /// An attempt failed.
    ActorFailed(Box<FailedAttempt>),
    /// A failed attempt will be tried again.
    ActorRetry {
        /// The node.
        actor: Arc<str>,
        /// The number of the coming attempt.
        attempt: u32,
        /// The wait before it, in milliseconds.
        delay_ms: u64,
        /// Why the last one failed.
        error: Arc<str>,
    },
    /// A node entered another state.
    NodeStateChanged {
        /// The node.
        actor: Arc<str>,
        /// The state it left.
        from: &'static str,
        /// The state it is in.
        to: &'static str,
    },
    /// Something an actor had to say.
    ActorLog {
        /// The node.
        actor: Arc<str>,
        /// `debug`, `info`, `warning` or `error`.
        level: Arc<str>,
        /// What it said.
        data: Value,
    },
    /// How far an actor is.
    ActorProgress {
        /// The node.
        actor: Arc<str>,
        /// From 0 to 1.
        fraction: f64,
        /// In words.
        text: Arc<str>,
    },
    /// The result of a tick was known, and it did not run.
    ActorCached {
        /// The node.
        actor: Arc<str>,
        /// The template id.
        component: Arc<str>,
    },
    /// An actor published something about its node, such as the address that its server listens at.
    ActorPublished {
        /// The node.
        actor: Arc<str>,
        /// What it is.
        name: Arc<str>,
        /// Its value.
        value: Value,
    },
    /// Packets that no tick took, because their node had ended.
    PacketsUndelivered {
        /// The node.
        actor: Arc<str>,
        /// How many.
        count: u64,
    },
    /// A packet found no partner to be paired with.
    PacketUnmatched {
        /// The node that pairs.
        actor: Arc<str>,
        /// The inport that it came to.
        port: Arc<str>,
        /// Why: `no_partner`, `timeout`, `bound`, `no_key` or `closed`.
        reason: &'static str,
        /// The packet.
        message: Message,
    },
    /// Every node waited for room; a connection was widened so that the network goes on.
    NetworkStalled {
        /// The node whose inport was full.
        actor: Arc<str>,
        /// The inport.
        port: Arc<str>,
        /// The bound it had.
        capacity: usize,
        /// The bound it has now.
        widened_to: usize,
    },
    /// No tick is running and no packet can move.
    NetworkIdle,
    /// Every node has ended.
    NetworkCompleted {
        /// How: `finished`, `failed` or `cancelled`.
        state: &'static str,
    },
    /// Somebody asked the run to stop.
    NetworkShutdown,
    /// Nodes that did not stop within the grace period.
    ShutdownIncomplete {
        /// The nodes.
        actors: Vec<Arc<str>>,
    },
    /// Events that this subscriber lost because its queue was full.
    EventsDropped {
        /// How many.
        count: u64,
    },
}

/// A failed attempt, with everything that is known about it.
#[derive(Clone, Debug)]
pub struct FailedAttempt {
    /// The node.
    pub actor: Arc<str>,
    /// The template id.
    pub component: Arc<str>,
    /// What went wrong.
    pub failure: Failure,
    /// Number of the try, from 1.
    pub attempt: u32,
    /// Number of the tick in its node.
    pub tick: u64,
    /// The packets that fired it, by port.
    pub inputs: Vec<(Arc<str>, Message)>,
    /// Whether it will be tried again.
    pub will_retry: bool,
}

impl Event {
    /// The names of all types.
    pub const NAMES: [&str; 20] = [
        "NetworkStarted",
        "ActorStarted",
        "MessageReceived",
        "MessageSent",
        "ActorCompleted",
        "ActorFailed",
        "ActorRetry",
        "NodeStateChanged",
        "ActorLog",
        "ActorProgress",
        "ActorPublished",
        "ActorCached",
        "PacketsUndelivered",
        "PacketUnmatched",
        "NetworkStalled",
        "NetworkIdle",
        "NetworkCompleted",
        "NetworkShutdown",
        "ShutdownIncomplete",
        "EventsDropped",
    ];

    /// The name shown under `_type`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::NetworkStarted => "NetworkStarted",
            Self::ActorStarted { .. } => "ActorStarted",
            Self::MessageReceived { .. } => "MessageReceived",
            Self::MessageSent { .. } => "MessageSent",
            Self::ActorCompleted { .. } => "ActorCompleted",
            Self::ActorFailed(_) => "ActorFailed",
            Self::ActorRetry { .. } => "ActorRetry",
            Self::NodeStateChanged { .. } => "NodeStateChanged",
            Self::ActorLog { .. } => "ActorLog",
            Self::ActorProgress { .. } => "ActorProgress",
            Self::ActorPublished { .. } => "ActorPublished",
            Self::ActorCached { .. } => "ActorCached",
            Self::PacketsUndelivered { .. } => "PacketsUndelivered",
            Self::PacketUnmatched { .. } => "PacketUnmatched",
            Self::NetworkStalled { .. } => "NetworkStalled",
            Self::NetworkIdle => "NetworkIdle",
            Self::NetworkCompleted { .. } => "NetworkCompleted",
            Self::NetworkShutdown => "NetworkShutdown",
            Self::ShutdownIncomplete { .. } => "ShutdownIncomplete",
            Self::EventsDropped { .. } => "EventsDropped",
        }
    }

    /// Whether it is about the node, or about one inside of it.
    pub(crate) fn concerns(&self, node: &str) -> bool {
        let is = |actor: &Arc<str>| {
            actor.strip_prefix(node).is_some_and(|inside| inside.is_empty() || inside.starts_with('/'))
        };
        match self {
            Self::ActorStarted { actor, .. }
            | Self::MessageReceived { actor, .. }
            | Self::ActorCompleted { actor, .. }
            | Self::ActorRetry { actor, .. }
            | Self::NodeStateChanged { actor, .. }
            | Self::ActorLog { actor, .. }
            | Self::ActorProgress { actor, .. }
            | Self::ActorPublished { actor, .. }
            | Self::ActorCached { actor, .. }
            | Self::PacketsUndelivered { actor, .. }
            | Self::PacketUnmatched { actor, .. }
            | Self::NetworkStalled { actor, .. } => is(actor),
            Self::MessageSent { from, to, .. } => is(from) || is(to),
            Self::ActorFailed(failed) => is(&failed.actor),
            Self::ShutdownIncomplete { actors } => actors.iter().any(is),
            _ => false,
        }
    }

    /// Whether it is about no node in particular.
    pub(crate) fn is_about_the_network(&self) -> bool {
        matches!(
            self,
            Self::NetworkStarted
                | Self::NetworkIdle
                | Self::NetworkCompleted { .. }
                | Self::NetworkShutdown
                | Self::EventsDropped { .. }
        )
    }

    pub(crate) fn is_packet(&self) -> bool {
        matches!(self, Self::MessageReceived { .. } | Self::MessageSent { .. } | Self::ActorCompleted { .. })
    }

    /// The messages that the event holds.
    pub(crate) fn messages_mut(&mut self) -> Box<dyn Iterator<Item = &mut Message> + '_> {
        match self {
            Self::MessageReceived { message, .. }
            | Self::MessageSent { message, .. }
            | Self::PacketUnmatched { message, .. } => Box::new(std::iter::once(message)),
            Self::ActorCompleted { outputs, .. } => Box::new(outputs.iter_mut().map(|(_, message)| message)),
            Self::ActorFailed(failed) => Box::new(failed.inputs.iter_mut().map(|(_, message)| message)),
            _ => Box::new(std::iter::empty()),
        }
    }

    /// How many bytes there are of what an actor said; a few count nothing, since the number of events has a bound, too.
    pub(crate) fn said_bytes(&self) -> u64 {
        let bytes = match self {
            Self::ActorLog { data, .. } => data.bytes(),
            Self::ActorProgress { text, .. } => text.len() as u64,
            Self::ActorPublished { value, .. } => value.bytes(),
            Self::ActorFailed(failed) => {
                let failure = &failed.failure;
                (failure.message.len() + failure.traceback.as_ref().map_or(0, |text| text.len())) as u64
            }
            _ => 0,
        };
        if bytes > SAID_FREELY { bytes } else { 0 }
    }

    fn fields(&self) -> Vec<(&'static str, Value)> {
        let text = |text: &Arc<str>| Value::String(Arc::clone(text));
        let tagged = |packets: &[(Arc<str>, Message)]| {
            Value::object(packets.iter().map(|(port, message)| (Arc::clone(port), trace_wire(message))))
        };
        match self {
            Self::NetworkStarted | Self::NetworkIdle | Self::NetworkShutdown => vec![],
            Self::ActorStarted { actor, component } | Self::ActorCached { actor, component } => {
                vec![("actorId", text(actor)), ("component", text(component))]
            }
            Self::MessageReceived { actor, port, message } => {
                vec![("actorId", text(actor)), ("port", text(port)), ("message", message.to_value())]
            }
            Self::MessageSent { from, from_port, to, to_port, message } => vec![
                ("fromActor", text(from)),
                ("fromPort", text(from_port)),
                ("toActor", text(to)),
                ("toPort", text(to_port)),
                ("message", if matches!(message, Message::Bytes(_)) { BINARY.into() } else { message.to_value() }),
            ],
            Self::ActorCompleted { actor, component, outputs } => vec![
                ("actorId", text(actor)),
                ("component", text(component)),
                ("outputs", if outputs.is_empty() { Value::Null } else { tagged(outputs) }),
            ],
            Self::ActorFailed(failed) => vec![
                ("actorId", text(&failed.actor)),
                ("component", text(&failed.component)),
                ("error", text(&failed.failure.message)),
                ("reason", text(&failed.failure.reason)),
                ("traceback", failed.failure.traceback.clone().into()),
                ("attempt", failed.attempt.into()),
                ("tick", failed.tick.into()),
                ("willRetry", failed.will_retry.into()),
                ("port", failed.inputs.first().map(|(port, _)| text(port)).into()),
                ("inputs", tagged(&failed.inputs)),
            ],
            Self::ActorRetry { actor, attempt, delay_ms, error } => vec![
                ("actorId", text(actor)),
                ("attempt", (*attempt).into()),
                ("delayMs", (*delay_ms).into()),
                ("error", text(error)),
            ],
            Self::NodeStateChanged { actor, from, to } => {
                vec![("actorId", text(actor)), ("from", (*from).into()), ("state", (*to).into())]
            }
            Self::ActorLog { actor, level, data } => {
                vec![("actorId", text(actor)), ("level", text(level)), ("data", data.clone())]
            }
            Self::ActorProgress { actor, fraction, text: words } => {
                vec![("actorId", text(actor)), ("fraction", (*fraction).into()), ("text", text(words))]
            }
            Self::ActorPublished { actor, name, value } => {
                vec![("actorId", text(actor)), ("name", text(name)), ("value", value.clone())]
            }
            Self::PacketsUndelivered { actor, count } => vec![("actorId", text(actor)), ("count", (*count).into())],
            Self::PacketUnmatched { actor, port, reason, message } => vec![
                ("actorId", text(actor)),
                ("port", text(port)),
                ("reason", (*reason).into()),
                ("message", message.to_value()),
            ],
            Self::NetworkStalled { actor, port, capacity, widened_to } => vec![
                ("actorId", text(actor)),
                ("port", text(port)),
                ("capacity", (*capacity).into()),
                ("widenedTo", (*widened_to).into()),
            ],
            Self::NetworkCompleted { state } => vec![("state", (*state).into())],
            Self::ShutdownIncomplete { actors } => vec![("actorIds", Value::array(actors.iter().map(text)))],
            Self::EventsDropped { count } => vec![("count", (*count).into())],
        }
    }
}

/// Words up to so many bytes count nothing, see [`Event::said_bytes`].
const SAID_FREELY: u64 = 256;

const BINARY: &str = "[binary]";

/// The tagged form for traces: raw bytes are named, not spelled out.
fn trace_wire(message: &Message) -> Value {
    match message {
        Message::Bytes(_) | Message::Encoded(_) => {
            Value::object([("type", Value::from(message.kind())), ("data", BINARY.into())])
        }
        Message::StreamHandle(handle) => {
            Value::object([("type", Value::from(message.kind())), ("data", handle.to_value())])
        }
        other => other.to_wire(),
    }
}

/// Packets with the names of their ports, for events.
pub(crate) fn named(packets: &Packets, name: impl Fn(u16) -> Arc<str>) -> Vec<(Arc<str>, Message)> {
    packets.iter().map(|(port, message)| (name(*port), message.clone())).collect()
}

/// An event and when it happened.
#[derive(Debug)]
pub struct EventRecord {
    /// Milliseconds since 1970 UTC.
    pub timestamp_ms: u64,
    /// What happened.
    pub event: Event,
    /// What it takes of the budget of events.
    _charge: Option<Charge>,
}

impl EventRecord {
    pub(crate) fn now(event: Event) -> Self {
        Self::charged(event, None)
    }

    pub(crate) fn charged(event: Event, charge: Option<Charge>) -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { timestamp_ms: since.as_millis() as u64, event, _charge: charge }
    }

    /// The flat dictionary: `_type`, `timestamp` and the fields of the event. Floats keep NaN, which JSON shows as null.
    pub fn to_value(&self) -> Value {
        let head = [("_type", self.event.name().into()), ("timestamp", self.timestamp_ms.into())];
        Value::object(head.into_iter().chain(self.event.fields()))
    }
}
