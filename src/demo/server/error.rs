//! Why there is no private server, each with what to do about it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Why there is no private server. Each message says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// No programs of PostgreSQL.
    #[error(
        "no PostgreSQL server programs in {looked}: install them (`apt-get install postgresql`), or name their folder in \
         COUNTERSIGN_PG_BIN"
    )]
    NotInstalled {
        /// Where was looked.
        looked: String,
    },
    /// The program that drops rights is missing.
    #[error("`setpriv` cannot be started ({0}): install it (`apt-get install util-linux`)")]
    NoSetpriv(io::Error),
    /// Root may not run PostgreSQL, and there is no other account.
    #[error(
        "PostgreSQL refuses to run as root, and /etc/passwd has neither `postgres` nor `nobody`: run as another user"
    )]
    NoAccount,
    /// The account that runs the server cannot reach a folder.
    #[error(
        "the user `{user}` cannot enter {folder}: move it elsewhere, or allow it with `chmod o+x`"
    )]
    Closed {
        /// Who runs the server.
        user: String,
        /// What it cannot enter.
        folder: PathBuf,
    },
    /// The path of the socket would not fit.
    #[error(
        "{0} is too deep for a socket (at most 107 bytes with its name): choose a shorter folder"
    )]
    TooLong(PathBuf),
    /// A program ended with an error.
    #[error("`{program}` failed, {status}: {output}")]
    Failed {
        /// Which one.
        program: String,
        /// How it ended.
        status: String,
        /// The end of what it wrote.
        output: String,
    },
    /// The server did not start or stop in time.
    #[error("the private server did not {what} within {seconds} s; its log ends with: {log}")]
    Late {
        /// Start or stop.
        what: &'static str,
        /// The limit.
        seconds: u64,
        /// The end of its log.
        log: String,
    },
    /// A file or folder could not be made, read or removed.
    #[error("failed to {what} {path}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// With which path.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
}

pub(super) type Result<T> = std::result::Result<T, ServerError>;

pub(super) fn io_error(what: &'static str, path: &Path, source: io::Error) -> ServerError {
    ServerError::Io { what, path: path.to_owned(), source }
}

pub(super) fn late(what: &'static str, seconds: u64, home: &Path) -> ServerError {
    ServerError::Late { what, seconds, log: log_end(home) }
}

pub(super) fn log_end(home: &Path) -> String {
    end_of(&fs::read_to_string(home.join("log")).unwrap_or_default())
}

/// The last lines, on one line.
pub(super) fn end_of(text: &str) -> String {
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(6)..].join(" | ")
}
