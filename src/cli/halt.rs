//! `countersign halt`: stops everything that changes something, whatever the switch says, until it is lifted.

use std::path::{Path, PathBuf};

use super::error::Failure;
use super::output::Output;
use super::{Global, exit, ledgers, statements, trusting};
use crate::config::{Config, strict};
use crate::killswitch::{self, Marker, MarkerError, OrderError};
use crate::ledger::event::{HaltLifted, HaltSet};
use crate::ledger::{ActorKind, Event, Ledger, LedgerError, Writer};
use crate::model::display::{escape, one_line};
use crate::model::{Clock as _, SystemClock};

/// How an order to halt is made.
const ORDER: &str = "an approver signs an order with `ssh-keygen -Y sign -n countersign/halt/v1`; its signature is beside it, FILE.sig, or in it";

/// Stop everything that changes something, or let it go on
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Setting a halt needs no more than the right to write into DATA/halt: make that folder belong to root and a \
                  group, mode 1770, and its members can halt. Lifting one is for the owner of the configuration. Takes no \
                  setting but --config."
)]
#[command(group = clap::ArgGroup::new("what").args(["lift", "status", "import"]))]
pub(super) struct Arguments {
    /// Why
    #[arg(long, value_name = "TEXT", required_unless_present_any = ["status", "import"], conflicts_with_all = ["status", "import"])]
    reason: Option<String>,
    /// Lift every halt
    #[arg(long)]
    lift: bool,
    /// Say what is halted and why, and end with 7 when something is
    #[arg(long)]
    status: bool,
    /// Obey a signed order to halt: FILE with FILE.sig beside it, or both in one
    #[arg(long, value_name = "FILE")]
    import: Option<PathBuf>,
}

pub(super) fn run(arguments: &Arguments, global: &Global, output: &Output) -> Result<u8, Failure> {
    let config = strict::load(&global.overrides())?;
    match (&arguments.reason, &arguments.import) {
        (Some(reason), _) if reason.trim().is_empty() => {
            Err(Failure::new(exit::USAGE, "say why, in a few words"))
        }
        (Some(reason), _) if arguments.lift => lift(&config, reason, output),
        (Some(reason), _) => set(&config, reason, output),
        (None, Some(file)) => import(&config, file, output),
        (None, None) => status(&config, output),
    }
}

/// The user who runs this, by number: names can be anything.
fn caller() -> String {
    let user = rustix::process::getuid().as_raw();
    // What sudo says of who called it is a hint for people, and no more.
    match std::env::var("SUDO_USER") {
        Ok(name) => format!("uid {user}, who calls themselves {}", one_line(&name, 40)),
        Err(_) => format!("uid {user}"),
    }
}

fn set(config: &Config, reason: &str, output: &Output) -> Result<u8, Failure> {
    let by = caller();
    let path = killswitch::halt(&config.data.value, &by, reason, SystemClock.now())?;
    let reason = one_line(reason, 400);
    record(config, &HaltSet { by, reason }.into(), output);
    output.write(|out| writeln!(out, "halted: {}", escape(&path.display().to_string())))?;
    Ok(exit::OK)
}

/// Writes a halt down where there is a ledger that can be written. A ledger that fails prevents no halt.
fn record(config: &Config, event: &Event, output: &Output) {
    if let Err(error) = append(config, event) {
        let why = escape(&error.to_string()).into_owned();
        output.say(&format!("the ledger does not say so: {why}\n"));
    }
}

/// Appends to the executor's ledger, where there is one.
fn append(config: &Config, event: &Event) -> Result<(), LedgerError> {
    let folder = ledgers::folder(config, ActorKind::Executor);
    match Ledger::open(&folder, Writer::this(ActorKind::Executor)) {
        Ok(mut ledger) => ledger.append(event, &[]).map(drop),
        Err(LedgerError::Missing { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

fn lift(config: &Config, reason: &str, output: &Output) -> Result<u8, Failure> {
    let me = rustix::process::geteuid().as_raw();
    let owner = strict::owner(config)?;
    if me != owner && me != 0 {
        let message = format!("only the owner of the configuration (user {owner}) lifts a halt");
        return Err(Failure::new(exit::REFUSED, message));
    }
    let set = killswitch::markers(&config.data.value)?;
    if set.is_empty() {
        output.write(|out| writeln!(out, "nothing is halted"))?;
        return Ok(exit::OK);
    }
    // Before it is lifted, so that nothing goes on of which the ledger does not know why.
    append(config, &HaltLifted { by: caller(), reason: one_line(reason, 400) }.into())?;
    let lifted = killswitch::lift(&config.data.value)?;
    output.write(|out| {
        lifted.iter().try_for_each(|marker| writeln!(out, "lifted: {}", shown(marker)))
    })?;
    Ok(exit::OK)
}

fn status(config: &Config, output: &Output) -> Result<u8, Failure> {
    let set = killswitch::markers(&config.data.value).map_err(|error| {
        let message = format!(
            "whether it is halted cannot be told, so it is: {}",
            Failure::from(error).message
        );
        Failure::new(exit::REFUSED, message).hint("ask as the owner of the configuration")
    })?;
    output.write(|out| {
        if set.is_empty() {
            writeln!(out, "nothing is halted")?;
        }
        set.iter().try_for_each(|marker| writeln!(out, "halted: {}", shown(marker)))?;
        match strict::switch(config) {
            Ok(switch) => {
                let word = |on: bool| if on { "on" } else { "off" };
                writeln!(out, "switch: apply {}, prove {}", word(switch.apply), word(switch.prove))
            }
            Err(error) => {
                let why = Failure::of(exit::CONFIG, &error).message;
                writeln!(out, "switch: off, it cannot be used: {why}")
            }
        }
    })?;
    Ok(if set.is_empty() { exit::OK } else { exit::REFUSED })
}

fn shown(marker: &Marker) -> String {
    format!("{} ({})", marker, marker.name)
}

fn import(config: &Config, file: &Path, output: &Output) -> Result<u8, Failure> {
    let trust = trusting::trust(config)?;
    let signed = statements::of_file(file, ORDER)?;
    let host = config.host.value.as_deref().unwrap_or_default();
    let data = &config.data.value;
    let set = killswitch::import(data, host, &trust, &signed.statement, &signed.signature)?;
    match set {
        Some(path) => {
            let by = format!("the signed order sha256:{}", signed.id());
            let reason = "a signed order".to_owned();
            record(config, &HaltSet { by, reason }.into(), output);
            output.write(|out| writeln!(out, "halted: {}", escape(&path.display().to_string())))?;
        }
        None => output.write(|out| writeln!(out, "halted by this order already"))?,
    }
    Ok(exit::OK)
}

impl From<MarkerError> for Failure {
    fn from(error: MarkerError) -> Self {
        Self::of(exit::ERROR, &error)
            .hint("take the switch away instead: without a switch.toml nothing is armed")
    }
}

impl From<OrderError> for Failure {
    fn from(error: OrderError) -> Self {
        match error {
            OrderError::Marker(error) => error.into(),
            error => Self::of(exit::APPROVAL, &error).hint(ORDER),
        }
    }
}
