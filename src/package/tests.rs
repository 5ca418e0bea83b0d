//! Packages: made, sealed, verified, and told apart. What is made here is the same in every run, and compared with `tests/packages`.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::assemble::{Input, assemble};
use super::excerpt::{self, Excerpt};
use super::value::{
    Census, Change, Connection, Header, History, Level, Measured, NonMutation, Package, Program,
};
use super::verify::summed;
use super::*;
use crate::desired::{Desired, Tree, read};
use crate::drift;
use crate::evidence::{Deed, Facts, Held, Openness, ProofRecord, Recorded, State, Window, report};
use crate::ledger::envelope::fixed::Fixed;
use crate::ledger::merkle;
use crate::ledger::proof::Inclusion;
use crate::model::{Digest, Reason, ResourceName, Timestamp, Unknown};
use crate::observed::{self, Answer, Snapshot};
use crate::proof::Holds;
use crate::report::{self as formats, Report};

const WANTED: &str = r#"
[directory."/srv/one"]
mode = "0750"
[directory."/srv/two"]
mode = "0750"
gap = "GAP5"
[constant.switch]
file = "/etc/switch"
format = "ini"
key = "on"
value = "no"
kill_switch = true
[proof_guard.countersign]
database = "d"
provers = ["r"]
[proof.p]
database = "d"
role = "r"
contract = "sql/p.sql"
expect = "read"
[gate.G0]
title = "what is there is what was ratified <script>alert('\"&')</script>"
requires = ["directory./srv/one", "kill_switch"]
[[gate.G0.criteria]]
name = "one_is_there"
requires = ["directory./srv/one"]
[gate.G1]
title = "a statement is proven"
needs = ["G0"]
requires = ["proof.p"]
[gap.GAP5]
title = "a folder"
aliases = ["GAP-5"]
contact = "operator"
residue = "a deployment opens it again"
next = "approve the plan"
[report.r]
title = "a release"
id = "release-42"
ready = "RELEASE_READY"
blocked = "RELEASE_BLOCKED"
closed = ["GAP5"]
next = ["deploy", "look again"]
[[report.r.documents]]
name = "01-precheck"
title = "what is there"
gates = ["G0"]
gaps = ["GAP5"]
resources = ["directory.*"]
[[report.r.documents]]
name = "02-final"
title = "the outcome"
gates = ["G1"]
proofs = ["proof.p"]
[[report.r.criteria]]
name = "the_switch_is_off"
requires = ["kill_switch"]
[[report.r.forbidden]]
name = "a plan was applied"
absent = ["permit.consumed", "step.intent"]
[[report.r.forbidden]]
name = "the folder was changed"
requires = ["directory./srv/one"]
"#;
const HOST: &str = "[host]\nidentity = { hostname = \"h\" }\n[database.d]\nidentity = { system_identifier = \"42\" }\n";

fn at(text: &str) -> Timestamp {
    text.parse().expect("an instant")
}

fn now() -> Timestamp {
    at("2026-05-21T12:00:00Z")
}

/// What a package is made of; tests change it before it is made.
struct Made {
    wanted: String,
    modes: [Option<&'static str>; 2],
    proven: Option<Holds>,
    /// The types of the ledger's entries, an hour apart, the last one just now.
    entries: Vec<&'static str>,
    measured: NonMutation,
    signer: Fixed,
}

impl Default for Made {
    fn default() -> Self {
        let digest = Some(Digest::of(b"seen"));
        let measured =
            Measured { resource: "directory./srv/one".to_owned(), before: digest, after: digest };
        let census = Census {
            database: "d".to_owned(),
            before: Some(740),
            after: Some(742),
            own: None,
            read_only: true,
        };
        let connection =
            Connection { database: "d".to_owned(), role: "observer".to_owned(), times: 1 };
        let program = Program { program: "python3".to_owned(), times: 2 };
        Self {
            wanted: WANTED.to_owned(),
            modes: [Some("0750"), Some("0750")],
            proven: Some(Holds::Yes),
            entries: vec!["log.opened", "proof.intent", "proof.outcome", "gap.changed"],
            measured: NonMutation {
                held: Held::NotRun,
                before: Some(at("2026-05-21T11:59:58Z")),
                after: Some(now()),
                measured: vec![measured],
                census: vec![census],
                connections: vec![connection],
                programs: vec![program],
                wrote: vec!["the package".to_owned()],
            },
            signer: Fixed::new(7),
        }
    }
}

impl Made {
    fn desired(&self) -> Desired {
        let files = [
            ("hosts/a/host.toml", HOST),
            ("hosts/a/r.toml", &self.wanted),
            ("hosts/a/sql/p.sql", "SELECT 1 AS n"),
        ];
        let files = files.map(|(path, text)| (path.to_owned(), text.as_bytes().into()));
        let tree = Tree { files: files.into_iter().collect(), ..Tree::default() };
        let loaded = read(&tree, "a", now());
        loaded.desired.unwrap_or_else(|| panic!("{:?}", loaded.diagnostics))
    }

    fn snapshot(&self, desired: &Desired) -> Snapshot {
        let mut snapshot = Snapshot::empty(now());
        let mut add = |name: ResourceName, seen: Result<Value, Unknown>| {
            let question = desired.resources[&name].spec.question(&name.name);
            snapshot.add(name, Answer { question, seen });
        };
        for (path, mode) in ["/srv/one", "/srv/two"].into_iter().zip(self.modes) {
            let own = json!({ "Ok": "root" });
            let metadata =
                json!({ "file_type": "directory", "group": own, "mode": mode, "owner": own });
            let late = || Unknown::new(Reason::Deadline, "late");
            let seen =
                mode.map(|_| json!({ "empty": null, "metadata": metadata })).ok_or_else(late);
            add(ResourceName::new("directory", path), seen);
        }
        let line = json!({ "file": "/etc/switch", "number": 1, "text": "on = no" });
        let content = json!({ "sha256": Digest::of(b"\"no\"").to_string(), "shown": "no" });
        let seen = json!({ "value": { "content": content, "line": line } });
        add(ResourceName::new("constant", "switch"), Ok(seen));
        snapshot
    }

    fn lines(&self) -> Vec<String> {
        let count = i64::try_from(self.entries.len()).expect("few");
        let line = |(seq, name): (i64, &&str)| {
            let hours = count - 1 - seq;
            let time = Timestamp::from_unix_seconds(now().unix_seconds() - hours * 3600);
            format!(
                r#"{{"v":1,"seq":"{seq}","prev":"","time":"{}","boot":"b","mono":"{seq}","host":"h","actor":{{}},"type":"{name}","body":{{}}}}"#,
                time.with_milliseconds()
            )
        };
        (0..).zip(&self.entries).map(line).collect()
    }

    fn excerpt(&self) -> Excerpt {
        let lines = self.lines();
        let leaves: Vec<_> = lines.iter().map(|line| merkle::leaf(line.as_bytes())).collect();
        let size = leaves.len() as u64;
        let checkpoint = self.signer.checkpoint(size, merkle::root(&leaves));
        let entry = |(seq, line): (u64, String)| Inclusion {
            path: merkle::inclusion(&leaves, seq).expect("it is there"),
            checkpoint: checkpoint.clone(),
            seq,
            line,
        };
        let entries = (0..).zip(lines).map(entry).collect();
        let (key, blobs) = (self.signer.key(), std::collections::BTreeMap::new());
        Excerpt {
            entries,
            checkpoint: checkpoint.clone(),
            key,
            blobs,
            since: at("2026-05-20T12:00:00Z"),
            first: 0,
        }
    }

    fn window(&self) -> Window {
        let deed = |(seq, name): (u64, &&'static str)| Deed { seq, type_name: name, at: now() };
        let deeds = (0..).zip(&self.entries).map(deed).collect();
        Window { since: Some(at("2026-05-20T12:00:00Z")), deeds, unread: None }
    }

    fn package(&self) -> (Package, Files) {
        let desired = self.desired();
        let snapshot = self.snapshot(&desired);
        let mut recorded = Recorded::default();
        if let Some(holds) = self.proven {
            let record = ProofRecord {
                contract: desired.proofs["p"].contract.digest(),
                holds,
                verdict: "CLEAN-ABSOLUTE".to_owned(),
                system_identifier: Some("42".to_owned()),
                at: at("2026-05-21T11:00:00Z"),
                entry: 2,
            };
            recorded.proofs.insert("p".to_owned(), record);
        }
        let judged = drift::compare(&desired, &snapshot, None, now());
        let facts = Facts::new(&desired, &judged, &recorded, now());
        let (plan, excerpt) = (&desired.reports["r"], self.excerpt());
        let result = report(&facts, plan, &self.window());
        let change = Change {
            gap: "GAP5".to_owned(),
            at: at("2026-05-21T10:00:00Z"),
            state: "CLOSED".to_owned(),
            entry: 3,
        };
        let level = |time, drift| Level { at: at(time), drift, unknown: 0 };
        let package = assemble(&Input {
            header: header(&desired),
            plan,
            desired: &desired,
            snapshot: &snapshot,
            judged: &judged,
            recorded: &recorded,
            result: &result,
            excerpt: Some(&excerpt),
            non_mutation: self.measured.clone(),
            history: History {
                drift: vec![level("2026-05-20T12:00:00Z", 2), level("2026-05-21T10:00:00Z", 0)],
                gaps: vec![change],
            },
        });
        let judged = drift::compare(&desired, &snapshot, None, now());
        let report = Report::new(shown(&package), judged);
        let observations = observed::write(&snapshot).expect("plain data");
        let mut files = files::files(&package, &report, observations, Some(&excerpt));
        self.seal(&mut files, &package);
        (package, files)
    }

    fn seal(&self, files: &mut Files, package: &Package) {
        files::seal(files, package, |of, payload| self.signer.envelope(of, payload));
    }
}

fn header(desired: &Desired) -> Header {
    Header {
        report: "r".to_owned(),
        id: desired.reports["r"].id.clone(),
        title: desired.reports["r"].title.clone(),
        date_utc: now(),
        host: "a".to_owned(),
        host_id: Some("0123".to_owned()),
        commit: Some("703559c91b819a6ab70fffc6105776014f7a6a56".to_owned()),
        pinned: true,
        sandbox: false,
        replayed: false,
        program: "0.0.0".to_owned(),
        notes: Vec::new(),
    }
}

fn shown(package: &Package) -> formats::Header {
    formats::Header {
        host: package.header.host.clone(),
        commit: package.header.commit.clone(),
        pinned: true,
        sandbox: false,
        replayed: false,
        observed_at: now(),
        since: None,
        folder: String::new(),
        source: String::new(),
        only: Vec::new(),
        notes: Vec::new(),
    }
}

fn checked(files: &Files) -> Result<Verified, Vec<Fault>> {
    let key = Fixed::new(7).key();
    verify(files, Trusted { ledger: &key, people: None })
}

/// The file that is named first, and what is said of it.
fn fault(files: &Files) -> (String, String) {
    let faults = checked(files).expect_err("it must not verify");
    (faults[0].file.clone(), faults[0].what.clone())
}

#[test]
fn a_package_of_what_holds_is_ready_and_verifies() {
    let (package, files) = Made::default().package();
    assert_eq!(package.outcome.blockers, Vec::<String>::new());
    assert_eq!(package.outcome.token, "RELEASE_READY");
    let verified = checked(&files).unwrap_or_else(|faults| panic!("{faults:?}"));
    assert!(verified.cited > 5 && verified.package == package);
    let forbidden = &package.forbidden[0];
    assert_eq!(forbidden.backing[0].seen, "none of 4 entries since 2026-05-20T12:00:00Z");
}

/// A change of what is known, and the one thing that holds the outcome back then.
type Case<'a> = (&'a dyn Fn(&mut Made), &'a str);

#[test]
fn whatever_did_not_run_or_was_not_observed_holds_ready_back() {
    let cases: &[Case<'_>] = &[
        (&|made| made.proven = None, "gate.G1 NOT_RUN: proof.p was not run here"),
        (&|made| made.proven = Some(Holds::Untold), "gate.G1 NOT_RUN: proof.p: CLEAN"),
        (&|made| made.proven = Some(Holds::No), "gate.G1 FAIL: proof.p: CLEAN"),
        (&|made| made.modes[0] = None, "gate.G0 PARTIAL: directory./srv/one: late"),
        (&|made| made.modes[0] = Some("0777"), "gate.G0 FAIL: directory./srv/one: mode"),
        (&|made| made.modes[1] = Some("0777"), "gap.GAP5 OPEN: directory./srv/two: mode"),
        (
            &|made| made.entries[1] = "step.intent",
            "forbidden a plan was applied NOT SHOWN: entry 1 of the ledger is step.intent",
        ),
        (&|made| made.measured.before = None, "non-mutation NOT RUN: nothing was measured"),
        (
            &|made| made.measured.measured[0].after = None,
            "non-mutation UNKNOWN: directory./srv/one could not be seen",
        ),
        (
            &|made| made.measured.measured[0].after = Some(Digest::of(b"x")),
            "non-mutation NO: directory./srv/one changed",
        ),
        (
            &|made| made.measured.census[0].own = Some("741".into()),
            "non-mutation NO: the session of d was able to write",
        ),
        (
            &|made| made.measured.census[0].read_only = false,
            "non-mutation UNKNOWN: the session of d was able to write",
        ),
        (
            &|made| made.measured.census[0].after = None,
            "non-mutation UNKNOWN: d does not count its transactions",
        ),
        (
            &|made| made.wanted += "[[report.r.forbidden]]\nname = \"nobody was asked\"\n",
            "forbidden nobody was asked NOT ATTESTED: nothing was observed that could back it",
        ),
        (
            &|made| {
                made.wanted +=
                    "[[report.r.criteria]]\nname = \"guarded\"\nrequires = [\"proof_guard.*\"]\n";
            },
            "criterion guarded UNKNOWN: proof_guard.countersign: this resource was not asked about",
        ),
    ];
    for (change, wanted) in cases {
        let mut made = Made::default();
        change(&mut made);
        let (package, files) = made.package();
        let outcome = &package.outcome;
        assert!(!outcome.ready && outcome.token == "RELEASE_BLOCKED", "{wanted}");
        assert!(outcome.blockers[0].starts_with(wanted), "{wanted}: {:?}", outcome.blockers);
        // What is blocked is a package all the same.
        checked(&files).unwrap_or_else(|faults| panic!("{wanted}: {faults:?}"));
    }
}

#[test]
fn no_changed_byte_passes_and_its_file_is_named() {
    let (_, files) = Made::default().package();
    let statement = checked(&files).expect("as it was signed").statement;
    let mut changed = files.clone();
    let mut tried = 0_usize;
    for (name, bytes) in &files {
        let sealing = [SUMS, ENVELOPE].contains(&name.as_str());
        for (at, byte) in bytes.iter().enumerate() {
            changed.get_mut(name).expect("it is there")[at] ^= 1 << (at % 8);
            // The statement itself is opened again where that can matter, and now and then besides.
            let faults = if sealing || at % 100 == 0 {
                checked(&changed).expect_err("a changed byte")
            } else {
                summed(&changed, &statement)
            };
            assert!(faults.iter().any(|one| one.file == *name), "{name}, byte {at}: {faults:?}");
            changed.get_mut(name).expect("it is there")[at] = *byte;
            tried += 1;
        }
    }
    assert!(tried > 10_000, "{tried}");
    assert!(checked(&changed).is_ok());
}

#[test]
fn files_that_are_missing_added_or_cut_are_named() {
    let (_, files) = Made::default().package();
    for name in files.keys() {
        let mut less = files.clone();
        less.remove(name);
        assert_eq!(fault(&less), (name.clone(), "it is missing".to_owned()));
        let mut cut = files.clone();
        cut.get_mut(name).expect("it is there").pop();
        assert_eq!(fault(&cut).0, *name);
    }
    for name in ["more.md", "ledger/executor/blobs/x", "signatures/x", "signatures/a.statement.sig"]
    {
        let mut more = files.clone();
        more.insert(name.to_owned(), b"x".to_vec());
        assert_eq!(fault(&more), (name.to_owned(), "it does not belong to the package".to_owned()));
    }
}

#[test]
fn a_statement_signed_anew_by_another_key_is_refused() {
    let other = Made { signer: Fixed::new(8), ..Made::default() };
    let (_, files) = other.package();
    let what = "it is signed by another key than the one that was given";
    assert_eq!(fault(&files), (ENVELOPE.to_owned(), what.to_owned()));
    // The same with the name of the right key in it.
    let mut claimed = files;
    let text = String::from_utf8(claimed[ENVELOPE].clone()).expect("text");
    let text = text.replace(&other.signer.key().to_string(), &Fixed::new(7).key().to_string());
    claimed.insert(ENVELOPE.to_owned(), text.into_bytes());
    assert_eq!(fault(&claimed), (ENVELOPE.to_owned(), "its signature is wrong".to_owned()));
}

/// Changes a file, and has whoever has the ledger's key sign that: what remains is that lines rest on nothing.
fn sealed_anew(change: impl FnOnce(&mut Files, &mut Package)) -> (String, String) {
    let made = Made::default();
    let (mut package, mut files) = made.package();
    change(&mut files, &mut package);
    let mut value = Vec::new();
    crate::model::json::write(&mut value, &package).expect("plain data");
    files.insert(VALUE.to_owned(), value);
    let sums = sums::text(&sums::of(&files));
    files.insert(SUMS.to_owned(), sums.into_bytes());
    made.seal(&mut files, &package);
    fault(&files)
}

#[test]
fn a_signed_package_whose_lines_rest_on_nothing_is_refused() {
    type Change = fn(&mut Package);
    let cases: [(Change, &str); 10] = [
        (|package| package.header.replayed = true, "it is of a recorded world"),
        (
            |package| package.gates[1].state = State::Fail,
            "gate.G1 does not come to what it rests on",
        ),
        (|package| package.gates[0].backing[0].held = Held::No, "gate.G0 does not"),
        (|package| package.gates[1].blocked_by = vec!["G0".to_owned()], "gate.G1 does not"),
        (|package| package.gates[1].needs = vec!["G7".to_owned()], "gate.G1 does not"),
        (|package| package.gaps[0].backing.clear(), "gap.GAP5 does not"),
        (
            |package| package.criteria[0].backing[0].held = Held::Untold,
            "line `the_switch_is_off` does",
        ),
        (|package| package.forbidden[1].backing.clear(), "line `the folder was changed` does"),
        (
            |package| package.documents[1].proofs[0].backing[0].cites.clear(),
            "`proof.p` holds, and rests on nothing",
        ),
        (
            |package| package.outcome.blockers.push("more".to_owned()),
            "its lines come to RELEASE_READY",
        ),
    ];
    for (change, wanted) in cases {
        let (file, what) = sealed_anew(|_, package| change(package));
        assert!(file == VALUE && what.starts_with(wanted), "{wanted}: {what}");
    }
    let (_, what) = sealed_anew(|_, package| package.non_mutation.measured[0].after = None);
    assert_eq!(what, "what was measured does not come to what it says");
}

#[test]
fn a_state_that_its_backing_does_not_come_to_is_refused() {
    type Change = fn(&mut Package);
    let cases: [(Change, &str); 7] = [
        // What was seen not to be as it should is a failure, and nothing milder.
        (
            |package| {
                package.gates[0].backing[0].held = Held::No;
                package.gates[0].state = State::Partial;
            },
            "gate.G0 does not",
        ),
        (
            |package| {
                package.gates[0].backing[0].held = Held::No;
                package.gates[0].state = State::NotRun;
            },
            "gate.G0 does not",
        ),
        // What could not be told is no failure.
        (
            |package| {
                package.gates[0].backing[0].held = Held::Untold;
                package.gates[0].state = State::Fail;
            },
            "gate.G0 does not",
        ),
        (
            |package| {
                package.gates[1].state = State::Blocked;
                package.gates[1].blocked_by = vec!["gap.GAP5".to_owned()];
            },
            "gate.G1 does not",
        ),
        // Whoever waits for what nobody knows is not to be taken for one that only waits.
        (
            |package| {
                package.gates[1].state = State::Blocked;
                package.gates[1].blocked_by = vec!["G9".to_owned()];
            },
            "gate.G1 does not",
        ),
        (|package| package.gaps[0].state = Openness::Open, "gap.GAP5 does not"),
        // Of which some holds is not as open as it was.
        (
            |package| {
                let missing =
                    value::Backing { held: Held::No, ..package.gaps[0].backing[0].clone() };
                package.gaps[0].backing.push(missing);
                package.gaps[0].state = Openness::Open;
            },
            "gap.GAP5 does not",
        ),
    ];
    for (change, wanted) in cases {
        let (file, what) = sealed_anew(|_, package| change(package));
        assert!(file == VALUE && what.starts_with(wanted), "{wanted}: {what}");
    }
}

#[test]
fn proofs_that_were_swapped_and_entries_that_are_missing_are_named() {
    let edit = |name: &'static str, edit: &dyn Fn(Vec<&str>) -> Vec<String>| {
        sealed_anew(|files, _| {
            let text = String::from_utf8(files[name].clone()).expect("text");
            let lines = edit(text.lines().collect());
            files.insert(name.to_owned(), (lines.join("\n") + "\n").into_bytes());
        })
    };
    let owned = |lines: Vec<&str>| lines.into_iter().map(str::to_owned).collect::<Vec<_>>();
    let swapped = edit(excerpt::PROOFS, &|mut lines| {
        lines.swap(1, 2);
        owned(lines)
    });
    let what = "the proof of entry 1 does not lead to the root".to_owned();
    assert_eq!(swapped, (excerpt::PROOFS.to_owned(), what.clone()));
    let changed = edit(excerpt::ENTRIES, &|lines| {
        lines.iter().map(|line| line.replace("proof.intent", "plan.done")).collect()
    });
    assert_eq!(changed, (excerpt::PROOFS.to_owned(), what));
    let fewer = edit(excerpt::ENTRIES, &|lines| owned(lines[..3].to_vec()));
    assert_eq!(fewer.1, "there is not one proof for each entry");
    let missing = sealed_anew(|files, _| {
        for name in [excerpt::ENTRIES, excerpt::PROOFS] {
            let text = String::from_utf8(files[name].clone()).expect("text");
            let kept: Vec<&str> =
                text.lines().filter(|line| !line.contains("\"seq\":\"1\"")).collect();
            files.insert(name.to_owned(), (kept.join("\n") + "\n").into_bytes());
        }
    });
    assert_eq!(missing, (excerpt::ENTRIES.to_owned(), "entry 1 is missing".to_owned()));
    let unseen = sealed_anew(|files, _| {
        let text = String::from_utf8(files[OBSERVATIONS].clone()).expect("text");
        files.insert(OBSERVATIONS.to_owned(), text.replace("\"0750\"", "\"0751\"").into_bytes());
    });
    assert!(
        unseen.1.starts_with("`observation ") && unseen.1.ends_with(" is not in the package"),
        "{unseen:?}"
    );
}

#[test]
fn what_is_said_not_to_be_on_the_ledger_is_looked_up() {
    let done = Made {
        entries: vec!["log.opened", "step.intent", "proof.outcome", "gap.changed"],
        ..Made::default()
    };
    let (mut package, mut files) = done.package();
    // Whoever has the key says that it was not.
    let (honest, _) = Made::default().package();
    package.forbidden = honest.forbidden;
    package.outcome = outcome(&package);
    assert!(package.outcome.ready);
    let mut value = Vec::new();
    crate::model::json::write(&mut value, &package).expect("plain data");
    files.insert(VALUE.to_owned(), value);
    let sums = sums::text(&sums::of(&files));
    files.insert(SUMS.to_owned(), sums.into_bytes());
    done.seal(&mut files, &package);
    let what = "`no permit.consumed, step.intent on the executor's ledger`, and entry 1 is one";
    assert_eq!(fault(&files), (VALUE.to_owned(), what.to_owned()));
}

#[test]
fn two_packages_are_told_apart_line_by_line() {
    let (old, _) = Made::default().package();
    assert_eq!(diff(&old, &old), Vec::new());
    let (new, _) = Made { proven: None, ..Made::default() }.package();
    let found = diff(&old, &new);
    let told = |one: &Difference| format!("{}: {:?} -> {:?}", one.what, one.old, one.new);
    assert_eq!(told(&found[0]), r#"outcome: Some("RELEASE_READY") -> Some("RELEASE_BLOCKED")"#);
    assert_eq!(told(&found[1]), r#"gate.G1: Some("PASS") -> Some("NOT_RUN")"#);
    assert_eq!(told(&found[2]), r#"proof.p: Some("YES (CLEAN-ABSOLUTE)") -> Some("NOT RUN")"#);
    assert_eq!(found.len(), 3);
}

#[test]
fn nothing_that_desired_state_says_becomes_markup() {
    let (_, files) = Made::default().package();
    for (name, bytes) in files
        .iter()
        .filter(|(name, _)| [Some("html"), Some("md")].contains(&name.rsplit('.').next()))
    {
        let text = String::from_utf8_lossy(bytes);
        assert!(!text.contains("<script"), "{name}");
    }
    let page = String::from_utf8_lossy(&files[PAGE]).into_owned();
    assert!(page.contains("&lt;script&gt;alert(&#39;&quot;&amp;&#39;)&lt;/script&gt;"));
    for outside in ["http://", "https://", "src=", "url(", "@import", "<link", "<script", "onload"]
    {
        assert!(!page.contains(outside), "{outside}");
    }
}

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/packages/release")
}

/// With `COUNTERSIGN_WRITE_PACKAGES=1` what comes out becomes what has to come out.
#[test]
fn a_package_is_made_byte_for_byte_as_before() {
    let (_, files) = Made::default().package();
    if std::env::var_os("COUNTERSIGN_WRITE_PACKAGES").is_some() {
        for (name, bytes) in &files {
            let path = golden().join(name);
            fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            fs::write(path, bytes).expect("written");
        }
    }
    let mut wrong: Vec<&String> = Vec::new();
    for (name, bytes) in &files {
        if fs::read(golden().join(name)).ok().as_ref() != Some(bytes) {
            wrong.push(name);
        }
    }
    assert!(
        wrong.is_empty(),
        "other than in tests/packages/release: {wrong:?}; COUNTERSIGN_WRITE_PACKAGES=1 writes them"
    );
}
