//! Databases that are reached in another way: a standby that replays its primary, a pooler that shares connections.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use countersign::model::Reason;
use countersign::probe::postgres::{Session, Settings};
use tokio_postgres::{Client, Config, NoTls};

use crate::lab::{Lab, admin, limits, refused};
use crate::postgres_two::{answered_by, patient, seen_by_both};
use crate::private_server::started;
use crate::program::{Ran, World, run, skipped};
use crate::server::{Options, Server, binaries};

/// A program of a test, ended with it.
struct Running {
    child: Child,
    _folder: tempfile::TempDir,
    socket: PathBuf,
}

impl Drop for Running {
    fn drop(&mut self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::INT);
        let _ = self.child.wait();
    }
}

/// A folder that the account of the private server owns, in a place that it can enter.
fn folder(like: &Path) -> tempfile::TempDir {
    let folder = tempfile::Builder::new().prefix("cs-").tempdir_in("/tmp").unwrap();
    let owner = fs::metadata(like).unwrap();
    chown(folder.path(), Some(owner.uid()), Some(owner.gid())).unwrap();
    folder
}

/// A program under the account that owns its folder, once its socket answers.
fn start(program: &Path, arguments: &[&str], folder: tempfile::TempDir) -> Running {
    let owner = fs::metadata(folder.path()).unwrap();
    let mut command = if rustix::process::geteuid().is_root() {
        let mut command = Command::new("setpriv");
        command.arg(format!("--reuid={}", owner.uid())).arg(format!("--regid={}", owner.gid()));
        command.args(["--clear-groups", "--pdeathsig=SIGINT", "--"]).arg(program);
        command
    } else {
        Command::new(program)
    };
    let log = fs::File::create(folder.path().join("log")).unwrap();
    command.args(arguments).current_dir("/").stdin(Stdio::null());
    command.stdout(log.try_clone().unwrap()).stderr(log);
    let child = command.spawn().unwrap();
    let socket = folder.path().to_owned();
    let running = Running { child, _folder: folder, socket };
    let give_up = Instant::now() + Duration::from_mins(1);
    while UnixStream::connect(running.socket.join(".s.PGSQL.5432")).is_err() {
        let log = fs::read_to_string(running.socket.join("log")).unwrap_or_default();
        assert!(Instant::now() < give_up, "{log}");
        std::thread::sleep(Duration::from_millis(20));
    }
    running
}

async fn connected(socket: &Path, role: &str, database: &str) -> Option<Client> {
    let mut config = Config::new();
    config.host_path(socket).user(role).dbname(database);
    let (client, connection) = config.connect(NoTls).await.ok()?;
    tokio::spawn(connection);
    Some(client)
}

fn url(running: &Running, role: &str, database: &str) -> String {
    format!("postgres://{role}@/{database}?host={}", running.socket.display())
}

fn copy(from: &Path, to: &Path, like: &fs::Metadata) {
    fs::create_dir(to).unwrap();
    fs::set_permissions(to, fs::Permissions::from_mode(0o700)).unwrap();
    chown(to, Some(like.uid()), Some(like.gid())).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() {
            copy(&from, &to, like);
        } else if entry.file_name() != "postmaster.pid" && fs::copy(&from, &to).is_ok() {
            // A file that went while it was copied comes back with the log.
            chown(&to, Some(like.uid()), Some(like.gid())).unwrap();
        }
    }
}

/// A hot standby of this server: a base backup by hand, because not every set of programs brings `pg_basebackup`.
async fn standby_of(primary: &Server) -> Running {
    let root = admin(primary, "postgres").await;
    let version = "SELECT current_setting('server_version_num')::int4 / 10000";
    let major: i32 = root.query_one(version, &[]).await.unwrap().get(0);
    let (begin, end) = if major >= 15 {
        (
            "SELECT pg_backup_start('standby', true)::text",
            "SELECT labelfile FROM pg_backup_stop(false)",
        )
    } else {
        (
            "SELECT pg_start_backup('standby', true, false)::text",
            "SELECT labelfile FROM pg_stop_backup(false, false)",
        )
    };
    root.query_one(begin, &[]).await.unwrap();
    let (from, folder) = (primary.home().join("data"), folder(&primary.home().join("data")));
    let (to, like) = (folder.path().join("data"), fs::metadata(&from).unwrap());
    copy(&from, &to, &like);
    let label: String = root.query_one(end, &[]).await.unwrap().get(0);
    fs::remove_dir_all(to.join("pg_wal")).unwrap();
    copy(&from.join("pg_wal"), &to.join("pg_wal"), &like);
    for (name, content) in [("backup_label", label.as_str()), ("standby.signal", "")] {
        fs::write(to.join(name), content).unwrap();
        chown(to.join(name), Some(like.uid()), Some(like.gid())).unwrap();
    }
    let socket = folder.path().to_str().unwrap().to_owned();
    let data = to.to_str().unwrap().to_owned();
    let follow =
        format!("primary_conninfo=host={} user=postgres", primary.socket_folder().display());
    let arguments = [
        "-D",
        &data,
        "-k",
        &socket,
        "-p",
        "5432",
        "-c",
        "listen_addresses=",
        "-c",
        "fsync=off",
        "-c",
        &follow,
    ];
    start(&binaries().unwrap().join("postgres"), &arguments, folder)
}

fn check(url: &str) -> Ran {
    let world = World::wanting(
        "[row_count.\"public.t\"]\ndatabase = \"lab\"\nrows = 3\n\
         [query.answer]\ndatabase = \"lab\"\nsql = \"SELECT 42\"\nvalue = 42\n",
    );
    let host = "[host]\nidentity = { hostname = \"testhost\" }\n[database.lab]\n";
    world.desired("hosts/a/host.toml", host);
    world.write("config.toml", format!("[database.lab]\nobserver = {{ url = {url:?} }}\n"));
    let (root, desired, config) =
        (world.path("root"), world.path("desired"), world.path("config.toml"));
    let text = |path: &PathBuf| path.to_str().unwrap().to_owned();
    let (root, desired, config) = (text(&root), text(&desired), text(&config));
    run(&["check", "--root", &root, "--desired", &desired, "--config", &config])
}

#[tokio::test]
async fn a_standby_answers_and_is_called_one() {
    let Some(primary) = started(&Options::default()) else { return };
    let root = admin(&primary, "postgres").await;
    root.batch_execute("CREATE ROLE looker LOGIN; CREATE TABLE t AS SELECT generate_series(1, 2) AS n; GRANT SELECT ON t TO looker")
        .await
        .unwrap();
    let standby = standby_of(&primary).await;
    root.batch_execute("INSERT INTO t VALUES (3)").await.unwrap();
    let give_up = Instant::now() + Duration::from_mins(1);
    loop {
        if let Some(reader) = connected(&standby.socket, "postgres", "postgres").await
            && let Ok(row) = reader.query_one("SELECT count(*) FROM t", &[]).await
            && row.get::<_, i64>(0) == 3
        {
            break;
        }
        let log = fs::read_to_string(standby.socket.join("log")).unwrap_or_default();
        assert!(Instant::now() < give_up, "{log}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let ran = check(&url(&standby, "looker", "postgres")).ends_with(0);
    let told =
        "database `lab`: a standby answers, which has replayed its primary's changes up to 20";
    assert!(ran.everything().contains(told), "{}", ran.everything());
    // A standby lends its snapshot as well.
    let reader = connected(&standby.socket, "postgres", "postgres").await.unwrap();
    let settings = Settings::parse(&url(&standby, "looker", "postgres"), None).unwrap();
    let session = Session::open(&settings, patient()).await.unwrap();
    let one_more = "INSERT INTO t VALUES (4)";
    for [_, rows, _] in seen_by_both(&session, &reader, (&root, one_more)).await {
        assert_eq!(rows, "3");
    }
    let ran = check(&primary.url("looker", "postgres"));
    assert!(!ran.everything().contains("standby"), "{}", ran.everything());
}

/// A pooler before the laboratory's server; `None`, loudly, where it is not installed and this is not CI.
fn pooler(lab: &Lab, mode: &str) -> Option<Running> {
    let program = Path::new("/usr/sbin/pgbouncer");
    if !program.exists() {
        assert!(std::env::var_os("CI").is_none(), "pgbouncer is not installed");
        skipped("a pooler", "pgbouncer is not installed");
        return None;
    }
    let folder = folder(&lab.server.home().join("data"));
    let at = folder.path().to_str().unwrap().to_owned();
    let server = lab.server.socket_folder();
    let settings = format!(
        "[databases]\n* = host={} port=5432\n[pgbouncer]\nlisten_addr =\nlisten_port = 5432\nunix_socket_dir = {at}\n\
         auth_type = any\nauth_file =\npool_mode = {mode}\ndefault_pool_size = 1\nserver_reset_query =\n\
         ignore_startup_parameters = extra_float_digits\n",
        server.display()
    );
    // With `any` everybody is the user of the connection string.
    let settings = settings.replace("port=5432\n[", &format!("port=5432 user={}\n[", lab.observer));
    let file = folder.path().join("pgbouncer.ini");
    fs::write(&file, settings).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    Some(start(program, &[file.to_str().unwrap()], folder))
}

#[tokio::test]
async fn a_pooler_that_shares_connections_between_transactions_is_as_good_as_none() {
    let Some(lab) = Lab::new().await else { return };
    lab.run("CREATE TABLE t AS SELECT generate_series(1, 3) AS n; GRANT SELECT ON t TO OBSERVER")
        .await;
    let Some(pooler) = pooler(&lab, "transaction") else { return };
    check(&url(&pooler, &lab.observer, &lab.database)).ends_with(0);
    // It has one connection, so a second one would wait for the first, and nobody waits for that.
    let settings = Settings::parse(&url(&pooler, &lab.observer, &lab.database), None).unwrap();
    let session = Session::open(&settings, limits()).await.unwrap();
    assert_eq!(answered_by(&session).await.len(), 1);
    session.close().await;
    // The one server connection behind it is handed on as it was.
    let next = connected(&pooler.socket, &lab.observer, &lab.database).await.unwrap();
    for (setting, value) in [
        ("transaction_read_only", "off"),
        ("lock_timeout", "0"),
        ("search_path", "\"$user\", public"),
    ] {
        let rows = next.simple_query(&format!("SHOW {setting}")).await.unwrap();
        let shown = rows.iter().find_map(|message| match message {
            tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0),
            _ => None,
        });
        assert_eq!(shown, Some(value), "{setting}");
    }
}

#[tokio::test]
async fn a_pooler_without_transactions_is_no_session() {
    let Some(lab) = Lab::new().await else { return };
    let Some(pooler) = pooler(&lab, "statement") else { return };
    let url = url(&pooler, &lab.observer, &lab.database);
    let (reason, detail) =
        refused(Session::open(&Settings::parse(&url, None).unwrap(), limits()).await);
    assert!(matches!(reason, Reason::Unreachable | Reason::QueryFailed), "{reason}: {detail}");
}
