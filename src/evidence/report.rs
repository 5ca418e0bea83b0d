//! What a report comes to: its gates, its gaps, what has to hold, and what must not have been done.

use std::collections::BTreeSet;

use serde::Serialize;

use super::{Backing, Cited, CriterionResult, Facts, GapResult, GateResult, Held, gap, gates};
use crate::desired::{Forbidden, ReportPlan, Requirement};
use crate::model::Timestamp;

/// What the executor's ledger has of a time.
#[derive(Debug, Clone, Default)]
pub struct Window {
    /// From when on; absent where nobody looked.
    pub since: Option<Timestamp>,
    /// What it has, in order.
    pub deeds: Vec<Deed>,
    /// Why it was not read, where it was not.
    pub unread: Option<String>,
}

/// An entry of the ledger.
#[derive(Debug, Clone)]
pub struct Deed {
    /// Its number.
    pub seq: u64,
    /// The type of its event.
    pub type_name: &'static str,
    /// When it was written.
    pub at: Timestamp,
}

/// Something that must not have been done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ForbiddenResult {
    /// What.
    pub name: String,
    /// Was it not done? `NotRun` where nothing could show that: then it is not attested.
    pub held: Held,
    /// What shows it.
    pub backing: Vec<Backing>,
}

/// What a report rests on, held against what is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReportResult {
    /// Its gates, and those that they need.
    pub gates: Vec<GateResult>,
    /// Its gaps, in its own order.
    pub gaps: Vec<GapResult>,
    /// What has to hold.
    pub criteria: Vec<CriterionResult>,
    /// What must not have been done.
    pub forbidden: Vec<ForbiddenResult>,
    /// What its documents prove: for each of them, in their order.
    pub proofs: Vec<Vec<Backing>>,
}

/// Computes what a report rests on.
#[must_use]
pub fn report(facts: &Facts<'_>, report: &ReportPlan, window: &Window) -> ReportResult {
    let desired = facts.desired();
    let backing = |one: &Requirement| facts.backing(one, report.max_age);
    let named = report.gaps().into_iter().filter_map(|name| desired.gaps.get_key_value(name));
    let criteria = report.criteria.iter().map(|criterion| {
        let backing: Vec<Backing> = criterion.requires.iter().map(backing).collect();
        CriterionResult { name: criterion.name.clone(), held: worst(&backing), backing }
    });
    let forbidden = report.forbidden.iter().map(|one| {
        let mut backing: Vec<Backing> = one.requires.iter().map(backing).collect();
        backing.extend(absent(one, window));
        ForbiddenResult { name: one.name.clone(), held: worst(&backing), backing }
    });
    ReportResult {
        gates: gates(facts, named_of(report, desired)),
        gaps: named.map(|(name, one)| gap(facts, name, one)).collect(),
        criteria: criteria.collect(),
        forbidden: forbidden.collect(),
        proofs: report
            .documents
            .iter()
            .map(|one| one.proofs.iter().map(backing).collect())
            .collect(),
    }
}

/// The names as desired state holds them, which outlive the report's own.
fn named_of<'d>(
    report: &ReportPlan,
    desired: &'d crate::desired::Desired,
) -> impl Iterator<Item = &'d str> {
    let wanted: BTreeSet<&str> = report.gates().into_iter().collect();
    let known: Vec<&str> =
        desired.gates.keys().map(String::as_str).filter(|name| wanted.contains(name)).collect();
    known.into_iter()
}

/// What nothing backs was not shown.
fn worst(backing: &[Backing]) -> Held {
    backing.iter().map(|one| one.held).max().unwrap_or(Held::NotRun)
}

/// That the ledger has no entries of these types in the window.
fn absent(one: &Forbidden, window: &Window) -> Option<Backing> {
    if one.absent.is_empty() {
        return None;
    }
    let requires = format!("no {} on the executor's ledger", one.absent.join(", "));
    let there: Vec<&Deed> =
        window.deeds.iter().filter(|deed| one.absent.iter().any(|a| a == deed.type_name)).collect();
    let since = window.since.map(|since| format!(" since {since}")).unwrap_or_default();
    let (held, missing) = match (&window.unread, window.since, there.first()) {
        (Some(why), _, _) => (Held::Untold, Some(why.clone())),
        (None, None, _) => (Held::NotRun, Some("the ledger was not read".to_owned())),
        (None, Some(_), Some(deed)) => {
            let (seq, name, at) = (deed.seq, deed.type_name, deed.at);
            (Held::No, Some(format!("entry {seq} of the ledger is {name} at {at}")))
        }
        (None, Some(_), None) => (Held::Yes, None),
    };
    let looked = window.deeds.len();
    Some(Backing {
        requires,
        held,
        untold: held.is_blind(),
        holding: usize::from(held == Held::Yes),
        total: 1,
        seen: match held {
            Held::Yes => format!("none of {looked} entries{since}"),
            Held::No => format!("{} of {looked} entries{since}", there.len()),
            _ => String::new(),
        },
        missing,
        evidence: there
            .iter()
            .map(|d| format!("executor ledger entry {} at {}", d.seq, d.at))
            .collect(),
        cited: there.iter().map(|deed| Cited::Entry(deed.seq)).collect(),
    })
}

impl ReportResult {
    /// The entries of the executor's ledger that it rests on.
    #[must_use]
    pub fn entries(&self) -> BTreeSet<u64> {
        let criteria = |lines: &[CriterionResult]| -> Vec<Cited> {
            lines.iter().flat_map(|one| &one.backing).flat_map(|one| one.cited.clone()).collect()
        };
        let of = |backing: &[Backing]| -> Vec<Cited> {
            backing.iter().flat_map(|one| one.cited.clone()).collect()
        };
        let gates = self.gates.iter().flat_map(|one| [of(&one.backing), criteria(&one.criteria)]);
        let gaps = self.gaps.iter().map(|one| of(&one.backing));
        let forbidden = self.forbidden.iter().map(|one| of(&one.backing));
        let proofs = self.proofs.iter().map(|one| of(one));
        let all =
            gates.chain(gaps).chain(forbidden).chain(proofs).chain([criteria(&self.criteria)]);
        let entry = |cited| match cited {
            Cited::Entry(seq) => Some(seq),
            Cited::Observation(_) => None,
        };
        all.flatten().filter_map(entry).collect()
    }
}
