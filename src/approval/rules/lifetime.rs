//! Does it live no longer than the policy allows?

use super::{Ask, Case, Rule};
use crate::approval::Word;
use crate::config::trust::Policy;

pub(super) const RULE: Rule = Rule {
    name: "lifetime",
    about: "the statement lives no longer than the policy allows",
    words: &[Word::LivesTooLong],
    ask: Ask::UnderPolicy(ask),
};

fn ask(case: &Case<'_>, policy: &Policy) -> Option<(Word, String)> {
    let said = case.statement();
    (said.expires > said.not_before.after(policy.lifetime)).then(|| {
        let (from, to, most) = (said.not_before, said.expires, policy.lifetime);
        let why = format!("{} says from {from} to {to}, and the most is {most}", said.approver);
        (Word::LivesTooLong, why)
    })
}
