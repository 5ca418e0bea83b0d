//! One message: what is kept in the spool, and the forms in which it is sent.
//!
//! It says what kind of thing happened to which resources, and holds no value of the host: what differs stands in the report,
//! where the host decides what may be shown.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::fact::Class;
use super::incident::{Phase, Said};
use crate::model::display::{escape, few};
use crate::model::{Digest, Severity, Timestamp};

/// So many resources are named; the number of all stands beside them.
const RESOURCES_MAX: usize = 50;
/// So many are named in a text for people.
const NAMED_MAX: usize = 10;
/// The longest name that is repeated, in bytes.
const NAME_BYTES_MAX: usize = 300;
/// So many people are named.
const CONTACTS_MAX: usize = 10;

/// One message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Message {
    /// What tells it from every other one, of the same second too. The same at each attempt.
    pub id: String,
    /// The host.
    pub host: String,
    /// What kind of thing.
    pub class: Class,
    /// What has happened.
    pub phase: Phase,
    /// How much it matters.
    pub severity: Severity,
    /// When it was found.
    pub at: Timestamp,
    /// Its number among all that were said here: what begins and ends within a second arrives in that order.
    #[serde(default)]
    pub number: u64,
    /// Since when it is so.
    pub since: Timestamp,
    /// What it is about, where that is no resource.
    pub about: Option<String>,
    /// The class of the reason.
    pub reason: Option<String>,
    /// The resources behind it, the first of them.
    pub resources: Vec<String>,
    /// How many there are.
    pub resources_total: u64,
    /// Whom to ask.
    pub contacts: Vec<String>,
}

impl Message {
    /// The message that says it.
    #[must_use]
    pub fn new(host: &str, said: Said, number: u64, now: Timestamp) -> Self {
        let Said { class, phase, causes } = said;
        let mut identity = format!("{host}\n{}\n{}\n{now}\n{number}\n", class.word(), phase.word());
        for (cause, _, onset) in &causes {
            let _ = writeln!(identity, "{}\n{onset}", cause.about);
        }
        let id = Digest::of(identity.as_bytes()).to_string()[..32].to_owned();
        let resources: BTreeSet<&String> = causes.iter().flat_map(|c| &c.1.resources).collect();
        let named = |name: &&String| name.len() <= NAME_BYTES_MAX;
        let contacts: BTreeSet<&String> = causes.iter().flat_map(|c| &c.1.contacts).collect();
        let single = causes.first().filter(|_| !class.is_told_together());
        Self {
            id,
            host: host.to_owned(),
            class,
            phase,
            severity: causes.iter().map(|c| c.1.severity).min().unwrap_or_default(),
            at: now,
            number,
            since: causes.iter().map(|c| c.2).min().unwrap_or(now),
            about: single.map(|c| c.0.about.clone()).filter(|about| !about.is_empty()),
            reason: single.and_then(|c| c.1.reason.clone()),
            resources_total: resources.len() as u64,
            resources: resources
                .iter()
                .filter(|n| named(n))
                .take(RESOURCES_MAX)
                .map(|n| (*n).clone())
                .collect(),
            contacts: contacts
                .iter()
                .filter(|n| named(n))
                .take(CONTACTS_MAX)
                .map(|n| (*n).clone())
                .collect(),
        }
    }

    /// The type of the event, as `countersign.drift.begun`.
    #[must_use]
    pub fn kind(&self) -> String {
        format!("countersign.{}.{}", self.class.word(), self.phase.word())
    }

    /// A CloudEvent 1.0 in its JSON form.
    #[must_use]
    pub fn cloud_event(&self) -> Value {
        let Self { host, severity, since, about, reason, .. } = self;
        json!({
            "specversion": "1.0",
            "id": self.id,
            "source": format!("countersign://{}", uri(host)),
            "type": self.kind(),
            "subject": about.as_deref().or(self.resources.first().map(String::as_str)).unwrap_or(host),
            "time": self.at,
            "datacontenttype": "application/json",
            "data": {
                "host": host, "class": self.class, "phase": self.phase, "severity": severity, "since": since,
                "about": about, "reason": reason, "resources": self.resources,
                "resources_total": self.resources_total, "contacts": self.contacts, "text": self.text(),
            },
        })
    }

    /// What Slack and others take. What is markup there is taken from names.
    #[must_use]
    pub fn slack(&self) -> Value {
        let text = self.text().replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        json!({ "text": text, "mrkdwn": false })
    }

    /// For people, in a line or a few.
    #[must_use]
    pub fn text(&self) -> String {
        let severity = match self.severity {
            Severity::Critical => "critical",
            Severity::Major => "major",
            Severity::Minor => "minor",
            Severity::Info => "info",
        };
        let mut text = format!("[{severity}] {}: {}", escape(&self.host), self.sentence());
        if self.resources_total > 0 {
            let names = self.resources.iter().map(|name| escape(name).into_owned());
            let shown = few(names.collect::<Vec<_>>().into_iter(), NAMED_MAX);
            let _ = write!(text, "\n{} resources: {shown}", self.resources_total);
        }
        if !self.contacts.is_empty() {
            let _ = write!(text, "\nask {}", escape(&self.contacts.join(", ")));
        }
        if matches!(self.phase, Phase::Lasting | Phase::Ended) {
            let _ = write!(text, "\nsince {}", self.since);
        }
        text
    }

    fn sentence(&self) -> String {
        let what = match self.class {
            Class::Drift => "what is there is not what is wanted".to_owned(),
            Class::Unknown => format!(
                "it cannot be told what is there: {}",
                escape(self.about.as_deref().unwrap_or("the host"))
            ),
            Class::Source => "the newest commit of desired state is not in force".to_owned(),
            Class::Stalled => "the controller does not go on by itself".to_owned(),
            Class::Halted => "changes are halted".to_owned(),
            Class::Suspended => "somebody told it not to look".to_owned(),
            Class::Plan => return self.of_plan(),
            Class::Gap => return self.of_gap(),
            Class::Draft => {
                return "a draft plan is ready to be sealed and approved: `countersign plan`"
                    .into();
            }
        };
        let reason = self.reason.as_deref().map(|reason| format!(" ({})", escape(reason)));
        let end = match self.phase {
            Phase::Flapping => "; it comes and goes, and is told no more until it rests",
            Phase::Lasting => ", still",
            Phase::Ended => ": over",
            _ => "",
        };
        format!("{what}{}{end}", reason.unwrap_or_default())
    }

    fn of_gap(&self) -> String {
        let gap = escape(self.about.as_deref().unwrap_or("?"));
        match self.phase {
            Phase::Ended => format!("gap {gap} is closed"),
            _ => format!("gap {gap} was closed, and opened again"),
        }
    }

    fn of_plan(&self) -> String {
        let plan = match self.about.as_deref() {
            Some(digest) => format!("plan {}", escape(digest.get(..12).unwrap_or(digest))),
            None => "a plan".to_owned(),
        };
        let reason = self.reason.as_deref().map(|reason| format!(" ({})", escape(reason)));
        let reason = reason.unwrap_or_default();
        match self.phase {
            Phase::Sealed => format!("{plan} is sealed and waits for approvals"),
            Phase::Approved => format!("{plan} was approved{reason}"),
            Phase::Rejected => format!("{plan}: an approver says no{reason}"),
            Phase::Applied => format!("{plan} was applied"),
            Phase::Failed => format!("{plan} did not come to its end{reason}"),
            _ => format!("{plan}: refused{reason}"),
        }
    }
}

impl Phase {
    /// The word of programs.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Begun => "begun",
            Self::Flapping => "flapping",
            Self::Lasting => "lasting",
            Self::Ended => "ended",
            Self::Sealed => "sealed",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Refused => "refused",
            Self::Applied => "applied",
            Self::Failed => "failed",
        }
    }
}

/// A name as a part of a URI.
fn uri(name: &str) -> String {
    name.bytes().fold(String::new(), |mut uri, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            let _ = write!(uri, "%{byte:02X}");
        }
        uri
    })
}
