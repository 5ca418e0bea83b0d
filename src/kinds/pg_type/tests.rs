//! Types compared: what cannot be meant, and each attribute.

use serde_json::json;

use super::*;
use crate::kinds::NoFiles;

fn prepared(name: &str, mut table: Value) -> (PgType, Vec<Code>) {
    table["database"] = json!("d");
    let mut spec: PgType = serde_json::from_value(table).expect("keys that fit");
    let mut problems = Vec::new();
    spec.prepare(name, &NoFiles, &mut problems);
    (spec, problems.into_iter().map(|problem| problem.code).collect())
}

fn lines(table: Value, is: &Value) -> Vec<String> {
    let mut one = json!({"schema": "public", "name": "t", "owner": "me"});
    one.as_object_mut().expect("an object").extend(is.as_object().expect("keys").clone());
    let one = serde_json::from_value(one).expect("a type");
    let (spec, problems) = prepared("public.t", table);
    assert_eq!(problems, []);
    let found = spec.diff("public.t", &Seen::One(Box::new(one)));
    let line = |d: &Difference| format!("{} {} {}", d.field, d.desired, d.actual);
    found.differences.iter().map(line).collect()
}

#[test]
fn what_cannot_be_meant_is_refused() {
    for (name, table, codes) in [
        ("public.t", json!({}), vec![]),
        ("public.t", json!({"collation": "public.x", "subtype": "text"}), vec![]),
        ("public.t", json!({"labels": ["a"], "base": "text"}), vec![Code::Contradiction]),
        ("public.t", json!({"kind": "range", "labels": []}), vec![Code::Contradiction]),
        ("public.t", json!({"labels": ["a", "a"]}), vec![Code::Contradiction]),
        ("public.t", json!({"attributes": ["a"]}), vec![Code::WrongType]),
        ("public.t", json!({"present": false, "owner": "x"}), vec![Code::Contradiction]),
        ("t", json!({}), vec![Code::BadName]),
    ] {
        assert_eq!(prepared(name, table.clone()).1, codes, "{name} {table}");
    }
}

#[test]
fn labels_have_an_order() {
    let mood = json!({"kind": "enum", "labels": ["sad", "fine"]});
    assert!(lines(json!({"labels": ["sad", "fine"]}), &mood).is_empty());
    let found = lines(json!({"labels": ["fine", "sad"]}), &mood);
    assert_eq!(found, [r#"labels ["fine","sad"] ["sad","fine"]"#]);
    let found = lines(json!({"labels": ["sad", "ok"]}), &mood);
    assert_eq!(found, [r#"labels.ok "present" null"#, r#"labels.fine null "present""#]);
}

#[test]
fn a_type_of_another_kind_is_one_difference() {
    let mood = json!({"kind": "enum", "labels": ["sad"]});
    let found = lines(json!({"base": "text", "checks": {"c": "x"}, "owner": "me"}), &mood);
    assert_eq!(found, [r#"kind "domain" "enum""#]);
}

#[test]
fn domains_composites_and_ranges_are_compared() {
    let check = json!({"name": "c", "definition": "(VALUE > 0)", "validated": false});
    let domain = json!({"kind": "domain", "base": "integer", "not_null": true, "default": "1", "checks": [check]});
    for (table, line) in [
        (json!({"base": "bigint"}), r#"base "bigint" "integer""#),
        (json!({"base": "integer", "not_null": false}), "not_null false true"),
        (json!({"default": ""}), r#"default null "1""#),
        (json!({"collation": "public.x"}), r#"collation "public.x" null"#),
        (json!({"checks": {}}), r#"checks.c null "(VALUE > 0)""#),
        (json!({"checks": {"c": "(VALUE > 0)"}}), "checks.c.validated true false"),
        (json!({"kind": "domain", "owner": "you"}), r#"owner "you" "me""#),
        (json!({"kind": "domain", "comment": "x"}), r#"comment "x" null"#),
    ] {
        // A collation alone fits a range as well, so nothing says that a domain is meant.
        assert_eq!(lines(table, &domain), [line]);
    }
    let composite = json!({"kind": "composite", "attributes": [{"name": "a", "type": "text"}]});
    let found = lines(json!({"attributes": ["a integer"]}), &composite);
    assert_eq!(found, [r#"attributes.a "integer" "text""#]);
    let range = json!({"kind": "range", "range": {"subtype": "float8", "subtype_opclass": "o.c", "subtype_diff": "f"}});
    for (table, line) in [
        (json!({"subtype": "text"}), r#"subtype "text" "float8""#),
        (json!({"subtype_opclass": "x.y"}), r#"subtype_opclass "x.y" "o.c""#),
        (json!({"subtype_diff": ""}), r#"subtype_diff null "f""#),
        (json!({"canonical": "x"}), r#"canonical "x" null"#),
        (json!({"multirange": "m"}), r#"multirange "m" null"#),
    ] {
        assert_eq!(lines(table, &range), [line]);
    }
}
