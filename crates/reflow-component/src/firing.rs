//! When a component fires, as it declares it.

use std::borrow::Cow;

/// When a node runs a tick.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Firing {
    /// For every packet.
    #[default]
    Any,
    /// When every declared inport has a packet: one of each, paired in order of arrival. The inports named here keep
    /// their newest packet instead and offer it to every tick.
    All {
        /// Inports that offer their newest packet, once there has been one.
        latest: Vec<Cow<'static, str>>,
        /// Inports that offer their newest packet too, but that no tick waits for.
        optional: Vec<Cow<'static, str>>,
    },
    /// When every declared inport has a packet; while waiting, newer packets replace older ones (objects are merged).
    Latest,
    /// When each of these inports has had a packet from every connection; the other inports keep their last packet and
    /// offer it to every tick.
    Required(Vec<Cow<'static, str>>),
}

impl Firing {
    /// Pairs all declared inports in order.
    pub fn all() -> Self {
        Self::All { latest: Vec::new(), optional: Vec::new() }
    }
}

/// Whether a node that nothing feeds runs without inputs: again and again while there is room, until it calls `finish`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Source {
    /// It waits for packets from outside.
    #[default]
    No,
    /// It does in a run to the end, where nothing else could come from it; otherwise it waits.
    ToTheEnd,
    /// It does.
    Yes,
}

#[cfg(feature = "runtime")]
impl From<Firing> for reflow_runtime::Firing {
    fn from(firing: Firing) -> Self {
        match firing {
            Firing::Any => Self::Any,
            Firing::All { latest, optional } => Self::All { latest, optional },
            Firing::Latest => Self::Latest,
            Firing::Required(ports) => Self::Required(ports),
        }
    }
}

#[cfg(feature = "runtime")]
impl From<Source> for reflow_runtime::Source {
    fn from(source: Source) -> Self {
        match source {
            Source::No => Self::No,
            Source::ToTheEnd => Self::ToTheEnd,
            Source::Yes => Self::Yes,
        }
    }
}
