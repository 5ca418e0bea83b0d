//! Kinds of a database whose things are read as one list: a name chooses one of them, and a pattern closes the list.

use std::collections::{BTreeMap, BTreeSet};

use tokio::time::Instant;

use super::closed::{self, ITEMS_MAX, is_pattern};
use super::in_database::{key_of, object_name};
use super::{Adopted, Answers, Draft, Kind, Named, answer_all, by_database, presence};
use crate::model::display::escape;
use crate::model::{Comparison, Evidence, Reason, Unknown};
use crate::probe::postgres::Session;
use crate::probe::{World, until};

/// What was seen under one key: none or one thing for a plain name, all that it matches for a pattern.
pub(super) type Chosen<T> = BTreeMap<String, T>;

/// What there is.
#[derive(Debug)]
pub(super) struct Listing<T> {
    /// By the name that a key has.
    pub(super) things: BTreeMap<String, T>,
    /// The end of the names of what could not be listed, and why.
    pub(super) unseen: Option<(&'static str, Unknown)>,
}

impl<T> From<BTreeMap<String, T>> for Listing<T> {
    fn from(things: BTreeMap<String, T>) -> Self {
        Self { things, unseen: None }
    }
}

/// A kind whose things are read as one list.
pub(super) trait Listed: Kind {
    /// What is stored of one.
    type Thing: Clone + Send + Sync;

    /// Reads all of them, with whatever these resources ask beside.
    fn list(
        session: &Session,
        names: &[&str],
        wanted: &[&Named<Self>],
    ) -> impl Future<Output = Result<Listing<Self::Thing>, Unknown>> + Send;

    /// Does a pattern mean this thing?
    fn means(pattern: &str, name: &str, _thing: &Self::Thing) -> bool {
        closed::matches(pattern, name)
    }

    /// A few words about one, for a list that does not have it.
    fn about(thing: &Self::Thing) -> Option<String>;

    /// Adds its keys to a table of its name.
    ///
    /// # Errors
    /// Why it is not written down.
    fn write(draft: Draft, thing: &Self::Thing) -> Result<Draft, Unknown>;
}

/// Lists once for each database, and chooses for each resource.
pub(super) async fn observe<K: Listed>(
    world: &World,
    wanted: &[Named<K>],
) -> Answers<Chosen<K::Thing>> {
    let give_up = Instant::now() + world.deadline;
    let mut answers = Answers::new();
    for (database, wanted) in by_database(wanted) {
        let name = |named: &Named<K>| object_name(&named.name, database).to_owned();
        let names: Vec<String> = wanted.iter().map(|named| name(named)).collect();
        let asked: Vec<&str> = names.iter().map(String::as_str).collect();
        let listing = match world.database(database) {
            Ok(session) => until(give_up, K::list(session, &asked, &wanted)).await,
            Err(why) => Err(why),
        };
        match listing {
            Err(why) => answers.extend(answer_all(wanted, &why)),
            Ok(listing) => {
                let chosen = wanted.iter().zip(&names);
                let chosen = chosen.map(|(n, name)| (n.name.clone(), choose::<K>(&listing, name)));
                answers.extend(chosen);
            }
        }
    }
    answers
}

fn choose<K: Listed>(listing: &Listing<K::Thing>, name: &str) -> Result<Chosen<K::Thing>, Unknown> {
    if let Some((ending, why)) = &listing.unseen
        && name.ends_with(ending)
    {
        return Err(why.clone());
    }
    if !is_pattern(name) {
        let found = listing.things.get_key_value(name);
        return Ok(found.map(|(name, thing)| (name.clone(), thing.clone())).into_iter().collect());
    }
    let meant = listing.things.iter().filter(|(n, thing)| K::means(name, n, thing));
    Ok(meant.map(|(name, thing)| (name.clone(), thing.clone())).collect())
}

/// Compares a closed list, or whether the thing is there; hands over what is there as wanted, to be compared further.
pub(super) fn compare<'a, K: Listed>(
    name: &str,
    (present, only): (bool, Option<&Vec<String>>),
    chosen: &'a Chosen<K::Thing>,
) -> (Comparison, Option<&'a K::Thing>) {
    let mut found = Comparison::by(Evidence::Queried);
    if let Some(only) = only {
        let seen = chosen.iter().map(|(name, thing)| (name.clone(), K::about(thing)));
        closed::compare(only, &seen.collect(), &mut found);
        return (found, None);
    }
    let seen = chosen.get(name);
    if presence::compare(present, seen.is_some(), &mut found) {
        found.seen = seen.and_then(K::about).map(|about| escape(&about).into_owned());
        return (found, seen);
    }
    (found, None)
}

/// Writes down what was asked for in every database that is looked at: each thing, and for a pattern the list of them.
pub(super) async fn adopt<K: Listed>(world: &World, asked: &str) -> Result<Adopted, Unknown> {
    let mut adopted = Adopted::default();
    for (database, session) in &world.databases {
        let listed = match session {
            Ok(session) => K::list(session, &[asked], &[]).await,
            Err(why) => Err(why.clone()),
        };
        let chosen = listed.and_then(|listing| choose::<K>(&listing, asked));
        match chosen {
            Ok(chosen) => write::<K>(world, database, asked, &chosen, &mut adopted),
            Err(why) => adopted.unseen.push((key_of(world, database, asked), why)),
        }
    }
    Ok(adopted)
}

fn write<K: Listed>(
    world: &World,
    database: &str,
    asked: &str,
    chosen: &Chosen<K::Thing>,
    adopted: &mut Adopted,
) {
    let draft = |name: &str| Draft::new(key_of(world, database, name)).set("database", database);
    if is_pattern(asked) {
        if chosen.len() > ITEMS_MAX {
            let detail =
                format!("{} match, and at most {ITEMS_MAX} are written down", chosen.len());
            let unknown = Unknown::new(Reason::TooLarge, detail);
            adopted.unseen.push((key_of(world, database, asked), unknown));
            return;
        }
        let names: BTreeSet<&str> = chosen.keys().map(String::as_str).collect();
        let names: Vec<&str> = names.into_iter().collect();
        adopted.drafts.push(draft(asked).set("only", names));
    } else if chosen.is_empty() {
        let unknown = Unknown::new(Reason::NotSupported, "nothing of this name is there");
        adopted.unseen.push((key_of(world, database, asked), unknown));
    }
    for (name, thing) in chosen {
        let written = if is_pattern(name) {
            Err(Unknown::new(Reason::NotSupported, "its name has a `*`, and would be a pattern"))
        } else {
            K::write(draft(name), thing)
        };
        match written {
            Ok(draft) => adopted.drafts.push(draft),
            Err(why) => adopted.unseen.push((key_of(world, database, name), why)),
        }
    }
}
