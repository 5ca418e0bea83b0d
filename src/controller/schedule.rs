//! When to look at what: pure, with the time and the dice handed in.
//!
//! One look at a target at a time. A wake-up says only that somebody should look; one that comes during a look is held, and
//! the target is looked at once more, however many came. Events are let settle, but never for longer than a ceiling. After a
//! failure the backoff rules: an event may bring the next try forward, and never counts as a failure.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::Target;
use super::backoff::{Backoff, share};

/// Events that follow each other within this are one.
pub const QUIET: Duration = Duration::from_millis(20);
/// Events that never rest are looked at after this.
pub const CEILING: Duration = Duration::from_millis(500);
/// An event does not bring a retry nearer to the failure before it than this.
const FLOOR: Duration = Duration::from_secs(1);
/// So many looks are under way at once, at most.
pub const LOOKS_MAX: usize = 32;

/// Why somebody should look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wake {
    /// Something changed, perhaps: let it settle.
    Event,
    /// Somebody asked, or there is a new commit: at once, and whatever the backoff says.
    Now,
}

/// A look that is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turn {
    /// It is the periodic one, which rests on nothing that was seen before.
    pub full: bool,
    /// Something had announced that there may be news.
    pub announced: bool,
}

/// How a look ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// It told something.
    Well,
    /// The target as a whole could not be looked at.
    Failed,
}

#[derive(Debug)]
struct Key {
    /// The time between two full looks.
    interval: Duration,
    /// When the next full look is.
    scan_at: Instant,
    /// After a failure: when to try again.
    retry_at: Option<Instant>,
    /// The first and the last event that no look has followed yet.
    events: Option<(Instant, Instant)>,
    /// Somebody asked, and no look has followed yet.
    asked: Option<Instant>,
    running: Option<Turn>,
    started: Option<Instant>,
    ended: Option<Instant>,
    /// How long the last look took.
    took: Duration,
    backoff: Backoff,
}

/// The schedule of all targets.
#[derive(Debug)]
pub struct Schedule {
    keys: BTreeMap<Target, Key>,
    random: fn() -> u64,
    suspended: bool,
}

impl Schedule {
    /// Without targets. `random` answers any number, each as likely as any other.
    #[must_use]
    pub fn new(random: fn() -> u64) -> Self {
        Self { keys: BTreeMap::new(), random, suspended: false }
    }

    /// Adds a target, due now, whose first full scan after that comes within `phase`; or gives one another interval.
    pub fn add(&mut self, target: Target, interval: Duration, phase: Duration, now: Instant) {
        let key = self.keys.entry(target).or_insert(Key {
            interval,
            scan_at: now + phase.min(interval),
            retry_at: None,
            events: None,
            asked: Some(now),
            running: None,
            started: None,
            ended: None,
            took: Duration::ZERO,
            backoff: Backoff::default(),
        });
        key.interval = interval;
        key.scan_at = key.scan_at.min(now + interval);
    }

    /// Drops every target that is not kept. A look that is under way may end; nobody waits for it.
    pub fn retain(&mut self, keep: impl Fn(&Target) -> bool) {
        self.keys.retain(|target, _| keep(target));
    }

    /// The targets.
    pub fn targets(&self) -> impl Iterator<Item = &Target> {
        self.keys.keys()
    }

    /// While it is suspended nothing is due. What wakes it meanwhile is held.
    pub fn suspend(&mut self, suspended: bool) {
        self.suspended = suspended;
    }

    /// Somebody should look at a target.
    pub fn wake(&mut self, target: &Target, wake: Wake, now: Instant) {
        let Some(key) = self.keys.get_mut(target) else { return };
        match wake {
            Wake::Event => {
                let first = key.events.map_or(now, |(first, _)| first);
                key.events = Some((first, now));
            }
            Wake::Now => key.asked = Some(now),
        }
    }

    /// Somebody should look at everything but the source by a new commit: whatever failed may not fail by it.
    pub fn renew(&mut self, now: Instant) {
        for (target, key) in &mut self.keys {
            if *target != Target::Source {
                key.backoff.reset();
                key.retry_at = None;
                key.asked = Some(now);
            }
        }
    }

    /// Starts what is due.
    pub fn start(&mut self, now: Instant) -> Vec<(Target, Turn)> {
        let mut started = Vec::new();
        if self.suspended {
            return started;
        }
        let mut running = self.keys.values().filter(|key| key.running.is_some()).count();
        for (target, key) in &mut self.keys {
            if running < LOOKS_MAX && key.due_at().is_some_and(|due| due <= now) {
                let full = key.scan_at <= now || key.started.is_none();
                let announced = key.events.is_some() || key.asked.is_some();
                let turn = Turn { full, announced };
                (key.events, key.asked, key.retry_at) = (None, None, None);
                (key.running, key.started) = (Some(turn), Some(now));
                running += 1;
                started.push((target.clone(), turn));
            }
        }
        started
    }

    /// A look ended.
    pub fn ended(&mut self, target: &Target, ended: Ended, now: Instant) {
        let random = (self.random)();
        let Some(key) = self.keys.get_mut(target) else { return };
        let Some(turn) = key.running.take() else { return };
        key.ended = Some(now);
        key.took = key.started.map_or(Duration::ZERO, |started| now - started);
        if turn.full {
            // A tenth earlier at most, so that hosts that were started together do not stay together.
            let (least, jitter) = (key.interval / 10 * 9, key.interval / 10);
            key.scan_at = now + least + share(jitter, random);
        }
        match ended {
            Ended::Well => key.backoff.reset(),
            Ended::Failed => key.retry_at = Some(now + key.backoff.failed(random)),
        }
    }

    /// When something is due next.
    #[must_use]
    pub fn next(&self) -> Option<Instant> {
        if self.suspended {
            return None;
        }
        self.keys.values().filter_map(Key::due_at).min()
    }

    /// When a target is looked at next, if nothing happens before.
    #[must_use]
    pub fn next_of(&self, target: &Target) -> Option<Instant> {
        self.keys.get(target).and_then(Key::due_at).filter(|_| !self.suspended)
    }

    /// How many times in a row a target failed.
    #[must_use]
    pub fn failures(&self, target: &Target) -> u32 {
        self.keys.get(target).map_or(0, |key| key.backoff.failures())
    }

    /// Is anything being looked at, or waiting for nothing but its turn?
    #[must_use]
    pub fn busy(&self) -> bool {
        self.keys.values().any(|key| key.running.is_some() || key.woken())
    }

    /// Is a target being looked at?
    #[must_use]
    pub fn is_running(&self, target: &Target) -> bool {
        self.keys.get(target).is_some_and(|key| key.running.is_some())
    }

    /// Has an event come that no look has followed yet?
    #[must_use]
    pub fn is_woken(&self, target: &Target) -> bool {
        self.keys.get(target).is_some_and(Key::woken)
    }

    /// Was everything looked at since then, by looks that have ended, with nothing left to follow?
    #[must_use]
    pub fn settled_since(&self, since: Instant) -> bool {
        let settled = |key: &Key| {
            key.running.is_none()
                && !key.woken()
                && key.started.is_some_and(|started| started >= since)
        };
        self.keys.values().all(settled)
    }
}

impl Key {
    const fn woken(&self) -> bool {
        self.events.is_some() || self.asked.is_some()
    }

    fn due_at(&self) -> Option<Instant> {
        if self.running.is_some() {
            return None;
        }
        // What never rests is looked at a third of the time at most.
        let rested = self.ended.map(|ended| ended + 2 * self.took);
        let settled = self.events.map(|(first, last)| {
            let settled = (last + QUIET).min(first + CEILING);
            rested.map_or(settled, |rested| settled.max(rested))
        });
        let unasked = match self.retry_at {
            Some(retry) => {
                let floor = self.ended.map(|ended| ended + FLOOR);
                settled.map_or(retry, |settled| settled.max(floor.unwrap_or(settled)).min(retry))
            }
            None => settled.map_or(self.scan_at, |settled| settled.min(self.scan_at)),
        };
        Some(self.asked.map_or(unasked, |asked| asked.min(unasked)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);

    fn of_host() -> (Schedule, Instant) {
        let (mut schedule, now) = (Schedule::new(|| u64::MAX), Instant::now());
        schedule.add(Target::Host, 5 * MINUTE, 5 * MINUTE, now);
        (schedule, now)
    }

    /// Runs the turn that is due at `at`; answers it.
    fn run(schedule: &mut Schedule, at: Instant, ended: Ended) -> Option<Turn> {
        let turn = schedule.start(at).pop()?.1;
        schedule.ended(&Target::Host, ended, at);
        Some(turn)
    }

    #[test]
    fn a_wake_during_a_look_is_held_and_runs_once() {
        let (mut schedule, now) = of_host();
        assert_eq!(schedule.start(now).len(), 1);
        for _ in 0..100 {
            schedule.wake(&Target::Host, Wake::Event, now);
            schedule.wake(&Target::Host, Wake::Now, now);
        }
        assert!(schedule.start(now + MINUTE).is_empty(), "one look at a time");
        schedule.ended(&Target::Host, Ended::Well, now);
        assert!(!schedule.settled_since(now));
        assert_eq!(run(&mut schedule, now, Ended::Well).map(|turn| turn.announced), Some(true));
        assert!(schedule.start(now + MINUTE).is_empty(), "a hundred wakes are one look");
        assert!(schedule.settled_since(now));
    }

    #[test]
    fn events_settle_but_not_for_ever() {
        let (mut schedule, now) = of_host();
        run(&mut schedule, now, Ended::Well);
        schedule.wake(&Target::Host, Wake::Event, now);
        assert_eq!(schedule.next(), Some(now + QUIET));
        let mut at = now;
        while at < now + 2 * CEILING {
            schedule.wake(&Target::Host, Wake::Event, at);
            at += QUIET / 2;
        }
        assert_eq!(schedule.next(), Some(now + CEILING));
    }

    #[test]
    fn events_bring_a_retry_forward_and_inflate_nothing() {
        let (mut schedule, mut now) = of_host();
        for _ in 0..6 {
            run(&mut schedule, now, Ended::Failed).expect("due");
            now = schedule.next().expect("a retry");
        }
        let (failures, retry) = (schedule.failures(&Target::Host), schedule.next());
        assert_eq!(failures, 6);
        for _ in 0..1000 {
            schedule.wake(&Target::Host, Wake::Event, now);
        }
        assert_eq!(schedule.failures(&Target::Host), failures, "an event is no failure");
        let forward = schedule.next();
        assert!(forward <= retry, "and never puts a retry off");
        let ended = now;
        run(&mut schedule, now, Ended::Failed).expect("due");
        schedule.wake(&Target::Host, Wake::Event, ended);
        assert_eq!(schedule.next(), Some(ended + FLOOR), "brought forward, and not to nothing");
    }

    #[test]
    fn a_new_commit_begins_anew_and_success_forgets() {
        let (mut schedule, now) = of_host();
        for n in 0..8 {
            run(&mut schedule, now + n * 10 * MINUTE, Ended::Failed);
        }
        let later = now + 72 * MINUTE;
        schedule.renew(later);
        assert_eq!((schedule.failures(&Target::Host), schedule.next()), (0, Some(later)));
    }

    #[test]
    fn one_sick_target_delays_no_other() {
        let (mut schedule, now) = of_host();
        let sick = Target::Database("sick".to_owned());
        schedule.add(sick.clone(), MINUTE, MINUTE, now);
        assert_eq!(schedule.start(now).len(), 2);
        schedule.ended(&Target::Host, Ended::Well, now);
        schedule.wake(&Target::Host, Wake::Now, now + QUIET);
        let started = schedule.start(now + QUIET);
        assert_eq!(started.iter().map(|(target, _)| target).collect::<Vec<_>>(), [&Target::Host]);
        assert!(schedule.is_running(&sick));
    }

    #[test]
    fn while_it_is_suspended_nothing_is_due_and_nothing_is_lost() {
        let (mut schedule, now) = of_host();
        run(&mut schedule, now, Ended::Well);
        schedule.suspend(true);
        schedule.wake(&Target::Host, Wake::Event, now);
        assert_eq!(schedule.next(), None);
        assert!(schedule.start(now + 60 * MINUTE).is_empty());
        schedule.suspend(false);
        assert_eq!(schedule.start(now + QUIET).len(), 1);
    }

    #[test]
    fn the_periodic_look_is_full_and_no_other() {
        let (mut schedule, now) = of_host();
        assert_eq!(run(&mut schedule, now, Ended::Well).map(|turn| turn.full), Some(true));
        schedule.wake(&Target::Host, Wake::Event, now);
        let turn = run(&mut schedule, now + MINUTE, Ended::Well);
        assert_eq!(turn, Some(Turn { full: false, announced: true }));
        assert_eq!(run(&mut schedule, now + 4 * MINUTE, Ended::Well), None);
        let turn = run(&mut schedule, now + 5 * MINUTE, Ended::Well);
        assert_eq!(turn, Some(Turn { full: true, announced: false }));
    }
}
