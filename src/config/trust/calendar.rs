//! When plans may be applied: windows of a week, and dates on which nothing is. All in UTC.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};

use crate::model::Timestamp;
use crate::model::display::one_line;

const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const DAY_SECONDS: i64 = 86_400;
const DAY_MINUTES: i64 = 24 * 60;
/// 1970-01-01 was a Thursday.
const FIRST_DAY: i64 = 3;

/// Some days of a week, from one time of day to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    first: usize,
    last: usize,
    /// Minutes since midnight; the first one inside, and the first one after.
    minutes: (i64, i64),
}

/// Some dates, the first and the last included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Freeze {
    text: String,
    /// Its first second, and its last.
    seconds: (i64, i64),
}

impl Window {
    /// Does it contain this instant?
    #[must_use]
    pub fn contains(&self, at: Timestamp) -> bool {
        let seconds = at.unix_seconds();
        let day = (seconds.div_euclid(DAY_SECONDS) + FIRST_DAY).rem_euclid(7);
        let minute = seconds.rem_euclid(DAY_SECONDS) / 60;
        let Ok(day) = usize::try_from(day) else { return false };
        // "Sat-Mon" goes round the end of the week.
        let within = if self.first <= self.last {
            (self.first..=self.last).contains(&day)
        } else {
            day >= self.first || day <= self.last
        };
        within && (self.minutes.0..self.minutes.1).contains(&minute)
    }
}

impl Freeze {
    /// Does it contain this instant?
    #[must_use]
    pub fn contains(&self, at: Timestamp) -> bool {
        (self.seconds.0..=self.seconds.1).contains(&at.unix_seconds())
    }

    /// Is it over?
    #[must_use]
    pub fn is_over(&self, at: Timestamp) -> bool {
        at.unix_seconds() > self.seconds.1
    }
}

impl FromStr for Window {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let read = || {
            let (days, hours) = text.split_once(' ')?;
            let (first, last) = days.split_once('-').unwrap_or((days, days));
            let day = |name: &str| DAYS.iter().position(|day| *day == name);
            let (from, to) = hours.split_once('-')?;
            let minutes = (minute(from)?, minute(to)?);
            let window = Self { first: day(first)?, last: day(last)?, minutes };
            (minutes.0 < minutes.1).then_some(window)
        };
        read().ok_or_else(|| {
            format!(
                "`{}` is no window: write one such as \"Mon-Fri 09:00-17:00\" or \"Sun 00:00-24:00\", in UTC and within one \
                 day; two for one that goes past midnight",
                one_line(text, 40)
            )
        })
    }
}

fn minute(text: &str) -> Option<i64> {
    let (hours, minutes) = text.split_once(':')?;
    let number = |digits: &str| {
        (digits.len() == 2 && digits.bytes().all(|c| c.is_ascii_digit()))
            .then(|| digits.parse::<i64>().ok())?
    };
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    let all = hours * 60 + minutes;
    (minutes < 60 && all <= DAY_MINUTES).then_some(all)
}

impl FromStr for Freeze {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // A date alone is its last second.
        let date = |text: &str| {
            (text.len() == 10).then(|| text.parse::<Timestamp>().ok())?.map(Timestamp::unix_seconds)
        };
        let read = || {
            let (first, last) = text.split_once('/').unwrap_or((text, text));
            let seconds = (date(first)? - DAY_SECONDS + 1, date(last)?);
            (seconds.0 < seconds.1).then(|| Self { text: text.to_owned(), seconds })
        };
        read().ok_or_else(|| {
            let shown = one_line(text, 40);
            format!(
                "`{shown}` is no range of dates: write one such as \"2026-12-20/2027-01-04\", or one date"
            )
        })
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let day = |at: usize| DAYS.get(at).copied().unwrap_or_default();
        f.write_str(day(self.first))?;
        if self.first != self.last {
            write!(f, "-{}", day(self.last))?;
        }
        let (from, to) = self.minutes;
        write!(f, " {:02}:{:02}-{:02}:{:02}", from / 60, from % 60, to / 60, to % 60)
    }
}

impl fmt::Display for Freeze {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Window {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Freeze {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Window {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Window".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "description": "Such as \"Mon-Fri 09:00-17:00\", in UTC." })
    }
}

impl JsonSchema for Freeze {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Freeze".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "description": "Such as \"2026-12-20/2027-01-04\", in UTC." })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("an instant")
    }

    #[test]
    fn a_window_is_some_hours_of_some_days() {
        let week: Window = "Mon-Fri 09:00-17:00".parse().expect("a window");
        // 2026-11-23 is a Monday.
        for (instant, inside) in [
            ("2026-11-23T08:59:59Z", false),
            ("2026-11-23T09:00:00Z", true),
            ("2026-11-27T16:59:59Z", true),
            ("2026-11-27T17:00:00Z", false),
            ("2026-11-28T12:00:00Z", false),
            ("2026-11-22T12:00:00Z", false),
        ] {
            assert_eq!(week.contains(at(instant)), inside, "{instant}");
        }
        let round: Window = "Sat-Mon 00:00-24:00".parse().expect("a window");
        let days = |day: u32| round.contains(at(&format!("2026-11-{day}T23:59:59Z")));
        assert_eq!(
            (21..28).map(days).collect::<Vec<_>>(),
            [true, true, true, false, false, false, false]
        );
        assert_eq!(
            (week.to_string(), round.to_string()),
            ("Mon-Fri 09:00-17:00".to_owned(), "Sat-Mon 00:00-24:00".to_owned())
        );
    }

    #[test]
    fn a_freeze_holds_its_first_and_its_last_day() {
        let freeze: Freeze = "2026-12-20/2027-01-04".parse().expect("dates");
        for (instant, inside) in [
            ("2026-12-19T23:59:59Z", false),
            ("2026-12-20T00:00:00Z", true),
            ("2027-01-04T23:59:59Z", true),
            ("2027-01-05T00:00:00Z", false),
        ] {
            assert_eq!(freeze.contains(at(instant)), inside, "{instant}");
        }
        assert!(freeze.is_over(at("2027-01-05T00:00:00Z")));
        let one: Freeze = "2026-12-24".parse().expect("a date");
        assert!(
            one.contains(at("2026-12-24T00:00:00Z")) && !one.contains(at("2026-12-25T00:00:00Z"))
        );
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for bad in [
            "",
            "Mon",
            "mon 09:00-10:00",
            "Mon 9:00-10:00",
            "Mon 10:00-09:00",
            "Mon 10:00-10:00",
            "Mon 00:00-24:01",
            "Mon 10:60-11:00",
            "Mon-Fri-Sat 09:00-10:00",
            "Mon  09:00-10:00",
            "Mon +9:00-10:00",
        ] {
            assert!(bad.parse::<Window>().is_err(), "{bad}");
        }
        for bad in ["", "2026-12", "2027-01-04/2026-12-20", "2026-12-20T00:00:00Z", "2026-02-30"] {
            assert!(bad.parse::<Freeze>().is_err(), "{bad}");
        }
    }
}
