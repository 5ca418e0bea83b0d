//! Triggers that are compared without a server.

use serde_json::{Value, json};

use super::*;
use crate::kinds::NoFiles;

fn prepared(name: &str, mut table: Value) -> (PgTrigger, Vec<Code>) {
    table["database"] = json!("d");
    let mut spec: PgTrigger = serde_json::from_value(table).expect("keys that fit");
    let mut problems = Vec::new();
    spec.prepare(name, &NoFiles, &mut problems);
    (spec, problems.into_iter().map(|problem| problem.code).collect())
}

fn seen() -> Seen {
    let trigger = json!({
        "schema": "public", "table": "t", "name": "g", "enabled": "origin", "timing": "before",
        "events": ["insert", "update"], "columns": ["a", "b"], "level": "row", "when": "(new.a > 0)",
        "function": "public.f()", "arguments": ["x"],
    });
    let trigger = serde_json::from_value(trigger).expect("a trigger");
    Seen::One(Box::new(Found { trigger, definition: Some("CREATE TRIGGER g …".into()) }))
}

fn differences(name: &str, table: Value, seen: &Seen) -> Vec<String> {
    let (spec, codes) = prepared(name, table);
    assert_eq!(codes, []);
    let found = spec.diff(name, seen);
    assert_eq!(found.blind, []);
    found.differences.iter().map(|d| format!("{} {} {}", d.field, d.desired, d.actual)).collect()
}

#[test]
fn what_cannot_be_meant_is_refused() {
    for (name, table, codes) in [
        ("public.t.g", json!({}), vec![]),
        ("d:public.t.g", json!({"enabled": "always"}), vec![]),
        ("public.t", json!({}), vec![Code::BadName]),
        ("public.t.g", json!({"events": []}), vec![Code::Empty]),
        ("public.t.g", json!({"present": false, "when": ""}), vec![Code::Contradiction]),
        ("public.t.g", json!({"constraints_fire": true}), vec![Code::Contradiction]),
        ("public.t.*", json!({}), vec![Code::MissingKey]),
        ("public.t.*", json!({"only": ["public.t.g"], "constraints_fire": false}), vec![]),
        ("public.t.*", json!({"only": ["public.t.G"]}), vec![Code::WrongType]),
        ("public.t.*", json!({"only": [], "enabled": "origin"}), vec![Code::Contradiction]),
        ("public.t.*", json!({"only": [], "present": false}), vec![Code::Contradiction]),
    ] {
        assert_eq!(prepared(name, table.clone()).1, codes, "{name} {table}");
    }
    for wrong in
        [json!({"enabled": "yes"}), json!({"timing": "instead_of"}), json!({"events": ["UPDATE"]})]
    {
        let mut table = wrong.clone();
        table["database"] = json!("d");
        assert!(serde_json::from_value::<PgTrigger>(table).is_err(), "{wrong}");
    }
}

#[test]
fn attributes_are_compared_by_name() {
    let right = json!({
        "enabled": "origin", "timing": "before", "events": ["update", "insert"], "columns": ["b", "a"], "level": "row",
        "when": "(new.a > 0)", "function": "public.f()", "arguments": ["x"], "constraint": false, "deferrable": false,
        "initially_deferred": false, "referenced": "", "old_table": "", "new_table": "", "parent": "", "comment": "",
        "definition": "CREATE TRIGGER g …",
    });
    assert_eq!(differences("public.t.g", right, &seen()), Vec::<String>::new());
    let wrong = json!({
        "enabled": "disabled", "timing": "instead of", "events": ["truncate"], "columns": [], "level": "statement",
        "when": "", "function": "f()", "arguments": [], "constraint": true, "deferrable": true,
        "initially_deferred": true, "referenced": "x", "old_table": "x", "new_table": "x", "parent": "x", "comment": "x",
        "definition": "",
    });
    let found = differences("public.t.g", wrong, &seen());
    let fields: Vec<&str> = found.iter().filter_map(|line| line.split(' ').next()).collect();
    let expected = [
        "enabled",
        "timing",
        "events",
        "columns",
        "level",
        "when",
        "function",
        "arguments",
        "constraint",
        "deferrable",
        "initially_deferred",
        "referenced",
        "old_table",
        "new_table",
        "parent",
        "definition",
        "comment",
    ];
    assert_eq!(fields, expected);
    assert_eq!(
        differences("public.t.g", json!({}), &Seen::Absent),
        [r#"presence "present" "absent""#]
    );
}

#[test]
fn a_list_names_what_came_and_which_constraint_holds_for_nobody() {
    let listed = |name: &str, internal, enabled: &str| ListedTrigger {
        name: name.into(),
        key: format!("public.t.{name}"),
        table: "public.t".into(),
        enabled: enabled.into(),
        internal,
        function: "public.f()".into(),
    };
    let list = Seen::List(vec![
        listed("g", false, "disabled"),
        listed("RI_FKey_check_ins of constraint public.t.fk", true, "disabled"),
        listed("RI_FKey_check_upd of constraint public.t.fk", true, "origin"),
        listed("zz", false, "always"),
    ]);
    let only = json!(["public.t.g", "public.t.gone"]);
    let found = differences("public.t.*", json!({ "only": only }), &list);
    let expected = [
        r#"zz on public.t null "always, public.f()""#,
        r#"gone on public.t "present" null"#,
        r#"RI_FKey_check_ins of constraint public.t.fk on public.t "origin" "disabled""#,
    ];
    assert_eq!(found, expected);
    let found = differences("public.t.*", json!({"only": only, "constraints_fire": false}), &list);
    assert_eq!(found, expected[..2]);
}
