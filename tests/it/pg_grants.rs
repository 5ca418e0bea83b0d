//! What is granted, through the built program: on the database of the worked example, on a large one, and written down.

use serde_json::Value;

use crate::lab::{GRANTS, Lab, admin};
use crate::private_server::started;
use crate::program::{Ran, World, resource, run};
use crate::server::{Options, Server};

const FIXTURE: &str = include_str!("../../src/demo/fixture.sql");

/// What the operators of the worked example asked of their grants: four questions with the answer yes.
const INVARIANTS: &str = r#"
[query.exec_may_write_units]
database = "directus"
sql = """SELECT pg_catalog.bool_and(pg_catalog.has_function_privilege('cutter_exec', p.oid, 'EXECUTE'))
  FROM pg_catalog.pg_proc p WHERE p.proname IN ('fn_iu_create', 'fn_iu_enact')"""
value = true

[query.verify_may_verify]
database = "directus"
sql = "SELECT pg_catalog.has_table_privilege('cutter_verify', 'cutter_governance.verify_result', 'SELECT') AND pg_catalog.has_table_privilege('cutter_verify', 'cutter_governance.verify_result', 'INSERT')"
value = true

[query.directus_reads_decisions]
database = "directus"
sql = "SELECT pg_catalog.has_table_privilege('directus', 'cutter_governance.review_decision', 'SELECT')"
value = true

[query.nothing_of_governance_is_public]
database = "directus"
sql = "SELECT NOT pg_catalog.bool_or(pg_catalog.has_function_privilege('public', p.oid, 'EXECUTE')) FROM pg_catalog.pg_proc p WHERE p.pronamespace = (SELECT n.oid FROM pg_catalog.pg_namespace n WHERE n.nspname = 'cutter_governance')"
value = true
"#;

/// Probes of the role that [`GRANTS`] is about, which stand in the same table, and other tables.
const WANTED: &str = r#"allowed = [
  "CONNECT on database directus",
  "INSERT on cutter_governance.cut_change_set_affected_row",
]
denied = [
  "DELETE, TRUNCATE, UPDATE on all tables in schema public, cutter_governance",
  "INSERT on cutter_governance.verify_result",
  "CREATE on schema public, cutter_governance",
  "CREATE, TEMPORARY on database directus",
]

[pg_grant.PUBLIC]
database = "directus"
within = ["cutter_governance"]
grants = []
denied = ["EXECUTE on all functions in schema cutter_governance"]

[pg_grant.context_pack_readonly]
database = "directus"
denied = ["USAGE on schema cutter_governance"]

[pg_grant."on cutter_governance.review_decision"]
database = "directus"
grants = ["SELECT, INSERT to cutter_exec", "SELECT to directus, countersign_observer"]
"#;

async fn fixture() -> Option<Server> {
    let server = started(&Options::default())?;
    let root = admin(&server, "postgres").await;
    root.batch_execute("CREATE ROLE directus LOGIN").await.unwrap();
    root.batch_execute("CREATE DATABASE directus OWNER directus").await.unwrap();
    admin(&server, "directus").await.batch_execute(FIXTURE).await.unwrap();
    Some(server)
}

fn world(server: &Server, role: &str, database: &str, wanted: &str) -> World {
    let world = World::wanting(wanted);
    let name = if database == "directus" { "directus" } else { "lab" };
    let host = format!("[host]\nidentity = {{ hostname = \"testhost\" }}\n[database.{name}]\n");
    world.desired("hosts/a/host.toml", host);
    let url = server.url(role, database);
    world.write("config.toml", format!("[database.{name}]\nobserver = {{ url = {url:?} }}\n"));
    world
}

fn check(world: &World, more: &[&str]) -> Ran {
    let config = world.path("config.toml");
    world.check(&[&["--config", config.to_str().unwrap()], more].concat())
}

fn report(world: &World, code: i32) -> Value {
    check(world, &["--output", "json"]).ends_with(code).report()
}

fn fields(report: &Value, name: &str) -> Vec<String> {
    let differences = resource(report, name)["differences"].as_array().unwrap();
    differences.iter().map(|d| d["field"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn four_invariants_hold_while_two_grants_are_missing() {
    let Some(server) = fixture().await else { return };
    let world = world(
        &server,
        "countersign_observer",
        "directus",
        &format!("{INVARIANTS}{GRANTS}{WANTED}"),
    );
    let found = report(&world, 2);
    for name in [
        "exec_may_write_units",
        "verify_may_verify",
        "directus_reads_decisions",
        "nothing_of_governance_is_public",
    ] {
        assert_eq!(resource(&found, &format!("query.{name}"))["verdict"], "in_sync", "{name}");
    }
    let missing = [
        "SELECT on cutter_governance.cut_change_set_affected_row to cutter_exec",
        "SELECT on cutter_governance.verify_result to cutter_exec",
    ];
    assert_eq!(fields(&found, "pg_grant.cutter_exec"), missing, "{found}");
    for name in ["PUBLIC", "context_pack_readonly", "on cutter_governance.review_decision"] {
        assert_eq!(resource(&found, &format!("pg_grant.{name}"))["verdict"], "in_sync", "{name}");
    }
    let text = check(&world, &[]).ends_with(2).stdout;
    for line in missing {
        assert!(text.contains(&format!("-{line}\n")), "{text}");
    }
    let root = admin(&server, "directus").await;
    root.batch_execute("GRANT SELECT ON cutter_governance.verify_result, cutter_governance.cut_change_set_affected_row TO cutter_exec")
        .await
        .unwrap();
    let found = report(&world, 0);
    let seen = resource(&found, "pg_grant.cutter_exec")["seen"].as_str().unwrap().to_owned();
    assert_eq!(seen, "23 grants, 2 allowed, 11 denied");
    root.batch_execute(
        "GRANT SELECT ON cutter_governance.verify_result TO context_pack_readonly; \
         GRANT EXECUTE ON FUNCTION cutter_governance.fn_change_set_is_open TO PUBLIC; \
         GRANT UPDATE ON public.unit_version TO cutter_exec",
    )
    .await
    .unwrap();
    let text = check(&world, &[]).ends_with(2).stdout;
    for line in [
        "+UPDATE on public.unit_version to cutter_exec\n",
        "UPDATE on public.unit_version  wanted denied  found \"allowed: granted to cutter_exec\"\n",
        "+EXECUTE on function cutter_governance.fn_change_set_is_open(integer) to PUBLIC\n",
    ] {
        assert!(text.contains(line), "{line}{text}");
    }
}

#[tokio::test]
async fn what_is_granted_is_written_down_and_in_sync() {
    let Some(server) = fixture().await else { return };
    let root = admin(&server, "directus").await;
    root.batch_execute(
        "REVOKE UPDATE ON public.dot_config FROM directus; GRANT UPDATE (title, remark) ON public.information_unit TO cutter_ro; \
         GRANT ALL ON public.event_outbox TO cutter_ro WITH GRANT OPTION; CREATE ROLE \"Odd to x\"; \
         CREATE SCHEMA \"S on t\"; CREATE TABLE \"S on t\".\"a, b\" (\"c)\" int); \
         GRANT SELECT (\"c)\") ON \"S on t\".\"a, b\" TO \"Odd to x\" WITH GRANT OPTION; \
         GRANT EXECUTE ON FUNCTION pg_catalog.pg_read_file(text) TO PUBLIC; REVOKE EXECUTE ON FUNCTION pg_sleep FROM PUBLIC; \
         ALTER DEFAULT PRIVILEGES FOR ROLE directus REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC; \
         ALTER DEFAULT PRIVILEGES FOR ROLE directus IN SCHEMA public GRANT SELECT ON TABLES TO cutter_ro",
    )
    .await
    .unwrap();
    let world = world(&server, "countersign_observer", "directus", "");
    let config = world.path("config.toml");
    let folder = world.path("adopted");
    let root_folder = world.path("root");
    let mut all = vec!["adopt", "--root", root_folder.to_str().unwrap(), "--host", "a"];
    all.extend([
        "--config",
        config.to_str().unwrap(),
        "-o",
        folder.to_str().unwrap(),
        "--only",
        "pg_grant",
    ]);
    all.extend([
        "--grants-of",
        "on public.dot_config",
        "--grants-of",
        "in schema cutter_governance",
    ]);
    run(&all).ends_with(0);
    let text = std::fs::read_to_string(folder.join("hosts/a/pg_grant.toml")).unwrap();
    for line in [
        "\"no UPDATE on public.dot_config\"",
        "\"UPDATE (title, remark) on public.information_unit\"",
        "\"ALL on public.event_outbox with grant option\"",
        r#"'SELECT ("c)") on "S on t"."a, b" with grant option'"#,
        "\"EXECUTE on function pg_catalog.pg_read_file(text)\"",
        "\"no EXECUTE on function pg_catalog.pg_sleep(double precision)\"",
        "\"no EXECUTE on future functions of directus\"",
        "\"SELECT on future tables of directus in schema public\"",
        "\"no UPDATE to directus\"",
        "\"SELECT, INSERT on cutter_governance.cut_change_set to cutter_exec\"",
        "# A superuser: it may do everything",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    let more = ["--desired", folder.to_str().unwrap(), "--config", config.to_str().unwrap()];
    let all = [&["check", "--root", root_folder.to_str().unwrap()], &more[..]].concat();
    let found = run(&all).ends_with(0);
    assert!(found.stdout.contains("pg_grant"), "{}", found.stdout);
}

#[tokio::test]
async fn what_does_not_exist_is_named() {
    let Some(lab) = Lab::new().await else { return };
    lab.run(
        "CREATE FUNCTION f(text) RETURNS int LANGUAGE sql AS 'SELECT 1'; CREATE TABLE t (a int)",
    )
    .await;
    let wanted = r#"
[pg_grant.PUBLIC]
database = "lab"
within = ["*"]
grants = [
  "EXECUTE on function public.f(text)", "USAGE on schema public",
  "EXECUTE on function public.f(uuid)", "SELECT on public.none", "UPDATE (b) on public.t", "USAGE on schema nowhere",
  "SELECT on all tables in schema nowhere", "SELECT on future tables of nobody in schema public",
]
denied = ["SELECT on public.none", "SELECT (b) on public.t", "SELECT on all tables in schema nowhere", "SELECT on large object 1"]
allowed = ["MAINTAIN on public.t"]

[pg_grant.nobody_of_that_name]
database = "lab"
grants = []

[pg_grant."on public.t"]
database = "lab"
grants = ["SELECT to nobody_of_that_name"]
"#;
    let world = world(&lab.server, &lab.observer, &lab.database, wanted);
    let ran = check(&world, &["-v"]);
    for line in [
        "-EXECUTE on function public.f(uuid) to PUBLIC (no such function; there is function public.f(text))",
        "-SELECT on public.none to PUBLIC (no such table)",
        "-UPDATE (b) on public.t to PUBLIC (no such column)",
        "-USAGE on schema nowhere to PUBLIC (no such schema)",
        "-SELECT on future tables of nobody in schema public to PUBLIC (no such role nobody)",
        "-SELECT on public.t to nobody_of_that_name (no such role)",
        "\"no such table\"",
        "\"no such large object\"",
        "\"no such column\"",
        "\"no such schema\"",
        "MAINTAIN on public.t",
    ] {
        assert!(ran.stdout.contains(line), "{line}\n{}", ran.stdout);
    }
    // A privilege of a later version cannot be told; from then on it is not held.
    let version = "SELECT current_setting('server_version_num')::int4";
    let version: i32 = lab.admin.query_one(version, &[]).await.unwrap().get(0);
    let unknown = ran.stdout.contains("this server knows no privilege `MAINTAIN`");
    assert_eq!((ran.code, unknown), if version < 170_000 { (4, true) } else { (2, false) });
}

#[tokio::test]
async fn ten_thousand_grants_cost_one_question() {
    let Some(lab) = Lab::new().await else { return };
    let role = format!("{}_many", lab.database);
    lab.run(&format!(
        "CREATE ROLE {role}; CREATE SCHEMA big; DO $$ BEGIN FOR n IN 1..2000 LOOP \
         EXECUTE format('CREATE TABLE big.t%s (a int)', n); END LOOP; END $$; \
         GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON ALL TABLES IN SCHEMA big TO {role}; \
         REVOKE DELETE ON big.t77 FROM {role}; GRANT REFERENCES ON big.t99 TO {role}"
    ))
    .await;
    let wanted = format!(
        "[pg_grant.{role}]\ndatabase = \"lab\"\ngrants = [\"SELECT, INSERT, UPDATE, DELETE, TRUNCATE on all tables in schema big\"]\n\
         allowed = [\"SELECT on all tables in schema big\"]\n"
    );
    let world = world(&lab.server, &lab.observer, &lab.database, &wanted);
    let found = report(&world, 2);
    let name = format!("pg_grant.{role}");
    let wanted =
        [format!("DELETE on big.t77 to {role}"), format!("REFERENCES on big.t99 to {role}")];
    assert_eq!(fields(&found, &name)[..2], wanted);
    assert_eq!(
        fields(&found, &name).len(),
        2 + 2000,
        "without USAGE on the schema nothing is allowed"
    );
    assert_eq!(resource(&found, &name)["counts"]["matched"], 9_999);
}

#[test]
fn a_sentence_that_is_wrong_is_marked_in_its_list() {
    let wanted = "[pg_grant.x]\ndatabase = \"lab\"\ngrants = [\n  \"SELECT on s.t\",\n  \"SELEC on s.t\",\n]\n";
    let world = World::wanting(wanted);
    let host = "[host]\nidentity = { hostname = \"testhost\" }\n[database.lab]\n";
    world.desired("hosts/a/host.toml", host);
    let ran = run(&["lint", world.path("desired").to_str().unwrap()]).ends_with(65);
    for words in
        ["resources.toml:5:3", "tables have no privilege `SELEC`", "did you mean `SELECT`?"]
    {
        assert!(ran.everything().contains(words), "{words}: {ran:?}");
    }
}
