//! Which files add to a unit, and in which order: `NAME.d/*.conf` and its more general relatives.

use std::collections::BTreeMap;

use super::UnitName;
use super::folders::{Entry, Folders};

/// The files that add to a unit of these names, in the order in which they apply.
///
/// Of files with the same name the first counts: by the names of the unit first, from its own to those of all units of
/// its type; for each of them by the search path. They apply in the order of their own names.
pub(super) fn of(folders: &Folders, id: &str, aliases: &[String]) -> Vec<String> {
    let Some(name) = UnitName::parse(id) else { return Vec::new() };
    let names = std::iter::once(id).chain(aliases.iter().map(String::as_str));
    let own = names.map(|name| UnitName::parse(name).map(|n| related(&n)).unwrap_or_default());
    first_of_each(folders, own.chain([vec![name.suffix.to_owned()]]))
}

/// The files whose `[Install]` sections count: those of the very name and of its template.
pub(super) fn with_install(folders: &Folders, name: &UnitName<'_>) -> Vec<String> {
    first_of_each(folders, [vec![name.whole.to_owned()], name.template().into_iter().collect()])
}

/// Of files with the same name the first: by groups of names, in a group by the search path, there by the names.
fn first_of_each(folders: &Folders, groups: impl IntoIterator<Item = Vec<String>>) -> Vec<String> {
    let mut found: BTreeMap<&str, String> = BTreeMap::new();
    for names in groups {
        for folder in &folders.search {
            for name in &names {
                let inside = folder.below.get(&format!("{name}.d"));
                for (file, entry) in inside.into_iter().flatten() {
                    let counts = file.strip_suffix(".conf").is_some() && !file.starts_with('.');
                    if counts && *entry != Entry::Other {
                        let path = || format!("{}/{name}.d/{file}", folder.path);
                        found.entry(file).or_insert_with(path);
                    }
                }
            }
        }
    }
    found.into_values().collect()
}

/// A name and those that stand for it and others: of an instance its template, of `a-b` also `a-`.
fn related(name: &UnitName<'_>) -> Vec<String> {
    let mut found = vec![name.whole.to_owned()];
    let also = |more: Option<String>, found: &mut Vec<String>| {
        if let Some(more) = more {
            let more = UnitName::parse(&more).map(|name| related(&name)).unwrap_or_default();
            found.extend(more);
        }
    };
    also(name.template(), &mut found);
    also(shorter(name.prefix).map(|prefix| name.with_prefix(prefix)), &mut found);
    found.dedup();
    found
}

/// `a-b-c` is one of `a-b-`, that one of `a-`, and `a-` of nothing.
fn shorter(prefix: &str) -> Option<&str> {
    let stem = prefix.strip_suffix('-').unwrap_or(prefix);
    let dash = stem.rfind('-').filter(|at| *at > 0)?;
    Some(&stem[..=dash])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_for_others_up_to_the_first_dash() {
        let related = |name| related(&UnitName::parse(name).expect("a name"));
        assert_eq!(related("a-b-c.service"), ["a-b-c.service", "a-b-.service", "a-.service"]);
        assert_eq!(related("a.service"), ["a.service"]);
        assert_eq!(related("a@x.service"), ["a@x.service", "a@.service"]);
        let instance =
            ["a-b@x.service", "a-b@.service", "a-.service", "a-@x.service", "a-@.service"];
        assert_eq!(related("a-b@x.service"), instance);
        assert_eq!(related("-a.mount"), ["-a.mount"]);
    }
}
