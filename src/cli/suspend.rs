//! `countersign suspend`: has the controller not look for a while. It alarms as long as that lasts.

use super::error::Failure;
use super::output::Output;
use super::{Global, asking, context, exit};
use crate::controller::{Answer, Request};
use crate::model::Period;

/// Have the controller not look for a while
#[derive(Debug, clap::Args)]
#[command(
    after_help = "It stands on the observer's ledger, with who and why, and outlives a restart. While it lasts nothing is ready, \
                  and verdicts grow old until they are unknown. It ends by itself, or by `countersign resume`."
)]
pub(super) struct Arguments {
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// For how long, such as 2h; 30 days at most
    #[arg(long = "for", value_name = "TIME")]
    duration: Period,
}

pub(super) fn run(arguments: &Arguments, global: &Global, output: &Output) -> Result<u8, Failure> {
    let config = context::config(global, false)?;
    let (reason, seconds) = (arguments.reason.clone(), arguments.duration.seconds());
    let request = Request::Suspend { reason, seconds };
    request.require().map_err(|message| Failure::new(exit::USAGE, message))?;
    let answer = asking::demand(&config, &request, None)?;
    let Answer::Taken { until: Some(until), .. } = answer else {
        return Err(Failure::new(exit::ERROR, "the controller answered something else"));
    };
    output.write(|out| writeln!(out, "suspended until {until}"))?;
    Ok(exit::OK)
}
