//! `[proofset.NAME]`: proofs, resources and commands in an order, which count together as `9/9`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Proof;
use crate::model::{Digest, ResourceName, Span};

/// The most lines of one set.
pub(super) const LINES_MAX: usize = 100;

/// The table as it is written.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProofsetSection {
    /// What it shows, in a few words.
    pub(super) title: Option<String>,
    /// Its lines, in the order in which they are looked at and run.
    pub(super) lines: Vec<Line>,
}

/// One line: it holds when everything that it names does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// Its name, such as "PROOF-5".
    pub name: String,
    /// What it shows, in a few words.
    pub title: String,
    /// Proofs that are run, as "proof.NAME".
    #[serde(default)]
    pub proofs: Vec<String>,
    /// Resources that are looked at afresh and have to be in sync, as "KIND.NAME" with `*` for any characters.
    #[serde(default)]
    pub in_sync: Vec<String>,
    /// Resources that have to be as they were before the first line, whatever is wanted of them.
    #[serde(default)]
    pub unchanged: Vec<String>,
}

/// Proofs and resources in an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proofset {
    /// What it shows, in a few words.
    pub title: Option<String>,
    /// Its lines.
    pub lines: Vec<Line>,
    /// The file it stands in.
    pub file: String,
    /// The bytes of its name there.
    pub span: Span,
    /// The line of its name there, from 1.
    pub line: u64,
}

impl Proofset {
    /// What an outcome was of: another line, or another contract of a proof that is named, is another set.
    #[must_use]
    pub fn digest(&self, proofs: &BTreeMap<String, Proof>) -> Digest {
        let mut bytes = b"countersign-proofset-v1\n".to_vec();
        let contract = |name: &str| proofs.get(name).map(|proof| proof.contract.digest());
        for line in &self.lines {
            let contracts: Vec<_> = line.proof_names().map(contract).collect();
            // Nothing of it can fail to be expressed as JSON.
            serde_json::to_writer(&mut bytes, &(line, contracts)).unwrap_or_default();
            bytes.push(b'\n');
        }
        Digest::of(&bytes)
    }
}

impl Line {
    /// The names of the proofs that it runs.
    pub fn proof_names(&self) -> impl Iterator<Item = &str> {
        self.proofs.iter().filter_map(|name| name.strip_prefix("proof."))
    }
}

/// Does a selector, in which `*` stands for any characters, reach a resource?
#[must_use]
pub fn reaches(selector: &str, name: &ResourceName) -> bool {
    globset::Glob::new(selector).is_ok_and(|glob| glob.compile_matcher().is_match(name.to_string()))
}
