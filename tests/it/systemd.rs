//! Units under a root that is not running, against what `systemctl --root` says of the same files.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use countersign::config::Policy;
use countersign::model::{Clock as _, SystemClock};
use countersign::probe::World;
use countersign::probe::host::Host;
use countersign::probe::systemd::{self, Answered, Asked, Source};

/// A file system as a list: `PATH -> TARGET` is a link, `PATH: LINE; LINE` a file, `PATH/` a folder.
const UNITS: &str = "
usr/lib/systemd/system/static.service: [Service];ExecStart=/bin/true
usr/lib/systemd/system/disabled.service: [Install];WantedBy=multi-user.target
usr/lib/systemd/system/enabled.service: [Install];WantedBy=multi-user.target
etc/systemd/system/multi-user.target.wants/enabled.service -> /usr/lib/systemd/system/enabled.service
usr/lib/systemd/system/enabled-runtime.service: [Install];WantedBy=multi-user.target
run/systemd/system/multi-user.target.wants/enabled-runtime.service -> /usr/lib/systemd/system/enabled-runtime.service
usr/lib/systemd/system/required.service: [Install];RequiredBy=multi-user.target
etc/systemd/system/multi-user.target.requires/required.service -> /usr/lib/systemd/system/required.service
usr/lib/systemd/system/vendor-wanted.service: [Install];WantedBy=multi-user.target
usr/lib/systemd/system/multi-user.target.wants/vendor-wanted.service -> ../vendor-wanted.service
opt/linked.service: [Service];ExecStart=/bin/true
etc/systemd/system/linked.service -> /opt/linked.service
opt/linked-runtime.service: [Install];WantedBy=multi-user.target
run/systemd/system/linked-runtime.service -> /opt/linked-runtime.service
opt/linked-enabled.service: [Install];WantedBy=multi-user.target
etc/systemd/system/linked-enabled.service -> /opt/linked-enabled.service
etc/systemd/system/multi-user.target.wants/linked-enabled.service -> /opt/linked-enabled.service
opt/other-name.service: [Service];ExecStart=/bin/true
etc/systemd/system/linked-otherwise.service -> /opt/other-name.service
usr/lib/systemd/system/masked.service: [Install];WantedBy=multi-user.target
etc/systemd/system/masked.service -> /dev/null
usr/lib/systemd/system/masked-empty.service: [Install];WantedBy=multi-user.target
etc/systemd/system/masked-empty.service:
usr/lib/systemd/system/masked-runtime.service: [Install];WantedBy=multi-user.target
run/systemd/system/masked-runtime.service -> /dev/null
usr/lib/systemd/system/masked-by-vendor.service -> /dev/null
etc/systemd/system/masked-alone.service -> /dev/null
etc/systemd/system/masked-relative.service -> ../../../dev/null
usr/lib/systemd/system/masked-enabled.service: [Install];WantedBy=multi-user.target
etc/systemd/system/masked-enabled.service -> /dev/null
etc/systemd/system/multi-user.target.wants/masked-enabled.service -> /usr/lib/systemd/system/masked-enabled.service
usr/lib/systemd/system/real.service: [Install];Alias=nick.service;WantedBy=multi-user.target
etc/systemd/system/nick.service -> /usr/lib/systemd/system/real.service
etc/systemd/system/nick2.service -> nick.service
usr/lib/systemd/system/vendor-alias.service -> static.service
usr/lib/systemd/system/renamed.service: [Install];WantedBy=multi-user.target
etc/systemd/system/another-name.service -> /usr/lib/systemd/system/renamed.service
usr/lib/systemd/system/also.service: [Install];Also=enabled.service
usr/lib/systemd/system/also-enabled.service: [Install];Also=static.service;WantedBy=multi-user.target
usr/lib/systemd/system/tmpl@.service: [Install];WantedBy=multi-user.target
usr/lib/systemd/system/inst@.service: [Install];WantedBy=multi-user.target
etc/systemd/system/multi-user.target.wants/inst@a.service -> /usr/lib/systemd/system/inst@.service
usr/lib/systemd/system/default@.service: [Install];WantedBy=multi-user.target;DefaultInstance=tty1
etc/systemd/system/multi-user.target.wants/default@tty1.service -> /usr/lib/systemd/system/default@.service
usr/lib/systemd/system/other-default@.service: [Install];WantedBy=multi-user.target;DefaultInstance=tty1
etc/systemd/system/multi-user.target.wants/other-default@tty2.service -> /usr/lib/systemd/system/other-default@.service
usr/lib/systemd/system/vendor-inst@.service: [Service];ExecStart=/bin/true
usr/lib/systemd/system/multi-user.target.wants/vendor-inst@x.service -> ../vendor-inst@.service
usr/lib/systemd/system/own-inst@.service: [Service];ExecStart=/bin/true
etc/systemd/system/own-inst@x.service: [Install];WantedBy=multi-user.target
usr/lib/systemd/system/link-inst@.service: [Service];ExecStart=/bin/true
etc/systemd/system/link-inst@x.service -> /usr/lib/systemd/system/link-inst@.service
usr/lib/systemd/system/static-tmpl@.service: [Service];ExecStart=/bin/true
etc/systemd/system/masked-inst@x.service -> /dev/null
usr/lib/systemd/system/masked-inst@.service: [Install];WantedBy=multi-user.target
usr/lib/systemd/system/overridden.service: [Install];WantedBy=multi-user.target
etc/systemd/system/overridden.service: [Service];ExecStart=/bin/true
usr/lib/systemd/system/run-overridden.service: [Install];WantedBy=multi-user.target
run/systemd/system/run-overridden.service: [Service];ExecStart=/bin/true
usr/local/lib/systemd/system/local.service: [Install];WantedBy=multi-user.target
etc/systemd/system/broken.service -> /opt/none.service
etc/systemd/system/broken-alias.service -> /usr/lib/systemd/system/none.service
etc/systemd/system/multi-user.target.wants/gone.service -> /usr/lib/systemd/system/gone.service
etc/systemd/system/loop-a.service -> loop-b.service
etc/systemd/system/loop-b.service -> loop-a.service
etc/systemd/system/wrong-type.service -> /usr/lib/systemd/system/a.timer
usr/lib/systemd/system/a.timer: [Timer];OnBootSec=1;[Install];WantedBy=timers.target
etc/systemd/system/timers.target.wants/a.timer -> /usr/lib/systemd/system/a.timer
etc/systemd/system/plain-to-template.service -> /usr/lib/systemd/system/tmpl@.service
run/systemd/generator/generated.service: [Service];ExecStart=/bin/true
run/systemd/generator.late/generated-late.service: [Install];WantedBy=multi-user.target
run/systemd/transient/transient.service: [Service];ExecStart=/bin/true
usr/lib/systemd/system/continued.service: [Install];WantedBy=\\;  multi-user.target
usr/lib/systemd/system/taken-back.service: [Install];WantedBy=multi-user.target;WantedBy=
usr/lib/systemd/system/inst-dropin@.service: [Service];ExecStart=/bin/true
etc/systemd/system/inst-dropin@.service.d/a.conf: [Install];WantedBy=multi-user.target
usr/lib/systemd/system/type-dropin.target: [Unit];Description=x
etc/systemd/system/target.d/a.conf: [Install];WantedBy=multi-user.target
usr/lib/systemd/system/pre-fix.socket: [Socket];ListenStream=1
etc/systemd/system/pre-.socket.d/a.conf: [Install];WantedBy=sockets.target
usr/lib/systemd/system/install-in-dropin.service: [Service];ExecStart=/bin/true
etc/systemd/system/install-in-dropin.service.d/a.conf: [Install];WantedBy=multi-user.target
etc/systemd/system/percent@.service: [Install];Alias=nick-%i.service
etc/systemd/system/nick-x.service -> percent@x.service
etc/systemd/system/folder.service/
usr/lib/systemd/system/esc\\x2dape.service: [Install];WantedBy=multi-user.target
etc/systemd/system/foreign-in-wants.target.wants/static.service -> /usr/lib/systemd/system/static.service
usr/lib/systemd/system/multi-user.target: [Unit];Description=x
etc/systemd/system/default.target -> /usr/lib/systemd/system/multi-user.target
";

/// Names that have no file of their own.
const OTHERS: &[&str] = &[
    "tmpl@x.service",
    "inst@a.service",
    "inst@b.service",
    "default@tty1.service",
    "other-default@tty2.service",
    "vendor-inst@x.service",
    "static-tmpl@y.service",
    "masked-inst@y.service",
    "percent@x.service",
    "none.service",
    "inst-dropin@x.service",
];

fn lay_out(root: &Path, list: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for line in list.lines().filter(|line| !line.is_empty()) {
        let (path, what) = match line.split_once(" -> ") {
            Some((path, target)) => (path, Some(target)),
            None => (line.split(':').next().unwrap(), None),
        };
        let file = root.join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        if path.ends_with('/') {
            fs::create_dir_all(&file).unwrap();
        } else if let Some(target) = what {
            symlink(target, &file).unwrap();
        } else {
            let text = line[path.len() + 1..].trim().replace(';', "\n");
            let text = if text.is_empty() { text } else { text + "\n" };
            fs::write(&file, text).unwrap();
        }
        let name = path.rsplit('/').next().unwrap();
        if !path.contains(".wants/") && !path.contains(".d/") && !path.starts_with("opt") {
            names.extend((!name.is_empty()).then(|| name.to_owned()));
        }
    }
    names
}

fn world(root: &Path) -> World {
    World {
        smoke: countersign::config::SmokePolicy::nothing(),
        host: Arc::new(Host::open(root, Policy::everything()).unwrap()),
        databases: BTreeMap::new(),
        caches: None,
        progress: Arc::default(),
        now: SystemClock.now(),
        deadline: Duration::from_mins(5),
        threads: countersign::probe::Threads::Exactly(1),
    }
}

fn look(root: &Path, names: Vec<String>, patterns: &[&str], files_only: bool) -> Answered {
    let matches = |pattern: &str, text: &str| match pattern.strip_suffix('*') {
        Some(start) => text.starts_with(start),
        None => pattern == text,
    };
    let patterns = patterns.iter().map(ToString::to_string).collect();
    let asked = Asked { names, resting: Vec::new(), patterns, matches, files_only };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(systemd::look(&world(root), asked)).unwrap()
}

/// The first line that `systemctl` prints for a root; `None`, loudly, where it is not installed.
fn systemctl(root: &Path, words: &[&str]) -> Option<String> {
    let root = format!("--root={}", root.display());
    match Command::new("systemctl").arg(root).args(words).env("LC_ALL", "C").output() {
        Ok(output) => Some(String::from_utf8_lossy(&output.stdout).into_owned()),
        Err(_) if std::env::var_os("CI").is_none() => {
            eprintln!("SKIPPED, nothing was compared: there is no systemctl");
            None
        }
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn the_states_of_unit_files_are_those_of_systemctl() {
    let root = tempfile::tempdir().unwrap();
    let mut names = lay_out(root.path(), UNITS);
    names.extend(OTHERS.iter().map(ToString::to_string));
    assert!(names.len() > 60, "{}", names.len());
    let answered = look(root.path(), names.iter().cloned().collect(), &[], false);
    let mut wrong = Vec::new();
    let mut words = BTreeSet::new();
    for name in &names {
        let Some(said) = systemctl(root.path(), &["is-enabled", name]) else { return };
        let said = said.lines().next().unwrap_or_default().to_owned();
        // From systemd 254 on the absence of a file is a word of its own.
        let said = if said == "not-found" { String::new() } else { said };
        let (source, unit) = answered.units[name].as_ref().unwrap();
        assert_eq!(*source, Source::Files);
        let ours = unit.enabled.clone().unwrap();
        words.insert(ours.clone());
        if said != ours {
            wrong.push(format!("{name}: systemctl says `{said}`, we say `{ours}`"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(words.len() >= 13, "{words:?}");
}

#[test]
fn the_list_of_unit_files_is_that_of_systemctl() {
    let root = tempfile::tempdir().unwrap();
    lay_out(root.path(), UNITS);
    let words = ["list-unit-files", "--no-legend", "--plain", "--no-pager", "--full"];
    let Some(said) = systemctl(root.path(), &words) else { return };
    let theirs: BTreeMap<&str, &str> = said
        .lines()
        .map(|line| {
            let mut words = line.split_whitespace();
            (words.next().unwrap(), words.next().unwrap())
        })
        .collect();
    let answered = look(root.path(), Vec::new(), &["*"], false);
    let (_, ours) = answered.lists["*"].as_ref().unwrap();
    let ours: BTreeMap<&str, &str> = ours
        .iter()
        .map(|(name, about)| (name.as_str(), about.strip_prefix("file, ").unwrap()))
        .collect();
    let only = |a: &BTreeMap<&str, &str>, b: &BTreeMap<&str, &str>| -> Vec<String> {
        let differs = a.iter().filter(|(name, state)| b.get(*name) != Some(*state));
        differs.map(|(name, state)| format!("{name} {state}")).collect()
    };
    assert_eq!(only(&theirs, &ours), [""; 0]);
    // Instances that a link starts have no file of their own; the manager lists them once they are loaded.
    let linked = ["default@tty1", "inst@a", "other-default@tty2", "vendor-inst@x"];
    let more = only(&ours, &theirs);
    let names: Vec<&str> = more.iter().filter_map(|line| Some(line.split_once('.')?.0)).collect();
    assert_eq!(names, linked);
}
