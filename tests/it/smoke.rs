//! Smoke commands through the built program: real programs, really confined.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use serde_json::{Value, json};

use crate::program::{Ran, World, command, confines, ran, resource, run};

/// A host with programs in `/srv/app`, and a configuration that lets `python3 NAME.py` run there.
struct Lab {
    world: World,
}

impl Lab {
    fn new(resources: &str, programs: &[(&str, &str)]) -> Self {
        let world = World::wanting(resources);
        // Another user has to get through: only the folder of the test itself is closed.
        fs::set_permissions(world.path(""), fs::Permissions::from_mode(0o755)).unwrap();
        for (name, text) in programs {
            world.host_file(&format!("srv/app/{name}.py"), text);
        }
        let allow: Vec<Value> =
            programs.iter().map(|(name, _)| json!(["python3", format!("{name}.py")])).collect();
        let lab = Self { world };
        lab.configure(&format!("allow = {}", Value::from(allow)), "/srv/**");
        lab
    }

    fn configure(&self, smoke: &str, show: &str) {
        self.world.write(
            "config.toml",
            format!(
                "host = 'a'\nroot = 'root'\ndata = 'data'\n[source]\nurl = 'desired'\n[observe]\nroots = ['/srv']\n\
                 show_content = ['{show}']\n[smoke]\n{smoke}\n"
            ),
        );
    }

    fn words(&self) -> Vec<String> {
        let config = self.world.path("config.toml").display().to_string();
        ["check", "--config", &config, "--output", "json"].map(str::to_owned).to_vec()
    }

    fn check(&self) -> Ran {
        let words = self.words();
        run(&words.iter().map(String::as_str).collect::<Vec<_>>())
    }

    #[track_caller]
    fn one(&self, code: i32) -> Value {
        resource(&self.check().ends_with(code).report(), "smoke.a").clone()
    }
}

fn table(name: &str, more: &str) -> String {
    format!("[smoke.a]\ncommand = ['python3', '{name}.py']\ndirectory = '/srv/app'\n{more}\n")
}

/// One command and what is expected of it.
#[track_caller]
fn one(program: &str, more: &str, code: i32) -> Value {
    Lab::new(&table("x", more), &[("x", program)]).one(code)
}

const SUITE: &str = "
import unittest
import beside
class T(unittest.TestCase):
    def test_a(self): self.assertEqual(beside.ONE, 1)
    def test_b(self): pass
unittest.main()
";

#[test]
fn a_suite_is_run_counted_and_leaves_nothing() {
    if !confines() {
        return;
    }
    let more =
        "counts = ['Ran (?<tests>\\d+) tests? in ']\nexpect = { tests = 2 }\nprints = ['OK']";
    let lab = Lab::new(&table("x", more), &[("x", SUITE), ("beside", "ONE = 1\n")]);
    let found = lab.one(0);
    assert_eq!(found["seen"], "exit 0, 2 tests");
    assert_eq!(found["counts"], json!({ "tests": 2 }));
    assert_eq!((&found["evidence"], &found["output"]), (&json!("ran"), &Value::Null));
    let names = fs::read_dir(lab.world.path("root/srv/app")).unwrap();
    assert_eq!(names.count(), 2, "no __pycache__");

    lab.world.host_file("srv/app/beside.py", "ONE = 2\n");
    let found = lab.one(2);
    let fields: Vec<&Value> =
        found["differences"].as_array().unwrap().iter().map(|d| &d["field"]).collect();
    assert_eq!(fields, ["exit_code", "prints"]);
    assert_eq!(found["output"].as_array().unwrap().last().unwrap(), "FAILED (failures=1)");
    let text = run(&["check", "--config", lab.world.path("config.toml").to_str().unwrap()]);
    assert!(text.ends_with(2).stdout.contains("| FAILED (failures=1)"));
    lab.configure("allow = [['python3', 'x.py']]", "/srv/other/**");
    assert_eq!(lab.one(2)["output"], Value::Null, "not where content may not be shown");
}

/// Tries what must not work, and prints which error came of it. What works prints `!`.
const ATTEMPTS: &str = r#"
import ctypes, errno, fcntl, os, resource, socket
def attempt(name, action, *arguments):
    try:
        action(*arguments)
        print("!", name)
    except OSError as e:
        print(name, errno.errorcode.get(e.errno, e))
def local(path):
    socket.socket(socket.AF_UNIX).connect(path)
def call(number, *arguments):
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syscall(number, *arguments) < 0:
        raise OSError(ctypes.get_errno(), "refused")
here = os.getcwd()
attempt("tcp", socket.create_connection, ("127.0.0.1", 1))
attempt("udp", socket.socket, socket.AF_INET, socket.SOCK_DGRAM)
attempt("tcp6", socket.socket, socket.AF_INET6)
attempt("netlink", socket.socket, socket.AF_NETLINK, socket.SOCK_RAW)
attempt("unix", local, "/run/postgresql/.s.PGSQL.5432")
attempt("abstract", local, "\0x")
socket.socketpair()
for folder in [here, "/tmp", "/var/tmp", "/dev/shm", "/"]:
    attempt("write " + folder.replace(here, "."), open, folder + "/new", "w")
attempt("append", open, "x.py", "a")
attempt("mkdir", os.mkdir, "d")
attempt("unlink", os.unlink, "x.py")
attempt("rename", os.rename, "x.py", "y.py")
attempt("link", os.link, "x.py", "y.py")
attempt("fifo", os.mkfifo, "pipe")
attempt("chmod", os.chmod, "x.py", 0o777)
attempt("utime", os.utime, "x.py")
attempt("truncate", os.truncate, "x.py", 0)
attempt("setsid", os.setsid)
attempt("setpgid", os.setpgid, 0, 0)
attempt("unshare", call, ctypes.c_long(UNSHARE), 0x10000000)
attempt("shared memory", call, ctypes.c_long(SHMCTL), 0, 14, ctypes.create_string_buffer(256))
attempt("io_uring", call, ctypes.c_long(425), 1, 0)
attempt("datagrams", socket.socketpair, socket.AF_UNIX, socket.SOCK_DGRAM)
attempt("raw pair", socket.socketpair, socket.AF_UNIX, socket.SOCK_RAW)
attempt("steer", os.open, "/dev/tty", os.O_RDWR | os.O_WRONLY)
attempt("limits", resource.prlimit, os.getppid(), resource.RLIMIT_CPU, (1, 1))
attempt("priority", os.setpriority, os.PRIO_USER, os.getuid(), 19)
attempt("everyone", os.kill, -1, 0)
attempt("attributes", fcntl.ioctl, open("x.py"), 0x40086602, b"\0" * 8)
attempt("lease", fcntl.fcntl, open("x.py"), fcntl.F_SETLEASE, fcntl.F_RDLCK)
print("session", os.getsid(0) == os.getpgid(0) != os.getsid(os.getppid()))
attempt("parent", open, "/proc/%d/environ" % os.getppid())
attempt("outside", open, "../../etc/hostname")
open("/dev/null", "w").write("x")
print("environment", sorted(os.environ))
print("open", sorted(int(fd) for fd in os.listdir("/proc/self/fd"))[:-1])
print("stdin", os.readlink("/proc/self/fd/0"))
print("user", os.getuid(), os.geteuid(), "groups", os.getgroups() if os.getuid() == 65534 else [])
status = open("/proc/self/status").read()
for field in ["NoNewPrivs:", "Seccomp:", "CapEff:", "CapPrm:", "CapAmb:"]:
    print(field, status.split(field)[1].split()[0])
"#;

#[test]
fn nothing_can_be_reached_written_or_changed() {
    if !confines() {
        return;
    }
    let [unshare, shmctl] =
        if cfg!(target_arch = "x86_64") { ["272", "31"] } else { ["97", "195"] };
    let user = match rustix::process::getuid().as_raw() {
        0 => 65534,
        own => own,
    };
    let eperm = [
        "tcp",
        "udp",
        "tcp6",
        "netlink",
        "unix",
        "abstract",
        "chmod",
        "utime",
        "truncate",
        "setsid",
        "setpgid",
        "unshare",
        "io_uring",
        "datagrams",
        "raw pair",
        "steer",
        "limits",
        "priority",
        "everyone",
        "lease",
        "shared memory",
    ];
    let eacces = [
        "write .",
        "write /tmp",
        "write /var/tmp",
        "write /dev/shm",
        "write /",
        "append",
        "mkdir",
        "unlink",
        "rename",
        "fifo",
        "parent",
        "outside",
    ];
    let mut lines: Vec<String> = eperm.iter().map(|name| format!("{name} EPERM")).collect();
    lines.extend(eacces.iter().map(|name| format!("{name} EACCES")));
    // Kernels refuse a link to a file of somebody else before Landlock is asked.
    lines.push(format!("link {}", if user == 65534 { "EPERM" } else { "EACCES" }));
    lines.push(
        "environment ['ADDED', 'HOME', 'LC_ALL', 'PATH', 'PYTHONDONTWRITEBYTECODE']".to_owned(),
    );
    lines.extend(["open [0, 1, 2]".to_owned(), "stdin /dev/null".to_owned()]);
    lines.push(format!("user {user} {user} groups []"));
    lines.extend(["attributes ENOTTY", "session True"].map(str::to_owned));
    lines.extend(["NoNewPrivs: 1", "Seccomp: 2"].map(str::to_owned));
    lines.extend(["CapEff:", "CapPrm:", "CapAmb:"].map(|field| format!("{field} {:016}", 0)));

    let (first, second) = lines.split_at(lines.len() / 2);
    let prints = |lines: &[String]| format!("prints = {}", json!(lines));
    let program = ATTEMPTS.replace("UNSHARE", unshare).replace("SHMCTL", shmctl);
    let more =
        format!("{}\n{}", prints(first), table("x", &prints(second)).replace("smoke.a", "smoke.b"));
    let lab = Lab::new(&table("x", &more), &[("x", &program)]);
    lab.configure(
        "allow = [['python3', 'x.py']]\nenvironment = { ADDED = 'by the host' }",
        "/srv/**",
    );
    let secret = lab.world.path("secret");
    fs::write(&secret, "x").unwrap();
    // A descriptor that whoever starts the program left open, and a secret in its environment.
    let mut shell = Command::new("sh");
    shell.args(["-c", "exec 7<\"$0\"; exec \"$@\"", secret.to_str().unwrap()]);
    shell.arg(env!("CARGO_BIN_EXE_countersign")).args(lab.words());
    shell.env("CANARY", "hunter2").env("https_proxy", "http://user:hunter2@proxy");
    let report = ran(&shell.output().unwrap()).ends_with(0).report();
    assert_eq!(report["summary"]["in_sync"], 2);
}

#[test]
fn how_a_command_ended_is_told() {
    if !confines() {
        return;
    }
    assert_eq!(one("raise SystemExit(3)", "exit_code = 3", 0)["seen"], "exit 3");
    let killed = one("import os; os.kill(os.getpid(), 9)", "", 2);
    assert_eq!(killed["differences"][0]["actual"], "signal 9");
    let hung = one("import time; time.sleep(600)", "deadline = '1s'", 4);
    assert_eq!(hung["reason"], "deadline");
    let long = "print('x' * 79 + '\\n', end='') or [print('x' * 79) for _ in range(40000)]\nprint('Ran 5 tests in')";
    let more = "counts = ['Ran (?<tests>\\d+) tests?']\nexpect = { tests = 5 }";
    assert_eq!(one(long, more, 0)["seen"], "exit 0, 5 tests, of the end of its output");
    let none = one("print('nothing')", more, 4);
    assert_eq!(
        (&none["reason"], &none["blind"][0]["field"]),
        (&json!("undecidable"), &json!("counts.tests"))
    );
}

/// Leaves a process behind as daemons do: forked twice, in a session of its own if that can be had.
const DAEMON: &str = "
import os, sys, time
if os.fork() == 0:
    try: os.setsid()
    except OSError as e: print('setsid', e.errno, flush=True)
    if os.fork() == 0:
        print('started', flush=True)
        os.execvp('sleep', ['sleep', '600', 'MARK'])
    os._exit(0)
os.wait()
REST
";

#[test]
fn what_a_command_started_ends_with_it() {
    if !confines() {
        return;
    }
    for (rest, code, deadline) in [("", 0, "1m"), ("time.sleep(600)", 4, "2s")] {
        // `sleep` adds its numbers up; this one says whose it is.
        let mark = format!("0.{}{}", std::process::id(), deadline.len());
        let program = DAEMON.replace("MARK", &mark).replace("REST", rest);
        let more = format!("prints = ['setsid 1', 'started']\ndeadline = '{deadline}'");
        let found = one(&program, &more, code);
        if code != 0 {
            assert_eq!(found["reason"], "deadline");
        }
        assert!(!runs(&mark), "{rest}");
    }
}

/// Does a process with this word among its arguments run?
fn runs(word: &str) -> bool {
    let words = |entry: fs::DirEntry| fs::read(entry.path().join("cmdline")).unwrap_or_default();
    let has = |cmdline: &[u8]| cmdline.split(|byte| *byte == 0).any(|w| w == word.as_bytes());
    fs::read_dir("/proc").unwrap().any(|entry| has(&words(entry.unwrap())))
}

#[test]
fn what_the_host_does_not_allow_is_not_run() {
    let lab = Lab::new(&table("x", ""), &[("x", "")]);
    lab.configure("allow = [['python3'], ['python3', 'x.py', '-v']]", "/srv/**");
    let refused = lab.one(4);
    assert_eq!(refused["reason"], "not_allowed");
    let detail = refused["detail"].as_str().unwrap();
    assert!(detail.contains("`python3 x.py`") && detail.contains("[smoke] allow"), "{detail}");
    let config = lab.world.path("config.toml");
    let config = config.to_str().unwrap();
    let shown = run(&["config", "show", "--config", config]).ends_with(0).stdout;
    assert!(
        shown.contains("smoke.allow[1]") && shown.contains("\"python3\" \"x.py\" \"-v\""),
        "{shown}"
    );
    lab.configure("allow = [['./x.py']]\nuser = 'root'", "/srv/**");
    let refused = run(&["check", "--config", config]).ends_with(78).stderr;
    for fault in ["[smoke]", "./x.py", "unprivileged"] {
        assert!(refused.contains(fault), "{refused}");
    }
    // Without a configuration nothing runs, whatever else a sandbox may look at.
    let report = lab.world.report(4);
    assert_eq!(resource(&report, "smoke.a")["reason"], "not_allowed");
}

#[test]
fn the_folder_is_one_that_may_be_read_and_is_reached_without_links() {
    let at = |directory: &str| {
        let lab = Lab::new(&table("x", "").replace("/srv/app", directory), &[("x", "")]);
        std::os::unix::fs::symlink("app", lab.world.path("root/srv/link")).unwrap();
        lab.world.host_folder("srv/link-to", 0o755);
        std::os::unix::fs::symlink("../app", lab.world.path("root/srv/link-to/app")).unwrap();
        lab.world.host_folder("etc/app", 0o755);
        lab.one(4)["reason"].clone()
    };
    assert_eq!(at("/etc/app"), "not_allowed");
    assert_eq!(at("/srv/link/x"), "symlink_on_path");
    assert_eq!(at("/srv/link-to/app"), "not_supported");
    assert_eq!(at("/srv/none"), "io_error");
    assert_eq!(at("/srv/app/x.py"), "not_supported");
}

#[test]
fn a_program_or_a_folder_that_cannot_be_used_is_unknown() {
    if !confines() {
        return;
    }
    let lab = Lab::new(&table("x", "").replace("python3", "no-such-program"), &[("x", "")]);
    lab.configure("allow = [['no-such-program', 'x.py']]", "/srv/**");
    let found = lab.one(4);
    assert_eq!(found["reason"], "io_error");
    assert!(found["detail"].as_str().unwrap().contains("cannot start `no-such-program`"));
    if rustix::process::getuid().is_root() {
        let lab = Lab::new(&table("x", ""), &[("x", "")]);
        fs::set_permissions(lab.world.path("root/srv"), fs::Permissions::from_mode(0o700)).unwrap();
        assert_eq!(lab.one(4)["reason"], "permission_denied");
        lab.configure("allow = [['python3', 'x.py']]\nuser = 'no-such-user'", "/srv/**");
        assert_eq!(lab.one(4)["reason"], "not_confined");
    }
}

#[test]
fn on_a_kernel_without_landlock_nothing_is_run() {
    use seccompiler::{BpfProgram, SeccompAction, SeccompFilter};
    let lab = Lab::new(&table("x", ""), &[("x", "")]);
    // The filter is handed on to what this thread starts, and to nobody else.
    let found = std::thread::spawn(move || {
        let rules = [(libc::SYS_landlock_create_ruleset, Vec::new())].into();
        let missing = SeccompAction::Errno(libc::ENOSYS.unsigned_abs());
        let arch = std::env::consts::ARCH.try_into().unwrap();
        let filter = SeccompFilter::new(rules, SeccompAction::Allow, missing, arch).unwrap();
        seccompiler::apply_filter(&BpfProgram::try_from(filter).unwrap()).unwrap();
        lab.one(4)
    });
    let found = found.join().unwrap();
    assert_eq!(found["reason"], "not_confined");
    assert!(found["detail"].as_str().unwrap().contains("Landlock"), "{found}");
}

#[test]
fn a_recorded_run_is_judged_again() {
    if !confines() {
        return;
    }
    let more = "counts = ['Ran (?<tests>\\d+)']\nexpect = { tests = 2 }";
    let lab = Lab::new(&table("x", more), &[("x", "print('Ran 2 tests')")]);
    let file = lab.world.path("world.json");
    let mut words = lab.words();
    words.extend(["--record".to_owned(), file.display().to_string()]);
    run(&words.iter().map(String::as_str).collect::<Vec<_>>()).ends_with(0);
    let judge = |more: &str| {
        lab.world.desired("hosts/a/resources.toml", table("x", more));
        lab.world.check(&["--replay", file.to_str().unwrap(), "--output", "json"])
    };
    judge(&more.replace('2', "3")).ends_with(2);
    let other = judge(&more.replace("tests", "all")).ends_with(4).report();
    assert_eq!(resource(&other, "smoke.a")["reason"], "not_recorded");
}

#[test]
fn the_confined_form_is_not_for_people() {
    assert!(!run(&["--help"]).ends_with(0).stdout.contains("confined"));
    let by_hand = |input: &str| {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("input"), input).unwrap();
        let input = fs::File::open(folder.path().join("input")).unwrap();
        let mut command = command(&["confined"]);
        ran(&command.stdin(input).current_dir(&folder).output().unwrap()).ends_with(4).stdout
    };
    assert_eq!(by_hand("{}"), "");
    // Nobody can be told that it is confined, so it is not run.
    let words =
        json!({ "command": ["echo", "x"], "user": "nobody", "read": [], "environment": {} });
    assert_eq!(by_hand(&words.to_string()), "");
}

#[test]
fn only_listed_programs_are_started_to_look() {
    use countersign::probe::runner::{Run, RunError};
    let (program, folder) = ("env", std::path::Path::new("/"));
    let (arguments, environment, deadline) =
        (Vec::new(), Vec::new(), std::time::Duration::from_secs(20));
    let refused = Run { program, arguments, environment, folder, deadline }.output();
    let Err(RunError::Start { source, .. }) = refused else { panic!("{refused:?}") };
    assert!(source.to_string().contains("none of the programs"), "{source}");
}
