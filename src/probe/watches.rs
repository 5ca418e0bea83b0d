//! Folders of which the kernel says when something in them changes. Hints and no more: events get lost, some file systems send
//! none, and nothing is concluded from one but that somebody should look.
//!
//! A file is watched through the folder that it lies in, since a file that is renamed over another takes its own watch away.
//! Folders are opened as every look opens them: beneath the root, following no link, where `[observe]` allows it.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};
use rustix::fs::{Dir, FileType, Mode, OFlags};
use rustix::io::Errno;

use super::host::{Contents, Host, Links};
use crate::model::shown_path;

/// So many folders are watched at most.
pub const FOLDERS_MAX: usize = 50_000;
/// Folders deeper than this below a watched one are not.
const DEPTH_MAX: usize = 64;
/// So many events are taken at once.
const EVENTS_MAX: usize = 4096;
/// What is read of the kernel at once.
const BUFFER_BYTES: usize = 16 << 10;

/// A place on the host that somebody wants to hear of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Wanted {
    /// Its path, as the managed host knows it.
    pub path: PathBuf,
    /// As what.
    pub how: How,
}

/// As what a place is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum How {
    /// The place itself, and of a folder the names in it.
    Itself,
    /// With everything below it.
    Below,
    /// As [`How::Itself`], where this program knows that the system keeps facts about itself, which `[observe] roots` need not
    /// name. Where that cannot be watched nobody has asked for it.
    Fact,
}

/// The watches of one instance of the kernel's.
#[derive(Debug)]
pub struct Watches {
    fd: OwnedFd,
    folders: BTreeMap<i32, Names>,
    /// Why some places are not watched: the first reason.
    unwatched: Option<String>,
    /// A folder that is not watched, wherever it is met, by its device and inode.
    except: Option<(u64, u64)>,
}

/// Which names in a folder are of interest.
#[derive(Debug)]
enum Names {
    All,
    These(BTreeSet<OsString>),
}

/// What was heard since the last time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Heard {
    /// Something of interest changed, or could have.
    pub news: bool,
    /// Folders came or went, so that the watches are not those that they should be.
    pub folders: bool,
    /// The kernel had more to say than there was room for.
    pub overflow: bool,
}

/// What became of a folder that was to be watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Added {
    Watched,
    Own,
}

/// Is there more to hear at once?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rest {
    /// The kernel is silent.
    Silence,
    /// It is not.
    More,
}

impl Heard {
    const ANYTHING: Self = Self { news: true, folders: true, overflow: true };
}

impl Watches {
    fn new() -> io::Result<Self> {
        let fd = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?;
        Ok(Self { fd, folders: BTreeMap::new(), unwatched: None, except: None })
    }

    /// Watches places of a host, without `own`, the folder in which this program itself writes: who hears what he says
    /// never rests. May take long, where there are many folders or a dead mount.
    ///
    /// # Errors
    /// When the kernel watches nothing for this user any more.
    pub fn of_host(host: &Host, wanted: &BTreeSet<Wanted>, own: &Path) -> io::Result<Self> {
        let mut watches = Self::new()?;
        watches.except = rustix::fs::stat(own).ok().map(|own| (own.st_dev, own.st_ino));
        for one in wanted {
            match one.how {
                How::Fact => watches.fact(host, &one.path),
                How::Itself | How::Below => watches.place(host, one),
            }
        }
        Ok(watches)
    }

    /// Watches the references of a repository, which lies where the operator said and belongs to no managed host.
    ///
    /// # Errors
    /// When that cannot be done; then it has to be asked in turn.
    pub fn of_references(git_folder: &Path) -> io::Result<Self> {
        let mut watches = Self::new()?;
        let open = |path: &Path| {
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
            rustix::fs::open(path, flags, Mode::empty())
        };
        // An index or an object that is written moves no branch.
        let names = ["HEAD", "packed-refs", "reftable", "refs"].map(OsString::from);
        watches.add(open(git_folder)?.as_fd(), Names::These(names.into()))?;
        for below in ["refs", "reftable"] {
            match open(&git_folder.join(below)) {
                Ok(folder) => watches.below(&folder, &git_folder.join(below), 0),
                Err(Errno::NOENT) => {}
                Err(error) => return Err(error.into()),
            }
        }
        match watches.unwatched.take() {
            Some(why) => Err(io::Error::other(why)),
            None => Ok(watches),
        }
    }

    /// How many folders are watched.
    #[must_use]
    pub fn count(&self) -> usize {
        self.folders.len()
    }

    /// Why some places are not watched, if any are not.
    #[must_use]
    pub fn unwatched(&self) -> Option<&str> {
        self.unwatched.as_deref()
    }

    /// Takes what the kernel has to say. Does not wait.
    #[must_use]
    pub fn heard(&self) -> (Heard, Rest) {
        let mut heard = Heard::default();
        let mut buffer = [MaybeUninit::uninit(); BUFFER_BYTES];
        let mut reader = inotify::Reader::new(&self.fd, &mut buffer);
        // Whoever never stops talking must not keep the listener from everything else.
        for _ in 0..EVENTS_MAX {
            let event = match reader.next() {
                Ok(event) => event,
                Err(Errno::INTR) => continue,
                Err(Errno::AGAIN) => return (heard, Rest::Silence),
                // Whatever that is: it is not known what happened.
                Err(_) => return (Heard::ANYTHING, Rest::Silence),
            };
            let what = event.events();
            // An event without a place, which whoever goes by places would lose.
            if what.contains(ReadFlags::QUEUE_OVERFLOW) {
                heard = Heard::ANYTHING;
                continue;
            }
            let name = event.file_name().map(|name| OsStr::from_bytes(name.to_bytes()));
            let of_interest = match (self.folders.get(&event.wd()), name) {
                (Some(Names::These(names)), Some(name)) => names.contains(name),
                (Some(_), _) => true,
                (None, _) => false,
            };
            if !of_interest {
                continue;
            }
            heard.news = true;
            let came_or_went =
                ReadFlags::CREATE | ReadFlags::MOVED_TO | ReadFlags::MOVED_FROM | ReadFlags::DELETE;
            let itself = ReadFlags::DELETE_SELF
                | ReadFlags::MOVE_SELF
                | ReadFlags::IGNORED
                | ReadFlags::UNMOUNT;
            heard.folders |= what.intersects(itself)
                || (what.contains(ReadFlags::ISDIR) && what.intersects(came_or_went));
        }
        (heard, Rest::More)
    }

    fn fact(&mut self, host: &Host, path: &Path) {
        // A hint of a hint: the scan finds what is not heard of here.
        if let Some(folder) = host.facts().directory(path) {
            let _ = self.add(folder.as_fd(), Names::All);
        }
        if let (Some(parent), Some(name)) = (path.parent(), path.file_name())
            && let Some(folder) = host.facts().directory(parent)
        {
            let _ = self.add(folder.as_fd(), Names::These([name.to_owned()].into()));
        }
    }

    fn place(&mut self, host: &Host, wanted: &Wanted) {
        match host.directory(&wanted.path, Links::Refuse) {
            Ok((Contents::Regular(_, folder), _)) if wanted.how == How::Below => {
                self.below(&folder, &wanted.path, 0);
            }
            Ok((Contents::Regular(_, folder), _)) => {
                if let Err(error) = self.add(folder.as_fd(), Names::All) {
                    self.note(&wanted.path, &error);
                }
            }
            Ok(_) => {}
            Err(why) => self.note(&wanted.path, &why.detail),
        }
        // Also its folder: that it comes, goes, or is replaced. Where that is missing too, the next one that is there.
        let mut below = wanted.path.as_path();
        while let (Some(parent), Some(name)) = (below.parent(), below.file_name()) {
            let opened = if parent.parent().is_none() {
                rustix::io::fcntl_dupfd_cloexec(&host.root, 3).map_err(|e| e.to_string()).map(Some)
            } else {
                match host.directory(parent, Links::Refuse) {
                    Ok((Contents::Regular(_, folder), _)) => Ok(Some(folder)),
                    Ok((Contents::Absent, _)) => Ok(None),
                    Ok(_) => return,
                    // The folder above what may be looked at is not to be looked at.
                    Err(why) if why.reason == crate::model::Reason::NotAllowed => return,
                    Err(why) => Err(why.detail),
                }
            };
            match opened {
                Ok(Some(folder)) => {
                    let names = Names::These([name.to_owned()].into());
                    if let Err(error) = self.add(folder.as_fd(), names) {
                        self.note(parent, &error);
                    }
                    return;
                }
                Ok(None) => below = parent,
                Err(why) => return self.note(parent, &why),
            }
        }
    }

    /// Watches a folder and those in it.
    fn below(&mut self, folder: &OwnedFd, path: &Path, depth: usize) {
        // First the watch, then the list: what comes in between is heard of.
        match self.add(folder.as_fd(), Names::All) {
            Ok(Added::Watched) => {}
            Ok(Added::Own) => return,
            Err(error) => return self.note(path, &error),
        }
        if depth >= DEPTH_MAX {
            return self.note(path, &format!("folders deeper than {DEPTH_MAX} are not watched"));
        }
        let entries = match Dir::read_from(folder) {
            Ok(entries) => entries,
            Err(error) => return self.note(path, &error),
        };
        for entry in entries {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => return self.note(path, &error),
            };
            let name = entry.file_name();
            let may_be_one = matches!(entry.file_type(), FileType::Directory | FileType::Unknown);
            if !may_be_one || matches!(name.to_bytes(), b"." | b"..") {
                continue;
            }
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let within = path.join(OsStr::from_bytes(name.to_bytes()));
            match rustix::fs::openat(folder, name, flags, Mode::empty()) {
                Ok(inner) => self.below(&inner, &within, depth + 1),
                Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => {}
                Err(error) => self.note(&within, &error),
            }
        }
    }

    fn add(&mut self, folder: BorrowedFd<'_>, names: Names) -> io::Result<Added> {
        if self.folders.len() >= FOLDERS_MAX {
            return Err(io::Error::other(format!("more than {FOLDERS_MAX} folders")));
        }
        let what = WatchFlags::ATTRIB
            | WatchFlags::MODIFY
            | WatchFlags::CREATE
            | WatchFlags::DELETE
            | WatchFlags::DELETE_SELF
            | WatchFlags::MOVE_SELF
            | WatchFlags::MOVED_FROM
            | WatchFlags::MOVED_TO
            | WatchFlags::ONLYDIR;
        if self.except.is_some() {
            let there = rustix::fs::fstat(folder)?;
            if self.except == Some((there.st_dev, there.st_ino)) {
                return Ok(Added::Own);
            }
        }
        // The folder that is open, and not whatever has its name by now.
        let path = format!("/proc/self/fd/{}", folder.as_raw_fd());
        let watch = inotify::add_watch(&self.fd, path, what).map_err(|error| match error {
            Errno::NOSPC => io::Error::other(
                "the kernel watches no more folders for this user (fs.inotify.max_user_watches)",
            ),
            error => error.into(),
        })?;
        match (self.folders.get_mut(&watch), names) {
            (Some(Names::All), _) => {}
            (Some(Names::These(there)), Names::These(more)) => there.extend(more),
            (_, names) => drop(self.folders.insert(watch, names)),
        }
        Ok(Added::Watched)
    }

    fn note(&mut self, path: &Path, why: &dyn std::fmt::Display) {
        self.unwatched.get_or_insert_with(|| format!("`{}`: {why}", shown_path(path)));
    }
}

impl AsFd for Watches {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl std::os::fd::AsRawFd for Watches {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::config::Policy;

    fn watched(root: &Path, wanted: &[(&str, bool)]) -> Watches {
        let host = Host::open(root, Policy::everything()).expect("a root");
        let how = |below| if below { How::Below } else { How::Itself };
        let of = |(path, below): &(&str, bool)| Wanted { path: path.into(), how: how(*below) };
        let wanted = wanted.iter().map(of).collect();
        let watches = Watches::of_host(&host, &wanted, &root.join("var/own")).expect("inotify");
        assert_eq!(watches.unwatched(), None);
        watches
    }

    fn heard(watches: &Watches) -> Heard {
        watches.heard().0
    }

    #[test]
    fn a_file_that_is_replaced_written_or_removed_is_heard_of() {
        let root = tempfile::tempdir().expect("a folder");
        let at = |name: &str| root.path().join(name);
        fs::create_dir(at("etc")).expect("made");
        fs::write(at("etc/app.conf"), "1").expect("written");
        let watches = watched(root.path(), &[("/etc/app.conf", false)]);
        assert_eq!(heard(&watches), Heard::default());
        fs::write(at("etc/other"), "noise").expect("written");
        assert!(!heard(&watches).news, "what lies beside it is nobody's business");
        let deeds: [&dyn Fn() -> io::Result<()>; 4] = [
            &|| fs::write(at("etc/app.conf"), "2"),
            &|| {
                fs::write(at("etc/new"), "3")
                    .and_then(|()| fs::rename(at("etc/new"), at("etc/app.conf")))
            },
            &|| fs::remove_file(at("etc/app.conf")),
            &|| fs::write(at("etc/app.conf"), "4"),
        ];
        for (n, deed) in deeds.iter().enumerate() {
            deed().expect("done");
            assert!(heard(&watches).news, "deed {n}");
        }
    }

    #[test]
    fn below_a_tree_everything_is_heard_of_and_new_folders_are_said() {
        let root = tempfile::tempdir().expect("a folder");
        let at = |name: &str| root.path().join(name);
        fs::create_dir_all(at("opt/app/a/b")).expect("made");
        std::os::unix::fs::symlink("/", at("opt/app/out")).expect("linked");
        let watches = watched(root.path(), &[("/opt/app", true)]);
        assert_eq!(watches.count(), 4, "three folders and the one above; no link is followed");
        fs::write(at("opt/app/a/b/f"), "1").expect("written");
        assert_eq!(heard(&watches), Heard { news: true, ..Heard::default() });
        fs::create_dir(at("opt/app/a/c")).expect("made");
        assert!(heard(&watches).folders);
    }

    #[test]
    fn facts_are_heard_of_where_nothing_else_may_be_looked_at() {
        let root = tempfile::tempdir().expect("a folder");
        let at = |name: &str| root.path().join(name);
        fs::create_dir_all(at("etc/cron.d")).expect("made");
        fs::write(at("etc/passwd"), "1").expect("written");
        let policy = Policy::new(&["/srv".into()], &[], &[]).expect("a policy");
        let host = Host::open(root.path(), policy).expect("a root");
        let of = |path: &str| Wanted { path: path.into(), how: How::Fact };
        let wanted = ["/etc/passwd", "/etc/cron.d", "/var/lib/dpkg/status"].map(of).into();
        let watches = Watches::of_host(&host, &wanted, &at("own")).expect("inotify");
        assert_eq!(watches.unwatched(), None);
        fs::write(at("etc/other"), "noise").expect("written");
        assert!(!heard(&watches).news);
        for (new, place) in [("etc/passwd+", "etc/passwd"), ("etc/new", "etc/cron.d/app")] {
            fs::write(at(new), "2").and_then(|()| fs::rename(at(new), at(place))).expect("put");
            assert!(heard(&watches).news, "{place}");
        }
    }

    #[test]
    fn what_this_program_writes_itself_wakes_nobody() {
        let root = tempfile::tempdir().expect("a folder");
        fs::create_dir_all(root.path().join("var/own/watch")).expect("made");
        let watches = watched(root.path(), &[("/var", true), ("/var/own", true)]);
        fs::write(root.path().join("var/own/watch/status.json"), "x").expect("written");
        assert!(!heard(&watches).news);
    }

    #[test]
    fn what_is_not_there_yet_is_awaited_where_it_would_come() {
        let root = tempfile::tempdir().expect("a folder");
        let watches = watched(root.path(), &[("/var/lib/app/runs", false)]);
        fs::create_dir(root.path().join("var")).expect("made");
        assert_eq!(heard(&watches), Heard { news: true, folders: true, ..Heard::default() });
    }

    #[test]
    fn a_branch_that_moves_is_heard_of_and_an_index_is_not() {
        let folder = tempfile::tempdir().expect("a folder");
        git2::Repository::init(folder.path()).expect("a repository");
        let git = folder.path().join(".git");
        let watches = Watches::of_references(&git).expect("watched");
        fs::write(git.join("index.lock"), "x").expect("written");
        assert!(!heard(&watches).news);
        fs::write(git.join("refs/heads/main"), "x").expect("written");
        assert!(heard(&watches).news);
    }
}
