//! What each object of a guard is like, as facts, and as the statement that makes it so.

use super::{PILL, REFUSE};
use crate::model::sql::literal;
use crate::model::{RelationName, quoted};
use crate::probe::catalog::{GuardFunction, GuardOwner, GuardTrigger, Pill};

/// The text of the function: nothing in it depends on who calls it, and nothing catches what it raises.
const BODY: &str = "
BEGIN
    RAISE EXCEPTION 'countersign: this transaction may not commit' USING ERRCODE = 'CSP01';
END
";
/// The setting that it runs with: a name in it means what PostgreSQL means by it.
const SETTING: &str = "search_path=pg_catalog";
/// What encloses that text.
const TAG: &str = "$refuse$";

/// The one column. What stands in it means nothing.
const COLUMN: &str = "n integer";

/// The role that owns it.
pub(super) fn owner() -> GuardOwner {
    GuardOwner::default()
}

/// The table.
pub(super) fn pill(owner: &str) -> Pill {
    Pill {
        owner: owner.to_owned(),
        kind: "table".to_owned(),
        persistence: "permanent".to_owned(),
        columns: vec![COLUMN.to_owned()],
        row_security: false,
        forced_row_security: false,
        inherits: Vec::new(),
        access_method: Some("heap".to_owned()),
        replica_identity: "default".to_owned(),
        options: Vec::new(),
    }
}

/// The function.
pub(super) fn function(owner: &str) -> GuardFunction {
    GuardFunction {
        owner: owner.to_owned(),
        kind: "function".to_owned(),
        language: "plpgsql".to_owned(),
        returns: "trigger".to_owned(),
        definer: true,
        settings: vec![SETTING.to_owned()],
        body: BODY.to_owned(),
        volatility: "volatile".to_owned(),
        parallel: "unsafe".to_owned(),
        strict: false,
        leakproof: false,
        cost: 100.0,
    }
}

/// The trigger.
pub(super) fn trigger(schema: &str) -> GuardTrigger {
    GuardTrigger {
        enabled: "always".to_owned(),
        timing: "after".to_owned(),
        events: vec!["insert".to_owned()],
        level: "row".to_owned(),
        deferrable: true,
        initially_deferred: true,
        constraint: Some(REFUSE.to_owned()),
        schema: schema.to_owned(),
        function: REFUSE.to_owned(),
        narrowed_by: Vec::new(),
    }
}

/// The table as people write it.
pub(super) fn pill_of(schema: &str) -> RelationName {
    RelationName { schema: schema.to_owned(), name: PILL.to_owned() }
}

/// The statement that makes the table.
pub(super) fn create_pill(schema: &str) -> String {
    format!("CREATE TABLE {} ({COLUMN}) USING heap", pill_of(schema).sql())
}

/// The function as SQL names it.
pub(super) fn function_sql(schema: &str) -> String {
    format!("{}.{}()", quoted(schema), quoted(REFUSE))
}

/// A word of a catalog as a word of SQL; `None` for one that nobody knows.
fn word(word: &str, known: &[&str]) -> Option<String> {
    known.contains(&word).then(|| word.to_uppercase())
}

/// The statement that makes a function, as `CREATE FUNCTION` or `CREATE OR REPLACE FUNCTION`. `None` where it cannot be
/// written with certainty.
pub(super) fn create_function(
    create: &str,
    schema: &str,
    function: &GuardFunction,
) -> Option<String> {
    let mut words = vec![
        word(&function.volatility, &["volatile", "stable", "immutable"])?,
        format!("PARALLEL {}", word(&function.parallel, &["unsafe", "restricted", "safe"])?),
        format!("COST {}", function.cost),
    ];
    let also = |is: bool, word: &str| is.then(|| word.to_owned());
    words.extend(also(function.definer, "SECURITY DEFINER"));
    words.extend(also(function.strict, "STRICT"));
    words.extend(also(function.leakproof, "LEAKPROOF"));
    match function.settings.as_slice() {
        [] => {}
        [one] if one == SETTING => words.push("SET search_path = pg_catalog".to_owned()),
        _ => return None,
    }
    let body =
        if function.body == BODY { format!("{TAG}{BODY}{TAG}") } else { literal(&function.body) };
    Some(format!(
        "{create} {} RETURNS trigger LANGUAGE plpgsql {} AS {body}",
        function_sql(schema),
        words.join(" ")
    ))
}

/// The statement that makes a trigger, firing in ordinary sessions. `None` for one that has more to it.
pub(super) fn create_trigger(schema: &str, trigger: &GuardTrigger) -> Option<String> {
    if !trigger.narrowed_by.is_empty() {
        return None;
    }
    let (constraint, deferred) = match trigger.constraint.as_deref() {
        None => ("", ""),
        Some(REFUSE) => match (trigger.deferrable, trigger.initially_deferred) {
            (true, true) => ("CONSTRAINT ", "DEFERRABLE INITIALLY DEFERRED "),
            (true, false) => ("CONSTRAINT ", "DEFERRABLE INITIALLY IMMEDIATE "),
            (false, _) => ("CONSTRAINT ", ""),
        },
        // Its constraint was renamed: that cannot be said in one statement.
        Some(_) => return None,
    };
    let events = trigger.events.iter();
    let events = events.map(|event| word(event, &["insert", "update", "delete", "truncate"]));
    Some(format!(
        "CREATE {constraint}TRIGGER {} {} {} ON {} {deferred}FOR EACH {} EXECUTE FUNCTION {}.{}()",
        quoted(REFUSE),
        word(&trigger.timing, &["before", "after"])?,
        events.collect::<Option<Vec<_>>>()?.join(" OR "),
        pill_of(schema).sql(),
        word(&trigger.level, &["row", "statement"])?,
        quoted(&trigger.schema),
        quoted(&trigger.function),
    ))
}

/// The statement that says when the trigger fires; `None` for a word that nobody knows.
pub(super) fn enable(schema: &str, enabled: &str) -> Option<String> {
    let words = match enabled {
        "origin" => "ENABLE",
        "always" => "ENABLE ALWAYS",
        "replica" => "ENABLE REPLICA",
        "disabled" => "DISABLE",
        _ => return None,
    };
    Some(format!("ALTER TABLE {} {words} TRIGGER {}", pill_of(schema).sql(), quoted(REFUSE)))
}
