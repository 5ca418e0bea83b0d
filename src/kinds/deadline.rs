//! How long one question may take: a key such as `deadline = "5s"` with a default and a limit, both in seconds.

use std::borrow::Cow;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};

use crate::model::{Period, Reason, Unknown};

/// A time of at least one millisecond and at most `MAX` seconds; `DEFAULT` when nothing is said.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deadline<const DEFAULT: u64, const MAX: u64>(pub(super) Duration);

impl<const DEFAULT: u64, const MAX: u64> Default for Deadline<DEFAULT, MAX> {
    fn default() -> Self {
        Self(Duration::from_secs(DEFAULT))
    }
}

impl<const DEFAULT: u64, const MAX: u64> Deadline<DEFAULT, MAX> {
    /// An answer that came too late, with this limit: the server says only that there was one.
    pub(super) fn named(self, why: Unknown, whose: &str) -> Unknown {
        if why.reason != Reason::Deadline {
            return why;
        }
        let limit = self.0.as_secs_f32();
        Unknown::new(why.reason, format!("{}; `deadline` of this {whose}: {limit} s", why.detail))
    }
}

impl<'de, const DEFAULT: u64, const MAX: u64> Deserialize<'de> for Deadline<DEFAULT, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let parsed = text.parse::<jiff::SignedDuration>().ok().and_then(|d| d.try_into().ok());
        match parsed {
            Some(duration)
                if (Duration::from_millis(1)..=Duration::from_secs(MAX)).contains(&duration) =>
            {
                Ok(Self(duration))
            }
            _ => Err(serde::de::Error::custom(format_args!(
                "expected a length of time of at most {}, such as \"5s\"",
                Period::from_seconds(MAX)
            ))),
        }
    }
}

impl<const DEFAULT: u64, const MAX: u64> JsonSchema for Deadline<DEFAULT, MAX> {
    fn schema_name() -> Cow<'static, str> {
        "Deadline".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_a_limit() {
        let read = |text: &str| serde_json::from_value::<Deadline<5, 120>>(text.into());
        assert_eq!(read("2m").expect("the limit").0, Duration::from_mins(2));
        assert_eq!(Deadline::<5, 120>::default().0, Duration::from_secs(5));
        for bad in ["", "5", "0s", "-1s", "121s", "soon"] {
            let error = read(bad).expect_err(bad).to_string();
            assert!(error.contains("at most 2 min"), "{error}");
        }
    }
}
