//! `countersign resume`: has the controller look again.

use super::error::Failure;
use super::output::Output;
use super::{Global, asking, context, exit};
use crate::controller::Request;

/// Have the controller look again
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {}

pub(super) fn run(_: &Arguments, global: &Global, output: &Output) -> Result<u8, Failure> {
    let config = context::config(global, false)?;
    asking::demand(&config, &Request::Resume {}, None)?;
    output.write(|out| writeln!(out, "it looks again"))?;
    Ok(exit::OK)
}
