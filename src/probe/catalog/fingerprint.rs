//! Has anything changed in the catalogs that describe a schema? One number a catalog, from the versions of its rows.
//!
//! Every statement that defines something writes a new version of a row, marked with its transaction. So the same rows in
//! the same versions are the same definitions. A number is a sum of 64-bit hashes with the count of rows: good against
//! chance, and against nobody who could choose transaction numbers. Statistics, which change of themselves, are left out,
//! and so is what the role may not read: passwords, and the options of user mappings and subscriptions.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::Unknown;
use crate::probe::postgres::{Reading, Session};

/// The catalogs of one snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprint(BTreeMap<String, String>);

/// Catalogs of PostgreSQL 13, with what tells their rows apart and, behind `WHERE`, which rows count.
const CATALOGS: &[(&str, &str, &str)] = &[
    ("pg_aggregate", "aggfnoid::pg_catalog.oid::int8", ""),
    ("pg_am", "oid::int8", ""),
    ("pg_amop", "oid::int8", ""),
    ("pg_amproc", "oid::int8", ""),
    ("pg_attrdef", "oid::int8", ""),
    ("pg_attribute", "attrelid::int8 * 65536 + attnum", " WHERE attnum > 0"),
    ("pg_auth_members", "roleid::int8 # (member::int8 << 31)", ""),
    ("pg_cast", "oid::int8", ""),
    // A temporary table of somebody's is nobody's schema.
    ("pg_class", "oid::int8", " WHERE relpersistence <> 't'"),
    ("pg_collation", "oid::int8", ""),
    ("pg_constraint", "oid::int8", ""),
    ("pg_conversion", "oid::int8", ""),
    ("pg_database", "oid::int8", ""),
    ("pg_db_role_setting", "setdatabase::int8 # (setrole::int8 << 31)", ""),
    ("pg_default_acl", "oid::int8", ""),
    // Plain dependencies follow from definitions; the others are statements of their own: OWNED BY, ADD to an extension.
    ("pg_depend", "objid::int8 # (refobjid::int8 << 31)", " WHERE deptype <> 'n'"),
    ("pg_description", "objoid::int8 * 65536 + objsubid", ""),
    ("pg_enum", "oid::int8", ""),
    ("pg_event_trigger", "oid::int8", ""),
    ("pg_extension", "oid::int8", ""),
    ("pg_foreign_data_wrapper", "oid::int8", ""),
    ("pg_foreign_server", "oid::int8", ""),
    ("pg_foreign_table", "ftrelid::int8", ""),
    ("pg_index", "indexrelid::int8", ""),
    ("pg_inherits", "inhrelid::int8 * 65536 + inhseqno", ""),
    ("pg_init_privs", "objoid::int8 * 65536 + objsubid", ""),
    ("pg_language", "oid::int8", ""),
    ("pg_namespace", "oid::int8", ""),
    ("pg_opclass", "oid::int8", ""),
    ("pg_operator", "oid::int8", ""),
    ("pg_opfamily", "oid::int8", ""),
    ("pg_partitioned_table", "partrelid::int8", ""),
    ("pg_policy", "oid::int8", ""),
    ("pg_proc", "oid::int8", ""),
    ("pg_publication", "oid::int8", ""),
    ("pg_publication_rel", "oid::int8", ""),
    ("pg_range", "rngtypid::int8", ""),
    ("pg_rewrite", "oid::int8", ""),
    ("pg_seclabel", "objoid::int8 * 65536 + objsubid", ""),
    ("pg_sequence", "seqrelid::int8", ""),
    ("pg_shdescription", "objoid::int8", ""),
    ("pg_statistic_ext", "oid::int8", ""),
    ("pg_tablespace", "oid::int8", ""),
    ("pg_transform", "oid::int8", ""),
    ("pg_trigger", "oid::int8", ""),
    ("pg_ts_config", "oid::int8", ""),
    ("pg_ts_config_map", "mapcfg::int8 * 65536 + maptokentype * 256 + mapseqno", ""),
    ("pg_ts_dict", "oid::int8", ""),
    ("pg_ts_parser", "oid::int8", ""),
    ("pg_ts_template", "oid::int8", ""),
    ("pg_type", "oid::int8", ""),
];

/// Those that came with version 15.
const SINCE_15: &[(&str, &str, &str)] =
    &[("pg_parameter_acl", "oid::int8", ""), ("pg_publication_namespace", "oid::int8", "")];

/// The view of roles shows no version of a row, so its text counts. It has no passwords.
const ROLES: &str = "SELECT 'pg_roles', pg_catalog.concat(pg_catalog.count(*), ' ', \
    pg_catalog.sum(pg_catalog.hashtextextended(r::text, 0))) FROM pg_catalog.pg_roles r";

fn question(version: u32) -> String {
    let since_15 = if version >= 150_000 { SINCE_15 } else { &[] };
    let of_catalog = |(catalog, key, rows): &(&str, &str, &str)| {
        format!(
            "SELECT '{catalog}', pg_catalog.concat(pg_catalog.count(*), ' ', \
             pg_catalog.sum(pg_catalog.hashint8extended({key}, xmin::text::int8))) \
             FROM pg_catalog.{catalog}{rows} UNION ALL "
        )
    };
    let mut sql: String = CATALOGS.iter().chain(since_15).map(of_catalog).collect();
    sql.push_str(ROLES);
    sql
}

impl Fingerprint {
    /// The fingerprint of the session's snapshot.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn of(session: &Session) -> Result<Self, Unknown> {
        let mut numbers = BTreeMap::new();
        let sql = question(session.identity().version_number);
        let reading = Reading::new(sql, Vec::new(), |row| {
            numbers.insert(row.owned(0)?, row.owned(1)?);
            Ok(())
        });
        session.read(vec![reading.of_rows()]).await.into_iter().collect::<Result<(), Unknown>>()?;
        Ok(Self(numbers))
    }

    /// The catalogs in which another fingerprint differs.
    #[must_use]
    pub fn changed(&self, other: &Self) -> Vec<&str> {
        let differs =
            |(catalog, number): &(&String, &String)| other.0.get(*catalog) != Some(number);
        self.0.iter().filter(differs).map(|(catalog, _)| catalog.as_str()).collect()
    }
}

/// Which transactions the session's snapshot sees. While two snapshots of a primary say the same, no transaction that
/// could change anything has ended between them. A standby does not name those under way, so there it says nothing.
///
/// # Errors
/// Why there is no answer.
pub async fn transactions(session: &Session) -> Result<Option<String>, Unknown> {
    if session.identity().standby {
        return Ok(None);
    }
    let rows = session.ask("SELECT pg_catalog.pg_current_snapshot()::text", &[]).await?;
    Ok(rows.into_iter().flatten().flatten().next())
}
