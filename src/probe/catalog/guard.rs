//! The objects that keep a proof from committing: a schema with one table, one function and one trigger, the role that owns
//! them, and who may do what with them. All of it in one question.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::is_default;
use super::whole::rows;
use crate::model::grant::{Class, Grant, Grantee, Securable, Standing};
use crate::model::{Reason, Unknown};
use crate::probe::postgres::{Fields, Param, Session};

/// The first version in which settings of the server can be granted.
const PARAMETERS_SINCE: u32 = 150_000;
/// The most objects of others that are named.
const OTHERS_MAX: usize = 1_000;
/// The most grants that are read.
const GRANTS_MAX: usize = 10_000;

/// What a guard is called in a database.
#[derive(Debug, Clone, Copy)]
pub struct GuardNames<'a> {
    /// The schema.
    pub schema: &'a str,
    /// The table in it.
    pub table: &'a str,
    /// The function in it, which is also the name of the trigger.
    pub function: &'a str,
    /// The role that is to own all of it.
    pub owner: &'a str,
    /// The roles that are to run into it.
    pub provers: &'a [String],
    /// The settings of the server that they are to set.
    pub parameters: &'a [String],
}

/// What there is of a guard.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Guard {
    /// The server's version, such as 160013.
    pub version: u32,
    /// The role that is to own it.
    pub owner: Option<GuardOwner>,
    /// The schema.
    pub schema: Option<GuardSchema>,
    /// The table, or whatever else has its name.
    pub pill: Option<Pill>,
    /// The function without arguments.
    pub function: Option<GuardFunction>,
    /// The trigger.
    pub trigger: Option<GuardTrigger>,
    /// Every privilege on the schema, the table with its columns and its row type, and the function; and what the provers
    /// have on settings.
    pub grants: Vec<Grant>,
    /// The provers that exist, each with what it can be besides itself.
    pub provers: BTreeMap<String, Vec<Power>>,
    /// What is written down as `track_functions` for a prover in this database (`ALTER ROLE … IN DATABASE … SET`).
    #[serde(default, skip_serializing_if = "is_default")]
    pub recording: BTreeMap<String, String>,
    /// Comments, by what they are on.
    #[serde(default, skip_serializing_if = "is_default")]
    pub comments: BTreeMap<String, String>,
    /// What else lies in the schema, or hangs on its objects.
    #[serde(default, skip_serializing_if = "is_default")]
    pub others: Vec<Beside>,
}

/// The role that is to own a guard.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "a role has that many attributes")]
pub struct GuardOwner {
    /// May it do everything?
    pub superuser: bool,
    /// May it create databases?
    pub createdb: bool,
    /// May it create roles?
    pub createrole: bool,
    /// May it replicate?
    pub replication: bool,
    /// Does row security pass it by?
    pub bypassrls: bool,
    /// May it log in?
    pub login: bool,
    /// Its members, sorted.
    pub members: Vec<String>,
    /// What it is a member of, sorted.
    pub member_of: Vec<String>,
}

/// The schema of a guard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuardSchema {
    /// Its owner.
    pub owner: String,
}

/// The table of a guard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pill {
    /// Its owner.
    pub owner: String,
    /// `table`, or what else it is.
    pub kind: String,
    /// `permanent`, `unlogged` or `temporary`.
    pub persistence: String,
    /// Its columns, in order, each as `n integer`, and what else there is to it.
    pub columns: Vec<String>,
    /// Is row security on?
    pub row_security: bool,
    /// Does it hold for the owner too?
    pub forced_row_security: bool,
    /// The tables that it inherits from, or is a partition of.
    pub inherits: Vec<String>,
    /// How its rows are stored; `None` for what stores none.
    pub access_method: Option<String>,
    /// `default`, or what else identifies its rows for replicas.
    pub replica_identity: String,
    /// Its storage parameters.
    pub options: Vec<String>,
}

/// The function of a guard.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GuardFunction {
    /// Its owner.
    pub owner: String,
    /// `function`, or what else it is.
    pub kind: String,
    /// Its language.
    pub language: String,
    /// The type of its result.
    pub returns: String,
    /// Does it run with the rights of its owner?
    pub definer: bool,
    /// The settings that it runs with, each `name=value`.
    pub settings: Vec<String>,
    /// Its text.
    pub body: String,
    /// `volatile`, `stable` or `immutable`.
    pub volatility: String,
    /// `unsafe`, `restricted` or `safe`.
    pub parallel: String,
    /// Is it skipped for NULL?
    pub strict: bool,
    /// Is it said to give nothing away?
    pub leakproof: bool,
    /// What the planner thinks that it costs.
    pub cost: f64,
}

/// The trigger of a guard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuardTrigger {
    /// `origin`, `replica`, `always` or `disabled`.
    pub enabled: String,
    /// `before`, `after` or `instead of`.
    pub timing: String,
    /// Some of `insert`, `update`, `delete`, `truncate`.
    pub events: Vec<String>,
    /// `row` or `statement`.
    pub level: String,
    /// Can it be put off to the end of a transaction?
    pub deferrable: bool,
    /// Is it put off from the start?
    pub initially_deferred: bool,
    /// The name of its constraint; `None` for a trigger that is none.
    pub constraint: Option<String>,
    /// The schema of its function.
    pub schema: String,
    /// The name of its function.
    pub function: String,
    /// What keeps it from firing, or changes what it fires at.
    pub narrowed_by: Vec<String>,
}

/// What a prover is, or can become, so that no list of privileges holds for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Power {
    /// The role: itself, or one that it is a member of, by whatever way.
    pub role: String,
    /// May that role do everything?
    #[serde(default, skip_serializing_if = "is_default")]
    pub superuser: bool,
    /// May that role create roles?
    #[serde(default, skip_serializing_if = "is_default")]
    pub createrole: bool,
    /// What one of PostgreSQL's own roles can do with the table without a grant on it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub can: Vec<String>,
}

/// An object that is none of the guard's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Beside {
    /// What it is, such as `rule`.
    pub class: String,
    /// Its name, as PostgreSQL writes it.
    pub name: String,
}

/// A row of a list of privileges.
#[derive(Debug, Deserialize)]
struct Item {
    class: String,
    column: Option<String>,
    privilege: String,
    grantee: Option<String>,
    grantable: bool,
    held: bool,
    initial: bool,
    grantors: Vec<String>,
}

impl Guard {
    /// Can the server grant its settings?
    #[must_use]
    pub const fn grants_parameters(&self) -> bool {
        self.version >= PARAMETERS_SINCE
    }
}

fn sql(version: u32) -> String {
    let parameters = if version >= PARAMETERS_SINCE {
        "UNION ALL SELECT 'parameter', p.parname, x.privilege_type, x.grantee, pg_catalog.bool_or(x.is_grantable), true, \
         false, pg_catalog.array_agg(DISTINCT x.grantor) FROM pg_catalog.pg_parameter_acl p \
         CROSS JOIN LATERAL pg_catalog.aclexplode(p.paracl) x JOIN pg_catalog.pg_roles r ON r.oid = x.grantee \
         WHERE p.parname = ANY ($7::pg_catalog.text[]) AND r.rolname = ANY ($3::pg_catalog.name[]) GROUP BY 2, 3, 4"
    } else {
        "UNION ALL SELECT '', $7::pg_catalog.text[]::text, '', 0, false, false, false, NULL WHERE false"
    };
    include_str!("guard.sql").replace("{parameters}", parameters)
}

/// Looks at a guard.
///
/// # Errors
/// Why nothing can be told of it.
pub async fn guard(session: &Session, names: &GuardNames<'_>) -> Result<Guard, Unknown> {
    let version = session.identity().version_number;
    let beyond = Class::Table.all(false, version).filter(|privilege| *privilege != "INSERT");
    let beyond: Vec<String> = beyond.map(str::to_owned).collect();
    let params = vec![
        Param::Text(names.schema),
        Param::Text(names.owner),
        Param::Texts(names.provers),
        Param::Text(names.table),
        Param::Text(names.function),
        Param::Texts(&beyond),
        Param::Texts(names.parameters),
    ];
    let found = rows(session, "guards", sql(version), params, |row| read(*row)).await?;
    let guard = found.into_iter().next();
    let (mut guard, items) = guard.ok_or_else(|| {
        Unknown::new(Reason::Malformed, "the catalog gave no row about the guard")
    })?;
    guard.version = version;
    for (what, count, max) in
        [("objects", guard.others.len(), OTHERS_MAX), ("grants", items.len(), GRANTS_MAX)]
    {
        if count > max {
            let detail = format!("the guard has {count} {what}, and at most {max} are read");
            return Err(Unknown::new(Reason::TooLarge, detail));
        }
    }
    let grants = items.into_iter().map(|item| item.read(names));
    guard.grants = grants.collect::<Result<_, Unknown>>()?;
    Ok(guard)
}

fn read(row: Fields<'_>) -> Result<(Guard, Vec<Item>), Unknown> {
    let guard = Guard {
        version: 0,
        owner: maybe(row, 0)?,
        schema: maybe(row, 1)?,
        pill: maybe(row, 2)?,
        function: maybe(row, 3)?,
        trigger: maybe(row, 4)?,
        grants: Vec::new(),
        provers: row.json(6)?,
        comments: row.json(7)?,
        others: row.json(8)?,
        recording: row.json(9)?,
    };
    Ok((guard, row.json(5)?))
}

fn maybe<T: serde::de::DeserializeOwned>(row: Fields<'_>, at: usize) -> Result<Option<T>, Unknown> {
    row.maybe(at)?.is_some().then(|| row.json(at)).transpose()
}

impl Item {
    fn read(self, names: &GuardNames<'_>) -> Result<Grant, Unknown> {
        let malformed = |what: &str| Unknown::new(Reason::Malformed, what);
        let class =
            Class::of_word(&self.class).ok_or_else(|| malformed("a class that nobody knows"))?;
        let inside = |name: &str| Securable {
            schema: Some(names.schema.to_owned()),
            ..Securable::plain(class, name)
        };
        let (on, column) = match (class, self.column) {
            (Class::Schema, _) => (Securable::plain(class, names.schema), None),
            (Class::Parameter, Some(name)) => (Securable::plain(class, &name), None),
            (Class::Function, _) => {
                let arguments = Some(String::new());
                (Securable { arguments, ..inside(names.function) }, None)
            }
            (Class::Table | Class::Type, column) => (inside(names.table), column),
            _ => return Err(malformed("a grant on a class that was not asked for")),
        };
        let standing = match (self.held, self.initial) {
            (false, _) => Standing::Revoked,
            (true, true) if !self.grantable => Standing::Initial,
            (true, _) => Standing::Granted,
        };
        Ok(Grant {
            privilege: self.privilege,
            column,
            on,
            grantee: self.grantee.map_or(Grantee::Public, Grantee::Role),
            with_grant_option: self.grantable,
            standing,
            granted_by: self.grantors,
        })
    }
}
