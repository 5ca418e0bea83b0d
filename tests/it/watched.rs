//! A host with a controller: the built program, watching a world of a test's own.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::program::{Ran, World, command, confines, ran};

/// How long anything may take before a test gives up.
pub(crate) const PATIENCE: Duration = Duration::from_mins(2);

/// The content `abc`, and its SHA-256.
pub(crate) const FILE: &str = "[file.\"/srv/f\"]\nsha256 = \"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"\n";
pub(crate) const RUNS: &str = "[directory.\"/srv/runs\"]\nmode = \"0750\"\n";

/// A host with a controller.
pub(crate) struct Watched {
    pub(crate) world: World,
    pub(crate) child: Option<Child>,
}

impl Watched {
    pub(crate) fn new(resources: &str, sections: &str) -> Self {
        let world = World::wanting(resources);
        world.host_file("srv/f", "abc");
        world.host_folder("srv/runs", 0o750);
        Self::of(world, sections)
    }

    /// The same on a world that somebody else laid out.
    pub(crate) fn of(world: World, sections: &str) -> Self {
        world.host_file("etc/machine-id", "0123456789abcdef0123456789abcdef\n");
        fs::create_dir(world.path("data")).unwrap();
        let watched = Self { world, child: None };
        watched.configure(sections);
        watched.world.commit();
        watched
    }

    /// With an interval that no test lives to see, so that whatever is noticed was announced.
    pub(crate) fn silent(resources: &str) -> Self {
        Self::new(resources, "[watch]\ninterval = \"12h\"\n")
    }

    pub(crate) fn configure(&self, sections: &str) {
        // What is shown here does not rest on the confinement; what does is skipped where there is none.
        let confine = if confines() { "" } else { "[confine]\nrequire = false\n" };
        let config = format!(
            "host = \"a\"\nroot = \"root\"\ndata = \"data\"\n[source]\nurl = \"desired\"\n[observe]\nroots = [\"/srv\"]\n{confine}{sections}"
        );
        self.world.write("config.toml", config);
    }

    pub(crate) fn run(&self, words: &[&str]) -> Ran {
        let config = self.world.path("config.toml");
        ran(&command(&[&["--config", config.to_str().unwrap()], words].concat()).output().unwrap())
    }

    pub(crate) fn start(&mut self) {
        let config = self.world.path("config.toml");
        self.start_as(command(&["--config", config.to_str().unwrap(), "watch"]));
    }

    /// Starts it by a command of the test's own.
    pub(crate) fn start_as(&mut self, mut started: Command) {
        assert!(self.child.is_none());
        let log =
            fs::File::options().create(true).append(true).open(self.world.path("log")).unwrap();
        started.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        self.child = Some(started.spawn().unwrap());
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let id = self.child.as_ref().unwrap().id();
        kill_process(Pid::from_raw(id.cast_signed()).unwrap(), signal).unwrap();
    }

    /// Waits until it has ended; answers its code.
    pub(crate) fn ended(&mut self) -> Option<i32> {
        self.child.take().unwrap().wait().unwrap().code()
    }

    pub(crate) fn kill(&mut self) {
        self.signal(Signal::KILL);
        self.ended();
    }

    /// What the controller says, if one runs; otherwise what one wrote.
    pub(crate) fn status(&self) -> Option<Value> {
        serde_json::from_str(&self.run(&["status", "--output", "json"]).stdout).ok()
    }

    /// Waits for a status.
    #[track_caller]
    pub(crate) fn until(&self, what: &str, is: impl Fn(&Value) -> bool) -> Value {
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
    pub(crate) fn until_verdict(&self, verdict: &str) -> Value {
        self.until(verdict, |status| status["verdict"] == verdict)
    }

    /// Entries of the observer's ledger of a type.
    pub(crate) fn recorded(&self, type_name: &str) -> Vec<Value> {
        let text =
            fs::read_to_string(self.world.path("data/ledger/observer/00000000.jsonl")).unwrap();
        let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.filter(|line| line["type"] == type_name).collect()
    }

    pub(crate) fn verify(&self) {
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

/// The status of a condition, and its reason.
pub(crate) fn condition<'a>(status: &'a Value, kind: &str) -> (&'a str, &'a str) {
    let all = status["conditions"].as_array().unwrap();
    let one = all.iter().find(|one| one["type"] == kind).unwrap();
    (one["status"].as_str().unwrap(), one["reason"].as_str().unwrap())
}
