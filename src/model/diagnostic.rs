//! Errors and warnings that point at text: file, place, code, reason, hint.
//!
//! Plain data; `report::diagnostics` draws them for people, and programs get the same fields as JSON.

use std::ops::Range;

use serde::Serialize;

use super::{Code, Pieces};

/// Bytes of a file, from its start.
pub type Span = Range<usize>;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// The input is refused.
    Error,
    /// The input is taken, and somebody should look at it.
    Warning,
}

/// One finding about a file that a person wrote.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Diagnostic {
    /// The file, as the person knows it: relative to the tree of desired state, or the path of a configuration file.
    pub file: String,
    /// Which bytes of it; the whole file when there is no better place.
    pub span: (usize, usize),
    /// What kind of finding.
    pub code: Code,
    /// Error or warning.
    pub level: Level,
    /// What is wrong, as a fragment.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// A second place that belongs to it, with a label.
    pub other: Option<Box<Related>>,
}

/// A second place that belongs to a finding.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Related {
    /// The file.
    pub file: String,
    /// Which bytes of it.
    pub span: (usize, usize),
    /// What stands there.
    pub label: String,
}

impl Diagnostic {
    /// An error at a place.
    pub fn error(
        code: Code,
        file: impl Into<String>,
        span: Span,
        message: impl Into<String>,
    ) -> Self {
        Self {
            file: file.into(),
            span: (span.start, span.end.max(span.start)),
            code,
            level: Level::Error,
            message: message.into(),
            hint: None,
            other: None,
        }
    }

    /// The same as a warning.
    #[must_use]
    pub fn warning(mut self) -> Self {
        self.level = Level::Warning;
        self
    }

    /// The same, with what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same, suggesting the nearest of `known` to `given` where one is near, and listing them where they are few.
    #[must_use]
    pub fn suggest<'a>(self, given: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        let known: Vec<&str> = known.into_iter().collect();
        match nearest(given, known.iter().copied()) {
            Some(name) => self.hint(format!("did you mean `{name}`?")),
            None if known.is_empty() => self,
            None if known.len() <= 24 => self.hint(format!("known here: {}", known.join(", "))),
            None => self,
        }
    }

    /// The same, with a second place.
    #[must_use]
    pub fn and(mut self, file: impl Into<String>, span: Span, label: impl Into<String>) -> Self {
        let related =
            Related { file: file.into(), span: (span.start, span.end), label: label.into() };
        self.other = Some(Box::new(related));
        self
    }
}

/// One line of a text, for drawing a place in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceLine {
    /// Its number, from 1.
    pub number: usize,
    /// Where it starts in the text.
    pub start: usize,
    /// Its bytes, without the newline.
    pub bytes: Vec<u8>,
}

impl SourceLine {
    /// The line that a byte stands in, or the last one of a text that ends before. Nothing of an empty text, and of one
    /// that cannot be read.
    #[must_use]
    pub fn find(text: &dyn Pieces, at: usize) -> Option<Self> {
        let mut line = Self { number: 1, start: 0, bytes: Vec::new() };
        let (mut end, mut done) = (0, false);
        let read = text.each(&mut |piece| {
            for part in piece.split_inclusive(|c| *c == b'\n') {
                if done {
                    return;
                }
                end += part.len();
                let rest = part.strip_suffix(b"\n");
                done = rest.is_some() && at < end;
                line.bytes.extend_from_slice(rest.unwrap_or(part));
                if rest.is_some() && !done {
                    line = Self { number: line.number + 1, start: end, bytes: Vec::new() };
                }
            }
        });
        (read.is_ok() && end > 0).then_some(line)
    }
}

/// Where the lines of a text begin, so that many places in it are found in one pass.
#[derive(Debug)]
pub struct Lines {
    text: String,
    starts: Vec<usize>,
}

impl Lines {
    /// Looks through a text once.
    #[must_use]
    pub fn of(text: String) -> Self {
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let starts = std::iter::once(0).chain(ends.map(|(at, _)| at + 1)).collect();
        Self { text, starts }
    }

    /// Line and column of a byte, both from 1, the column in characters.
    #[must_use]
    pub fn place(&self, at: usize) -> (usize, usize) {
        let at = floor_char_boundary(&self.text, at);
        let line = self.starts.partition_point(|start| *start <= at);
        let start = self.starts.get(line.saturating_sub(1)).copied().unwrap_or(0);
        let column = self.text.get(start..at).map_or(0, |before| before.chars().count());
        (line, column + 1)
    }
}

/// The nearest of `known` to `given`, if it is near enough to be meant.
#[must_use]
pub fn nearest<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(given, name), name))
        .filter(|(distance, name)| *distance <= 1 + name.chars().count() / 4)
        .min()
        .map(|(_, name)| name)
}

fn floor_char_boundary(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_suggested_and_far_ones_are_not() {
        assert_eq!(nearest("onwer", ["owner", "mode"]), Some("owner"));
        assert_eq!(nearest("directroy", ["directory", "file"]), Some("directory"));
        assert_eq!(nearest("colour", ["owner", "mode"]), None);
    }

    /// Comes in pieces of so many bytes.
    struct Cut<'a>(&'a str, usize);

    impl Pieces for Cut<'_> {
        fn size(&self) -> u64 {
            self.0.len() as u64
        }
        fn each(&self, take: &mut dyn FnMut(&[u8])) -> Result<(), String> {
            self.0.as_bytes().chunks(self.1).for_each(take);
            Ok(())
        }
    }

    #[test]
    fn the_line_of_a_byte_is_found_however_the_text_is_cut() {
        let text = "ab\n\nc\n\nlast";
        let lines = [(1, 0, "ab"), (2, 3, ""), (3, 4, "c"), (4, 6, ""), (5, 7, "last")];
        for cut in 1..=text.len() {
            for at in 0..text.len() + 3 {
                let found = SourceLine::find(&Cut(text, cut), at).expect("there is a line");
                let wanted = lines.iter().rev().find(|(_, start, _)| *start <= at).expect("one");
                let bytes = String::from_utf8(found.bytes).expect("text");
                assert_eq!((found.number, found.start, &*bytes), *wanted, "{at} in {cut}");
            }
        }
        assert_eq!(SourceLine::find(b"", 0), None);
        let after = SourceLine { number: 2, start: 2, bytes: Vec::new() };
        assert_eq!(SourceLine::find(b"a\n", 9), Some(after));
    }

    #[test]
    fn places_count_from_one() {
        let text = "a = 1\nöb = 2\n";
        let at = Diagnostic::error(Code::Syntax, "x", 8..9, "here");
        let lines = Lines::of(text.to_owned());
        assert_eq!(lines.place(at.span.0), (2, 2));
        let past = Diagnostic::error(Code::Syntax, "x", 99..100, "here");
        assert_eq!(lines.place(past.span.0), (3, 1));
        assert_eq!(Lines::of(String::new()).place(5), (1, 1));
    }
}
