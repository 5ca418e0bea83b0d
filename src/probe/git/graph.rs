//! How two commits of a repository stand to each other: how many commits each has that the other has not.

use std::collections::HashMap;

use git2::{ErrorCode, ObjectType, Oid};
use serde::{Deserialize, Serialize};

use super::opened::Opened;
use super::{Host, Repository, SHA1_DIGITS, object_id};
use crate::model::display::one_line;
use crate::model::{Reason, Unknown, shown_path};

/// No history is walked that has more commits.
const COMMITS_MAX: usize = 1_000_000;
/// Files that cut a history off or change it, so that counts of commits mean nothing.
const CUTS: &[&str] = &["shallow", "info/grafts"];

/// How far two commits are from each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Distance {
    /// Commits that the first has and the second has not.
    pub ahead: u64,
    /// Commits that the second has and the first has not.
    pub behind: u64,
}

impl Repository {
    /// The commit of a reference by its full name, or of an object by its full id; `None` when it is not there.
    ///
    /// # Errors
    /// Unknown, when that cannot be told, or it leads to no commit.
    pub fn commit_at(&self, host: &Host, name: &str) -> Result<Option<String>, Unknown> {
        let object = match object_id(name) {
            Some(object) => object,
            None => match self.reference(host, name)? {
                Some(object) => object,
                None => return Ok(None),
            },
        };
        let found = match self.opened(host)? {
            Opened::Library(library) => self.peeled(&library, &object)?,
            Opened::Program(program) => program.peeled(&object)?,
        };
        if found.is_none() && object_id(name).is_none() {
            let detail = format!(
                "`{}`: `{}` leads to no commit that is there",
                shown_path(&self.folder),
                one_line(name, 200)
            );
            return Err(Unknown::new(Reason::Malformed, detail));
        }
        Ok(found)
    }

    /// The one commit whose id begins with these hex digits; `None` when there is none.
    ///
    /// # Errors
    /// Unknown, when that cannot be told, or several objects begin with them.
    pub fn commit_named(&self, host: &Host, digits: &str) -> Result<Option<String>, Unknown> {
        let digits = digits.to_ascii_lowercase();
        match self.opened(host)? {
            // libgit2 would look at the first digits of more than an id of its own has.
            Opened::Library(_) if digits.len() > SHA1_DIGITS => Ok(None),
            Opened::Library(library) => match library.find_object_by_prefix(&digits, None) {
                Ok(object) => {
                    Ok((object.kind() == Some(ObjectType::Commit)).then(|| object.id().to_string()))
                }
                Err(error) if error.code() == ErrorCode::NotFound => Ok(None),
                Err(error) if error.code() == ErrorCode::Ambiguous => Err(self.ambiguous(&digits)),
                Err(error) => Err(self.refused(&error)),
            },
            Opened::Program(program) => match &program.objects_named(&digits)?[..] {
                [] => Ok(None),
                [one] => Ok(program.is_commit(one)?.then(|| one.clone())),
                _ => Err(self.ambiguous(&digits)),
            },
        }
    }

    /// How many commits each of two has that the other has not, by their full ids. Both are known to be there.
    ///
    /// # Errors
    /// Unknown, when a part of the history is missing, or it is larger than the stated limit.
    pub fn distance(&self, host: &Host, ours: &str, theirs: &str) -> Result<Distance, Unknown> {
        if ours == theirs {
            return Ok(Distance { ahead: 0, behind: 0 });
        }
        self.has_a_whole_history(host)?;
        match self.opened(host)? {
            Opened::Library(library) => self.walk(&library, ours, theirs),
            Opened::Program(program) => program.distance(ours, theirs),
        }
    }

    fn has_a_whole_history(&self, host: &Host) -> Result<(), Unknown> {
        for name in CUTS {
            let found = host.stat(&self.common_dir.join(name), self.links)?;
            if found.is_some_and(|stat| stat.size > 0) {
                let detail = format!(
                    "`{}`: its history is cut off or changed (`{name}`), so commits cannot be counted",
                    shown_path(&self.folder)
                );
                return Err(Unknown::new(Reason::Undecidable, detail));
            }
        }
        Ok(())
    }

    fn peeled(&self, library: &git2::Repository, id: &str) -> Result<Option<String>, Unknown> {
        let Ok(oid) = Oid::from_str(id) else { return Ok(None) };
        let found = library.find_object(oid, None).and_then(|object| object.peel_to_commit());
        match found {
            Ok(commit) => Ok(Some(commit.id().to_string())),
            Err(error) => match error.code() {
                ErrorCode::NotFound | ErrorCode::InvalidSpec | ErrorCode::Peel => Ok(None),
                _ => Err(self.refused(&error)),
            },
        }
    }

    /// Walks both histories whole. A walk that stops early has to trust the dates of commits, which anybody may set.
    fn walk(
        &self,
        library: &git2::Repository,
        ours: &str,
        theirs: &str,
    ) -> Result<Distance, Unknown> {
        const OURS: u8 = 1;
        const THEIRS: u8 = 2;
        let refused = |error: git2::Error| self.refused(&error);
        let mut reached: HashMap<Oid, u8> = HashMap::new();
        let mut todo = vec![
            (Oid::from_str(ours).map_err(refused)?, OURS),
            (Oid::from_str(theirs).map_err(refused)?, THEIRS),
        ];
        while let Some((commit, from)) = todo.pop() {
            let known = reached.entry(commit).or_default();
            if *known & from == from {
                continue;
            }
            *known |= from;
            let from = *known;
            if reached.len() > COMMITS_MAX {
                let detail = format!(
                    "`{}`: a history of more than {COMMITS_MAX} commits",
                    shown_path(&self.folder)
                );
                return Err(Unknown::new(Reason::TooLarge, detail));
            }
            let commit = library.find_commit(commit).map_err(refused)?;
            todo.extend(commit.parent_ids().map(|parent| (parent, from)));
        }
        let count = |side: u8| {
            let only = reached.values().filter(|from| **from == side).count();
            u64::try_from(only).unwrap_or(u64::MAX)
        };
        Ok(Distance { ahead: count(OURS), behind: count(THEIRS) })
    }

    fn ambiguous(&self, digits: &str) -> Unknown {
        let detail =
            format!("`{}`: several objects begin with `{digits}`", shown_path(&self.folder));
        Unknown::new(Reason::Undecidable, detail)
    }
}
