//! `[pg_function."SCHEMA.NAME(TYPES)"]`: a function, procedure or aggregate, attribute by attribute or as a pin of all.
//!
//! The body is read and shown: it is a part of the schema and no secret. A setting whose name speaks of one is cut down to
//! its digest when it is observed.

mod adopt;
mod compare;
mod expected;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::closed::{self, is_pattern, matches};
use super::in_database::{ask_each, object_name, object_of};
use super::secretive::is_secretive;
use super::{Adopted, Adoption, Answers, Files, Kind, Named, Problem};
use crate::model::display::escape;
use crate::model::{Comparison, Digest, Reason, RelationName, RoutineName, Unknown};
use crate::probe::World;
use crate::probe::catalog::{Definition, Function, Look, Routine, Scope, look, routines};
use crate::probe::postgres::Session;
use expected::{Parallel, RoutineKind, Volatility};

/// The table of a function.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PgFunction {
    /// The database, as in `[database.NAME]`.
    database: String,
    /// `false`: there is no such function. Default: true.
    #[serde(default = "super::presence::yes")]
    present: bool,
    /// What it is.
    kind: Option<RoutineKind>,
    /// All its arguments with names, modes and defaults, as PostgreSQL writes them with an empty search path, such as
    /// `p_title text, p_parent uuid DEFAULT NULL::uuid`.
    signature: Option<String>,
    /// What it returns, as PostgreSQL writes it: "jsonb", "SETOF public.unit"; "" for a procedure.
    returns: Option<String>,
    /// Its language.
    language: Option<String>,
    /// Its owner.
    owner: Option<String>,
    /// Does it act with the rights of its owner? With a pattern and `only`, `true`: the list is of those alone.
    security_definer: Option<bool>,
    /// All settings while it runs, each as PostgreSQL stores it: `{ search_path = "pg_catalog, public" }`. `{}`: none. An
    /// empty search path is stored as `""`, with its quotes.
    settings: Option<BTreeMap<String, String>>,
    /// What the planner may take for granted of its answers.
    volatility: Option<Volatility>,
    /// Whether it may run beside the process of the session.
    parallel: Option<Parallel>,
    /// Does it answer NULL when an argument is NULL?
    strict: Option<bool>,
    /// Does it keep its arguments to itself?
    leakproof: Option<bool>,
    /// The planner's cost.
    cost: Option<f64>,
    /// The planner's number of rows.
    rows: Option<f64>,
    /// The body, exactly as between the quotes of `CREATE FUNCTION`. Excludes `body_file` and `body_sha256`.
    body: Option<String>,
    /// A file of desired state with the body, such as "sql/fn.sql". A newline at its end may be one more than in the body.
    /// Excludes `body` and `body_sha256`.
    body_file: Option<String>,
    /// The SHA-256 of the body. Excludes `body` and `body_file`.
    body_sha256: Option<Digest>,
    /// The MD5 of what `pg_get_functiondef` writes: 32 hex digits.
    definition_md5: Option<String>,
    /// A digest of everything that decides what it does, as a difference of `pin` shows it: "1:" and 64 hex digits.
    pin: Option<String>,
    /// The library of a function in C, as `AS` names it.
    library: Option<String>,
    /// Parts of an aggregate, each as PostgreSQL writes it: `{ transition = "int4pl(integer,integer)", initial = "0" }`.
    /// "" where it has none.
    aggregate: Option<BTreeMap<String, String>>,
    /// The planner's support function; "" for none.
    support: Option<String>,
    /// The extension that it belongs to; "" for none.
    extension: Option<String>,
    /// Its comment; "" for none.
    comment: Option<String>,
    /// With a pattern as the key: all routines that it matches, each as its own key would be.
    only: Option<Vec<String>>,
    /// The text of `body` or `body_file`.
    #[serde(skip)]
    text: Option<String>,
}

/// What was seen.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Seen {
    Absent,
    One(Box<Found>),
    /// Of a pattern.
    List(Vec<Routine>),
}

/// A function that is there.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Found {
    function: Function,
    /// Asked only where the table says something about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    definition: Option<Result<Definition, Unknown>>,
}

impl Kind for PgFunction {
    const NAME: &'static str = "pg_function";
    const ABOUT: &'static str =
        "a function, procedure or aggregate: body, rights, settings, attributes, or a pin";
    const DOC: &'static str = "\
The key is the name with its schema and the types of its input arguments, which tell overloads apart, as PostgreSQL prints
them with an empty search path: `public.fn_iu_create(text, text, uuid)`. Names that are not plain lower case stand in double
quotes. Without other keys the function must exist.

A body that differs is shown by its lines. It is compared as it was written; of an SQL-standard body (`BEGIN ATOMIC`)
PostgreSQL keeps the meaning alone, so that is compared as it writes it out. `body_file` keeps it in a file beside the
table.

Three digests pin more at once:

- `pin` is a digest of format 1: kind, signature, result, language, body, library, SECURITY DEFINER, volatility,
  strictness, parallel safety, owner, settings, and the parts of an aggregate. It is the same in every database and under every version of PostgreSQL; of an
  SQL-standard body under one major version. Cost, rows, comment and grants are not in it. Write `pin = \"1:\"` with 64
  zeros to see it.
- `definition_md5` is `md5(pg_get_functiondef(oid))`, as other tools pin functions. The owner is not in it. Types of `public`
  are written with or without their schema by the search path of whoever asks; the digest may be of either text.
- `body_sha256` is of the body alone.

A key with a `*` is a closed list of what matches `schema.name(types)`: `only` names all of them, so an overload that
somebody adds is found. What PostgreSQL brought or an extension owns is left out, and whoever owns an extension can make a
function its member (`ALTER EXTENSION … ADD`): `pg_schema` lists those as well, each with owner and digest, and
`[pg_schema.pg_catalog]` pins what PostgreSQL brought. With
`security_definer = true` the list is of all functions with the rights of their owners, and nothing is left out:
`[pg_function.\"*\"] security_definer = true, only = [...]`. What is in a schema for temporary objects is never listed.

PostgreSQL writes signatures, definitions and SQL-standard bodies as they are by then, not as they were in the snapshot. A
function that was changed in between is Unknown (`changed_while_reading`). An SQL-standard body over a table that a
migration holds is Unknown (`locked`); nothing else waits.

Every role may read all of this. A setting whose name speaks of a secret (`password`, `token`, …) is compared and shown as a
digest.";
    const EXAMPLE: &'static str = r#"
[pg_function."public.fn_iu_create(text, text, uuid)"]
database = "directus"
owner = "directus"
security_definer = true
settings = { search_path = "pg_catalog, public" }
definition_md5 = "dcade99af1ef096892748c9f14082e11"

[pg_function."public.fn_iu_*"]
database = "directus"
only = ["public.fn_iu_create(text, text, uuid)"]
"#;
    const IN_DATABASE: bool = true;
    const ADOPT: Option<Adoption> = Some(Adoption {
        flag: "function",
        value: "NAME",
        help: "Functions, as in 'public.fn_*' or 'public.f(uuid)'; bodies of several lines go to sql/",
        all: None,
    });
    type Observed = Seen;

    fn prepare(&mut self, name: &str, files: &dyn Files, problems: &mut Vec<Problem>) {
        expected::prepare(self, name, files, problems);
    }

    fn database(&self) -> Option<&str> {
        Some(&self.database)
    }

    fn question(&self, name: &str) -> Value {
        let listed = is_pattern(object_name(name, &self.database));
        json!({
            "database": self.database,
            "definers": listed && self.security_definer == Some(true),
            "definition": self.definition_md5.is_some(),
        })
    }

    fn pinned(&self) -> Option<Value> {
        self.pin.clone().or_else(|| self.definition_md5.clone()).map(Value::from)
    }

    async fn observe_all(world: &World, wanted: &[Named<Self>]) -> Answers<Seen> {
        ask_each(world, wanted, observe).await
    }

    async fn adopt(world: &World, asked: &str) -> Result<Adopted, Unknown> {
        adopt::adopt(world, asked).await
    }

    fn diff(&self, name: &str, observed: &Seen) -> Comparison {
        compare::compare(self, object_name(name, &self.database), observed)
    }
}

/// A table about one routine, and that routine.
type OfOne<'a> = (&'a Named<PgFunction>, RoutineName);

async fn observe(
    session: &Session,
    wanted: Vec<&Named<PgFunction>>,
) -> Result<Answers<Seen>, Unknown> {
    let (patterns, others): (Vec<_>, Vec<_>) =
        wanted.into_iter().partition(|named| is_pattern(object_of(named)));
    let named: Vec<OfOne<'_>> = others
        .into_iter()
        .filter_map(|named| Some((named, RoutineName::parse(object_of(named)).ok()?)))
        .collect();
    let scope = Scope::Names(relations(named.iter().map(|(_, routine)| &routine.name)));
    let functions =
        if named.is_empty() { None } else { Some(look::<Function>(session, &scope).await?) };
    let blocked = functions.as_ref().is_some_and(|look| !look.blocked.is_empty());
    let mut listed = Vec::new();
    if blocked || !patterns.is_empty() {
        listed = routines(session, |_| true).await?;
    }
    let mut answers: Answers<Seen> = patterns
        .into_iter()
        .map(|named| {
            (named.name.clone(), Ok(Seen::List(list(&named.spec, object_of(named), &listed))))
        })
        .collect();
    if let Some(functions) = functions {
        let defined = named.iter().filter(|(named, _)| named.spec.definition_md5.is_some());
        let defined = relations(defined.map(|(_, routine)| &routine.name));
        let definitions = if defined.is_empty() {
            Ok(Look { found: Vec::new(), blocked: BTreeMap::new() })
        } else {
            look::<Definition>(session, &Scope::Names(defined)).await
        };
        for (named, routine) in named {
            let answer = one(&named.spec, &routine, &functions, &definitions, &listed);
            answers.insert(named.name.clone(), answer);
        }
    }
    Ok(answers)
}

/// Each of these names once.
fn relations<'a>(names: impl Iterator<Item = &'a RelationName>) -> Vec<RelationName> {
    let mut names: Vec<RelationName> = names.cloned().collect();
    names.sort();
    names.dedup();
    names
}

/// What a pattern is about, of all that there are.
fn list(spec: &PgFunction, pattern: &str, all: &[Routine]) -> Vec<Routine> {
    let definers = spec.security_definer == Some(true);
    let meant = |routine: &&Routine| {
        let counts = if definers { routine.security_definer } else { !routine.supplied };
        counts && matches(pattern, &routine.name)
    };
    all.iter().filter(meant).cloned().collect()
}

/// What was seen of one routine.
fn one(
    spec: &PgFunction,
    routine: &RoutineName,
    functions: &Look<Function>,
    definitions: &Result<Look<Definition>, Unknown>,
    listed: &[Routine],
) -> Result<Seen, Unknown> {
    let Some(function) = functions.found.iter().find(|found| found.routine() == *routine) else {
        return unread(routine, &functions.blocked, listed).map_or(Ok(Seen::Absent), Err);
    };
    let mut function = function.clone();
    function.hide_settings(is_secretive);
    let definition = spec.definition_md5.as_ref().map(|_| {
        let look = definitions.as_ref().map_err(Clone::clone)?;
        let found = look.found.iter().find(|found| found.routine.as_ref() == Some(routine));
        let missing = || unread(routine, &look.blocked, listed).unwrap_or_else(super::no_answer);
        found.cloned().ok_or_else(missing)
    });
    Ok(Seen::One(Box::new(Found { function, definition })))
}

/// Why a routine was not read; `None` when there is none of that name. The list is of the snapshot and waits for nobody.
fn unread(
    routine: &RoutineName,
    blocked: &BTreeMap<RelationName, Unknown>,
    listed: &[Routine],
) -> Option<Unknown> {
    let name = routine.to_string();
    if !listed.iter().any(|listed| listed.name == name) {
        return None;
    }
    // It changed meanwhile, or its body is about a table that is locked.
    let changed = blocked.get(&routine.name).cloned();
    let locked = || blocked.values().find(|why| why.reason == Reason::Locked).cloned();
    changed.or_else(locked).map(|why| why.of(escape(&name)))
}

#[cfg(test)]
mod tests;
