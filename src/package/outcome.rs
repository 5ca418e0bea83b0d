//! What a package comes to: computed from its lines when it is made, and once more when it is verified.

use super::value::{Outcome, Package, deed, word};
use crate::evidence::{Held, Openness, State};

/// What the lines of this package come to. READY only where each of them holds.
#[must_use]
pub fn outcome(package: &Package) -> Outcome {
    let mut blockers = Vec::new();
    for gate in &package.gates {
        let missing = gate.missing.as_deref().unwrap_or("it does not pass");
        match gate.state {
            State::Pass => {}
            // It waits for a gate that is listed itself, or for a gap.
            State::Blocked if gate.blocked_by.iter().all(|by| package.has_gate(by)) => {}
            state => blockers.push(format!("gate.{} {state}: {missing}", gate.gate)),
        }
    }
    for gap in package.gaps.iter().filter(|gap| gap.required && gap.state != Openness::Closed) {
        let missing = gap.missing.as_deref().unwrap_or("it is not closed");
        blockers.push(format!("gap.{} {}: {missing}", gap.gap, gap.state));
    }
    let lines = package.criteria.iter().map(|line| ("criterion", line, word(line.held)));
    let proofs = package.documents.iter().flat_map(|document| &document.proofs);
    let lines = lines.chain(proofs.map(|line| ("proven", line, word(line.held))));
    let forbidden = package.forbidden.iter().map(|line| ("forbidden", line, deed(line.held)));
    for (what, line, state) in lines.chain(forbidden).filter(|(_, line, _)| line.held != Held::Yes)
    {
        blockers.push(format!("{what} {} {state}: {}", line.name, line.missing()));
    }
    if package.non_mutation.held != Held::Yes {
        let why = package.non_mutation.missing();
        blockers.push(format!("non-mutation {}: {why}", word(package.non_mutation.held)));
    }
    // Of nothing, nothing is ready.
    let some = !package.gates.is_empty() || !package.criteria.is_empty();
    if !some {
        blockers.push("there is no gate and no criterion".to_owned());
    }
    let tokens = package.outcome.tokens.clone();
    let ready = blockers.is_empty();
    let token = tokens[usize::from(!ready)].clone();
    Outcome { ready, token, blockers, tokens }
}

impl Package {
    /// Is something that holds it back not known, rather than known not to hold?
    #[must_use]
    pub fn is_untold(&self) -> bool {
        let blind = |backing: &super::value::Backing| backing.held.is_blind();
        let proofs = self.documents.iter().flat_map(|document| &document.proofs);
        let lines = self.criteria.iter().chain(&self.forbidden).chain(proofs);
        let gates = self.gates.iter().any(|gate| {
            let own = gate.backing.iter().chain(gate.criteria.iter().flat_map(|one| &one.backing));
            gate.state != State::Pass && gate.state != State::Blocked && own.into_iter().any(blind)
        });
        let gaps = self.gaps.iter().filter(|gap| gap.required && gap.state != Openness::Closed);
        gates
            || lines.into_iter().any(|line| line.held.is_blind())
            || gaps.into_iter().any(|gap| gap.backing.iter().any(blind))
            || self.non_mutation.held.is_blind()
    }

    fn has_gate(&self, name: &str) -> bool {
        self.gates.iter().any(|gate| gate.gate == name)
    }
}

impl super::value::Line {
    /// The first thing that is missing.
    #[must_use]
    pub fn missing(&self) -> &str {
        let mut worst = self.backing.iter().filter(|one| one.held == self.held);
        let first = worst.find_map(|one| one.missing.as_deref());
        first.unwrap_or("nothing was observed that could back it")
    }
}
