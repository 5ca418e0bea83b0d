//! A refusal of a verb that acts: what it is for people, by which word programs know it, and its entry on the ledger.

use std::sync::Arc;

use super::error::Failure;
use super::{exit, ledgers};
use crate::config::Config;
#[cfg(feature = "execute")]
use crate::killswitch::{Halted, Verb};
use crate::ledger::Ledger;
#[cfg(feature = "execute")]
use crate::ledger::event::Refused;
#[cfg(feature = "execute")]
use crate::model::Digest;
use crate::probe::host::Host;

/// A refusal, with the word by which programs know it.
#[cfg(feature = "execute")]
pub(super) struct Refusal {
    pub(super) code: &'static str,
    pub(super) plan: Option<Digest>,
    pub(super) failure: Box<Failure>,
}

#[cfg(feature = "execute")]
impl Refusal {
    pub(super) fn new(code: &'static str, failure: Failure) -> Self {
        Self { code, plan: None, failure: Box::new(failure) }
    }

    /// Puts it on the ledger.
    pub(super) fn record(self, verb: Verb, ledger: &mut Ledger) -> Failure {
        let Self { code, plan, failure } = self;
        let event = Refused {
            verb: verb.to_string(),
            code: code.to_owned(),
            plan,
            detail: failure.message.clone(),
        };
        match ledger.append(&event.into(), &[]) {
            Ok(_) => {
                // Where there is no room for a checkpoint, the entry stands in the chain all the same.
                ledger.checkpoint().ok();
                *failure
            }
            Err(error) => {
                let why = format!("it is not on the ledger: {error}");
                let code = failure.code;
                failure.and(Failure::new(code, why))
            }
        }
    }
}

/// The switch comes before the ledger is opened; its refusal is recorded all the same, where that can be done.
#[cfg(feature = "execute")]
pub(super) fn switched_off(
    config: &Config,
    verb: Verb,
    plan: Option<Digest>,
    halted: &Halted,
) -> Failure {
    let failure = || Failure::of(exit::of_halt(halted), halted).hint(halted.hint());
    let refusal = Refusal { plan, ..Refusal::new(halted.code(), failure()) };
    match open(config) {
        Ok((_, mut ledger)) => refusal.record(verb, &mut ledger),
        Err(why) => {
            let why = format!("it is not on the ledger: {}", why.message);
            failure().and(Failure::new(exit::of_halt(halted), why))
        }
    }
}

/// The root of the managed file system, and the executor's ledger of the machine that it belongs to.
pub(super) fn open(config: &Config) -> Result<(Arc<Host>, Ledger), Failure> {
    let host = Host::open(&config.root.value, config.observe.value.clone()).map_err(|e| {
        let root = config.root.value.display();
        Failure::new(exit::ERROR, format!("cannot open the root {root}: {e}"))
    })?;
    let machine_id = host.machine_id().map_err(|why| {
        let message = format!("this machine cannot be told from others: {}", why.detail);
        Failure::new(exit::UNKNOWN, message)
            .hint("a machine has one line in /etc/machine-id; see machine-id(5)")
    })?;
    let ledger = ledgers::executor(config, &machine_id)?;
    Ok((Arc::new(host), ledger))
}
