//! Repositories in every state, and what the kind says of them.

use super::*;
use crate::config::Policy;
use crate::kinds::test_world::{Root, check, compare, prepare};

const A: &str = "0123456789abcdef0123456789abcdef01234567";

fn root() -> Root {
    let root = Root::new();
    let mut options = git2::RepositoryInitOptions::new();
    options.initial_head("main").external_template(false);
    git2::Repository::init_opts(root.path("r"), &options).expect("a new repository");
    root.file("r/.git/refs/heads/main", A.as_bytes());
    root.file("detached/.git/HEAD", A.as_bytes());
    root.file("reftable/.git/HEAD", b"ref: refs/heads/.invalid\n");
    root.dir("plain", 0o755);
    root
}

#[test]
fn head_and_branch_are_compared() {
    let root = root();
    let cases: &[(&str, &str, &[&str])] = &[
        ("/r", "commit = '0123456'", &[]),
        ("/r", "commit = '0123456789ABCDEF'", &[]),
        (
            "/r",
            "commit = 'e93424b'",
            &["commit \"e93424b\" \"0123456789abcdef0123456789abcdef01234567\""],
        ),
        ("/r", "branch = 'main'", &[]),
        ("/r", "branch = 'side'", &["branch \"side\" \"main\""]),
        ("/r", "detached = true", &["detached true false"]),
        ("/r", "detached = false", &[]),
        ("/detached", "detached = true\ncommit = '0123456'", &[]),
        ("/detached", "branch = 'main'", &["branch \"main\" null"]),
        ("/none", "branch = 'main'", &["presence \"present\" \"absent\""]),
        ("/plain", "clean = true", &["presence \"present\" \"absent\""]),
        ("/reftable", "commit = '0123456'", &["blind not_supported"]),
        // The commit does not exist, so libgit2 cannot say what is clean; the rest is told.
        (
            "/r",
            "commit = 'e93424b'\nclean = true",
            &[
                "commit \"e93424b\" \"0123456789abcdef0123456789abcdef01234567\"",
                "blind clean not_supported",
            ],
        ),
    ];
    for (name, toml, expected) in cases {
        check::<GitHead>(&root, name, toml, expected);
    }
}

#[test]
fn a_branch_without_a_commit_is_no_commit() {
    let root = root();
    std::fs::remove_file(root.path("r/.git/refs/heads/main")).expect("removed");
    check::<GitHead>(&root, "/r", "branch = 'main'\nclean = true", &[]);
    check::<GitHead>(&root, "/r", "commit = '0123456'", &["commit \"0123456\" null"]);
    for name in ["a", "b", "c", "d"] {
        root.file(&format!("r/{name}"), b"");
    }
    check::<GitHead>(&root, "/r", "clean = true", &["clean true \"4 changed: a, b, c, …\""]);
    check::<GitHead>(&root, "/r", "clean = false", &[]);
    check::<GitHead>(
        &root,
        "/r",
        "clean = true\nclean_path = 'a'",
        &["clean true \"1 changed: a\""],
    );
    check::<GitHead>(&root, "/r", "clean = true\nclean_path = 'x/y'", &["clean_path \"x/y\" null"]);
    root.file("r/.git/info/exclude", b"*\n");
    check::<GitHead>(&root, "/r", "clean = false", &["clean false true"]);
    let (spec, _) = prepare::<GitHead>("/r", "clean = true");
    let found = compare(&root, "/r", spec).expect("told");
    assert_eq!(found.seen.as_deref(), Some("no commit on main, clean"));
}

#[test]
fn a_path_that_the_host_denies_is_not_named() {
    let mut root = root();
    std::fs::remove_file(root.path("r/.git/refs/heads/main")).expect("removed");
    root.file("r/secret.pass", b"").file("r/x", b"");
    root.policy = Policy::new(&["/r".into()], &["**/*.pass".into()], &[]).expect("patterns");
    let toml = "clean = true";
    check::<GitHead>(&root, "/r", toml, &["clean true \"2 changed: (not_allowed), x\""]);
    check::<GitHead>(&root, "/detached", "detached = true", &["blind not_allowed"]);
}

#[test]
fn tables_that_make_no_sense_are_refused() {
    let cases = [
        ("/r", "", Code::Empty),
        ("r", "clean = true", Code::BadName),
        ("/r/../x", "clean = true", Code::BadName),
        ("/r", "commit = '012345'", Code::WrongType),
        ("/r", "commit = '012345g'", Code::WrongType),
        ("/r", "branch = ''", Code::WrongType),
        ("/r", "branch = 'refs/heads/main'", Code::WrongType),
        ("/r", "branch = 'x'\ndetached = true", Code::Contradiction),
        ("/r", "branch = 'x'\nclean_path = 'x'", Code::Contradiction),
        ("/r", "clean = true\nclean_path = '../x'", Code::WrongType),
        ("/r", "clean = true\nclean_path = '/x'", Code::WrongType),
        ("/r", "clean = true\nclean_path = ''", Code::WrongType),
        ("/r", "clean = true\nclean_path = 'x/'", Code::WrongType),
        ("/r", "upstream = 'refs/heads/x'", Code::Empty),
        ("/r", "branch = 'x'\nahead = 0", Code::Contradiction),
        ("/r", "upstream = 'origin/main'\nahead = 0", Code::WrongType),
        ("/r", "upstream = 'refs/heads/../x'\nahead = 0", Code::WrongType),
        ("/r", "upstream = '0123456'\nahead = 0", Code::WrongType),
        ("/r", "upstream = 'refs/heads/x'\nahead = 0\nahead_at_most = 1", Code::Contradiction),
    ];
    for (name, toml, code) in cases {
        let (_, problems) = prepare::<GitHead>(name, toml);
        assert_eq!(problems.iter().map(|p| p.code).collect::<Vec<_>>(), [code], "{name} {toml}");
    }
    let wide = format!("commit = '{}'", "a".repeat(65));
    assert_eq!(prepare::<GitHead>("/r", &wide).1.len(), 1);
}

#[test]
fn the_question_does_not_depend_on_what_is_expected() {
    let question = |toml: &str| prepare::<GitHead>("/r", toml).0.question("/r");
    assert_eq!(question("clean = true\ncommit = '0123456'"), question("clean = false"));
    assert_ne!(question("clean = true"), question("branch = 'x'"));
    let (one, other) = ("upstream = 'refs/heads/a'\n", "upstream = 'refs/heads/b'\n");
    let with = |name: &str, count: &str| question(&format!("{name}{count}"));
    assert_eq!(with(one, "ahead = 0"), with(one, "behind_at_most = 3"));
    assert_ne!(with(one, "ahead = 0"), with(other, "ahead = 0"));
    assert_ne!(question("clean = true"), question("clean = true\nclean_path = 'x'"));
}

/// A repository with two commits on `main`, one more on top of them at `origin/main`, and a history of its own at `origin/old`.
fn with_branches() -> Option<Root> {
    let root = Root::new();
    let (mut options, folder) = (git2::RepositoryInitOptions::new(), root.path("r"));
    options.initial_head("main").external_template(false);
    let repository = git2::Repository::init_opts(folder, &options).ok()?;
    let who = git2::Signature::new("t", "t@example.org", &git2::Time::new(1, 0)).ok()?;
    let tree = repository.treebuilder(None).and_then(|tree| tree.write()).ok()?;
    let tree = repository.find_tree(tree).ok()?;
    let commit = |name: &str, parent: Option<git2::Oid>| {
        let parent = parent.map(|oid| repository.find_commit(oid)).transpose().ok()?;
        let parents: Vec<_> = parent.iter().collect();
        repository.commit(Some(name), &who, &who, name, &tree, &parents).ok()
    };
    let first = commit("refs/heads/main", None)?;
    let second = commit("refs/heads/main", Some(first))?;
    commit("refs/remotes/origin/old", None)?;
    commit("refs/remotes/origin/main", Some(second))?;
    repository.reference("refs/remotes/origin/first", first, true, "").ok()?;
    Some(root)
}

#[test]
fn commits_are_counted_against_another() {
    let root = with_branches().expect("a repository");
    let cases: &[(&str, &str, &[&str])] = &[
        ("origin/main", "ahead = 0\nbehind = 1", &[]),
        ("origin/main", "behind_at_most = 1", &[]),
        ("origin/main", "ahead = 0\nbehind = 0", &["behind 0 1"]),
        ("origin/main", "ahead = 2\nbehind_at_most = 0", &["ahead 2 0", "behind_at_most 0 1"]),
        ("origin/first", "ahead = 1\nbehind = 0", &[]),
        ("origin/first", "ahead_at_most = 0", &["ahead_at_most 0 1"]),
        ("origin/old", "ahead = 2\nbehind = 1", &[]),
        ("origin/none", "behind = 0", &["upstream \"refs/remotes/origin/none\" null"]),
    ];
    for (name, counts, expected) in cases {
        let toml = format!("upstream = 'refs/remotes/{name}'\n{counts}");
        check::<GitHead>(&root, "/r", &toml, expected);
    }
    let seen = |name: &str| {
        let toml = format!("upstream = 'refs/{name}'\nahead = 0");
        compare(&root, "/r", prepare::<GitHead>("/r", &toml).0).expect("told").seen.expect("words")
    };
    assert!(
        seen("remotes/origin/old")
            .ends_with(" on main, diverged from origin/old: 2 ahead, 1 behind")
    );
    assert!(seen("remotes/origin/first").ends_with(" on main, 1 ahead of origin/first"));
    assert!(seen("remotes/origin/main").ends_with(" on main, 1 behind origin/main"));
    assert!(seen("heads/main").ends_with(" on main, equal to main"));
    // A commit that is missing is no distance.
    root.file("r/.git/refs/heads/main", A.as_bytes());
    let toml = "upstream = 'refs/remotes/origin/main'\nahead = 0";
    check::<GitHead>(&root, "/r", toml, &["blind upstream not_supported"]);
    root.file("r/.git/refs/remotes/origin/main", A.as_bytes());
    check::<GitHead>(&root, "/r", toml, &["blind upstream malformed"]);
    std::fs::remove_file(root.path("r/.git/refs/heads/main")).expect("removed");
    let toml = "upstream = 'refs/remotes/origin/first'\nahead = 0";
    check::<GitHead>(&root, "/r", toml, &["blind upstream undecidable"]);
}

#[test]
fn a_recorded_answer_without_a_distance_is_none() {
    let (spec, _) = prepare::<GitHead>("/r", "upstream = 'refs/heads/main'\nahead = 0");
    let old = r#"{"commit": "0123456", "branch": "main", "tree": null}"#;
    let old = serde_json::from_str(old).expect("as it was stored");
    let found = spec.diff("/r", &old);
    assert_eq!(found.blind[0].unknown.reason, crate::model::Reason::NotRecorded);
}
