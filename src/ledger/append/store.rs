//! The folder of a ledger as its writer holds it: by descriptor, with every fsync counted, and none ever tried twice.
//!
//! After a failed fsync nobody knows which of the earlier writes are on the disk, and the kernel will not say it again. So the
//! first one that fails poisons the store: nothing more is written by this process.

use std::fs::File;
use std::io::Write as _;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FileType, Mode, OFlags};
use rustix::io::Errno;

use super::super::error::LedgerError;
use super::failpoint::{self, boundary};

/// Of files: the owner writes, the group reads.
pub(super) const FILE: Mode = Mode::from_raw_mode(0o640);
/// Of the private key.
pub(super) const SECRET: Mode = Mode::from_raw_mode(0o600);
const FOLDER: Mode = Mode::from_raw_mode(0o750);

#[derive(Debug)]
pub(super) struct Store {
    pub(super) path: PathBuf,
    dir: OwnedFd,
    syncs: u64,
    poisoned: Option<String>,
}

impl Store {
    /// Opens a folder that is ours alone to write.
    pub(super) fn open(path: &Path) -> Result<Self, LedgerError> {
        let failed = |errno: Errno| match errno {
            Errno::NOENT => LedgerError::Missing { path: path.to_owned() },
            _ => LedgerError::Io { path: path.to_owned(), source: errno.into() },
        };
        let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let dir = rustix::fs::open(path, flags, Mode::empty()).map_err(failed)?;
        let stat = rustix::fs::fstat(&dir).map_err(failed)?;
        let store = Self { path: path.to_owned(), dir, syncs: 0, poisoned: None };
        store.require_ours("", &stat, 0o022, "chmod go-w")?;
        Ok(store)
    }

    fn require_ours(
        &self,
        name: &str,
        stat: &rustix::fs::Stat,
        forbidden: u32,
        mend: &str,
    ) -> Result<(), LedgerError> {
        let (me, mode) = (rustix::process::geteuid().as_raw(), stat.st_mode & 0o7777);
        let path = if name.is_empty() { self.path.clone() } else { self.path.join(name) };
        let reason = if stat.st_uid != me {
            format!("it belongs to user {}, and user {me} writes it", stat.st_uid)
        } else if mode & forbidden != 0 {
            format!("its mode {mode:04o} lets others at it; run `{mend} {}`", path.display())
        } else {
            return Ok(());
        };
        Err(LedgerError::Insecure { path, reason })
    }

    /// Is the private key a file for its owner alone?
    pub(super) fn require_secret(&self, name: &str) -> Result<(), LedgerError> {
        let stat = rustix::fs::statat(&self.dir, name, AtFlags::SYMLINK_NOFOLLOW);
        let stat = stat.map_err(|errno| self.failed(name, errno.into()))?;
        self.require_ours(name, &stat, 0o077, "chmod 0600")
    }

    /// How many times the disk was waited for.
    pub(super) const fn syncs(&self) -> u64 {
        self.syncs
    }

    pub(super) fn require_sound(&self) -> Result<(), LedgerError> {
        match &self.poisoned {
            Some(why) => Err(LedgerError::Poisoned { path: self.path.clone(), why: why.clone() }),
            None => Ok(()),
        }
    }

    pub(super) fn failed(&self, name: &str, source: std::io::Error) -> LedgerError {
        match source.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
                LedgerError::Full { path: self.path.clone() }
            }
            _ => LedgerError::Io { path: self.path.join(name), source },
        }
    }

    pub(super) fn poison(&mut self, why: impl Into<String>) -> LedgerError {
        let why = self.poisoned.get_or_insert(why.into()).clone();
        LedgerError::Poisoned { path: self.path.clone(), why }
    }

    /// Opens a file below the folder, never through a link.
    pub(super) fn file(&self, name: &str, flags: OFlags, mode: Mode) -> Result<File, LedgerError> {
        let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match rustix::fs::openat(&self.dir, name, flags, mode) {
            Ok(fd) => Ok(File::from(fd)),
            Err(errno) => Err(self.failed(name, errno.into())),
        }
    }

    /// Does this descriptor still have that name?
    pub(super) fn is_at(&self, file: &File, name: &str) -> bool {
        let there = rustix::fs::statat(&self.dir, name, AtFlags::SYMLINK_NOFOLLOW);
        let (Ok(there), Ok(held)) = (there, rustix::fs::fstat(file)) else { return false };
        (there.st_dev, there.st_ino) == (held.st_dev, held.st_ino)
    }

    /// Is there a regular file of that name?
    pub(super) fn has(&self, name: &str) -> bool {
        rustix::fs::statat(&self.dir, name, AtFlags::SYMLINK_NOFOLLOW)
            .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile)
    }

    /// Writes all of it with as few system calls as the kernel allows.
    pub(super) fn write(
        &self,
        name: &str,
        file: &mut File,
        bytes: &[u8],
    ) -> Result<(), LedgerError> {
        boundary();
        let written = match failpoint::write() {
            Ok(()) => file.write_all(bytes),
            Err(error) => file.write_all(&bytes[..bytes.len() / 2]).and(Err(error)),
        };
        boundary();
        written.map_err(|error| self.failed(name, error))
    }

    /// Waits until the data of a file are on the disk. Poisons where that fails.
    pub(super) fn sync(&mut self, name: &str, file: &File) -> Result<(), LedgerError> {
        self.syncs += 1;
        let synced = failpoint::sync().and_then(|()| file.sync_data());
        boundary();
        synced.map_err(|error| self.poison(format!("fsync of {name}: {error}")))
    }

    /// Waits until the names in a folder are on the disk. Poisons where that fails.
    fn sync_folder(&mut self, folder: &str) -> Result<(), LedgerError> {
        self.syncs += 1;
        let name = if folder.is_empty() { "." } else { folder };
        let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let synced =
            rustix::fs::openat(&self.dir, name, flags, Mode::empty()).and_then(rustix::fs::fsync);
        boundary();
        synced.map_err(|errno| self.poison(format!("fsync of {name}: {errno}")))
    }

    /// Makes a folder below; no error where it is there.
    #[expect(clippy::disallowed_methods, reason = "the writer of a ledger, below the data folder")]
    pub(super) fn folder(&mut self, name: &str) -> Result<(), LedgerError> {
        match rustix::fs::mkdirat(&self.dir, name, FOLDER) {
            Ok(()) => {}
            Err(Errno::EXIST) => return Ok(()),
            Err(errno) => return Err(self.failed(name, errno.into())),
        }
        self.sync_folder(parent(name))
    }

    /// Makes a file with these bytes that was not there: durable before this returns.
    pub(super) fn create(
        &mut self,
        name: &str,
        bytes: &[u8],
        mode: Mode,
    ) -> Result<File, LedgerError> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::APPEND;
        let mut file = self.file(name, flags, mode)?;
        if !bytes.is_empty() {
            self.write(name, &mut file, bytes)?;
            self.sync(name, &file)?;
        }
        self.sync_folder(parent(name))?;
        Ok(file)
    }

    /// Puts a file in its place whole: written beside it, synced, renamed over what was there.
    #[expect(clippy::disallowed_methods, reason = "the writer of a ledger, below the data folder")]
    pub(super) fn replace(&mut self, name: &str, bytes: &[u8]) -> Result<(), LedgerError> {
        let beside = format!("{name}.new");
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC;
        let mut file = self.file(&beside, flags, FILE)?;
        self.write(&beside, &mut file, bytes)?;
        self.sync(&beside, &file)?;
        rustix::fs::renameat(&self.dir, &beside, &self.dir, name)
            .map_err(|errno| self.failed(name, errno.into()))?;
        boundary();
        self.sync_folder(parent(name))
    }

    /// Cuts a file to its first bytes. Poisons where that fails: it ends with half a line then.
    #[expect(clippy::disallowed_methods, reason = "the writer of a ledger, below the data folder")]
    pub(super) fn cut(&mut self, name: &str, file: &File, length: u64) -> Result<(), LedgerError> {
        if let Err(errno) = rustix::fs::ftruncate(file, length) {
            return Err(self.poison(format!("cutting {name} to {length} bytes: {errno}")));
        }
        boundary();
        self.sync(name, file)
    }

    /// Gives the folder its final name, where nothing has that name.
    pub(super) fn publish(&mut self, path: &Path) -> Result<(), LedgerError> {
        self.sync_folder("")?;
        let flags = rustix::fs::RenameFlags::NOREPLACE;
        let renamed =
            rustix::fs::renameat_with(rustix::fs::CWD, &self.path, rustix::fs::CWD, path, flags);
        boundary();
        match renamed {
            Ok(()) => path.clone_into(&mut self.path),
            Err(Errno::EXIST) => return Err(LedgerError::Exists { path: path.to_owned() }),
            Err(errno) => return Err(self.failed("", errno.into())),
        }
        // The name of this folder stands in the one above.
        self.sync_folder("..")
    }
}

fn parent(name: &str) -> &str {
    name.rsplit_once('/').map_or("", |(folder, _)| folder)
}
