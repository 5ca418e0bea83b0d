//! `[gap.NAME]`: what is known to be missing, what closes it, and what it keeps from going on.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Desired, Requirement};
use crate::model::{Period, ResourceName, Span};

/// The most gaps of one host.
pub(super) const GAPS_MAX: usize = 500;

/// The table as it is written.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GapSection {
    /// What is missing, in a few words.
    pub(super) title: String,
    /// Other names of it, such as "GAP-3".
    #[serde(default)]
    pub(super) aliases: Vec<String>,
    /// Who has to move for it to close.
    pub(super) contact: Contact,
    /// What closes it, as `requires` of a gate: it is closed while all of it holds. Every resource that says `gap = "NAME"` counts
    /// too, whether or not it stands here.
    #[serde(default)]
    pub(super) closes_when: Vec<String>,
    /// What stays open or unproven when it is closed, for the report.
    pub(super) residue: Option<String>,
    /// What has to be done next, for the report.
    pub(super) next: Option<String>,
    /// The gates that do not pass while it is not closed.
    #[serde(default)]
    pub(super) blocks: Vec<String>,
    /// How old the outcome of a proof may be, such as "12h"; "1d" without it.
    pub(super) max_age: Option<Period>,
}

/// Who has to move for a gap to close.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Contact {
    /// Who writes the code that runs there.
    Code,
    /// Who operates the host.
    Operator,
    /// Who approves changes.
    Approver,
}

/// A gap.
#[derive(Debug, Clone)]
pub struct Gap {
    /// What is missing, in a few words.
    pub title: String,
    /// Other names of it.
    pub aliases: Vec<String>,
    /// Who has to move.
    pub contact: Contact,
    /// What closes it, besides the resources that name it.
    pub closes_when: Vec<Requirement>,
    /// What stays open when it is closed.
    pub residue: Option<String>,
    /// What has to be done next.
    pub next: Option<String>,
    /// The gates that it keeps from passing.
    pub blocks: Vec<String>,
    /// How old the outcome of a proof may be.
    pub max_age: Period,
    /// The file it stands in.
    pub file: String,
    /// The bytes of its name there.
    pub span: Span,
    /// The line of its name there, from 1.
    pub line: u64,
}

impl Contact {
    /// Its word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::Operator => "operator",
            Self::Approver => "approver",
        }
    }
}

impl Gap {
    pub(super) fn new(
        section: GapSection,
        (file, span, line): (String, Span, u64),
    ) -> Result<Self, globset::Error> {
        let closes_when = section.closes_when.iter().map(|text| Requirement::parse(text));
        Ok(Self {
            closes_when: closes_when.collect::<Result<_, _>>()?,
            title: section.title,
            aliases: section.aliases,
            contact: section.contact,
            residue: section.residue,
            next: section.next,
            blocks: section.blocks,
            max_age: section.max_age.unwrap_or(super::gate::MAX_AGE),
            file,
            span,
            line,
        })
    }

    /// Is this one of its names? `own`: the one that its table has.
    #[must_use]
    pub fn is_called(&self, own: &str, name: &str) -> bool {
        own == name || self.aliases.iter().any(|alias| alias == name)
    }

    /// The resources that say they belong to it, and that `closes_when` does not reach.
    #[must_use]
    pub fn members<'d>(&self, own: &str, desired: &'d Desired) -> Vec<&'d ResourceName> {
        let reached: Vec<&ResourceName> =
            self.closes_when.iter().flat_map(|one| one.resources(desired)).collect();
        let named = desired.resources.values().filter(|resource| {
            let gap = resource.common.gap.as_deref();
            gap.is_some_and(|gap| self.is_called(own, gap)) && !reached.contains(&&resource.name)
        });
        named.map(|resource| &resource.name).collect()
    }

    /// Every resource that it rests on.
    #[must_use]
    pub fn resources<'d>(&self, own: &str, desired: &'d Desired) -> Vec<&'d ResourceName> {
        let mut all = self.members(own, desired);
        all.extend(self.closes_when.iter().flat_map(|one| one.resources(desired)));
        all
    }
}
