//! `tpl_interval_trigger`.

use std::time::Duration;

use reflow_runtime::{Background, NodeHandle};
use tokio::time::{Instant, sleep_until};

use super::payload::payload;
use crate::clock::Clock;
use crate::prelude::*;

/// Sends packets at a fixed interval once started.
///
/// The first packet on any inport but `stop` starts the timer, and the first after a `stop` starts it anew. Further ones mean
/// nothing while it runs, and after its last packet only with `restart`. Packet *n* (from 1) leaves by `trigger` at the start and
/// then every interval, or without `startImmediately` one interval after the start first. Times are counted from the start, so
/// they do not drift; times that pass while a target has no room are skipped. After `maxExecutions` packets and one interval
/// more, Flow leaves by `done`. A packet on `stop` ends the timer without that. The timer ends with the run.
///
/// In the `payload`, `${timestamp}` becomes the current time (UTC, RFC 3339) and `${executionCount}` becomes *n*; what is valid
/// JSON then leaves as kind Object, anything else as String.
#[derive(Component)]
#[component(id = "tpl_interval_trigger", title = "Interval Trigger", category = "trigger")]
#[inport(start: Any, required, "Whatever comes first starts the timer.")]
#[inport(stop: Any, "Whatever comes stops it.")]
#[outport(trigger: Any, "The payload, at every interval.")]
#[outport(done: Flow, "Tells that all packets were sent.")]
#[example(
    config = r#"{"interval": 1, "maxExecutions": 2, "payload": "beat ${executionCount}"}"#,
    steps = r#"[{"start": {"type": "Flow"}}]"#,
    outputs = r#"[{"trigger": ["beat 1", "beat 2"], "done": [{"type": "Flow"}]}]"#
)]
pub(super) struct IntervalTrigger {
    /// Length of the interval, at least one millisecond.
    #[config(default = 60_000, range = 1_000..=86_400_000, lenient)]
    interval: u64,
    /// The unit of the interval.
    #[config(key = "intervalUnit", default = Unit::Milliseconds, lenient)]
    unit: Unit,
    /// Send the first packet at once.
    #[config(key = "startImmediately", default = true, lenient)]
    start_immediately: bool,
    /// Number of packets; 0 is no limit.
    #[config(key = "maxExecutions", lenient)]
    max_executions: u64,
    /// The text to send, with `${timestamp}` and `${executionCount}`.
    #[config(default = "{\"timestamp\": \"${timestamp}\"}".to_string(), lenient)]
    payload: String,
    /// Start without a packet.
    #[config(lenient)]
    autostart: bool,
    /// Let a packet start the timer again after its last packet.
    #[config(lenient)]
    restart: bool,
    #[state]
    clock: Clock,
    #[state]
    timer: Option<Background>,
}

/// The unit of the interval of [`IntervalTrigger`].
#[derive(Choice, Clone, Copy)]
enum Unit {
    /// A thousandth of a second.
    #[choice("milliseconds", ..)]
    Milliseconds,
    /// A second.
    Seconds,
    /// 60 seconds.
    Minutes,
    /// 60 minutes.
    Hours,
    /// 24 hours.
    Days,
}

/// Milliseconds longer than anything runs, and short enough to be added to: a thousand years.
const LONGEST: u64 = 1_000 * 365 * 86_400_000;

/// What a timer does.
struct Plan {
    interval: Duration,
    immediately: bool,
    max: u64,
}

/// The beats of a timer that was started.
struct Beats {
    plan: Plan,
    start: Instant,
    /// Intervals from the start to the next beat.
    index: u64,
    /// Beats so far.
    count: u64,
}

impl Beats {
    fn start(plan: Plan) -> Self {
        Self { index: u64::from(!plan.immediately), plan, start: Instant::now(), count: 0 }
    }

    /// Waits for the next beat that is still to come and gives its number; `None` one interval after the last.
    async fn next(&mut self) -> Option<u64> {
        if self.count > 0 {
            let passed = (self.start.elapsed().as_secs_f64() / self.plan.interval.as_secs_f64()).ceil() as u64;
            self.index = (self.index + 1).max(passed);
        }
        sleep_until(self.start + self.plan.interval.mul_f64(self.index as f64)).await;
        if self.plan.max > 0 && self.count >= self.plan.max {
            return None;
        }
        self.count += 1;
        Some(self.count)
    }
}

impl IntervalTrigger {
    fn plan(&self) -> Plan {
        let unit: u64 = match self.unit {
            Unit::Milliseconds => 1,
            Unit::Seconds => 1_000,
            Unit::Minutes => 60_000,
            Unit::Hours => 3_600_000,
            Unit::Days => 86_400_000,
        };
        let interval = Duration::from_millis(self.interval.saturating_mul(unit).clamp(1, LONGEST));
        Plan { interval, immediately: self.start_immediately, max: self.max_executions }
    }

    fn start(&mut self, tick: &Tick<'_>) {
        let (plan, payload_text, clock) = (self.plan(), self.payload.clone(), self.clock);
        self.timer = Some(tick.spawn(move |node: NodeHandle| async move {
            let mut beats = Beats::start(plan);
            while let Some(count) = beats.next().await {
                let message = payload(&payload_text, clock.now(), count, "");
                if node.send(Self::OUT_TRIGGER, message).await.is_err() {
                    return;
                }
            }
            // An error means that the run is over, and nobody waits for it.
            let _ = node.send(Self::OUT_DONE, Message::Flow).await;
        }));
    }
}

impl Actor for IntervalTrigger {
    fn setup(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        if self.autostart {
            self.start(tick);
        }
        Ok(())
    }

    fn has_setup(&self) -> bool {
        self.autostart
    }

    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        if tick.input(Self::IN_STOP).is_some() {
            if let Some(timer) = self.timer.take() {
                timer.cancel();
            }
            return Ok(());
        }
        let may_start = match &self.timer {
            None => true,
            Some(timer) => self.restart && timer.is_finished(),
        };
        if may_start {
            self.start(tick);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::run;
    use serde_json::json;

    async fn beats(plan: Plan, work: Duration) -> Vec<u64> {
        let mut beats = Beats::start(plan);
        let mut times = Vec::new();
        while beats.next().await.is_some() {
            times.push(beats.start.elapsed().as_millis() as u64);
            tokio::time::sleep(work).await;
        }
        times.push(beats.start.elapsed().as_millis() as u64);
        times
    }

    fn plan(milliseconds: u64, immediately: bool) -> Plan {
        Plan { interval: Duration::from_millis(milliseconds), immediately, max: 3 }
    }

    #[tokio::test(start_paused = true)]
    async fn beats_are_counted_from_the_start() {
        assert_eq!(beats(plan(100, true), Duration::ZERO).await, [0, 100, 200, 300]);
        assert_eq!(beats(plan(100, false), Duration::from_millis(30)).await, [100, 200, 300, 400]);
    }

    #[tokio::test(start_paused = true)]
    async fn missed_beats_are_skipped() {
        let times = beats(plan(100, true), Duration::from_millis(250)).await;
        assert_eq!(times, [0, 300, 600, 900]);
    }

    #[test]
    fn restart_starts_again_after_the_end() {
        let config = |restart: bool| json!({"interval": 1, "maxExecutions": 1, "payload": "x", "restart": restart});
        let starts = || [json!({"start": 1}), json!({"start": 1})];
        let both = json!({"trigger": ["x"], "done": [{"type": "Flow"}]});
        assert_eq!(run::<IntervalTrigger>(config(true), starts()), [both.clone(), both.clone()]);
        assert_eq!(run::<IntervalTrigger>(config(false), starts()), [both, json!({})]);
    }

    #[test]
    fn stop_ends_the_timer() {
        let config = json!({"interval": 1, "intervalUnit": "days", "payload": "x"});
        // The step ends, which it would not do while a timer goes on.
        let outputs = run::<IntervalTrigger>(config, [json!({"start": 1, "stop": 1})]);
        assert_eq!(outputs[0].get("done"), None);
    }

    #[test]
    fn a_stopped_timer_starts_anew() {
        let config = json!({"interval": 1, "intervalUnit": "days", "payload": "x"});
        let component = std::sync::Arc::new(crate::Entry::of::<IntervalTrigger>());
        let mut trial = crate::testing::Trial::new(component, config.into(), &["start", "stop"], &[]).unwrap();
        let deadline = std::time::Instant::now() + Duration::from_secs(10);
        for _ in 0..3 {
            trial.send([("start".to_string(), Message::Flow)]);
            while trial.take().is_empty() {
                assert!(std::time::Instant::now() < deadline, "it does not start");
                std::thread::sleep(Duration::from_millis(1));
            }
            // The step ends, which it would not do while the timer goes on.
            trial.step([("stop".to_string(), Message::Flow)]);
        }
    }

    #[test]
    fn autostart_and_odd_intervals() {
        let config = json!({"interval": 0, "maxExecutions": 2.0, "autostart": true, "payload": "x"});
        let outputs = run::<IntervalTrigger>(config, [json!({"start": 1})]);
        assert_eq!(outputs[0], json!({"trigger": ["x", "x"], "done": [{"type": "Flow"}]}));
    }
}
