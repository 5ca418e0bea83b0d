//! `countersign attest`: a person states what only a person can say, explains a difference for a time, or takes that back.
//!
//! What is signed is made here, shown whole, and signed by the person's own `ssh-keygen`; which of it counts is judged on the host,
//! each time it is read.

mod import;
mod listed;
mod made;

use std::path::PathBuf;

use super::error::Failure;
use super::output::Output;
use super::{Global, approve, context, exit, signing};
use crate::approval::{ATTESTATION, Assertion, Signed};
use crate::model::display::escape;
use crate::model::{Clock as _, Digest, Period, SystemClock, Timestamp};
use made::Made;

/// Sign what only a person can state, or why a resource differs for a time; keep and list what was signed
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Without --import, --list and --status it makes a statement, shows it, asks for the first six digits of its digest and has `ssh-keygen` \
                  sign it. The statement goes to a file of this folder with .sig beside it; with -o FILE both go to that file. `attest --import` on the \
                  host puts it on the executor's ledger. --list and --status end with 0 when what was asked for is attested, and 4 when it is not."
)]
#[command(group = clap::ArgGroup::new("what").args(["name", "explain", "admit", "revoke", "import", "list", "status"]).required(true))]
pub(super) struct Arguments {
    /// What is stated: the name of an `[attestation.NAME]` of desired state
    #[arg(value_name = "NAME")]
    name: Option<String>,
    /// Explain how this resource differs: it is expected until then, and critical afterwards
    #[arg(long, value_name = "RESOURCE", requires_all = ["field", "expect"])]
    explain: Option<String>,
    /// What differs, as reports name it; with --expect as often as something does
    #[arg(long, value_name = "FIELD", requires = "explain")]
    field: Vec<String>,
    /// What is there, as JSON or text
    #[arg(long, value_name = "VALUE", requires = "explain")]
    expect: Vec<String>,
    /// What desired state wants there, as JSON or text [default: the one value that the resource expects]
    #[arg(long, value_name = "VALUE", requires = "explain")]
    wanted: Vec<String>,
    /// The number of the line that it is read from
    #[arg(long, value_name = "NUMBER", requires = "explain")]
    line: Vec<u64>,
    /// What the difference is needed for, such as the name of a run
    #[arg(long, value_name = "NAME", requires = "explain")]
    run: Option<String>,
    /// Let the contract of this proof run on a host whose configuration says `admit = ["signed"]`
    #[arg(long, value_name = "PROOF")]
    admit: Option<String>,
    /// Take back an attestation, by the SHA-256 of its statement
    #[arg(long, value_name = "SHA256", value_parser = digest)]
    revoke: Option<Digest>,
    /// Put attestations onto the executor's ledger of this host
    #[arg(long, value_name = "FILE", num_args = 1..)]
    import: Vec<PathBuf>,
    /// Say of everything that can be attested whether it is, and which differences are explained
    #[arg(long)]
    list: bool,
    /// The same of one `[attestation.NAME]`, with all that was signed about it
    #[arg(long, value_name = "NAME")]
    status: Option<String>,
    /// The document that is meant, where one is: its SHA-256, or its file
    #[arg(long, value_name = "SHA256|FILE", requires = "name")]
    document: Option<String>,
    /// Who you are, by the name of the host's trust file
    #[arg(long = "as", value_name = "NAME", requires_all = ["role", "reason"])]
    approver: Option<String>,
    /// In which of your roles
    #[arg(long, value_name = "ROLE")]
    role: Option<String>,
    /// Why, or on what occasion
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Until when it counts: an instant, or a length of time from now on
    #[arg(long, value_name = "TIME", default_value = "24h", value_parser = until)]
    until: Until,
    /// The host that is meant, as `attest --list` prints it there [default: this machine]
    #[arg(long, value_name = "ID")]
    host_id: Option<String>,
    /// Print what would be signed and its digest, and sign nothing
    #[arg(long, conflicts_with_all = ["import", "list", "status"])]
    show: bool,
    /// The key to sign with; the public one for a key in an agent [default: what is in ~/.ssh]
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// The whole digest, for scripts that do not ask
    #[arg(long, value_name = "SHA256")]
    digest: Option<String>,
    /// Sign although this is a session over ssh
    #[arg(long)]
    i_am_remote: bool,
}

/// Until when something counts.
#[derive(Debug, Clone, Copy)]
enum Until {
    At(Timestamp),
    In(Period),
}

fn digest(text: &str) -> Result<Digest, String> {
    let bare = text.strip_prefix("sha256:").unwrap_or(text);
    bare.parse().map_err(|_| "a SHA-256 is 64 hexadecimal digits".to_owned())
}

fn until(text: &str) -> Result<Until, String> {
    let instant = text.parse::<Timestamp>().ok();
    // No statement knows parts of a second.
    let instant = instant.map(|at| Until::At(Timestamp::from_unix_seconds(at.unix_seconds())));
    instant.or_else(|| text.parse().ok().map(Until::In)).ok_or_else(|| {
        "an instant such as 2026-11-24T12:00:00Z or a length of time such as \"2h\" is meant"
            .to_owned()
    })
}

impl Until {
    fn from(self, now: Timestamp) -> Timestamp {
        match self {
            Self::At(instant) => instant,
            Self::In(period) => now.after(period),
        }
    }
}

pub(super) fn run(arguments: &Arguments, global: &Global, output: &Output) -> Result<u8, Failure> {
    if !arguments.import.is_empty() {
        return import::run(&arguments.import, global, output);
    }
    if arguments.list || arguments.status.is_some() {
        return listed::run(arguments.status.as_deref(), global, output);
    }
    if output.is("json") {
        let message = "an attestation is made in no other format than its own";
        return Err(
            Failure::new(exit::USAGE, message).hint("--list and --status have the format `json`")
        );
    }
    let config = context::config(global, false)?;
    let now = SystemClock.now();
    let made = made::make(arguments, &config, now)?;
    let assertion = made.assertion(arguments, now)?;
    let text = assertion.text().ok_or_else(|| {
        let message = "name, role, reason and what is said are each one line of text that shows all that it holds";
        Failure::new(exit::USAGE, message).hint("name and role are one word")
    })?;
    if arguments.show {
        output.printed().write(|out| show(&made, &assertion, &text, out))?;
        return Ok(exit::OK);
    }
    if arguments.approver.is_none() {
        let message = "whoever signs says who they are, in which role and why";
        return Err(Failure::new(exit::USAGE, message)
            .hint("--as NAME --role ROLE --reason TEXT; or --show, which signs nothing"));
    }
    sign(arguments, &made, &assertion, text, output)
}

fn sign(
    arguments: &Arguments,
    made: &Made,
    assertion: &Assertion,
    text: String,
    output: &Output,
) -> Result<u8, Failure> {
    if assertion.expires <= assertion.not_before {
        let message = format!("it would count until {}, which is over", assertion.expires);
        return Err(Failure::new(exit::USAGE, message).hint("name a later time with --until"));
    }
    signing::require_presence(arguments.i_am_remote)?;
    let matter = signing::Matter {
        noun: "attestation",
        verb: "sign",
        read_first: "`countersign attest … --show`",
        digest: assertion.matter(),
    };
    let printed = output.printed();
    signing::confirm(&matter, arguments.digest.as_deref(), &printed, || {
        printed.write(|out| show(made, assertion, &text, out))
    })?;
    let key = approve::sign::key(arguments.key.as_deref())?;
    let signature = approve::sign::sign(&key, text.as_bytes(), ATTESTATION)?;
    let beside = PathBuf::from(made.file_name());
    let origin = beside.display().to_string();
    let signed = Signed { statement: text.into_bytes(), signature, origin };
    let written = signing::write(&signed, &beside, &assertion.approver, output.file())?;
    let shown = escape(&written.display().to_string()).into_owned();
    let Assertion { approver, role, expires, .. } = assertion;
    printed.write(|out| {
        writeln!(out, "{approver} as {role}: {} until {expires}", escape(&made.title))?;
        writeln!(out, "statement sha256:{} in {shown}", signed.id())?;
        writeln!(
            out,
            "it counts once `countersign attest --import` has put it on the host's ledger"
        )
    })?;
    Ok(exit::OK)
}

/// Everything that is signed, byte for byte, and what is worth knowing about it.
fn show(
    made: &Made,
    assertion: &Assertion,
    text: &str,
    out: &mut dyn std::io::Write,
) -> std::io::Result<()> {
    writeln!(out, "{}\n", escape(&made.title))?;
    for line in text.lines() {
        writeln!(out, "  {}", escape(line))?;
    }
    writeln!(out)?;
    for note in &made.notes {
        writeln!(out, "note    {}", escape(note))?;
    }
    writeln!(out, "digest  sha256:{}", assertion.matter())
}
