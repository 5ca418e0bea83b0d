//! What a run left behind that did not come to its end: every open intent is looked at, and its end is recorded.
//!
//! Nothing is run again, and nothing is taken back. A plan that was used up stays so; what it did not do needs a new one.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::CString;
use std::path::Path;

use super::path::{beside_name, clear};
use super::postgres::{self, TRANSACTION};
use super::{Failed, Means, key, unit};
use crate::action::{Action, Condition, Depth, PathState};
use crate::approval::SEEN;
use crate::ledger::event::{PlanAbandoned, PlanDone, StepOutcome};
use crate::ledger::{Attachment, Event, Ledger, LedgerError, Outcome, Reader};
use crate::model::{Decimal, Digest};
use crate::plan::{Plan, Step};
use crate::probe::cancel::Cancel;

/// What was found of one plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovered {
    /// Of its bytes.
    pub plan: Digest,
    /// The step whose end was not recorded, with what came of it.
    pub open: Option<(Decimal, Outcome, String)>,
    /// How many steps are applied in all.
    pub applied: usize,
    /// How many it has; `None` where the plan cannot be read any more.
    pub total: Option<usize>,
}

/// What the ledger says of a plan that was used up.
#[derive(Default)]
struct Under {
    /// The step without an outcome, and the number of its transaction where it has one.
    open: Option<(Decimal, Option<Digest>)>,
    applied: BTreeSet<Decimal>,
    ended: bool,
}

/// Finds every plan that was begun and has no end, looks at what its last step came to, and records both.
///
/// # Errors
/// When the ledger cannot be read or written.
pub fn recover(means: &Means<'_>, ledger: &mut Ledger) -> Result<Vec<Recovered>, LedgerError> {
    let reader = ledger.reader();
    let mut plans: BTreeMap<Digest, Under> = BTreeMap::new();
    for entry in reader.entries()? {
        let entry = entry?;
        match entry.event {
            Event::PermitConsumed(event) => drop(plans.entry(event.plan).or_default()),
            Event::StepIntent(event) => {
                let number = entry.attachments.iter().find(|one| one.name == TRANSACTION);
                let open = (event.step, number.map(|attached| attached.sha256));
                plans.entry(event.plan).or_default().open = Some(open);
            }
            Event::StepOutcome(event) => {
                let under = plans.entry(event.plan).or_default();
                under.open = None;
                if is_applied(event.outcome) {
                    under.applied.insert(event.step);
                }
            }
            Event::PlanDone(event) => plans.entry(event.plan).or_default().ended = true,
            Event::PlanFailed(event) => plans.entry(event.plan).or_default().ended = true,
            Event::PlanAbandoned(event) => plans.entry(event.plan).or_default().ended = true,
            _ => {}
        }
    }
    let mut recovered = Vec::new();
    for (digest, under) in plans.into_iter().filter(|(_, under)| !under.ended) {
        recovered.push(settle(&reader, digest, under, means, ledger)?);
    }
    if !recovered.is_empty() {
        ledger.checkpoint()?;
    }
    Ok(recovered)
}

const fn is_applied(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::Applied | Outcome::Recovered)
}

/// Records what became of the open step of a plan, and that the plan has ended: done, when nothing of it is missing.
fn settle(
    reader: &Reader,
    digest: Digest,
    mut under: Under,
    means: &Means<'_>,
    ledger: &mut Ledger,
) -> Result<Recovered, LedgerError> {
    let plan = reader.blob(&digest).ok().and_then(|bytes| Plan::read(&bytes).ok());
    let mut open = None;
    if let Some((n, transaction)) = under.open {
        let transaction = transaction.and_then(|number| reader.blob(&number).ok());
        let transaction = transaction.and_then(|bytes| String::from_utf8(bytes).ok());
        let (outcome, detail, seen) = found(plan.as_ref(), n, transaction.as_deref(), means);
        let event = StepOutcome { plan: digest, step: n, outcome, detail: detail.clone() };
        let seen = seen.and_then(|seen| serde_json::to_vec(&seen).ok());
        let attachment = seen.as_ref().map(|bytes| Attachment { name: SEEN, bytes });
        ledger.append(&event.into(), attachment.as_slice())?;
        if is_applied(outcome) {
            under.applied.insert(n);
        }
        open = Some((n, outcome, detail));
    }
    let (applied, total) = (under.applied.len(), plan.map(|plan| plan.steps.len()));
    let event = if total == Some(applied) {
        PlanDone { plan: digest }.into()
    } else {
        let detail = "the run that had begun it did not come to its end".to_owned();
        PlanAbandoned { plan: digest, detail }.into()
    };
    ledger.append(&event, &[])?;
    Ok(Recovered { plan: digest, open, applied, total })
}

/// What an open intent came to.
fn found(
    plan: Option<&Plan>,
    n: Decimal,
    transaction: Option<&str>,
    means: &Means<'_>,
) -> (Outcome, String, Option<Condition>) {
    let diverged = |why: String| (Outcome::Diverged, why, None);
    let Some(plan) = plan else { return diverged("its plan cannot be read".to_owned()) };
    let Some(step) = plan.steps.iter().find(|step| step.n == n) else {
        return diverged("its plan has no such step".to_owned());
    };
    match (&step.before, &step.action) {
        (Condition::Path { path, .. }, _) => match of_path(step, &plan.id, path, means) {
            Ok((outcome, is)) => {
                (outcome, is.to_string(), Some(Condition::Path { path: path.clone(), is }))
            }
            Err(Failed(why)) => diverged(why),
        },
        (_, Action::Sql(sql)) => postgres::recovered(step, sql, plan, transaction, *means)
            .unwrap_or_else(|Failed(why)| diverged(why)),
        (Condition::Unit { .. }, _) => match unit::came_to(step, means.host) {
            Ok((outcome, detail)) => (outcome, detail, None),
            Err(Failed(why)) => diverged(why),
        },
        (Condition::Key { .. }, _) => {
            key::came_to(step, means.host).unwrap_or_else(|Failed(why)| diverged(why))
        }
        _ => diverged("this version cannot tell what it came to".to_owned()),
    }
}

fn of_path(
    step: &Step,
    plan: &str,
    path: &str,
    means: &Means<'_>,
) -> Result<(Outcome, PathState), Failed> {
    let (Condition::Path { is: before, .. }, Condition::Path { is: after, .. }) =
        (&step.before, &step.after)
    else {
        return Err(Failed::new("it has no state of a path"));
    };
    let Some(held) = means.host.hold_owned(Path::new(path), means.owners)? else {
        return Err(Failed::new("the folder in which it stands does not exist"));
    };
    let seen = held.state(Depth::Content, &Cancel::default())?;
    let name = CString::new(beside_name(plan, step.n))
        .map_err(|_| Failed::new("the id of the plan cannot be a name"))?;
    let beside = held.beside(name)?;
    let left = beside.state(Depth::Content, &Cancel::default())?;
    let outcome = if after.holds(&seen) {
        Outcome::Recovered
    } else if before.holds(&seen) {
        Outcome::NotApplied
    } else {
        return Err(Failed(format!("it is {seen}, neither {before} nor {after}")));
    };
    // What lies beside its place is what the step was making, or what it was signed to take away; nothing else is touched.
    let made = *before == PathState::Absent || outcome == Outcome::NotApplied;
    if left != PathState::Absent {
        if !made && !before.holds(&left) {
            let beside = crate::model::shown_path(beside.path());
            return Err(Failed(format!("`{beside}` holds {left}, which the step was not about")));
        }
        clear(&beside, &left)?;
    }
    Ok((outcome, seen))
}
