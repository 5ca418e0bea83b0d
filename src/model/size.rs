//! Amounts as people write them: bytes with a unit, and shares of a hundred.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, de};

/// The units, largest first within each family. The binary ones end in `iB`.
const UNITS: [(&str, u64); 11] = [
    ("PiB", 1 << 50),
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("PB", 1_000_000_000_000_000),
    ("TB", 1_000_000_000_000),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("kB", 1000),
    ("B", 1),
];

/// A number of bytes, such as `10GiB` (1024³) or `10GB` (1000³). A number without a unit is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(u64);

impl Size {
    /// So many bytes.
    #[must_use]
    pub const fn of(bytes: u64) -> Self {
        Self(bytes)
    }

    /// As bytes.
    #[must_use]
    pub const fn bytes(self) -> u64 {
        self.0
    }

    fn parse(text: &str) -> Option<Self> {
        let (unit, number) = UNITS
            .iter()
            .find_map(|(name, unit)| text.strip_suffix(name).map(|number| (*unit, number)))?;
        let number = number.trim_end_matches(' ');
        let (whole, part) = number.split_once('.').map_or((number, None), |(w, p)| (w, Some(p)));
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit());
        if !digits(whole) || part.is_some_and(|part| !digits(part) || part.len() > 3) {
            return None;
        }
        let mut bytes = whole.parse::<u64>().ok()?.checked_mul(unit)?;
        if let Some(part) = part {
            let scale = 10_u64.pow(u32::try_from(part.len()).ok()?);
            let of_unit = u128::from(part.parse::<u64>().ok()?) * u128::from(unit);
            bytes = bytes.checked_add(u64::try_from(of_unit / u128::from(scale)).ok()?)?;
        }
        Some(Self(bytes))
    }
}

/// As `25.4 GiB`: rounded down to a tenth, for people. What is compared are the bytes.
impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, unit) =
            UNITS[..5].iter().find(|(_, unit)| self.0 >= *unit).copied().unwrap_or(("B", 1));
        if unit == 1 {
            return write!(f, "{} B", self.0);
        }
        let tenths = u128::from(self.0) * 10 / u128::from(unit);
        write!(f, "{}.{} {name}", tenths / 10, tenths % 10)
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| {
            de::Error::custom("expected a number and its unit, such as \"10GiB\" or \"500MB\"")
        })
    }
}

impl JsonSchema for Size {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Size".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "pattern": "^[0-9]+(\\.[0-9]{1,3})? *([KMGTP]iB|[kMGTP]B|B)$",
        })
    }
}

/// A share of a whole in percent, such as `90%`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Percent(u8);

impl Percent {
    /// How much of `whole` `part` is, rounded up, as `df` rounds. Nothing of nothing is 0 %.
    #[must_use]
    pub fn of(part: u64, whole: u64) -> Self {
        if whole == 0 {
            return Self(0);
        }
        let share = (u128::from(part) * 100).div_ceil(u128::from(whole));
        Self(u8::try_from(share.min(100)).unwrap_or(100))
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", self.0)
    }
}

impl<'de> Deserialize<'de> for Percent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let digits = text.strip_suffix('%').filter(|t| t.bytes().all(|c| c.is_ascii_digit()));
        let share = digits.and_then(|digits| digits.parse::<u8>().ok()).filter(|s| *s <= 100);
        share.map(Self).ok_or_else(|| {
            de::Error::custom("expected a whole number from 0 to 100 and `%`, such as \"90%\"")
        })
    }
}

impl JsonSchema for Percent {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Percent".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "pattern": "^(100|[0-9]{1,2})%$" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        let bytes = |text: &str| Size::parse(text).map(Size::bytes);
        assert_eq!(bytes("10GiB"), Some(10 << 30));
        assert_eq!(bytes("10 GB"), Some(10_000_000_000));
        assert_eq!(bytes("1.5KiB"), Some(1536));
        assert_eq!(bytes("0B"), Some(0));
        assert_eq!(bytes("512kB"), Some(512_000));
        for bad in ["", "10", "GiB", "1e3B", "-1GiB", "1.GiB", ".5GiB", "10gb", "99999999999PiB"] {
            assert_eq!(bytes(bad), None, "{bad}");
        }
    }

    #[test]
    fn sizes_are_shown_rounded_down() {
        let shown = |bytes| Size::of(bytes).to_string();
        assert_eq!(shown(0), "0 B");
        assert_eq!(shown(1023), "1023 B");
        assert_eq!(shown((10 << 30) - 1), "9.9 GiB");
        assert_eq!(shown(10 << 30), "10.0 GiB");
    }

    #[test]
    fn shares_are_rounded_up_as_df_does() {
        assert_eq!(Percent::of(72, 97).to_string(), "75%");
        assert_eq!(Percent::of(0, 0).to_string(), "0%");
        assert_eq!(Percent::of(1, 1_000_000).to_string(), "1%");
        assert_eq!(Percent::of(5, 4).to_string(), "100%");
        for (text, good) in [("90%", true), ("101%", false), ("9", false), ("+9%", false)] {
            let parsed = serde_json::from_value::<Percent>(text.into());
            assert_eq!(parsed.is_ok(), good, "{text}");
        }
    }
}
