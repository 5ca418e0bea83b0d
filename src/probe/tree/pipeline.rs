//! One digest of a whole tree, bit for bit what `find PREFIX -type f | LC_ALL=C sort | xargs sha256sum | sha256sum`
//! prints when it runs in the folder above.
//!
//! The pipeline breaks on names that `xargs` takes apart. Such a tree has no digest of this form, and gets none here.

use std::fmt::Write as _;

use sha2::Digest as _;

use crate::model::Digest;

/// Would `xargs` take this path apart, or `sha256sum` write it escaped?
pub(super) fn breaks(path: &[u8]) -> bool {
    path.iter().any(|c| matches!(c, b' ' | b'\t'..=b'\r' | b'\'' | b'"' | b'\\'))
}

/// Files by their paths, as `find` prints them.
pub(super) fn digest(mut files: Vec<(Vec<u8>, Digest)>) -> Digest {
    files.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
    let mut hasher = sha2::Sha256::new();
    // Without any file, `xargs` still runs `sha256sum` once, on an empty standard input.
    if files.is_empty() {
        files.push((b"-".to_vec(), Digest::of(b"")));
    }
    let mut hex = String::with_capacity(66);
    for (path, digest) in &files {
        hex.clear();
        // A string takes everything.
        let _ = write!(hex, "{digest}  ");
        hasher.update(hex.as_bytes());
        hasher.update(path);
        hasher.update(b"\n");
    }
    Digest::from_bytes(hasher.finalize().into())
}

/// How `find PREFIX` prints a path below it.
pub(super) fn path(prefix: &str, below: &[u8]) -> Vec<u8> {
    let slash: &[u8] = if prefix.ends_with('/') { b"" } else { b"/" };
    [prefix.as_bytes(), slash, below].concat()
}
