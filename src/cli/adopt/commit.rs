//! `adopt --commit`: commits the files that were written, and only those. Never pushes.

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use super::super::error::Failure;
use super::super::exit;
use super::Summary;
use crate::adopt::Writing;
use crate::model::display::escape_bytes;
use crate::probe::runner::{Output, Run};

const DEADLINE: Duration = Duration::from_mins(2);

/// Commits with the operator's own git: his name, his signing key, the hooks of his repository.
///
/// # Errors
/// When git refuses; the files are written then all the same.
pub(super) fn commit(folder: &Path, writing: &Writing, summary: &Summary) -> Result<(), Failure> {
    if writing.files.is_empty() {
        return Ok(());
    }
    let paths: Vec<OsString> = writing.files.keys().map(OsString::from).collect();
    git(folder, &["add", "--"], &paths)?;
    git(folder, &["commit", "--quiet", "--message", &summary.subject(writing), "--"], &paths)
}

fn git(folder: &Path, arguments: &[&str], paths: &[OsString]) -> Result<(), Failure> {
    let mut all: Vec<OsString> = arguments.iter().map(OsString::from).collect();
    all.extend_from_slice(paths);
    // A path is a path, whatever it looks like.
    let environment =
        vec![("GIT_LITERAL_PATHSPECS", "1".into()), ("GIT_TERMINAL_PROMPT", "0".into())];
    let run = Run { program: "git", arguments: all, environment, folder, deadline: DEADLINE };
    let Output { status, stderr, .. } = run.output().map_err(|e| Failure::of(exit::ERROR, &e))?;
    if status.success() {
        return Ok(());
    }
    let why = escape_bytes(stderr.trim_ascii());
    let message = format!("the files are written, and `git {}` failed: {why}", arguments[0]);
    Err(Failure::new(exit::ERROR, message).hint("commit them by hand"))
}
