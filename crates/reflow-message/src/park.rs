//! Waiting for a future's readiness on a plain thread.

use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Instant;

use crossbeam::sync::{Parker, Unparker};

struct ThreadWaker(Unparker);

impl Wake for ThreadWaker {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.unpark();
    }
}

/// Calls `poll` on this thread until it is ready or the deadline has passed (`None`); sleeps in between.
pub fn block_until<T>(deadline: Option<Instant>, mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>) -> Option<T> {
    let parker = Parker::new();
    let waker = Waker::from(Arc::new(ThreadWaker(parker.unparker().clone())));
    let mut context = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(value) = poll(&mut context) {
            return Some(value);
        }
        match deadline {
            None => parker.park(),
            Some(deadline) if Instant::now() >= deadline => return None,
            Some(deadline) => parker.park_deadline(deadline),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn gives_up_at_the_deadline_and_returns_what_is_ready() {
        assert_eq!(block_until(Some(Instant::now() + Duration::from_millis(1)), |_| Poll::<()>::Pending), None);
        assert_eq!(block_until(None, |_| Poll::Ready(5)), Some(5));
    }
}
