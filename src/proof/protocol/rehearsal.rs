//! The rehearsal of a plan: the statements of a step run for real, as the executor, by the very protocol of a proof.

use std::collections::BTreeMap;

use super::{Parties, Run};
use crate::desired::{Contract, Expect};
use crate::killswitch::Armed;
use crate::model::{Clock, Decimal};
use crate::proof::Evidence;

/// How long one rehearsal may hold what it locks, in milliseconds.
const STATEMENT_MS: u64 = 5_000;
/// How long it waits for locks of others.
const LOCK_MS: u64 = 200;

/// Runs statements of a plan in a transaction that cannot commit. `role`: who logs in. `name`: which step, for the record.
pub async fn rehearse(
    statements: &[&str],
    (database, role, name): (&str, &str, &str),
    parties: &Parties<'_>,
    armed: Armed,
    clock: &dyn Clock,
) -> Evidence {
    // A list of texts can always be expressed.
    let statement = serde_json::to_string(statements).unwrap_or_default();
    let script = Contract {
        database: database.to_owned(),
        role: role.to_owned(),
        statement,
        parameters: Vec::new(),
        expect: Expect::Write,
        rows: None,
        result: BTreeMap::new(),
        witness: None,
        leak: None,
        writes: Vec::new(),
        sequences: Vec::new(),
        trusted_functions: Vec::new(),
        superuser_definer: true,
        statement_ms: Decimal(STATEMENT_MS),
        lock_ms: Decimal(LOCK_MS),
    };
    let run = Run { contract: &script, parties, script: true };
    run.through((name, None), armed, clock).await
}
