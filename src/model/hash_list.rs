//! Lists of hashes as `sha256sum` writes them.
//!
//! Names are bytes all through. Every line is read, skipped for a stated reason (blank, comment, the same line once
//! more) or reported: a list with a bad line is refused as a whole, because a tool that skips the line would pass a
//! file it never looked at. Its text is read piece by piece and not kept. What is kept are 40 bytes an entry and the last
//! part of its name, and the folders before it, each once for all the lines in a row that have it.

mod arena;
mod line;
mod lines;
mod parse;

use std::ffi::CStr;

use self::arena::{Arena, Spot};
use super::{Digest, Pieces, Span};

/// How many files a list may name.
pub const ENTRIES_MAX: usize = 2_000_000;

/// The files of a tree, in the bytewise order of their names.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct HashList {
    names: Arena,
    records: Vec<Record>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Record {
    spot: Spot,
    digest: Digest,
}

/// What ends an entry of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ending {
    /// The end of the line; names may be escaped.
    #[default]
    Line,
    /// A NUL byte, as `sha256sum -z` writes it; names are never escaped.
    Nul,
}

/// What was read, and everything that is wrong with it.
#[derive(Debug, PartialEq, Eq)]
pub struct Parsed {
    /// The entries of the good lines.
    pub list: HashList,
    /// What is wrong, in the order of the lines: at most 50 errors and 50 warnings, each followed by how many more.
    pub findings: Vec<LineFinding>,
    /// How many lines are wrong, those not kept included.
    pub errors: usize,
    /// How many lines repeat another one exactly.
    pub repeated: usize,
    /// The digest of the whole text.
    pub digest: Digest,
}

/// Something wrong with one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineFinding {
    /// Its number, from 1.
    pub line: usize,
    /// Its bytes.
    pub span: Span,
    /// What is wrong, as a fragment that starts with the number of the line.
    pub message: String,
    /// A warning does not refuse the list.
    pub warning: bool,
}

impl HashList {
    /// Reads a list whose relative names start at `root`; absolute names must lie below it.
    ///
    /// # Errors
    /// Why the text could not be read to its end, or that it became another one meanwhile.
    pub fn read(text: &dyn Pieces, root: &[u8], ending: Ending) -> Result<Parsed, String> {
        parse::read(text, root, ending)
    }

    /// How many files it names.
    #[must_use]
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Does it name no file at all?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// The name at `index`, relative to the root of the tree.
    #[must_use]
    pub fn name(&self, index: usize) -> Vec<u8> {
        self.names.name(self.records[index].spot)
    }

    /// The folder of the name at `index`: all of it up to its last slash, that included; empty for the root of the tree.
    #[must_use]
    pub fn folder(&self, index: usize) -> &[u8] {
        self.names.folder(self.records[index].spot)
    }

    /// The last part of the name at `index`.
    #[must_use]
    pub fn leaf(&self, index: usize) -> &CStr {
        self.names.leaf(self.records[index].spot)
    }

    /// The digest at `index`.
    #[must_use]
    pub fn digest(&self, index: usize) -> Digest {
        self.records[index].digest
    }

    /// Where, at or after `start`, the names below `folder` end, which has a slash at its end; `start` must be the first
    /// of them.
    #[must_use]
    pub fn end_of_folder(&self, start: usize, end: usize, folder: &[u8]) -> usize {
        let inside = |record: &Record| self.names.folder(record.spot).starts_with(folder);
        start + self.records[start..end].partition_point(inside)
    }
}

/// One line of a list, as `sha256sum` writes it: a name with a backslash, a line feed or a carriage return is escaped.
#[must_use]
pub fn list_line(digest: Digest, name: &[u8]) -> Vec<u8> {
    let escaped = name.iter().any(|c| matches!(c, b'\\' | b'\n' | b'\r'));
    let mut line = Vec::with_capacity(name.len() + 68);
    if escaped {
        line.push(b'\\');
    }
    line.extend_from_slice(digest.to_string().as_bytes());
    line.extend_from_slice(b"  ");
    for c in name {
        match c {
            b'\\' => line.extend_from_slice(b"\\\\"),
            b'\n' => line.extend_from_slice(b"\\n"),
            b'\r' => line.extend_from_slice(b"\\r"),
            c => line.push(*c),
        }
    }
    line.push(b'\n');
    line
}

#[cfg(test)]
mod tests;
