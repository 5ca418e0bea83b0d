//! Row counts written down: of the tables that a pattern names, as they are now.

use std::sync::Arc;

use tokio::time::Instant;

use super::{RowCount, observe};
use crate::kinds::closed::{is_pattern, matches};
use crate::kinds::in_database::key_of;
use crate::kinds::{Adopted, Draft, Named};
use crate::model::{RelationName, Unknown};
use crate::probe::World;
use crate::probe::postgres::Session;

/// Tables that hold rows of their own; what belongs to PostgreSQL or to an extension is not counted.
const TABLES: &str = "SELECT n.nspname::text, c.relname::text FROM pg_catalog.pg_class c \
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition \
    AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_' AND c.relpersistence <> 't' \
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e' \
        AND d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass) ORDER BY 1, 2";

/// Counts what was asked for in every database that is looked at.
pub(super) async fn adopt(world: &World, asked: &str) -> Result<Adopted, Unknown> {
    let mut adopted = Adopted::default();
    for (database, session) in &world.databases {
        match session {
            Ok(session) => count(world, database, session, asked, &mut adopted).await?,
            Err(why) => adopted.unseen.push((database.clone(), why.clone())),
        }
    }
    Ok(adopted)
}

async fn count(
    world: &World,
    database: &str,
    session: &Session,
    asked: &str,
    adopted: &mut Adopted,
) -> Result<(), Unknown> {
    let rows = session.ask(TABLES, &[]).await?;
    let table = |row: Vec<Option<String>>| {
        let [schema, name] = <[Option<String>; 2]>::try_from(row).ok()?;
        Some(RelationName { schema: schema?, name: name? }.to_string())
    };
    let covered =
        |name: &String| if is_pattern(asked) { matches(asked, name) } else { name == asked };
    let spec = Arc::new(RowCount {
        database: database.to_owned(),
        rows: None,
        at_least: None,
        at_most: None,
    });
    let named =
        |name: String| Named { name: key_of(world, database, &name), spec: Arc::clone(&spec) };
    let wanted: Vec<Named<RowCount>> =
        rows.into_iter().filter_map(table).filter(covered).map(named).collect();
    let wanted: Vec<&Named<RowCount>> = wanted.iter().collect();
    for (name, answer) in observe(session, &wanted, Instant::now() + world.deadline).await {
        match answer {
            Ok(None) => {}
            Ok(Some(rows)) => {
                adopted.drafts.push(Draft::new(name).set("database", database).set("rows", rows));
            }
            Err(why) => adopted.unseen.push((name, why)),
        }
    }
    Ok(())
}
