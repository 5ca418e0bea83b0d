//! `countersign reconcile`: has the controller look at everything now.

use std::time::Duration;

use super::error::Failure;
use super::output::Output;
use super::{Global, asking, context, exit, status};
use crate::controller::{Answer, Request};
use crate::model::Period;

/// Have the controller look at everything now
#[derive(Debug, clap::Args)]
#[command(
    after_help = "With --wait it ends as `countersign status` does, by looks that began after it was asked."
)]
pub(super) struct Arguments {
    /// Wait until that is done, and say what is known then
    #[arg(long)]
    wait: bool,
    /// How long to wait
    #[arg(long, value_name = "TIME", default_value = "5m", requires = "wait")]
    timeout: Period,
}

pub(super) fn run(arguments: &Arguments, global: &Global, output: &Output) -> Result<u8, Failure> {
    let config = context::config(global, false)?;
    let wait = arguments.wait.then(|| Duration::from_secs(arguments.timeout.seconds().max(1)));
    match asking::demand(&config, &Request::Reconcile { wait: arguments.wait }, wait)? {
        Answer::Status { status } => status::show(*status, global, output),
        _ if output.is("json") => {
            output.write(|out| writeln!(out, "{{\"taken\": true}}"))?;
            Ok(exit::OK)
        }
        _ => {
            output.write(|out| writeln!(out, "it will look at everything"))?;
            Ok(exit::OK)
        }
    }
}
