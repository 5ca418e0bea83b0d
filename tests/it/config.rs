//! The host's own configuration from the outside: precedence, trust, and what git may not loosen.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use crate::program::{Ran, World, command, ran, resource, run};

const FILES: &str = "[file.\"/srv/app/open\"]\nmode = \"0644\"\n[file.\"/srv/app/x.pass\"]\nmode = \"0644\"\n\
                     [file.\"/home/u/f\"]\nmode = \"0644\"\n";

fn configured(world: &World, text: &str) -> Ran {
    world.write("countersign.toml", format!("host = \"a\"\nroot = \"root\"\n{text}"));
    let (config, desired) = (world.path("countersign.toml"), world.path("desired"));
    run(&[
        "check",
        "--config",
        config.to_str().unwrap(),
        "--desired",
        desired.to_str().unwrap(),
        "--output",
        "json",
    ])
}

#[test]
fn only_what_the_host_allows_is_read() {
    let world = World::wanting(FILES);
    for file in ["srv/app/open", "srv/app/x.pass", "home/u/f"] {
        world.host_file(file, "x");
    }
    let report = configured(&world, "[observe]\nroots = [\"/srv\"]\ndeny = [\"**/*.pass\"]\n")
        .ends_with(4)
        .report();
    assert_eq!(resource(&report, "file./srv/app/open")["verdict"], "in_sync");
    for refused in ["file./srv/app/x.pass", "file./home/u/f"] {
        assert_eq!(resource(&report, refused)["reason"], "not_allowed", "{refused}");
    }
    // Without a section nothing is allowed, and without a configuration the live host is closed as well.
    let report = configured(&world, "").ends_with(4).report();
    assert_eq!(report["summary"]["unknown"], 3);
    world.desired("hosts/a/host.toml", "[host]\n");
    let ran =
        run(&["check", "--desired", world.path("desired").to_str().unwrap(), "--output", "json"])
            .ends_with(4);
    assert_eq!(ran.report()["summary"]["unknown"], 3);
}

#[test]
fn a_pinned_identity_wins_over_desired_state() {
    let world = World::wanting(FILES);
    let ran = configured(&world, "[identity]\nhostname = \"pinned\"\n").ends_with(7);
    assert!(ran.stderr.contains("pinned") && ran.stderr.contains("testhost"), "{}", ran.stderr);
}

#[test]
fn a_guard_that_is_missing_or_loosened_is_a_refusal() {
    let world = World::wanting(FILES);
    let ran = configured(&world, "[guard]\n\"file./srv/none\" = true\n").ends_with(7);
    assert!(ran.stderr.contains("does not contain it"), "{}", ran.stderr);
    let guard = "[guard]\n\"file./srv/app/open\" = { mode = \"0600\" }\n";
    let ran = configured(&world, guard).ends_with(7);
    assert!(ran.stderr.contains("kill_switch") && ran.stderr.contains("`mode`"), "{}", ran.stderr);
    world.desired(
        "hosts/a/resources.toml",
        "[file.\"/srv/app/open\"]\nmode = \"0600\"\nkill_switch = true\n",
    );
    configured(&world, guard).ends_with(4);
}

#[test]
fn pins_and_patterns_that_nothing_is_compared_with_are_refused() {
    let world = World::wanting(FILES);
    let identity = "[identity]\nhostnam = \"x\"\ndirectus = \"761\"\n";
    let ran = configured(&world, identity).ends_with(78);
    for part in ["`hostnam`", "did you mean `hostname`?", "`directus`"] {
        assert!(ran.stderr.contains(part), "{part}\n{}", ran.stderr);
    }
    for bad in ["srv/app/*", "*.pass", "/srv/app/", "/srv//app", ""] {
        for key in ["deny", "show_content"] {
            let text = format!("[observe]\nroots = [\"/srv\"]\n{key} = [\"{bad}\"]\n");
            let ran = configured(&world, &text).ends_with(78);
            assert!(ran.stderr.contains("no path can match"), "{}", ran.stderr);
        }
    }
    let good = "[observe]\nroots = [\"/srv\"]\ndeny = [\"**\", \"/\", \"{/a,/b}/*\", \"**/x\"]\n";
    configured(&world, good).ends_with(4);
}

#[test]
fn errors_in_the_configuration_are_all_told_with_their_places() {
    let world = World::wanting(FILES);
    let ran = configured(
        &world,
        "[obsreve]\n[observe]\nroot = [\"/\"]\nroots = [\"relative\"]\n[source]\nurl = 5\n",
    )
    .ends_with(78);
    for part in ["CS0003", "`obsreve`", "did you mean", "`root`", "`url`"] {
        assert!(ran.stderr.contains(part), "{part}\n{}", ran.stderr);
    }
    let ran = configured(&world, "[source]\nverify = \"signed\"\n").ends_with(78);
    assert!(ran.stderr.contains("CS0005") && ran.stderr.contains("first_commit"), "{}", ran.stderr);
    let ran = configured(&world, "[source]\nverify = \"signed\"\nfirst_commit = \"703559c\"\n");
    assert!(ran.ends_with(78).stderr.contains("40 digits"));
    run(&["check", "--config", "/nonexistent/x.toml"]).ends_with(78);
}

#[test]
fn what_a_configuration_names_lies_beside_it_wherever_it_is_named_from() {
    let world = World::wanting(FILES);
    world.write("countersign.toml", "host = \"a\"\nroot = \"root\"\n");
    let mut show = command(&["config", "show", "--config", "countersign.toml"]);
    let shown = ran(&show.current_dir(world.path(".")).output().unwrap()).ends_with(0).stdout;
    let root = shown.lines().find(|line| line.starts_with("root ")).unwrap();
    let root = root.split(" = ").nth(1).unwrap();
    assert!(root.starts_with('/') && root.contains("/root  "), "{root}");
}

#[test]
fn one_mistake_makes_no_other_of_what_is_right() {
    let world = World::wanting(FILES);
    let prove = "[prove]\nadmit = [\"any\"]\n";
    configured(&world, prove).ends_with(4);
    world.write("countersign.toml", format!("host = \"a\"\nroot = 5\n{prove}"));
    let config = world.path("countersign.toml");
    let ran = run(&["config", "show", "--config", config.to_str().unwrap()]).ends_with(78);
    assert!(ran.stderr.contains("`root`") && !ran.stderr.contains("CS0008"), "{}", ran.stderr);
    world.write("countersign.toml", format!("host = \"a\"\n{prove}"));
    let ran = run(&["config", "show", "--config", config.to_str().unwrap()]).ends_with(78);
    assert!(ran.stderr.contains("CS0008"), "{}", ran.stderr);
}

#[test]
fn a_configuration_that_others_can_write_is_not_trusted() {
    let world = World::wanting(FILES);
    configured(&world, "").ends_with(4);
    let file = world.path("countersign.toml");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o646)).unwrap();
    let ran = run(&["config", "show", "--config", file.to_str().unwrap()]).ends_with(78);
    assert!(ran.stderr.contains("chmod o-w"), "{}", ran.stderr);
}

#[test]
fn passwords_are_named_and_never_held_or_shown() {
    let world = World::wanting(FILES);
    world.desired(
        "hosts/a/host.toml",
        "[host]\n[database.d]\n[row_count.\"public.t\"]\ndatabase = \"d\"\nrows = 1\n",
    );
    let url = "[database.d]\nobserver = { url = \"postgres://u:CANARY-1@127.0.0.1:1/d\" }\n";
    let ran = configured(&world, url).ends_with(78);
    assert!(!ran.everything().contains("CANARY"), "{}", ran.stderr);
    world.write("observer.pass", "CANARY-2\n");
    let file = world.path("observer.pass");
    let named = "[database.d]\nobserver = { url = \"postgres://u@127.0.0.1:1/d\", password_file = \"observer.pass\" }\n";
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    let ran = configured(&world, named).ends_with(78);
    assert!(
        ran.stderr.contains("chmod 0600") && !ran.everything().contains("CANARY"),
        "{}",
        ran.stderr
    );
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let ran = configured(&world, named).ends_with(4);
    assert!(!ran.everything().contains("CANARY"), "{}", ran.stdout);
    let config = world.path("countersign.toml");
    let ran = run(&["config", "show", "--config", config.to_str().unwrap()]).ends_with(0);
    assert!(
        ran.stdout.contains("observer.pass") && !ran.stdout.contains("CANARY"),
        "{}",
        ran.stdout
    );
}

#[test]
fn config_show_names_the_origin_of_each_value() {
    let world = World::wanting(FILES);
    world.write("countersign.toml", "host = \"a\"\nroot = \"root\"\n");
    let config = world.path("countersign.toml");
    let mut show =
        command(&["config", "show", "--config", config.to_str().unwrap(), "--data", "/flagged"]);
    let ran =
        ran(&show.env("COUNTERSIGN_DESIRED", "/from/environment").output().unwrap()).ends_with(0);
    let line = |key: &str| ran.stdout.lines().find(|l| l.starts_with(key)).unwrap_or("").to_owned();
    assert!(line("host ").ends_with("# file"), "{}", ran.stdout);
    assert!(line("data ").ends_with("# --data"), "{}", ran.stdout);
    assert!(line("source.url ").ends_with("# COUNTERSIGN_DESIRED"), "{}", ran.stdout);
    assert!(line("source.verify ").ends_with("# default"), "{}", ran.stdout);
}

#[test]
fn content_outside_show_content_appears_as_a_digest_only() {
    let constant = "[constant.token]\nfile = \"/srv/app/settings\"\nformat = \"dotenv\"\nkey = \"TOKEN\"\nvalue = \"wanted\"\n";
    let world = World::wanting(constant);
    world.host_file("srv/app/settings", "TOKEN=CANARY-3\n");
    let file = world.path("recorded.json");
    let observe = "[observe]\nroots = [\"/srv\"]\n";
    let ran = configured(&world, observe).ends_with(2);
    assert!(
        ran.stdout.contains("sha256:") && !ran.everything().contains("CANARY"),
        "{}",
        ran.stdout
    );
    // Neither does the recording hold what may not be shown.
    let (config, desired) = (world.path("countersign.toml"), world.path("desired"));
    let words =
        ["check", "--config", config.to_str().unwrap(), "--desired", desired.to_str().unwrap()];
    run(&[&words[..], &["--record", file.to_str().unwrap()]].concat()).ends_with(2);
    assert!(!fs::read_to_string(&file).unwrap().contains("CANARY"));
    let shown = format!("{observe}show_content = [\"/srv/**\"]\n");
    assert!(configured(&world, &shown).ends_with(2).stdout.contains("CANARY-3"));
}
