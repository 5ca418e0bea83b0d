//! `countersign watch`: looks again and again, says what it knows, and can change nothing.

mod control;
mod draft;
mod events;
mod looks;
mod outside;
mod places;
mod requests;
mod rhythm;
mod signals;
mod source;
mod telling;
mod watcher;

use super::error::Failure;
use super::output::Output;
use super::{Global, context, exit, ledgers, planning};
use crate::config::Config;
use crate::ledger::Ledger;
use crate::probe::host::Host;
use crate::state::published::{self, Published};
use outside::Outside;
use watcher::Watcher;

/// Look again and again, and say what is known
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Looks as `check` does: at start, when the branch of desired state moves, when a file changes, at every `[watch] \
                  interval`, on SIGUSR1, and when `countersign reconcile` asks. SIGHUP reads the configuration again. SIGTERM \
                  lets looks end; a second one does not. `countersign status` says what is known."
)]
pub(super) struct Arguments {}

pub(super) fn run(_: &Arguments, global: &Global, output: &Output) -> Result<u8, Failure> {
    let config = configured(global)?;
    // What cannot be recorded must not be begun: two controllers of one folder would each undo what the other says.
    let ledger = ledger(&config)?;
    let published = Published::open(&config.data.value).map_err(|error| state(&config, &error))?;
    let (listener, socket) = published.listen().map_err(|error| state(&config, &error))?;
    if let Some(source) = &config.source.value {
        crate::desired::source::prepare(source, config.kept())?;
    }
    // Before the first thread: those that are there already would not be narrowed.
    let confinement = outside::confined(&config)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| Failure::of(exit::ERROR, &e))?;
    let local = tokio::task::LocalSet::new();
    let ended = local.block_on(&runtime, async {
        let run = planning::nonce()?;
        let outside = Outside::open(&config, &run, &confinement).await?;
        let watcher = Watcher::new(config, global, output, ledger, published, run, outside)?;
        watcher.run(listener).await
    });
    drop(socket);
    // A thread that hangs on a dead mount must not hang the program.
    runtime.shutdown_background();
    ended.map(|()| exit::OK)
}

/// The configuration, with a mirror and digests of the controller's own: those of who changes something belong to somebody else.
fn configured(global: &Global) -> Result<Config, Failure> {
    let mut config = context::config(global, false)?;
    config.kept = Some(published::folder(&config.data.value));
    Ok(config)
}

/// The observer's ledger of this machine.
fn ledger(config: &Config) -> Result<Ledger, Failure> {
    let root = config.root.value.display();
    let host = Host::open(&config.root.value, config.observe.value.clone())
        .map_err(|e| Failure::new(exit::ERROR, format!("cannot open the root {root}: {e}")))?;
    let machine_id = host.machine_id().map_err(|why| {
        let message = format!("this machine cannot be told from others: {}", why.detail);
        Failure::new(exit::UNKNOWN, message)
            .hint("a machine has one line in /etc/machine-id; see machine-id(5)")
    })?;
    ledgers::observer(config, &machine_id)
}

fn state(config: &Config, error: &std::io::Error) -> Failure {
    let data = config.data.value.display();
    Failure::new(exit::ERROR, format!("cannot use the folder `watch` below {data}: {error}"))
        .hint("run as the owner of the program's own folder; one controller at a time uses it")
}
