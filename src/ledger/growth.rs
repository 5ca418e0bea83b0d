//! The newest entries of a ledger as hashes alone: whoever saw it at one of those sizes can tell offline that it only grew
//! since then.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::error::LedgerError;
use super::merkle::{Frontier, Hash};
use super::read::Reader;
use crate::model::Decimal;

/// The most entries that are carried. What was seen before them is compared by the ledger's own machine.
pub const LEAVES_MAX: usize = 1024;

/// How a ledger came to its size: what its tree was, and the entries after that.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Growth {
    /// How many entries there were.
    size: Decimal,
    /// The roots of the perfect trees over them, the largest first.
    roots: Vec<Hash>,
    /// The hashes of the entries that came then.
    leaves: Vec<Hash>,
}

impl Growth {
    /// The newest entries of a ledger.
    ///
    /// # Errors
    /// When it cannot be read any more.
    pub fn of(reader: &Reader) -> Result<Self, LedgerError> {
        let (mut frontier, mut leaves) = (Frontier::default(), VecDeque::new());
        for entry in reader.entries()? {
            leaves.push_back(entry?.leaf);
            if leaves.len() > LEAVES_MAX {
                leaves.pop_front().into_iter().for_each(|leaf| frontier.push(leaf));
            }
        }
        let size = Decimal(frontier.size());
        Ok(Self { size, roots: frontier.roots().to_vec(), leaves: leaves.into() })
    }

    /// The root that it had when it was this large; `None` where that is not carried.
    #[must_use]
    pub fn root_at(&self, size: u64) -> Option<Hash> {
        let after = usize::try_from(size.checked_sub(self.size.0)?).ok()?;
        let mut frontier = Frontier::of(self.size.0, self.roots.clone())?;
        self.leaves.get(..after)?.iter().for_each(|leaf| frontier.push(*leaf));
        Some(frontier.root())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::merkle::root;

    #[test]
    fn every_size_that_is_carried_has_its_root() {
        let leaves: Vec<Hash> = (0..40).map(|n| Hash([n; 32])).collect();
        for before in 0..=leaves.len() {
            let mut frontier = Frontier::default();
            leaves[..before].iter().for_each(|leaf| frontier.push(*leaf));
            let growth = Growth {
                size: Decimal(before as u64),
                roots: frontier.roots().to_vec(),
                leaves: leaves[before..].to_vec(),
            };
            for size in 0..=leaves.len() + 1 {
                let wanted = (before..=leaves.len()).contains(&size).then(|| root(&leaves[..size]));
                let found = growth.root_at(size as u64);
                let wanted = wanted.filter(|_| size <= leaves.len());
                assert_eq!(found, wanted, "{size} after {before}");
            }
        }
        let torn = Growth { size: Decimal(3), roots: vec![Hash([0; 32])], leaves: Vec::new() };
        assert_eq!(torn.root_at(3), None, "three entries are two perfect trees");
    }
}
