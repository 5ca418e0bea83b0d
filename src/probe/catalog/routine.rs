//! Which routines there are, and what the server itself would write to create one again.

use serde::{Deserialize, Serialize};

use super::{Object, function, is_default};
use crate::model::{Reason, RelationName, RoutineName, Unknown};
use crate::probe::postgres::{Fields, Reading, Session};

/// The most routines that are listed. PostgreSQL brings some 3,000 itself.
const LISTED_MAX: usize = 200_000;

/// A routine of a list. No text is written for it, so no lock stands in the way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Routine {
    /// Its name with the types of its arguments, as desired state writes it.
    pub name: String,
    /// `function`, `procedure`, `aggregate` or `window`.
    pub kind: String,
    /// Its language.
    pub language: String,
    /// Its owner.
    pub owner: String,
    /// Does it act with the rights of its owner?
    #[serde(default, skip_serializing_if = "is_default")]
    pub security_definer: bool,
    /// Did PostgreSQL bring it, or does it belong to an extension?
    #[serde(default, skip_serializing_if = "is_default")]
    pub supplied: bool,
}

/// Built-in routines have OIDs below 16384, before and after `pg_upgrade`. Temporary ones come and go with their session.
const ROUTINES: &str = "SELECT n.nspname::text, p.proname::text, pg_catalog.oidvectortypes(p.proargtypes), \
    CASE p.prokind WHEN 'f' THEN 'function' WHEN 'p' THEN 'procedure' WHEN 'a' THEN 'aggregate' ELSE 'window' END, \
    l.lanname::text, pg_catalog.pg_get_userbyid(p.proowner)::text, p.prosecdef::text, \
    (p.oid < 16384 OR EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e' \
        AND d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass))::text \
    FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace \
    JOIN pg_catalog.pg_language l ON l.oid = p.prolang WHERE n.nspname !~ '^pg_temp_'";

/// All routines of a database of which `wanted` says so, in the order of their names.
///
/// # Errors
/// Why there is no list.
pub async fn routines(
    session: &Session,
    wanted: impl Fn(&Routine) -> bool + Send + Sync,
) -> Result<Vec<Routine>, Unknown> {
    let (mut listed, mut seen) = (Vec::new(), 0);
    let reading = Reading::new(ROUTINES, Vec::new(), |row| {
        seen += 1;
        if seen > LISTED_MAX {
            let detail = format!("there are more than {LISTED_MAX} routines");
            return Err(Unknown::new(Reason::TooLarge, detail));
        }
        let name = RelationName { schema: row.owned(0)?, name: row.owned(1)? };
        let routine = Routine {
            name: RoutineName { name, arguments: row.owned(2)? }.to_string(),
            kind: row.owned(3)?,
            language: row.owned(4)?,
            owner: row.owned(5)?,
            security_definer: row.flag(6)?,
            supplied: row.flag(7)?,
        };
        if wanted(&routine) {
            listed.push(routine);
        }
        Ok(())
    });
    session.read(vec![reading]).await.into_iter().collect::<Result<(), Unknown>>()?;
    listed.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(listed)
}

/// The MD5 of what `pg_get_functiondef` writes, under the two search paths that people ask with.
///
/// Types are written without their schema where the search path leads to them, so the text depends on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Definition {
    /// Its schema and name.
    #[serde(skip)]
    pub routine: Option<RoutineName>,
    /// As `psql` has it, whose search path is `"$user", public`; `None` for an aggregate.
    pub usual: Option<String>,
    /// With an empty search path; `None` for an aggregate.
    pub bare: Option<String>,
}

impl Object for Definition {
    const CLASS: &'static str = "function";
    const NAMED: (&'static str, &'static str) = ("n.nspname", "p.proname");
    const ROW: Option<&'static str> = Some("p");

    fn unlocked() -> Option<String> {
        Some(function::unlocked())
    }

    /// Each column sets the search path that it is written with; `CASE` is what makes it do so first. The savepoint of the
    /// question takes it back.
    fn sql(condition: &str, _version: u32) -> String {
        let with = |path: &str, text: &str| {
            format!(
                "CASE WHEN pg_catalog.set_config('search_path', '{path}', true) IS NOT NULL THEN {text} END"
            )
        };
        let types = with("", "pg_catalog.oidvectortypes(p.proargtypes)");
        let digest = "CASE WHEN p.prokind <> 'a' THEN pg_catalog.md5(pg_catalog.pg_get_functiondef(p.oid)) END";
        let (usual, bare) = (with("public", digest), with("", digest));
        format!(
            "SELECT n.nspname::text, p.proname::text, {types}, {usual}, {bare} \
             FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace WHERE {condition}"
        )
    }

    fn read(row: &Fields<'_>) -> Result<Self, Unknown> {
        let name = RelationName { schema: row.owned(0)?, name: row.owned(1)? };
        let routine = Some(RoutineName { name, arguments: row.owned(2)? });
        let digest = |at| row.maybe(at).map(|text| text.map(str::to_owned));
        Ok(Self { routine, usual: digest(3)?, bare: digest(4)? })
    }
}
