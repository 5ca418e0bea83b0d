//! Objects of a database as its catalogs have them, in words that two databases of one definition share.
//!
//! One file a class of objects. Each is read in one question from the columns of the catalogs, in the session's snapshot
//! and with an empty search path, so that every name stands with its schema. Nothing here holds an OID, a transaction id
//! or a node tree: those differ between databases that do not differ. What only the server can write as text (a default,
//! a check, a view) is written by the server in the same question.
//!
//! Writing such text takes a lock that a migration may hold. Then the objects behind that lock are left out and named
//! ([`Look::blocked`]), and all others are read.

mod column;
mod constraint;
mod extension;
mod function;
mod index;
mod membership;
mod options;
mod publication;
mod role;
mod setting;
mod table;
mod whole;

use std::collections::BTreeMap;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::postgres::{Fields, Param, Reading, Session};
use crate::model::display::escape;
use crate::model::{Reason, RelationName, Unknown};
pub use column::Column;
pub use constraint::Constraint;
pub use extension::Extension;
pub use function::Function;
pub use index::Index;
pub use membership::{Membership, Options};
pub use publication::{Publication, Published, publications};
pub use role::{Owned, Role, owned};
pub use setting::{Setting, of_server};
pub use table::{Policy, Rule, Statistics, Table};
pub use whole::{Whole, all};

/// Which objects are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// All of these schemas.
    Schemas(Vec<String>),
    /// Those of these names in their schemas: of what belongs to a table, the tables' names.
    Names(Vec<RelationName>),
}

/// A class of objects.
pub trait Object: Serialize + DeserializeOwned + Send + Sized {
    /// What one of them is called, such as `function`.
    const CLASS: &'static str;
    /// The SQL expression of the schema's name that a [`Scope`] is about, and that of the name in it.
    const NAMED: (&'static str, &'static str);
    /// The SQL expression of the OID of the relation on which writing its text takes a lock; `None` where none does.
    const RELATION: Option<&'static str> = None;

    /// The question for a server of this version (such as 160013), with the condition that chooses the objects. All columns
    /// are text. In a stable order.
    fn sql(condition: &str, version: u32) -> String;

    /// Reads one row.
    ///
    /// # Errors
    /// When it has another form.
    fn read(row: &Fields<'_>) -> Result<Self, Unknown>;
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look<T> {
    /// The objects, in the order of the question.
    pub found: Vec<T>,
    /// Relations whose objects could not be read, because somebody holds a lock on them, or on what they refer to.
    pub blocked: BTreeMap<RelationName, Unknown>,
}

impl Scope {
    /// The parameters `$1` to `$3` of the condition: schemas, names, relations to leave out.
    fn texts(&self, left_out: &[String]) -> [Vec<String>; 3] {
        let (schemas, names) = match self {
            Self::Schemas(schemas) => (schemas.clone(), Vec::new()),
            Self::Names(names) => (
                names.iter().map(|name| name.schema.clone()).collect(),
                names.iter().map(|name| name.name.clone()).collect(),
            ),
        };
        [schemas, names, left_out.to_vec()]
    }

    /// The condition, made of constants alone: what is looked for travels as parameters.
    fn condition<T: Object>(&self) -> String {
        let (schema, name) = T::NAMED;
        let chosen = match self {
            Self::Schemas(_) => format!(
                "{schema} = ANY ($1::pg_catalog.name[]) AND $2::pg_catalog.text[] IS NOT NULL"
            ),
            Self::Names(_) => format!(
                "({schema}, {name}) IN (SELECT * FROM \
                 ROWS FROM (pg_catalog.unnest($1::pg_catalog.name[]), pg_catalog.unnest($2::pg_catalog.name[])))"
            ),
        };
        // A cast of the OID would hide it from the index, so the list is cast instead.
        let left_out = match T::RELATION {
            Some(relation) => format!("{relation} <> ALL ($3::pg_catalog.oid[])"),
            None => "$3::pg_catalog.text[] IS NOT NULL".to_owned(),
        };
        format!("({chosen} AND {left_out})")
    }
}

/// Reads the objects of a class.
///
/// # Errors
/// Why there is no answer for any of them.
pub async fn look<T: Object>(session: &Session, scope: &Scope) -> Result<Look<T>, Unknown> {
    let blocked = match read(session, scope, &[]).await {
        Err(why) if why.reason == Reason::Locked => locked(session).await?,
        answered => return answered.map(|found| Look { found, blocked: BTreeMap::new() }),
    };
    let left_out: Vec<String> = blocked.keys().cloned().collect();
    let found = read(session, scope, &left_out).await?;
    let why = |(name, lock): Behind| {
        let detail = format!("a lock on {} is held, or waited for", escape(&lock.to_string()));
        (name, Unknown::new(Reason::Locked, detail))
    };
    Ok(Look { found, blocked: blocked.into_values().map(why).collect() })
}

async fn read<T: Object>(
    session: &Session,
    scope: &Scope,
    left_out: &[String],
) -> Result<Vec<T>, Unknown> {
    let texts = scope.texts(left_out);
    let params = texts.iter().map(|texts| Param::Texts(texts)).collect();
    let sql = T::sql(&scope.condition::<T>(), session.identity().version_number);
    let mut found = Vec::new();
    let reading = Reading::new(sql, params, |row| {
        found.push(T::read(row)?);
        Ok(())
    });
    session.read(vec![reading]).await.into_iter().collect::<Result<(), Unknown>>()?;
    Ok(found)
}

/// Relations of this database on which another session has, or waits for, the lock that shuts everybody out. Who waits
/// for it shuts out whoever comes after. Writing a policy or a rule takes a lock on the relations that it names, and writing
/// a default one on those whose rows it takes apart: what those belong to is behind the same lock.
const LOCKED: &str = "WITH locked AS (SELECT DISTINCT c.oid, c.reltype, n.nspname, c.relname \
    FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_class c ON c.oid = l.relation \
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
    WHERE l.locktype = 'relation' AND l.mode = 'AccessExclusiveLock' \
    AND l.pid <> pg_catalog.pg_backend_pid() AND l.database = \
    (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database())) \
    SELECT oid::text, nspname::text, relname::text, nspname::text, relname::text FROM locked UNION \
    SELECT c.oid::text, n.nspname::text, c.relname::text, k.nspname::text, k.relname::text FROM locked k \
    JOIN pg_catalog.pg_depend d \
    ON d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = k.oid \
    OR d.refclassid = 'pg_catalog.pg_type'::pg_catalog.regclass AND d.refobjid = k.reltype \
    LEFT JOIN pg_catalog.pg_rewrite r \
    ON d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND r.oid = d.objid \
    LEFT JOIN pg_catalog.pg_policy p \
    ON d.classid = 'pg_catalog.pg_policy'::pg_catalog.regclass AND p.oid = d.objid \
    LEFT JOIN pg_catalog.pg_attrdef a ON d.refclassid = 'pg_catalog.pg_type'::pg_catalog.regclass \
    AND d.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass AND a.oid = d.objid \
    JOIN pg_catalog.pg_class c ON c.oid = coalesce(r.ev_class, p.polrelid, a.adrelid) \
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.oid NOT IN (SELECT oid FROM locked)";

/// A relation that cannot be read now, and the one that is locked.
type Behind = (RelationName, RelationName);

async fn locked(session: &Session) -> Result<BTreeMap<String, Behind>, Unknown> {
    let rows = session.ask(LOCKED, &[]).await?;
    let relation = |row: Vec<Option<String>>| {
        let [oid, schema, name, of, lock] = <[Option<String>; 5]>::try_from(row).ok()?;
        let lock = RelationName { schema: of?, name: lock? };
        Some((oid?, (RelationName { schema: schema?, name: name? }, lock)))
    };
    Ok(rows.into_iter().filter_map(relation).collect())
}
