//! Gates from the outside: what passes, what does not and why, what blocks what, and that nothing passes that did not run.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::program::{Ran, World, run};

const RESOURCES: &str = "[directory.\"/srv/one\"]\nmode = \"0750\"\n[directory.\"/srv/two\"]\nmode = \"0750\"\n\
     [constant.switch]\nfile = \"/etc/switch\"\nformat = \"ini\"\nkey = \"on\"\nvalue = \"no\"\nkill_switch = true\n";

/// A world in which everything holds.
fn world(gates: &str) -> World {
    let world = World::wanting(RESOURCES);
    world.host_folder("srv/one", 0o750);
    world.host_folder("srv/two", 0o750);
    world.host_file("etc/switch", "on = no\n");
    world.desired("hosts/a/gates.toml", gates);
    world
}

fn gates(world: &World, code: i32) -> Value {
    world.run("gate", &["--output", "json"]).ends_with(code).report()
}

#[track_caller]
fn gate<'a>(report: &'a Value, name: &str) -> &'a Value {
    report["gates"].as_array().unwrap().iter().find(|one| one["gate"] == name).unwrap()
}

fn states(report: &Value) -> Vec<String> {
    let of = |one: &Value| format!("{} {}", one["gate"], one["state"]).replace('"', "");
    report["gates"].as_array().unwrap().iter().map(of).collect()
}

const CHAIN: &str = "[gate.G0]\ntitle = \"first\"\nrequires = [\"kill_switch\", \"directory./srv/one\"]\n\
     [gate.G1]\ntitle = \"second\"\nneeds = [\"G0\"]\nrequires = [\"directory./srv/two\"]\n\
     [gate.G2]\ntitle = \"apart\"\nrequires = [\"directory./srv/two\"]\n\
     [gate.G3]\ntitle = \"all\"\nneeds = [\"G1\", \"G2\"]\n";

#[test]
fn what_holds_passes_and_says_what_it_rests_on() {
    let world = world(CHAIN);
    let report = gates(&world, 0);
    assert_eq!(states(&report), ["G0 PASS", "G1 PASS", "G2 PASS", "G3 PASS"]);
    assert_eq!(report["summary"]["ready"], true);
    let evidence = &gate(&report, "G0")["backing"][0]["evidence"][0];
    assert!(evidence.as_str().unwrap().starts_with("constant.switch parsed 20"), "{evidence}");
    let ran = world.run("gate", &["-q"]).ends_with(0);
    assert_eq!(ran.stdout, "READY: 4 of 4 gates pass\n");
}

#[test]
fn a_failure_blocks_what_needs_it_and_nothing_else() {
    let world = world(CHAIN);
    world.host_folder("srv/one", 0o755);
    let report = gates(&world, 2);
    assert_eq!(states(&report), ["G0 FAIL", "G1 BLOCKED", "G2 PASS", "G3 BLOCKED"]);
    assert_eq!(gate(&report, "G1")["blocked_by"], json!(["G0"]));
    let missing = gate(&report, "G0")["missing"].as_str().unwrap();
    assert_eq!(missing, "directory./srv/one: mode is \"0755\", where \"0750\" is wanted");
    let ran = world.run("gate", &["-q"]).ends_with(2);
    assert_eq!(ran.stdout, "NOT READY: 1 of 4 gates pass; G0 FAIL; waiting: G1, G3\n");
    // Asked for by name, with what it needs and nothing else.
    let named = world.run("gate", &["gate.G1", "--output", "json"]).ends_with(2).report();
    assert_eq!(states(&named), ["G0 FAIL", "G1 BLOCKED"]);
    world.run("gate", &["G2"]).ends_with(0);
}

#[test]
fn what_cannot_be_told_is_no_pass_and_decides_the_code() {
    let world = world(CHAIN);
    fs::remove_dir(world.path("root/srv/two")).unwrap();
    fs::remove_dir(world.path("root/srv/one")).unwrap();
    fs::remove_dir(world.path("root/srv")).unwrap();
    std::os::unix::fs::symlink("var", world.path("root/srv")).unwrap();
    world.host_folder("var/one", 0o750);
    world.host_folder("var/two", 0o750);
    let report = gates(&world, 4);
    // The guard of G0 holds; of G2 nothing could be told.
    assert_eq!(states(&report), ["G0 PARTIAL", "G1 BLOCKED", "G2 NOT_RUN", "G3 BLOCKED"]);
    assert_eq!(gate(&report, "G2")["backing"][0]["held"], "untold");
}

#[test]
fn a_waiver_silences_the_alarm_and_opens_no_gate() {
    let world = world("[gate.G]\ntitle = \"t\"\nrequires = [\"directory.*\"]\n");
    world.host_folder("srv/two", 0o755);
    world.desired(
        "hosts/a/waivers.toml",
        "[waiver.\"directory./srv/two\"]\nowner = \"o\"\nreason = \"r\"\nexpires = 2999-01-01\n",
    );
    world.check(&[]).ends_with(0);
    let report = gates(&world, 2);
    assert_eq!(states(&report), ["G PARTIAL"]);
    let missing = gate(&report, "G")["missing"].as_str().unwrap();
    assert!(missing.ends_with("(waived, which mends nothing)"), "{missing}");
}

#[test]
fn a_gate_of_which_only_criteria_fail_is_partial() {
    let world = world(
        "[gate.G]\ntitle = \"t\"\nrequires = [\"directory./srv/one\"]\n\
         [[gate.G.criteria]]\nname = \"two_too\"\nrequires = [\"directory./srv/two\"]\n\
         [gate.only]\ntitle = \"t\"\n[[gate.only.criteria]]\nname = \"x\"\nrequires = [\"directory./srv/two\"]\n",
    );
    world.host_folder("srv/two", 0o755);
    let report = gates(&world, 2);
    assert_eq!(states(&report), ["G PARTIAL", "only FAIL"]);
    assert_eq!(gate(&report, "G")["criteria"][0]["held"], "no");
    assert!(gate(&report, "G")["missing"].as_str().unwrap().starts_with("two_too: directory"));
}

#[test]
fn what_could_only_hold_of_nothing_is_an_error() {
    let mut found = Vec::new();
    for gates in [
        "[gate.G]\ntitle = \"t\"\n",
        "[gate.G]\ntitle = \"t\"\nneeds = [\"H\"]\n",
        "[gate.G]\ntitle = \"t\"\nrequires = [\"tree.*\"]\n",
        "[gate.G]\ntitle = \"t\"\nrequires = [\"proofset.o8c\"]\n",
        "[gate.G]\ntitle = \"t\"\nrequires = [\"a[\"]\n",
        "[gate.G]\ntitle = \"t\"\nneeds = [\"H\"]\n[gate.H]\ntitle = \"t\"\nneeds = [\"G\"]\n",
        "[gate.G]\ntitle = \"t\"\nneeds = [\"G\"]\n",
        "[gate.G]\ntitle = \"t\"\n[[gate.G.criteria]]\nname = \"c\"\nrequires = []\n",
    ] {
        let world = world(gates);
        let desired = world.path("desired");
        let ran = run(&["lint", desired.to_str().unwrap(), "--output", "json"]).ends_with(65);
        let report = ran.report();
        let errors = report["diagnostics"].as_array().unwrap();
        found.push(errors.iter().map(|d| d["code"].as_str().unwrap().to_owned()).collect());
        world.run("gate", &[]).ends_with(65);
    }
    let expected: [Vec<&str>; 8] = [
        vec!["CS0009"],
        vec!["CS0007"],
        vec!["CS0007"],
        vec!["CS0007"],
        vec!["CS0004"],
        vec!["CS0021"],
        vec!["CS0021"],
        vec!["CS0009", "CS0009"],
    ];
    let found: Vec<Vec<String>> = found;
    assert_eq!(found[..7], expected[..7]);
    assert!(found[7].iter().all(|code| code == "CS0009") && !found[7].is_empty());
    let guardless = World::wanting("[directory.\"/srv\"]\n");
    guardless
        .desired("hosts/a/gates.toml", "[gate.G]\ntitle = \"t\"\nrequires = [\"kill_switch\"]\n");
    assert!(guardless.run("gate", &[]).ends_with(65).stderr.contains("and there is none"));
}

#[test]
fn a_gate_that_is_not_there_is_named_with_the_nearest() {
    let world = world(CHAIN);
    let ran = world.run("gate", &["G9"]).ends_with(65);
    assert!(ran.stderr.contains("a has no gate `G9`"), "{}", ran.stderr);
    let none = World::wanting("[directory.\"/srv\"]\n").run("gate", &[]).ends_with(65);
    assert!(none.stderr.contains("a has no gates"), "{}", none.stderr);
}

#[test]
fn another_machine_is_refused_before_anything_is_concluded() {
    let world = world(CHAIN);
    world.host_file("etc/hostname", "other\n");
    world.run("gate", &[]).ends_with(7);
}

fn contabo(more: &[&str]) -> Ran {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let (desired, recorded) =
        (root.join("desired-state"), root.join("tests/worlds/contabo-o8c.json"));
    let words =
        ["gate", "--desired", desired.to_str().unwrap(), "--replay", recorded.to_str().unwrap()];
    run(&[&words[..], more].concat())
}

#[test]
fn the_gates_of_the_worked_example_say_what_was_not_so_that_day() {
    let report = contabo(&["--output", "json"]).ends_with(4).report();
    let states = states(&report);
    assert!(states.contains(&"G0 PASS".to_owned()), "{states:?}");
    assert!(states.contains(&"G1 FAIL".to_owned()), "{states:?}");
    assert!(states.contains(&"G5 FAIL".to_owned()), "{states:?}");
    assert!(states.contains(&"G8 BLOCKED".to_owned()), "{states:?}");
    assert_eq!(report["summary"]["ready"], false);
    // The recording has no proofs, and no ledger: whatever the packages of that day said, nothing of it passes here.
    let proof = &gate(&report, "G4")["backing"][0];
    assert_eq!(
        (&proof["held"], &proof["missing"]),
        (&"not_run".into(), &"proofset.o8c: a recorded world has no proofs".into())
    );
}
