//! The only code that changes a host or a database, and only with a permit for exactly that step.
//!
//! Before a step the switch is read and the precondition is looked at, through the descriptor that is then changed. The
//! intent is on the disk before anything is done, and the outcome after it was looked at again. The first step that does
//! not end as it was signed ends the run.

#![expect(
    clippy::disallowed_methods,
    reason = "the one room that changes a host, with a permit for each step"
)]

mod asked;
mod confine;
mod key;
mod path;
mod postgres;
mod recover;
mod unit;

use std::fmt;
use std::sync::Arc;

use crate::action::{Action, Condition, PathState};
use crate::approval::{Permit, PermitError};
use crate::config::Config;
use crate::desired::Desired;
use crate::killswitch::{self, Halted, Verb};
use crate::ledger::event::{PlanDone, PlanFailed};
use crate::ledger::{Attachment, Ledger, LedgerError, Outcome, failpoint};
use crate::model::{Clock, Decimal, Digest, Unknown};
use crate::plan::Step;
use crate::probe::host::Host;

pub use confine::{Confinement, confine};
pub use recover::{Recovered, recover};

/// What a run works with.
#[derive(Clone, Copy)]
pub struct Means<'a> {
    /// The host, beneath its root.
    pub host: &'a Arc<Host>,
    /// The host's own configuration, for the switch.
    pub config: &'a Config,
    /// Who may own the folders above what is changed: root, and whoever owns a sandbox.
    pub owners: &'a [u32],
    /// The time.
    pub clock: &'a dyn Clock,
    /// Desired state, which says what a database is asked and what it should answer; or why there is none.
    pub desired: &'a (dyn Fn() -> Result<Arc<Desired>, String> + Sync),
}

impl fmt::Debug for Means<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Means").field("owners", &self.owners).finish_non_exhaustive()
    }
}

/// How a step ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepEnd {
    /// Its number.
    pub n: Decimal,
    /// How.
    pub outcome: Outcome,
    /// The same in words; escaped by whoever shows it.
    pub detail: String,
}

/// How a run ended.
#[derive(Debug)]
pub struct RunEnd {
    /// The steps that were begun, in order.
    pub steps: Vec<StepEnd>,
    /// Why it stopped before its end; none when every step was applied.
    pub stopped: Option<Stopped>,
}

/// Why a run stopped.
#[derive(Debug, thiserror::Error)]
pub enum Stopped {
    /// The switch was turned off, or somebody halted it.
    #[error(transparent)]
    Halted(#[from] Halted),
    /// The world is not what it was when the plan was made.
    #[error("step {n}: the precondition no longer holds: {detail}")]
    Precondition {
        /// The step that was not begun.
        n: Decimal,
        /// What differs.
        detail: String,
    },
    /// Another database answers than the one that was signed.
    #[error("step {n}: {detail}")]
    OtherDatabase {
        /// The step that was not begun.
        n: Decimal,
        /// Which, and which was meant.
        detail: String,
    },
    /// A step failed, or did not end as it was signed.
    #[error("step {n} {outcome}: {detail}")]
    Step {
        /// The step.
        n: Decimal,
        /// How it ended.
        outcome: Ended,
        /// What happened.
        detail: String,
    },
    /// It could not be recorded, or the approval ended.
    #[error(transparent)]
    Permit(#[from] PermitError),
}

/// How a step ended, as a word of a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended(pub Outcome);

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Outcome::Applied => "was applied",
            Outcome::Already => "had nothing to do",
            Outcome::Failed => "failed",
            Outcome::NotApplied => "was not applied",
            Outcome::Recovered => "had been applied",
            Outcome::Diverged => "did not end as it was signed",
        })
    }
}

/// Why something could not be done.
#[derive(Debug)]
pub(crate) struct Failed(String);

impl Failed {
    fn new(what: impl Into<String>) -> Self {
        Self(what.into())
    }

    fn of(what: &'static str) -> impl Fn(rustix::io::Errno) -> Self {
        move |errno| Self(format!("{what}: {errno}"))
    }
}

/// Why a step is not begun.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unready {
    /// Its precondition does not hold, or cannot be told.
    #[error("{0}")]
    Failed(Failed),
    /// It is for another database.
    #[error("{0}")]
    OtherDatabase(String),
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<Failed> for Unready {
    fn from(failed: Failed) -> Self {
        Self::Failed(failed)
    }
}

impl From<Unknown> for Unready {
    fn from(unknown: Unknown) -> Self {
        Self::Failed(unknown.into())
    }
}

impl From<Unknown> for Failed {
    fn from(unknown: Unknown) -> Self {
        Self(unknown.detail)
    }
}

/// Runs the steps of a plan, and records how it ended. `each` is told of every step that ended.
///
/// # Errors
/// When the end of the run could not be recorded; what was done is in the ledger step by step.
pub fn run(
    mut permit: Permit,
    means: &Means<'_>,
    ledger: &mut Ledger,
    each: &mut dyn FnMut(&Step, &StepEnd),
) -> Result<RunEnd, LedgerError> {
    let (digest, mut steps) = (permit.digest(), Vec::new());
    let mut stopped = None;
    while let Some(step) = permit.peek().cloned() {
        match one(&mut permit, &step, means, ledger) {
            Ok(end) => {
                each(&step, &end);
                let applied = end.outcome == Outcome::Applied;
                let (n, outcome, detail) = (end.n, Ended(end.outcome), end.detail.clone());
                steps.push(end);
                if !applied {
                    stopped = Some(Stopped::Step { n, outcome, detail });
                    break;
                }
            }
            Err(why) => {
                stopped = Some(why);
                break;
            }
        }
    }
    finish(digest, permit.peek(), stopped.as_ref(), ledger)?;
    Ok(RunEnd { steps, stopped })
}

fn finish(
    plan: Digest,
    next: Option<&Step>,
    stopped: Option<&Stopped>,
    ledger: &mut Ledger,
) -> Result<(), LedgerError> {
    let event = match stopped {
        None => PlanDone { plan }.into(),
        Some(why) => {
            let step = match why {
                Stopped::Precondition { n, .. }
                | Stopped::OtherDatabase { n, .. }
                | Stopped::Step { n, .. } => *n,
                _ => next.map_or(Decimal(0), |step| step.n),
            };
            PlanFailed { plan, step, detail: why.to_string() }.into()
        }
    };
    ledger.append(&event, &[])?;
    ledger.checkpoint()?;
    Ok(())
}

/// One step: switch, precondition, intent, act, look, outcome.
fn one(
    permit: &mut Permit,
    step: &Step,
    means: &Means<'_>,
    ledger: &mut Ledger,
) -> Result<StepEnd, Stopped> {
    let armed = killswitch::check(means.config, Verb::Apply)?;
    let precondition = |detail: String| Stopped::Precondition { n: step.n, detail };
    let ready = ready(step, permit, means).map_err(|why| match why {
        Unready::Failed(Failed(detail)) => precondition(detail),
        Unready::OtherDatabase(detail) => Stopped::OtherDatabase { n: step.n, detail },
    })?;
    let transaction = ready.transaction().map(str::to_owned);
    let attached = transaction
        .as_ref()
        .map(|number| Attachment { name: postgres::TRANSACTION, bytes: number.as_bytes() });
    let begun = permit.step(armed, means.clock.now(), ledger, attached.as_slice())?;
    let Some(step_permit) = begun else {
        return Err(precondition("there is no such step".to_owned()));
    };
    failpoint::boundary();
    let (outcome, detail, seen) = match ready {
        Ready::Path(ready) => {
            let acted = ready.act(&step_permit);
            failpoint::boundary();
            look(&ready, step_permit.step(), acted)
        }
        Ready::Sql(ready) => ready.run(&step_permit),
        Ready::Unit(ready) => ready.run(&step_permit),
        Ready::Key(ready) => ready.run(&step_permit),
    };
    step_permit.close(ledger, outcome, &detail, seen.as_ref())?;
    Ok(StepEnd { n: step.n, outcome, detail })
}

/// A step whose precondition holds, with what is held of it.
enum Ready<'a> {
    Path(path::Ready),
    Sql(Box<postgres::Ready<'a>>),
    Unit(unit::Ready<'a>),
    Key(key::Ready<'a>),
}

impl Ready<'_> {
    /// The number of the transaction that it has open.
    fn transaction(&self) -> Option<&str> {
        match self {
            Self::Sql(ready) => Some(ready.transaction()),
            Self::Path(_) | Self::Unit(_) | Self::Key(_) => None,
        }
    }
}

/// Looks at the precondition of a step.
fn ready<'a>(step: &Step, permit: &Permit, means: &Means<'a>) -> Result<Ready<'a>, Unready> {
    match &step.action {
        Action::CreateDirectory { .. }
        | Action::WriteFile { .. }
        | Action::CreateSymlink { .. }
        | Action::SetMode { .. }
        | Action::SetOwner { .. }
        | Action::Remove { .. } => {
            let ready = path::ready(step, &permit.plan().id, means)?;
            Ok(Ready::Path(ready))
        }
        Action::Unit { .. } => Ok(Ready::Unit(unit::ready(step, means.host)?)),
        Action::ImportKey { .. } | Action::RemoveKey { .. } => {
            Ok(Ready::Key(key::ready(step, means)?))
        }
        Action::Sql(sql) => {
            let ready = postgres::ready(step, sql, permit.plan(), *means)?;
            Ok(Ready::Sql(Box::new(ready)))
        }
    }
}

/// Looks at what came of a step at a path.
fn look(
    ready: &path::Ready,
    step: &Step,
    acted: Result<(), Failed>,
) -> (Outcome, String, Option<Condition>) {
    let (Condition::Path { path, is: before }, Condition::Path { is: after, .. }) =
        (&step.before, &step.after)
    else {
        return (Outcome::Diverged, "the step has no state of a path".to_owned(), None);
    };
    let seen = |is: PathState| Some(Condition::Path { path: path.clone(), is });
    match (acted, ready.state()) {
        (Ok(()), Ok(is)) if after.holds(&is) => (Outcome::Applied, is.to_string(), seen(is)),
        (Ok(()), Ok(is)) => (Outcome::Diverged, format!("it is {is}"), seen(is)),
        (Err(Failed(why)), Ok(is)) if before.holds(&is) => {
            (Outcome::Failed, format!("{why}; nothing changed"), seen(is))
        }
        (Err(Failed(why)), Ok(is)) => {
            (Outcome::Diverged, format!("{why}; now it is {is}"), seen(is))
        }
        (acted, Err(Failed(unknown))) => {
            let why = acted.err().map_or_else(String::new, |Failed(why)| format!("{why}; "));
            let detail = format!("{why}what stands there now cannot be told: {unknown}");
            (Outcome::Diverged, detail, None)
        }
    }
}
