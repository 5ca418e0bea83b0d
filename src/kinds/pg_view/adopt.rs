//! Views written down: what they are, and their queries in files of their own.

use crate::kinds::{Adopted, Draft, in_catalog};
use crate::model::{Digest, Unknown, written};
use crate::probe::World;
use crate::probe::catalog::View;

use super::{Options, bare};

/// A query of more bytes, or of more than one line, has a file of its own.
const INLINE_BYTES_MAX: usize = 200;

pub(super) async fn adopt(world: &World, asked: &str) -> Result<Adopted, Unknown> {
    in_catalog::adopt(world, asked, draft).await
}

fn draft(view: &View, draft: Draft) -> Draft {
    let options = Options::of(view);
    let columns: Vec<String> = view
        .columns
        .iter()
        .map(|column| format!("{} {}", written(&column.name), column.of_type))
        .collect();
    let others: Vec<String> =
        options.others.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let rules: serde_json::Map<String, serde_json::Value> =
        view.rules.iter().map(|rule| (rule.name.clone(), bare(&rule.definition).into())).collect();
    let some = |is: bool| is.then_some(true);
    let draft = draft.set("materialized", some(view.materialized));
    define(view, draft)
        .set("columns", columns)
        .set("owner", view.owner.as_str())
        .set("security_barrier", some(options.barrier))
        .set("security_invoker", some(options.invoker))
        .set("check_option", (options.check != "none").then_some(options.check))
        .set("options", (!others.is_empty()).then_some(others))
        .set("populated", view.populated)
        .set("rules", (!rules.is_empty()).then_some(serde_json::Value::Object(rules)))
        .set("comment", view.comment.clone())
}

/// The query: in the table, in a file, or its digest where a name that is no plain one would have to name a file.
fn define(view: &View, draft: Draft) -> Draft {
    let text = bare(&view.definition);
    let plain = |name: &str| written(name) == name && !name.contains('$');
    let database = draft.keys.iter().find(|(key, _)| *key == "database");
    let database = database.and_then(|(_, name)| name.as_str()).unwrap_or_default();
    let plain_database = !database.is_empty()
        && database.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c));
    if text.len() <= INLINE_BYTES_MAX && !text.contains('\n') {
        draft.set("definition", text)
    } else if plain(&view.schema) && plain(&view.name) && plain_database {
        let path = format!("sql/{database}/{}.{}.sql", view.schema, view.name);
        draft.set("definition_file", path.as_str()).file(path, format!("{text}\n").into_bytes())
    } else {
        draft.set("definition_sha256", Digest::of(view.definition.as_bytes()).to_string())
    }
}
