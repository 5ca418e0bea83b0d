//! The writer of a ledger. One process at a time; one of the rooms that write.
//!
//! An entry is on the disk when [`Ledger::append`] returns. Before a ledger takes entries it is verified from its first line
//! to its last; one that does not verify is not written to. A last line that was cut off while it was written is moved away
//! and recorded, as long as no checkpoint covers it.

mod create;
pub mod failpoint;
mod open;
mod store;

use std::fmt;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use rustix::fs::OFlags;

use super::checkpoint::{Key, Signed, Signer};
use super::entry::{
    ATTACHMENTS_MAX, Actor, ActorKind, Attached, BLOB_BYTES_MAX, LINE_BYTES_MAX, Line, VERSION,
};
use super::error::LedgerError;
use super::event::Event;
use super::merkle::{Frontier, Hash, leaf};
use super::names;
use super::read::Reader;
use crate::model::{Clock, Decimal, Digest, SystemClock, Timestamp};
use store::Store;

/// How much space is held back for the last refusals.
const RESERVE_BYTES: usize = 64 << 10;

/// Who writes, and by which clock.
#[derive(Debug, Clone)]
pub struct Writer {
    /// What entries say of the process.
    pub actor: Actor,
    /// Where their time comes from.
    pub clock: Arc<dyn Clock>,
}

/// A ledger that was verified, and that this process alone may write until it is dropped.
pub struct Ledger {
    store: Store,
    lock: File,
    signer: Signer,
    writer: Writer,
    host: String,
    boot: String,
    segment: File,
    segment_number: u32,
    segment_bytes: u64,
    frontier: Frontier,
    last: Option<Hash>,
    newest: Timestamp,
    checkpoint: Signed,
}

/// Bytes that belong to an entry, such as the plan that it is about.
#[derive(Debug, Clone, Copy)]
pub struct Attachment<'a> {
    /// What they are to the entry, such as `plan`.
    pub name: &'a str,
    /// The bytes themselves.
    pub bytes: &'a [u8],
}

/// An entry that is on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    /// Its number.
    pub seq: u64,
    /// The hash of its line.
    pub leaf: Hash,
}

impl Writer {
    /// This process, by the machine's clock.
    #[must_use]
    pub fn this(kind: ActorKind) -> Self {
        let uid = Decimal(rustix::process::geteuid().as_raw().into());
        let ver = env!("CARGO_PKG_VERSION").to_owned();
        Self { actor: Actor { kind, uid, ver, exe: None }, clock: Arc::new(SystemClock) }
    }

    /// The same, with the digest of the program's own file.
    #[must_use]
    pub fn with_program(mut self, exe: Digest) -> Self {
        self.actor.exe = Some(exe);
        self
    }

    /// The same by another clock.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }
}

impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let size = self.frontier.size();
        f.debug_struct("Ledger")
            .field("path", &self.store.path)
            .field("size", &size)
            .finish_non_exhaustive()
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        // Closing it would not do while another thread starts a program: until that runs, it holds a copy of the lock.
        let _ = rustix::fs::flock(&self.lock, rustix::fs::FlockOperation::Unlock);
    }
}

impl Ledger {
    /// Records an event: stores what is attached, then the entry. On the disk when this returns.
    ///
    /// # Errors
    /// [`LedgerError::Full`]: nothing was recorded, and the ledger goes on. [`LedgerError::Poisoned`]: whether it was recorded
    /// is not known, and this process records nothing more; what should have followed must not happen.
    pub fn append(
        &mut self,
        event: &Event,
        attachments: &[Attachment<'_>],
    ) -> Result<Receipt, LedgerError> {
        self.store.require_sound()?;
        if attachments.len() > ATTACHMENTS_MAX {
            let (size, max) = (attachments.len(), ATTACHMENTS_MAX);
            return Err(LedgerError::TooLarge { what: "a number of attachments", size, max });
        }
        let mut attached = Vec::new();
        for Attachment { name, bytes } in attachments {
            let (sha256, size) = (self.blob(bytes)?, Decimal(bytes.len() as u64));
            attached.push(Attached { name: (*name).to_owned(), sha256, size });
        }
        match self.write(event, attached.clone()) {
            Err(LedgerError::Full { .. }) if event.may_use_reserve() => {
                self.release_reserve()?;
                self.write(event, attached)
            }
            written => written,
        }
    }

    fn write(&mut self, event: &Event, att: Vec<Attached>) -> Result<Receipt, LedgerError> {
        if self.segment_bytes >= names::SEGMENT_BYTES {
            self.rotate()?;
        }
        let now = self.writer.clock.now_milliseconds().max(self.newest);
        let line = self.line(event, att, now).map_err(|e| self.store.failed("entry", e.into()))?;
        if line.len() > LINE_BYTES_MAX {
            let (size, max) = (line.len(), LINE_BYTES_MAX);
            return Err(LedgerError::TooLarge { what: "an entry", size, max });
        }
        let leaf = leaf(line.as_bytes());
        let name = names::segment(self.segment_number);
        let bytes = format!("{line}\n");
        if let Err(error) = self.store.write(&name, &mut self.segment, bytes.as_bytes()) {
            // What was written of it must not stand before the next entry.
            self.store.cut(&name, &self.segment, self.segment_bytes)?;
            return Err(error);
        }
        self.store.sync(&name, &self.segment)?;
        let seq = self.frontier.size();
        self.frontier.push(leaf);
        self.last = Some(leaf);
        self.newest = now;
        self.segment_bytes += bytes.len() as u64;
        Ok(Receipt { seq, leaf })
    }

    fn line(
        &self,
        event: &Event,
        att: Vec<Attached>,
        now: Timestamp,
    ) -> serde_json::Result<String> {
        let prev = self.last.map_or_else(String::new, |hash| hash.to_string());
        let mono = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        let (seconds, nanoseconds) = (mono.tv_sec.unsigned_abs(), mono.tv_nsec.unsigned_abs());
        let (body, time) = (event.body()?, now.with_milliseconds());
        let actor = serde_json::value::to_raw_value(&self.writer.actor)?;
        serde_json::to_string(&Line {
            v: VERSION,
            seq: Decimal(self.frontier.size()),
            prev: &prev,
            time: &time,
            boot: &self.boot,
            mono: Decimal(seconds * 1_000_000_000 + nanoseconds),
            host: &self.host,
            actor: &actor,
            type_name: event.type_name(),
            body: &body,
            att,
        })
    }

    fn rotate(&mut self) -> Result<(), LedgerError> {
        let number = self.segment_number + 1;
        if number > names::SEGMENT_MAX {
            let max = usize::try_from(names::SEGMENT_MAX).unwrap_or(usize::MAX);
            return Err(LedgerError::TooLarge { what: "a number of segments", size: max + 1, max });
        }
        self.segment = self.store.create(&names::segment(number), &[], store::FILE)?;
        (self.segment_number, self.segment_bytes) = (number, 0);
        Ok(())
    }

    /// Stores bytes under their digest. On the disk when this returns; no work where they are there already.
    ///
    /// # Errors
    /// As for [`Ledger::append`]; a blob that no entry names is kept and harmless.
    pub fn blob(&mut self, bytes: &[u8]) -> Result<Digest, LedgerError> {
        self.store.require_sound()?;
        if bytes.len() > BLOB_BYTES_MAX {
            let (size, max) = (bytes.len(), BLOB_BYTES_MAX);
            return Err(LedgerError::TooLarge { what: "a blob", size, max });
        }
        let digest = Digest::of(bytes);
        let (folders, name) = names::blob(&digest);
        if super::read::blob(&self.store.path, &digest).is_ok() {
            return Ok(digest);
        }
        let mut folder = String::new();
        for part in folders {
            folder = if folder.is_empty() { part } else { format!("{folder}/{part}") };
            self.store.folder(&folder)?;
        }
        self.store.replace(&format!("{folder}/{name}"), bytes)?;
        Ok(digest)
    }

    /// Signs how large the ledger is now, and which root it has. On the disk when this returns.
    ///
    /// # Errors
    /// As for [`Ledger::append`].
    pub fn checkpoint(&mut self) -> Result<Signed, LedgerError> {
        self.store.require_sound()?;
        if self.checkpoint.checkpoint.size != self.frontier.size() {
            let signed = self.signer.sign(self.frontier.size(), self.frontier.root());
            self.store.replace(names::CHECKPOINT, signed.note.as_bytes())?;
            self.checkpoint = signed;
        }
        Ok(self.checkpoint.clone())
    }

    /// Signs a statement of a type of its own with the key of the ledger.
    #[must_use]
    pub fn envelope(&self, payload_type: &str, payload: &[u8]) -> super::Envelope {
        self.signer.envelope(payload_type, payload)
    }

    /// What it holds, as it is now.
    #[must_use]
    pub fn reader(&self) -> Reader {
        Reader {
            dir: self.store.path.clone(),
            key: self.signer.public(),
            size: self.frontier.size(),
            root: self.frontier.root(),
            last: self.last,
            checkpoint: self.checkpoint.clone(),
        }
    }

    /// Its public key, with its name.
    #[must_use]
    pub fn key(&self) -> Key {
        self.signer.public()
    }

    /// The id of the host whose ledger it is.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Its folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.store.path
    }

    /// The time of its newest entry: no later entry has an earlier one, whatever the clock shows.
    #[must_use]
    pub const fn newest(&self) -> Timestamp {
        self.newest
    }

    /// By how many milliseconds the clock is behind the newest entry; 0 when it is not.
    #[must_use]
    pub fn clock_behind(&self) -> u64 {
        let now = self.writer.clock.now_milliseconds().unix_milliseconds();
        u64::try_from(self.newest.unix_milliseconds().saturating_sub(now)).unwrap_or(0)
    }

    /// How many times this process waited for the disk because of it.
    #[must_use]
    pub const fn syncs(&self) -> u64 {
        self.store.syncs()
    }

    /// Gives up the space that was held back, so that a last refusal can be written.
    fn release_reserve(&mut self) -> Result<(), LedgerError> {
        if !self.store.has(names::RESERVE) {
            return Ok(());
        }
        let reserve = self.store.file(names::RESERVE, OFlags::WRONLY, store::SECRET)?;
        self.store.cut(names::RESERVE, &reserve, 0)
    }

    /// Holds space back again, where there is some.
    fn keep_reserve(&mut self) -> Result<(), LedgerError> {
        let flags = OFlags::WRONLY | OFlags::CREATE;
        let mut reserve = self.store.file(names::RESERVE, flags, store::SECRET)?;
        let length = reserve.metadata().map_or(0, |meta| meta.len());
        if length == RESERVE_BYTES as u64 {
            return Ok(());
        }
        match self.store.write(names::RESERVE, &mut reserve, &vec![0; RESERVE_BYTES]) {
            // Then there is none; the ledger works all the same until the file system is full.
            Err(LedgerError::Full { .. }) => self.store.cut(names::RESERVE, &reserve, 0),
            written => written.and_then(|()| self.store.sync(names::RESERVE, &reserve)),
        }
    }
}
