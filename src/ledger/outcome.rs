//! How a step ended, as entries have it.

use serde::{Deserialize, Serialize};

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It acted, and the postcondition holds.
    Applied,
    /// The postcondition held before it acted.
    Already,
    /// It failed.
    Failed,
    /// It did not act, as was found after a crash.
    NotApplied,
    /// It had acted, as was found after a crash.
    Recovered,
    /// What was found is neither what was before nor what should be.
    Diverged,
}
