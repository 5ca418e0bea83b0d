//! `countersign gate`: what has to hold before something goes on, looked at now.

pub(super) mod outcomes;
pub(super) mod story;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;

use super::error::Failure;
use super::output::Output;
use super::planning::{self, CLOCK};
use super::{Global, check, context, exit, world};
use crate::config::Config;
use crate::desired::{Desired, Requirement, needed};
use crate::drift;
use crate::evidence::{Facts, GateResult, Recorded, Summary, gates};
use crate::model::display::escape;
use crate::model::{ResourceName, Timestamp, json, nearest};
use crate::observed::Snapshot;

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
    /// Judge a recorded world instead of this one. It has no proofs
    #[arg(long, value_name = "FILE")]
    replay: Option<PathBuf>,
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
    summary: Summary,
    gates: Vec<GateResult>,
}

pub(super) fn run(arguments: &Arguments, global: &Global, output: &Output) -> Result<u8, Failure> {
    let config = context::config(global, arguments.replay.is_some())?;
    let (tree, host) = context::tree_of_host(&config)?;
    let (mut desired, _) = context::desired(&tree, &host, &CLOCK)?;
    let loosened = drift::guards(&config.guard, &desired);
    if !loosened.is_empty() {
        return Err(loosened.into());
    }
    let names = names(arguments, &desired)?;
    narrow(&mut desired, &names);
    let deadline = Duration::from_secs(arguments.deadline);
    let looked = look(arguments.replay.as_deref(), deadline, &config, &desired)?;
    let now = looked.snapshot.observed_at;
    let judged = drift::compare(&desired, &looked.snapshot, None, now);
    let facts = Facts::new(&desired, &judged, &looked.recorded, now);
    let gates = gates(&facts, names.iter().map(String::as_str));
    let found = Found {
        schema: "countersign.gate",
        version: 1,
        host: &desired.host,
        commit: desired.commit.as_deref(),
        pinned: desired.pinned,
        sandbox: config.sandbox && arguments.replay.is_none(),
        replayed: arguments.replay.is_some(),
        observed_at: now,
        notes: looked.notes,
        summary: Summary::of(&gates),
        gates,
    };
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
        Some(unknown) => {
            let message = format!("{} has no gate `{}`", desired.host, escape(unknown));
            let failure = Failure::new(exit::INVALID, message);
            let known = desired.gates.keys().map(String::as_str);
            Err(match nearest(unknown, known.clone()) {
                Some(near) => failure.hint(format!("did you mean `{near}`?")),
                None => failure.hint(format!("it has: {}", known.collect::<Vec<_>>().join(", "))),
            })
        }
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
    keep(desired, &required, members);
}

/// Keeps the resources and proofs that these rest on, and some resources besides.
pub(super) fn keep(
    desired: &mut Desired,
    required: &[Requirement],
    mut resources: BTreeSet<ResourceName>,
) {
    resources.extend(required.iter().flat_map(|one| one.resources(desired)).cloned());
    let proofs: BTreeSet<String> =
        required.iter().flat_map(|one| one.proofs(desired)).map(str::to_owned).collect();
    desired.resources.retain(|name, _| resources.contains(name));
    desired.proofs.retain(|name, _| proofs.contains(name));
}

/// What was seen, and what the ledger says.
pub(super) struct Looked {
    pub(super) snapshot: Snapshot,
    pub(super) recorded: Recorded,
    pub(super) notes: Vec<String>,
}

/// Looks at all resources of `desired`, or takes them from a recording. The databases of its proofs are asked who they are as well.
pub(super) fn look(
    replay: Option<&Path>,
    deadline: Duration,
    config: &Config,
    desired: &Desired,
) -> Result<Looked, Failure> {
    if let Some(file) = replay {
        let unread = Some("a recorded world has no proofs".to_owned());
        let recorded = Recorded { unread, ..Recorded::default() };
        return Ok(Looked { snapshot: check::recording(file)?, recorded, notes: Vec::new() });
    }
    let (snapshot, machine_id, notes) = planning::run(async {
        let proven = desired.proofs.values().map(|proof| proof.contract.database.clone());
        let proven: Vec<String> = proven.collect::<BTreeSet<_>>().into_iter().collect();
        let opened = world::open(config, desired, deadline, false, &proven).await?;
        let asked: BTreeSet<ResourceName> = desired.resources.keys().cloned().collect();
        let snapshot = planning::look(&opened, desired, &asked, &CLOCK).await;
        let machine_id = opened.probe.host.machine_id();
        opened.probe.close().await;
        Ok((snapshot, machine_id, opened.notes))
    })?;
    let recorded = outcomes::read(config, machine_id)?;
    Ok(Looked { snapshot, recorded, notes })
}

/// What cannot be told hides what does not hold: of both, the former decides, as in a check.
fn code(found: &Found<'_>) -> u8 {
    if found.summary.ready {
        return exit::OK;
    }
    let blind = found.gates.iter().any(|gate| gate.untold);
    if blind { exit::UNKNOWN } else { exit::DRIFT }
}
