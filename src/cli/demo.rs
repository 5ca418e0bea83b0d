//! `countersign demo`: a sandbox of a host and its database, checked, changed, and checked again.

use super::error::Failure;
use super::exit;
use super::output::Output;

/// Lay out a sandbox host with a private database, and show what a check finds
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {}

pub(super) fn run(_: &Arguments, _: &Output) -> Result<u8, Failure> {
    Ok(exit::OK)
}
