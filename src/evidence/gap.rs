//! What each gap comes to. Nobody sets its state, and nobody has to: it opens again by itself.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Backing, Facts, Held};
use crate::desired::{Contact, Gap};

/// How open a gap is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Openness {
    /// All that closes it holds.
    #[serde(rename = "CLOSED")]
    Closed,
    /// Some of it holds.
    #[serde(rename = "PARTIAL")]
    Partial,
    /// Nothing of it is known to hold.
    #[serde(rename = "OPEN")]
    Open,
}

/// A gap, held against what is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GapResult {
    /// Its name.
    pub gap: String,
    /// Other names of it.
    pub aliases: Vec<String>,
    /// What is missing.
    pub title: String,
    /// What it came to.
    pub state: Openness,
    /// Is there something that could not be told, or was not run?
    pub untold: bool,
    /// How much of what closes it holds.
    pub holding: usize,
    /// How much there is.
    pub total: usize,
    /// The first thing that is missing; null when it is closed.
    pub missing: Option<String>,
    /// Who has to move.
    pub contact: Contact,
    /// What stays open when it is closed.
    pub residue: Option<String>,
    /// What has to be done next.
    pub next: Option<String>,
    /// The gates that it keeps from passing.
    pub blocks: Vec<String>,
    /// What it rests on.
    pub backing: Vec<Backing>,
    /// The file of desired state in which it is declared.
    pub declared_in: String,
    /// The line of that file, from 1.
    pub declared_line: u64,
}

/// Computes every gap, in the order of their names.
#[must_use]
pub fn gaps(facts: &Facts<'_>) -> Vec<GapResult> {
    facts.desired().gaps.iter().map(|(name, one)| gap(facts, name, one)).collect()
}

/// Computes one. `name`: as its table has it.
#[must_use]
pub fn gap(facts: &Facts<'_>, name: &str, gap: &Gap) -> GapResult {
    let required = gap.closes_when.iter().map(|one| facts.backing(one, gap.max_age));
    let mut backing: Vec<Backing> = required.collect();
    let members = gap.members(name, facts.desired());
    if !members.is_empty() {
        backing.push(facts.backing_of(format!("gap = {name:?}"), &members));
    }
    let holding = backing.iter().map(|one| one.holding).sum();
    // Lint has seen to it that something closes it; were there nothing, it would not be closed.
    let closed = !backing.is_empty() && backing.iter().all(|one| one.held == Held::Yes);
    let state = match holding {
        _ if closed => Openness::Closed,
        0 => Openness::Open,
        _ => Openness::Partial,
    };
    let worst = backing.iter().map(|one| one.held).max();
    let first = backing.iter().find(|one| Some(one.held) == worst);
    GapResult {
        gap: name.to_owned(),
        aliases: gap.aliases.clone(),
        title: gap.title.clone(),
        state,
        untold: backing.iter().any(|one| one.untold),
        holding,
        total: backing.iter().map(|one| one.total).sum(),
        missing: first.and_then(|one| one.missing.clone()),
        contact: gap.contact,
        residue: gap.residue.clone(),
        next: gap.next.clone(),
        blocks: gap.blocks.clone(),
        backing,
        declared_in: gap.file.clone(),
        declared_line: gap.line,
    }
}

/// The gaps that keep a gate from passing now.
pub(super) fn blocking(facts: &Facts<'_>, gate: &str) -> Vec<GapResult> {
    let blocks = |one: &&Gap| one.blocks.iter().any(|blocked| blocked == gate);
    let all = facts.desired().gaps.iter().filter(|(_, one)| blocks(one));
    let computed = all.map(|(name, one)| gap(facts, name, one));
    computed.filter(|result| result.state != Openness::Closed).collect()
}

impl fmt::Display for Openness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Closed => "CLOSED",
            Self::Partial => "PARTIAL",
            Self::Open => "OPEN",
        })
    }
}
