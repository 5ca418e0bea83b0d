//! Objects that the catalogs of a database list by name: one of them, or all that a pattern matches.

use std::collections::{BTreeMap, BTreeSet};

use super::closed::{self, ITEMS_MAX, is_pattern, matches};
use super::in_database::{adopt_each, ask_each, key_of, object_of};
use super::{Adopted, Answers, Draft, Kind, Named, Problem, not_recorded, presence};
use crate::model::display::escape;
use crate::model::{Change, Code, Comparison, Difference, Evidence, Reason, RelationName, Unknown};
use crate::probe::World;
use crate::probe::catalog::{Look, Object, Scope, Sequence, Table, Type, View, look};
use crate::probe::postgres::Session;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What was seen.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Seen<T> {
    /// Nothing has the name.
    Absent,
    /// The object.
    One(Box<T>),
    /// All objects that the pattern matches. Views, sequences and types once called it `listed`.
    #[serde(alias = "listed")]
    Matched(BTreeMap<String, Option<String>>),
}

/// A class of objects that are named one by one, and closed by patterns.
pub(super) trait InCatalog: Object + Clone + Sync {
    /// The key of its own table.
    fn key(&self) -> String;

    /// Its name in closed lists, against which patterns are matched.
    fn entry(&self) -> String {
        self.key()
    }

    /// What is worth saying about it where it is not listed.
    fn about(&self) -> String;

    /// Does a closed list count it?
    fn counts(&self) -> bool {
        true
    }

    /// Is it somebody's own to write down, and does its table say more than another?
    fn is_adopted(&self) -> bool {
        true
    }

    /// The name by which [`Object::NAMED`] finds the object of a key.
    ///
    /// # Errors
    /// A fragment that says why the key is no name.
    fn asked(key: &str) -> Result<RelationName, String> {
        let of_a_table = "a table is named as `schema.table`";
        RelationName::parse(key)
            .map_err(|why| why.replace(of_a_table, "it is named as `schema.name`"))
    }

    /// Is a name well formed as an entry of a closed list?
    ///
    /// # Errors
    /// A fragment that says why not.
    fn check_entry(entry: &str) -> Result<(), String> {
        Self::asked(entry).map(drop)
    }

    /// May the object of this key, or something that this pattern matches, be what was not read of the relation, for this
    /// reason? It is locked, or by [`Object::NAMED`] has its name and changed meanwhile.
    fn is_behind(key: &str, relation: &RelationName, _why: Reason) -> bool {
        let relation = relation.to_string();
        key == relation || matches(key, &relation)
    }
}

macro_rules! named_in_a_schema {
    ($($class:ident: $about:expr;)*) => {$(
        impl InCatalog for $class {
            fn key(&self) -> String {
                RelationName { schema: self.schema.clone(), name: self.name.clone() }.to_string()
            }

            fn about(&self) -> String {
                let about: fn(&Self) -> String = $about;
                let of = |name: &String| format!(", of the extension {name}");
                let extension = self.extension.as_ref().map(of).unwrap_or_default();
                format!("{}, owner {}{extension}", about(self), self.owner)
            }

            /// What an extension brings is the business of the extension.
            fn is_adopted(&self) -> bool {
                self.extension.is_none()
            }
        }
    )*};
}

named_in_a_schema! {
    Table: |is| match is.columns.len() {
        1 => "1 column".to_owned(),
        count => format!("{count} columns"),
    };
    View: |is| if is.materialized { "materialized view" } else { "view" }.to_owned();
    Sequence: |is| is.of_type.clone();
    Type: |is| is.kind.clone();
}

/// May a pattern match a text that begins so?
pub(super) fn reaches(pattern: &str, beginning: &str) -> bool {
    let literal = pattern.split('*').next().unwrap_or_default();
    literal.starts_with(beginning) || beginning.starts_with(literal)
}

/// Checks the name of a table, and what may not stand beside `present = false` or `only`.
pub(super) fn check<T: InCatalog>(
    name: &str,
    (present, only): (bool, Option<&Vec<String>>),
    of_one: &[(&str, bool)],
    problems: &mut Vec<Problem>,
) {
    closed::check_present(name, (present, only), of_one, problems);
    if !is_pattern(name)
        && let Err(why) = T::asked(name)
    {
        problems.push(Problem::resource(Code::BadName, why));
    }
    for entry in only.into_iter().flatten() {
        if let Err(why) = T::check_entry(entry) {
            let message = format!("`{}` of `only`: {why}", escape(entry));
            problems.push(Problem::key("only", Code::WrongType, message));
        }
    }
}

/// Looks once in each database for all that is wanted of it.
pub(super) async fn observe_all<K: Kind, T: InCatalog>(
    world: &World,
    wanted: &[Named<K>],
) -> Answers<Seen<T>> {
    ask_each(world, wanted, find_each).await
}

async fn find_each<K: Kind, T: InCatalog>(
    session: &Session,
    wanted: Vec<&Named<K>>,
) -> Result<Answers<Seen<T>>, Unknown> {
    let objects: Vec<&str> = wanted.iter().map(|named| object_of(named)).collect();
    let look = find::<T>(session, &objects).await?;
    let by_key = look.found.iter().map(|object| (object.key(), object)).collect();
    let found = wanted.iter().zip(objects);
    Ok(found.map(|(named, object)| (named.name.clone(), seen(&look, &by_key, object))).collect())
}

async fn find<T: InCatalog>(session: &Session, objects: &[&str]) -> Result<Look<T>, Unknown> {
    let (patterns, names): (Vec<&str>, Vec<&str>) =
        objects.iter().partition(|object| is_pattern(object));
    let names: BTreeSet<RelationName> =
        names.into_iter().filter_map(|name| T::asked(name).ok()).collect();
    if patterns.is_empty() {
        return look(session, &Scope::Names(names.into_iter().collect())).await;
    }
    let of_patterns: Option<BTreeSet<String>> =
        patterns.iter().map(|pattern| schema_of(pattern)).collect();
    let mut schemas: BTreeSet<String> = names.into_iter().map(|name| name.schema).collect();
    schemas.extend(match of_patterns {
        Some(schemas) => schemas,
        None => all_schemas(session).await?,
    });
    look(session, &Scope::Schemas(schemas.into_iter().collect())).await
}

/// The one schema in which a pattern can match; `None` when it says none.
fn schema_of(pattern: &str) -> Option<String> {
    let literal = pattern.split('*').next()?;
    let dots = literal.match_indices('.').map(|(at, _)| &literal[..at]);
    let parsed = |schema: &str| RelationName::parse(&format!("{schema}.x")).ok();
    dots.filter_map(parsed).map(|name| name.schema).next()
}

/// The schemas that are not PostgreSQL's own.
const SCHEMAS: &str = "SELECT n.nspname::text FROM pg_catalog.pg_namespace n \
    WHERE n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'";

async fn all_schemas(session: &Session) -> Result<BTreeSet<String>, Unknown> {
    Ok(session.ask(SCHEMAS, &[]).await?.into_iter().flatten().flatten().collect())
}

fn seen<T: InCatalog>(
    look: &Look<T>,
    by_key: &BTreeMap<String, &T>,
    object: &str,
) -> Result<Seen<T>, Unknown> {
    if let Some(one) = by_key.get(object) {
        return Ok(Seen::One(Box::new((*one).clone())));
    }
    let mut blocked = look.blocked.iter();
    if let Some((relation, why)) =
        blocked.find(|(relation, why)| T::is_behind(object, relation, why.reason))
    {
        return Err(why.clone().of(escape(&relation.to_string())));
    }
    Ok(if is_pattern(object) { Seen::Matched(entries(look, object)) } else { Seen::Absent })
}

fn entries<T: InCatalog>(look: &Look<T>, pattern: &str) -> BTreeMap<String, Option<String>> {
    let counted = look.found.iter().filter(|object| object.counts());
    let named = counted.map(|object| (object.entry(), Some(object.about())));
    named.filter(|(entry, _)| matches(pattern, entry)).collect()
}

/// Compares what all these kinds have in common, and hands over the object where its attributes can be compared.
pub(super) fn compare<'a, T>(
    name: &str,
    (present, only): (bool, Option<&Vec<String>>),
    seen: &'a Seen<T>,
) -> (Comparison, Option<&'a T>) {
    let mut found = Comparison::by(Evidence::Queried);
    let one = match seen {
        Seen::Matched(entries) => {
            closed::compare(only.map(Vec::as_slice).unwrap_or_default(), entries, &mut found);
            None
        }
        _ if only.is_some() && is_pattern(name) => {
            found.blind("only", not_recorded());
            None
        }
        Seen::Absent => {
            presence::compare(present, false, &mut found);
            None
        }
        Seen::One(one) => presence::compare(present, true, &mut found).then_some(&**one),
    };
    (found, one)
}

/// Compares things with names, such as options: `wanted` are all that may be there.
pub(super) fn compare_named<V: Clone + PartialEq + Into<Value>>(
    found: &mut Comparison,
    what: &str,
    wanted: Option<&BTreeMap<String, V>>,
    seen: &BTreeMap<String, V>,
) {
    let Some(wanted) = wanted else { return };
    let names: BTreeSet<&String> = wanted.keys().chain(seen.keys()).collect();
    for name in names {
        let (desired, actual) = (wanted.get(name), seen.get(name));
        if desired == actual {
            continue;
        }
        let change = match (desired, actual) {
            (None, _) => Some(Change::Unlisted),
            (_, None) => Some(Change::Missing),
            _ => None,
        };
        let field = format!("{what} {}", escape(name));
        let value = |value: Option<&V>| value.map_or(Value::Null, |value| value.clone().into());
        let actual = match value(actual) {
            Value::String(text) => escape(&text).into(),
            other => other,
        };
        let mut difference = Difference::new(field, value(desired), actual);
        difference.change = change;
        found.differences.push(difference);
    }
}

/// Writes down what was asked for: of a pattern also that there is nothing else.
pub(super) async fn adopt<T: InCatalog>(
    world: &World,
    asked: &str,
    write: impl Fn(&T, Draft) -> Draft + Send + Sync,
) -> Result<Adopted, Unknown> {
    let write = &write;
    let adopted = adopt_each(world, asked, |database, session| async move {
        let look = find::<T>(session, &[asked]).await?;
        let draft =
            |object: &str| Draft::new(key_of(world, database, object)).set("database", database);
        Ok(adopt_from(&look, asked, &draft, write))
    });
    Ok(adopted.await)
}

fn adopt_from<T: InCatalog>(
    look: &Look<T>,
    asked: &str,
    draft: &dyn Fn(&str) -> Draft,
    write: &impl Fn(&T, Draft) -> Draft,
) -> Adopted {
    let mut adopted = Adopted::default();
    let blocked =
        look.blocked.iter().filter(|(relation, why)| T::is_behind(asked, relation, why.reason));
    let blocked: Vec<_> = blocked.map(|(name, why)| (name.to_string(), why.clone())).collect();
    if is_pattern(asked) {
        let only: Vec<String> = entries(look, asked).into_keys().collect();
        if only.len() > ITEMS_MAX {
            let detail = format!("there are {}, a list has at most {ITEMS_MAX}", only.len());
            adopted.unseen.push((asked.to_owned(), Unknown::new(Reason::TooLarge, detail)));
        } else if !only.is_empty() && blocked.is_empty() {
            adopted.drafts.push(draft(asked).set("only", only));
        }
    }
    adopted.unseen.extend(blocked);
    for object in &look.found {
        let key = object.key();
        let covered = if is_pattern(asked) {
            object.is_adopted() && matches(asked, &object.entry())
        } else {
            key == asked
        };
        if covered && is_pattern(&key) {
            let detail = "a name with a `*` would be a pattern";
            adopted
                .unseen
                .push((escape(&key).into_owned(), Unknown::new(Reason::NotSupported, detail)));
        } else if covered {
            adopted.drafts.push(write(object, draft(&key)));
        }
    }
    adopted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_of_a_pattern() {
        for (pattern, schema) in [
            ("public.*", Some("public")),
            ("public.t.*", Some("public")),
            (r#""odd.schema".t*"#, Some("odd.schema")),
            ("*", None),
            ("pub*.t", None),
            (r#""odd*"#, None),
        ] {
            assert_eq!(schema_of(pattern).as_deref(), schema, "{pattern}");
        }
    }

    #[test]
    fn an_answer_under_its_former_name_is_read() {
        for text in [r#"{"matched": {"public.v": null}}"#, r#"{"listed": {"public.v": null}}"#] {
            let seen: Seen<View> = serde_json::from_str(text).expect("an answer");
            assert_eq!(seen, Seen::Matched([("public.v".to_owned(), None)].into()), "{text}");
        }
    }

    #[test]
    fn a_pattern_reaches_what_it_may_match() {
        for pattern in ["*", "public.*", "public.t.*", "public.t.a*", "pub*"] {
            assert!(reaches(pattern, "public.t."), "{pattern}");
        }
        for pattern in ["app.*", "public.t2.*", "public.u*"] {
            assert!(!reaches(pattern, "public.t."), "{pattern}");
        }
    }

    #[test]
    fn things_with_names_are_compared_in_both_directions() {
        let map = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
            pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
        };
        let mut found = Comparison::default();
        let seen = map(&[("a", "1"), ("b", "x\ny"), ("d", "1")]);
        compare_named(
            &mut found,
            "option",
            Some(&map(&[("a", "1"), ("b", "2"), ("c", "3")])),
            &seen,
        );
        compare_named(&mut found, "option", None, &seen);
        let lines: Vec<String> = found
            .differences
            .iter()
            .map(|d| format!("{} {} {} {:?}", d.field, d.desired, d.actual, d.change))
            .collect();
        assert_eq!(
            lines,
            [
                r#"option b "2" "x\\ny" None"#,
                r#"option c "3" null Some(Missing)"#,
                r#"option d null "1" Some(Unlisted)"#,
            ]
        );
    }
}
