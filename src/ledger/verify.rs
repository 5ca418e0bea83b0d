//! Verifying a ledger, or a copy of one, offline: from what lies in its folder, and from what is known of it elsewhere.
//!
//! The chain and the own checkpoint show that nothing was edited by somebody without the key. Whoever has the key could cut
//! the end off, or write the whole anew; that shows against a checkpoint that was kept elsewhere.

use std::collections::BTreeMap;
use std::path::Path;

use super::checkpoint::{Checkpoint, Key, NoteError, Signed};
use super::error::{Damage, LedgerError};
use super::event::Event;
use super::merkle::{Frontier, Hash};
use super::names;
use super::read::{blob, key, newest};
use super::walk::{Checked, Walk};
use crate::model::Digest;

/// A checkpoint that was kept elsewhere.
#[derive(Debug, Clone)]
pub struct Outside {
    /// What to call it when it does not fit, such as the name of its file.
    pub name: String,
    /// Its text.
    pub note: String,
}

/// What was found intact.
#[derive(Debug, Clone)]
pub struct Verified {
    /// The key that it was verified with.
    pub key: Key,
    /// How many entries there are.
    pub size: u64,
    /// The root of the tree over all of them.
    pub root: Hash,
    /// How many entries the newest checkpoint covers, of those in the folder and those from elsewhere.
    pub covered: u64,
    /// How many checkpoints from elsewhere fit.
    pub outside: usize,
    /// How many entries say that a checkpoint was anchored; each names the root that the ledger had then.
    pub anchored: usize,
    /// How many blobs are there, as they were when they were attached.
    pub blobs: usize,
    /// How many bytes follow the last line: an entry that was not written to its end.
    pub torn_bytes: usize,
    /// How many entries are of a type that this version does not know.
    pub unknown: u64,
}

/// A root that the ledger should have had at some size, and who says so.
#[derive(Debug)]
struct Claim {
    by: String,
    root: Hash,
}

/// Verifies the ledger in a folder. `pinned`: its key, where that is known; without it, the key that lies there.
///
/// # Errors
/// [`LedgerError::Damaged`] names what was changed, and where. [`LedgerError::Untold`]: there is nothing to compare with.
pub fn verify(
    dir: &Path,
    pinned: Option<&Key>,
    outside: &[Outside],
) -> Result<Verified, LedgerError> {
    let key = key_of(dir, pinned)?;
    let mut claims = Claims::default();
    let own = match newest(dir, &key) {
        Err(LedgerError::Untold { .. }) if !outside.is_empty() => None,
        own => Some(own?),
    };
    if let Some(Signed { checkpoint, .. }) = own {
        claims.add(names::CHECKPOINT, &checkpoint);
    }
    for one in outside {
        claims.add(&one.name, &opened(dir, &key, one)?.checkpoint);
    }
    let covered = claims.largest();
    let mut seen = Seen::default();
    let mut walk = Walk::start(dir)?;
    while let Some(checked) = walk.step()? {
        if checked.seq == 0 {
            require_opening(dir, &key, &checked)?;
        }
        seen.take(checked, &key, &mut claims);
    }
    claims.require(dir, &seen.leaves)?;
    for (digest, size) in &seen.blobs {
        let bytes = blob(dir, digest)?;
        if bytes.len() as u64 != *size {
            let damage = Damage::new(format!("blob {digest}"), "its size is not the attached one");
            return Err(LedgerError::Damaged { path: dir.to_owned(), damage });
        }
    }
    Ok(Verified {
        key,
        size: walk.frontier().size(),
        root: walk.frontier().root(),
        covered,
        outside: outside.len(),
        anchored: seen.anchored,
        blobs: seen.blobs.len(),
        torn_bytes: walk.tail().bytes.len(),
        unknown: seen.unknown,
    })
}

fn key_of(dir: &Path, pinned: Option<&Key>) -> Result<Key, LedgerError> {
    let there = key(dir);
    let Some(pinned) = pinned else { return there };
    match there {
        // What lies there is not needed, and a copy may lack it.
        Err(LedgerError::Untold { .. }) => {}
        Err(error) => return Err(error),
        Ok(key) if key == *pinned => {}
        Ok(key) => {
            let damage = Damage::new(names::KEY_PUB, format!("it is {key}, and not the key given"));
            return Err(LedgerError::Damaged { path: dir.to_owned(), damage });
        }
    }
    Ok(pinned.clone())
}

/// A checkpoint from elsewhere. One of this ledger's name that its key did not sign means that the key is another now.
pub(super) fn opened(dir: &Path, key: &Key, outside: &Outside) -> Result<Signed, LedgerError> {
    let path = || dir.to_owned();
    key.open(&outside.note).map_err(|error| match error {
        NoteError::Unsigned(_) | NoteError::Signature(_) => LedgerError::Damaged {
            path: path(),
            damage: Damage::new(&outside.name, format!("{error}, and it names this ledger")),
        },
        NoteError::Key | NoteError::Form(_) | NoteError::Origin(..) => {
            LedgerError::Untold { path: path(), why: format!("{}: {error}", outside.name) }
        }
    })
}

/// The first entry names the ledger and its key.
pub(super) fn require_opening(
    dir: &Path,
    key: &Key,
    first: &Checked<'_>,
) -> Result<(), LedgerError> {
    let fits = matches!(&first.event, Some(Event::LogOpened(opened))
        if opened.origin == key.origin() && opened.key == key.to_string());
    if fits {
        return Ok(());
    }
    let damage = Damage::new("entry 0", "it does not open a ledger of this name with this key");
    Err(LedgerError::Damaged { path: dir.to_owned(), damage })
}

/// What is kept of the entries until all are read.
#[derive(Debug, Default)]
struct Seen {
    leaves: Vec<Hash>,
    blobs: BTreeMap<Digest, u64>,
    anchored: usize,
    unknown: u64,
}

impl Seen {
    fn take(&mut self, checked: Checked<'_>, key: &Key, claims: &mut Claims) {
        self.leaves.push(checked.leaf);
        for blob in checked.line.att {
            self.blobs.insert(blob.sha256, blob.size.0);
        }
        match checked.event {
            Some(Event::CheckpointAnchored(anchored)) if anchored.origin == key.origin() => {
                let by = format!("entry {}, which says that it was anchored", checked.seq);
                claims
                    .0
                    .entry(anchored.size.0)
                    .or_default()
                    .push(Claim { by, root: anchored.root });
                self.anchored += 1;
            }
            Some(_) => {}
            None => self.unknown += 1,
        }
    }
}

/// What is claimed, by size.
#[derive(Debug, Default)]
struct Claims(BTreeMap<u64, Vec<Claim>>);

impl Claims {
    fn add(&mut self, by: &str, checkpoint: &Checkpoint) {
        let claim = Claim { by: by.to_owned(), root: checkpoint.root };
        self.0.entry(checkpoint.size).or_default().push(claim);
    }

    fn largest(&self) -> u64 {
        self.0.last_key_value().map_or(0, |(size, _)| *size)
    }

    /// Had the ledger each of these roots?
    fn require(&self, dir: &Path, leaves: &[Hash]) -> Result<(), LedgerError> {
        let damaged = |claim: &Claim, what: String| LedgerError::Damaged {
            path: dir.to_owned(),
            damage: Damage::new(&claim.by, what),
        };
        let mut frontier = Frontier::default();
        let mut rest = leaves.iter();
        for (size, claims) in &self.0 {
            while frontier.size() < *size {
                let Some(leaf) = rest.next() else { break };
                frontier.push(*leaf);
            }
            for claim in claims {
                if frontier.size() < *size {
                    let what = format!(
                        "it covers {size} entries, and there are {}: the end was cut off",
                        leaves.len()
                    );
                    return Err(damaged(claim, what));
                }
                if frontier.root() != claim.root {
                    let what = format!("the first {size} entries are not those that it covers");
                    return Err(damaged(claim, what));
                }
            }
        }
        Ok(())
    }
}
