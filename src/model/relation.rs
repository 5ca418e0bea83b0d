//! Names of objects of a database as people write them in desired state, and as they stand in SQL.

use std::borrow::Cow;
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
        let [schema, name] = parts(text, "a table", "schema.table")?;
        spelled_so(Self { schema, name }, text)
    }

    /// The name as SQL, both parts in quotes.
    #[must_use]
    pub fn sql(&self) -> String {
        format!("{}.{}", quoted(&self.schema), quoted(&self.name))
    }
}

/// The name of what belongs to a table: a trigger, a column, a constraint, a policy.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct MemberName {
    /// The table.
    pub table: RelationName,
    /// The name of the member, unquoted.
    pub name: String,
}

impl MemberName {
    /// Reads `public.unit.trg_guard`, with the same spelling of parts as [`RelationName`].
    ///
    /// # Errors
    /// A fragment that says what is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        let [schema, table, name] = parts(text, "it", "schema.table.name")?;
        spelled_so(Self { table: RelationName { schema, name: table }, name }, text)
    }
}

/// The name of a function or procedure with the types of its input arguments, which tell overloads apart.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RoutineName {
    /// Its schema and name.
    pub name: RelationName,
    /// The types, as PostgreSQL prints them, with a comma and a blank between: `uuid, character varying`.
    pub arguments: String,
}

impl RoutineName {
    /// Reads `public.fn_iu_create(text, uuid)`.
    ///
    /// # Errors
    /// A fragment that says what is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (schema, rest) = identifier(text)?;
        let form = "a function is named with its schema and the types of its arguments, as in `public.f(uuid, text)`";
        let (name, rest) = identifier(rest.strip_prefix('.').ok_or(form)?)?;
        let inside = rest.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')).ok_or(form)?;
        let types = types(inside);
        if inside.contains(['\0', '\n']) || (types.len() > 1 && types.contains(&"")) {
            return Err(form.to_owned());
        }
        let name = RelationName { schema, name };
        spelled_so(Self { name, arguments: types.join(", ") }, text)
    }
}

/// The identifier before the first blank, as in `"Odd name" text not null`, and what stands behind that blank.
///
/// # Errors
/// A fragment that says what is wrong.
pub fn leading_name(text: &str) -> Result<(String, &str), String> {
    let end = if text.starts_with('"') {
        let (_, rest) = identifier(text)?;
        text.len() - rest.len()
    } else {
        text.find(' ').unwrap_or(text.len())
    };
    let (word, rest) = text.split_at(end);
    let (name, behind) = identifier(word)?;
    if !behind.is_empty() || written(&name) != word {
        return Err(format!("the name is written `{}`", written(&name)));
    }
    let behind_blank = rest.strip_prefix(' ').or_else(|| rest.is_empty().then_some(rest));
    Ok((name, behind_blank.ok_or("a blank is missing behind the name")?))
}

/// The types between commas. A comma in quotes belongs to a name.
fn types(inside: &str) -> Vec<&str> {
    let mut quoted = false;
    let divides = |c| {
        quoted ^= c == '"';
        c == ',' && !quoted
    };
    inside.split(divides).map(str::trim).collect()
}

/// So many identifiers with dots between.
fn parts<const N: usize>(text: &str, what: &str, form: &str) -> Result<[String; N], String> {
    let (first, mut rest) = identifier(text)?;
    let mut found = vec![first];
    while let Some(after) = rest.strip_prefix('.') {
        let (part, left) = identifier(after)?;
        found.push(part);
        rest = left;
    }
    if !rest.is_empty() {
        return Err(format!("`{rest}` stands behind the name"));
    }
    let wrong = |_| format!("{what} is named as `{form}`; quote a part with dots in it");
    found.try_into().map_err(wrong)
}

/// Only one spelling of a name is accepted, so that nothing can stand under two names.
pub(super) fn spelled_so<T: fmt::Display>(parsed: T, text: &str) -> Result<T, String> {
    let spelling = parsed.to_string();
    if spelling == text { Ok(parsed) } else { Err(format!("it is written `{spelling}`")) }
}

/// An identifier as SQL: always in quotes, with its own quotes doubled. The one place where names become SQL.
#[must_use]
pub fn quoted(identifier: &str) -> String {
    format!("\"{}\"", identifier.replace('"', "\"\""))
}

/// The first identifier and what follows it.
pub(super) fn identifier(text: &str) -> Result<(String, &str), String> {
    let (name, rest) = if let Some(inside) = text.strip_prefix('"') {
        quoted_identifier(inside)?
    } else {
        let (name, rest) = text.split_at(text.find(['.', '(']).unwrap_or(text.len()));
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

/// An identifier as people write it: in quotes where SQL would read another name without.
#[must_use]
pub fn written(name: &str) -> Cow<'_, str> {
    if is_plain(name) { Cow::Borrowed(name) } else { Cow::Owned(quoted(name)) }
}

impl fmt::Display for RelationName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", written(&self.schema), written(&self.name))
    }
}

impl fmt::Display for MemberName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.table, written(&self.name))
    }
}

impl fmt::Display for RoutineName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({})", self.name, self.arguments)
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
    fn members_and_routines_are_named_in_full() {
        let guard = MemberName::parse(r#"public."Unit".trg"#).expect("three parts");
        assert_eq!((guard.table.name.as_str(), guard.name.as_str()), ("Unit", "trg"));
        let create = RoutineName::parse("public.f(uuid, character varying)").expect("a routine");
        assert_eq!(create.arguments, "uuid, character varying");
        assert_eq!(RoutineName::parse("public.f()").expect("no arguments").arguments, "");
        for odd in [r#"a."odd(.name"("b.c"."T", d)"#, r#"a.f(s."odd,t""y.pe", "x,  y"[])"#] {
            assert_eq!(RoutineName::parse(odd).expect(odd).to_string(), odd);
        }
    }

    #[test]
    fn a_name_leads_what_is_said_about_it() {
        for (text, name, rest) in [
            ("title text not null", "title", "text not null"),
            (r#""a ""b"" c" text"#, r#"a "b" c"#, "text"),
            ("alone", "alone", ""),
        ] {
            assert_eq!(leading_name(text), Ok((name.to_owned(), rest)), "{text}");
        }
        for bad in ["", " text", "Title text", "\"title\" text", "\"a b\"text", "a.b text", "\"a"] {
            assert!(leading_name(bad).is_err(), "{bad}");
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
        for bad in ["a.b", "a.b.c.d", "a.b.\"c\"", "a.b.c "] {
            assert!(MemberName::parse(bad).is_err(), "{bad}");
        }
        for bad in ["f()", "a.f", "a.f(", "a.f(x,y)", "a.f(x,, y)", "a.f( )", "a.f(x) ", "a.F()"] {
            assert!(RoutineName::parse(bad).is_err(), "{bad}");
        }
        let hint = RelationName::parse("\"public\".unit").expect_err("another spelling");
        assert!(hint.contains("`public.unit`"), "{hint}");
    }
}
