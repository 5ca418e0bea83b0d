//! How old a file is, and which place a chain of links leads to.

use std::os::fd::AsFd as _;
use std::path::{Component, Path, PathBuf};

use rustix::fs::AtFlags;
use rustix::io::Errno;

use super::resolve::{self, Follow, Located, Spot};
use super::{Host, Links, Stat, failed};
use crate::model::Unknown;

/// The attributes of what stands at a path, and when its content was last changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dated {
    /// Its attributes.
    pub stat: Stat,
    /// Seconds since 1970 and nanoseconds.
    pub modified: (i64, u64),
}

/// Where a path leads in the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The path without links. Where nothing is there, as far as the way is known.
    pub path: PathBuf,
    /// Does anything stand there?
    pub exists: bool,
}

impl Host {
    /// The attributes and the age of what stands at an absolute path, links not followed; `None` when nothing does.
    ///
    /// # Errors
    /// Unknown, when that cannot be told.
    pub fn dated(&self, path: &Path, links: Links) -> Result<Option<Dated>, Unknown> {
        let Some(spot) = self.find(path, links)? else { return Ok(None) };
        let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT;
        match rustix::fs::statat(&spot.dir, &spot.name, flags) {
            Ok(kernel) => Ok(Some(Dated {
                stat: Stat::of(&kernel)?,
                modified: (kernel.st_mtime, kernel.st_mtime_nsec),
            })),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(failed(error, &spot.path)),
        }
    }

    /// Follows every link of a path, the last one included, without ever leaving the root: an absolute target starts at
    /// the root of the host, and `..` ends there.
    ///
    /// # Errors
    /// Unknown, when that cannot be told, when the way has more links than the kernel would follow, or when it leads to a
    /// place that must not be read.
    pub fn follow(&self, path: &Path) -> Result<Place, Unknown> {
        self.allow(path)?;
        match resolve::locate(self.root.as_fd(), path, Follow::Everything)? {
            Located::Absent(path) => {
                // A `..` below what does not exist leads nowhere: only the way up to it is known.
                let known = path.components().take_while(|c| !matches!(c, Component::ParentDir));
                let path: PathBuf = known.collect();
                self.allow(&path)?;
                Ok(Place { path, exists: false })
            }
            Located::At(Spot { path, .. }) => {
                self.allow(&path)?;
                Ok(Place { path, exists: true })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::config::Policy;

    #[test]
    fn links_are_followed_within_the_root_only() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let at = |path: &str| folder.path().join(path);
        std::fs::create_dir_all(at("opt/app")).expect("a folder");
        std::fs::write(at("opt/app/f"), "x").expect("a file");
        for (link, target) in [
            ("abs", "/opt/app/f"),
            ("chain", "abs"),
            ("out", "../../../../opt/app"),
            ("gone", "/opt/none/below"),
            ("odd", "opt/none/../../../etc"),
            ("below-file", "opt/app/f/x"),
            ("loop", "loop"),
        ] {
            symlink(target, at(link)).expect("a link");
        }
        let host = Host::open(folder.path(), Policy::everything()).expect("a root");
        let place = |path: &str, exists| Ok(Place { path: path.into(), exists });
        for (link, expected) in [
            ("/abs", place("/opt/app/f", true)),
            ("/chain", place("/opt/app/f", true)),
            ("/out", place("/opt/app", true)),
            ("/gone", place("/opt/none/below", false)),
            ("/odd", place("/opt/none", false)),
            ("/below-file", place("/opt/app/f/x", false)),
        ] {
            assert_eq!(host.follow(Path::new(link)), expected, "{link}");
        }
        let looped = host.follow(Path::new("/loop")).map_err(|u| u.reason.to_string());
        assert_eq!(looped, Err("io_error".to_owned()));
        let roots = [PathBuf::from("/abs")];
        let host = Host::open(folder.path(), Policy::new(&roots, &[], &[]).expect("a policy"));
        let refused = host.expect("a root").follow(Path::new("/abs"));
        assert_eq!(refused.map_err(|u| u.reason.to_string()), Err("not_allowed".to_owned()));
    }
}
