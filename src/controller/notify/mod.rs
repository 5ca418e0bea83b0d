//! Who is told what changed, and once.
//!
//! [`fact`] takes from a status what is wrong, each with a cause that is a structure and never a text. [`incident`] decides
//! what of it is new, over, lasting or flapping. What is to be said goes with that memory into one file, then into the
//! [`spool`], one file for each message and sink; [`courier`] brings them from there, each sink by itself, until they arrive.
//! A message keeps its id through every crash and retry: whoever gets it twice can tell.

pub mod courier;
pub mod deeds;
pub mod fact;
pub mod incident;
pub mod message;
mod post;
pub mod spool;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::Status;
use crate::config::Notify;
use crate::model::Timestamp;
use fact::Facts;
use incident::{Incidents, Rules, Said};
use message::Message;
use spool::{Spool, SpoolError};

/// The version of the memory.
const VERSION: u32 = 1;
/// The name of its file.
const MEMORY: &str = "incidents.json";
/// The folder of the messages that have yet to arrive, with one folder a sink.
const SPOOL: &str = "spool";

/// Tells what changed.
#[derive(Debug)]
pub struct Notifier {
    folder: PathBuf,
    rules: Rules,
    sinks: BTreeMap<String, crate::config::Sink>,
    memory: Memory,
}

/// What is remembered between two looks and over a restart: deletable, and then what is wrong is told once more.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Memory {
    version: u32,
    incidents: Incidents,
    /// How many entries of the executor's ledger were told; none before the first look at it.
    #[serde(default)]
    deeds: Option<u64>,
    /// Said, and perhaps not yet in the spool.
    outbox: Vec<Message>,
    /// How many messages there ever were.
    #[serde(default)]
    said: u64,
}

impl Memory {
    /// Adds what is to be said to the outbox.
    fn say(&mut self, host: &str, said: Vec<Said>, now: Timestamp) {
        for one in said {
            self.outbox.push(Message::new(host, one, self.said, now));
            self.said += 1;
        }
    }
}

impl Notifier {
    /// Takes up where an earlier run stopped. `folder` belongs to this program alone.
    ///
    /// # Errors
    /// When the folder cannot be made or written.
    pub fn open(folder: &Path, notify: &Notify) -> Result<Self, SpoolError> {
        spool::make_folder(folder)?;
        spool::sweep(folder)?;
        // A memory that cannot be read is none: what is wrong is told once more, which is better than not at all.
        let memory = spool::read(&folder.join(MEMORY))?
            .and_then(|bytes| serde_json::from_slice::<Memory>(&bytes).ok())
            .filter(|memory| memory.version == VERSION)
            .unwrap_or_default();
        let rules = Rules { after: notify.after, renotify: notify.renotify };
        let mut notifier =
            Self { folder: folder.to_owned(), rules, sinks: notify.sinks.clone(), memory };
        if !notifier.sinks.is_empty() {
            notifier.dispatch()?;
        }
        Ok(notifier)
    }

    /// Tells by other rules, and others, from now on. What was told stays told.
    pub fn retune(&mut self, notify: &Notify) {
        self.rules = Rules { after: notify.after, renotify: notify.renotify };
        self.sinks.clone_from(&notify.sinks);
    }

    /// Says what is other than it was at the last call. Answers how many messages that were.
    ///
    /// # Errors
    /// When it cannot be written down. Then nothing was said, and the next call says it.
    pub fn tell(&mut self, status: &Status, now: Timestamp) -> Result<usize, SpoolError> {
        if self.sinks.is_empty() {
            return Ok(0);
        }
        let facts = Facts::of(status);
        let mut incidents = self.memory.incidents.clone();
        let said = incidents.step(&facts, self.rules, now);
        if incidents == self.memory.incidents && said.is_empty() {
            return Ok(0);
        }
        let count = said.len();
        let mut memory = Memory { incidents, ..self.memory.clone() };
        memory.say(&status.host, said, now);
        self.keep(memory)?;
        self.dispatch()?;
        Ok(count)
    }

    /// How many entries of the executor's ledger were told; none before the first time.
    #[must_use]
    pub const fn told_deeds(&self) -> Option<u64> {
        self.memory.deeds
    }

    /// Says what the executor's ledger recorded, up to its entry `size`. What happened before the first call is history, and
    /// told to nobody.
    ///
    /// # Errors
    /// As for [`Notifier::tell`].
    pub fn tell_deeds(
        &mut self,
        host: &str,
        said: Vec<Said>,
        size: u64,
        now: Timestamp,
    ) -> Result<(), SpoolError> {
        let known = self.memory.deeds;
        if known == Some(size) {
            return Ok(());
        }
        let mut memory = Memory { deeds: Some(size), ..self.memory.clone() };
        if known.is_some() && !self.sinks.is_empty() {
            memory.say(host, said, now);
        }
        self.keep(memory)?;
        self.dispatch()
    }

    fn keep(&mut self, mut memory: Memory) -> Result<(), SpoolError> {
        memory.version = VERSION;
        spool::replace(&self.folder.join(MEMORY), &memory)?;
        self.memory = memory;
        Ok(())
    }

    /// Puts what was said into the spool, and forgets it here. A crash in between repeats it under the same names.
    fn dispatch(&mut self) -> Result<(), SpoolError> {
        if self.memory.outbox.is_empty() {
            return Ok(());
        }
        for (name, sink) in &self.sinks {
            let spool = Spool::open(&self.folder.join(SPOOL).join(name))?;
            for message in self.memory.outbox.iter().filter(|m| m.severity <= sink.least) {
                spool.put(message)?;
            }
        }
        self.keep(Memory { outbox: Vec::new(), ..self.memory.clone() })
    }

    /// The folder of a sink's messages.
    #[must_use]
    pub fn spool_of(folder: &Path, sink: &str) -> PathBuf {
        folder.join(SPOOL).join(sink)
    }
}

#[cfg(test)]
mod tests;
