//! Does somebody else approve than who made the change?

use super::{Ask, Case, Rule};
use crate::approval::{Authors, Word};
use crate::config::trust::{Policy, Separation};

pub(super) const RULE: Rule = Rule {
    name: "separation",
    about: "nobody approves what follows from commits of their own, where the policy parts the two",
    words: &[Word::AuthorExcluded],
    ask: Ask::UnderPolicy(ask),
};

fn ask(case: &Case<'_>, policy: &Policy) -> Option<(Word, String)> {
    if policy.separation == Separation::None {
        return None;
    }
    // Of authors who are unknown the rule about the plan speaks.
    let Authors::Known(authors) = &case.about.authors else { return None };
    let name = &case.statement().approver;
    let person = case.people.person(name);
    let author = authors.iter().find(|author| case.people.person(author) == person)?;
    Some((Word::AuthorExcluded, format!("{name} approves, and {author} signed a commit of it")))
}
