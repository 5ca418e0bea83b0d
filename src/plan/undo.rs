//! The plan that takes another one back: what it made is removed, what it changed gets its former state, in reverse order,
//! and only while it is still as that plan left it.

use std::collections::{BTreeMap, BTreeSet};

use super::format::{Plan, Step};
use super::{Guarded, Left, Proposal, Why};
use crate::action::{Action, Condition, PathState, Surroundings, Undo};
use crate::model::display::escape;
use crate::model::{Decimal, Digest, ResourceName, Unknown};

/// A step that was applied, with the state that was seen right afterwards.
#[derive(Debug, Clone)]
pub struct Applied {
    /// The number of the step.
    pub n: Decimal,
    /// The state that was seen then; `None` where the ledger does not say.
    pub seen: Option<Condition>,
}

/// What is there now.
#[derive(Debug, Clone, Copy)]
pub struct Present<'a> {
    /// The state of the paths.
    pub around: &'a Surroundings,
    /// What stands in the directories among them.
    pub entries: &'a BTreeMap<String, BTreeSet<String>>,
    /// What homes of GnuPG hold of keys, by home and fingerprint.
    pub keys: &'a BTreeMap<(String, String), Result<Option<Digest>, Unknown>>,
    /// The digests of what databases answer about resources, by their names.
    pub answers: &'a BTreeMap<String, Result<Digest, Unknown>>,
}

/// Proposes to take the applied steps of a plan back.
#[must_use]
pub fn undo(plan: &Plan, applied: &[Applied], present: Present<'_>, guarded: &Guarded) -> Proposal {
    let mut steps: Vec<Step> = Vec::new();
    let mut left = Vec::new();
    let mut reached = Reached { present, removed: BTreeSet::new(), states: BTreeMap::new() };
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
    present: Present<'a>,
    removed: BTreeSet<String>,
    /// Of paths whose attributes were taken back already: one resource may have had several steps.
    states: BTreeMap<String, PathState>,
}

impl Reached<'_> {
    fn state(&self, path: &str) -> Result<&PathState, Why> {
        match self.states.get(path) {
            Some(state) => Ok(state),
            None => self.present.around.path(path).map_err(|unknown| Why::Unknown(unknown.detail)),
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
        (Condition::Path { path, is: was }, Condition::Path { .. }, Some(seen)) => {
            let Condition::Path { is: made, .. } = seen else { return Err(unsaid()) };
            let removes = matches!(action, Action::Remove { .. });
            let is = as_made(path, made, removes, reached)?;
            (
                Condition::Path { path: path.clone(), is },
                Condition::Path { path: path.clone(), is: forget_inode(was) },
            )
        }
        // What it was before the step is known only as answers: the step back has to bring exactly those about.
        (was @ Condition::Answers { .. }, _, Some(Condition::Answers { database, answers })) => {
            for (name, left) in answers {
                as_left(name, left, reached.present.answers)?;
            }
            let left = Condition::Answers { database: database.clone(), answers: answers.clone() };
            (left, was.clone())
        }
        (was @ Condition::Key { home, fingerprint, .. }, _, Some(seen)) => {
            let Condition::Key { sha256: Some(made), .. } = seen else { return Err(unsaid()) };
            as_imported(home, fingerprint, *made, reached.present.keys)?;
            (seen.clone(), was.clone())
        }
        (Condition::Path { .. } | Condition::Answers { .. } | Condition::Key { .. }, ..) => {
            return Err(unsaid());
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

fn unsaid() -> Why {
    Why::Unknown("the ledger does not say what was made".to_owned())
}

/// Does a home still hold of a key exactly what came in with it?
fn as_imported(
    home: &str,
    fingerprint: &str,
    made: Digest,
    keys: &BTreeMap<(String, String), Result<Option<Digest>, Unknown>>,
) -> Result<(), Why> {
    match keys.get(&(home.to_owned(), fingerprint.to_owned())) {
        Some(Ok(Some(now))) if *now == made => Ok(()),
        Some(Ok(Some(_))) => Err(Why::NoRemedy(
            "the key is no longer as it was imported: somebody added something to it".to_owned(),
        )),
        Some(Ok(None)) => Err(Why::NoRemedy("the key is gone already".to_owned())),
        Some(Err(unknown)) => Err(Why::Unknown(escape(&unknown.detail).into_owned())),
        None => Err(unsaid()),
    }
}

/// Does a database still answer as after the step?
fn as_left(
    name: &str,
    left: &Digest,
    answers: &BTreeMap<String, Result<Digest, Unknown>>,
) -> Result<(), Why> {
    match answers.get(name) {
        Some(Ok(now)) if now == left => Ok(()),
        Some(Ok(_)) => {
            let name = escape(name);
            Err(Why::NoRemedy(format!(
                "{name} is no longer as it was left: somebody changed it since"
            )))
        }
        Some(Err(unknown)) => Err(Why::Unknown(escape(&unknown.detail).into_owned())),
        None => {
            let name = escape(name);
            Err(Why::NoRemedy(format!("desired state does not say what {name} is any more")))
        }
    }
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
    if !created.is_still(now) {
        return Err(changed());
    }
    let PathState::Directory { uid, gid, mode, inode, .. } = now.clone() else {
        return Ok(now.clone());
    };
    if !removes {
        return Ok(PathState::Directory { uid, gid, mode, empty: None, inode });
    }
    let inside = reached.present.entries.get(path);
    let other = inside.into_iter().flatten().find(|entry| !reached.removed.contains(*entry));
    if let Some(other) = other {
        let other = escape(other);
        return Err(Why::NoRemedy(format!("it holds what this plan did not make: {other}")));
    }
    Ok(now.emptied())
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
