//! Objects of a database as its catalogs have them, in words that two databases of one definition share.
//!
//! One file a class of objects. Each is read in one question from the columns of the catalogs, in the session's snapshot
//! and with an empty search path, so that every name stands with its schema. Nothing here holds an OID, a transaction id
//! or a node tree: those differ between databases that do not differ. What only the server can write as text (a default,
//! a check, a view) is written by the server in the same question.
//!
//! Writing such text takes a lock that a migration may hold. Then the objects behind that lock are left out and named
//! ([`Look::blocked`]), and all others are read.

mod extension;
mod function;
mod membership;
mod other;
mod publication;
mod role;
mod sequence;
mod setting;
mod types;
mod view;
mod whole;

use std::collections::BTreeMap;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::postgres::{Fields, Param, Reading, Session};
use crate::model::display::escape;
use crate::model::{Reason, RelationName, Unknown};
pub use extension::Extension;
pub use function::Function;
pub use membership::{Membership, Options};
pub use other::Other;
pub use publication::{Publication, Published, publications};
pub use role::{Owned, Role, owned};
pub use sequence::Sequence;
pub use setting::{Setting, of_server};
pub use types::{Attribute, Check, Range, Type};
pub use view::{Rule, View, ViewColumn};
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
    /// Where writing its text takes locks on other relations than one of its own: on the tables under a view.
    const BENEATH: Option<Beneath> = None;

    /// The question for a server of this version (such as 160013), with the condition that chooses the objects. All columns
    /// are text. In a stable order.
    fn sql(condition: &str, version: u32) -> String;

    /// Reads one row.
    ///
    /// # Errors
    /// When it has another form.
    fn read(row: &Fields<'_>) -> Result<Self, Unknown>;
}

/// The relations on which writing the text of one object takes a lock.
#[derive(Debug, Clone, Copy)]
pub struct Beneath {
    /// The FROM clause that gives the names of [`Object::NAMED`] their meaning.
    pub from: &'static str,
    /// A query of the OIDs of those relations, for one row of it.
    pub relations: &'static str,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look<T> {
    /// The objects, in the order of the question.
    pub found: Vec<T>,
    /// Relations whose objects could not be read, because somebody holds a lock on them; of a class with
    /// [`Object::BENEATH`] the objects themselves.
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
        // A cast of the OID would hide it from the index, so the list is cast instead.
        let left_out = match (T::RELATION, T::BENEATH) {
            (Some(relation), _) => format!("{relation} <> ALL ($3::pg_catalog.oid[])"),
            // Without a lock nothing is left out, and the planner sees that nothing has to be followed.
            (None, Some(beneath)) => format!(
                "($3::pg_catalog.oid[] = '{{}}' OR NOT {})",
                beneath.holds("$3::pg_catalog.oid[]")
            ),
            (None, None) => "$3::pg_catalog.text[] IS NOT NULL".to_owned(),
        };
        format!("({} AND {left_out})", self.chosen::<T>())
    }

    fn chosen<T: Object>(&self) -> String {
        let (schema, name) = T::NAMED;
        match self {
            Self::Schemas(_) => format!(
                "{schema} = ANY ($1::pg_catalog.name[]) AND $2::pg_catalog.text[] IS NOT NULL"
            ),
            Self::Names(_) => format!(
                "({schema}, {name}) IN (SELECT * FROM \
                 ROWS FROM (pg_catalog.unnest($1::pg_catalog.name[]), pg_catalog.unnest($2::pg_catalog.name[])))"
            ),
        }
    }
}

impl Beneath {
    /// The condition that one of the relations is in this list.
    fn holds(&self, list: &str) -> String {
        format!(
            "EXISTS (SELECT FROM ({}) AS beneath (oid) WHERE beneath.oid = ANY ({list}))",
            self.relations
        )
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
    if let Some(beneath) = T::BENEATH {
        let blocked = behind::<T>(session, scope, &beneath, &left_out).await?;
        return Ok(Look { found, blocked });
    }
    let why = |name: RelationName| {
        let detail = format!("a lock on {} is held, or waited for", escape(&name.to_string()));
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
/// for it shuts out whoever comes after.
const LOCKED: &str = "SELECT DISTINCT c.oid::text, n.nspname::text, c.relname::text \
    FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_class c ON c.oid = l.relation \
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
    WHERE l.locktype = 'relation' AND l.mode = 'AccessExclusiveLock' \
    AND l.pid <> pg_catalog.pg_backend_pid() AND l.database = \
    (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database())";

async fn locked(session: &Session) -> Result<BTreeMap<String, RelationName>, Unknown> {
    let rows = session.ask(LOCKED, &[]).await?;
    let relation = |row: Vec<Option<String>>| {
        let [oid, schema, name] = <[Option<String>; 3]>::try_from(row).ok()?;
        Some((oid?, RelationName { schema: schema?, name: name? }))
    };
    Ok(rows.into_iter().filter_map(relation).collect())
}

/// The objects that stand on one of these relations.
async fn behind<T: Object>(
    session: &Session,
    scope: &Scope,
    beneath: &Beneath,
    locked: &[String],
) -> Result<BTreeMap<RelationName, Unknown>, Unknown> {
    let (schema, name) = T::NAMED;
    let sql = format!(
        "SELECT {schema}::text, {name}::text FROM {} WHERE {} AND {}",
        beneath.from,
        scope.chosen::<T>(),
        beneath.holds("$3::pg_catalog.oid[]")
    );
    let texts = scope.texts(locked);
    let params: Vec<Param<'_>> = texts.iter().map(|texts| Param::Texts(texts)).collect();
    let rows = session.ask(&sql, &params).await?;
    let blocked = |row: Vec<Option<String>>| {
        let [schema, name] = <[Option<String>; 2]>::try_from(row).ok()?;
        let detail = "a lock on it, or on a table that it reads, is held, or waited for";
        let why = Unknown::new(Reason::Locked, detail);
        Some((RelationName { schema: schema?, name: name? }, why))
    };
    Ok(rows.into_iter().filter_map(blocked).collect())
}

/// The SQL expression of the extension that an object of this catalog belongs to; NULL for none.
fn extension(catalog: &str, oid: &str) -> String {
    format!(
        "(SELECT e.extname::text FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid \
         WHERE d.classid = 'pg_catalog.{catalog}'::pg_catalog.regclass AND d.objid = {oid} AND d.objsubid = 0 \
         AND d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass AND d.deptype = 'e')"
    )
}
