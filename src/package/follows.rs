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
    if let Some(gate) = gates().find(|gate| !gate_follows(gate, &passing, &package.gaps)) {
        return Some(format!("gate.{}", gate.gate));
    }
    let gap = package.gaps.iter().find(|gap| !gap_follows(gap))?;
    Some(format!("gap.{}", gap.gap))
}

/// What nothing backs was not shown.
fn worst(backing: &[Backing]) -> Held {
    backing.iter().map(|one| one.held).max().unwrap_or(Held::NotRun)
}

/// `gaps`: those of the package, which need not be all.
fn gate_follows(gate: &Gate, passing: &BTreeSet<&str>, gaps: &[Gap]) -> bool {
    let waits: BTreeSet<&str> = gate.blocked_by.iter().map(String::as_str).collect();
    // A gate that it needs either passes, or it waits for that.
    if !gate.needs.iter().all(|need| passing.contains(&**need) != waits.contains(&**need)) {
        return false;
    }
    // It waits for nothing else but gaps that are open.
    let open = |gap: &str| {
        gaps.iter().filter(|one| one.gap == gap).all(|one| one.state != Openness::Closed)
    };
    let mut others = gate.blocked_by.iter().filter(|one| !gate.needs.contains(one));
    if !others.all(|one| one.strip_prefix("gap.").is_some_and(open)) {
        return false;
    }
    match gate.state {
        State::Blocked => !waits.is_empty(),
        state => waits.is_empty() && comes_to(gate, state),
    }
}

/// Can what it requires come to this state? A package does not say how much holds of what does not hold as a whole: nothing of it,
/// or some.
fn comes_to(gate: &Gate, state: State) -> bool {
    let with = |some: fn(Held) -> bool| {
        let weigh = |one: &Backing| (one.held, some(one.held));
        let required: Vec<_> = gate.backing.iter().map(weigh).collect();
        let criteria = gate.criteria.iter().flat_map(|one| &one.backing);
        State::of(&required, &criteria.map(weigh).collect::<Vec<_>>())
    };
    [with(|held| held == Held::Yes), with(|_| true)].contains(&state)
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
