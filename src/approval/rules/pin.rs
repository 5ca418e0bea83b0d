//! Did the security key ask for its PIN, where that is asked for?

use super::{Ask, Case, Rule};
use crate::approval::Word;

pub(super) const RULE: Rule = Rule {
    name: "pin",
    about: "the security key says that it knew its holder, where the trust file asks for it",
    words: &[Word::NoPin],
    ask: Ask::Statement { ask, of_vetoes: false },
};

fn ask(case: &Case<'_>) -> Option<(Word, String)> {
    let asked = case.approver().is_none_or(|approver| approver.require_pin);
    let name = &case.statement().approver;
    (asked && !case.read.verified.pin)
        .then(|| (Word::NoPin, format!("{name} signs with PIN or fingerprint alone")))
}
