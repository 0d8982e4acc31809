//! How many requests a service gets in a time: a bucket of tokens for each service and credential.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use reflow_pack_sdk::SharedMap;

/// Buckets by service and credential; a limit that is said differently is another one.
pub(crate) static BUCKETS: SharedMap<String, Bucket> = SharedMap::new();

/// Fills up with time, and is emptied by requests.
pub(crate) struct Bucket {
    capacity: f64,
    per_second: f64,
    state: Mutex<(f64, Instant)>,
}

impl Bucket {
    pub(crate) fn new(requests: f64, time: Duration) -> Self {
        let capacity = requests.max(1.0);
        let per_second = requests / time.as_secs_f64().max(1e-3);
        Self { capacity, per_second, state: Mutex::new((capacity, Instant::now())) }
    }

    /// Takes a token, which may be one of the future: how long until it is there.
    fn take(&self, now: Instant) -> Duration {
        let Ok(mut state) = self.state.lock() else { return Duration::ZERO };
        let (tokens, since) = *state;
        let filled = (tokens + now.saturating_duration_since(since).as_secs_f64() * self.per_second).min(self.capacity);
        let left = filled - 1.0;
        *state = (left, now);
        if left >= 0.0 { Duration::ZERO } else { Duration::from_secs_f64((-left / self.per_second).min(1e7)) }
    }

    /// Gives a token back that was not used.
    fn give_back(&self) {
        if let Ok(mut state) = self.state.lock() {
            state.0 = (state.0 + 1.0).min(self.capacity);
        }
    }

    /// Waits for a token. Who gives up waiting gives it back.
    pub(crate) async fn wait(&self) {
        let wait = self.take(Instant::now());
        if wait.is_zero() {
            return;
        }
        let mut unused = Unused { bucket: self, is_unused: true };
        tokio::time::sleep(wait).await;
        unused.is_unused = false;
    }
}

struct Unused<'a> {
    bucket: &'a Bucket,
    is_unused: bool,
}

impl Drop for Unused<'_> {
    fn drop(&mut self) {
        if self.is_unused {
            self.bucket.give_back();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_come_with_time() {
        let bucket = Bucket::new(2.0, Duration::from_secs(1));
        let now = Instant::now();
        let waits: Vec<_> = (0..4).map(|_| bucket.take(now).as_millis()).collect();
        assert_eq!(waits, [0, 0, 500, 1000]);
        bucket.give_back();
        assert_eq!(bucket.take(now).as_millis(), 1000);
        assert!(bucket.take(now + Duration::from_secs(3)).is_zero());
    }
}
