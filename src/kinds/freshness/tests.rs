//! What counts as the newest, and what of it is compared.

use std::fs::{File, FileTimes};
use std::time::{Duration, SystemTime};

use super::*;
use crate::kinds::test_world::{self, Root, check};

/// When the look of the tests begins.
const NOW: u64 = 1_779_344_930;
const HOUR: u64 = 3600;

/// A file last changed so many seconds after 1970.
fn file(root: &Root, path: &str, bytes: &[u8], modified: u64) {
    root.file(path, bytes);
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(modified);
    let file = File::options().write(true).open(root.path(path)).expect("the file");
    file.set_times(FileTimes::new().set_modified(time)).expect("its time");
}

fn table(more: &str) -> String {
    format!("directory = '/b'\npattern = '*.gpg'\n{more}")
}

fn backups() -> Root {
    let root = Root::new();
    file(&root, "b/old.gpg", b"long ago, and longer", NOW - 100 * HOUR);
    file(&root, "b/new.gpg", b"abc", NOW - 25 * HOUR);
    file(&root, "b/newer.part", b"x", NOW - HOUR);
    file(&root, "b/sub/newest.gpg", b"xy", NOW - 2 * HOUR);
    file(&root, "elsewhere", b"x", NOW);
    root.link("b/latest.gpg", "/elsewhere").fifo("b/pipe.gpg");
    root
}

#[test]
fn age_size_and_number_are_compared() {
    let root = backups();
    let cases: &[(&str, &[&str])] = &[
        ("", &[]),
        ("younger_than = '26h'\nbytes_at_least = 3\ncount_at_least = 2\ncount_at_most = 2", &[]),
        ("younger_than = '25h'", &[]),
        ("younger_than = '1d'", &["younger_than \"1 d\" \"1 d 1 h (new.gpg)\""]),
        ("bytes_at_least = 4", &["bytes_at_least 4 3"]),
        ("count_at_least = 3", &["count_at_least 3 2"]),
        ("count_at_most = 1", &["count_at_most 1 2"]),
    ];
    for (more, expected) in cases {
        check::<Freshness>(&root, "x", &table(more), expected);
    }
    let below = "directory = '/b'\npattern = '**/*.gpg'\nyounger_than = '3h'\ncount_at_most = 3";
    check::<Freshness>(&root, "x", below, &[]);
    let below = "directory = '/b'\npattern = 'sub/*'\nyounger_than = '3h'\ncount_at_most = 1";
    check::<Freshness>(&root, "x", below, &[]);
}

#[test]
fn nothing_that_matches_is_a_difference() {
    let root = backups();
    for (toml, expected) in [
        ("directory = '/b'\npattern = '*.zst'", "newest \"a file that matches `*.zst`\" \"none\""),
        ("directory = '/none'\npattern = '*'", "presence \"present\" \"absent\""),
        ("directory = '/elsewhere'\npattern = '*'", "type \"directory\" \"file\""),
    ] {
        check::<Freshness>(&root, "x", toml, &[expected]);
    }
}

#[test]
fn a_time_ahead_of_the_look_tells_nothing() {
    let root = backups();
    file(&root, "b/ahead.gpg", b"x", NOW + 299);
    check::<Freshness>(&root, "x", &table("younger_than = '1h'"), &[]);
    file(&root, "b/ahead.gpg", b"x", NOW + 301);
    check::<Freshness>(
        &root,
        "x",
        &table("younger_than = '1h'"),
        &["blind younger_than undecidable"],
    );
    check::<Freshness>(&root, "x", &table("bytes_at_least = 1"), &[]);
}

#[test]
fn the_digest_is_reported_and_compared_with_the_file_beside() {
    let root = backups();
    let (spec, _) = test_world::prepare::<Freshness>("x", &table("digest = true"));
    let found = test_world::compare(&root, "x", spec).expect("seen");
    let expected = format!("new.gpg, 1 d 1 h old, 3 bytes, {:?}", Digest::of(b"abc"));
    assert_eq!(found.seen, Some(expected));
    let beside = table("sha256_file = '.sha256'");
    check::<Freshness>(&root, "x", &beside, &["sha256_file \"present\" \"absent\""]);
    root.file("b/new.gpg.sha256", format!("{}  new.gpg\n", Digest::of(b"abc")).as_bytes());
    check::<Freshness>(&root, "x", &beside, &[]);
    root.file("b/new.gpg.sha256", format!("{}  new.gpg\n", Digest::of(b"x")).as_bytes());
    let differs = format!("sha256 \"{:?}\" \"{:?}\"", Digest::of(b"x"), Digest::of(b"abc"));
    check::<Freshness>(&root, "x", &beside, &[&differs]);
    root.file("b/new.gpg.sha256", b"see the wiki");
    check::<Freshness>(&root, "x", &beside, &["blind sha256_file malformed"]);
}

#[test]
fn what_may_be_a_key_is_not_shown_as_a_digest() {
    let mut root = backups();
    root.policy = crate::config::Policy::new(&["/".into()], &[], &[]).expect("patterns");
    let beside = table("sha256_file = '.key'");
    let (key, own) = ("c0ffee".repeat(10) + "abcd", crate::model::Digest::of(b"abc"));
    root.file("b/new.gpg.key", format!("{key}\n").as_bytes());
    let spec = test_world::prepare::<Freshness>("x", &beside).0;
    let found = test_world::compare(&root, "x", spec).expect("told");
    let text = format!("{found:?}");
    assert!(found.differences.len() == 1 && text.contains("not be shown"), "{text}");
    assert!(!text.contains("c0ffee"), "{text}");
    root.file("b/new.gpg.key", format!("{own}\n").as_bytes());
    check::<Freshness>(&root, "x", &beside, &[]);
    root.file("b/new.gpg.key", format!("{key}  new.gpg\n").as_bytes());
    let named = format!("sha256 \"sha256:{key}\" \"sha256:{own}\"");
    check::<Freshness>(&root, "x", &beside, &[&named]);
}

#[test]
fn what_must_not_be_read_may_hide_a_newer_one() {
    let mut root = backups();
    let deny = |pattern: &str| {
        crate::config::Policy::new(&["/b".into()], &[pattern.to_owned()], &[]).expect("a policy")
    };
    root.policy = deny("/b/old*");
    check::<Freshness>(&root, "x", &table(""), &["blind not_allowed"]);
    root.policy = deny("/b/sub");
    check::<Freshness>(&root, "x", &table(""), &[]);
    let below = "directory = '/b'\npattern = '**'";
    check::<Freshness>(&root, "x", below, &["blind not_allowed"]);
}

#[test]
fn deep_folders_are_a_limit_and_not_an_answer() {
    let root = Root::new();
    root.file(&format!("b/{}f", "d/".repeat(33)), b"");
    let below = "directory = '/b'\npattern = '**'";
    check::<Freshness>(&root, "x", below, &["blind too_large"]);
}

#[test]
fn tables_that_cannot_be_met_are_refused() {
    for more in [
        "count_at_least = 3\ncount_at_most = 2",
        "count_at_most = 0",
        "sha256_file = ''",
        "sha256_file = '/x'",
    ] {
        assert_eq!(test_world::prepare::<Freshness>("x", &table(more)).1.len(), 1, "{more}");
    }
    for toml in [
        "directory = 'b'\npattern = '*'",
        "directory = '/b'\npattern = ''",
        "directory = '/b'\npattern = '/b/*'",
        "directory = '/b'\npattern = '[a'",
    ] {
        assert_eq!(test_world::prepare::<Freshness>("x", toml).1.len(), 1, "{toml}");
    }
}
