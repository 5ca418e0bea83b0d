//! The order of steps: what others need comes first, and otherwise the order of names, so that one state has one plan.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::action::Action;
use crate::model::ResourceName;

/// Changes that stay together, in their own order: those of a resource, or the one step of a database.
#[derive(Debug, Default)]
pub(super) struct Block<T> {
    /// The resources that it is for.
    pub(super) resources: BTreeSet<ResourceName>,
    /// The resources that have to be in place first.
    pub(super) after: BTreeSet<ResourceName>,
    /// The paths that it makes or changes: before anything below them.
    pub(super) paths: BTreeSet<String>,
    /// The paths that it takes away: after everything below them.
    pub(super) removed: BTreeSet<String>,
    /// What is ordered.
    pub(super) content: T,
}

/// The paths that actions make or change.
pub(super) fn paths<'a>(actions: impl Iterator<Item = &'a Action>) -> BTreeSet<String> {
    actions.filter_map(|action| action.path().map(str::to_owned)).collect()
}

/// Orders blocks; answers those that wait for each other apart.
pub(super) fn order<T>(blocks: Vec<Block<T>>) -> (Vec<Block<T>>, Vec<Block<T>>) {
    let mut owner: BTreeMap<&ResourceName, usize> = BTreeMap::new();
    let mut of_path: BTreeMap<&str, usize> = BTreeMap::new();
    let mut of_removed: BTreeMap<&str, usize> = BTreeMap::new();
    for (at, block) in blocks.iter().enumerate() {
        owner.extend(block.resources.iter().map(|name| (name, at)));
        of_path.extend(block.paths.iter().map(|path| (path.as_str(), at)));
        of_removed.extend(block.removed.iter().map(|path| (path.as_str(), at)));
    }
    let mut waits: Vec<BTreeSet<usize>> = blocks.iter().map(|_| BTreeSet::new()).collect();
    for (at, block) in blocks.iter().enumerate() {
        waits[at].extend(block.after.iter().filter_map(|name| owner.get(name).copied()));
        let paths = block.paths.iter().chain(&block.removed);
        for above in paths.flat_map(|path| Path::new(path).ancestors().skip(1)) {
            let Some(above) = above.to_str() else { continue };
            waits[at].extend(of_path.get(above));
            if let Some(removal) = of_removed.get(above) {
                waits[*removal].insert(at);
            }
        }
    }
    for (at, waits) in waits.iter_mut().enumerate() {
        waits.remove(&at);
    }
    let mut wanted_by: Vec<Vec<usize>> = blocks.iter().map(|_| Vec::new()).collect();
    for (at, waits) in waits.iter().enumerate() {
        for other in waits {
            wanted_by[*other].push(at);
        }
    }
    let mut missing: Vec<usize> = waits.iter().map(BTreeSet::len).collect();
    let mut ready: BTreeSet<usize> =
        missing.iter().enumerate().filter(|(_, n)| **n == 0).map(|(at, _)| at).collect();
    let mut places = Vec::with_capacity(blocks.len());
    while let Some(at) = ready.pop_first() {
        places.push(at);
        for other in &wanted_by[at] {
            missing[*other] -= 1;
            if missing[*other] == 0 {
                ready.insert(*other);
            }
        }
    }
    let mut blocks: Vec<Option<Block<T>>> = blocks.into_iter().map(Some).collect();
    let ordered = places.into_iter().filter_map(|at| blocks[at].take()).collect();
    (ordered, blocks.into_iter().flatten().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(name: &str, after: &[&str], paths: &[&str]) -> Block<String> {
        let resource = |name: &&str| ResourceName::new("k", *name);
        Block {
            resources: [ResourceName::new("k", name)].into(),
            after: after.iter().map(resource).collect(),
            paths: paths.iter().map(|path| (*path).to_owned()).collect(),
            removed: BTreeSet::new(),
            content: name.to_owned(),
        }
    }

    fn names(blocks: &[Block<String>]) -> Vec<&str> {
        blocks.iter().map(|block| block.content.as_str()).collect()
    }

    #[test]
    fn what_others_need_comes_first() {
        let blocks = vec![
            block("a", &[], &["/x/y/z"]),
            block("b", &["d"], &[]),
            block("c", &[], &["/x"]),
            block("d", &[], &[]),
        ];
        let (ordered, circular) = order(blocks);
        assert_eq!(names(&ordered), ["c", "a", "d", "b"]);
        assert!(circular.is_empty());
    }

    #[test]
    fn what_is_removed_goes_after_what_lies_in_it() {
        let gone = |name: &str| {
            let removed = [name.to_owned()].into();
            Block { removed, ..block(name, &[], &[]) }
        };
        let blocks = vec![gone("/x"), gone("/x/y"), gone("/x/y/z"), block("/", &[], &["/"])];
        let (ordered, circular) = order(blocks);
        assert_eq!(names(&ordered), ["/", "/x/y/z", "/x/y", "/x"]);
        assert!(circular.is_empty());
    }

    #[test]
    fn a_circle_is_left_out_with_what_hangs_on_it() {
        let blocks = vec![
            block("a", &["b"], &[]),
            block("b", &["a"], &[]),
            block("c", &["b"], &[]),
            block("d", &[], &[]),
        ];
        let (ordered, circular) = order(blocks);
        assert_eq!((names(&ordered), names(&circular)), (vec!["d"], vec!["a", "b", "c"]));
    }
}
