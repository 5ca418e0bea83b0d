//! `countersign show`: any plan, for people.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::error::Failure;
use super::exit;
use super::output::Output;
use crate::model::Digest;
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
        output.write(|out| plan::show(&plan, Digest::of(&bytes), Mark::None, true, out))?;
    }
    Ok(exit::OK)
}

/// Reads the file of a plan or of a bundle with one; answers the plan with exactly its bytes.
pub(super) fn read(path: &Path) -> Result<(Plan, Vec<u8>), Failure> {
    let (plan, bytes, _) = read_carried(path)?;
    Ok((plan, bytes))
}

/// The same with the checkpoints that a bundle carries.
pub(super) fn read_carried(path: &Path) -> Result<(Plan, Vec<u8>, Vec<String>), Failure> {
    let failed = |e: std::io::Error| {
        Failure::new(exit::ERROR, format!("cannot read {}: {e}", path.display()))
    };
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(failed)?;
    file.take(2 * BYTES_MAX + 1).read_to_end(&mut bytes).map_err(failed)?;
    let refused = |error: FormatError| {
        let failure = Failure::of(exit::VERIFICATION, &error);
        let message = format!("{}: {}", path.display(), failure.message);
        Failure { message, ..failure }
            .hint("a plan is written by `countersign plan -o FILE`, and used as it is")
    };
    let mut checkpoints = Vec::new();
    if let Some(bundle) = Bundle::read(&bytes).map_err(refused)? {
        checkpoints = bundle.checkpoints().to_vec();
        bytes = bundle.plan().to_vec();
    }
    let plan = Plan::read(&bytes).map_err(refused)?;
    Ok((plan, bytes, checkpoints))
}
