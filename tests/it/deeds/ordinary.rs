//! The whole way as an ordinary user: a sandbox needs nobody's rights but those of its owner.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use super::{Lab, WANTED};
use crate::program::{Ran, command, ran, skipped};

/// A number that nobody on this machine has to have.
const NOBODY: u32 = 65_534;

/// The program as an ordinary user, where this is root; every other test is that already where it is not.
fn as_nobody(words: &[&str]) -> Ran {
    let mut command = command(words);
    ran(&command.uid(NOBODY).gid(NOBODY).output().unwrap())
}

fn is_possible() -> bool {
    if !rustix::process::geteuid().is_root() {
        skipped(
            "a run as an ordinary user",
            "this is an ordinary user, and so were all other tests",
        );
        return false;
    }
    let mut version = command(&["version"]);
    let runs = version.uid(NOBODY).gid(NOBODY).output().is_ok_and(|out| out.status.success());
    if !runs {
        skipped("a run as an ordinary user", "the program lies where such a user cannot start it");
    }
    runs
}

#[test]
fn a_sandbox_is_planned_applied_and_undone_by_its_owner() {
    if !is_possible() {
        return;
    }
    let lab = Lab::new();
    lab.world
        .host_file("etc/passwd", format!("root:x:0:0:root:/:\nme:x:{NOBODY}:{NOBODY}:me:/:\n"));
    lab.world.host_file("etc/group", format!("root:x:0:\nme:x:{NOBODY}:\n"));
    lab.world.desired("hosts/a/r.toml", WANTED);
    lab.world.commit();
    let owned = || {
        let mut chown = Command::new("chown");
        chown.args(["-R", &format!("{NOBODY}:{NOBODY}")]).arg(lab.world.path(""));
        assert!(chown.status().unwrap().success());
    };
    owned();
    let (config, plan) = (lab.path("config.toml"), lab.path("plan.json"));
    as_nobody(&["plan", "--config", &config, "-o", &plan]).ends_with(0);
    let apply = || {
        let approved = lab.approved();
        owned();
        let words = ["apply", &plan, "--config", &config];
        let files = approved.iter().flat_map(|file| ["--approval", file.as_str()]);
        as_nobody(&words.into_iter().chain(files).collect::<Vec<_>>())
    };
    let applied = apply().ends_with(0);
    assert!(applied.stdout.starts_with("sandbox: "), "{}", applied.stdout);
    let note = fs::metadata(lab.host("srv/runs/note")).unwrap();
    assert_eq!((note.uid(), note.gid(), note.mode() & 0o7777), (NOBODY, NOBODY, 0o640));
    as_nobody(&["check", "--config", &config]).ends_with(0);
    fs::copy(&plan, lab.path("first.json")).unwrap();
    owned();
    let first = lab.path("first.json");
    as_nobody(&["plan", "--config", &config, "--undo", &first, "-o", &plan]).ends_with(0);
    apply().ends_with(0);
    assert!(!lab.host("srv/runs").exists());
    as_nobody(&["ledger", "--config", &config, "verify"]).ends_with(0);
}

#[test]
fn what_belongs_to_root_is_not_an_ordinary_users_to_change() {
    if !is_possible() {
        return;
    }
    let lab = Lab::new();
    lab.plan();
    let (before, approved) = (lab.snapshot(), lab.approved());
    let (config, plan) = (lab.path("config.toml"), lab.path("plan.json"));
    fs::set_permissions(lab.world.path(""), std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .unwrap();
    let words = ["apply", &plan, "--config", &config, "--approval", &approved[0]];
    let ran = as_nobody(&words);
    assert_ne!(ran.code, 0, "{}", ran.everything());
    assert_eq!(lab.snapshot(), before);
    assert!(
        !lab.events()
            .iter()
            .any(|event| matches!(event, countersign::ledger::Event::PermitConsumed(_)))
    );
}
