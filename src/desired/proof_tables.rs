//! The tables of proofs and of sets of them, taken into the reader; and what they refer to.

use std::collections::BTreeSet;

use super::Desired;
use super::manifest::Reader;
use super::proof::{Proof, ProofSection};
use super::proofset::{self, LINES_MAX, Proofset, ProofsetSection};
use super::tables::folder_of;
use super::tree::Beside;
use crate::model::document::Table;
use crate::model::{Code, Diagnostic, Lines};

/// The most proofs of one host, and the most sets.
const PROOFS_MAX: usize = 1_000;

impl Reader<'_> {
    pub(super) fn proofs(&mut self, root: &Table<'_>, lines: &Lines) {
        let Some(proofs) = self.section(root, "proof") else { return };
        for (name, span) in proofs.keys() {
            let Some(table) = self.section(&proofs, &name) else { continue };
            let known = &self.desired.proofs;
            let first = known.get(&name).map(|proof| proof.file.clone());
            let count = (known.len(), PROOFS_MAX);
            if !self.is_new(("proof", &name), first, count, (table.file(), &span)) {
                continue;
            }
            let Some(section) = self.decode::<ProofSection>(&table) else { continue };
            let (file, line) = (table.file().to_owned(), lines.place(span.start).0 as u64);
            let folder = folder_of(&file);
            let files = Beside::of(self.tree, &folder, &self.values);
            let mut problems = Vec::new();
            let read = section.contract(&files, &mut problems);
            for problem in problems {
                self.problem(problem, &table, &span, &folder);
            }
            if let Some((title, contract)) = read {
                let proof = Proof { title, contract, file, span, line };
                self.desired.proofs.insert(name, proof);
            }
        }
    }

    pub(super) fn proofsets(&mut self, root: &Table<'_>, lines: &Lines) {
        let Some(sets) = self.section(root, "proofset") else { return };
        for (name, span) in sets.keys() {
            let Some(table) = self.section(&sets, &name) else { continue };
            let known = &self.desired.proofsets;
            let first = known.get(&name).map(|set| set.file.clone());
            let count = (known.len(), PROOFS_MAX);
            if !self.is_new(("proofset", &name), first, count, (table.file(), &span)) {
                continue;
            }
            let Some(section) = self.decode::<ProofsetSection>(&table) else { continue };
            let (file, line) = (table.file().to_owned(), lines.place(span.start).0 as u64);
            if section.lines.is_empty() || section.lines.len() > LINES_MAX {
                let message = format!("a set has between 1 and {LINES_MAX} lines");
                let place = table.value_span("lines").unwrap_or_else(|| span.clone());
                self.error(Code::Limit, &file, place, message);
                continue;
            }
            let ProofsetSection { title, lines } = section;
            self.desired.proofsets.insert(name, Proofset { title, lines, file, span, line });
        }
    }
}

/// Finds what is wrong between proofs, sets and resources.
pub(super) fn references(desired: &Desired, found: &mut Vec<Diagnostic>) {
    for (name, proof) in &desired.proofs {
        let at = |message: String| {
            Diagnostic::error(Code::Reference, proof.file.clone(), proof.span.clone(), message)
        };
        let (database, role) = (&proof.contract.database, &proof.contract.role);
        if !desired.databases.contains_key(database) {
            let message =
                format!("`proof.{name}` is about the database `{database}`, which is not declared");
            found.push(at(message).suggest(database, desired.databases.keys().map(String::as_str)));
        } else if !provers(desired, database).contains(role.as_str()) {
            let message =
                format!("no `proof_guard` of `{database}` has `{role}` among its provers");
            let hint = "without it nothing stands between a proof and a commit: see `countersign explain proof_guard`";
            found.push(at(message).hint(hint));
        }
    }
    for (name, set) in &desired.proofsets {
        of_set(desired, name, set, found);
    }
}

/// The roles that may prove in a database.
fn provers<'d>(desired: &'d Desired, database: &str) -> BTreeSet<&'d str> {
    let of_kind = desired
        .resources
        .values()
        .filter(|one| one.name.kind == "proof_guard" && one.spec.database() == Some(database));
    let lists = of_kind.filter_map(|one| one.table.get("provers")?.as_array());
    lists.flatten().filter_map(|role| role.as_str()).collect()
}

fn of_set(desired: &Desired, name: &str, set: &Proofset, found: &mut Vec<Diagnostic>) {
    let at = |code, message: String| {
        Diagnostic::error(code, set.file.clone(), set.span.clone(), message)
    };
    let mut names = BTreeSet::new();
    for line in &set.lines {
        let shown = &line.name;
        if !names.insert(shown) {
            found.push(at(Code::Duplicate, format!("`proofset.{name}` has two lines `{shown}`")));
        }
        if line.proofs.is_empty() && line.in_sync.is_empty() && line.unchanged.is_empty() {
            let message = format!(
                "line `{shown}` of `proofset.{name}` asks for nothing, so it would always hold"
            );
            found.push(at(Code::Empty, message));
        }
        for proof in &line.proofs {
            let known = proof.strip_prefix("proof.");
            if known.is_none_or(|known| !desired.proofs.contains_key(known)) {
                let error = at(
                    Code::Reference,
                    format!("line `{shown}` names `{proof}`, and there is no such proof"),
                );
                let all: Vec<String> =
                    desired.proofs.keys().map(|n| format!("proof.{n}")).collect();
                found.push(error.suggest(proof, all.iter().map(String::as_str)));
            }
        }
        for selector in line.in_sync.iter().chain(&line.unchanged) {
            if !desired.resources.keys().any(|one| proofset::reaches(selector, one)) {
                let message = format!("line `{shown}`: `{selector}` reaches no resource");
                let all: Vec<String> = desired.resources.keys().map(ToString::to_string).collect();
                let error = at(Code::Reference, message);
                found.push(error.suggest(selector, all.iter().map(String::as_str)));
            }
        }
    }
}
