//! `pg_schema` against a real server, through the built program and through the library.

use std::fs;
use std::sync::Arc;

use countersign::config::{Policy, SmokePolicy};
use countersign::kinds::{Files, kind};
use countersign::model::{ResourceName, SystemClock};
use countersign::observed::{Question, collect};
use countersign::probe::World as Probe;
use countersign::probe::catalog::Fingerprint;
use countersign::probe::catalog::fingerprint::transactions;
use countersign::probe::host::Host;
use serde_json::{Value, json};

use crate::lab::{Lab, admin, limits};
use crate::program::{Ran, World, resource, run};

/// One of each class of objects.
pub(crate) const ZOO: &str = "CREATE TABLE public.unit (id bigint PRIMARY KEY, title text NOT NULL DEFAULT 'x', \
        state text CONSTRAINT known CHECK (state <> '')); COMMENT ON TABLE public.unit IS 'units'; \
    CREATE INDEX unit_state ON public.unit (state) WHERE state IS NOT NULL; \
    CREATE FUNCTION public.fn_guard() RETURNS trigger LANGUAGE plpgsql AS $$\nBEGIN\n\tRETURN new; -- a\\b\nEND\n$$; \
    CREATE TRIGGER guard BEFORE UPDATE ON public.unit FOR EACH ROW WHEN (new.state IS NOT NULL) \
        EXECUTE FUNCTION public.fn_guard(); \
    CREATE VIEW public.units AS SELECT id, title FROM public.unit; \
    CREATE SEQUENCE public.numbers; CREATE TYPE public.mood AS ENUM ('well', 'ill'); \
    CREATE DOMAIN public.word AS text CHECK (VALUE <> ''); \
    CREATE COLLATION public.plain (provider = libc, locale = 'C'); \
    CREATE EXTENSION pgcrypto; GRANT SELECT ON public.unit TO OBSERVER";

/// A world that looks at a laboratory, without desired state.
pub(crate) fn world(lab: &Lab) -> World {
    let world = World::new();
    let url = lab.server.url(&lab.observer, &lab.database);
    world.write("config.toml", format!("[database.lab]\nobserver = {{ url = {url:?} }}\n"));
    world
}

pub(crate) fn adopt(world: &World, more: &[&str]) -> Ran {
    let (root, folder) = (world.path("root"), world.path("desired"));
    let config = world.path("config.toml");
    let mut all = vec!["adopt", "--root", root.to_str().unwrap(), "--host", "a"];
    all.extend(["--config", config.to_str().unwrap(), "-o", folder.to_str().unwrap()]);
    all.extend(more);
    run(&all)
}

pub(crate) fn check(world: &World, more: &[&str]) -> Ran {
    let config = world.path("config.toml");
    world.check(&[&["--config", config.to_str().unwrap()], more].concat())
}

/// The report about one schema.
pub(crate) fn report(world: &World, name: &str, more: &[&str]) -> Value {
    let ran = check(world, &[&["--output", "json"], more].concat());
    resource(&ran.report(), name).clone()
}

/// What differs, as `CHANGE FIELD`.
pub(crate) fn differences(resource: &Value) -> Vec<String> {
    let differences = resource["differences"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    differences.map(|d| format!("{} {}", text(&d["change"]), text(&d["field"]))).collect()
}

pub(crate) fn manifest(world: &World, name: &str) -> String {
    fs::read_to_string(world.path(&format!("desired/hosts/a/manifests/{name}.schema"))).unwrap()
}

pub(crate) async fn zoo() -> Option<(Lab, World)> {
    // What other tests do to roles and databases shows in the fingerprint of a shared server.
    Some(adopted(Lab::alone().await?).await)
}

async fn adopted(lab: Lab) -> (Lab, World) {
    lab.run(ZOO).await;
    let world = world(&lab);
    adopt(&world, &["--schema", "public"]).ends_with(0);
    (lab, world)
}

#[tokio::test]
async fn what_was_adopted_is_in_sync_and_every_difference_is_named() {
    let Some((lab, world)) = zoo().await else { return };
    check(&world, &[]).ends_with(0);
    let seen = report(&world, "pg_schema.public", &[]);
    let (listed, matched) = (&seen["counts"]["listed"], &seen["counts"]["matched"]);
    assert!(listed == matched && listed.as_u64() > Some(15), "{seen}");
    assert!(seen["counts"]["of_extensions"].as_u64() > Some(20), "pgcrypto is there: {seen}");
    let text = manifest(&world, "public");
    let member =
        "function public.gen_random_bytes(integer)\n  owner: postgres\n  of_extension: sha256:";
    assert!(text.contains(member), "an owner and a digest, no more: {text}");
    lab.run(
        "ALTER TABLE public.unit ALTER COLUMN title SET DEFAULT 'y'; DROP INDEX public.unit_state; \
         CREATE OR REPLACE FUNCTION public.fn_guard() RETURNS trigger LANGUAGE plpgsql AS \
             $$\nBEGIN\n\tRETURN old; -- a\\b\nEND\n$$; \
         CREATE TRIGGER zz AFTER INSERT ON public.unit FOR EACH ROW EXECUTE FUNCTION public.fn_guard(); \
         REVOKE SELECT ON public.unit FROM OBSERVER; COMMENT ON SEQUENCE public.numbers IS 'n'",
    )
    .await;
    let seen = report(&world, "pg_schema.public", &[]);
    let wanted = [
        "unlisted trigger zz on public.unit".to_owned(),
        format!("missing grant SELECT on public.unit to {}", lab.observer),
        "missing index unit_state on public.unit".to_owned(),
        "changed function public.fn_guard()".to_owned(),
        "changed sequence public.numbers".to_owned(),
        "changed table public.unit".to_owned(),
    ];
    assert_eq!(differences(&seen), wanted);
    let lines = seen["differences"][3]["unified_diff"].as_str().unwrap();
    assert!(
        lines.contains("-    \\tRETURN new; -- a\\\\b\n+    \\tRETURN old; -- a\\\\b\n"),
        "{lines}"
    );
    let shown = check(&world, &[]).ends_with(2).stdout;
    for line in [
        "+trigger zz on public.unit",
        "-index unit_state on public.unit",
        "~function public.fn_guard()",
    ] {
        assert!(shown.contains(line), "{line}: {shown}");
    }
    adopt(&world, &["--schema", "public"]).ends_with(0);
    check(&world, &[]).ends_with(0);
}

#[tokio::test]
async fn what_is_switched_off_or_ignored_is_not_compared() {
    let Some((lab, world)) = zoo().await else { return };
    let table = |keys: &str| {
        let text = format!(
            "[pg_schema.public]\ndatabase = \"lab\"\nmanifest = \"manifests/public.schema\"\n{keys}"
        );
        world.desired("hosts/a/pg_schema.toml", text);
    };
    let role = format!("{}_owner", lab.database);
    lab.run(&format!(
        "CREATE ROLE {role}; ALTER TABLE public.unit OWNER TO {role}; COMMENT ON TABLE public.unit IS 'others'; \
         GRANT INSERT ON public.unit TO OBSERVER; CREATE FUNCTION public.tmp_1() RETURNS int LANGUAGE sql AS 'SELECT 1'"
    ))
    .await;
    table("");
    let seen = report(&world, "pg_schema.public", &[]);
    let wanted = [
        "unlisted function public.tmp_1()".to_owned(),
        "unlisted grant EXECUTE on function public.tmp_1() to PUBLIC".to_owned(),
        format!("unlisted grant INSERT on public.unit to {}", lab.observer),
        "changed table public.unit".to_owned(),
    ];
    assert_eq!(differences(&seen), wanted);
    table("grants = false\nignore = [\"function public.tmp_*\"]\n");
    assert_eq!(
        differences(&report(&world, "pg_schema.public", &[])),
        ["changed table public.unit"]
    );
    table(
        "grants = false\nowners = false\ncomments = false\nignore = [\"function public.tmp_*\"]\n",
    );
    let seen = report(&world, "pg_schema.public", &[]);
    assert_eq!((differences(&seen), &seen["counts"]["ignored"]), (vec![], &json!(1)));
    // What is left out on purpose hides nothing else.
    lab.run("ALTER TABLE public.unit ADD COLUMN owner text").await;
    assert_eq!(
        differences(&report(&world, "pg_schema.public", &[])),
        ["changed table public.unit"]
    );
}

#[tokio::test]
async fn what_postgresql_brought_is_pinned_by_a_digest() {
    let Some(lab) = Lab::new().await else { return };
    let world = world(&lab);
    adopt(&world, &["--schema", "*"]).ends_with(0);
    let everything = fs::read_to_string(world.path("desired/hosts/a/pg_schema.toml")).unwrap();
    assert!(!everything.contains("pg_catalog"), "no pattern is about it: {everything}");
    adopt(&world, &["--schema", "pg_catalog"]).ends_with(0);
    let written = fs::read_to_string(world.path("desired/hosts/a/pg_schema.toml")).unwrap();
    assert!(written.contains("[pg_schema.pg_catalog]") && written.contains("digest = \"sha256:"));
    check(&world, &[]).ends_with(0);
    // What nobody defined in it is nothing of it.
    lab.run("CREATE TABLE public.quiet (id bigint); DROP TABLE public.quiet; ANALYZE pg_catalog.pg_class").await;
    check(&world, &[]).ends_with(0);
    let replace = |body: &str| {
        format!(
            "CREATE OR REPLACE FUNCTION pg_catalog.initcap(text) RETURNS text \
             IMMUTABLE STRICT PARALLEL SAFE LANGUAGE {body}"
        )
    };
    lab.run(&replace("sql AS 'SELECT $1'")).await;
    check(&world, &[]).ends_with(2);
    assert_eq!(differences(&report(&world, "pg_schema.pg_catalog", &[])), ["changed digest"]);
    lab.run(&replace("internal AS 'initcap'")).await;
    check(&world, &[]).ends_with(0);
}

#[tokio::test]
async fn a_digest_says_that_something_differs() {
    let Some((lab, world)) = zoo().await else { return };
    let digest = countersign::model::Digest::of(manifest(&world, "public").as_bytes());
    let table = |digest: &str| {
        let text = format!("[pg_schema.public]\ndatabase = \"lab\"\ndigest = \"{digest}\"\n");
        world.desired("hosts/a/pg_schema.toml", text);
    };
    table(&format!("{digest:?}"));
    check(&world, &[]).ends_with(0);
    lab.run("ALTER FUNCTION public.fn_guard() SECURITY DEFINER").await;
    assert_eq!(differences(&report(&world, "pg_schema.public", &[])), ["changed digest"]);
    table("sha256:12");
    check(&world, &[]).ends_with(65);
}

#[tokio::test]
async fn two_databases_of_one_script_have_one_manifest() {
    let (Some((one, first)), Some((other, second))) = (zoo().await, zoo().await) else { return };
    // Neither a dropped column nor what was counted or analyzed belongs to a definition.
    for sql in [
        "ALTER TABLE public.unit ADD COLUMN gone int; ALTER TABLE public.unit DROP COLUMN gone; ANALYZE",
        "SELECT nextval('public.numbers'); INSERT INTO public.unit VALUES (1, 'a', 'b')",
        "REINDEX TABLE public.unit",
        "VACUUM FULL public.unit",
    ] {
        other.run(sql).await;
    }
    adopt(&second, &["--schema", "public"]).ends_with(0);
    let of_second = manifest(&second, "public").replace(&other.observer, &one.observer);
    assert_eq!(manifest(&first, "public"), of_second);
}

#[tokio::test]
async fn a_schema_that_is_gone_is_a_difference_and_names_are_taken_as_they_are() {
    let Some(lab) = Lab::new().await else { return };
    let hostile = "CREATE SCHEMA \"Odd \"\"schema\"; CREATE TABLE \"Odd \"\"schema\".\"a\nb on public.t\" (\"\u{1b}[2J\" int)";
    lab.run(hostile).await;
    let world = world(&lab);
    adopt(&world, &["--schema", "Odd*"]).ends_with(0);
    let ran = check(&world, &[]).ends_with(0);
    assert!(!ran.stdout.contains('\u{1b}'), "{}", ran.stdout);
    let name = "pg_schema.Odd \"schema";
    assert_eq!(report(&world, name, &[])["verdict"], "in_sync");
    lab.run("DROP SCHEMA \"Odd \"\"schema\" CASCADE").await;
    let seen = report(&world, name, &[]);
    assert_eq!(seen["differences"][0]["field"], "presence", "{seen}");
}

#[tokio::test]
async fn what_is_behind_a_lock_is_unknown_by_name_and_the_rest_is_compared() {
    let Some((lab, world)) = zoo().await else { return };
    lab.run("CREATE TABLE public.other (n int); DROP TYPE public.mood").await;
    let migration = admin(&lab.server, &lab.database).await;
    migration
        .batch_execute("BEGIN; LOCK TABLE public.unit IN ACCESS EXCLUSIVE MODE")
        .await
        .unwrap();
    let seen = report(&world, "pg_schema.public", &[]);
    assert_eq!(seen["verdict"], "unknown", "{seen}");
    let blind: Vec<(&str, &str)> = seen["blind"]
        .as_array()
        .unwrap()
        .iter()
        .map(|b| (b["field"].as_str().unwrap(), b["reason"].as_str().unwrap()))
        .collect();
    assert!(blind.contains(&("public.unit", "locked")), "{seen}");
    assert!(blind.iter().all(|(_, reason)| *reason == "locked"), "{seen}");
    let found = differences(&seen);
    for wanted in ["unlisted table public.other", "missing type public.mood"] {
        assert!(found.iter().any(|found| found == wanted), "{wanted}: {found:?}");
    }
    let of_unit = |found: &&String| found.ends_with("public.unit") && !found.contains("grant");
    assert_eq!(found.iter().find(of_unit), None, "what nobody could read is not missing");
}

#[tokio::test]
async fn a_schema_is_not_read_again_while_no_definition_changes() {
    let Some(lab) = Lab::alone().await else { return };
    let (lab, world) = adopted(lab).await;
    let data = world.path("data");
    let cached = ["--cached", "--data", data.to_str().unwrap()];
    let look = || {
        let seen = report(&world, "pg_schema.public", &cached);
        (seen["evidence"].clone(), seen["verdict"].clone())
    };
    assert_eq!(look(), (json!("queried"), json!("in_sync")));
    assert_eq!(look(), (json!("stat_cached"), json!("in_sync")));
    lab.run("INSERT INTO public.unit VALUES (1, 'a', 'b'); ANALYZE; CREATE TEMP TABLE t (n int)")
        .await;
    // Every statement that defines something ends the memory, whatever class it is about.
    for (sql, verdict) in [
        ("ALTER TABLE public.unit DISABLE TRIGGER guard", "drift"),
        ("ALTER TABLE public.unit ENABLE TRIGGER guard", "in_sync"),
        ("ALTER SEQUENCE public.numbers OWNED BY public.unit.id", "drift"),
        ("ALTER SEQUENCE public.numbers OWNED BY NONE", "in_sync"),
        ("GRANT UPDATE (title) ON public.unit TO OBSERVER", "drift"),
        ("REVOKE UPDATE (title) ON public.unit FROM OBSERVER", "in_sync"),
        ("COMMENT ON INDEX public.unit_state IS 'x'", "drift"),
        ("COMMENT ON INDEX public.unit_state IS NULL", "in_sync"),
        ("ALTER TYPE public.mood RENAME VALUE 'ill' TO 'unwell'", "drift"),
        ("ALTER ROLE OBSERVER SET datestyle = 'SQL'", "drift"),
    ] {
        lab.run(sql).await;
        assert_eq!(look(), (json!("queried"), json!(verdict)), "{sql}");
        assert_eq!(look(), (json!("stat_cached"), json!(verdict)), "{sql}");
    }
    let toml = "[pg_schema.public]\ndatabase = \"lab\"\nmanifest = \"manifests/public.schema\"\n";
    world.desired("hosts/a/pg_schema.toml", format!("{toml}comments = false\n"));
    assert_eq!(look().0, json!("queried"), "another question");
    world.desired("hosts/a/pg_schema.toml", format!("{toml}kill_switch = true\n"));
    for _ in 0..2 {
        assert_eq!(look().0, json!("queried"), "a guard");
    }
}

#[tokio::test]
async fn the_fingerprint_moves_with_definitions_and_with_nothing_else() {
    let Some(lab) = Lab::alone().await else { return };
    lab.run(ZOO).await;
    let look = async || Fingerprint::of(&lab.session().await).await.unwrap();
    let mut before = look().await;
    lab.run("INSERT INTO public.unit VALUES (1, 'a', 'b'); SELECT nextval('public.numbers')").await;
    for sql in ["ANALYZE", "VACUUM public.unit", "CHECKPOINT"] {
        lab.run(sql).await;
    }
    assert_eq!(look().await.changed(&before), Vec::<&str>::new());
    for (sql, catalog) in [
        ("ALTER FUNCTION public.fn_guard() COST 7", "pg_proc"),
        ("ALTER TABLE public.unit ALTER title SET DEFAULT 'y'", "pg_attrdef"),
        (
            "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'public.unit_state'::regclass",
            "pg_index",
        ),
        ("ALTER EXTENSION pgcrypto DROP FUNCTION public.gen_random_uuid()", "pg_depend"),
        ("ALTER ROLE OBSERVER VALID UNTIL '2099-01-01'", "pg_roles"),
        ("DROP VIEW public.units", "pg_rewrite"),
    ] {
        lab.run(sql).await;
        let after = look().await;
        assert!(after.changed(&before).contains(&catalog), "{sql}: {:?}", after.changed(&before));
        before = after;
    }
}

struct OneFile(Vec<u8>);

impl Files for OneFile {
    fn read(&self, _path: &str) -> Result<Arc<[u8]>, String> {
        Ok(self.0.as_slice().into())
    }
}

/// The question about `public`, as the program would put it.
fn question(text: &str) -> Question {
    let entry = kind("pg_schema").unwrap();
    let table = json!({"database": "lab", "manifest": "m"});
    let mut problems = Vec::new();
    let spec = entry.read(table).unwrap().prepare("public", &OneFile(text.into()), &mut problems);
    assert_eq!(problems, []);
    Question { name: ResourceName::new("pg_schema", "public"), kind: entry, spec }
}

async fn probe(lab: &Lab) -> Arc<Probe> {
    let session = lab.session_as(&lab.observer, limits()).await;
    Arc::new(Probe {
        host: Arc::new(Host::open(std::path::Path::new("/"), Policy::nothing()).unwrap()),
        databases: [("lab".to_owned(), session)].into(),
        caches: None,
        progress: Arc::default(),
        now: "2026-05-21T06:28:50Z".parse().unwrap(),
        deadline: std::time::Duration::from_mins(1),
        threads: countersign::probe::Threads::Exactly(1),
        smoke: SmokePolicy::nothing(),
    })
}

/// The trap: a server writes the text of a view from its present state, past the snapshot.
#[tokio::test]
async fn a_definition_that_changes_during_the_look_is_not_mixed_into_it() {
    let Some((lab, world)) = zoo().await else { return };
    let text = manifest(&world, "public");
    let probe = probe(&lab).await;
    let session = probe.database("lab").unwrap();
    let taken = transactions(session).await.unwrap();
    lab.run("ALTER TABLE public.unit RENAME COLUMN title TO name").await;
    let shown = session
        .ask(
            "SELECT pg_catalog.pg_get_viewdef('public.units'::pg_catalog.regclass), \
              (SELECT a.attname::text FROM pg_catalog.pg_attribute a WHERE a.attnum = 2 \
              AND a.attrelid = 'public.unit'::pg_catalog.regclass)",
            &[],
        )
        .await
        .unwrap();
    let [Some(view), Some(column)] = shown[0].as_slice() else { panic!("{shown:?}") };
    assert!(
        view.contains("name") && column == "title",
        "the trap is there: {view} beside {column}"
    );
    // All is asked again on a new snapshot, which has the column's new name everywhere.
    let asked = question(&text);
    let snapshot = collect(&probe, std::slice::from_ref(&asked), &SystemClock).await;
    assert_ne!(transactions(session).await.unwrap(), taken, "the session has a new snapshot");
    let found = asked.spec.diff("public", snapshot.answer(&asked).unwrap()).unwrap();
    let named = found.differences.iter().map(|d| d.field.as_str());
    // From version 18 on a column's NOT NULL is a constraint, which has the new name as well.
    let named: Vec<&str> = named.filter(|name| !name.starts_with("constraint")).collect();
    assert_eq!(named, ["table public.unit", "view public.units"], "{found:?}");
    for difference in &found.differences {
        let lines = difference.unified.as_deref().unwrap_or_default();
        assert!(
            lines.lines().any(|line| line.starts_with('+') && line.contains("name")),
            "{lines}"
        );
    }
}

/// While somebody defines something without pause, what differs from look to look cannot be told, and what does not can.
#[tokio::test]
async fn a_schema_that_never_rests_is_unknown_and_a_busy_database_is_not() {
    let Some((lab, world)) = zoo().await else { return };
    let text = manifest(&world, "public");
    let asked = question(&text);
    let busy = async |sql: &'static str, looks: usize| {
        let other = admin(&lab.server, &lab.database).await;
        let (stop, mut stopped) = tokio::sync::oneshot::channel::<()>();
        let task = tokio::spawn(async move {
            let mut count = 0_u32;
            while stopped.try_recv().is_err() {
                count += 1;
                other.batch_execute(&sql.replace("NUMBER", &count.to_string())).await.unwrap();
            }
        });
        let mut unknown = None;
        for _ in 0..looks {
            let probe = probe(&lab).await;
            let snapshot = collect(&probe, std::slice::from_ref(&asked), &SystemClock).await;
            match snapshot.answer(&asked) {
                Ok(seen) => {
                    let found = asked.spec.diff("public", seen).unwrap();
                    let of_it = |field: &str| field == "sequence public.numbers";
                    assert!(found.differences.iter().all(|d| of_it(&d.field)), "{found:?}");
                    assert!(found.blind.is_empty(), "{found:?}");
                }
                Err(why) => {
                    unknown = Some(why);
                    break;
                }
            }
        }
        stop.send(()).unwrap();
        task.await.unwrap();
        unknown
    };
    // Definitions elsewhere, all the time: every look finds the same, and says so.
    let elsewhere = "CREATE SCHEMA s; CREATE TABLE s.t (n int); DROP SCHEMA s CASCADE";
    assert_eq!(busy(elsewhere, 5).await, None);
    // However slow this machine is, some look will see a change twice.
    let why = busy("COMMENT ON SEQUENCE public.numbers IS 'NUMBER'", 200).await;
    let why = why.expect("it never rests");
    assert_eq!(why.reason, countersign::model::Reason::ChangedWhileReading, "{why}");
    assert!(why.detail.contains("pg_description"), "{why}");
}
