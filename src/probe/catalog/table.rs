//! Tables, partitioned tables and foreign tables with all that belongs to them alone: columns, policies, rules, extended
//! statistics. Views, indexes and constraints are classes of their own.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::column::{Column, Raw};
use super::{Object, options};
use crate::model::{Content, Reason, RelationName, Unknown, written};
use crate::probe::postgres::Fields;

/// A table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// `table`, `partitioned` or `foreign`.
    pub kind: String,
    /// Its columns in their order, without those that were dropped.
    pub columns: Vec<Column>,
    /// `permanent`, `unlogged` or `temporary`.
    pub persistence: String,
    /// Its owner.
    pub owner: String,
    /// Do its policies apply?
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub row_security: bool,
    /// Do they apply to its owner?
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub force_row_security: bool,
    /// Its policies, sorted by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub policies: Vec<Policy>,
    /// What tells replicas which row was changed: `default`, `nothing`, `full` or `index NAME`.
    pub replica_identity: String,
    /// How its rows are stored, such as `heap`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_method: Option<String>,
    /// Where they are stored; `None` is the tablespace of the database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tablespace: Option<String>,
    /// Storage parameters; those of what is stored out of line begin with `toast.`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub options: BTreeMap<String, String>,
    /// By what it is partitioned: `RANGE (created)`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partition_key: Option<String>,
    /// For a partition: which rows are in it, as in `FOR VALUES FROM (1) TO (9)`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partition_bound: Option<String>,
    /// Is it a partition that is being detached?
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub detaching: bool,
    /// From which tables it inherits, in their order; the one that it is a partition of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inherits: Vec<String>,
    /// Which tables inherit from it, its partitions among them, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub children: Vec<String>,
    /// The composite type that gives it its columns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of_type: Option<String>,
    /// The server of a foreign table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    /// Its options for that server, as digests.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub foreign_options: BTreeMap<String, Content>,
    /// Its rules, sorted by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<Rule>,
    /// Extended statistics, sorted by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub statistics: Vec<Statistics>,
    /// Its comment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// Security labels: the column or `None` for the table itself, who gave it, and the label.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub security_labels: Vec<(Option<String>, String, String)>,
    /// The extension that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extension: Option<String>,
}

/// A policy of row security.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Its name.
    pub name: String,
    /// Does it let rows pass, or does it hold back what others let pass?
    pub permissive: bool,
    /// `all`, `select`, `insert`, `update` or `delete`.
    pub command: String,
    /// For whom, sorted; `public` for everybody.
    pub roles: Vec<String>,
    /// Which rows can be seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub using: Option<String>,
    /// Which rows can be written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<String>,
    /// Its comment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

/// A rule that rewrites statements about the table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// Its name.
    pub name: String,
    /// `CREATE RULE …`.
    pub definition: String,
    /// `disabled`, `replica` or `always`; `None` is the usual.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fires: Option<String>,
    /// Its comment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

/// Extended statistics.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statistics {
    /// Their schema.
    pub schema: String,
    /// Their name.
    pub name: String,
    /// `CREATE STATISTICS …`.
    pub definition: String,
    /// How much ANALYZE looks at, where that was set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<i64>,
    /// Their owner.
    pub owner: String,
    /// Their comment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

impl Object for Table {
    const CLASS: &'static str = "table";
    const NAMED: (&'static str, &'static str) = ("n.nspname", "c.relname");
    const RELATION: Option<&'static str> = Some("c.oid");
    const ROW: Option<&'static str> = Some("c");

    fn sql(condition: &str, version: u32) -> String {
        let since_14 = |column| if version >= 140_000 { column } else { "NULL" };
        include_str!("table.sql")
            .replace("{compression}", since_14("nullif(a.attcompression, '')"))
            .replace("{detaching}", since_14("i.inhdetachpending"))
            .replace("{condition}", condition)
    }

    fn read(row: &Fields<'_>) -> Result<Self, Unknown> {
        let columns: Vec<Raw> = list(*row, 3)?;
        let mut options = options::of(&list(*row, 13)?);
        let toast = options::of(&list(*row, 14)?);
        options.extend(toast.into_iter().map(|(name, value)| (format!("toast.{name}"), value)));
        let replica_identity = match (row.text(9)?, row.maybe(10)?) {
            ("index", Some(index)) => format!("index {}", written(index)),
            (identity, _) => identity.to_owned(),
        };
        Ok(Self {
            schema: row.owned(0)?,
            name: row.owned(1)?,
            kind: row.owned(2)?,
            columns: columns.into_iter().map(Column::from).collect(),
            persistence: row.owned(4)?,
            owner: row.owned(5)?,
            row_security: row.flag(6)?,
            force_row_security: row.flag(7)?,
            policies: list(*row, 8)?,
            replica_identity,
            access_method: row.maybe(11)?.map(str::to_owned),
            tablespace: row.maybe(12)?.map(str::to_owned),
            options,
            partition_key: row.maybe(15)?.map(str::to_owned),
            partition_bound: row.maybe(16)?.map(str::to_owned),
            inherits: names(*row, 17)?,
            detaching: row.flag(18)?,
            children: names(*row, 19)?,
            of_type: row.maybe(20)?.map(str::to_owned),
            server: row.maybe(21)?.map(str::to_owned),
            foreign_options: options::digests(&list(*row, 22)?),
            rules: texts(*row, 23)?,
            statistics: texts(*row, 24)?,
            comment: row.maybe(25)?.map(str::to_owned),
            security_labels: list(*row, 26)?,
            extension: row.maybe(27)?.map(str::to_owned),
        })
    }
}

/// A list; none where the column is NULL.
pub(super) fn list<T: DeserializeOwned>(row: Fields<'_>, at: usize) -> Result<Vec<T>, Unknown> {
    if row.maybe(at)?.is_none() { Ok(Vec::new()) } else { row.json(at) }
}

/// A list of things whose text the server writes; of one that went away since the snapshot there is none.
fn texts<T: DeserializeOwned>(row: Fields<'_>, at: usize) -> Result<Vec<T>, Unknown> {
    list(row, at).map_err(|_| {
        Unknown::new(Reason::ChangedWhileReading, "a rule or statistics of it went away meanwhile")
    })
}

/// The name of a relation with its schema; `None` where the column is NULL.
pub(super) fn name(row: Fields<'_>, at: usize) -> Result<Option<String>, Unknown> {
    if row.maybe(at)?.is_none() {
        return Ok(None);
    }
    let (schema, name) = row.json(at)?;
    Ok(Some(RelationName { schema, name }.to_string()))
}

/// Names of relations, each with its schema.
fn names(row: Fields<'_>, at: usize) -> Result<Vec<String>, Unknown> {
    let names: Vec<(String, String)> = list(row, at)?;
    Ok(names.into_iter().map(|(schema, name)| RelationName { schema, name }.to_string()).collect())
}
