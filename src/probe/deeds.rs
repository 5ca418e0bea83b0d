//! What this process did besides reading: the programs that it started and the databases that it connected to, counted where
//! that is done. For those who attest that a look was only a look.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use super::postgres::Settings;

/// The most different programs, or connections, that are told apart.
const TOLD_APART_MAX: usize = 1000;
/// What all others are counted as.
const OTHERS: &str = "others";

static DEEDS: Mutex<Deeds> =
    Mutex::new(Deeds { programs: BTreeMap::new(), connections: BTreeMap::new() });

/// What was done so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Deeds {
    /// How often each program was started, by its name.
    pub programs: BTreeMap<String, u64>,
    /// How often each connection was opened.
    pub connections: BTreeMap<Connected, u64>,
}

/// Where a connection led, and as whom.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Connected {
    /// The database, as the server calls it.
    pub database: String,
    /// The role that logged in.
    pub role: String,
}

/// What this process did until now.
#[must_use]
pub fn so_far() -> Deeds {
    DEEDS.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

pub(in crate::probe) fn started(program: &str) {
    let mut deeds = DEEDS.lock().unwrap_or_else(PoisonError::into_inner);
    count(&mut deeds.programs, program.to_owned(), OTHERS.to_owned());
}

pub(in crate::probe) fn connected(settings: &Settings) {
    let mut deeds = DEEDS.lock().unwrap_or_else(PoisonError::into_inner);
    let (database, role) = (settings.database().to_owned(), settings.user().to_owned());
    let others = Connected { database: OTHERS.to_owned(), role: OTHERS.to_owned() };
    count(&mut deeds.connections, Connected { database, role }, others);
}

fn count<K: Ord>(counts: &mut BTreeMap<K, u64>, key: K, others: K) {
    let room = counts.len() < TOLD_APART_MAX || counts.contains_key(&key);
    *counts.entry(if room { key } else { others }).or_default() += 1;
}

impl Deeds {
    /// What was done since `earlier`.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        Self {
            programs: since(&self.programs, &earlier.programs),
            connections: since(&self.connections, &earlier.connections),
        }
    }
}

fn since<K: Ord + Clone>(now: &BTreeMap<K, u64>, earlier: &BTreeMap<K, u64>) -> BTreeMap<K, u64> {
    let more = |(key, count): (&K, &u64)| {
        let more = count.saturating_sub(earlier.get(key).copied().unwrap_or(0));
        (more > 0).then(|| (key.clone(), more))
    };
    now.iter().filter_map(more).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_done_since_is_the_difference() {
        let mut earlier = Deeds::default();
        count(&mut earlier.programs, "git".to_owned(), OTHERS.to_owned());
        let mut now = earlier.clone();
        count(&mut now.programs, "git".to_owned(), OTHERS.to_owned());
        count(&mut now.programs, "rpm".to_owned(), OTHERS.to_owned());
        let since = now.since(&earlier);
        assert_eq!(since.programs, BTreeMap::from([("git".to_owned(), 1), ("rpm".to_owned(), 1)]));
        assert_eq!(now.since(&now), Deeds::default());
    }

    #[test]
    fn counts_are_bounded_and_lose_nothing() {
        let mut counts = BTreeMap::new();
        for n in 0..TOLD_APART_MAX + 5 {
            count(&mut counts, n.to_string(), OTHERS.to_owned());
        }
        assert_eq!((counts.len(), counts[OTHERS]), (TOLD_APART_MAX + 1, 5));
    }
}
