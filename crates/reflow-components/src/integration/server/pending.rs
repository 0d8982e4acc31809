//! HTTP requests that wait for the answer of the network.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};

use hyper::StatusCode;
use hyper::header::{HeaderName, HeaderValue};
use parking_lot::Mutex;
use rustc_hash::FxHashMap;
use tokio::sync::oneshot;

/// An answer to an HTTP request.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    pub(super) body: bytes::Bytes,
}

/// What names a request in its process.
#[derive(Clone, Debug)]
pub(super) struct Ticket {
    run: Arc<str>,
    number: u64,
}

struct Waiting {
    id: String,
    answer: oneshot::Sender<Answer>,
}

/// Open requests by run and number.
type Open = FxHashMap<Arc<str>, BTreeMap<u64, Waiting>>;

static WAITING: LazyLock<Mutex<Open>> = LazyLock::new(Mutex::default);

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

    /// Whether somebody still waits for the answer.
    pub(super) fn is_open(&self) -> bool {
        WAITING.lock().get(&self.run).is_some_and(|waiting| waiting.contains_key(&self.number))
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
        let waiting = Waiting { id: ticket.id(), answer: sender };
        WAITING.lock().entry(Arc::clone(&ticket.run)).or_default().insert(ticket.number, waiting);
        Self { ticket, answer }
    }
}

impl Drop for Question {
    fn drop(&mut self) {
        let mut all = WAITING.lock();
        if let Some(waiting) = all.get_mut(&self.ticket.run) {
            waiting.remove(&self.ticket.number);
            if waiting.is_empty() {
                all.remove(&self.ticket.run);
            }
        }
    }
}

/// Answers the request `id` of a run, or its oldest one. Whether there was one.
pub(super) fn answer(run: &str, id: Option<&str>, answer: Answer) -> bool {
    let found = WAITING.lock().get_mut(run).and_then(|waiting| match id {
        Some(id) => {
            let number = id.split('-').next()?.parse().ok()?;
            waiting.get(&number).filter(|waiting| waiting.id == id)?;
            waiting.remove(&number)
        }
        None => waiting.pop_first().map(|(_, waiting)| waiting),
    });
    found.is_some_and(|waiting| waiting.answer.send(answer).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(status: u16) -> Answer {
        Answer { status: StatusCode::from_u16(status).unwrap(), headers: Vec::new(), body: bytes::Bytes::new() }
    }

    #[test]
    fn answers_reach_the_request_that_is_meant_or_the_oldest() {
        let (mut first, mut second, third) = (Question::new("r1"), Question::new("r1"), Question::new("r1"));
        let mut other = Question::new("r2");
        let id = second.ticket.id();
        assert!(second.ticket.is_open());
        assert!(!answer("r1", Some("2"), with(200)), "a number alone says nothing");
        assert!(answer("r1", Some(&id), with(202)));
        assert!(answer("r1", None, with(201)));
        assert_eq!(first.answer.try_recv().unwrap().status, 201);
        assert_eq!(second.answer.try_recv().unwrap().status, 202);
        assert!(!second.ticket.is_open());
        assert!(!answer("r1", Some(&id), with(500)));
        drop(third);
        assert!(!answer("r1", None, with(500)));
        assert!(other.answer.try_recv().is_err());
        assert!(answer("r2", None, with(200)));
    }
}
