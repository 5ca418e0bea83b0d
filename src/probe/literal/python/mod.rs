//! Python: the literal assigned to a name at the level of a module, found without executing anything.
//!
//! The name has a value only where exactly one statement of the module binds it, on every path and to a literal. Every
//! other way to bind it that stands in the text - twice, under a condition, by unpacking, by an import, through
//! `global` - leaves it undecided. What the text does not show is beyond this reader: `exec`, `globals()["NAME"]`,
//! `setattr` on the module, assignments from other modules, and methods that change a list in place.

mod bindings;
mod lexer;
mod strings;
mod value;

use std::borrow::Cow;

use super::{LiteralError, Place, line_at};
use bindings::Bound;
use lexer::Lexer;

const KEYWORDS: &[&str] = &[
    "False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue",
    "def", "del", "elif", "else", "except", "finally", "for", "from", "global", "if", "import",
    "in", "is", "lambda", "nonlocal", "not", "or", "pass", "raise", "return", "try", "while",
    "with", "yield",
];

pub(super) fn check(key: &str) -> Result<(), String> {
    let name = key.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'_')
        && key.starts_with(|c: char| !c.is_ascii_digit());
    if !name {
        return Err(
            "expected the name of a module's variable: ASCII letters, digits and `_`".into()
        );
    }
    if KEYWORDS.contains(&key) {
        return Err("a keyword of Python is never assigned".into());
    }
    Ok(())
}

pub(super) fn read(text: &str, key: &str) -> Result<Option<Place>, LiteralError> {
    check(key).map_err(|what| LiteralError::undecidable(1, what))?;
    check_encoding(text)?;
    let text = with_plain_line_ends(text)?;
    let mut lexer = Lexer::new(&text);
    let mut module = bindings::Module::new(key);
    let mut found = Found::default();
    while let Some(line) = lexer.next_line()? {
        module.line(&line, &mut |number, bound| found.note(number, bound))?;
    }
    found.conclude()
}

/// Everything that binds the name.
#[derive(Default)]
struct Found {
    assigned: Option<Place>,
    doubt: Option<LiteralError>,
    deleted: bool,
}

impl Found {
    fn note(&mut self, line: u64, bound: Bound<'_, '_>) {
        match bound {
            Bound::Assigned(tokens) => match &self.assigned {
                Some(first) => {
                    let what = format!("the name is assigned here and on line {}", first.line);
                    self.doubt.get_or_insert(LiteralError::undecidable(line, what));
                }
                None => self.assigned = Some(Place { line, value: value::parse(tokens, line) }),
            },
            Bound::Otherwise(how) => {
                self.doubt.get_or_insert(LiteralError::undecidable(line, how));
            }
            Bound::Deleted => {
                self.deleted = true;
                self.doubt.get_or_insert(LiteralError::undecidable(line, "the name is deleted"));
            }
        }
    }

    fn conclude(self) -> Result<Option<Place>, LiteralError> {
        match (self.assigned, self.doubt) {
            (assigned, None) => Ok(assigned),
            // Assigned for certain, and not to a value that is certain.
            (Some(place), Some(doubt)) if !self.deleted => {
                Ok(Some(Place { line: place.line, value: Err(doubt) }))
            }
            (_, Some(doubt)) => Err(doubt),
        }
    }
}

/// Refuses a text that says it is encoded otherwise: its bytes would mean other letters.
fn check_encoding(text: &str) -> Result<(), LiteralError> {
    for (line, number) in text.lines().take(2).zip(1..) {
        let Some(comment) = line.trim_start().strip_prefix('#') else { continue };
        let Some((_, after)) = comment.split_once("coding") else { continue };
        let Some(name) = after.strip_prefix([':', '=']) else { continue };
        let name: String = name
            .trim_start()
            .chars()
            .take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
            .map(|c| if c == '_' { '-' } else { c.to_ascii_lowercase() })
            .collect();
        let same = matches!(name.as_str(), "" | "utf-8" | "utf8" | "utf-8-sig")
            || (text.is_ascii()
                && matches!(name.as_str(), "ascii" | "us-ascii" | "latin-1" | "iso-8859-1"));
        if !same {
            return Err(LiteralError::undecidable(
                number,
                "the text declares another encoding than UTF-8",
            ));
        }
    }
    Ok(())
}

/// The text with `\n` at the end of each line; the numbers of its lines stay the same.
fn with_plain_line_ends(text: &str) -> Result<Cow<'_, str>, LiteralError> {
    if let Some(at) = text.find('\0') {
        return Err(LiteralError::malformed(line_at(text.as_bytes(), at), "a byte of zero"));
    }
    let Some(first) = text.find('\r') else { return Ok(Cow::Borrowed(text)) };
    let plain = text.replace("\r\n", "\n");
    if plain.contains('\r') {
        let what = "a carriage return that ends a line alone";
        return Err(LiteralError::undecidable(line_at(text.as_bytes(), first), what));
    }
    Ok(Cow::Owned(plain))
}

#[cfg(test)]
mod tests;
