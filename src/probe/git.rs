//! Git repositories on the host: what is checked out, and whether the work tree is as it was committed.
//!
//! HEAD and references are read as plain files through the [`Host`], objects and the index by libgit2. What neither can
//! read - the SHA-256 and reftable formats, and work trees of another owner - the `git` command answers, asked only
//! what it can answer without running anything: no hook, no filter, no file system monitor. Nothing is refreshed, fetched
//! or written.

mod bytes;
mod graph;
mod opened;
mod program;
mod settings;
mod status;

use std::path::{Component, Path, PathBuf};

use super::host::{FileType, Host, Links};
use crate::model::{Reason, Unknown, shown_path};

use program::Program;

pub use graph::Distance;
pub use status::Changes;

/// How large `HEAD`, a loose reference, `.git` as a file, or `commondir` may be.
const POINTER_BYTES_MAX: u64 = 64 << 10;
/// How large `packed-refs` may be.
const PACKED_BYTES_MAX: u64 = 256 << 20;
/// How many hex digits an object id has, unless its repository is of the SHA-256 format.
const SHA1_DIGITS: usize = 40;
/// What stands in `HEAD` where references are kept in a reftable.
const REFTABLE_STUB: &str = "refs/heads/.invalid";
/// How many symbolic references may follow one another.
const HOPS_MAX: usize = 5;

/// A repository and where its parts lie, all as paths of the managed host.
#[derive(Debug)]
pub struct Repository {
    /// The folder it was found at.
    folder: PathBuf,
    /// The folder of `HEAD`.
    git_dir: PathBuf,
    /// The folder of the references; another one for an added work tree.
    common_dir: PathBuf,
    bare: bool,
    links: Links,
}

/// What is checked out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The commit, in lower-case hex; `None` on a branch without any commit.
    pub commit: Option<String>,
    /// The branch without `refs/heads/`, or another reference in full; `None` when detached.
    pub branch: Option<String>,
}

impl Repository {
    /// The repository at a folder; `None` when there is no folder, or no repository in it.
    ///
    /// # Errors
    /// Unknown, when that cannot be told.
    pub fn find(host: &Host, folder: &Path, links: Links) -> Result<Option<Self>, Unknown> {
        match type_of(host, folder, links)? {
            Some(FileType::Directory) => {}
            Some(FileType::Symlink) => return Err(linked(folder)),
            _ => return Ok(None),
        }
        let dot_git = folder.join(".git");
        let git_dir = match type_of(host, &dot_git, links)? {
            Some(FileType::Directory) => dot_git,
            Some(FileType::File) => pointed_to(host, folder, &dot_git, links)?,
            Some(FileType::Symlink) => return Err(linked(&dot_git)),
            Some(_) => return Err(malformed(&dot_git, "neither a folder nor a file")),
            None if is_bare(host, folder, links)? => folder.to_owned(),
            None => return Ok(None),
        };
        let bare = git_dir == folder;
        let common_dir = match line_of(host, &git_dir.join("commondir"), links)? {
            Some(path) => resolve(host, &git_dir, &path, links)?,
            None => git_dir.clone(),
        };
        Ok(Some(Self { folder: folder.to_owned(), git_dir, common_dir, bare, links }))
    }

    /// What is checked out.
    ///
    /// # Errors
    /// Unknown, when that cannot be told.
    pub fn head(&self, host: &Host) -> Result<Head, Unknown> {
        let path = self.git_dir.join("HEAD");
        let text = self.head_line(host)?;
        if self.is_reftable(host, &text)? {
            return Program::of(self, host)?.head();
        }
        match value_of(&path, &text)? {
            RefValue::Commit(commit) => Ok(Head { commit: Some(commit), branch: None }),
            RefValue::Symbolic(name) => {
                Ok(Head { commit: self.commit_of(host, name)?, branch: Some(branch_of(name)) })
            }
        }
    }

    fn head_line(&self, host: &Host) -> Result<String, Unknown> {
        let path = self.git_dir.join("HEAD");
        if type_of(host, &path, self.links)? == Some(FileType::Symlink) {
            return Err(linked(&path));
        }
        line_of(host, &path, self.links)?
            .ok_or_else(|| malformed(&path, "missing from a repository"))
    }

    /// Are references kept elsewhere than in files of their own?
    fn is_reftable(&self, host: &Host, head: &str) -> Result<bool, Unknown> {
        let stub = head.strip_prefix("ref:").map(str::trim) == Some(REFTABLE_STUB);
        Ok(stub || self.names_reftables(host)?)
    }

    /// The object of a reference by its full name; `None` when there is no such reference.
    fn reference(&self, host: &Host, name: &str) -> Result<Option<String>, Unknown> {
        if self.is_reftable(host, &self.head_line(host)?)? {
            Program::of(self, host)?.reference(name)
        } else {
            self.commit_of(host, name)
        }
    }

    /// The object of a reference that is kept in files; `None` when there is no such reference.
    fn commit_of(&self, host: &Host, name: &str) -> Result<Option<String>, Unknown> {
        let mut name = String::from(name);
        for _ in 0..HOPS_MAX {
            check_name(&self.git_dir, &name)?;
            let path = self.folder_of(&name).join(&name);
            let text = match type_of(host, &path, self.links)? {
                Some(FileType::File) => line_of(host, &path, self.links)?,
                Some(FileType::Symlink) => return Err(linked(&path)),
                // A folder stands there when another reference begins with this name.
                _ => None,
            };
            // A reference that is being packed is in `packed-refs` before its own file is gone.
            let Some(text) = text else { return self.packed(host, &name) };
            match value_of(&path, &text)? {
                RefValue::Commit(commit) => return Ok(Some(commit)),
                RefValue::Symbolic(next) => next.clone_into(&mut name),
            }
        }
        let what = format!("more than {HOPS_MAX} symbolic references follow one another");
        Err(malformed(&self.git_dir.join("HEAD"), &what))
    }

    /// An added work tree has some references of its own.
    fn folder_of(&self, name: &str) -> &Path {
        let own = ["refs/bisect/", "refs/worktree/", "refs/rewritten/"];
        if own.iter().any(|prefix| name.starts_with(prefix)) {
            &self.git_dir
        } else {
            &self.common_dir
        }
    }

    fn packed(&self, host: &Host, name: &str) -> Result<Option<String>, Unknown> {
        let path = self.common_dir.join("packed-refs");
        let Some((_, bytes)) = host.read(&path, self.links, PACKED_BYTES_MAX)? else {
            return Ok(None);
        };
        for line in bytes.split(|byte| *byte == b'\n') {
            let Some(at) = line.iter().position(|byte| *byte == b' ') else { continue };
            let (commit, rest) = line.split_at(at);
            if line.first() != Some(&b'#') && rest[1..] == *name.as_bytes() {
                let commit = std::str::from_utf8(commit).unwrap_or_default();
                return object_id(commit)
                    .map(Some)
                    .ok_or_else(|| malformed(&path, "a line without an object id"));
            }
        }
        Ok(None)
    }
}

enum RefValue<'t> {
    Commit(String),
    Symbolic(&'t str),
}

fn value_of<'t>(path: &Path, text: &'t str) -> Result<RefValue<'t>, Unknown> {
    match text.strip_prefix("ref:") {
        Some(name) => Ok(RefValue::Symbolic(name.trim())),
        None => object_id(text)
            .map(RefValue::Commit)
            .ok_or_else(|| malformed(path, "neither an object id nor a symbolic reference")),
    }
}

fn branch_of(name: &str) -> String {
    name.strip_prefix("refs/heads/").unwrap_or(name).to_owned()
}

/// Is this the full name of a reference, written as git writes it?
#[must_use]
pub fn is_reference(name: &str) -> bool {
    name.starts_with("refs/") && git2::Reference::is_valid_name(name)
}

/// Is this a full object id, of either format?
#[must_use]
pub fn is_object_id(text: &str) -> bool {
    object_id(text).is_some()
}

/// A full object id in lower case.
fn object_id(text: &str) -> Option<String> {
    let fits =
        matches!(text.len(), SHA1_DIGITS | 64) && text.bytes().all(|c| c.is_ascii_hexdigit());
    fits.then(|| text.to_ascii_lowercase())
}

/// Refuses a name that would lead out of the folder of references.
fn check_name(git_dir: &Path, name: &str) -> Result<(), Unknown> {
    let plain = name.starts_with("refs/")
        && name.split('/').all(|part| !part.is_empty() && !part.starts_with('.'))
        && !name.chars().any(char::is_control);
    if plain {
        Ok(())
    } else {
        Err(malformed(&git_dir.join("HEAD"), "a reference with a bad name"))
    }
}

/// Where `.git` as a file leads.
fn pointed_to(host: &Host, folder: &Path, file: &Path, links: Links) -> Result<PathBuf, Unknown> {
    let text = line_of(host, file, links)?;
    let target = text.as_deref().and_then(|text| text.strip_prefix("gitdir:")).map(str::trim);
    match target {
        Some(target) if !target.is_empty() => resolve(host, folder, target, links),
        _ => Err(malformed(file, "no line `gitdir: …`")),
    }
}

/// Joins a path from a file of git, so that it stays below no link that `..` would step back over.
fn resolve(host: &Host, from: &Path, to: &str, links: Links) -> Result<PathBuf, Unknown> {
    let mut path = from.to_owned();
    for component in Path::new(to).components() {
        match component {
            Component::RootDir => path = PathBuf::from("/"),
            Component::Normal(name) => path.push(name),
            Component::CurDir | Component::Prefix(_) => {}
            Component::ParentDir => {
                if type_of(host, &path, links)? != Some(FileType::Directory) {
                    return Err(malformed(&path, "stepped back over, and no folder"));
                }
                path.pop();
            }
        }
    }
    Ok(path)
}

fn is_bare(host: &Host, folder: &Path, links: Links) -> Result<bool, Unknown> {
    let is = |name: &str, wanted| {
        type_of(host, &folder.join(name), links).map(|found| found == Some(wanted))
    };
    Ok(is("HEAD", FileType::File)?
        && is("objects", FileType::Directory)?
        && is("refs", FileType::Directory)?)
}

fn type_of(host: &Host, path: &Path, links: Links) -> Result<Option<FileType>, Unknown> {
    Ok(host.stat(path, links)?.map(|stat| stat.file_type))
}

/// The first line of a small file, trimmed; `None` when there is no file.
fn line_of(host: &Host, path: &Path, links: Links) -> Result<Option<String>, Unknown> {
    let Some((_, bytes)) = host.read(path, links, POINTER_BYTES_MAX)? else { return Ok(None) };
    let text = String::from_utf8(bytes).map_err(|_| malformed(path, "not UTF-8"))?;
    Ok(Some(text.lines().next().unwrap_or_default().trim().to_owned()))
}

fn malformed(path: &Path, what: &str) -> Unknown {
    Unknown::new(Reason::Malformed, format!("`{}`: {what}", shown_path(path)))
}

fn linked(path: &Path) -> Unknown {
    let detail = format!("`{}` is a symbolic link", shown_path(path));
    Unknown::new(Reason::SymlinkOnPath, detail)
}

#[cfg(test)]
mod tests;
