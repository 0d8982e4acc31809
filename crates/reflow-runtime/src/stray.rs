//! Packets put on outports that are neither declared nor connected: a slip in a name must not go unseen.

use std::sync::Arc;

use parking_lot::Mutex;

use crate::failure::{LONGEST_WORD, shortened};
use crate::node_handle::NodeHandle;

/// Names that are told of, a node: an actor may make up any number.
const MOST_TOLD: usize = 100;

/// What becomes of such packets at one node.
#[derive(Debug)]
pub(crate) struct Strays {
    /// Whether an outport may have any name, since the component declares none.
    free: bool,
    /// Whether ports that are not declared may be used at all.
    open: bool,
    told: Mutex<Vec<Arc<str>>>,
}

impl Strays {
    pub(crate) fn new(open: bool, declared: usize) -> Self {
        Self { free: open && declared == 0, open, told: Mutex::default() }
    }
}

impl NodeHandle {
    /// Whether the actor may put packets on outports that its component does not declare.
    pub fn has_open_ports(&self) -> bool {
        self.node().strays.open
    }

    /// Notes that packets were put on an outport that is neither declared nor connected, and are lost: they are counted,
    /// and the first time listeners are told. An actor that declares no outports may use any name.
    pub fn lost(&self, port: &str, packets: usize) {
        let node = self.node();
        if node.strays.free {
            return;
        }
        node.counters.stray.add(packets as u64);
        let port = shortened(port.into(), LONGEST_WORD);
        let mut told = node.strays.told.lock();
        if told.len() >= MOST_TOLD || told.contains(&port) {
            return;
        }
        told.push(Arc::clone(&port));
        drop(told);
        let port = reflow_graph::printable_line(&port);
        let meant = self.similar_outport(&port).map(|name| format!("; did you mean `{name}`?")).unwrap_or_default();
        self.log(
            "warning",
            format!("outport `{port}` is neither declared nor connected: what is put there is lost{meant}"),
        );
    }

    /// The outport whose name is most like this one.
    pub fn similar_outport(&self, port: &str) -> Option<String> {
        crate::suggestion(port, self.outports().iter().map(|name| &**name))
    }
}
