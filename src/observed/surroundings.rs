//! Looks at what remedies have to know: exact states of paths, and numbers of accounts.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::sync::Arc;

use crate::action::{Needs, PathState, Surroundings};
use crate::model::display::escape_bytes;
use crate::model::{Digest, Unknown};
use crate::probe::World;
use crate::probe::cancel::Cancel;
use crate::probe::host::{Contents, Links};
use crate::probe::openpgp;

/// The most entries of a directory that are listed.
const ENTRIES_MAX: usize = 10_000;

/// Looks at all of it.
pub async fn surroundings(world: &Arc<World>, needs: Needs) -> Surroundings {
    let removed: Vec<String> = needs.removed.iter().cloned().collect();
    let entries = entries(world, removed).await;
    Surroundings { entries, ..states(world, needs).await }
}

async fn states(world: &Arc<World>, needs: Needs) -> Surroundings {
    let cancel = Cancel::default();
    let _guard = cancel.on_drop();
    let names: Vec<String> = needs.paths.keys().cloned().collect();
    let looking = {
        let cancel = cancel.clone();
        move |host: &crate::probe::host::Host| {
            let mut around = Surroundings::default();
            for (path, depth) in needs.paths {
                let state = match host.hold(Path::new(&path)) {
                    Ok(Some(held)) => held.state(depth, &cancel),
                    Ok(None) => {
                        around.without_folder.insert(path.clone());
                        Ok(PathState::Absent)
                    }
                    Err(why) => Err(why),
                };
                around.paths.insert(path, state);
            }
            for name in needs.users {
                around.users.insert(name.clone(), host.user_number(&name));
            }
            for name in needs.groups {
                around.groups.insert(name.clone(), host.group_number(&name));
            }
            Ok(around)
        }
    };
    world.ask(looking).await.unwrap_or_else(|why| {
        let paths = names.into_iter().map(|path| (path, Err(why.clone()))).collect();
        Surroundings { paths, ..Surroundings::default() }
    })
}

/// The paths of what stands in directories. One that is none has no entries; one that cannot be listed has an entry that
/// nobody made, so that it is not taken for empty.
pub async fn entries(
    world: &Arc<World>,
    directories: Vec<String>,
) -> BTreeMap<String, BTreeSet<String>> {
    if directories.is_empty() {
        return BTreeMap::new();
    }
    let asked = directories.clone();
    let listing = move |host: &crate::probe::host::Host| {
        Ok(directories
            .into_iter()
            .map(|path| {
                let listed = host.entries(Path::new(&path), Links::Refuse, ENTRIES_MAX);
                let names = match listed {
                    Ok(Contents::Regular(_, entries)) => entries
                        .iter()
                        .map(|entry| format!("{path}/{}", escape_bytes(entry.name.as_bytes())))
                        .collect(),
                    Ok(_) => BTreeSet::new(),
                    Err(why) => BTreeSet::from([format!("{path}/* ({})", why.detail)]),
                };
                (path, names)
            })
            .collect())
    };
    world.ask(listing).await.unwrap_or_else(|why: Unknown| {
        let told =
            |path: String| (path.clone(), BTreeSet::from([format!("{path}/* ({})", why.detail)]));
        asked.into_iter().map(told).collect()
    })
}

/// What homes of GnuPG hold of keys, by home and fingerprint.
pub async fn keys(
    world: &Arc<World>,
    asked: BTreeSet<(String, String)>,
) -> BTreeMap<(String, String), Result<Option<Digest>, Unknown>> {
    if asked.is_empty() {
        return BTreeMap::new();
    }
    let names = asked.clone();
    let look = move |host: &crate::probe::host::Host| {
        let held = |(home, key): (String, String)| {
            let held = openpgp::material(host, Path::new(&home), &key);
            ((home, key), held)
        };
        Ok(asked.into_iter().map(held).collect())
    };
    world.ask(look).await.unwrap_or_else(|why: Unknown| {
        names.into_iter().map(|name| (name, Err(why.clone()))).collect()
    })
}
