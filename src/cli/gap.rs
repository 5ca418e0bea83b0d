//! `countersign gap`: what is known to be missing, computed now, and what would close it.

mod history;
mod next;
mod record;
mod story;

use std::collections::BTreeSet;

use clap::{Args, Subcommand};
use serde::Serialize;

use super::error::Failure;
use super::output::Output;
use super::resting::{self, Deadline, Head, Looked, Looking};
use super::{Global, context, exit};
use crate::desired::{Desired, Gap, Requirement};
use crate::drift::{self, Judged};
use crate::evidence::{Facts, GapResult, Openness, gap, gaps};
use crate::model::{ResourceName, json};

/// Say which gaps are closed, what that rests on, and what would close the others
#[derive(Debug, Args)]
#[command(
    subcommand_required = true,
    arg_required_else_help = true,
    after_help = "Looks at what closes the gaps, and changes nothing; of proofs it takes the newest outcome on the executor's ledger. Ends with 0 when \
                  those that were asked for are closed, 2 when one is not, 4 when something could not be told or was not run."
)]
pub(super) struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Every gap in one line
    List(Looking),
    /// Some gaps, with what they rest on
    Show(Named),
    /// The commands that would close a gap; none is run
    Next(Named),
    /// Look at every gap, and put those whose state is another than before onto the executor's ledger
    Record(Deadline),
    /// What the executor's ledger says of gaps: how open they were, and the plans that were made for them
    History(History),
}

#[derive(Debug, Args)]
struct Named {
    /// The gaps, by their names or aliases
    #[arg(value_name = "NAME", required = true)]
    names: Vec<String>,
    #[command(flatten)]
    looking: Looking,
}

#[derive(Debug, Args)]
struct History {
    /// The gaps, by their names or aliases; every gap without one
    #[arg(value_name = "NAME")]
    names: Vec<String>,
}

/// What was found, as other programs read it.
#[derive(Serialize)]
struct Found<'a> {
    #[serde(flatten)]
    head: Head<'a>,
    gaps: Vec<GapResult>,
}

pub(super) fn run(arguments: &Arguments, global: &Global, output: &Output) -> Result<u8, Failure> {
    let (looking, names) = match &arguments.what {
        What::Record(deadline) => return record::run(deadline, global, output),
        What::History(history) => return history::run(history, global, output),
        What::List(looking) => (looking, None),
        What::Show(named) | What::Next(named) => (&named.looking, Some(&named.names)),
    };
    let config = context::config(global, looking.replay.is_some())?;
    let mut desired = resting::desired(&config)?;
    let names = chosen(&desired, names)?;
    narrow(&mut desired, &names);
    let looked = resting::look(looking, &config, &desired)?;
    let now = looked.snapshot.observed_at;
    let judged = drift::compare(&desired, &looked.snapshot, None, now);
    let facts = Facts::new(&desired, &judged, &looked.recorded, now);
    let gaps: Vec<GapResult> =
        of(&desired, &names).map(|(name, one)| gap(&facts, name, one)).collect();
    let head = Head::of("countersign.gap", (&config, &desired), looking, looked);
    let found = Found { head, gaps };
    write(arguments, &found, (&desired, &judged), (global, output))?;
    Ok(code(&found))
}

fn write(
    arguments: &Arguments,
    found: &Found<'_>,
    (desired, judged): (&Desired, &[Judged<'_>]),
    (global, output): (&Global, &Output),
) -> Result<(), Failure> {
    match &arguments.what {
        _ if output.is("json") => output.write(|out| json::write(out, found)),
        What::List(_) => output.write(|out| story::list(found, out)),
        What::Show(_) => output.write(|out| story::show(found, global.verbose, out)),
        _ => output.write(|out| next::tell(found, desired, judged, out)),
    }
}

/// Every gap of `desired`, held against what is known.
fn all(desired: &Desired, looked: &Looked) -> Vec<GapResult> {
    let now = looked.snapshot.observed_at;
    let judged = drift::compare(desired, &looked.snapshot, None, now);
    gaps(&Facts::new(desired, &judged, &looked.recorded, now))
}

/// The gaps that were asked for, by the names of their tables; all without a name.
fn chosen(desired: &Desired, names: Option<&Vec<String>>) -> Result<Vec<String>, Failure> {
    if desired.gaps.is_empty() {
        let message = format!("{} has no gaps", desired.host);
        return Err(Failure::new(exit::INVALID, message)
            .hint("`countersign explain gap` says how to write one"));
    }
    let Some(names) = names else { return Ok(desired.gaps.keys().cloned().collect()) };
    let find = |name: &String| {
        let bare = name.strip_prefix("gap.").unwrap_or(name);
        let known = desired.gaps.iter().find(|(own, gap)| gap.is_called(own, bare));
        known
            .map(|(own, _)| own.clone())
            .ok_or_else(|| resting::no_such("gap", bare, desired, desired.gaps.keys()))
    };
    names.iter().map(find).collect()
}

fn of<'d>(
    desired: &'d Desired,
    names: &'d [String],
) -> impl Iterator<Item = (&'d String, &'d Gap)> {
    names.iter().filter_map(|name| desired.gaps.get_key_value(name))
}

/// Keeps what these gaps rest on.
fn narrow(desired: &mut Desired, names: &[String]) {
    let required: Vec<Requirement> =
        of(desired, names).flat_map(|(_, gap)| gap.closes_when.iter().cloned()).collect();
    let members = of(desired, names).flat_map(|(name, gap)| gap.members(name, desired));
    let members: BTreeSet<ResourceName> = members.cloned().collect();
    resting::keep(desired, &required, members);
}

fn code(found: &Found<'_>) -> u8 {
    if found.gaps.iter().any(|gap| gap.untold) {
        exit::UNKNOWN
    } else if found.gaps.iter().all(|gap| gap.state == Openness::Closed) {
        exit::OK
    } else {
        exit::DRIFT
    }
}
