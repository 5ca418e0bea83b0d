//! What is asked and compared; commands themselves run in the tests of the built program.

use std::process::ExitStatus;

use super::*;
use crate::kinds::test_world::{self, Root, TestFiles, lines};
use crate::probe::runner::confined::Ended;

const HEAD: &str = "command = ['x']\ndirectory = '/srv'\n";

fn spec(more: &str) -> (Smoke, Vec<String>) {
    let text = format!("{HEAD}{more}");
    let (spec, problems) = test_world::prepare_with("a", &text, &TestFiles(Vec::new()));
    (spec, problems.iter().map(|p| format!("{} {}", p.code, p.message)).collect())
}

fn ran(output: &str, raw_status: i32, cut: u64, shown: bool) -> Ran {
    let (status, tail) = (ExitStatus::from_raw(raw_status), output.as_bytes().to_vec());
    Ran { ended: Ended { status, tail, cut }, shown }
}

fn compare(more: &str, ran: &Ran) -> Comparison {
    let (spec, problems) = spec(more);
    assert_eq!(problems, [""; 0], "{more}");
    let stored = serde_json::to_string(&spec.cut_down(ran)).expect("it can be stored");
    spec.diff("a", &serde_json::from_str(&stored).expect("it can be read again"))
}

const SUITE: &str = ".....\n----------\nRan 394 tests in 0.123s\n\nOK\n";
const COUNTS: &str = "counts = ['Ran (?<tests>\\d+) tests? in ']\n";

#[test]
fn a_suite_that_passes_is_in_sync() {
    let wanted = format!("{COUNTS}expect = {{ tests = 394 }}\nprints = ['OK']");
    let found = compare(&wanted, &ran(SUITE, 0, 0, true));
    assert_eq!(lines(&Ok(found.clone())), [""; 0]);
    assert_eq!(found.seen.as_deref(), Some("exit 0, 394 tests"));
    assert_eq!(found.measured, BTreeMap::from([("tests".to_owned(), 394)]));
    assert_eq!(found.output, [""; 0], "there is nothing to explain");
}

#[test]
fn what_differs_is_named_and_explained_where_it_may_be() {
    let wanted = format!("{COUNTS}expect = {{ tests = 394 }}\nprints = ['OK']");
    let output = "F\u{1b}[2J\nRan 393 tests in 1s\n\nFAILED (failures=1)\n";
    let found = compare(&wanted, &ran(output, 256, 0, true));
    assert_eq!(
        lines(&Ok(found.clone())),
        ["exit_code 0 1", "counts.tests 394 393", "prints \"OK\" null"]
    );
    assert_eq!(found.output[0], "F\\u{1b}[2J");
    assert_eq!(found.output.last().map(String::as_str), Some("FAILED (failures=1)"));
    let hidden = compare(&wanted, &ran(output, 256, 0, false));
    assert_eq!((hidden.differences, hidden.output), (found.differences, Vec::new()));
    assert_eq!(hidden.measured["tests"], 393, "numbers are no content");
}

#[test]
fn exit_codes_and_signals() {
    let differs = |more: &str, raw| lines(&Ok(compare(more, &ran("", raw, 0, true))));
    assert_eq!(differs("", 0), [""; 0]);
    assert_eq!(differs("exit_code = 3", 3 << 8), [""; 0]);
    assert_eq!(differs("exit_code = 3", 0), ["exit_code 3 0"]);
    assert_eq!(differs("", 9), ["exit_code 0 \"signal 9\""]);
}

#[test]
fn a_count_that_nobody_gave_is_unknown_and_never_zero() {
    let wanted = format!("{COUNTS}expect = {{ tests = 0 }}");
    let blind = |output: &str| lines(&Ok(compare(&wanted, &ran(output, 0, 0, true))));
    assert_eq!(blind("OK\n"), ["blind counts.tests undecidable"]);
    assert_eq!(blind("it Ran 0 tests in 1s\n"), ["blind counts.tests undecidable"], "mid-line");
    assert_eq!(blind("Ran 0 tests in 1s\r\n"), [""; 0]);
    assert_eq!(blind("Ran 0 tests in 1s\nRan 0 tests in 2s\n"), [""; 0]);
    let twice = "Ran 0 tests in 1s\nRan 7 tests in 2s\nRan 0 tests in 1s\n";
    assert_eq!(blind(twice), ["blind counts.tests undecidable"]);
    let large = "Ran 99999999999999999999 tests in 1s\n";
    assert_eq!(blind(large), ["blind counts.tests malformed"]);
    let both = format!("Ran 0 tests in 1s\n{large}");
    assert_eq!(blind(&both), ["blind counts.tests malformed"]);
}

#[test]
fn what_was_cut_off_is_neither_there_nor_absent() {
    let wanted = format!("{COUNTS}expect = {{ tests = 4 }}\nprints = ['OK']");
    let tail = "Ran 4 tests in 1s\nOK\n";
    let cut = |output: &str| compare(&wanted, &ran(output, 0, 5, true));
    // The first line may be the end of another: it is not believed.
    assert_eq!(lines(&Ok(cut(tail))), ["blind counts.tests too_large"]);
    let whole = cut(&format!("rest\n{tail}"));
    assert_eq!(whole.seen.as_deref(), Some("exit 0, 4 tests, of the end of its output"));
    assert_eq!(lines(&Ok(whole)), [""; 0]);
    let none = cut("rest\nnothing\n");
    assert_eq!(lines(&Ok(none)), ["blind counts.tests too_large", "blind prints too_large"]);
}

#[test]
fn tables_that_cannot_be_meant_are_refused() {
    for (more, code) in [
        ("counts = ['Ran \\d+']", "CS0004 `Ran \\d+` counts nothing"),
        ("counts = ['(']", "CS0004 `(` is no"),
        ("counts = ['(?<a>x)|', ')(?<b>y']", "CS0004 `)(?<b>y` is no"),
        ("counts = ['(?<a>x)', '(?<a>y)']", "CS0004 two groups"),
        ("counts = ['(?<a>(\\w{1000}){100})']", "CS0004"),
        ("counts = ['(?<tests>x)']\nexpect = { test = 1 }", "CS0007 no expression"),
        ("expect = { tests = 1 }", "CS0007"),
        ("prints = ['']", "CS0004"),
        ("prints = [\"a\\nb\"]", "CS0004"),
    ] {
        let problems = spec(more).1;
        assert!(problems.len() == 1 && problems[0].starts_with(code), "{more}: {problems:?}");
    }
    for command in ["[]", "['']", "['./x']", "['bin/x']", "['/usr/../x']", "[\"x\\u0000\"]"] {
        let text = format!("command = {command}\ndirectory = '/srv'");
        assert_eq!(test_world::prepare::<Smoke>("a", &text).1.len(), 1, "{command}");
    }
    for directory in ["srv", "/srv/../etc", ""] {
        let text = format!("command = ['x']\ndirectory = '{directory}'");
        assert_eq!(test_world::prepare::<Smoke>("a", &text).1.len(), 1, "{directory}");
    }
}

#[test]
fn without_the_hosts_consent_nothing_runs() {
    let root = Root::new();
    root.dir("srv", 0o755);
    let found = test_world::compare(&root, "a", spec("").0);
    let why = found.expect_err("it is not listed");
    assert_eq!(why.reason, Reason::NotAllowed);
    assert!(why.detail.contains("`x`") && why.detail.contains("[smoke] allow"), "{}", why.detail);
}
