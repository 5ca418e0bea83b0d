//! One line of a list of hashes: the forms of `sha256sum`, of `sha256sum --tag` and of `openssl dgst`.
//!
//! A line is read or refused with its reason; nothing is guessed, cut or skipped.

use std::borrow::Cow;

use super::lines::LINE_BYTES_MAX;
use crate::model::display::escape_bytes;
use crate::model::{Digest, DigestError};

/// The most bytes that Linux takes as a path, without the NUL at its end.
const NAME_BYTES_MAX: usize = 4095;

/// Why a line cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum LineError {
    #[error("the list starts with a byte order mark")]
    ByteOrderMark,
    #[error("the line starts with a blank")]
    LeadingBlank,
    #[error("{0}")]
    Digest(DigestError),
    #[error("a tab follows the digest, where a blank and then a blank or `*` are needed")]
    Tab,
    #[error("one blank follows the digest, where a blank and then a blank or `*` are needed")]
    OneBlank,
    #[error("no name follows the digest")]
    NoName,
    #[error("the digest is {0}, only SHA256 is read")]
    Algorithm(String),
    #[error("no `) = ` and digest follow the name")]
    Tag,
    #[error("`\\{0}` is no escape: a line that starts with `\\` knows `\\\\`, `\\n` and `\\r`")]
    Escape(String),
    #[error("the name holds a NUL byte")]
    Nul,
    #[error("the name `-` means standard input, which is no file")]
    Dash,
    #[error("the name has a `..` in it")]
    Parent,
    #[error("the name is absolute and lies outside the root of the tree")]
    Outside,
    #[error("the name is longer than {NAME_BYTES_MAX} bytes")]
    Long,
    #[error("the line is longer than {LINE_BYTES_MAX} bytes")]
    LongLine,
}

/// What a line says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Entry<'a> {
    pub(super) digest: Digest,
    /// Relative to the root of the tree; no empty, `.` or `..` component.
    pub(super) name: Cow<'a, [u8]>,
}

/// Reads one line without its end. `escapes`: does a leading `\` say that the name is escaped?
pub(super) fn parse<'a>(
    line: &'a [u8],
    escapes: bool,
    root: &[u8],
) -> Result<Entry<'a>, LineError> {
    if line.starts_with(b"\xef\xbb\xbf") {
        return Err(LineError::ByteOrderMark);
    }
    if line.first().is_some_and(|c| matches!(c, b' ' | b'\t')) {
        return Err(LineError::LeadingBlank);
    }
    let (is_escaped, rest) = match line.strip_prefix(b"\\") {
        Some(rest) if escapes => (true, rest),
        _ => (false, line),
    };
    let (digest, raw) = match plain(rest) {
        Ok(found) => found,
        Err(error) => tagged(rest, &tag(rest).ok_or(error)?)?,
    };
    if raw.is_empty() {
        return Err(LineError::NoName);
    }
    if raw.contains(&0) {
        return Err(LineError::Nul);
    }
    let name = if is_escaped { unescape(raw)? } else { Cow::Borrowed(raw) };
    Ok(Entry { digest, name: beneath(name, root)? })
}

/// `HEX  NAME` or `HEX *NAME`.
fn plain(line: &[u8]) -> Result<(Digest, &[u8]), LineError> {
    let usual = line.get(..64).filter(|_| matches!(line.get(64), Some(b' ' | b'\t')));
    let (digest, end) = if let Some(Ok(digest)) = usual.map(Digest::from_hex) {
        (digest, 64)
    } else {
        // Now it matters where that ends which is no digest.
        let end = line.iter().position(|c| matches!(c, b' ' | b'\t')).unwrap_or(line.len());
        (Digest::from_hex(&line[..end]).map_err(LineError::Digest)?, end)
    };
    match &line[end..] {
        [] | [b' '] | [b' ', b' ' | b'*'] => Err(LineError::NoName),
        [b'\t', ..] => Err(LineError::Tab),
        [b' ', b' ' | b'*', name @ ..] => Ok((digest, name)),
        _ => Err(LineError::OneBlank),
    }
}

/// How a line of the tag form starts: `SHA256 (`, or `SHA256(` as OpenSSL writes it.
struct Tag {
    algorithm: usize,
    name_start: usize,
    ending: &'static [u8],
}

fn tag(line: &[u8]) -> Option<Tag> {
    let is_name = |c: &u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'/');
    let algorithm = line.iter().position(|c| !is_name(c))?;
    if algorithm == 0 {
        return None;
    }
    let rest = &line[algorithm..];
    if rest.starts_with(b" (") {
        Some(Tag { algorithm, name_start: algorithm + 2, ending: b") = " })
    } else if rest.starts_with(b"(") {
        Some(Tag { algorithm, name_start: algorithm + 1, ending: b")= " })
    } else {
        None
    }
}

fn tagged<'a>(line: &'a [u8], tag: &Tag) -> Result<(Digest, &'a [u8]), LineError> {
    let algorithm = &line[..tag.algorithm];
    if !matches!(algorithm, b"SHA256" | b"SHA2-256") {
        return Err(LineError::Algorithm(escape_bytes(algorithm)));
    }
    let rest = &line[tag.name_start..];
    let width = tag.ending.len();
    let end = rest.windows(width).rposition(|at| at == tag.ending).ok_or(LineError::Tag)?;
    let digest = Digest::from_hex(&rest[end + width..]).map_err(LineError::Digest)?;
    Ok((digest, &rest[..end]))
}

fn unescape(raw: &[u8]) -> Result<Cow<'_, [u8]>, LineError> {
    let mut name = Vec::with_capacity(raw.len());
    let mut bytes = raw.iter();
    while let Some(&byte) = bytes.next() {
        if byte != b'\\' {
            name.push(byte);
            continue;
        }
        name.push(match bytes.next() {
            Some(b'\\') => b'\\',
            Some(b'n') => b'\n',
            Some(b'r') => b'\r',
            Some(&other) => return Err(LineError::Escape(escape_bytes(&[other]))),
            None => return Err(LineError::Escape(String::new())),
        });
    }
    Ok(Cow::Owned(name))
}

/// Makes a name relative to `root`, without `.` and empty components.
fn beneath<'a>(name: Cow<'a, [u8]>, root: &[u8]) -> Result<Cow<'a, [u8]>, LineError> {
    if name.as_ref() == b"-" {
        return Err(LineError::Dash);
    }
    let name = if is_plain(&name) { name } else { Cow::Owned(relative(&name, root)?) };
    match name.len() {
        0 => Err(LineError::NoName),
        length if length > NAME_BYTES_MAX => Err(LineError::Long),
        _ => Ok(name),
    }
}

/// Is there nothing to take away? Then the name need not be copied.
fn is_plain(name: &[u8]) -> bool {
    let odd = |pair: &[u8]| matches!(pair, b"//" | b"/.");
    !matches!(name.first(), Some(b'/' | b'.'))
        && name.last() != Some(&b'/')
        && !name.windows(2).any(odd)
}

fn relative(name: &[u8], root: &[u8]) -> Result<Vec<u8>, LineError> {
    let below = match name.first() {
        Some(b'/') => {
            let folder = root.strip_suffix(b"/").unwrap_or(root);
            match name.strip_prefix(folder) {
                Some(below) if below.starts_with(b"/") => below,
                _ => return Err(LineError::Outside),
            }
        }
        _ => name,
    };
    let mut kept = Vec::with_capacity(below.len());
    for part in below.split(|c| *c == b'/') {
        match part {
            b"" | b"." => {}
            b".." => return Err(LineError::Parent),
            part => {
                if !kept.is_empty() {
                    kept.push(b'/');
                }
                kept.extend_from_slice(part);
            }
        }
    }
    Ok(kept)
}
