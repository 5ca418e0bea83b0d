//! `check` from the outside: verdicts, exit codes, the JSON contract, waivers, baselines, recordings.

use std::fs;

use serde_json::json;

use crate::program::{World, resource, run};

const FOLDER: &str = "[directory.\"/srv/app\"]\nmode = \"0750\"\n";

#[test]
fn in_sync_is_0_and_says_so_last() {
    let world = World::wanting(FOLDER);
    world.host_folder("srv/app", 0o750);
    let ran = world.check(&[]).ends_with(0);
    assert!(ran.stdout.ends_with("IN SYNC: 1 in sync\n"), "{}", ran.stdout);
}

#[test]
fn drift_is_2_and_the_json_is_the_contract() {
    let world = World::wanting(&format!(
        "{FOLDER}gap = \"GAP5\"\nseverity = \"critical\"\nnext_action = \"make it\"\n"
    ));
    world.host_folder("srv/app", 0o755);
    let report = world.report(2);
    assert_eq!(report["schema"], "countersign.report");
    assert_eq!(report["version"], 1);
    assert_eq!(report["host"], "a");
    assert_eq!(report["commit"], json!(null));
    assert_eq!(report["pinned"], false);
    assert_eq!(report["sandbox"], true);
    assert_eq!(report["verdict"], "drift");
    assert_eq!(
        report["summary"],
        json!({"in_sync": 0, "drift": 1, "pending": 0, "unknown": 0, "waived": 0, "explained": 0})
    );
    let one = resource(&report, "directory./srv/app");
    assert_eq!(one["kind"], "directory");
    assert_eq!(one["name"], "/srv/app");
    assert_eq!(one["verdict"], "drift");
    assert_eq!(one["severity"], "critical");
    assert_eq!(one["route"], "host");
    assert_eq!(one["gap"], "GAP5");
    assert_eq!(one["next_action"], "make it");
    assert_eq!(one["evidence"], "stat");
    for absent in ["reason", "waiver", "counts"] {
        assert!(one.as_object().unwrap().contains_key(absent) && one[absent].is_null(), "{absent}");
    }
    assert_eq!(one["differences"], json!([{"field": "mode", "desired": "0750", "actual": "0755"}]));
    assert_eq!(one["observed_at"], report["observed_at"]);
}

#[test]
fn committed_desired_state_is_pinned_and_an_edit_makes_it_unpinned() {
    let world = World::wanting(FOLDER);
    world.host_folder("srv/app", 0o750);
    let commit = world.commit();
    let report = world.report(0);
    assert_eq!((&report["commit"], &report["pinned"]), (&json!(commit), &json!(true)));
    world.desired("hosts/a/resources.toml", "[directory.\"/srv/app\"]\nmode = \"0700\"\n");
    let report = world.report(2);
    assert_eq!((&report["commit"], &report["pinned"]), (&json!(null), &json!(false)));
    // The commit can still be named, and is then read from git, whatever lies in the folder.
    let at = world.check(&["--rev", &commit, "--output", "json"]).ends_with(0).report();
    assert_eq!(at["pinned"], true);
}

#[test]
fn the_identity_is_checked_before_anything_else() {
    let world = World::wanting(FOLDER);
    world.host_file("etc/hostname", "another\n");
    let ran = world.check(&[]).ends_with(7);
    assert!(
        ran.stdout.is_empty() && ran.stderr.contains("testhost") && ran.stderr.contains("another"),
        "{ran:?}"
    );
}

#[test]
fn an_identity_that_cannot_be_read_makes_everything_unknown() {
    let world = World::wanting(FOLDER);
    world.host_folder("srv/app", 0o750);
    fs::remove_file(world.path("root/etc/hostname")).unwrap();
    let report = world.report(4);
    assert_eq!(resource(&report, "directory./srv/app")["reason"], "identity_unverified");
}

#[test]
fn unknown_is_never_folded_into_drift() {
    let two =
        "[directory.\"/srv/app\"]\nmode = \"0750\"\n[directory.\"/link/app\"]\nmode = \"0750\"\n";
    let world = World::wanting(two);
    std::os::unix::fs::symlink("srv", world.path("root/link")).unwrap();
    let report = world.report(4);
    assert_eq!(report["verdict"], "unknown");
    assert_eq!(
        report["summary"],
        json!({"in_sync": 0, "drift": 1, "pending": 0, "unknown": 1, "waived": 0, "explained": 0})
    );
    assert_eq!(resource(&report, "directory./link/app")["reason"], "symlink_on_path");
    assert_eq!(resource(&report, "directory./srv/app")["verdict"], "drift");
}

#[test]
fn what_desired_state_changed_since_the_baseline_is_pending() {
    let world = World::wanting(FOLDER);
    world.host_folder("srv/app", 0o750);
    world.host_folder("srv/other", 0o755);
    let before = world.commit();
    let moved =
        "[directory.\"/srv/app\"]\nmode = \"0700\"\n[directory.\"/srv/new\"]\nmode = \"0700\"\n";
    world.desired("hosts/a/resources.toml", moved);
    world.commit();
    world.check(&[]).ends_with(2);
    let report = world.check(&["--since", &before, "--output", "json"]).ends_with(3).report();
    assert_eq!(report["verdict"], "pending");
    assert_eq!(report["since"], json!(before));
    assert_eq!(report["summary"]["pending"], 2);
    // Live moved as well: that is drift, whatever desired state did.
    world.host_folder("srv/app", 0o711);
    let report = world.check(&["--since", &before, "--output", "json"]).ends_with(2).report();
    assert_eq!(resource(&report, "directory./srv/app")["verdict"], "drift");
    assert_eq!(resource(&report, "directory./srv/new")["verdict"], "pending");
    world.check(&["--since", "nowhere"]).ends_with(1);
}

#[test]
fn another_question_about_the_same_name_since_the_baseline_has_an_answer_of_its_own() {
    let constant = |key: &str, value: &str| {
        format!(
            "[constant.a]\nfile = \"/srv/f\"\nformat = \"dotenv\"\nkey = \"{key}\"\nvalue = \"{value}\"\n"
        )
    };
    let world = World::wanting(&constant("A", "1"));
    world.host_file("srv/f", "A=1\nB=2\n");
    let before = world.commit();
    let since = |code: i32| {
        world.commit();
        world.check(&["--since", &before]).ends_with(code);
    };
    for (key, value, code) in [("B", "2", 0), ("B", "3", 3), ("A", "2", 3)] {
        world.desired("hosts/a/resources.toml", constant(key, value));
        since(code);
    }
    world.host_file("srv/f", "A=5\nB=2\n");
    since(2);
}

#[test]
fn a_waiver_is_shown_and_counted_until_it_expires() {
    let waiver = |expires: &str| {
        format!(
            "[waiver.\"directory./srv/app\"]\nowner = \"ops\"\nreason = \"known\"\nexpires = {expires}\n"
        )
    };
    let world = World::wanting(FOLDER);
    world.desired("hosts/a/waivers.toml", waiver("2999-12-31"));
    let report = world.report(0);
    let one = resource(&report, "directory./srv/app");
    assert_eq!(report["summary"]["waived"], 1);
    assert_eq!(one["verdict"], "drift");
    assert_eq!(
        one["waiver"],
        json!({"name": "directory./srv/app", "owner": "ops", "reason": "known", "expires": "2999-12-31T23:59:59Z"})
    );
    let text = world.check(&[]).ends_with(0).stdout;
    assert!(text.contains("waived until 2999-12-31T23:59:59Z by ops: known"), "{text}");
    assert!(text.contains("1 waived"), "{text}");

    world.desired("hosts/a/waivers.toml", waiver("\"2020-01-01\""));
    let ran = world.check(&["--output", "json"]).ends_with(2);
    assert!(ran.stderr.contains("CS0018"), "{}", ran.stderr);
    assert!(resource(&ran.report(), "directory./srv/app")["waiver"].is_null());
}

#[test]
fn a_waiver_does_not_cover_what_cannot_be_told() {
    let world = World::wanting("[directory.\"/link/app\"]\nmode = \"0750\"\n");
    std::os::unix::fs::symlink("srv", world.path("root/link")).unwrap();
    world.desired(
        "hosts/a/waivers.toml",
        "[waiver.\"directory./link/app\"]\nowner = \"ops\"\nreason = \"known\"\nexpires = 2999-12-31\n",
    );
    world.check(&[]).ends_with(4);
}

#[test]
fn a_recorded_world_is_judged_as_the_live_one_was() {
    let world = World::wanting(FOLDER);
    world.host_folder("srv/app", 0o755);
    let file = world.path("world.json");
    let recorded =
        world.check(&["--output", "json", "--record", file.to_str().unwrap()]).ends_with(2);
    fs::remove_dir_all(world.path("root")).unwrap();
    let desired = world.path("desired");
    let words =
        ["check", "--desired", desired.to_str().unwrap(), "--replay", file.to_str().unwrap()];
    let replayed = run(&[&words[..], &["--output", "json"]].concat()).ends_with(2);
    let (mut before, mut after) = (recorded.report(), replayed.report());
    assert_eq!(after["replayed"], true);
    for report in [&mut before, &mut after] {
        for made in ["replayed", "sandbox"] {
            report.as_object_mut().unwrap().remove(made);
        }
    }
    assert_eq!(before, after);
    // Another expectation is another verdict of the same world; another question has no answer in it.
    world.desired("hosts/a/resources.toml", "[directory.\"/srv/app\"]\nmode = \"0755\"\n");
    run(&words).ends_with(0);
    world.desired("hosts/a/resources.toml", "[directory.\"/srv/else\"]\nmode = \"0755\"\n");
    let report = run(&[&words[..], &["--output", "json"]].concat()).ends_with(4).report();
    assert_eq!(resource(&report, "directory./srv/else")["reason"], "not_recorded");
    world.write("world.json", "{}");
    run(&words).ends_with(1);
}

#[test]
fn two_looks_at_one_world_print_the_same_bytes() {
    let world = World::wanting(FOLDER);
    let strip = |text: String| -> String {
        let stamped = |line: &&str| !line.contains("observed_at") && !line.contains("20");
        text.lines().filter(stamped).collect::<Vec<_>>().join("\n")
    };
    for format in ["text", "json", "markdown"] {
        let look = || strip(world.check(&["--output", format]).ends_with(2).stdout);
        assert_eq!(look(), look(), "{format}");
    }
}

#[test]
fn a_report_can_be_written_to_a_file() {
    let world = World::wanting(FOLDER);
    let file = world.path("report.md");
    let ran = world
        .check(&["--output", "markdown", "--color", "always", "-o", file.to_str().unwrap()])
        .ends_with(2);
    let text = fs::read_to_string(&file).unwrap();
    assert!(
        ran.stdout.is_empty() && text.starts_with("# DRIFT on a\n") && !text.contains('\u{1b}'),
        "{text}"
    );
    assert!(
        text.contains("| directory./srv/app | major |  | presence | present | absent |"),
        "{text}"
    );
    world.check(&["-o", "/nonexistent/report"]).ends_with(1);
}

#[test]
fn hostile_names_cannot_reach_the_terminal() {
    let world =
        World::wanting("[directory.\"/srv/\\u001b]0;owned\\u0007\\u202e\"]\nmode = \"0750\"\n");
    for format in ["text", "markdown"] {
        let ran = world.check(&["--output", format, "--color", "never"]).ends_with(2);
        let hostile = |c: char| matches!(c, '\u{1b}' | '\u{7}' | '\u{202e}');
        assert!(!ran.everything().contains(hostile), "{format}: {}", ran.stdout);
        assert!(ran.stdout.contains("u{1b}"), "{}", ran.stdout);
    }
}

#[test]
fn usage_errors_are_64_and_help_is_0() {
    run(&["check", "--no-such-flag"]).ends_with(64);
    run(&["no-such-verb"]).ends_with(64);
    run(&[]).ends_with(64);
    run(&["--help"]).ends_with(0);
    for verb in [
        &["check", "--desired", "."][..],
        &["lint", "."],
        &["explain"],
        &["version"],
        &["config", "show"],
    ] {
        let ran = run(&[verb, &["--output", "yaml"]].concat()).ends_with(64);
        assert!(ran.stderr.contains("`yaml`") && ran.stderr.contains("hint"), "{verb:?} {ran:?}");
    }
    run(&["version", "--output", "json"]).ends_with(64);
    run(&["check"]).ends_with(64);
    let world = World::wanting(FOLDER);
    world.desired("hosts/b/host.toml", "[host]\n");
    let ran = world.check(&[]).ends_with(64);
    assert!(ran.stderr.contains("--host") && ran.stderr.contains("a, b"), "{}", ran.stderr);
    world.check(&["--host", "a"]).ends_with(2);
    let ran = world.check(&["--host", "aa"]).ends_with(65);
    assert!(ran.stderr.contains("did you mean `a`?"), "{}", ran.stderr);
}

#[test]
fn quiet_is_one_line_and_verbose_names_what_is_in_sync() {
    let world = World::wanting(FOLDER);
    world.host_folder("srv/app", 0o750);
    assert_eq!(world.check(&["-q"]).ends_with(0).stdout, "IN SYNC: 1 in sync\n");
    assert!(world.check(&["-v"]).ends_with(0).stdout.contains("directory./srv/app"));
}

#[test]
fn a_look_can_be_narrowed_but_not_to_nothing() {
    let world = World::wanting(&format!("{FOLDER}[file.\"/srv/app/x\"]\n"));
    world.host_folder("srv/app", 0o750);
    world.check(&[]).ends_with(2);
    let report = world.check(&["--only", "directory.*", "--output", "json"]).ends_with(0).report();
    assert_eq!(report["only"], json!(["directory.*"]));
    assert_eq!(report["resources"].as_array().unwrap().len(), 1);
    world.check(&["--only", "directory.*", "--only", "*/srv/app/x"]).ends_with(2);
    let ran = world.check(&["--only", "tree.*"]).ends_with(65);
    assert!(ran.stderr.contains("matches `tree.*`"), "{}", ran.stderr);
}
