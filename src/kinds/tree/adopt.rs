//! Writing a tree down: the list of its files with their digests, and the owner, group and modes that all of them have.

use std::collections::{BTreeSet, VecDeque};
use std::path::Path;

use super::super::metadata::Metadata;
use super::super::{Adopted, Draft, path};
use crate::model::hash_list::list_line;
use crate::model::{Mode, Reason, Unknown};
use crate::probe::cancel::Cancel;
use crate::probe::host::{Contents, DirEntry, FileType, Host, Links, Stat};

/// The most files of one tree.
const FILES_MAX: usize = 500_000;
/// The most entries of one of its folders.
const ENTRIES_MAX: usize = 200_000;
/// What compilers and interpreters leave behind, and nobody pins.
const NOISE: &[&str] = &["**/__pycache__/**"];

/// What was seen of the files and folders of a tree.
#[derive(Default)]
struct Found {
    list: Vec<u8>,
    files: usize,
    owners: BTreeSet<String>,
    groups: BTreeSet<String>,
    file_modes: BTreeSet<Mode>,
    folder_modes: BTreeSet<Mode>,
    /// Patterns of what is there and is no regular file that a list can hold.
    ignore: Vec<String>,
    links: Vec<Draft>,
    closed: usize,
    empty_folders: bool,
    unseen: Vec<(String, Unknown)>,
}

/// The tree below a folder.
pub(super) fn adopt(host: &Host, asked: &str, cancel: &Cancel) -> Result<Adopted, Unknown> {
    let mut found = Found::default();
    let mut todo = VecDeque::from([asked.to_owned()]);
    while let Some(folder) = todo.pop_front() {
        cancel.check()?;
        match host.entries(Path::new(&folder), Links::Refuse, ENTRIES_MAX)? {
            Contents::Regular(stat, entries) => {
                let files = found.folder(host, asked, &folder, entries, cancel, &mut todo)?;
                // Only folders that hold a listed file have a mode in the table.
                if files {
                    found.attributes(host, &stat)?;
                    found.folder_modes.insert(stat.mode);
                }
            }
            Contents::Absent if folder == asked => return Ok(Adopted::default()),
            Contents::Other(_) if folder == asked => {
                return Err(path::not_a(FileType::Directory));
            }
            _ => {}
        }
    }
    Ok(found.finish(asked))
}

impl Found {
    /// The entries of one folder; was there a file to list?
    fn folder(
        &mut self,
        host: &Host,
        root: &str,
        folder: &str,
        entries: Vec<DirEntry>,
        cancel: &Cancel,
        todo: &mut VecDeque<String>,
    ) -> Result<bool, Unknown> {
        let mut listed = false;
        self.empty_folders |= entries.is_empty();
        for entry in entries {
            let path = match path::below(folder, &entry.name) {
                Ok(path) => path,
                Err(unseen) => {
                    self.unseen.push(unseen);
                    continue;
                }
            };
            if entry.name == "__pycache__" {
                self.ignore(NOISE[0].to_owned());
                continue;
            }
            let stat = host.stat(Path::new(&path), Links::Refuse);
            match stat {
                Err(unknown) => self.unseen.push((path, unknown)),
                Ok(None) => {}
                Ok(Some(stat)) => match stat.file_type {
                    FileType::Directory => todo.push_back(path),
                    FileType::File => listed |= self.file(host, root, path, cancel)?,
                    _ => self.other(host, root, path, &stat)?,
                },
            }
        }
        Ok(listed)
    }

    fn file(
        &mut self,
        host: &Host,
        root: &str,
        path: String,
        cancel: &Cancel,
    ) -> Result<bool, Unknown> {
        if self.files == FILES_MAX {
            let detail = format!("the tree has more than {FILES_MAX} files");
            return Err(Unknown::new(Reason::TooLarge, detail));
        }
        match host.hash(Path::new(&path), Links::Refuse, cancel) {
            Ok(Contents::Regular(stat, _)) if matches!(stat.mode.bits() & 0o077, 0) => {
                self.closed += 1;
                self.ignore(pattern(relative(root, &path)));
                Ok(false)
            }
            Ok(Contents::Regular(stat, digest)) => {
                self.list.extend(list_line(digest, relative(root, &path).as_bytes()));
                self.files += 1;
                self.attributes(host, &stat)?;
                self.file_modes.insert(stat.mode);
                Ok(true)
            }
            Ok(_) => Ok(false),
            Err(unknown) => {
                self.unseen.push((path, unknown));
                Ok(false)
            }
        }
    }

    /// A link gets a table of its own; of pipes, sockets and devices nothing can be said.
    fn other(&mut self, host: &Host, root: &str, path: String, stat: &Stat) -> Result<(), Unknown> {
        self.ignore(pattern(relative(root, &path)));
        if stat.file_type != FileType::Symlink {
            let detail = format!("it is a {}, which no kind describes", stat.file_type.name());
            self.unseen.push((path, Unknown::new(Reason::NotSupported, detail)));
            return Ok(());
        }
        let Contents::Regular(_, target) = host.target(Path::new(&path), Links::Refuse)? else {
            return Ok(());
        };
        if let Some(target) = target.to_str() {
            self.links.push(Draft::new(path).of("symlink").set("target", target));
        } else {
            let detail = "where it leads is no UTF-8, and desired state is";
            self.unseen.push((path, Unknown::new(Reason::NotSupported, detail)));
        }
        Ok(())
    }

    fn attributes(&mut self, host: &Host, stat: &Stat) -> Result<(), Unknown> {
        let (owner, group) = Metadata::of(host, stat).names()?;
        self.owners.insert(owner);
        self.groups.insert(group);
        Ok(())
    }

    fn ignore(&mut self, pattern: String) {
        if !self.ignore.contains(&pattern) {
            self.ignore.push(pattern);
        }
    }

    fn finish(self, root: &str) -> Adopted {
        let mut adopted = Adopted { drafts: Vec::new(), unseen: self.unseen };
        if self.files == 0 {
            let detail = if self.closed > 0 {
                "none but their owner may read the files below it, and their digests are hints at secrets"
            } else {
                "no file below it can be listed"
            };
            adopted.unseen.push((root.to_owned(), Unknown::new(Reason::NotSupported, detail)));
            return adopted;
        }
        let name = root.rsplit('/').find(|part| !part.is_empty()).unwrap_or("root");
        let manifest = format!("manifests/{}.sha256", file_name(root));
        let mut draft = Draft::new(name)
            .set("root", root)
            .set("manifest", manifest.as_str())
            .set("unlisted", "drift")
            .set("owner", sole(self.owners))
            .set("group", sole(self.groups))
            .set("file_mode", sole(self.file_modes.iter().map(Mode::to_string)))
            .set("directory_mode", sole(self.folder_modes.iter().map(Mode::to_string)))
            .file(manifest, self.list)
            .about(&["root"], root);
        if !self.ignore.is_empty() {
            draft = draft.set("ignore", self.ignore);
        }
        if self.closed > 0 {
            draft = draft.comment(format!(
                "{} of its files only their owner may read: they are ignored, for a digest is a hint at a secret.",
                self.closed
            ));
        }
        adopted.drafts.push(draft);
        adopted.drafts.extend(self.links);
        adopted
    }
}

/// The one that all have; nothing where they differ.
fn sole(values: impl IntoIterator<Item = String>) -> Option<String> {
    let mut values = values.into_iter();
    let first = values.next();
    if values.next().is_some() { None } else { first }
}

fn relative<'a>(root: &str, path: &'a str) -> &'a str {
    path.strip_prefix(root).unwrap_or(path).trim_start_matches('/')
}

/// A path as a pattern that matches it alone.
fn pattern(path: &str) -> String {
    let mut pattern = String::with_capacity(path.len());
    for c in path.chars() {
        if matches!(c, '*' | '?' | '[' | ']' | '{' | '}' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern
}

/// A root as the name of a file: two trees of one name in two places have two lists.
fn file_name(root: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '-' };
    let name: String = root.trim_matches('/').chars().map(plain).collect();
    if name.is_empty() { "root".to_owned() } else { name.trim_start_matches('.').to_owned() }
}
