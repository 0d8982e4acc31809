//! What a node's ticks run on: one actor, or as many async ones as ticks may be open at once.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use futures_util::FutureExt;

use crate::actor::{Actor, AsyncActor, Instance};
use crate::failure::Failure;
use crate::host::HostedActor;

/// Makes another actor for the node.
pub(crate) type Spare = Box<dyn Fn() -> Option<Instance> + Send>;

/// The actors of a node.
pub(super) enum Body {
    /// Computes and never waits.
    Sync(Box<dyn Actor>),
    /// Those that no tick runs on right now, all alike, and where more of them come from.
    Async(Vec<Box<dyn AsyncActor>>, Spare),
    /// Belongs to a foreign host; those that it replaced are still inside a call that was given up. And where more of them
    /// come from.
    Hosted(Box<dyn HostedActor>, Vec<Box<dyn HostedActor>>, Spare),
}

impl Body {
    pub(super) fn new(instance: Instance, spare: Spare) -> Self {
        match instance {
            Instance::Sync(actor) => Self::Sync(actor),
            Instance::Async(actor) => Self::Async(vec![actor], spare),
            Instance::Hosted(actor) => Self::Hosted(actor, Vec::new(), spare),
        }
    }

    /// Makes as many async actors as ticks may be open at once.
    pub(super) fn fill(&mut self, limit: usize) -> Result<(), Failure> {
        let Self::Async(actors, spare) = self else { return Ok(()) };
        while actors.len() < limit {
            let Some(Instance::Async(actor)) = spare() else {
                return Err("the component makes no further actors".into());
            };
            actors.push(actor);
        }
        Ok(())
    }

    pub(super) fn has_finalize(&self) -> bool {
        match self {
            Self::Sync(actor) => actor.has_finalize(),
            Self::Async(actors, _) => actors.iter().any(|actor| actor.has_finalize()),
            Self::Hosted(actor, ..) => actor.has_finalize(),
        }
    }

    /// Whether others are to have a turn before the next tick.
    pub(super) fn gives_way(&self) -> bool {
        matches!(self, Self::Hosted(actor, ..) if actor.gives_way())
    }

    /// Whether something outside still holds on to a finished attempt and may send through it.
    pub(super) fn is_retained(&self) -> bool {
        matches!(self, Self::Hosted(actor, ..) if actor.is_retained())
    }

    /// What the teardowns panicked with.
    pub(super) async fn teardown(&mut self) -> Vec<Box<dyn Any + Send>> {
        let mut panicked = Vec::new();
        match self {
            Self::Sync(actor) => panicked.extend(catch_unwind(AssertUnwindSafe(|| actor.teardown())).err()),
            Self::Async(actors, _) => {
                for actor in actors {
                    panicked.extend(AssertUnwindSafe(actor.teardown()).catch_unwind().await.err());
                }
            }
            Self::Hosted(actor, replaced, _) => {
                for actor in std::iter::once(actor).chain(replaced) {
                    panicked.extend(catch_unwind(AssertUnwindSafe(|| actor.teardown())).err());
                }
            }
        }
        panicked
    }
}
