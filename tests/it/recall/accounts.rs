//! Accounts, groups, packages and entries of cron: the part of the host that holds them, and what happens to it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use super::{Case, by_root, case, host::owner};
use crate::program::World;

const STATUS: &str = "\
Package: tool
Status: install ok installed
Architecture: amd64
Version: 1:2.3-4

Package: exact
Status: install ok installed
Architecture: all
Version: 1.0-1
";

fn table() -> String {
    format!("var/spool/cron/crontabs/{}", owner())
}

fn write_table(world: &World, text: &str) {
    world.host_file(&table(), text);
    let path = world.path("root").join(table());
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

fn append(world: &World, path: &str, text: &str) {
    let before = fs::read_to_string(world.path("root").join(path)).unwrap();
    world.host_file(path, format!("{before}{text}"));
}

fn edit(world: &World, path: &str, from: &str, to: &str) {
    let before = fs::read_to_string(world.path("root").join(path)).unwrap();
    assert!(before.contains(from), "{path} has no {from}");
    world.host_file(path, before.replacen(from, to, 1));
}

/// Lays out what this part looks at, beside the account and group of those who run the tests.
pub(super) fn lay_out(world: &World) {
    append(world, "etc/passwd", "app:x:1500:1500:App:/srv/app:/bin/sh\n");
    append(world, "etc/group", "app:x:1500:\nops:x:1600:\n");
    world.host_file("etc/shadow", "app:!:1:\n");
    world.host_file("var/lib/dpkg/status", STATUS);
    world.host_file("srv/site/dist-1.0.dist-info/METADATA", "Name: dist\nVersion: 1.0\n");
    write_table(world, "@daily /srv/tidy --all\n");
    world.host_file("etc/cron.d/job", "5 4 * * * root /srv/job\n");
}

pub(super) fn resources() -> String {
    let mut text = RESOURCES.replace("TABLE", &table());
    if owner() == "root" {
        // A table of the system is heeded only where it is root's.
        text.push_str("[cron_entry.job]\nfile = \"/etc/cron.d/job\"\nuser = \"root\"\n");
    }
    text
}

const RESOURCES: &str = r#"
[user.app]
uid = 1500
group = "app"
groups = []
home = "/srv/app"
shell = "/bin/sh"
comment = "App"
password = "locked"
sole_uid = true
[user.ghost]
present = false
[user."*admin*"]
only = []
[group.ops]
gid = 1600
members = []
[group.ghosts]
present = false
[group."*admin*"]
only = []
[package.tool]
upstream_version = "2.3"
architecture = "amd64"
hold = false
[package.exact]
version = "1.0-1"
[package.range]
name = "tool"
at_least = "1:2.0"
below = "1:3.0~"
[package.telnet]
present = false
[package."rsh*"]
only = []
[package.dist]
manager = "pip"
paths = ["/srv/site"]
version = "1.0"
[cron_entry.tidy]
file = "/TABLE"
program = "/srv/tidy"
schedule = "@daily"
command = "/srv/tidy --all"
[cron_entry.mining]
file = "/TABLE"
program = "/srv/mine"
present = false
[cron_entry."*backdoor*"]
only = []
"#;

pub(super) fn all() -> Vec<Case> {
    let mut cases = accounts();
    cases.extend(groups());
    cases.extend(packages());
    cases.extend(cron());
    cases
}

fn accounts() -> Vec<Case> {
    vec![
        case(
            "an account gets another number",
            |w| edit(w, "etc/passwd", "app:x:1500:", "app:x:1501:"),
            &[("user.app", "uid")],
        ),
        case(
            "an account gets another primary group",
            |w| edit(w, "etc/passwd", ":1500:1500:", ":1500:1600:"),
            &[("user.app", "group")],
        ),
        case(
            "an account joins a group",
            |w| edit(w, "etc/group", "ops:x:1600:", "ops:x:1600:app"),
            &[("group.ops", "members"), ("user.app", "groups")],
        ),
        case(
            "an account gets another home",
            |w| edit(w, "etc/passwd", "/srv/app", "/root"),
            &[("user.app", "home")],
        ),
        case(
            "an account gets another shell",
            |w| edit(w, "etc/passwd", "/srv/app:/bin/sh", "/srv/app:/bin/bash"),
            &[("user.app", "shell")],
        ),
        case(
            "an account gets another comment",
            |w| edit(w, "etc/passwd", ":App:", ":Nobody special:"),
            &[("user.app", "comment")],
        ),
        case(
            "an account gets a password",
            |w| edit(w, "etc/shadow", "app:!:", "app:$y$j9T$salt$hash:"),
            &[("user.app", "password")],
        ),
        case(
            "a second account gets the number of another",
            |w| append(w, "etc/passwd", "twin:x:1500:1500::/:/bin/sh\n"),
            &[("user.app", "sole_uid")],
        ),
        case(
            "an account gets a second line",
            |w| append(w, "etc/passwd", "app:x:0:0::/:/bin/sh\n"),
            &[("user.app", "line")],
        ),
        case(
            "an account that shall not exist is made",
            |w| append(w, "etc/passwd", "ghost:x:1700:1500::/:/bin/sh\n"),
            &[("user.ghost", "presence")],
        ),
        case(
            "an account is made that a closed list does not have",
            |w| append(w, "etc/passwd", "sysadmin:x:1700:1500::/:/bin/sh\n"),
            &[("user.*admin*", "sysadmin")],
        ),
    ]
}

fn groups() -> Vec<Case> {
    vec![
        case(
            "a group gets another number",
            |w| edit(w, "etc/group", "ops:x:1600:", "ops:x:1601:"),
            &[("group.ops", "gid")],
        ),
        case(
            "a group that shall not exist is made",
            |w| append(w, "etc/group", "ghosts:x:1700:\n"),
            &[("group.ghosts", "presence")],
        ),
        case(
            "a group is made that a closed list does not have",
            |w| append(w, "etc/group", "sysadmin:x:1700:\n"),
            &[("group.*admin*", "sysadmin")],
        ),
    ]
}

#[expect(clippy::too_many_lines, reason = "a table")]
fn packages() -> Vec<Case> {
    const STATUS: &str = "var/lib/dpkg/status";
    vec![
        case(
            "a package is upgraded by its authors' count",
            |w| edit(w, STATUS, "1:2.3-4", "1:2.4-1"),
            &[("package.tool", "upstream_version")],
        ),
        case(
            "a package is rebuilt by its distribution",
            |w| edit(w, STATUS, "1.0-1", "1.0-1+deb12u1"),
            &[("package.exact", "version")],
        ),
        case(
            "a package loses its epoch",
            |w| edit(w, STATUS, "1:2.3-4", "2.3-4"),
            &[("package.range", "at_least")],
        ),
        case(
            "a package is upgraded beyond what will do",
            |w| edit(w, STATUS, "1:2.3-4", "2:2.3-4"),
            &[("package.range", "below")],
        ),
        case(
            "a package is replaced by that of another architecture",
            |w| edit(w, STATUS, "amd64", "i386"),
            &[("package.tool", "architecture")],
        ),
        case(
            "a package is held back",
            |w| edit(w, STATUS, "install ok installed", "hold ok installed"),
            &[("package.tool", "hold")],
        ),
        case(
            "the configuration of a package fails",
            |w| {
                edit(
                    w,
                    STATUS,
                    "installed\nArchitecture: all",
                    "half-configured\nArchitecture: all",
                );
            },
            &[("package.exact", "state")],
        ),
        case(
            "a package that shall not be installed is",
            |w| {
                let telnet = "\nPackage: telnet\nStatus: install ok installed\nVersion: 1\n";
                append(w, STATUS, telnet);
            },
            &[("package.telnet", "presence")],
        ),
        case(
            "a package is installed that a closed list does not have",
            |w| {
                let server = "\nPackage: rsh-server\nStatus: install ok unpacked\nVersion: 1\n";
                append(w, STATUS, server);
            },
            &[("package.rsh*", "rsh-server")],
        ),
        case(
            "a folder of Python's path is moved away",
            |w| {
                let root = w.path("root");
                fs::rename(root.join("srv/site"), root.join("srv/elsewhere")).unwrap();
            },
            &[("package.dist", "paths"), ("package.dist", "presence")],
        ),
        case(
            "a distribution of Python is upgraded",
            |w| edit(w, "srv/site/dist-1.0.dist-info/METADATA", "1.0", "1.0.1"),
            &[("package.dist", "version")],
        ),
    ]
}

fn cron() -> Vec<Case> {
    vec![
        case(
            "an entry of cron runs at another time",
            |w| write_table(w, "@hourly /srv/tidy --all\n"),
            &[("cron_entry.tidy", "schedule")],
        ),
        case(
            "an entry of cron runs with another option",
            |w| write_table(w, "@daily /srv/tidy --none\n"),
            &[("cron_entry.tidy", "command")],
        ),
        case(
            "an entry of cron that shall not be there is added",
            |w| write_table(w, "@daily /srv/tidy --all\n5 * * * * cd / && /srv/mine\n"),
            &[("cron_entry.mining", "presence")],
        ),
        case(
            "an entry of cron is added that a closed list does not have",
            |w| {
                w.host_file("etc/cron.daily/backdoor", "#!/bin/sh\n");
                let script = w.path("root/etc/cron.daily/backdoor");
                fs::set_permissions(script, fs::Permissions::from_mode(0o755)).unwrap();
            },
            &[("cron_entry.*backdoor*", "/etc/cron.daily/backdoor root /etc/cron.daily/backdoor")],
        ),
        by_root(
            "an entry of cron runs as somebody else",
            |w| edit(w, "etc/cron.d/job", "root", "app"),
            &[("cron_entry.job", "user")],
        ),
        by_root(
            "a table of cron becomes writable for others",
            |w| {
                let path = w.path("root/etc/cron.d/job");
                fs::set_permissions(path, fs::Permissions::from_mode(0o666)).unwrap();
            },
            &[("cron_entry.job", "presence")],
        ),
    ]
}

/// What happens to this part and is no drift.
pub(super) fn quiet() -> Vec<Case> {
    vec![
        case(
            "the lines of the accounts and groups are sorted, with comments between",
            |w| {
                for path in ["etc/passwd", "etc/group"] {
                    let text = fs::read_to_string(w.path("root").join(path)).unwrap();
                    let mut lines: Vec<&str> = text.lines().rev().collect();
                    lines.insert(0, "# sorted");
                    w.host_file(path, lines.join("\n\n") + "\n");
                }
            },
            &[],
        ),
        case(
            "a package is described anew",
            |w| {
                edit(
                    w,
                    "var/lib/dpkg/status",
                    "Version: 1.0-1",
                    "Description: x\n y\nversion: 1.0-1",
                );
            },
            &[],
        ),
        case(
            "a schedule is written in another way",
            |w| write_table(w, "# tidy\nMAILTO=x\n00 0 * * *\t/srv/tidy --all\n"),
            &[],
        ),
        case(
            "a file appears that cron does not heed",
            |w| w.host_file("etc/cron.daily/backdoor", "not executable\n"),
            &[],
        ),
    ]
}
