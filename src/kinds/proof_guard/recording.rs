//! What is written down for the provers, so that each of their sessions records which functions run and none can switch it off.

use serde_json::Value;

use super::{ProofGuard, RECORDING};
use crate::action::{Risk, Statement, Surroundings};
use crate::model::display::escape;
use crate::model::sql::literal;
use crate::model::{Comparison, Difference, quoted};
use crate::probe::catalog::Guard;

/// The value that records every call; `pl` leaves those of SQL and C out.
const ALL: &str = "all";

/// The provers that are there, each with what is written down for it.
fn provers<'a>(
    table: &'a ProofGuard,
    seen: &'a Guard,
) -> impl Iterator<Item = (&'a str, Option<&'a str>)> {
    let written = table.is_written();
    let provers = table.provers.iter().filter(move |_| written);
    let there = provers.filter(|prover| seen.provers.contains_key(*prover));
    there.map(|prover| (prover.as_str(), seen.recording.get(prover).map(String::as_str)))
}

/// Is every call recorded for each of some provers?
pub(super) fn is_written(seen: &Guard) -> bool {
    let all = |prover| seen.recording.get(prover).is_some_and(|value| value == ALL);
    !seen.provers.is_empty() && seen.provers.keys().all(all)
}

/// Compares; of a guard whose provers set it for themselves nothing.
pub(super) fn compare(table: &ProofGuard, seen: &Guard, found: &mut Comparison) {
    let others = provers(table, seen).filter(|(_, value)| *value != Some(ALL));
    found.differences.extend(others.map(|(prover, value)| {
        let field = format!("{RECORDING} for role {} in database", escape(prover));
        let is = value.map_or(Value::Null, |value| escape(value).into_owned().into());
        Difference::new(field, ALL, is)
    }));
}

/// The statements that write it down; or why there are none.
pub(super) fn statements(
    table: &ProofGuard,
    resource: &str,
    seen: &Guard,
    around: &Surroundings,
) -> Result<Vec<Statement>, String> {
    let mut said = Vec::new();
    for (prover, value) in provers(table, seen).filter(|(_, value)| *value != Some(ALL)) {
        let database = around.databases.get(&table.database);
        let database = database.ok_or("the server does not say what its database is called")?;
        let alter = format!("ALTER ROLE {} IN DATABASE {}", quoted(prover), quoted(database));
        let setting = quoted(RECORDING);
        let undo = match value {
            Some(value) => format!("{alter} SET {setting} = {}", literal(value)),
            None => format!("{alter} RESET {setting}"),
        };
        said.push(Statement {
            resource: resource.to_owned(),
            text: format!("{alter} SET {setting} = {}", literal(ALL)),
            undo: Some(undo),
            rehearse: true,
            // Every session of that role works that way from then on, those of production too.
            risk: Risk::High,
        });
    }
    Ok(said)
}
