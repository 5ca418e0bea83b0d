//! Functions written down as they are: a table for each, and the closed list of a pattern.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Function, is_secretive, relations};
use crate::kinds::closed::{is_pattern, matches};
use crate::kinds::in_database::{adopt_each, key_of};
use crate::kinds::{Adopted, Draft};
use crate::model::display::escape;
use crate::model::{Digest, Reason, RoutineName, Unknown};
use crate::probe::World;
use crate::probe::catalog::{Scope, look, routines};
use crate::probe::postgres::Session;

/// The most tables that are written for one pattern.
const TABLES_MAX: usize = 1_000;
/// A body of one line that is not longer stands in the table, any other in a file.
const INLINE_CHARS_MAX: usize = 80;

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
    let covered = |name: &str| {
        let overload = || name.strip_prefix(asked).is_some_and(|rest| rest.starts_with('('));
        if is_pattern(asked) { matches(asked, name) } else { name == asked || overload() }
    };
    let listed = routines(session, |routine| !routine.supplied && covered(&routine.name)).await?;
    if listed.len() > TABLES_MAX {
        let detail = format!(
            "`{}` matches {} functions, and at most {TABLES_MAX} tables are written",
            escape(asked),
            listed.len()
        );
        return Err(Unknown::new(Reason::TooLarge, detail));
    }
    let mut parsed = Vec::new();
    for routine in &listed {
        match RoutineName::parse(&routine.name) {
            Ok(name) => parsed.push(name),
            // Neither a table nor a list can name it.
            Err(why) => {
                let why = Unknown::new(Reason::NotSupported, why);
                adopted.unseen.push((routine.name.clone(), why));
            }
        }
    }
    if is_pattern(asked) && !listed.is_empty() {
        let only: Vec<String> = parsed.iter().map(ToString::to_string).collect();
        let list = Draft::new(key_of(world, database, asked)).set("database", database);
        adopted.drafts.push(list.set("only", only));
    }
    let scope = Scope::Names(relations(parsed.iter().map(|routine| &routine.name)));
    let functions = look::<Function>(session, &scope).await?;
    let mut missing: BTreeSet<String> = parsed.iter().map(ToString::to_string).collect();
    let of_name = |function: &Function| (function.schema.clone(), function.name.clone());
    let mut overloads = BTreeMap::new();
    for function in &functions.found {
        *overloads.entry(of_name(function)).or_insert(0) += 1;
    }
    for mut function in functions.found {
        let name = function.routine().to_string();
        if !missing.remove(&name) {
            continue;
        }
        function.hide_settings(is_secretive);
        let several = world.databases.len() > 1;
        let folder = if several { format!("{}/", plain(database)) } else { String::new() };
        let alone = overloads.get(&of_name(&function)) == Some(&1);
        let file = format!("sql/{folder}{}", file_name(&function, alone));
        let named = Draft::new(key_of(world, database, &name)).set("database", database);
        adopted.drafts.push(draft(named, &function, file));
    }
    let why = functions.blocked.into_values().next().unwrap_or_else(crate::kinds::no_answer);
    adopted.unseen.extend(missing.into_iter().map(|name| (name, why.clone())));
    Ok(adopted)
}

/// The table of one function: what PostgreSQL does when nothing is said is left out, unless it decides about rights.
fn draft(draft: Draft, is: &Function, file: String) -> Draft {
    let unless = |usual: &str, is: &str| (is != usual).then(|| is.to_owned());
    let text = |text: &Option<String>| text.clone();
    let is_true = |is: bool| is.then_some(true);
    let secretive =
        |setting: &str| is_secretive(setting.split_once('=').unwrap_or((setting, "")).0);
    let pairs = is.settings.iter().filter_map(|setting| setting.split_once('='));
    let settings: serde_json::Map<String, Value> =
        pairs.map(|(name, value)| (name.to_owned(), value.into())).collect();
    // All settings or none are wanted, and a secret is never written down.
    let written = !settings.is_empty() && !is.settings.iter().any(|setting| secretive(setting));
    let aggregate = (!is.aggregate.is_empty()).then(|| Value::from_iter(is.aggregate.clone()));
    let native = matches!(is.language.as_str(), "c" | "internal");
    let usual_cost = if native { "1" } else { "100" };
    let set = is
        .returns
        .as_deref()
        .is_some_and(|is| is.starts_with("SETOF ") || is.starts_with("TABLE("));
    let usual_rows = if set { "1000" } else { "0" };
    let number = |usual: &str, is: &str| unless(usual, is).and_then(|is| is.parse::<f64>().ok());
    let signature = unless(&is.arguments, &is.signature);
    let draft = draft
        .set("kind", unless("function", &is.kind))
        .set("signature", signature)
        .set("returns", text(&is.returns))
        .set("language", (is.kind != "aggregate").then(|| is.language.clone()))
        .set("owner", is.owner.clone())
        .set("security_definer", (is.kind != "aggregate").then_some(is.security_definer))
        .set("settings", if written { Value::Object(settings) } else { Value::Null })
        .set("volatility", unless("volatile", &is.volatility))
        .set("parallel", unless("unsafe", &is.parallel))
        .set("strict", is_true(is.strict))
        .set("leakproof", is_true(is.leakproof))
        .set("cost", number(if is.kind == "aggregate" { "1" } else { usual_cost }, &is.cost))
        .set("rows", number(usual_rows, &is.rows))
        .set("library", text(&is.library))
        .set("aggregate", aggregate)
        .set("support", text(&is.support))
        .set("comment", text(&is.comment));
    if is.kind == "aggregate" {
        return draft;
    }
    if !is.body.contains('\n') && is.body.chars().count() <= INLINE_CHARS_MAX {
        return draft.set("body", is.body.clone());
    }
    let mut content = is.body.clone();
    if !content.ends_with('\n') {
        content.push('\n');
    }
    draft.set("body_file", file.clone()).file(file, content.into_bytes())
}

/// The file of a body: named after the function, and by a digest besides where that alone could be another's name too.
fn file_name(is: &Function, alone: bool) -> String {
    let name = format!("{}.{}", is.schema, is.name);
    let stem = plain(&name);
    if alone && stem == name {
        return format!("{stem}.sql");
    }
    let digest = Digest::of(is.routine().to_string().as_bytes()).to_string();
    format!("{stem}-{}.sql", &digest[..8])
}

/// A path without characters that mean something to a shell or to git.
fn plain(name: &str) -> String {
    let harmless = |c: char| if c.is_ascii_alphanumeric() || "_.".contains(c) { c } else { '-' };
    name.chars().map(harmless).collect()
}
