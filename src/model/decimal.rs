//! Whole numbers in hashed and signed formats: a JSON string of decimal digits.
//!
//! A JSON number may be read back as a floating point number by another program; a string is read back as it was written.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A whole number that is written as decimal digits, without sign and without leading zeros.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Decimal(pub u64);

/// The text is none, or is none in its one form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a whole number below 2^64 is meant, in decimal digits without sign or leading zeros")]
pub struct DecimalError;

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

impl FromStr for Decimal {
    type Err = DecimalError;
    fn from_str(text: &str) -> Result<Self, DecimalError> {
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        let leading_zero = text.len() > 1 && text.starts_with('0');
        if !digits || leading_zero {
            return Err(DecimalError);
        }
        text.parse().map(Self).map_err(|_| DecimalError)
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Decimal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl serde::de::Visitor<'_> for Text {
            type Value = Decimal;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string of decimal digits")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Decimal, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_one_form_of_a_number_is_read() {
        for number in [0, 7, 9_007_199_254_740_993, u64::MAX] {
            let text = serde_json::to_string(&Decimal(number)).expect("it can be written");
            assert_eq!(text, format!("\"{number}\""));
            assert_eq!(serde_json::from_str::<Decimal>(&text).ok(), Some(Decimal(number)));
        }
        for wrong in ["", "00", "01", "+1", "-1", " 1", "1.0", "1e3", "18446744073709551616", "١"]
        {
            assert_eq!(wrong.parse::<Decimal>(), Err(DecimalError), "{wrong:?}");
        }
        assert!(serde_json::from_str::<Decimal>("1").is_err(), "a JSON number is none");
    }
}
