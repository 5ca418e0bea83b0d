//! What `deploy/` holds is what this program takes: units that systemd finds narrow enough, configuration that is read,
//! roles that a real server makes and the observer looks with.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use tokio_postgres::error::SqlState;

use crate::lab::{Lab, admin, client_of};
use crate::program::{World, command, ran, run, skipped};

fn deploy(below: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy").join(below)
}

fn text(below: &str) -> String {
    fs::read_to_string(deploy(below)).unwrap_or_else(|e| panic!("{below}: {e}"))
}

/// A program of systemd, or a loud skip. CI has it.
fn tool(name: &str) -> Option<Command> {
    let there = Command::new(name).arg("--version").output().is_ok_and(|o| o.status.success());
    if !there {
        assert!(std::env::var_os("CI").is_none(), "{name} is missing");
        skipped("what deploy/ gives to systemd", &format!("there is no {name}"));
        return None;
    }
    Some(Command::new(name))
}

/// Does systemd rate the exposure of this unit at or below `tenths`?
fn exposed_at_most(unit: &Path, tenths: u32) -> Option<bool> {
    let mut analyze = tool("systemd-analyze")?;
    analyze.args(["security", "--offline=true", "--no-pager", &format!("--threshold={tenths}")]);
    let output = analyze.arg(unit).output().unwrap();
    let said = ran(&output).everything();
    assert!(said.contains("Overall exposure level"), "{said}");
    assert!(!said.contains("ignoring"), "a line that systemd does not understand: {said}");
    Some(output.status.success())
}

#[test]
fn units_are_as_narrow_as_they_say() {
    for (unit, tenths) in [
        ("countersign-watch.service", 20),
        ("countersign-check.service", 20),
        ("countersign-smoke@.service", 21),
        ("countersign-gaps.service", 25),
        ("countersign-apply@.service", 40),
    ] {
        let Some(narrow) = exposed_at_most(&deploy("systemd").join(unit), tenths) else { return };
        assert!(narrow, "{unit} is rated above {tenths} tenths");
    }
    // The rating can fail: the same unit with one line less.
    let folder = tempfile::tempdir().unwrap();
    let wide = folder.path().join("countersign-watch.service");
    let unit = text("systemd/countersign-watch.service");
    fs::write(&wide, unit.replace("NoNewPrivileges=yes\n", "")).unwrap();
    assert_eq!(exposed_at_most(&wide, 20), Some(false));
}

/// The values of a setting in a unit, in order.
fn values<'u>(unit: &'u str, key: &str) -> Vec<&'u str> {
    unit.lines().filter_map(|line| line.strip_prefix(key)?.strip_prefix('=')).collect()
}

#[test]
fn who_looks_has_one_capability_and_sees_the_world_as_it_is() {
    for unit in ["systemd/countersign-watch.service", "systemd/countersign-check.service"] {
        let unit = text(unit);
        assert_eq!(values(&unit, "User"), ["countersign"]);
        for key in ["CapabilityBoundingSet", "AmbientCapabilities"] {
            assert_eq!(values(&unit, key), ["CAP_DAC_READ_SEARCH"]);
        }
        let hidden = values(&unit, "InaccessiblePaths");
        assert!(hidden.contains(&"-/etc/countersign/executor"), "{hidden:?}");
        assert!(hidden.contains(&"-/var/lib/countersign/ledger/executor/key"), "{hidden:?}");
        // Each of these would have it report another world than the machine's.
        for key in ["PrivateTmp", "PrivateDevices", "PrivateUsers", "PrivateNetwork", "ProtectProc"]
            .iter()
            .chain(&["ProcSubset", "RootDirectory", "TemporaryFileSystem", "ProtectHostname"])
        {
            assert_eq!(values(&unit, key), Vec::<&str>::new(), "{key}");
        }
        assert_eq!(values(&unit, "ProtectHome"), ["read-only"]);
    }
    let smoke = text("systemd/countersign-smoke@.service");
    assert_eq!(values(&smoke, "CapabilityBoundingSet"), [""]);
    let gaps = text("systemd/countersign-gaps.service");
    assert_eq!(values(&gaps, "CapabilityBoundingSet"), ["CAP_DAC_READ_SEARCH"]);
    assert_eq!(values(&gaps, "ReadWritePaths"), ["/var/lib/countersign"]);
    let apply = text("systemd/countersign-apply@.service");
    assert!(!apply.contains("\n[Install]") && values(&apply, "Restart") == ["no"]);
}

/// What a unit is told to run is understood by this very program.
#[test]
fn commands_of_units_are_verbs() {
    for unit in fs::read_dir(deploy("systemd")).unwrap() {
        let path = unit.unwrap().path();
        if path.extension().is_none_or(|ext| ext != "service") {
            continue;
        }
        let unit = fs::read_to_string(&path).unwrap();
        let start = values(&unit, "ExecStart");
        let words: Vec<&str> = start[0].split(' ').collect();
        assert_eq!(words[0], "/usr/bin/countersign", "{path:?}");
        let verb = words[1];
        let known = verb != "apply" || cfg!(feature = "execute");
        if known && verb != "watch" {
            let help = run(&[verb, "--help"]).ends_with(0).everything();
            for option in words.iter().filter(|word| word.starts_with("--")) {
                let option = option.split('=').next().unwrap();
                assert!(help.contains(option), "{verb} has no {option}");
            }
        }
    }
}

#[test]
fn users_and_folders_are_made_as_written() {
    let Some(mut sysusers) = tool("systemd-sysusers") else { return };
    if !rustix::process::geteuid().is_root() {
        return skipped("folders of deploy/", "only root makes users");
    }
    let root = tempfile::tempdir().unwrap();
    fs::set_permissions(root.path(), fs::Permissions::from_mode(0o755)).unwrap();
    fs::create_dir(root.path().join("etc")).unwrap();
    let under = format!("--root={}", root.path().display());
    let made = sysusers.arg(&under).arg(deploy("sysusers.d/countersign.conf")).output().unwrap();
    assert!(made.status.success(), "{}", ran(&made).everything());
    let passwd = fs::read_to_string(root.path().join("etc/passwd")).unwrap();
    assert!(passwd.lines().any(|line| line.starts_with("countersign:")), "{passwd}");
    let mut tmpfiles = tool("systemd-tmpfiles").unwrap();
    let made = tmpfiles.args(["--create", &under]).arg(deploy("tmpfiles.d/countersign.conf"));
    let made = made.output().unwrap();
    assert!(made.status.success(), "{}", ran(&made).everything());
    let data = root.path().join("var/lib/countersign");
    for (folder, mode, roots) in [
        ("", 0o755, true),
        ("watch", 0o750, false),
        ("ledger/observer", 0o750, false),
        ("ledger/executor", 0o750, true),
        ("halt", 0o1770, true),
        ("plans", 0o700, true),
    ] {
        let meta = fs::metadata(data.join(folder)).unwrap();
        let is_roots = std::os::unix::fs::MetadataExt::uid(&meta) == 0;
        assert_eq!((meta.permissions().mode() & 0o7777, is_roots), (mode, roots), "{folder}");
    }
}

/// The examples in a folder of a test's own, where the program takes them as it takes a machine's.
fn examples() -> World {
    let world = World::new();
    for name in ["config.toml", "switch.toml", "trust.toml"] {
        world.write(&format!("etc/{name}"), text(&format!("etc/countersign/{name}")));
        let mode = fs::Permissions::from_mode(0o644);
        fs::set_permissions(world.path(&format!("etc/{name}")), mode).unwrap();
    }
    world
}

#[test]
fn examples_of_configuration_are_taken() {
    let world = examples();
    let config = world.path("etc/config.toml");
    let config = config.to_str().unwrap();
    let shown = run(&["config", "show", "--config", config]).ends_with(0).stdout;
    for (key, value) in [
        ("source.url", "/srv/git/desired.git"),
        ("metrics.listen", "127.0.0.1:9464"),
        ("notify.sink.pager", "https://alerts.example.org/"),
        ("schedule.daily", "html"),
        ("confine.require", "true"),
    ] {
        let line = shown.lines().find(|line| line.starts_with(key));
        assert!(line.is_some_and(|line| line.contains(value)), "{key}: {shown}");
    }
    assert!(
        !shown.contains("alerts.example.org/countersign"),
        "an address may be a secret: {shown}"
    );
    let trust = run(&["trust", "lint", "--config", config]).ends_with(0).everything();
    assert!(!trust.contains("error"), "{trust}");
    let halt = run(&["halt", "--status", "--config", config]).everything();
    assert!(halt.contains("off") || halt.contains("not armed") || halt.contains("false"), "{halt}");
    // What is wrong in it would be found.
    world.write(
        "etc/config.toml",
        text("etc/countersign/config.toml").replace("keep = 30", "keep = 0"),
    );
    run(&["config", "show", "--config", config]).ends_with(78);
}

/// A host with a database.
const HOST: &str = "[host]\nidentity = { hostname = \"testhost\" }\n[database.shop]\n";

/// Every metric that an alert asks for is one that is served.
#[test]
fn alerts_ask_for_metrics_that_exist() {
    let rules = text("prometheus/countersign.rules.yaml");
    let known: Vec<&str> = countersign::controller::metrics::NAMES.to_vec();
    let words = rules.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let asked: Vec<&str> = words.filter(|word| word.starts_with("countersign_")).collect();
    assert!(asked.len() >= 9, "{asked:?}");
    for metric in asked {
        assert!(known.contains(&metric), "there is no metric {metric}");
    }
}

#[tokio::test]
async fn the_role_that_looks_can_look_and_change_nothing() {
    let Some(lab) = Lab::alone().await else { return };
    lab.run("CREATE TABLE orders (n integer); INSERT INTO orders VALUES (1), (2)").await;
    let sql = text("postgresql/observer.sql");
    lab.run(&sql).await;
    lab.run(&sql).await;
    if lab.major < 14 {
        lab.run("GRANT SELECT ON orders TO countersign_observer").await;
    }
    let world = World::wanting(
        "[row_count.\"public.orders\"]\ndatabase = 'shop'\nrows = 2\n\
         [query.sum]\ndatabase = 'shop'\nsql = 'select sum(n)::text from public.orders'\nvalue = '3'\n\
         [pg_role.countersign_observer]\ndatabase = 'shop'\nsuperuser = false\nowns_nothing = true\n",
    );
    world.desired("hosts/a/host.toml", HOST);
    let url = lab.server.url("countersign_observer", &lab.database);
    world.write(
        "config.toml",
        format!("host = 'a'\nroot = 'root'\n[source]\nurl = 'desired'\n[database.shop]\nobserver = {{ url = '{url}' }}\n"),
    );
    let config = world.path("config.toml");
    ran(&command(&["check", "--config", config.to_str().unwrap()]).output().unwrap()).ends_with(0);
    let role = client_of(&lab.server, "countersign_observer", &lab.database).await;
    let refused = async |statement: &str, code: &str| {
        let error = role.batch_execute(statement).await.expect_err(statement);
        assert_eq!(error.code().map(SqlState::code), Some(code), "{statement}: {error}");
    };
    refused("INSERT INTO orders VALUES (3)", "25006").await;
    // It may lift what it set itself, and gains nothing by it.
    role.batch_execute("SET default_transaction_read_only = off").await.unwrap();
    for statement in [
        "INSERT INTO orders VALUES (3)",
        "DELETE FROM orders",
        "CREATE ROLE x",
        "SET ROLE postgres",
        "COPY (SELECT 1) TO PROGRAM 'true'",
    ] {
        refused(statement, "42501").await;
    }
}

#[tokio::test]
async fn the_role_that_applies_can_nothing_by_itself() {
    let Some(lab) = Lab::alone().await else { return };
    let sql = text("postgresql/executor.sql");
    lab.run(&sql).await;
    lab.run(&sql).await;
    lab.run(
        "CREATE ROLE app_owner; CREATE TABLE kept (n integer); ALTER TABLE kept OWNER TO app_owner",
    )
    .await;
    lab.run("CREATE ROLE reader").await;
    let role = client_of(&lab.server, "countersign_executor", &lab.database).await;
    for statement in [
        "SELECT * FROM kept",
        "GRANT SELECT ON kept TO reader",
        "CREATE ROLE x",
        "SET ROLE app_owner",
    ] {
        let error = role.batch_execute(statement).await.expect_err(statement);
        assert_eq!(error.code().map(SqlState::code), Some("42501"), "{statement}: {error}");
    }
    // As its comments say.
    lab.run("GRANT app_owner TO countersign_executor").await;
    role.batch_execute("GRANT SELECT ON kept TO reader").await.unwrap();
}

#[tokio::test]
async fn the_guard_of_proofs_is_the_one_that_desired_state_means() {
    let Some(lab) = Lab::alone().await else { return };
    lab.run(
        "CREATE ROLE app LOGIN; CREATE TABLE orders (n integer); GRANT INSERT ON orders TO app",
    )
    .await;
    lab.run(&text("postgresql/observer.sql")).await;
    lab.run(&text("postgresql/prover.sql")).await;
    let world = World::wanting("[proof_guard.countersign]\ndatabase = 'shop'\nprovers = ['app']\n");
    world.desired("hosts/a/host.toml", HOST);
    let url = lab.server.url("countersign_observer", &lab.database);
    world.write(
        "config.toml",
        format!("host = 'a'\nroot = 'root'\n[source]\nurl = 'desired'\n[database.shop]\nobserver = {{ url = '{url}' }}\n"),
    );
    let config = world.path("config.toml");
    run(&["check", "--config", config.to_str().unwrap()]).ends_with(0);
    let app = client_of(&lab.server, "app", &lab.database).await;
    app.batch_execute(
        "BEGIN; INSERT INTO countersign.pill VALUES (1); INSERT INTO orders VALUES (1)",
    )
    .await
    .unwrap();
    let error = app.batch_execute("COMMIT").await.expect_err("the pill");
    assert_eq!(error.code().map(SqlState::code), Some("CSP01"));
    let root = admin(&lab.server, &lab.database).await;
    let rows: i64 = root.query_one("SELECT count(*) FROM orders", &[]).await.unwrap().get(0);
    assert_eq!(rows, 0);
}
