//! `countersign apply`: runs a plan that enough people have signed, once.

mod gates;

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::error::Failure;
use super::output::Output;
use super::planning::{self, CLOCK};
use super::{Global, exit, looking, refusal, show};
use crate::approval::{Permit, QuorumMet};
use crate::config::{Config, strict};
use crate::execute::{self, Confinement, Means, RunEnd, StepEnd, Stopped};
use crate::killswitch::Verb;
use crate::ledger::Ledger;
use crate::ledger::event::Refused;
use crate::model::display::escaped_line;
use crate::model::{Digest, display::escape};
use crate::plan::{Plan, Step};
use gates::Passed;

/// Run a plan that enough people have signed
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Takes host, source, trust, switch and data from the host's own configuration alone. Ends with 0 when every step was applied, \
                  5 when the world is not what it was when the plan was made, 6 when approval is missing, 7 when it is switched off, halted, \
                  or a guard does not hold, 8 when a ledger does not verify, 9 when it stopped half way."
)]
pub(super) struct Arguments {
    /// The file of the plan
    #[arg(value_name = "PLAN")]
    plan: PathBuf,
    /// A signed statement; may be given several times
    #[arg(long, value_name = "FILE")]
    approval: Vec<PathBuf>,
    /// How long one kind of resource may take while the plan is made again
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    deadline: u64,
}

pub(super) fn run(arguments: &Arguments, global: &Global, output: &Output) -> Result<u8, Failure> {
    let config = strict::load(&global.overrides())?;
    // Before anything else is opened.
    if let Err(halted) = crate::killswitch::check(&config, Verb::Apply) {
        let plan = show::read(&arguments.plan).ok().map(|(_, bytes)| Digest::of(&bytes));
        return Err(refusal::switched_off(&config, Verb::Apply, plan, &halted));
    }
    let (host, mut ledger) = refusal::open(&config)?;
    let owners = owners(&config)?;
    let again = || {
        let read = planning::desired(&config, &CLOCK).map_err(|failure| failure.message)?;
        Ok(Arc::new(read.1))
    };
    let means =
        Means { host: &host, config: &config, owners: &owners, clock: &CLOCK, desired: &again };
    report_recovered(&means, &mut ledger, output)?;
    let deadline = Duration::from_secs(arguments.deadline);
    let gates = gates::Gates { config: &config, host: &host, arguments, deadline };
    let Passed { plan, bytes, met, desired } = match gates.pass(&mut ledger) {
        Ok(passed) => passed,
        Err(refusal) => return Err(refusal.record(Verb::Apply, &mut ledger)),
    };
    // What is done is judged by what was planned from, whatever is pushed meanwhile.
    let planned = || Ok(Arc::clone(&desired));
    let means = Means { desired: &planned, ..means };
    execute(plan, &bytes, met, &means, (ledger, deadline), output)
}

/// Root, and whoever owns the configuration of a sandbox.
fn owners(config: &Config) -> Result<Vec<u32>, Failure> {
    let owner = strict::owner(config)?;
    Ok(if owner == 0 { vec![0] } else { vec![0, owner] })
}

/// Says what an earlier run left behind.
fn report_recovered(
    means: &Means<'_>,
    ledger: &mut Ledger,
    output: &Output,
) -> Result<(), Failure> {
    for recovered in execute::recover(means, ledger)? {
        let total = recovered.total.map_or_else(|| "?".to_owned(), |total| total.to_string());
        let (plan, applied) = (recovered.plan, recovered.applied);
        let mut text = format!(
            "plan {plan:?} had been begun and not ended: {applied} of {total} steps are applied\n"
        );
        if let Some((n, outcome, detail)) = &recovered.open {
            let detail = escaped_line(detail, usize::MAX);
            let _ = writeln!(text, "  step {n} {}: {detail}", execute::Ended(*outcome));
        }
        output.say(&text);
    }
    Ok(())
}

fn execute(
    plan: Plan,
    bytes: &[u8],
    met: QuorumMet,
    means: &Means<'_>,
    (mut ledger, deadline): (Ledger, Duration),
    output: &Output,
) -> Result<u8, Failure> {
    let (total, digest) = (plan.steps.len(), Digest::of(bytes));
    let approvers: Vec<String> = met.approvals().iter().map(|one| one.approver.clone()).collect();
    let before = ledger.syncs();
    let mut lines = Vec::new();
    // On a thread of its own, which gives up everything else before it begins.
    let (ended, confinement) = std::thread::scope(|scope| {
        let running = scope.spawn(|| {
            let confinement =
                execute::confine(&plan, &means.config.root.value, &means.config.data.value);
            let permit = Permit::consume(plan, bytes, met, &mut ledger);
            let ended =
                permit.map_err(|error| Failure::of(exit::ERROR, &error)).and_then(|permit| {
                    let mut each = |step: &Step, end: &StepEnd| lines.push(line(step, end, total));
                    Ok(execute::run(permit, means, &mut ledger, &mut each)?)
                });
            (ended, confinement)
        });
        running.join()
    })
    .map_err(|_| {
        Failure::new(
            exit::ERROR,
            "the thread that executes panicked; the ledger says how far it came",
        )
    })?;
    let ended = ended?;
    let syncs = ledger.syncs() - before;
    let broken = guards_afterwards(means, digest, deadline, &mut ledger);
    output.write(|out| {
        if means.config.sandbox {
            writeln!(out, "sandbox: this is no machine's own configuration")?;
        }
        writeln!(out, "plan {digest:?}, approved by {}", escape(&approvers.join(", ")))?;
        lines.iter().try_for_each(|line| writeln!(out, "{line}"))?;
        summary(&ended, total, &confinement, syncs, out)?;
        broken.iter().try_for_each(|guard| {
            let guard = escaped_line(guard, usize::MAX);
            writeln!(out, "GUARD BROKEN: {guard} does not hold after the run")
        })
    })?;
    Ok(match code(&ended) {
        exit::OK if !broken.is_empty() => exit::REFUSED,
        code => code,
    })
}

/// The guards that do not hold any more, which the ledger says as well. One that cannot be told does not hold.
fn guards_afterwards(
    means: &Means<'_>,
    plan: Digest,
    deadline: Duration,
    ledger: &mut Ledger,
) -> Vec<String> {
    let look = || {
        let desired = (means.desired)().map_err(|why| Failure::new(exit::UNKNOWN, why))?;
        let looking = looking::guards_afterwards(means.config, &desired, deadline, means.clock);
        planning::run(looking)
    };
    let broken =
        look().unwrap_or_else(|why: Failure| vec![format!("every guard ({})", why.message)]);
    if !broken.is_empty() {
        let detail = format!("after the run these do not hold: {}", broken.join(", "));
        let (verb, code) = ("apply".to_owned(), "guard_broken_afterwards".to_owned());
        let event = Refused { verb, code, plan: Some(plan), detail };
        // What could not be recorded is said all the same.
        ledger.append(&event.into(), &[]).and_then(|_| ledger.checkpoint()).ok();
    }
    broken
}

fn line(step: &Step, end: &StepEnd, total: usize) -> String {
    let width = total.to_string().len();
    let (n, action) = (end.n.0, &step.action);
    if end.outcome == crate::ledger::Outcome::Applied {
        return format!("  {n:>width$}/{total}  applied  {action}");
    }
    let outcome = execute::Ended(end.outcome);
    let detail = escaped_line(&end.detail, usize::MAX);
    format!("  {n:>width$}/{total}  FAILED   {action} {outcome}: {detail}")
}

fn summary(
    ended: &RunEnd,
    total: usize,
    confinement: &Confinement,
    syncs: u64,
    out: &mut dyn std::io::Write,
) -> std::io::Result<()> {
    match confinement {
        Confinement::Full => {}
        Confinement::Partial => {
            writeln!(out, "the kernel confined the run less than was asked for")?;
        }
        Confinement::None(why) => writeln!(out, "the run was not confined by the kernel: {why}")?,
    }
    let applied = applied(ended);
    match &ended.stopped {
        None => writeln!(out, "\napplied: {applied} of {total} steps; {syncs} syncs of the ledger"),
        Some(why) => {
            let why = escaped_line(&why.to_string(), usize::MAX);
            writeln!(out, "\nSTOPPED: {why}")?;
            writeln!(out, "{applied} of {total} steps were applied; what is left needs a new plan")
        }
    }
}

fn applied(ended: &RunEnd) -> usize {
    ended.steps.iter().filter(|end| end.outcome == crate::ledger::Outcome::Applied).count()
}

fn code(ended: &RunEnd) -> u8 {
    let Some(stopped) = &ended.stopped else { return exit::OK };
    let diverged = matches!(stopped, Stopped::Step { outcome, .. } if outcome.0 == crate::ledger::Outcome::Diverged);
    if applied(ended) > 0 || diverged {
        return exit::PARTLY;
    }
    match stopped {
        Stopped::Halted(halted) => exit::of_halt(halted),
        Stopped::OtherDatabase { .. } => exit::REFUSED,
        Stopped::Precondition { .. } => exit::STALE,
        Stopped::Permit(crate::approval::PermitError::Expired { .. }) => exit::APPROVAL,
        Stopped::Step { .. } | Stopped::Permit(_) => exit::ERROR,
    }
}
