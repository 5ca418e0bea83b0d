//! Privileges of PostgreSQL: on what, to whom, and how a grant is written as a sentence.
//!
//! `SELECT on public.unit to cutter_exec with grant option` says all of it. Each grant has one such sentence, which is what
//! people write, what a report shows, and what a digest is made of.

mod phrase;

use std::fmt;

use serde::{Deserialize, Serialize};

use super::relation::{identifier, written};
pub use phrase::{Flaw, Objects, Phrase, Privileges};

/// What privileges can be granted on, in the order in which grants are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// Databases.
    Database,
    /// Schemas.
    Schema,
    /// Tables, views, materialized views and foreign tables, and their columns.
    Table,
    /// Sequences.
    Sequence,
    /// Functions, aggregates and window functions.
    Function,
    /// Procedures.
    Procedure,
    /// Types and domains.
    Type,
    /// Settings of the server, from version 15 on.
    Parameter,
    /// Large objects.
    #[serde(rename = "large object")]
    LargeObject,
    /// Languages of functions.
    Language,
    /// Foreign-data wrappers.
    #[serde(rename = "foreign data wrapper")]
    ForeignDataWrapper,
    /// Foreign servers.
    #[serde(rename = "foreign server")]
    ForeignServer,
    /// Tablespaces.
    Tablespace,
    /// Default privileges: what tables get that a role will make.
    #[serde(rename = "future tables")]
    FutureTables,
    /// The same of sequences.
    #[serde(rename = "future sequences")]
    FutureSequences,
    /// The same of functions and procedures.
    #[serde(rename = "future functions")]
    FutureFunctions,
    /// The same of types.
    #[serde(rename = "future types")]
    FutureTypes,
    /// The same of schemas.
    #[serde(rename = "future schemas")]
    FutureSchemas,
    /// The same of large objects, from version 18 on.
    #[serde(rename = "future large objects")]
    FutureLargeObjects,
}

use Class::{
    Database, ForeignDataWrapper, ForeignServer, Function, FutureFunctions, FutureLargeObjects,
    FutureSchemas, FutureSequences, FutureTables, FutureTypes, Language, LargeObject, Parameter,
    Procedure, Schema, Sequence, Table, Tablespace, Type,
};

/// Every class, with the words for one and for all of a schema.
const CLASSES: [(Class, &str, Option<&str>); 19] = [
    (Database, "database", None),
    (Schema, "schema", None),
    (Table, "table", Some("tables")),
    (Sequence, "sequence", Some("sequences")),
    (Function, "function", Some("functions")),
    (Procedure, "procedure", Some("procedures")),
    (Type, "type", Some("types")),
    (Parameter, "parameter", None),
    (LargeObject, "large object", None),
    (Language, "language", None),
    (ForeignDataWrapper, "foreign data wrapper", None),
    (ForeignServer, "foreign server", None),
    (Tablespace, "tablespace", None),
    (FutureTables, "future tables", None),
    (FutureSequences, "future sequences", None),
    (FutureFunctions, "future functions", None),
    (FutureTypes, "future types", None),
    (FutureSchemas, "future schemas", None),
    (FutureLargeObjects, "future large objects", None),
];

/// Of tables, in the order in which they are written.
const ON_TABLES: &[&str] =
    &["SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER", "MAINTAIN"];
/// Of columns.
pub const ON_COLUMNS: &[&str] = &["SELECT", "INSERT", "UPDATE", "REFERENCES"];
/// The first version with `MAINTAIN`.
const MAINTAIN_SINCE: u32 = 170_000;

impl Class {
    /// The word for one of them.
    #[must_use]
    pub fn word(self) -> &'static str {
        CLASSES.iter().find(|(class, ..)| *class == self).map_or("", |(_, word, _)| word)
    }

    /// The class of a word.
    #[must_use]
    pub fn of_word(word: &str) -> Option<Self> {
        CLASSES.iter().find(|(_, known, _)| *known == word).map(|(class, ..)| *class)
    }

    /// The word for all of a schema, of the classes whose members lie in one.
    #[must_use]
    pub fn plural(self) -> Option<&'static str> {
        CLASSES.iter().find(|(class, ..)| *class == self).and_then(|(.., plural)| *plural)
    }

    /// The class of such a word.
    #[must_use]
    pub fn of_plural(word: &str) -> Option<Self> {
        CLASSES.iter().find(|(.., plural)| *plural == Some(word)).map(|(class, ..)| *class)
    }

    /// Is it about what does not exist yet?
    #[must_use]
    pub fn is_future(self) -> bool {
        self.word().starts_with("future ")
    }

    /// The privileges that it knows, in the order in which they are written.
    #[must_use]
    pub fn privileges(self) -> &'static [&'static str] {
        match self {
            Table | FutureTables => ON_TABLES,
            Sequence | FutureSequences => &["USAGE", "SELECT", "UPDATE"],
            Function | Procedure | FutureFunctions => &["EXECUTE"],
            Schema | FutureSchemas => &["USAGE", "CREATE"],
            Database => &["CONNECT", "CREATE", "TEMPORARY"],
            Parameter => &["SET", "ALTER SYSTEM"],
            LargeObject | FutureLargeObjects => &["SELECT", "UPDATE"],
            Tablespace => &["CREATE"],
            Type | FutureTypes | Language | ForeignDataWrapper | ForeignServer => &["USAGE"],
        }
    }

    /// What `ALL` means on a server of this version.
    pub fn all(self, column: bool, version: u32) -> impl Iterator<Item = &'static str> {
        let all = if column { ON_COLUMNS } else { self.privileges() };
        all.iter().copied().filter(move |privilege| is_known(privilege, version))
    }
}

/// Does a server of this version know the privilege?
#[must_use]
pub fn is_known(privilege: &str, version: u32) -> bool {
    privilege != "MAINTAIN" || version >= MAINTAIN_SINCE
}

/// One thing on which privileges can be granted. A column belongs to the grant, not to the thing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Securable {
    /// What it is.
    pub class: Class,
    /// The schema that it lies in, or that default privileges are limited to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// Its name; the number of a large object; of default privileges the role that will make things.
    pub name: String,
    /// The types of a routine's input arguments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arguments: Option<String>,
}

impl Securable {
    /// Reads `public.unit`, `function public.f(text)`, `schema shop`, `future tables of owner in schema shop`. Tables, and
    /// what is granted like a table, have no word before their name.
    ///
    /// # Errors
    /// What is wrong, and what was meant perhaps.
    pub fn parse(text: &str) -> Result<Self, Flaw> {
        phrase::securable(text)
    }

    /// A thing outside of schemas.
    #[must_use]
    pub fn plain(class: Class, name: &str) -> Self {
        Self { class, schema: None, name: name.to_owned(), arguments: None }
    }
}

impl fmt::Display for Securable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, word) = (written(&self.name), self.class.word());
        if self.class.is_future() {
            write!(f, "{word} of {name}")?;
            return match &self.schema {
                Some(schema) => write!(f, " in schema {}", written(schema)),
                None => Ok(()),
            };
        }
        if self.class != Table {
            write!(f, "{word} ")?;
        }
        match (&self.schema, &self.arguments) {
            (Some(schema), None) => write!(f, "{}.{name}", written(schema)),
            (Some(schema), Some(arguments)) => {
                write!(f, "{}.{name}({arguments})", written(schema))
            }
            (None, _) if matches!(self.class, Parameter | LargeObject) => f.write_str(&self.name),
            (None, _) => write!(f, "{name}"),
        }
    }
}

/// To whom something is granted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Grantee {
    /// Every role there is and will be.
    Public,
    /// One role.
    Role(String),
}

impl Grantee {
    /// Reads `PUBLIC`, or the name of a role.
    ///
    /// # Errors
    /// A fragment that says what is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text {
            "PUBLIC" => return Ok(Self::Public),
            "public" => return Err("everybody is written `PUBLIC`, in capitals".to_owned()),
            _ => {}
        }
        match identifier(text)? {
            (name, "") if written(&name) == text => Ok(Self::Role(name)),
            (name, "") => Err(format!("it is written `{}`", written(&name))),
            (_, rest) => Err(format!("`{rest}` stands behind the name of a role")),
        }
    }
}

impl fmt::Display for Grantee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Public => f.write_str("PUBLIC"),
            Self::Role(name) => f.write_str(&written(name)),
        }
    }
}

impl From<Grantee> for String {
    fn from(grantee: Grantee) -> Self {
        grantee.to_string()
    }
}

impl TryFrom<String> for Grantee {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text)
    }
}

/// How a privilege stands to what was there from the beginning: an owner's own rights, and whatever PostgreSQL or an
/// extension brought with its objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It was granted.
    Granted,
    /// It was there from the beginning and still is.
    Initial,
    /// It was there from the beginning and was taken away.
    Revoked,
}

/// One privilege of one grantee on one thing, whoever granted it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Grant {
    /// Which one, as PostgreSQL writes it.
    pub privilege: String,
    /// On which column, where it is not on the whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// On what.
    #[serde(flatten)]
    pub on: Securable,
    /// To whom.
    pub grantee: Grantee,
    /// May the grantee grant it to others?
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub with_grant_option: bool,
    /// What it has to do with what was there from the beginning.
    pub standing: Standing,
    /// Those who granted it, where that is asked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub granted_by: Vec<String>,
}

impl Grant {
    /// What makes it this grant, whether or not it may be passed on.
    #[must_use]
    pub fn key(&self) -> (&Securable, Option<&str>, &str, &Grantee) {
        (&self.on, self.column.as_deref(), &self.privilege, &self.grantee)
    }

    /// The sentence without what may be done with it: `SELECT on public.unit to cutter_exec`.
    #[must_use]
    pub fn subject(&self) -> String {
        let Self { privilege, column, on, grantee, .. } = self;
        let column = column.as_deref().map(|column| format!(" ({})", written(column)));
        format!("{privilege}{} on {on} to {grantee}", column.unwrap_or_default())
    }
}

impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let no = if self.standing == Standing::Revoked { "no " } else { "" };
        let option = if self.with_grant_option { " with grant option" } else { "" };
        write!(f, "{no}{}{option}", self.subject())
    }
}

/// The names of columns as they stand in a sentence.
#[must_use]
pub fn columns_written(columns: &[String]) -> String {
    let columns: Vec<_> = columns.iter().map(|column| written(column)).collect();
    columns.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_has_a_word_of_its_own() {
        for (class, word, plural) in CLASSES {
            assert_eq!((class.word(), Class::of_word(word)), (word, Some(class)));
            assert_eq!(plural.and_then(Class::of_plural), plural.map(|_| class));
            assert_eq!(serde_json::to_value(class).expect("a word"), word);
            assert!(!class.privileges().is_empty());
        }
        assert_eq!(Table.all(false, 160_013).count(), 7);
        assert_eq!(Table.all(false, 170_000).count(), 8);
        assert_eq!(Table.all(true, 170_000).count(), 4);
    }

    #[test]
    fn a_grant_is_a_sentence() {
        let mut grant = Grant {
            privilege: "UPDATE".into(),
            column: Some("Title".into()),
            on: Securable::parse("public.unit").expect("a table"),
            grantee: Grantee::Role("cutter_exec".into()),
            with_grant_option: true,
            standing: Standing::Granted,
            granted_by: Vec::new(),
        };
        let sentence = r#"UPDATE ("Title") on public.unit to cutter_exec with grant option"#;
        assert_eq!(grant.to_string(), sentence);
        let stored = serde_json::to_string(&grant).expect("plain data");
        assert_eq!(serde_json::from_str::<Grant>(&stored).expect("the same"), grant);
        grant =
            Grant { standing: Standing::Revoked, with_grant_option: false, column: None, ..grant };
        assert_eq!(grant.to_string(), "no UPDATE on public.unit to cutter_exec");
    }

    #[test]
    fn everybody_is_no_role_of_that_name() {
        assert_eq!(Grantee::parse("PUBLIC"), Ok(Grantee::Public));
        assert_eq!(Grantee::parse("\"PUBLIC\""), Ok(Grantee::Role("PUBLIC".into())));
        assert_eq!(Grantee::Role("PUBLIC".into()).to_string(), "\"PUBLIC\"");
        for bad in ["public", "Cutter", "\"cutter\"", "a.b", "", "a b"] {
            assert!(Grantee::parse(bad).is_err(), "{bad}");
        }
    }
}
