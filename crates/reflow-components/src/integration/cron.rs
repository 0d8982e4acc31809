//! `Schedule`: cron expressions and the times they name.

use chrono::{DateTime, Datelike, Days, NaiveDate, TimeZone, Timelike};

/// The times that a cron expression names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Schedule {
    seconds: Set,
    minutes: Set,
    hours: Set,
    days: Set,
    months: Set,
    weekdays: Set,
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
    fn contains(self, number: u32) -> bool {
        self.0 >> number & 1 == 1
    }

    fn from(self, low: u32) -> impl Iterator<Item = u32> {
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
        })
    }

    /// The first time after `time`; `None` when there is none in the next forty years (every weekday meets every February
    /// 29th by then). Times that the clocks of the zone skip are left out; of times that come twice the first counts.
    pub(super) fn next_after<Z: TimeZone>(&self, time: &DateTime<Z>) -> Option<DateTime<Z>> {
        let local = time.naive_local();
        let mut date = local.date();
        // What is left of the first day begins with the next second, in local time; that may still be too early when the
        // clocks are turned back, so each time is compared below.
        let mut from = (local.hour(), local.minute(), local.second());
        for _ in 0..40 * 366 {
            if self.has_day(date) {
                for hour in self.hours.from(from.0) {
                    let minute_from = if hour == from.0 { from.1 } else { 0 };
                    for minute in self.minutes.from(minute_from) {
                        let is_first = hour == from.0 && minute == from.1;
                        for second in self.seconds.from(if is_first { from.2 } else { 0 }) {
                            let due = date.and_hms_opt(hour, minute, second)?;
                            let due = time.timezone().from_local_datetime(&due).earliest();
                            if let Some(due) = due.filter(|due| due > time) {
                                return Some(due);
                            }
                        }
                    }
                }
            }
            date = date.checked_add_days(Days::new(1))?;
            from = (0, 0, 0);
        }
        None
    }

    fn has_day(&self, date: NaiveDate) -> bool {
        let day = self.days.contains(date.day());
        let weekday = self.weekdays.contains(date.weekday().num_days_from_sunday());
        let all_days = self.days.0.count_ones() == 31;
        let all_weekdays = self.weekdays.0.count_ones() == 7;
        // Where both are restricted either will do.
        self.months.contains(date.month()) && if all_days || all_weekdays { day && weekday } else { day || weekday }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::Utc;
    use proptest::prelude::*;

    fn next(expression: &str, times: usize) -> Vec<String> {
        next_in(expression, times, "2024-01-30T10:17:30Z", chrono_tz::UTC)
    }

    fn next_in(expression: &str, times: usize, from: &str, zone: chrono_tz::Tz) -> Vec<String> {
        let schedule = Schedule::parse(expression).unwrap_or_else(|| panic!("{expression}"));
        let mut time = from.parse::<DateTime<Utc>>().unwrap().with_timezone(&zone);
        let mut found = Vec::new();
        while found.len() < times {
            let Some(due) = schedule.next_after(&time) else { break };
            found.push(due.format("%Y-%m-%d %H:%M:%S").to_string());
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
    fn clocks_that_are_turned() {
        let paris = chrono_tz::Europe::Paris;
        // On March 31st 2024 there is no 02:30 in Paris, on October 27th there are two.
        assert_eq!(
            next_in("30 2 * * *", 2, "2024-03-30T12:00:00Z", paris),
            ["2024-04-01 02:30:00", "2024-04-02 02:30:00"]
        );
        assert_eq!(
            next_in("30 2 * * *", 2, "2024-10-26T12:00:00Z", paris),
            ["2024-10-27 02:30:00", "2024-10-28 02:30:00"]
        );
    }

    proptest! {
        #[test]
        fn due_times_match_and_nothing_between_them_does(
            minute in 0..60_u32, hour in 0..24_u32, step in 1..20_u32, start in 0..2_000_000_000_i64,
        ) {
            let schedule = Schedule::parse(&format!("{minute}/{step} {hour},3 * * *")).unwrap();
            let time = Utc.timestamp_opt(start, 0).unwrap();
            let due = schedule.next_after(&time).unwrap();
            let matches = |t: &DateTime<Utc>| {
                (t.hour() == hour || t.hour() == 3) && t.second() == 0
                    && t.minute() >= minute && (t.minute() - minute).is_multiple_of(step)
            };
            prop_assert!(due > time && matches(&due));
            let mut between = time + chrono::TimeDelta::seconds(1);
            between = between.with_second(0).unwrap() + chrono::TimeDelta::seconds(if between.second() == 0 { 0 } else { 60 });
            while between < due {
                prop_assert!(!matches(&between));
                between += chrono::TimeDelta::minutes(1);
            }
        }

        #[test]
        fn any_text_is_a_schedule_or_not(text in "[0-9*/, @a-z-]{0,24}") {
            if let Some(schedule) = Schedule::parse(&text) {
                let _ = schedule.next_after(&Utc.timestamp_opt(0, 0).unwrap());
            }
        }
    }
}
