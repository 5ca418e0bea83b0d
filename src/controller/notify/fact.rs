//! What is wrong now, each with its cause. Pure.
//!
//! A cause is made of what programs know: a class, a resource, a target, a reason. No text that somebody wrote is part of it,
//! so a duration or a number in an error does not make another cause of the same one.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::controller::{ConditionType, Is, ResourceStatus, Status, Target, Why};
use crate::drift::Verdict;
use crate::model::{Reason, Severity, Timestamp};

/// What kind of thing is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// A resource is not what desired state says. Its cause is the resource itself.
    Drift,
    /// Something cannot be told. Its cause is a target, or a reason that resources of a target share.
    Unknown,
    /// The newest commit is not in force.
    Source,
    /// The controller does not go on by itself.
    Stalled,
    /// Changes are halted.
    Halted,
    /// Somebody told the controller not to look.
    Suspended,
    /// There is a draft of a plan. It is told once, and its end is no news.
    Draft,
    /// What became of a plan, by the executor's ledger.
    Plan,
    /// A gap was closed, or opened again, by the executor's ledger.
    Gap,
}

impl Class {
    /// Is it told only when it begins?
    #[must_use]
    pub const fn is_event(self) -> bool {
        matches!(self, Self::Draft | Self::Plan | Self::Gap)
    }

    /// Are all of it that change at once told in one message?
    #[must_use]
    pub const fn is_told_together(self) -> bool {
        matches!(self, Self::Drift)
    }

    /// The word of programs.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Drift => "drift",
            Self::Unknown => "unknown",
            Self::Source => "source",
            Self::Stalled => "stalled",
            Self::Halted => "halted",
            Self::Suspended => "suspended",
            Self::Draft => "draft",
            Self::Plan => "plan",
            Self::Gap => "gap",
        }
    }
}

/// What makes two facts the same one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Cause {
    /// What kind of thing.
    pub class: Class,
    /// A resource, a target, a target with a reason, or the digest of what a draft does; nothing for the controller itself.
    pub about: String,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// How much it matters: as much as the resource behind it that matters most.
    pub severity: Severity,
    /// The class of the reason, where there is one.
    pub reason: Option<String>,
    /// The resources behind it.
    pub resources: BTreeSet<String>,
    /// Whom to ask.
    pub contacts: BTreeSet<String>,
    /// What was looked at; none for the controller itself.
    pub target: Option<String>,
    /// When it was seen last, where looks are counted by that.
    #[serde(skip)]
    pub seen: Option<Timestamp>,
    /// How many times in a row it was found, where that is counted elsewhere.
    #[serde(skip)]
    pub times: u32,
}

/// Everything that is wrong now, and of what that cannot be said.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Facts {
    /// By cause.
    pub wrong: BTreeMap<Cause, Fact>,
    /// Causes that may hold or not: nobody can tell. What was known of them stays as it was.
    pub untold: BTreeSet<Cause>,
    /// Targets that nobody has looked at yet in this run.
    pub unseen: BTreeSet<String>,
    /// Is it not even known yet what is to be looked at?
    pub nothing_seen: bool,
}

/// Reasons that are about a target as a whole: one outage, whatever it made of each resource.
const OF_TARGET: &[Reason] = &[
    Reason::Unreachable,
    Reason::Deadline,
    Reason::IdentityUnverified,
    Reason::NotConfigured,
    Reason::NoAnswer,
    Reason::Stale,
];

impl Facts {
    /// May this hold or not, as far as anybody can tell now?
    #[must_use]
    pub fn cannot_tell(&self, cause: &Cause, fact: &Fact) -> bool {
        let unseen = |target: &String| self.nothing_seen || self.unseen.contains(target);
        self.untold.contains(cause) || fact.target.as_ref().is_some_and(unseen)
    }

    /// What is wrong by a status.
    #[must_use]
    pub fn of(status: &Status) -> Self {
        let mut facts = Self::default();
        let looked = status.targets.iter().filter(|one| one.target != Target::Source);
        facts.nothing_seen = looked.clone().count() == 0;
        let unseen = looked.filter(|one| one.observed_at.is_none());
        facts.unseen = unseen.map(|one| one.target.to_string()).collect();
        let failures = status.targets.iter().find(|one| one.target == Target::Source);
        let failures = failures.map_or(0, |one| one.failures);
        for resource in &status.resources {
            facts.resource(resource);
        }
        for condition in &status.conditions {
            let (class, severity) = match (condition.kind, condition.reason) {
                (
                    ConditionType::SourceVerified,
                    Why::SourceUnsigned | Why::SourceRewound | Why::GuardLoosened,
                ) => (Class::Source, Severity::Critical),
                (ConditionType::SourceVerified, _) => (Class::Source, Severity::Major),
                (ConditionType::Stalled, _) => (Class::Stalled, Severity::Major),
                (ConditionType::Halted, _) => (Class::Halted, Severity::Major),
                (ConditionType::Suspended, _) => (Class::Suspended, Severity::Minor),
                _ => continue,
            };
            let cause = Cause { class, about: String::new() };
            if condition.reason == Why::NotYet {
                facts.untold.insert(cause);
                continue;
            }
            if !condition.alarms() {
                continue;
            }
            if condition.status == Is::Unknown && class == Class::Source {
                facts.untold.insert(cause);
                continue;
            }
            let reason = word_of(&condition.reason);
            // A server that does not answer is asked again soon, and those attempts are counted; all else is certain at once.
            let transient = condition.reason == Why::SourceUnreachable;
            let times = if transient { failures } else { u32::MAX };
            facts.wrong.insert(cause, Fact { reason, times, ..Fact::of(severity) });
        }
        if let Some(draft) = &status.draft
            && let Some(effect) = &draft.effect
        {
            let cause = Cause { class: Class::Draft, about: effect.clone() };
            let resources = draft.resources.iter().cloned().collect();
            let fact = Fact { resources, times: u32::MAX, ..Fact::of(Severity::Info) };
            facts.wrong.insert(cause, fact);
        }
        facts
    }

    fn resource(&mut self, resource: &ResourceStatus) {
        let name = resource.resource.to_string();
        let drift = Cause { class: Class::Drift, about: name.clone() };
        let cause = match resource.verdict {
            _ if resource.waived => return,
            Verdict::InSync | Verdict::Pending => return,
            Verdict::Drift => drift,
            Verdict::Unknown => {
                self.untold.insert(drift);
                let target = resource.target.to_string();
                let about = match resource.reason {
                    Some(reason) if !OF_TARGET.contains(&reason) => {
                        format!("{target} {}", word_of(&reason).unwrap_or_default())
                    }
                    _ => target,
                };
                Cause { class: Class::Unknown, about }
            }
        };
        let reason = resource.reason.and_then(|reason| word_of(&reason));
        let target = Some(resource.target.to_string());
        let new = || Fact { reason, target, ..Fact::of(resource.severity) };
        let fact = self.wrong.entry(cause).or_insert_with(new);
        fact.seen = fact.seen.max(Some(resource.observed_at));
        fact.severity = fact.severity.min(resource.severity);
        fact.resources.insert(name);
        fact.contacts.extend(resource.contact.clone());
    }
}

impl Fact {
    /// One of which nothing more is known yet.
    #[must_use]
    pub(super) fn of(severity: Severity) -> Self {
        Self {
            severity,
            reason: None,
            resources: BTreeSet::new(),
            contacts: BTreeSet::new(),
            target: None,
            seen: None,
            times: 0,
        }
    }
}

/// The word under which programs know a member of an enumeration.
fn word_of<T: Serialize>(value: &T) -> Option<String> {
    serde_json::to_value(value).ok()?.as_str().map(str::to_owned)
}
