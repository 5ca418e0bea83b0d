//! Are there enough people, in all and in each role?

use std::collections::BTreeSet;

use super::{Ask, Case, Rule};
use crate::approval::{Missing, Refusal, Word};
use crate::config::trust::Policy;

pub(super) const RULE: Rule = Rule {
    name: "quorum",
    about: "enough people approved, in all and in each role that the policy asks for",
    words: &[Word::Missing, Word::Insufficient],
    ask: Ask::Quorum(ask),
};

fn ask(cases: &[Case<'_>], policy: &Policy) -> (Vec<Missing>, Option<Refusal>) {
    let count = |asked: &dyn Fn(&str) -> bool| {
        let asked = cases.iter().filter(|case| asked(&case.read.statement.role));
        let people = asked.map(|case| case.people.person(&case.read.statement.approver));
        people.collect::<BTreeSet<_>>().len()
    };
    let mut missing = Vec::new();
    for (role, need) in &policy.require {
        let have = count(&|other| other == role);
        if have < *need {
            missing.push(Missing { role: Some(role.clone()), need: *need, have });
        }
    }
    let have = count(&|role| policy.require.contains_key(role));
    if have < policy.total {
        missing.push(Missing { role: None, need: policy.total, have });
    }
    let word = if have == 0 { Word::Missing } else { Word::Insufficient };
    let said: Vec<String> = missing.iter().map(ToString::to_string).collect();
    let refusal = (!missing.is_empty()).then(|| Refusal::new(word, said.join("; ")));
    (missing, refusal)
}
