//! `[pg_index."SCHEMA.NAME"]`: an index; which indexes there are.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::in_catalog::{self, InCatalog, Seen, compare_named, reaches};
use super::in_database::object_name;
use super::{Adopted, Adoption, Answers, Draft, Files, Kind, Named, Problem};
use crate::model::{Code, Comparison, MemberName, Reason, RelationName, Unknown, written};
use crate::probe::World;
use crate::probe::catalog::Index;

/// The table of an index.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PgIndex {
    /// The database, as in `[database.NAME]`.
    database: String,
    /// `false`: no index has this name. Default: true.
    #[serde(default = "super::presence::yes")]
    present: bool,
    /// Its table, as `schema.table`.
    table: Option<String>,
    /// The whole of it as PostgreSQL writes it: `CREATE INDEX unit_title ON public.unit USING btree (title)`.
    definition: Option<String>,
    /// May queries use it? `false` is what is left of a build that failed.
    valid: Option<bool>,
    /// Do writes keep it up to date?
    ready: Option<bool>,
    /// Does it refuse duplicates?
    unique: Option<bool>,
    /// Is one NULL a duplicate of another (PostgreSQL 15 and newer)?
    nulls_not_distinct: Option<bool>,
    /// Its access method, such as "btree".
    method: Option<String>,
    /// Its keys as they stand in its definition, with collation, operator class and order where they are not the usual
    /// ones: `["lower(title)", "created DESC"]`.
    columns: Option<Vec<String>>,
    /// The columns that it carries besides; `[]` is none.
    include: Option<Vec<String>>,
    /// Which rows are in it, as it stands in its definition: `(deleted IS NULL)`. "" is all.
    predicate: Option<String>,
    /// Its storage parameters: exactly these.
    options: Option<BTreeMap<String, String>>,
    /// Where it is stored; "default" is the tablespace of the database.
    tablespace: Option<String>,
    /// Does CLUSTER order its table by it?
    clustered: Option<bool>,
    /// Does it tell replicas which row was changed?
    replica_identity: Option<bool>,
    /// The name of the constraint that it keeps; "" is none.
    constraint: Option<String>,
    /// The index of a partitioned table that it is a part of, as `schema.name`; "" is none.
    parent: Option<String>,
    /// How much ANALYZE looks at, for keys (counted from 1) for which that was set: exactly these.
    statistics: Option<BTreeMap<String, i64>>,
    /// Its comment; "" is none.
    comment: Option<String>,
    /// For a name with a `*`: all indexes that it matches, as `schema.table.name`, and no others. `[]`: none.
    only: Option<Vec<String>>,
}

impl InCatalog for Index {
    fn key(&self) -> String {
        RelationName { schema: self.schema.clone(), name: self.name.clone() }.to_string()
    }

    fn entry(&self) -> String {
        MemberName { table: self.of_table(), name: self.name.clone() }.to_string()
    }

    fn about(&self) -> String {
        self.definition.clone()
    }

    fn check_entry(entry: &str) -> Result<(), String> {
        MemberName::parse(entry).map(drop)
    }

    /// An index lies in the schema of its table. Which table it is on is not known of one that was not read: a lock is one on
    /// the table, and what changed is the index.
    fn is_behind(key: &str, relation: &RelationName, why: Reason) -> bool {
        match RelationName::parse(key) {
            Ok(name) => name.schema == relation.schema,
            Err(_) if why == Reason::Locked => reaches(key, &format!("{relation}.")),
            Err(_) => reaches(key, &format!("{}.", written(&relation.schema))),
        }
    }
}

impl PgIndex {
    fn of_one(&self) -> [(&'static str, bool); 18] {
        [
            ("table", self.table.is_some()),
            ("definition", self.definition.is_some()),
            ("valid", self.valid.is_some()),
            ("ready", self.ready.is_some()),
            ("unique", self.unique.is_some()),
            ("nulls_not_distinct", self.nulls_not_distinct.is_some()),
            ("method", self.method.is_some()),
            ("columns", self.columns.is_some()),
            ("include", self.include.is_some()),
            ("predicate", self.predicate.is_some()),
            ("options", self.options.is_some()),
            ("tablespace", self.tablespace.is_some()),
            ("clustered", self.clustered.is_some()),
            ("replica_identity", self.replica_identity.is_some()),
            ("constraint", self.constraint.is_some()),
            ("parent", self.parent.is_some()),
            ("statistics", self.statistics.is_some()),
            ("comment", self.comment.is_some()),
        ]
    }

    fn compare(&self, is: &Index, found: &mut Comparison) {
        found.expect_text("table", self.table.as_ref(), Some(&is.of_table().to_string()));
        found.expect_text("definition", self.definition.as_ref(), Some(&is.definition));
        for (field, wanted, is) in [
            ("valid", self.valid, is.valid),
            ("ready", self.ready, is.ready),
            ("unique", self.unique, is.unique),
            ("nulls_not_distinct", self.nulls_not_distinct, is.nulls_not_distinct),
            ("clustered", self.clustered, is.clustered),
            ("replica_identity", self.replica_identity, is.replica_identity),
        ] {
            found.expect(field, wanted.as_ref(), &is);
        }
        found.expect_text("method", self.method.as_ref(), Some(&is.method));
        found.expect("columns", self.columns.as_ref(), &is.columns);
        found.expect("include", self.include.as_ref(), &is.include);
        found.expect_text("predicate", self.predicate.as_ref(), is.predicate.as_deref());
        compare_named(found, "option", self.options.as_ref(), &is.options);
        let tablespace = is.tablespace.as_deref().unwrap_or("default");
        found.expect_text("tablespace", self.tablespace.as_ref(), Some(tablespace));
        found.expect_text("constraint", self.constraint.as_ref(), is.constraint.as_deref());
        found.expect_text("parent", self.parent.as_ref(), is.parent.as_deref());
        compare_named(found, "statistics of key", self.statistics.as_ref(), &is.statistics);
        found.expect_text("comment", self.comment.as_ref(), is.comment.as_deref());
        let words = [(is.unique, "unique "), (!is.valid, "invalid ")];
        let words: String = words.iter().filter(|(is, _)| *is).map(|(_, word)| *word).collect();
        found.seen = Some(format!("{words}{}", is.method));
    }
}

impl Kind for PgIndex {
    const NAME: &'static str = "pg_index";
    const ABOUT: &'static str = "an index: definition, validity, storage; which indexes there are";
    const DOC: &'static str = include_str!("pg_index.md");
    const EXAMPLE: &'static str = r#"
[pg_index."public.information_unit_address"]
database = "directus"
definition = "CREATE UNIQUE INDEX information_unit_address ON public.information_unit USING btree (canonical_address)"
valid = true

[pg_index."public.unit_version_open"]
database = "directus"
table = "public.unit_version"
columns = ["unit", "created DESC"]
predicate = "(closed IS NULL)"

[pg_index."public.information_unit.*"]
database = "directus"
only = [
    "public.information_unit.information_unit_address",
    "public.information_unit.information_unit_pkey",
]
"#;
    const IN_DATABASE: bool = true;
    const ADOPT: Option<Adoption> = Some(Adoption {
        flag: "index",
        value: "PATTERN",
        help: "Indexes, as 'public.unit.*' for those of a table, and that there are no others",
        all: Some("*"),
    });
    type Observed = Seen<Index>;

    fn prepare(&mut self, name: &str, _files: &dyn Files, problems: &mut Vec<Problem>) {
        let name = object_name(name, &self.database);
        let wanted = (self.present, self.only.as_ref());
        in_catalog::check::<Index>(name, wanted, &self.of_one(), problems);
        let parent = self.parent.as_deref().filter(|parent| !parent.is_empty());
        for (key, relation) in [("table", self.table.as_deref()), ("parent", parent)] {
            if let Some(Err(why)) = relation.map(RelationName::parse) {
                problems.push(Problem::key(key, Code::WrongType, why));
            }
        }
    }

    fn database(&self) -> Option<&str> {
        Some(&self.database)
    }

    async fn observe_all(world: &World, wanted: &[Named<Self>]) -> Answers<Seen<Index>> {
        in_catalog::observe_all(world, wanted).await
    }

    async fn adopt(world: &World, asked: &str) -> Result<Adopted, Unknown> {
        in_catalog::adopt(world, asked, write).await
    }

    fn diff(&self, name: &str, seen: &Seen<Index>) -> Comparison {
        let name = object_name(name, &self.database);
        let wanted = (self.present, self.only.as_ref());
        let (mut found, one) = in_catalog::compare(name, wanted, seen);
        if let Some(one) = one {
            self.compare(one, &mut found);
        }
        found
    }
}

/// Its definition, and what that leaves out.
fn write(is: &Index, draft: Draft) -> Draft {
    let draft = draft
        .set("definition", is.definition.as_str())
        .set("valid", is.valid)
        .set("ready", (!is.ready).then_some(false))
        .set("tablespace", is.tablespace.clone())
        .set("clustered", is.clustered.then_some(true))
        .set("replica_identity", is.replica_identity.then_some(true))
        .set("constraint", is.constraint.clone())
        .set("parent", is.parent.clone());
    let statistics = (!is.statistics.is_empty()).then(|| json!(is.statistics));
    draft.set("statistics", statistics).set("comment", is.comment.clone())
}
