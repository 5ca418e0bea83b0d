//! Is it about this plan?

use super::{Ask, Case, Rule};
use crate::approval::Word;

pub(super) const RULE: Rule = Rule {
    name: "plan",
    about: "the statement names this plan, by the digest of its bytes and by its id",
    words: &[Word::WrongPlan],
    ask: Ask::Statement { ask, of_vetoes: true },
};

fn ask(case: &Case<'_>) -> Option<(Word, String)> {
    let (said, plan) = (case.statement(), case.about);
    let same = said.plan == plan.plan && said.plan_id == plan.plan_id;
    (!same).then(|| {
        let why = format!(
            "{} speaks of sha256:{}, this is sha256:{}",
            said.approver, said.plan, plan.plan
        );
        (Word::WrongPlan, why)
    })
}
