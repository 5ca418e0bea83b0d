//! Who is told what changed, and once.
//!
//! [`fact`] takes from a status what is wrong, each with a cause that is a structure and never a text. [`incident`] decides
//! what of it is new, over, lasting or flapping. What is to be said goes with that memory into one file, then into the
//! [`spool`], one file for each message and sink; [`courier`] brings them from there, each sink by itself, until they arrive.
//! A message keeps its id through every crash and retry: whoever gets it twice can tell.

pub mod courier;
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
use incident::{Incidents, Rules};
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
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Memory {
    version: u32,
    incidents: Incidents,
    /// Said, and perhaps not yet in the spool.
    outbox: Vec<Message>,
}

impl Notifier {
    /// Takes up where an earlier run stopped. `folder` belongs to this program alone.
    ///
    /// # Errors
    /// When the folder cannot be made or written.
    pub fn open(folder: &Path, notify: &Notify) -> Result<Self, SpoolError> {
        spool::make_folder(folder)?;
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
        let messages: Vec<Message> =
            said.into_iter().map(|said| Message::new(&status.host, said, now)).collect();
        if incidents == self.memory.incidents && messages.is_empty() {
            return Ok(0);
        }
        let count = messages.len();
        let mut outbox = self.memory.outbox.clone();
        outbox.extend(messages);
        let memory = Memory { version: VERSION, incidents, outbox };
        self.remember(&memory)?;
        self.memory = memory;
        self.dispatch()?;
        Ok(count)
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
        let memory = Memory {
            version: VERSION,
            incidents: self.memory.incidents.clone(),
            outbox: Vec::new(),
        };
        self.remember(&memory)?;
        self.memory = memory;
        Ok(())
    }

    fn remember(&self, memory: &Memory) -> Result<(), SpoolError> {
        spool::replace(&self.folder.join(MEMORY), memory)
    }

    /// The folder of a sink's messages.
    #[must_use]
    pub fn spool_of(folder: &Path, sink: &str) -> PathBuf {
        folder.join(SPOOL).join(sink)
    }
}

#[cfg(test)]
mod tests;
