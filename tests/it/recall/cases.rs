//! What happens to the host, and how it is reported.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use super::{Case, by_root, case};
use crate::program::{World, git};

fn at(world: &World, path: &str) -> std::path::PathBuf {
    world.path("root").join(path)
}

fn mode(world: &World, path: &str, mode: u32) {
    fs::set_permissions(at(world, path), fs::Permissions::from_mode(mode)).unwrap();
}

/// Gives a path to somebody whom the host does not know by name.
fn disown(world: &World, path: &str, uid: Option<u32>, gid: Option<u32>) {
    std::os::unix::fs::chown(at(world, path), uid, gid).unwrap();
}

fn fifo(world: &World, path: &str) {
    let made = std::process::Command::new("mkfifo").arg(at(world, path)).status().unwrap();
    assert!(made.success());
}

fn xattr(world: &World, path: &str, name: &str, value: &[u8]) {
    let flags = rustix::fs::XattrFlags::empty();
    rustix::fs::setxattr(at(world, path), name, value, flags).unwrap();
}

/// `cap_net_raw=ep`, as the kernel stores it.
const NET_RAW: [u8; 20] = [1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

pub(crate) fn all() -> Vec<Case> {
    let mut cases = files();
    cases.extend(trees());
    cases.extend(constants());
    cases.extend(repositories());
    cases.extend(distances());
    cases.extend(deployments());
    cases.extend(super::accounts::all());
    cases.extend(super::keys::all());
    cases.extend(super::system::cases());
    cases.extend(super::units::all());
    cases
}

#[expect(clippy::too_many_lines, reason = "a table")]
fn files() -> Vec<Case> {
    vec![
        case(
            "a directory's mode is widened",
            |w| mode(w, "srv/dir", 0o777),
            &[("directory./srv/dir", "mode")],
        ),
        case(
            "a directory is removed",
            |w| fs::remove_dir_all(at(w, "srv/dir")).unwrap(),
            &[("directory./srv/dir", "presence")],
        ),
        case(
            "a directory is emptied",
            |w| fs::remove_file(at(w, "srv/dir/inside")).unwrap(),
            &[("directory./srv/dir", "empty")],
        ),
        case(
            "a file appears in a directory that shall be empty",
            |w| w.host_file("srv/empty/new", ""),
            &[("directory./srv/empty", "empty")],
        ),
        case(
            "a directory that shall not exist is made",
            |w| w.host_folder("srv/none", 0o755),
            &[("directory./srv/none", "presence")],
        ),
        case(
            "a file stands in the place of a directory",
            |w| {
                fs::remove_dir(at(w, "srv/empty")).unwrap();
                w.host_file("srv/empty", "");
            },
            &[("directory./srv/empty", "type")],
        ),
        case(
            "a file gets the setuid bit",
            |w| mode(w, "srv/file", 0o4644),
            &[("file./srv/file", "mode")],
        ),
        case(
            "a file is cut to nothing",
            |w| w.host_file("srv/file", ""),
            &[("file./srv/file", "empty")],
        ),
        case(
            "a byte is written to a file that shall be empty",
            |w| w.host_file("srv/nothing", " "),
            &[("file./srv/nothing", "empty")],
        ),
        case(
            "one byte of a pinned file changes, its size and times restored",
            |w| {
                let path = at(w, "srv/pinned");
                let times = fs::metadata(&path).unwrap().modified().unwrap();
                fs::write(&path, "pinnee\n").unwrap();
                fs::File::options().write(true).open(&path).unwrap().set_modified(times).unwrap();
            },
            &[("file./srv/pinned", "content")],
        ),
        case(
            "a link to a file of the same content stands in its place",
            |w| {
                fs::rename(at(w, "srv/pinned"), at(w, "srv/moved")).unwrap();
                symlink("moved", at(w, "srv/pinned")).unwrap();
            },
            &[("file./srv/pinned", "type")],
        ),
        case(
            "a FIFO stands in the place of a file",
            |w| {
                fs::remove_file(at(w, "srv/pinned")).unwrap();
                fifo(w, "srv/pinned");
            },
            &[("file./srv/pinned", "type")],
        ),
        case(
            "a file that shall not exist appears",
            |w| w.host_file("srv/never", ""),
            &[("file./srv/never", "presence")],
        ),
        case(
            "a file gets a second name",
            |w| fs::hard_link(at(w, "srv/file"), at(w, "srv/second")).unwrap(),
            &[("file./srv/file", "links")],
        ),
        by_root(
            "a file gets a capability",
            |w| xattr(w, "srv/file", "security.capability", &NET_RAW),
            &[("file./srv/file", "capabilities")],
        ),
        by_root(
            "a file gets an extended attribute",
            |w| xattr(w, "srv/file", "trusted.note", b"x"),
            &[("file./srv/file", "xattr trusted.note")],
        ),
        by_root(
            "a directory belongs to another account",
            |w| disown(w, "srv/dir", Some(12_345), None),
            &[("directory./srv/dir", "owner")],
        ),
        by_root(
            "a directory belongs to another group",
            |w| disown(w, "srv/dir", None, Some(12_345)),
            &[("directory./srv/dir", "group")],
        ),
        by_root(
            "a file belongs to another account",
            |w| disown(w, "srv/file", Some(12_345), None),
            &[("file./srv/file", "owner")],
        ),
        by_root(
            "a file belongs to another group",
            |w| disown(w, "srv/file", None, Some(12_345)),
            &[("file./srv/file", "group")],
        ),
    ]
}

fn trees() -> Vec<Case> {
    vec![
        case(
            "two bytes are appended to a file of a tree",
            |w| w.host_file("srv/tree/a", "a\n2\n"),
            &[("tree.tree", "a")],
        ),
        case(
            "a file of a tree is removed",
            |w| fs::remove_file(at(w, "srv/tree/b")).unwrap(),
            &[("tree.tree", "b")],
        ),
        case(
            "a file is added to a tree",
            |w| w.host_file("srv/tree/EXTRA", ""),
            &[("tree.tree", "EXTRA")],
        ),
        case(
            "a file of a tree gets another mode",
            |w| mode(w, "srv/tree/lib/c", 0o600),
            &[("tree.tree", "lib/c mode")],
        ),
        case(
            "a folder of a tree gets another mode",
            |w| mode(w, "srv/tree/lib", 0o700),
            &[("tree.tree", "lib mode")],
        ),
        case(
            "a file of a tree is moved, and a link to it stands in its place",
            |w| {
                fs::rename(at(w, "srv/tree/a"), at(w, "srv/tree/orig")).unwrap();
                symlink("orig", at(w, "srv/tree/a")).unwrap();
            },
            &[("tree.tree", "a"), ("tree.tree", "orig")],
        ),
        case(
            "two files of a tree are swapped",
            |w| {
                fs::rename(at(w, "srv/tree/a"), at(w, "srv/swap")).unwrap();
                fs::rename(at(w, "srv/tree/b"), at(w, "srv/tree/a")).unwrap();
                fs::rename(at(w, "srv/swap"), at(w, "srv/tree/b")).unwrap();
            },
            &[("tree.tree", "a"), ("tree.tree", "b")],
        ),
        case(
            "a tree is removed",
            |w| fs::remove_dir_all(at(w, "srv/tree")).unwrap(),
            &[("tree.tree", "presence")],
        ),
        by_root(
            "a file of a tree gets a capability",
            |w| xattr(w, "srv/tree/lib/c", "security.capability", &NET_RAW),
            &[("tree.tree", "lib/c xattr"), ("tree.tree", "lib/c cap_net_raw=ep")],
        ),
        by_root(
            "a file of a tree belongs to another account",
            |w| disown(w, "srv/tree/a", Some(12_345), None),
            &[("tree.tree", "a owner")],
        ),
        by_root(
            "a folder of a tree belongs to another group",
            |w| disown(w, "srv/tree/lib", None, Some(12_345)),
            &[("tree.tree", "lib group")],
        ),
        case(
            "a file is added to a tree that one digest pins",
            |w| w.host_file("srv/anchor/two", ""),
            &[("tree.anchor", "digest")],
        ),
    ]
}

fn constants() -> Vec<Case> {
    vec![
        case(
            "a constant gets another value",
            |w| w.host_file("srv/settings.py", "LIMIT = 6\nMODE = \"safe\"\nTOKEN = \"x\"\n"),
            &[("constant.limit", "value")],
        ),
        case(
            "a constant becomes text of the same digits",
            |w| w.host_file("srv/settings.py", "LIMIT = \"5\"\nMODE = \"off\"\nTOKEN = \"y\"\n"),
            &[("constant.limit", "value")],
        ),
        case(
            "a constant has none of its allowed values",
            |w| w.host_file("srv/settings.py", "LIMIT = 5\nMODE = \"on\"\nTOKEN = \"x\"\n"),
            &[("constant.mode", "value")],
        ),
        case(
            "a constant that has to be there is removed",
            |w| w.host_file("srv/settings.py", "LIMIT = 5\nMODE = \"safe\"\n"),
            &[("constant.token", "key")],
        ),
        case(
            "a constant that must not be there appears",
            |w| {
                let text = "LIMIT = 5\nMODE = \"safe\"\nTOKEN = \"x\"\nDEBUG = True\n";
                w.host_file("srv/settings.py", text);
            },
            &[("constant.debug", "key")],
        ),
    ]
}

fn repositories() -> Vec<Case> {
    vec![
        case(
            "a commit is added to a repository",
            |w| {
                let empty = ["commit", "--quiet", "--allow-empty", "-m", "y"];
                git(&at(w, "srv/repo"), &empty);
            },
            &[("git_head./srv/repo", "commit")],
        ),
        case(
            "another branch is checked out",
            |w| {
                git(&at(w, "srv/repo"), &["checkout", "--quiet", "-b", "other"]);
            },
            &[("git_head./srv/repo", "branch")],
        ),
        case(
            "a file of a work tree is changed",
            |w| w.host_file("srv/repo/README", "y"),
            &[("git_head./srv/repo", "clean")],
        ),
        case(
            "a branch is checked out where a commit was",
            |w| {
                git(&at(w, "srv/detached"), &["checkout", "--quiet", "main"]);
            },
            &[("git_head./srv/detached", "detached")],
        ),
    ]
}

/// Adds a commit to a branch of a repository without touching its work tree.
fn advance(world: &World, repository: &str, branch: &str) {
    let folder = at(world, repository);
    let made =
        git(&folder, &["commit-tree", "-p", branch, "-m", "y", &format!("{branch}^{{tree}}")]);
    git(&folder, &["update-ref", &format!("refs/heads/{branch}"), made.trim()]);
}

fn distances() -> Vec<Case> {
    vec![
        case(
            "a commit is checked out that the other branch has not",
            |w| advance(w, "srv/counted", "main"),
            &[("git_head./srv/counted", "ahead")],
        ),
        case(
            "the other branch gets a commit that is not checked out",
            |w| advance(w, "srv/counted", "base"),
            &[("git_head./srv/counted", "behind")],
        ),
        case(
            "more commits are checked out than the other branch may lack",
            |w| advance(w, "srv/bounded", "main"),
            &[("git_head./srv/bounded", "ahead_at_most")],
        ),
        case(
            "the other branch gets more commits than may be missing",
            |w| advance(w, "srv/bounded", "base"),
            &[("git_head./srv/bounded", "behind_at_most")],
        ),
        case(
            "the other branch is deleted",
            |w| _ = git(&at(w, "srv/counted"), &["branch", "--quiet", "-D", "base"]),
            &[("git_head./srv/counted", "upstream")],
        ),
    ]
}

fn deployments() -> Vec<Case> {
    vec![
        case(
            "the manifest of a deployment says something else",
            |w| {
                let text = fs::read_to_string(at(w, "srv/DEPLOY.txt")).unwrap();
                w.host_file("srv/DEPLOY.txt", text.replace("files = 2", "files = 3"));
            },
            &[("deployment.app", "files")],
        ),
        case(
            "the source of a deployment gets another commit",
            |w| advance(w, "srv/source", "main"),
            &[("deployment.app", "relation")],
        ),
        case(
            "the manifest of a deployment is removed",
            |w| fs::remove_file(at(w, "srv/DEPLOY.txt")).unwrap(),
            &[("deployment.app", "file")],
        ),
    ]
}
