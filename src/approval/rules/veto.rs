//! Has nobody said no?

use super::{Ask, Facts, Rule};
use crate::approval::{Decision, Refusal, Word};
use crate::model::display::one_line;

pub(super) const RULE: Rule = Rule {
    name: "veto",
    about: "no approver, whatever the role, rejected the plan or revoked its approval",
    words: &[Word::Rejected, Word::Revoked],
    ask: Ask::Plan(ask),
};

fn ask(facts: &Facts<'_>) -> Vec<Refusal> {
    let vetoes = facts.vetoes.iter().filter_map(|read| {
        let word = match read.statement.decision {
            Decision::Approve => return None,
            Decision::Reject => Word::Rejected,
            Decision::Revoke => Word::Revoked,
        };
        let said = &read.statement;
        let why = format!("{}: {}", said.approver, one_line(&said.reason, 200));
        Some(Refusal::new(word, why).of(read.id))
    });
    vetoes.collect()
}
