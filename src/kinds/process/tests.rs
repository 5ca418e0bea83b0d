//! Processes of a made-up `/proc`, and real ones of the machine that runs the test.

use std::process::{Child, Command, Stdio};

use super::*;
use crate::kinds::test_world::{self, Made, Root, check};

const TOKEN: &str = "hunter2";

fn root() -> Root {
    let root = Root::new();
    root.file("etc/passwd", b"root:x:0:0::/:\ncutter:x:990:990::/:\n");
    let agent = Made {
        pid: 812,
        name: "python3",
        uid: 990,
        exe: Some("/usr/bin/python3.12"),
        command: "python3\0-m\0cutter_agent\0--token\0hunter2\0",
        unit: "cutter-agent.service",
        ..Made::PLAIN
    };
    root.process(&Made::PLAIN)
        .process(&agent)
        .process(&Made { pid: 813, unit: "session-1.scope", ..agent })
        .process(&Made {
            pid: 900,
            name: "nginx",
            exe: Some("/usr/sbin/nginx (deleted)"),
            permitted: 1 << 10,
            ..Made::PLAIN
        })
        .process(&Made { pid: 2, name: "kthreadd", flags: 0x0020_8040, exe: None, ..Made::PLAIN })
        .process(&Made { pid: 901, name: "nginx", state: 'Z', exe: None, ..Made::PLAIN });
    // Neither is a process.
    root.file("proc/net/tcp", b"x\n").file("proc/12", b"x\n");
    root
}

#[test]
fn processes_are_counted_by_what_they_are() {
    let root = root();
    let cases: &[(&str, &str, &[&str])] = &[
        ("python3", "", &[]),
        ("python3", "count = 2", &[]),
        ("python3", "count = 1", &["count 1 2"]),
        ("python3", "at_most = 1", &["at_most 1 2"]),
        ("python3", "at_least = 3", &["at_least 3 2"]),
        ("python3", "present = false", &["count 0 2"]),
        ("none", "present = false", &[]),
        ("none", "", &["at_least 1 0"]),
        ("none", "at_most = 1", &[]),
        ("kthreadd", "present = false", &[]),
        ("nginx", "count = 1", &[]),
        ("agent", "exe = '/usr/bin/python3.12'\ncount = 2", &[]),
        ("agent", "command = ['python3', '-m', 'cutter_agent']\ncount = 2", &[]),
        ("agent", "command = ['python3', '-m', 'cutter']\ncount = 0", &[]),
        ("agent", "name = 'nginx'\nexe = '/usr/bin/python3.12'\npresent = false", &[]),
    ];
    for (name, toml, expected) in cases {
        check::<Process>(&root, name, toml, expected);
    }
}

#[test]
fn a_program_is_meant_by_any_path_that_leads_to_it() {
    let root = root();
    root.file("usr/bin/python3.12", b"");
    root.link("usr/bin/python3", "python3.12");
    root.link("bin", "usr/bin");
    for exe in ["/usr/bin/python3.12", "/bin/python3.12", "/usr/bin/python3", "/bin/python3"] {
        check::<Process>(&root, "agent", &format!("exe = '{exe}'\ncount = 2"), &[]);
        check::<Process>(&root, "x", &format!("exe = '{exe}'\npresent = false"), &["count 0 2"]);
    }
    check::<Process>(&root, "x", "exe = '/usr/bin/python'\npresent = false", &[]);
}

#[test]
fn what_the_table_says_holds_for_each_and_is_told_once() {
    let root = root();
    let cases: &[(&str, &str, &[&str])] = &[
        ("python3", "user = 'cutter'\ncapabilities = []\nno_new_privs = true", &[]),
        ("python3", "user = 'root'", &["user \"root\" \"cutter\""]),
        (
            "python3",
            "unit = 'cutter-agent.service'",
            &["unit \"cutter-agent.service\" \"session-1.scope\""],
        ),
        ("init", "unit = 'x.service'", &["unit \"x.service\" \"no unit\""]),
        ("nginx", "deleted_exe = false", &["deleted_exe false true"]),
        ("python3", "deleted_exe = false", &[]),
        ("n", "exe = '/usr/sbin/nginx'\ncapabilities = ['net_bind_service']", &[]),
        ("nginx", "capabilities = []", &["capabilities \"none\" \"net_bind_service\""]),
        ("nginx", "no_new_privs = false", &["no_new_privs false true"]),
    ];
    for (name, toml, expected) in cases {
        check::<Process>(&root, name, toml, expected);
    }
}

#[test]
fn all_that_a_user_runs_is_a_closed_list() {
    let root = root();
    check::<Process>(&root, "cutter/*", "only = ['cutter/python3']", &[]);
    check::<Process>(&root, "nobody/*", "only = []", &[]);
    check::<Process>(
        &root,
        "root/*",
        "only = ['root/init', 'root/sshd']",
        &["root/nginx null \"pid 900 /usr/sbin/nginx\"", "root/sshd \"present\" null"],
    );
    check::<Process>(
        &root,
        "cutter/*",
        "only = []",
        &["cutter/python3 null \"pid 812 /usr/bin/python3.12, cutter-agent.service, and 1 more\""],
    );
}

#[test]
fn no_word_of_a_command_line_is_stored() {
    let root = root();
    let spec = test_world::prepare::<Process>("agent", "command = ['python3']").0;
    let named = Named { name: "agent".to_owned(), spec: Arc::new(spec) };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let answers =
        runtime.expect("a runtime").block_on(Process::observe_all(&root.world(), &[named]));
    let stored = format!("{}{answers:?}", serde_json::to_string(&answers).expect("stored"));
    assert!(stored.contains("python3") && !stored.contains(TOKEN), "{stored}");
    assert!(!stored.contains("812"), "{stored}");
}

#[test]
fn a_root_that_does_not_run_has_no_processes_to_tell_of() {
    check::<Process>(&Root::new(), "init", "", &["blind not_supported"]);
    check::<Process>(&Root::new(), "init", "present = false", &["blind not_supported"]);
    let unmounted = Root::new();
    unmounted.file("proc/version", b"Linux\n");
    check::<Process>(&unmounted, "init", "present = false", &["blind not_supported"]);
}

#[test]
fn hidden_processes_are_unknown_and_not_absent() {
    let root = root();
    root.file(
        "proc/self/mountinfo",
        b"1 0 0:1 / / rw - ext4 a rw\n2 1 0:2 / /proc rw - proc proc rw,hidepid=invisible\n",
    );
    root.file("proc/self/status", b"Uid:\t5\t5\t5\t5\nCapPrm:\t0\nCapEff:\t0000000000000000\n");
    check::<Process>(&root, "none", "present = false", &["blind permission_denied"]);
    root.file("proc/self/status", b"Uid:\t5\t5\t5\t5\nCapPrm:\t0\nCapEff:\t0000000000080000\n");
    check::<Process>(&root, "none", "present = false", &[]);
    root.file("proc/self/status", b"Uid:\t5\t5\t5\t5\nCapPrm:\t0\nCapEff:\t0000000000000000\n");
    root.file("proc/self/mountinfo", b"2 1 0:2 / /proc rw - proc proc rw,hidepid=off\n");
    check::<Process>(&root, "none", "present = false", &[]);
}

fn found(toml: &str, seen: usize, undecided: u64) -> Vec<String> {
    let spec = test_world::prepare::<Process>("x", toml).0;
    let one = One {
        name: "x".to_owned(),
        user: Ok("root".to_owned()),
        unit: None,
        deleted_exe: Ok(Some(false)),
        capabilities: Vec::new(),
        no_new_privs: None,
    };
    let why = (undecided > 0).then(|| Unknown::new(Reason::PermissionDenied, "why"));
    let seen = Seen::Found { processes: vec![one; seen], undecided, why };
    test_world::lines(&Ok(spec.diff("x", &seen)))
}

#[test]
fn what_could_not_be_looked_into_decides_only_where_it_matters() {
    let blind = ["blind count permission_denied"];
    assert!(found("", 1, 3).is_empty());
    assert_eq!(found("", 0, 3), blind);
    assert_eq!(found("present = false", 0, 1), blind);
    assert_eq!(found("present = false", 1, 1), ["count 0 1"]);
    assert_eq!(found("count = 2", 1, 1), blind);
    assert_eq!(found("count = 2", 2, 1), blind);
    assert_eq!(found("count = 2", 3, 1), ["count 2 3"]);
    assert_eq!(found("count = 5", 3, 1), ["count 5 3"]);
    assert!(found("at_most = 4", 3, 1).is_empty());
    assert_eq!(found("at_most = 3", 3, 1), blind);
    assert_eq!(found("at_least = 9\nat_most = 10", 3, 1), ["at_least 9 3"]);
    assert_eq!(found("no_new_privs = true", 1, 0), ["blind no_new_privs not_supported"]);
}

#[test]
fn contradictions_and_names_that_cannot_be_are_refused() {
    let codes = |name: &str, toml: &str| {
        let problems = test_world::prepare::<Process>(name, toml).1;
        problems.iter().map(|p| p.code.to_string()).collect::<Vec<_>>()
    };
    assert!(codes("fifteen-bytes-x", "").is_empty());
    assert_eq!(codes("sixteen-bytes-xy", ""), ["CS0012"]);
    assert!(codes("sixteen-bytes-xy", "exe = '/a'").is_empty());
    assert_eq!(codes("x", "exe = 'a'"), ["CS0004"]);
    assert_eq!(codes("x", "count = 1\nat_least = 1"), ["CS0008"]);
    assert_eq!(codes("x", "at_least = 2\nat_most = 1"), ["CS0008"]);
    assert_eq!(codes("x", "present = false\nuser = 'a'"), ["CS0008"]);
    assert_eq!(codes("x", "capabilities = ['CAP_NET_RAW']"), ["CS0007"]);
    assert_eq!(codes("x/*", ""), ["CS0005"]);
    assert_eq!(codes("x/*", "only = []\nname = 'x'"), ["CS0008"]);
}

struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a real child of the test")]
fn a_real_child_is_found_until_it_has_ended() {
    let word = format!("no-such-file-of-countersign-{}", std::process::id());
    let child = Command::new("tail")
        .args(["-f", "/dev/null", "--", &word])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let child = Ended(child.expect("`tail` runs"));
    let root = Root::live();
    // Until it has become `tail` it is a copy of this test.
    let comm = format!("/proc/{}/comm", child.0.id());
    while std::fs::read_to_string(&comm).expect("its name") != "tail\n" {
        std::thread::yield_now();
    }
    let command = format!("command = ['tail', '-f', '/dev/null', '--', '{word}']");
    check::<Process>(
        &root,
        "child",
        &format!("{command}\ncount = 1\nname = 'tail'\ndeleted_exe = false"),
        &[],
    );
    drop(child);
    check::<Process>(&root, "child", &format!("{command}\npresent = false"), &[]);
}
