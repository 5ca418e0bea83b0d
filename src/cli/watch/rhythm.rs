//! Which targets there are and how often each is looked at, by the configuration as it is now.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::watcher::Watcher;
use crate::cli::planning::CLOCK;
use crate::controller::{Target, Wake, Why};
use crate::desired;
use crate::model::{Clock as _, Digest};

impl Watcher<'_> {
    /// Gives every target of desired state its place in the schedule.
    pub(super) fn arrange(&mut self, now: Instant) {
        let watch = self.config.watch.value;
        let source = self.config.source.value.as_deref().unwrap_or_default();
        let fetched = desired::source::is_fetched(source);
        let source_every =
            if fetched || !self.events.hears_references() { watch.poll } else { watch.interval };
        self.schedule.add(Target::Source, source_every, source_every, now);
        let mut targets = vec![Target::Source];
        if let Some(taken) = &self.taken {
            let of = |resource: &desired::Resource| Target::of(resource.spec.database());
            targets.extend(taken.desired.resources.values().map(of));
        }
        targets.sort();
        targets.dedup();
        for target in targets.iter().filter(|target| **target != Target::Source) {
            let every = watch.interval;
            self.schedule.add(target.clone(), every, self.phase(every), now);
        }
        self.schedule.retain(|target| targets.contains(target));
        self.record.knowledge.retain_targets(|target| targets.contains(target));
        self.courses.retain(|target, _| targets.contains(target));
    }

    /// A share of the interval that is this host's own, so that hosts started together do not look together.
    fn phase(&self, every: Duration) -> Duration {
        let digest = Digest::of(self.ledger.host().as_bytes()).to_string();
        let share = u32::from_str_radix(&digest[..4], 16).unwrap_or_default();
        every * (share / 2 + 0x8000) / 0x1_0000
    }

    /// A clock that was set, and a machine that slept, leave verdicts whose age nobody can tell: everything is looked at.
    pub(super) fn notice_clock(&mut self, now: Instant) {
        if let Some(by) = self.steady.stepped(now, CLOCK.now()) {
            self.outside.clock_stepped(by);
            self.wake_all(now);
        }
    }

    /// Somebody should look at everything.
    pub(super) fn wake_all(&mut self, now: Instant) {
        let targets: Vec<Target> = self.schedule.targets().cloned().collect();
        for target in targets {
            self.schedule.wake(&target, Wake::Now, now);
        }
    }

    /// Reads the configuration again; one that is not valid changes nothing.
    pub(super) async fn reload(&mut self) {
        self.outside.reloading();
        let followed = match super::configured(self.global) {
            Ok(config) => self.outside.reload(&config).await.map(|later| (config, later)),
            Err(failure) => Err(failure),
        };
        match followed {
            Ok((config, later)) => {
                self.later = later;
                self.config = Arc::new(config);
                self.facts.trouble = None;
                self.events.forget();
                self.arrange(Instant::now());
                self.watch_references();
                self.watch_files();
                // What was refused under the old configuration may be taken under the new one.
                self.schedule.renew(Instant::now());
                self.wake_all(Instant::now());
            }
            Err(failure) => {
                let why = Why::ConfigInvalid;
                self.facts.trouble = Some((why, failure.message.clone()));
                self.output
                    .say(&format!("the configuration stays as it was: {}\n", failure.message));
            }
        }
        self.publish();
        self.outside.ready();
    }
}
