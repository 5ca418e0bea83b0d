//! An engine that is none: a server on a unix socket that speaks as Docker does, or as it should not.

use std::io::{Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use super::*;
use crate::config::Policy;
use crate::kinds::test_world::{self, Root, adopt, check};

const LIST: &str = r#"[
  {"Id":"a1","Names":["/postgres"],"Image":"postgres:16","ImageID":"sha256:0123456789abcdef","Command":"x --password hunter2",
   "Labels":{"token":"hunter2"},"State":"running","Status":"Up 3 weeks (healthy)",
   "Ports":[{"IP":"127.0.0.1","PrivatePort":5432,"PublicPort":5432,"Type":"tcp"},{"PrivatePort":9000,"Type":"tcp"}]},
  {"Id":"b2","Names":["/nginx"],"Image":"nginx","ImageID":"sha256:ff","State":"exited","Status":"Exited (1) 2 days ago","Ports":[]}
]"#;

/// What an engine does with a connection that has sent its request.
type Answer = Box<dyn Fn(&mut UnixStream) -> std::io::Result<()> + Send>;

/// A server that lives as long as this value.
struct Engine {
    path: PathBuf,
    /// What it was asked, one request each.
    asked: Arc<Mutex<Vec<String>>>,
    ends: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Engine {
    fn at(root: &Root, path: &str, answer: Answer) -> Self {
        let path = root.path(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        let listener = UnixListener::bind(&path).expect("a socket");
        let (asked, ends) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let thread = std::thread::spawn({
            let (asked, ends) = (Arc::clone(&asked), Arc::clone(&ends));
            move || {
                for stream in listener.incoming() {
                    if ends.load(Ordering::SeqCst) {
                        return;
                    }
                    let mut stream = stream.expect("a connection");
                    asked.lock().expect("a list").push(request(&mut stream));
                    // Whoever asked may have gone.
                    let _ = answer(&mut stream);
                }
            }
        });
        Self { path, asked, ends, thread: Some(thread) }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::SeqCst);
        let _ = UnixStream::connect(&self.path);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        let _ = std::fs::remove_file(&self.path);
    }
}

fn request(stream: &mut UnixStream) -> String {
    let mut bytes = Vec::new();
    let mut byte = [0];
    while !bytes.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|count| count == 1) {
        bytes.push(byte[0]);
    }
    String::from_utf8(bytes).expect("a request is text")
}

/// Answers with these very bytes, and hangs up.
fn raw(bytes: impl Into<Vec<u8>>) -> Answer {
    let bytes = bytes.into();
    Box::new(move |stream| stream.write_all(&bytes))
}

fn plain(status: &str, body: &str) -> Answer {
    raw(format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    ))
}

/// As Docker sends a long list: in pieces, with the connection kept open.
fn chunked(body: &'static str) -> Answer {
    Box::new(move |stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")?;
        for piece in body.as_bytes().chunks(100) {
            write!(stream, "{:x}\r\n", piece.len())?;
            stream.write_all(piece)?;
            stream.write_all(b"\r\n")?;
            stream.flush()?;
        }
        stream.write_all(b"0\r\n\r\n")?;
        // Kept open until the other side has what it wants.
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        stream.read(&mut [0]).map(|_| ())
    })
}

const DOCKER: &str = "run/docker.sock";

fn reason(root: &Root) -> String {
    let spec = test_world::prepare::<Container>("*", "only = []").0;
    match test_world::compare(root, "*", spec) {
        Err(unknown) => format!("{} {}", unknown.reason, unknown.detail),
        Ok(found) => format!("{found:?}"),
    }
}

#[test]
fn containers_are_compared() {
    let root = Root::new();
    let engine = Engine::at(&root, DOCKER, chunked(LIST));
    let cases: &[(&str, &str, &[&str])] = &[
        (
            "postgres",
            "state = 'running'\nhealth = 'healthy'\nimage = 'postgres:16'\nimage_id = 'sha256:0123456789ab'\nports = ['127.0.0.1:5432->5432/tcp']",
            &[],
        ),
        (
            "postgres",
            "image_id = 'sha256:0123456789ac'",
            &["image_id \"sha256:0123456789ac\" \"sha256:0123456789abcdef\""],
        ),
        (
            "postgres",
            "ports = ['0.0.0.0:5432->5432/tcp']",
            &["ports \"0.0.0.0:5432->5432/tcp\" null", "ports null \"127.0.0.1:5432->5432/tcp\""],
        ),
        (
            "nginx",
            "state = 'running'\nhealth = 'healthy'",
            &["state \"running\" \"exited\"", "health \"healthy\" \"none\""],
        ),
        ("nginx", "ports = []", &[]),
        ("nginx", "present = false", &["presence \"absent\" \"present\""]),
        ("cutter", "present = false", &[]),
        ("cutter", "", &["presence \"present\" \"absent\""]),
        ("*", "only = ['postgres', 'nginx']", &[]),
        (
            "*",
            "only = ['postgres', 'qdrant']",
            &["nginx null \"exited, nginx\"", "qdrant \"present\" null"],
        ),
        ("*cutter*", "only = []", &[]),
    ];
    for (name, toml, expected) in cases {
        check::<Container>(&root, name, toml, expected);
    }
    let lines = adopt::<Container>(&root, "*").expect("told");
    assert_eq!(
        lines,
        [
            "nginx state=\"exited\" image=\"nginx\" ports=[]",
            "postgres state=\"running\" image=\"postgres:16\" ports=[\"127.0.0.1:5432->5432/tcp\"]",
            "* only=[\"nginx\",\"postgres\"]",
        ]
    );
    for asked in engine.asked.lock().expect("a list").iter() {
        assert_eq!(
            asked.to_lowercase(),
            "get /containers/json?all=1 http/1.1\r\nhost: localhost\r\n\r\n"
        );
    }
}

#[test]
fn without_docker_podman_is_written_down() {
    let root = Root::new();
    let unknown = adopt::<Container>(&root, "*").expect_err("no engine");
    assert_eq!(unknown.reason, Reason::Unreachable);
    let _engine = Engine::at(&root, "run/podman/podman.sock", plain("200 OK", LIST));
    let lines = adopt::<Container>(&root, "nginx").expect("told");
    let socket = "socket=\"/run/podman/podman.sock\"";
    assert_eq!(lines, [format!("nginx {socket} state=\"exited\" image=\"nginx\" ports=[]")]);
}

#[test]
fn one_engine_is_asked_once_for_all() {
    let root = Root::new();
    let engine = Engine::at(&root, DOCKER, plain("200 OK", LIST));
    let spec = |name: &str| Named {
        name: name.to_owned(),
        spec: Arc::new(test_world::prepare::<Container>(name, "").0),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let wanted = [spec("postgres"), spec("nginx"), spec("x")];
    let answers =
        runtime.expect("a runtime").block_on(Container::observe_all(&root.world(), &wanted));
    assert_eq!(answers.len(), 3);
    assert_eq!(engine.asked.lock().expect("a list").len(), 1);
    let stored = serde_json::to_string(&answers).expect("stored");
    assert!(!stored.contains("hunter2"), "{stored}");
}

#[test]
fn no_socket_is_no_proof_of_no_containers() {
    let root = Root::new();
    check::<Container>(&root, "*", "only = []", &["blind unreachable"]);
    check::<Container>(&root, "x", "present = false", &["blind unreachable"]);
    check::<Container>(&root, "*", "only = []\nno_runtime = 'absent'", &[]);
    check::<Container>(&root, "x", "no_runtime = 'absent'", &["presence \"present\" \"absent\""]);
    // A socket that nobody listens on any more is a daemon that is down, whatever the table says.
    drop(UnixListener::bind({
        std::fs::create_dir_all(root.path("run")).expect("made");
        root.path(DOCKER)
    }));
    check::<Container>(&root, "*", "only = []\nno_runtime = 'absent'", &["blind unreachable"]);
}

#[test]
fn what_stands_at_the_path_has_to_be_an_allowed_socket() {
    let mut root = Root::new();
    root.file(DOCKER, b"[]");
    check::<Container>(&root, "*", "only = []", &["blind not_supported"]);
    root.dir("real", 0o755);
    let engine = Engine::at(&root, "real/d.sock", plain("200 OK", "[]"));
    root.link("run/link.sock", "../real/d.sock").link("way", "real");
    check::<Container>(&root, "*", "only = []\nsocket = '/real/d.sock'", &[]);
    check::<Container>(
        &root,
        "*",
        "only = []\nsocket = '/run/link.sock'",
        &["blind not_supported"],
    );
    check::<Container>(&root, "*", "only = []\nsocket = '/way/d.sock'", &["blind symlink_on_path"]);
    assert_eq!(engine.asked.lock().expect("a list").len(), 1);
    root.policy = Policy::new(&["/etc".into()], &[], &[]).expect("a policy");
    check::<Container>(&root, "*", "only = []\nsocket = '/real/d.sock'", &["blind not_allowed"]);
    assert_eq!(engine.asked.lock().expect("a list").len(), 1);
}

#[test]
fn an_engine_that_answers_otherwise_is_unknown() {
    let cases: [(Answer, &str); 11] = [
        (plain("500 Internal Server Error", "{\"message\":\"hunter2\"}"), "query_failed"),
        (plain("301 Moved", ""), "query_failed"),
        (plain("403 Forbidden", ""), "permission_denied"),
        (plain("200 OK", "{}"), "malformed"),
        (plain("200 OK", "[{\"Names\":[\"/hunter2\"]}]"), "malformed"),
        (plain("200 OK", ""), "malformed"),
        (raw("hunter2 hunter2\r\n\r\n"), "malformed"),
        (raw(""), "malformed"),
        (raw("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n[]"), "malformed"),
        (raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n[]"), "malformed"),
        (raw(format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n[]", "x".repeat(200_000))), "malformed"),
    ];
    for (at, (answer, expected)) in cases.into_iter().enumerate() {
        let root = Root::new();
        let _engine = Engine::at(&root, DOCKER, answer);
        let found = reason(&root);
        assert!(found.starts_with(expected) && !found.contains("hunter2"), "{at}: {found}");
    }
}

#[test]
fn a_list_without_an_end_is_not_read_to_its_end() {
    let root = Root::new();
    let _engine = Engine::at(
        &root,
        DOCKER,
        Box::new(|stream| {
            stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")?;
            let piece = vec![b' '; 65_536];
            loop {
                stream.write_all(b"10000\r\n")?;
                stream.write_all(&piece)?;
                stream.write_all(b"\r\n")?;
            }
        }),
    );
    let found = reason(&root);
    assert!(found.starts_with("too_large") && found.contains("16777216"), "{found}");
}

#[test]
fn an_engine_that_drips_does_not_hold_up_the_look() {
    let mut root = Root::new();
    root.deadline = Duration::from_millis(300);
    let _engine = Engine::at(
        &root,
        DOCKER,
        Box::new(|stream| {
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")?;
            loop {
                stream.write_all(b" ")?;
                std::thread::sleep(Duration::from_millis(20));
            }
        }),
    );
    let found = reason(&root);
    assert!(found.starts_with("deadline"), "{found}");
}

#[test]
fn digests_and_sockets_have_a_form() {
    let codes = |name: &str, toml: &str| {
        let problems = test_world::prepare::<Container>(name, toml).1;
        problems.iter().map(|p| p.code.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(codes("x", "image_id = 'sha256:0123'"), ["CS0004"]);
    assert_eq!(codes("x", "image_id = '0123456789abcdef'"), ["CS0004"]);
    assert_eq!(codes("x", "socket = 'docker.sock'"), ["CS0004"]);
    assert_eq!(codes("x", "present = false\nstate = 'running'"), ["CS0008"]);
    assert_eq!(codes("x*", "only = []\nstate = 'running'"), ["CS0008"]);
    assert_eq!(codes("x*", ""), ["CS0005"]);
}
