//! What is served to Prometheus: fixed names, base units, and labels that take few values.
//!
//! Gauges come from the status as it is at that moment, so a verdict that is too old shows as unknown here as well. Counters
//! count from the start of the process.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};

use super::condition::{ConditionType, Is};
use super::{ResourceStatus, Status};
use crate::model::Timestamp;

/// The content type of the text: as any other, scrapers would read it as an older format.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// The most values that the labels of one counter take: what comes beyond counts as `other`.
const LABELS_MAX: usize = 100;

/// A counter with its labels.
struct Counter {
    name: &'static str,
    help: &'static str,
    labels: &'static [&'static str],
}

/// Every counter. Its sample ends with `_total`.
const COUNTERS: &[Counter] = &[
    Counter {
        name: "countersign_probe_errors",
        help: "Looks that did not succeed, by what was looked at.",
        labels: &["probe"],
    },
    Counter {
        name: "countersign_approval",
        help: "Statements about plans, by what became of them.",
        labels: &["decision"],
    },
    Counter { name: "countersign_apply", help: "Plans that were run.", labels: &["result"] },
    Counter { name: "countersign_refusals", help: "What was refused.", labels: &["reason"] },
    Counter {
        name: "countersign_proof_runs",
        help: "Proofs, by their verdict.",
        labels: &["verdict"],
    },
    Counter {
        name: "countersign_notifications",
        help: "Messages, by what became of them.",
        labels: &["sink", "result"],
    },
    Counter {
        name: "countersign_webhook_requests",
        help: "Wake-ups by webhook, and what was made of them.",
        labels: &["result"],
    },
    Counter {
        name: "countersign_reports_written",
        help: "Reports by the clock.",
        labels: &["schedule", "result"],
    },
];

/// Every name of a sample, for those who write alerts.
pub const NAMES: &[&str] = &[
    "countersign_drift_resources",
    "countersign_observation_last_success_timestamp_seconds",
    "countersign_observation_duration_seconds",
    "countersign_probe_errors_total",
    "countersign_source_info",
    "countersign_plan_pending",
    "countersign_approval_total",
    "countersign_apply_total",
    "countersign_refusals_total",
    "countersign_proof_runs_total",
    "countersign_kill_switch_engaged",
    "countersign_suspended",
    "countersign_gaps",
    "countersign_ledger_entries_total",
    "countersign_scan_missed_by_events_total",
    "countersign_notifications_total",
    "countersign_webhook_requests_total",
    "countersign_reports_written_total",
    "countersign_confined",
    "countersign_build_info",
];

/// What is counted while the controller runs. Shared between its threads.
#[derive(Debug, Default)]
pub struct Metrics(Mutex<Counted>);

#[derive(Debug, Default)]
struct Counted {
    /// By the name of the counter and the values of its labels.
    counters: BTreeMap<(&'static str, Vec<String>), u64>,
    ledgers: BTreeMap<String, u64>,
    /// How many gaps are of each state; none where nothing was ever recorded of any.
    gaps: BTreeMap<String, u64>,
    /// How far the kernel narrowed the process: 0 not at all.
    confined: u32,
}

impl Metrics {
    /// Counts one more. A name that is none of ours counts nothing.
    pub fn count(&self, name: &'static str, labels: &[&str]) {
        let Some(counter) = COUNTERS.iter().find(|counter| counter.name == name) else { return };
        if counter.labels.len() != labels.len() {
            return;
        }
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let own = kept.counters.keys().filter(|(known, _)| *known == name).count();
        let key = (name, labels.iter().map(|label| (*label).to_owned()).collect::<Vec<_>>());
        let full = own >= LABELS_MAX && !kept.counters.contains_key(&key);
        let key = if full { (name, vec!["other".to_owned(); labels.len()]) } else { key };
        *kept.counters.entry(key).or_default() += 1;
    }

    /// How long a ledger is.
    pub fn ledger(&self, name: &str, entries: u64) {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counted.ledgers.insert(name.to_owned(), entries);
    }

    /// How many gaps there are of each state, as the executor's ledger has them. No more states than labels are shown.
    pub fn gaps<'a>(&self, states: impl Iterator<Item = &'a str>) {
        let mut gaps = BTreeMap::new();
        for state in states {
            if gaps.len() < LABELS_MAX || gaps.contains_key(state) {
                *gaps.entry(state.to_owned()).or_default() += 1;
            }
        }
        self.0.lock().unwrap_or_else(PoisonError::into_inner).gaps = gaps;
    }

    /// How far the kernel narrowed the process: 0 not at all, otherwise the version of Landlock.
    pub fn confined(&self, level: u32) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).confined = level;
    }

    /// The text that is served. Without a status there is only what was counted.
    #[must_use]
    pub fn text(&self, status: Option<&Status>, now: Timestamp) -> String {
        let mut text = Text::default();
        if let Some(status) = status {
            gauges(&mut text, &status.clone().as_of(now));
        }
        let counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for counter in COUNTERS {
            text.family(counter.name, "counter", counter.help);
            for ((name, values), count) in &counted.counters {
                if *name == counter.name {
                    let labels: Vec<(&str, &str)> = counter
                        .labels
                        .iter()
                        .copied()
                        .zip(values.iter().map(String::as_str))
                        .collect();
                    text.sample(&format!("{name}_total"), &labels, count);
                }
            }
        }
        text.family(
            "countersign_gaps",
            "gauge",
            "Gaps by the state that the executor's ledger has of them.",
        );
        for (state, gaps) in &counted.gaps {
            text.sample("countersign_gaps", &[("state", state)], gaps);
        }
        text.family("countersign_ledger_entries", "counter", "Entries of each ledger.");
        for (ledger, entries) in &counted.ledgers {
            text.sample("countersign_ledger_entries_total", &[("ledger", ledger)], entries);
        }
        text.family(
            "countersign_confined",
            "gauge",
            "Within which version of Landlock the controller keeps itself; 0 is none.",
        );
        text.sample("countersign_confined", &[], &counted.confined);
        text.family("countersign_build", "info", "Which program this is.");
        let execute = if cfg!(feature = "execute") { "true" } else { "false" };
        let version = env!("CARGO_PKG_VERSION");
        let labels = [("version", version), ("execute", execute)];
        text.sample("countersign_build_info", &labels, &1);
        text.end()
    }
}

fn gauges(text: &mut Text, status: &Status) {
    resources(text, &status.resources);
    text.family(
        "countersign_observation_last_success_timestamp_seconds",
        "gauge",
        "When the last look ended that could tell everything it was asked.",
    );
    for target in &status.targets {
        if let Some(at) = target.last_success {
            let name = target.target.to_string();
            text.sample(
                "countersign_observation_last_success_timestamp_seconds",
                &[("target", &name)],
                &at.unix_seconds(),
            );
        }
    }
    text.family(
        "countersign_observation_duration_seconds",
        "gauge",
        "How long the last look at each target took.",
    );
    for target in status.targets.iter().filter(|target| target.observed_at.is_some()) {
        let name = target.target.to_string();
        let seconds = format!("{}.{:03}", target.milliseconds / 1000, target.milliseconds % 1000);
        text.sample("countersign_observation_duration_seconds", &[("target", &name)], &seconds);
    }
    if let Some(commit) = &status.source.commit {
        text.family("countersign_source", "info", "The commit of desired state in force.");
        let verified = if status.source.verified { "true" } else { "false" };
        text.sample("countersign_source_info", &[("commit", commit), ("verified", verified)], &1);
    }
    let is = |kind| status.condition(kind).is_some_and(|condition| condition.status == Is::True);
    // What cannot be told of a halt is one.
    let halted = status.condition(ConditionType::Halted).is_some_and(|c| c.status != Is::False);
    for (name, help, on) in [
        (
            "countersign_plan_pending",
            "Is there a draft of a plan?",
            is(ConditionType::PlanPending) || status.draft.is_some(),
        ),
        ("countersign_kill_switch_engaged", "Are changes halted?", halted),
        (
            "countersign_suspended",
            "Was the controller told not to look?",
            is(ConditionType::Suspended),
        ),
    ] {
        text.family(name, "gauge", help);
        text.sample(name, &[], &u8::from(on));
    }
    text.family(
        "countersign_scan_missed_by_events",
        "counter",
        "Changes that a full scan found and no event had announced.",
    );
    text.sample("countersign_scan_missed_by_events_total", &[], &status.missed_by_events);
}

fn resources(text: &mut Text, resources: &[ResourceStatus]) {
    const NAME: &str = "countersign_drift_resources";
    let mut counts: BTreeMap<&str, BTreeMap<&str, u64>> = BTreeMap::new();
    for resource in resources {
        *counts.entry(&resource.resource.kind).or_default().entry(resource.word()).or_default() +=
            1;
    }
    text.family(
        NAME,
        "gauge",
        "Resources by kind and verdict; a waived or explained one counts as that alone.",
    );
    for (kind, of_kind) in &counts {
        for verdict in ["in_sync", "drift", "pending", "unknown", "waived", "explained"] {
            let count = of_kind.get(verdict).copied().unwrap_or(0);
            text.sample(NAME, &[("kind", kind), ("verdict", verdict)], &count);
        }
    }
}

/// OpenMetrics 1.0 as it is written.
#[derive(Default)]
struct Text(String);

impl Text {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        let _ = write!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: &impl std::fmt::Display) {
        self.0.push_str(name);
        for (at, (label, value)) in labels.iter().enumerate() {
            let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            let _ = write!(self.0, "{}{label}=\"{value}\"", if at == 0 { '{' } else { ',' });
        }
        let _ = writeln!(self.0, "{} {value}", if labels.is_empty() { "" } else { "}" });
    }

    fn end(mut self) -> String {
        self.0.push_str("# EOF\n");
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(metrics: &Metrics) -> String {
        metrics.text(None, Timestamp::from_unix_seconds(0))
    }

    #[test]
    fn counters_count_and_labels_are_escaped_and_bounded() {
        let metrics = Metrics::default();
        metrics.count("countersign_refusals", &["a\"b\\c\nd"]);
        metrics.count("countersign_refusals", &["a\"b\\c\nd"]);
        metrics.count("countersign_refusals", &["too", "many"]);
        metrics.count("no_such", &["a"]);
        let said = text(&metrics);
        assert!(
            said.contains("countersign_refusals_total{reason=\"a\\\"b\\\\c\\nd\"} 2\n"),
            "{said}"
        );
        for n in 0..500 {
            metrics.count("countersign_refusals", &[&n.to_string()]);
        }
        let said = text(&metrics);
        let samples = said.lines().filter(|l| l.starts_with("countersign_refusals_total")).count();
        assert_eq!(samples, LABELS_MAX + 1);
        assert!(said.contains("{reason=\"other\"} 401"), "{said}");
    }

    #[test]
    fn every_sample_is_of_a_known_name_below_its_family() {
        let metrics = Metrics::default();
        for counter in COUNTERS {
            metrics.count(counter.name, &vec!["x"; counter.labels.len()]);
        }
        metrics.ledger("observer", 7);
        metrics.confined(6);
        metrics.gaps(["open", "closed", "open"].into_iter());
        let said = text(&metrics);
        let mut family = "";
        for line in said.lines() {
            if let Some(rest) = line.strip_prefix("# TYPE ") {
                family = rest.split(' ').next().expect("a name");
            } else if !line.starts_with('#') {
                let name = line.split(['{', ' ']).next().expect("a name");
                assert!(NAMES.contains(&name), "{name} is not listed");
                assert!(name.starts_with(family), "{name} stands below {family}");
            }
        }
        assert!(said.ends_with("# EOF\n") && said.matches("# EOF").count() == 1);
        assert!(said.contains("countersign_confined 6\n"), "{said}");
        assert!(said.contains("countersign_gaps{state=\"open\"} 2\n"), "{said}");
    }
}
