//! Numbers as JSON values, exactly: what no number of JSON can hold stays the text of its digits.

use serde_json::Value;

/// An integer from its digits, with `-` in front or not.
///
/// Beyond 64 bits it becomes the text of its decimal digits; `None` for what is none, and for other bases beyond 128 bits.
pub(super) fn integer(digits: &str, radix: u32) -> Option<Value> {
    if let Ok(small) = i64::from_str_radix(digits, radix) {
        return Some(Value::from(small));
    }
    if let Ok(positive) = u64::from_str_radix(digits, radix) {
        return Some(Value::from(positive));
    }
    if radix != 10 {
        return i128::from_str_radix(digits, radix).ok().map(|wide| Value::from(wide.to_string()));
    }
    let (sign, magnitude) = digits.strip_prefix('-').map_or(("", digits), |rest| ("-", rest));
    let magnitude = magnitude.strip_prefix('+').unwrap_or(magnitude);
    let plain = !magnitude.is_empty() && magnitude.bytes().all(|c| c.is_ascii_digit());
    plain.then(|| Value::from(format!("{sign}{}", magnitude.trim_start_matches('0'))))
}

/// A finite floating-point number; `None` for what is none, infinities and NaN included.
pub(super) fn float(text: &str) -> Option<Value> {
    let number = text.parse::<f64>().ok().filter(|number| number.is_finite())?;
    serde_json::Number::from_f64(number).map(Value::Number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn integers_are_exact_at_every_size() {
        assert_eq!(integer("-9223372036854775808", 10), Some(json!(i64::MIN)));
        assert_eq!(integer("18446744073709551615", 10), Some(json!(u64::MAX)));
        assert_eq!(integer("18446744073709551616", 10), Some(json!("18446744073709551616")));
        assert_eq!(integer("-0018446744073709551616", 10), Some(json!("-18446744073709551616")));
        assert_eq!(integer("10000000000000000", 16), Some(json!("18446744073709551616")));
        assert_eq!(integer(&"f".repeat(33), 16), None);
        assert_eq!(integer("", 10), None);
        assert_eq!(integer("1x", 10), None);
    }

    #[test]
    fn only_finite_floats_are_values() {
        assert_eq!(float("1.5e3"), Some(json!(1500.0)));
        assert_eq!(float("1e999"), None);
        assert_eq!(float("nan"), None);
    }
}
