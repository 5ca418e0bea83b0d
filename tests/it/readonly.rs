//! Looking changes nothing: a `check` over every kind is traced, and the host is compared with itself before and after.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::program::{World, command, confines, git, skipped};
use crate::traced::{faults, is_harmless, trace};

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
pub(crate) fn world() -> World {
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
