//! Attributes that every resource shares, and the mode of a file.

use std::fmt;

use schemars::JsonSchema;
use serde::de::{Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// How much a drift of this resource matters.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Somebody should be woken.
    Critical,
    /// It should be mended today.
    #[default]
    Major,
    /// It should be mended.
    Minor,
    /// It is good to know.
    Info,
}

/// Who has to move for the drift to end.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Route {
    /// The host: it has to be brought to what desired state says.
    #[default]
    Host,
    /// The source repository of what runs there: the host shows faithfully what the source still says.
    Source,
    /// A person has to decide or to bring something.
    Operator,
}

impl Route {
    /// The one who moves, for a sentence such as "who moves: the host".
    #[must_use]
    pub const fn mover(self) -> &'static str {
        match self {
            Self::Host => "the host",
            Self::Source => "the source repository",
            Self::Operator => "the operator",
        }
    }
}

/// Permission bits with set-uid, set-gid and sticky: 12 bits, written as four octal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mode(u16);

impl Mode {
    /// Keeps the lower 12 bits of a `st_mode`.
    #[must_use]
    pub const fn from_bits(bits: u32) -> Self {
        Self((bits & 0o7777) as u16)
    }

    /// The 12 bits.
    #[must_use]
    pub const fn bits(self) -> u32 {
        self.0 as u32
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04o}", self.0)
    }
}

impl From<Mode> for serde_json::Value {
    fn from(mode: Mode) -> Self {
        Self::String(mode.to_string())
    }
}

impl Serialize for Mode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Mode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(OctalText)
    }
}

/// Reads a mode, and says to those who write a number that it is text.
struct OctalText;

impl Visitor<'_> for OctalText {
    type Value = Mode;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an octal mode of 3 or 4 digits as text, such as \"0750\"")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Mode, E> {
        let octal =
            (3..=4).contains(&text.len()) && text.bytes().all(|c| (b'0'..=b'7').contains(&c));
        match u16::from_str_radix(text, 8) {
            Ok(bits) if octal => Ok(Mode(bits)),
            _ => Err(E::invalid_value(Unexpected::Str(text), &self)),
        }
    }
}

impl JsonSchema for Mode {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Mode".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "pattern": "^[0-7]{3,4}$" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_octal_text() {
        let mode: Mode = serde_json::from_str("\"2755\"").expect("octal");
        assert_eq!((mode.bits(), mode.to_string().as_str()), (0o2755, "2755"));
        assert_eq!(serde_json::from_str::<Mode>("\"750\"").expect("octal").to_string(), "0750");
        for bad in ["\"0780\"", "\"75\"", "\"00750\"", "\"+750\"", "\"rwxr-x---\"", "750"] {
            assert!(serde_json::from_str::<Mode>(bad).is_err(), "{bad}");
        }
    }
}
