//! Reading what a regular file holds, as it was at one moment.
//!
//! Attributes come from the descriptor that is read, before and after; a file that changed meanwhile is read again, and
//! at last Unknown. Never a mixture of two contents.

use std::mem::MaybeUninit;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::RawDir;
use rustix::io::Errno;
use sha2::Digest as _;

use super::hashing::Hashing;
use super::resolve::Spot;
use super::{FileType, Opener, Stat, failed};
use crate::model::{Digest, Reason, Unknown, shown_path};
use crate::probe::cancel::Cancel;

/// How much is read at once: more does not hash faster, and this stays in the processor's cache.
pub(in crate::probe) const BUFFER_BYTES: usize = 256 << 10;
/// How often a file is read that changes while it is read.
const ATTEMPTS_MAX: usize = 3;

/// Where a file is, for messages: asked only when there is something to say.
pub(in crate::probe) type At<'a> = &'a dyn Fn() -> PathBuf;

/// What a path holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Contents<T> {
    /// Nothing stands there.
    Absent,
    /// Something stands there that has no such content; it was not opened.
    Other(Stat),
    /// What was asked for, and the attributes it had while it was read.
    Regular(Stat, T),
}

/// The bytes of a regular file.
pub(super) fn read(
    opener: &Opener,
    spot: &Spot,
    bytes_max: u64,
) -> Result<Contents<Vec<u8>>, Unknown> {
    let file = match open(opener, spot)? {
        Contents::Regular(_, file) => file,
        Contents::Absent => return Ok(Contents::Absent),
        Contents::Other(stat) => return Ok(Contents::Other(stat)),
    };
    let before = rustix::fs::fstat(&file).map_err(|e| failed(e, &spot.path))?;
    let at = || spot.path.clone();
    let (kernel, bytes) = settled(file.as_fd(), before, &at, &mut |size| {
        if size > bytes_max {
            return Err(too_large(&spot.path, size, bytes_max));
        }
        let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
        let mut buffer = vec![0; buffer_bytes(size)];
        drain(file.as_fd(), &at, size, &mut buffer, &mut |piece| {
            bytes.extend_from_slice(piece);
            match bytes.len() as u64 {
                length if length > bytes_max => Err(too_large(&spot.path, length, bytes_max)),
                _ => Ok(()),
            }
        })?;
        Ok(bytes)
    })?;
    Ok(Contents::Regular(Stat::of(&kernel)?, bytes))
}

fn too_large(path: &Path, bytes: u64, bytes_max: u64) -> Unknown {
    let path = shown_path(path);
    let detail = format!("`{path}` has {bytes} bytes or more, at most {bytes_max} are read");
    Unknown::new(Reason::TooLarge, detail)
}

/// The digest of a regular file.
pub(super) fn hash(
    opener: &Opener,
    spot: &Spot,
    cancel: &Cancel,
) -> Result<Contents<Digest>, Unknown> {
    let (stat, file) = match open(opener, spot)? {
        Contents::Regular(stat, file) => (stat, file),
        Contents::Absent => return Ok(Contents::Absent),
        Contents::Other(stat) => return Ok(Contents::Other(stat)),
    };
    let mut buffer = vec![0; buffer_bytes(stat.size)];
    let before = rustix::fs::fstat(&file).map_err(|e| failed(e, &spot.path))?;
    let at = || spot.path.clone();
    let (kernel, digest) =
        Hashing::new(file.as_fd(), before, &at, &mut buffer, 0).finish(cancel)?;
    Ok(Contents::Regular(Stat::of(&kernel)?, digest))
}

/// Opens a regular file and asks about it, until it was the same before and after: its digest, where that is wanted, and
/// whatever `ask` gets from its descriptor. The file itself is handed on.
pub(super) fn attend<T>(
    opener: &Opener,
    spot: &Spot,
    digest: bool,
    cancel: &Cancel,
    ask: &dyn Fn(BorrowedFd<'_>) -> Result<T, Unknown>,
) -> Result<Contents<(Option<Digest>, T, OwnedFd)>, Unknown> {
    let (stat, file) = match open(opener, spot)? {
        Contents::Regular(stat, file) => (stat, file),
        Contents::Absent => return Ok(Contents::Absent),
        Contents::Other(stat) => return Ok(Contents::Other(stat)),
    };
    let mut buffer = vec![0; if digest { buffer_bytes(stat.size) } else { 0 }];
    let before = rustix::fs::fstat(&file).map_err(|e| failed(e, &spot.path))?;
    let at = || spot.path.clone();
    let (kernel, (digest, asked)) = settled(file.as_fd(), before, &at, &mut |size| {
        let mut hasher = sha2::Sha256::new();
        if digest {
            drain(file.as_fd(), &at, size, &mut buffer, &mut |piece| {
                hasher.update(piece);
                cancel.check()
            })?;
        }
        let asked = ask(file.as_fd())?;
        Ok((digest.then(|| Digest::from_bytes(hasher.finalize().into())), asked))
    })?;
    Ok(Contents::Regular(Stat::of(&kernel)?, (digest, asked, file)))
}

fn buffer_bytes(size: u64) -> usize {
    // `/proc` says 0 and has content, so a small file gets some room as well.
    usize::try_from(size).unwrap_or(usize::MAX).saturating_add(1).clamp(4096, BUFFER_BYTES)
}

/// Opens what stands at the spot if it is a regular file.
fn open(opener: &Opener, spot: &Spot) -> Result<Contents<OwnedFd>, Unknown> {
    opened(spot, FileType::File, || opener.file(&spot.dir, &spot.name))
}

/// Opens what stands at the spot if it is a directory.
pub(super) fn directory(opener: &Opener, spot: &Spot) -> Result<Contents<OwnedFd>, Unknown> {
    opened(spot, FileType::Directory, || opener.directory(&spot.dir, &spot.name))
}

/// Looks, opens, and looks again at what was opened: opening anything but the wanted type may have effects.
fn opened(
    spot: &Spot,
    wanted: FileType,
    open: impl Fn() -> Result<OwnedFd, Errno>,
) -> Result<Contents<OwnedFd>, Unknown> {
    for _ in 0..ATTEMPTS_MAX {
        match spot.stat()? {
            None => return Ok(Contents::Absent),
            Some(stat) if stat.file_type != wanted => return Ok(Contents::Other(stat)),
            Some(_) => {}
        }
        let file = match open() {
            Ok(file) => file,
            // Swapped since we looked: look again.
            Err(Errno::NOENT | Errno::LOOP | Errno::NOTDIR | Errno::NXIO) => continue,
            Err(error) => return Err(failed(error, &spot.path)),
        };
        let stat = rustix::fs::fstat(&file).map_err(|e| failed(e, &spot.path))?;
        let stat = Stat::of(&stat)?;
        if stat.file_type == wanted {
            return Ok(Contents::Regular(stat, file));
        }
    }
    Err(changed(&spot.path))
}

/// Has the directory at the spot no entry? `None` when it is no directory.
pub(super) fn is_empty(opener: &Opener, spot: &Spot) -> Result<Option<bool>, Unknown> {
    let Contents::Regular(_, dir) = directory(opener, spot)? else { return Ok(None) };
    let mut buffer = [MaybeUninit::uninit(); 4096];
    let mut entries = RawDir::new(dir, &mut buffer);
    while let Some(entry) = entries.next() {
        let entry = entry.map_err(|e| failed(e, &spot.path))?;
        if !matches!(entry.file_name().to_bytes(), b"." | b"..") {
            return Ok(Some(false));
        }
    }
    Ok(Some(true))
}

/// Runs `attempt`, which gets the size, until the file was the same before and after it.
pub(super) fn settled<T>(
    file: BorrowedFd<'_>,
    mut before: rustix::fs::Stat,
    at: At<'_>,
    attempt: &mut dyn FnMut(u64) -> Result<T, Unknown>,
) -> Result<(rustix::fs::Stat, T), Unknown> {
    let stat = || rustix::fs::fstat(file).map_err(|e| failed(e, &at()));
    for _ in 0..ATTEMPTS_MAX {
        let value = attempt(bytes_of(&before))?;
        let after = stat()?;
        if is_same(&before, &after) {
            return Ok((after, value));
        }
        before = after;
    }
    Err(changed(&at()))
}

/// How large a file says it is.
pub(super) fn bytes_of(stat: &rustix::fs::Stat) -> u64 {
    u64::try_from(stat.st_size).unwrap_or_default()
}

fn is_same(a: &rustix::fs::Stat, b: &rustix::fs::Stat) -> bool {
    a.st_size == b.st_size
        && (a.st_mtime, a.st_mtime_nsec) == (b.st_mtime, b.st_mtime_nsec)
        && (a.st_ctime, a.st_ctime_nsec) == (b.st_ctime, b.st_ctime_nsec)
}

fn changed(path: &Path) -> Unknown {
    let detail = format!("`{}` changed {ATTEMPTS_MAX} times while it was read", shown_path(path));
    Unknown::new(Reason::ChangedWhileReading, detail)
}

/// A file that is read piece by piece.
pub(super) struct Pieces<'a> {
    pub(super) file: BorrowedFd<'a>,
    pub(super) at: At<'a>,
    offset: u64,
    /// How large it says it is.
    size: u64,
    ended: bool,
}

impl<'a> Pieces<'a> {
    /// Reads from `offset` on.
    pub(super) fn new(file: BorrowedFd<'a>, at: At<'a>, offset: u64, size: u64) -> Self {
        Self { file, at, offset, size, ended: false }
    }

    /// Reads the next piece, and says how long it is: 0 at the end.
    pub(super) fn next(&mut self, buffer: &mut [u8]) -> Result<usize, Unknown> {
        while !self.ended {
            let count = match rustix::io::pread(self.file, &mut *buffer, self.offset) {
                Ok(count) => count,
                Err(Errno::INTR) => continue,
                Err(error) => return Err(failed(error, &(self.at)())),
            };
            self.offset += count as u64;
            // A short read at the size it says is the end, which saves a call; pseudo files say 0, or any other number.
            self.ended = count == 0 || count < buffer.len() && self.offset == self.size;
            return Ok(count);
        }
        Ok(0)
    }
}

/// Reads a file to its end, piece by piece.
fn drain(
    file: BorrowedFd<'_>,
    at: At<'_>,
    size: u64,
    buffer: &mut [u8],
    each: &mut dyn FnMut(&[u8]) -> Result<(), Unknown>,
) -> Result<(), Unknown> {
    let mut pieces = Pieces::new(file, at, 0, size);
    loop {
        match pieces.next(buffer)? {
            0 => return Ok(()),
            count => each(&buffer[..count])?,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn growing(times: usize) -> Result<Digest, Unknown> {
        let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
        file.write_all(&[7; 9000]).expect("written");
        let reader = file.reopen().expect("open");
        let mut left = times;
        let before = rustix::fs::fstat(&reader).expect("stat");
        let at = || file.path().to_owned();
        settled(reader.as_fd(), before, &at, &mut |size| {
            let mut hasher = sha2::Sha256::new();
            drain(reader.as_fd(), &at, size, &mut [0; 4096], &mut |piece| {
                hasher.update(piece);
                if left > 0 {
                    left -= 1;
                    let length = file.as_file().metadata().expect("stat").len();
                    file.as_file().set_len(length / 2).expect("cut");
                }
                Ok(())
            })?;
            Ok(Digest::from_bytes(hasher.finalize().into()))
        })
        .map(|(_, digest)| digest)
    }

    #[test]
    fn a_file_cut_while_it_is_read_is_read_again() {
        assert_eq!(growing(0), Ok(Digest::of(&[7; 9000])));
        assert_eq!(growing(1), Ok(Digest::of(&[7; 4500])));
        let reason = growing(usize::MAX).map_err(|unknown| unknown.reason);
        assert_eq!(reason, Err(Reason::ChangedWhileReading));
    }
}
