//! How many resources differed over time, as the controller put it onto the observer's ledger.

use std::collections::BTreeMap;

use super::super::error::Failure;
use super::super::{exit, ledgers};
use crate::config::Config;
use crate::ledger::{ActorKind, Event, LedgerError, Reader};
use crate::package::value::Level;

/// The most levels that are told; of more, the newest.
const LEVELS_MAX: usize = 500;

/// Reads them; none where nothing watches. Where they cannot be read, the reason.
pub(super) fn drift(config: &Config) -> Result<(Vec<Level>, Option<String>), Failure> {
    let reader = match Reader::open(&ledgers::folder(config, ActorKind::Observer)) {
        Ok(reader) => reader,
        Err(LedgerError::Missing { .. }) => return Ok((Vec::new(), None)),
        Err(error) => {
            let failure = Failure::from(error);
            if failure.code == exit::VERIFICATION {
                return Err(failure);
            }
            let why = format!("drift over time is not told: {}", failure.message);
            return Ok((Vec::new(), Some(why)));
        }
    };
    let (mut known, mut levels) = (BTreeMap::new(), Vec::new());
    for entry in reader.entries()? {
        let entry = entry?;
        let Event::VerdictsChanged(changed) = entry.event else { continue };
        for change in changed.changes {
            match change.to {
                Some(to) if !change.waived => known.insert(change.resource, to),
                _ => known.remove(&change.resource),
            };
        }
        let of = |word: &str| known.values().filter(|verdict| *verdict == word).count() as u64;
        let level =
            Level { at: entry.time, drift: of("drift") + of("pending"), unknown: of("unknown") };
        levels.push(level);
    }
    let levels = levels.split_off(levels.len().saturating_sub(LEVELS_MAX));
    Ok((levels, None))
}
