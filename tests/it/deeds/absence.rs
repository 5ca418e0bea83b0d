//! What is not wanted: only what a plan of this host made is removed, and only while it is as it was made.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use super::{Lab, WANTED};

const GONE: &str =
    "[directory.\"/srv/runs\"]\npresent = false\n[file.\"/srv/runs/note\"]\npresent = false\n";

#[test]
fn what_a_plan_made_is_removed_once_it_is_not_wanted() {
    let lab = Lab::new();
    lab.provision();
    lab.want(GONE);
    let (plan, _) = lab.plan();
    let steps: Vec<String> = plan.steps.iter().map(|step| step.action.to_string()).collect();
    assert_eq!(steps, ["remove /srv/runs/note", "remove /srv/runs"], "what lies in it goes first");
    lab.apply(&lab.approved()).ends_with(0);
    assert!(!lab.host("srv/runs").exists());
    lab.plan_with(&[]).ends_with(0);
    // What is wanted again is made again, and what was made again is removed again.
    lab.want(WANTED);
    lab.provision();
    assert!(lab.host("srv/runs/note").exists());
    lab.want(GONE);
    lab.provision();
    assert!(!lab.host("srv/runs").exists());
}

#[test]
fn what_no_plan_made_or_somebody_changed_is_left_alone() {
    let lab = Lab::new();
    lab.provision();
    lab.want(GONE);
    let left = |reason: &str| {
        let ran = lab.plan_with(&["--only", "*./srv/runs*"]);
        assert!(ran.stdout.contains(reason), "{reason}: {}", ran.everything());
    };
    fs::write(lab.host("srv/runs/note"), "mine\n").unwrap();
    left("it is no longer as a plan made it");
    left("this plan leaves /srv/runs/note");
    fs::remove_file(lab.host("srv/runs/note")).unwrap();
    // The same once more, and by somebody else.
    fs::write(lab.host("srv/runs/note"), "hello\n").unwrap();
    let mode = fs::Permissions::from_mode(0o640);
    fs::set_permissions(lab.host("srv/runs/note"), mode).unwrap();
    left("it is no longer as a plan made it");
    fs::remove_file(lab.host("srv/runs/note")).unwrap();
    fs::write(lab.host("srv/runs/other"), "").unwrap();
    left("this plan leaves /srv/runs/other");
    fs::remove_file(lab.host("srv/runs/other")).unwrap();
    lab.replace_by_another();
    left("it is no longer as a plan made it");
    // Of a host without that ledger nothing was made by a plan.
    fs::remove_dir_all(lab.path("data")).unwrap();
    left("no plan of this host made what stands there");
}

#[test]
fn a_precondition_that_fails_removes_nothing() {
    let lab = Lab::new();
    lab.provision();
    lab.want(GONE);
    lab.plan();
    let approved = lab.approved();
    fs::write(lab.host("srv/runs/other"), "").unwrap();
    lab.refused(5, "stale_plan", &approved);
    assert!(lab.host("srv/runs/note").exists());
}

impl Lab {
    /// Another directory of the same owner and mode comes to stand where a plan had made one.
    fn replace_by_another(&self) {
        // Made while the other is there, so that it is another inode.
        self.world.host_folder("srv/other", 0o750);
        fs::remove_dir(self.host("srv/runs")).unwrap();
        fs::rename(self.host("srv/other"), self.host("srv/runs")).unwrap();
    }
}

#[test]
fn a_large_file_is_written_from_desired_state() {
    let lab = Lab::wanting("");
    let content = "0123456789abcde\n".repeat(20_000);
    lab.world.desired("hosts/a/files/big", &content);
    lab.want(
        "[file.\"/srv/big\"]\nowner = \"me\"\ngroup = \"me\"\nmode = \"0640\"\nsource = \"files/big\"\n",
    );
    let ran = lab.plan_with(&[]).ends_with(0);
    assert!(
        ran.stdout.contains("320000 bytes of `hosts/a/files/big` of that commit"),
        "{}",
        ran.stdout
    );
    assert!(fs::metadata(lab.path("plan.json")).unwrap().len() < 10_000);
    let approved = lab.approved();
    // Another commit that leaves it alone changes nothing; one that changes it does.
    lab.world.desired("README", "x");
    lab.world.commit();
    lab.world.desired("hosts/a/files/big", format!("{content}x"));
    lab.world.commit();
    lab.refused(5, "stale_plan", &approved);
    lab.world.desired("hosts/a/files/big", &content);
    lab.world.commit();
    lab.apply(&approved).ends_with(0);
    assert_eq!(fs::read_to_string(lab.host("srv/big")).unwrap(), content);
    let (first, back) = (lab.path("first.json"), lab.path("plan.json"));
    fs::copy(&back, &first).unwrap();
    lab.plan_with(&["--undo", &first]).ends_with(0);
    lab.apply(&lab.approved()).ends_with(0);
    assert!(!lab.host("srv/big").exists());
}
