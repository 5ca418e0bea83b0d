//! Tables are read, and compared with answers that are made up; a real server answers in `tests/it`.

use serde_json::json;

use super::*;
use crate::kinds::NoFiles;
use crate::kinds::test_world::lines;

fn spec(key: &str, table: &Value) -> (PgGrant, Vec<String>) {
    let mut table = table.clone();
    table["database"] = json!("lab");
    let mut spec: PgGrant = serde_json::from_value(table).expect("keys that fit");
    let mut problems = Vec::new();
    spec.prepare(key, &NoFiles, &mut problems);
    let shown = |problem: &Problem| format!("{} {}", problem.code, problem.message);
    (spec, problems.iter().map(shown).collect())
}

#[track_caller]
fn refused(key: &str, table: &Value, code: Code, words: &str) {
    let problems = spec(key, table).1;
    let found = problems.iter().any(|p| p.starts_with(&code.to_string()) && p.contains(words));
    assert!(found, "{key} {table}: {problems:?}");
}

#[test]
fn what_cannot_be_meant_is_refused() {
    for (key, table) in [
        ("cutter_exec", json!({"grants": []})),
        ("lab:PUBLIC", json!({"grants": ["USAGE on schema s"], "within": ["s*"]})),
        ("on public.t", json!({"grants": ["SELECT, UPDATE (a) to x, PUBLIC"]})),
        ("in schema s", json!({"grants": ["SELECT on s.t to x", "USAGE on schema s to x"]})),
        ("in schema s", json!({"grants": ["SELECT on future tables of o in schema s to x"]})),
        ("x", json!({"denied": ["EXECUTE on all functions in schema s"]})),
        ("x", json!({"grants": ["no SELECT on s.a", "SELECT on all tables in schema s"]})),
    ] {
        assert_eq!(spec(key, &table).1, [""; 0], "{key} {table}");
    }
    let grants = |list: &[&str]| json!({ "grants": list });
    refused("x", &json!({}), Code::Empty, "says nothing");
    refused("Cutter", &grants(&[]), Code::BadName, "double quotes");
    refused("public.t", &grants(&[]), Code::BadName, "stands behind");
    refused("x", &grants(&["SELEC on s.t"]), Code::WrongType, "`SELEC on s.t`: tables have no");
    refused("x", &grants(&["SELECT on s.t to x"]), Code::WrongType, "says already");
    refused("on s.t", &grants(&["SELECT"]), Code::WrongType, "to whom");
    refused("on s.t", &grants(&["SELECT on s.t to x"]), Code::WrongType, "says already");
    refused("on s.t", &grants(&["EXECUTE to x"]), Code::WrongType, "`EXECUTE`");
    refused("in schema s", &grants(&["SELECT on other.t to x"]), Code::Contradiction, "outside");
    refused(
        "in schema s",
        &grants(&["CONNECT on database d to x"]),
        Code::Contradiction,
        "no schema",
    );
    refused(
        "x",
        &grants(&["SELECT on s.t", "no SELECT on s.t"]),
        Code::Contradiction,
        "not wanted",
    );
    refused("x", &grants(&["SELECT on s.t", "SELECT on table s.t"]), Code::Redundant, "twice");
    refused(
        "x",
        &json!({"grants": ["SELECT on a.t"], "within": ["b"]}),
        Code::Contradiction,
        "`a`",
    );
    refused("x", &json!({"grants": [], "within": []}), Code::Empty, "no schema");
    refused(
        "x",
        &json!({"denied": ["SELECT on a.t"], "within": ["a"]}),
        Code::Contradiction,
        "neither",
    );
    refused("on s.t", &json!({"denied": ["SELECT to x"]}), Code::Contradiction, "about one role");
    refused("x", &json!({"denied": ["no SELECT on s.t"]}), Code::Contradiction, "`no`");
    refused(
        "x",
        &json!({"allowed": ["SELECT on s.t granted by o"]}),
        Code::Contradiction,
        "reasons",
    );
    refused(
        "x",
        &json!({"allowed": ["SELECT on future tables of o"]}),
        Code::Contradiction,
        "exist",
    );
}

#[test]
fn what_is_said_elsewhere_is_one_grant_and_said_there_alone() {
    for (elsewhere, words) in [
        ("SELECT on s.t", "in `grants` too"),
        ("no SELECT on s.u", "thing by thing"),
        ("SELECT on s.u with grant option", "thing by thing"),
        ("SELECT on all tables in schema s", "thing by thing"),
    ] {
        let table = json!({"grants": ["SELECT on s.t"], "elsewhere": [elsewhere]});
        refused("x", &table, Code::Contradiction, words);
    }
    refused(
        "x",
        &json!({"denied": ["SELECT on a.t"], "elsewhere": []}),
        Code::Contradiction,
        "neither",
    );
}

/// An answer with these sentences as grants to `x`: `granted`, `initial` or `revoked`, then the sentence.
fn seen(grants: &[(&str, &str)]) -> Value {
    let grant = |(standing, text): &(&str, &str)| {
        let phrase = crate::model::grant::Phrase::parse(text, None).expect(text);
        let on = wanted::things(&phrase)[0].clone();
        let (privilege, column) = wanted::privileges(&phrase, 160_000)[0].clone();
        let mut grant = serde_json::to_value(&on).expect("plain data");
        grant["privilege"] = json!(privilege);
        grant["column"] = json!(column);
        grant["grantee"] = json!("x");
        grant["standing"] = json!(standing);
        grant["with_grant_option"] = json!(phrase.with_grant_option);
        grant["granted_by"] = json!(["owner"]);
        grant
    };
    let grants: Vec<Value> = grants.iter().map(grant).collect();
    json!({
        "version": 160_000, "present": true, "grants": grants, "absent": {}, "all": {},
        "effective": { "Ok": {} },
    })
}

#[track_caller]
fn compared(table: &Value, seen: Value, expected: &[&str]) -> Comparison {
    let (spec, problems) = spec("x", table);
    assert_eq!(problems, [""; 0], "{table}");
    let seen: Seen = serde_json::from_value(seen).expect("an answer");
    let found = spec.diff("x", &seen);
    assert_eq!(lines(&Ok(found.clone())), expected, "{table}");
    found
}

#[test]
fn a_list_is_complete_in_both_directions() {
    let there = [("granted", "SELECT on s.a"), ("granted", "UPDATE (c) on s.a with grant option")];
    let table =
        json!({"grants": ["SELECT, UPDATE (c) on s.a with grant option", "USAGE on schema s"]});
    let found = compared(
        &table,
        seen(&there),
        &[
            r#"USAGE on schema s to x "present" null"#,
            r#"SELECT on s.a to x "with grant option" "without grant option""#,
        ],
    );
    assert_eq!(found.seen.as_deref(), Some("2/3 grants"));
    let found = compared(
        &json!({"grants": ["SELECT on s.a"]}),
        seen(&there),
        &[r#"UPDATE (c) on s.a to x null "with grant option""#],
    );
    assert_eq!(found.seen.as_deref(), Some("1 grant, 1 unlisted"));
    compared(&json!({"grants": [], "within": ["other"]}), seen(&there), &[]);
    let elsewhere =
        json!({"grants": [], "elsewhere": ["SELECT, UPDATE (c), INSERT on s.a, s.absent"]});
    compared(&elsewhere, seen(&there), &[]);
    compared(
        &json!({"grants": ["SELECT on s.a granted by other"], "within": ["s"]}),
        seen(&there[..1]),
        &[r#"SELECT on s.a to x "granted by other" "granted by owner""#],
    );
}

#[test]
fn the_beginning_is_listed_only_where_it_was_changed() {
    let there = [("initial", "SELECT on s.a"), ("revoked", "UPDATE on s.a")];
    let gone = r#"UPDATE on s.a to x "as from the beginning" null"#;
    compared(&json!({"grants": []}), seen(&there), &[gone]);
    compared(&json!({"grants": ["SELECT on s.a"]}), seen(&there), &[gone]);
    compared(&json!({"grants": ["no UPDATE on s.a"]}), seen(&there), &[]);
    let gone = r#"UPDATE on s.a to x "present" null"#;
    compared(&json!({"grants": ["UPDATE on s.a"]}), seen(&there), &[gone]);
    let there_still = r#"SELECT on s.a to x null "present""#;
    compared(&json!({"grants": ["no SELECT, UPDATE on s.a"]}), seen(&there), &[there_still]);
}

#[test]
fn all_of_a_schema_is_each_of_it() {
    let mut answer = seen(&[("granted", "SELECT on s.a"), ("granted", "SELECT on s.extension")]);
    let table = json!({"grants": ["SELECT on all tables in schema s", "no SELECT on s.secret"]});
    compared(
        &table,
        answer.clone(),
        &[
            r#"SELECT on s.a to x null "present""#,
            r#"SELECT on s.extension to x null "present""#,
            "blind tables in schema s not_recorded",
        ],
    );
    let thing = |name: &str| json!({"class": "table", "schema": "s", "name": name});
    answer["all"] = json!({"tables in schema s": [thing("a"), thing("b"), thing("secret")]});
    compared(&table, answer, &[r#"SELECT on s.b to x "present" null"#]);
}

#[test]
fn all_privileges_are_those_of_the_version() {
    let mut answer = seen(&[("granted", "CREATE on schema s"), ("granted", "USAGE on schema s")]);
    compared(&json!({"grants": ["ALL on schema s"]}), answer.clone(), &[]);
    answer["grants"] = json!([]);
    answer["version"] = json!(170_000);
    let found = compared_count(&json!({"grants": ["ALL on s.t"]}), answer);
    assert_eq!(found, 8, "with MAINTAIN");
}

fn compared_count(table: &Value, seen: Value) -> usize {
    let seen: Seen = serde_json::from_value(seen).expect("an answer");
    spec("x", table).0.diff("x", &seen).differences.len()
}

#[test]
fn a_digest_is_that_of_the_sorted_sentences() {
    let there = [
        ("granted", "UPDATE on s.a with grant option"),
        ("initial", "DELETE on s.a"),
        ("revoked", "INSERT on s.a"),
    ];
    let text = "UPDATE on s.a to x with grant option\nno INSERT on s.a to x\n";
    let digest = Digest::of(text.as_bytes()).to_string();
    let found = compared(&json!({"digest": digest}), seen(&there), &[]);
    assert_eq!(found.seen.as_deref(), Some("2 grants"));
    let other = Digest::of(b"").to_string();
    let wanted = format!("digest \"sha256:{other}\" \"sha256:{digest}\"");
    compared(&json!({"digest": other}), seen(&there), &[&wanted]);
}

#[test]
fn rights_in_effect_claim_the_stronger_thing() {
    let on = json!({"class": "table", "schema": "s", "name": "t"});
    let effect = |held: bool, usage: bool, more: Value| {
        let mut effect = json!({"on": on, "column": true, "held": held, "usage": usage});
        effect
            .as_object_mut()
            .expect("a map")
            .extend(more.as_object().cloned().unwrap_or_default());
        effect
    };
    let none = json!({"on": null, "column": true, "held": false, "usage": true});
    let because = json!({"because": "granted to PUBLIC"});
    for (list, effect, expected) in [
        ("allowed", effect(true, true, json!({})), None),
        ("allowed", effect(false, true, json!({})), Some("\"allowed\" \"denied\"")),
        (
            "allowed",
            effect(true, false, json!({})),
            Some("\"allowed\" \"denied: no USAGE on schema s\""),
        ),
        ("allowed", none.clone(), Some("\"allowed\" \"no such table\"")),
        ("denied", effect(false, true, json!({})), None),
        ("denied", effect(true, false, because), Some("\"denied\" \"allowed: granted to PUBLIC\"")),
        (
            "denied",
            effect(false, true, json!({"through": "owner"})),
            Some("\"denied\" \"allowed after SET ROLE owner\""),
        ),
        ("denied", none, Some("\"denied\" \"no such table\"")),
    ] {
        let mut answer = seen(&[]);
        answer["effective"] = json!({ "Ok": { format!("{list} SELECT on s.t"): [effect] } });
        let expected = expected.map(|sides| format!("SELECT on s.t {sides}"));
        let expected: Vec<&str> = expected.as_deref().into_iter().collect();
        compared(&json!({ list: ["SELECT on s.t"] }), answer, &expected);
    }
    let table = json!({"allowed": ["SELECT on s.t"]});
    compared(&table, seen(&[]), &["blind allowed SELECT on s.t not_recorded"]);
    let mut unanswered = seen(&[]);
    unanswered["effective"] = json!({"Err": {"reason": "deadline", "detail": "late"}});
    compared(&table, unanswered, &["blind effective deadline"]);
    let table = json!({"allowed": ["MAINTAIN on s.t"]});
    compared(&table, seen(&[]), &["blind allowed MAINTAIN on s.t not_supported"]);
}

#[test]
fn who_is_not_there_is_granted_nothing() {
    let mut answer = seen(&[]);
    answer["present"] = json!(false);
    let table = json!({"grants": ["SELECT on s.t"], "denied": ["SELECT on s.t"]});
    compared(&table, answer, &["presence \"present\" \"absent\""]);
}
