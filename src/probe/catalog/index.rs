//! Indexes, those of constraints included.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::table::{list, name};
use super::{Object, gone, options};
use crate::model::clauses::{clauses, inside, items};
use crate::model::{Reason, RelationName, Unknown};
use crate::probe::postgres::Fields;

/// An index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "as the catalog has them")]
pub struct Index {
    /// Its schema, which is that of its table.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// The name of its table.
    pub table: String,
    /// `CREATE INDEX …`: method, columns, operator classes, collations, order, parameters and predicate are in it.
    pub definition: String,
    /// Does it refuse duplicates?
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unique: bool,
    /// Its access method, such as `btree`.
    pub method: String,
    /// Its keys as they stand in the definition: a column or an expression with what is not usual about it.
    pub columns: Vec<String>,
    /// Columns that it carries besides.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub include: Vec<String>,
    /// Which rows are in it, where not all are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub predicate: Option<String>,
    /// Is one NULL a duplicate of another?
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub nulls_not_distinct: bool,
    /// May queries use it? One that was not built to its end may not.
    pub valid: bool,
    /// Do writes keep it up to date?
    pub ready: bool,
    /// Are duplicates refused at once, or at the end of the transaction?
    pub immediate: bool,
    /// Storage parameters.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub options: BTreeMap<String, String>,
    /// Where it is stored; `None` is the tablespace of the database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tablespace: Option<String>,
    /// Does CLUSTER order the table by it?
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub clustered: bool,
    /// Does it tell replicas which row was changed?
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub replica_identity: bool,
    /// The constraint that it keeps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub constraint: Option<String>,
    /// The index of the partitioned table that it is a part of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// How much ANALYZE looks at, for keys (counted from 1) for which that was set.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub statistics: BTreeMap<String, i64>,
    /// Its comment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

impl Index {
    /// Its table with its schema.
    #[must_use]
    pub fn of_table(&self) -> RelationName {
        RelationName { schema: self.schema.clone(), name: self.table.clone() }
    }
}

impl Object for Index {
    const CLASS: &'static str = "index";
    const NAMED: (&'static str, &'static str) = ("n.nspname", "i.relname");
    const RELATION: Option<&'static str> = Some("x.indrelid");
    const ROW: Option<&'static str> = Some("x");

    fn sql(condition: &str, version: u32) -> String {
        let distinct = if version >= 150_000 { "x.indnullsnotdistinct" } else { "false" };
        include_str!("index.sql")
            .replace("{nulls_not_distinct}", distinct)
            .replace("{condition}", condition)
    }

    fn read(row: &Fields<'_>) -> Result<Self, Unknown> {
        let definition = row.maybe(3)?.map(str::to_owned).ok_or_else(gone)?;
        let parts = Parts::of(&definition)?;
        let statistics: Vec<(u16, i64)> = list(*row, 16)?;
        Ok(Self {
            schema: row.owned(0)?,
            name: row.owned(1)?,
            table: row.owned(2)?,
            unique: row.flag(4)?,
            method: row.owned(5)?,
            columns: parts.columns,
            include: parts.include,
            predicate: parts.predicate,
            nulls_not_distinct: row.flag(8)?,
            valid: row.flag(6)?,
            ready: row.flag(7)?,
            immediate: row.flag(9)?,
            options: options::of(&list(*row, 10)?),
            tablespace: row.maybe(11)?.map(str::to_owned),
            clustered: row.flag(12)?,
            replica_identity: row.flag(13)?,
            constraint: row.maybe(14)?.map(str::to_owned),
            parent: name(*row, 15)?,
            statistics: statistics.into_iter().map(|(key, of)| (key.to_string(), of)).collect(),
            comment: row.maybe(17)?.map(str::to_owned),
            definition,
        })
    }
}

/// What only the text has: operator classes are left out of it where they are the usual ones.
#[derive(Debug, PartialEq)]
struct Parts {
    columns: Vec<String>,
    include: Vec<String>,
    predicate: Option<String>,
}

impl Parts {
    fn of(definition: &str) -> Result<Self, Unknown> {
        let words = ["USING", "INCLUDE", "NULLS NOT DISTINCT", "WITH", "TABLESPACE"];
        let cut = clauses(definition, &words, &["WHERE"]);
        let of = |word| cut.iter().find(|(is, _)| *is == word).map(|(_, text)| *text);
        let listed = |text: &str| -> Option<Vec<String>> {
            Some(items(inside(text)?).into_iter().map(str::to_owned).collect())
        };
        let keys = of("USING").and_then(|using| listed(using.get(using.find(" (")? + 1..)?));
        let include = of("INCLUDE").map(|text| listed(text).ok_or(text)).transpose();
        let malformed = || {
            let detail = "the server wrote the definition of an index in an unknown form";
            Unknown::new(Reason::Malformed, detail)
        };
        Ok(Self {
            columns: keys.ok_or_else(malformed)?,
            include: include.map_err(|_| malformed())?.unwrap_or_default(),
            predicate: of("WHERE").map(str::to_owned),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_a_definition() {
        let parts = Parts::of(
            "CREATE UNIQUE INDEX \"odd USING x (\" ON ONLY public.t USING btree (a, lower(b) COLLATE \"C\" \
             text_pattern_ops DESC NULLS LAST, ((c || ' INCLUDE ('::text))) INCLUDE (d, \"e,f\") \
             NULLS NOT DISTINCT WITH (fillfactor='70') WHERE ((a > 3) AND (b <> ' WHERE '::text))",
        )
        .expect("the form of PostgreSQL");
        let columns = [
            "a",
            "lower(b) COLLATE \"C\" text_pattern_ops DESC NULLS LAST",
            "((c || ' INCLUDE ('::text))",
        ];
        assert_eq!(parts.columns, columns);
        assert_eq!(parts.include, ["d", "\"e,f\""]);
        assert_eq!(parts.predicate.as_deref(), Some("((a > 3) AND (b <> ' WHERE '::text))"));
        assert!(Parts::of("CREATE INDEX i ON public.t").is_err());
    }
}
