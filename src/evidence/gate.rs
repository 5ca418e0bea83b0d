//! What each gate comes to, and what all of them do.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Backing, Facts, Held};
use crate::desired::{Gate, needed};

/// What a gate came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum State {
    /// Everything that it requires was looked at or run, and holds.
    #[serde(rename = "PASS")]
    Pass,
    /// Some of it holds, and nothing that it requires is known not to; or only criteria do not hold.
    #[serde(rename = "PARTIAL")]
    Partial,
    /// Something that it requires does not hold.
    #[serde(rename = "FAIL")]
    Fail,
    /// A gate that it needs does not pass, so nothing is concluded.
    #[serde(rename = "BLOCKED")]
    Blocked,
    /// Nothing of it was run, or could be told.
    #[serde(rename = "NOT_RUN")]
    NotRun,
}

/// A criterion, held against what is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CriterionResult {
    /// Its name.
    pub name: String,
    /// Does it hold?
    pub held: Held,
    /// What it rests on.
    pub backing: Vec<Backing>,
}

/// A gate, held against what is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GateResult {
    /// Its name.
    pub gate: String,
    /// What it lets pass.
    pub title: String,
    /// What it came to.
    pub state: State,
    /// Does it fail to pass because something could not be told, or was not run? Not of the gates that it needs.
    pub untold: bool,
    /// The first thing that is missing; null when it passes.
    pub missing: Option<String>,
    /// The gates that it needs.
    pub needs: Vec<String>,
    /// Those of them that do not pass, and gaps that block it, as `gap.NAME`.
    pub blocked_by: Vec<String>,
    /// What it requires. Of a blocked gate as well: nothing is concluded from it.
    pub backing: Vec<Backing>,
    /// What it requires besides.
    pub criteria: Vec<CriterionResult>,
    /// The file of desired state in which it is declared.
    pub declared_in: String,
    /// The line of that file, from 1.
    pub declared_line: u64,
}

/// What several gates come to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Do all of them pass?
    pub ready: bool,
    /// How many pass.
    pub passing: usize,
    /// How many there are.
    pub total: usize,
    /// Those that do not pass for a reason of their own, with their states.
    pub blockers: Vec<String>,
    /// Those that only wait for others.
    pub waiting: Vec<String>,
}

/// Computes these gates, and all that they need, in the order of their names.
#[must_use]
pub fn gates<'d>(facts: &Facts<'d>, names: impl IntoIterator<Item = &'d str>) -> Vec<GateResult> {
    let wanted = needed(&facts.desired().gates, names);
    let mut done: BTreeMap<&str, GateResult> = BTreeMap::new();
    // A gate is computed when all that it needs are: as often as the longest chain is long, which lint has shown to end.
    while done.len() < wanted.len() {
        let ready = wanted.iter().filter(|(name, gate)| {
            let known = |need: &String| done.contains_key(need.as_str());
            !done.contains_key(*name) && gate.needs.iter().all(known)
        });
        let ready: Vec<_> = ready.map(|(name, gate)| (*name, *gate)).collect();
        if ready.is_empty() {
            break;
        }
        for (name, gate) in ready {
            let result = one(facts, name, gate, &done);
            done.insert(name, result);
        }
    }
    done.into_values().collect()
}

fn one(
    facts: &Facts<'_>,
    name: &str,
    gate: &Gate,
    done: &BTreeMap<&str, GateResult>,
) -> GateResult {
    let backing = |requirement| facts.backing(requirement, gate.max_age);
    let required: Vec<Backing> = gate.requires.iter().map(backing).collect();
    let criteria = gate.criteria.iter().map(|criterion| {
        let backing: Vec<Backing> = criterion.requires.iter().map(backing).collect();
        let held = backing.iter().map(|one| one.held).max().unwrap_or(Held::NotRun);
        CriterionResult { name: criterion.name.clone(), held, backing }
    });
    let criteria: Vec<CriterionResult> = criteria.collect();
    let holds_up =
        |need: &&String| !done.get(need.as_str()).is_some_and(|result| result.state == State::Pass);
    let mut blocked_by: Vec<String> = gate.needs.iter().filter(holds_up).cloned().collect();
    let waits = !blocked_by.is_empty();
    let gaps = super::gap::blocking(facts, name);
    blocked_by.extend(gaps.iter().map(|gap| format!("gap.{}", gap.gap)));
    let all = || required.iter().chain(criteria.iter().flat_map(|one| &one.backing));
    // Of a gate that it needs, that one says so itself.
    let untold = gaps.iter().any(|gap| gap.untold) || !waits && all().any(|one| one.untold);
    let state = if blocked_by.is_empty() { state(&required, &criteria) } else { State::Blocked };
    let missing = match blocked_by.first() {
        Some(gap) if gap.starts_with("gap.") => Some(format!("{gap} is not closed")),
        Some(need) => Some(format!("{need} does not pass")),
        None => first_missing(&required, &criteria),
    };
    GateResult {
        gate: name.to_owned(),
        title: gate.title.clone(),
        state,
        untold,
        missing,
        needs: gate.needs.clone(),
        blocked_by,
        backing: required,
        criteria,
        declared_in: gate.file.clone(),
        declared_line: gate.line,
    }
}

fn state(required: &[Backing], criteria: &[CriterionResult]) -> State {
    let weigh = |one: &Backing| (one.held, one.holding > 0);
    let required: Vec<_> = required.iter().map(weigh).collect();
    let criteria: Vec<_> = criteria.iter().flat_map(|one| &one.backing).map(weigh).collect();
    State::of(&required, &criteria)
}

impl State {
    /// What a gate comes to of which every need passes. Of each thing that it and its criteria require: does it hold, and does
    /// any part of it?
    #[must_use]
    pub fn of(required: &[(Held, bool)], criteria: &[(Held, bool)]) -> Self {
        let all = || required.iter().chain(criteria);
        if required.iter().any(|(held, _)| *held == Held::No) {
            Self::Fail
        } else if all().all(|(held, _)| *held == Held::Yes) {
            Self::Pass
        } else if all().any(|(held, some)| *some || *held == Held::Waived) {
            Self::Partial
        } else if all().any(|(held, _)| *held == Held::No) {
            Self::Fail
        } else {
            Self::NotRun
        }
    }
}

/// The worst comes first, and of several the one that is written first.
fn first_missing(required: &[Backing], criteria: &[CriterionResult]) -> Option<String> {
    let all = required.iter().map(|one| (None, one)).chain(
        criteria.iter().flat_map(|one| one.backing.iter().map(move |b| (Some(&one.name), b))),
    );
    let mut first: Option<(Option<&String>, &Backing)> = None;
    for (criterion, backing) in all.filter(|(_, one)| one.held != Held::Yes) {
        if first.is_none_or(|(_, worst)| backing.held > worst.held) {
            first = Some((criterion, backing));
        }
    }
    let (criterion, backing) = first?;
    let what = backing.missing.clone().unwrap_or_else(|| backing.requires.clone());
    Some(match criterion {
        Some(name) => format!("{name}: {what}"),
        None => what,
    })
}

impl Summary {
    /// Counts gates.
    #[must_use]
    pub fn of(gates: &[GateResult]) -> Self {
        let passing = gates.iter().filter(|gate| gate.state == State::Pass).count();
        let blocks = |gate: &&GateResult| !matches!(gate.state, State::Pass | State::Blocked);
        let named = |gate: &GateResult| format!("{} {}", gate.gate, gate.state);
        let waits = |gate: &&GateResult| gate.state == State::Blocked;
        Self {
            // Of no gates nothing is ready.
            ready: passing == gates.len() && passing > 0,
            passing,
            total: gates.len(),
            blockers: gates.iter().filter(blocks).map(named).collect(),
            waiting: gates.iter().filter(waits).map(|gate| gate.gate.clone()).collect(),
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Pass => "PASS",
            Self::Partial => "PARTIAL",
            Self::Fail => "FAIL",
            Self::Blocked => "BLOCKED",
            Self::NotRun => "NOT_RUN",
        })
    }
}

/// The one-line verdict.
impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = if self.ready { "READY" } else { "NOT READY" };
        write!(f, "{word}: {} of {} gates pass", self.passing, self.total)?;
        if !self.blockers.is_empty() {
            write!(f, "; {}", self.blockers.join(", "))?;
        }
        if !self.waiting.is_empty() {
            write!(f, "; waiting: {}", self.waiting.join(", "))?;
        }
        Ok(())
    }
}
