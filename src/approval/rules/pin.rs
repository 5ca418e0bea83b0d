//! Did the security key ask for its PIN, where that is asked for?

use super::{Ask, Rule, Signer};
use crate::approval::Word;

pub(super) const RULE: Rule = Rule {
    name: "pin",
    about: "the security key says that it knew its holder, where the trust file asks for it",
    words: &[Word::NoPin],
    ask: Ask::Signer { ask, of_vetoes: false },
};

fn ask(signer: &Signer<'_>) -> Option<(Word, String)> {
    let asked = signer.approver().is_none_or(|approver| approver.require_pin);
    let name = signer.name;
    (asked && !signer.verified.pin)
        .then(|| (Word::NoPin, format!("{name} signs with PIN or fingerprint alone")))
}
