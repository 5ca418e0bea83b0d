//! Does one policy cover every step?

use super::{Ask, Facts, Rule};
use crate::approval::{Refusal, Step, Target, Word};
use crate::config::trust::Policy;
use crate::model::display::few;

pub(super) const RULE: Rule = Rule {
    name: "coverage",
    about: "one policy alone covers every step of the plan, and that many of them",
    words: &[Word::NotCovered],
    ask: Ask::PlanUnderPolicy(ask),
};

fn ask(facts: &Facts<'_>, policy: &Policy) -> Option<Refusal> {
    let steps = &facts.question.about.steps;
    let refused = |why: String| Some(Refusal::new(Word::NotCovered, why));
    if steps.is_empty() {
        return refused("the plan has no step".to_owned());
    }
    if steps.len() > policy.max_steps {
        return refused(format!("it has {} steps, more than {}", steps.len(), policy.max_steps));
    }
    let numbered = steps.iter().enumerate().filter(|(_, step)| !covers(policy, step));
    let outside: Vec<String> =
        numbered.map(|(at, step)| format!("step {}: {step}", at + 1)).collect();
    if outside.is_empty() { None } else { refused(few(outside.into_iter(), 5)) }
}

fn covers(policy: &Policy, step: &Step) -> bool {
    let covered = |target: &Target| match target {
        Target::Path(path) => policy.covers_path(path),
        Target::Database(name) => policy.databases.contains(name),
        Target::Unit(name) => policy.covers_unit(name),
    };
    // A step that touched nothing would be covered by everything.
    policy.actions.contains(&step.action)
        && !step.targets.is_empty()
        && step.targets.iter().all(covered)
}
