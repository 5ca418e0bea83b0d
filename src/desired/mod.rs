//! Desired state: from a git repository to typed resources, or to every reason why not.
//!
//! Reads git objects or a folder, never runs anything that they contain, and writes nothing but the mirror of a remote.

pub mod anchor;
mod attestation;
mod attestation_tables;
mod blob;
mod declared;
mod gap;
mod gap_tables;
mod gate;
mod gate_tables;
mod git;
mod host;
mod lint;
mod manifest;
mod mirror;
mod proof;
mod proof_tables;
mod proofset;
mod report;
mod report_tables;
mod resource;
mod sections;
mod selector;
mod signed;
pub mod source;
pub mod statements;
mod stored;
mod tables;
mod tree;
mod waiver;

use std::collections::BTreeMap;

use crate::model::{Diagnostic, Level, ResourceName};

pub use attestation::{Attestation, AttestationSection};
pub use blob::Blob;
pub use declared::Declared;
pub use gap::{Contact, Gap, GapSection};
pub use gate::{Criterion, Gate, GateSection, Requirement, needed};
pub use host::{DatabaseIdentity, DatabaseSection, Defaults, HostIdentity, HostSection};
pub use lint::astray;
pub use manifest::{read, read_begun};
pub use proof::{Contract, Effect, Expect, Parameter, ParameterType, Proof, ProofSection};
pub use proofset::{Line, Proofset, ProofsetSection, reaches};
pub use report::{Document, Forbidden, ReportPlan, ReportSection};
pub use resource::{COMMON_KEYS, Common, Resource};
pub use selector::Selector;
pub use signed::{AcceptedTip, SignedBy, SignedError};
pub use source::{Request, SourceError};
pub use tree::Tree;
pub use waiver::{Waiver, WaiverSection};

/// What is wanted of one host.
#[derive(Debug, Clone, Default)]
pub struct Desired {
    /// The name of its folder.
    pub host: String,
    /// The roles that it takes part in.
    pub roles: Vec<String>,
    /// What makes the machine this one.
    pub identity: HostIdentity,
    /// Its databases.
    pub databases: BTreeMap<String, DatabaseIdentity>,
    /// Its resources, those of its roles included.
    pub resources: BTreeMap<ResourceName, Resource>,
    /// Its waivers, expired ones included.
    pub waivers: BTreeMap<String, Waiver>,
    /// Its proofs.
    pub proofs: BTreeMap<String, Proof>,
    /// Its sets of proofs.
    pub proofsets: BTreeMap<String, Proofset>,
    /// What only people can state about it.
    pub attestations: BTreeMap<String, Attestation>,
    /// Its gates.
    pub gates: BTreeMap<String, Gate>,
    /// Its gaps.
    pub gaps: BTreeMap<String, Gap>,
    /// What is reported of it.
    pub reports: BTreeMap<String, ReportPlan>,
    /// The commit, in full.
    pub commit: Option<String>,
    /// Is it exactly what that commit holds?
    pub pinned: bool,
    /// Its folder within the repository; empty for the root of one, and for a folder that is in none.
    pub folder: String,
    /// Where it came from, for people.
    pub origin: String,
}

/// The outcome of reading: desired state when there is no error, and everything that was found.
#[derive(Debug)]
pub struct Loaded {
    /// Absent when there is an error among the findings.
    pub desired: Option<Desired>,
    /// Errors and warnings, in the order of files and places.
    pub diagnostics: Vec<Diagnostic>,
}

impl Loaded {
    /// How many errors there are.
    #[must_use]
    pub fn errors(&self) -> usize {
        self.diagnostics.iter().filter(|d| d.level == Level::Error).count()
    }
}
