//! Looking changes nothing: a `check` over every kind is traced, and the host is compared with itself before and after.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use countersign::probe::runner::PROGRAMS;

use crate::program::{World, command, confines, git, skipped};

/// Every system call that could change something, start something or talk to somebody. A `?` tolerates a name that this
/// architecture lacks; a wrong name without it makes `strace` itself fail.
const CALLS: &[&str] = &[
    "?open",
    "?creat",
    "openat",
    "?openat2",
    "?unlink",
    "unlinkat",
    "?rename",
    "?renameat",
    "renameat2",
    "?mkdir",
    "mkdirat",
    "?rmdir",
    "?link",
    "linkat",
    "?symlink",
    "symlinkat",
    "?mknod",
    "mknodat",
    "?chmod",
    "fchmod",
    "fchmodat",
    "?fchmodat2",
    "?chown",
    "?lchown",
    "fchown",
    "fchownat",
    "truncate",
    "ftruncate",
    "fallocate",
    "?utime",
    "?utimes",
    "?futimesat",
    "utimensat",
    "setxattr",
    "lsetxattr",
    "fsetxattr",
    "removexattr",
    "lremovexattr",
    "fremovexattr",
    "?setxattrat",
    "?removexattrat",
    "?file_setattr",
    "mount",
    "umount2",
    "?mount_setattr",
    "?move_mount",
    "?fsmount",
    "?fsconfig",
    "pivot_root",
    "chroot",
    "sethostname",
    "setdomainname",
    "settimeofday",
    "clock_settime",
    "adjtimex",
    "?clock_adjtime",
    "reboot",
    "swapon",
    "swapoff",
    "init_module",
    "finit_module",
    "delete_module",
    "kexec_load",
    "?kexec_file_load",
    "bpf",
    "ptrace",
    "process_vm_writev",
    "kill",
    "tkill",
    "tgkill",
    "?pidfd_send_signal",
    "execve",
    "execveat",
    "?io_uring_setup",
    "quotactl",
    "acct",
    "setns",
    "unshare",
    "copy_file_range",
    "?keyctl",
    "?add_key",
    "connect",
    "bind",
    "listen",
    "ioctl",
];

/// Opening with one of these could change something.
const WRITING: &[&str] = &["O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC", "O_APPEND", "O_TMPFILE"];
/// What the libraries under the program ask of a terminal or of a new descriptor; none of it changes a file.
const HARMLESS_IOCTLS: &[&str] = &["TCGETS", "TIOCGWINSZ", "FIONBIO", "FIOCLEX", "FS_IOC_GETFLAGS"];

/// The calls of a command and all that it starts; `None` where this machine forbids tracing.
fn trace(mut traced: Command) -> Option<(i32, Vec<String>)> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("trace");
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-y", "-s", "256", "-o"]).arg(&file);
    strace.arg("-e").arg(format!("trace={}", CALLS.join(","))).arg("-e").arg("signal=none");
    strace.arg("--").arg(traced.get_program()).args(traced.get_args()).env_clear();
    for (name, value) in traced.get_envs() {
        strace.env(name, value.unwrap_or_default());
    }
    traced.env_clear();
    let output = strace.output().ok()?;
    let refused = String::from_utf8_lossy(&output.stderr).contains("Operation not permitted");
    let text = fs::read_to_string(&file).ok().filter(|text| !refused && !text.is_empty())?;
    Some((output.status.code().unwrap_or(-1), whole_lines(&text)))
}

/// The lines of a trace, with calls that were interrupted by another thread's put together again.
fn whole_lines(text: &str) -> Vec<String> {
    let mut begun: BTreeMap<String, String> = BTreeMap::new();
    let mut lines = Vec::new();
    for line in text.lines() {
        let (pid, call) = line.split_once(' ').unwrap_or(("", line));
        let call = call.trim_start();
        if let Some(start) = call.strip_suffix(" <unfinished ...>") {
            begun.insert(pid.to_owned(), start.to_owned());
        } else if let Some((_, rest)) = call.split_once(" resumed>") {
            lines.push(format!("{}{rest}", begun.remove(pid).unwrap_or_default()));
        } else {
            lines.push(call.to_owned());
        }
    }
    lines.extend(begun.into_values());
    lines
}

/// What of a trace could have changed something, or starts a program that is not permitted.
fn faults(lines: &[String], program: &str) -> Vec<String> {
    lines.iter().filter(|line| !is_harmless(line, program)).cloned().collect()
}

fn is_harmless(line: &str, program: &str) -> bool {
    let name = line.split('(').next().unwrap_or_default();
    match name {
        "open" | "openat" | "openat2" => {
            !WRITING.iter().any(|flag| line.contains(flag)) || line.contains("\"/dev/null\"")
        }
        "execve" => {
            let path = line.split('"').nth(1).unwrap_or_default();
            let file = path.rsplit('/').next().unwrap_or_default();
            // A search through PATH tries names that are not there.
            let listed = PROGRAMS.contains(&path) || PROGRAMS.contains(&file);
            path == program || listed || line.contains("= -1 ENOENT")
        }
        // The socket of a container engine, which was found beneath the root and is held.
        "connect" => line.contains("sun_path=\"/proc/self/fd/"),
        // The end of a group that was started here.
        "kill" => line.starts_with("kill(-") && line.contains("SIGKILL"),
        "ioctl" => HARMLESS_IOCTLS.iter().any(|call| line.contains(call)),
        _ => line.starts_with("+++") || line.starts_with("---"),
    }
}

/// Everything about a tree that a change would leave a mark on. Access times apart: to read is to look.
fn marks(folder: &Path, marks: &mut BTreeMap<PathBuf, String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let m = fs::symlink_metadata(&path).unwrap();
        let content = if m.is_file() { fs::read(&path).unwrap() } else { Vec::new() };
        let digest = countersign::model::Digest::of(&content);
        let attributes = (m.mode(), m.uid(), m.gid(), m.size(), m.nlink(), m.ino());
        let times = (m.mtime(), m.mtime_nsec(), m.ctime(), m.ctime_nsec());
        marks.insert(path.clone(), format!("{attributes:?} {times:?} {digest}"));
        if m.is_dir() {
            self::marks(&path, marks);
        }
    }
}

/// A host on which the example of every kind finds something to look at.
fn world() -> World {
    let world = World::new();
    world.host_file("etc/passwd", "root:x:0:0::/root:/bin/sh\n");
    world.host_file("etc/group", "root:x:0:\n");
    let tree = "opt/incomex/dot/iu-cutter-v0.6";
    let switch = "__execution_enabled__ = False\n";
    world.host_file(&format!("{tree}/cutter_agent/orchestrator/__init__.py"), switch);
    world.host_file(&format!("{tree}/a"), "a");
    world.host_folder("var/lib/cutter", 0o750);
    world.host_file("var/lib/cutter/orchestrator.config.json", "{}");
    crate::recall::system::lay_out(&world);
    let repository = world.path("root/opt/incomex/dot");
    git(&repository, &["init", "--quiet", "--initial-branch=main"]);
    git(&repository, &["add", "--all"]);
    git(&repository, &["commit", "--quiet", "-m", "x"]);
    foreign(&world);
    let manifest = format!("{tree}/DEPLOY-MANIFEST.txt");
    world.host_file(&manifest, "source_commit=703559c91b819a6ab70fffc6105776014f7a6a56\n");
    world.desired(
        "hosts/a/host.toml",
        "[host]\nidentity = { hostname = \"testhost\" }\n[database.directus]\n",
    );
    for (file, content) in [
        ("manifests/iu-cutter-v0.6.sha256", format!("{}  a\n", "0".repeat(64))),
        ("files/app.conf", String::new()),
        ("manifests/public.schema", "countersign.schema 1\n".to_owned()),
        ("sql/units.sql", "select 1".to_owned()),
    ] {
        world.desired(&format!("hosts/a/{file}"), content);
    }
    for kind in countersign::kinds::KINDS {
        world.desired(&format!("hosts/a/{}.toml", kind.name()), kind.example());
    }
    world
}

/// Repositories that only the `git` command reads, with an index that `git status` would write anew.
fn foreign(world: &World) {
    let formats: [&[&str]; 2] =
        [&["--object-format=sha256"], &["--object-format=sha256", "--ref-format=reftable"]];
    for (number, format) in formats.into_iter().enumerate() {
        let name = format!("srv/foreign-{number}");
        world.host_file(&format!("{name}/file"), "x");
        let folder = world.path(&format!("root/{name}"));
        let init = [&["init", "--quiet", "--initial-branch=main"], format].concat();
        if !Command::new("git").current_dir(&folder).args(init).status().unwrap().success() {
            skipped("a look at a reftable", "this `git` makes none");
            continue;
        }
        git(&folder, &["add", "--all"]);
        git(&folder, &["commit", "--quiet", "-m", "x"]);
        git(&folder, &["branch", "base"]);
        git(&folder, &["commit", "--quiet", "--allow-empty", "-m", "y"]);
        world.host_file(&format!("{name}/file"), "x");
        world.host_file(&format!("{name}/new"), "");
        let table = format!(
            "[git_head.\"/{name}\"]\nclean = true\nupstream = \"refs/heads/base\"\nahead = 1\nbehind = 0\n"
        );
        world.desired(&format!("hosts/a/foreign-{number}.toml"), table);
    }
}

#[test]
fn a_check_of_every_kind_makes_no_changing_call() {
    let world = world();
    let (root, desired) = (world.path("root"), world.path("desired"));
    let arguments =
        ["check", "--root", root.to_str().unwrap(), "--desired", desired.to_str().unwrap()];
    let mut before = BTreeMap::new();
    marks(&root, &mut before);
    let Some((code, lines)) = trace(command(&arguments)) else {
        return skipped("no changing call", "this machine forbids `strace`");
    };
    assert!(matches!(code, 2 | 4), "{code}");
    let calls = |name: &str| lines.iter().filter(|line| line.starts_with(name)).count();
    assert!(calls("openat") > 50, "the trace is not of a check: {lines:?}");
    assert_eq!(calls("connect"), 1, "the engine was not asked");
    let started = |line: &&String| line.starts_with("execve") && line.contains("/git\"");
    assert!(lines.iter().filter(started).count() > 8, "`git` was not asked: {lines:?}");
    let found = faults(&lines, env!("CARGO_BIN_EXE_countersign"));
    assert!(found.is_empty(), "{}", found.join("\n"));
    let mut after = BTreeMap::new();
    marks(&root, &mut after);
    assert_eq!(before, after);
}

#[test]
fn a_command_is_confined_run_and_ended_without_a_changing_call() {
    if !confines() {
        return;
    }
    let smoke = "[smoke.a]\ncommand = ['cat', 'data']\ndirectory = '/srv'\nprints = ['text']\n";
    let world = World::wanting(smoke);
    world.host_file("srv/data", "text\n");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(world.path(""), mode).unwrap();
    let config = "host = 'a'\nroot = 'root'\n[source]\nurl = 'desired'\n[observe]\nroots = ['/srv']\n\
                  [smoke]\nallow = [['cat', 'data']]\n";
    world.write("config.toml", config);
    let config = world.path("config.toml");
    let Some((code, lines)) = trace(command(&["check", "--config", config.to_str().unwrap()]))
    else {
        return skipped("a confined command", "this machine forbids `strace`");
    };
    assert_eq!(code, 0, "{lines:?}");
    let is_cat = |line: &&String| line.starts_with("execve") && line.contains("/cat\"");
    assert_eq!(lines.iter().filter(is_cat).filter(|line| line.ends_with("= 0")).count(), 1);
    let others: Vec<String> = lines.iter().filter(|line| !is_cat(line)).cloned().collect();
    let found = faults(&others, env!("CARGO_BIN_EXE_countersign"));
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn a_planted_change_is_caught() {
    let folder = tempfile::tempdir().unwrap();
    let mut planted = Command::new("mkdir");
    planted.arg(folder.path().join("planted")).env("PATH", "/usr/bin:/bin");
    let Some((_, lines)) = trace(planted) else {
        return skipped("a planted change", "this machine forbids `strace`");
    };
    let found = faults(&lines, env!("CARGO_BIN_EXE_countersign"));
    assert!(found.iter().any(|line| line.starts_with("mkdir")), "{lines:?}");
    assert!(found.iter().any(|line| line.starts_with("execve")), "{lines:?}");
    assert!(!is_harmless("openat(3, \"x\", O_WRONLY|O_CREAT) = 4", ""));
    assert!(is_harmless("openat(3, \"x\", O_RDONLY|O_CLOEXEC) = 4", ""));
}

#[test]
fn every_example_is_observed_recorded_and_judged_again_alike() {
    let world = world();
    let recording = world.path("recorded.json");
    let recording = recording.to_str().unwrap();
    let judged = |more: &[&str]| {
        let mut report = world.check(&[&["--output", "json"], more].concat()).report();
        for field in ["observed_at", "notes", "replayed", "sandbox"] {
            report.as_object_mut().unwrap().remove(field);
        }
        let resources = report["resources"].as_array_mut().unwrap();
        for resource in resources {
            resource.as_object_mut().unwrap().remove("observed_at");
        }
        report
    };
    let (live, replayed) = (judged(&["--record", recording]), judged(&["--replay", recording]));
    for (one, other) in
        live["resources"].as_array().unwrap().iter().zip(replayed["resources"].as_array().unwrap())
    {
        assert_eq!(one, other);
    }
    assert_eq!(live, replayed);
    for kind in countersign::kinds::KINDS {
        let of_kind = |r: &&serde_json::Value| r["kind"] == kind.name();
        let mut seen = live["resources"].as_array().unwrap().iter().filter(of_kind).peekable();
        assert!(seen.peek().is_some(), "{} has no example", kind.name());
        let told = seen
            .any(|r| r["verdict"] != "unknown" || !r["differences"].as_array().unwrap().is_empty());
        // A test of all kinds has no database and no list of allowed commands.
        let elsewhere = kind.in_database() || kind.name() == "smoke";
        assert!(told || elsewhere, "{}: nothing of its example is told", kind.name());
    }
}
