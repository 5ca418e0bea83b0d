//! What a walk finds, from many threads, bounded, and the same whatever the order they came in.

use std::sync::{Mutex, PoisonError};

use super::{FINDINGS_MAX, Finding, Walked, What};
use crate::model::display::escape_bytes;
use crate::model::{Blind, Unknown};

/// Collects findings. Of too many, the first in the order of the paths are kept.
#[derive(Debug)]
pub(super) struct Findings(Mutex<Kept>);

#[derive(Debug)]
struct Kept {
    unlisted: Bounded<What>,
    different: Bounded<What>,
    carried: Bounded<What>,
    blind: Bounded<Unknown>,
}

/// The first `max` items by path, and how many there were.
#[derive(Debug)]
struct Bounded<T> {
    items: Vec<(Vec<u8>, T)>,
    total: u64,
    max: usize,
}

impl<T> Bounded<T> {
    fn new(max: usize) -> Self {
        Self { items: Vec::new(), total: 0, max }
    }

    fn add(&mut self, path: &[u8], item: T, order: impl Fn(&T, &T) -> std::cmp::Ordering) {
        self.items.push((path.to_vec(), item));
        self.total += 1;
        if self.items.len() >= self.max.saturating_mul(2) {
            self.cut(order);
        }
    }

    fn cut(&mut self, order: impl Fn(&T, &T) -> std::cmp::Ordering) {
        self.items.sort_unstable_by(|(a, x), (b, y)| a.cmp(b).then_with(|| order(x, y)));
        self.items.truncate(self.max);
    }

    fn more(&self) -> u64 {
        self.total.saturating_sub(self.items.len() as u64)
    }
}

fn by_reason(a: &Unknown, b: &Unknown) -> std::cmp::Ordering {
    (a.reason, &a.detail).cmp(&(b.reason, &b.detail))
}

impl Findings {
    pub(super) fn new() -> Self {
        Self::with_max(FINDINGS_MAX)
    }

    fn with_max(max: usize) -> Self {
        let [unlisted, different, carried] = [(); 3].map(|()| Bounded::new(max));
        Self(Mutex::new(Kept { unlisted, different, carried, blind: Bounded::new(max) }))
    }

    /// Notes a difference at a path below the root.
    pub(super) fn differs(&self, path: &[u8], what: What) {
        let mut kept = self.kept();
        match what {
            What::Unlisted(_) => kept.unlisted.add(path, what, What::cmp),
            What::Xattr(_) | What::Privilege(_) => kept.carried.add(path, what, What::cmp),
            _ => kept.different.add(path, what, What::cmp),
        }
    }

    /// Notes a path that could not be told.
    pub(super) fn blind(&self, path: &[u8], unknown: Unknown) {
        self.kept().blind.add(path, unknown, by_reason);
    }

    pub(super) fn any_blind(&self) -> bool {
        self.kept().blind.total > 0
    }

    /// Moves everything into the outcome, sorted and escaped.
    pub(super) fn settle(self, walked: &mut Walked) {
        let Kept { mut unlisted, mut different, mut carried, mut blind } =
            self.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        unlisted.cut(What::cmp);
        different.cut(What::cmp);
        carried.cut(What::cmp);
        blind.cut(by_reason);
        (walked.unlisted_more, walked.findings_more, walked.blind_more) =
            (unlisted.more(), different.more(), blind.more());
        (walked.carried, walked.carried_more) = (carried.total, carried.more());
        different.items.append(&mut unlisted.items);
        different.items.append(&mut carried.items);
        different.items.sort_unstable();
        walked.findings = different
            .items
            .into_iter()
            .map(|(path, what)| Finding { path: shown(&path), what })
            .collect();
        walked.blind = blind
            .items
            .into_iter()
            .map(|(path, unknown)| Blind { field: shown(&path), unknown })
            .collect();
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn shown(path: &[u8]) -> String {
    if path.is_empty() { ".".to_owned() } else { escape_bytes(path) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Reason;

    #[test]
    fn the_first_paths_are_kept_whatever_the_order() {
        for order in
            [[1, 2, 3, 4, 5, 6, 7, 8, 9], [9, 8, 7, 6, 5, 4, 3, 2, 1], [5, 1, 9, 2, 8, 3, 7, 4, 6]]
        {
            let findings = Findings::with_max(3);
            for number in order {
                findings.differs(&[b'0' + number], What::Missing);
                findings.blind(&[0xf0, number], Unknown::new(Reason::IoError, "x"));
            }
            let mut walked = Walked::default();
            findings.settle(&mut walked);
            let paths: Vec<&str> = walked.findings.iter().map(|f| f.path.as_str()).collect();
            assert_eq!((paths, walked.findings_more), (vec!["1", "2", "3"], 6));
            assert_eq!(walked.unlisted_more, 0);
            assert_eq!((walked.blind[0].field.as_str(), walked.blind_more), ("\\xf0\\u{1}", 6));
        }
    }
}
