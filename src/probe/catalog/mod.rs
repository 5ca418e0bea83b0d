//! Objects of a database as its catalogs have them, in words that two databases of one definition share.
//!
//! One file a class of objects. Each is read in one question from the columns of the catalogs, in the session's snapshot
//! and with an empty search path, so that every name stands with its schema. Nothing here holds an OID, a transaction id
//! or a node tree: those differ between databases that do not differ. What only the server can write as text (a default,
//! a check, a view) is written by the server in the same question.
//!
//! Writing such text takes a lock that a migration may hold. Then the objects behind that lock are left out and named
//! ([`Look::blocked`]), and all others are read.
//!
//! And the server writes such text of what is committed by then, whatever the snapshot says. So a row that somebody has
//! replaced since the snapshot is left out as well, before the question and after it ([`Object::ROW`]).

mod block;
mod column;
mod constraint;
mod event_trigger;
mod extension;
pub mod fingerprint;
mod function;
mod grant;
mod guard;
mod index;
mod membership;
mod options;
mod other;
mod publication;
mod role;
mod routine;
pub mod schema;
mod sequence;
mod setting;
mod table;
mod trigger;
mod types;
mod view;
mod whole;

use std::collections::BTreeMap;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::postgres::{Fields, Param, Reading, Session};
use crate::model::display::escape;
use crate::model::{Reason, RelationName, Unknown};
pub use column::Column;
pub use constraint::Constraint;
pub use event_trigger::EventTrigger;
pub use extension::Extension;
pub use fingerprint::Fingerprint;
pub use function::{AGGREGATE_KEYS, Function};
pub use grant::{Answer, Grants, Place, Probe, Range, Thing, effective, grants};
pub use guard::{
    Guard, GuardFunction, GuardNames, GuardOwner, GuardSchema, GuardTrigger, Pill, Power, guard,
};
pub use index::Index;
pub use membership::{Membership, Options};
pub use other::Other;
pub use publication::{Publication, Published, publications};
pub use role::{Owned, Role, owned};
pub use routine::{Definition, Routine, routines};
pub use sequence::Sequence;
pub use setting::{Setting, of_server, setting_types};
pub use table::{Policy, Rule, Statistics, Table};
pub use trigger::{ListedTrigger, Trigger, triggers};
pub use types::{Attribute, Check, Range as RangeType, Type};
pub use view::{Rule as ViewRule, View, ViewColumn};
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
    /// The alias of its row, where the server writes text of it: text of a row that was replaced since the snapshot would
    /// not belong to the other columns. The first two columns of the question are then those of [`Object::NAMED`].
    const ROW: Option<&'static str> = None;

    /// The question for a server of this version (such as 160013), with the condition that chooses the objects. All columns
    /// are text. In a stable order.
    fn sql(condition: &str, version: u32) -> String;

    /// The SQL condition that its text can be written without the relations whose OIDs are `$3`; `None` where no text is.
    #[must_use]
    fn unlocked() -> Option<String> {
        // A cast of the OID would hide it from the index, so the list is cast instead.
        match (Self::RELATION, Self::BENEATH) {
            (Some(relation), _) => Some(format!("{relation} <> ALL ($3::pg_catalog.oid[])")),
            // Without a lock nothing is left out, and the planner sees that nothing has to be followed.
            (None, Some(beneath)) => Some(format!(
                "($3::pg_catalog.oid[] = '{{}}' OR NOT {})",
                beneath.holds("$3::pg_catalog.oid[]")
            )),
            (None, None) => None,
        }
    }

    /// Reads one row.
    ///
    /// # Errors
    /// When it has another form; [`Reason::ChangedWhileReading`] when it went away meanwhile.
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
    /// What could not be read: relations on which somebody holds a lock, or on what they refer to (of a class with
    /// [`Object::BENEATH`] the objects themselves), and names of objects that changed meanwhile.
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
        let unlocked = T::unlocked();
        let unlocked = unlocked.as_deref().unwrap_or("$3::pg_catalog.text[] IS NOT NULL");
        format!("({} AND {unlocked})", self.chosen::<T>())
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

/// The SQL condition that a row of the snapshot has been replaced or deleted since, by a transaction that has committed.
///
/// The row that we see carries the id of whoever replaced it (`xmax`). Only one that had not ended when the snapshot was
/// taken counts; an older one was rolled back, or we would not see the row. `xmax` has 32 bits, and the status is asked by
/// 64: the others are those of the snapshot's own end, which is less than 2^31 away.
fn replaced(row: &str) -> String {
    format!(
        "CASE WHEN {row}.xmax::text = '0' THEN false ELSE (SELECT CASE WHEN x.id >= x.low \
         THEN pg_catalog.pg_xact_status(x.id::text::pg_catalog.xid8) = 'committed' ELSE false END FROM \
         (SELECT s.top + ((({row}.xmax::text::int8 - s.top + 2147483648) % 4294967296 + 4294967296) % 4294967296) \
         - 2147483648, s.low FROM (SELECT pg_catalog.pg_snapshot_xmax(now)::text::int8, \
         pg_catalog.pg_snapshot_xmin(now)::text::int8 FROM pg_catalog.pg_current_snapshot() AS now) AS s (top, low)) \
         AS x (id, low)) END"
    )
}

/// Reads the objects of a class.
///
/// # Errors
/// Why there is no answer for any of them.
pub async fn look<T: Object>(session: &Session, scope: &Scope) -> Result<Look<T>, Unknown> {
    let blocked = match read(session, scope, &[]).await {
        Err(why) if why.reason == Reason::Locked => locked(session).await?,
        answered => return answered,
    };
    // What lies beneath is followed from the objects themselves, so there only what is locked itself is left out.
    let is_left_out = |(name, lock): &Behind| T::BENEATH.is_none() || name == lock;
    let left_out: Vec<String> = blocked
        .iter()
        .filter(|(_, behind)| is_left_out(behind))
        .map(|(oid, _)| oid.clone())
        .collect();
    let mut look = read(session, scope, &left_out).await?;
    match T::BENEATH {
        Some(beneath) => {
            look.blocked.extend(behind::<T>(session, scope, &beneath, &left_out).await?);
        }
        None => look.blocked.extend(blocked.into_values().map(why_blocked)),
    }
    Ok(look)
}

/// Why nothing of this relation could be read.
fn why_blocked((name, lock): Behind) -> (RelationName, Unknown) {
    let detail = format!("a lock on {} is held, or waited for", escape(&lock.to_string()));
    (name, Unknown::new(Reason::Locked, detail))
}

async fn read<T: Object>(
    session: &Session,
    scope: &Scope,
    left_out: &[String],
) -> Result<Look<T>, Unknown> {
    let texts = scope.texts(left_out);
    let params = || texts.iter().map(|texts| Param::Texts(texts)).collect();
    let (condition, version) = (scope.condition::<T>(), session.identity().version_number);
    let (mut found, mut gone, mut changed) = (Vec::new(), Vec::new(), Vec::new());
    let mut readings = Vec::new();
    if let Some(row) = T::ROW {
        let replaced = replaced(row);
        let sql = T::sql(&format!("{condition} AND NOT ({replaced})"), version);
        readings.push(Reading::new(sql, params(), |row| {
            let name = named(*row)?;
            match T::read(row) {
                Err(why) if why.reason == Reason::ChangedWhileReading => gone.push(name),
                object => found.push((Some(name), object?)),
            }
            Ok(())
        }));
        // Once more, after the texts were written. The planner leaves out the columns that nobody asks for.
        let sql = T::sql(&format!("{condition} AND ({replaced})"), version);
        let sql = format!("SELECT q.schema, q.name FROM ({sql}) AS q (schema, name)");
        readings.push(Reading::new(sql, params(), |row| {
            changed.push(named(*row)?);
            Ok(())
        }));
    } else {
        readings.push(Reading::new(T::sql(&condition, version), params(), |row| {
            found.push((None, T::read(row)?));
            Ok(())
        }));
    }
    let readings = readings.into_iter().map(Reading::alike).collect();
    session.read(readings).await.into_iter().collect::<Result<(), Unknown>>()?;
    let why = |name: RelationName| {
        let detail = format!(
            "{} {} changed after the snapshot in which all else is read",
            T::CLASS,
            escape(&name.to_string())
        );
        (name, Unknown::new(Reason::ChangedWhileReading, detail))
    };
    let blocked: BTreeMap<RelationName, Unknown> =
        changed.into_iter().chain(gone).map(why).collect();
    found.retain(|(name, _)| name.as_ref().is_none_or(|name| !blocked.contains_key(name)));
    Ok(Look { found: found.into_iter().map(|(_, object)| object).collect(), blocked })
}

/// The first two columns.
fn named(row: Fields<'_>) -> Result<RelationName, Unknown> {
    Ok(RelationName { schema: row.owned(0)?, name: row.owned(1)? })
}

/// Of an object whose text the server cannot write any more.
fn gone() -> Unknown {
    Unknown::new(Reason::ChangedWhileReading, "it was dropped meanwhile")
}

/// Left out of what is stored where it says nothing: `false`, an empty list, no text.
fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
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
