//! A resource whose verdict is another than before: what is recorded, and what somebody may be told.

use serde::{Deserialize, Serialize};

use super::Target;
use crate::drift::Verdict;
use crate::model::{Reason, ResourceName, Route, Severity, Timestamp};

/// One change of one verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transition {
    /// Of which resource.
    pub resource: ResourceName,
    /// What was looked at.
    pub target: Target,
    /// The verdict before; none when it is judged for the first time.
    pub from: Option<Verdict>,
    /// The verdict now; none when desired state does not name it any more.
    pub to: Option<Verdict>,
    /// Does a waiver cover it now? Then it is shown, and alarms nobody.
    pub waived: bool,
    /// How much it matters.
    pub severity: Severity,
    /// Who has to move.
    pub route: Route,
    /// Whom to ask.
    pub contact: Option<String>,
    /// For Unknown: the class of the reason. With `target` this is what transitions are grouped by.
    pub cause: Option<Reason>,
    /// For people: the first thing that speaks against it, escaped.
    pub detail: String,
    /// The commit by which it was judged.
    pub commit: Option<String>,
    /// When it was seen.
    pub at: Timestamp,
    /// Since when it had been as it was before; its age ends with this transition.
    pub since: Option<Timestamp>,
    /// How many times it has left [`Verdict::InSync`], this one included.
    pub times: u64,
}

impl Transition {
    /// Is something wrong that was not before?
    #[must_use]
    pub fn is_onset(&self) -> bool {
        let was_well = matches!(self.from, None | Some(Verdict::InSync));
        was_well && self.to.is_some_and(|to| to != Verdict::InSync)
    }

    /// Is nothing wrong any more, where something was?
    #[must_use]
    pub fn is_recovery(&self) -> bool {
        let was_wrong = self.from.is_some_and(|from| from != Verdict::InSync);
        was_wrong && matches!(self.to, None | Some(Verdict::InSync))
    }

    /// Is it wrong once more?
    #[must_use]
    pub fn is_recurrence(&self) -> bool {
        self.is_onset() && self.times > 1
    }
}
