//! TOML: a value under a dotted path.
//!
//! Dates and times become their text. An infinite number, or none, has no value that could be compared.

use ::toml::Spanned;
use ::toml::de::{DeTable, DeValue};
use serde_json::Value;

use super::{DEPTH_MAX, LiteralError, Place, line_at, number, path};

pub(super) fn check(key: &str) -> Result<(), String> {
    path::parts(key).map(|_| ())
}

pub(super) fn read(text: &str, key: &str) -> Result<Option<Place>, LiteralError> {
    let parts = path::parts(key).map_err(|what| LiteralError::undecidable(1, what))?;
    // The parser's own message is not passed on: it may quote the text.
    let document = DeTable::parse(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        LiteralError::malformed(line_at(text.as_bytes(), at), "the text is not valid TOML")
    })?;
    let mut table = document.get_ref();
    let Some((last, folders)) = parts.split_last() else { return Ok(None) };
    for part in folders {
        let Some((name, value)) = entry(table, part) else { return Ok(None) };
        match value.get_ref() {
            DeValue::Table(inner) => table = inner,
            DeValue::Array(_) => {
                let what = "the path leads through an array, whose items have no names";
                return Err(LiteralError::undecidable(
                    line_at(text.as_bytes(), name.span().start),
                    what,
                ));
            }
            _ => return Ok(None),
        }
    }
    Ok(entry(table, last).map(|(name, value)| {
        let line = line_at(text.as_bytes(), name.span().start);
        Place { line, value: json(value.get_ref(), line, 0) }
    }))
}

type Key<'t> = Spanned<std::borrow::Cow<'t, str>>;

fn entry<'a, 't>(
    table: &'a DeTable<'t>,
    name: &str,
) -> Option<(&'a Key<'t>, &'a Spanned<DeValue<'t>>)> {
    table.iter().find(|(key, _)| key.get_ref() == name)
}

fn json(value: &DeValue<'_>, line: u64, depth: usize) -> Result<Value, LiteralError> {
    if depth > DEPTH_MAX {
        return Err(LiteralError::too_deep(line));
    }
    match value {
        DeValue::String(text) => Ok(Value::from(text.as_ref())),
        DeValue::Boolean(truth) => Ok(Value::from(*truth)),
        DeValue::Datetime(instant) => Ok(Value::from(instant.to_string())),
        DeValue::Integer(digits) => number::integer(digits.as_str(), digits.radix())
            .ok_or_else(|| LiteralError::undecidable(line, "an integer of more than 128 bits")),
        DeValue::Float(digits) => number::float(digits.as_str())
            .ok_or_else(|| LiteralError::undecidable(line, "a number that is not finite")),
        DeValue::Array(items) => {
            items.iter().map(|item| json(item.get_ref(), line, depth + 1)).collect()
        }
        DeValue::Table(table) => table
            .iter()
            .map(|(key, item)| {
                Ok((key.get_ref().to_string(), json(item.get_ref(), line, depth + 1)?))
            })
            .collect::<Result<serde_json::Map<_, _>, _>>()
            .map(Value::Object),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const TEXT: &str = "a = 1\n\n[b]\n\"c.d\" = [1, 2.0, 'x']\ne = { f = true }\nbig = 0xFF\nwhen = 2026-05-21\n\
        nan = nan\n[[list]]\nn = 1\n[b.g.h]\nk = 'deep'\n";

    #[test]
    fn values_have_their_type_and_line() {
        let cases = [
            ("a", 1, json!(1)),
            ("b.'c.d'", 4, json!([1, 2.0, "x"])),
            ("b.e.f", 5, json!(true)),
            ("b.e", 5, json!({"f": true})),
            ("b.big", 6, json!(255)),
            ("b.when", 7, json!("2026-05-21")),
            ("b.g.h.k", 12, json!("deep")),
        ];
        for (key, line, value) in cases {
            let place = read(TEXT, key).expect("decided").expect(key);
            assert_eq!((place.line, place.value), (line, Ok(value)), "{key}");
        }
    }

    #[test]
    fn absence_is_proven_and_doubt_is_not() {
        for absent in ["z", "a.b", "b.c.d", "b.e.g", "\"a.b\""] {
            assert!(read(TEXT, absent).expect("decided").is_none(), "{absent}");
        }
        assert!(read(TEXT, "b.nan").expect("there").expect("there").value.is_err());
        assert!(matches!(read(TEXT, "list.n"), Err(LiteralError::Undecidable { line: 9, .. })));
        for (bad, at) in [("a = 1\na = 2\n", 2), ("x = 1\n\ny = \n", 3), ("s = \"secret\n", 1)] {
            let error = read(bad, "a").expect_err(bad);
            assert!(matches!(error, LiteralError::Malformed { line, .. } if line == at), "{error}");
            assert!(!error.to_string().contains("secret"));
        }
    }
}
