//! Settings that are written down in the cluster: for roles, for databases, and by `ALTER SYSTEM`.

use std::collections::BTreeMap;

use super::whole::{Whole, rows};
use crate::model::setting::SettingType;
use crate::model::{Reason, SettingName, SettingPlace, Unknown};
use crate::probe::postgres::{Fields, Param, Session};

/// A setting in its place, with the text that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Which one, and where.
    pub name: SettingName,
    /// Its value.
    pub value: String,
}

impl Whole for Setting {
    const CLASS: &'static str = "settings of roles and databases";

    /// Those of other databases are left out.
    fn sql(_version: u32) -> String {
        "SELECT (s.setdatabase <> 0::pg_catalog.oid)::text, \
         CASE WHEN s.setrole <> 0::pg_catalog.oid THEN pg_catalog.pg_get_userbyid(s.setrole)::text END, c.written \
         FROM pg_catalog.pg_db_role_setting s CROSS JOIN LATERAL pg_catalog.unnest(s.setconfig) AS c (written) \
         WHERE s.setdatabase = 0::pg_catalog.oid OR s.setdatabase = \
         (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()) \
         ORDER BY 1, 2, 3"
            .to_owned()
    }

    fn read(row: &Fields<'_>) -> Result<Self, Unknown> {
        let place = match (row.flag(0)?, row.maybe(1)?) {
            (false, None) => SettingPlace::AllRoles,
            (true, None) => SettingPlace::Database,
            (false, Some(role)) => SettingPlace::Role(role.to_owned()),
            (true, Some(role)) => SettingPlace::RoleInDatabase(role.to_owned()),
        };
        // A value can be a secret, so the text is not quoted here.
        let malformed = || Unknown::new(Reason::Malformed, "a setting is written without `=`");
        let (setting, value) = row.text(2)?.split_once('=').ok_or_else(malformed)?;
        let name = SettingName { setting: setting.to_lowercase(), place };
        Ok(Self { name, value: value.to_owned() })
    }
}

/// The file that `ALTER SYSTEM` writes, line by line; of a setting that stands there twice the last line counts.
const OF_SERVER: &str = "SELECT pg_catalog.lower(f.name), f.setting, f.sourceline::text \
    FROM pg_catalog.pg_file_settings f WHERE pg_catalog.right(f.sourcefile, 21) = '/postgresql.auto.conf' \
    ORDER BY f.seqno";

/// What `ALTER SYSTEM` wrote, as it stands in the file now: in effect or not yet.
///
/// # Errors
/// Mostly that the role may not read it: it is for superusers, and for those whom one grants it.
pub async fn of_server(session: &Session) -> Result<Vec<Setting>, Unknown> {
    let read = |row: &Fields<'_>| {
        let Some(setting) = row.maybe(0)? else {
            let line = row.maybe(2)?.unwrap_or("?");
            let detail = format!("line {line} of postgresql.auto.conf cannot be read");
            return Err(Unknown::new(Reason::Malformed, detail));
        };
        let name = SettingName { setting: setting.to_owned(), place: SettingPlace::Server };
        Ok(Setting { name, value: row.maybe(1)?.unwrap_or_default().to_owned() })
    };
    let found = rows(session, "settings", OF_SERVER.to_owned(), Vec::new(), read).await;
    found.map_err(|why| match why.reason {
        Reason::PermissionDenied => {
            let detail = "what ALTER SYSTEM wrote is for superusers: GRANT SELECT ON pg_file_settings and \
                          EXECUTE ON FUNCTION pg_show_all_file_settings() to the observer";
            Unknown::new(Reason::PermissionDenied, detail)
        }
        _ => why,
    })
}

/// Of which type the values are. What the role may not see is not listed here, nor what no loaded module brought.
const TYPES: &str = "SELECT pg_catalog.lower(s.name), s.vartype, s.unit, pg_catalog.to_json(s.enumvals)::text \
    FROM pg_catalog.pg_settings s WHERE pg_catalog.lower(s.name) = ANY ($1::pg_catalog.text[]) ORDER BY 1";

/// The types of these settings, as far as the server tells the role. One of another module is a text: whoever wrote it could
/// not know better.
///
/// # Errors
/// Why there is no answer.
pub async fn setting_types(
    session: &Session,
    names: &[String],
) -> Result<BTreeMap<String, SettingType>, Unknown> {
    let read = |row: &Fields<'_>| {
        let unit = row.maybe(2)?.map(str::to_owned);
        let of_type = match row.text(1)? {
            "bool" => SettingType::Bool,
            "integer" => SettingType::Integer { unit },
            "real" => SettingType::Real { unit },
            "enum" => SettingType::Enum { words: row.json(3)? },
            _ => SettingType::Text,
        };
        Ok((row.owned(0)?, of_type))
    };
    let params = vec![Param::Texts(names)];
    let listed = rows(session, "settings", TYPES.to_owned(), params, read).await?;
    let of_modules = names.iter().filter(|name| name.contains('.'));
    let of_modules = of_modules.map(|name| (name.clone(), SettingType::Text));
    Ok(of_modules.chain(listed).collect())
}
