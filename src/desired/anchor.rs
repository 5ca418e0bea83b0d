//! A branch of a repository of its own that only ever grows: where checkpoints of a ledger are brought, so that whoever
//! rewrites the ledger has to rewrite that repository as well.
//!
//! Commits are made in a bare repository below the program's own data and pushed without force by the `git` command, in the
//! scrubbed environment of the mirror. One of the rooms that write.

use std::path::{Path, PathBuf};

use git2::{ErrorCode, FileMode, Oid, Repository, Signature, Time};

use super::SourceError;
use super::mirror::{check_branch, check_url, create_folder, git, without_secret};
use crate::model::{Digest, Timestamp};

/// The branch as it was fetched.
#[derive(Debug)]
pub struct Anchor {
    url: String,
    branch: String,
    folder: PathBuf,
    /// Its newest commit; `None` of a branch that is not there yet.
    tip: Option<Oid>,
}

impl Anchor {
    /// Fetches the branch, where it is there.
    ///
    /// # Errors
    /// When the repository cannot be reached, or the URL or the branch is none.
    pub fn fetch(url: &str, branch: &str, data: &Path) -> Result<Self, SourceError> {
        check_url(url)?;
        let branch = check_branch(branch)?.to_owned();
        let name = format!("{}.git", &Digest::of(url.as_bytes()).to_string()[..16]);
        let folder = data.join("anchor").join(name);
        create_folder(&folder)
            .map_err(|source| SourceError::Mirror { path: folder.clone(), source })?;
        git(&folder, url, &["init", "--quiet", "--bare", "."])?;
        let reference = format!("refs/heads/{branch}");
        let listed = git(&folder, url, &["ls-remote", "--end-of-options", url, &reference])?;
        let mut anchor = Self { url: url.to_owned(), branch, folder, tip: None };
        let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
        let Some(oid) = listed.split('\t').next().filter(|oid| !oid.is_empty()) else {
            return Ok(anchor);
        };
        let tip = Oid::from_str(oid).map_err(|error| anchor.failed(&error))?;
        let fetch = ["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-auto-gc"];
        let refspec = format!("+{reference}:{reference}");
        git(&anchor.folder, url, &[&fetch[..], &["--end-of-options", url, &refspec]].concat())?;
        anchor.tip = Some(tip);
        Ok(anchor)
    }

    /// Where it is, for people.
    #[must_use]
    pub fn place(&self) -> String {
        format!("{} {}", without_secret(&self.url), self.branch)
    }

    /// A file of its newest commit.
    ///
    /// # Errors
    /// When the repository cannot be read.
    pub fn file(&self, path: &str) -> Result<Option<Vec<u8>>, SourceError> {
        let Some(tip) = self.tip else { return Ok(None) };
        let read = || {
            let repository = Repository::open_bare(&self.folder)?;
            let tree = repository.find_commit(tip)?.tree()?;
            let entry = match tree.get_path(Path::new(path)) {
                Err(error) if error.code() == ErrorCode::NotFound => return Ok(None),
                entry => entry?,
            };
            Ok(Some(repository.find_blob(entry.id())?.content().to_vec()))
        };
        read().map_err(|error: git2::Error| self.failed(&error))
    }

    /// Commits files in folders of one level, beside what is there, and pushes. Answers where they are now.
    ///
    /// # Errors
    /// When that fails, for one because somebody else pushed meanwhile: nothing is ever overwritten.
    pub fn push(
        &self,
        files: &[(String, &[u8])],
        message: &str,
        now: Timestamp,
    ) -> Result<String, SourceError> {
        let commit = self.commit(files, message, now).map_err(|error| self.failed(&error))?;
        let refspec = format!("{commit}:refs/heads/{}", self.branch);
        let push = ["push", "--quiet", "--no-verify", "--end-of-options", &self.url, &refspec];
        git(&self.folder, &self.url, &push).map_err(|error| match error {
            SourceError::Fetch { url, reason } => SourceError::Push { url, reason },
            error => error,
        })?;
        Ok(format!("{} {commit}", self.place()))
    }

    fn commit(
        &self,
        files: &[(String, &[u8])],
        message: &str,
        now: Timestamp,
    ) -> Result<Oid, git2::Error> {
        let repository = Repository::open_bare(&self.folder)?;
        let parent = self.tip.map(|tip| repository.find_commit(tip)).transpose()?;
        let mut root = parent.as_ref().map(git2::Commit::tree).transpose()?;
        for (path, bytes) in files {
            let (folder, name) = path.split_once('/').unwrap_or(("", path));
            let inner = root.as_ref().and_then(|root| root.get_name(folder));
            let inner = inner.map(|entry| repository.find_tree(entry.id())).transpose()?;
            let mut below = repository.treebuilder(inner.as_ref())?;
            below.insert(name, repository.blob(bytes)?, FileMode::Blob.into())?;
            let mut above = repository.treebuilder(root.as_ref())?;
            above.insert(folder, below.write()?, FileMode::Tree.into())?;
            root = Some(repository.find_tree(above.write()?)?);
        }
        let tree = root.ok_or_else(|| git2::Error::from_str("there are no files to commit"))?;
        let time = Time::new(now.unix_seconds(), 0);
        let author = Signature::new("countersign", "countersign@localhost", &time)?;
        let parents: Vec<_> = parent.iter().collect();
        repository.commit(None, &author, &author, message, &tree, &parents)
    }

    fn failed(&self, error: &git2::Error) -> SourceError {
        SourceError::Fetch {
            url: without_secret(&self.url),
            reason: crate::model::display::one_line(error.message(), 400),
        }
    }
}
