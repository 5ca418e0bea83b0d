//! Why something could not be told. Unknown is a verdict, never a default for "fine".

use std::fmt;

use serde::{Deserialize, Serialize};

/// One question without an answer: a stable reason for programs, a detail for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{reason}: {detail}")]
pub struct Unknown {
    /// The class, stable across releases.
    pub reason: Reason,
    /// What exactly, as a fragment; never holds a secret.
    pub detail: String,
}

impl Unknown {
    /// Puts a reason and its detail together.
    pub fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Self { reason, detail: detail.into() }
    }
}

/// The classes of not knowing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The host's `[observe]` section does not allow the read.
    NotAllowed,
    /// A symbolic link stands in the middle of the path.
    SymlinkOnPath,
    /// The operating system or the database refused the read.
    PermissionDenied,
    /// No answer within the deadline.
    Deadline,
    /// The read failed for another reason of the operating system.
    IoError,
    /// More bytes, entries or rows than the stated limit.
    TooLarge,
    /// It changed while it was read, and again when read once more.
    ChangedWhileReading,
    /// The content cannot be parsed.
    Malformed,
    /// The content can be parsed, but does not decide the value: computed, assigned twice, under a condition.
    Undecidable,
    /// This version cannot observe such a thing.
    NotSupported,
    /// The host's configuration has no settings for it.
    NotConfigured,
    /// The database could not be reached.
    Unreachable,
    /// The database answered with an error.
    QueryFailed,
    /// Row security hides rows from the observer.
    RowSecurity,
    /// The observer has rights with which a look could change something.
    ObserverTooPowerful,
    /// It could not be verified that this is the host or database which desired state names.
    IdentityUnverified,
    /// The recorded world does not hold this question.
    NotRecorded,
    /// The probe gave no answer for it.
    NoAnswer,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}
