//! Tests of trees whose files were hashed before: what is not read again, what always is, and what is never trusted.
#![cfg(test)]

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use super::tests::{shortened, six, spec};
use super::*;
use crate::kinds::test_world::{self, Root};
use crate::model::{Timestamp, Unknown};
use crate::state::{HashCaches, Settings};

/// A tree of six files, looked at again and again with one cache, at instants that the test chooses.
struct Looks {
    root: Root,
    list: String,
    keys: &'static str,
    data: tempfile::TempDir,
    /// When everything that was laid out has come to rest.
    start: i64,
    settings: Settings,
}

/// What came of one look: the findings, and how many files were recalled.
type Look = (Vec<String>, u64);

impl Looks {
    fn new() -> Self {
        let (root, list) = six();
        let changed = fs::metadata(root.path("t/d5/f5.sql")).expect("stat").ctime();
        let start = changed + 10;
        let settings = Settings {
            rehash: Duration::from_hours(24),
            also_on: vec!["overlayfs".into()],
            never_for: std::collections::BTreeSet::new(),
            now: at(start),
        };
        let data = tempfile::tempdir().expect("a folder");
        Self { root, list, keys: "", data, start, settings }
    }

    fn compare(&self, after: i64) -> (Result<Comparison, Unknown>, Vec<String>) {
        let mut settings = self.settings.clone();
        settings.now = at(self.start + after);
        let mut world = self.root.world();
        world.now = settings.now;
        let caches = HashCaches::open(self.data.path(), settings).expect("a folder of its own");
        let caches = Arc::new(caches);
        world.caches = Some(Arc::clone(&caches));
        let found = test_world::compare_in(&world, "t", spec(&self.list, self.keys));
        (found, caches.notes())
    }

    /// Looks so many seconds after the start.
    fn look(&self, after: i64) -> Look {
        let (found, notes) = self.compare(after);
        assert_eq!(notes, [] as [&str; 0]);
        let counts = found.as_ref().ok().and_then(|found| found.counts.clone()).unwrap_or_default();
        (shortened(&found), counts.get("recalled").copied().unwrap_or_default())
    }

    fn index(&self) -> PathBuf {
        let entries = fs::read_dir(self.data.path().join("cache")).expect("listed");
        let paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
        let [only] = paths.as_slice() else { panic!("one index and nothing beside it: {paths:?}") };
        only.clone()
    }

    fn file(&self, index: usize) -> PathBuf {
        self.root.path(&format!("t/d{index}/f{index}.sql"))
    }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix_seconds(seconds)
}

/// Writes other content of the same length, and puts the time of the last write back.
fn change_and_restore_mtime(path: &Path) {
    let before = fs::metadata(path).expect("stat");
    let content = vec![b'x'; usize::try_from(before.len()).expect("small")];
    fs::write(path, content).expect("written");
    let file = fs::File::options().write(true).open(path).expect("open");
    file.set_modified(before.modified().expect("a time")).expect("put back");
}

const NOTHING: [&str; 0] = [];

#[test]
fn what_has_not_changed_is_not_read_again() {
    let looks = Looks::new();
    assert_eq!(looks.look(0), (vec![], 0));
    assert_eq!(looks.look(0), (vec![], 6));
    let (found, _) = looks.compare(60);
    let found = found.expect("walked");
    assert_eq!(found.evidence, Evidence::StatCached);
    assert_eq!(found.hashed_since, Some(at(looks.start)));
    let mode = fs::metadata(looks.index()).expect("stat").permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "who can write it can hide drift");
    fs::remove_dir_all(looks.data.path().join("cache")).expect("removed");
    assert_eq!(looks.look(60), (vec![], 0), "deleting it changes no verdict");
}

#[test]
fn a_change_with_its_time_put_back_is_found() {
    let looks = Looks::new();
    looks.look(0);
    change_and_restore_mtime(&looks.file(3));
    assert_eq!(looks.look(0), (vec!["d3/f3.sql CONTENT".into()], 5));
    assert_eq!(looks.look(0), (vec!["d3/f3.sql CONTENT".into()], 6), "and remembered as it is");
}

#[test]
fn attributes_are_compared_whether_or_not_content_is_read() {
    let mut looks = Looks::new();
    looks.keys = "file_mode = '0644'";
    looks.look(0);
    looks.root.mode("t/d1/f1.sql", 0o600).file("t/d2/EXTRA", b"");
    fs::remove_file(looks.file(4)).expect("removed");
    let expected = [
        "d1/f1.sql \"mode 0644\" \"mode 0600\"",
        "d2/EXTRA null \"file\"",
        "d4/f4.sql \"file\" null",
    ];
    let expected: Vec<String> = expected.iter().map(ToString::to_string).collect();
    assert_eq!(looks.look(0), (expected.clone(), 4));
    assert_eq!(looks.look(0), (expected, 5), "the same with every digest recalled");
}

#[test]
fn a_file_renamed_over_another_or_in_a_reused_inode_is_read() {
    let looks = Looks::new();
    looks.look(0);
    let other = looks.root.path("other");
    fs::write(&other, "-- file X\n").expect("written");
    fs::rename(&other, looks.file(0)).expect("renamed");
    // The inode that is free now is the next one to be given out, on many file systems.
    let length = fs::metadata(looks.file(1)).expect("stat").len();
    fs::remove_file(looks.file(1)).expect("removed");
    fs::write(looks.file(1), vec![b'y'; usize::try_from(length).expect("small")]).expect("new");
    let expected = vec!["d0/f0.sql CONTENT".to_owned(), "d1/f1.sql CONTENT".to_owned()];
    assert_eq!(looks.look(0), (expected, 4));
}

#[test]
fn two_names_of_one_file_that_change_places_are_found() {
    let looks = Looks::new();
    looks.look(0);
    let aside = looks.root.path("aside");
    fs::rename(looks.file(0), &aside).expect("renamed");
    fs::rename(looks.file(1), looks.file(0)).expect("renamed");
    fs::rename(&aside, looks.file(1)).expect("renamed");
    let (found, _) = looks.look(0);
    assert_eq!(found, ["d0/f0.sql CONTENT", "d1/f1.sql CONTENT"]);
}

#[test]
fn what_changed_a_moment_ago_is_not_remembered() {
    let looks = Looks::new();
    let changed = |index| fs::metadata(looks.file(index)).expect("stat").ctime() - looks.start;
    let first = (0..6).map(changed).min().expect("six files");
    // Before it was written, in the same second, and within the granularity of a clock.
    for after in [first - 100, first, first + 2] {
        assert_eq!(looks.look(after).1, 0);
        assert_eq!(looks.look(after).1, 0, "{after}");
    }
    assert_eq!(looks.look(0).1, 0);
    assert_eq!(looks.look(0).1, 6);
}

#[test]
fn every_file_is_hashed_again_in_time() {
    let looks = Looks::new();
    let (hour, day) = (3600, 86_400);
    looks.look(0);
    assert_eq!(looks.look(4 * hour).1, 5, "a sixth of a day: one of six, the oldest");
    assert_eq!(looks.look(12 * hour).1, 4, "a third of a day: two of six");
    assert_eq!(looks.look(day - 1).1, 3, "half a day: three of six");
    assert_eq!(looks.look(2 * day).1, 0, "beyond the age nothing is recalled");
    assert_eq!(looks.look(2 * day).1, 6);
    let (found, notes) = looks.compare(day);
    assert_eq!(found.expect("walked").evidence, Evidence::Hashed);
    assert!(notes[0].contains("the clock was set back"), "{notes:?}");
}

#[test]
fn a_store_through_a_mapping_is_found_when_the_file_is_hashed_again() {
    const SCRIPT: &str = "
import mmap, os, sys
with open(sys.argv[1], 'r+b') as file:
    pages = mmap.mmap(file.fileno(), 0)
    pages[0:1] = b'-'            # the first store moves the times
    print(flush=True); input()
    pages[1:2] = b'!'            # later ones to a page that is dirty already do not
    print(flush=True); input()
";
    let looks = Looks::new();
    let path = looks.file(2);
    let child = Command::new("python3")
        .args(["-c", SCRIPT])
        .arg(&path)
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn();
    let Ok(mut child) = child else {
        eprintln!("skipped: no python3 here to map a file");
        return;
    };
    let mut steps = std::io::BufReader::new(child.stdout.take().expect("piped"));
    let mut step = || std::io::BufRead::read_line(&mut steps, &mut String::new()).expect("a line");
    assert_eq!(step(), 1);
    let before = fs::metadata(&path).expect("stat");
    assert_eq!(looks.look(0).0, NOTHING);
    let mut input = child.stdin.take().expect("piped");
    std::io::Write::write_all(&mut input, b"\n").expect("told");
    assert_eq!(step(), 1);
    let after = fs::metadata(&path).expect("stat");
    assert_eq!(fs::read(&path).expect("read")[1], b'!', "the content is another");
    let times = |meta: &fs::Metadata| (meta.ctime(), meta.ctime_nsec(), meta.mtime_nsec());
    if times(&before) == times(&after) {
        assert_eq!(looks.look(0), (vec![], 6), "no attribute tells, and the verdict says so");
    } else {
        eprintln!("skipped in part: the page was written back in between, so its times moved");
    }
    let found = looks.look(86_400).0;
    assert_eq!(found, ["d2/f2.sql CONTENT"], "only reading it tells");
    std::io::Write::write_all(&mut input, b"\n").expect("told");
    child.wait().expect("ended");
}

#[test]
fn an_index_that_cannot_be_trusted_counts_for_nothing() {
    let looks = Looks::new();
    looks.look(0);
    let good = fs::read(looks.index()).expect("read");
    let flipped = |place: usize| {
        let mut bytes = good.clone();
        bytes[place] ^= 1;
        bytes
    };
    let end = good.len() - 1;
    for (bytes, note) in [
        (flipped(end), "damaged"),
        (flipped(0), "damaged"),
        (flipped(good.len() - 90), "damaged"),
        (good[..end].to_vec(), "damaged"),
        (Vec::new(), "damaged"),
        (flipped(16), ""),
        (flipped(60), ""),
    ] {
        fs::write(looks.index(), bytes).expect("written");
        let (found, notes) = looks.compare(0);
        let found = found.expect("walked");
        assert_eq!((found.evidence, found.differences.len()), (Evidence::Hashed, 0));
        assert_eq!(notes.len(), usize::from(!note.is_empty()), "{notes:?}");
        assert!(notes.iter().all(|n| n.contains(note)), "{notes:?}");
        assert_eq!(looks.look(0).1, 6, "a new one stands in its place");
    }
    fs::set_permissions(looks.index(), fs::Permissions::from_mode(0o620)).expect("changed");
    let (found, notes) = looks.compare(0);
    assert_eq!(found.expect("walked").evidence, Evidence::Hashed);
    assert!(notes[0].contains("its mode 0620"), "{notes:?}");
    if rustix::process::geteuid().is_root() {
        std::os::unix::fs::chown(looks.index(), Some(12_345), None).expect("given away");
        let (_, notes) = looks.compare(0);
        assert!(notes[0].contains("its owner is user 12345"), "{notes:?}");
    } else {
        eprintln!("skipped in part: only root can give a file away");
    }
    let folder = looks.data.path().join("cache");
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o777)).expect("changed");
    let refused = HashCaches::open(looks.data.path(), looks.settings.clone()).map(drop);
    let refused = refused.expect_err("others can write there").to_string();
    assert!(refused.contains("its mode is 0777"), "{refused}");
}

#[test]
fn another_list_another_root_and_guards_are_hashed() {
    let mut looks = Looks::new();
    looks.look(0);
    let list = std::mem::take(&mut looks.list);
    let mut lines: Vec<&str> = list.lines().rev().collect();
    lines.push("");
    looks.list = lines.join("\n");
    assert_eq!(looks.look(0), (vec![], 0), "other bytes of the list");
    assert_eq!(looks.look(0), (vec![], 6));
    fs::rename(looks.root.path("t"), looks.root.path("old")).expect("renamed");
    let copied =
        Command::new("cp").args(["-a", "old", "t"]).current_dir(looks.root.path("")).status();
    assert!(copied.expect("cp").success());
    let changed = fs::metadata(looks.file(5)).expect("stat").ctime();
    looks.start = changed + 10;
    assert_eq!(looks.look(0), (vec![], 0), "another root");
    assert_eq!(looks.look(0), (vec![], 6));
    looks.settings.never_for.insert("t".into());
    assert_eq!(looks.look(0), (vec![], 0), "a guard");
}

#[test]
fn what_files_carry_is_looked_for_in_recalled_files_too() {
    let mut looks = Looks::new();
    looks.keys = "xattrs = 'drift'";
    looks.look(0);
    assert_eq!(looks.look(0), (vec![], 6));
    let set =
        rustix::fs::setxattr(looks.file(4), "user.note", b"x", rustix::fs::XattrFlags::empty());
    if let Err(error) = set {
        eprintln!("skipped: no extended attributes here: {error}");
        return;
    }
    let expected = vec!["d4/f4.sql null \"xattr user.note\"".to_owned()];
    assert_eq!(looks.look(0), (expected.clone(), 5), "setting one moves the time of the inode");
    assert_eq!(looks.look(0), (expected, 6));
}
