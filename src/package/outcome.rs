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
        let first = self.backing.iter().filter(|one| one.held == self.held);
        let first = first.filter_map(|one| one.missing.as_deref()).next();
        first.unwrap_or("nothing was observed that could back it")
    }
}

impl super::value::NonMutation {
    /// Holds what was measured together.
    #[must_use]
    pub fn judged(mut self) -> Self {
        let twice = self.before.is_some() && self.after.is_some();
        let measured = self.measured.iter().map(|one| match (one.before, one.after) {
            (Some(before), Some(after)) if before == after => Held::Yes,
            (Some(_), Some(_)) => Held::No,
            _ => Held::Untold,
        });
        let census = self.census.iter().map(|one| match (one.before, one.after, &one.own) {
            (_, _, Some(_)) => Held::No,
            (Some(_), Some(_), None) if one.read_only => Held::Yes,
            _ => Held::Untold,
        });
        let worst = measured.chain(census).max();
        self.held = worst.filter(|_| twice).unwrap_or(Held::NotRun);
        self
    }

    /// Why it does not hold, in a few words.
    #[must_use]
    pub fn missing(&self) -> String {
        let changed = self.measured.iter().find(|one| match (one.before, one.after) {
            (Some(before), Some(after)) => before != after,
            _ => false,
        });
        let unseen = self.measured.iter().find(|one| one.before.is_none() || one.after.is_none());
        let session = self.census.iter().find(|one| one.own.is_some() || !one.read_only);
        let silent = self.census.iter().find(|one| one.before.is_none() || one.after.is_none());
        match (changed, session, unseen, silent) {
            _ if self.before.is_none() => "nothing was measured".to_owned(),
            (Some(one), ..) => format!("{} changed between the two snapshots", one.resource),
            (_, Some(one), ..) => format!("the session of {} was able to write", one.database),
            (_, _, Some(one), _) => format!("{} could not be seen", one.resource),
            (.., Some(one)) => format!("{} does not count its transactions", one.database),
            _ => "nothing was measured".to_owned(),
        }
    }
}
