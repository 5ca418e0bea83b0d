//! From an error to what an operator needs: what happened, why, what to do, and the exit code.

use std::error::Error;
use std::fmt::Write as _;

use super::exit;
use crate::approval::Refusal;
use crate::config::{ConfigError, switch, trust};
use crate::desired::SourceError;
use crate::drift::{Contradiction, Loosened};
use crate::killswitch::Halted;
use crate::model::display::escape;
use crate::model::{Diagnostic, SourceLine};
use crate::observed::RecordedError;
use crate::report::diagnostics;

/// Why a verb ended without its result.
#[derive(Debug)]
pub struct Failure {
    /// The exit code.
    pub code: u8,
    /// What happened, with its causes; one line each.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
    /// Findings, already drawn.
    pub drawn: String,
    /// The word by which programs know a refusal, where it has one of its own.
    pub word: Option<&'static str>,
}

impl Failure {
    /// A failure with its code.
    pub fn new(code: u8, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), hint: None, drawn: String::new(), word: None }
    }

    /// The same, with what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same, with the word by which programs know it.
    #[must_use]
    pub const fn word(mut self, word: &'static str) -> Self {
        self.word = Some(word);
        self
    }

    /// Both, with the code of the first.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.message = format!("{}\n{}", self.message, other.message);
        self.hint = self.hint.or(other.hint);
        self.drawn.push_str(&other.drawn);
        self
    }

    /// A failure from an error and its causes.
    pub fn of(code: u8, error: &dyn Error) -> Self {
        let mut message = escape(&error.to_string()).into_owned();
        let mut cause = error.source();
        while let Some(error) = cause {
            let _ = write!(message, ": {}", escape(&error.to_string()));
            cause = error.source();
        }
        Self::new(code, message)
    }

    /// Findings about files of desired state.
    pub fn invalid(
        found: &[Diagnostic],
        line_of: diagnostics::LineOf<'_>,
        summary: impl Into<String>,
    ) -> Self {
        let drawn = diagnostics::draw(found, line_of, width());
        Self { drawn, ..Self::new(exit::INVALID, summary) }
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        match &error {
            ConfigError::Invalid { path, text, diagnostics: found } => {
                let name = path.display().to_string();
                let line_of = |file: &str, at| SourceLine::find(text, at).filter(|_| file == name);
                let drawn = diagnostics::draw(found, &line_of, width());
                Self { drawn, ..Self::of(exit::CONFIG, &error) }
            }
            ConfigError::Read { path, .. } => {
                let name = path.file_name().and_then(|name| name.to_str());
                Self::of(exit::CONFIG, &error).hint(match name {
                    Some(trust::FILE_NAME) => {
                        "it stands beside the configuration and says who may approve what; `countersign trust lint FILE` checks one"
                    }
                    Some(switch::FILE_NAME) => {
                        "it stands beside the configuration and says what is armed; without it nothing is"
                    }
                    _ => "name another file with --config",
                })
            }
            ConfigError::Insecure { .. } => Self::of(exit::CONFIG, &error)
                .hint("what decides about changes may be written by its owner alone, and so may every folder above it"),
            ConfigError::Overridden { .. } => Self::of(exit::USAGE, &error)
                .hint("leave it away; `--config FILE` may name another file, as trustworthy as the usual one"),
        }
    }
}

impl From<SourceError> for Failure {
    fn from(error: SourceError) -> Self {
        let code = match error {
            SourceError::Forbidden(_) | SourceError::Limit(_) => exit::INVALID,
            SourceError::Unnamed | SourceError::BadUrl { .. } => exit::USAGE,
            SourceError::Signed(_) => exit::VERIFICATION,
            _ => exit::ERROR,
        };
        let word = if matches!(error, SourceError::Signed(_)) {
            "source_unsigned"
        } else {
            "source_unusable"
        };
        let failure = Self::of(code, &error).word(word);
        match error {
            SourceError::Unnamed => failure
                .hint("name it with --desired PATH|URL, or as [source] url in the configuration"),
            SourceError::NoSuchPath(_) => {
                failure.hint("name another with --desired, or as [source] url in the configuration")
            }
            SourceError::NoFolder { .. } => {
                failure.hint("name the folder as [source] path in the configuration")
            }
            SourceError::Owner(_) => failure
                .hint("run as the owner of the repository, or fetch it from where it is published"),
            SourceError::Mirror { .. } => {
                failure.hint("name a folder that you may write with --data DIR")
            }
            SourceError::Signed(error) => failure.hint(error.hint()),
            SourceError::Forbidden(_) => failure.hint("commit the file itself in its place"),
            SourceError::Git { reason, .. } if reason.contains(".gitconfig") => failure
                .hint("HOME names a folder that this user may not enter: set it to one of its own"),
            _ => failure,
        }
    }
}

impl From<Contradiction> for Failure {
    fn from(error: Contradiction) -> Self {
        Self::of(exit::REFUSED, &error)
            .hint("this is not the machine or database that was meant; nothing else was looked at")
            .word("wrong_identity")
    }
}

impl From<Vec<Loosened>> for Failure {
    fn from(loosened: Vec<Loosened>) -> Self {
        let lines: Vec<String> =
            loosened.iter().map(|one| escape(&one.to_string()).into_owned()).collect();
        Self::new(exit::REFUSED, lines.join("\n"))
            .hint("the host's configuration pins these under [guard]; desired state must contain them as they are")
            .word("guard_loosened")
    }
}

impl From<Halted> for Failure {
    fn from(halted: Halted) -> Self {
        Self::of(exit::of_halt(&halted), &halted).hint(halted.hint())
    }
}

impl From<Vec<Refusal>> for Failure {
    fn from(refusals: Vec<Refusal>) -> Self {
        let lines: Vec<String> = refusals.iter().map(ToString::to_string).collect();
        let code = refusals.iter().map(|one| one.word.exit()).max().unwrap_or(exit::APPROVAL);
        let failure = Self::new(code, lines.join("\n"));
        match refusals.first() {
            Some(first) => failure.hint(first.word.hint()),
            None => failure,
        }
    }
}

impl From<RecordedError> for Failure {
    fn from(error: RecordedError) -> Self {
        Self::of(exit::ERROR, &error)
    }
}

/// How wide a finding may be drawn.
#[must_use]
pub fn width() -> usize {
    std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok()).unwrap_or(140)
}
