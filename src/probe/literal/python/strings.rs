//! Python's strings and numbers: where they end, and what they hold.

use serde_json::Value;

use crate::probe::literal::number;

/// Python converts no longer decimal text to an integer.
const DIGITS_MAX: usize = 4300;

/// Are these the letters in front of a string?
pub(super) fn is_prefix(name: &str) -> bool {
    const PREFIXES: &[&str] = &["r", "u", "b", "br", "rb", "f", "fr", "rf", "t", "tr", "rt"];
    PREFIXES.iter().any(|prefix| prefix.eq_ignore_ascii_case(name))
}

/// Where the body of a string ends; `None` when it does not.
pub(super) fn end(body: &str, quote: &str) -> Option<usize> {
    let mut bytes = body.bytes().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'\\' => {
                bytes.next();
            }
            b'\n' if quote.len() == 1 => return None,
            b'"' | b'\'' if body.get(at..).is_some_and(|rest| rest.starts_with(quote)) => {
                return Some(at);
            }
            _ => {}
        }
    }
    None
}

/// Does an f-string end at this place for every version of Python?
///
/// Older ones look for the closing quote alone, newer ones read the expressions inside. They agree where no expression
/// holds a quote of the outer kind, a backslash or a comment, and the braces are balanced at the end.
pub(super) fn is_plainly_divided(body: &str, quote: &str) -> bool {
    let (mut depth, mut brackets, mut in_format) = (0_usize, 0_usize, false);
    let mut at = 0;
    let bytes = body.as_bytes();
    while let Some(byte) = bytes.get(at) {
        match (depth, byte) {
            (0, b'\\') => at += usize::from(!matches!(bytes.get(at + 1), Some(b'{' | b'}'))),
            (0, b'{') if bytes.get(at + 1) == Some(&b'{') => at += 1,
            (0, b'{') => (depth, brackets, in_format) = (1, 0, false),
            (_, b'{') => depth += 1,
            (1.., b'}') => depth -= 1,
            (1, b'(' | b'[') => brackets += 1,
            (1, b')' | b']') => brackets = brackets.saturating_sub(1),
            // What follows is the format, as in `{n:#04x}`.
            (1, b':') => in_format |= brackets == 0,
            (1, b'#') if in_format => {}
            (1.., b'\\' | b'#') => return false,
            (1.., b'"' | b'\'') => match nested_end(body, at, quote) {
                Some(end) => at = end,
                None => return false,
            },
            _ => {}
        }
        at += 1;
    }
    depth == 0
}

/// Where a string inside an expression ends: at its last quote, when it is of the other kind and simple.
fn nested_end(body: &str, at: usize, quote: &str) -> Option<usize> {
    let nested = body.get(at..=at)?;
    if quote == nested {
        return None;
    }
    let inside = body.get(at + 1..)?;
    let length = inside.find(nested)?;
    let simple = !inside[..length].contains(['\\', '\n']) && !inside[..length].contains(quote);
    let triple = length == 0 && inside[1..].starts_with(nested);
    (simple && !triple).then_some(at + 1 + length)
}

/// What a string holds, text or bytes; `Err` says why it cannot be told.
pub(super) fn decode(prefix: &str, body: &str) -> Result<Decoded, &'static str> {
    let prefix = prefix.to_ascii_lowercase();
    let is_bytes = prefix.contains('b');
    if is_bytes && !body.is_ascii() {
        return Err("bytes with a letter beyond ASCII");
    }
    if prefix.contains('r') {
        return Ok(Decoded { is_bytes, bytes: body.as_bytes().to_vec() });
    }
    let mut bytes = Vec::with_capacity(body.len());
    let mut rest = body;
    while let Some(at) = rest.find('\\') {
        bytes.extend_from_slice(&rest.as_bytes()[..at]);
        rest = escape(&rest[at + 1..], is_bytes, &mut bytes)?;
    }
    bytes.extend_from_slice(rest.as_bytes());
    Ok(Decoded { is_bytes, bytes })
}

/// The content of one string token.
#[derive(Debug)]
pub(super) struct Decoded {
    pub(super) is_bytes: bool,
    pub(super) bytes: Vec<u8>,
}

/// Decodes what follows a backslash, and returns what follows that.
fn escape<'t>(rest: &'t str, is_bytes: bool, into: &mut Vec<u8>) -> Result<&'t str, &'static str> {
    let Some(c) = rest.chars().next() else { return Err("a backslash at the end of a string") };
    let after = &rest[c.len_utf8()..];
    let plain = match c {
        '\n' => return Ok(after),
        '\\' | '\'' | '"' => c,
        'a' => '\u{7}',
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\u{b}',
        '0'..='7' => {
            let digits = rest.bytes().take(3).take_while(|c| (b'0'..=b'7').contains(c)).count();
            return coded(rest, digits, 8, is_bytes, into);
        }
        'x' => return coded(after, 2, 16, is_bytes, into),
        'u' if !is_bytes => return coded(after, 4, 16, false, into),
        'U' if !is_bytes => return coded(after, 8, 16, false, into),
        'N' if !is_bytes => return Err("a character given by its name"),
        _ => {
            into.push(b'\\');
            c
        }
    };
    into.extend_from_slice(plain.encode_utf8(&mut [0; 4]).as_bytes());
    Ok(after)
}

fn coded<'t>(
    rest: &'t str,
    digits: usize,
    radix: u32,
    is_bytes: bool,
    into: &mut Vec<u8>,
) -> Result<&'t str, &'static str> {
    let text = rest.get(..digits).filter(|text| text.chars().all(|c| c.is_digit(radix)));
    let code = text.and_then(|text| u32::from_str_radix(text, radix).ok());
    let Some(code) = code else { return Err("an escape with too few digits") };
    if is_bytes {
        into.push(u8::try_from(code).map_err(|_| "an escape beyond one byte")?);
    } else {
        let c = char::from_u32(code).ok_or("an escape that is no character")?;
        into.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    }
    Ok(&rest[digits..])
}

/// Is this one whole number?
pub(super) fn is_number(text: &str) -> bool {
    let text = text.strip_suffix(['j', 'J']).unwrap_or(text);
    if let Some((radix, digits)) = based(text) {
        return grouped(digits.strip_prefix('_').unwrap_or(digits), radix);
    }
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let part = |text: &str| text.is_empty() || grouped(text, 10);
    part(whole)
        && part(fraction)
        && !(whole.is_empty() && fraction.is_empty())
        && exponent.is_none_or(|e| grouped(e.strip_prefix(['+', '-']).unwrap_or(e), 10))
}

/// The value of a number; `Err` says why it has none.
pub(super) fn number(text: &str, negative: bool) -> Result<Value, &'static str> {
    let sign = if negative { "-" } else { "" };
    let plain = format!("{sign}{}", text.replace('_', ""));
    if let Some((radix, _)) = based(text) {
        let digits = plain.replacen(&text[..2], "", 1);
        return number::integer(&digits, radix).ok_or("an integer of more than 128 bits");
    }
    if text.ends_with(['j', 'J']) {
        return Err("a complex number");
    }
    if text.contains(['.', 'e', 'E']) {
        return number::float(&plain).ok_or("a number that is not finite");
    }
    if text.starts_with('0') && text.contains(|c: char| !matches!(c, '0' | '_')) {
        return Err("a decimal number with leading zeros");
    }
    if text.len() > DIGITS_MAX {
        return Err("an integer of more than 4300 digits");
    }
    number::integer(&plain, 10).ok_or("not a number")
}

fn based(text: &str) -> Option<(u32, &str)> {
    let radix = match text.get(..2)? {
        "0x" | "0X" => 16,
        "0o" | "0O" => 8,
        "0b" | "0B" => 2,
        _ => return None,
    };
    Some((radix, &text[2..]))
}

/// Digits with single underscores between them.
fn grouped(text: &str, radix: u32) -> bool {
    text.split('_').all(|group| !group.is_empty() && group.chars().all(|c| c.is_digit(radix)))
}
