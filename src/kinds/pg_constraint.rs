//! `[pg_constraint."SCHEMA.TABLE.NAME"]`: a constraint of a table; which constraints there are.

use schemars::JsonSchema;
use serde::Deserialize;

use super::in_catalog::{self, InCatalog, Seen, reaches};
use super::in_database::object_name;
use super::{Adopted, Adoption, Answers, Draft, Files, Kind, Named, Problem};
use crate::model::{Code, Comparison, MemberName, Reason, RelationName, Unknown};
use crate::probe::World;
use crate::probe::catalog::Constraint;

/// The table of a constraint.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PgConstraint {
    /// The database, as in `[database.NAME]`.
    database: String,
    /// `false`: the table has no constraint of this name. Default: true.
    #[serde(default = "super::presence::yes")]
    present: bool,
    /// Its type.
    r#type: Option<Type>,
    /// The whole of it as PostgreSQL writes it: `FOREIGN KEY (unit) REFERENCES public.unit(id) ON DELETE CASCADE`.
    definition: Option<String>,
    /// Its columns in its order; of a check those that it mentions.
    columns: Option<Vec<String>>,
    /// The table that a foreign key refers to, as `schema.table`.
    references: Option<String>,
    /// The columns that it refers to.
    referenced_columns: Option<Vec<String>>,
    /// What follows from deleting a row that is referred to: "no action", "restrict", "cascade", "set null",
    /// "set default", the last two perhaps with columns, as in "set null (a)".
    on_delete: Option<String>,
    /// What follows from changing it.
    on_update: Option<String>,
    /// How a foreign key takes NULL in some of its columns.
    r#match: Option<Match>,
    /// Is it known to hold for every row? `false` is `NOT VALID`.
    validated: Option<bool>,
    /// Does it hold for what is written? Always true before PostgreSQL 18.
    enforced: Option<bool>,
    /// May a transaction put it off to its end?
    deferrable: Option<bool>,
    /// Is it put off unless somebody says otherwise?
    initially_deferred: Option<bool>,
    /// Does a check keep from the tables that inherit?
    no_inherit: Option<bool>,
    /// Its comment; "" is none.
    comment: Option<String>,
    /// For a name with a `*`: all constraints that it matches, as `schema.table.name`, and no others. `[]`: none.
    only: Option<Vec<String>>,
}

/// The type of a constraint.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
enum Type {
    /// The key of the table.
    #[serde(rename = "primary key")]
    PrimaryKey,
    /// No two rows have the same.
    #[serde(rename = "unique")]
    Unique,
    /// An expression that no row makes false.
    #[serde(rename = "check")]
    Check,
    /// A row of another table has it.
    #[serde(rename = "foreign key")]
    ForeignKey,
    /// No two rows collide.
    #[serde(rename = "exclude")]
    Exclude,
    /// A column has a value (by name from PostgreSQL 18 on).
    #[serde(rename = "not null")]
    NotNull,
}

/// How a foreign key takes NULL in some of its columns.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Match {
    /// Then the row refers to nothing.
    Simple,
    /// Then the row is refused.
    Full,
}

impl Type {
    const fn name(self) -> &'static str {
        match self {
            Self::PrimaryKey => "primary key",
            Self::Unique => "unique",
            Self::Check => "check",
            Self::ForeignKey => "foreign key",
            Self::Exclude => "exclude",
            Self::NotNull => "not null",
        }
    }
}

impl Match {
    const fn name(self) -> &'static str {
        match self {
            Self::Simple => "simple",
            Self::Full => "full",
        }
    }
}

impl InCatalog for Constraint {
    fn key(&self) -> String {
        MemberName { table: self.of_table(), name: self.name.clone() }.to_string()
    }

    fn about(&self) -> String {
        self.definition.clone()
    }

    /// A column that refuses NULL is the business of its table, and has a constraint of a name only from version 18 on.
    fn counts(&self) -> bool {
        self.kind != "not null"
    }

    fn is_adopted(&self) -> bool {
        self.counts()
    }

    fn asked(key: &str) -> Result<RelationName, String> {
        MemberName::parse(key).map(|name| name.table)
    }

    fn is_behind(key: &str, relation: &RelationName, _why: Reason) -> bool {
        match MemberName::parse(key) {
            Ok(name) => name.table == *relation,
            Err(_) => reaches(key, &format!("{relation}.")),
        }
    }
}

impl PgConstraint {
    fn of_one(&self) -> [(&'static str, bool); 14] {
        [
            ("type", self.r#type.is_some()),
            ("definition", self.definition.is_some()),
            ("columns", self.columns.is_some()),
            ("references", self.references.is_some()),
            ("referenced_columns", self.referenced_columns.is_some()),
            ("on_delete", self.on_delete.is_some()),
            ("on_update", self.on_update.is_some()),
            ("match", self.r#match.is_some()),
            ("validated", self.validated.is_some()),
            ("enforced", self.enforced.is_some()),
            ("deferrable", self.deferrable.is_some()),
            ("initially_deferred", self.initially_deferred.is_some()),
            ("no_inherit", self.no_inherit.is_some()),
            ("comment", self.comment.is_some()),
        ]
    }

    fn compare(&self, is: &Constraint, found: &mut Comparison) {
        let wanted = |name: Option<&'static str>| name.map(str::to_owned);
        found.expect_text("type", wanted(self.r#type.map(Type::name)).as_ref(), Some(&is.kind));
        found.expect_text("definition", self.definition.as_ref(), Some(&is.definition));
        found.expect("columns", self.columns.as_ref(), &is.columns);
        found.expect_text("references", self.references.as_ref(), is.references.as_deref());
        let columns = self.referenced_columns.as_ref();
        found.expect("referenced_columns", columns, &is.referenced_columns);
        found.expect_text("on_delete", self.on_delete.as_ref(), is.on_delete.as_deref());
        found.expect_text("on_update", self.on_update.as_ref(), is.on_update.as_deref());
        let matching = wanted(self.r#match.map(Match::name));
        found.expect_text("match", matching.as_ref(), is.matching.as_deref());
        for (field, wanted, is) in [
            ("validated", self.validated, is.validated),
            ("enforced", self.enforced, is.enforced),
            ("deferrable", self.deferrable, is.deferrable),
            ("initially_deferred", self.initially_deferred, is.initially_deferred),
            ("no_inherit", self.no_inherit, is.no_inherit),
        ] {
            found.expect(field, wanted.as_ref(), &is);
        }
        found.expect_text("comment", self.comment.as_ref(), is.comment.as_deref());
        found.seen = Some(is.kind.clone());
    }
}

impl Kind for PgConstraint {
    const NAME: &'static str = "pg_constraint";
    const ABOUT: &'static str =
        "a constraint of a table: type, definition, validity; which constraints there are";
    const DOC: &'static str = include_str!("pg_constraint.md");
    const EXAMPLE: &'static str = r#"
[pg_constraint."public.information_unit.information_unit_pkey"]
database = "directus"
type = "primary key"
definition = "PRIMARY KEY (id)"

[pg_constraint."public.unit_version.unit_version_unit_fkey"]
database = "directus"
columns = ["unit"]
references = "public.information_unit"
on_delete = "cascade"
validated = true

[pg_constraint."public.information_unit.*"]
database = "directus"
only = [
    "public.information_unit.information_unit_pkey",
    "public.information_unit.information_unit_title_check",
]
"#;
    const IN_DATABASE: bool = true;
    const ADOPT: Option<Adoption> = Some(Adoption {
        flag: "constraint",
        value: "PATTERN",
        help: "Constraints of tables, as 'public.unit.*', and that there are no others",
        all: Some("*"),
    });
    type Observed = Seen<Constraint>;

    fn prepare(&mut self, name: &str, _files: &dyn Files, problems: &mut Vec<Problem>) {
        let name = object_name(name, &self.database);
        let wanted = (self.present, self.only.as_ref());
        in_catalog::check::<Constraint>(name, wanted, &self.of_one(), problems);
        if let Some(Err(why)) = self.references.as_deref().map(RelationName::parse) {
            problems.push(Problem::key("references", Code::WrongType, why));
        }
    }

    fn database(&self) -> Option<&str> {
        Some(&self.database)
    }

    async fn observe_all(world: &World, wanted: &[Named<Self>]) -> Answers<Seen<Constraint>> {
        in_catalog::observe_all(world, wanted).await
    }

    async fn adopt(world: &World, asked: &str) -> Result<Adopted, Unknown> {
        in_catalog::adopt(world, asked, |is: &Constraint, draft: Draft| {
            let draft = draft.set("definition", is.definition.as_str());
            draft.set("comment", is.comment.clone())
        })
        .await
    }

    fn diff(&self, name: &str, seen: &Seen<Constraint>) -> Comparison {
        let name = object_name(name, &self.database);
        let wanted = (self.present, self.only.as_ref());
        let (mut found, one) = in_catalog::compare(name, wanted, seen);
        if let Some(one) = one {
            self.compare(one, &mut found);
        }
        found
    }
}
