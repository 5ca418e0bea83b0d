//! Whole numbers in formats that are hashed: decimal text, because readers of JSON disagree about large numbers.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A whole number that is written as text: no sign, no leading zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Decimal(pub u64);

impl Decimal {
    /// As a number of users, groups and the like; `None` beyond 32 bits.
    #[must_use]
    pub fn as_u32(self) -> Option<u32> {
        u32::try_from(self.0).ok()
    }
}

impl From<u32> for Decimal {
    fn from(number: u32) -> Self {
        Self(u64::from(number))
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Decimal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let number = text.parse().ok().map(Self);
        number.filter(|number| number.to_string() == text).ok_or_else(|| {
            let shown = super::display::one_line(&text, 24);
            serde::de::Error::custom(format!("`{shown}` is no number written in decimal digits"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_one_text_for_each_number() {
        let read = |json: &str| serde_json::from_str::<Decimal>(json).ok().map(|n| n.0);
        assert_eq!(read("\"18446744073709551615\""), Some(u64::MAX));
        assert_eq!(serde_json::to_string(&Decimal(750)).expect("text"), "\"750\"");
        for other in
            ["\"01\"", "\"+1\"", "\"-1\"", "\" 1\"", "\"\"", "\"18446744073709551616\"", "1"]
        {
            assert_eq!(read(other), None, "{other}");
        }
    }
}
