//! `[gate.NAME]`: what has to hold before something goes on, and the gates that come before it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Desired, Line, Selector, reaches};
use crate::model::{Period, ResourceName, Span};

/// The most gates of one host.
pub(super) const GATES_MAX: usize = 200;
/// The most things that one gate, or one of its criteria, may require.
pub(super) const REQUIRES_MAX: usize = 200;
/// How old the outcome of a proof may be where a gate does not say.
pub(super) const MAX_AGE: Period = Period::from_seconds(86_400);

/// The table as it is written.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GateSection {
    /// What it lets pass, in a few words.
    pub(super) title: String,
    /// Gates that have to pass first. While one of them does not, nothing is concluded of this one.
    #[serde(default)]
    pub(super) needs: Vec<String>,
    /// What has to hold: resources as "KIND.NAME" with `*` for any characters, which have to be in sync; "`kill_switch`" for
    /// every guard; "proof.NAME" and "proofset.NAME" for what the executor's ledger says of them; "attestation.NAME" for what
    /// people have signed.
    #[serde(default)]
    pub(super) requires: Vec<String>,
    /// What has to hold besides, line by line. A gate of which only criteria do not hold is partial, and does not pass.
    #[serde(default)]
    pub(super) criteria: Vec<CriterionSection>,
    /// How old the outcome of a proof may be, such as "12h"; "1d" without it.
    pub(super) max_age: Option<Period>,
}

/// One criterion of a gate.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CriterionSection {
    /// Its name, as a report has it.
    pub(super) name: String,
    /// What it rests on, as `requires` of the gate.
    pub(super) requires: Vec<String>,
}

/// Something that has to hold.
#[derive(Debug, Clone)]
pub enum Requirement {
    /// Every guard.
    Guards,
    /// A proof, by its name.
    Proof(String),
    /// A set of proofs, by its name.
    Proofset(String),
    /// What only people can state, by its name.
    Attestation(String),
    /// Resources.
    Resources(Selector),
}

impl Requirement {
    /// Reads it as it is written.
    ///
    /// # Errors
    /// Where it is no pattern.
    pub(super) fn parse(text: &str) -> Result<Self, globset::Error> {
        if text == "kill_switch" {
            return Ok(Self::Guards);
        }
        match text.split_once('.') {
            Some(("proof", name)) => Ok(Self::Proof(name.to_owned())),
            Some(("proofset", name)) => Ok(Self::Proofset(name.to_owned())),
            Some(("attestation", name)) => Ok(Self::Attestation(name.to_owned())),
            _ => Selector::parse(text).map(Self::Resources),
        }
    }

    /// As it is written.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::Guards => "kill_switch".to_owned(),
            Self::Proof(name) => format!("proof.{name}"),
            Self::Proofset(name) => format!("proofset.{name}"),
            Self::Attestation(name) => format!("attestation.{name}"),
            Self::Resources(selector) => selector.text().to_owned(),
        }
    }

    /// The proofs that it rests on.
    #[must_use]
    pub fn proofs<'a>(&'a self, desired: &'a Desired) -> Vec<&'a str> {
        match self {
            Self::Guards | Self::Attestation(_) | Self::Resources(_) => Vec::new(),
            Self::Proof(name) => vec![name],
            Self::Proofset(set) => {
                let lines = desired.proofsets.get(set).map(|set| set.lines.as_slice());
                lines.unwrap_or_default().iter().flat_map(Line::proof_names).collect()
            }
        }
    }

    /// The resources that have to be in sync for it, in the order of their names.
    #[must_use]
    pub fn resources<'d>(&self, desired: &'d Desired) -> Vec<&'d ResourceName> {
        let all = desired.resources.values();
        match self {
            Self::Guards => all.filter(|one| one.common.kill_switch).map(|one| &one.name).collect(),
            Self::Resources(selector) => {
                desired.resources.keys().filter(|name| selector.reaches(name)).collect()
            }
            Self::Proof(_) | Self::Attestation(_) => Vec::new(),
            Self::Proofset(set) => {
                let lines = desired.proofsets.get(set).map(|set| set.lines.as_slice());
                let in_sync: Vec<&String> =
                    lines.unwrap_or_default().iter().flat_map(|line| &line.in_sync).collect();
                let meant =
                    |name: &&ResourceName| in_sync.iter().any(|selector| reaches(selector, name));
                desired.resources.keys().filter(meant).collect()
            }
        }
    }
}

/// One line of what has to hold.
#[derive(Debug, Clone)]
pub struct Criterion {
    /// Its name.
    pub name: String,
    /// What it rests on.
    pub requires: Vec<Requirement>,
}

/// A gate.
#[derive(Debug, Clone)]
pub struct Gate {
    /// What it lets pass, in a few words.
    pub title: String,
    /// The gates that come before it.
    pub needs: Vec<String>,
    /// What has to hold.
    pub requires: Vec<Requirement>,
    /// What has to hold besides.
    pub criteria: Vec<Criterion>,
    /// How old the outcome of a proof may be.
    pub max_age: Period,
    /// The file it stands in.
    pub file: String,
    /// The bytes of its name there.
    pub span: Span,
    /// The line of its name there, from 1.
    pub line: u64,
}

impl Gate {
    pub(super) fn new(
        section: GateSection,
        (file, span, line): (String, Span, u64),
    ) -> Result<Self, globset::Error> {
        let parse = |texts: &[String]| -> Result<Vec<Requirement>, globset::Error> {
            texts.iter().map(|text| Requirement::parse(text)).collect()
        };
        let criterion = |one: &CriterionSection| -> Result<Criterion, globset::Error> {
            Ok(Criterion { name: one.name.clone(), requires: parse(&one.requires)? })
        };
        Ok(Self {
            requires: parse(&section.requires)?,
            criteria: section.criteria.iter().map(criterion).collect::<Result<_, _>>()?,
            title: section.title,
            needs: section.needs,
            max_age: section.max_age.unwrap_or(MAX_AGE),
            file,
            span,
            line,
        })
    }

    /// Everything that it requires, its criteria included.
    pub fn all_requirements(&self) -> impl Iterator<Item = &Requirement> {
        self.requires.iter().chain(self.criteria.iter().flat_map(|one| &one.requires))
    }
}

/// The gates that are needed by these, themselves included. Names that no gate has are passed over.
#[must_use]
pub fn needed<'d>(
    gates: &'d BTreeMap<String, Gate>,
    names: impl IntoIterator<Item = &'d str>,
) -> BTreeMap<&'d str, &'d Gate> {
    let mut found = BTreeMap::new();
    let mut todo: Vec<&str> = names.into_iter().collect();
    while let Some(name) = todo.pop() {
        if let Some((name, gate)) = gates.get_key_value(name)
            && found.insert(name.as_str(), gate).is_none()
        {
            todo.extend(gate.needs.iter().map(String::as_str));
        }
    }
    found
}
