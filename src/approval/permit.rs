//! The right to run a plan once, and the right to do one of its steps: values that nobody can make, copy or keep.
//!
//! A [`Permit`] exists only after the ledger says that the plan is used up, so whatever crashes, no plan runs twice. A
//! [`StepPermit`] exists only after the ledger says that the step is about to be done, and is gone when it is said how it
//! ended. Whatever changes something takes one by value.
//!
//! Nobody makes a permit:
//! ```compile_fail,E0451
//! # use countersign::approval::Permit;
//! fn forge(plan: countersign::plan::Plan) -> Permit {
//!     Permit { plan, digest: todo!(), next: 0, until: todo!() }
//! }
//! ```
//! or a second one out of a first:
//! ```compile_fail,E0599
//! # use countersign::approval::Permit;
//! fn twice(permit: Permit) -> (Permit, Permit) { (permit.clone(), permit) }
//! ```
//! or runs one step after another with one step's permit:
//! ```compile_fail,E0382
//! # use countersign::{approval::StepPermit, ledger::{Ledger, Outcome}};
//! fn reuse(permit: StepPermit<'_>, ledger: &mut Ledger) {
//!     let _ = permit.close(ledger, Outcome::Applied, "once", None);
//!     let _ = permit.close(ledger, Outcome::Applied, "twice", None);
//! }
//! ```
//! or has two steps under way:
//! ```compile_fail,E0499
//! # use countersign::{approval::Permit, killswitch::Armed, ledger::Ledger, model::Timestamp};
//! fn both(permit: &mut Permit, a: Armed, b: Armed, now: Timestamp, ledger: &mut Ledger) {
//!     let one = permit.step(a, now, ledger, &[]);
//!     let two = permit.step(b, now, ledger, &[]);
//!     drop((one, two));
//! }
//! ```
//! or does a step on an answer of the switch that was used already:
//! ```compile_fail,E0382
//! # use countersign::{approval::Permit, killswitch::Armed, ledger::Ledger, model::Timestamp};
//! fn stale(permit: &mut Permit, armed: Armed, now: Timestamp, ledger: &mut Ledger) {
//!     drop(permit.step(armed, now, ledger, &[]));
//!     drop(permit.step(armed, now, ledger, &[]));
//! }
//! ```
//! or consumes a plan without a quorum:
//! ```compile_fail,E0308
//! # use countersign::{approval::{Permit, QuorumMet}, ledger::Ledger, plan::Plan};
//! fn alone(plan: Plan, bytes: &[u8], ledger: &mut Ledger) {
//!     let _ = Permit::consume(plan, bytes, None, ledger);
//! }
//! ```
//! The one way, which compiles:
//! ```
//! # use countersign::{approval::{Permit, QuorumMet}, killswitch::Armed, ledger::{Ledger, Outcome}, model::Timestamp, plan::Plan};
//! fn run(plan: Plan, bytes: &[u8], met: QuorumMet, armed: Armed, now: Timestamp, ledger: &mut Ledger)
//!     -> Result<(), countersign::approval::PermitError> {
//!     let mut permit = Permit::consume(plan, bytes, met, ledger)?;
//!     if let Some(step) = permit.step(armed, now, ledger, &[])? {
//!         step.close(ledger, Outcome::Applied, "done", None)?;
//!     }
//!     Ok(())
//! }
//! ```

use crate::action::Condition;
use crate::killswitch::{Armed, Verb};
use crate::ledger::event::{PermitConsumed, QuorumMet as Met, StepIntent, StepOutcome};
use crate::ledger::{Attachment, Ledger, LedgerError, Outcome};
use crate::model::{Digest, Timestamp};
use crate::plan::{Plan, Step};

use super::{QuorumMet, SEEN};

/// Why there is no permit.
#[derive(Debug, thiserror::Error)]
pub enum PermitError {
    /// It could not be recorded, so nothing may be done.
    #[error("it could not be recorded, and what is not recorded is not done")]
    Ledger(#[from] LedgerError),
    /// The quorum is about another plan.
    #[error("what was approved is plan {approved:?}, and this is {found:?}")]
    OtherPlan {
        /// What was approved.
        approved: Digest,
        /// What was to run.
        found: Digest,
    },
    /// The first of the approvals has expired, or the plan has.
    #[error("the approval ended at {until}")]
    Expired {
        /// When.
        until: Timestamp,
    },
    /// The switch was asked for something else.
    #[error("the switch was asked about another verb")]
    OtherVerb,
}

/// The right to run a plan, once.
#[derive(Debug)]
#[must_use = "a plan whose permit nobody uses is used up all the same"]
pub struct Permit {
    plan: Plan,
    digest: Digest,
    next: usize,
    until: Timestamp,
}

/// The right to do one step, now.
#[derive(Debug)]
#[must_use = "an unused permit leaves an open intent on the ledger"]
pub struct StepPermit<'p> {
    step: &'p Step,
    plan: Digest,
}

impl Permit {
    /// Records that the quorum is met and that the plan is used up. On the disk when this returns.
    ///
    /// # Errors
    /// When that cannot be recorded, or the quorum is about other bytes.
    #[expect(clippy::needless_pass_by_value, reason = "a quorum is spent by whoever acts on it")]
    pub fn consume(
        plan: Plan,
        bytes: &[u8],
        met: QuorumMet,
        ledger: &mut Ledger,
    ) -> Result<Self, PermitError> {
        let digest = Digest::of(bytes);
        if met.plan() != digest {
            return Err(PermitError::OtherPlan { approved: met.plan(), found: digest });
        }
        let approvers = met.approvals().iter().map(|one| one.approver.clone()).collect();
        ledger.append(&Met { plan: digest, approvers }.into(), &[])?;
        let consumed = PermitConsumed { plan: digest, plan_id: plan.id.clone() };
        ledger.append(&consumed.into(), &[])?;
        ledger.checkpoint()?;
        Ok(Self { plan, digest, next: 0, until: met.until() })
    }

    /// The step that comes next, before it is begun; none when all are done.
    #[must_use]
    pub fn peek(&self) -> Option<&Step> {
        self.plan.steps.get(self.next)
    }

    /// What runs.
    #[must_use]
    pub const fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Of its bytes.
    #[must_use]
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// Begins the next step: the intent is on the disk when this returns. None when all steps were begun.
    ///
    /// # Errors
    /// When that cannot be recorded, or the approval has ended meanwhile.
    pub fn step(
        &mut self,
        armed: Armed,
        now: Timestamp,
        ledger: &mut Ledger,
        attachments: &[Attachment<'_>],
    ) -> Result<Option<StepPermit<'_>>, PermitError> {
        if armed.verb() != Verb::Apply {
            return Err(PermitError::OtherVerb);
        }
        drop(armed);
        if now.max(ledger.newest()) > self.until {
            return Err(PermitError::Expired { until: self.until });
        }
        let Some(step) = self.plan.steps.get(self.next) else { return Ok(None) };
        let intent = StepIntent {
            plan: self.digest,
            step: step.n,
            resource: step.resources.join(", "),
            action: step.action.name().to_owned(),
        };
        ledger.append(&intent.into(), attachments)?;
        self.next += 1;
        Ok(Some(StepPermit { step, plan: self.digest }))
    }
}

impl StepPermit<'_> {
    /// What may be done.
    #[must_use]
    pub const fn step(&self) -> &Step {
        self.step
    }

    /// Records how it ended, with the state that was seen afterwards.
    ///
    /// # Errors
    /// When that cannot be recorded.
    pub fn close(
        self,
        ledger: &mut Ledger,
        outcome: Outcome,
        detail: &str,
        seen: Option<&Condition>,
    ) -> Result<(), PermitError> {
        let event =
            StepOutcome { plan: self.plan, step: self.step.n, outcome, detail: detail.to_owned() };
        let seen = seen.and_then(|seen| serde_json::to_vec(seen).ok());
        let attachment = seen.as_ref().map(|bytes| Attachment { name: SEEN, bytes });
        ledger.append(&event.into(), attachment.as_slice())?;
        Ok(())
    }
}
