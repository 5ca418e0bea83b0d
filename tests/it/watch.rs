//! `countersign watch` from the outside: real git, real signals, real files. No test asks how long something takes, but for
//! those who wait for what never comes.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::net::UnixStream;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::program::{Ran, World, command, confines, git, ran, resource};

/// How long anything may take before a test gives up.
const PATIENCE: Duration = Duration::from_mins(2);

/// The content `abc`, and its SHA-256.
const FILE: &str = "[file.\"/srv/f\"]\nsha256 = \"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"\n";
const RUNS: &str = "[directory.\"/srv/runs\"]\nmode = \"0750\"\n";

/// A host with a controller.
struct Watched {
    world: World,
    child: Option<Child>,
}

impl Watched {
    fn new(resources: &str, sections: &str) -> Self {
        let world = World::wanting(resources);
        world.host_file("etc/machine-id", "0123456789abcdef0123456789abcdef\n");
        world.host_file("srv/f", "abc");
        world.host_folder("srv/runs", 0o750);
        fs::create_dir(world.path("data")).unwrap();
        let watched = Self { world, child: None };
        watched.configure(sections);
        watched.world.commit();
        watched
    }

    /// With an interval that no test lives to see, so that whatever is noticed was announced.
    fn silent(resources: &str) -> Self {
        Self::new(resources, "[watch]\ninterval = \"12h\"\n")
    }

    fn configure(&self, sections: &str) {
        // What is shown here does not rest on the confinement; what does is skipped where there is none.
        let confine = if confines() { "" } else { "[confine]\nrequire = false\n" };
        let config = format!(
            "host = \"a\"\nroot = \"root\"\ndata = \"data\"\n[source]\nurl = \"desired\"\n[observe]\nroots = [\"/srv\"]\n{confine}{sections}"
        );
        self.world.write("config.toml", config);
    }

    fn run(&self, words: &[&str]) -> Ran {
        let config = self.world.path("config.toml");
        ran(&command(&[&["--config", config.to_str().unwrap()], words].concat()).output().unwrap())
    }

    fn start(&mut self) {
        assert!(self.child.is_none());
        let config = self.world.path("config.toml");
        let log =
            fs::File::options().create(true).append(true).open(self.world.path("log")).unwrap();
        let mut started = command(&["--config", config.to_str().unwrap(), "watch"]);
        started.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        self.child = Some(started.spawn().unwrap());
    }

    fn signal(&self, signal: Signal) {
        let id = self.child.as_ref().unwrap().id();
        kill_process(Pid::from_raw(id.cast_signed()).unwrap(), signal).unwrap();
    }

    /// Waits until it has ended; answers its code.
    fn ended(&mut self) -> Option<i32> {
        self.child.take().unwrap().wait().unwrap().code()
    }

    fn kill(&mut self) {
        self.signal(Signal::KILL);
        self.ended();
    }

    /// What the controller says, if one runs; otherwise what one wrote.
    fn status(&self) -> Option<Value> {
        serde_json::from_str(&self.run(&["status", "--output", "json"]).stdout).ok()
    }

    /// Waits for a status.
    #[track_caller]
    fn until(&self, what: &str, is: impl Fn(&Value) -> bool) -> Value {
        let give_up = Instant::now() + PATIENCE;
        loop {
            let status = self.status();
            match status {
                Some(status) if is(&status) => return status,
                other if Instant::now() > give_up => {
                    let log = fs::read_to_string(self.world.path("log")).unwrap_or_default();
                    panic!("never: {what}\n{other:#?}\n{log}");
                }
                _ => std::thread::sleep(Duration::from_millis(20)),
            }
        }
    }

    #[track_caller]
    fn until_verdict(&self, verdict: &str) -> Value {
        self.until(verdict, |status| status["verdict"] == verdict)
    }

    /// Entries of the observer's ledger of a type.
    fn recorded(&self, type_name: &str) -> Vec<Value> {
        let text =
            fs::read_to_string(self.world.path("data/ledger/observer/00000000.jsonl")).unwrap();
        let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.filter(|line| line["type"] == type_name).collect()
    }

    fn verify(&self) {
        let ledger = self.world.path("data/ledger/observer");
        self.run(&["ledger", "verify", "--ledger", ledger.to_str().unwrap()]).ends_with(0);
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().ok();
            child.wait().ok();
        }
    }
}

fn condition<'a>(status: &'a Value, kind: &str) -> (&'a str, &'a str) {
    let all = status["conditions"].as_array().unwrap();
    let one = all.iter().find(|one| one["type"] == kind).unwrap();
    (one["status"].as_str().unwrap(), one["reason"].as_str().unwrap())
}

#[test]
fn a_commit_and_a_changed_file_are_noticed_and_answered() {
    let mut watched = Watched::silent(&format!("{FILE}{RUNS}"));
    watched.start();
    let status = watched.until_verdict("in_sync");
    assert_eq!(condition(&status, "Ready"), ("True", "AllInSync"));
    assert_eq!((&status["generation"], &status["observed_generation"]), (&1.into(), &1.into()));
    watched.until("watches", |status| status["files"]["watched"].as_u64() > Some(0));
    watched.world.host_file("srv/f", "changed");
    let status = watched.until_verdict("drift");
    assert_eq!(resource(&status, "file./srv/f")["differences"][0]["field"], "content");
    watched.run(&["status"]).ends_with(2);
    // Renamed over, as editors and package managers do.
    watched.world.host_file("srv/f.new", "abc");
    fs::rename(watched.world.path("root/srv/f.new"), watched.world.path("root/srv/f")).unwrap();
    watched.until_verdict("in_sync");
    watched
        .world
        .desired("hosts/a/resources.toml", format!("{FILE}{RUNS}").replace("0750", "0700"));
    let commit = watched.world.commit();
    let status = watched.until("a draft", |status| status["draft"]["commit"] == commit.as_str());
    assert_eq!((&status["verdict"], &status["generation"]), (&"pending".into(), &2.into()));
    assert_eq!(status["draft"]["pending"], serde_json::json!(["directory./srv/runs"]));
    assert_eq!(condition(&status, "PlanPending"), ("True", "Drafted"));
    let draft = watched.world.path("data").join(status["draft"]["file"].as_str().unwrap());
    watched.run(&["show", draft.to_str().unwrap()]).ends_with(0);
    let history =
        watched.run(&["history", "file./srv/f", "--output", "json"]).ends_with(0).report();
    let changes = history["changes"].as_array().unwrap();
    let to: Vec<&str> = changes.iter().map(|change| change["to"].as_str().unwrap()).collect();
    assert_eq!(to, ["in_sync", "drift", "in_sync"]);
    assert_eq!(changes[2]["times"], "1");
    watched.signal(Signal::TERM);
    assert_eq!(watched.ended(), Some(0));
    assert!(!watched.world.path("data/watch/control.sock").exists());
    watched.verify();
}

#[test]
fn it_says_what_a_fresh_check_says() {
    let mut watched = Watched::silent(&format!("{FILE}{RUNS}[directory.\"/srv/none\"]\n"));
    watched.start();
    let status = watched.until_verdict("drift");
    let check = watched.run(&["check", "--output", "json"]).ends_with(2).report();
    assert_eq!(status["summary"], check["summary"]);
    for one in check["resources"].as_array().unwrap() {
        let name = one["resource"].as_str().unwrap();
        let known = resource(&status, name);
        for key in ["verdict", "severity", "route", "reason", "seen", "declared_in"] {
            assert_eq!(known[key], one[key], "{name}: {key}");
        }
    }
}

#[test]
fn while_it_is_suspended_it_looks_at_nothing_and_says_so_even_after_a_crash() {
    let mut watched = Watched::silent(FILE);
    watched.start();
    watched.until_verdict("in_sync");
    watched.run(&["suspend", "--reason", " ", "--for", "1h"]).ends_with(64);
    watched.run(&["suspend", "--reason", "disk swap", "--for", "60d"]).ends_with(64);
    watched.run(&["suspend", "--reason", "disk swap", "--for", "1h"]).ends_with(0);
    watched.world.host_file("srv/f", "changed");
    let refused = watched.run(&["reconcile", "--wait"]).ends_with(7);
    assert!(refused.stderr.contains("suspended until"), "{refused:?}");
    let status = watched.status().unwrap();
    assert_eq!(status["verdict"], "in_sync", "nobody has looked");
    assert_eq!(condition(&status, "Ready"), ("False", "ByOperator"));
    assert_eq!(condition(&status, "Suspended"), ("True", "ByOperator"));
    assert_eq!(status["suspended"]["reason"], "disk swap");
    // In sync as it may be, it cannot be relied on.
    watched.run(&["status"]).ends_with(4);
    watched.kill();
    fs::remove_dir_all(watched.world.path("data/watch")).unwrap();
    watched.start();
    let status = watched.until("suspended", |status| status["suspended"].is_object());
    assert_eq!(condition(&status, "Suspended"), ("True", "ByOperator"));
    assert_eq!(status["verdict"], "unknown", "nothing is known that nobody has looked at");
    watched.run(&["resume"]).ends_with(0);
    watched.until_verdict("drift");
    assert_eq!(watched.recorded("watch.suspended").len(), 1);
    assert_eq!(watched.recorded("watch.resumed").len(), 1);
}

#[test]
fn a_bad_commit_keeps_the_last_good_one_and_says_so() {
    let mut watched = Watched::silent(FILE);
    watched.start();
    let good = watched.until_verdict("in_sync")["source"]["commit"].clone();
    watched.world.desired("hosts/a/resources.toml", "[file.\"/srv/f\"]\nno_such_key = 1\n");
    let bad = watched.world.commit();
    let status = watched.until("refused", |status| status["source"]["error"].is_string());
    assert_eq!(status["source"]["commit"], good);
    assert_eq!(status["source"]["refused_commit"], bad.as_str());
    assert!(status["source"]["error"].as_str().unwrap().contains("no_such_key"), "{status}");
    assert_eq!(condition(&status, "SourceVerified"), ("False", "SourceInvalid"));
    assert_eq!(condition(&status, "Stalled"), ("True", "SourceInvalid"));
    // It still looks, by the last good one.
    watched.world.host_file("srv/f", "changed");
    watched.until_verdict("drift");
    for _ in 0..3 {
        watched.run(&["reconcile", "--wait"]).ends_with(2);
    }
    assert_eq!(watched.recorded("refused").len(), 1, "once for a commit, not once for a look");
    watched.world.desired("hosts/a/resources.toml", FILE);
    let mended = watched.world.commit();
    watched.until("mended", |status| status["source"]["commit"] == mended.as_str());
}

#[test]
fn a_branch_that_was_rewound_is_refused_even_without_the_state_folder() {
    let mut watched = Watched::silent(FILE);
    let first = watched.world.commit();
    let second = watched.world.commit();
    watched.start();
    watched.until_verdict("in_sync");
    git(&watched.world.path("desired"), &["reset", "--quiet", "--hard", &first]);
    let rewound =
        |status: &Value| condition(status, "SourceVerified") == ("False", "SourceRewound");
    let status = watched.until("rewound", rewound);
    assert_eq!(status["source"]["commit"], second.as_str());
    watched.kill();
    fs::remove_dir_all(watched.world.path("data/watch")).unwrap();
    watched.start();
    let status = watched.until("still rewound", rewound);
    assert_eq!(
        (&status["verdict"], &status["source"]["commit"]),
        (&"unknown".into(), &Value::Null)
    );
    // The host's owner may say that it was meant.
    watched.configure("[watch]\ninterval = \"12h\"\nforce_push = \"accept\"\n");
    watched.signal(Signal::HUP);
    watched.until("taken", |status| status["source"]["commit"] == first.as_str());
    watched.until_verdict("in_sync");
}

#[test]
fn a_commit_that_is_pushed_during_a_cycle_is_not_lost() {
    let mut watched = Watched::silent(FILE);
    watched.start();
    let mut last = String::new();
    for _ in 0..12 {
        watched.run(&["reconcile"]);
        last = watched.world.commit();
    }
    watched.until("the last commit", |status| {
        status["source"]["commit"] == last.as_str()
            && status["observed_generation"] == status["generation"]
            && status["verdict"] == "in_sync"
    });
}

#[test]
fn a_database_that_accepts_and_never_answers_delays_nothing_else() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let held = std::thread::spawn(move || {
        // Until the program has gone: the last connection of the test ends it.
        let mut streams = Vec::new();
        for stream in listener.incoming().flatten() {
            let mut first = [0; 4];
            stream.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
            if (&stream).read(&mut first).is_ok_and(|bytes| bytes == 4 && &first == b"quit") {
                return streams.len();
            }
            streams.push(stream);
        }
        streams.len()
    });
    let query = "[query.q]\ndatabase = \"d\"\nsql = \"SELECT 1\"\nvalue = 1\n";
    let database = format!(
        "[watch]\ninterval = \"12h\"\n[database.d]\nobserver = {{ url = \"postgres://o@127.0.0.1:{port}/d?sslmode=disable\" }}\n"
    );
    let mut watched = Watched::new(&format!("{FILE}{query}"), &database);
    let host = "[host]\nidentity = { hostname = \"testhost\" }\n[database.d]\nidentity = { name = \"d\" }\n";
    watched.world.desired("hosts/a/host.toml", host);
    watched.world.commit();
    watched.start();
    let target = |status: &Value, name: &str| {
        let all = status["targets"].as_array().unwrap().clone();
        all.into_iter().find(|one| one["target"] == name).unwrap_or_default()
    };
    let first = watched.until("the host", |s| target(s, "host")["observed_at"].is_string());
    assert!(
        target(&first, "database.d")["observed_at"].is_null(),
        "nobody has waited for it: {first}"
    );
    assert_eq!(resource(&first, "file./srv/f")["verdict"], "in_sync");
    let status = watched.until("both", |s| target(s, "database.d")["observed_at"].is_string());
    let sick = resource(&status, "query.q");
    assert_eq!((&sick["verdict"], &sick["target"]), (&"unknown".into(), &"database.d".into()));
    assert_ne!(target(&status, "database.d")["error"], Value::Null);
    // While it is tried again, the host answers.
    watched.world.host_file("srv/f", "changed");
    watched.until("drift", |s| resource(s, "file./srv/f")["verdict"] == "drift");
    drop(watched);
    let mut end = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
    end.write_all(b"quit").unwrap();
    assert!(held.join().unwrap() > 0, "it was asked");
}

#[test]
fn killed_at_any_moment_everything_opens_again() {
    let mut watched = Watched::new(FILE, "[watch]\ninterval = \"1s\"\n");
    for round in 0..25_u64 {
        watched.start();
        watched.world.host_file("srv/f", if round % 2 == 0 { "changed" } else { "abc" });
        if round % 5 == 0 {
            watched.world.commit();
        }
        // From the very beginning of a start to well within its first looks.
        std::thread::sleep(Duration::from_millis(round * 17 % 300));
        watched.kill();
        if let Ok(bytes) = fs::read(watched.world.path("data/watch/status.json")) {
            serde_json::from_slice::<Value>(&bytes).expect("whole, or the one before");
        }
        if watched.world.path("data/ledger/observer/checkpoint").exists() {
            watched.verify();
        }
    }
    watched.world.host_file("srv/f", "abc");
    watched.start();
    watched.until_verdict("in_sync");
    // Each change stands there once: none is told again after a start.
    let mut before = "(new)".to_owned();
    for entry in watched.recorded("verdicts.changed") {
        let change = &entry["body"]["changes"][0];
        assert_eq!(change["from"].as_str().unwrap_or("(new)"), before, "{entry}");
        before = change["to"].as_str().unwrap().to_owned();
    }
    assert_eq!(before, "in_sync");
}

#[test]
fn a_verdict_grows_old_by_itself() {
    let mut watched = Watched::new(FILE, "[watch]\ninterval = \"1s\"\nmax_age = \"3s\"\n");
    watched.start();
    watched.until_verdict("in_sync");
    watched.kill();
    let status = watched.until_verdict("unknown");
    assert_eq!(resource(&status, "file./srv/f")["reason"], "stale");
    assert_eq!(condition(&status, "InSync"), ("Unknown", "TooOld"));
    watched.run(&["status"]).ends_with(4);
    let written = fs::read(watched.world.path("data/watch/status.json")).unwrap();
    let written: Value = serde_json::from_slice(&written).unwrap();
    assert_eq!(written["verdict"], "in_sync", "nobody had to be alive for that");
}

#[test]
fn what_no_event_announces_is_found_by_the_scan_and_counted() {
    let wanted = "[user.app]\nshell = \"/bin/sh\"\n";
    let mut watched = Watched::new(wanted, "[watch]\ninterval = \"1s\"\n");
    watched.world.host_file("etc/passwd", "app:x:1:1::/:/bin/sh\n");
    watched.world.host_file("etc/group", "app:x:1:\n");
    watched.start();
    assert_eq!(watched.until_verdict("in_sync")["missed_by_events"], 0);
    // Once all places are listened to the host is looked at again, which may be what finds the first change.
    let mut changes = 0;
    let missed = loop {
        for (shell, verdict) in [("false", "drift"), ("sh", "in_sync")] {
            watched.world.host_file("etc/passwd", format!("app:x:1:1::/:/bin/{shell}\n"));
            watched.until_verdict(verdict);
            changes += 1;
        }
        let status = watched.until_verdict("in_sync");
        match status["missed_by_events"].as_u64() {
            Some(0) if changes < 6 => {}
            missed => break missed,
        }
    };
    assert!(missed > Some(0) && missed <= Some(changes), "{missed:?} of {changes}");
}

#[test]
fn what_the_kernel_does_not_watch_is_polled_and_said() {
    // A link on the way: the look refuses it, and so does the watch.
    let wanted = format!("{FILE}[file.\"/srv/link/f\"]\nmode = \"0644\"\nthrough_links = true\n");
    let mut watched = Watched::new(&wanted, "[watch]\ninterval = \"12h\"\npoll = \"1s\"\n");
    watched.world.host_file("srv/real/f", "abc");
    std::os::unix::fs::symlink("real", watched.world.path("root/srv/link")).unwrap();
    watched.start();
    let status = watched.until_verdict("in_sync");
    assert_eq!(status["files"]["overflows"], 0);
    watched.until("says so", |status| status["files"]["polling"].is_string());
    let file = watched.world.path("root/srv/real/f");
    fs::set_permissions(file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    watched.until_verdict("drift");
}

#[test]
fn a_second_controller_is_refused_and_a_configuration_that_broke_is_not_taken() {
    let mut watched = Watched::silent(FILE);
    watched.start();
    watched.until_verdict("in_sync");
    let second = watched.run(&["watch"]).ends_with(1);
    assert!(second.stderr.contains("another process writes"), "{second:?}");
    let sound = fs::read(watched.world.path("config.toml")).unwrap();
    watched.world.write("config.toml", "host = 1\n");
    watched.signal(Signal::HUP);
    let socket = watched.world.path("data/watch/control.sock");
    let ask = |line: &str| {
        let mut stream = UnixStream::connect(&socket).unwrap();
        stream.write_all(line.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        serde_json::from_str::<Value>(&answer).unwrap()
    };
    let give_up = Instant::now() + PATIENCE;
    loop {
        let answer = ask("{\"ask\":\"status\",\"wait\":false}\n");
        if condition(&answer["status"], "Stalled") == ("True", "ConfigInvalid") {
            break;
        }
        assert!(Instant::now() < give_up, "{answer}");
    }
    watched.world.write("config.toml", sound);
    // It was not shaken by any of that, and not by these either.
    for line in ["\n", "{}\n", "{\"ask\":\"apply\"}\n", &format!("{}\n", "x".repeat(1 << 14))] {
        assert_eq!(ask(line)["answer"], "refused");
    }
    watched.signal(Signal::HUP);
    watched.until("mended", |status| condition(status, "Ready") == ("True", "AllInSync"));
    watched.world.host_file("srv/f", "changed");
    watched.signal(Signal::USR1);
    watched.until_verdict("drift");
}

#[test]
fn a_remote_is_mirrored_before_and_fetched_after_it_has_confined_itself() {
    let mut watched = Watched::silent(RUNS);
    let config = fs::read_to_string(watched.world.path("config.toml")).unwrap();
    let url = format!("file://{}", watched.world.path("desired").display());
    let remote = config
        .replace("url = \"desired\"", &format!("url = \"{url}\""))
        .replace("[watch]\n", "[watch]\npoll = \"1s\"\n");
    watched.world.write("config.toml", remote);
    watched.start();
    watched.until_verdict("in_sync");
    watched.signal(Signal::TERM);
    assert_eq!(watched.ended(), Some(0));
    watched.start();
    watched.world.desired("hosts/a/more.toml", FILE);
    watched.world.commit();
    watched.until("two resources", |status| status["summary"]["in_sync"] == 2);
    watched.signal(Signal::TERM);
    assert_eq!(watched.ended(), Some(0));
}
