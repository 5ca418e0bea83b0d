//! Moments: what happens to a proof, and beside it, while it runs.

use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};
use tokio_postgres::{Client, Config, NoTls};

use super::content::{Content, WATCH};
use super::{Lab, because};
use crate::lab::client_of;
use crate::program::{Ran, command, killed_at};

/// Long enough for somebody to come between.
const SLOW: &str = "statement_ms = 5000";
const SLEEPS: &str =
    "DO $a$ BEGIN INSERT INTO public.bag (note) VALUES ('probe'); PERFORM pg_sleep(3); END $a$";

/// The process of the prover's session, once it waits for something.
async fn prover(lab: &Lab, waits_for: &str) -> i32 {
    let sql = "SELECT pid FROM pg_stat_activity WHERE application_name = 'countersign-prover' AND wait_event_type = $1 \
               AND state = 'active'";
    for _ in 0..3000 {
        if let Some(row) = lab.root.query_opt(sql, &[&waits_for]).await.unwrap() {
            return row.get(0);
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("no session of the prover waits for {waits_for}");
}

/// Nobody of the prover's is left, and nothing is held.
async fn gone(lab: &Lab, within: Duration) {
    let sql =
        "SELECT count(*)::text FROM pg_stat_activity WHERE application_name = 'countersign-prover'";
    let begun = Instant::now();
    while lab.text(sql).await != "0" {
        assert!(begun.elapsed() < within, "the session of the prover is still there");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let held = "SELECT count(*)::text FROM pg_locks WHERE relation = 'public.bag'::regclass";
    assert_eq!(lab.text(held).await, "0");
}

fn evidence(ran: &Ran) -> Value {
    assert!(ran.stdout.starts_with('{'), "{}", ran.everything());
    ran.report()["proofs"][0].clone()
}

#[track_caller]
fn comes_to(ran: &Ran, verdict: &str, says: &str) {
    let evidence = evidence(ran);
    let why = because(&evidence);
    assert_eq!(evidence["verdict"], verdict, "{why}");
    assert!(why.contains(says), "{why}");
}

/// What is green elsewhere is not where calls of functions cannot be recorded.
fn green(lab: &Lab, verdict: &'static str) -> &'static str {
    if lab.major < 15 { "INCONCLUSIVE" } else { verdict }
}

#[tokio::test]
async fn whoever_ends_it_half_way_ends_it_without_a_verdict() {
    let Some(lab) = Lab::new().await else { return };
    lab.sql(WATCH).await;
    lab.declare(SLEEPS, SLOW);
    let before = Content::of(&lab).await;
    for (end, says) in [("cancel", "57014"), ("terminate", "57P01")] {
        let proving = lab.proving();
        let pid = prover(&lab, "Timeout").await;
        lab.sql(&format!("SELECT pg_{end}_backend({pid})")).await;
        let ran = proving.await.unwrap().ends_with(4);
        comes_to(&ran, "INCONCLUSIVE", says);
        gone(&lab, Duration::from_secs(5)).await;
        assert_eq!(before.changed_to(&Content::of(&lab).await), Vec::<String>::new());
    }
    // The program itself is killed: the server sees that nobody is there any more.
    let words = lab.words(&["it"]);
    let mut program = command(&words.iter().map(String::as_str).collect::<Vec<_>>())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    prover(&lab, "Timeout").await;
    program.kill().unwrap();
    program.wait().unwrap();
    // Before 14 the server notices at the end of the statement.
    gone(&lab, Duration::from_secs(if lab.major >= 14 { 2 } else { 8 })).await;
    assert_eq!(before.changed_to(&Content::of(&lab).await), Vec::<String>::new());
    let unended = lab.ledger();
    assert_eq!(
        unended.matches("proof.intent").count(),
        unended.matches("proof.outcome").count() + 1
    );
    lab.declare("INSERT INTO public.bag (note) VALUES ('probe')", "");
    let ran = lab.prove(&["it"]);
    assert!(ran.everything().contains("had been begun and not ended"), "{}", ran.everything());
    assert!(ran.stdout.contains(green(&lab, "CLEAN-ABSOLUTE")), "{}", ran.everything());
    let ledger = lab.ledger();
    assert!(ledger.contains("the run that had begun it did not come to its end"), "{ledger}");
    assert_eq!(ledger.matches("proof.intent").count(), ledger.matches("proof.outcome").count());
}

#[tokio::test]
async fn a_run_that_is_killed_at_any_entry_of_the_ledger_is_told_of_by_the_next() {
    let Some(lab) = Lab::new().await else { return };
    lab.declare("INSERT INTO public.bag (note) VALUES ('probe')", "");
    let words = lab.words(&["it"]);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let (mut at, mut told) = (0, 0);
    loop {
        let ledger = lab.world.path("data/ledger/executor");
        let killed = killed_at(at, &ledger, &words).output().unwrap();
        let ended = killed.status.code();
        gone(&lab, Duration::from_secs(8)).await;
        let next = lab.prove(&["it"]);
        assert!(next.stdout.contains(green(&lab, "CLEAN-ABSOLUTE")), "{at}: {}", next.everything());
        told += u64::from(next.everything().contains("had been begun and not ended"));
        let ledger = lab.ledger();
        assert_eq!(
            ledger.matches("proof.intent").count(),
            ledger.matches("proof.outcome").count(),
            "{at}"
        );
        if ended.is_some() {
            break;
        }
        at += 1;
        assert!(at < 60, "it never came to its end");
    }
    assert!(told > 0 && told < at, "{told} of {at}");
}

#[tokio::test]
async fn a_session_that_swallows_its_cancellation_is_ended() {
    let Some(lab) = Lab::new().await else { return };
    let forever = "DO $a$ BEGIN PERFORM set_config('client_connection_check_interval', '0', false); \
        PERFORM set_config('statement_timeout', '0', false); INSERT INTO public.bag (note) VALUES ('probe'); \
        LOOP BEGIN PERFORM pg_sleep(3600); EXCEPTION WHEN query_canceled THEN NULL; END; END LOOP; END $a$";
    let forever = if lab.major < 14 {
        forever.replace("PERFORM set_config('client_connection_check_interval', '0', false); ", "")
    } else {
        forever.to_owned()
    };
    lab.declare(&forever, "");
    let ran = lab.prove(&["it", "--output", "json"]).ends_with(4);
    comes_to(&ran, "INCONCLUSIVE", "so its session was ended");
    gone(&lab, Duration::from_secs(1)).await;
}

#[tokio::test]
async fn a_server_that_starts_anew_half_way_gives_no_verdict() {
    let Some(lab) = Lab::new().await else { return };
    let process = |pid: i32| rustix::process::Pid::from_raw(pid).unwrap();
    lab.declare(SLEEPS, SLOW);
    let proving = lab.proving();
    let pid = prover(&lab, "Timeout").await;
    // The server ends every session when one of its processes dies, recovers, and goes on.
    rustix::process::kill_process(process(pid), rustix::process::Signal::KILL).unwrap();
    let ran = proving.await.unwrap();
    assert!([4, 7].contains(&ran.code), "{}", ran.everything());
    assert_eq!(evidence(&ran)["verdict"], "INCONCLUSIVE", "{}", ran.everything());
    // It takes a moment to be there again.
    let again = client_until(&lab).await;
    let count: i64 = again.query_one("SELECT count(*) FROM public.bag", &[]).await.unwrap().get(0);
    assert_eq!(count, 0);
    lab.declare("INSERT INTO public.bag (note) VALUES ('probe')", "");
    comes_to(&lab.prove(&["it", "--output", "json"]), green(&lab, "CLEAN-ABSOLUTE"), "");
    // And it is stopped for good, with nobody asked.
    lab.declare(SLEEPS, SLOW);
    let proving = lab.proving();
    let sleeping = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'countersign-prover' AND wait_event = 'PgSleep'";
    while again.query_one(sleeping, &[]).await.unwrap().get::<_, i64>(0) == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let server = i32::try_from(lab.server.pid()).unwrap();
    rustix::process::kill_process(process(server), rustix::process::Signal::QUIT).unwrap();
    let ran = proving.await.unwrap();
    assert!([4, 7].contains(&ran.code), "{}", ran.everything());
    assert_eq!(evidence(&ran)["verdict"], "INCONCLUSIVE", "{}", ran.everything());
    assert!(lab.ledger().contains("\"verdict\":\"INCONCLUSIVE\""));
}

async fn client_until(lab: &Lab) -> Client {
    let mut config = Config::new();
    config.host_path(lab.server.socket_folder()).user("postgres").dbname("directus");
    for _ in 0..600 {
        if let Ok((client, connection)) = config.connect(NoTls).await {
            tokio::spawn(connection);
            return client;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the server did not come back");
}

#[tokio::test]
async fn production_wins_every_conflict() {
    let Some(lab) = Lab::new().await else { return };
    let production = client_of(&lab.server, "directus", "directus").await;
    let keyed = "witness = \"sql/witness.sql\"\nleak = \"sql/leak.sql\"\nexpect = \"write\"\nstatement_ms = 2000";
    // Production came first: the proof waits no longer than it may, and gives up.
    for (first, statement) in [
        ("INSERT INTO public.keyed VALUES ('same')", "INSERT INTO public.keyed VALUES ('same')"),
        (
            "UPDATE public.keyed SET n = n + 1 WHERE key = 'a'",
            "UPDATE public.keyed SET n = 7 WHERE key = 'a'",
        ),
        ("ALTER TABLE public.keyed ADD more integer", "INSERT INTO public.keyed VALUES ('other')"),
        ("LOCK TABLE public.keyed IN ACCESS EXCLUSIVE MODE", "UPDATE public.keyed SET n = 7"),
    ] {
        production.batch_execute(&format!("BEGIN; {first}")).await.unwrap();
        lab.declare(statement, keyed);
        let ran = lab.prove(&["it", "--output", "json"]).ends_with(4);
        comes_to(&ran, "INCONCLUSIVE", "55P03");
        production.batch_execute("COMMIT").await.unwrap();
    }
    // The proof came first: production waits for its end, and gets what it wanted.
    let holds = "DO $a$ BEGIN INSERT INTO public.keyed VALUES ('held'); UPDATE public.keyed SET n = 7 WHERE key = 'a'; \
        INSERT INTO public.bag (note) VALUES ('probe'); PERFORM pg_sleep(1); END $a$";
    for second in [
        "INSERT INTO public.keyed VALUES ('held')",
        "UPDATE public.keyed SET n = n + 1 WHERE key = 'a'",
        "ALTER TABLE public.keyed ADD yet_more integer",
    ] {
        lab.declare(holds, "statement_ms = 2000");
        let proving = lab.proving();
        prover(&lab, "Timeout").await;
        production.batch_execute(second).await.unwrap();
        comes_to(&proving.await.unwrap(), green(&lab, "CLEAN-EXACT"), "");
        lab.sql("DELETE FROM public.keyed WHERE key = 'held'").await;
    }
    // Each holds what the other wants next, whoever asks last.
    let crosses = "DO $a$ BEGIN UPDATE public.keyed SET n = 7 WHERE key = 'a'; PERFORM pg_sleep(0.5); \
        UPDATE public.keyed SET n = 7 WHERE key = 'b'; END $a$";
    for (keys, proof_asks_first) in [
        ("statement_ms = 5000", true),
        ("statement_ms = 5000\nlock_ms = 500", true),
        ("statement_ms = 5000", false),
    ] {
        lab.declare(
            crosses,
            &format!(
                "{keys}\nwitness = \"sql/witness.sql\"\nleak = \"sql/leak.sql\"\nexpect = \"write\""
            ),
        );
        production
            .batch_execute("BEGIN; UPDATE public.keyed SET n = n + 1 WHERE key = 'b'")
            .await
            .unwrap();
        let proving = lab.proving();
        prover(&lab, if proof_asks_first { "Lock" } else { "Timeout" }).await;
        production
            .batch_execute("UPDATE public.keyed SET n = n + 1 WHERE key = 'a'; COMMIT")
            .await
            .unwrap();
        let ran = proving.await.unwrap().ends_with(4);
        let why = because(&evidence(&ran));
        assert!(why.contains("55P03") || why.contains("40P01"), "{why}");
    }
    assert_eq!(
        lab.text("SELECT string_agg(key || n, ',' ORDER BY key) FROM public.keyed WHERE n < 7")
            .await,
        "a5,b3,same0"
    );
}

/// Something that goes on until it is dropped.
struct Busy(Arc<AtomicBool>, tokio::task::JoinHandle<u64>);

impl Busy {
    async fn end(self) {
        self.0.store(true, Ordering::SeqCst);
        assert!(self.1.await.unwrap() > 0, "it did nothing");
    }
}

const WRITE: &str = "INSERT INTO public.other (note) VALUES ('x')";

/// One session that commits all the time.
async fn writer(lab: &Lab) -> Busy {
    let (stop, client) =
        (Arc::new(AtomicBool::new(false)), client_of(&lab.server, "directus", "directus").await);
    client.batch_execute(WRITE).await.unwrap();
    let stopped = Arc::clone(&stop);
    let writing = tokio::spawn(async move {
        let mut count = 0;
        while !stopped.load(Ordering::SeqCst) {
            client.batch_execute(WRITE).await.unwrap();
            count += 1;
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        count
    });
    Busy(stop, writing)
}

/// Sessions that come, commit, and go.
fn passers_by(lab: &Lab) -> Busy {
    let stop = Arc::new(AtomicBool::new(false));
    let (stopped, folder) = (Arc::clone(&stop), lab.server.socket_folder());
    let passing = tokio::spawn(async move {
        let mut count = 0;
        while !stopped.load(Ordering::SeqCst) {
            let mut config = Config::new();
            config.host_path(&folder).user("directus").dbname("directus");
            let (client, connection) = config.connect(NoTls).await.unwrap();
            let connection = tokio::spawn(connection);
            client.batch_execute(WRITE).await.unwrap();
            drop(client);
            connection.await.unwrap().unwrap();
            count += 1;
        }
        count
    });
    Busy(stop, passing)
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_busy_server_it_says_whose_every_commit_was() {
    let Some(lab) = Lab::new().await else { return };
    lab.declare("INSERT INTO public.bag (note) VALUES ('probe')", "");
    let busy = writer(&lab).await;
    let ran = lab.prove(&["it", "--output", "json"]);
    busy.end().await;
    comes_to(
        &ran,
        green(&lab, "CLEAN-EXACT"),
        if lab.major < 15 { "" } else { "transactions of others" },
    );
    let busy = passers_by(&lab);
    let ran = lab.prove(&["it", "--output", "json"]);
    busy.end().await;
    comes_to(&ran, "INCONCLUSIVE", if lab.major < 15 { "" } else { "cannot be told by whom" });
    if lab.major < 15 {
        return;
    }
    assert_eq!(evidence(&ran)["attempts"], "5");
    // The log of changes tells of each what it wrote.
    let blocks = if lab.major < 16 {
        ""
    } else {
        "GRANT EXECUTE ON FUNCTION public.pg_get_wal_block_info(pg_lsn, pg_lsn, boolean) TO countersign_observer"
    };
    let grant = "CREATE EXTENSION pg_walinspect; \
        GRANT EXECUTE ON FUNCTION public.pg_get_wal_records_info(pg_lsn, pg_lsn) TO countersign_observer; ";
    lab.sql(&format!("{grant}{blocks}")).await;
    let busy = passers_by(&lab);
    let ran = lab.prove(&["it", "--output", "json"]);
    busy.end().await;
    comes_to(&ran, "CLEAN-EXACT", "transactions of others");
    let whose = evidence(&ran)["attempt"]["census"]["foreign"].to_string();
    assert!(whose.contains("one that wrote to public.other"), "{whose}");
    // What the contract writes to as well could have been its own.
    lab.declare("DO $a$ BEGIN INSERT INTO public.bag (note) VALUES ('probe'); INSERT INTO public.other (note) VALUES ('probe'); END $a$", "");
    let busy = passers_by(&lab);
    let ran = lab.prove(&["it", "--output", "json"]);
    busy.end().await;
    comes_to(&ran, "INCONCLUSIVE", "cannot be told by whom");
}

#[tokio::test]
async fn what_was_open_before_and_still_is_does_not_stand_in_the_way() {
    let Some(lab) = Lab::new().await else { return };
    let (long, prepares) = (
        client_of(&lab.server, "directus", "directus").await,
        client_of(&lab.server, "directus", "directus").await,
    );
    long.batch_execute(&format!("BEGIN; {WRITE}")).await.unwrap();
    prepares
        .batch_execute(&format!("BEGIN; {WRITE}; PREPARE TRANSACTION 'forgotten'"))
        .await
        .unwrap();
    lab.declare("INSERT INTO public.bag (note) VALUES ('probe')", "");
    comes_to(&lab.prove(&["it", "--output", "json"]), green(&lab, "CLEAN-ABSOLUTE"), "");
    // It ends while the proof runs, and is known to be somebody else's.
    lab.declare(SLEEPS, SLOW);
    let proving = lab.proving();
    prover(&lab, "Timeout").await;
    long.batch_execute("COMMIT").await.unwrap();
    comes_to(&proving.await.unwrap(), green(&lab, "CLEAN-EXACT"), "");
}

#[tokio::test]
async fn sessions_of_the_same_role_are_counted_and_not_ended_unseen() {
    let Some(lab) = Lab::new().await else { return };
    let one = client_of(&lab.server, "cutter_exec", "directus").await;
    // The role may have two: another takes the prover's place.
    let two = client_of(&lab.server, "cutter_exec", "directus").await;
    lab.declare("INSERT INTO public.bag (note) VALUES ('probe')", "");
    let ran = lab.prove(&["it", "--output", "json"]).ends_with(4);
    comes_to(&ran, "INCONCLUSIVE", "53300");
    drop(two);
    lab.declare(
        "DO $a$ BEGIN INSERT INTO public.bag (note) VALUES ('probe'); EXECUTE 'SELECT pg_term' || 'inate_backend(pid) \
         FROM pg_stat_activity WHERE usename = current_user AND pid <> pg_backend_pid()'; PERFORM pg_sleep(0.3); END $a$",
        "",
    );
    // A session may be about to go.
    let count = "SELECT count(*)::text FROM pg_stat_activity WHERE usename = 'cutter_exec'";
    while lab.text(count).await != "1" {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let ran = lab.prove(&["it", "--output", "json"]).ends_with(4);
    comes_to(
        &ran,
        "INCONCLUSIVE",
        if lab.major < 15 { "" } else { "a session was ended by order" },
    );
    assert!(one.batch_execute("SELECT 1").await.is_err(), "it was not ended, so nothing was tried");
}

/// A pooler: it lets clients go, and keeps their sessions of the server.
fn pooler(lab: &Lab) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let listener = UnixListener::bind(folder.path().join(".s.PGSQL.5432")).unwrap();
    let behind = lab.server.socket_folder().join(".s.PGSQL.5432");
    tokio::spawn(async move {
        let mut kept = Vec::new();
        while let Ok((front, _)) = listener.accept().await {
            let (mut asked, mut told) = front.into_split();
            let (mut answers, mut server) =
                UnixStream::connect(&behind).await.unwrap().into_split();
            tokio::spawn(async move { tokio::io::copy(&mut answers, &mut told).await });
            let mut buffer = vec![0; 1 << 16];
            while let Ok(length @ 1..) = asked.read(&mut buffer).await {
                let bytes = &buffer[..length];
                let bytes = bytes.strip_suffix(b"X\0\0\0\x04").unwrap_or(bytes);
                server.write_all(bytes).await.unwrap();
            }
            kept.push(server);
        }
    });
    folder
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_a_pooler_nothing_is_concluded() {
    let Some(lab) = Lab::new().await else { return };
    lab.declare("INSERT INTO public.bag (note) VALUES ('probe')", "");
    let folder = pooler(&lab);
    let path = lab.world.path("config.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let (real, there) =
        (lab.server.socket_folder().display().to_string(), folder.path().display().to_string());
    let line = |line: &str| {
        if line.starts_with("prover") { line.replace(&real, &there) } else { line.to_owned() }
    };
    let text: Vec<String> = text.lines().map(line).collect();
    lab.file("config.toml", &text.join("\n"));
    let ran = lab.prove(&["it", "--output", "json"]).ends_with(4);
    comes_to(&ran, "INCONCLUSIVE", "is there a pooler between?");
}
