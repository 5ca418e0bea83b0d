//! Why a ledger cannot be used, and what is wrong with one that was tampered with.

use std::fmt;
use std::path::PathBuf;

/// Why a ledger cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// There is none.
    #[error("there is no ledger at {}", path.display())]
    Missing {
        /// Its folder.
        path: PathBuf,
    },
    /// There is one already.
    #[error("there is a ledger at {} already", path.display())]
    Exists {
        /// Its folder.
        path: PathBuf,
    },
    /// Another process writes it.
    #[error("another process writes the ledger at {}", path.display())]
    Locked {
        /// Its folder.
        path: PathBuf,
    },
    /// It was changed, or its disk is bad: nothing may rest on it.
    #[error("the ledger at {} does not verify: {damage}", path.display())]
    Damaged {
        /// Its folder.
        path: PathBuf,
        /// What is wrong, and where.
        damage: Damage,
    },
    /// It cannot be told whether it was changed.
    #[error("whether the ledger at {} is intact cannot be told: {why}", path.display())]
    Untold {
        /// Its folder.
        path: PathBuf,
        /// What is missing.
        why: String,
    },
    /// It never had what was asked for.
    #[error("the ledger at {} has no such entries: {why}", path.display())]
    NoSuch {
        /// Its folder.
        path: PathBuf,
        /// What was asked for, and what there is.
        why: String,
    },
    /// Others could write it, or read its key.
    #[error("{}: {reason}", path.display())]
    Insecure {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong, and how to mend it.
        reason: String,
    },
    /// The file system is full. The ledger is as it was.
    #[error("no space is left for the ledger at {}", path.display())]
    Full {
        /// Its folder.
        path: PathBuf,
    },
    /// An earlier write may have been lost, so nothing more is written by this process.
    #[error("the ledger at {} takes no more entries from this process: {why}", path.display())]
    Poisoned {
        /// Its folder.
        path: PathBuf,
        /// What failed.
        why: String,
    },
    /// Something is larger than the format allows.
    #[error("{what} of {size} is more than a ledger takes: {max} at most")]
    TooLarge {
        /// What.
        what: &'static str,
        /// How large it is, in bytes; how many, of attachments.
        size: usize,
        /// The limit, in the same unit.
        max: usize,
    },
    /// A name of the ledger or of the host holds other characters than names may.
    #[error(
        "`{name}` cannot name a ledger or a host: up to 200 letters, digits and `._-/:@` are meant"
    )]
    Name {
        /// The name.
        name: String,
    },
    /// Anything else.
    #[error("cannot use {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

impl LedgerError {
    /// Was it changed by somebody, or by a bad disk? Then nothing may be changed on its word.
    #[must_use]
    pub const fn is_damage(&self) -> bool {
        matches!(self, Self::Damaged { .. })
    }

    /// A stable word for it.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "ledger_missing",
            Self::Exists { .. } => "ledger_exists",
            Self::Locked { .. } => "ledger_locked",
            Self::Damaged { .. } => "ledger_damaged",
            Self::Untold { .. } => "ledger_untold",
            Self::NoSuch { .. } => "ledger_no_such",
            Self::Insecure { .. } => "ledger_insecure",
            Self::Full { .. } => "ledger_full",
            Self::Poisoned { .. } => "ledger_poisoned",
            Self::TooLarge { .. } => "ledger_too_large",
            Self::Name { .. } => "ledger_name",
            Self::Io { .. } => "ledger_io",
        }
    }
}

/// What is wrong with a ledger, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// Where, such as `entry 41 (00000000.jsonl, line 42)`.
    pub place: String,
    /// What.
    pub what: String,
}

impl Damage {
    pub(super) fn new(place: impl Into<String>, what: impl Into<String>) -> Self {
        Self { place: place.into(), what: what.into() }
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.what)
    }
}
