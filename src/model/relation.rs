//! Names of tables as people write them in desired state, and as they stand in SQL.

use std::fmt;

/// The longest name that PostgreSQL keeps; it would cut a longer one in silence.
const IDENTIFIER_BYTES_MAX: usize = 63;

/// The name of a table or view with its schema.
///
/// It has one spelling: a part is quoted exactly when SQL would otherwise read another name, so that no table can stand
/// under two names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RelationName {
    /// The schema, unquoted.
    pub schema: String,
    /// The name in it, unquoted.
    pub name: String,
}

impl RelationName {
    /// Reads `public.unit` and `"Odd schema"."a ""quoted"" name"`.
    ///
    /// # Errors
    /// A fragment that says what is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (schema, rest) = identifier(text)?;
        let Some(rest) = rest.strip_prefix('.') else {
            return Err("a table is named with its schema, as in `public.unit`".to_owned());
        };
        let (name, rest) = identifier(rest)?;
        if !rest.is_empty() {
            return Err(
                "a table has two parts, `schema.table`; quote a part with dots in it".into()
            );
        }
        let parsed = Self { schema, name };
        let spelling = parsed.to_string();
        if spelling != text {
            return Err(format!("it is written `{spelling}`"));
        }
        Ok(parsed)
    }

    /// The name as SQL, both parts in quotes.
    #[must_use]
    pub fn sql(&self) -> String {
        format!("{}.{}", quoted(&self.schema), quoted(&self.name))
    }
}

/// An identifier as SQL: always in quotes, with its own quotes doubled. The one place where names become SQL.
fn quoted(identifier: &str) -> String {
    format!("\"{}\"", identifier.replace('"', "\"\""))
}

/// The first identifier and what follows it.
fn identifier(text: &str) -> Result<(String, &str), String> {
    let (name, rest) = if let Some(inside) = text.strip_prefix('"') {
        quoted_identifier(inside)?
    } else {
        let (name, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
        if !name.is_empty() && !is_plain(name) {
            return Err(format!("`{name}` needs double quotes: SQL would read another name"));
        }
        (name.to_owned(), rest)
    };
    match name.len() {
        0 => Err("a part of the name is empty".to_owned()),
        1..=IDENTIFIER_BYTES_MAX if !name.contains('\0') => Ok((name, rest)),
        1..=IDENTIFIER_BYTES_MAX => Err("a name has no zero byte".to_owned()),
        bytes => Err(format!("a name has at most {IDENTIFIER_BYTES_MAX} bytes, this has {bytes}")),
    }
}

/// What stands up to the closing quote, and what follows it.
fn quoted_identifier(mut rest: &str) -> Result<(String, &str), String> {
    let mut name = String::new();
    loop {
        let (part, after) = rest.split_once('"').ok_or("a quote is not closed")?;
        name.push_str(part);
        let Some(after_pair) = after.strip_prefix('"') else { return Ok((name, after)) };
        name.push('"');
        rest = after_pair;
    }
}

fn is_plain(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "_$".contains(c))
}

impl fmt::Display for RelationName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = |name: &str| if is_plain(name) { name.to_owned() } else { quoted(name) };
        write!(f, "{}.{}", part(&self.schema), part(&self.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_one_spelling_and_cannot_leave_their_quotes() {
        for (text, sql) in [
            ("public.unit", r#""public"."unit""#),
            (r#""odd.schema".t$1"#, r#""odd.schema"."t$1""#),
            (r#"public."Unit""#, r#""public"."Unit""#),
            (r#"s."a""; DROP TABLE x; --""#, r#""s"."a""; DROP TABLE x; --""#),
        ] {
            let name = RelationName::parse(text).expect(text);
            assert_eq!((name.to_string().as_str(), name.sql().as_str()), (text, sql));
        }
    }

    #[test]
    fn what_sql_would_read_differently_is_refused() {
        let long = format!("s.{}", "x".repeat(64));
        for bad in [
            "unit",
            "public.",
            ".unit",
            "a.b.c",
            "public.Unit",
            "public.\"unit\"",
            "public.\"Unit",
            "public.\"\"",
            "p q.r",
            "1a.b",
            &long,
            "public.\"a\\0b\"".replace("\\0", "\0").as_str(),
            "a.b;c",
        ] {
            assert!(RelationName::parse(bad).is_err(), "{bad}");
        }
        let hint = RelationName::parse("\"public\".unit").expect_err("another spelling");
        assert!(hint.contains("`public.unit`"), "{hint}");
    }
}
