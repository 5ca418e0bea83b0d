//! Views and materialized views.

use serde::{Deserialize, Serialize};

use super::{Beneath, Object};
use crate::model::Unknown;
use crate::probe::postgres::Fields;

/// A view. Triggers, indexes and grants on it are objects of their own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct View {
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// Are its rows stored?
    pub materialized: bool,
    /// Its columns, in their order.
    pub columns: Vec<ViewColumn>,
    /// Its query, as PostgreSQL writes it.
    pub definition: String,
    /// Its owner.
    pub owner: String,
    /// Its options, as `security_barrier=true`, sorted; those of its TOAST table as `toast.…`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
    /// Of a materialized view: was it ever filled? Until then nobody can read it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub populated: Option<bool>,
    /// The access method of a materialized view.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_method: Option<String>,
    /// The tablespace of a materialized view, where it is not the database's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tablespace: Option<String>,
    /// Its rules besides the one that makes it a view, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<Rule>,
    /// The extension that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extension: Option<String>,
    /// Its comment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

/// A column of a view.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ViewColumn {
    /// Its name.
    pub name: String,
    /// Its type, with its length or precision.
    #[serde(rename = "type")]
    pub of_type: String,
    /// Its collation, where it is not the one of its type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collation: Option<String>,
    /// What an INSERT through the view puts there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
    /// Its own options, as `n_distinct=5`, sorted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub options: Option<Vec<String>>,
    /// How a materialized view stores it, where that is not how its type is stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage: Option<String>,
    /// Its comment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

/// A rewrite rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// Its name.
    pub name: String,
    /// Its text, as PostgreSQL writes it.
    pub definition: String,
    /// When it applies: `origin`, `always`, `replica` or `disabled`.
    pub enabled: String,
    /// Its comment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

/// The view itself, what its rules refer to, and the tables whose row types stand behind types and functions in them:
/// each of those is locked while its text is written. (Older servers note of a function in FROM only the function itself.)
const RELATIONS: &str = "WITH RECURSIVE used (class, oid) AS (\
    (SELECT 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid, c.oid \
    UNION SELECT d.refclassid, d.refobjid FROM pg_catalog.pg_rewrite r JOIN pg_catalog.pg_depend d \
        ON d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND d.objid = r.oid WHERE r.ev_class = c.oid) \
    UNION SELECT d.refclassid, d.refobjid FROM used JOIN pg_catalog.pg_depend d ON d.classid = used.class AND d.objid = used.oid \
        WHERE used.class IN ('pg_catalog.pg_type'::pg_catalog.regclass, 'pg_catalog.pg_proc'::pg_catalog.regclass)) \
    SELECT used.oid FROM used WHERE used.class = 'pg_catalog.pg_class'::pg_catalog.regclass";

const FROM: &str = "pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace AND c.relkind IN ('v', 'm')";

const COLUMNS: &str = "SELECT pg_catalog.json_agg(pg_catalog.json_build_object(\
        'name', a.attname, 'type', pg_catalog.format_type(a.atttypid, a.atttypmod), \
        'collation', CASE WHEN a.attcollation <> t.typcollation THEN (SELECT pg_catalog.format('%I.%I', s.nspname, o.collname) \
            FROM pg_catalog.pg_collation o JOIN pg_catalog.pg_namespace s ON s.oid = o.collnamespace WHERE o.oid = a.attcollation) END, \
        'default', (SELECT pg_catalog.pg_get_expr(d.adbin, d.adrelid) FROM pg_catalog.pg_attrdef d \
            WHERE d.adrelid = c.oid AND d.adnum = a.attnum), \
        'options', (SELECT pg_catalog.array_agg(o ORDER BY o COLLATE pg_catalog.\"C\") FROM pg_catalog.unnest(a.attoptions) o), \
        'storage', CASE WHEN c.relkind = 'm' AND a.attstorage <> t.typstorage THEN a.attstorage::text END, \
        'comment', pg_catalog.col_description(c.oid, a.attnum)) ORDER BY a.attnum) \
    FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid \
    WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped";

const RULES: &str = "SELECT pg_catalog.json_agg(pg_catalog.json_build_object(\
        'name', r.rulename, 'definition', pg_catalog.pg_get_ruledef(r.oid), \
        'enabled', CASE r.ev_enabled WHEN 'O' THEN 'origin' WHEN 'A' THEN 'always' WHEN 'R' THEN 'replica' ELSE 'disabled' END, \
        'comment', pg_catalog.obj_description(r.oid, 'pg_rewrite')) ORDER BY r.rulename) \
    FROM pg_catalog.pg_rewrite r WHERE r.ev_class = c.oid AND r.rulename <> '_RETURN'";

const OPTIONS: &str = "SELECT pg_catalog.to_json(ARRAY(SELECT o.o FROM (\
        SELECT pg_catalog.unnest(c.reloptions) UNION ALL SELECT 'toast.' || pg_catalog.unnest(b.reloptions) \
        FROM pg_catalog.pg_class b WHERE b.oid = c.reltoastrelid) AS o (o) ORDER BY o.o COLLATE pg_catalog.\"C\"))::text";

impl Object for View {
    const CLASS: &'static str = "view";
    const NAMED: (&'static str, &'static str) = ("n.nspname", "c.relname");
    const BENEATH: Option<Beneath> = Some(Beneath { from: FROM, relations: RELATIONS });

    fn sql(condition: &str, _version: u32) -> String {
        format!(
            "SELECT n.nspname::text, c.relname::text, (c.relkind = 'm')::text, \
             COALESCE(({COLUMNS}), '[]')::text, pg_catalog.pg_get_viewdef(c.oid), \
             pg_catalog.pg_get_userbyid(c.relowner)::text, ({OPTIONS}), \
             CASE WHEN c.relkind = 'm' THEN pg_catalog.to_json(c.relispopulated) ELSE 'null' END::text, \
             m.amname::text, p.spcname::text, COALESCE(({RULES}), '[]')::text, {extension}, \
             pg_catalog.obj_description(c.oid, 'pg_class') \
             FROM {FROM} LEFT JOIN pg_catalog.pg_am m ON m.oid = c.relam \
             LEFT JOIN pg_catalog.pg_tablespace p ON p.oid = c.reltablespace \
             WHERE {condition} ORDER BY n.nspname, c.relname",
            extension = super::extension("pg_class", "c.oid"),
        )
    }

    fn read(row: &Fields<'_>) -> Result<Self, Unknown> {
        Ok(Self {
            schema: row.owned(0)?,
            name: row.owned(1)?,
            materialized: row.flag(2)?,
            columns: row.json(3)?,
            definition: row.owned(4)?,
            owner: row.owned(5)?,
            options: row.json(6)?,
            populated: row.json(7)?,
            access_method: row.maybe(8)?.map(str::to_owned),
            tablespace: row.maybe(9)?.map(str::to_owned),
            rules: row.json(10)?,
            extension: row.maybe(11)?.map(str::to_owned),
            comment: row.maybe(12)?.map(str::to_owned),
        })
    }
}
