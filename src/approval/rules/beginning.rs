//! Does it count already?

use super::{Ask, Rule, Signer};
use crate::approval::Word;

pub(super) const RULE: Rule = Rule {
    name: "beginning",
    about: "the time from which on the statement counts has come",
    words: &[Word::NotYetValid],
    ask: Ask::Signer { ask, of_vetoes: false },
};

fn ask(signer: &Signer<'_>) -> Option<(Word, String)> {
    let Signer { name, not_before, now, .. } = signer;
    (now < not_before).then(|| {
        let why = format!("{name} says from {not_before} on, and it is {now}");
        (Word::NotYetValid, why)
    })
}
