//! Regular expressions: one line of the file, matched as a whole, with one captured group.

use ::regex::{Regex, RegexBuilder};
use serde_json::Value;

use super::{LiteralError, Place};

/// How large a compiled expression may be.
const BYTES_MAX: usize = 1 << 20;
const NEST_MAX: u32 = 64;

pub(super) fn check(key: &str) -> Result<(), String> {
    compile(key).map(|_| ())
}

/// Every line is matched on its own, without its line end, so that no expression can reach across lines.
pub(super) fn read(text: &str, key: &str) -> Result<Option<Place>, LiteralError> {
    let (regex, group) = compile(key).map_err(|what| LiteralError::undecidable(1, what))?;
    let mut found: Option<Place> = None;
    for (line, number) in text.lines().zip(1..) {
        let Some(captured) = regex.captures(line) else { continue };
        if let Some(first) = &mut found {
            let what = format!("the expression matches this line and line {}", first.line);
            first.value = Err(LiteralError::undecidable(number, what));
            break;
        }
        let value = captured.get(group).map(|text| Value::from(text.as_str())).ok_or_else(|| {
            LiteralError::undecidable(number, "the line matches without its captured group")
        });
        found = Some(Place { line: number, value });
    }
    Ok(found)
}

/// The expression for whole lines, and the number of its group.
fn compile(key: &str) -> Result<(Regex, usize), String> {
    // First alone: `a)|(b` is none, though it would be one inside the brackets below.
    build(key)?;
    let whole = build(&format!("^(?:{key})$"))?;
    let named = whole.capture_names().position(|name| name == Some("value"));
    match (named, whole.captures_len()) {
        (Some(group), _) => Ok((whole, group)),
        (None, 2) => Ok((whole, 1)),
        (None, groups) => Err(format!(
            "the expression needs exactly one group, or one named `value`; it has {}",
            groups - 1
        )),
    }
}

fn build(pattern: &str) -> Result<Regex, String> {
    RegexBuilder::new(pattern).size_limit(BYTES_MAX).nest_limit(NEST_MAX).build().map_err(|error| {
        match error {
            ::regex::Error::CompiledTooBig(limit) => {
                format!("the compiled expression is larger than {limit} bytes")
            }
            _ => "this is no regular expression".into(),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn value(text: &str, key: &str) -> Result<Option<Value>, String> {
        match read(text, key) {
            Ok(Some(place)) => place.value.map(Some).map_err(|e| e.to_string()),
            Ok(None) => Ok(None),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn whole_lines_are_matched_and_only_one_may() {
        let text = "version: 1.2\r\nold version: 0.9\nport 80\nport 81\n";
        assert_eq!(value(text, "version: (.+)"), Ok(Some(json!("1.2"))));
        assert_eq!(value(text, "^version: (.+)$"), Ok(Some(json!("1.2"))));
        assert_eq!(value(text, "(old )?version: (?<value>0.*)"), Ok(Some(json!("0.9"))));
        assert_eq!(value(text, "versio(n)"), Ok(None));
        assert_eq!(value(text, "(?s)version(.*)81"), Ok(None), "never across lines");
        assert_eq!(
            value(text, "port (.*)"),
            Err("line 4: the expression matches this line and line 3".into())
        );
        assert!(
            value(text, "port 80|(x)").is_err_and(|e| e.contains("without its captured group"))
        );
    }

    #[test]
    fn bad_expressions_are_refused_beforehand() {
        for bad in ["", "a", "(a)(b)", "(", "a)|(b", "(?x)(a) # c", "(\\w{1000}){100}"] {
            assert!(check(bad).is_err(), "{bad}");
        }
        assert_eq!(check("(a)"), Ok(()));
    }
}
