//! What earlier plans made on this host and left there, from what the ledger says: only that is ever removed.

use std::collections::BTreeMap;

use super::super::error::Failure;
use super::super::ledgers;
use crate::action::{Action, Condition, PathState};
use crate::approval::SEEN;
use crate::config::Config;
use crate::ledger::{Event, Outcome, Reader};
use crate::model::Digest;
use crate::plan::Plan;

/// By path, as it was left. A draft has no ledger at hand, and reads the one that is there.
pub(in crate::cli) fn made(
    config: &Config,
    reader: Option<&Reader>,
) -> Result<BTreeMap<String, PathState>, Failure> {
    if let Some(reader) = reader {
        return of(reader);
    }
    ledgers::read(config)?.map_or_else(|| Ok(BTreeMap::new()), |reader| of(&reader))
}

fn of(reader: &Reader) -> Result<BTreeMap<String, PathState>, Failure> {
    let mut plans: BTreeMap<Digest, Option<Plan>> = BTreeMap::new();
    let mut made = BTreeMap::new();
    for entry in reader.entries()? {
        let entry = entry?;
        let Event::StepOutcome(ended) = &entry.event else { continue };
        let plan = match plans.entry(ended.plan) {
            std::collections::btree_map::Entry::Occupied(known) => known.into_mut(),
            std::collections::btree_map::Entry::Vacant(new) => {
                new.insert(Plan::read(&reader.blob(&ended.plan)?).ok())
            }
        };
        let step = plan.as_ref().and_then(|p| p.steps.iter().find(|step| step.n == ended.step));
        let (Some(step), Outcome::Applied | Outcome::Recovered) = (step, ended.outcome) else {
            continue;
        };
        let Condition::Path { path, is: before } = &step.before else { continue };
        let seen = entry.attachments.iter().find(|attached| attached.name == SEEN);
        let seen = match seen {
            Some(attached) => serde_json::from_slice(&reader.blob(&attached.sha256)?).ok(),
            None => None,
        };
        take(&mut made, (path, before), &step.action, seen);
    }
    Ok(made)
}

/// Follows what a step did at a path. Whatever a plan found there, and did not make, stays somebody else's.
fn take(
    made: &mut BTreeMap<String, PathState>,
    (path, before): (&str, &PathState),
    action: &Action,
    seen: Option<Condition>,
) {
    let own = *before == PathState::Absent
        || made.get(path).is_some_and(|earlier| before.is_still(earlier));
    match seen {
        Some(Condition::Path { is, .. }) if own && !matches!(action, Action::Remove { .. }) => {
            made.insert(path.to_owned(), is);
        }
        _ => {
            made.remove(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::Inode;
    use crate::model::{Decimal, Mode};

    fn directory(mode: u32, number: Option<u64>) -> PathState {
        PathState::Directory {
            uid: Decimal(0),
            gid: Decimal(0),
            mode: Mode::from_bits(mode),
            empty: None,
            inode: number.map(|n| Inode { device: Decimal(1), number: Decimal(n) }),
        }
    }

    #[test]
    fn only_what_a_plan_made_and_nobody_replaced_is_its_own() {
        let mut made = BTreeMap::new();
        let mut step = |before: &PathState, action: Action, seen: Option<&PathState>| {
            let seen = seen.map(|is| Condition::Path { path: "/a".into(), is: is.clone() });
            take(&mut made, ("/a", before), &action, seen);
            made.get("/a").cloned()
        };
        let change = |bits| Action::SetMode { path: "/a".into(), mode: Mode::from_bits(bits) };
        let (uid, gid) = (Decimal(0), Decimal(0));
        let creation =
            Action::CreateDirectory { path: "/a".into(), uid, gid, mode: Mode::from_bits(0o750) };
        let found = directory(0o755, Some(7));
        assert_eq!(step(&found, change(0o750), Some(&directory(0o750, Some(7)))), None, "found");
        let first = directory(0o750, Some(8));
        assert_eq!(step(&PathState::Absent, creation.clone(), Some(&first)), Some(first.clone()));
        let second = directory(0o700, Some(8));
        assert_eq!(step(&first, change(0o700), Some(&second)), Some(second.clone()));
        let replaced = directory(0o700, Some(9));
        assert_eq!(step(&replaced, change(0o750), Some(&directory(0o750, Some(9)))), None);
        assert_eq!(step(&PathState::Absent, creation.clone(), Some(&first)), Some(first.clone()));
        let gone = Some(&PathState::Absent);
        assert_eq!(step(&first, Action::Remove { path: "/a".into() }, gone), None);
        assert_eq!(step(&PathState::Absent, creation, None), None, "what was made is not known");
    }
}
