//! The report as a value. Its JSON is a contract: fields may be added, none changes its meaning.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::desired::Waiver;
use crate::drift::{Explanation, Judged, Verdict};
use crate::model::{
    Blind, Difference, Digest, Evidence, Reason, ResourceName, Route, Severity, Timestamp,
};

/// What a report says about its own making.
#[derive(Debug, Clone, Serialize)]
pub struct Header {
    /// The host's name in desired state.
    pub host: String,
    /// The commit of desired state, in full.
    pub commit: Option<String>,
    /// Is desired state exactly what that commit holds?
    pub pinned: bool,
    /// Is this a sandbox, rather than a machine's own configuration and root?
    pub sandbox: bool,
    /// Does the world come from a recording?
    pub replayed: bool,
    /// When the look ended.
    pub observed_at: Timestamp,
    /// The commit that pending is measured from.
    pub since: Option<String>,
    /// The folder of desired state within its repository; empty when it is the root.
    pub folder: String,
    /// Where desired state came from, for people.
    pub source: String,
    /// The patterns that the look was narrowed to; empty when it was not.
    pub only: Vec<String>,
    /// What a reader has to know before he trusts the rest.
    pub notes: Vec<String>,
}

/// Everything that was found.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    schema: &'static str,
    version: u32,
    /// What it says about its own making.
    #[serde(flatten)]
    pub header: Header,
    /// The worst verdict that no waiver covers.
    pub verdict: Verdict,
    /// How many resources there are of each; every resource is counted once.
    pub summary: Summary,
    /// The resources, by name.
    pub resources: Vec<ResourceReport>,
}

/// Counts of resources.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Live is what is wanted.
    pub in_sync: u64,
    /// Live is something else, and no waiver covers it.
    pub drift: u64,
    /// Desired state moved and live did not, and no waiver covers it.
    pub pending: u64,
    /// It cannot be told.
    pub unknown: u64,
    /// A waiver covers the difference.
    pub waived: u64,
    /// A person signed that exactly this difference is expected now.
    #[serde(default)]
    pub explained: u64,
}

/// One resource of a report.
#[derive(Debug, Clone, Serialize)]
pub struct ResourceReport {
    /// Its identity, as `kind.name`.
    pub resource: ResourceName,
    /// Its kind.
    pub kind: String,
    /// Its name within the kind.
    pub name: String,
    /// Its verdict; a waiver does not change it.
    pub verdict: Verdict,
    /// How much it matters.
    pub severity: Severity,
    /// Who has to move.
    pub route: Route,
    /// The gap it belongs to.
    pub gap: Option<String>,
    /// For Unknown: the class of the reason.
    pub reason: Option<Reason>,
    /// For Unknown: what exactly.
    pub detail: Option<String>,
    /// What the one who moves has to do.
    pub next_action: Option<String>,
    /// Where waivers cover all that differs: the one that expires first.
    pub waiver: Option<WaiverReport>,
    /// Every waiver that covers some of what differs, the first to expire first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub waivers: Vec<WaiverReport>,
    /// Is all that differs expected now, because people signed that?
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub explained: bool,
    /// Was some of it expected until a time that is over? It is critical then.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub overdue: bool,
    /// What people signed about some of what differs, the first to end first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub explanations: Vec<ExplanationReport>,
    /// Is it a guard?
    pub kill_switch: bool,
    /// Whom to ask.
    pub contact: Option<String>,
    /// When it was seen.
    pub observed_at: Timestamp,
    /// How it was seen; null when it was not.
    pub evidence: Option<Evidence>,
    /// For evidence from the cache: when every byte was last hashed.
    pub evidence_since: Option<Timestamp>,
    /// What differs.
    pub differences: Vec<Difference>,
    /// What of it could not be told.
    pub blind: Vec<Blind>,
    /// Totals, such as `listed` and `matched` of a tree.
    pub counts: Option<BTreeMap<String, u64>>,
    /// The last lines that a command printed, where something differs and they may be shown.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub output: Vec<String>,
    /// In a few words what was seen.
    pub seen: Option<String>,
    /// The file of desired state in which it is declared.
    pub declared_in: String,
    /// The line of that file, from 1.
    pub declared_line: u64,
}

/// A waiver as a report shows it.
#[derive(Debug, Clone, Serialize)]
pub struct WaiverReport {
    /// Its name in desired state.
    pub name: String,
    /// The fields that it covers; every field without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// Who answers for it.
    pub owner: String,
    /// Why it is accepted.
    pub reason: String,
    /// Until when.
    pub expires: Timestamp,
}

/// An explanation of drift as a report shows it.
#[derive(Debug, Clone, Serialize)]
pub struct ExplanationReport {
    /// The fields that it explains.
    pub fields: Vec<String>,
    /// Who signed it.
    pub by: String,
    /// In which role.
    pub role: String,
    /// Why.
    pub reason: String,
    /// What the difference is needed for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// Until when.
    pub until: Timestamp,
    /// Is that over?
    pub over: bool,
    /// SHA-256 of what was signed.
    pub attestation: Digest,
    /// The number of the entry of the executor's ledger that has it.
    pub entry: Option<u64>,
}

impl Report {
    /// Puts a report together.
    #[must_use]
    pub fn new(header: Header, judged: Vec<Judged<'_>>) -> Self {
        let observed_at = header.observed_at;
        let (mut summary, mut verdict) = (Summary::default(), Verdict::InSync);
        let mut resources = Vec::with_capacity(judged.len());
        for one in judged {
            let one = ResourceReport::new(one, observed_at);
            one.count(&mut summary, &mut verdict);
            resources.push(one);
        }
        Self { schema: "countersign.report", version: 1, header, verdict, summary, resources }
    }

    /// The same of resources that were reported before, each by a look of its own.
    #[must_use]
    pub fn of_resources(header: Header, mut resources: Vec<ResourceReport>) -> Self {
        resources.sort_by(|a, b| a.resource.cmp(&b.resource));
        let (mut summary, mut verdict) = (Summary::default(), Verdict::InSync);
        for one in &resources {
            one.count(&mut summary, &mut verdict);
        }
        Self { schema: "countersign.report", version: 1, header, verdict, summary, resources }
    }
}

impl Summary {
    /// Counts a resource.
    pub fn add(&mut self, verdict: Verdict, waived: bool) {
        let counter = match verdict {
            _ if waived => &mut self.waived,
            Verdict::InSync => &mut self.in_sync,
            Verdict::Drift => &mut self.drift,
            Verdict::Pending => &mut self.pending,
            Verdict::Unknown => &mut self.unknown,
        };
        *counter += 1;
    }

    /// How many resources there are.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.in_sync + self.drift + self.pending + self.unknown + self.waived + self.explained
    }
}

impl WaiverReport {
    fn of(waiver: &Waiver) -> Self {
        let section = &waiver.section;
        Self {
            name: waiver.name.clone(),
            field: section.field.clone(),
            owner: section.owner.clone(),
            reason: section.reason.clone(),
            expires: section.expires,
        }
    }
}

impl ExplanationReport {
    fn of(explanation: &Explanation, differences: &[Difference]) -> Self {
        let field = |at: &usize| Some(differences.get(*at)?.field.clone());
        Self {
            fields: explanation.differences.iter().filter_map(field).collect(),
            by: explanation.by.clone(),
            role: explanation.role.clone(),
            reason: explanation.reason.clone(),
            run: explanation.run.clone(),
            until: explanation.until,
            over: explanation.over,
            attestation: explanation.attestation,
            entry: explanation.entry,
        }
    }
}

impl ResourceReport {
    /// Is what differs waived, or expected? Then it is shown, and does not alarm.
    #[must_use]
    pub const fn is_accepted(&self) -> bool {
        self.waiver.is_some() || self.explained
    }

    fn count(&self, summary: &mut Summary, worst: &mut Verdict) {
        if self.explained {
            summary.explained += 1;
        } else {
            summary.add(self.verdict, self.waiver.is_some());
        }
        if !self.is_accepted() {
            *worst = (*worst).max(self.verdict);
        }
    }

    fn new(judged: Judged<'_>, observed_at: Timestamp) -> Self {
        let severity = judged.severity();
        let explanations = judged.explanations.iter();
        let differences = &judged.comparison.differences;
        let explanations =
            explanations.map(|one| ExplanationReport::of(one, differences)).collect();
        let (explained, overdue) = (judged.explained, judged.overdue);
        let Judged { resource, verdict, comparison, unknown, waivers, waived, .. } = judged;
        let evidence = unknown.is_none().then_some(comparison.evidence);
        let why = unknown.or_else(|| comparison.blind.first().map(|blind| blind.unknown.clone()));
        let waivers: Vec<WaiverReport> = waivers.into_iter().map(WaiverReport::of).collect();
        let common = &resource.common;
        Self {
            resource: resource.name.clone(),
            kind: resource.name.kind.clone(),
            name: resource.name.name.clone(),
            verdict,
            severity,
            route: common.route,
            gap: common.gap.clone(),
            reason: why.as_ref().map(|unknown| unknown.reason),
            detail: why.map(|unknown| unknown.detail),
            next_action: common.next_action.clone(),
            waiver: waivers.first().filter(|_| waived).cloned(),
            waivers,
            explained,
            overdue,
            explanations,
            kill_switch: common.kill_switch,
            contact: common.contact.clone(),
            observed_at,
            evidence,
            evidence_since: comparison.hashed_since.filter(|_| evidence.is_some()),
            differences: comparison.differences,
            blind: comparison.blind,
            counts: counts(comparison.counts, comparison.measured),
            output: comparison.output,
            seen: comparison.seen,
            declared_in: resource.file.clone(),
            declared_line: resource.line,
        }
    }
}

/// Totals under the names of their kind, and those that desired state named.
fn counts(
    fixed: Option<BTreeMap<&'static str, u64>>,
    measured: BTreeMap<String, u64>,
) -> Option<BTreeMap<String, u64>> {
    let fixed = fixed.into_iter().flatten().map(|(name, count)| (name.to_owned(), count));
    let all: BTreeMap<String, u64> = fixed.chain(measured).collect();
    Some(all).filter(|all| !all.is_empty())
}

#[cfg(test)]
impl Report {
    /// A report of one drifted resource, as no kind makes it yet.
    pub(crate) fn sample(kind: &str, differences: Vec<Difference>, since: Option<&str>) -> Self {
        let observed_at = "2026-05-21T06:28:50Z".parse().expect("an instant");
        let header = Header {
            host: "a".into(),
            commit: None,
            pinned: true,
            sandbox: false,
            replayed: false,
            observed_at,
            since: None,
            folder: String::new(),
            source: "/ops".into(),
            only: Vec::new(),
            notes: Vec::new(),
        };
        let resource = ResourceReport {
            resource: ResourceName::new(kind, "x"),
            kind: kind.into(),
            name: "x".into(),
            verdict: Verdict::Drift,
            severity: Severity::Major,
            route: Route::Host,
            gap: None,
            reason: None,
            detail: None,
            next_action: None,
            waiver: None,
            waivers: Vec::new(),
            explained: false,
            overdue: false,
            explanations: Vec::new(),
            kill_switch: false,
            contact: None,
            observed_at,
            evidence: Some(since.map_or(Evidence::Stat, |_| Evidence::StatCached)),
            evidence_since: since.map(|since| since.parse().expect("an instant")),
            differences,
            blind: Vec::new(),
            counts: None,
            output: Vec::new(),
            seen: Some("2 of 3".into()),
            declared_in: "hosts/a/x.toml".into(),
            declared_line: 1,
        };
        let summary = Summary { drift: 1, ..Summary::default() };
        let (schema, version, verdict) = ("countersign.report", 1, Verdict::Drift);
        Self { schema, version, header, verdict, summary, resources: vec![resource] }
    }
}
