//! The plan that takes another one back: what it made is removed, what it changed gets its former state, in reverse order,
//! and only while it is still as that plan left it.

use std::collections::{BTreeMap, BTreeSet};

use super::format::{Plan, Step};
use super::{Guarded, Left, Proposal, Why};
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
    guarded: &Guarded,
) -> Proposal {
    let mut steps: Vec<Step> = Vec::new();
    let mut left = Vec::new();
    let mut reached =
        Reached { around, entries, removed: BTreeSet::new(), states: BTreeMap::new() };
    for applied in applied.iter().rev() {
        let Some(step) = plan.steps.iter().find(|step| step.n == applied.n) else { continue };
        match one(step, applied, &reached, guarded) {
            Ok(mut back) => {
                reached.take(&back);
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

/// What stands where, after the steps so far.
struct Reached<'a> {
    around: &'a Surroundings,
    entries: &'a BTreeMap<String, BTreeSet<String>>,
    removed: BTreeSet<String>,
    /// Of paths whose attributes were taken back already: one resource may have had several steps.
    states: BTreeMap<String, PathState>,
}

impl Reached<'_> {
    fn state(&self, path: &str) -> Result<&PathState, Why> {
        match self.states.get(path) {
            Some(state) => Ok(state),
            None => self.around.path(path).map_err(|unknown| Why::Unknown(unknown.detail)),
        }
    }

    /// The same after one more step.
    fn take(&mut self, back: &Step) {
        let Condition::Path { path, is } = &back.before else { return };
        let state = match &back.action {
            Action::SetMode { mode, .. } => is.with_mode(*mode),
            Action::SetOwner { uid, gid, .. } => is.owned_by((*uid, *gid)),
            Action::Remove { .. } => {
                self.removed.insert(path.clone());
                return;
            }
            _ => return,
        };
        self.states.insert(path.clone(), state);
    }
}

fn one(
    step: &Step,
    applied: &Applied,
    reached: &Reached<'_>,
    guarded: &Guarded,
) -> Result<Step, Why> {
    let action = match &step.undo {
        Undo::By(action) => (**action).clone(),
        Undo::Irreversible(why) => return Err(Why::NoRemedy(why.clone())),
    };
    if let Some(guard) = guarded.touched(&action) {
        let guard = escape(guard);
        return Err(Why::Guard(format!("the guard {guard} lives in what it would change")));
    }
    let (before, after) = match (&step.before, &step.after, &applied.seen) {
        (Condition::Path { path, is: was }, Condition::Path { .. }, Some(made)) => {
            let removes = matches!(action, Action::Remove { .. });
            let is = as_made(path, made, removes, reached)?;
            (
                Condition::Path { path: path.clone(), is },
                Condition::Path { path: path.clone(), is: forget_inode(was) },
            )
        }
        (Condition::Path { .. }, ..) => {
            return Err(Why::Unknown("the ledger does not say what was made".to_owned()));
        }
        (before, after, _) => (after.clone(), before.clone()),
    };
    let undo = Undo::Irreversible("a new plan from desired state makes it again".to_owned());
    let resources = step.resources.clone();
    Ok(Step { n: step.n, resources, action, before, after, undo, risk: step.risk })
}

/// Is what stands there still what was made? A directory that is removed may hold only what is removed before it.
fn as_made(
    path: &str,
    created: &PathState,
    removes: bool,
    reached: &Reached<'_>,
) -> Result<PathState, Why> {
    let now = reached.state(path)?;
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
            if !removes {
                return Ok(as_now(None));
            }
            let inside = reached.entries.get(path);
            let other =
                inside.into_iter().flatten().find(|entry| !reached.removed.contains(*entry));
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
