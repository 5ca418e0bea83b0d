//! What the tests of the host's kinds need: a root of their own with real files, and one way to check a table.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::{Files, Kind, Named, Problem};
use crate::config::{Policy, SmokePolicy};
use crate::model::{Comparison, Unknown};
use crate::probe::host::Host;
use crate::probe::{Progress, Threads, World};

/// A folder that is the root of a host. Those who run the test are its user `me` and its group `us`, unless they are root.
#[derive(Debug)]
pub(super) struct Root {
    folder: tempfile::TempDir,
    pub(super) policy: Policy,
    /// How long a kind may take.
    pub(super) deadline: Duration,
    /// Is the running system looked at, and not the folder?
    live: bool,
}

/// What a made-up process is like.
#[derive(Debug, Clone, Copy)]
pub(super) struct Made<'a> {
    pub(super) pid: u32,
    pub(super) name: &'a str,
    pub(super) state: char,
    pub(super) flags: u64,
    pub(super) uid: u32,
    pub(super) permitted: u64,
    pub(super) exe: Option<&'a str>,
    pub(super) command: &'a str,
    pub(super) unit: &'a str,
    /// The inodes of the sockets that it holds.
    pub(super) sockets: &'a [u64],
}

impl Made<'_> {
    /// A program of root's without rights and without a unit.
    pub(super) const PLAIN: Self = Self {
        pid: 1,
        name: "init",
        state: 'S',
        flags: 0,
        uid: 0,
        permitted: 0,
        exe: Some("/sbin/init"),
        command: "init\0",
        unit: "",
        sockets: &[],
    };
}

fn user() -> &'static str {
    if rustix::process::geteuid().is_root() { "root" } else { "me" }
}

fn group() -> &'static str {
    if rustix::process::getegid().is_root() { "root" } else { "us" }
}

impl Root {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let policy = Policy::everything();
        let root = Self { folder, policy, deadline: Duration::from_mins(5), live: false };
        let uid = rustix::process::geteuid().as_raw();
        let gid = rustix::process::getegid().as_raw();
        root.file("etc/passwd", format!("me:x:{uid}:{uid}::/:\n").as_bytes());
        root.file("etc/group", format!("us:x:{gid}:\n").as_bytes());
        root
    }

    /// The system that runs the test.
    pub(super) fn live() -> Self {
        Self { live: true, ..Self::new() }
    }

    pub(super) fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    pub(super) fn dir(&self, path: &str, mode: u32) -> &Self {
        std::fs::create_dir_all(self.path(path)).expect("a new folder");
        self.mode(path, mode)
    }

    pub(super) fn file(&self, path: &str, content: &[u8]) -> &Self {
        let path = self.path(path);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).expect("a new folder");
        }
        std::fs::write(path, content).expect("a new file");
        self
    }

    pub(super) fn link(&self, path: &str, target: impl AsRef<Path>) -> &Self {
        std::os::unix::fs::symlink(target, self.path(path)).expect("a new link");
        self
    }

    pub(super) fn fifo(&self, path: &str) -> &Self {
        use rustix::fs::{CWD, FileType, Mode};
        let mode = Mode::from_bits_truncate(0o644);
        rustix::fs::mknodat(CWD, self.path(path), FileType::Fifo, mode, 0).expect("a new FIFO");
        self
    }

    pub(super) fn mode(&self, path: &str, mode: u32) -> &Self {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(self.path(path), mode).expect("a new mode");
        self
    }

    /// Gives a path to a group that is not root's. Only root can; for others it has such a group already.
    pub(super) fn disown(&self, path: &str) -> &Self {
        if rustix::process::geteuid().is_root() {
            std::os::unix::fs::chown(self.path(path), None, Some(12_345)).expect("another group");
        }
        self
    }

    /// A process in a `/proc` of its own.
    pub(super) fn process(&self, process: &Made<'_>) -> &Self {
        let Made { pid, name, state, flags, uid, permitted, .. } = process;
        let at = |table: &str| format!("proc/{pid}/{table}");
        let stat = format!(
            "{pid} ({name}) {state} 1 1 1 0 -1 {flags} 1 2 3 4 5 6 7 8 20 0 1 0 4242 9 9\n"
        );
        let status = format!(
            "Name:\t{name}\nUid:\t{uid}\t{uid}\t{uid}\t{uid}\nCapPrm:\t{permitted:016x}\nCapEff:\t0000000000000000\nNoNewPrivs:\t1\n"
        );
        self.file("proc/version", b"Linux\n");
        self.file(&at("stat"), stat.as_bytes()).file(&at("status"), status.as_bytes());
        self.file(&at("cmdline"), process.command.as_bytes());
        self.file(&at("cgroup"), format!("0::/system.slice/{}\n", process.unit).as_bytes());
        if let Some(exe) = process.exe {
            self.link(&at("exe"), exe);
        }
        self.dir(&at("fd"), 0o755);
        for (number, inode) in process.sockets.iter().enumerate() {
            self.link(&at(&format!("fd/{number}")), format!("socket:[{inode}]"));
        }
        self
    }

    pub(super) fn world(&self) -> World {
        let root = if self.live { Path::new("/") } else { self.folder.path() };
        let host = Host::open(root, self.policy.clone()).expect("a root");
        World {
            databases: std::collections::BTreeMap::new(),
            host: Arc::new(host),
            smoke: SmokePolicy::nothing(),
            caches: None,
            progress: Arc::new(Progress::default()),
            now: "2026-05-21T06:28:50Z".parse().expect("an instant"),
            deadline: self.deadline,
            threads: Threads::Exactly(2),
        }
    }
}

/// Two files, and those a test adds.
pub(super) struct TestFiles(pub(super) Vec<(String, Vec<u8>)>);

impl Files for TestFiles {
    fn read(&self, path: &str) -> Result<Arc<[u8]>, String> {
        let found = self.0.iter().find(|(name, _)| name == path);
        found.map(|(_, bytes)| bytes.as_slice().into()).ok_or_else(|| format!("no file `{path}`"))
    }
}

pub(super) fn prepare<K: Kind>(name: &str, toml: &str) -> (K, Vec<Problem>) {
    prepare_with(name, toml, &TestFiles(vec![("files/abc".into(), b"abc".to_vec())]))
}

pub(super) fn prepare_with<K: Kind>(
    name: &str,
    toml: &str,
    files: &TestFiles,
) -> (K, Vec<Problem>) {
    let mut spec: K = toml::from_str(toml).expect("a table of this kind");
    let mut problems = Vec::new();
    spec.prepare(name, files, &mut problems);
    (spec, problems)
}

/// Observes one resource, through JSON as it is stored, and compares.
pub(super) fn compare<K: Kind>(root: &Root, name: &str, spec: K) -> Result<Comparison, Unknown> {
    compare_in(&root.world(), name, spec)
}

/// The same in a world of its own.
pub(super) fn compare_in<K: Kind>(
    world: &World,
    name: &str,
    spec: K,
) -> Result<Comparison, Unknown> {
    let named = Named { name: name.to_owned(), spec: Arc::new(spec) };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    let mut answers = runtime.block_on(K::observe_all(world, std::slice::from_ref(&named)));
    let observed = answers.remove(name).expect("an answer")?;
    let stored = serde_json::to_string(&observed).expect("it can be stored");
    let observed = serde_json::from_str(&stored).expect("it can be read again");
    Ok(named.spec.diff(name, &observed))
}

/// What the kind writes down: each draft as `NAME KEY=VALUE …`.
pub(super) fn adopt<K: Kind>(root: &Root, asked: &str) -> Result<Vec<String>, Unknown> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let adopted = runtime.expect("a runtime").block_on(K::adopt(&root.world(), asked))?;
    let keys = |draft: &super::Draft| {
        let keys = draft.keys.iter().map(|(key, value)| format!(" {key}={value}"));
        format!("{}{}", draft.name, keys.collect::<String>())
    };
    let unseen =
        adopted.unseen.iter().map(|(name, unknown)| format!("{name} unseen {}", unknown.reason));
    Ok(adopted.drafts.iter().map(keys).chain(unseen).collect())
}

/// What was found, one line each: `FIELD DESIRED ACTUAL`, `blind FIELD REASON`, or `blind REASON` for all of it.
pub(super) fn lines(found: &Result<Comparison, Unknown>) -> Vec<String> {
    match found {
        Err(unknown) => vec![format!("blind {}", unknown.reason)],
        Ok(found) => {
            let differences = found.differences.iter();
            let blind = found.blind.iter();
            differences
                .map(|d| format!("{} {} {}", d.field, d.desired, d.actual))
                .chain(blind.map(|b| format!("blind {} {}", b.field, b.unknown.reason)))
                .collect()
        }
    }
}

/// Puts the names of those who run the test in the place of `USER` and `GROUP`.
pub(super) fn here(text: &str) -> String {
    text.replace("USER", user()).replace("GROUP", group())
}

/// Prepares, observes and compares one table; fails unless exactly the expected lines come out.
///
/// `USER` and `GROUP` stand for the names of those who run the test.
pub(super) fn check<K: Kind>(root: &Root, name: &str, toml: &str, expected: &[&str]) {
    let (spec, problems) = prepare::<K>(name, &here(toml));
    assert_eq!(problems, [], "{name} {toml}");
    let found = lines(&compare(root, name, spec));
    let expected: Vec<String> = expected.iter().map(|line| here(line)).collect();
    assert_eq!(found, expected, "{name} {toml}");
}

/// Writes down what is there; each resource that comes out must be valid, and in sync with what it was written from.
pub(super) fn adopted<K: Kind>(root: &Root, asked: &str) -> Result<super::Adopted, Unknown> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let adopted = runtime.expect("a runtime").block_on(K::adopt(&root.world(), asked))?;
    for draft in &adopted.drafts {
        let keys = draft.keys.iter().map(|(key, value)| ((*key).to_owned(), value.clone()));
        let table = toml::to_string(&keys.collect::<serde_json::Map<_, _>>()).expect("TOML");
        check::<K>(root, &draft.name, &table, &[]);
    }
    Ok(adopted)
}
