//! The process is killed at every boundary of an apply. Afterwards the ledger verifies, each step is known as applied or not,
//! nothing runs twice, nothing is left lying about, and a new plan does the rest.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::ExitStatusExt as _;

use countersign::ledger::{Event, Outcome};
use countersign::model::Digest;
use countersign::plan::Plan;

use super::Lab;
use crate::program::{killed_at, run, skipped};

/// Every action at a path; `/srv/owned` only where somebody else's owner can be set.
fn wanted() -> String {
    let me = "owner = \"me\"\ngroup = \"me\"\n";
    let mut text = format!(
        "[directory.\"/srv/runs\"]\n{me}mode = \"0750\"\n\
         [file.\"/srv/runs/note\"]\n{me}mode = \"0640\"\nsource = \"files/note\"\n\
         [symlink.\"/srv/link\"]\n{me}target = \"/srv/runs\"\n\
         [file.\"/srv/old\"]\n{me}mode = \"0640\"\nsource = \"files/note\"\n\
         [directory.\"/srv/mode\"]\n{me}mode = \"0700\"\n"
    );
    if rustix::process::geteuid().is_root() {
        text.push_str(
            "[file.\"/srv/owned\"]\nowner = \"other\"\ngroup = \"other\"\nmode = \"0644\"\n",
        );
    }
    text
}

fn lab() -> Lab {
    let lab = Lab::wanting(&wanted());
    lab.configure("show_content = [\"/srv/**\"]\n");
    if !rustix::process::geteuid().is_root() {
        skipped("set_owner in crashes", "only root gives files away");
    }
    lab
}

/// The host before anything was planned.
fn lay(lab: &Lab) {
    fs::remove_dir_all(lab.host("srv")).unwrap();
    lab.world.host_folder("srv", 0o755);
    lab.world.host_file("srv/old", "old\n");
    lab.world.host_folder("srv/mode", 0o755);
    lab.world.host_file("srv/mode/in", "x");
    lab.world.host_file("srv/owned", "x");
    fs::set_permissions(lab.host("srv/owned"), fs::Permissions::from_mode(0o600)).unwrap();
}

/// What stands there, without what only another inode tells.
fn content(lab: &Lab) -> Vec<String> {
    let mut told = Vec::new();
    for (path, text) in lab.snapshot() {
        let (before, after) = text.split_once(" inode ").unwrap();
        let after = after.split_once(" changed ").unwrap().1;
        let digest = after.split_once(' ').map_or("", |(_, rest)| rest);
        told.push(format!("{} {before} {digest}", path.display()));
    }
    told
}

fn require_no_leftovers(lab: &Lab, at: u64) {
    let left: Vec<_> = lab
        .snapshot()
        .into_keys()
        .filter(|path| {
            path.file_name().is_some_and(|name| name.to_string_lossy().contains(".countersign"))
        })
        .collect();
    assert!(left.is_empty(), "boundary {at}: {left:?}");
}

/// Each step of a plan that was begun has exactly one end. Answers those that were done.
fn ends(lab: &Lab, plan: Digest, at: u64) -> BTreeSet<u64> {
    let (mut begun, mut ended, mut done) = (Vec::new(), Vec::new(), BTreeSet::new());
    for event in lab.events() {
        match event {
            Event::StepIntent(intent) if intent.plan == plan => begun.push(intent.step.0),
            Event::StepOutcome(outcome) if outcome.plan == plan => {
                ended.push(outcome.step.0);
                match outcome.outcome {
                    Outcome::Applied | Outcome::Recovered => drop(done.insert(outcome.step.0)),
                    Outcome::NotApplied => {}
                    other => panic!("boundary {at}: step {} {other:?}", outcome.step),
                }
            }
            _ => {}
        }
    }
    assert_eq!(begun, ended, "boundary {at}");
    let once: BTreeSet<u64> = begun.iter().copied().collect();
    assert_eq!(once.len(), begun.len(), "boundary {at}: a step was begun twice");
    done
}

/// Runs the plan until the boundary. False when it came to its end before.
fn killed(lab: &Lab, approved: &[String], at: u64) -> bool {
    let (config, plan) = (lab.path("config.toml"), lab.path("plan.json"));
    let mut words = vec!["apply", &plan, "--config", &config];
    for file in approved {
        words.extend(["--approval", file]);
    }
    let output = killed_at(at, &lab.ledger(), &words).output().unwrap();
    if output.status.signal() == Some(9) {
        return true;
    }
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "boundary {at}: {text}");
    false
}

/// After a crash: the record is whole, and the same plan either runs for the first time or not at all.
fn recover(
    lab: &Lab,
    (plan, digest): (&Plan, Digest),
    approved: &[String],
    at: u64,
) -> BTreeSet<u64> {
    let ledger = lab.ledger().display().to_string();
    run(&["ledger", "--ledger", &ledger, "verify"]).ends_with(0);
    let again = lab.apply(approved);
    assert!(matches!(again.code, 0 | 6), "boundary {at}: {again:?}");
    assert_eq!(lab.used(digest), usize::from(lab.used(digest) > 0), "boundary {at}");
    require_no_leftovers(lab, at);
    let done = ends(lab, digest, at);
    assert_eq!(
        again.code == 0,
        done.len() == plan.steps.len() && again.stdout.contains("applied:")
    );
    done
}

/// All boundaries in CI; elsewhere one in six, to be quick.
fn boundaries() -> impl Iterator<Item = u64> {
    let each = if std::env::var_os("CI").is_some() { 1 } else { 6 };
    (0..5000).step_by(each)
}

#[test]
fn a_crash_of_an_apply_is_known_for_what_it_was() {
    let lab = lab();
    let mut crashes = 0;
    for at in boundaries() {
        lay(&lab);
        let (plan, digest) = lab.plan();
        let approved = lab.approved();
        if !killed(&lab, &approved, at) {
            break;
        }
        crashes += 1;
        let done = recover(&lab, (&plan, digest), &approved, at);
        // A new plan does exactly the rest.
        let ran = lab.plan_with(&[]).ends_with(0);
        if done.len() == plan.steps.len() {
            assert!(ran.stdout.contains("no steps"), "boundary {at}: {}", ran.stdout);
        } else {
            let (rest, other) = lab.read();
            assert_ne!(other, digest, "boundary {at}: the plan that was used up is offered again");
            let rest: Vec<_> = rest.steps.iter().map(|step| &step.action).collect();
            let open = plan.steps.iter().filter(|step| !done.contains(&step.n.0));
            let open: Vec<_> = open.map(|step| &step.action).collect();
            assert_eq!(rest, open, "boundary {at}");
            lab.apply(&lab.approved()).ends_with(0);
        }
        let config = lab.path("config.toml");
        run(&["check", "--config", &config]).ends_with(0);
        require_no_leftovers(&lab, at);
    }
    assert!(crashes > 10, "{crashes} boundaries");
}

#[test]
fn a_crash_of_an_undo_is_known_for_what_it_was() {
    let lab = lab();
    let mut crashes = 0;
    for at in boundaries() {
        lay(&lab);
        let before = content(&lab);
        lab.provision();
        fs::copy(lab.path("plan.json"), lab.path("first.json")).unwrap();
        let first = lab.path("first.json");
        let planned = lab.plan_with(&["--undo", &first]).ends_with(0);
        let (plan, digest) = lab.read();
        let made = Plan::read(&fs::read(&first).unwrap()).unwrap();
        assert_eq!(plan.steps.len(), made.steps.len(), "{}", planned.stdout);
        let approved = lab.approved();
        if !killed(&lab, &approved, at) {
            assert_eq!(content(&lab), before);
            break;
        }
        crashes += 1;
        let done = recover(&lab, (&plan, digest), &approved, at);
        if done.len() < plan.steps.len() {
            lab.plan_with(&["--undo", &first]).ends_with(0);
            let (rest, _) = lab.read();
            assert_eq!(rest.steps.len(), plan.steps.len() - done.len(), "boundary {at}");
            lab.apply(&lab.approved()).ends_with(0);
        }
        assert_eq!(content(&lab), before, "boundary {at}");
        require_no_leftovers(&lab, at);
    }
    assert!(crashes > 10, "{crashes} boundaries");
}

#[test]
fn a_crash_while_a_crash_is_recovered_is_recovered_as_well() {
    let lab = lab();
    // Where steps are under way, found by trying.
    for at in [45, 60, 75] {
        for again in 0..12 {
            lay(&lab);
            let (plan, digest) = lab.plan();
            let approved = lab.approved();
            if !killed(&lab, &approved, at) || lab.used(digest) == 0 {
                break;
            }
            let (config, file) = (lab.path("config.toml"), lab.path("plan.json"));
            let words = ["apply", &file, "--config", &config];
            let output = killed_at(again, &lab.ledger(), &words).output().unwrap();
            assert!(output.status.signal() == Some(9) || output.status.code() == Some(6));
            recover(&lab, (&plan, digest), &approved, at);
        }
    }
}
