//! What the kinds of a database share: whom to ask, and what an object is called.

use std::collections::BTreeMap;

use super::{Kind, Named};
use crate::probe::World;

/// Those of a kind of the database, by the database that answers for them.
pub(super) fn by_database<K: Kind>(wanted: &[Named<K>]) -> BTreeMap<&str, Vec<&Named<K>>> {
    let mut grouped: BTreeMap<&str, Vec<&Named<K>>> = BTreeMap::new();
    for named in wanted {
        grouped.entry(named.spec.database().unwrap_or_default()).or_default().push(named);
    }
    grouped
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
