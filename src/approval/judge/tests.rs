//! Every way in which statements are worthless, each with its word; and a count of people that no arrangement of names,
//! keys and statements deceives.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use proptest::prelude::*;
use ssh_key::private::Ed25519Keypair;
use ssh_key::{HashAlg, LineEnding, PrivateKey, SshSig};

use super::*;
use crate::approval::{Authors, NAMESPACE, Statement, Step, Target};
use crate::model::sshsig::tests::{security_key_line, signed_by_security_key};

const HOUR: i64 = 3600;

fn at(text: &str) -> Timestamp {
    text.parse().expect("an instant")
}

/// A Monday.
fn now() -> Timestamp {
    at("2026-11-23T12:00:00Z")
}

fn key(number: u8) -> PrivateKey {
    PrivateKey::from(Ed25519Keypair::from_seed(&[number; 32]))
}

fn line(number: u8) -> String {
    key(number).public_key().to_openssh().expect("a line").trim_end().to_owned()
}

fn sign(number: u8, text: &str, namespace: &str) -> Vec<u8> {
    let signed = SshSig::sign(&key(number), namespace, HashAlg::Sha512, text.as_bytes());
    signed.expect("signed").to_pem(LineEnding::LF).expect("armoured").into_bytes()
}

fn about() -> About {
    let step = |action: &str, path: &str| Step {
        action: action.to_owned(),
        targets: vec![Target::Path(path.into())],
    };
    About {
        plan: Digest::of(b"plan"),
        plan_id: "mfrggzdf".to_owned(),
        host: "web-1".to_owned(),
        commit: "0123456789abcdef0123456789abcdef01234567".to_owned(),
        steps: vec![
            step("create_directory", "/var/lib/cutter"),
            step("create_directory", "/var/lib/cutter/runs"),
            step("write_file", "/var/lib/cutter/version"),
        ],
        authors: Authors::Known(BTreeSet::from(["author".to_owned()])),
        valid_until: at("2026-11-24T12:00:00Z"),
    }
}

fn trust_text(policy: &str) -> String {
    format!(
        "version = 1\nrevoked = [\"{gone}\"]\n\
         [approver.operator]\nkeys = [\"{operator}\", \"{gone}\", \"{second}\"]\nroles = [\"dba\", \"deputy\"]\n\
         [approver.reviewer]\nkeys = [\"{reviewer}\"]\nroles = [\"owner\"]\n\
         [approver.keyholder]\nkeys = [\"{touch}\"]\nroles = [\"owner\"]\nrequire_touch = true\n\
         [approver.pinholder]\nkeys = [\"{pin}\"]\nroles = [\"owner\"]\nrequire_pin = true\n\
         [approver.author]\nkeys = [\"{author}\"]\nroles = [\"owner\"]\n\
         [approver.op]\nkeys = [\"{operator}\"]\nroles = [\"owner\"]\n\
         [approver.former]\nkeys = [\"{former}\"]\nroles = [\"owner\"]\nrevoked = true\n\
         [policy.provision]\nactions = [\"create_directory\", \"write_file\"]\nroots = [\"/var/lib/cutter\"]\nmax_steps = 3\n\
         total = 2\nrequire = [{{ role = \"dba\", min = 1 }}, {{ role = \"owner\", min = 1 }}]\nlifetime = \"2h\"\n{policy}",
        operator = line(1),
        reviewer = line(2),
        gone = line(3),
        second = line(4),
        author = line(5),
        former = line(6),
        touch = security_key_line(7),
        pin = security_key_line(8),
    )
}

fn trust(policy: &str) -> Trust {
    let parsed = Trust::parse(Path::new("trust.toml"), trust_text(policy));
    parsed.unwrap_or_else(|error| panic!("{error:?}"))
}

/// What `approver` says in `role` about the plan, for an hour from now on.
fn says(approver: &str, role: &str) -> Statement {
    let about = about();
    Statement {
        decision: Decision::Approve,
        plan: about.plan,
        plan_id: about.plan_id.clone(),
        host: about.host.clone(),
        commit: about.commit.clone(),
        summary: about.summary(),
        approver: approver.to_owned(),
        role: role.to_owned(),
        reason: "CHG-142".to_owned(),
        not_before: now(),
        expires: Timestamp::from_unix_seconds(now().unix_seconds() + HOUR),
        checkpoints: Vec::new(),
    }
}

fn signed(number: u8, statement: &Statement) -> Signed {
    let text = statement.text().expect("a statement");
    let signature = sign(number, &text, NAMESPACE);
    Signed { statement: text.into_bytes(), signature, origin: "test".to_owned() }
}

fn touched(number: u8, statement: &Statement, flags: u8) -> Signed {
    let text = statement.text().expect("a statement");
    let signature = signed_by_security_key(number, text.as_bytes(), NAMESPACE, flags).into_bytes();
    Signed { statement: text.into_bytes(), signature, origin: "test".to_owned() }
}

fn operator() -> Signed {
    signed(1, &says("operator", "dba"))
}

fn reviewer() -> Signed {
    signed(2, &says("reviewer", "owner"))
}

/// A question that can be changed before it is asked.
struct Asked {
    about: About,
    statements: Vec<Signed>,
    trust: Trust,
    now: Timestamp,
    consumed: bool,
    remote: RemoteStatements,
}

fn asked(statements: Vec<Signed>) -> Asked {
    let (about, trust, now) = (about(), trust(""), now());
    Asked { about, statements, trust, now, consumed: false, remote: RemoteStatements::Fetched }
}

impl Asked {
    fn judged(&self) -> Judgement {
        judge(&Question {
            about: &self.about,
            statements: &self.statements,
            trust: &self.trust,
            now: self.now,
            consumed: self.consumed,
            remote: &self.remote,
        })
    }

    /// The words against the plan, and those about statements.
    fn words(&self) -> (Vec<&'static str>, Vec<&'static str>) {
        let judged = self.judged();
        let codes = |refusals: &[Refusal]| -> Vec<&'static str> {
            refusals.iter().map(|one| one.word.code()).collect()
        };
        let words = (codes(&judged.against), codes(&judged.refused));
        assert_eq!(judged.decide().is_ok(), words.0.is_empty(), "{words:?}");
        words
    }
}

/// A statement of reviewer's that is worth nothing: with operator's the plan lacks an owner.
#[track_caller]
fn refused(statement: Signed, word: &str) {
    let (against, refused) = asked(vec![operator(), statement]).words();
    assert_eq!((against, refused), (vec!["insufficient"], vec![word]));
}

#[test]
fn two_people_in_their_roles_are_enough() {
    let judged = asked(vec![reviewer(), operator()]).judged();
    assert_eq!((judged.against.len(), judged.refused.len(), judged.exit()), (0, 0, 0));
    let met = judged.decide().expect("met");
    assert_eq!((met.policy(), met.plan(), met.approvals().len()), ("provision", about().plan, 2));
    assert_eq!(met.until().unix_seconds(), now().unix_seconds() + HOUR);
    // The same statement twice is one statement.
    let (against, refused) = asked(vec![operator(), reviewer(), reviewer()]).words();
    assert_eq!((against.len(), refused.len()), (0, 0));
}

#[test]
fn nobody_and_too_few() {
    assert_eq!(asked(Vec::new()).words(), (vec!["missing"], vec![]));
    assert_eq!(asked(vec![operator()]).words(), (vec!["insufficient"], vec![]));
    let judged = asked(vec![operator()]).judged();
    let missing: Vec<String> = judged.missing.iter().map(ToString::to_string).collect();
    assert_eq!(missing, ["0 of 1 as `owner`", "1 of 2 people in all"]);
    let trust = trust("");
    let policy = &trust.policies["provision"];
    let could = could_approve(&trust, policy, Some("owner"), &judged.accepted);
    assert_eq!(
        could,
        ["author", "keyholder", "pinholder", "reviewer"],
        "not operator by another name, and not who was revoked"
    );
}

#[test]
fn a_signature_is_one_of_these_bytes_for_this_purpose() {
    let statement = says("reviewer", "owner").text().expect("text");
    for namespace in ["git", "file", "countersign/halt/v1", "countersign/approval/v2"] {
        let signature = sign(2, &statement, namespace);
        refused(Signed { signature, ..reviewer() }, "wrong_namespace");
    }
    let mut changed = reviewer();
    let at = changed.statement.len() - 20;
    changed.statement[at] ^= 1;
    refused(changed, "bad_signature");
    let good = reviewer().signature;
    for signature in [
        Vec::new(),
        [&b"x\n"[..], &good].concat(),
        [&good[..], b"x\n"].concat(),
        [&good[..], &good[..]].concat(),
        operator().signature,
    ] {
        refused(Signed { signature, ..reviewer() }, "bad_signature");
    }
    let text = "countersign approval v1\nhello\n";
    let signature = sign(2, text, NAMESPACE);
    refused(Signed { statement: text.into(), signature, origin: String::new() }, "no_statement");
}

#[test]
fn a_key_speaks_for_its_owner_alone() {
    refused(signed(9, &says("reviewer", "owner")), "unknown_key");
    refused(signed(1, &says("reviewer", "owner")), "unknown_key");
    refused(signed(2, &says("nobody", "owner")), "unknown_key");
    refused(signed(6, &says("former", "owner")), "revoked_key");
    let (against, refused) = asked(vec![signed(3, &says("operator", "dba")), reviewer()]).words();
    assert_eq!((against, refused), (vec!["insufficient"], vec!["revoked_key"]));
}

#[test]
fn a_statement_is_about_one_plan_on_one_host() {
    refused(
        signed(2, &Statement { plan: Digest::of(b"x"), ..says("reviewer", "owner") }),
        "wrong_plan",
    );
    refused(
        signed(2, &Statement { plan_id: "x".into(), ..says("reviewer", "owner") }),
        "wrong_plan",
    );
    refused(
        signed(2, &Statement { host: "web-2".into(), ..says("reviewer", "owner") }),
        "wrong_host",
    );
    let commit = "f".repeat(40);
    refused(signed(2, &Statement { commit, ..says("reviewer", "owner") }), "wrong_commit");
    let summary = "1 step: 1 create_directory; touches /var/lib/cutter".to_owned();
    refused(signed(2, &Statement { summary, ..says("reviewer", "owner") }), "wrong_summary");
}

#[test]
fn roles_are_given_and_not_taken() {
    refused(signed(2, &says("reviewer", "dba")), "wrong_role");
    // A role that operator has and nobody asks for counts nowhere.
    let judged = asked(vec![signed(1, &says("operator", "deputy")), reviewer()]).judged();
    let missing: Vec<String> = judged.missing.iter().map(ToString::to_string).collect();
    assert_eq!(missing, ["0 of 1 as `dba`", "1 of 2 people in all"]);
}

#[test]
fn touch_and_pin_are_asked_for_each_by_itself() {
    for (flags, keyholder, pinholder) in
        [(0x00, false, false), (0x01, true, false), (0x04, false, true), (0x05, true, true)]
    {
        let one = asked(vec![operator(), touched(7, &says("keyholder", "owner"), flags)]).words();
        assert_eq!(one.0.is_empty(), keyholder, "{flags:#x}");
        assert_eq!(one.1, if keyholder { vec![] } else { vec!["untouched_key"] });
        let other = asked(vec![operator(), touched(8, &says("pinholder", "owner"), flags)]).words();
        assert_eq!(other.0.is_empty(), pinholder, "{flags:#x}");
        assert_eq!(other.1, if pinholder { vec![] } else { vec!["no_pin"] });
    }
}

#[test]
fn statements_count_from_their_first_to_their_last_second() {
    let moved = |seconds: i64| {
        let now = Timestamp::from_unix_seconds(now().unix_seconds() + seconds);
        Asked { now, ..asked(vec![operator(), reviewer()]) }.words()
    };
    assert_eq!(moved(-1).1, ["not_yet_valid", "not_yet_valid"]);
    assert_eq!(moved(0).1, [""; 0]);
    assert_eq!(moved(HOUR - 1).1, [""; 0]);
    assert_eq!(moved(HOUR), (vec!["missing"], vec!["expired", "expired"]));
    let until = |seconds: i64| {
        let expires = Timestamp::from_unix_seconds(now().unix_seconds() + seconds);
        signed(2, &Statement { expires, ..says("reviewer", "owner") })
    };
    assert_eq!(asked(vec![operator(), until(2 * HOUR)]).words().1, [""; 0]);
    refused(until(2 * HOUR + 1), "lives_too_long");
    refused(until(-1), "expired");
}

#[test]
fn one_person_counts_once() {
    // Two keys of one person, and one key under two names.
    let second = signed(4, &says("operator", "dba"));
    let (against, refused) = asked(vec![operator(), second]).words();
    assert_eq!((against, refused), (vec!["insufficient"], vec![]), "one statement, signed twice");
    let again = Statement { reason: "again".into(), ..says("operator", "dba") };
    let (against, refused) = asked(vec![operator(), signed(4, &again)]).words();
    assert_eq!((against, refused), (vec!["insufficient"], vec!["same_person"]));
    let judged = asked(vec![operator(), signed(1, &says("op", "owner"))]).judged();
    let missing: Vec<String> = judged.missing.iter().map(ToString::to_string).collect();
    assert_eq!(missing, ["1 of 2 people in all"], "operator by another name is operator");
}

#[test]
fn authors_do_not_approve_their_own() {
    refused(signed(5, &says("author", "owner")), "author_excluded");
    let alike = Asked {
        about: About { authors: Authors::Known(BTreeSet::from(["op".to_owned()])), ..about() },
        ..asked(vec![operator(), reviewer()])
    };
    assert_eq!(alike.words(), (vec!["insufficient"], vec!["author_excluded"]), "by another name");
    let unknown = About { authors: Authors::Unknown("commit 0123 is unsigned".into()), ..about() };
    let mut open = Asked { about: unknown, ..asked(vec![operator(), reviewer()]) };
    assert_eq!(open.words(), (vec!["author_unknown"], vec![]));
    open.trust = trust("separation = \"none\"\n");
    assert_eq!(open.words(), (vec![], vec![]));
    let own = Asked {
        trust: trust("separation = \"none\"\n"),
        ..asked(vec![operator(), signed(5, &says("author", "owner"))])
    };
    assert_eq!(own.words(), (vec![], vec![]));
}

#[test]
fn anybodys_no_is_a_no_whenever_and_in_whatever_role() {
    for (decision, word) in [(Decision::Reject, "rejected"), (Decision::Revoke, "revoked")] {
        let no = Statement {
            decision,
            role: "visitor".into(),
            summary: "another".into(),
            expires: now(),
            ..says("keyholder", "owner")
        };
        // Not touched, expired, in no role, and by an author: a no all the same.
        assert_eq!(asked(vec![operator(), reviewer(), touched(7, &no, 0)]).words().0, [word]);
        let author = Statement { decision, ..says("author", "owner") };
        assert_eq!(asked(vec![operator(), reviewer(), signed(5, &author)]).words().0, [word]);
        // Of a stranger, with a revoked key, or about another plan it is nothing.
        for (nothing, why) in [
            (signed(9, &no), "unknown_key"),
            (signed(6, &Statement { approver: "former".into(), ..no.clone() }), "revoked_key"),
            (signed(5, &Statement { plan: Digest::of(b"x"), ..author }), "wrong_plan"),
        ] {
            assert_eq!(asked(vec![operator(), reviewer(), nothing]).words(), (vec![], vec![why]));
        }
    }
}

#[test]
fn a_strangers_signature_of_the_same_words_takes_nobodys_place() {
    // Of an approval, and of a veto, whichever comes first.
    let strangers = signed(9, &says("reviewer", "owner"));
    for statements in
        [vec![operator(), strangers.clone(), reviewer()], vec![operator(), reviewer(), strangers]]
    {
        assert_eq!(asked(statements).words(), (vec![], vec!["unknown_key"]));
    }
    let no = Statement { decision: Decision::Reject, ..says("author", "owner") };
    let (masks, veto) = (signed(9, &no), signed(5, &no));
    for pair in [[masks.clone(), veto.clone()], [veto, masks]] {
        let words = asked([vec![operator(), reviewer()], pair.to_vec()].concat()).words();
        assert_eq!(words, (vec!["rejected"], vec!["unknown_key"]));
    }
    // An untouched signature does not spoil the touched one.
    let keyholder = says("keyholder", "owner");
    let pair = vec![operator(), touched(7, &keyholder, 0), touched(7, &keyholder, 1)];
    assert_eq!(asked(pair).words(), (vec![], vec!["untouched_key"]));
}

#[test]
fn one_policy_covers_every_step_or_none_does() {
    let with = |step: Step, policy: &str| {
        let mut changed = about();
        changed.steps[2] = step;
        let says =
            |who: &str, role: &str| Statement { summary: changed.summary(), ..says(who, role) };
        let statements =
            vec![signed(1, &says("operator", "dba")), signed(2, &says("reviewer", "owner"))];
        Asked { about: changed.clone(), trust: trust(policy), ..asked(statements) }.words()
    };
    let step = |action: &str, target: Target| Step { action: action.into(), targets: vec![target] };
    let path = |path: &str| Target::Path(path.into());
    for outside in [
        step("write_file", path("/var/lib/cutters")),
        step("write_file", path("/var/lib/cutter/../x")),
        step("set_owner", path("/var/lib/cutter/x")),
        step("write_file", Target::Database("shop".into())),
        step("write_file", Target::Unit("x.service".into())),
        Step { action: "write_file".into(), targets: Vec::new() },
        Step {
            action: "write_file".into(),
            targets: vec![path("/var/lib/cutter/x"), path("/etc/x")],
        },
    ] {
        assert_eq!(with(outside.clone(), "").0, ["not_covered"], "{outside}");
    }
    // Two policies that cover half of it each cover nothing together.
    let other = "[policy.sql]\nactions = [\"sql\"]\ndatabases = [\"shop\"]\nmax_steps = 9\ntotal = 1\n\
                 require = [{ role = \"dba\", min = 1 }]\nlifetime = \"1h\"\n";
    assert_eq!(with(step("sql", Target::Database("shop".into())), other).0, ["not_covered"]);
    let many = Asked {
        about: About { steps: vec![about().steps[0].clone(); 4], ..about() },
        ..asked(vec![operator(), reviewer()])
    };
    assert!(many.words().0.contains(&"not_covered"));
    let none = Asked {
        about: About { steps: Vec::new(), ..about() },
        ..asked(vec![operator(), reviewer()])
    };
    assert!(none.words().0.contains(&"not_covered"));
    let empty = Trust::parse(Path::new("trust.toml"), "version = 1\n".to_owned()).expect("valid");
    assert_eq!(Asked { trust: empty, ..asked(vec![]) }.words().0, ["not_covered"]);
}

#[test]
fn a_second_policy_is_an_alternative() {
    let small = "[policy.small]\nactions = [\"create_directory\", \"write_file\"]\nroots = [\"/var/lib\"]\nmax_steps = 9\ntotal = 1\n\
                 require = [{ role = \"dba\", min = 1 }]\nlifetime = \"1h\"\nwindows = [\"Mon 12:00-13:00\"]\n";
    let asked = Asked { trust: trust(small), ..asked(vec![operator()]) };
    assert_eq!(asked.judged().decide().expect("met").policy(), "small");
    let late = Asked { now: at("2026-11-23T11:59:59Z"), ..asked };
    assert!(late.judged().decide().is_err());
}

#[test]
fn outside_the_window_is_a_refusal_of_its_own() {
    let with = |policy: &str| {
        let asked = Asked { trust: trust(policy), ..asked(vec![operator(), reviewer()]) };
        (asked.words().0, asked.judged().exit())
    };
    assert_eq!(with("windows = [\"Mon 12:00-13:00\"]\n"), (vec![], 0));
    assert_eq!(with("windows = [\"Tue 12:00-13:00\"]\n"), (vec!["outside_window"], 7));
    assert_eq!(with("freeze = [\"2026-11-20/2026-11-23\"]\n"), (vec!["outside_window"], 7));
}

#[test]
fn statements_that_were_not_seen_could_be_a_veto() {
    let remote = RemoteStatements::Unreachable("no route".to_owned());
    let mut away = Asked { remote, ..asked(vec![operator(), reviewer()]) };
    assert_eq!(away.words(), (vec!["remote_unreachable"], vec![]));
    away.trust = trust("remote = \"offline\"\n");
    assert_eq!(away.words(), (vec![], vec![]));
    let mut many =
        vec![Signed { statement: vec![b'x'], signature: Vec::new(), origin: String::new() }; 255];
    many.extend([operator(), reviewer()]);
    assert_eq!(asked(many).words().0, ["insufficient", "too_many"]);
}

#[test]
fn a_plan_is_used_once() {
    let used = Asked { consumed: true, ..asked(vec![operator(), reviewer()]) };
    assert_eq!(used.words(), (vec!["consumed"], vec![]));
}

/// Names, each with its keys and whether it has the role `b` besides `a`; how many are needed; who signs what with which key.
#[derive(Debug, Clone)]
struct Crowd {
    names: Vec<(BTreeSet<u8>, bool)>,
    need: (u8, u8, u8),
    said: Vec<(usize, u8, bool)>,
}

fn crowds() -> impl Strategy<Value = Crowd> {
    let names = proptest::collection::vec(
        (proptest::collection::btree_set(1u8..6, 1..3), any::<bool>()),
        1..5,
    );
    let said = proptest::collection::vec((0usize..5, 1u8..6, any::<bool>()), 0..6);
    (names, (1u8..4, 1u8..3, 1u8..3), said).prop_map(|(names, need, said)| Crowd {
        names,
        need,
        said,
    })
}

impl Crowd {
    fn trust(&self) -> Trust {
        let mut text = format!(
            "version = 1\n[policy.p]\nactions = [\"create_directory\", \"write_file\"]\nroots = [\"/var\"]\nmax_steps = 9\ntotal = {}\n\
             require = [{{ role = \"a\", min = {} }}, {{ role = \"b\", min = {} }}]\nlifetime = \"2h\"\n",
            self.need.0, self.need.1, self.need.2
        );
        for (at, (keys, both)) in self.names.iter().enumerate() {
            let keys: Vec<String> = keys.iter().map(|key| format!("\"{}\"", line(*key))).collect();
            let roles = if *both { "\"a\", \"b\"" } else { "\"a\"" };
            let _ =
                write!(text, "[approver.n{at}]\nkeys = [{}]\nroles = [{roles}]\n", keys.join(", "));
        }
        Trust::parse(Path::new("trust.toml"), text).expect("valid")
    }

    fn statements(&self) -> Vec<Signed> {
        let one = |(name, key, b): &(usize, u8, bool)| {
            signed(*key, &says(&format!("n{name}"), if *b { "b" } else { "a" }))
        };
        self.said.iter().map(one).collect()
    }

    /// The same count made in another way: groups of names grow until no two of them share a key.
    fn is_enough(&self) -> bool {
        let mut group: Vec<usize> = (0..self.names.len()).collect();
        for _ in 0..self.names.len() {
            for one in 0..self.names.len() {
                for other in 0..self.names.len() {
                    if !self.names[one].0.is_disjoint(&self.names[other].0) {
                        let least = group[one].min(group[other]);
                        (group[one], group[other]) = (least, least);
                    }
                }
            }
        }
        let valid = |(name, key, b): &&(usize, u8, bool)| {
            self.names.get(*name).is_some_and(|(keys, both)| keys.contains(key) && (*both || !*b))
        };
        let mut people: BTreeMap<bool, BTreeSet<usize>> = BTreeMap::new();
        for (name, _, b) in self.said.iter().filter(valid) {
            people.entry(*b).or_default().insert(group[*name]);
        }
        let of = |b: bool| people.get(&b).cloned().unwrap_or_default();
        let all = of(true).union(&of(false)).count();
        all >= usize::from(self.need.0)
            && of(false).len() >= usize::from(self.need.1)
            && of(true).len() >= usize::from(self.need.2)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn the_count_is_of_people(crowd in crowds()) {
        let mut asked = Asked { trust: crowd.trust(), ..asked(crowd.statements()) };
        let judged = asked.judged();
        let approvals = judged.accepted.clone();
        let met = judged.decide().is_ok();
        prop_assert_eq!(met, crowd.is_enough());
        // No key stands for two people, and nobody counts twice in a role.
        let keys: BTreeSet<_> = approvals.iter().map(|one| (&one.key, &one.role)).collect();
        prop_assert_eq!(keys.len(), approvals.len());
        asked.statements.reverse();
        prop_assert_eq!(asked.judged().decide().is_ok(), met);
        // What is worth nothing adds nothing.
        let stranger = says("n0", "b");
        asked.statements.push(signed(9, &stranger));
        asked.statements.push(Signed { signature: sign(1, "x", "git"), ..signed(1, &stranger) });
        prop_assert_eq!(asked.judged().decide().is_ok(), met);
        asked.statements.push(signed(1, &Statement { decision: Decision::Reject, approver: "n0".into(), ..stranger }));
        let vetoed = crowd.names[0].0.contains(&1);
        prop_assert_eq!(asked.judged().decide().is_ok(), met && !vetoed);
    }
}
