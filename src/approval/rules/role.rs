//! Does the approver have that role?

use super::{Ask, Rule, Signer};
use crate::approval::Word;

pub(super) const RULE: Rule = Rule {
    name: "role",
    about: "the approver has the role in which the statement was made",
    words: &[Word::WrongRole],
    ask: Ask::Signer { ask, of_vetoes: false },
};

fn ask(signer: &Signer<'_>) -> Option<(Word, String)> {
    let Signer { name, role, .. } = signer;
    let has = signer.approver().is_some_and(|approver| approver.roles.contains(*role));
    (!has).then(|| (Word::WrongRole, format!("{name} has no role `{role}`")))
}
