//! `Clock`: where components take the time from, so that tests can turn it; time zones and the text of a time.

use std::time::Duration;

use jiff::fmt::strtime;
use jiff::tz::{Offset, TimeZone};
use jiff::{Timestamp, Unit, ZonedDateTime};

/// A clock on the wall.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum Clock {
    /// The system's.
    #[default]
    System,
    /// One that showed a time at an instant and goes with the timers of the runtime, paused or not.
    #[cfg(test)]
    Since(Timestamp, tokio::time::Instant),
}

impl Clock {
    /// A clock that shows `time` now.
    #[cfg(test)]
    pub(crate) fn at(time: &str) -> Self {
        Self::Since(time.parse().expect("an RFC 3339 time"), tokio::time::Instant::now())
    }

    pub(crate) fn now(self) -> Timestamp {
        match self {
            Self::System => {
                // The timers of a run with a virtual clock are ahead of the world.
                let ahead = tokio::time::Instant::now().into_std().saturating_duration_since(std::time::Instant::now());
                Timestamp::now().checked_add(ahead).unwrap_or_else(|_| Timestamp::now())
            }
            #[cfg(test)]
            Self::Since(time, instant) => time.checked_add(instant.elapsed()).expect("a time of our days"),
        }
    }

    /// Sleeps until the clock shows `time`, also when it is set or the machine sleeps meanwhile. Cancel safe.
    pub(crate) async fn sleep_until(self, time: Timestamp) {
        // Looking again every so often finds out about a clock that was set.
        const LOOK: Duration = Duration::from_secs(30);
        while let Ok(left) = Duration::try_from(time.duration_since(self.now())) {
            if left.is_zero() {
                return;
            }
            tokio::time::sleep(left.min(LOOK)).await;
        }
    }
}

/// The time zone of a name such as `Europe/Paris`.
///
/// # Errors
/// `Unknown time zone: NAME`.
pub(crate) fn time_zone(name: &str) -> Result<TimeZone, String> {
    TimeZone::get(name)
        .map_err(|_| format!("Unknown time zone: {}", crate::config::brief(&name.into()).trim_matches('"')))
}

/// RFC 3339 with as many groups of three digits of the fraction as are needed. That format has no seconds in offsets: a time of the years
/// in which clocks had some is given with the nearest offset that it has.
pub(crate) fn rfc3339(moment: &ZonedDateTime) -> String {
    let minutes = moment.offset().round(Unit::Minute).unwrap_or(Offset::UTC);
    let moment = &moment.with_time_zone(TimeZone::fixed(minutes));
    let pattern = format!("%Y-%m-%dT%H:%M:%S{}%:z", fraction(moment));
    strtime::format(&pattern, moment).unwrap_or_default()
}

/// How the fraction of the second is written in as many groups of three digits as it needs.
pub(crate) fn fraction(time: &ZonedDateTime) -> &'static str {
    match time.subsec_nanosecond() {
        0 => "",
        nanoseconds if nanoseconds % 1_000_000 == 0 => "%.3f",
        nanoseconds if nanoseconds % 1_000 == 0 => "%.6f",
        _ => "%.9f",
    }
}
