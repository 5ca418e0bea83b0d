//! The kinds of a database, asked of a real one.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use countersign::config::{Policy, SmokePolicy};
use countersign::kinds::{Files, Spec, Stored, kind};
use countersign::model::{Comparison, Reason, Unknown};
use countersign::probe::host::Host;
use countersign::probe::{Database, World};
use serde_json::{Value, json};

use crate::lab::{Lab, admin, limits};
use crate::program::skipped;

struct NoFiles;

impl Files for NoFiles {
    fn read(&self, path: &str) -> Result<Arc<[u8]>, String> {
        Err(format!("no file `{path}`"))
    }
}

pub(crate) fn world(database: Database) -> World {
    World {
        host: Arc::new(Host::open(Path::new("/"), Policy::nothing()).unwrap()),
        databases: BTreeMap::from([("lab".to_owned(), database)]),
        caches: None,
        progress: Arc::default(),
        now: "2026-05-21T06:28:50Z".parse().unwrap(),
        deadline: Duration::from_mins(1),
        threads: countersign::probe::Threads::Exactly(1),
        smoke: SmokePolicy::nothing(),
    }
}

pub(crate) async fn lab_world(lab: &Lab) -> World {
    world(Ok(lab.session().await))
}

pub(crate) fn specs(name: &str, tables: &[(&str, Value)]) -> Vec<(String, Arc<dyn Spec>)> {
    let entry = kind(name).unwrap();
    let spec = |(key, table): &(&str, Value)| {
        let mut table = table.clone();
        if table.get("database").is_none() {
            table["database"] = json!("lab");
        }
        let mut problems = Vec::new();
        let spec = entry.read(table).unwrap().prepare(key, &NoFiles, &mut problems);
        assert_eq!(problems, [], "{key}");
        ((*key).to_owned(), spec)
    };
    tables.iter().map(spec).collect()
}

pub(crate) async fn observed(world: &World, name: &str, tables: &[(&str, Value)]) -> Stored {
    kind(name).unwrap().observe(world, &specs(name, tables)).await
}

/// What comparing one resource finds.
pub(crate) async fn compared(
    world: &World,
    name: &str,
    table: Value,
) -> Result<Comparison, Unknown> {
    let specs = specs(name, &[("label", table)]);
    let answer = kind(name).unwrap().observe(world, &specs).await.remove("label").unwrap();
    specs[0].1.diff("label", &answer?)
}

pub(crate) fn reason(stored: &Stored, name: &str) -> Reason {
    stored[name].as_ref().expect_err(name).reason
}

/// One of each kind of relation, and one of each reason for not seeing it.
const ZOO: &str = "CREATE SCHEMA closed; CREATE TABLE closed.t (n int); GRANT SELECT ON closed.t TO OBSERVER; \
         CREATE TABLE three AS SELECT generate_series(1, 3) AS n; CREATE TABLE denied (n int); \
         CREATE TABLE by_column (a int, b int); INSERT INTO by_column VALUES (1, 2); \
         GRANT SELECT (a) ON by_column TO OBSERVER; \
         CREATE TABLE hidden AS SELECT 1 AS n; ALTER TABLE hidden ENABLE ROW LEVEL SECURITY; \
         CREATE VIEW seen AS SELECT * FROM three; CREATE VIEW unseen INVOKER AS SELECT * FROM denied; \
         CREATE MATERIALIZED VIEW stored AS SELECT * FROM three; CREATE INDEX three_n ON three (n); \
         CREATE TABLE parts (n int) PARTITION BY RANGE (n); CREATE TABLE part PARTITION OF parts DEFAULT; \
         INSERT INTO parts VALUES (1), (2); CREATE SEQUENCE numbers; \
         CREATE SCHEMA \"odd.schema\"; GRANT USAGE ON SCHEMA \"odd.schema\" TO OBSERVER; \
         CREATE TABLE \"odd.schema\".\"a\"\"; DROP TABLE x; --\" AS SELECT 1 AS n; \
         CREATE EXTENSION postgres_fdw; CREATE SERVER far FOREIGN DATA WRAPPER postgres_fdw; \
         CREATE FOREIGN TABLE foreign_t (n int) SERVER far; \
         CREATE TABLE mixed (n int) PARTITION BY RANGE (n); CREATE TABLE mixed_1 PARTITION OF mixed \
             FOR VALUES FROM (0) TO (9) PARTITION BY RANGE (n); \
         CREATE FOREIGN TABLE mixed_2 PARTITION OF mixed_1 DEFAULT SERVER far; \
         GRANT SELECT ON mixed, three, hidden, seen, unseen, stored, parts, numbers, foreign_t, \
             \"odd.schema\".\"a\"\"; DROP TABLE x; --\" TO OBSERVER";

#[tokio::test]
async fn rows_are_counted_or_the_reason_is_named() {
    let Some(lab) = Lab::new().await else { return };
    // A view acts with the rights of whoever asks only since version 15.
    let by_invoker = lab.major >= 15;
    lab.run(&ZOO.replace("INVOKER", if by_invoker { "WITH (security_invoker)" } else { "" })).await;
    let keys = [
        "public.three",
        "public.absent",
        "absent.three",
        "public.denied",
        "closed.t",
        "public.by_column",
        "public.hidden",
        "public.seen",
        "public.unseen",
        "public.stored",
        "public.parts",
        "public.three_n",
        "public.numbers",
        "public.foreign_t",
        "public.mixed",
        "pg_catalog.pg_class",
        r#""odd.schema"."a""; DROP TABLE x; --""#,
    ];
    let tables: Vec<(&str, Value)> = keys.iter().map(|key| (*key, json!({"rows": 3}))).collect();
    let stored = observed(&lab_world(&lab).await, "row_count", &tables).await;
    for (key, rows) in [
        ("public.three", json!(3)),
        ("public.absent", Value::Null),
        ("absent.three", Value::Null),
        ("public.by_column", json!(1)),
        ("public.seen", json!(3)),
        ("public.stored", json!(3)),
        ("public.parts", json!(2)),
        (keys[16], json!(1)),
    ] {
        assert_eq!(stored[key], Ok(rows), "{key}");
    }
    assert!(stored["pg_catalog.pg_class"].is_ok());
    for (key, why) in [
        ("public.denied", Reason::PermissionDenied),
        ("closed.t", Reason::PermissionDenied),
        ("public.hidden", Reason::RowSecurity),
        ("public.three_n", Reason::NotSupported),
        ("public.numbers", Reason::NotSupported),
        ("public.foreign_t", Reason::NotSupported),
        ("public.mixed", Reason::NotSupported),
    ] {
        assert_eq!(reason(&stored, key), why, "{key}");
    }
    if by_invoker {
        assert_eq!(reason(&stored, "public.unseen"), Reason::PermissionDenied);
    } else {
        assert_eq!(stored["public.unseen"], Ok(json!(0)));
    }
    lab.run("ALTER ROLE OBSERVER BYPASSRLS").await;
    let stored = observed(&lab_world(&lab).await, "row_count", &tables).await;
    assert_eq!(stored["public.hidden"], Ok(json!(1)));
}

#[tokio::test]
async fn a_view_over_hidden_rows_is_not_a_smaller_table() {
    let Some(lab) = Lab::new().await else { return };
    if lab.major < 15 {
        return skipped(
            "a view with the rights of its invoker",
            "there are none before version 15",
        );
    }
    lab.run("CREATE TABLE t AS SELECT 1 AS n; ALTER TABLE t ENABLE ROW LEVEL SECURITY; \
             CREATE VIEW v WITH (security_invoker) AS SELECT * FROM t; GRANT SELECT ON t, v TO OBSERVER").await;
    let stored =
        observed(&lab_world(&lab).await, "row_count", &[("public.v", json!({"rows": 0}))]).await;
    assert_eq!(reason(&stored, "public.v"), Reason::RowSecurity);
}

#[tokio::test]
async fn a_thousand_tables_cost_two_questions_and_a_sick_one_costs_only_itself() {
    let Some(lab) = Lab::new().await else { return };
    lab.run("DO $$ BEGIN FOR n IN 1..1000 LOOP EXECUTE format('CREATE TABLE t%s (n int)', n); END LOOP; END $$; \
             INSERT INTO t7 VALUES (1), (2); GRANT SELECT ON ALL TABLES IN SCHEMA public TO OBSERVER").await;
    let keys: Vec<String> = (1..=1000).map(|n| format!("public.t{n}")).collect();
    let tables: Vec<(&str, Value)> =
        keys.iter().map(|k| (k.as_str(), json!({"rows": 0}))).collect();
    let world = lab_world(&lab).await;
    let stored = observed(&world, "row_count", &tables).await;
    assert_eq!(world.database("lab").unwrap().questions().await, 2);
    assert!(
        stored.iter().all(|(key, rows)| *rows == Ok(json!(if key == "public.t7" { 2 } else { 0 })))
    );
    let other = admin(&lab.server, &lab.database).await;
    other.batch_execute("BEGIN; LOCK TABLE t3 IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let stored = observed(&lab_world(&lab).await, "row_count", &tables[..9]).await;
    assert_eq!(reason(&stored, "public.t3"), Reason::Locked);
    assert_eq!(stored.values().filter(|answer| answer.is_ok()).count(), 8);
    assert_eq!(stored["public.t7"], Ok(json!(2)));
}

#[tokio::test]
async fn without_a_session_each_resource_says_why() {
    let why = Unknown::new(Reason::IdentityUnverified, "another cluster");
    for (name, table) in [
        ("row_count", json!({"rows": 1})),
        ("query", json!({"sql": "SELECT 1", "value": 1})),
        ("pg_server", json!({"version": "16"})),
    ] {
        let key = "public.t";
        let missing = world(Err(why.clone()));
        assert_eq!(observed(&missing, name, &[(key, table.clone())]).await[key], Err(why.clone()));
        let mut elsewhere = table;
        elsewhere["database"] = json!("elsewhere");
        let stored = observed(&missing, name, &[(key, elsewhere)]).await;
        assert_eq!(reason(&stored, key), Reason::NotConfigured, "{name}");
    }
}

#[tokio::test]
async fn the_time_for_all_is_bounded() {
    let Some(lab) = Lab::new().await else { return };
    lab.run("CREATE TABLE a (n int); CREATE TABLE b (n int); GRANT SELECT ON a, b TO OBSERVER")
        .await;
    let other = admin(&lab.server, &lab.database).await;
    other.batch_execute("BEGIN; LOCK TABLE a, b IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let patient =
        countersign::probe::postgres::Limits { lock: Duration::from_secs(25), ..limits() };
    let mut world = world(lab.session_as(&lab.observer, patient).await);
    world.deadline = Duration::from_millis(300);
    let begun = std::time::Instant::now();
    let tables = [("public.a", json!({"rows": 0})), ("public.b", json!({"rows": 0}))];
    let stored = observed(&world, "row_count", &tables).await;
    for key in ["public.a", "public.b"] {
        assert_eq!(reason(&stored, key), Reason::Deadline);
    }
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_powerful_observer_counts_tables_and_evaluates_nothing() {
    let Some(lab) = Lab::new().await else { return };
    lab.run("CREATE TABLE t AS SELECT 1 AS n; CREATE VIEW v AS SELECT * FROM t").await;
    let world = world(lab.session_as("postgres", limits()).await);
    let tables = [("public.t", json!({"rows": 1})), ("public.v", json!({"rows": 1}))];
    let stored = observed(&world, "row_count", &tables).await;
    assert_eq!(stored["public.t"], Ok(json!(1)));
    assert_eq!(reason(&stored, "public.v"), Reason::ObserverTooPowerful);
    let query = json!({"sql": "SELECT 1", "value": 1});
    let unknown = compared(&world, "query", query).await.unwrap_err();
    assert_eq!(unknown.reason, Reason::ObserverTooPowerful);
}

#[tokio::test]
async fn a_server_is_compared() {
    let Some(lab) = Lab::new().await else { return };
    let database = &lab.database;
    lab.run(&format!("ALTER DATABASE {database} SET app.mode = 'strict'")).await;
    let world = lab_world(&lab).await;
    let identity = world.database("lab").unwrap().identity().clone();
    let right = json!({
        "system_identifier": identity.system_identifier.unwrap(), "version": (identity.version_number / 10_000).to_string(),
        "settings": {"max_connections": "60", "datestyle": "ISO, MDY", "fsync": "off", "app.mode": "strict", "wal_segment_size": "16MB"},
    });
    let found = compared(&world, "pg_server", right).await.unwrap();
    assert!(found.differences.is_empty() && found.blind.is_empty(), "{found:?}");
    let wrong = json!({
        "system_identifier": "1", "version": "9", "settings": {"fsync": "on", "data_directory": "/x", "no_such": "x", "app.unset": "x"},
        "pending_restart": false,
    });
    let found = compared(&world, "pg_server", wrong).await.unwrap();
    let fields: Vec<&str> = found.differences.iter().map(|d| d.field.as_str()).collect();
    let wanted = ["system_identifier", "version", "settings.app.unset", "settings.fsync"];
    assert_eq!(fields, wanted);
    let blind: Vec<&str> = found.blind.iter().map(|blind| blind.field.as_str()).collect();
    assert_eq!(blind, ["settings.data_directory", "settings.no_such", "pending_restart"]);
}

#[tokio::test]
async fn queries_are_compared() {
    let Some(lab) = Lab::new().await else { return };
    lab.run("CREATE TYPE mood AS ENUM ('fine'); CREATE TABLE t AS SELECT n, n > 1 AS big, 'fine'::mood AS mood \
             FROM generate_series(1, 2) n; GRANT SELECT ON t TO OBSERVER").await;
    let world = lab_world(&lab).await;
    for table in [
        json!({"sql": "SELECT count(*) FROM public.t", "value": 2}),
        json!({"sql": "SELECT 2::numeric(9,4)", "value": 2}),
        json!({"sql": "SELECT 1e20::float8", "value": 1e20}),
        json!({"sql": "SELECT NULL", "null": true}),
        json!({"sql": "SELECT E'a\\nb'", "value": "a\nb"}),
        json!({"sql": "SELECT * FROM public.t ORDER BY n", "rows": [[1, false, "fine"], [2, true, "fine"]]}),
        json!({"sql": "SELECT * FROM public.t", "row_count": 2, "deadline": "10s"}),
        json!({"sql": "SELECT 'canary'", "value": "canary", "hide": true}),
    ] {
        let found = compared(&world, "query", table.clone()).await.unwrap();
        assert!(found.differences.is_empty() && found.blind.is_empty(), "{table}: {found:?}");
    }
    let found =
        compared(&world, "query", json!({"sql": "SELECT 'canary'", "value": "x", "hide": true}));
    let found = format!("{:?}", found.await.unwrap());
    assert!(found.contains("sha256:") && !found.contains("canary"), "{found}");
    let slow = json!({"sql": "SELECT pg_sleep(600)", "value": "", "deadline": "100ms"});
    let late = compared(&world, "query", slow).await.unwrap_err();
    assert_eq!(late.reason, Reason::Deadline);
    assert!(late.detail.ends_with("`deadline` of this query: 0.1 s"), "{}", late.detail);
    let many = json!({"sql": "SELECT generate_series(1, 101)", "rows": []});
    assert_eq!(compared(&world, "query", many).await.unwrap_err().reason, Reason::TooLarge);
    let commit = json!({"sql": "commit", "value": 1});
    assert_eq!(
        compared(&world, "query", commit.clone()).await.unwrap_err().reason,
        Reason::QueryFailed
    );
    world.close().await;
    assert_eq!(compared(&world, "query", commit).await.unwrap_err().reason, Reason::Unreachable);
}
