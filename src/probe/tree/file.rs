//! One file of a tree: opened through its folder, hashed, and compared as it was at that moment.

use std::ffi::CStr;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::PathBuf;
use std::sync::{Arc, PoisonError};

use rustix::io::Errno;

use super::folder::stat;
use super::walk::{Open, Scratch, Subject, Tally, Task, Walk};
use super::{Against, What, pipeline};
use crate::model::{Digest, Unknown};
use crate::probe::host::{At, FileType, Hashed, Hashing, Stat, digest_both, failed, hash_both};
use crate::state::{Page, Recalled};

/// A file larger than this is hashed apart from the others of its folder, by whichever thread is free.
const LARGE_BYTES: u64 = 8 << 20;
/// What is read of a file before anything else is asked about it: the whole of most files, and still in the processor's
/// nearest caches when it is hashed.
const FIRST_BYTES: usize = 32 << 10;

/// What came of one file.
enum Outcome {
    /// Its digest was remembered.
    Told(Told),
    /// To be hashed.
    Opened(Opened),
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

/// An open file whose first bytes were read.
struct Opened {
    fd: OwnedFd,
    kernel: rustix::fs::Stat,
    /// How many bytes stand in its buffer, and can be relied on.
    ready: usize,
    /// They are all that it has.
    whole: bool,
    plain: bool,
}

/// One file among those of its folder.
struct Place<'a> {
    open: &'a Open,
    name: &'a CStr,
    /// Below the root.
    path: &'a [u8],
    file: &'a Subject,
    /// A larger one is put off.
    bytes_max: u64,
}

/// Files of one folder while they are looked at.
struct Batch<'a> {
    open: &'a Open,
    page: Page,
    tally: Tally,
    digests: Vec<(Vec<u8>, Digest)>,
}

impl Walk<'_> {
    /// Compares files of one folder; large ones are put off unless nobody waits for these.
    pub(super) fn hash_files(
        &self,
        open: &Arc<Open>,
        files: Vec<Subject>,
        apart: bool,
        scratch: &mut Scratch,
        next: &mut Vec<Task>,
    ) -> Result<(), Unknown> {
        let bytes_max = if apart || files.len() == 1 { u64::MAX } else { LARGE_BYTES };
        let (page, tally) = (self.page(&files), Tally::default());
        let mut batch = Batch { open, page, tally, digests: Vec::new() };
        let (mut waiting, mut later) = (None, Vec::new());
        for file in files {
            self.go_on()?;
            let name = self.name(&file);
            write_path(open, name, &mut scratch.path);
            let place = Place { open, name, path: &scratch.path, file: &file, bytes_max };
            let [first, second] = scratch.contents.both();
            let buffer = if waiting.is_none() { first } else { second };
            match self.look(&place, &mut batch.page, buffer)? {
                Outcome::Told(told) => self.compare(&mut batch, &scratch.path, &file, &told),
                Outcome::Opened(opened) => match waiting.take() {
                    None => waiting = Some((file, opened)),
                    Some(first) => self.hash_two([first, (file, opened)], &mut batch, scratch)?,
                },
                Outcome::Later(bytes) => later.push((bytes, file)),
                Outcome::Noted => {}
            }
        }
        if let Some(last) = waiting {
            self.hash_one(last, &mut batch, scratch)?;
        }
        self.put_off(open, later, next);
        self.count(&batch.tally);
        if let Some(cache) = &self.cache {
            cache.remember(&batch.page);
        }
        if !batch.digests.is_empty() {
            let mut digests = self.digests.lock().unwrap_or_else(PoisonError::into_inner);
            digests.append(&mut batch.digests);
        }
        Ok(())
    }

    /// Hands large files to whichever thread is free, two of like size together where there are more of them than threads.
    fn put_off(&self, open: &Arc<Open>, mut files: Vec<(u64, Subject)>, next: &mut Vec<Task>) {
        if files.is_empty() {
            return;
        }
        let threads = self.threads.up_to(files.len());
        let pairs = (files.len() - threads).min(files.len() / 2);
        files.sort_by_key(|(bytes, _)| *bytes);
        self.expect_bytes(files.iter().map(|(bytes, _)| bytes).sum());
        let mut files = files.into_iter().map(|(_, file)| file).peekable();
        let mut tasks = 0;
        while files.peek().is_some() {
            let files = files.by_ref().take(if tasks < pairs { 2 } else { 1 }).collect();
            next.push(Task::Files { open: Arc::clone(open), files, apart: true });
            tasks += 1;
        }
    }

    /// Hashes the file in the first buffer.
    fn hash_one(
        &self,
        (file, opened): (Subject, Opened),
        batch: &mut Batch<'_>,
        scratch: &mut Scratch,
    ) -> Result<(), Unknown> {
        let [buffer, _] = scratch.contents.both();
        let hashed = if opened.whole {
            Ok((opened.kernel, Digest::of(&buffer[..opened.ready])))
        } else {
            let at = || self.place_of(batch.open, &file);
            opened.hashing(&at, buffer).finish(self.cancel)
        };
        self.hashed(batch, &mut scratch.path, &file, opened.plain, hashed)
    }

    /// Hashes two files, each in its buffer, side by side.
    fn hash_two(
        &self,
        [(a, a_opened), (b, b_opened)]: [(Subject, Opened); 2],
        batch: &mut Batch<'_>,
        scratch: &mut Scratch,
    ) -> Result<(), Unknown> {
        let [a_buffer, b_buffer] = scratch.contents.both();
        let [a_hashed, b_hashed] = if a_opened.whole && b_opened.whole {
            let [a, b] = digest_both(&a_buffer[..a_opened.ready], &b_buffer[..b_opened.ready]);
            [Ok((a_opened.kernel, a)), Ok((b_opened.kernel, b))]
        } else {
            let a_at = || self.place_of(batch.open, &a);
            let b_at = || self.place_of(batch.open, &b);
            let pair = [a_opened.hashing(&a_at, a_buffer), b_opened.hashing(&b_at, b_buffer)];
            hash_both(pair, self.cancel)
        };
        self.hashed(batch, &mut scratch.path, &a, a_opened.plain, a_hashed)?;
        self.hashed(batch, &mut scratch.path, &b, b_opened.plain, b_hashed)
    }

    /// Remembers and compares what was hashed, or notes why it could not be.
    fn hashed(
        &self,
        batch: &mut Batch<'_>,
        path: &mut Vec<u8>,
        file: &Subject,
        plain: bool,
        hashed: Hashed,
    ) -> Result<(), Unknown> {
        write_path(batch.open, self.name(file), path);
        match hashed {
            Ok((kernel, digest)) => {
                self.keep(&kernel, digest, file, &mut batch.page);
                let stat = Stat::of(&kernel)?;
                self.compare(batch, path, file, &Told { stat, digest, recalled: None, plain });
            }
            Err(unknown) => {
                self.go_on()?;
                self.findings.blind(path, unknown);
            }
        }
        Ok(())
    }

    /// Compares a file with all that is wanted of it, and counts it.
    fn compare(&self, batch: &mut Batch<'_>, path: &[u8], file: &Subject, told: &Told) {
        batch.tally.add(told);
        batch.tally.matched += u64::from(self.is_as_listed(path, file, told));
        if let Against::Digest { prefix } = &self.question.against {
            batch.digests.push((pipeline::path(prefix, path), told.digest));
        }
    }

    /// Where a file is, for messages.
    fn place_of(&self, open: &Open, file: &Subject) -> PathBuf {
        let mut path = Vec::new();
        write_path(open, self.name(file), &mut path);
        self.full_path(&path)
    }

    /// The name of a file in its folder.
    fn name<'f>(&'f self, file: &'f Subject) -> &'f CStr {
        match (file, self.list) {
            (Subject::Found(name), _) => name,
            (Subject::Listed(index), Some(list)) => list.leaf(*index),
            (Subject::Listed(_), None) => c"",
        }
    }

    /// Recalls a file, or opens it and reads its beginning.
    fn look(
        &self,
        place: &Place<'_>,
        page: &mut Page,
        buffer: &mut [u8],
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
        if let Some((stat, Recalled { digest, hashed_at })) = self.recall_open(&opened, file, page)
        {
            let plain =
                self.compare_carried(path, opened.as_fd(), stat.file_type, stat.mode.bits());
            return Ok(Outcome::Told(Told { stat, digest, recalled: Some(hashed_at), plain }));
        }
        self.begin(place, opened, buffer)
    }

    /// Reads the beginning of an open file. Four system calls where it is small and rests: open, read, stat, close.
    fn begin(&self, place: &Place<'_>, fd: OwnedFd, buffer: &mut [u8]) -> Result<Outcome, Unknown> {
        let Place { path, bytes_max, .. } = *place;
        // A pipe or a terminal that was put here has no offsets to read at, so nothing is taken out of it.
        let first = rustix::io::pread(&fd, &mut buffer[..FIRST_BYTES], 0).ok();
        let kernel = match rustix::fs::fstat(&fd) {
            Ok(kernel) => kernel,
            Err(error) => {
                self.findings.blind(path, failed(error, &self.full_path(path)));
                return Ok(Outcome::Noted);
            }
        };
        let stat = Stat::of(&kernel)?;
        if stat.file_type != FileType::File {
            self.note_type(path, stat.file_type);
            return Ok(Outcome::Noted);
        }
        if stat.size > bytes_max {
            return Ok(Outcome::Later(stat.size));
        }
        let ready = first.filter(|_| self.rests(&kernel));
        let whole = ready.is_some_and(|ready| ready as u64 == stat.size && ready < FIRST_BYTES);
        let ready = ready.unwrap_or_default();
        let plain = self.compare_carried(path, fd.as_fd(), stat.file_type, stat.mode.bits());
        Ok(Outcome::Opened(Opened { fd, kernel, ready, whole, plain }))
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
    fn is_as_listed(&self, path: &[u8], file: &Subject, told: &Told) -> bool {
        let mut matches = self.compare_attributes(path, &told.stat) && told.plain;
        if let (Subject::Listed(index), Some(list)) = (file, self.list) {
            let (desired, actual) = (list.digest(*index), told.digest);
            if desired != actual {
                matches = false;
                self.findings.differs(path, What::Content { desired, actual });
            }
        }
        matches
    }
}

impl Opened {
    /// Goes on from what stands in the buffer.
    fn hashing<'a>(&'a self, at: At<'a>, buffer: &'a mut [u8]) -> Hashing<'a> {
        Hashing::new(self.fd.as_fd(), self.kernel, at, buffer, self.ready)
    }
}

/// Writes where a file is below the root.
fn write_path(open: &Open, name: &CStr, path: &mut Vec<u8>) {
    path.clear();
    path.extend_from_slice(&open.folder.path);
    path.extend_from_slice(name.to_bytes());
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
