//! Could all statements be looked at?

use super::{Ask, Facts, Rule};
use crate::approval::judge::STATEMENTS_MAX;
use crate::approval::{Refusal, Word};

pub(super) const RULE: Rule = Rule {
    name: "number",
    about: "there are not more statements than are looked at: one of the others could be a veto",
    words: &[Word::TooMany],
    ask: Ask::Plan(ask),
};

fn ask(facts: &Facts<'_>) -> Vec<Refusal> {
    let count = facts.question.statements.len();
    let why = || Refusal::new(Word::TooMany, format!("{count}, more than {STATEMENTS_MAX}"));
    (count > STATEMENTS_MAX).then(why).into_iter().collect()
}
