//! The tables of gates, taken into the reader, and what can only be seen across them.

use std::collections::BTreeSet;

use super::Desired;
use super::gate::{GATES_MAX, Gate, GateSection, REQUIRES_MAX, Requirement};
use super::manifest::Reader;
use crate::model::document::Table;
use crate::model::{Code, Diagnostic, Lines, Span};

impl Reader<'_> {
    pub(super) fn gates(&mut self, root: &Table<'_>, lines: &Lines) {
        let Some(gates) = self.section(root, "gate") else { return };
        for (name, span) in gates.keys() {
            let Some(table) = self.section(&gates, &name) else { continue };
            let file = table.file().to_owned();
            let known = &self.desired.gates;
            let first = known.get(&name).map(|gate| gate.file.clone());
            let count = (known.len(), GATES_MAX);
            if !self.is_new(("gate", &name), first, count, (&file, &span)) {
                continue;
            }
            let Some(section) = self.decode::<GateSection>(&table) else { continue };
            let longest = section.criteria.iter().map(|one| one.requires.len());
            let longest = longest.chain([section.requires.len(), section.criteria.len()]).max();
            if longest > Some(REQUIRES_MAX) {
                let message = format!("a list of `gate.{name}` has more than {REQUIRES_MAX} items");
                self.error(Code::Limit, &file, span, message);
                continue;
            }
            let place = (file.clone(), span.clone(), lines.place(span.start).0 as u64);
            match Gate::new(section, place) {
                Ok(gate) => {
                    self.desired.gates.insert(name, gate);
                }
                Err(why) => {
                    self.error(Code::WrongType, &file, span, format!("`gate.{name}`: {why}"));
                }
            }
        }
    }
}

/// Finds what is wrong between gates, and between them and what they require.
pub(super) fn references(desired: &Desired, found: &mut Vec<Diagnostic>) {
    for (name, gate) in &desired.gates {
        let place = Place { file: &gate.file, span: &gate.span };
        let mut criteria = BTreeSet::new();
        for criterion in &gate.criteria {
            if !criteria.insert(&criterion.name) {
                let message = format!("`gate.{name}` has two criteria `{}`", criterion.name);
                found.push(place.error(Code::Duplicate, message));
            }
            if criterion.requires.is_empty() {
                let message = format!(
                    "criterion `{}` of `gate.{name}` requires nothing, so it would always hold",
                    criterion.name
                );
                found.push(place.error(Code::Empty, message));
            }
        }
        if gate.needs.is_empty() && gate.all_requirements().next().is_none() {
            let message = format!("`gate.{name}` requires nothing, so it would always pass");
            found.push(place.error(Code::Empty, message));
        }
        for need in gate.needs.iter().filter(|need| !desired.gates.contains_key(*need)) {
            let message = format!("`gate.{name}` needs `{need}`, and there is no such gate");
            let error = place.error(Code::Reference, message);
            found.push(error.suggest(need, desired.gates.keys().map(String::as_str)));
        }
        for requirement in gate.all_requirements() {
            found.extend(place.dangling(desired, &format!("gate.{name}"), requirement));
        }
    }
    circles(desired, found);
}

/// Where something stands that requires others.
pub(super) struct Place<'a> {
    pub(super) file: &'a str,
    pub(super) span: &'a Span,
}

impl Place<'_> {
    pub(super) fn error(&self, code: Code, message: String) -> Diagnostic {
        Diagnostic::error(code, self.file, self.span.clone(), message)
    }

    /// What is wrong with a requirement of `whose` that leads nowhere: it would hold of nothing.
    pub(super) fn dangling(
        &self,
        desired: &Desired,
        whose: &str,
        requirement: &Requirement,
    ) -> Option<Diagnostic> {
        let text = requirement.text();
        let (known, all): (bool, Vec<String>) = match requirement {
            Requirement::Guards => {
                let message = format!("`{whose}` requires every guard, and there is none");
                let none = requirement.resources(desired).is_empty();
                return none.then(|| self.error(Code::Empty, message));
            }
            Requirement::Proof(name) => (
                desired.proofs.contains_key(name),
                desired.proofs.keys().map(|name| format!("proof.{name}")).collect(),
            ),
            Requirement::Proofset(name) => (
                desired.proofsets.contains_key(name),
                desired.proofsets.keys().map(|name| format!("proofset.{name}")).collect(),
            ),
            Requirement::Attestation(name) => (
                desired.attestations.contains_key(name),
                desired.attestations.keys().map(|name| format!("attestation.{name}")).collect(),
            ),
            Requirement::Resources(selector) => (
                desired.resources.keys().any(|name| selector.reaches(name)),
                desired.resources.keys().map(ToString::to_string).collect(),
            ),
        };
        let message = format!("`{whose}` requires `{text}`, which reaches nothing");
        let error = || self.error(Code::Reference, message);
        (!known).then(|| error().suggest(&text, all.iter().map(String::as_str)))
    }
}

/// Reports each circle once, at the first of its gates by name.
fn circles(desired: &Desired, found: &mut Vec<Diagnostic>) {
    let mut reported: BTreeSet<&str> = BTreeSet::new();
    for (name, gate) in &desired.gates {
        let Some(circle) = circle(desired, name) else { continue };
        if circle.iter().any(|one| reported.contains(one)) {
            continue;
        }
        reported.extend(&circle);
        let names = circle.iter().chain(circle.first()).copied().collect::<Vec<_>>().join(" -> ");
        let place = Place { file: &gate.file, span: &gate.span };
        found.push(place.error(Code::Cycle, format!("a circle of gates: {names}")));
    }
}

/// The shortest way from a gate back to itself.
fn circle<'d>(desired: &'d Desired, start: &'d str) -> Option<Vec<&'d str>> {
    let mut seen = BTreeSet::new();
    let mut ways = std::collections::VecDeque::from([vec![start]]);
    while let Some(way) = ways.pop_front() {
        let last = way.last().and_then(|name| desired.gates.get(*name));
        for need in last.into_iter().flat_map(|gate| &gate.needs) {
            if need == start {
                return Some(way);
            }
            if seen.insert(need.as_str()) {
                ways.push_back(way.iter().copied().chain([need.as_str()]).collect());
            }
        }
    }
    None
}
