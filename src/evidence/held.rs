//! Does what is required hold, and what does that rest on?

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::attestation::{Attested, attested};
use super::{ProofRecord, Recorded};
use crate::desired::{Desired, Line, Requirement};
use crate::drift::{Judged, Verdict};
use crate::model::{Evidence, Period, ResourceName, Timestamp};
use crate::proof::Holds;

/// Does it hold? The order is that of alarm: what several come to is their maximum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Held {
    /// It was looked at, or run, and is as it should be.
    Yes,
    /// It is not as it should be, and a waiver accepts that for a time.
    Waived,
    /// It was not run.
    NotRun,
    /// It cannot be told.
    Untold,
    /// It is not as it should be.
    No,
}

impl Held {
    /// Is it not known, rather than known not to hold?
    #[must_use]
    pub const fn is_blind(self) -> bool {
        matches!(self, Self::NotRun | Self::Untold)
    }
}

/// What a requirement came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Backing {
    /// The requirement, as it is written.
    pub requires: String,
    /// Does it hold?
    pub held: Held,
    /// Is there something of it that could not be told, or was not run? What does not hold beside it hides that from `held`.
    pub untold: bool,
    /// How much of it holds: resources, lines of a set, proofs.
    pub holding: usize,
    /// How much there is of it.
    pub total: usize,
    /// In a few words what was seen.
    pub seen: String,
    /// The first thing that is missing; null where nothing is.
    pub missing: Option<String>,
    /// What can be looked up: resources with how they were seen, entries of the ledger.
    pub evidence: Vec<String>,
    /// The same for programs.
    #[serde(skip)]
    pub cited: Vec<Cited>,
}

/// What can be looked up: that which a line rests on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cited {
    /// What was seen of a resource.
    Observation(ResourceName),
    /// An entry of the executor's ledger, by its number.
    Entry(u64),
}

/// What requirements are held against.
#[derive(Debug)]
pub struct Facts<'a> {
    desired: &'a Desired,
    judged: BTreeMap<&'a ResourceName, &'a Judged<'a>>,
    recorded: &'a Recorded,
    now: Timestamp,
}

impl<'a> Facts<'a> {
    /// `now`: when the look ended.
    #[must_use]
    pub fn new(
        desired: &'a Desired,
        judged: &'a [Judged<'a>],
        recorded: &'a Recorded,
        now: Timestamp,
    ) -> Self {
        let judged = judged.iter().map(|one| (&one.resource.name, one)).collect();
        let now = recorded.newest.map_or(now, |newest| newest.max(now));
        Self { desired, judged, recorded, now }
    }

    pub(super) const fn desired(&self) -> &'a Desired {
        self.desired
    }

    /// Holds a requirement against what is known. `max_age`: of outcomes on the ledger.
    #[must_use]
    pub fn backing(&self, requirement: &Requirement, max_age: Period) -> Backing {
        let mut found = Found::default();
        match requirement {
            Requirement::Proof(name) => self.proof(name, max_age, &mut found),
            Requirement::Proofset(name) => self.set(name, max_age, &mut found),
            Requirement::Attestation(name) => self.attestation(name, &mut found),
            Requirement::Guards | Requirement::Resources(_) => {}
        }
        self.resources(&requirement.resources(self.desired), &mut found);
        found.backing(requirement.text())
    }

    /// The same for resources that are named one by one.
    pub(super) fn backing_of(&self, requires: String, names: &[&ResourceName]) -> Backing {
        let mut found = Found::default();
        self.resources(names, &mut found);
        found.backing(requires)
    }

    fn resources(&self, names: &[&ResourceName], found: &mut Found) {
        let mut in_sync = 0;
        for name in names {
            let Some(judged) = self.judged.get(*name) else {
                found.take(Held::NotRun, || format!("{name} was not looked at"));
                continue;
            };
            let held = match judged.verdict {
                Verdict::InSync => Held::Yes,
                Verdict::Unknown => Held::Untold,
                Verdict::Drift | Verdict::Pending if judged.waived => Held::Waived,
                Verdict::Drift | Verdict::Pending => Held::No,
            };
            found.take(held, || {
                let waived =
                    if held == Held::Waived { " (waived, which mends nothing)" } else { "" };
                format!("{name}: {}{waived}", judged.why())
            });
            in_sync += usize::from(held == Held::Yes);
            let seen = how(judged.comparison.evidence);
            let seen = judged.unknown.as_ref().map_or(seen, |_| "not seen");
            found.evidence.push(format!("{name} {seen} {}", self.now));
            found.cited.push(Cited::Observation((*name).clone()));
        }
        match names {
            [] => {}
            [only] if in_sync == 1 => {
                let seen = self.judged.get(*only).and_then(|one| one.comparison.seen.clone());
                found.seen.push(seen.unwrap_or_else(|| "in sync".to_owned()));
            }
            _ => found.seen.push(format!("{in_sync} of {} in sync", names.len())),
        }
    }

    fn proof(&self, name: &str, max_age: Period, found: &mut Found) {
        let Some(proof) = self.desired.proofs.get(name) else {
            return found.take(Held::NotRun, || format!("there is no proof.{name}"));
        };
        let Some(record) = self.recorded.proofs.get(name) else {
            return found.take(Held::NotRun, || self.no_outcome(&format!("proof.{name}")));
        };
        found.entry(record.entry, record.at);
        if record.contract != proof.contract.digest() {
            let why = || format!("proof.{name} was run {} with another contract", record.at);
            return found.take(Held::NotRun, why);
        }
        if let Some(why) = self.of_another_cluster(&proof.contract.database, record) {
            return found.take(Held::NotRun, || format!("proof.{name} {why}"));
        }
        if let Some(why) = self.too_old(record.at, max_age) {
            return found.take(Held::NotRun, || format!("proof.{name} {why}"));
        }
        found.seen.push(format!("{} at {}", record.verdict, record.at));
        found.take(of_line(record.holds), || format!("proof.{name}: {}", record.verdict));
    }

    fn set(&self, name: &str, max_age: Period, found: &mut Found) {
        let Some(set) = self.desired.proofsets.get(name) else {
            return found.take(Held::NotRun, || format!("there is no proofset.{name}"));
        };
        let Some(record) = self.recorded.sets.get(name) else {
            return found.take(Held::NotRun, || self.no_outcome(&format!("proofset.{name}")));
        };
        found.entry(record.entry, record.at);
        if record.set != set.digest(&self.desired.proofs) || record.lines.len() != set.lines.len() {
            let why = || format!("proofset.{name} was run {} with other lines", record.at);
            return found.take(Held::NotRun, why);
        }
        if let Some(why) = self.too_old(record.at, max_age) {
            return found.take(Held::NotRun, || format!("proofset.{name} {why}"));
        }
        let holding = record.lines.iter().filter(|line| line.holds == Holds::Yes).count();
        found.seen.push(format!("{holding}/{} at {}", record.lines.len(), record.at));
        for line in &record.lines {
            found.take(of_line(line.holds), || {
                format!("{} ({}): {}", line.name, line.holds, line.because.join("; "))
            });
        }
        // A later run of one of its proofs counts as well: what leaked since is not covered by what was clean before.
        let mut alone = Found::default();
        let proofs = set.lines.iter().flat_map(Line::proof_names);
        proofs.for_each(|proof| self.proof(proof, max_age, &mut alone));
        found.cited.append(&mut alone.cited);
        if let Some(held) = alone.worst {
            found.take(held, || alone.missing.unwrap_or_default());
        }
    }

    fn attestation(&self, name: &str, found: &mut Found) {
        let Attested { held, missing, by, .. } =
            attested(self.desired, self.recorded, name, self.now);
        for one in &by {
            let (who, role, until) = (&one.by, &one.role, one.expires);
            found.seen.push(format!("{who} as {role}, until {until}"));
            let entry = one
                .entry
                .map_or_else(String::new, |entry| format!("executor ledger entry {entry}: "));
            found.evidence.push(format!("{entry}attestation sha256:{} by {who}", one.digest));
            found.cited.extend(one.entry.map(Cited::Entry));
        }
        found.take(held, || missing.unwrap_or_default());
    }

    fn no_outcome(&self, name: &str) -> String {
        match &self.recorded.unread {
            Some(why) => format!("{name}: {why}"),
            None => format!("{name} was not run here; `countersign prove {name}` runs it"),
        }
    }

    fn of_another_cluster(&self, database: &str, record: &ProofRecord) -> Option<String> {
        let identity = self.desired.databases.get(database)?;
        let pinned = identity.system_identifier.as_deref()?;
        match record.system_identifier.as_deref() {
            // A run that did not reach the server says so by its verdict.
            None if record.holds != Holds::Yes => None,
            Some(found) if found == pinned => None,
            Some(found) => Some(format!("was run {} on the cluster {found}", record.at)),
            None => Some(format!("was run {} on a cluster that its evidence lacks", record.at)),
        }
    }

    fn too_old(&self, at: Timestamp, max_age: Period) -> Option<String> {
        let age = self.now.unix_seconds().saturating_sub(at.unix_seconds());
        match u64::try_from(age) {
            Ok(age) if age <= max_age.seconds() => None,
            Ok(age) => {
                let age = Period::from_seconds(age);
                Some(format!("was run {at}, {age} ago, and {max_age} is the most"))
            }
            Err(_) => Some(format!("was run {at}, which is in the future")),
        }
    }
}

/// The worst of several, and the first thing that is missing because of it.
#[derive(Default)]
struct Found {
    worst: Option<Held>,
    missing: Option<String>,
    untold: bool,
    holding: usize,
    total: usize,
    seen: Vec<String>,
    evidence: Vec<String>,
    cited: Vec<Cited>,
}

impl Found {
    fn backing(self, requires: String) -> Backing {
        // What nothing was found about was not looked at.
        let held = self.worst.unwrap_or(Held::NotRun);
        Backing {
            requires,
            held,
            untold: self.untold || held.is_blind(),
            holding: self.holding,
            total: self.total,
            seen: self.seen.join(", "),
            missing: self.missing.filter(|_| held != Held::Yes),
            evidence: self.evidence,
            cited: self.cited,
        }
    }

    fn entry(&mut self, seq: u64, at: Timestamp) {
        self.evidence.push(format!("executor ledger entry {seq} at {at}"));
        self.cited.push(Cited::Entry(seq));
    }

    fn take(&mut self, held: Held, missing: impl FnOnce() -> String) {
        self.untold |= held.is_blind();
        self.holding += usize::from(held == Held::Yes);
        self.total += 1;
        if self.worst.is_none_or(|worst| held > worst) {
            self.worst = Some(held);
            self.missing = Some(missing());
        }
    }
}

const fn of_line(holds: Holds) -> Held {
    match holds {
        Holds::Yes => Held::Yes,
        Holds::No => Held::No,
        Holds::Untold => Held::Untold,
        Holds::NotRun => Held::NotRun,
    }
}

const fn how(evidence: Evidence) -> &'static str {
    match evidence {
        Evidence::Stat => "by its attributes",
        Evidence::Hashed => "hashed",
        Evidence::StatCached => "hashed earlier",
        Evidence::Parsed => "parsed",
        Evidence::Queried => "asked",
        Evidence::Ran => "run",
    }
}
