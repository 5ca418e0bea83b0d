//! Text of SQL, as PostgreSQL writes it, cut into its clauses.
//!
//! Nothing is understood of expressions but where they end: what stands in quotes or in brackets is never cut.

use std::str::CharIndices;

/// What stands before the first of the words, and behind each of them, with the word that opens it (`""` for the first).
///
/// A word counts where it stands by itself, outside of quotes and brackets. Behind one of `last` nothing more is cut.
#[must_use]
pub fn clauses<'a>(
    text: &'a str,
    words: &[&'static str],
    last: &[&'static str],
) -> Vec<(&'static str, &'a str)> {
    let mut found = Vec::new();
    let (mut word, mut from) = ("", 0);
    for (at, _) in TopLevel::of(text) {
        let whole = |word: &&&str| {
            at >= from
                && (at == 0 || text[..at].ends_with(' '))
                && text[at..].strip_prefix(**word).is_some_and(|rest| {
                    rest.is_empty() || rest.starts_with(' ') || rest.starts_with('(')
                })
        };
        let Some(next) = words.iter().chain(last).find(whole) else { continue };
        found.push((word, text[from..at].trim()));
        (word, from) = (next, at + next.len());
        if last.contains(next) {
            break;
        }
    }
    found.push((word, text[from..].trim()));
    found
}

/// The items of a list with commas between.
#[must_use]
pub fn items(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut from = 0;
    for (at, c) in TopLevel::of(text) {
        if c == ',' {
            found.push(text[from..at].trim());
            from = at + 1;
        }
    }
    found.push(text[from..].trim());
    found
}

/// The text without the pair of brackets around it; `None` when it has not exactly that form.
#[must_use]
pub fn inside(text: &str) -> Option<&str> {
    let inside = text.strip_prefix('(')?.strip_suffix(')')?;
    let mut walk = TopLevel::of(inside);
    let outside = walk.by_ref().any(|(_, c)| c == ')');
    (!outside && walk.closed()).then_some(inside)
}

/// Are all quotes and brackets closed, and none of them twice?
#[must_use]
pub fn is_balanced(text: &str) -> bool {
    let mut walk = TopLevel::of(text);
    let outside = walk.by_ref().any(|(_, c)| c == ')' || c == ']');
    !outside && walk.closed()
}

/// The characters outside of quotes and brackets, those without a beginning included.
struct TopLevel<'a> {
    chars: CharIndices<'a>,
    depth: usize,
    quote: Option<char>,
}

impl<'a> TopLevel<'a> {
    fn of(text: &'a str) -> Self {
        Self { chars: text.char_indices(), depth: 0, quote: None }
    }

    fn closed(&self) -> bool {
        self.depth == 0 && self.quote.is_none()
    }
}

impl Iterator for TopLevel<'_> {
    type Item = (usize, char);

    fn next(&mut self) -> Option<(usize, char)> {
        loop {
            let (at, c) = self.chars.next()?;
            match (self.quote, c) {
                // A doubled quote closes and opens again.
                (Some(quote), c) if c == quote => self.quote = None,
                (None, '\'' | '"') => self.quote = Some(c),
                (None, '(' | '[') => self.depth += 1,
                (None, ')' | ']') if self.depth > 0 => self.depth -= 1,
                (None, _) if self.depth == 0 => return Some((at, c)),
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_in_quotes_and_brackets_cut_nothing() {
        let text =
            r#"character varying(80) collate "a not null" not null default ' not null '::text"#;
        assert_eq!(
            clauses(text, &["collate", "not null"], &["default"]),
            [
                ("", "character varying(80)"),
                ("collate", r#""a not null""#),
                ("not null", ""),
                ("default", "' not null '::text"),
            ]
        );
        let text = "CREATE INDEX \" USING \" ON s.t USING btree (a, lower((b)::text)) WHERE ((x) WITH (y))";
        let cut = clauses(text, &["USING", "WITH"], &["WHERE"]);
        assert_eq!(
            cut[1..],
            [("USING", "btree (a, lower((b)::text))"), ("WHERE", "((x) WITH (y))")]
        );
        assert_eq!(clauses("using(a) check", &["using", "check"], &[]).len(), 3);
        assert_eq!(clauses("notusing (a)", &["using"], &[]), [("", "notusing (a)")]);
        assert_eq!(clauses("", &["using"], &[]), [("", "")]);
    }

    #[test]
    fn items_and_brackets() {
        assert_eq!(items(r#"a, "b,c" DESC, f(x, y), 'it''s,', z"#).len(), 5);
        assert_eq!(inside("(a) "), None);
        assert_eq!(inside("(a)"), Some("a"));
        assert_eq!(inside("((a) or (b))"), Some("(a) or (b)"));
        assert_eq!(inside("(a) or (b)"), None);
        assert_eq!(inside("(')')"), Some("')'"));
        assert!(
            is_balanced("a('(')[1]")
                && !is_balanced("a(")
                && !is_balanced("a)")
                && !is_balanced("'")
        );
    }
}
