//! `countersign status`: what the controller knows, as of now.

use std::io::{self, Write};
use std::time::Duration;

use super::error::Failure;
use super::output::Output;
use super::{Global, asking, context, exit};
use crate::controller::{Answer, Condition, ConditionType, Is, Request, Status};
use crate::drift::Verdict;
use crate::model::display::{counted, escape};
use crate::model::{Clock as _, Period, SystemClock, Timestamp, json};

/// Say what the controller knows
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Asks the controller, or reads what it wrote last; what is too old by now is unknown. Ends as `check` does, \
                  and with 4 when everything known is in sync and something else keeps it from being relied on."
)]
pub(super) struct Arguments {
    /// Wait until nothing is being looked at, and nothing is about to be
    #[arg(long)]
    wait: bool,
    /// How long to wait
    #[arg(long, value_name = "TIME", default_value = "5m", requires = "wait")]
    timeout: Period,
}

pub(super) fn run(arguments: &Arguments, global: &Global, output: &Output) -> Result<u8, Failure> {
    let config = context::config(global, false)?;
    let wait = arguments.wait.then(|| Duration::from_secs(arguments.timeout.seconds().max(1)));
    let request = Request::Status { wait: arguments.wait };
    let status = match asking::ask(&config, &request, wait)? {
        Some(Answer::Status { status }) => *status,
        Some(_) => return Err(Failure::new(exit::ERROR, "the controller answered something else")),
        None => {
            let mut status = asking::written(&config)?;
            status.notes.insert(
                0,
                format!("no controller runs; this is what one knew at {}", status.written_at),
            );
            status
        }
    };
    show(status, global, output)
}

/// Shows a status as of now; answers the exit code.
pub(super) fn show(status: Status, global: &Global, output: &Output) -> Result<u8, Failure> {
    let now = SystemClock.now();
    let status = status.as_of(now);
    output.write(|out| {
        if output.is("json") {
            return json::write(out, &status);
        }
        text(&status, now, global, out)
    })?;
    Ok(code(&status))
}

/// In sync counts only where nothing else speaks against it.
fn code(status: &Status) -> u8 {
    let ready =
        status.condition(ConditionType::Ready).is_some_and(|ready| ready.status == Is::True);
    match status.verdict {
        Verdict::InSync if !ready => exit::UNKNOWN,
        verdict => exit::of(verdict),
    }
}

fn text(status: &Status, now: Timestamp, global: &Global, out: &mut dyn Write) -> io::Result<()> {
    headline(status, out)?;
    if global.quiet {
        return Ok(());
    }
    let commit = status.source.commit.as_deref().unwrap_or("(no commit)");
    writeln!(
        out,
        "commit {} (number {}, judged by {})",
        escape(commit),
        status.generation,
        status.observed_generation
    )?;
    if let Some(confined) = &status.confinement {
        if let Some(why) = &confined.lacks {
            writeln!(out, "less confined than asked for: {}", escape(why))?;
        } else if global.verbose {
            writeln!(out, "confined by Landlock, version {}", confined.landlock)?;
        }
    }
    for note in &status.notes {
        writeln!(out, "note: {}", escape(note))?;
    }
    writeln!(out)?;
    for condition in &status.conditions {
        if global.verbose || condition.alarms() || condition.kind == ConditionType::Ready {
            shown(condition, now, out)?;
        }
    }
    for resource in &status.resources {
        if resource.verdict == Verdict::InSync && !global.verbose {
            continue;
        }
        let word = resource.word();
        let detail =
            resource.detail.as_deref().map_or_else(String::new, |d| format!(": {}", escape(d)));
        let times =
            if resource.times > 1 { format!(", {} times", resource.times) } else { String::new() };
        let name = resource.resource.to_string();
        writeln!(
            out,
            "  {word:8} {} for {}{times}{detail}",
            escape(&name),
            age(resource.since, now)
        )?;
    }
    if let Some(draft) = status.draft.as_ref().filter(|draft| draft.steps > 0) {
        let file = draft.file.as_deref().unwrap_or_default();
        writeln!(
            out,
            "\na draft of {} lies in {}; `countersign plan` seals one",
            counted(draft.steps, "step", "steps"),
            escape(file)
        )?;
    }
    Ok(())
}

/// The verdict, and how many resources it is of.
fn headline(status: &Status, out: &mut dyn Write) -> io::Result<()> {
    let counts = status.summary;
    let explained = match counts.explained {
        0 => String::new(),
        explained => format!(", {explained} explained"),
    };
    writeln!(
        out,
        "{}: {} ({} in sync, {} drift, {} pending, {} unknown, {} waived{explained})",
        escape(&status.host),
        status.verdict.word().replace('_', " "),
        counts.in_sync,
        counts.drift,
        counts.pending,
        counts.unknown,
        counts.waived
    )
}

fn shown(condition: &Condition, now: Timestamp, out: &mut dyn Write) -> io::Result<()> {
    let (kind, status, reason) = (condition.kind, condition.status, condition.reason);
    let message = condition.message.lines().next().unwrap_or_default();
    let age = age(condition.last_transition, now);
    writeln!(out, "  {kind:?} {status:?} ({reason:?}) for {age}: {}", escape(message))
}

/// How long ago.
fn age(since: Timestamp, now: Timestamp) -> Period {
    let seconds = now.unix_seconds().saturating_sub(since.unix_seconds());
    Period::from_seconds(u64::try_from(seconds).unwrap_or(0))
}
