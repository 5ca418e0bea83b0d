//! Who is granted what: the privileges that differ from those that a thing had from the beginning.
//!
//! Lists of privileges are readable by every role and need no lock. What is read is a set of grants, one for each thing,
//! column, privilege and grantee: their order means nothing, and who granted them is noted apart.

mod effective;
mod sql;

use std::collections::BTreeMap;

use super::Object;
use crate::model::grant::{Class, Grant, Grantee, Securable, Standing};
use crate::model::{Reason, Unknown};
use crate::probe::postgres::{Fields, Param, Reading, Session};
use sql::Grantors;

pub use effective::{Answer, Place, Probe, effective};

/// The most grants of one look.
const GRANTS_MAX: usize = 200_000;

/// For the objects of a schema: what is granted on them, and what was taken away. `name` is that of the object, and
/// `granted_by` has nobody but those who are not its owner.
impl Object for Grant {
    const CLASS: &'static str = "grant";
    const NAMED: (&'static str, &'static str) = ("o.schema", "o.name");

    fn sql(condition: &str, version: u32) -> String {
        sql::grants(version, Grantors::Others, (condition, "g.standing <> 'initial'"), "false")
    }

    fn read(row: &Fields<'_>) -> Result<Self, Unknown> {
        let grantee = row.maybe(6)?.map_or(Grantee::Public, |role| Grantee::Role(role.to_owned()));
        let standing = match row.text(8)? {
            "granted" => Standing::Granted,
            "initial" => Standing::Initial,
            "revoked" => Standing::Revoked,
            _ => {
                return Err(Unknown::new(Reason::Malformed, "a grant that stands in no known way"));
            }
        };
        Ok(Self {
            privilege: row.owned(0)?,
            column: row.maybe(1)?.map(str::to_owned),
            on: thing(*row, 2)?,
            grantee,
            with_grant_option: row.flag(7)?,
            standing,
            granted_by: row.json(9)?,
        })
    }
}

/// Four columns: class, schema, name, arguments.
fn thing(row: Fields<'_>, at: usize) -> Result<Securable, Unknown> {
    let malformed = || Unknown::new(Reason::Malformed, "a class of objects that nobody knows");
    let class = Class::of_word(row.text(at)?).ok_or_else(malformed)?;
    let schema = row.maybe(at + 1)?.filter(|_| class != Class::Schema);
    Ok(Securable {
        class,
        schema: schema.map(str::to_owned),
        name: row.owned(at + 2)?,
        arguments: row.maybe(at + 3)?.map(str::to_owned),
    })
}

/// Whose grants, and on what. The grants are those of any part of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Range {
    /// All that is granted to these.
    pub grantees: Vec<Grantee>,
    /// All that is granted on what lies in these schemas, and on the schemas.
    pub schemas: Vec<String>,
    /// All that is granted on these.
    pub things: Vec<Securable>,
    /// More roles of which is asked whether they exist.
    pub roles: Vec<String>,
}

/// Something that privileges can be granted on, and that exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thing {
    /// What it is.
    pub on: Securable,
    /// The columns of a table.
    pub columns: Vec<String>,
    /// Did PostgreSQL or an extension make it?
    pub made: bool,
}

/// What was found in a range.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grants {
    /// The grants, by what they are on. On things and in schemas of the range also those that were there from the beginning.
    pub grants: Vec<Grant>,
    /// Of the things of the range, and of whatever has the name of one of them, those that exist; and all of its schemas.
    pub things: Vec<Thing>,
    /// Of the roles and grantees of the range those that exist: are they superusers?
    pub roles: BTreeMap<String, bool>,
}

/// Chosen by grantee, by schema, or by name. Of the databases only this one, and those that are named.
const CHOSEN: &str = "((coalesce(CASE WHEN g.grantee <> 0 THEN pg_catalog.pg_get_userbyid(g.grantee) END, '') \
    = ANY ($1::pg_catalog.name[]) AND g.standing <> 'initial' \
    AND (o.class <> 'database' OR o.name = pg_catalog.current_database())) OR ";
const NAMED: &str = "(o.schema = ANY ($2::pg_catalog.name[]) OR (o.class, coalesce(o.schema, ''), o.name) IN (SELECT * \
    FROM ROWS FROM (pg_catalog.unnest($3::pg_catalog.text[]), pg_catalog.unnest($4::pg_catalog.text[]), \
    pg_catalog.unnest($5::pg_catalog.text[]))))";
const ROLES: &str = "SELECT r.rolname::text, r.rolsuper::text FROM pg_catalog.pg_roles r \
    WHERE r.rolname = ANY ($1::pg_catalog.name[])";

/// Reads the grants of a range, in one pipeline.
///
/// # Errors
/// Why there is no answer.
pub async fn grants(session: &Session, range: &Range) -> Result<Grants, Unknown> {
    let version = session.identity().version_number;
    let texts = range.texts();
    let params = || texts.iter().map(|texts| Param::Texts(texts)).collect::<Vec<_>>();
    let asked: Vec<String> = texts[0].iter().chain(&range.roles).cloned().collect();
    let chosen = format!("{CHOSEN}{NAMED})");
    let mut found = Grants::default();
    let Grants { grants, things, roles } = &mut found;
    let readings = vec![
        Reading::new(
            sql::grants(version, Grantors::All, ("true", &chosen), NAMED),
            params(),
            |row| {
                bounded(grants.len())?;
                grants.push(Grant::read(row)?);
                Ok(())
            },
        ),
        Reading::new(sql::members(version, NAMED), params(), |row| {
            bounded(things.len())?;
            let on = thing(*row, 0)?;
            things.push(Thing { on, columns: row.json(4)?, made: row.flag(5)? });
            Ok(())
        }),
        Reading::new(ROLES, vec![Param::Texts(&asked)], |row| {
            roles.insert(row.owned(0)?, row.flag(1)?);
            Ok(())
        }),
    ];
    session.read(readings).await.into_iter().collect::<Result<(), Unknown>>()?;
    Ok(found)
}

fn bounded(count: usize) -> Result<(), Unknown> {
    if count < GRANTS_MAX {
        return Ok(());
    }
    let detail = format!("more than {GRANTS_MAX} grants, or objects to grant something on");
    Err(Unknown::new(Reason::TooLarge, detail))
}

impl Range {
    /// The parameters `$1` to `$5`: grantees, schemas; class, schema and name of things.
    fn texts(&self) -> [Vec<String>; 5] {
        let grantee = |grantee: &Grantee| match grantee {
            Grantee::Public => String::new(),
            Grantee::Role(name) => name.clone(),
        };
        let things = || self.things.iter();
        [
            self.grantees.iter().map(grantee).collect(),
            self.schemas.clone(),
            things().map(|on| on.class.word().to_owned()).collect(),
            things().map(schema_of).collect(),
            things().map(|on| on.name.clone()).collect(),
        ]
    }
}

/// As it stands in the question: a schema lies in itself.
fn schema_of(on: &Securable) -> String {
    match on.class {
        Class::Schema => on.name.clone(),
        _ => on.schema.clone().unwrap_or_default(),
    }
}
