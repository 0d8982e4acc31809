//! `Run`: a network that was started, until everything of it is gone.

mod end;
mod entry;
mod kept;

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::task::Waker;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use parking_lot::{Mutex, RwLock};
use rustc_hash::FxHashMap;
use tokio::sync::watch;

use crate::activity::Activity;
use crate::budget::{Budget, Charge};
use crate::cache::ResultCache;
use crate::error::{NetworkError, suggestion};
use crate::event::FailedAttempt;
use crate::event_bus::EventBus;
use crate::gather::Group;
use crate::journal::Journal;
use crate::mint::Mint;
use crate::native_host::NativeHost;
use crate::node::Node;
use crate::node_handle::NodeHandle;
use crate::origin::{Ends, WeakOrigin};
use crate::question::Asked;
use crate::script::Script;
use crate::subgraph::Boundaries;
use crate::tap::Tap;
use crate::time::VirtualTime;
use crate::vars::Vars;

pub use self::end::RunState;
pub(crate) use self::kept::{Door, JournalOfRun};

/// A started network. Nodes refer to each other by index, so that the run owns everything and nothing owns the run twice.
pub(crate) struct Run {
    pub(crate) number: u64,
    pub(crate) id: String,
    started: Instant,
    pub(crate) nodes: Vec<Node>,
    pub(crate) index: FxHashMap<Arc<str>, u32>,
    pub(crate) activity: Arc<Activity>,
    pub(crate) events: Arc<EventBus>,
    pub(crate) taps: RwLock<FxHashMap<u32, Arc<Tap>>>,
    next_tap: AtomicU32,
    pub(crate) capacity: usize,
    /// How subgraphs look from their outside.
    pub(crate) boundaries: Arc<Boundaries>,
    /// Nodes that put packets aside until their partners come.
    joining: Vec<u32>,
    /// Where packets from outside get their origin.
    pub(crate) outside_mint: Option<Mint>,
    /// The variables that all nodes share.
    pub(crate) vars: Vars,
    /// Nodes that wait for something before they begin.
    pub(crate) gated: Vec<u32>,
    /// Where it writes down what it does.
    pub(crate) journal: Option<JournalOfRun>,
    /// Origins of packets of an earlier process.
    known_origins: Mutex<FxHashMap<u64, WeakOrigin>>,
    /// Groups of an earlier process.
    known_groups: Mutex<FxHashMap<u64, Weak<Group>>>,
    /// Nodes that have gathered a group, of those that others have yet to.
    gathered: Mutex<FxHashMap<u64, Vec<u32>>>,
    ends: Weak<dyn Ends>,
    native: Arc<NativeHost>,
    /// The order in which it does things, if that is written down or given.
    pub(crate) script: Option<Arc<Script>>,
    /// Results of ticks.
    pub(crate) cache: Arc<dyn ResultCache>,
    /// When it began, in milliseconds since 1970.
    pub(crate) began_ms: u64,
    /// Its clock, if it is a virtual one.
    pub(crate) time: Option<Arc<VirtualTime>>,
    live: AtomicUsize,
    outside_open: AtomicBool,
    pub(crate) rings_ended: AtomicBool,
    cancelled: AtomicBool,
    cancel: watch::Sender<bool>,
    /// Until when who stopped it waits for ticks that others are to end.
    patience: Mutex<Option<Instant>>,
    pub(crate) failed: AtomicBool,
    /// Names of the outports of the network.
    pub(crate) outports: Vec<String>,
    /// Questions that have not ended.
    pub(crate) questions: Mutex<FxHashMap<u64, Weak<Asked>>>,
    /// What its failures may keep of the packets that led to them.
    kept: Arc<Budget>,
    end: Mutex<End>,
}

#[derive(Debug, Default)]
struct End {
    completed: bool,
    completed_at: Option<Instant>,
    /// Nothing is busy, and who waits for room waits for packets that only the outside can bring.
    starved: bool,
    waiting: Vec<Waker>,
    failures: Vec<(FailedAttempt, Option<Charge>)>,
    failures_dropped: u64,
    reason: Option<String>,
}

impl std::fmt::Debug for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Run({})", self.id)
    }
}

impl std::fmt::Debug for NativeHost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NativeHost")
    }
}

/// The parts that a run is made of.
pub(crate) struct RunParts {
    pub(crate) number: u64,
    pub(crate) nodes: Vec<Node>,
    /// Outports of sources whose packets meet at one join, in groups.
    pub(crate) meeting: FxHashMap<u32, Vec<Vec<u16>>>,
    pub(crate) activity: Arc<Activity>,
    pub(crate) events: Arc<EventBus>,
    pub(crate) capacity: usize,
    pub(crate) boundaries: Arc<Boundaries>,
    pub(crate) outports: Vec<String>,
    pub(crate) virtual_time: bool,
    pub(crate) cache: Arc<dyn ResultCache>,
    pub(crate) script: Option<Arc<Script>>,
    pub(crate) journal: Option<Arc<dyn Journal>>,
}

impl Run {
    pub(crate) fn new(parts: RunParts) -> Arc<Self> {
        let RunParts {
            number,
            mut nodes,
            mut meeting,
            activity,
            events,
            capacity,
            boundaries,
            outports,
            journal,
            virtual_time,
            cache,
            script,
        } = parts;
        let index = nodes.iter().zip(0..).map(|(node, index)| (Arc::clone(&node.id), index)).collect();
        let native = if virtual_time { NativeHost::paused() } else { NativeHost::shared() };
        let time = virtual_time.then(|| VirtualTime::new(&native, number));
        let kept = Arc::new(Budget::default());
        kept.set_limit(events.budget().limit());
        Arc::new_cyclic(|run: &Weak<Self>| {
            let ends: Weak<dyn Ends> = Weak::clone(run) as _;
            for (place, node) in (0_u32..).zip(&mut nodes) {
                if node.routes.iter().flatten().any(|route| route.carries) {
                    let (outports, ends) = (node.outports.len(), Weak::clone(&ends));
                    let is_source = node.is_source;
                    let meeting = meeting.remove(&place).unwrap_or_default();
                    node.mint = Some(Box::new(if is_source {
                        Mint::new(place, outports, meeting, ends)
                    } else {
                        Mint::of_summaries(outports, ends)
                    }));
                }
                if node.scatter.is_some() {
                    node.ends = Some(Weak::clone(&ends));
                }
            }
            let carries = nodes.iter().any(|node| node.carries);
            let outside_mint = carries.then(|| Mint::new(nodes.len() as u32, 1, Vec::new(), Weak::clone(&ends)));
            let id = journal
                .as_ref()
                .map_or_else(|| format!("run-{}-{number}", std::process::id()), |journal| journal.run_id().to_owned());
            let gated = (0_u32..).zip(&nodes).filter(|(_, node)| node.gate.is_some()).map(|(place, _)| place).collect();
            let journal = journal.map(|journal| JournalOfRun {
                journal,
                streams: AtomicU32::new(0),
                doors: Mutex::default(),
                lacks_inputs: AtomicBool::new(false),
                from_outside: AtomicU64::new(0),
                signals: AtomicU64::new(0),
            });
            let joining = (0_u32..).zip(&nodes).filter(|(_, node)| node.join != 0).map(|(place, _)| place).collect();
            Self {
                number,
                joining,
                outside_mint,
                kept,
                vars: Vars::default(),
                gated,
                journal,
                known_origins: Mutex::default(),
                known_groups: Mutex::default(),
                gathered: Mutex::default(),
                ends,
                id,
                started: Instant::now(),
                live: AtomicUsize::new(nodes.len()),
                nodes,
                index,
                activity,
                events,
                taps: RwLock::default(),
                next_tap: AtomicU32::new(0),
                rings_ended: AtomicBool::new(false),
                capacity,
                boundaries,
                native,
                script,
                cache,
                began_ms: SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as u64,
                time,
                outside_open: AtomicBool::new(true),
                cancelled: AtomicBool::new(false),
                cancel: watch::Sender::new(false),
                patience: Mutex::default(),
                failed: AtomicBool::new(false),
                outports,
                questions: Mutex::default(),
                end: Mutex::default(),
            }
        })
    }

    /// From the start to now, or to the end.
    pub(crate) fn elapsed(&self) -> Duration {
        self.end.lock().completed_at.map_or_else(|| self.started.elapsed(), |end| end - self.started)
    }

    pub(crate) fn native(&self) -> &Arc<NativeHost> {
        &self.native
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Acquire)
    }

    pub(crate) fn cancel_signal(&self) -> watch::Receiver<bool> {
        self.cancel.subscribe()
    }

    /// Whether packets from outside may still reach `node`.
    pub(crate) fn outside_may_send(&self, node: &Node) -> bool {
        self.outside_open.load(Ordering::Acquire) && node.outside.load(Ordering::Acquire)
    }

    /// Whether finished attempts that somebody still holds keep their node alive.
    pub(crate) fn keeps_retained(&self) -> bool {
        self.outside_open.load(Ordering::Acquire)
    }

    pub(crate) fn node(&self, id: &str) -> Result<u32, NetworkError> {
        self.index.get(id).copied().ok_or_else(|| NetworkError::UnknownNode {
            what: "the call".into(),
            node: id.into(),
            suggestion: suggestion(id, self.nodes.iter().map(|node| &*node.id)),
        })
    }

    // ---- from outside -------------------------------------------------------------------------------------------------

    pub(crate) fn handle(self: &Arc<Self>, index: u32) -> NodeHandle {
        NodeHandle::new(Arc::clone(self), index)
    }
}
