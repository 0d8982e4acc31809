//! HTTP requests that wait for the answer of the network.
//!
//! A request is known by its id, and by the origin of the packets that it sent into the network: an answer that descends from
//! them is an answer to it. What came for an answer before its body is kept here too, so that it goes with the request.

use std::collections::{BTreeMap, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};

use hyper::StatusCode;
use hyper::header::{HeaderName, HeaderValue};
use parking_lot::Mutex;
use reflow_runtime::{Message, Value};
use rustc_hash::FxHashMap;
use tokio::sync::oneshot;

/// An answer to an HTTP request.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    pub(super) body: bytes::Bytes,
}

/// What has come for answers that are not complete.
#[derive(Debug, Default)]
pub(super) struct Parts {
    pub(super) status: Option<i64>,
    pub(super) headers: Option<Value>,
    /// Ids that wait for their bodies, or bodies for their ids.
    pub(super) ids: VecDeque<String>,
    pub(super) bodies: VecDeque<Message>,
}

/// What names a request in its process.
#[derive(Clone, Debug)]
pub(super) struct Ticket {
    run: Arc<str>,
    number: u64,
}

#[derive(Default)]
struct Requests {
    /// By number, oldest first.
    by_number: BTreeMap<u64, Request>,
    by_origin: FxHashMap<u64, u64>,
}

/// A request that is waited for, or of which something is left in the network.
struct Request {
    id: String,
    answer: Option<oneshot::Sender<Answer>>,
    origin: Option<u64>,
    /// Whether something of it may be left in the network.
    is_left: bool,
    /// By the node that collects them.
    parts: Vec<(Arc<str>, Parts)>,
}

/// Requests by run.
static REQUESTS: LazyLock<Mutex<FxHashMap<Arc<str>, Requests>>> = LazyLock::new(Mutex::default);

/// The id of a request: its number, and what nobody can guess.
fn id_of(number: u64) -> String {
    static KEY: LazyLock<RandomState> = LazyLock::new(RandomState::new);
    format!("{number}-{:016x}", KEY.hash_one(number))
}

impl Ticket {
    /// What a response names the request by.
    pub(super) fn id(&self) -> String {
        id_of(self.number)
    }

    /// Looks at the request, and forgets it when nobody waits for it and nothing is left of it.
    fn with<R>(&self, look: impl FnOnce(&mut Request) -> R) -> Option<R> {
        let mut all = REQUESTS.lock();
        let requests = all.get_mut(&self.run)?;
        let request = requests.by_number.get_mut(&self.number)?;
        let result = look(request);
        if request.answer.is_none() && !request.is_left {
            if let Some(origin) = request.origin {
                requests.by_origin.remove(&origin);
            }
            requests.by_number.remove(&self.number);
            if requests.by_number.is_empty() {
                all.remove(&self.run);
            }
        }
        Some(result)
    }

    /// Whether somebody still waits for the answer.
    pub(super) fn is_open(&self) -> bool {
        self.with(|request| request.answer.is_some()).unwrap_or(false)
    }

    /// The packets of the request have this origin.
    pub(super) fn enters(&self, origin: u64) {
        let mut all = REQUESTS.lock();
        let Some(requests) = all.get_mut(&self.run) else { return };
        if let Some(request) = requests.by_number.get_mut(&self.number) {
            (request.origin, request.is_left) = (Some(origin), true);
            requests.by_origin.insert(origin, self.number);
        }
    }

    /// Nothing of the request is left in the network. If a part of the work on it failed, no answer will come; else somebody may
    /// have kept what leads to one.
    pub(super) fn ended(&self, failed: bool) {
        let left = self.with(|request| {
            request.is_left = false;
            (request.answer.take_if(|_| failed), std::mem::take(&mut request.parts))
        });
        // Values and whoever waits are nothing to think of under the lock.
        drop(left);
    }
}

/// A request that waits; dropping it withdraws it.
pub(super) struct Question {
    pub(super) ticket: Ticket,
    pub(super) answer: oneshot::Receiver<Answer>,
}

impl Question {
    /// Opens a request in a run.
    pub(super) fn new(run: &str) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let ticket = Ticket { run: run.into(), number: NEXT.fetch_add(1, Ordering::Relaxed) };
        let (sender, answer) = oneshot::channel();
        let request =
            Request { id: ticket.id(), answer: Some(sender), origin: None, is_left: false, parts: Vec::new() };
        REQUESTS.lock().entry(Arc::clone(&ticket.run)).or_default().by_number.insert(ticket.number, request);
        Self { ticket, answer }
    }
}

impl Drop for Question {
    fn drop(&mut self) {
        self.ticket.with(|request| request.answer = None);
    }
}

/// Takes what has come at `node` for the request that packets of `origin` descend from; `None` when that is no request.
pub(super) fn take_parts(run: &str, origin: u64, node: &str) -> Option<Parts> {
    let mut all = REQUESTS.lock();
    let requests = all.get_mut(run)?;
    let request = requests.by_number.get_mut(requests.by_origin.get(&origin)?)?;
    let at = request.parts.iter().position(|(at, _)| **at == *node);
    Some(at.map(|at| request.parts.swap_remove(at).1).unwrap_or_default())
}

/// Keeps what has come at `node` for a request.
pub(super) fn keep_parts(run: &str, origin: u64, node: &Arc<str>, parts: Parts) {
    let mut all = REQUESTS.lock();
    let request = all.get_mut(run).and_then(|requests| {
        let number = requests.by_origin.get(&origin)?;
        requests.by_number.get_mut(number)
    });
    if let Some(request) = request {
        request.parts.push((Arc::clone(node), parts));
    }
}

/// Which request an answer is for.
#[derive(Clone, Copy, Debug)]
pub(super) enum To<'a> {
    /// The one with this id.
    Id(&'a str),
    /// The one that brought packets of this origin into the network.
    Origin(u64),
}

/// Answers a request of a run. Whether somebody waits for it: each is answered once.
pub(super) fn answer(run: &str, to: To<'_>, answer: Answer) -> bool {
    let waiting = {
        let mut all = REQUESTS.lock();
        all.get_mut(run).and_then(|requests| {
            let number = match to {
                To::Id(id) => id.split('-').next()?.parse().ok()?,
                To::Origin(origin) => *requests.by_origin.get(&origin)?,
            };
            let request = requests.by_number.get_mut(&number)?;
            let is_meant = !matches!(to, To::Id(id) if id != request.id);
            request.answer.take_if(|_| is_meant)
        })
    };
    // The one who waits withdraws the request when it wakes up.
    waiting.is_some_and(|waiting| waiting.send(answer).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(status: u16) -> Answer {
        Answer { status: StatusCode::from_u16(status).unwrap(), headers: Vec::new(), body: bytes::Bytes::new() }
    }

    fn is_known(run: &str) -> bool {
        REQUESTS.lock().contains_key(run)
    }

    #[test]
    fn answers_reach_the_request_that_is_meant_once_or_nobody() {
        let (mut first, mut second, third) = (Question::new("r1"), Question::new("r1"), Question::new("r1"));
        let mut other = Question::new("r2");
        first.ticket.enters(7);
        third.ticket.enters(8);
        let id = second.ticket.id();
        let number = id.split('-').next().unwrap();
        assert!(!answer("r1", To::Id(number), with(200)), "a number alone says nothing");
        assert!(answer("r1", To::Id(&id), with(202)));
        assert!(answer("r1", To::Origin(7), with(201)));
        assert_eq!(first.answer.try_recv().unwrap().status, 201);
        assert_eq!(second.answer.try_recv().unwrap().status, 202);
        assert!(!answer("r1", To::Id(&id), with(500)) && !answer("r1", To::Origin(7), with(500)));
        assert!(!second.ticket.is_open());
        drop(third);
        assert!(!answer("r1", To::Origin(8), with(500)), "who has gone is answered no more, and nobody else is");
        assert!(!answer("r1", To::Origin(9), with(500)) && !answer("r2", To::Origin(7), with(500)));
        assert!(other.answer.try_recv().is_err());
    }

    #[test]
    fn a_request_is_forgotten_when_nobody_waits_and_nothing_is_left() {
        let first = Question::new("r3");
        first.ticket.enters(1);
        let ticket = first.ticket.clone();
        drop(first);
        assert!(take_parts("r3", 1, "n").is_some(), "its packets are known while there are some");
        ticket.ended(false);
        assert!(take_parts("r3", 1, "n").is_none() && !is_known("r3"));
        let mut second = Question::new("r3");
        second.ticket.enters(2);
        second.ticket.ended(false);
        assert!(take_parts("r3", 2, "n").is_some());
        assert!(answer("r3", To::Origin(2), with(200)), "somebody may have kept what leads to an answer");
        assert_eq!(second.answer.try_recv().unwrap().status, 200);
        let mut third = Question::new("r3");
        third.ticket.enters(3);
        third.ticket.ended(true);
        assert_eq!(third.answer.try_recv().unwrap_err(), oneshot::error::TryRecvError::Closed);
        drop((second, third));
        assert!(!is_known("r3"));
    }

    #[test]
    fn parts_belong_to_one_request_and_one_node() {
        let question = Question::new("r4");
        question.ticket.enters(1);
        let (left, right): (Arc<str>, Arc<str>) = ("left".into(), "right".into());
        keep_parts("r4", 1, &left, Parts { status: Some(404), ..Parts::default() });
        assert_eq!(take_parts("r4", 1, &right).unwrap().status, None);
        assert_eq!(take_parts("r4", 1, &left).unwrap().status, Some(404));
        assert_eq!(take_parts("r4", 1, &left).unwrap().status, None);
        assert!(take_parts("r4", 2, &left).is_none());
    }
}
