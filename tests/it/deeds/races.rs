//! An attacker swaps a folder on the way with a link out of the root, as fast as the kernel lets him, while steps run.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::Path;
use std::sync::Arc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use countersign::action::{Action, Condition, Content, PathState, Risk, Undo};
use countersign::approval::{
    About, Authors, NAMESPACE, Permit, Question, RemoteStatements, Signed, judge,
};
use countersign::config::{Config, Origin, Overrides, Trust, strict};
use countersign::execute::{self, Means};
use countersign::ledger::{ActorKind, Ledger, Outcome, Writer};
use countersign::model::{Clock as _, Decimal, Digest, Mode, SystemClock};
use countersign::plan::{Plan, Step};
use countersign::probe::host::Host;
use rustix::fs::{CWD, RenameFlags, renameat_with};

use super::{Lab, Who, statement};

fn at(path: &str, is: PathState) -> Condition {
    Condition::Path { path: path.to_owned(), is }
}

fn step(n: u64, action: Action, before: PathState, after: PathState) -> Step {
    let path = action.path().unwrap().to_owned();
    let undo = Undo::Irreversible("a test".to_owned());
    let (before, after) = (at(&path, before), at(&path, after));
    let resources = vec![format!("file.{path}")];
    Step { n: Decimal(n), resources, action, before, after, undo, risk: Risk::Low }
}

/// One of every action below the folder that is swapped.
fn steps(turn: u64, mode: u32, (uid, gid): (Decimal, Decimal)) -> Vec<Step> {
    let (old, new) = (Mode::from_bits(mode), Mode::from_bits(mode ^ 0o040));
    let links = Decimal(1);
    let file = |mode, sha256| PathState::File { uid, gid, mode, links, sha256, inode: None };
    let (directory, written) = (format!("/srv/way/d{turn}"), format!("/srv/way/w{turn}"));
    let (link, kept) = (format!("/srv/way/l{turn}"), "/srv/way/f".to_owned());
    let content = Content::of(b"x");
    let target = "/etc/passwd".to_owned();
    let folder = PathState::Directory { uid, gid, mode: old, empty: Some(true), inode: None };
    let linked = PathState::Symlink { uid, gid, target: target.clone(), inode: None };
    vec![
        step(
            1,
            Action::CreateDirectory { path: directory, uid, gid, mode: old },
            PathState::Absent,
            folder,
        ),
        step(
            2,
            Action::WriteFile {
                path: written.clone(),
                uid,
                gid,
                mode: old,
                content: content.clone(),
            },
            PathState::Absent,
            file(old, content.digest()),
        ),
        step(3, Action::CreateSymlink { path: link, target, uid, gid }, PathState::Absent, linked),
        step(
            4,
            Action::SetOwner { path: kept.clone(), uid, gid },
            file(old, None),
            file(old, None),
        ),
        step(5, Action::SetMode { path: kept, mode: new }, file(old, None), file(new, None)),
        step(6, Action::Remove { path: written }, file(old, content.digest()), PathState::Absent),
    ]
}

struct Runner {
    config: Config,
    trust: Trust,
    host: Arc<Host>,
    ledger: Ledger,
    plan: Plan,
}

impl Runner {
    fn new(lab: &Lab) -> Self {
        let (plan, _) = lab.plan();
        let file = lab.world.path("config.toml");
        let overrides =
            Overrides { config: Some((file, Origin::Flag("--config"))), ..Overrides::default() };
        let config = strict::load(&overrides).unwrap();
        let trust = strict::trust(&config).unwrap();
        let host = Host::open(&config.root.value, config.observe.value.clone()).unwrap();
        let host = Arc::new(host);
        let writer = Writer::this(ActorKind::Executor);
        let ledger = Ledger::open(&lab.ledger(), writer).unwrap();
        Self { config, trust, host, ledger, plan }
    }

    /// Approves these steps and runs them. Answers how many were applied, and whether all were.
    fn run(&mut self, turn: u64, steps: Vec<Step>) -> (u64, bool) {
        let mut plan = self.plan.clone();
        plan.id = format!("{:a>26}", format!("{turn:b}").replace('0', "b").replace('1', "c"));
        plan.steps = steps;
        let bytes = plan.write().unwrap();
        let digest = Digest::of(&bytes);
        let says = |who: Who| {
            let statement = statement(who, &plan, digest).text().unwrap().into_bytes();
            let signature = who.sign(NAMESPACE, &statement);
            Signed { statement, signature, origin: who.name().to_owned() }
        };
        let question = Question {
            about: &About::of(&plan, digest, Authors::Unknown(String::new())),
            statements: &Who::BOTH.map(says),
            trust: &self.trust,
            now: SystemClock.now(),
            consumed: false,
            remote: &RemoteStatements::Fetched,
        };
        let met = judge(&question).decide().unwrap();
        let permit = Permit::consume(plan, &bytes, met, &mut self.ledger).unwrap();
        let me = rustix::process::geteuid().as_raw();
        let owners = [0, me];
        let (host, config) = (&self.host, &self.config);
        let desired = &|| Err("no database is changed here".to_owned());
        let means = Means { host, config, owners: &owners, clock: &SystemClock, desired };
        let ended = execute::run(permit, &means, &mut self.ledger, &mut |_, _| ()).unwrap();
        let applied = ended.steps.iter().filter(|end| end.outcome == Outcome::Applied).count();
        (applied as u64, ended.stopped.is_none())
    }
}

fn swap(way: &Path, evil: &Path, ended: &AtomicBool) -> u64 {
    let mut swaps = 0;
    while !ended.load(Ordering::Relaxed) {
        renameat_with(CWD, way, CWD, evil, RenameFlags::EXCHANGE).unwrap();
        swaps += 1;
    }
    swaps
}

#[test]
fn no_step_leaves_the_root_whatever_is_swapped() {
    let lab = Lab::new();
    for folder in ["root/srv/way", "outside"] {
        fs::create_dir(lab.world.path(folder)).unwrap();
        lab.mode(folder, 0o755);
        lab.file(&format!("{folder}/f"), "x");
        lab.mode(&format!("{folder}/f"), 0o600);
    }
    let (way, evil) = (lab.host("srv/way"), lab.host("srv/evil"));
    symlink(lab.world.path("outside"), &evil).unwrap();
    let kept = fs::File::open(way.join("f")).unwrap();
    let owner = kept.metadata().unwrap();
    let owner = (Decimal::from(owner.uid()), Decimal::from(owner.gid()));
    let mut outside = std::collections::BTreeMap::new();
    super::walk(&lab.world.path("outside"), &mut outside);
    let mut runner = Runner::new(&lab);
    let (applied, whole, turns) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    let ended = AtomicBool::new(false);
    let swaps = std::thread::scope(|scope| {
        let swapping = scope.spawn(|| swap(&way, &evil, &ended));
        let until = Instant::now() + Duration::from_secs(3);
        for turn in 0.. {
            if Instant::now() > until {
                break;
            }
            let mode = kept.metadata().unwrap().mode() & 0o777;
            let (steps_applied, all) = runner.run(turn, steps(turn, mode, owner));
            applied.fetch_add(steps_applied, Ordering::Relaxed);
            whole.fetch_add(u64::from(all), Ordering::Relaxed);
            turns.fetch_add(1, Ordering::Relaxed);
        }
        ended.store(true, Ordering::Relaxed);
        swapping.join().unwrap()
    });
    let mut after = std::collections::BTreeMap::new();
    super::walk(&lab.world.path("outside"), &mut after);
    println!(
        "{swaps} swaps, {turns:?} plans, {applied:?} steps applied, {whole:?} plans to their end"
    );
    assert_eq!(after, outside, "a step left the root");
    assert!(swaps > 0);
    // Undisturbed the same steps run to their end.
    if fs::symlink_metadata(&way).unwrap().is_symlink() {
        renameat_with(CWD, &way, CWD, &evil, RenameFlags::EXCHANGE).unwrap();
    }
    let mode = kept.metadata().unwrap().mode() & 0o777;
    assert_eq!(runner.run(u64::MAX, steps(u64::MAX, mode, owner)), (6, true));
}
