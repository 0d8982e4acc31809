//! HTTP requests that wait for the answer of the network.

use std::collections::VecDeque;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use rustc_hash::FxHashMap;
use tokio::sync::oneshot;

/// An answer to an HTTP request.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) content_type: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

struct Waiting {
    id: String,
    answer: oneshot::Sender<Answer>,
}

/// Open requests by run, oldest first.
static WAITING: LazyLock<Mutex<FxHashMap<String, VecDeque<Waiting>>>> = LazyLock::new(Mutex::default);

/// A request that waits; dropping it withdraws it.
pub(super) struct Question {
    run: String,
    pub(super) id: String,
    pub(super) answer: oneshot::Receiver<Answer>,
}

impl Question {
    /// Opens a request in a run.
    pub(super) fn new(run: &str) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let id = NEXT.fetch_add(1, Ordering::Relaxed).to_string();
        let (sender, answer) = oneshot::channel();
        let waiting = Waiting { id: id.clone(), answer: sender };
        WAITING.lock().entry(run.to_string()).or_default().push_back(waiting);
        Self { run: run.to_string(), id, answer }
    }
}

impl Drop for Question {
    fn drop(&mut self) {
        let mut all = WAITING.lock();
        if let Some(waiting) = all.get_mut(&self.run) {
            waiting.retain(|waiting| waiting.id != self.id);
            if waiting.is_empty() {
                all.remove(&self.run);
            }
        }
    }
}

/// Answers the request `id` of a run, or its oldest one. Whether there was one.
pub(super) fn answer(run: &str, id: Option<&str>, answer: Answer) -> bool {
    let found = WAITING.lock().get_mut(run).and_then(|waiting| match id {
        Some(id) => {
            let at = waiting.iter().position(|waiting| waiting.id == id)?;
            waiting.remove(at)
        }
        None => waiting.pop_front(),
    });
    found.is_some_and(|waiting| waiting.answer.send(answer).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(status: u16) -> Answer {
        Answer { status, content_type: String::new(), headers: Vec::new(), body: Vec::new() }
    }

    #[test]
    fn answers_reach_the_request_that_is_meant_or_the_oldest() {
        let (mut first, mut second, third) = (Question::new("r1"), Question::new("r1"), Question::new("r1"));
        let mut other = Question::new("r2");
        assert!(answer("r1", Some(&second.id), with(202)));
        assert!(answer("r1", None, with(201)));
        assert_eq!(first.answer.try_recv().unwrap().status, 201);
        assert_eq!(second.answer.try_recv().unwrap().status, 202);
        assert!(!answer("r1", Some(&second.id), with(500)));
        drop(third);
        assert!(!answer("r1", None, with(500)));
        assert!(other.answer.try_recv().is_err());
        assert!(answer("r2", None, with(200)));
    }
}
