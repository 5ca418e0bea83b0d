//! Compares every fact about a guard with what it has to be.

use serde::Serialize;
use serde_json::{Value, json};

use super::rights::{Rights, powers};
use super::{ProofGuard, recording, wanted};
use crate::kinds::presence;
use crate::model::display::escape;
use crate::model::{Change, Comparison, Difference, Evidence};
use crate::probe::catalog::Guard;

/// Compares; says nothing of what cannot be there because what it lies in is not.
pub(super) fn compare(table: &ProofGuard, schema: &str, seen: &Guard) -> Comparison {
    let mut found = Comparison::by(Evidence::Queried);
    if !table.present {
        presence::compare(false, seen.schema.is_some(), &mut found);
        return found;
    }
    objects(table, schema, seen, &mut found);
    grants(&Rights::new(table, schema, seen, false), &mut found);
    recording::compare(table, seen, &mut found);
    for prover in &table.provers {
        let field = format!("prover.{}", escape(prover));
        if !seen.provers.contains_key(prover) {
            found.differences.push(Difference::new(field, "present", "absent"));
            continue;
        }
        let powers = powers(prover, schema, seen);
        if !powers.is_empty() {
            let wanted = format!("INSERT on {}, and no more", wanted::pill_of(schema));
            found.differences.push(Difference::new(field, wanted, powers.join(", ")));
        }
    }
    for (what, comment) in &seen.comments {
        let field = format!("{}.comment", escape(what));
        let shown = escape(comment).into_owned();
        found.differences.push(Difference::new(field, Value::Null, shown));
    }
    for other in &seen.others {
        let field = format!("{} {}", other.class, escape(&other.name));
        let difference = Difference::new(field, Value::Null, "present");
        found.differences.push(difference.changed(Change::Unlisted));
    }
    let provers: Vec<_> = table.provers.iter().map(|prover| escape(prover)).collect();
    found.seen = Some(format!("for {}", provers.join(", ")));
    found
}

fn objects(table: &ProofGuard, schema: &str, seen: &Guard, found: &mut Comparison) {
    let owner = table.owner();
    attributes("owner", &wanted::owner(), seen.owner.as_ref(), found);
    match &seen.schema {
        None => absent("schema", found),
        Some(schema) => found.expect("schema.owner", Some(&owner.to_owned()), &schema.owner),
    }
    attributes("pill", &wanted::pill(owner), seen.pill.as_ref(), found);
    attributes("function", &wanted::function(owner), seen.function.as_ref(), found);
    attributes("trigger", &wanted::trigger(schema), seen.trigger.as_ref(), found);
}

fn absent(what: &str, found: &mut Comparison) {
    found.differences.push(Difference::new(what, "present", "absent"));
}

/// Compares each attribute of an object under its own name.
fn attributes<T: Serialize>(what: &str, wanted: &T, seen: Option<&T>, found: &mut Comparison) {
    let Some(seen) = seen else { return absent(what, found) };
    let (wanted, seen) = (json!(wanted), json!(seen));
    for (key, wanted) in wanted.as_object().into_iter().flatten() {
        let (field, actual) = (format!("{what}.{key}"), seen.get(key).cloned().unwrap_or_default());
        match (wanted, &actual) {
            (Value::String(wanted), Value::String(actual)) => {
                found.expect_text(&field, Some(wanted), Some(actual));
            }
            (wanted, actual) if wanted != actual => {
                found.differences.push(Difference::new(field, wanted.clone(), actual.clone()));
            }
            _ => {}
        }
    }
}

fn grants(rights: &Rights<'_>, found: &mut Comparison) {
    const OPTION: &str = "with grant option";
    let missing = rights.missing.iter().map(|grant| {
        Difference::new(escape(&grant.subject()), "present", Value::Null).changed(Change::Missing)
    });
    let unlisted = rights.unlisted.iter().map(|grant| {
        let is = if grant.with_grant_option { OPTION } else { "present" };
        Difference::new(escape(&grant.subject()), Value::Null, is).changed(Change::Unlisted)
    });
    let passed_on = rights.passed_on.iter();
    let passed_on = passed_on
        .map(|grant| Difference::new(escape(&grant.subject()), "without grant option", OPTION));
    found.differences.extend(missing.chain(unlisted).chain(passed_on));
}
