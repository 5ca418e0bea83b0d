//! One file of a tree: opened through its folder, hashed, and compared as it was at that moment.

use std::ffi::CStr;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};

use rustix::io::Errno;

use super::folder::stat;
use super::walk::{Open, Scratch, Subject, Tally, Task, Walk};
use super::{Against, What, pipeline};
use crate::model::{Digest, Mode, Unknown};
use crate::probe::host::{FileType, Stat, failed, hash_open};
use crate::state::{Page, Recalled};

/// A file larger than this is hashed apart from the others of its folder, by whichever thread is free.
const LARGE_BYTES: u64 = 8 << 20;
/// What is read of a file before anything else is asked about it: the whole of most files, and still in the processor's
/// nearest caches when it is hashed.
const FIRST_BYTES: usize = 32 << 10;

/// What came of one file.
enum Outcome {
    Told(Told),
    /// Too large to keep the others of its folder waiting.
    Later(u64),
    /// Something else stands there, or could not be read; noted.
    Noted,
}

/// A file as it was at one moment.
struct Told {
    stat: Stat,
    digest: Digest,
    /// When it was hashed, if that was not now.
    recalled: Option<i64>,
    /// It carries nothing that was looked for.
    plain: bool,
}

/// One file among those of its folder.
struct Place<'a> {
    open: &'a Open,
    name: &'a CStr,
    /// Below the root.
    path: &'a [u8],
    file: &'a Subject,
    /// Nobody waits for it.
    alone: bool,
}

impl Walk<'_> {
    /// Compares files of one folder.
    pub(super) fn hash_files(
        &self,
        open: &Arc<Open>,
        files: Vec<Subject>,
        scratch: &mut Scratch,
        next: &mut Vec<Task>,
    ) -> Result<(), Unknown> {
        let alone = files.len() == 1;
        let (mut tally, mut digests, mut page) = (Tally::default(), Vec::new(), self.page(&files));
        let mut path = open.folder.path.to_vec();
        for file in files {
            self.go_on()?;
            let name = self.name(&file);
            path.truncate(open.folder.path.len());
            path.extend_from_slice(name.to_bytes());
            let place = Place { open, name, path: &path, file: &file, alone };
            match self.look(&place, &mut page, scratch)? {
                Outcome::Told(told) => {
                    tally.add(&told);
                    tally.matched += u64::from(self.is_as_listed(&place, &told));
                    if let Against::Digest { prefix } = &self.question.against {
                        digests.push((pipeline::path(prefix, &path), told.digest));
                    }
                }
                Outcome::Later(bytes) => {
                    self.expect_bytes(bytes);
                    next.push(Task::Files { open: Arc::clone(open), files: vec![file] });
                }
                Outcome::Noted => {}
            }
        }
        self.count(&tally);
        if let Some(cache) = &self.cache {
            cache.remember(&page);
        }
        if !digests.is_empty() {
            self.digests.lock().unwrap_or_else(PoisonError::into_inner).append(&mut digests);
        }
        Ok(())
    }

    /// The name of a file in its folder.
    fn name<'f>(&'f self, file: &'f Subject) -> &'f CStr {
        match (file, self.list) {
            (Subject::Found(name), _) => name,
            (Subject::Listed(index), Some(list)) => list.leaf(*index),
            (Subject::Listed(_), None) => c"",
        }
    }

    fn look(
        &self,
        place: &Place<'_>,
        page: &mut Page,
        scratch: &mut Scratch,
    ) -> Result<Outcome, Unknown> {
        let Place { open, name, path, file, .. } = *place;
        if let Some((stat, Recalled { digest, hashed_at })) =
            self.recall_unopened(open, name, file, page)
        {
            let told = Told { stat, digest, recalled: Some(hashed_at), plain: true };
            return Ok(Outcome::Told(told));
        }
        let opened = match self.opener.file(&open.dir, name) {
            Ok(opened) => opened,
            Err(error) => {
                self.note_unopened(open, name, path, error);
                return Ok(Outcome::Noted);
            }
        };
        let mut outcome = self.tell(place, opened.as_fd(), page, scratch)?;
        if let Outcome::Told(told) = &mut outcome {
            let Stat { file_type, mode, .. } = &told.stat;
            told.plain = self.compare_carried(path, opened.as_fd(), *file_type, mode.bits());
        }
        Ok(outcome)
    }

    /// The digest of an open file: remembered, or hashed now. Four system calls where the file is small and rests: open,
    /// read, stat, close.
    fn tell(
        &self,
        place: &Place<'_>,
        opened: BorrowedFd<'_>,
        page: &mut Page,
        scratch: &mut Scratch,
    ) -> Result<Outcome, Unknown> {
        let Place { path, file, alone, .. } = *place;
        let at = || self.full_path(path);
        let stated = || rustix::fs::fstat(opened).map_err(|error| failed(error, &at()));
        let noted = |unknown| {
            self.findings.blind(path, unknown);
            Ok(Outcome::Noted)
        };
        if self.cache.is_some()
            && self.question.carried.any()
            && let Ok(kernel) = stated()
            && let Some((stat, Recalled { digest, hashed_at })) = self.recall(&kernel, file, page)
        {
            let told = Told { stat, digest, recalled: Some(hashed_at), plain: true };
            return Ok(Outcome::Told(told));
        }
        // A pipe or a terminal that was put here has no offsets to read at, so nothing is taken out of it.
        let first = rustix::io::pread(opened, &mut scratch.content[..FIRST_BYTES], 0).unwrap_or(0);
        let kernel = match stated() {
            Ok(kernel) => kernel,
            Err(unknown) => return noted(unknown),
        };
        let stat = Stat::of(&kernel)?;
        if stat.file_type != FileType::File {
            self.note_type(path, stat.file_type);
            return Ok(Outcome::Noted);
        }
        if stat.size > LARGE_BYTES && !alone {
            return Ok(Outcome::Later(stat.size));
        }
        let rests = self.rests(&kernel);
        let (stat, digest, kernel) = if rests && first as u64 == stat.size && first < FIRST_BYTES {
            (stat, Digest::of(&scratch.content[..first]), kernel)
        } else {
            let ready = if rests { first } else { 0 };
            match hash_open(opened, kernel, &at, &mut scratch.content, ready, self.cancel) {
                Ok((after, digest)) => (Stat::of(&after)?, digest, after),
                Err(unknown) => {
                    self.go_on()?;
                    return noted(unknown);
                }
            }
        };
        self.keep(&kernel, digest, file, page);
        Ok(Outcome::Told(Told { stat, digest, recalled: None, plain: true }))
    }

    /// Was a file changed last before the look began? Then it did not change while it was read, whatever was read first.
    ///
    /// Where that cannot be told, its attributes are compared before and after.
    fn rests(&self, kernel: &rustix::fs::Stat) -> bool {
        let before = self.rests_before.is_some_and(|before| kernel.st_ctime < before);
        before && kernel.st_dev == self.device
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

    /// Compares a file with all that is wanted of it; true when it is so.
    fn is_as_listed(&self, place: &Place<'_>, told: &Told) -> bool {
        let mut matches = self.compare_attributes(place.path, &told.stat) && told.plain;
        if let (Subject::Listed(index), Some(list)) = (place.file, self.list) {
            let (desired, actual) = (list.digest(*index), told.digest);
            if desired != actual {
                matches = false;
                self.findings.differs(place.path, What::Content { desired, actual });
            }
        }
        matches
    }

    /// Compares owner, group and mode with what is wanted throughout the tree; true when they are so.
    pub(super) fn compare_attributes(&self, path: &[u8], stat: &Stat) -> bool {
        let wanted = &self.question.attributes;
        let owner = Wanted { name: wanted.owner.as_deref(), known: &self.known_owner };
        let owner = self
            .compare_name(path, &owner, stat.uid, What::Owner, &|| self.host.user_name(stat.uid));
        let group = Wanted { name: wanted.group.as_deref(), known: &self.known_group };
        let group = self
            .compare_name(path, &group, stat.gid, What::Group, &|| self.host.group_name(stat.gid));
        let mode = match stat.file_type {
            FileType::Directory => wanted.directory_mode,
            _ => wanted.file_mode,
        };
        owner & group & self.compare_mode(path, mode, stat.mode)
    }

    fn compare_name(
        &self,
        path: &[u8],
        wanted: &Wanted<'_>,
        number: u32,
        what: fn(String) -> What,
        actual: &dyn Fn() -> Result<String, Unknown>,
    ) -> bool {
        let Some(name) = wanted.name else { return true };
        // Nearly every file belongs to the one that is wanted, and a number has one name during a look.
        let known = u64::from(number) + 1;
        if wanted.known.load(Ordering::Relaxed) == known {
            return true;
        }
        match actual() {
            Ok(actual) if actual == *name => {
                wanted.known.store(known, Ordering::Relaxed);
                return true;
            }
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

/// A wanted owner or group, and the number that turned out to be it.
struct Wanted<'a> {
    name: Option<&'a str>,
    known: &'a AtomicU64,
}

impl Tally {
    fn add(&mut self, told: &Told) {
        match told.recalled {
            None => {
                self.hashed += 1;
                self.bytes += told.stat.size;
            }
            Some(hashed_at) => {
                self.recalled += 1;
                self.oldest = Some(self.oldest.map_or(hashed_at, |oldest| oldest.min(hashed_at)));
            }
        }
    }
}
