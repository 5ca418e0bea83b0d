//! What gates, gaps and reports rest on: desired state that loosens no guard, a look, and what the executor's ledger says.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use serde::Serialize;

use super::error::Failure;
use super::planning::{self, CLOCK};
use super::{check, context, exit, outcomes, world};
use crate::config::Config;
use crate::desired::{Desired, Requirement};
use crate::drift;
use crate::evidence::Recorded;
use crate::model::display::{escape, escaped_line};
use crate::model::{ResourceName, Timestamp, nearest};
use crate::observed::Snapshot;

/// What is looked at, and for how long.
#[derive(Debug, Args)]
pub(super) struct Looking {
    /// Judge a recorded world instead of this one. It has no proofs and no ledger
    #[arg(long, value_name = "FILE")]
    pub(super) replay: Option<PathBuf>,
    #[command(flatten)]
    pub(super) deadline: Deadline,
}

#[derive(Debug, Args)]
pub(super) struct Deadline {
    /// How long one kind of resource may take
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    deadline: u64,
}

impl Deadline {
    pub(super) fn time(&self) -> Duration {
        Duration::from_secs(self.deadline)
    }
}

/// Desired state of the host that the configuration names, with every guard that it pins.
pub(super) fn desired(config: &Config) -> Result<Desired, Failure> {
    let (tree, host) = context::tree_of_host(config)?;
    let (desired, _) = context::desired(&tree, &host, &CLOCK)?;
    let loosened = drift::guards(&config.guard, &desired);
    if loosened.is_empty() { Ok(desired) } else { Err(loosened.into()) }
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

/// Says that there is no `what` of this name, and which there are.
pub(super) fn no_such<'n>(
    what: &str,
    name: &str,
    desired: &Desired,
    known: impl Iterator<Item = &'n String>,
) -> Failure {
    let known: Vec<&str> = known.map(String::as_str).collect();
    let message = format!("{} has no {what} `{}`", desired.host, escape(name));
    let hint = match nearest(name, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if known.is_empty() => format!("`countersign explain {what}` says how to write one"),
        None => format!("it has: {}", known.join(", ")),
    };
    Failure::new(exit::INVALID, message).hint(hint)
}

/// The databases of proofs are asked who they are, whatever else is asked of them.
pub(super) fn proven(desired: &Desired) -> Vec<String> {
    let proven: BTreeSet<&String> =
        desired.proofs.values().map(|proof| &proof.contract.database).collect();
    proven.into_iter().cloned().collect()
}

/// What was seen, and what the ledger says.
pub(super) struct Looked {
    pub(super) snapshot: Snapshot,
    pub(super) recorded: Recorded,
    notes: Vec<String>,
}

/// Looks at all resources of `desired`, or takes them from a recording.
pub(super) fn look(
    looking: &Looking,
    config: &Config,
    desired: &Desired,
) -> Result<Looked, Failure> {
    let Some(file) = &looking.replay else { return live(&looking.deadline, config, desired) };
    let unread = Some("a recorded world has no proofs".to_owned());
    let recorded = Recorded { unread, ..Recorded::default() };
    Ok(Looked { snapshot: check::recording(file)?, recorded, notes: Vec::new() })
}

/// Looks at all resources of `desired` as they are now.
pub(super) fn live(
    deadline: &Deadline,
    config: &Config,
    desired: &Desired,
) -> Result<Looked, Failure> {
    let (snapshot, machine_id, notes) = planning::run(async {
        let opened = world::open(config, desired, deadline.time(), false, &proven(desired)).await?;
        let asked: BTreeSet<ResourceName> = desired.resources.keys().cloned().collect();
        let snapshot = planning::look(&opened, desired, &asked, &CLOCK).await;
        let machine_id = opened.probe.host.machine_id();
        opened.probe.close().await;
        Ok((snapshot, machine_id, opened.notes))
    })?;
    let recorded = outcomes::read(config, machine_id)?;
    Ok(Looked { snapshot, recorded, notes })
}

/// What it was that was looked at, as other programs read it.
#[derive(Debug, Serialize)]
pub(super) struct Head<'a> {
    schema: &'static str,
    version: u32,
    host: &'a str,
    commit: Option<&'a str>,
    pinned: bool,
    sandbox: bool,
    replayed: bool,
    observed_at: Timestamp,
    notes: Vec<String>,
}

impl<'a> Head<'a> {
    pub(super) fn of(
        schema: &'static str,
        (config, desired): (&Config, &'a Desired),
        looking: &Looking,
        looked: Looked,
    ) -> Self {
        let replayed = looking.replay.is_some();
        Self {
            schema,
            version: 1,
            host: &desired.host,
            commit: desired.commit.as_deref(),
            pinned: desired.pinned,
            sandbox: config.sandbox && !replayed,
            replayed,
            observed_at: looked.snapshot.observed_at,
            notes: looked.notes,
        }
    }

    /// For people: what they have to know before they trust the rest.
    pub(super) fn tell(&self, out: &mut dyn Write) -> io::Result<()> {
        let commit = self.commit.filter(|_| self.pinned).unwrap_or("unpinned");
        writeln!(out, "{}  desired state {commit}  {}", escape(self.host), self.observed_at)?;
        let sandbox = self.sandbox.then_some("sandbox: not a machine's own configuration and root");
        let replayed = self.replayed.then_some("a recorded world, not this one");
        let notes = self.notes.iter().map(String::as_str);
        for note in sandbox.into_iter().chain(replayed).chain(notes) {
            writeln!(out, "  note  {}", escaped_line(note, usize::MAX))?;
        }
        writeln!(out)
    }
}
