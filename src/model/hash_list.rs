//! Lists of hashes as `sha256sum` writes them.
//!
//! Names are bytes all through. Every line is read, skipped for a stated reason (blank, comment, the same line once
//! more) or reported: a list with a bad line is refused as a whole, because a tool that skips the line would pass a
//! file it never looked at. A million entries fit in about 60 MiB: one arena of names, and fixed-size records.

mod line;
mod parse;

use std::ffi::CStr;

use super::{Digest, Span};

/// How many files a list may name.
pub const ENTRIES_MAX: usize = 2_000_000;

/// The files of a tree, in the bytewise order of their names.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct HashList {
    /// Every name with a NUL behind it.
    names: Vec<u8>,
    records: Vec<Record>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Record {
    name_start: u32,
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
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Parsed {
    /// The entries of the good lines.
    pub list: HashList,
    /// What is wrong, in the order of the lines: at most 50 errors and 50 warnings, each followed by how many more.
    pub findings: Vec<LineFinding>,
    /// How many lines are wrong, those not kept included.
    pub errors: usize,
    /// How many lines repeat another one exactly.
    pub repeated: usize,
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
    #[must_use]
    pub fn parse(text: &[u8], root: &[u8], ending: Ending) -> Parsed {
        parse::parse(text, root, ending)
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
    pub fn name(&self, index: usize) -> &CStr {
        // The parser puts a NUL behind every name, so there always is one.
        CStr::from_bytes_until_nul(self.tail(index)).unwrap_or_default()
    }

    /// The digest at `index`.
    #[must_use]
    pub fn digest(&self, index: usize) -> Digest {
        self.records[index].digest
    }

    /// Where, at or after `start`, the names that begin with `prefix` end; `start` must be the first of them.
    #[must_use]
    pub fn end_of_prefix(&self, start: usize, end: usize, prefix: &[u8]) -> usize {
        let inside = |record: &Record| self.tail_of(record).starts_with(prefix);
        start + self.records[start..end].partition_point(inside)
    }

    /// The arena from the name at `index` on. As no name holds a NUL, tails compare as their names do.
    fn tail(&self, index: usize) -> &[u8] {
        self.tail_of(&self.records[index])
    }

    /// The arena from the name of `record` on.
    fn tail_of(&self, record: &Record) -> &[u8] {
        &self.names[record.name_start as usize..]
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
