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
mod follows;
mod html;
mod markdown;
mod measured;
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
