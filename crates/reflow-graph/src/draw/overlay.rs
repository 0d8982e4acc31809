//! What a drawing shows of a network that runs or has run.

use std::fmt::Write;

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use crate::{ConnectionId, Name};

/// States, rates and fill of a network, laid over the drawing of its graph.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Overlay {
    /// By node. Nodes that are missing are drawn as if there was no overlay.
    pub nodes: FxHashMap<Name, NodeOverlay>,
    /// How full the queue of each connection is, from 0 to 1.
    pub connections: FxHashMap<ConnectionId, f64>,
}

/// What is known about a node.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct NodeOverlay {
    /// What it is doing.
    pub state: NodeState,
    /// Ticks per second.
    pub rate: Option<f64>,
    /// How full its fullest queue is, from 0 to 1.
    pub queue: Option<f64>,
    /// Failed ticks.
    pub failures: u64,
    /// Ticks whose result was known.
    pub cached: u64,
}

/// What a node is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NodeState {
    /// Nothing: it waits for packets.
    #[default]
    Idle,
    /// It runs a tick.
    Running,
    /// It waits for room at a target.
    Waiting,
    /// It finished.
    Finished,
    /// It failed.
    Failed,
    /// It never ran, because others failed.
    Skipped,
    /// It was stopped.
    Cancelled,
}

impl NodeState {
    /// The state as one word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Finished => "finished",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::Cancelled => "cancelled",
        }
    }
}

impl NodeOverlay {
    /// Whether the node has failed, or goes on although ticks of it have. What was stopped or never ran is no failure.
    pub fn is_failing(&self) -> bool {
        match self.state {
            NodeState::Failed => true,
            NodeState::Cancelled | NodeState::Skipped => false,
            _ => self.failures > 0,
        }
    }

    /// `running · 1.2k/s · 3 failed`.
    pub(crate) fn status(&self) -> String {
        let mut text = self.state.as_str().to_owned();
        if let Some(rate) = self.rate.filter(|rate| rate.is_finite()) {
            text.push_str(" · ");
            text.push_str(&rate_text(rate));
        }
        if self.failures > 0 && self.state != NodeState::Failed {
            let _ = write!(text, " · {} failed", count_text(self.failures as f64));
        } else if self.failures > 1 {
            let _ = write!(text, " {}×", count_text(self.failures as f64));
        }
        if self.cached > 0 {
            let _ = write!(text, " · {} cached", count_text(self.cached as f64));
        }
        text
    }
}

/// `0.2/s`, `35/s`, `1.2k/s`.
fn rate_text(rate: f64) -> String {
    if rate > 0.0 && rate < 10.0 { format!("{rate:.1}/s") } else { format!("{}/s", count_text(rate)) }
}

fn count_text(count: f64) -> String {
    match count {
        _ if count >= 999_500.0 => format!("{:.1}M", count / 1e6),
        _ if count >= 9_950.0 => format!("{:.0}k", count / 1e3),
        _ if count >= 1_000.0 => format!("{:.1}k", count / 1e3),
        _ => format!("{count:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_line_is_short() {
        let node = |state, rate, failures| NodeOverlay { state, rate, queue: None, failures, cached: 0 }.status();
        assert_eq!(node(NodeState::Running, Some(1234.0), 0), "running · 1.2k/s");
        assert_eq!(node(NodeState::Idle, Some(0.25), 3), "idle · 0.2/s · 3 failed");
        assert_eq!(node(NodeState::Failed, None, 12_000), "failed 12k×");
        assert_eq!(node(NodeState::Finished, Some(f64::NAN), 0), "finished");
        assert_eq!(count_text(2_500_000.0), "2.5M");
    }
}
