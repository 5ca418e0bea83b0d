//! The tables of reports, taken into the reader, and what can only be seen across them.

use std::collections::BTreeMap;

use super::Desired;
use super::gate::REQUIRES_MAX;
use super::gate_tables::Place;
use super::manifest::Reader;
use super::report::{DOCUMENTS_MAX, REPORTS_MAX, ReportPlan, ReportSection, VERBS};
use super::{Document, Requirement};
use crate::ledger::event;
use crate::model::document::Table;
use crate::model::{Code, Diagnostic, Lines, Span};

impl Reader<'_> {
    pub(super) fn reports(&mut self, root: &Table<'_>, lines: &Lines) {
        let Some(reports) = self.section(root, "report") else { return };
        for (name, span) in reports.keys() {
            let Some(table) = self.section(&reports, &name) else { continue };
            let file = table.file().to_owned();
            let known = &self.desired.reports;
            let first = known.get(&name).map(|report| report.file.clone());
            let count = (known.len(), REPORTS_MAX);
            if !self.is_new(("report", &name), first, count, (&file, &span)) {
                continue;
            }
            let Some(section) = self.decode::<ReportSection>(&table) else { continue };
            if let Some(message) = too_long(&name, &section) {
                self.error(Code::Limit, &file, span, message);
                continue;
            }
            let places = |key: &str, count: usize| -> Vec<Span> {
                let place = |at| table.item_span(key, at).unwrap_or_else(|| span.clone());
                (0..count).map(place).collect()
            };
            let places = (
                places("documents", section.documents.len()),
                places("forbidden", section.forbidden.len()),
            );
            let place = (file.clone(), span.clone(), lines.place(span.start).0 as u64);
            match ReportPlan::new(section, place, places) {
                Ok(report) => {
                    self.desired.reports.insert(name, report);
                }
                Err(why) => {
                    self.error(Code::WrongType, &file, span, format!("`report.{name}`: {why}"));
                }
            }
        }
    }
}

fn too_long(name: &str, section: &ReportSection) -> Option<String> {
    let documents = section.documents.iter();
    let lists = documents
        .flat_map(|one| [one.gates.len(), one.gaps.len(), one.proofs.len(), one.resources.len()]);
    let criteria = section.criteria.iter().map(|one| one.requires.len());
    let forbidden = section.forbidden.iter().map(|one| one.requires.len().max(one.absent.len()));
    let own = [section.criteria.len(), section.forbidden.len(), section.next.len()];
    let longest = lists.chain(criteria).chain(forbidden).chain(own).max();
    if section.documents.len() > DOCUMENTS_MAX {
        return Some(format!("`report.{name}` has more than {DOCUMENTS_MAX} documents"));
    }
    (longest > Some(REQUIRES_MAX))
        .then(|| format!("a list of `report.{name}` has more than {REQUIRES_MAX} items"))
}

/// Finds what is wrong with reports, and between them and what they name.
pub(super) fn references(desired: &Desired, found: &mut Vec<Diagnostic>) {
    for (name, report) in &desired.reports {
        let place = Place { file: &report.file, span: &report.span };
        if VERBS.contains(&name.as_str()) {
            let message =
                format!("`report.{name}` could not be asked for: `{name}` is a verb of `report`");
            found.push(place.error(Code::Contradiction, message));
        }
        for (key, text) in
            [("id", &report.id), ("ready", &report.ready), ("blocked", &report.blocked)]
        {
            if !is_word(text) {
                let message = format!(
                    "`{key}` of `report.{name}` is one word of letters, digits, `.`, `_` and `-`"
                );
                found.push(place.error(Code::WrongType, message));
            }
        }
        if report.ready == report.blocked {
            let message = format!("`report.{name}` has one word for both outcomes");
            found.push(place.error(Code::Contradiction, message));
        }
        if report.gates().is_empty() && report.criteria.is_empty() {
            let message = format!(
                "`report.{name}` covers no gate and has no criteria, so it would always be ready"
            );
            found.push(place.error(Code::Empty, message));
        }
        for gap in report.closed.iter().filter(|gap| !desired.gaps.contains_key(*gap)) {
            found.push(unknown_gap(desired, &place, &format!("report.{name}"), gap));
        }
        documents(desired, name, report, found);
        lines(desired, name, report, found);
    }
}

fn documents(desired: &Desired, name: &str, report: &ReportPlan, found: &mut Vec<Diagnostic>) {
    if report.documents.is_empty() {
        let place = Place { file: &report.file, span: &report.span };
        let message = format!("`report.{name}` has no documents");
        found.push(place.error(Code::Empty, message));
    }
    let mut numbers: BTreeMap<&str, &Document> = BTreeMap::new();
    let mut last = "";
    for document in &report.documents {
        let place = Place { file: &report.file, span: &document.span };
        let whose = format!("report.{name}");
        let Some(number) = number(&document.name) else {
            let message = format!(
                "`{}` is no name of a document: a number of two digits and a word, as in `01-precheck`",
                document.name
            );
            found.push(place.error(Code::WrongType, message));
            continue;
        };
        if let Some(first) = numbers.insert(number, document) {
            let message = format!("`{}` has the number of `{}`", document.name, first.name);
            found.push(place.error(Code::Duplicate, message));
        } else if number < last {
            let message =
                format!("`{}` comes after a document with a higher number", document.name);
            found.push(place.error(Code::Contradiction, message));
        }
        last = number;
        for gate in document.gates.iter().filter(|gate| !desired.gates.contains_key(*gate)) {
            let message = format!(
                "`{}` of `{whose}` covers the gate `{gate}`, and there is none",
                document.name
            );
            let error = place.error(Code::Reference, message);
            found.push(error.suggest(gate, desired.gates.keys().map(String::as_str)));
        }
        for gap in document.gaps.iter().filter(|gap| !desired.gaps.contains_key(*gap)) {
            found.push(unknown_gap(desired, &place, &whose, gap));
        }
        let whose = format!("{} of {whose}", document.name);
        for proof in &document.proofs {
            if matches!(proof, Requirement::Proof(_) | Requirement::Proofset(_)) {
                found.extend(place.dangling(desired, &whose, proof));
            } else {
                let message =
                    format!("`{}` is neither `proof.NAME` nor `proofset.NAME`", proof.text());
                found.push(place.error(Code::WrongType, message));
            }
        }
        for resource in &document.resources {
            if matches!(resource, Requirement::Resources(_) | Requirement::Guards) {
                found.extend(place.dangling(desired, &whose, resource));
            } else {
                let message = format!("`{}` is no resource", resource.text());
                found.push(place.error(Code::WrongType, message));
            }
        }
    }
}

fn lines(desired: &Desired, name: &str, report: &ReportPlan, found: &mut Vec<Diagnostic>) {
    let own = Place { file: &report.file, span: &report.span };
    let mut names = std::collections::BTreeSet::new();
    for criterion in &report.criteria {
        if !names.insert(&criterion.name) {
            let message = format!("`report.{name}` has two criteria `{}`", criterion.name);
            found.push(own.error(Code::Duplicate, message));
        }
        if criterion.requires.is_empty() {
            let message = format!(
                "criterion `{}` of `report.{name}` requires nothing, so it would always hold",
                criterion.name
            );
            found.push(own.error(Code::Empty, message));
        }
        for requirement in &criterion.requires {
            found.extend(own.dangling(desired, &format!("report.{name}"), requirement));
        }
    }
    let mut names = std::collections::BTreeSet::new();
    for forbidden in &report.forbidden {
        let place = Place { file: &report.file, span: &forbidden.span };
        if !names.insert(&forbidden.name) {
            let message = format!("`report.{name}` forbids `{}` twice", forbidden.name);
            found.push(place.error(Code::Duplicate, message));
        }
        for requirement in &forbidden.requires {
            found.extend(place.dangling(desired, &format!("report.{name}"), requirement));
        }
        for wanted in forbidden.absent.iter().filter(|one| !event::TYPES.contains(&one.as_str())) {
            let message = format!("no entry of a ledger has the type `{wanted}`");
            let error = place.error(Code::Reference, message);
            found.push(error.suggest(wanted, event::TYPES.iter().copied()));
        }
    }
}

fn unknown_gap(desired: &Desired, place: &Place<'_>, whose: &str, gap: &str) -> Diagnostic {
    let message = format!("`{whose}` names the gap `{gap}`, which is not declared");
    place.error(Code::Reference, message).suggest(gap, desired.gaps.keys().map(String::as_str))
}

/// The number of `01-precheck`. What follows it is a word that every file system takes.
fn number(name: &str) -> Option<&str> {
    let (number, word) = name.split_once('-')?;
    let digits = number.len() == 2 && number.bytes().all(|byte| byte.is_ascii_digit());
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (digits && !word.is_empty() && word.len() <= 60 && word.bytes().all(plain)).then_some(number)
}

fn is_word(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    !text.is_empty() && text.len() <= 100 && text.bytes().all(plain)
}
