//! `tpl_cron_trigger`.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use reflow_runtime::{Background, NodeHandle};

use super::cron::Schedule;
use super::payload::payload;
use crate::clock::{Clock, time_zone};
use crate::prelude::*;

/// Sends packets on a schedule.
///
/// The first packet on any inport but `stop` starts it; further ones mean nothing while it runs. At each due time the payload
/// leaves by `trigger`, never at the start itself; after `maxExecutions` packets Flow leaves by `done`. A packet on `stop` ends it.
///
/// A schedule has five fields: minute (0-59), hour (0-23), day of the month (1-31), month (1-12 or JAN-DEC) and weekday (0-7 or
/// SUN-SAT, 0 and 7 being Sunday); a sixth in front is the second. Each is a comma list of `*`, `N` and `A-B` with an optional
/// `/STEP`. Where both the day of the month and the weekday are restricted, either may match. There are also `@hourly`, `@daily`,
/// `@weekly`, `@monthly` and `@yearly`. Times are those of `timezone`. Where its clocks are turned, a schedule whose minute or
/// hour begins with `*` goes on with the clock, whatever it shows; one at fixed times misses none and repeats none: what is due in
/// the hour that is skipped is due once right after it, and in an hour that comes twice the first counts.
///
/// In the `payload`, `${timestamp}` becomes the current time (UTC, RFC 3339), `${schedule}` the text of the schedule and
/// `${executionCount}` the number of the packet; what is valid JSON then leaves as kind Object, anything else as String.
///
/// # Errors
///
/// A start sends an Error for a malformed schedule (`Invalid cron expression: …`), one that is never due (`Cron expression is
/// never due: …`) and an unknown time zone (`Unknown time zone: …`).
#[derive(Component)]
#[component(id = "tpl_cron_trigger", title = "Cron Trigger", category = "trigger")]
#[inport(start: Any, required, "Whatever comes first starts the schedule.")]
#[inport(stop: Any, "Whatever comes stops it.")]
#[outport(trigger: Any, "The payload, at every due time.")]
#[outport(done: Flow, "Tells that all packets were sent.")]
#[outport(error: ErrorText, "Why it cannot start.")]
#[example(
    config = r#"{"cronExpression": "every monday"}"#,
    steps = r#"[{"start": {"type": "Flow"}}]"#,
    outputs = r#"[{"error": [{"type": "Error", "data": "Invalid cron expression: every monday"}]}]"#
)]
pub(super) struct CronTrigger {
    /// A schedule that is taken instead of `cronExpression`.
    #[config(key = "commonSchedules", default = Preset::Custom, lenient)]
    preset: Preset,
    /// The schedule.
    #[config(key = "cronExpression", default = "0 * * * *".to_string(), lenient)]
    expression: String,
    /// Number of packets; 0 is no limit.
    #[config(key = "maxExecutions", lenient)]
    max_executions: u64,
    /// The text to send, with `${timestamp}`, `${schedule}` and `${executionCount}`.
    #[config(default = "{\"timestamp\": \"${timestamp}\", \"schedule\": \"${schedule}\"}".to_string(), lenient)]
    payload: String,
    /// The time zone of the schedule, `Europe/Paris` for example.
    #[config(default = "UTC".to_string(), lenient)]
    timezone: String,
    /// Start without a packet.
    #[config(lenient)]
    autostart: bool,
    #[state]
    clock: Clock,
    #[state]
    timer: Option<Background>,
}

/// Schedules with a name.
#[derive(Choice)]
enum Preset {
    /// That of `cronExpression`.
    #[choice("Custom", ..)]
    Custom,
    /// `* * * * *`
    #[choice("Every minute")]
    Minute,
    /// `*/5 * * * *`
    #[choice("Every 5 minutes")]
    FiveMinutes,
    /// `*/15 * * * *`
    #[choice("Every 15 minutes")]
    QuarterHour,
    /// `*/30 * * * *`
    #[choice("Every 30 minutes")]
    HalfHour,
    /// `0 * * * *`
    #[choice("Every hour")]
    Hour,
    /// `0 0 * * *`
    #[choice("Every day at midnight")]
    Midnight,
    /// `0 9 * * 1`
    #[choice("Every Monday at 9 AM")]
    Monday,
    /// `0 0 1 * *`
    #[choice("First day of month")]
    Month,
}

/// The due times of a schedule, as they come.
struct Dates {
    schedule: Schedule,
    clock: Clock,
    zone: TimeZone,
    last: Timestamp,
    /// How many come at most; 0 is no limit.
    max: u64,
    count: u64,
}

impl Dates {
    fn start(schedule: Schedule, zone: TimeZone, clock: Clock, max: u64) -> Self {
        Self { schedule, clock, zone, last: clock.now(), max, count: 0 }
    }

    /// Waits for the next due time and gives its number; `None` after the last.
    async fn next(&mut self) -> Option<u64> {
        if self.max > 0 && self.count >= self.max {
            return None;
        }
        // Times that passed meanwhile are skipped; a clock that was turned back brings none again.
        self.last = self.schedule.next_after(self.last.max(self.clock.now()), &self.zone)?;
        self.clock.sleep_until(self.last).await;
        self.count += 1;
        Some(self.count)
    }
}

impl CronTrigger {
    fn schedule_text(&self) -> &str {
        match self.preset {
            Preset::Custom => &self.expression,
            Preset::Minute => "* * * * *",
            Preset::FiveMinutes => "*/5 * * * *",
            Preset::QuarterHour => "*/15 * * * *",
            Preset::HalfHour => "*/30 * * * *",
            Preset::Hour => "0 * * * *",
            Preset::Midnight => "0 0 * * *",
            Preset::Monday => "0 9 * * 1",
            Preset::Month => "0 0 1 * *",
        }
    }

    fn start(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let text = self.schedule_text().to_string();
        let Some(schedule) = Schedule::parse(&text) else {
            return tick.report(Self::OUT_ERROR, format!("Invalid cron expression: {text}"));
        };
        let zone = match time_zone(&self.timezone) {
            Ok(zone) => zone,
            Err(text) => return tick.report(Self::OUT_ERROR, text),
        };
        if schedule.next_after(self.clock.now(), &zone).is_none() {
            return tick.report(Self::OUT_ERROR, format!("Cron expression is never due: {text}"));
        }
        let (payload_text, clock, max) = (self.payload.clone(), self.clock, self.max_executions);
        self.timer = Some(tick.spawn(move |node: NodeHandle| async move {
            let mut dates = Dates::start(schedule, zone, clock, max);
            while let Some(count) = dates.next().await {
                let message = payload(&payload_text, clock.now(), count, &text);
                if node.send(Self::OUT_TRIGGER, message).await.is_err() {
                    return;
                }
            }
            // An error means that the run is over, and nobody waits for it.
            let _ = node.send(Self::OUT_DONE, Message::Flow).await;
        }));
        Ok(())
    }
}

impl Actor for CronTrigger {
    fn setup(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        if self.autostart { self.start(tick) } else { Ok(()) }
    }

    fn has_setup(&self) -> bool {
        self.autostart
    }

    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        if tick.input(Self::IN_STOP).is_some() {
            self.timer.iter().for_each(Background::cancel);
            return Ok(());
        }
        match &self.timer {
            Some(timer) if !timer.is_finished() => Ok(()),
            _ => self.start(tick),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::run;
    use serde_json::json;

    /// When packets come that take some seconds each to be sent.
    async fn times(expression: &str, from: &str, zone: &str, seconds: u64) -> Vec<String> {
        let clock = Clock::at(from);
        let mut dates = Dates::start(Schedule::parse(expression).unwrap(), time_zone(zone).unwrap(), clock, 3);
        let mut times = Vec::new();
        while dates.next().await.is_some() {
            times.push(clock.now().strftime("%m-%d %H:%M:%S").to_string());
            tokio::time::sleep(std::time::Duration::from_secs(seconds)).await;
        }
        times
    }

    #[tokio::test(start_paused = true)]
    async fn packets_come_when_the_clock_on_the_wall_says_so() {
        assert_eq!(
            times("0 9 * * 1", "2024-01-30T10:17:30Z", "UTC", 0).await,
            ["02-05 09:00:00", "02-12 09:00:00", "02-19 09:00:00"]
        );
        assert_eq!(
            times("0 9 * * *", "2024-03-29T10:00:00Z", "Europe/Paris", 0).await,
            ["03-30 08:00:00", "03-31 07:00:00", "04-01 07:00:00"]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn times_that_pass_meanwhile_are_skipped() {
        assert_eq!(
            times("* * * * *", "2024-01-01T00:00:10Z", "UTC", 150).await,
            ["01-01 00:01:00", "01-01 00:04:00", "01-01 00:07:00"]
        );
    }

    #[test]
    fn due_every_second() {
        let config =
            json!({"cronExpression": "* * * * * *", "maxExecutions": 1, "payload": "${schedule} ${executionCount}"});
        let outputs = run::<CronTrigger>(config, [json!({"start": 1})]);
        assert_eq!(outputs[0], json!({"trigger": ["* * * * * * 1"], "done": [{"type": "Flow"}]}));
    }

    #[test]
    fn what_cannot_start_says_why() {
        let error = |config| run::<CronTrigger>(config, [json!({"start": 1})])[0]["error"][0]["data"].clone();
        assert_eq!(error(json!({"cronExpression": "0 0 30 2 *"})), "Cron expression is never due: 0 0 30 2 *");
        assert_eq!(error(json!({"timezone": "Mars"})), "Unknown time zone: Mars");
    }
}
