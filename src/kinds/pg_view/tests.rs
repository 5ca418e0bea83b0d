//! Views compared: what cannot be meant, and each attribute.

use serde_json::json;

use super::*;
use crate::kinds::NoFiles;
use crate::model::Reason;

fn prepared(name: &str, mut table: Value) -> (PgView, Vec<Code>) {
    table["database"] = json!("d");
    let mut spec: PgView = serde_json::from_value(table).expect("keys that fit");
    let mut problems = Vec::new();
    spec.prepare(name, &NoFiles, &mut problems);
    (spec, problems.into_iter().map(|problem| problem.code).collect())
}

fn view(changes: &Value) -> View {
    let mut view = json!({
        "schema": "public", "name": "v", "materialized": false, "owner": "me",
        "columns": [{"name": "id", "type": "integer"}, {"name": "Odd", "type": "text"}],
        "definition": " SELECT id,\n    \"Odd\"\n   FROM public.t;",
        "options": ["check_option=local", "security_barrier=on"],
    });
    view.as_object_mut().expect("an object").extend(changes.as_object().expect("keys").clone());
    serde_json::from_value(view).expect("a view")
}

fn lines(table: Value, seen: &Seen<View>) -> Vec<String> {
    let (spec, problems) = prepared("public.v", table);
    assert_eq!(problems, []);
    let found = spec.diff("public.v", seen);
    let blind = found.blind.iter().map(|blind| format!("blind {}", blind.field));
    let line = |d: &Difference| format!("{} {} {}", d.field, d.desired, d.actual);
    found.differences.iter().map(line).chain(blind).collect()
}

#[test]
fn what_cannot_be_meant_is_refused() {
    for (name, table, codes) in [
        ("public.v", json!({}), vec![]),
        ("v", json!({}), vec![Code::BadName]),
        ("*.v", json!({"only": []}), vec![]),
        ("public.*", json!({}), vec![Code::MissingKey]),
        ("public.*", json!({"only": ["other.v"]}), vec![Code::Contradiction]),
        ("public.*", json!({"only": [], "owner": "me"}), vec![Code::Contradiction]),
        ("a.v", json!({"present": false, "owner": "me"}), vec![Code::Contradiction]),
        (
            "a.v",
            json!({"definition": "x", "definition_sha256": "0".repeat(64)}),
            vec![Code::Contradiction],
        ),
        ("a.v", json!({"definition": " "}), vec![Code::Empty]),
        ("a.v", json!({"definition_file": "x.sql"}), vec![Code::MissingFile]),
        ("a.v", json!({"columns": ["id"]}), vec![Code::WrongType]),
        ("a.v", json!({"materialized": false, "populated": true}), vec![Code::Contradiction]),
        ("a.v", json!({"materialized": true, "security_barrier": true}), vec![Code::Contradiction]),
    ] {
        assert_eq!(prepared(name, table.clone()).1, codes, "{name} {table}");
    }
}

#[test]
fn each_attribute_is_compared() {
    let seen = Seen::One(Box::new(view(&json!({}))));
    for same in [
        json!({"definition": "SELECT id,\n    \"Odd\"\n   FROM public.t\n", "columns": ["id integer", "\"Odd\" text"]}),
        json!({"security_barrier": true, "security_invoker": false, "check_option": "local", "options": []}),
        json!({"rules": {}, "comment": "", "owner": "me", "materialized": false}),
    ] {
        assert_eq!(lines(same, &seen), Vec::<String>::new());
    }
    for (other, line) in [
        (json!({"present": false}), r#"presence "absent" "present""#),
        (json!({"owner": "you"}), r#"owner "you" "me""#),
        (json!({"materialized": true}), "materialized true false"),
        (json!({"populated": true}), "materialized true false"),
        (json!({"columns": ["id bigint", "\"Odd\" text"]}), r#"columns.id "bigint" "integer""#),
        (json!({"security_barrier": false}), "security_barrier false true"),
        (json!({"security_invoker": true}), "security_invoker true false"),
        (json!({"check_option": "none"}), r#"check_option "none" "local""#),
        (json!({"options": ["fillfactor=70"]}), r#"options.fillfactor "70" null"#),
        (json!({"rules": {"r": "x"}}), r#"rules.r "present" null"#),
        (json!({"comment": "x"}), r#"comment "x" null"#),
    ] {
        assert_eq!(lines(other, &seen), [line]);
    }
    let absent = lines(json!({"owner": "me"}), &Seen::Absent);
    assert_eq!(absent, [r#"presence "present" "absent""#]);
    let (spec, _) = prepared("public.v", json!({"definition": "SELECT 1"}));
    let difference = spec.diff("public.v", &seen).differences.remove(0);
    assert!(difference.unified.expect("lines").contains("+   FROM public.t\n"));
}

#[test]
fn rules_and_filling_are_compared() {
    let rule = json!({"name": "r", "definition": "CREATE RULE r;", "enabled": "disabled"});
    let seen = Seen::One(Box::new(view(&json!({"rules": [rule]}))));
    assert_eq!(lines(json!({"rules": {}}), &seen), [r#"rules.r null "present""#]);
    let wanted = json!({"rules": {"r": "CREATE RULE r"}});
    assert_eq!(lines(wanted, &seen), [r#"rules.r.enabled "origin" "disabled""#]);
    let stored = Seen::One(Box::new(view(&json!({"materialized": true, "populated": false}))));
    assert_eq!(lines(json!({"populated": true}), &stored), ["populated true false"]);
}

#[test]
fn a_list_is_compared_and_an_answer_to_another_question_is_none() {
    let (spec, _) = prepared("public.*", json!({"only": ["public.v"]}));
    let seen = Seen::Matched([("public.w".to_owned(), None)].into());
    assert_eq!(spec.diff("public.*", &seen).differences.len(), 2);
    let blind = spec.diff("public.*", &Seen::Absent).blind.remove(0);
    assert_eq!(blind.unknown.reason, Reason::NotRecorded);
}
