//! One literal out of the text of a file: pure functions over bytes, one file a format.
//!
//! Nothing is ever executed, expanded or included, and nothing is guessed: a value that the text alone does not decide
//! is an error that says so. Errors name lines and forms, never the text itself, because the text may hold secrets.

mod dotenv;
mod ini;
mod json;
mod number;
mod path;
mod python;
mod regex;
mod toml;
mod yaml;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::{Reason, Unknown};

/// How deep values may nest, and how long a dotted path may be.
const DEPTH_MAX: usize = 64;

macro_rules! formats {
    ($($variant:ident = $module:ident, $about:literal;)*) => {
        /// How a file is read.
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
        )]
        #[serde(rename_all = "lowercase")]
        pub enum Format { $(#[doc = $about] $variant,)* }

        /// Every format, in the order of their documentation.
        pub static FORMATS: &[Format] = &[$(Format::$variant,)*];

        impl Format {
            /// Its name in desired state.
            #[must_use]
            pub const fn name(self) -> &'static str { match self { $(Self::$variant => stringify!($module),)* } }
            /// What it reads, and what `key` means there.
            #[must_use]
            pub const fn about(self) -> &'static str { match self { $(Self::$variant => $about,)* } }
            fn check(self, key: &str) -> Result<(), String> {
                match self { $(Self::$variant => $module::check(key),)* }
            }
            fn read(self, text: &str, key: &str) -> Result<Option<Place>, LiteralError> {
                match self { $(Self::$variant => $module::read(text, key),)* }
            }
        }
    };
}

formats! {
    Python = python, "The literal assigned to a name at the level of a Python module; never executed. The key is the name.";
    Toml = toml, "A value of a TOML file. The key is a dotted path; a part that has a dot is quoted: `a.\"b.c\".d`.";
    Json = json, "A value of a JSON file. The key is a dotted path; a part that has a dot is quoted: `a.\"b.c\".d`.";
    Yaml = yaml, "A value of a YAML file of one document, typed by the core schema of YAML 1.2. The key is a dotted path; a \
        part that has a dot is quoted: `a.\"b.c\".d`.";
    Ini = ini, "The text behind `key =` or `key:` in a section. The key is `section.key`, or `key` for a line above every section; \
        a part that has a dot is quoted: `\"a.b\".key`.";
    Dotenv = dotenv, "A line `KEY=value` or `export KEY=value`, without expansion. The key is the name.";
    Regex = regex, "The text that a regular expression captures from the one whole line that it matches. The key is the \
        expression, with exactly one group, or one named `value`.";
}

/// A literal that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// Its value.
    pub value: Value,
    /// The line on which it is given its value, from 1.
    pub line: u64,
    /// That whole line, without the blanks at its end.
    pub text: String,
}

/// Why nothing can be said about a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LiteralError {
    /// The text is not of its format.
    #[error("line {line}: {what}")]
    Malformed {
        /// Where, from 1.
        line: u64,
        /// What is wrong, as a fragment without any of the text.
        what: String,
    },
    /// The text is of its format, and does not decide the value.
    #[error("line {line}: {what}")]
    Undecidable {
        /// Where, from 1.
        line: u64,
        /// Why not, as a fragment without any of the text.
        what: String,
    },
}

impl LiteralError {
    fn malformed(line: u64, what: impl Into<String>) -> Self {
        Self::Malformed { line, what: what.into() }
    }

    fn undecidable(line: u64, what: impl Into<String>) -> Self {
        Self::Undecidable { line, what: what.into() }
    }

    fn too_deep(line: u64) -> Self {
        Self::undecidable(line, format!("values nest deeper than {DEPTH_MAX} levels"))
    }
}

impl From<LiteralError> for Unknown {
    fn from(error: LiteralError) -> Self {
        let reason = match &error {
            LiteralError::Malformed { .. } => Reason::Malformed,
            LiteralError::Undecidable { .. } => Reason::Undecidable,
        };
        Self::new(reason, error.to_string())
    }
}

/// A key that is there for certain, with its value where the text decides it.
#[derive(Debug)]
struct Place {
    line: u64,
    value: Result<Value, LiteralError>,
}

/// Can this format look for this key at all?
///
/// # Errors
/// A fragment that says why not.
pub fn check_key(format: Format, key: &str) -> Result<(), String> {
    format.check(key)
}

/// The value of a key; `None` when the key is provably absent.
///
/// # Errors
/// When the text is malformed, or does not decide the value.
pub fn find(format: Format, text: &[u8], key: &str) -> Result<Option<Found>, LiteralError> {
    let text = decode(text)?;
    let Some(place) = format.read(text, key)? else { return Ok(None) };
    let line = usize::try_from(place.line).unwrap_or(usize::MAX);
    let whole = text.split('\n').nth(line.saturating_sub(1)).unwrap_or_default();
    Ok(Some(Found { value: place.value?, line: place.line, text: whole.trim_end().to_owned() }))
}

/// The line of a key, whatever its value; `None` when the key is provably absent.
///
/// This is for secrets: it answers also where the value is computed, and returns nothing of it.
///
/// # Errors
/// When the text is malformed, or does not decide whether the key is there.
pub fn locate(format: Format, text: &[u8], key: &str) -> Result<Option<u64>, LiteralError> {
    Ok(format.read(decode(text)?, key)?.map(|place| place.line))
}

/// All that a text in YAML says, JSON included; `None` when it says nothing.
///
/// # Errors
/// As for [`find`], for any part of it.
pub fn yaml_document(text: &[u8]) -> Result<Option<Value>, LiteralError> {
    yaml::whole(decode(text)?)
}

/// The text without its byte order mark.
fn decode(bytes: &[u8]) -> Result<&str, LiteralError> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.strip_prefix('\u{feff}').unwrap_or(text)),
        Err(error) => {
            let line = line_at(bytes, error.valid_up_to());
            Err(LiteralError::malformed(line, "the text is not UTF-8"))
        }
    }
}

/// The line of an offset, from 1.
fn line_at(text: &[u8], at: usize) -> u64 {
    let newlines = text.iter().take(at).filter(|byte| **byte == b'\n').count();
    u64::try_from(newlines).unwrap_or(u64::MAX).saturating_add(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_desired_state_are_the_names_of_the_registry() {
        for format in FORMATS {
            assert_eq!(
                serde_json::to_value(format).expect("plain data"),
                Value::from(format.name()),
                "{format:?}"
            );
        }
    }

    #[test]
    fn a_mark_is_dropped_and_bad_bytes_have_a_line() {
        let found = find(Format::Dotenv, b"\xef\xbb\xbfA=1\n", "A").expect("decided");
        assert_eq!(found.map(|f| (f.line, f.text)), Some((1, "A=1".into())));
        for format in FORMATS {
            let error = find(*format, b"\n\nA = 1 # \xff\n", "A(.)").expect_err("not UTF-8");
            assert_eq!(error, LiteralError::malformed(3, "the text is not UTF-8"), "{format:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_a_reader_panic(
            text in "(A|=|:=|\"|'|\"\"\"|f|rb|\\\\|\n|\r| |\t|#|[(){}\\[\\]]|[:,.;*-]|0x|1e|[0-9_]|é|\\$|def |if |global |\\\\u|A: |  |- |&x |\\*x|!|\\?|<<: |%|---|~){0,30}",
        ) {
            for format in FORMATS {
                let key = if *format == Format::Regex { "A(.*)" } else { "A" };
                let found = find(*format, text.as_bytes(), key);
                let there = locate(*format, text.as_bytes(), key);
                if let Ok(found) = found {
                    proptest::prop_assert_eq!(Ok(found.map(|f| f.line)), there);
                }
            }
        }
    }

    #[test]
    fn deep_nesting_ends_in_an_error_and_not_in_a_crash() {
        let deep = 200_000;
        let json = "[".repeat(deep) + &"]".repeat(deep);
        let python = format!("A = {}\n", "(".repeat(deep));
        let signs = format!("A = {}1\n", "-".repeat(deep));
        let dotted = format!("{}a = 1\n", "a.".repeat(deep));
        let cases = [
            (Format::Json, format!("{{\"A\": {json}}}")),
            (Format::Json, format!("{{\"B\": {json}}}")),
            (Format::Json, "{\"A\":".repeat(deep)),
            (Format::Toml, format!("A = {json}")),
            (Format::Toml, dotted),
            (Format::Toml, "A = {b =".repeat(deep)),
            (Format::Yaml, format!("A: {json}")),
            (Format::Yaml, format!("A: {}", "- ".repeat(deep))),
            (Format::Yaml, "{A: ".repeat(deep)),
            (Format::Yaml, "? ".repeat(deep)),
            (Format::Python, python),
            (Format::Python, signs),
            (Format::Python, format!("A = {json}")),
        ];
        for (format, text) in cases {
            assert!(find(format, text.as_bytes(), "A").is_err(), "{format:?}");
        }
        let regex = "(".repeat(deep) + &")".repeat(deep);
        assert!(check_key(Format::Regex, &regex).is_err());
    }
}
