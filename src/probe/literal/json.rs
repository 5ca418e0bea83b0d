//! JSON: a value under a dotted path, read by a strict parser of our own.
//!
//! It exists because a general parser keeps the last of two equal keys in silence, rounds large integers, and knows no
//! lines. Keys that stand twice on the path or inside the value leave it undecided.

use serde_json::{Map, Value};

use super::{DEPTH_MAX, LiteralError, Place, number, path};

pub(super) fn check(key: &str) -> Result<(), String> {
    path::parts(key).map(|_| ())
}

pub(super) fn read(text: &str, key: &str) -> Result<Option<Place>, LiteralError> {
    let parts = path::parts(key).map_err(|what| LiteralError::undecidable(1, what))?;
    let mut reader = Reader { text, at: 0, line: 1, depth: 0 };
    let found = reader.descend(&parts)?;
    reader.blanks();
    if reader.at < text.len() { Err(reader.malformed("text after the value")) } else { Ok(found) }
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    /// Counted where blanks are skipped: nowhere else can a line end.
    line: u64,
    depth: usize,
}

impl<'t> Reader<'t> {
    /// Reads a value, looking inside it for the rest of a path. All of it is read, so that all of it is JSON.
    fn descend(&mut self, path: &[&str]) -> Result<Option<Place>, LiteralError> {
        self.blanks();
        match self.peek() {
            Some(b'{') => {}
            Some(b'[') => {
                let what = "the path leads through an array, whose items have no names";
                return Err(self.undecidable(what));
            }
            _ => return self.value().map(|_| None),
        }
        let Some((part, rest)) = path.split_first() else { return Ok(None) };
        let (mut found, mut first_line) = (None, None);
        self.members(|reader, name, line| {
            if name != *part {
                return reader.value().map(|_| ());
            }
            let here = if rest.is_empty() {
                Some(Place { line, value: Ok(reader.value()?) })
            } else {
                reader.descend(rest)?
            };
            match first_line.replace(line) {
                None => found = here,
                Some(first) => {
                    let error = twice(line, first);
                    let Some(Place { value, .. }) = found.as_mut().filter(|_| rest.is_empty())
                    else {
                        return Err(error);
                    };
                    *value = Err(error);
                }
            }
            Ok(())
        })?;
        Ok(found)
    }

    fn value(&mut self) -> Result<Value, LiteralError> {
        self.blanks();
        match self.peek() {
            Some(b'{') => self.object(),
            Some(b'[') => self.array(),
            Some(b'"') => self.string().map(Value::String),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => self.word(),
        }
    }

    fn object(&mut self) -> Result<Value, LiteralError> {
        let mut map = Map::new();
        let mut lines = std::collections::BTreeMap::new();
        self.members(|reader, name, line| {
            let value = reader.value()?;
            if let Some(first) = lines.insert(name.clone(), line) {
                return Err(twice(line, first));
            }
            map.insert(name, value);
            Ok(())
        })?;
        Ok(Value::Object(map))
    }

    /// Reads an object, handing over each key, with the reader in front of its value.
    fn members(
        &mut self,
        mut member: impl FnMut(&mut Self, String, u64) -> Result<(), LiteralError>,
    ) -> Result<(), LiteralError> {
        self.enter()?;
        self.blanks();
        if self.eat(b'}') {
            self.leave();
            return Ok(());
        }
        loop {
            self.blanks();
            let line = self.line;
            let name = self.string()?;
            self.blanks();
            if !self.eat(b':') {
                return Err(self.malformed("expected a colon after a key"));
            }
            member(self, name, line)?;
            self.blanks();
            if self.eat(b'}') {
                self.leave();
                return Ok(());
            }
            if !self.eat(b',') {
                return Err(self.malformed("expected a comma or the end of an object"));
            }
        }
    }

    fn array(&mut self) -> Result<Value, LiteralError> {
        self.enter()?;
        let mut items = Vec::new();
        self.blanks();
        while !(items.is_empty() && self.eat(b']')) {
            items.push(self.value()?);
            self.blanks();
            if self.eat(b']') {
                break;
            }
            if !self.eat(b',') {
                return Err(self.malformed("expected a comma or the end of an array"));
            }
        }
        self.leave();
        Ok(Value::Array(items))
    }

    fn string(&mut self) -> Result<String, LiteralError> {
        if !self.eat(b'"') {
            return Err(self.malformed("expected a value or a key in double quotes"));
        }
        let mut text = String::new();
        loop {
            let rest = self.rest();
            let Some(end) = rest.find(|c: char| c == '"' || c == '\\' || c < ' ') else {
                return Err(self.malformed("a string without an end"));
            };
            text.push_str(&rest[..end]);
            self.at += end + 1;
            match rest.as_bytes().get(end) {
                Some(b'"') => return Ok(text),
                Some(b'\\') => text.push(self.escape()?),
                _ => return Err(self.malformed("a control character in a string")),
            }
        }
    }

    fn escape(&mut self) -> Result<char, LiteralError> {
        let escaped = self.peek();
        self.at += usize::from(escaped.is_some_and(|byte| byte.is_ascii()));
        Ok(match escaped {
            Some(c @ (b'"' | b'\\' | b'/')) => char::from(c),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode(),
            _ => return Err(self.malformed("an escape that JSON does not know")),
        })
    }

    fn unicode(&mut self) -> Result<char, LiteralError> {
        let mut units = vec![self.unit()?];
        if (0xd800..0xdc00).contains(&units[0]) && self.rest().starts_with("\\u") {
            self.at += 2;
            units.push(self.unit()?);
        }
        match char::decode_utf16(units).collect::<Result<Vec<_>, _>>().as_deref() {
            Ok([c]) => Ok(*c),
            _ => Err(self.malformed("half of a surrogate pair")),
        }
    }

    fn unit(&mut self) -> Result<u16, LiteralError> {
        let digits = self.rest().get(..4).filter(|d| d.bytes().all(|c| c.is_ascii_hexdigit()));
        let unit = digits.and_then(|digits| u16::from_str_radix(digits, 16).ok());
        let unit = unit.ok_or_else(|| self.malformed("expected four hex digits"))?;
        self.at += 4;
        Ok(unit)
    }

    fn number(&mut self) -> Result<Value, LiteralError> {
        let rest = self.rest();
        let ends = |c: char| !(c.is_ascii_digit() || matches!(c, '+' | '-' | '.' | 'e' | 'E'));
        let text = &rest[..rest.find(ends).unwrap_or(rest.len())];
        let Some(is_integer) = form(text) else { return Err(self.malformed("not a number")) };
        let value = if is_integer { number::integer(text, 10) } else { number::float(text) };
        let value = value.ok_or_else(|| self.undecidable("a number beyond what can be held"))?;
        self.at += text.len();
        Ok(value)
    }

    fn word(&mut self) -> Result<Value, LiteralError> {
        for (word, value) in
            [("true", Value::Bool(true)), ("false", Value::Bool(false)), ("null", Value::Null)]
        {
            if self.rest().starts_with(word) {
                self.at += word.len();
                return Ok(value);
            }
        }
        Err(self.malformed("expected a value"))
    }

    fn enter(&mut self) -> Result<(), LiteralError> {
        self.at += 1;
        self.depth += 1;
        if self.depth > DEPTH_MAX { Err(LiteralError::too_deep(self.line)) } else { Ok(()) }
    }

    fn leave(&mut self) {
        self.depth = self.depth.saturating_sub(1);
    }

    fn blanks(&mut self) {
        while let Some(byte @ (b' ' | b'\t' | b'\n' | b'\r')) = self.peek() {
            self.at += 1;
            self.line += u64::from(byte == b'\n');
        }
    }

    fn eat(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        self.at += usize::from(there);
        there
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn malformed(&self, what: &str) -> LiteralError {
        LiteralError::malformed(self.line, what)
    }

    fn undecidable(&self, what: &str) -> LiteralError {
        LiteralError::undecidable(self.line, what)
    }
}

fn twice(line: u64, first: u64) -> LiteralError {
    LiteralError::undecidable(line, format!("the key stands here and on line {first}"))
}

/// Has the text the form of a number, and is it an integer?
fn form(text: &str) -> Option<bool> {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit());
    let text = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let exponent_fits = exponent.is_none_or(|e| digits(e.strip_prefix(['+', '-']).unwrap_or(e)));
    let fits = digits(whole)
        && (whole == "0" || !whole.starts_with('0'))
        && fraction.is_none_or(digits)
        && exponent_fits;
    fits.then_some(fraction.is_none() && exponent.is_none())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const TEXT: &str = "{\n  \"a\": {\"b.c\": [1, -2.5e3, \"x\\u00e9\\ud83d\\ude00\\n\"]},\n  \"big\": 18446744073709551616,\n  \
        \"t\": true, \"n\": null,\n  \"list\": [{\"k\": 1}],\n  \"d\": 1, \"d\": 2,\n  \"p\": {\"q\": 1},\n  \"p\": {},\n  \
        \"o\": {\"i\": {\"z\": 1, \"z\": 1}}\n}\n";

    #[test]
    fn values_have_their_type_and_line() {
        let text = TEXT.replace(",\n  \"o\": {\"i\": {\"z\": 1, \"z\": 1}}", "");
        let cases = [
            ("a.\"b.c\"", 2, json!([1, -2500.0, "xé😀\n"])),
            ("big", 3, json!("18446744073709551616")),
            ("t", 4, json!(true)),
            ("n", 4, json!(null)),
            ("list", 5, json!([{"k": 1}])),
        ];
        for (key, line, value) in cases {
            let place = read(&text, key).expect("decided").expect(key);
            assert_eq!((place.line, place.value), (line, Ok(value)), "{key}");
        }
        for absent in ["z", "a.b", "t.x"] {
            assert!(read(&text, absent).expect("decided").is_none(), "{absent}");
        }
    }

    #[test]
    fn keys_that_stand_twice_decide_nothing() {
        let text = &TEXT.replace(", \"z\": 1}}", "}}");
        let there = read(text, "d").expect("there").expect("there");
        assert_eq!((there.line, there.value), (6, Err(twice(6, 6))));
        assert_eq!(read(text, "p.q").expect_err("twice"), twice(8, 7));
        assert!(matches!(read(text, "list.k"), Err(LiteralError::Undecidable { line: 5, .. })));
        for key in ["o", "o.i", "t"] {
            assert_eq!(read(TEXT, key).expect_err("twice inside"), twice(9, 9), "{key}");
        }
    }

    #[test]
    fn what_is_json_is_decided_as_serde_json_does() {
        let texts = [
            "{}",
            "[]",
            "",
            " ",
            "{\"a\":1,}",
            "[1,]",
            "[,1]",
            "[1 2]",
            "{a:1}",
            "'a'",
            "01",
            "1.",
            ".5",
            "-",
            "+1",
            "0e0",
            "1e+5",
            "1E5",
            "1e",
            "\"\\x\"",
            "\"\\u12\"",
            "\"\\ud800\"",
            "\"\\udc00\\ud800\"",
            "\"\t\"",
            "\"\u{7f}\"",
            "tru",
            "truex",
            "true false",
            "NaN",
            "{\"a\" 1}",
            "{\"a\":}",
            "{\"a\":1",
            "[1",
            "\"abc",
            "/*x*/1",
            "1 // x",
            "\u{b}1",
            "\"\\\"",
            "\"\\é\"",
            "[[],{}]",
            "{\"\":\"\"}",
            "-1.5E-3",
            "1.5.5",
            "\"\\ud83d\\ude00\"",
            "nul",
            "[1]]",
            "{}}",
            "\"\\ud83dx\"",
        ];
        for text in texts {
            let wanted = serde_json::from_str::<Value>(text).ok();
            // Below a key, so that the parser has to give the value back.
            let ours =
                read(&format!("{{\"k\":{text}}}"), "k").ok().flatten().and_then(|p| p.value.ok());
            // A text that closes the object around it early is none by itself.
            assert_eq!(ours.map(|v| v.to_string()), wanted.map(|v| v.to_string()), "{text}");
        }
    }
}
