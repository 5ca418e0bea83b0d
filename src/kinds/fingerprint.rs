//! `[fingerprint.NAME]`: one digest of all rows of a small table, or of what a query returns.
//!
//! The rows are hashed by this program and kept by nobody: neither a report nor a recorded world holds anything of them.

mod adopt;
mod hash;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::deadline::Deadline;
use super::sql_text::Keys;
use super::{
    Adopted, Adoption, Answers, Files, Kind, Named, Problem, all_rows, by_database, in_order,
};
use crate::model::display::escape;
use crate::model::{
    Code, Comparison, Difference, Digest, Evidence, Reason, RelationName, Size, Unknown,
};
use crate::probe::postgres::{Amount, Found, Param, Rows, Session};
use crate::probe::{World, until};

const ROWS: u32 = 10_000;
const ROWS_MAX: u32 = 100_000;
const BYTES: u64 = 1 << 20;
const BYTES_MAX: u64 = 8 << 20;

/// The table of a fingerprint.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Fingerprint {
    /// The database, as in `[database.NAME]`.
    database: String,
    /// The table with its schema, as in `public.dot_config`.
    table: Option<String>,
    /// Which of its columns count. Default: all.
    columns: Option<Vec<String>>,
    /// A query, in the place of a table.
    sql: Option<String>,
    /// A file with the query, beside this one.
    sql_file: Option<String>,
    /// Does the order of the rows of a query count? Default: false.
    #[serde(default)]
    ordered: bool,
    /// The digest.
    sha256: Digest,
    /// More rows are not hashed. Default: 10000; at most 100000.
    rows_limit: Option<u32>,
    /// More bytes of text are not hashed. Default: "1MiB"; at most "8MiB".
    bytes_limit: Option<Size>,
    /// How long it may take, such as "5s", at most one minute. Default: "5s".
    #[serde(default)]
    deadline: Deadline<5, 60>,
    #[serde(skip)]
    text: Option<String>,
}

/// What was seen.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Seen {
    /// There is no such table.
    Absent,
    /// The table has none of these columns.
    Lacks(Vec<String>),
    /// Everything was hashed.
    Hashed {
        sha256: Digest,
        rows: u64,
        bytes: u64,
        /// The columns of a table.
        columns: Option<u64>,
    },
}

impl Kind for Fingerprint {
    const NAME: &'static str = "fingerprint";
    const ABOUT: &'static str = "one digest of all rows of a small table, or of a query";
    const DOC: &'static str = include_str!("fingerprint.md");
    const EXAMPLE: &'static str = r#"
[fingerprint.dot_config]
database = "directus"
table = "public.dot_config"
columns = ["key", "value"]
sha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
"#;
    const IN_DATABASE: bool = true;
    const PAST_SNAPSHOT: bool = false;
    const ADOPT: Option<Adoption> = Some(Adoption {
        flag: "fingerprint",
        value: "SCHEMA.TABLE",
        help: "The digest of all rows of a small table, or of all that a pattern matches",
        all: None,
    });
    type Observed = Seen;

    fn prepare(&mut self, _name: &str, files: &dyn Files, problems: &mut Vec<Problem>) {
        match Keys::QUERY.read(self.sql.as_ref(), self.sql_file.as_ref(), files) {
            Ok(text) => self.text = text,
            Err(problem) => problems.push(problem),
        }
        let query = self.sql.is_some() || self.sql_file.is_some();
        match (&self.table, query) {
            (Some(table), false) => {
                if let Err(why) = RelationName::parse(table) {
                    problems.push(Problem::key("table", Code::BadName, why));
                }
            }
            (None, true) => {}
            (Some(_), true) => {
                let message = "`table` cannot stand beside a query";
                problems.push(Problem::key("table", Code::Contradiction, message));
            }
            (None, false) => {
                let missing = Problem::resource(Code::MissingKey, "there is nothing to hash");
                problems.push(missing.hint("add `table`, `sql` or `sql_file`"));
            }
        }
        if query && self.columns.is_some() {
            let message = "a query names its columns itself";
            problems.push(Problem::key("columns", Code::Contradiction, message));
        }
        if self.table.is_some() && self.ordered {
            let message = "the rows of a table have no order";
            problems.push(Problem::key("ordered", Code::Contradiction, message));
        }
        if self.columns.as_ref().is_some_and(Vec::is_empty) {
            problems.push(Problem::key("columns", Code::Empty, "no column is named"));
        }
        in_order::check_once("columns", self.columns.iter().flatten(), problems);
        if self.rows_limit.is_some_and(|rows| rows > ROWS_MAX) {
            let message = format!("at most {ROWS_MAX} rows are hashed");
            problems.push(Problem::key("rows_limit", Code::Limit, message));
        }
        if self.bytes_limit.is_some_and(|bytes| bytes.bytes() > BYTES_MAX) {
            let message = format!("at most {} are hashed", Size::of(BYTES_MAX));
            problems.push(Problem::key("bytes_limit", Code::Limit, message));
        }
    }

    fn database(&self) -> Option<&str> {
        Some(&self.database)
    }

    fn question(&self, _name: &str) -> Value {
        let mut columns = self.columns.clone();
        if let Some(columns) = &mut columns {
            columns.sort();
        }
        json!({
            "database": self.database,
            "table": self.table,
            "columns": columns,
            "sql": self.text,
            "ordered": self.ordered,
        })
    }

    fn pinned(&self) -> Option<Value> {
        Some(self.sha256.to_string().into())
    }

    async fn observe_all(world: &World, wanted: &[Named<Self>]) -> Answers<Seen> {
        let give_up = Instant::now() + world.deadline;
        let mut answers = Answers::new();
        for (database, wanted) in by_database(wanted) {
            for Named { name, spec } in wanted {
                let answer = match world.database(database) {
                    Ok(session) => until(give_up, spec.look(session)).await,
                    Err(why) => Err(why),
                };
                answers.insert(name.clone(), answer);
            }
        }
        answers
    }

    async fn adopt(world: &World, asked: &str) -> Result<Adopted, Unknown> {
        adopt::adopt(world, asked).await
    }

    fn diff(&self, _name: &str, observed: &Seen) -> Comparison {
        let mut found = Comparison::by(Evidence::Queried);
        match observed {
            Seen::Absent => {
                found.differences.push(Difference::new("presence", "present", "absent"));
            }
            Seen::Lacks(columns) => {
                for column in columns {
                    let field = format!("columns.{}", escape(column));
                    found.differences.push(Difference::new(field, "present", "absent"));
                }
            }
            Seen::Hashed { sha256, rows, bytes, columns } => {
                if *sha256 != self.sha256 {
                    let (wanted, is) = (format!("{:?}", self.sha256), format!("{sha256:?}"));
                    found.differences.push(Difference::new("sha256", wanted, is));
                }
                let mut counts = vec![("rows", *rows), ("bytes", *bytes)];
                counts.extend(columns.map(|columns| ("columns", columns)));
                found.counts = Some(counts.into_iter().collect());
                found.seen = Some(format!("{rows} rows, {sha256:?}"));
            }
        }
        found
    }
}

/// The columns of a table, by their names.
const COLUMNS: &str = "SELECT a.attname::text FROM pg_catalog.pg_attribute a \
    JOIN pg_catalog.pg_class c ON c.oid = a.attrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
    WHERE n.nspname = $1::pg_catalog.name AND c.relname = $2::pg_catalog.name AND a.attnum > 0 AND NOT a.attisdropped \
    ORDER BY a.attname";

impl Fingerprint {
    /// All of a table, whatever its digest.
    fn of_table(table: &str) -> Self {
        Self {
            database: String::new(),
            table: Some(table.to_owned()),
            columns: None,
            sql: None,
            sql_file: None,
            ordered: false,
            sha256: Digest::from_bytes([0; 32]),
            rows_limit: None,
            bytes_limit: None,
            deadline: Deadline::default(),
            text: None,
        }
    }

    async fn look(&self, session: &Session) -> Result<Seen, Unknown> {
        match (&self.text, &self.table) {
            (Some(text), _) => {
                let rows = self.rows(session, text).await?;
                Ok(hash::rows(None, &rows, self.ordered))
            }
            (None, Some(table)) => {
                let malformed = |why: String| Unknown::new(Reason::Malformed, escape(&why));
                let table = RelationName::parse(table).map_err(malformed)?;
                self.look_at(session, &table).await
            }
            (None, None) => Err(super::no_answer()),
        }
    }

    async fn look_at(&self, session: &Session, table: &RelationName) -> Result<Seen, Unknown> {
        let judged = all_rows::judge(session, std::slice::from_ref(table)).await?;
        if !judged.into_iter().next().unwrap_or_else(|| Err(super::no_answer()))? {
            return Ok(Seen::Absent);
        }
        let params = [Param::Text(&table.schema), Param::Text(&table.name)];
        let there = session.ask(COLUMNS, &params).await?.into_iter().flatten().flatten();
        let mut columns: Vec<String> = there.collect();
        if let Some(wanted) = &self.columns {
            let lacks: Vec<String> =
                wanted.iter().filter(|column| !columns.contains(column)).cloned().collect();
            if !lacks.is_empty() {
                return Ok(Seen::Lacks(lacks));
            }
            columns.retain(|column| wanted.contains(column));
        }
        let selected: Vec<String> =
            columns.iter().map(|column| format!("t.{}", crate::model::quoted(column))).collect();
        let sql = format!("SELECT {} FROM {} AS t", selected.join(", "), table.sql());
        let rows = self.rows(session, &sql).await?;
        Ok(hash::rows(Some(&columns), &rows, false))
    }

    async fn rows(&self, session: &Session, sql: &str) -> Result<Rows, Unknown> {
        let rows_max = self.rows_limit.unwrap_or(ROWS);
        let bytes_max = self.bytes_limit.map_or(BYTES, Size::bytes);
        let amount = Amount::Rows {
            rows_max: usize::try_from(rows_max).unwrap_or(usize::MAX),
            bytes_max: usize::try_from(bytes_max).unwrap_or(usize::MAX),
        };
        match session.evaluate_alike(sql, amount, self.deadline.0).await {
            Ok(Found::Rows(rows)) => Ok(rows),
            Ok(Found::Count(_)) => Err(super::no_answer()),
            // What a server says of a value that fits nowhere quotes the value.
            Err(why) if why.reason == Reason::QueryFailed => {
                let state = why.detail.split(':').next().unwrap_or_default();
                let detail = format!("{state}; the message is not shown, as it may quote a row");
                Err(Unknown::new(Reason::QueryFailed, detail))
            }
            Err(why) => Err(self.deadline.named(why, "fingerprint")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::NoFiles;

    const ZEROS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

    fn prepared(mut table: Value) -> (Fingerprint, Vec<Code>) {
        table["database"] = json!("d");
        table["sha256"] = json!(ZEROS);
        let mut spec: Fingerprint = serde_json::from_value(table).expect("keys that fit");
        let mut problems = Vec::new();
        spec.prepare("label", &NoFiles, &mut problems);
        (spec, problems.into_iter().map(|problem| problem.code).collect())
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for (table, codes) in [
            (json!({"table": "public.t", "columns": ["Odd"]}), vec![]),
            (json!({"sql": "TABLE public.t", "ordered": true}), vec![]),
            (json!({}), vec![Code::MissingKey]),
            (json!({"table": "t"}), vec![Code::BadName]),
            (json!({"table": "a.t", "sql": "q"}), vec![Code::Contradiction]),
            (json!({"sql": "q", "columns": ["a"]}), vec![Code::Contradiction]),
            (json!({"table": "a.t", "ordered": true}), vec![Code::Contradiction]),
            (json!({"table": "a.t", "columns": []}), vec![Code::Empty]),
            (json!({"table": "a.t", "columns": ["a", "a"]}), vec![Code::Contradiction]),
            (json!({"table": "a.t", "rows_limit": ROWS_MAX + 1}), vec![Code::Limit]),
            (json!({"table": "a.t", "bytes_limit": "9MiB"}), vec![Code::Limit]),
        ] {
            assert_eq!(prepared(table.clone()).1, codes, "{table}");
        }
    }

    #[test]
    fn the_digest_is_compared_and_the_order_of_columns_is_no_question() {
        let (spec, _) = prepared(json!({"table": "a.t", "columns": ["b", "a"]}));
        let (same, _) = prepared(json!({"table": "a.t", "columns": ["a", "b"], "rows_limit": 5}));
        assert_eq!(spec.question("x"), same.question("x"));
        let hashed = hash::rows(None, &vec![], false);
        let fields = |seen: &Seen| {
            let found = spec.diff("x", seen).differences;
            found.into_iter().map(|d| d.field).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(fields(&hashed), "sha256");
        assert_eq!(fields(&Seen::Absent), "presence");
        assert_eq!(fields(&Seen::Lacks(vec!["b".into()])), "columns.b");
    }
}
