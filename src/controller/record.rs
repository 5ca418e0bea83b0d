//! Between what is known and the observer's ledger: entries written, and read again after a start.
//!
//! Everything that has to outlive a crash stands there: which commit was accepted, which one converged, the verdict of each
//! resource with its onset, and a suspension. So there is no other state to lose, and none to take back to an earlier one.

use super::knowledge::{Knowledge, Past};
use super::status::{Converged, Suspension};
use super::{Target, Transition};
use crate::drift::Verdict;
use crate::ledger::event::{VerdictChange, VerdictsChanged};
use crate::ledger::{Entry, Event};
use crate::model::{Decimal, ResourceName, Timestamp};

/// The bytes of changes in one entry, roughly; there is room for four times that.
const CHANGES_BYTES: usize = 16 << 10;

/// What the ledger says.
#[derive(Debug, Default)]
pub struct Record {
    /// How many commits were accepted.
    pub generation: u64,
    /// The newest of them, and when.
    pub accepted: Option<(String, Timestamp)>,
    /// The last commit at which everything was in sync.
    pub converged: Option<Converged>,
    /// The newest suspension, unless it was lifted. It may have run out.
    pub suspended: Option<Suspension>,
    /// The verdicts.
    pub knowledge: Knowledge,
}

impl Record {
    /// Takes in an entry. Those of other kinds say nothing here.
    pub fn recall(&mut self, entry: Entry) {
        let at = entry.time;
        match entry.event {
            Event::SourceAccepted(accepted) => {
                self.generation += 1;
                self.accepted = Some((accepted.commit, at));
            }
            Event::DesiredConverged(converged) => {
                self.converged = Some(Converged { commit: converged.commit, at });
            }
            Event::WatchSuspended(set) => {
                let (by, reason, until) = (set.by, set.reason, set.until);
                self.suspended = Some(Suspension { by, reason, since: at, until });
            }
            Event::WatchResumed(_) => self.suspended = None,
            Event::VerdictsChanged(changed) => {
                for change in changed.changes {
                    self.recall_change(&change, at);
                }
            }
            _ => {}
        }
    }

    fn recall_change(&mut self, change: &VerdictChange, since: Timestamp) {
        let names = ResourceName::parse(&change.resource).zip(Target::parse(&change.target));
        let Some((resource, target)) = names else { return };
        let past = change.to.as_deref().and_then(verdict).map(|verdict| Past {
            verdict,
            waived: change.waived,
            since,
            times: change.times.0,
        });
        self.knowledge.recall(resource, target, past);
    }
}

/// A verdict by its word.
#[must_use]
pub fn verdict(word: &str) -> Option<Verdict> {
    let all = [Verdict::InSync, Verdict::Pending, Verdict::Drift, Verdict::Unknown];
    all.into_iter().find(|verdict| verdict.word() == word)
}

/// What is written of transitions: as few entries as they fit into, because each waits for the disk.
#[must_use]
pub fn entries(transitions: &[Transition]) -> Vec<VerdictsChanged> {
    let mut entries: Vec<(usize, VerdictsChanged)> = Vec::new();
    for one in transitions {
        let change = change(one);
        let bytes = 400 + 6 * (change.resource.len() + change.detail.len());
        match entries.last_mut() {
            Some((size, entry)) if *size + bytes <= CHANGES_BYTES && entry.commit == one.commit => {
                *size += bytes;
                entry.changes.push(change);
            }
            _ => {
                let entry = VerdictsChanged { commit: one.commit.clone(), changes: vec![change] };
                entries.push((bytes, entry));
            }
        }
    }
    entries.into_iter().map(|(_, entry)| entry).collect()
}

fn change(one: &Transition) -> VerdictChange {
    let word = |verdict: Verdict| verdict.word().to_owned();
    VerdictChange {
        resource: one.resource.to_string(),
        target: one.target.to_string(),
        from: one.from.map(word),
        to: one.to.map(word),
        waived: one.waived,
        severity: serde_json::to_value(one.severity)
            .ok()
            .and_then(|value| value.as_str().map(str::to_owned))
            .unwrap_or_default(),
        cause: one.cause.map(|reason| reason.to_string()),
        detail: one.detail.clone(),
        since: one.since,
        times: Decimal(one.times),
    }
}
