//! `Question`: packets from outside that are followed to their end, with all that comes of them.
//!
//! Every packet that descends from a question carries it in its origin, and whatever may still bring forth a descendant holds
//! it. So its end is noticed by counting alone. What it brings to the outports of the network is its answer. Where nothing is
//! asked, none of this is there.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Waker};

use indexmap::IndexMap;
use parking_lot::Mutex;
use reflow_message::Message;
use smallvec::SmallVec;

use crate::activity::Sleeper;
use crate::error::NetworkError;
use crate::event::FailedAttempt;
use crate::origin::{Ends, Origin};
use crate::outside::{OutsideSend, Way};
use crate::packet::Control;
use crate::run::Run;

/// Failures kept for a question; later ones are counted.
const KEPT_FAILURES: usize = 100;

/// Packets of a question that need no room on their way in.
const FREE: usize = 64;

/// How a question came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QuestionEnd {
    /// Nothing of it is left.
    Answered,
    /// Whoever asked wants no answer any more.
    Cancelled,
    /// The run was stopped before.
    Stopped,
}

/// What the packets of a question, its reader and its run share.
pub(crate) struct Asked {
    id: u64,
    run: Weak<Run>,
    cancelled: AtomicBool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    parts: VecDeque<(u16, Message)>,
    /// Parts that may wait to be read; a node with more waits.
    capacity: Option<usize>,
    waiting: Vec<Arc<Sleeper>>,
    readers: Vec<Waker>,
    failures: Vec<FailedAttempt>,
    failures_dropped: u64,
    /// Nodes that have put packets of it aside without holding it.
    aside: SmallVec<[u32; 2]>,
    end: Option<QuestionEnd>,
}

/// Keeps a question going: whatever may still bring forth a packet of it has one.
pub(crate) struct Hold(Arc<Asked>);

impl Hold {
    pub(crate) fn id(&self) -> u64 {
        self.0.id
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.0.cancelled.load(Ordering::Relaxed)
    }

    /// Notes that a node has packets of it aside, or has none any more.
    pub(crate) fn put_aside(&self, node: u32, aside: bool) {
        let nodes = &mut self.0.state.lock().aside;
        nodes.retain(|known| *known != node);
        if aside {
            nodes.push(node);
        }
    }

    /// Notes that a tick on one of its packets failed for good.
    pub(crate) fn fail(&self, failed: &FailedAttempt) {
        let mut state = self.0.state.lock();
        if state.failures.len() < KEPT_FAILURES {
            state.failures.push(failed.clone());
        } else {
            state.failures_dropped += 1;
        }
    }

    /// Takes a part of the answer. Without room it is given back, with [`Sleeper::fall_asleep`]'s answer.
    pub(crate) fn answer(&self, outport: u16, message: Message, sleeper: &Arc<Sleeper>) -> Option<(Message, bool)> {
        let readers = {
            let mut state = self.0.state.lock();
            if state.end.is_some() || self.is_cancelled() {
                return None;
            }
            if state.capacity.is_some_and(|capacity| state.parts.len() >= capacity) {
                if !state.waiting.iter().any(|known| Arc::ptr_eq(known, sleeper)) {
                    state.waiting.push(Arc::clone(sleeper));
                }
                return Some((message, sleeper.fall_asleep(true)));
            }
            state.parts.push_back((outport, message));
            // Who waits for all of it is not woken for a part.
            if state.capacity.is_some() { std::mem::take(&mut state.readers) } else { Vec::new() }
        };
        readers.into_iter().for_each(Waker::wake);
        None
    }

    /// Whether its answer is looked at only when it has ended.
    pub(crate) fn keeps_everything(&self) -> bool {
        self.0.state.lock().capacity.is_none()
    }

    /// Whoever waited for room does so no more.
    pub(crate) fn forget_waiting(&self, sleeper: &Arc<Sleeper>) {
        self.0.state.lock().waiting.retain(|known| !Arc::ptr_eq(known, sleeper));
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let asked = &self.0;
        let run = asked.run.upgrade();
        let aside = std::mem::take(&mut asked.state.lock().aside);
        if let Some(run) = run.as_ref().filter(|_| !aside.is_empty()) {
            // It has not ended: what is aside leaves without a partner, and may go on.
            let hold = Arc::new(Self(Arc::clone(asked)));
            for node in aside {
                run.tell(node, Control::Unanswered(Arc::clone(&hold)));
            }
            return;
        }
        let stopped = run.as_ref().is_none_or(|run| run.is_cancelled());
        asked.end(if stopped { QuestionEnd::Stopped } else { QuestionEnd::Answered });
        if let Some(run) = run {
            run.questions.lock().remove(&asked.id);
        }
    }
}

impl Asked {
    /// Its end, unless there was one before.
    pub(crate) fn end(&self, end: QuestionEnd) {
        let (readers, waiting) = {
            let mut state = self.state.lock();
            state.end.get_or_insert(end);
            (std::mem::take(&mut state.readers), std::mem::take(&mut state.waiting))
        };
        waiting.iter().for_each(|sleeper| sleeper.wake());
        readers.into_iter().for_each(Waker::wake);
    }
}

impl fmt::Debug for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hold({})", self.0.id)
    }
}

/// What came of a question.
#[derive(Debug)]
pub struct Answer {
    /// What left by the outports of the network, by name, in order.
    pub outputs: IndexMap<String, Vec<Message>>,
    /// Ticks on its packets that failed for good, unless the failure was routed on; the first hundred.
    pub failures: Vec<FailedAttempt>,
    /// Failures beyond those.
    pub failures_dropped: u64,
}

/// A question to a running network, for whoever asks. Dropping it cancels what has not ended.
pub struct Question {
    run: Arc<Run>,
    asked: Arc<Asked>,
    inputs: Mutex<Inputs>,
}

/// What is still to be sent.
struct Inputs {
    /// Held until everything is sent.
    hold: Option<Arc<Hold>>,
    /// Inports that it comes in by, if there are several: how many packets each has had.
    ports: Option<Vec<(u32, u16, usize)>>,
    /// The origins of the first, second ... packets of all inports.
    turns: Vec<Origin>,
    /// Packets so far.
    sent: usize,
}

impl Question {
    /// A question that comes in by that many inports, of whose answer `capacity` parts may wait to be read.
    pub(crate) fn new(run: &Arc<Run>, inports: usize, capacity: Option<usize>) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let asked = Arc::new(Asked {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            run: Arc::downgrade(run),
            cancelled: AtomicBool::new(false),
            state: Mutex::new(State { capacity: capacity.map(|capacity| capacity.max(1)), ..State::default() }),
        });
        run.questions.lock().insert(asked.id, Arc::downgrade(&asked));
        let hold = Some(Arc::new(Hold(Arc::clone(&asked))));
        let inputs = Inputs { hold, ports: (inports > 1).then(Vec::new), turns: Vec::new(), sent: 0 };
        Self { run: Arc::clone(run), asked, inputs: Mutex::new(inputs) }
    }

    /// A packet of it for `node.port`, or an inport of the network, that is sent by polling it.
    ///
    /// # Errors
    /// When there is no such node or inport.
    pub(crate) fn sending(&self, node: &str, port: &str, message: Message) -> Result<OutsideSend, NetworkError> {
        let sent = {
            let mut inputs = self.inputs.lock();
            inputs.sent += 1;
            inputs.sent
        };
        // Whoever asks bounds how many questions there are; what one of them brings by and by waits for room.
        let way = if sent <= FREE { Way::Asked } else { Way::Counted };
        self.run.outside_send_as(node, port, message, way, |node, port| self.origin(node, port))
    }

    /// What a packet of it descends from: the first of one inport belongs to the first of another.
    fn origin(&self, node: u32, port: u16) -> Option<Origin> {
        let inputs = &mut *self.inputs.lock();
        let hold = Arc::clone(inputs.hold.as_ref()?);
        let ends: Weak<dyn Ends> = Arc::downgrade(&self.run) as _;
        let Some(ports) = &mut inputs.ports else { return Some(Origin::asked(ends, hold)) };
        let turn = match ports.iter_mut().find(|(at, known, _)| (*at, *known) == (node, port)) {
            Some((_, _, count)) => {
                *count += 1;
                *count - 1
            }
            None => {
                ports.push((node, port, 1));
                0
            }
        };
        while inputs.turns.len() <= turn {
            inputs.turns.push(Origin::asked(Weak::clone(&ends), Arc::clone(&hold)));
        }
        inputs.turns.get(turn).cloned()
    }

    /// Whether it has come to its end.
    pub fn is_over(&self) -> bool {
        self.asked.state.lock().end.is_some()
    }

    /// Whether it was answered, and nothing failed.
    pub fn is_answered(&self) -> bool {
        let state = self.asked.state.lock();
        state.end == Some(QuestionEnd::Answered) && state.failures.is_empty()
    }

    /// Everything is sent: it ends when nothing of it is left.
    pub fn sent(&self) {
        let left = {
            let mut inputs = self.inputs.lock();
            (inputs.hold.take(), std::mem::take(&mut inputs.turns))
        };
        drop(left);
    }

    /// Wants no answer any more: no tick starts on its packets, and what running ticks bring is dropped.
    pub fn cancel(&self) {
        if self.asked.state.lock().end.is_some() || self.asked.cancelled.swap(true, Ordering::AcqRel) {
            return self.sent();
        }
        let parts = std::mem::take(&mut self.asked.state.lock().parts);
        drop(parts);
        self.asked.end(QuestionEnd::Cancelled);
        self.sent();
        self.run.withdraw_attempts();
    }

    /// Ready when it has ended.
    pub fn poll_end(&self, cx: &mut Context<'_>) -> Poll<QuestionEnd> {
        let mut state = self.asked.state.lock();
        match state.end {
            Some(end) => Poll::Ready(end),
            None => {
                remember(&mut state.readers, cx);
                Poll::Pending
            }
        }
    }

    /// The next part of the answer, with the outport it left by; `None` at the end.
    pub fn poll_part(&self, cx: &mut Context<'_>) -> Poll<Option<(String, Message)>> {
        let mut state = self.asked.state.lock();
        if let Some((outport, message)) = state.parts.pop_front() {
            let waiting = std::mem::take(&mut state.waiting);
            drop(state);
            waiting.iter().for_each(|sleeper| sleeper.wake());
            let name = self.run.outports.get(usize::from(outport)).cloned().unwrap_or_default();
            return Poll::Ready(Some((name, message)));
        }
        if state.end.is_some() {
            return Poll::Ready(None);
        }
        remember(&mut state.readers, cx);
        Poll::Pending
    }

    /// What came of it so far; each part is given once.
    pub fn take(&self) -> Answer {
        let mut state = self.asked.state.lock();
        let parts = std::mem::take(&mut state.parts);
        let (failures, failures_dropped) = (std::mem::take(&mut state.failures), state.failures_dropped);
        drop(state);
        let mut outputs: IndexMap<String, Vec<Message>> =
            self.run.outports.iter().map(|name| (name.clone(), Vec::new())).collect();
        for (outport, message) in parts {
            if let Some((_, values)) = outputs.get_index_mut(usize::from(outport)) {
                values.push(message);
            }
        }
        Answer { outputs, failures, failures_dropped }
    }
}

impl Drop for Question {
    fn drop(&mut self) {
        self.cancel();
    }
}

impl fmt::Debug for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Question({})", self.asked.id)
    }
}

fn remember(readers: &mut Vec<Waker>, cx: &Context<'_>) {
    if !readers.iter().any(|known| known.will_wake(cx.waker())) {
        readers.push(cx.waker().clone());
    }
}
