//! The form that all signed statements share: a title, then lines of `key: value` in a fixed order, and nothing else.
//!
//! A value shows all that it holds. There is one way to write a statement, which its reader asks for byte by byte.

use std::fmt;
use std::fmt::Write as _;

use crate::model::display::{escape, one_line};
use crate::model::{Digest, Timestamp};

/// The longest statement that is read.
pub const STATEMENT_BYTES_MAX: usize = 16 << 10;
/// The longest value of one line.
pub(super) const VALUE_BYTES_MAX: usize = 2000;

/// Why a text is no statement.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StatementError {
    /// Longer than any statement.
    #[error("it is longer than {STATEMENT_BYTES_MAX} bytes")]
    Size,
    /// Not UTF-8.
    #[error("it is not UTF-8")]
    Encoding,
    /// Another first line.
    #[error("it does not begin with the line `{0}`")]
    Title(&'static str),
    /// A line that should stand there is not.
    #[error("line {line} is not `{key}: …`")]
    Line {
        /// Its number.
        line: usize,
        /// What it should say.
        key: &'static str,
    },
    /// A value has another form.
    #[error("line {line}: `{shown}` is no {key}")]
    Value {
        /// Its number.
        line: usize,
        /// What it should say.
        key: &'static str,
        /// What it says, escaped.
        shown: String,
    },
    /// Something follows, or a byte differs from how a statement is written.
    #[error("it is not written byte for byte as statements are")]
    Form,
}

/// A kind of statement: read from lines, and written in one way.
pub(super) trait Form: Sized {
    /// Its first line.
    const TITLE: &'static str;

    /// Reads what follows the title.
    fn read(lines: &mut Lines<'_>) -> Result<Self, StatementError>;

    /// Writes what follows the title.
    fn write(&self, text: &mut Text);

    /// Its text, whether or not it could be read again.
    fn written(&self) -> String {
        let mut text = Text(format!("{}\n", Self::TITLE));
        self.write(&mut text);
        text.0
    }

    /// Reads exactly the bytes that [`Form::written`] writes: other line ends, blanks, orders and forms of dates or numbers are
    /// no statement.
    fn of_bytes(bytes: &[u8]) -> Result<Self, StatementError> {
        if bytes.len() > STATEMENT_BYTES_MAX {
            return Err(StatementError::Size);
        }
        let text = std::str::from_utf8(bytes).map_err(|_| StatementError::Encoding)?;
        let mut lines = Lines { rest: text.split('\n'), number: 0 };
        if lines.next() != Some(Self::TITLE) {
            return Err(StatementError::Title(Self::TITLE));
        }
        let read = Self::read(&mut lines)?;
        if read.written() == text { Ok(read) } else { Err(StatementError::Form) }
    }
}

/// A statement that is being written.
pub(super) struct Text(String);

impl Text {
    pub(super) fn line(&mut self, key: &str, value: &dyn fmt::Display) {
        let _ = writeln!(self.0, "{key}: {value}");
    }
}

/// The lines of a text, counted.
pub(super) struct Lines<'t> {
    rest: std::str::Split<'t, char>,
    number: usize,
}

impl<'t> Lines<'t> {
    fn next(&mut self) -> Option<&'t str> {
        self.number += 1;
        self.rest.next()
    }

    /// Is the empty piece after the last newline all that is left?
    pub(super) fn is_last(&self) -> bool {
        let mut rest = self.rest.clone();
        rest.next().is_none_or(str::is_empty) && rest.next().is_none()
    }

    /// Does the next line have this key?
    pub(super) fn has(&self, key: &str) -> bool {
        let next = self.rest.clone().next();
        next.and_then(|line| line.strip_prefix(key)).is_some_and(|rest| rest.starts_with(": "))
    }

    pub(super) fn value<T>(
        &mut self,
        key: &'static str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<T, StatementError> {
        let text = self.next().and_then(|line| line.strip_prefix(key)?.strip_prefix(": "));
        let line = self.number;
        let text = text.ok_or(StatementError::Line { line, key })?;
        let value = plain(text).and_then(|_| read(text));
        value.ok_or_else(|| StatementError::Value { line, key, shown: one_line(text, 60) })
    }

    /// The value of a line that need not be there.
    pub(super) fn optional<T>(
        &mut self,
        key: &'static str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, StatementError> {
        if self.has(key) { self.value(key, read).map(Some) } else { Ok(None) }
    }
}

/// A value that shows all that it holds: not empty, no blanks at its ends, nothing that hides or moves.
pub(super) fn plain(text: &str) -> Option<String> {
    let shows = escape(&text.replace('\\', "/")) == text.replace('\\', "/");
    let whole = !text.is_empty() && text.trim() == text && text.len() <= VALUE_BYTES_MAX;
    (shows && whole).then(|| text.to_owned())
}

/// A value of one word.
pub(super) fn word(text: &str) -> Option<String> {
    plain(text).filter(|text| !text.contains(char::is_whitespace))
}

/// A SHA-256 with its name before it.
pub(super) fn digest(text: &str) -> Option<Digest> {
    text.strip_prefix("sha256:")?.parse().ok()
}

/// The id of a commit, in full.
pub(super) fn commit(text: &str) -> Option<String> {
    let hex = text.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f'));
    (hex && matches!(text.len(), 40 | 64)).then(|| text.to_owned())
}

/// An instant to the second, in UTC.
pub(super) fn instant(text: &str) -> Option<Timestamp> {
    text.parse().ok().filter(|_| text.len() == 20)
}
