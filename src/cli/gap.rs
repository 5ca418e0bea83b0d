//! `countersign gap`: what is known to be missing, computed now, and what would close it.

mod history;
mod next;
mod record;
mod story;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use serde::Serialize;

use super::error::Failure;
use super::gate::{self, Looked};
use super::output::Output;
use super::planning::CLOCK;
use super::{Global, context, exit};
use crate::desired::{Desired, Gap, Requirement};
use crate::drift::{self, Judged};
use crate::evidence::{Facts, GapResult, Openness, gap, gaps};
use crate::model::display::escape;
use crate::model::{ResourceName, Timestamp, json, nearest};

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
struct Looking {
    /// Judge a recorded world instead of this one. It has no proofs
    #[arg(long, value_name = "FILE")]
    replay: Option<PathBuf>,
    #[command(flatten)]
    deadline: Deadline,
}

#[derive(Debug, Args)]
struct History {
    /// The gaps, by their names or aliases; every gap without one
    #[arg(value_name = "NAME")]
    names: Vec<String>,
}

#[derive(Debug, Args)]
struct Deadline {
    /// How long one kind of resource may take
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    deadline: u64,
}

/// What was found, as other programs read it.
#[derive(Serialize)]
struct Found<'a> {
    schema: &'static str,
    version: u32,
    host: &'a str,
    commit: Option<&'a str>,
    pinned: bool,
    sandbox: bool,
    replayed: bool,
    observed_at: Timestamp,
    notes: Vec<String>,
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
    let (tree, host) = context::tree_of_host(&config)?;
    let (mut desired, _) = context::desired(&tree, &host, &CLOCK)?;
    let loosened = drift::guards(&config.guard, &desired);
    if !loosened.is_empty() {
        return Err(loosened.into());
    }
    let names = chosen(&desired, names)?;
    narrow(&mut desired, &names);
    let deadline = Duration::from_secs(looking.deadline.deadline);
    let Looked { snapshot, recorded, notes } =
        gate::look(looking.replay.as_deref(), deadline, &config, &desired)?;
    let now = snapshot.observed_at;
    let judged = drift::compare(&desired, &snapshot, None, now);
    let facts = Facts::new(&desired, &judged, &recorded, now);
    let gaps: Vec<GapResult> =
        of(&desired, &names).map(|(name, one)| gap(&facts, name, one)).collect();
    let found = Found {
        schema: "countersign.gap",
        version: 1,
        host: &desired.host,
        commit: desired.commit.as_deref(),
        pinned: desired.pinned,
        sandbox: config.sandbox && looking.replay.is_none(),
        replayed: looking.replay.is_some(),
        observed_at: now,
        notes,
        gaps,
    };
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
        known.map(|(own, _)| own.clone()).ok_or_else(|| {
            let message = format!("{} has no gap `{}`", desired.host, escape(bare));
            let failure = Failure::new(exit::INVALID, message);
            let all = desired.gaps.keys().map(String::as_str);
            match nearest(bare, all.clone()) {
                Some(near) => failure.hint(format!("did you mean `{near}`?")),
                None => failure.hint(format!("it has: {}", all.collect::<Vec<_>>().join(", "))),
            }
        })
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
    gate::keep(desired, &required, members);
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
