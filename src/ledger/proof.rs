//! Proofs from a ledger for those who have only its checkpoints: that an entry is in it, and that it only grew.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use super::checkpoint::{Checkpoint, Signed};
use super::error::{Damage, LedgerError};
use super::merkle::{self, Hash};
use super::read::Reader;
use super::verify::{Outside, opened};

/// That an entry is in the ledger that a checkpoint covers.
#[derive(Debug, Clone)]
pub struct Inclusion {
    /// The number of the entry.
    pub seq: u64,
    /// Its line: what is hashed to the leaf.
    pub line: String,
    /// From the leaf to the root.
    pub path: Vec<Hash>,
    /// The checkpoint with that root.
    pub checkpoint: Signed,
}

/// That a ledger of one size is the beginning of the same at another.
#[derive(Debug, Clone)]
pub struct Consistency {
    /// The smaller one.
    pub old: Checkpoint,
    /// The larger one.
    pub new: Checkpoint,
    /// From one to the other.
    pub path: Vec<Hash>,
}

impl Inclusion {
    /// The proof in the form of C2SP `tlog-proof`, with the checkpoint in it.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = format!("c2sp.org/tlog-proof@v1\nindex {}\n", self.seq);
        for hash in &self.path {
            let _ = writeln!(text, "{hash}");
        }
        text + "\n" + &self.checkpoint.note
    }
}

/// Verifies the ledger and proves that its newest checkpoint covers an entry.
///
/// # Errors
/// As for [`Reader::open`]; [`LedgerError::Untold`] where no checkpoint covers the entry.
pub fn inclusion(dir: &Path, seq: u64) -> Result<Inclusion, LedgerError> {
    let (mut leaves, mut line) = (Vec::new(), None);
    let (reader, _) = Reader::walked(dir, |checked, covered| {
        if checked.seq == seq {
            line = Some(checked.text.to_owned());
        }
        if checked.seq < covered {
            leaves.push(checked.leaf);
        }
    })?;
    let (size, checkpoint) = (reader.size(), reader.checkpoint().clone());
    let untold = |why: String| LedgerError::Untold { path: dir.to_owned(), why };
    let line = line.ok_or_else(|| {
        let why = format!("{seq} was asked for, and they are numbered from 0 to {}", size - 1);
        LedgerError::NoSuch { path: dir.to_owned(), why }
    })?;
    let path = merkle::inclusion(&leaves, seq).ok_or_else(|| {
        let covered = checkpoint.checkpoint.size;
        untold(format!("its newest checkpoint covers {covered} entries, and not entry {seq}"))
    })?;
    let Checkpoint { size, root, .. } = &checkpoint.checkpoint;
    if !merkle::includes(seq, *size, merkle::leaf(line.as_bytes()), &path, root) {
        let damage = Damage::new(format!("entry {seq}"), "its proof does not lead to the root");
        return Err(LedgerError::Damaged { path: dir.to_owned(), damage });
    }
    Ok(Inclusion { seq, line, path, checkpoint })
}

/// The most entries that are proven at once.
pub const INCLUSIONS_MAX: usize = 2000;

/// Verifies the ledger and proves of several entries that its newest checkpoint covers them.
///
/// # Errors
/// As for [`inclusion`]; [`LedgerError::TooLarge`] where they are more than [`INCLUSIONS_MAX`].
pub fn inclusions(dir: &Path, seqs: &BTreeSet<u64>) -> Result<Vec<Inclusion>, LedgerError> {
    if seqs.len() > INCLUSIONS_MAX {
        let (what, size) = ("a number of entries", seqs.len());
        return Err(LedgerError::TooLarge { what, size, max: INCLUSIONS_MAX });
    }
    let (mut leaves, mut lines) = (Vec::new(), BTreeMap::new());
    let (reader, _) = Reader::walked(dir, |checked, covered| {
        if seqs.contains(&checked.seq) {
            lines.insert(checked.seq, checked.text.to_owned());
        }
        if checked.seq < covered {
            leaves.push(checked.leaf);
        }
    })?;
    let checkpoint = reader.checkpoint();
    let one = |seq: &u64| {
        let (line, path) = (lines.get(seq).cloned(), merkle::inclusion(&leaves, *seq));
        let (Some(line), Some(path)) = (line, path) else {
            let why = format!("its newest checkpoint covers no entry {seq}");
            return Err(LedgerError::Untold { path: dir.to_owned(), why });
        };
        Ok(Inclusion { seq: *seq, line, path, checkpoint: checkpoint.clone() })
    };
    seqs.iter().map(one).collect()
}

/// One end of a proof of consistency.
#[derive(Debug, Clone)]
pub enum End {
    /// The ledger as it was with so many entries.
    Size(u64),
    /// The ledger that a checkpoint covers.
    Outside(Outside),
}

/// Verifies the ledger and proves that it at one size is the beginning of it at another.
///
/// # Errors
/// As for [`Reader::open`]; [`LedgerError::Damaged`] where a checkpoint does not fit the ledger.
pub fn consistency(dir: &Path, old: &End, new: &End) -> Result<Consistency, LedgerError> {
    let mut leaves = Vec::new();
    let (reader, _) = Reader::walked(dir, |checked, _| leaves.push(checked.leaf))?;
    let end = |end: &End| checkpoint(&reader, &leaves, end);
    let (old, new) = (end(old)?, end(new)?);
    let none = |why: String| LedgerError::NoSuch { path: dir.to_owned(), why };
    if old.size == 0 || old.size > new.size {
        let why = format!(
            "{} entries are no beginning of {}: the smaller size comes first, and it is at least 1",
            old.size, new.size
        );
        return Err(none(why));
    }
    let covered = usize::try_from(new.size).unwrap_or(usize::MAX).min(leaves.len());
    let path = merkle::consistency(&leaves[..covered], old.size);
    let path = path.ok_or_else(|| none(format!("it never had {}", old.size)))?;
    if !merkle::consistent(old.size, new.size, &old.root, &new.root, &path) {
        let damage = Damage::new("the tree", "the older one is no beginning of the newer one");
        return Err(LedgerError::Damaged { path: dir.to_owned(), damage });
    }
    Ok(Consistency { old, new, path })
}

fn checkpoint(reader: &Reader, leaves: &[Hash], end: &End) -> Result<Checkpoint, LedgerError> {
    let of = |size: u64| {
        let entries = leaves.get(..usize::try_from(size).ok()?)?;
        let origin = reader.key().origin().to_owned();
        Some(Checkpoint { origin, size, root: merkle::root(entries) })
    };
    let (path, there) = (reader.dir().to_owned(), leaves.len());
    match end {
        End::Size(size) => of(*size).ok_or_else(|| {
            let why = format!("{size} were asked for, and there are {there}");
            LedgerError::NoSuch { path, why }
        }),
        End::Outside(outside) => {
            let claimed = opened(reader.dir(), reader.key(), outside)?.checkpoint;
            let size = claimed.size;
            let what = match of(size) {
                Some(own) if own == claimed => return Ok(own),
                Some(_) => format!("the first {size} entries are not those that it covers"),
                None => {
                    format!("it covers {size} entries, and there are {there}: the end was cut off")
                }
            };
            Err(LedgerError::Damaged { path, damage: Damage::new(&outside.name, what) })
        }
    }
}
