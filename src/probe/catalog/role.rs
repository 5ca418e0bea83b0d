//! Roles, and what they own. Read from `pg_roles`, which has no password: `pg_authid` is never asked.

use serde::{Deserialize, Serialize};

use super::whole::{Whole, rows};
use crate::model::{Timestamp, Unknown};
use crate::probe::postgres::{Fields, Param, Session};

/// A role.
#[expect(clippy::struct_excessive_bools, reason = "a role has that many")]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Role {
    /// Its name.
    pub name: String,
    /// May it do everything?
    pub superuser: bool,
    /// May it create databases?
    pub createdb: bool,
    /// May it create and change roles?
    pub createrole: bool,
    /// May it replicate?
    pub replication: bool,
    /// Does row security pass it by?
    pub bypassrls: bool,
    /// May it log in?
    pub login: bool,
    /// Does it have the rights of the roles that it is a member of? Since PostgreSQL 16 what new memberships begin with.
    pub inherit: bool,
    /// How many connections it may have at once; -1 for any number.
    pub connection_limit: i32,
    /// Until when its password holds, in UTC; `None` and `infinity` for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<String>,
    /// Its comment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// Is it one of those that PostgreSQL brings along, such as `pg_monitor`?
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub predefined: bool,
}

impl Whole for Role {
    const CLASS: &'static str = "roles";

    fn sql(_version: u32) -> String {
        "SELECT r.rolname::text, r.rolsuper::text, r.rolcreatedb::text, r.rolcreaterole::text, r.rolreplication::text, \
         r.rolbypassrls::text, r.rolcanlogin::text, r.rolinherit::text, r.rolconnlimit::text, \
         CASE WHEN pg_catalog.isfinite(r.rolvaliduntil) \
         THEN pg_catalog.to_char(pg_catalog.timezone('UTC', r.rolvaliduntil), 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') \
         ELSE r.rolvaliduntil::text END, \
         pg_catalog.shobj_description(r.oid, 'pg_authid'), \
         (r.oid < 16384::pg_catalog.oid AND pg_catalog.starts_with(r.rolname::text, 'pg_'))::text \
         FROM pg_catalog.pg_roles r ORDER BY r.rolname"
            .to_owned()
    }

    fn read(row: &Fields<'_>) -> Result<Self, Unknown> {
        let instant =
            |text: &str| text.parse::<Timestamp>().map_or(text.to_owned(), |t| t.to_string());
        Ok(Self {
            name: row.owned(0)?,
            superuser: row.flag(1)?,
            createdb: row.flag(2)?,
            createrole: row.flag(3)?,
            replication: row.flag(4)?,
            bypassrls: row.flag(5)?,
            login: row.flag(6)?,
            inherit: row.flag(7)?,
            connection_limit: row.parsed(8)?,
            valid_until: row.maybe(9)?.map(instant),
            comment: row.maybe(10)?.map(str::to_owned),
            predefined: row.flag(11)?,
        })
    }
}

/// What a role owns: objects of this database, and those that all databases share.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owned {
    /// How many objects.
    pub count: u64,
    /// The first of them, as `table public.unit`.
    pub first: Vec<String>,
    /// Is it a role of `initdb`? What such a role owns PostgreSQL does not keep in full.
    pub pinned: bool,
}

/// How many of its objects a role names.
const NAMED_MAX: u32 = 10;

/// What these roles own, with their names.
///
/// # Errors
/// Why that could not be told, for any of them.
pub async fn owned(session: &Session, roles: &[String]) -> Result<Vec<(String, Owned)>, Unknown> {
    let sql = format!(
        "SELECT r.rolname::text, o.number::text, o.first::text, (r.oid < 16384::pg_catalog.oid)::text \
         FROM pg_catalog.pg_roles r CROSS JOIN LATERAL (\
           SELECT pg_catalog.count(*) AS number, coalesce(pg_catalog.json_agg(\
             coalesce(i.type || ' ' || i.identity, 'an object that was just removed') ORDER BY d.at) \
             FILTER (WHERE d.at <= {NAMED_MAX}), '[]') AS first \
           FROM (SELECT s.classid, s.objid, s.objsubid, \
               pg_catalog.row_number() OVER (ORDER BY s.dbid, s.classid, s.objid) AS at \
             FROM pg_catalog.pg_shdepend s WHERE s.refclassid = 'pg_catalog.pg_authid'::pg_catalog.regclass \
             AND s.refobjid = r.oid AND s.deptype = 'o' AND (s.dbid = 0::pg_catalog.oid OR s.dbid = \
               (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()))) d \
           LEFT JOIN LATERAL pg_catalog.pg_identify_object(d.classid, d.objid, d.objsubid) i \
             ON d.at <= {NAMED_MAX}) o \
         WHERE r.rolname = ANY ($1::pg_catalog.name[]) ORDER BY r.rolname"
    );
    rows(session, "roles", sql, vec![Param::Texts(roles)], |row| {
        let owned = Owned { count: row.parsed(1)?, first: row.json(2)?, pinned: row.flag(3)? };
        Ok((row.owned(0)?, owned))
    })
    .await
}
