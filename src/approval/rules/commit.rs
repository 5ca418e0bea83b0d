//! Does it name the commit of the plan?

use super::{Ask, Case, Rule};
use crate::approval::Word;

pub(super) const RULE: Rule = Rule {
    name: "commit",
    about: "the statement names the commit of desired state that the plan follows from",
    words: &[Word::WrongCommit],
    ask: Ask::Statement { ask, of_vetoes: false },
};

fn ask(case: &Case<'_>) -> Option<(Word, String)> {
    let (said, commit) = (&case.statement().commit, &case.about.commit);
    (said != commit).then(|| (Word::WrongCommit, format!("it names {said}, the plan {commit}")))
}
