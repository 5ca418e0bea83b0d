//! `SHA256SUMS`: a line for each file, as `sha256sum -c` reads it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::{ENVELOPE, Files, SIGNATURES, SUMS};
use crate::model::Digest;

/// Is it a file that the sums are over?
pub(super) fn is_summed(name: &str) -> bool {
    name != SUMS && name != ENVELOPE && !name.starts_with(SIGNATURES)
}

pub(super) fn of(files: &Files) -> BTreeMap<String, Digest> {
    let summed = files.iter().filter(|(name, _)| is_summed(name));
    summed.map(|(name, bytes)| (name.clone(), Digest::of(bytes))).collect()
}

pub(super) fn text(sums: &BTreeMap<String, Digest>) -> String {
    let mut text = String::new();
    for (name, digest) in sums {
        let _ = writeln!(text, "{digest}  {name}");
    }
    text
}

/// Reads them, byte for byte as they are written.
pub(super) fn parse(bytes: &[u8]) -> Option<BTreeMap<String, Digest>> {
    let read = std::str::from_utf8(bytes).ok()?;
    let line = |line: &str| {
        let (digest, name) = line.split_once("  ")?;
        Some((name.to_owned(), digest.parse().ok()?))
    };
    let sums: BTreeMap<String, Digest> = read.lines().map(line).collect::<Option<_>>()?;
    (text(&sums).as_bytes() == bytes).then_some(sums)
}
