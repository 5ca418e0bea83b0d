//! A controller for minutes among faults at random, from a seed that is printed; then everything is mended, and it has to know
//! what a fresh `check` says, have lost nothing, and have told each thing once.
//!
//! `COUNTERSIGN_SOAK_SECONDS` says for how long, `COUNTERSIGN_SOAK_SEED` by which seed. The clock is not stepped here: it is the
//! machine's own, which no test may set; `controller::steady` and `controller::status` are tested with clocks of their own.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::lab::Lab;
use crate::notify::{Heard, SECRET, local, secret_file, server};
use crate::program::{git, skipped};
use crate::watched::{FILE, PATIENCE, RUNS, Watched, condition};

/// For how long faults are made.
const SECONDS: u64 = 60;
/// The room of the state folder, in bytes, where it is a file system of its own.
const ROOM: &str = "24m";
/// By so many kibibytes the memory may be more at the end than it was at the beginning.
const GROWTH_KIBIBYTES: u64 = 48 << 10;
/// A tree with files that come and go.
const TREE: &str =
    "[tree.t]\nroot = \"/srv/tree\"\nmanifest = \"tree.sha256\"\nunlisted = \"drift\"\n";

/// Numbers that a seed decides.
struct Dice(u64);

impl Dice {
    /// Something below `most`.
    fn below(&mut self, most: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % most
    }
}

/// A server that can be killed and started again.
struct Database {
    lab: Lab,
    /// How the server was started, and as whom.
    words: Vec<String>,
    user: u32,
    group: u32,
    pid: u32,
    again: Option<Child>,
}

impl Database {
    fn new(lab: Lab) -> Self {
        let pid = lab.server.pid();
        let words = fs::read(format!("/proc/{pid}/cmdline")).unwrap();
        let words = words.split(|byte| *byte == 0).filter(|word| !word.is_empty());
        let words = words.map(|word| String::from_utf8(word.to_vec()).unwrap()).collect();
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let id = |name: &str| {
            let line = status.lines().find(|line| line.starts_with(name)).unwrap();
            line.split_whitespace().nth(1).unwrap().parse().unwrap()
        };
        Self { words, user: id("Uid:"), group: id("Gid:"), pid, lab, again: None }
    }

    fn is_up(&self) -> bool {
        let socket = self.lab.server.socket_folder().join(".s.PGSQL.5432");
        std::os::unix::net::UnixStream::connect(socket).is_ok()
    }

    /// As a crash does it.
    fn kill(&mut self) {
        if let Some(mut child) = self.again.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        } else if self.is_up() {
            kill_process(Pid::from_raw(self.pid.cast_signed()).unwrap(), Signal::KILL).unwrap();
        }
        // The first one stays a zombie of this process, which the next one would take for a server that runs.
        for file in ["data/postmaster.pid", "run/.s.PGSQL.5432.lock"] {
            fs::remove_file(self.lab.server.home().join(file)).ok();
        }
    }

    /// Starts it until it is up: what a killed one left may stand in the way for a moment.
    fn start(&mut self) {
        let give_up = Instant::now() + PATIENCE;
        while !self.is_up() {
            assert!(Instant::now() < give_up, "the server did not come back");
            let ended = self.again.as_mut().is_none_or(|child| child.try_wait().unwrap().is_some());
            if ended {
                let mut again = Command::new(&self.words[0]);
                again.args(&self.words[1..]).current_dir("/").stdin(Stdio::null());
                again.stdout(Stdio::null()).stderr(Stdio::null());
                if rustix::process::geteuid().is_root() {
                    again.uid(self.user).gid(self.group);
                }
                self.again = Some(again.spawn().unwrap());
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Some(mut child) = self.again.take() {
            child.kill().ok();
            child.wait().ok();
        }
    }
}

/// A state folder with room for little, for as long as this is there.
struct Mounted(PathBuf);

impl Mounted {
    fn new(folder: &Path) -> Option<Self> {
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={ROOM},mode=0750"), "tmpfs"]).arg(folder);
        let mounted = mount.stderr(Stdio::null()).status().is_ok_and(|status| status.success());
        mounted.then(|| Self(folder.to_owned()))
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg("--lazy").arg(&self.0).status();
        assert!(unmounted.is_ok_and(|status| status.success()) || std::thread::panicking());
    }
}

/// What is done to it, with its name.
type Deed = (&'static str, fn(&mut Soak));

/// The controller, and what is done to it. What ends first stands first.
struct Soak {
    watched: Watched,
    database: Option<Database>,
    full: Option<Mounted>,
    heard: Receiver<Heard>,
    dice: Dice,
    config: String,
    wake: u16,
    commits: u64,
    deeds: BTreeMap<&'static str, u64>,
}

impl Soak {
    fn new(seed: u64, lab: Option<Lab>) -> Self {
        let database = lab.map(Database::new);
        let mut watched = Watched::new("", "");
        let full = Mounted::new(&watched.world.path("data"));
        if full.is_none() {
            skipped("a full state folder", "this machine forbids to mount one");
        }
        let (listener, url) = local();
        let heard = server(listener, &["200 OK"]);
        let (free, _) = local();
        let wake = free.local_addr().unwrap().port();
        drop(free);
        let secret = secret_file(&watched.world.path(""), SECRET);
        let secret = secret.display();
        let mut sections = format!(
            "[watch]\ninterval = \"5s\"\npoll = \"1s\"\ndeadline = \"5s\"\n[notify.sink.a]\nwebhook = \"{url}\"\nsecret_file = \"{secret}\"\n\
             [webhook]\nlisten = \"127.0.0.1:{wake}\"\nsecret_file = \"{secret}\"\n"
        );
        let mut host = "[host]\nidentity = { hostname = \"testhost\" }\n".to_owned();
        let mut resources = format!("{FILE}{RUNS}{TREE}");
        if let Some(database) = &database {
            let lab = &database.lab;
            let url = lab.server.url(&lab.observer, &lab.database);
            writeln!(sections, "[database.d]\nobserver = {{ url = \"{url}\" }}").unwrap();
            writeln!(host, "[database.d]\nidentity = {{ name = \"{}\" }}", lab.database).unwrap();
            for n in 0..20 {
                let query = format!("database = \"d\"\nsql = \"SELECT {n}\"\nvalue = {n}");
                writeln!(resources, "[query.q{n}]\n{query}").unwrap();
            }
        }
        watched.configure(&sections);
        watched.world.desired("hosts/a/host.toml", host);
        watched.world.desired("hosts/a/resources.toml", resources);
        let of_a = "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb";
        watched.world.desired("hosts/a/tree.sha256", format!("{of_a}  a\n"));
        watched.world.host_file("srv/tree/a", "a");
        watched.world.commit();
        let config = fs::read_to_string(watched.world.path("config.toml")).unwrap();
        watched.start();
        // Before that nobody hears a signal.
        watched.until("it answers", |_| true);
        let (dice, deeds) = (Dice(seed | 1), BTreeMap::new());
        Self { watched, database, full, heard, dice, config, wake, commits: 0, deeds }
    }

    /// One fault, or the end of one.
    fn deed(&mut self) {
        let deeds: [Deed; 12] = [
            ("a file drifts, or is mended", Self::drift),
            ("thousands of files come and go", Self::churn),
            ("a commit", Self::commit),
            ("a commit that is not valid", Self::bad_commit),
            ("the repository is corrupted, and restored", Self::corrupt),
            ("the database is killed", Self::kill_database),
            ("the database is started", Self::start_database),
            ("the state folder is full", Self::fill),
            ("the state folder has room", Self::make_room),
            ("a flood of wake-ups", Self::flood),
            ("a body of 60 MB", Self::large_body),
            ("a reload", Self::reload),
        ];
        let (name, deed) = deeds[usize::try_from(self.dice.below(deeds.len() as u64)).unwrap()];
        *self.deeds.entry(name).or_default() += 1;
        deed(self);
        assert!(
            self.watched.child.as_mut().unwrap().try_wait().unwrap().is_none(),
            "{name}: it ended"
        );
        std::thread::sleep(Duration::from_millis(self.dice.below(1500)));
    }

    fn drift(&mut self) {
        let text = if self.dice.below(2) == 0 { "changed" } else { "abc" };
        self.watched.world.host_file("srv/f", text);
    }

    fn churn(&mut self) {
        let folder = format!("srv/tree/{}", self.dice.below(3));
        for n in 0..self.dice.below(3000) {
            self.watched.world.host_file(&format!("{folder}/{}/{n}", n % 7), "x");
        }
        fs::remove_dir_all(self.watched.world.path(&format!("root/{folder}"))).ok();
    }

    fn commit(&mut self) {
        self.commits += 1;
        self.watched.world.desired("hosts/a/note.toml", format!("# {}\n", self.commits));
        self.watched.world.commit();
    }

    fn bad_commit(&mut self) {
        self.watched.world.desired("hosts/a/note.toml", "no = [valid\n");
        self.watched.world.commit();
    }

    fn corrupt(&mut self) {
        let head = self.watched.world.path("desired/.git/HEAD");
        fs::write(&head, [0xff; 64]).unwrap();
        self.watched.signal(Signal::USR1);
        std::thread::sleep(Duration::from_millis(self.dice.below(2000)));
        fs::write(&head, "ref: refs/heads/main\n").unwrap();
        self.watched.signal(Signal::USR1);
    }

    fn kill_database(&mut self) {
        if let Some(database) = &mut self.database {
            database.kill();
        }
    }

    fn start_database(&mut self) {
        if let Some(database) = &mut self.database {
            database.start();
        }
    }

    fn fill(&mut self) {
        let Some(Mounted(folder)) = &self.full else { return };
        let mut filler = fs::File::create(folder.join("filler")).unwrap();
        while filler.write_all(&[0; 4096]).is_ok() {}
        // What happens now cannot be recorded.
        self.drift();
    }

    fn make_room(&mut self) {
        if let Some(Mounted(folder)) = &self.full {
            fs::remove_file(folder.join("filler")).ok();
        }
    }

    fn flood(&mut self) {
        for n in 0..self.dice.below(400) {
            let Ok(mut stream) = TcpStream::connect(("127.0.0.1", self.wake)) else { continue };
            let signed = if n % 2 == 0 { "x-hub-signature-256: sha256=00\r\n" } else { "" };
            let request =
                format!("POST / HTTP/1.1\r\nhost: x\r\n{signed}content-length: 2\r\n\r\n{{}}");
            // Whoever is turned away may be turned away early.
            stream.write_all(request.as_bytes()).ok();
        }
    }

    fn large_body(&mut self) {
        let Ok(mut stream) = TcpStream::connect(("127.0.0.1", self.wake)) else { return };
        let head = "POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n";
        if stream.write_all(head.as_bytes()).is_err() {
            return;
        }
        let mut chunk = b"100000\r\n".to_vec();
        chunk.extend(std::iter::repeat_n(b'x', 1 << 20));
        chunk.extend(b"\r\n");
        let sent = (0..60).take_while(|_| stream.write_all(&chunk).is_ok()).count();
        assert!(sent < 60, "nobody takes 60 MB");
        stream.read_to_end(&mut Vec::new()).ok();
    }

    fn reload(&mut self) {
        let broken = self.dice.below(3) == 0;
        let config = if broken { "host = 1\n" } else { self.config.as_str() };
        self.watched.world.write("config.toml", config);
        self.watched.signal(Signal::HUP);
        // It reads when it gets there; `status` reads the same file.
        std::thread::sleep(Duration::from_millis(300));
        self.watched.world.write("config.toml", &self.config);
        if broken {
            self.watched.signal(Signal::HUP);
        }
    }

    /// Everything is as it should be again.
    fn mend(&mut self) -> Value {
        self.make_room();
        self.start_database();
        self.watched.world.host_file("srv/f", "abc");
        self.commit();
        self.watched.signal(Signal::HUP);
        let tip = git(&self.watched.world.path("desired"), &["rev-parse", "HEAD"]);
        let tip = tip.trim().to_owned();
        self.watched.until("everything is mended", |status| {
            status["source"]["commit"] == tip.as_str()
                && status["observed_generation"] == status["generation"]
                && status["verdict"] == "in_sync"
                && condition(status, "Ready").0 == "True"
                && condition(status, "Reconciling").0 == "False"
        })
    }
}

/// Threads, descriptors and resident kibibytes of a process.
fn size(pid: u32) -> (usize, usize, u64) {
    let count = |what: &str| fs::read_dir(format!("/proc/{pid}/{what}")).unwrap().count();
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    (count("task"), count("fd"), line.split_whitespace().nth(1).unwrap().parse().unwrap())
}

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |text| text.parse().unwrap())
}

#[test]
fn among_faults_at_random_it_stays_what_it_is() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let lab = runtime.block_on(Lab::alone());
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let seed = number("COUNTERSIGN_SOAK_SEED", u64::from(now.subsec_nanos()));
    println!("COUNTERSIGN_SOAK_SEED={seed}");
    let mut soak = Soak::new(seed, lab);
    soak.mend();
    let pid = soak.watched.child.as_ref().unwrap().id();
    let before = size(pid);
    let end = Instant::now() + Duration::from_secs(number("COUNTERSIGN_SOAK_SECONDS", SECONDS));
    while Instant::now() < end {
        soak.deed();
    }
    let status = soak.mend();
    println!("{:?}", soak.deeds);
    let check = soak.watched.run(&["check", "--output", "json"]).ends_with(0).report();
    assert_eq!(status["summary"], check["summary"]);
    // What was begun has ended: threads that hash go when there is nothing to do.
    let give_up = Instant::now() + PATIENCE;
    let after = loop {
        let after = size(pid);
        if (after.0 <= before.0 + 2 && after.1 <= before.1 + 4) || Instant::now() > give_up {
            break after;
        }
        std::thread::sleep(Duration::from_millis(200));
    };
    println!("threads, descriptors, KiB: {before:?}, then {after:?}");
    assert!(after.0 <= before.0 + 2 && after.1 <= before.1 + 4, "{before:?} {after:?}");
    assert!(after.2 <= before.2 + GROWTH_KIBIBYTES, "{before:?} {after:?}");
    soak.watched.signal(Signal::TERM);
    assert_eq!(soak.watched.ended(), Some(0));
    soak.watched.verify();
    told_once(soak.heard.try_iter().map(|one| one.event()));
}

/// Nothing begins twice without an end in between; each message has one id.
fn told_once(events: impl Iterator<Item = Value>) {
    let (mut ids, mut lasting) = (BTreeSet::new(), BTreeSet::new());
    for event in events {
        let data = &event["data"];
        if !ids.insert(event["id"].to_string()) || data["class"] == "draft" {
            continue;
        }
        let names: Vec<String> = if data["class"] == "drift" {
            data["resources"].as_array().unwrap().iter().map(ToString::to_string).collect()
        } else {
            vec![format!("{} {}", data["class"], data["about"])]
        };
        for name in names {
            match data["phase"].as_str().unwrap() {
                "begun" | "flapping" => assert!(lasting.insert(name), "begun twice: {event}"),
                "ended" => assert!(lasting.remove(&name), "ended twice: {event}"),
                _ => {}
            }
        }
    }
    assert!(!ids.is_empty(), "nothing was told");
}
