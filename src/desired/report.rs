//! `[report.NAME]`: what is reported after a piece of work: its documents, what has to hold, and what must not have been done.

use schemars::JsonSchema;
use serde::Deserialize;

use super::gate::{CriterionSection, MAX_AGE};
use super::{Criterion, Requirement};
use crate::model::{Period, Span};

/// The most reports of one host.
pub(super) const REPORTS_MAX: usize = 100;
/// The most documents of one report.
pub(super) const DOCUMENTS_MAX: usize = 99;
/// How far back the executor's ledger is asked for what was done, where a report does not say.
const WINDOW: Period = Period::from_seconds(86_400);
/// What no report is called: these are verbs.
pub(super) const VERBS: &[&str] = &["verify", "sign", "diff"];

/// The table as it is written.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReportSection {
    /// What it reports on, in a few words.
    pub(super) title: String,
    /// The name of the work that it reports on, in one word.
    pub(super) id: String,
    /// The word of its outcome when everything holds, such as `READY`.
    pub(super) ready: String,
    /// The word of its outcome otherwise, such as `BLOCKED`.
    pub(super) blocked: String,
    /// Its documents, in their order. The last one is the final one, which has the outcome.
    pub(super) documents: Vec<DocumentSection>,
    /// What has to hold, line by line, as `criteria` of a gate.
    #[serde(default)]
    pub(super) criteria: Vec<CriterionSection>,
    /// What must not have been done. A line that nothing backs reads as not attested.
    #[serde(default)]
    pub(super) forbidden: Vec<ForbiddenSection>,
    /// The gaps that have to be closed, by their names; the others are shown with their states.
    #[serde(default)]
    pub(super) closed: Vec<String>,
    /// What comes next, in order.
    #[serde(default)]
    pub(super) next: Vec<String>,
    /// How old the outcome of a proof may be that is not behind a gate, such as "12h"; "1d" without it.
    pub(super) max_age: Option<Period>,
    /// How far back the executor's ledger is asked for what was done, such as "12h"; "1d" without it.
    pub(super) window: Option<Period>,
}

/// One document of a report.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DocumentSection {
    /// Its number and its name, which are also those of its files, such as "01-precheck".
    pub(super) name: String,
    /// What it is about, in a few words.
    pub(super) title: String,
    /// The gates that it covers.
    #[serde(default)]
    pub(super) gates: Vec<String>,
    /// The gaps that it covers, by their names.
    #[serde(default)]
    pub(super) gaps: Vec<String>,
    /// What it proves: "proof.NAME" and "proofset.NAME".
    #[serde(default)]
    pub(super) proofs: Vec<String>,
    /// The resources that it shows one by one, as "KIND.NAME" with `*` for any characters.
    #[serde(default)]
    pub(super) resources: Vec<String>,
}

/// Something that must not have been done.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ForbiddenSection {
    /// What, in a few words.
    pub(super) name: String,
    /// What shows that it was not, as `requires` of a gate.
    #[serde(default)]
    pub(super) requires: Vec<String>,
    /// Types of entries, such as "step.intent", that the executor's ledger must not have in the window.
    #[serde(default)]
    pub(super) absent: Vec<String>,
}

/// A report.
#[derive(Debug, Clone)]
pub struct ReportPlan {
    /// What it reports on, in a few words.
    pub title: String,
    /// The name of the work that it reports on.
    pub id: String,
    /// The word of its outcome when everything holds.
    pub ready: String,
    /// The word of its outcome otherwise.
    pub blocked: String,
    /// Its documents, in their order.
    pub documents: Vec<Document>,
    /// What has to hold.
    pub criteria: Vec<Criterion>,
    /// What must not have been done.
    pub forbidden: Vec<Forbidden>,
    /// The gaps that have to be closed.
    pub closed: Vec<String>,
    /// What comes next.
    pub next: Vec<String>,
    /// How old the outcome of a proof may be.
    pub max_age: Period,
    /// How far back the executor's ledger is asked for what was done.
    pub window: Period,
    /// The file it stands in.
    pub file: String,
    /// The bytes of its name there.
    pub span: Span,
    /// The line of its name there, from 1.
    pub line: u64,
}

/// One document of a report.
#[derive(Debug, Clone)]
pub struct Document {
    /// Its number and its name, such as `01-precheck`.
    pub name: String,
    /// What it is about.
    pub title: String,
    /// The gates that it covers.
    pub gates: Vec<String>,
    /// The gaps that it covers.
    pub gaps: Vec<String>,
    /// What it proves.
    pub proofs: Vec<Requirement>,
    /// The resources that it shows.
    pub resources: Vec<Requirement>,
    /// The bytes of its table in the file of the report.
    pub span: Span,
}

/// Something that must not have been done.
#[derive(Debug, Clone)]
pub struct Forbidden {
    /// What, in a few words.
    pub name: String,
    /// What shows that it was not.
    pub requires: Vec<Requirement>,
    /// Types of entries that the executor's ledger must not have in the window.
    pub absent: Vec<String>,
    /// The bytes of its table in the file of the report.
    pub span: Span,
}

impl ReportPlan {
    /// `places`: of the documents, and of what is forbidden.
    pub(super) fn new(
        section: ReportSection,
        (file, span, line): (String, Span, u64),
        places: (Vec<Span>, Vec<Span>),
    ) -> Result<Self, globset::Error> {
        let documents = section.documents.into_iter().zip(places.0).map(|(one, span)| {
            Ok(Document {
                proofs: parse(&one.proofs)?,
                resources: parse(&one.resources)?,
                name: one.name,
                title: one.title,
                gates: one.gates,
                gaps: one.gaps,
                span,
            })
        });
        let forbidden = section.forbidden.into_iter().zip(places.1).map(|(one, span)| {
            let requires = parse(&one.requires)?;
            Ok(Forbidden { name: one.name, requires, absent: one.absent, span })
        });
        let criteria = section
            .criteria
            .into_iter()
            .map(|one| Ok(Criterion { requires: parse(&one.requires)?, name: one.name }));
        Ok(Self {
            documents: documents.collect::<Result<_, _>>()?,
            criteria: criteria.collect::<Result<_, _>>()?,
            forbidden: forbidden.collect::<Result<_, _>>()?,
            title: section.title,
            id: section.id,
            ready: section.ready,
            blocked: section.blocked,
            closed: section.closed,
            next: section.next,
            max_age: section.max_age.unwrap_or(MAX_AGE),
            window: section.window.unwrap_or(WINDOW),
            file,
            span,
            line,
        })
    }

    /// The gates that its documents cover, each once, in the order in which they come.
    #[must_use]
    pub fn gates(&self) -> Vec<&str> {
        once(self.documents.iter().flat_map(|one| &one.gates))
    }

    /// The gaps that it covers or wants closed, each once.
    #[must_use]
    pub fn gaps(&self) -> Vec<&str> {
        once(self.documents.iter().flat_map(|one| &one.gaps).chain(&self.closed))
    }

    /// What it requires besides gates and gaps.
    pub fn requirements(&self) -> impl Iterator<Item = &Requirement> {
        let documents =
            self.documents.iter().flat_map(|one| one.proofs.iter().chain(&one.resources));
        let criteria = self.criteria.iter().flat_map(|one| &one.requires);
        documents.chain(criteria).chain(self.forbidden.iter().flat_map(|one| &one.requires))
    }
}

fn parse(texts: &[String]) -> Result<Vec<Requirement>, globset::Error> {
    texts.iter().map(|text| Requirement::parse(text)).collect()
}

fn once<'a>(names: impl Iterator<Item = &'a String>) -> Vec<&'a str> {
    let mut seen = std::collections::BTreeSet::new();
    names.map(String::as_str).filter(|name| seen.insert(*name)).collect()
}
