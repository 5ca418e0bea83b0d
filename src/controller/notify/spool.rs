//! Messages that have yet to arrive: one file each, whole or not at all, below the program's own folder. One of the rooms that
//! write.
//!
//! A name begins with the time and a number, so that the order of names is the order in which things happened. What is full or too old
//! loses its oldest, and says how many.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::message::Message;
use crate::model::shown_path;

/// The most messages that wait for one sink.
pub const MESSAGES_MAX: usize = 1000;
/// The largest file that is read.
const FILE_BYTES_MAX: u64 = 16 << 20;
/// What names of files begin with that are not whole yet.
const HALF: &str = ".new-";
/// What names of messages end with.
const END: &str = ".json";

/// The messages of one sink.
#[derive(Debug, Clone)]
pub struct Spool {
    folder: PathBuf,
}

/// A file of the spool cannot be written or read.
#[derive(Debug, thiserror::Error)]
#[error("{what} {}", shown_path(path))]
pub struct SpoolError {
    what: &'static str,
    path: PathBuf,
    #[source]
    source: io::Error,
}

impl SpoolError {
    /// The thread of a spool cannot be started.
    pub(super) fn of_thread(path: &Path, source: io::Error) -> Self {
        Self { what: "cannot start the courier of", path: path.to_owned(), source }
    }
}

fn failed(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> SpoolError {
    let path = path.to_owned();
    move |source| SpoolError { what, path, source }
}

/// Makes a folder that its owner alone can enter, and those above it.
///
/// # Errors
/// When that fails.
pub fn make_folder(folder: &Path) -> Result<(), SpoolError> {
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(failed("cannot make", folder))
}

/// Reads a file whole; `None` where there is none.
///
/// # Errors
/// When it cannot be read, or is larger than any that is written here.
pub fn read(path: &Path) -> Result<Option<Vec<u8>>, SpoolError> {
    let file = match fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed("cannot read", path)(error)),
    };
    let mut bytes = Vec::new();
    let read = file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes);
    read.map_err(failed("cannot read", path))?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        let large = io::Error::other(format!("it has more than {FILE_BYTES_MAX} bytes"));
        return Err(failed("cannot read", path)(large));
    }
    Ok(Some(bytes))
}

/// Puts a value in the place of a file: written beside it, synced, renamed over it, and the name synced too.
///
/// # Errors
/// When that fails; the file is then as it was.
pub fn replace<T: Serialize>(path: &Path, value: &T) -> Result<(), SpoolError> {
    let unwritten = |source| failed("cannot write", path)(source);
    let bytes = serde_json::to_vec(value).map_err(|error| unwritten(error.into()))?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let written = tempfile::Builder::new().prefix(HALF).tempfile_in(folder).and_then(|mut file| {
        file.write_all(&bytes)?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(io::Error::from)?;
        fs::File::open(folder)?.sync_all()
    });
    written.map_err(unwritten)
}

/// Takes away what a writer that was killed left half written, in a folder of this program's and those below it.
///
/// # Errors
/// When a folder cannot be read, or something cannot be removed.
#[expect(
    clippy::disallowed_methods,
    reason = "the spool is one of the rooms that write, below the data folder"
)]
pub fn sweep(folder: &Path) -> Result<(), SpoolError> {
    for entry in fs::read_dir(folder).map_err(failed("cannot read", folder))? {
        let entry = entry.map_err(failed("cannot read", folder))?;
        let (path, kind) = (entry.path(), entry.file_type());
        let kind = kind.map_err(failed("cannot look at", &path))?;
        if kind.is_dir() {
            sweep(&path)?;
        } else if entry.file_name().to_string_lossy().starts_with(HALF) {
            fs::remove_file(&path).map_err(failed("cannot remove", &path))?;
        }
    }
    Ok(())
}

impl Spool {
    /// The spool in that folder, which is made where there is none.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn open(folder: &Path) -> Result<Self, SpoolError> {
        make_folder(folder)?;
        Ok(Self { folder: folder.to_owned() })
    }

    /// Keeps a message until it has arrived. One that is kept already stays as it is.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn put(&self, message: &Message) -> Result<(), SpoolError> {
        let path = self.folder.join(name(message));
        if path.exists() {
            return Ok(());
        }
        replace(&path, message)
    }

    /// The names of the messages, the oldest first.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn names(&self) -> Result<Vec<String>, SpoolError> {
        let entries = fs::read_dir(&self.folder).map_err(failed("cannot read", &self.folder))?;
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry.map_err(failed("cannot read", &self.folder))?;
            let name = entry.file_name().into_string().unwrap_or_default();
            if name.ends_with(END) && !name.starts_with('.') {
                names.push(name);
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    /// The message of a name; `None` for what is none, which nobody wrote here.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn get(&self, name: &str) -> Result<Option<Message>, SpoolError> {
        let bytes = read(&self.folder.join(name))?;
        Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
    }

    /// Forgets a message.
    ///
    /// # Errors
    /// When it cannot be removed. One that is gone is none.
    #[expect(
        clippy::disallowed_methods,
        reason = "the spool is one of the rooms that write, below the data folder"
    )]
    pub fn remove(&self, name: &str) -> Result<(), SpoolError> {
        let path = self.folder.join(name);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(failed("cannot remove", &path)(error))
            }
            _ => Ok(()),
        }
    }

    /// Forgets the oldest of those that are too many. Answers how many these were.
    ///
    /// # Errors
    /// As for [`Spool::remove`].
    pub fn trim(&self, names: &mut Vec<String>) -> Result<u64, SpoolError> {
        let over = names.len().saturating_sub(MESSAGES_MAX);
        for name in names.drain(..over) {
            self.remove(&name)?;
        }
        Ok(over as u64)
    }
}

fn name(message: &Message) -> String {
    let plain: String = message.id.chars().filter(char::is_ascii_alphanumeric).collect();
    format!("{:015}-{:010}-{plain}{END}", message.at.unix_milliseconds().max(0), message.number)
}
