//! One entry: its line as it is written and hashed, and what it says.
//!
//! The line is the leaf of the tree. It is written once, stored as those bytes and hashed as those bytes; nothing is ever
//! written again from what was read. All values but the version are strings, so that no reader can round a number.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::event::Event;
use super::merkle::Hash;
use crate::model::{Decimal, Digest, Timestamp};

/// The version of the format.
pub const VERSION: u8 = 1;
/// The longest line, without its line end.
pub const LINE_BYTES_MAX: usize = 64 << 10;
/// The most attachments of one entry.
pub const ATTACHMENTS_MAX: usize = 64;
/// The largest blob.
pub const BLOB_BYTES_MAX: usize = 64 << 20;

/// Which of the two ledgers a process writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ActorKind {
    /// The one that looks, without rights to change anything.
    Observer,
    /// The one that plans and applies.
    Executor,
}

impl ActorKind {
    /// Its word, which is also the name of its ledger's folder.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Observer => "observer",
            Self::Executor => "executor",
        }
    }
}

/// The process that wrote an entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Actor {
    /// Which of the two.
    pub kind: ActorKind,
    /// The number of its user.
    pub uid: Decimal,
    /// The version of the program.
    pub ver: String,
    /// The digest of the program's own file, where it was taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exe: Option<Digest>,
}

/// A blob that an entry names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attached {
    /// What it is to the entry, such as `plan`.
    pub name: String,
    /// Of its bytes; it lies under this name.
    pub sha256: Digest,
    /// How many bytes.
    pub size: Decimal,
}

/// An entry as it stands in the file. The fields are written in this order.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Line<'a> {
    pub(super) v: u8,
    pub(super) seq: Decimal,
    /// The hash of the line before, or empty for the first.
    pub(super) prev: &'a str,
    /// RFC 3339 in UTC with milliseconds.
    pub(super) time: &'a str,
    /// Which start of the kernel.
    pub(super) boot: &'a str,
    /// Nanoseconds since then, those asleep included.
    pub(super) mono: Decimal,
    pub(super) host: &'a str,
    #[serde(borrow)]
    pub(super) actor: &'a RawValue,
    #[serde(rename = "type")]
    pub(super) type_name: &'a str,
    #[serde(borrow)]
    pub(super) body: &'a RawValue,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) att: Vec<Attached>,
}

/// What a line says of itself, without a look at what happened. It proves nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glance {
    /// Its number.
    pub seq: u64,
    /// When it was written.
    pub time: Timestamp,
    /// The type of its event.
    pub type_name: String,
    /// The blobs that belong to it.
    pub attachments: Vec<Attached>,
}

/// Reads so much of a line; `None` where it is none.
#[must_use]
pub fn glance(line: &str) -> Option<Glance> {
    let read: Line<'_> = serde_json::from_str(line).ok()?;
    let time = read.time.parse().ok().filter(|_| is_instant(read.time))?;
    let (seq, type_name) = (read.seq.0, read.type_name.to_owned());
    Some(Glance { seq, time, type_name, attachments: read.att })
}

/// An entry that was verified: its place in the chain, and what it says.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Its number, from 0.
    pub seq: u64,
    /// The hash of its line.
    pub leaf: Hash,
    /// When it was written.
    pub time: Timestamp,
    /// Which start of the kernel.
    pub boot: String,
    /// Nanoseconds since then, those asleep included.
    pub mono: u64,
    /// The id of the host.
    pub host: String,
    /// Who wrote it.
    pub actor: Actor,
    /// What happened.
    pub event: Event,
    /// The blobs that belong to it.
    pub attachments: Vec<Attached>,
    /// Its line, as it stands in the file.
    pub line: String,
}

impl Entry {
    /// The plan that it is about.
    #[must_use]
    pub fn plan(&self) -> Option<Digest> {
        #[derive(Deserialize)]
        struct About {
            plan: Option<Digest>,
        }
        let body = self.event.body().ok()?;
        serde_json::from_str::<About>(body.get()).ok()?.plan
    }
}

/// May this name a host or a ledger? Printable ASCII that JSON, a checkpoint and a shell leave as it is.
pub(super) fn is_plain(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 200
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-/:@".contains(&b))
}

/// Is it an instant as entries have it, `2026-11-22T22:03:11.482Z`? Two of them sort as texts.
pub(super) fn is_instant(text: &str) -> bool {
    const SHAPE: &[u8; 24] = b"0000-00-00T00:00:00.000Z";
    text.len() == SHAPE.len()
        && text.bytes().zip(SHAPE).all(|(byte, shape)| match shape {
            b'0' => byte.is_ascii_digit(),
            _ => byte == *shape,
        })
}
