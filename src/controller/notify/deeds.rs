//! What the executor's ledger recorded, as somebody who watches is told it and counts it. Pure.

use std::collections::BTreeSet;

use super::fact::{Cause, Class, Fact};
use super::incident::{Phase, Said};
use crate::ledger::Event;
use crate::ledger::event::GapChanged;
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
    if let Event::GapChanged(change) = event {
        return gap(change, at);
    }
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

/// How far a gap is from closed is told where somebody asks; that it closed, or did not stay so, is news.
fn gap(change: &GapChanged, at: Timestamp) -> Option<Said> {
    const CLOSED: &str = "CLOSED";
    let (phase, severity) = match (change.from.as_deref(), change.to.as_str()) {
        (Some(CLOSED), CLOSED) => return None,
        (_, CLOSED) => (Phase::Ended, Severity::Info),
        (Some(CLOSED), _) => (Phase::Begun, Severity::Major),
        _ => return None,
    };
    let cause = Cause { class: Class::Gap, about: change.gap.clone() };
    Some(Said { class: Class::Gap, phase, causes: vec![(cause, Fact::of(severity), at)] })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_is_told_of_when_it_closes_and_when_it_does_not_stay_closed() {
        let told = |from: Option<&str>, to: &str| {
            let change = GapChanged {
                gap: "GAP5".to_owned(),
                from: from.map(str::to_owned),
                to: to.to_owned(),
                commit: String::new(),
                detail: String::new(),
            };
            let at = Timestamp::from_unix_seconds(0);
            said(&Event::GapChanged(change), at).map(|said| (said.phase, said.causes[0].1.severity))
        };
        assert_eq!(told(Some("OPEN"), "CLOSED"), Some((Phase::Ended, Severity::Info)));
        assert_eq!(told(None, "CLOSED"), Some((Phase::Ended, Severity::Info)));
        assert_eq!(told(Some("CLOSED"), "PARTIAL"), Some((Phase::Begun, Severity::Major)));
        assert_eq!(told(Some("CLOSED"), "OPEN"), Some((Phase::Begun, Severity::Major)));
        for (from, to) in [(None, "OPEN"), (Some("OPEN"), "PARTIAL"), (Some("CLOSED"), "CLOSED")] {
            assert_eq!(told(from, to), None, "{from:?} {to}");
        }
    }
}
