//! What `countersign watch` says to the outside, as a whole: messages, metrics, a report by the clock, systemd; and that it keeps
//! itself within what it says.

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::notify::{SECRET, local, secret_file, server};
use crate::program::{World, command, confines};

const PATIENCE: Duration = Duration::from_mins(2);
const RUNS: &str = "[directory.\"/srv/runs\"]\nmode = \"0750\"\n";

struct Running(Child);

impl Running {
    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_raw(self.0.id().cast_signed()).unwrap(), signal).unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn world(sections: &str) -> World {
    let world = World::wanting(RUNS);
    world.host_file("etc/machine-id", "0123456789abcdef0123456789abcdef\n");
    world.host_folder("srv/runs", 0o750);
    fs::create_dir(world.path("data")).unwrap();
    fs::create_dir(world.path("reports")).unwrap();
    let config = "host = \"a\"\nroot = \"root\"\ndata = \"data\"\n[source]\nurl = \"desired\"\n[observe]\nroots = [\"/srv\"]\n";
    world.write("config.toml", format!("{config}{sections}"));
    world.commit();
    world
}

fn start(world: &World, notify: &Path) -> Running {
    let config = world.path("config.toml");
    let log = fs::File::create(world.path("log")).unwrap();
    let mut started = command(&["--config", config.to_str().unwrap(), "watch"]);
    started
        .env("NOTIFY_SOCKET", notify)
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log);
    Running(started.spawn().unwrap())
}

/// The next word to systemd that is no status.
fn told(listener: &UnixDatagram, world: &World) -> String {
    loop {
        let mut bytes = [0; 4096];
        let length = listener
            .recv(&mut bytes)
            .unwrap_or_else(|e| panic!("{e}: {}", fs::read_to_string(world.path("log")).unwrap()));
        let said = String::from_utf8(bytes[..length].to_vec()).unwrap();
        // Both come when they come; how often depends on how busy the machine is.
        if !said.starts_with("STATUS=") && said != "WATCHDOG=1" {
            return said;
        }
    }
}

fn scraped(socket: &Path, path: &str) -> String {
    let mut stream = UnixStream::connect(socket).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    let mut said = String::new();
    stream.read_to_string(&mut said).unwrap();
    said
}

fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "never: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn what_happens_is_told_served_and_written() {
    if !confines() {
        return;
    }
    let (listener, url) = local();
    let heard = server(listener, &["200 OK"]);
    let world = world("");
    let secret = secret_file(&world.path(""), SECRET);
    let socket = world.path("data/metrics.sock");
    let sections = format!(
        "[notify.sink.a]\nwebhook = \"{url}\"\nsecret_file = \"{}\"\n[metrics]\nlisten = \"unix:{}\"\n\
         [schedule.often]\nevery = \"1m\"\nformat = \"html\"\nfolder = \"reports\"\n[log]\nformat = \"json\"\n",
        secret.display(),
        socket.display(),
    );
    let config = fs::read_to_string(world.path("config.toml")).unwrap();
    world.write("config.toml", format!("{config}{sections}"));
    let systemd = UnixDatagram::bind(world.path("notify")).unwrap();
    systemd.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut running = start(&world, &world.path("notify"));
    assert_eq!(told(&systemd, &world), "READY=1");
    until("it is ready", || scraped(&socket, "/readyz").starts_with("HTTP/1.1 200").then_some(()));
    let metrics = scraped(&socket, "/metrics");
    assert!(
        metrics.contains("countersign_drift_resources{kind=\"directory\",verdict=\"in_sync\"} 1"),
        "{metrics}"
    );
    assert!(!metrics.contains("countersign_confined 0\n"), "{metrics}");
    // It drifts, and is set right. The draft of a plan that comes and goes with that is told as well, when it does.
    let is_draft = |event: &serde_json::Value| event["type"].as_str().unwrap().contains(".draft.");
    let next = || loop {
        let event = heard.recv_timeout(PATIENCE).unwrap().event();
        if !is_draft(&event) {
            return event;
        }
    };
    world.host_folder("srv/runs", 0o777);
    running.signal(Signal::USR1);
    let begun = next();
    assert_eq!(begun["type"], "countersign.drift.begun");
    assert_eq!(begun["data"]["resources"][0], "directory./srv/runs");
    world.host_folder("srv/runs", 0o750);
    running.signal(Signal::USR1);
    let ended = next();
    assert_eq!(ended["type"], "countersign.drift.ended");
    assert!(heard.try_iter().all(|one| is_draft(&one.event())));
    // Until it is whole, it has another name.
    let report = until("a report", || {
        let mut entries =
            fs::read_dir(world.path("reports")).unwrap().map(|one| one.unwrap().path());
        entries.find(|path| path.extension().is_some_and(|end| end == "html"))
    });
    let report = fs::read_to_string(report).unwrap();
    assert!(report.contains("directory./srv/runs") || report.contains("/srv/runs"), "{report}");
    running.signal(Signal::HUP);
    let said = told(&systemd, &world);
    assert!(said.starts_with("RELOADING=1\nMONOTONIC_USEC="), "{said}");
    assert_eq!(told(&systemd, &world), "READY=1");
    running.signal(Signal::TERM);
    assert_eq!(told(&systemd, &world), "STOPPING=1");
    assert_eq!(running.0.wait().unwrap().code(), Some(0));
    let log = fs::read_to_string(world.path("log")).unwrap();
    assert!(
        log.lines().any(|line| line.contains("\"msg\":\"a notification was delivered\"")),
        "{log}"
    );
    // Whoever reads the log alone sees that it began, and that it ended.
    let of_sync = |message: &str| {
        let message = format!("\"msg\":\"{message}\"");
        log.lines().any(|line| line.contains(&message) && line.contains("\"condition\":\"InSync\""))
    };
    assert!(of_sync("somebody should look") && of_sync("it is well again"), "{log}");
    assert!(!log.contains("hook?x=1"), "an address may be a secret: {log}");
}

#[test]
fn a_configuration_beyond_the_confinement_is_not_followed() {
    if !confines() {
        return;
    }
    let world = world("");
    let systemd = UnixDatagram::bind(world.path("notify")).unwrap();
    systemd.set_read_timeout(Some(PATIENCE)).unwrap();
    let running = start(&world, &world.path("notify"));
    assert_eq!(told(&systemd, &world), "READY=1");
    let config = fs::read_to_string(world.path("config.toml")).unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let other = elsewhere.path().join("a/root");
    fs::create_dir_all(&other).unwrap();
    world.write(
        "config.toml",
        config.replace("root = \"root\"", &format!("root = \"{}\"", other.display())),
    );
    running.signal(Signal::HUP);
    assert!(told(&systemd, &world).starts_with("RELOADING=1"));
    assert_eq!(told(&systemd, &world), "READY=1");
    let status = until("it says so", || {
        let status = fs::read_to_string(world.path("data/watch/status.json")).ok()?;
        status.contains("restart it").then_some(status)
    });
    assert!(status.contains("ConfigInvalid"), "{status}");
}
