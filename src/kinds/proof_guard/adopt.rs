//! Guards written down as they are: those in which nothing is altered.

use super::{NAME_BYTES_MAX, PILL, ProofGuard, REFUSE, Recording, look, recording};
use crate::kinds::closed::matches;
use crate::kinds::in_database::{adopt_each, key_of};
use crate::kinds::{Adopted, Draft, Kind as _, NoFiles};
use crate::model::display::escape;
use crate::model::{Reason, Unknown};
use crate::probe::World;
use crate::probe::postgres::{Param, Session};

/// Schemas with a table and a trigger of these names: the owner of the table, and who else may insert into it.
const FOUND: &str = "SELECT n.nspname::text, pg_catalog.pg_get_userbyid(c.relowner)::text, \
    pg_catalog.to_json(ARRAY(SELECT DISTINCT r.rolname::text FROM pg_catalog.aclexplode(c.relacl) x \
    JOIN pg_catalog.pg_roles r ON r.oid = x.grantee \
    WHERE x.privilege_type = 'INSERT' AND x.grantee <> c.relowner ORDER BY 1))::text \
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
    JOIN pg_catalog.pg_trigger t ON t.tgrelid = c.oid \
    WHERE c.relname = $1::pg_catalog.name AND t.tgname = $2::pg_catalog.name ORDER BY 1";

/// Writes down what was asked for in every database that is looked at.
pub(super) async fn adopt(world: &World, asked: &str) -> Result<Adopted, Unknown> {
    let adopted =
        adopt_each(world, asked, |database, session| in_one(world, database, session, asked));
    Ok(adopted.await)
}

async fn in_one(
    world: &World,
    database: &str,
    session: &Session,
    asked: &str,
) -> Result<Adopted, Unknown> {
    let rows = session.ask(FOUND, &[Param::Text(PILL), Param::Text(REFUSE)]).await?;
    let mut adopted = Adopted::default();
    for row in rows {
        let malformed = || Unknown::new(Reason::Malformed, "a guard that cannot be read");
        let texts = row.into_iter().collect::<Option<Vec<String>>>().ok_or_else(malformed)?;
        let [schema, owner, provers] = <[String; 3]>::try_from(texts).map_err(|_| malformed())?;
        if !matches(asked, &schema) {
            continue;
        }
        let provers: Vec<String> = serde_json::from_str(&provers).map_err(|_| malformed())?;
        let key = key_of(world, database, &schema);
        match unaltered(session, database, (&schema, &owner), &provers).await {
            Ok(table) => adopted.drafts.push(
                Draft::new(key)
                    .set("database", database)
                    .set("provers", provers)
                    .set("recording", table.is_written().then_some("written"))
                    .set("owner", table.owner),
            ),
            Err(why) => adopted.unseen.push((key, why)),
        }
    }
    Ok(adopted)
}

/// Its table; an error where the guard is not one that holds.
async fn unaltered(
    session: &Session,
    database: &str,
    (schema, owner): (&str, &str),
    provers: &[String],
) -> Result<ProofGuard, Unknown> {
    debug_assert!(schema.len() <= NAME_BYTES_MAX, "PostgreSQL keeps no longer name");
    let unsupported = |why: &str| Unknown::new(Reason::NotSupported, why);
    let mut table = ProofGuard {
        database: database.to_owned(),
        present: true,
        provers: provers.iter().cloned().collect(),
        recording: None,
        owner: None,
    };
    if table.owner() != owner {
        table.owner = Some(owner.to_owned());
    }
    let mut problems = Vec::new();
    table.prepare(schema, &NoFiles, &mut problems);
    if let Some(problem) = problems.first() {
        return Err(unsupported(&problem.message));
    }
    let seen = look(session, schema, owner, provers).await?;
    if recording::is_written(&seen) {
        table.recording = Some(Recording::Written);
        if !table.diff(schema, &seen).differences.is_empty() {
            table.recording = None;
        }
    }
    match table.diff(schema, &seen).differences.first() {
        None => Ok(table),
        Some(difference) => {
            let field = escape(&difference.field);
            Err(unsupported(&format!("it is no guard as it has to be: {field} differs")))
        }
    }
}
