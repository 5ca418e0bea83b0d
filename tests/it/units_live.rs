//! Units of a real systemd: started, stopped, enabled and disabled by plans that were signed.

use crate::program::blob_folders;
use crate::site::Site;
use crate::systemd_live::Lab;

/// Units that a plan is about: what becomes of each of them is in its name.
const UNITS: &[(&str, &str)] = &[
    (
        "lab-good.service",
        "[Service]\nExecStart=/bin/sleep infinity\n[Install]\nWantedBy=lab.target\n",
    ),
    ("lab-stop.service", "[Service]\nExecStart=/bin/sleep infinity\n"),
    ("lab-ends.service", "[Service]\nExecStart=/bin/false\n"),
    ("lab-flash.service", "[Service]\nExecStart=/bin/sleep 0.2\n"),
    ("lab-once.service", "[Service]\nType=oneshot\nExecStart=/bin/false\n"),
    ("lab-static.service", "[Service]\nExecStart=/bin/sleep infinity\n"),
];

const POLICY: &str = "actions = [\"start_unit\", \"stop_unit\", \"enable_unit\", \"disable_unit\"]\nunits = [\"lab-*.service\"]";

fn site(lab: &Lab) -> Site<'_> {
    for (name, text) in UNITS {
        lab.write(&format!("etc/systemd/system/{name}"), text);
    }
    lab.must(&["systemctl", "daemon-reload"]);
    lab.must(&["systemctl", "start", "lab-stop.service"]);
    let start = |words: &[&str]| lab.run(&[&["/program/countersign"], words].concat());
    Site::new(lab.folder.path().join("site"), "/site", "/", POLICY, Box::new(start))
}

fn state(lab: &Lab, unit: &str) -> String {
    let words = ["ActiveState", "UnitFileState"].map(|property| {
        let property = format!("--property={property}");
        lab.must(&["systemctl", "show", "--value", &property, unit]).trim().to_owned()
    });
    words.join(" ")
}

const WANTED: &str = "[systemd_unit.\"lab-good.service\"]\nactive = \"active\"\nenabled = \"enabled\"\n\
                      [systemd_unit.\"lab-stop.service\"]\nactive = \"inactive\"\n";

#[test]
fn units_are_changed_as_it_was_signed() {
    let Some(lab) = Lab::boot() else { return };
    let site = site(&lab);
    started_enabled_and_taken_back(&lab, &site);
    what_does_not_start_is_said(&lab, &site);
    only_what_is_certain_is_planned(&lab, &site);
    another_state_is_left_alone(&lab, &site);
    a_crash_is_looked_at(&lab, &site);
    without_a_bus_nothing_is_done(&lab, &site);
    site.run(&["ledger", "verify"]).ends_with(0);
}

fn started_enabled_and_taken_back(lab: &Lab, site: &Site<'_>) {
    site.wants(WANTED);
    let applied = site.deed("there.json", &[]).ends_with(0).says("applied: 3 of 3 steps");
    assert!(!applied.text.contains("not confined"), "{}", applied.text);
    assert_eq!(state(lab, "lab-good.service"), "active enabled");
    assert_eq!(state(lab, "lab-stop.service"), "inactive static");
    site.run(&["check"]).ends_with(0);
    site.deed("back.json", &["--undo", &site.path("there.json")]).ends_with(0);
    assert_eq!(state(lab, "lab-good.service"), "inactive disabled");
    assert_eq!(state(lab, "lab-stop.service"), "active static");
}

fn what_does_not_start_is_said(lab: &Lab, site: &Site<'_>) {
    for (unit, code, why) in [
        ("lab-ends", 9, "it is failed, static, result exit-code"),
        ("lab-flash", 9, "it is inactive, static"),
        ("lab-once", 9, "its job ended with `failed`; now it is failed, static, result exit-code"),
        // From now on it has failed before, and nothing became of that.
        ("lab-once", 1, "its job ended with `failed`; it is still failed"),
    ] {
        site.wants(&format!("[systemd_unit.\"{unit}.service\"]\nactive = \"active\"\n"));
        let said = site.deed("bad.json", &[]).ends_with(code);
        said.says("STOPPED: step 1 ").says(why);
        assert_ne!(state(lab, &format!("{unit}.service")), "active static");
    }
}

fn only_what_is_certain_is_planned(lab: &Lab, site: &Site<'_>) {
    lab.must(&["systemctl", "stop", "lab-good.service"]);
    for (table, why) in [
        ("lab-static.service\"]\nenabled = \"enabled\"", "static: it has no [Install] section"),
        ("masked.service\"]\nenabled = \"enabled\"", "it is masked"),
        ("nick.service\"]\nactive = \"inactive\"", "it is another name of up.service"),
        ("none.service\"]\nactive = \"active\"", "there is no such unit"),
        ("lab-ends.service\"]\nactive = [\"active\", \"inactive\"]", "somebody has to choose"),
        ("lab-ends.service\"]\nactive = \"inactive\"", "reset-failed"),
        ("lab-good.service\"]\nactive = \"failed\"", "no step is certain to lead to failed"),
        ("lab-good.service\"]\nactive = \"active\"\nuser = \"daemon\"", "whose `user` differs"),
        ("lab-*\"]\nonly = []", "nobody's to change here"),
        ("running@.service\"]\nenabled = \"enabled\"", "its files were read"),
        ("lab-good.service\"]\nsource = \"files\"\nenabled = \"enabled\"", "its files were read"),
    ] {
        site.wants(&format!("[systemd_unit.\"{table}\n"));
        site.plan("none.json", &[]).ends_with(2).says(why);
    }
}

fn another_state_is_left_alone(lab: &Lab, site: &Site<'_>) {
    site.wants("[systemd_unit.\"lab-good.service\"]\nenabled = \"enabled\"\n");
    site.plan("stale.json", &[]).ends_with(0);
    site.approve("stale.json");
    lab.must(&["systemctl", "enable", "lab-good.service"]);
    site.apply("stale.json").ends_with(5);
    lab.must(&["systemctl", "disable", "lab-good.service"]);
}

/// The run is killed right before the manager is asked, and right after it did what it was asked for.
fn a_crash_is_looked_at(lab: &Lab, site: &Site<'_>) {
    site.wants("[systemd_unit.\"lab-good.service\"]\nactive = \"active\"\n");
    // Killed at the lower boundary the unit does not run, at the upper one it does.
    let (mut lower, mut upper) = (0, 256);
    let mut told = [String::new(), String::new()];
    while upper - lower > 1 {
        let middle = u32::midpoint(lower, upper);
        let (started, line) = killed_at(lab, site, middle);
        told[usize::from(started)] = line;
        if started { upper = middle } else { lower = middle }
    }
    assert!(told[0].contains("was not applied: inactive"), "{told:?}");
    assert!(told[1].contains("had been applied: active"), "{told:?}");
}

/// Whether the unit runs after a run that was killed at a boundary, and what the next run says of the step.
fn killed_at(lab: &Lab, site: &Site<'_>, boundary: u32) -> (bool, String) {
    lab.must(&["systemctl", "stop", "lab-good.service"]);
    let name = format!("crash{boundary}.json");
    site.plan(&name, &[]).ends_with(0);
    site.approve(&name);
    blob_folders(&lab.folder.path().join("site/data/ledger/executor"));
    let variable = format!("COUNTERSIGN_TEST_KILL_AT={boundary}");
    let (plan, config) = (site.path(&name), site.path("config.toml"));
    let statement = format!("{plan}.first@a.statement");
    let words = ["/usr/bin/env", &variable, "/program/countersign", "--config", &config];
    lab.run(&[&words[..], &["apply", &plan, "--approval", &statement]].concat());
    let started = state(lab, "lab-good.service").starts_with("active");
    let said = site.apply(&name);
    let line = said.text.lines().find(|line| line.starts_with("  step 1 "));
    (started, line.unwrap_or_default().to_owned())
}

fn without_a_bus_nothing_is_done(lab: &Lab, site: &Site<'_>) {
    lab.must(&["systemctl", "stop", "lab-good.service"]);
    site.plan("bus.json", &[]).ends_with(0);
    site.approve("bus.json");
    std::fs::remove_file(lab.folder.path().join("run/dbus/system_bus_socket")).unwrap();
    site.apply("bus.json").ends_with(5);
    site.plan("none.json", &[]).ends_with(2).says("did not answer on the system bus");
    assert_eq!(state(lab, "lab-good.service"), "inactive disabled");
}
