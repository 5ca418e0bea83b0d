//! Constraints of tables: keys, checks, references. Those of domains belong to types.

use serde::{Deserialize, Serialize};

use super::table::{list, name};
use super::{Object, gone};
use crate::model::{RelationName, Unknown};
use crate::probe::postgres::Fields;

/// A constraint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "as the catalog has them")]
pub struct Constraint {
    /// The schema of its table.
    pub schema: String,
    /// Its table.
    pub table: String,
    /// Its name, which no other constraint of the table has.
    pub name: String,
    /// `primary key`, `unique`, `check`, `foreign key`, `exclude`, or from version 18 on `not null`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What would stand behind its name in `ALTER TABLE … ADD CONSTRAINT`.
    pub definition: String,
    /// Its columns in its order; of a check those that it mentions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<String>,
    /// The table that a foreign key refers to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub references: Option<String>,
    /// The columns that it refers to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub referenced_columns: Vec<String>,
    /// What follows from deleting a row that is referred to: `no action`, `restrict`, `cascade`, `set null (a)`, …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_delete: Option<String>,
    /// What follows from changing it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_update: Option<String>,
    /// `simple`, `full` or `partial`.
    #[serde(rename = "match", default, skip_serializing_if = "Option::is_none")]
    pub matching: Option<String>,
    /// Is it known to hold for every row?
    pub validated: bool,
    /// Does it hold for what is written?
    pub enforced: bool,
    /// May a transaction put it off?
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deferrable: bool,
    /// Is it put off unless somebody says otherwise?
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub initially_deferred: bool,
    /// Does it keep from the tables that inherit from its table?
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub no_inherit: bool,
    /// Does it come from a parent: `inherited`, or `inherited and local`?
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inherited: Option<String>,
    /// Its comment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

impl Constraint {
    /// Its table with its schema.
    #[must_use]
    pub fn of_table(&self) -> RelationName {
        RelationName { schema: self.schema.clone(), name: self.table.clone() }
    }
}

impl Object for Constraint {
    const CLASS: &'static str = "constraint";
    const NAMED: (&'static str, &'static str) = ("n.nspname", "c.relname");
    const RELATION: Option<&'static str> = Some("c.oid");
    const ROW: Option<&'static str> = Some("k");

    fn sql(condition: &str, version: u32) -> String {
        let columns =
            if version >= 150_000 { "k.confdelsetcols" } else { "NULL::pg_catalog.int2[]" };
        let enforced = if version >= 180_000 { "k.conenforced" } else { "true" };
        let some_columns = format!(
            "coalesce(' (' || (SELECT pg_catalog.string_agg(pg_catalog.quote_ident(a.attname), ', ' ORDER BY a.attnum) \
             FROM pg_catalog.pg_attribute a WHERE a.attrelid = k.conrelid AND a.attnum = ANY ({columns})) || ')', '')"
        );
        let action = |column: &str| {
            format!(
                "CASE {column} WHEN 'a' THEN 'no action' WHEN 'r' THEN 'restrict' WHEN 'c' THEN 'cascade' \
                 WHEN 'n' THEN 'set null' WHEN 'd' THEN 'set default' END"
            )
        };
        include_str!("constraint.sql")
            .replace(
                "{action_of_delete}",
                &format!(
                    "CASE WHEN k.contype = 'f' THEN {} || {some_columns} END",
                    action("k.confdeltype")
                ),
            )
            .replace("{action_of_update}", &action("k.confupdtype"))
            .replace("{enforced}", enforced)
            .replace("{condition}", condition)
    }

    fn read(row: &Fields<'_>) -> Result<Self, Unknown> {
        let inherited = match (row.flag(16)?, row.flag(17)?) {
            (false, _) => None,
            (true, false) => Some("inherited".to_owned()),
            (true, true) => Some("inherited and local".to_owned()),
        };
        Ok(Self {
            schema: row.owned(0)?,
            table: row.owned(1)?,
            name: row.owned(2)?,
            kind: row.owned(3)?,
            definition: row.maybe(4)?.map(str::to_owned).ok_or_else(gone)?,
            columns: list(*row, 5)?,
            references: name(*row, 6)?,
            referenced_columns: list(*row, 7)?,
            on_delete: row.maybe(8)?.map(str::to_owned),
            on_update: row.maybe(9)?.map(str::to_owned),
            matching: row.maybe(10)?.map(str::to_owned),
            validated: row.flag(11)?,
            enforced: row.flag(12)?,
            deferrable: row.flag(13)?,
            initially_deferred: row.flag(14)?,
            no_inherit: row.flag(15)?,
            inherited,
            comment: row.maybe(18)?.map(str::to_owned),
        })
    }
}
