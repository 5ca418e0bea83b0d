//! Who may do what with a guard, beside who should.

use super::{ProofGuard, REFUSE, wanted};
use crate::model::grant::{Class, Grant, Grantee, Securable, Standing};
use crate::probe::catalog::Guard;

/// How what is granted differs from what a guard grants.
#[derive(Debug, Default)]
pub(super) struct Rights<'a> {
    /// What is to be granted.
    pub(super) missing: Vec<Grant>,
    /// What nobody should have.
    pub(super) unlisted: Vec<&'a Grant>,
    /// What is granted as it should, and may be passed on.
    pub(super) passed_on: Vec<&'a Grant>,
}

/// The owner of what something is granted on; nobody owns a setting.
pub(super) fn owner_of(class: Class, seen: &Guard) -> Option<&str> {
    match class {
        Class::Schema => seen.schema.as_ref().map(|schema| schema.owner.as_str()),
        Class::Table | Class::Type => seen.pill.as_ref().map(|pill| pill.owner.as_str()),
        Class::Function => seen.function.as_ref().map(|function| function.owner.as_str()),
        _ => None,
    }
}

/// What the provers need, on what there is; `all`: on what there will be.
fn needed(table: &ProofGuard, schema: &str, seen: &Guard, all: bool) -> Vec<Grant> {
    let inside = Some(schema.to_owned());
    let mut on = Vec::new();
    if all || seen.schema.is_some() {
        on.push(("USAGE", Securable::plain(Class::Schema, schema)));
    }
    if all || seen.pill.is_some() {
        let pill = Securable { schema: inside, ..Securable::plain(Class::Table, super::PILL) };
        on.push(("INSERT", pill));
    }
    if seen.grants_parameters() {
        let settings = table.parameters().iter();
        on.extend(settings.map(|name| ("SET", Securable::plain(Class::Parameter, name))));
    }
    let of_one = |prover: &String| {
        let prover = Grantee::Role(prover.clone());
        let grant = move |(privilege, on): &(&str, Securable)| Grant {
            privilege: (*privilege).to_owned(),
            column: None,
            on: on.clone(),
            grantee: prover.clone(),
            with_grant_option: false,
            standing: Standing::Granted,
            granted_by: Vec::new(),
        };
        on.iter().map(grant).collect::<Vec<_>>()
    };
    let there = table.provers.iter().filter(|prover| seen.provers.contains_key(*prover));
    there.flat_map(of_one).collect()
}

impl<'a> Rights<'a> {
    /// Compares, about what there is; `all`: about what there will be.
    pub(super) fn new(table: &ProofGuard, schema: &str, seen: &'a Guard, all: bool) -> Self {
        let mut rights = Self::default();
        let needed = needed(table, schema, seen, all);
        let mut held = Vec::new();
        for grant in &seen.grants {
            let owner = owner_of(grant.on.class, seen);
            let of_owner =
                matches!(&grant.grantee, Grantee::Role(role) if Some(role.as_str()) == owner);
            let is_needed = needed.iter().any(|needed| needed.key() == grant.key());
            let open = grant.on.class == Class::Function && grant.grantee == Grantee::Public;
            match grant.standing {
                Standing::Revoked if open => {}
                // What an owner does not have, the right owner would not have either.
                Standing::Revoked if of_owner => {
                    let grantee = Grantee::Role(table.owner().to_owned());
                    rights.missing.push(Grant { grantee, ..restored(grant) });
                }
                Standing::Revoked => rights.missing.push(restored(grant)),
                Standing::Initial if open => rights.unlisted.push(grant),
                // What an owner has goes to the right owner with the thing.
                _ if of_owner && owner != Some(table.owner()) => {}
                Standing::Initial => {}
                Standing::Granted if is_needed || of_owner => {
                    held.push(grant.key());
                    if grant.with_grant_option {
                        rights.passed_on.push(grant);
                    }
                }
                Standing::Granted => rights.unlisted.push(grant),
            }
        }
        let missing = needed.iter().filter(|needed| !held.contains(&needed.key()));
        rights.missing.extend(missing.cloned());
        rights
    }
}

/// What was taken away, as what is to be granted again.
fn restored(grant: &Grant) -> Grant {
    Grant { standing: Standing::Granted, with_grant_option: false, ..grant.clone() }
}

/// What a new function is open to: everybody, as all are.
pub(super) fn of_new_function(schema: &str) -> Securable {
    Securable {
        schema: Some(schema.to_owned()),
        arguments: Some(String::new()),
        ..Securable::plain(Class::Function, REFUSE)
    }
}

/// What a prover is past all lists of privileges, in words: `superuser`, `createrole as admin`.
pub(super) fn powers(prover: &str, schema: &str, seen: &Guard) -> Vec<String> {
    let pill = wanted::pill_of(schema);
    let public = |privilege: &String| {
        seen.grants.iter().any(|grant| {
            grant.on.class == Class::Table
                && grant.column.is_none()
                && grant.standing == Standing::Granted
                && grant.privilege == *privilege
                && grant.grantee == Grantee::Public
        })
    };
    let mut said = Vec::new();
    for power in seen.provers.get(prover).into_iter().flatten() {
        let who = match power.role.as_str() {
            role if role == prover => String::new(),
            role => format!(" as {}", crate::model::written(role)),
        };
        if power.superuser {
            said.push(format!("superuser{who}"));
        } else if power.createrole && seen.version < 160_000 {
            // Until then it makes itself a member of whatever it likes that is no superuser.
            said.push(format!("createrole{who}"));
        }
        // What everybody was granted is a grant of its own.
        let can = power.can.iter().filter(|privilege| !power.superuser && !public(privilege));
        said.extend(can.map(|privilege| format!("{privilege} on {pill}{who}")));
    }
    said
}
