//! What lies in a directory, where a link leads, and how full a file system is.

use std::ffi::OsString;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Mode, OFlags, RawDir, StatxFlags};
use rustix::io::Errno;

use super::resolve::Spot;
use super::{Contents, FileType, Host, Links, Opener, Stat, content, failed};
use crate::model::{Reason, Unknown, shown_path};

/// One entry of a directory.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct DirEntry {
    /// Its name, any bytes.
    pub name: OsString,
    /// What it is; `None` where the file system does not say without asking for each.
    pub file_type: Option<FileType>,
}

/// How full a file system is, as `statvfs` tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// Bytes in all.
    pub bytes_total: u64,
    /// Bytes that nobody uses, those kept back for root included.
    pub bytes_free: u64,
    /// Bytes that a process without privileges can still write.
    pub bytes_available: u64,
    /// Inodes in all; 0 where the file system makes them as it goes.
    pub inodes_total: u64,
    /// Inodes that a process without privileges can still use.
    pub inodes_available: u64,
}

/// Where a directory lies: two of one device and one mount can be renamed into each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Location {
    /// The device number.
    pub device: u64,
    /// The mount's number; `None` on a kernel that does not tell (before 5.8).
    pub mount: Option<u64>,
}

/// A unix socket that was found beneath the root and is held, so that no other can be put in its place.
#[derive(Debug)]
pub struct Socket(OwnedFd);

impl Socket {
    /// The path under which this process, and only it, reaches that very socket, whatever stands at its name by now.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        format!("/proc/self/fd/{}", self.0.as_raw_fd()).into()
    }
}

impl Host {
    /// The entries of a directory by name, without `.` and `..`, in the order of their bytes.
    ///
    /// # Errors
    /// Unknown, when they cannot be told or there are more than `entries_max`.
    pub fn entries(
        &self,
        path: &Path,
        links: Links,
        entries_max: usize,
    ) -> Result<Contents<Vec<DirEntry>>, Unknown> {
        match self.find(path, links)? {
            Some(spot) => entries(&self.opener, &spot, entries_max),
            None => Ok(Contents::Absent),
        }
    }

    /// The attributes of a symbolic link and where it leads, as it says itself; `Other` when something else stands there.
    ///
    /// # Errors
    /// Unknown, when that cannot be told.
    pub fn target(&self, path: &Path, links: Links) -> Result<Contents<OsString>, Unknown> {
        match self.find(path, links)? {
            Some(spot) => target(&spot),
            None => Ok(Contents::Absent),
        }
    }

    /// Where a directory really lies, for a library that opens it by its path: what was checked, as the kernel names it.
    pub(in crate::probe) fn real_directory(
        &self,
        path: &Path,
        links: Links,
    ) -> Result<PathBuf, Unknown> {
        super::real_path(path, self.directory(path, links)?.0)
    }

    /// How full the file system is that holds a directory; `None` when no directory stands there.
    ///
    /// # Errors
    /// Unknown, when that cannot be told.
    pub fn usage(&self, path: &Path, links: Links) -> Result<Option<Usage>, Unknown> {
        let Contents::Regular(_, folder) = self.directory(path, links)?.0 else { return Ok(None) };
        let told = rustix::fs::fstatvfs(folder).map_err(|e| failed(e, path))?;
        Ok(Some(Usage {
            bytes_total: told.f_blocks.saturating_mul(told.f_frsize),
            bytes_free: told.f_bfree.saturating_mul(told.f_frsize),
            bytes_available: told.f_bavail.saturating_mul(told.f_frsize),
            inodes_total: told.f_files,
            inodes_available: told.f_favail,
        }))
    }

    /// On which device and mount a directory lies; `None` when no directory stands there.
    ///
    /// # Errors
    /// Unknown, when that cannot be told.
    pub fn place(&self, path: &Path, links: Links) -> Result<Option<Location>, Unknown> {
        let Contents::Regular(_, folder) = self.directory(path, links)?.0 else { return Ok(None) };
        let device = rustix::fs::fstat(&folder).map_err(|e| failed(e, path))?.st_dev;
        let asked = rustix::fs::statx(&folder, c"", AtFlags::EMPTY_PATH, StatxFlags::MNT_ID);
        let mount = match asked {
            Ok(told) if told.stx_mask & StatxFlags::MNT_ID.bits() != 0 => Some(told.stx_mnt_id),
            Ok(_) | Err(Errno::NOSYS) => None,
            Err(error) => return Err(failed(error, path)),
        };
        Ok(Some(Location { device, mount }))
    }

    /// A unix socket at this path, not yet connected to; `None` when nothing stands there.
    ///
    /// # Errors
    /// Unknown, when that cannot be told or something else stands there.
    pub fn socket(&self, path: &Path, links: Links) -> Result<Option<Socket>, Unknown> {
        let Some(spot) = self.find(path, links)? else { return Ok(None) };
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let held = match rustix::fs::openat(&spot.dir, &spot.name, flags, Mode::empty()) {
            Ok(held) => held,
            Err(Errno::NOENT) => return Ok(None),
            Err(error) => return Err(failed(error, path)),
        };
        let stat = rustix::fs::fstat(&held).map_err(|e| failed(e, path))?;
        let stat = Stat::of(&stat)?;
        if stat.file_type != FileType::Socket {
            let (path, kind) = (shown_path(path), stat.file_type.name());
            let detail = format!("`{path}` is no socket but a {kind}");
            return Err(Unknown::new(Reason::NotSupported, detail));
        }
        Ok(Some(Socket(held)))
    }
}

pub(super) fn entries(
    opener: &Opener,
    spot: &Spot,
    entries_max: usize,
) -> Result<Contents<Vec<DirEntry>>, Unknown> {
    let (stat, folder) = match content::directory(opener, spot)? {
        Contents::Regular(stat, folder) => (stat, folder),
        Contents::Absent => return Ok(Contents::Absent),
        Contents::Other(stat) => return Ok(Contents::Other(stat)),
    };
    let mut buffer = [MaybeUninit::uninit(); 8192];
    let mut raw = RawDir::new(folder, &mut buffer);
    let mut found = Vec::new();
    while let Some(entry) = raw.next() {
        let entry = entry.map_err(|e| failed(e, &spot.path))?;
        let name = entry.file_name().to_bytes();
        if matches!(name, b"." | b"..") {
            continue;
        }
        if found.len() == entries_max {
            let path = shown_path(&spot.path);
            let detail = format!("`{path}` has more than {entries_max} entries");
            return Err(Unknown::new(Reason::TooLarge, detail));
        }
        let name = OsString::from_vec(name.to_vec());
        found.push(DirEntry { name, file_type: FileType::of(entry.file_type()) });
    }
    found.sort();
    Ok(Contents::Regular(stat, found))
}

pub(super) fn target(spot: &Spot) -> Result<Contents<OsString>, Unknown> {
    let Some(stat) = spot.stat()? else { return Ok(Contents::Absent) };
    match rustix::fs::readlinkat(&spot.dir, &spot.name, Vec::new()) {
        Ok(target) => Ok(Contents::Regular(
            Stat { file_type: FileType::Symlink, ..stat },
            OsString::from_vec(target.into_bytes()),
        )),
        Err(Errno::INVAL) => Ok(Contents::Other(stat)),
        Err(Errno::NOENT) => Ok(Contents::Absent),
        Err(error) => Err(failed(error, &spot.path)),
    }
}

/// Where each link of a directory leads. What is no link, and what went meanwhile, is left out.
pub(super) fn targets(
    opener: &Opener,
    spot: &Spot,
    entries_max: usize,
) -> Result<Contents<Vec<OsString>>, Unknown> {
    let (stat, folder) = match content::directory(opener, spot)? {
        Contents::Regular(stat, folder) => (stat, folder),
        Contents::Absent => return Ok(Contents::Absent),
        Contents::Other(stat) => return Ok(Contents::Other(stat)),
    };
    let mut buffer = [MaybeUninit::uninit(); 8192];
    let mut raw = RawDir::new(&folder, &mut buffer);
    let mut found = Vec::new();
    let mut entries = 0;
    while let Some(entry) = raw.next() {
        let entry = entry.map_err(|e| failed(e, &spot.path))?;
        entries += 1;
        if entries > entries_max {
            let path = shown_path(&spot.path);
            let detail = format!("`{path}` has more than {entries_max} entries");
            return Err(Unknown::new(Reason::TooLarge, detail));
        }
        match rustix::fs::readlinkat(&folder, entry.file_name(), Vec::new()) {
            Ok(target) => found.push(OsString::from_vec(target.into_bytes())),
            Err(Errno::INVAL | Errno::NOENT) => {}
            Err(error) => return Err(failed(error, &spot.path)),
        }
    }
    Ok(Contents::Regular(stat, found))
}
