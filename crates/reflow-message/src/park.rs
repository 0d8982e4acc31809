//! Waiting for a future's readiness on a plain thread.

use std::sync::Arc;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use crossbeam::sync::{Parker, Unparker};

/// How long a thread looks whether it was woken before it sleeps: about what waking it would take.
const SPIN: Duration = Duration::from_micros(30);

/// Whether whoever wakes a thread can run while that looks.
static SPINS: LazyLock<bool> =
    LazyLock::new(|| std::thread::available_parallelism().is_ok_and(|cores| cores.get() > 1));

struct ThreadWaker {
    woken: AtomicBool,
    unparker: Unparker,
}

impl Wake for ThreadWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.woken.store(true, Ordering::Release);
        self.unparker.unpark();
    }
}

/// Calls `poll` on this thread until it is ready or the deadline has passed (`None`); sleeps in between.
pub fn block_until<T>(deadline: Option<Instant>, mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>) -> Option<T> {
    let parker = Parker::new();
    let thread = Arc::new(ThreadWaker { woken: AtomicBool::new(false), unparker: parker.unparker().clone() });
    let waker = Waker::from(Arc::clone(&thread));
    let mut context = Context::from_waker(&waker);
    loop {
        thread.woken.store(false, Ordering::Release);
        if let Poll::Ready(value) = poll(&mut context) {
            return Some(value);
        }
        let until = Instant::now() + SPIN;
        while *SPINS && !thread.woken.load(Ordering::Acquire) && Instant::now() < until {
            std::hint::spin_loop();
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

    #[test]
    fn gives_up_at_the_deadline_and_returns_what_is_ready() {
        assert_eq!(block_until(Some(Instant::now() + Duration::from_millis(1)), |_| Poll::<()>::Pending), None);
        assert_eq!(block_until(None, |_| Poll::Ready(5)), Some(5));
    }
}
