//! Does it live no longer than the policy allows?

use super::{Ask, Case, Rule, Signer};
use crate::approval::Word;
use crate::config::trust::Policy;
use crate::model::Period;

pub(super) const RULE: Rule = Rule {
    name: "lifetime",
    about: "the statement lives no longer than the policy allows",
    words: &[Word::LivesTooLong],
    ask: Ask::UnderPolicy(ask),
};

fn ask(case: &Case<'_>, policy: &Policy) -> Option<(Word, String)> {
    lives_too_long(&case.signer(), policy.lifetime)
}

/// Does a statement live longer than `most`?
pub(in crate::approval) fn lives_too_long(
    signer: &Signer<'_>,
    most: Period,
) -> Option<(Word, String)> {
    let Signer { name, not_before, expires, .. } = signer;
    (*expires > not_before.after(most)).then(|| {
        let why = format!("{name} says from {not_before} to {expires}, and the most is {most}");
        (Word::LivesTooLong, why)
    })
}
