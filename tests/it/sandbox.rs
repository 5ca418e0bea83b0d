//! The sandbox of `demo --keep`: every verb on a host with a live database, and the trouble a database can make.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use crate::program::{Ran, confines, resource, run};

/// A sandbox that is removed whatever becomes of the test.
struct Sandbox {
    folder: tempfile::TempDir,
}

impl Sandbox {
    /// `None`, loudly, where PostgreSQL is not installed or the kernel confines nothing, and this is not CI.
    fn up() -> Option<Self> {
        if !confines() {
            return None;
        }
        let sandbox = Self { folder: tempfile::tempdir().unwrap() };
        // Commands run as another user when these tests run as root, and have to get through.
        let passable = fs::Permissions::from_mode(0o711);
        fs::set_permissions(sandbox.folder.path(), passable).unwrap();
        let ran = run(&["demo", "--keep", sandbox.path().to_str().unwrap()]);
        if ran.code != 0
            && ran.stderr.contains("apt-get install postgresql")
            && std::env::var_os("CI").is_none()
        {
            eprintln!("SKIPPED, nothing was tested: {}", ran.stderr);
            return None;
        }
        ran.ends_with(0);
        Some(sandbox)
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("sandbox")
    }

    fn config(&self) -> PathBuf {
        self.path().join("countersign.toml")
    }

    fn check(&self, more: &[&str]) -> Ran {
        let config = self.config();
        run(&[&["check", "--config", config.to_str().unwrap()], more].concat())
    }

    fn edit_config(&self, edit: impl Fn(&str) -> String) {
        let text = fs::read_to_string(self.config()).unwrap();
        fs::write(self.config(), edit(&text)).unwrap();
    }

    /// Puts another URL in the place of the observer's.
    fn observer(&self, url: &str) {
        self.edit_config(|text| {
            let line = |line: &str| {
                let ours = line.starts_with("observer = ");
                if ours { format!("observer = {{ url = \"{url}\" }}") } else { line.to_owned() }
            };
            text.lines().map(line).collect::<Vec<_>>().join("\n")
        });
    }

    /// Runs SQL as the sandbox's superuser.
    fn sql(&self, statements: &str) {
        let text = fs::read_to_string(self.config()).unwrap();
        let socket =
            text.split("host=").nth(1).unwrap().split(['&', '"']).next().unwrap().to_owned();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut config = tokio_postgres::Config::new();
            config.host_path(socket).user("postgres").dbname("directus");
            let (client, connection) = config.connect(tokio_postgres::NoTls).await.unwrap();
            let driver = tokio::spawn(connection);
            client.batch_execute(statements).await.unwrap();
            drop(client);
            driver.await.unwrap().unwrap();
        });
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        let _ = run(&["demo", "--down", self.path().to_str().unwrap()]);
    }
}

#[test]
fn the_sandbox_stands_where_the_worked_example_stands() {
    let Some(sandbox) = Sandbox::up() else { return };
    let report = sandbox.check(&["--output", "json"]).ends_with(2).report();
    assert_eq!(report["pinned"], true);
    assert_eq!(report["summary"]["unknown"], 0);
    assert_eq!(report["summary"]["drift"], 14);
    for (name, count, number) in
        [("baseline", "tests", 394), ("targeted", "tests", 28), ("compile", "files", 67)]
    {
        let smoke = resource(&report, &format!("smoke.{name}"));
        assert_eq!(smoke["counts"][count], number, "{smoke}");
        assert_eq!(smoke["evidence"], "ran");
    }
    let tree = resource(&report, "tree.cutter-v0_6");
    assert_eq!(tree["counts"], serde_json::json!({"listed": 82, "matched": 82, "unlisted": 0}));
    assert_eq!(tree["evidence"], "hashed");
    assert_eq!(resource(&report, "row_count.public.information_unit")["seen"], "158 rows");
    let contract = resource(
        &report,
        "pg_function.public.fn_iu_create(text, text, text, text, text, text, text, text, uuid)",
    );
    assert_eq!(contract["verdict"], "in_sync", "by the sandbox's own pin: {contract}");
    let grants = resource(&report, "pg_grant.cutter_exec");
    assert_eq!(grants["differences"].as_array().unwrap().len(), 2, "{grants}");
    // Git is read again each time; the second look finds what the first found.
    assert_eq!(
        sandbox.check(&["--output", "json"]).ends_with(2).report()["summary"],
        report["summary"]
    );
}

#[test]
fn host_and_database_drift_are_found_and_named() {
    let Some(sandbox) = Sandbox::up() else { return };
    let module = "root/opt/incomex/dot/iu-cutter-v0.6/cutter_agent/orchestrator/__init__.py";
    let module = sandbox.path().join(module);
    let text = fs::read_to_string(&module).unwrap();
    fs::write(
        &module,
        text.replace("__execution_enabled__ = False", "__execution_enabled__ = True"),
    )
    .unwrap();
    sandbox.sql(
        "INSERT INTO public.dot_config (key, value, description) VALUES ('x', 'y', 'z');
         CREATE TRIGGER zz BEFORE INSERT ON public.information_unit
           FOR EACH ROW EXECUTE FUNCTION public.fn_enacted_immutable();
         ALTER TABLE public.unit_version DISABLE TRIGGER trg_uv_enacted_immut;
         ALTER FUNCTION public.fn_iu_enact SET search_path = public;
         GRANT workflow_admin TO cutter_exec",
    );
    let report = sandbox.check(&["--output", "json"]).ends_with(2).report();
    let switch = &resource(&report, "constant.execution-enabled")["differences"][0];
    assert_eq!((&switch["desired"], &switch["actual"]), (&false.into(), &true.into()));
    let tree = resource(&report, "tree.cutter-v0_6");
    assert_eq!(tree["differences"][0]["change"], "changed");
    assert_eq!(tree["differences"][0]["field"], "cutter_agent/orchestrator/__init__.py");
    let rows = &resource(&report, "row_count.public.dot_config")["differences"][0];
    assert_eq!((&rows["desired"], &rows["actual"]), (&86.into(), &87.into()));
    let contract = "public.fn_iu_enact(uuid, integer, text, text, timestamp with time zone, text, text, boolean)";
    for (name, fields) in [
        ("pg_trigger.public.information_unit.*", &["zz on public.information_unit"][..]),
        ("pg_trigger.public.unit_version.trg_uv_enacted_immut", &["enabled"]),
        (&format!("pg_function.{contract}"), &["definition_md5"]),
        ("pg_membership.* to cutter_exec", &["workflow_admin to cutter_exec"]),
    ] {
        let found = resource(&report, name)["differences"].as_array().unwrap().clone();
        let found: Vec<&str> = found.iter().map(|d| d["field"].as_str().unwrap()).collect();
        assert_eq!(found, fields, "{name}");
    }
}

#[test]
fn what_the_observer_may_not_read_is_unknown_and_the_rest_is_judged() {
    let Some(sandbox) = Sandbox::up() else { return };
    sandbox.sql("REVOKE SELECT ON cutter_governance.verify_result FROM countersign_observer");
    let report = sandbox.check(&["--output", "json"]).ends_with(4).report();
    let refused = resource(&report, "row_count.cutter_governance.verify_result");
    assert_eq!(
        (&refused["verdict"], &refused["reason"]),
        (&"unknown".into(), &"permission_denied".into())
    );
    assert_eq!(report["summary"]["unknown"], 1);
    assert_eq!(resource(&report, "row_count.public.unit_version")["verdict"], "in_sync");
}

#[test]
fn a_database_that_is_down_or_silent_leaves_the_host_judged() {
    let Some(sandbox) = Sandbox::up() else { return };
    // Accepts, and never says a word.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    for (url, reasons) in [
        ("postgres://u@/directus?host=/nonexistent".to_owned(), &["unreachable"][..]),
        (format!("postgres://u@127.0.0.1:{port}/directus"), &["unreachable", "deadline"][..]),
    ] {
        sandbox.observer(&url);
        let report = sandbox.check(&["--output", "json"]).ends_with(4).report();
        let count = resource(&report, "row_count.public.unit_version");
        assert!(reasons.contains(&count["reason"].as_str().unwrap()), "{count}");
        assert_eq!(report["summary"]["unknown"], 68);
        assert_eq!(report["summary"]["drift"], 12, "the host was judged all the same");
    }
    sandbox.edit_config(|text| {
        let host = text.split("[database.").next().unwrap();
        host.lines().filter(|line| !line.starts_with("directus = ")).collect::<Vec<_>>().join("\n")
    });
    let report = sandbox.check(&["--output", "json"]).ends_with(4).report();
    assert_eq!(resource(&report, "row_count.public.unit_version")["reason"], "not_configured");
}

#[test]
fn another_cluster_is_refused_before_anything_is_looked_at() {
    let Some(sandbox) = Sandbox::up() else { return };
    let identifier = |text: &str| {
        let line = text.lines().find(|l| l.starts_with("directus = ")).unwrap().to_owned();
        text.replace(&line, "directus = \"7611578671664259111\"")
    };
    sandbox.edit_config(identifier);
    let ran = sandbox.check(&[]).ends_with(7);
    assert!(ran.stdout.is_empty() && ran.stderr.contains("system identifier"), "{ran:?}");
}

#[test]
fn a_kept_sandbox_can_be_moved_into_only_when_it_is_empty_and_goes_down_once() {
    let Some(sandbox) = Sandbox::up() else { return };
    let path = sandbox.path();
    let ran = run(&["demo", "--keep", path.to_str().unwrap()]).ends_with(1);
    assert!(ran.stderr.contains("not empty"), "{}", ran.stderr);
    let socket = fs::read_to_string(path.join("server")).unwrap();
    run(&["demo", "--down", path.to_str().unwrap()]).ends_with(0);
    assert!(!path.exists() && !Path::new(socket.trim()).exists());
    let ran = run(&["demo", "--down", path.to_str().unwrap()]).ends_with(1);
    assert!(ran.stderr.contains("no sandbox"), "{}", ran.stderr);
}

#[test]
fn the_server_of_a_sandbox_that_was_removed_by_hand_makes_room_for_the_next() {
    let Some(sandbox) = Sandbox::up() else { return };
    fs::remove_dir_all(sandbox.path()).unwrap();
    run(&["demo", "--keep", sandbox.path().to_str().unwrap()]).ends_with(0);
    sandbox.check(&["-q"]).ends_with(2);
}

#[test]
fn the_demo_tells_its_story_and_leaves_nothing() {
    let Some(_) = Sandbox::up() else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut demo = crate::program::command(&["demo"]);
    let output = demo.env("TMPDIR", "/tmp").current_dir(&folder).output().unwrap();
    let ran = crate::program::ran(&output).ends_with(0);
    for part in [
        "DRIFT: 14 of ",
        "81/82",
        "wanted 60  found 59",
        "1 of 8 pending",
        "(exit 2)",
        "(exit 3)",
        "9/9 ALL PASS",
        "intact: o8c of contabo",
    ] {
        assert!(ran.stdout.contains(part), "{part}\n{}", ran.stdout);
    }
    let sandbox =
        ran.stdout.split("--config ").nth(1).unwrap().split("/countersign.toml").next().unwrap();
    assert!(!Path::new(sandbox).exists(), "{sandbox}");
}
