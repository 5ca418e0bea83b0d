//! The life of a gap on the ledger: open, a plan that people approve, closed, drift, and open again by itself.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use crate::program::command;
use crate::site::Site;

const POLICY: &str = "actions = [\"create_directory\", \"write_file\"]\nroots = [\"/opt\"]";
const WANTED: &str = "[directory.\"/opt/run\"]\nowner = \"me\"\ngroup = \"me\"\nmode = \"0750\"\ngap = \"GAP5\"\n\
     [directory.\"/opt/run/locks\"]\nowner = \"me\"\ngroup = \"me\"\nmode = \"0750\"\ngap = \"GAP5\"\ndepends_on = [\"directory./opt/run\"]\n\
     [gap.GAP5]\ntitle = \"folders\"\naliases = [\"GAP-5\"]\ncontact = \"operator\"\n";

fn site(folder: &Path) -> Site<'static> {
    let (root, seen_at) = (folder.join("root"), folder.to_str().unwrap());
    for below in ["", "etc", "opt"] {
        fs::create_dir_all(root.join(below)).unwrap();
        fs::set_permissions(root.join(below), fs::Permissions::from_mode(0o755)).unwrap();
    }
    let me = fs::metadata(folder).unwrap();
    fs::write(root.join("etc/machine-id"), "0123456789abcdef0123456789abcdef\n").unwrap();
    fs::write(root.join("etc/hostname"), "testhost\n").unwrap();
    let name = |id: u32| if id == 0 { "root" } else { "me" };
    let (user, group) = (name(me.uid()), name(me.gid()));
    let account = format!("{user}:x:{}:{}::/:/bin/sh\n", me.uid(), me.gid());
    fs::write(root.join("etc/passwd"), account).unwrap();
    fs::write(root.join("etc/group"), format!("{group}:x:{}:\n", me.gid())).unwrap();
    let start = |words: &[&str]| command(words).output().unwrap();
    let site = Site::new(folder.to_owned(), seen_at, "root", POLICY, Box::new(start));
    let owned = WANTED.replace("owner = \"me\"", &format!("owner = \"{user}\""));
    site.wants(&owned.replace("group = \"me\"", &format!("group = \"{group}\"")));
    site
}

/// What `gap history` says, an entry a line: type and detail.
fn history(site: &Site<'_>) -> Vec<String> {
    let said = site.run(&["gap", "history", "GAP-5", "--output", "json"]).ends_with(0);
    let told: serde_json::Value = serde_json::from_str(&said.text).unwrap();
    let line = |one: &serde_json::Value| {
        let detail = one["detail"].as_str().unwrap();
        let detail = if detail.starts_with("plan ") { "of the plan" } else { detail };
        format!("{} {detail}", one["event"].as_str().unwrap())
    };
    told["gaps"][0]["entries"].as_array().unwrap().iter().map(line).collect()
}

#[test]
fn a_gap_is_closed_by_an_approved_plan_and_opened_again_by_drift() {
    let folder = tempfile::tempdir().unwrap();
    let site = site(folder.path());
    site.run(&["gap", "history"]).ends_with(0).says("nothing is recorded");
    site.run(&["gap", "record"]).ends_with(0).says("GAP5: not recorded -> OPEN");
    site.run(&["gap", "record"]).ends_with(0).says("every gap is as it was recorded last");
    site.deed("plan.json", &["--gap", "GAP5"]).ends_with(0);
    site.run(&["gap", "show", "GAP5"]).ends_with(0).says("CLOSED");
    site.run(&["gap", "record"]).ends_with(0).says("GAP5: OPEN -> CLOSED");
    let locks = folder.path().join("root/opt/run/locks");
    fs::set_permissions(&locks, fs::Permissions::from_mode(0o777)).unwrap();
    site.run(&["gap", "record"]).ends_with(0).says("GAP5: CLOSED -> PARTIAL");
    fs::remove_dir(&locks).unwrap();
    fs::set_permissions(folder.path().join("root/opt/run"), fs::Permissions::from_mode(0o700))
        .unwrap();
    site.run(&["gap", "record"]).ends_with(0).says("GAP5: PARTIAL -> OPEN");
    let opened = "gap.changed not recorded -> OPEN: directory./opt/run: presence is \"absent\", where \"present\" is wanted";
    let again = "gap.changed CLOSED -> PARTIAL: directory./opt/run/locks: mode is \"0777\", where \"0750\" is wanted";
    let told = history(&site);
    assert_eq!(told[0], opened);
    assert_eq!(told[1], "plan.sealed gap GAP5, 2 steps");
    assert_eq!(told[2..4], ["quorum.met of the plan", "plan.done of the plan"]);
    assert_eq!(told[4..6], ["gap.changed OPEN -> CLOSED", again]);
    assert!(told[6].starts_with("gap.changed PARTIAL -> OPEN"), "{told:?}");
    assert_eq!(told.len(), 7, "{told:?}");
    site.run(&["ledger", "verify"]).ends_with(0);
}

#[test]
fn what_cannot_be_told_is_no_change() {
    let folder = tempfile::tempdir().unwrap();
    let site = site(folder.path());
    site.deed("plan.json", &["--gap", "GAP5"]).ends_with(0);
    site.run(&["gap", "record"]).ends_with(0).says("GAP5: not recorded -> CLOSED");
    let run = folder.path().join("root/opt/run");
    fs::rename(&run, folder.path().join("root/opt/moved")).unwrap();
    std::os::unix::fs::symlink("moved", &run).unwrap();
    // The first is a link now, which is drift; what lies below it cannot be told.
    site.run(&["gap", "show", "GAP5"]).ends_with(4);
    site.run(&["gap", "record"])
        .ends_with(4)
        .says("GAP5: not recorded, not all of it could be told");
    assert!(!history(&site).iter().any(|line| line.contains("CLOSED -> ")));
}

#[test]
fn what_is_recorded_comes_from_the_host_s_own_configuration_and_a_commit() {
    let folder = tempfile::tempdir().unwrap();
    let site = site(folder.path());
    let desired = folder.path().join("desired");
    site.run(&["gap", "record", "--desired", desired.to_str().unwrap()]).ends_with(64);
    site.run(&["gap", "record", "--output", "json"]).ends_with(64);
    assert!(!folder.path().join("data/ledger").exists());
}

#[test]
fn a_deployment_makes_the_configuration_stale_and_opens_the_gap_again() {
    let folder = tempfile::tempdir().unwrap();
    let site = site(folder.path());
    let (uid, wanted) = (fs::metadata(folder.path()).unwrap().uid(), WANTED);
    let name = if uid == 0 { "root" } else { "me" };
    let gid = fs::metadata(folder.path()).unwrap().gid();
    let group = if gid == 0 { "root" } else { "me" };
    let config = "[file.\"/opt/run/config.json\"]\nsource = \"files/config.json\"\nowner = \"me\"\ngroup = \"me\"\nmode = \"0640\"\n\
         gap = \"GAP5\"\ndepends_on = [\"directory./opt/run\"]\n";
    let wanted =
        format!("{wanted}{config}").replace("owner = \"me\"", &format!("owner = \"{name}\""));
    let wanted = wanted.replace("group = \"me\"", &format!("group = \"{group}\""));
    let deployed = |commit: &str| {
        let text = format!("{{\"deployed_source_commit\": \"{commit}\"}}\n");
        site.write("desired/hosts/a/files/config.json", text);
        site.wants(&wanted);
    };
    deployed("703559c");
    site.run(&["gap", "record"]).ends_with(0).says("GAP5: not recorded -> OPEN");
    site.deed("plan.json", &["--gap", "GAP5"]).ends_with(0);
    site.run(&["gap", "record"]).ends_with(0).says("GAP5: OPEN -> CLOSED");
    // The next commit is deployed, and what was provisioned still names the old one.
    deployed("a1b2c3d");
    site.run(&["gap", "record"]).ends_with(0).says("GAP5: CLOSED -> PARTIAL");
    let told = history(&site);
    let events: Vec<&str> = told.iter().filter_map(|line| line.split(' ').next()).collect();
    let wanted =
        ["gap.changed", "plan.sealed", "quorum.met", "plan.done", "gap.changed", "gap.changed"];
    assert_eq!(events, wanted);
    assert!(told[5].contains("CLOSED -> PARTIAL: file./opt/run/config.json"), "{told:?}");
    site.run(&["ledger", "verify"]).ends_with(0);
}
