//! What each build can do, as the program itself says it.

use crate::program::run;

/// Texts that only the demo has: the name of its folder, and the programs that it starts. Then those that only steps have,
/// and the name of their module as it stands in symbols.
const CHANGING: [&str; 8] = [
    "countersign-demo-",
    "setpriv",
    "pg_ctl",
    "the precondition no longer holds",
    "it cannot be given its name",
    "it cannot be taken out of its place",
    "the run that had begun it did not come to its end",
    "11countersign7execute",
];

fn contains(text: &str) -> bool {
    let program = std::fs::read(env!("CARGO_BIN_EXE_countersign")).unwrap();
    program.windows(text.len()).any(|part| part == text.as_bytes())
}

#[cfg(feature = "execute")]
#[test]
fn the_full_build_applies_and_says_that_it_is_full() {
    assert!(run(&["version"]).ends_with(0).stdout.contains("full build"));
    run(&["demo", "--help"]).ends_with(0);
    run(&["apply", "--help"]).ends_with(0);
    for text in CHANGING {
        assert!(contains(text), "the full build does not contain `{text}`");
    }
}

#[cfg(not(feature = "execute"))]
#[test]
fn the_observer_build_has_nothing_that_changes_anything() {
    assert!(run(&["version"]).ends_with(0).stdout.contains("observer build"));
    run(&["demo"]).ends_with(64);
    let ran = run(&["apply", "plan.json"]).ends_with(64);
    assert!(ran.stderr.contains("unrecognized subcommand"), "{}", ran.stderr);
    for text in CHANGING {
        assert!(!contains(text), "the observer build contains `{text}`");
    }
}
