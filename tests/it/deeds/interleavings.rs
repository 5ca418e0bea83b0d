//! Random interleavings of everything that people, the host and a crash do around a plan: none runs whose world has moved,
//! none twice, none that was not approved.
//!
//! The real program runs within the process of the test, gates and steps, ledger, signatures and repository included, on a
//! file system in memory where there is one. Only what crashes is a process of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::process::{Command, Stdio};

use countersign::approval::{Decision, NAMESPACE};
use countersign::ledger::Event;
use countersign::model::Digest;
use countersign::plan::Plan;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::{Lab, Who};
use crate::program::killed_at;

/// Set in the process that does the work: its output is not that of the tests.
const INNER: &str = "COUNTERSIGN_TEST_INTERLEAVINGS";
/// How many interleavings, where somebody wants more or fewer.
const CASES: &str = "COUNTERSIGN_TEST_CASES";

#[derive(Debug, Clone)]
enum Deed {
    Observe,
    Plan,
    Approve(Who),
    Both,
    Veto(Who, Decision),
    Drift(u8),
    Commit(usize),
    Apply(usize),
    Crash(usize, u64),
}

fn deed() -> impl Strategy<Value = Deed> {
    let who = || prop_oneof![Just(Who::Operator), Just(Who::Reviewer)];
    let no = prop_oneof![Just(Decision::Reject), Just(Decision::Revoke)];
    prop_oneof![
        1 => Just(Deed::Observe),
        6 => Just(Deed::Plan),
        2 => who().prop_map(Deed::Approve),
        6 => Just(Deed::Both),
        1 => (who(), no).prop_map(|(who, no)| Deed::Veto(who, no)),
        4 => (0..8_u8).prop_map(Deed::Drift),
        2 => (0..3_usize).prop_map(Deed::Commit),
        8 => (0..2_usize).prop_map(Deed::Apply),
        1 => (0..2_usize, 0..110_u64).prop_map(|(plan, at)| Deed::Crash(plan, at)),
    ]
}

const VARIANTS: [(&str, &str); 3] = [("0750", "one"), ("0700", "two"), ("0755", "three")];

/// Two variants never ask the same of any host: whatever the mode of `/srv/a` is, at least one wants another.
fn variant((mode, file): (&str, &str)) -> String {
    let me = "owner = \"me\"\ngroup = \"me\"\n";
    format!(
        "[directory.\"/srv/a\"]\n{me}mode = \"{mode}\"\n[file.\"/srv/a/f\"]\n{me}mode = \"0640\"\nsource = \"files/{file}\"\n\
         [directory.\"/srv/b\"]\n{me}mode = \"0750\"\n"
    )
}

/// A plan as the test knows it, independently of what the ledger says.
struct Known {
    plan: Plan,
    bytes: Vec<u8>,
    /// The variant and the targets when it was given out last.
    made: (usize, Vec<String>),
    approved: BTreeSet<&'static str>,
    vetoed: bool,
    statements: Vec<String>,
    used: bool,
}

struct Play<'a> {
    lab: &'a Lab,
    commits: &'a [String],
    variant: usize,
    plans: BTreeMap<Digest, Known>,
    order: Vec<Digest>,
    executed: usize,
}

/// What stands at the targets of a plan, as the test sees it itself.
fn targets(lab: &Lab, plan: &Plan) -> Vec<String> {
    let paths = plan.steps.iter().filter_map(|step| step.action.path());
    let seen = |path: &str| {
        let at = lab.host(path.trim_start_matches('/'));
        let Ok(meta) = fs::symlink_metadata(&at) else { return format!("{path} absent") };
        let content = fs::read(&at).unwrap_or_default();
        format!("{path} {:o} {} {} {content:?}", meta.mode(), meta.uid(), meta.ino())
    };
    paths.map(seen).collect()
}

fn within(words: &[&str]) -> u8 {
    let words = ["countersign"].iter().chain(words).map(OsString::from);
    countersign::cli::main(words.collect::<Vec<_>>())
}

impl Play<'_> {
    fn start(lab: &Lab) {
        let _ = fs::remove_dir_all(lab.path("data"));
        fs::remove_dir_all(lab.host("srv")).unwrap();
        lab.world.host_folder("srv", 0o755);
    }

    fn commit(&mut self, variant: usize) {
        self.variant = variant;
        lab_branch(self.lab, &self.commits[variant]);
    }

    fn drift(&self, what: u8) {
        let at = |name: &str| self.lab.host(&format!("srv/{name}"));
        let mode = |name: &str, mode| {
            let _ = fs::set_permissions(at(name), fs::Permissions::from_mode(mode));
        };
        match what {
            0 => drop(fs::create_dir(at("a"))),
            1 => mode("a", 0o755),
            2 => drop(fs::remove_dir_all(at("a"))),
            3 => drop(fs::write(at("a/f"), "drifted")),
            4 => drop(fs::remove_file(at("a/f"))),
            5 => drop(fs::create_dir(at("b"))),
            6 => mode("b", 0o700),
            _ => drop(fs::remove_dir(at("b"))),
        }
        // Whatever the umask is.
        if what == 0 || what == 5 {
            mode(if what == 0 { "a" } else { "b" }, 0o755);
        }
    }

    fn plan(&mut self) {
        let (config, file) = (self.lab.path("config.toml"), self.lab.path("plan.json"));
        let _ = fs::remove_file(&file);
        let code = within(&["plan", "--config", &config, "-o", &file]);
        assert!(matches!(code, 0 | 2), "plan ended with {code}");
        let Ok(bytes) = fs::read(&file) else { return };
        let (plan, digest) = self.lab.read();
        let made = (self.variant, targets(self.lab, &plan));
        self.order.retain(|other| *other != digest);
        self.order.push(digest);
        let known = self.plans.entry(digest).or_insert_with(|| Known {
            plan,
            bytes,
            made: made.clone(),
            approved: BTreeSet::new(),
            vetoed: false,
            statements: Vec::new(),
            used: false,
        });
        assert!(!known.used, "a plan that was used is offered again");
        known.made = made;
    }

    /// The newest plan, or the one before.
    fn nth(&self, back: usize) -> Option<Digest> {
        self.order.iter().rev().nth(back).copied()
    }

    fn says(&mut self, who: Who, decision: Decision) {
        let Some(digest) = self.nth(0) else { return };
        let Some(known) = self.plans.get_mut(&digest) else { return };
        self.lab.world.write("plan.json", &known.bytes);
        let said = self.lab.says(who, NAMESPACE, |said| said.decision = decision);
        known.statements.push(said);
        match decision {
            Decision::Approve => drop(known.approved.insert(who.name())),
            Decision::Reject | Decision::Revoke => known.vetoed = true,
        }
    }

    fn apply(&mut self, back: usize, crash: Option<u64>) -> Result<(), TestCaseError> {
        let Some(digest) = self.nth(back) else { return Ok(()) };
        let Some(known) = self.plans.get(&digest) else { return Ok(()) };
        let file = self.lab.path("applied.json");
        fs::write(&file, &known.bytes).unwrap();
        let config = self.lab.path("config.toml");
        let mut words = vec!["apply", &file, "--config", &config];
        known.statements.iter().for_each(|file| words.extend(["--approval", file]));
        let now: BTreeMap<Digest, (usize, Vec<String>)> = self
            .plans
            .iter()
            .map(|(digest, known)| (*digest, (self.variant, targets(self.lab, &known.plan))))
            .collect();
        match crash {
            None => {
                within(&words);
            }
            Some(at) => {
                let mut apply = killed_at(at, &self.lab.ledger(), &words);
                apply.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
            }
        }
        self.judge(&now)
    }

    /// Everything that was used up since is a plan that could be.
    fn judge(&mut self, now: &BTreeMap<Digest, (usize, Vec<String>)>) -> Result<(), TestCaseError> {
        let mut times: BTreeMap<Digest, usize> = BTreeMap::new();
        for event in self.lab.events() {
            if let Event::PermitConsumed(used) = event {
                *times.entry(used.plan).or_default() += 1;
            }
        }
        for (digest, times) in times {
            prop_assert_eq!(times, 1, "a plan ran twice");
            let known = self.plans.get_mut(&digest).expect("a plan that was made");
            if known.used {
                continue;
            }
            known.used = true;
            self.executed += 1;
            prop_assert_eq!(known.approved.len(), 2, "a plan ran that was not approved");
            prop_assert!(!known.vetoed, "a plan ran that somebody rejected");
            prop_assert_eq!(
                Some(&known.made),
                now.get(&digest),
                "a plan ran whose world had moved"
            );
        }
        Ok(())
    }

    fn play(&mut self, deeds: &[Deed]) -> Result<(), TestCaseError> {
        for deed in deeds {
            match deed {
                Deed::Observe => {
                    let config = self.lab.path("config.toml");
                    let _ = within(&["check", "--config", &config]);
                }
                Deed::Plan => self.plan(),
                Deed::Approve(who) => self.says(*who, Decision::Approve),
                Deed::Both => Who::BOTH.iter().for_each(|who| self.says(*who, Decision::Approve)),
                Deed::Veto(who, decision) => self.says(*who, *decision),
                Deed::Drift(what) => self.drift(*what),
                Deed::Commit(variant) => self.commit(*variant),
                Deed::Apply(back) => self.apply(*back, None)?,
                Deed::Crash(back, at) => self.apply(*back, Some(*at))?,
            }
        }
        // Whatever happened, the next run knows what came of it, and nothing is left lying about.
        self.apply(0, None)?;
        let mut left = self.lab.snapshot().into_keys();
        let left = left.find(|path| path.to_string_lossy().contains(".countersign"));
        prop_assert_eq!(left, None);
        Ok(())
    }
}

/// Moves the branch without starting anything.
fn lab_branch(lab: &Lab, commit: &str) {
    fs::write(lab.path("desired/.git/refs/heads/main"), format!("{commit}\n")).unwrap();
}

fn inner(cases: u32) {
    let lab = Lab::wanting("");
    for (_, name) in VARIANTS {
        lab.world.desired(&format!("hosts/a/files/{name}"), name);
    }
    let commits = VARIANTS.map(|each| lab.want(&variant(each)));
    let config =
        Config { cases, failure_persistence: None, max_shrink_iters: 100, ..Config::default() };
    let (executed, ran) = (std::cell::Cell::new(0), std::cell::Cell::new(0));
    let mut runner = TestRunner::new(config);
    let played = runner.run(&proptest::collection::vec(deed(), 3..14), |deeds| {
        Play::start(&lab);
        lab_branch(&lab, &commits[0]);
        let (plans, order) = (BTreeMap::new(), Vec::new());
        let mut play = Play { lab: &lab, commits: &commits, variant: 0, plans, order, executed: 0 };
        let played = play.play(&deeds);
        for known in play.plans.values() {
            known.statements.iter().for_each(|file| drop(fs::remove_file(file)));
        }
        executed.set(executed.get() + play.executed);
        ran.set(ran.get() + usize::from(play.executed > 0));
        played
    });
    if let Err(why) = played {
        panic!("{why}");
    }
    let told =
        format!("{cases} interleavings, {} plans ran, in {} of them", executed.get(), ran.get());
    fs::write(std::env::var_os(INNER).unwrap(), &told).unwrap();
    assert!(ran.get() * 10 > cases as usize, "too few plans ran to show anything: {told}");
}

#[test]
fn no_interleaving_runs_what_must_not_run() {
    let cases = std::env::var(CASES).ok().and_then(|cases| cases.parse().ok()).unwrap_or(120);
    if std::env::var_os(INNER).is_some() {
        inner(cases);
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (said, told) = (folder.path().join("said"), folder.path().join("told"));
    let mut inner = Command::new(std::env::current_exe().unwrap());
    inner.args([
        "--exact",
        "--nocapture",
        "deeds::interleavings::no_interleaving_runs_what_must_not_run",
    ]);
    inner.env(INNER, &told).env("HOME", "/nonexistent").env(CASES, cases.to_string());
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("COUNTERSIGN_") && name != CASES {
            inner.env_remove(name);
        }
    }
    inner.env(INNER, &told);
    if Path::new("/dev/shm").is_dir() {
        inner.env("TMPDIR", "/dev/shm");
    }
    inner.stdout(Stdio::null()).stderr(fs::File::create(&said).unwrap());
    let ended = inner.status().unwrap();
    let said = String::from_utf8_lossy(&fs::read(&said).unwrap()).into_owned();
    let end: String = said
        .lines()
        .rev()
        .take(60)
        .collect::<Vec<_>>()
        .into_iter()
        .rev()
        .collect::<Vec<_>>()
        .join("\n");
    assert!(ended.success(), "{end}");
    println!("{}", fs::read_to_string(&told).unwrap());
}
