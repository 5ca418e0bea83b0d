//! Listeners of a made-up `/proc`, and real ones of the test's own.

use std::net::{TcpListener, UdpSocket};

use super::*;
use crate::kinds::test_world::{self, Made, Root, adopt, check};

const HEAD: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";

fn row(local: &str, state: &str, uid: u32, inode: u64) -> String {
    format!(
        "   0: {local} 00000000:0000 {state} 00000000:00000000 00:00000000 00000000  {uid}        0 {inode} 1 0 100\n"
    )
}

/// A word of a table, as this machine would print the address.
fn v4(ip: [u8; 4], port: u16) -> String {
    format!("{:08X}:{port:04X}", u32::from_ne_bytes(ip))
}

fn root() -> Root {
    let root = Root::new();
    root.file("etc/passwd", b"root:x:0:0::/:\npostgres:x:999:999::/:\n");
    let postgres = Made {
        pid: 300,
        name: "postgres",
        uid: 999,
        exe: Some("/usr/lib/postgresql/16/bin/postgres"),
        unit: "postgresql@16-main.service",
        sockets: &[11, 99, 41],
        ..Made::PLAIN
    };
    root.process(&Made { sockets: &[21], ..Made::PLAIN })
        .process(&postgres)
        .process(&Made { pid: 301, ..postgres })
        .process(&Made {
            pid: 400,
            name: "sshd",
            exe: Some("/usr/sbin/sshd"),
            unit: "ssh.service",
            sockets: &[21],
            ..Made::PLAIN
        })
        .process(&Made {
            pid: 812,
            name: "python3",
            exe: Some("/usr/bin/python3"),
            unit: "cutter-agent.service",
            sockets: &[31, 32],
            ..Made::PLAIN
        });
    let tcp = [
        HEAD.to_owned(),
        row(&v4([127, 0, 0, 1], 5432), "0A", 999, 11),
        row(&v4([127, 0, 0, 1], 5432), "01", 999, 12),
        row(&v4([0, 0, 0, 0], 8080), "0A", 0, 31),
        row(&v4([0, 0, 0, 0], 2049), "0A", 0, 71),
    ];
    let tcp6 = [HEAD.to_owned(), row(&format!("{}:0016", "0".repeat(32)), "0A", 0, 21)];
    let udp = [
        HEAD.to_owned(),
        row(&v4([127, 0, 0, 53], 53), "07", 0, 32),
        row(&v4([10, 0, 0, 1], 40000), "01", 0, 33),
    ];
    root.file("proc/net/tcp", tcp.concat().as_bytes());
    root.file("proc/net/tcp6", tcp6.concat().as_bytes());
    root.file("proc/net/udp", udp.concat().as_bytes());
    root.file(
        "proc/net/unix",
        b"Num       RefCount Protocol Flags    Type St Inode Path\n\
        0000000000000000: 00000002 00000000 00010000 0001 01 41 /run/postgresql/.s.PGSQL.5432\n",
    );
    root
}

#[test]
fn listeners_are_compared_by_address_holder_and_unit() {
    let root = root();
    let cases: &[(&str, &str, &[&str])] = &[
        (
            "tcp/127.0.0.1:5432",
            "process = 'postgres'\nuser = 'postgres'\nunit = 'postgresql@16-main.service'",
            &[],
        ),
        ("tcp/127.0.0.1:5432", "process = '/usr/lib/postgresql/16/bin/postgres'", &[]),
        (
            "tcp/127.0.0.1:5432",
            "process = '/usr/bin/postgres'",
            &["process \"/usr/bin/postgres\" \"/usr/lib/postgresql/16/bin/postgres\""],
        ),
        ("tcp/0.0.0.0:5432", "", &["presence \"present\" \"absent\""]),
        ("tcp/0.0.0.0:5432", "present = false", &[]),
        ("tcp/0.0.0.0:8080", "present = false", &["presence \"absent\" \"present\""]),
        (
            "tcp/0.0.0.0:8080",
            "process = 'nginx'\nunit = 'nginx.service'",
            &["process \"nginx\" \"python3\"", "unit \"nginx.service\" \"cutter-agent.service\""],
        ),
        // Process 1 opened it for the unit.
        ("tcp/[::]:22", "process = 'sshd'\nunit = 'ssh.service'", &[]),
        ("udp/127.0.0.53:53", "user = 'root'", &[]),
        ("udp/10.0.0.1:40000", "present = false", &[]),
        ("unix//run/postgresql/.s.PGSQL.5432", "process = 'postgres'", &[]),
        ("unix//run/none", "present = false", &[]),
        // The kernel's own: there, and held by nobody who could be named.
        ("tcp/0.0.0.0:2049", "", &[]),
        ("tcp/0.0.0.0:2049", "process = 'nfsd'", &["blind process undecidable"]),
    ];
    for (name, toml, expected) in cases {
        check::<Listener>(&root, name, toml, expected);
    }
}

#[test]
fn these_are_all_the_listeners() {
    let root = root();
    check::<Listener>(
        &root,
        "tcp/*",
        "only = ['tcp/127.0.0.1:5432', 'tcp/[::]:22', 'tcp/0.0.0.0:2049', 'tcp/0.0.0.0:443']",
        &[
            "tcp/0.0.0.0:8080 null \"pid 812 python3, cutter-agent.service\"",
            "tcp/0.0.0.0:443 \"present\" null",
        ],
    );
    check::<Listener>(&root, "*:53", "only = ['udp/127.0.0.53:53']", &[]);
    check::<Listener>(&root, "udp/*", "only = ['udp/127.0.0.53:53']", &[]);
    let lines = adopt::<Listener>(&root, "tcp/1*").expect("told");
    assert_eq!(lines, ["tcp/1* only=[\"tcp/127.0.0.1:5432\"]"]);
    let lines = adopt::<Listener>(&root, "tcp/0.0.0.0:8080").expect("told");
    assert_eq!(lines, ["tcp/0.0.0.0:8080 process=\"python3\" unit=\"cutter-agent.service\""]);
    assert_eq!(
        adopt::<Listener>(&root, "tcp/1.1.1.1:1").expect("told"),
        ["tcp/1.1.1.1:1 present=false"]
    );
    for bad in ["tcp/80", "nginx", "http*"] {
        let refused = adopt::<Listener>(&root, bad).map_err(|unknown| unknown.reason);
        assert_eq!(refused, Err(Reason::NotSupported), "{bad}");
    }
}

#[test]
fn without_a_kernel_nobody_can_say_that_nothing_listens() {
    check::<Listener>(&Root::new(), "tcp/*", "only = []", &["blind not_supported"]);
    check::<Listener>(&Root::new(), "tcp/0.0.0.0:80", "present = false", &["blind not_supported"]);
    let root = root();
    std::fs::remove_file(root.path("proc/net/udp")).expect("removed");
    check::<Listener>(&root, "udp/*", "only = []", &["blind not_supported"]);
    check::<Listener>(&root, "tcp/0.0.0.0:80", "present = false", &[]);
    // A pattern that means every family needs them all.
    check::<Listener>(&root, "*", "only = []", &["blind not_supported"]);
    root.file("proc/net/tcp", b"head\nnonsense\n");
    check::<Listener>(&root, "tcp/0.0.0.0:80", "present = false", &["blind malformed"]);
}

#[test]
fn a_holder_that_may_not_be_seen_is_told_only_where_it_is_asked() {
    if rustix::process::geteuid().is_root() {
        eprintln!(
            "SKIPPED for root, who may see every holder: run the tests as another user as well"
        );
        return;
    }
    let root = root();
    for pid in [300, 301] {
        root.mode(&format!("proc/{pid}/fd"), 0o000);
    }
    check::<Listener>(&root, "tcp/127.0.0.1:5432", "user = 'postgres'", &[]);
    check::<Listener>(
        &root,
        "tcp/127.0.0.1:5432",
        "process = 'postgres'",
        &["blind process permission_denied"],
    );
    let expected = ["tcp/127.0.0.1:5432 null \"of user postgres (owner not visible)\""];
    check::<Listener>(&root, "tcp/127.0.0.1:*", "only = []", &expected);
    for pid in [300, 301] {
        root.mode(&format!("proc/{pid}/fd"), 0o755);
    }
}

#[test]
fn names_have_one_form() {
    let codes = |name: &str, toml: &str| {
        let problems = test_world::prepare::<Listener>(name, toml).1;
        problems.iter().map(|p| p.code.to_string()).collect::<Vec<_>>()
    };
    for good in
        ["tcp/[::1]:5432", "tcp/[::ffff:127.0.0.1]:80", "udp/0.0.0.0:53", "unix/@x", "unix//a"]
    {
        assert!(codes(good, "").is_empty(), "{good}");
    }
    for bad in [
        "tcp/5432",
        "tcp/localhost:80",
        "tcp/[0::1]:80",
        "tcp/127.0.0.1:080",
        "tcp/::1:80",
        "sctp/1.1.1.1:1",
        "unix/x",
        "unix/",
        "",
    ] {
        assert_eq!(codes(bad, ""), ["CS0012"], "{bad}");
    }
    assert_eq!(codes("tcp/*", "only = ['tcp/x']"), ["CS0012"]);
    // Such a list would be in sync whatever listens.
    for bad in ["tpc/*", "http*", "127.0.0.1:*"] {
        assert_eq!(codes(bad, "only = []"), ["CS0012"], "{bad}");
    }
    for good in ["*", "t*", "*:22", "unix/@*"] {
        assert_eq!(codes(good, "only = []"), [""; 0], "{good}");
    }
    assert_eq!(codes("tcp/*", "only = []\nprocess = 'x'"), ["CS0008"]);
    assert_eq!(codes("tcp/1.1.1.1:1", "present = false\nunit = 'x'"), ["CS0008"]);
    assert_eq!(codes("unix//x", "user = 'x'"), ["CS0023"]);
}

#[test]
fn a_real_socket_of_this_process_is_found_with_its_holder() {
    let (tcp, udp) = (TcpListener::bind("127.0.0.1:0"), UdpSocket::bind("127.0.0.1:0"));
    let (tcp, udp) = (tcp.expect("a free port"), udp.expect("a free port"));
    let tcp6 = TcpListener::bind("[::1]:0").ok();
    let root = Root::live();
    let exe = std::env::current_exe().expect("a program");
    let exe = exe.to_str().expect("UTF-8");
    let mut names = vec![
        format!("tcp/{}", tcp.local_addr().expect("bound")),
        format!("udp/{}", udp.local_addr().expect("bound")),
    ];
    match &tcp6 {
        Some(tcp6) => names.push(format!("tcp/{}", tcp6.local_addr().expect("bound"))),
        None => eprintln!("SKIPPED for IPv6: this machine has none"),
    }
    for name in &names {
        check::<Listener>(&root, name, &format!("process = '{exe}'"), &[]);
    }
    let found = test_world::lines(&test_world::compare(
        &root,
        &format!("{}*", names[0]),
        test_world::prepare::<Listener>(&format!("{}*", names[0]), "only = []").0,
    ));
    assert!(found[0].contains(&format!("pid {}", std::process::id())), "{found:?}");
    drop(tcp);
    check::<Listener>(&root, &names[0], "present = false", &[]);
}
