//! What is wrong now, each with its cause. Pure.
//!
//! A cause is made of what programs know: a class, a resource, a target, a reason. No text that somebody wrote is part of it,
//! so a duration or a number in an error does not make another cause of the same one.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::controller::{ConditionType, Is, ResourceStatus, Status, Why};
use crate::drift::Verdict;
use crate::model::{Reason, Severity};

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
}

impl Class {
    /// Is it told only when it begins?
    #[must_use]
    pub const fn is_event(self) -> bool {
        matches!(self, Self::Draft)
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
}

/// Everything that is wrong now, and of what that cannot be said.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Facts {
    /// By cause.
    pub wrong: BTreeMap<Cause, Fact>,
    /// Causes that may hold or not: nobody can tell. What was known of them stays as it was.
    pub untold: BTreeSet<Cause>,
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
    /// What is wrong by a status.
    #[must_use]
    pub fn of(status: &Status) -> Self {
        let mut facts = Self::default();
        for resource in &status.resources {
            facts.resource(resource);
        }
        for condition in &status.conditions {
            let (class, severity) = match (condition.kind, condition.reason) {
                // Before the first look nothing is wrong yet.
                (_, Why::NotYet) => continue,
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
            if !condition.alarms() {
                continue;
            }
            let cause = Cause { class, about: String::new() };
            if condition.status == Is::Unknown && class == Class::Source {
                facts.untold.insert(cause);
                continue;
            }
            let reason = word_of(&condition.reason);
            let fact =
                Fact { severity, reason, resources: BTreeSet::new(), contacts: BTreeSet::new() };
            facts.wrong.insert(cause, fact);
        }
        if let Some(draft) = &status.draft
            && let Some(effect) = &draft.effect
        {
            let cause = Cause { class: Class::Draft, about: effect.clone() };
            let resources = draft.resources.iter().cloned().collect();
            let fact = Fact {
                severity: Severity::Info,
                reason: None,
                resources,
                contacts: BTreeSet::new(),
            };
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
        let fact = self.wrong.entry(cause).or_insert_with(|| Fact {
            severity: resource.severity,
            reason: reason.clone(),
            resources: BTreeSet::new(),
            contacts: BTreeSet::new(),
        });
        fact.severity = fact.severity.min(resource.severity);
        fact.resources.insert(name);
        fact.contacts.extend(resource.contact.clone());
    }
}

/// The word under which programs know a member of an enumeration.
fn word_of<T: Serialize>(value: &T) -> Option<String> {
    serde_json::to_value(value).ok()?.as_str().map(str::to_owned)
}
