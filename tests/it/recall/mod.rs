//! Recall, measured: every attribute of every kind of the host is drifted once, and exactly that one is reported; what is
//! no drift stays quiet. The table is `docs/recall.md`.

mod accounts;
mod cases;
pub(crate) mod host;
mod keys;
mod quiet;
pub(crate) mod system;
mod units;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::program::{World, skipped};

/// One thing that happens to a host, and what has to be reported.
pub(crate) struct Case {
    /// What happens, as the table says it.
    pub(crate) about: &'static str,
    /// Makes it happen.
    pub(crate) make: fn(&World),
    /// The resource and the field of each difference. Nothing else may be reported.
    pub(crate) reported: &'static [(&'static str, &'static str)],
    /// Can only root make it happen?
    pub(crate) by_root: bool,
}

/// What anybody can make happen to files of his own.
pub(crate) const fn case(
    about: &'static str,
    make: fn(&World),
    reported: &'static [(&'static str, &'static str)],
) -> Case {
    Case { about, make, reported, by_root: false }
}

/// What only root can make happen.
pub(crate) const fn by_root(
    about: &'static str,
    make: fn(&World),
    reported: &'static [(&'static str, &'static str)],
) -> Case {
    Case { about, make, reported, by_root: true }
}

/// Keys that say what is looked at, or how, and expect nothing by themselves.
const QUESTIONS: &[(&str, &[&str])] = &[
    ("", &["through_links"]),
    ("constant", &["file", "format", "key"]),
    ("cron_entry", &["file", "program"]),
    // What cannot be changed cannot be taken away after the test either.
    ("file", &["source", "values", "immutable"]),
    ("deployment", &["file", "commit_key", "source"]),
    ("freshness", &["directory", "pattern", "digest"]),
    ("git_head", &["clean_path"]),
    ("group", &["source"]),
    ("package", &["manager", "name"]),
    ("user", &["source"]),
    // Algorithm and type follow from the fingerprint in the name: wrong from the start, or never.
    ("gpg_key", &["source", "algorithm", "bits_at_least"]),
    ("ssh_authorized_key", &["file", "type"]),
    ("process", &["exe", "name", "command"]),
    ("systemd_unit", &["source"]),
    ("container", &["socket", "no_runtime"]),
    (
        "tree",
        &[
            "root",
            "manifest",
            "format",
            "digest_prefix",
            "ignore",
            "span_mounts",
            "deadline",
            "unlisted",
            "empty_directories",
        ],
    ),
];

/// What no test can make happen to a disk of this machine, and what only a living manager of units says; the tests of the
/// kinds themselves compare the ones with made-up numbers, and the others with a systemd that they boot.
const NOT_MADE: &[(&str, &str)] = &[
    ("disk", "free_at_least"),
    ("disk", "used_at_most"),
    ("disk", "inodes_free_at_least"),
    ("systemd_unit", "active"),
    ("systemd_unit", "needs_reload"),
    ("systemd_unit", "result"),
    ("systemd_unit", "triggered_within"),
    ("systemd_unit", "user"),
];

/// The differences of a report, and what could not be told, as `RESOURCE FIELD`.
fn reported(report: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for resource in report["resources"].as_array().unwrap() {
        let name = resource["resource"].as_str().unwrap();
        for difference in resource["differences"].as_array().unwrap() {
            let field = difference["field"].as_str().unwrap();
            // Of a file of a tree, which of its attributes.
            let attribute = match difference["change"].as_str() {
                Some("metadata") => difference["actual"].as_str().unwrap().split(' ').next(),
                _ => None,
            };
            let attribute = attribute.map(|name| format!(" {name}")).unwrap_or_default();
            found.insert(format!("{name} {field}{attribute}"));
        }
        if resource["verdict"] == "unknown" {
            found.insert(format!("{name} UNKNOWN {}", resource["detail"]));
        }
    }
    found
}

/// What a check of a fresh host reports after something happened to it.
fn after(make: fn(&World)) -> (i32, BTreeSet<String>) {
    let world = host::world();
    make(&world);
    let ran = world.check(&["--output", "json"]);
    (ran.code, reported(&ran.report()))
}

fn judge(cases: &[Case]) -> Vec<String> {
    let mut wrong = Vec::new();
    for case in cases {
        if case.by_root && host::owner() != "root" {
            skipped(case.about, "only root can make it happen");
            continue;
        }
        let (code, found) = after(case.make);
        let wanted: BTreeSet<String> =
            case.reported.iter().map(|(resource, field)| format!("{resource} {field}")).collect();
        let wanted_code = if wanted.is_empty() { 0 } else { 2 };
        if found != wanted || code != wanted_code {
            wrong.push(format!("{}: ends with {code}, reported {found:#?}", case.about));
        }
    }
    wrong
}

/// Judges a part of the cases: the parts run side by side.
fn judge_part(part: usize) {
    let cases: Vec<Case> = all().into_iter().skip(part).step_by(PARTS).collect();
    let wrong = judge(&cases);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

const PARTS: usize = 2;

fn all() -> Vec<Case> {
    let mut cases = cases::all();
    cases.extend(quiet::all());
    cases.extend(system::quiet());
    cases
}

#[test]
fn what_happens_is_reported_and_nothing_else() {
    judge_part(0);
}

#[test]
fn what_else_happens_is_reported_and_nothing_else() {
    judge_part(1);
}

#[test]
fn the_host_is_in_sync_at_first() {
    let report = host::world().check(&["--output", "json"]).ends_with(0).report();
    assert_eq!(reported(&report), BTreeSet::new());
}

/// The keys by which every kind of the host expects something.
fn expectations() -> BTreeSet<(&'static str, String)> {
    let mut keys = BTreeSet::new();
    for kind in countersign::kinds::KINDS {
        // What looks at a database, or runs what only a configuration allows, has tests of its own.
        if kind.in_database() || kind.name() == "smoke" {
            continue;
        }
        let schema = serde_json::to_value(kind.schema()).unwrap();
        for key in schema["properties"].as_object().unwrap().keys() {
            let question = QUESTIONS.iter().any(|(of, questions)| {
                (of.is_empty() || *of == kind.name()) && questions.contains(&key.as_str())
            });
            // Only a table of the system names a user, and that is heeded only where it is root's.
            let by_root = (kind.name(), key.as_str()) == ("cron_entry", "user");
            if !question && (!by_root || host::owner() == "root") {
                keys.insert((kind.name(), key.clone()));
            }
        }
    }
    keys
}

/// Is a difference of `field` one of `key`?
fn is_of(kind: &str, key: &str, field: &str) -> bool {
    match (kind, key) {
        ("tree", "file_mode" | "directory_mode") => field.ends_with(" mode"),
        ("tree", "xattrs") => field.ends_with(" xattr"),
        ("tree", "privileges") => field.ends_with(" cap_net_raw=ep"),
        ("file", "xattrs") => field.starts_with("xattr "),
        ("tree", "owner" | "group") => field.ends_with(&format!(" {key}")),
        ("deployment", "values") => !matches!(field, "file" | "relation"),
        ("constant", "present") => field == "key",
        ("process", "present") => field == "count",
        // A closed list names what is not as listed.
        (_, "only") => true,
        (_, "present") => field == "presence",
        ("x509", "sha256") => field == "sha256",
        (_, "sha256") => field == "content",
        ("x509", "covers") => field.starts_with("covers."),
        ("x509", "valid_for") => field == "not_after",
        ("systemd_unit", "drop_ins") => field.starts_with("drop_ins "),
        ("gpg_key", "valid_for") => field == "expires",
        (_, "one_of") => field == "value",
        (_, key) => field == key,
    }
}

#[test]
fn every_expectation_is_part_of_the_host_and_drifts_in_some_case() {
    let world = host::world();
    let wanted = fs::read_to_string(world.path("desired/hosts/a/resources.toml")).unwrap();
    let wanted: toml::Table = wanted.parse().unwrap();
    let drifts = |resource: &str, kind: &str, key: &str| {
        let cases = cases::all();
        cases
            .iter()
            .flat_map(|case| case.reported)
            .any(|(name, field)| *name == resource && is_of(kind, key, field))
    };
    let mut lacking = Vec::new();
    for (kind, key) in expectations() {
        if NOT_MADE.contains(&(kind, key.as_str())) {
            continue;
        }
        let tables = wanted.get(kind).and_then(toml::Value::as_table);
        let covered = tables.into_iter().flatten().any(|(name, table)| {
            table.get(&key).is_some() && drifts(&format!("{kind}.{name}"), kind, &key)
        });
        if !covered {
            lacking.push(format!("{kind}.{key}"));
        }
    }
    assert!(lacking.is_empty(), "no case drifts: {}", lacking.join(", "));
}

#[test]
fn the_table_is_the_published_one() {
    let mut table = String::from(include_str!("heading.md"));
    table.push_str("\n## What is reported\n\n| what happens | reported as |\n|---|---|\n");
    let cell = |text: &str| text.replace('|', "\\|");
    for case in cases::all() {
        let reported: Vec<String> = case
            .reported
            .iter()
            .map(|(name, field)| format!("`{name}`: {}", cell(field)))
            .collect();
        writeln!(table, "| {} | {} |", case.about, reported.join("; ")).unwrap();
    }
    table.push_str("\n## What stays quiet\n\n");
    for case in quiet::all().into_iter().chain(system::quiet()) {
        writeln!(table, "- {}", case.about).unwrap();
    }
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/recall.md");
    if std::env::var_os("COUNTERSIGN_BLESS").is_some() {
        fs::write(&file, &table).unwrap();
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), table, "COUNTERSIGN_BLESS=1 writes it anew");
}
