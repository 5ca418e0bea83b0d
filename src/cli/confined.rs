//! `countersign confined`: what the program starts itself as, to become a command of a `smoke` resource. Not for people.
//!
//! It reads a command on its standard input and only takes rights away from the process that runs it, so it is no harm to
//! whoever calls it by hand.

use super::error::Failure;
use super::exit;
use crate::probe::runner::confined::become_command;

/// Narrow this process and become a command; used by this program itself
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {}

pub(super) fn run(_: &Arguments) -> Result<u8, Failure> {
    match become_command() {
        Ok(never) => match never {},
        Err(refused) => Err(Failure::new(exit::UNKNOWN, refused.to_string())),
    }
}
