//! The loop: waits for whatever wakes it, starts what is due, and takes in what comes of it.
//!
//! It waits for nothing else. Looks are tasks with deadlines, the source and the watches of files have threads of their own;
//! what is done here takes moments.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};
use tokio::task::{Id, JoinError, JoinSet};

use super::control;
use super::draft::{self, Drafted, Redraft};
use super::events::Events;
use super::looks::{self, Seen, Task};
use super::outside::Outside;
use super::signals::{Signals, Told};
use super::source::{self, Refused, Taken};
use crate::cli::error::Failure;
use crate::cli::output::Output;
use crate::cli::planning::CLOCK;
use crate::cli::{Global, exit};
use crate::config::Config;
use crate::controller::conditions::Facts;
use crate::controller::status::{Draft, Status};
use crate::controller::{
    Answer, Ended, Fuse, Record, Schedule, Steady, Target, Transition, Turn, Wake, Why,
};
use crate::desired::Desired;
use crate::ledger::Ledger;
use crate::model::{Clock as _, Digest, Timestamp};
use crate::probe::watches::Watches;
use crate::state::published::Published;

/// How long looks may take to end after the first SIGTERM.
const DRAIN: Duration = Duration::from_secs(20);

/// What came to an end.
pub(super) enum Done {
    Source(Result<Box<Taken>, Refused>, Option<Arc<Desired>>),
    Look(Box<Task>, Box<Seen>),
    Watches(Result<Watches, String>),
    Draft(Box<Drafted>),
}

/// Somebody who waits until everything is looked at.
pub(super) struct Waiter {
    pub(super) since: Option<Instant>,
    pub(super) answer: oneshot::Sender<Answer>,
}

/// What is known of one target's looks.
#[derive(Debug, Default, Clone)]
pub(super) struct Course {
    pub(super) observed_at: Option<Timestamp>,
    pub(super) last_success: Option<Timestamp>,
    pub(super) took: Duration,
    pub(super) error: Option<String>,
}

/// The controller.
pub(super) struct Watcher<'a> {
    pub(super) global: &'a Global,
    pub(super) output: &'a Output,
    pub(super) config: Arc<Config>,
    pub(super) ledger: Ledger,
    pub(super) published: Published,
    pub(super) run: String,
    pub(super) outside: Outside,
    pub(super) record: Record,
    pub(super) schedule: Schedule,
    /// Desired state in force.
    pub(super) taken: Option<Taken>,
    /// Counts what was put in force, commits and others.
    pub(super) serial: u64,
    /// Desired state at the last commit that converged.
    pub(super) baseline: Option<Arc<Desired>>,
    pub(super) courses: BTreeMap<Target, Course>,
    pub(super) source_had: Option<Timestamp>,
    pub(super) refused: Option<Refused>,
    pub(super) facts: Facts,
    pub(super) status: Option<Status>,
    pub(super) unrecorded: Vec<Transition>,
    pub(super) events: Events,
    pub(super) overflows: u64,
    pub(super) missed: u64,
    pub(super) requests: u64,
    pub(super) handled: u64,
    pub(super) waiters: Vec<(u64, Waiter)>,
    pub(super) fuse: Fuse,
    pub(super) draft: Option<Draft>,
    /// What the newest draft was asked about.
    pub(super) drafted: Option<Digest>,
    pub(super) drafting: bool,
    /// When a draft that could not be made is tried again.
    pub(super) redraft: Redraft,
    pub(super) steady: Steady,
    /// Sections of the configuration that count after a restart.
    pub(super) later: Vec<&'static str>,
    tasks: JoinSet<Done>,
    running: BTreeMap<Id, Target>,
}

impl<'a> Watcher<'a> {
    pub(super) fn new(
        config: Config,
        global: &'a Global,
        output: &'a Output,
        ledger: Ledger,
        published: Published,
        run: String,
        outside: Outside,
    ) -> Result<Self, Failure> {
        let mut record = Record::default();
        for entry in ledger.reader().entries()? {
            record.recall(entry?);
        }
        let mut watcher = Self {
            global,
            output,
            config: Arc::new(config),
            ledger,
            published,
            run,
            outside,
            record,
            schedule: Schedule::new(random),
            taken: None,
            serial: 0,
            baseline: None,
            courses: BTreeMap::new(),
            source_had: None,
            refused: None,
            facts: Facts::default(),
            status: None,
            unrecorded: Vec::new(),
            events: Events::default(),
            overflows: 0,
            missed: 0,
            requests: 0,
            handled: 0,
            waiters: Vec::new(),
            fuse: Fuse::default(),
            draft: None,
            drafted: None,
            drafting: false,
            redraft: Redraft::default(),
            later: Vec::new(),
            steady: Steady::new(Instant::now(), CLOCK.now()),
            tasks: JoinSet::new(),
            running: BTreeMap::new(),
        };
        watcher.arrange(Instant::now());
        Ok(watcher)
    }

    /// Works until it is told to end.
    pub(super) async fn run(
        mut self,
        listener: std::os::unix::net::UnixListener,
    ) -> Result<(), Failure> {
        let failed = |e: std::io::Error| Failure::of(exit::ERROR, &e);
        let mut signals = Signals::new().map_err(failed)?;
        let (asking, mut asked) = mpsc::channel(16);
        let listener = tokio::net::UnixListener::from_std(listener).map_err(failed)?;
        let served = tokio::task::spawn_local(control::serve(listener, asking));
        self.watch_references();
        self.publish();
        self.outside.ready();
        loop {
            self.notice_clock(Instant::now());
            self.suspend_or_resume();
            self.poll_files(Instant::now());
            self.draft_again(Instant::now());
            self.start();
            self.outside.tick(&self.config, || self.record.knowledge.report());
            let outside = Some(self.outside.next());
            let next = [
                self.schedule.next(),
                self.suspension_ends(),
                self.events.poll_at(),
                self.redraft.at,
                outside,
            ];
            let next = next.into_iter().flatten().min();
            tokio::select! {
                biased;
                signal = signals.next() => match signal {
                    Told::End => break,
                    Told::Reload => self.reload().await,
                    Told::Now => self.wake_all(Instant::now()),
                },
                Some(done) = self.tasks.join_next_with_id() => self.take(done),
                Some(one) = asked.recv() => self.asked(one),
                () = self.outside.woken() => {
                    self.schedule.wake(&Target::Source, Wake::Now, Instant::now());
                }
                // Last, since it may never be silent.
                heard = self.events.heard() => self.heard(&heard),
                () = until(next) => {}
            }
            self.answer_waiters();
        }
        served.abort();
        self.outside.stopping();
        self.drain(&mut signals).await;
        self.publish();
        // Where it cannot be signed now, the entries stand in the chain all the same.
        self.ledger.checkpoint().ok();
        self.outside.stop();
        Ok(())
    }

    /// Lets what is under way end, unless somebody insists.
    async fn drain(&mut self, signals: &mut Signals) {
        let deadline = tokio::time::Instant::now() + DRAIN;
        while !self.running.is_empty() {
            tokio::select! {
                told = signals.next() => if matches!(told, Told::End) { return },
                Some(done) = self.tasks.join_next_with_id() => self.take(done),
                () = tokio::time::sleep_until(deadline) => return,
            }
        }
    }

    /// Starts what is due.
    fn start(&mut self) {
        for (target, turn) in self.schedule.start(Instant::now()) {
            let id = match &target {
                Target::Source => Some(self.start_source()),
                _ => self.start_look(&target, turn),
            };
            match id {
                Some(id) => drop(self.running.insert(id, target)),
                None => self.schedule.ended(&target, Ended::Well, Instant::now()),
            }
        }
    }

    fn start_source(&mut self) -> Id {
        let config = Arc::clone(&self.config);
        let accepted = self.record.accepted.as_ref().map(|(commit, _)| commit.clone());
        let wanted = self.record.converged.as_ref().map(|converged| converged.commit.clone());
        let known = self.baseline.clone();
        self.on_thread(
            move || {
                let taken = source::load(&config, accepted.as_deref());
                let same = |desired: &Arc<Desired>| desired.commit == wanted;
                let baseline = known.filter(same).or_else(|| {
                    let now = taken.as_ref().ok().map(|taken| &taken.desired);
                    let now = now.filter(|now| now.commit == wanted).cloned();
                    now.or_else(|| source::baseline(&config, wanted.as_deref()?))
                });
                Done::Source(taken.map(Box::new), baseline)
            },
            || {
                let message = "loading desired state ended without an answer".to_owned();
                let why = Why::SourceUnreachable;
                Done::Source(Err(Refused { why, commit: None, message }), None)
            },
        )
    }

    fn start_look(&mut self, target: &Target, turn: Turn) -> Option<Id> {
        let taken = self.taken.as_ref()?;
        let task = Task {
            target: target.clone(),
            turn,
            config: Arc::clone(&self.config),
            desired: Arc::clone(&taken.desired),
            since: self.baseline.clone().filter(|since| since.commit != taken.desired.commit),
            generation: self.serial,
        };
        let looking = async {
            let (task, seen) = looks::look(task).await;
            Done::Look(Box::new(task), Box::new(seen))
        };
        Some(self.tasks.spawn_local(looking).id())
    }

    /// Does something that blocks on a thread of its own, which nobody waits for at the end.
    pub(super) fn on_thread(
        &mut self,
        work: impl FnOnce() -> Done + Send + 'static,
        died: impl FnOnce() -> Done + 'static,
    ) -> Id {
        let (sender, receiver) = oneshot::channel();
        // Nobody may be waiting any more. A thread that cannot be started drops the sender.
        let started = std::thread::Builder::new().spawn(move || drop(sender.send(Sent(work()))));
        drop(started);
        let waiting = async { receiver.await.map_or_else(|_| died(), |Sent(done)| done) };
        self.tasks.spawn_local(waiting).id()
    }

    fn take(&mut self, done: Result<(Id, Done), JoinError>) {
        let now = Instant::now();
        match done {
            Ok((id, done)) => {
                self.running.remove(&id);
                match done {
                    Done::Source(taken, baseline) => self.take_source(taken, baseline, now),
                    Done::Look(task, seen) => self.take_look(&task, *seen, now),
                    Done::Watches(watches) => self.take_watches(watches, now),
                    Done::Draft(drafted) => self.take_draft(*drafted),
                }
            }
            Err(died) => {
                // A panic costs one look and no more; the backoff keeps it from costing many.
                if let Some(target) = self.running.remove(&died.id()) {
                    self.courses.entry(target.clone()).or_default().error =
                        Some("the look ended without an answer".to_owned());
                    self.schedule.ended(&target, Ended::Failed, now);
                }
                self.publish();
            }
        }
    }

    fn take_source(
        &mut self,
        taken: Result<Box<Taken>, Refused>,
        baseline: Option<Arc<Desired>>,
        now: Instant,
    ) {
        let ended = match taken {
            Ok(taken) => {
                self.source_had = Some(CLOCK.now());
                self.baseline = baseline;
                self.put_in_force(*taken, now)
            }
            Err(refused) => {
                // What is wrong with a commit is not mended by loading it again: the next one wakes the source.
                let passes = refused.why == Why::SourceUnreachable;
                self.refuse(refused);
                if passes { Ended::Failed } else { Ended::Well }
            }
        };
        self.schedule.ended(&Target::Source, ended, now);
        self.publish();
    }

    fn put_in_force(&mut self, taken: Taken, now: Instant) -> Ended {
        self.refused = None;
        let commit = taken.desired.commit.clone();
        let in_force = self.taken.as_ref().map(|taken| &taken.desired);
        let same = in_force.is_some_and(|now| now.commit == commit && commit.is_some());
        if same && taken.desired.pinned {
            return Ended::Well;
        }
        // What is not on the ledger could be taken back unseen.
        if !self.accept(&taken) {
            let message = "the observer's ledger cannot be written".to_owned();
            self.refused = Some(Refused { why: Why::LedgerFails, commit, message });
            return Ended::Failed;
        }
        self.serial += 1;
        self.taken = Some(taken);
        self.arrange(now);
        self.schedule.renew(now);
        self.watch_files();
        Ended::Well
    }

    pub(super) fn spawn_draft(&mut self, task: draft::Task) {
        self.drafting = true;
        self.tasks.spawn_local(async {
            let drafted = draft::make(task).await;
            Done::Draft(Box::new(drafted))
        });
    }
}

/// What a thread hands over.
struct Sent(Done);

async fn until(next: Option<Instant>) {
    match next {
        Some(next) => tokio::time::sleep_until(next.into()).await,
        None => std::future::pending().await,
    }
}

/// Any number, each as likely as any other.
pub(super) fn random() -> u64 {
    let mut bytes = [0; 8];
    // Without random numbers there is no jitter, which harms nobody here.
    let _ = rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty());
    u64::from_le_bytes(bytes)
}
