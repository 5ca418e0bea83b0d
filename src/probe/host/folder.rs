//! What lies in a directory, where a link leads, and how full a file system is.

use std::ffi::OsString;
use std::mem::MaybeUninit;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::RawDir;
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
    /// Bytes that a process without privileges can still write.
    pub bytes_available: u64,
    /// Inodes in all; 0 where the file system makes them as it goes.
    pub inodes_total: u64,
    /// Inodes that a process without privileges can still use.
    pub inodes_available: u64,
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
            bytes_available: told.f_bavail.saturating_mul(told.f_frsize),
            inodes_total: told.f_files,
            inodes_available: told.f_favail,
        }))
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
