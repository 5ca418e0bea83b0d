//! The file system of the managed host, read through descriptors beneath one root.
//!
//! No path is opened by its name alone: every component is resolved beneath the root, links are followed only where
//! the caller says so, and `[observe]` is asked first. Regular files are opened, nothing else: opening a device or a
//! FIFO can have effects. Nothing here writes; not even access times, where the kernel lets us say so.

mod attributes;
mod capabilities;
mod content;
mod facts;
mod folder;
mod hashing;
mod held;
mod names;
mod open;
mod place;
mod resolve;

use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::Path;
use std::sync::OnceLock;

use rustix::fs::{AtFlags, CWD, Mode as OpenMode, OFlags};
use serde::{Deserialize, Serialize};

use super::cancel::Cancel;
use crate::config::{Access, Policy};
use crate::model::{Digest, Mode, Reason, Unknown, shown_path};
use names::Names;
use resolve::{Located, Spot};

pub use attributes::{Asked, CAPABILITY, Inside};
pub(in crate::probe) use attributes::{capabilities, xattr_names};
pub use capabilities::{CapabilityError, FileCapabilities};
pub use content::Contents;
pub(in crate::probe) use content::{At, BUFFER_BYTES};
pub use facts::Facts;
pub use folder::{DirEntry, Location, Socket, Usage};
pub(in crate::probe) use hashing::{Hashed, Hashing, digest_both, hash_both};
pub use held::Held;
pub(in crate::probe) use open::{Opener, failed};
pub use place::{Dated, Place};
pub use resolve::Links;

/// A reader of one host.
#[derive(Debug)]
pub struct Host {
    pub(super) root: OwnedFd,
    /// Is the root that of the running system?
    live: bool,
    policy: Policy,
    opener: Opener,
    users: OnceLock<Names>,
    groups: OnceLock<Names>,
}

/// What stands at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileType {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// A named pipe.
    Fifo,
    /// A unix socket.
    Socket,
    /// A block device.
    BlockDevice,
    /// A character device.
    CharDevice,
}

impl FileType {
    /// Its name, as reports and stored observations write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Directory => "directory",
            Self::Symlink => "symlink",
            Self::Fifo => "fifo",
            Self::Socket => "socket",
            Self::BlockDevice => "block_device",
            Self::CharDevice => "char_device",
        }
    }

    /// `None` for a type that the kernel does not know, or did not say.
    pub(in crate::probe) const fn of(kernel: rustix::fs::FileType) -> Option<Self> {
        Some(match kernel {
            rustix::fs::FileType::RegularFile => Self::File,
            rustix::fs::FileType::Directory => Self::Directory,
            rustix::fs::FileType::Symlink => Self::Symlink,
            rustix::fs::FileType::Fifo => Self::Fifo,
            rustix::fs::FileType::Socket => Self::Socket,
            rustix::fs::FileType::BlockDevice => Self::BlockDevice,
            rustix::fs::FileType::CharacterDevice => Self::CharDevice,
            rustix::fs::FileType::Unknown => return None,
        })
    }
}

impl From<FileType> for serde_json::Value {
    fn from(file_type: FileType) -> Self {
        file_type.name().into()
    }
}

/// Attributes of what stands at a path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stat {
    /// What it is.
    pub file_type: FileType,
    /// The 12 permission bits.
    pub mode: Mode,
    /// The owner's number.
    pub uid: u32,
    /// The group's number.
    pub gid: u32,
    /// Bytes.
    pub size: u64,
}

impl Stat {
    pub(in crate::probe) fn of(kernel: &rustix::fs::Stat) -> Result<Self, Unknown> {
        let kind = rustix::fs::FileType::from_raw_mode(kernel.st_mode);
        let file_type = FileType::of(kind).ok_or_else(|| {
            Unknown::new(Reason::NotSupported, format!("file type {:#o}", kernel.st_mode))
        })?;
        let mode = Mode::from_bits(kernel.st_mode);
        let size = u64::try_from(kernel.st_size).unwrap_or_default();
        Ok(Self { file_type, mode, uid: kernel.st_uid, gid: kernel.st_gid, size })
    }
}

impl Host {
    /// Opens the root.
    ///
    /// # Errors
    /// When it is no directory that can be opened.
    pub fn open(root: &Path, policy: Policy) -> io::Result<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = rustix::fs::openat(CWD, root, flags, OpenMode::empty())?;
        let (ours, running) = (rustix::fs::fstat(&root)?, rustix::fs::stat("/")?);
        let live = (ours.st_dev, ours.st_ino) == (running.st_dev, running.st_ino);
        let (users, groups) = (OnceLock::new(), OnceLock::new());
        Ok(Self { root, live, policy, opener: Opener::across_mounts(), users, groups })
    }

    /// The attributes of what stands at an absolute path, links not followed; `None` when nothing does.
    ///
    /// # Errors
    /// Unknown, when that cannot be told.
    pub fn stat(&self, path: &Path, links: Links) -> Result<Option<Stat>, Unknown> {
        match self.find(path, links)? {
            Some(spot) => spot.stat(),
            None => Ok(None),
        }
    }

    /// The whole content of a regular file of at most `bytes_max` bytes; `None` when nothing stands there.
    ///
    /// # Errors
    /// Unknown, when that cannot be told or something else than a regular file stands there.
    pub fn read(
        &self,
        path: &Path,
        links: Links,
        bytes_max: u64,
    ) -> Result<Option<(Stat, Vec<u8>)>, Unknown> {
        regular(path, self.contents(path, links, bytes_max)?)
    }

    /// As [`Host::read`], and whether what was read may be shown in clear. The place that was read decides, not the path
    /// that was asked for: a link among files that may be shown can lead to one that may not.
    ///
    /// # Errors
    /// As for [`Host::read`].
    pub fn read_to_show(
        &self,
        path: &Path,
        links: Links,
        bytes_max: u64,
    ) -> Result<Option<(Vec<u8>, bool)>, Unknown> {
        let Some(spot) = self.find(path, links)? else { return Ok(None) };
        let shown = self.policy.shows_content(path) && self.policy.shows_content(&spot.path);
        let contents = content::read(&self.opener, &spot, bytes_max)?;
        Ok(regular(path, contents)?.map(|(_, bytes)| (bytes, shown)))
    }

    /// As [`Host::read`], with what else may stand there as an answer of its own.
    ///
    /// # Errors
    /// Unknown, when that cannot be told.
    pub fn contents(
        &self,
        path: &Path,
        links: Links,
        bytes_max: u64,
    ) -> Result<Contents<Vec<u8>>, Unknown> {
        match self.find(path, links)? {
            Some(spot) => content::read(&self.opener, &spot, bytes_max),
            None => Ok(Contents::Absent),
        }
    }

    /// The SHA-256 of a regular file of any size.
    ///
    /// # Errors
    /// Unknown, when that cannot be told.
    pub fn hash(
        &self,
        path: &Path,
        links: Links,
        cancel: &Cancel,
    ) -> Result<Contents<Digest>, Unknown> {
        match self.find(path, links)? {
            Some(spot) => content::hash(&self.opener, &spot, cancel),
            None => Ok(Contents::Absent),
        }
    }

    /// Has the directory at this path no entry? `None` when no directory stands there.
    ///
    /// # Errors
    /// Unknown, when that cannot be told.
    pub fn is_empty(&self, path: &Path, links: Links) -> Result<Option<bool>, Unknown> {
        let Some(spot) = self.find(path, links)? else { return Ok(None) };
        content::is_empty(&self.opener, &spot)
    }

    /// Opens a directory for a walk; `Other` when something else stands there.
    pub(in crate::probe) fn directory(
        &self,
        path: &Path,
        links: Links,
    ) -> Result<(Contents<OwnedFd>, std::path::PathBuf), Unknown> {
        match self.find(path, links)? {
            Some(spot) => Ok((content::directory(&self.opener, &spot)?, spot.path)),
            None => Ok((Contents::Absent, path.to_owned())),
        }
    }

    /// What desired state may make this program read here.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Facts about the system itself, at paths that desired state cannot choose.
    #[must_use]
    pub fn facts(&self) -> Facts<'_> {
        Facts(self)
    }

    /// The name of this host: the kernel's for the running system, that of `/etc/hostname` for another root.
    ///
    /// # Errors
    /// Unknown, when it has none or it cannot be read.
    pub fn hostname(&self) -> Result<String, Unknown> {
        names::hostname(self)
    }

    /// The first line of `/etc/machine-id`.
    ///
    /// # Errors
    /// Unknown, when it has none or it cannot be read.
    pub fn machine_id(&self) -> Result<String, Unknown> {
        names::machine_id(self)
    }

    fn find(&self, path: &Path, links: Links) -> Result<Option<Spot>, Unknown> {
        self.allow(path)?;
        let follow = match links {
            Links::Refuse => resolve::Follow::Nothing,
            Links::Through => resolve::Follow::OnTheWay,
        };
        let located = resolve::locate(self.root.as_fd(), path, follow)?;
        let (Located::Absent(led_to) | Located::At(Spot { path: led_to, .. })) = &located;
        if links == Links::Through {
            self.allow(led_to)?;
        }
        Ok(located.spot())
    }

    /// A file of the host that identifies it or names its users: read whatever `[observe]` says, links followed.
    fn own(&self, path: &str) -> Result<Option<Vec<u8>>, Unknown> {
        const BYTES_MAX: u64 = 16 << 20;
        let path = Path::new(path);
        let located = resolve::locate(self.root.as_fd(), path, resolve::Follow::Everything)?;
        let Some(spot) = located.spot() else { return Ok(None) };
        match content::read(&self.opener, &spot, BYTES_MAX)? {
            Contents::Absent => Ok(None),
            Contents::Regular(_, bytes) => Ok(Some(bytes)),
            Contents::Other(stat) => Err(Unknown::new(
                Reason::NotSupported,
                format!("`{}` is a {}", shown_path(path), stat.file_type.name()),
            )),
        }
    }

    fn allow(&self, path: &Path) -> Result<(), Unknown> {
        allow(&self.policy, path)
    }
}

/// The name that the kernel has for an open directory.
fn real_path(path: &Path, opened: Contents<OwnedFd>) -> Result<std::path::PathBuf, Unknown> {
    use std::os::fd::AsRawFd as _;
    let Contents::Regular(_, folder) = opened else {
        let detail = format!("{} is no directory", shown_path(path));
        return Err(Unknown::new(Reason::NotSupported, detail));
    };
    let own = format!("/proc/self/fd/{}", folder.as_raw_fd());
    std::fs::read_link(own).map_err(|error| {
        let detail = format!("{} cannot be named: {error}", shown_path(path));
        Unknown::new(Reason::IoError, detail)
    })
}

/// What a regular file holds; anything else that stands there is Unknown.
fn regular<T>(path: &Path, contents: Contents<T>) -> Result<Option<(Stat, T)>, Unknown> {
    match contents {
        Contents::Absent => Ok(None),
        Contents::Regular(stat, held) => Ok(Some((stat, held))),
        Contents::Other(stat) => {
            let (path, kind) = (shown_path(path), stat.file_type.name());
            let detail = format!("`{path}` is no regular file but a {kind}");
            Err(Unknown::new(Reason::NotSupported, detail))
        }
    }
}

/// Refuses a path that the host's configuration does not allow to be read, naming the rule.
pub(in crate::probe) fn allow(policy: &Policy, path: &Path) -> Result<(), Unknown> {
    let why = match policy.access(path) {
        Access::Allowed => return Ok(()),
        Access::OutsideRoots => {
            "lies below none of the `[observe] roots` of the host's configuration"
        }
        Access::Denied => "is denied by a pattern of `[observe] deny` of the host's configuration",
    };
    Err(Unknown::new(Reason::NotAllowed, format!("`{}` {why}", shown_path(path))))
}

/// Refuses a fact: what is denied stays denied, and a host that opens nothing opens no facts either.
fn allow_facts(policy: &Policy, path: &Path) -> Result<(), Unknown> {
    if policy.facts(path) {
        return Ok(());
    }
    let path = shown_path(path);
    let detail = if policy.opens_nothing() {
        format!("`{path}`: the host's configuration opens nothing at all (`[observe] roots`)")
    } else {
        format!("`{path}` is denied by a pattern of `[observe] deny` of the host's configuration")
    };
    Err(Unknown::new(Reason::NotAllowed, detail))
}

impl Spot {
    fn stat(&self) -> Result<Option<Stat>, Unknown> {
        let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT;
        match rustix::fs::statat(&self.dir, &self.name, flags) {
            Ok(stat) => Stat::of(&stat).map(Some),
            Err(rustix::io::Errno::NOENT) => Ok(None),
            Err(error) => Err(failed(error, &self.path)),
        }
    }
}

#[cfg(test)]
mod tests;
