//! The executor's ledger of this host, for the verbs that record.

use std::path::{Path, PathBuf};

use super::error::Failure;
use super::exit;
#[cfg(feature = "execute")]
use super::output;
use crate::approval::Word;
use crate::config::{Config, Verify, strict};
use crate::desired::{self, AcceptedTip};
use crate::ledger::event::{Refused, SourceAccepted};
use crate::ledger::{ActorKind, Event, Ledger, LedgerError, Reader, Writer};
use crate::model::Digest;
use crate::plan::format::{HostId, LedgerId};

/// The folder of a ledger.
pub(super) fn folder(config: &Config, kind: ActorKind) -> PathBuf {
    config.data.value.join("ledger").join(kind.word())
}

impl From<LedgerError> for Failure {
    fn from(error: LedgerError) -> Self {
        let code = match &error {
            LedgerError::Damaged { .. } => exit::VERIFICATION,
            LedgerError::Untold { .. } | LedgerError::NoSuch { .. } => exit::UNKNOWN,
            LedgerError::Insecure { .. } => exit::CONFIG,
            _ => exit::ERROR,
        };
        let failure = Self::of(code, &error);
        match error {
            LedgerError::Damaged { .. } => failure
                .hint("nothing is changed on its word; `countersign ledger verify` finds the first entry that is wrong, and the anchors say what it was"),
            LedgerError::Locked { .. } => failure.hint(
                "wait until the other process has ended; of a controller that runs already, `countersign status` and `reconcile` ask",
            ),
            LedgerError::Missing { .. } => failure.hint(
                "`countersign plan` makes it when it seals the first plan; `ledger --ledger DIR` names the folder of another",
            ),
            LedgerError::NoSuch { .. } => failure.hint("`countersign ledger show` lists what there is"),
            LedgerError::Untold { .. } => failure.hint(
                "`countersign ledger verify --checkpoint FILE` compares it with one that was kept elsewhere",
            ),
            LedgerError::Full { .. } => failure.hint("make room on its file system"),
            LedgerError::Poisoned { .. } => failure
                .hint("find out what is wrong with its disk; the next process verifies it again"),
            _ => failure,
        }
    }
}

/// Opens the executor's ledger for writing, and makes it where there is none.
pub(super) fn executor(config: &Config, machine_id: &str) -> Result<Ledger, Failure> {
    of(config, ActorKind::Executor, machine_id)
}

/// The same of the observer's.
pub(super) fn observer(config: &Config, machine_id: &str) -> Result<Ledger, Failure> {
    of(config, ActorKind::Observer, machine_id)
}

fn of(config: &Config, kind: ActorKind, machine_id: &str) -> Result<Ledger, Failure> {
    let folder = folder(config, kind);
    let writer = Writer::this(kind);
    match Ledger::open(&folder, writer.clone()) {
        Err(LedgerError::Missing { .. }) => {
            let id = HostId::id_of(machine_id).to_string();
            let origin = format!("countersign/{}/{}", &id[..16], kind.word());
            make_parents(&folder)?;
            Ok(Ledger::create(&folder, &origin, &id, writer)?)
        }
        opened => Ok(opened?),
    }
}

/// Opens the executor's ledger for reading; `None` where there is none yet.
pub(super) fn read(config: &Config) -> Result<Option<Reader>, Failure> {
    match Reader::open(&folder(config, ActorKind::Executor)) {
        Ok(reader) => Ok(Some(reader)),
        Err(LedgerError::Missing { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The newest commit of desired state that was ever accepted here.
pub(super) fn accepted(config: &Config) -> Result<Option<AcceptedTip>, Failure> {
    let Some(reader) = read(config)? else { return Ok(None) };
    let mut newest = None;
    for entry in reader.entries()? {
        if let Event::SourceAccepted(accepted) = entry?.event {
            newest = Some(AcceptedTip { commit: accepted.commit });
        }
    }
    Ok(newest)
}

/// Records that a commit is accepted from now on, where commits are verified and it was not accepted before.
pub(super) fn accept(config: &Config, commit: &str, ledger: &mut Ledger) -> Result<(), Failure> {
    let (Verify::Signed, Some(first)) = (config.verify.value, &config.first_commit) else {
        return Ok(());
    };
    let previous = accepted(config)?.map(|tip| tip.commit);
    if previous.as_deref() == Some(commit) {
        return Ok(());
    }
    let trust = strict::trust(config)?;
    let source = config.source.value.as_deref().unwrap_or_default();
    let since = previous.as_deref().unwrap_or(first);
    let signers = desired::source::authors(source, &config.data.value, since, commit, &trust)?;
    let signers = signers.into_iter().collect();
    let event = SourceAccepted { commit: commit.to_owned(), previous, signers };
    ledger.append(&event.into(), &[])?;
    Ok(())
}

/// The folder below the program's own that has a file for each plan that was used. It outlives a ledger that is taken back
/// to an earlier state.
const USED: &str = "used";

/// Marks a plan as used, before the ledger says so. On the disk when this returns.
#[cfg(feature = "execute")]
pub(super) fn mark_used(config: &Config, plan: Digest) -> Result<(), Failure> {
    output::place(&config.data.value, &Path::new(USED).join(plan.to_string()), b"")
}

/// Is a plan marked as used? Whatever stands there is a mark.
pub(super) fn is_marked_used(config: &Config, plan: Digest) -> Result<bool, Failure> {
    let mark = config.data.value.join(USED).join(plan.to_string());
    match std::fs::symlink_metadata(&mark) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => {
            let message = format!("cannot look at {}: {error}", mark.display());
            Err(Failure::new(exit::ERROR, message))
        }
    }
}

/// What a plan says of it.
pub(super) fn id(ledger: &Ledger) -> LedgerId {
    let key = ledger.key();
    LedgerId { origin: key.origin().to_owned(), key: key.to_string() }
}

/// The folders above a ledger, for their owner alone.
fn make_parents(folder: &Path) -> Result<(), Failure> {
    use std::os::unix::fs::DirBuilderExt as _;
    let Some(above) = folder.parent() else { return Ok(()) };
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o750).create(above);
    made.map_err(|error| {
        Failure::new(exit::ERROR, format!("cannot make {}: {error}", above.display()))
            .hint("run as the owner of the program's own folder, or make a draft with --draft")
    })
}

/// What became of the plans of a ledger.
#[derive(Debug, Default)]
pub(super) struct Plans {
    /// Sealed and neither run, abandoned, nor given up.
    pub(super) open: Vec<Sealed>,
}

/// A plan that stands on the ledger.
#[derive(Debug, Clone)]
pub(super) struct Sealed {
    pub(super) digest: Digest,
    pub(super) effect: Digest,
    pub(super) valid_until: crate::model::Timestamp,
}

impl Plans {
    /// Reads them from a verified ledger.
    pub(super) fn of(reader: &Reader) -> Result<Self, Failure> {
        let mut plans = Self::default();
        for entry in reader.entries()? {
            match entry?.event {
                Event::PlanSealed(sealed) => plans.open.push(Sealed {
                    digest: sealed.plan,
                    effect: sealed.effect,
                    valid_until: sealed.valid_until,
                }),
                Event::PermitConsumed(consumed) => {
                    plans.open.retain(|sealed| sealed.digest != consumed.plan);
                }
                Event::PlanAbandoned(abandoned) => {
                    plans.open.retain(|sealed| sealed.digest != abandoned.plan);
                }
                // Nobody can approve it any more, so it must not be answered once more.
                Event::Refused(Refused { code, plan: Some(plan), .. })
                    if code == Word::Rejected.code() || code == Word::Revoked.code() =>
                {
                    plans.open.retain(|sealed| sealed.digest != plan);
                }
                _ => {}
            }
        }
        Ok(plans)
    }
}
