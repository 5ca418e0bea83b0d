//! What is written, and what stays.

use super::*;
use crate::model::{Clock as _, SystemClock};

fn tree(files: &[(&str, &str)]) -> Tree {
    let files = files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().into()));
    Tree { files: files.collect(), ..Tree::default() }
}

fn directory(name: &str, mode: &str) -> Wanted {
    let draft = Draft::new(name).set("owner", "root").set("mode", mode);
    Wanted { name: ResourceName::new("directory", name), draft, in_sync: false }
}

fn written(tree: &Tree, wanted: &[Wanted]) -> Writing {
    let host = tree.files.contains_key("hosts/a/host.toml");
    let loaded = host.then(|| crate::desired::read(tree, "a", SystemClock.now()));
    let desired = loaded.and_then(|loaded| loaded.desired);
    let identities = Identities { hostname: Some("testhost"), ..Identities::default() };
    write_down(tree, "a", &identities, desired.as_ref(), wanted).expect("it can be edited")
}

fn text<'a>(writing: &'a Writing, path: &str) -> &'a str {
    std::str::from_utf8(&writing.files[path]).expect("text")
}

#[test]
fn a_new_host_is_whole_and_valid() {
    let mut wanted = directory("/srv/\"q\"", "0750");
    wanted.draft = wanted.draft.comment("seen\nas it is");
    let writing = written(&Tree::default(), &[directory("/var/lib/x", "0755"), wanted]);
    assert_eq!(
        text(&writing, "hosts/a/host.toml"),
        "[host]\nidentity = { hostname = \"testhost\" }\n"
    );
    let file = text(&writing, "hosts/a/directory.toml");
    assert!(file.starts_with("# Written by"), "{file}");
    assert!(
        file.contains("[directory.\"/var/lib/x\"]\nowner = \"root\"\nmode = \"0755\"\n"),
        "{file}"
    );
    assert!(file.contains("\n# seen\n# as it is\n[directory.'/srv/\"q\"']\n"), "{file}");
    let loaded = crate::desired::read(&writing.applied(&Tree::default()), "a", SystemClock.now());
    assert_eq!(loaded.diagnostics, []);
    assert_eq!(loaded.desired.map(|d| d.resources.len()), Some(2));
}

#[test]
fn what_hides_or_moves_text_is_escaped() {
    let hostile = "a\u{202e}b\u{200b}\u{1b}\u{85}\u{e0101}\\\"\n\tc";
    let value = serde_json::json!({ hostile: [hostile] });
    let draft = Draft::new(hostile)
        .set("database", hostile)
        .set("value", hostile)
        .set("only", serde_json::json!([hostile]))
        .set("settings", value.clone())
        .comment(hostile);
    let wanted = Wanted { name: ResourceName::new("pg_role", hostile), draft, in_sync: false };
    let identity =
        DatabaseIdentity { name: Some(hostile.to_owned()), ..DatabaseIdentity::default() };
    let identities =
        Identities { hostname: Some(hostile), databases: [(hostile.to_owned(), identity)].into() };
    let writing = write_down(&Tree::default(), "a", &identities, None, &[wanted]);
    let writing = writing.expect("it can be written");
    for (path, bytes) in &writing.files {
        let text = std::str::from_utf8(bytes).expect("text");
        let hidden = |c: char| crate::model::display::is_hidden(c) && c != '\n';
        assert!(!text.contains(hidden), "{path}: {text}");
    }
    let parsed: toml_edit::DocumentMut =
        text(&writing, "hosts/a/pg_role.toml").parse().expect("TOML");
    let table = &parsed["pg_role"][hostile];
    assert_eq!(table["value"].as_str(), Some(hostile));
    assert_eq!(table["only"][0].as_str(), Some(hostile));
    assert_eq!(table["settings"][hostile][0].as_str(), Some(hostile));
    let parsed: toml_edit::DocumentMut = text(&writing, "hosts/a/host.toml").parse().expect("TOML");
    assert_eq!(parsed["host"]["identity"]["hostname"].as_str(), Some(hostile));
    assert_eq!(parsed["database"][hostile]["identity"]["name"].as_str(), Some(hostile));
}

#[test]
fn what_people_wrote_stays() {
    let own = "# Ours.\n[directory.\"/x\"]\n# because\nmode = \"0700\"   # tight\nseverity = \"critical\"\n\n[directory.\"/y\"]\nmode = \"0755\"\n";
    let tree = tree(&[("hosts/a/host.toml", "[host]\n"), ("hosts/a/dirs.toml", own)]);
    let writing = written(&tree, &[directory("/x", "0750"), directory("/z", "0711")]);
    let expected = own.replace("\"0700\"   # tight", "\"0750\"   # tight");
    assert_eq!(text(&writing, "hosts/a/dirs.toml"), expected, "no key is added, no comment lost");
    assert!(text(&writing, "hosts/a/directory.toml").contains("[directory.\"/z\"]"));
    let outcomes: Vec<_> = writing.outcomes.values().map(|(outcome, _)| *outcome).collect();
    assert_eq!(outcomes, [Outcome::Changed, Outcome::Added]);
}

#[test]
fn what_says_so_already_is_not_touched() {
    let own = "[directory.\"/x\"]\nmode = \"0750\"\n";
    let tree = tree(&[("hosts/a/host.toml", "[host]\n"), ("hosts/a/dirs.toml", own)]);
    let mut wanted = directory("/x", "0750");
    wanted.in_sync = true;
    let writing = written(&tree, &[wanted]);
    assert!(writing.files.is_empty(), "{:?}", writing.files.keys());
    assert_eq!(writing.outcomes.values().next().map(|o| o.0), Some(Outcome::Kept));
}

#[test]
fn roles_and_values_are_left_alone() {
    let host = "[host]\nroles = [\"base\"]\n[values]\nm = \"0700\"\n";
    let tree = tree(&[
        ("hosts/a/host.toml", host),
        ("roles/base/x.toml", "[directory.\"/x\"]\nmode = \"0700\"\n"),
        ("hosts/a/y.toml", "[directory.\"/y\"]\nmode = \"${values.m}\"\n"),
    ]);
    let writing = written(&tree, &[directory("/x", "0750"), directory("/y", "0750")]);
    assert!(writing.files.is_empty(), "{:?}", writing.files);
    assert!(writing.outcomes.values().all(|(outcome, _)| *outcome == Outcome::LeftAlone));
}

#[test]
fn long_lists_stand_on_lines_of_their_own() {
    let only: Vec<String> = (0..20).map(|n| format!("cutter-{n}.service")).collect();
    let draft = Draft::new("cutter*").set("only", only);
    let name = ResourceName::new("directory", "cutter*");
    let writing = written(&Tree::default(), &[Wanted { name, draft, in_sync: false }]);
    let file = text(&writing, "hosts/a/directory.toml");
    assert!(file.contains("only = [\n    \"cutter-0.service\",\n"), "{file}");
    assert!(file.contains("\"cutter-19.service\",\n]\n"), "{file}");
}

/// A draft of a tree, as a kind with names of choice hands it over.
fn tree_at(root: &str) -> (ResourceName, Draft) {
    let name = root.rsplit('/').next().expect("a name");
    let draft = Draft::new(name).set("root", root).about(&["root"], root);
    (ResourceName::new("tree", name), draft)
}

#[test]
fn two_things_of_one_name_have_two_tables() {
    let names = |drafts: Vec<(ResourceName, Draft)>, desired: &Desired| -> Vec<String> {
        named(drafts, desired).into_iter().map(|(name, _)| name.to_string()).collect()
    };
    let nothing = Desired::default();
    let drafts = || vec![tree_at("/a/lib"), tree_at("/b/lib"), tree_at("/a/lib")];
    assert_eq!(names(drafts(), &nothing), ["tree.lib", "tree./b/lib", "tree.lib"]);
    // The table of a person keeps its name, and its name means no other thing.
    let list = "[tree.lib]\nroot = '/x'\nmanifest = 'm'\n[tree.\"/a/lib\"]\nroot = '/y'\nmanifest = 'm'\n\
                [tree.ours]\nroot = '/b/lib'\nmanifest = 'm'\n";
    let line = format!("{}  a\n", "a".repeat(64));
    let tree = tree(&[
        ("hosts/a/host.toml", "[host]\n"),
        ("hosts/a/tree.toml", list),
        ("hosts/a/m", line.as_str()),
    ]);
    let loaded = crate::desired::read(&tree, "a", SystemClock.now());
    let desired = loaded.desired.expect("it is valid");
    let expected = ["tree./a/lib 2", "tree.ours", "tree./a/lib 2"];
    assert_eq!(names(drafts(), &desired), expected);
}

#[test]
fn comments_are_escaped_once_and_open_no_gap() {
    let mut wanted = directory("/x", "0755");
    wanted.draft = wanted.draft.comment("C = \\u{9c} and \u{202e}");
    let writing = written(&Tree::default(), &[wanted]);
    let file = text(&writing, "hosts/a/directory.toml");
    let expected = "own keys.\n\n# C = \\u{9c} and \\u{202e}\n[directory.\"/x\"]\n";
    assert!(file.contains(expected), "{file}");
}
