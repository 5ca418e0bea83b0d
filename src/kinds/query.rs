//! `[query.NAME]`: what one query of desired state returns, read in the common snapshot under a deadline.
//!
//! The text belongs to whoever writes desired state. It reaches the server only as the body of a cursor, under a role
//! that could change nothing with it, and its answer is bounded.

mod cell;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::deadline::Deadline;
use super::sql_text::Keys;
use super::{Answers, Files, Kind, Named, Problem, by_database};
use crate::model::display::escaped_line;
use crate::model::{Code, Comparison, Difference, Evidence, Reason, Unknown};
use crate::probe::postgres::{Amount, Found};
use crate::probe::{World, until};
use cell::{Cell, Scalar};

const ROWS_MAX: usize = 100;
const BYTES_MAX: usize = 1 << 20;
const DIFFERENCES_MAX: usize = 20;
const SEEN_WIDTH_MAX: usize = 60;

/// The table of a query.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Query {
    /// The database, as in `[database.NAME]`.
    database: String,
    /// The query itself.
    sql: Option<String>,
    /// A file with the query, beside this one.
    sql_file: Option<String>,
    /// The one value that it returns, as text, number or boolean.
    value: Option<Scalar>,
    /// `true` when the one value that it returns is NULL.
    null: Option<bool>,
    /// All rows that it returns, in their order.
    rows: Option<Vec<Vec<Scalar>>>,
    /// How many rows it returns.
    row_count: Option<u64>,
    /// How long it may run, such as "5s", at most one minute. Default: "5s".
    #[serde(default)]
    deadline: Deadline<5, 60>,
    /// Shows digests instead of what the query returns, for results that not everybody may read.
    #[serde(default)]
    hide: bool,
    #[serde(skip)]
    text: String,
}

/// What was seen.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Seen {
    Rows(Vec<Vec<Option<Cell>>>),
    Count(u64),
}

impl Kind for Query {
    const NAME: &'static str = "query";
    const ABOUT: &'static str = "what one query returns: a value, rows, or their number";
    const DOC: &'static str = "\
The key is a name of your choice. Write the query as `sql`, or put it into a file and name that as `sql_file`; and what it
returns as exactly one of `value`, `null = true`, `rows` and `row_count`.

It must be one statement that reads: SELECT, VALUES, TABLE or WITH. The search path is empty, so tables are named with
their schema. Rows come in the order of the query: without ORDER BY there is none. At most 100 rows and 1 MiB are read;
`row_count` counts without reading.

PostgreSQL's text of a value is compared with what is written here:

- text: exactly, so a timestamp is written as PostgreSQL prints it.
- a number: as a number, so `158` is `158.00`. `NaN` and `Infinity` are written as text.
- `true` and `false`: as a boolean.
- NULL equals nothing but `null = true`; in `rows`, replace it in the query with `coalesce`.

A read-only transaction does not stop every function: with enough rights an expression could end sessions, run programs
or read files of the server. So a query is not run, and is Unknown (`observer_too_powerful`), while the observer is a
superuser, has CREATEROLE, CREATEDB or REPLICATION, or belongs to a role such as `pg_signal_backend` or
`pg_execute_server_program`. Functions that any role may call can still take advisory locks, cancel sessions of the same
role, or do what their owner lets them do: give the observer a role of its own.
";
    const EXAMPLE: &'static str = r#"
[query.collections]
database = "directus"
sql = "SELECT count(*) FROM public.directus_collections"
value = 164
deadline = "5s"
"#;
    const IN_DATABASE: bool = true;
    const PAST_SNAPSHOT: bool = false;
    type Observed = Seen;

    fn prepare(&mut self, _name: &str, files: &dyn Files, problems: &mut Vec<Problem>) {
        match self.read_text(files) {
            Ok(text) => self.text = text,
            Err(problem) => problems.push(problem),
        }
        self.check_expectation(problems);
    }

    fn database(&self) -> Option<&str> {
        Some(&self.database)
    }

    fn question(&self, _name: &str) -> Value {
        json!({ "database": self.database, "sql": self.text, "count": self.row_count.is_some() })
    }

    fn pinned(&self) -> Option<Value> {
        self.value.as_ref().map(|scalar| scalar.as_value().clone())
    }

    async fn observe_all(world: &World, wanted: &[Named<Self>]) -> Answers<Seen> {
        let give_up = Instant::now() + world.deadline;
        let mut answers = Answers::new();
        for (database, wanted) in by_database(wanted) {
            for Named { name, spec } in wanted {
                let asking = async {
                    let session = world.database(database)?;
                    session.evaluate(&spec.text, spec.amount(), spec.deadline.0).await
                };
                let found = until(give_up, asking).await;
                let found = found.map_err(|why| spec.deadline.named(why, "query"));
                answers.insert(name.clone(), found.map(|found| cut(found, spec.hide)));
            }
        }
        answers
    }

    fn diff(&self, _name: &str, observed: &Seen) -> Comparison {
        let mut found = Comparison::by(Evidence::Queried);
        match (observed, self.row_count) {
            (Seen::Count(count), wanted) => {
                found.expect("row_count", wanted.as_ref(), count);
                found.counts = Some([("rows", *count)].into());
            }
            (Seen::Rows(rows), Some(wanted)) => {
                found.expect("row_count", Some(&wanted), &(rows.len() as u64));
            }
            (Seen::Rows(rows), None) => {
                found.counts = Some([("rows", rows.len() as u64)].into());
                match &self.rows {
                    Some(wanted) => self.compare_rows(&mut found, wanted, rows),
                    None => self.compare_value(&mut found, rows),
                }
            }
        }
        found
    }
}

impl Query {
    fn read_text(&self, files: &dyn Files) -> Result<String, Problem> {
        let text = Keys::QUERY.read(self.sql.as_ref(), self.sql_file.as_ref(), files)?;
        text.ok_or_else(|| {
            let missing = Problem::resource(Code::MissingKey, "there is no query");
            missing.hint("add `sql` or `sql_file`")
        })
    }

    fn check_expectation(&self, problems: &mut Vec<Problem>) {
        let given = [
            ("value", self.value.is_some()),
            ("null", self.null.is_some()),
            ("rows", self.rows.is_some()),
            ("row_count", self.row_count.is_some()),
        ];
        let given: Vec<&str> = given.iter().filter(|(_, is)| *is).map(|(key, _)| *key).collect();
        match given.as_slice() {
            [] => {
                let message = "the table says nothing about what the query returns";
                let hint = "add one of `value`, `null = true`, `rows` and `row_count`";
                problems.push(Problem::resource(Code::Empty, message).hint(hint));
            }
            [_] => {}
            [first, second, ..] => {
                let message = format!("`{second}` cannot stand beside `{first}`");
                problems.push(Problem::key(second, Code::Contradiction, message));
            }
        }
        if self.null == Some(false) {
            let message = "`null` can only be true; name the value as `value`";
            problems.push(Problem::key("null", Code::Contradiction, message));
        }
        if self.rows.as_ref().is_some_and(|rows| rows.len() > ROWS_MAX) {
            let message = format!("at most {ROWS_MAX} rows are read; `row_count` counts more");
            problems.push(Problem::key("rows", Code::Limit, message));
        }
    }

    fn amount(&self) -> Amount {
        match self.row_count {
            Some(_) => Amount::Count,
            None => Amount::Rows { rows_max: ROWS_MAX, bytes_max: BYTES_MAX },
        }
    }

    fn compare_value(&self, found: &mut Comparison, rows: &[Vec<Option<Cell>>]) {
        let [row] = rows else {
            found.differences.push(Difference::new("row_count", 1, rows.len()));
            return;
        };
        let [cell] = row.as_slice() else {
            let detail = format!("the query returns {} columns, one is compared", row.len());
            found.blind("value", Unknown::new(Reason::Undecidable, detail));
            return;
        };
        if !cell::equal(self.value.as_ref(), cell.as_ref()) {
            let desired = cell::desired(self.value.as_ref(), self.hide);
            let actual = cell::actual(self.value.as_ref(), cell.as_ref(), self.hide);
            found.differences.push(Difference::new("value", desired, actual));
        }
        let shown = cell::actual(None, cell.as_ref(), self.hide);
        // An empty text, or one that is only blanks, would read as if nothing was there.
        let bare = shown.as_str().filter(|text| !text.trim().is_empty());
        let shown = bare.map_or_else(|| shown.to_string(), str::to_owned);
        found.seen = Some(escaped_line(&shown, SEEN_WIDTH_MAX));
    }

    fn compare_rows(
        &self,
        found: &mut Comparison,
        wanted: &[Vec<Scalar>],
        rows: &[Vec<Option<Cell>>],
    ) {
        found.expect("row_count", Some(&wanted.len()), &rows.len());
        for at in 0..wanted.len().max(rows.len()) {
            let (wanted, row) = (wanted.get(at), rows.get(at));
            let same = match (wanted, row) {
                (Some(wanted), Some(row)) => {
                    let cells = || wanted.iter().zip(row);
                    wanted.len() == row.len()
                        && cells().all(|(scalar, cell)| cell::equal(Some(scalar), cell.as_ref()))
                }
                _ => false,
            };
            if !same && found.differences.len() < DIFFERENCES_MAX {
                found.differences.push(self.row_difference(at, wanted, row));
            }
        }
    }

    fn row_difference(
        &self,
        at: usize,
        wanted: Option<&Vec<Scalar>>,
        row: Option<&Vec<Option<Cell>>>,
    ) -> Difference {
        let scalar = |column: usize| wanted.and_then(|wanted| wanted.get(column));
        let desired = wanted.map(|wanted| {
            wanted.iter().map(|scalar| cell::desired(Some(scalar), self.hide)).collect::<Vec<_>>()
        });
        let actual = row.map(|row| {
            let cells = row.iter().enumerate();
            let cells =
                cells.map(|(column, cell)| cell::actual(scalar(column), cell.as_ref(), self.hide));
            cells.collect::<Vec<_>>()
        });
        Difference::new(format!("rows[{at}]"), json!(desired), json!(actual))
    }
}

fn cut(found: Found, hide: bool) -> Seen {
    match found {
        Found::Count(count) => Seen::Count(count),
        Found::Rows(rows) => {
            let cells = |row: Vec<Option<String>>| {
                row.into_iter().map(|text| text.map(|text| Cell::of(&text, !hide))).collect()
            };
            Seen::Rows(rows.into_iter().map(cells).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::display::one_line;
    use std::sync::Arc;

    struct OneFile;

    impl Files for OneFile {
        fn read(&self, path: &str) -> Result<Arc<[u8]>, String> {
            match path {
                "sql/x.sql" => Ok(Arc::from(*b"SELECT 1")),
                "sql/bad.sql" => Ok(Arc::from(*b"\xff")),
                _ => Err("no such file".to_owned()),
            }
        }
    }

    fn spec(mut table: Value) -> (Query, Vec<Code>) {
        table["database"] = json!("d");
        let mut spec: Query = serde_json::from_value(table).expect("keys that fit");
        let mut problems = Vec::new();
        spec.prepare("label", &OneFile, &mut problems);
        (spec, problems.into_iter().map(|problem| problem.code).collect())
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        let long = "x".repeat(Keys::QUERY.bytes_max + 1);
        for (table, codes) in [
            (json!({"sql": "q", "value": 1}), vec![]),
            (json!({"sql_file": "sql/x.sql", "null": true}), vec![]),
            (json!({"sql_file": "sql/y.sql", "value": 1}), vec![Code::MissingFile]),
            (json!({"sql_file": "sql/bad.sql", "value": 1}), vec![Code::Encoding]),
            (json!({"value": 1}), vec![Code::MissingKey]),
            (json!({"sql": "q", "sql_file": "sql/x.sql", "value": 1}), vec![Code::Contradiction]),
            (json!({"sql": " ", "value": 1}), vec![Code::Empty]),
            (json!({"sql": long, "value": 1}), vec![Code::Limit]),
            (json!({"sql": "q"}), vec![Code::Empty]),
            (json!({"sql": "q", "value": 1, "row_count": 1}), vec![Code::Contradiction]),
            (json!({"sql": "q", "null": false}), vec![Code::Contradiction]),
            (json!({"sql": "q", "rows": vec![vec![1]; ROWS_MAX + 1]}), vec![Code::Limit]),
        ] {
            let shown = one_line(&table.to_string(), 60);
            assert_eq!(spec(table).1, codes, "{shown}");
        }
        for bad in ["0s", "61s", "5", "-1s", "soon"] {
            let table = json!({"database": "d", "sql": "q", "value": 1, "deadline": bad});
            assert!(serde_json::from_value::<Query>(table).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_schema_has_the_keys_that_people_write() {
        let schema = schemars::schema_for!(Query);
        let keys = schema.get("properties").and_then(Value::as_object).map(|p| p.keys().cloned());
        let wanted = [
            "database",
            "deadline",
            "hide",
            "null",
            "row_count",
            "rows",
            "sql",
            "sql_file",
            "value",
        ];
        assert_eq!(keys.map(Iterator::collect), Some(wanted.map(String::from).to_vec()));
        assert_eq!(schema.get("required"), Some(&json!(["database"])));
    }

    #[test]
    fn the_file_is_part_of_the_question_and_the_expectation_is_not() {
        let question = |table| spec(table).0.question("label");
        let inline = question(json!({"sql": "SELECT 1", "value": 1}));
        assert_eq!(inline, question(json!({"sql_file": "sql/x.sql", "value": 2})));
        assert_ne!(inline, question(json!({"sql": "SELECT 1", "row_count": 1})));
    }

    #[test]
    fn results_are_compared() {
        let rows = |rows: &[&[Option<&str>]]| {
            let row = |row: &&[Option<&str>]| row.iter().map(|c| c.map(str::to_owned)).collect();
            let rows = rows.iter().map(row).collect();
            cut(Found::Rows(rows), false)
        };
        let one = rows(&[&[Some("1")]]);
        for (table, seen, differences, blind) in [
            (json!({"value": 1}), &one, vec![], 0),
            (json!({"value": 2}), &one, vec!["value"], 0),
            (json!({"null": true}), &one, vec!["value"], 0),
            (json!({"null": true}), &rows(&[&[None]]), vec![], 0),
            (json!({"value": ""}), &rows(&[&[None]]), vec!["value"], 0),
            (json!({"value": 1}), &rows(&[]), vec!["row_count"], 0),
            (json!({"value": 1}), &rows(&[&[Some("1")], &[Some("1")]]), vec!["row_count"], 0),
            (json!({"value": 1}), &rows(&[&[Some("1"), Some("1")]]), vec![], 1),
            (json!({"rows": [[1]]}), &one, vec![], 0),
            (json!({"rows": []}), &rows(&[]), vec![], 0),
            (json!({"rows": []}), &one, vec!["row_count", "rows[0]"], 0),
            (json!({"rows": [[1, 2]]}), &one, vec!["rows[0]"], 0),
            (json!({"rows": [[1], [3]]}), &rows(&[&[Some("1")], &[Some("2")]]), vec!["rows[1]"], 0),
            (json!({"row_count": 1}), &Seen::Count(1), vec![], 0),
            (json!({"row_count": 2}), &Seen::Count(1), vec!["row_count"], 0),
        ] {
            let mut table = table;
            table["sql"] = json!("q");
            let found = spec(table.clone()).0.diff("label", seen);
            let fields: Vec<_> = found.differences.iter().map(|d| d.field.as_str()).collect();
            assert_eq!((fields, found.blind.len()), (differences, blind), "{table}");
        }
    }

    #[test]
    fn hidden_results_are_digests_even_when_the_stored_answer_shows_more() {
        let (spec, _) = spec(json!({"sql": "q", "value": "guess", "hide": true}));
        let shown = cut(Found::Rows(vec![vec![Some("canary".to_owned())]]), false);
        let found = format!("{:?}", spec.diff("label", &shown));
        assert!(found.contains("sha256:") && !found.contains("canary"), "{found}");
        assert!(!found.contains("guess"), "{found}");
    }
}
