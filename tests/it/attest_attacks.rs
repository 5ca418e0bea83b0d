//! What somebody who may push, who may sign a little, or who once could sign, cannot make of attestations.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::attest::{ATTEST, DESIRED, EXPLAIN, FLIP, Lab, NAMESPACE, id};
use crate::keys::sign;
use crate::program::resource;

#[test]
fn what_was_taken_back_stays_so_when_whoever_did_it_has_left() {
    let lab = Lab::new();
    let file = lab.attest("first", "owner", &["asked"]);
    lab.attest("second", "dba", &["--revoke", &id(&file)]);
    let revoked = |case: &str| {
        let (state, missing) = lab.gate();
        assert!(state == "NOT_RUN" && missing.contains("revoked: second"), "{case}: {missing}");
    };
    revoked("while the approver is there");
    let (first, other) = (lab.keys.line("first"), lab.keys.line("other"));
    let own = format!("version = 1\n[approver.first]\nkeys = [\"{first}\"]\nroles = [\"owner\"]\n");
    let attest = format!("[attest]\n{ATTEST}");
    let second = |keys: &str| format!("[approver.second]\n{keys}\nroles = [\"dba\"]\n");
    lab.file("trust.toml", &format!("{own}{}{attest}", second(&format!("keys = [\"{other}\"]"))));
    revoked("with another key");
    let line = lab.keys.line("second");
    let taken = format!("version = 1\nrevoked = [\"{line}\"]\n");
    let kept = second(&format!("keys = [\"{line}\"]"));
    let with_list = own.replacen("version = 1\n", &taken, 1);
    lab.file("trust.toml", &format!("{with_list}{kept}{attest}"));
    revoked("with a key that is revoked");
    lab.file("trust.toml", &format!("{own}{attest}"));
    revoked("without the approver");
}

#[test]
fn sentences_that_nobody_reviewed_are_not_taken() {
    let lab = Lab::new();
    let file = lab.signed("first", "owner", &["asked"]);
    let both = fs::read_to_string(&file).unwrap();
    let statement = &both[..both.find("-----BEGIN").unwrap()];
    // With the digest of the text of desired state, and another sentence to be read.
    let other = statement.replace("states: nobody was", "states: somebody was");
    assert_ne!(other, statement);
    let signature = sign(&lab.keys.path("first"), NAMESPACE, other.as_bytes());
    fs::write(&file, [other.as_bytes(), &signature].concat()).unwrap();
    let refused = lab.run(&["attest", "--import", &file]).ends_with(6).stderr;
    assert!(refused.contains("states another text"), "{refused}");
    assert_eq!(lab.gate().0, "NOT_RUN");
}

#[test]
fn people_who_mean_different_documents_have_not_stated_the_same() {
    let lab = Lab::new();
    let gap = |code| lab.run(&["gap", "list"]).ends_with(code).stdout;
    lab.attest("first", "owner", &["target", "--document", &"1".repeat(64)]);
    lab.attest("second", "dba", &["target", "--document", &"2".repeat(64)]);
    assert!(gap(4).contains("OPEN     GAP8"), "{}", gap(4));
    let status = lab.run(&["attest", "--status", "target"]).ends_with(4).stdout;
    assert!(status.contains("means another document than others do"), "{status}");
    // The newest word of each counts.
    lab.attest("second", "dba", &["target", "--document", &"1".repeat(64)]);
    assert!(gap(0).contains("CLOSED   GAP8"), "{}", gap(0));
}

#[test]
fn a_push_cannot_point_what_was_explained_at_something_else() {
    let lab = Lab::new();
    lab.world.host_file("etc/switch", "on = yes\n");
    lab.world.host_file("etc/live", "on = yes\n");
    let (shown, _) = lab.shown(FLIP);
    assert!(shown.contains("\n  question: sha256:"), "{shown}");
    assert!(shown.contains("/etc/switch") && shown.contains("\"key\":\"on\""), "{shown}");
    let file = lab.attest("first", "owner", FLIP);
    lab.check(0);
    lab.world.desired("hosts/a/resources.toml", DESIRED.replace("/etc/switch", "/etc/live"));
    lab.world.commit();
    let report = lab.check(2);
    assert!(resource(&report, "constant.switch")["explanations"].is_null());
    let notes = report["notes"].to_string();
    assert!(notes.contains("desired state looks at something else for it now"), "{notes}");
    let refused = lab.run(&["attest", "--import", &file]).ends_with(6).stderr;
    assert!(refused.contains("looks at something else"), "{refused}");
    // What is around it may change.
    let more =
        DESIRED.replace("[directory", "[directory.\"/srv/two\"]\npresent = false\n[directory");
    lab.world.desired("hosts/a/resources.toml", more);
    lab.world.commit();
    lab.check(0);
}

fn git(folder: &Path, words: &[&str]) {
    let mut git = Command::new("git");
    git.arg("-C").arg(folder).args(["-c", "user.name=a", "-c", "user.email=a@example.org"]);
    assert!(git.args(words).output().unwrap().status.success(), "{words:?}");
}

#[test]
fn what_says_less_than_is_there_cannot_be_explained() {
    let lab = Lab::new();
    let wanted = format!("{DESIRED}[git_head.\"/srv/repo\"]\nclean = true\n");
    lab.world.desired("hosts/a/resources.toml", wanted);
    lab.world.commit();
    lab.world.host_file("srv/repo/file", "as committed\n");
    let repo = lab.path("root/srv/repo");
    for words in [&["init", "-q"][..], &["add", "."], &["commit", "-q", "-m", "one"]] {
        git(&repo, words);
    }
    lab.check(0);
    lab.world.host_file("srv/repo/file", "changed\n");
    let report = lab.check(2);
    let found = resource(&report, "git_head./srv/repo")["differences"][0].clone();
    let expect = found["actual"].as_str().unwrap();
    let named = ["--explain", "git_head./srv/repo", "--field", "clean"];
    lab.attest("second", "dba", &[&named[..], &["--wanted", "true", "--expect", expect]].concat());
    // As many files may differ otherwise by now.
    let report = lab.check(2);
    let notes = report["notes"].to_string();
    assert!(notes.contains("clean of git_head./srv/repo cannot be explained"), "{notes}");
    assert_eq!(report["summary"]["explained"], 0);
    // What says all there is can be.
    lab.world.host_file("srv/repo/file", "as committed\n");
    lab.world.host_folder("srv/one", 0o755);
    lab.attest("second", "dba", EXPLAIN);
    assert_eq!(lab.check(0)["summary"]["explained"], 1);
}
