//! A tree of desired state: its files, and which commit they are.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::blob::Blob;
use crate::kinds::Files;
use crate::model::{Pieces, SourceLine, nearest};

/// The most files that are read of one tree.
pub(super) const FILES_MAX: usize = 20_000;
/// The most bytes of one file.
pub(super) const FILE_BYTES_MAX: u64 = 256 << 20;
/// The most bytes of all files together.
pub(super) const TREE_BYTES_MAX: u64 = 1 << 30;

/// Files of desired state by their path below its root, as they were committed or as they lie in a folder.
#[derive(Debug, Clone, Default)]
pub struct Tree {
    /// The content of each file.
    pub files: BTreeMap<String, Blob>,
    /// The commit they belong to, in full.
    pub commit: Option<String>,
    /// Is it exactly what that commit holds? Otherwise the verdicts made from it say `unpinned`.
    pub pinned: bool,
    /// Its folder within the repository; empty for the root of one, and for a folder that is in none.
    pub folder: String,
    /// Where it came from, for people.
    pub origin: String,
    /// Who signed the commits since the last accepted one; absent where signatures are not asked for.
    pub signers: Option<BTreeSet<String>>,
}

impl Tree {
    /// The names of the hosts that it describes.
    #[must_use]
    pub fn hosts(&self) -> Vec<String> {
        self.folders("hosts/")
    }

    /// The names of its roles.
    #[must_use]
    pub fn roles(&self) -> Vec<String> {
        self.folders("roles/")
    }

    fn folders(&self, parent: &str) -> Vec<String> {
        let mut names: Vec<String> = self
            .files
            .range(parent.to_owned()..)
            .map_while(|(path, _)| path.strip_prefix(parent))
            .filter_map(|rest| rest.split_once('/').map(|(name, _)| name.to_owned()))
            .collect();
        names.dedup();
        names
    }

    /// The files below `folder/`, with their path.
    pub fn below<'a>(&'a self, folder: &'a str) -> impl Iterator<Item = (&'a str, &'a Blob)> {
        self.files
            .range(folder.to_owned()..)
            .map(|(path, blob)| (path.as_str(), blob))
            .take_while(move |(path, _)| path.starts_with(folder))
    }

    /// Are the files of the other tree the same, byte for byte?
    pub(super) fn holds_the_files_of(&self, other: &Self) -> bool {
        let mut pairs = self.files.iter().zip(&other.files);
        self.files.len() == other.files.len()
            && pairs.all(|((path, own), (of, blob))| path == of && own.equals(blob))
    }

    /// The content of a file as text, where it can be read.
    #[must_use]
    pub fn text(&self, path: &str) -> Option<String> {
        let bytes = self.files.get(path)?.read().ok()?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// The line of a file that a byte stands in, for drawing that place.
    #[must_use]
    pub fn line(&self, path: &str, at: usize) -> Option<SourceLine> {
        SourceLine::find(self.files.get(path)?, at)
    }
}

/// The files that a table may refer to: those below the folder of its own file.
#[derive(Debug)]
pub(super) struct Beside<'a> {
    pub(super) tree: &'a Tree,
    /// With a slash at its end.
    pub(super) folder: &'a str,
    /// The texts of `[values]`.
    pub(super) values: &'a BTreeMap<String, String>,
    /// Which of them it referred to.
    pub(super) used: RefCell<BTreeSet<String>>,
}

impl Files for Beside<'_> {
    fn read(&self, path: &str) -> Result<Arc<[u8]>, String> {
        self.file(path)?.read()
    }

    fn pieces(&self, path: &str) -> Result<Box<dyn Pieces>, String> {
        Ok(Box::new(self.file(path)?.clone()))
    }

    fn values(&self) -> &BTreeMap<String, String> {
        self.values
    }
}

impl<'a> Beside<'a> {
    /// Those below a folder.
    pub(super) fn of(
        tree: &'a Tree,
        folder: &'a str,
        values: &'a BTreeMap<String, String>,
    ) -> Self {
        Self { tree, folder, values, used: RefCell::default() }
    }

    fn file(&self, path: &str) -> Result<&Blob, String> {
        if path.starts_with('/') || path.split('/').any(|part| matches!(part, "" | "." | "..")) {
            return Err(format!("`{path}` is not a plain path below {}", self.folder));
        }
        let full = format!("{}{path}", self.folder);
        if let Some(blob) = self.tree.files.get(&full) {
            self.used.borrow_mut().insert(full);
            return Ok(blob);
        }
        let beside =
            self.tree.below(self.folder).filter_map(|(name, _)| name.strip_prefix(self.folder));
        Err(match nearest(path, beside) {
            Some(name) => format!("there is no file `{full}`; did you mean `{name}`?"),
            None => format!("there is no file `{full}`"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(paths: &[&str]) -> Tree {
        let files = paths.iter().map(|path| ((*path).to_owned(), path.as_bytes().into())).collect();
        Tree { files, ..Tree::default() }
    }

    #[test]
    fn hosts_are_the_folders_below_hosts() {
        let tree = tree(&[
            "fleet.toml",
            "hosts/a/host.toml",
            "hosts/a/x.toml",
            "hosts/b/host.toml",
            "hosts/stray",
        ]);
        assert_eq!(tree.hosts(), ["a", "b"]);
        assert!(tree.roles().is_empty());
    }

    #[test]
    fn references_stay_in_their_folder() {
        let tree = tree(&["hosts/a/manifests/x.sha256", "hosts/ab/secret"]);
        let values = BTreeMap::new();
        let files = Beside::of(&tree, "hosts/a/", &values);
        assert!(files.read("manifests/x.sha256").is_ok());
        assert!(
            files
                .read("manifests/y.sha256")
                .expect_err("none")
                .contains("did you mean `manifests/x.sha256`")
        );
        for bad in ["../ab/secret", "/etc/passwd", "manifests/../x", "", "manifests//x.sha256"] {
            assert!(files.read(bad).is_err(), "{bad}");
        }
    }
}
