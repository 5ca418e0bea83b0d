//! One file of a tree: opened through its folder, hashed, and compared as it was at that moment.

use std::ffi::CStr;
use std::os::fd::AsFd as _;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use rustix::io::Errno;

use super::folder::stat;
use super::walk::{Open, Scratch, Subject, Task, Walk};
use super::{Against, What, pipeline};
use crate::model::{Digest, Mode, Unknown};
use crate::probe::host::{FileType, Stat, failed, hash_open};

/// A file larger than this is hashed apart from the others of its folder, by whichever thread is free.
const LARGE_BYTES: u64 = 8 << 20;

/// What came of one file.
enum Outcome {
    Hashed(Stat, Digest),
    /// Too large to keep the others of its folder waiting.
    Later(u64),
    /// Something else stands there, or could not be read; noted.
    Noted,
}

impl Walk<'_> {
    /// Hashes files of one folder.
    pub(super) fn hash_files(
        &self,
        open: &Arc<Open>,
        files: Vec<Subject>,
        scratch: &mut Scratch,
        next: &mut Vec<Task>,
    ) -> Result<(), Unknown> {
        let alone = files.len() == 1;
        let mut digests = Vec::new();
        let mut path = open.folder.path.to_vec();
        for file in files {
            self.go_on()?;
            let name = self.name(open, &file);
            path.truncate(open.folder.path.len());
            path.extend_from_slice(name.to_bytes());
            match self.hash_file(open, name, &path, alone, scratch)? {
                Outcome::Hashed(stat, digest) => {
                    self.count_hashed(stat.size);
                    self.compare_file(&file, &path, &stat, digest);
                    if let Against::Digest { prefix } = &self.question.against {
                        digests.push((pipeline::path(prefix, &path), digest));
                    }
                }
                Outcome::Later(bytes) => {
                    self.expect_bytes(bytes);
                    next.push(Task::Files { open: Arc::clone(open), files: vec![file] });
                }
                Outcome::Noted => {}
            }
        }
        if !digests.is_empty() {
            self.digests.lock().unwrap_or_else(PoisonError::into_inner).append(&mut digests);
        }
        Ok(())
    }

    /// The name of a file in its folder.
    fn name<'f>(&'f self, open: &Open, file: &'f Subject) -> &'f CStr {
        match (file, self.list) {
            (Subject::Found(name), _) => name,
            (Subject::Listed(index), Some(list)) => {
                let full = list.name(*index).to_bytes_with_nul();
                let tail = full.get(open.folder.path.len()..).unwrap_or_default();
                CStr::from_bytes_with_nul(tail).unwrap_or_default()
            }
            (Subject::Listed(_), None) => c"",
        }
    }

    /// Five system calls where all is well: open, stat, read, stat, close.
    fn hash_file(
        &self,
        open: &Open,
        name: &CStr,
        path: &[u8],
        alone: bool,
        scratch: &mut Scratch,
    ) -> Result<Outcome, Unknown> {
        let file = match self.opener.file(&open.dir, name) {
            Ok(file) => file,
            Err(error) => {
                self.note_unopened(open, name, path, error);
                return Ok(Outcome::Noted);
            }
        };
        let before = match rustix::fs::fstat(&file) {
            Ok(before) => before,
            Err(error) => {
                self.findings.blind(path, failed(error, &self.full_path(path)));
                return Ok(Outcome::Noted);
            }
        };
        let stat = Stat::of(&before)?;
        if stat.file_type != FileType::File {
            self.note_type(path, stat.file_type);
            return Ok(Outcome::Noted);
        }
        if stat.size > LARGE_BYTES && !alone {
            return Ok(Outcome::Later(stat.size));
        }
        let at = || self.full_path(path);
        match hash_open(file.as_fd(), before, &at, &mut scratch.content, self.cancel) {
            Ok((after, digest)) => Ok(Outcome::Hashed(Stat::of(&after)?, digest)),
            Err(unknown) => {
                self.go_on()?;
                self.findings.blind(path, unknown);
                Ok(Outcome::Noted)
            }
        }
    }

    /// A file that its folder lists and that does not open: gone, replaced, or not to be read.
    fn note_unopened(&self, open: &Open, name: &CStr, path: &[u8], error: Errno) {
        if matches!(error, Errno::NOENT | Errno::LOOP | Errno::NXIO | Errno::NOTDIR) {
            match stat(self, open, name) {
                Ok(None) if self.list.is_some() => {
                    return self.findings.differs(path, What::Missing);
                }
                Ok(Some(stat)) if stat.file_type != FileType::File => {
                    return self.note_type(path, stat.file_type);
                }
                Ok(_) => {}
                Err(unknown) => return self.findings.blind(path, unknown),
            }
        }
        self.findings.blind(path, self.not_opened(error, path));
    }

    fn note_type(&self, path: &[u8], actual: FileType) {
        self.findings.differs(path, What::Type { desired: FileType::File, actual });
    }

    fn compare_file(&self, file: &Subject, path: &[u8], stat: &Stat, actual: Digest) {
        let mut matches = self.compare_attributes(path, stat);
        if let (Subject::Listed(index), Some(list)) = (file, self.list) {
            let desired = list.digest(*index);
            if desired != actual {
                matches = false;
                self.findings.differs(path, What::Content { desired, actual });
            }
        }
        if matches {
            self.matched.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Compares owner, group and mode with what is wanted throughout the tree; true when they are so.
    pub(super) fn compare_attributes(&self, path: &[u8], stat: &Stat) -> bool {
        let wanted = &self.question.attributes;
        let owner = self.compare_name(path, wanted.owner.as_ref(), What::Owner, || {
            self.host.user_name(stat.uid)
        });
        let group = self.compare_name(path, wanted.group.as_ref(), What::Group, || {
            self.host.group_name(stat.gid)
        });
        let mode = match stat.file_type {
            FileType::Directory => wanted.directory_mode,
            _ => wanted.file_mode,
        };
        owner & group & self.compare_mode(path, mode, stat.mode)
    }

    fn compare_name(
        &self,
        path: &[u8],
        wanted: Option<&String>,
        what: fn(String) -> What,
        actual: impl Fn() -> Result<String, Unknown>,
    ) -> bool {
        let Some(wanted) = wanted else { return true };
        match actual() {
            Ok(actual) if actual == *wanted => return true,
            Ok(actual) => self.findings.differs(path, what(actual)),
            Err(unknown) => self.findings.blind(path, unknown),
        }
        false
    }

    fn compare_mode(&self, path: &[u8], wanted: Option<Mode>, actual: Mode) -> bool {
        match wanted {
            Some(desired) if desired != actual => {
                self.findings.differs(path, What::Mode { desired, actual });
                false
            }
            _ => true,
        }
    }
}
