//! What a deployment writes down about itself: a text of `key = value` or `key: value` lines.
//!
//! Blank lines and comments (`#`) aside, every line has a key and a value, and no key stands twice; a text with anything
//! else in it is not read as far as it goes, but refused. Values are the text behind the sign, without the blanks at its
//! ends; nothing is unquoted or expanded. Errors name lines, never the text itself.

use std::collections::BTreeMap;

use crate::model::{Reason, Unknown};

/// No manifest has more entries.
const ENTRIES_MAX: usize = 10_000;
const KEY_BYTES_MAX: usize = 200;

/// A manifest by its keys.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct DeployManifest {
    entries: BTreeMap<String, Entry>,
}

/// One line of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its number, from 1.
    pub line: u64,
    /// All of it, without the blanks at its ends.
    pub text: String,
    /// What stands behind the sign.
    pub value: String,
}

impl DeployManifest {
    /// Reads a manifest.
    ///
    /// # Errors
    /// [`Reason::Malformed`] with the line, or [`Reason::TooLarge`].
    pub fn parse(bytes: &[u8]) -> Result<Self, Unknown> {
        let text = std::str::from_utf8(bytes).map_err(|error| {
            let before = bytes[..error.valid_up_to()].split(|byte| *byte == b'\n');
            malformed(before.count(), "not UTF-8")
        })?;
        let mut manifest = Self::default();
        for (line, number) in text.strip_prefix('\u{feff}').unwrap_or(text).lines().zip(1..) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let sign = line.find(['=', ':']);
            let (name, value) = sign.map_or((line, None), |at| {
                (line[..at].trim_end(), Some(line[at + 1..].trim_start()))
            });
            let Some(value) = value.filter(|_| is_key(name)) else {
                return Err(malformed(number, "neither `key = value`, nor a comment, nor blank"));
            };
            if value.contains(['\r', '\0']) {
                return Err(malformed(number, "a control character in a value"));
            }
            if manifest.entries.len() >= ENTRIES_MAX {
                let detail = format!("more than {ENTRIES_MAX} lines with a key");
                return Err(Unknown::new(Reason::TooLarge, detail));
            }
            let line_number = u64::try_from(number).unwrap_or(u64::MAX);
            let entry = Entry { line: line_number, text: line.into(), value: value.into() };
            if let Some(first) = manifest.entries.insert(name.to_owned(), entry) {
                let what = format!("a key that stands on line {} as well", first.line);
                return Err(malformed(number, &what));
            }
        }
        Ok(manifest)
    }

    /// Every line, by its key.
    pub fn entries(&self) -> impl Iterator<Item = (&str, &Entry)> {
        self.entries.iter().map(|(key, entry)| (key.as_str(), entry))
    }

    /// The line of a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Entry> {
        self.entries.get(key)
    }
}

/// Can a manifest have a key of this form: letters, digits, `_`, `-` and `.`?
#[must_use]
pub fn is_key(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    !name.is_empty() && name.len() <= KEY_BYTES_MAX && name.chars().all(fits)
}

fn malformed(line: usize, what: &str) -> Unknown {
    Unknown::new(Reason::Malformed, format!("line {line}: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_signs_are_read() {
        let text = "\u{feff}# made by the deployment\n\na=1\r\n b : x = y: z \nc=\nd-e.f==\n";
        let manifest = DeployManifest::parse(text.as_bytes()).expect("a manifest");
        let value = |key: &str| manifest.get(key).map(|entry| (entry.line, entry.value.as_str()));
        assert_eq!(value("a"), Some((3, "1")));
        assert_eq!(value("b"), Some((4, "x = y: z")));
        assert_eq!(value("c"), Some((5, "")));
        assert_eq!(value("d-e.f"), Some((6, "=")));
        assert_eq!(value("x"), None);
        assert_eq!(manifest.get("b").map(|entry| entry.text.as_str()), Some("b : x = y: z"));
    }

    #[test]
    fn anything_else_is_refused_with_its_line() {
        let cases: &[(&[u8], &str)] = &[
            (b"a=1\na=1\n", "line 2: a key that stands on line 1 as well"),
            (b"a=1\nb: 2\na : 3\n", "line 3: a key that stands on line 1 as well"),
            (b"\nsome prose\n", "line 2: neither `key = value`, nor a comment, nor blank"),
            (b"some prose: x\n", "line 1: neither `key = value`, nor a comment, nor blank"),
            (b"=1\n", "line 1: neither `key = value`, nor a comment, nor blank"),
            (b"[section]\n", "line 1: neither `key = value`, nor a comment, nor blank"),
            (b"a=1\nb=\xff\n", "line 2: not UTF-8"),
            (b"a=1\rb=2\n", "line 1: a control character in a value"),
        ];
        for (text, detail) in cases {
            let unknown = DeployManifest::parse(text).expect_err(detail);
            assert_eq!((unknown.reason, unknown.detail.as_str()), (Reason::Malformed, *detail));
        }
        let many: Vec<String> = (0..=ENTRIES_MAX).map(|n| format!("k{n}=")).collect();
        let unknown = DeployManifest::parse(many.join("\n").as_bytes()).expect_err("too many");
        assert_eq!(unknown.reason, Reason::TooLarge);
        assert!(!is_key(&"k".repeat(KEY_BYTES_MAX + 1)) && !is_key("") && !is_key("a b"));
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text in "(a|b|=|:|#| |\n|\r|\t|é|\"|\u{feff}){0,30}") {
            let _ = DeployManifest::parse(text.as_bytes());
        }
    }
}
