//! What is refused before anything connects, and what is found to be broken afterwards.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::net::UnixListener;

use super::Lab;
use crate::program::{Ran, command, ran, run};

const WRITE: &str = "INSERT INTO public.bag (note) VALUES ('probe')";

/// It ends with this code, says this, and the ledger has this word for it.
#[track_caller]
fn refused(lab: &Lab, words: &[&str], (code, word): (i32, &str), says: &[&str]) {
    let before = lab.ledger();
    let ended = lab.prove(words).ends_with(code);
    for what in says {
        assert!(ended.stderr.contains(what), "{what}: {}", ended.everything());
    }
    let ledger = lab.ledger();
    let entries: Vec<&str> = ledger.lines().skip(before.lines().count()).collect();
    let entry = entries.iter().find(|line| line.contains(r#""type":"refused""#));
    let entry = entry.unwrap_or_else(|| panic!("not on the ledger: {entries:?}"));
    assert!(
        entry.contains(&format!(r#""code":"{word}""#)) && entry.contains(r#""verb":"prove""#),
        "{entry}"
    );
    assert!(!entries.iter().any(|line| line.contains("proof.intent")), "{entries:?}");
}

/// Counts who connects, and answers nobody.
struct Listener {
    folder: tempfile::TempDir,
    count: Arc<AtomicU32>,
}

impl Listener {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join(".s.PGSQL.5432")).unwrap();
        let count = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&count);
        tokio::spawn(async move {
            while listener.accept().await.is_ok() {
                counted.fetch_add(1, Ordering::SeqCst);
            }
        });
        Self { folder, count }
    }

    fn url(&self) -> String {
        format!(
            "postgres://countersign_observer@/directus?host={}&port=5432",
            self.folder.path().display()
        )
    }

    async fn count(&self) -> u32 {
        // Whoever connected is in the queue of the kernel before the program ends.
        tokio::time::sleep(Duration::from_millis(50)).await;
        self.count.load(Ordering::SeqCst)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_not_let_to_connects_to_nothing() {
    let Some(lab) = Lab::new().await else { return };
    let listener = Listener::new();
    lab.declare(WRITE, "");
    let direct = |admit: &str| lab.configure_to(&listener.url(), "", admit);
    direct("\"any\"");
    // A first run makes the ledger that the others write to.
    lab.file("switch.toml", "version = 1\nprove = false\n");
    lab.prove(&["it"]).ends_with(7);
    let off = ["the switch is off", "prove = true", "the owner of the file arms it"];
    refused(&lab, &["it"], (7, "switched_off"), &off);
    refused(&lab, &["--all"], (7, "switched_off"), &off);
    refused(&lab, &["no-such"], (7, "switched_off"), &off);
    lab.file("switch.toml", "version = 1\napply = true\n");
    refused(&lab, &["it"], (7, "switched_off"), &off);
    lab.file("switch.toml", "version = 1\nprove = \"yes\"\n");
    refused(&lab, &["it"], (7, "switch_unreadable"), &["cannot be read, so it is off"]);
    std::fs::remove_file(lab.world.path("switch.toml")).unwrap();
    refused(&lab, &["it"], (7, "switch_unreadable"), &["cannot be read, so it is off"]);
    lab.file("switch.toml", "version = 1\nprove = true\n");
    let config = lab.path("config.toml");
    run(&["halt", "--config", &config, "--reason", "enough"]).ends_with(0);
    refused(&lab, &["it"], (7, "halted"), &["enough", "halt --status"]);
    run(&["halt", "--config", &config, "--lift", "--reason", "go on"]).ends_with(0);
    direct("");
    refused(
        &lab,
        &["it"],
        (7, "not_admitted"),
        &["does not admit the contract of proof.it", "to `admit` of [prove]"],
    );
    direct("\"any\"");
    refused(&lab, &["itt"], (65, "no_such_proof"), &["`itt`", "did you mean `it`?"]);
    refused(&lab, &["proofset.it"], (65, "no_such_proof"), &["there is no proof"]);
    for words in [
        &["it", "--data", "/tmp"][..],
        &["it", "--host", "b"],
        &["it", "--root", "/"],
        &["it", "--desired", "/tmp"],
    ] {
        let ended = lab.prove(words).ends_with(64);
        assert!(ended.stderr.contains("--"), "{}", ended.stderr);
    }
    for (name, value) in
        [("COUNTERSIGN_DATA", "/tmp"), ("COUNTERSIGN_HOST", "b"), ("COUNTERSIGN_DESIRED", "/tmp")]
    {
        let words = lab.words(&["it"]);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let ended = ran(&command(&words).env(name, value).output().unwrap()).ends_with(64);
        assert!(ended.stderr.contains(name), "{}", ended.stderr);
    }
    lab.prove(&[]).ends_with(64);
    lab.prove(&["it", "--all"]).ends_with(64);
    // Lists are read from the files alone.
    assert!(lab.prove(&["--list"]).ends_with(0).stdout.contains("proof.it"));
    assert_eq!(listener.count().await, 0, "somebody connected");
    lab.prove(&["it"]);
    assert!(listener.count().await > 0, "nobody counted");
}

#[tokio::test]
async fn what_was_admitted_is_that_very_contract() {
    let Some(lab) = Lab::new().await else { return };
    lab.declare(WRITE, "");
    let listed = lab.prove(&["--list"]).ends_with(0).stdout;
    let digest =
        listed.split_whitespace().find(|word| word.starts_with("sha256:")).unwrap().to_owned();
    assert!(listed.contains("admitted"), "{listed}");
    lab.configure("", &format!("\"{digest}\""));
    let ended = lab.prove(&["it"]);
    assert!(ended.stdout.contains("watched by countersign_observer"), "{}", ended.everything());
    let admitted = "this host does not admit the contract";
    for (statement, keys) in [
        ("INSERT INTO public.bag (note) VALUES ('probf')", ""),
        (WRITE, "rows = 1"),
        (WRITE, "lock_ms = 201"),
        (WRITE, "sequences = [\"public.counted_n_seq\"]"),
        (WRITE, "superuser_definer = true"),
        (WRITE, "trusted_functions = [\"public.f()\"]"),
    ] {
        lab.declare(statement, keys);
        refused(&lab, &["it"], (7, "not_admitted"), &[admitted]);
    }
    lab.declare(WRITE, "");
    lab.world.desired("hosts/a/sql/witness.sql", "SELECT count(*) + 1 FROM public.bag");
    lab.world.commit();
    refused(&lab, &["it"], (7, "not_admitted"), &[admitted]);
    lab.world.desired("hosts/a/sql/witness.sql", "SELECT count(*) FROM public.bag");
    lab.declare(WRITE, "# What is no part of it changes nothing.\ntitle = \"another\"");
    assert!(lab.prove(&["it"]).stdout.contains("another"));
}

#[tokio::test]
async fn roles_databases_and_clusters_are_those_that_the_host_names() {
    let Some(lab) = Lab::new().await else { return };
    lab.declare(WRITE, "");
    lab.prove(&["it"]);
    let text = std::fs::read_to_string(lab.world.path("config.toml")).unwrap();
    lab.file("config.toml", &text.replace("\"cutter_exec\", ", ""));
    refused(
        &lab,
        &["it"],
        (7, "role_not_admitted"),
        &["logs in as `cutter_exec`", "`roles` of the prover"],
    );
    let line = |start: &str| {
        let kept = text.lines().filter(|line| !line.starts_with(start));
        kept.collect::<Vec<_>>().join("\n")
    };
    for missing in ["prover", "observer"] {
        lab.file("config.toml", &line(missing));
        refused(&lab, &["it"], (78, "no_session"), &["has no [database.directus]", missing]);
    }
    lab.file("config.toml", &text);
    let proof = std::fs::read_to_string(lab.world.path("desired/hosts/a/proofs.toml")).unwrap();
    for (from, to, says) in [
        ("database = \"directus\"", "database = \"direktus\"", "did you mean"),
        ("role = \"cutter_exec\"", "role = \"workflow_admin\"", "among its provers"),
        ("contract = \"sql/it.sql\"", "contract = \"sql/nothing.sql\"", "sql/nothing.sql"),
        ("expect = \"write\"", "expect = \"wirte\"", "wirte"),
        ("witness =", "witnes =", "witness"),
    ] {
        lab.world.desired("hosts/a/proofs.toml", proof.replacen(from, to, 1));
        lab.world.commit();
        refused(&lab, &["it"], (65, "desired_state"), &[says]);
    }
    lab.declare(WRITE, "lock_ms = 501");
    refused(&lab, &["it"], (65, "desired_state"), &["between 1 and 500"]);
    lab.declare(WRITE, "");
    let identity = "[host]\nidentity = { hostname = \"testhost\" }\n[database.directus]\nidentity = { system_identifier = \"1\" }\n";
    lab.world.desired("hosts/a/host.toml", identity);
    lab.world.commit();
    refused(
        &lab,
        &["it"],
        (7, "identity"),
        &["system identifier of directus", "not the machine or database"],
    );
    let host = "[host]\nidentity = { hostname = \"elsewhere\" }\n[database.directus]\n";
    lab.world.desired("hosts/a/host.toml", host);
    lab.world.commit();
    refused(&lab, &["it"], (7, "identity"), &["elsewhere"]);
}

#[tokio::test]
async fn without_its_guard_nothing_is_proven() {
    let Some(lab) = Lab::new().await else { return };
    lab.declare(WRITE, "");
    lab.prove(&["it"]);
    let says = [
        "the objects that make a commit impossible are not as declared",
        "plan --only 'proof_guard.*'",
    ];
    for (altered, restored) in [
        (
            "ALTER TABLE countersign.pill DISABLE TRIGGER refuse",
            "ALTER TABLE countersign.pill ENABLE ALWAYS TRIGGER refuse",
        ),
        (
            "ALTER TABLE countersign.pill ENABLE TRIGGER refuse",
            "ALTER TABLE countersign.pill ENABLE ALWAYS TRIGGER refuse",
        ),
        (
            "GRANT DELETE ON countersign.pill TO cutter_exec",
            "REVOKE DELETE ON countersign.pill FROM cutter_exec",
        ),
        (
            "REVOKE INSERT ON countersign.pill FROM cutter_exec",
            "GRANT INSERT ON countersign.pill TO cutter_exec",
        ),
        ("GRANT countersign_owner TO cutter_exec", "REVOKE countersign_owner FROM cutter_exec"),
        ("ALTER ROLE cutter_exec SUPERUSER", "ALTER ROLE cutter_exec NOSUPERUSER"),
        (
            "ALTER FUNCTION countersign.refuse() STABLE",
            "ALTER FUNCTION countersign.refuse() VOLATILE",
        ),
        (
            "CREATE OR REPLACE FUNCTION countersign.refuse() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER \
             SET search_path = pg_catalog AS 'BEGIN RETURN NULL; END'",
            "DROP SCHEMA countersign CASCADE",
        ),
        ("SELECT 1", "SELECT 1"),
    ] {
        lab.sql(altered).await;
        refused(&lab, &["it"], (7, "proof_guard"), &says);
        lab.sql(restored).await;
    }
}

#[tokio::test]
async fn a_guard_of_the_host_holds_before_and_after() {
    let Some(lab) = Lab::new().await else { return };
    let guard =
        "[row_count.\"public.keyed\"]\ndatabase = \"directus\"\nrows = 2\nkill_switch = true\n";
    lab.world.desired("hosts/a/guard.toml", guard);
    let slow =
        "DO $a$ BEGIN INSERT INTO public.bag (note) VALUES ('probe'); PERFORM pg_sleep(1); END $a$";
    lab.declare(slow, "statement_ms = 5000");
    let proving = lab.proving();
    let sleeps = "SELECT count(*)::text FROM pg_stat_activity WHERE application_name = 'countersign-prover' AND wait_event = 'PgSleep'";
    while lab.text(sleeps).await == "0" {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    lab.sql("INSERT INTO public.keyed VALUES ('c')").await;
    let ended: Ran = proving.await.unwrap().ends_with(7);
    assert_eq!(
        ended.report()["broken_guards"][0].as_str().unwrap().split(' ').next(),
        Some("row_count.public.keyed"),
        "{}",
        ended.stdout
    );
    let ledger = lab.ledger();
    assert!(
        ledger.contains(r#""code":"guard_broken_afterwards""#) && ledger.contains("proof.outcome"),
        "{ledger}"
    );
    refused(
        &lab,
        &["it"],
        (7, "guard_broken"),
        &["a guard does not hold: row_count.public.keyed", "until every guard holds"],
    );
}
