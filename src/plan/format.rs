//! The file of a plan: JSON on one line whose bytes are what is hashed and signed.
//!
//! A plan is read only when it is, byte for byte, what this program would write for it: so there is one text for each
//! plan, no key is read that was not written, and nothing in the file is without meaning.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Scope;
use crate::action::{Action, Condition, Risk, Undo};
use crate::model::{Decimal, Digest, Timestamp};

/// The largest file of a plan that is read.
pub const BYTES_MAX: u64 = 16 << 20;
/// The most steps of one plan.
pub const STEPS_MAX: usize = 10_000;
/// The first word of every plan.
const FORMAT: &str = "plan";
const VERSION: &str = "1";

/// What changes, where, from which state, and until when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// Always "plan".
    pub countersign: String,
    /// The version of this format.
    pub v: String,
    /// 128 random bits in base32: two plans of the same content are two plans.
    pub id: String,
    /// The machine that it is for.
    pub host: HostId,
    /// The databases that its steps change, by their names in desired state.
    pub databases: BTreeMap<String, DatabaseId>,
    /// The desired state that it was made from.
    pub source: SourceId,
    /// What it was asked for.
    pub scope: Scope,
    /// The guards that hold before and after it, each with the value that the host pins, as JSON.
    pub guards: BTreeMap<String, String>,
    /// Of the trust file that was in force.
    pub trust: Option<Digest>,
    /// The version of the list of actions.
    pub actions: String,
    /// The ledgers that were in use, by their names.
    pub ledgers: BTreeMap<String, LedgerId>,
    /// What made it. Recorded, and nothing depends on it.
    pub program: Program,
    /// When it was made.
    pub created: Timestamp,
    /// The last instant at which it may be begun.
    pub valid_until: Timestamp,
    /// What is done, in this order.
    pub steps: Vec<Step>,
    /// What came of trying the statements of a step, by its number. Nothing of what the plan does depends on it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub rehearsals: BTreeMap<Decimal, Rehearsal>,
}

/// What came of running a step's statements in a transaction that cannot commit, when the plan was sealed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rehearsal {
    /// The verdict; `None` where they were not tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<String>,
    /// Its reason, or why they were not tried.
    pub detail: String,
    /// Of the evidence, on the executor's ledger.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Digest>,
    /// How long they held their locks, in microseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub took_us: Option<Decimal>,
    /// The locks beyond those of reading, each with its mode.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub locks: Vec<String>,
}

/// A machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HostId {
    /// Its name in desired state.
    pub name: String,
    /// SHA-256 of `countersign-host-v1`, a zero byte, and its machine id.
    pub id: Digest,
    /// What it calls itself. Shown, and nothing depends on it.
    pub hostname: String,
}

impl HostId {
    /// The id of the machine with this `/etc/machine-id`.
    #[must_use]
    pub fn id_of(machine_id: &str) -> Digest {
        Digest::of(format!("countersign-host-v1\0{machine_id}").as_bytes())
    }
}

/// A database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatabaseId {
    /// Of its cluster.
    pub system_identifier: String,
    /// Its name there.
    pub name: String,
}

/// Where desired state came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceId {
    /// The repository, for people.
    pub origin: String,
    /// The commit, in full.
    pub commit: String,
    /// The files that the steps derive from, with their digests.
    pub files: BTreeMap<String, Digest>,
}

/// A ledger: who writes it, and the state that the planner found it in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LedgerId {
    /// Its name in checkpoints.
    pub origin: String,
    /// The key that signs its checkpoints, as a line of a verifier.
    pub key: String,
}

/// The program that made a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Program {
    /// Its version.
    pub version: String,
    /// Of its file, where that could be read.
    pub sha256: Option<Digest>,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Its number, from 1.
    pub n: Decimal,
    /// The resources that it is for, as `KIND.NAME`.
    pub resources: Vec<String>,
    /// What is done.
    pub action: Action,
    /// What has to hold before.
    pub before: Condition,
    /// What holds afterwards.
    pub after: Condition,
    /// How it is taken back.
    pub undo: Undo,
    /// How much can go wrong.
    pub risk: Risk,
}

/// Why a file is no plan.
#[derive(Debug, thiserror::Error)]
pub enum FormatError {
    /// It is larger than a plan may be.
    #[error("it is larger than {BYTES_MAX} bytes")]
    TooLarge,
    /// It is not the JSON of a plan.
    #[error("it is not a plan")]
    Malformed(#[source] serde_json::Error),
    /// It is of another version.
    #[error("it is `{format}` version {version}; this program reads `{FORMAT}` version {VERSION}")]
    Version {
        /// What it says it is.
        format: String,
        /// In which version.
        version: String,
    },
    /// It says the same as a plan of this program, in other bytes.
    #[error(
        "its bytes are not those that this program writes for it: it was edited, or written by something else"
    )]
    Edited,
    /// Its steps are not numbered in order, or are too many.
    #[error("its steps are not numbered from 1, or more than {STEPS_MAX}")]
    Steps,
}

/// What two plans that do the same may differ in: what each says besides what it does.
#[derive(Debug, Clone, Deserialize)]
pub struct Frame {
    id: String,
    source: SourceId,
    /// See [`Plan::trust`].
    pub trust: Option<Digest>,
    /// See [`Plan::ledgers`].
    pub ledgers: BTreeMap<String, LedgerId>,
    program: Program,
    created: Timestamp,
    valid_until: Timestamp,
    #[serde(default)]
    rehearsals: BTreeMap<Decimal, Rehearsal>,
}

impl Frame {
    /// What the bytes of a plan say of it; its steps are passed over.
    ///
    /// # Errors
    /// When they are none of a plan.
    pub fn read(bytes: &[u8]) -> Result<Self, FormatError> {
        serde_json::from_slice(bytes).map_err(FormatError::Malformed)
    }

    /// The plan that does what `plan` does, and says this besides.
    #[must_use]
    pub fn around(self, plan: Plan) -> Plan {
        let Plan { countersign, v, host, databases, scope, guards, actions, steps, .. } = plan;
        let Self { id, source, trust, ledgers, program, created, valid_until, rehearsals } = self;
        Plan {
            countersign,
            v,
            id,
            host,
            databases,
            source,
            scope,
            guards,
            trust,
            actions,
            ledgers,
            program,
            created,
            valid_until,
            steps,
            rehearsals,
        }
    }
}

/// The first words of any plan.
#[derive(Deserialize)]
struct Head {
    countersign: String,
    v: String,
}

impl Plan {
    /// The words at its beginning.
    #[must_use]
    pub fn format() -> (String, String) {
        (FORMAT.to_owned(), VERSION.to_owned())
    }

    /// Its bytes.
    ///
    /// # Errors
    /// When it cannot be expressed, which no plan of this program is.
    pub fn write(&self) -> Result<Vec<u8>, FormatError> {
        let mut bytes = serde_json::to_vec(self).map_err(FormatError::Malformed)?;
        bytes.push(b'\n');
        if bytes.len() as u64 > BYTES_MAX {
            return Err(FormatError::TooLarge);
        }
        Ok(bytes)
    }

    /// Reads a plan from exactly the bytes that [`Plan::write`] makes of it.
    ///
    /// # Errors
    /// When it is anything else.
    pub fn read(bytes: &[u8]) -> Result<Self, FormatError> {
        if bytes.len() as u64 > BYTES_MAX {
            return Err(FormatError::TooLarge);
        }
        let head: Head = serde_json::from_slice(bytes).map_err(FormatError::Malformed)?;
        if (head.countersign.as_str(), head.v.as_str()) != (FORMAT, VERSION) {
            return Err(FormatError::Version { format: head.countersign, version: head.v });
        }
        let plan: Self = serde_json::from_slice(bytes).map_err(FormatError::Malformed)?;
        if plan.write()? != bytes {
            return Err(FormatError::Edited);
        }
        let numbered = plan.steps.iter().zip(1..).all(|(step, n)| step.n == Decimal(n));
        if !numbered || plan.steps.len() > STEPS_MAX {
            return Err(FormatError::Steps);
        }
        Ok(plan)
    }
}
