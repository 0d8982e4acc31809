//! Hosts: who polls the tasks of nodes, and the trait for actors that belong to a foreign one.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use reflow_message::Message;

use crate::actor::Signal;
use crate::attempt::Attempt;
use crate::failure::Failure;
use crate::node_handle::NodeHandle;
use crate::tick::Tick;

/// The work of one node, ready to be polled to its end.
pub type NodeTask = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Polls tasks. A task never knows which host polls it.
pub trait Host: Send + Sync {
    /// Takes a task in and polls it to its end.
    fn spawn(&self, task: NodeTask);
}

/// Who works for an attempt whose outcome is of no interest any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AtWork {
    /// Nobody that is known of.
    Nobody,
    /// Its call, which has yet to return.
    Call,
    /// Whoever was to end it later. What that is up to is not known.
    Deferral,
}

/// What became of a call into a hosted actor.
#[derive(Debug)]
pub enum Step {
    /// It committed.
    Done,
    /// It failed.
    Failed(Failure),
    /// Deliver what was sent so far, then call [`HostedActor::resume`].
    Yield,
    /// It goes on elsewhere and ends with [`NodeHandle::complete`].
    Pending,
}

impl Step {
    /// The same failure for each of so many ticks of a batch.
    pub fn failed_each(count: usize, failure: &Failure) -> Vec<(usize, Self)> {
        (0..count).map(|at| (at, Self::Failed(failure.clone()))).collect()
    }
}

/// The ticks of a batch, as long as nobody looks at them one by one: each has one packet, and all packets came to one inport.
#[derive(Debug, Default)]
pub struct Column {
    /// Number of the first tick in its node; the others follow.
    pub first: u64,
    /// The inport.
    pub port: u16,
    /// The packet of each tick.
    pub messages: Vec<Message>,
}

impl Column {
    /// The ticks one by one.
    pub fn apart(self) -> Vec<Attempt> {
        let Self { first, port, messages } = self;
        let attempt = |(sequence, message)| {
            let inputs = smallvec::smallvec![(port, message)];
            Attempt { sequence, number: 1, inputs, ..Attempt::default() }
        };
        (first..).zip(messages).map(attempt).collect()
    }
}

/// Messages by outport, one of each tick.
pub type Columns = Vec<(u16, Vec<Message>)>;

/// What became of a [`Column`].
#[derive(Debug)]
pub enum ColumnEnd {
    /// All ticks are done, and this leaves.
    Done(Columns),
    /// Each tick has an end of its own, see [`HostedActor::run_batch`].
    Apart(Vec<Attempt>, Vec<(usize, Step)>),
}

/// An actor that runs on threads of its own host, such as a Python object.
///
/// Its ticks may block their thread: outputs of each tick are delivered before the next one starts.
pub trait HostedActor: Send + 'static {
    /// Who polls the node of this actor.
    fn host(&self) -> Arc<dyn Host>;

    /// Once, before the first tick.
    fn setup(&mut self, tick: &mut Tick<'_>) -> Step;

    /// Whether `setup` does anything.
    fn has_setup(&self) -> bool;

    /// Starts one attempt. With `detached` the attempt must not occupy the calling thread: it runs elsewhere and the
    /// answer is [`Step::Pending`].
    fn run(&mut self, tick: &mut Tick<'_>, detached: bool) -> Step;

    /// Goes on after [`Step::Yield`].
    fn resume(&mut self, _tick: &mut Tick<'_>) -> Step {
        Step::Done
    }

    /// Whether the node's task is on a thread that must not be blocked, and has to give way before it calls anything but `run`: it
    /// is polled elsewhere then. An actor that moves its task says so here.
    fn leave_thread(&mut self) -> bool {
        false
    }

    /// Whether the thread has others to serve before the next tick.
    fn gives_way(&self) -> bool {
        false
    }

    /// How many ticks [`run_batch`](Self::run_batch) takes at once; 1 for actors that take single ticks.
    fn batch_limit(&self) -> usize {
        1
    }

    /// Runs several ticks in one call. The answer names those that are not done by their place, in order, and none of them
    /// with [`Step::Yield`].
    fn run_batch(&mut self, _node: &NodeHandle, _attempts: &mut Vec<Attempt>) -> Vec<(usize, Step)> {
        Vec::new()
    }

    /// [`run_batch`](Self::run_batch) for ticks that nothing has to see one by one.
    fn run_column(&mut self, node: &NodeHandle, column: Column) -> ColumnEnd {
        let mut attempts = column.apart();
        let others = self.run_batch(node, &mut attempts);
        ColumnEnd::Apart(attempts, others)
    }

    /// Tells an attempt that went on elsewhere that its outcome is of no interest any more; who is still at work for it, and will
    /// say with [`NodeHandle::complete`] when that is over.
    fn abandon(&mut self, _sequence: u64, _number: u32) -> AtWork {
        AtWork::Nobody
    }

    /// Whether an attempt that went on elsewhere comes to its end by itself, in a thread of its own or by who is to end it, and cannot
    /// be told to stop.
    fn ends_by_itself(&self, _sequence: u64, _number: u32) -> bool {
        false
    }

    /// Tells what runs behind it apart: two actors of one number share it, and cannot take each other's place.
    fn identity(&self) -> usize {
        0
    }

    /// Whether [`on_signal`](Self::on_signal) does anything. If not, signals stay for ticks that will wait for them.
    fn hears_signals(&self) -> bool {
        true
    }

    /// A signal from outside, between ticks.
    fn on_signal(&mut self, tick: &mut Tick<'_>, signal: &Signal) -> Step;

    /// Once, when no further tick can come.
    fn finalize(&mut self, tick: &mut Tick<'_>) -> Step;

    /// Whether `finalize` does anything.
    fn has_finalize(&self) -> bool;

    /// Whether something outside still holds on to a finished attempt and may send through it.
    fn is_retained(&self) -> bool {
        false
    }

    /// Once, at the very end, however the run ended.
    fn teardown(&mut self);
}
