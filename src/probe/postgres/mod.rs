//! Observer sessions of PostgreSQL: one connection, one read-only snapshot at a time, one question at a time.
//!
//! A session never commits and never leaves `READ ONLY`. A question that fails is undone to its savepoint, so that it
//! costs nobody else an answer; a session that is lost answers every later question with the reason. What a
//! read-only transaction does not stop (see [`Identity::require_harmless`]) is stopped by refusing powerful roles.
//!
//! The executor opens a [`Connection`] of its own to change something, and looks through its transaction with a session
//! that the transaction does not belong to.

mod connection;
mod failure;
mod identity;
mod line;
mod reading;
mod second;
mod settings;
mod stream;
mod tls;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::Mutex;

use crate::model::Unknown;
pub use connection::Connection;
pub use failure::unknown;
pub use identity::Identity;
use line::Line;
pub use line::{Amount, Found, Param, Rows, milliseconds};
pub use reading::{Fields, Reading};
pub use settings::{Secret, Settings, SettingsError};
pub use tls::verifying;

/// What bounds a session.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// From the first byte to a session that is ready.
    pub connect: Duration,
    /// One question, enforced by the server.
    pub statement: Duration,
    /// Waiting for somebody else's lock.
    pub lock: Duration,
    /// The bytes of one answer.
    pub bytes_max: u64,
    /// The rows of one answer.
    pub rows_max: usize,
    /// The bytes of answers that are read row by row and not kept, of one question or one pipeline.
    pub read_bytes_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            statement: Duration::from_secs(30),
            lock: Duration::from_secs(1),
            bytes_max: 16 << 20,
            rows_max: 100_000,
            read_bytes_max: 1 << 30,
        }
    }
}

/// One connection with one open snapshot.
#[derive(Debug)]
pub struct Session {
    line: Mutex<Line>,
    identity: Identity,
    /// Was anything read since the snapshot was opened in which the server may have looked past it?
    past_snapshot: AtomicBool,
    /// With what a second connection is opened; none within somebody else's transaction.
    settings: Option<Settings>,
}

impl Session {
    /// Connects, opens the snapshot, and asks who answers.
    ///
    /// # Errors
    /// Why there is no session, within `limits.connect`.
    pub async fn open(settings: &Settings, limits: Limits) -> Result<Self, Unknown> {
        let opened = tokio::time::timeout(limits.connect, async {
            let session = Self::on(Line::open(settings, limits).await?).await?;
            Ok(Self { settings: Some(settings.clone()), ..session })
        });
        opened.await.unwrap_or_else(|_| Err(line::late("no session", limits.connect)))
    }

    async fn on(mut line: Line) -> Result<Self, Unknown> {
        let identity = Identity::ask(&mut line).await?;
        line.forget(u64::MAX);
        let (line, past_snapshot) = (Mutex::new(line), AtomicBool::new(false));
        Ok(Self { line, identity, past_snapshot, settings: None })
    }

    /// Who answers, and as whom we ask.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Puts one question of this program's own. Every column must be text, so a query casts what is not.
    ///
    /// # Errors
    /// Why there is no answer; the session stays usable unless the connection itself was lost.
    pub async fn ask(&self, sql: &str, params: &[Param<'_>]) -> Result<Rows, Unknown> {
        self.line.lock().await.ask(sql, params).await
    }

    /// Evaluates a query of somebody else through a cursor: of all statements only one that reads can be declared.
    ///
    /// # Errors
    /// Why there is no answer; among the reasons a role with which evaluating a query could change something.
    pub async fn evaluate(
        &self,
        query: &str,
        amount: Amount,
        deadline: Duration,
    ) -> Result<Found, Unknown> {
        self.identity.require_harmless()?;
        self.line.lock().await.evaluate(query, amount, deadline, "").await
    }

    /// The same, with values written as every session writes them, whatever is set for the role or the database: their
    /// text can be compared with that of another server.
    ///
    /// # Errors
    /// As for [`Session::evaluate`].
    pub async fn evaluate_alike(
        &self,
        query: &str,
        amount: Amount,
        deadline: Duration,
    ) -> Result<Found, Unknown> {
        self.identity.require_harmless()?;
        self.line.lock().await.evaluate(query, amount, deadline, line::ALIKE).await
    }

    /// Puts several questions of this program's own at once, and hands over their rows as they come. Every column must be
    /// text, so a query casts what is not.
    ///
    /// This is how definitions are read. The functions with which a server writes a definition as text look at the present
    /// and not at the snapshot, so whoever relies on the answer has to make sure that nothing was defined meanwhile: see
    /// [`Self::looked_past_snapshot`].
    ///
    /// # Errors
    /// For each question why it was not answered to the end; then some of its rows may have been handed over.
    pub async fn read(&self, readings: Vec<Reading<'_>>) -> Vec<Result<(), Unknown>> {
        self.note(&readings);
        self.line.lock().await.read(readings).await
    }

    /// The same for questions that keep the server busy for long. Where the server and the role have room for it, a second
    /// connection on the same snapshot takes a part of them, from their back; it is gone when this returns. A question
    /// whose connection was lost is [`Unreachable`](crate::model::Reason::Unreachable) while the session itself may be as usable as before.
    ///
    /// # Errors
    /// As for [`Session::read`].
    pub async fn read_long(&self, readings: Vec<Reading<'_>>) -> Vec<Result<(), Unknown>> {
        self.note(&readings);
        let mut line = self.line.lock().await;
        second::read(&mut line, self.settings.as_ref(), readings).await
    }

    fn note(&self, readings: &[Reading<'_>]) {
        if !readings.iter().all(Reading::is_of_rows) {
            self.past_snapshot.store(true, Ordering::Relaxed);
        }
    }

    /// Could an answer since the snapshot was opened be a mixture of the snapshot and of what was defined after it?
    #[must_use]
    pub fn looked_past_snapshot(&self) -> bool {
        self.past_snapshot.load(Ordering::Relaxed)
    }

    /// Ends the snapshot and opens another, of now. Whoever fails to leaves a session that is lost.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn renew(&self) -> Result<(), Unknown> {
        let mut line = self.line.lock().await;
        line.renew().await?;
        self.past_snapshot.store(false, Ordering::Relaxed);
        Ok(())
    }

    /// How many questions were put since the session was opened.
    pub async fn questions(&self) -> u64 {
        self.line.lock().await.count()
    }

    /// Ends the snapshot and says goodbye, so that the server's log has nothing to complain about.
    pub async fn close(&self) {
        self.line.lock().await.close().await;
    }
}
