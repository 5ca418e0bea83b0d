//! Markers of a halt: files in `DATA/halt/`. That one is there is what counts; what it says is for people.

use std::fmt;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Dir, Mode, OFlags, fsync, mkdirat, openat, unlinkat};
use rustix::io::Errno;

use crate::model::Timestamp;
use crate::model::display::{escape, escape_bytes, escaped_line};

/// The folder of the markers, below the program's own.
const FOLDER: &str = "halt";
/// The first line of a marker.
const TITLE: &str = "countersign halt v1";
/// The most of a marker that is read.
const MARKER_BYTES_MAX: u64 = 4096;
/// The most markers that are read; more of them halt just as well.
const MARKERS_MAX: usize = 100;
/// How often a name is tried that somebody else has taken.
const TRIES_MAX: u32 = 100;

/// One reason why everything is halted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marker {
    /// The name of its file.
    pub name: String,
    /// What it says, line by line without the first, escaped; empty where it cannot be read, and it halts all the same.
    pub lines: Vec<String>,
}

/// A marker cannot be set, read or removed.
#[derive(Debug, thiserror::Error)]
#[error("{what} {}", escape(&path.display().to_string()))]
pub struct MarkerError {
    what: &'static str,
    path: PathBuf,
    #[source]
    source: std::io::Error,
}

impl fmt::Display for Marker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.lines.is_empty() {
            return write!(f, "{} (it cannot be read)", self.name);
        }
        f.write_str(&self.lines.join(", "))
    }
}

/// Where the markers of a data folder are.
#[must_use]
pub fn folder(data: &Path) -> PathBuf {
    data.join(FOLDER)
}

fn failed(what: &'static str, path: &Path) -> impl FnOnce(Errno) -> MarkerError {
    let path = path.to_owned();
    move |errno| MarkerError { what, path, source: errno.into() }
}

/// Opens the folder of the markers; `None` where there is none.
fn open(data: &Path) -> Result<Option<OwnedFd>, MarkerError> {
    let path = folder(data);
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    match openat(CWD, &path, flags, Mode::empty()) {
        Ok(folder) => Ok(Some(folder)),
        Err(Errno::NOENT) => Ok(None),
        Err(errno) => Err(failed("cannot read", &path)(errno)),
    }
}

/// Every marker that is set, by name. Whatever lies in the folder is one.
///
/// # Errors
/// When the folder is there and cannot be read: then it has to be taken as halted.
pub fn markers(data: &Path) -> Result<Vec<Marker>, MarkerError> {
    let Some(held) = open(data)? else { return Ok(Vec::new()) };
    let path = folder(data);
    let entries = Dir::read_from(&held).map_err(failed("cannot read", &path))?;
    let mut set = Vec::new();
    for entry in entries {
        let entry = entry.map_err(failed("cannot read", &path))?;
        let name = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        set.push(Marker { name: escape_bytes(name.to_bytes()), lines: lines(&held, name) });
        if set.len() >= MARKERS_MAX {
            break;
        }
    }
    set.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(set)
}

/// What a marker says; nothing where that cannot be read.
fn lines(folder: &OwnedFd, name: &std::ffi::CStr) -> Vec<String> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let Ok(file) = openat(folder, name, flags, Mode::empty()) else { return Vec::new() };
    let mut bytes = Vec::new();
    if File::from(file).take(MARKER_BYTES_MAX).read_to_end(&mut bytes).is_err() {
        return Vec::new();
    }
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let mut lines = text.lines();
    if lines.next() != Some(TITLE) {
        return Vec::new();
    }
    lines.take(8).map(|line| escaped_line(line, 400)).collect()
}

/// Sets a marker. It is on the disk when this returns.
///
/// # Errors
/// When it cannot be set. Part of it may be there then, and halts as well as the whole.
pub fn halt(data: &Path, by: &str, reason: &str, now: Timestamp) -> Result<PathBuf, MarkerError> {
    let user = rustix::process::getuid().as_raw();
    let stem = format!("{}-{user}-{}", now.unix_seconds(), std::process::id());
    let text = format!("{TITLE}\nby: {}\nreason: {}\ntime: {now}\n", escape(by), escape(reason));
    for attempt in 0..TRIES_MAX {
        if let Some(path) = set(data, &format!("{stem}-{attempt}"), &text)? {
            return Ok(path);
        }
    }
    Err(failed("cannot find a free name in", &folder(data))(Errno::EXIST))
}

/// Sets a marker of this name with these lines; `None` where one of that name is set already.
pub(super) fn set_named(
    data: &Path,
    name: &str,
    lines: &str,
) -> Result<Option<PathBuf>, MarkerError> {
    set(data, name, &format!("{TITLE}\n{lines}"))
}

fn set(data: &Path, name: &str, text: &str) -> Result<Option<PathBuf>, MarkerError> {
    let path = folder(data);
    let held = match open(data)? {
        Some(held) => held,
        None => make(data)?,
    };
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = match openat(&held, name, flags, Mode::from_raw_mode(0o644)) {
        Ok(file) => file,
        Err(Errno::EXIST) => return Ok(None),
        Err(errno) => return Err(failed("cannot set a marker in", &path)(errno)),
    };
    let path = path.join(name);
    let unwritten = |source| MarkerError { what: "cannot finish", path: path.clone(), source };
    let mut file = File::from(file);
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(unwritten)?;
    fsync(&held).map_err(failed("cannot finish", &path))?;
    Ok(Some(path))
}

/// Makes the folder of the markers, and the program's own where that is not there yet.
#[expect(
    clippy::disallowed_methods,
    reason = "the markers are one of the rooms that write, below the data folder"
)]
fn make(data: &Path) -> Result<OwnedFd, MarkerError> {
    let path = folder(data);
    for (folder, mode) in [(data, 0o755), (&*path, 0o750)] {
        match mkdirat(CWD, folder, Mode::from_raw_mode(mode)) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(errno) => return Err(failed("cannot make", folder)(errno)),
        }
    }
    open(data)?.ok_or_else(|| failed("cannot read", &path)(Errno::NOENT))
}

/// Removes every marker, and answers them. Whether the caller may is not asked here.
///
/// # Errors
/// When one cannot be removed: it is halted still.
#[expect(
    clippy::disallowed_methods,
    reason = "the markers are one of the rooms that write, below the data folder"
)]
pub fn lift(data: &Path) -> Result<Vec<Marker>, MarkerError> {
    let mut lifted = Vec::new();
    loop {
        let set = markers(data)?;
        let Some(held) = open(data)?.filter(|_| !set.is_empty()) else { return Ok(lifted) };
        let path = folder(data);
        let entries = Dir::read_from(&held).map_err(failed("cannot read", &path))?;
        for entry in entries {
            let entry = entry.map_err(failed("cannot read", &path))?;
            if !matches!(entry.file_name().to_bytes(), b"." | b"..") {
                let removed = unlinkat(&held, entry.file_name(), AtFlags::empty());
                removed.map_err(failed("cannot remove a marker from", &path))?;
            }
        }
        fsync(&held).map_err(failed("cannot finish", &path))?;
        lifted.extend(set);
    }
}
