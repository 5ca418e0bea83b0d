//! `countersign watch` from the outside: real git, real signals, real files. No test asks how long something takes, but for
//! those who wait for what never comes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;

use crate::notify::{SECRET, local, secret_file, server};
use crate::program::{git, resource};
use crate::watched::{FILE, PATIENCE, RUNS, Watched, condition};

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

/// How many times a controller is killed; `COUNTERSIGN_KILLS` says another number.
const KILLS: u64 = 25;

#[test]
fn killed_at_any_moment_everything_opens_again() {
    let kills = std::env::var("COUNTERSIGN_KILLS").map_or(KILLS, |kills| kills.parse().unwrap());
    let (listener, url) = local();
    let heard = server(listener, &["200 OK"]);
    // What lasts through all of it, beside what comes and goes.
    let wanted = format!("{FILE}[directory.\"/srv/none\"]\n");
    let mut watched = Watched::new(&wanted, "");
    let secret = secret_file(&watched.world.path(""), SECRET);
    watched.configure(&format!(
        "[watch]\ninterval = \"1s\"\n[notify.sink.a]\nwebhook = \"{url}\"\nsecret_file = \"{}\"\n",
        secret.display()
    ));
    for round in 0..kills {
        watched.start();
        watched.world.host_file("srv/f", if round % 2 == 0 { "changed" } else { "abc" });
        if round % 5 == 0 {
            watched.world.commit();
        }
        // From the very beginning of a start to well within its first looks, and now and then beyond.
        let longest = if round % 3 == 0 { 1500 } else { 300 };
        std::thread::sleep(Duration::from_millis(round * 137 % longest));
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
    let pid = watched.child.as_ref().unwrap().id();
    watched.until("the end", |status| {
        // What an earlier one wrote is read until this one hears signals.
        let own = status["pid"] == pid;
        own && status["summary"]["in_sync"] == 1 && status["summary"]["drift"] == 1
    });
    watched.signal(Signal::TERM);
    assert_eq!(watched.ended(), Some(0));
    assert_eq!(half_written(&watched.world.path("data/watch")), Vec::<PathBuf>::new());
    // Each change stands there once: none is told again after a start.
    let mut before = BTreeMap::new();
    for entry in watched.recorded("verdicts.changed") {
        for change in entry["body"]["changes"].as_array().unwrap() {
            let name = change["resource"].as_str().unwrap().to_owned();
            let known = before.insert(name, change["to"].clone()).unwrap_or_default();
            assert_eq!(change["from"], known, "{entry}");
        }
    }
    assert_eq!(before["file./srv/f"], "in_sync");
    assert_eq!(before["directory./srv/none"], "drift");
    told_once(heard.try_iter().map(|one| one.event()));
}

/// What somebody who was killed left half written.
fn half_written(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(half_written(&path));
        } else if path.file_name().unwrap().to_str().unwrap().starts_with(".new-") {
            found.push(path);
        }
    }
    found
}

/// A message that came twice has its id twice; no cause begins twice without an end in between.
fn told_once(events: impl Iterator<Item = Value>) {
    let mut messages: BTreeMap<String, Value> = BTreeMap::new();
    let (mut begun, mut lasting) = (BTreeSet::new(), 0);
    let events: Vec<Value> = events.collect();
    let line = |e: &Value| {
        format!(
            "{} {} {} since {} {}",
            e["id"], e["time"], e["data"]["phase"], e["data"]["since"], e["data"]["resources"]
        )
    };
    let all = events.iter().map(line).collect::<Vec<_>>().join("\n");
    for event in events {
        let id = event["id"].as_str().unwrap().to_owned();
        if let Some(known) = messages.insert(id, event.clone()) {
            assert_eq!(known, event, "one id, one message");
            continue;
        }
        let data = &event["data"];
        if data["class"] != "drift" {
            continue;
        }
        for name in data["resources"].as_array().unwrap() {
            let name = name.as_str().unwrap().to_owned();
            match data["phase"].as_str().unwrap() {
                "begun" | "flapping" => {
                    lasting += u64::from(name == "directory./srv/none");
                    assert!(begun.insert(name), "{event}, of\n{all}");
                }
                "ended" => assert!(begun.remove(&name), "{event}, of\n{all}"),
                other => panic!("{other}: {event}"),
            }
        }
    }
    assert_eq!(lasting, 1, "what lasts is told once, however often nobody was there");
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
    let wanted = "[sysctl.\"vm.swappiness\"]\nvalue = \"60\"\n";
    let mut watched = Watched::new(wanted, "[watch]\ninterval = \"1s\"\n");
    watched.world.host_file("proc/version", "Linux\n");
    watched.world.host_file("proc/sys/vm/swappiness", "60\n");
    let mut changes = 0;
    watched.start();
    assert_eq!(watched.until_verdict("in_sync")["missed_by_events"], 0);
    // Once all places are listened to the host is looked at again, which may be what finds the first change.
    let missed = loop {
        for (value, verdict) in [("10", "drift"), ("60", "in_sync")] {
            watched.world.host_file("proc/sys/vm/swappiness", format!("{value}\n"));
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
