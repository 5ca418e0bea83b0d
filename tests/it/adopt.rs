//! `adopt` through the built program: what it writes is in sync, keeps what people wrote, and holds no secret.

use std::fs;
use std::path::Path;

use crate::program::{World, git, run};

const CANARY: &str = "canary-7f3a91";

/// A host with a tree, folders, constants, a repository and a secret.
fn world() -> World {
    let world = World::new();
    world.host_file("etc/passwd", "root:x:0:0::/:\n");
    world.host_file("etc/group", "root:x:0:\n");
    world.host_file("opt/app/a.py", "limit = 5\nname = \"x\"\n");
    world.host_file("opt/app/back\\slash and blank", "b");
    world.host_file("opt/app/lib/b.py", "pass\n");
    world.host_file("opt/app/lib/__pycache__/b.pyc", "noise");
    world.host_file("etc/app/settings.toml", "[server]\nport = 8080\n");
    world.host_file("etc/app/secret.env", format!("TOKEN={CANARY}\n"));
    set_mode(&world, "etc/app/secret.env", 0o600);
    world.host_folder("var/lib/app/runs", 0o750);
    world.host_folder("var/lib/app/locks", 0o700);
    world
}

fn set_mode(world: &World, path: &str, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    let path = world.path("root").join(path);
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn adopt(world: &World, more: &[&str]) -> crate::program::Ran {
    let (root, folder) = (world.path("root"), world.path("desired"));
    let mut all = vec!["adopt", "--root", root.to_str().unwrap(), "--host", "a"];
    all.extend(["-o", folder.to_str().unwrap()]);
    all.extend(more);
    run(&all)
}

const EVERYTHING: &[&str] = &[
    "--tree",
    "/opt/app",
    "--directory",
    "/var/lib/app",
    "--file",
    "/etc/app",
    "--constant",
    "/opt/app/a.py:limit",
    "--constant",
    "/etc/app/settings.toml:server.port",
];

fn texts(folder: &Path) -> String {
    let mut all = String::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all += &texts(&path);
        } else {
            all += path.to_str().unwrap();
            all += &String::from_utf8_lossy(&fs::read(&path).unwrap());
        }
    }
    all
}

#[test]
fn what_is_adopted_is_in_sync_and_drifts_afterwards() {
    let world = world();
    let ran = adopt(&world, EVERYTHING).ends_with(0);
    assert!(ran.stdout.contains("wrote       hosts/a/directory.toml"), "{}", ran.stdout);
    assert!(ran.stdout.contains("OK  a: 8 resources written down"), "{}", ran.stdout);
    let report = world.report(0);
    assert_eq!(report["summary"]["in_sync"], 3 + 2 + 2 + 1, "{report}");
    let tree = crate::program::resource(&report, "tree.app");
    assert_eq!((&tree["counts"]["matched"], &tree["counts"]["unlisted"]), (&3.into(), &0.into()));
    for (change, name) in
        [("opt/app/a.py", "tree.app"), ("etc/app/settings.toml", "file./etc/app/settings.toml")]
    {
        let before = fs::read(world.path("root").join(change)).unwrap();
        world.host_file(change, "changed");
        let report = world.report(if change.ends_with("toml") { 4 } else { 2 });
        assert_eq!(crate::program::resource(&report, name)["verdict"], "drift", "{report}");
        world.host_file(change, before);
    }
    set_mode(&world, "var/lib/app/locks", 0o755);
    world.host_file("opt/app/extra", "");
    let report = world.report(2);
    assert_eq!(report["summary"]["drift"], 2, "{report}");
}

#[test]
fn adopting_again_changes_nothing_and_keeps_what_people_wrote() {
    let world = world();
    adopt(&world, EVERYTHING).ends_with(0);
    let file = world.path("desired/hosts/a/directory.toml");
    let text = fs::read_to_string(&file).unwrap();
    let edited = text.replace(
        "[directory.\"/var/lib/app/runs\"]\n",
        "# Ours since May.\n[directory.\"/var/lib/app/runs\"]\nseverity = \"critical\"\n",
    );
    fs::write(&file, &edited).unwrap();
    let before = texts(&world.path("desired"));
    let ran = adopt(&world, EVERYTHING).ends_with(0);
    assert!(!ran.stdout.contains("wrote"), "{}", ran.stdout);
    assert_eq!(texts(&world.path("desired")), before);
    set_mode(&world, "var/lib/app/runs", 0o755);
    world.host_file("opt/app/new.py", "");
    adopt(&world, EVERYTHING).ends_with(0);
    let mode = "\"0750\"";
    assert_eq!(fs::read_to_string(&file).unwrap(), edited.replacen(mode, "\"0755\"", 1));
    assert_eq!(world.report(0)["summary"]["drift"], 0);
}

#[test]
fn no_secret_is_written_down() {
    let world = world();
    let asked = ["--file", "/etc/app", "--constant", "/etc/app/secret.env:TOKEN"];
    let config = "host = \"a\"\n[observe]\nroots = [\"/\"]\nshow_content = [\"/opt/**\"]\n";
    world.write("config.toml", config);
    let config = world.path("config.toml");
    let mut all = asked.to_vec();
    all.extend(["--config", config.to_str().unwrap()]);
    let ran = adopt(&world, &all).ends_with(0);
    let written = texts(&world.path("desired"));
    let digest = {
        let list = std::process::Command::new("sha256sum")
            .arg(world.path("root/etc/app/secret.env"))
            .output()
            .unwrap();
        String::from_utf8(list.stdout).unwrap()[..64].to_owned()
    };
    for secret in [CANARY, &digest] {
        assert!(!written.contains(secret) && !ran.everything().contains(secret), "{written}");
    }
    assert!(written.contains("present = true"), "{written}");
    assert!(written.contains("[file.\"/etc/app/secret.env\"]"), "{written}");
}

#[test]
fn a_name_that_speaks_of_a_secret_is_no_value() {
    let world = world();
    // Without a configuration everything below a root may be shown.
    adopt(&world, &["--constant", "/etc/app/secret.env:TOKEN"]).ends_with(0);
    let written = texts(&world.path("desired"));
    assert!(written.contains("present = true") && !written.contains(CANARY), "{written}");
}

#[test]
fn what_cannot_be_seen_is_said() {
    let world = world();
    std::os::unix::fs::symlink("app", world.path("root/opt/way")).unwrap();
    let asked = ["--directory", "/none", "--file", "/opt/way/a.py", "--directory", "/var/lib/app"];
    let ran = adopt(&world, &asked).ends_with(4);
    assert!(ran.stdout.contains("not seen  directory /none: nothing is there"), "{}", ran.stdout);
    assert!(ran.stdout.contains("symlink_on_path"), "{}", ran.stdout);
    assert!(ran.stdout.contains("INCOMPLETE"), "{}", ran.stdout);
    set_mode(&world, "etc/app/settings.toml", 0o600);
    let ran = adopt(&world, &["--tree", "/etc/app"]).ends_with(4);
    assert!(ran.stdout.contains("none but their owner may read"), "{}", ran.stdout);
    let empty = World::new();
    adopt(&empty, &["--directory", "/none"]).ends_with(4);
    assert!(!empty.path("desired").exists(), "a host without resources is written");
    let json = adopt(&world, &["--directory", "/none", "--output", "json"]).ends_with(4).report();
    assert_eq!(json["nothing_there"][0], "directory /none");
    assert_eq!(json["schema"], "countersign.adopt");
}

#[test]
fn without_a_folder_it_is_only_printed() {
    let world = world();
    let root = world.path("root");
    let root = root.to_str().unwrap();
    let ran = run(&["adopt", "--root", root, "--host", "a", "--directory", "/var/lib/app"]);
    let ran = ran.ends_with(0);
    assert!(ran.stdout.contains("[directory.\"/var/lib/app/locks\"]"), "{}", ran.stdout);
    assert!(ran.stderr.contains("would write hosts/a/directory.toml"), "{}", ran.stderr);
    assert!(!world.path("desired").exists());
    run(&["adopt", "--root", root, "--host", "a"]).ends_with(64);
    run(&["adopt", "--root", root, "--host", "a", "--file", "/etc/app", "--commit"]).ends_with(64);
}

#[test]
fn it_commits_what_it_wrote_and_nothing_else() {
    let world = world();
    world.desired("hosts/a/host.toml", "[host]\nidentity = { hostname = \"testhost\" }\n");
    world.commit();
    let folder = world.path("desired");
    git(&folder, &["config", "user.name", "test"]);
    git(&folder, &["config", "user.email", "test@example.org"]);
    world.desired("hosts/a/unfinished.toml", "[directory.\"/x\"]\n");
    git(&folder, &["add", "hosts/a/unfinished.toml"]);
    adopt(&world, &["--directory", "/var/lib/app", "--commit"]).ends_with(0);
    let shown = git(&folder, &["show", "--name-only", "--format=%s", "HEAD"]);
    assert_eq!(shown, "a: adopt 3 resources (directory)\n\nhosts/a/directory.toml\n");
    let status = git(&folder, &["status", "--porcelain"]);
    assert_eq!(status, "A  hosts/a/unfinished.toml\n");
}

#[test]
fn the_name_of_a_host_leads_nowhere_else() {
    let world = world();
    let (root, folder) = (world.path("root"), world.path("out/desired"));
    let (root, folder) = (root.to_str().unwrap(), folder.to_str().unwrap());
    for host in ["../../x", "..", "a/b", "/x", ""] {
        let words = ["adopt", "--root", root, "-o", folder, "--directory", "/opt", "--host", host];
        assert!(run(&words).ends_with(64).stderr.contains("cannot be the name"), "{host}");
    }
    assert!(!world.path("out").exists());
}

#[test]
fn what_desired_state_would_replace_is_not_written_down() {
    let world = world();
    std::os::unix::fs::symlink("${values.x}", world.path("root/opt/link")).unwrap();
    let ran = adopt(&world, &["--symlink", "/opt/link", "--directory", "/opt/app"]).ends_with(4);
    assert!(ran.stdout.contains("would take for a reference"), "{}", ran.stdout);
    assert!(world.path("desired/hosts/a/directory.toml").exists());
}

#[test]
fn another_host_is_refused() {
    let world = world();
    world.desired("hosts/a/host.toml", "[host]\nidentity = { hostname = \"elsewhere\" }\n");
    let before = texts(&world.path("desired"));
    adopt(&world, &["--directory", "/var/lib/app"]).ends_with(7);
    assert_eq!(texts(&world.path("desired")), before);
}

#[test]
fn no_link_below_the_folder_leads_it_elsewhere() {
    let world = world();
    world.write("elsewhere/kept", "");
    fs::create_dir_all(world.path("desired/hosts")).unwrap();
    std::os::unix::fs::symlink(world.path("elsewhere"), world.path("desired/hosts/a")).unwrap();
    let ran = adopt(&world, &["--directory", "/var/lib/app"]);
    assert_ne!(ran.code, 0, "{}", ran.everything());
    assert_eq!(fs::read_dir(world.path("elsewhere")).unwrap().count(), 1);
}

#[test]
fn a_list_of_sha256sum_is_taken_over() {
    let world = world();
    let root = world.path("root/opt/app");
    let list = std::process::Command::new("sha256sum")
        .current_dir(&root)
        .args(["a.py", "lib/b.py", "back\\slash and blank"])
        .output()
        .unwrap();
    world.write("list", &list.stdout);
    let list = world.path("list");
    let from = ["--from", "sha256sums", list.to_str().unwrap()];
    adopt(&world, &from).ends_with(64);
    adopt(&world, &[&from[..], &["--tree", "/opt/app"]].concat()).ends_with(0);
    let report = world.report(2);
    let tree = crate::program::resource(&report, "tree.app");
    assert_eq!((&tree["counts"]["matched"], &tree["counts"]["unlisted"]), (&3.into(), &1.into()));
    world.write("list", "not a list\n");
    let ran = adopt(&world, &[&from[..], &["--tree", "/opt/app"]].concat()).ends_with(65);
    assert!(ran.stderr.contains("line 1"), "{}", ran.stderr);
    let ran = adopt(&world, &["--from", "sha256sum", "x"]).ends_with(64);
    assert!(ran.stderr.contains("did you mean `sha256sums`?"), "{}", ran.stderr);
}

#[test]
fn every_kind_writes_itself_down_in_sync() {
    let world = crate::recall::host::world();
    fs::remove_dir_all(world.path("desired")).unwrap();
    world.host_file("root/.gnupg/pubring.gpg", "");
    let asked = [
        ("--tree", "/srv/tree"),
        ("--directory", "/srv/dir"),
        ("--file", "/srv/pinned"),
        ("--symlink", "/srv/link"),
        ("--constant", "/srv/settings.py:LIMIT"),
        ("--repository", "/srv/repo"),
        ("--deployment", "/srv/DEPLOY.txt"),
        ("--freshness", "/srv/backups/*.gpg"),
        ("--certificate", "/srv/site.pem"),
        ("--gpg-keyring", "/srv/gnupg"),
        ("--authorized-keys", "root"),
        ("--user", "*"),
        ("--group", "*"),
        ("--package", "*"),
        ("--cron", "*"),
        ("--unit", "*"),
        ("--process", "agent"),
        ("--process", "4712/*"),
        ("--listener", "*"),
        ("--container", "*"),
        ("--mount", "*"),
        ("--disk", "/srv"),
        ("--sysctl", "net.ipv4.ip_forward"),
    ];
    let flags: Vec<&str> = asked.iter().flat_map(|(flag, value)| [*flag, *value]).collect();
    let ran = adopt(&world, &flags);
    assert_eq!(ran.code, 0, "{}", ran.everything());
    let report = world.report(0);
    let kinds: std::collections::BTreeSet<&str> =
        report["resources"].as_array().unwrap().iter().filter_map(|r| r["kind"].as_str()).collect();
    for kind in countersign::kinds::KINDS {
        // A smoke command needs a configuration that allows it; see its own tests.
        let elsewhere = kind.adoption().is_none() || kind.in_database() || kind.name() == "smoke";
        assert!(elsewhere || kinds.contains(kind.name()), "{} of {kinds:?}", kind.name());
    }
}

#[test]
fn two_trees_and_constants_of_one_name_are_both_written_down() {
    let world = world();
    world.host_file("srv/app/c.py", "");
    world.host_file("srv/settings.toml", "[server]\nport = 9090\n");
    let first = ["--tree", "/opt/app", "--constant", "/etc/app/settings.toml:server.port"];
    let second = ["--tree", "/srv/app", "--constant", "/srv/settings.toml:server.port"];
    adopt(&world, &first).ends_with(0);
    let ran = adopt(&world, &second).ends_with(0);
    assert!(ran.stdout.contains("wrote       hosts/a/tree.toml"), "{}", ran.stdout);
    let before = texts(&world.path("desired"));
    let ran = adopt(&world, &[first, second].concat()).ends_with(0);
    assert!(!ran.stdout.contains("wrote"), "{}", ran.stdout);
    assert_eq!(texts(&world.path("desired")), before);
    assert_eq!(world.report(0)["summary"]["in_sync"], 4);
    world.host_file("srv/app/extra", "");
    world.host_file("srv/settings.toml", "[server]\nport = 9091\n");
    assert_eq!(world.report(2)["summary"]["drift"], 2);
}

#[test]
fn a_table_of_what_is_gone_is_told_and_kept() {
    let world = world();
    world.host_file("etc/passwd", "root:x:0:0::/:\nanna:x:1000:0::/:\n");
    adopt(&world, &["--user", "*", "--directory", "/var/lib/app"]).ends_with(0);
    world.host_file("etc/passwd", "root:x:0:0::/:\n");
    fs::remove_dir(world.path("root/var/lib/app/locks")).unwrap();
    let ran = adopt(&world, &["--user", "*", "--directory", "/var/lib/app"]).ends_with(2);
    for name in ["user.anna in hosts/a/user.toml", "directory./var/lib/app/locks in hosts/a/"] {
        assert!(ran.stdout.contains(&format!("differs, left alone  {name}")), "{}", ran.stdout);
    }
    assert_eq!(world.report(2)["summary"]["drift"], 2);
    // Of what was not asked for nothing is said.
    adopt(&world, &["--user", "root"]).ends_with(0);
}
