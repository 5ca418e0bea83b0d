//! The tables of gaps, taken into the reader, and what can only be seen across them.

use std::collections::BTreeMap;

use super::Desired;
use super::gap::{GAPS_MAX, Gap, GapSection};
use super::gate::REQUIRES_MAX;
use super::gate_tables::Place;
use super::manifest::Reader;
use crate::model::document::Table;
use crate::model::{Code, Diagnostic, Lines};

impl Reader<'_> {
    pub(super) fn gaps(&mut self, root: &Table<'_>, lines: &Lines) {
        let Some(gaps) = self.section(root, "gap") else { return };
        for (name, span) in gaps.keys() {
            let Some(table) = self.section(&gaps, &name) else { continue };
            let file = table.file().to_owned();
            let known = &self.desired.gaps;
            let first = known.get(&name).map(|gap| gap.file.clone());
            let count = (known.len(), GAPS_MAX);
            if !self.is_new(("gap", &name), first, count, (&file, &span)) {
                continue;
            }
            let Some(section) = self.decode::<GapSection>(&table) else { continue };
            let longest = [&section.closes_when, &section.aliases, &section.blocks];
            let longest = longest.into_iter().map(Vec::len).max();
            if longest > Some(REQUIRES_MAX) {
                let message = format!("a list of `gap.{name}` has more than {REQUIRES_MAX} items");
                self.error(Code::Limit, &file, span, message);
                continue;
            }
            let place = (file.clone(), span.clone(), lines.place(span.start).0 as u64);
            match Gap::new(section, place) {
                Ok(gap) => {
                    self.desired.gaps.insert(name, gap);
                }
                Err(why) => {
                    self.error(Code::WrongType, &file, span, format!("`gap.{name}`: {why}"));
                }
            }
        }
    }
}

/// Finds what is wrong between gaps, and between them, gates and resources.
pub(super) fn references(desired: &Desired, found: &mut Vec<Diagnostic>) {
    let mut names: BTreeMap<&str, &str> = BTreeMap::new();
    let own = desired.gaps.keys().map(|name| (name.as_str(), name.as_str()));
    let aliases = desired.gaps.iter().flat_map(|(name, gap)| {
        gap.aliases.iter().map(move |alias| (alias.as_str(), name.as_str()))
    });
    for (called, name) in own.chain(aliases) {
        if let (Some(first), Some(gap)) = (names.insert(called, name), desired.gaps.get(name)) {
            let place = Place { file: &gap.file, span: &gap.span };
            let message = format!("`{called}` is a name of `gap.{first}` and of `gap.{name}`");
            found.push(place.error(Code::Duplicate, message));
        }
    }
    for (name, gap) in &desired.gaps {
        let place = Place { file: &gap.file, span: &gap.span };
        if gap.closes_when.is_empty() && gap.members(name, desired).is_empty() {
            let message = format!("nothing closes `gap.{name}`, so it would always be closed");
            let hint = "say `closes_when`, or `gap` in the resources that belong to it";
            found.push(place.error(Code::Empty, message).hint(hint));
        }
        for requirement in &gap.closes_when {
            found.extend(place.dangling(desired, &format!("gap.{name}"), requirement));
        }
        for gate in gap.blocks.iter().filter(|gate| !desired.gates.contains_key(*gate)) {
            let message = format!("`gap.{name}` blocks `{gate}`, and there is no such gate");
            let error = place.error(Code::Reference, message);
            found.push(error.suggest(gate, desired.gates.keys().map(String::as_str)));
        }
    }
    // Where gaps are declared at all, a resource that names another has most likely misspelt it.
    for resource in desired.resources.values().filter(|_| !desired.gaps.is_empty()) {
        let Some(gap) = resource.common.gap.as_deref().filter(|gap| !names.contains_key(gap))
        else {
            continue;
        };
        let place = Place { file: &resource.file, span: &resource.span };
        let message =
            format!("`{}` belongs to the gap `{gap}`, which is not declared", resource.name);
        found.push(place.error(Code::Reference, message).suggest(gap, names.keys().copied()));
    }
}
