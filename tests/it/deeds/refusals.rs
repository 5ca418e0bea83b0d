//! Each refusal of `apply` with its exit code, its word on the ledger, what to do, and a host of which no byte is another.

use std::fs;
use std::os::unix::fs::symlink;
use std::sync::Arc;
use std::time::Duration;

use countersign::approval::{Decision, NAMESPACE};
use countersign::ledger::event::HaltLifted;
use countersign::ledger::{ActorKind, Event, Ledger, Writer};
use countersign::model::{Clock, Period, SystemClock, Timestamp};

use super::{Lab, WANTED, Who, said};
use crate::program::{command, ran, run};

#[test]
fn a_plan_is_stale_when_the_host_or_desired_state_has_moved() {
    let lab = Lab::new();
    lab.plan();
    let approved = lab.approved();
    lab.world.host_folder("srv/runs", 0o700);
    lab.refused(5, "stale_plan", &approved);
    fs::remove_dir(lab.host("srv/runs")).unwrap();
    let more = WANTED.replace("0640", "0644");
    lab.want(&more);
    lab.refused(5, "stale_plan", &approved);
    // What comes out the same is the same plan, whatever commit it comes from.
    lab.world.desired("README.md", "unrelated\n");
    lab.want(WANTED);
    lab.apply(&approved).ends_with(0);
    assert_eq!(fs::read(lab.host("srv/runs/note")).unwrap(), b"hello\n");
}

#[test]
fn a_plan_is_for_one_machine() {
    let (lab, other) = (Lab::new(), Lab::new());
    lab.plan();
    let approved = lab.approved();
    other.world.host_file("etc/machine-id", "f".repeat(32) + "\n");
    other.plan();
    fs::copy(lab.path("plan.json"), other.path("plan.json")).unwrap();
    other.refused(7, "wrong_host", &approved);
    lab.world.host_file("etc/machine-id", "f".repeat(32) + "\n");
    lab.refused(7, "wrong_host", &approved);
    lab.world.host_file("etc/machine-id", "");
    let ran = lab.apply(&approved).ends_with(4);
    assert!(ran.stderr.contains("cannot be told from others"), "{}", ran.stderr);
}

#[test]
fn an_edited_plan_is_none() {
    let lab = Lab::new();
    let (plan, _) = lab.plan();
    let approved = lab.approved();
    let whole = fs::read_to_string(lab.path("plan.json")).unwrap();
    let id = plan.id.clone();
    let another = if id.starts_with('a') { "b" } else { "a" };
    let other_id = format!("{another}{}", &id[1..]);
    for (field, with) in [
        ("\"v\":\"1\"", "\"v\":\"2\""),
        (id.as_str(), other_id.as_str()),
        ("\"name\":\"a\"", "\"name\":\"b\""),
        ("\"hostname\":\"testhost\"", "\"hostname\":\"other\""),
        ("\"databases\":{}", "\"databases\":{\"x\":{\"system_identifier\":\"1\",\"name\":\"x\"}}"),
        (&plan.source.commit[..8], "00000000"),
        ("\"scope\":\"host\"", "\"scope\":{\"gap\":\"GAP5\"}"),
        ("\"guards\":{}", "\"guards\":{\"file./x\":\"true\"}"),
        ("\"trust\":\"", "\"trust\":null,\"x\":\""),
        ("\"actions\":\"1\"", "\"actions\":\"2\""),
        ("\"version\":\"", "\"version\":\"9"),
        ("\"n\":\"1\"", "\"n\":\"2\""),
        ("\"resources\":[\"directory./srv/runs\"]", "\"resources\":[\"directory./srv/other\"]"),
        ("\"mode\":\"0750\"", "\"mode\":\"0777\""),
        ("\"text\":\"hello", "\"text\":\"jello"),
        ("\"is\":\"absent\"", "\"is\": \"absent\""),
        ("\"risk\":\"low\"", "\"risk\":\"high\""),
        ("\"before\":", "\"extra\":\"\",\"before\":"),
        ("}]}\n", "}]}"),
        ("}]}\n", "}]}\n\n"),
    ] {
        assert!(whole.contains(field), "{field} is not in {whole}");
        lab.world.write("edited.json", whole.replacen(field, with, 1));
        lab.refused_of("edited.json", 8, &["not_sealed", "plan_malformed"], &approved);
    }
    let steps = serde_json::to_string(&plan.steps[1]).unwrap();
    lab.world.write("edited.json", whole.replace(&format!(",{steps}"), ""));
    lab.refused_of("edited.json", 8, &["not_sealed"], &approved);
    lab.world
        .write("edited.json", whole.replace(&format!("{:?}", plan.host.id)[7..], &"0".repeat(64)));
    lab.refused_of("edited.json", 7, &["wrong_host"], &approved);
    // And a byte here and there.
    for at in (0..whole.len()).step_by(97) {
        let mut bytes = whole.clone().into_bytes();
        bytes[at] = if bytes[at] == b'0' { b'1' } else { b'0' };
        lab.world.write("edited.json", bytes);
        let before = lab.snapshot();
        let ran = lab.apply_with("edited.json", &approved);
        assert!(matches!(ran.code, 7 | 8), "byte {at}: {ran:?}");
        said(&ran);
        assert_eq!(lab.snapshot(), before);
    }
    lab.apply(&approved).ends_with(0);
}

#[test]
fn a_draft_is_not_sealed() {
    let lab = Lab::new();
    lab.plan_with(&["--draft"]).ends_with(0);
    let approved = lab.approved();
    lab.refused(8, "not_sealed", &approved);
}

#[test]
fn two_people_have_to_approve() {
    let lab = Lab::new();
    lab.plan();
    lab.refused(6, "missing", &[]);
    let approved = lab.approved();
    lab.refused(6, "insufficient", &approved[..1]);
    lab.refused(6, "insufficient", &[approved[0].clone(), approved[0].clone()]);
    let both_roles = lab.says(Who::Operator, NAMESPACE, |said| said.role = "owner".to_owned());
    lab.refused(6, "insufficient", &[approved[0].clone(), both_roles]);
    assert!(lab.worthless().contains(&"wrong_role".to_owned()));
}

#[test]
fn time_ends_a_plan_and_a_statement() {
    let lab = Lab::new();
    lab.plan();
    let operator = lab.says(Who::Operator, NAMESPACE, |_| ());
    let earlier = Timestamp::from_unix_seconds(SystemClock.now().unix_seconds() - 7200);
    let reviewer = lab.says(Who::Reviewer, NAMESPACE, |said| {
        said.not_before = earlier;
        said.expires = earlier.after(Period::from_seconds(3600));
    });
    lab.refused(6, "insufficient", &[operator.clone(), reviewer]);
    assert!(lab.worthless().contains(&"expired".to_owned()), "{:?}", lab.worthless());
    let reviewer = lab.says(Who::Reviewer, NAMESPACE, |said| {
        said.not_before = said.not_before.after(Period::from_seconds(1800));
    });
    lab.refused(6, "insufficient", &[operator, reviewer]);
    assert!(lab.worthless().contains(&"not_yet_valid".to_owned()), "{:?}", lab.worthless());
    let lab = Lab::new();
    lab.plan_with(&["--valid", "1s"]).ends_with(0);
    let approved = lab.approved();
    std::thread::sleep(Duration::from_millis(2100));
    lab.refused(5, "plan_expired", &approved);
}

#[test]
fn a_plan_runs_once() {
    let lab = Lab::new();
    let (_, digest) = lab.plan();
    let approved = lab.approved();
    lab.copy("data", "earlier");
    lab.apply(&approved).ends_with(0);
    lab.refused(6, "consumed", &approved);
    let later = fs::read(lab.ledger().join("checkpoint")).unwrap();
    lab.world.write("later.checkpoint", later);
    // As if nothing had been done.
    let undone = || {
        fs::remove_file(lab.host("srv/runs/note")).unwrap();
        fs::remove_dir(lab.host("srv/runs")).unwrap();
    };
    undone();
    lab.refused(6, "consumed", &approved);
    assert_eq!(lab.used(digest), 1);
    // Of a ledger that was taken back the mark beside it is left.
    lab.copy("data", "later");
    lab.copy("earlier/ledger", "data/ledger");
    lab.refused(6, "consumed", &approved);
    // Without a ledger nothing is sealed.
    fs::remove_dir_all(lab.path("data")).unwrap();
    lab.refused(8, "not_sealed", &approved);
    // Of a whole folder that was taken back nothing on this host is left: a checkpoint that was kept elsewhere tells.
    lab.copy("earlier", "data");
    let (ledger, kept) = (lab.ledger().display().to_string(), lab.path("later.checkpoint"));
    run(&["ledger", "--ledger", &ledger, "verify"]).ends_with(0);
    let ran = run(&["ledger", "--ledger", &ledger, "verify", "--checkpoint", &kept]).ends_with(8);
    assert!(ran.everything().contains("cut off"), "{}", ran.everything());
}

#[test]
fn a_ledger_is_held_against_what_the_approvers_saw() {
    let lab = Lab::new();
    lab.plan();
    lab.copy("data", "earlier");
    lab.refused(6, "missing", &[]);
    let seen = lab.checkpoint();
    let operator = lab.says(Who::Operator, NAMESPACE, |said| said.checkpoints = vec![seen.clone()]);
    let reviewer = lab.says(Who::Reviewer, NAMESPACE, |_| ());
    lab.copy("data", "later");
    // It was longer.
    lab.copy("earlier", "data");
    let ran = lab.refused(8, "ledger_contradicted", &[operator.clone(), reviewer.clone()]);
    assert!(ran.stderr.contains("operator saw a ledger"), "{}", ran.stderr);
    // It was another of that length: the refusal that was cut off has another time.
    assert!(lab.checkpoint().size >= seen.size);
    lab.refused(8, "ledger_contradicted", &[operator.clone(), reviewer.clone()]);
    // It was one of another name.
    let other = lab.says(Who::Operator, NAMESPACE, |said| {
        let mut seen = seen.clone();
        seen.origin.push('x');
        said.checkpoints = vec![seen];
    });
    lab.copy("later", "data");
    lab.refused(8, "ledger_contradicted", &[other, reviewer.clone()]);
    lab.apply(&[operator, reviewer]).ends_with(0);
}

#[test]
fn whoever_says_no_is_heard() {
    for (decision, word) in [(Decision::Reject, "rejected"), (Decision::Revoke, "revoked")] {
        let lab = Lab::new();
        lab.plan();
        let mut approved = lab.approved();
        approved.push(lab.says(Who::Reviewer, NAMESPACE, |said| said.decision = decision));
        lab.refused(6, word, &approved);
        // By the repository as well.
        let (_, digest) = lab.read();
        let no = approved.pop().unwrap();
        let blob = lab.branch(&["hash-object", "-w", &no]);
        let name = format!("refs/countersign/approvals/{digest}/no");
        lab.branch(&["update-ref", &name, blob.trim()]);
        lab.refused(6, word, &approved);
    }
}

#[test]
fn what_was_signed_for_another_purpose_counts_for_nothing() {
    let lab = Lab::new();
    lab.plan();
    let operator = lab.says(Who::Operator, NAMESPACE, |_| ());
    for namespace in ["git", "file", "countersign/halt/v1"] {
        let reviewer = lab.says(Who::Reviewer, namespace, |_| ());
        lab.refused(6, "insufficient", &[operator.clone(), reviewer]);
        assert_eq!(lab.worthless().last().unwrap(), "wrong_namespace");
    }
    let other = lab.says(Who::Reviewer, NAMESPACE, |said| said.summary.push('x'));
    lab.refused(6, "insufficient", &[operator.clone(), other]);
    assert_eq!(lab.worthless().last().unwrap(), "wrong_summary");
    let other = lab.says(Who::Reviewer, NAMESPACE, |said| said.host.replace_range(7..8, "x"));
    lab.refused(6, "insufficient", &[operator, other]);
    assert_eq!(lab.worthless().last().unwrap(), "wrong_host");
}

#[test]
fn a_window_that_is_shut_is_a_refusal() {
    let lab = Lab::new();
    lab.trust("separation = \"none\"\nfreeze = [\"2000-01-01/2999-12-31\"]\n");
    lab.plan();
    let approved = lab.approved();
    lab.refused(7, "outside_window", &approved);
    lab.trust("separation = \"none\"\n");
    lab.refused(5, "trust_changed", &approved);
    lab.mode("trust.toml", 0o666);
    lab.refused(78, "trust_unusable", &approved);
}

#[test]
fn a_repository_that_may_hold_a_veto_has_to_be_read() {
    let lab = Lab::new();
    let config = fs::read_to_string(lab.path("config.toml")).unwrap();
    let remote = format!("url = \"file://{}\"", lab.path("desired"));
    lab.file("config.toml", &config.replace("url = \"desired\"", &remote));
    let (_, digest) = lab.plan();
    let approved = lab.approved();
    let name = format!("refs/countersign/approvals/{digest}/reviewer");
    let put = |file: &str| {
        let blob = lab.branch(&["hash-object", "-w", file]);
        lab.branch(&["update-ref", &name, blob.trim()]);
    };
    put(&approved[1]);
    lab.refused(6, "insufficient", &[]);
    put(&approved[0]);
    lab.refused(6, "remote_unreachable", &approved);
}

#[test]
fn files_that_others_can_write_are_not_read() {
    let lab = Lab::new();
    lab.plan();
    let approved = lab.approved();
    let before = lab.snapshot();
    // Where the ledger is, is not believed of such a file; so nothing is recorded.
    lab.mode("config.toml", 0o666);
    said_insecure(&lab, &approved);
    lab.mode("config.toml", 0o644);
    for mode in [0o775, 0o757] {
        lab.mode("", mode);
        said_insecure(&lab, &approved);
    }
    lab.mode("", 0o755);
    lab.mode("data", 0o777);
    said_insecure(&lab, &approved);
    lab.mode("data", 0o755);
    assert_eq!(lab.snapshot(), before);
    lab.mode("trust.toml", 0o664);
    lab.refused(78, "trust_unusable", &approved);
    lab.mode("trust.toml", 0o644);
    lab.mode("switch.toml", 0o646);
    lab.refused(78, "switch_insecure", &approved);
    lab.mode("switch.toml", 0o644);
    lab.apply(&approved).ends_with(0);
}

#[track_caller]
fn said_insecure(lab: &Lab, approved: &[String]) {
    let ran = lab.apply(approved).ends_with(78);
    assert!(ran.stderr.contains("write"), "{}", ran.stderr);
}

#[test]
fn settings_come_from_the_configuration_alone() {
    let lab = Lab::new();
    lab.plan();
    let approved = lab.approved();
    let before = (lab.snapshot(), lab.events().len());
    let (plan, config) = (lab.path("plan.json"), lab.path("config.toml"));
    let words = ["apply", &plan, "--config", &config, "--approval", &approved[0]];
    for flag in ["--desired", "--rev", "--host", "--root", "--data"] {
        let ran = run(&[&words[..], &[flag, "x"]].concat()).ends_with(64);
        assert!(ran.stderr.contains(flag), "{}", ran.stderr);
        said(&ran);
    }
    for variable in ["DESIRED", "REV", "HOST", "ROOT", "DATA"] {
        let name = format!("COUNTERSIGN_{variable}");
        let mut apply = command(&words);
        let ran = ran(&apply.env(&name, "x").output().unwrap()).ends_with(64);
        assert!(ran.stderr.contains(&name), "{}", ran.stderr);
    }
    let mut apply = command(&["apply", &plan]);
    let ran = ran(&apply.env("COUNTERSIGN_CONFIG", &config).output().unwrap()).ends_with(64);
    assert!(ran.stderr.contains("COUNTERSIGN_CONFIG"), "{}", ran.stderr);
    assert_eq!((lab.snapshot(), lab.events().len()), before);
}

/// A guard that is read from a file which nobody says it lives in, and a plan that rewrites that file.
#[test]
fn a_guard_that_a_run_breaks_is_told() {
    let table = "[group.ops]\nmembers = []\nkill_switch = true\n\
                 [file.\"/srv/group\"]\nowner = \"me\"\ngroup = \"me\"\nmode = \"0644\"\nsource = \"files/note\"\n";
    let lab = Lab::wanting(table);
    let group = fs::read_to_string(lab.host("etc/group")).unwrap();
    lab.world.desired("hosts/a/files/note", format!("{group}ops:x:7:somebody\n"));
    lab.world.commit();
    lab.world.host_file("srv/group", format!("{group}ops:x:7:\n"));
    lab.mode("root/srv/group", 0o644);
    fs::remove_file(lab.host("etc/group")).unwrap();
    std::os::unix::fs::symlink("../srv/group", lab.host("etc/group")).unwrap();
    lab.plan_with(&[]).ends_with(0);
    let ran = lab.apply_with(&lab.path("plan.json"), &lab.approved()).ends_with(7);
    assert!(ran.stdout.contains("GUARD BROKEN: group.ops"), "{}", ran.stdout);
    let entries = fs::read_to_string(lab.ledger().join("00000000.jsonl")).unwrap();
    assert!(entries.contains("guard_broken_afterwards"), "{entries}");
}

const GUARD: &str = "[file.\"/srv/guard\"]\nmode = \"0600\"\nkill_switch = true\n";

#[test]
fn guards_stand_in_desired_state_and_hold() {
    let lab = Lab::wanting(&format!("{WANTED}{GUARD}"));
    lab.configure("[guard]\n\"file./srv/guard\" = { mode = \"0600\" }\n");
    lab.world.host_file("srv/guard", "");
    lab.mode("root/srv/guard", 0o600);
    lab.plan();
    let approved = lab.approved();
    lab.want(&format!("{WANTED}{}", GUARD.replace("0600", "0644")));
    lab.refused(7, "guard_loosened", &approved);
    lab.want(WANTED);
    lab.refused(7, "guard_loosened", &approved);
    lab.want(&format!("{WANTED}{GUARD}"));
    lab.mode("root/srv/guard", 0o644);
    lab.refused(7, "guard_broken", &approved);
    fs::remove_file(lab.host("srv/guard")).unwrap();
    lab.refused(7, "guard_broken", &approved);
    lab.world.host_file("srv/guard", "");
    lab.mode("root/srv/guard", 0o600);
    lab.apply(&approved).ends_with(0);
    // What is taken back is a change as well.
    fs::rename(lab.path("plan.json"), lab.path("first.json")).unwrap();
    lab.plan_with(&["--undo", &lab.path("first.json")]).ends_with(0);
    let approved = lab.approved();
    lab.mode("root/srv/guard", 0o644);
    lab.refused(7, "guard_broken", &approved);
    // And may not take a guard with it.
    lab.mode("root/srv/guard", 0o600);
    lab.want(&format!("{WANTED}kill_switch = true\n{GUARD}"));
    let ran = lab.refused(5, "stale_plan", &approved);
    assert!(ran.stderr.contains("signed were 2 steps"), "{}", ran.stderr);
    lab.want(&format!("{WANTED}{GUARD}"));
    lab.apply(&approved).ends_with(0);
    assert!(!lab.host("srv/runs").exists());
}

#[test]
fn a_ledger_that_does_not_verify_lets_nothing_run() {
    let lab = Lab::new();
    lab.plan();
    let approved = lab.approved();
    let before = lab.snapshot();
    let segment = lab.ledger().join("00000000.jsonl");
    let whole = fs::read(&segment).unwrap();
    for at in [40, whole.len() / 2, whole.len() - 20] {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        fs::write(&segment, bytes).unwrap();
        let ran = lab.apply(&approved).ends_with(8);
        said(&ran);
        lab.plan_with(&[]).ends_with(8);
    }
    let cut = whole[..whole.len() - 1].iter().rposition(|byte| *byte == b'\n').unwrap();
    fs::write(&segment, &whole[..=cut]).unwrap();
    said(&lab.apply(&approved).ends_with(8));
    fs::write(&segment, &whole).unwrap();
    let checkpoint = lab.ledger().join("checkpoint");
    let note = fs::read(&checkpoint).unwrap();
    fs::remove_file(&checkpoint).unwrap();
    said(&lab.apply(&approved).ends_with(4));
    fs::write(&checkpoint, note).unwrap();
    assert_eq!(lab.snapshot(), before);
    lab.apply(&approved).ends_with(0);
}

#[derive(Debug)]
struct Fast;

impl Clock for Fast {
    fn now(&self) -> Timestamp {
        SystemClock.now().after(Period::from_seconds(3600))
    }
}

#[test]
fn a_clock_that_went_backwards_is_not_believed() {
    let lab = Lab::new();
    lab.plan();
    let approved = lab.approved();
    let writer = Writer::this(ActorKind::Executor).with_clock(Arc::new(Fast));
    let mut ledger = Ledger::open(&lab.ledger(), writer).unwrap();
    let event = HaltLifted { by: "x".to_owned(), reason: "x".to_owned() };
    ledger.append(&event.into(), &[]).unwrap();
    ledger.checkpoint().unwrap();
    drop(ledger);
    lab.refused(7, "clock_regressed", &approved);
    assert!(lab.events().iter().any(|event| matches!(event, Event::ClockRegressed(_))));
}

#[test]
fn a_folder_that_others_could_swap_is_not_worked_in() {
    let lab = Lab::wanting(&WANTED.replace("/srv/runs", "/srv/app/runs"));
    lab.world.host_folder("srv/app", 0o755);
    lab.world.host_folder("elsewhere", 0o755);
    let (_, digest) = lab.plan();
    let approved = lab.approved();
    fs::rename(lab.host("srv/app"), lab.host("srv/moved")).unwrap();
    symlink("../elsewhere", lab.host("srv/app")).unwrap();
    lab.refused(5, "stale_plan", &approved);
    fs::remove_file(lab.host("srv/app")).unwrap();
    fs::rename(lab.host("srv/moved"), lab.host("srv/app")).unwrap();
    for (folder, mode) in [("srv/app", 0o777), ("srv", 0o1777), ("", 0o775)] {
        let lab = Lab::wanting(&WANTED.replace("/srv/runs", "/srv/app/runs"));
        lab.world.host_folder("srv/app", 0o755);
        lab.world.host_folder(folder, mode);
        let (_, digest) = lab.plan();
        let approved = lab.approved();
        let before = lab.snapshot();
        let ran = lab.apply(&approved).ends_with(5);
        assert!(ran.stdout.contains("others could change"), "{}", ran.stdout);
        assert_eq!(lab.snapshot(), before);
        assert!(lab.events().iter().any(|event| matches!(event, Event::PlanFailed(_))));
        assert_eq!(lab.used(digest), 1);
    }
    lab.apply(&approved).ends_with(0);
    assert_eq!(lab.used(digest), 1);
}

#[test]
fn switched_off_nothing_is_opened_or_changed() {
    let lab = Lab::new();
    lab.plan();
    let approved = lab.approved();
    // Desired state is not there to be opened, so whoever tried would say so.
    fs::rename(lab.path("desired"), lab.path("away")).unwrap();
    for (text, word) in [
        ("version = 1\n", "switched_off"),
        ("version = 1\napply = false\n", "switched_off"),
        ("version = 1\nprove = true\n", "switched_off"),
        ("version = 1\napply = true\napply = true\n", "switch_unreadable"),
        ("", "switch_unreadable"),
    ] {
        lab.file("switch.toml", text);
        lab.refused(7, word, &approved);
    }
    fs::remove_file(lab.path("switch.toml")).unwrap();
    lab.refused(7, "switch_unreadable", &approved);
    lab.file("switch.toml", "version = 1\napply = true\n");
    let config = lab.path("config.toml");
    run(&["halt", "--config", &config, "--reason", "stop"]).ends_with(0);
    lab.refused(7, "halted", &approved);
    run(&["halt", "--config", &config, "--lift", "--reason", "go on"]).ends_with(0);
    lab.refused(1, "source_unusable", &approved);
    fs::rename(lab.path("away"), lab.path("desired")).unwrap();
    lab.apply(&approved).ends_with(0);
}

#[test]
fn what_changes_between_gate_and_step_is_left_alone() {
    use std::fmt::Write as _;
    let mut wanted = String::new();
    for n in 0..60 {
        let _ = write!(
            wanted,
            "[directory.\"/srv/d{n:02}\"]\nowner = \"me\"\ngroup = \"me\"\nmode = \"0750\"\n"
        );
    }
    let lab = Lab::wanting(&wanted);
    lab.plan();
    let approved = lab.approved();
    let (first, last) = (lab.host("srv/d00"), lab.host("srv/d59"));
    let ended = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !first.exists() && !ended.load(std::sync::atomic::Ordering::Relaxed) {
                std::thread::yield_now();
            }
            fs::write(&last, "somebody else's").unwrap();
        });
        let ran = lab.apply(&approved);
        ended.store(true, std::sync::atomic::Ordering::Relaxed);
        let ran = ran.ends_with(9);
        assert!(ran.stdout.contains("STOPPED"), "{}", ran.stdout);
    });
    assert_eq!(fs::read(&last).unwrap(), b"somebody else's");
    assert!(lab.host("srv/d58").exists());
    assert!(matches!(lab.events().last(), Some(Event::PlanFailed(_))));
}
