//! What the run itself did and found changed: measured before and after, and counted where it is done.

use serde::{Deserialize, Serialize};

use crate::evidence::Held;
use crate::model::display::counted;
use crate::model::{Digest, Timestamp};

/// What the run itself did and found changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NonMutation {
    /// Was everything the same before and after, and no transaction of its own able to write?
    pub held: Held,
    /// When the first snapshot was taken; absent where none was.
    pub before: Option<Timestamp>,
    /// When the second one was.
    pub after: Option<Timestamp>,
    /// What was looked at twice.
    pub measured: Vec<Measured>,
    /// What the databases say of transactions meanwhile.
    pub census: Vec<Census>,
    /// The database sessions that this run opened.
    pub connections: Vec<Connection>,
    /// The programs that it started.
    pub programs: Vec<Program>,
    /// What it wrote.
    pub wrote: Vec<String>,
}

/// A resource before and after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Measured {
    /// Which.
    pub resource: String,
    /// The digest of what was seen before; absent where it could not be seen.
    pub before: Option<Digest>,
    /// The digest of what was seen after.
    pub after: Option<Digest>,
}

/// Transactions of a database between the two snapshots.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Census {
    /// The database, by its name in desired state.
    pub database: String,
    /// The first transaction id that was not assigned before; absent where the server did not say.
    pub before: Option<u64>,
    /// The same after.
    pub after: Option<u64>,
    /// The id of this run's own transaction; a session that wrote nothing has none.
    pub own: Option<String>,
    /// Was this run's own transaction read-only, as the server says?
    pub read_only: bool,
}

/// Database sessions of one role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Connection {
    /// The database, as the server calls it.
    pub database: String,
    /// The role that logged in.
    pub role: String,
    /// How many.
    pub times: u64,
}

/// Starts of one program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Program {
    /// Its name.
    pub program: String,
    /// How often.
    pub times: u64,
}

impl NonMutation {
    /// Holds what was measured together.
    #[must_use]
    pub fn judged(mut self) -> Self {
        let twice = self.before.is_some() && self.after.is_some();
        let measured = self.measured.iter().map(|one| match (one.before, one.after) {
            (Some(before), Some(after)) if before == after => Held::Yes,
            (Some(_), Some(_)) => Held::No,
            _ => Held::Untold,
        });
        let census = self.census.iter().map(|one| match (one.before, one.after, &one.own) {
            (_, _, Some(_)) => Held::No,
            (Some(_), Some(_), None) if one.read_only => Held::Yes,
            _ => Held::Untold,
        });
        let worst = measured.chain(census).max();
        self.held = worst.filter(|_| twice).unwrap_or(Held::NotRun);
        self
    }

    /// Why it does not hold, in a few words.
    #[must_use]
    pub fn missing(&self) -> String {
        let changed = self.measured.iter().find(|one| match (one.before, one.after) {
            (Some(before), Some(after)) => before != after,
            _ => false,
        });
        let unseen = self.measured.iter().find(|one| one.before.is_none() || one.after.is_none());
        let session = self.census.iter().find(|one| one.own.is_some() || !one.read_only);
        let silent = self.census.iter().find(|one| one.before.is_none() || one.after.is_none());
        match (changed, session, unseen, silent) {
            _ if self.before.is_none() => "nothing was measured".to_owned(),
            (Some(one), ..) => format!("{} changed between the two snapshots", one.resource),
            (_, Some(one), ..) => format!("the session of {} was able to write", one.database),
            (_, _, Some(one), _) => format!("{} could not be seen", one.resource),
            (.., Some(one)) => format!("{} does not count its transactions", one.database),
            _ => "nothing was measured".to_owned(),
        }
    }
}

/// What the run itself did and found changed, line by line.
pub(super) fn told(measured: &NonMutation) -> Vec<String> {
    let (Some(before), Some(after)) = (measured.before, measured.after) else {
        return vec!["nothing was measured: no snapshots were taken before and after".to_owned()];
    };
    let unchanged = |one: &&Measured| one.before.is_some() && one.before == one.after;
    let (same, total) =
        (measured.measured.iter().filter(unchanged).count(), measured.measured.len());
    let mut lines = vec![format!(
        "{same} of {total} resources are the same in the snapshots of {before} and {after}"
    )];
    for one in measured.measured.iter().filter(|one| !unchanged(one)) {
        let twice = one.before.is_some() && one.after.is_some();
        let what = if twice { "changed" } else { "could not be seen twice" };
        lines.push(format!("{} {what}", one.resource));
    }
    lines.extend(measured.census.iter().map(counted_meanwhile));
    for one in &measured.connections {
        let sessions = counted(one.times, "database session", "database sessions");
        lines.push(format!("{sessions} to {} as {}", one.database, one.role));
    }
    for one in &measured.programs {
        lines.push(format!(
            "{} was started {} to look",
            one.program,
            counted(one.times, "time", "times")
        ));
    }
    if measured.connections.is_empty() {
        lines.push("no database session was opened".to_owned());
    }
    if measured.programs.is_empty() {
        lines.push("no program was started".to_owned());
    }
    lines.extend(measured.wrote.iter().map(|what| format!("written: {what}")));
    lines
}

/// What a database says of transactions between the two snapshots.
fn counted_meanwhile(one: &Census) -> String {
    let count = one.before.zip(one.after).map(|(before, after)| after.saturating_sub(before));
    let count = count.map_or_else(
        || "it is not known how many transaction ids were".to_owned(),
        |count| counted(count, "transaction id was", "transaction ids were"),
    );
    let own = match (&one.own, one.read_only) {
        (Some(id), _) => format!("this run's own session was given the id {id}"),
        (None, true) => "this run's own session was given none, and was read-only".to_owned(),
        (None, false) => "this run's own session was not read-only".to_owned(),
    };
    format!("{}: {count} assigned meanwhile; {own}", one.database)
}
