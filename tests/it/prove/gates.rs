//! Gates that rest on proofs: what the ledger says of them counts only while it is about this machine, cluster and contract.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::Lab;
use crate::program::run;

const SET: &str = "[proofset.it]\n[[proofset.it.lines]]\nname = \"P1\"\ntitle = \"a note is taken\"\nproofs = [\"proof.it\"]\n\
     [[proofset.it.lines]]\nname = \"P2\"\ntitle = \"the guard stands\"\nunchanged = [\"proof_guard.*\"]\n";
const INSERT: &str = "INSERT INTO public.bag (note) VALUES ('probe')";

fn gates(keys: &str) -> String {
    format!(
        "{SET}[gate.set]\ntitle = \"t\"\nrequires = [\"proofset.it\"]\n{keys}[gate.one]\ntitle = \"t\"\nrequires = [\"proof.it\"]\n{keys}"
    )
}

/// The states of both gates, and what is missing of each.
#[track_caller]
fn said(lab: &Lab, code: i32) -> [(String, String); 2] {
    let config = lab.path("config.toml");
    let report = run(&["gate", "--config", &config, "--output", "json"]).ends_with(code).report();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    [1, 0].map(|n| (text(&report["gates"][n]["state"]), text(&report["gates"][n]["missing"])))
}

#[track_caller]
fn both(lab: &Lab, code: i32, state: &str, missing: &str) {
    for (found, why) in said(lab, code) {
        assert_eq!(found, state, "{why}");
        assert!(why.contains(missing), "{why}");
    }
}

fn declare(lab: &Lab, statement: &str, keys: &str) {
    lab.world.desired("hosts/a/gates.toml", gates(keys));
    lab.declare(statement, "rows = 1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gate_rests_on_the_newest_outcome_of_this_very_contract_machine_and_cluster() {
    let Some(lab) = Lab::new().await else { return };
    lab.record_calls().await;
    declare(&lab, INSERT, "");
    both(&lab, 4, "NOT_RUN", "was not run here; `countersign prove proof");
    lab.prove(&["proofset.it"]).ends_with(0);
    both(&lab, 0, "PASS", "");

    // Another contract under the same name was not run.
    declare(&lab, "INSERT INTO public.bag (note) VALUES ('probe 2')", "");
    let [set, one] = said(&lab, 4);
    assert!(set.0 == "NOT_RUN" && set.1.contains("with other lines"), "{set:?}");
    assert!(one.0 == "NOT_RUN" && one.1.contains("with another contract"), "{one:?}");
    declare(&lab, INSERT, "");
    both(&lab, 0, "PASS", "");

    // What fails later is not covered by what was clean before, and a set that ran again is.
    lab.sql("REVOKE INSERT ON public.bag FROM cutter_exec").await;
    lab.prove(&["proof.it"]).ends_with(1);
    both(&lab, 2, "FAIL", "proof.it: CONTRACT-FAILED");
    lab.sql("GRANT INSERT ON public.bag TO cutter_exec").await;
    lab.prove(&["proofset.it"]).ends_with(0);
    both(&lab, 0, "PASS", "");

    // Too old: at least two seconds, where one is allowed.
    tokio::time::sleep(std::time::Duration::from_millis(2100)).await;
    declare(&lab, INSERT, "max_age = \"1s\"\n");
    both(&lab, 4, "NOT_RUN", "and 1 s is the most");
    declare(&lab, INSERT, "");

    // Another cluster: the evidence names the one that it ran on, and desired state now means another.
    let host = fs::read_to_string(lab.world.path("desired/hosts/a/host.toml")).unwrap();
    let pinned = host.clone() + "identity = { system_identifier = \"7\" }\n";
    lab.world.desired("hosts/a/host.toml", pinned);
    lab.world.desired(
        "hosts/a/gates.toml",
        format!("{SET}[gate.one]\ntitle = \"t\"\nrequires = [\"proof.it\"]\n"),
    );
    lab.world.commit();
    let config = lab.path("config.toml");
    run(&["gate", "one", "--config", &config]).ends_with(7);
    lab.sql("ALTER ROLE countersign_observer NOLOGIN").await;
    let report =
        run(&["gate", "one", "--config", &config, "--output", "json"]).ends_with(4).report();
    let missing = report["gates"][0]["missing"].as_str().unwrap();
    assert!(missing.contains("on the cluster "), "{missing}");
    lab.sql("ALTER ROLE countersign_observer LOGIN").await;
    lab.world.desired("hosts/a/host.toml", host);
    declare(&lab, INSERT, "");

    // Another machine that has the folder of this one.
    lab.world.host_file("etc/machine-id", "ffffffffffffffffffffffffffffffff\n");
    both(&lab, 4, "NOT_RUN", "was not run here");
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() { files(&entry, found) } else { found.push(entry) }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_that_does_not_verify_or_cannot_be_read_opens_no_gate() {
    let Some(lab) = Lab::new().await else { return };
    lab.record_calls().await;
    declare(&lab, INSERT, "");
    lab.prove(&["proofset.it"]).ends_with(0);
    both(&lab, 0, "PASS", "");
    let folder = lab.world.path("data/ledger/executor");
    let entries = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let segment =
        entries.into_iter().find(|p| p.extension().is_some_and(|e| e == "jsonl")).unwrap();
    let kept = fs::read_to_string(&segment).unwrap();
    let forged =
        kept.replace("CLEAN-ABSOLUTE", "CLEAN-EXACTLY!").replace("CLEAN-EXACT\"", "CLEAN-EXACt\"");
    assert_ne!(kept, forged);
    let mode = fs::Permissions::from_mode(0o600);
    fs::set_permissions(&segment, mode).unwrap();
    fs::write(&segment, forged).unwrap();
    run(&["gate", "--config", &lab.path("config.toml")]).ends_with(8);
    fs::write(&segment, kept).unwrap();
    both(&lab, 0, "PASS", "");
    // Evidence that is not what the entry names.
    let mut blobs = Vec::new();
    files(&folder.join("blobs"), &mut blobs);
    assert_eq!(blobs.len(), 2, "the evidence, and the lines of the set");
    for blob in blobs {
        let kept = fs::read(&blob).unwrap();
        fs::set_permissions(&blob, fs::Permissions::from_mode(0o600)).unwrap();
        let forged = String::from_utf8(kept.clone()).unwrap().replacen('}', " }", 1);
        fs::write(&blob, forged).unwrap();
        run(&["gate", "--config", &lab.path("config.toml")]).ends_with(8);
        fs::write(&blob, kept).unwrap();
    }
    both(&lab, 0, "PASS", "");
}
