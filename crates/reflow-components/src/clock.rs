//! `Clock`: where components take the time from, so that tests can turn it.

use std::time::{Duration, SystemTime};

use chrono::{DateTime, Utc};

/// A clock on the wall.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum Clock {
    /// The system's.
    #[default]
    System,
    /// One that showed a time at an instant and goes with the timers of the runtime, paused or not.
    #[cfg(test)]
    Since(DateTime<Utc>, tokio::time::Instant),
}

impl Clock {
    /// A clock that shows `time` now.
    #[cfg(test)]
    pub(crate) fn at(time: &str) -> Self {
        Self::Since(time.parse().expect("an RFC 3339 time"), tokio::time::Instant::now())
    }

    pub(crate) fn now(self) -> DateTime<Utc> {
        match self {
            Self::System => SystemTime::now().into(),
            #[cfg(test)]
            Self::Since(time, instant) => time + instant.elapsed(),
        }
    }

    /// Sleeps until the clock shows `time`, also when it is set or the machine sleeps meanwhile. Cancel safe.
    pub(crate) async fn sleep_until(self, time: DateTime<Utc>) {
        // Looking again every so often finds out about a clock that was set.
        const LOOK: Duration = Duration::from_secs(30);
        while let Ok(left) = (time - self.now()).to_std() {
            if left.is_zero() {
                return;
            }
            tokio::time::sleep(left.min(LOOK)).await;
        }
    }
}
