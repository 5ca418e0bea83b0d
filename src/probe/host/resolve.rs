//! From a path to a directory descriptor and one last name, beneath the root.
//!
//! The last name is never looked up here unless links at the end are to be followed; everything before it is held by a
//! descriptor afterwards, so that a directory swapped later is not the one that is read.

use std::ffi::{CString, OsStr, OsString};
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Component, Path, PathBuf};

use rustix::fs::{FileType, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

use super::failed;
use crate::model::display::escape_bytes;
use crate::model::{Reason, Unknown, shown_path};

/// As many links as the kernel follows in one path.
const LINKS_MAX: usize = 40;
/// As many folders may be open on the way to one path.
const DEPTH_MAX: usize = 256;

/// May links be followed on the way to a path? Never at its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Links {
    /// A link in the middle of the path is Unknown (`symlink_on_path`).
    #[default]
    Refuse,
    /// Links on the way are followed, beneath the root; where they lead must be allowed as well.
    Through,
}

impl Links {
    /// What `through_links` of a resource says.
    #[must_use]
    pub const fn through(through_links: bool) -> Self {
        if through_links { Self::Through } else { Self::Refuse }
    }
}

/// Which links are followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Follow {
    /// None: a link on the way is an answer of its own.
    Nothing,
    /// Those before the last name.
    OnTheWay,
    /// Those at the end as well.
    Everything,
}

/// Where a path leads.
#[derive(Debug)]
pub(super) enum Located {
    /// A folder of the path is proven not to exist. The path is the resolved one.
    Absent(PathBuf),
    /// The folder exists; whether the last name does was not asked.
    At(Spot),
}

impl Located {
    pub(super) fn spot(self) -> Option<Spot> {
        match self {
            Self::Absent(_) => None,
            Self::At(spot) => Some(spot),
        }
    }
}

/// A name in an open folder.
#[derive(Debug)]
pub(super) struct Spot {
    pub(super) dir: OwnedFd,
    pub(super) name: CString,
    /// The path after all links on the way.
    pub(super) path: PathBuf,
}

/// Finds the folder of `path`, which is absolute as the managed host knows it.
pub(super) fn locate(
    root: BorrowedFd<'_>,
    path: &Path,
    follow: Follow,
) -> Result<Located, Unknown> {
    let names = names(path)?;
    if follow == Follow::Nothing
        && let Some(located) = at_once(root, path, &names)?
    {
        return Ok(located);
    }
    step_by_step(root, path, names, follow)
}

/// The names of a path, refused where they could mean another place than they say.
fn names(path: &Path) -> Result<Vec<OsString>, Unknown> {
    let refuse =
        |why: &str| Err(Unknown::new(Reason::NotAllowed, format!("`{}` {why}", shown_path(path))));
    let mut names = Vec::new();
    let mut absolute = false;
    for component in path.components() {
        match component {
            Component::RootDir => absolute = true,
            Component::Normal(name) => names.push(name.to_owned()),
            _ => return refuse("is relative, or has a `..` in it"),
        }
    }
    if !absolute {
        return refuse("is relative, or has a `..` in it");
    }
    if names.iter().any(|name| name.as_bytes().contains(&0)) {
        return refuse("has a NUL byte in it");
    }
    Ok(names)
}

/// One `openat2` for the whole way. `None` whenever it has no plain answer: then going step by step finds the reason.
fn at_once(
    root: BorrowedFd<'_>,
    path: &Path,
    names: &[OsString],
) -> Result<Option<Located>, Unknown> {
    let Some((last, way)) = names.split_last() else { return Ok(None) };
    let way: PathBuf = if way.is_empty() { ".".into() } else { way.iter().collect() };
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    match rustix::fs::openat2(root, way, flags, Mode::empty(), resolve) {
        Ok(dir) => {
            let name = c_name(last, path)?;
            Ok(Some(Located::At(Spot { dir, name, path: path.to_owned() })))
        }
        Err(Errno::NOENT) => Ok(Some(Located::Absent(path.to_owned()))),
        Err(_) => Ok(None),
    }
}

/// Opens every folder in turn: for kernels without `openat2`, for links to follow, and to say what stands in the way.
pub(super) fn step_by_step(
    root: BorrowedFd<'_>,
    path: &Path,
    mut names: Vec<OsString>,
    follow: Follow,
) -> Result<Located, Unknown> {
    names.reverse();
    Way { root, path, open: Vec::new(), todo: names, links: 0, follow }.go()
}

struct Way<'a> {
    root: BorrowedFd<'a>,
    /// The path that was asked for.
    path: &'a Path,
    /// The folders entered so far.
    open: Vec<(OsString, OwnedFd)>,
    /// The names to come, the next one last.
    todo: Vec<OsString>,
    links: usize,
    follow: Follow,
}

impl Way<'_> {
    fn go(mut self) -> Result<Located, Unknown> {
        while let Some(name) = self.todo.pop() {
            if name == ".." {
                self.open.pop();
            } else if self.todo.is_empty() && self.follow != Follow::Everything {
                return self.spot(&name);
            } else if let Some(located) = self.enter(name)? {
                return Ok(located);
            }
        }
        self.spot(OsStr::new("."))
    }

    /// Enters a folder, or turns into the way a link points; an answer ends the way.
    fn enter(&mut self, name: OsString) -> Result<Option<Located>, Unknown> {
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let here = match rustix::fs::openat(self.dir(), &name, flags, Mode::empty()) {
            Ok(here) => here,
            Err(Errno::NOENT) => return Ok(Some(Located::Absent(self.reached(&name)))),
            Err(error) => return Err(failed(error, &self.reached(&name))),
        };
        let stat = rustix::fs::fstat(&here).map_err(|e| failed(e, &self.reached(&name)))?;
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory if self.open.len() >= DEPTH_MAX => Err(Unknown::new(
                Reason::TooLarge,
                format!("`{}` lies deeper than {DEPTH_MAX} folders", shown_path(self.path)),
            )),
            FileType::Directory => {
                self.open.push((name, here));
                Ok(None)
            }
            FileType::Symlink => self.turn(&here, &name).map(|()| None),
            // Only the last name may be something else; below a file there is nothing, and the kernel says so.
            _ if self.todo.is_empty() => self.spot(&name).map(Some),
            _ => Ok(Some(Located::Absent(self.reached(&name)))),
        }
    }

    fn turn(&mut self, link: &OwnedFd, name: &OsStr) -> Result<(), Unknown> {
        let at = self.reached_only(name);
        let target = rustix::fs::readlinkat(link, "", Vec::new()).map_err(|e| failed(e, &at))?;
        let target = target.to_bytes();
        if self.follow == Follow::Nothing {
            let (at, target) = (shown_path(&at), escape_bytes(target));
            return Err(Unknown::new(
                Reason::SymlinkOnPath,
                format!(
                    "`{at}` is a link to `{target}`; `through_links = true` lets this resource look through it"
                ),
            ));
        }
        self.links += 1;
        if self.links > LINKS_MAX {
            return Err(Unknown::new(
                Reason::IoError,
                format!("more than {LINKS_MAX} links on the way to `{}`", shown_path(self.path)),
            ));
        }
        if target.starts_with(b"/") {
            self.open.clear();
        }
        let names = target.split(|c| *c == b'/').filter(|name| !matches!(*name, b"" | b"."));
        self.todo.extend(names.rev().map(|name| OsString::from_vec(name.to_vec())));
        Ok(())
    }

    fn dir(&self) -> BorrowedFd<'_> {
        self.open.last().map_or(self.root, |(_, dir)| dir.as_fd())
    }

    fn spot(&self, name: &OsStr) -> Result<Located, Unknown> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let path = if name == "." { self.folder() } else { self.reached_only(name) };
        let dir = rustix::fs::openat(self.dir(), ".", flags, Mode::empty())
            .map_err(|e| failed(e, &path))?;
        Ok(Located::At(Spot { dir, name: c_name(name, &path)?, path }))
    }

    fn folder(&self) -> PathBuf {
        let mut path = PathBuf::from("/");
        path.extend(self.open.iter().map(|(name, _)| name));
        path
    }

    fn reached_only(&self, name: &OsStr) -> PathBuf {
        self.folder().join(name)
    }

    /// Where the whole way leads, as far as is known: links among the names to come were not looked at.
    fn reached(&self, name: &OsStr) -> PathBuf {
        let mut path = self.reached_only(name);
        path.extend(self.todo.iter().rev());
        path
    }
}

fn c_name(name: &OsStr, path: &Path) -> Result<CString, Unknown> {
    CString::new(name.as_bytes()).map_err(|_| {
        Unknown::new(Reason::NotAllowed, format!("`{}` has a NUL byte in it", shown_path(path)))
    })
}
