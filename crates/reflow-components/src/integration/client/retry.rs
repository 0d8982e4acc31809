//! When a request that went wrong is made again.

use std::time::Duration;

use jiff::{Timestamp, fmt::rfc2822};
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use tokio::time::Instant;

/// How long the first retry waits; each further one waits twice as long, up to the longest.
const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// The attempts that a request still has.
pub(super) struct Attempts {
    retries: u32,
    wait: Duration,
    start: Instant,
    /// How long all attempts may take together.
    timeout: Duration,
}

impl Attempts {
    /// Begins the first attempt.
    pub(super) fn start(retries: u32, timeout: Duration) -> Self {
        Self { retries, wait: FIRST_WAIT, start: Instant::now(), timeout }
    }

    /// Whether there is another one after this.
    pub(super) fn is_last(&self) -> bool {
        self.retries == 0
    }

    /// Waits until it is time for the next attempt, at least as long as the server asked for. Tells at once when there is none,
    /// or no time for it: an answer that says so is worth more then than a time-out.
    pub(super) async fn next(&mut self, asked: Option<Duration>) -> bool {
        let wait = self.wait.max(asked.unwrap_or_default());
        if self.is_last() || self.start.elapsed().saturating_add(wait) >= self.timeout {
            return false;
        }
        self.retries -= 1;
        self.wait = (self.wait * 2).min(LONGEST_WAIT);
        tokio::time::sleep(wait).await;
        true
    }
}

/// Whether the next answer may well be another one: there are too many requests now, or the server has troubles.
pub(super) fn is_passing(status: StatusCode) -> bool {
    status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error()
}

/// The wait that a server asks for: a number of seconds, or the time until a date.
pub(super) fn asked_wait(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    match text.parse() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => {
            let until = rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
            Duration::try_from(until.duration_since(now)).ok()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn waits(retries: u32, timeout: u64, asked: Option<Duration>) -> Vec<u64> {
        let mut attempts = Attempts::start(retries, Duration::from_millis(timeout));
        let mut times = Vec::new();
        while attempts.next(asked).await {
            times.push(attempts.start.elapsed().as_millis() as u64);
        }
        times
    }

    #[tokio::test(start_paused = true)]
    async fn waits_double_until_the_time_is_up() {
        assert_eq!(waits(0, 30_000, None).await, [0; 0]);
        assert_eq!(waits(3, 30_000, None).await, [100, 300, 700]);
        assert_eq!(waits(9, 700, None).await, [100, 300]);
        assert_eq!(waits(9, u64::MAX, None).await[7..], [22_700, 32_700]);
    }

    #[tokio::test(start_paused = true)]
    async fn the_server_may_ask_for_more() {
        let asked = Some(Duration::from_secs(2));
        assert_eq!(waits(3, 5_000, asked).await, [2_000, 4_000]);
        assert_eq!(waits(2, 5_000, Some(Duration::ZERO)).await, [100, 300]);
        assert_eq!(waits(2, 5_000, Some(Duration::MAX)).await, [0; 0]);
    }

    #[test]
    fn seconds_or_a_date() {
        let now: Timestamp = "2015-10-21T07:27:50Z".parse().unwrap();
        for (text, seconds) in [
            ("3", Some(3)),
            ("Wed, 21 Oct 2015 07:28:00 GMT", Some(10)),
            ("Wed, 21 Oct 2015 07:27:00 GMT", None),
            ("soon", None),
            ("-1", None),
        ] {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, text.parse().unwrap())]);
            assert_eq!(asked_wait(&headers, now), seconds.map(Duration::from_secs), "{text}");
        }
    }
}
