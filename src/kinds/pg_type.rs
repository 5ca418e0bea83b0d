//! `[pg_type."SCHEMA.NAME"]`: an enum, domain, composite or range type.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::in_catalog::{self, Seen};
use super::in_database::object_name;
use super::in_order::{Item, check_once, check_typed, compare, typed};
use super::{Adopted, Adoption, Answers, Draft, Files, Kind, Named, Problem, presence};
use crate::model::display::escape;
use crate::model::{Code, Comparison, Difference, Unknown, written};
use crate::probe::World;
use crate::probe::catalog::Type;

/// The table of a type.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PgType {
    /// The database, as in `[database.NAME]`.
    database: String,
    /// Shall it exist? Default: true.
    #[serde(default = "presence::yes")]
    present: bool,
    /// For a name with a `*`: everything that it matches.
    only: Option<Vec<String>>,
    /// What it is.
    kind: Option<Sort>,
    /// The labels of an enum, all and in their order.
    labels: Option<Vec<String>>,
    /// The type under a domain, with its length or precision.
    base: Option<String>,
    /// Does a domain refuse NULL?
    not_null: Option<bool>,
    /// The default of a domain, as PostgreSQL writes it; "" for none.
    default: Option<String>,
    /// The collation of a domain or range with its schema, where it is not that of the type under it; "" for none.
    collation: Option<String>,
    /// All checks of a domain: their conditions, as PostgreSQL writes them, by name.
    checks: Option<BTreeMap<String, String>>,
    /// The attributes of a composite in their order, with their types, as in `street text`.
    attributes: Option<Vec<String>>,
    /// The type of the bounds of a range.
    subtype: Option<String>,
    /// The operator class that orders the bounds, with its schema.
    subtype_opclass: Option<String>,
    /// The function that says how far two bounds are apart; "" for none.
    subtype_diff: Option<String>,
    /// The function that brings a range into its one spelling; "" for none.
    canonical: Option<String>,
    /// The multirange type that comes with a range (PostgreSQL 14 and later).
    multirange: Option<String>,
    /// Its owner.
    owner: Option<String>,
    /// Its comment; "" for none.
    comment: Option<String>,
}

/// What a type is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Sort {
    Enum,
    Domain,
    Composite,
    Range,
    Base,
    Shell,
}

impl Sort {
    const fn word(self) -> &'static str {
        match self {
            Self::Enum => "enum",
            Self::Domain => "domain",
            Self::Composite => "composite",
            Self::Range => "range",
            Self::Base => "base",
            Self::Shell => "shell",
        }
    }
}

impl Kind for PgType {
    const NAME: &'static str = "pg_type";
    const ABOUT: &'static str = "an enum, domain, composite or range type of a database";
    const DOC: &'static str = "\
The key is `schema.type`, quoted as in SQL. Where two databases of a host have a type of one name, the database stands
before it: `[pg_type.\"shop:public.mood\"]`.

- An enum: `labels`, all and in their order.
- A domain: `base`, `not_null`, `default`, `collation`, `checks`. A check that is listed has to be validated: one that was added NOT VALID
  says nothing of the values that are there.
- A composite: `attributes`, each as `name type`.
- A range: `subtype`, `subtype_opclass`, `collation`, `canonical`, `subtype_diff`, `multirange`.

`kind` follows from these keys where it is not named. Types stand in PostgreSQL's words (`character varying(20)`), those of
other schemas than `pg_catalog` with their schema; expressions as PostgreSQL writes them: `adopt --type` writes both down.

The row types of tables and views, and the array types of everything, are no types of their own here. What a base type is
made of is compared by `pg_schema` only.

A name with a `*` closes a list: `[pg_type.\"public.*\"]` with `only`. Types of extensions count.
";
    const EXAMPLE: &'static str = r#"
[pg_type."public.unit_state"]
database = "directus"
labels = ["draft", "current", "retired"]
owner = "directus"

[pg_type."public.positive"]
database = "directus"
base = "integer"
not_null = true
checks = { positive_check = "(VALUE > 0)" }
"#;
    const IN_DATABASE: bool = true;
    const ADOPT: Option<Adoption> = Some(Adoption {
        flag: "type",
        value: "SCHEMA.TYPE",
        help: "A type, or all that a pattern matches, as in 'shop.*'",
        all: Some("*"),
    });
    type Observed = Seen<Type>;

    fn prepare(&mut self, name: &str, _files: &dyn Files, problems: &mut Vec<Problem>) {
        let keys = self.keys().map(|(key, set, _)| (key, set));
        let name = object_name(name, &self.database);
        let wanted = (self.present, self.only.as_ref());
        in_catalog::check::<Type>(name, wanted, &keys, problems);
        check_once("labels", self.labels.iter().flatten(), problems);
        check_typed("attributes", self.attributes.as_ref(), problems);
        let sorts = self.keys().into_iter().filter(|(_, set, sorts)| *set && !sorts.is_empty());
        let mut left: Option<(&str, Vec<Sort>)> = self.kind.map(|kind| ("kind", vec![kind]));
        for (key, _, sorts) in sorts {
            left = Some(match left {
                None => (key, sorts.to_vec()),
                Some((first, was)) => {
                    let both: Vec<Sort> =
                        was.iter().copied().filter(|sort| sorts.contains(sort)).collect();
                    if both.is_empty() {
                        let message = format!("no type has both `{first}` and `{key}`");
                        let message = match self.kind {
                            Some(kind) => {
                                format!("a type of kind `{}` has no `{key}`", kind.word())
                            }
                            None => message,
                        };
                        problems.push(Problem::key(key, Code::Contradiction, message));
                        return;
                    }
                    (first, both)
                }
            });
        }
        if let Some((_, sorts)) = left
            && let [sort] = sorts.as_slice()
        {
            self.kind = Some(*sort);
        }
    }

    fn database(&self) -> Option<&str> {
        Some(&self.database)
    }

    async fn observe_all(world: &World, wanted: &[Named<Self>]) -> Answers<Seen<Type>> {
        in_catalog::observe_all(world, wanted).await
    }

    async fn adopt(world: &World, asked: &str) -> Result<Adopted, Unknown> {
        in_catalog::adopt(world, asked, draft).await
    }

    fn diff(&self, name: &str, observed: &Seen<Type>) -> Comparison {
        let name = object_name(name, &self.database);
        let wanted = (self.present, self.only.as_ref());
        let (mut found, one) = in_catalog::compare(name, wanted, observed);
        if let Some(one) = one {
            self.compare(one, &mut found);
        }
        found
    }
}

impl PgType {
    /// The keys of one type, whether they are set, and which kinds of types have them; none named means all.
    fn keys(&self) -> [(&'static str, bool, &'static [Sort]); 15] {
        let domain: &[Sort] = &[Sort::Domain];
        let range: &[Sort] = &[Sort::Range];
        [
            ("kind", self.kind.is_some(), &[]),
            ("labels", self.labels.is_some(), &[Sort::Enum]),
            ("base", self.base.is_some(), domain),
            ("not_null", self.not_null.is_some(), domain),
            ("default", self.default.is_some(), domain),
            ("collation", self.collation.is_some(), &[Sort::Domain, Sort::Range]),
            ("checks", self.checks.is_some(), domain),
            ("attributes", self.attributes.is_some(), &[Sort::Composite]),
            ("subtype", self.subtype.is_some(), range),
            ("subtype_opclass", self.subtype_opclass.is_some(), range),
            ("subtype_diff", self.subtype_diff.is_some(), range),
            ("canonical", self.canonical.is_some(), range),
            ("multirange", self.multirange.is_some(), range),
            ("owner", self.owner.is_some(), &[]),
            ("comment", self.comment.is_some(), &[]),
        ]
    }

    fn compare(&self, is: &Type, found: &mut Comparison) {
        found.seen = Some(brief(is));
        found.expect_text("owner", self.owner.as_ref(), Some(&is.owner));
        found.expect_text("comment", self.comment.as_ref(), is.comment.as_ref());
        if let Some(wanted) = self.kind.map(Sort::word)
            && wanted != is.kind
        {
            // Nothing that was wanted of the one can be said of the other.
            return found.differences.push(Difference::new("kind", wanted, is.kind.clone()));
        }
        if let Some(labels) = &self.labels {
            compare("labels", &bare(labels), &bare(&is.labels), found);
        }
        found.expect_text("base", self.base.as_ref(), is.base.as_ref());
        found.expect("not_null", self.not_null.as_ref(), &is.not_null);
        found.expect_text("default", self.default.as_ref(), is.default.as_ref());
        self.compare_checks(is, found);
        if let Some(attributes) = &self.attributes {
            let wanted: Vec<Item> = attributes.iter().map(|text| typed(text)).collect();
            compare("attributes", &wanted, &attributes_of(is), found);
        }
        let range = is.range.as_ref();
        let collation = range.map_or(is.collation.as_ref(), |range| range.collation.as_ref());
        found.expect_text("collation", self.collation.as_ref(), collation);
        for (field, wanted, is) in [
            ("subtype", &self.subtype, range.map(|range| &range.subtype)),
            ("subtype_opclass", &self.subtype_opclass, range.map(|range| &range.subtype_opclass)),
            ("subtype_diff", &self.subtype_diff, range.and_then(|r| r.subtype_diff.as_ref())),
            ("canonical", &self.canonical, range.and_then(|range| range.canonical.as_ref())),
            ("multirange", &self.multirange, range.and_then(|range| range.multirange.as_ref())),
        ] {
            found.expect_text(field, wanted.as_ref(), is);
        }
    }

    fn compare_checks(&self, is: &Type, found: &mut Comparison) {
        let Some(wanted) = &self.checks else { return };
        let items: Vec<Item> = wanted.iter().map(|(n, text)| (n.clone(), text.clone())).collect();
        // By name on both sides: their order says nothing.
        let mut there: Vec<Item> =
            is.checks.iter().map(|check| (check.name.clone(), check.definition.clone())).collect();
        there.sort();
        compare("checks", &items, &there, found);
        for check in is.checks.iter().filter(|check| !check.validated) {
            if wanted.contains_key(&check.name) {
                let field = format!("checks.{}.validated", escape(&check.name));
                found.differences.push(Difference::new(field, true, false));
            }
        }
    }
}

fn bare(labels: &[String]) -> Vec<Item> {
    labels.iter().map(|label| (label.clone(), String::new())).collect()
}

fn attributes_of(is: &Type) -> Vec<Item> {
    let attributes = is.attributes.iter();
    attributes.map(|one| (written(&one.name).into_owned(), one.of_type.clone())).collect()
}

fn brief(is: &Type) -> String {
    match is.kind.as_str() {
        "enum" => format!("enum, {} labels", is.labels.len()),
        "composite" => format!("composite, {} attributes", is.attributes.len()),
        kind => kind.to_owned(),
    }
}

fn draft(is: &Type, draft: Draft) -> Draft {
    let of = |kind: &str| is.kind == kind;
    let checks: serde_json::Map<String, Value> = is
        .checks
        .iter()
        .map(|check| (check.name.clone(), check.definition.as_str().into()))
        .collect();
    let attributes: Vec<String> =
        attributes_of(is).into_iter().map(|(name, of_type)| format!("{name} {of_type}")).collect();
    let range = is.range.as_ref();
    let collation = range.map_or(is.collation.clone(), |range| range.collation.clone());
    let collation = collation.filter(|_| !of("range") || range.is_some());
    draft
        .set("kind", (of("base") || of("shell")).then_some(is.kind.as_str()))
        .set("labels", of("enum").then(|| is.labels.clone()))
        .set("base", is.base.clone())
        .set("not_null", of("domain").then_some(is.not_null))
        .set("default", is.default.clone().filter(|_| of("domain")))
        .set("checks", of("domain").then_some(Value::Object(checks)))
        .set("attributes", of("composite").then_some(attributes))
        .set("subtype", range.map(|range| range.subtype.clone()))
        .set("subtype_opclass", range.map(|range| range.subtype_opclass.clone()))
        .set("collation", collation.filter(|_| of("domain") || of("range")))
        .set("subtype_diff", range.and_then(|range| range.subtype_diff.clone()))
        .set("canonical", range.and_then(|range| range.canonical.clone()))
        .set("multirange", range.and_then(|range| range.multirange.clone()))
        .set("owner", is.owner.as_str())
        .set("comment", is.comment.clone())
}

#[cfg(test)]
mod tests;
