//! The worked example against a recorded world: a production host on the day of its macro O8C.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::program::{Ran, resource, run};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn check(more: &[&str]) -> Ran {
    let (desired, world) =
        (root().join("desired-state"), root().join("tests/worlds/contabo-o8c.json"));
    let words =
        ["check", "--desired", desired.to_str().unwrap(), "--replay", world.to_str().unwrap()];
    run(&[&words[..], more].concat())
}

/// The report on that world after a change.
fn check_changed(change: impl FnOnce(&mut Vec<Value>)) -> Value {
    let recorded = fs::read_to_string(root().join("tests/worlds/contabo-o8c.json")).unwrap();
    let mut world: Value = serde_json::from_str(&recorded).unwrap();
    change(world["answers"].as_array_mut().unwrap());
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), world.to_string()).unwrap();
    let desired = root().join("desired-state");
    let words = ["--desired", desired.to_str().unwrap(), "--replay", file.path().to_str().unwrap()];
    run(&[&["check", "--output", "json"][..], &words].concat()).ends_with(2).report()
}

/// What was seen of a resource, to be changed.
fn seen<'a>(answers: &'a mut [Value], name: &str) -> &'a mut Value {
    let answer = answers.iter_mut().find(|a| a["resource"] == name);
    &mut answer.unwrap_or_else(|| panic!("{name} is not recorded"))["seen"]
}

/// The fields in which a resource differs.
fn fields<'a>(report: &'a Value, name: &str) -> Vec<&'a str> {
    let differences = resource(report, name)["differences"].as_array().unwrap();
    differences.iter().map(|d| d["field"].as_str().unwrap()).collect()
}

#[test]
fn the_only_drift_of_that_day_is_the_milestone_gap5_the_backup_key_two_grants_and_the_guard_of_proofs()
 {
    let report = check(&["--output", "json"]).ends_with(2).report();
    let drifted: Vec<&str> = report["resources"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|r| r["verdict"] == "drift" && r["waiver"].is_null())
        .map(|r| r["resource"].as_str().unwrap())
        .collect();
    let mut expected =
        vec!["constant.backup-key", "constant.milestone", "directory./var/lib/cutter"];
    let folders = ["approvals", "artifacts", "backups", "locks", "reports", "rollback", "runs"];
    let folders: Vec<String> =
        folders.iter().map(|name| format!("directory./var/lib/cutter/{name}")).collect();
    expected.extend(folders.iter().map(String::as_str));
    expected.extend([
        "file./var/lib/cutter/README.md",
        "file./var/lib/cutter/orchestrator.config.json",
        "pg_grant.cutter_exec",
        // What proofs rest on was not there that day.
        "proof_guard.countersign",
    ]);
    assert_eq!(drifted, expected);
    assert_eq!(report["summary"]["unknown"], 0);
}

#[test]
fn each_drift_says_who_moves_and_what_to_do() {
    let report = check(&["--output", "json"]).ends_with(2).report();
    let milestone = resource(&report, "constant.milestone");
    assert_eq!(milestone["route"], "source");
    assert_eq!(milestone["differences"][0]["desired"], "O8B");
    assert_eq!(milestone["differences"][0]["actual"], "O4");
    assert!(milestone["next_action"].as_str().unwrap().contains("source repository"));
    assert_eq!(resource(&report, "directory./var/lib/cutter/runs")["gap"], "GAP5");
    assert_eq!(resource(&report, "constant.backup-key")["gap"], "F4");
    assert_eq!(resource(&report, "tree.cutter-v0_6")["counts"]["matched"], 82);
    assert_eq!(resource(&report, "tree.cutter-v0_6")["counts"]["listed"], 82);
    for (name, counts) in
        [("baseline", "394 tests"), ("targeted", "28 tests"), ("compile", "67 files")]
    {
        let seen = &resource(&report, &format!("smoke.{name}"))["seen"];
        assert_eq!(seen, &format!("exit 0, {counts}"));
    }
    let deployment = resource(&report, "deployment.iu-cutter-v0.6");
    assert_eq!(
        (&deployment["verdict"], &deployment["seen"]),
        (&"in_sync".into(), &"703559c91b81…".into())
    );
    let text = check(&[]).ends_with(2).stdout;
    assert!(text.contains("who moves: the source repository"), "{text}");
}

#[test]
fn the_keyring_is_empty_and_a_dump_is_there() {
    let report = check(&["--output", "json"]).ends_with(2).report();
    for name in ["gpg_key./root/.gnupg/*", "freshness.dumps"] {
        assert_eq!(resource(&report, name)["verdict"], "in_sync", "{name}");
    }
}

#[test]
fn one_edit_of_a_value_moves_everything_that_refers_to_it() {
    let copy = tempfile::tempdir().unwrap();
    for file in files(&root().join("desired-state")) {
        let to = copy.path().join(file.strip_prefix(root().join("desired-state")).unwrap());
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        let text = fs::read_to_string(&file).unwrap();
        fs::write(to, text.replace("milestone = \"O8B\"", "milestone = \"O4\"")).unwrap();
    }
    let world = root().join("tests/worlds/contabo-o8c.json");
    let desired = copy.path().to_str().unwrap();
    let words =
        ["check", "--desired", desired, "--replay", world.to_str().unwrap(), "--output", "json"];
    let report = run(&words).ends_with(2).report();
    assert_eq!(resource(&report, "constant.milestone")["verdict"], "in_sync");
    assert_eq!(report["summary"]["drift"], 13);
}

#[test]
fn a_container_for_the_cutter_is_found_and_the_leftover_is_covered_by_its_own_waiver_only() {
    let report = check(&["--output", "json"]).ends_with(2).report();
    let leftover = resource(&report, "container.pg-restore-test-20260520T031054Z");
    assert_eq!((&leftover["verdict"], leftover["waiver"].is_null()), (&"drift".into(), false));
    assert_eq!(resource(&report, "container.*cutter*")["verdict"], "in_sync");
    assert_eq!(resource(&report, "disk./opt")["seen"], "75% used, 24.3 GiB free");

    let report = check_changed(|answers| {
        let running = seen(answers, "container.postgres")["postgres"].clone();
        seen(answers, "container.*cutter*")["iu-cutter-1"] = running;
    });
    let found = resource(&report, "container.*cutter*");
    assert_eq!(found["verdict"], "drift");
    assert_eq!(found["severity"], "critical");
    assert_eq!(found["differences"][0]["field"], "iu-cutter-1");
    assert_eq!(found["differences"][0]["change"], "unlisted");
}

/// The answers to the four questions of the probe are yes, and the role still lacks what its list has.
#[test]
fn two_grants_are_missing_while_every_question_of_the_probe_is_answered_with_yes() {
    let missing = [
        "SELECT on cutter_governance.cut_change_set_affected_row to cutter_exec",
        "SELECT on cutter_governance.verify_result to cutter_exec",
    ];
    let report = check(&["--output", "json"]).ends_with(2).report();
    assert_eq!(fields(&report, "pg_grant.cutter_exec"), missing);
    let exec = resource(&report, "pg_grant.cutter_exec");
    assert_eq!((&exec["route"], &exec["severity"]), (&"operator".into(), &"critical".into()));
    for name in ["cutter_verify", "directus", "PUBLIC", "context_pack_readonly"] {
        assert_eq!(resource(&report, &format!("pg_grant.{name}"))["verdict"], "in_sync", "{name}");
    }
    let report = check_changed(|answers| {
        let grants = seen(answers, "pg_grant.cutter_exec")["grants"].as_array_mut().unwrap();
        let affected = grants.iter().find(|g| g["name"] == "cut_change_set_affected_row");
        let mut granted = affected.unwrap().clone();
        granted["privilege"] = "SELECT".into();
        grants.push(granted.clone());
        granted["name"] = "verify_result".into();
        grants.push(granted);
    });
    assert_eq!(resource(&report, "pg_grant.cutter_exec")["verdict"], "in_sync");
    assert_eq!(report["summary"]["drift"], 13);
}

#[test]
fn what_changes_in_the_database_is_named() {
    let contract =
        "pg_function.public.fn_iu_create(text, text, text, text, text, text, text, text, uuid)";
    let immutable = "pg_trigger.public.unit_version.trg_uv_enacted_immut";
    let report = check_changed(|answers| {
        let triggers = seen(answers, "pg_trigger.public.information_unit.*");
        let triggers = triggers["list"].as_array_mut().unwrap();
        let mut other = triggers.last().unwrap().clone();
        other["name"] = "zz".into();
        other["key"] = "public.information_unit.zz".into();
        triggers.push(other);
        seen(answers, immutable)["one"]["trigger"]["enabled"] = "disabled".into();
        let changed = "00000000000000000000000000000000";
        let definition = &mut seen(answers, contract)["one"]["definition"]["Ok"];
        *definition = json!({ "usual": changed, "bare": changed });
        let role = seen(answers, "pg_role.cutter_ro")["cutter_ro"].clone();
        seen(answers, "pg_role.cutter_*")["cutter_x"] = role;
        seen(answers, "pg_role.cutter_exec")["cutter_exec"]["role"]["connection_limit"] = 3.into();
        let columns = &mut seen(answers, "pg_table.public.unit_version")["one"]["columns"];
        columns.as_array_mut().unwrap().pop();
        seen(answers, "row_count.public.event_outbox")["writers"]["Ok"]["roles"] =
            json!(["cutter_exec", "directus"]);
    });
    for (name, field) in [
        ("pg_trigger.public.information_unit.*", "zz on public.information_unit"),
        (immutable, "enabled"),
        (contract, "definition_md5"),
        ("pg_role.cutter_*", "cutter_x"),
        ("pg_role.cutter_exec", "connection_limit"),
        ("pg_table.public.unit_version", "column_count"),
        ("row_count.public.event_outbox", "growth.writers.cutter_exec"),
    ] {
        assert_eq!(fields(&report, name), [field], "{name}");
    }
    assert_eq!(report["summary"]["drift"], 14 + 7);
}

#[test]
fn the_example_has_no_findings_at_all() {
    let ran = run(&["lint", root().join("desired-state").to_str().unwrap()]).ends_with(0);
    assert!(ran.stdout.ends_with(" 0 errors, 0 warnings\n"), "{}", ran.stdout);
}

#[test]
fn accounts_packages_and_cron_are_as_published() {
    let report = check(&["--output", "json"]).ends_with(2).report();
    for (name, seen) in [
        ("user.root", "uid 0, group root, /bin/sh"),
        ("package.python3", "3.12.3-0ubuntu2 amd64"),
        ("package.psycopg2", "2.9.11"),
        ("package.pytest", "absent"),
        ("cron_entry.*cutter*", "none"),
    ] {
        let resource = resource(&report, name);
        assert_eq!((&resource["verdict"], &resource["seen"]), (&"in_sync".into(), &seen.into()));
    }
}

fn files(folder: &std::path::Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}
