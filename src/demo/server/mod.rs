//! A private PostgreSQL server: a fresh data directory in a short folder of its own, reachable by its unix socket alone.
//!
//! It serves the demo and the tests, and nothing of it may be used for a server that holds anybody's data: it trusts
//! whoever can open its socket, and does not wait for the disk. These files depend on no other module of the program,
//! so that tests of a build without the demo can include them by their path.

mod account;
mod error;
mod folder;
mod process;

use std::fmt::Write as _;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc;
use std::thread::JoinHandle;

use account::Account;
use error::{Result, io_error};
use folder::{CLOSED, PASSABLE, make_file, make_folder};

pub use error::ServerError;

const PORT: u16 = 5432;

/// How long the server lives.
#[derive(Debug, Clone, Default)]
pub enum Lifetime {
    /// In a temporary folder, and not longer than the process that started it, however that ends.
    #[default]
    Attached,
    /// In this folder, which must not exist yet, until [`stop_detached`].
    Detached(PathBuf),
}

/// What is asked for.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// How long it lives.
    pub lifetime: Lifetime,
    /// Settings beyond ours, as `-c name=value`.
    pub settings: Vec<(String, String)>,
    /// Files put into the data directory before the start: name and content.
    pub files: Vec<(String, Vec<u8>)>,
}

/// A running private server.
#[derive(Debug)]
pub struct Server {
    home: PathBuf,
    pid: u32,
    keeper: Option<Keeper>,
}

/// The thread that started the server. The kernel stops the server when this thread ends, so it stays until the stop.
#[derive(Debug)]
struct Keeper {
    stop: mpsc::Sender<()>,
    thread: JoinHandle<Result<()>>,
    _lock: File,
}

impl Server {
    /// Makes a data directory and starts a server on it. Superuser `postgres`, UTF-8, locale C, no network.
    ///
    /// # Errors
    /// Says what to install, move or shorten.
    pub fn start(options: &Options) -> Result<Self> {
        let account = Account::choose()?;
        let bin = binaries()?;
        account.can_enter(&bin)?;
        let detached = matches!(options.lifetime, Lifetime::Detached(_));
        let home = match &options.lifetime {
            Lifetime::Detached(folder) => {
                folder::check_length(folder)?;
                make_folder(folder, PASSABLE)?;
                folder.clone()
            }
            Lifetime::Attached => {
                folder::remove_abandoned();
                folder::temporary(&account)?
            }
        };
        let started = Self::start_in(&home, &bin, &account, options, detached);
        if started.is_err() {
            let _ = fs::remove_dir_all(&home);
        }
        started
    }

    fn start_in(
        home: &Path,
        bin: &Path,
        account: &Account,
        options: &Options,
        detached: bool,
    ) -> Result<Self> {
        account.can_enter(home)?;
        let lock = make_file(&home.join("lock"), b"")?;
        lock.try_lock().map_err(|e| io_error("lock", home, e.into()))?;
        for folder in ["data", "run"] {
            let folder = home.join(folder);
            make_folder(&folder, CLOSED)?;
            account.give(&folder)?;
        }
        make_data(home, bin, account, &options.files)?;
        let server = postgres(home, bin, account, &options.settings, detached)?;
        if detached {
            let mut child = process::spawn(server)?;
            process::wait_until_ready(home, &mut child)?;
            return Ok(Self { home: home.to_owned(), pid: child.id(), keeper: None });
        }
        let (pid, stop, thread) = process::keep(server, home.to_owned())?;
        Ok(Self { home: home.to_owned(), pid, keeper: Some(Keeper { stop, thread, _lock: lock }) })
    }

    /// Its process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Its folder: `data`, `run` (the socket) and `log`.
    #[must_use]
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// The folder of its socket, as `host` of a connection.
    #[must_use]
    pub fn socket_folder(&self) -> PathBuf {
        self.home.join("run")
    }

    /// Where to connect as a user to a database. Both are names without special characters.
    #[must_use]
    pub fn url(&self, user: &str, database: &str) -> String {
        let mut host = String::new();
        for &byte in self.socket_folder().as_os_str().as_bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'.' | b'_' => {
                    host.push(char::from(byte));
                }
                other => {
                    let _ = write!(host, "%{other:02X}");
                }
            }
        }
        format!("postgres://{user}@/{database}?host={host}&port={PORT}")
    }

    /// Ends all sessions, stops the server, and removes its folder. A detached one is left running.
    ///
    /// # Errors
    /// When it does not stop in time, or its folder cannot be removed.
    pub fn stop(mut self) -> Result<()> {
        self.end()
    }

    fn end(&mut self) -> Result<()> {
        let Some(keeper) = self.keeper.take() else { return Ok(()) };
        drop(keeper.stop);
        let stopped = keeper.thread.join().unwrap_or(Ok(()));
        let removed = fs::remove_dir_all(&self.home).map_err(|e| io_error("remove", &self.home, e));
        stopped.and(removed)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Whoever wants to know calls `stop`.
        let _ = self.end();
    }
}

/// Stops a detached server by its folder, and removes the folder.
///
/// # Errors
/// When `pg_ctl` cannot stop it, or the folder cannot be removed.
pub fn stop_detached(home: &Path) -> Result<()> {
    let (account, data) = (Account::choose()?, home.join("data"));
    if data.join("postmaster.pid").exists() {
        let mut stop = account.command(&binaries()?.join("pg_ctl"), None);
        stop.args(["stop", "-s", "-m", "fast", "-D"]).arg(&data);
        process::finish(stop)?;
    }
    fs::remove_dir_all(home).map_err(|e| io_error("remove", home, e))
}

/// The folder of the server programs: `COUNTERSIGN_PG_BIN`, else the newest of Debian's, else the one on PATH.
///
/// # Errors
/// When there is none; names where was looked.
pub fn binaries() -> Result<PathBuf> {
    let complete = |folder: &PathBuf| {
        ["initdb", "pg_ctl", "postgres"].iter().all(|program| folder.join(program).is_file())
    };
    if let Some(named) = std::env::var_os("COUNTERSIGN_PG_BIN") {
        let named = PathBuf::from(named);
        let looked = format!("{} (COUNTERSIGN_PG_BIN)", named.display());
        return Some(named).filter(complete).ok_or(ServerError::NotInstalled { looked });
    }
    let mut debian: Vec<(u32, PathBuf)> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let major = entry.file_name().to_str()?.parse().ok()?;
            Some((major, entry.path().join("bin")))
        })
        .collect();
    debian.sort();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let candidates = debian.into_iter().rev().map(|(_, folder)| folder);
    candidates
        .chain(std::env::split_paths(&path).filter(|folder| folder.is_absolute()))
        .find(complete)
        .ok_or(ServerError::NotInstalled { looked: "/usr/lib/postgresql/*/bin and PATH".into() })
}

fn make_data(
    home: &Path,
    bin: &Path,
    account: &Account,
    files: &[(String, Vec<u8>)],
) -> Result<()> {
    let data = home.join("data");
    let mut initdb = account.command(&bin.join("initdb"), None);
    initdb.args(["-A", "trust", "-N", "-E", "UTF8", "--locale=C", "-U", "postgres", "-D"]);
    initdb.arg(&data);
    process::finish(initdb)?;
    for (name, content) in files {
        let path = data.join(name);
        make_file(&path, content)?;
        account.give(&path)?;
    }
    Ok(())
}

fn postgres(
    home: &Path,
    bin: &Path,
    account: &Account,
    settings: &[(String, String)],
    detached: bool,
) -> Result<Command> {
    let mut server = account.command(&bin.join("postgres"), (!detached).then_some("SIGINT"));
    server.arg("-D").arg(home.join("data")).arg("-k").arg(home.join("run"));
    server.arg("-p").arg(PORT.to_string());
    for ours in ["listen_addresses=", "unix_socket_permissions=0700", "fsync=off"] {
        server.args(["-c", ours]);
    }
    for (name, value) in settings {
        server.arg("-c").arg(format!("{name}={value}"));
    }
    let log = make_file(&home.join("log"), b"")?;
    let copy = log.try_clone().map_err(|e| io_error("open", home, e))?;
    // A group of its own: an interrupt typed at the terminal is for us, and we then stop the server in order.
    server.stdout(log).stderr(copy).process_group(0);
    Ok(server)
}
