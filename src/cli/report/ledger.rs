//! The executor's ledger, as a report rests on it: what was done in its window, and the entries that it cites with their proofs.

use std::collections::{BTreeMap, BTreeSet};

use super::super::error::Failure;
use super::super::exit;
use crate::evidence::{Deed, Window};
use crate::ledger::proof::{INCLUSIONS_MAX, inclusions};
use crate::ledger::{Entry, Event, Ledger};
use crate::model::{Digest, Timestamp};
use crate::package::excerpt::Excerpt;
use crate::package::value::Change;

/// What a ledger has that a report may cite.
pub(super) struct Told {
    pub(super) window: Window,
    pub(super) gaps: Vec<Change>,
    /// The number of the first entry of the window.
    first: u64,
    since: Timestamp,
    attached: BTreeMap<u64, Vec<Digest>>,
}

/// Reads it. `since`: the beginning of the window; `gaps`: those whose changes are told.
pub(super) fn read(ledger: &Ledger, since: Timestamp, gaps: &[&str]) -> Result<Told, Failure> {
    let reader = ledger.reader();
    let mut told = Told {
        window: Window { since: Some(since), ..Window::default() },
        gaps: Vec::new(),
        first: reader.size(),
        since,
        attached: BTreeMap::new(),
    };
    for entry in reader.entries()? {
        let Entry { seq, time, event, attachments, .. } = entry?;
        if time >= since {
            told.first = told.first.min(seq);
            told.window.deeds.push(Deed { seq, type_name: event.type_name(), at: time });
        }
        if let Event::GapChanged(change) = &event
            && gaps.contains(&change.gap.as_str())
        {
            let (gap, state) = (change.gap.clone(), change.to.clone());
            told.gaps.push(Change { gap, at: time, state, entry: seq });
        }
        told.attached.insert(seq, attachments.iter().map(|one| one.sha256).collect());
    }
    Ok(told)
}

impl Told {
    /// The entries that are cited, all of the window and the one before it, with their proofs.
    pub(super) fn excerpt(
        &self,
        ledger: &mut Ledger,
        cited: &BTreeSet<u64>,
    ) -> Result<Excerpt, Failure> {
        let checkpoint = ledger.checkpoint()?;
        let size = checkpoint.checkpoint.size;
        let mut wanted: BTreeSet<u64> = (self.first.saturating_sub(1)..size).collect();
        wanted.extend(cited);
        wanted.extend(self.gaps.iter().map(|change| change.entry));
        if wanted.len() > INCLUSIONS_MAX {
            let message = format!(
                "the report rests on {} entries of the ledger, and {INCLUSIONS_MAX} is the most",
                wanted.len()
            );
            return Err(
                Failure::new(exit::ERROR, message).hint("give the report a shorter `window`")
            );
        }
        let entries = inclusions(ledger.path(), &wanted)?;
        let reader = ledger.reader();
        let mut blobs = BTreeMap::new();
        for digest in cited.iter().filter_map(|seq| self.attached.get(seq)).flatten() {
            blobs.insert(*digest, reader.blob(digest)?);
        }
        let (key, since, first) = (ledger.key(), self.since, self.first);
        Ok(Excerpt { entries, checkpoint, key, blobs, since, first })
    }
}
