//! Instants as RFC 3339 in UTC, and the clock as a parameter: nothing below `cli` asks what time it is.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Period;

/// An instant in UTC: to the second, but where a clock was asked for more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(jiff::Timestamp);

impl Timestamp {
    /// What `clock` says, without its fraction of a second.
    #[must_use]
    pub fn now(clock: &dyn Clock) -> Self {
        clock.now()
    }

    /// The instant so many seconds after 1970-01-01T00:00:00Z; the first or last one that can be written for a number
    /// beyond it.
    #[must_use]
    pub fn from_unix_seconds(seconds: i64) -> Self {
        let beyond = if seconds < 0 { jiff::Timestamp::MIN } else { jiff::Timestamp::MAX };
        Self(jiff::Timestamp::from_second(seconds).unwrap_or(beyond))
    }

    /// The instant that much later.
    #[must_use]
    pub fn after(self, period: Period) -> Self {
        let seconds = i64::try_from(period.seconds()).unwrap_or(i64::MAX);
        Self::from_unix_seconds(self.unix_seconds().saturating_add(seconds))
    }

    /// Seconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub fn unix_seconds(self) -> i64 {
        self.0.as_second()
    }

    /// Milliseconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub fn unix_milliseconds(self) -> i64 {
        self.0.as_millisecond()
    }

    /// The instant with exactly three digits after the second, such as `2026-05-21T06:28:50.120Z`: two of these texts
    /// sort as the instants do.
    #[must_use]
    pub fn with_milliseconds(self) -> String {
        format!("{:.3}", self.0)
    }
}

/// Where the time comes from; tests bring their own.
pub trait Clock: fmt::Debug + Send + Sync {
    /// The present instant, to the second.
    fn now(&self) -> Timestamp;

    /// The same to the millisecond, of a clock that is so fine.
    fn now_milliseconds(&self) -> Timestamp {
        self.now()
    }
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let now = jiff::Timestamp::now();
        Timestamp(jiff::Timestamp::from_second(now.as_second()).unwrap_or(now))
    }

    fn now_milliseconds(&self) -> Timestamp {
        let now = jiff::Timestamp::now();
        Timestamp(jiff::Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Timestamp {
    type Err = jiff::Error;
    /// Reads an RFC 3339 instant, or a date, which means the end of that day in UTC.
    fn from_str(text: &str) -> Result<Self, jiff::Error> {
        if let Ok(date) = text.parse::<jiff::civil::Date>()
            && text.len() == 10
        {
            let end = date.at(23, 59, 59, 0).to_zoned(jiff::tz::TimeZone::UTC)?;
            return Ok(Self(end.timestamp()));
        }
        text.parse().map(Self)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|_| {
            let shown = super::display::one_line(&text, 40);
            serde::de::Error::custom(format!(
                "`{shown}` is no date: write one such as \"2027-12-31\", or an instant such as \"2027-12-31T18:00:00Z\""
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_means_its_end() {
        let end: Timestamp = "2026-05-21".parse().expect("a date");
        assert_eq!(end.to_string(), "2026-05-21T23:59:59Z");
        let instant: Timestamp = "2026-05-21T08:28:50+02:00".parse().expect("an instant");
        assert_eq!(instant.to_string(), "2026-05-21T06:28:50Z");
        assert!("21 May".parse::<Timestamp>().is_err());
    }

    #[test]
    fn milliseconds_are_always_three_digits() {
        let text = |text: &str| text.parse::<Timestamp>().expect("an instant").with_milliseconds();
        assert_eq!(text("2026-05-21T06:28:50Z"), "2026-05-21T06:28:50.000Z");
        assert_eq!(text("2026-05-21T06:28:50.12Z"), "2026-05-21T06:28:50.120Z");
        assert_eq!(SystemClock.now_milliseconds().with_milliseconds().len(), 24);
    }

    #[test]
    fn instants_beyond_the_calendar_are_its_ends() {
        let at = Timestamp::from_unix_seconds;
        assert_eq!(at(1_779_344_930).to_string(), "2026-05-21T06:28:50Z");
        assert!(at(i64::MAX) > at(1 << 36) && at(i64::MIN) < at(0));
        assert_eq!(at(0).after(Period::from_seconds(60)), at(60));
        assert_eq!(at(0).after(Period::from_seconds(u64::MAX)), at(i64::MAX));
    }
}
