//! Report packages from the outside: made by the owner of a ledger, verified with its key alone, and refused when anything was changed.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::program::{World, command, run};
use crate::site::Site;

const POLICY: &str = "actions = [\"create_directory\"]\nroots = [\"/opt\"]";
const WANTED: &str = "[directory.\"/opt/run\"]\nowner = \"me\"\ngroup = \"me\"\nmode = \"0750\"\ngap = \"GAP5\"\n\
     [gap.GAP5]\ntitle = \"folders\"\ncontact = \"operator\"\n\
     [gate.G0]\ntitle = \"precheck\"\nrequires = [\"directory./opt/run\"]\n\
     [report.r]\ntitle = \"a release\"\nid = \"release-42\"\nready = \"GO\"\nblocked = \"STAY\"\nclosed = [\"GAP5\"]\n\
     [[report.r.documents]]\nname = \"01-precheck\"\ntitle = \"what is there\"\ngates = [\"G0\"]\nresources = [\"directory.*\"]\n\
     [[report.r.documents]]\nname = \"02-final\"\ntitle = \"the outcome\"\ngaps = [\"GAP5\"]\n\
     [[report.r.criteria]]\nname = \"the_folder_is_there\"\nrequires = [\"directory./opt/run\"]\n\
     [[report.r.forbidden]]\nname = \"a proof was run\"\nabsent = [\"proof.intent\"]\n";

fn site(folder: &Path, wanted: &str) -> Site<'static> {
    let (root, seen_at) = (folder.join("root"), folder.to_str().unwrap());
    for below in ["", "etc", "opt"] {
        fs::create_dir_all(root.join(below)).unwrap();
        fs::set_permissions(root.join(below), fs::Permissions::from_mode(0o755)).unwrap();
    }
    let me = fs::metadata(folder).unwrap();
    fs::write(root.join("etc/machine-id"), "0123456789abcdef0123456789abcdef\n").unwrap();
    fs::write(root.join("etc/hostname"), "testhost\n").unwrap();
    let name = |id: u32| if id == 0 { "root" } else { "me" };
    let (user, group) = (name(me.uid()), name(me.gid()));
    let account = format!("{user}:x:{}:{}::/:/bin/sh\n", me.uid(), me.gid());
    fs::write(root.join("etc/passwd"), account).unwrap();
    fs::write(root.join("etc/group"), format!("{group}:x:{}:\n", me.gid())).unwrap();
    let start = |words: &[&str]| command(words).output().unwrap();
    let site = Site::new(folder.to_owned(), seen_at, "root", POLICY, Box::new(start));
    let owned = wanted.replace("owner = \"me\"", &format!("owner = \"{user}\""));
    site.wants(&owned.replace("group = \"me\"", &format!("group = \"{group}\"")));
    site
}

/// The key of the site's ledger, as its owner would tell it.
fn key(folder: &Path) -> String {
    fs::read_to_string(folder.join("data/ledger/executor/key.pub")).unwrap().trim().to_owned()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

fn package(folder: &Path) -> Value {
    serde_json::from_slice(&fs::read(folder.join("package.json")).unwrap()).unwrap()
}

#[test]
fn a_package_says_what_is_and_verifies_with_a_key_from_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let site = site(folder.path(), WANTED);
    let blocked = site.path("blocked");
    let said = site.run(&["report", "r", "-o", &blocked]).ends_with(2);
    let said =
        said.says("STAY: 0 of 1 gates pass").says("gate.G0 FAIL: directory./opt/run: presence is");
    said.says("gap.GAP5 OPEN");
    site.deed("plan.json", &["--gap", "GAP5"]).ends_with(0);
    let ready = site.path("ready");
    site.run(&["report", "r", "-o", &ready]).ends_with(0).says("GO: 1 of 1 gates pass");
    site.run(&["report", "r", "-o", &ready]).ends_with(64).says("is there and not empty");
    // On another machine: no configuration, and the key from whoever has told it.
    let own = key(folder.path());
    let verified = run(&["report", "verify", &ready, "--ledger-key", &own]).ends_with(0);
    assert!(
        verified.stdout.contains("GO\n") && verified.stdout.contains("the one of --ledger-key"),
        "{}",
        verified.stdout
    );
    let verified = run(&["report", "verify", &ready, "--ledger-key", &own, "--output", "json"])
        .ends_with(0)
        .report();
    assert_eq!((&verified["ready"], &verified["outcome"]), (&true.into(), &"GO".into()));
    site.run(&["report", "verify", &ready]).ends_with(0).says("the one of this machine");
    run(&["report", "verify", &ready]).ends_with(4);
    // What was applied before stands on the ledger, and in the package.
    let told = package(Path::new(&ready));
    let opened: Vec<String> =
        fs::read_to_string(Path::new(&ready).join("ledger/executor/entries.jsonl"))
            .unwrap()
            .lines()
            .map(|line| {
                serde_json::from_str::<Value>(line).unwrap()["type"].as_str().unwrap().to_owned()
            })
            .collect();
    assert!(
        opened.contains(&"permit.consumed".to_owned())
            && opened.contains(&"report.made".to_owned()),
        "{opened:?}"
    );
    assert_eq!(told["non_mutation"]["held"], "yes", "{}", told["non_mutation"]);
    assert_eq!(told["non_mutation"]["connections"], Value::Array(Vec::new()));
    // Both of them, told apart.
    let differ = run(&["report", "diff", &blocked, &ready]).ends_with(2);
    for line in [
        "outcome  STAY -> GO",
        "gate.G0  FAIL -> PASS",
        "gap.GAP5  OPEN -> CLOSED",
        "criterion the_folder_is_there  NO -> YES",
    ] {
        assert!(differ.stdout.contains(line), "{line}: {}", differ.stdout);
    }
    run(&["report", "diff", &ready, &ready]).ends_with(0);
    // The ledger has an entry for each, and verifies.
    site.run(&["ledger", "verify"]).ends_with(0);
    site.run(&["ledger", "show"]).ends_with(0).says("report.made");
}

#[test]
fn what_was_changed_in_a_package_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let site = site(folder.path(), WANTED);
    let made = PathBuf::from(site.path("package"));
    site.run(&["report", "r", "-o", made.to_str().unwrap()]).ends_with(2);
    let own = key(folder.path());
    let refused = |change: &dyn Fn(&Path), named: &str| {
        let at = tempfile::tempdir().unwrap();
        copy(&made, at.path());
        change(at.path());
        let ran = run(&["report", "verify", at.path().to_str().unwrap(), "--ledger-key", &own])
            .ends_with(8);
        assert!(ran.stderr.contains(named), "{named}: {}", ran.stderr);
    };
    let edit = |file: &'static str, from: &'static str, to: &'static str| {
        move |at: &Path| {
            let text = fs::read_to_string(at.join(file)).unwrap();
            assert!(text.contains(from), "{file} lacks {from}");
            fs::write(at.join(file), text.replacen(from, to, 1)).unwrap();
        }
    };
    refused(&edit("02-final.md", "STAY", "GOGO"), "02-final.md: it is not what was signed");
    refused(
        &edit("package.json", "\"FAIL\"", "\"PASS\""),
        "package.json: it is not what was signed",
    );
    refused(
        &edit("SHA256SUMS", "  02-final.md", "  02-final.mx"),
        "SHA256SUMS: it is not what was signed",
    );
    refused(
        &edit("statement.dsse.json", "payload", "paYload"),
        "statement.dsse.json: it is no envelope",
    );
    refused(
        &edit("observations.json", "countersign.world", "countersign.World"),
        "observations.json",
    );
    refused(
        &|at| fs::remove_file(at.join("ledger/executor/proofs.jsonl")).unwrap(),
        "ledger/executor/proofs.jsonl: it is missing",
    );
    refused(
        &|at| fs::write(at.join("more.md"), "x").unwrap(),
        "more.md: it does not belong to the package",
    );
    refused(
        &|at| symlink("index.html", at.join("link")).unwrap(),
        "link: it does not belong to a package",
    );
    // Whoever has another ledger makes the same package, and cannot make it this machine's.
    let other = tempfile::tempdir().unwrap();
    let elsewhere = self::site(other.path(), WANTED);
    let theirs = elsewhere.path("package");
    elsewhere.run(&["report", "r", "-o", &theirs]).ends_with(2);
    let ran = run(&["report", "verify", &theirs, "--ledger-key", &own]).ends_with(8);
    assert!(
        ran.stderr.contains("statement.dsse.json: it is signed by another key"),
        "{}",
        ran.stderr
    );
}

#[test]
fn a_recorded_world_makes_a_package_that_nobody_signed() {
    let world = World::wanting(&WANTED.replace("owner = \"me\"\ngroup = \"me\"\n", ""));
    world.host_folder("opt/run", 0o750);
    let (recorded, to) = (world.path("world.json"), world.path("package"));
    world.check(&["--record", recorded.to_str().unwrap()]).ends_with(0);
    let words = ["r", "--replay", recorded.to_str().unwrap(), "-o", to.to_str().unwrap()];
    let ran = world.run("report", &words).ends_with(4);
    for line in [
        "STAY",
        "non-mutation NOT RUN: nothing was measured",
        "forbidden a proof was run UNKNOWN: a recorded world has no ledger",
        "it is not signed",
    ] {
        assert!(ran.stdout.contains(line), "{line}: {}", ran.stdout);
    }
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/packages/release");
    let own = fs::read_to_string(golden.join("ledger/executor/key.pub")).unwrap();
    let ran = run(&["report", "verify", to.to_str().unwrap(), "--ledger-key", &own]).ends_with(8);
    assert!(ran.stderr.contains("statement.dsse.json: it is missing"), "{}", ran.stderr);
    // One that an earlier program signed goes on verifying.
    run(&["report", "verify", golden.to_str().unwrap(), "--ledger-key", &own]).ends_with(0);
}

#[test]
fn what_a_report_names_has_to_be_there() {
    let found = |change: &dyn Fn(String) -> String| {
        let world = World::wanting(&change(WANTED.to_owned()));
        world.run("lint", &[]).ends_with(65).everything()
    };
    let cases: &[(&str, &str, &str)] = &[
        ("gates = [\"G0\"]", "gates = [\"G1\"]", "covers the gate `G1`, and there is none"),
        ("gaps = [\"GAP5\"]", "gaps = [\"GAP6\"]", "names the gap `GAP6`, which is not declared"),
        (
            "closed = [\"GAP5\"]",
            "closed = [\"GAP6\"]",
            "names the gap `GAP6`, which is not declared",
        ),
        (
            "resources = [\"directory.*\"]",
            "resources = [\"tree.*\"]",
            "requires `tree.*`, which reaches nothing",
        ),
        (
            "requires = [\"directory./opt/run\"]\n[[report.r.forbidden]]",
            "requires = [\"proof.p\"]\n[[report.r.forbidden]]",
            "requires `proof.p`, which reaches nothing",
        ),
        (
            "absent = [\"proof.intent\"]",
            "absent = [\"proof.intend\"]",
            "no entry of a ledger has the type `proof.intend`",
        ),
        (
            "name = \"02-final\"",
            "name = \"01-final\"",
            "`01-final` has the number of `01-precheck`",
        ),
        (
            "name = \"02-final\"",
            "name = \"00-final\"",
            "comes after a document with a higher number",
        ),
        ("name = \"02-final\"", "name = \"../final\"", "is no name of a document"),
        ("blocked = \"STAY\"", "blocked = \"GO\"", "has one word for both outcomes"),
        ("blocked = \"STAY\"", "blocked = \"<b>\"", "`blocked` of `report.r` is one word"),
        (
            "[report.r]",
            "[report.verify]\ntitle = \"t\"\nid = \"i\"\nready = \"a\"\nblocked = \"b\"\ndocuments = []\n[report.r]",
            "`verify` is a verb of `report`",
        ),
    ];
    for (from, to, wanted) in cases {
        let said = found(&|text| {
            assert!(text.contains(from), "{from}");
            text.replacen(from, to, 1)
        });
        assert!(said.contains(wanted), "{wanted}:\n{said}");
        assert!(said.contains("hosts/a/resources.toml:"), "{said}");
    }
}

#[test]
fn a_person_signs_what_they_have_read_and_counts_by_the_trust_file() {
    let folder = tempfile::tempdir().unwrap();
    let site = site(folder.path(), WANTED);
    let made = site.path("package");
    site.run(&["report", "r", "-o", &made]).ends_with(2);
    let told = site.run(&["report", "verify", &made]).ends_with(0).text;
    let digest = told.split("statement sha256:").nth(1).unwrap()[..64].to_owned();
    let key_file = site.path("first");
    let sign = |name: &str, digest: &str| {
        site.run(&[
            "report",
            "sign",
            &made,
            "--as",
            name,
            "--reason",
            "I was there",
            "--key",
            &key_file,
            "--digest",
            digest,
            "--i-am-remote",
        ])
    };
    sign("first@a", &digest[..10]).ends_with(6).says("--digest takes all 64 digits");
    sign("../first", &digest).ends_with(64);
    // What would not verify is not written: the package would be worth nothing until somebody finds that out.
    let signatures = Path::new(&made).join("signatures");
    sign("third@a", &digest)
        .ends_with(6)
        .says("nothing is signed: ")
        .says("--as NAME and --key FILE are those of one approver");
    assert!(!signatures.exists());
    site.run(&["report", "verify", &made]).ends_with(0);
    sign("first@a", &digest).ends_with(0).says("first@a signed STAY");
    sign("first@a", &digest).ends_with(64).says("has signed it already");
    site.run(&["report", "verify", &made])
        .ends_with(0)
        .says("signed by first@a at ")
        .says("I was there");
    // Elsewhere nobody knows whose key that is, but for a trust file.
    let own = key(folder.path());
    let ran = run(&["report", "verify", &made, "--ledger-key", &own]).ends_with(4);
    assert!(ran.stderr.contains("cannot be told without a trust file"), "{}", ran.stderr);
    let trust = site.path("trust.toml");
    run(&["report", "verify", &made, "--ledger-key", &own, "--trust", &trust]).ends_with(0);
    let stranger = fs::read_to_string(&trust).unwrap().replace("first@a", "other@a");
    let strangers = site.path("strangers.toml");
    fs::write(&strangers, stranger).unwrap();
    let ran =
        run(&["report", "verify", &made, "--ledger-key", &own, "--trust", &strangers]).ends_with(8);
    assert!(ran.stderr.contains("the trust file does not give first@a the key"), "{}", ran.stderr);
    // Each byte of what was signed counts.
    let file = Path::new(&made).join("signatures/first@a.statement");
    let text = fs::read_to_string(&file).unwrap();
    for (from, to, why) in [
        ("I was there", "I was here", "signatures/first@a.statement: "),
        ("STAY", "GOGO", "it is about another package"),
        ("first@a", "third@a", "it is not named after its signer"),
        ("signer", "Signer", "it is no statement about a report"),
    ] {
        fs::write(&file, text.replace(from, to)).unwrap();
        let ran =
            run(&["report", "verify", &made, "--ledger-key", &own, "--trust", &trust]).ends_with(8);
        assert!(ran.stderr.contains(why), "{why}: {}", ran.stderr);
    }
}
