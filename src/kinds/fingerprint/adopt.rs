//! Fingerprints written down: of the tables that a name or pattern is about, as they are now.

use super::{Fingerprint, Seen};
use crate::kinds::in_database::adopt_each;
use crate::kinds::{Adopted, Draft, all_rows};
use crate::model::Unknown;
use crate::probe::{World, until};

/// Says which table a fingerprint is about, whatever its name.
const ABOUT: &[&str] = &["database", "table"];

pub(super) async fn adopt(world: &World, asked: &str) -> Result<Adopted, Unknown> {
    let give_up = tokio::time::Instant::now() + world.deadline;
    let adopted = adopt_each(world, asked, |database, session| async move {
        let mut adopted = Adopted::default();
        for table in all_rows::tables(session, asked).await? {
            match until(give_up, Fingerprint::of_table(&table).look(session)).await {
                Ok(Seen::Hashed { sha256, .. }) => {
                    let draft = Draft::new(table.clone())
                        .set("database", database)
                        .set("table", table.as_str())
                        .set("sha256", sha256.to_string());
                    adopted.drafts.push(draft.about(ABOUT, format!("{database}:{table}")));
                }
                Ok(_) => {}
                Err(why) => adopted.unseen.push((table, why)),
            }
        }
        Ok(adopted)
    });
    Ok(adopted.await)
}
