//! What a repository's own settings could make libgit2 read elsewhere, or overlook.
//!
//! Whoever may write `.git/config` decides nothing about the host: files that it names outside the repository are not
//! read, and a setting under which changes go unseen makes "clean" Unknown. Read through the [`Host`], before libgit2.

use std::fmt::Write as _;
use std::path::Path;

use git2::Config;

use super::{Host, Repository};
use crate::model::{Reason, Unknown};

/// More than any configuration of a repository has.
const BYTES_MAX: u64 = 1 << 20;
/// More than the index of any repository has.
const INDEX_BYTES_MAX: u64 = 256 << 20;
/// Settings that name files to read, wherever they are.
const ELSEWHERE: &[&str] = &["core.excludesfile", "core.attributesfile"];
/// Settings with the value under which a change is not seen.
const BLINDFOLDS: &[(&str, bool)] = &[
    ("core.filemode", false),
    ("core.symlinks", false),
    ("core.trustctime", false),
    ("core.ignorestat", true),
];

impl Repository {
    /// Refuses a repository that would send libgit2 elsewhere as soon as it opens it.
    pub(super) fn stays_within(&self, host: &Host) -> Result<(), Unknown> {
        let files = [self.common_dir.join("config"), self.git_dir.join("config.worktree")];
        for file in files {
            // Wherever it stands: a commented or quoted one is refused as well, rather than parsed.
            if self.text(host, &file)?.contains("[include") {
                return Err(self.unsupported("its configuration includes other files"));
            }
        }
        if !self.text(host, &self.common_dir.join("objects/info/alternates"))?.is_empty() {
            return Err(self.unsupported("it borrows objects from another repository (alternates)"));
        }
        Ok(())
    }

    /// Does its configuration ask for more than every program knows, such as another format?
    pub(super) fn has_extensions(&self, host: &Host) -> Result<bool, Unknown> {
        Ok(self.text(host, &self.common_dir.join("config"))?.contains("[extensions]"))
    }

    /// Does its configuration say that references are kept in a reftable?
    pub(super) fn names_reftables(&self, host: &Host) -> Result<bool, Unknown> {
        Ok(self.text(host, &self.common_dir.join("config"))?.contains("refstorage=reftable"))
    }

    /// Refuses a configuration that says that the work tree is elsewhere.
    pub(super) fn works_here(&self, host: &Host) -> Result<(), Unknown> {
        for file in [self.common_dir.join("config"), self.git_dir.join("config.worktree")] {
            if self.text(host, &file)?.contains("worktree=") {
                return Err(self.unsupported("its configuration moves the work tree elsewhere"));
            }
        }
        Ok(())
    }

    /// May line ends be converted between work tree and commit, whatever attributes say?
    pub(super) fn converts_line_ends(&self, host: &Host) -> Result<bool, Unknown> {
        let text = self.text(host, &self.common_dir.join("config"))?;
        Ok(text.contains("autocrlf") && !text.contains("autocrlf=false"))
    }

    /// Refuses an index in two parts: git notes that it read the second one, in the time of that file.
    pub(super) fn has_a_whole_index(&self, host: &Host) -> Result<(), Unknown> {
        const SIGNATURE: &[u8] = b"link";
        let read = host.read(&self.git_dir.join("index"), self.links, INDEX_BYTES_MAX)?;
        let bytes = read.map(|(_, bytes)| bytes).unwrap_or_default();
        // Wherever the four bytes stand, what counts is whether they are followed by the name of such a file.
        for at in places_of(&bytes, SIGNATURE) {
            for length in [20, 32] {
                let Some(name) = bytes.get(at + 8..at + 8 + length) else { continue };
                let name = name.iter().fold(String::from("sharedindex."), |mut name, byte| {
                    let _ = write!(name, "{byte:02x}");
                    name
                });
                let part = self.git_dir.join(name);
                if host.stat(&part, self.links)?.is_some() {
                    return Err(self.unsupported("its index is split in two files"));
                }
            }
        }
        Ok(())
    }

    /// A small file in lower case, without blanks; empty when it is not there.
    fn text(&self, host: &Host, path: &Path) -> Result<String, Unknown> {
        let read = host.read(path, self.links, BYTES_MAX)?;
        let bytes = read.map(|(_, bytes)| bytes).unwrap_or_default();
        let kept = bytes.iter().filter(|byte| !byte.is_ascii_whitespace());
        let kept: Vec<u8> = kept.map(u8::to_ascii_lowercase).collect();
        Ok(String::from_utf8_lossy(&kept).into_owned())
    }

    /// Refuses settings that name files elsewhere.
    pub(super) fn names_nothing_elsewhere(&self, config: &Config) -> Result<(), Unknown> {
        match ELSEWHERE.iter().find(|name| config.get_entry(name).is_ok()) {
            Some(name) => Err(self.unsupported(&format!("its configuration sets `{name}`"))),
            None => Ok(()),
        }
    }

    /// Refuses to call clean what is looked at under a setting that hides changes.
    pub(super) fn is_not_blindfolded(&self, config: &Config) -> Result<(), Unknown> {
        let hides = |(name, value): &&(&str, bool)| {
            // A value that is no boolean could be taken for either.
            config.get_entry(name).is_ok() && config.get_bool(name).ok() != Some(!value)
        };
        let Some((name, _)) = BLINDFOLDS.iter().find(hides) else { return Ok(()) };
        let path = crate::model::shown_path(&self.folder);
        let detail = format!("`{path}`: its configuration sets `{name}` so that changes go unseen");
        Err(Unknown::new(Reason::Undecidable, detail))
    }
}

/// Where a word stands in bytes.
fn places_of<'b>(bytes: &'b [u8], word: &'static [u8]) -> impl Iterator<Item = usize> + 'b {
    bytes.windows(word.len()).enumerate().filter(move |(_, four)| *four == word).map(|(at, _)| at)
}
