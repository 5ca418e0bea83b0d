//! Row counts written down: of the tables that a pattern names, as they are now.

use std::sync::Arc;

use tokio::time::Instant;

use super::{RowCount, observe};
use crate::kinds::all_rows;
use crate::kinds::in_database::{adopt_each, key_of};
use crate::kinds::{Adopted, Draft, Named};
use crate::model::Unknown;
use crate::probe::World;
use crate::probe::postgres::Session;

/// Counts what was asked for in every database that is looked at.
pub(super) async fn adopt(world: &World, asked: &str) -> Result<Adopted, Unknown> {
    let adopted =
        adopt_each(world, asked, |database, session| count(world, database, session, asked));
    Ok(adopted.await)
}

async fn count(
    world: &World,
    database: &str,
    session: &Session,
    asked: &str,
) -> Result<Adopted, Unknown> {
    let mut adopted = Adopted::default();
    let tables = all_rows::tables(session, asked).await?;
    let spec = Arc::new(RowCount {
        database: database.to_owned(),
        rows: None,
        at_least: None,
        at_most: None,
        growth: None,
    });
    let named =
        |name: String| Named { name: key_of(world, database, &name), spec: Arc::clone(&spec) };
    let wanted: Vec<Named<RowCount>> = tables.into_iter().map(named).collect();
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
    Ok(adopted)
}
