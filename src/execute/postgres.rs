//! What is done in a database: the statements of a step in one transaction, between two looks through that transaction.
//!
//! Before the first statement the answers have to be those that were signed, and after the last one the state has to be the
//! one that was signed, guards included; otherwise all of it is rolled back. What was committed is read back by the
//! observer. The number of the transaction is on the ledger before the first statement, so that whoever comes after a crash
//! can ask the server what became of it.

use std::time::Duration;

use tokio::runtime::Runtime;

use super::asked::Asked;
use super::{Failed, Means, Unready};
use crate::action::{Action, Condition, Sql};
use crate::approval::StepPermit;
use crate::config::{Config, SessionSection, Setting};
use crate::ledger::{Outcome, failpoint};
use crate::model::Unknown;
use crate::model::display::escape;
use crate::model::sql::check_statement;
use crate::plan::format::DatabaseId;
use crate::plan::{Plan, Step};
use crate::probe::postgres::{
    Connection, Identity, Limits, Param, Secret, Session, Settings, milliseconds, unknown,
};

/// The name under which the intent of a step carries the number of its transaction.
pub(super) const TRANSACTION: &str = "transaction";
/// How long an executor that says nothing keeps its locks.
const IDLE: Duration = Duration::from_mins(1);
/// How much longer than the server's own limit an answer is awaited.
const GRACE: Duration = Duration::from_secs(2);
/// How often, and how far apart, the server is asked about a transaction that has not ended.
const ASKED_MAX: u32 = 50;
const BETWEEN: Duration = Duration::from_millis(200);

fn limits() -> Limits {
    Limits { statement: Duration::from_mins(1), lock: Duration::from_secs(5), ..Limits::default() }
}

/// A transaction whose precondition holds.
pub(super) struct Ready<'a> {
    runtime: Runtime,
    connection: Connection,
    asked: Asked<'a>,
    identity: DatabaseId,
    transaction: String,
}

/// What became of the statements.
enum Acted {
    /// The server says that they were rolled back, and why.
    RolledBack(String),
    /// The end of the transaction was asked for; with what went wrong then.
    Sent(Option<String>),
}

/// What the server says of a transaction.
enum Ended {
    Committed,
    Aborted,
    CannotTell(String),
}

/// Opens the transaction and compares what is seen through it with the precondition.
pub(super) fn ready<'a>(
    step: &Step,
    sql: &Sql,
    plan: &Plan,
    means: Means<'a>,
) -> Result<Ready<'a>, Unready> {
    let asked = Asked::of(step, sql, plan, means)?;
    for (statement, n) in sql.statements.iter().zip(1..) {
        let wrong = |why| Failed(format!("statement {n}: {why}"));
        check_statement(&statement.text).map_err(wrong)?;
    }
    let identity = identity_of(plan, &sql.database)?;
    let settings = settings(&means.config.executors, &sql.database, "executor")?;
    let runtime = runtime()?;
    let (connection, transaction) = runtime.block_on(async {
        let connection = Connection::to_change(&settings, limits()).await?;
        match begin(&connection, &asked, &identity, &step.before).await {
            Ok(transaction) => Ok((connection, transaction)),
            Err(why) => {
                connection.close().await;
                Err(why)
            }
        }
    })?;
    Ok(Ready { runtime, connection, asked, identity, transaction })
}

/// Begins, and answers the number of the transaction.
async fn begin(
    connection: &Connection,
    asked: &Asked<'_>,
    identity: &DatabaseId,
    before: &Condition,
) -> Result<String, Unready> {
    // Each question sees what was committed until then: what somebody else changes meanwhile is found before the end.
    // A server that says "committed" before it is on the disk could forget what the ledger says.
    let begin = format!(
        "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET LOCAL search_path = ''; \
         SET LOCAL statement_timeout = {}; SET LOCAL lock_timeout = {}; \
         SET LOCAL idle_in_transaction_session_timeout = {}; SET LOCAL row_security = off; SET LOCAL jit = off; \
         SELECT pg_catalog.set_config('synchronous_commit', 'on', true) \
         WHERE pg_catalog.current_setting('synchronous_commit') = 'off'",
        milliseconds(limits().statement),
        milliseconds(limits().lock),
        milliseconds(IDLE),
    );
    connection.client().batch_execute(&begin).await.map_err(|error| unknown(&error))?;
    let session = connection.within(limits()).await?;
    same(identity, session.identity())?;
    let seen = asked.through(session).await;
    asked.holds(before, &seen).map_err(Failed)?;
    Ok(transaction(connection, "SELECT pg_catalog.pg_current_xact_id()::text").await?)
}

/// The number of a transaction, as one text.
async fn transaction(connection: &Connection, sql: &str) -> Result<String, Unknown> {
    let rows = connection.client().query_typed(sql, &[]).await.map_err(|error| unknown(&error))?;
    let number = rows.first().and_then(|row| row.try_get::<_, Option<String>>(0).ok()?);
    Ok(number.unwrap_or_else(|| "none".to_owned()))
}

impl Ready<'_> {
    /// The number of its transaction.
    pub(super) fn transaction(&self) -> &str {
        &self.transaction
    }

    /// Does it, and looks at what came of it.
    pub(super) fn run(self, permit: &StepPermit<'_>) -> (Outcome, String, Option<Condition>) {
        let Self { runtime, connection, asked, identity, transaction } = self;
        let step = permit.step();
        let Action::Sql(sql) = &step.action else {
            return (Outcome::Failed, "it is no step of a database; nothing changed".into(), None);
        };
        runtime.block_on(async {
            let acted = change(&connection, &asked, step, sql, &transaction).await;
            failpoint::boundary();
            connection.close().await;
            outcome(&asked, step, &identity, &transaction, acted).await
        })
    }
}

/// Runs the statements, and commits where the end is as it was signed.
async fn change(
    connection: &Connection,
    asked: &Asked<'_>,
    step: &Step,
    sql: &Sql,
    transaction: &str,
) -> Acted {
    let failed = match statements(connection, sql, transaction).await {
        Ok(()) => match connection.within(limits()).await {
            Ok(session) => {
                let seen = asked.through(session).await;
                let held = asked.holds(&step.after, &seen).and_then(|()| asked.guards(&seen));
                held.err().map(|why| format!("it would not have ended as it was signed: {why}"))
            }
            Err(why) => Some(why.detail),
        },
        Err(why) => Some(why),
    };
    failpoint::boundary();
    connection.refill(limits());
    let end = if failed.is_some() { "ROLLBACK" } else { "COMMIT" };
    let sent = connection.client().batch_execute(end);
    let sent = tokio::time::timeout(limits().statement + GRACE, sent).await;
    let trouble = match sent {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(unknown(&error).detail),
        Err(_) => Some(format!("no answer to {end}")),
    };
    match (failed, trouble) {
        (Some(why), None) => Acted::RolledBack(why),
        (Some(why), Some(trouble)) => Acted::Sent(Some(format!("{why}; {trouble}"))),
        (None, trouble) => Acted::Sent(trouble),
    }
}

/// Sends each statement alone, in a way that has room for one.
async fn statements(connection: &Connection, sql: &Sql, transaction: &str) -> Result<(), String> {
    for (statement, n) in sql.statements.iter().zip(1..) {
        connection.refill(limits());
        let sent = connection.client().query_typed(&statement.text, &[]);
        let sent = tokio::time::timeout(limits().statement + GRACE, sent).await;
        match sent {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => return Err(format!("statement {n}: {}", unknown(&error).detail)),
            Err(_) => return Err(format!("statement {n}: no answer in time")),
        }
    }
    let own = "SELECT pg_catalog.pg_current_xact_id_if_assigned()::text";
    match self::transaction(connection, own).await {
        Ok(now) if now == transaction => Ok(()),
        Ok(_) => Err("a statement has ended the transaction".to_owned()),
        Err(why) => Err(why.detail),
    }
}

/// What came of it, as the observer sees it.
async fn outcome(
    asked: &Asked<'_>,
    step: &Step,
    identity: &DatabaseId,
    transaction: &str,
    acted: Acted,
) -> (Outcome, String, Option<Condition>) {
    let trouble = match acted {
        Acted::RolledBack(why) => {
            return (Outcome::Failed, format!("{why}; nothing changed"), None);
        }
        Acted::Sent(trouble) => trouble,
    };
    let with = |text: String| match &trouble {
        Some(trouble) => format!("{trouble}; {text}"),
        None => text,
    };
    let session = match observer(asked.means, &asked.database, identity).await {
        Ok(session) => session,
        Err(why) => {
            let text = with(format!("what came of it cannot be told: {why}"));
            return (Outcome::Diverged, text, None);
        }
    };
    match ended(&session, transaction).await {
        Ended::Committed => {}
        Ended::Aborted => {
            let text = with("the server has rolled it back; nothing changed".to_owned());
            return (Outcome::Failed, text, None);
        }
        Ended::CannotTell(why) => return (Outcome::Diverged, with(why), None),
    }
    if let Err(why) = session.renew().await {
        return (Outcome::Diverged, with(format!("it was committed; {}", why.detail)), None);
    }
    let seen = asked.through(session).await;
    let answers = asked.answers(&seen);
    match asked.holds(&step.after, &seen).and_then(|()| asked.guards_hold(&seen)) {
        Ok(()) => {
            let text = with("committed, and read back from a second session".to_owned());
            (Outcome::Applied, text, answers)
        }
        Err(why) => (Outcome::Diverged, with(format!("it was committed; {why}")), answers),
    }
}

/// What a step came to whose run did not come to its end.
pub(super) fn recovered(
    step: &Step,
    sql: &Sql,
    plan: &Plan,
    transaction: Option<&str>,
    means: Means<'_>,
) -> Result<(Outcome, String, Option<Condition>), Failed> {
    let identity = identity_of(plan, &sql.database)?;
    let asked = Asked::of(step, sql, plan, means);
    runtime()?.block_on(async {
        let session = observer(means, &sql.database, &identity).await.map_err(Failed)?;
        let ended = match transaction {
            Some(transaction) => ended(&session, transaction).await,
            None => Ended::CannotTell("the ledger does not name its transaction".to_owned()),
        };
        session.renew().await?;
        let seen = match &asked {
            Ok(asked) => Ok((asked, asked.through(session).await)),
            Err(Failed(why)) => Err(why),
        };
        let answers = seen.as_ref().ok().and_then(|(asked, seen)| asked.answers(seen));
        Ok(match ended {
            Ended::Committed => {
                (Outcome::Recovered, "its transaction was committed".to_owned(), answers)
            }
            Ended::Aborted => {
                (Outcome::NotApplied, "its transaction was rolled back".to_owned(), None)
            }
            Ended::CannotTell(why) => match seen {
                Ok((asked, seen)) if asked.holds(&step.before, &seen).is_ok() => {
                    (Outcome::NotApplied, format!("{why}; all is as before it"), None)
                }
                Ok((asked, seen)) if asked.holds(&step.after, &seen).is_ok() => {
                    (Outcome::Recovered, format!("{why}; all is as after it"), answers)
                }
                Ok(_) => {
                    let text = format!("{why}, and things are neither as before nor as after it");
                    (Outcome::Diverged, text, None)
                }
                Err(other) => (Outcome::Diverged, format!("{why}; {other}"), None),
            },
        })
    })
}

/// Asks the server what became of a transaction, until it has ended.
async fn ended(session: &Session, transaction: &str) -> Ended {
    const STATUS: &str =
        "SELECT pg_catalog.pg_xact_status($1::pg_catalog.text::pg_catalog.xid8)::text";
    for asked in 0..ASKED_MAX {
        if asked > 0 {
            tokio::time::sleep(BETWEEN).await;
        }
        let rows = match session.ask(STATUS, &[Param::Text(transaction)]).await {
            Ok(rows) => rows,
            Err(why) => {
                return Ended::CannotTell(format!("the server does not say: {}", why.detail));
            }
        };
        match rows.first().and_then(|row| row.first()?.as_deref()) {
            Some("committed") => return Ended::Committed,
            Some("aborted") => return Ended::Aborted,
            Some("in progress") => {}
            _ => {
                let why = "the server no longer knows what became of its transaction";
                return Ended::CannotTell(why.to_owned());
            }
        }
    }
    Ended::CannotTell("its transaction has not ended".to_owned())
}

/// A session of the observer with the database that a plan names.
async fn observer(
    means: Means<'_>,
    database: &str,
    identity: &DatabaseId,
) -> Result<Session, String> {
    let settings = settings(&means.config.observers, database, "observer");
    let settings = settings.map_err(|Failed(why)| why)?;
    let session = Session::open(&settings, limits()).await.map_err(|why| why.detail)?;
    same(identity, session.identity()).map_err(|why| why.to_string())?;
    Ok(session)
}

fn identity_of(plan: &Plan, database: &str) -> Result<DatabaseId, Failed> {
    let identity = plan.databases.get(database).cloned();
    identity.ok_or_else(|| Failed::new("the plan does not say which cluster its database is in"))
}

/// Is this the database that was signed?
fn same(wanted: &DatabaseId, found: &Identity) -> Result<(), Unready> {
    let cluster = found.system_identifier.as_ref().map_err(Clone::clone)?;
    if (cluster, &found.database) == (&wanted.system_identifier, &wanted.name) {
        return Ok(());
    }
    Err(Unready::OtherDatabase(format!(
        "the plan is for database `{}` of cluster {}, and this is `{}` of {}",
        escape(&wanted.name),
        escape(&wanted.system_identifier),
        escape(&found.database),
        escape(cluster)
    )))
}

fn settings(
    sessions: &std::collections::BTreeMap<String, Setting<SessionSection>>,
    database: &str,
    purpose: &str,
) -> Result<Settings, Failed> {
    let shown = escape(database);
    let section = sessions.get(database).ok_or_else(|| {
        Failed(format!("the host's configuration has no [database.{shown}] {purpose}"))
    })?;
    let password = Config::password(&section.value);
    let password = password.map_err(|why| Failed(why.to_string()))?.map(Secret::new);
    Settings::parse(&section.value.url, password).map_err(|why| Failed(why.to_string()))
}

fn runtime() -> Result<Runtime, Failed> {
    let built = tokio::runtime::Builder::new_current_thread().enable_all().build();
    built.map_err(|error| Failed(format!("no connection can be waited for: {error}")))
}
