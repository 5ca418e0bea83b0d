//! The answer to a commit: which resources it made pending, and a draft of the plan that would follow it.
//!
//! Made by the very code of `plan`. Nobody has sealed it, nothing runs it, and `plan` makes it again before anybody is asked
//! to sign.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::source::Taken;
use super::watcher::{Watcher, random};
use crate::cli::error::Failure;
use crate::cli::planning::{self, CLOCK, Planned};
use crate::cli::{exit, trusting};
use crate::config::Config;
use crate::controller::Why;
use crate::controller::backoff::Backoff;
use crate::controller::status::Draft;
use crate::ledger::event::PlanDrafted;
use crate::model::display::one_line;
use crate::model::{Clock as _, Decimal, Digest, Period, ResourceName};
use crate::plan::{self, Scope};

/// How long a draft says that it may be begun; `plan` says it anew.
const VALID: Period = Period::from_seconds(86_400);

/// How long a draft that is to be tried again waits while nothing may be looked at.
const SUSPENDED: Duration = Duration::from_mins(1);

/// What a draft is made from.
pub(super) struct Task {
    config: Arc<Config>,
    taken: Taken,
    commit: String,
    pending: Vec<ResourceName>,
    deadline: Duration,
}

/// What came of it.
pub(super) struct Drafted {
    commit: String,
    pending: Vec<ResourceName>,
    planned: Result<Planned, Failure>,
}

/// A draft that could not be made is tried again, for what stood in its way may pass: a full disk, a database that is down.
#[derive(Debug, Default)]
pub(super) struct Redraft {
    backoff: Backoff,
    pub(super) at: Option<Instant>,
}

/// Makes a draft.
pub(super) async fn make(task: Task) -> Drafted {
    let Task { config, taken, commit, pending, deadline } = task;
    let planned = async {
        let request = planning::Request {
            scope: Scope::Host,
            id: planning::nonce()?,
            valid: VALID,
            deadline,
            ledgers: BTreeMap::new(),
            trust: trusting::digest(&config).unwrap_or_default(),
            reader: None,
            clock: &CLOCK,
        };
        planning::plan_from(&config, &taken.tree, Arc::clone(&taken.desired), request).await
    };
    let most = 3 * deadline + Duration::from_secs(15);
    let planned = tokio::time::timeout(most, planned).await.unwrap_or_else(|_| {
        let message = format!("it was not made within {} s", most.as_secs());
        Err(Failure::new(exit::UNKNOWN, message))
    });
    Drafted { commit, pending, planned }
}

impl Watcher<'_> {
    /// Tries once more what could not be drafted.
    pub(super) fn draft_again(&mut self, now: Instant) {
        if self.redraft.at.is_none_or(|at| at > now) {
            return;
        }
        // To draft is to look as well.
        let suspended = self.suspension(CLOCK.now()).is_some();
        self.redraft.at = suspended.then(|| now + SUSPENDED);
        if !suspended {
            self.spawn_draft_of_now();
        }
    }

    /// Drafts a plan when everything was looked at and what there is to plan is not what it was.
    pub(super) fn draft_if_due(&mut self) {
        let Some(taken) = self.taken.clone() else { return };
        let (Some(commit), true) = (taken.desired.commit.clone(), taken.desired.pinned) else {
            return;
        };
        if self.drafting || !self.is_complete() {
            return;
        }
        let wanting = self.record.knowledge.wanting();
        let text: Vec<String> = wanting.iter().map(ToString::to_string).collect();
        let about = Digest::of(format!("{commit}\n{}", text.join("\n")).as_bytes());
        if self.drafted == Some(about) {
            return;
        }
        if wanting.is_empty() {
            self.drafted = Some(about);
            self.facts.draft = None;
            self.redraft = Redraft::default();
            self.draft = None;
            // One that stays is no danger: nobody has sealed it.
            self.published.remove_draft().ok();
            self.publish();
            return;
        }
        self.redraft = Redraft::default();
        if !self.fuse.allows(CLOCK.now()) {
            let message = "too many different drafts within an hour; no more are made for a while";
            self.facts.draft = Some((Why::FuseBlown, message.to_owned()));
            self.publish();
            return;
        }
        self.drafted = Some(about);
        self.spawn_draft_of_now();
    }

    /// Makes a draft of what is in force. It may have moved on since one was due; then that is found when this one is made.
    fn spawn_draft_of_now(&mut self) {
        let Some(taken) = self.taken.clone() else { return };
        let Some(commit) = taken.desired.commit.clone() else { return };
        if self.drafting {
            return;
        }
        let pending = self.record.knowledge.pending();
        let (config, deadline) = (Arc::clone(&self.config), self.config.watch.value.deadline);
        self.spawn_draft(Task { config, taken, commit, pending, deadline });
    }

    pub(super) fn take_draft(&mut self, drafted: Drafted) {
        self.drafting = false;
        let Drafted { commit, pending, planned } = drafted;
        let kept = planned.map_err(|failure| failure.message).and_then(|planned| {
            let steps = planned.plan.steps.len() as u64;
            let effect = plan::effect(&planned.plan).map_err(|e| e.to_string())?;
            let resources = planned.plan.steps.iter().flat_map(|step| step.resources.clone());
            let mut draft = Draft {
                commit: commit.clone(),
                effect: None,
                steps,
                resources: resources.collect(),
                pending,
                file: None,
                made_at: CLOCK.now(),
            };
            if steps > 0 {
                let bytes = planned.plan.write().map_err(|e| e.to_string())?;
                let file = self.published.write_draft(&bytes).map_err(|e| e.to_string())?;
                (draft.effect, draft.file) = (Some(effect.to_string()), Some(file));
            } else {
                self.published.remove_draft().ok();
            }
            Ok((draft, effect))
        });
        match kept {
            Ok((draft, effect)) => {
                self.facts.draft = None;
                self.redraft = Redraft::default();
                let same = self.draft.as_ref().is_some_and(|earlier| {
                    (&earlier.commit, &earlier.effect) == (&draft.commit, &draft.effect)
                });
                if !same {
                    let event = PlanDrafted {
                        commit,
                        effect: Some(effect).filter(|_| draft.steps > 0),
                        steps: Decimal(draft.steps),
                        pending: Decimal(draft.pending.len() as u64),
                    };
                    self.note(&event.into());
                }
                self.draft = Some(draft);
            }
            Err(message) => {
                self.facts.draft = Some((Why::DraftFailed, one_line(&message, 400)));
                self.redraft.at = Some(Instant::now() + self.redraft.backoff.failed(random()));
            }
        }
        self.publish();
        // What was found while it was made.
        self.draft_if_due();
    }
}
