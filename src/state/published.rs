//! What the controller shows to others: its status, its draft of a plan, and the socket on which it is asked.
//!
//! Plain files and no database: what has to survive a crash stands on the ledger, and what lies here is written whole beside
//! its place and renamed. So a kill at any moment leaves the last status or the new one, there is nothing to recover, and
//! whoever deletes the folder loses what the next look writes again.

use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, FileTypeExt as _, MetadataExt as _, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use crate::model::shown_path;

/// The folder below the program's own.
const FOLDER: &str = "watch";
/// The newest status.
const STATUS: &str = "status.json";
/// The newest draft of a plan.
const DRAFT: &str = "draft.plan";
/// What names of files begin with that are not whole yet.
const HALF: &str = ".new-";
/// Where the controller is asked.
const SOCKET: &str = "control.sock";
/// The largest status that is read.
pub const STATUS_BYTES_MAX: u64 = 64 << 20;

/// The folder, and who may write there.
#[derive(Debug)]
pub struct Published {
    folder: PathBuf,
}

/// The socket; its file goes when this goes.
#[derive(Debug)]
pub struct Socket {
    path: PathBuf,
}

/// The folder of a controller.
#[must_use]
pub fn folder(data: &Path) -> PathBuf {
    data.join(FOLDER)
}

/// Where the socket of a controller is.
#[must_use]
pub fn socket(data: &Path) -> PathBuf {
    data.join(FOLDER).join(SOCKET)
}

/// Where its status is.
#[must_use]
pub fn status(data: &Path) -> PathBuf {
    data.join(FOLDER).join(STATUS)
}

impl Published {
    /// Makes the folder where there is none. Its group may look, and ask; nobody but its owner may write.
    ///
    /// # Errors
    /// When that cannot be done, or others may write there.
    pub fn open(data: &Path) -> io::Result<Self> {
        let folder = data.join(FOLDER);
        std::fs::DirBuilder::new().recursive(true).mode(0o750).create(&folder)?;
        let there = std::fs::symlink_metadata(&folder)?;
        let own = there.uid() == rustix::process::geteuid().as_raw();
        if !there.is_dir() || !own || there.mode() & 0o022 != 0 {
            let path = shown_path(&folder);
            let why =
                format!("{path} has to be a folder that others cannot write, of who runs this");
            return Err(io::Error::other(why));
        }
        sweep(&folder)?;
        Ok(Self { folder })
    }

    /// Puts a status in the place of the one before.
    ///
    /// # Errors
    /// When that fails; the one before stays.
    pub fn write_status(&self, bytes: &[u8]) -> io::Result<()> {
        self.replace(STATUS, bytes)
    }

    /// Puts a draft in the place of the one before. Answers its path below the program's own folder.
    ///
    /// # Errors
    /// When that fails; the one before stays.
    pub fn write_draft(&self, bytes: &[u8]) -> io::Result<String> {
        self.replace(DRAFT, bytes)?;
        Ok(format!("{FOLDER}/{DRAFT}"))
    }

    /// Takes the draft away, where there is one.
    ///
    /// # Errors
    /// When that fails.
    #[expect(clippy::disallowed_methods, reason = "the program's own draft, below its own folder")]
    pub fn remove_draft(&self) -> io::Result<()> {
        match std::fs::remove_file(self.folder.join(DRAFT)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn replace(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let mode = PermissionsExt::from_mode(0o640);
        let mut beside = tempfile::Builder::new();
        let mut beside = beside.prefix(HALF).permissions(mode).tempfile_in(&self.folder)?;
        beside.write_all(bytes)?;
        // Not synced: after a power loss the next look writes it again, and waiting for the disk would delay every look.
        beside.persist(self.folder.join(name))?;
        Ok(())
    }

    /// Listens on the socket. What a dead controller left there is removed.
    ///
    /// # Errors
    /// When a controller answers there, or it cannot be made.
    #[expect(clippy::disallowed_methods, reason = "the program's own socket, below its own folder")]
    pub fn listen(&self) -> io::Result<(UnixListener, Socket)> {
        let path = self.folder.join(SOCKET);
        match std::fs::symlink_metadata(&path) {
            Ok(there) if there.file_type().is_socket() => {
                if UnixStream::connect(&path).is_ok() {
                    return Err(io::Error::other("another controller answers there"));
                }
                std::fs::remove_file(&path)?;
            }
            Ok(_) => return Err(io::Error::other("something that is no socket stands there")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let listener = UnixListener::bind(&path)?;
        // Until here nobody outside the folder's group could reach it, whatever the umask left.
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o660))?;
        listener.set_nonblocking(true)?;
        Ok((listener, Socket { path }))
    }
}

/// Takes away what a controller that was killed left half written.
#[expect(clippy::disallowed_methods, reason = "the program's own files, below its own folder")]
fn sweep(folder: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(HALF) && entry.file_type()?.is_file() {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

impl Drop for Socket {
    #[expect(clippy::disallowed_methods, reason = "the program's own socket, below its own folder")]
    fn drop(&mut self) {
        // One that stays is removed by the next controller.
        let _ = std::fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_socket_of_a_dead_controller_is_taken_over_and_that_of_a_live_one_is_not() {
        let data = tempfile::tempdir().expect("a folder");
        let published = Published::open(data.path()).expect("opened");
        let (listener, socket) = published.listen().expect("listens");
        let mode = fs::metadata(super::socket(data.path())).expect("there").mode();
        assert_eq!(mode & 0o777, 0o660);
        assert!(published.listen().is_err(), "one answers there");
        drop(listener);
        let (_listener, again) = published.listen().expect("nobody answers there");
        std::mem::forget(socket);
        drop(again);
        assert!(!super::socket(data.path()).exists());
        fs::write(super::socket(data.path()), "mine").expect("written");
        assert!(published.listen().is_err(), "what is no socket is not touched");
    }

    #[test]
    fn a_folder_that_others_may_write_is_refused() {
        let data = tempfile::tempdir().expect("a folder");
        drop(Published::open(data.path()).expect("opened"));
        let folder = data.path().join(FOLDER);
        fs::set_permissions(&folder, PermissionsExt::from_mode(0o770)).expect("changed");
        assert!(Published::open(data.path()).is_err());
    }

    #[test]
    fn a_status_is_replaced_whole() {
        let data = tempfile::tempdir().expect("a folder");
        let published = Published::open(data.path()).expect("opened");
        for text in ["one", "two"] {
            published.write_status(text.as_bytes()).expect("written");
            assert_eq!(fs::read_to_string(status(data.path())).expect("read"), text);
        }
        published.write_draft(b"plan").expect("written");
        published.remove_draft().expect("removed");
        published.remove_draft().expect("nothing to remove");
        assert_eq!(fs::read_dir(data.path().join(FOLDER)).expect("listed").count(), 1);
    }
}
