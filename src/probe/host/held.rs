//! A name in a folder that is held open: looked at, and changed by `execute`, through one descriptor.
//!
//! Whoever looks and then changes by path may change something else. Here the folder cannot be swapped in between, and the
//! name in it is never followed.

use std::ffi::{CStr, CString, OsStr};
use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path};

use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;

use super::content;
use super::resolve::Spot;
use super::{Contents, FileType, Host, Links, Opener, Stat, failed};
use crate::action::{Depth, Inode, PathState};
use crate::model::{Decimal, Digest, Reason, Unknown, shown_path};
use crate::probe::cancel::Cancel;

/// How often a path is looked at that changes meanwhile.
const ATTEMPTS_MAX: usize = 3;

/// A name in an open folder beneath the root of the host.
#[derive(Debug)]
pub struct Held {
    spot: Spot,
}

impl Host {
    /// Opens the folder of a path, no link followed; `None` when it does not exist.
    ///
    /// # Errors
    /// Unknown, when that cannot be told, or when the path may not be looked at.
    pub fn hold(&self, path: &Path) -> Result<Option<Held>, Unknown> {
        Ok(self.find(path, Links::Refuse)?.map(|spot| Held { spot }))
    }

    /// The same, where every folder on the way belongs to one of `owners` and can be written by nobody else: otherwise the
    /// one who can write it could put something else in the place of what is looked at.
    ///
    /// # Errors
    /// Unknown, when that cannot be told, or is not so.
    pub fn hold_owned(&self, path: &Path, owners: &[u32]) -> Result<Option<Held>, Unknown> {
        let Some(held) = self.hold(path)? else { return Ok(None) };
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut at = std::path::PathBuf::from("/");
        let mut folder = rustix::fs::openat(&self.root, ".", flags, Mode::empty());
        let mut parts = path.parent().into_iter().flat_map(Path::components);
        loop {
            let opened = folder.map_err(|error| failed(error, &at))?;
            let stat = rustix::fs::fstat(&opened).map_err(|error| failed(error, &at))?;
            if !owners.contains(&stat.st_uid) || stat.st_mode & 0o022 != 0 {
                let (at, mode) = (shown_path(&at), stat.st_mode & 0o7777);
                let detail = format!(
                    "others could change `{at}` (owner {}, mode {mode:04o}), and with it what stands below",
                    stat.st_uid
                );
                return Err(Unknown::new(Reason::NotAllowed, detail));
            }
            let Some(part) = parts.find(|part| matches!(part, Component::Normal(_))) else {
                let own = rustix::fs::fstat(held.folder()).map_err(|error| failed(error, &at))?;
                // The folder that was looked at is the one that is held.
                if (own.st_dev, own.st_ino) == (stat.st_dev, stat.st_ino) {
                    return Ok(Some(held));
                }
                let detail = format!("`{}` was replaced while it was looked at", shown_path(&at));
                return Err(Unknown::new(Reason::ChangedWhileReading, detail));
            };
            at.push(part);
            folder = rustix::fs::openat(&opened, part.as_os_str(), flags, Mode::empty());
        }
    }

    /// What stands at a path, exactly; a folder on the way that does not exist means that nothing does.
    ///
    /// # Errors
    /// Unknown, when that cannot be told.
    pub fn state(&self, path: &Path, depth: Depth, cancel: &Cancel) -> Result<PathState, Unknown> {
        match self.hold(path)? {
            Some(held) => held.state(depth, cancel),
            None => Ok(PathState::Absent),
        }
    }
}

impl Held {
    /// The folder.
    #[must_use]
    pub fn folder(&self) -> BorrowedFd<'_> {
        self.spot.dir.as_fd()
    }

    /// Another name in the same folder.
    ///
    /// # Errors
    /// Unknown, when the folder cannot be held once more.
    pub fn beside(&self, name: CString) -> Result<Self, Unknown> {
        let dir = self.spot.dir.try_clone().map_err(|error| {
            let detail = format!("`{}`: {error}", shown_path(&self.spot.path));
            Unknown::new(Reason::IoError, detail)
        })?;
        let path = self.spot.path.with_file_name(OsStr::from_bytes(name.as_bytes()));
        Ok(Self { spot: Spot { dir, name, path } })
    }

    /// The name in it.
    #[must_use]
    pub fn name(&self) -> &CStr {
        &self.spot.name
    }

    /// The whole path, for messages.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.spot.path
    }

    /// What stands there now.
    ///
    /// # Errors
    /// Unknown, when that cannot be told, or when it changes while it is looked at.
    pub fn state(&self, depth: Depth, cancel: &Cancel) -> Result<PathState, Unknown> {
        for _ in 0..ATTEMPTS_MAX {
            let Some(before) = self.stat()? else { return Ok(PathState::Absent) };
            let seen = self.seen(&before, depth, cancel)?;
            let after = self.stat()?;
            if after.is_some_and(|after| stamp(&after) == stamp(&before)) {
                return Ok(seen);
            }
        }
        let detail = format!("`{}` changes while it is looked at", shown_path(&self.spot.path));
        Err(Unknown::new(Reason::ChangedWhileReading, detail))
    }

    fn stat(&self) -> Result<Option<rustix::fs::Stat>, Unknown> {
        let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT;
        match rustix::fs::statat(&self.spot.dir, &self.spot.name, flags) {
            Ok(stat) => Ok(Some(stat)),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(failed(error, &self.spot.path)),
        }
    }

    fn seen(
        &self,
        kernel: &rustix::fs::Stat,
        depth: Depth,
        cancel: &Cancel,
    ) -> Result<PathState, Unknown> {
        let stat = Stat::of(kernel)?;
        let (uid, gid) = (Decimal::from(stat.uid), Decimal::from(stat.gid));
        let inode = Inode { device: Decimal(kernel.st_dev), number: Decimal(kernel.st_ino) };
        let (mode, inode) = (stat.mode, Some(inode));
        Ok(match stat.file_type {
            FileType::Directory => {
                let empty = match depth {
                    Depth::Attributes => None,
                    Depth::Content => content::is_empty(&Opener::across_mounts(), &self.spot)?,
                };
                PathState::Directory { uid, gid, mode, empty, inode }
            }
            FileType::File => {
                let sha256 = match depth {
                    Depth::Attributes => None,
                    Depth::Content => self.hash(cancel)?,
                };
                let links = Decimal(kernel.st_nlink);
                PathState::File { uid, gid, mode, links, sha256, inode }
            }
            FileType::Symlink => PathState::Symlink { uid, gid, target: self.target()?, inode },
            other => PathState::Other { file_type: other.name().to_owned() },
        })
    }

    /// `None` when something else stands there by now; the attributes that are compared afterwards say so.
    fn hash(&self, cancel: &Cancel) -> Result<Option<Digest>, Unknown> {
        match content::hash(&Opener::across_mounts(), &self.spot, cancel)? {
            Contents::Regular(_, digest) => Ok(Some(digest)),
            Contents::Absent | Contents::Other(_) => Ok(None),
        }
    }

    fn target(&self) -> Result<String, Unknown> {
        let target = rustix::fs::readlinkat(&self.spot.dir, &self.spot.name, Vec::new())
            .map_err(|error| failed(error, &self.spot.path))?;
        target.into_string().map_err(|_| {
            let detail = format!("the link `{}` is not UTF-8", shown_path(&self.spot.path));
            Unknown::new(Reason::NotSupported, detail)
        })
    }
}

/// What a change of what stands there moves.
fn stamp(stat: &rustix::fs::Stat) -> impl PartialEq + use<> {
    (stat.st_dev, stat.st_ino, stat.st_ctime, stat.st_ctime_nsec, stat.st_mode, stat.st_size)
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;
    use crate::config::Policy;
    use crate::model::Mode;

    #[test]
    fn every_type_is_told_with_what_identifies_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        std::fs::create_dir(path("d")).expect("made");
        std::fs::write(path("d/f"), "abc").expect("made");
        std::fs::set_permissions(path("d/f"), Permissions::from_mode(0o4640)).expect("set");
        symlink("f", path("d/l")).expect("made");
        let host = Host::open(folder.path(), Policy::everything()).expect("a root");
        let state = |path: &str, depth| host.state(Path::new(path), depth, &Cancel::default());
        let told = |path: &str, depth| state(path, depth).expect("told");
        assert_eq!(told("/none/x", Depth::Content), PathState::Absent);
        assert_eq!(told("/d/none", Depth::Content), PathState::Absent);
        let PathState::File { mode, sha256, inode, links, .. } = told("/d/f", Depth::Content)
        else {
            panic!("a file")
        };
        assert_eq!((mode, links), (Mode::from_bits(0o4640), Decimal(1)));
        assert_eq!(sha256, Some(Digest::of(b"abc")));
        assert_eq!(inode, told("/d/f", Depth::Attributes).inode());
        let PathState::Directory { empty, .. } = told("/d", Depth::Content) else {
            panic!("a directory")
        };
        assert_eq!(empty, Some(false));
        assert!(
            matches!(told("/d/l", Depth::Content), PathState::Symlink { target, .. } if target == "f")
        );
        assert!(state("/d/l/x", Depth::Content).is_err(), "nothing goes through a link");
    }
}
