//! `[row_count."SCHEMA.TABLE"]`: how many rows a table has, exactly or within bounds.
//!
//! What cannot be seen is Unknown and never zero; that a table is not there is proven by the catalog, which every role
//! can read.

mod adopt;
mod growth;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::in_database::object_name;
use super::{
    Adopted, Adoption, Answers, Files, Kind, Named, Problem, all_rows, answer_all, bounds,
    by_database, not_recorded,
};
use crate::model::{Code, Comparison, Difference, Evidence, Reason, RelationName, Unknown};
use crate::probe::postgres::Session;
use crate::probe::{World, until};
use growth::{Growing, Growth};

/// How many tables one statement counts. While it runs it holds a lock on each of them and on each of their indexes, out
/// of some thousands that all sessions of a server share.
const TABLES_PER_STATEMENT_MAX: usize = 1_000;

/// The table of a row count.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RowCount {
    /// The database, as in `[database.NAME]`.
    database: String,
    /// Exactly so many rows.
    rows: Option<u64>,
    /// At least so many rows.
    at_least: Option<u64>,
    /// At most so many rows.
    at_most: Option<u64>,
    /// Rows that come in the background: how many, and from whom.
    growth: Option<Growth>,
}

/// What was seen.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Seen {
    /// Where growth is declared.
    Growing(Growing),
    /// The count alone; `None` when there is no such table.
    Rows(Option<u64>),
}

impl Kind for RowCount {
    const NAME: &'static str = "row_count";
    const ABOUT: &'static str = "how many rows a table or view has";
    const DOC: &'static str = "\
The key is `schema.table`. A part that is not plain lower case is written in double quotes, as in SQL:
`[row_count.'public.\"Unit\"']`. Where two databases of a host have a table of one name, the database stands before it:
`[row_count.\"shop:public.unit\"]`.

Either `rows`, or one or both of `at_least` and `at_most`, or `growth`. All tables of a database are counted in one statement and in
one snapshot; when that fails, one by one, so that only the sick table is Unknown.

- A table that does not exist is a difference.
- A table that the observer may not read is Unknown (`permission_denied`): grant it USAGE on the schema and SELECT on
  the table, or on one column of it.
- A table with row security that applies to the observer is Unknown (`row_security`), because a part of the rows is not
  the table. BYPASSRLS lets the observer count it.
- A foreign table, or a table with a foreign partition, is Unknown (`not_supported`): its rows are on another server. A view is evaluated with the observer's
  rights, so an observer with dangerous rights does not count views (`observer_too_powerful`).

`growth` says that somebody writes there all the time, and who. The table had `from` rows at the instant `since`, it
has no fewer now, and no more than `at_most_per_day` allows for the time since then. `writers` are all roles that may write
it, or a part of it: by a grant of INSERT, UPDATE, DELETE or TRUNCATE to them, to a role that they belong to or may become, or to
PUBLIC; as its owner; by `pg_write_all_data`. A role more is a difference, so that what came can only have
come from them; a role fewer is none. Superusers are not listed. Roles count whether they may log in or not, since
a function can act for its owner. Who could first give himself such a right is not listed. That rows went away
and others came cannot be seen in a number.
";
    const EXAMPLE: &'static str = r#"
[row_count."public.information_unit"]
database = "directus"
rows = 158

[row_count."public.event_outbox"]
database = "directus"
growth = { from = 93686, since = "2026-05-16T00:00:00Z", at_most_per_day = 30000, writers = ["directus"] }
"#;
    const IN_DATABASE: bool = true;
    const PAST_SNAPSHOT: bool = false;
    const ADOPT: Option<Adoption> = Some(Adoption {
        flag: "rows",
        value: "SCHEMA.TABLE",
        help: "The rows of a table, or of all that a pattern matches, as in 'shop.*'",
        all: None,
    });
    type Observed = Seen;

    fn prepare(&mut self, name: &str, _files: &dyn Files, problems: &mut Vec<Problem>) {
        if let Err(why) = RelationName::parse(object_name(name, &self.database)) {
            problems.push(Problem::resource(Code::BadName, why));
        }
        let exact = self.rows.map(|_| "rows");
        let (least, most) = (("at_least", self.at_least), ("at_most", self.at_most));
        bounds::check(exact, least, most, problems);
        if self.rows.is_some() && self.growth.is_some() {
            let message = "`growth` cannot stand beside `rows`";
            problems.push(Problem::key("growth", Code::Contradiction, message));
        }
        let bounded = self.at_least.is_some() || self.at_most.is_some();
        if self.rows.is_none() && !bounded && self.growth.is_none() {
            let message = "the table says nothing about the number of rows";
            let hint = "add `rows`, `at_least`, `at_most` or `growth`";
            problems.push(Problem::resource(Code::Empty, message).hint(hint));
        }
    }

    fn database(&self) -> Option<&str> {
        Some(&self.database)
    }

    fn question(&self, _name: &str) -> Value {
        // Named only where it is asked, so that what was recorded before it could be still answers.
        match self.growth {
            None => json!({ "database": self.database }),
            Some(_) => json!({ "database": self.database, "growth": true }),
        }
    }

    fn pinned(&self) -> Option<Value> {
        self.rows.map(Value::from)
    }

    async fn observe_all(world: &World, wanted: &[Named<Self>]) -> Answers<Seen> {
        let give_up = Instant::now() + world.deadline;
        let mut answers = Answers::new();
        for (database, wanted) in by_database(wanted) {
            answers.extend(match world.database(database) {
                Ok(session) => {
                    let counted = observe(session, &wanted, give_up).await;
                    growth::observe(session, &wanted, counted, world.now, give_up).await
                }
                Err(why) => answer_all(wanted, &why),
            });
        }
        answers
    }

    async fn adopt(world: &World, asked: &str) -> Result<Adopted, Unknown> {
        adopt::adopt(world, asked).await
    }

    fn diff(&self, _name: &str, observed: &Seen) -> Comparison {
        let mut found = Comparison::by(Evidence::Queried);
        let (rows, growing) = match observed {
            Seen::Rows(None) => {
                found.differences.push(Difference::new("presence", "present", "absent"));
                return found;
            }
            Seen::Rows(Some(rows)) => (*rows, None),
            Seen::Growing(growing) => (growing.rows, Some(growing)),
        };
        found.expect("rows", self.rows.as_ref(), &rows);
        for (field, bound, broken) in [
            ("at_least", self.at_least, self.at_least.is_some_and(|least| rows < least)),
            ("at_most", self.at_most, self.at_most.is_some_and(|most| rows > most)),
        ] {
            if broken {
                found.differences.push(Difference::new(field, bound, rows));
            }
        }
        found.counts = Some([("rows", rows)].into());
        found.seen = Some(if rows == 1 { "1 row".into() } else { format!("{rows} rows") });
        match (&self.growth, growing) {
            (Some(growth), Some(growing)) => growth.compare(growing, &mut found),
            (Some(_), None) => found.blind("growth", not_recorded()),
            (None, _) => {}
        }
        found
    }
}

/// A table that may be counted, under the key of its resource.
type Countable = (String, RelationName);

async fn observe(
    session: &Session,
    wanted: &[&Named<RowCount>],
    give_up: Instant,
) -> Answers<Option<u64>> {
    let named: Vec<Countable> = wanted
        .iter()
        .filter_map(|named| {
            let table = object_name(&named.name, &named.spec.database);
            Some((named.name.clone(), RelationName::parse(table).ok()?))
        })
        .collect();
    let tables: Vec<RelationName> = named.iter().map(|(_, table)| table.clone()).collect();
    let judged = match until(give_up, all_rows::judge(session, &tables)).await {
        Ok(judged) => judged,
        Err(why) => return answer_all(wanted.iter().copied(), &why),
    };
    let (mut answers, mut countable) = (Answers::new(), Vec::new());
    for (table, judged) in named.into_iter().zip(judged) {
        match judged {
            Ok(true) => countable.push(table),
            Ok(false) => drop(answers.insert(table.0, Ok(None))),
            Err(why) => drop(answers.insert(table.0, Err(why))),
        }
    }
    for tables in countable.chunks(TABLES_PER_STATEMENT_MAX) {
        answers.extend(count_all(session, tables, give_up).await);
    }
    answers
}

/// Counts all tables in one statement; when that fails, each in its own.
async fn count_all(
    session: &Session,
    tables: &[Countable],
    give_up: Instant,
) -> Answers<Option<u64>> {
    match until(give_up, count(session, tables)).await {
        Ok(counts) if counts.len() == tables.len() => {
            let names = tables.iter().map(|(name, _)| name.clone());
            return names.zip(counts.into_iter().map(|rows| Ok(Some(rows)))).collect();
        }
        _ => {}
    }
    let mut answers = Answers::new();
    for (name, table) in tables {
        let alone = [(name.clone(), table.clone())];
        let answer = until(give_up, count(session, &alone)).await;
        let answer = answer.and_then(|counts| {
            let rows = counts.first().copied();
            let missing = || Unknown::new(Reason::NoAnswer, "the server gave no count");
            Ok(Some(rows.ok_or_else(missing)?))
        });
        answers.insert(name.clone(), answer);
    }
    answers
}

/// The counts of these tables, in their order.
async fn count(session: &Session, tables: &[Countable]) -> Result<Vec<u64>, Unknown> {
    let selects: Vec<String> = tables
        .iter()
        .enumerate()
        .map(|(at, (_, table))| {
            format!("SELECT {at}::int8, pg_catalog.count(*) FROM {}", table.sql())
        })
        .collect();
    let sql = format!(
        "SELECT c.rows::text FROM ({}) AS c (position, rows) ORDER BY c.position",
        selects.join(" UNION ALL ")
    );
    let malformed = || Unknown::new(Reason::Malformed, "a count is no number");
    let rows = session.ask(&sql, &[]).await?;
    rows.into_iter()
        .map(|row| row.into_iter().flatten().next().and_then(|n| n.parse().ok()))
        .map(|rows| rows.ok_or_else(malformed))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::NoFiles;

    fn prepared(name: &str, table: Value) -> (RowCount, Vec<Code>) {
        let mut spec: RowCount = serde_json::from_value(table).expect("keys that fit");
        let mut problems = Vec::new();
        spec.prepare(name, &NoFiles, &mut problems);
        (spec, problems.into_iter().map(|problem| problem.code).collect())
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for (name, table, codes) in [
            ("public.t", json!({"database": "d", "rows": 0}), vec![]),
            ("public.t", json!({"database": "d", "at_least": 1, "at_most": 1}), vec![]),
            ("t", json!({"database": "d", "rows": 1}), vec![Code::BadName]),
            ("public.t", json!({"database": "d"}), vec![Code::Empty]),
            ("a.b", json!({"database": "d", "rows": 1, "at_most": 2}), vec![Code::Contradiction]),
            (
                "a.b",
                json!({"database": "d", "at_least": 3, "at_most": 2}),
                vec![Code::Contradiction],
            ),
        ] {
            assert_eq!(prepared(name, table.clone()).1, codes, "{name} {table}");
        }
        assert!(serde_json::from_value::<RowCount>(json!({"database": "d", "rows": -1})).is_err());
    }

    #[test]
    fn counts_are_compared_as_numbers() {
        let differences = |table: Value, rows: Option<u64>| {
            let (spec, _) = prepared("public.t", table);
            let found = spec.diff("public.t", &Seen::Rows(rows)).differences;
            found.into_iter().map(|d| (d.field, d.desired, d.actual)).collect::<Vec<_>>()
        };
        let exact = json!({"database": "d", "rows": 158});
        assert_eq!(differences(exact.clone(), Some(158)), vec![]);
        let found = differences(exact.clone(), Some(159));
        assert_eq!(found, vec![("rows".into(), json!(158), json!(159))]);
        let found = differences(exact, None);
        assert_eq!(found, vec![("presence".into(), json!("present"), json!("absent"))]);
        let within = json!({"database": "d", "at_least": 2, "at_most": 3});
        assert_eq!(differences(within.clone(), Some(2)), vec![]);
        assert_eq!(differences(within.clone(), Some(3)), vec![]);
        let found = differences(within.clone(), Some(1));
        assert_eq!(found, vec![("at_least".into(), json!(2), json!(1))]);
        let found = differences(within, Some(4));
        assert_eq!(found, vec![("at_most".into(), json!(3), json!(4))]);
    }
}
