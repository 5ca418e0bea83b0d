//! The switch and the halt: whether anything may be changed at all. Whatever cannot be read means no.
//!
//! `switch.toml` arms what an operator wants armed, until he disarms it. A halt stops everything whatever the switch says: it
//! is a marker in `DATA/halt/`, and any member of that folder's group may set one. Neither rests on the ledger, on the
//! network or on anybody's signature.

mod marker;
mod order;

use std::fmt;
use std::path::PathBuf;

use crate::config::{Config, ConfigError, strict};
use crate::model::display::{escape, escaped_line as cut, few};

pub use marker::{Marker, MarkerError, folder, halt, lift, markers};
pub use order::{NAMESPACE, Order, OrderError, import};

/// What wants to change something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// Applying a plan.
    Apply,
    /// Running a proof.
    Prove,
}

/// The switch was on and nothing was halted, at the moment when it was asked. It is spent by whoever acts on it; ask again
/// before the next step.
#[derive(Debug)]
#[must_use = "ask before each step, and act on the answer at once"]
pub struct Armed {
    verb: Verb,
}

/// Why nothing may be changed.
#[derive(Debug, thiserror::Error)]
pub enum Halted {
    /// Somebody halted it.
    #[error("halted: {0}")]
    Marker(String),
    /// Whether it is halted cannot be told.
    #[error("whether it is halted cannot be told, so it is")]
    Unreadable(#[source] MarkerError),
    /// The switch is off.
    #[error("the switch is off: {} does not say `{verb} = true`", escape(&file.display().to_string()))]
    Off {
        /// What was wanted.
        verb: Verb,
        /// The switch file.
        file: PathBuf,
    },
    /// The switch cannot be read, and then it is off.
    #[error("the switch cannot be read, so it is off")]
    Switch(#[source] ConfigError),
    /// Others than its owner could have written the switch, so what it says counts for nothing.
    #[error("the switch cannot be trusted, so it is off")]
    Insecure(#[source] ConfigError),
}

impl Halted {
    /// The word by which programs know it.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Marker(_) => "halted",
            Self::Unreadable(_) => "halt_unreadable",
            Self::Off { .. } => "switched_off",
            Self::Switch(_) => "switch_unreadable",
            Self::Insecure(_) => "switch_insecure",
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Marker(_) => {
                "`countersign halt --status` says who and why; the owner of the configuration lifts it with `halt --lift`"
            }
            Self::Unreadable(_) => "let the user who applies read the folder `halt` below `data`",
            Self::Off { .. } => "the owner of the file arms it, for as long as it is needed",
            Self::Switch(ConfigError::Read { source, .. })
                if matches!(source.kind(), std::io::ErrorKind::NotFound) =>
            {
                "without that file nothing is armed: its owner writes `version = 1` and `apply = true` into it"
            }
            Self::Switch(_) => "mend the file; until then nothing is armed",
            Self::Insecure(_) => {
                "find out who could write it and what they wrote; then let its owner alone write it, and every folder above it"
            }
        }
    }
}

impl Armed {
    /// What it was asked for.
    #[must_use]
    pub const fn verb(&self) -> Verb {
        self.verb
    }
}

/// Reads switch and halt afresh.
///
/// # Errors
/// Everything but a readable switch that is on, and a readable folder without a marker in it.
pub fn check(config: &Config, verb: Verb) -> Result<Armed, Halted> {
    let set = markers(&config.data.value).map_err(Halted::Unreadable)?;
    if !set.is_empty() {
        let said: Vec<String> = set.iter().map(|marker| cut(&marker.to_string(), 200)).collect();
        return Err(Halted::Marker(few(said.into_iter(), 3)));
    }
    let switch = strict::switch(config).map_err(|error| match error {
        error @ ConfigError::Insecure { .. } => Halted::Insecure(error),
        error => Halted::Switch(error),
    })?;
    let on = match verb {
        Verb::Apply => switch.apply,
        Verb::Prove => switch.prove,
    };
    if on {
        return Ok(Armed { verb });
    }
    let file = config.file.clone().unwrap_or_else(|| crate::config::DEFAULT_PATH.into());
    Err(Halted::Off { verb, file: file.with_file_name(crate::config::switch::FILE_NAME) })
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Apply => "apply",
            Self::Prove => "prove",
        })
    }
}

#[cfg(test)]
mod tests;
