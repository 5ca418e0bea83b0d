//! The lines of a text that comes in pieces.

use std::io::BufRead as _;

use crate::model::Span;

/// No line that can be read is longer: a name has 4095 bytes, twice that when each is escaped.
pub(super) const LINE_BYTES_MAX: usize = 64 << 10;

/// Bytes of one line: from its start to its end, without the separator, and its number.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) number: usize,
    pub(super) span: Span,
}

/// One line.
pub(super) struct Line<'a> {
    pub(super) place: Place,
    /// Its bytes, without the separator; of one that is longer than [`LINE_BYTES_MAX`] only the first ones.
    pub(super) content: &'a [u8],
    /// Its last byte, whether or not that is among them.
    pub(super) last: Option<u8>,
    /// Does a separator follow?
    pub(super) ended: bool,
}

/// Cuts a text into lines; what stands behind the last separator is one only if it is not empty.
pub(super) struct Lines {
    separator: u8,
    /// How many lines were handed over.
    count: usize,
    /// Where the line that is being read starts.
    start: usize,
    /// What the pieces before held of it, up to the limit.
    held: Vec<u8>,
    /// How many bytes they held of it.
    length: usize,
    last: Option<u8>,
}

impl Lines {
    pub(super) const fn new(separator: u8) -> Self {
        Self { separator, count: 0, start: 0, held: Vec::new(), length: 0, last: None }
    }

    /// Takes the next piece, and hands over every line that ends in it.
    pub(super) fn take(&mut self, mut piece: &[u8], next: &mut dyn FnMut(Line<'_>)) {
        while !piece.is_empty() {
            // Of all the searches of the standard library for a byte, this one is made for long texts.
            let mut rest = piece;
            let length = rest.skip_until(self.separator).unwrap_or(piece.len());
            let (head, tail) = piece.split_at(length);
            piece = tail;
            match head.strip_suffix(&[self.separator]) {
                Some(content) => self.end(content, true, next),
                None => self.hold(head),
            }
        }
    }

    /// Hands over the last line, where no separator ends it.
    pub(super) fn finish(&mut self, next: &mut dyn FnMut(Line<'_>)) {
        if self.length > 0 {
            self.end(b"", false, next);
        }
    }

    /// Keeps a part of a line whose end is not there yet.
    fn hold(&mut self, part: &[u8]) {
        let room = LINE_BYTES_MAX - self.held.len();
        self.held.extend_from_slice(&part[..part.len().min(room)]);
        self.length += part.len();
        self.last = part.last().copied().or(self.last);
    }

    fn end(&mut self, content: &[u8], ended: bool, next: &mut dyn FnMut(Line<'_>)) {
        let whole = self.length == 0 && content.len() <= LINE_BYTES_MAX;
        let (length, last) = if whole {
            (content.len(), content.last().copied())
        } else {
            self.hold(content);
            (self.length, self.last)
        };
        self.count += 1;
        let place = Place { number: self.count, span: self.start..self.start + length };
        let content = if whole { content } else { &self.held };
        next(Line { place, content, last, ended });
        self.start += length + usize::from(ended);
        self.held.clear();
        (self.length, self.last) = (0, None);
    }
}
