//! Does the approver have that role?

use super::{Ask, Case, Rule};
use crate::approval::Word;

pub(super) const RULE: Rule = Rule {
    name: "role",
    about: "the approver has the role in which the statement was made",
    words: &[Word::WrongRole],
    ask: Ask::Statement { ask, of_vetoes: false },
};

fn ask(case: &Case<'_>) -> Option<(Word, String)> {
    let said = case.statement();
    let has = case.approver().is_some_and(|approver| approver.roles.contains(&said.role));
    (!has).then(|| (Word::WrongRole, format!("{} has no role `{}`", said.approver, said.role)))
}
