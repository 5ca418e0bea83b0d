//! What each build can do, as the program itself says it.

use crate::program::run;

/// Texts that only the demo has: the name of its folder, and the programs that it starts.
const CHANGING: [&str; 3] = ["countersign-demo-", "setpriv", "pg_ctl"];

fn contains(text: &str) -> bool {
    let program = std::fs::read(env!("CARGO_BIN_EXE_countersign")).unwrap();
    program.windows(text.len()).any(|part| part == text.as_bytes())
}

#[cfg(feature = "execute")]
#[test]
fn the_full_build_has_a_demo_and_says_that_it_is_full() {
    assert!(run(&["version"]).ends_with(0).stdout.contains("full build"));
    run(&["demo", "--help"]).ends_with(0);
    assert!(CHANGING.iter().all(|text| contains(text)));
}

#[cfg(not(feature = "execute"))]
#[test]
fn the_observer_build_has_nothing_that_changes_anything() {
    assert!(run(&["version"]).ends_with(0).stdout.contains("observer build"));
    run(&["demo"]).ends_with(64);
    for text in CHANGING {
        assert!(!contains(text), "the observer build contains `{text}`");
    }
}
