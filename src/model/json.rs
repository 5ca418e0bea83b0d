//! JSON on a terminal: the same values, with every character that hides or moves text written as `\uXXXX`.
//!
//! JSON itself escapes only the first 32 characters. A C1 control or a bidirectional override in an observed name would
//! reach whoever looks at a report raw; escaped, every parser still reads the same text.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter, Serializer};

use super::display::is_hidden;

/// Writes a value as indented JSON, with a line end.
///
/// # Errors
/// When it cannot be expressed as JSON, or cannot be written.
pub fn write(mut out: impl Write, value: &impl Serialize) -> io::Result<()> {
    let visible = Visible(PrettyFormatter::new());
    value.serialize(&mut Serializer::with_formatter(&mut out, visible))?;
    out.write_all(b"\n")
}

/// The same on one line.
///
/// # Errors
/// As for [`fn@write`].
pub fn line(mut out: impl Write, value: &impl Serialize) -> io::Result<()> {
    value.serialize(&mut Serializer::with_formatter(&mut out, Visible(CompactFormatter)))?;
    out.write_all(b"\n")
}

struct Visible<F>(F);

macro_rules! as_it_does {
    ($($method:ident($($argument:ident: $type:ty)?);)*) => {
        $(fn $method<W: ?Sized + Write>(&mut self, out: &mut W $(, $argument: $type)?) -> io::Result<()> {
            self.0.$method(out $(, $argument)?)
        })*
    };
}

impl<F: Formatter> Formatter for Visible<F> {
    as_it_does! {
        begin_array();
        end_array();
        begin_array_value(first: bool);
        end_array_value();
        begin_object();
        end_object();
        begin_object_key(first: bool);
        begin_object_value();
        end_object_value();
    }

    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        out: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut rest = fragment;
        while let Some((at, hidden)) = rest.char_indices().find(|(_, c)| is_hidden(*c)) {
            out.write_all(&rest.as_bytes()[..at])?;
            for unit in hidden.encode_utf16(&mut [0; 2]) {
                write!(out, "\\u{unit:04x}")?;
            }
            rest = &rest[at + hidden.len_utf8()..];
        }
        out.write_all(rest.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn what_hides_is_escaped_and_reads_back_as_it_was() {
        let value = json!({
            "a\u{9b}31m\u{7f}\n": ["\u{202e}", "x\u{e0041}y\\", "äöü", ""],
            "n": [null, true, 1, 2.5, {}, []],
        });
        let mut written = Vec::new();
        write(&mut written, &value).expect("plain data");
        let text = String::from_utf8(written).expect("UTF-8");
        assert!(!text.chars().any(|c| c != '\n' && is_hidden(c)), "{text}");
        assert!(text.contains("\\udb40\\udc41") && text.contains("äöü"), "{text}");
        assert_eq!(serde_json::from_str::<Value>(&text).expect("JSON"), value);
        let mut compact = Vec::new();
        line(&mut compact, &value).expect("plain data");
        let text = String::from_utf8(compact).expect("UTF-8");
        assert_eq!((text.lines().count(), text.contains("\\u202e")), (1, true), "{text}");
        assert_eq!(serde_json::from_str::<Value>(&text).expect("JSON"), value);
        let plain = json!({"a": [1, {"b": "c"}], "d": {}});
        let mut written = Vec::new();
        write(&mut written, &plain).expect("plain data");
        let pretty = serde_json::to_string_pretty(&plain).expect("plain data") + "\n";
        assert_eq!(String::from_utf8(written).expect("UTF-8"), pretty);
    }
}
