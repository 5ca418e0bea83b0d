//! Gaps from the outside: their state is computed, they open again by themselves, and gates wait for them.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::program::{World, run};

const RESOURCES: &str = "[directory.\"/srv/one\"]\nmode = \"0750\"\ngap = \"GAP5\"\n[directory.\"/srv/two\"]\nmode = \"0750\"\ngap = \"GAP-five\"\n\
     [directory.\"/srv/three\"]\nmode = \"0750\"\nroute = \"operator\"\nnext_action = \"ask them\"\n";
const GAP: &str = "[gap.GAP5]\ntitle = \"folders\"\naliases = [\"GAP-five\"]\ncontact = \"operator\"\ncloses_when = [\"directory./srv/three\"]\n\
     residue = \"more\"\nnext = \"approve\"\nblocks = [\"run\"]\n[gate.run]\ntitle = \"run\"\nrequires = [\"directory./srv/one\"]\n";

fn world(gaps: &str) -> World {
    let world = World::wanting(RESOURCES);
    world.host_folder("srv", 0o755);
    world.desired("hosts/a/gaps.toml", gaps);
    world
}

fn gap(world: &World, code: i32) -> Value {
    let words = ["show", "GAP-five", "--output", "json"];
    world.run("gap", &words).ends_with(code).report()["gaps"][0].clone()
}

#[test]
fn a_gap_closes_when_all_holds_and_opens_again_by_itself() {
    let world = world(GAP);
    let state = |code| {
        let gap = gap(&world, code);
        (gap["state"].as_str().unwrap().to_owned(), gap["holding"].as_u64().unwrap())
    };
    assert_eq!(state(2), ("OPEN".to_owned(), 0));
    world.host_folder("srv/one", 0o750);
    assert_eq!(state(2), ("PARTIAL".to_owned(), 1));
    let gate = |code| {
        let report = world.run("gate", &["--output", "json"]).ends_with(code).report();
        let gate = report["gates"][0].clone();
        (gate["state"].clone(), gate["blocked_by"].clone(), gate["missing"].clone())
    };
    // What the gate itself requires holds; the gap still keeps it from passing.
    assert_eq!(gate(2), (json!("BLOCKED"), json!(["gap.GAP5"]), json!("gap.GAP5 is not closed")));
    world.host_folder("srv/two", 0o750);
    world.host_folder("srv/three", 0o750);
    assert_eq!(state(0), ("CLOSED".to_owned(), 3));
    assert_eq!(gate(0).0, "PASS");
    world.host_folder("srv/two", 0o755);
    assert_eq!(state(2), ("PARTIAL".to_owned(), 2));
    let open = gap(&world, 2);
    assert_eq!(open["missing"], "directory./srv/two: mode is \"0755\", where \"0750\" is wanted");
    assert_eq!(gate(2).0, "BLOCKED");
}

#[test]
fn what_cannot_be_told_closes_nothing() {
    let world = world(GAP);
    for name in ["one", "two"] {
        world.host_folder(&format!("srv/{name}"), 0o750);
    }
    std::os::unix::fs::symlink("/srv", world.path("root/srv/three")).unwrap();
    let text = RESOURCES.replace("/srv/three", "/srv/three/x");
    world.desired("hosts/a/resources.toml", text);
    world.desired("hosts/a/gaps.toml", GAP.replace("/srv/three", "/srv/three/x"));
    let gap = gap(&world, 4);
    assert_eq!((&gap["state"], &gap["untold"]), (&"PARTIAL".into(), &true.into()));
    world.run("gap", &["list"]).ends_with(4);
    world.run("gate", &[]).ends_with(4);
}

#[test]
fn next_prints_the_commands_and_what_a_person_has_to_do() {
    let world = world(GAP);
    let said = world.run("gap", &["next", "GAP5"]).ends_with(2).stdout;
    for line in [
        "  run      countersign plan --gap GAP-five -o plan.json\n",
        "  run      countersign plan --gap GAP5 -o plan.json\n",
        "  run      countersign apply plan.json --approval FILE...\n",
        "  person   the operator: ask them (directory./srv/three)\n",
        "  next     approve\n",
        "  then     countersign gap show GAP5\n",
    ] {
        assert!(said.contains(line), "{line}{said}");
    }
    for name in ["one", "two", "three"] {
        world.host_folder(&format!("srv/{name}"), 0o750);
    }
    let said = world.run("gap", &["next", "GAP5"]).ends_with(0).stdout;
    assert!(said.ends_with("nothing is left to do\n"), "{said}");
}

#[test]
fn what_leads_nowhere_is_an_error() {
    let found = |gaps: &str| {
        let world = world(gaps);
        let desired = world.path("desired");
        let ran = run(&["lint", desired.to_str().unwrap(), "--output", "json"]).ends_with(65);
        world.run("gap", &["list"]).ends_with(65);
        let report = ran.report();
        let all = report["diagnostics"].as_array().unwrap();
        all.iter().map(|d| d["code"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let alone = "[gap.A]\ntitle = \"t\"\naliases = [\"GAP5\", \"GAP-five\"]\ncontact = \"code\"\n";
    assert_eq!(found(&format!("{alone}blocks = [\"none\"]\n")), ["CS0007"]);
    assert_eq!(found(&format!("{alone}closes_when = [\"tree.*\"]\n")), ["CS0007"]);
    let twice = "[gap.GAP5]\ntitle = \"t\"\ncontact = \"code\"\n";
    assert!(found(&format!("{alone}{twice}")).contains(&"CS0006".to_owned()));
    let other = "[gap.other]\ntitle = \"t\"\ncontact = \"code\"\n";
    let codes = found(&format!("{alone}{other}"));
    assert_eq!(codes, ["CS0009"], "nothing closes it");
    // A resource that names a gap which nobody declared, where any is declared.
    assert_eq!(found(&GAP.replace("GAP-five", "GAP-4")), ["CS0007"]);
    let unknown = world(GAP).run("gap", &["show", "GAP6"]).ends_with(65);
    assert!(unknown.stderr.contains("did you mean `GAP5`?"), "{}", unknown.stderr);
}

#[test]
fn the_gaps_of_the_worked_example_are_as_open_as_they_were() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let (desired, world) = (root.join("desired-state"), root.join("tests/worlds/contabo-o8c.json"));
    let words = ["--desired", desired.to_str().unwrap(), "--replay", world.to_str().unwrap()];
    let list = [&["gap", "list", "--output", "json"][..], &words].concat();
    let report = run(&list).ends_with(4).report();
    let state = |one: &Value| format!("{} {}", one["gap"], one["state"]).replace('"', "");
    let states: Vec<String> = report["gaps"].as_array().unwrap().iter().map(state).collect();
    let wanted = [
        "F1 PARTIAL",
        "F2 PARTIAL",
        "F3 PARTIAL",
        "F4 OPEN",
        "GAP5 OPEN",
        "GAP6 OPEN",
        "GAP7 PARTIAL",
        "GAP8 OPEN",
        "grants PARTIAL",
    ];
    assert_eq!(states, wanted);
    let next = run(&[&["gap", "next", "GAP-3"][..], &words].concat()).ends_with(2).stdout;
    assert!(next.contains("person   the operator: make the backup key off the host"), "{next}");
}
