//! Does it still count?

use super::{Ask, Case, Rule};
use crate::approval::Word;

pub(super) const RULE: Rule = Rule {
    name: "expiry",
    about: "the time until which the statement counts has not come",
    words: &[Word::Expired],
    ask: Ask::Statement { ask, of_vetoes: false },
};

fn ask(case: &Case<'_>) -> Option<(Word, String)> {
    let (said, now) = (case.statement(), case.now);
    (now >= said.expires || said.expires <= said.not_before).then(|| {
        (Word::Expired, format!("{} says until {}, and it is {now}", said.approver, said.expires))
    })
}
