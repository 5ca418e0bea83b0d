//! From what is known to conditions. Pure.

use super::condition::CONDITION_TYPES;
use super::status::{ResourceStatus, Status};
use super::{Condition, ConditionType, Is, Why};
use crate::drift::Verdict;
use crate::model::Timestamp;
use crate::model::display::counted;

/// What conditions are made from, besides the status.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// Is a look under way, or due now?
    pub busy: bool,
    /// Was everything looked at, since the controller started, by the commit in force?
    pub complete: bool,
    /// Why the source is not as it should be.
    pub source: Option<(Why, String)>,
    /// Why something else is not: the configuration, the ledger, the state folder.
    pub trouble: Option<(Why, String)>,
    /// Why there is no draft where one is due.
    pub draft: Option<(Why, String)>,
    /// Why changes are halted.
    pub halted: Option<String>,
}

/// The failures in a row after which a target holds everything up.
pub const FAILURES_STALL: u32 = 3;

/// A condition without its times.
type Judged = (Is, Why, String);

/// Judges every condition; one whose status is as it was keeps its time.
#[must_use]
pub fn judge(status: &Status, facts: &Facts, now: Timestamp) -> Vec<Condition> {
    let made = |kind: ConditionType| {
        let (is, reason, message) = one(kind, status, facts);
        let earlier = status.condition(kind).filter(|earlier| earlier.status == is);
        Condition {
            kind,
            status: is,
            reason,
            message,
            last_transition: earlier.map_or(now, |earlier| earlier.last_transition),
            observed_generation: status.observed_generation,
        }
    };
    CONDITION_TYPES.iter().map(|kind| made(*kind)).collect()
}

fn one(kind: ConditionType, status: &Status, facts: &Facts) -> Judged {
    match kind {
        ConditionType::Ready => ready(status, facts),
        ConditionType::Reconciling if facts.busy => yes(Why::Looking, "a look is under way"),
        ConditionType::Reconciling => no(Why::Idle, "nothing is under way"),
        ConditionType::Stalled => stalled(status, facts),
        ConditionType::SourceVerified => source(status, facts),
        ConditionType::ObservationComplete => complete(status, facts),
        ConditionType::InSync => in_sync(status, facts),
        ConditionType::PlanPending => plan(status, facts),
        ConditionType::Suspended => match &status.suspended {
            Some(set) => {
                let message = format!("until {}, by {}: {}", set.until, set.by, set.reason);
                (Is::True, Why::ByOperator, message)
            }
            None => no(Why::NotSet, "it looks"),
        },
        ConditionType::Halted => match &facts.halted {
            Some(why) => (Is::True, Why::ByOperator, why.clone()),
            None => no(Why::NotSet, "no halt is set"),
        },
    }
}

fn yes(why: Why, message: &str) -> Judged {
    (Is::True, why, message.to_owned())
}

fn no(why: Why, message: &str) -> Judged {
    (Is::False, why, message.to_owned())
}

/// The first of the others that speaks against it.
fn ready(status: &Status, facts: &Facts) -> Judged {
    if let Some(set) = &status.suspended {
        return (Is::False, Why::ByOperator, format!("nothing is looked at until {}", set.until));
    }
    let (is, why, message) = source(status, facts);
    if is != Is::True {
        return (Is::False, why, message);
    }
    let (is, why, message) = stalled(status, facts);
    if is == Is::True {
        return (Is::False, why, message);
    }
    let (is, why, message) = complete(status, facts);
    if is != Is::True {
        return (Is::False, why, message);
    }
    in_sync(status, facts)
}

fn stalled(status: &Status, facts: &Facts) -> Judged {
    if let Some((why, message)) = &facts.trouble {
        return (Is::True, *why, message.clone());
    }
    if let Some((why, message)) = &facts.source
        && *why != Why::NotYet
        && (*why != Why::SourceUnreachable || status.generation == 0)
    {
        return (Is::True, *why, message.clone());
    }
    let stuck = status.targets.iter().find(|target| target.failures >= FAILURES_STALL);
    match stuck {
        Some(stuck) => {
            let (target, times) = (&stuck.target, stuck.failures);
            let error = stuck.error.as_deref().unwrap_or_default();
            (Is::True, Why::TargetFails, format!("{target} failed {times} times: {error}"))
        }
        None => no(Why::Idle, "nothing holds it up"),
    }
}

fn source(status: &Status, facts: &Facts) -> Judged {
    if let Some((why, message)) = &facts.source {
        let is = if *why == Why::NotYet { Is::Unknown } else { Is::False };
        return (is, *why, message.clone());
    }
    match &status.source.commit {
        Some(commit) if status.source.verified => (Is::True, Why::AcceptedSigned, commit.clone()),
        Some(commit) => (Is::True, Why::Accepted, commit.clone()),
        None => no(Why::Unpinned, "desired state is not exactly what a commit holds"),
    }
}

fn complete(status: &Status, facts: &Facts) -> Judged {
    if !facts.complete {
        let why = if status.observed_generation == 0 { Why::NotYet } else { Why::Behind };
        return no(why, "not everything was looked at yet by the commit in force");
    }
    let blind = |one: &&ResourceStatus| one.verdict == Verdict::Unknown;
    let unknown = status.resources.iter().filter(blind).count();
    if unknown > 0 {
        return (Is::False, Why::NotTold, format!("{unknown} resources could not be told"));
    }
    yes(Why::Idle, "everything was looked at")
}

fn in_sync(status: &Status, facts: &Facts) -> Judged {
    if !facts.complete {
        let message = "not everything was looked at yet by the commit in force".to_owned();
        let why = if status.observed_generation == 0 { Why::NotYet } else { Why::Behind };
        return (Is::Unknown, why, message);
    }
    let counts = status.summary;
    match status.verdict {
        Verdict::InSync => yes(Why::AllInSync, "live is what desired state says"),
        Verdict::Pending => (
            Is::False,
            Why::DesiredMoved,
            counted(counts.pending, "resource is pending", "resources are pending"),
        ),
        Verdict::Drift => (
            Is::False,
            Why::Drifted,
            counted(counts.drift, "resource has drifted", "resources have drifted"),
        ),
        Verdict::Unknown => (
            Is::Unknown,
            Why::NotTold,
            counted(counts.unknown, "resource could not be told", "resources could not be told"),
        ),
    }
}

fn plan(status: &Status, facts: &Facts) -> Judged {
    if let Some((why, message)) = &facts.draft {
        return (Is::Unknown, *why, message.clone());
    }
    match &status.draft {
        Some(draft) if draft.steps > 0 => (
            Is::True,
            Why::Drafted,
            format!("a draft of {}", counted(draft.steps, "step", "steps")),
        ),
        _ => no(Why::NothingPending, "there is nothing that a step could do"),
    }
}
