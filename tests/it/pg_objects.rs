//! Views, sequences, types, fingerprints and growth, asked of a real server: what recall does not show.

use countersign::model::{Reason, RelationName, Unknown};
use countersign::probe::catalog::{Object, Other, Scope, Sequence, Type, View, look};
use countersign::probe::postgres::Session;
use serde_json::{Value, json};

use crate::lab::{Lab, admin, limits};
use crate::postgres_kinds::{compared, lab_world, observed, reason, world};
use crate::program;

/// Every object of `public`, as it would stand in a digest.
async fn all<T: Object>(session: &Session) -> Value {
    let looked = look::<T>(session, &Scope::Schemas(vec!["public".into()])).await.unwrap();
    assert!(looked.blocked.is_empty());
    serde_json::to_value(looked.found).unwrap()
}

const ZOO: &str = "CREATE TABLE t (a int, b text); CREATE TABLE u (a int, t t); CREATE TYPE addr AS (street text, t t); \
    CREATE DOMAIN dt AS t; CREATE FUNCTION f() RETURNS SETOF t LANGUAGE sql AS 'SELECT * FROM public.t'; \
    CREATE VIEW direct AS SELECT a FROM t; CREATE VIEW beyond AS SELECT a FROM direct; CREATE VIEW inside AS SELECT 1 AS one \
        WHERE EXISTS (SELECT FROM t); \
    CREATE VIEW of_function AS SELECT a FROM f(); CREATE VIEW of_row AS SELECT (u.t).b FROM u; \
    CREATE VIEW of_domain AS SELECT (d).b FROM (SELECT ROW(1, 'x')::dt AS d) x; CREATE MATERIALIZED VIEW stored AS SELECT a FROM t; \
    CREATE VIEW other AS SELECT 1 AS x; CREATE VIEW other_too AS SELECT x FROM other; \
    CREATE SEQUENCE s CYCLE; CREATE TABLE numbered (id int GENERATED ALWAYS AS IDENTITY, n serial); \
    CREATE TYPE mood AS ENUM ('sad', 'ok'); ALTER TYPE mood ADD VALUE 'first' BEFORE 'sad'; \
    CREATE DOMAIN positive AS int DEFAULT 1 NOT NULL CONSTRAINT c CHECK (VALUE > 0); \
    CREATE TYPE span AS RANGE (subtype = float8); CREATE TYPE unmade; \
    CREATE COLLATION mine FROM \"C\"; COMMENT ON COLLATION mine IS 'of mine'; \
    CREATE FUNCTION same(int, text) RETURNS bool LANGUAGE sql AS 'SELECT true'; \
    CREATE OPERATOR === (LEFTARG = int, RIGHTARG = text, FUNCTION = same); \
    CREATE FUNCTION cmp(int, int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 1'; \
    CREATE OPERATOR CLASS mine FOR TYPE int USING btree AS OPERATOR 1 <, OPERATOR 3 =, FUNCTION 1 cmp(int, int); \
    CREATE CONVERSION mine FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8; \
    CREATE TEXT SEARCH DICTIONARY mine (TEMPLATE = simple, STOPWORDS = english); \
    CREATE TEXT SEARCH CONFIGURATION mine (COPY = english); \
    ALTER TEXT SEARCH CONFIGURATION mine ALTER MAPPING FOR asciiword WITH mine, simple; \
    CREATE TEXT SEARCH TEMPLATE mine (LEXIZE = dsimple_lexize); \
    CREATE TEXT SEARCH PARSER mine (START = prsd_start, GETTOKEN = prsd_nexttoken, END = prsd_end, LEXTYPES = prsd_lextype)";

#[tokio::test]
async fn two_databases_of_one_script_have_the_same_objects() {
    let (Some(one), Some(two)) = (Lab::new().await, Lab::new().await) else { return };
    // What came and went moves every OID, and leaves a dropped attribute behind.
    two.run("CREATE TABLE gone (a int); DROP TABLE gone; CREATE TYPE gone AS ENUM ('x'); DROP TYPE gone").await;
    for lab in [&one, &two] {
        lab.run(ZOO).await;
    }
    two.run("ALTER TYPE addr ADD ATTRIBUTE gone int; ALTER TYPE addr DROP ATTRIBUTE gone; SELECT nextval('s')").await;
    let (one, two) = (one.session().await, two.session().await);
    assert_eq!(all::<View>(&one).await, all::<View>(&two).await);
    assert_eq!(all::<Sequence>(&one).await, all::<Sequence>(&two).await);
    assert_eq!(all::<Type>(&one).await, all::<Type>(&two).await);
    let others = all::<Other>(&one).await;
    assert_eq!(others, all::<Other>(&two).await);
    let classes: Vec<&str> =
        others.as_array().unwrap().iter().map(|other| other["class"].as_str().unwrap()).collect();
    let wanted = [
        "collation",
        "conversion",
        "operator",
        "operator class",
        "operator family",
        "text search configuration",
        "text search dictionary",
        "text search parser",
        "text search template",
    ];
    assert_eq!(classes, wanted);
    let family = &others[4]["definition"]["operators"];
    assert_eq!(family, &json!(["1 <(integer,integer)", "3 =(integer,integer)"]));
    let types = all::<Type>(&one).await;
    let names: Vec<&str> =
        types.as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["addr", "dt", "mood", "positive", "span", "unmade"]);
    assert_eq!(types[2]["labels"], json!(["first", "sad", "ok"]));
    assert_eq!(types[5]["kind"], "shell");
    let sequences = all::<Sequence>(&one).await;
    assert_eq!(sequences[0]["owned_by"], "public.numbered.id");
    assert_eq!(
        (&sequences[0]["identity"], &sequences[1]["identity"]),
        (&json!(true), &json!(false))
    );
}

#[tokio::test]
async fn a_change_of_any_other_object_is_seen() {
    let Some(lab) = Lab::new().await else { return };
    lab.run(ZOO).await;
    let mut before = all::<Other>(&lab.session().await).await;
    for change in [
        "ALTER OPERATOR === (int, text) SET (RESTRICT = eqsel)",
        "ALTER OPERATOR FAMILY mine USING btree ADD OPERATOR 5 > (int, int)",
        "ALTER TEXT SEARCH DICTIONARY mine (STOPWORDS = german)",
        "ALTER TEXT SEARCH CONFIGURATION mine DROP MAPPING FOR asciiword",
        "COMMENT ON CONVERSION mine IS 'x'",
        "ALTER COLLATION mine RENAME TO yours",
        "DROP OPERATOR CLASS mine USING btree",
    ] {
        lab.run(change).await;
        let after = all::<Other>(&lab.session().await).await;
        assert_ne!(before, after, "{change}");
        before = after;
    }
}

#[tokio::test]
async fn views_over_a_locked_table_are_unknown_and_others_are_answered() {
    let Some(lab) = Lab::new().await else { return };
    lab.run(ZOO).await;
    let other = admin(&lab.server, &lab.database).await;
    // Not LOCK TABLE on a view, which would lock what is under it as well.
    other.batch_execute("BEGIN; ALTER TABLE t ADD c int").await.unwrap();
    let session = lab.session().await;
    let looked = look::<View>(&session, &Scope::Schemas(vec!["public".into()])).await.unwrap();
    let found: Vec<&str> = looked.found.iter().map(|view| view.name.as_str()).collect();
    assert_eq!(found, ["beyond", "other", "other_too"]);
    let blocked: Vec<String> = looked.blocked.keys().map(ToString::to_string).collect();
    let wanted = ["direct", "inside", "of_domain", "of_function", "of_row", "stored"];
    assert_eq!(blocked, wanted.map(|name| format!("public.{name}")));
    assert!(looked.blocked.values().all(|why| why.reason == Reason::Locked), "{looked:?}");
    let name = |name: &str| RelationName { schema: "public".into(), name: name.into() };
    let scope = Scope::Names(vec![name("direct"), name("other"), name("absent")]);
    let looked = look::<View>(&session, &scope).await.unwrap();
    assert_eq!((looked.found.len(), looked.blocked.len()), (1, 1));
    session.close().await;
    let tables = [
        ("public.direct", json!({"owner": "postgres"})),
        ("public.other", json!({"owner": "postgres"})),
        ("public.absent", json!({"present": false})),
        ("public.*", json!({"only": []})),
        ("public.oth*", json!({"only": []})),
    ];
    let stored = observed(&lab_world(&lab).await, "pg_view", &tables).await;
    assert_eq!(reason(&stored, "public.direct"), Reason::Locked);
    assert_eq!(reason(&stored, "public.*"), Reason::Locked);
    assert!(stored["public.other"].is_ok() && stored["public.oth*"].is_ok());
    assert_eq!(stored["public.absent"], Ok(json!("absent")));
}

#[tokio::test]
async fn how_far_a_sequence_has_come_is_told_or_unknown() {
    let Some(lab) = Lab::new().await else { return };
    lab.run("CREATE SEQUENCE seen; CREATE SEQUENCE fresh; CREATE SEQUENCE hidden; CREATE SEQUENCE locked; \
        SELECT nextval('seen'); SELECT nextval('hidden'); GRANT USAGE ON SEQUENCE hidden TO OBSERVER; \
        GRANT SELECT ON SEQUENCE seen, fresh, locked TO OBSERVER; CREATE SCHEMA closed; CREATE SEQUENCE closed.s; \
        GRANT SELECT ON SEQUENCE closed.s TO OBSERVER").await;
    let other = admin(&lab.server, &lab.database).await;
    other.batch_execute("BEGIN; DROP SEQUENCE locked").await.unwrap();
    let bound = json!({"used_at_most": "50%"});
    let tables = [
        "public.seen",
        "public.fresh",
        "public.hidden",
        "public.locked",
        "closed.s",
        "public.none",
    ];
    let tables: Vec<(&str, Value)> = tables.iter().map(|name| (*name, bound.clone())).collect();
    let stored = observed(&lab_world(&lab).await, "pg_sequence", &tables).await;
    let last = |name: &str| stored[name].as_ref().unwrap()["last"].clone();
    assert_eq!(last("public.seen"), json!({"Ok": {"value": 1, "called": true}}));
    assert_eq!(last("public.fresh"), json!({"Ok": {"value": 1, "called": false}}));
    assert_eq!(last("public.hidden")["Err"]["reason"], "permission_denied");
    assert_eq!(last("closed.s")["Err"]["reason"], "permission_denied");
    assert_eq!(last("public.locked")["Err"]["reason"], "locked");
    assert_eq!(stored["public.none"], Ok(json!({"sequence": "absent"})));
    let unasked = [("public.hidden", json!({"increment": 1}))];
    let stored = observed(&lab_world(&lab).await, "pg_sequence", &unasked).await;
    assert!(stored["public.hidden"].as_ref().unwrap().get("last").is_none());
}

/// The digest that was seen.
async fn fingerprint(lab: &Lab, mut table: Value) -> Result<Value, Unknown> {
    table["sha256"] = json!("0".repeat(64));
    let world = lab_world(lab).await;
    let seen =
        observed(&world, "fingerprint", &[("label", table)]).await.remove("label").unwrap()?;
    Ok(seen["hashed"]["sha256"].clone())
}

#[tokio::test]
async fn a_fingerprint_is_of_what_is_there_or_the_reason_is_named() {
    let Some(lab) = Lab::new().await else { return };
    lab.run("CREATE TABLE t AS SELECT n, repeat('canary', 10) AS text FROM generate_series(1, 50) n; \
        CREATE TABLE denied (n int); CREATE TABLE partly (a int, b int); GRANT SELECT (a) ON partly TO OBSERVER; \
        CREATE TABLE hidden (n int); ALTER TABLE hidden ENABLE ROW LEVEL SECURITY; CREATE TABLE nothing (); \
        INSERT INTO nothing DEFAULT VALUES; CREATE TABLE \"Odd\"\"; --\" (\"a\"\"b\" int); CREATE VIEW v AS SELECT n FROM t; \
        GRANT SELECT ON t, hidden, nothing, v, \"Odd\"\"; --\" TO OBSERVER").await;
    for (table, reason) in [
        (json!({"table": "public.denied"}), Reason::PermissionDenied),
        (json!({"table": "public.partly"}), Reason::PermissionDenied),
        (json!({"table": "public.hidden"}), Reason::RowSecurity),
        (json!({"table": "public.t", "rows_limit": 49}), Reason::TooLarge),
        (json!({"table": "public.t", "bytes_limit": "3kB"}), Reason::TooLarge),
        (json!({"sql": "SELECT pg_sleep(600)", "deadline": "100ms"}), Reason::Deadline),
        (json!({"sql": "commit"}), Reason::QueryFailed),
    ] {
        assert_eq!(fingerprint(&lab, table.clone()).await.unwrap_err().reason, reason, "{table}");
    }
    let wrong = json!({"sql": "SELECT text::int FROM public.t"});
    let why = fingerprint(&lab, wrong).await.unwrap_err();
    assert!(why.detail.contains("22P02") && !why.detail.contains("canary"), "{why}");
    for table in [
        json!({"table": "public.t", "rows_limit": 50, "bytes_limit": "4kB"}),
        json!({"table": "public.partly", "columns": ["a"]}),
        json!({"table": "public.nothing"}),
        json!({"table": "public.v"}),
        json!({"table": r#"public."Odd""; --""#, "columns": ["a\"b"]}),
    ] {
        assert!(fingerprint(&lab, table.clone()).await.is_ok(), "{table}");
    }
    let seeing = lab_world(&lab).await;
    let tables = [
        ("absent", json!({"table": "public.absent", "sha256": "0".repeat(64)})),
        ("lacks", json!({"table": "public.t", "columns": ["n", "m"], "sha256": "0".repeat(64)})),
    ];
    let stored = observed(&seeing, "fingerprint", &tables).await;
    assert_eq!(stored["absent"], Ok(json!("absent")));
    assert_eq!(stored["lacks"], Ok(json!({"lacks": ["m"]})));
    let powerful = world(lab.session_as("postgres", limits()).await);
    let stored = observed(&powerful, "fingerprint", &tables[1..]).await;
    assert_eq!(stored["lacks"], Ok(json!({"lacks": ["m"]})));
    let whole = [("t", json!({"table": "public.t", "sha256": "0".repeat(64)}))];
    let stored = observed(&powerful, "fingerprint", &whole).await;
    assert_eq!(reason(&stored, "t"), Reason::ObserverTooPowerful);
}

#[tokio::test]
async fn a_fingerprint_does_not_depend_on_settings_or_on_the_names_of_a_database() {
    let Some(lab) = Lab::new().await else { return };
    lab.run("CREATE TABLE t AS SELECT timestamptz '2026-05-16 01:02:03+00' AS at, interval '1 day 2 hours' AS span, 0.1::float8 AS f, \
        'x'::bytea AS b, 12.3::money AS m; GRANT SELECT ON t TO OBSERVER").await;
    let plain = fingerprint(&lab, json!({"table": "public.t"})).await.unwrap();
    for setting in [
        "datestyle = 'German'",
        "timezone = 'Asia/Tokyo'",
        "intervalstyle = 'iso_8601'",
        "extra_float_digits = -10",
        "bytea_output = 'escape'",
    ] {
        lab.run(&format!("ALTER ROLE OBSERVER SET {setting}")).await;
        let other = fingerprint(&lab, json!({"table": "public.t"})).await.unwrap();
        assert_eq!(plain, other, "{setting}");
    }
    // What one question was asked with is gone for the next.
    let query = json!({"sql": "SELECT at FROM public.t", "value": "16.05.2026 10:02:03 JST"});
    let found = compared(&lab_world(&lab).await, "query", query).await.unwrap();
    assert!(found.differences.is_empty(), "{found:?}");
    // Joined by a comma, or with NULL left out, each of these would be the same text.
    let mut seen = Vec::new();
    for row in
        ["'a', 'b', NULL", "'a', NULL, 'b'", "NULL, 'a', 'b'", "'a,b', '', NULL", "'a', 'b', ''"]
    {
        let sql = format!("SELECT v.* FROM (VALUES ({row})) AS v (x, y, z)");
        seen.push(fingerprint(&lab, json!({"sql": sql})).await.unwrap().to_string());
    }
    let count = seen.len();
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), count);
}

#[tokio::test]
async fn who_may_write_is_found_behind_memberships() {
    let Some(lab) = Lab::new().await else { return };
    let name = &lab.database;
    lab.run(&format!("CREATE ROLE {name}_group; CREATE ROLE {name}_taker NOINHERIT IN ROLE {name}_group; CREATE ROLE {name}_super SUPERUSER; \
        CREATE ROLE {name}_reader; CREATE ROLE {name}_boss; CREATE ROLE {name}_as_super; GRANT {name}_super TO {name}_as_super; \
        CREATE TABLE t (n int); GRANT TRUNCATE ON t TO {name}_group; GRANT SELECT, REFERENCES, TRIGGER ON t TO {name}_reader; \
        CREATE VIEW v AS SELECT n FROM t; REVOKE ALL ON t FROM postgres; ALTER TABLE t OWNER TO {name}_boss; \
        REVOKE ALL ON t FROM {name}_boss; GRANT SELECT ON t, v TO OBSERVER")).await;
    let growth = json!({"growth": {"from": 0, "since": "2020-01-01T00:00:00Z", "at_most_per_day": 1, "writers": []}});
    let world = world(Ok(lab.session().await));
    let tables = [("public.t", growth.clone()), ("public.v", growth)];
    let stored = observed(&world, "row_count", &tables).await;
    let writers = |table: &str| stored[table].as_ref().unwrap()["writers"].clone();
    let own: Vec<String> =
        ["as_super", "boss", "group", "taker"].map(|role| format!("{name}_{role}")).into();
    let roles = writers("public.t")["Ok"]["roles"].clone();
    let roles: Vec<String> = serde_json::from_value(roles).unwrap();
    let roles: Vec<String> =
        roles.into_iter().filter(|role| role.starts_with(&format!("{name}_"))).collect();
    assert_eq!(roles, own);
    assert_eq!(writers("public.t")["Ok"]["public"], false);
    assert_eq!(writers("public.v")["Err"]["reason"], "not_supported");
    if world.database("lab").unwrap().identity().version_number >= 160_000 {
        // A membership that gives neither the rights nor the role.
        lab.run(&format!("GRANT {name}_group TO {name}_reader WITH INHERIT FALSE, SET FALSE"))
            .await;
        let stored = observed(&lab_world(&lab).await, "row_count", &tables[..1]).await;
        let roles = stored["public.t"].as_ref().unwrap()["writers"]["Ok"]["roles"].to_string();
        assert!(!roles.contains("_reader"), "{roles}");
    }
    lab.run(&format!("DROP OWNED BY {name}_boss, {name}_group, {name}_reader CASCADE; \
        DROP ROLE {name}_group, {name}_taker, {name}_as_super, {name}_super, {name}_reader, {name}_boss")).await;
}

#[tokio::test]
async fn what_is_there_is_written_down_and_in_sync() {
    let Some(lab) = Lab::new().await else { return };
    lab.run(ZOO).await;
    lab.run("CREATE EXTENSION btree_gist; CREATE VIEW long AS SELECT a.a, b.b FROM t a JOIN t b ON a.a = b.a WHERE a.b IS NOT NULL; \
        CREATE VIEW \"Odd name\" WITH (security_barrier) AS SELECT a.a AS \"A b\", b.b FROM t a, t b; COMMENT ON VIEW long IS E'two\\nlines'; \
        CREATE RULE r AS ON DELETE TO other DO INSTEAD NOTHING; \
        CREATE SEQUENCE down INCREMENT -5 MINVALUE -100 START -5 CYCLE; INSERT INTO t VALUES (1, 'canary-row'); \
        GRANT SELECT ON t TO OBSERVER").await;
    let world = program::World::new();
    let url = lab.server.url(&lab.observer, &lab.database);
    world.write("config.toml", format!("[database.lab]\nobserver = {{ url = {url:?} }}\n"));
    let (config, root, folder) =
        (world.path("config.toml"), world.path("root"), world.path("desired"));
    let [config, root, folder] = [&config, &root, &folder].map(|path| path.to_str().unwrap());
    let asked = ["--view", "*", "--sequence", "*", "--type", "*", "--fingerprint", "public.t"];
    let place = ["adopt", "--root", root, "--host", "a", "-o", folder, "--config", config];
    let ran = program::run(&[&place[..], &asked[..]].concat()).ends_with(0);
    let written = std::fs::read_to_string(world.path("desired/hosts/a/pg_view.toml")).unwrap();
    assert!(written.contains("definition_file = \"sql/lab/public.long.sql\""), "{written}");
    assert!(!written.contains("gbtree") && written.contains("definition_sha256"), "{written}");
    let report = world.check(&["--output", "json", "--config", config]).ends_with(0).report();
    assert!(report["summary"]["in_sync"].as_u64().unwrap() > 20, "{}", ran.everything());
    assert!(!report.to_string().contains("canary-row"));
    let ran = program::run(&[&place[..], &asked[..]].concat()).ends_with(0);
    assert!(!ran.stdout.contains("wrote"), "{}", ran.stdout);
}
