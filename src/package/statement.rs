//! What the ledger's key signs of a package: an in-toto Statement v1 whose subjects are its files.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::value::{Cited, Header, Outcome, Package};
use crate::model::{Digest, Timestamp};

/// The type of the payload, as in-toto names it.
pub const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";
const TYPE: &str = "https://in-toto.io/Statement/v1";
const PREDICATE: &str = "urn:countersign:report:v1";

/// The statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    #[serde(rename = "_type")]
    kind: String,
    subject: Vec<Subject>,
    #[serde(rename = "predicateType")]
    predicate_type: String,
    /// What it says of the files.
    pub predicate: Predicate,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Subject {
    name: String,
    digest: Sha256,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sha256 {
    sha256: Digest,
}

/// What is said of the files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Predicate {
    /// The report, by its name in desired state.
    pub report: String,
    /// The host, by its name in desired state.
    pub host: String,
    /// The id of the host.
    pub host_id: Option<String>,
    /// The commit of desired state.
    pub commit: Option<String>,
    /// When the look ended.
    pub date_utc: Timestamp,
    /// The outcome in its word.
    pub outcome: String,
    /// Is it the better one?
    pub ready: bool,
    /// The ledger that lines cite: name, number of entries, root.
    pub ledger: Option<String>,
}

impl Statement {
    pub(super) fn new(package: &Package, sums: &BTreeMap<String, Digest>) -> Self {
        let subject = |(name, sha256): (&String, &Digest)| Subject {
            name: name.clone(),
            digest: Sha256 { sha256: *sha256 },
        };
        Self {
            kind: TYPE.to_owned(),
            subject: sums.iter().map(subject).collect(),
            predicate_type: PREDICATE.to_owned(),
            predicate: Predicate::of(&package.header, &package.outcome, package.ledger.as_ref()),
        }
    }

    /// What names it: SHA-256 of its bytes.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(&self.bytes())
    }

    /// Its bytes: one line of JSON.
    pub(super) fn bytes(&self) -> Vec<u8> {
        // Texts alone: it cannot fail.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Reads one of this type, byte for byte as it is written.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let statement: Self = serde_json::from_slice(bytes).ok()?;
        let known = statement.kind == TYPE && statement.predicate_type == PREDICATE;
        (known && statement.bytes() == bytes).then_some(statement)
    }

    /// The files that it is about.
    pub(super) fn sums(&self) -> BTreeMap<String, Digest> {
        self.subject.iter().map(|one| (one.name.clone(), one.digest.sha256)).collect()
    }
}

impl Predicate {
    pub(super) fn of(header: &Header, outcome: &Outcome, ledger: Option<&Cited>) -> Self {
        Self {
            report: header.report.clone(),
            host: header.host.clone(),
            host_id: header.host_id.clone(),
            commit: header.commit.clone(),
            date_utc: header.date_utc,
            outcome: outcome.token.clone(),
            ready: outcome.ready,
            ledger: ledger.map(|one| format!("{} {} {}", one.origin, one.size, one.root)),
        }
    }
}
