//! What was seen last of every target, and since when each verdict is what it is.
//!
//! The past comes from the observer's ledger, the present from looks. A look answers with the transitions that it made.

use std::collections::{BTreeMap, BTreeSet};

use super::status::{ResourceStatus, summed};
use super::{Target, Transition};
use crate::drift::Verdict;
use crate::model::display::one_line;
use crate::model::{Reason, ResourceName, Timestamp};
use crate::report::{Header, Report, ResourceReport, Summary};

/// So many differences of one resource go into a status; a report has all.
const DIFFERENCES_MAX: usize = 50;
/// What a status says in its own words.
const OWN: [&str; 8] =
    ["resource", "verdict", "severity", "route", "reason", "detail", "contact", "observed_at"];
/// The longest detail of a transition, in characters.
const DETAIL_MAX: usize = 200;

/// One look at one target.
#[derive(Debug)]
pub struct Look {
    /// What it found.
    pub report: Report,
    /// The number of the commit that asked.
    pub generation: u64,
}

/// What is known of a resource beyond the last look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Past {
    /// Its verdict.
    pub verdict: Verdict,
    /// Does a waiver cover it, or is it expected?
    pub waived: bool,
    /// Since when.
    pub since: Timestamp,
    /// How many times it has left in sync.
    pub times: u64,
}

/// Everything that is known.
#[derive(Debug, Default)]
pub struct Knowledge {
    past: BTreeMap<ResourceName, (Target, Past)>,
    looks: BTreeMap<Target, Look>,
}

impl Knowledge {
    /// What the ledger says of a resource.
    pub fn recall(&mut self, resource: ResourceName, target: Target, past: Option<Past>) {
        match past {
            Some(past) => drop(self.past.insert(resource, (target, past))),
            None => drop(self.past.remove(&resource)),
        }
    }

    /// Takes in what a look found. Answers what is other than before.
    pub fn take(&mut self, target: &Target, look: Look) -> Vec<Transition> {
        let mut transitions = Vec::new();
        let commit = look.report.header.commit.clone();
        for seen in &look.report.resources {
            let before = self.past.get(&seen.resource).map(|(_, past)| *past);
            let waived = seen.is_accepted();
            let same = |past: &Past| past.verdict == seen.verdict && past.waived == waived;
            if before.as_ref().is_some_and(same) {
                continue;
            }
            let left = before.is_none_or(|past| past.verdict == Verdict::InSync);
            let onset = left && seen.verdict != Verdict::InSync;
            let times = before.map_or(0, |past| past.times) + u64::from(onset);
            let at = seen.observed_at;
            let past = Past { verdict: seen.verdict, waived, since: at, times };
            transitions.push(transition(seen, target, before, past, commit.clone()));
            self.past.insert(seen.resource.clone(), (target.clone(), past));
        }
        self.looks.insert(target.clone(), look);
        transitions
    }

    /// Forgets what desired state does not name any more.
    pub fn retain(
        &mut self,
        wanted: &BTreeSet<ResourceName>,
        commit: Option<&str>,
        now: Timestamp,
    ) -> Vec<Transition> {
        let gone: Vec<ResourceName> =
            self.past.keys().filter(|name| !wanted.contains(*name)).cloned().collect();
        for look in self.looks.values_mut() {
            look.report.resources.retain(|seen| wanted.contains(&seen.resource));
        }
        let removed = gone.into_iter().filter_map(|name| {
            let (target, past) = self.past.remove(&name)?;
            Some(Transition {
                resource: name,
                target,
                from: Some(past.verdict),
                to: None,
                waived: false,
                severity: crate::model::Severity::default(),
                route: crate::model::Route::default(),
                contact: None,
                cause: None,
                detail: "desired state does not name it any more".to_owned(),
                commit: commit.map(str::to_owned),
                at: now,
                since: Some(past.since),
                times: past.times,
            })
        });
        removed.collect()
    }

    /// Forgets the looks at targets that are none any more.
    pub fn retain_targets(&mut self, keep: impl Fn(&Target) -> bool) {
        self.looks.retain(|target, _| keep(target));
    }

    /// The last look at a target.
    #[must_use]
    pub fn look(&self, target: &Target) -> Option<&Look> {
        self.looks.get(target)
    }

    /// The resources, by name.
    #[must_use]
    pub fn resources(&self) -> Vec<ResourceStatus> {
        let of = |(target, look): (&Target, &Look)| {
            let seen = look.report.resources.iter();
            seen.map(|seen| self.status(target, seen)).collect::<Vec<_>>()
        };
        let mut all: Vec<ResourceStatus> = self.looks.iter().flat_map(of).collect();
        all.sort_by(|a, b| a.resource.cmp(&b.resource));
        all
    }

    fn status(&self, target: &Target, seen: &ResourceReport) -> ResourceStatus {
        let past = self.past.get(&seen.resource).map(|(_, past)| *past);
        let mut rest = match serde_json::to_value(seen) {
            Ok(serde_json::Value::Object(rest)) => rest,
            _ => serde_json::Map::new(),
        };
        rest.retain(|key, _| !OWN.contains(&key.as_str()));
        if let Some(serde_json::Value::Array(all)) = rest.get_mut("differences")
            && all.len() > DIFFERENCES_MAX
        {
            let total = all.len();
            all.truncate(DIFFERENCES_MAX);
            rest.insert("differences_total".to_owned(), total.into());
        }
        ResourceStatus {
            resource: seen.resource.clone(),
            target: target.clone(),
            verdict: seen.verdict,
            severity: seen.severity,
            route: seen.route,
            reason: seen.reason,
            detail: seen.detail.clone(),
            waived: seen.is_accepted(),
            contact: seen.contact.clone(),
            observed_at: seen.observed_at,
            since: past.map_or(seen.observed_at, |past| past.since),
            times: past.map_or(0, |past| past.times),
            rest,
        }
    }

    /// The looks that are known, as one report: what `check` would say if it had looked then.
    #[must_use]
    pub fn report(&self) -> Option<Report> {
        let newest = self.looks.values().max_by_key(|look| look.report.header.observed_at)?;
        let mut notes: Vec<String> = Vec::new();
        for note in self.looks.values().flat_map(|look| &look.report.header.notes) {
            if !notes.contains(note) {
                notes.push(note.clone());
            }
        }
        let header = Header { notes, ..newest.report.header.clone() };
        let all = self.looks.values().flat_map(|look| &look.report.resources);
        Some(Report::of_resources(header, all.cloned().collect()))
    }

    /// The worst verdict that no waiver covers, and how many there are of each.
    #[must_use]
    pub fn summary(&self) -> (Verdict, Summary) {
        summed(&self.resources())
    }

    /// The resources that are pending.
    #[must_use]
    pub fn pending(&self) -> Vec<ResourceName> {
        self.named(|seen| seen.verdict == Verdict::Pending)
    }

    /// The resources that a plan could be about, with what is wrong with each.
    #[must_use]
    pub fn wanting(&self) -> Vec<ResourceName> {
        self.named(|seen| matches!(seen.verdict, Verdict::Pending | Verdict::Drift))
    }

    fn named(&self, is: impl Fn(&ResourceReport) -> bool) -> Vec<ResourceName> {
        let all = self.looks.values().flat_map(|look| &look.report.resources);
        let mut names: Vec<_> = all.filter(|seen| is(seen)).map(|s| s.resource.clone()).collect();
        names.sort();
        names
    }
}

fn transition(
    seen: &ResourceReport,
    target: &Target,
    before: Option<Past>,
    now: Past,
    commit: Option<String>,
) -> Transition {
    Transition {
        resource: seen.resource.clone(),
        target: target.clone(),
        from: before.map(|past| past.verdict),
        to: Some(now.verdict),
        waived: now.waived,
        severity: seen.severity,
        route: seen.route,
        contact: seen.contact.clone(),
        cause: seen.reason,
        detail: detail(seen),
        commit,
        at: now.since,
        since: before.map(|past| past.since),
        times: now.times,
    }
}

/// Which attributes differ, or why it could not be told. No values: those are for reports.
fn detail(seen: &ResourceReport) -> String {
    if let Some(detail) = &seen.detail {
        return one_line(detail, DETAIL_MAX);
    }
    let mut fields: Vec<&str> =
        seen.differences.iter().map(|difference| difference.field.as_str()).collect();
    fields.dedup();
    one_line(&fields.join(", "), DETAIL_MAX)
}

/// Could a target as a whole not be looked at: is every resource of it unknown, for a reason that is the target's?
#[must_use]
pub fn has_failed(report: &Report) -> Option<String> {
    let of_target = |reason: Reason| {
        matches!(
            reason,
            Reason::Unreachable
                | Reason::Deadline
                | Reason::IdentityUnverified
                | Reason::NoAnswer
                | Reason::NotConfigured
        )
    };
    let failed = |seen: &ResourceReport| {
        seen.verdict == Verdict::Unknown && seen.reason.is_some_and(of_target)
    };
    let first = report.resources.first()?;
    let all = report.resources.iter().all(failed);
    all.then(|| one_line(first.detail.as_deref().unwrap_or_default(), DETAIL_MAX))
}
