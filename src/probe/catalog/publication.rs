//! Publications: what leaves a database by logical replication.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::locked;
use super::whole::{Whole, rows};
use crate::model::{Reason, RelationName, Unknown};
use crate::probe::postgres::{Fields, Param, Session};

/// A publication.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Publication {
    /// Its name.
    pub name: String,
    /// Its owner.
    pub owner: String,
    /// Does it publish every table of the database, those to come included?
    pub all_tables: bool,
    /// What it publishes: some of `insert`, `update`, `delete` and `truncate`.
    pub publish: BTreeSet<String>,
    /// Are changes of a partition published as changes of the partitioned table?
    pub via_root: bool,
    /// Which generated columns are published where no list of columns says it: `none` or `stored`, which PostgreSQL 18
    /// brought.
    pub generated_columns: String,
    /// Schemas of which it publishes every table, those to come included.
    pub schemas: BTreeSet<String>,
    /// Tables, by their names.
    pub tables: BTreeMap<String, Published>,
}

/// A table of a publication.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Published {
    /// The columns that are published; `None` for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub columns: Option<BTreeSet<String>>,
    /// Which rows are published, as PostgreSQL writes it; `None` for all.
    pub rows: Result<Option<String>, Unknown>,
}

impl Whole for Publication {
    const CLASS: &'static str = "publications";

    fn sql(version: u32) -> String {
        let schemas = if version >= 150_000 {
            "pg_catalog.to_json(ARRAY(SELECT n.nspname::text FROM pg_catalog.pg_publication_namespace s \
             JOIN pg_catalog.pg_namespace n ON n.oid = s.pnnspid WHERE s.pnpubid = p.oid))::text"
        } else {
            "'[]'::text"
        };
        let generated = if version >= 180_000 {
            "CASE p.pubgencols WHEN 'n' THEN 'none' WHEN 's' THEN 'stored' ELSE p.pubgencols::text END"
        } else {
            "'none'::text"
        };
        format!(
            "SELECT p.pubname::text, pg_catalog.pg_get_userbyid(p.pubowner)::text, p.puballtables::text, \
             p.pubinsert::text, p.pubupdate::text, p.pubdelete::text, p.pubtruncate::text, p.pubviaroot::text, {schemas}, \
             {generated} \
             FROM pg_catalog.pg_publication p ORDER BY 1"
        )
    }

    fn read(row: &Fields<'_>) -> Result<Self, Unknown> {
        let mut publish = BTreeSet::new();
        for (at, operation) in [(3, "insert"), (4, "update"), (5, "delete"), (6, "truncate")] {
            if row.flag(at)? {
                publish.insert(operation.to_owned());
            }
        }
        Ok(Self {
            name: row.owned(0)?,
            owner: row.owned(1)?,
            all_tables: row.flag(2)?,
            publish,
            via_root: row.flag(7)?,
            generated_columns: row.owned(9)?,
            schemas: row.json(8)?,
            tables: BTreeMap::new(),
        })
    }
}

/// One table of one publication.
struct Part {
    publication: String,
    table: String,
    published: Published,
}

/// All publications with their tables.
///
/// # Errors
/// Why they could not be read. A condition on rows that is behind a lock is the only thing that is unknown then.
pub async fn publications(session: &Session) -> Result<Vec<Publication>, Unknown> {
    let mut found: Vec<Publication> = super::all(session).await?;
    if found.is_empty() {
        return Ok(found);
    }
    let parts = match parts(session, &[]).await {
        Err(why) if why.reason == Reason::Locked => {
            let behind: Vec<String> = locked(session).await?.into_keys().collect();
            parts(session, &behind).await?
        }
        answered => answered?,
    };
    for part in parts {
        if let Some(publication) = found.iter_mut().find(|p| p.name == part.publication) {
            publication.tables.insert(part.table, part.published);
        }
    }
    Ok(found)
}

/// The tables; the condition on rows of those in `behind` (their OIDs) is not asked for, because somebody holds a lock.
async fn parts(session: &Session, behind: &[String]) -> Result<Vec<Part>, Unknown> {
    let details = if session.identity().version_number >= 150_000 {
        "CASE WHEN r.prattrs IS NOT NULL THEN pg_catalog.to_json(ARRAY(SELECT a.attname::text \
           FROM pg_catalog.pg_attribute a WHERE a.attrelid = r.prrelid AND a.attnum = ANY (r.prattrs)))::text END, \
         CASE WHEN r.prrelid <> ALL ($1::pg_catalog.oid[]) THEN pg_catalog.pg_get_expr(r.prqual, r.prrelid) END, \
         (r.prqual IS NOT NULL AND r.prrelid = ANY ($1::pg_catalog.oid[]))::text"
    } else {
        "NULL::text, NULL::text, ($1::pg_catalog.text[] IS NULL)::text"
    };
    let sql = format!(
        "SELECT p.pubname::text, n.nspname::text, c.relname::text, {details} \
         FROM pg_catalog.pg_publication_rel r JOIN pg_catalog.pg_publication p ON p.oid = r.prpubid \
         JOIN pg_catalog.pg_class c ON c.oid = r.prrelid \
         JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace ORDER BY 1, 2, 3"
    );
    rows(session, "tables of publications", sql, vec![Param::Texts(behind)], |row| {
        let table = RelationName { schema: row.owned(1)?, name: row.owned(2)? }.to_string();
        let condition = if row.flag(5)? {
            let detail = "a lock on the table is held, or waited for";
            Err(Unknown::new(Reason::Locked, detail))
        } else {
            Ok(row.maybe(4)?.map(str::to_owned))
        };
        let columns = row.maybe(3)?.map(|_| row.json(3)).transpose()?;
        let published = Published { columns, rows: condition };
        Ok(Part { publication: row.owned(0)?, table, published })
    })
    .await
}
