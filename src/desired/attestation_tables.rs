//! The tables of attestations, taken into the reader.

use super::attestation::{
    ATTESTATIONS_MAX, Attestation, AttestationSection, CRITERIA_MAX, SENTENCE_BYTES_MAX,
};
use super::manifest::Reader;
use crate::model::display::escape;
use crate::model::document::Table;
use crate::model::{Code, Diagnostic, Lines};

impl Reader<'_> {
    pub(super) fn attestations(&mut self, root: &Table<'_>, lines: &Lines) {
        let Some(attestations) = self.section(root, "attestation") else { return };
        for (name, span) in attestations.keys() {
            let Some(table) = self.section(&attestations, &name) else { continue };
            let file = table.file().to_owned();
            let known = &self.desired.attestations;
            let first = known.get(&name).map(|attestation| attestation.file.clone());
            let count = (known.len(), ATTESTATIONS_MAX);
            if !self.is_new(("attestation", &name), first, count, (&file, &span)) {
                continue;
            }
            if !shows(&name) {
                let message = "the name of an attestation shows all that it holds, on one line";
                self.error(Code::BadName, &file, span.clone(), message);
            }
            let Some(section) = self.decode::<AttestationSection>(&table) else { continue };
            let wrong = wrong(&name, &section, &table);
            let whole = wrong.is_empty();
            self.found.extend(wrong);
            if whole {
                let place = (file, span.clone(), lines.place(span.start).0 as u64);
                self.desired.attestations.insert(name, Attestation::new(section, place));
            }
        }
    }
}

/// What could not be signed, or would say nothing.
fn wrong(name: &str, section: &AttestationSection, table: &Table<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let mut wrong = |key: &str, code, message: String| {
        let place = table.value_span(key).unwrap_or_else(|| table.header());
        found.push(Diagnostic::error(code, table.file(), place, message));
    };
    if section.statement.is_none() && section.criteria.is_empty() {
        let message = format!("`attestation.{name}` says nothing that could be stated");
        wrong("statement", Code::Empty, message);
    }
    if section.roles.is_empty() {
        let message = format!("nobody may state `attestation.{name}`: it names no role");
        wrong("roles", Code::Empty, message);
    }
    for (key, list) in [("criteria", &section.criteria), ("roles", &section.roles)] {
        if list.len() > CRITERIA_MAX {
            wrong(key, Code::Limit, format!("`{key}` has more than {CRITERIA_MAX} items"));
        }
    }
    let statement = section.statement.iter().map(|text| ("statement", text));
    let criteria = section.criteria.iter().map(|text| ("criteria", text));
    for (key, _) in statement.chain(criteria).filter(|(_, text)| !shows(text)) {
        let message = format!(
            "what is signed is one line of at most {SENTENCE_BYTES_MAX} bytes that shows all that it holds"
        );
        wrong(key, Code::WrongType, message);
    }
    found
}

/// Can a line of a signed statement hold it, and hide nothing of it?
fn shows(text: &str) -> bool {
    let bare = text.replace('\\', "/");
    let whole = !text.is_empty() && text.trim() == text && text.len() <= SENTENCE_BYTES_MAX;
    whole && escape(&bare) == bare
}
