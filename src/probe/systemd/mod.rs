//! What systemd says about its units: its manager over the system bus, `systemctl` where the bus does not answer, and
//! the unit files themselves under a root that is not running.
//!
//! Each source says which it is and leaves unsaid what it cannot know: files have no state. No source reads
//! `Environment`, which may hold secrets.

mod bus;
mod digest;
mod drop_ins;
mod files;
mod folders;
mod install;
mod name;
mod show;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::World;
use super::host::Host;
use crate::model::{Digest, Reason, Unknown};

pub use bus::{Bus, MANAGER, SYSTEMD};
pub use name::{UnitName, is_suffix, suffixes};

/// The system bus, at the one place where systemd puts it.
const BUS: &str = "/run/dbus/system_bus_socket";
/// A folder that systemd makes when it is the first process, and nobody else does.
const BOOTED: &str = "/run/systemd/system";
/// The most units of one list.
pub(in crate::probe) const UNITS_MAX: usize = 100_000;
/// How long a unit that is changing its state is waited for.
const SETTLE: Duration = Duration::from_secs(3);

/// What is asked: units by name, and everything that a pattern matches.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Names with their suffix.
    pub names: Vec<String>,
    /// Those of them that are waited for, for a moment, while they are on the way to another state.
    pub resting: Vec<String>,
    /// Patterns, `*` for any text.
    pub patterns: Vec<String>,
    /// Does a pattern match the whole of a text?
    pub matches: fn(pattern: &str, text: &str) -> bool,
    /// Read the unit files whatever runs.
    pub files_only: bool,
}

/// What was answered.
#[derive(Debug, Default)]
pub struct Answered {
    /// The units, by the name that was asked for.
    pub units: BTreeMap<String, Told<Unit>>,
    /// What each pattern matches.
    pub lists: BTreeMap<String, Told<Listed>>,
}

/// An answer, and who gave it.
pub type Told<T> = Result<(Source, T), Unknown>;

/// Units by name, each with a few words about it.
pub type Listed = BTreeMap<String, String>;

/// Who answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The manager itself, over the system bus.
    Bus,
    /// The manager, through the program `systemctl`.
    Systemctl,
    /// The unit files, read here.
    Files,
}

/// One unit. What its source cannot know is Unknown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unit {
    /// Its own name, which is another than the one that was asked for when that is an alias.
    pub id: String,
    /// `LoadState`. From files: `not-found`, `masked`, or `loaded` for a file that stands and was not tried.
    pub load: String,
    /// Why it could not be loaded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load_error: Option<String>,
    /// `ActiveState` and `SubState`.
    pub active: Result<Active, Unknown>,
    /// `UnitFileState`, of the name that was asked for; empty for a unit without a file.
    pub enabled: Result<String, Unknown>,
    /// The file that it was read from.
    pub fragment: Option<String>,
    /// The SHA-256 of that file.
    pub fragment_sha256: Result<Option<Digest>, Unknown>,
    /// The files that add to it, in the order in which they apply.
    pub drop_ins: Vec<String>,
    /// The SHA-256 of what `sha256sum FRAGMENT DROP_IN…` prints.
    pub definition_sha256: Result<Option<Digest>, Unknown>,
    /// Do the files differ from what the manager has read?
    pub needs_reload: Result<bool, Unknown>,
    /// How it ended last; `None` for a type that has no such thing.
    pub result: Result<Option<String>, Unknown>,
    /// The user of its processes, as its file says; empty where it says nothing.
    pub user: Result<Option<String>, Unknown>,
    /// When a timer fired last, in seconds since 1970; `None` for never.
    pub triggered: Result<Option<i64>, Unknown>,
}

/// What a unit is doing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Active {
    /// `ActiveState`.
    pub state: String,
    /// `SubState`, which says more and depends on the type.
    pub sub: String,
}

/// Is this a state on the way to another one?
#[must_use]
pub fn is_passing(state: &str) -> bool {
    matches!(state, "activating" | "deactivating" | "reloading" | "refreshing")
}

/// Asks whoever can tell: files about templates, of which there is nothing else, and about another root.
///
/// # Errors
/// Why nobody can: not booted with systemd, no bus and no `systemctl`, or the deadline.
pub async fn look(world: &World, asked: Asked) -> Result<Answered, Unknown> {
    let answered = if asked.files_only || !world.host.facts().live() {
        world.ask(move |host| files::look(host, &asked)).await?
    } else {
        let is_template = |name: &str| UnitName::parse(name).is_some_and(|n| n.is_template());
        let (templates, names) = asked.names.into_iter().partition(|name| is_template(name));
        let of_files = Asked {
            names: templates,
            resting: Vec::new(),
            patterns: Vec::new(),
            matches: asked.matches,
            files_only: true,
        };
        let mut answered = ask_manager(world, Asked { names, ..asked }).await?;
        if !of_files.names.is_empty() {
            let more = world.ask(move |host| files::look(host, &of_files)).await?;
            answered.units.extend(more.units);
        }
        answered
    };
    world.ask(move |host| digest::add(host.facts(), answered)).await
}

async fn ask_manager(world: &World, asked: Asked) -> Result<Answered, Unknown> {
    world.ask(booted).await?;
    let give_up = Instant::now() + world.deadline;
    let refused = match super::until(give_up, bus::look(BUS, &asked, SETTLE)).await {
        Ok(answered) => return Ok(answered),
        // A bus that is slow is no reason to ask the same manager again.
        Err(unknown) if unknown.reason == Reason::Deadline => return Err(unknown),
        Err(unknown) => unknown,
    };
    let left = give_up.saturating_duration_since(Instant::now());
    let shown = world.ask(move |_| show::look(&asked, left)).await;
    shown.map_err(|also| {
        let detail = format!("{}; and `systemctl`: {}", refused.detail, also.detail);
        Unknown::new(refused.reason, detail)
    })
}

/// The manager of the running system, over the system bus and in no other way.
///
/// # Errors
/// Unknown, when nobody answers there who could be it: the root is another one, the system was not booted with systemd,
/// there is no bus, or the name on it is not root's.
pub async fn manager(host: &Host) -> Result<Bus, Unknown> {
    if !host.facts().live() {
        let detail = "the root is not that of a running system, so no manager is asked about it";
        return Err(Unknown::new(Reason::NotSupported, detail));
    }
    booted(host)?;
    Bus::connect(BUS).await
}

fn booted(host: &Host) -> Result<(), Unknown> {
    if host.facts().stat(BOOTED)?.is_some() {
        return Ok(());
    }
    let detail = format!("the system was not booted with systemd: there is no `{BOOTED}`");
    Err(Unknown::new(Reason::NotSupported, detail))
}

/// The digests of a unit, before its files are read.
fn no_digest() -> Result<Option<Digest>, Unknown> {
    Err(Unknown::new(Reason::NoAnswer, "the files were not read"))
}
