//! The session that runs the contract: opened for it alone, in a transaction that cannot commit, and closed whatever happens.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde::Deserialize;
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::Type;

use super::Run;
use super::wrapper::{self, COMPLETE, Form};
use crate::desired::Contract;
use crate::model::{Reason, RelationName, Unknown};
use crate::probe::postgres::{Connection, Limits, milliseconds, unknown};
use crate::proof::{Attempt, Function, Inside, Lock, Written};

/// How long the transaction may stand without a word from us.
const IDLE: Duration = Duration::from_secs(5);
/// How much longer than the server's own limit an answer is awaited.
const GRACE: Duration = Duration::from_secs(2);

/// A transaction that has begun, and holds the pill.
pub(super) struct Prover {
    connection: Connection,
    /// The number of the transaction.
    pub(super) xid: String,
    /// The process of the server.
    pub(super) pid: String,
    began: Instant,
    form: Form,
}

/// Where the trigger stands that refuses every commit.
#[derive(Debug, Clone)]
pub(super) struct Pill {
    /// The table.
    pub(super) table: RelationName,
    /// Its number in the catalog.
    pub(super) oid: u32,
}

/// How the contract ended.
pub(super) struct Ended {
    pub(super) inside: Option<Inside>,
    pub(super) completed: bool,
    pub(super) trouble: Option<String>,
    pub(super) transaction: Duration,
}

/// Why there is no transaction.
pub(super) enum Stop {
    /// Something kept it from being begun.
    Unknown(Unknown),
    /// The contract is not one statement.
    NoStatement(String),
}

impl From<Unknown> for Stop {
    fn from(why: Unknown) -> Self {
        Self::Unknown(why)
    }
}

/// Classes of SQLSTATEs that say nothing of a statement which could not be prepared.
const MOMENT: &[&str] = &["08", "40", "53", "55P03", "57", "58"];

fn limits(contract: &Contract) -> Limits {
    Limits {
        statement: contract.statement_limit(),
        lock: contract.lock_limit(),
        ..Limits::default()
    }
}

impl Prover {
    /// Connects, begins, takes the pill, and passes the contract as data.
    ///
    /// What a role may not set is left as it is where that only costs precision: a trace that is off is told by the evidence.
    pub(super) async fn begin(run: &Run<'_>, pill: &Pill) -> Result<Self, Stop> {
        let limits = limits(run.contract);
        let connection = Connection::to_prove(run.parties.prover, limits).await?;
        // The server keeps its own limits; this is for one that does not answer at all.
        let within = limits.connect + limits.statement + limits.lock;
        let opened = tokio::time::timeout(within, Self::on(&connection, run, pill)).await;
        let opened = opened.unwrap_or_else(|_| {
            let detail = format!("no transaction within {} ms", milliseconds(within));
            Err(Unknown::new(Reason::Deadline, detail).into())
        });
        match opened {
            Ok((xid, pid, began, form)) => Ok(Self { connection, xid, pid, began, form }),
            Err(why) => {
                connection.close().await;
                Err(why)
            }
        }
    }

    async fn on(
        connection: &Connection,
        run: &Run<'_>,
        pill: &Pill,
    ) -> Result<(String, String, Instant, Form), Stop> {
        let (contract, nonce) = (run.contract, run.parties.nonce);
        let client = connection.client();
        let failed = |error| unknown(&error);
        // Each alone: on some servers some of them may not be set by everybody.
        for setting in [
            "track_functions = 'all'",
            "deadlock_timeout = '50ms'",
            "transaction_timeout = '30s'",
            "client_connection_check_interval = '100ms'",
        ] {
            client.batch_execute(&format!("SET {setting}")).await.ok();
        }
        // Before anything that could wait for the locks of others.
        let limits = format!(
            "SET statement_timeout = {}; SET lock_timeout = {}; SET idle_in_transaction_session_timeout = {}",
            milliseconds(contract.statement_limit()),
            milliseconds(contract.lock_limit()),
            milliseconds(IDLE)
        );
        client.batch_execute(&limits).await.map_err(failed)?;
        let form = if run.script { Form::Script } else { form(client, contract).await? };
        // As where the plan is applied.
        let path = if run.script {
            "; SET LOCAL search_path = ''; SET LOCAL row_security = off"
        } else {
            ""
        };
        let opening = format!(
            "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; INSERT INTO {} VALUES (1){path}",
            pill.table.sql(),
        );
        let began = Instant::now();
        client.batch_execute(&opening).await.map_err(failed)?;
        let texts: Vec<Option<String>> =
            contract.parameters.iter().map(|parameter| parameter.text(nonce)).collect();
        let places: Vec<&String> = contract.result.keys().collect();
        let json = |value: serde_json::Result<String>| value.unwrap_or_else(|_| "[]".to_owned());
        let (parameters, places) =
            (json(serde_json::to_string(&texts)), json(serde_json::to_string(&places)));
        let witness = contract.witness.as_deref().unwrap_or_default();
        let pairs = [
            (wrapper::CONTRACT, contract.statement.as_str()),
            (wrapper::WITNESS, witness),
            (wrapper::PARAMETERS, &parameters),
            (wrapper::PLACES, &places),
        ];
        let sql = "SELECT pg_catalog.set_config($1, $2, true), pg_catalog.set_config($3, $4, true), \
             pg_catalog.set_config($5, $6, true), pg_catalog.set_config($7, $8, true), \
             pg_catalog.pg_current_xact_id()::text, pg_catalog.pg_backend_pid()::text";
        let typed: Vec<(&(dyn tokio_postgres::types::ToSql + Sync), Type)> = pairs
            .iter()
            .flat_map(|(name, value)| [(name as _, Type::TEXT), (value as _, Type::TEXT)])
            .collect();
        let rows = client.query_typed(sql, &typed).await.map_err(failed)?;
        let row = rows.first();
        let text = |at| row.and_then(|row| row.try_get::<_, String>(at).ok()).unwrap_or_default();
        Ok((text(4), text(5), began, form))
    }

    /// Rolls back and closes the connection, without having run anything.
    pub(super) async fn leave(self) {
        self.connection.close().await;
    }

    /// Runs the contract, rolls back, and closes the connection. Nothing of it is left when this returns.
    pub(super) async fn run(self, run: &Run<'_>, pill: &Pill) -> Ended {
        let (contract, Self { connection, began, form, pid, .. }) = (run.contract, self);
        connection.refill(limits(contract));
        let text = wrapper::text(contract, form, pill.oid);
        let running = connection.client().query_typed(&text, &[]);
        let ran = tokio::time::timeout(contract.statement_limit() + GRACE, running).await;
        let (inside, completed, mut trouble) = match ran {
            Ok(Ok(_)) => (None, true, Some("the statement that always fails did not".to_owned())),
            Ok(Err(error)) => match report(&error) {
                Ok(inside) => (Some(inside), false, None),
                Err(why) => (None, false, Some(why)),
            },
            Err(_) => (None, false, Some(ended(run, &pid).await)),
        };
        let rollback = connection.client().batch_execute("ROLLBACK");
        match tokio::time::timeout(GRACE, rollback).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                trouble.get_or_insert(format!("ROLLBACK: {}", unknown(&error).detail));
            }
            Err(_) => {
                trouble.get_or_insert_with(|| "no answer to ROLLBACK in time".to_owned());
            }
        }
        let transaction = began.elapsed();
        connection.close().await;
        Ended { inside, completed, trouble, transaction }
    }
}

/// What the contract is. Preparing it runs nothing. What cannot be prepared for what it says fails again where it counts, with
/// the same words.
async fn form(client: &Client, contract: &Contract) -> Result<Form, Stop> {
    let error = match client.prepare(&contract.statement).await {
        Ok(prepared) if prepared.columns().is_empty() => return Ok(Form::Silent),
        Ok(_) => return Ok(Form::Answers),
        Err(error) => error,
    };
    let why = unknown(&error);
    match error.code().map(SqlState::code) {
        // PL/pgSQL would run several, one after the other.
        Some("42601") => Err(Stop::NoStatement(format!("it is not one statement: {}", why.detail))),
        Some(state) if !MOMENT.iter().any(|class| state.starts_with(class)) => Ok(Form::Silent),
        _ => Err(why.into()),
    }
}

/// Ends a session that neither answers nor obeys its limits, which a contract can see to. The same role may.
async fn ended(run: &Run<'_>, pid: &str) -> String {
    let late = "the server gave no answer in time";
    let ending = async {
        let connection = Connection::to_prove(run.parties.prover, limits(run.contract)).await?;
        let sql = "SELECT pg_catalog.pg_terminate_backend($1::pg_catalog.text::pg_catalog.int4)";
        let said = connection.client().query_typed(sql, &[(&pid, Type::TEXT)]).await;
        connection.close().await;
        said.map_err(|error| unknown(&error))
    };
    match tokio::time::timeout(GRACE, ending).await {
        Ok(Ok(_)) => format!("{late}, so its session was ended"),
        Ok(Err(why)) => format!("{late}, and its session could not be ended: {}", why.detail),
        Err(_) => format!("{late}, and its session could not be ended in time"),
    }
}

impl Ended {
    /// Takes it into what was seen.
    pub(super) fn into_attempt(self, attempt: &mut Attempt) {
        attempt.inside = self.inside;
        attempt.completed = self.completed;
        attempt.trouble.extend(self.trouble);
        attempt.transaction_us = Some(super::microseconds(self.transaction));
    }
}

/// What the transaction said of itself with its last error; any other error is why nothing can be told.
fn report(error: &tokio_postgres::Error) -> Result<Inside, String> {
    let db = error.as_db_error().filter(|db| *db.code() == SqlState::from_code(COMPLETE));
    let Some(detail) = db.and_then(|db| db.detail()) else { return Err(unknown(error).detail) };
    let raw: Raw = serde_json::from_str(detail)
        .map_err(|why| format!("what the transaction said of itself cannot be read: {why}"))?;
    Ok(raw.into())
}

/// The same as the server writes it.
#[derive(Deserialize)]
struct Raw {
    done: bool,
    rows: Option<String>,
    sqlstate: Option<String>,
    message: Option<String>,
    witness_before: Option<String>,
    witness_inside: Option<String>,
    found: BTreeMap<String, serde_json::Value>,
    xid: Option<String>,
    pid: String,
    role: String,
    session_role: String,
    traced: bool,
    functions: Vec<Function>,
    writes: Vec<RawWritten>,
    locks: Vec<RawLock>,
    advisory: String,
    fired: String,
    unfired: Vec<String>,
}

#[derive(Deserialize)]
struct RawWritten {
    schema: String,
    name: String,
    inserted: String,
    updated: String,
    deleted: String,
}

#[derive(Deserialize)]
struct RawLock {
    schema: String,
    name: String,
    relkind: String,
    mode: String,
}

impl From<Raw> for Inside {
    fn from(raw: Raw) -> Self {
        let name = |schema, name| RelationName { schema, name }.to_string();
        let written = |one: RawWritten| Written {
            table: name(one.schema, one.name),
            inserted: one.inserted,
            updated: one.updated,
            deleted: one.deleted,
        };
        let lock = |one: RawLock| Lock {
            relation: name(one.schema, one.name),
            relkind: one.relkind,
            mode: one.mode,
        };
        Self {
            done: raw.done,
            rows: raw.rows,
            sqlstate: raw.sqlstate,
            message: raw.message,
            witness_before: raw.witness_before,
            witness_inside: raw.witness_inside,
            found: raw.found,
            xid: raw.xid,
            pid: raw.pid,
            role: raw.role,
            session_role: raw.session_role,
            traced: raw.traced,
            functions: raw.functions,
            writes: raw.writes.into_iter().map(written).collect(),
            locks: raw.locks.into_iter().map(lock).collect(),
            advisory: raw.advisory,
            fired: raw.fired,
            unfired: raw.unfired,
        }
    }
}
