//! Full disks: below the host a step fails and leaves nothing; below the ledger nothing is begun.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use countersign::ledger::{Event, Outcome};

use super::{Lab, said};
use crate::program::skipped;

/// A small file system of a test's own.
struct Mounted(PathBuf);

impl Mounted {
    /// `None`, loudly, where this user cannot mount one.
    fn at(folder: &Path, size: &str) -> Option<Self> {
        let options = format!("size={size},mode=0755");
        let mut mount = Command::new("mount");
        let mount = mount.args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(folder);
        if mount.output().is_ok_and(|output| output.status.success()) {
            return Some(Self(folder.to_owned()));
        }
        skipped("full disks", "a small file system cannot be mounted by this user");
        None
    }

    fn resize(&self, size: &str) {
        let mut mount = Command::new("mount");
        let mount = mount.args(["-o", &format!("remount,size={size}")]).arg(&self.0);
        assert!(mount.status().unwrap().success());
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn a_full_disk_below_the_host_fails_the_step_and_leaves_nothing() {
    let wanted = "[file.\"/srv/small/big\"]\nowner = \"me\"\ngroup = \"me\"\nmode = \"0640\"\nsource = \"files/big\"\n";
    let lab = Lab::wanting("");
    lab.world.desired("hosts/a/files/big", "x".repeat(60_000));
    lab.want(wanted);
    lab.world.host_folder("srv/small", 0o755);
    let Some(mounted) = Mounted::at(&lab.host("srv/small"), "16k") else { return };
    lab.plan();
    let ran = lab.apply(&lab.approved()).ends_with(1);
    assert!(ran.stdout.contains("cannot be written"), "{}", ran.stdout);
    assert_eq!(fs::read_dir(lab.host("srv/small")).unwrap().count(), 0);
    let failed =
        |event: &Event| matches!(event, Event::StepOutcome(end) if end.outcome == Outcome::Failed);
    assert!(lab.events().iter().any(failed));
    mounted.resize("1m");
    lab.provision();
    assert_eq!(fs::metadata(lab.host("srv/small/big")).unwrap().len(), 60_000);
}

#[test]
fn a_full_disk_below_the_ledger_lets_nothing_begin() {
    let lab = Lab::new();
    fs::create_dir(lab.path("data")).unwrap();
    lab.mode("data", 0o755);
    let Some(_mounted) = Mounted::at(&lab.world.path("data"), "400k") else { return };
    let (_, digest) = lab.plan();
    let approved = lab.approved();
    let filler = lab.world.path("data/filler");
    fs::write(&filler, vec![0; 400 << 10]).unwrap_err();
    let before = lab.snapshot();
    let ran = lab.apply(&approved).ends_with(1);
    assert_eq!(lab.snapshot(), before);
    assert_eq!(lab.used(digest), 0);
    said(&ran);
    assert_eq!(lab.refusals(), ["ledger_full"], "{}", ran.stderr);
    fs::remove_file(&filler).unwrap();
    lab.apply(&approved).ends_with(0);
}
