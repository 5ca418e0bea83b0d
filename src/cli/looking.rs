//! A look at some resources now: guards before and after something is done, and what proofs rest on.

use std::collections::BTreeSet;
#[cfg(feature = "execute")]
use std::time::Duration;

#[cfg(feature = "execute")]
use super::error::Failure;
use super::planning::{broken, judge, look};
use super::world;
#[cfg(feature = "execute")]
use crate::config::Config;
use crate::desired::Desired;
#[cfg(feature = "execute")]
use crate::drift::Verdict;
use crate::model::{Clock, ResourceName};
#[cfg(feature = "execute")]
use crate::observed::Snapshot;
use crate::plan::Guarded;

/// The guards that do not hold now, or of which that cannot be told.
pub(super) async fn broken_guards(
    opened: &world::Opened,
    desired: &Desired,
    guarded: &Guarded,
    clock: &dyn Clock,
) -> Vec<String> {
    let guards = desired.resources.keys().filter(|name| guarded.is_guard(name));
    let asked: BTreeSet<ResourceName> = guards.cloned().collect();
    let snapshot = look(opened, desired, &asked, clock).await;
    broken(&judge(desired, &snapshot, &asked), guarded)
}

/// A resource, its verdict, and why that is so.
#[cfg(feature = "execute")]
pub(super) type Looked = (ResourceName, Verdict, String);

/// Looks at these resources now.
#[cfg(feature = "execute")]
pub(super) async fn looked(
    opened: &world::Opened,
    desired: &Desired,
    names: &BTreeSet<ResourceName>,
    clock: &dyn Clock,
) -> (Vec<Looked>, Snapshot) {
    let snapshot = look(opened, desired, names, clock).await;
    let judged = judge(desired, &snapshot, names);
    let looked = judged.iter().map(|one| (one.resource.name.clone(), one.verdict, one.why()));
    (looked.collect(), snapshot)
}

/// The guards that do not hold after a run, or of which that cannot be told.
#[cfg(feature = "execute")]
pub(super) async fn guards_afterwards(
    config: &Config,
    desired: &Desired,
    deadline: Duration,
    clock: &dyn Clock,
) -> Result<Vec<String>, Failure> {
    let guarded = Guarded::of(desired, &config.guard);
    let opened = world::open(config, desired, deadline, false, &[]).await?;
    let broken = broken_guards(&opened, desired, &guarded, clock).await;
    opened.probe.close().await;
    Ok(broken)
}
