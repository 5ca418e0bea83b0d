//! Roles, memberships, settings that are written down, extensions and publications, asked of a real server.

use countersign::kinds::kind;
use countersign::model::{Comparison, Reason, Unknown};
use countersign::probe::World;
use serde_json::{Value, json};

use crate::lab::{Lab, admin, limits};
use crate::postgres_kinds::{lab_world, observed, specs, world};
use crate::program::{resource, skipped};

/// What comparing one resource finds, through what is stored of it.
async fn compared(
    world: &World,
    name: &str,
    key: &str,
    table: Value,
) -> Result<Comparison, Unknown> {
    let specs = specs(name, &[(key, table)]);
    let answer = kind(name).unwrap().observe(world, &specs).await.remove(key).unwrap();
    specs[0].1.diff(key, &answer?)
}

/// The fields that differ, and those that could not be told with the reason.
async fn found(world: &World, name: &str, key: &str, table: Value) -> Vec<String> {
    match compared(world, name, key, table).await {
        Err(unknown) => vec![format!("unknown {}", unknown.reason)],
        Ok(found) => {
            let blind = found.blind.iter().map(|b| format!("{} {}", b.field, b.unknown.reason));
            found.differences.iter().map(|d| d.field.clone()).chain(blind).collect()
        }
    }
}

const NOTHING: [&str; 0] = [];

#[tokio::test]
async fn all_roles_cost_one_question_and_what_they_own_another() {
    let Some(lab) = Lab::new().await else { return };
    let owner = format!("{}_owner", lab.database);
    lab.run(&format!("CREATE ROLE {owner} PASSWORD 'canary'; CREATE TABLE t (); ALTER TABLE t OWNER TO {owner}; \
                      CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'; ALTER FUNCTION f OWNER TO {owner}")).await;
    let world = lab_world(&lab).await;
    let all = format!("{}_*", lab.database);
    let tables = [
        (owner.as_str(), json!({"owns_nothing": true})),
        (lab.observer.as_str(), json!({"owns_nothing": true})),
        (all.as_str(), json!({"only": []})),
    ];
    let stored = observed(&world, "pg_role", &tables).await;
    assert_eq!(world.database("lab").unwrap().questions().await, 2);
    let text = serde_json::to_string(&stored[&owner].as_ref().unwrap()).unwrap();
    assert!(
        !text.contains("SCRAM") && !text.contains("password") && !text.contains("canary"),
        "{text}"
    );
    let said = compared(&world, "pg_role", &owner, json!({"owns_nothing": true})).await.unwrap();
    let said = said.differences[0].actual.to_string();
    assert_eq!(said, "\"2 objects: function public.f(), table public.t\"");
    let observer = json!({"owns_nothing": true, "superuser": false, "login": true});
    assert_eq!(found(&world, "pg_role", &lab.observer, observer).await, NOTHING);
    // Of the role of initdb nobody keeps what it owns, but for what was made later.
    let lines = found(&world, "pg_role", "postgres", json!({"owns_nothing": true})).await;
    assert!(
        lines == ["owns_nothing not_supported"] || lines == ["owns_nothing"],
        "never in sync: {lines:?}"
    );
    assert_eq!(found(&world, "pg_role", "pg_monitor", json!({"login": false})).await, NOTHING);
    let listed = found(&world, "pg_role", "*", json!({"only": []})).await;
    assert!(listed.contains(&"postgres".to_owned()) && !listed.contains(&"pg_monitor".to_owned()));
    let listed = found(&world, "pg_role", "pg_*", json!({"only": []})).await;
    assert!(listed.contains(&"pg_monitor".to_owned()));
}

#[tokio::test]
async fn hostile_names_are_quoted_in_keys_and_escaped_where_they_are_shown() {
    let Some(lab) = Lab::new().await else { return };
    let (group, member) =
        (format!("{}_\nto\u{1b}", lab.database), format!("{}_ for role x", lab.database));
    lab.run(&format!(
        "CREATE ROLE \"{group}\"; CREATE ROLE \"{member}\"; GRANT \"{group}\" TO \"{member}\"; \
                      ALTER ROLE \"{member}\" SET search_path = E'a\\nb'"
    ))
    .await;
    let world = lab_world(&lab).await;
    let key = format!("\"{group}\" to \"{member}\"");
    assert_eq!(found(&world, "pg_membership", &key, json!({"admin": false})).await, NOTHING);
    let listed =
        found(&world, "pg_membership", &format!("* to \"{member}\""), json!({"only": []})).await;
    assert_eq!(listed.len(), 1);
    assert!(!listed[0].contains(['\n', '\u{1b}']), "{listed:?}");
    let key = format!("search_path for role \"{member}\"");
    let value = compared(&world, "pg_setting", &key, json!({"value": "x"})).await.unwrap();
    let value = value.differences[0].actual.to_string();
    assert!(value.contains("a\\\\nb"), "{value}");
    let listed =
        found(&world, "pg_role", &format!("{}_*", lab.database), json!({"only": []})).await;
    assert_eq!(listed.len(), 3);
    assert!(!listed.iter().any(|name| name.contains(['\n', '\u{1b}'])), "{listed:?}");
    lab.run(&format!("DROP ROLE \"{group}\", \"{member}\"")).await;
}

#[tokio::test]
async fn what_alter_system_wrote_is_unknown_without_the_right_and_nothing_else_is() {
    let Some(lab) = Lab::new().await else { return };
    let database = &lab.database;
    lab.run(&format!("ALTER DATABASE {database} SET app.mode = 'strict'; ALTER DATABASE {database} SET app.jwt_secret = 'canary'"))
        .await;
    let world = lab_world(&lab).await;
    let tables = [
        ("geqo for server", json!({"present": false})),
        ("geqo* for server", json!({"only": []})),
        ("app.mode for database", json!({"value": "strict"})),
    ];
    let stored = observed(&world, "pg_setting", &tables).await;
    for key in ["geqo for server", "geqo* for server"] {
        let unknown = stored[key].as_ref().expect_err(key);
        assert_eq!(unknown.reason, Reason::PermissionDenied);
        assert!(unknown.detail.contains("pg_show_all_file_settings"), "{}", unknown.detail);
    }
    assert!(stored["app.mode for database"].is_ok());
    let mode = |value: &str| json!({ "value": value });
    assert_eq!(found(&world, "pg_setting", "app.mode for database", mode("strict")).await, NOTHING);
    assert_eq!(
        found(&world, "pg_setting", "app.mode for database", mode("loose")).await,
        ["value"]
    );
    let both = json!({"only": ["app.jwt_secret for database", "app.mode for database"]});
    assert_eq!(found(&world, "pg_setting", "* for database", both).await, NOTHING);
    let none = compared(&world, "pg_setting", "* for database", json!({"only": []})).await.unwrap();
    let text = format!("{none:?}");
    assert!(
        text.contains("sha256:") && text.contains("strict") && !text.contains("canary"),
        "{text}"
    );
    lab.run(
        "GRANT SELECT ON pg_file_settings TO OBSERVER; \
             GRANT EXECUTE ON FUNCTION pg_show_all_file_settings() TO OBSERVER",
    )
    .await;
    let world = lab_world(&lab).await;
    assert_eq!(
        found(&world, "pg_setting", "geqo for server", json!({"present": false})).await,
        NOTHING
    );
}

#[tokio::test]
async fn a_setting_has_one_value_in_every_spelling() {
    let Some(lab) = Lab::new().await else { return };
    let database = &lab.database;
    for setting in [
        "statement_timeout = '5s'",
        "work_mem = '4MB'",
        "effective_cache_size = '128MB'",
        "enable_sort = on",
        "random_page_cost = '1.10'",
        "synchronous_commit = 'on'",
        "app.mode = 'on'",
    ] {
        lab.run(&format!("ALTER DATABASE {database} SET {setting}")).await;
    }
    let world = lab_world(&lab).await;
    for (setting, value, fields) in [
        ("statement_timeout", "5000", &[][..]),
        ("statement_timeout", "5001ms", &["value"]),
        ("statement_timeout", "5 kB", &["value undecidable"]),
        ("work_mem", "4096kB", &[]),
        ("work_mem", "5MB", &["value"]),
        ("effective_cache_size", "16384", &[]),
        ("enable_sort", "true", &[]),
        ("enable_sort", "0", &["value"]),
        ("random_page_cost", "1.1", &[]),
        ("synchronous_commit", "TRUE", &[]),
        ("synchronous_commit", "local", &["value"]),
        ("synchronous_commit", "nonsense", &["value undecidable"]),
        ("app.mode", "true", &["value"]),
    ] {
        let key = format!("{setting} for database");
        let found = found(&world, "pg_setting", &key, json!({ "value": value })).await;
        assert_eq!(found, fields, "{setting} = {value}");
    }
}

#[tokio::test]
async fn an_owner_is_no_grantee_and_is_found_by_others() {
    let Some(lab) = Lab::new().await else { return };
    let intruder = format!("{}_intruder", lab.database);
    lab.run(&format!(
        "CREATE ROLE {intruder}; CREATE TABLE public.t (); GRANT SELECT ON public.t TO OBSERVER; \
         GRANT USAGE ON SCHEMA public TO PUBLIC"
    ))
    .await;
    let checks = [
        ("pg_grant", intruder.clone(), json!({"grants": []})),
        ("pg_grant", intruder.clone(), json!({"denied": ["SELECT on public.t"]})),
        ("pg_role", intruder.clone(), json!({"owns_nothing": true})),
        ("pg_table", "public.t".to_owned(), json!({"owner": "postgres"})),
    ];
    let all = async |lab: &Lab| {
        let world = lab_world(lab).await;
        let mut fields = Vec::new();
        for (kind, key, table) in &checks {
            fields.push(found(&world, kind, key, table.clone()).await);
        }
        fields
    };
    assert_eq!(all(&lab).await, [&NOTHING; 4]);
    lab.run(&format!("ALTER TABLE public.t OWNER TO {intruder}")).await;
    let fields = all(&lab).await;
    assert_eq!(fields[0], NOTHING, "a list of grants says nothing of it");
    assert_eq!(fields[1..], [["SELECT on public.t"], ["owns_nothing"], ["owner"]]);
}

#[tokio::test]
async fn nothing_waits_for_a_restart_is_said_only_by_who_sees_every_setting() {
    let Some(lab) = Lab::new().await else { return };
    let none = json!({"pending_restart": false});
    let world = lab_world(&lab).await;
    let lines = found(&world, "pg_server", "x", none.clone()).await;
    assert_eq!(lines, ["pending_restart permission_denied"]);
    lab.run("GRANT pg_read_all_settings TO OBSERVER").await;
    let world = lab_world(&lab).await;
    assert_eq!(found(&world, "pg_server", "x", none).await, NOTHING);
    let some = json!({"pending_restart": true});
    assert_eq!(found(&world, "pg_server", "x", some).await, ["pending_restart"]);
}

#[tokio::test]
async fn before_16_a_membership_says_admin_and_nothing_else() {
    let Some(lab) = Lab::new().await else { return };
    let group = format!("{}_group", lab.database);
    lab.run(&format!("CREATE ROLE {group}; GRANT {group} TO OBSERVER")).await;
    let key = format!("{group} to {}", lab.observer);
    let world = lab_world(&lab).await;
    let wanted = json!({"admin": false, "inherit": true, "set": true, "grantors": ["postgres"]});
    let lines = found(&world, "pg_membership", &key, wanted).await;
    if lab.major >= 16 {
        assert_eq!(lines, NOTHING);
    } else {
        let old = ["inherit not_supported", "set not_supported", "grantors not_supported"];
        assert_eq!(lines, old);
    }
}

#[tokio::test]
async fn a_condition_on_rows_behind_a_lock_is_the_only_thing_that_is_unknown() {
    let Some(lab) = Lab::new().await else { return };
    if lab.major < 15 {
        return skipped("conditions on rows", "a publication has none before version 15");
    }
    lab.run("CREATE TABLE t (id int PRIMARY KEY, n int); CREATE TABLE u (id int PRIMARY KEY); \
             CREATE PUBLICATION p FOR TABLE t WHERE (n > 0), u; CREATE PUBLICATION q FOR TABLE u WHERE (id > 1)")
        .await;
    let other = admin(&lab.server, &lab.database).await;
    other.batch_execute("BEGIN; LOCK TABLE t IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let world = world(lab.session_as(&lab.observer, limits()).await);
    let wanted =
        json!({"owner": "postgres", "tables": {"public.t": {"rows": "(n > 0)"}, "public.u": {}}});
    let lines = found(&world, "pg_publication", "p", wanted.clone()).await;
    // Whether writing the condition takes a lock depends on the minor version; it is told or it is unknown, never wrong.
    assert!(
        lines == NOTHING || lines == ["tables.public.t.rows locked"],
        "the condition is told or unknown: {lines:?}"
    );
    let q = json!({"tables": {"public.u": {"rows": "(id > 1)"}}});
    assert_eq!(found(&world, "pg_publication", "q", q).await, NOTHING);
    other.batch_execute("ROLLBACK").await.unwrap();
    let world = lab_world(&lab).await;
    assert_eq!(found(&world, "pg_publication", "p", wanted).await, NOTHING);
}

/// A host whose desired state names the database, and wants nothing of it yet.
fn empty_world(lab: &Lab) -> crate::program::World {
    let world = crate::program::World::new();
    world.desired(
        "hosts/a/host.toml",
        "[host]\nidentity = { hostname = \"testhost\" }\n[database.lab]\n",
    );
    let url = lab.server.url(&lab.observer, &lab.database);
    world.write("config.toml", format!("[database.lab]\nobserver = {{ url = {url:?} }}\n"));
    world
}

/// Roles, memberships, settings, extensions and publications, some with names and values that need care.
async fn one_of_each(lab: &Lab) {
    let database = &lab.database;
    let new = lab.major >= 15;
    let part = if new { "t (id, n) WHERE (n > 0)" } else { "t" };
    let schema = if new { "TABLES IN SCHEMA s" } else { "TABLE t" };
    lab.run(&format!(
        "CREATE ROLE {database}_ro NOINHERIT CONNECTION LIMIT 3 VALID UNTIL '2098-01-01T12:00:00.5Z'; \
         COMMENT ON ROLE {database}_ro IS E'two\\nlines \"quoted\"'; CREATE ROLE \"{database}_ Odd\"; \
         GRANT {database}_ro TO \"{database}_ Odd\" WITH ADMIN OPTION; ALTER ROLE {database}_ro SET work_mem = '8MB'; \
         ALTER ROLE {database}_ro IN DATABASE {database} SET search_path = a, b; \
         ALTER ROLE {database}_ro SET app.password = 'canary'; CREATE EXTENSION btree_gist; \
         CREATE TABLE t (id int PRIMARY KEY, n int); CREATE SCHEMA s; \
         CREATE PUBLICATION p FOR TABLE {part}; CREATE PUBLICATION q FOR {schema}; \
         CREATE PUBLICATION everything FOR ALL TABLES WITH (publish = 'insert')"
    ))
    .await;
}

#[tokio::test]
async fn what_is_written_down_is_in_sync_and_notices_what_follows() {
    let Some(lab) = Lab::new().await else { return };
    let database = &lab.database;
    one_of_each(&lab).await;
    let world = empty_world(&lab);
    let (config, desired) = (world.path("config.toml"), world.path("desired"));
    let (config, desired) = (config.to_str().unwrap(), desired.to_str().unwrap());
    let root = world.path("root");
    let names = format!("{database}_*");
    let (memberships, settings) = (format!("{names} to *"), format!("* for role {names}"));
    let words = [
        "adopt",
        "--root",
        root.to_str().unwrap(),
        "-o",
        desired,
        "--host",
        "a",
        "--config",
        config,
    ];
    let asked = [
        "--role",
        &names,
        "--membership",
        &memberships,
        "--setting",
        &settings,
        "--extension",
        "*",
        "--publication",
        "*",
    ];
    let ran = crate::program::run(&[&words[..], &asked].concat());
    assert!(ran.stdout.contains("app.password"), "{}", ran.everything());
    assert!(!ran.everything().contains("canary"), "{}", ran.everything());
    let check = || world.check(&["--output", "json", "--config", config]);
    let ran = check();
    assert_eq!(ran.code, 0, "{}", ran.everything());
    let report = ran.report();
    for name in [
        format!("pg_role.{database}_ro"),
        format!("pg_role.{names}"),
        format!("pg_membership.{database}_ro to \"{database}_ Odd\""),
        format!("pg_setting.search_path for role {database}_ro in database"),
        "pg_extension.btree_gist".to_owned(),
        "pg_publication.p".to_owned(),
        "pg_publication.q".to_owned(),
        "pg_publication.everything".to_owned(),
    ] {
        assert_eq!(resource(&report, &name)["verdict"], "in_sync", "{name}");
    }
    lab.run(&format!(
        "ALTER ROLE {database}_ro CREATEROLE; REVOKE ADMIN OPTION FOR {database}_ro FROM \"{database}_ Odd\"; \
         ALTER PUBLICATION everything SET (publish = 'insert, delete')"
    ))
    .await;
    assert_eq!(check().ends_with(2).report()["summary"]["drift"], 3);
    lab.run(&format!("DROP ROLE \"{database}_ Odd\"")).await;
}
