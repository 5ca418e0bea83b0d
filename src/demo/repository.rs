//! The repository of desired state in the sandbox: bare, on `main`, and "pushed" to by writing commits into it.
//!
//! Made with libgit2 alone; there is no work tree and no program is started. Author and times are fixed, so that the
//! same contents make the same commits.

use std::collections::BTreeMap;
use std::path::Path;

use git2::build::TreeUpdateBuilder;
use git2::{ErrorCode, FileMode, RepositoryInitOptions};

use super::checkout::{EPOCH_SECONDS, signature};

/// The branch that is followed.
pub const BRANCH: &str = "main";
const REFERENCE: &str = "refs/heads/main";
const SECONDS_BETWEEN_COMMITS: i64 = 60;

/// What a commit changes: the new bytes of a file, or `None` to remove it.
pub type Changes = BTreeMap<String, Option<Vec<u8>>>;

/// Why the repository could not be made or written to.
#[derive(Debug, thiserror::Error)]
pub enum RepositoryError {
    /// libgit2 refused.
    #[error("the sandbox's repository of desired state could not be written")]
    Git(#[from] git2::Error),
    /// A commit would change nothing.
    #[error("the commit would change nothing")]
    Unchanged,
    /// A file is to be removed that is not there.
    #[error("`{0}` is to be removed and is not there")]
    Absent(String),
}

/// The repository of desired state.
pub struct Repository(git2::Repository);

impl std::fmt::Debug for Repository {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Repository").field(&self.0.path()).finish()
    }
}

impl Repository {
    /// Makes an empty one in a folder that is not there yet.
    ///
    /// # Errors
    /// When there is one already, or the folder cannot be written.
    pub fn create(folder: &Path) -> Result<Self, RepositoryError> {
        let mut options = RepositoryInitOptions::new();
        options.bare(true).initial_head(BRANCH).no_reinit(true).external_template(false);
        Ok(Self(git2::Repository::init_opts(folder, &options)?))
    }

    /// Opens one that [`Repository::create`] made.
    ///
    /// # Errors
    /// When there is none.
    pub fn open(folder: &Path) -> Result<Self, RepositoryError> {
        Ok(Self(git2::Repository::open_bare(folder)?))
    }

    /// The text of a file at the tip, if it is there.
    ///
    /// # Errors
    /// When the repository cannot be read.
    pub fn read(&self, path: &str) -> Result<Option<Vec<u8>>, RepositoryError> {
        let Some(tip) = self.tip()? else { return Ok(None) };
        let entry = match tip.tree()?.get_path(Path::new(path)) {
            Ok(entry) => entry,
            Err(error) if error.code() == ErrorCode::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        Ok(Some(self.0.find_blob(entry.id())?.content().to_vec()))
    }

    /// Commits changes on top of the tip, and moves the branch. Answers the commit.
    ///
    /// # Errors
    /// When nothing would change, when a file to be removed is not there, or when the repository cannot be written.
    pub fn push(&self, changes: &Changes, message: &str) -> Result<String, RepositoryError> {
        let tip = self.tip()?;
        let baseline = match &tip {
            Some(commit) => commit.tree()?,
            None => self.0.find_tree(self.0.treebuilder(None)?.write()?)?,
        };
        let mut update = TreeUpdateBuilder::new();
        for (path, bytes) in changes {
            match bytes {
                Some(bytes) => update.upsert(path.as_str(), self.0.blob(bytes)?, FileMode::Blob),
                None if baseline.get_path(Path::new(path)).is_err() => {
                    return Err(RepositoryError::Absent(path.clone()));
                }
                None => update.remove(path.as_str()),
            };
        }
        let tree = self.0.find_tree(update.create_updated(&self.0, &baseline)?)?;
        if tree.id() == baseline.id() {
            return Err(RepositoryError::Unchanged);
        }
        let seconds = tip
            .as_ref()
            .map_or(EPOCH_SECONDS, |commit| commit.time().seconds() + SECONDS_BETWEEN_COMMITS);
        let author = signature(seconds)?;
        let parents: Vec<_> = tip.iter().collect();
        let commit = self.0.commit(Some(REFERENCE), &author, &author, message, &tree, &parents)?;
        Ok(commit.to_string())
    }

    /// The commit at the tip, in full.
    ///
    /// # Errors
    /// When the repository cannot be read.
    pub fn head(&self) -> Result<Option<String>, RepositoryError> {
        Ok(self.tip()?.map(|commit| commit.id().to_string()))
    }

    fn tip(&self) -> Result<Option<git2::Commit<'_>>, RepositoryError> {
        match self.0.find_reference(REFERENCE) {
            Ok(reference) => Ok(Some(reference.peel_to_commit()?)),
            Err(error) if error.code() == ErrorCode::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changes(files: &[(&str, Option<&str>)]) -> Changes {
        let owned = |text: &str| text.as_bytes().to_vec();
        files.iter().map(|(path, text)| ((*path).to_owned(), text.map(owned))).collect()
    }

    #[test]
    fn pushes_build_on_each_other_and_repeat_exactly() {
        let first =
            changes(&[("desired-state/fleet.toml", Some("a")), ("desired-state/x/y", Some("b"))]);
        let second =
            changes(&[("desired-state/fleet.toml", Some("c")), ("desired-state/x/y", None)]);
        let mut commits = Vec::new();
        for _ in 0..2 {
            let folder = tempfile::tempdir().expect("a temporary folder");
            let path = folder.path().join("desired.git");
            let repository = Repository::create(&path).expect("created");
            assert_eq!(repository.read("desired-state/fleet.toml").expect("empty"), None);
            let one = repository.push(&first, "demo: first").expect("pushed");
            let repository = Repository::open(&path).expect("opened");
            let two = repository.push(&second, "demo: second").expect("pushed");
            let read = |path: &str| repository.read(path).expect("readable");
            assert_eq!(read("desired-state/fleet.toml").as_deref(), Some(&b"c"[..]));
            assert_eq!(read("desired-state/x/y"), None);
            assert!(Repository::create(&path).is_err(), "an existing repository is not made again");
            commits.push((one, two));
        }
        assert_eq!(commits[0], commits[1]);
        assert_ne!(commits[0].0, commits[0].1);
    }

    #[test]
    fn a_push_that_changes_nothing_is_refused() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let repository = Repository::create(folder.path()).expect("created");
        let files = changes(&[("fleet.toml", Some("a"))]);
        repository.push(&files, "demo: first").expect("pushed");
        assert!(matches!(repository.push(&files, "again"), Err(RepositoryError::Unchanged)));
        let removal = changes(&[("missing.toml", None)]);
        let refused = repository.push(&removal, "gone");
        assert!(matches!(refused, Err(RepositoryError::Absent(path)) if path == "missing.toml"));
    }
}
