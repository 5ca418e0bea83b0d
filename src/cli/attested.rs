//! What the executor's ledger has of attestations, and which of them count now.

use super::error::Failure;
use super::{exit, ledgers};
use crate::approval::{Assertion, Heard, Hearing, Signed, Subject};
use crate::config::{Config, strict};
use crate::ledger::{Attached, Event, Reader};
use crate::model::{Clock as _, Digest, SystemClock, Timestamp, Unknown};
use crate::plan::format::HostId;
use crate::probe::host::Host;

/// The most attestations whose signatures are looked at, the newest first. Revocations are always looked at.
const HEARD_MAX: usize = 2000;

/// An attestation on the ledger, not judged yet.
pub(super) struct Kept {
    pub(super) signed: Signed,
    pub(super) entry: u64,
    about: Subject,
}

/// Attestations, judged.
#[derive(Debug, Default)]
pub(super) struct Judged {
    /// Those whose signatures hold, in the order of the ledger.
    pub(super) heard: Vec<Heard>,
    /// Why none of them counts, where the trust file cannot be used.
    pub(super) untrusted: Option<String>,
}

/// The id of a machine, as plans and attestations name it.
pub(super) fn host_id(machine_id: &str) -> String {
    format!("sha256:{}", HostId::id_of(machine_id))
}

/// Those on the ledger, in its order.
pub(super) fn kept(reader: &Reader) -> Result<Vec<Kept>, Failure> {
    let mut kept = Vec::new();
    for entry in reader.entries()? {
        let entry = entry?;
        if !matches!(entry.event, Event::AttestationImported(_) | Event::AttestationRevoked(_)) {
            continue;
        }
        let bytes = |name: &str| {
            let named = |attached: &&Attached| attached.name == name;
            let found = entry.attachments.iter().find(named);
            found.map(|attached| reader.blob(&attached.sha256)).transpose()
        };
        let (Some(statement), Some(signature)) = (bytes("statement")?, bytes("signature")?) else {
            continue;
        };
        let Ok(Assertion { about, .. }) = Assertion::parse(&statement) else { continue };
        let origin = format!("entry {}", entry.seq);
        let signed = Signed { statement, signature, origin };
        kept.push(Kept { signed, entry: entry.seq, about });
    }
    Ok(kept)
}

/// Judges those that `asked` names, and what takes them back. `now` is never before the newest entry of the ledger.
pub(super) fn judge(
    config: &Config,
    kept: Vec<Kept>,
    host: &str,
    now: Timestamp,
    asked: impl Fn(&Subject) -> bool,
) -> Judged {
    let revokes = |about: &Subject| matches!(about, Subject::Revoked { .. });
    let of_interest = |one: &Kept| revokes(&one.about) || asked(&one.about);
    let kept: Vec<Kept> = kept.into_iter().filter(of_interest).collect();
    if kept.is_empty() {
        return Judged::default();
    }
    let trust = match strict::trust(config) {
        Ok(trust) => trust,
        Err(error) => {
            let why = Failure::from(error).message;
            let untrusted = Some(format!("who may attest cannot be told: {why}"));
            return Judged { heard: Vec::new(), untrusted };
        }
    };
    let statements = kept.iter().filter(|one| !revokes(&one.about)).count();
    let mut skipped = statements.saturating_sub(HEARD_MAX);
    let newest = kept.into_iter().filter(|one| {
        let skip = skipped > 0 && !revokes(&one.about);
        skipped -= usize::from(skip);
        !skip
    });
    let newest: Vec<_> = newest.map(|one| (one.signed, Some(one.entry))).collect();
    let (heard, _) = Hearing { trust: &trust, host, now }.of(&newest);
    Judged { heard, untrusted: None }
}

/// The time, which is never before the newest entry of a ledger.
pub(super) fn now(reader: &Reader) -> Result<Timestamp, Failure> {
    let mut newest = SystemClock.now();
    for entry in reader.entries()? {
        newest = newest.max(entry?.time);
    }
    Ok(newest)
}

/// Explanations of drift for this machine. Whatever keeps them from being read is a sentence: the alarm sounds then.
pub(super) fn explanations(
    config: &Config,
    machine_id: Result<String, Unknown>,
) -> Result<Vec<Heard>, String> {
    let read = || -> Result<Option<(Vec<Kept>, Timestamp)>, Failure> {
        let Some(reader) = ledgers::read(config)? else { return Ok(None) };
        let kept = kept(&reader)?;
        Ok(Some((kept, now(&reader)?)))
    };
    let Some((kept, now)) = read().map_err(|failure| failure.message)? else {
        return Ok(Vec::new());
    };
    let explains = |about: &Subject| matches!(about, Subject::Explained { .. });
    if !kept.iter().any(|one| explains(&one.about)) {
        return Ok(Vec::new());
    }
    let machine_id = machine_id
        .map_err(|why| format!("this machine cannot be told from others: {}", why.detail))?;
    let judged = judge(config, kept, &host_id(&machine_id), now, explains);
    judged.untrusted.map_or(Ok(judged.heard), Err)
}

/// May this contract run here: because the configuration says so, or because somebody who may has signed that it may?
pub(super) fn admits(config: &Config, contract: Digest) -> Result<bool, Failure> {
    let admit = &config.admit.value;
    if admit.contract(contract) || !admit.signed {
        return Ok(admit.contract(contract));
    }
    let Some(reader) = ledgers::read(config)? else { return Ok(false) };
    let host = this_host(config)?;
    let asked = |about: &Subject| matches!(about, Subject::Admitted { contract: of, .. } if *of == contract);
    let judged = judge(config, kept(&reader)?, &host, now(&reader)?, asked);
    let counts = |one: &Heard| one.refused.is_none() && asked(&one.assertion.about);
    Ok(judged.heard.iter().any(counts))
}

/// All of them for this machine.
pub(super) fn all(config: &Config, reader: &Reader, host: &str) -> Result<Judged, Failure> {
    Ok(judge(config, kept(reader)?, host, now(reader)?, |_| true))
}

/// This machine, as attestations name it.
pub(super) fn this_host(config: &Config) -> Result<String, Failure> {
    let root = &config.root.value;
    let host = Host::open(root, config.observe.value.clone()).map_err(|error| {
        let message = format!("cannot open the root {}: {error}", root.display());
        Failure::new(exit::ERROR, message)
    })?;
    let machine_id = host.machine_id().map_err(|why| {
        let message = format!("this machine cannot be told from others: {}", why.detail);
        Failure::new(exit::UNKNOWN, message).hint("--host-id names the one that is meant")
    })?;
    Ok(host_id(&machine_id))
}

/// What this machine is called.
pub(super) fn hostname(config: &Config) -> Option<String> {
    let host = Host::open(&config.root.value, config.observe.value.clone()).ok()?;
    host.hostname().ok()
}
