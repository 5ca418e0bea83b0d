//! What the kernel of the running system says about it: processes, sockets, mounts, settings.
//!
//! Parsers are pure functions over bytes; thin readers fetch those bytes through [`Facts`]. A root without a `/proc` of
//! its own has no kernel to ask, and that is Unknown: never "nothing listens".

pub mod mounts;
pub mod processes;
pub mod settings;
pub mod sockets;

use super::host::Facts;
use crate::model::display::{escape_bytes, one_line};
use crate::model::{Reason, Unknown};

/// A table that every kernel has.
fn required(facts: Facts<'_>, path: &str, bytes_max: u64) -> Result<Vec<u8>, Unknown> {
    facts.read(path, bytes_max)?.ok_or_else(|| {
        let detail = format!("there is no `{path}`: without it nobody can say what is there");
        Unknown::new(Reason::NotSupported, detail)
    })
}

/// Bytes of a name as text: as they are where they are UTF-8, otherwise escaped, so that two names stay two.
fn text(bytes: &[u8]) -> String {
    std::str::from_utf8(bytes).map_or_else(|_| escape_bytes(bytes), str::to_owned)
}

/// A line that is not as the kernel writes it. Nothing is judged by the rest.
fn malformed(path: &str, number: usize, line: &[u8]) -> Unknown {
    const CHARS_MAX: usize = 60;
    let line = one_line(&String::from_utf8_lossy(line), CHARS_MAX);
    let detail = format!("line {number} of `{path}` cannot be read: `{line}`");
    Unknown::new(Reason::Malformed, detail)
}

/// Undoes the `\040` with which the kernel writes blanks, tabs, line breaks and backslashes in its tables.
fn octal(field: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(field.len());
    let mut at = 0;
    while at < field.len() {
        let digits =
            field.get(at + 1..at + 4).filter(|d| d.iter().all(|c| (b'0'..=b'7').contains(c)));
        let code = digits.map(|d| d.iter().fold(0_u32, |sum, c| sum * 8 + u32::from(c - b'0')));
        match code.and_then(|code| u8::try_from(code).ok()) {
            Some(byte) if field[at] == b'\\' => {
                plain.push(byte);
                at += 4;
            }
            _ => {
                plain.push(field[at]);
                at += 1;
            }
        }
    }
    plain
}

/// The lines of a table, counted from 1.
fn lines(bytes: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let lines = bytes.split(|c| *c == b'\n').enumerate();
    lines.filter(|(_, line)| !line.is_empty()).map(|(at, line)| (at + 1, line))
}

/// The words of a line.
fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|c| matches!(c, b' ' | b'\t')).filter(|word| !word.is_empty())
}

fn number<T: std::str::FromStr>(word: &[u8]) -> Option<T> {
    // `+1` is a number to Rust, and to no table of the kernel.
    let digits = word.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(word).ok().filter(|_| digits)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Tables come from the kernel, and their names from anybody.
        #[test]
        fn no_parser_panics(bytes: Vec<u8>, lines in "([0-9A-F: ./(),=*-]{0,40}\n){0,6}") {
            for bytes in [&bytes[..], lines.as_bytes()] {
                mounts::parses(bytes);
                processes::parses(bytes);
                settings::parses(bytes);
                sockets::parses(bytes);
                octal(bytes);
            }
        }
    }

    #[test]
    fn octal_escapes_are_undone_and_nothing_else() {
        assert_eq!(octal(br"/mnt/a\040b\134c"), b"/mnt/a b\\c");
        assert_eq!(octal(br"\011\012"), b"\t\n");
        assert_eq!(octal(br"\04x\999\400\"), br"\04x\999\400\");
        assert_eq!(octal(b"\\303\\244"), "ä".as_bytes());
    }

    #[test]
    fn names_that_are_no_text_stay_apart() {
        assert_eq!(text(b"a b"), "a b");
        assert_eq!(text(b"a\xff"), "a\\xff");
        assert_eq!(number::<u32>(b"12"), Some(12));
        assert_eq!(number::<u32>(b"+12"), None);
    }
}
