//! Desired state from the outside: every error at once, where it may come from, what it may not contain.

use std::os::unix::fs::symlink;
use std::path::Path;

use serde_json::{Value, json};

use crate::program::{Ran, World, git, run};

fn lint(world: &World) -> Ran {
    run(&["lint", world.path("desired").to_str().unwrap()])
}

/// `CODE file:line:column` of every finding.
fn findings(world: &World) -> Vec<String> {
    let ran = run(&["lint", world.path("desired").to_str().unwrap(), "--output", "json"]);
    let all: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|e| panic!("{e}: {ran:?}"));
    let one = |d: &Value| {
        let text = |key: &str| d[key].as_str().unwrap().to_owned();
        format!("{} {}:{}:{}", text("code"), text("file"), d["line"], d["column"])
    };
    all["diagnostics"].as_array().unwrap().iter().map(one).collect()
}

const HOST: &str = "[host]\nidentity = { hostname = \"testhost\" }\n";

#[test]
fn all_errors_of_a_tree_are_reported_at_once_with_their_places() {
    let world = World::new();
    world.desired(
        "hosts/a/host.toml",
        "[host]\nidentity = { hostname = \"x\" }\nroles = [\"bsae\"]\n[values]\nm = 5\n",
    );
    world.desired("roles/base/x.toml", "");
    world.desired(
        "hosts/a/one.toml",
        "[directory.\"/a\"]\nonwer = \"root\"\nmode = 750\nowner = 7\ndepends_on = [\"directory./b\"]\n\
         [directry.\"/c\"]\n[directory.\"/d\"]\nowner = \"${values.nope}\"\n",
    );
    world.desired(
        "hosts/a/two.toml",
        "[directory.\"/a\"]\nmode = \"0750\"\n[directory.relative]\n[host]\n",
    );
    world.desired(
        "hosts/a/three.toml",
        "[waiver.\"directory./z\"]\nowner = \"o\"\nreason = \"r\"\nexpires = 2999-01-01\n",
    );
    assert_eq!(
        findings(&world),
        [
            "CS0007 hosts/a/host.toml:3:9",
            "CS0004 hosts/a/host.toml:5:1",
            "CS0003 hosts/a/one.toml:2:1",
            "CS0004 hosts/a/one.toml:3:8",
            "CS0004 hosts/a/one.toml:4:9",
            "CS0002 hosts/a/one.toml:6:2",
            "CS0007 hosts/a/one.toml:8:10",
            "CS0007 hosts/a/three.toml:1:9",
            "CS0012 hosts/a/two.toml:3:12",
            "CS0013 hosts/a/two.toml:4:2",
        ]
    );
    let ran = lint(&world).ends_with(65);
    for hint in [
        "did you mean `owner`?",
        "did you mean `directory`?",
        "did you mean `base`?",
        "^^^^^ no such key",
    ] {
        assert!(ran.stdout.contains(hint), "{hint}\n{}", ran.stdout);
    }
}

#[test]
fn files_that_cannot_be_parsed_do_not_hide_others_nor_invent_errors() {
    let world = World::new();
    world.desired("hosts/a/host.toml", HOST);
    world.desired("hosts/a/bad.toml", "[directory./x]\nmode = \"0750\"\n");
    world.desired("hosts/a/utf8.toml", b"# caf\xe9\n");
    world.desired("hosts/a/dup.toml", "[directory.\"/y\"]\n[directory.\"/y\"]\n");
    world.desired(
        "hosts/a/good.toml",
        "[directory.\"/z\"]\ndepends_on = [\"directory./x\"]\nmoed = \"1\"\n",
    );
    let found = findings(&world);
    assert_eq!(
        found,
        [
            "CS0001 hosts/a/bad.toml:1:12",
            "CS0006 hosts/a/dup.toml:2:12",
            "CS0003 hosts/a/good.toml:3:1",
            "CS0014 hosts/a/utf8.toml:1:6",
        ]
    );
}

#[test]
fn a_resource_in_two_files_names_both_places() {
    let world = World::new();
    world.desired("hosts/a/host.toml", format!("{HOST}roles = [\"base\"]\n"));
    world.desired("roles/base/x.toml", "[directory.\"/a\"]\nmode = \"0750\"\n");
    world.desired("hosts/a/y.toml", "[directory.\"/a\"]\nmode = \"0750\"\n");
    let ran = lint(&world).ends_with(65);
    assert!(
        ran.stdout.contains("CS0006") && ran.stdout.contains("it stands here too"),
        "{}",
        ran.stdout
    );
    assert!(
        ran.stdout.contains("roles/base/x.toml") && ran.stdout.contains("hosts/a/y.toml"),
        "{}",
        ran.stdout
    );
}

#[test]
fn nothing_to_check_is_an_error_and_never_in_sync() {
    let world = World::new();
    world.desired("hosts/a/host.toml", HOST);
    assert_eq!(findings(&world), ["CS0009 hosts/a/host.toml:1:1"]);
    world.check(&[]).ends_with(65);
    run(&["lint", world.path("root").to_str().unwrap()]).ends_with(65);
}

#[test]
fn circles_guards_and_dangling_databases_are_found() {
    let world = World::wanting(
        "[directory.\"/a\"]\ndepends_on = [\"directory./b\"]\n[directory.\"/b\"]\ndepends_on = [\"directory./a\"]\n\
         [directory.\"/g\"]\nkill_switch = true\ninterval = \"soon\"\n\
         [waiver.\"directory./g\"]\nowner = \"o\"\nreason = \"r\"\nexpires = 2999-01-01\n",
    );
    let found = findings(&world);
    let codes: Vec<&str> = found.iter().map(|f| &f[..6]).collect();
    assert_eq!(codes, ["CS0021", "CS0004", "CS0017"], "{found:?}");
}

#[test]
fn a_name_without_its_quotes_is_told_how_to_write_it() {
    let world = World::wanting("[directory.public.unit]\nmode = \"0750\"\n");
    let ran = lint(&world).ends_with(65);
    assert!(ran.stdout.contains("[directory.\"public.unit\"]"), "{}", ran.stdout);
}

#[test]
fn links_and_submodules_below_the_root_are_refused() {
    let world = World::wanting("[directory.\"/a\"]\nmode = \"0750\"\n");
    symlink("/etc/passwd", world.path("desired/hosts/a/stolen.toml")).unwrap();
    let ran = lint(&world).ends_with(65);
    assert!(ran.stderr.contains("hosts/a/stolen.toml"), "{}", ran.stderr);
    let commit = world.commit();
    let ran = world.check(&["--rev", &commit]).ends_with(65);
    assert!(ran.stderr.contains("symbolic link"), "{}", ran.stderr);
}

#[test]
fn a_remote_is_fetched_into_a_mirror_and_runs_nothing() {
    let world = World::wanting("[directory.\"/srv/app\"]\nmode = \"0750\"\n");
    world.host_folder("srv/app", 0o750);
    let first = world.commit();
    let url = format!("file://{}", world.path("desired").display());
    let data = world.path("data");
    let (root, data) = (world.path("root"), data.to_str().unwrap().to_owned());
    let words = [
        "check",
        "--desired",
        &url,
        "--root",
        root.to_str().unwrap(),
        "--data",
        &data,
        "--output",
        "json",
    ];
    let report = run(&words).ends_with(0).report();
    assert_eq!(report["commit"], json!(first));
    assert_eq!(report["pinned"], true);
    // A later commit is seen at once; a hook that somebody put into the mirror never runs.
    let mirror =
        std::fs::read_dir(world.path("data/mirror")).unwrap().next().unwrap().unwrap().path();
    let hook = mirror.join("hooks/reference-transaction");
    world.write(
        hook.strip_prefix(world.path("")).unwrap().to_str().unwrap(),
        "#!/bin/sh\ntouch \"$0.ran\"\n",
    );
    std::fs::set_permissions(&hook, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    world.desired("hosts/a/resources.toml", "[directory.\"/srv/app\"]\nmode = \"0700\"\n");
    let second = world.commit();
    let report = run(&words).ends_with(2).report();
    assert_eq!(report["commit"], json!(second));
    assert!(!Path::new(&format!("{}.ran", hook.display())).exists());
    // By branch, and by commit.
    run(&[&words[..], &["--rev", "main"]].concat()).ends_with(2);
    run(&[&words[..], &["--rev", &first]].concat()).ends_with(0);
    run(&[&words[..], &["--rev", "nowhere"]].concat()).ends_with(1);
}

#[test]
fn urls_that_would_run_something_are_refused() {
    for url in ["ext::sh -c touch% /tmp/x", "--upload-pack=/bin/sh", "ssh://-oProxyCommand=x/y"] {
        let ran = run(&["check", &format!("--desired={url}"), "--rev", "main"]);
        assert!(matches!(ran.code, 1 | 64), "{url}: {ran:?}");
        assert!(
            ran.stderr.contains("refused") || ran.stderr.contains("no folder"),
            "{url}: {}",
            ran.stderr
        );
    }
}

#[test]
fn a_bare_repository_and_its_usual_folder_are_found() {
    let world = World::wanting("[directory.\"/srv/app\"]\nmode = \"0750\"\n");
    world.host_folder("srv/app", 0o750);
    std::fs::create_dir(world.path("outer")).unwrap();
    std::fs::rename(world.path("desired"), world.path("outer/desired-state")).unwrap();
    std::fs::rename(world.path("outer"), world.path("desired")).unwrap();
    world.commit();
    world.check(&[]).ends_with(0);
    git(&world.path(""), &["clone", "--quiet", "--bare", "desired", "bare.git"]);
    let (bare, root) = (world.path("bare.git"), world.path("root"));
    let words = ["check", "--desired", bare.to_str().unwrap(), "--root", root.to_str().unwrap()];
    run(&words).ends_with(0);
}

#[test]
fn hostile_names_of_hosts_and_files_never_reach_a_terminal_raw() {
    let hostile = "b\u{1b}[2J\u{202e}\u{9b}";
    let world = World::new();
    world.desired("hosts/a/host.toml", HOST);
    world.desired("hosts/a/x.toml", "[file.\"/x\"]\nmode = \"0644\"\n");
    world.desired(&format!("hosts/{hostile}/host.toml"), "[nonsense]\n");
    let checked = world.check(&["--color", "always"]).ends_with(64);
    let named = world.check(&["--color", "always", "--host", hostile]).ends_with(65);
    let desired = world.path("desired");
    let lint =
        |format| run(&["lint", desired.to_str().unwrap(), "--color", "always", "--output", format]);
    for ran in [checked, named, lint("text").ends_with(65), lint("json").ends_with(65)] {
        let all = ran.everything();
        assert!(!all.contains("\u{1b}[2J") && !all.contains(['\u{202e}', '\u{9b}']), "{all:?}");
    }
}

#[test]
fn a_branch_is_not_moved_by_a_tag_of_its_name_nor_a_commit_by_a_branch_of_its_id() {
    let wanting = |mode: &str| format!("[directory.\"/srv\"]\nmode = \"{mode}\"\n");
    let world = World::wanting(&wanting("0700"));
    world.host_folder("srv", 0o755);
    let strict = world.commit();
    world.desired("hosts/a/resources.toml", wanting("0755"));
    let loose = world.commit();
    let folder = world.path("desired");
    let short = &strict[..10];
    git(&folder, &["branch", "strict", &strict]);
    git(&folder, &["update-ref", "refs/heads/HEAD", &strict]);
    git(&folder, &["tag", "strict", &loose]);
    git(&folder, &["update-ref", &format!("refs/heads/{short}"), &loose]);
    git(&folder, &["update-ref", &format!("refs/tags/{short}"), &loose]);
    for (revision, code) in
        [("strict", 2), ("refs/tags/strict", 0), (short, 2), (&strict, 2), ("HEAD", 0), ("main", 0)]
    {
        world.check(&["--rev", revision]).ends_with(code);
    }
}

#[test]
fn what_no_host_reads_is_a_warning() {
    let world = World::wanting("[directory.\"/x\"]\n");
    world.desired("roles/unused/x.toml", "[directory.\"/y\"]\n");
    world.desired("hosts/astray.toml", "");
    let ran = run(&["lint", world.path("desired").to_str().unwrap()]).ends_with(0);
    for warning in ["no host takes part in the role `unused`", "nobody reads this file"] {
        assert!(ran.stdout.contains(warning), "{}", ran.stdout);
    }
    assert!(ran.stdout.ends_with(", 2 warnings\n"), "{}", ran.stdout);
    world.desired(
        "hosts/a/host.toml",
        "[host]\nidentity = { hostname = \"testhost\" }\nroles = [\"unused\"]\n",
    );
    let ran = run(&["lint", world.path("desired").to_str().unwrap()]).ends_with(0);
    assert!(!ran.stdout.contains("takes part"), "{}", ran.stdout);
}

#[test]
fn a_host_without_a_file_of_its_own_is_told_apart_from_one_that_is_not_there() {
    let world = World::wanting("[directory.\"/x\"]\n");
    world.desired("hosts/b/x.toml", "[directory.\"/x\"]\n");
    let desired = world.path("desired").display().to_string();
    let of =
        |host: &str| run(&["lint", "--desired", &desired, "--host", host]).ends_with(65).stdout;
    let begun = of("b");
    assert!(begun.contains("there are files in hosts/b/, and no host.toml among them"), "{begun}");
    assert!(!begun.contains("did you mean"), "{begun}");
    let absent = of("aa");
    assert!(absent.contains("there is no host `aa`"), "{absent}");
    assert!(absent.contains("did you mean `a`?"), "{absent}");
}
