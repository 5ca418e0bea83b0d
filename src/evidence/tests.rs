//! Rules of gates and gaps that no live world is needed for: what of a ledger counts, and what several requirements come to.

use super::*;
use crate::approval::{Assertion, Heard, Subject};
use crate::desired::{Desired, Tree, read};
use crate::drift;
use crate::model::{Digest, Reason, ResourceName, Timestamp, Unknown};
use crate::observed::{Answer, Snapshot};
use crate::proof::{Holds, LineResult};

const HOST: &str = "[host]\nidentity = { hostname = \"h\" }\n[database.d]\nidentity = { system_identifier = \"42\" }\n";
const PROOFS: &str = "[proof_guard.countersign]\ndatabase = \"d\"\nprovers = [\"r\"]\n\
     [proof.p]\ndatabase = \"d\"\nrole = \"r\"\ncontract = \"sql/p.sql\"\nexpect = \"read\"\n\
     [proofset.s]\n[[proofset.s.lines]]\nname = \"P1\"\ntitle = \"t\"\nproofs = [\"proof.p\"]\n\
     [[proofset.s.lines]]\nname = \"P2\"\ntitle = \"t\"\nunchanged = [\"proof_guard.*\"]\n\
     [gate.proof]\ntitle = \"t\"\nrequires = [\"proof.p\"]\nmax_age = \"1h\"\n\
     [gate.set]\ntitle = \"t\"\nrequires = [\"proofset.s\"]\nmax_age = \"1h\"\n";

fn at(text: &str) -> Timestamp {
    text.parse().expect("an instant")
}

fn now() -> Timestamp {
    at("2026-05-21T12:00:00Z")
}

fn desired(resources: &str) -> Desired {
    let files = [
        ("hosts/a/host.toml", HOST),
        ("hosts/a/r.toml", resources),
        ("hosts/a/sql/p.sql", "SELECT 1 AS n"),
    ];
    let files = files.map(|(path, text)| (path.to_owned(), text.as_bytes().into()));
    let tree = Tree { files: files.into_iter().collect(), ..Tree::default() };
    let loaded = read(&tree, "a", now());
    loaded.desired.unwrap_or_else(|| panic!("{:?}", loaded.diagnostics))
}

fn proof(desired: &Desired) -> ProofRecord {
    ProofRecord {
        contract: desired.proofs["p"].contract.digest(),
        holds: Holds::Yes,
        verdict: "CLEAN-ABSOLUTE".to_owned(),
        system_identifier: Some("42".to_owned()),
        at: at("2026-05-21T11:30:00Z"),
        entry: 7,
    }
}

fn set(desired: &Desired) -> SetRecord {
    let line = |name: &str| LineResult {
        name: name.to_owned(),
        title: "t".to_owned(),
        holds: Holds::Yes,
        because: Vec::new(),
    };
    SetRecord {
        set: desired.proofsets["s"].digest(&desired.proofs),
        lines: vec![line("P1"), line("P2")],
        at: at("2026-05-21T11:30:00Z"),
        entry: 8,
    }
}

/// The states of the gates `proof` and `set`, and what is missing of each.
fn states(
    desired: &Desired,
    proof: Option<ProofRecord>,
    set: Option<SetRecord>,
) -> [(State, String); 2] {
    states_after(desired, proof, set, None)
}

/// The same, where the ledger has an entry of that time.
fn states_after(
    desired: &Desired,
    proof: Option<ProofRecord>,
    set: Option<SetRecord>,
    newest: Option<Timestamp>,
) -> [(State, String); 2] {
    let recorded = Recorded {
        newest,
        proofs: proof.map(|one| ("p".to_owned(), one)).into_iter().collect(),
        sets: set.map(|one| ("s".to_owned(), one)).into_iter().collect(),
        ..Recorded::default()
    };
    let snapshot = Snapshot::empty(now());
    let judged = drift::compare(desired, &snapshot, None, now());
    let facts = Facts::new(desired, &judged, &recorded, now());
    let found = gates(&facts, ["proof", "set"]);
    let of = |at: usize| (found[at].state, found[at].missing.clone().unwrap_or_default());
    [of(0), of(1)]
}

/// A change of an outcome that counts, what the gate is then, and what is missing.
type Case<'a> = (&'a dyn Fn(&mut ProofRecord), State, &'a str);

#[test]
fn an_outcome_counts_for_its_contract_cluster_and_time_alone() {
    let desired = desired(PROOFS);
    let of = |change: &dyn Fn(&mut ProofRecord)| {
        let mut record = proof(&desired);
        change(&mut record);
        let [(one, why), (of_set, _)] = states(&desired, Some(record), Some(set(&desired)));
        assert_eq!(one == State::Pass, of_set == State::Pass, "a set is no better than its proofs");
        (one, why)
    };
    assert_eq!(of(&|_| {}).0, State::Pass);
    let cases: [Case<'_>; 8] = [
        (&|r| r.contract = Digest::of(b"other"), State::NotRun, "with another contract"),
        (&|r| r.system_identifier = Some("43".to_owned()), State::NotRun, "on the cluster 43"),
        (&|r| r.system_identifier = None, State::NotRun, "that its evidence lacks"),
        (&|r| r.at = at("2026-05-21T10:59:59Z"), State::NotRun, "is the most"),
        (&|r| r.at = at("2026-05-21T12:00:01Z"), State::NotRun, "in the future"),
        (&|r| r.holds = Holds::No, State::Fail, "CLEAN"),
        (&|r| r.holds = Holds::Untold, State::NotRun, "CLEAN"),
        (&|r| r.holds = Holds::NotRun, State::NotRun, "CLEAN"),
    ];
    for (change, state, missing) in cases {
        let (found, why) = of(change);
        assert_eq!(found, state, "{missing}");
        assert!(why.contains(missing), "{why}");
    }
    assert_eq!(of(&|r| r.at = at("2026-05-21T11:00:00Z")).0, State::Pass, "the limit itself");
    let [(state, why), _] = states(&desired, None, None);
    assert_eq!(state, State::NotRun);
    assert!(why.contains("`countersign prove proof.p` runs it"), "{why}");
}

#[test]
fn a_clock_that_was_set_back_keeps_nothing_fresh() {
    let desired = desired(PROOFS);
    let of = |newest: &str| {
        states_after(&desired, Some(proof(&desired)), None, Some(at(newest)))[0].clone()
    };
    assert_eq!(of("2026-05-21T11:59:00Z").0, State::Pass, "the clock is ahead of the ledger");
    assert_eq!(of("2026-05-21T12:30:00Z").0, State::Pass, "just not too old");
    let (state, why) = of("2026-05-21T12:30:01Z");
    assert!(state == State::NotRun && why.contains("is the most"), "{why}");
}

#[test]
fn a_set_counts_while_its_lines_are_the_same_and_all_hold() {
    let desired = desired(PROOFS);
    let of = |change: &dyn Fn(&mut SetRecord)| {
        let mut record = set(&desired);
        change(&mut record);
        states(&desired, Some(proof(&desired)), Some(record))[1].clone()
    };
    assert_eq!(of(&|_| {}).0, State::Pass);
    let other = of(&|r| r.set = Digest::of(b"other"));
    assert!(other.0 == State::NotRun && other.1.contains("with other lines"), "{other:?}");
    let short = of(&|r| {
        r.lines.pop();
    });
    assert_eq!(short.0, State::NotRun, "{short:?}");
    assert_eq!(of(&|r| r.lines.clear()).0, State::NotRun);
    let failed = of(&|r| r.lines[1].holds = Holds::No);
    assert!(failed.0 == State::Fail && failed.1.starts_with("P2 (FAIL)"), "{failed:?}");
    // One line is not told, and others hold.
    assert_eq!(of(&|r| r.lines[0].holds = Holds::Untold).0, State::Partial);
    assert_eq!(of(&|r| r.at = at("2026-05-21T10:00:00Z")).0, State::NotRun);
    // The set is there, and no outcome of the proof in it: something was cut off.
    assert_ne!(states(&desired, None, Some(set(&desired)))[1].0, State::Pass);
}

const RESOURCES: &str = "[directory.\"/a\"]\nmode = \"0750\"\n[directory.\"/b\"]\nmode = \"0750\"\n\
     [gate.G]\ntitle = \"t\"\nrequires = [\"directory./a\"]\n[[gate.G.criteria]]\nname = \"b\"\nrequires = [\"directory./b\"]\n\
     [gate.H]\ntitle = \"t\"\nneeds = [\"G\"]\n\
     [gap.A]\ntitle = \"t\"\ncontact = \"code\"\ncloses_when = [\"directory.*\"]\n";

/// What a directory may be.
#[derive(Clone, Copy)]
enum Is {
    Right,
    Wrong,
    Untold,
}

/// The states of G, of H that needs it, and of the gap A.
fn world(desired: &Desired, [a, b]: [Is; 2]) -> (State, State, Openness) {
    let mut snapshot = Snapshot::empty(now());
    for (name, is) in [("/a", a), ("/b", b)] {
        let name = ResourceName::new("directory", name);
        let question = drift::questions(desired).into_iter().find(|one| one.name == name);
        let seen = match is {
            Is::Untold => Err(Unknown::new(Reason::PermissionDenied, "no right")),
            Is::Right | Is::Wrong => {
                let mode = if matches!(is, Is::Right) { "0750" } else { "0700" };
                Ok(seen(mode))
            }
        };
        let text = question.expect("it is declared").text();
        snapshot.add(name, Answer { question: text, seen });
    }
    let judged = drift::compare(desired, &snapshot, None, now());
    let recorded = Recorded::default();
    let facts = Facts::new(desired, &judged, &recorded, now());
    let found = gates(&facts, ["H"]);
    let told = Summary::of(&found);
    assert_eq!(told.ready, found.iter().all(|gate| gate.state == State::Pass));
    let blind = matches!(a, Is::Untold) || matches!(b, Is::Untold);
    let untold = (found[0].untold, gaps(&facts)[0].untold);
    assert_eq!(untold, (blind, blind), "whatever fails beside it");
    (found[0].state, found[1].state, gaps(&facts)[0].state)
}

/// What is stored of a directory with that mode.
fn seen(mode: &str) -> serde_json::Value {
    let root = serde_json::json!({ "Ok": "root" });
    let metadata =
        serde_json::json!({ "file_type": "directory", "mode": mode, "owner": root, "group": root });
    serde_json::json!({ "empty": null, "metadata": metadata })
}

#[test]
fn what_several_come_to() {
    use Is::{Right, Untold, Wrong};
    let desired = desired(RESOURCES);
    for (is, gate, after, gap) in [
        ([Right, Right], State::Pass, State::Pass, Openness::Closed),
        ([Right, Wrong], State::Partial, State::Blocked, Openness::Partial),
        ([Right, Untold], State::Partial, State::Blocked, Openness::Partial),
        ([Wrong, Right], State::Fail, State::Blocked, Openness::Partial),
        ([Wrong, Untold], State::Fail, State::Blocked, Openness::Open),
        ([Untold, Right], State::Partial, State::Blocked, Openness::Partial),
        ([Untold, Wrong], State::Fail, State::Blocked, Openness::Open),
        ([Untold, Untold], State::NotRun, State::Blocked, Openness::Open),
    ] {
        assert_eq!(world(&desired, is), (gate, after, gap));
    }
}

#[test]
fn of_nothing_nothing_is_ready() {
    assert!(!Summary::of(&[]).ready);
    let desired = desired(RESOURCES);
    let recorded = Recorded::default();
    // Nothing was looked at.
    let facts = Facts::new(&desired, &[], &recorded, now());
    assert_eq!(gates(&facts, ["G"])[0].state, State::NotRun);
    assert_eq!(gaps(&facts)[0].state, Openness::Open);
    assert_eq!(gates(&facts, ["none"]), []);
}

const STATED: &str = "[directory.\"/a\"]\nmode = \"0750\"\n[attestation.x]\ntitle = \"t\"\nstatement = \"s\"\nroles = [\"owner\"]\npeople = 2\n\
     max_age = \"2h\"\n[gate.G]\ntitle = \"t\"\nrequires = [\"attestation.x\"]\n";

/// A statement that counts, by a person.
fn heard(desired: &Desired, person: &str) -> Heard {
    let assertion = Assertion {
        host: "sha256:h".to_owned(),
        commit: None,
        about: Subject::Stated {
            name: "x".to_owned(),
            text: desired.attestations["x"].text("x"),
            states: vec!["s".to_owned()],
            document: None,
        },
        approver: person.to_owned(),
        role: "owner".to_owned(),
        reason: "r".to_owned(),
        not_before: at("2026-05-21T11:00:00Z"),
        expires: at("2026-05-22T11:00:00Z"),
    };
    let (person, key) = (person.to_owned(), "SHA256:k".to_owned());
    let id = Digest::of(person.as_bytes());
    Heard { id, person, assertion, key, entry: Some(3), of_guards: false, refused: None }
}

/// The state of the gate, and what is missing.
fn stated(desired: &Desired, attested: Vec<Heard>) -> (State, String) {
    let recorded = Recorded { attested, ..Recorded::default() };
    let facts = Facts::new(desired, &[], &recorded, now());
    let gate = gates(&facts, ["G"]).remove(0);
    assert_eq!(gate.untold, gate.state != State::Pass);
    (gate.state, gate.missing.unwrap_or_default())
}

/// A change of a statement that counts, and why it does not count then.
type Worthless<'a> = (&'a dyn Fn(&mut Heard), &'a str);

#[test]
fn a_statement_counts_for_its_text_role_and_age_alone() {
    let desired = desired(STATED);
    let pair = || vec![heard(&desired, "a"), heard(&desired, "b")];
    assert_eq!(stated(&desired, pair()).0, State::Pass);
    let (state, why) = stated(&desired, vec![heard(&desired, "a"), heard(&desired, "a")]);
    assert_eq!(state, State::NotRun);
    assert!(why.contains("by 1 of 2 people"), "{why}");
    let none = stated(&desired, Vec::new());
    assert!(none.0 == State::NotRun && none.1.contains("was not stated"), "{none:?}");
    let text = |heard: &mut Heard, other: Digest| {
        let Subject::Stated { text, .. } = &mut heard.assertion.about else { panic!("stated") };
        *text = other;
    };
    let cases: [Worthless<'_>; 5] = [
        (&|one| text(one, Digest::of(b"other")), "another text"),
        (&|one| one.assertion.role = "dba".to_owned(), "as `dba`"),
        (&|one| one.assertion.not_before = at("2026-05-21T09:59:59Z"), "is the most"),
        (&|one| one.person = "a".to_owned(), "by 1 of 2 people"),
        (
            &|one| {
                let Subject::Stated { document, .. } = &mut one.assertion.about else { return };
                *document = Some(Digest::of(b"d"));
            },
            "names a document",
        ),
    ];
    for (change, missing) in cases {
        let mut pair = pair();
        change(&mut pair[1]);
        let (state, why) = stated(&desired, pair);
        assert_eq!(state, State::NotRun, "{missing}");
        assert!(why.contains(missing), "{why}");
    }
    let bound = STATED.replace("people = 2", "people = 2\nthis_commit = true");
    let bound = self::desired(&bound);
    let pair = vec![heard(&bound, "a"), heard(&bound, "b")];
    assert!(stated(&bound, pair).1.contains("of no commit alone"));
}
