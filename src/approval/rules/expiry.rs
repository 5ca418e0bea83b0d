//! Does it still count?

use super::{Ask, Rule, Signer};
use crate::approval::Word;

pub(super) const RULE: Rule = Rule {
    name: "expiry",
    about: "the time until which the statement counts has not come",
    words: &[Word::Expired],
    ask: Ask::Signer { ask, of_vetoes: false },
};

fn ask(signer: &Signer<'_>) -> Option<(Word, String)> {
    let Signer { name, not_before, expires, now, .. } = signer;
    (now >= expires || expires <= not_before)
        .then(|| (Word::Expired, format!("{name} says until {expires}, and it is {now}")))
}
