//! Repositories that libgit2 does not open, made by the git command itself: what is told of them, and that a look runs
//! nothing, fetches nothing and writes nothing.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::SystemTime;

use super::*;
use crate::config::Policy;
use crate::probe::git::{Changes, Distance};
use crate::probe::host::Links;

/// A host with one repository `/r`.
struct Lab {
    folder: tempfile::TempDir,
}

type Told = Result<Vec<String>, Reason>;

impl Lab {
    /// With two commits on `main`: `a`, `sub/b`, an executable `x` and a link `l`. `None` when git is too old for it.
    fn new(format: &[&str]) -> Option<Self> {
        let lab = Self { folder: tempfile::tempdir().expect("a temporary folder") };
        fs::create_dir(lab.path("r")).expect("a new folder");
        let words = [&["init", "--quiet", "--initial-branch=main"], format].concat();
        if !lab.run(&words).status.success() {
            eprintln!("SKIPPED: this git does not know `git init {}`", format.join(" "));
            return None;
        }
        lab.write("a", "one\n").write("sub/b", "two\n").write("x", "three\n");
        fs::set_permissions(lab.path("r/x"), fs::Permissions::from_mode(0o755)).expect("a mode");
        std::os::unix::fs::symlink("a", lab.path("r/l")).expect("a link");
        lab.commit("first");
        lab.git(&["commit", "--quiet", "--allow-empty", "-m", "second"]);
        Some(lab)
    }

    /// One of each format that is not libgit2's.
    fn each() -> Vec<Self> {
        let formats: [&[&str]; 3] = [
            &["--object-format=sha256"],
            &["--ref-format=reftable"],
            &["--object-format=sha256", "--ref-format=reftable"],
        ];
        formats.into_iter().filter_map(Self::new).collect()
    }

    fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    fn write(&self, path: &str, text: &str) -> &Self {
        let path = self.path("r").join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a new folder");
        fs::write(path, text).expect("a new file");
        self
    }

    fn run(&self, words: &[&str]) -> Output {
        let environment = vec![
            ("GIT_CONFIG_GLOBAL", "/dev/null".into()),
            ("GIT_CONFIG_NOSYSTEM", "1".into()),
            ("GIT_AUTHOR_NAME", "t".into()),
            ("GIT_AUTHOR_EMAIL", "t@example.org".into()),
            ("GIT_COMMITTER_NAME", "t".into()),
            ("GIT_COMMITTER_EMAIL", "t@example.org".into()),
        ];
        let folder = self.path("r");
        let arguments = words.iter().map(OsString::from).collect();
        let run =
            Run { program: "git", arguments, environment, folder: &folder, deadline: DEADLINE };
        run.output().expect("git is installed where the tests run")
    }

    fn git(&self, words: &[&str]) -> String {
        let output = self.run(words);
        let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{words:?}: {complaint}");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    fn commit(&self, message: &str) -> String {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "-m", message]);
        self.git(&["rev-parse", "HEAD"])
    }

    fn host(&self) -> Host {
        Host::open(self.folder.path(), Policy::everything()).expect("a root")
    }

    fn find(&self) -> Repository {
        let found = Repository::find(&self.host(), Path::new("/r"), Links::Refuse);
        found.expect("it can be told").expect("a repository")
    }

    fn changes(&self, below: Option<&str>) -> Result<Changes, Unknown> {
        self.find().changes(&self.host(), below)
    }

    fn changed(&self, below: Option<&str>) -> Told {
        self.changes(below).map(|changes| changes.first).map_err(|unknown| unknown.reason)
    }

    fn distance(&self, theirs: &str) -> Result<Distance, Unknown> {
        let ours = self.find().head(&self.host())?.commit.expect("a commit");
        self.find().distance(&self.host(), &ours, theirs)
    }

    fn configure(&self, text: &str) -> &Self {
        let path = self.path("r/.git/config");
        let own = fs::read_to_string(&path).expect("a configuration");
        fs::write(path, own + text).expect("written");
        self
    }
}

#[expect(clippy::unnecessary_wraps, reason = "it is compared with what may be an error")]
fn names(names: &[&str]) -> Told {
    Ok(names.iter().map(|name| (*name).to_owned()).collect())
}

#[test]
fn heads_and_references_of_every_format_are_read() {
    for lab in Lab::each() {
        let (host, tip) = (lab.host(), lab.git(&["rev-parse", "HEAD"]));
        let head = lab.find().head(&host).expect("told");
        assert_eq!((head.branch.as_deref(), head.commit.as_ref()), (Some("main"), Some(&tip)));
        lab.git(&["tag", "-a", "-m", "t", "v1", "HEAD~1"]);
        lab.git(&["branch", "side/one"]);
        let first = lab.git(&["rev-parse", "HEAD~1"]);
        let at = |name: &str| lab.find().commit_at(&host, name).map_err(|unknown| unknown.reason);
        assert_eq!(at("refs/heads/main"), Ok(Some(tip.clone())));
        assert_eq!(at("refs/tags/v1"), Ok(Some(first.clone())), "a tag is followed");
        assert_eq!(at("refs/heads/side"), Ok(None), "the beginning of a name is not a name");
        assert_eq!(at("refs/heads/none"), Ok(None));
        assert_eq!(at(&first), Ok(Some(first.clone())));
        assert_eq!(at(&"0123".repeat(tip.len() / 4)), Ok(None));
        lab.git(&["tag", "tree", "HEAD^{tree}"]);
        assert!(at("refs/tags/tree").is_err());

        let named = |digits: &str| lab.find().commit_named(&host, digits).map_err(|u| u.reason);
        assert_eq!(named(&tip[..9].to_uppercase()), Ok(Some(tip.clone())));
        assert_eq!(named(&tip), Ok(Some(tip.clone())));
        assert_eq!(named("0123456789"), Ok(None));
        assert_eq!(named(&lab.git(&["rev-parse", "HEAD^{tree}"])[..12]), Ok(None));
        // A branch that is called like the beginning of a commit is not that commit.
        lab.git(&["branch", &first[..9], "main"]);
        assert_eq!(named(&first[..9]), Ok(Some(first.clone())));

        lab.git(&["checkout", "--quiet", "--detach", "HEAD~1"]);
        let head = lab.find().head(&host).expect("told");
        assert_eq!((head.branch, head.commit), (None, Some(first)));
        lab.git(&["checkout", "--quiet", "--orphan", "new"]);
        let head = lab.find().head(&host).expect("told");
        assert_eq!((head.branch.as_deref(), head.commit), (Some("new"), None));
    }
}

#[test]
fn commits_are_counted_on_both_sides() {
    let sha1 = Lab::new(&[]);
    for lab in Lab::each().into_iter().chain(sha1) {
        let base = lab.git(&["rev-parse", "HEAD"]);
        assert_eq!(lab.distance(&base), Ok(Distance { ahead: 0, behind: 0 }));
        lab.git(&["checkout", "--quiet", "-b", "side"]);
        lab.write("side", "1");
        // A date long ago does not change what is counted.
        lab.git(&["add", "side"]);
        lab.git(&["commit", "--quiet", "-m", "old", "--date=2001-01-01T00:00:00Z"]);
        let theirs = lab.git(&["rev-parse", "HEAD"]);
        lab.git(&["checkout", "--quiet", "main"]);
        for text in ["1", "2"] {
            lab.write("ours", text).commit(text);
        }
        assert_eq!(lab.distance(&theirs), Ok(Distance { ahead: 2, behind: 1 }));
        assert_eq!(lab.distance(&base), Ok(Distance { ahead: 2, behind: 0 }));
        lab.git(&["merge", "--quiet", "-m", "m", "side"]);
        assert_eq!(lab.distance(&theirs), Ok(Distance { ahead: 3, behind: 0 }));
        lab.git(&["checkout", "--quiet", "side"]);
        let main = lab.git(&["rev-parse", "main"]);
        assert_eq!(lab.distance(&main), Ok(Distance { ahead: 0, behind: 3 }));

        fs::write(lab.path("r/.git/shallow"), format!("{base}\n")).expect("written");
        let reason = lab.distance(&main).map_err(|unknown| unknown.reason);
        assert_eq!(reason, Err(Reason::Undecidable), "a history that is cut off counts nothing");
        assert_eq!(lab.distance(&theirs), Ok(Distance { ahead: 0, behind: 0 }), "but itself");
    }
}

#[test]
fn every_kind_of_change_counts() {
    type Break = fn(&Lab);
    let cases: &[(Break, &[&str])] = &[
        (|_| {}, &[]),
        (|lab| _ = lab.write("a", "0ne\n"), &["a"]),
        (|lab| fs::remove_file(lab.path("r/sub/b")).expect("removed"), &["sub/b"]),
        (|lab| _ = lab.write("new/x", "").write("new/y", ""), &["new/"]),
        (|lab| _ = lab.write(".gitignore", "*.pyc\n").write("x.pyc", ""), &[".gitignore"]),
        (
            |lab| {
                lab.write("staged", "");
                lab.git(&["add", "staged"]);
            },
            &["staged"],
        ),
        (|lab| _ = lab.git(&["rm", "--quiet", "--cached", "a"]), &["a"]),
        (
            |lab| {
                for path in ["r/a", "r/x"] {
                    let mode = fs::metadata(lab.path(path)).expect("a file").permissions().mode();
                    let mode = fs::Permissions::from_mode(mode ^ 0o100);
                    fs::set_permissions(lab.path(path), mode).expect("a mode");
                }
            },
            &["a", "x"],
        ),
        (
            |lab| {
                fs::remove_file(lab.path("r/l")).expect("removed");
                std::os::unix::fs::symlink("x", lab.path("r/l")).expect("a link");
            },
            &["l"],
        ),
        (
            |lab| {
                fs::remove_file(lab.path("r/l")).expect("removed");
                lab.write("l", "a");
            },
            &["l"],
        ),
    ];
    for (change, wanted) in cases {
        for lab in Lab::each() {
            change(&lab);
            assert_eq!(lab.changed(None), names(wanted));
        }
    }
}

#[test]
fn what_only_looks_the_same_counts() {
    type Break = fn(&Lab);
    let cases: &[(Break, &[&str])] = &[
        (
            // The same content behind a link is another file.
            |lab| {
                fs::rename(lab.path("r/sub"), lab.path("elsewhere")).expect("moved");
                std::os::unix::fs::symlink("../elsewhere", lab.path("r/sub")).expect("a link");
            },
            &["sub", "(symlink_on_path)"],
        ),
        (
            // The same size and the same time: only the bytes tell.
            |lab| {
                let time = fs::metadata(lab.path("r/a")).and_then(|data| data.modified());
                lab.write("a", "eno\n");
                let times = fs::FileTimes::new().set_modified(time.expect("a time"));
                let file = fs::File::options().write(true).open(lab.path("r/a"));
                file.and_then(|file| file.set_times(times)).expect("a time");
                lab.git(&["update-index", "--assume-unchanged", "a"]);
            },
            &["a"],
        ),
        (
            |lab| {
                fs::remove_file(lab.path("r/a")).expect("removed");
                rustix::fs::mknodat(
                    rustix::fs::CWD,
                    lab.path("r/a"),
                    rustix::fs::FileType::Fifo,
                    rustix::fs::Mode::from_bits_truncate(0o644),
                    0,
                )
                .expect("a FIFO");
            },
            &["a"],
        ),
    ];
    for (change, wanted) in cases {
        for lab in Lab::each() {
            change(&lab);
            assert_eq!(lab.changed(None), names(wanted));
        }
    }
}

#[test]
fn a_part_of_the_work_tree_is_judged_on_its_own() {
    for lab in Lab::each() {
        lab.write("a", "other\n").write("new/deep/x", "").write("nested/file", "");
        lab.git(&["init", "--quiet", "nested"]);
        assert_eq!(lab.changed(Some("sub")), names(&[]));
        assert_eq!(lab.changed(Some("su")), names(&[]));
        assert_eq!(lab.changed(Some("a")), names(&["a"]));
        assert_eq!(lab.changed(Some("new/deep/x")), names(&["new/deep/x"]));
        assert_eq!(lab.changed(Some("nested")), names(&["nested/"]));
        assert_eq!(lab.changed(Some("nested/file")), names(&["nested/file"]));
        assert!(!lab.changes(Some("nested/none")).expect("told").present);
        assert!(!lab.changes(Some("none")).expect("told").present);
        assert!(lab.changes(Some("sub/b")).expect("told").present);
        // What looks like a pattern of git is a name like any other.
        assert_eq!(lab.changed(Some(":(top)a")), names(&[]));
    }
}

#[test]
fn where_only_git_could_tell_it_is_unknown() {
    for lab in Lab::each() {
        lab.write(".gitattributes", "a filter=lfs\nsub/* text\nx ident\nl -text\n").commit("rules");
        assert_eq!(lab.changed(None), names(&[]), "what is as committed needs no rule");
        lab.write("a", "something\n");
        assert_eq!(lab.changed(None), Err(Reason::NotSupported));
        lab.write("a", "one\n").write("sub/b", "two\r\n");
        assert_eq!(lab.changed(None), Err(Reason::NotSupported));
        lab.write("sub/b", "tow\r\n");
        assert_eq!(lab.changed(None), names(&["sub/b"]), "line ends alone do not explain it");
        lab.git(&["checkout", "--quiet", "--", "sub/b"]);
        lab.configure("[core]\n\tautocrlf = input\n").write(".gitattributes", "").commit("none");
        lab.write("a", "one\r\n");
        assert_eq!(lab.changed(None), Err(Reason::NotSupported));

        let Some(lab) = Lab::new(&["--object-format=sha256"]) else { return };
        lab.git(&["update-index", "--skip-worktree", "a"]);
        assert_eq!(lab.changed(None), names(&[]), "it is there, and was compared");
        fs::remove_file(lab.path("r/a")).expect("removed");
        assert_eq!(lab.changed(None), Err(Reason::Undecidable));
    }
}

#[test]
fn what_leads_elsewhere_is_refused() {
    let cases = [
        ("[core]\n\tworktree = /elsewhere\n", Reason::NotSupported),
        ("[include]\n\tpath = /elsewhere\n", Reason::NotSupported),
        ("[includeIf \"gitdir:/\"]\n\tpath = /elsewhere\n", Reason::NotSupported),
        ("garbage [[[", Reason::NotSupported),
    ];
    for (text, reason) in cases {
        for lab in Lab::each() {
            lab.configure(text);
            assert_eq!(lab.changed(None), Err(reason), "{text}");
        }
    }
    for lab in Lab::each() {
        fs::create_dir_all(lab.path("r/.git/objects/info")).expect("a folder");
        fs::write(lab.path("r/.git/objects/info/alternates"), "/elsewhere\n").expect("written");
        assert_eq!(lab.changed(None), Err(Reason::NotSupported));
        // A part that the host does not allow to be read is not called clean.
        let Some(lab) = Lab::new(&["--object-format=sha256"]) else { return };
        let policy = Policy::new(&["/r".into()], &["**/sub/**".into()], &[]).expect("patterns");
        let host = Host::open(lab.folder.path(), policy).expect("a root");
        let told = lab.find().changes(&host, None).map_err(|unknown| unknown.reason);
        assert_eq!(told, Err(Reason::NotAllowed));
    }
}

#[test]
fn a_split_index_is_not_touched() {
    let Some(lab) = Lab::new(&["--object-format=sha256"]) else { return };
    lab.git(&["update-index", "--split-index"]);
    let before = snapshot(&lab.path("r"));
    assert_eq!(lab.changed(None), Err(Reason::NotSupported));
    assert_eq!(snapshot(&lab.path("r")), before);
}

#[test]
fn a_repository_of_somebody_else_is_looked_into() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("SKIPPED: only root can give a folder to another user");
        return;
    }
    let lab = Lab::new(&[]).expect("every git makes this one");
    let theirs = lab.git(&["rev-parse", "HEAD"]);
    lab.write("ours", "").commit("third");
    for path in snapshot(&lab.path("r")).keys() {
        std::os::unix::fs::lchown(path, Some(12_345), Some(12_345)).expect("another owner");
    }
    std::os::unix::fs::lchown(lab.path("r"), Some(12_345), Some(12_345)).expect("another owner");
    assert!(!lab.run(&["rev-parse", "HEAD"]).status.success(), "git itself is wary of it");
    assert_eq!(lab.changed(None), names(&[]));
    assert_eq!(lab.distance(&theirs), Ok(Distance { ahead: 1, behind: 0 }));
    lab.write("new", "");
    assert_eq!(lab.changed(None), names(&["new"]));
}

/// A script that leaves a marker, and every place of a repository that could start it.
fn booby_trap(lab: &Lab) -> PathBuf {
    let (marker, evil) = (lab.path("marker"), lab.path("evil"));
    fs::write(&evil, format!("#!/bin/sh\ntouch {}\n", marker.display())).expect("a script");
    fs::set_permissions(&evil, fs::Permissions::from_mode(0o755)).expect("a mode");
    lab.write(".gitattributes", "* filter=evil diff=evil\n").commit("traps");
    let hooks = lab.path("r/.git/hooks");
    fs::create_dir_all(&hooks).expect("a folder");
    for hook in ["fsmonitor-watchman", "post-index-change", "reference-transaction", "pre-auto-gc"]
    {
        fs::copy(&evil, hooks.join(hook)).expect("a hook");
    }
    let evil = evil.display();
    let aliases = ["rev-parse", "ls-files", "ls-tree", "symbolic-ref", "for-each-ref", "rev-list"];
    let aliases = aliases.map(|name| format!("\t{name} = !{evil}\n")).concat();
    lab.configure(&format!(
        "[core]\n\tfsmonitor = {evil}\n\thooksPath = {hooks}\n\tsshCommand = {evil}\n\tpager = {evil}\n\
         \tuntrackedCache = true\n\taskPass = {evil}\n\talternateRefsCommand = {evil}\n\teditor = {evil}\n\
         [alias]\n{aliases}[filter \"evil\"]\n\tclean = {evil}\n\tsmudge = {evil}\n\tprocess = {evil}\n\trequired = true\n\
         [diff]\n\texternal = {evil}\n[diff \"evil\"]\n\ttextconv = {evil}\n\tcommand = {evil}\n\
         [credential]\n\thelper = {evil}\n[gpg]\n\tprogram = {evil}\n[pager]\n\trev-list = {evil}\n\tls-files = {evil}\n",
        hooks = hooks.display(),
    ));
    marker
}

#[test]
fn looking_runs_nothing_and_writes_nothing() {
    for lab in Lab::each() {
        let theirs = lab.git(&["rev-parse", "HEAD"]);
        let marker = booby_trap(&lab);
        // The content is the same and the time is not: a refreshed index would be another file.
        let times = fs::FileTimes::new().set_modified(SystemTime::UNIX_EPOCH);
        let file = fs::File::options().write(true).open(lab.path("r/a"));
        file.and_then(|file| file.set_times(times)).expect("a time");
        lab.write("sub/b", "changed\n").write("new", "");
        fs::remove_file(&marker).ok();

        let before = snapshot(&lab.path("r"));
        assert_eq!(lab.changed(None), names(&["new"]));
        assert_eq!(lab.changed(Some("sub")), Err(Reason::NotSupported));
        assert_eq!(lab.distance(&theirs), Ok(Distance { ahead: 1, behind: 0 }));
        assert_eq!(lab.find().commit_at(&lab.host(), "refs/heads/none"), Ok(None));
        assert_eq!(snapshot(&lab.path("r")), before);
        assert!(!marker.exists(), "something of the repository was executed");
        // The traps are real.
        lab.run(&["status"]);
        assert!(marker.exists(), "no trap would have told");
    }
}

#[test]
fn what_is_not_there_is_not_fetched() {
    let Some(lab) = Lab::new(&["--object-format=sha256"]) else { return };
    let marker = lab.path("marker");
    let evil = lab.path("evil");
    fs::write(&evil, format!("#!/bin/sh\ntouch {}\n", marker.display())).expect("a script");
    fs::set_permissions(&evil, fs::Permissions::from_mode(0o755)).expect("a mode");
    lab.configure(&format!(
        "[remote \"origin\"]\n\turl = {}\n\tpromisor = true\n\tpartialclonefilter = blob:none\n\tuploadpack = {}\n\
         [extensions]\n\tpartialClone = origin\n",
        lab.path("elsewhere").display(),
        evil.display(),
    ));
    let tree = lab.git(&["rev-parse", "HEAD^{tree}"]);
    let object = lab.path("r/.git/objects").join(&tree[..2]).join(&tree[2..]);
    fs::remove_file(object).expect("removed");
    assert_eq!(lab.changed(None), Err(Reason::NotSupported));
    assert!(!marker.exists(), "the remote was asked");
    lab.run(&["ls-tree", "HEAD"]);
    assert!(marker.exists(), "no remote would have been asked");
}

/// Every file with its content and time of change; a folder with its time.
fn snapshot(folder: &Path) -> BTreeMap<PathBuf, (SystemTime, Vec<u8>)> {
    let mut found = BTreeMap::new();
    let mut todo = vec![folder.to_owned()];
    while let Some(path) = todo.pop() {
        let data = fs::symlink_metadata(&path).expect("attributes");
        let mut bytes = Vec::new();
        if data.is_dir() {
            let entries = fs::read_dir(&path).expect("a folder");
            todo.extend(entries.map(|entry| entry.expect("an entry").path()));
        } else if data.is_file() {
            bytes = fs::read(&path).expect("a file");
        }
        found.insert(path, (data.modified().expect("a time"), bytes));
    }
    found
}
