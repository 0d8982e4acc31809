//! `EventBus`: brings the events of a network to its subscribers, each with a bounded queue of its own, and keeps the first of
//! them for subscribers that come late.
//!
//! Without a subscriber, and once that short backlog is full, a packet's event costs one relaxed load.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;

use reflow_message::{AnyValue, Message};

use crate::budget::Budget;
use crate::event::{Event, EventRecord};

/// Packet events kept for a subscriber that comes late.
const PACKET_BACKLOG: usize = 512;
/// All events kept for a subscriber that comes late.
const BACKLOG: usize = 4096;
/// Events that may wait for one subscriber, unless it asks for another number.
pub const DEFAULT_EVENT_CAPACITY: usize = 16_384;

/// Which events a subscriber wants.
#[derive(Clone, Debug, Default)]
pub struct EventFilter {
    /// Only these types; all when empty. `ActorCompleted` is sent only to subscribers that name it here.
    pub types: Vec<String>,
    /// Only events about these nodes, nodes inside of them, and the network as a whole; all when empty.
    pub nodes: Vec<String>,
}

impl EventFilter {
    fn wants(&self, event: &Event) -> bool {
        let by_type = if self.types.is_empty() {
            !matches!(event, Event::ActorCompleted { .. })
        } else {
            self.types.iter().any(|name| name == event.name())
        };
        by_type
            && (self.nodes.is_empty()
                || event.is_about_the_network()
                || self.nodes.iter().any(|node| event.concerns(node)))
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
    /// Whether anybody reads packet events.
    watched: AtomicBool,
    budget: Arc<Budget>,
    state: Mutex<BusState>,
}

#[derive(Debug, Default)]
struct BusState {
    backlog: VecDeque<Arc<EventRecord>>,
    packets_kept: usize,
    /// Bytes of what actors said in the backlog.
    said: u64,
    /// Events about other things than packets that came when the backlog was full.
    missed: u64,
    /// Packets of this run whose sending is in the backlog, and how many there were in all: without a subscriber most of
    /// them make no event.
    sent_kept: u64,
    sent: Option<Sent>,
    subscribers: Vec<Arc<Subscriber>>,
    end: End,
}

/// Says how many packets the nodes of a run have sent.
struct Sent(Box<dyn Fn() -> u64 + Send>);

impl std::fmt::Debug for Sent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sent")
    }
}

/// How far the network is, for readers that wait for more.
#[derive(Clone, Copy, Debug, Default)]
struct End {
    /// The run has ended; another may start.
    ended: bool,
    /// The network was shut down; it may be started again.
    closed: bool,
    /// The network is gone.
    gone: bool,
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
    /// Bytes of what actors said in them.
    said: u64,
    dropped: u64,
    /// Dropped since the reader was last told.
    unreported: u64,
    end: End,
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

    /// How many bytes of payloads events may keep.
    pub(crate) fn budget(&self) -> &Arc<Budget> {
        &self.budget
    }

    pub(crate) fn emit(&self, mut event: Event) {
        if event.is_packet() && !self.watched.load(Ordering::Relaxed) {
            event.messages_mut().for_each(let_go);
        }
        let charge = self.budget.keep(event.messages_mut());
        let record = Arc::new(EventRecord::charged(event, charge));
        let subscribers: Vec<_> = {
            let mut state = self.state.lock();
            state.keep(&record, self.budget.limit());
            self.update_wishes(&mut state);
            state.subscribers.clone()
        };
        for subscriber in subscribers {
            subscriber.push(&record, self.budget.limit());
        }
    }

    fn update_wishes(&self, state: &mut BusState) {
        state.subscribers.retain(|subscriber| !subscriber.queue.lock().reader_gone);
        let watched = state.subscribers.iter().any(|subscriber| subscriber.filter.wants_packets());
        self.watched.store(watched, Ordering::Relaxed);
        let packets = watched || state.keeps_packets();
        self.packets.store(packets, Ordering::Relaxed);
        let completions = state
            .subscribers
            .iter()
            .any(|subscriber| subscriber.filter.types.iter().any(|name| name == "ActorCompleted"));
        self.completions.store(completions, Ordering::Relaxed);
    }

    /// A new subscriber; it first sees the backlog.
    pub(crate) fn subscribe(&self, filter: EventFilter, capacity: usize) -> EventReader {
        let mut state = self.state.lock();
        let missed = state.missed + if filter.wants_packets() { state.missed_packets() } else { 0 };
        let queue = Queue { end: state.end, dropped: missed, ..Queue::default() };
        let subscriber = Arc::new(Subscriber { filter, capacity: capacity.max(1), queue: Mutex::new(queue) });
        for record in &state.backlog {
            subscriber.push(record, self.budget.limit());
        }
        if missed > 0 {
            subscriber.push(&Arc::new(EventRecord::now(Event::EventsDropped { count: missed })), self.budget.limit());
        }
        state.subscribers.push(Arc::clone(&subscriber));
        self.update_wishes(&mut state);
        EventReader { subscriber }
    }

    /// A run begins; `sent` says how many packets its nodes have sent.
    pub(crate) fn run_begins(&self, sent: impl Fn() -> u64 + Send + 'static) {
        {
            let mut state = self.state.lock();
            (state.sent, state.sent_kept) = (Some(Sent(Box::new(sent))), 0);
        }
        self.set_end(|_| End::default());
    }

    /// The run has ended: so do iterations.
    pub(crate) fn run_ended(&self) {
        self.set_end(|end| End { ended: true, ..end });
    }

    /// The network was shut down: waiting without a limit ends.
    pub(crate) fn close(&self) {
        self.set_end(|end| End { ended: true, closed: true, ..end });
    }

    /// The network is gone: all waiting ends.
    pub(crate) fn gone(&self) {
        self.set_end(|_| End { ended: true, closed: true, gone: true });
    }

    fn set_end(&self, change: impl Fn(End) -> End) {
        let (subscribers, end) = {
            let mut state = self.state.lock();
            state.end = change(state.end);
            (state.subscribers.clone(), state.end)
        };
        for subscriber in subscribers {
            let waiting = {
                let mut queue = subscriber.queue.lock();
                queue.end = end;
                std::mem::take(&mut queue.waiting)
            };
            waiting.into_iter().for_each(Waker::wake);
        }
    }
}

/// Values of a host that are kept for a reader who may never come would have to be copied for those who take them: they are
/// written down instead where they are small, and described else. Its objects, who may know the network, are described.
fn let_go(message: &mut Message) {
    if let Message::Host(value) = message {
        let known = if value.is_small() { value.message().cloned().ok() } else { None };
        *message = known.unwrap_or_else(|| Message::string(format!("<{}, not kept>", value.describe())));
    }
    if let Message::Any(any @ AnyValue::Host(_)) = message {
        *any = AnyValue::Value(Box::new(any.to_value()));
    }
}

impl BusState {
    /// Packets of this run that a new subscriber learns nothing of.
    fn missed_packets(&self) -> u64 {
        self.sent.as_ref().map_or(0, |sent| sent.0().saturating_sub(self.sent_kept))
    }

    /// Whether the backlog has room for packets. Where very many nodes have started, they fill it.
    fn keeps_packets(&self) -> bool {
        self.packets_kept < PACKET_BACKLOG && self.backlog.len() < BACKLOG
    }

    fn keep(&mut self, record: &Arc<EventRecord>, limit: u64) {
        let is_packet = record.event.is_packet();
        let said = self.said.saturating_add(record.event.said_bytes());
        if self.backlog.len() >= BACKLOG || is_packet && !self.keeps_packets() || said > limit.max(self.said) {
            self.missed += u64::from(!is_packet);
            return;
        }
        self.said = said;
        self.sent_kept += u64::from(matches!(record.event, Event::MessageSent { .. }));
        self.packets_kept += usize::from(is_packet);
        self.backlog.push_back(Arc::clone(record));
    }
}

impl Queue {
    fn pop(&mut self) -> Option<Arc<EventRecord>> {
        let record = self.events.pop_front()?;
        self.said -= record.event.said_bytes();
        Some(record)
    }
}

impl Subscriber {
    /// The oldest make room, where there are more than its capacity, or where what actors said in them is more than `limit` bytes.
    fn push(&self, record: &Arc<EventRecord>, limit: u64) {
        if !self.filter.wants(&record.event) {
            return;
        }
        let said = record.event.said_bytes();
        let waiting = {
            let mut queue = self.queue.lock();
            while queue.events.len() >= self.capacity
                || said > 0 && queue.said > 0 && queue.said.saturating_add(said) > limit
            {
                queue.pop();
                queue.dropped += 1;
                queue.unreported += 1;
            }
            queue.said += said;
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
        self.poll_until(cx, |end| match end {
            End { closed: true, .. } => Some(Received::Closed),
            End { ended: true, .. } if until_end => Some(Received::Ended),
            _ => None,
        })
    }

    /// The next event, also of a later run: not ready after a shutdown, as long as the network is there. For readers with a
    /// time limit of their own.
    pub fn poll_later(&self, cx: &mut Context<'_>) -> Poll<Received> {
        self.poll_until(cx, |end| end.gone.then_some(Received::Closed))
    }

    fn poll_until(&self, cx: &mut Context<'_>, over: impl FnOnce(End) -> Option<Received>) -> Poll<Received> {
        let mut queue = self.subscriber.queue.lock();
        let count = std::mem::take(&mut queue.unreported);
        if count > 0 {
            return Poll::Ready(Received::Event(Arc::new(EventRecord::now(Event::EventsDropped { count }))));
        }
        if let Some(record) = queue.pop() {
            return Poll::Ready(Received::Event(record));
        }
        if let Some(over) = over(queue.end) {
            return Poll::Ready(over);
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
    use reflow_message::Value;

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
    fn a_full_backlog_wants_no_packets() {
        let bus = EventBus::new();
        (0..BACKLOG).for_each(|_| bus.emit(Event::NetworkIdle));
        assert!(!bus.wants_packets());
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
    fn what_actors_say_is_bounded_in_bytes() {
        let bus = EventBus::new();
        bus.budget().set_limit(2500);
        let says = || Event::ActorLog { actor: "n".into(), level: "info".into(), data: "x".repeat(1000).into() };
        let reader = bus.subscribe(EventFilter::default(), 10_000);
        (0..5).for_each(|_| bus.emit(says()));
        assert_eq!(reader.dropped(), 3, "two fit");
        assert_eq!(next(&reader).unwrap().get("count"), Some(&Value::Integer(3)));
        assert!(next(&reader).is_some() && next(&reader).is_some() && next(&reader).is_none());
        bus.emit(says());
        assert!(next(&reader).is_some(), "there is room again");
        let late = bus.subscribe(EventFilter::default(), 10_000);
        assert!(next(&late).is_some() && next(&late).is_some());
        assert_eq!(next(&late).unwrap().get("count"), Some(&Value::Integer(4)));
        bus.budget().set_limit(10);
        bus.emit(says());
        assert_eq!(next(&reader).unwrap().get("level"), Some(&"info".into()), "one has always room");
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
            EventFilter { types: vec!["NetworkIdle".into(), "NodeStateChanged".into()], nodes: vec!["n".into()] },
            9,
        );
        let changed = |actor: &str| Event::NodeStateChanged { actor: actor.into(), from: "running", to: "waiting" };
        bus.emit(Event::NetworkIdle);
        bus.emit(sent(1));
        for actor in ["m", "n", "nn", "n/inner", "m/n"] {
            bus.emit(changed(actor));
        }
        let seen: Vec<_> = std::iter::from_fn(|| next(&reader)).collect();
        let actors: Vec<_> = seen.iter().map(|event| event.get("actorId").and_then(Value::as_str)).collect();
        assert_eq!(actors, [None, Some("n"), Some("n/inner")]);
    }

    #[test]
    fn a_late_subscriber_learns_what_it_missed_and_how_the_network_is() {
        let bus = EventBus::new();
        bus.run_begins(|| 2000);
        for number in 0..2000 {
            bus.emit(sent(number));
        }
        let reader = bus.subscribe(EventFilter::default(), 10_000);
        assert_eq!(reader.dropped(), 2000 - PACKET_BACKLOG as u64);
        let last = std::iter::from_fn(|| next(&reader)).last().unwrap();
        assert_eq!(last.get("count"), Some(&Value::from(2000 - PACKET_BACKLOG as u64)));
        bus.close();
        bus.run_ended();
        let mut cx = Context::from_waker(Waker::noop());
        for reader in
            [reader, bus.subscribe(EventFilter { types: vec!["ActorLog".into()], ..EventFilter::default() }, 1)]
        {
            assert!(matches!(reader.poll_next(&mut cx, false), Poll::Ready(Received::Closed)));
        }
    }
}
