//! `countersign plan`: the exact change that would bring this host to desired state, sealed so that people can sign it.

pub(super) mod made;
#[cfg(feature = "execute")]
mod rehearse;
pub(super) mod undo;

use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;

use super::error::Failure;
use super::output::{self, Output};
use super::planning::{self, CLOCK, Planned, Request};
use super::{Global, context, exit, ledgers, refusal, show};
use crate::config::Config;
use crate::desired::Desired;
use crate::ledger::event::PlanSealed;
use crate::ledger::growth::Growth;
use crate::ledger::{Attachment, Ledger};
use crate::model::display::escaped_line;
use crate::model::{Clock as _, Decimal, Digest, Period};
use crate::plan::{self, Bundle, FormatError, Frame, Left, Mark, Plan, Scope, Why};

/// Propose the exact change that brings this host to desired state
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Looks, and changes nothing but the executor's ledger, on which the plan is sealed. Ends with 0 when there is a plan \
                  or nothing to do, 2 when there is drift that no step changes, 4 when something could not be told."
)]
pub(super) struct Arguments {
    /// Only the resources of this gap, such as GAP5
    #[arg(long, value_name = "GAP", conflicts_with_all = ["only", "undo"])]
    gap: Option<String>,
    /// Only the resources whose name matches, such as 'directory.*'; may be given several times
    #[arg(long, value_name = "PATTERN", conflicts_with = "undo")]
    only: Vec<String>,
    /// Take back what this plan did, as far as it is still as it was made
    #[arg(long, value_name = "PLAN")]
    undo: Option<PathBuf>,
    /// Also write the plan and the newest checkpoint of the ledger to FILE, for an approver's machine
    #[arg(long, value_name = "FILE", conflicts_with = "draft")]
    export: Option<PathBuf>,
    /// Make a draft: nothing is recorded, and nobody can approve it
    #[arg(long)]
    draft: bool,
    /// How long the plan may be begun
    #[arg(long, value_name = "TIME", default_value = "24h")]
    valid: Period,
    /// How long one kind of resource may take
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    deadline: u64,
}

/// The longest time for which a plan may be begun.
const VALID_SECONDS_MAX: u64 = 30 * 86_400;

impl Arguments {
    fn scope(&self) -> Scope {
        match (&self.gap, self.only.as_slice()) {
            (Some(gap), _) => Scope::Gap(gap.clone()),
            (None, []) => Scope::Host,
            (None, only) => Scope::Only(only.to_vec()),
        }
    }
}

pub(super) fn run(arguments: &Arguments, global: &Global, output: &Output) -> Result<u8, Failure> {
    if arguments.valid.seconds() == 0 || arguments.valid.seconds() > VALID_SECONDS_MAX {
        let message = "a plan is valid for more than no time, and for 30 days at most";
        return Err(Failure::new(exit::USAGE, message));
    }
    let config = context::config(global, false)?;
    let ledger = if arguments.draft { None } else { Some(open(&config)?) };
    let request = Request {
        scope: arguments.scope(),
        id: planning::nonce()?,
        valid: arguments.valid,
        deadline: Duration::from_secs(arguments.deadline),
        ledgers: ledger.iter().map(|l| ("executor".to_owned(), ledgers::id(l))).collect(),
        trust: super::trusting::digest(&config)?,
        reader: ledger.as_ref().map(Ledger::reader),
        clock: &CLOCK,
    };
    let planned = match &arguments.undo {
        None => planning::run(planning::plan(&config, request))?,
        Some(file) => {
            let (earlier, bytes) = show::read(file)?;
            undo::plan(&config, request, ledger.as_ref(), &earlier, &bytes)?
        }
    };
    let export = arguments.export.as_deref();
    finish(planned, (&config, ledger), export, global, output)
}

/// Opens the ledger on which a plan is sealed.
fn open(config: &Config) -> Result<Ledger, Failure> {
    refusal::open(config).map(|(_, ledger)| ledger).map_err(|failure| match failure.hint {
        Some(_) => failure,
        None => failure.hint("make a draft with --draft, which needs no ledger"),
    })
}

fn finish(
    planned: Planned,
    (config, ledger): (&Config, Option<Ledger>),
    export: Option<&std::path::Path>,
    global: &Global,
    output: &Output,
) -> Result<u8, Failure> {
    let (mut plan, mut bytes) = (planned.plan, Vec::new());
    let (mut mark, mut effect) = (Mark::Draft, None);
    if !plan.steps.is_empty() {
        let digest = plan::effect(&plan).map_err(failed)?;
        effect = Some(digest);
        if let Some(mut ledger) = ledger {
            ledgers::accept(config, &plan.source.commit, &mut ledger)?;
            (plan, bytes) = seal(config, &mut ledger, (plan, &planned.desired), digest, global)?;
            let checkpoint = ledger.checkpoint()?;
            if let Some(file) = export {
                let growth = Growth::of(&ledger.reader())?;
                let growth = [(checkpoint.checkpoint.origin, growth)].into();
                let bundle = Bundle::new(&bytes, vec![checkpoint.note], growth);
                let bundle = bundle.and_then(|bundle| bundle.write());
                output::replace(file, &bundle.map_err(failed)?)?;
            }
            mark = Mark::Sealed;
        } else {
            (plan, bytes) = written(plan)?;
        }
        if let Some(file) = output.file() {
            output::replace(file, &bytes)?;
        }
    }
    let told = Told { notes: planned.notes, left: planned.left, broken: planned.broken };
    if !global.quiet {
        // Warnings of desired state were drawn by `lint` and `check`; here only how many there are.
        let warnings = planned.warnings.len();
        if warnings > 0 {
            let noun = if warnings == 1 { "warning" } else { "warnings" };
            output.say(&format!("{warnings} {noun} about desired state; see `countersign lint`\n"));
        }
    }
    let printed = output.printed();
    if output.is("json") {
        json(&plan, (Digest::of(&bytes), effect), mark, &told, &printed)?;
    } else {
        text(&plan, (Digest::of(&bytes), effect), mark, &told, output, global)?;
    }
    Ok(told.code(&plan))
}

#[expect(clippy::needless_pass_by_value, reason = "it is what an error is mapped by")]
fn failed(error: FormatError) -> Failure {
    Failure::of(exit::ERROR, &error)
}

/// A new plan as it is sealed, with the digest of the program that made it.
fn written(mut plan: Plan) -> Result<(Plan, Vec<u8>), Failure> {
    plan.program.sha256 = planning::own_digest();
    let bytes = plan.write().map_err(failed)?;
    Ok((plan, bytes))
}

/// Seals a plan, or answers the open one that does the same.
fn seal(
    config: &Config,
    ledger: &mut Ledger,
    (mut plan, desired): (Plan, &Desired),
    effect: Digest,
    global: &Global,
) -> Result<(Plan, Vec<u8>), Failure> {
    let reader = ledger.reader();
    let now = CLOCK.now();
    for sealed in ledgers::Plans::of(&reader)?.open {
        // A run that crashed right after it had marked its plan as used never put that on the ledger.
        let used = || ledgers::is_marked_used(config, sealed.digest);
        if sealed.effect != effect || sealed.valid_until < now || used()? {
            continue;
        }
        let earlier = reader.blob(&sealed.digest)?;
        let frame = Frame::read(&earlier).map_err(failed)?;
        if frame.trust == plan.trust && frame.ledgers == plan.ledgers {
            let open = frame.around(plan);
            // Byte for byte, or the ledger says of it what it is not.
            let same = open.write().map_err(failed)? == earlier;
            return if same { Ok((open, earlier)) } else { Err(failed(FormatError::Edited)) };
        }
    }
    rehearse(&mut plan, desired, global, ledger)?;
    let (plan, bytes) = written(plan)?;
    let event = PlanSealed {
        plan: Digest::of(&bytes),
        effect,
        plan_id: plan.id.clone(),
        scope: plan.scope.to_string(),
        steps: Decimal(plan.steps.len() as u64),
        valid_until: plan.valid_until,
    };
    ledger.append(&event.into(), &[Attachment { name: "plan", bytes: &bytes }])?;
    Ok((plan, bytes))
}

/// Tries the statements of a plan, where they may be.
#[cfg(feature = "execute")]
fn rehearse(
    plan: &mut Plan,
    desired: &Desired,
    global: &Global,
    ledger: &mut Ledger,
) -> Result<(), Failure> {
    plan.rehearsals = rehearse::steps(plan, desired, global, ledger)?;
    Ok(())
}

/// This build tries nothing.
#[cfg(not(feature = "execute"))]
#[expect(clippy::unnecessary_wraps, reason = "the build that tries can fail")]
const fn rehearse(_: &mut Plan, _: &Desired, _: &Global, _: &mut Ledger) -> Result<(), Failure> {
    Ok(())
}

/// What is said besides the plan.
struct Told {
    notes: Vec<String>,
    left: Vec<Left>,
    broken: Vec<String>,
}

impl Told {
    fn code(&self, plan: &Plan) -> u8 {
        let unknown = self.left.iter().any(|left| matches!(left.why, Why::Unknown(_)));
        match () {
            () if !plan.steps.is_empty() => exit::OK,
            () if unknown => exit::UNKNOWN,
            () if self.left.iter().any(|left| left.why != Why::Waived) => exit::DRIFT,
            () => exit::OK,
        }
    }
}

fn json(
    plan: &Plan,
    (digest, effect): (Digest, Option<Digest>),
    mark: Mark,
    told: &Told,
    output: &Output,
) -> Result<(), Failure> {
    #[derive(Serialize)]
    struct Shown<'a> {
        schema: &'static str,
        version: u32,
        sealed: bool,
        digest: Option<String>,
        effect: Option<String>,
        plan: Option<&'a Plan>,
        left: &'a [Left],
        broken_guards: &'a [String],
        notes: &'a [String],
    }
    let some = !plan.steps.is_empty();
    let shown = Shown {
        schema: "countersign.plan",
        version: 1,
        sealed: mark == Mark::Sealed,
        digest: some.then(|| format!("{digest:?}")),
        effect: effect.map(|effect| format!("{effect:?}")),
        plan: some.then_some(plan),
        left: &told.left,
        broken_guards: &told.broken,
        notes: &told.notes,
    };
    output.write(|out| crate::model::json::write(out, &shown))
}

fn text(
    plan: &Plan,
    (digest, effect): (Digest, Option<Digest>),
    mark: Mark,
    told: &Told,
    output: &Output,
    global: &Global,
) -> Result<(), Failure> {
    output.printed().write(|out| {
        for note in &told.notes {
            writeln!(out, "note: {}", escaped_line(note, usize::MAX))?;
        }
        if plan.steps.is_empty() {
            writeln!(out, "no steps: nothing of {} would be changed", plan.scope)?;
        } else {
            plan::show(plan, (digest, effect), mark, !global.quiet, out)?;
        }
        if !global.quiet {
            left(&told.left, global.verbose, out)?;
        }
        for guard in &told.broken {
            let guard = escaped_line(guard, usize::MAX);
            writeln!(
                out,
                "\nguard {guard} is not seen to hold: as long as it is not, nothing is applied"
            )?;
        }
        if plan.steps.is_empty() {
            return Ok(());
        }
        match output.file() {
            Some(file) => writeln!(out, "\nwritten to {}", file.display()),
            None => writeln!(out, "\nwrite it to a file with -o FILE, for those who approve it"),
        }
    })
}

/// What is left alone; what was not asked for only in full.
fn left(left: &[Left], verbose: bool, out: &mut dyn std::io::Write) -> std::io::Result<()> {
    let shown: Vec<&Left> =
        left.iter().filter(|one| verbose || one.why != Why::OutOfScope).collect();
    let hidden = left.len() - shown.len();
    if !shown.is_empty() {
        writeln!(out, "\nleft alone, because:")?;
    }
    let width = shown.iter().map(|one| one.resource.to_string().chars().count()).max();
    for one in shown {
        let name = crate::model::display::escape(&one.resource.to_string()).into_owned();
        writeln!(out, "  {name:width$}  {}", one.why, width = width.unwrap_or(0).min(60))?;
    }
    if hidden > 0 {
        let noun = if hidden == 1 { "drift was" } else { "drifts were" };
        writeln!(out, "\n{hidden} other {noun} not asked for; -v lists them")?;
    }
    Ok(())
}
