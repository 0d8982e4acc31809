//! `Schedule`: cron expressions and the times they name.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// The times that a cron expression names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Schedule {
    seconds: Set,
    minutes: Set,
    hours: Set,
    days: Set,
    months: Set,
    weekdays: Set,
    /// Whether times are fixed: neither the minute, nor the hour, nor a second that is given begins with `*`.
    is_fixed: bool,
}

/// A set of small numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Set(u64);

/// What a field may hold.
struct Field {
    low: u32,
    high: u32,
    /// Names for the numbers from `low` on.
    names: &'static [&'static str],
}

const SECOND: Field = Field { low: 0, high: 59, names: &[] };
const HOUR: Field = Field { low: 0, high: 23, names: &[] };
const DAY: Field = Field { low: 1, high: 31, names: &[] };
const MONTH: Field = Field {
    low: 1,
    high: 12,
    names: &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
};
const WEEKDAY: Field = Field { low: 0, high: 7, names: &["sun", "mon", "tue", "wed", "thu", "fri", "sat"] };

impl Set {
    fn contains(self, number: i8) -> bool {
        self.0 >> number & 1 == 1
    }

    fn from(self, low: i8) -> impl Iterator<Item = i8> {
        (low..60).filter(move |number| self.contains(*number))
    }
}

impl Field {
    /// Reads a comma list of `*`, `N` and `A-B`, each with an optional `/STEP`.
    fn read(&self, text: &str) -> Option<Set> {
        text.split(',').try_fold(Set(0), |set, part| Some(Set(set.0 | self.part(part)?)))
    }

    fn part(&self, part: &str) -> Option<u64> {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, step.parse().ok().filter(|step| *step > 0)?),
            None => (part, 1),
        };
        let (low, high) = match range.split_once('-') {
            _ if range == "*" => (self.low, self.high),
            Some((low, high)) => (self.number(low)?, self.number(high)?),
            // A start with a step goes on to the end.
            None if part.contains('/') => (self.number(range)?, self.high),
            None => (self.number(range)?, self.number(range)?),
        };
        if low > high {
            return None;
        }
        Some((low..=high).step_by(step).fold(0, |bits, number| bits | 1 << number))
    }

    fn number(&self, text: &str) -> Option<u32> {
        if let Some(index) = self.names.iter().position(|name| name.eq_ignore_ascii_case(text)) {
            return Some(self.low + index as u32);
        }
        let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|number| is_number && (self.low..=self.high).contains(number))
    }
}

impl Schedule {
    /// Reads five fields (minute, hour, day of the month, month, weekday), six with the second in front, or a macro such as
    /// `@daily`; `None` for anything else.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = match text.trim().to_ascii_lowercase().as_str() {
            "@hourly" => "0 * * * *".to_string(),
            "@daily" | "@midnight" => "0 0 * * *".to_string(),
            "@weekly" => "0 0 * * 0".to_string(),
            "@monthly" => "0 0 1 * *".to_string(),
            "@yearly" | "@annually" => "0 0 1 1 *".to_string(),
            other => other.to_string(),
        };
        let fields: Vec<&str> = text.split_whitespace().collect();
        let (second, fields) = match fields.as_slice() {
            [second, fields @ ..] if fields.len() == 5 => (*second, fields),
            fields => ("0", fields),
        };
        let [minute, hour, day, month, weekday] = fields else { return None };
        let is_fixed = ![second, minute, hour].into_iter().any(|field| field.starts_with('*'));
        let mut weekdays = WEEKDAY.read(weekday)?;
        // Sunday has two numbers.
        weekdays.0 |= weekdays.0 >> 7 & 1;
        weekdays.0 &= 0x7f;
        Some(Self {
            seconds: SECOND.read(second)?,
            minutes: SECOND.read(minute)?,
            hours: HOUR.read(hour)?,
            days: DAY.read(day)?,
            months: MONTH.read(month)?,
            weekdays,
            is_fixed,
        })
    }

    /// The first time after `time`; `None` when there is none in the next forty years (every weekday meets every February
    /// 29th by then).
    ///
    /// Where the clocks of `zone` are turned, Vixie's rule holds: schedules with a wildcard go by what the clocks show; of fixed
    /// times those that are skipped are due at the end of the gap, together, and those that come twice the first time only.
    pub(super) fn next_after(&self, time: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let second = SignedDuration::from_secs(1);
        let mut at = Timestamp::from_second(time.as_second() - i64::from(time.subsec_nanosecond() < 0)).ok()?;
        let mut from = zone.to_datetime(at).checked_add(second).ok()?;
        if self.is_fixed
            && let Some((_, before, after)) = last_turn(zone, at)
        {
            // A time that comes for the second time.
            from = if after < before { from.max(before) } else { from };
        }
        let end = Timestamp::from_second(at.as_second().checked_add(HORIZON)?).ok()?;
        while at < end {
            let turn = zone.following(at).next().map(|turn| (turn.timestamp(), turn.offset()));
            let offset = zone.to_offset(at);
            let until = turn.map_or(DateTime::MAX, |(when, _)| offset.to_datetime(when));
            if let Some(due) = self.next_local(from, until) {
                return offset.to_timestamp(due).ok();
            }
            let (when, turned) = turn?;
            let after = turned.to_datetime(when);
            if self.is_fixed && after > until && self.next_local(until, after).is_some() {
                return Some(when);
            }
            from = if self.is_fixed { after.max(until) } else { after };
            at = when;
        }
        None
    }

    /// The first time on the clocks of one place, from `from` on and before `until`, as if they were never turned.
    fn next_local(&self, from: DateTime, until: DateTime) -> Option<DateTime> {
        let mut date = from.date();
        // What is left of the first day.
        let mut left = (from.hour(), from.minute(), from.second());
        for _ in 0..40 * 366 {
            if date.at(0, 0, 0, 0) >= until {
                return None;
            }
            if self.has_day(date) {
                for hour in self.hours.from(left.0) {
                    let minute_from = if hour == left.0 { left.1 } else { 0 };
                    for minute in self.minutes.from(minute_from) {
                        let is_first = hour == left.0 && minute == left.1;
                        if let Some(second) = self.seconds.from(if is_first { left.2 } else { 0 }).next() {
                            return Some(date.at(hour, minute, second, 0)).filter(|due| *due < until);
                        }
                    }
                }
            }
            date = date.tomorrow().ok()?;
            left = (0, 0, 0);
        }
        None
    }

    fn has_day(&self, date: Date) -> bool {
        let day = self.days.contains(date.day());
        let weekday = self.weekdays.contains(date.weekday().to_sunday_zero_offset());
        let all_days = self.days.0.count_ones() == 31;
        let all_weekdays = self.weekdays.0.count_ones() == 7;
        // Where both are restricted either will do.
        self.months.contains(date.month()) && if all_days || all_weekdays { day && weekday } else { day || weekday }
    }
}

/// Forty years, in seconds.
const HORIZON: i64 = 40 * 366 * 86_400;

/// When the clocks of a zone were turned last, up to and with `at`, and what they showed before and after.
fn last_turn(zone: &TimeZone, at: Timestamp) -> Option<(Timestamp, DateTime, DateTime)> {
    let moment = SignedDuration::from_nanos(1);
    let turn = zone.preceding(at.checked_add(moment).ok()?).next()?;
    let before = zone.to_offset(turn.timestamp().checked_sub(moment).ok()?);
    Some((turn.timestamp(), before.to_datetime(turn.timestamp()), turn.offset().to_datetime(turn.timestamp())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn next(expression: &str, times: usize) -> Vec<String> {
        next_in(expression, times, "2024-01-30T10:17:30Z", "UTC").iter().map(|due| due[..19].to_string()).collect()
    }

    fn next_in(expression: &str, times: usize, from: &str, zone: &str) -> Vec<String> {
        let schedule = Schedule::parse(expression).unwrap_or_else(|| panic!("{expression}"));
        let zone = TimeZone::get(zone).unwrap();
        let mut time = from.parse::<Timestamp>().unwrap();
        let mut found = Vec::new();
        while found.len() < times {
            let Some(due) = schedule.next_after(time, &zone) else { break };
            found.push(due.to_zoned_datetime(zone.clone()).strftime("%F %T %:::z").to_string());
            time = due;
        }
        found
    }

    #[test]
    fn the_times_of_expressions() {
        for (expression, expected) in [
            ("* * * * *", ["2024-01-30 10:18:00", "2024-01-30 10:19:00"]),
            ("*/15 * * * *", ["2024-01-30 10:30:00", "2024-01-30 10:45:00"]),
            ("0 9 * * 1", ["2024-02-05 09:00:00", "2024-02-12 09:00:00"]),
            ("0 9 * * MON", ["2024-02-05 09:00:00", "2024-02-12 09:00:00"]),
            ("0 0 * * 7", ["2024-02-04 00:00:00", "2024-02-11 00:00:00"]),
            ("0 0 31 * *", ["2024-01-31 00:00:00", "2024-03-31 00:00:00"]),
            ("0 0 29 feb *", ["2024-02-29 00:00:00", "2028-02-29 00:00:00"]),
            ("0 0 1 * fri", ["2024-02-01 00:00:00", "2024-02-02 00:00:00"]),
            ("5,10-12 8-9 * * *", ["2024-01-31 08:05:00", "2024-01-31 08:10:00"]),
            ("20/20 10 * * *", ["2024-01-30 10:20:00", "2024-01-30 10:40:00"]),
            ("*/20 17 10 * * *", ["2024-01-30 10:17:40", "2024-01-31 10:17:00"]),
            ("@monthly", ["2024-02-01 00:00:00", "2024-03-01 00:00:00"]),
            ("@Weekly", ["2024-02-04 00:00:00", "2024-02-11 00:00:00"]),
        ] {
            assert_eq!(next(expression, 2), expected, "{expression}");
        }
        assert_eq!(next("0 0 31 2 *", 1), Vec::<String>::new());
    }

    #[test]
    fn malformed_expressions_are_refused() {
        for text in [
            "",
            "*",
            "* * * *",
            "* * * * * * *",
            "60 * * * *",
            "* 24 * * *",
            "* * 0 * *",
            "* * * 13 *",
            "* * * * 8",
            "5-1 * * * *",
            "*/0 * * * *",
            "a * * * *",
            "1, * * * *",
            "-1 * * * *",
            "1-2-3 * * * *",
            "+1 * * * *",
            "* * * mon *",
            "@never",
            "1/2/3 * * * *",
        ] {
            assert_eq!(Schedule::parse(text), None, "{text}");
        }
    }

    #[test]
    fn fixed_times_where_clocks_are_turned() {
        // On March 31st 2024 there is no 02:30 in Paris, on October 27th there are two.
        for (expression, from, expected) in [
            ("30 2 * * *", "2024-03-30T12:00:00Z", ["2024-03-31 03:00:00 +02", "2024-04-01 02:30:00 +02"]),
            ("0,30 2 * * *", "2024-03-30T12:00:00Z", ["2024-03-31 03:00:00 +02", "2024-04-01 02:00:00 +02"]),
            ("30 2,3 * * *", "2024-03-30T12:00:00Z", ["2024-03-31 03:00:00 +02", "2024-03-31 03:30:00 +02"]),
            ("0 2,3 * * *", "2024-03-30T12:00:00Z", ["2024-03-31 03:00:00 +02", "2024-04-01 02:00:00 +02"]),
            ("30 2 * * *", "2024-10-26T12:00:00Z", ["2024-10-27 02:30:00 +02", "2024-10-28 02:30:00 +01"]),
            ("30 2,3 * * *", "2024-10-26T12:00:00Z", ["2024-10-27 02:30:00 +02", "2024-10-27 03:30:00 +01"]),
            // Begun in the second of the two hours.
            ("45 2 * * *", "2024-10-27T01:15:00Z", ["2024-10-28 02:45:00 +01", "2024-10-29 02:45:00 +01"]),
        ] {
            assert_eq!(next_in(expression, 2, from, "Europe/Paris"), expected, "{expression} from {from}");
        }
        // Lord Howe turns its clocks by half an hour, and Apia left out a day.
        assert_eq!(
            next_in("15 2 * * *", 1, "2024-10-05T00:00:00Z", "Australia/Lord_Howe"),
            ["2024-10-06 02:30:00 +11"]
        );
        assert_eq!(
            next_in("0 9 * * *", 2, "2011-12-29T20:00:00Z", "Pacific/Apia"),
            ["2011-12-31 00:00:00 +14", "2011-12-31 09:00:00 +14"]
        );
    }

    #[test]
    fn wildcards_go_on_where_clocks_are_turned() {
        for (expression, from, expected) in [
            ("30 * * * *", "2024-03-31T00:00:00Z", ["2024-03-31 01:30:00 +01", "2024-03-31 03:30:00 +02"]),
            ("*/30 2 * * *", "2024-03-31T00:00:00Z", ["2024-04-01 02:00:00 +02", "2024-04-01 02:30:00 +02"]),
            ("30 * * * *", "2024-10-27T00:00:00Z", ["2024-10-27 02:30:00 +02", "2024-10-27 02:30:00 +01"]),
            ("*/20 * * * *", "2024-10-27T00:40:00Z", ["2024-10-27 02:00:00 +01", "2024-10-27 02:20:00 +01"]),
            ("* 2 * * *", "2024-10-27T00:59:00Z", ["2024-10-27 02:00:00 +01", "2024-10-27 02:01:00 +01"]),
        ] {
            assert_eq!(next_in(expression, 2, from, "Europe/Paris"), expected, "{expression} from {from}");
        }
    }

    proptest! {
        #[test]
        fn due_times_match_and_nothing_between_them_does(
            minute in 0..60_u32, hour in 0..24_u32, step in 1..20_u32, start in 0..2_000_000_000_i64,
        ) {
            let schedule = Schedule::parse(&format!("{minute}/{step} {hour},3 * * *")).unwrap();
            let due = schedule.next_after(Timestamp::from_second(start).unwrap(), &TimeZone::UTC).unwrap().as_second();
            let matches = |t: i64| {
                let (h, m) = ((t / 3600 % 24) as u32, (t / 60 % 60) as u32);
                (h == hour || h == 3) && t % 60 == 0 && m >= minute && (m - minute).is_multiple_of(step)
            };
            prop_assert!(due > start && matches(due));
            prop_assert!((start / 60 + 1..due / 60).all(|between| !matches(between * 60)));
        }

        #[test]
        fn wildcards_are_due_whenever_the_clocks_say_so(
            minute in 0..60_i8, step in 1..30_i8, start in 0..2_000_000_000_i64,
            zone in prop::sample::select(vec!["Europe/Paris", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca", "Pacific/Apia"]),
        ) {
            let schedule = Schedule::parse(&format!("{minute}/{step} * * * *")).unwrap();
            let zone = TimeZone::get(zone).unwrap();
            let due = schedule.next_after(Timestamp::from_second(start).unwrap(), &zone).unwrap().as_second();
            let matches = |t: i64| {
                let local = zone.to_datetime(Timestamp::from_second(t).unwrap());
                local.second() == 0 && local.minute() >= minute && (local.minute() - minute) % step == 0
            };
            prop_assert!(due > start && matches(due));
            prop_assert!((start + 1..due).all(|between| !matches(between)));
        }

        // Vixie's rule, said in another way: fixed times go by a clock that is put forward but never back, and what lies between
        // two looks at it is due at the second.
        #[test]
        fn fixed_times_are_due_once_each(
            minute in 0..60_i8, hours in prop::collection::btree_set(0..5_i8, 1..3), start in 0..2_000_000_000_i64, late in -120..120_i64,
            zone in prop::sample::select(vec!["Europe/Paris", "America/New_York", "Australia/Lord_Howe", "America/Santiago", "Africa/Cairo"]),
        ) {
            let zone = TimeZone::get(zone).unwrap();
            let hour_text: Vec<String> = hours.iter().map(ToString::to_string).collect();
            let schedule = Schedule::parse(&format!("{minute} {} * * *", hour_text.join(","))).unwrap();
            // Beginning close to a change, in whole minutes.
            let change = zone.following(Timestamp::from_second(start).unwrap()).next().map_or(start, |turn| turn.timestamp().as_second());
            let begin = (change / 60 + late) * 60;
            let local = |t: i64| zone.to_datetime(Timestamp::from_second(t).unwrap());
            let is_due = |t: DateTime| t.minute() == minute && hours.contains(&t.hour());
            let mut newest = (begin / 60 - 300..=begin / 60).map(|t| local(t * 60)).max().unwrap();
            let mut expected = None;
            for t in (begin / 60 + 1)..(begin / 60 + 4_000) {
                let now = local(t * 60);
                let mut passed = false;
                while newest < now {
                    newest = newest.checked_add(SignedDuration::from_mins(1)).unwrap();
                    passed |= is_due(newest);
                }
                if passed {
                    expected = Some(t * 60);
                    break;
                }
            }
            let due = schedule.next_after(Timestamp::from_second(begin).unwrap(), &zone).unwrap();
            prop_assert_eq!(Some(due.as_second()), expected);
        }

        #[test]
        fn any_text_is_a_schedule_or_not(text in "[0-9*/, @a-z-]{0,24}") {
            if let Some(schedule) = Schedule::parse(&text) {
                let _ = schedule.next_after(Timestamp::UNIX_EPOCH, &TimeZone::UTC);
            }
        }
    }
}
