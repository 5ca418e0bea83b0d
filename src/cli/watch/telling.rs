//! What was found is put on the ledger and into the status.

use std::collections::BTreeSet;
use std::time::Instant;

use super::looks::{Seen, Task};
use super::source::{Refused, Taken};
use super::watcher::Watcher;
use crate::cli::planning::CLOCK;
use crate::config::Verify;
use crate::controller::status::{Converged, SCHEMA, SourceStatus, Status, TargetStatus, VERSION};
use crate::controller::{Ended, Look, Target, Transition, Why, conditions, knowledge, record};
use crate::drift::Verdict;
use crate::killswitch;
use crate::ledger::Event;
use crate::ledger::event::{DesiredConverged, Refused as RefusedEvent, SourceAccepted};
use crate::model::display::one_line;
use crate::model::{Clock as _, Period, ResourceName, Timestamp};

/// So many transitions wait for a ledger that cannot be written, at most.
const UNRECORDED_MAX: usize = 10_000;

impl Watcher<'_> {
    /// Takes in a look.
    pub(super) fn take_look(&mut self, task: &Task, seen: Seen, now: Instant) {
        let target = &task.target;
        let failed = knowledge::has_failed(&seen.report);
        let wanted = self.taken.as_ref().is_some_and(|taken| {
            let of = |r: &crate::desired::Resource| Target::of(r.spec.database()) == *target;
            taken.desired.resources.values().any(of)
        });
        if wanted {
            let at = seen.report.header.observed_at;
            let course = self.courses.entry(target.clone()).or_default();
            (course.observed_at, course.took) = (Some(at), seen.took);
            course.error.clone_from(&failed);
            if let Some(why) = &failed {
                self.outside.failed(&target.to_string(), why);
            }
            if failed.is_none() {
                course.last_success = Some(at);
            }
            self.take_report(task, seen);
        }
        let ended = if failed.is_some() { Ended::Failed } else { Ended::Well };
        self.schedule.ended(target, ended, now);
        self.converge();
        self.publish();
        self.draft_if_due();
    }

    fn take_report(&mut self, task: &Task, seen: Seen) {
        let target = &task.target;
        let knowledge = &mut self.record.knowledge;
        let again = knowledge.look(target).is_some_and(|look| look.generation == task.generation);
        let mut report = seen.report;
        // A look of an earlier commit may end after that commit was left: what is not wanted any more is not brought back.
        if let Some(taken) = &self.taken {
            report.resources.retain(|one| taken.desired.resources.contains_key(&one.resource));
        }
        let look = Look { report, generation: task.generation };
        let transitions = knowledge.take(target, look);
        let unheard = task.turn.full && !task.turn.announced && !self.schedule.is_woken(target);
        if unheard && again && *target == Target::Host && !transitions.is_empty() {
            self.missed += 1;
        }
        self.record_transitions(transitions);
    }

    /// Puts what changed on the ledger; what does not get there waits for the next time.
    fn record_transitions(&mut self, transitions: Vec<Transition>) {
        self.unrecorded.extend(transitions);
        self.unrecorded.truncate(UNRECORDED_MAX);
        for entry in record::entries(&self.unrecorded) {
            let written = entry.changes.len();
            if !self.note(&entry.into()) {
                return;
            }
            self.unrecorded.drain(..written);
        }
    }

    /// Writes to the ledger. Where that fails, everything goes on but for the record, and the conditions say so.
    pub(super) fn note(&mut self, event: &Event) -> bool {
        match self.ledger.append(event, &[]) {
            Ok(_) => {
                if matches!(self.facts.trouble, Some((Why::LedgerFails, _))) {
                    self.facts.trouble = None;
                }
                true
            }
            Err(error) => {
                let message = one_line(&error.to_string(), 400);
                self.facts.trouble = Some((Why::LedgerFails, message));
                false
            }
        }
    }

    /// A new commit is in force. That stands on the ledger before anything rests on it, so that nothing can take it back.
    pub(super) fn accept(&mut self, taken: &Taken) -> bool {
        let desired = &taken.desired;
        let now = CLOCK.now();
        let (Some(commit), true) = (&desired.commit, desired.pinned) else {
            self.forget_unwanted(desired, now);
            return true;
        };
        let previous = self.record.accepted.as_ref().map(|(commit, _)| commit.clone());
        if previous.as_ref() != Some(commit) {
            let signers = taken.signers.iter().cloned().collect();
            let event = SourceAccepted { commit: commit.clone(), previous, signers };
            if !self.note(&event.into()) {
                return false;
            }
            self.record.generation += 1;
            self.record.accepted = Some((commit.clone(), now));
        }
        self.forget_unwanted(desired, now);
        true
    }

    fn forget_unwanted(&mut self, desired: &crate::desired::Desired, now: Timestamp) {
        let wanted: BTreeSet<ResourceName> = desired.resources.keys().cloned().collect();
        let commit = desired.commit.as_deref();
        let gone = self.record.knowledge.retain(&wanted, commit, now);
        self.record_transitions(gone);
    }

    /// The newest commit is not taken: once for each commit and reason that stands on the ledger.
    pub(super) fn refuse(&mut self, refused: Refused) {
        let known = self.refused.as_ref();
        let new = known.is_none_or(|known| {
            (known.why, &known.commit, &known.message)
                != (refused.why, &refused.commit, &refused.message)
        });
        let unreachable = refused.why == Why::SourceUnreachable;
        if new && !unreachable {
            let code = serde_json::to_value(refused.why).ok();
            let code = code.and_then(|code| code.as_str().map(str::to_owned)).unwrap_or_default();
            let commit = refused.commit.as_deref().unwrap_or("the newest commit");
            let detail = one_line(&format!("{commit}: {}", refused.message), 1000);
            let event = RefusedEvent { verb: "watch".to_owned(), code, plan: None, detail };
            self.note(&event.into());
            self.output
                .say(&format!("desired state is refused: {}\n", one_line(&refused.message, 400)));
        }
        self.refused = Some(refused);
    }

    /// Was everything looked at by what is in force?
    pub(super) fn is_complete(&self) -> bool {
        let mut targets = self.schedule.targets().filter(|target| **target != Target::Source);
        let current = |target: &Target| {
            let look = self.record.knowledge.look(target);
            look.is_some_and(|look| look.generation == self.serial)
        };
        self.taken.is_some() && targets.all(current)
    }

    /// Everything is what the commit says: from now on, what desired state moves away from this is pending.
    fn converge(&mut self) {
        let Some(taken) = &self.taken else { return };
        let (Some(commit), true) = (&taken.desired.commit, taken.desired.pinned) else { return };
        let known = self.record.converged.as_ref().is_some_and(|now| now.commit == *commit);
        if known || !self.is_complete() || self.record.knowledge.summary().0 != Verdict::InSync {
            return;
        }
        let (commit, desired) = (commit.clone(), taken.desired.clone());
        if self.note(&DesiredConverged { commit: commit.clone() }.into()) {
            self.record.converged = Some(Converged { commit, at: CLOCK.now() });
            self.baseline = Some(desired);
        }
    }

    /// What is known now.
    pub(super) fn status(&self) -> Status {
        let now = CLOCK.now();
        let resources = self.record.knowledge.resources();
        let (verdict, summary) = crate::controller::status::summed(&resources);
        let complete = self.is_complete();
        let generation = self.record.generation;
        // Nothing is fine that nobody looked at.
        let verdict = if complete { verdict } else { verdict.max(Verdict::Unknown) };
        let behind = self.status.as_ref().map_or(0, |earlier| earlier.observed_generation);
        let mut status = Status {
            schema: SCHEMA.to_owned(),
            version: VERSION,
            host: self.taken.as_ref().map_or_else(
                || self.config.host.value.clone().unwrap_or_default(),
                |taken| taken.desired.host.clone(),
            ),
            run: self.run.clone(),
            pid: std::process::id(),
            written_at: now,
            max_age_seconds: self.config.watch.value.max_age.as_secs(),
            verdict,
            summary,
            conditions: self.status.as_ref().map_or_else(Vec::new, |s| s.conditions.clone()),
            generation,
            observed_generation: if complete { generation } else { behind },
            source: self.source_status(),
            converged: self.record.converged.clone(),
            targets: self
                .schedule
                .targets()
                .map(|target| self.target_status(target, now))
                .collect(),
            suspended: self.suspension(now).cloned(),
            draft: self.draft.clone(),
            files: self.events.shown(self.overflows),
            confinement: Some(self.outside.confinement()),
            missed_by_events: self.missed,
            last_handled_request: self.handled,
            notes: self.notes(),
            resources,
        };
        let mut facts = self.facts.clone();
        facts.busy = self.schedule.busy();
        facts.complete = complete;
        facts.source = match (&self.refused, &self.taken) {
            (Some(refused), _) => Some((refused.why, refused.message.clone())),
            (None, None) => Some((Why::NotYet, "it was not had yet".to_owned())),
            (None, Some(_)) => None,
        };
        facts.halted = halted(&self.config.data.value);
        status.conditions = conditions::judge(&status, &facts, now);
        status
    }

    /// What looks said, and which sections of the configuration are not in force yet.
    fn notes(&self) -> Vec<String> {
        let later = self.later.iter().map(|section| {
            format!("`{section}` of the configuration changed, and counts after a restart")
        });
        let looks = self.record.knowledge.report().map_or_else(Vec::new, |r| r.header.notes);
        later.chain(looks).collect()
    }

    fn source_status(&self) -> SourceStatus {
        let source = self.config.source.value.as_deref().unwrap_or_default();
        let desired = self.taken.as_ref().map(|taken| &taken.desired);
        let pinned = desired.filter(|desired| desired.pinned);
        SourceStatus {
            origin: crate::desired::source::without_secret(source),
            revision: self.config.revision.value.clone(),
            commit: pinned.and_then(|desired| desired.commit.clone()),
            accepted_at: self.record.accepted.as_ref().map(|(_, at)| *at),
            verified: self.config.verify.value == Verify::Signed && pinned.is_some(),
            had_at: self.source_had,
            refused_commit: self.refused.as_ref().and_then(|refused| refused.commit.clone()),
            error: self.refused.as_ref().map(|refused| refused.message.clone()),
        }
    }

    fn target_status(&self, target: &Target, now: Timestamp) -> TargetStatus {
        let course = self.courses.get(target).cloned().unwrap_or_default();
        let next = self.schedule.next_of(target).map(|next| {
            let wait = next.saturating_duration_since(Instant::now());
            now.after(Period::from_seconds(wait.as_secs()))
        });
        let of_source = *target == Target::Source;
        let had = self.source_had.filter(|_| of_source);
        let refused = self.refused.as_ref().filter(|_| of_source);
        TargetStatus {
            target: target.clone(),
            observed_at: course.observed_at.or(had),
            last_success: course.last_success.or(had),
            milliseconds: u64::try_from(course.took.as_millis()).unwrap_or(u64::MAX),
            failures: self.schedule.failures(target),
            error: course.error.or_else(|| refused.map(|refused| refused.message.clone())),
            next,
        }
    }

    /// Writes the status. Where that fails the control socket still answers, and the conditions say so.
    pub(super) fn publish(&mut self) {
        let status = self.status();
        let written = serde_json::to_vec(&status)
            .map_err(std::io::Error::from)
            .and_then(|bytes| self.published.write_status(&bytes));
        match written {
            Ok(()) if matches!(self.facts.trouble, Some((Why::StateFails, _))) => {
                self.facts.trouble = None;
            }
            Ok(()) => {}
            Err(error) => {
                let message = one_line(&error.to_string(), 400);
                self.facts.trouble.get_or_insert((Why::StateFails, message));
            }
        }
        self.outside.recorded(self.ledger.reader().size());
        self.outside.tell(&status);
        self.outside.turned(self.status.as_ref(), &status);
        self.status = Some(status);
    }
}

/// Why changes are halted on this host, if they are. Whether one is set is not for the controller to doubt: it changes nothing.
fn halted(data: &std::path::Path) -> Option<String> {
    match killswitch::markers(data) {
        Ok(set) => set.first().map(|marker| one_line(&marker.to_string(), 200)),
        Err(error) => Some(one_line(&format!("it cannot be told: {error}"), 200)),
    }
}
