//! A controller whose surroundings fail it: the kernel loses events, or watches no more; a draft cannot be made; a section of
//! the configuration is another.

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};

use rustix::process::Signal;
use serde_json::Value;

use crate::notify::{SECRET, local, secret_file, server};
use crate::program::{command, confines, resource, skipped};
use crate::watched::{FILE, PATIENCE, RUNS, Watched, condition};

/// More events than this nobody makes for a test.
const EVENTS_MAX: u64 = 1 << 20;

#[test]
fn events_that_the_kernel_dropped_are_followed_by_a_look_at_everything() {
    let limit = fs::read_to_string("/proc/sys/fs/inotify/max_queued_events").unwrap();
    let limit: u64 = limit.trim().parse().unwrap();
    if limit > EVENTS_MAX {
        return skipped("dropped events", "this kernel keeps more than a million");
    }
    let mut watched = Watched::silent(FILE);
    watched.start();
    watched.until("watches", |status| status["files"]["watched"].as_u64() > Some(0));
    watched.until_verdict("in_sync");
    let before = watched.run(&["reconcile", "--wait"]).ends_with(0);
    assert!(!before.stdout.is_empty());
    watched.signal(Signal::STOP);
    // Names that nobody asked about, each of them another event; what matters comes when there is no room any more.
    for n in 0..=limit {
        let name = watched.world.path(&format!("root/srv/noise-{}", n % 2));
        fs::File::create(&name).unwrap();
        fs::remove_file(&name).unwrap();
    }
    watched.world.host_file("srv/f", "changed");
    watched.signal(Signal::CONT);
    let status = watched.until_verdict("drift");
    assert!(status["files"]["overflows"].as_u64() > Some(0), "{status}");
    assert_eq!(status["missed_by_events"], 0);
}

#[test]
fn a_user_to_whom_the_kernel_gives_no_more_watches_is_polled_for_and_told() {
    // The limit of a namespace of its own: nobody else's is touched.
    let limited = "echo 0 > /proc/sys/user/max_inotify_watches && exec \"$@\"";
    let namespace = ["--user", "--map-root-user", "sh", "-c", limited, "sh"];
    let tried = Command::new("unshare").args(namespace).arg("true").stderr(Stdio::null()).status();
    if !tried.is_ok_and(|status| status.success()) {
        return skipped("a limit of watches", "this machine forbids a user namespace");
    }
    let mut watched = Watched::new(FILE, "[watch]\ninterval = \"12h\"\npoll = \"1s\"\n");
    let config = watched.world.path("config.toml");
    let plain = command(&["--config", config.to_str().unwrap(), "watch"]);
    let mut unshared = Command::new("unshare");
    unshared.args(namespace).arg(plain.get_program()).args(plain.get_args()).env_clear();
    unshared.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
    watched.start_as(unshared);
    let polling = |status: &Value| status["files"]["polling"].as_str().map(str::to_owned);
    let status = watched.until("polling", |status| polling(status).is_some());
    assert!(polling(&status).unwrap().contains("max_user_watches"), "{status}");
    watched.until_verdict("in_sync");
    watched.world.host_file("srv/f", "changed");
    watched.until_verdict("drift");
    // So is the branch, whose references nobody watches either.
    let commit = watched.world.commit();
    watched.until("the commit", |status| status["source"]["commit"] == commit.as_str());
}

#[test]
fn accounts_are_looked_at_when_their_files_change() {
    let mut watched = Watched::silent("[user.app]\nshell = \"/bin/sh\"\n");
    watched.world.host_file("etc/group", "app:x:1:\n");
    watched.world.host_file("etc/passwd", "app:x:1:1::/:/bin/sh\n");
    watched.start();
    watched.until("watches", |status| status["files"]["watched"].as_u64() > Some(0));
    watched.until_verdict("in_sync");
    for (shell, verdict) in [("false", "drift"), ("sh", "in_sync")] {
        // As `usermod` does it: beside, and renamed over.
        watched.world.host_file("etc/passwd+", format!("app:x:1:1::/:/bin/{shell}\n"));
        let at = |name: &str| watched.world.path(&format!("root/etc/{name}"));
        fs::rename(at("passwd+"), at("passwd")).unwrap();
        watched.until_verdict(verdict);
    }
}

#[test]
fn a_draft_that_cannot_be_kept_is_said_and_tried_again() {
    let mut watched = Watched::silent(&RUNS.replace("0750", "0700"));
    let place = watched.world.path("data/watch/draft.plan");
    fs::create_dir_all(place.join("in the way")).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o750);
    fs::set_permissions(place.parent().unwrap(), mode).unwrap();
    watched.start();
    let failed = |status: &Value| condition(status, "PlanPending") == ("Unknown", "DraftFailed");
    let status = watched.until("it failed", failed);
    assert_eq!((&status["verdict"], &status["draft"]), (&"drift".into(), &Value::Null));
    fs::remove_dir_all(&place).unwrap();
    // Nothing happens that would announce it.
    let status = watched.until("a draft", |status| status["draft"].is_object());
    assert_eq!(condition(&status, "PlanPending"), ("True", "Drafted"));
    assert!(place.is_file());
}

fn scraped(socket: &std::path::Path) -> Option<String> {
    let mut stream = UnixStream::connect(socket).ok()?;
    write!(stream, "GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n").ok()?;
    let mut said = String::new();
    stream.read_to_string(&mut said).ok()?;
    said.contains("# EOF").then_some(said)
}

#[test]
fn sections_are_followed_without_a_restart_or_named() {
    let mut watched = Watched::silent(FILE);
    let (listener, url) = local();
    let heard = server(listener, &["200 OK"]);
    let secret = secret_file(&watched.world.path(""), SECRET);
    let at = |name: &str| watched.world.path(&format!("data/watch/{name}.sock"));
    let (one, two) = (at("one"), at("two"));
    watched.start();
    let silent = "[watch]\ninterval = \"12h\"\n";
    let serving = |socket: &std::path::Path, more: &str| {
        watched.configure(&format!(
            "{silent}[metrics]\nlisten = \"unix:{}\"\n[notify.sink.a]\nwebhook = \"{url}\"\nsecret_file = \"{}\"\n{more}",
            socket.display(),
            secret.display(),
        ));
    };
    let status = watched.until_verdict("in_sync");
    let landlock = status["confinement"]["landlock"].as_u64().unwrap();
    assert!(!confines() || landlock > 0, "{status}");
    assert_eq!(scraped(&one), None);
    serving(&one, "");
    watched.signal(Signal::HUP);
    let until = |what: &str, is: &dyn Fn() -> bool| {
        let give_up = std::time::Instant::now() + PATIENCE;
        while !is() {
            assert!(std::time::Instant::now() < give_up, "never: {what}");
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    };
    until("metrics", &|| scraped(&one).is_some());
    let said = scraped(&one).unwrap();
    assert!(said.contains("countersign_ledger_entries_total{ledger=\"observer\"} "), "{said}");
    assert!(said.contains(&format!("countersign_confined {landlock}\n")), "{said}");
    watched.world.host_file("srv/f", "changed");
    let begun = heard.recv_timeout(PATIENCE).unwrap().event();
    assert_eq!(begun["type"], "countersign.drift.begun");
    // Another place, and a section that is fixed when the process starts.
    serving(&two, "[log]\nformat = \"json\"\n");
    watched.signal(Signal::HUP);
    until("the other place", &|| scraped(&two).is_some());
    assert_eq!(scraped(&one), None, "nobody asks for it any more");
    let note = "`[log]` of the configuration changed, and counts after a restart";
    let status = watched.until("a note", |s| s["notes"].to_string().contains(note));
    assert_ne!(condition(&status, "Stalled").1, "ConfigInvalid");
    // What cannot be followed changes nothing of what is served.
    let folder = watched.world.path("data/watch");
    let nagios = format!(
        "[schedule.daily]\nevery = \"24h\"\nformat = \"nagios\"\nfolder = \"{}\"\n",
        folder.display()
    );
    for (wrong, why) in [
        (nagios.as_str(), "nagios"),
        ("[webhook]\nlisten = \"127.0.0.1:0\"\nsecret_file = \"/nonexistent\"\n", "/nonexistent"),
    ] {
        serving(&two, wrong);
        watched.signal(Signal::HUP);
        let said = |status: &Value| {
            let all = status["conditions"].as_array().unwrap().clone();
            let stalled = all.into_iter().find(|one| one["type"] == "Stalled").unwrap();
            stalled["reason"] == "ConfigInvalid" && stalled["message"].to_string().contains(why)
        };
        // What it cannot read, `status` cannot read either; the file that the controller writes says it.
        until(why, &|| {
            let written = fs::read(watched.world.path("data/watch/status.json")).unwrap();
            said(&serde_json::from_slice(&written).unwrap())
        });
        assert!(scraped(&two).is_some());
    }
    serving(&two, "");
    watched.signal(Signal::HUP);
    let status = watched.until("mended", |s| condition(s, "Stalled").1 != "ConfigInvalid");
    assert_eq!(status["notes"], serde_json::json!([]), "the log is as it was");
    assert_eq!(resource(&status, "file./srv/f")["verdict"], "drift");
}
