//! A set of proofs: its lines in their order, each looked at and run when its turn comes.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::super::error::Failure;
use super::super::planning::{self, CLOCK};
use super::super::refusal::Refusal;
use super::super::{exit, looking, world};
use super::Arguments;
use super::gates::Cleared;
use crate::config::Config;
use crate::desired::{Desired, Line, reaches};
use crate::drift::Verdict as Compared;
use crate::ledger::event::ProofsetOutcome;
use crate::ledger::{Attachment, Ledger};
use crate::model::{Decimal, Digest, ResourceName};
use crate::observed::Snapshot;
use crate::proof::{Evidence, Holds, LineResult, SetResult, Verdict};

/// Runs a set.
pub(super) fn run(
    name: &str,
    cleared: &Cleared,
    config: &Config,
    arguments: &Arguments,
    ledger: &mut Ledger,
) -> Result<(SetResult, Vec<Evidence>), Refusal> {
    let Some(set) = cleared.desired.proofsets.get(name) else {
        return Ok((SetResult::of(name, None, Vec::new()), Vec::new()));
    };
    let looking = Looking {
        config,
        desired: &cleared.desired,
        deadline: Duration::from_secs(arguments.deadline),
    };
    let unchanged = set.lines.iter().flat_map(|line| &line.unchanged);
    let unchanged = reached(&cleared.desired, unchanged);
    let before = looking.at(&unchanged).map_err(|failure| Refusal::new("identity", failure))?.1;
    let (mut lines, mut all) = (Vec::new(), Vec::new());
    for line in &set.lines {
        let (mut holds, mut because) = (Holds::Yes, Vec::new());
        for proof in line.proof_names() {
            let evidence = super::one(proof, cleared, config, ledger)?;
            take(&mut holds, of_verdict(evidence.verdict));
            because.push(format!("proof.{proof}: {}", in_short(&evidence)));
            all.push(evidence);
        }
        of_line(line, &looking, &before, (&mut holds, &mut because))
            .map_err(|failure| Refusal::new("identity", failure))?;
        lines.push(LineResult {
            name: line.name.clone(),
            title: line.title.clone(),
            holds,
            because,
        });
    }
    let result = SetResult::of(name, set.title.clone(), lines);
    record(&result, set.digest(&cleared.desired.proofs), ledger)?;
    Ok((result, all))
}

/// Puts what came of a set onto the ledger, where gates find it.
fn record(result: &SetResult, set: Digest, ledger: &mut Ledger) -> Result<(), Refusal> {
    let unrecorded = |failure: Failure| Refusal::new("ledger_unwritable", failure);
    let count = |count: usize| Decimal(count as u64);
    let lines = serde_json::to_vec(&result.lines)
        .map_err(|error| unrecorded(Failure::of(exit::ERROR, &error)))?;
    let outcome = ProofsetOutcome {
        proofset: result.proofset.clone(),
        set,
        holding: count(result.holding),
        total: count(result.total),
    };
    let attached = [Attachment { name: "lines", bytes: &lines }];
    ledger.append(&outcome.into(), &attached).map_err(|error| unrecorded(error.into()))?;
    Ok(())
}

/// A proof in one line: what it came to, and where it is not as expected why.
fn in_short(evidence: &Evidence) -> String {
    if !evidence.verdict.is_green() {
        return format!("{}: {}", evidence.verdict, evidence.because.join("; "));
    }
    let inside = evidence.attempt.inside.as_ref();
    let counted = inside.and_then(|inside| {
        let (before, seen) = (inside.witness_before.as_ref()?, inside.witness_inside.as_ref()?);
        let after = evidence.attempt.after.as_ref()?.witness.as_ref()?;
        Some(format!(", inside {before} → {seen}, after {after}"))
    });
    let refused = inside.and_then(|inside| inside.sqlstate.as_ref());
    let refused = refused.map(|state| format!(", refused with {state}"));
    format!("{}{}", evidence.verdict, counted.or(refused).unwrap_or_default())
}

/// What a line says of resources, looked at now.
fn of_line(
    line: &Line,
    looking: &Looking<'_>,
    before: &Snapshot,
    (holds, because): (&mut Holds, &mut Vec<String>),
) -> Result<(), Failure> {
    let in_sync = reached(looking.desired, line.in_sync.iter());
    let unchanged = reached(looking.desired, line.unchanged.iter());
    if in_sync.is_empty() && unchanged.is_empty() {
        return Ok(());
    }
    let (verdicts, now) = looking.at(&in_sync.union(&unchanged).cloned().collect())?;
    let mut counts = [0_usize; 2];
    for name in &in_sync {
        let (verdict, why) =
            verdicts.get(name).cloned().unwrap_or((Compared::Unknown, "not asked".to_owned()));
        match verdict {
            Compared::InSync => counts[0] += 1,
            Compared::Unknown => take(holds, Holds::Untold),
            _ => take(holds, Holds::No),
        }
        if verdict != Compared::InSync {
            because.push(format!("{name}: {why}"));
        }
    }
    for name in &unchanged {
        match (before.answers.get(name), now.answers.get(name)) {
            (Some(was), Some(is)) if was == is && is.iter().all(|answer| answer.seen.is_ok()) => {
                counts[1] += 1;
            }
            (Some(was), Some(is)) if was.iter().chain(is).all(|answer| answer.seen.is_ok()) => {
                take(holds, Holds::No);
                because.push(format!("{name} is not as it was before the first line"));
            }
            _ => {
                take(holds, Holds::Untold);
                because.push(format!("of {name} it cannot be told whether it is as it was"));
            }
        }
    }
    for (count, what, of) in
        [(counts[0], "in sync", &in_sync), (counts[1], "as before the first line", &unchanged)]
    {
        if count > 0 {
            let names = match of.iter().next() {
                Some(only) if of.len() == 1 => only.to_string(),
                _ => format!("{count} of {} resources", of.len()),
            };
            because.push(format!("{names} {what}"));
        }
    }
    Ok(())
}

/// The worse of the two: a line with something that fails fails, whatever else cannot be told.
fn take(holds: &mut Holds, other: Holds) {
    let rank = |holds: Holds| match holds {
        Holds::Yes => 0,
        Holds::NotRun => 1,
        Holds::Untold => 2,
        Holds::No => 3,
    };
    if rank(other) > rank(*holds) {
        *holds = other;
    }
}

const fn of_verdict(verdict: Verdict) -> Holds {
    match verdict {
        verdict if verdict.is_green() => Holds::Yes,
        Verdict::Inconclusive | Verdict::Unprovable => Holds::Untold,
        _ => Holds::No,
    }
}

fn reached<'s>(
    desired: &Desired,
    selectors: impl Iterator<Item = &'s String>,
) -> BTreeSet<ResourceName> {
    let selectors: Vec<&String> = selectors.collect();
    let is_reached =
        |name: &&ResourceName| selectors.iter().any(|selector| reaches(selector, name));
    desired.resources.keys().filter(is_reached).cloned().collect()
}

/// How resources are looked at.
struct Looking<'a> {
    config: &'a Config,
    desired: &'a Desired,
    deadline: Duration,
}

type Verdicts = BTreeMap<ResourceName, (Compared, String)>;

impl Looking<'_> {
    /// Looks at these now, through sessions of their own.
    fn at(&self, names: &BTreeSet<ResourceName>) -> Result<(Verdicts, Snapshot), Failure> {
        planning::run(async {
            let opened = world::open(self.config, self.desired, self.deadline, false, &[]).await?;
            let (verdicts, snapshot) = looking::looked(&opened, self.desired, names, &CLOCK).await;
            opened.probe.close().await;
            let verdicts = verdicts.into_iter().map(|(name, verdict, why)| (name, (verdict, why)));
            Ok((verdicts.collect(), snapshot))
        })
    }
}
