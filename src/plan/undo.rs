//! The plan that takes another one back: what it made is removed, what it changed gets its former state, in reverse order,
//! and only while it is still as that plan left it.

use std::collections::{BTreeMap, BTreeSet};

use super::format::{Plan, Step};
use super::{Left, Proposal, Why};
use crate::action::{Action, Condition, PathState, Surroundings, Undo};
use crate::model::display::escape;
use crate::model::{Decimal, ResourceName};

/// A step that was applied, with the state that was seen right afterwards.
#[derive(Debug, Clone)]
pub struct Applied {
    /// The number of the step.
    pub n: Decimal,
    /// What stood there then; `None` for what is no path.
    pub seen: Option<PathState>,
}

/// Proposes to take the applied steps of a plan back. `around` has the present state of their paths, and `entries` what
/// stands in the directories among them.
#[must_use]
pub fn undo(
    plan: &Plan,
    applied: &[Applied],
    around: &Surroundings,
    entries: &BTreeMap<String, BTreeSet<String>>,
) -> Proposal {
    let mut steps: Vec<Step> = Vec::new();
    let mut left = Vec::new();
    let mut removed: BTreeSet<String> = BTreeSet::new();
    for applied in applied.iter().rev() {
        let Some(step) = plan.steps.iter().find(|step| step.n == applied.n) else { continue };
        match one(step, applied, around, entries, &removed) {
            Ok(mut back) => {
                if let Action::Remove { path } = &back.action {
                    removed.insert(path.clone());
                }
                back.n = Decimal(steps.len() as u64 + 1);
                steps.push(back);
            }
            Err(why) => {
                let names = step.resources.iter().filter_map(|name| name.split_once('.'));
                left.extend(names.map(|(kind, name)| Left {
                    resource: ResourceName::new(kind, name),
                    why: why.clone(),
                }));
            }
        }
    }
    Proposal { steps, left }
}

fn one(
    step: &Step,
    applied: &Applied,
    around: &Surroundings,
    entries: &BTreeMap<String, BTreeSet<String>>,
    removed: &BTreeSet<String>,
) -> Result<Step, Why> {
    let action = match &step.undo {
        Undo::By(action) => (**action).clone(),
        Undo::Irreversible(why) => return Err(Why::NoRemedy(why.clone())),
    };
    let (before, after) = match (&step.before, &step.after, &applied.seen) {
        (Condition::Path { path, is: was }, Condition::Path { .. }, Some(made)) => {
            let now = around.path(path).map_err(|unknown| Why::Unknown(unknown.detail))?;
            let is = as_made(path, made, now, entries, removed)?;
            (
                Condition::Path { path: path.clone(), is },
                Condition::Path { path: path.clone(), is: forget_inode(was) },
            )
        }
        (Condition::Path { .. }, ..) => {
            return Err(Why::Unknown("the ledger does not say what was made".to_owned()));
        }
        // What had failed and was started is inactive when it is stopped, and not failed.
        (Condition::Unit { unit, .. }, after, _) => {
            let Action::Unit { change, .. } = &action else {
                return Err(Why::NoRemedy("its undo is not about the unit".to_owned()));
            };
            (after.clone(), Condition::Unit { unit: unit.clone(), is: change.leads_to() })
        }
        (before, after, _) => (after.clone(), before.clone()),
    };
    let undo = Undo::Irreversible("a new plan from desired state makes it again".to_owned());
    let resources = step.resources.clone();
    Ok(Step { n: step.n, resources, action, before, after, undo, risk: step.risk })
}

/// Is what stands there still what was made? A directory may hold only what is removed before it.
fn as_made(
    path: &str,
    created: &PathState,
    now: &PathState,
    entries: &BTreeMap<String, BTreeSet<String>>,
    removed: &BTreeSet<String>,
) -> Result<PathState, Why> {
    let changed = || {
        Why::NoRemedy(format!("it is no longer as it was made: {now}, where {created} was made"))
    };
    match now {
        PathState::Directory { uid, gid, mode, inode, .. } => {
            let (uid, gid, mode, inode) = (*uid, *gid, *mode, *inode);
            let as_now = |empty| PathState::Directory { uid, gid, mode, empty, inode };
            let same = match created {
                PathState::Directory { empty, .. } => *created == as_now(*empty),
                _ => false,
            };
            if !same {
                return Err(changed());
            }
            let inside = entries.get(path);
            let other = inside.into_iter().flatten().find(|entry| !removed.contains(*entry));
            if let Some(other) = other {
                let other = escape(other);
                let why = format!("it holds what this plan did not make: {other}");
                return Err(Why::NoRemedy(why));
            }
            Ok(as_now(Some(true)))
        }
        _ if created.holds(now) => Ok(now.clone()),
        _ => Err(changed()),
    }
}

/// What is restored is another inode, or the same one: that is not said beforehand.
fn forget_inode(state: &PathState) -> PathState {
    let mut state = state.clone();
    if let PathState::Directory { inode, .. }
    | PathState::File { inode, .. }
    | PathState::Symlink { inode, .. } = &mut state
    {
        *inode = None;
    }
    state
}
