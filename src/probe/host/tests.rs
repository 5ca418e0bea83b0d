//! Tests of the host reader on real files.

use std::os::unix::fs::symlink;
use std::path::PathBuf;

use super::*;

const ALL: u64 = 1 << 20;

fn root() -> tempfile::TempDir {
    let root = tempfile::tempdir().expect("a temporary folder");
    let at = |path: &str| root.path().join(path);
    std::fs::create_dir_all(at("opt/app/sub")).expect("folders");
    std::fs::create_dir_all(at("etc")).expect("a folder");
    std::fs::write(at("opt/app/f"), "content").expect("a file");
    std::fs::write(at("secret"), "hidden").expect("a file");
    symlink("opt/app", at("relative")).expect("a link");
    symlink("/opt/app", at("opt/absolute")).expect("a link");
    symlink("../../../../../opt/app/sub/..", at("opt/app/above")).expect("a link");
    symlink("/", at("opt/app/out")).expect("a link");
    symlink("loop", at("loop")).expect("a link");
    symlink("f", at("opt/app/last")).expect("a link");
    symlink("nowhere", at("dangling")).expect("a link");
    root
}

fn host(root: &tempfile::TempDir, policy: Policy) -> Host {
    Host::open(root.path(), policy).expect("a root")
}

fn brief(answer: Result<Option<Stat>, Unknown>) -> String {
    match answer {
        Ok(None) => "absent".into(),
        Ok(Some(stat)) => stat.file_type.name().into(),
        Err(unknown) => unknown.reason.to_string(),
    }
}

#[test]
fn what_stands_at_a_path() {
    let root = root();
    let host = host(&root, Policy::everything());
    for (path, refuse, through) in [
        ("/", "directory", "directory"),
        ("/opt/app/f", "file", "file"),
        ("/opt/app/sub", "directory", "directory"),
        ("/opt/app/none", "absent", "absent"),
        ("/opt/none/f", "absent", "absent"),
        ("/opt/app/f/below", "absent", "absent"),
        ("/opt/app/f/below/it", "absent", "absent"),
        ("/opt/app/last", "symlink", "symlink"),
        ("/opt/app/last/x", "symlink_on_path", "absent"),
        ("/relative/f", "symlink_on_path", "file"),
        ("/relative", "symlink", "symlink"),
        ("/opt/absolute/f", "symlink_on_path", "file"),
        ("/opt/app/above/f", "symlink_on_path", "file"),
        ("/loop/f", "symlink_on_path", "io_error"),
        ("/dangling/f", "symlink_on_path", "absent"),
        ("/opt/../secret", "not_allowed", "not_allowed"),
        ("secret", "not_allowed", "not_allowed"),
        ("/opt/./app/f", "file", "file"),
        ("/opt/a\0b", "not_allowed", "not_allowed"),
    ] {
        let path = Path::new(path);
        assert_eq!(brief(host.stat(path, Links::Refuse)), refuse, "{}", path.display());
        assert_eq!(brief(host.stat(path, Links::Through)), through, "{}", path.display());
    }
}

#[test]
fn without_openat2_the_answers_are_the_same() {
    let root = root();
    let host = host(&root, Policy::everything());
    for path in ["/opt/app/f", "/opt/none/f", "/opt/app/f/x", "/relative/f", "/loop/f", "/"] {
        let names = Path::new(path).iter().skip(1).map(Into::into).collect();
        let follow = resolve::Follow::Nothing;
        let slowly = resolve::step_by_step(host.root.as_fd(), Path::new(path), names, follow)
            .and_then(|located| located.spot().map_or(Ok(None), |spot| spot.stat()));
        assert_eq!(slowly, host.stat(Path::new(path), Links::Refuse), "{path}");
    }
}

#[test]
fn a_link_on_the_way_is_named() {
    let root = root();
    let host = host(&root, Policy::everything());
    symlink("x\n\u{1b}[2J", root.path().join("evil\n")).expect("a link");
    for (path, named) in [
        ("/opt/absolute/sub/f", "`/opt/absolute` is a link to `/opt/app`"),
        ("/evil\n/f", "`/evil\\n` is a link to `x\\n\\u{1b}[2J`"),
    ] {
        let unknown = host.stat(Path::new(path), Links::Refuse).expect_err("a link");
        assert!(unknown.detail.starts_with(named), "{}", unknown.detail);
    }
}

#[test]
fn the_policy_is_asked_before_and_after_links() {
    let root = root();
    let policy = Policy::new(&["/opt".into()], &["**/sub/**".into()], &[]).expect("patterns");
    let host = host(&root, policy);
    for (path, answer) in [
        ("/opt/app/f", "file"),
        ("/secret", "not_allowed"),
        ("/none", "not_allowed"),
        ("/opt/app/sub/x", "not_allowed"),
        ("/opt/app/out/secret", "not_allowed"),
        ("/opt/app/out/none", "not_allowed"),
        ("/opt/app/out/none/x", "not_allowed"),
        ("/opt/app/out/opt/app/f", "file"),
    ] {
        assert_eq!(brief(host.stat(Path::new(path), Links::Through)), answer, "{path}");
    }
    let unknown = host.read(Path::new("/secret"), Links::Refuse, ALL).expect_err("not allowed");
    assert!(unknown.detail.contains("[observe] roots"), "{}", unknown.detail);
}

#[test]
fn contents_are_whole_or_not_given() {
    let root = root();
    let host = host(&root, Policy::everything());
    let read = |path: &str, max| host.read(Path::new(path), Links::Refuse, max);
    let (stat, bytes) = read("/opt/app/f", 7).expect("readable").expect("present");
    assert_eq!((stat.size, &bytes[..]), (7, &b"content"[..]));
    assert_eq!(read("/opt/app/f", 6).map_err(|u| u.reason), Err(Reason::TooLarge));
    assert_eq!(read("/opt/app/none", 6), Ok(None));
    assert_eq!(read("/opt/app", 6).map_err(|u| u.reason), Err(Reason::NotSupported));
    let hash = |path: &str| host.hash(Path::new(path), Links::Refuse, &Cancel::default());
    assert_eq!(hash("/opt/app/f"), Ok(Contents::Regular(stat, Digest::of(b"content"))));
    assert!(
        matches!(hash("/opt/app/last"), Ok(Contents::Other(stat)) if stat.file_type == FileType::Symlink)
    );
    let cancel = Cancel::default();
    cancel.cancel();
    let stopped = host.hash(Path::new("/opt/app/f"), Links::Refuse, &cancel);
    assert_eq!(stopped.map_err(|u| u.reason), Err(Reason::Deadline));
}

#[test]
fn the_place_that_was_read_decides_whether_it_is_shown() {
    let root = root();
    let roots = [PathBuf::from("/")];
    let policy = |show: &[&str]| {
        let show: Vec<String> = show.iter().map(ToString::to_string).collect();
        Policy::new(&roots, &[], &show).expect("patterns")
    };
    let shown = |show: &[&str], path: &str| {
        let read = host(&root, policy(show)).read_to_show(Path::new(path), Links::Through, ALL);
        read.expect("readable").expect("present").1
    };
    assert!(shown(&["/opt/app/**"], "/opt/app/f"));
    assert!(!shown(&["/opt/app/**"], "/secret"));
    assert!(!shown(&["/opt/app/**"], "/opt/app/out/secret"), "a link leads out of what is shown");
    assert!(!shown(&["/opt/app/**"], "/relative/f"), "nor is the path that was asked for");
    assert!(shown(&["/opt/app/**", "/relative/**"], "/relative/f"));
}

#[test]
fn pseudo_files_are_read_to_their_end() {
    let host = Host::open(Path::new("/"), Policy::everything()).expect("the root");
    let path = Path::new("/proc/self/status");
    let (stat, bytes) = host.read(path, Links::Through, ALL).expect("readable").expect("present");
    assert!(stat.size == 0 && bytes.starts_with(b"Name:"));
    let limited = host.read(path, Links::Through, 10).map_err(|u| u.reason);
    assert_eq!(limited, Err(Reason::TooLarge));
}

#[test]
fn emptiness_is_of_directories() {
    let root = root();
    let host = host(&root, Policy::everything());
    let empty = |path: &str| host.is_empty(Path::new(path), Links::Refuse);
    assert_eq!(empty("/opt/app/sub"), Ok(Some(true)));
    assert_eq!(empty("/opt/app"), Ok(Some(false)));
    assert_eq!(empty("/opt/app/f"), Ok(None));
}

#[test]
fn the_host_is_known_by_its_own_files() {
    let root = root();
    let at = |path: &str| -> PathBuf { root.path().join(path) };
    std::fs::write(at("etc/hostname"), "# name\n vmi3080463 \n").expect("a file");
    std::fs::write(at("opt/id"), "0123\n").expect("a file");
    symlink("/opt/id", at("etc/machine-id")).expect("a link");
    let host = host(&root, Policy::nothing());
    assert_eq!(host.hostname().as_deref(), Ok("vmi3080463"));
    assert_eq!(host.machine_id().as_deref(), Ok("0123"), "links are followed, below the root");
    std::fs::write(at("etc/hostname"), "two words\n").expect("a file");
    let reason = host.hostname().map_err(|u| u.reason);
    assert_eq!(reason, Err(Reason::IdentityUnverified));
    let live = Host::open(Path::new("/"), Policy::nothing()).expect("the root");
    let kernel = rustix::system::uname().nodename().to_string_lossy().into_owned();
    assert_eq!(live.hostname(), Ok(kernel));
}

#[test]
fn an_unreadable_list_of_users_hides_every_name_but_roots() {
    let root = root();
    std::fs::create_dir(root.path().join("etc/passwd")).expect("a folder");
    let host = host(&root, Policy::everything());
    assert_eq!(host.user_name(0).as_deref(), Ok("root"));
    assert!(host.user_name(1000).is_err());
    assert_eq!(host.group_name(1000).as_deref(), Ok("1000"), "no list: nobody has a name");
}

#[test]
fn the_opener_follows_no_link() {
    let root = root();
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let dir = rustix::fs::openat(CWD, root.path(), flags, OpenMode::empty()).expect("a folder");
    for opener in [Opener::across_mounts(), Opener::within_mount()] {
        assert!(opener.directory(&dir, c"relative").is_err());
        assert!(opener.file(&dir, c"relative").is_err());
        assert!(opener.directory(&dir, c"opt").is_ok());
        assert!(opener.file(&dir, c"secret").is_ok());
    }
}
