//! The connection of a session: every question in a savepoint of its own, sent as one pipeline.
//!
//! The pipeline is queued as a whole before the first answer is awaited. So whoever stops waiting leaves the session
//! as usable as it was.

use std::sync::Arc;
use std::time::Duration;

use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Error, Row, SimpleQueryMessage};

use super::connection::Connection;
use super::settings::Settings;
use super::stream::Budget;
use super::{Limits, failure};
use crate::model::display::escape;
use crate::model::{Reason, Unknown};

/// How much longer than the server's own limit an answer is awaited.
pub(super) const GRACE: Duration = Duration::from_secs(2);
/// A counted query is counted up to here.
const COUNT_MAX: u64 = 1_000_000_000;

pub(super) const SAVE: &str = "SAVEPOINT countersign_question";
pub(super) const UNDO: &str =
    "ROLLBACK TO SAVEPOINT countersign_question; RELEASE SAVEPOINT countersign_question";

/// What decides how a value is written as text. Undone with the question.
pub(super) const ALIKE: &str = "; SET LOCAL datestyle = 'ISO, YMD'; SET LOCAL intervalstyle = 'postgres'; \
    SET LOCAL timezone = 'UTC'; SET LOCAL extra_float_digits = 1; SET LOCAL bytea_output = 'hex'; \
    SET LOCAL lc_monetary = 'C'; SET LOCAL xmlbinary = 'base64'; SET LOCAL quote_all_identifiers = off";

/// Rows of text; `None` is NULL.
pub type Rows = Vec<Vec<Option<String>>>;

/// A parameter of a question.
#[derive(Debug, Clone, Copy)]
pub enum Param<'a> {
    /// `text`
    Text(&'a str),
    /// `text[]`
    Texts(&'a [String]),
}

/// A parameter with its type.
pub(super) type Typed<'a> = (&'a (dyn ToSql + Sync), Type);

impl Param<'_> {
    pub(super) fn typed(&self) -> Typed<'_> {
        match self {
            Param::Text(text) => (text, Type::TEXT),
            Param::Texts(texts) => (texts, Type::TEXT_ARRAY),
        }
    }
}

/// How much of a query's result is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Amount {
    /// The rows themselves, at most so many of at most so many bytes of text together.
    Rows {
        /// The most rows.
        rows_max: usize,
        /// The most bytes of text.
        bytes_max: usize,
    },
    /// Only how many there are.
    Count,
}

/// What a query has found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// All its rows.
    Rows(Rows),
    /// How many rows it has.
    Count(u64),
}

#[derive(Debug)]
pub(super) struct Line {
    state: State,
    pub(super) limits: Limits,
    pub(super) budget: Budget,
    pub(super) asked: u64,
}

#[derive(Debug)]
enum State {
    /// A connection of its own.
    Open(Connection),
    /// A transaction that belongs to somebody else.
    Within(Arc<Client>),
    Lost(Unknown),
}

impl Line {
    pub(super) async fn open(settings: &Settings, limits: Limits) -> Result<Self, Unknown> {
        Self::open_on(settings, limits, "").await
    }

    /// The same on a snapshot that another connection has lent: `SET TRANSACTION SNAPSHOT '…';`.
    pub(super) async fn open_on(
        settings: &Settings,
        limits: Limits,
        snapshot: &str,
    ) -> Result<Self, Unknown> {
        let connection = Connection::to_look(settings, limits).await?;
        let budget = connection.budget.clone();
        let mut line = Self { state: State::Open(connection), limits, budget, asked: 0 };
        line.begin(snapshot).await?;
        Ok(line)
    }

    pub(super) fn within(client: Arc<Client>, budget: Budget, limits: Limits) -> Self {
        Self { state: State::Within(client), limits, budget, asked: 0 }
    }

    /// Opens the snapshot. `SET LOCAL` ends with the transaction, so a pooler hands nothing of it to the next client.
    ///
    /// Compiling a question of many joins takes longer than answering it, hence no `jit`.
    ///
    /// With `row_security = off` a table whose rows are hidden from us is an error instead of a smaller table.
    async fn begin(&mut self, snapshot: &str) -> Result<(), Unknown> {
        let begin = format!(
            "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; {snapshot}SET LOCAL search_path = ''; \
             SET LOCAL statement_timeout = {}; SET LOCAL lock_timeout = {}; \
             SET LOCAL idle_in_transaction_session_timeout = '15min'; SET LOCAL row_security = off; SET LOCAL jit = off",
            milliseconds(self.limits.statement),
            milliseconds(self.limits.lock),
        );
        let client = self.lost()?;
        client.batch_execute(&begin).await.map_err(|e| failure::unknown(&e))
    }

    pub(super) async fn ask(&mut self, sql: &str, params: &[Param<'_>]) -> Result<Rows, Unknown> {
        self.asked += 1;
        self.budget.refill(self.limits.bytes_max);
        let params: Vec<Typed<'_>> = params.iter().map(Param::typed).collect();
        let client = self.lost()?;
        let asking = async {
            let (saved, rows, undone) = tokio::join!(
                client.batch_execute(SAVE),
                client.query_typed(sql, &params),
                client.batch_execute(UNDO)
            );
            (saved.and(undone), rows)
        };
        let answered = tokio::time::timeout(self.limits.statement + GRACE, asking).await;
        let rows = self.settle(answered.ok(), self.limits.statement)?;
        if rows.len() > self.limits.rows_max {
            let (found, most) = (rows.len(), self.limits.rows_max);
            return Err(Unknown::new(Reason::TooLarge, format!("{found} rows, at most {most}")));
        }
        rows.iter().map(texts).collect()
    }

    pub(super) async fn evaluate(
        &mut self,
        query: &str,
        amount: Amount,
        deadline: Duration,
        settings: &str,
    ) -> Result<Found, Unknown> {
        self.asked += 1;
        self.budget.refill(self.limits.bytes_max);
        let client = self.lost()?;
        // A new line: the text may end in a comment.
        let declare = format!("DECLARE countersign_cursor NO SCROLL CURSOR FOR {query}\n");
        let limit = format!("SET LOCAL statement_timeout = {}{settings}", milliseconds(deadline));
        let fetch = match amount {
            Amount::Rows { rows_max, .. } => {
                format!("FETCH {} FROM countersign_cursor", rows_max.saturating_add(1))
            }
            Amount::Count => format!("MOVE FORWARD {} IN countersign_cursor", COUNT_MAX + 1),
        };
        let asking = async {
            let (saved, limited, declared, fetched, undone) = tokio::join!(
                client.batch_execute(SAVE),
                client.batch_execute(&limit),
                // Extended protocol: a second statement is refused by the server's parser.
                client.query_typed(&declare, &[]),
                // Simple protocol: values come as text, whatever their types.
                client.simple_query(&fetch),
                client.batch_execute(UNDO)
            );
            // Without a cursor the fetch fails as well; the first error is the reason.
            (saved.and(undone), limited.and(declared).and(fetched))
        };
        // Planning and the first row each have the server's limit.
        let answered = tokio::time::timeout(deadline * 2 + GRACE, asking).await;
        let messages = self.settle(answered.ok(), deadline)?;
        found(&messages, amount)
    }

    /// Ends the snapshot and opens another. In somebody else's transaction every question has one of its own.
    pub(super) async fn renew(&mut self) -> Result<(), Unknown> {
        if matches!(self.state, State::Within(_)) {
            return Ok(());
        }
        let limits = self.limits;
        let renewing = tokio::time::timeout(limits.statement + GRACE, async {
            self.lost()?.batch_execute("ROLLBACK").await.map_err(|e| failure::unknown(&e))?;
            self.begin("").await
        });
        let renewed =
            renewing.await.unwrap_or_else(|_| Err(late("no new snapshot", limits.statement)));
        if renewed.is_err() {
            self.lose("it opened no new snapshot");
        }
        renewed
    }

    /// The client, or why there is none any more.
    pub(super) fn lost(&self) -> Result<&Client, Unknown> {
        match &self.state {
            State::Open(connection) => Ok(&connection.client),
            State::Within(client) => Ok(client),
            State::Lost(why) => Err(why.clone()),
        }
    }

    /// Judges what came back, and whether the session can go on.
    pub(super) fn settle<T>(
        &mut self,
        answered: Option<(Result<(), Error>, Result<T, Error>)>,
        limit: Duration,
    ) -> Result<T, Unknown> {
        let Some((framed, answer)) = answered else {
            self.lose("it gave no answer to an earlier question");
            return Err(late("no answer", limit));
        };
        let spent = self.budget.is_spent();
        if framed.is_err() || answer.as_ref().is_err_and(failure::ends_session) {
            self.lose("the connection was lost at an earlier question");
        }
        match (answer, framed) {
            (Err(_), _) | (_, Err(_)) if spent => {
                let detail = format!("the answer has more than {} bytes", self.limits.bytes_max);
                Err(Unknown::new(Reason::TooLarge, detail))
            }
            (Err(error), _) | (Ok(_), Err(error)) => Err(failure::unknown(&error)),
            (Ok(value), Ok(())) => Ok(value),
        }
    }

    pub(super) fn lose(&mut self, why: &str) {
        if let State::Open(connection) = &self.state {
            connection.abort();
        }
        self.state = State::Lost(Unknown::new(Reason::Unreachable, why));
    }

    pub(super) async fn close(&mut self) {
        let closed = State::Lost(Unknown::new(Reason::Unreachable, "the session was closed"));
        if let State::Open(connection) = std::mem::replace(&mut self.state, closed) {
            connection.close().await;
        }
    }

    pub(super) fn count(&self) -> u64 {
        self.asked
    }

    /// Questions of the session about itself are none that anybody asked.
    pub(super) fn forget(&mut self, questions: u64) {
        self.asked = self.asked.saturating_sub(questions);
    }
}

/// As the server counts a limit, for which 0 would mean none.
#[must_use]
pub fn milliseconds(limit: Duration) -> u128 {
    limit.as_millis().clamp(1, 0x7fff_ffff)
}

pub(super) fn late(what: &str, limit: Duration) -> Unknown {
    Unknown::new(Reason::Deadline, format!("{what} within {} s", limit.as_secs_f32()))
}

fn texts(row: &Row) -> Result<Vec<Option<String>>, Unknown> {
    let text = |at| {
        let value: Result<Option<&str>, Error> = row.try_get(at);
        value.map(|text| text.map(str::to_owned)).map_err(|e| {
            Unknown::new(
                Reason::Malformed,
                format!("column {}: {}", at + 1, escape(&e.to_string())),
            )
        })
    };
    (0..row.len()).map(text).collect()
}

fn found(messages: &[SimpleQueryMessage], amount: Amount) -> Result<Found, Unknown> {
    let too_large = |detail: String| Err(Unknown::new(Reason::TooLarge, detail));
    let Amount::Rows { rows_max, bytes_max } = amount else {
        let count = messages.iter().find_map(|message| match message {
            SimpleQueryMessage::CommandComplete(rows) => Some(*rows),
            _ => None,
        });
        return match count {
            Some(count) if count > COUNT_MAX => too_large(format!("more than {COUNT_MAX} rows")),
            Some(count) => Ok(Found::Count(count)),
            None => Err(Unknown::new(Reason::Malformed, "the server did not say how many rows")),
        };
    };
    let (mut rows, mut bytes) = (Rows::new(), 0);
    for message in messages {
        let SimpleQueryMessage::Row(row) = message else { continue };
        let row: Vec<Option<String>> =
            (0..row.len()).map(|at| row.get(at).map(str::to_owned)).collect();
        bytes += row.iter().flatten().map(String::len).sum::<usize>();
        rows.push(row);
    }
    if rows.len() > rows_max {
        return too_large(format!("more than {rows_max} rows"));
    }
    if bytes > bytes_max {
        return too_large(format!("{bytes} bytes of text, at most {bytes_max}"));
    }
    Ok(Found::Rows(rows))
}
