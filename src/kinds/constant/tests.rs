//! Constants from the outside of their kind: tables, files, and what comes of both.

use super::*;
use crate::config::Policy;
use crate::kinds::test_world::{Root, check, compare, prepare};
use crate::probe::literal::FORMATS;

const PYTHON: &[u8] = b"\"\"\"__milestone__ = 'O8B'\"\"\"\n__milestone__ = \"O4\"\n__execution_enabled__ = False  # ruling\n\
    __limit__ = 16\nTOKEN = read('secret')\n";

fn root() -> Root {
    let root = Root::new();
    root.file("app/__init__.py", PYTHON)
        .file("app/.env", b"A=plain\nPASSWORD='hunter2'\nURL=$HOST\n")
        .file("app/c.toml", b"[a]\nb = [1, 2]\n")
        .file("app/c.json", b"{\"a\": {\"b\": 1.5}}")
        .file("app/conf", b"listen 80;\n# listen 81;\n");
    root
}

fn table(file: &str, format: &str, key: &str, rest: &str) -> String {
    format!("file = '/app/{file}'\nformat = '{format}'\nkey = '{key}'\n{rest}")
}

#[test]
fn values_are_compared_with_their_types() {
    let root = root();
    let py = |key, rest| table("__init__.py", "python", key, rest);
    let cases: &[(String, &[&str])] = &[
        (py("__milestone__", "value = 'O4'"), &[]),
        (py("__milestone__", "value = 'O8B'"), &["value \"O8B\" \"O4\""]),
        (py("__execution_enabled__", "value = false"), &[]),
        (py("__execution_enabled__", "value = true"), &["value true false"]),
        (py("__limit__", "value = 16"), &[]),
        (py("__limit__", "value = '16'"), &["value \"16\" 16"]),
        (py("__limit__", "value = 16.0"), &["value 16.0 16"]),
        (py("__limit__", "one_of = [8, 16]"), &[]),
        (py("__limit__", "one_of = [8, 9]"), &["value [8,9] 16"]),
        (py("__missing__", "value = 1"), &["key \"present\" \"absent\""]),
        (py("TOKEN", "value = 1"), &["blind undecidable"]),
        (table("none.py", "python", "A", "value = 1"), &["file \"present\" \"absent\""]),
        (table("", "python", "A", "value = 1").replace("app/", "app"), &["blind not_supported"]),
        (table("c.toml", "toml", "a.b", "value = [1, 2]"), &[]),
        (table("c.json", "json", "a", "value = { b = 1.5 }"), &[]),
        (table("c.json", "toml", "a", "value = 1"), &["blind malformed"]),
        (table(".env", "dotenv", "A", "value = 'plain'"), &[]),
        (table(".env", "dotenv", "URL", "value = 'plain'"), &["blind undecidable"]),
        (table("conf", "regex", "listen (.*);", "value = '81'"), &["value \"81\" \"80\""]),
    ];
    for (toml, expected) in cases {
        check::<Constant>(&root, "c", toml, expected);
    }
}

#[test]
fn presence_is_told_without_the_value() {
    let root = root();
    let cases: &[(String, &[&str])] = &[
        (table(".env", "dotenv", "PASSWORD", "present = true"), &[]),
        (table(".env", "dotenv", "URL", "present = true"), &[]),
        (table("__init__.py", "python", "TOKEN", "present = true"), &[]),
        (table(".env", "dotenv", "PASSWORD", "present = false"), &["key \"absent\" \"present\""]),
        (table(".env", "dotenv", "OTHER", "present = true"), &["key \"present\" \"absent\""]),
        (table(".env", "dotenv", "OTHER", "present = false"), &[]),
        (table("none", "dotenv", "OTHER", "present = false"), &[]),
        (table("none", "dotenv", "OTHER", "present = true"), &["file \"present\" \"absent\""]),
    ];
    for (toml, expected) in cases {
        check::<Constant>(&root, "c", toml, expected);
    }
    let (spec, _) = prepare::<Constant>("c", &cases[3].0);
    let seen = seen(&spec, b"PASSWORD='hunter2'\n", true).expect("there");
    assert_eq!(serde_json::to_value(&seen).expect("plain data"), json!({"key": {"line": 1}}));
    let found = compare(&root, "c", spec).expect("told");
    assert_eq!(
        found.differences[0].line.as_ref().map(|line| (line.number, &line.text)),
        Some((2, &None))
    );
}

#[test]
fn what_may_not_be_shown_is_a_digest_on_both_sides() {
    let mut root = root();
    root.policy = Policy::new(&["/".into()], &[], &["/app/*.py".into()]).expect("patterns");
    let env = table(".env", "dotenv", "PASSWORD", "value = 'expected'");
    let other = env.replace("value = 'expected'", "one_of = ['expected']");
    for toml in [env, other] {
        let (spec, problems) = prepare::<Constant>("c", &toml);
        assert_eq!(problems, []);
        let found = compare(&root, "c", spec).expect("told");
        let text = format!("{found:?}");
        assert!(found.differences.len() == 1 && text.contains("sha256:"), "{text}");
        assert!(!text.contains("hunter2") && !text.contains("expected"), "{text}");
        assert_eq!(found.seen.as_deref(), Some("at line 2"));
    }
    for wanted in ["present = true", "value = 'h'", "one_of = ['h']"] {
        let letter = table(".env", "regex", "A=(.).*", wanted);
        check::<Constant>(&root, "c", &letter, &["blind not_allowed"]);
    }
    let (spec, _) =
        prepare::<Constant>("c", &table("__init__.py", "python", "__milestone__", "value = 'O8B'"));
    let found = compare(&root, "c", spec).expect("told");
    let line = found.differences[0].line.clone().expect("a line");
    assert_eq!(line.text.as_deref(), Some("__milestone__ = \"O4\""));
    assert_eq!((line.number, line.file.as_str()), (2, "/app/__init__.py"));
    assert_eq!(
        (found.seen.as_deref(), found.evidence),
        (Some("\"O4\" at line 2"), Evidence::Parsed)
    );
}

#[test]
fn a_file_that_is_too_large_is_not_read() {
    let root = root();
    let file = std::fs::File::create(root.path("app/big")).expect("a file");
    file.set_len(BYTES_MAX + 1).expect("a sparse file");
    check::<Constant>(
        &root,
        "c",
        &table("big", "dotenv", "A", "present = true"),
        &["blind too_large"],
    );
}

#[test]
fn many_constants_of_a_file_are_answered_by_name() {
    let root = root();
    let tables = [
        ("a", table("__init__.py", "python", "__limit__", "value = 1")),
        ("b", table("__init__.py", "python", "__none__", "value = 1")),
        ("c", table("conf", "regex", "listen (.*);", "value = '1'")),
        ("d", table("__init__.py", "python", "TOKEN", "value = 1")),
    ];
    let named: Vec<Named<Constant>> = tables
        .iter()
        .map(|(name, toml)| Named { name: (*name).into(), spec: Arc::new(prepare(name, toml).0) })
        .collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let answers =
        runtime.expect("a runtime").block_on(Constant::observe_all(&root.world(), &named));
    let told: Vec<String> = answers
        .iter()
        .map(|(name, answer)| match answer {
            Ok(Seen::Value { line, .. }) => format!("{name} {}", line.number),
            Ok(other) => format!("{name} {other:?}"),
            Err(unknown) => format!("{name} {}", unknown.reason),
        })
        .collect();
    assert_eq!(told, ["a 4", "b NoKey", "c 1", "d undecidable"]);
}

#[test]
fn tables_that_make_no_sense_are_refused() {
    let good = table("x", "python", "A", "");
    let cases = [
        (good.clone(), Code::Empty),
        (format!("{good}value = 1\npresent = true"), Code::Contradiction),
        (format!("{good}value = 1\none_of = [1]"), Code::Contradiction),
        (format!("{good}one_of = []"), Code::Empty),
        (format!("{good}value = nan"), Code::WrongType),
        (format!("{good}value = {{ a = [2026-05-21] }}"), Code::WrongType),
        (format!("{}value = 1", good.replace("/app", "app")), Code::WrongType),
        (format!("{}value = 1", good.replace("'A'", "'A.b'")), Code::WrongType),
        (format!("{}value = 1", good.replace("python", "dotenv")), Code::WrongType),
        (
            format!("{}one_of = [1]", good.replace("python", "regex").replace("'A'", "'(A)'")),
            Code::WrongType,
        ),
    ];
    for (toml, code) in cases {
        let (_, problems) = prepare::<Constant>("c", &toml);
        assert_eq!(problems.iter().map(|p| p.code).collect::<Vec<_>>(), [code], "{toml}");
    }
    assert!(toml::from_str::<Constant>(&format!("{good}values = 1")).is_err());
}

#[test]
fn the_question_does_not_depend_on_what_is_expected() {
    let question = |rest| {
        let (spec, _) = prepare::<Constant>("c", &table("x", "python", "A", rest));
        (spec.question("c"), spec.pinned())
    };
    assert_eq!(question("value = 1").0, question("one_of = [2]").0);
    assert_ne!(question("value = 1").0, question("present = true").0);
    assert_eq!(question("value = false").1, Some(json!(false)));
    assert_eq!(question("present = true").1, None);
}

#[test]
fn the_page_names_every_format_and_the_example_is_right() {
    for format in FORMATS {
        assert!(Constant::DOC.contains(&format!("`{}`", format.name())), "{format:?}");
    }
    let example: toml::Table = toml::from_str(Constant::EXAMPLE).expect("TOML");
    let table = example["constant"]["execution-enabled"].to_string();
    let inner: Constant = toml::from_str(&format!("x = {table}"))
        .map(|t: BTreeMap<String, Constant>| t.into_values().next().expect("one"))
        .expect("a constant");
    assert_eq!(inner.pinned(), Some(json!(false)));
}
