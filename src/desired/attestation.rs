//! `[attestation.NAME]`: what only a person can state, as reviewed text. A signed attestation carries the digest of that text.

use std::num::NonZeroU8;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::model::{Digest, Period, Span};

/// The most attestations of one host.
pub(super) const ATTESTATIONS_MAX: usize = 200;
/// The most criteria of one, and the most roles.
pub(super) const CRITERIA_MAX: usize = 49;
/// The longest sentence, in bytes.
pub(super) const SENTENCE_BYTES_MAX: usize = 1000;

/// The table as it is written.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AttestationSection {
    /// What it is about, in a few words.
    pub(super) title: String,
    /// What is stated, in one line.
    pub(super) statement: Option<String>,
    /// What is stated line by line, such as the criteria that a document meets.
    #[serde(default)]
    pub(super) criteria: Vec<String>,
    /// It is about a document, whose SHA-256 whoever signs has to name.
    #[serde(default)]
    pub(super) document: bool,
    /// It counts only for the commit of desired state that whoever signed had before them.
    #[serde(default)]
    pub(super) this_commit: bool,
    /// The roles in which it may be stated. `[attest] roles` of the host's trust file have to have them too.
    pub(super) roles: Vec<String>,
    /// How many people have to state it; 1 without it.
    pub(super) people: Option<NonZeroU8>,
    /// How long ago it may have been stated, such as "30d"; as long as it says itself without it.
    pub(super) max_age: Option<Period>,
}

/// What only a person can state.
#[derive(Debug, Clone)]
pub struct Attestation {
    /// What it is about, in a few words.
    pub title: String,
    /// What is stated: the statement first, then the criteria. Each is one line that shows all that it holds.
    pub states: Vec<String>,
    /// Is it about a document?
    pub document: bool,
    /// Does it count for one commit of desired state alone?
    pub this_commit: bool,
    /// The roles in which it may be stated.
    pub roles: Vec<String>,
    /// How many people have to state it.
    pub people: usize,
    /// How long ago it may have been stated.
    pub max_age: Option<Period>,
    /// The file it stands in.
    pub file: String,
    /// The bytes of its name there.
    pub span: Span,
    /// The line of its name there, from 1.
    pub line: u64,
}

impl Attestation {
    pub(super) fn new(
        section: AttestationSection,
        (file, span, line): (String, Span, u64),
    ) -> Self {
        Self {
            title: section.title,
            states: section.statement.into_iter().chain(section.criteria).collect(),
            document: section.document,
            this_commit: section.this_commit,
            roles: section.roles,
            people: section.people.map_or(1, |people| usize::from(people.get())),
            max_age: section.max_age,
            file,
            span,
            line,
        }
    }

    /// Of the text that is stated. Who may state it, and for how long it counts, are no part of it.
    #[must_use]
    pub fn text(&self, name: &str) -> Digest {
        let mut bytes = b"countersign-attestation-v1\n".to_vec();
        let text = (name, &self.title, &self.states, self.document, self.this_commit);
        // Nothing of it can fail to be expressed as JSON.
        serde_json::to_writer(&mut bytes, &text).unwrap_or_default();
        Digest::of(&bytes)
    }
}
