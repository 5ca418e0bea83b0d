//! Desired state written down from what is there: which file each table goes to, and the new text of that file. Pure.
//!
//! A table that is there keeps its comments, its order and every key that nobody asked about; a file keeps everything
//! that was not written down anew. What says the same already is not touched at all.

pub mod from;
mod names;
mod text;

use std::collections::{BTreeMap, BTreeSet};

use crate::desired::{DatabaseIdentity, Desired, Tree};
use crate::kinds::Draft;
use crate::model::ResourceName;

pub use names::named;

/// A resource to write down.
#[derive(Debug)]
pub struct Wanted {
    /// Which resource.
    pub name: ResourceName,
    /// What its table shall say.
    pub draft: Draft,
    /// Does the table that is there say the same already?
    pub in_sync: bool,
}

/// What tells this host and its databases from others, for where that is not written down yet.
#[derive(Debug, Default)]
pub struct Identities<'a> {
    /// The name of the host.
    pub hostname: Option<&'a str>,
    /// The databases that were looked at.
    pub databases: BTreeMap<String, DatabaseIdentity>,
}

/// What became of one resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// It has a new table.
    Added,
    /// Its table was changed.
    Changed,
    /// Its table said so already.
    Kept,
    /// It differs, and nothing in it could be changed: it stands in a role, has `${values.…}` in it, or says it in a way
    /// that is not written down from what is there.
    LeftAlone,
}

/// What would be written.
#[derive(Debug, Default)]
pub struct Writing {
    /// Files that are new or become others, by their path below the root of desired state.
    pub files: BTreeMap<String, Vec<u8>>,
    /// What became of each resource, and in which file it stands.
    pub outcomes: BTreeMap<ResourceName, (Outcome, String)>,
}

/// Why nothing can be written down.
#[derive(Debug, thiserror::Error)]
pub enum AdoptError {
    /// A file that is there cannot be edited.
    #[error("{file} cannot be edited: {why}")]
    File {
        /// Which.
        file: String,
        /// What is wrong with it.
        why: String,
    },
}

/// Writes resources down for a host. `tree` is what is there; `desired` is what it means, when the host is in it.
///
/// # Errors
/// When a file that is there cannot be edited.
pub fn write_down(
    tree: &Tree,
    host: &str,
    identities: &Identities<'_>,
    desired: Option<&Desired>,
    wanted: &[Wanted],
) -> Result<Writing, AdoptError> {
    let mut writing = Writing::default();
    let mut editing = text::Editing::new(tree);
    let own = format!("hosts/{host}/");
    let main = format!("{own}host.toml");
    // A host without a single resource could not even be checked.
    if !wanted.is_empty() && !tree.files.contains_key(&main) {
        editing.host(&main, identities.hostname);
    }
    for (name, identity) in &identities.databases {
        let declared = desired.is_some_and(|desired| desired.databases.contains_key(name));
        if !declared && wanted.iter().any(|one| one.draft.is_in(name)) {
            editing.database(&main, name, identity)?;
        }
    }
    for one in wanted {
        let declared = desired.and_then(|d| d.resources.get(&one.name)).map(|r| r.file.as_str());
        let file = declared.map_or_else(|| format!("{own}{}.toml", one.name.kind), str::to_owned);
        let outcome = match declared {
            Some(_) if one.in_sync => Outcome::Kept,
            Some(there) if !there.starts_with(&own) => Outcome::LeftAlone,
            Some(there) => editing.change(there, one)?,
            None => editing.add(&file, one)?,
        };
        if matches!(outcome, Outcome::Added | Outcome::Changed) {
            for (path, content) in &one.draft.files {
                writing.files.insert(format!("{own}{path}"), content.clone());
            }
        }
        writing.outcomes.insert(one.name.clone(), (outcome, file));
    }
    writing.files.extend(editing.finish());
    writing.files.retain(|path, bytes| tree.files.get(path).is_none_or(|old| !old.is(bytes)));
    Ok(writing)
}

impl Writing {
    /// The tree as it would be.
    #[must_use]
    pub fn applied(&self, tree: &Tree) -> Tree {
        let mut files = tree.files.clone();
        for (path, bytes) in &self.files {
            files.insert(path.clone(), bytes.as_slice().into());
        }
        let (folder, origin) = (tree.folder.clone(), tree.origin.clone());
        Tree { files, folder, origin, ..Tree::default() }
    }

    /// The kinds of which something was written down, or was there.
    #[must_use]
    pub fn kinds(&self) -> BTreeSet<&str> {
        self.outcomes.keys().map(|name| name.kind.as_str()).collect()
    }
}

#[cfg(test)]
mod tests;
