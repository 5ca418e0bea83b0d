//! `countersign show`: any plan, for people.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::error::Failure;
use super::exit;
use super::output::Output;
use crate::ledger::growth::Growth;
use crate::model::Digest;
use crate::model::display::escape;
use crate::plan::format::BYTES_MAX;
use crate::plan::{self, Bundle, FormatError, Mark, Plan};

/// Show what a plan would do, and its digest
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Looks at the file alone: it needs no host, no database and no configuration."
)]
pub(super) struct Arguments {
    /// The file of a plan, or a bundle with one
    #[arg(value_name = "PLAN")]
    plan: PathBuf,
}

pub(super) fn run(arguments: &Arguments, output: &Output) -> Result<u8, Failure> {
    let (plan, bytes) = read(&arguments.plan)?;
    if output.is("json") {
        output.write(|out| out.write_all(&bytes))?;
    } else {
        let digest = (Digest::of(&bytes), None);
        output.write(|out| plan::show(&plan, digest, Mark::None, true, out))?;
    }
    Ok(exit::OK)
}

/// Reads the file of a plan or of a bundle with one; answers the plan with exactly its bytes.
pub(super) fn read(path: &Path) -> Result<(Plan, Vec<u8>), Failure> {
    let (plan, bytes, _) = read_carried(path)?;
    Ok((plan, bytes))
}

/// What a bundle carries besides the plan.
#[derive(Debug, Default)]
pub(super) struct Carried {
    /// Signed checkpoints of ledgers.
    pub(super) checkpoints: Vec<String>,
    /// How those ledgers came to their sizes, by their names.
    pub(super) growth: BTreeMap<String, Growth>,
}

/// The same with what a bundle carries.
pub(super) fn read_carried(path: &Path) -> Result<(Plan, Vec<u8>, Carried), Failure> {
    let shown = escape(&path.display().to_string()).into_owned();
    let failed = |e: std::io::Error| {
        Failure::new(exit::ERROR, format!("cannot read {shown}: {e}"))
            .hint("name the file of a plan, or a bundle with one")
    };
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(failed)?;
    file.take(2 * BYTES_MAX + 1).read_to_end(&mut bytes).map_err(failed)?;
    let other = other(&bytes);
    let refused = |error: FormatError| {
        let failure = Failure::of(exit::VERIFICATION, &error);
        let what = match (&error, other) {
            (FormatError::Malformed(_), Some(other)) => format!("it is not a plan: {other}"),
            _ => failure.message.clone(),
        };
        Failure { message: format!("{shown}: {what}"), ..failure }
            .hint("a plan is written by `countersign plan -o FILE`, and used as it is")
    };
    let mut carried = Carried::default();
    if let Some(bundle) = Bundle::read(&bytes).map_err(refused)? {
        carried.checkpoints = bundle.checkpoints().to_vec();
        carried.growth = bundle.growth().clone();
        bytes = bundle.plan().to_vec();
    }
    let plan = Plan::read(&bytes).map_err(refused)?;
    Ok((plan, bytes, carried))
}

/// What a file is that is none, where that is easily told: names are mistaken at night.
fn other(bytes: &[u8]) -> Option<&'static str> {
    let begins = |text: &str| bytes.starts_with(text.as_bytes());
    match () {
        () if bytes.is_empty() => Some("it is empty"),
        () if begins("countersign approval ") => Some("it is a statement about one"),
        () if begins("countersign halt ") => Some("it is an order to halt"),
        () if begins("-----BEGIN SSH SIGNATURE") => Some("it is a signature"),
        () if begins("{\"v\":1,\"seq\":") => Some("it is a part of a ledger"),
        () if std::str::from_utf8(bytes).is_err() => Some("it is no text"),
        () if !begins("{") => Some("it is no JSON"),
        () => None,
    }
}
