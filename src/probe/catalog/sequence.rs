//! Sequences, with those of identity columns. What they have counted up to is no part of them.

use serde::{Deserialize, Serialize};

use super::Object;
use crate::model::{MemberName, RelationName, Unknown};
use crate::probe::postgres::Fields;

/// A sequence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sequence {
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// The type of its numbers: `smallint`, `integer` or `bigint`.
    #[serde(rename = "type")]
    pub of_type: String,
    /// The first number.
    pub start: i64,
    /// What is added each time.
    pub increment: i64,
    /// The smallest number.
    pub min: i64,
    /// The largest number.
    pub max: i64,
    /// How many numbers a session takes at once.
    pub cache: i64,
    /// Does it begin again when it is used up?
    pub cycle: bool,
    /// The column that it belongs to, as `public.orders.id`, and with which it goes away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owned_by: Option<String>,
    /// Does that column take its numbers by itself (`GENERATED … AS IDENTITY`)?
    pub identity: bool,
    /// Its owner.
    pub owner: String,
    /// `permanent`, `unlogged` or `temporary`.
    pub persistence: String,
    /// The extension that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extension: Option<String>,
    /// Its comment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

impl Object for Sequence {
    const CLASS: &'static str = "sequence";
    const NAMED: (&'static str, &'static str) = ("n.nspname", "c.relname");

    fn sql(condition: &str, _version: u32) -> String {
        format!(
            "SELECT n.nspname::text, c.relname::text, pg_catalog.format_type(s.seqtypid, NULL), s.seqstart::text, \
             s.seqincrement::text, s.seqmin::text, s.seqmax::text, s.seqcache::text, s.seqcycle::text, \
             o.schema, o.relation, o.attribute, COALESCE(o.identity, false)::text, \
             pg_catalog.pg_get_userbyid(c.relowner)::text, \
             CASE c.relpersistence WHEN 'p' THEN 'permanent' WHEN 'u' THEN 'unlogged' ELSE 'temporary' END, \
             {extension}, pg_catalog.obj_description(c.oid, 'pg_class') \
             FROM pg_catalog.pg_sequence s JOIN pg_catalog.pg_class c ON c.oid = s.seqrelid \
             JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
             LEFT JOIN LATERAL (SELECT k.nspname::text, r.relname::text, a.attname::text, d.deptype = 'i' \
                 FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_class r ON r.oid = d.refobjid \
                 JOIN pg_catalog.pg_namespace k ON k.oid = r.relnamespace \
                 JOIN pg_catalog.pg_attribute a ON a.attrelid = r.oid AND a.attnum = d.refobjsubid \
                 WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid AND d.objsubid = 0 \
                 AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.deptype IN ('a', 'i') \
                 ORDER BY d.deptype DESC LIMIT 1) AS o (schema, relation, attribute, identity) ON true \
             WHERE {condition} ORDER BY n.nspname, c.relname",
            extension = super::extension("pg_class", "c.oid"),
        )
    }

    fn read(row: &Fields<'_>) -> Result<Self, Unknown> {
        let column = |(schema, table, name): (&str, &str, &str)| {
            let table = RelationName { schema: schema.to_owned(), name: table.to_owned() };
            MemberName { table, name: name.to_owned() }.to_string()
        };
        let owned_by = match (row.maybe(9)?, row.maybe(10)?, row.maybe(11)?) {
            (Some(schema), Some(table), Some(name)) => Some(column((schema, table, name))),
            _ => None,
        };
        Ok(Self {
            schema: row.owned(0)?,
            name: row.owned(1)?,
            of_type: row.owned(2)?,
            start: row.parsed(3)?,
            increment: row.parsed(4)?,
            min: row.parsed(5)?,
            max: row.parsed(6)?,
            cache: row.parsed(7)?,
            cycle: row.flag(8)?,
            owned_by,
            identity: row.flag(12)?,
            owner: row.owned(13)?,
            persistence: row.owned(14)?,
            extension: row.maybe(15)?.map(str::to_owned),
            comment: row.maybe(16)?.map(str::to_owned),
        })
    }
}
