//! Narrows the controller itself, before it starts a thread: it reads where it has to look, writes in its own folders, and has
//! no call that changes anything else. For good, and for everything that it starts.
//!
//! Unlike a command of `smoke` it keeps its user, its one capability, its sockets and its children. What the kernel is too old
//! to refuse is said, never passed over: [`Confinement::level`] stands in the status and among the metrics.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access as _, AccessFs, CompatLevel, Compatible as _, Ruleset, RulesetAttr as _,
    RulesetCreatedAttr as _, RulesetStatus, Scope, path_beneath_rules,
};
use rustix::fs::{AtFlags, CWD, Mode, OFlags};
use rustix::io::Errno;

use super::{SYSTEM, filter, refused};
use crate::model::{Reason, Unknown, shown_path};

/// What the controller reads of the system beside what every program needs: what the kernel says, what the package managers
/// and systemd keep, and the sockets by which they are asked.
const FACTS: &[&str] =
    &["/proc", "/sys", "/run", "/var/lib/dpkg", "/var/lib/rpm", "/var/spool/cron"];
/// A name that nobody has.
const CANARY: &str = ".countersign-canary";

/// Where the controller may go.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reach {
    /// What it reads: what desired state may make it read, its configuration, the repository.
    pub read: Vec<PathBuf>,
    /// The folders that it writes in, all its own. They have to be there.
    pub write: Vec<PathBuf>,
    /// A folder in which everybody may write, where a file is tried that must not come to be.
    pub canary: PathBuf,
}

/// How far the kernel narrowed this process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confinement {
    /// The version of Landlock that is in force; 0 is none.
    pub level: u32,
    /// Why there is less than was asked for.
    pub lacks: Option<String>,
}

/// Narrows this process for good. Call it while it has one thread: those that are there already are not narrowed.
///
/// # Errors
/// [`Reason::NotConfined`] where a step fails, and where a change that must fail does not.
pub fn confine(reach: &Reach) -> Result<Confinement, Unknown> {
    rustix::thread::set_no_new_privs(true)
        .map_err(refused("gaining rights could not be ruled out"))?;
    let level = restrict(reach)?;
    filter::install_for_controller()?;
    try_canary(&reach.canary)?;
    let newest = number(ABI::V6);
    let lacks = (level < newest).then(|| {
        format!("this kernel has version {level} of Landlock, of {newest} that are asked for")
    });
    Ok(Confinement { level, lacks })
}

impl Reach {
    /// The first place that `other` reads, or writes in, and who is confined to this cannot.
    #[must_use]
    pub fn beyond(&self, other: &Self) -> Option<PathBuf> {
        let (ours, theirs) = (self.folders(), other.folders());
        let unread =
            theirs.into_iter().find(|path| !ours.iter().any(|ours| path.starts_with(ours)));
        let written = |path: &&PathBuf| self.write.iter().any(|ours| path.starts_with(ours));
        unread.or_else(|| other.write.iter().find(|path| !written(path)).cloned())
    }

    /// What is opened for reading. A rule holds for the very folder that it was made for, and deployments put another one in
    /// its place; so it is made for the folder that holds it. Folders directly below `/` stay what they are.
    fn folders(&self) -> BTreeSet<PathBuf> {
        let system = SYSTEM.iter().chain(FACTS).map(PathBuf::from);
        system.chain(self.read.iter().map(|path| standing(path))).collect()
    }
}

/// The folder whose rule outlives that of `path` itself: the nearest one above it that is there, but for the root.
fn standing(path: &Path) -> PathBuf {
    let above = path.ancestors().skip(1).find(|above| above.is_dir());
    match above {
        Some(above) if above != Path::new("/") => above.to_owned(),
        _ => path.to_owned(),
    }
}

fn number(abi: ABI) -> u32 {
    // A newer one than is known here grants nothing that is asked for.
    abi as u32
}

/// Reading and executing in the places of `reach`, writing in its own folders. The first version of Landlock is demanded.
fn restrict(reach: &Reach) -> Result<u32, Unknown> {
    let restrict = || {
        Ruleset::default()
            .set_compatibility(CompatLevel::HardRequirement)
            .handle_access(AccessFs::from_all(ABI::V1))?
            .set_compatibility(CompatLevel::BestEffort)
            .handle_access(AccessFs::from_all(ABI::V5))?
            .scope(Scope::Signal)?
            .create()?
            .add_rules(path_beneath_rules(reach.folders(), AccessFs::from_read(ABI::V1)))?
            .add_rules(path_beneath_rules(["/dev/null"], AccessFs::from_file(ABI::V1)))?
            .add_rules(path_beneath_rules(&reach.write, AccessFs::from_all(ABI::V5)))?
            .restrict_self()
    };
    let status = restrict().map_err(refused("Landlock could not be set up"))?;
    if status.ruleset == RulesetStatus::NotEnforced {
        return Err(Unknown::new(Reason::NotConfined, "this kernel has no Landlock"));
    }
    Ok(match status.landlock {
        landlock::LandlockStatus::Available { effective_abi, .. } => number(effective_abi),
        landlock::LandlockStatus::NotEnabled | landlock::LandlockStatus::NotImplemented => 0,
    })
}

/// Tries to make a file where everybody may, and to change the mode of one that is not there. Both have to be refused by the
/// confinement, and not by chance.
fn try_canary(folder: &Path) -> Result<(), Unknown> {
    let path = folder.join(format!("{CANARY}-{}", std::process::id()));
    let escaped = |what: &str| {
        let detail = format!("{what} below {} was not refused", shown_path(folder));
        Err(Unknown::new(Reason::NotConfined, detail))
    };
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    match rustix::fs::openat(CWD, &path, flags, Mode::from_raw_mode(0o600)) {
        Err(Errno::ACCESS) => {}
        Err(errno) => {
            let detail = format!(
                "whether writing is refused cannot be tried at {}: {errno}",
                shown_path(folder)
            );
            return Err(Unknown::new(Reason::NotConfined, detail));
        }
        Ok(_) => {
            remove(&path);
            return escaped("a new file");
        }
    }
    // Without the filter the answer would be that there is no such file.
    match change_mode(&path) {
        Err(Errno::PERM) => Ok(()),
        _ => escaped("a change of mode"),
    }
}

#[expect(clippy::disallowed_methods, reason = "of the canary, which must not have come to be")]
fn remove(path: &Path) {
    // What cannot be removed is empty and named for what it is.
    let _ = rustix::fs::unlinkat(CWD, path, AtFlags::empty());
}

#[expect(clippy::disallowed_methods, reason = "of a file that is not there; it has to be refused")]
fn change_mode(path: &Path) -> rustix::io::Result<()> {
    rustix::fs::chmodat(CWD, path, Mode::from_raw_mode(0o600), AtFlags::empty())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn alone(test: impl FnOnce() + Send + 'static) {
        assert!(std::thread::spawn(test).join().is_ok(), "see above");
    }

    fn errno<T>(result: io::Result<T>) -> Option<Errno> {
        result.err().and_then(|error| Errno::from_io_error(&error))
    }

    /// A folder that is not below `/tmp` of the canary's own rules, with one to look at, one of its own, and another.
    fn places() -> (tempfile::TempDir, Reach) {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["looked/root", "own", "other"] {
            fs::create_dir_all(folder.path().join(name)).expect("a folder");
            fs::write(folder.path().join(name).join("file"), "text").expect("a file");
        }
        let reach = Reach {
            read: vec![folder.path().join("looked/root")],
            write: vec![folder.path().join("own")],
            canary: "/tmp".into(),
        };
        (folder, reach)
    }

    #[test]
    fn it_reads_where_it_looks_and_writes_in_its_own() {
        let (folder, reach) = places();
        let at = folder.path().to_owned();
        alone(move || {
            let confinement = confine(&reach).expect("confined");
            assert!(confinement.level >= 1, "{confinement:?}");
            assert_eq!(fs::read(at.join("looked/root/file")).expect("read"), b"text");
            assert_eq!(errno(fs::read(at.join("other/file"))), Some(Errno::ACCESS));
            for place in ["looked/root/file", "looked/root/new", "other/new", "new"] {
                assert_eq!(errno(fs::write(at.join(place), "")), Some(Errno::ACCESS), "{place}");
            }
            assert_eq!(errno(fs::remove_file(at.join("looked/root/file"))), Some(Errno::ACCESS));
            fs::write(at.join("own/new"), "x").expect("its own");
            fs::rename(at.join("own/new"), at.join("own/newer")).expect("its own");
            fs::remove_file(at.join("own/newer")).expect("its own");
            let mode = fs::Permissions::from_mode(0o777);
            for place in ["own/file", "looked/root/file"] {
                let changed = fs::set_permissions(at.join(place), mode.clone());
                assert_eq!(errno(changed), Some(Errno::PERM), "{place}");
            }
            // It still asks, listens and starts programs.
            let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
            let address = listener.local_addr().expect("an address");
            assert!(std::net::TcpStream::connect(address).is_ok());
            let _own =
                std::os::unix::net::UnixListener::bind(at.join("own/socket")).expect("its own");
            let output =
                std::process::Command::new("cat").arg(at.join("looked/root/file")).output();
            assert_eq!(output.expect("cat").stdout, b"text");
            let output = std::process::Command::new("touch").arg(at.join("other/new")).output();
            assert!(!output.expect("touch").status.success(), "what it starts is narrowed as well");
        });
        assert!(!folder.path().join("other/new").exists());
    }

    #[test]
    fn a_folder_that_is_put_in_the_place_of_another_is_read() {
        let (folder, reach) = places();
        let at = folder.path().to_owned();
        let (confined, replaced) = (std::sync::Barrier::new(2), std::sync::Barrier::new(2));
        std::thread::scope(|scope| {
            let thread = scope.spawn(|| {
                confine(&reach).expect("confined");
                confined.wait();
                replaced.wait();
                fs::read(at.join("looked/root/file")).expect("the new one")
            });
            confined.wait();
            fs::rename(at.join("looked/root"), at.join("looked/old")).expect("moved");
            fs::create_dir(at.join("looked/root")).expect("made");
            fs::write(at.join("looked/root/file"), "new").expect("written");
            replaced.wait();
            assert_eq!(thread.join().expect("see above"), b"new");
        });
    }

    #[test]
    fn git_fetches_into_a_mirror_in_its_own_folder() {
        let (folder, mut reach) = places();
        let at = folder.path().to_owned();
        let run = move |at: &Path, words: &[&str]| {
            let mut command = std::process::Command::new("git");
            command.current_dir(at).env("HOME", "/nonexistent").env("GIT_CONFIG_NOSYSTEM", "1");
            for who in ["AUTHOR", "COMMITTER"] {
                command.env(format!("GIT_{who}_NAME"), "t").env(format!("GIT_{who}_EMAIL"), "t@e");
            }
            let output = command.args(words).output().expect("git");
            assert!(
                output.status.success(),
                "{words:?}: {}",
                String::from_utf8_lossy(&output.stderr)
            );
        };
        let source = at.join("looked/root");
        run(&source, &["init", "--quiet", "--initial-branch=main"]);
        run(&source, &["add", "--all"]);
        run(&source, &["commit", "--quiet", "-m", "x"]);
        let mirror = at.join("own/mirror");
        fs::create_dir(&mirror).expect("made");
        run(&mirror, &["init", "--quiet", "--bare", "."]);
        reach.canary = "/tmp".into();
        alone(move || {
            confine(&reach).expect("confined");
            let url = format!("file://{}", source.display());
            for _ in 0..2 {
                run(&mirror, &["config", "--local", "--get", "core.bare"]);
                run(&mirror, &["fetch", "--quiet", &url, "+refs/heads/main:refs/heads/main"]);
            }
        });
    }

    #[test]
    fn without_landlock_or_with_a_way_out_it_is_refused() {
        let (_folder, reach) = places();
        let open = Reach { write: vec!["/tmp".into()], ..reach.clone() };
        alone(move || {
            let refused = confine(&open).expect_err("the canary lives");
            assert_eq!(refused.reason, Reason::NotConfined);
            assert!(refused.detail.contains("was not refused"), "{refused}");
        });
        let left = format!("/tmp/{CANARY}-{}", std::process::id());
        assert!(!Path::new(&left).exists(), "it is taken away");
        let nowhere = Reach { canary: "/nonexistent".into(), ..reach };
        alone(move || {
            let refused = confine(&nowhere).expect_err("nothing was tried");
            assert!(refused.detail.contains("cannot be tried"), "{refused}");
        });
    }

    #[test]
    fn what_a_new_configuration_reads_or_writes_may_be_out_of_reach() {
        let (folder, reach) = places();
        assert_eq!(reach.beyond(&reach), None);
        let at = |below: &str| folder.path().join(below);
        let other = Reach { read: vec![at("looked/beside")], ..reach.clone() };
        assert_eq!(reach.beyond(&other), None, "it lies in the same folder");
        let wider = Reach { read: vec![at("looked/root"), at("other/file")], ..reach.clone() };
        assert_eq!(reach.beyond(&wider), Some(at("other")));
        let more = |below: &str| Reach { write: vec![at("own"), at(below)], ..reach.clone() };
        assert_eq!(reach.beyond(&more("own/below")), None);
        assert_eq!(reach.beyond(&more("other")), Some(at("other")));
    }
}
