//! What the controller says to the outside while it runs, and within what it keeps itself: wired together here, made in
//! [`crate::controller`] and [`crate::sandbox`].

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use crate::cli::error::Failure;
use crate::cli::planning::CLOCK;
use crate::cli::{exit, ledgers};
use crate::config::{Config, Listen, Via};
use crate::controller::endpoint::{Answers, Listener};
use crate::controller::log::{Level, Log};
use crate::controller::metrics::Metrics;
use crate::controller::notify::courier::{Courier, Fate, Told};
use crate::controller::notify::{Notifier, deeds};
use crate::controller::sd_notify::SdNotify;
use crate::controller::signature::Key;
use crate::controller::status::Status;
use crate::controller::webhook_in::Receiver;
use crate::controller::written::Schedules;
use crate::ledger::ActorKind;
use crate::model::{Clock, SystemClock};
use crate::report::{Report, Summary};
use crate::sandbox::controller::{Confinement, Reach, confine};
use crate::state::published;

/// The folder of notifications, below that of the controller.
const NOTIFY: &str = "notify";
/// How often the executor's ledger is looked at, and what lasts is told again.
const TICK: Duration = Duration::from_secs(15);
/// How long what is being sent may take at the end.
const GRACE: Duration = Duration::from_secs(5);

/// The line to the outside.
pub(super) struct Outside {
    /// Within what this process keeps itself.
    reach: Reach,
    log: Arc<Log>,
    systemd: SdNotify,
    metrics: Arc<Metrics>,
    notifier: Notifier,
    couriers: Vec<Courier>,
    schedules: Schedules,
    current: Arc<Mutex<Option<Status>>>,
    woken: Arc<Notify>,
    listeners: Vec<tokio::task::JoinHandle<()>>,
    alive: Option<Instant>,
    ticked: Option<Instant>,
    /// How many entries of the executor's ledger were counted, and what its newest checkpoint was then.
    counted: u64,
    checkpoint: Option<Vec<u8>>,
}

/// Narrows this process for good, while it has one thread.
pub(super) fn confined(config: &Config) -> Result<Confinement, Failure> {
    let reach = reach(config);
    match confine(&reach) {
        Ok(confinement) => Ok(confinement),
        Err(why) if !config.outward.confine => {
            Ok(Confinement { level: 0, lacks: Some(why.detail) })
        }
        Err(why) => Err(Failure::new(exit::ERROR, format!("the controller cannot confine itself: {}", why.detail))
            .hint("`[confine] require = false` starts it all the same, and says so in the log and the metrics")),
    }
}

/// Where the controller goes: what it may look at, what it is told by, and its own folders.
fn reach(config: &Config) -> Reach {
    let root = &config.root.value;
    let mut read: Vec<PathBuf> = Vec::new();
    if root == Path::new("/") {
        read.extend(config.observe.value.roots().iter().cloned());
    } else {
        // An image or a sandbox is looked at as a whole; facts about its system lie anywhere in it.
        read.push(root.clone());
    }
    read.extend(config.file.clone());
    read.push(config.data.value.clone());
    read.extend(config.smoke.value.read.iter().cloned());
    let sessions = config.observers.values().filter_map(|one| one.value.password_file.clone());
    read.extend(sessions);
    for sink in config.outward.notify.sinks.values() {
        match &sink.via {
            Via::Webhook { secret_file, ca_file, .. } => {
                read.extend(secret_file.iter().chain(ca_file).cloned());
            }
            Via::Slack { url_file } => read.push(url_file.clone()),
            Via::Command { words } => read.extend(words.first().map(PathBuf::from)),
        }
    }
    read.extend(config.outward.webhook.as_ref().map(|webhook| webhook.secret_file.clone()));
    let source = config.source.value.as_deref().filter(|source| Path::new(source).is_absolute());
    read.extend(source.map(PathBuf::from));
    // This program starts itself again for commands of `smoke`, and git finds its keys at home.
    read.extend(std::env::current_exe().ok());
    read.extend(std::env::var_os("HOME").map(|home| Path::new(&home).join(".ssh/config")));
    let mut write =
        vec![published::folder(&config.data.value), ledgers::folder(config, ActorKind::Observer)];
    write.extend(config.outward.schedule.values().map(|schedule| schedule.folder.clone()));
    let listens = config.outward.metrics.iter();
    let listens = listens.chain(config.outward.webhook.as_ref().map(|webhook| &webhook.listen));
    for listen in listens {
        if let Listen::Unix(path) = listen {
            write.extend(path.parent().map(Path::to_owned));
        }
    }
    let canary = ["/tmp", "/var/tmp", "/dev/shm"].map(Path::new);
    let canary = canary.into_iter().find(|folder| folder.is_dir()).unwrap_or(Path::new("/"));
    read.sort();
    read.dedup();
    Reach { read, write, canary: canary.to_owned() }
}

impl Outside {
    /// Begins to listen, and takes up where an earlier run stopped. `folder` is that of the controller.
    pub(super) async fn open(
        config: &Config,
        run: &str,
        confinement: &Confinement,
    ) -> Result<Self, Failure> {
        let failed = |what: &str| {
            let what = what.to_owned();
            move |error: &dyn std::error::Error| {
                Failure::new(exit::ERROR, format!("{what}: {error}"))
            }
        };
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let log = Log::open(config.outward.log, run, Arc::clone(&clock));
        let log = Arc::new(log.map_err(|e| failed("cannot reach the journal")(&e))?);
        let variable = |name| std::env::var_os(name);
        let systemd = SdNotify::new(
            variable("NOTIFY_SOCKET").as_deref(),
            variable("WATCHDOG_USEC").as_deref(),
            variable("WATCHDOG_PID").as_deref(),
        );
        let systemd = systemd.map_err(|e| failed("cannot reach the socket NOTIFY_SOCKET")(&e))?;
        let metrics = Arc::new(Metrics::default());
        metrics.confined(confinement.level);
        let folder = published::folder(&config.data.value).join(NOTIFY);
        let notifier = Notifier::open(&folder, &config.outward.notify)
            .map_err(|e| failed("cannot keep notifications")(&e))?;
        let schedules =
            Schedules::new(&config.outward.schedule).map_err(|e| Failure::of(exit::CONFIG, &e))?;
        let mut outside = Self {
            reach: reach(config),
            log,
            systemd,
            metrics,
            notifier,
            couriers: Vec::new(),
            schedules,
            current: Arc::default(),
            woken: Arc::default(),
            listeners: Vec::new(),
            alive: None,
            ticked: None,
            counted: 0,
            checkpoint: None,
        };
        outside.send(config, &folder)?;
        outside.listen(config, &clock).await?;
        let level = confinement.level.to_string();
        match &confinement.lacks {
            None => outside.log.info("started", &[("landlock", &level)]),
            Some(why) => outside.log.warn(
                "started, less confined than asked for",
                &[("landlock", &level), ("why", why)],
            ),
        }
        Ok(outside)
    }

    /// Starts the couriers.
    fn send(&mut self, config: &Config, folder: &Path) -> Result<(), Failure> {
        for (name, sink) in &config.outward.notify.sinks {
            let (log, metrics) = (Arc::clone(&self.log), Arc::clone(&self.metrics));
            let told: Told = Arc::new(move |sink, fate, why| {
                metrics.count("countersign_notifications", &[sink, fate.word()]);
                let level = if fate == Fate::Delivered { Level::Info } else { Level::Warning };
                let message = format!("a notification was {}", fate.word());
                log.say(level, &message, &[("sink", sink), ("why", why)]);
            });
            let courier = Courier::start(folder, name, sink.clone(), Arc::new(SystemClock), told);
            self.couriers.push(courier.map_err(|e| Failure::of(exit::ERROR, &e))?);
        }
        Ok(())
    }

    /// Listens for scrapers, and for whoever says that something was pushed.
    async fn listen(&mut self, config: &Config, clock: &Arc<dyn Clock>) -> Result<(), Failure> {
        let mut answers = Vec::new();
        if let Some(listen) = &config.outward.metrics {
            let current = Arc::clone(&self.current);
            let current = move || current.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let (metrics, clock) = (Arc::clone(&self.metrics), Arc::clone(clock));
            answers.push((listen, Answers::Metrics { metrics, current: Arc::new(current), clock }));
        }
        if let Some(webhook) = &config.outward.webhook {
            let key = Key::parse(&Config::secret(&webhook.secret_file)?).map_err(|error| {
                let file = webhook.secret_file.display();
                Failure::new(exit::CONFIG, format!("{file}: {error}"))
            })?;
            let woken = Arc::clone(&self.woken);
            let wake = Arc::new(move || woken.notify_one());
            let receiver = Receiver::new(key, wake, Arc::clone(clock), Arc::clone(&self.metrics));
            answers.push((&webhook.listen, Answers::Webhook(Arc::new(receiver))));
        }
        for (listen, answers) in answers {
            let listener = Listener::bind(listen).await.map_err(|error| {
                Failure::new(exit::ERROR, format!("cannot listen at {listen}: {error}"))
            })?;
            let served = async { match listener.serve(answers).await {} };
            self.listeners.push(tokio::spawn(served));
        }
        Ok(())
    }

    /// Waits until somebody says that something was pushed.
    pub(super) async fn woken(&self) {
        self.woken.notified().await;
    }

    /// Says what is known now: to whoever scrapes, to systemd, and what changed to whoever is told.
    pub(super) fn tell(&mut self, status: &Status) {
        let Summary { in_sync, drift, pending, unknown, waived, .. } = status.summary;
        self.systemd.status(&format!(
            "{in_sync} in sync, {drift} drift, {pending} pending, {unknown} unknown, {waived} waived"
        ));
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = Some(status.clone());
        let told = self.notifier.tell(status, CLOCK.now());
        match told {
            Ok(0) => {}
            Ok(_) => self.couriers.iter().for_each(Courier::wake),
            Err(error) => {
                self.log.warn("a notification could not be kept", &[("why", &chain(&error))]);
            }
        }
    }

    /// Does what time asks for: a report that is due, what lasts, what the executor did. Says that the loop is alive.
    pub(super) fn tick(&mut self, config: &Config, report: impl FnOnce() -> Option<Report>) {
        let now = Instant::now();
        if let Some(every) = self.systemd.alive_every()
            && self.alive.is_none_or(|alive| alive + every <= now)
        {
            self.systemd.alive();
            self.alive = Some(now);
        }
        if self.ticked.is_some_and(|ticked| ticked + TICK > now) {
            return;
        }
        self.ticked = Some(now);
        self.deeds(config);
        let status = self.current.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(status) = status {
            self.tell(&status.as_of(CLOCK.now()));
        }
        if self.schedules.is_due(CLOCK.now())
            && let Some(report) = report()
        {
            for (name, written) in self.schedules.write(&report, CLOCK.now()) {
                let result = if written.is_ok() { "written" } else { "failed" };
                self.metrics.count("countersign_reports_written", &[&name, result]);
                if let Err(error) = written {
                    self.log.warn(
                        "a report could not be written",
                        &[("schedule", &name), ("why", &chain(&error))],
                    );
                }
            }
        }
    }

    /// When the loop has to come round again.
    pub(super) fn next(&self) -> Instant {
        let tick = self.ticked.map_or_else(Instant::now, |ticked| ticked + TICK);
        let alive = self.systemd.alive_every();
        let alive = alive.map(|every| self.alive.map_or_else(Instant::now, |alive| alive + every));
        alive.map_or(tick, |alive| alive.min(tick))
    }

    /// Counts what the executor's ledger recorded since, and tells it.
    fn deeds(&mut self, config: &Config) {
        let folder = ledgers::folder(config, ActorKind::Executor);
        // The checkpoint is written after every entry that matters; the ledger is read only when it is another.
        let checkpoint = std::fs::read(folder.join("checkpoint")).ok();
        if checkpoint.is_none() || checkpoint == self.checkpoint {
            return;
        }
        let Ok(Some(reader)) = ledgers::read(config) else { return };
        let told = self.notifier.told_deeds();
        let (mut said, host) = (Vec::new(), config.host.value.clone().unwrap_or_default());
        let Ok(entries) = reader.entries() else { return };
        for (number, entry) in (0..).zip(entries) {
            let Ok(entry) = entry else { return };
            if number >= self.counted
                && let Some((name, label)) = deeds::counted(&entry.event)
                && self.checkpoint.is_some()
            {
                self.metrics.count(name, &[label]);
            }
            if told.is_some_and(|told| number >= told) {
                said.extend(deeds::said(&entry.event, entry.time));
            }
        }
        (self.counted, self.checkpoint) = (reader.size(), checkpoint);
        self.metrics.ledger("executor", self.counted);
        match self.notifier.tell_deeds(&host, said, self.counted, CLOCK.now()) {
            Ok(()) => self.couriers.iter().for_each(Courier::wake),
            Err(error) => {
                self.log.warn("a notification could not be kept", &[("why", &chain(&error))]);
            }
        }
    }

    /// A look did not succeed.
    pub(super) fn failed(&self, target: &str, why: &str) {
        self.metrics.count("countersign_probe_errors", &[target]);
        self.log.warn("a look failed", &[("target", target), ("why", why)]);
    }

    /// Could this configuration be followed by a process that confined itself to the one it began with?
    pub(super) fn admit(&self, config: &Config) -> Result<(), Failure> {
        if self.reach.covers(&reach(config)) {
            return Ok(());
        }
        let message =
            "the new configuration reads places that this process has closed to itself: restart it";
        Err(Failure::new(exit::CONFIG, message))
    }

    /// It does its work.
    pub(super) fn ready(&self) {
        self.systemd.ready();
    }

    /// It reads its configuration again; [`Outside::ready`] ends that.
    pub(super) fn reloading(&self) {
        self.systemd.reloading();
        self.log.info("reading the configuration again", &[]);
    }

    /// It is about to end.
    pub(super) fn stopping(&self) {
        self.systemd.stopping();
        self.log.info("stopping", &[]);
    }

    /// It ends: what is being sent ends, what waits stays.
    pub(super) fn stop(self) {
        self.listeners.iter().for_each(tokio::task::JoinHandle::abort);
        Courier::stop(self.couriers, GRACE);
    }
}

/// An error with what it was caused by.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(deeper) = cause {
        text = format!("{text}: {deeper}");
        cause = deeper.source();
    }
    text
}
