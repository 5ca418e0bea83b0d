//! What the executor's ledger recorded, as somebody who watches is told it and counts it. Pure.

use std::collections::BTreeSet;

use super::fact::{Cause, Class, Fact};
use super::incident::{Phase, Said};
use crate::ledger::Event;
use crate::model::{Digest, Severity, Timestamp};

/// What is counted for an event: the name of a counter and the value of its label.
#[must_use]
pub fn counted(event: &Event) -> Option<(&'static str, &str)> {
    Some(match event {
        Event::ApprovalAccepted(accepted) => ("countersign_approval", accepted.decision.as_str()),
        Event::ApprovalRefused(_) => ("countersign_approval", "refused"),
        Event::PlanDone(_) => ("countersign_apply", "applied"),
        Event::PlanFailed(_) => ("countersign_apply", "failed"),
        Event::PlanAbandoned(_) => ("countersign_apply", "abandoned"),
        Event::Refused(refused) => ("countersign_refusals", refused.code.as_str()),
        Event::ProofOutcome(outcome) => ("countersign_proof_runs", outcome.verdict.as_str()),
        _ => return None,
    })
}

/// What somebody is told of an event. Words that somebody wrote are left out: the ledger has them.
#[must_use]
pub fn said(event: &Event, at: Timestamp) -> Option<Said> {
    use Severity::{Info, Major};
    let (phase, severity, plan, reason, who): (_, _, Option<Digest>, Option<&str>, Option<&str>) =
        match event {
            Event::PlanSealed(e) => (Phase::Sealed, Info, Some(e.plan), None, None),
            Event::ApprovalAccepted(e) => {
                let phase = if e.decision == "approve" { Phase::Approved } else { Phase::Rejected };
                (phase, Info, Some(e.plan), Some(&e.role), Some(&e.approver))
            }
            Event::ApprovalRefused(e) => (Phase::Refused, Major, e.plan, Some(&e.code), None),
            Event::Refused(e) => (Phase::Refused, Major, e.plan, Some(&e.code), None),
            Event::PlanDone(e) => (Phase::Applied, Info, Some(e.plan), None, None),
            Event::PlanFailed(e) => (Phase::Failed, Severity::Critical, Some(e.plan), None, None),
            Event::PlanAbandoned(e) => {
                (Phase::Failed, Major, Some(e.plan), Some("abandoned"), None)
            }
            _ => return None,
        };
    let about = plan.map(|plan| plan.to_string()).unwrap_or_default();
    let fact = Fact {
        reason: reason.map(str::to_owned),
        contacts: who.map(str::to_owned).into_iter().collect::<BTreeSet<_>>(),
        ..Fact::of(severity)
    };
    let causes = vec![(Cause { class: Class::Plan, about }, fact, at)];
    Some(Said { class: Class::Plan, phase, causes })
}
