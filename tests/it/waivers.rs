//! Waivers by pattern and by field, from the outside: what they cover, in every format, and what they never cover.

use countersign::report::{FORMATS, Use};

use crate::program::{World, resource};

const TWO: &str = "[directory.\"/srv/one\"]\nmode = \"0750\"\n[directory.\"/srv/two\"]\nmode = \"0750\"\nempty = true\n";

fn two() -> World {
    let world = World::wanting(TWO);
    world.host_folder("srv/one", 0o755);
    world.host_folder("srv/two", 0o755);
    world
}

fn waiver(name: &str, keys: &str) -> String {
    format!(
        "[waiver.{name}]\n{keys}\nowner = \"ops\"\nreason = \"kn<o>wn\"\nexpires = 2999-12-31\n"
    )
}

fn findings(world: &World) -> Vec<String> {
    let desired = world.path("desired");
    let ran = crate::program::run(&["lint", desired.to_str().unwrap(), "--output", "json"]);
    let found = ran.report();
    let of = |one: &serde_json::Value| {
        format!("{}: {}", one["code"].as_str().unwrap(), one["message"].as_str().unwrap())
    };
    found["diagnostics"].as_array().unwrap().iter().map(of).collect()
}

#[test]
fn a_pattern_reaches_several_and_the_field_limits_what_is_covered() {
    let world = two();
    world.desired(
        "hosts/a/waivers.toml",
        waiver("modes", "selector = \"directory./srv/*\"\nfield = \"mo*\""),
    );
    let report = world.report(0);
    assert_eq!(report["summary"]["waived"], 2);
    let one = resource(&report, "directory./srv/one");
    assert_eq!((&one["verdict"], &one["waiver"]["name"]), (&"drift".into(), &"modes".into()));
    // Something else differs as well: now it is drift, whose waiver is told all the same.
    world.host_file("srv/two/file", "x");
    let report = world.report(2);
    assert_eq!((&report["summary"]["waived"], &report["summary"]["drift"]), (&1.into(), &1.into()));
    let two = resource(&report, "directory./srv/two");
    assert!(two["waiver"].is_null());
    assert_eq!(two["waivers"][0]["field"], "mo*");
    let text = world.check(&[]).ends_with(2).stdout;
    assert!(text.contains("waived in part (mo*) until 2999-12-31T23:59:59Z by ops: kn<o>wn"));
    // A second waiver covers the rest.
    let rest = waiver("modes", "selector = \"directory./srv/*\"\nfield = \"mode\"")
        + &waiver("\"directory./srv/two\"", "field = \"em*\"").replace("2999", "2998");
    world.desired("hosts/a/waivers.toml", rest);
    let report = world.report(0);
    let two = resource(&report, "directory./srv/two");
    assert_eq!(two["waiver"]["expires"], "2998-12-31T23:59:59Z", "the first to expire");
    assert_eq!(two["waivers"].as_array().unwrap().len(), 2);
}

#[test]
fn every_document_names_who_answers_for_a_waiver() {
    let world = two();
    world.host_file("srv/two/file", "x");
    let waivers = waiver("modes", "selector = \"directory./srv/*\"\nfield = \"mode\"");
    world.desired("hosts/a/waivers.toml", waivers.replace("ops", "night-shift"));
    for format in FORMATS {
        let counts = matches!(format.name, "prometheus" | "nagios");
        if matches!(format.used, Use::Nothing) {
            continue;
        }
        let text = world.check(&["--output", format.name]).stdout;
        if counts {
            assert!(text.contains("waived"), "{}: {text}", format.name);
            continue;
        }
        assert!(text.contains("night-shift"), "{}: {text}", format.name);
        let markup = matches!(format.name, "html" | "junit" | "markdown");
        assert!(!markup || !text.contains("kn<o>wn"), "{}: {text}", format.name);
    }
}

#[test]
fn a_waiver_that_reaches_nothing_or_a_guard_is_an_error() {
    let world = two();
    let said = |text: &str| {
        world.desired("hosts/a/waivers.toml", text);
        findings(&world)
    };
    let nothing = said(&waiver("none", "selector = \"file.*\""));
    assert_eq!(nothing, ["CS0007: `file.*` is to be waived and reaches no resource"]);
    assert_eq!(said(&waiver("none", ""))[0].split(':').next(), Some("CS0012"));
    assert_eq!(said(&waiver("bad", "selector = \"a[\""))[0].split(':').next(), Some("CS0004"));
    let field = waiver("bad", "selector = \"*\"\nfield = \"a[\"");
    assert_eq!(said(&field)[0].split(':').next(), Some("CS0004"));
    let guard = TWO.replacen("mode", "kill_switch = true\nmode", 1);
    world.desired("hosts/a/resources.toml", guard);
    let found = said(&waiver("all", "selector = \"*\""));
    assert_eq!(found, ["CS0017: `directory./srv/one` is a guard"]);
}
