//! A controller changes nothing but what is its own: it is traced from its start to its end, with everything that wakes it.

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::notify::{SECRET, local, secret_file, server};
use crate::program::{command, skipped};
use crate::traced::{calls, is_harmless, is_within, under_strace};
use crate::watched::{PATIENCE, Watched};

/// What is tried at the start, and has to fail.
const CANARY: &str = ".countersign-canary-";

#[test]
fn a_watch_of_every_kind_changes_nothing_outside_its_own_folders() {
    let mut watched = Watched::of(crate::readonly::world(), "");
    let (listener, url) = local();
    let port = listener.local_addr().unwrap().port();
    let heard = server(listener, &["200 OK"]);
    let secret = secret_file(&watched.world.path(""), SECRET);
    // A ledger is made beside its place, under a name of its own.
    let own = ["data/watch", "data/ledger", "reports"];
    let [state, ledger, reports] = own.map(|folder| watched.world.path(folder));
    fs::create_dir(&reports).unwrap();
    let socket = state.join("metrics.sock");
    watched.configure(&format!(
        "[watch]\ninterval = \"12h\"\n[metrics]\nlisten = \"unix:{}\"\n\
         [notify.sink.a]\nwebhook = \"{url}\"\nsecret_file = \"{}\"\n\
         [schedule.often]\nevery = \"1m\"\nformat = \"html\"\nfolder = \"reports\"\n",
        socket.display(),
        secret.display(),
    ));
    let (config, file) = (watched.world.path("config.toml"), watched.world.path("trace"));
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, text.replace("roots = [\"/srv\"]", "roots = [\"/\"]")).unwrap();
    let plain = command(&["--config", config.to_str().unwrap(), "watch"]);
    let mut tried = under_strace(command(&["version"]), &file);
    if !tried.output().is_ok_and(|output| output.status.success()) || calls(&file).is_none() {
        return skipped("no changing call under watch", "this machine forbids `strace`");
    }
    watched.start_as(under_strace(plain, &file));
    let complete = |generation: u64| {
        watched.until("a look at everything", |status| {
            status["observed_generation"] == generation
                && status["files"]["watched"].as_u64() > Some(0)
        })
    };
    let pid = complete(1)["pid"].as_i64().unwrap();
    let pid = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    // What wakes it, and what it says.
    watched.world.host_folder("var/lib/cutter", 0o777);
    heard.recv_timeout(PATIENCE).unwrap();
    watched.world.commit();
    complete(2);
    kill_process(pid, Signal::HUP).unwrap();
    kill_process(pid, Signal::USR1).unwrap();
    watched.run(&["reconcile", "--wait"]);
    watched.run(&["suspend", "--reason", "x", "--for", "1h"]).ends_with(0);
    watched.run(&["resume"]).ends_with(0);
    watched.run(&["status", "--wait"]);
    let mut stream = UnixStream::connect(&socket).unwrap();
    write!(stream, "GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    stream.read_to_string(&mut String::new()).unwrap();
    let give_up = Instant::now() + PATIENCE;
    while fs::read_dir(&reports).unwrap().count() == 0 {
        assert!(Instant::now() < give_up, "no report was written");
        std::thread::sleep(Duration::from_millis(50));
    }
    kill_process(pid, Signal::TERM).unwrap();
    assert_eq!(watched.ended(), Some(0));

    let lines = calls(&file).unwrap();
    let program = env!("CARGO_BIN_EXE_countersign");
    let own = [state, ledger, reports];
    let count = |what: &str| lines.iter().filter(|line| line.contains(what)).count();
    assert!(count("openat") > 200 && count("status.json") > 2, "the trace is not of a watch");
    assert!(count("/git\"") > 8, "`git` was not asked");
    let permitted = |line: &str| {
        let call = line.split('(').next().unwrap_or_default();
        // It listens where it may make a socket, and posts to the one sink that it was told of.
        let calls_out = call == "connect" && line.contains(&format!("htons({port})"));
        let canary = line.contains(CANARY) && line.contains(" = -1 E");
        call == "listen" || calls_out || canary || is_within(line, &own)
    };
    let found: Vec<&String> =
        lines.iter().filter(|line| !is_harmless(line, program) && !permitted(line)).collect();
    assert!(found.is_empty(), "{found:#?}");
    assert!(!watched.world.path("data/ledger/executor").exists(), "it is somebody else's");
    assert!(count(CANARY) >= 2 || !crate::program::confines(), "nothing was tried");
}
