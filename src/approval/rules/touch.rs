//! Did somebody touch the security key, where that is asked for?

use super::{Ask, Case, Rule};
use crate::approval::Word;

pub(super) const RULE: Rule = Rule {
    name: "touch",
    about: "the security key says that it was touched, where the trust file asks for it",
    words: &[Word::UntouchedKey],
    ask: Ask::Statement { ask, of_vetoes: false },
};

fn ask(case: &Case<'_>) -> Option<(Word, String)> {
    let asked = case.approver().is_none_or(|approver| approver.require_touch);
    let name = &case.statement().approver;
    (asked && !case.read.verified.touched)
        .then(|| (Word::UntouchedKey, format!("{name} signs with a touched key alone")))
}
