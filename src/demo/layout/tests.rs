//! The sandbox against the tools that people would check it with.

use std::net::TcpListener;
use std::os::unix::fs::MetadataExt as _;
use std::process::{Command, Output};

use super::*;

fn sandbox() -> (tempfile::TempDir, Sandbox) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let sandbox = write(&folder.path().join("root")).expect("written");
    (folder, sandbox)
}

fn run(folder: &Path, program: &str, arguments: &[&str]) -> Output {
    Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_OPTIONAL_LOCKS", "0")
        .env("LC_ALL", "C")
        .output()
        .expect("the program is installed")
}

fn said(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

#[test]
fn the_tree_has_82_files_and_sha256sum_agrees() {
    let (folder, sandbox) = sandbox();
    assert_eq!(sandbox.tree.lines().count(), 82);
    let tree = sandbox.root.join(beneath(TREE));
    let found = run(&tree, "sh", &["-c", "find . -type f | wc -l"]);
    assert_eq!(said(&found).trim(), "82");
    let python = run(&tree, "sh", &["-c", "find . -name '*.py' | wc -l"]);
    assert_eq!(said(&python).trim(), "67");

    let list = folder.path().join("list");
    File::create(&list)
        .and_then(|mut file| file.write_all(sandbox.tree.as_bytes()))
        .expect("a list");
    let list = list.to_str().expect("UTF-8");
    assert!(run(&tree, "sha256sum", &["--strict", "--quiet", "-c", list]).status.success());
    run(&tree, "sh", &["-c", "echo >> README.md"]);
    assert!(!run(&tree, "sha256sum", &["--strict", "--quiet", "-c", list]).status.success());
}

#[test]
fn the_skeleton_is_pinned_as_the_shell_computes_it_and_clean_in_git() {
    let (_folder, sandbox) = sandbox();
    let dot = sandbox.root.join(beneath(CHECKOUT));
    let pipeline = "find iu-cutter -type f | sort | xargs sha256sum | sha256sum | cut -c1-64";
    let shell = run(&dot, "sh", &["-c", pipeline]);
    assert_eq!(said(&shell).trim(), sandbox.skeleton.to_string());
    assert_eq!(
        said(&run(&dot, "git", &["rev-parse", "HEAD", "--abbrev-ref", "HEAD"])).trim(),
        format!("{}\nmain", sandbox.head)
    );
    assert_eq!(
        said(&run(&dot, "git", &["status", "--porcelain", "--", "iu-cutter", "bin", "config"])),
        ""
    );
    assert!(said(&run(&dot, "git", &["status", "--porcelain"])).contains("?? iu-cutter-v0.6/"));
    assert!(run(&dot, "git", &["fsck", "--strict"]).status.success());
}

#[test]
fn modes_are_exact_and_nothing_is_provisioned() {
    let (_folder, sandbox) = sandbox();
    for (path, mode) in [
        ("opt/incomex/docker/.env", 0o600),
        ("opt/incomex/secrets/.env.production", 0o640),
        ("opt/incomex/dot/iu-cutter-v0.6", 0o775),
        ("opt/incomex/dot/iu-cutter-v0.6/tests", 0o755),
        ("opt/incomex/dot/bin/dot-status", 0o755),
        ("etc/passwd", 0o644),
    ] {
        let stat = sandbox.root.join(path).symlink_metadata().expect(path);
        assert_eq!(stat.mode() & 0o7777, mode, "{path}");
    }
    assert!(!sandbox.root.join("var/lib/cutter").exists());
    let keys = std::fs::read_to_string(sandbox.root.join("opt/incomex/docker/.env")).expect("text");
    assert!(keys.contains("DOT_CUTTER_EXEC_USER=") && !keys.contains("BACKUP_GPG_FPR"));
}

#[test]
fn the_same_sandbox_is_written_every_time_and_never_over_another() {
    let ((_one, first), (_two, second)) = (sandbox(), sandbox());
    assert_eq!(first.head, second.head);
    assert_eq!(first.tree, second.tree);
    assert!(matches!(write(&first.root), Err(LayoutError::NotEmpty(_))));
}

#[test]
fn the_constants_stand_in_lines_33_to_39() {
    let (_folder, sandbox) = sandbox();
    let path = sandbox.root.join(beneath(TREE)).join("cutter_agent/orchestrator/__init__.py");
    let text = std::fs::read_to_string(path).expect("text");
    let lines: Vec<&str> = text.lines().skip(32).take(7).collect();
    assert_eq!(lines[0], "__version__ = \"0.6.0-O4-live-dryrun-orchestration\"");
    assert_eq!(lines[1], "__milestone__ = \"O4\"");
    assert!(lines[3].starts_with("__execution_enabled__ = False  # "));
    assert_eq!(lines[6], "def execution_enabled():");
}

#[test]
fn the_suites_pass_and_leave_nothing_behind() {
    let (_folder, sandbox) = sandbox();
    let tree = sandbox.root.join(beneath(TREE));
    let suite = said(&run(&tree, "python3", &["-m", "unittest", "discover"]));
    assert!(suite.contains("\nRan 394 tests in ") && suite.ends_with("\nOK\n"), "{suite}");
    let targeted = ["-m", "unittest", "discover", "-t", ".", "-s", "targeted", "-p", "live_*.py"];
    let targeted = said(&run(&tree, "python3", &targeted));
    assert!(targeted.contains("\nRan 28 tests in ") && targeted.ends_with("\nOK\n"), "{targeted}");
    assert_eq!(said(&run(&tree, "sh", &["-c", "find . -type f | wc -l"])).trim(), "82");
}

/// Calls every leg with a provider that connects to `port`; the second argument is the value of the switch.
const CALL_EVERY_LEG: &str = "
import socket, sys
from cutter_agent import live_adapter, orchestrator
orchestrator.__execution_enabled__ = sys.argv[2] == 'on'
class Session(socket.socket):
    def execute(self, statement, parameters): pass
def provider():
    session = Session()
    session.connect(('127.0.0.1', int(sys.argv[1])))
    return session
refused = 0
for leg in live_adapter.LEGS:
    try: getattr(live_adapter.LiveAdapter(provider), leg)('run-1')
    except live_adapter.ProductionExecutionNotAuthorized: refused += 1
print(refused)
";

#[test]
fn refused_legs_open_no_connection() {
    let (_folder, sandbox) = sandbox();
    let tree = sandbox.root.join(beneath(TREE));
    for (switch, refused, connections) in [("off", "6", 0), ("on", "0", 6)] {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.set_nonblocking(true).expect("non-blocking");
        let port = listener.local_addr().expect("an address").port().to_string();
        let output = run(&tree, "python3", &["-c", CALL_EVERY_LEG, &port, switch]);
        assert_eq!(said(&output).trim(), refused, "{switch}");
        // A connection stands in the queue before connect() returns, so nothing has to be waited for.
        let made = std::iter::from_fn(|| listener.accept().ok()).count();
        assert_eq!(made, connections, "{switch}");
    }
}
