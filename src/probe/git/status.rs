//! Whether a work tree is as it was committed, as far as libgit2 can tell without running or writing anything.
//!
//! Repositories that libgit2 does not open are compared byte by byte instead (`bytes`). As `git status` does, this trusts the sizes and times in the index for files that did not change since it was written.
//! Filters, hooks and file system monitors are never run; where one of them would decide, the answer is Unknown. Of
//! configuration only the repository's own is used.

use std::path::Path;

use git2::{AttrCheckFlags, ErrorCode, IndexEntry, Status, StatusOptions, Statuses};

use super::opened::Opened;
use super::{Host, Repository};
use crate::model::display::{escape_bytes, one_line};
use crate::model::{Reason, Unknown, shown_path};

/// How many changed paths are named.
const NAMED_MAX: usize = 3;
const NAME_WIDTH_MAX: usize = 80;
/// The bits of an index entry that hide changes of its file.
const ASSUME_UNCHANGED: u16 = 0x8000;
const SKIP_WORKTREE: u16 = 0x4000;
const SUBMODULE: u32 = 0o160_000;

/// What is not as it was committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changes {
    /// How many paths; a folder full of files that git does not know counts once.
    pub count: u64,
    /// The first few of them, escaped.
    pub first: Vec<String>,
    /// Does what was asked about exist at all, in the work tree or in the index?
    pub present: bool,
}

impl Repository {
    /// What is not as it was committed, in the whole work tree or below one path of it.
    ///
    /// # Errors
    /// Unknown, when libgit2 refuses the repository, or something that is not looked at could hide a change.
    pub fn changes(&self, host: &Host, below: Option<&str>) -> Result<Changes, Unknown> {
        if self.bare {
            return Err(self.unsupported("a bare repository has no work tree"));
        }
        let (changed, present) = match self.opened(host)? {
            Opened::Library(library) => self.by_status(host, &library, below)?,
            Opened::Program(program) => self.by_bytes(host, &program, below)?,
        };
        let present = present || !changed.is_empty() || self.exists(host, below)?;
        let first = changed.iter().take(NAMED_MAX).map(|path| self.name(host, path)).collect();
        Ok(Changes { count: changed.len().try_into().unwrap_or(u64::MAX), first, present })
    }

    /// The changed paths as libgit2 tells them, and whether the index has anything there.
    fn by_status(
        &self,
        host: &Host,
        repository: &git2::Repository,
        below: Option<&str>,
    ) -> Result<(Vec<Vec<u8>>, bool), Unknown> {
        let head = self.committed(host, repository)?;
        let index = repository.index().map_err(|error| self.refused(&error))?;
        let entries: Vec<IndexEntry> =
            index.iter().filter(|entry| is_below(&entry.path, below)).collect();
        let mut options = options();
        let statuses =
            repository.statuses(Some(&mut options)).map_err(|error| self.refused(&error))?;
        let seen = self.sort(host, repository, &statuses, below)?;
        let mut changed = seen.changed;
        self.add_staged(repository, &index, head.as_ref(), below, &mut changed)?;
        for entry in entries.iter().filter(|entry| entry.mode == SUBMODULE) {
            if self.submodule_moved(host, &entry.path, &entry.id.to_string())? {
                changed.push(entry.path.clone());
            }
        }
        changed.sort();
        changed.dedup();
        if changed.is_empty() {
            seen.doubt.map_or(Ok(()), Err)?;
            self.nothing_is_hidden(&entries)?;
            let config = repository.config().map_err(|error| self.refused(&error))?;
            self.is_not_blindfolded(&config)?;
        }
        Ok((changed, !entries.is_empty()))
    }

    /// What is committed; `None` before the first commit.
    ///
    /// A commit that cannot be read is an error here: libgit2 would compare with nothing, and call an empty index clean.
    fn committed<'r>(
        &self,
        host: &Host,
        repository: &'r git2::Repository,
    ) -> Result<Option<git2::Tree<'r>>, Unknown> {
        let unborn = self.head(host)?.commit.is_none();
        match repository.head().and_then(|head| head.peel_to_tree()) {
            Ok(tree) => Ok(Some(tree)),
            Err(error) if unborn && error.code() == ErrorCode::UnbornBranch => Ok(None),
            Err(error) => Err(self.refused(&error)),
        }
    }

    /// Divides what git reports into what has changed for certain and what cannot be told.
    ///
    /// The part that is asked about is picked here: libgit2 overlooks one that lies in a folder unknown to git.
    fn sort(
        &self,
        host: &Host,
        repository: &git2::Repository,
        statuses: &Statuses<'_>,
        below: Option<&str>,
    ) -> Result<Sorted, Unknown> {
        let mut sorted = Sorted { changed: Vec::new(), doubt: None };
        for entry in statuses.iter() {
            let mut path = entry.path_bytes().to_vec();
            if let Some(part) = below
                && path.ends_with(b"/")
                && part.as_bytes().starts_with(&path)
                && self.exists(host, below)?
                && !repository.is_path_ignored(part).map_err(|error| self.refused(&error))?
            {
                path = part.as_bytes().to_vec();
            }
            if !is_below(&path, below) {
                continue;
            }
            if entry.status().contains(Status::WT_UNREADABLE) {
                let detail = format!("`{}` cannot be read", escape_bytes(&path));
                sorted.doubt = Some(Unknown::new(Reason::PermissionDenied, detail));
            } else if entry.status() == Status::WT_MODIFIED
                && let Some(what) = self.converted(repository, &path)?
            {
                let detail = format!(
                    "`{}` has the attribute `{what}`, which only git itself follows",
                    escape_bytes(&path)
                );
                sorted.doubt = Some(Unknown::new(Reason::NotSupported, detail));
            } else {
                sorted.changed.push(path);
            }
        }
        Ok(sorted)
    }

    /// Is the content of a file converted between work tree and commit by something that is not run here?
    fn converted(
        &self,
        repository: &git2::Repository,
        path: &[u8],
    ) -> Result<Option<&'static str>, Unknown> {
        use std::os::unix::ffi::OsStrExt as _;
        let path = Path::new(std::ffi::OsStr::from_bytes(path));
        for name in ["filter", "working-tree-encoding"] {
            let value = repository
                .get_attr_bytes(
                    path,
                    name,
                    AttrCheckFlags::FILE_THEN_INDEX | AttrCheckFlags::NO_SYSTEM,
                )
                .map_err(|error| self.refused(&error))?;
            if matches!(
                git2::AttrValue::from_bytes(value),
                git2::AttrValue::True | git2::AttrValue::String(_) | git2::AttrValue::Bytes(_)
            ) {
                return Ok(Some(name));
            }
        }
        Ok(None)
    }

    /// What was added to the index and not committed, submodules included.
    fn add_staged(
        &self,
        repository: &git2::Repository,
        index: &git2::Index,
        head: Option<&git2::Tree<'_>>,
        below: Option<&str>,
        changed: &mut Vec<Vec<u8>>,
    ) -> Result<(), Unknown> {
        let staged = repository
            .diff_tree_to_index(head, Some(index), None)
            .map_err(|error| self.refused(&error))?;
        for delta in staged.deltas() {
            let path = delta.new_file().path_bytes().or_else(|| delta.old_file().path_bytes());
            changed.extend(path.filter(|path| is_below(path, below)).map(<[u8]>::to_vec));
        }
        Ok(())
    }

    /// Is another commit checked out in a submodule? It is not entered, and one that is not there has not moved.
    pub(super) fn submodule_moved(
        &self,
        host: &Host,
        path: &[u8],
        commit: &str,
    ) -> Result<bool, Unknown> {
        let folder = self.folder.join(path_of(path));
        match Self::find(host, &folder, self.links)? {
            Some(module) => Ok(module.head(host)?.commit.as_deref() != Some(commit)),
            None => Ok(false),
        }
    }

    fn nothing_is_hidden(&self, entries: &[IndexEntry]) -> Result<(), Unknown> {
        let hidden = |entry: &&IndexEntry| {
            entry.flags & ASSUME_UNCHANGED != 0 || entry.flags_extended & SKIP_WORKTREE != 0
        };
        let count = entries.iter().filter(hidden).count();
        if count == 0 {
            return Ok(());
        }
        let detail = format!(
            "`{}`: {count} files are marked assume-unchanged or skip-worktree, which hides their changes",
            shown_path(&self.folder)
        );
        Err(Unknown::new(Reason::Undecidable, detail))
    }

    pub(super) fn exists(&self, host: &Host, below: Option<&str>) -> Result<bool, Unknown> {
        match below {
            None => Ok(true),
            Some(below) => Ok(host.stat(&self.folder.join(below), self.links)?.is_some()),
        }
    }

    /// The name of a changed path, if the host allows it to be looked at.
    fn name(&self, host: &Host, path: &[u8]) -> String {
        match host.stat(&self.folder.join(path_of(path)), self.links) {
            Ok(_) => one_line(&String::from_utf8_lossy(path), NAME_WIDTH_MAX),
            Err(unknown) => format!("({})", unknown.reason),
        }
    }
}

struct Sorted {
    changed: Vec<Vec<u8>>,
    doubt: Option<Unknown>,
}

fn options() -> StatusOptions {
    let mut options = StatusOptions::new();
    options
        .include_untracked(true)
        .recurse_untracked_dirs(false)
        .include_ignored(false)
        .include_unreadable(true)
        .exclude_submodules(true)
        .update_index(false);
    options
}

pub(super) fn is_below(path: &[u8], below: Option<&str>) -> bool {
    let Some(below) = below else { return true };
    path.strip_prefix(below.as_bytes())
        .is_some_and(|rest| matches!(rest.first(), None | Some(b'/')))
}

pub(super) fn path_of(path: &[u8]) -> &Path {
    use std::os::unix::ffi::OsStrExt as _;
    Path::new(std::ffi::OsStr::from_bytes(path.strip_suffix(b"/").unwrap_or(path)))
}
