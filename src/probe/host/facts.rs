//! Facts about the system itself: the kernel's tables in `/proc` and `/sys`, accounts, the databases of package managers.
//!
//! Desired state cannot choose these paths, so `[observe] roots` need not name them; a pattern of `deny` still refuses,
//! and a host that opens nothing opens no facts. Links are followed beneath the root: `/proc/net` is one.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use rustix::fd::{AsFd as _, OwnedFd};

use super::folder::{self, DirEntry};
use super::resolve::{self, Follow, Spot};
use super::{Contents, Host, Stat, allow_facts, content, regular};
use crate::model::{Reason, Unknown};

/// A reader of facts. The caller is this program's own code, never a path that desired state names.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a>(pub(super) &'a Host);

impl Facts<'_> {
    /// The whole content of a regular file of at most `bytes_max` bytes; `None` when nothing stands there.
    ///
    /// # Errors
    /// Unknown, when that cannot be told or something else than a regular file stands there.
    pub fn read(self, path: &str, bytes_max: u64) -> Result<Option<Vec<u8>>, Unknown> {
        let path = Path::new(path);
        let Some(spot) = self.find(path, Follow::Everything)? else { return Ok(None) };
        let contents = content::read(&self.0.opener, &spot, bytes_max)?;
        Ok(regular(path, contents)?.map(|(_, bytes)| bytes))
    }

    /// The attributes of what stands at a path, a link at its end not followed.
    ///
    /// # Errors
    /// Unknown, when that cannot be told.
    pub fn stat(self, path: &str) -> Result<Option<Stat>, Unknown> {
        match self.find(Path::new(path), Follow::OnTheWay)? {
            Some(spot) => spot.stat(),
            None => Ok(None),
        }
    }

    /// The entries of a directory, in the order of their bytes.
    ///
    /// # Errors
    /// Unknown, when they cannot be told or there are more than `entries_max`.
    pub fn entries(
        self,
        path: &str,
        entries_max: usize,
    ) -> Result<Contents<Vec<DirEntry>>, Unknown> {
        match self.find(Path::new(path), Follow::Everything)? {
            Some(spot) => folder::entries(&self.0.opener, &spot, entries_max),
            None => Ok(Contents::Absent),
        }
    }

    /// Where a link leads, as it says itself: for `/proc/PID/fd/N` what is open there.
    ///
    /// # Errors
    /// Unknown, when that cannot be told.
    pub fn target(self, path: &str) -> Result<Contents<OsString>, Unknown> {
        match self.find(Path::new(path), Follow::OnTheWay)? {
            Some(spot) => folder::target(&spot),
            None => Ok(Contents::Absent),
        }
    }

    /// Where all links of a directory lead, in no order: for `/proc/PID/fd` what is open there. Costs one look for all.
    ///
    /// # Errors
    /// Unknown, when that cannot be told or there are more than `entries_max` entries.
    pub fn targets(
        self,
        path: &str,
        entries_max: usize,
    ) -> Result<Contents<Vec<OsString>>, Unknown> {
        match self.find(Path::new(path), Follow::Everything)? {
            Some(spot) => folder::targets(&self.0.opener, &spot, entries_max),
            None => Ok(Contents::Absent),
        }
    }

    /// Where a path leads when every link is followed; `None` when that is nowhere.
    ///
    /// # Errors
    /// Unknown, when that cannot be told.
    pub fn follow(self, path: &str) -> Result<Option<PathBuf>, Unknown> {
        Ok(self.find(Path::new(path), Follow::Everything)?.map(|spot| spot.path))
    }

    /// Opens a directory, where one stands there and that can be told.
    pub(in crate::probe) fn directory(self, path: &Path) -> Option<OwnedFd> {
        let spot = self.find(path, Follow::Everything).ok()??;
        match content::directory(&self.0.opener, &spot) {
            Ok(Contents::Regular(_, folder)) => Some(folder),
            _ => None,
        }
    }

    /// Where a directory really lies, for a program that opens it by its path: what was checked, as the kernel names it.
    ///
    /// # Errors
    /// Unknown, when no directory stands there or that cannot be told.
    pub(in crate::probe) fn real_directory(self, path: &str) -> Result<PathBuf, Unknown> {
        let path = Path::new(path);
        let opened = match self.find(path, Follow::Everything)? {
            Some(spot) => content::directory(&self.0.opener, &spot)?,
            None => Contents::Absent,
        };
        super::real_path(path, opened)
    }

    /// Is this the running system, whose kernel answers for it? Another root has no processes, mounts or sockets.
    #[must_use]
    pub fn live(self) -> bool {
        self.0.live
    }

    /// Goes on only where there is a kernel to ask: for the running system, or a root that holds a `/proc` of its own.
    ///
    /// # Errors
    /// Unknown (`not_supported`) under a root that is not running.
    pub fn kernel(self) -> Result<(), Unknown> {
        if self.live() || self.stat("/proc/version")?.is_some() {
            return Ok(());
        }
        let detail = "the root is not that of a running system: there is no `/proc` to ask";
        Err(Unknown::new(Reason::NotSupported, detail))
    }

    fn find(self, path: &Path, follow: Follow) -> Result<Option<Spot>, Unknown> {
        allow_facts(&self.0.policy, path)?;
        let spot = resolve::locate(self.0.root.as_fd(), path, follow)?.spot();
        if let Some(spot) = &spot {
            allow_facts(&self.0.policy, &spot.path)?;
        }
        Ok(spot)
    }
}
