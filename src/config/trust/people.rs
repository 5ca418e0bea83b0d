//! Who is who: names that share a key are one person, whatever they are called.
//!
//! Other tools counted one key under two names as two people. Here the count is of people, found before any statement is
//! read, so no order of statements changes it.

use std::collections::BTreeMap;

use super::Trust;
use crate::model::SshKey;

/// The people behind the names of a trust file.
#[derive(Debug)]
pub struct People {
    /// For each name the first name, in the order of names, that the same person has.
    first: BTreeMap<String, String>,
}

impl People {
    pub(super) fn of(trust: &Trust) -> Self {
        let approvers = trust.approvers.iter().map(|(name, one)| (name, &one.keys));
        let committers = trust.committers.iter().map(|(name, one)| (name, &one.keys));
        let entries: Vec<_> = approvers.chain(committers).collect();
        let mut first: BTreeMap<String, String> =
            entries.iter().map(|(name, _)| ((*name).clone(), (*name).clone())).collect();
        let mut owner: BTreeMap<&SshKey, &String> = BTreeMap::new();
        for (name, keys) in entries {
            for key in keys {
                if let Some(other) = owner.insert(key, name) {
                    join(&mut first, other, name);
                }
            }
        }
        Self { first }
    }

    /// The person behind a name: the same for two names exactly when they are one person.
    #[must_use]
    pub fn person<'a>(&'a self, name: &'a str) -> &'a str {
        self.first.get(name).map_or(name, String::as_str)
    }

    /// The other names of the same person.
    pub fn aliases<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let person = self.person(name);
        let same = move |(other, first): &(&String, &String)| *first == person && *other != name;
        self.first.iter().filter(same).map(|(other, _)| other.as_str())
    }
}

/// Makes one person of two.
fn join(first: &mut BTreeMap<String, String>, one: &str, other: &str) {
    let (Some(one), Some(other)) = (first.get(one).cloned(), first.get(other).cloned()) else {
        return;
    };
    let (kept, gone) = if one <= other { (one, other) } else { (other, one) };
    for person in first.values_mut().filter(|person| **person == gone) {
        person.clone_from(&kept);
    }
}
