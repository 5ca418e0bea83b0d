//! What is known now, as a value: written below the program's own folder, answered on the control socket.
//!
//! A verdict ages: whoever reads a status asks for it as of a time, and what is too old by then is Unknown. Nobody has to be
//! alive for that. A verdict of a time yet to come has no age that anybody could tell, and is Unknown as well: otherwise one
//! that was seen before the clock went back would stand for as long as the clock needs to get there again.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Condition, ConditionType, Is, Target, Why, steady};
use crate::drift::Verdict;
use crate::model::display::counted;
use crate::model::{Period, Reason, ResourceName, Route, Severity, Timestamp};
use crate::report::Summary;

/// The name of the format.
pub const SCHEMA: &str = "countersign.status";
/// Its version.
pub const VERSION: u32 = 1;

/// Everything that is known of a host.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// [`SCHEMA`].
    pub schema: String,
    /// [`VERSION`].
    pub version: u32,
    /// The host's name in desired state.
    pub host: String,
    /// The run of the controller that wrote it.
    pub run: String,
    /// Its process, as a number.
    pub pid: u32,
    /// When it was written.
    pub written_at: Timestamp,
    /// How old a verdict may be.
    pub max_age_seconds: u64,
    /// The worst verdict that no waiver covers.
    pub verdict: Verdict,
    /// How many resources there are of each.
    pub summary: Summary,
    /// What holds, in the order of [`super::condition::CONDITION_TYPES`].
    pub conditions: Vec<Condition>,
    /// How many commits were accepted; the number of the one in force.
    pub generation: u64,
    /// The number of the commit by which everything was judged last; less than `generation` while a look is under way.
    pub observed_generation: u64,
    /// Where desired state comes from.
    pub source: SourceStatus,
    /// The last commit at which everything was in sync.
    pub converged: Option<Converged>,
    /// The host and its databases.
    pub targets: Vec<TargetStatus>,
    /// Who told the controller not to look, while it lasts.
    pub suspended: Option<Suspension>,
    /// The draft plan for what is pending or drifted.
    pub draft: Option<Draft>,
    /// How file changes are noticed.
    pub files: FileEvents,
    /// Within what the controller keeps itself; none where an earlier version wrote this.
    #[serde(default)]
    pub confinement: Option<Confined>,
    /// How many times a full scan found a change that no event had announced.
    pub missed_by_events: u64,
    /// The newest request over the control socket that was served.
    pub last_handled_request: u64,
    /// What a reader has to know before he trusts the rest.
    pub notes: Vec<String>,
    /// The resources, by name.
    pub resources: Vec<ResourceStatus>,
}

/// One resource: what the last report said of it, and for how long.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ResourceStatus {
    /// Its identity, as `kind.name`.
    pub resource: ResourceName,
    /// What is looked at for it.
    pub target: Target,
    /// Its verdict.
    pub verdict: Verdict,
    /// How much it matters.
    pub severity: Severity,
    /// Who has to move.
    pub route: Route,
    /// For Unknown: the class of the reason.
    pub reason: Option<Reason>,
    /// For Unknown: what exactly.
    pub detail: Option<String>,
    /// Does a waiver cover it, or is it expected?
    pub waived: bool,
    /// Whom to ask.
    pub contact: Option<String>,
    /// When it was seen.
    pub observed_at: Timestamp,
    /// Since when its verdict is what it is.
    pub since: Timestamp,
    /// How many times it has left `in_sync`.
    pub times: u64,
    /// The rest of what the report says of it.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

/// Where desired state comes from.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SourceStatus {
    /// The place, for people.
    pub origin: String,
    /// The branch, or what else was named.
    pub revision: Option<String>,
    /// The commit in force.
    pub commit: Option<String>,
    /// When it was accepted.
    pub accepted_at: Option<Timestamp>,
    /// Were the signatures of its commits asked for, and did they hold?
    pub verified: bool,
    /// When the source was last had.
    pub had_at: Option<Timestamp>,
    /// The newest commit, where it was refused.
    pub refused_commit: Option<String>,
    /// Why the newest commit is not in force, or the source cannot be had.
    pub error: Option<String>,
}

/// The last commit at which everything was in sync.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Converged {
    /// Its id.
    pub commit: String,
    /// When that was seen first.
    pub at: Timestamp,
}

/// One target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetStatus {
    /// Which.
    pub target: Target,
    /// When a look at it ended last.
    pub observed_at: Option<Timestamp>,
    /// When a look ended last that could tell everything.
    pub last_success: Option<Timestamp>,
    /// How long the last look took.
    pub milliseconds: u64,
    /// How many looks in a row did not succeed.
    pub failures: u32,
    /// Why the last look did not succeed.
    pub error: Option<String>,
    /// When it is looked at next, if nothing happens before.
    pub next: Option<Timestamp>,
}

/// Somebody told the controller not to look.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suspension {
    /// Who.
    pub by: String,
    /// Why.
    pub reason: String,
    /// Since when.
    pub since: Timestamp,
    /// When it ends by itself.
    pub until: Timestamp,
}

/// The draft of a plan. Nobody has sealed it, and nothing runs it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draft {
    /// The commit that it was made from.
    pub commit: String,
    /// Of what it does.
    pub effect: Option<String>,
    /// How many steps it has.
    pub steps: u64,
    /// The resources that its steps are for.
    pub resources: Vec<String>,
    /// The resources that the commit made pending.
    pub pending: Vec<ResourceName>,
    /// The file, below the program's own folder; none where there is no step.
    pub file: Option<String>,
    /// When it was made.
    pub made_at: Timestamp,
}

/// How file changes are noticed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct FileEvents {
    /// How many folders the kernel watches.
    pub watched: u64,
    /// Why some are only looked at in turn.
    pub polling: Option<String>,
    /// How many times the kernel had more to say than there was room for.
    pub overflows: u64,
}

/// Within what the controller keeps itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confined {
    /// The version of Landlock that is in force; 0 is none.
    pub landlock: u32,
    /// Why there is less than was asked for.
    pub lacks: Option<String>,
}

impl Status {
    /// The condition of that type.
    #[must_use]
    pub fn condition(&self, kind: ConditionType) -> Option<&Condition> {
        self.conditions.iter().find(|condition| condition.kind == kind)
    }

    /// The same as of `now`: what is too old by then is Unknown, and so is whatever rests on it.
    #[must_use]
    pub fn as_of(mut self, now: Timestamp) -> Self {
        let max_age = Period::from_seconds(self.max_age_seconds);
        let (mut old, mut ahead) = (0, 0);
        for resource in &mut self.resources {
            if resource.observed_at.after(max_age) < now {
                old += u64::from(resource.grow_old(max_age));
            } else if now.after(steady::TOLERANCE) < resource.observed_at {
                ahead += u64::from(resource.lose_age(now));
            }
        }
        if old + ahead == 0 {
            return self;
        }
        (self.verdict, self.summary) = summed(&self.resources);
        let message = if ahead == 0 {
            let verdicts = counted(old, "verdict is", "verdicts are");
            format!("{verdicts} older than {max_age}")
        } else {
            let verdicts = counted(old + ahead, "verdict is", "verdicts are");
            format!(
                "{verdicts} older than {max_age}, or of a time yet to come: the clock went back"
            )
        };
        for condition in &mut self.conditions {
            let rests = matches!(
                condition.kind,
                ConditionType::Ready | ConditionType::InSync | ConditionType::ObservationComplete
            );
            if !rests {
                continue;
            }
            let told =
                if condition.kind == ConditionType::InSync { Is::Unknown } else { Is::False };
            if condition.status != told {
                condition.last_transition = now;
            }
            condition.status = told;
            condition.reason = Why::TooOld;
            condition.message.clone_from(&message);
        }
        self
    }
}

impl ResourceStatus {
    /// Is what differs expected now, because people signed that?
    #[must_use]
    pub fn is_explained(&self) -> bool {
        self.waived && self.rest.get("explained").and_then(Value::as_bool).unwrap_or(false)
    }

    /// Its word: a waiver or an explanation comes before the verdict.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self.verdict {
            _ if self.is_explained() => "explained",
            _ if self.waived => "waived",
            verdict => verdict.word(),
        }
    }

    /// Makes it Unknown because of its age. Was it anything else?
    fn grow_old(&mut self, max_age: Period) -> bool {
        let seen = self.observed_at;
        let detail = format!("it was seen last at {seen}, more than {max_age} ago");
        self.decay(detail, seen.after(max_age))
    }

    /// Makes it Unknown because its age cannot be told. Was it anything else?
    fn lose_age(&mut self, now: Timestamp) -> bool {
        let seen = self.observed_at;
        let detail =
            format!("it was seen last at {seen}, which is yet to come: the clock went back");
        self.decay(detail, now)
    }

    fn decay(&mut self, detail: String, since: Timestamp) -> bool {
        let told = self.verdict != Verdict::Unknown;
        if told {
            self.verdict = Verdict::Unknown;
            self.reason = Some(Reason::Stale);
            self.detail = Some(detail);
            self.waived = false;
            self.since = since;
        }
        told
    }
}

/// The worst verdict that no waiver covers, and how many there are of each.
#[must_use]
pub fn summed(resources: &[ResourceStatus]) -> (Verdict, Summary) {
    let (mut verdict, mut summary) = (Verdict::InSync, Summary::default());
    for resource in resources {
        if resource.is_explained() {
            summary.explained += 1;
        } else {
            summary.add(resource.verdict, resource.waived);
        }
        if !resource.waived {
            verdict = verdict.max(resource.verdict);
        }
    }
    (verdict, summary)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const SEEN: i64 = 1_000_000;
    const MAX_AGE: i64 = 900;

    /// A status with one resource that was in sync at [`SEEN`].
    fn status() -> Status {
        let at = |seconds| Timestamp::from_unix_seconds(seconds);
        let ready = |kind: &str| {
            json!({ "type": kind, "status": "True", "reason": "AllInSync", "message": "", "last_transition": at(SEEN),
                    "observed_generation": 1 })
        };
        let value = json!({
            "schema": SCHEMA, "version": VERSION, "host": "a", "run": "r", "pid": 1, "written_at": at(SEEN),
            "max_age_seconds": MAX_AGE, "verdict": "in_sync",
            "summary": { "in_sync": 1, "drift": 0, "pending": 0, "unknown": 0, "waived": 0 },
            "conditions": [ready("Ready"), ready("InSync"), ready("SourceVerified")],
            "generation": 1, "observed_generation": 1,
            "source": { "origin": "/ops", "revision": null, "commit": null, "accepted_at": null, "verified": false,
                        "had_at": null, "refused_commit": null, "error": null },
            "converged": null, "targets": [], "suspended": null, "draft": null,
            "files": { "watched": 0, "polling": null, "overflows": 0 },
            "missed_by_events": 0, "last_handled_request": 0, "notes": [],
            "resources": [{
                "resource": "file./srv/f", "target": "host", "verdict": "in_sync", "severity": "major", "route": "host",
                "reason": null, "detail": null, "waived": false, "contact": null, "observed_at": at(SEEN),
                "since": at(SEEN), "times": 0,
            }],
        });
        serde_json::from_value(value).expect("a status")
    }

    fn as_of(seconds: i64) -> Status {
        status().as_of(Timestamp::from_unix_seconds(SEEN + seconds))
    }

    #[test]
    fn a_verdict_holds_for_its_age_and_for_a_clock_that_is_set_right() {
        for seconds in [-5, -1, 0, MAX_AGE] {
            assert_eq!(as_of(seconds), status(), "{seconds}");
        }
    }

    #[test]
    fn what_is_too_old_or_yet_to_come_is_unknown_and_so_is_what_rests_on_it() {
        for (seconds, word) in
            [(MAX_AGE + 1, "ago"), (-6, "yet to come"), (-1_000_000, "yet to come")]
        {
            let status = as_of(seconds);
            let one = &status.resources[0];
            assert_eq!((one.verdict, one.reason), (Verdict::Unknown, Some(Reason::Stale)));
            assert!(one.detail.as_deref().is_some_and(|detail| detail.contains(word)), "{one:?}");
            assert!(one.since <= Timestamp::from_unix_seconds(SEEN + seconds), "{one:?}");
            assert_eq!((status.verdict, status.summary.unknown), (Verdict::Unknown, 1));
            let is =
                |kind| status.condition(kind).map(|condition| (condition.status, condition.reason));
            assert_eq!(is(ConditionType::Ready), Some((Is::False, Why::TooOld)));
            assert_eq!(is(ConditionType::InSync), Some((Is::Unknown, Why::TooOld)));
            let source = Some((Is::True, Why::AllInSync));
            assert_eq!(is(ConditionType::SourceVerified), source, "it rests on no look");
        }
    }
}
