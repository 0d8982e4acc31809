//! `TimePattern`: a `strftime` pattern, read once, by which times are written and read.

use jiff::ZonedDateTime;
use jiff::fmt::strtime::{self, BrokenDownTime};
use jiff::tz::TimeZone;

use crate::clock::fraction;

/// What directives that stand for several ones mean.
const SHORTHANDS: [(&str, &str); 8] = [
    ("c", "%a %b %e %H:%M:%S %Y"),
    ("D", "%m/%d/%y"),
    ("x", "%m/%d/%y"),
    ("X", "%H:%M:%S"),
    ("r", "%I:%M:%S %p"),
    ("v", "%e-%b-%Y"),
    ("h", "%b"),
    ("+", "%Y-%m-%dT%H:%M:%S%.f%:z"),
];

/// Directives that a flag (`-`, `_` or `0`) may stand before.
const PLAIN: &str = "YCyqmbBdeaAwuUWGgVjFHkIlPpMSRTZst";

/// Directives in more than one letter, and those that take no flag.
const OTHER: [&str; 13] = ["f", ".f", ".3f", ".6f", ".9f", "3f", "6f", "9f", "z", ":z", "::z", ":::z", "n"];

/// A pattern that is none.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("Invalid format: {0}")]
pub(super) struct InvalidPattern(String);

/// A `strftime` pattern.
#[derive(Clone, Debug)]
pub(super) struct TimePattern(Vec<Item>);

#[derive(Clone, Debug)]
enum Item {
    Text(String),
    /// `Z` right behind a time of day: the offset, which is written so in UTC.
    Zulu,
    /// A directive, and the flag before it.
    Directive(Option<char>, String),
}

impl TimePattern {
    /// # Errors
    /// When a `%` has nothing behind it that is a directive.
    pub(super) fn new(pattern: &str) -> Result<Self, InvalidPattern> {
        let mut items = Vec::new();
        read(pattern, &mut items).ok_or_else(|| InvalidPattern(pattern.to_string()))?;
        Ok(Self(items))
    }

    /// The text of a time; `None` when it cannot be written so.
    pub(super) fn format(&self, time: &ZonedDateTime) -> Option<String> {
        let mut pattern = String::new();
        for item in &self.0 {
            match item {
                Item::Text(text) => pattern.push_str(&text.replace('%', "%%")),
                Item::Zulu => pattern.push_str(if time.offset().is_zero() { "Z" } else { "%:z" }),
                Item::Directive(flag, name) => match name.as_str() {
                    "f" => pattern.push_str("%9f"),
                    ".f" => pattern.push_str(fraction(time)),
                    // Of any century; the library knows these two for one only.
                    "y" => pattern.push_str(&padded(time.year().rem_euclid(100), *flag)),
                    "g" => pattern.push_str(&padded(time.iso_week_date().year().rem_euclid(100), *flag)),
                    "C" => pattern.push_str(&padded(time.year().div_euclid(100), *flag)),
                    other => pattern.extend(['%'].into_iter().chain(*flag).chain(other.chars())),
                },
            }
        }
        strtime::format(&pattern, time).ok()
    }

    /// The time that a text says: by an offset in it, else in `zone`, where a time that its clocks skip is as much later as they
    /// skip, and of one that comes twice the first is meant. A date alone is the beginning of its day.
    pub(super) fn parse(&self, text: &str, zone: &TimeZone) -> Option<ZonedDateTime> {
        self.read(text, zone, "Z").or_else(|| self.read(text, zone, "%:z"))
    }

    fn read(&self, text: &str, zone: &TimeZone, zulu: &str) -> Option<ZonedDateTime> {
        let mut text = text.to_string();
        let (mut pattern, mut in_utc, mut abbreviation) = (String::new(), false, None);
        for item in &self.0 {
            match item {
                Item::Text(plain) => pattern.push_str(&plain.replace('%', "%%")),
                Item::Zulu => {
                    pattern.push_str(zulu);
                    in_utc = zulu == "Z";
                }
                Item::Directive(_, name) if name == "Z" => {
                    // An abbreviation says too little to be read by itself: it means UTC, or has to be one of the zone.
                    let (_, at) = BrokenDownTime::parse_prefix(&pattern, &text).ok()?;
                    let rest = text.get(at..)?;
                    let length = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
                    let is_utc = ["UTC", "GMT", "Z"].iter().any(|name| name.eq_ignore_ascii_case(&rest[..length]));
                    in_utc |= is_utc;
                    abbreviation = (length > 0 && !is_utc).then(|| rest[..length].to_string()).or(abbreviation);
                    text.replace_range(at..at + length, "");
                }
                Item::Directive(_, name) if name.ends_with('f') => {
                    pattern.push_str(if name.starts_with('.') { "%.f" } else { "%f" });
                }
                Item::Directive(_, name) => pattern.extend(['%'].into_iter().chain(name.chars())),
            }
        }
        let read = BrokenDownTime::parse(&pattern, &text).ok()?;
        if read.offset().is_some() || read.timestamp().is_some() {
            return Some(read.to_timestamp().ok()?.to_zoned_datetime(zone.clone()));
        }
        let local = read.to_datetime().or_else(|_| read.to_date().map(|date| date.at(0, 0, 0, 0))).ok()?;
        let within = if in_utc { &TimeZone::UTC } else { zone };
        let Some(abbreviation) = abbreviation.filter(|_| !in_utc) else {
            return Some(within.to_zoned_datetime(local).ok()?.with_time_zone(zone.clone()));
        };
        // It tells the two times apart that one clock time has when clocks are set back.
        let times = within.to_ambiguous_zoned_datetime(local);
        let is_meant = |time: &ZonedDateTime| {
            within.to_offset_info(time.timestamp()).abbreviation().eq_ignore_ascii_case(&abbreviation)
        };
        [times.clone().compatible().ok()?, times.later().ok()?].into_iter().find(is_meant)
    }
}

/// Reads the items of a pattern; `None` when it is none.
fn read(mut rest: &str, items: &mut Vec<Item>) -> Option<()> {
    while let Some(first) = rest.chars().next() {
        if first != '%' {
            let after_time = items.last().is_some_and(Item::is_time);
            if first == 'Z' && after_time && !rest[1..].starts_with(char::is_alphanumeric) {
                items.push(Item::Zulu);
                rest = &rest[1..];
                continue;
            }
            let end = rest.find('%').unwrap_or(rest.len());
            items.push(Item::Text(rest[..end].to_string()));
            rest = &rest[end..];
            continue;
        }
        rest = &rest[1..];
        let flag = rest.chars().next().filter(|c| matches!(c, '-' | '_' | '0'));
        let directive = if flag.is_some() { &rest[1..] } else { rest };
        let next = directive.chars().next()?;
        if let (None, Some((short, long))) = (flag, SHORTHANDS.iter().find(|(short, _)| directive.starts_with(short))) {
            read(long, items)?;
            rest = &directive[short.len()..];
        } else if flag.is_none() && next == '%' {
            items.push(Item::Text("%".to_string()));
            rest = &directive[1..];
        } else {
            let is_plain = PLAIN.contains(next);
            let plain = is_plain.then(|| &directive[..next.len_utf8()]);
            let other = || OTHER.into_iter().find(|other| flag.is_none() && directive.starts_with(other));
            let name = plain.or_else(other)?;
            items.push(Item::Directive(flag, name.to_string()));
            rest = &directive[name.len()..];
        }
    }
    Some(())
}

impl Item {
    /// Whether the smallest part of a time of day ends here.
    fn is_time(&self) -> bool {
        const ENDS: [&str; 12] = ["S", "M", "T", "R", "H", "I", "k", "l", "p", "P", "r", "X"];
        matches!(self, Self::Directive(_, name) if ENDS.contains(&name.as_str()) || name.ends_with('f'))
    }
}

fn padded(number: i16, flag: Option<char>) -> String {
    match flag {
        Some('-') => number.to_string(),
        Some('_') => format!("{number:2}"),
        _ => format!("{number:02}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> ZonedDateTime {
        text.parse().unwrap()
    }

    fn written(pattern: &str, time: &str) -> String {
        TimePattern::new(pattern).unwrap().format(&at(time)).unwrap()
    }

    #[test]
    fn every_directive() {
        let time = "2001-07-08T00:34:59.026490708+09:30[Australia/Darwin]";
        for (pattern, text) in [
            ("%Y %C %y %m %b %B %h %d %e", "2001 20 01 07 Jul July Jul 08  8"),
            ("%a %A %w %u %U %W %G %g %V %j %q", "Sun Sunday 0 7 27 27 2001 01 27 189 3"),
            ("%D|%x|%F|%v", "07/08/01|07/08/01|2001-07-08| 8-Jul-2001"),
            ("%H %k %I %l %P %p %M %S", "00  0 12 12 am AM 34 59"),
            ("%f %.f %.3f %.6f %.9f %3f %6f %9f", "026490708 .026490708 .026 .026490 .026490708 026 026490 026490708"),
            ("%R %T %X %r", "00:34 00:34:59 00:34:59 12:34:59 AM"),
            ("%Z %z %:z %::z %s", "ACST +0930 +09:30 +09:30:00 994518299"),
            ("%c", "Sun Jul  8 00:34:59 2001"),
            ("%+", "2001-07-08T00:34:59.026490708+09:30"),
            ("%-d %_d %0e %-m %_H %-y %_y", "8  8 08 7  0 1  1"),
            ("100%%%n%té", "100%\n\té"),
        ] {
            assert_eq!(written(pattern, time), text, "{pattern}");
        }
        assert_eq!(written("%y %C %g", "1850-03-04T00:00:00+00:00[UTC]"), "50 18 50");
    }

    #[test]
    fn what_is_no_directive_is_refused() {
        for pattern in ["%Q", "%", "a%", "%é", "%4f", "%.f%.", "%-%", "%:", "%10d", "%L"] {
            assert_eq!(TimePattern::new(pattern).unwrap_err().to_string(), format!("Invalid format: {pattern}"));
        }
    }

    #[test]
    fn a_z_behind_the_time_is_the_offset() {
        let paris = "2024-07-01T02:00:00+02:00[Europe/Paris]";
        assert_eq!(written("%Y-%m-%dT%H:%M:%S%.3fZ", paris), "2024-07-01T02:00:00.000+02:00");
        assert_eq!(written("%FT%TZ", "2024-07-01T00:00:00Z[UTC]"), "2024-07-01T00:00:00Z");
        assert_eq!(written("Zone %Y Z %HZone", paris), "Zone 2024 Z 02Zone");
        let pattern = TimePattern::new("%FT%T%.fZ").unwrap();
        let zone = TimeZone::get("Europe/Paris").unwrap();
        for text in ["2024-07-01T00:00:00Z", "2024-07-01T02:00:00+02:00", "2024-06-30T20:00:00.000-04:00"] {
            assert_eq!(pattern.parse(text, &zone).unwrap(), at(paris), "{text}");
        }
    }

    #[test]
    fn texts_are_read() {
        let zone = TimeZone::get("America/New_York").unwrap();
        for (pattern, text, timestamp) in [
            ("%Y-%m-%d", "2024-01-01", 1_704_085_200),
            ("%d.%m.%y %H:%M", "01.01.24 00:00", 1_704_085_200),
            ("%s", "1704085200", 1_704_085_200),
            ("%a, %d %b %Y %T %z", "Mon, 01 Jan 2024 05:00:00 +0000", 1_704_085_200),
            ("%a, %d %b %Y %T %Z", "Mon, 01 Jan 2024 05:00:00 GMT", 1_704_085_200),
            ("%c", "Mon Jan  1 00:00:00 2024", 1_704_085_200),
            ("%I:%M %p %Z, %F", "12:00 AM EST, 2024-01-01", 1_704_085_200),
            // Twice on November 3rd, and not at all on March 10th.
            ("%F %R", "2024-11-03 01:30", 1_730_611_800),
            ("%F %R", "2024-03-10 02:30", 1_710_055_800),
            ("%F %R %Z", "2024-11-03 01:30 EDT", 1_730_611_800),
            ("%F %R %Z", "2024-11-03 01:30 EST", 1_730_615_400),
        ] {
            let read = TimePattern::new(pattern).unwrap().parse(text, &zone).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(read.timestamp().as_second(), timestamp, "{text}");
        }
        for (pattern, text) in [
            ("%F", "2024-02-30"),
            ("%H:%M", "12:00"),
            ("%F", "2024-01-01x"),
            ("%FZ", "2024-01-01"),
            // It names another zone, or another half of the year.
            ("%F %R %Z", "2024-07-01 12:00 CEST"),
            ("%F %R %Z", "2024-07-01 12:00 EST"),
        ] {
            assert!(TimePattern::new(pattern).unwrap().parse(text, &zone).is_none(), "{text}");
        }
    }
}
