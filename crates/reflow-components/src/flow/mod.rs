//! The family `flow`: routing, collecting, pausing and stepping through states.

mod collect;
mod delay;
mod filter;
mod fsm;
mod gate;
mod hit_test;
mod if_branch;
mod loop_items;
mod map;
mod merge;
mod passthrough;
mod reduce;
mod signal;
mod split;
mod subscriber;
mod switch;

use crate::Entry;

/// What is said of input that should be a list.
const NOT_A_LIST: &str = "Expected Array on input port";

pub(crate) fn components() -> Vec<Entry> {
    vec![
        Entry::of::<collect::Collect>(),
        Entry::of::<delay::Delay>(),
        Entry::of::<filter::Filter>(),
        Entry::of::<fsm::Fsm>(),
        Entry::of::<gate::Gate>(),
        Entry::of::<hit_test::HitTest>(),
        Entry::of::<if_branch::IfBranch>(),
        Entry::of::<loop_items::Loop>(),
        Entry::of::<map::Map>(),
        Entry::of::<merge::Merge>(),
        Entry::of::<passthrough::Passthrough>(),
        Entry::of::<reduce::Reduce>(),
        Entry::of::<signal::Signal>(),
        Entry::of::<split::Split>(),
        Entry::of::<subscriber::Subscriber>(),
        Entry::of::<switch::Switch>(),
    ]
}
