//! What a set of proofs came to: a line each, and how many hold.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Does a line hold?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Holds {
    /// Everything that it names was run or looked at, and is as it should be.
    Yes,
    /// Something is not.
    No,
    /// Something could not be told.
    Untold,
    /// It was not run.
    NotRun,
}

/// What a line came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineResult {
    /// Its name.
    pub name: String,
    /// What it shows.
    pub title: String,
    /// Does it hold?
    pub holds: Holds,
    /// What it rests on, or what is missing: one sentence for each thing that it names.
    pub because: Vec<String>,
}

/// What a set came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SetResult {
    /// Its name in desired state.
    pub proofset: String,
    /// What it shows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// How many lines hold.
    pub holding: usize,
    /// How many there are.
    pub total: usize,
    /// Its lines, in their order.
    pub lines: Vec<LineResult>,
}

impl SetResult {
    /// Counts the lines.
    #[must_use]
    pub fn of(proofset: &str, title: Option<String>, lines: Vec<LineResult>) -> Self {
        let holding = lines.iter().filter(|line| line.holds == Holds::Yes).count();
        Self { proofset: proofset.to_owned(), title, holding, total: lines.len(), lines }
    }

    /// Does every line hold?
    #[must_use]
    pub fn holds(&self) -> bool {
        self.holding == self.total
    }
}

/// As people say it: `9/9`.
impl fmt::Display for SetResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.holding, self.total)
    }
}

impl fmt::Display for Holds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Yes => "PASS",
            Self::No => "FAIL",
            Self::Untold => "UNKNOWN",
            Self::NotRun => "NOT_RUN",
        })
    }
}
