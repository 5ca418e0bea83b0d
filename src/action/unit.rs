//! Changes of units of systemd.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What the manager is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnitChange {
    /// Started at boot from now on.
    Enable,
    /// No longer.
    Disable,
    /// Started now.
    Start,
    /// Stopped now.
    Stop,
}

impl UnitChange {
    /// The name of the action.
    #[must_use]
    pub const fn action(self) -> &'static str {
        match self {
            Self::Enable => "enable_unit",
            Self::Disable => "disable_unit",
            Self::Start => "start_unit",
            Self::Stop => "stop_unit",
        }
    }

    /// The word for people.
    #[must_use]
    pub const fn verb(self) -> &'static str {
        match self {
            Self::Enable => "enable unit",
            Self::Disable => "disable unit",
            Self::Start => "start unit",
            Self::Stop => "stop unit",
        }
    }

    /// The state that it leads to, whatever was there before.
    #[must_use]
    pub fn leads_to(self) -> UnitState {
        let is = |word: &str| Some(word.to_owned());
        match self {
            Self::Enable => UnitState { active: None, enabled: is("enabled") },
            Self::Disable => UnitState { active: None, enabled: is("disabled") },
            Self::Start => UnitState { active: is("active"), enabled: None },
            Self::Stop => UnitState { active: is("inactive"), enabled: None },
        }
    }

    /// What takes it back.
    #[must_use]
    pub const fn inverse(self) -> Self {
        match self {
            Self::Enable => Self::Disable,
            Self::Disable => Self::Enable,
            Self::Start => Self::Stop,
            Self::Stop => Self::Start,
        }
    }
}

/// The state of a unit, in the words of systemd.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnitState {
    /// Such as "active"; `None` where the step does not depend on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active: Option<String>,
    /// Such as "enabled"; `None` where the step does not depend on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<String>,
}

impl UnitState {
    /// Is `seen` what this says?
    #[must_use]
    pub fn holds(&self, seen: &Self) -> bool {
        let agree = |said: &Option<String>, seen: &Option<String>| said.is_none() || said == seen;
        agree(&self.active, &seen.active) && agree(&self.enabled, &seen.enabled)
    }
}

/// A few words for people.
impl fmt::Display for UnitState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<&str> =
            self.active.iter().chain(&self.enabled).map(String::as_str).collect();
        f.write_str(&words.join(", "))
    }
}
