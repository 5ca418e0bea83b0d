//! The newest of the files that match a pattern, and how many there are.
//!
//! Only names and attributes are read. Links are never followed and count for nothing: a `latest` that points at an old
//! dump is no new dump. What must not be read hides what may be newer, so it makes the whole answer Unknown.

use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use globset::GlobMatcher;

use super::cancel::Cancel;
use super::host::{Contents, Dated, FileType, Host, Links};
use crate::model::{Reason, Unknown, shown_path};

/// The most entries of all folders together.
const ENTRIES_MAX: usize = 200_000;
/// The most folders below each other.
const DEPTH_MAX: usize = 32;

/// What is looked for.
#[derive(Debug)]
pub struct Question {
    /// The folder.
    pub directory: PathBuf,
    /// How links on the way to it are taken.
    pub links: Links,
    /// Matches paths below the folder.
    pub pattern: GlobMatcher,
    /// Look into folders below it?
    pub below: bool,
}

/// The regular files that match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matches {
    /// How many.
    pub files: u64,
    /// The one whose content was changed last, by its path below the folder; of two of one instant the last by name.
    pub newest: Option<(PathBuf, Dated)>,
}

/// Looks for them; `Other` when no directory stands there.
///
/// # Errors
/// Unknown, when a folder or a file cannot be looked at, or there are too many.
pub fn find(
    host: &Host,
    question: &Question,
    cancel: &Cancel,
) -> Result<Contents<Matches>, Unknown> {
    let mut walk = Walk { host, question, entries: 0, found: Matches { files: 0, newest: None } };
    let mut folders = vec![(PathBuf::new(), 0)];
    let mut top = None;
    while let Some((folder, depth)) = folders.pop() {
        cancel.check()?;
        let path = walk.absolute(&folder);
        let room = ENTRIES_MAX.saturating_sub(walk.entries);
        let entries = match host.entries(&path, question.links, room) {
            Ok(Contents::Regular(stat, entries)) => {
                top.get_or_insert(stat);
                entries
            }
            // A folder below that went away meanwhile holds nothing.
            Ok(_) if depth > 0 => continue,
            Ok(Contents::Other(stat)) => return Ok(Contents::Other(stat)),
            Ok(Contents::Absent) => return Ok(Contents::Absent),
            Err(unknown) if unknown.reason == Reason::TooLarge => return Err(too_many(question)),
            Err(unknown) => return Err(unknown),
        };
        walk.entries += entries.len();
        for entry in entries {
            let below = folder.join(&entry.name);
            let is_folder = match entry.file_type {
                Some(file_type) => file_type == FileType::Directory,
                None => {
                    walk.dated(&below)?.is_some_and(|d| d.stat.file_type == FileType::Directory)
                }
            };
            if !is_folder {
                walk.file(below)?;
            } else if question.below {
                if depth == DEPTH_MAX {
                    let path = shown_path(&walk.absolute(&below));
                    let detail = format!("`{path}` lies more than {DEPTH_MAX} folders deep");
                    return Err(Unknown::new(Reason::TooLarge, detail));
                }
                folders.push((below, depth + 1));
            }
        }
    }
    Ok(top.map_or(Contents::Absent, |stat| Contents::Regular(stat, walk.found)))
}

fn too_many(question: &Question) -> Unknown {
    let path = shown_path(&question.directory);
    Unknown::new(Reason::TooLarge, format!("`{path}` has more than {ENTRIES_MAX} entries"))
}

struct Walk<'a> {
    host: &'a Host,
    question: &'a Question,
    entries: usize,
    found: Matches,
}

impl Walk<'_> {
    fn absolute(&self, below: &Path) -> PathBuf {
        // Joining nothing would add a slash.
        if below.as_os_str().is_empty() {
            self.question.directory.clone()
        } else {
            self.question.directory.join(below)
        }
    }

    fn dated(&self, below: &Path) -> Result<Option<Dated>, Unknown> {
        self.host.dated(&self.absolute(below), self.question.links)
    }

    fn file(&mut self, below: PathBuf) -> Result<(), Unknown> {
        if !self.question.pattern.is_match(&below) {
            return Ok(());
        }
        let Some(dated) = self.dated(&below)? else { return Ok(()) };
        if dated.stat.file_type != FileType::File {
            return Ok(());
        }
        self.found.files += 1;
        let rank =
            |path: &Path, dated: &Dated| (dated.modified, path.as_os_str().as_bytes().to_vec());
        let newer = self
            .found
            .newest
            .as_ref()
            .is_none_or(|(path, newest)| rank(&below, &dated) > rank(path, newest));
        if newer {
            self.found.newest = Some((below, dated));
        }
        Ok(())
    }
}
