//! What two packages of one report tell apart.

use std::collections::BTreeMap;

use serde::Serialize;

use super::value::{Package, deed, word};

/// Something that two packages say otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// What, such as `gate.G1`.
    pub what: String,
    /// What the older one says; absent where it says nothing of it.
    pub old: Option<String>,
    /// What the newer one says.
    pub new: Option<String>,
}

/// What the newer one says otherwise: outcome, gates, gaps, criteria, proofs, what is forbidden, counts.
#[must_use]
pub fn diff(old: &Package, new: &Package) -> Vec<Difference> {
    let (old, new) = (said(old), said(new));
    let mut found = Vec::new();
    for (key, old) in &old {
        let now = new.get(key);
        if now != Some(old) {
            let what = key.1.clone();
            found.push((key, Difference { what, old: Some(old.clone()), new: now.cloned() }));
        }
    }
    for (key, now) in new.iter().filter(|(key, _)| !old.contains_key(*key)) {
        let what = key.1.clone();
        found.push((key, Difference { what, old: None, new: Some(now.clone()) }));
    }
    found.sort_by_key(|(key, _)| (*key).clone());
    found.into_iter().map(|(_, difference)| difference).collect()
}

/// Every statement that is compared, in the order in which it is told.
fn said(package: &Package) -> BTreeMap<(u8, String), String> {
    let mut said = BTreeMap::new();
    let mut put = |order: u8, what: String, text: String| drop(said.insert((order, what), text));
    put(0, "outcome".to_owned(), package.outcome.token.clone());
    let commit = package.header.commit.clone().filter(|_| package.header.pinned);
    put(1, "commit".to_owned(), commit.unwrap_or_else(|| "unpinned".to_owned()));
    for gate in &package.gates {
        put(2, format!("gate.{}", gate.gate), gate.state.to_string());
    }
    for gap in &package.gaps {
        put(3, format!("gap.{}", gap.gap), gap.state.to_string());
    }
    for line in &package.criteria {
        put(4, format!("criterion {}", line.name), word(line.held).to_owned());
    }
    for line in package.documents.iter().flat_map(|one| &one.proofs) {
        let seen =
            line.backing.first().map(|one| one.seen.split(" at ").next().unwrap_or_default());
        let seen = seen.filter(|seen| !seen.is_empty()).map(|seen| format!(" ({seen})"));
        let text = format!("{}{}", word(line.held), seen.unwrap_or_default());
        put(5, line.name.clone(), text);
    }
    for line in &package.forbidden {
        put(6, format!("forbidden {}", line.name), deed(line.held).to_owned());
    }
    put(7, "non-mutation".to_owned(), word(package.non_mutation.held).to_owned());
    let counts = package.resources;
    let of = [
        ("in sync", counts.in_sync),
        ("drift", counts.drift),
        ("pending", counts.pending),
        ("unknown", counts.unknown),
        ("waived", counts.waived),
        ("explained", counts.explained),
    ];
    for (name, count) in of {
        put(8, format!("resources {name}"), count.to_string());
    }
    said
}
