//! Was the plan not used yet?

use super::{Ask, Facts, Rule};
use crate::approval::{Refusal, Word};

pub(super) const RULE: Rule = Rule {
    name: "once",
    about: "the ledger has no record that the plan was used",
    words: &[Word::Consumed],
    ask: Ask::Plan(ask),
};

fn ask(facts: &Facts<'_>) -> Vec<Refusal> {
    let question = facts.question;
    let used =
        question.consumed.then(|| Refusal::new(Word::Consumed, question.about.plan_id.clone()));
    used.into_iter().collect()
}
