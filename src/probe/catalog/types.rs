//! Types: enums, domains, composites, ranges, and base types by their functions.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Object;
use crate::model::Unknown;
use crate::probe::postgres::Fields;

/// A type. The row types of tables and views, and the arrays and multiranges that come with a type, are left out: they say
/// nothing that those do not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Type {
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// `enum`, `domain`, `composite`, `range`, `base`, or `shell` for a name without a type.
    pub kind: String,
    /// The labels of an enum, in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
    /// The type under a domain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<String>,
    /// Does a domain refuse NULL?
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub not_null: bool,
    /// The default of a domain, or of a base type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
    /// The collation of a domain, where it is not the one of its base.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collation: Option<String>,
    /// The checks of a domain, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<Check>,
    /// The attributes of a composite, in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attributes: Vec<Attribute>,
    /// What a range is made of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<Range>,
    /// What a base type is made of, as `CREATE TYPE` names it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub made_of: BTreeMap<String, String>,
    /// Its owner.
    pub owner: String,
    /// The extension that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extension: Option<String>,
    /// Its comment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

/// A check of a domain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// Its name.
    pub name: String,
    /// Its condition, as PostgreSQL writes it.
    pub definition: String,
    /// Was it checked for the values that were there before it?
    pub validated: bool,
    /// Its comment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

/// An attribute of a composite type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attribute {
    /// Its name.
    pub name: String,
    /// Its type, with its length or precision.
    #[serde(rename = "type")]
    pub of_type: String,
    /// Its collation, where it is not the one of its type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collation: Option<String>,
    /// Its comment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

/// What a range is made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Range {
    /// The type of its bounds.
    pub subtype: String,
    /// The operator class that orders them, with its schema.
    pub subtype_opclass: String,
    /// The collation that orders them, with its schema.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collation: Option<String>,
    /// The function that brings a range into its one spelling.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canonical: Option<String>,
    /// The function that says how far two bounds are apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subtype_diff: Option<String>,
    /// The multirange type that comes with it (14 and later).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub multirange: Option<String>,
}

const LABELS: &str = "SELECT pg_catalog.to_json(ARRAY(SELECT e.enumlabel FROM pg_catalog.pg_enum e \
    WHERE e.enumtypid = t.oid ORDER BY e.enumsortorder))::text";

const CHECKS: &str = "SELECT pg_catalog.json_agg(pg_catalog.json_build_object(\
        'name', k.conname, 'definition', pg_catalog.pg_get_expr(k.conbin, 0), 'validated', k.convalidated, \
        'comment', pg_catalog.obj_description(k.oid, 'pg_constraint')) ORDER BY k.conname) \
    FROM pg_catalog.pg_constraint k WHERE k.contypid = t.oid AND k.contype = 'c'";

const ATTRIBUTES: &str = "SELECT pg_catalog.json_agg(pg_catalog.json_build_object(\
        'name', a.attname, 'type', pg_catalog.format_type(a.atttypid, a.atttypmod), \
        'collation', CASE WHEN a.attcollation <> y.typcollation THEN (SELECT pg_catalog.format('%I.%I', s.nspname, o.collname) \
            FROM pg_catalog.pg_collation o JOIN pg_catalog.pg_namespace s ON s.oid = o.collnamespace WHERE o.oid = a.attcollation) END, \
        'comment', pg_catalog.col_description(a.attrelid, a.attnum)) ORDER BY a.attnum) \
    FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type y ON y.oid = a.atttypid \
    WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped";

const MADE_OF: &str = "pg_catalog.json_build_object('input', t.typinput::text, 'output', t.typoutput::text, \
    'receive', t.typreceive::text, 'send', t.typsend::text, 'typmod_in', t.typmodin::text, 'typmod_out', t.typmodout::text, \
    'analyze', t.typanalyze::text, 'internallength', t.typlen::text, 'passedbyvalue', t.typbyval::text, \
    'alignment', t.typalign::text, 'storage', t.typstorage::text, 'category', t.typcategory::text, \
    'preferred', t.typispreferred::text, 'delimiter', t.typdelim::text, \
    'element', CASE WHEN t.typelem <> 0 THEN pg_catalog.format_type(t.typelem, NULL) ELSE '-' END, \
    'collatable', (t.typcollation <> 0)::text)::text";

/// What a range is made of; multiranges came with 14.
fn range(version: u32) -> String {
    let multirange = match version {
        140_000.. => "pg_catalog.format_type(r.rngmultitypid, NULL)",
        _ => "NULL",
    };
    format!(
        "SELECT pg_catalog.json_build_object('subtype', pg_catalog.format_type(r.rngsubtype, NULL), \
         'subtype_opclass', (SELECT pg_catalog.format('%I.%I', s.nspname, o.opcname) FROM pg_catalog.pg_opclass o \
             JOIN pg_catalog.pg_namespace s ON s.oid = o.opcnamespace WHERE o.oid = r.rngsubopc), \
         'collation', (SELECT pg_catalog.format('%I.%I', s.nspname, o.collname) FROM pg_catalog.pg_collation o \
             JOIN pg_catalog.pg_namespace s ON s.oid = o.collnamespace WHERE o.oid = r.rngcollation), \
         'canonical', NULLIF(r.rngcanonical::text, '-'), 'subtype_diff', NULLIF(r.rngsubdiff::text, '-'), \
         'multirange', {multirange}) FROM pg_catalog.pg_range r WHERE r.rngtypid = t.oid"
    )
}

impl Object for Type {
    const CLASS: &'static str = "type";
    const NAMED: (&'static str, &'static str) = ("n.nspname", "t.typname");

    fn sql(condition: &str, version: u32) -> String {
        format!(
            "SELECT n.nspname::text, t.typname::text, CASE WHEN NOT t.typisdefined THEN 'shell' ELSE CASE t.typtype \
                 WHEN 'e' THEN 'enum' WHEN 'd' THEN 'domain' WHEN 'c' THEN 'composite' WHEN 'r' THEN 'range' ELSE 'base' END END, \
             ({LABELS}), CASE WHEN t.typtype = 'd' THEN pg_catalog.format_type(t.typbasetype, t.typtypmod) END, \
             t.typnotnull::text, \
             CASE WHEN t.typdefaultbin IS NULL THEN t.typdefault ELSE pg_catalog.pg_get_expr(t.typdefaultbin, 0) END, \
             CASE WHEN t.typtype = 'd' AND t.typcollation <> b.typcollation THEN (SELECT pg_catalog.format('%I.%I', s.nspname, o.collname) \
                 FROM pg_catalog.pg_collation o JOIN pg_catalog.pg_namespace s ON s.oid = o.collnamespace WHERE o.oid = t.typcollation) END, \
             COALESCE(({CHECKS}), '[]')::text, COALESCE(({ATTRIBUTES}), '[]')::text, \
             COALESCE(({range}), 'null')::text, CASE WHEN t.typtype = 'b' AND t.typisdefined THEN {MADE_OF} ELSE '{{}}' END, \
             pg_catalog.pg_get_userbyid(t.typowner)::text, {extension}, pg_catalog.obj_description(t.oid, 'pg_type') \
             FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace \
             LEFT JOIN pg_catalog.pg_type b ON b.oid = t.typbasetype \
             WHERE (t.typtype IN ('e', 'd', 'r', 'b') OR (t.typtype = 'p' AND NOT t.typisdefined) OR EXISTS (SELECT \
                 FROM pg_catalog.pg_class c WHERE c.oid = t.typrelid AND c.relkind = 'c')) \
             AND NOT EXISTS (SELECT FROM pg_catalog.pg_type e WHERE e.oid = t.typelem AND e.typarray = t.oid) \
             AND {condition} ORDER BY n.nspname, t.typname",
            range = range(version),
            extension = super::extension("pg_type", "t.oid"),
        )
    }

    fn read(row: &Fields<'_>) -> Result<Self, Unknown> {
        let mut made_of: BTreeMap<String, String> = row.json(11)?;
        made_of.retain(|_, value| value != "-");
        Ok(Self {
            schema: row.owned(0)?,
            name: row.owned(1)?,
            kind: row.owned(2)?,
            labels: row.json(3)?,
            base: row.maybe(4)?.map(str::to_owned),
            not_null: row.flag(5)?,
            default: row.maybe(6)?.map(str::to_owned),
            collation: row.maybe(7)?.map(str::to_owned),
            checks: row.json(8)?,
            attributes: row.json(9)?,
            range: row.json(10)?,
            made_of,
            owner: row.owned(12)?,
            extension: row.maybe(13)?.map(str::to_owned),
            comment: row.maybe(14)?.map(str::to_owned),
        })
    }
}
