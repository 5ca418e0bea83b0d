//! The running system of the host: a `/proc` of its own, a container engine that lists what a file says, and what happens
//! to them.

use std::fmt::Write as _;
use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::symlink;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;

use super::{Case, case};
use crate::program::World;

/// What the engine lists, beside the root.
const LIST: &str = "engine.json";

/// A process, by what of it is looked at.
#[derive(Clone, Copy)]
struct Process {
    pid: u32,
    name: &'static str,
    uid: u32,
    exe: &'static str,
    unit: &'static str,
    capabilities: u64,
    no_new_privs: u8,
    socket: u64,
}

const AGENT: Process = Process {
    pid: 812,
    name: "agent",
    uid: 4712,
    exe: "/usr/bin/agent",
    unit: "agent.service",
    capabilities: 0,
    no_new_privs: 1,
    socket: 0,
};
const WORKER: Process =
    Process { pid: 820, name: "worker", uid: 4713, exe: "/usr/bin/worker", ..AGENT };
const SERVER: Process = Process {
    pid: 300,
    name: "postgres",
    uid: 4711,
    exe: "/usr/bin/postgres",
    unit: "postgresql.service",
    socket: 11,
    ..AGENT
};

fn run(world: &World, process: Process) {
    let Process { pid, name, uid, capabilities, no_new_privs, .. } = process;
    let at = |table: &str| format!("proc/{pid}/{table}");
    world.host_file(
        &at("stat"),
        format!("{pid} ({name}) S 1 1 1 0 -1 0 1 2 3 4 5 6 7 8 20 0 1 0 4242 9 9\n"),
    );
    world.host_file(
        &at("status"),
        format!(
            "Name:\t{name}\nUid:\t{uid}\t{uid}\t{uid}\t{uid}\nCapPrm:\t{capabilities:016x}\n\
             CapEff:\t0000000000000000\nNoNewPrivs:\t{no_new_privs}\n"
        ),
    );
    world.host_file(&at("cgroup"), format!("0::/system.slice/{}\n", process.unit));
    world.host_folder(&at("fd"), 0o755);
    for (link, target) in
        [("exe", process.exe.to_owned()), ("fd/3", format!("socket:[{}]", process.socket))]
    {
        let link = world.path("root").join(at(link));
        let _ = fs::remove_file(&link);
        symlink(target, link).unwrap();
    }
}

fn end(world: &World, process: Process) {
    fs::remove_dir_all(world.path("root").join(format!("proc/{}", process.pid))).unwrap();
}

/// Rows of `/proc/net/tcp`: address, port, user, inode.
fn listen(world: &World, rows: &[([u8; 4], u16, u32, u64)]) {
    let mut table = "  sl  local_address rem_address   st …\n".to_owned();
    for (ip, port, uid, inode) in rows {
        let ip = u32::from_ne_bytes(*ip);
        writeln!(
            table,
            "   0: {ip:08X}:{port:04X} 00000000:0000 0A 00000000:00000000 00:00000000 00000000  {uid}        0 {inode} 1 0 100"
        )
        .unwrap();
    }
    world.host_file("proc/net/tcp", table);
}

const POSTGRES: ([u8; 4], u16, u32, u64) = ([127, 0, 0, 1], 5432, 4711, 11);

fn mounts(world: &World, data: &str, more: &str) {
    let table = format!("1 0 8:1 / / rw - ext4 /dev/sda1 rw\n2 1 8:2 {data}\n{more}");
    world.host_file("proc/1/mountinfo", table);
}

const DATA: &str = "/ /data rw,nodev - xfs /dev/sdb1 rw";

fn set(world: &World, value: &str) {
    world.host_file("proc/sys/net/ipv4/ip_forward", format!("{value}\n"));
}

fn containers(world: &World, postgres: &str, more: &str) {
    world.write(LIST, format!("[{{\"Names\":[\"/postgres\"],{postgres}}}{more}]"));
}

const CONTAINER: &str = r#""Image":"postgres:16","ImageID":"sha256:0123456789abcdef","State":"running","Status":"Up 1 hour (healthy)",
    "Ports":[{"IP":"127.0.0.1","PrivatePort":5432,"PublicPort":5432,"Type":"tcp"}]"#;

/// The same container with another text in one place.
fn other(world: &World, from: &str, to: &str) {
    assert!(CONTAINER.contains(from), "{from}");
    containers(world, &CONTAINER.replace(from, to), "");
}

/// Speaks as a container engine does, for as long as the test runs.
fn engine(world: &World) {
    world.host_folder("run", 0o755);
    let listener = UnixListener::bind(world.path("root/run/docker.sock")).unwrap();
    let list = world.path(LIST);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            answer(stream.unwrap(), &list);
        }
    });
}

fn answer(mut stream: UnixStream, list: &PathBuf) {
    let (mut request, mut byte) = (Vec::new(), [0]);
    while !request.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|read| read == 1) {
        request.push(byte[0]);
    }
    let (status, body) = match fs::read_to_string(list) {
        Ok(body) if request.starts_with(b"GET /containers/json?all=1 ") => ("200 OK", body),
        _ => ("404 Not Found", String::new()),
    };
    // Whoever asked may have gone.
    let _ = write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
}

/// Lays it all out, in sync with [`RESOURCES`].
pub(crate) fn lay_out(world: &World) {
    world.host_file("proc/version", "Linux\n");
    for process in [AGENT, WORKER, Process { pid: 821, ..WORKER }, SERVER] {
        run(world, process);
    }
    listen(world, &[POSTGRES]);
    world.host_file("proc/net/udp", "head\n");
    world.host_file("proc/net/unix", "head\n");
    mounts(world, DATA, "");
    world.host_file("etc/fstab", "/dev/sdb1 /data xfs nodev 0 2\n");
    set(world, "0");
    world.host_file("etc/sysctl.d/10-net.conf", "net.ipv4.ip_forward = 0\n");
    world.host_folder("tmp", 0o755);
    containers(world, CONTAINER, "");
    engine(world);
}

/// What is wanted of it.
const RESOURCES: &str = r#"
[process.agent]
count = 1
user = "4712"
unit = "agent.service"
deleted_exe = false
capabilities = []
no_new_privs = true
[process.worker]
at_least = 1
at_most = 2
[process.miner]
present = false
[process."4712/*"]
only = ["4712/agent"]
[listener."tcp/127.0.0.1:5432"]
process = "postgres"
user = "4711"
unit = "postgresql.service"
[listener."tcp/0.0.0.0:23"]
present = false
[listener."tcp/127.*"]
only = ["tcp/127.0.0.1:5432"]
[mount."/data"]
source = "/dev/sdb1"
type = "xfs"
fs_root = "/"
options_include = ["nodev"]
options_exclude = ["sync"]
read_only = false
fstab = true
[mount."/none"]
present = false
[mount."/opt/*"]
only = []
[sysctl."net.ipv4.ip_forward"]
value = "0"
persistent = true
[disk."/srv"]
free_at_least = "1B"
used_at_most = "100%"
inodes_free_at_least = 0
same_device_as = "/tmp"
[container.postgres]
state = "running"
health = "healthy"
image = "postgres:16"
image_id = "sha256:0123456789abcdef"
ports = ["127.0.0.1:5432->5432/tcp"]
[container.cutter]
present = false
[container."p*"]
only = ["postgres"]
"#;

/// What is wanted of it.
pub(crate) fn resources() -> String {
    RESOURCES.to_owned()
}

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = processes();
    cases.extend(sockets());
    cases.extend(kernel());
    cases.extend(engines());
    cases
}

fn processes() -> Vec<Case> {
    vec![
        case(
            "a process ends",
            |w| end(w, AGENT),
            &[("process.agent", "count"), ("process.4712/*", "4712/agent")],
        ),
        case(
            "a second process of a kind is started",
            |w| run(w, Process { pid: 813, ..AGENT }),
            &[("process.agent", "count")],
        ),
        case(
            "a process runs as another user",
            |w| run(w, Process { uid: 0, ..AGENT }),
            &[("process.agent", "user"), ("process.4712/*", "4712/agent")],
        ),
        case(
            "a process is started by hand, outside of its unit",
            |w| run(w, Process { unit: "session-1.scope", ..AGENT }),
            &[("process.agent", "unit")],
        ),
        case(
            "the program of a process is replaced on disk",
            |w| run(w, Process { exe: "/usr/bin/agent (deleted)", ..AGENT }),
            &[("process.agent", "deleted_exe")],
        ),
        case(
            "a process is given a capability",
            |w| run(w, Process { capabilities: 1 << 21, ..AGENT }),
            &[("process.agent", "capabilities")],
        ),
        case(
            "a process may gain rights",
            |w| run(w, Process { no_new_privs: 0, ..AGENT }),
            &[("process.agent", "no_new_privs")],
        ),
        case(
            "the last worker ends",
            |w| {
                end(w, WORKER);
                end(w, Process { pid: 821, ..WORKER });
            },
            &[("process.worker", "at_least")],
        ),
        case(
            "there are too many workers",
            |w| run(w, Process { pid: 822, ..WORKER }),
            &[("process.worker", "at_most")],
        ),
        case(
            "a process runs that shall not",
            |w| run(w, Process { pid: 999, name: "miner", uid: 4713, ..AGENT }),
            &[("process.miner", "count")],
        ),
        case(
            "a user runs something else as well",
            |w| run(w, Process { pid: 999, name: "sh", ..AGENT }),
            &[("process.4712/*", "4712/sh")],
        ),
    ]
}

fn sockets() -> Vec<Case> {
    vec![
        case(
            "another program listens on a port",
            |w| run(w, Process { name: "nc", ..SERVER }),
            &[("listener.tcp/127.0.0.1:5432", "process")],
        ),
        case(
            "another unit listens on a port",
            |w| run(w, Process { unit: "other.service", ..SERVER }),
            &[("listener.tcp/127.0.0.1:5432", "unit")],
        ),
        case(
            "another user listens on a port",
            |w| listen(w, &[([127, 0, 0, 1], 5432, 0, 11)]),
            &[("listener.tcp/127.0.0.1:5432", "user")],
        ),
        case(
            "nothing listens on a port any more",
            |w| listen(w, &[]),
            &[
                ("listener.tcp/127.0.0.1:5432", "presence"),
                ("listener.tcp/127.*", "tcp/127.0.0.1:5432"),
            ],
        ),
        case(
            "something listens on a port where nothing shall",
            |w| listen(w, &[POSTGRES, ([0, 0, 0, 0], 23, 0, 99)]),
            &[("listener.tcp/0.0.0.0:23", "presence")],
        ),
        case(
            "something listens that is not among the listeners",
            |w| listen(w, &[POSTGRES, ([127, 0, 0, 1], 8080, 0, 99)]),
            &[("listener.tcp/127.*", "tcp/127.0.0.1:8080")],
        ),
    ]
}

fn kernel() -> Vec<Case> {
    vec![
        case(
            "a file system is not mounted",
            |w| w.host_file("proc/1/mountinfo", "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n"),
            &[("mount./data", "presence")],
        ),
        case(
            "another device is mounted",
            |w| mounts(w, "/ /data rw,nodev - xfs /dev/sdc1 rw", ""),
            &[("mount./data", "source")],
        ),
        case(
            "a file system of another type is mounted",
            |w| mounts(w, "/ /data rw,nodev - ext4 /dev/sdb1 rw", ""),
            &[("mount./data", "type")],
        ),
        case(
            "a folder of the device is mounted in its place",
            |w| mounts(w, "/copy /data rw,nodev - xfs /dev/sdb1 rw", ""),
            &[("mount./data", "fs_root")],
        ),
        case(
            "a mount loses an option",
            |w| mounts(w, "/ /data rw - xfs /dev/sdb1 rw", ""),
            &[("mount./data", "options_include")],
        ),
        case(
            "a mount gains an option that it shall not have",
            |w| mounts(w, "/ /data rw,nodev - xfs /dev/sdb1 rw,sync", ""),
            &[("mount./data", "options_exclude")],
        ),
        case(
            "a file system turns read-only after an error",
            |w| mounts(w, "/ /data rw,nodev - xfs /dev/sdb1 ro", ""),
            &[("mount./data", "read_only")],
        ),
        case(
            "a mount is left out of /etc/fstab",
            |w| w.host_file("etc/fstab", "# /dev/sdb1 /data xfs nodev 0 2\n"),
            &[("mount./data", "fstab")],
        ),
        case(
            "something is mounted where nothing shall be",
            |w| mounts(w, DATA, "3 1 0:9 / /none rw - tmpfs tmpfs rw\n"),
            &[("mount./none", "presence")],
        ),
        case(
            "something is mounted below a folder without mounts",
            |w| mounts(w, DATA, "3 1 0:9 / /opt/a\\040b rw - tmpfs tmpfs rw\n"),
            &[("mount./opt/*", "/opt/a b")],
        ),
        case(
            "a kernel setting is changed",
            |w| set(w, "1"),
            &[("sysctl.net.ipv4.ip_forward", "value")],
        ),
        case(
            "a later file of sysctl.d sets another value for the next boot",
            |w| w.host_file("usr/lib/sysctl.d/99-net.conf", "net/ipv4/ip_forward=1\n"),
            &[("sysctl.net.ipv4.ip_forward", "persistent")],
        ),
        case(
            "a folder is gone that shall share a device with another",
            |w| fs::remove_dir(w.path("root/tmp")).unwrap(),
            &[("disk./srv", "same_device_as")],
        ),
    ]
}

fn engines() -> Vec<Case> {
    vec![
        case(
            "a container ends",
            |w| other(w, "\"running\"", "\"exited\""),
            &[("container.postgres", "state")],
        ),
        case(
            "the health check of a container fails",
            |w| other(w, "(healthy)", "(unhealthy)"),
            &[("container.postgres", "health")],
        ),
        case(
            "a container runs another image",
            |w| other(w, "postgres:16", "postgres:17"),
            &[("container.postgres", "image")],
        ),
        case(
            "the name of an image means another image",
            |w| other(w, "0123456789", "9876543210"),
            &[("container.postgres", "image_id")],
        ),
        case(
            "a container publishes its port to everybody",
            |w| other(w, "127.0.0.1", "0.0.0.0"),
            &[("container.postgres", "ports")],
        ),
        case(
            "a container is there that shall not be",
            |w| containers(w, CONTAINER, &format!(",{{\"Names\":[\"/cutter\"],{CONTAINER}}}")),
            &[("container.cutter", "presence")],
        ),
        case(
            "a container is there that is not among the containers",
            |w| containers(w, CONTAINER, &format!(",{{\"Names\":[\"/pg-test\"],{CONTAINER}}}")),
            &[("container.p*", "pg-test")],
        ),
        case(
            "the last container is removed",
            |w| w.write(LIST, "[]"),
            &[("container.postgres", "presence"), ("container.p*", "postgres")],
        ),
    ]
}

/// What changes all the time and is no drift.
pub(crate) fn quiet() -> Vec<Case> {
    vec![
        case(
            "a process is restarted and has another number",
            |w| {
                end(w, AGENT);
                run(w, Process { pid: 4000, ..AGENT });
            },
            &[],
        ),
        case("one of several workers ends", |w| end(w, WORKER), &[]),
        case(
            "a container was restarted",
            |w| other(w, "Up 1 hour (healthy)", "Up 2 seconds (healthy)"),
            &[],
        ),
        case(
            "a connection to a listener is open",
            |w| {
                let table = fs::read_to_string(w.path("root/proc/net/tcp")).unwrap();
                let row = table.lines().nth(1).unwrap().replace(" 0A ", " 01 ");
                w.host_file("proc/net/tcp", format!("{table}{row}\n"));
            },
            &[],
        ),
    ]
}
