//! Which table a draft becomes, where tables have names of choice: the one about the same thing, or a new one of its own.

use serde_json::Value;

use crate::desired::Desired;
use crate::kinds::{About, Draft};
use crate::model::ResourceName;

/// Gives each draft the name of its table: never that of a table, or of another draft, that is about another thing.
#[must_use]
pub fn named(drafts: Vec<(ResourceName, Draft)>, desired: &Desired) -> Vec<(ResourceName, Draft)> {
    let mut named: Vec<(ResourceName, Draft)> = Vec::with_capacity(drafts.len());
    for (name, draft) in drafts {
        let name = match &draft.about {
            Some(about) => table(name, &draft, about, desired, &named),
            None => name,
        };
        named.push((name, draft));
    }
    named
}

fn table(
    usual: ResourceName,
    draft: &Draft,
    about: &About,
    desired: &Desired,
    named: &[(ResourceName, Draft)],
) -> ResourceName {
    let says = |key: &str| draft.keys.iter().find(|(k, _)| *k == key).map(|(_, value)| value);
    let same = |table: &Value| about.keys.iter().all(|key| table.get(key) == says(key));
    let mut there = desired.resources.values().filter(|r| r.name.kind == usual.kind);
    if desired.resources.get(&usual).is_none_or(|resource| !same(&resource.table))
        && let Some(resource) = there.find(|resource| same(&resource.table))
    {
        return resource.name.clone();
    }
    let same_draft = |other: &Draft| {
        let says_so = |key: &&str| other.keys.iter().any(|(k, v)| k == key && Some(v) == says(key));
        about.keys.iter().all(says_so)
    };
    let free = |name: &ResourceName| {
        desired.resources.get(name).is_none_or(|resource| same(&resource.table))
            && named.iter().all(|(other, draft)| other != name || same_draft(draft))
    };
    let longer = |number: usize| match number {
        1 => ResourceName::new(&usual.kind, &about.longer),
        more => ResourceName::new(&usual.kind, format!("{} {more}", about.longer)),
    };
    if free(&usual) {
        return usual;
    }
    // There are fewer names that are taken than numbers that are tried.
    let taken = desired.resources.len() + named.len();
    (1..=taken + 1).map(longer).find(free).unwrap_or(usual)
}
