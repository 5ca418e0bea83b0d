//! Functions and triggers of a real server: the snapshot that the server ignores, locks, odd names, no rights, and adopt.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use countersign::config::{Policy, SmokePolicy};
use countersign::kinds::{Files, Stored, kind};
use countersign::model::{Comparison, Reason, RelationName, Unknown};
use countersign::probe::Threads;
use countersign::probe::catalog::{Function, Look, Object, Scope, Trigger, look};
use countersign::probe::host::Host;
use countersign::probe::postgres::{Param, Session};
use serde_json::{Value, json};

use crate::lab::{Lab, admin};
use crate::program::skipped;
use crate::program::{self, Ran, World};

struct NoFiles;

impl Files for NoFiles {
    fn read(&self, path: &str) -> Result<Arc<[u8]>, String> {
        Err(format!("no file `{path}`"))
    }
}

fn around(session: Session) -> countersign::probe::World {
    countersign::probe::World {
        host: Arc::new(Host::open(Path::new("/"), Policy::nothing()).unwrap()),
        databases: BTreeMap::from([("lab".to_owned(), Ok(session))]),
        caches: None,
        progress: Arc::default(),
        now: "2026-05-21T06:28:50Z".parse().unwrap(),
        deadline: Duration::from_mins(1),
        threads: Threads::Exactly(1),
        smoke: SmokePolicy::nothing(),
    }
}

/// What comparing each table with what is there finds.
async fn compared(
    world: &countersign::probe::World,
    name: &str,
    tables: &[(&str, Value)],
) -> BTreeMap<String, Result<Comparison, Unknown>> {
    let entry = kind(name).unwrap();
    let spec = |(key, table): &(&str, Value)| {
        let mut table = table.clone();
        table["database"] = json!("lab");
        let mut problems = Vec::new();
        let spec = entry.read(table).unwrap().prepare(key, &NoFiles, &mut problems);
        assert_eq!(problems, [], "{key}");
        ((*key).to_owned(), spec)
    };
    let specs: Vec<_> = tables.iter().map(spec).collect();
    let mut stored: Stored = entry.observe(world, &specs).await;
    let judged = |(name, spec): &(String, Arc<dyn countersign::kinds::Spec>)| {
        let answer = stored.remove(name).unwrap();
        (name.clone(), answer.and_then(|answer| spec.diff(name, &answer)))
    };
    specs.iter().map(judged).collect()
}

/// `in sync`, the fields that differ, or the reason for not knowing.
fn told(found: &Result<Comparison, Unknown>) -> String {
    match found {
        Err(unknown) => unknown.reason.to_string(),
        Ok(found) => {
            let differ = found.differences.iter().map(|difference| difference.field.clone());
            let blind = found.blind.iter().map(|b| format!("{}: {}", b.field, b.unknown.reason));
            let told: Vec<String> = differ.chain(blind).collect();
            if told.is_empty() { "in sync".to_owned() } else { told.join(", ") }
        }
    }
}

/// A world of the program whose one database is this laboratory.
fn program_world(lab: &Lab, desired: &str) -> World {
    let world = World::wanting(desired);
    let host = "[host]\nidentity = { hostname = \"testhost\" }\n[database.lab]\n";
    world.desired("hosts/a/host.toml", host);
    let url = lab.server.url(&lab.observer, &lab.database);
    world.write("config.toml", format!("[database.lab]\nobserver = {{ url = {url:?} }}\n"));
    world
}

fn check(world: &World, more: &[&str]) -> Ran {
    let config = world.path("config.toml");
    world.check(&[&["--config", config.to_str().unwrap()], more].concat())
}

/// One row, and two states of it: the column of the snapshot, and what the server writes.
const TRAP: &str = "SELECT p.prosrc, pg_catalog.pg_get_functiondef(p.oid) FROM pg_catalog.pg_proc p WHERE p.proname = $1";

#[tokio::test]
async fn what_changed_after_the_snapshot_is_unknown_and_everything_else_is_told() {
    let Some(lab) = Lab::new().await else { return };
    lab.run(
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'; CREATE FUNCTION gone() RETURNS int LANGUAGE sql AS 'SELECT 1'; \
         CREATE FUNCTION still() RETURNS int LANGUAGE sql AS 'SELECT 1'; CREATE FUNCTION back() RETURNS int LANGUAGE sql AS 'SELECT 1'; \
         CREATE FUNCTION open() RETURNS int LANGUAGE sql AS 'SELECT 1'; \
         CREATE TABLE t (n int); CREATE TABLE u (n int); CREATE FUNCTION g() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN END'; \
         CREATE TRIGGER a BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION g(); \
         CREATE TRIGGER b BEFORE INSERT ON u FOR EACH ROW EXECUTE FUNCTION g()",
    )
    .await;
    let session = lab.session().await;
    lab.run(
        "CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 2'; DROP FUNCTION gone(); \
         ALTER TABLE t DISABLE TRIGGER a; CREATE FUNCTION later() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    )
    .await;
    lab.run("BEGIN; ALTER FUNCTION back() STRICT; ROLLBACK").await;
    let other = admin(&lab.server, &lab.database).await;
    other.batch_execute("BEGIN; ALTER FUNCTION open() STRICT").await.unwrap();
    let trap = session.ask(TRAP, &[Param::Text("f")]).await.unwrap();
    let [Some(body), Some(definition)] = &trap[0][..] else { panic!("{trap:?}") };
    assert!(body == "SELECT 1" && definition.contains("SELECT 2"), "{trap:?}");
    let trap = session.ask(TRAP, &[Param::Text("gone")]).await.unwrap();
    assert_eq!(trap, [[Some("SELECT 1".to_owned()), None]]);
    let world = around(session);
    let body = json!({"body": "SELECT 1", "definition_md5": "0".repeat(32)});
    let tables =
        ["f", "gone", "still", "back", "open", "later"].map(|name| format!("public.{name}()"));
    let tables: Vec<(&str, Value)> =
        tables.iter().map(|key| (key.as_str(), body.clone())).collect();
    let found = compared(&world, "pg_function", &tables).await;
    let told_of = |name: &str| told(&found[&format!("public.{name}()")]);
    assert_eq!(told_of("f"), "changed_while_reading");
    assert_eq!(told_of("gone"), "changed_while_reading");
    for name in ["still", "back", "open"] {
        assert_eq!(told_of(name), "definition_md5", "{name}");
    }
    assert_eq!(told_of("later"), "presence");
    let list = json!({"only": ["public.f()", "public.gone()", "public.still()", "public.back()", "public.open()", "public.g()"]});
    assert_eq!(
        told(&compared(&world, "pg_function", &[("public.*", list)]).await["public.*"]),
        "in sync"
    );
    let fires = json!({"enabled": "origin"});
    let found =
        compared(&world, "pg_trigger", &[("public.t.a", fires.clone()), ("public.u.b", fires)])
            .await;
    assert_eq!(told(&found["public.t.a"]), "changed_while_reading");
    assert_eq!(told(&found["public.u.b"]), "in sync");
}

#[tokio::test]
async fn behind_a_migration_only_what_needs_the_table_is_unknown() {
    let Some(lab) = Lab::new().await else { return };
    if lab.major < 14 {
        return skipped("standard bodies behind a lock", "there are none before version 14");
    }
    lab.run(
        "CREATE TABLE held (n int); CREATE TABLE free (n int); \
         CREATE FUNCTION g() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN END'; \
         CREATE FUNCTION plain() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM public.held'; \
         CREATE FUNCTION standard() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM held; END; \
         CREATE FUNCTION standard_free() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM free; END; \
         CREATE TRIGGER a BEFORE INSERT ON held FOR EACH ROW WHEN (new.n > 0) EXECUTE FUNCTION g(); \
         CREATE TRIGGER b BEFORE INSERT ON held FOR EACH ROW EXECUTE FUNCTION g(); \
         CREATE TRIGGER c BEFORE INSERT ON free FOR EACH ROW WHEN (new.n > 0) EXECUTE FUNCTION g()",
    )
    .await;
    let other = admin(&lab.server, &lab.database).await;
    other.batch_execute("BEGIN; LOCK TABLE held IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let world = around(lab.session().await);
    let tables =
        ["plain", "standard", "standard_free", "absent"].map(|name| format!("public.{name}()"));
    let tables: Vec<(&str, Value)> =
        tables.iter().map(|key| (key.as_str(), json!({"language": "sql"}))).collect();
    let found = compared(&world, "pg_function", &tables).await;
    let all: Vec<String> = found.values().map(told).collect();
    // In the order of their names: absent, plain, standard, standard_free.
    assert_eq!(all, ["presence", "in sync", "locked", "in sync"]);
    let when = json!({"when": "(new.n > 0)"});
    let tables = [
        ("public.held.a", when.clone()),
        ("public.held.b", json!({"when": ""})),
        ("public.free.c", when),
        ("public.held.absent", json!({})),
        ("public.held.*", json!({"only": ["public.held.a", "public.held.b"]})),
    ];
    let found = compared(&world, "pg_trigger", &tables).await;
    for (name, expected) in [
        ("public.held.a", "locked"),
        ("public.held.b", "in sync"),
        ("public.free.c", "in sync"),
        ("public.held.absent", "presence"),
        ("public.held.*", "in sync"),
    ] {
        assert_eq!(told(&found[name]), expected, "{name}");
    }
    let desired = "[pg_trigger.\"public.held.a\"]\ndatabase = \"lab\"\n[pg_trigger.\"public.held.b\"]\ndatabase = \"lab\"\n\
                   [pg_function.\"public.standard()\"]\ndatabase = \"lab\"\n[pg_function.\"public.plain()\"]\ndatabase = \"lab\"\n";
    let report = check(&program_world(&lab, desired), &["--output", "json"]).ends_with(4).report();
    assert_eq!(report["summary"]["unknown"], 2, "{report}");
    assert_eq!(report["summary"]["in_sync"], 2, "{report}");
}

#[tokio::test]
async fn the_md5_of_a_definition_is_that_of_psql() {
    let Some(lab) = Lab::new().await else { return };
    // A body of the SQL standard from version 14 on, where its text is the server's.
    let body = if lab.major >= 14 { "BEGIN ATOMIC SELECT $1; END" } else { "AS 'SELECT $1'" };
    lab.run(
        &"CREATE TYPE pair AS (a int); CREATE SCHEMA s; CREATE TYPE s.pair AS (b int); \
         CREATE FUNCTION f(p pair, q s.pair DEFAULT NULL) RETURNS SETOF pair LANGUAGE sql AS 'SELECT 1'; \
         CREATE FUNCTION f(int) RETURNS int LANGUAGE sql STABLE BODY; \
         CREATE PROCEDURE s.p(INOUT n int) LANGUAGE plpgsql SET search_path = s AS 'BEGIN END'; \
         CREATE AGGREGATE s.agg(int) (SFUNC = int4pl, STYPE = int)"
            .replace("BODY", body),
    )
    .await;
    let world = around(lab.session().await);
    let keys = ["public.f(public.pair, s.pair)", "public.f(integer)", "s.p(integer)"];
    for path in ["\"$user\", public", "''"] {
        lab.run(&format!("SET search_path = {path}")).await;
        for key in keys {
            let sql = "SELECT md5(pg_get_functiondef($1::text::regprocedure))";
            let md5: String = lab.admin.query_one(sql, &[&key]).await.unwrap().get(0);
            let found =
                compared(&world, "pg_function", &[(key, json!({ "definition_md5": md5 }))]).await;
            assert_eq!(told(&found[key]), "in sync", "{key} with {path}");
        }
    }
    let wrong = json!({"definition_md5": "0".repeat(32)});
    let aggregate = compared(&world, "pg_function", &[("s.agg(integer)", wrong.clone())]).await;
    assert_eq!(told(&aggregate["s.agg(integer)"]), "definition_md5: not_supported");
    assert_eq!(
        told(&compared(&world, "pg_function", &[(keys[1], wrong)]).await[keys[1]]),
        "definition_md5"
    );
    // The search path that the digest was asked with is gone with its question.
    let path =
        world.database("lab").unwrap().ask("SELECT pg_catalog.current_setting('search_path')", &[]);
    assert_eq!(path.await.unwrap(), [[Some("\"\"".to_owned())]]);
}

const ODD: &str = "CREATE SCHEMA \"odd.s\"; CREATE TYPE \"odd.s\".\"ty,p\"\"e\" AS (a int); \
    CREATE FUNCTION \"odd.s\".\"f(x\"(\"odd.s\".\"ty,p\"\"e\", timestamp with time zone, text[]) RETURNS text LANGUAGE sql \
        AS 'SELECT ''\u{1b}[2J\u{202e}''\n  -- \u{1b}]0;x\u{7}\n'; \
    CREATE TABLE \"odd.s\".\"T.\"\"1\" (\"a b\" int); \
    CREATE FUNCTION \"odd.s\".g() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN END'; \
    CREATE TRIGGER \"x WHEN (y\" BEFORE UPDATE OF \"a b\" ON \"odd.s\".\"T.\"\"1\" FOR EACH ROW \
        WHEN (old.\"a b\" IS DISTINCT FROM new.\"a b\") EXECUTE FUNCTION \"odd.s\".g('\u{202e}', '')";

#[tokio::test]
async fn odd_names_are_found_and_hostile_text_is_escaped_without_any_right() {
    let Some(lab) = Lab::new().await else { return };
    lab.run(ODD).await;
    // Nothing of it may be used by the observer.
    lab.run("REVOKE ALL ON SCHEMA public FROM PUBLIC; REVOKE ALL ON ALL FUNCTIONS IN SCHEMA \"odd.s\" FROM PUBLIC").await;
    let desired = "[pg_function.'\"odd.s\".\"f(x\"(\"odd.s\".\"ty,p\"\"e\", timestamp with time zone, text[])']\ndatabase = \"lab\"\n\
                   body = \"SELECT 1\"\n[pg_trigger.'\"odd.s\".\"T.\"\"1\".\"x WHEN (y\"']\ndatabase = \"lab\"\n\
                   when = '(old.\"a b\" IS DISTINCT FROM new.\"a b\")'\ncolumns = [\"a b\"]\narguments = [\"x\", \"\"]\n\
                   function = '\"odd.s\".g()'\n";
    let world = program_world(&lab, desired);
    let report = check(&world, &["--output", "json"]).ends_with(2).report();
    let fields: Vec<&str> = report["resources"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|resource| resource["differences"].as_array().unwrap())
        .map(|difference| difference["field"].as_str().unwrap())
        .collect();
    assert_eq!(fields, ["body", "arguments"], "{report}");
    for form in ["text", "markdown", "html", "junit", "sarif", "ndjson"] {
        let shown = check(&world, &["--output", form]).everything();
        for hostile in ['\u{1b}', '\u{202e}', '\u{7}'] {
            assert!(!shown.contains(hostile), "{form}: {shown:?}");
        }
    }
}

/// Everything that is stored of the objects of a class.
async fn stored<T: Object>(lab: &Lab, names: &[&str]) -> String {
    let names = names.iter().map(|name| RelationName::parse(name).unwrap()).collect();
    let looked: Look<T> = look(&lab.session().await, &Scope::Names(names)).await.unwrap();
    assert!(looked.blocked.is_empty(), "{:?}", looked.blocked);
    serde_json::to_string_pretty(&looked.found).unwrap()
}

#[tokio::test]
async fn two_databases_of_one_script_are_the_same() {
    const SCRIPT: &str = "CREATE TABLE t (id int PRIMARY KEY, u int UNIQUE DEFERRABLE); \
        CREATE TABLE r (t int CONSTRAINT fk REFERENCES t ON DELETE CASCADE, self int, id int PRIMARY KEY); \
        ALTER TABLE r ADD CONSTRAINT own FOREIGN KEY (self) REFERENCES r; \
        CREATE FUNCTION f(a timestamptz DEFAULT '2020-02-01 00:00Z'::timestamptz, VARIADIC b text[] DEFAULT ARRAY['\\']) RETURNS TABLE (c int) LANGUAGE sql AS 'SELECT 1'; \
        CREATE AGGREGATE rank_of(VARIADIC \"any\" ORDER BY VARIADIC \"any\") (SFUNC = ordered_set_transition_multi, \
            STYPE = internal, FINALFUNC = rank_final, FINALFUNC_EXTRA, HYPOTHETICAL); \
        CREATE AGGREGATE moving(int) (SFUNC = int4pl, STYPE = int, MSFUNC = int4pl, MINVFUNC = int4mi, MSTYPE = int, \
            COMBINEFUNC = int4pl, PARALLEL = SAFE, SORTOP = <)";
    let (Some(one), Some(two)) = (Lab::new().await, Lab::new().await) else { return };
    one.run(SCRIPT).await;
    two.run("CREATE TABLE earlier (n int PRIMARY KEY); DROP TABLE earlier").await;
    let name = &two.database;
    for setting in [
        "DateStyle = 'SQL, DMY'",
        "quote_all_identifiers = on",
        "standard_conforming_strings = off",
        "TimeZone = 'Asia/Tokyo'",
    ] {
        two.run(&format!("ALTER DATABASE {name} SET {setting}")).await;
    }
    two.run(SCRIPT).await;
    let functions = ["public.f", "public.rank_of", "public.moving"];
    let stored_one = stored::<Function>(&one, &functions).await;
    assert_eq!(stored_one, stored::<Function>(&two, &functions).await);
    for part in [
        "hypothetical-set",
        "\"moving_inverse\": \"int4mi(integer,integer)\"",
        "\"sort_operator\": \"<(integer,integer)\"",
        "2020-02-01 00:00:00+00",
        "VARIADIC b text[] DEFAULT",
        "\"final_extra\": \"true\"",
    ] {
        assert!(stored_one.contains(part), "{part} is not in {stored_one}");
    }
    let tables = ["public.t", "public.r"];
    let stored_one = stored::<Trigger>(&one, &tables).await;
    assert_eq!(stored_one, stored::<Trigger>(&two, &tables).await);
    assert!(!stored_one.contains("ConstraintTrigger"), "{stored_one}");
    for name in [
        "unique_key_recheck of constraint public.t.t_u_key",
        "RI_FKey_cascade_del of constraint public.r.fk",
        "RI_FKey_noaction_del of constraint public.r.own",
    ] {
        assert!(stored_one.contains(name), "{name} is not in {stored_one}");
    }
}

/// A database in which most things that a table can say are so.
const GROWN: &str = "CREATE TABLE none (n int PRIMARY KEY); CREATE TABLE t (n int CONSTRAINT fk REFERENCES none); CREATE EXTENSION pgcrypto; \
         CREATE FUNCTION fn_a(a int DEFAULT 1) RETURNS int LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public \
             STRICT STABLE PARALLEL SAFE COST 5.5 AS $$\nBEGIN\n  RETURN a;\nEND\n$$; \
         CREATE FUNCTION fn_a(a text) RETURNS SETOF int LANGUAGE sql ROWS 7 AS 'SELECT 1 -- ''''''\nUNION SELECT 2'; \
         CREATE PROCEDURE fn_p() LANGUAGE sql AS 'SELECT 1'; CREATE AGGREGATE fn_sum(int) (SFUNC = int4pl, STYPE = int); \
         CREATE FUNCTION fn_secret() RETURNS int LANGUAGE sql SET app.api_key = 'canary-1' AS 'SELECT 1'; \
         CREATE FUNCTION fn_set() RETURNS int LANGUAGE sql SET search_path = '' AS 'SELECT 1'; \
         CREATE FUNCTION fn_t() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END'; \
         CREATE TRIGGER a BEFORE INSERT OR DELETE ON t FOR EACH ROW EXECUTE FUNCTION fn_t('x'); \
         CREATE CONSTRAINT TRIGGER b AFTER UPDATE OF n ON t DEFERRABLE FOR EACH ROW WHEN (new.n > 1) EXECUTE FUNCTION fn_t(); \
         ALTER TABLE t ENABLE ALWAYS TRIGGER a; ALTER TABLE none DISABLE TRIGGER ALL";

#[tokio::test]
async fn functions_and_triggers_write_themselves_down_in_sync() {
    let Some(lab) = Lab::new().await else { return };
    lab.run(ODD).await;
    lab.run(GROWN).await;
    let world = program_world(&lab, "");
    fs::remove_file(world.path("desired/hosts/a/resources.toml")).unwrap();
    let (config, folder) = (world.path("config.toml"), world.path("desired"));
    let (config, folder) = (config.to_str().unwrap(), folder.to_str().unwrap());
    let root = world.path("root");
    let asked = [
        "--function",
        "public.*",
        "--function",
        "\"odd.s\".*",
        "--triggers-of",
        "public.t",
        "--triggers-of",
        "public.none",
        "--triggers-of",
        "\"odd.s\".*",
        "--event-trigger",
        "*",
    ];
    let adopt = || {
        let flags = [
            "adopt",
            "--host",
            "a",
            "--root",
            root.to_str().unwrap(),
            "--config",
            config,
            "-o",
            folder,
        ];
        program::run(&[&flags[..], &asked].concat())
    };
    adopt().ends_with(0);
    let text = |path: &str| fs::read_to_string(world.path("desired/hosts/a").join(path)).unwrap();
    let functions = text("pg_function.toml");
    assert!(!functions.contains("canary") && !functions.contains("gen_salt"), "{functions}");
    for line in [
        "cost = 5.5",
        "security_definer = true",
        "search_path = \"pg_catalog, public\"",
        "body = \"SELECT 1\"",
        "rows = 7",
    ] {
        assert!(functions.contains(line), "{line} is not in {functions}");
    }
    let list = "# RI_FKey_noaction_del of constraint public.t.fk is disabled\n";
    let triggers = text("pg_trigger.toml");
    assert!(triggers.contains(list) && triggers.contains("constraints_fire = false"), "{triggers}");
    let bodies: Vec<String> = fs::read_dir(world.path("desired/hosts/a/sql"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(bodies.len(), 3, "{bodies:?}");
    let report = check(&world, &["--output", "json"]).ends_with(0).report();
    assert_eq!(report["summary"]["in_sync"], 18, "{report}");
    let before = (functions, text("pg_trigger.toml"));
    let again = adopt().ends_with(0);
    assert!(!again.stdout.contains("wrote"), "{}", again.stdout);
    assert_eq!((text("pg_function.toml"), text("pg_trigger.toml")), before);
    let changed = "CREATE OR REPLACE FUNCTION fn_a(a text) RETURNS SETOF int LANGUAGE sql ROWS 7 AS 'SELECT 3'";
    lab.run(changed).await;
    check(&world, &[]).ends_with(2);
}

#[tokio::test]
async fn a_reason_of_one_database_is_the_reason_of_all_its_functions() {
    let mut world = {
        let Some(lab) = Lab::new().await else { return };
        around(lab.session().await)
    };
    let why = Unknown::new(Reason::IdentityUnverified, "another cluster");
    world.databases.insert("lab".to_owned(), Err(why.clone()));
    for (name, key) in
        [("pg_function", "public.f()"), ("pg_trigger", "public.t.g"), ("pg_event_trigger", "g")]
    {
        let found = compared(&world, name, &[(key, json!({}))]).await;
        assert_eq!(found[key], Err(why.clone()));
    }
}
