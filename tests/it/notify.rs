//! Notifications on the wire, metrics as they are scraped, wake-ups as they are posted: with real sockets and programs.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use countersign::config::{Listen, Sink, Via};
use countersign::controller::endpoint::{Answers, Listener};
use countersign::controller::metrics::{CONTENT_TYPE, Metrics};
use countersign::controller::notify::Notifier;
use countersign::controller::notify::courier::{Courier, Fate, Told};
use countersign::controller::notify::message::Message;
use countersign::controller::notify::spool::Spool;
use countersign::controller::signature::{Key, Signed};
use countersign::controller::webhook_in;
use countersign::model::{Clock, Severity, SystemClock};
use serde_json::{Value, json};

/// Long enough for any machine: no test waits for it to pass.
const PATIENCE: Duration = Duration::from_mins(1);
pub(crate) const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// What a server was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Heard {
    target: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Heard {
    fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map_or("", |(_, value)| value)
    }

    pub(crate) fn event(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// Reads one request, and answers it.
fn exchange(stream: TcpStream, status: &str) -> Option<Heard> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let target = line.split(' ').nth(1)?.to_owned();
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((key, value)) = line.trim_end().split_once(": ") else { break };
        headers.push((key.to_owned(), value.to_owned()));
    }
    let mut heard = Heard { target, headers, body: Vec::new() };
    let length = heard.header("content-length").parse().ok()?;
    heard.body = vec![0; length];
    reader.read_exact(&mut heard.body).ok()?;
    let mut stream = stream;
    write!(stream, "HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").ok()?;
    Some(heard)
}

/// A server that answers with these statuses in turn, and with the last of them for ever.
pub(crate) fn server(listener: TcpListener, statuses: &'static [&'static str]) -> Receiver<Heard> {
    let (sender, heard) = channel();
    std::thread::spawn(move || {
        for (at, stream) in listener.incoming().enumerate() {
            let status = statuses.get(at).or(statuses.last()).unwrap();
            if let Some(one) = exchange(stream.unwrap(), status)
                && sender.send(one).is_err()
            {
                return;
            }
        }
    });
    heard
}

/// What became of messages, in order.
#[derive(Clone, Default)]
struct Fates(Arc<Mutex<Vec<(String, Fate, String)>>>);

impl Fates {
    fn told(&self) -> Told {
        let all = Arc::clone(&self.0);
        Arc::new(move |sink, fate, why| {
            all.lock().unwrap().push((sink.to_owned(), fate, why.to_owned()));
        })
    }

    fn wait(&self, fate: Fate, count: usize) -> Vec<String> {
        let began = Instant::now();
        loop {
            let all = self.0.lock().unwrap().clone();
            let such: Vec<String> =
                all.iter().filter(|(_, f, _)| *f == fate).map(|(_, _, why)| why.clone()).collect();
            if such.len() >= count {
                return such;
            }
            assert!(began.elapsed() < PATIENCE, "{all:?}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

fn message(number: u32) -> Message {
    let now = SystemClock.now();
    let value = json!({
        "id": format!("{number:032}"), "host": "web-1", "class": "drift", "phase": "begun", "severity": "critical",
        "at": now, "since": now, "about": null, "reason": null, "resources": ["file./srv/app.conf"],
        "resources_total": 1, "contacts": ["ops"],
    });
    serde_json::from_value(value).unwrap()
}

fn put(folder: &Path, sink: &str, number: u32) -> Spool {
    let spool = Spool::open(&Notifier::spool_of(folder, sink)).unwrap();
    spool.put(&message(number)).unwrap();
    spool
}

pub(crate) fn secret_file(folder: &Path, text: &str) -> std::path::PathBuf {
    let path = folder.join("secret");
    fs::write(&path, format!("{text}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    path
}

fn webhook(folder: &Path, url: &str) -> Sink {
    let secret_file = Some(secret_file(folder, SECRET));
    let via = Via::Webhook { url: url.parse().unwrap(), secret_file, ca_file: None };
    Sink { via, least: Severity::Info }
}

fn start(folder: &Path, name: &str, sink: Sink, fates: &Fates) -> Courier {
    Courier::start(folder, name, sink, Arc::new(SystemClock), fates.told()).unwrap()
}

pub(crate) fn local() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    (listener, format!("http://{address}/hook?x=1"))
}

#[test]
fn a_webhook_gets_a_signed_event() {
    let folder = tempfile::tempdir().unwrap();
    let (listener, url) = local();
    let heard = server(listener, &["204 No Content"]);
    let spool = put(folder.path(), "a", 7);
    let fates = Fates::default();
    let courier = start(folder.path(), "a", webhook(folder.path(), &url), &fates);
    let one = heard.recv_timeout(PATIENCE).unwrap();
    fates.wait(Fate::Delivered, 1);
    Courier::stop(vec![courier], PATIENCE);
    assert!(spool.names().unwrap().is_empty());
    assert_eq!(one.target, "/hook?x=1");
    assert_eq!(one.header("content-type"), "application/cloudevents+json; charset=utf-8");
    let event = one.event();
    assert_eq!(event["specversion"], "1.0");
    assert_eq!(event["id"], one.header("webhook-id"));
    assert_eq!(event["data"]["resources"][0], "file./srv/app.conf");
    let signed = Signed {
        id: one.header("webhook-id"),
        timestamp: one.header("webhook-timestamp"),
        signatures: one.header("webhook-signature"),
    };
    let key = Key::parse(SECRET).unwrap();
    let now = SystemClock.now().unix_seconds();
    assert!(key.verifies(signed, &one.body, now), "{one:?}");
    assert!(!key.verifies(signed, b"{}", now));
}

#[test]
fn what_fails_is_tried_again_under_the_same_id_and_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let (listener, url) = local();
    let heard = server(listener, &["503 Service Unavailable", "302 Found", "200 OK"]);
    for number in [1, 2] {
        put(folder.path(), "a", number);
        std::thread::sleep(Duration::from_millis(1100));
    }
    let fates = Fates::default();
    let courier = start(folder.path(), "a", webhook(folder.path(), &url), &fates);
    fates.wait(Fate::Delivered, 2);
    Courier::stop(vec![courier], PATIENCE);
    let ids: Vec<Value> = heard.try_iter().map(|one| one.event()["id"].clone()).collect();
    let id = |number: u32| json!(format!("{number:032}"));
    assert_eq!(ids, [id(1), id(1), id(1), id(2)]);
    let why = fates.wait(Fate::Failed, 2);
    assert!(why[0].contains("answered 503") && why[1].contains("answered 302"), "{why:?}");
    assert!(why.iter().all(|why| !why.contains("hook")), "an address may be a secret: {why:?}");
}

#[test]
fn a_message_outlives_the_process_and_a_server_that_is_down() {
    let folder = tempfile::tempdir().unwrap();
    let (listener, url) = local();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let spool = put(folder.path(), "a", 3);
    let fates = Fates::default();
    let courier = start(folder.path(), "a", webhook(folder.path(), &url), &fates);
    fates.wait(Fate::Failed, 1);
    Courier::stop(vec![courier], PATIENCE);
    assert_eq!(spool.names().unwrap().len(), 1);
    // Another process, a server that is up again.
    let Ok(listener) = TcpListener::bind(address) else {
        return crate::program::skipped("a server that comes back", "somebody took its port");
    };
    let heard = server(listener, &["200 OK"]);
    let courier = start(folder.path(), "a", webhook(folder.path(), &url), &fates);
    assert_eq!(heard.recv_timeout(PATIENCE).unwrap().event()["id"], format!("{:032}", 3));
    fates.wait(Fate::Delivered, 1);
    Courier::stop(vec![courier], PATIENCE);
}

#[test]
fn what_will_never_be_taken_stands_in_nobodys_way() {
    let folder = tempfile::tempdir().unwrap();
    let (listener, url) = local();
    let heard = server(listener, &["400 Bad Request", "200 OK"]);
    put(folder.path(), "a", 1);
    let spool = put(folder.path(), "a", 2);
    // Nobody's file, in front of all others.
    fs::write(Notifier::spool_of(folder.path(), "a").join("000-x.json"), "{}").unwrap();
    let fates = Fates::default();
    let courier = start(folder.path(), "a", webhook(folder.path(), &url), &fates);
    fates.wait(Fate::Delivered, 1);
    let dropped = fates.wait(Fate::Dropped, 2);
    Courier::stop(vec![courier], PATIENCE);
    assert!(dropped[0].contains("no message") && dropped[1].contains("400"), "{dropped:?}");
    assert_eq!(heard.try_iter().count(), 2);
    assert!(spool.names().unwrap().is_empty());
}

#[test]
fn one_sink_that_hangs_delays_no_other() {
    let folder = tempfile::tempdir().unwrap();
    // It accepts, and never answers.
    let (_hangs, hanging) = local();
    let (listener, url) = local();
    let heard = server(listener, &["200 OK"]);
    let fates = Fates::default();
    let slow = start(folder.path(), "slow", webhook(folder.path(), &hanging), &fates);
    let quick = start(folder.path(), "quick", webhook(folder.path(), &url), &fates);
    for sink in ["slow", "quick"] {
        put(folder.path(), sink, 1);
    }
    slow.wake();
    quick.wake();
    heard.recv_timeout(PATIENCE).unwrap();
    fates.wait(Fate::Delivered, 1);
    let why = fates.wait(Fate::Failed, 1);
    assert!(why[0].contains("no whole answer within"), "{why:?}");
    Courier::stop(vec![quick], PATIENCE);
    Courier::stop(vec![slow], PATIENCE);
}

#[test]
fn a_secret_that_others_can_read_signs_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (listener, url) = local();
    let heard = server(listener, &["200 OK"]);
    put(folder.path(), "a", 1);
    let sink = webhook(folder.path(), &url);
    fs::set_permissions(folder.path().join("secret"), fs::Permissions::from_mode(0o644)).unwrap();
    let fates = Fates::default();
    let courier = start(folder.path(), "a", sink, &fates);
    let why = fates.wait(Fate::Failed, 1);
    Courier::stop(vec![courier], PATIENCE);
    assert!(why[0].contains("lets others at it") && !why[0].contains("whsec"), "{why:?}");
    assert_eq!(heard.try_iter().count(), 0, "it was not sent unsigned");
}

#[test]
fn chats_and_programs_get_it_in_their_form() {
    let folder = tempfile::tempdir().unwrap();
    let (listener, url) = local();
    let heard = server(listener, &["200 OK"]);
    let fates = Fates::default();
    put(folder.path(), "chat", 1);
    let chat = Sink {
        via: Via::Slack { url_file: secret_file(folder.path(), &url) },
        least: Severity::Info,
    };
    let chat = start(folder.path(), "chat", chat, &fates);
    let said = heard.recv_timeout(PATIENCE).unwrap().event();
    assert!(said["text"].as_str().unwrap().starts_with("[critical] web-1: "), "{said}");
    let into = folder.path().join("into");
    put(folder.path(), "mail", 2);
    let words = ["/bin/sh", "-c", &format!("cat > {}", into.display())].map(str::to_owned);
    let mail = Sink { via: Via::Command { words: words.to_vec() }, least: Severity::Info };
    let mail = start(folder.path(), "mail", mail, &fates);
    fates.wait(Fate::Delivered, 2);
    let event: Value = serde_json::from_slice(&fs::read(into).unwrap()).unwrap();
    assert_eq!(event["id"], format!("{:032}", 2));
    Courier::stop(vec![chat], PATIENCE);
    Courier::stop(vec![mail], PATIENCE);
}

/// A server with the certificate `db.crt`, which answers everything with 200; what it hears.
fn tls_server(listener: TcpListener, folder: &Path) -> Receiver<Heard> {
    use rustls::pki_types::pem::PemObject as _;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let chain = vec![CertificateDer::from_pem_file(folder.join("db.crt")).unwrap()];
    let key = PrivateKeyDer::from_pem_file(folder.join("db.key")).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let (config, (sender, heard)) = (Arc::new(config), channel());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let connection = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut tls = rustls::StreamOwned::new(connection, stream.unwrap());
            let mut bytes = Vec::new();
            let mut piece = [0; 4096];
            // A client that does not trust the certificate says nothing.
            while !bytes.ends_with(b"}") {
                match tls.read(&mut piece) {
                    Ok(count @ 1..) => bytes.extend(&piece[..count]),
                    _ => break,
                }
            }
            if bytes.is_empty() {
                continue;
            }
            tls.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
                .unwrap();
            tls.flush().unwrap();
            let target = String::from_utf8_lossy(&bytes).split(' ').nth(1).unwrap().to_owned();
            sender.send(Heard { target, headers: Vec::new(), body: bytes }).unwrap();
        }
    });
    heard
}

#[test]
fn https_verifies_chain_and_name() {
    let Some(folder) = crate::postgres_tls::certificates() else { return };
    let (listener, _) = local();
    let port = listener.local_addr().unwrap().port();
    let heard = tls_server(listener, folder.path());
    let to = |host: &str, ca: &str| Sink {
        via: Via::Webhook {
            url: format!("https://{host}:{port}/hook").parse().unwrap(),
            secret_file: None,
            ca_file: Some(folder.path().join(ca)),
        },
        least: Severity::Info,
    };
    for (name, host, ca, why) in [
        ("other", "127.0.0.1", "other.crt", "certificate"),
        ("named", "localhost", "ca.crt", "not valid for"),
        ("none", "127.0.0.1", "nothing.crt", "nothing.crt"),
    ] {
        put(folder.path(), name, 1);
        let fates = Fates::default();
        let courier = start(folder.path(), name, to(host, ca), &fates);
        let said = fates.wait(Fate::Failed, 1);
        Courier::stop(vec![courier], PATIENCE);
        assert!(said[0].contains(why), "{said:?}");
    }
    assert_eq!(heard.try_iter().count(), 0, "nothing was said to whom nobody trusts");
    put(folder.path(), "right", 2);
    let fates = Fates::default();
    let courier = start(folder.path(), "right", to("127.0.0.1", "ca.crt"), &fates);
    fates.wait(Fate::Delivered, 1);
    Courier::stop(vec![courier], PATIENCE);
    assert_eq!(heard.recv_timeout(PATIENCE).unwrap().target, "/hook");
}

/// One request over a stream, and the whole answer.
fn ask(port: u16, head: &str, body: &[u8]) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let length = body.len();
    let head = format!("{head}\r\nhost: x\r\ncontent-length: {length}\r\n\r\n");
    // A server that has heard enough need not take the rest: what it answers decides.
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

/// Serves on a thread of its own; answers the port.
fn serve(answers: Answers) -> u16 {
    let (sender, port) = channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listen: Listen = "127.0.0.1:0".parse().unwrap();
            let listener = Listener::bind(&listen).await.unwrap();
            sender.send(listener.port().unwrap()).unwrap();
            listener.serve(answers).await
        })
    });
    port.recv_timeout(PATIENCE).unwrap()
}

#[test]
fn metrics_and_health_are_served_and_nothing_else() {
    let metrics = Arc::new(Metrics::default());
    metrics.count("countersign_refusals", &["x"]);
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let port = serve(Answers::Metrics { metrics, current: Arc::new(|| None), clock });
    let said = ask(port, "GET /metrics HTTP/1.1", b"");
    assert!(said.starts_with("HTTP/1.1 200 ") && said.contains(CONTENT_TYPE), "{said}");
    assert!(
        said.contains("countersign_refusals_total{reason=\"x\"} 1") && said.ends_with("# EOF\n"),
        "{said}"
    );
    assert!(ask(port, "GET /healthz HTTP/1.1", b"").starts_with("HTTP/1.1 200 "));
    let ready = ask(port, "GET /readyz HTTP/1.1", b"");
    assert!(ready.starts_with("HTTP/1.1 503 ") && ready.contains("NotYet"), "{ready}");
    assert!(ask(port, "GET /../etc/passwd HTTP/1.1", b"").starts_with("HTTP/1.1 404 "));
    assert!(ask(port, "POST /metrics HTTP/1.1", b"x").starts_with("HTTP/1.1 405 "));
    let long = format!("GET /{} HTTP/1.1", "x".repeat(100_000));
    assert!(!ask(port, &long, b"").starts_with("HTTP/1.1 200"));
    assert!(
        ask(port, "GET /healthz HTTP/1.1", b"").starts_with("HTTP/1.1 200 "),
        "it is alive still"
    );
}

#[test]
fn a_wake_up_is_signed_small_and_rare() {
    let woken = Arc::new(AtomicUsize::new(0));
    let (count, key) = (Arc::clone(&woken), Key::parse(SECRET).unwrap());
    let wake: webhook_in::Wake = Arc::new(move || {
        count.fetch_add(1, Ordering::Relaxed);
    });
    let metrics = Arc::new(Metrics::default());
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let receiver =
        webhook_in::Receiver::new(key.clone(), wake, Arc::clone(&clock), Arc::clone(&metrics));
    let port = serve(Answers::Webhook(Arc::new(receiver)));
    let signed = |body: &[u8]| {
        let now = SystemClock.now().unix_seconds().to_string();
        let signature = key.sign("m", &now, body);
        format!(
            "POST / HTTP/1.1\r\nwebhook-id: m\r\nwebhook-timestamp: {now}\r\nwebhook-signature: {signature}"
        )
    };
    assert!(ask(port, &signed(b"{}"), b"{}").starts_with("HTTP/1.1 202 "));
    assert_eq!(woken.load(Ordering::Relaxed), 1);
    assert!(ask(port, &signed(b"{}"), b"{ }").starts_with("HTTP/1.1 401 "));
    assert!(ask(port, "POST / HTTP/1.1", b"{}").starts_with("HTTP/1.1 401 "));
    assert!(ask(port, "GET / HTTP/1.1", b"").starts_with("HTTP/1.1 405 "));
    let large = vec![b'x'; 60 << 20];
    let said = ask(port, "POST / HTTP/1.1", &large);
    assert!(said.is_empty() || said.starts_with("HTTP/1.1 413 "), "{said}");
    // Without a length, and for ever.
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    write!(stream, "POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n").unwrap();
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
    while stream.write_all(chunk.as_bytes()).is_ok() {}
    assert_eq!(woken.load(Ordering::Relaxed), 1);
    // A flood of what is signed wakes a few times, and is told so.
    let flood: Vec<String> = (0..100).map(|_| ask(port, &signed(b"{}"), b"{}")).collect();
    let limited = flood.iter().filter(|said| said.starts_with("HTTP/1.1 429 ")).count();
    assert!(limited > 50, "{limited} of 100");
    assert!(woken.load(Ordering::Relaxed) < 50);
    let text = metrics.text(None, SystemClock.now());
    assert!(text.contains("countersign_webhook_requests_total{result=\"limited\"}"), "{text}");
}

#[test]
fn a_socket_of_an_earlier_run_is_taken_over_and_anything_else_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let listen = Listen::Unix(path.clone());
        let first = Listener::bind(&listen).await.unwrap();
        let second = Listener::bind(&listen).await.unwrap_err();
        assert_eq!(second.kind(), std::io::ErrorKind::AddrInUse);
        drop(first);
        assert!(path.exists(), "it is left behind");
        drop(Listener::bind(&listen).await.unwrap());
        fs::remove_file(&path).unwrap();
        fs::write(&path, "kept").unwrap();
        assert!(Listener::bind(&listen).await.is_err());
        assert_eq!(fs::read(&path).unwrap(), b"kept");
    });
}
