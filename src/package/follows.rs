//! Does every line of a package say what that comes to on which it rests?

use std::collections::BTreeSet;

use super::value::{Backing, Gap, Gate, Line, Package};
use crate::evidence::{Held, Openness, State};

/// The first line that says something else than what it rests on. Whoever has the key of the ledger can sign such a package, and
/// no reader should have to add it up.
pub(super) fn unfounded(package: &Package) -> Option<String> {
    let gates = || package.gates.iter();
    let proofs = package.documents.iter().flat_map(|document| &document.proofs);
    let lines = package.criteria.iter().chain(&package.forbidden).chain(proofs);
    let lines = lines.chain(gates().flat_map(|gate| &gate.criteria));
    let wrong = |line: &&Line| line.held != worst(&line.backing);
    if let Some(line) = lines.into_iter().find(wrong) {
        return Some(format!("line `{}`", line.name));
    }
    let passing: BTreeSet<&str> =
        gates().filter(|gate| gate.state == State::Pass).map(|gate| gate.gate.as_str()).collect();
    if let Some(gate) = gates()
        .find(|gate| !(gate_follows(gate, &passing) && waits_for_what_is_open(gate, &package.gaps)))
    {
        return Some(format!("gate.{}", gate.gate));
    }
    let gap = package.gaps.iter().find(|gap| !gap_follows(gap))?;
    Some(format!("gap.{}", gap.gap))
}

/// What nothing backs was not shown.
fn worst(backing: &[Backing]) -> Held {
    backing.iter().map(|one| one.held).max().unwrap_or(Held::NotRun)
}

fn gate_follows(gate: &Gate, passing: &BTreeSet<&str>) -> bool {
    let waits: BTreeSet<&str> = gate.blocked_by.iter().map(String::as_str).collect();
    // A gate that it needs either passes, or it waits for that.
    let needs = gate.needs.iter().map(String::as_str);
    if !needs.into_iter().all(|need| passing.contains(need) != waits.contains(need)) {
        return false;
    }
    match gate.state {
        State::Blocked => !waits.is_empty(),
        state => waits.is_empty() && comes_to(gate, state),
    }
}

/// Can what it requires come to this state? How much of a selector holds that does not hold as a whole is not in a package, and
/// decides in some cases between PARTIAL and what is worse; everything else is decided here.
fn comes_to(gate: &Gate, state: State) -> bool {
    let of_criteria = || gate.criteria.iter().flat_map(|one| &one.backing);
    let all = || gate.backing.iter().chain(of_criteria());
    let failed = gate.backing.iter().any(|one| one.held == Held::No);
    let passed = all().all(|one| one.held == Held::Yes);
    let some = all().any(|one| matches!(one.held, Held::Yes | Held::Waived));
    let wrong = all().any(|one| one.held == Held::No);
    match state {
        State::Pass => passed,
        State::Fail => failed || wrong && !some,
        State::Partial => !failed && !passed,
        State::NotRun => !passed && !wrong && !some,
        // That is decided by what it waits for.
        State::Blocked => false,
    }
}

/// A gap of the package that holds a gate up is not closed. `gaps`: those of the package, which need not be all.
fn waits_for_what_is_open(gate: &Gate, gaps: &[Gap]) -> bool {
    let waits = |gap: &&Gap| {
        gate.blocked_by.iter().any(|one| one.strip_prefix("gap.") == Some(gap.gap.as_str()))
    };
    gaps.iter().filter(waits).all(|gap| gap.state != Openness::Closed)
}

fn gap_follows(gap: &Gap) -> bool {
    let holds = |one: &Backing| one.held == Held::Yes;
    let closed = !gap.backing.is_empty() && gap.backing.iter().all(holds);
    match gap.state {
        Openness::Closed => closed,
        Openness::Partial => !closed,
        Openness::Open => !gap.backing.iter().any(holds),
    }
}
