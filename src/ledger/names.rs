//! What lies where in the folder of a ledger.

use crate::model::Digest;

/// The newest checkpoint.
pub(super) const CHECKPOINT: &str = "checkpoint";
/// The private key, for its owner alone.
pub(super) const KEY: &str = "key";
/// The public key.
pub(super) const KEY_PUB: &str = "key.pub";
/// What the one writer holds locked.
pub(super) const LOCK: &str = "lock";
/// Space for a last refusal where the file system is full.
pub(super) const RESERVE: &str = "reserve";
/// Half-written last lines that were moved away.
pub(super) const TORN: &str = "torn";
/// The folder of blobs.
pub(super) const BLOBS: &str = "blobs";

/// A segment is closed when it has reached this size; an entry that is begun in it ends in it.
pub(super) const SEGMENT_BYTES: u64 = 16 << 20;
/// The number of the last possible segment.
pub(super) const SEGMENT_MAX: u32 = 99_999_999;

/// The name of a segment.
pub(super) fn segment(number: u32) -> String {
    format!("{number:08}.jsonl")
}

/// The number of a segment by its name.
pub(super) fn segment_number(name: &str) -> Option<u32> {
    let digits = name.strip_suffix(".jsonl")?;
    let all = digits.len() == 8 && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|_| all)
}

/// Where a blob lies: the folders below the ledger's, and its name.
pub(super) fn blob(digest: &Digest) -> ([String; 3], String) {
    let name = digest.to_string();
    ([BLOBS.to_owned(), "sha256".to_owned(), name[..2].to_owned()], name)
}
