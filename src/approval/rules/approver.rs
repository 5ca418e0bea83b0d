//! Does the key belong to the approver whom the statement names?

use super::{Ask, Case, Rule};
use crate::approval::Word;

pub(super) const RULE: Rule = Rule {
    name: "approver",
    about: "the key that signed is one of the approver whom the statement names",
    words: &[Word::UnknownKey],
    ask: Ask::Statement { ask, of_vetoes: true },
};

fn ask(case: &Case<'_>) -> Option<(Word, String)> {
    let (name, key) = (&case.statement().approver, &case.read.verified.key);
    let known = case.approver().is_some_and(|approver| approver.keys.contains(key));
    (!known).then(|| (Word::UnknownKey, format!("{name} with {}", key.fingerprint())))
}
