//! `countersign version`: which program this is, and whether it can change anything.

use super::error::Failure;
use super::exit;
use super::output::Output;

/// Print the version and what this build can do
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {}

pub(super) fn run(_: &Arguments, output: &Output) -> Result<u8, Failure> {
    let build = if cfg!(feature = "execute") {
        "full build"
    } else {
        "observer build: it cannot change anything"
    };
    output.write(|out| writeln!(out, "countersign {} ({build})", env!("CARGO_PKG_VERSION")))?;
    Ok(exit::OK)
}
