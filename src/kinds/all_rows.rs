//! May the observer see all rows of a table? A part of them is not the table, and nothing is concluded from it.

use super::closed::{is_pattern, matches};
use crate::model::{Reason, RelationName, Unknown};
use crate::probe::postgres::{Param, Session};

/// For each wanted name: is it there, what is it, and may we see all of it? Readable without any right.
const CATALOG: &str = "SELECT w.position::text, c.relkind::text, \
    pg_catalog.has_schema_privilege(n.oid, 'USAGE')::text, \
    pg_catalog.has_any_column_privilege(c.oid, 'SELECT')::text, \
    pg_catalog.row_security_active(c.oid)::text, \
    EXISTS (WITH RECURSIVE part (oid) AS (SELECT c.oid UNION SELECT i.inhrelid \
        FROM pg_catalog.pg_inherits i JOIN part ON i.inhparent = part.oid) \
        SELECT FROM part JOIN pg_catalog.pg_class k ON k.oid = part.oid \
        WHERE k.relkind = 'f')::text \
    FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2)) \
        WITH ORDINALITY AS w (schema, relation, position) \
    LEFT JOIN pg_catalog.pg_namespace n ON n.nspname = w.schema::pg_catalog.name \
    LEFT JOIN pg_catalog.pg_class c \
        ON c.relnamespace = n.oid AND c.relname = w.relation::pg_catalog.name \
    ORDER BY w.position";

/// For each of these, in their order: `true` when all its rows can be seen, `false` when there is no such table.
pub(super) async fn judge(
    session: &Session,
    tables: &[RelationName],
) -> Result<Vec<Result<bool, Unknown>>, Unknown> {
    let schemas: Vec<String> = tables.iter().map(|table| table.schema.clone()).collect();
    let relations: Vec<String> = tables.iter().map(|table| table.name.clone()).collect();
    let rows = session.ask(CATALOG, &[Param::Texts(&schemas), Param::Texts(&relations)]).await?;
    let mut answers: Vec<Result<bool, Unknown>> = tables
        .iter()
        .map(|_| Err(Unknown::new(Reason::NoAnswer, "the catalog gave no answer for it")))
        .collect();
    for row in rows {
        let position = row.first().cloned().flatten().and_then(|at| at.parse::<usize>().ok());
        let answer = position.and_then(|at| answers.get_mut(at.checked_sub(1)?));
        if let Some(answer) = answer {
            *answer = judged(session, row.get(1..).unwrap_or_default());
        }
    }
    Ok(answers)
}

/// Can all rows be seen? `false` when there is no such table.
fn judged(session: &Session, row: &[Option<String>]) -> Result<bool, Unknown> {
    let [kind, usage, select, hidden, far] = row else {
        return Err(Unknown::new(Reason::Malformed, "the catalog answered with other columns"));
    };
    let refuse = |reason, detail: &str| Err(Unknown::new(reason, detail));
    let yes = |answer: &Option<String>| answer.as_deref() == Some("true");
    match kind.as_deref() {
        None => return Ok(false),
        Some("r" | "p" | "m" | "f") => {}
        Some("v") => session.identity().require_harmless()?,
        Some(_) => return refuse(Reason::NotSupported, "it is neither a table nor a view"),
    }
    if far.as_deref() != Some("false") {
        let detail = "a foreign table, or one with a foreign part: rows are on another server";
        return refuse(Reason::NotSupported, detail);
    }
    if !yes(usage) {
        return refuse(Reason::PermissionDenied, "the observer has no USAGE on the schema");
    }
    if !yes(select) {
        return refuse(Reason::PermissionDenied, "the observer has no SELECT on the table");
    }
    if hidden.as_deref() != Some("false") {
        return refuse(
            Reason::RowSecurity,
            "row security may hide rows from the observer; BYPASSRLS lets it see them",
        );
    }
    Ok(true)
}

/// Tables that hold rows of their own; what belongs to PostgreSQL or to an extension is not counted.
const TABLES: &str = "SELECT n.nspname::text, c.relname::text FROM pg_catalog.pg_class c \
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition \
    AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_' AND c.relpersistence <> 't' \
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e' \
        AND d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass) ORDER BY 1, 2";

/// The tables of a database that a name or pattern is about.
pub(super) async fn tables(session: &Session, asked: &str) -> Result<Vec<String>, Unknown> {
    let table = |row: Vec<Option<String>>| {
        let [schema, name] = <[Option<String>; 2]>::try_from(row).ok()?;
        Some(RelationName { schema: schema?, name: name? }.to_string())
    };
    let covered =
        |name: &String| if is_pattern(asked) { matches(asked, name) } else { name == asked };
    let rows = session.ask(TABLES, &[]).await?;
    Ok(rows.into_iter().filter_map(table).filter(covered).collect())
}
