//! Answers that are read row by row and not kept: catalogs of any size, several questions in one pipeline.

use std::str::FromStr;

use futures_util::future::join_all;
use futures_util::{StreamExt as _, pin_mut};
use serde::de::DeserializeOwned;
use tokio_postgres::{Client, Error, Row};

use super::line::{GRACE, Line, Param, SAVE, UNDO};
use crate::model::display::escape;
use crate::model::{Reason, Unknown};

/// Takes the rows of one question, in their order.
type Sink<'a> = Box<dyn FnMut(&Fields<'_>) -> Result<(), Unknown> + Send + 'a>;

/// Settings that decide how the server writes definitions. A role or a database may have others, and two databases of one
/// definition shall be written alike. They end with the savepoint of the question.
const ALIKE: &str = "; SET LOCAL quote_all_identifiers = off; SET LOCAL standard_conforming_strings = on; \
    SET LOCAL DateStyle = 'ISO, YMD'; SET LOCAL IntervalStyle = 'postgres'; SET LOCAL TimeZone = 'UTC'; \
    SET LOCAL bytea_output = 'hex'; SET LOCAL extra_float_digits = 1";

/// Catalogs have few rows by the measure of the planner's compiler, which takes longer than most of these questions.
const UNCOMPILED: &str = "; SET LOCAL jit = off";

/// One question, and who takes its rows.
pub struct Reading<'a> {
    sql: String,
    params: Vec<Param<'a>>,
    sink: Sink<'a>,
    alike: bool,
    of_rows: bool,
}

impl<'a> Reading<'a> {
    /// A question whose rows go to `sink`. An error of the sink ends the question, and is its answer.
    pub fn new(
        sql: impl Into<String>,
        params: Vec<Param<'a>>,
        sink: impl FnMut(&Fields<'_>) -> Result<(), Unknown> + Send + 'a,
    ) -> Self {
        Self { sql: sql.into(), params, sink: Box::new(sink), alike: false, of_rows: false }
    }

    /// The same, asked with settings of its own, so that definitions are written alike whatever those of the role are.
    #[must_use]
    pub fn alike(mut self) -> Self {
        self.alike = true;
        self
    }

    /// The same, answered from rows of the snapshot alone: the server writes no definition for it.
    #[must_use]
    pub fn of_rows(mut self) -> Self {
        self.of_rows = true;
        self
    }

    pub(super) const fn is_of_rows(&self) -> bool {
        self.of_rows
    }
}

impl std::fmt::Debug for Reading<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reading").field("sql", &self.sql).finish_non_exhaustive()
    }
}

/// One row: columns of text.
#[derive(Debug, Clone, Copy)]
pub struct Fields<'a>(&'a Row);

impl Fields<'_> {
    /// A column, counted from 0, that may be NULL.
    ///
    /// # Errors
    /// When there is no such column, or it is no text.
    pub fn maybe(&self, at: usize) -> Result<Option<&str>, Unknown> {
        self.0.try_get(at).map_err(|e| malformed(at, &e.to_string()))
    }

    /// A column that is never NULL.
    ///
    /// # Errors
    /// When it is, or is no text.
    pub fn text(&self, at: usize) -> Result<&str, Unknown> {
        self.maybe(at)?.ok_or_else(|| malformed(at, "it is NULL"))
    }

    /// A column that is never NULL, as text of its own.
    ///
    /// # Errors
    /// When it is NULL, or no text.
    pub fn owned(&self, at: usize) -> Result<String, Unknown> {
        self.text(at).map(str::to_owned)
    }

    /// A boolean, cast to text.
    ///
    /// # Errors
    /// When it is neither `true` nor `false`.
    pub fn flag(&self, at: usize) -> Result<bool, Unknown> {
        match self.text(at)? {
            "true" | "t" => Ok(true),
            "false" | "f" => Ok(false),
            other => Err(malformed(at, &format!("`{}` is no boolean", escape(other)))),
        }
    }

    /// A number, or anything else that is written as text.
    ///
    /// # Errors
    /// When it is not of that form.
    pub fn parsed<T: FromStr>(&self, at: usize) -> Result<T, Unknown> {
        let text = self.text(at)?;
        text.parse().map_err(|_| malformed(at, &format!("`{}` is not of its type", escape(text))))
    }

    /// JSON, cast to text: how lists and rows in rows come.
    ///
    /// # Errors
    /// When it is not of that form.
    pub fn json<T: DeserializeOwned>(&self, at: usize) -> Result<T, Unknown> {
        serde_json::from_str(self.text(at)?).map_err(|e| malformed(at, &e.to_string()))
    }
}

fn malformed(at: usize, why: &str) -> Unknown {
    let detail = format!("column {} of a catalog's answer: {}", at + 1, escape(why));
    Unknown::new(Reason::Malformed, detail)
}

/// How one question ended: what frames it, and the question itself. The sink has its own reasons.
type Ended = (Result<(), Error>, Result<Result<(), Unknown>, Error>);

impl Line {
    /// Sends all questions, each in its savepoint, and hands over what comes back.
    pub(super) async fn read(&mut self, readings: Vec<Reading<'_>>) -> Vec<Result<(), Unknown>> {
        let count = readings.len();
        self.asked += count as u64;
        self.budget.refill(self.limits.read_bytes_max);
        let client = match self.lost() {
            Ok(client) => client,
            Err(why) => return vec![Err(why); count],
        };
        // Each is polled once, in order, before the first answer is awaited: that is what makes it a pipeline.
        let asking = join_all(readings.into_iter().map(|reading| ask(client, reading)));
        let limit = (self.limits.statement + GRACE) * u32::try_from(count).unwrap_or(u32::MAX);
        let Ok(ended) = tokio::time::timeout(limit, asking).await else {
            let late = self.settle::<()>(None, self.limits.statement);
            return vec![late; count];
        };
        let limit = self.limits.statement;
        ended.into_iter().map(|ended| self.settle(Some(ended), limit).flatten()).collect()
    }
}

async fn ask(client: &Client, reading: Reading<'_>) -> Ended {
    let Reading { sql, params, mut sink, alike, .. } = reading;
    let save = format!("{SAVE}{UNCOMPILED}{}", if alike { ALIKE } else { "" });
    let rows = async {
        let params = params.iter().map(Param::typed);
        let rows = client.query_typed_raw(&sql, params).await?;
        pin_mut!(rows);
        while let Some(row) = rows.next().await {
            if let Err(why) = sink(&Fields(&row?)) {
                return Ok(Err(why));
            }
        }
        Ok(Ok(()))
    };
    let (saved, read, undone) =
        tokio::join!(client.batch_execute(&save), rows, client.batch_execute(UNDO));
    (saved.and(undone), read)
}
