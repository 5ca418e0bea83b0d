//! A report as a value: what is shown, what each line rests on, and what it all comes to. Its JSON is a contract, as that of a check.

use std::fmt;

use serde::{Deserialize, Serialize};

pub use super::measured::{Census, Connection, Measured, NonMutation, Program};

use crate::evidence::{Held, Openness, State};
use crate::ledger::Hash;
use crate::model::{Digest, Timestamp};

/// The name of the format.
pub const SCHEMA: &str = "countersign.report.package";
/// Its version.
pub const VERSION: u32 = 1;

/// Everything that a report says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Package {
    /// The name of the format.
    pub schema: String,
    /// Its version.
    pub version: u32,
    /// What it is about, and when and of what it was made.
    pub header: Header,
    /// What it comes to.
    pub outcome: Outcome,
    /// How many resources there are of each verdict.
    pub resources: Counts,
    /// Its documents, in their order.
    pub documents: Vec<Document>,
    /// The gates, by name.
    pub gates: Vec<Gate>,
    /// What has to hold.
    pub criteria: Vec<Line>,
    /// The gaps.
    pub gaps: Vec<Gap>,
    /// What must not have been done.
    pub forbidden: Vec<Line>,
    /// What the run itself did and found changed.
    pub non_mutation: NonMutation,
    /// What comes next.
    pub next: Vec<String>,
    /// The ledger that lines cite; absent where there is none.
    pub ledger: Option<Cited>,
    /// How it came to be as it is, as the ledgers have it.
    pub history: History,
}

/// What a report is about, and when and of what it was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// Its name in desired state.
    pub report: String,
    /// The name of the work that it reports on.
    pub id: String,
    /// What it reports on, in a few words.
    pub title: String,
    /// When the look ended.
    pub date_utc: Timestamp,
    /// The host's name in desired state.
    pub host: String,
    /// SHA-256 of `countersign-host-v1`, a zero byte and its machine id; absent where it is not known.
    pub host_id: Option<String>,
    /// The commit of desired state, in full.
    pub commit: Option<String>,
    /// Is desired state exactly what that commit holds?
    pub pinned: bool,
    /// Is this a sandbox, rather than a machine's own configuration and root?
    pub sandbox: bool,
    /// Does the world come from a recording?
    pub replayed: bool,
    /// The version of the program that made it.
    pub program: String,
    /// What a reader has to know before he trusts the rest.
    pub notes: Vec<String>,
}

/// What a report comes to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outcome {
    /// Does all of it hold?
    pub ready: bool,
    /// The word for that, as desired state has it.
    pub token: String,
    /// What holds it back: `gate.G1 FAIL: …`. Gates that only wait for others are not listed.
    pub blockers: Vec<String>,
    /// The words for both outcomes.
    pub tokens: [String; 2],
}

/// Counts of resources.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counts {
    /// As wanted.
    pub in_sync: u64,
    /// Not as wanted.
    pub drift: u64,
    /// Wanted otherwise since a commit, and as wanted before.
    pub pending: u64,
    /// Not to be told.
    pub unknown: u64,
    /// Not as wanted, and accepted for a time.
    pub waived: u64,
    /// Not as wanted, and explained by a person who signed that.
    pub explained: u64,
}

/// One document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// Its number and its name, which are also those of its files.
    pub name: String,
    /// What it is about.
    pub title: String,
    /// The gates that it covers.
    pub gates: Vec<String>,
    /// The gaps that it covers.
    pub gaps: Vec<String>,
    /// What it proves.
    pub proofs: Vec<Line>,
    /// The resources that it shows.
    pub resources: Vec<Resource>,
}

/// A gate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gate {
    /// Its name.
    pub gate: String,
    /// What it lets pass.
    pub title: String,
    /// What it came to.
    pub state: State,
    /// The first thing that is missing.
    pub missing: Option<String>,
    /// The gates that it needs.
    pub needs: Vec<String>,
    /// What keeps it from being concluded.
    pub blocked_by: Vec<String>,
    /// What it requires.
    pub backing: Vec<Backing>,
    /// What it requires besides.
    pub criteria: Vec<Line>,
}

/// A gap.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gap {
    /// Its name.
    pub gap: String,
    /// Other names of it.
    pub aliases: Vec<String>,
    /// What is missing.
    pub title: String,
    /// What it came to.
    pub state: Openness,
    /// Does it have to be closed for the outcome to be the better one?
    pub required: bool,
    /// The first thing that is missing.
    pub missing: Option<String>,
    /// Who has to move.
    pub contact: String,
    /// What stays open when it is closed.
    pub residue: Option<String>,
    /// What has to be done next.
    pub next: Option<String>,
    /// What it rests on.
    pub backing: Vec<Backing>,
}

/// A line: a criterion, a proof, something that must not have been done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// What it says.
    pub name: String,
    /// Does it hold?
    pub held: Held,
    /// What it rests on.
    pub backing: Vec<Backing>,
    /// Its parts, such as the lines of a set of proofs: what each shows, and whether it does.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Part>,
}

/// A part of a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// Its name.
    pub name: String,
    /// What it shows.
    pub title: String,
    /// Does it hold?
    pub held: Held,
    /// What it rests on, or what is missing.
    pub because: Vec<String>,
}

/// What a requirement came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Backing {
    /// The requirement, as it is written.
    pub requires: String,
    /// Does it hold?
    pub held: Held,
    /// In a few words what was seen.
    pub seen: String,
    /// The first thing that is missing.
    pub missing: Option<String>,
    /// Where that can be looked up in this package.
    pub cites: Vec<Cite>,
}

/// Something in this package that a line rests on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub enum Cite {
    /// An answer in `observations.json`.
    Observation {
        /// Of which resource.
        resource: String,
        /// Of its one line of JSON.
        sha256: Digest,
    },
    /// An entry in `ledger/executor/entries.jsonl`.
    Entry {
        /// Its number.
        seq: u64,
        /// The hash of its line.
        leaf: Hash,
    },
}

/// A resource that a document shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resource {
    /// Its name.
    pub resource: String,
    /// Its verdict, or `waived`.
    pub verdict: String,
    /// In a few words what was seen, or what speaks against it.
    pub seen: String,
    /// Where that can be looked up in this package.
    pub cites: Vec<Cite>,
}

/// The ledger that lines cite.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cited {
    /// Its name.
    pub origin: String,
    /// How many entries it had.
    pub size: u64,
    /// The root of the tree over them.
    pub root: Hash,
    /// From when on all of its entries are in this package, so that what is not there was not recorded.
    pub since: Timestamp,
    /// The number of the first of those entries; `size` where there is none.
    pub first: u64,
}

/// How it came to be as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct History {
    /// How many resources were known to differ, from a time on, as the observer's ledger has it.
    pub drift: Vec<Level>,
    /// Changes of the gaps that the report covers, as the executor's ledger has them.
    pub gaps: Vec<Change>,
}

/// How many resources differed from a time on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Level {
    /// From when on.
    pub at: Timestamp,
    /// How many differed.
    pub drift: u64,
    /// How many could not be told.
    pub unknown: u64,
}

/// A gap that became more, or less, open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// Which.
    pub gap: String,
    /// When.
    pub at: Timestamp,
    /// What it was from then on.
    pub state: String,
    /// The number of the entry.
    pub entry: u64,
}

impl fmt::Display for Cite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Observation { resource, sha256 } => {
                write!(f, "observation {resource} sha256:{sha256}")
            }
            Self::Entry { seq, leaf } => write!(f, "ledger executor entry {seq} {leaf}"),
        }
    }
}

/// The word of a line.
#[must_use]
pub const fn word(held: Held) -> &'static str {
    match held {
        Held::Yes => "YES",
        Held::Waived => "WAIVED",
        Held::NotRun => "NOT RUN",
        Held::Untold => "UNKNOWN",
        Held::No => "NO",
    }
}

/// The word of something that must not have been done.
#[must_use]
pub const fn deed(held: Held) -> &'static str {
    match held {
        Held::Yes => "NOT DONE",
        Held::No | Held::Waived => "NOT SHOWN",
        Held::NotRun => "NOT ATTESTED",
        Held::Untold => "UNKNOWN",
    }
}
