//! Tables are read, and compared with answers that are made up; a real server answers in `tests/it`.

use serde_json::json;

use super::*;
use crate::kinds::NoFiles;

fn spec(key: &str, mut table: Value) -> (ProofGuard, Vec<Code>) {
    table["database"] = json!("d");
    let mut spec: ProofGuard = serde_json::from_value(table).expect("keys that fit");
    let mut problems = Vec::new();
    spec.prepare(key, &NoFiles, &mut problems);
    (spec, problems.into_iter().map(|problem| problem.code).collect())
}

fn nothing() -> Guard {
    Guard {
        version: 160_013,
        owner: None,
        schema: None,
        pill: None,
        function: None,
        trigger: None,
        grants: Vec::new(),
        recording: std::collections::BTreeMap::new(),
        provers: [("p".to_owned(), Vec::new())].into(),
        comments: std::collections::BTreeMap::new(),
        others: Vec::new(),
    }
}

fn texts(spec: &ProofGuard, key: &str, seen: &Guard) -> Result<Vec<String>, String> {
    match Kind::remedy(spec, key, seen, &Surroundings::default()) {
        Ok(Remedy::Statements(all)) => Ok(all.into_iter().map(|one| one.text).collect()),
        Ok(Remedy::Nothing(why)) => Err(why),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_cannot_be_meant_is_refused() {
    use Code::{BadName, Contradiction, MissingKey, WrongType};
    let long = "x".repeat(64);
    for (key, table, codes) in [
        ("countersign", json!({"provers": ["p"]}), vec![]),
        ("d:Odd \"one\"", json!({"provers": ["p"], "owner": "o"}), vec![]),
        ("countersign", json!({"present": false}), vec![]),
        ("countersign", json!({}), vec![MissingKey]),
        ("countersign", json!({"present": false, "provers": ["p"]}), vec![Contradiction]),
        ("countersign", json!({"present": false, "owner": "o"}), vec![Contradiction]),
        ("countersign", json!({"provers": ["o"], "owner": "o"}), vec![Contradiction]),
        ("countersign", json!({"provers": ["pg_monitor"]}), vec![WrongType]),
        ("countersign", json!({"provers": ["p"], "owner": ""}), vec![WrongType]),
        ("countersign", json!({"provers": [long.as_str()]}), vec![WrongType]),
        ("public", json!({"provers": ["p"]}), vec![BadName]),
        ("pg_x", json!({"provers": ["p"]}), vec![BadName]),
        ("d:*", json!({"provers": ["p"]}), vec![BadName]),
        (long.as_str(), json!({"provers": ["p"]}), vec![BadName]),
    ] {
        assert_eq!(spec(key, table.clone()).1, codes, "{key} {table}");
    }
}

#[test]
fn who_proves_and_who_owns_decides_what_is_asked() {
    let question = |table| spec("countersign", table).0.question("countersign");
    let one = question(json!({"provers": ["p", "q"]}));
    assert_eq!(one, question(json!({"provers": ["q", "p"], "owner": "countersign_owner"})));
    assert_ne!(one, question(json!({"provers": ["p"]})));
    assert_ne!(one, question(json!({"provers": ["p", "q"], "owner": "o"})));
    assert_eq!(pill("d:Odd", "d").sql(), r#""Odd"."pill""#);
}

#[test]
fn of_what_is_not_there_each_object_is_one_difference() {
    let fields = |version| {
        let seen = Guard { version, ..nothing() };
        let found = spec("s", json!({"provers": ["p"]})).0.diff("s", &seen);
        found.differences.into_iter().map(|d| d.field).collect::<Vec<_>>()
    };
    let objects = ["owner", "schema", "pill", "function", "trigger"];
    assert_eq!(fields(140_000), objects);
    let settings =
        ["SET on parameter deadlock_timeout to p", "SET on parameter track_functions to p"];
    assert_eq!(fields(150_000), [&objects[..], &settings].concat());
    let absent = spec("s", json!({"present": false})).0.diff("s", &nothing());
    assert!(absent.differences.is_empty());
}

#[test]
fn no_name_leaves_its_quotes_and_nothing_cascades() {
    let odd = "a\"; DROP TABLE x; --";
    let (table, problems) = spec(odd, json!({"provers": ["p", "q\"--"], "owner": "O'\"--"}));
    assert_eq!(problems, []);
    let mut seen = nothing();
    seen.provers.insert("q\"--".to_owned(), Vec::new());
    let all = texts(&table, odd, &seen).expect("statements");
    let all = all.join("\n");
    assert!(all.contains(r#"CREATE ROLE "O'""--" NOLOGIN"#), "{all}");
    assert!(
        all.contains(r#"CREATE SCHEMA "a""; DROP TABLE x; --" AUTHORIZATION "O'""--""#),
        "{all}"
    );
    assert!(
        all.contains(r#"GRANT INSERT ON TABLE "a""; DROP TABLE x; --"."pill" TO "q""--""#),
        "{all}"
    );
    assert!(!all.contains("CASCADE"), "{all}");
    let without = all.replace(r#""a""; DROP TABLE x; --""#, "S").replace(r#""O'""--""#, "O");
    assert!(!without.contains("DROP") && !without.contains("--\n"), "{without}");
}

#[test]
fn no_role_of_this_program_owns_or_proves() {
    for own in ["p", "countersign_owner"] {
        let own_roles = [(own.to_owned(), "the executor of `d`".to_owned())].into();
        let around = Surroundings { own_roles, ..Surroundings::default() };
        let table = spec("s", json!({"provers": ["p"]})).0;
        let remedy = Kind::remedy(&table, "s", &nothing(), &around);
        assert!(matches!(remedy, Ok(Remedy::Nothing(why)) if why.contains("the executor of `d`")));
    }
}

#[test]
fn what_a_prover_can_become_is_said_by_its_version() {
    let said = |version, powers: Value| {
        let mut seen = Guard { version, ..nothing() };
        let powers = serde_json::from_value(powers).expect("powers");
        seen.provers.insert("p".to_owned(), powers);
        rights::powers("p", "s", &seen)
    };
    let role = |role: &str| json!([{"role": role, "createrole": true}]);
    assert_eq!(said(150_000, role("p")), ["createrole"]);
    assert_eq!(said(150_000, role("Admin")), ["createrole as \"Admin\""]);
    assert_eq!(said(160_000, role("p")), [""; 0]);
    let writes = json!([{"role": "pg_write_all_data", "can": ["UPDATE", "DELETE"]}]);
    let shown = ["UPDATE on s.pill as pg_write_all_data", "DELETE on s.pill as pg_write_all_data"];
    assert_eq!(said(160_000, writes), shown);
    assert_eq!(
        said(160_000, json!([{"role": "p", "superuser": true, "can": ["UPDATE"]}])),
        ["superuser"]
    );
}
