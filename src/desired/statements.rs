//! Statements about plans that travel with the repository, as blobs under refs of their own.
//!
//! Each is `refs/countersign/approvals/PLAN/NAME` below the digest of its plan, and holds the statement with its signature. Nothing of a branch is touched by them, and what a ref holds is judged like a file.

use std::path::Path;

use super::SourceError;
use super::git::Objects;
use super::source::is_remote;
use super::{mirror, source};
use crate::model::Digest;

/// Where the refs are.
pub const REFS: &str = "refs/countersign/approvals";
/// The most statements of one plan that are fetched.
pub const STATEMENTS_MAX: usize = 64;

/// A statement of the repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Carried {
    /// The name of its ref.
    pub name: String,
    /// What it holds: a statement and its signature, one after the other.
    pub bytes: Vec<u8>,
}

/// Fetches the statements about a plan afresh. Of a remote those that were ever fetched are answered. `bytes_max`: what is longer is no statement, and is not read.
///
/// # Errors
/// When the repository cannot be reached or read, or when there are more than are read: one of what is missing could be a veto.
pub fn fetch(
    source: &str,
    data: &Path,
    plan: Digest,
    bytes_max: usize,
) -> Result<Vec<Carried>, SourceError> {
    let prefix = format!("{REFS}/{plan}/");
    if !is_remote(source) {
        let objects = Objects::discover(Path::new(source))?;
        let objects = objects.ok_or_else(|| SourceError::NoSuchPath(source.to_owned()))?;
        return objects.blobs_below(&prefix, STATEMENTS_MAX, bytes_max);
    }
    let (mirror, seen) = mirror::fetch_refs(source, &prefix, STATEMENTS_MAX, data)?;
    source::open(&mirror)?.blobs_below(&seen, STATEMENTS_MAX, bytes_max)
}

/// The statements about a plan that were ever fetched from a remote, without asking it. Of a path: none, it was read or not.
///
/// # Errors
/// When the mirror is there and cannot be read.
pub fn seen(
    source: &str,
    data: &Path,
    plan: Digest,
    bytes_max: usize,
) -> Result<Vec<Carried>, SourceError> {
    if !is_remote(source) {
        return Ok(Vec::new());
    }
    match Objects::discover(&mirror::place(source, data))? {
        Some(objects) => {
            let prefix = mirror::seen(&format!("{REFS}/{plan}/"));
            objects.blobs_below(&prefix, STATEMENTS_MAX, bytes_max)
        }
        None => Ok(Vec::new()),
    }
}
