//! Does it count already?

use super::{Ask, Case, Rule};
use crate::approval::Word;

pub(super) const RULE: Rule = Rule {
    name: "beginning",
    about: "the time from which on the statement counts has come",
    words: &[Word::NotYetValid],
    ask: Ask::Statement { ask, of_vetoes: false },
};

fn ask(case: &Case<'_>) -> Option<(Word, String)> {
    let (said, now) = (case.statement(), case.now);
    (now < said.not_before).then(|| {
        let why = format!("{} says from {} on, and it is {now}", said.approver, said.not_before);
        (Word::NotYetValid, why)
    })
}
