//! `[attest]` of the trust file: in which roles people may attest something.

use std::collections::BTreeSet;

use super::file::AttestSection;
use super::{ENTRIES_MAX, Trust, names, some};
use crate::model::document::Table;
use crate::model::{Code, Diagnostic, Period};

/// The longest time an attestation may live, whatever the trust file says.
const LIFETIME_MAX: Period = Period::from_seconds(366 * 86_400);

/// In which roles something may be attested.
#[derive(Debug, Clone)]
pub struct Attest {
    /// What desired state asks for.
    pub roles: BTreeSet<String>,
    /// That a resource differs for a time, but not a guard.
    explain: BTreeSet<String>,
    /// The same, of guards too.
    pub guards: BTreeSet<String>,
    /// That a contract may run as a proof.
    pub contracts: BTreeSet<String>,
    /// The longest time that an attestation may live.
    pub lifetime: Period,
}

impl Attest {
    /// The roles in which a difference may be explained.
    #[must_use]
    pub fn explainers(&self) -> BTreeSet<String> {
        self.explain.union(&self.guards).cloned().collect()
    }

    /// Every role that may attest anything.
    #[must_use]
    pub fn all(&self) -> BTreeSet<String> {
        let all = [&self.roles, &self.explain, &self.guards, &self.contracts];
        all.into_iter().flatten().cloned().collect()
    }
}

impl Trust {
    pub(super) fn read_attest(&mut self, sections: &Table<'_>, found: &mut Vec<Diagnostic>) {
        let table = match sections.table("attest") {
            Ok(Some(table)) => table,
            Ok(None) => return,
            Err(wrong) => return found.push(wrong),
        };
        let (section, wrong) = table.decode::<AttestSection>();
        found.extend(wrong);
        let Some(AttestSection { roles, explain, guards, contracts, lifetime }) = section else {
            return;
        };
        let lists = [
            ("roles", &roles),
            ("explain", &explain),
            ("guards", &guards),
            ("contracts", &contracts),
        ];
        for (key, list) in lists {
            names(list, key, &table, found);
            if list.len() > ENTRIES_MAX {
                some(list, key, &table, found);
            }
        }
        if lifetime > LIFETIME_MAX || lifetime.seconds() == 0 {
            let place = table.value_span("lifetime").unwrap_or_else(|| table.header());
            let message = "an attestation lives at least 1 s and at most 366 d";
            found.push(Diagnostic::error(Code::Limit, table.file(), place, message));
        }
        self.places.insert(("attest", String::new()), table.header());
        let set = |list: Vec<String>| list.into_iter().collect();
        let (roles, explain, guards) = (set(roles), set(explain), set(guards));
        let contracts = set(contracts);
        self.attest = Some(Attest { roles, explain, guards, contracts, lifetime });
    }
}
