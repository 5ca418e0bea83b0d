//! `countersign check`: look once, compare, report.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::error::Failure;
use super::observing::{self, How, Looked};
use super::output::{self, Output};
use super::{Global, context, exit, planning};
use crate::config::Config;
use crate::desired::Desired;
use crate::drift;
use crate::model::{Clock, SystemClock};
use crate::observed::{self, Snapshot};
use crate::report::{self, Detail, Report, Use, diagnostics};

/// The largest recording that is read.
const RECORDING_BYTES_MAX: u64 = 256 << 20;

/// Compare the live host and its databases with desired state
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Looks, and changes nothing. Ends with 0 in sync, 2 drift, 3 pending only, 4 something could not be told, \
                  7 when this is not the host or database that desired state names."
)]
pub(super) struct Arguments {
    /// The last converged commit: what desired state changed since then, and live did not, is pending and no drift
    #[arg(long, value_name = "COMMIT")]
    since: Option<String>,
    /// Look only at the resources whose name matches, such as 'tree.*'; may be given several times
    #[arg(long, value_name = "PATTERN")]
    only: Vec<String>,
    /// Write what was seen to FILE, for --replay
    #[arg(long, value_name = "FILE", conflicts_with = "replay")]
    record: Option<PathBuf>,
    /// Judge a recorded world instead of this one
    #[arg(long, value_name = "FILE")]
    replay: Option<PathBuf>,
    /// Do not read again what was hashed before and whose attributes have not changed since, and remember what is hashed
    /// now, below the program's own folder. Guards are always read
    #[arg(long, conflicts_with_all = ["since", "replay"])]
    cached: bool,
    /// How long one kind of resource may take
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    deadline: u64,
}

impl Arguments {
    /// Where what was seen is written.
    pub(super) fn record(&self) -> Option<&Path> {
        self.record.as_deref()
    }
}

pub(super) fn run(arguments: &Arguments, global: &Global, output: &Output) -> Result<u8, Failure> {
    let clock = SystemClock;
    let config = context::config(global, arguments.replay.is_some())?;
    let (tree, host) = context::tree_of_host(&config)?;
    let (mut desired, warnings) = context::desired(&tree, &host, &clock)?;
    if !global.quiet {
        let line_of = |path: &str, at| tree.line(path, at);
        output.say(&diagnostics::draw(&warnings, &line_of, super::error::width()));
    }
    let since = match &arguments.since {
        Some(revision) => {
            let tree = context::tree(&config, Some(revision), Some(&host))?;
            Some(context::desired(&tree, &host, &clock)?.0)
        }
        None => None,
    };
    let loosened = drift::guards(&config.guard, &desired);
    if !loosened.is_empty() {
        return Err(loosened.into());
    }
    narrow(&mut desired, &arguments.only)?;
    let looked = look(arguments, &config, &desired, since.as_ref(), &clock)?;
    let recorded = match &arguments.record {
        Some(file) => output::replace(file, &observed::write(&looked.snapshot)?),
        None => Ok(()),
    };
    let report = observing::report(&config, &desired, since.as_ref(), &looked, &arguments.only);
    show(&report, recorded, global, output)
}

/// Keeps the resources that a pattern matches. A pattern that matches none is refused: it would pass with anything.
fn narrow(desired: &mut Desired, only: &[String]) -> Result<(), Failure> {
    if only.is_empty() {
        return Ok(());
    }
    let mut kept = BTreeSet::new();
    for pattern in only {
        let glob = globset::Glob::new(pattern)
            .map_err(|e| Failure::of(exit::USAGE, &e))?
            .compile_matcher();
        let matching: Vec<_> =
            desired.resources.keys().filter(|name| glob.is_match(name.to_string())).collect();
        if matching.is_empty() {
            let message = format!("no resource of {} matches `{pattern}`", desired.host);
            let of_kind = desired.resources.keys().any(|name| name.kind == *pattern);
            let hint = if of_kind {
                format!("all of a kind are '{pattern}.*'")
            } else {
                "a name is KIND.NAME, as in 'tree.*' or '*/var/lib/*'".to_owned()
            };
            return Err(Failure::new(exit::INVALID, message).hint(hint));
        }
        kept.extend(matching.into_iter().cloned());
    }
    desired.resources.retain(|name, _| kept.contains(name));
    Ok(())
}

fn look(
    arguments: &Arguments,
    config: &Config,
    desired: &Desired,
    since: Option<&Desired>,
    clock: &dyn Clock,
) -> Result<Looked, Failure> {
    if let Some(file) = &arguments.replay {
        let snapshot = recording(file)?;
        return Ok(Looked { snapshot, notes: Vec::new(), machine_id: None });
    }
    let deadline = Duration::from_secs(arguments.deadline);
    let how = How { deadline, cached: arguments.cached };
    planning::run(observing::look(config, desired, since, how, clock))
}

/// A world that was recorded.
pub(super) fn recording(file: &Path) -> Result<Snapshot, Failure> {
    use std::io::Read as _;
    let failed = |e: std::io::Error| {
        Failure::new(exit::ERROR, format!("cannot read {}: {e}", file.display()))
    };
    let mut bytes = Vec::new();
    let opened = std::fs::File::open(file).map_err(failed)?;
    opened.take(RECORDING_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > RECORDING_BYTES_MAX {
        return Err(Failure::new(
            exit::ERROR,
            format!("{} is larger than {RECORDING_BYTES_MAX} bytes", file.display()),
        ));
    }
    Ok(observed::read(&bytes)?)
}

/// Writes every form of the report, those after one that failed too. Answers the exit code.
fn show(
    report: &Report,
    recorded: Result<(), Failure>,
    global: &Global,
    output: &Output,
) -> Result<u8, Failure> {
    let detail = Detail { verbose: global.verbose, quiet: global.quiet };
    let mut code = exit::of(report.verdict);
    let mut failures: Vec<Failure> = recorded.err().into_iter().collect();
    for target in &output.targets {
        let Some(format) = report::format(&target.format) else { continue };
        if let Use::Monitor(monitor) = format.used {
            code = (monitor.code)(report);
        }
        let written =
            output.write_to(target.file.as_deref(), |out| (format.write)(report, detail, out));
        failures.extend(written.err());
    }
    match failures.into_iter().reduce(Failure::and) {
        Some(failure) => Err(failure),
        None => Ok(code),
    }
}
