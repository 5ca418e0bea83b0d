//! Whether a work tree is as it was committed, told by comparing every byte: for repositories that libgit2 does not open.
//!
//! The `git` command says what the commit and the index hold; every file of the work tree is read and hashed here. Where a
//! file differs and git would convert its content (filters, encodings, line ends), the answer is Unknown: the
//! conversion may be a program, and none of the repository's is run.

use std::collections::{BTreeMap, BTreeSet};

use git2::ObjectType;
use sha2::Digest as _;

use super::program::{Entry, Program};
use super::status::{is_below, path_of};
use super::{Host, Repository, SHA1_DIGITS};
use crate::model::display::escape_bytes;
use crate::model::{Digest, Reason, Unknown, shown_path};
use crate::probe::host::{Contents, FileType};

/// No larger file is compared.
const FILE_BYTES_MAX: u64 = 256 << 20;
/// No more is read of one work tree.
const TREE_BYTES_MAX: u64 = 16 << 30;
/// The modes of what stands in a commit, as git writes them.
const EXECUTABLE: &str = "100755";
const SYMLINK: &str = "120000";
const SUBMODULE: &str = "160000";
const OWNER_EXECUTES: u32 = 0o100;

/// What a look at the files came to.
#[derive(Default)]
struct Sorted {
    changed: BTreeSet<Vec<u8>>,
    /// Why the rest cannot be called clean.
    doubt: Option<Unknown>,
    /// Those whose content differs, unless a conversion explains it; and whether they are as committed but for line ends.
    differing: Vec<(Vec<u8>, bool)>,
    bytes: u64,
}

/// How a file stands to what was committed.
enum Match {
    Same,
    Changed,
    /// A file of the same mode with other content.
    Content {
        by_line_ends: bool,
    },
}

impl Repository {
    /// The changed paths, and whether the index has anything there.
    pub(super) fn by_bytes(
        &self,
        host: &Host,
        program: &Program<'_>,
        below: Option<&str>,
    ) -> Result<(Vec<Vec<u8>>, bool), Unknown> {
        self.works_here(host)?;
        let mut committed = BTreeMap::new();
        if let Some(commit) = self.head(host)?.commit {
            let files = program.files_of(&commit)?;
            committed = files
                .into_iter()
                .filter(|file| is_below(&file.path, below))
                .map(|file| (file.path.clone(), file))
                .collect();
        }
        let mut sorted = Sorted::default();
        let mut present = false;
        let mut folders = BTreeSet::new();
        for staged in program.index()? {
            let entry = staged.entry;
            if !is_below(&entry.path, below) {
                continue;
            }
            present = true;
            if staged.stage != 0 || committed.remove(&entry.path).as_ref() != Some(&entry) {
                sorted.changed.insert(entry.path);
            } else if staged.skipped && self.is_absent(host, &entry.path)? {
                sorted.doubt = Some(self.left_out(&entry.path));
            } else {
                self.compare(host, &entry, &mut folders, &mut sorted)?;
            }
        }
        sorted.changed.extend(committed.into_keys());
        self.add_unknown_paths(host, program, below, &mut sorted)?;
        self.judge_conversions(host, program, &mut sorted)?;
        match sorted.doubt {
            Some(doubt) if sorted.changed.is_empty() => Err(doubt),
            _ => Ok((sorted.changed.into_iter().collect(), present)),
        }
    }

    /// Compares one file of the work tree with its entry.
    fn compare(
        &self,
        host: &Host,
        entry: &Entry,
        folders: &mut BTreeSet<Vec<u8>>,
        sorted: &mut Sorted,
    ) -> Result<(), Unknown> {
        if entry.mode == SUBMODULE {
            if self.submodule_moved(host, &entry.path, &entry.object)? {
                sorted.changed.insert(entry.path.clone());
            }
            return Ok(());
        }
        let found = if self.stands_in_folders(host, &entry.path, folders)? {
            self.look_at(host, entry, sorted)
        } else {
            Ok(Match::Changed)
        };
        match found {
            Ok(Match::Same) => {}
            Ok(Match::Changed) => _ = sorted.changed.insert(entry.path.clone()),
            Ok(Match::Content { by_line_ends }) => {
                sorted.differing.push((entry.path.clone(), by_line_ends));
            }
            Err(unknown) => sorted.doubt = Some(unknown),
        }
        Ok(())
    }

    fn look_at(&self, host: &Host, entry: &Entry, sorted: &mut Sorted) -> Result<Match, Unknown> {
        use std::os::unix::ffi::OsStrExt as _;
        let path = self.folder.join(path_of(&entry.path));
        if entry.mode == SYMLINK {
            let Contents::Regular(_, target) = host.target(&path, self.links)? else {
                return Ok(Match::Changed);
            };
            let same = entry.holds(target.as_bytes())?;
            return Ok(if same { Match::Same } else { Match::Changed });
        }
        let found = host.contents(&path, self.links, FILE_BYTES_MAX)?;
        let Contents::Regular(stat, content) = found else { return Ok(Match::Changed) };
        if (stat.mode.bits() & OWNER_EXECUTES != 0) != (entry.mode == EXECUTABLE) {
            return Ok(Match::Changed);
        }
        sorted.bytes = sorted.bytes.saturating_add(stat.size);
        if sorted.bytes > TREE_BYTES_MAX {
            let folder = shown_path(&self.folder);
            let detail = format!("`{folder}`: more than {TREE_BYTES_MAX} bytes to compare");
            return Err(Unknown::new(Reason::TooLarge, detail));
        }
        if entry.holds(&content)? {
            return Ok(Match::Same);
        }
        Ok(Match::Content { by_line_ends: entry.holds(&with_plain_line_ends(&content))? })
    }

    /// Are all the folders above a path really folders? Through a link, another file would be compared.
    fn stands_in_folders(
        &self,
        host: &Host,
        path: &[u8],
        known: &mut BTreeSet<Vec<u8>>,
    ) -> Result<bool, Unknown> {
        let slashes = path.iter().enumerate().filter(|(_, byte)| **byte == b'/');
        for folder in slashes.map(|(at, _)| &path[..at]) {
            if known.contains(folder) {
                continue;
            }
            let stat = host.stat(&self.folder.join(path_of(folder)), self.links)?;
            if stat.is_none_or(|stat| stat.file_type != FileType::Directory) {
                return Ok(false);
            }
            known.insert(folder.to_vec());
        }
        Ok(true)
    }

    /// Adds what git does not know, as `git status` counts it: a folder full of such files once.
    fn add_unknown_paths(
        &self,
        host: &Host,
        program: &Program<'_>,
        below: Option<&str>,
        sorted: &mut Sorted,
    ) -> Result<(), Unknown> {
        for path in program.unknown_paths(below)? {
            // A submodule that was taken out of the index is one change, not two.
            if !path.strip_suffix(b"/").is_some_and(|folder| sorted.changed.contains(folder)) {
                sorted.changed.insert(path);
            }
        }
        let Some(part) = below.filter(|_| sorted.changed.is_empty()) else { return Ok(()) };
        // Inside an unknown repository git names nothing, so the part is looked for here.
        let above = |path: &Vec<u8>| path.ends_with(b"/") && part.as_bytes().starts_with(path);
        if program.unknown_paths(None)?.iter().any(above)
            && self.exists(host, below)?
            && !program.ignores(part)?
        {
            sorted.changed.insert(part.as_bytes().to_vec());
        }
        Ok(())
    }

    /// Divides the files that differ into those that changed and those where a conversion may be why.
    fn judge_conversions(
        &self,
        host: &Host,
        program: &Program<'_>,
        sorted: &mut Sorted,
    ) -> Result<(), Unknown> {
        let paths: Vec<&[u8]> = sorted.differing.iter().map(|(path, _)| path.as_slice()).collect();
        let mut rules: BTreeMap<Vec<u8>, Rules> = BTreeMap::new();
        for (path, name, value) in program.conversions(&paths)? {
            rules.entry(path).or_default().note(&name, &value);
        }
        let by_default = self.converts_line_ends(host)?;
        for (path, by_line_ends) in std::mem::take(&mut sorted.differing) {
            let rules = rules.remove(&path).unwrap_or_default();
            let line_ends = rules.line_ends.unwrap_or(by_default) && by_line_ends;
            if let Some(what) = rules.program.or(line_ends.then_some("text")) {
                let detail = format!(
                    "`{}` differs and has the attribute `{what}`, which only git itself follows",
                    escape_bytes(&path)
                );
                sorted.doubt = Some(Unknown::new(Reason::NotSupported, detail));
            } else {
                sorted.changed.insert(path);
            }
        }
        Ok(())
    }

    fn is_absent(&self, host: &Host, path: &[u8]) -> Result<bool, Unknown> {
        Ok(host.stat(&self.folder.join(path_of(path)), self.links)?.is_none())
    }

    fn left_out(&self, path: &[u8]) -> Unknown {
        let detail = format!(
            "`{}`: `{}` is left out of the work tree (skip-worktree), which hides its changes",
            shown_path(&self.folder),
            escape_bytes(path)
        );
        Unknown::new(Reason::Undecidable, detail)
    }
}

/// What the attributes of one file say about converting its content.
#[derive(Default)]
struct Rules {
    /// The attribute under which more than line ends is converted.
    program: Option<&'static str>,
    /// Are line ends converted? `None` when only the configuration decides.
    line_ends: Option<bool>,
}

impl Rules {
    fn note(&mut self, name: &str, value: &str) {
        match (name, value) {
            (_, "unspecified") | ("filter" | "working-tree-encoding" | "ident", "unset") => {}
            ("filter", _) => self.program = Some("filter"),
            ("working-tree-encoding", _) => self.program = Some("working-tree-encoding"),
            ("ident", _) => self.program = Some("ident"),
            ("text" | "crlf", "unset") => self.line_ends = Some(false),
            _ => self.line_ends = self.line_ends.or(Some(true)),
        }
    }
}

impl Entry {
    /// Is this the content that its object has?
    fn holds(&self, content: &[u8]) -> Result<bool, Unknown> {
        if self.object.len() == SHA1_DIGITS {
            let id = git2::Oid::hash_object(ObjectType::Blob, content);
            let refused = |error| Unknown::new(Reason::NotSupported, format!("hashing: {error}"));
            return Ok(id.map_err(refused)?.to_string() == self.object);
        }
        let mut hasher = sha2::Sha256::new();
        hasher.update(format!("blob {}\0", content.len()));
        hasher.update(content);
        Ok(Digest::from_bytes(hasher.finalize().into()).to_string() == self.object)
    }
}

/// The same with each CR LF as LF.
fn with_plain_line_ends(content: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(content.len());
    for (at, byte) in content.iter().enumerate() {
        if *byte != b'\r' || content.get(at + 1) != Some(&b'\n') {
            plain.push(*byte);
        }
    }
    plain
}
