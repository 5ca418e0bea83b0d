//! Did somebody touch the security key, where that is asked for?

use super::{Ask, Rule, Signer};
use crate::approval::Word;

pub(super) const RULE: Rule = Rule {
    name: "touch",
    about: "the security key says that it was touched, where the trust file asks for it",
    words: &[Word::UntouchedKey],
    ask: Ask::Signer { ask, of_vetoes: false },
};

fn ask(signer: &Signer<'_>) -> Option<(Word, String)> {
    let asked = signer.approver().is_none_or(|approver| approver.require_touch);
    let name = signer.name;
    (asked && !signer.verified.touched)
        .then(|| (Word::UntouchedKey, format!("{name} signs with a touched key alone")))
}
