//! The part of a ledger that a package cites: entries as their lines, what belongs to them, and the proof that the ledger has them.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::Files;
use super::value::Cited;
use crate::ledger::entry::{Glance, glance};
use crate::ledger::proof::Inclusion;
use crate::ledger::{Checkpoint, Hash, Key, Signed, merkle};
use crate::model::{Decimal, Digest, Timestamp};

/// The lines of entries, in their order.
pub const ENTRIES: &str = "ledger/executor/entries.jsonl";
/// For each of them the way to the root.
pub const PROOFS: &str = "ledger/executor/proofs.jsonl";
/// The checkpoint with that root.
pub const CHECKPOINT: &str = "ledger/executor/checkpoint";
/// The key that signed it. Whoever verifies has his own.
pub const KEY: &str = "ledger/executor/key.pub";
/// The folder of what belongs to entries, each under its digest.
pub const BLOBS: &str = "ledger/executor/blobs/";

/// Entries with what belongs to them.
#[derive(Debug, Clone)]
pub struct Excerpt {
    /// The entries with their proofs, by number.
    pub entries: Vec<Inclusion>,
    /// The checkpoint that covers them.
    pub checkpoint: Signed,
    /// The key of the ledger.
    pub key: Key,
    /// What belongs to entries that lines cite.
    pub blobs: BTreeMap<Digest, Vec<u8>>,
    /// From when on all entries are there.
    pub since: Timestamp,
    /// The number of the first of those.
    pub first: u64,
}

/// The proof of one entry.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Proof {
    seq: Decimal,
    path: Vec<Hash>,
}

impl Excerpt {
    pub(super) fn cited(&self) -> Cited {
        let Checkpoint { origin, size, root } = self.checkpoint.checkpoint.clone();
        Cited { origin, size, root, since: self.since, first: self.first }
    }

    /// The hash of an entry's line.
    pub(super) fn leaf(&self, seq: u64) -> Option<Hash> {
        let entry = self.entries.iter().find(|entry| entry.seq == seq)?;
        Some(merkle::leaf(entry.line.as_bytes()))
    }

    pub(super) fn write(&self, files: &mut Files) {
        let (mut lines, mut proofs) = (String::new(), String::new());
        for entry in &self.entries {
            lines.push_str(&entry.line);
            lines.push('\n');
            let proof = Proof { seq: Decimal(entry.seq), path: entry.path.clone() };
            // Texts alone: it cannot fail.
            proofs.push_str(&serde_json::to_string(&proof).unwrap_or_default());
            proofs.push('\n');
        }
        files.insert(ENTRIES.to_owned(), lines.into_bytes());
        files.insert(PROOFS.to_owned(), proofs.into_bytes());
        files.insert(CHECKPOINT.to_owned(), self.checkpoint.note.clone().into_bytes());
        files.insert(KEY.to_owned(), format!("{}\n", self.key).into_bytes());
        for (digest, bytes) in &self.blobs {
            files.insert(format!("{BLOBS}{digest}"), bytes.clone());
        }
    }
}

/// Why an excerpt proves nothing: the file, and what is wrong with it.
pub(super) type Wrong = (&'static str, String);

/// An excerpt that was verified.
#[derive(Debug)]
pub(super) struct Read {
    entries: BTreeMap<u64, (Glance, Hash)>,
    size: u64,
}

/// Verifies the excerpt in these files with a key from elsewhere.
pub(super) fn read(files: &Files, key: &Key, cited: &Cited) -> Result<Read, Wrong> {
    let text = |name: &'static str| {
        let bytes = files.get(name).ok_or((name, "it is missing".to_owned()))?;
        std::str::from_utf8(bytes).map_err(|_| (name, "it is not UTF-8".to_owned()))
    };
    let signed = key.open(text(CHECKPOINT)?).map_err(|error| (CHECKPOINT, error.to_string()))?;
    let Checkpoint { origin, size, root } = signed.checkpoint;
    if (&origin, size, root) != (&cited.origin, cited.size, cited.root) {
        return Err((CHECKPOINT, "it is not the one that the package names".to_owned()));
    }
    if text(KEY)? != format!("{key}\n") {
        return Err((KEY, "it is not the key that was given".to_owned()));
    }
    let (lines, proofs) = (text(ENTRIES)?, text(PROOFS)?);
    if lines.lines().count() != proofs.lines().count() {
        return Err((PROOFS, "there is not one proof for each entry".to_owned()));
    }
    let mut entries = BTreeMap::new();
    for (line, proof) in lines.lines().zip(proofs.lines()) {
        let entry = glance(line).ok_or((ENTRIES, "a line is no entry".to_owned()))?;
        let proof: Proof = serde_json::from_str(proof)
            .map_err(|_| (PROOFS, format!("it has no proof of entry {}", entry.seq)))?;
        let leaf = merkle::leaf(line.as_bytes());
        let led = merkle::includes(entry.seq, size, leaf, &proof.path, &root);
        if proof.seq.0 != entry.seq || !led {
            let why = format!("the proof of entry {} does not lead to the root", entry.seq);
            return Err((PROOFS, why));
        }
        entries.insert(entry.seq, (entry, leaf));
    }
    let read = Read { entries, size };
    read.require_whole(cited)?;
    Ok(read)
}

impl Read {
    /// From `first` on every entry is there, and the one before is older than the window.
    fn require_whole(&self, cited: &Cited) -> Result<(), Wrong> {
        if let Some(seq) = (cited.first..self.size).find(|seq| !self.entries.contains_key(seq)) {
            return Err((ENTRIES, format!("entry {seq} is missing")));
        }
        let before = cited.first.checked_sub(1).map(|seq| self.entries.get(&seq));
        match before {
            Some(None) => Err((ENTRIES, format!("entry {} is missing", cited.first - 1))),
            Some(Some((entry, _))) if entry.time >= cited.since => {
                let why = format!("entry {} belongs to the window as well", entry.seq);
                Err((ENTRIES, why))
            }
            _ => Ok(()),
        }
    }

    /// The hash of an entry's line.
    pub(super) fn leaf(&self, seq: u64) -> Option<Hash> {
        self.entries.get(&seq).map(|(_, leaf)| *leaf)
    }

    /// The blobs that these entries name.
    pub(super) fn attached(&self) -> BTreeSet<Digest> {
        let entries = self.entries.values().flat_map(|(entry, _)| &entry.attachments);
        entries.map(|attached| attached.sha256).collect()
    }

    /// The first entry of the window that has one of these types.
    pub(super) fn first_of(&self, types: &[&str], cited: &Cited) -> Option<u64> {
        let window = self.entries.range(cited.first..);
        let mut of = window.filter(|(_, (entry, _))| types.contains(&entry.type_name.as_str()));
        of.next().map(|(seq, _)| *seq)
    }
}
