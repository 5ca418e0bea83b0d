//! The built program, run from the outside on a world of a test's own.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

/// How a run ended, and what it printed.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    /// The report of `--output json`.
    pub(crate) fn report(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }

    pub(crate) fn everything(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }

    #[track_caller]
    pub(crate) fn ends_with(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}\n{}", self.stdout, self.stderr);
        self
    }
}

/// One resource of a report.
#[track_caller]
pub(crate) fn resource<'a>(report: &'a Value, name: &str) -> &'a Value {
    let resources = report["resources"].as_array().unwrap();
    resources
        .iter()
        .find(|r| r["resource"] == name)
        .unwrap_or_else(|| panic!("no {name} in {report}"))
}

/// A folder with a host's root and desired state.
pub(crate) struct World {
    folder: TempDir,
}

impl World {
    /// A root with a host name, and nothing wanted yet.
    pub(crate) fn new() -> Self {
        let world = Self { folder: tempfile::tempdir().unwrap() };
        world.host_file("etc/hostname", "testhost\n");
        world
    }

    /// The same with one file of resources, and the host's identity declared.
    pub(crate) fn wanting(resources: &str) -> Self {
        let world = Self::new();
        world.desired("hosts/a/host.toml", "[host]\nidentity = { hostname = \"testhost\" }\n");
        world.desired("hosts/a/resources.toml", resources);
        world
    }

    pub(crate) fn path(&self, below: &str) -> PathBuf {
        self.folder.path().join(below)
    }

    pub(crate) fn write(&self, path: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
    }

    pub(crate) fn host_file(&self, path: &str, bytes: impl AsRef<[u8]>) {
        self.write(&format!("root/{path}"), bytes);
        fs::set_permissions(self.path("root").join(path), fs::Permissions::from_mode(0o644))
            .unwrap();
    }

    pub(crate) fn host_folder(&self, path: &str, mode: u32) {
        let path = self.path("root").join(path);
        fs::create_dir_all(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    }

    pub(crate) fn desired(&self, path: &str, text: impl AsRef<[u8]>) {
        self.write(&format!("desired/{path}"), text);
    }

    /// Makes the folder of desired state a repository, or commits what has changed in it. Answers the commit.
    pub(crate) fn commit(&self) -> String {
        let folder = self.path("desired");
        if !folder.join(".git").exists() {
            git(&folder, &["init", "--quiet", "--initial-branch=main"]);
        }
        git(&folder, &["add", "--all"]);
        git(&folder, &["commit", "--quiet", "--allow-empty", "-m", "x"]);
        git(&folder, &["rev-parse", "HEAD"]).trim().to_owned()
    }

    /// Runs the program on this world's root and desired state.
    pub(crate) fn run(&self, verb: &str, more: &[&str]) -> Ran {
        let (root, desired) = (self.path("root"), self.path("desired"));
        let mut all =
            vec![verb, "--root", root.to_str().unwrap(), "--desired", desired.to_str().unwrap()];
        all.extend(more);
        run(&all)
    }

    pub(crate) fn check(&self, more: &[&str]) -> Ran {
        self.run("check", more)
    }

    /// The JSON report of a check that has to end with this code.
    #[track_caller]
    pub(crate) fn report(&self, code: i32) -> Value {
        self.check(&["--output", "json"]).ends_with(code).report()
    }
}

pub(crate) fn git(folder: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new("git");
    command
        .current_dir(folder)
        .args(arguments)
        .env("HOME", "/nonexistent")
        .env("GIT_CONFIG_NOSYSTEM", "1");
    for who in ["AUTHOR", "COMMITTER"] {
        command
            .env(format!("GIT_{who}_NAME"), "test")
            .env(format!("GIT_{who}_EMAIL"), "test@example.org");
    }
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "git {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

/// The program with an environment of its own, so that no setting of whoever runs the tests leaks in.
pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
    command.args(arguments).env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.env("HOME", "/nonexistent").env("COLUMNS", "120");
    if let Some(bin) = std::env::var_os("COUNTERSIGN_PG_BIN") {
        command.env("COUNTERSIGN_PG_BIN", bin);
    }
    command
}

/// A command that is killed at a boundary of what it records in that ledger: at the same one in every run.
///
/// Blobs lie in folders named by their digests. Whether such a folder has to be made first is chance, and two boundaries
/// more where it has: without this, the boundary that comes next may be passed over.
#[cfg(feature = "execute")]
pub(crate) fn killed_at(boundary: u64, ledger: &Path, arguments: &[&str]) -> Command {
    blob_folders(ledger);
    let mut command = command(arguments);
    command.env("COUNTERSIGN_TEST_KILL_AT", boundary.to_string());
    command
}

/// Makes every folder of a ledger that a blob could lie in, where there is a ledger.
#[cfg(feature = "execute")]
pub(crate) fn blob_folders(ledger: &Path) {
    for number in 0..=u8::MAX {
        if ledger.exists() {
            fs::create_dir_all(ledger.join(format!("blobs/sha256/{number:02x}"))).unwrap();
        }
    }
}

pub(crate) fn run(arguments: &[&str]) -> Ran {
    ran(&command(arguments).output().unwrap())
}

pub(crate) fn ran(output: &Output) -> Ran {
    Ran {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// Can commands be confined here? `false`, loudly, where the kernel has no Landlock and this is not CI.
pub(crate) fn confines() -> bool {
    use landlock::{
        ABI, Access as _, AccessFs, CompatLevel, Compatible as _, Ruleset, RulesetAttr as _,
    };
    let demanded = Ruleset::default().set_compatibility(CompatLevel::HardRequirement);
    let there = demanded.handle_access(AccessFs::from_all(ABI::V1)).is_ok();
    assert!(there || std::env::var_os("CI").is_none(), "this kernel has no Landlock");
    if !there {
        skipped("commands of smoke", "this kernel has no Landlock");
    }
    there
}

/// Says on standard error, past the capture of the test harness, that something was not tested, and why.
pub(crate) fn skipped(what: &str, why: &str) {
    use std::io::Write as _;
    let line = format!("SKIPPED: {what}: {why}\n");
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}
