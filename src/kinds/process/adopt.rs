//! Writing processes down: one by its short name, or everything that runs under the names that a pattern matches.

use std::collections::BTreeSet;

use super::seen::{One, by_user};
use crate::kinds::{Adopted, Draft, closed};
use crate::model::Unknown;
use crate::probe::host::Host;
use crate::probe::kernel::processes;

pub(super) fn adopt(host: &Host, asked: &str) -> Result<Adopted, Unknown> {
    let all = processes::read(host.facts(), false)?;
    let mut adopted = Adopted::default();
    if closed::is_pattern(asked) {
        let names: Vec<String> = by_user(host, &all, asked)?.into_keys().collect();
        adopted.drafts.push(Draft::new(asked).set("only", names));
        return Ok(adopted);
    }
    let of_name = all.iter().filter(|running| running.name == asked);
    let found: Vec<One> = of_name.map(|running| One::of(host, running)).collect();
    if found.is_empty() {
        return Ok(adopted);
    }
    let users: Result<BTreeSet<String>, Unknown> =
        found.iter().map(|one| one.user.clone()).collect();
    let mut draft = Draft::new(asked);
    match users {
        Ok(users) => draft = draft.set("user", sole(users)),
        Err(unknown) => adopted.unseen.push((format!("{asked}: user"), unknown)),
    }
    draft = draft.set("unit", sole(found.iter().map(|one| one.unit.clone()).collect()).flatten());
    if found.iter().all(|one| matches!(one.deleted_exe, Ok(Some(false)))) {
        draft = draft.set("deleted_exe", false);
    }
    adopted.drafts.push(draft);
    Ok(adopted)
}

/// The one that all have.
fn sole<T: Ord>(mut values: BTreeSet<T>) -> Option<T> {
    if values.len() == 1 { values.pop_first() } else { None }
}
