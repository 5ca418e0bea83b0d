//! A look between two others: what the run could have touched is looked at before and after, and what it did is counted.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::super::error::Failure;
use super::super::planning::{self, CLOCK};
use super::super::resting;
use super::super::world::{self, Opened};
use crate::config::Config;
use crate::desired::Desired;
use crate::evidence::Held;
use crate::model::{Digest, ResourceName, Timestamp, Unknown};
use crate::observed::{self, Snapshot};
use crate::package::value::{Census, Connection, Measured, NonMutation, Program};
use crate::probe::deeds::{self, Deeds};

/// The kinds of which the same is seen twice when nothing changed: files and what stands in them, units, accounts, and what databases hold.
const STEADY: &[&str] = &[
    "constant",
    "deployment",
    "directory",
    "file",
    "fingerprint",
    "git_head",
    "group",
    "pg_constraint",
    "pg_extension",
    "pg_function",
    "pg_grant",
    "pg_index",
    "pg_membership",
    "pg_role",
    "pg_schema",
    "pg_table",
    "pg_trigger",
    "pg_view",
    "proof_guard",
    "row_count",
    "symlink",
    "systemd_unit",
    "tree",
    "user",
];

/// How many transactions there were, and whether this session's own could write.
const CENSUS: &str = "SELECT pg_catalog.pg_snapshot_xmax(pg_catalog.pg_current_snapshot())::text, \
    pg_catalog.pg_current_xact_id_if_assigned()::text, pg_catalog.current_setting('transaction_read_only')";

/// What was seen, and what that did.
pub(super) struct Looked {
    pub(super) snapshot: Snapshot,
    pub(super) machine_id: Result<String, Unknown>,
    pub(super) notes: Vec<String>,
    pub(super) non_mutation: NonMutation,
}

/// What was not measured.
pub(super) fn nothing() -> NonMutation {
    NonMutation {
        held: Held::NotRun,
        before: None,
        after: None,
        measured: Vec::new(),
        census: Vec::new(),
        connections: Vec::new(),
        programs: Vec::new(),
        wrote: Vec::new(),
    }
}

/// Looks at all resources of `desired`. `earlier`: what this process had done when the run began.
pub(super) fn look(
    config: &Config,
    desired: &Desired,
    deadline: Duration,
    earlier: &Deeds,
) -> Result<Looked, Failure> {
    planning::run(async {
        let proven = resting::proven(desired);
        let opened = world::open(config, desired, deadline, false, &proven).await?;
        let all: BTreeSet<ResourceName> = desired.resources.keys().cloned().collect();
        let steady = |name: &&ResourceName| STEADY.contains(&name.kind.as_str());
        let twice: BTreeSet<ResourceName> = all.iter().filter(steady).cloned().collect();
        let before = planning::look(&opened, desired, &twice, &CLOCK).await;
        let first = census(&opened).await;
        renew(&opened).await;
        let snapshot = planning::look(&opened, desired, &all, &CLOCK).await;
        let answered = census(&opened).await;
        renew(&opened).await;
        let after = planning::look(&opened, desired, &twice, &CLOCK).await;
        let last = census(&opened).await;
        let machine_id = opened.probe.host.machine_id();
        opened.probe.close().await;
        let done = deeds::so_far().since(earlier);
        let times = (before.observed_at, after.observed_at);
        let measured = measured(&twice, &before, &after);
        let census = counted(&[first, answered, last]);
        let non_mutation = attested(times, measured, census, done);
        Ok(Looked { snapshot, machine_id, notes: opened.notes, non_mutation })
    })
}

/// Each session goes on with a snapshot of now. One that cannot is lost, and what is asked of it then is Unknown.
async fn renew(opened: &Opened) {
    for session in opened.probe.databases.values().flatten() {
        let _ = session.renew().await;
    }
}

fn measured(names: &BTreeSet<ResourceName>, before: &Snapshot, after: &Snapshot) -> Vec<Measured> {
    let seen = |snapshot: &Snapshot, name: &ResourceName| -> Option<Digest> {
        let answers = snapshot.answers.get(name)?;
        let answer = answers.first().filter(|answer| answer.seen.is_ok())?;
        Some(observed::digest(name, answer))
    };
    let one = |name: &ResourceName| Measured {
        resource: name.to_string(),
        before: seen(before, name),
        after: seen(after, name),
    };
    names.iter().map(one).collect()
}

/// What a server says of transactions at one moment.
struct Counted {
    next: Option<u64>,
    own: Option<String>,
    read_only: bool,
}

async fn census(opened: &Opened) -> BTreeMap<String, Counted> {
    let mut counted = BTreeMap::new();
    for (name, database) in &opened.probe.databases {
        let Ok(session) = database else { continue };
        let row = session.ask(CENSUS, &[]).await.ok().and_then(|mut rows| rows.pop());
        let mut row = row.unwrap_or_default().into_iter();
        let next = row.next().flatten().and_then(|text| text.parse().ok());
        let (own, read_only) = (row.next().flatten(), row.next().flatten());
        let read_only = read_only.as_deref() == Some("on");
        counted.insert(name.clone(), Counted { next, own, read_only });
    }
    counted
}

/// Of several moments: the first and the last count, and what any of the own transactions was.
fn counted(moments: &[BTreeMap<String, Counted>]) -> Vec<Census> {
    let (Some(first), Some(last)) = (moments.first(), moments.last()) else { return Vec::new() };
    let one = |(database, before): (&String, &Counted)| {
        let of = || moments.iter().filter_map(|moment| moment.get(database));
        Census {
            database: database.clone(),
            before: before.next,
            after: last.get(database).and_then(|after| after.next),
            own: of().find_map(|moment| moment.own.clone()),
            read_only: of().count() == moments.len() && of().all(|moment| moment.read_only),
        }
    };
    first.iter().map(one).collect()
}

fn attested(
    (before, after): (Timestamp, Timestamp),
    measured: Vec<Measured>,
    census: Vec<Census>,
    done: Deeds,
) -> NonMutation {
    let connections = done.connections.into_iter().map(|(to, times)| Connection {
        database: to.database,
        role: to.role,
        times,
    });
    let programs = done.programs.into_iter().map(|(program, times)| Program { program, times });
    NonMutation {
        before: Some(before),
        after: Some(after),
        measured,
        census,
        connections: connections.collect(),
        programs: programs.collect(),
        ..nothing()
    }
}
