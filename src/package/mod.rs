//! Report packages: what is reported after a piece of work, computed from evidence, and all that its lines rest on, in files
//! that anybody can verify without the machine that they came from.
//!
//! A package is a set of files ([`files`]): documents in three forms, the whole as one page and as a value ([`value`]), what was
//! seen, the entries of the ledger that lines cite with their proofs ([`excerpt`]), the sums of all of them, and a statement over
//! those sums that the ledger's key signed. [`verify`](fn@verify) checks it with a key from elsewhere. Pure: no I/O, no clock.

pub mod assemble;
mod diff;
pub mod excerpt;
pub mod files;
mod html;
mod markdown;
mod outcome;
mod picture;
pub mod signed;
mod statement;
mod sums;
#[cfg(test)]
mod tests;
pub mod value;
mod verify;

pub use diff::{Difference, diff};
pub use outcome::outcome;
pub use statement::{PAYLOAD_TYPE, Statement};
pub use verify::{Fault, Trusted, Verified, verify};

use crate::model::display::counted;

/// The whole as a value.
pub const VALUE: &str = "package.json";
/// The whole as one page.
pub const PAGE: &str = "index.html";
/// What was seen, as a recorded world.
pub const OBSERVATIONS: &str = "observations.json";
/// The sums of all files but itself, the envelope and what people signed.
pub const SUMS: &str = "SHA256SUMS";
/// The statement over those sums, signed.
pub const ENVELOPE: &str = "statement.dsse.json";
/// The folder of what people signed.
pub const SIGNATURES: &str = "signatures/";
/// The largest file of a package that is read.
pub const FILE_BYTES_MAX: u64 = 256 << 20;
/// The most files of one.
pub const FILES_MAX: usize = 10_000;

/// The files of a package, by their names within it.
pub type Files = std::collections::BTreeMap<String, Vec<u8>>;

/// What stands at the end of every report.
const STOP: &str = "This report starts nothing and authorises nothing. What comes next is begun by people, each with its own approval.";

/// What a reader has to know before he trusts the rest.
fn notes(package: &value::Package) -> Vec<String> {
    let header = &package.header;
    let sandbox =
        header.sandbox.then(|| "sandbox: not a machine's own configuration and root".to_owned());
    let replayed = header.replayed.then(|| "a recorded world, not a live one".to_owned());
    let unpinned =
        (!header.pinned).then(|| "desired state is not exactly what a commit holds".to_owned());
    sandbox
        .into_iter()
        .chain(replayed)
        .chain(unpinned)
        .chain(header.notes.iter().cloned())
        .collect()
}

/// The whole in one sentence.
#[must_use]
pub fn summary(package: &value::Package) -> String {
    use crate::evidence::{Held, Openness, State};
    let passing = package.gates.iter().filter(|gate| gate.state == State::Pass).count();
    let held = package.criteria.iter().filter(|line| line.held == Held::Yes).count();
    let not_done = package.forbidden.iter().filter(|line| line.held == Held::Yes).count();
    let closed = package.gaps.iter().filter(|gap| gap.state == Openness::Closed).count();
    format!(
        "{passing} of {} gates pass, {held} of {} criteria hold, {closed} of {} gaps are closed, {not_done} of {} forbidden actions are shown not to have been done.",
        package.gates.len(),
        package.criteria.len(),
        package.gaps.len(),
        package.forbidden.len(),
    )
}

/// What the run itself did and found changed, line by line.
fn measured(measured: &value::NonMutation) -> Vec<String> {
    let (Some(before), Some(after)) = (measured.before, measured.after) else {
        return vec!["nothing was measured: no snapshots were taken before and after".to_owned()];
    };
    let unchanged = |one: &&value::Measured| one.before.is_some() && one.before == one.after;
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
fn counted_meanwhile(one: &value::Census) -> String {
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

/// Writes a part of a line. Into memory it cannot fail.
fn piece(out: &mut String, what: std::fmt::Arguments<'_>) {
    use std::fmt::Write as _;
    let _ = out.write_fmt(what);
}

/// Writes a line.
fn line(out: &mut String, what: std::fmt::Arguments<'_>) {
    piece(out, what);
    out.push('\n');
}
