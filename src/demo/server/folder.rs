//! Where the server lives: a short private folder, and the removal of those whose starter was killed.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::process::geteuid;

use super::PORT;
use super::account::Account;
use super::error::{Result, ServerError, io_error};

/// The longest path that fits into a socket address, without its final zero.
const SOCKET_PATH_BYTES_MAX: usize = 107;
/// Others may pass through, so that the server's account reaches its own folders below; nobody else may list it.
pub(super) const PASSABLE: u32 = 0o711;
pub(super) const CLOSED: u32 = 0o700;
const PREFIX: &str = "countersign-pg-";

/// Removes what attached servers left behind whose starter was killed. Their lock is free, and their server is gone.
pub(super) fn remove_abandoned() {
    for base in bases() {
        for entry in fs::read_dir(base).into_iter().flatten().flatten() {
            let ours = entry.file_name().to_string_lossy().starts_with(PREFIX)
                && entry.metadata().is_ok_and(|m| m.is_dir() && m.uid() == geteuid().as_raw());
            let home = entry.path();
            if ours && !running(&home) && abandoned(&home) {
                let _ = fs::remove_dir_all(&home);
            }
        }
    }
}

/// Neither the process in its name nor a holder of its lock is there. The lock speaks for starters of other namespaces,
/// the process for the moment before the lock is taken.
fn abandoned(home: &Path) -> bool {
    let name = home.file_name().unwrap_or_default().to_string_lossy();
    let starter = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next());
    let gone = starter.is_some_and(|pid| !Path::new("/proc").join(pid).exists());
    gone && match File::open(home.join("lock")) {
        Ok(lock) => !matches!(lock.try_lock(), Err(TryLockError::WouldBlock)),
        Err(_) => false,
    }
}

fn running(home: &Path) -> bool {
    let text = fs::read_to_string(home.join("data/postmaster.pid")).unwrap_or_default();
    text.lines().next().is_some_and(|pid| Path::new("/proc").join(pid.trim()).exists())
}

fn bases() -> [PathBuf; 3] {
    [std::env::temp_dir(), PathBuf::from("/tmp"), PathBuf::from("/var/tmp")]
}

pub(super) fn temporary(account: &Account) -> Result<PathBuf> {
    let mut refused = None;
    for base in bases() {
        for number in 0..1000 {
            let folder = base.join(format!("{PREFIX}{}-{number}", std::process::id()));
            if let Err(error) = account.can_enter(&base).and_then(|()| check_length(&folder)) {
                refused.get_or_insert(error);
                break;
            }
            match make_folder(&folder, PASSABLE) {
                Ok(()) => return Ok(folder),
                Err(ServerError::Io { source, .. })
                    if source.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => {
                    refused.get_or_insert(error);
                    break;
                }
            }
        }
    }
    Err(refused.unwrap_or(ServerError::TooLong(std::env::temp_dir())))
}

pub(super) fn check_length(home: &Path) -> Result<()> {
    let socket = home.join(format!("run/.s.PGSQL.{PORT}"));
    let fits = socket.as_os_str().len() <= SOCKET_PATH_BYTES_MAX;
    if fits { Ok(()) } else { Err(ServerError::TooLong(home.to_owned())) }
}

pub(super) fn make_folder(path: &Path, mode: u32) -> Result<()> {
    DirBuilder::new().mode(mode).create(path).map_err(|e| io_error("make", path, e))
}

pub(super) fn make_file(path: &Path, content: &[u8]) -> Result<File> {
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    made.and_then(|mut file| file.write_all(content).map(|()| file))
        .map_err(|e| io_error("make", path, e))
}
