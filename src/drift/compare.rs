//! One verdict for each resource, and a three-way look where a baseline is known.

use serde::{Deserialize, Serialize};

use crate::desired::{Desired, Resource, Waiver};
use crate::model::{Comparison, Digest, Severity, Timestamp, Unknown};
use crate::observed::{Question, Snapshot};

/// What is known of a resource. The order is that of alarm: the worst of several is their maximum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Live is what desired state says.
    InSync,
    /// Desired moved since the baseline, and live did not.
    Pending,
    /// Live is not what desired state says.
    Drift,
    /// It cannot be told. A known drift must not hide a blind spot, so this is the worst.
    Unknown,
}

impl Verdict {
    /// Its word, as in reports.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::InSync => "in_sync",
            Self::Pending => "pending",
            Self::Drift => "drift",
            Self::Unknown => "unknown",
        }
    }
}

/// A resource with its verdict.
#[derive(Debug)]
pub struct Judged<'a> {
    /// What was wanted.
    pub resource: &'a Resource,
    /// The verdict; a waiver does not change it.
    pub verdict: Verdict,
    /// What differs, and what of it could not be told.
    pub comparison: Comparison,
    /// Why the whole of it could not be told.
    pub unknown: Option<Unknown>,
    /// The waivers in force that cover some of what differs, the first to expire first.
    pub waivers: Vec<&'a Waiver>,
    /// Do they cover all of it? Only drift and pending can be waived, and never of a guard.
    pub waived: bool,
    /// What people signed about some of what differs, the first to end first.
    pub explanations: Vec<Explanation>,
    /// Is all of it expected now, by explanations and waivers?
    pub explained: bool,
    /// Is some of it still there that was expected until a time that is over? Then it is critical.
    pub overdue: bool,
}

/// What a person signed about a difference that was expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// The differences that it explains, by their places in the comparison.
    pub differences: Vec<usize>,
    /// Who signed it, by the name of the trust file.
    pub by: String,
    /// In which role.
    pub role: String,
    /// Why.
    pub reason: String,
    /// What the difference is needed for, such as the name of a run.
    pub run: Option<String>,
    /// Until when.
    pub until: Timestamp,
    /// Is that over?
    pub over: bool,
    /// SHA-256 of what was signed.
    pub attestation: Digest,
    /// The number of the entry of the executor's ledger that has it.
    pub entry: Option<u64>,
}

impl Judged<'_> {
    /// How much it matters: as desired state says, and critical where an explanation is over.
    #[must_use]
    pub fn severity(&self) -> Severity {
        let own = self.resource.common.severity.unwrap_or_default();
        if self.overdue { Severity::Critical } else { own }
    }

    /// The first thing that speaks against it; nothing for one in sync.
    #[must_use]
    pub fn why(&self) -> String {
        let difference = self.comparison.differences.first().map(|difference| {
            let (field, is, wanted) = (&difference.field, &difference.actual, &difference.desired);
            format!("{field} is {is}, where {wanted} is wanted")
        });
        let blind = self.comparison.blind.first();
        let blind = blind.map(|blind| format!("{}: {}", blind.field, blind.unknown.detail));
        let unknown = self.unknown.as_ref().map(|unknown| unknown.detail.clone());
        unknown.or(difference).or(blind).unwrap_or_default()
    }
}

/// What desired state said at the last converged commit, and answers to the questions it asked.
#[derive(Debug, Clone, Copy)]
pub struct Baseline<'a> {
    /// Desired state at that commit.
    pub desired: &'a Desired,
    /// Answers to its questions, taken from the same world as the present ones.
    pub snapshot: &'a Snapshot,
}

/// The questions that desired state asks.
#[must_use]
pub fn questions(desired: &Desired) -> Vec<Question> {
    desired.resources.values().map(question).collect()
}

fn question(resource: &Resource) -> Question {
    Question { name: resource.name.clone(), kind: resource.kind, spec: resource.spec.clone() }
}

/// Judges every resource, in the order of their names.
#[must_use]
pub fn compare<'a>(
    desired: &'a Desired,
    snapshot: &Snapshot,
    baseline: Option<Baseline<'_>>,
    now: Timestamp,
) -> Vec<Judged<'a>> {
    let judge = |resource: &'a Resource| {
        let mut judged = one(resource, snapshot);
        if judged.verdict == Verdict::Drift
            && baseline.is_some_and(|baseline| desired_moved(resource, baseline))
        {
            judged.verdict = Verdict::Pending;
        }
        waive(&mut judged, desired, now);
        judged
    };
    desired.resources.values().map(judge).collect()
}

/// Finds the waivers of what differs. Nothing rests on lint having refused to waive a guard.
fn waive<'a>(judged: &mut Judged<'a>, desired: &'a Desired, now: Timestamp) {
    let resource = judged.resource;
    let can_be = matches!(judged.verdict, Verdict::Drift | Verdict::Pending);
    if !can_be || resource.common.kill_switch {
        return;
    }
    let differences = &judged.comparison.differences;
    let in_force = desired.waivers.values().filter(|waiver| waiver.section.expires >= now);
    let mut waivers: Vec<&Waiver> = in_force
        .filter(|waiver| waiver.selector.reaches(&resource.name))
        .filter(|waiver| differences.iter().any(|difference| waiver.covers(&difference.field)))
        .collect();
    waivers.sort_by_key(|waiver| waiver.section.expires);
    let covered = |field: &str| waivers.iter().any(|waiver| waiver.covers(field));
    judged.waived = !differences.is_empty() && differences.iter().all(|one| covered(&one.field));
    judged.waivers = waivers;
}

fn one<'a>(resource: &'a Resource, snapshot: &Snapshot) -> Judged<'a> {
    let seen = snapshot.answer_about(&resource.name, &*resource.spec);
    let outcome = seen.and_then(|seen| resource.spec.diff(&resource.name.name, seen));
    let (verdict, comparison, unknown) = match outcome {
        Err(unknown) => (Verdict::Unknown, Comparison::default(), Some(unknown)),
        Ok(comparison) if !comparison.blind.is_empty() => (Verdict::Unknown, comparison, None),
        Ok(comparison) if !comparison.differences.is_empty() => (Verdict::Drift, comparison, None),
        Ok(comparison) => (Verdict::InSync, comparison, None),
    };
    Judged {
        resource,
        verdict,
        comparison,
        unknown,
        waivers: Vec::new(),
        waived: false,
        explanations: Vec::new(),
        explained: false,
        overdue: false,
    }
}

/// Is live still what desired state said at the baseline? Then it is desired state that moved.
///
/// A resource that the baseline did not have is one that desired state has added since.
fn desired_moved(resource: &Resource, baseline: Baseline<'_>) -> bool {
    match baseline.desired.resources.get(&resource.name) {
        None => true,
        Some(earlier) => one(earlier, baseline.snapshot).verdict == Verdict::InSync,
    }
}
