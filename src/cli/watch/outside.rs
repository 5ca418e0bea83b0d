//! What the controller says to the outside while it runs, and within what it keeps itself: wired together here, made in
//! [`crate::controller`] and [`crate::sandbox`].

mod follow;
mod reach;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use crate::cli::error::Failure;
use crate::cli::planning::CLOCK;
use crate::cli::{exit, ledgers};
use crate::config::{Config, LogForm, Sink};
use crate::controller::log::Log;
use crate::controller::metrics::Metrics;
use crate::controller::notify::courier::Courier;
use crate::controller::notify::{Notifier, deeds};
use crate::controller::sd_notify::SdNotify;
use crate::controller::status::{Confined, Status};
use crate::controller::written::Schedules;
use crate::controller::{Condition, ConditionType, Why};
use crate::ledger::{ActorKind, Event};
use crate::model::{Clock as _, SystemClock};
use crate::report::{Report, Summary};
use crate::sandbox::controller::{Confinement, Reach};
use crate::state::published;

use follow::Served;
pub(super) use reach::confined;
use reach::reach;

/// The folder of notifications, below that of the controller.
const NOTIFY: &str = "notify";
/// How often the executor's ledger is looked at, and what lasts is told again.
const TICK: Duration = Duration::from_secs(15);
/// How long what is being sent may take at the end.
const GRACE: Duration = Duration::from_secs(5);

/// The line to the outside.
pub(super) struct Outside {
    /// What the process began with, and cannot change.
    begun: Begun,
    log: Arc<Log>,
    systemd: SdNotify,
    metrics: Arc<Metrics>,
    notifier: Notifier,
    couriers: BTreeMap<String, Sent>,
    schedules: Schedules,
    current: Arc<Mutex<Option<Status>>>,
    woken: Arc<Notify>,
    metrics_at: Option<Served>,
    webhook_at: Option<Served>,
    alive: Option<Instant>,
    ticked: Option<Instant>,
    /// How many entries of the executor's ledger were counted, and what its newest checkpoint was then.
    counted: u64,
    checkpoint: Option<Vec<u8>>,
    /// The newest state of each gap on the executor's ledger.
    gaps: BTreeMap<String, String>,
}

/// What a process has from its start to its end.
struct Begun {
    reach: Reach,
    confinement: Confinement,
    data: PathBuf,
    root: PathBuf,
    log: LogForm,
    confine: bool,
}

/// A sink, and who brings messages there.
struct Sent {
    sink: Sink,
    courier: Courier,
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
        let log = Log::open(config.outward.log, run, Arc::new(SystemClock));
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
        let notifier = Notifier::open(&notes(config), &config.outward.notify)
            .map_err(|e| failed("cannot keep notifications")(&e))?;
        let mut outside = Self {
            begun: Begun {
                reach: reach(config),
                confinement: confinement.clone(),
                data: config.data.value.clone(),
                root: config.root.value.clone(),
                log: config.outward.log,
                confine: config.outward.confine,
            },
            log,
            systemd,
            metrics,
            notifier,
            couriers: BTreeMap::new(),
            schedules: Schedules::default(),
            current: Arc::default(),
            woken: Arc::default(),
            metrics_at: None,
            webhook_at: None,
            alive: None,
            ticked: None,
            counted: 0,
            checkpoint: None,
            gaps: BTreeMap::new(),
        };
        let ready = outside.make_ready(config).await?;
        outside.follow(ready, config);
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

    /// Within what this process keeps itself.
    pub(super) fn confinement(&self) -> Confined {
        let Confinement { level, lacks } = &self.begun.confinement;
        Confined { landlock: *level, lacks: lacks.clone() }
    }

    /// How long the observer's ledger is.
    pub(super) fn recorded(&self, entries: u64) {
        self.metrics.ledger(ActorKind::Observer.word(), entries);
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
            Ok(_) => self.wake_couriers(),
            Err(error) => {
                self.log.warn("a notification could not be kept", &[("why", &chain(&error))]);
            }
        }
    }

    fn wake_couriers(&self) {
        self.couriers.values().for_each(|sent| sent.courier.wake());
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
            if let Event::GapChanged(change) = entry.event {
                self.gaps.insert(change.gap, change.to);
            }
        }
        (self.counted, self.checkpoint) = (reader.size(), checkpoint);
        self.metrics.ledger(ActorKind::Executor.word(), self.counted);
        self.metrics.gaps(self.gaps.values().map(String::as_str));
        match self.notifier.tell_deeds(&host, said, self.counted, CLOCK.now()) {
            Ok(()) => self.wake_couriers(),
            Err(error) => {
                self.log.warn("a notification could not be kept", &[("why", &chain(&error))]);
            }
        }
    }

    /// Says which conditions began or ceased to ask for somebody's attention. `Ready` sums the others up.
    pub(super) fn turned(&self, earlier: Option<&Status>, now: &Status) {
        let others = now.conditions.iter().filter(|one| one.kind != ConditionType::Ready);
        for one in others {
            let before = earlier.and_then(|status| status.condition(one.kind));
            let same = before
                .is_some_and(|before| (before.status, before.reason) == (one.status, one.reason));
            let (condition, reason) = (format!("{:?}", one.kind), format!("{:?}", one.reason));
            let fields = [("condition", &*condition), ("reason", &*reason), ("why", &*one.message)];
            if same || one.reason == Why::NotYet {
                continue;
            }
            if one.alarms() {
                self.log.warn("somebody should look", &fields);
            } else if before.is_some_and(Condition::alarms) {
                self.log.info("it is well again", &fields);
            }
        }
    }

    /// A look did not succeed.
    pub(super) fn failed(&self, target: &str, why: &str) {
        self.metrics.count("countersign_probe_errors", &[target]);
        self.log.warn("a look failed", &[("target", target), ("why", why)]);
    }

    /// It does its work.
    pub(super) fn ready(&self) {
        self.systemd.ready();
    }

    /// The clock was set by so many seconds.
    pub(super) fn clock_stepped(&self, by: i64) {
        let seconds = by.to_string();
        self.log.warn("the clock was set; everything is looked at", &[("seconds", &seconds)]);
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
        let couriers = self.couriers.into_values().map(|sent| sent.courier).collect();
        Courier::stop(couriers, GRACE);
    }
}

/// The folder of notifications.
fn notes(config: &Config) -> PathBuf {
    published::folder(&config.data.value).join(NOTIFY)
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
