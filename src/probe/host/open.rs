//! Opening one name in an open directory, without side effects.

use std::ffi::CStr;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

use crate::model::{Reason, Unknown, shown_path};

/// What this kernel, and the rights of this process, let us ask for when we open.
#[derive(Debug)]
pub(in crate::probe) struct Opener {
    /// Until the first refusal: only owners and privileged processes may read without touching access times.
    keeps_access_time: AtomicBool,
    /// Until the first refusal: older kernels and some sandboxes lack `openat2`.
    knows_openat2: AtomicBool,
    crosses_mounts: bool,
}

impl Opener {
    /// An opener to which mount points are directories like others.
    pub(in crate::probe) fn across_mounts() -> Self {
        Self::new(true)
    }

    /// An opener that refuses to enter another mount, with `EXDEV`, where the kernel has `openat2`.
    pub(in crate::probe) fn within_mount() -> Self {
        Self::new(false)
    }

    fn new(crosses_mounts: bool) -> Self {
        Self {
            keeps_access_time: AtomicBool::new(true),
            knows_openat2: AtomicBool::new(true),
            crosses_mounts,
        }
    }

    /// Must the caller compare device numbers, as the kernel does not watch over mounts?
    pub(in crate::probe) fn watches_mounts(&self) -> bool {
        self.crosses_mounts || self.knows_openat2.load(Ordering::Relaxed)
    }

    /// Opens what is believed to be a regular file. The caller checks by `fstat` that it was one.
    ///
    /// A FIFO that was swapped in does not block, a terminal does not become ours, a link is not followed.
    pub(in crate::probe) fn file(&self, dir: impl AsFd, name: &CStr) -> Result<OwnedFd, Errno> {
        self.open(dir, name, OFlags::NOCTTY)
    }

    /// Opens a directory.
    pub(in crate::probe) fn directory(
        &self,
        dir: impl AsFd,
        name: &CStr,
    ) -> Result<OwnedFd, Errno> {
        self.open(dir, name, OFlags::DIRECTORY)
    }

    fn open(&self, dir: impl AsFd, name: &CStr, flags: OFlags) -> Result<OwnedFd, Errno> {
        let flags = flags | OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        if self.keeps_access_time.load(Ordering::Relaxed) {
            match self.beneath(&dir, name, flags | OFlags::NOATIME) {
                Err(Errno::PERM) => self.keeps_access_time.store(false, Ordering::Relaxed),
                other => return other,
            }
        }
        self.beneath(&dir, name, flags)
    }

    fn beneath(&self, dir: impl AsFd, name: &CStr, flags: OFlags) -> Result<OwnedFd, Errno> {
        let plainly = || rustix::fs::openat(&dir, name, flags, Mode::empty());
        if self.crosses_mounts || !self.knows_openat2.load(Ordering::Relaxed) {
            return plainly();
        }
        let resolve = ResolveFlags::BENEATH
            | ResolveFlags::NO_XDEV
            | ResolveFlags::NO_SYMLINKS
            | ResolveFlags::NO_MAGICLINKS;
        match rustix::fs::openat2(&dir, name, flags, Mode::empty(), resolve) {
            // A filter of system calls answers EPERM, and so does the kernel; only the plain call can tell which it was.
            Err(refused @ (Errno::NOSYS | Errno::PERM)) => {
                let opened = plainly();
                if opened.is_ok() || refused == Errno::NOSYS {
                    self.knows_openat2.store(false, Ordering::Relaxed);
                }
                opened
            }
            other => other,
        }
    }
}

/// A failed system call as a reason for not knowing. Absence is never one: the caller has dealt with `ENOENT`.
pub(in crate::probe) fn failed(error: Errno, path: &Path) -> Unknown {
    let reason = match error {
        Errno::ACCESS | Errno::PERM => Reason::PermissionDenied,
        _ => Reason::IoError,
    };
    let text = std::io::Error::from(error);
    Unknown::new(reason, format!("failed to read `{}`: {text}", shown_path(path)))
}
