//! From the value of a package to its files, and the seal over them.

use super::excerpt::Excerpt;
use super::value::{Document, Package};
use super::{
    ENVELOPE, Files, OBSERVATIONS, PAGE, SUMS, Statement, VALUE, html, markdown, statement, sums,
};
use crate::ledger::Envelope;
use crate::model::json;
use crate::report::Report;

/// Writes everything but the seal. `observations`: what was seen, as a recorded world; `report`: the same, judged.
#[must_use]
pub fn files(
    package: &Package,
    report: &Report,
    observations: Vec<u8>,
    excerpt: Option<&Excerpt>,
) -> Files {
    let mut files = Files::new();
    let mut put = |name: String, bytes: Vec<u8>| drop(files.insert(name, bytes));
    let last = package.documents.len().saturating_sub(1);
    for (at, document) in package.documents.iter().enumerate() {
        let view = View { package, report, document, last: at == last };
        put(format!("{}.md", document.name), markdown::document(&view).into_bytes());
        put(format!("{}.html", document.name), html::document(&view).into_bytes());
        put(format!("{}.json", document.name), as_json(&view));
    }
    put(PAGE.to_owned(), html::whole(package, report).into_bytes());
    put("README.md".to_owned(), markdown::readme(package).into_bytes());
    put(VALUE.to_owned(), written(package));
    put(OBSERVATIONS.to_owned(), observations);
    if let Some(excerpt) = excerpt {
        excerpt.write(&mut files);
    }
    let sums = sums::text(&sums::of(&files));
    files.insert(SUMS.to_owned(), sums.into_bytes());
    files
}

/// Adds the statement over the sums. `sign` gets its type and its bytes.
pub fn seal(
    files: &mut Files,
    package: &Package,
    sign: impl FnOnce(&str, &[u8]) -> Envelope,
) -> Statement {
    let statement = Statement::new(package, &sums::of(files));
    let envelope = sign(statement::PAYLOAD_TYPE, &statement.bytes());
    files.insert(ENVELOPE.to_owned(), envelope.text().into_bytes());
    statement
}

/// One document, and what it is a part of.
pub(super) struct View<'a> {
    pub(super) package: &'a Package,
    pub(super) report: &'a Report,
    pub(super) document: &'a Document,
    /// Is it the final one, which has the outcome?
    pub(super) last: bool,
}

impl View<'_> {
    pub(super) fn gates(&self) -> impl Iterator<Item = &super::value::Gate> {
        self.document
            .gates
            .iter()
            .filter_map(|name| self.package.gates.iter().find(|gate| gate.gate == *name))
    }

    pub(super) fn gaps(&self) -> impl Iterator<Item = &super::value::Gap> {
        self.document
            .gaps
            .iter()
            .filter_map(|name| self.package.gaps.iter().find(|gap| gap.gap == *name))
    }

    /// What it comes to, in a word.
    pub(super) fn result(&self) -> String {
        use crate::evidence::{Held, Openness, State};
        if self.last {
            return self.package.outcome.token.clone();
        }
        let failing = self.gates().find(|gate| gate.state != State::Pass);
        if let Some(gate) = failing {
            return gate.state.to_string();
        }
        let proofs = self.document.proofs.iter().map(|line| line.held).max();
        let resources = &self.document.resources;
        let off = resources.iter().filter(|one| one.verdict != "in_sync").count();
        match proofs {
            Some(held) if held != Held::Yes => super::value::word(held).to_owned(),
            _ if self.gates().next().is_some() || proofs.is_some() => "PASS".to_owned(),
            _ if !self.document.gaps.is_empty() => {
                let closed = self.gaps().filter(|gap| gap.state == Openness::Closed).count();
                format!("{closed} of {} closed", self.document.gaps.len())
            }
            _ if resources.is_empty() => "NOTHING TO SHOW".to_owned(),
            _ if off == 0 => "IN SYNC".to_owned(),
            _ => format!("{off} of {} not in sync", resources.len()),
        }
    }
}

fn written(value: &impl serde::Serialize) -> Vec<u8> {
    let mut bytes = Vec::new();
    // Into memory, and of texts and numbers alone: it cannot fail.
    let _ = json::write(&mut bytes, value);
    bytes
}

/// A document as other programs read it.
fn as_json(view: &View<'_>) -> Vec<u8> {
    #[derive(serde::Serialize)]
    struct Shown<'a> {
        schema: &'static str,
        version: u32,
        header: &'a super::value::Header,
        result: String,
        document: &'a Document,
        gates: Vec<&'a super::value::Gate>,
        gaps: Vec<&'a super::value::Gap>,
        #[serde(skip_serializing_if = "Option::is_none")]
        outcome: Option<&'a super::value::Outcome>,
    }
    written(&Shown {
        schema: "countersign.report.document",
        version: 1,
        header: &view.package.header,
        result: view.result(),
        document: view.document,
        gates: view.gates().collect(),
        gaps: view.gaps().collect(),
        outcome: view.last.then_some(&view.package.outcome),
    })
}
