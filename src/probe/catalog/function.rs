//! Functions, procedures, aggregates and window functions.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Object, is_default};
use crate::model::{Digest, Reason, RelationName, RoutineName, Unknown};
use crate::probe::postgres::Fields;

/// A routine. Its body is the text that was written; of an SQL-standard body (`BEGIN ATOMIC`) PostgreSQL keeps the meaning
/// alone, and writes it out in its own words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Function {
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// The types of its input arguments, which tell overloads apart: `uuid, text`.
    pub arguments: String,
    /// All arguments with modes, names and defaults, as `CREATE FUNCTION` writes them.
    pub signature: String,
    /// `function`, `procedure`, `aggregate` or `window`.
    pub kind: String,
    /// What it returns; `None` for a procedure.
    #[serde(default, skip_serializing_if = "is_default")]
    pub returns: Option<String>,
    /// Its language.
    pub language: String,
    /// Its owner.
    pub owner: String,
    /// Does it act with the rights of its owner?
    #[serde(default, skip_serializing_if = "is_default")]
    pub security_definer: bool,
    /// Settings while it runs, as `search_path=pg_catalog, public`, sorted.
    #[serde(default, skip_serializing_if = "is_default")]
    pub settings: Vec<String>,
    /// `immutable`, `stable` or `volatile`.
    pub volatility: String,
    /// `safe`, `restricted` or `unsafe`.
    pub parallel: String,
    /// Does it answer NULL when an argument is NULL?
    #[serde(default, skip_serializing_if = "is_default")]
    pub strict: bool,
    /// Does it keep its arguments to itself?
    #[serde(default, skip_serializing_if = "is_default")]
    pub leakproof: bool,
    /// The planner's cost, as PostgreSQL writes it.
    pub cost: String,
    /// The planner's number of rows, as PostgreSQL writes it.
    pub rows: String,
    /// The body, or for C the symbol; empty for an aggregate.
    #[serde(default, skip_serializing_if = "is_default")]
    pub body: String,
    /// The library of a function in C.
    #[serde(default, skip_serializing_if = "is_default")]
    pub library: Option<String>,
    /// What makes an aggregate, by the names of [`AGGREGATE_KEYS`]; what it does without is left out.
    #[serde(default, skip_serializing_if = "is_default")]
    pub aggregate: BTreeMap<String, String>,
    /// The planner's support function.
    #[serde(default, skip_serializing_if = "is_default")]
    pub support: Option<String>,
    /// The types that its language transforms, sorted.
    #[serde(default, skip_serializing_if = "is_default")]
    pub transforms: Vec<String>,
    /// The extension that it belongs to.
    #[serde(default, skip_serializing_if = "is_default")]
    pub extension: Option<String>,
    /// The extensions without which it goes away (`DEPENDS ON EXTENSION`), sorted.
    #[serde(default, skip_serializing_if = "is_default")]
    pub depends_on_extensions: Vec<String>,
    /// Its comment.
    #[serde(default, skip_serializing_if = "is_default")]
    pub comment: Option<String>,
    /// Its security labels, as `provider=label`, sorted.
    #[serde(default, skip_serializing_if = "is_default")]
    pub labels: Vec<String>,
}

/// What [`Function::aggregate`] may hold, each with the SQL expression of its text; NULL where there is none.
const AGGREGATE: [(&str, &str); 21] = [
    ("kind", "CASE a.aggkind WHEN 'o' THEN 'ordered-set' WHEN 'h' THEN 'hypothetical-set' END"),
    ("direct_arguments", "nullif(a.aggnumdirectargs, 0)::text"),
    ("state", "pg_catalog.format_type(a.aggtranstype, NULL)"),
    ("state_bytes", "nullif(a.aggtransspace, 0)::text"),
    ("transition", "a.aggtransfn"),
    ("initial", "a.agginitval"),
    ("final", "a.aggfinalfn"),
    ("final_extra", "CASE WHEN a.aggfinalextra THEN 'true' END"),
    ("final_modify", "a.aggfinalmodify"),
    ("combine", "a.aggcombinefn"),
    ("serialize", "a.aggserialfn"),
    ("deserialize", "a.aggdeserialfn"),
    ("sort_operator", "nullif(a.aggsortop::pg_catalog.regoperator::text, '0')"),
    (
        "moving_state",
        "CASE WHEN a.aggmtranstype <> 0 THEN pg_catalog.format_type(a.aggmtranstype, NULL) END",
    ),
    ("moving_state_bytes", "nullif(a.aggmtransspace, 0)::text"),
    ("moving_transition", "a.aggmtransfn"),
    ("moving_inverse", "a.aggminvtransfn"),
    ("moving_initial", "a.aggminitval"),
    ("moving_final", "a.aggmfinalfn"),
    ("moving_final_extra", "CASE WHEN a.aggmfinalextra THEN 'true' END"),
    ("moving_final_modify", "a.aggmfinalmodify"),
];

/// The names under which the parts of an aggregate stand.
pub static AGGREGATE_KEYS: [&str; AGGREGATE.len()] = {
    let mut keys = [""; AGGREGATE.len()];
    let mut at = 0;
    while at < keys.len() {
        keys[at] = AGGREGATE[at].0;
        at += 1;
    }
    keys
};

/// The parts of an aggregate as JSON without NULL. A function is named with its arguments; reading
/// its state only is what a final function does when nothing is said.
fn aggregate() -> String {
    let pair = |(key, sql): &(&str, &str)| {
        let sql = if key.ends_with("_modify") {
            format!("CASE {sql} WHEN 's' THEN 'shareable' WHEN 'w' THEN 'read_write' END")
        } else if sql.ends_with("fn") {
            format!("nullif({sql}::pg_catalog.regprocedure::text, '-')")
        } else {
            (*sql).to_owned()
        };
        format!("'{key}', {sql}")
    };
    let pairs: Vec<String> = AGGREGATE.iter().map(pair).collect();
    format!(
        "CASE WHEN p.prokind = 'a' THEN (SELECT pg_catalog.json_strip_nulls(pg_catalog.json_build_object({}))::text \
         FROM pg_catalog.pg_aggregate a WHERE a.aggfnoid = p.oid) END",
        pairs.join(", ")
    )
}

/// Does a routine depend on an extension at all? Few do, and the list of them is made once.
const OF_EXTENSIONS: &str = "p.oid IN (SELECT d.objid FROM pg_catalog.pg_depend d \
    WHERE d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass \
    AND d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass)";

/// The names of the extensions on which a routine depends in one way.
fn extensions(way: char) -> String {
    format!(
        "ARRAY(SELECT e.extname::text FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid \
         WHERE d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.objid = p.oid AND d.deptype = '{way}' \
         AND d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass ORDER BY e.extname)"
    )
}

/// Whether the text of a routine `p` can be written without locks on the relations `$3`: an SQL-standard body takes a lock
/// on each relation that it names, and depends on each.
pub(super) fn unlocked() -> String {
    "NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass \
     AND d.objid = p.oid AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass \
     AND d.refobjid = ANY ($3::pg_catalog.oid[]))"
        .to_owned()
}

impl Object for Function {
    const CLASS: &'static str = "function";
    const NAMED: (&'static str, &'static str) = ("n.nspname", "p.proname");
    const ROW: Option<&'static str> = Some("p");

    fn unlocked() -> Option<String> {
        Some(unlocked())
    }

    fn sql(condition: &str, version: u32) -> String {
        let standard = if version >= 140_000 {
            "WHEN p.prosqlbody IS NOT NULL THEN pg_catalog.pg_get_function_sqlbody(p.oid)"
        } else {
            ""
        };
        let (aggregate, member, depends) = (aggregate(), extensions('e'), extensions('x'));
        format!(
            "SELECT n.nspname::text, p.proname::text, pg_catalog.oidvectortypes(p.proargtypes), \
             pg_catalog.pg_get_function_arguments(p.oid), \
             CASE p.prokind WHEN 'f' THEN 'function' WHEN 'p' THEN 'procedure' WHEN 'a' THEN 'aggregate' ELSE 'window' END, \
             CASE WHEN p.prokind <> 'p' THEN pg_catalog.pg_get_function_result(p.oid) END, \
             l.lanname::text, pg_catalog.pg_get_userbyid(p.proowner)::text, p.prosecdef::text, \
             CASE WHEN p.proconfig IS NULL THEN '[]' ELSE \
                 pg_catalog.to_json(ARRAY(SELECT s FROM pg_catalog.unnest(p.proconfig) s \
                 ORDER BY s COLLATE pg_catalog.\"C\"))::text END, \
             CASE p.provolatile WHEN 'i' THEN 'immutable' WHEN 's' THEN 'stable' ELSE 'volatile' END, \
             CASE p.proparallel WHEN 's' THEN 'safe' WHEN 'r' THEN 'restricted' ELSE 'unsafe' END, \
             p.proisstrict::text, p.proleakproof::text, p.procost::text, p.prorows::text, \
             CASE WHEN p.prokind = 'a' THEN '' {standard} ELSE p.prosrc END, p.probin::text, {aggregate}, \
             nullif(p.prosupport::pg_catalog.regprocedure::text, '-'), \
             CASE WHEN p.protrftypes IS NULL THEN '[]' ELSE \
                 pg_catalog.to_json(ARRAY(SELECT pg_catalog.format_type(t, NULL) FROM pg_catalog.unnest(p.protrftypes) t \
                 ORDER BY pg_catalog.format_type(t, NULL) COLLATE pg_catalog.\"C\"))::text END, \
             CASE WHEN {OF_EXTENSIONS} THEN ({member})[1] END, \
             CASE WHEN {OF_EXTENSIONS} THEN pg_catalog.to_json({depends})::text ELSE '[]' END, \
             (SELECT o.description FROM pg_catalog.pg_description o WHERE o.objoid = p.oid AND o.objsubid = 0 \
                 AND o.classoid = 'pg_catalog.pg_proc'::pg_catalog.regclass), \
             CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_seclabel) THEN \
                 pg_catalog.to_json(ARRAY(SELECT s.provider || '=' || s.label FROM pg_catalog.pg_seclabel s \
                 WHERE s.classoid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND s.objoid = p.oid \
                 ORDER BY s.provider COLLATE pg_catalog.\"C\"))::text ELSE '[]' END \
             FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace \
             JOIN pg_catalog.pg_language l ON l.oid = p.prolang \
             WHERE {condition} ORDER BY n.nspname, p.proname, \
             pg_catalog.oidvectortypes(p.proargtypes) COLLATE pg_catalog.\"C\""
        )
    }

    fn read(row: &Fields<'_>) -> Result<Self, Unknown> {
        let maybe = |at| row.maybe(at).map(|text| text.map(str::to_owned));
        let kind = row.owned(4)?;
        let returns = maybe(5)?;
        // Of a routine that somebody dropped meanwhile the server writes nothing.
        let written = |text: Option<String>| {
            let gone = || Unknown::new(Reason::ChangedWhileReading, "it was dropped meanwhile");
            text.ok_or_else(gone)
        };
        if kind != "procedure" {
            written(returns.clone())?;
        }
        Ok(Self {
            schema: row.owned(0)?,
            name: row.owned(1)?,
            arguments: row.owned(2)?,
            signature: written(maybe(3)?)?,
            kind,
            returns,
            language: row.owned(6)?,
            owner: row.owned(7)?,
            security_definer: row.flag(8)?,
            settings: row.json(9)?,
            volatility: row.owned(10)?,
            parallel: row.owned(11)?,
            strict: row.flag(12)?,
            leakproof: row.flag(13)?,
            cost: row.owned(14)?,
            rows: row.owned(15)?,
            body: written(maybe(16)?)?,
            library: maybe(17)?,
            aggregate: if row.maybe(18)?.is_some() { row.json(18)? } else { BTreeMap::new() },
            support: maybe(19)?,
            transforms: row.json(20)?,
            extension: maybe(21)?,
            depends_on_extensions: row.json(22)?,
            comment: maybe(23)?,
            labels: row.json(24)?,
        })
    }
}

impl Function {
    /// The name under which desired state knows it.
    #[must_use]
    pub fn routine(&self) -> RoutineName {
        let name = RelationName { schema: self.schema.clone(), name: self.name.clone() };
        RoutineName { name, arguments: self.arguments.clone() }
    }

    /// Cuts the values of settings whose names speak of a secret down to their digests.
    pub fn hide_settings(&mut self, is_secret: impl Fn(&str) -> bool) {
        for setting in &mut self.settings {
            if let Some((name, value)) = setting.split_once('=')
                && is_secret(name)
            {
                *setting = format!("{name}={:?}", Digest::of(value.as_bytes()));
            }
        }
    }
}
