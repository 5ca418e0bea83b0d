//! The guard of a proof from the outside: planned, signed, applied and taken back on a real server; and what it is for.

use serde_json::Value;
use tokio_postgres::Client;

use crate::lab::{admin, client_of};
use crate::pg_apply::Lab;

const GUARD: &str = r#"
[proof_guard.countersign]
database = "directus"
provers = ["cutter_exec", "cutter_verify"]
"#;

/// Nobody else can grant a setting of the server.
const EXECUTOR: &str = "CREATE ROLE cs_super SUPERUSER LOGIN";

async fn guarded() -> Option<(Lab, Client)> {
    let lab = Lab::new(GUARD).await?;
    let root = admin(&lab.server, "directus").await;
    root.batch_execute(EXECUTOR).await.unwrap();
    lab.configure(&lab.server, "cs_super");
    Some((lab, root))
}

/// A guard that was made by a plan, with that plan.
async fn made() -> Option<(Lab, Client, (String, String))> {
    let (lab, root) = guarded().await?;
    let plan = lab.signed("make.json", &["--only", "proof_guard.*"]);
    lab.apply(&plan).ends_with(0);
    Some((lab, root, plan))
}

async fn state(client: &Client, sql: &str) -> String {
    let error = client.batch_execute(sql).await.expect_err(sql);
    error.code().unwrap_or_else(|| panic!("{sql}: {error}")).code().to_owned()
}

fn fields(lab: &Lab) -> Vec<String> {
    let all: Vec<(Value, Value)> = lab.differences();
    let fields = all.iter().flat_map(|(_, differences)| differences.as_array().unwrap());
    fields.map(|difference| difference["field"].as_str().unwrap().to_owned()).collect()
}

/// What a proof begins with.
const PILL: &str = "INSERT INTO countersign.pill VALUES (1)";

#[tokio::test]
async fn it_comes_by_a_plan_and_goes_by_its_undo() {
    let Some((lab, root)) = guarded().await else { return };
    let before = lab.differences();
    let missing = fields(&lab);
    for object in ["owner", "schema", "pill", "function", "trigger"] {
        assert!(missing.contains(&object.to_owned()), "{missing:?}");
    }
    let plan = lab.signed("make.json", &["--only", "proof_guard.*"]);
    lab.apply(&plan).ends_with(0);
    lab.check(0);
    // What is granted is enough, and everything else about it is denied.
    let prover = client_of(&lab.server, "cutter_exec", "directus").await;
    for (end, code) in [
        ("COMMIT", "CSP01"),
        ("COMMIT AND CHAIN", "CSP01"),
        ("SET CONSTRAINTS ALL IMMEDIATE", "CSP01"),
        ("SET CONSTRAINTS countersign.refuse DEFERRED; COMMIT", "CSP01"),
        ("DELETE FROM countersign.pill", "42501"),
        ("TRUNCATE countersign.pill", "42501"),
        ("SELECT * FROM countersign.pill", "42501"),
        ("DROP TRIGGER refuse ON countersign.pill", "42501"),
        ("ALTER TABLE countersign.pill DISABLE TRIGGER refuse", "42501"),
        ("SELECT countersign.refuse()", "42501"),
        ("CREATE TABLE countersign.more ()", "42501"),
        ("SET ROLE countersign_owner", "42501"),
    ] {
        prover.batch_execute(&format!("BEGIN; {PILL}")).await.unwrap();
        assert_eq!(state(&prover, end).await, code, "{end}");
        prover.batch_execute("ROLLBACK").await.unwrap();
    }
    assert_eq!(state(&prover, PILL).await, "CSP01", "without a transaction of its own neither");
    let settings = "SET track_functions = 'all'; SET deadlock_timeout = '50ms'";
    let major: i32 = {
        let version = "SELECT current_setting('server_version_num')::int4 / 10000";
        root.query_one(version, &[]).await.unwrap().get(0)
    };
    if major >= 15 {
        prover.batch_execute(settings).await.unwrap();
    } else {
        assert_eq!(state(&prover, settings).await, "42501");
    }
    // A superuser who turns triggers off for the session does not get past it.
    root.batch_execute("SET session_replication_role = replica").await.unwrap();
    assert_eq!(state(&root, PILL).await, "CSP01");
    lab.apply(&lab.signed("undo.json", &["--undo", &plan.0])).ends_with(0);
    assert_eq!(lab.differences(), before);
    let left = "SELECT count(*) FROM pg_roles WHERE rolname = 'countersign_owner'";
    assert_eq!(root.query_one(left, &[]).await.unwrap().get::<_, i64>(0), 0);
}

/// Everything about a guard that a plan sets right.
const ALTERED: &str = "CREATE ROLE intruder LOGIN; \
    DROP TRIGGER refuse ON countersign.pill; CREATE CONSTRAINT TRIGGER refuse AFTER INSERT OR UPDATE ON countersign.pill \
    DEFERRABLE FOR EACH ROW EXECUTE FUNCTION countersign.refuse(); \
    ALTER TABLE countersign.pill ENABLE REPLICA TRIGGER refuse; \
    CREATE OR REPLACE FUNCTION countersign.refuse() RETURNS trigger LANGUAGE plpgsql STABLE COST 7.5 AS \
    'BEGIN -- it''s \\ a $refuse$\n RETURN NULL; END'; \
    ALTER TABLE countersign.pill SET UNLOGGED; ALTER TABLE countersign.pill ENABLE ROW LEVEL SECURITY; \
    ALTER TABLE countersign.pill FORCE ROW LEVEL SECURITY; \
    ALTER TABLE countersign.pill OWNER TO cutter_exec; ALTER FUNCTION countersign.refuse() OWNER TO intruder; \
    ALTER SCHEMA countersign OWNER TO intruder; \
    GRANT SELECT, DELETE ON countersign.pill TO intruder WITH GRANT OPTION; \
    GRANT UPDATE (n) ON countersign.pill TO PUBLIC; GRANT EXECUTE ON FUNCTION countersign.refuse() TO PUBLIC; \
    REVOKE INSERT ON countersign.pill FROM cutter_verify; REVOKE USAGE ON TYPE countersign.pill FROM PUBLIC; \
    GRANT USAGE ON SCHEMA countersign TO cutter_verify WITH GRANT OPTION; \
    COMMENT ON SCHEMA countersign IS 'it''s ours'; COMMENT ON TABLE countersign.pill IS 'x'; \
    COMMENT ON COLUMN countersign.pill.n IS 'x'; COMMENT ON FUNCTION countersign.refuse() IS 'x'; \
    COMMENT ON TRIGGER refuse ON countersign.pill IS 'x'";

#[tokio::test]
async fn what_was_altered_is_set_right_and_can_be_altered_back() {
    let Some((lab, root, _)) = made().await else { return };
    root.batch_execute(ALTERED).await.unwrap();
    let altered = lab.differences();
    let said = lab.run(&["check", "-v"]).ends_with(2).stdout;
    let line = "+SELECT on countersign.pill to intruder (with grant option)\n";
    assert!(said.contains(line), "{said}");
    let plan = lab.signed("mend.json", &[]);
    lab.apply(&plan).ends_with(0);
    lab.check(0);
    assert_eq!(state(&root, "INSERT INTO countersign.pill VALUES (1)").await, "CSP01");
    lab.apply(&lab.signed("undo.json", &["--undo", &plan.0])).ends_with(0);
    assert_eq!(lab.differences(), altered);
}

#[tokio::test]
async fn what_is_missing_comes_again_and_grants_can_be_tried_alone() {
    let Some((lab, root, _)) = made().await else { return };
    for (sql, rehearsed) in [
        ("DROP TABLE countersign.pill", false),
        ("DROP FUNCTION countersign.refuse() CASCADE", false),
        ("DROP TRIGGER refuse ON countersign.pill", false),
        ("DROP SCHEMA countersign CASCADE", false),
        ("REVOKE INSERT ON countersign.pill FROM cutter_exec", true),
    ] {
        root.batch_execute(sql).await.unwrap();
        let plan = lab.signed("again.json", &[]);
        let text = std::fs::read_to_string(&plan.0).unwrap();
        let json: Value = serde_json::from_str(&text).unwrap();
        let statements = json["steps"][0]["action"]["sql"]["statements"].as_array().unwrap();
        assert!(statements.iter().all(|one| one["rehearse"] == rehearsed), "{sql}: {text}");
        assert!(!text.contains("CASCADE"), "{sql}: {text}");
        lab.apply(&plan).ends_with(0);
        lab.check(0);
        for plan in ["again.json", "again.json.approval"] {
            std::fs::remove_file(lab.path(plan)).unwrap();
        }
    }
}

#[tokio::test]
async fn what_is_not_clear_is_left_alone_with_a_reason() {
    let Some((lab, root, _)) = made().await else { return };
    for (sql, back, words) in [
        (
            "CREATE TABLE countersign.other ()",
            "DROP TABLE countersign.other",
            "table countersign.other is somebody else's",
        ),
        (
            "CREATE RULE r AS ON INSERT TO countersign.pill DO INSTEAD NOTHING",
            "DROP RULE r ON countersign.pill",
            "rule r on countersign.pill is somebody else's",
        ),
        (
            "ALTER ROLE countersign_owner LOGIN",
            "ALTER ROLE countersign_owner NOLOGIN",
            "has attributes, members or memberships",
        ),
        (
            "ALTER ROLE cutter_exec SUPERUSER",
            "ALTER ROLE cutter_exec NOSUPERUSER",
            "`cutter_exec` has superuser, which no grant decides",
        ),
        (
            "ALTER TABLE countersign.pill ADD m integer",
            "ALTER TABLE countersign.pill DROP m",
            "countersign.pill is another table",
        ),
        (
            "ALTER FUNCTION countersign.refuse() RENAME TO other",
            "ALTER FUNCTION countersign.other() RENAME TO refuse",
            "function countersign.other() is somebody else's",
        ),
        (
            "ALTER ROLE cutter_verify RENAME TO somebody",
            "ALTER ROLE somebody RENAME TO cutter_verify",
            "there is no role `cutter_verify`",
        ),
        (
            "GRANT INSERT ON countersign.pill TO cutter_exec WITH GRANT OPTION; SET ROLE cutter_exec; \
             GRANT INSERT ON countersign.pill TO cutter_ro; RESET ROLE",
            "REVOKE ALL ON countersign.pill FROM cutter_exec CASCADE; GRANT INSERT ON countersign.pill TO cutter_exec",
            "cutter_exec has to take it back",
        ),
    ] {
        root.batch_execute(sql).await.unwrap();
        let ran = lab.run(&["plan"]).ends_with(2);
        assert!(ran.stdout.contains(words), "{sql}: {}", ran.everything());
        root.batch_execute(back).await.unwrap();
        lab.check(0);
    }
    // What somebody hung on it stands in the way of taking it back.
    root.batch_execute("CREATE VIEW public.pills AS SELECT * FROM countersign.pill").await.unwrap();
    let ran = lab.run(&["plan", "--undo", &lab.path("make.json")]).ends_with(2);
    assert!(ran.stdout.contains("no longer as it was left"), "{}", ran.everything());
}

#[tokio::test]
async fn a_guard_that_holds_is_written_down_and_an_altered_one_is_not() {
    let Some((lab, root, _)) = made().await else { return };
    let adopt = |to: &str| {
        let to = lab.path(to);
        lab.run(&["adopt", "--host", "a", "--only", "proof_guard", "-o", &to])
    };
    adopt("adopted").ends_with(0);
    let text = std::fs::read_to_string(lab.path("adopted/hosts/a/proof_guard.toml")).unwrap();
    assert!(text.contains("[proof_guard.countersign]"), "{text}");
    assert!(text.contains(r#"provers = ["cutter_exec", "cutter_verify"]"#), "{text}");
    assert!(!text.contains("owner"), "{text}");
    root.batch_execute("ALTER TABLE countersign.pill DISABLE TRIGGER refuse").await.unwrap();
    let ran = adopt("altered");
    assert!(ran.everything().contains("trigger.enabled differs"), "{}", ran.everything());
}

#[tokio::test]
async fn recording_that_is_written_down_is_nobodys_to_switch_off() {
    let Some(lab) = Lab::new(&format!("{GUARD}recording = \"written\"\n")).await else { return };
    let root = admin(&lab.server, "directus").await;
    root.batch_execute(EXECUTOR).await.unwrap();
    lab.configure(&lab.server, "cs_super");
    let before = lab.differences();
    let plan = lab.signed("make.json", &["--only", "proof_guard.*"]);
    lab.apply(&plan).ends_with(0);
    lab.check(0);
    let prover = client_of(&lab.server, "cutter_exec", "directus").await;
    let value = prover.query_one("SHOW track_functions", &[]).await.unwrap();
    assert_eq!(value.get::<_, String>(0), "all");
    assert_eq!(state(&prover, "SET track_functions = 'none'").await, "42501");
    lab.run(&["adopt", "--host", "a", "--only", "proof_guard", "-o", &lab.path("adopted")])
        .ends_with(0);
    let text = std::fs::read_to_string(lab.path("adopted/hosts/a/proof_guard.toml")).unwrap();
    assert!(text.contains(r#"recording = "written""#), "{text}");

    let version: i32 = {
        let sql = "SELECT current_setting('server_version_num')::int4";
        root.query_one(sql, &[]).await.unwrap().get(0)
    };
    let written = "track_functions for role cutter_exec in database";
    let mut altered = vec![
        ("ALTER ROLE cutter_exec IN DATABASE directus SET track_functions = 'pl'", written),
        ("ALTER ROLE cutter_exec IN DATABASE directus RESET track_functions", written),
    ];
    if version >= 150_000 {
        let grant = "GRANT SET ON PARAMETER track_functions TO cutter_exec";
        altered.push((grant, "SET on parameter track_functions to cutter_exec"));
    }
    for (at, (sql, field)) in altered.into_iter().enumerate() {
        root.batch_execute(sql).await.unwrap();
        assert_eq!(fields(&lab), [field], "{sql}");
        let mended = lab.signed(&format!("mend{at}.json"), &[]);
        lab.apply(&mended).ends_with(0);
        lab.check(0);
        let back = lab.signed(&format!("back{at}.json"), &["--undo", &mended.0]);
        lab.apply(&back).ends_with(0);
        assert_eq!(fields(&lab), [field], "{sql}");
        lab.apply(&lab.signed(&format!("again{at}.json"), &[])).ends_with(0);
        lab.check(0);
    }
    lab.apply(&lab.signed("undo.json", &["--undo", &plan.0])).ends_with(0);
    assert_eq!(lab.differences(), before);
}
