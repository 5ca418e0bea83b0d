//! Manifests of every form, and how their commit stands to a repository beside them.

use super::*;
use crate::config::Policy;
use crate::kinds::test_world::{Root, check, compare, lines, prepare};

const FILE: &str = "file = '/m.txt'";

fn root(manifest: &str) -> Root {
    let root = Root::new();
    root.file("m.txt", manifest.as_bytes());
    root
}

#[test]
fn values_are_compared_as_they_stand() {
    let root =
        root("source_commit = 703559c91b819a6ab70fffc6105776014f7a6a56\nfile_count: 82\nempty=\n");
    let commit = "703559c91b819a6ab70fffc6105776014f7a6a56";
    let cases: &[(&str, &[&str])] = &[
        ("values = { source_commit = '703559c' }", &[]),
        ("values = { source_commit = '703559C91' }", &[]),
        ("values = { source_commit = '703559c91b819a6ab70fffc6105776014f7a6a56' }", &[]),
        (
            "values = { source_commit = '703559d' }",
            &["source_commit \"703559d\" \"703559c91b819a6ab70fffc6105776014f7a6a56\""],
        ),
        ("values = { file_count = '82', empty = '' }", &[]),
        ("values = { file_count = '8' }", &["file_count \"8\" \"82\""]),
        ("values = { none = 'x' }", &["none \"x\" null"]),
        // Only the commit is compared by its beginning.
        (
            "commit_key = 'other'\nvalues = { source_commit = '703559c' }",
            &["source_commit \"703559c\" \"703559c91b819a6ab70fffc6105776014f7a6a56\""],
        ),
    ];
    for (toml, expected) in cases {
        check::<Deployment>(&root, "d", &format!("{FILE}\n{toml}"), expected);
    }
    let toml = format!("{FILE}\nvalues = {{ file_count = '81' }}");
    let found = compare(&root, "d", prepare::<Deployment>("d", &toml).0).expect("told");
    assert_eq!(found.seen.as_deref(), Some(format!("{}…", &commit[..12]).as_str()));
    let line = found.differences[0].line.as_ref().expect("a line");
    assert_eq!((line.number, line.text.as_deref()), (2, Some("file_count: 82")));
}

#[test]
fn what_is_no_manifest_is_told_apart() {
    let values = "values = { file_count = '82' }";
    let toml = format!("{FILE}\n{values}");
    let cases: &[(&str, &[&str])] = &[
        ("file_count=82\nfile_count=82\n", &["blind malformed"]),
        ("file_count=82\n<html>\n", &["blind malformed"]),
        ("", &["file_count \"82\" null"]),
    ];
    for (text, expected) in cases {
        check::<Deployment>(&root(text), "d", &toml, expected);
    }
    let root = root("file_count=82\n");
    root.link("link.txt", "m.txt").dir("folder", 0o755);
    let at = |file: &str| format!("file = '{file}'\n{values}");
    check::<Deployment>(&root, "d", &at("/none.txt"), &["file \"present\" \"absent\""]);
    check::<Deployment>(&root, "d", &at("/link.txt"), &["blind not_supported"]);
    check::<Deployment>(&root, "d", &at("/folder"), &["blind not_supported"]);
}

#[test]
fn outside_of_what_may_be_shown_only_digests_are_kept() {
    let mut root =
        root("source_commit=703559c91b819a6ab70fffc6105776014f7a6a56\npassword=canary\n");
    root.policy = Policy::new(&["/".into()], &[], &[]).expect("patterns");
    let whole = "703559c91b819a6ab70fffc6105776014f7a6a56";
    let toml = format!("{FILE}\nvalues = {{ source_commit = '{whole}' }}");
    check::<Deployment>(&root, "d", &toml, &[]);
    let toml = format!("{FILE}\nvalues = {{ source_commit = '703559c' }}");
    check::<Deployment>(&root, "d", &toml, &["blind source_commit not_allowed"]);
    let toml = format!(
        "{FILE}\nvalues = {{ source_commit = '{}', password = 'x' }}",
        whole.replace('7', "8")
    );
    let found = compare(&root, "d", prepare::<Deployment>("d", &toml).0);
    assert_eq!(lines(&found).len(), 2);
    let told = format!("{found:?}");
    assert!(!told.contains("canary") && !told.contains("703559c"), "{told}");
}

/// A repository with `main` two commits ahead of its first one, and `side` one commit beside them.
fn with_repository(root: &Root) -> Option<[String; 3]> {
    let mut options = git2::RepositoryInitOptions::new();
    options.bare(true).initial_head("main").external_template(false);
    let repository = git2::Repository::init_opts(root.path("src.git"), &options).ok()?;
    let who = git2::Signature::new("t", "t@example.org", &git2::Time::new(1, 0)).ok()?;
    let tree = repository.treebuilder(None).and_then(|tree| tree.write()).ok()?;
    let tree = repository.find_tree(tree).ok()?;
    let commit = |name: &str, parent: Option<git2::Oid>| {
        let parent = parent.map(|oid| repository.find_commit(oid)).transpose().ok()?;
        let parents: Vec<_> = parent.iter().collect();
        let words = format!("{name} {parent:?}");
        repository.commit(Some(name), &who, &who, &words, &tree, &parents).ok()
    };
    let first = commit("refs/heads/main", None)?;
    let second = commit("refs/heads/main", Some(first))?;
    let third = commit("refs/heads/main", Some(second))?;
    let side = commit("refs/heads/side", None)?;
    Some([first, third, side].map(|id| id.to_string()))
}

#[test]
fn the_deployed_commit_stands_in_one_relation_to_the_source() {
    let root = Root::new();
    let [first, tip, side] = with_repository(&root).expect("a repository");
    let stranger = "0123456789abcdef0123456789abcdef01234567";
    let main = "ref = 'refs/heads/main'";
    let at_first = format!("commit = '{}'", &first[..10]);
    let cases: &[(&str, &str, &str, &[&str])] = &[
        (&tip, main, "equal", &[]),
        (&tip[..9], main, "equal", &[]),
        (&first, main, "behind", &[]),
        (&first, main, "equal", &["relation \"equal\" \"behind\""]),
        (&tip, &at_first, "ahead", &[]),
        (&tip, &at_first, "equal", &["relation \"equal\" \"ahead\""]),
        (&first, &at_first, "equal", &[]),
        (&side, main, "diverged", &[]),
        (&side, main, "equal", &["relation \"equal\" \"diverged\""]),
        (stranger, main, "equal", &["blind relation undecidable"]),
        (stranger, main, "behind", &["blind relation undecidable"]),
        (&tip, "ref = 'refs/heads/none'", "equal", &["blind relation undecidable"]),
        (&tip, "commit = '0123456'", "equal", &["blind relation undecidable"]),
        ("--all", main, "equal", &["blind relation malformed"]),
        ("", main, "equal", &["blind relation malformed"]),
    ];
    for (deployed, wanted, relation, expected) in cases {
        root.file("m.txt", format!("source_commit={deployed}\n").as_bytes());
        let toml = format!(
            "{FILE}\nsource = {{ repository = '/src.git', {wanted} }}\nrelation = '{relation}'"
        );
        check::<Deployment>(&root, "d", &toml, expected);
    }
    let toml = format!("{FILE}\nsource = {{ repository = '/src.git', {main} }}");
    let seen = |deployed: &str| {
        root.file("m.txt", format!("source_commit={deployed}\n").as_bytes());
        compare(&root, "d", prepare::<Deployment>("d", &toml).0).expect("told").seen.expect("words")
    };
    assert_eq!(seen(&first), format!("{}… 2 behind main", &first[..12]));
    assert_eq!(seen(&tip), format!("{}… equal to main", &tip[..12]));
    assert!(seen(&side).ends_with(" diverged from main: 1 ahead, 3 behind"));
    root.file("m.txt", b"file_count=82\n");
    check::<Deployment>(&root, "d", &toml, &["blind relation undecidable"]);
    let toml = toml.replace("/src.git", "/none.git");
    root.file("m.txt", format!("source_commit={tip}\n").as_bytes());
    check::<Deployment>(&root, "d", &toml, &["blind relation undecidable"]);
}

#[test]
fn an_unknown_commit_is_named_only_where_content_is_shown() {
    let mut root = root("source_commit=0123456789abcdef0123456789abcdef01234567\n");
    with_repository(&root).expect("a repository");
    let toml = format!("{FILE}\nsource = {{ repository = '/src.git', ref = 'refs/heads/main' }}");
    let told = |root: &Root| {
        let found = compare(root, "d", prepare::<Deployment>("d", &toml).0).expect("told");
        found.blind[0].unknown.detail.clone()
    };
    assert_eq!(told(&root), "`/src.git`: it does not know the deployed commit 0123456789ab");
    root.policy = Policy::new(&["/".into()], &[], &[]).expect("patterns");
    assert_eq!(told(&root), "`/src.git`: it does not know the deployed commit");
}

#[test]
fn tables_that_make_no_sense_are_refused() {
    let source = |rest: &str| format!("source = {{ repository = '/r', {rest} }}");
    let cases = [
        (String::new(), Code::Empty),
        ("values = {}".into(), Code::Empty),
        ("values = { a = 'x' }\nrelation = 'equal'".into(), Code::Contradiction),
        ("values = { 'a b' = 'x' }".into(), Code::WrongType),
        ("values = { a = ' x' }".into(), Code::WrongType),
        ("values = { a = \"x\\ny\" }".into(), Code::WrongType),
        ("values = { source_commit = '70355' }".into(), Code::WrongType),
        ("values = { a = 'x' }\ncommit_key = ''".into(), Code::WrongType),
        (source(""), Code::Empty),
        (source("ref = 'refs/heads/main', commit = '0123456'"), Code::Contradiction),
        (source("ref = 'main'"), Code::WrongType),
        (source("ref = '--all'"), Code::WrongType),
        (source("commit = '--all12'"), Code::WrongType),
        ("source = { repository = 'r', commit = '0123456' }".into(), Code::WrongType),
    ];
    for (toml, code) in cases {
        let (_, problems) = prepare::<Deployment>("d", &format!("{FILE}\n{toml}"));
        assert_eq!(problems.iter().map(|p| p.code).collect::<Vec<_>>(), [code], "{toml}");
    }
    assert_eq!(prepare::<Deployment>("d", "file = 'm'\nvalues = { a = 'x' }").1.len(), 1);
}

#[test]
fn the_question_does_not_depend_on_what_is_expected() {
    let question =
        |toml: &str| prepare::<Deployment>("d", &format!("{FILE}\n{toml}")).0.question("d");
    assert_eq!(question("values = { a = 'x' }"), question("values = { a = 'y' }"));
    assert_ne!(question("values = { a = 'x' }"), question("values = { b = 'x' }"));
    let source = "source = { repository = '/r', ref = 'refs/heads/main' }";
    assert_eq!(question(source), question(&format!("{source}\nrelation = 'behind'")));
    assert_ne!(question(source), question(&source.replace("main", "side")));
}
