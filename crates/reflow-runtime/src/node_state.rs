//! Where a node is in its life.

/// Where a node is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum NodeState {
    /// It waits for packets, for room or for its turn.
    Waiting,
    /// It runs ticks.
    Running,
    /// It waits before another attempt.
    BackingOff,
    /// It came to its end.
    Finished,
    /// It could not start, or its end came by a failure.
    Failed,
    /// It ended without a tick, because nothing reached it.
    Skipped,
    /// The run was stopped before it came to its end.
    Cancelled,
}

impl NodeState {
    pub(crate) const ALL: [Self; 7] =
        [Self::Waiting, Self::Running, Self::BackingOff, Self::Finished, Self::Failed, Self::Skipped, Self::Cancelled];

    /// The word for it in events and statistics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::BackingOff => "backing_off",
            Self::Finished => "finished",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::Cancelled => "cancelled",
        }
    }

    /// The state of this name.
    pub(crate) fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// Whether the node has ended.
    pub fn is_ended(self) -> bool {
        matches!(self, Self::Finished | Self::Failed | Self::Skipped | Self::Cancelled)
    }
}
