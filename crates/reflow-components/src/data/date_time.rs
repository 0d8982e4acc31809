//! `tpl_date_time`.

use jiff::civil::ISOWeekDate;
use jiff::fmt::temporal::Pieces;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, Timestamp, ZonedDateTime};

use super::time_pattern::{InvalidPattern, TimePattern};
use crate::clock::{Clock, rfc3339, time_zone};
use crate::prelude::*;

/// The current time, and work with given times.
///
/// `operation` says which time, or what to do with one. `now`, `parse`, `format` and `add` send `timestamp` (milliseconds since
/// 1970), `formatted` (by `format`) and `output`, an object of both, of `iso` (RFC 3339) and of `year`, `month`, `day`, `hour`,
/// `minute` and `second` as texts with leading zeros. All are in `timezone`. A packet on any inport asks for a time; only `input`
/// is read.
///
/// A text on `input` is a date with or without a time in one of the forms of ISO 8601, `2024-07-01`, `2024-07-01T12:30Z`,
/// `20240701T123000+0200` or `2024-07-01 12:30:00.5`; without an offset it is a time of `timezone`, and a date alone is the
/// beginning of that day. A number is milliseconds since 1970, also with a fraction.
///
/// The format is that of `strftime`: `%Y %C %y %q %m %b %B %d %e %a %A %w %u %U %W %G %g %V %j %D %F %v %x` for the date, `%H %k
/// %I %l %P %p %M %S %R %T %r %X` for the time, `%f` (nanoseconds), `%.f %.3f %.6f %.9f` (with a point) and `%3f %6f %9f` for the
/// fraction, `%Z %z %:z %::z` for the zone, `%c %+ %s` for all of it, `%n %t %%`. After the `%`, `-` leaves out zeros in front
/// and `_` puts blanks in their place. A `Z` right behind the time of day means the offset: it is a `Z` in UTC and
/// `+02:00` elsewhere, so that the text says the same moment.
///
/// Calendars and clocks that are turned: a time that the clocks of `timezone` skip is as much later as they skip, and of a time that
/// comes twice the first is meant. So a day, week, month or year later is the same time of day wherever there is one, while hours
/// and less are exact.
///
/// # Errors
///
/// Nothing but an Error leaves for an unknown operation (`Unknown operation: …`), a pattern that is none (`Invalid format: …`), an
/// unknown time zone (`Unknown time zone: …`), an input that is no time (`Not a time: …`), an unknown unit (`Unknown unit: …`), a
/// part of a month or year (`Not a whole number of …`), and a result out of range.
#[derive(Component)]
#[component(id = "tpl_date_time", title = "Date / Time", category = "data", prepare)]
#[inport(trigger: Any, "Whatever comes asks for a time.")]
#[inport(input: Any, "The time to work with: text, or milliseconds since 1970.")]
#[outport(output: JsonObject, "The time and its parts.")]
#[outport(timestamp: Integer, "Milliseconds since 1970; seconds for `epoch`.")]
#[outport(formatted: Text, "The time by the pattern.")]
#[outport(error: ErrorText, "Why there is no time.")]
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
    /// The pattern that text on `input` is read by; ISO 8601 when left out.
    #[config(key = "inputFormat", lenient)]
    input_format: Option<String>,
    /// How much `add` adds; may be negative, and a fraction except of months and years (that of a day is hours).
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
    #[state(Ok(TimeZone::UTC))]
    zone: Result<TimeZone, String>,
    #[state(TimePattern::new(""))]
    writing: Result<TimePattern, InvalidPattern>,
    #[state]
    reading: Option<Result<TimePattern, InvalidPattern>>,
}

/// What [`DateTime`] does.
#[derive(Choice, Clone, Copy)]
enum Operation {
    /// The current time.
    Now,
    /// Only `timestamp`, in seconds since 1970.
    Epoch,
    /// The time on `input`. Text is read by `inputFormat`, ISO 8601 when that is left out; a number is milliseconds since 1970.
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
    /// A day of the calendar.
    #[choice("days", "day")]
    Days,
    /// 7 days of the calendar.
    #[choice("weeks", "week")]
    Weeks,
    /// A month of the calendar.
    #[choice("months", "month")]
    Months,
    /// A year of the calendar.
    #[choice("years", "year")]
    Years,
}

impl DateTime {
    fn prepare(&mut self) {
        self.zone = time_zone(&self.timezone);
        self.writing = TimePattern::new(&self.format);
        self.reading = self.input_format.as_deref().map(TimePattern::new);
    }

    fn answer(&self, tick: &mut Tick<'_>) -> Result<(), String> {
        let zone = self.zone.as_ref().map_err(String::clone)?;
        let now = self.clock.now().to_zoned_datetime(zone.clone());
        let given =
            tick.input(Self::IN_INPUT).filter(|message| !matches!(message, Message::Flow)).map(Message::to_value);
        let given = given.map(|value| self.read(&value, zone));
        let moment = match self.operation.meaning("operation")? {
            Operation::Now => now,
            Operation::Epoch => {
                tick.emit(Self::OUT_TIMESTAMP, now.timestamp().as_second());
                return Ok(());
            }
            Operation::Parse | Operation::Format => given.ok_or("Not a time: nothing on `input`")??,
            Operation::Add => self.shifted(&given.transpose()?.unwrap_or(now))?,
            Operation::Diff => {
                let from = if self.other.is_null() { now } else { self.read(&self.other, zone)? };
                let until = given.ok_or("Not a time: nothing on `input`")??;
                Self::emit_distance(tick, until.timestamp().duration_since(from.timestamp()));
                return Ok(());
            }
        };
        self.emit_moment(tick, &moment)
    }

    fn emit_moment(&self, tick: &mut Tick<'_>, moment: &ZonedDateTime) -> Result<(), String> {
        let pattern = self.writing.as_ref().map_err(ToString::to_string)?;
        let formatted = pattern.format(moment).ok_or_else(|| format!("Invalid format: {}", self.format))?;
        let two = |number: i8| Value::from(format!("{number:02}"));
        let timestamp = milliseconds(moment.timestamp().as_nanosecond());
        let parts = [
            ("timestamp", Value::Integer(timestamp)),
            ("iso", rfc3339(moment).into()),
            ("formatted", formatted.as_str().into()),
            ("year", format!("{:04}", moment.year()).into()),
            ("month", two(moment.month())),
            ("day", two(moment.day())),
            ("hour", two(moment.hour())),
            ("minute", two(moment.minute())),
            ("second", two(moment.second())),
        ];
        tick.emit(Self::OUT_TIMESTAMP, timestamp);
        tick.emit(Self::OUT_FORMATTED, formatted);
        tick.emit(Self::OUT_OUTPUT, Message::object(Value::object(parts)));
        Ok(())
    }

    fn emit_distance(tick: &mut Tick<'_>, distance: SignedDuration) {
        let milliseconds = milliseconds(distance.as_nanos());
        let units = [("milliseconds", 1.0), ("seconds", 1e3), ("minutes", 6e4), ("hours", 3.6e6), ("days", 8.64e7)];
        let units = units.map(|(unit, length)| (unit, milliseconds as f64 / length));
        tick.emit(Self::OUT_TIMESTAMP, milliseconds);
        tick.emit(Self::OUT_OUTPUT, Message::object(Value::object(units)));
    }

    fn read(&self, value: &Value, zone: &TimeZone) -> Result<ZonedDateTime, String> {
        let moment = match (value, &self.reading) {
            (Value::String(text), Some(pattern)) => {
                pattern.as_ref().map_err(ToString::to_string)?.parse(text.trim(), zone)
            }
            (Value::String(text), None) => iso(text.trim(), zone),
            (Value::Integer(number), _) => {
                Timestamp::from_millisecond(*number).ok().map(|time| time.to_zoned_datetime(zone.clone()))
            }
            (Value::Float(number), _) => since_1970(*number).map(|time| time.to_zoned_datetime(zone.clone())),
            _ => None,
        };
        moment.ok_or_else(|| format!("Not a time: {}", crate::config::brief(value)))
    }

    fn shifted(&self, start: &ZonedDateTime) -> Result<ZonedDateTime, String> {
        let (amount, unit) = (self.amount, self.unit.text());
        let meaning = self.unit.meaning("unit")?;
        if matches!(meaning, Unit::Months | Unit::Years) && amount.fract() != 0.0 {
            return Err(format!("Not a whole number of {unit}: {amount}"));
        }
        let later = meaning
            .span(amount)
            .and_then(|(calendar, clock)| start.checked_add(calendar).ok()?.checked_add(clock).ok());
        later.ok_or_else(|| format!("{} plus {amount} {unit} is out of range", rfc3339(start)))
    }
}

impl Unit {
    /// An amount of the unit, what is counted by the calendar and what by the clock; `None` when it is longer than all time.
    fn span(self, amount: f64) -> Option<(Span, SignedDuration)> {
        let none = (Span::new(), SignedDuration::ZERO);
        // Anything longer is out of range, and a shorter one is exact.
        let whole = |number: f64| (number.abs() < 9e15).then_some(number as i64);
        let clock = |each: f64| whole((amount * each).round()).map(SignedDuration::from_millis);
        let days = |each: f64| {
            let days = amount * each;
            let rest = SignedDuration::from_millis((days.fract() * 8.64e7).round() as i64);
            Some((Span::new().try_days(whole(days.trunc())?).ok()?, rest))
        };
        match self {
            Self::Milliseconds => Some((none.0, clock(1.0)?)),
            Self::Seconds => Some((none.0, clock(1e3)?)),
            Self::Minutes => Some((none.0, clock(6e4)?)),
            Self::Hours => Some((none.0, clock(3.6e6)?)),
            Self::Days => days(1.0),
            Self::Weeks => days(7.0),
            Self::Months => Some((Span::new().try_months(whole(amount)?).ok()?, none.1)),
            Self::Years => Some((Span::new().try_years(whole(amount)?).ok()?, none.1)),
        }
    }
}

/// Whole milliseconds, the earlier ones of parts.
fn milliseconds(nanoseconds: i128) -> i64 {
    // All of time fits.
    i64::try_from(nanoseconds.div_euclid(1_000_000)).unwrap_or_default()
}

/// The time so many milliseconds after 1970 began.
fn since_1970(milliseconds: f64) -> Option<Timestamp> {
    // A float is no finer than that in our days.
    let microseconds = (milliseconds * 1e3).round();
    (microseconds.abs() < 9e18).then_some(microseconds as i64).and_then(|time| Timestamp::from_microsecond(time).ok())
}

/// A text of ISO 8601: with an offset or a zone of its own, else in `zone`.
fn iso(text: &str, zone: &TimeZone) -> Option<ZonedDateTime> {
    let Ok(pieces) = Pieces::parse(text) else {
        let week: ISOWeekDate = text.parse().ok()?;
        return zone.to_zoned_datetime(week.date().at(0, 0, 0, 0)).ok();
    };
    let local = pieces.date().to_datetime(pieces.time().unwrap_or_default());
    let within = match pieces.to_numeric_offset() {
        Some(offset) => TimeZone::fixed(offset),
        None if pieces.offset().is_some() => TimeZone::UTC,
        None => pieces.to_time_zone().ok()?.unwrap_or_else(|| zone.clone()),
    };
    Some(within.to_zoned_datetime(local).ok()?.with_time_zone(zone.clone()))
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
        assert_eq!(iso.parse::<Timestamp>().unwrap().as_millisecond(), timestamp);
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
