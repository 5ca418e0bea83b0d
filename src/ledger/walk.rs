//! From the first line of a ledger to the last, each checked against the one before.
//!
//! Memory holds one segment and the frontier of the tree, whatever the size of the ledger. Of each line the form, the number,
//! the hash of the line before, the time and the host are checked, and that its event is one of those that are known.

use std::fs::File;
use std::io::{BufRead as _, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use serde_json::value::RawValue;

use super::entry::{
    ATTACHMENTS_MAX, Actor, Entry, LINE_BYTES_MAX, Line, VERSION, is_instant, is_plain,
};
use super::error::{Damage, LedgerError};
use super::event::Event;
use super::merkle::{Frontier, Hash, leaf};
use super::names;

/// Where a walk is.
#[derive(Debug)]
pub(super) struct Walk {
    dir: PathBuf,
    segments: u32,
    /// The number of the segment in `bytes`.
    segment: u32,
    bytes: Vec<u8>,
    at: usize,
    line: u64,
    chain: Chain,
}

/// What the next line is checked against.
#[derive(Debug, Default)]
struct Chain {
    frontier: Frontier,
    last: Option<Hash>,
    newest: String,
    host: String,
    /// The last actor, as it was written: most lines have the same one.
    actor: String,
}

/// One line that is what it should be.
#[derive(Debug)]
pub(super) struct Checked<'a> {
    pub(super) seq: u64,
    pub(super) leaf: Hash,
    pub(super) text: &'a str,
    pub(super) line: Line<'a>,
    /// `None` of a type that this version does not know.
    pub(super) event: Option<Event>,
}

/// Bytes after the last line end: a line that was being written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tail<'a> {
    pub(super) segment: u32,
    /// How long the segment is without it.
    pub(super) whole: u64,
    pub(super) bytes: &'a [u8],
}

impl Walk {
    /// Lists the segments of a ledger and stands before its first line.
    pub(super) fn start(dir: &Path) -> Result<Self, LedgerError> {
        let failed = |source| LedgerError::Io { path: dir.to_owned(), source };
        let mut numbers = Vec::new();
        for entry in std::fs::read_dir(dir).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => LedgerError::Missing { path: dir.to_owned() },
            _ => failed(error),
        })? {
            let name = entry.map_err(failed)?.file_name();
            numbers.extend(name.to_str().and_then(names::segment_number));
        }
        numbers.sort_unstable();
        let damaged = |place: String, what: &str| LedgerError::Damaged {
            path: dir.to_owned(),
            damage: Damage::new(place, what),
        };
        for (expected, number) in (0..).zip(&numbers) {
            if *number != expected {
                return Err(damaged(names::segment(expected), "it is missing"));
            }
        }
        let segments = u32::try_from(numbers.len()).unwrap_or(u32::MAX);
        if segments == 0 {
            return Err(damaged(names::segment(0), "it is missing"));
        }
        let mut walk = Self {
            dir: dir.to_owned(),
            segments,
            segment: 0,
            bytes: Vec::new(),
            at: 0,
            line: 0,
            chain: Chain::default(),
        };
        walk.load()?;
        Ok(walk)
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(super) const fn frontier(&self) -> &Frontier {
        &self.chain.frontier
    }

    /// The hash of the last line.
    pub(super) const fn last(&self) -> Option<Hash> {
        self.chain.last
    }

    /// The time of the last entry, as a text.
    pub(super) fn newest(&self) -> &str {
        &self.chain.newest
    }

    pub(super) fn host(&self) -> &str {
        &self.chain.host
    }

    /// What follows the last line; empty where nothing does. Of a walk that has ended.
    pub(super) fn tail(&self) -> Tail<'_> {
        let (whole, bytes) = self.bytes.split_at(self.at);
        Tail { segment: self.segment, whole: whole.len() as u64, bytes }
    }

    fn load(&mut self) -> Result<(), LedgerError> {
        let path = self.dir.join(names::segment(self.segment));
        let failed = |source| LedgerError::Io { path: path.clone(), source };
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let mut options = File::options();
        let file = options.read(true).custom_flags(flags.bits().cast_signed()).open(&path);
        let file = file.map_err(failed)?;
        if !file.metadata().map_err(failed)?.is_file() {
            return Err(self.damaged(&names::segment(self.segment), "it is no regular file"));
        }
        let max = names::SEGMENT_BYTES + LINE_BYTES_MAX as u64 + 1;
        self.bytes.clear();
        file.take(max + 1).read_to_end(&mut self.bytes).map_err(failed)?;
        if self.bytes.len() as u64 > max {
            let what = format!("it is longer than {max} bytes");
            return Err(self.damaged(&names::segment(self.segment), what));
        }
        (self.at, self.line) = (0, 0);
        Ok(())
    }

    fn damaged(&self, place: &str, what: impl Into<String>) -> LedgerError {
        LedgerError::Damaged { path: self.dir.clone(), damage: Damage::new(place, what) }
    }

    /// The next line, or `None` at the end of the ledger.
    pub(super) fn step(&mut self) -> Result<Option<Checked<'_>>, LedgerError> {
        let end = loop {
            let rest = &self.bytes[self.at..];
            let mut reader = rest;
            // Reading from memory does not fail.
            let length = reader.skip_until(b'\n').unwrap_or(0);
            if length > 0 && rest[length - 1] == b'\n' {
                break self.at + length;
            }
            if self.segment + 1 == self.segments {
                return Ok(None);
            }
            if length > 0 || self.line == 0 {
                let what = "it ends within a line, or is empty, and is not the last segment";
                return Err(self.damaged(&names::segment(self.segment), what));
            }
            self.segment += 1;
            self.load()?;
        };
        let begin = std::mem::replace(&mut self.at, end);
        self.line += 1;
        let seq = self.chain.frontier.size();
        match self.chain.check(&self.bytes[begin..end - 1]) {
            Ok(checked) => Ok(Some(checked)),
            Err(what) => {
                let segment = names::segment(self.segment);
                let place = format!("entry {seq} ({segment}, line {})", self.line);
                Err(self.damaged(&place, what))
            }
        }
    }
}

impl Chain {
    /// Checks a line and takes it in.
    fn check<'a>(&mut self, bytes: &'a [u8]) -> Result<Checked<'a>, String> {
        if bytes.len() > LINE_BYTES_MAX {
            return Err(format!("it is longer than {LINE_BYTES_MAX} bytes"));
        }
        let text = std::str::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())?;
        let line: Line<'_> =
            serde_json::from_str(text).map_err(|error| format!("it is no entry: {error}"))?;
        self.place(&line)?;
        if line.actor.get() != self.actor {
            let actor = line.actor.get();
            serde_json::from_str::<Actor>(actor).map_err(|error| format!("its actor: {error}"))?;
            actor.clone_into(&mut self.actor);
        }
        if line.att.len() > ATTACHMENTS_MAX {
            return Err(format!("it has more than {ATTACHMENTS_MAX} attachments"));
        }
        let event = event(line.type_name, line.body)?;
        let (seq, leaf) = (self.frontier.size(), leaf(bytes));
        self.frontier.push(leaf);
        self.last = Some(leaf);
        self.newest.clear();
        self.newest.push_str(line.time);
        if seq == 0 {
            line.host.clone_into(&mut self.host);
        }
        Ok(Checked { seq, leaf, text, line, event })
    }

    /// Is it the line that follows?
    fn place(&self, line: &Line<'_>) -> Result<(), String> {
        if line.v != VERSION {
            return Err(format!("its version is {}, and this program reads {VERSION}", line.v));
        }
        if line.seq.0 != self.frontier.size() {
            return Err(format!("it says that it is entry {}", line.seq));
        }
        let last = self.last.map(|hash| hash.base64());
        if line.prev.as_bytes() != last.as_ref().map_or(&[][..], |text| &text[..]) {
            return Err("the line before is not the one that it was written after".to_owned());
        }
        if !is_instant(line.time) || line.time < self.newest.as_str() {
            return Err("its time is none, or is earlier than that of the line before".to_owned());
        }
        if !is_plain(line.boot) || !is_plain(line.host) {
            return Err("its host or boot is not named as it may be".to_owned());
        }
        if self.last.is_some() && line.host != self.host {
            return Err("it is of another host than the line before".to_owned());
        }
        Ok(())
    }
}

impl Checked<'_> {
    /// The same for keeps.
    pub(super) fn entry(self) -> Result<Entry, String> {
        let Some(event) = self.event else {
            let shown = crate::model::display::one_line(self.line.type_name, 60);
            return Err(format!(
                "entry {} is of a type that this version does not know: `{shown}`",
                self.seq
            ));
        };
        let wrong = |what| format!("entry {}: its {what} cannot be read", self.seq);
        Ok(Entry {
            seq: self.seq,
            leaf: self.leaf,
            time: self.line.time.parse().map_err(|_| wrong("time"))?,
            boot: self.line.boot.to_owned(),
            mono: self.line.mono.0,
            host: self.line.host.to_owned(),
            actor: serde_json::from_str(self.line.actor.get()).map_err(|_| wrong("actor"))?,
            event,
            attachments: self.line.att,
            line: self.text.to_owned(),
        })
    }
}

fn event(type_name: &str, body: &RawValue) -> Result<Option<Event>, String> {
    match Event::parse(type_name, body) {
        Some(Ok(event)) => Ok(Some(event)),
        Some(Err(error)) => Err(format!("its body is none of `{type_name}`: {error}")),
        None => Ok(None),
    }
}
