//! Taking up a ledger: locked, verified in full, and mended in the one way that a crash calls for.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::Path;

use rustix::fs::{FlockOperation, OFlags};
use rustix::io::Errno;

use super::super::checkpoint::Signer;
use super::super::error::{Damage, LedgerError};
use super::super::event::{Event, TornTail};
use super::super::names;
use super::super::read::{Reader, text};
use super::store::{FILE, SECRET, Store};
use super::{Ledger, Writer};
use crate::model::{Decimal, Digest, Timestamp};

/// What was found behind the last line.
struct Torn {
    segment: u32,
    whole: u64,
    bytes: Vec<u8>,
}

impl Ledger {
    /// Opens a ledger to write to it: verified from its first line to its last, and locked.
    ///
    /// A last line that was not written to its end, beyond the newest checkpoint, is moved to `torn/` and recorded.
    ///
    /// # Errors
    /// [`LedgerError::Locked`] where another process writes it, [`LedgerError::Damaged`] where it does not verify,
    /// [`LedgerError::Untold`] where that cannot be told, or an entry is of a type that this version does not know.
    pub fn open(dir: &Path, writer: Writer) -> Result<Self, LedgerError> {
        let mut store = Store::open(dir)?;
        let lock = lock(&store)?;
        let signer = signer(&store)?;
        let (mut unknown, mut recorded) = (None, BTreeSet::new());
        let (reader, walk) = Reader::walked(dir, |checked, _| match &checked.event {
            Some(Event::TornTail(torn)) => drop(recorded.insert(torn.digest)),
            Some(_) => {}
            None => unknown = unknown.or(Some(checked.seq)),
        })?;
        let path = || dir.to_owned();
        if let Some(seq) = unknown {
            let why = format!("entry {seq} is of a type that this version does not know");
            return Err(LedgerError::Untold { path: path(), why });
        }
        if *reader.key() != signer.public() {
            let damage = Damage::new(names::KEY_PUB, "it is not the public half of its key");
            return Err(LedgerError::Damaged { path: path(), damage });
        }
        let newest = walk.newest().parse::<Timestamp>().map_err(|_| LedgerError::Damaged {
            path: path(),
            damage: Damage::new("the last entry", "its time is none"),
        })?;
        let tail = walk.tail();
        let torn = Torn { segment: tail.segment, whole: tail.whole, bytes: tail.bytes.to_vec() };
        let name = names::segment(torn.segment);
        let segment = store.file(&name, OFlags::WRONLY | OFlags::APPEND, FILE)?;
        let moved = move_away(&mut store, &segment, &torn)?;
        let mut ledger = Self {
            store,
            lock,
            signer,
            writer,
            host: walk.host().to_owned(),
            boot: boot_id(),
            segment,
            segment_number: torn.segment,
            segment_bytes: torn.whole,
            frontier: walk.frontier().clone(),
            last: walk.last(),
            newest,
            checkpoint: reader.checkpoint().clone(),
        };
        ledger.record_torn(moved, &recorded)?;
        ledger.keep_reserve()?;
        Ok(ledger)
    }

    /// Records what was moved away: now, and before a crash that came in between.
    fn record_torn(
        &mut self,
        moved: Option<TornTail>,
        recorded: &BTreeSet<Digest>,
    ) -> Result<(), LedgerError> {
        let now = moved.as_ref().map(|torn| torn.digest);
        let earlier = torn_files(&self.store.path)?
            .into_iter()
            .filter(|torn| !recorded.contains(&torn.digest) && Some(torn.digest) != now);
        for torn in earlier.chain(moved) {
            self.append(&torn.into(), &[])?;
        }
        Ok(())
    }
}

/// Moves a half-written line to `torn/`: first it stands there, then the segment is cut.
fn move_away(
    store: &mut Store,
    segment: &File,
    torn: &Torn,
) -> Result<Option<TornTail>, LedgerError> {
    if torn.bytes.is_empty() {
        return Ok(None);
    }
    let digest = Digest::of(&torn.bytes);
    store.folder(names::TORN)?;
    store.replace(&format!("{}/{digest}", names::TORN), &torn.bytes)?;
    store.cut(&names::segment(torn.segment), segment, torn.whole)?;
    Ok(Some(TornTail { digest, bytes: Decimal(torn.bytes.len() as u64) }))
}

/// What lies in `torn/`, by name and size.
fn torn_files(dir: &Path) -> Result<Vec<TornTail>, LedgerError> {
    let folder = dir.join(names::TORN);
    let failed = |source| LedgerError::Io { path: folder.clone(), source };
    let listed = match std::fs::read_dir(&folder) {
        Ok(listed) => listed,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut found = Vec::new();
    for entry in listed {
        let entry = entry.map_err(failed)?;
        // Files under other names are none of the ledger's: one that was being written has another name.
        let Some(digest) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        let bytes = Decimal(entry.metadata().map_err(failed)?.len());
        found.push(TornTail { digest, bytes });
    }
    found.sort_by_key(|torn| torn.digest);
    Ok(found)
}

/// Takes the lock of the one writer, or says that another has it.
pub(super) fn lock(store: &Store) -> Result<File, LedgerError> {
    let path = || store.path.clone();
    let file = store.file(names::LOCK, OFlags::RDWR, SECRET)?;
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) if store.is_at(&file, names::LOCK) => Ok(file),
        Ok(()) | Err(Errno::WOULDBLOCK) => Err(LedgerError::Locked { path: path() }),
        Err(errno) => Err(LedgerError::Io { path: path().join(names::LOCK), source: errno.into() }),
    }
}

fn signer(store: &Store) -> Result<Signer, LedgerError> {
    store.require_secret(names::KEY)?;
    let damaged = || LedgerError::Damaged {
        path: store.path.clone(),
        damage: Damage::new(names::KEY, "it is no private key of a ledger"),
    };
    let text = text(&store.path, names::KEY)?.ok_or_else(damaged)?;
    Signer::parse(&text).map_err(|_| damaged())
}

/// Which start of the kernel this is: of this machine, not of a root that is looked at.
pub(super) fn boot_id() -> String {
    let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let id = id.trim();
    if id.is_empty() { "unknown".to_owned() } else { id.to_owned() }
}
