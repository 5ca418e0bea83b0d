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
        while let Some(start) = rest.find("${values.") {
            replaced.push_str(&rest[..start]);
            let Some(end) = rest[start..].find('}') else { break };
            let (whole, name) = (&rest[start..=start + end], &rest[start + 9..start + end]);
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
            rest = &rest[start + end + 1..];
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
