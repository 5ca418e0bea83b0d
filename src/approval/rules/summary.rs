//! Was this what the approver was shown?

use super::{Ask, Case, Rule};
use crate::approval::Word;
use crate::model::display::one_line;

pub(super) const RULE: Rule = Rule {
    name: "summary",
    about: "the statement quotes the summary that this program makes of the plan by itself",
    words: &[Word::WrongSummary],
    ask: Ask::Statement { ask, of_vetoes: false },
};

fn ask(case: &Case<'_>) -> Option<(Word, String)> {
    let (said, summary) = (&case.statement().summary, case.about.summary());
    let shown = |text: &str| one_line(text, 200);
    (*said != summary).then(|| {
        (
            Word::WrongSummary,
            format!("it says `{}`, the plan is `{}`", shown(said), shown(&summary)),
        )
    })
}
