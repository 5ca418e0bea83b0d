//! What the kinds of named objects of a schema share: the name or pattern of a key, one question for all of them, a closed
//! list, and writing them down.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::in_database::{key_of, object_name};
use super::{Adopted, Answers, Draft, Kind, Named, Problem, by_database, closed, covers};
use crate::model::display::escape;
use crate::model::{Code, Comparison, Difference, RelationName, Unknown};
use crate::probe::catalog::{Look, Object, Scope, Sequence, Type, View, look};
use crate::probe::postgres::Session;
use crate::probe::{World, until};

/// A class whose objects have a schema, a name, and nothing else that tells them apart.
pub(super) trait Catalogued: Object + Clone {
    /// Its schema, and its name in it.
    fn place(&self) -> (&str, &str);
    /// The extension that it belongs to.
    fn extension(&self) -> Option<&str>;
}

macro_rules! catalogued {
    ($($class:ident),*) => {$(
        impl Catalogued for $class {
            fn place(&self) -> (&str, &str) {
                (&self.schema, &self.name)
            }
            fn extension(&self) -> Option<&str> {
                self.extension.as_deref()
            }
        }
    )*};
}

catalogued!(Sequence, Type, View);

/// What was seen under a name.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Seen<T> {
    /// There is none of that name.
    Absent,
    /// The object itself.
    One(T),
    /// All that a pattern matches, with the extension that one belongs to.
    Listed(BTreeMap<String, Option<String>>),
}

fn name_of<T: Catalogued>(object: &T) -> RelationName {
    let (schema, name) = object.place();
    RelationName { schema: schema.to_owned(), name: name.to_owned() }
}

/// The schema that a pattern such as `public.*` is about. It is named in full.
fn schema_of(pattern: &str) -> Option<String> {
    let before = pattern.split('*').next().unwrap_or_default();
    let schema = |(at, _)| RelationName::parse(&format!("{}.x", &before[..at])).ok();
    before.match_indices('.').find_map(schema).map(|name| name.schema)
}

/// Checks the key of a table: a name with its schema, or a pattern of names in one schema.
pub(super) fn check_name(name: &str, database: &str, problems: &mut Vec<Problem>) {
    let name = object_name(name, database);
    if closed::is_pattern(name) {
        if schema_of(name).is_none() {
            let message = "the schema of a pattern is named in full, as in `public.*`";
            problems.push(Problem::resource(Code::BadName, message));
        }
    } else if let Err(why) = RelationName::parse(name) {
        problems.push(Problem::resource(Code::BadName, why));
    }
}

/// Asks every database about all that is wanted of it.
pub(super) async fn observe_all<K: Kind, T: Catalogued>(
    world: &World,
    wanted: &[Named<K>],
) -> Answers<Seen<T>> {
    let give_up = Instant::now() + world.deadline;
    let mut answers = Answers::new();
    for (database, wanted) in by_database(wanted) {
        let subjects = wanted
            .iter()
            .map(|named| (named.name.clone(), object_name(&named.name, database).to_owned()));
        let (patterns, names): (Vec<_>, Vec<_>) =
            subjects.partition(|(_, name)| closed::is_pattern(name));
        match world.database(database) {
            Ok(session) => {
                answers.extend(named(session, names, give_up).await);
                answers.extend(listed::<T>(session, patterns, give_up).await);
            }
            Err(why) => {
                answers.extend(wanted.iter().map(|one| (one.name.clone(), Err(why.clone()))));
            }
        }
    }
    answers
}

/// Keys with the names or patterns that they stand for.
type Subjects = Vec<(String, String)>;

async fn named<T: Catalogued>(
    session: &Session,
    subjects: Subjects,
    give_up: Instant,
) -> Answers<Seen<T>> {
    let subjects: Vec<(String, RelationName)> = subjects
        .into_iter()
        .filter_map(|(key, name)| Some((key, RelationName::parse(&name).ok()?)))
        .collect();
    if subjects.is_empty() {
        return Answers::new();
    }
    let scope = Scope::Names(subjects.iter().map(|(_, name)| name.clone()).collect());
    let looked = until(give_up, look::<T>(session, &scope)).await;
    let looked = looked.map(|Look { found, blocked }| {
        let found: BTreeMap<RelationName, T> =
            found.into_iter().map(|object| (name_of(&object), object)).collect();
        (found, blocked)
    });
    let answer = |name: &RelationName| match &looked {
        Err(why) => Err(why.clone()),
        Ok((found, blocked)) => match (found.get(name), blocked.get(name)) {
            (Some(object), _) => Ok(Seen::One(object.clone())),
            (None, Some(why)) => Err(why.clone()),
            (None, None) => Ok(Seen::Absent),
        },
    };
    subjects.iter().map(|(key, name)| (key.clone(), answer(name))).collect()
}

async fn listed<T: Catalogued>(
    session: &Session,
    subjects: Subjects,
    give_up: Instant,
) -> Answers<Seen<T>> {
    if subjects.is_empty() {
        return Answers::new();
    }
    let schemas = subjects.iter().filter_map(|(_, pattern)| schema_of(pattern)).collect();
    let looked = until(give_up, look::<T>(session, &Scope::Schemas(schemas))).await;
    let answer = |pattern: &String| {
        let Look { found, blocked } = looked.as_ref().map_err(Clone::clone)?;
        let mut names = BTreeMap::new();
        for (name, why) in blocked {
            let name = name.to_string();
            if closed::matches(pattern, &name) {
                return Err(why.clone().of(escape(&name)));
            }
        }
        for object in found {
            let name = name_of(object).to_string();
            if closed::matches(pattern, &name) {
                let about = object.extension().map(|extension| format!("of extension {extension}"));
                names.insert(name, about);
            }
        }
        Ok(Seen::Listed(names))
    };
    subjects.iter().map(|(key, pattern)| (key.clone(), answer(pattern))).collect()
}

/// Compares a text of which the empty one stands for none.
pub(super) fn expect_text(
    found: &mut Comparison,
    field: &str,
    wanted: Option<&String>,
    is: Option<&String>,
) {
    let Some(wanted) = wanted else { return };
    if wanted != is.map_or("", String::as_str) {
        let shown = |text: &str| match text {
            "" => serde_json::Value::Null,
            text => escape(text).into(),
        };
        let actual = is.map_or(serde_json::Value::Null, |is| shown(is));
        found.differences.push(Difference::new(field, shown(wanted), actual));
    }
}

/// The schemas that people made.
const SCHEMAS: &str = "SELECT n.nspname::text FROM pg_catalog.pg_namespace n \
    WHERE n.nspname <> 'information_schema' AND n.nspname !~ '^pg_' ORDER BY n.nspname";

/// Writes down what was asked for in every database that is looked at, without what belongs to extensions.
pub(super) async fn adopt<T: Catalogued>(
    world: &World,
    asked: &str,
    write: impl Fn(&T, Draft) -> Draft,
) -> Result<Adopted, Unknown> {
    let mut adopted = Adopted::default();
    for (database, session) in &world.databases {
        let looking = async {
            let session = session.as_ref().map_err(Clone::clone)?;
            let schemas = session.ask(SCHEMAS, &[]).await?.into_iter().flatten().flatten();
            look::<T>(session, &Scope::Schemas(schemas.collect())).await
        };
        let Look { found, blocked } = match looking.await {
            Ok(looked) => looked,
            Err(why) => {
                adopted.unseen.push((database.clone(), why));
                continue;
            }
        };
        for object in found.iter().filter(|object| object.extension().is_none()) {
            let name = name_of(object).to_string();
            if covers(asked, &name) {
                let draft = Draft::new(key_of(world, database, &name));
                adopted.drafts.push(write(object, draft.set("database", database.as_str())));
            }
        }
        let blocked = blocked.into_iter().map(|(name, why)| (name.to_string(), why));
        let blocked = blocked.filter(|(name, _)| covers(asked, name));
        adopted.unseen.extend(blocked.map(|(name, why)| (key_of(world, database, &name), why)));
    }
    Ok(adopted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_names_its_schema() {
        for (name, schema) in [
            ("public.*", Some("public")),
            ("\"Odd.\"\"one\".v*", Some("Odd.\"one")),
            ("a.b*.c", Some("a")),
            ("*", None),
            ("pub*.v", None),
            ("Public.*", None),
        ] {
            assert_eq!(schema_of(name).as_deref(), schema, "{name}");
        }
        let codes = |name: &str| {
            let mut problems = Vec::new();
            check_name(name, "shop", &mut problems);
            problems.len()
        };
        assert_eq!(
            [codes("shop:public.v"), codes("public.*"), codes("v"), codes("*.v")],
            [0, 0, 1, 1]
        );
    }
}
