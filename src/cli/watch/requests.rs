//! What is asked over the control socket is done or refused, and whoever waits is answered when there is an answer.

use std::time::{Duration, Instant};

use super::control::Asked;
use super::watcher::{Waiter, Watcher};
use crate::cli::planning::CLOCK;
use crate::controller::status::Suspension;
use crate::controller::{Answer, Request};
use crate::ledger::event::{WatchResumed, WatchSuspended};
use crate::model::display::one_line;
use crate::model::{Clock as _, Period, Timestamp};

impl Watcher<'_> {
    /// Answers a request, or notes who waits.
    pub(super) fn asked(&mut self, asked: Asked) {
        let Asked { request, by, answer } = asked;
        self.requests += 1;
        let (number, now) = (self.requests, Instant::now());
        let taken = |until| Answer::Taken { request: number, until };
        let suspended = self.suspension(CLOCK.now()).map(|set| set.until);
        let answered = match (request, suspended) {
            (Request::Status { wait: false }, _) | (Request::Status { wait: true }, Some(_)) => {
                Answer::Status { status: Box::new(self.status()) }
            }
            (Request::Status { wait: true }, None) => {
                // Since ever: what is under way or due has to end, and nothing has to begin.
                let since = None;
                self.waiters.push((number, Waiter { since, answer }));
                return;
            }
            (Request::Reconcile { .. }, Some(until)) => {
                let message = format!("suspended until {until}; `countersign resume` ends that");
                Answer::Refused { message }
            }
            (Request::Reconcile { wait }, None) => {
                self.wake_all(now);
                if wait {
                    self.waiters.push((number, Waiter { since: Some(now), answer }));
                    return;
                }
                self.handled = number;
                taken(None)
            }
            (Request::Suspend { reason, seconds }, _) => {
                let until = CLOCK.now().after(Period::from_seconds(seconds));
                self.suspend(&by, &reason, until)
                    .map_or_else(|message| Answer::Refused { message }, |()| taken(Some(until)))
            }
            (Request::Resume {}, _) => {
                self.resume(by);
                taken(None)
            }
        };
        // Whoever went away needs no answer.
        drop(answer.send(answered));
    }

    /// Answers those for whom everything is done.
    pub(super) fn answer_waiters(&mut self) {
        if self.waiters.is_empty() {
            return;
        }
        let suspended = self.suspension(CLOCK.now()).is_some();
        let schedule = &self.schedule;
        let ready = |waiter: &Waiter| match waiter.since {
            _ if suspended => true,
            Some(since) => schedule.settled_since(since),
            None => !schedule.busy(),
        };
        let (ready, waiting): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.waiters).into_iter().partition(|(_, one)| ready(one));
        self.waiters = waiting;
        for (number, waiter) in ready {
            self.handled = self.handled.max(number);
            let status = Box::new(self.status());
            drop(waiter.answer.send(Answer::Status { status }));
        }
    }

    /// The suspension that is in force.
    pub(super) fn suspension(&self, now: Timestamp) -> Option<&Suspension> {
        self.record.suspended.as_ref().filter(|set| set.until > now)
    }

    pub(super) fn suspension_ends(&self) -> Option<Instant> {
        let now = CLOCK.now();
        let left = self.suspension(now)?.until.unix_seconds() - now.unix_seconds();
        // Asked again now and then, for the clock may be set.
        let left = u64::try_from(left).unwrap_or(0).clamp(1, 60);
        Some(Instant::now() + Duration::from_secs(left))
    }

    fn suspend(&mut self, by: &str, reason: &str, until: Timestamp) -> Result<(), String> {
        let reason = one_line(reason, 400);
        let (by, since) = (one_line(by, 80), CLOCK.now());
        let event = WatchSuspended { by: by.clone(), reason: reason.clone(), until };
        if !self.note(&event.into()) {
            return Err(
                "the ledger cannot be written, and nobody could tell later who did it".to_owned()
            );
        }
        self.record.suspended = Some(Suspension { by, reason, since, until });
        self.schedule.suspend(true);
        self.publish();
        Ok(())
    }

    fn resume(&mut self, by: String) {
        if self.record.suspended.take().is_some() {
            self.note(&WatchResumed { by }.into());
        }
        self.schedule.suspend(false);
        self.wake_all(Instant::now());
        self.publish();
    }

    /// A suspension begins with what the ledger says, and ends by time.
    pub(super) fn suspend_or_resume(&mut self) {
        if self.record.suspended.is_none() {
            return;
        }
        if self.suspension(CLOCK.now()).is_some() {
            self.schedule.suspend(true);
        } else {
            self.resume("time".to_owned());
        }
    }
}
