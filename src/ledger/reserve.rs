//! Which events may use the space that is held back for the last refusals.

use super::event::Event;

impl Event {
    /// May it be written where the file system is full? Of refusals and endings: what must not get lost when nothing more is
    /// begun. An intent, a permit and an approval may not, so nothing starts.
    pub(super) const fn may_use_reserve(&self) -> bool {
        matches!(
            self,
            Self::Refused(_)
                | Self::ApprovalRefused(_)
                | Self::StepOutcome(_)
                | Self::PlanDone(_)
                | Self::PlanFailed(_)
                | Self::PlanAbandoned(_)
                | Self::ProofOutcome(_)
                | Self::ProofsetOutcome(_)
                | Self::HaltSet(_)
                | Self::TornTail(_)
                | Self::ClockRegressed(_)
        )
    }
}
