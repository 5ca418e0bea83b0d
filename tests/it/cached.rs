//! `check --cached` from the outside: where it writes, and what it never trusts. What it remembers is tested with its trees.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use crate::program::{World, resource};

/// The SHA-256 of `abc`.
const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

fn world(keys: &str) -> World {
    let tree = format!("[tree.t]\nroot = \"/srv/t\"\nmanifest = \"manifests/t.sha256\"\n{keys}");
    let world = World::wanting(&tree);
    world.desired("hosts/a/manifests/t.sha256", format!("{ABC}  f\n"));
    world.host_file("srv/t/f", "abc");
    // Long ago, as far as a cache is concerned: its own clock is that of the machine.
    std::thread::sleep(std::time::Duration::from_millis(3_100));
    world
}

#[test]
fn nothing_is_remembered_unless_it_is_asked() {
    let world = world("");
    let data = world.path("data");
    let data = data.to_str().unwrap();
    world.check(&["--data", data]).ends_with(0);
    assert!(!world.path("data").exists(), "a look without --cached leaves nothing behind");
    let evidence = || {
        let report = world.check(&["--data", data, "--cached", "--output", "json"]);
        resource(&report.ends_with(0).report(), "tree.t")["evidence"].clone()
    };
    assert_eq!([evidence(), evidence()], ["hashed", "stat_cached"]);
    let mode = fs::metadata(world.path("data/cache")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    let report = world.check(&["--data", data, "--output", "json"]).report();
    assert_eq!(resource(&report, "tree.t")["evidence"], "hashed", "gates and plans look so");
    fs::set_permissions(world.path("data/cache"), fs::Permissions::from_mode(0o777)).unwrap();
    let exposed = world.check(&["--data", data, "--cached"]).ends_with(0);
    assert!(exposed.stdout.contains("every file is hashed"), "{}", exposed.stdout);
    for other in [["--since", "HEAD"], ["--replay", "x.json"]] {
        world.check(&["--cached", other[0], other[1]]).ends_with(64);
    }
}

#[test]
fn a_guard_is_always_read() {
    let world = world("kill_switch = true\n");
    let data = world.path("data");
    for _ in 0..2 {
        let arguments = ["--data", data.to_str().unwrap(), "--cached", "--output", "json"];
        let report = world.check(&arguments).ends_with(0).report();
        assert_eq!(resource(&report, "tree.t")["evidence"], "hashed");
    }
    assert_eq!(fs::read_dir(world.path("data/cache")).unwrap().count(), 0);
}
