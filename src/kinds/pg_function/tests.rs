//! Functions that are compared without a server: what the table may say, and what a difference looks like.

use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::model::{Change, Code};

struct Bodies;

impl Files for Bodies {
    fn read(&self, path: &str) -> Result<Arc<[u8]>, String> {
        match path {
            "sql/f.sql" => Ok(Arc::from(*b"SELECT 1\n")),
            "sql/raw.sql" => Ok(Arc::from(*b"\xff")),
            "sql/long.sql" => Ok(Arc::from(vec![b'x'; (1 << 20) + 1])),
            _ => Err("no such file".to_owned()),
        }
    }
}

fn prepared(name: &str, mut table: Value) -> (PgFunction, Vec<Code>) {
    table["database"] = json!("d");
    let mut spec: PgFunction = serde_json::from_value(table).expect("keys that fit");
    let mut problems = Vec::new();
    spec.prepare(name, &Bodies, &mut problems);
    (spec, problems.into_iter().map(|problem| problem.code).collect())
}

fn function() -> Function {
    let stored = json!({
        "schema": "public", "name": "f", "arguments": "text", "signature": "a text", "kind": "function",
        "returns": "integer", "language": "sql", "owner": "o", "volatility": "volatile", "parallel": "unsafe",
        "cost": "0.0025", "rows": "0", "body": "SELECT 1", "settings": ["app.token=x", "search_path=\"\""],
    });
    serde_json::from_value(stored).expect("a function")
}

fn seen(function: Function) -> Seen {
    Seen::One(Box::new(Found { function, definition: None }))
}

fn differences(table: Value, seen: &Seen) -> Vec<String> {
    let (spec, codes) = prepared("public.f(text)", table);
    assert_eq!(codes, []);
    let found = spec.diff("public.f(text)", seen);
    let blind =
        found.blind.iter().map(|blind| format!("blind {} {}", blind.field, blind.unknown.reason));
    let differ =
        found.differences.iter().map(|d| format!("{} {} {}", d.field, d.desired, d.actual));
    differ.chain(blind).collect()
}

#[test]
fn what_cannot_be_meant_is_refused() {
    let long = "x".repeat((1 << 20) + 1);
    for (name, table, codes) in [
        ("public.f(text)", json!({}), vec![]),
        ("d:public.f(text)", json!({"body_file": "sql/f.sql"}), vec![]),
        (r#"s."odd,f"(s."a,b", text[])"#, json!({}), vec![]),
        ("public.f", json!({}), vec![Code::BadName]),
        ("public.f(text,text)", json!({}), vec![Code::BadName]),
        ("public.f()", json!({"present": false, "owner": "x"}), vec![Code::Contradiction]),
        (
            "public.f()",
            json!({"present": false, "security_definer": true}),
            vec![Code::Contradiction],
        ),
        (
            "public.f()",
            json!({"body": "x", "body_sha256": "0".repeat(64)}),
            vec![Code::Contradiction],
        ),
        ("public.f()", json!({"body_file": "sql/g.sql"}), vec![Code::MissingFile]),
        ("public.f()", json!({"body_file": "sql/raw.sql"}), vec![Code::Encoding]),
        ("public.f()", json!({"body_file": "sql/long.sql"}), vec![Code::Limit]),
        ("public.f()", json!({"body": long}), vec![Code::Limit]),
        ("public.f()", json!({"definition_md5": "0"}), vec![Code::WrongType]),
        ("public.f()", json!({"pin": format!("2:{}", "0".repeat(64))}), vec![Code::WrongType]),
        ("public.f()", json!({"pin": "1:0"}), vec![Code::WrongType]),
        ("public.f()", json!({"aggregate": {"sfunc": "x"}}), vec![Code::UnknownKey]),
        ("public.f()", json!({"only": []}), vec![Code::Contradiction]),
        ("public.*", json!({}), vec![Code::MissingKey]),
        ("public.*", json!({"only": ["public.f(text)"]}), vec![]),
        ("public.*", json!({"only": ["public.f"]}), vec![Code::WrongType]),
        ("public.*", json!({"only": ["other.f()"]}), vec![Code::Contradiction]),
        ("public.*", json!({"only": [], "owner": "x"}), vec![Code::Contradiction]),
        ("*", json!({"only": [], "security_definer": true}), vec![]),
        ("*", json!({"only": [], "security_definer": false}), vec![Code::Contradiction]),
    ] {
        assert_eq!(
            prepared(name, table.clone()).1,
            codes,
            "{name} {}",
            crate::model::display::one_line(&table.to_string(), 80)
        );
    }
    let unknown = json!({"database": "d", "volatility": "eternal"});
    assert!(serde_json::from_value::<PgFunction>(unknown).is_err());
}

#[test]
fn attributes_are_compared_by_name() {
    let is = seen(function());
    let right = json!({
        "kind": "function", "signature": "a text", "returns": "integer", "language": "sql", "owner": "o",
        "security_definer": false, "volatility": "volatile", "parallel": "unsafe", "strict": false, "leakproof": false,
        "cost": 0.0025, "rows": 0, "library": "", "support": "", "extension": "", "comment": "",
        "body_file": "sql/f.sql",
    });
    assert_eq!(differences(right, &is), Vec::<String>::new());
    let wrong = json!({
        "kind": "procedure", "signature": "", "returns": "", "language": "c", "owner": "p", "security_definer": true,
        "volatility": "stable", "parallel": "safe", "strict": true, "leakproof": true, "cost": 1, "rows": 1,
        "library": "x", "support": "x", "extension": "x", "comment": "x", "aggregate": {"final": "x"}, "body": "SELECT 2",
    });
    let fields: Vec<String> = differences(wrong, &is)
        .iter()
        .filter_map(|line| line.split(' ').next().map(str::to_owned))
        .collect();
    let expected = [
        "kind",
        "signature",
        "returns",
        "language",
        "owner",
        "security_definer",
        "volatility",
        "parallel",
        "strict",
        "leakproof",
        "cost",
        "rows",
        "library",
        "aggregate.final",
        "support",
        "extension",
        "comment",
        "body",
    ];
    assert_eq!(fields, expected);
}

#[test]
fn settings_are_a_set_and_secrets_are_digests() {
    let mut is = function();
    is.hide_settings(is_secretive);
    assert!(is.settings[0].starts_with("app.token=sha256:"), "{:?}", is.settings);
    let is = seen(is);
    let table = json!({"settings": {"app.token": "x", "search_path": "\"\""}});
    assert_eq!(differences(table, &is), Vec::<String>::new());
    let (spec, _) =
        prepared("public.f(text)", json!({"settings": {"app.token": "y", "work_mem": "1MB"}}));
    let found = spec.diff("public.f(text)", &is).differences;
    let lines: Vec<_> = found.iter().map(|d| (d.field.as_str(), d.change)).collect();
    let expected = [
        ("settings.app.token", None),
        ("settings.work_mem", Some(Change::Missing)),
        ("settings.search_path", Some(Change::Unlisted)),
    ];
    assert_eq!(lines, expected);
    assert!(found[0].desired.as_str().is_some_and(|shown| shown.starts_with("sha256:")));
}

#[test]
fn a_body_that_differs_is_shown_by_its_lines() {
    let mut is = function();
    is.body = "SELECT 1\n--\u{202e}\n".to_owned();
    let (spec, _) = prepared("public.f(text)", json!({"body_file": "sql/f.sql"}));
    let found = spec.diff("public.f(text)", &seen(is.clone())).differences;
    let lines = found[0].unified.as_deref().expect("lines");
    assert!(lines.ends_with("@@ -1 +1,2 @@\n SELECT 1\n+--\\u{202e}\n"), "{lines}");
    // One newline more is a text file's; two are a difference, and so is one that the body has and the file has not.
    is.body = "SELECT 1\n".to_owned();
    assert_eq!(
        differences(json!({"body_file": "sql/f.sql"}), &seen(is.clone())),
        Vec::<String>::new()
    );
    assert_eq!(differences(json!({"body": "SELECT 1"}), &seen(is)).len(), 1);
    assert_eq!(differences(json!({"body": "SELECT 1\n"}), &seen(function())).len(), 1);
}

#[test]
fn digests_are_compared_or_the_reason_is_named() {
    let digests = |usual: &str, bare: &str| {
        let (usual, bare) = (Some(usual.to_owned()), Some(bare.to_owned()));
        let definition = Some(Ok(Definition { routine: None, usual, bare }));
        Seen::One(Box::new(Found { function: function(), definition }))
    };
    let (a, b, c) = ("a".repeat(32), "b".repeat(32), "C".repeat(32));
    for wanted in [&a, &b] {
        let table = json!({ "definition_md5": wanted });
        assert_eq!(differences(table, &digests(&a, &b)), Vec::<String>::new());
    }
    let table = json!({ "definition_md5": c });
    let expected = format!("definition_md5 {:?} {a:?}", c.to_lowercase());
    assert_eq!(differences(table.clone(), &digests(&a, &b)), [expected]);
    assert_eq!(
        differences(table.clone(), &seen(function())),
        ["blind definition_md5 not_recorded"]
    );
    let none = Definition { routine: None, usual: None, bare: None };
    let aggregate = Seen::One(Box::new(Found { function: function(), definition: Some(Ok(none)) }));
    assert_eq!(differences(table, &aggregate), ["blind definition_md5 not_supported"]);
}

#[test]
fn a_pin_changes_with_every_field_that_it_is_about() {
    let pin = compare::pin_of(&function());
    assert_eq!(
        differences(json!({"pin": pin.to_uppercase()}), &seen(function())),
        Vec::<String>::new()
    );
    let changes: [fn(&mut Function); 13] = [
        |f| f.kind = "window".into(),
        |f| f.signature.push('x'),
        |f| f.returns = None,
        |f| f.returns = Some(String::new()),
        |f| f.language = "c".into(),
        |f| f.body.push(' '),
        |f| f.library = Some(String::new()),
        |f| f.security_definer = true,
        |f| f.volatility = "stable".into(),
        |f| f.strict = true,
        |f| f.parallel = "safe".into(),
        |f| f.owner = "p".into(),
        |f| drop(f.settings.pop()),
    ];
    let mut pins = std::collections::BTreeSet::from([pin.clone()]);
    for change in changes {
        let mut other = function();
        change(&mut other);
        pins.insert(compare::pin_of(&other));
    }
    assert_eq!(pins.len(), 14);
    let quiet: [fn(&mut Function); 4] = [
        |f| f.cost = "9".into(),
        |f| f.rows = "9".into(),
        |f| f.comment = Some("x".into()),
        |f| f.leakproof = true,
    ];
    for change in quiet {
        let mut other = function();
        change(&mut other);
        assert_eq!(compare::pin_of(&other), pin);
    }
}

#[test]
fn lists_leave_out_what_was_supplied_but_not_from_those_with_rights() {
    let routine = |name: &str, security_definer, supplied| Routine {
        name: name.into(),
        kind: "function".into(),
        language: "sql".into(),
        owner: "o".into(),
        security_definer,
        supplied,
    };
    let all = [
        routine("pg_catalog.lower(text)", true, true),
        routine("public.a()", false, false),
        routine("public.b()", true, false),
    ];
    let names = |table: Value, pattern: &str| -> Vec<String> {
        let (spec, codes) = prepared(pattern, table);
        assert_eq!(codes, []);
        list(&spec, pattern, &all).into_iter().map(|routine| routine.name).collect()
    };
    assert_eq!(names(json!({"only": []}), "*"), ["public.a()", "public.b()"]);
    assert_eq!(names(json!({"only": []}), "public.b*"), ["public.b()"]);
    let definers = json!({"only": [], "security_definer": true});
    assert_eq!(names(definers, "*"), ["pg_catalog.lower(text)", "public.b()"]);
    let (spec, _) = prepared("public.*", json!({"only": ["public.c()"]}));
    let found = spec.diff("public.*", &Seen::List(all[1..2].to_vec())).differences;
    let lines: Vec<String> = found.iter().map(|d| format!("{} {}", d.field, d.actual)).collect();
    assert_eq!(lines, [r#"public.a() "function, sql, owner o""#, "public.c() null"]);
}
