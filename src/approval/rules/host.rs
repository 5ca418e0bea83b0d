//! Is it for this host?

use super::{Ask, Case, Rule};
use crate::approval::Word;

pub(super) const RULE: Rule = Rule {
    name: "host",
    about: "the statement names the host of the plan",
    words: &[Word::WrongHost],
    ask: Ask::Statement { ask, of_vetoes: false },
};

fn ask(case: &Case<'_>) -> Option<(Word, String)> {
    let (said, host) = (&case.statement().host, &case.about.host);
    (said != host).then(|| (Word::WrongHost, format!("it is for {said}, the plan for {host}")))
}
