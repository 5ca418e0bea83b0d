//! What a remedy has to know besides the observation of its own resource: the exact state of paths, and numbers of accounts.
//!
//! It is asked before a plan is made, so that making the plan needs no look of its own.

use std::collections::{BTreeMap, BTreeSet};

use super::PathState;
use crate::model::{Reason, Unknown};

/// How closely a path is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Depth {
    /// Its attributes.
    Attributes,
    /// Its content too: the digest of a file, whether a directory has entries.
    Content,
}

/// What a remedy asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Needs {
    /// Paths, each as closely as anybody asks.
    pub paths: BTreeMap<String, Depth>,
    /// Names of users.
    pub users: BTreeSet<String>,
    /// Names of groups.
    pub groups: BTreeSet<String>,
    /// Paths at which nothing is wanted: whether a plan made what stands there, and what is in it.
    pub removed: BTreeSet<String>,
}

impl Needs {
    /// Asks for a path.
    pub fn path(&mut self, path: &str, depth: Depth) {
        let asked = self.paths.entry(path.to_owned()).or_insert(depth);
        *asked = (*asked).max(depth);
    }
}

/// What was asked for.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// What stands at paths.
    pub paths: BTreeMap<String, Result<PathState, Unknown>>,
    /// Those of them whose own folder does not exist.
    pub without_folder: BTreeSet<String>,
    /// What earlier plans made at paths, as they left it.
    pub made: BTreeMap<String, PathState>,
    /// The paths of what stands in directories that may have to go.
    pub entries: BTreeMap<String, BTreeSet<String>>,
    /// The numbers of users; `None` for a name that nobody has.
    pub users: BTreeMap<String, Result<Option<u32>, Unknown>>,
    /// The numbers of groups.
    pub groups: BTreeMap<String, Result<Option<u32>, Unknown>>,
    /// The roles that the same transaction makes before anything else.
    pub coming: BTreeSet<String>,
    /// What databases are called by their servers, by their names in desired state.
    pub databases: BTreeMap<String, String>,
    /// The roles as which this program itself looks and changes, with what it uses each for. No step changes one: it could
    /// take the ground away under the run, or widen what the program may do.
    pub own_roles: BTreeMap<String, String>,
}

fn not_asked(what: &str) -> Unknown {
    Unknown::new(Reason::NoAnswer, format!("{what} was not asked for"))
}

impl Surroundings {
    /// What stands at a path.
    ///
    /// # Errors
    /// When that cannot be told.
    pub fn path(&self, path: &str) -> Result<&PathState, Unknown> {
        match self.paths.get(path) {
            Some(Ok(state)) => Ok(state),
            Some(Err(why)) => Err(why.clone()),
            None => Err(not_asked(path)),
        }
    }

    /// The number of a user.
    ///
    /// # Errors
    /// When that cannot be told.
    pub fn user(&self, name: &str) -> Result<Option<u32>, Unknown> {
        self.users.get(name).cloned().unwrap_or_else(|| Err(not_asked(name)))
    }

    /// Why nothing about a role is changed, where it is one of the program's own.
    #[must_use]
    pub fn own_role(&self, name: &str) -> Option<String> {
        let purpose = self.own_roles.get(name)?;
        Some(format!("role `{name}` is {purpose}, and no step changes a role of this program"))
    }

    /// The number of a group.
    ///
    /// # Errors
    /// When that cannot be told.
    pub fn group(&self, name: &str) -> Result<Option<u32>, Unknown> {
        self.groups.get(name).cloned().unwrap_or_else(|| Err(not_asked(name)))
    }
}
