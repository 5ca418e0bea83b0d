//! What a table of desired state may say about a table of a database, and how that is compared.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{columns, policies};
use crate::kinds::in_catalog::compare_named;
use crate::model::display::escape;
use crate::model::{Change, Comparison, Content, Difference};
use crate::probe::catalog::{Column, Table};

/// The table of a table.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::kinds) struct PgTable {
    /// The database, as in `[database.NAME]`.
    pub(super) database: String,
    /// `false`: no table has this name. Default: true.
    #[serde(default = "crate::kinds::presence::yes")]
    pub(super) present: bool,
    /// Its columns in their order, each as in `CREATE TABLE`: `"title text collate pg_catalog.\"C\" not null default ''::text"`.
    pub(super) columns: Option<Vec<String>>,
    /// Are these all columns? Default: true.
    #[serde(default = "crate::kinds::presence::yes")]
    pub(super) columns_only: bool,
    /// How many columns it has.
    pub(super) column_count: Option<u64>,
    /// Its owner.
    pub(super) owner: Option<String>,
    /// "table", "partitioned" or "foreign".
    pub(super) kind: Option<TableKind>,
    /// "permanent" or "unlogged".
    pub(super) persistence: Option<Persistence>,
    /// Do its policies apply?
    pub(super) row_security: Option<bool>,
    /// Do they apply to its owner as well?
    pub(super) force_row_security: Option<bool>,
    /// Its policies, exactly these, each as in `CREATE POLICY`: `"for select to app using ((owner = CURRENT_USER))"`.
    pub(super) policies: Option<BTreeMap<String, String>>,
    /// What tells replicas which row was changed: "default" (the primary key), "full", "nothing", or "index NAME".
    pub(super) replica_identity: Option<String>,
    /// How its rows are stored, such as "heap".
    pub(super) access_method: Option<String>,
    /// Where they are stored; "default" is the tablespace of the database.
    pub(super) tablespace: Option<String>,
    /// Its storage parameters, exactly these: `{ fillfactor = "70", "toast.autovacuum_enabled" = "false" }`.
    pub(super) options: Option<BTreeMap<String, String>>,
    /// By what it is partitioned, as in "RANGE (created)"; "" is not at all.
    pub(super) partition_key: Option<String>,
    /// Which rows of the table that it is a partition of are in it, as in "FOR VALUES FROM (1) TO (9)"; "" for no partition.
    pub(super) partition_bound: Option<String>,
    /// From which tables it inherits, in their order, as `schema.table`; the one that it is a partition of.
    pub(super) inherits: Option<Vec<String>>,
    /// Which tables inherit from it or are its partitions, as `schema.table`, in any order. `[]`: none.
    pub(super) children: Option<Vec<String>>,
    /// The composite type that gives it its columns; "" is none.
    pub(super) of_type: Option<String>,
    /// The server of a foreign table.
    pub(super) server: Option<String>,
    /// Its options for that server, exactly these. What is found is only ever shown as a digest.
    pub(super) foreign_options: Option<BTreeMap<String, String>>,
    /// Its rules, exactly these, each as PostgreSQL writes it: `CREATE RULE … DO INSTEAD NOTHING;`. Behind it stands `(disabled)`,
    /// `(replica)` or `(always)` where that is set.
    pub(super) rules: Option<BTreeMap<String, String>>,
    /// Its extended statistics, exactly these: `schema.name`, and `CREATE STATISTICS …` as PostgreSQL writes it. Behind it stands
    /// `(target N)` where that is set.
    pub(super) statistics: Option<BTreeMap<String, String>>,
    /// Columns for which it is set how much ANALYZE looks at: exactly these.
    pub(super) column_statistics: Option<BTreeMap<String, i64>>,
    /// Columns with options, exactly these, as in `{ title = "n_distinct=5" }`; several with a comma and a blank between.
    pub(super) column_options: Option<BTreeMap<String, String>>,
    /// Columns with a comment: exactly these.
    pub(super) column_comments: Option<BTreeMap<String, String>>,
    /// Its comment; "" is none.
    pub(super) comment: Option<String>,
    /// For a name with a `*`: all tables that it matches, and no others. `[]`: none.
    pub(super) only: Option<Vec<String>>,
}

/// What kind of table.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::kinds) enum TableKind {
    /// One that holds rows.
    Table,
    /// One whose partitions hold them.
    Partitioned,
    /// One whose rows are on another server.
    Foreign,
}

/// What becomes of its rows when the server crashes.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::kinds) enum Persistence {
    /// They stay.
    Permanent,
    /// They are gone, and no replica has them.
    Unlogged,
}

/// What is told of a table in maps of text.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) rules: BTreeMap<String, String>,
    pub(super) statistics: BTreeMap<String, String>,
    pub(super) column_statistics: BTreeMap<String, i64>,
    pub(super) column_options: BTreeMap<String, String>,
    pub(super) column_comments: BTreeMap<String, String>,
}

impl Told {
    pub(super) fn of(is: &Table) -> Self {
        let with = |definition: &str, more: Option<String>| match more {
            Some(more) => format!("{definition} ({more})"),
            None => definition.to_owned(),
        };
        let rules = is.rules.iter();
        let statistics = is.statistics.iter().map(|one| {
            let name =
                crate::model::RelationName { schema: one.schema.clone(), name: one.name.clone() };
            let target = one.target.map(|target| format!("target {target}"));
            (name.to_string(), with(&one.definition, target))
        });
        let options = |column: &Column| {
            let options = column.options.iter().map(|(name, value)| format!("{name}={value}"));
            options.collect::<Vec<_>>().join(", ")
        };
        let columns = is.columns.iter();
        Self {
            rules: rules
                .map(|rule| (rule.name.clone(), with(&rule.definition, rule.fires.clone())))
                .collect(),
            statistics: statistics.collect(),
            column_statistics: columns
                .clone()
                .filter_map(|column| Some((column.name.clone(), column.statistics?)))
                .collect(),
            column_options: columns
                .clone()
                .filter(|column| !column.options.is_empty())
                .map(|column| (column.name.clone(), options(column)))
                .collect(),
            column_comments: columns
                .filter_map(|column| Some((column.name.clone(), column.comment.clone()?)))
                .collect(),
        }
    }
}

impl PgTable {
    /// The keys about one table that are set.
    pub(super) fn of_one(&self) -> [(&'static str, bool); 26] {
        [
            ("columns", self.columns.is_some()),
            ("columns_only", !self.columns_only),
            ("column_count", self.column_count.is_some()),
            ("owner", self.owner.is_some()),
            ("kind", self.kind.is_some()),
            ("persistence", self.persistence.is_some()),
            ("row_security", self.row_security.is_some()),
            ("force_row_security", self.force_row_security.is_some()),
            ("policies", self.policies.is_some()),
            ("replica_identity", self.replica_identity.is_some()),
            ("access_method", self.access_method.is_some()),
            ("tablespace", self.tablespace.is_some()),
            ("options", self.options.is_some()),
            ("partition_key", self.partition_key.is_some()),
            ("partition_bound", self.partition_bound.is_some()),
            ("inherits", self.inherits.is_some()),
            ("children", self.children.is_some()),
            ("of_type", self.of_type.is_some()),
            ("server", self.server.is_some()),
            ("foreign_options", self.foreign_options.is_some()),
            ("rules", self.rules.is_some()),
            ("statistics", self.statistics.is_some()),
            ("column_statistics", self.column_statistics.is_some()),
            ("column_options", self.column_options.is_some()),
            ("column_comments", self.column_comments.is_some()),
            ("comment", self.comment.is_some()),
        ]
    }

    pub(super) fn compare(&self, is: &Table, found: &mut Comparison) {
        let kind = self.kind.map(|kind| match kind {
            TableKind::Table => "table".to_owned(),
            TableKind::Partitioned => "partitioned".to_owned(),
            TableKind::Foreign => "foreign".to_owned(),
        });
        let persistence = self.persistence.map(|persistence| match persistence {
            Persistence::Permanent => "permanent".to_owned(),
            Persistence::Unlogged => "unlogged".to_owned(),
        });
        found.expect_text("kind", kind.as_ref(), Some(&is.kind));
        let count = u64::try_from(is.columns.len()).unwrap_or(u64::MAX);
        found.expect("column_count", self.column_count.as_ref(), &count);
        if let Some(wanted) = &self.columns {
            columns::compare(wanted, self.columns_only, &is.columns, found);
        }
        found.expect_text("owner", self.owner.as_ref(), Some(&is.owner));
        found.expect_text("persistence", persistence.as_ref(), Some(&is.persistence));
        found.expect("row_security", self.row_security.as_ref(), &is.row_security);
        found.expect(
            "force_row_security",
            self.force_row_security.as_ref(),
            &is.force_row_security,
        );
        if let Some(wanted) = &self.policies {
            policies::compare(wanted, &is.policies, found);
        }
        found.expect_text(
            "replica_identity",
            self.replica_identity.as_ref(),
            Some(&is.replica_identity),
        );
        found.expect_text(
            "access_method",
            self.access_method.as_ref(),
            is.access_method.as_deref(),
        );
        let tablespace = is.tablespace.as_deref().unwrap_or("default");
        found.expect_text("tablespace", self.tablespace.as_ref(), Some(tablespace));
        compare_named(found, "option", self.options.as_ref(), &is.options);
        self.compare_relatives(is, found);
        found.expect_text("of_type", self.of_type.as_ref(), is.of_type.as_deref());
        found.expect_text("server", self.server.as_ref(), is.server.as_deref());
        self.compare_foreign(&is.foreign_options, found);
        let told = Told::of(is);
        compare_named(found, "rule", self.rules.as_ref(), &told.rules);
        compare_named(found, "statistics", self.statistics.as_ref(), &told.statistics);
        let of_columns = self.column_statistics.as_ref();
        compare_named(found, "statistics of column", of_columns, &told.column_statistics);
        let of_columns = self.column_options.as_ref();
        compare_named(found, "options of column", of_columns, &told.column_options);
        let of_columns = self.column_comments.as_ref();
        compare_named(found, "comment of column", of_columns, &told.column_comments);
        found.expect_text("comment", self.comment.as_ref(), is.comment.as_deref());
        found.seen = Some(if count == 1 { "1 column".into() } else { format!("{count} columns") });
    }

    /// Its place among tables that inherit.
    fn compare_relatives(&self, is: &Table, found: &mut Comparison) {
        found.expect_text(
            "partition_key",
            self.partition_key.as_ref(),
            is.partition_key.as_deref(),
        );
        let mut bound = is.partition_bound.clone().unwrap_or_default();
        if is.detaching {
            bound.push_str(" (being detached)");
        }
        found.expect_text("partition_bound", self.partition_bound.as_ref(), Some(&bound));
        found.expect("inherits", self.inherits.as_ref(), &is.inherits);
        if let Some(wanted) = &self.children {
            let map = |names: &[String]| -> BTreeMap<String, String> {
                names.iter().map(|name| (name.clone(), "present".to_owned())).collect()
            };
            compare_named(found, "child", Some(&map(wanted)), &map(&is.children));
        }
    }

    fn compare_foreign(&self, seen: &BTreeMap<String, Content>, found: &mut Comparison) {
        let Some(wanted) = &self.foreign_options else { return };
        for (name, wanted) in wanted {
            let field = format!("foreign option {}", escape(name));
            let Some(is) = seen.get(name) else {
                let missing = Difference::new(field, "present", serde_json::Value::Null);
                found.differences.push(missing.changed(Change::Missing));
                continue;
            };
            found.differences.extend(is.differs(&field, &wanted.as_str().into()));
        }
        for (name, is) in seen.iter().filter(|(name, _)| !wanted.contains_key(*name)) {
            let field = format!("foreign option {}", escape(name));
            let digest = format!("{:?}", is.sha256);
            let unlisted = Difference::new(field, serde_json::Value::Null, digest);
            found.differences.push(unlisted.changed(Change::Unlisted));
        }
    }
}
