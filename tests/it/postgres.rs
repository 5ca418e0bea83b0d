//! Observer sessions against a real server: one failed question costs no other its answer, and nothing is ever changed.

use std::time::{Duration, Instant};

use countersign::model::Reason;
use countersign::probe::postgres::{Amount, Found, Limits, Session, Settings};
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, UnixListener, UnixStream};

use crate::lab::{Lab, admin, limits, refused};
use crate::private_server::started;
use crate::server::Options;

const SOME: Amount = Amount::Rows { rows_max: 100, bytes_max: 1 << 20 };
const SOON: Duration = Duration::from_secs(5);

async fn one(session: &Session, sql: &str) -> String {
    session.ask(sql, &[]).await.unwrap()[0][0].clone().unwrap()
}

#[tokio::test]
async fn it_knows_who_answers_and_as_whom() {
    let Some(lab) = Lab::new().await else { return };
    let session = lab.session().await;
    let wanted = lab
        .admin
        .query_one("SELECT system_identifier::text, version() FROM pg_control_system()", &[])
        .await
        .unwrap();
    let identity = session.identity();
    assert_eq!(identity.system_identifier.as_deref().unwrap(), wanted.get::<_, &str>(0));
    let version: &str = wanted.get(1);
    assert!(version.starts_with(&format!("PostgreSQL {}", identity.version())), "{version}");
    assert_eq!((&identity.database, &identity.session_role), (&lab.database, &lab.observer));
    assert_eq!((identity.powers.len(), identity.standby), (0, false));
    assert_eq!(
        one(&session, "SELECT current_setting('application_name')").await,
        "countersign-observer"
    );
}

#[tokio::test]
async fn a_refused_question_does_not_poison_the_next() {
    let Some(lab) = Lab::new().await else { return };
    lab.run("CREATE TABLE secret (n int); CREATE TABLE hidden (n int); GRANT SELECT ON hidden TO OBSERVER; \
             ALTER TABLE hidden ENABLE ROW LEVEL SECURITY").await;
    let session = lab.session().await;
    for (sql, reason) in [
        ("SELECT n::text FROM public.secret", Reason::PermissionDenied),
        ("SELECT n::text FROM public.hidden", Reason::RowSecurity),
        ("SELECT n::text FROM public.absent", Reason::QueryFailed),
        ("SELECT n::text FROM secret", Reason::QueryFailed),
        ("SELEC", Reason::QueryFailed),
        ("SELECT 1; SELECT 2", Reason::QueryFailed),
        ("SELECT 1", Reason::Malformed),
        ("CREATE TABLE public.made (n int)", Reason::QueryFailed),
    ] {
        assert_eq!(refused(session.ask(sql, &[]).await).0, reason, "{sql}");
        assert_eq!(one(&session, "SELECT 'still here'").await, "still here");
    }
}

#[tokio::test]
async fn locks_and_slow_questions_end_at_their_limits() {
    let Some(lab) = Lab::new().await else { return };
    lab.run("CREATE TABLE t (n int); GRANT SELECT ON t TO OBSERVER").await;
    let limits = Limits { statement: Duration::from_millis(700), ..limits() };
    let session = lab.session_as(&lab.observer, limits).await.unwrap();
    let other = admin(&lab.server, &lab.database).await;
    other.batch_execute("BEGIN; LOCK TABLE t IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let (reason, detail) = refused(session.ask("SELECT count(*)::text FROM public.t", &[]).await);
    assert!(reason == Reason::Locked && detail.contains("migration"), "{detail}");
    other.batch_execute("ROLLBACK").await.unwrap();
    assert_eq!(one(&session, "SELECT count(*)::text FROM public.t").await, "0");
    let (reason, detail) = refused(session.ask("SELECT pg_sleep(600)::text", &[]).await);
    assert!(reason == Reason::Deadline && detail.contains("57014"), "{detail}");
    let slow = session.evaluate("SELECT pg_sleep(600)", SOME, Duration::from_millis(100)).await;
    assert_eq!(refused(slow).0, Reason::Deadline);
    assert_eq!(one(&session, "SELECT current_setting('statement_timeout')").await, "700ms");
}

#[tokio::test]
async fn whoever_stops_waiting_leaves_the_session_usable() {
    let Some(lab) = Lab::new().await else { return };
    let session = lab.session().await;
    let asking = session.ask("SELECT pg_sleep(0.3)::text", &[]);
    assert!(tokio::time::timeout(Duration::from_millis(20), asking).await.is_err());
    assert_eq!(one(&session, "SELECT 'still here'").await, "still here");
    assert_eq!(refused(session.ask("SELECT 1/0 || ''", &[]).await).0, Reason::QueryFailed);
    assert_eq!(one(&session, "SELECT 'still here'").await, "still here");
}

#[tokio::test]
async fn all_answers_come_from_one_snapshot() {
    let Some(lab) = Lab::new().await else { return };
    lab.run("CREATE TABLE t AS SELECT 1 AS n; GRANT SELECT ON t TO OBSERVER").await;
    let session = lab.session().await;
    let count = "SELECT count(*)::text FROM public.t";
    assert_eq!(one(&session, count).await, "1");
    lab.run("INSERT INTO t VALUES (2)").await;
    assert_eq!(one(&session, count).await, "1");
    assert_eq!(one(&lab.session().await, count).await, "2");
}

#[tokio::test]
async fn of_all_statements_only_one_that_reads_can_be_evaluated() {
    let Some(lab) = Lab::new().await else { return };
    lab.run("CREATE TABLE t AS SELECT 1 AS n; GRANT ALL ON t TO OBSERVER; GRANT CREATE ON SCHEMA public TO OBSERVER; \
             CREATE PROCEDURE p() LANGUAGE plpgsql AS 'BEGIN COMMIT; END'; \
             CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'INSERT INTO public.t VALUES (3) RETURNING n'; \
             CREATE SEQUENCE s; GRANT ALL ON SEQUENCE s TO OBSERVER").await;
    let session = lab.session().await;
    let snapshot = "SELECT pg_current_snapshot()::text || current_setting('transaction_read_only')";
    let before = one(&session, snapshot).await;
    for hostile in [
        "commit",
        "rollback",
        "COMMIT AND CHAIN",
        "",
        "-- nothing",
        "SELECT 1; COMMIT",
        "SELECT 1; ROLLBACK; INSERT INTO public.t VALUES (9)",
        "INSERT INTO public.t VALUES (2)",
        "INSERT INTO public.t VALUES (2) RETURNING n",
        "DELETE FROM public.t",
        "WITH w AS (INSERT INTO public.t VALUES (2) RETURNING n) SELECT * FROM w",
        "WITH w AS (DELETE FROM public.t RETURNING n) SELECT * FROM w",
        "COPY public.t TO STDOUT",
        "COPY public.t FROM STDIN",
        "CALL public.p()",
        "DO 'BEGIN COMMIT; END'",
        "SELECT 1 INTO public.made",
        "SELECT n FROM public.t FOR UPDATE",
        "SELECT public.f()",
        "SELECT nextval('public.s')",
        "SELECT set_config('transaction_read_only', 'off', false)",
        "SELECT set_config('transaction_isolation', 'read committed', true)",
        "SET statement_timeout = 0",
        "LOCK TABLE public.t",
        "EXPLAIN ANALYZE DELETE FROM public.t",
        "PREPARE x AS SELECT 1",
        "SELECT $1::text",
        "SELECT 1) TO STDOUT; COMMIT; --",
        "LISTEN x",
        "RELEASE SAVEPOINT countersign_question",
    ] {
        let refused = session.evaluate(hostile, SOME, SOON).await;
        assert!(refused.is_err(), "{hostile}: {refused:?}");
        assert_eq!(one(&session, snapshot).await, before, "{hostile}");
    }
    let (reason, detail) = refused(session.evaluate("SELECT $1::text", SOME, SOON).await);
    assert_eq!(reason, Reason::QueryFailed, "{detail}");
    for (fine, value) in [
        ("SELECT n FROM public.t", "1"),
        ("SELECT 7 -- with a comment", "7"),
        ("SELECT 8;", "8"),
        ("VALUES (9)", "9"),
        ("WITH w AS (SELECT 5 AS n) SELECT n FROM w", "5"),
        ("TABLE public.t", "1"),
        ("SELECT '{1,2}'::int[]", "{1,2}"),
        ("SELECT true", "t"),
    ] {
        let found = session.evaluate(fine, SOME, SOON).await.unwrap();
        assert_eq!(found, Found::Rows(vec![vec![Some(value.to_owned())]]), "{fine}");
    }
    let left = lab
        .admin
        .query_one("SELECT count(*), (SELECT is_called FROM s) FROM t", &[])
        .await
        .unwrap();
    assert_eq!((left.get::<_, i64>(0), left.get::<_, bool>(1)), (1, false));
}

#[tokio::test]
async fn a_setting_that_a_query_changes_is_undone_with_it() {
    let Some(lab) = Lab::new().await else { return };
    let session = lab.session().await;
    for name in ["row_security", "statement_timeout", "search_path", "role"] {
        let show = format!("SELECT current_setting('{name}')");
        let before = one(&session, &show).await;
        let value = if name == "row_security" { "on" } else { "0" };
        let value = if name == "role" { &lab.observer } else { value };
        let set = format!("SELECT set_config('{name}', '{value}', false)");
        session.evaluate(&set, SOME, SOON).await.unwrap();
        assert_eq!(one(&session, &show).await, before, "{name}");
    }
}

#[tokio::test]
async fn a_powerful_role_evaluates_nothing() {
    let Some(lab) = Lab::new().await else { return };
    let roles = [
        ("SUPERUSER", "", "superuser"),
        ("CREATEROLE", "", "createrole"),
        ("REPLICATION", "", "replication"),
        ("CREATEDB", "", "createdb"),
        ("", "pg_execute_server_program", "pg_execute_server_program"),
        ("", "pg_signal_backend", "pg_signal_backend"),
        ("NOINHERIT", "pg_write_all_data", "pg_write_all_data"),
        ("", "pg_read_server_files", "pg_read_server_files"),
    ];
    for (number, (attribute, member_of, power)) in roles.into_iter().enumerate() {
        let role = format!("{}_{number}", lab.observer);
        if lab.major < 14 && member_of == "pg_write_all_data" {
            continue;
        }
        lab.run(&format!("CREATE ROLE {role} LOGIN {attribute}")).await;
        if !member_of.is_empty() {
            // Through a role in between, which an expression could switch to.
            lab.run(&format!(
                "CREATE ROLE {role}_g; GRANT {member_of} TO {role}_g; GRANT {role}_g TO {role}"
            ))
            .await;
        }
        let session = lab.session_as(&role, limits()).await.unwrap();
        let (reason, detail) = refused(session.evaluate("SELECT 1", SOME, SOON).await);
        assert_eq!(reason, Reason::ObserverTooPowerful, "{role}");
        assert!(detail.contains(power), "{detail}");
    }
    lab.run("ALTER ROLE OBSERVER BYPASSRLS; GRANT pg_monitor TO OBSERVER").await;
    assert!(lab.session().await.evaluate("SELECT 1", SOME, SOON).await.is_ok());
}

#[tokio::test]
async fn every_answer_is_bounded() {
    let Some(lab) = Lab::new().await else { return };
    let session = lab.session().await;
    let rows = session.evaluate("SELECT generate_series(1, 101)", SOME, SOON).await;
    assert_eq!(refused(rows).0, Reason::TooLarge);
    let all = session.evaluate("SELECT generate_series(1, 100)", SOME, SOON).await.unwrap();
    assert!(matches!(all, Found::Rows(rows) if rows.len() == 100));
    let wide = session.evaluate("SELECT repeat('x', 1048577)", SOME, SOON).await;
    assert_eq!(refused(wide).0, Reason::TooLarge);
    let count = session.evaluate("SELECT generate_series(1, 5000)", Amount::Count, SOON).await;
    assert_eq!(count.unwrap(), Found::Count(5000));
    let series = "SELECT generate_series(1, 200000)::text";
    assert_eq!(refused(session.ask(series, &[]).await).0, Reason::TooLarge);
    assert_eq!(one(&session, "SELECT 'still here'").await, "still here");
    // One value that would fill the memory ends the session instead, and the reason says why.
    let huge = refused(session.evaluate("SELECT repeat('x', 50000000)", SOME, SOON).await);
    assert_eq!(huge.0, Reason::TooLarge, "{huge:?}");
    assert_eq!(refused(session.ask("SELECT 'x'", &[]).await).0, Reason::Unreachable);
}

#[tokio::test]
async fn a_server_that_goes_away_is_unknown_now_and_later() {
    let Some(server) = started(&Options::default()) else { return };
    let open = || async {
        let settings = Settings::parse(&server.url("postgres", "postgres"), None).unwrap();
        Session::open(&settings, limits()).await
    };
    let (closed, killed, stopped) =
        (open().await.unwrap(), open().await.unwrap(), open().await.unwrap());
    closed.close().await;
    assert_eq!(refused(closed.ask("SELECT 'x'", &[]).await).0, Reason::Unreachable);
    let pid = one(&killed, "SELECT pg_backend_pid()::text").await;
    one(&stopped, &format!("SELECT pg_terminate_backend({pid})::text")).await;
    for _ in 0..2 {
        assert_eq!(refused(killed.ask("SELECT 'x'", &[]).await).0, Reason::Unreachable);
    }
    let log = std::fs::read_to_string(server.home().join("log")).unwrap();
    assert!(!log.contains("unexpected EOF"), "{log}");
    let settings = Settings::parse(&server.url("postgres", "postgres"), None).unwrap();
    server.stop().unwrap();
    for _ in 0..2 {
        assert_eq!(refused(stopped.ask("SELECT 'x'", &[]).await).0, Reason::Unreachable);
    }
    assert_eq!(refused(Session::open(&settings, limits()).await).0, Reason::Unreachable);
}

#[tokio::test]
async fn a_server_that_falls_silent_is_given_up() {
    let Some(lab) = Lab::new().await else { return };
    let folder = tempfile::tempdir().unwrap();
    let listener = UnixListener::bind(folder.path().join(".s.PGSQL.5432")).unwrap();
    let real = lab.server.socket_folder().join(".s.PGSQL.5432");
    // Passes bytes on until it is dropped mid-way with both ends open.
    let (silence, silent) = tokio::sync::oneshot::channel::<()>();
    let proxy = tokio::spawn(async move {
        let (mut near, _) = listener.accept().await.unwrap();
        let mut far = UnixStream::connect(real).await.unwrap();
        tokio::select! {
            _ = tokio::io::copy_bidirectional(&mut near, &mut far) => {}
            _ = silent => std::future::pending::<()>().await,
        }
    });
    let host = folder.path().display();
    let url = format!("postgres://{}@/{}?host={host}", lab.observer, lab.database);
    let limits = Limits { statement: Duration::from_millis(500), ..limits() };
    let session = Session::open(&Settings::parse(&url, None).unwrap(), limits).await.unwrap();
    assert_eq!(one(&session, "SELECT 'x'").await, "x");
    silence.send(()).unwrap();
    let (reason, detail) = refused(session.ask("SELECT 'x'", &[]).await);
    assert!(reason == Reason::Deadline && detail.contains("0.5 s"), "{detail}");
    assert_eq!(refused(session.ask("SELECT 'x'", &[]).await).0, Reason::Unreachable);
    proxy.abort();
}

#[tokio::test]
async fn a_wrong_database_role_or_password_is_no_session() {
    let Some(lab) = Lab::new().await else { return };
    let open = |role: &str, database: &str| {
        let settings = Settings::parse(&lab.server.url(role, database), None).unwrap();
        async move { refused(Session::open(&settings, limits()).await) }
    };
    assert_eq!(open("nobody_known", "postgres").await.0, Reason::PermissionDenied);
    assert_eq!(open(&lab.observer, "no_such_database").await.0, Reason::Unreachable);
}

#[tokio::test]
async fn a_silent_or_babbling_listener_is_unknown_in_time() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let quick = Limits { connect: Duration::from_millis(300), ..limits() };
    for mode in ["disable", "prefer", "require", "verify-full"] {
        let url = format!("postgres://u@127.0.0.1:{port}/d?sslmode={mode}");
        let settings = Settings::parse(&url, None).unwrap();
        let begun = Instant::now();
        let (reason, detail) = refused(Session::open(&settings, quick).await);
        assert!(reason == Reason::Deadline && begun.elapsed() < SOON, "{mode}: {detail}");
        let babbler = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = url.replace(&port.to_string(), &babbler.local_addr().unwrap().port().to_string());
        let settings = Settings::parse(&url, None).unwrap();
        let (opened, ()) = tokio::join!(Session::open(&settings, limits()), async {
            let (mut stream, _) = babbler.accept().await.unwrap();
            stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        });
        let (reason, detail) = refused(opened);
        assert_eq!(reason, Reason::Unreachable, "{mode}: {detail}");
    }
    drop(listener);
    let settings = Settings::parse(&format!("postgres://u@127.0.0.1:{port}/d"), None).unwrap();
    assert_eq!(refused(Session::open(&settings, limits()).await).0, Reason::Unreachable);
}
