//! `${values.NAME}`: the only substitution there is. A string in the place of another, no expressions.

use std::collections::BTreeMap;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeString, DeValue};

use super::Table;
use crate::model::{Code, Diagnostic, Span};

/// How many bytes of values are put in the place of `${values.NAME}`, in all files of a host together.
pub const SUBSTITUTED_BYTES_MAX: usize = 16 << 20;

impl Table<'_> {
    /// Puts the values of `[values]` in the place of every `${values.NAME}` in a string, and reports names that are none.
    ///
    /// `room` is how many bytes of values may still be put in place; it shrinks with each. A few lines could otherwise
    /// grow beyond all memory.
    pub fn substitute(
        &mut self,
        text: &str,
        values: &BTreeMap<String, String>,
        room: &mut usize,
        found: &mut Vec<Diagnostic>,
    ) {
        let file = Arc::clone(&self.file);
        let mut with = Substitution { file: &file, text, values, room };
        for (_, value) in &mut self.entries {
            substitute(value, &mut with, found);
        }
    }
}

/// Puts values in their places in a text of its own, such as a file that is to be provisioned.
///
/// # Errors
/// The places of names that are no values, with the names; a text that would be longer than `bytes_max` has the place at
/// which it would, and no name.
pub fn filled(
    text: &str,
    values: &BTreeMap<String, String>,
    bytes_max: usize,
) -> Result<String, Vec<(Span, Option<String>)>> {
    let (mut filled, mut wrong) = (String::with_capacity(text.len()), Vec::new());
    let mut from = 0;
    while let Some((at, name)) = next(&text[from..]) {
        let at = from + at.start..from + at.end;
        filled.push_str(&text[from..at.start]);
        match values.get(name) {
            Some(value) => filled.push_str(value),
            None => wrong.push((at.clone(), Some(name.to_owned()))),
        }
        if filled.len() > bytes_max {
            return Err(vec![(at, None)]);
        }
        from = at.end;
    }
    filled.push_str(&text[from..]);
    if wrong.is_empty() { Ok(filled) } else { Err(wrong) }
}

/// The next `${values.NAME}`, with the name.
fn next(text: &str) -> Option<(Span, &str)> {
    let start = text.find("${values.")?;
    let end = start + text[start..].find('}')?;
    Some((start..end + 1, &text[start + 9..end]))
}

struct Substitution<'a> {
    file: &'a str,
    text: &'a str,
    values: &'a BTreeMap<String, String>,
    room: &'a mut usize,
}

fn substitute(
    value: &mut Spanned<DeValue<'_>>,
    with: &mut Substitution<'_>,
    found: &mut Vec<Diagnostic>,
) {
    let span = value.span();
    match value.get_mut() {
        DeValue::String(string) if string.contains("${values.") => {
            let replaced = with.replace(string, &span, found);
            *string = DeString::Owned(replaced);
        }
        DeValue::Array(items) => items.iter_mut().for_each(|item| substitute(item, with, found)),
        DeValue::Table(table) => {
            table.iter_mut().for_each(|(_, item)| substitute(item, with, found));
        }
        _ => {}
    }
}

impl Substitution<'_> {
    fn replace(&mut self, string: &str, span: &Span, found: &mut Vec<Diagnostic>) -> String {
        let mut replaced = String::with_capacity(string.len());
        let mut rest = string;
        while let Some((at, name)) = next(rest) {
            replaced.push_str(&rest[..at.start]);
            let whole = &rest[at.clone()];
            match self.values.get(name) {
                Some(value) => match self.room.checked_sub(value.len()) {
                    Some(room) => {
                        *self.room = room;
                        replaced.push_str(value);
                    }
                    None => return self.overflow(whole, span, found),
                },
                None => found.push(self.dangling(whole, name, span)),
            }
            rest = &rest[at.end..];
        }
        replaced.push_str(rest);
        replaced
    }

    fn dangling(&self, whole: &str, name: &str, span: &Span) -> Diagnostic {
        let message = format!("no value `{name}` in [values]");
        Diagnostic::error(Code::Reference, self.file, self.place(whole, span), message)
            .suggest(name, self.values.keys().map(String::as_str))
    }

    /// Says that there is no room left; from then on nothing is put in place any more.
    fn overflow(&mut self, whole: &str, span: &Span, found: &mut Vec<Diagnostic>) -> String {
        *self.room = 0;
        let message = format!("values of more than {SUBSTITUTED_BYTES_MAX} bytes are put in place");
        found.push(Diagnostic::error(Code::Limit, self.file, self.place(whole, span), message));
        String::new()
    }

    /// The bytes of `whole` in the literal that stands at `span`.
    fn place(&self, whole: &str, span: &Span) -> Span {
        let inside = self.text.get(span.clone()).and_then(|literal| literal.find(whole));
        inside.map_or_else(|| span.clone(), |at| span.start + at..span.start + at + whole.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_filled_or_every_name_is_told() {
        let values = BTreeMap::from([("a".to_owned(), "AA".to_owned())]);
        let filled = |text, max| filled(text, &values, max);
        assert_eq!(
            filled("x ${values.a}${values.a} ${other} ${values.", 99),
            Ok("x AAAA ${other} ${values.".into())
        );
        let wrong = vec![(2..13, Some("b".to_owned())), (13..24, Some("c".to_owned()))];
        assert_eq!(filled("x ${values.b}${values.c}", 99), Err(wrong));
        assert_eq!(filled("${values.a}${values.a}", 3), Err(vec![(11..22, None)]));
    }
}
