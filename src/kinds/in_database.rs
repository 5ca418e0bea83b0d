//! What the kinds of a database share: whom to ask, and what an object is called.

use std::collections::BTreeMap;

use tokio::time::Instant;

use super::{Adopted, Answers, Kind, Named, answer_all};
use crate::model::Unknown;
use crate::probe::postgres::Session;
use crate::probe::{World, until};

/// Those of a kind of the database, by the database that answers for them.
pub(super) fn by_database<K: Kind>(wanted: &[Named<K>]) -> BTreeMap<&str, Vec<&Named<K>>> {
    let mut grouped: BTreeMap<&str, Vec<&Named<K>>> = BTreeMap::new();
    for named in wanted {
        grouped.entry(named.spec.database().unwrap_or_default()).or_default().push(named);
    }
    grouped
}

/// Puts one question to each database, about all that is wanted of it.
pub(super) async fn ask_each<'a, K, T, F>(
    world: &'a World,
    wanted: &'a [Named<K>],
    ask: impl Fn(&'a Session, Vec<&'a Named<K>>) -> F,
) -> Answers<T>
where
    K: Kind,
    F: Future<Output = Result<Answers<T>, Unknown>>,
{
    let give_up = Instant::now() + world.deadline;
    let mut answers = Answers::new();
    for (database, wanted) in by_database(wanted) {
        let answered = match world.database(database) {
            Ok(session) => until(give_up, ask(session, wanted.clone())).await,
            Err(why) => Err(why),
        };
        answers.extend(answered.unwrap_or_else(|why| answer_all(wanted, &why)));
    }
    answers
}

/// Writes down what was asked for in every database that is looked at. Of one that gave no answer nothing was seen.
pub(super) async fn adopt_each<'a, F>(
    world: &'a World,
    asked: &str,
    adopt: impl Fn(&'a str, &'a Session) -> F,
) -> Adopted
where
    F: Future<Output = Result<Adopted, Unknown>>,
{
    let mut all = Adopted::default();
    for (database, session) in &world.databases {
        let adopted = match session {
            Ok(session) => adopt(database, session).await,
            Err(why) => Err(why.clone()),
        };
        match adopted {
            Ok(Adopted { drafts, unseen }) => {
                all.drafts.extend(drafts);
                all.unseen.extend(unseen);
            }
            Err(why) => all.unseen.push((key_of(world, database, asked), why)),
        }
    }
    all
}

/// The name of the object that a resource is about.
pub(super) fn object_of<K: Kind>(named: &Named<K>) -> &str {
    object_name(&named.name, named.spec.database().unwrap_or_default())
}

/// The name of the object that a key is about. Where two databases of a host have an object of one name, the database
/// stands before it: `shop:public.unit`.
pub(super) fn object_name<'a>(key: &'a str, database: &str) -> &'a str {
    key.strip_prefix(database).and_then(|rest| rest.strip_prefix(':')).unwrap_or(key)
}

/// The key under which an object is written down.
pub(super) fn key_of(world: &World, database: &str, object: &str) -> String {
    if world.databases.len() > 1 { format!("{database}:{object}") } else { object.to_owned() }
}
