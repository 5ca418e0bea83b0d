//! Tests of trees on real files.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::os::unix::fs::symlink;
use std::process::Command;

use super::*;
use crate::config::Policy;
use crate::kinds::test_world::{self, Root, TestFiles, lines};
use crate::model::{Change, Reason};

/// Six folders with a file each below `/t`, and the list of them.
pub(super) fn six() -> (Root, String) {
    let root = Root::new();
    let mut list = String::new();
    for index in 0..6 {
        let (path, content) = (format!("d{index}/f{index}.sql"), format!("-- file {index}\n"));
        root.file(&format!("t/{path}"), content.as_bytes()).mode(&format!("t/{path}"), 0o644);
        root.mode(&format!("t/d{index}"), 0o755);
        writeln!(list, "{}  {path}", Digest::of(content.as_bytes())).expect("a string");
    }
    root.mode("t", 0o755);
    (root, list)
}

pub(super) fn spec(list: &str, keys: &str) -> Tree {
    let toml = format!("root = '/t'\nmanifest = 'm'\n{keys}");
    let files = TestFiles(vec![("m".into(), list.into())]);
    let (spec, problems) = test_world::prepare_with::<Tree>("t", &toml, &files);
    assert_eq!(problems, [], "{toml}");
    spec
}

fn found(root: &Root, list: &str, keys: &str) -> Result<Comparison, Unknown> {
    test_world::compare(root, "t", spec(list, keys))
}

fn check(root: &Root, list: &str, keys: &str, expected: &[&str]) {
    assert_eq!(lines(&found(root, list, keys)), expected, "{keys}");
}

const CHANGED: &str = "\"sha256:";

/// One drift: how it is made, and the lines it must give, content shortened to its field.
type Drift = (fn(&Root), &'static [&'static str]);

const DRIFTS: &[Drift] = &[
    (
        |root| std::fs::write(root.path("t/d0/f0.sql"), "-- file 0\nxx").expect("append"),
        &["d0/f0.sql CONTENT"],
    ),
    (
        |root| std::fs::remove_file(root.path("t/d1/f1.sql")).expect("remove"),
        &["d1/f1.sql \"file\" null"],
    ),
    (
        |root| std::fs::write(root.path("t/d2/EXTRA"), "").expect("write"),
        &["d2/EXTRA null \"file\""],
    ),
    (
        |root| {
            root.mode("t/d3/f3.sql", 0o600);
        },
        &["d3/f3.sql \"mode 0644\" \"mode 0600\""],
    ),
    (
        |root| {
            std::fs::rename(root.path("t/d4/f4.sql"), root.path("t/orig")).expect("rename");
            symlink("../orig", root.path("t/d4/f4.sql")).expect("link");
        },
        &["d4/f4.sql \"file\" \"symlink\"", "orig null \"file\""],
    ),
    (
        |root| {
            let path = root.path("t/d5/f5.sql");
            let before = std::fs::metadata(&path).expect("stat").modified().expect("a time");
            std::fs::write(&path, "-- file X\n").expect("the same size");
            let file = std::fs::File::options().write(true).open(&path).expect("open");
            file.set_modified(before).expect("the same time");
        },
        &["d5/f5.sql CONTENT"],
    ),
];

const ATTRIBUTES: &str =
    "file_mode = '0644'\ndirectory_mode = '0755'\nowner = 'USER'\ngroup = 'GROUP'";

pub(super) fn shortened(found: &Result<Comparison, Unknown>) -> Vec<String> {
    let short = |line: String| match line.find(CHANGED) {
        Some(at) => format!("{}CONTENT", &line[..at]),
        None => line,
    };
    lines(found).into_iter().map(short).collect()
}

#[test]
fn the_six_drifts_alone_and_together() {
    let keys = test_world::here(ATTRIBUTES);
    let (root, list) = six();
    let clean = found(&root, &list, &keys).expect("walked");
    assert_eq!((clean.differences.len(), clean.blind.len()), (0, 0));
    assert_eq!(clean.seen.as_deref(), Some("6/6"));
    for (drift, expected) in DRIFTS {
        let (root, list) = six();
        drift(&root);
        assert_eq!(shortened(&found(&root, &list, &keys)), *expected);
    }
    for (drift, _) in DRIFTS {
        drift(&root);
    }
    let together = found(&root, &list, &keys);
    let mut expected: Vec<_> = DRIFTS.iter().flat_map(|(_, lines)| lines.iter().copied()).collect();
    expected.sort_unstable();
    assert_eq!(shortened(&together), expected);
    assert_eq!(expected.len(), 7);
    let together = together.expect("walked");
    let counts = BTreeMap::from([("listed", 6), ("matched", 1), ("unlisted", 2)]);
    assert_eq!(
        (together.seen.as_deref(), together.counts),
        (Some("1/6, 2 unlisted"), Some(counts))
    );
    let changes: Vec<_> = together.differences.iter().filter_map(|d| d.change).collect();
    let expected = [
        Change::Changed,
        Change::Missing,
        Change::Unlisted,
        Change::Metadata,
        Change::Changed,
        Change::Changed,
        Change::Unlisted,
    ];
    assert_eq!(changes, expected);
}

#[test]
fn what_is_unlisted_is_looked_for_as_asked() {
    let (root, list) = six();
    root.file("t/a/b/new", b"")
        .dir("t/void/in", 0o755)
        .file("t/d1/__pycache__/x.pyc", b"")
        .fifo("t/p");
    root.file("t/__pycache__/y.pyc", b"");
    let ignore = "ignore = ['**/__pycache__/**']";
    check(&root, &list, ignore, &["a/b/new null \"file\"", "p null \"fifo\""]);
    let empty = format!("{ignore}\nempty_directories = true");
    check(
        &root,
        &list,
        &empty,
        &["a/b/new null \"file\"", "p null \"fifo\"", "void/in null \"directory\""],
    );
    check(&root, &list, "unlisted = 'ignore'", &[]);
    let report = found(&root, &list, "unlisted = 'report'").expect("walked");
    assert_eq!((report.differences.len(), report.counts.expect("counts")["unlisted"]), (0, 4));
    assert_eq!(report.seen.as_deref(), Some("6/6, 4 unlisted, such as __pycache__/y.pyc"));
    check(&root, &list, "ignore = ['**/__pycache__/**', 'a', 'p']", &[]);
    // A pattern never takes away what is listed.
    root.file("t/d0/f0.sql", b"other");
    let ignored = found(&root, &list, "ignore = ['**']");
    assert_eq!(shortened(&ignored), ["d0/f0.sql CONTENT"]);
}

#[test]
fn things_of_other_types_are_not_opened() {
    let (root, list) = six();
    for index in 0..4 {
        std::fs::remove_file(root.path(&format!("t/d{index}/f{index}.sql"))).expect("remove");
    }
    root.fifo("t/d0/f0.sql").dir("t/d1/f1.sql/below", 0o755).file("t/d1/f1.sql/below/x", b"");
    let _socket = std::os::unix::net::UnixListener::bind(root.path("t/d2/f2.sql")).expect("bind");
    symlink("f3.sql", root.path("t/d3/f3.sql")).expect("a link to itself");
    let mut expected = vec![
        "d0/f0.sql \"file\" \"fifo\"",
        "d1/f1.sql \"file\" \"directory\"",
        "d1/f1.sql/below/x null \"file\"",
        "d2/f2.sql \"file\" \"socket\"",
        "d3/f3.sql \"file\" \"symlink\"",
    ];
    let device = rustix::fs::makedev(1, 3);
    let (kind, rights) = (rustix::fs::FileType::CharacterDevice, rustix::fs::Mode::RUSR);
    let made = rustix::fs::mknodat(rustix::fs::CWD, root.path("t/null"), kind, rights, device);
    match made {
        Ok(()) => expected.push("null null \"char_device\""),
        Err(error) => eprintln!("skipped: a device cannot be made here ({error})"),
    }
    check(&root, &list, "", &expected);
}

#[test]
fn a_folder_that_is_a_link_is_not_walked() {
    let (root, list) = six();
    std::fs::rename(root.path("t/d0"), root.path("elsewhere")).expect("rename");
    symlink("../elsewhere", root.path("t/d0")).expect("link");
    std::fs::remove_dir_all(root.path("t/d1")).expect("remove");
    let expected =
        ["d0 \"directory\" \"symlink\"", "d0/f0.sql \"file\" null", "d1/f1.sql \"file\" null"];
    check(&root, &list, "", &expected);
}

#[test]
fn the_root_may_be_missing_another_thing_or_behind_a_link() {
    let (root, list) = six();
    std::fs::rename(root.path("t"), root.path("real")).expect("rename");
    check(&root, &list, "", &["presence \"present\" \"absent\""]);
    symlink("real", root.path("t")).expect("link");
    check(&root, &list, "", &["type \"directory\" \"symlink\""]);
    symlink(".", root.path("way")).expect("link");
    let files = || TestFiles(vec![("m".into(), list.clone().into())]);
    for (keys, expected) in [("", vec!["blind symlink_on_path"]), ("through_links = true", vec![])]
    {
        let toml = format!("root = '/way/real'\nmanifest = 'm'\n{keys}");
        let spec = test_world::prepare_with::<Tree>("t", &toml, &files()).0;
        assert_eq!(lines(&test_world::compare(&root, "t", spec)), expected);
    }
}

#[test]
fn names_are_bytes() {
    use std::os::unix::ffi::OsStrExt as _;
    let root = Root::new();
    let names: [&[u8]; 5] = [b"a\nb", b"\xff\xfe", b"sp ace", b"back\\slash", b"cr\r"];
    let mut list = Vec::new();
    for name in names {
        let path = std::path::Path::new(std::ffi::OsStr::from_bytes(name));
        root.dir("t", 0o755);
        std::fs::write(root.path("t").join(path), name).expect("a file");
        list.extend(format!("{}  ", Digest::of(name)).bytes());
        list.extend(name);
        list.push(0);
    }
    let spec = |list: &[u8]| {
        let files = TestFiles(vec![("m".into(), list.to_vec())]);
        let toml = "root = '/t'\nmanifest = 'm'\nformat = 'nul'";
        let (spec, problems) = test_world::prepare_with::<Tree>("t", toml, &files);
        assert_eq!(problems, []);
        spec
    };
    assert_eq!(lines(&test_world::compare(&root, "t", spec(&list))), [] as [&str; 0]);
    let one = format!("{}  x\0", Digest::of(b""));
    let expected = [
        "a\\nb null \"file\"",
        "back\\\\slash null \"file\"",
        "cr\\r null \"file\"",
        "sp ace null \"file\"",
        "x \"file\" null",
        "\\xff\\xfe null \"file\"",
    ];
    assert_eq!(lines(&test_world::compare(&root, "t", spec(one.as_bytes()))), expected);
}

#[test]
fn what_may_not_be_read_is_blind_and_nothing_else_is() {
    let (mut root, list) = six();
    root.file("t/d1/secret/deep/x", b"").file("t/d2/y.pass", b"").file("t/d3/z", b"");
    let deny = ["/t/d0/*", "**/secret", "**/*.pass", "/t/d5"].map(String::from);
    root.policy = Policy::new(&["/t".into()], &deny, &[]).expect("patterns");
    let expected = [
        "d2/y.pass null \"file\"",
        "d3/z null \"file\"",
        "blind d0/f0.sql not_allowed",
        "blind d1/secret not_allowed",
        "blind d5 not_allowed",
    ];
    check(&root, &list, "", &expected);
    let blind = found(&root, &list, "").expect("walked").blind;
    assert!(blind[2].unknown.detail.ends_with("(1 listed files below it)"), "{:?}", blind[2]);
    root.policy = Policy::nothing();
    check(&root, &list, "", &["blind not_allowed"]);
}

#[test]
fn unreadable_files_and_folders_are_blind() {
    if rustix::process::geteuid().is_root() {
        eprintln!("skipped: modes do not bind root; what the policy denies is tested instead");
        return;
    }
    let (root, list) = six();
    root.mode("t/d0/f0.sql", 0o000).mode("t/d1", 0o000);
    let expected = ["blind d0/f0.sql permission_denied", "blind d1 permission_denied"];
    check(&root, &list, "", &expected);
    root.mode("t/d1", 0o755);
}

#[test]
fn attributes_are_compared_throughout() {
    let (root, list) = six();
    root.mode("t", 0o700).mode("t/d2", 0o775).mode("t/d4/f4.sql", 0o4644);
    let expected = [
        ". \"mode 0755\" \"mode 0700\"",
        "d2 \"mode 0755\" \"mode 0775\"",
        "d4/f4.sql \"mode 0644\" \"mode 4644\"",
    ];
    check(&root, &list, "file_mode = '0644'\ndirectory_mode = '0755'", &expected);
    let owners = found(&root, &list, "owner = 'nobody\\n'").expect("walked").differences;
    assert_eq!(owners.len(), 13, "six files, six folders and the root");
    root.disown("t/d0/f0.sql").file("etc/group", b"garbled");
    let group = format!("group = '{}'", test_world::here("GROUP"));
    let blind = found(&root, &list, &group).expect("walked").blind;
    assert!(blind.iter().any(|b| b.field == "d0/f0.sql" && b.unknown.reason == Reason::Malformed));
}

#[test]
fn many_files_are_walked_by_several_threads_with_the_same_outcome() {
    let root = Root::new();
    let mut list = String::new();
    for index in 0..3000 {
        let path = format!("{}/{}/f{index}", index % 7, index % 50);
        root.file(&format!("t/{path}"), format!("{index}").as_bytes());
        let content = if index % 100 == 0 { "other".to_owned() } else { index.to_string() };
        writeln!(list, "{}  {path}", Digest::of(content.as_bytes())).expect("a string");
    }
    let large = vec![1_u8; 9 << 20];
    for name in ["big0", "big1", "big2"] {
        root.file(&format!("t/{name}"), &large);
        writeln!(list, "{}  {name}", Digest::of(&large)).expect("a string");
    }
    let first = found(&root, &list, "").expect("walked");
    assert_eq!(first.seen.as_deref(), Some("2973/3003"));
    let fields: Vec<_> = first.differences.iter().map(|d| d.field.clone()).collect();
    assert!(fields.len() == 30 && fields.is_sorted());
    let spec = spec(&list, "");
    let mut world = root.world();
    world.threads = crate::probe::Threads::Exactly(1);
    let named = Named { name: "t".into(), spec: Arc::new(spec) };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let answers = runtime
        .expect("a runtime")
        .block_on(Tree::observe_all(&world, std::slice::from_ref(&named)));
    let alone = named.spec.diff("t", answers["t"].as_ref().expect("walked"));
    assert_eq!(alone, first);
    let hashed = world.progress.files.load(std::sync::atomic::Ordering::Relaxed);
    let total = world.progress.files_total.load(std::sync::atomic::Ordering::Relaxed);
    assert_eq!((hashed, total), (3003, 3003));
}

#[test]
fn a_directory_of_100_000_entries_is_counted_and_bounded() {
    let (root, list) = six();
    root.file("t/even", b"").file("t/odd", b"");
    for index in 0..100_000 {
        // Second names of two files: quicker made than files, and the walk does not look at what they name.
        let file = if index % 2 == 0 { "t/even" } else { "t/odd" };
        let name = root.path(&format!("t/d0/x{index:06}"));
        std::fs::hard_link(root.path(file), name).expect("a second name");
    }
    let found = found(&root, &list, "").expect("walked");
    assert_eq!(found.counts.expect("counts")["unlisted"], 100_002);
    assert_eq!(found.differences.len(), 10_001);
    assert_eq!(found.differences[9_999].field, "d0/x009999");
    let more = &found.differences[10_000];
    let text = "90002 more differences, which are counted and not kept";
    assert_eq!((more.field.as_str(), &more.actual), ("(more)", &Value::from(text)));
}

#[test]
fn too_deep_is_blind() {
    let (root, list) = six();
    let deep = format!("t/{}", "x/".repeat(130));
    root.dir(&deep, 0o755);
    let found = found(&root, &list, "").expect("walked");
    assert_eq!(found.blind.len(), 1);
    assert_eq!(found.blind[0].unknown.reason, Reason::TooLarge);
    assert!(found.blind[0].unknown.detail.contains("128"));
}

/// What the shell prints in the folder above the root; `None` where one of the programs is missing.
fn pipeline(root: &Root, prefix: &str) -> Option<String> {
    let script = format!("find {prefix} -type f | LC_ALL=C sort | xargs sha256sum | sha256sum");
    let shell = Command::new("sh").arg("-c").arg(script).current_dir(root.path("")).output();
    let output = String::from_utf8(shell.ok()?.stdout).ok()?;
    output.split(' ').next().filter(|hex| hex.len() == 64).map(ToOwned::to_owned)
}

#[test]
fn one_digest_is_that_of_the_pipeline() {
    let (root, _) = six();
    root.file("t/d0-1/z", b"1").file("t/d0/f0.pyc", b"").link("t/way", "d0").fifo("t/p");
    root.file("t/u\u{fc}", b"");
    let check = |prefix: &str, keys: &str| {
        let Some(digest) = pipeline(&root, prefix) else {
            eprintln!("skipped: no shell, find, xargs or sha256sum here");
            return;
        };
        let toml = format!("root = '/t'\ndigest = '{digest}'\n{keys}");
        let (spec, problems) = test_world::prepare::<Tree>("t", &toml);
        assert_eq!(problems, []);
        let found = test_world::compare(&root, "t", spec);
        assert_eq!(lines(&found), [] as [&str; 0], "{prefix}");
    };
    check("t", "");
    check("./t", "digest_prefix = './t'");
    check("t/", "digest_prefix = 't/'");
    let Some(before) = pipeline(&root, "t") else { return };
    root.file("t/d1/__pycache__/x.pyc", b"x");
    let toml = |keys: &str| format!("root = '/t'\ndigest = '{before}'\n{keys}");
    let compare =
        |toml: &str| test_world::compare(&root, "t", test_world::prepare::<Tree>("t", toml).0);
    assert_eq!(shortened(&compare(&toml("ignore = ['**/__pycache__/**']"))), [] as [&str; 0]);
    assert_eq!(shortened(&compare(&toml(""))), ["digest CONTENT"]);
    root.file("t/sp ace", b"");
    let keys = "ignore = ['**/__pycache__/**']";
    let expected = ["blind t/sp ace not_supported", "blind digest undecidable"];
    assert_eq!(lines(&compare(&toml(keys))), expected);
}

#[test]
fn an_empty_tree_has_the_digest_of_the_pipeline() {
    let root = Root::new();
    root.dir("t", 0o755);
    let Some(digest) = pipeline(&root, "t") else { return };
    let toml = format!("root = '/t'\ndigest = '{digest}'");
    let spec = test_world::prepare::<Tree>("t", &toml).0;
    assert_eq!(lines(&test_world::compare(&root, "t", spec)), [] as [&str; 0]);
}

#[test]
fn tables_that_cannot_be_meant_are_refused() {
    let hex = Digest::of(b"abc");
    let good = format!("{hex}  a\n");
    let short = format!("{good}{}  b\nnonsense\n", &hex.to_string()[..63]);
    for (list, toml, expected) in [
        (&*good, "root = '/t'".to_owned(), "CS0005"),
        (&good, "root = 't'\nmanifest = 'm'".into(), "CS0004"),
        (&good, "root = '/t'\nmanifest = 'n'".into(), "CS0011"),
        (&good, format!("root = '/t'\nmanifest = 'm'\ndigest = '{hex}'"), "CS0008"),
        (&good, format!("root = '/t'\ndigest = '{hex}'\nunlisted = 'report'"), "CS0008"),
        (&good, format!("root = '/a b'\ndigest = '{hex}'"), "CS0008"),
        (&good, format!("root = '/'\ndigest = '{hex}'"), "CS0008"),
        (&good, "root = '/t'\nmanifest = 'm'\ndigest_prefix = 'x'".into(), "CS0008"),
        (&good, "root = '/t'\nmanifest = 'm'\nignore = ['[']".into(), "CS0004"),
        (
            &good,
            format!("root = '/t'\nmanifest = 'm'\nignore = ['{}']", "{".repeat(5000)),
            "CS0015",
        ),
        (
            &good,
            format!(
                "root = '/t'\nmanifest = 'm'\nignore = ['{}a{}']",
                "{".repeat(499),
                "}".repeat(499)
            ),
            "CS0004",
        ),
        ("# none\n", "root = '/t'\nmanifest = 'm'".into(), "CS0009"),
        (&short, "root = '/t'\nmanifest = 'm'".into(), "CS0010 CS0010"),
        (&good.repeat(2), "root = '/t'\nmanifest = 'm'".into(), "CS0019"),
    ] {
        let files = TestFiles(vec![("m".into(), list.into())]);
        let problems = test_world::prepare_with::<Tree>("t", &toml, &files).1;
        let codes: Vec<_> = problems.iter().map(|p| p.code.to_string()).collect();
        assert_eq!(codes.join(" "), expected, "{toml}");
    }
    assert_eq!(spec(&good, "deadline = '90s'").deadline.0.as_secs(), 90);
    assert_eq!(spec(&good, "").deadline.0.as_secs(), 600);
}

fn set_xattr(root: &Root, path: &str, name: &str, value: &[u8]) -> bool {
    let flags = rustix::fs::XattrFlags::empty();
    match rustix::fs::setxattr(root.path(path), name, value, flags) {
        Ok(()) => true,
        Err(error) => {
            eprintln!("skipped in part: `{name}` cannot be set here: {error}");
            false
        }
    }
}

#[test]
fn what_listed_files_carry_is_found_where_it_is_asked() {
    let (root, list) = six();
    let both = "xattrs = 'drift'\nprivileges = 'drift'";
    check(&root, &list, both, &[]);
    root.mode("t/d0/f0.sql", 0o6755).mode("t/d1", 0o2755).mode("t/d1/f1.sql", 0o755);
    let bits = ["d0/f0.sql null \"setgid\"", "d0/f0.sql null \"setuid\""];
    check(&root, &list, both, &bits);
    check(&root, &list, "", &[]);
    check(&root, &list, "xattrs = 'drift'", &[]);
    root.mode("t/d0/f0.sql", 0o644);
    // cap_net_bind_service=ep
    let value = [1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    if set_xattr(&root, "t/d2/f2.sql", "security.capability", &value) {
        let held = "d2/f2.sql null \"cap_net_bind_service=ep\"";
        let xattr = "d2/f2.sql null \"xattr security.capability\"";
        check(&root, &list, both, &[xattr, held]);
        check(&root, &list, "privileges = 'drift'", &[held]);
        check(&root, &list, "", &[]);
        let seen = found(&root, &list, "privileges = 'report'").expect("walked");
        let expected =
            "5/6, 1 attribute or privilege, such as cap_net_bind_service=ep of d2/f2.sql";
        assert_eq!((seen.seen.as_deref(), seen.differences.len()), (Some(expected), 0));
        std::fs::remove_file(root.path("t/d2/f2.sql")).expect("removed");
        root.file("t/d2/f2.sql", b"-- file 2\n");
    }
    if set_xattr(&root, "t/d3", "user.a\u{1b}b", b"x") {
        check(&root, &list, both, &["d3 null \"xattr user.a\\\\u{1b}b\""]);
    }
}
