//! Were the statements of the repository seen?

use super::{Ask, Facts, Rule};
use crate::approval::{Refusal, RemoteStatements, Word};
use crate::config::trust::{Policy, Remote};

pub(super) const RULE: Rule = Rule {
    name: "remote",
    about: "the statements of the repository were fetched just now, unless the policy says offline",
    words: &[Word::RemoteUnreachable],
    ask: Ask::PlanUnderPolicy(ask),
};

fn ask(facts: &Facts<'_>, policy: &Policy) -> Option<Refusal> {
    match facts.question.remote {
        RemoteStatements::Unreachable(why) if policy.remote == Remote::Required => {
            Some(Refusal::new(Word::RemoteUnreachable, why.clone()))
        }
        _ => None,
    }
}
