//! `tpl_date_time`.

use std::fmt::Write;

use chrono::format::{Item, StrftimeItems};
use chrono::{Datelike, Months, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Timelike, Utc};
use chrono_tz::Tz;

use crate::clock::Clock;
use crate::prelude::*;

/// A moment in some time zone.
type Moment = chrono::DateTime<Tz>;

/// The current time, and work with given times.
///
/// `operation` says which time, or what to do with one. `now`, `parse`, `format` and `add` send `timestamp` (milliseconds since
/// 1970), `formatted` (by `format`) and `output`, an object of both, of `iso` (RFC 3339) and of `year`, `month`, `day`, `hour`,
/// `minute` and `second` as texts with leading zeros. All are in `timezone`. A packet on any inport asks for a time; only `input`
/// is read.
///
/// The format is that of `strftime` in the form of the [`chrono`](https://docs.rs/chrono/latest/chrono/format/strftime/) crate.
///
/// # Errors
///
/// Nothing but an Error leaves for an unknown operation (`Unknown operation: …`), a pattern that is none (`Invalid format: …`), an
/// unknown time zone (`Unknown time zone: …`), an input that is no time (`Not a time: …`), an unknown unit (`Unknown unit: …`), a
/// part of a month or year (`Not a whole number of …`), and a result out of range.
#[derive(Component)]
#[component(id = "tpl_date_time", title = "Date / Time", category = "data", prepare)]
#[inport(trigger: any, "Whatever comes asks for a time.")]
#[inport(input: any, "The time to work with: text, or milliseconds since 1970.")]
#[outport(output: object, "The time and its parts.")]
#[outport(timestamp: integer, "Milliseconds since 1970; seconds for `epoch`.")]
#[outport(formatted: string, "The time by the pattern.")]
#[outport(error: error, "Why there is no time.")]
#[example(
    config = r#"{"operation": "add", "amount": 1, "unit": "months", "format": "%A, %-d %B %Y"}"#,
    steps = r#"[{"input": "2024-01-31T12:00:00Z"}]"#,
    outputs = r#"[{"timestamp": [1709208000000], "formatted": ["Thursday, 29 February 2024"],
        "output": [{"timestamp": 1709208000000, "iso": "2024-02-29T12:00:00+00:00", "formatted": "Thursday, 29 February 2024",
                    "year": "2024", "month": "02", "day": "29", "hour": "12", "minute": "00", "second": "00"}]}]"#
)]
pub(super) struct DateTime {
    /// What to do.
    #[config(default = Operation::Now.into(), lenient)]
    operation: Word<Operation>,
    /// The pattern for `formatted`.
    #[config(default = "%Y-%m-%dT%H:%M:%S%.3fZ".to_string(), lenient)]
    format: String,
    /// The pattern that text on `input` is read by; RFC 3339 when left out.
    #[config(key = "inputFormat", lenient)]
    input_format: Option<String>,
    /// How much `add` adds; may be negative, and a fraction except of months and years.
    #[config(lenient)]
    amount: f64,
    /// What `amount` counts.
    #[config(default = Unit::Milliseconds.into(), lenient)]
    unit: Word<Unit>,
    /// The time that `diff` counts from; now when left out.
    #[config]
    other: Value,
    /// The time zone, `Europe/Paris` for example.
    #[config(default = "UTC".to_string(), lenient)]
    timezone: String,
    #[state]
    clock: Clock,
    #[state(Ok(Tz::UTC))]
    zone: Result<Tz, String>,
}

/// What [`DateTime`] does.
#[derive(Choice, Clone, Copy)]
enum Operation {
    /// The current time.
    Now,
    /// Only `timestamp`, in seconds since 1970.
    Epoch,
    /// The time on `input`. Text is read by `inputFormat`, RFC 3339 when that is left out; a number is milliseconds since 1970.
    Parse,
    /// The same as `parse`.
    Format,
    /// The time on `input`, or now, with `amount` of `unit` added. A month more than January 31st is the last of February.
    Add,
    /// How long after `other`, or after now, the time on `input` is: `timestamp` in milliseconds, `output` an object of the same in
    /// `milliseconds`, `seconds`, `minutes`, `hours` and `days`.
    Diff,
}

/// A unit of time; without its `s` each means the same.
#[derive(Choice, Clone, Copy)]
enum Unit {
    /// A thousandth of a second.
    #[choice("milliseconds", "millisecond")]
    Milliseconds,
    /// A second.
    #[choice("seconds", "second")]
    Seconds,
    /// 60 seconds.
    #[choice("minutes", "minute")]
    Minutes,
    /// 60 minutes.
    #[choice("hours", "hour")]
    Hours,
    /// 24 hours.
    #[choice("days", "day")]
    Days,
    /// 7 days.
    #[choice("weeks", "week")]
    Weeks,
    /// A month of the calendar.
    #[choice("months", "month")]
    Months,
    /// A year of the calendar.
    #[choice("years", "year")]
    Years,
}

/// How long a unit is; some are longer at one time than at another.
enum Length {
    Milliseconds(f64),
    Months(f64),
}

impl DateTime {
    fn prepare(&mut self) {
        self.zone = self.timezone.parse().map_err(|_| format!("Unknown time zone: {}", self.timezone));
    }

    fn answer(&self, tick: &mut Tick<'_>) -> Result<(), String> {
        let zone = self.zone.clone()?;
        let now = self.clock.now().with_timezone(&zone);
        let given =
            tick.input(Self::IN_INPUT).filter(|message| !matches!(message, Message::Flow)).map(Message::to_value);
        let given = given.map(|value| self.read(&value, zone));
        let moment = match self.operation.meaning("operation")? {
            Operation::Now => now,
            Operation::Epoch => {
                tick.emit(Self::OUT_TIMESTAMP, now.timestamp());
                return Ok(());
            }
            Operation::Parse | Operation::Format => given.ok_or("Not a time: nothing on `input`")??,
            Operation::Add => self.shifted(given.transpose()?.unwrap_or(now))?,
            Operation::Diff => {
                let from = if self.other.is_null() { now } else { self.read(&self.other, zone)? };
                Self::emit_distance(tick, given.ok_or("Not a time: nothing on `input`")?? - from);
                return Ok(());
            }
        };
        self.emit_moment(tick, moment)
    }

    fn emit_moment(&self, tick: &mut Tick<'_>, moment: Moment) -> Result<(), String> {
        let formatted = formatted(moment, &self.format)?;
        let two = |number: u32| Value::from(format!("{number:02}"));
        let parts = [
            ("timestamp", Value::Integer(moment.timestamp_millis())),
            ("iso", moment.to_rfc3339().into()),
            ("formatted", formatted.as_str().into()),
            ("year", format!("{:04}", moment.year()).into()),
            ("month", two(moment.month())),
            ("day", two(moment.day())),
            ("hour", two(moment.hour())),
            ("minute", two(moment.minute())),
            ("second", two(moment.second())),
        ];
        tick.emit(Self::OUT_TIMESTAMP, moment.timestamp_millis());
        tick.emit(Self::OUT_FORMATTED, formatted);
        tick.emit(Self::OUT_OUTPUT, Message::object(Value::object(parts)));
        Ok(())
    }

    fn emit_distance(tick: &mut Tick<'_>, distance: TimeDelta) {
        let milliseconds = distance.num_milliseconds();
        let units = [("milliseconds", 1.0), ("seconds", 1e3), ("minutes", 6e4), ("hours", 3.6e6), ("days", 8.64e7)];
        let units = units.map(|(unit, length)| (unit, milliseconds as f64 / length));
        tick.emit(Self::OUT_TIMESTAMP, milliseconds);
        tick.emit(Self::OUT_OUTPUT, Message::object(Value::object(units)));
    }

    fn read(&self, value: &Value, zone: Tz) -> Result<Moment, String> {
        let not_a_time = || format!("Not a time: {}", crate::config::brief(value));
        let moment = match value {
            Value::String(text) => match &self.input_format {
                Some(pattern) => parsed(text, pattern, zone)?,
                None => chrono::DateTime::parse_from_rfc3339(text.trim()).ok().map(|time| time.with_timezone(&zone)),
            },
            other => crate::config::whole_number(other)
                .and_then(chrono::DateTime::<Utc>::from_timestamp_millis)
                .map(|time| time.with_timezone(&zone)),
        };
        moment.ok_or_else(not_a_time)
    }

    fn shifted(&self, start: Moment) -> Result<Moment, String> {
        let (amount, unit) = (self.amount, self.unit.text());
        // Anything longer is out of range, and a shorter one is exact.
        let whole = |number: f64| (number.abs() < 9e15).then_some(number as i64);
        let later = match self.unit.meaning("unit")?.length() {
            Length::Milliseconds(each) => {
                let length = whole((amount * each).round()).and_then(TimeDelta::try_milliseconds);
                length.and_then(|length| start.checked_add_signed(length))
            }
            Length::Months(_) if amount.fract() != 0.0 => {
                return Err(format!("Not a whole number of {unit}: {amount}"));
            }
            Length::Months(each) => {
                let months = whole(amount * each).and_then(|months| u32::try_from(months.abs()).ok()).map(Months::new);
                let shift = if amount < 0.0 { Moment::checked_sub_months } else { Moment::checked_add_months };
                months.and_then(|months| shift(start, months))
            }
        };
        later.ok_or_else(|| format!("{start} plus {amount} {unit} is out of range"))
    }
}

impl Unit {
    fn length(self) -> Length {
        match self {
            Self::Milliseconds => Length::Milliseconds(1.0),
            Self::Seconds => Length::Milliseconds(1e3),
            Self::Minutes => Length::Milliseconds(6e4),
            Self::Hours => Length::Milliseconds(3.6e6),
            Self::Days => Length::Milliseconds(8.64e7),
            Self::Weeks => Length::Milliseconds(6.048e8),
            Self::Months => Length::Months(1.0),
            Self::Years => Length::Months(12.0),
        }
    }
}

/// `moment` by a `strftime` pattern.
pub(crate) fn formatted(moment: Moment, pattern: &str) -> Result<String, String> {
    let invalid = || format!("Invalid format: {pattern}");
    let items: Vec<Item<'_>> = StrftimeItems::new(pattern).collect();
    if items.iter().any(|item| matches!(item, Item::Error)) {
        return Err(invalid());
    }
    let mut text = String::new();
    write!(text, "{}", moment.format_with_items(items.iter())).map_err(|_| invalid())?;
    Ok(text)
}

/// Text by a pattern: with a zone of its own, else in `zone`; a date alone is its midnight.
fn parsed(text: &str, pattern: &str, zone: Tz) -> Result<Option<Moment>, String> {
    if StrftimeItems::new(pattern).any(|item| matches!(item, Item::Error)) {
        return Err(format!("Invalid format: {pattern}"));
    }
    if let Ok(moment) = chrono::DateTime::parse_from_str(text, pattern) {
        return Ok(Some(moment.with_timezone(&zone)));
    }
    let local = NaiveDateTime::parse_from_str(text, pattern)
        .or_else(|_| NaiveDate::parse_from_str(text, pattern).map(|date| date.and_time(NaiveTime::MIN)));
    Ok(local.ok().and_then(|local| local.and_local_timezone(zone).earliest()))
}

impl Actor for DateTime {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        self.answer(tick).or_else(|text| tick.report(Self::OUT_ERROR, text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::run;
    use serde_json::{Value as Json, json};

    fn work(config: Json, input: &Json) -> Json {
        run::<DateTime>(config, [json!({"input": input})]).remove(0)
    }

    fn error(config: Json, input: &Json) -> String {
        work(config, input)["error"][0]["data"].as_str().unwrap_or_default().to_string()
    }

    #[test]
    fn the_three_forms_of_now_agree() {
        let outputs = run::<DateTime>(json!({"format": "%s%3f"}), [json!({"trigger": 1})]).remove(0);
        let timestamp = outputs["timestamp"][0].as_i64().unwrap();
        assert_eq!(outputs["formatted"][0], timestamp.to_string());
        assert_eq!(outputs["output"][0]["timestamp"], timestamp);
        let iso = outputs["output"][0]["iso"].as_str().unwrap();
        assert_eq!(chrono::DateTime::parse_from_rfc3339(iso).unwrap().timestamp_millis(), timestamp);
        assert!(timestamp > 1_700_000_000_000);
    }

    #[test]
    fn times_are_read_and_written_in_a_zone() {
        let config = json!({"operation": "parse", "timezone": "Europe/Paris", "format": "%F %T %:z"});
        assert_eq!(work(config, &json!("2024-07-01T00:00:00Z"))["formatted"], json!(["2024-07-01 02:00:00 +02:00"]));
        let config = json!({"operation": "parse", "inputFormat": "%d.%m.%Y", "timezone": "Europe/Paris"});
        assert_eq!(work(config, &json!("01.01.2024"))["timestamp"], json!([1_704_063_600_000_i64]));
        let config = json!({"operation": "format", "format": "%Y"});
        assert_eq!(work(config, &json!(0))["formatted"], json!(["1970"]));
    }

    #[test]
    fn amounts_may_be_fractions() {
        for (amount, unit, timestamp) in [
            (1.5, "hours", 5_400_000),
            (-0.5, "seconds", -500),
            (0.4, "millisecond", 0),
            (1.0, "months", 2_678_400_000_i64),
            (-1.0, "years", -31_536_000_000),
        ] {
            let config = json!({"operation": "add", "amount": amount, "unit": unit});
            assert_eq!(work(config, &json!(0))["timestamp"], json!([timestamp]), "{amount} {unit}");
        }
    }

    #[test]
    fn distances() {
        let config = json!({"operation": "diff", "other": "2024-01-01T00:00:00Z"});
        let outputs = work(config, &json!("2024-01-02T12:00:00Z"));
        assert_eq!(outputs["timestamp"], json!([129_600_000]));
        assert_eq!(outputs["output"][0]["days"], json!(1.5));
    }

    #[test]
    fn what_is_wrong_is_told() {
        assert_eq!(error(json!({"format": "%Q"}), &json!(0)), "Invalid format: %Q");
        assert_eq!(error(json!({"operation": "x"}), &json!(0)), "Unknown operation: x");
        let add = |amount: f64, unit: &str| {
            error(json!({"operation": "add", "amount": amount, "unit": unit}), &json!("2024-01-01T00:00:00Z"))
        };
        assert_eq!(add(1.0, "fortnights"), "Unknown unit: fortnights");
        assert_eq!(add(0.5, "months"), "Not a whole number of months: 0.5");
        assert_eq!(error(json!({"timezone": "Mars"}), &json!(0)), "Unknown time zone: Mars");
        assert_eq!(error(json!({"operation": "parse"}), &json!("soon")), "Not a time: \"soon\"");
        assert_eq!(error(json!({"operation": "parse"}), &json!(1e300)), "Not a time: 1e+300");
        assert_eq!(error(json!({"operation": "parse", "inputFormat": "%Q"}), &json!("x")), "Invalid format: %Q");
        for unit in ["milliseconds", "days", "months", "years"] {
            let config = json!({"operation": "add", "amount": i64::MAX, "unit": unit});
            assert!(error(config, &json!(0)).contains("is out of range"), "{unit}");
        }
    }
}
