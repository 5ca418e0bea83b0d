//! The private server leaves nothing behind, however its starter ends.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use crate::server::{Lifetime, Options, Server, ServerError, stop_detached};

static SHARED: Mutex<Weak<Server>> = Mutex::new(Weak::new());

/// The one server of this binary, while a test holds it; `None`, loudly, where PostgreSQL is not installed.
pub(crate) fn shared() -> Option<Arc<Server>> {
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(server) = shared.upgrade() {
        return Some(server);
    }
    let settings = vec![("max_connections".to_owned(), "60".to_owned())];
    let server = Arc::new(started(&Options { settings, ..Options::default() })?);
    *shared = Arc::downgrade(&server);
    Some(server)
}

/// A server, or a loud skip, which CI does not accept.
pub(crate) fn started(options: &Options) -> Option<Server> {
    match Server::start(options) {
        Ok(server) => Some(server),
        Err(ServerError::NotInstalled { looked }) if std::env::var_os("CI").is_none() => {
            eprintln!("SKIPPED, nothing was tested: no PostgreSQL in {looked}");
            None
        }
        Err(error) => panic!("{error}"),
    }
}

fn gone(what: &Path) -> bool {
    let give_up = Instant::now() + Duration::from_mins(1);
    while what.exists() && Instant::now() < give_up {
        std::thread::sleep(Duration::from_millis(20));
    }
    !what.exists()
}

fn process(pid: u32) -> PathBuf {
    Path::new("/proc").join(pid.to_string())
}

#[test]
fn stopping_leaves_neither_process_nor_folder() {
    let Some(server) = started(&Options::default()) else { return };
    let (home, process) = (server.home().to_owned(), process(server.pid()));
    assert!(home.join("run/.s.PGSQL.5432").exists() && process.exists());
    server.stop().unwrap();
    assert!(!home.exists() && !process.exists());
}

#[test]
fn a_wrong_setting_is_an_error_that_quotes_the_server_and_leaves_no_folder() {
    if shared().is_none() {
        return;
    }
    let settings = vec![("no_such_setting".to_owned(), "1".to_owned())];
    let error = Server::start(&Options { settings, ..Options::default() }).unwrap_err();
    assert!(error.to_string().contains("no_such_setting"), "{error}");
    let left: Vec<PathBuf> = fs::read_dir(std::env::temp_dir())
        .unwrap()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| fs::read_to_string(path.join("log")).is_ok_and(|l| l.contains("no_such")))
        .collect();
    assert_eq!(left, Vec::<PathBuf>::new());
}

#[test]
fn a_detached_server_outlives_its_value_and_is_stopped_by_its_folder() {
    let parent = tempfile::Builder::new().prefix("cs-").tempdir_in("/tmp").unwrap();
    fs::set_permissions(parent.path(), std::os::unix::fs::PermissionsExt::from_mode(0o711))
        .unwrap();
    let home = parent.path().join("pg");
    let options = Options { lifetime: Lifetime::Detached(home.clone()), ..Options::default() };
    let Some(server) = started(&options) else { return };
    let process = process(server.pid());
    server.stop().unwrap();
    assert!(process.exists() && home.exists());
    stop_detached(&home).unwrap();
    // Our own child: it stays a zombie until this process ends.
    let state = fs::read_to_string(process.join("status")).unwrap_or_default();
    assert!(!home.exists() && (state.is_empty() || state.contains("Z (zombie)")), "{state}");
}

#[test]
fn a_folder_too_deep_for_a_socket_is_refused_and_not_made() {
    if shared().is_none() {
        return;
    }
    let home = Path::new("/tmp").join("x".repeat(90));
    let options = Options { lifetime: Lifetime::Detached(home.clone()), ..Options::default() };
    let error = Server::start(&options).unwrap_err();
    assert!(matches!(error, ServerError::TooLong(_)) && !home.exists(), "{error}");
}

/// The child of the next test: starts a server, says so, and waits for its death.
#[test]
#[ignore = "started by the test below, as a process that is killed"]
fn starter() {
    let server = Server::start(&Options::default()).unwrap_or_else(|error| panic!("{error}"));
    println!("\nstarted {} {}", server.pid(), server.home().display());
    match std::env::var("COUNTERSIGN_TEST_END").as_deref() {
        Ok("panic") => panic!("on purpose"),
        Ok("abort") => std::process::abort(),
        Ok("forget") => std::mem::forget(server),
        _ => loop {
            std::thread::park();
        },
    }
}

#[test]
fn no_end_of_the_starter_leaves_a_server() {
    if shared().is_none() {
        return;
    }
    for end in ["kill", "abort", "panic", "forget"] {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "private_server::starter", "--ignored", "--nocapture"])
            .env("COUNTERSIGN_TEST_END", end)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let said = lines.map_while(Result::ok).find(|line| line.starts_with("started ")).unwrap();
        let words: Vec<&str> = said.split(' ').collect();
        if end == "kill" {
            child.kill().unwrap();
        }
        child.wait().unwrap();
        assert!(gone(&process(words[1].parse().unwrap())), "{end}: the server still runs");
        // A killed starter cannot remove its folder; the next start does.
        started(&Options::default()).unwrap().stop().unwrap();
        assert!(!Path::new(words[2]).exists(), "{end}: {} is left", words[2]);
    }
}

/// What the starter says when it is told to find the programs in this folder.
fn said_with(bin: &Path) -> String {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "private_server::starter", "--ignored", "--nocapture"])
        .env("COUNTERSIGN_PG_BIN", bin)
        .env("COUNTERSIGN_TEST_END", "panic")
        .output()
        .unwrap();
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn programs_that_are_missing_or_out_of_reach_are_named_with_a_cure() {
    let folder = tempfile::tempdir().unwrap();
    let said = said_with(folder.path());
    assert!(said.contains("apt-get install postgresql"), "{said}");
    if !rustix::process::geteuid().is_root() {
        return;
    }
    for program in ["initdb", "pg_ctl", "postgres"] {
        fs::write(folder.path().join(program), "").unwrap();
    }
    // Only its owner's, as a folder below root's home would be.
    fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o700))
        .unwrap();
    let said = said_with(folder.path());
    let named = format!("cannot enter {}", folder.path().display());
    assert!(said.contains(&named) && said.contains("chmod o+x"), "{said}");
}
