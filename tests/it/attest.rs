//! Attestations from the outside: signed by the real `ssh-keygen`, kept on the ledger, judged each time they are read.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use countersign::ledger::event::AttestationImported;
use countersign::ledger::{ActorKind, Attachment, Ledger, Writer};
use countersign::model::Digest;
use countersign::report::{FORMATS, Use};
use serde_json::Value;

use crate::keys::{Keys, sign, verifies};
use crate::program::{Ran, World, resource, run};

pub(crate) const NAMESPACE: &str = "countersign/attestation/v1";
pub(crate) const DESIRED: &str = "[constant.switch]\nfile = \"/etc/switch\"\nformat = \"ini\"\nkey = \"on\"\nvalue = \"no\"\nkill_switch = true\n\
     [directory.\"/srv/one\"]\nmode = \"0750\"\n\
     [attestation.asked]\ntitle = \"secrets\"\nstatement = \"nobody was asked for a secret\"\nroles = [\"owner\"]\n\
     [attestation.target]\ntitle = \"the first document\"\ncriteria = [\"it is not the constitution\", \"its dry run was green\"]\n\
     document = true\nroles = [\"owner\", \"dba\"]\npeople = 2\n\
     [gate.G]\ntitle = \"t\"\nrequires = [\"attestation.asked\"]\n\
     [gap.GAP8]\ntitle = \"target\"\ncontact = \"approver\"\ncloses_when = [\"attestation.target\"]\n";
pub(crate) const ATTEST: &str =
    "roles = [\"owner\", \"dba\"]\nexplain = [\"dba\"]\nguards = [\"owner\"]\nlifetime = \"30d\"\n";

/// A host, its desired state, and people with keys.
pub(crate) struct Lab {
    pub(crate) world: World,
    pub(crate) keys: Keys,
}

impl Lab {
    pub(crate) fn new() -> Self {
        let lab = Self { world: World::wanting(DESIRED), keys: Keys::new() };
        for name in ["first", "second", "other"] {
            lab.keys.make("ed25519", name);
        }
        lab.world.host_file("etc/machine-id", "0123456789abcdef0123456789abcdef\n");
        lab.world.host_file("etc/switch", "on = no\n");
        lab.world.host_folder("srv/one", 0o750);
        lab.world.commit();
        lab.file(
            "config.toml",
            "host = \"a\"\nroot = \"root\"\ndata = \"data\"\n[source]\nurl = \"desired\"\n[observe]\nroots = [\"/\"]\n",
        );
        lab.file("switch.toml", "version = 1\n");
        lab.trust(ATTEST, "first");
        lab
    }

    pub(crate) fn file(&self, name: &str, text: &str) {
        self.world.write(name, text);
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(0o644)).unwrap();
    }

    /// `first` has this key.
    pub(crate) fn trust(&self, attest: &str, key: &str) {
        let (first, second) = (self.keys.line(key), self.keys.line("second"));
        let text = format!(
            "version = 1\n[approver.first]\nkeys = [\"{first}\"]\nroles = [\"owner\"]\n\
             [approver.second]\nkeys = [\"{second}\"]\nroles = [\"dba\"]\n[attest]\n{attest}"
        );
        self.file("trust.toml", &text);
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.world.path(name)
    }

    pub(crate) fn text(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    pub(crate) fn run(&self, words: &[&str]) -> Ran {
        run(&[words, &["--config", &self.text("config.toml")]].concat())
    }

    /// What would be signed, and its digest.
    pub(crate) fn shown(&self, words: &[&str]) -> (String, String) {
        let words = [&["attest"][..], words, &["--show"]].concat();
        let said = self.run(&words).ends_with(0).stdout;
        let digest = said.rsplit("sha256:").next().unwrap().trim().to_owned();
        (said, digest)
    }

    /// Has somebody sign it. Answers the file.
    #[track_caller]
    pub(crate) fn signed(&self, who: &str, role: &str, words: &[&str]) -> String {
        let (_, digest) = self.shown(words);
        let file = self.text(&format!("{who}.attestation"));
        let key = self.keys.path(who).display().to_string();
        let by = ["--as", who, "--role", role, "--reason", "CHG-150", "--key", &key];
        let how = ["--digest", &digest, "--i-am-remote", "-o", &file];
        self.run(&[&["attest"][..], words, &by, &how].concat()).ends_with(0);
        file
    }

    #[track_caller]
    pub(crate) fn attest(&self, who: &str, role: &str, words: &[&str]) -> String {
        let file = self.signed(who, role, words);
        self.run(&["attest", "--import", &file]).ends_with(0);
        file
    }

    pub(crate) fn gate(&self) -> (String, String) {
        let report = self.run(&["gate", "G", "--output", "json"]).report();
        let of = |key: &str| report["gates"][0][key].as_str().unwrap_or_default().to_owned();
        (of("state"), of("missing"))
    }

    pub(crate) fn check(&self, code: i32) -> Value {
        self.run(&["check", "--output", "json"]).ends_with(code).report()
    }
}

/// The digest of what was signed, in a file with statement and signature.
pub(crate) fn id(file: &str) -> String {
    let both = fs::read_to_string(file).unwrap();
    let at = both.find("-----BEGIN").unwrap();
    Digest::of(&both.as_bytes()[..at]).to_string()
}

pub(crate) const EXPLAIN: &[&str] =
    &["--explain", "directory./srv/one", "--field", "mode", "--wanted", "0750", "--expect", "0755"];
pub(crate) const FLIP: &[&str] =
    &["--explain", "constant.switch", "--field", "value", "--expect", "yes", "--run", "o11"];

#[test]
fn a_gate_passes_while_somebody_s_statement_counts() {
    let lab = Lab::new();
    let (state, missing) = lab.gate();
    assert_eq!(state, "NOT_RUN");
    assert!(missing.contains("attestation.asked was not stated"), "{missing}");
    let list = lab.run(&["attest", "--list"]).ends_with(4).stdout;
    assert!(
        list.contains("NOT_RUN   asked  secrets") && list.contains("could     first\n"),
        "{list}"
    );
    let (shown, _) = lab.shown(&["asked"]);
    assert!(shown.contains("\n  states: nobody was asked for a secret\n"), "{shown}");
    let file = lab.attest("first", "owner", &["asked"]);
    assert_eq!(lab.gate().0, "PASS");
    let report = lab.run(&["gate", "G", "--output", "json"]).ends_with(0).report();
    let evidence = report["gates"][0]["backing"][0]["evidence"][0].as_str().unwrap();
    assert!(evidence.contains(&format!("attestation sha256:{} by first", id(&file))), "{evidence}");
    let status = lab.run(&["attest", "--status", "asked"]).ends_with(0).stdout;
    assert!(
        status.contains("ATTESTED") && status.contains("by        first as owner, until"),
        "{status}"
    );
    let again = lab.run(&["attest", "--import", &file]).ends_with(0).stdout;
    assert!(again.contains("on the ledger already"), "{again}");
    lab.run(&["ledger", "verify"]).ends_with(0);
    let shown = lab.run(&["ledger", "show"]).ends_with(0).stdout;
    assert!(shown.contains("attestation.imported"), "{shown}");
}

#[test]
fn whatever_is_wrong_with_it_it_was_not_run() {
    let lab = Lab::new();
    let file = lab.attest("first", "owner", &["asked"]);
    let not_run = |why: &str| {
        let (state, missing) = lab.gate();
        assert_eq!(state, "NOT_RUN", "{why}");
        assert!(missing.contains(why), "{why}: {missing}");
    };
    // Another key, no role that attests, no [attest] at all, no usable trust file.
    lab.trust(ATTEST, "other");
    not_run("unknown_key");
    lab.trust(&ATTEST.replace("\"owner\", ", ""), "first");
    not_run("wrong_role");
    lab.trust(&ATTEST.replace("30d", "1h"), "first");
    not_run("lives_too_long");
    fs::set_permissions(lab.path("trust.toml"), fs::Permissions::from_mode(0o666)).unwrap();
    not_run("who may attest cannot be told");
    lab.trust(ATTEST, "first");
    assert_eq!(lab.gate().0, "PASS");
    // Another machine, another text, a role that desired state does not ask for.
    lab.world.host_file("etc/machine-id", "f123456789abcdef0123456789abcdef\n");
    not_run("wrong_host");
    lab.world.host_file("etc/machine-id", "0123456789abcdef0123456789abcdef\n");
    lab.world.desired("hosts/a/resources.toml", DESIRED.replace("for a secret", "for any secret"));
    lab.world.commit();
    not_run("another text");
    lab.world.desired(
        "hosts/a/resources.toml",
        DESIRED.replace("roles = [\"owner\"]", "roles = [\"dba\"]"),
    );
    lab.world.commit();
    not_run("which desired state does not ask for");
    let bound = DESIRED.replace("a secret\"\n", "a secret\"\nthis_commit = true\n");
    lab.world.desired("hosts/a/resources.toml", bound);
    lab.world.commit();
    not_run("another text");
    lab.world.desired("hosts/a/resources.toml", DESIRED);
    lab.world.commit();
    assert_eq!(lab.gate().0, "PASS");
    // Taken back, by anybody who may approve, and for good.
    lab.attest("second", "dba", &["--revoke", &id(&file)]);
    not_run("revoked: second: CHG-150");
    lab.attest("first", "owner", &["asked", "--until", "2h"]);
    assert_eq!(lab.gate().0, "PASS", "a new one counts");
}

#[test]
fn a_statement_for_one_commit_counts_for_no_other() {
    let lab = Lab::new();
    let bound = DESIRED.replace("a secret\"\n", "a secret\"\nthis_commit = true\n");
    lab.world.desired("hosts/a/resources.toml", bound);
    lab.world.commit();
    lab.attest("first", "owner", &["asked"]);
    assert_eq!(lab.gate().0, "PASS");
    lab.world.commit();
    let (state, missing) = lab.gate();
    assert!(state == "NOT_RUN" && missing.contains(" alone"), "{missing}");
}

#[test]
fn a_gap_needs_as_many_people_and_criteria_as_it_says() {
    let lab = Lab::new();
    let gap = |code| lab.run(&["gap", "list"]).ends_with(code).stdout;
    assert!(gap(4).contains("OPEN     GAP8"), "{}", gap(4));
    lab.world.write("document", "the text\n");
    let document = lab.text("document");
    let words = ["target", "--document", &document];
    let (shown, _) = lab.shown(&words);
    let digest = Digest::of(b"the text\n");
    assert!(shown.contains(&format!("document: sha256:{digest}")), "{shown}");
    assert!(shown.contains("states: its dry run was green"), "{shown}");
    lab.attest("first", "owner", &words);
    assert!(gap(4).contains("by 1 of 2 people"), "{}", gap(4));
    lab.attest("second", "dba", &["target", "--document", &digest.to_string()]);
    assert!(gap(0).contains("CLOSED   GAP8"), "{}", gap(0));
    lab.run(&["attest", "target", "--show"]).ends_with(64);
    lab.run(&["attest", "asked", "--document", &document, "--show"]).ends_with(64);
}

#[test]
fn stock_openssh_takes_the_same_statement_and_nothing_else_does() {
    let lab = Lab::new();
    let file = lab.signed("first", "owner", &["asked"]);
    let allowed = lab.run(&["trust", "export-allowed-signers"]).ends_with(0).stdout;
    lab.file("allowed", &allowed);
    let both = fs::read_to_string(&file).unwrap();
    let at = both.find("-----BEGIN").unwrap();
    let statement = &both.as_bytes()[..at];
    lab.file("signature", &both[at..]);
    let takes = |namespace: &str, bytes: &[u8]| {
        verifies(&lab.path("allowed"), "first", namespace, &lab.path("signature"), bytes)
    };
    assert!(takes(NAMESPACE, statement));
    assert!(!takes("countersign/approval/v1", statement));
    assert!(!takes(NAMESPACE, &statement[1..]));
    // Signed for another purpose, it is none.
    let key = lab.keys.path("first");
    let wrong = [statement, &sign(&key, "countersign/approval/v1", statement)].concat();
    fs::write(&file, wrong).unwrap();
    let refused = lab.run(&["attest", "--import", &file]).ends_with(6).stderr;
    assert!(refused.contains("wrong_namespace"), "{refused}");
    fs::write(&file, both.replace("a secret", "a sacred")).unwrap();
    let refused = lab.run(&["attest", "--import", &file]).ends_with(6).stderr;
    assert!(refused.contains("bad_signature"), "{refused}");
    fs::write(&file, "signed by nobody").unwrap();
    let refused = lab.run(&["attest", "--import", &file]).ends_with(6).stderr;
    assert!(refused.contains("written by `countersign attest NAME"), "{refused}");
    assert_eq!(lab.gate().0, "NOT_RUN");
}

#[test]
fn what_would_count_for_nothing_is_not_taken() {
    let lab = Lab::new();
    let key = lab.keys.path("first").display().to_string();
    let by = ["--as", "first", "--role", "owner", "--reason", "x", "--key", &key, "--i-am-remote"];
    let attest = |words: &[&str]| lab.run(&[&["attest"][..], words, &by].concat());
    let said = attest(&["asked", "--digest", &"0".repeat(64)]).ends_with(6).stderr;
    assert!(said.contains("another attestation"), "{said}");
    attest(&["asked"]).ends_with(64);
    let said = attest(&["askd", "--show"]).ends_with(65).stderr;
    assert!(said.contains("did you mean `asked`?"), "{said}");
    let (_, digest) = lab.shown(&["asked", "--until", "2020-01-01"]);
    let said =
        attest(&["asked", "--until", "2020-01-01", "--digest", &digest]).ends_with(64).stderr;
    assert!(said.contains("which is over"), "{said}");
    let said =
        lab.run(&["attest", "asked", "--as", "second", "--role", "dba", "--reason", "x", "--show"]);
    assert!(said.ends_with(6).stderr.contains("it asks for: owner"));
    let (_, digest) = lab.shown(&["asked"]);
    let said = attest(&["asked", "--reason", "a\u{202e}b", "--digest", &digest]);
    assert_ne!(said.code, 0);
    // A statement of another text, or for another machine.
    let file = lab.signed("first", "owner", &["asked"]);
    lab.world.desired("hosts/a/resources.toml", DESIRED.replace("was asked", "is asked"));
    lab.world.commit();
    let refused = lab.run(&["attest", "--import", &file]).ends_with(6).stderr;
    assert!(refused.contains("another text"), "{refused}");
    lab.world.desired("hosts/a/resources.toml", DESIRED);
    lab.world.commit();
    let other = ["asked", "--host-id", &"0".repeat(64)];
    let file = lab.signed("first", "owner", &other);
    let refused = lab.run(&["attest", "--import", &file]).ends_with(6).stderr;
    assert!(refused.contains("wrong_host"), "{refused}");
    // What is imported comes from the host's own configuration alone.
    let data = lab.text("elsewhere");
    lab.run(&["attest", "--import", &file, "--data", &data]).ends_with(64);
}

#[test]
fn a_difference_that_was_explained_does_not_alarm_and_any_other_does() {
    let lab = Lab::new();
    lab.world.host_folder("srv/one", 0o755);
    assert_eq!(lab.check(2)["summary"]["drift"], 1);
    lab.attest("second", "dba", EXPLAIN);
    let report = lab.check(0);
    assert_eq!(
        (&report["summary"]["explained"], &report["summary"]["drift"]),
        (&1.into(), &0.into())
    );
    let one = resource(&report, "directory./srv/one");
    assert_eq!((&one["verdict"], &one["explained"]), (&"drift".into(), &true.into()));
    assert_eq!(one["explanations"][0]["by"], "second");
    for format in FORMATS.iter().filter(|format| !matches!(format.used, Use::Nothing)) {
        let text = lab.run(&["check", "--output", format.name]).stdout;
        assert!(text.contains("explained"), "{}: {text}", format.name);
    }
    // It mends nothing: a gate that requires the resource does not pass, and another difference alarms.
    let gates = format!("{DESIRED}[gate.D]\ntitle = \"t\"\nrequires = [\"directory.*\"]\n");
    lab.world.desired("hosts/a/resources.toml", gates);
    lab.world.commit();
    let said = lab.run(&["gate", "D", "-q"]).ends_with(2).stdout;
    assert!(said.contains("D FAIL"), "{said}");
    lab.world.host_folder("srv/one", 0o757);
    let report = lab.check(2);
    assert!(resource(&report, "directory./srv/one")["explanations"].is_null());
    lab.world.host_folder("srv/one", 0o755);
    lab.check(0);
    // Whoever may no longer explain does not.
    lab.trust(&ATTEST.replace("explain = [\"dba\"]", "explain = []"), "first");
    lab.check(2);
}

#[test]
fn a_guard_is_explained_by_those_alone_who_may() {
    let lab = Lab::new();
    lab.world.host_file("etc/switch", "on = yes\n");
    lab.check(2);
    let (shown, _) = lab.shown(FLIP);
    assert!(shown.contains("this is a guard") && shown.contains("run: o11"), "{shown}");
    let file = lab.signed("second", "dba", FLIP);
    let refused = lab.run(&["attest", "--import", &file]).ends_with(6).stderr;
    assert!(refused.contains("is a guard, which `dba` may not explain"), "{refused}");
    let flip = [FLIP, &["--line", "1"]].concat();
    lab.attest("first", "owner", &flip);
    let report = lab.check(0);
    assert_eq!(report["summary"]["explained"], 1);
    let text = lab.run(&["check"]).ends_with(0).stdout;
    assert!(text.contains("explained (value) for o11 until"), "{text}");
    // The same on another line is another difference.
    lab.world.host_file("etc/switch", "# x\non = yes\n");
    lab.check(2);
    lab.world.host_file("etc/switch", "on = yes\n");
    lab.check(0);
    // When the trust file takes the right away, the alarm sounds and says why.
    lab.trust(
        &ATTEST.replace("guards = [\"owner\"]", "guards = []").replace("[\"dba\"]", "[\"owner\"]"),
        "first",
    );
    let report = lab.check(2);
    let notes = report["notes"].to_string();
    assert!(notes.contains("is a guard, which `owner` may not explain"), "{notes}");
}

/// Puts a statement whose time is over onto the ledger, as if it had been imported in time.
fn imported_long_ago(lab: &Lab, statement: &str) {
    let signature = sign(&lab.keys.path("first"), NAMESPACE, statement.as_bytes());
    let folder = lab.path("data/ledger/executor");
    let mut ledger = Ledger::open(&folder, Writer::this(ActorKind::Executor)).unwrap();
    let event = AttestationImported {
        statement: Digest::of(statement.as_bytes()),
        about: "drift of constant.switch".to_owned(),
        approver: "first".to_owned(),
        role: "owner".to_owned(),
        expires: "2020-01-02T00:00:00Z".parse().unwrap(),
        key: "-".to_owned(),
    };
    let attached = [
        Attachment { name: "statement", bytes: statement.as_bytes() },
        Attachment { name: "signature", bytes: &signature },
    ];
    ledger.append(&event.into(), &attached).unwrap();
    ledger.checkpoint().unwrap();
}

#[test]
fn what_is_still_there_when_its_time_is_over_is_critical() {
    let lab = Lab::new();
    lab.world.host_file("etc/switch", "on = yes\n");
    let file = lab.attest("first", "owner", FLIP);
    lab.check(0);
    let both = fs::read_to_string(&file).unwrap();
    let statement = &both[..both.find("not-before").unwrap()];
    let old =
        format!("{statement}not-before: 2020-01-01T00:00:00Z\nexpires: 2020-01-02T00:00:00Z\n");
    imported_long_ago(&lab, &old);
    lab.check(0);
    lab.attest("first", "owner", &["--revoke", &id(&file)]);
    let report = lab.check(2);
    let one = resource(&report, "constant.switch");
    assert_eq!((&one["severity"], &one["overdue"]), (&"critical".into(), &true.into()));
    assert_eq!(report["summary"]["explained"], 0);
    for format in ["text", "markdown", "html", "junit"] {
        let text = lab.run(&["check", "--output", format]).ends_with(2).stdout;
        let said = "OVERDUE: was explained (value) for o11 until 2020-01-02T00:00:00Z by first as owner: CHG-150";
        assert!(text.contains(said), "{format}: {text}");
    }
    // Back where it was, nothing is left of it.
    lab.world.host_file("etc/switch", "on = no\n");
    lab.check(0);
    // A ledger that does not verify explains nothing, and that is said.
    lab.world.host_file("etc/switch", "on = yes\n");
    let segment = lab.path("data/ledger/executor/00000000.jsonl");
    let text = fs::read_to_string(&segment).unwrap();
    fs::write(&segment, text.replacen("owner", "owned", 1)).unwrap();
    let notes = lab.check(2)["notes"].to_string();
    assert!(notes.contains("whether drift is explained cannot be told"), "{notes}");
}

#[test]
fn what_leads_nowhere_or_says_nothing_is_an_error() {
    let found = |text: &str| {
        let world = World::wanting(&format!("[directory.\"/srv/one\"]\nmode = \"0750\"\n{text}"));
        let desired = world.path("desired");
        let ran = run(&["lint", desired.to_str().unwrap(), "--output", "json"]).ends_with(65);
        let report = ran.report();
        let all = report["diagnostics"].as_array().unwrap();
        all.iter().map(|d| d["code"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let gate = "[gate.G]\ntitle = \"t\"\nrequires = [\"attestation.x\"]\n";
    assert_eq!(found(gate), ["CS0007"]);
    let bare = "[attestation.x]\ntitle = \"t\"\n";
    assert_eq!(found(&format!("{bare}roles = [\"a\"]\n")), ["CS0009"]);
    assert_eq!(found(&format!("{bare}statement = \"s\"\nroles = []\n")), ["CS0009"]);
    assert_eq!(found(&format!("{bare}statement = \"a\\nb\"\nroles = [\"a\"]\n")), ["CS0004"]);
    assert_eq!(found(&format!("{bare}criteria = [\"a\\u202eb\"]\nroles = [\"a\"]\n")), ["CS0004"]);
    let criteria = vec!["\"c\""; 50].join(",");
    let many = format!("{bare}criteria = [{criteria}]\nroles = [\"a\"]\n");
    assert_eq!(found(&many).len(), 1);
}

#[cfg(feature = "execute")]
#[test]
fn a_contract_runs_when_somebody_signed_for_that_very_contract() {
    let lab = Lab::new();
    let config = fs::read_to_string(lab.path("config.toml")).unwrap();
    lab.file("config.toml", &format!("{config}[prove]\nadmit = [\"signed\"]\n"));
    let proof = "[proof_guard.countersign]\ndatabase = \"d\"\nprovers = [\"r\"]\n\
         [proof.p]\ndatabase = \"d\"\nrole = \"r\"\ncontract = \"sql/p.sql\"\nexpect = \"read\"\n";
    let host = "[host]\nidentity = { hostname = \"testhost\" }\n[database.d]\nidentity = { system_identifier = \"42\" }\n";
    lab.world.desired("hosts/a/host.toml", host);
    lab.world.desired("hosts/a/proofs.toml", proof);
    lab.world.desired("hosts/a/sql/p.sql", "SELECT 1 AS n");
    lab.world.commit();
    let admitted = || {
        let list = lab.run(&["prove", "--list", "--output", "json"]).ends_with(0).report();
        list["proofs"][0]["admitted"].as_bool().unwrap()
    };
    assert!(!admitted());
    let (shown, _) = lab.shown(&["--admit", "p"]);
    assert!(shown.contains("admits: proof.p") && shown.contains("SELECT 1 AS n"), "{shown}");
    let contracts = format!("{ATTEST}contracts = [\"owner\"]\n");
    let file = lab.signed("first", "owner", &["--admit", "p"]);
    let refused = lab.run(&["attest", "--import", &file]).ends_with(6).stderr;
    assert!(refused.contains("`contracts` of [attest]"), "{refused}");
    lab.trust(&contracts, "first");
    lab.run(&["attest", "--import", &file]).ends_with(0);
    assert!(admitted());
    lab.world.desired("hosts/a/sql/p.sql", "SELECT 2 AS n");
    lab.world.commit();
    assert!(!admitted(), "another contract");
    lab.run(&["attest", "--import", &file]).ends_with(6);
    lab.world.desired("hosts/a/sql/p.sql", "SELECT 1 AS n");
    lab.world.commit();
    assert!(admitted());
    lab.trust(ATTEST, "first");
    assert!(!admitted(), "nobody may any more");
    lab.trust(&contracts, "first");
    lab.attest("second", "dba", &["--revoke", &id(&file)]);
    assert!(!admitted(), "taken back");
}

#[test]
fn what_nobody_of_the_trust_file_may_state_is_warned_of() {
    let lab = Lab::new();
    let lint = || lab.run(&["lint"]).ends_with(0).everything();
    assert!(!lint().contains("CS0025"), "{}", lint());
    lab.trust(&ATTEST.replace("\"owner\", ", ""), "first");
    let said = lint();
    assert!(
        said.contains("0 of 1 people who would have to may state `attestation.asked`"),
        "{said}"
    );
    assert!(said.contains("hosts/a/resources.toml:9"), "{said}");
}
