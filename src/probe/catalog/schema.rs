//! Everything that stands in a schema, class by class in one pipeline, each object as a block of text.
//!
//! Rows are handed over as they come and are not kept, so that a schema of any size costs little memory. The block of what
//! belongs to an extension is only its owner and a digest: the extension wrote it, not whoever wrote the schema. It is not
//! left out, because `ALTER EXTENSION … ADD` would then hide anything.

mod member;

use std::collections::BTreeMap;
use std::pin::Pin;

use super::Object as _;
use super::block::{self, Without};
use super::{
    Constraint, Function, Index, Other, Scope, Sequence, Table, Trigger, Type, View, behind,
    locked, why_blocked,
};
use crate::model::display::escape;
use crate::model::grant::Grant;
use crate::model::{Reason, RelationName, Unknown};
use crate::probe::postgres::{Fields, Param, Reading, Session};
use member::Member;

/// Every class, in the order of their questions. For the text of the first three a server process gets to know every table,
/// for that of the last ones none; where two share the work, one begins here and one there.
static CLASSES: &[Class] = &[
    Class::of::<Index>(),
    Class::of::<Constraint>(),
    Class::of::<Trigger>(),
    Class::of::<View>(),
    Class::of::<Sequence>(),
    Class::of::<Type>(),
    Class::of::<Other>(),
    Class::of::<Function>(),
    Class::of::<Grant>(),
    Class::of::<Table>(),
];

/// From how many relations and functions on a second connection is worth its while: below, the look is over before it is
/// there.
const LARGE: u64 = 2_000;

/// The class of which an object of this title is.
#[must_use]
pub fn class_of(title: &str) -> &'static str {
    let word = title.split(' ').next().unwrap_or_default();
    let named = CLASSES.iter().find(|class| class.name == word);
    named.map_or(Other::CLASS, |class| class.name)
}

/// What of a schema is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// Its name.
    pub schema: &'a str,
    /// Owners belong to what is compared.
    pub owners: bool,
    /// Comments belong to what is compared.
    pub comments: bool,
    /// Grants belong to what is compared.
    pub grants: bool,
}

/// One object.
#[derive(Debug, Clone, Copy)]
pub struct Block<'a> {
    /// Its title, the first line: `function public.f(text)`.
    pub title: &'a str,
    /// The whole of it, the title included.
    pub text: &'a str,
}

/// What came of the question.
#[derive(Debug)]
pub struct Contents<A> {
    /// By class: what was taken of its objects, or why nothing could be.
    pub classes: Vec<(&'static str, Result<A, Unknown>)>,
    /// Relations that somebody holds a lock on: what belongs to them could not be read.
    pub blocked: Blocked,
    /// Classes of which objects were left out behind a lock, and it cannot be said which.
    pub partial: Vec<&'static str>,
    /// How many objects belong to an extension.
    pub of_extensions: u64,
}

/// Which objects of a class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whose {
    /// Those that somebody made; of a class that cannot be asked apart, all.
    Own,
    /// Those that belong to an extension.
    Extensions,
}

/// A class of objects, with its type erased.
struct Class {
    name: &'static str,
    question: fn(&Scope, u32, Whose) -> String,
    /// Can it be asked apart for what belongs to extensions? Else each object says so itself.
    apart: bool,
    write: fn(Fields<'_>, &Asked<'_>, Whose, &mut String) -> Result<(), Unknown>,
    /// Can it be said of what is behind a lock, by the names of relations?
    named: bool,
    behind: for<'a> fn(&'a Session, &'a Scope, &'a [String]) -> Finding<'a>,
}

/// Relations, each with why nothing of it could be read.
pub type Blocked = BTreeMap<RelationName, Unknown>;
type Finding<'a> = Pin<Box<dyn Future<Output = Result<Blocked, Unknown>> + Send + 'a>>;

impl Class {
    const fn of<T: Member + 'static>() -> Self {
        Self {
            name: T::CLASS,
            question: question::<T>,
            apart: T::OWNED.is_some(),
            write: write::<T>,
            named: T::RELATION.is_some() || T::BENEATH.is_some(),
            behind: |session, scope, locked| Box::pin(stand_behind::<T>(session, scope, locked)),
        }
    }
}

/// The question for objects of a class, apart for those of extensions where the class can tell them apart.
fn question<T: Member>(scope: &Scope, version: u32, whose: Whose) -> String {
    let chosen = scope.condition::<T>();
    let Some((catalog, oid)) = T::OWNED else { return T::sql(&chosen, version) };
    let within = if whose == Whose::Own { "NOT IN" } else { "IN" };
    let condition = format!(
        "({chosen} AND {oid} {within} (SELECT x.objid FROM pg_catalog.pg_depend x \
         WHERE x.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass AND x.deptype = 'e' \
         AND x.classid = '{catalog}'::pg_catalog.regclass))"
    );
    T::sql(&condition, version)
}

/// The objects of a class that stand on locked relations, where others than their own count.
async fn stand_behind<T: Member>(
    session: &Session,
    scope: &Scope,
    locked: &[String],
) -> Result<Blocked, Unknown> {
    match T::BENEATH {
        Some(beneath) => behind::<T>(session, scope, &beneath, locked).await,
        None => Ok(Blocked::new()),
    }
}

/// Writes the block of one row.
fn write<T: Member>(
    row: Fields<'_>,
    asked: &Asked<'_>,
    whose: Whose,
    out: &mut String,
) -> Result<(), Unknown> {
    let object = T::read(&row)?;
    let title = object.title();
    let without = Without { titled: T::TITLED, owner: !asked.owners, comments: !asked.comments };
    let written = if whose == Whose::Extensions || object.of_extension() {
        block::write_condensed(&title, &object, without, out)
    } else {
        block::write(&title, &object, without, out)
    };
    written.map_err(|e| Unknown::new(Reason::NotSupported, format!("{}: {e}", escape(&title))))
}

/// Is there such a schema, how much in it belongs to extensions, and how many relations and functions has it?
const SCHEMA: &str = "SELECT (SELECT pg_catalog.count(*) FROM pg_catalog.pg_depend x \
    WHERE x.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass AND x.deptype = 'e' AND CASE x.classid \
    WHEN 'pg_catalog.pg_class'::pg_catalog.regclass \
        THEN EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = x.objid AND c.relnamespace = n.oid) \
    WHEN 'pg_catalog.pg_proc'::pg_catalog.regclass \
        THEN EXISTS (SELECT FROM pg_catalog.pg_proc p WHERE p.oid = x.objid AND p.pronamespace = n.oid) \
    WHEN 'pg_catalog.pg_type'::pg_catalog.regclass \
        THEN EXISTS (SELECT FROM pg_catalog.pg_type t WHERE t.oid = x.objid AND t.typnamespace = n.oid) \
    WHEN 'pg_catalog.pg_operator'::pg_catalog.regclass \
        THEN EXISTS (SELECT FROM pg_catalog.pg_operator o WHERE o.oid = x.objid AND o.oprnamespace = n.oid) \
    ELSE false END)::text, \
    ((SELECT pg_catalog.count(*) FROM pg_catalog.pg_class c WHERE c.relnamespace = n.oid) \
    + (SELECT pg_catalog.count(*) FROM pg_catalog.pg_proc p WHERE p.pronamespace = n.oid))::text \
    FROM pg_catalog.pg_namespace n WHERE n.nspname = $1";

/// Reads a schema; `None` when there is none of that name. `take` gets every object, and gathers by class what is worth
/// keeping of it; what it gathered of a question that failed counts for nothing.
///
/// # Errors
/// Why nothing at all could be read.
pub async fn read<A: Default + Send>(
    session: &Session,
    asked: &Asked<'_>,
    take: impl Fn(&mut A, Block<'_>) + Send + Sync,
) -> Result<Option<Contents<A>>, Unknown> {
    let mut there = session.ask(SCHEMA, &[Param::Text(asked.schema)]).await?;
    let Some(row) = there.pop() else { return Ok(None) };
    let malformed = || Unknown::new(Reason::Malformed, "the number of objects is no number");
    let counts: Vec<u64> = row.into_iter().flatten().filter_map(|n| n.parse().ok()).collect();
    let [of_extensions, members] = *counts.as_slice() else { return Err(malformed()) };
    let every = CLASSES.iter().filter(|class| asked.grants || class.name != Grant::CLASS);
    let every: Vec<Part> = match of_extensions {
        0 => every.map(|class| (class, Whose::Own)).collect(),
        _ => every
            .flat_map(|class| [(class, Whose::Own), (class, Whose::Extensions)])
            .filter(|(class, whose)| *whose == Whose::Own || class.apart)
            .collect(),
    };
    let scope = Scope::Schemas(vec![asked.schema.to_owned()]);
    let mut classes = if members < LARGE {
        classes(session, (asked, &scope), &every, (&[], Connections::One), &take).await
    } else {
        on_two(session, (asked, &scope), &every, &take).await
    };
    let behind_locks: Vec<usize> = classes
        .iter()
        .enumerate()
        .filter(|(_, (_, answer))| matches!(answer, Err(why) if why.reason == Reason::Locked))
        .map(|(at, _)| at)
        .collect();
    let (mut blocked, mut partial) = (Blocked::new(), Vec::new());
    if !behind_locks.is_empty() {
        let relations = locked(session).await?;
        let left_out: Vec<String> = relations.keys().cloned().collect();
        let in_schema = relations.into_values().filter(|(name, _)| name.schema == asked.schema);
        blocked = in_schema.map(why_blocked).collect();
        let again: Vec<Part> = behind_locks.iter().map(|at| every[*at]).collect();
        partial.extend(again.iter().filter(|(class, _)| !class.named).map(|(class, _)| class.name));
        partial.dedup();
        for (class, _) in &again {
            blocked.extend((class.behind)(session, &scope, &left_out).await?);
        }
        let on_one = (left_out.as_slice(), Connections::One);
        let answers = self::classes(session, (asked, &scope), &again, on_one, &take).await;
        for (at, answer) in behind_locks.into_iter().zip(answers) {
            classes[at] = answer;
        }
    }
    Ok(Some(Contents { classes, blocked, partial, of_extensions }))
}

/// How many may share the work.
#[derive(Debug, Clone, Copy)]
enum Connections {
    One,
    Two,
}

/// One question.
type Part = (&'static Class, Whose);

/// By class: what was taken of its objects, or why nothing could be.
type Taken<A> = Vec<(&'static str, Result<A, Unknown>)>;

/// Puts the questions of these classes to two connections, where there can be two. What the second one left unanswered
/// when it was lost is asked on the first.
async fn on_two<A: Default + Send>(
    session: &Session,
    about: (&Asked<'_>, &Scope),
    wanted: &[Part],
    take: &(impl Fn(&mut A, Block<'_>) + Send + Sync),
) -> Taken<A> {
    let mut taken = classes(session, about, wanted, (&[], Connections::Two), take).await;
    let unreachable = |answer: &Result<A, Unknown>| {
        answer.as_ref().is_err_and(|why| why.reason == Reason::Unreachable)
    };
    for (part, taken) in wanted.iter().zip(&mut taken) {
        if unreachable(&taken.1) {
            let again = classes(session, about, &[*part], (&[], Connections::One), take).await;
            // Of two such reasons the first one says what happened.
            if let Some(again) = again.into_iter().find(|(_, again)| !unreachable(again)) {
                *taken = again;
            }
        }
    }
    taken
}

/// Puts the questions of these classes at once.
async fn classes<A: Default + Send>(
    session: &Session,
    (asked, scope): (&Asked<'_>, &Scope),
    wanted: &[Part],
    (left_out, connections): (&[String], Connections),
    take: &(impl Fn(&mut A, Block<'_>) + Send + Sync),
) -> Taken<A> {
    let texts = scope.texts(left_out);
    let version = session.identity().version_number;
    let mut taken: Vec<A> = wanted.iter().map(|_| A::default()).collect();
    let readings = wanted.iter().zip(&mut taken).map(|((class, whose), taken)| {
        let params = texts.iter().map(|texts| Param::Texts(texts)).collect();
        let mut text = String::new();
        let sql = (class.question)(scope, version, *whose);
        let reading = Reading::new(sql, params, move |row| {
            text.clear();
            (class.write)(*row, asked, *whose, &mut text)?;
            if let Some((title, _)) = text.split_once('\n') {
                take(taken, Block { title, text: &text });
            }
            Ok(())
        });
        reading.alike()
    });
    let answers = match connections {
        Connections::One => session.read(readings.collect()).await,
        Connections::Two => session.read_long(readings.collect()).await,
    };
    let answers = answers.into_iter().zip(taken).map(|(answer, taken)| answer.map(|()| taken));
    wanted.iter().map(|(class, _)| class.name).zip(answers).collect()
}
