//! Rows that come in the background: how many may have come since an instant, and who may have brought them.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::time::Instant;

use super::{RowCount, Seen};
use crate::kinds::in_database::object_name;
use crate::kinds::{Answers, Named, no_answer};
use crate::model::display::escape;
use crate::model::{
    Change, Comparison, Difference, Period, Reason, RelationName, Timestamp, Unknown,
};
use crate::probe::postgres::{Param, Session};
use crate::probe::until;

const DAY_SECONDS: u128 = 86_400;
/// How PUBLIC stands in a list of writers.
const PUBLIC: &str = "PUBLIC";

/// Rows that come in the background.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Growth {
    /// How many rows there were at `since`; there are never fewer.
    from: u64,
    /// When that was, such as "2026-05-16T00:00:00Z".
    #[schemars(with = "String")]
    since: Timestamp,
    /// At most so many rows come in a day.
    at_most_per_day: u64,
    /// All roles that may write there, superusers apart; "PUBLIC" stands for everybody.
    writers: BTreeSet<String>,
}

/// A count, and what explains its growth.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::kinds) struct Growing {
    pub(super) rows: u64,
    /// When the look began.
    at: Timestamp,
    writers: Result<Writers, Unknown>,
}

/// Who may write a table.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Writers {
    /// May everybody? Then no role is named.
    public: bool,
    roles: BTreeSet<String>,
}

impl Growth {
    pub(super) fn compare(&self, growing: &Growing, found: &mut Comparison) {
        let rows = growing.rows;
        let elapsed = growing.at.unix_seconds().saturating_sub(self.since.unix_seconds());
        match u64::try_from(elapsed) {
            Err(_) => {
                let (since, at) = (self.since, growing.at);
                let detail = format!("`since` is {since}, and the look was before that: {at}");
                found.blind("growth", Unknown::new(Reason::Undecidable, detail));
            }
            Ok(elapsed) => {
                let period = Period::from_seconds(elapsed);
                let most = self.most(elapsed);
                if rows < self.from {
                    found.differences.push(Difference::new("growth.from", self.from, rows));
                } else if rows > most {
                    let wanted = format!("at most {most} rows after {period}");
                    let is = format!("{rows} rows");
                    found.differences.push(Difference::new("growth.at_most_per_day", wanted, is));
                } else {
                    let came = rows - self.from;
                    let seen =
                        format!("{rows} rows, expected background growth: +{came} in {period}");
                    found.seen = Some(seen);
                }
            }
        }
        match &growing.writers {
            Ok(writers) => self.compare_writers(writers, found),
            Err(why) => found.blind("growth.writers", why.clone()),
        }
    }

    /// The most rows that there may be so many seconds after `since`.
    fn most(&self, elapsed: u64) -> u64 {
        let came = (u128::from(self.at_most_per_day) * u128::from(elapsed)).div_ceil(DAY_SECONDS);
        self.from.saturating_add(u64::try_from(came).unwrap_or(u64::MAX))
    }

    fn compare_writers(&self, writers: &Writers, found: &mut Comparison) {
        if self.writers.contains(PUBLIC) {
            return;
        }
        let public = writers.public.then_some(PUBLIC);
        let roles = writers.roles.iter().map(String::as_str);
        for role in public.into_iter().chain(roles).filter(|role| !self.writers.contains(*role)) {
            let field = format!("growth.writers.{}", escape(role));
            let unlisted = Difference::new(field, Value::Null, "may write");
            found.differences.push(unlisted.changed(Change::Unlisted));
        }
    }
}

/// Adds to the counts of tables that grow what explains it.
pub(super) async fn observe(
    session: &Session,
    wanted: &[&Named<RowCount>],
    counted: Answers<Option<u64>>,
    at: Timestamp,
    give_up: Instant,
) -> Answers<Seen> {
    let growing = wanted.iter().filter(|named| named.spec.growth.is_some());
    let growing: BTreeMap<&str, RelationName> = growing
        .filter_map(|named| {
            let name = object_name(&named.name, &named.spec.database);
            Some((named.name.as_str(), RelationName::parse(name).ok()?))
        })
        .collect();
    let tables: Vec<&RelationName> = growing.values().collect();
    let mut writers = BTreeMap::new();
    if !tables.is_empty() {
        let asked = until(give_up, may_write(session, &tables)).await;
        for (position, key) in growing.keys().enumerate() {
            let answer = asked.as_ref().map_err(Clone::clone);
            let answer = answer
                .and_then(|all| all.get(position).cloned().unwrap_or_else(|| Err(no_answer())));
            writers.insert((*key).to_owned(), answer);
        }
    }
    let seen = |(key, counted): (String, Result<Option<u64>, Unknown>)| {
        let writers = writers.remove(&key);
        let seen = counted.map(|rows| match (rows, writers) {
            (Some(rows), Some(writers)) => Seen::Growing(Growing { rows, at, writers }),
            (rows, _) => Seen::Rows(rows),
        });
        (key, seen)
    };
    counted.into_iter().map(seen).collect()
}

/// Who may write each of these tables: one row for each pair, and one without a role for each table. A grant on a
/// partition, or on a column, is one on a part of the table.
fn sql(version: u32) -> String {
    // From 16 on a member may be let to have the rights, to become the role, or neither.
    let becomes = if version >= 160_000 { "SET" } else { "MEMBER" };
    format!(
        "WITH RECURSIVE wanted (position, oid, kind) AS (SELECT w.position, c.oid, c.relkind \
             FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2)) WITH ORDINALITY AS w (schema, relation, position) \
             JOIN pg_catalog.pg_namespace n ON n.nspname = w.schema::pg_catalog.name \
             JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = w.relation::pg_catalog.name), \
         part (position, oid) AS (SELECT w.position, w.oid FROM wanted w \
             UNION SELECT p.position, i.inhrelid FROM part p JOIN pg_catalog.pg_inherits i ON i.inhparent = p.oid), \
         holder (position, oid) AS (\
             SELECT p.position, c.relowner FROM part p JOIN pg_catalog.pg_class c ON c.oid = p.oid \
             UNION SELECT p.position, a.grantee FROM part p JOIN pg_catalog.pg_class c ON c.oid = p.oid \
                 CROSS JOIN LATERAL pg_catalog.aclexplode(c.relacl) a \
                 WHERE a.privilege_type IN ('INSERT', 'UPDATE', 'DELETE', 'TRUNCATE') \
             UNION SELECT p.position, a.grantee FROM part p JOIN pg_catalog.pg_attribute t ON t.attrelid = p.oid AND NOT t.attisdropped \
                 CROSS JOIN LATERAL pg_catalog.aclexplode(t.attacl) a WHERE a.privilege_type IN ('INSERT', 'UPDATE') \
             UNION SELECT w.position, r.oid FROM wanted w CROSS JOIN pg_catalog.pg_roles r WHERE r.rolname = 'pg_write_all_data') \
         SELECT w.position::text, w.kind::text, NULL, NULL FROM wanted w \
         UNION ALL SELECT h.position::text, NULL, 'true', NULL FROM holder h WHERE h.oid = 0 \
         UNION ALL SELECT DISTINCT h.position::text, NULL, NULL, r.rolname::text \
             FROM holder h JOIN pg_catalog.pg_roles r ON r.oid >= 16384 AND NOT r.rolsuper WHERE h.oid <> 0 AND EXISTS (\
                 SELECT FROM pg_catalog.pg_roles b WHERE (b.oid = r.oid OR pg_catalog.pg_has_role(r.oid, b.oid, '{becomes}')) \
                 AND pg_catalog.pg_has_role(b.oid, h.oid, 'USAGE'))"
    )
}

async fn may_write(
    session: &Session,
    tables: &[&RelationName],
) -> Result<Vec<Result<Writers, Unknown>>, Unknown> {
    let schemas: Vec<String> = tables.iter().map(|table| table.schema.clone()).collect();
    let names: Vec<String> = tables.iter().map(|table| table.name.clone()).collect();
    let sql = sql(session.identity().version_number);
    let rows = session.ask(&sql, &[Param::Texts(&schemas), Param::Texts(&names)]).await?;
    let mut all: Vec<Result<Writers, Unknown>> = tables.iter().map(|_| Err(no_answer())).collect();
    let mut found = Vec::new();
    for row in rows {
        let [position, kind, public, role] =
            <[Option<String>; 4]>::try_from(row).map_err(|_| {
                Unknown::new(Reason::Malformed, "the catalog answered with other columns")
            })?;
        let position = position.and_then(|at| at.parse::<usize>().ok()?.checked_sub(1));
        match (position.and_then(|at| all.get_mut(at)), kind.as_deref()) {
            (None, _) => {}
            (Some(answer), Some("r" | "p")) => *answer = Ok(Writers::default()),
            (Some(answer), Some(_)) => {
                let detail = "growth has writers only where a table holds the rows itself";
                *answer = Err(Unknown::new(Reason::NotSupported, detail));
            }
            (Some(_), None) => found.push((position.unwrap_or_default(), public.is_some(), role)),
        }
    }
    for (position, public, role) in found {
        if let Some(Ok(writers)) = all.get_mut(position) {
            writers.public |= public;
            writers.roles.extend(role);
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::{Kind as _, NoFiles};
    use serde_json::json;

    /// Compares a count five days after `since`, through JSON as it is stored.
    fn lines(rows: u64, at: &str, writers: &Value) -> (Vec<String>, String) {
        let growth = json!({
            "from": 93_686, "since": "2026-05-16T00:00:00Z", "at_most_per_day": 10_000, "writers": ["directus", "etl"],
        });
        let table = json!({"database": "d", "growth": growth});
        let mut spec: RowCount = serde_json::from_value(table).expect("keys that fit");
        let mut problems = Vec::new();
        spec.prepare("public.t", &NoFiles, &mut problems);
        assert_eq!(problems, []);
        let seen = json!({"rows": rows, "at": at, "writers": writers});
        let seen: Seen = serde_json::from_value(seen).expect("an answer");
        let found = spec.diff("public.t", &seen);
        let line = |d: &Difference| format!("{} {} {}", d.field, d.desired, d.actual);
        let blind = found.blind.iter().map(|b| format!("blind {} {}", b.field, b.unknown.reason));
        (found.differences.iter().map(line).chain(blind).collect(), found.seen.unwrap_or_default())
    }

    const LATER: &str = "2026-05-21T00:00:00Z";

    #[test]
    fn growth_within_its_rate_is_expected_and_said() {
        let own = json!({"Ok": {"public": false, "roles": ["directus"]}});
        let (found, seen) = lines(133_784, LATER, &own);
        assert_eq!(found, Vec::<String>::new());
        assert_eq!(seen, "133784 rows, expected background growth: +40098 in 5 d");
        assert!(lines(143_686, LATER, &own).0.is_empty());
        let line = r#"growth.at_most_per_day "at most 143686 rows after 5 d" "143687 rows""#;
        assert_eq!(lines(143_687, LATER, &own).0, [line]);
        assert_eq!(lines(93_685, LATER, &own).0, ["growth.from 93686 93685"]);
        assert!(lines(93_686, "2026-05-16T00:00:00Z", &own).0.is_empty());
        let early = lines(93_686, "2026-05-15T23:59:59Z", &own).0;
        assert_eq!(early, ["blind growth undecidable"]);
    }

    #[test]
    fn a_role_more_that_may_write_is_a_difference() {
        let more = json!({"Ok": {"public": true, "roles": ["etl", "PUBLIC2", "x\n"]}});
        let found = lines(93_686, LATER, &more).0;
        let wanted = ["PUBLIC", "PUBLIC2", r"x\n"];
        assert_eq!(found, wanted.map(|role| format!(r#"growth.writers.{role} null "may write""#)));
        let hidden = json!({"Err": {"reason": "deadline", "detail": "late"}});
        assert_eq!(lines(93_686, LATER, &hidden).0, ["blind growth.writers deadline"]);
    }

    #[test]
    fn counts_that_were_stored_before_growth_was_known_are_read() {
        for (stored, rows) in [("null", None), ("158", Some(158))] {
            let seen: Seen = serde_json::from_str(stored).expect("an answer");
            assert_eq!(seen, Seen::Rows(rows));
            assert_eq!(serde_json::to_string(&seen).expect("plain"), stored);
        }
        let growth = json!({"from": 1, "since": "2026-05-16T00:00:00Z", "at_most_per_day": 1, "writers": []});
        let table = json!({"database": "d", "growth": growth});
        let mut spec: RowCount = serde_json::from_value(table).expect("keys that fit");
        spec.prepare("public.t", &NoFiles, &mut Vec::new());
        let found = spec.diff("public.t", &Seen::Rows(Some(158)));
        let blind: Vec<_> = found.blind.iter().map(|b| b.unknown.reason).collect();
        assert_eq!(blind, [Reason::NotRecorded], "of growth such a count says nothing");
        let both = json!({"database": "d", "rows": 1, "growth": {"from": 1, "since": "2026-05-16", "at_most_per_day": 1, "writers": []}});
        let mut spec: RowCount = serde_json::from_value(both).expect("keys that fit");
        let mut problems = Vec::new();
        spec.prepare("public.t", &NoFiles, &mut problems);
        assert_eq!(problems.len(), 1);
    }
}
