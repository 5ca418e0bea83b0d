//! Does the key belong to the approver whom the statement names?

use super::{Ask, Rule, Signer};
use crate::approval::Word;

pub(super) const RULE: Rule = Rule {
    name: "approver",
    about: "the key that signed is one of the approver whom the statement names",
    words: &[Word::UnknownKey],
    ask: Ask::Signer { ask, of_vetoes: true },
};

fn ask(signer: &Signer<'_>) -> Option<(Word, String)> {
    let (name, key) = (signer.name, &signer.verified.key);
    let known = signer.approver().is_some_and(|approver| approver.keys.contains(key));
    (!known).then(|| (Word::UnknownKey, format!("{name} with {}", key.fingerprint())))
}
