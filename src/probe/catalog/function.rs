//! Functions, procedures, aggregates and window functions.

use serde::{Deserialize, Serialize};

use super::Object;
use crate::model::Unknown;
use crate::probe::postgres::Fields;

/// A routine. Bodies are compared as they were written: PostgreSQL keeps the text of all but SQL-standard bodies.
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
    pub returns: Option<String>,
    /// Its language.
    pub language: String,
    /// Its owner.
    pub owner: String,
    /// Does it act with the rights of its owner?
    pub security_definer: bool,
    /// `immutable`, `stable` or `volatile`.
    pub volatility: String,
    /// `safe`, `restricted` or `unsafe`.
    pub parallel: String,
    /// Does it answer NULL when an argument is NULL?
    pub strict: bool,
    /// Does it keep its arguments to itself?
    pub leakproof: bool,
    /// The planner's cost, as PostgreSQL writes it.
    pub cost: String,
    /// The planner's number of rows, as PostgreSQL writes it.
    pub rows: String,
    /// Settings while it runs, as `search_path=pg_catalog, public`, sorted by name.
    pub settings: Vec<String>,
    /// The body, or for C the symbol.
    pub body: String,
    /// The library of a function in C.
    pub library: Option<String>,
    /// What PostgreSQL itself would write to create it again; `None` for an aggregate. The one column that does not belong
    /// to the snapshot: a change that was committed after it shows here.
    pub definition_md5: Option<String>,
    /// Its comment.
    pub comment: Option<String>,
}

impl Object for Function {
    const CLASS: &'static str = "function";
    const NAMED: (&'static str, &'static str) = ("n.nspname", "p.proname");

    fn sql(condition: &str, _version: u32) -> String {
        format!(
            "SELECT n.nspname::text, p.proname::text, pg_catalog.oidvectortypes(p.proargtypes), \
             pg_catalog.pg_get_function_arguments(p.oid), \
             CASE p.prokind WHEN 'f' THEN 'function' WHEN 'p' THEN 'procedure' WHEN 'a' THEN 'aggregate' ELSE 'window' END, \
             CASE WHEN p.prokind <> 'p' THEN pg_catalog.pg_get_function_result(p.oid) END, \
             l.lanname::text, pg_catalog.pg_get_userbyid(p.proowner)::text, p.prosecdef::text, \
             CASE p.provolatile WHEN 'i' THEN 'immutable' WHEN 's' THEN 'stable' ELSE 'volatile' END, \
             CASE p.proparallel WHEN 's' THEN 'safe' WHEN 'r' THEN 'restricted' ELSE 'unsafe' END, \
             p.proisstrict::text, p.proleakproof::text, p.procost::text, p.prorows::text, \
             pg_catalog.to_json(ARRAY(SELECT s FROM pg_catalog.unnest(p.proconfig) s ORDER BY s))::text, \
             CASE WHEN p.prosqlbody IS NULL THEN p.prosrc ELSE pg_catalog.pg_get_function_sqlbody(p.oid) END, \
             p.probin::text, \
             CASE WHEN p.prokind <> 'a' THEN pg_catalog.md5(pg_catalog.pg_get_functiondef(p.oid)) END, \
             pg_catalog.obj_description(p.oid, 'pg_proc') \
             FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace \
             JOIN pg_catalog.pg_language l ON l.oid = p.prolang \
             WHERE {condition} ORDER BY 1, 2, 3"
        )
    }

    fn read(row: &Fields<'_>) -> Result<Self, Unknown> {
        Ok(Self {
            schema: row.owned(0)?,
            name: row.owned(1)?,
            arguments: row.owned(2)?,
            signature: row.owned(3)?,
            kind: row.owned(4)?,
            returns: row.maybe(5)?.map(str::to_owned),
            language: row.owned(6)?,
            owner: row.owned(7)?,
            security_definer: row.flag(8)?,
            volatility: row.owned(9)?,
            parallel: row.owned(10)?,
            strict: row.flag(11)?,
            leakproof: row.flag(12)?,
            cost: row.owned(13)?,
            rows: row.owned(14)?,
            settings: row.json(15)?,
            body: row.owned(16)?,
            library: row.maybe(17)?.map(str::to_owned),
            definition_md5: row.maybe(18)?.map(str::to_owned),
            comment: row.maybe(19)?.map(str::to_owned),
        })
    }
}
