//! `countersign gate`: what has to hold before something goes on, looked at now.

pub(super) mod story;

use std::collections::BTreeSet;

use serde::Serialize;

use super::error::Failure;
use super::output::Output;
use super::resting::{self, Head, Looking};
use super::{Global, context, exit};
use crate::desired::{Desired, Requirement, needed};
use crate::drift;
use crate::evidence::{Facts, GateResult, Summary, gates};
use crate::model::json;

/// Say which gates pass, what that rests on, and the first thing that is missing
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Looks at what the gates require, and changes nothing. Of proofs it takes the newest outcome on the executor's \
                  ledger, and runs none. Ends with 0 when all pass, 2 when something does not hold, 4 when something could not be told or was not run, \
                  7 when this is not the host or database that desired state names."
)]
pub(super) struct Arguments {
    /// The gates; all that they need are looked at too. Without a name, every gate
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    #[command(flatten)]
    looking: Looking,
}

/// What was found, as other programs read it.
#[derive(Serialize)]
struct Found<'a> {
    #[serde(flatten)]
    head: Head<'a>,
    summary: Summary,
    gates: Vec<GateResult>,
}

pub(super) fn run(arguments: &Arguments, global: &Global, output: &Output) -> Result<u8, Failure> {
    let looking = &arguments.looking;
    let config = context::config(global, looking.replay.is_some())?;
    let mut desired = resting::desired(&config)?;
    let names = names(arguments, &desired)?;
    narrow(&mut desired, &names);
    let looked = resting::look(looking, &config, &desired)?;
    let now = looked.snapshot.observed_at;
    let judged = drift::compare(&desired, &looked.snapshot, None, now);
    let facts = Facts::new(&desired, &judged, &looked.recorded, now);
    let gates = gates(&facts, names.iter().map(String::as_str));
    let head = Head::of("countersign.gate", (&config, &desired), looking, looked);
    let found = Found { head, summary: Summary::of(&gates), gates };
    if output.is("json") {
        output.write(|out| json::write(out, &found))?;
    } else {
        output.write(|out| story::tell(&found, (global.quiet, global.verbose), out))?;
    }
    Ok(code(&found))
}

/// The gates that were asked for.
fn names(arguments: &Arguments, desired: &Desired) -> Result<Vec<String>, Failure> {
    if desired.gates.is_empty() {
        let message = format!("{} has no gates", desired.host);
        return Err(Failure::new(exit::INVALID, message)
            .hint("`countersign explain gate` says how to write one"));
    }
    if arguments.names.is_empty() {
        return Ok(desired.gates.keys().cloned().collect());
    }
    let bare = |name: &String| name.strip_prefix("gate.").unwrap_or(name).to_owned();
    let names: Vec<String> = arguments.names.iter().map(bare).collect();
    match names.iter().find(|name| !desired.gates.contains_key(*name)) {
        None => Ok(names),
        Some(name) => Err(resting::no_such("gate", name, desired, desired.gates.keys())),
    }
}

/// Keeps what these gates, and those that they need, rest on.
fn narrow(desired: &mut Desired, names: &[String]) {
    let wanted = needed(&desired.gates, names.iter().map(String::as_str));
    let mut required: Vec<Requirement> =
        wanted.values().flat_map(|gate| gate.all_requirements()).cloned().collect();
    let mut members = BTreeSet::new();
    for (name, gap) in &desired.gaps {
        if gap.blocks.iter().any(|gate| wanted.contains_key(gate.as_str())) {
            required.extend(gap.closes_when.iter().cloned());
            members.extend(gap.members(name, desired).into_iter().cloned());
        }
    }
    resting::keep(desired, &required, members);
}

/// What cannot be told hides what does not hold: of both, the former decides, as in a check.
fn code(found: &Found<'_>) -> u8 {
    if found.summary.ready {
        return exit::OK;
    }
    let blind = found.gates.iter().any(|gate| gate.untold);
    if blind { exit::UNKNOWN } else { exit::DRIFT }
}
