//! Tests of what changes under a walk, at the very step where it changes.

use std::os::unix::fs::symlink;
use std::path::Path;

use super::walk::{Folder, Open, Subject, Task, Walk};
use super::*;
use crate::config::Policy;
use crate::model::hash_list::Ending;
use crate::probe::host::{Contents, Opener};

fn question(list: &HashList) -> Question {
    Question {
        root: "/".into(),
        links: Links::Refuse,
        against: Against::List(Arc::new(list.clone())),
        manifest: None,
        ignore: GlobSet::empty(),
        unlisted: true,
        empty_directories: false,
        attributes: Attributes::default(),
        carried: Carried::default(),
        span_mounts: false,
        deadline: Duration::from_mins(1),
    }
}

fn list(names: &[&str]) -> HashList {
    let lines: Vec<_> = names.iter().map(|n| format!("{}  {n}\n", Digest::of(b"x"))).collect();
    HashList::read(&lines.concat(), b"/", Ending::Line).expect("a text").list
}

/// Takes one step of a walk whose tree has changed since the step was planned.
fn step(root: &Path, names: &[&str], plan: fn(Open) -> Task) -> Result<Walked, Unknown> {
    let list = list(names);
    let (question, progress, cancel) = (question(&list), Progress::default(), Cancel::default());
    let host = Host::open(root, Policy::everything()).expect("a root");
    let Ok((Contents::Regular(_, dir), path)) = host.directory(Path::new("/"), Links::Refuse)
    else {
        panic!("the root is a directory")
    };
    let device = rustix::fs::fstat(&dir).expect("stat").st_dev;
    let walk = Walk::new(&host, &question, path, device, &progress, &cancel);
    let folder = Folder { path: Box::default(), range: 0..list.len(), depth: 0 };
    let mut tasks = walk.step(plan(Open { dir, folder }));
    while let Some(task) = tasks.pop() {
        tasks.extend(walk.step(task));
    }
    walk.settle(list.len() as u64)
}

fn enter_d(open: Open) -> Task {
    let folder = Folder { path: b"d/".as_slice().into(), range: 0..1, depth: 1 };
    Task::Folder { parent: Arc::new(open), name: c"d".to_owned(), folder }
}

fn hash_f(open: Open) -> Task {
    Task::Files { open: Arc::new(open), files: vec![Subject::Listed(0)], apart: false }
}

#[test]
fn a_link_swapped_in_for_a_folder_is_not_entered() {
    let root = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(root.path().join("real")).expect("a folder");
    std::fs::write(root.path().join("real/f"), "x").expect("a file");
    symlink("real", root.path().join("d")).expect("a link");
    let walked = step(root.path(), &["d/f"], enter_d).expect("walked");
    assert_eq!((walked.matched, walked.findings.len()), (0, 0));
    assert_eq!(walked.blind[0].unknown.reason, Reason::ChangedWhileReading);
    std::fs::remove_file(root.path().join("d")).expect("remove");
    let walked = step(root.path(), &["d/f"], enter_d).expect("walked");
    assert_eq!(walked.findings, [Finding { path: "d/f".into(), what: What::Missing }]);
}

#[test]
fn a_file_swapped_after_it_was_listed_is_what_it_is_now() {
    let root = tempfile::tempdir().expect("a folder");
    let at = |name: &str| root.path().join(name);
    let swapped = |expected: What| {
        let walked = step(root.path(), &["f"], hash_f).expect("walked");
        assert_eq!(walked.findings, [Finding { path: "f".into(), what: expected }]);
        assert_eq!((walked.matched, walked.blind.len()), (0, 0));
    };
    let other = |actual| What::Type { desired: FileType::File, actual };
    swapped(What::Missing);
    std::fs::write(at("same"), "x").expect("a file");
    symlink("same", at("f")).expect("a link");
    swapped(other(FileType::Symlink));
    std::fs::remove_file(at("f")).expect("remove");
    std::fs::create_dir(at("f")).expect("a folder");
    swapped(other(FileType::Directory));
    std::fs::remove_dir(at("f")).expect("remove");
    let mode = rustix::fs::Mode::RUSR;
    rustix::fs::mknodat(rustix::fs::CWD, at("f"), rustix::fs::FileType::Fifo, mode, 0)
        .expect("a FIFO");
    swapped(other(FileType::Fifo));
    std::fs::remove_file(at("f")).expect("remove");
    let _socket = std::os::unix::net::UnixListener::bind(at("f")).expect("a socket");
    swapped(other(FileType::Socket));
}

#[test]
fn a_walk_that_was_stopped_has_no_answer() {
    let root = tempfile::tempdir().expect("a folder");
    std::fs::write(root.path().join("f"), "x").expect("a file");
    let host = Host::open(root.path(), Policy::everything()).expect("a root");
    let question = question(&list(&["f"]));
    let means = Means {
        host: Arc::new(host),
        progress: Arc::default(),
        caches: None,
        now: 0,
        threads: Threads::Exactly(2),
    };
    let walk = |cancel: &Cancel| walk::walk(&means, "t", &question, cancel);
    let cancel = Cancel::default();
    assert!(matches!(walk(&cancel), Ok(Seen::Walked(walked)) if walked.matched == 1));
    cancel.cancel();
    assert_eq!(walk(&cancel).map_err(|u| u.reason), Err(Reason::Deadline));
}

#[test]
fn large_files_are_hashed_apart_and_side_by_side() {
    let root = tempfile::tempdir().expect("a folder");
    let lines: Vec<_> = (0_u8..5)
        .map(|index| {
            let mut content = vec![index; (9 << 20) + usize::from(index)];
            content[0] = b'x';
            std::fs::write(root.path().join(format!("f{index}")), &content).expect("a file");
            // The last one is not what its line says.
            content[0] = if index == 4 { b'y' } else { b'x' };
            format!("{}  f{index}\n", Digest::of(&content))
        })
        .collect();
    let text = lines.concat().into_bytes();
    let list = HashList::read(&text, b"/", Ending::Line).expect("a text").list;
    let host = Arc::new(Host::open(root.path(), Policy::everything()).expect("a root"));
    for threads in (1..4).map(Threads::Exactly) {
        let host = Arc::clone(&host);
        let means = Means { host, progress: Arc::default(), caches: None, now: 0, threads };
        let walked = walk::walk(&means, "t", &question(&list), &Cancel::default());
        let Ok(Seen::Walked(walked)) = walked else { panic!("a folder") };
        assert_eq!((walked.matched, walked.hashed, walked.blind.len()), (4, 5, 0));
        let [Finding { path, what: What::Content { .. } }] = walked.findings.as_slice() else {
            panic!("one finding")
        };
        assert_eq!(path, "f4");
    }
}

#[test]
fn entries_are_limited() {
    let root = tempfile::tempdir().expect("a folder");
    let host = Host::open(root.path(), Policy::everything()).expect("a root");
    let (list, progress, cancel) = (list(&["f"]), Progress::default(), Cancel::default());
    let question = question(&list);
    let walk = Walk::new(&host, &question, "/".into(), 0, &progress, &cancel);
    assert_eq!(walk.count_entries(ENTRIES_MAX), Ok(()));
    let unknown = walk.count_entries(1).expect_err("one too many");
    assert_eq!(unknown.reason, Reason::TooLarge);
    assert!(unknown.detail.contains("2000000"));
}

#[test]
fn another_mount_is_not_entered() {
    let host = Host::open(Path::new("/"), Policy::everything()).expect("the root");
    let (found, _) = host.directory(Path::new("/"), Links::Refuse).expect("readable");
    let Contents::Regular(_, root) = found else { panic!("the root is a directory") };
    let opener = Opener::within_mount();
    let device = |path: &str| rustix::fs::stat(path).map(|stat| stat.st_dev);
    if device("/") == device("/proc") || !opener.watches_mounts() {
        eprintln!("skipped: /proc is no mount here");
        return;
    }
    let refused = opener.directory(&root, c"proc").map(drop);
    if opener.watches_mounts() {
        assert_eq!(refused, Err(rustix::io::Errno::XDEV));
    } else {
        eprintln!("skipped: no openat2 here; device numbers are compared instead");
    }
    assert!(Opener::across_mounts().directory(&root, c"proc").is_ok());
}
