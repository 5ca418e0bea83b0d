//! Values of PostgreSQL's settings: `5s` is `5000` where the unit is a millisecond, and `on` is `true`.
//!
//! They are read by the rules of the server (`guc.c`), so that two texts are one value here exactly when they are there.

use serde::{Deserialize, Serialize};

/// Of what type the values of a setting are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum SettingType {
    /// Yes or no.
    Bool,
    /// A whole number.
    Integer {
        /// What a number without a unit is of, such as `ms` or `8kB`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        unit: Option<String>,
    },
    /// Any number.
    Real {
        /// As for whole numbers.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        unit: Option<String>,
    },
    /// One of some words.
    Enum {
        /// Those that the server lists. It understands others, which mean one of these.
        words: Vec<String>,
    },
    /// A text, which is compared as it is.
    Text,
}

/// Units of one family, largest first, each in the smallest.
type Family = [(&'static str, f64)];

const MEMORY: &Family = &[
    ("TB", 1_099_511_627_776.0),
    ("GB", 1_073_741_824.0),
    ("MB", 1_048_576.0),
    ("kB", 1024.0),
    ("B", 1.0),
];

const TIME: &Family = &[
    ("d", 86_400_000_000.0),
    ("h", 3_600_000_000.0),
    ("min", 60_000_000.0),
    ("s", 1_000_000.0),
    ("ms", 1000.0),
    ("us", 1.0),
];

impl SettingType {
    /// Are both texts one value?
    ///
    /// # Errors
    /// A fragment that says which of them cannot be read.
    pub fn same(&self, one: &str, other: &str) -> Result<bool, String> {
        if one == other {
            return Ok(true);
        }
        match self {
            Self::Text => Ok(false),
            Self::Bool => Ok(flag(one)? == flag(other)?),
            Self::Integer { unit } => {
                let number = |text| number(text, unit.as_deref(), true).map(f64::round_ties_even);
                Ok(equal(number(one)?, number(other)?))
            }
            Self::Real { unit } => {
                let number = |text| number(text, unit.as_deref(), false);
                Ok(equal(number(one)?, number(other)?))
            }
            Self::Enum { words } => Ok(word(one, words)? == word(other, words)?),
        }
    }
}

/// May both texts be one value of a setting whose type nobody told?
#[must_use]
pub fn may_be_same(one: &str, other: &str) -> bool {
    let both = |is: fn(&str) -> bool| is(one) && is(other);
    let is_number = |text: &str| {
        let whole = quantity(text.trim(), true).is_some();
        whole || quantity(text.trim(), false).is_some()
    };
    let flags = boolean(one).is_some() && boolean(one) == boolean(other);
    one.eq_ignore_ascii_case(other) || flags || both(is_number)
}

/// What PostgreSQL takes a word for where it wants a yes or a no: each beginning of these that is not of two of them.
#[must_use]
pub fn boolean(text: &str) -> Option<bool> {
    let text = text.to_ascii_lowercase();
    let begins = |words: &[&str]| words.iter().any(|word| word.starts_with(&text));
    match text.as_str() {
        "" | "o" => None,
        "1" | "on" => Some(true),
        "0" | "of" | "off" => Some(false),
        _ if begins(&["true", "yes"]) => Some(true),
        _ if begins(&["false", "no"]) => Some(false),
        _ => None,
    }
}

fn flag(text: &str) -> Result<bool, String> {
    boolean(text).ok_or_else(|| format!("`{}` is no boolean", super::display::escape(text)))
}

/// A word that the server lists. Where one of `on` and `off` is among them, or an old setting was a boolean, the other
/// words for yes and no are understood as well.
fn word(text: &str, words: &[String]) -> Result<String, String> {
    let listed = |text: &str| words.iter().find(|word| word.eq_ignore_ascii_case(text)).cloned();
    let flag = match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "1" => Some("on"),
        "false" | "no" | "0" => Some("off"),
        _ => None,
    };
    listed(text).or_else(|| listed(flag?)).ok_or_else(|| {
        format!(
            "`{}` is none of {}, and the server may know it as one of them",
            super::display::escape(text),
            words.join(", ")
        )
    })
}

/// A number, and the unit behind it.
fn quantity(text: &str, whole: bool) -> Option<(f64, &str)> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let sign = if text.starts_with('-') { -1.0 } else { 1.0 };
    let radix = |digits: &str, radix| u32::from_str_radix(digits, radix).ok().map(f64::from);
    let split = |text: &'_ str, is: fn(char) -> bool| text.find(|c| !is(c)).unwrap_or(text.len());
    // As in C: `0x10` is sixteen, and where a whole number is wanted `010` is eight.
    if let Some(hex) = unsigned.strip_prefix("0x").or_else(|| unsigned.strip_prefix("0X")) {
        let end = split(hex, |c| c.is_ascii_hexdigit());
        return Some((sign * radix(&hex[..end], 16)?, hex[end..].trim()));
    }
    let digits = split(unsigned, |c| c.is_ascii_digit());
    let is_float = unsigned[digits..].starts_with(['.', 'e', 'E']);
    if whole && !is_float && digits > 1 && unsigned.starts_with('0') {
        return Some((sign * radix(&unsigned[..digits], 8)?, unsigned[digits..].trim()));
    }
    let mut end = digits;
    if let Some(fraction) = unsigned[end..].strip_prefix('.') {
        end += 1 + split(fraction, |c| c.is_ascii_digit());
    }
    if let Some(exponent) = unsigned[end..].strip_prefix(['e', 'E']) {
        let signed = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        let power = split(signed, |c| c.is_ascii_digit());
        if power > 0 {
            end += 1 + (exponent.len() - signed.len()) + power;
        }
    }
    let value: f64 = unsigned[..end].parse().ok().filter(|value: &f64| value.is_finite())?;
    Some((sign * value, unsigned[end..].trim()))
}

/// The value in the unit of the setting.
fn number(text: &str, base: Option<&str>, whole: bool) -> Result<f64, String> {
    let shown = super::display::escape(text);
    let (value, unit) =
        quantity(text.trim(), whole).ok_or_else(|| format!("`{shown}` is no number"))?;
    if unit.is_empty() {
        return Ok(value);
    }
    let base = base.ok_or_else(|| format!("`{shown}` has a unit, and the setting has none"))?;
    // A block is `8kB`.
    let blocks = base.find(|c: char| !c.is_ascii_digit()).unwrap_or(base.len());
    let count: f64 = base[..blocks].parse().unwrap_or(1.0);
    let place = |family: &Family, unit: &str| family.iter().position(|(name, _)| *name == unit);
    for family in [MEMORY, TIME] {
        if let (Some(of_base), Some(at)) = (place(family, &base[blocks..]), place(family, unit)) {
            let per = |at: usize| family[at].1 / (family[of_base].1 * count);
            let value = value * per(at);
            // A fraction such as `30.1GB` becomes a multiple of the next smaller unit.
            let next = (at + 1 < family.len()).then(|| per(at + 1));
            return Ok(next.map_or(value, |next| (value / next).round_ties_even() * next));
        }
    }
    Err(format!("`{shown}` has no unit that fits {base}"))
}

#[expect(clippy::float_cmp, reason = "the server compares what it stored, bit by bit")]
fn equal(one: f64, other: f64) -> bool {
    one == other
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_value_has_several_texts() {
        let integer = |unit: &str| SettingType::Integer { unit: Some(unit.to_owned()) };
        let plain = SettingType::Integer { unit: None };
        let real = SettingType::Real { unit: Some("ms".to_owned()) };
        let words = SettingType::Enum { words: ["local", "on", "off"].map(str::to_owned).into() };
        for (of_type, one, other, same) in [
            (integer("ms"), "5s", "5000", true),
            (integer("ms"), "5s", " 5000 ms ", true),
            (integer("ms"), "5s", "5001", false),
            (integer("ms"), "1.5s", "1500", true),
            (integer("ms"), "1min", "60s", true),
            (integer("min"), "1d", "1440", true),
            (integer("s"), "90min", "1.5h", true),
            (integer("8kB"), "128MB", "16384", true),
            (integer("8kB"), "128MB", "131072kB", true),
            (integer("8kB"), "128MB", "128000kB", false),
            (integer("kB"), "4MB", "4096", true),
            // A tenth of a GB is a multiple of MB to the server.
            (integer("kB"), "0.1GB", "102MB", true),
            (integer("kB"), "0.1GB", "104858", false),
            (integer("kB"), "1TB", "1024GB", true),
            (integer("ms"), "-1", "-1", true),
            (integer("ms"), "-1", "1", false),
            (plain.clone(), "0x10", "16", true),
            (plain.clone(), "010", "8", true),
            (plain.clone(), "1e3", "1000", true),
            (plain.clone(), "0", "00", true),
            (plain, "100", "100.4", true),
            (real.clone(), "1.5", "1500us", true),
            (real.clone(), "010", "10", true),
            (real, "0.1", "0.10001", false),
            (SettingType::Bool, "on", "true", true),
            (SettingType::Bool, "ON", "y", true),
            (SettingType::Bool, "of", "0", true),
            (SettingType::Bool, "on", "off", false),
            (words.clone(), "LOCAL", "local", true),
            (words.clone(), "true", "on", true),
            (words, "local", "off", false),
            (SettingType::Text, "on", "true", false),
        ] {
            assert_eq!(of_type.same(one, other), Ok(same), "{of_type:?} {one} {other}");
            assert_eq!(of_type.same(other, one), Ok(same), "{of_type:?} {other} {one}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_no_value() {
        let integer = |unit: Option<&str>| SettingType::Integer { unit: unit.map(str::to_owned) };
        let words = SettingType::Enum { words: vec!["debug1".to_owned(), "error".to_owned()] };
        for (of_type, text) in [
            (SettingType::Bool, "o"),
            (SettingType::Bool, ""),
            (SettingType::Bool, "maybe"),
            (integer(Some("ms")), "5 kB"),
            (integer(Some("ms")), "5S"),
            (integer(Some("kB")), "5KB"),
            (integer(None), "5s"),
            (integer(Some("ms")), "soon"),
            (integer(Some("ms")), ""),
            (integer(Some("ms")), "nan"),
            (integer(None), "1e999"),
            (integer(None), "089"),
            (words, "debug"),
        ] {
            assert!(of_type.same(text, "1").is_err(), "{of_type:?} {text}");
            assert_eq!(of_type.same(text, text), Ok(true));
        }
    }

    #[test]
    fn without_a_type_only_what_differs_under_each_of_them_differs() {
        for (one, other) in [("on", "true"), ("5s", "5000"), ("128MB", "16384"), ("Error", "ERROR")]
        {
            assert!(may_be_same(one, other), "{one} {other}");
        }
        for (one, other) in [("on", "off"), ("pgaudit", "pg_stat_statements"), ("5s", "soon")] {
            assert!(!may_be_same(one, other), "{one} {other}");
        }
    }
}
