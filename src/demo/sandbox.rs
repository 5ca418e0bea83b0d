//! A whole sandbox in one folder: the host's files, a running database, the repository of desired state, and the
//! configuration with which every verb works on it.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::desired::{self, DesiredError, HOST};
use super::fixture::{self, DATABASE, EXECUTOR, FixtureError, OBSERVER, ServerIdentity};
use super::layout::{self, HOSTNAME, LayoutError, TREE};
use super::people;
use super::repository::{BRANCH, Changes, Repository, RepositoryError};
use super::server::{self, Lifetime, Options, Server, ServerError};
use crate::config::{Policy, SmokePolicy};
use crate::model::{Reason, Unknown};
use crate::probe::host::Host;
use crate::probe::smoke;

/// The configuration, below the sandbox's folder.
pub const CONFIG: &str = "countersign.toml";
const REPOSITORY: &str = "desired.git";
/// Names the folder of the server, which is short and elsewhere.
const SERVER: &str = "server";
/// Before the process id of who made a sandbox for a moment.
const TEMPORARY: &str = "countersign-demo-";
/// Held while such a sandbox is in use.
const LOCK: &str = "lock";

/// Why there is no sandbox.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The host's files.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// The private server.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// Its content.
    #[error("failed to fill the sandbox's database")]
    Fixture(#[from] FixtureError),
    /// What is wanted of it.
    #[error(transparent)]
    Desired(#[from] DesiredError),
    /// The repository.
    #[error(transparent)]
    Repository(#[from] RepositoryError),
    /// A statement that the demo runs.
    #[error("the sandbox's database refused a statement")]
    Sql(#[from] tokio_postgres::Error),
    /// A file of the sandbox.
    #[error("failed at {}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The folder is none that this program made.
    #[error("{} is no sandbox of `countersign demo --keep`", .0.display())]
    NoSandbox(PathBuf),
}

type Result<T> = std::result::Result<T, SandboxError>;

fn at<T>(path: &Path, result: io::Result<T>) -> Result<T> {
    result.map_err(|source| SandboxError::File { path: path.to_owned(), source })
}

/// A sandbox that is up.
#[derive(Debug)]
pub struct Sandbox {
    folder: PathBuf,
    server: Server,
    /// The folder around it with its lock, removed with it, when it is only for a moment.
    temporary: Option<(tempfile::TempDir, fs::File)>,
    superuser: tokio_postgres::Config,
    signs: bool,
}

impl Sandbox {
    /// Lays everything out in a temporary folder, for as long as this process lives.
    ///
    /// # Errors
    /// When a part cannot be made.
    pub async fn temporary() -> Result<Self> {
        let base = std::env::temp_dir();
        remove_abandoned(&base);
        let prefix = format!("{TEMPORARY}{}-", std::process::id());
        let around = at(&base, tempfile::Builder::new().prefix(&prefix).tempdir_in(&base))?;
        let path = around.path().join(LOCK);
        let lock = at(&path, fs::File::create(&path))?;
        at(&path, lock.lock())?;
        let passable = fs::Permissions::from_mode(0o711);
        // Commands run as another user when root shows the demo, and have to get through to their folder.
        at(around.path(), fs::set_permissions(around.path(), passable))?;
        let mut sandbox = Self::create(&around.path().join("sandbox"), false).await?;
        sandbox.temporary = Some((around, lock));
        Ok(sandbox)
    }

    /// Lays everything out in `folder`, which must be empty or missing. `detached`: the server outlives this process.
    ///
    /// # Errors
    /// When a part cannot be made. A server that was started is stopped again.
    pub async fn create(folder: &Path, detached: bool) -> Result<Self> {
        at(folder, fs::create_dir_all(folder))?;
        let folder = at(folder, fs::canonicalize(folder))?;
        if at(&folder, fs::read_dir(&folder))?.next().is_some() {
            return Err(LayoutError::NotEmpty(folder).into());
        }
        let home = server_folder(&folder);
        if detached && home.exists() {
            // The server of a sandbox that was removed by hand: its folder is named after ours.
            server::stop_detached(&home)?;
        }
        let host = layout::write(&folder.join("root"))?;
        let lifetime = if detached { Lifetime::Detached(home) } else { Lifetime::Attached };
        let server = Server::start(&Options { lifetime, ..Options::default() })?;
        let sandbox = Self::fill(folder, server, &host).await;
        match sandbox {
            Err((error, server)) => {
                let home = server.home().to_owned();
                // The first error is the one to tell; a server that does not stop either says so when it is stopped by hand.
                let _ = if detached { server::stop_detached(&home) } else { server.stop() };
                Err(error)
            }
            Ok(sandbox) => Ok(sandbox),
        }
    }

    async fn fill(
        folder: PathBuf,
        server: Server,
        host: &layout::Sandbox,
    ) -> std::result::Result<Self, (SandboxError, Server)> {
        let filled = async {
            let superuser: tokio_postgres::Config = server.url("postgres", "postgres").parse()?;
            let loaded = fixture::load(&superuser).await?;
            let repository = Repository::create(&folder.join(REPOSITORY))?;
            let files = desired::derive(host, &loaded)?;
            let changes: Changes =
                files.into_iter().map(|(path, bytes)| (path, Some(bytes))).collect();
            repository.push(&changes, "desired state: the worked example")?;
            let config = folder.join(CONFIG);
            let text = configuration(&loaded.server, |role| server.url(role, DATABASE));
            at(&config, fs::write(&config, text))?;
            at(&config, fs::set_permissions(&config, fs::Permissions::from_mode(0o644)))?;
            let keys = folder.join("keys");
            let signs = at(&keys, people::arm(&folder))?;
            let note = folder.join(SERVER);
            at(&note, fs::write(&note, format!("{}\n", server.home().display())))?;
            Ok((superuser, signs))
        };
        match filled.await {
            Ok((superuser, signs)) => {
                Ok(Self { folder, server, temporary: None, superuser, signs })
            }
            Err(error) => Err((error, server)),
        }
    }

    /// Its folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Its configuration.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.folder.join(CONFIG)
    }

    /// The database as its superuser, for `psql`.
    #[must_use]
    pub fn superuser_url(&self) -> String {
        self.server.url("postgres", DATABASE)
    }

    /// Is there `ssh-keygen`, so that somebody can sign?
    #[must_use]
    pub const fn signs(&self) -> bool {
        self.signs
    }

    /// Its repository of desired state.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn repository(&self) -> Result<Repository> {
        Ok(Repository::open(&self.folder.join(REPOSITORY))?)
    }

    /// Can this machine run the commands of the sandbox, confined as they have to be?
    ///
    /// # Errors
    /// Why not: there is no Python, or the kernel cannot confine.
    pub fn runs_commands(&self) -> std::result::Result<(), Unknown> {
        let command = ["python3", "-c", "pass"].map(str::to_owned);
        let policy = SmokePolicy::allowing(&command);
        let host = Host::open(&self.folder.join("root"), Policy::everything())
            .map_err(|e| Unknown::new(Reason::IoError, e.to_string()))?;
        let (tree, deadline) = (Path::new(TREE), Duration::from_secs(30));
        smoke::run(&host, &policy, &command, tree, deadline).map(drop)
    }

    /// Adds text to a file of the sandbox's host, as somebody there would.
    ///
    /// # Errors
    /// When there is no such file.
    pub fn append(&self, path: &str, text: &str) -> Result<()> {
        let path = self.folder.join("root").join(path.trim_start_matches('/'));
        let opened = fs::OpenOptions::new().append(true).open(&path);
        at(&path, opened.and_then(|mut file| file.write_all(text.as_bytes())))
    }

    /// Takes as many bytes off the end of a file of the host again.
    ///
    /// # Errors
    /// When there is no such file.
    pub fn cut(&self, path: &str, bytes: usize) -> Result<()> {
        let path = self.folder.join("root").join(path.trim_start_matches('/'));
        let cut = fs::OpenOptions::new().write(true).open(&path).and_then(|file| {
            let length = file.metadata()?.len();
            file.set_len(length.saturating_sub(bytes as u64))
        });
        at(&path, cut)
    }

    /// Runs statements as the superuser, as somebody on that host would.
    ///
    /// # Errors
    /// When the server refuses them.
    pub async fn sql(&self, statements: &str) -> Result<()> {
        let mut config = self.superuser.clone();
        let (client, connection) = config.dbname(DATABASE).connect(tokio_postgres::NoTls).await?;
        let driver = tokio::spawn(connection);
        let done = client.batch_execute(statements).await;
        drop(client);
        // The statements have their own errors; what the driver says after the last answer changes nothing.
        let _ = driver.await;
        Ok(done?)
    }

    /// Stops the server and removes the folder.
    ///
    /// # Errors
    /// When either cannot be done.
    pub fn remove(self) -> Result<()> {
        self.server.stop()?;
        at(&self.folder, fs::remove_dir_all(&self.folder))?;
        let around = self.folder.clone();
        self.temporary.map_or(Ok(()), |(temporary, _)| at(&around, temporary.close()))
    }
}

/// Ends a sandbox that was kept: stops its server, and removes what was made.
///
/// # Errors
/// When the folder is no such sandbox, or something cannot be stopped or removed.
pub fn down(folder: &Path) -> Result<()> {
    let note = folder.join(SERVER);
    let is_ours =
        folder.join(CONFIG).is_file() && folder.join(REPOSITORY).is_dir() && note.is_file();
    if !is_ours {
        return Err(SandboxError::NoSandbox(folder.to_owned()));
    }
    let home = PathBuf::from(at(&note, fs::read_to_string(&note))?.trim_end());
    if home.exists() {
        server::stop_detached(&home)?;
    }
    at(folder, fs::remove_dir_all(folder))
}

/// Removes sandboxes for a moment whose demo was interrupted: their process is gone, and nobody holds their lock.
fn remove_abandoned(base: &Path) {
    for entry in fs::read_dir(base).into_iter().flatten().flatten() {
        let (name, path) = (entry.file_name(), entry.path());
        let starter = name.to_str().and_then(|name| name.strip_prefix(TEMPORARY)?.split_once('-'));
        let gone = starter.is_some_and(|(pid, _)| {
            pid.parse::<u32>().is_ok() && !Path::new("/proc").join(pid).exists()
        });
        let me = rustix::process::geteuid().as_raw();
        let ours = || entry.metadata().is_ok_and(|m| m.is_dir() && m.uid() == me);
        let free = || fs::File::open(path.join(LOCK)).is_ok_and(|lock| lock.try_lock().is_ok());
        if gone && ours() && free() {
            // What cannot be removed now is tried again by the next demo.
            let _ = fs::remove_dir_all(&path);
        }
    }
}

/// A short folder of its own, because the path of a socket is short, and reachable for the server's user.
fn server_folder(folder: &Path) -> PathBuf {
    use std::os::unix::ffi::OsStrExt as _;
    let name = crate::model::Digest::of(folder.as_os_str().as_bytes()).to_string();
    std::env::temp_dir().join(format!("countersign-demo-{}", &name[..12]))
}

/// Compiles every source of the folder in memory, as the worked example asks for it.
const COMPILE: &str = "'''
from pathlib import Path
files = sorted(Path().rglob(\"*.py\"))
for file in files:
    compile(file.read_bytes(), file, \"exec\")
print(\"compiled\", len(files))
'''";

fn configuration(identity: &ServerIdentity, url: impl Fn(&str) -> String) -> String {
    let (observer, executor, prover) = (url(OBSERVER), url(EXECUTOR), url(""));
    format!(
        r#"# The configuration of a sandbox made by `countersign demo`. Paths are relative to this file.
host = "{HOST}"
root = "root"
data = "data"

[source]
url = "{REPOSITORY}"
branch = "{BRANCH}"
path = "{folder}"

[identity]
hostname = "{HOSTNAME}"
{DATABASE} = "{identifier}"

# A value alone would let desired state point the guard at another file; so the file and the key are pinned as well.
[guard]
"constant.execution-enabled" = {{ value = false, file = "{TREE}/cutter_agent/orchestrator/__init__.py", key = "__execution_enabled__" }}

[observe]
roots = ["/opt", "/tmp", "/var/lib", "/var/spool/cron", "/etc", "/root/.gnupg", "/usr/lib/python3", "/usr/local/lib/python3.12"]
deny = ["/etc/shadow", "**/.ssh/**", "**/*.pass"]
show_content = ["/opt/incomex/dot/**"]

# What desired state may have run here, word by word; confined, and as this user when root asks.
[smoke]
user = "nobody"
allow = [
  ["python3", "-m", "unittest", "discover"],
  ["python3", "-m", "unittest", "discover", "-t", ".", "-s", "targeted", "-p", "live_*.py"],
  ["python3", "-m", "unittest", "discover", "-t", ".", "-s", "targeted", "-p", "live_*.py", "-k", "Refusals"],
  ["python3", "-m", "unittest", "discover", "-t", ".", "-s", "targeted", "-p", "live_*.py", "-k", "StandIns"],
  ["python3", "-c", {COMPILE}],
]

[database.{DATABASE}]
observer = {{ url = "{observer}" }}
prover = {{ url = "{prover}", roles = ["cutter_exec", "cutter_verify"] }}
executor = {{ url = "{executor}" }}

# Which contracts may run. A machine lists their digests, one by one; a sandbox has nothing to lose.
[prove]
admit = ["any", "rehearsal"]
"#,
        folder = desired::FOLDER,
        identifier = identity.system_identifier,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_allows_what_the_example_asks_for() {
        let identity = ServerIdentity { system_identifier: "42".into(), version: "16.13".into() };
        let config: toml::Table = configuration(&identity, str::to_owned).parse().expect("TOML");
        let example = include_str!("../../desired-state/hosts/contabo/smoke.toml");
        let example: toml::Table = example.parse().expect("TOML");
        let asked: Vec<_> =
            example["smoke"].as_table().expect("tables").values().map(|t| &t["command"]).collect();
        let allowed = config["smoke"]["allow"].as_array().expect("a list");
        assert_eq!(asked.len(), 5);
        assert!(asked.iter().all(|command| allowed.contains(command)), "{allowed:?}");
        assert_eq!(allowed.len(), asked.len());
    }

    #[test]
    fn only_what_nobody_uses_any_more_is_removed() {
        let base = tempfile::tempdir().expect("a folder");
        // No process has a number so high.
        let made = |name: &str| {
            let folder = base.path().join(name);
            fs::create_dir_all(folder.join("sandbox")).expect("a folder");
            (folder.clone(), fs::File::create(folder.join(LOCK)).expect("a lock"))
        };
        let (abandoned, _) = made("countersign-demo-4294967295-a");
        let (held, lock) = made("countersign-demo-4294967295-b");
        lock.lock().expect("nobody else has it");
        let (alive, _) = made(&format!("countersign-demo-{}-c", std::process::id()));
        let (kept, _) = made("countersign-demo-0123456789ab");
        let (other, _) = made("countersign-demo-x-4294967295");
        remove_abandoned(base.path());
        assert!(!abandoned.exists());
        for stays in [held, alive, kept, other] {
            assert!(stays.exists(), "{}", stays.display());
        }
    }
}
