//! Tries the statements of a plan before it is sealed, for real and rolled back, so that people sign what is known to run.
//!
//! Grants, revokes and changes of roles are tried; other definitions are not, because of the locks that they take. Where nothing is tried, the plan says
//! why.

use std::collections::BTreeMap;

use super::super::error::Failure;
use super::super::planning::{self, CLOCK};
use super::super::prove::{guard_of, settings};
use super::super::{Global, exit};
use crate::action::{Action, Sql};
use crate::config::{SessionSection, Setting, strict};
use crate::desired::Desired;
use crate::killswitch::{self, Armed, Verb};
use crate::ledger::event::{ProofIntent, ProofOutcome};
use crate::ledger::{Attachment, Ledger};
use crate::model::{Decimal, Digest};
use crate::plan::{Plan, Rehearsal};
use crate::probe::postgres::Settings;
use crate::proof::{Evidence, Verdict, protocol};

/// What came of trying each step that runs statements, by its number.
pub(super) fn steps(
    plan: &Plan,
    desired: &Desired,
    global: &Global,
    ledger: &mut Ledger,
) -> Result<BTreeMap<Decimal, Rehearsal>, Failure> {
    let mut rehearsals = BTreeMap::new();
    for step in &plan.steps {
        if let Action::Sql(sql) = &step.action {
            let rehearsal = match untried(sql) {
                Some(why) => not(why),
                None => tried(sql, step.n, desired, global, ledger)?,
            };
            rehearsals.insert(step.n, rehearsal);
        }
    }
    Ok(rehearsals)
}

fn not(why: impl Into<String>) -> Rehearsal {
    Rehearsal {
        verdict: None,
        detail: why.into(),
        evidence: None,
        took_us: None,
        locks: Vec::new(),
    }
}

/// Why statements are not tried, whatever the host says.
fn untried(sql: &Sql) -> Option<String> {
    let heavy = sql.statements.iter().find(|statement| !statement.rehearse)?;
    Some(format!("DDL, for {}", heavy.resource))
}

/// What it takes to try.
struct Way {
    observer: Settings,
    executor: Settings,
    guard: String,
    armed: Armed,
}

/// What is missing to try, in words.
fn way(sql: &Sql, desired: &Desired, global: &Global) -> Result<Way, String> {
    let config = strict::load(&global.overrides()).map_err(|error| Failure::from(error).message)?;
    if !config.admit.value.rehearsal {
        return Err("this host does not admit rehearsals".to_owned());
    }
    let session = |sessions: &BTreeMap<String, Setting<SessionSection>>, purpose: &str| {
        sessions
            .get(&sql.database)
            .cloned()
            .ok_or_else(|| format!("this host has no {purpose} of `{}`", sql.database))
    };
    let (observer, executor) =
        (session(&config.observers, "observer")?, session(&config.executors, "executor")?);
    let guard = guard_of(desired, &sql.database)
        .ok_or_else(|| format!("no `proof_guard` is declared for `{}`", sql.database))?;
    let parsed =
        |section: &SessionSection| settings(section, None).map_err(|failure| failure.message);
    let (observer, executor) = (parsed(&observer.value)?, parsed(&executor.value)?);
    let armed = killswitch::check(&config, Verb::Prove).map_err(|halted| halted.to_string())?;
    Ok(Way { observer, executor, guard, armed })
}

/// Tries the statements of a step, with intent and outcome on the ledger.
fn tried(
    sql: &Sql,
    n: Decimal,
    desired: &Desired,
    global: &Global,
    ledger: &mut Ledger,
) -> Result<Rehearsal, Failure> {
    let way = match way(sql, desired, global) {
        Ok(way) => way,
        Err(why) => return Ok(not(why)),
    };
    let statements: Vec<&str> = sql.statements.iter().map(|one| one.text.as_str()).collect();
    let nonce = planning::nonce()?;
    let (name, role) = (format!("rehearsal of step {n}"), way.executor.user().to_owned());
    let contract = Digest::of(statements.join("\0").as_bytes());
    let intent = ProofIntent {
        proof: name.clone(),
        contract,
        database: sql.database.clone(),
        role: role.clone(),
        nonce: nonce.clone(),
    };
    ledger.append(&intent.into(), &[])?;
    let parties = protocol::Parties {
        observer: &way.observer,
        prover: &way.executor,
        guard: &way.guard,
        nonce: &nonce,
    };
    let about = (sql.database.as_str(), role.as_str(), name.as_str());
    let evidence = planning::run(async {
        Ok(protocol::rehearse(&statements, about, &parties, way.armed, &CLOCK).await)
    })?;
    let bytes = serde_json::to_vec(&evidence).map_err(|e| Failure::of(exit::ERROR, &e))?;
    let outcome = ProofOutcome {
        proof: name,
        contract,
        nonce,
        verdict: evidence.verdict.to_string(),
        detail: evidence.because.join("; "),
    };
    ledger.append(&outcome.into(), &[Attachment { name: "evidence", bytes: &bytes }])?;
    told(&evidence, n, Digest::of(&bytes))
}

/// What a plan says of it. Statements that fail, or leave something, are in no plan.
fn told(evidence: &Evidence, n: Decimal, digest: Digest) -> Result<Rehearsal, Failure> {
    let detail = evidence.because.join("; ");
    let code = match evidence.verdict {
        verdict if verdict.is_green() => {
            let inside = evidence.attempt.inside.iter().flat_map(|inside| &inside.locks);
            return Ok(Rehearsal {
                verdict: Some(verdict.to_string()),
                detail,
                evidence: Some(digest),
                took_us: evidence.attempt.transaction_us,
                locks: inside.map(|lock| format!("{} {}", lock.relation, lock.mode)).collect(),
            });
        }
        Verdict::Inconclusive => return Ok(not(format!("it could not be told: {detail}"))),
        Verdict::Leak => exit::VERIFICATION,
        _ => exit::ERROR,
    };
    let message = format!(
        "step {n} does not do what it should when it is tried: {}: {detail}",
        evidence.verdict
    );
    Err(Failure::new(code, message)
        .hint("everything was rolled back, and nothing was sealed; `plan --draft` shows the step"))
}
