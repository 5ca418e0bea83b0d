//! Grants as people write them: `SELECT, INSERT on public.a, public.b to cutter_exec`.
//!
//! The words are those of SQL's GRANT in its order. Privileges stand in capitals, the words between in small letters, names
//! as everywhere: in quotes exactly when SQL would read another name without.

use super::{CLASSES, Class, Grantee, ON_COLUMNS, Securable};
use crate::model::display::escape;
use crate::model::nearest;
use crate::model::relation::{RelationName, RoutineName, identifier, written};

/// What is wrong with a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flaw {
    /// What, as a fragment.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Flaw {
    fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None }
    }

    fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

impl From<String> for Flaw {
    fn from(message: String) -> Self {
        Self::new(message)
    }
}

/// What is granted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Privileges {
    /// One privilege; `None` for all that there are.
    pub name: Option<&'static str>,
    /// On these columns; on the whole where there are none.
    pub columns: Vec<String>,
}

/// On what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Objects {
    /// On these.
    These(Vec<Securable>),
    /// On all of a class that lie in these schemas.
    All(Class, Vec<String>),
}

impl Objects {
    fn class(&self) -> Option<Class> {
        match self {
            Self::These(these) => these.first().map(|on| on.class),
            Self::All(class, _) => Some(*class),
        }
    }
}

/// One sentence, which may stand for several grants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Phrase {
    /// `no …`: what was there from the beginning, and shall not be.
    pub negated: bool,
    /// What is granted.
    pub privileges: Vec<Privileges>,
    /// On what; `None` where that is given.
    pub on: Option<Objects>,
    /// To whom; empty where that is given.
    pub to: Vec<Grantee>,
    /// May they grant it to others?
    pub with_grant_option: bool,
    /// Who has granted it; `None` where that does not matter.
    pub granted_by: Option<String>,
}

impl Phrase {
    /// Reads a sentence. `on` is the class of the thing that it is about, where the sentence does not name one.
    ///
    /// # Errors
    /// What is wrong, and what was meant perhaps.
    pub fn parse(text: &str, on: Option<Class>) -> Result<Self, Flaw> {
        let text = text.trim();
        let (negated, rest) = match text.strip_prefix("no ") {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (rest, granted_by) = match split_at(rest, " granted by ") {
            Some((rest, role)) => (rest, Some(one_name(role.trim())?)),
            None => (rest, None),
        };
        let (rest, with_grant_option) = match rest.strip_suffix(" with grant option") {
            Some(rest) => (rest, true),
            None => (rest, false),
        };
        let (rest, to) = match split_at(rest, " to ") {
            Some((rest, to)) => (rest, grantees(to)?),
            None => (rest, Vec::new()),
        };
        let (privileges, objects) = match split_at(rest, " on ") {
            Some((privileges, objects)) => (privileges, Some(Objects::parse(objects)?)),
            None => (rest, None),
        };
        let class = match (on, &objects) {
            (Some(_), Some(_)) => {
                let message = "it says on what, which the key of the table says already";
                return Err(Flaw::new(message).hint("leave out what follows `on`"));
            }
            (None, None) => return Err(no_object(text)),
            (given, named) => given.or_else(|| named.as_ref().and_then(Objects::class)),
        };
        let class = class.ok_or_else(|| no_object(text))?;
        let privileges: Result<_, Flaw> =
            split_all(privileges).into_iter().map(|text| Privileges::parse(text, class)).collect();
        if negated && (with_grant_option || granted_by.is_some()) {
            let message = "what shall not be there has no grant option and was granted by nobody";
            return Err(Flaw::new(message));
        }
        let privileges = privileges?;
        Ok(Self { negated, privileges, on: objects, to, with_grant_option, granted_by })
    }
}

fn no_object(text: &str) -> Flaw {
    let flaw = Flaw::new("it does not say on what");
    if text.contains(" ON ") || text.contains(" TO ") {
        return flaw.hint("the words between stand in small letters: `SELECT on public.orders`");
    }
    flaw.hint("as in `SELECT, INSERT on public.orders` or `USAGE on schema shop`")
}

impl Privileges {
    fn parse(text: &str, class: Class) -> Result<Self, Flaw> {
        let (name, columns) = match text.split_once('(') {
            None => (text, Vec::new()),
            Some((name, columns)) => {
                let columns = columns.trim().strip_suffix(')').ok_or_else(|| {
                    Flaw::new(format!("the columns of `{}` are not closed", escape(text)))
                })?;
                let columns: Result<_, Flaw> =
                    split_all(columns).into_iter().map(one_name).collect();
                (name.trim(), columns?)
            }
        };
        if !columns.is_empty() && class != Class::Table {
            let message = format!("a {} has no columns", class.word());
            return Err(Flaw::new(message));
        }
        let known = if columns.is_empty() { class.privileges() } else { ON_COLUMNS };
        if name == "ALL" {
            return Ok(Self { name: None, columns });
        }
        match known.iter().find(|known| **known == name) {
            Some(name) => Ok(Self { name: Some(name), columns }),
            None => Err(unknown_privilege(name, class, &columns, known)),
        }
    }
}

fn unknown_privilege(name: &str, class: Class, columns: &[String], known: &[&str]) -> Flaw {
    let what = match (columns.is_empty(), class) {
        (false, _) => "columns have",
        (true, Class::Table) => "tables have",
        (true, class) if class.is_future() => "default privileges of these have",
        (true, class) => &format!("a {} has", class.word()),
    };
    let flaw = Flaw::new(format!("{what} no privilege `{}`", escape(name)));
    let capitals = name.to_uppercase();
    let capitals = match capitals.as_str() {
        "TEMP" => "TEMPORARY",
        "ALL PRIVILEGES" => "ALL",
        other => other,
    };
    match nearest(capitals, known.iter().copied().chain(["ALL"])) {
        Some(near) => flaw.hint(format!("did you mean `{near}`?")),
        None => flaw.hint(format!("there is {}, or ALL", known.join(", "))),
    }
}

fn grantees(text: &str) -> Result<Vec<Grantee>, Flaw> {
    let parse = |name| Grantee::parse(name).map_err(|why| of_name(name, &why));
    split_all(text).into_iter().map(parse).collect()
}

fn of_name(name: &str, why: &str) -> Flaw {
    Flaw::new(format!("`{}`: {why}", escape(name)))
}

/// One identifier and nothing else.
fn one_name(text: &str) -> Result<String, Flaw> {
    match identifier(text).map_err(|why| of_name(text, &why))? {
        (name, "") if written(&name) == text => Ok(name),
        (name, "") => Err(of_name(text, &format!("it is written `{}`", written(&name)))),
        (_, rest) => Err(of_name(text, &format!("`{}` stands behind the name", escape(rest)))),
    }
}

impl Objects {
    fn parse(text: &str) -> Result<Self, Flaw> {
        let text = text.trim();
        if let Some(all) = text.strip_prefix("all ") {
            let (plural, schemas) = split_at(all, " in schema ").ok_or_else(|| {
                Flaw::new("`all` is about a schema")
                    .hint("as in `SELECT on all tables in schema shop`")
            })?;
            let class = Class::of_plural(plural).ok_or_else(|| {
                let flaw = Flaw::new(format!("no `{}` lie in a schema", escape(plural)));
                let known = CLASSES.iter().filter_map(|(.., plural)| *plural);
                let known: Vec<&str> = known.collect();
                flaw.hint(format!("there are {}", known.join(", ")))
            })?;
            let schemas: Result<_, Flaw> = split_all(schemas).into_iter().map(one_name).collect();
            return Ok(Self::All(class, schemas?));
        }
        let (class, names) = class_of(text)?;
        if class.is_future() {
            return Ok(Self::These(vec![future(class, names)?]));
        }
        let these: Result<_, Flaw> =
            split_all(names).into_iter().map(|name| named(class, name)).collect();
        Ok(Self::These(these?))
    }
}

/// One thing, spelled as it is shown.
pub(super) fn securable(text: &str) -> Result<Securable, Flaw> {
    let (class, name) = class_of(text)?;
    let thing = if class.is_future() { future(class, name)? } else { named(class, name)? };
    let spelling = thing.to_string();
    if spelling == text {
        return Ok(thing);
    }
    Err(Flaw::new(format!("it is written `{spelling}`")))
}

/// The class that a text begins with, and what follows. Without a word it is a table.
fn class_of(text: &str) -> Result<(Class, &str), Flaw> {
    for (class, word, _) in CLASSES {
        if let Some(rest) = text.strip_prefix(word).and_then(|rest| rest.strip_prefix(' ')) {
            return Ok((class, rest.trim_start()));
        }
    }
    let word: String = text.chars().take_while(|c| c.is_ascii_alphabetic() || *c == ' ').collect();
    let word = word.split(' ').next().unwrap_or_default();
    if word.is_empty() || !text[word.len()..].starts_with(' ') {
        return Ok((Class::Table, text));
    }
    let flaw = Flaw::new(format!("nothing can be granted on a `{word}`"));
    let known = || CLASSES.iter().map(|(_, word, _)| word.split(' ').next().unwrap_or_default());
    Err(match word.to_lowercase().as_str() {
        "view" | "materialized" => flaw.hint("a view stands like a table, without a word"),
        "domain" => flaw.hint("a domain is a `type` here"),
        "routine" | "aggregate" => flaw.hint("write `function`, or `procedure`"),
        "large" => flaw.hint("a large object is written `large object 16404`"),
        "foreign" => flaw.hint("write `foreign data wrapper`, or `foreign server`"),
        "future" => flaw.hint("as in `future tables of owner in schema shop`"),
        "server" | "fdw" => flaw.hint("write `foreign server`, or `foreign data wrapper`"),
        small => match nearest(small, known()) {
            Some(near) => flaw.hint(format!("did you mean `{near}`?")),
            None => flaw.hint("as in `SELECT on public.orders` or `USAGE on schema shop`"),
        },
    })
}

fn future(class: Class, text: &str) -> Result<Securable, Flaw> {
    let rest = text.strip_prefix("of ").ok_or_else(|| {
        let flaw = Flaw::new("it does not say who will make them");
        flaw.hint(format!("as in `{} of owner in schema shop`", class.word()))
    })?;
    let (role, schema) = match split_at(rest, " in schema ") {
        Some((role, schema)) => (role, Some(one_name(schema.trim())?)),
        None => (rest, None),
    };
    if schema.is_some() && matches!(class, Class::FutureSchemas | Class::FutureLargeObjects) {
        return Err(Flaw::new(format!("{} lie in no schema", class.word())));
    }
    Ok(Securable { class, schema, name: one_name(role.trim())?, arguments: None })
}

fn named(class: Class, text: &str) -> Result<Securable, Flaw> {
    let wrong = |why: String| of_name(text, &why);
    match class {
        Class::Table | Class::Sequence | Class::Type => {
            let RelationName { schema, name } = RelationName::parse(text).map_err(wrong)?;
            Ok(Securable { class, schema: Some(schema), name, arguments: None })
        }
        Class::Function | Class::Procedure => {
            let RoutineName { name, arguments } = RoutineName::parse(text).map_err(wrong)?;
            let (schema, name) = (Some(name.schema), name.name);
            Ok(Securable { class, schema, name, arguments: Some(arguments) })
        }
        Class::Parameter => {
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_.".contains(c);
            if text.is_empty() || !text.chars().all(plain) {
                return Err(wrong("a parameter is named in small letters".to_owned()));
            }
            Ok(Securable::plain(class, text))
        }
        Class::LargeObject => match text.parse::<u32>() {
            Ok(number) if number.to_string() == text => Ok(Securable::plain(class, text)),
            _ => Err(wrong("a large object is named by its number".to_owned())),
        },
        _ => Ok(Securable::plain(class, &one_name(text)?)),
    }
}

/// Both sides of the first `separator` outside of quotes and parentheses.
fn split_at<'a>(text: &'a str, separator: &str) -> Option<(&'a str, &'a str)> {
    let (mut quoted, mut depth) = (false, 0_u32);
    for (at, c) in text.char_indices() {
        if !quoted && depth == 0 && text[at..].starts_with(separator) {
            return Some((&text[..at], &text[at + separator.len()..]));
        }
        match c {
            '"' => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    None
}

/// What stands between commas outside of quotes and parentheses.
fn split_all(mut text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    while let Some((part, rest)) = split_at(text, ",") {
        parts.push(part.trim());
        text = rest;
    }
    parts.push(text.trim());
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn objects(text: &str) -> Vec<String> {
        match Phrase::parse(text, None).expect(text).on {
            Some(Objects::These(these)) => these.iter().map(ToString::to_string).collect(),
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn sentences_of_every_class_are_read() {
        for (text, on) in [
            ("SELECT, INSERT on public.a, public.b", &["public.a", "public.b"][..]),
            ("SELECT on table public.a", &["public.a"]),
            ("UPDATE (title, body), SELECT on public.a", &["public.a"]),
            ("USAGE on sequence public.s", &["sequence public.s"]),
            (
                "EXECUTE on function public.f(text, character varying), public.g()",
                &["function public.f(text, character varying)", "function public.g()"],
            ),
            ("ALTER SYSTEM, SET on parameter app.mode", &["parameter app.mode"]),
            ("SELECT on large object 16404", &["large object 16404"]),
            ("USAGE on foreign data wrapper postgres_fdw", &["foreign data wrapper postgres_fdw"]),
            (
                "ALL on future tables of owner in schema shop",
                &["future tables of owner in schema shop"],
            ),
            ("no EXECUTE on future functions of owner", &["future functions of owner"]),
            (
                r#"SELECT ("to x") on "a on b"."c, d to e" to "x to y" with grant option granted by z"#,
                &[r#""a on b"."c, d to e""#],
            ),
        ] {
            assert_eq!(objects(text), on, "{text}");
        }
        let all = Phrase::parse("SELECT on all tables in schema a, b to x, PUBLIC", None);
        let all = all.expect("a phrase");
        assert_eq!(all.on, Some(Objects::All(Class::Table, vec!["a".into(), "b".into()])));
        assert_eq!(all.to, [Grantee::Role("x".into()), Grantee::Public]);
    }

    #[test]
    fn what_stands_around_is_read() {
        let text = "UPDATE (a, \"B\") on s.t with grant option granted by owner";
        let phrase = Phrase::parse(text, None).expect(text);
        assert_eq!(phrase.privileges[0].columns, ["a", "B"]);
        assert!(phrase.with_grant_option && !phrase.negated);
        assert_eq!(phrase.granted_by.as_deref(), Some("owner"));
        let phrase = Phrase::parse("no SELECT to PUBLIC", Some(Class::Table)).expect("a phrase");
        assert!(phrase.negated && phrase.on.is_none());
    }

    #[test]
    fn a_wrong_sentence_says_what_was_meant() {
        for (text, message, hint) in [
            ("SELEC on s.t", "no privilege `SELEC`", "`SELECT`"),
            ("select on s.t", "no privilege `select`", "`SELECT`"),
            ("EXECUTE on s.t", "tables have no privilege `EXECUTE`", "SELECT, INSERT"),
            ("SELECT on function s.f()", "a function has no privilege", "EXECUTE, or ALL"),
            ("DELETE (a) on s.t", "columns have no privilege `DELETE`", "SELECT, INSERT"),
            ("TEMP on database d", "no privilege `TEMP`", "`TEMPORARY`"),
            ("ALL PRIVILEGES on s.t", "no privilege", "`ALL`"),
            ("SELECT", "on what", "as in"),
            ("SELECT ON s.t", "on what", "small letters"),
            ("SELECT on view s.v", "on a `view`", "like a table"),
            ("USAGE on schem s", "on a `schem`", "`schema`"),
            ("SELECT on t", "`t`: ", ""),
            ("SELECT on s.T", "`s.T`: ", ""),
            ("EXECUTE on function s.f", "with its schema and the types", ""),
            ("USAGE (a) on schema s", "no columns", ""),
            ("SELECT on all views in schema s", "no `views`", "tables"),
            ("SELECT on all tables", "`all` is about a schema", "in schema"),
            ("SELECT on future tables in schema s", "who will make them", "of owner"),
            ("USAGE on future schemas of o in schema s", "in no schema", ""),
            ("SELECT on s.t to public", "PUBLIC", ""),
            ("SELECT on s.t to Cutter", "double quotes", ""),
            ("no SELECT on s.t with grant option", "no grant option", ""),
            ("SELECT on large object 007", "its number", ""),
            ("SET on parameter Work_Mem", "small letters", ""),
            ("SELECT, on s.t", "no privilege ``", "SELECT"),
            ("SELECT (a on s.t", "", ""),
        ] {
            let flaw = Phrase::parse(text, None).expect_err(text);
            assert!(flaw.message.contains(message), "{text}: {flaw:?}");
            assert!(flaw.hint.as_deref().unwrap_or_default().contains(hint), "{text}: {flaw:?}");
        }
        assert!(Phrase::parse("SELECT on s.t to x", Some(Class::Table)).is_err());
    }

    #[test]
    fn a_thing_has_one_spelling() {
        for text in ["public.unit", "schema shop", "function s.f(uuid, text)", "future types of o"]
        {
            assert_eq!(Securable::parse(text).expect(text).to_string(), text);
        }
        for bad in ["table public.unit", "public.unit ", "schema  shop", "view s.v", "unit"] {
            assert!(Securable::parse(bad).is_err(), "{bad}");
        }
    }
}
