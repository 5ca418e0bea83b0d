//! Heads in every form, every kind of change, and repositories that try to be more than they are.

use std::collections::BTreeMap;
use std::fs;
use std::time::SystemTime;

use git2::{IndexAddOption, RepositoryInitOptions, Signature, Time};

use super::*;
use crate::config::Policy;

/// A host with one folder `/r`.
struct Box {
    folder: tempfile::TempDir,
}

impl Box {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        fs::create_dir(folder.path().join("r")).expect("a new folder");
        Self { folder }
    }

    /// With a repository at `/r` that has two committed files, `a` and `sub/b`, and nothing else.
    fn with_commit() -> (Self, git2::Repository) {
        let here = Self::new();
        here.write("r/a", "one\n").write("r/sub/b", "two\n");
        let mut options = RepositoryInitOptions::new();
        options.initial_head("main").external_template(false);
        let repository =
            git2::Repository::init_opts(here.path("r"), &options).expect("a new repository");
        commit(&repository);
        (here, repository)
    }

    fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    fn write(&self, path: &str, text: &str) -> &Self {
        let path = self.path(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a new folder");
        fs::write(path, text).expect("a new file");
        self
    }

    fn host(&self) -> Host {
        Host::open(self.folder.path(), Policy::everything()).expect("a root")
    }

    fn find(&self, folder: &str) -> Option<Repository> {
        Repository::find(&self.host(), Path::new(folder), Links::Refuse).expect("it can be told")
    }

    /// Branch and commit, or the reason.
    fn head(&self, folder: &str) -> Told {
        let found = Repository::find(&self.host(), Path::new(folder), Links::Refuse);
        let head = found.and_then(|found| found.expect("a repository").head(&self.host()));
        head.map(|head| (head.branch, head.commit)).map_err(|unknown| unknown.reason)
    }

    fn changes(&self, below: Option<&str>) -> Result<Changes, Unknown> {
        let repository = self.find("/r").expect("a repository");
        let told = repository.changes(&self.host(), below);
        // Whatever libgit2 says, the bytes say the same.
        let program = Program::of(&repository, &self.host());
        let bytes = program.and_then(|git| repository.by_bytes(&self.host(), &git, below));
        if let (Ok(told), Ok((changed, _))) = (&told, bytes) {
            assert_eq!(told.count, changed.len() as u64, "{changed:?}");
        }
        told
    }

    fn reason(&self) -> Option<Reason> {
        self.changes(None).err().map(|unknown| unknown.reason)
    }
}

fn commit(repository: &git2::Repository) -> String {
    let mut index = repository.index().expect("an index");
    index.add_all(["*"], IndexAddOption::DEFAULT, None).expect("added");
    index.write().expect("written");
    let tree = index.write_tree().expect("a tree");
    let tree = repository.find_tree(tree).expect("a tree");
    let who = Signature::new("t", "t@example.org", &Time::new(1_700_000_000, 0)).expect("a name");
    let parent = repository.head().ok().and_then(|head| head.peel_to_commit().ok());
    let parents: Vec<_> = parent.iter().collect();
    let id = repository.commit(Some("HEAD"), &who, &who, "c", &tree, &parents).expect("a commit");
    id.to_string()
}

const A: &str = "0123456789abcdef0123456789abcdef01234567";
const B: &str = "89abcdef0123456789abcdef0123456789abcdef";

type Told = Result<(Option<String>, Option<String>), Reason>;

#[expect(clippy::unnecessary_wraps, reason = "it is compared with what may be an error")]
fn is(branch: Option<&str>, commit: Option<&str>) -> Told {
    Ok((branch.map(str::to_owned), commit.map(str::to_owned)))
}

#[test]
fn heads_are_read_in_every_form() {
    let packed = format!("# pack-refs with: peeled\n{B} refs/heads/main\n^{A}\n{A} refs/tags/t\n");
    let wide = A.repeat(2)[..64].to_owned();
    let cases: &[(&[(&str, &str)], _)] = &[
        (&[("HEAD", A)], is(None, Some(A))),
        (&[("HEAD", &A.to_uppercase())], is(None, Some(A))),
        (&[("HEAD", &wide)], is(None, Some(&wide))),
        (&[("HEAD", "ref: refs/heads/main\n"), ("refs/heads/main", A)], is(Some("main"), Some(A))),
        (
            &[("HEAD", "ref: refs/heads/main\n"), ("packed-refs", &packed)],
            is(Some("main"), Some(B)),
        ),
        (
            &[("HEAD", "ref: refs/heads/main"), ("packed-refs", &packed), ("refs/heads/main", A)],
            is(Some("main"), Some(A)),
        ),
        (
            &[("HEAD", "ref: refs/heads/mai"), ("packed-refs", &packed), ("refs/heads/mai/x", A)],
            is(Some("mai"), None),
        ),
        (
            &[
                ("HEAD", "ref: refs/heads/a/b"),
                ("refs/heads/a/b", "ref: refs/heads/c"),
                ("refs/heads/c", A),
            ],
            is(Some("a/b"), Some(A)),
        ),
        (&[("HEAD", "ref: refs/heads/new\n")], is(Some("new"), None)),
        (
            &[("HEAD", "ref: refs/remotes/o/x\n"), ("refs/remotes/o/x", A)],
            is(Some("refs/remotes/o/x"), Some(A)),
        ),
        (
            &[("HEAD", "ref: refs/heads/x"), ("refs/heads/x", "ref: refs/heads/x")],
            Err(Reason::Malformed),
        ),
        (&[("HEAD", "ref: refs/heads/.invalid\n"), ("reftable/x", "")], Err(Reason::NotSupported)),
        (&[("HEAD", "ref: refs/../../../etc/passwd")], Err(Reason::Malformed)),
        (&[("HEAD", "ref: /etc/passwd")], Err(Reason::Malformed)),
        (&[("HEAD", "ref: OTHER"), ("OTHER", A)], Err(Reason::Malformed)),
        (&[("HEAD", &A[1..])], Err(Reason::Malformed)),
        (&[("HEAD", "")], Err(Reason::Malformed)),
        (&[("HEAD", "ref: refs/heads/x"), ("refs/heads/x", "")], Err(Reason::Malformed)),
        (
            &[("HEAD", "ref: refs/heads/x"), ("packed-refs", "zz refs/heads/x")],
            Err(Reason::Malformed),
        ),
        (&[("other", "")], Err(Reason::Malformed)),
    ];
    for (files, wanted) in cases {
        let here = Box::new();
        for (name, text) in *files {
            here.write(&format!("r/.git/{name}"), text);
        }
        assert_eq!(here.head("/r"), *wanted, "{files:?}");
    }
}

#[test]
fn what_is_no_repository_is_absent() {
    let here = Box::new();
    here.write("file", "");
    for folder in ["/r", "/none", "/file", "/none/deeper"] {
        assert!(here.find(folder).is_none(), "{folder}");
    }
    std::os::unix::fs::symlink("r", here.path("link")).expect("a link");
    let found = Repository::find(&here.host(), Path::new("/link"), Links::Through);
    assert_eq!(found.map(|_| ()).map_err(|unknown| unknown.reason), Err(Reason::SymlinkOnPath));
}

#[test]
fn bare_repositories_and_added_work_trees_are_read() {
    let (here, repository) = Box::with_commit();
    let commit = repository.head().expect("a head").target().expect("a commit").to_string();
    here.write("bare/HEAD", A).write("bare/objects/x", "").write("bare/refs/x", "");
    assert_eq!(here.head("/bare"), is(None, Some(A)));
    let bare = here.find("/bare").expect("a repository").changes(&here.host(), None);
    assert_eq!(bare.map_err(|unknown| unknown.reason), Err(Reason::NotSupported));

    // As `git worktree add` makes it, with the paths that the host itself knows.
    here.write("w/a", "one\n").write("w/.git", "gitdir: /r/.git/worktrees/w\n");
    here.write("r/.git/worktrees/w/HEAD", "ref: refs/heads/side\n");
    here.write("r/.git/worktrees/w/commondir", "../..\n");
    here.write("r/.git/refs/heads/side", &commit);
    assert_eq!(here.head("/w"), is(Some("side"), Some(&commit)));
    // Seen from outside of that root the path leads elsewhere.
    let changes = here.find("/w").expect("a repository").changes(&here.host(), None);
    assert_eq!(changes.map_err(|unknown| unknown.reason), Err(Reason::NotSupported));
    let relative = "gitdir: ../r/.git/worktrees/w\n";
    here.write("w/.git", relative);
    assert_eq!(here.head("/w"), is(Some("side"), Some(&commit)));
    here.write("w/.git", "gitdir: ../none/../r/.git\n");
    assert!(Repository::find(&here.host(), Path::new("/w"), Links::Refuse).is_err());
    here.write("w/.git", "nothing\n");
    assert!(Repository::find(&here.host(), Path::new("/w"), Links::Refuse).is_err());
}

#[test]
fn a_path_inside_the_root_is_never_looked_up_outside_of_it() {
    let (here, (outside, repository)) = (Box::new(), Box::with_commit());
    let elsewhere = repository.path();
    let inside = elsewhere.strip_prefix("/").expect("absolute").join("HEAD");
    here.write(inside.to_str().expect("UTF-8"), A);
    here.write("w/.git", &format!("gitdir: {}\n", elsewhere.display()));
    assert_eq!(here.head("/w"), is(None, Some(A)));
    let changes = here.find("/w").expect("a repository").changes(&here.host(), None);
    assert_eq!(changes.map_err(|unknown| unknown.reason), Err(Reason::NotSupported));
    assert!(outside.changes(None).is_ok());
}

#[test]
fn every_kind_of_change_counts() {
    type Break = fn(&Box, &git2::Repository);
    let cases: &[(Break, &[&str])] = &[
        (|_, _| {}, &[]),
        (|here, _| _ = here.write("r/a", "other\n"), &["a"]),
        (|here, _| fs::remove_file(here.path("r/sub/b")).expect("removed"), &["sub/b"]),
        (|here, _| _ = here.write("r/new/x", "").write("r/new/y", ""), &["new/"]),
        (|here, _| _ = here.write("r/.gitignore", "*.pyc\n").write("r/x.pyc", ""), &[".gitignore"]),
        (
            |here, repository| {
                here.write("r/staged", "");
                let mut index = repository.index().expect("an index");
                index.add_path(Path::new("staged")).expect("added");
                index.write().expect("written");
            },
            &["staged"],
        ),
        (
            |here, _| {
                for name in ["1", "2", "3", "4"] {
                    here.write(&format!("r/{name}\u{1b}"), "");
                }
            },
            &["1\\u{1b}", "2\\u{1b}", "3\\u{1b}"],
        ),
        (
            |here, _| {
                use std::os::unix::fs::PermissionsExt as _;
                fs::set_permissions(here.path("r/a"), fs::Permissions::from_mode(0o755))
                    .expect("a mode");
            },
            &["a"],
        ),
    ];
    for (number, (change, wanted)) in cases.iter().enumerate() {
        let (here, repository) = Box::with_commit();
        change(&here, &repository);
        let changes = here.changes(None).expect("it can be told");
        assert_eq!(changes.first, *wanted, "case {number}");
        assert_eq!(changes.count, if wanted.len() == 3 { 4 } else { wanted.len() as u64 });
    }
}

#[test]
fn a_part_of_the_work_tree_is_exactly_that_part() {
    let (here, repository) = Box::with_commit();
    here.write("r/sub-other/c", "").write("r/su*/d", "");
    let part = |below| {
        let changes = here.changes(Some(below)).expect("it can be told");
        (changes.count, changes.present)
    };
    assert_eq!(part("sub"), (0, true));
    assert_eq!(part("sub-other"), (1, true));
    assert_eq!(part("su*"), (1, true));
    here.write("r/new/x/y", "");
    assert_eq!(
        [part("new"), part("new/x"), part("new/x/y"), part("new/z")],
        [(1, true), (1, true), (1, true), (0, false)]
    );
    here.write("r/.git/info/exclude", "y\n");
    assert_eq!([part("new/x/y"), part("su*")], [(0, true), (1, true)]);
    fs::remove_dir_all(here.path("r/new")).expect("removed");
    assert_eq!(part("none"), (0, false));
    here.write("r/sub/c", "");
    assert_eq!(part("sub"), (1, true));
    commit(&repository);
    fs::remove_dir_all(here.path("r/sub")).expect("removed");
    assert_eq!(part("sub"), (2, true));
}

#[test]
fn what_could_hide_a_change_is_never_clean() {
    let hide = |bits: (u16, u16)| {
        let (here, repository) = Box::with_commit();
        let mut index = repository.index().expect("an index");
        let mut entry = index.get_path(Path::new("a"), 0).expect("an entry");
        entry.flags |= bits.0;
        entry.flags_extended |= bits.1;
        index.add(&entry).expect("added");
        index.write().expect("written");
        here
    };
    assert_eq!(hide((0x8000, 0)).reason(), Some(Reason::Undecidable));
    assert_eq!(hide((0x4000, 0x4000)).reason(), Some(Reason::Undecidable));

    let (here, repository) = Box::with_commit();
    here.write("r/.gitattributes", "a filter=lfs\n");
    commit(&repository);
    assert_eq!(here.reason(), None);
    here.write("r/a", "something\n");
    assert_eq!(here.reason(), Some(Reason::NotSupported));
    here.write("r/new", "");
    assert_eq!(here.changes(None).map(|changes| changes.first), Ok(vec!["new".to_owned()]));
}

#[test]
fn the_configuration_of_a_repository_hides_nothing_and_leads_nowhere() {
    let cases = [
        ("core", "fileMode = false", Reason::Undecidable),
        ("core", "trustctime = false", Reason::Undecidable),
        ("core", "symlinks = maybe", Reason::Undecidable),
        ("core", "ignoreStat", Reason::Undecidable),
        ("core", "excludesFile = /elsewhere", Reason::NotSupported),
        ("core", "attributesFile = /elsewhere", Reason::NotSupported),
        ("Include", "path = /elsewhere", Reason::NotSupported),
        ("includeIf \"gitdir:/\"", "path = /elsewhere", Reason::NotSupported),
    ];
    for (section, setting, reason) in cases {
        let (here, _) = Box::with_commit();
        let own = fs::read_to_string(here.path("r/.git/config")).expect("a configuration");
        assert_eq!(here.reason(), None);
        here.write("r/.git/config", &format!("{own}[{section}]\n\t{setting}\n"));
        assert_eq!(here.reason(), Some(reason), "{section} {setting}");
        assert!(here.head("/r").is_ok(), "HEAD can be told all the same");
    }
    let (here, _) = Box::with_commit();
    here.write("r/.git/objects/info/alternates", "/elsewhere\n");
    assert_eq!(here.reason(), Some(Reason::NotSupported));
    let (here, _) = Box::with_commit();
    here.write("r/.git/config", "[core]\n\tfileMode = false\n").write("r/a", "changed\n");
    assert_eq!(here.changes(None).map(|changes| changes.count), Ok(1), "what is seen is told");
}

#[test]
fn submodules_count_by_their_commit() {
    let (here, repository) = Box::with_commit();
    let add = |commit: &str| {
        let mut index = repository.index().expect("an index");
        let mut entry = index.get_path(Path::new("a"), 0).expect("an entry");
        entry.path = b"module".to_vec();
        entry.mode = 0o160_000;
        entry.id = git2::Oid::from_str(commit).expect("an id");
        index.add(&entry).expect("added");
        index.write().expect("written");
        let tree = index.write_tree().expect("a tree");
        let tree = repository.find_tree(tree).expect("a tree");
        let head = repository.head().and_then(|head| head.peel_to_commit()).expect("a commit");
        let who = head.author();
        repository.commit(Some("HEAD"), &who, &who, "m", &tree, &[&head]).expect("a commit");
    };
    here.write("r/module/.git/HEAD", A)
        .write("r/module/.git/objects/x", "")
        .write("r/module/.git/refs/x", "");
    add(A);
    assert_eq!(here.changes(None).map(|changes| changes.first), Ok(vec![]));
    let staged = |change: &dyn Fn(&mut git2::Index)| {
        let mut index = repository.index().expect("an index");
        let before = index.get_path(Path::new("module"), 0).expect("an entry");
        change(&mut index);
        index.write().expect("written");
        let changes = here.changes(None).map(|changes| changes.first);
        index.add(&before).and_then(|()| index.write()).expect("written");
        assert_eq!(changes, Ok(vec!["module".to_owned()]));
    };
    staged(&|index| {
        let mut entry = index.get_path(Path::new("module"), 0).expect("an entry");
        entry.id = git2::Oid::from_str(B).expect("an id");
        index.add(&entry).expect("added");
    });
    staged(&|index| index.remove_path(Path::new("module")).expect("removed"));
    here.write("r/module/.git/HEAD", B);
    assert_eq!(here.changes(None).map(|changes| changes.first), Ok(vec!["module".to_owned()]));
    here.write("r/module/.git/HEAD", "ref: refs/heads/.invalid");
    assert_eq!(here.reason(), Some(Reason::NotSupported));
}

#[test]
fn an_unknown_repository_inside_is_an_unknown_folder() {
    let (here, _) = Box::with_commit();
    here.write("r/nested/.git/HEAD", A)
        .write("r/nested/.git/objects/x", "")
        .write("r/nested/.git/refs/x", "");
    here.write("r/nested/file", "");
    assert_eq!(here.changes(None).map(|changes| changes.first), Ok(vec!["nested/".to_owned()]));
    assert_eq!(here.changes(Some("nested")).map(|changes| changes.count), Ok(1));
    assert_eq!(here.changes(Some("nested/file")).map(|changes| changes.count), Ok(1));
}

#[test]
fn what_libgit2_refuses_is_unknown() {
    let (here, _) = Box::with_commit();
    let config = fs::read_to_string(here.path("r/.git/config")).expect("a configuration");
    let with = |text: &str| {
        here.write("r/.git/config", &format!("{config}{text}"));
        here.reason()
    };
    assert_eq!(with(""), None);
    here.write("elsewhere/x", "");
    let elsewhere = format!("[core]\nworktree = {}\n", here.path("elsewhere").display());
    assert_eq!(with(&elsewhere), Some(Reason::NotSupported));
    let version = "[core]\nrepositoryformatversion = 1\n[extensions]\n";
    // Formats that are named and not there: git itself is asked, and makes no sense of it.
    assert!(with(&format!("{version}objectformat = sha256\n")).is_some());
    assert!(with(&format!("{version}refstorage = reftable\n")).is_some());
    let unknown = format!("{version}something = new\n");
    assert_eq!(with(&unknown), Some(Reason::NotSupported));
    assert_eq!(with("garbage [[["), Some(Reason::NotSupported));
    // HEAD is read all the same.
    assert!(here.head("/r").is_ok_and(|(branch, _)| branch.as_deref() == Some("main")));
}

#[test]
fn a_repository_of_somebody_else_is_told_all_the_same() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("SKIPPED: only root can give a folder to another user");
        return;
    }
    let (here, _) = Box::with_commit();
    for path in ["r", "r/.git"] {
        std::os::unix::fs::chown(here.path(path), Some(12_345), Some(12_345))
            .expect("another owner");
    }
    assert!(here.head("/r").is_ok_and(|(branch, _)| branch.as_deref() == Some("main")));
    assert_eq!(here.changes(None).map(|changes| changes.count), Ok(0));
}

#[test]
fn looking_runs_nothing_and_writes_nothing() {
    let (here, repository) = Box::with_commit();
    let marker = here.path("marker");
    let evil = here.path("evil.sh");
    fs::write(&evil, format!("#!/bin/sh\ntouch {}\n", marker.display())).expect("a script");
    let make_executable = |path: &Path| {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("a mode");
    };
    make_executable(&evil);
    here.write("r/.gitattributes", "* filter=evil diff=evil\n");
    commit(&repository);
    let config = fs::read_to_string(here.path("r/.git/config")).expect("a configuration");
    let evil_path = evil.display();
    here.write(
        "r/.git/config",
        &format!(
            "{config}[core]\nfsmonitor = {evil_path}\nhooksPath = {hooks}\nsshCommand = {evil_path}\n\
             pager = {evil_path}\nuntrackedCache = true\n[filter \"evil\"]\nclean = {evil_path}\nsmudge = {evil_path}\n\
             process = {evil_path}\nrequired = true\n[diff \"evil\"]\ntextconv = {evil_path}\ncommand = {evil_path}\n\
             [credential]\nhelper = {evil_path}\n",
            hooks = here.path("hooks").display(),
        ),
    );
    for hook in [
        "fsmonitor-watchman",
        "post-index-change",
        "post-checkout",
        "query-watchman",
        "pre-auto-gc",
    ] {
        for folder in ["hooks", "r/.git/hooks"] {
            let path = here.path(folder).join(hook);
            fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
            fs::copy(&evil, &path).expect("a hook");
            make_executable(&path);
        }
    }
    // The content is the same and the time is not: a refreshed index would be another file.
    let times = fs::FileTimes::new().set_modified(SystemTime::UNIX_EPOCH);
    fs::File::options()
        .write(true)
        .open(here.path("r/a"))
        .and_then(|f| f.set_times(times))
        .expect("a time");
    here.write("r/sub/b", "changed\n").write("r/new", "");

    let before = snapshot(&here.path("r"));
    let changes = here.changes(None).expect("it can be told");
    assert_eq!((changes.count, changes.first), (1, vec!["new".to_owned()]));
    assert!(here.changes(Some("sub")).is_err());
    assert_eq!(snapshot(&here.path("r")), before);
    assert!(!marker.exists(), "something of the repository was executed");
}

/// Every file with its content and time of change; a folder with its time.
fn snapshot(folder: &Path) -> BTreeMap<PathBuf, (SystemTime, Vec<u8>)> {
    let mut found = BTreeMap::new();
    let mut todo = vec![folder.to_owned()];
    while let Some(path) = todo.pop() {
        let data = fs::symlink_metadata(&path).expect("attributes");
        let bytes = if data.is_dir() {
            todo.extend(
                fs::read_dir(&path).expect("a folder").map(|entry| entry.expect("an entry").path()),
            );
            Vec::new()
        } else {
            fs::read(&path).expect("a file")
        };
        found.insert(path, (data.modified().expect("a time"), bytes));
    }
    found
}
