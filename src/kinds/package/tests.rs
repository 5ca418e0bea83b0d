//! Packages in databases of a root of their own; for rpm, in one that rpm itself made.

use super::*;
use crate::kinds::test_world::{self, Root, check};

const STATUS: &str = "\
Package: python3
Status: install ok installed
Architecture: amd64
Version: 3.12.3-0ubuntu2

Package: postgresql-client-16
Status: hold ok installed
Architecture: amd64
Version: 1:16.13-0ubuntu0.24.04.1
Description: a line
 Status: install ok half-installed

Package: broken
Status: install ok half-configured
Version: 1.0

Package: gone
Status: deinstall ok config-files
Version: 1.0

Package: never
Status: unknown ok not-installed

Package: leaving
Status: deinstall ok installed
Version: 2

Package: libc6
Status: install ok installed
Architecture: amd64
Version: 2.39-0ubuntu8

Package: libc6
Status: install ok installed
Architecture: i386
Version: 2.39-0ubuntu7
";

fn root() -> Root {
    let root = Root::new();
    root.file("var/lib/dpkg/status", STATUS.as_bytes()).dir("var/lib/dpkg/updates", 0o755);
    root
}

#[test]
fn packages_of_dpkg_are_compared_by_state_and_version() {
    let root = root();
    let client = "postgresql-client-16";
    let cases: &[(&str, &str, &[&str])] = &[
        ("python3", "version = '3.12.3-0ubuntu2'\narchitecture = 'amd64'\nhold = false", &[]),
        ("python3", "version = '3.12.3'", &["version \"3.12.3\" \"3.12.3-0ubuntu2\""]),
        ("python3", "upstream_version = '3.12.3'", &[]),
        ("python3", "at_least = '3.12~'\nbelow = '3.13'", &[]),
        ("python3", "at_least = '1:0'", &["at_least \"1:0\" \"3.12.3-0ubuntu2\""]),
        (
            "python3",
            "below = '3.12.3-0ubuntu2'",
            &["below \"3.12.3-0ubuntu2\" \"3.12.3-0ubuntu2\""],
        ),
        (
            "python3",
            "present = false",
            &["presence \"absent\" \"3.12.3-0ubuntu2 amd64 (install ok installed)\""],
        ),
        (client, "upstream_version = '16.13'\nhold = true", &[]),
        (
            client,
            "hold = false\narchitecture = 'arm64'",
            &["architecture \"arm64\" \"amd64\"", "hold false true"],
        ),
        (
            "x",
            &format!("name = '{client}'\nupstream_version = '16.12'"),
            &["upstream_version \"16.12\" \"16.13\""],
        ),
        (
            "broken",
            "version = '1.0'",
            &["state \"install ok installed\" \"install ok half-configured\""],
        ),
        ("leaving", "", &["state \"install ok installed\" \"deinstall ok installed\""]),
        ("gone", "", &["presence \"present\" \"deinstall ok config-files\""]),
        ("gone", "present = false", &[]),
        ("never", "present = false", &[]),
        ("none", "", &["presence \"present\" \"absent\""]),
        ("libc6", "", &["blind presence undecidable"]),
        ("libc6", "architecture = 'i386'\nversion = '2.39-0ubuntu7'", &[]),
        ("libc6:amd64", "version = '2.39-0ubuntu8'", &[]),
        ("libc6:armhf", "present = false", &[]),
        (
            "libc6",
            "present = false",
            &[
                "presence \"absent\" \"2.39-0ubuntu8 amd64 (install ok installed), 2.39-0ubuntu7 i386 (install ok installed)\"",
            ],
        ),
    ];
    for (name, toml, expected) in cases {
        check::<Package>(&root, name, toml, expected);
    }
}

#[test]
fn the_list_of_packages_can_be_closed() {
    let root = root();
    check::<Package>(&root, "*gone*", "only = []", &[]);
    check::<Package>(&root, "postgresql*", "only = ['postgresql-client-16']", &[]);
    let unlisted = "broken null \"1.0 (install ok half-configured)\"";
    check::<Package>(&root, "*b*", "only = ['libc6']", &[unlisted]);
    check::<Package>(&root, "libc6:*", "only = ['libc6:amd64', 'libc6:i386']", &[]);
    check::<Package>(&root, "zsh*", "only = ['zsh']", &["zsh \"present\" null"]);
}

#[test]
fn without_a_settled_database_nothing_is_told() {
    let root = root();
    root.file("var/lib/dpkg/updates/0001", b"Package: python3\n");
    check::<Package>(&root, "python3", "", &["blind changed_while_reading"]);
    let root = Root::new();
    check::<Package>(&root, "python3", "present = false", &["blind not_supported"]);
    check::<Package>(&root, "x", "manager = 'rpm'\npresent = false", &["blind not_supported"]);
    root.file("var/lib/dpkg/status.d/base", b"Package: base-files\nVersion: 12.4\n");
    root.file("var/lib/dpkg/status.d/base.md5sums", b"0 etc/x\n");
    check::<Package>(&root, "base-files", "version = '12.4'", &[]);
    root.file("var/lib/dpkg/status", b"Package: a\nnonsense\n");
    check::<Package>(&root, "base-files", "", &["blind malformed"]);
}

#[test]
fn distributions_of_pip_are_found_as_python_finds_them() {
    let root = Root::new();
    let paths = "manager = 'pip'\npaths = ['/l', '/u']";
    root.file(
        "l/psycopg2-2.9.11.dist-info/METADATA",
        b"Name: psycopg2\nVersion: 2.9.11\n\nVersion: 3\n",
    );
    root.file("u/psycopg2-2.9.5.dist-info/METADATA", b"Name: psycopg2\nVersion: 2.9.5\n");
    root.file("u/Foo_Bar-1.0-py3.12.egg-info", b"Name: Foo.Bar\nVersion: 1.0.0\n");
    root.file("u/old-2.egg-info/PKG-INFO", b"Name: old\nVersion: 2\n");
    root.file("u/torn-1.dist-info/RECORD", b"")
        .file("u/alias-1.dist-info/METADATA", b"Name: x\nVersion: 1\n");
    root.file("u/two-1.dist-info/METADATA", b"Name: two\nVersion: 1\n");
    root.file("u/two-2.dist-info/METADATA", b"Name: two\nVersion: 2\n");
    let cases: &[(&str, &str, &[&str])] = &[
        ("psycopg2", "version = '2.9.11'", &[]),
        ("psycopg2", "version = '2.9.5'", &["version \"2.9.5\" \"2.9.11\""]),
        ("psycopg2", "present = false", &["presence \"absent\" \"2.9.11 (install ok installed)\""]),
        ("foo-bar", "version = '1'", &[]),
        ("FOO.bar", "version = '1.0+x'", &["version \"1.0+x\" \"1.0.0\""]),
        ("old", "version = '2.0'", &[]),
        ("pytest", "present = false", &[]),
        ("pytest", "", &["presence \"present\" \"absent\""]),
        ("torn", "", &["blind malformed"]),
        ("alias", "", &["blind malformed"]),
        ("two", "", &["blind presence undecidable"]),
        ("psycopg*", "only = ['psycopg2']", &[]),
        (
            "*o*",
            "only = ['old', 'psycopg2', 'torn']",
            &["foo-bar null \"in /u\"", "two null \"in /u\""],
        ),
    ];
    for (name, toml, expected) in cases {
        check::<Package>(&root, name, &format!("{paths}\n{toml}"), expected);
    }
    let elsewhere = "manager = 'pip'\npaths = ['/u', '/nowhere']\npresent = false";
    check::<Package>(&root, "pytest", elsewhere, &["paths \"/nowhere\" null"]);
    let elsewhere = "manager = 'pip'\npaths = ['/nowhere']\nonly = []";
    check::<Package>(&root, "py*", elsewhere, &["blind not_supported"]);
}

#[test]
fn what_may_not_be_read_is_unknown() {
    let mut root = root();
    root.file("l/a-1.dist-info/METADATA", b"Name: a\nVersion: 1\n");
    root.policy = crate::config::Policy::new(&["/srv".into()], &[], &[]).expect("patterns");
    check::<Package>(&root, "a", "manager = 'pip'\npaths = ['/l']", &["blind not_allowed"]);
    check::<Package>(&root, "python3", "", &[]);
    root.policy = crate::config::Policy::nothing();
    check::<Package>(&root, "python3", "", &["blind not_allowed"]);
}

/// A package of rpm in a database of its own; `None`, loudly, where rpm is not installed.
fn rpm() -> Option<Root> {
    let root = Root::new();
    // `nobody` has to get there.
    root.dir("", 0o755).dir("var/lib/rpm", 0o755);
    root.file("t.spec", b"Name: tiny\nEpoch: 1\nVersion: 1.2\nRelease: 3\nSummary: t\nLicense: x\nBuildArch: noarch\n%description\nt\n%files\n");
    let run = |program: &str, arguments: &[&str]| {
        let output = std::process::Command::new(program).args(arguments).output().ok()?;
        assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
        Some(())
    };
    let database = root.path("var/lib/rpm").display().to_string();
    let top = format!("_topdir {}", root.path("top").display());
    let own = format!("_dbpath {database}");
    let spec = root.path("t.spec").display().to_string();
    let made = run("rpm", &["--initdb", "--dbpath", &database]).and_then(|()| {
        run("rpmbuild", &["-bb", "--quiet", "--define", &top, "--define", &own, &spec])
    });
    if made.is_none() {
        eprintln!("SKIPPED, rpm was not asked: `rpm` and `rpmbuild` are not installed");
        return None;
    }
    let package = root.path("top/RPMS/noarch/tiny-1.2-3.noarch.rpm").display().to_string();
    run("rpm", &["--dbpath", &database, "-i", "--justdb", "--nodeps", "--force-debian", &package])
        .map(|()| root)
}

#[test]
fn rpm_is_asked_about_its_own_database() {
    let Some(root) = rpm() else { return };
    let cases: &[(&str, &str, &[&str])] = &[
        ("tiny", "version = '1:1.2-3'\narchitecture = 'noarch'", &[]),
        ("tiny", "upstream_version = '1.2'", &[]),
        ("tiny", "version = '1.2-3'", &["version \"1.2-3\" \"1:1.2-3\""]),
        ("none", "present = false", &[]),
        ("t*", "only = ['tiny']", &[]),
        ("*", "only = []", &["tiny null \"1:1.2-3 noarch\""]),
    ];
    let marks = || {
        let entries = std::fs::read_dir(root.path("var/lib/rpm")).expect("a folder");
        let mark = |entry: std::io::Result<std::fs::DirEntry>| {
            let entry = entry.expect("an entry");
            (entry.file_name(), entry.metadata().and_then(|m| m.modified()).expect("a time"))
        };
        entries.map(mark).collect::<std::collections::BTreeMap<_, _>>()
    };
    let before = marks();
    for (name, toml, expected) in cases {
        check::<Package>(&root, name, &format!("manager = 'rpm'\n{toml}"), expected);
    }
    if rustix::process::geteuid().is_root() {
        assert_eq!(marks(), before, "rpm wrote beside its database");
    }
}

#[test]
fn keys_that_exclude_each_other_are_refused() {
    for (name, toml, code) in [
        ("", "", "CS0012"),
        ("a b", "", "CS0012"),
        ("a", "version = '1'\nupstream_version = '1'", "CS0008"),
        ("a", "version = '1'\nat_least = '1'", "CS0008"),
        ("a", "at_least = '2'\nbelow = '2'", "CS0008"),
        ("a", "version = '1_0'", "CS0004"),
        ("a", "present = false\nversion = '1'", "CS0008"),
        ("a:x", "architecture = 'y'", "CS0008"),
        ("a", "paths = ['/l']", "CS0008"),
        ("a", "manager = 'pip'", "CS0005"),
        ("a", "manager = 'pip'\npaths = []", "CS0009"),
        ("a", "manager = 'pip'\npaths = ['l']", "CS0004"),
        ("a", "manager = 'pip'\npaths = ['/l']\nversion = 'x'", "CS0004"),
        ("a", "manager = 'pip'\npaths = ['/l']\nat_least = '1'", "CS0023"),
        ("a", "manager = 'rpm'\nhold = true", "CS0023"),
        ("a*", "", "CS0005"),
        ("a*", "only = []\nname = 'b'", "CS0008"),
        ("a", "name = 'a*'", "CS0012"),
    ] {
        let problems = test_world::prepare::<Package>(name, toml).1;
        let codes: Vec<_> = problems.iter().map(|p| p.code.to_string()).collect();
        assert_eq!(codes, [code], "{name} {toml}");
    }
}

#[test]
fn what_is_adopted_is_in_sync() {
    let root = root();
    let host = root.world().host;
    for asked in ["p*", "l*6", "libc6", "libc6:i386"] {
        let drafts = adopt(&look::dpkg(&host, asked).expect("read"), asked).expect("found").drafts;
        assert!(!drafts.is_empty());
        for draft in drafts {
            let table: serde_json::Map<String, Value> =
                draft.keys.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
            let name = if asked.contains(':') { asked } else { &draft.name };
            check::<Package>(&root, name, &toml::to_string(&table).expect("TOML"), &[]);
        }
    }
    assert!(adopt(&look::dpkg(&host, "none").expect("read"), "none").is_err());
}
