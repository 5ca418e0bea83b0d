//! `trust.toml`: its tables and keys as types.

use std::num::{NonZeroU8, NonZeroU16};
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

use super::calendar::{Freeze, Window};
use crate::model::{Period, SshKey};

/// The keys outside every table.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Top {
    /// The version of the form: 1.
    pub(super) version: u32,
    /// Keys that nobody may use any more, whoever they belong to.
    #[serde(default)]
    pub(super) revoked: Vec<SshKey>,
}

/// `[approver."NAME"]`: a person who may sign statements about plans.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApproverSection {
    /// Public keys, as `.pub` files of ssh-keygen hold them.
    pub(super) keys: Vec<SshKey>,
    /// The roles in which this person may approve.
    pub(super) roles: Vec<String>,
    /// Take only signatures of a security key that somebody touched.
    #[serde(default)]
    pub(super) require_touch: bool,
    /// Take only signatures of a security key that asked for its PIN, or a fingerprint.
    #[serde(default)]
    pub(super) require_pin: bool,
    /// This person may no longer approve anything.
    #[serde(default)]
    pub(super) revoked: bool,
}

/// `[attest]`: in which roles something may be attested. Without it nothing may.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AttestSection {
    /// The roles in which people may state what desired state asks for as `[attestation.NAME]`.
    #[serde(default)]
    pub(super) roles: Vec<String>,
    /// The roles in which people may explain that a resource differs for a time. It silences the alarm about that difference.
    #[serde(default)]
    pub(super) explain: Vec<String>,
    /// The roles in which people may do so of a guard too. Nothing is applied or proven while a guard does not hold, explained
    /// or not.
    #[serde(default)]
    pub(super) guards: Vec<String>,
    /// The roles in which people may let a contract run as a proof, where the host's configuration says `admit = ["signed"]`.
    #[serde(default)]
    pub(super) contracts: Vec<String>,
    /// The longest time between `not-before` and `expires` of an attestation, such as "30d"; at most "366d".
    pub(super) lifetime: Period,
}

/// `[committer."NAME"]`: a person whose signed commits are taken as desired state.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CommitterSection {
    /// Public keys, as `.pub` files of ssh-keygen hold them.
    pub(super) keys: Vec<SshKey>,
    /// Commits of this person are no longer taken.
    #[serde(default)]
    pub(super) revoked: bool,
}

/// `[policy.NAME]`: who has to sign for which changes.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PolicySection {
    /// The actions that it covers, by name.
    pub(super) actions: Vec<String>,
    /// Folders: steps that touch a path at or below one of them are covered.
    #[serde(default)]
    pub(super) roots: Vec<PathBuf>,
    /// Databases by the name that desired state gives them: steps inside one of them are covered.
    #[serde(default)]
    pub(super) databases: Vec<String>,
    /// Units of systemd, with `*` for any part of a name: steps about one of them are covered.
    #[serde(default)]
    pub(super) units: Vec<String>,
    /// The most steps that a plan may have.
    pub(super) max_steps: NonZeroU16,
    /// How many people have to approve in all.
    pub(super) total: NonZeroU8,
    /// How many of them in which role.
    pub(super) require: Vec<RequireSection>,
    /// Whether those who signed the commits may approve what follows from them. Default: "author".
    #[serde(default)]
    pub(super) separation: Separation,
    /// The longest time between `not-before` and `expires` of a statement, such as "24h"; at most "30d".
    pub(super) lifetime: Period,
    /// When plans may be applied, in UTC, such as "Mon-Fri 09:00-17:00"; at any time without it.
    #[serde(default)]
    pub(super) windows: Vec<Window>,
    /// Dates in UTC on which nothing is applied, such as "2026-12-20/2027-01-04", both included.
    #[serde(default)]
    pub(super) freeze: Vec<Freeze>,
    /// What holds when the statements of the repository cannot be fetched. Default: "required".
    #[serde(default)]
    pub(super) remote: Remote,
}

/// How many people in one role.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RequireSection {
    /// The role.
    pub role: String,
    /// How many people.
    pub min: NonZeroU8,
}

/// Whether authors may approve their own change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Separation {
    /// Whoever signed a commit since the last applied plan does not count, and such a commit without a known signer refuses.
    #[default]
    Author,
    /// Authors count like everybody.
    None,
}

/// Whether the statements of the repository have to be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Remote {
    /// A repository that cannot be reached is a refusal: a veto could be waiting there.
    #[default]
    Required,
    /// Statements that are here are enough.
    Offline,
}
