//! Events: what a network tells about itself, and the subscribers that listen.
//!
//! An event holds the message itself and turns into JSON when it is read. Without a subscriber, and once the short backlog
//! for late subscribers is full, a packet's event costs one relaxed load.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::{SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;

use crate::attempt::Packets;
use crate::failure::Failure;
use crate::message::Message;
use crate::value::Value;

/// Packet events kept for a subscriber that comes late.
const PACKET_BACKLOG: usize = 512;
/// All events kept for a subscriber that comes late.
const BACKLOG: usize = 4096;
/// Events that may wait for one subscriber, unless it asks for another number.
pub const DEFAULT_EVENT_CAPACITY: usize = 16_384;

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
    /// Packets that no tick took, because their node had ended.
    PacketsUndelivered {
        /// The node.
        actor: Arc<str>,
        /// How many.
        count: u64,
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
            Self::PacketsUndelivered { .. } => "PacketsUndelivered",
            Self::NetworkStalled { .. } => "NetworkStalled",
            Self::NetworkIdle => "NetworkIdle",
            Self::NetworkCompleted { .. } => "NetworkCompleted",
            Self::NetworkShutdown => "NetworkShutdown",
            Self::ShutdownIncomplete { .. } => "ShutdownIncomplete",
            Self::EventsDropped { .. } => "EventsDropped",
        }
    }

    /// The nodes it is about.
    fn concerns(&self, node: &str) -> bool {
        match self {
            Self::ActorStarted { actor, .. }
            | Self::MessageReceived { actor, .. }
            | Self::ActorCompleted { actor, .. }
            | Self::ActorRetry { actor, .. }
            | Self::NodeStateChanged { actor, .. }
            | Self::ActorLog { actor, .. }
            | Self::ActorProgress { actor, .. }
            | Self::PacketsUndelivered { actor, .. }
            | Self::NetworkStalled { actor, .. } => **actor == *node,
            Self::MessageSent { from, to, .. } => **from == *node || **to == *node,
            Self::ActorFailed(failed) => *failed.actor == *node,
            Self::ShutdownIncomplete { actors } => actors.iter().any(|actor| **actor == *node),
            _ => false,
        }
    }

    fn is_packet(&self) -> bool {
        matches!(self, Self::MessageReceived { .. } | Self::MessageSent { .. } | Self::ActorCompleted { .. })
    }

    fn fields(&self) -> Vec<(&'static str, Value)> {
        let text = |text: &Arc<str>| Value::String(Arc::clone(text));
        let tagged = |packets: &[(Arc<str>, Message)]| {
            Value::object(packets.iter().map(|(port, message)| (Arc::clone(port), trace_wire(message))))
        };
        match self {
            Self::NetworkStarted | Self::NetworkIdle | Self::NetworkShutdown => vec![],
            Self::ActorStarted { actor, component } => vec![("actorId", text(actor)), ("component", text(component))],
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
            Self::PacketsUndelivered { actor, count } => vec![("actorId", text(actor)), ("count", (*count).into())],
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
#[derive(Clone, Debug)]
pub struct EventRecord {
    /// Milliseconds since 1970 UTC.
    pub timestamp_ms: u64,
    /// What happened.
    pub event: Event,
}

impl EventRecord {
    fn now(event: Event) -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { timestamp_ms: since.as_millis() as u64, event }
    }

    /// The flat dictionary: `_type`, `timestamp` and the fields of the event.
    pub fn to_value(&self) -> Value {
        let head = [("_type", self.event.name().into()), ("timestamp", self.timestamp_ms.into())];
        Value::object(head.into_iter().chain(self.event.fields()))
    }
}

/// Which events a subscriber wants.
#[derive(Clone, Debug, Default)]
pub struct EventFilter {
    /// Only these types; all when empty. `ActorCompleted` is sent only to subscribers that name it here.
    pub types: Vec<String>,
    /// Only events about these nodes (and about the network as a whole); all when empty.
    pub nodes: Vec<String>,
}

impl EventFilter {
    fn wants(&self, event: &Event) -> bool {
        let by_type = if self.types.is_empty() {
            !matches!(event, Event::ActorCompleted { .. })
        } else {
            self.types.iter().any(|name| name == event.name())
        };
        by_type && (self.nodes.is_empty() || self.nodes.iter().any(|node| event.concerns(node)))
    }

    fn wants_packets(&self) -> bool {
        self.types.is_empty()
            || self.types.iter().any(|name| ["MessageReceived", "MessageSent", "ActorCompleted"].contains(&&**name))
    }
}

/// The events of one network: the backlog and the subscribers.
#[derive(Debug, Default)]
pub(crate) struct EventBus {
    /// Whether anybody cares for packet events.
    packets: AtomicBool,
    /// Whether anybody asked for `ActorCompleted`.
    completions: AtomicBool,
    state: Mutex<BusState>,
}

#[derive(Debug, Default)]
struct BusState {
    backlog: VecDeque<Arc<EventRecord>>,
    packets_kept: usize,
    subscribers: Vec<Arc<Subscriber>>,
}

#[derive(Debug)]
struct Subscriber {
    filter: EventFilter,
    capacity: usize,
    queue: Mutex<Queue>,
}

#[derive(Debug, Default)]
struct Queue {
    events: VecDeque<Arc<EventRecord>>,
    dropped: u64,
    /// Dropped since the reader was last told.
    unreported: u64,
    /// The run has ended; another may start.
    ended: bool,
    /// The network was shut down or is gone.
    closed: bool,
    reader_gone: bool,
    waiting: Vec<Waker>,
}

impl EventBus {
    pub(crate) fn new() -> Self {
        let bus = Self::default();
        bus.packets.store(true, Ordering::Relaxed);
        bus
    }

    /// Whether to make an event for each packet.
    pub(crate) fn wants_packets(&self) -> bool {
        self.packets.load(Ordering::Relaxed)
    }

    /// Whether to make an event for each committed tick.
    pub(crate) fn wants_completions(&self) -> bool {
        self.completions.load(Ordering::Relaxed)
    }

    pub(crate) fn emit(&self, event: Event) {
        let record = Arc::new(EventRecord::now(event));
        let subscribers: Vec<_> = {
            let mut state = self.state.lock();
            state.keep(&record);
            self.update_wishes(&mut state);
            state.subscribers.clone()
        };
        for subscriber in subscribers {
            subscriber.push(&record);
        }
    }

    fn update_wishes(&self, state: &mut BusState) {
        state.subscribers.retain(|subscriber| !subscriber.queue.lock().reader_gone);
        let packets = state.packets_kept < PACKET_BACKLOG
            || state.subscribers.iter().any(|subscriber| subscriber.filter.wants_packets());
        self.packets.store(packets, Ordering::Relaxed);
        let completions = state
            .subscribers
            .iter()
            .any(|subscriber| subscriber.filter.types.iter().any(|name| name == "ActorCompleted"));
        self.completions.store(completions, Ordering::Relaxed);
    }

    /// A new subscriber; it first sees the backlog.
    pub(crate) fn subscribe(&self, filter: EventFilter, capacity: usize) -> EventReader {
        let subscriber = Arc::new(Subscriber { filter, capacity: capacity.max(1), queue: Mutex::default() });
        let mut state = self.state.lock();
        for record in &state.backlog {
            subscriber.push(record);
        }
        state.subscribers.push(Arc::clone(&subscriber));
        self.update_wishes(&mut state);
        EventReader { subscriber }
    }

    /// Tells readers how things stand: `ended` ends iterations, `closed` ends waiting as such.
    pub(crate) fn set_end(&self, ended: bool, closed: bool) {
        let subscribers = self.state.lock().subscribers.clone();
        for subscriber in subscribers {
            let waiting = {
                let mut queue = subscriber.queue.lock();
                (queue.ended, queue.closed) = (ended, closed);
                std::mem::take(&mut queue.waiting)
            };
            waiting.into_iter().for_each(Waker::wake);
        }
    }
}

impl BusState {
    fn keep(&mut self, record: &Arc<EventRecord>) {
        if record.event.is_packet() {
            if self.packets_kept >= PACKET_BACKLOG {
                return;
            }
            self.packets_kept += 1;
        }
        if self.backlog.len() < BACKLOG {
            self.backlog.push_back(Arc::clone(record));
        }
    }
}

impl Subscriber {
    fn push(&self, record: &Arc<EventRecord>) {
        if !self.filter.wants(&record.event) {
            return;
        }
        let waiting = {
            let mut queue = self.queue.lock();
            if queue.events.len() >= self.capacity {
                queue.events.pop_front();
                queue.dropped += 1;
                queue.unreported += 1;
            }
            queue.events.push_back(Arc::clone(record));
            std::mem::take(&mut queue.waiting)
        };
        waiting.into_iter().for_each(Waker::wake);
    }
}

/// What reading an event stream gave.
#[derive(Clone, Debug)]
pub enum Received {
    /// An event.
    Event(Arc<EventRecord>),
    /// The run has ended and everything was read; another run of the same network may bring more.
    Ended,
    /// The network was shut down or is gone, and everything was read.
    Closed,
}

/// One subscriber's end of the events. Dropping it unsubscribes.
#[derive(Debug)]
pub struct EventReader {
    subscriber: Arc<Subscriber>,
}

impl EventReader {
    /// The next event. With `until_end`, the end of the run is reported too.
    pub fn poll_next(&self, cx: &mut Context<'_>, until_end: bool) -> Poll<Received> {
        let mut queue = self.subscriber.queue.lock();
        let count = std::mem::take(&mut queue.unreported);
        if count > 0 {
            return Poll::Ready(Received::Event(Arc::new(EventRecord::now(Event::EventsDropped { count }))));
        }
        if let Some(record) = queue.events.pop_front() {
            return Poll::Ready(Received::Event(record));
        }
        if queue.closed {
            return Poll::Ready(Received::Closed);
        }
        if queue.ended && until_end {
            return Poll::Ready(Received::Ended);
        }
        if !queue.waiting.iter().any(|known| known.will_wake(cx.waker())) {
            queue.waiting.push(cx.waker().clone());
        }
        Poll::Pending
    }

    /// How many events were dropped because the queue was full.
    pub fn dropped(&self) -> u64 {
        self.subscriber.queue.lock().dropped
    }
}

impl Drop for EventReader {
    fn drop(&mut self) {
        let mut queue = self.subscriber.queue.lock();
        queue.reader_gone = true;
        queue.events.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(number: i64) -> Event {
        let name: Arc<str> = "n".into();
        Event::MessageSent {
            from: Arc::clone(&name),
            from_port: Arc::clone(&name),
            to: Arc::clone(&name),
            to_port: name,
            message: number.into(),
        }
    }

    fn next(reader: &EventReader) -> Option<Value> {
        let mut cx = Context::from_waker(Waker::noop());
        match reader.poll_next(&mut cx, true) {
            Poll::Ready(Received::Event(record)) => Some(record.to_value()),
            _ => None,
        }
    }

    #[test]
    fn a_late_subscriber_sees_the_beginning_and_packets_stop_being_kept() {
        let bus = EventBus::new();
        bus.emit(Event::NetworkStarted);
        for number in 0..PACKET_BACKLOG as i64 {
            assert!(bus.wants_packets());
            bus.emit(sent(number));
        }
        assert!(!bus.wants_packets());
        let reader = bus.subscribe(EventFilter::default(), 10_000);
        assert!(bus.wants_packets());
        assert_eq!(next(&reader).unwrap().get("_type"), Some(&"NetworkStarted".into()));
        assert_eq!(next(&reader).unwrap().get("message"), Some(&Value::Integer(0)));
        drop(reader);
        bus.emit(Event::NetworkIdle);
        assert!(!bus.wants_packets());
    }

    #[test]
    fn a_full_subscriber_loses_the_oldest_and_is_told() {
        let bus = EventBus::new();
        let reader = bus.subscribe(EventFilter::default(), 2);
        for number in 0..5 {
            bus.emit(sent(number));
        }
        assert_eq!(reader.dropped(), 3);
        assert_eq!(next(&reader).unwrap().get("count"), Some(&Value::Integer(3)));
        assert_eq!(next(&reader).unwrap().get("message"), Some(&Value::Integer(3)));
        assert_eq!(next(&reader).unwrap().get("message"), Some(&Value::Integer(4)));
        assert!(next(&reader).is_none());
    }

    #[test]
    fn filters_choose_by_type_and_node() {
        let bus = EventBus::new();
        let reader = bus.subscribe(
            EventFilter { types: vec!["NetworkIdle".into(), "MessageSent".into()], nodes: vec!["n".into()] },
            9,
        );
        bus.emit(Event::NetworkIdle);
        bus.emit(sent(1));
        assert_eq!(next(&reader).unwrap().get("_type"), Some(&"MessageSent".into()));
        assert!(next(&reader).is_none());
    }
}
