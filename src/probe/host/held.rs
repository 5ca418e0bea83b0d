//! A name in a folder that is held open: looked at, and changed by `execute`, through one descriptor.
//!
//! Whoever looks and then changes by path may change something else. Here the folder cannot be swapped in between, and the
//! name in it is never followed.

use std::ffi::CStr;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::path::Path;

use rustix::fs::AtFlags;
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
