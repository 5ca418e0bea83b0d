//! Lengths of time in desired state, such as "26h" or "30d".

use std::fmt;
use std::str::FromStr;

use jiff::SpanRelativeTo;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::display::one_line;

/// A length of time in whole seconds. A day has 24 hours, a week seven days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Period(u64);

/// A text is no length of time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no length of time: write one such as \"90m\", \"26h\" or \"30d\"")]
pub struct PeriodError(String);

impl Period {
    /// So many seconds.
    #[must_use]
    pub const fn from_seconds(seconds: u64) -> Self {
        Self(seconds)
    }

    /// Its seconds.
    #[must_use]
    pub const fn seconds(self) -> u64 {
        self.0
    }
}

impl FromStr for Period {
    type Err = PeriodError;
    /// Reads what jiff reads, without months, years, fractions of a second and a sign.
    fn from_str(text: &str) -> Result<Self, PeriodError> {
        let wrong = || PeriodError(one_line(text, 40));
        // Long texts are no lengths of time, and nobody has to read them to know it.
        let span = text.get(..64.min(text.len())).filter(|short| short.len() == text.len());
        let span: jiff::Span = span.and_then(|text| text.parse().ok()).ok_or_else(wrong)?;
        let length = span.to_duration(SpanRelativeTo::days_are_24_hours()).map_err(|_| wrong())?;
        let whole = length.subsec_nanos() == 0;
        u64::try_from(length.as_secs()).ok().filter(|_| whole).map(Self).ok_or_else(wrong)
    }
}

impl fmt::Display for Period {
    /// Its two largest units that are not zero: an age to the second helps nobody.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(seconds) = *self;
        let units = [
            (seconds / 86_400, "d"),
            (seconds / 3600 % 24, "h"),
            (seconds / 60 % 60, "min"),
            (seconds % 60, "s"),
        ];
        let mut shown = units.iter().skip_while(|(count, _)| *count == 0).take(2);
        let Some((count, unit)) = shown.next() else { return f.write_str("0 s") };
        write!(f, "{count} {unit}")?;
        match shown.next() {
            Some((count, unit)) if *count > 0 => write!(f, " {count} {unit}"),
            _ => Ok(()),
        }
    }
}

impl Serialize for Period {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{}s", self.0))
    }
}

impl<'de> Deserialize<'de> for Period {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Period {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Period".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "description": "A length of time, such as \"90m\", \"26h\" or \"30d\"."
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_days_and_weeks_are_read() {
        for (text, seconds) in [
            ("26h", 93_600),
            ("30d", 2_592_000),
            ("2w", 1_209_600),
            ("1d 2h", 93_600),
            ("90m", 5400),
            ("0s", 0),
        ] {
            assert_eq!(text.parse(), Ok(Period(seconds)), "{text}");
        }
        let long = "1h ".repeat(1000);
        for text in ["", "26", "1mo", "1y", "-3h", "3h ago", "1.5s", "tomorrow", &long, "ä"] {
            assert!(text.parse::<Period>().is_err(), "{text}");
        }
    }

    #[test]
    fn an_age_shows_its_two_largest_units() {
        for (seconds, shown) in [
            (0, "0 s"),
            (59, "59 s"),
            (93_600, "1 d 2 h"),
            (86_400, "1 d"),
            (86_460, "1 d"),
            (3725, "1 h 2 min"),
        ] {
            assert_eq!(Period(seconds).to_string(), shown);
        }
    }

    #[test]
    fn what_is_stored_is_read_again() {
        let stored = serde_json::to_string(&Period(93_600)).expect("plain");
        assert_eq!(serde_json::from_str::<Period>(&stored).expect("read"), Period(93_600));
    }
}
