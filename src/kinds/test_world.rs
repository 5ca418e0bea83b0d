//! What the tests of the host's kinds need: a root of their own with real files, and one way to check a table.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::{Files, Kind, Named, Problem};
use crate::config::Policy;
use crate::model::{Comparison, Unknown};
use crate::probe::host::Host;
use crate::probe::{Progress, World};

/// A folder that is the root of a host. Those who run the test are its user `me` and its group `us`, unless they are root.
#[derive(Debug)]
pub(super) struct Root {
    folder: tempfile::TempDir,
    pub(super) policy: Policy,
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
        let root = Self { folder, policy: Policy::everything() };
        let uid = rustix::process::geteuid().as_raw();
        let gid = rustix::process::getegid().as_raw();
        root.file("etc/passwd", format!("me:x:{uid}:{uid}::/:\n").as_bytes());
        root.file("etc/group", format!("us:x:{gid}:\n").as_bytes());
        root
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

    pub(super) fn world(&self) -> World {
        let host = Host::open(self.folder.path(), self.policy.clone()).expect("a root");
        World {
            databases: std::collections::BTreeMap::new(),
            host: Arc::new(host),
            caches: None,
            progress: Arc::new(Progress::default()),
            now: "2026-05-21T06:28:50Z".parse().expect("an instant"),
            deadline: Duration::from_mins(5),
            threads: 2,
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
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let runtime = runtime.expect("a runtime");
    let mut answers = runtime.block_on(K::observe_all(world, std::slice::from_ref(&named)));
    let observed = answers.remove(name).expect("an answer")?;
    let stored = serde_json::to_string(&observed).expect("it can be stored");
    let observed = serde_json::from_str(&stored).expect("it can be read again");
    Ok(named.spec.diff(name, &observed))
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
