//! Trust files: what is read, what is refused with its place, and what is only warned of.

use super::*;
use crate::model::{Lines, Timestamp};

const OPERATOR: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl";
const REVIEWER: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIF7Tn0x7UV3G+bRj4bYDTyVoQVSG63jhQ+1zNPhBQqVh";

fn policy() -> String {
    "[policy.provision]\nactions = [\"create_directory\"]\nroots = [\"/var/lib/cutter\"]\nmax_steps = 16\ntotal = 2\n\
     require = [{ role = \"dba\", min = 1 }, { role = \"owner\", min = 1 }]\nlifetime = \"24h\"\n"
        .to_owned()
}

fn text() -> String {
    format!(
        "version = 1\n[approver.\"operator@example.org\"]\nkeys = [\"{OPERATOR} laptop\"]\nroles = [\"dba\"]\n\
         [approver.reviewer]\nkeys = [\"{REVIEWER}\"]\nroles = [\"owner\"]\n{}",
        policy()
    )
}

fn parse(text: &str) -> Result<Trust, Vec<String>> {
    Trust::parse(Path::new("trust.toml"), text.to_owned()).map_err(|error| {
        let ConfigError::Invalid { text, diagnostics, .. } = error else { panic!("{error}") };
        let place = |d: &Diagnostic| Lines::of(text.clone()).place(d.span.0);
        diagnostics.iter().map(|d| format!("{} {} {}", place(d).0, d.code, d.message)).collect()
    })
}

fn warnings(text: &str) -> Vec<String> {
    let now: Timestamp = "2026-11-23T12:00:00Z".parse().expect("an instant");
    let found = parse(text).expect("valid").lint(now, &["create_directory"]);
    found.into_iter().map(|warning| warning.message).collect()
}

#[test]
fn a_trust_file_says_who_signs_for_what() {
    let trust = parse(&text()).expect("valid");
    let policy = &trust.policies["provision"];
    assert_eq!((policy.total, policy.max_steps, policy.lifetime.seconds()), (2, 16, 86_400));
    assert_eq!((policy.separation, policy.remote), (Separation::Author, Remote::Required));
    assert!(policy.covers_path(Path::new("/var/lib/cutter/runs")));
    for outside in [
        "/var/lib/cutter2",
        "/var/lib",
        "var/lib/cutter",
        "/var/lib/cutter/../x",
        "/var/lib/cutter/./x",
        "/var/lib/cutter//x",
    ] {
        assert!(!policy.covers_path(Path::new(outside)), "{outside}");
    }
    assert!(policy.covers_path(Path::new("/var/lib/cutter/.gnupg")), "a dot begins many names");
    assert_eq!(warnings(&text()), [""; 0]);
    assert_eq!(trust.digest, Digest::of(text().as_bytes()));
}

#[test]
fn thresholds_of_zero_are_no_thresholds() {
    for zero in [
        ("total = 2", "total = 0"),
        ("min = 1 }, {", "min = 0 }, {"),
        ("max_steps = 16", "max_steps = 0"),
    ] {
        let found = parse(&text().replace(zero.0, zero.1)).expect_err("refused");
        assert!(found.iter().all(|one| one.contains("nonzero")), "{found:?}");
    }
    let none = text().replace(
        "require = [{ role = \"dba\", min = 1 }, { role = \"owner\", min = 1 }]",
        "require = []",
    );
    assert!(parse(&none).expect_err("refused")[0].contains("`require` is empty"));
    let without = text().replace("total = 2\n", "");
    assert!(parse(&without).expect_err("refused")[0].contains("`total` is missing"));
}

#[test]
fn everything_wrong_is_told_with_its_line() {
    let bad = format!(
        "version = 2\nrevoke = []\n[approver.\"a b\"]\nkeys = [\"ssh-rsa AAAA\"]\nroles = []\n[approver.c]\nkeys = [\"{OPERATOR}\"]\n\
         roles = [\"dba\"]\nrequire_touch = true\n[policy.p]\nactions = [\"x\"]\nroots = [\"relative\"]\nmax_steps = 1\ntotal = 1\n\
         require = [{{ role = \"dba\", min = 1 }}, {{ role = \"dba\", min = 2 }}]\nlifetime = \"31d\"\nwindows = [\"Mon\"]\n"
    );
    let found = parse(&bad).expect_err("refused").join("\n");
    for part in [
        "2 CS0003 unknown key `revoke`",
        "3 CS0012 a name here",
        "4 CS0004 `keys`: RSA keys are not taken",
        "7 CS0008 a key in software tells of no touch",
        "17 CS0004 `windows`: `Mon` is no window",
    ] {
        assert!(found.contains(part), "{part}\n{found}");
    }
    let found = parse(&bad.replace("windows = [\"Mon\"]\n", "")).expect_err("refused").join("\n");
    for part in [
        "12 CS0004 `relative`",
        "15 CS0006 the role `dba` stands twice",
        "16 CS0015 a statement lives",
    ] {
        assert!(found.contains(part), "{part}\n{found}");
    }
}

#[test]
fn a_policy_covers_something_or_is_refused() {
    let nothing = text().replace("roots = [\"/var/lib/cutter\"]\n", "");
    assert!(parse(&nothing).expect_err("refused")[0].contains("covers nothing"));
    let units =
        text().replace("max_steps", "units = ['cutter-*.service', 'a\\x2db.timer']\nmax_steps");
    let trust = parse(&units).expect("valid");
    let covers = |unit: &str| trust.policies["provision"].covers_unit(unit);
    assert!(covers("cutter-run.service") && covers("a\\x2db.timer"));
    assert!(!covers("cutter.service") && !covers("x-cutter-run.service") && !covers("a-b.timer"));
    let bad = text().replace("max_steps", "units = ['[ab].service']\nmax_steps");
    assert!(parse(&bad).expect_err("refused")[0].contains("a unit is its name"));
}

#[test]
fn one_key_under_two_names_is_one_person() {
    let shared = text().replace(REVIEWER, OPERATOR);
    let trust = parse(&shared).expect("valid");
    let people = trust.people();
    assert_eq!(people.person("operator@example.org"), people.person("reviewer"));
    assert_eq!(people.aliases("reviewer").collect::<Vec<_>>(), ["operator@example.org"]);
    let said = warnings(&shared);
    assert!(said.iter().any(|one| one.contains("count as one person")), "{said:?}");
    assert!(said.iter().any(|one| one.contains("2 people in all, and there are 1")), "{said:?}");
    // Also through a third name, and through a committer.
    let through = format!(
        "{}[approver.keyholder]\nkeys = [\"{OPERATOR}\", \"{REVIEWER}\"]\nroles = [\"dba\"]\n[committer.op]\nkeys = [\"{OPERATOR}\"]\n",
        text()
    );
    let trust = parse(&through).expect("valid");
    let people = trust.people();
    assert_eq!(people.person("operator@example.org"), people.person("reviewer"));
    assert_eq!(people.person("op"), people.person("keyholder"));
    assert!(warnings(&through).iter().any(|one| one.contains("committer `op` is the same person")));
}

#[test]
fn what_cannot_be_kept_is_warned_of() {
    let idle = text().replace("roles = [\"owner\"]", "roles = [\"owners\"]");
    let said = warnings(&idle).join("\n");
    assert!(said.contains("no policy asks for a role that `reviewer` has"), "{said}");
    assert!(said.contains("1 people in the role `owner`, and there are 0"), "{said}");
    let revoked =
        text().replace("version = 1\n", &format!("version = 1\nrevoked = [\"{REVIEWER}\"]\n"));
    let said = warnings(&revoked).join("\n");
    assert!(
        said.contains("every key of `reviewer` is revoked") && said.contains("there are 0"),
        "{said}"
    );
    let over = text().replace("lifetime", "freeze = [\"2025-12-20/2026-01-04\"]\nlifetime");
    assert!(warnings(&over).join("\n").contains("is over"));
    let unknown = text().replace("create_directory", "make_directory");
    assert!(warnings(&unknown).join("\n").contains("no action has that name"));
    assert!(warnings("version = 1\n").join("\n").contains("no policy"));
}

#[test]
fn allowed_signers_are_for_ssh_keygen() {
    let revoked =
        text().replace("version = 1\n", &format!("version = 1\nrevoked = [\"{REVIEWER}\"]\n"));
    let trust = parse(&revoked).expect("valid");
    let wanted = format!("operator@example.org namespaces=\"a/v1,b/v1\" {OPERATOR}\n");
    assert_eq!(trust.allowed_signers(&["a/v1", "b/v1"]), wanted);
}

#[test]
fn committers_are_found_by_their_key() {
    let with = format!("{}[committer.keyholder]\nkeys = [\"{REVIEWER}\"]\n", text());
    let key: SshKey = REVIEWER.parse().expect("a key");
    let of = |text: &str| parse(text).expect("valid").committer_of(&key).map(str::to_owned);
    assert_eq!(of(&with).as_deref(), Some("keyholder"));
    assert_eq!(of(&text()), None);
    assert_eq!(of(&format!("{with}revoked = true\n")), None);
    let key_revoked =
        with.replace("version = 1\n", &format!("version = 1\nrevoked = [\"{REVIEWER}\"]\n"));
    assert_eq!(of(&key_revoked), None);
}
