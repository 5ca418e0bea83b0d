//! Is it known who made the change?

use super::{Ask, Facts, Rule};
use crate::approval::{Authors, Refusal, Word};
use crate::config::trust::{Policy, Separation};

pub(super) const RULE: Rule = Rule {
    name: "authorship",
    about: "it is known who signed each commit, where the policy parts authors from approvers",
    words: &[Word::AuthorUnknown],
    ask: Ask::PlanUnderPolicy(ask),
};

fn ask(facts: &Facts<'_>, policy: &Policy) -> Option<Refusal> {
    match &facts.question.about.authors {
        Authors::Unknown(why) if policy.separation == Separation::Author => {
            Some(Refusal::new(Word::AuthorUnknown, why.clone()))
        }
        _ => None,
    }
}
