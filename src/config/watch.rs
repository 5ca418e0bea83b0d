//! `[watch]`: the rhythm of the controller.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use super::load::Sections;
use super::{Config, Setting};
use crate::model::{Code, Diagnostic, Period};

/// `[watch]`, as it is written.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WatchSection {
    /// The time between two full scans, such as "5m": between "1s" and "24h".
    interval: Option<Period>,
    /// How often a remote is asked, and what cannot be watched is looked at, such as "30s": between "1s" and "1h".
    poll: Option<Period>,
    /// How old a verdict may be before it is unknown: at least `interval`. Default: three times that.
    max_age: Option<Period>,
    /// How long one kind of resource may take, such as "60s": between "1s" and "1h".
    deadline: Option<Period>,
    /// What becomes of a branch that does not follow from the commit in force. With `verify = "signed"` it is refused
    /// whatever this says.
    force_push: Option<ForcePush>,
}

/// What becomes of a branch that does not follow from the commit in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ForcePush {
    /// It is refused, and the commit in force stays.
    #[default]
    Refuse,
    /// It is taken.
    Accept,
}

/// The rhythm of the controller, as it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Watch {
    /// The time between two full scans.
    pub interval: Duration,
    /// How often a remote is asked, and what cannot be watched is looked at.
    pub poll: Duration,
    /// How old a verdict may be.
    pub max_age: Duration,
    /// How long one kind of resource may take.
    pub deadline: Duration,
    /// What becomes of a branch that does not follow from the commit in force.
    pub force_push: ForcePush,
}

impl Default for Watch {
    fn default() -> Self {
        Self {
            interval: Duration::from_mins(5),
            poll: Duration::from_secs(30),
            max_age: Duration::from_mins(15),
            deadline: Duration::from_mins(1),
            force_push: ForcePush::default(),
        }
    }
}

impl WatchSection {
    fn settings(&self) -> Result<Watch, String> {
        let usual = Watch::default();
        let hour = Duration::from_hours(1);
        let within = |key: &str, given: Option<Period>, usual: Duration, most: Duration| {
            let length = given.map_or(usual, |period| Duration::from_secs(period.seconds()));
            if (Duration::from_secs(1)..=most).contains(&length) {
                return Ok(length);
            }
            let most = Period::from_seconds(most.as_secs());
            Err(format!("`{key}` of [watch] is a length of time between 1 s and {most}"))
        };
        let interval = within("interval", self.interval, usual.interval, 24 * hour)?;
        let max_age = within("max_age", self.max_age, 3 * interval, 24 * 30 * hour)?;
        if max_age < interval {
            // Every verdict would be unknown most of the time.
            return Err("`max_age` of [watch] is shorter than `interval`".to_owned());
        }
        Ok(Watch {
            interval,
            poll: within("poll", self.poll, usual.poll, hour)?,
            max_age,
            deadline: within("deadline", self.deadline, usual.deadline, hour)?,
            force_push: self.force_push.unwrap_or_default(),
        })
    }
}

impl Sections<'_, '_> {
    pub(super) fn watch(&mut self, config: &mut Config) {
        let Some(section) = self.section::<WatchSection>("watch") else { return };
        match section.settings() {
            Ok(watch) => config.watch = Setting::file(watch),
            Err(message) => {
                let place = self.all.value_span("watch").unwrap_or_default();
                let error = Diagnostic::error(Code::WrongType, self.all.file(), place, message);
                self.found.push(error);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Watch, String> {
        toml::from_str::<WatchSection>(text).map_err(|e| e.to_string())?.settings()
    }

    #[test]
    fn a_verdict_lasts_three_scans_unless_it_is_said() {
        assert_eq!(read(""), Ok(Watch::default()));
        let watch = read("interval = \"1h\"").expect("valid");
        assert_eq!(watch.max_age, Duration::from_hours(3));
    }

    #[test]
    fn a_rhythm_that_could_never_be_kept_is_refused() {
        for (text, why) in [
            ("interval = \"0s\"", "between 1 s and 1 d"),
            ("poll = \"2h\"", "`poll`"),
            ("interval = \"10m\"\nmax_age = \"5m\"", "shorter than"),
            ("deadline = \"2d\"", "`deadline`"),
        ] {
            let error = read(text).expect_err(text);
            assert!(error.contains(why), "{error}");
        }
    }
}
