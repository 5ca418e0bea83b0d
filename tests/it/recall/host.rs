//! The host that the cases happen to: in sync as it is laid out.

use std::fs;
use std::os::unix::fs::symlink;

use crate::program::{World, git};

/// Where those who run the tests are called `root`, whoever they are.
fn accounts(world: &World) {
    let folder = fs::metadata(world.path("root")).unwrap();
    let (uid, gid) = {
        use std::os::unix::fs::MetadataExt as _;
        (folder.uid(), folder.gid())
    };
    let me = if uid == 0 { "root".to_owned() } else { "me".to_owned() };
    let passwd = format!("{me}:x:{uid}:{gid}:Me:/home/me:/bin/sh\n");
    world.host_file("etc/passwd", passwd);
    world.host_file("etc/group", format!("{me}:x:{gid}:\n"));
}

/// The name of the owner and of the group of everything.
pub(crate) fn owner() -> &'static str {
    if rustix_is_root() { "root" } else { "me" }
}

fn rustix_is_root() -> bool {
    use std::os::unix::fs::MetadataExt as _;
    fs::metadata("/proc/self").unwrap().uid() == 0
}

fn files(world: &World) {
    world.host_folder("srv/dir", 0o750);
    world.host_file("srv/dir/inside", "x");
    world.host_folder("srv/empty", 0o755);
    world.host_file("srv/file", "content\n");
    world.host_file("srv/pinned", "pinned\n");
    world.host_file("srv/nothing", "");
    world.host_file("srv/tree/a", "a\n");
    world.host_file("srv/tree/b", "b\n");
    world.host_file("srv/tree/lib/c", "c\n");
    world.host_file("srv/tree/lib/__pycache__/c.pyc", "noise");
    world.host_file("srv/anchor/one", "1\n");
    world.host_file("srv/settings.py", "LIMIT = 5\nMODE = \"safe\"\nTOKEN = \"x\"\n");
    let repository = world.path("root/srv/repo");
    world.host_file("srv/repo/README", "x");
    git(&repository, &["init", "--quiet", "--initial-branch=main"]);
    git(&repository, &["add", "--all"]);
    git(&repository, &["commit", "--quiet", "-m", "x"]);
    world.host_file("srv/detached/README", "x");
    let detached = world.path("root/srv/detached");
    git(&detached, &["init", "--quiet", "--initial-branch=main"]);
    git(&detached, &["add", "--all"]);
    git(&detached, &["commit", "--quiet", "-m", "x"]);
    git(&detached, &["checkout", "--quiet", "--detach"]);
    symlink("file", world.path("root/srv/link")).unwrap();
    for name in ["counted", "bounded", "source"] {
        let folder = world.path(&format!("root/srv/{name}"));
        fs::create_dir(&folder).unwrap();
        git(&folder, &["init", "--quiet", "--initial-branch=main"]);
        git(&folder, &["commit", "--quiet", "--allow-empty", "-m", "x"]);
        git(&folder, &["branch", "base"]);
    }
    let commit = git(&world.path("root/srv/source"), &["rev-parse", "HEAD"]);
    world.host_file("srv/DEPLOY.txt", format!("source_commit = {commit}files = 2\n"));
}

fn digest(text: &str) -> String {
    countersign::model::Digest::of(text.as_bytes()).to_string()
}

fn resources(world: &World) -> String {
    let me = owner();
    let list = [("a", "a\n"), ("b", "b\n"), ("lib/c", "c\n")];
    let line = |(name, text): &(&str, &str)| format!("{}  {name}\n", digest(text));
    let list: Vec<String> = list.iter().map(line).collect();
    let list = list.concat();
    world.desired("hosts/a/manifests/tree.sha256", list);
    let anchor = digest(&format!("{}  anchor/one\n", digest("1\n")));
    let commit = git(&world.path("root/srv/repo"), &["rev-parse", "HEAD"]);
    let commit = commit.trim();
    let pinned = digest("pinned\n");
    format!(
        r#"
[directory."/srv/dir"]
owner = "{me}"
group = "{me}"
mode = "0750"
empty = false
[directory."/srv/empty"]
empty = true
[directory."/srv/none"]
present = false
[file."/srv/file"]
owner = "{me}"
group = "{me}"
mode = "0644"
empty = false
capabilities = ""
xattrs = {{}}
links = 1
[file."/srv/pinned"]
sha256 = "{pinned}"
[file."/srv/nothing"]
empty = true
[file."/srv/never"]
present = false
[tree.tree]
root = "/srv/tree"
manifest = "manifests/tree.sha256"
ignore = ["**/__pycache__/**"]
owner = "{me}"
group = "{me}"
file_mode = "0644"
directory_mode = "0755"
xattrs = "drift"
privileges = "drift"
[tree.anchor]
root = "/srv/anchor"
digest = "{anchor}"
[constant.limit]
file = "/srv/settings.py"
format = "python"
key = "LIMIT"
value = 5
[constant.mode]
file = "/srv/settings.py"
format = "python"
key = "MODE"
one_of = ["safe", "off"]
[constant.token]
file = "/srv/settings.py"
format = "python"
key = "TOKEN"
present = true
[constant.debug]
file = "/srv/settings.py"
format = "python"
key = "DEBUG"
present = false
[git_head."/srv/repo"]
commit = "{commit}"
branch = "main"
clean = true
[git_head."/srv/detached"]
detached = true
[git_head."/srv/counted"]
upstream = "refs/heads/base"
ahead = 0
behind = 0
[git_head."/srv/bounded"]
upstream = "refs/heads/base"
ahead_at_most = 0
behind_at_most = 0
[deployment.app]
file = "/srv/DEPLOY.txt"
values = {{ files = "2" }}
source = {{ repository = "/srv/source", ref = "refs/heads/main" }}
relation = "equal"
"#
    )
}

/// How a part is laid out, and what is wanted of it.
type Part = (fn(&World), fn() -> String);

/// What else the host has.
const PARTS: &[Part] = &[
    (super::accounts::lay_out, super::accounts::resources),
    (super::keys::lay_out, super::keys::resources),
    (super::system::lay_out, super::system::resources),
    (super::units::lay_out, super::units::resources),
];

/// The host and what is wanted of it.
pub(crate) fn world() -> World {
    let world = World::new();
    accounts(&world);
    files(&world);
    world.desired("hosts/a/host.toml", "[host]\nidentity = { hostname = \"testhost\" }\n");
    let mut wanted = resources(&world);
    for (lay_out, resources) in PARTS {
        lay_out(&world);
        wanted += &resources();
    }
    world.desired("hosts/a/resources.toml", wanted);
    for folder in ["srv/tree", "srv/tree/lib"] {
        world.host_folder(folder, 0o755);
    }
    world
}
