//! Files of `KEY=value` lines, as Docker Compose and others read them, without any expansion.
//!
//! The programs that read such files agree only on simple lines. Where they do not - `$`, a backslash, blanks around
//! `=`, a key that stands twice - nothing is decided. Quotes count where a value begins with them; a quote that does not
//! close on its line leaves open what every later line is, so nothing is decided about the whole file.

use serde_json::Value;

use super::{LiteralError, Place};

pub(super) fn check(key: &str) -> Result<(), String> {
    if is_name(key) {
        Ok(())
    } else {
        Err("expected a name of letters, digits and `_`, `.` or `-`, not beginning with a digit"
            .into())
    }
}

pub(super) fn read(text: &str, key: &str) -> Result<Option<Place>, LiteralError> {
    check(key).map_err(|what| LiteralError::undecidable(1, what))?;
    let mut found: Option<Place> = None;
    for (line, number) in text.lines().zip(1..) {
        let Some(value) = on_line(line, number, key)? else { continue };
        match &mut found {
            Some(first) => {
                let what = format!("the key is set here and on line {}", first.line);
                first.value = Err(LiteralError::undecidable(number, what));
            }
            None => found = Some(Place { line: number, value }),
        }
    }
    Ok(found)
}

type OnLine = Option<Result<Value, LiteralError>>;

/// What one line says about the key.
fn on_line(line: &str, number: u64, key: &str) -> Result<OnLine, LiteralError> {
    let undecidable = |what: &str| Err(LiteralError::undecidable(number, what));
    let line = line.trim();
    if line.contains('\r') {
        return undecidable("a carriage return inside the line");
    }
    if line.ends_with('\\') {
        return undecidable("a backslash at the end of the line may join it with the next");
    }
    if line.is_empty() || line.starts_with('#') {
        return Ok(None);
    }
    let assignment = line.strip_prefix("export").filter(|rest| rest.starts_with([' ', '\t']));
    let assignment = assignment.unwrap_or(line).trim_start();
    let Some((name, value)) = assignment.split_once('=').filter(|(name, _)| is_name(name.trim()))
    else {
        return if mentions(line, key) {
            undecidable("the line names the key and is no assignment of it")
        } else {
            Ok(None)
        };
    };
    let is_key = name.trim() == key;
    let blanks = name.ends_with([' ', '\t']) || value.starts_with([' ', '\t']);
    let value = value_of(value.trim(), number, key)?;
    Ok(is_key.then(|| {
        if blanks {
            return Err(LiteralError::undecidable(number, "blanks beside the equals sign"));
        }
        value
    }))
}

/// A value; the outer error leaves the whole file open, the inner one only this value.
type Read = Result<Result<Value, LiteralError>, LiteralError>;

fn value_of(text: &str, number: u64, key: &str) -> Read {
    if let Some(quote @ ('"' | '\'')) = text.chars().next() {
        return quoted(&text[1..], quote, number, key);
    }
    let bare = without_comment(text);
    if assigns(bare, key) {
        return Err(LiteralError::undecidable(number, "a second assignment on the same line"));
    }
    Ok(if bare.contains(['$', '`', '\\', '"', '\'']) {
        let what = "an unquoted value with a quote, `$`, backtick or backslash";
        Err(LiteralError::undecidable(number, what))
    } else {
        Ok(Value::from(bare))
    })
}

fn quoted(text: &str, quote: char, number: u64, key: &str) -> Read {
    let mut value = String::new();
    let mut doubt = None;
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            c if c == quote => {
                let rest = text[at + 1..].trim();
                let ends = rest.is_empty() || (rest.starts_with('#') && text[at + 1..] != *rest);
                if !ends && mentions(rest, key) {
                    let what = "the line names the key after a quoted value";
                    return Err(LiteralError::undecidable(number, what));
                }
                let doubt = doubt.or((!ends).then_some("text after the closing quote"));
                return Ok(match doubt {
                    Some(what) => Err(LiteralError::undecidable(number, what)),
                    None => Ok(Value::from(value)),
                });
            }
            '\\' if quote == '"' => match chars.next() {
                Some((_, escaped @ ('"' | '\\' | '$'))) => value.push(escaped),
                _ => doubt = Some("an escape that programs read differently"),
            },
            '\\' => {
                // Some readers know `\'` inside single quotes, some do not: they disagree about where the value ends.
                if text[at + 1..].starts_with(quote) {
                    let what = "a backslash before a closing quote";
                    return Err(LiteralError::undecidable(number, what));
                }
                value.push('\\');
            }
            '$' | '`' if quote == '"' => doubt = Some("an expansion inside double quotes"),
            c => value.push(c),
        }
    }
    Err(LiteralError::malformed(number, "a quote that is not closed on its line"))
}

fn without_comment(text: &str) -> &str {
    let comment = text
        .char_indices()
        .find(|(at, c)| *c == '#' && (*at == 0 || text[..*at].ends_with([' ', '\t'])));
    comment.map_or(text, |(at, _)| &text[..at]).trim_end()
}

/// Does the name stand anywhere in the text, as a word of its own?
fn mentions(text: &str, key: &str) -> bool {
    text.split(|c: char| !is_name_char(c)).any(|word| word == key)
}

/// Is the key set by a later word of an unquoted value, as a shell would?
fn assigns(text: &str, key: &str) -> bool {
    text.split([' ', '\t', ';', '&', '|']).skip(1).any(|word| {
        word.strip_prefix(key).is_some_and(|rest| rest.starts_with('=') || rest.starts_with("+="))
    })
}

fn is_name(text: &str) -> bool {
    text.chars().all(is_name_char)
        && text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
}

fn is_name_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Result<Option<String>, String> {
        match read(text, "KEY") {
            Ok(Some(place)) => match place.value {
                Ok(value) => Ok(value.as_str().map(str::to_owned)),
                Err(error) => Err(format!("there; {error}")),
            },
            Ok(None) => Ok(None),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn plain_lines_have_a_value() {
        let cases = [
            ("KEY=a b", "a b"),
            ("  export KEY=a # c", "a"),
            ("KEY=a#b", "a#b"),
            ("KEY=", ""),
            ("KEY='a $b \\n # c' # d", "a $b \\n # c"),
            ("KEY=\"a \\\"b\\\" \\$c \\\\\"\r\n", "a \"b\" $c \\"),
            ("# KEY=1\nOTHER=don't\nKEY=2\nKEYS=3\nX='KEY=5'\nexport OTHER\n", "2"),
            ("A=1 # KEY=2\nKEY=x=y", "x=y"),
        ];
        for (text, wanted) in cases {
            assert_eq!(value(text), Ok(Some(wanted.into())), "{text}");
        }
    }

    #[test]
    fn absence_is_proven() {
        for text in ["", "KEYS=1\nMY_KEY=2\n#KEY=3\n", "A='KEY=1'", "A.KEY=1", "a line\n"] {
            assert_eq!(value(text), Ok(None), "{text}");
        }
    }

    #[test]
    fn where_readers_disagree_nothing_is_decided() {
        let there = [
            "KEY=$A",
            "KEY=\"a${B}\"",
            "KEY=`id`",
            "KEY=a\\b",
            "KEY=\"a\\nb\"",
            "KEY = a",
            "KEY=1\nKEY=1",
            "KEY='a'b",
            "KEY=don't",
            "KEY=\"`id`\"",
            "KEY= # nothing",
        ];
        for text in there {
            assert!(
                value(text).is_err_and(|e| e.starts_with("there")),
                "{text}: {:?}",
                value(text)
            );
        }
        let open = [
            "unset KEY",
            "KEY",
            "A=1 KEY=2",
            "A=1; KEY=2",
            "A='x\nKEY=1\n'",
            "A=x\\\nKEY=1",
            "KEY+=1",
            "A='x' KEY=1",
            "KEY='a\\'",
            "A=1\rKEY=2\n",
        ];
        for text in open {
            assert!(
                value(text).is_err_and(|e| !e.starts_with("there")),
                "{text}: {:?}",
                value(text)
            );
        }
    }
}
