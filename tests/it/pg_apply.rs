//! Steps of a database from the outside: planned, signed by real `ssh-keygen`, applied on a real server, and taken back.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use countersign::model::Digest;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};

use crate::keys::Keys;
use crate::lab::{GRANTS, admin, client_of};
use crate::private_server::started;
use crate::program::{Ran, World, killed_at, ran, run};
use crate::server::{Options, Server};

const FIXTURE: &str = include_str!("../../src/demo/fixture.sql");

/// An executor that is no superuser: a member of the role to which the tables belong.
const EXECUTOR: &str = "CREATE ROLE cs_executor LOGIN CREATEROLE; CREATE ROLE cs_owner; GRANT cs_owner TO cs_executor; \
    DO $$ DECLARE t regclass; BEGIN FOR t IN SELECT c.oid FROM pg_class c WHERE c.relkind = 'r' \
    AND c.relnamespace = 'cutter_governance'::regnamespace LOOP EXECUTE format('ALTER TABLE %s OWNER TO cs_owner', t); \
    END LOOP; END $$; GRANT USAGE ON SCHEMA cutter_governance TO cs_owner";

/// A private server with the database of the worked example, and whoever plans, signs and applies there.
pub(crate) struct Lab {
    pub(crate) server: Server,
    world: World,
    keys: Keys,
}

impl Lab {
    /// The database of the worked example, an executor that is a member of the owner of its tables, and one approver.
    pub(crate) async fn new(resources: &str) -> Option<Self> {
        let server = started(&Options::default())?;
        let root = admin(&server, "postgres").await;
        for sql in ["CREATE ROLE directus LOGIN", "CREATE DATABASE directus OWNER directus"] {
            root.batch_execute(sql).await.unwrap();
        }
        let inside = admin(&server, "directus").await;
        inside.batch_execute(FIXTURE).await.unwrap();
        inside.batch_execute(EXECUTOR).await.unwrap();
        let (world, keys) = (World::wanting(resources), Keys::new());
        keys.make("ed25519", "operator");
        world.host_file("etc/machine-id", "0123456789abcdef0123456789abcdef\n");
        world.host_file("etc/passwd", "root:x:0:0:root:/root:/bin/sh\n");
        world.host_file("etc/group", "root:x:0:\n");
        let host = "[host]\nidentity = { hostname = \"testhost\" }\n[database.directus]\n";
        world.desired("hosts/a/host.toml", host);
        world.commit();
        let lab = Self { server, world, keys };
        lab.configure(&lab.server, "cs_executor");
        lab.file("switch.toml", "version = 1\napply = true\n");
        let trust = format!(
            "version = 1\n[approver.operator]\nkeys = [\"{}\"]\nroles = [\"dba\"]\n[policy.database]\nactions = [\"sql\"]\n\
             databases = [\"directus\"]\nmax_steps = 4\ntotal = 1\nrequire = [{{ role = \"dba\", min = 1 }}]\n\
             lifetime = \"24h\"\nseparation = \"none\"\n",
            lab.keys.line("operator")
        );
        lab.file("trust.toml", &trust);
        Some(lab)
    }

    pub(crate) fn configure(&self, server: &Server, executor: &str) {
        let url = |role| server.url(role, "directus");
        let (observer, executor) = (url("countersign_observer"), url(executor));
        let text = format!(
            "host = \"a\"\nroot = \"root\"\ndata = \"data\"\n[source]\nurl = \"desired\"\n[observe]\nroots = [\"/\"]\n\
             [database.directus]\nobserver = {{ url = {observer:?} }}\nexecutor = {{ url = {executor:?} }}\n"
        );
        self.file("config.toml", &text);
    }

    fn file(&self, name: &str, text: &str) {
        self.world.write(name, text);
        let mode = fs::Permissions::from_mode(0o644);
        fs::set_permissions(self.world.path(name), mode).unwrap();
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.world.path(name).display().to_string()
    }

    pub(crate) fn run(&self, words: &[&str]) -> Ran {
        let config = self.path("config.toml");
        run(&[&[words[0], "--config", &config], &words[1..]].concat())
    }

    pub(crate) fn check(&self, code: i32) -> Ran {
        self.run(&["check"]).ends_with(code)
    }

    /// Makes a plan, and has it signed.
    pub(crate) fn signed(&self, name: &str, more: &[&str]) -> (String, String) {
        let (plan, file) = (self.path(name), self.path(&format!("{name}.approval")));
        self.run(&[&["plan", "-o", &plan][..], more].concat()).ends_with(0);
        let digest = Digest::of(&fs::read(&plan).unwrap()).to_string();
        let key = self.keys.path("operator").display().to_string();
        let words =
            ["approve", &plan, "--as", "operator", "--role", "dba", "--reason", "x", "--key", &key];
        run(&[&words[..], &["--digest", &digest, "-o", &file]].concat()).ends_with(0);
        (plan, file)
    }

    pub(crate) fn apply(&self, (plan, approval): &(String, String)) -> Ran {
        self.run(&["apply", plan, "--approval", approval])
    }

    /// What differs of each resource.
    pub(crate) fn differences(&self) -> Vec<(Value, Value)> {
        let report = self.run(&["check", "--output", "json"]).ends_with(2).report();
        let resources = report["resources"].as_array().unwrap();
        resources.iter().map(|one| (one["resource"].clone(), one["differences"].clone())).collect()
    }

    /// Does the ledger say that every step of a plan was applied?
    fn is_done(&self, (plan, _): &(String, String)) -> bool {
        let digest = Digest::of(&fs::read(plan).unwrap());
        let done = format!(r#""type":"plan.done","body":{{"plan":"{digest}"}}"#);
        self.ledger().contains(&done)
    }

    fn ledger(&self) -> String {
        self.run(&["ledger", "verify"]).ends_with(0);
        let folder = self.world.path("data/ledger/executor");
        let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let segments = files.filter(|path| path.extension().is_some_and(|e| e == "jsonl"));
        segments.map(|path| fs::read_to_string(path).unwrap()).collect()
    }
}

/// May `cutter_exec` read what it was never granted?
async fn reads(server: &Server) -> (bool, bool) {
    let sql = "SELECT has_table_privilege('cutter_exec', 'cutter_governance.cut_change_set_affected_row', 'SELECT'), \
               has_table_privilege('cutter_exec', 'cutter_governance.verify_result', 'SELECT')";
    let row = admin(server, "directus").await.query_one(sql, &[]).await.unwrap();
    (row.get(0), row.get(1))
}

#[tokio::test]
async fn the_two_missing_grants_are_granted_and_taken_back() {
    let Some(lab) = Lab::new(GRANTS).await else { return };
    lab.check(2);
    let before = reads(&lab.server).await;
    let plan = lab.signed("plan.json", &[]);
    let text = fs::read_to_string(&plan.0).unwrap();
    let plan_json: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(plan_json["steps"].as_array().unwrap().len(), 1, "{text}");
    assert_eq!(plan_json["steps"][0]["risk"], "medium", "{text}");
    let statements = plan_json["steps"][0]["action"]["sql"]["statements"].as_array().unwrap();
    assert!(!statements.is_empty() && statements.len() <= 2, "{text}");
    for statement in statements {
        assert!(
            statement["text"]
                .as_str()
                .unwrap()
                .starts_with("GRANT SELECT ON TABLE \"cutter_governance\".")
        );
    }
    lab.apply(&plan).ends_with(0);
    assert!(lab.ledger().contains("read back from a second session"));
    assert_eq!(reads(&lab.server).await, (true, true));
    lab.check(0);
    // Once used up, it runs no more.
    lab.apply(&plan).ends_with(6);
    let undo = lab.signed("undo.json", &["--undo", &plan.0]);
    lab.apply(&undo).ends_with(0);
    assert_eq!(reads(&lab.server).await, before);
    lab.check(2);
    assert!(lab.ledger().contains("\"name\":\"transaction\""));
}

#[tokio::test]
async fn what_somebody_changed_since_is_not_taken_back() {
    let Some(lab) = Lab::new(GRANTS).await else { return };
    let plan = lab.signed("plan.json", &[]);
    lab.apply(&plan).ends_with(0);
    let other = admin(&lab.server, "directus").await;
    other.batch_execute("GRANT DELETE ON public.unit_version TO cutter_exec").await.unwrap();
    let ran = lab.run(&["plan", "--undo", &plan.0]).ends_with(2);
    assert!(ran.stdout.contains("no longer as it was left"), "{}", ran.stdout);
}

/// A statement that mends something, and one whose end fails.
const DECLARED: &str = r#"
[pg_role.cutter_new]
database = "directus"
login = false
comment = "it's new"

[pg_view."public.late"]
database = "directus"
remedy = "sql/late.sql"
depends_on = ["pg_role.cutter_new"]
"#;

#[tokio::test]
async fn what_fails_half_way_leaves_nothing() {
    let Some(lab) = Lab::new("").await else { return };
    lab.world.desired("hosts/a/declared.toml", DECLARED);
    let failing = "CREATE VIEW public.late AS SELECT 1 / n AS n FROM public.no_such_table";
    lab.world.desired("hosts/a/sql/late.sql", failing);
    lab.world.commit();
    let owner = admin(&lab.server, "directus").await;
    owner.batch_execute("GRANT CREATE ON SCHEMA public TO cs_executor").await.unwrap();
    let plan = lab.signed("plan.json", &[]);
    let shown = run(&["show", &plan.0]).ends_with(0).stdout;
    assert!(
        shown.contains("HIGH RISK") && shown.contains("CREATE ROLE \"cutter_new\" NOLOGIN"),
        "{shown}"
    );
    let ran = lab.apply(&plan);
    assert!(
        ran.stdout.contains("42P01") && ran.stdout.contains("nothing changed"),
        "{}",
        ran.everything()
    );
    assert_eq!(ran.code, 1);
    let count = "SELECT count(*) FROM pg_roles WHERE rolname = 'cutter_new'";
    let roles: i64 = owner.query_one(count, &[]).await.unwrap().get(0);
    assert_eq!(roles, 0, "the role was rolled back with the rest");
    // Two statements in one file are the server's to refuse, and one that ends the transaction is no statement here.
    lab.world.desired("hosts/a/sql/late.sql", "CREATE VIEW public.late AS SELECT 1; COMMIT");
    lab.world.commit();
    let ran = lab.apply(&lab.signed("two.json", &[]));
    assert!(
        ran.stdout.contains("42601") && ran.stdout.contains("nothing changed"),
        "{}",
        ran.everything()
    );
    lab.world.desired("hosts/a/sql/late.sql", "COMMIT");
    lab.world.commit();
    let ran = lab.run(&["plan"]).ends_with(65);
    assert!(ran.stderr.contains("begins with one of"), "{}", ran.stderr);
    // What does not bring about what is wanted is rolled back as well.
    lab.world.desired("hosts/a/sql/late.sql", "CREATE VIEW public.other AS SELECT 1 AS n");
    lab.world.commit();
    let ran = lab.apply(&lab.signed("other.json", &[]));
    assert!(ran.stdout.contains("would not have ended as it was signed"), "{}", ran.everything());
    lab.world
        .desired("hosts/a/sql/late.sql", "-- why\nCREATE VIEW public.late AS SELECT 1 AS n;\n");
    lab.world.commit();
    let guard =
        "[pg_view.\"public.la*\"]\ndatabase = \"directus\"\nonly = []\nkill_switch = true\n";
    lab.world.desired("hosts/a/guard.toml", guard);
    lab.world.commit();
    let ran = lab.apply(&lab.signed("guarded.json", &[])).ends_with(1);
    assert!(ran.stdout.contains("pg_view.public.la*: public.late"), "{}", ran.everything());
    fs::remove_file(lab.world.path("desired/hosts/a/guard.toml")).unwrap();
    lab.world.commit();
    lab.apply(&lab.signed("good.json", &[])).ends_with(0);
    lab.check(0);
}

#[tokio::test]
async fn a_plan_that_no_longer_fits_is_refused_with_nothing_done() {
    let Some(lab) = Lab::new(GRANTS).await else { return };
    let before = reads(&lab.server).await;
    let plan = lab.signed("plan.json", &[]);
    let other = admin(&lab.server, "directus").await;
    other.batch_execute("GRANT DELETE ON public.unit_version TO cutter_exec").await.unwrap();
    lab.apply(&plan).ends_with(5);
    assert_eq!(reads(&lab.server).await, before);
    other.batch_execute("REVOKE DELETE ON public.unit_version FROM cutter_exec").await.unwrap();
    // Nobody waits for ever behind somebody else's transaction.
    let hinder = client_of(&lab.server, "postgres", "directus").await;
    let lock = "BEGIN; REVOKE SELECT ON cutter_governance.verify_result, \
                cutter_governance.cut_change_set_affected_row FROM directus; ";
    hinder.batch_execute(lock).await.unwrap();
    let ran = lab.apply(&plan);
    assert_ne!(ran.code, 0, "{}", ran.everything());
    assert_eq!(reads(&lab.server).await, before);
}

#[tokio::test]
async fn another_cluster_is_refused() {
    let Some(lab) = Lab::new(GRANTS).await else { return };
    let Some(twin) = Lab::new(GRANTS).await else { return };
    let plan = lab.signed("plan.json", &[]);
    lab.configure(&twin.server, "cs_executor");
    let ran = lab.apply(&plan).ends_with(7);
    assert!(ran.stderr.contains("cluster"), "{}", ran.stderr);
    // The observer looks at the right one, the executor would change the other.
    lab.configure(&lab.server, "cs_executor");
    let text = fs::read_to_string(lab.world.path("config.toml")).unwrap();
    let (right, wrong) =
        (lab.server.url("cs_executor", "directus"), twin.server.url("cs_executor", "directus"));
    lab.file("config.toml", &text.replace(&right, &wrong));
    let before = (reads(&lab.server).await, reads(&twin.server).await);
    let ran = lab.apply(&plan).ends_with(7);
    assert!(ran.stdout.contains("the plan is for database"), "{}", ran.everything());
    assert_eq!((reads(&lab.server).await, reads(&twin.server).await), before);
}

#[tokio::test]
async fn without_an_executor_no_plan_is_used_up() {
    let Some(lab) = Lab::new(GRANTS).await else { return };
    let plan = lab.signed("plan.json", &[]);
    let text = fs::read_to_string(lab.world.path("config.toml")).unwrap();
    let cut =
        text.lines().filter(|line| !line.starts_with("executor")).map(|line| format!("{line}\n"));
    lab.file("config.toml", &cut.collect::<String>());
    let ran = lab.apply(&plan).ends_with(78);
    assert!(ran.stderr.contains("executor"), "{}", ran.stderr);
    lab.file("config.toml", &text);
    lab.apply(&plan).ends_with(0);
}

/// A socket before the server's, where the executor connects. When what it sends first holds a word, somebody else is
/// quicker.
struct Between {
    folder: tempfile::TempDir,
    connections: Arc<AtomicU32>,
}

impl Between {
    async fn new(server: &Server, word: &'static str, sql: &'static str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join(".s.PGSQL.5432")).unwrap();
        let connections = Arc::new(AtomicU32::new(0));
        let (count, behind) =
            (Arc::clone(&connections), server.socket_folder().join(".s.PGSQL.5432"));
        let other = admin(server, "directus").await;
        tokio::spawn(async move {
            let mut waiting = true;
            while let Ok((front, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                let (mut asked, mut told) = front.into_split();
                let (mut answers, mut server) =
                    UnixStream::connect(&behind).await.unwrap().into_split();
                tokio::spawn(async move { tokio::io::copy(&mut answers, &mut told).await });
                let mut buffer = vec![0; 1 << 16];
                while let Ok(length @ 1..) = asked.read(&mut buffer).await {
                    let bytes = &buffer[..length];
                    if waiting && bytes.windows(word.len()).any(|part| part == word.as_bytes()) {
                        waiting = false;
                        other.batch_execute(sql).await.unwrap();
                    }
                    server.write_all(bytes).await.unwrap();
                }
            }
        });
        Self { folder, connections }
    }

    fn connections(&self) -> u32 {
        self.connections.load(Ordering::SeqCst)
    }
}

impl Lab {
    /// Lets the executor connect there.
    fn through(&self, between: &Between) {
        let text = fs::read_to_string(self.world.path("config.toml")).unwrap();
        let real = self.server.socket_folder().display().to_string();
        let there = between.folder.path().display().to_string();
        let line = |line: &str| {
            let line = if line.starts_with("executor") {
                line.replace(&real, &there)
            } else {
                line.to_owned()
            };
            format!("{line}\n")
        };
        self.file("config.toml", &text.lines().map(line).collect::<String>());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_quicker_than_a_step_stops_it() {
    const GRANT: &str = "GRANT DELETE ON public.unit_version TO cutter_exec";
    const REVOKE: &str = "REVOKE DELETE ON public.unit_version FROM cutter_exec";
    let Some(lab) = Lab::new(GRANTS).await else { return };
    let (before, direct) =
        (reads(&lab.server).await, fs::read_to_string(lab.world.path("config.toml")).unwrap());
    for (word, code, said) in [
        // Between the gates and the look through the transaction, and between that and the COMMIT.
        ("countersign-executor", 5, "not what was signed any more"),
        ("GRANT SELECT ON", 1, "would not have ended as it was signed"),
    ] {
        lab.file("config.toml", &direct);
        let between = Between::new(&lab.server, word, GRANT).await;
        lab.through(&between);
        let plan = lab.signed("plan.json", &[]);
        lab.file("switch.toml", "version = 1\napply = false\n");
        lab.apply(&plan).ends_with(7);
        assert_eq!(between.connections(), 0, "nothing is opened while the switch is off");
        lab.file("switch.toml", "version = 1\napply = true\n");
        let ran = lab.apply(&plan).ends_with(code);
        assert!(ran.stdout.contains(said), "{word}: {}", ran.everything());
        assert_eq!(between.connections(), 1);
        assert_eq!(reads(&lab.server).await, before, "{word}");
        admin(&lab.server, "directus").await.batch_execute(REVOKE).await.unwrap();
    }
}

/// Roles, memberships, grants on a thing, and default privileges, with what is there and not wanted.
const MANY: &str = r#"
[pg_role.cutter_exec]
database = "directus"
connection_limit = 7
comment = "it's the cutter's"

[pg_role.cutter_new]
database = "directus"
login = false

[pg_membership."* to cutter_verify"]
database = "directus"
only = ["pg_monitor to cutter_verify"]

[pg_grant."on schema public"]
database = "directus"
grants = ["USAGE to PUBLIC, cutter_verify"]

[pg_grant."on future tables of cs_owner in schema public"]
database = "directus"
grants = ["SELECT to cutter_verify with grant option"]

[pg_grant."on function public.odd(text, integer[])"]
database = "directus"
grants = ["EXECUTE to cutter_verify"]
"#;

#[tokio::test]
async fn roles_memberships_and_default_privileges_come_and_go() {
    let Some(lab) = Lab::new(MANY).await else { return };
    let root = admin(&lab.server, "directus").await;
    let setup = "CREATE ROLE cs_super SUPERUSER LOGIN; GRANT cutter_exec TO cutter_verify; \
        CREATE FUNCTION public.odd(text, integer[]) RETURNS int LANGUAGE sql AS 'SELECT 1'; \
        GRANT CREATE ON SCHEMA public TO cutter_verify WITH GRANT OPTION";
    root.batch_execute(setup).await.unwrap();
    lab.configure(&lab.server, "cs_super");
    let state = lab.differences();
    assert_eq!(state.len(), 6);
    let plan = lab.signed("plan.json", &[]);
    lab.apply(&plan).ends_with(0);
    lab.check(0);
    // What is as it was left is taken back, whatever it was.
    lab.apply(&lab.signed("undo.json", &["--undo", &plan.0])).ends_with(0);
    assert_eq!(lab.differences(), state);
}

/// At every boundary of the run in turn: what became of the step is known afterwards, and nothing runs twice.
#[tokio::test]
async fn killed_anywhere_the_next_run_knows_what_became_of_it() {
    let Some(lab) = Lab::new(GRANTS).await else { return };
    let other = admin(&lab.server, "directus").await;
    let reset = "REVOKE SELECT ON cutter_governance.verify_result, \
                 cutter_governance.cut_change_set_affected_row FROM cutter_exec";
    other.batch_execute(reset).await.unwrap();
    let (mut seen, mut at) = (Vec::new(), 0);
    loop {
        let plan = lab.signed(&format!("{at}.json"), &[]);
        let config = lab.path("config.toml");
        let words = ["apply", "--config", &config, &plan.0, "--approval", &plan.1];
        let ledger = lab.world.path("data/ledger/executor");
        let ended = ran(&killed_at(at, &ledger, &words).output().unwrap());
        if ended.code == 0 {
            break;
        }
        assert_eq!(ended.code, -1, "{at}: it was not killed: {}", ended.everything());
        // The next run tells what became of it before it refuses the plan, or runs it where it was never begun.
        let after = lab.apply(&plan);
        let (granted, everything) = (reads(&lab.server).await, after.everything());
        let (came_to, reading) = match after.code {
            0 => ("not begun", true),
            _ if everything.contains("had been applied") => ("recovered", true),
            _ if everything.contains("was not applied") => ("not applied", false),
            // Killed when all of it was recorded, but for the end of the run.
            _ if lab.is_done(&plan) => ("done", true),
            6 => ("used up", false),
            _ => panic!("{at}: {everything}"),
        };
        assert_eq!(granted, (reading, reading), "{at}, {came_to}: {everything}");
        seen.push(came_to);
        lab.ledger();
        other.batch_execute(reset).await.unwrap();
        at += 1;
        assert!(at < 200, "it never came to its end: {seen:?}");
    }
    assert!(seen.contains(&"recovered") && seen.contains(&"not applied"), "{seen:?}");
}

/// A role that is not there, and all that it is given.
const NEW_ROLE: &str = r#"
[pg_role.cutter_new]
database = "directus"
login = true

[pg_grant.cutter_new]
database = "directus"
grants = ["SELECT on cutter_governance.verify_result, cutter_governance.review_decision"]

[pg_setting."statement_timeout for role cutter_new"]
database = "directus"
value = "5s"

[pg_setting."search_path for role cutter_new in database"]
database = "directus"
value = "cutter_governance, \"$user\""

[pg_setting."* for role cutter_new"]
database = "directus"
only = ["statement_timeout for role cutter_new"]
"#;

#[tokio::test]
async fn one_plan_makes_a_role_and_gives_it_grants_and_settings() {
    let Some(lab) = Lab::new(NEW_ROLE).await else { return };
    let ran = lab.run(&["plan", "--draft"]).ends_with(0);
    assert!(ran.stdout.contains("is written down by a table of its own"), "{}", ran.stdout);
    let plan = lab.signed("plan.json", &[]);
    let json: Value = serde_json::from_str(&fs::read_to_string(&plan.0).unwrap()).unwrap();
    let statements = json["steps"][0]["action"]["sql"]["statements"].as_array().unwrap();
    let texts: Vec<&str> = statements.iter().map(|one| one["text"].as_str().unwrap()).collect();
    assert!(texts[0].starts_with("CREATE ROLE \"cutter_new\""), "{texts:?}");
    for part in [
        "GRANT SELECT ON TABLE \"cutter_governance\".\"verify_result\" TO \"cutter_new\"",
        "GRANT SELECT ON TABLE \"cutter_governance\".\"review_decision\" TO \"cutter_new\"",
        "ALTER ROLE \"cutter_new\" SET \"statement_timeout\" TO '5s'",
        "ALTER ROLE \"cutter_new\" IN DATABASE \"directus\" SET \"search_path\" TO 'cutter_governance', '$user'",
    ] {
        assert!(texts.contains(&part), "{part}: {texts:?}");
    }
    lab.apply(&plan).ends_with(0);
    lab.check(0);
    let undo = lab.signed("undo.json", &["--undo", &plan.0]);
    lab.apply(&undo).ends_with(0);
    let sql = "SELECT count(*) FROM pg_roles WHERE rolname = 'cutter_new'";
    let left: i64 = admin(&lab.server, "directus").await.query_one(sql, &[]).await.unwrap().get(0);
    assert_eq!(left, 0);
}

/// What is written down for `cutter_exec`.
const WRITTEN: &str = "SELECT string_agg(c, ';' ORDER BY c) FROM pg_db_role_setting s JOIN pg_roles r ON r.oid = s.setrole \
                       CROSS JOIN LATERAL unnest(s.setconfig) u (c) WHERE r.rolname = 'cutter_exec'";

#[tokio::test]
async fn settings_are_set_and_taken_back() {
    let wanted = r#"
[pg_setting."work_mem for role cutter_exec"]
database = "directus"
value = "8MB"
[pg_setting."jit for role cutter_exec"]
database = "directus"
present = false
[pg_setting."application_name for role cutter_exec in database"]
database = "directus"
value = "it's \\ on"
[pg_setting."work_mem for server"]
database = "directus"
value = "8MB"
"#;
    let Some(lab) = Lab::new(wanted).await else { return };
    let other = admin(&lab.server, "directus").await;
    let there = "ALTER ROLE cutter_exec SET work_mem = '4MB'; ALTER ROLE cutter_exec SET jit = off; \
                 GRANT SELECT ON pg_file_settings TO countersign_observer; \
                 GRANT EXECUTE ON FUNCTION pg_show_all_file_settings() TO countersign_observer; \
                 GRANT SELECT ON pg_file_settings TO cs_executor; \
                 GRANT EXECUTE ON FUNCTION pg_show_all_file_settings() TO cs_executor; \
                 GRANT cutter_exec TO cs_executor WITH ADMIN OPTION";
    other.batch_execute(there).await.unwrap();
    let written = async || -> String { other.query_one(WRITTEN, &[]).await.unwrap().get(0) };
    let before = written().await;
    let plan = lab.signed("plan.json", &[]);
    let ran = lab.run(&["plan", "--draft"]).ends_with(0);
    assert!(ran.stdout.contains("ALTER SYSTEM runs in no transaction"), "{}", ran.stdout);
    lab.apply(&plan).ends_with(0);
    assert_eq!(written().await, "application_name=it's \\ on;work_mem=8MB");
    let undo = lab.signed("undo.json", &["--undo", &plan.0]);
    lab.apply(&undo).ends_with(0);
    assert_eq!(written().await, before);
}
