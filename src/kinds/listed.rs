//! Kinds of a database whose things are read as one list: a name chooses one of them, and a pattern closes the list.

use std::collections::{BTreeMap, BTreeSet};

use super::closed::{self, ITEMS_MAX, is_pattern};
use super::in_database::{adopt_each, ask_each, key_of, object_name, object_of};
use super::{Adopted, Answers, Draft, Kind, Named, Problem, presence};
use crate::model::display::escape;
use crate::model::{Comparison, Evidence, Reason, Unknown};
use crate::probe::World;
use crate::probe::postgres::Session;

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

    /// What its table says of presence, and of the whole list.
    fn wanted(&self) -> (bool, Option<&Vec<String>>);

    /// The keys about one thing, and whether they are set.
    fn attributes(&self) -> Vec<(&'static str, bool)>;

    /// Compares the attributes of one that is there and shall be.
    fn compare(&self, thing: &Self::Thing, found: &mut Comparison);

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

/// Checks what all their tables have in common; hands over the name of the thing, or the pattern.
pub(super) fn check<'a, K: Listed>(
    spec: &K,
    name: &'a str,
    problems: &mut Vec<Problem>,
) -> &'a str {
    let name = object_name(name, spec.database().unwrap_or_default());
    closed::check_present(name, spec.wanted(), &spec.attributes(), problems);
    name
}

/// Lists once for each database, and chooses for each resource.
pub(super) async fn observe<K: Listed>(
    world: &World,
    wanted: &[Named<K>],
) -> Answers<Chosen<K::Thing>> {
    ask_each(world, wanted, choose_each).await
}

async fn choose_each<K: Listed>(
    session: &Session,
    wanted: Vec<&Named<K>>,
) -> Result<Answers<Chosen<K::Thing>>, Unknown> {
    let names: Vec<&str> = wanted.iter().map(|named| object_of(named)).collect();
    let listing = K::list(session, &names, &wanted).await?;
    let chosen = wanted.iter().zip(names);
    Ok(chosen.map(|(named, name)| (named.name.clone(), choose::<K>(&listing, name))).collect())
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

/// Compares a closed list, or one thing: whether it is there, and then its attributes.
pub(super) fn diff<K: Listed>(spec: &K, name: &str, chosen: &Chosen<K::Thing>) -> Comparison {
    let name = object_name(name, spec.database().unwrap_or_default());
    let (present, only) = spec.wanted();
    let mut found = Comparison::by(Evidence::Queried);
    if let Some(only) = only {
        let seen = chosen.iter().map(|(name, thing)| (name.clone(), K::about(thing)));
        closed::compare(only, &seen.collect(), &mut found);
        return found;
    }
    let seen = chosen.get(name);
    if presence::compare(present, seen.is_some(), &mut found)
        && let Some(thing) = seen
    {
        found.seen = K::about(thing).map(|about| escape(&about).into_owned());
        spec.compare(thing, &mut found);
    }
    found
}

/// Writes down what was asked for: each thing, and for a pattern the list of them.
pub(super) async fn adopt<K: Listed>(world: &World, asked: &str) -> Result<Adopted, Unknown> {
    let adopted = adopt_each(world, asked, |database, session| async move {
        let listing = K::list(session, &[asked], &[]).await?;
        Ok(write::<K>(world, database, asked, &choose::<K>(&listing, asked)?))
    });
    Ok(adopted.await)
}

fn write<K: Listed>(
    world: &World,
    database: &str,
    asked: &str,
    chosen: &Chosen<K::Thing>,
) -> Adopted {
    let mut adopted = Adopted::default();
    let draft = |name: &str| Draft::new(key_of(world, database, name)).set("database", database);
    if is_pattern(asked) {
        if chosen.len() > ITEMS_MAX {
            let detail =
                format!("{} match, and at most {ITEMS_MAX} are written down", chosen.len());
            let unknown = Unknown::new(Reason::TooLarge, detail);
            adopted.unseen.push((key_of(world, database, asked), unknown));
            return adopted;
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
    adopted
}
