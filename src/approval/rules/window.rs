//! Is this the time for it?

use super::{Ask, Facts, Rule};
use crate::approval::{Refusal, Word};
use crate::config::trust::Policy;

pub(super) const RULE: Rule = Rule {
    name: "window",
    about: "it is inside a window of the policy, and in none of its freezes",
    words: &[Word::OutsideWindow],
    ask: Ask::PlanUnderPolicy(ask),
};

fn ask(facts: &Facts<'_>, policy: &Policy) -> Option<Refusal> {
    let now = facts.question.now;
    if let Some(freeze) = policy.freeze.iter().find(|freeze| freeze.contains(now)) {
        return Some(Refusal::new(Word::OutsideWindow, format!("{now} is in the freeze {freeze}")));
    }
    let open =
        policy.windows.is_empty() || policy.windows.iter().any(|window| window.contains(now));
    (!open).then(|| {
        let windows: Vec<String> = policy.windows.iter().map(ToString::to_string).collect();
        let why = format!("{now} is outside {} (UTC)", windows.join(", "));
        Refusal::new(Word::OutsideWindow, why)
    })
}
