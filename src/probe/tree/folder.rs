//! One directory of a tree: its entries against the names that the list has there.

use std::ffi::{CStr, CString, OsStr};
use std::ops::Range;
use std::os::fd::AsFd as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use rustix::fs::{AtFlags, RawDir};
use rustix::io::Errno;

use super::walk::{Folder, Open, Scratch, Subject, Task, Walk};
use super::{Against, DEPTH_MAX, What};
use crate::model::{Reason, Unknown};
use crate::probe::host::{FileType, Stat, allow, failed};

/// More files of one directory than this are handed to other threads.
const FILES_AT_ONCE: usize = 256;

/// A name that the list has directly below a folder.
struct Child<'a> {
    name: &'a [u8],
    what: Listed,
    seen: bool,
}

#[derive(Clone)]
enum Listed {
    File(usize),
    /// A directory that holds this range of the list.
    Folder(Range<usize>),
}

/// The reading of one directory.
struct Reading<'w, 'n> {
    walk: &'w Walk<'w>,
    open: Arc<Open>,
    children: Vec<Child<'w>>,
    files: Vec<Subject>,
    next: &'n mut Vec<Task>,
}

impl Walk<'_> {
    /// Opens a directory through its parent and reads it.
    pub(super) fn enter(
        &self,
        parent: &Open,
        name: &CStr,
        folder: Folder,
        scratch: &mut Scratch,
        next: &mut Vec<Task>,
    ) -> Result<(), Unknown> {
        let path = folder.path.strip_suffix(b"/").unwrap_or(&folder.path);
        if folder.depth > DEPTH_MAX {
            let detail = format!("it lies deeper than {DEPTH_MAX} directories");
            self.unseen(path, &folder.range, Unknown::new(Reason::TooLarge, detail));
            return Ok(());
        }
        let dir = match self.opener.directory(&parent.dir, name) {
            Ok(dir) => dir,
            Err(Errno::NOENT) => return self.missing(folder.range),
            Err(error) => {
                self.unseen(path, &folder.range, self.not_opened(error, path));
                return Ok(());
            }
        };
        self.list_folder(Open { dir, folder }, scratch, next)
    }

    /// Why something that the directory lists could not be opened.
    pub(super) fn not_opened(&self, error: Errno, below: &[u8]) -> Unknown {
        match error {
            Errno::XDEV => other_mount(),
            Errno::LOOP | Errno::NOTDIR | Errno::NOENT | Errno::NXIO => {
                Unknown::new(Reason::ChangedWhileReading, "it was replaced during the walk")
            }
            error => failed(error, &self.full_path(below)),
        }
    }

    /// Notes a directory that could not be looked into, once for all that is listed below it.
    fn unseen(&self, path: &[u8], range: &Range<usize>, mut unknown: Unknown) {
        if !range.is_empty() {
            let detail = format!("{} ({} listed files below it)", unknown.detail, range.len());
            unknown.detail = detail;
        }
        self.findings.blind(path, unknown);
    }

    /// Reads an open directory.
    pub(super) fn list_folder(
        &self,
        open: Open,
        scratch: &mut Scratch,
        next: &mut Vec<Task>,
    ) -> Result<(), Unknown> {
        let path = open.folder.path.strip_suffix(b"/").unwrap_or(&open.folder.path);
        let stat = match rustix::fs::fstat(&open.dir) {
            Ok(stat) => stat,
            Err(error) => {
                self.unseen(path, &open.folder.range, failed(error, &self.full_path(path)));
                return Ok(());
            }
        };
        if !self.opener.watches_mounts() && stat.st_dev != self.device {
            self.unseen(path, &open.folder.range, other_mount());
            return Ok(());
        }
        if self.list.is_none() || !open.folder.range.is_empty() {
            self.compare_attributes(path, &Stat::of(&stat)?);
            self.compare_carried(path, open.dir.as_fd(), FileType::Directory, stat.st_mode);
        }
        let children = self.children(&open.folder);
        let open = Arc::new(open);
        Reading { walk: self, open, children, files: Vec::new(), next }.read(scratch)
    }

    /// The names that the list has directly below a folder, sorted.
    fn children(&self, folder: &Folder) -> Vec<Child<'_>> {
        let Some(list) = self.list else { return Vec::new() };
        let mut children = Vec::new();
        let mut index = folder.range.start;
        while index < folder.range.end {
            let whole = list.folder(index);
            let below = whole.get(folder.path.len()..).unwrap_or_default();
            let (name, what, next) = match below.iter().position(|c| *c == b'/') {
                None => (list.leaf(index).to_bytes(), Listed::File(index), index + 1),
                Some(slash) => {
                    let inner = &whole[..=folder.path.len() + slash];
                    let end = list.end_of_folder(index, folder.range.end, inner);
                    (&below[..slash], Listed::Folder(index..end), end.max(index + 1))
                }
            };
            children.push(Child { name, what, seen: false });
            index = next;
        }
        // The list is sorted by whole paths, and `a-b/x` comes before `a/x`.
        children.sort_unstable_by(|a, b| a.name.cmp(b.name));
        children
    }

    /// Is something that is not listed left alone? A pattern that takes all below a directory takes the directory.
    fn is_ignored(&self, path: &[u8], file_type: FileType) -> bool {
        let ignore = &self.question.ignore;
        if ignore.is_empty() {
            return false;
        }
        let matches = |path: &[u8]| ignore.is_match(Path::new(OsStr::from_bytes(path)));
        matches(path) || file_type == FileType::Directory && matches(&[path, b"/"].concat())
    }
}

impl Reading<'_, '_> {
    fn read(mut self, scratch: &mut Scratch) -> Result<(), Unknown> {
        let open = Arc::clone(&self.open);
        let mut entries = RawDir::new(open.dir.as_fd(), scratch.entries.spare_capacity_mut());
        let mut count = 0;
        while let Some(entry) = entries.next() {
            let entry = match entry {
                Ok(entry) => entry,
                Err(Errno::INTR) => continue,
                Err(error) => {
                    self.note_torn(error);
                    return Ok(());
                }
            };
            let name = entry.file_name();
            if matches!(name.to_bytes(), b"." | b"..") {
                continue;
            }
            count += 1;
            self.walk.go_on()?;
            self.walk.count_entries(1)?;
            self.entry(name, FileType::of(entry.file_type()))?;
        }
        if count == 0 {
            self.note_empty();
        }
        self.look_for_the_rest()?;
        self.hash(scratch)
    }

    /// A directory whose entries cannot be read to their end: nothing is said about the names not seen.
    fn note_torn(&self, error: Errno) {
        let folder = &self.open.folder;
        let path = folder.path.strip_suffix(b"/").unwrap_or(&folder.path);
        self.walk.unseen(path, &folder.range, failed(error, &self.walk.full_path(path)));
    }

    fn entry(&mut self, name: &CStr, file_type: Option<FileType>) -> Result<(), Unknown> {
        let Some(file_type) = file_type.or_else(|| self.type_of(name)) else { return Ok(()) };
        let bytes = name.to_bytes();
        if let Ok(index) = self.children.binary_search_by(|child| child.name.cmp(bytes)) {
            self.children[index].seen = true;
            let what = self.children[index].what.clone();
            return self.listed(name, &what, file_type);
        }
        self.unlisted(name, file_type);
        Ok(())
    }

    /// Asks for a type that the directory does not say. One that cannot be told is noted, and `None`.
    fn type_of(&self, name: &CStr) -> Option<FileType> {
        match self.stat(name) {
            Ok(stat) => stat.map(|stat| stat.file_type),
            Err(unknown) => {
                self.walk.findings.blind(&self.path(name.to_bytes()), unknown);
                None
            }
        }
    }

    fn stat(&self, name: &CStr) -> Result<Option<Stat>, Unknown> {
        stat(self.walk, &self.open, name)
    }

    fn path(&self, name: &[u8]) -> Vec<u8> {
        [&self.open.folder.path, name].concat()
    }

    fn listed(&mut self, name: &CStr, what: &Listed, file_type: FileType) -> Result<(), Unknown> {
        let path = || self.path(name.to_bytes());
        let range = match what {
            Listed::File(index) => *index..*index,
            Listed::Folder(range) => range.clone(),
        };
        // Asked first: most hosts deny nothing, and then no path has to be made of each name.
        if !self.walk.host.policy().denies_nothing() && self.walk.is_denied(&path()) {
            let path = path();
            let denied = denied(self.walk, &path);
            self.walk.unseen(&path, &range, denied);
            return Ok(());
        }
        match (what, file_type) {
            (Listed::File(index), FileType::File) => self.files.push(Subject::Listed(*index)),
            (Listed::Folder(_), FileType::Directory) => self.descend(name, range),
            (Listed::File(_), actual) => {
                self.walk.findings.differs(&path(), What::Type { desired: FileType::File, actual });
                if actual == FileType::Directory && self.walk.question.unlisted {
                    self.descend(name, range);
                }
            }
            (Listed::Folder(_), actual) => {
                let desired = FileType::Directory;
                self.walk.findings.differs(&path(), What::Type { desired, actual });
                self.walk.missing(range)?;
            }
        }
        Ok(())
    }

    fn unlisted(&mut self, name: &CStr, file_type: FileType) {
        let walk = self.walk;
        if !walk.question.unlisted {
            return;
        }
        let path = self.path(name.to_bytes());
        if walk.is_ignored(&path, file_type) {
            return;
        }
        let reads = file_type == FileType::Directory
            || matches!(walk.question.against, Against::Digest { .. })
                && file_type == FileType::File;
        if reads && walk.is_denied(&path) {
            walk.findings.blind(&path, denied(walk, &path));
        } else if file_type == FileType::Directory {
            self.descend(name, 0..0);
        } else if walk.list.is_some() {
            // That it is there was seen in its folder; it is not touched.
            walk.unlisted.fetch_add(1, Ordering::Relaxed);
            walk.findings.differs(&path, What::Unlisted(file_type));
        } else if file_type == FileType::File {
            self.files.push(Subject::Found(name.to_owned()));
        }
    }

    fn descend(&mut self, name: &CStr, range: Range<usize>) {
        let path = [&self.open.folder.path, name.to_bytes(), b"/"].concat().into_boxed_slice();
        let folder = Folder { path, range, depth: self.open.folder.depth + 1 };
        let (parent, name) = (Arc::clone(&self.open), name.to_owned());
        self.next.push(Task::Folder { parent, name, folder });
    }

    fn note_empty(&self) {
        let folder = &self.open.folder;
        let wanted = self.walk.question.empty_directories && self.walk.question.unlisted;
        if wanted && folder.depth > 0 && folder.range.is_empty() && self.walk.list.is_some() {
            let path = folder.path.strip_suffix(b"/").unwrap_or(&folder.path);
            self.walk.unlisted.fetch_add(1, Ordering::Relaxed);
            self.walk.findings.differs(path, What::Unlisted(FileType::Directory));
        }
    }

    /// A name that was not among the entries may have come while they were read: only the kernel's "no" is absence.
    fn look_for_the_rest(&mut self) -> Result<(), Unknown> {
        let rest: Vec<(CString, Listed)> = self
            .children
            .iter()
            .filter(|child| !child.seen)
            .filter_map(|child| Some((CString::new(child.name).ok()?, child.what.clone())))
            .collect();
        for (name, what) in rest {
            self.walk.go_on()?;
            let range = match &what {
                Listed::File(index) => *index..*index + 1,
                Listed::Folder(range) => range.clone(),
            };
            match self.stat(&name) {
                Ok(None) => self.walk.missing(range)?,
                Ok(Some(stat)) => self.listed(&name, &what, stat.file_type)?,
                Err(unknown) => {
                    self.walk.unseen(&self.path(name.to_bytes()), &range, unknown);
                }
            }
        }
        Ok(())
    }

    /// Hashes the listed files that are there: a few at once, more by whichever thread is free.
    fn hash(self, scratch: &mut Scratch) -> Result<(), Unknown> {
        let Self { walk, open, mut files, next, .. } = self;
        while files.len() > FILES_AT_ONCE {
            let files = files.split_off(files.len() - FILES_AT_ONCE);
            next.push(Task::Files { open: Arc::clone(&open), files, apart: false });
        }
        walk.hash_files(&open, files, false, scratch, next)
    }
}

/// What stands at a name now; `None` when nothing does.
pub(super) fn stat(walk: &Walk<'_>, open: &Open, name: &CStr) -> Result<Option<Stat>, Unknown> {
    let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT;
    match rustix::fs::statat(&open.dir, name, flags) {
        Ok(stat) => Stat::of(&stat).map(Some),
        Err(Errno::NOENT) => Ok(None),
        Err(error) => {
            let below = [&open.folder.path, name.to_bytes()].concat();
            Err(failed(error, &walk.full_path(&below)))
        }
    }
}

fn other_mount() -> Unknown {
    let detail = "another file system is mounted here; `span_mounts = true` lets the walk enter it";
    Unknown::new(Reason::NotSupported, detail)
}

fn denied(walk: &Walk<'_>, path: &[u8]) -> Unknown {
    match allow(walk.host.policy(), &walk.full_path(path)) {
        Err(unknown) => unknown,
        Ok(()) => Unknown::new(Reason::NotAllowed, "denied by the host's configuration"),
    }
}
