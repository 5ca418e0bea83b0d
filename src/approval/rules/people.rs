//! Does a person count once?

use std::collections::BTreeSet;

use super::{Ask, Case, Rule};
use crate::approval::{Refusal, Word};

pub(super) const RULE: Rule = Rule {
    name: "people",
    about: "each person counts once in a role, however many keys or names they have",
    words: &[Word::SamePerson],
    ask: Ask::Together(ask),
};

/// Parts statements into those of people who do not count yet, and the others. The first one stays.
fn ask(cases: Vec<Case<'_>>) -> (Vec<Case<'_>>, Vec<Refusal>) {
    let mut seen = BTreeSet::new();
    let (mut counted, mut refused) = (Vec::new(), Vec::new());
    for case in cases {
        let said = &case.read.statement;
        let person = case.people.person(&said.approver);
        if seen.insert((person, said.role.as_str())) {
            counted.push(case);
            continue;
        }
        let aliases: Vec<&str> = case.people.aliases(&said.approver).collect();
        let why = if aliases.is_empty() {
            format!("{} as `{}`", said.approver, said.role)
        } else {
            let aliases = aliases.join(", ");
            format!("{} as `{}`, who shares a key with {aliases}", said.approver, said.role)
        };
        refused.push(Refusal::new(Word::SamePerson, why).of(case.read.id));
    }
    (counted, refused)
}
