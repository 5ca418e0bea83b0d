//! Triggers written down as they are: a table for each, and the closed list of each table that has one.

use std::collections::{BTreeMap, BTreeSet};

use super::{ListedTrigger, Trigger};
use crate::kinds::closed::{is_pattern, matches};
use crate::kinds::in_database::{adopt_each, key_of};
use crate::kinds::{Adopted, Draft, no_answer};
use crate::model::display::escape;
use crate::model::{MemberName, Reason, RelationName, Unknown};
use crate::probe::World;
use crate::probe::catalog::{Scope, look, triggers};
use crate::probe::postgres::{Param, Session};

/// The most tables of desired state that are written for one pattern.
const TABLES_MAX: usize = 1_000;

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
    let mut adopted = Adopted::default();
    let covered = |trigger: &ListedTrigger| {
        let table = &trigger.table;
        if is_pattern(asked) { matches(asked, table) } else { table == asked }
    };
    let mut of_tables: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut unenforced: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for trigger in triggers(session, covered).await? {
        if !trigger.internal {
            of_tables.entry(trigger.table).or_default().push(trigger.key);
        } else if trigger.enabled != "origin" {
            let what = format!("{} is {}", trigger.name, trigger.enabled);
            unenforced.entry(trigger.table).or_default().push(what);
        }
    }
    // A table without triggers that was named is a statement too: nobody may add one.
    if !is_pattern(asked) && of_tables.is_empty() && exists(session, asked).await? {
        of_tables.insert(asked.to_owned(), Vec::new());
    }
    let count = of_tables.values().map(|keys| keys.len() + 1).sum::<usize>();
    if count > TABLES_MAX {
        let detail = format!(
            "`{}` would make {count} tables, and at most {TABLES_MAX} are written",
            escape(asked)
        );
        return Err(Unknown::new(Reason::TooLarge, detail));
    }
    let relations = of_tables.keys().filter_map(|table| RelationName::parse(table).ok()).collect();
    let looked = look::<Trigger>(session, &Scope::Names(relations)).await?;
    let mut found: BTreeMap<String, Trigger> = BTreeMap::new();
    for trigger in looked.found.into_iter().filter(|trigger| !trigger.internal) {
        found.insert(trigger.member().to_string(), trigger);
    }
    let why = looked.blocked.into_values().next().unwrap_or_else(no_answer);
    for (table, keys) in of_tables {
        let (named, odd): (BTreeSet<String>, BTreeSet<String>) =
            keys.into_iter().partition(|key| MemberName::parse(key).is_ok());
        adopted.unseen.extend(odd.into_iter().map(|key| {
            (key, Unknown::new(Reason::NotSupported, "desired state cannot write its name"))
        }));
        let list = Draft::new(key_of(world, database, &format!("{table}.*")));
        let only: Vec<String> = named.iter().cloned().collect();
        let list = list.set("database", database).set("only", only);
        adopted.drafts.push(match unenforced.get(&table) {
            Some(triggers) => list.set("constraints_fire", false).comment(triggers.join("\n")),
            None => list,
        });
        for key in named {
            match found.remove(&key) {
                // What a copy on a partition is like is said by the trigger that it is a copy of.
                Some(trigger) if trigger.parent.is_some() && trigger.enabled == "origin" => {}
                Some(trigger) => {
                    let named = Draft::new(key_of(world, database, &key));
                    adopted.drafts.push(draft(named.set("database", database), trigger));
                }
                None => adopted.unseen.push((key, why.clone())),
            }
        }
    }
    Ok(adopted)
}

/// Is there such a table or view?
async fn exists(session: &Session, asked: &str) -> Result<bool, Unknown> {
    const THERE: &str = "SELECT 'there' FROM pg_catalog.pg_class k JOIN pg_catalog.pg_namespace n ON n.oid = k.relnamespace \
        WHERE n.nspname = $1::pg_catalog.name AND k.relname = $2::pg_catalog.name AND k.relkind IN ('r', 'p', 'v', 'f')";
    let Ok(name) = RelationName::parse(asked) else { return Ok(false) };
    let rows = session.ask(THERE, &[Param::Text(&name.schema), Param::Text(&name.name)]).await?;
    Ok(!rows.is_empty())
}

/// The table of one trigger; what `CREATE TRIGGER` does when nothing is said is left out, besides whether it fires.
fn draft(draft: Draft, is: Trigger) -> Draft {
    let is_true = |is: bool| is.then_some(true);
    let listed = |items: Vec<String>| (!items.is_empty()).then_some(items);
    draft
        .set("enabled", is.enabled)
        .set("timing", is.timing)
        .set("events", is.events)
        .set("columns", listed(is.columns))
        .set("level", is.level)
        .set("when", is.when)
        .set("function", is.function)
        .set("arguments", listed(is.arguments))
        .set("constraint", is_true(is.constraint))
        .set("deferrable", is_true(is.deferrable))
        .set("initially_deferred", is_true(is.initially_deferred))
        .set("referenced", is.referenced)
        .set("old_table", is.old_table)
        .set("new_table", is.new_table)
        .set("parent", is.parent)
        .set("comment", is.comment)
}
