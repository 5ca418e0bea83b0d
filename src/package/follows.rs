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
    if let Some(gate) = gates().find(|gate| !gate_follows(gate, &passing)) {
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
    let mut all = gate.backing.iter().chain(gate.criteria.iter().flat_map(|one| &one.backing));
    match gate.state {
        State::Blocked => !waits.is_empty(),
        state => {
            let holds = all.all(|one| one.held == Held::Yes);
            waits.is_empty() && (state == State::Pass) == holds
        }
    }
}

fn gap_follows(gap: &Gap) -> bool {
    let closed = !gap.backing.is_empty() && gap.backing.iter().all(|one| one.held == Held::Yes);
    (gap.state == Openness::Closed) == closed
}
