//! One value of a result beside what is expected of it. Pure.

use std::fmt;

use schemars::JsonSchema;
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::model::{Content, Digest};

/// An exponent beyond this is no number that a column holds.
const EXPONENT_MAX: i64 = 400;

/// An expected value: text, a number or a boolean.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Scalar(Value);

/// An observed value that is not NULL: its text, and its digest as a number when it can be read as one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::kinds) struct Cell {
    text: Content,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    number: Option<Digest>,
}

impl Cell {
    pub(super) fn of(text: &str, may_show: bool) -> Self {
        let number = canonical(text).map(|number| Digest::of(number.as_bytes()));
        Self { text: Content::of_text(text, may_show), number }
    }
}

impl Scalar {
    pub(super) fn as_value(&self) -> &Value {
        &self.0
    }
}

/// Is it what is expected? Nothing expected means NULL.
pub(super) fn equal(wanted: Option<&Scalar>, cell: Option<&Cell>) -> bool {
    let (Some(Scalar(wanted)), Some(cell)) = (wanted, cell) else {
        return wanted.is_none() && cell.is_none();
    };
    let is_text = |text: &str| Content::digest(&Value::from(text)) == cell.text.sha256;
    match wanted {
        Value::String(text) => is_text(text),
        Value::Bool(true) => is_text("t") || is_text("true"),
        Value::Bool(false) => is_text("f") || is_text("false"),
        Value::Number(number) => {
            let wanted = canonical(&number.to_string()).map(|n| Digest::of(n.as_bytes()));
            wanted.is_some() && wanted == cell.number
        }
        _ => false,
    }
}

/// What is expected, for a difference.
pub(super) fn desired(wanted: Option<&Scalar>, hide: bool) -> Value {
    match wanted {
        None => Value::Null,
        Some(Scalar(value)) if hide => Value::from(format!("{:?}", Content::digest(value))),
        Some(Scalar(value)) => value.clone(),
    }
}

/// What was seen, for a difference: of the type that is expected where its text is of that type.
pub(super) fn actual(wanted: Option<&Scalar>, cell: Option<&Cell>, hide: bool) -> Value {
    let Some(cell) = cell else { return Value::Null };
    let Some(shown) = cell.text.shown.as_ref().filter(|_| !hide) else {
        return Value::from(format!("{:?}", cell.text.sha256));
    };
    match (wanted.map(Scalar::as_value), shown.as_str()) {
        (Some(Value::Number(_)), Some(text)) if cell.number.is_some() => {
            serde_json::from_str(text).ok().filter(Value::is_number).unwrap_or(shown.clone())
        }
        (Some(Value::Bool(_)), Some("t" | "true")) => Value::Bool(true),
        (Some(Value::Bool(_)), Some("f" | "false")) => Value::Bool(false),
        _ => shown.clone(),
    }
}

/// One spelling for equal numbers: `158`, `158.00` and `1.58e2` are `158`. `None` when it is no decimal number.
fn canonical(text: &str) -> Option<String> {
    let (negative, rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (mantissa, exponent) = match rest.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().ok()?),
        None => (rest, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let numeric = !digits.is_empty() && digits.bytes().all(|c| c.is_ascii_digit());
    if !numeric || !(-EXPONENT_MAX..=EXPONENT_MAX).contains(&exponent) {
        return None;
    }
    let point = i64::try_from(whole.len()).ok()? + exponent;
    let width = i64::try_from(digits.len()).ok()?;
    let left = usize::try_from(-point).unwrap_or(0);
    let right = usize::try_from(point - width).unwrap_or(0);
    let digits = format!("{}{digits}{}", "0".repeat(left), "0".repeat(right));
    let (whole, fraction) = digits.split_at(usize::try_from(point).unwrap_or(0));
    let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
    let sign = if negative && !(whole.is_empty() && fraction.is_empty()) { "-" } else { "" };
    Some(format!("{sign}{whole}.{fraction}"))
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl Visitor<'_> for Any {
            type Value = Scalar;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text, a finite number, true or false")
            }
            fn visit_bool<E: Error>(self, value: bool) -> Result<Scalar, E> {
                Ok(Scalar(value.into()))
            }
            fn visit_i64<E: Error>(self, value: i64) -> Result<Scalar, E> {
                Ok(Scalar(value.into()))
            }
            fn visit_u64<E: Error>(self, value: u64) -> Result<Scalar, E> {
                Ok(Scalar(value.into()))
            }
            fn visit_f64<E: Error>(self, value: f64) -> Result<Scalar, E> {
                let number = serde_json::Number::from_f64(value);
                let infinite = || E::custom("NaN and infinity are written as text");
                Ok(Scalar(Value::Number(number.ok_or_else(infinite)?)))
            }
            fn visit_str<E: Error>(self, value: &str) -> Result<Scalar, E> {
                Ok(Scalar(value.into()))
            }
        }
        deserializer.deserialize_any(Any)
    }
}

impl JsonSchema for Scalar {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Scalar".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": ["string", "number", "boolean"] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn equal_numbers_have_one_spelling() {
        for (left, right) in [
            ("158", "158.00"),
            ("158", "+1.58e2"),
            ("0.1", ".10"),
            ("100000000000000000000", "1e+20"),
            ("0", "-0.0"),
            ("-7", "-007"),
            ("0.001", "1E-3"),
            ("12.5", "0.0125e3"),
        ] {
            assert!(
                canonical(left).is_some() && canonical(left) == canonical(right),
                "{left} {right}"
            );
        }
        for (left, right) in
            [("1", "10"), ("1", "-1"), ("0.1", "0.01"), ("9007199254740993", "9007199254740992")]
        {
            assert_ne!(canonical(left), canonical(right), "{left} {right}");
        }
        for none in
            ["", ".", "-", "1e", "e1", "0x1", "NaN", "Infinity", "1 ", "1,0", "1e999999999", "٣"]
        {
            assert_eq!(canonical(none), None, "{none}");
        }
    }

    #[test]
    fn values_are_compared_by_the_type_that_is_written() {
        for (wanted, text, same) in [
            (json!("x"), "x", true),
            (json!("158"), "158.0", false),
            (json!(158), "158.0", true),
            (json!(158), "159", false),
            (json!(158), "many", false),
            (json!(0.5), "0.50", true),
            (json!(true), "t", true),
            (json!(true), "true", true),
            (json!(true), "f", false),
            (json!(false), "f", true),
            (json!("t"), "t", true),
            (json!(true), "1", false),
            (json!(u64::MAX), "18446744073709551615", true),
        ] {
            let scalar = Scalar(wanted.clone());
            assert_eq!(equal(Some(&scalar), Some(&Cell::of(text, false))), same, "{wanted} {text}");
        }
        let cell = Cell::of("x", true);
        assert!(equal(None, None) && !equal(None, Some(&cell)));
        assert!(!equal(Some(&Scalar(json!(""))), None));
    }

    #[test]
    fn what_is_shown_has_the_type_that_is_written_and_no_control_characters() {
        let shown = |wanted: Value, text: &str| {
            actual(Some(&Scalar(wanted)), Some(&Cell::of(text, true)), false)
        };
        assert_eq!(shown(json!(1), "2"), json!(2));
        assert_eq!(shown(json!(1), "two"), json!("two"));
        assert_eq!(shown(json!(true), "f"), json!(false));
        assert_eq!(shown(json!("x"), "2"), json!("2"));
        assert_eq!(shown(json!("x"), "\u{1b}[2J"), json!("\\u{1b}[2J"));
        let hidden = actual(None, Some(&Cell::of("canary", true)), true);
        assert!(hidden.as_str().is_some_and(|text| text.starts_with("sha256:")), "{hidden}");
    }
}
