//! `countersign report`: a report package, computed and signed; verified, signed by people, and compared with another.

mod compare;
mod history;
mod inspect;
mod ledger;
mod made;
mod measure;
mod signing;

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::error::Failure;
use super::output::Output;
use super::resting::Looking;
use super::{Global, exit};

/// Write a report package; verify, sign or compare packages
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_help = "`report NAME -o DIR` looks at everything that [report.NAME] names, with snapshots before and after, and writes documents, what was \
                  seen, and the entries of the executor's ledger that they cite; the ledger's key signs it, so its owner runs this. Ends with 0 when \
                  the outcome is the better one, 2 when something does not hold, 4 when something could not be told or was not run. `report verify DIR` asks no \
                  machine; it ends with 8 and names the file when the package is not what was signed, 4 when that cannot be told."
)]
pub(super) struct Arguments {
    #[command(subcommand)]
    what: Option<What>,
    /// The report; -o DIR names a new folder for it
    #[arg(value_name = "NAME", required = true)]
    name: Option<String>,
    #[command(flatten)]
    looking: Looking,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Check that a package is what was signed, and that its lines rest on what it holds
    Verify(Folder),
    /// Put your name to a package: verified first, then signed with your SSH key, beside it
    Sign(Sign),
    /// Say what two packages tell apart
    Diff(Two),
}

#[derive(Debug, Args)]
struct Folder {
    /// The folder of a package
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    #[command(flatten)]
    trusted: Trusted,
}

/// Whom to believe. Never the package itself.
#[derive(Debug, Args)]
struct Trusted {
    /// The key of the ledger, NAME+ID+BASE64 [default: the one of this machine's ledger]
    #[arg(long, value_name = "KEY")]
    ledger_key: Option<String>,
    /// The trust file by which people's signatures are judged [default: the one of this machine]
    #[arg(long, value_name = "FILE")]
    trust: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct Sign {
    #[command(flatten)]
    folder: Folder,
    /// Who you are, by the name of the host's trust file
    #[arg(long = "as", value_name = "NAME")]
    name: String,
    /// What you say about it, in a line
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// The key to sign with; the public one for a key in an agent [default: what is in ~/.ssh]
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// The whole digest of its statement, as `report verify` prints it, for scripts that do not ask
    #[arg(long, value_name = "SHA256")]
    digest: Option<String>,
    /// Sign although this is a session over ssh
    #[arg(long)]
    i_am_remote: bool,
}

#[derive(Debug, Args)]
struct Two {
    /// The folder of the older package
    #[arg(value_name = "OLD")]
    old: PathBuf,
    /// The folder of the newer one
    #[arg(value_name = "NEW")]
    new: PathBuf,
}

impl Arguments {
    /// Does its `-o` name a folder?
    pub(super) const fn writes_folder(&self) -> bool {
        self.what.is_none()
    }
}

pub(super) fn run(arguments: &Arguments, global: &Global, output: &Output) -> Result<u8, Failure> {
    match (&arguments.what, &arguments.name) {
        (Some(What::Verify(folder)), _) => inspect::run(folder, global, output),
        (Some(What::Sign(sign)), _) => signing::run(sign, global, output),
        (Some(What::Diff(two)), _) => compare::run(two, output),
        (None, Some(name)) => made::run(name, arguments, global, output),
        (None, None) => Err(Failure::new(exit::USAGE, "name a report")),
    }
}
