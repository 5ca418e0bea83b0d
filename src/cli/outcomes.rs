//! What the executor's ledger says of proofs: the newest outcome of each that ran on this very machine.

use super::error::Failure;
use super::{attested, exit, ledgers};
use crate::config::Config;
use crate::evidence::{ProofRecord, Recorded, SetRecord};
use crate::ledger::event::ProofOutcome;
use crate::ledger::{Entry, Event, Reader};
use crate::model::Unknown;
use crate::plan::format::HostId;
use crate::proof::{Evidence, Holds, LineResult, Verdict};

/// Reads them. Where the ledger cannot be read there are none, and the reason stands in their place; one that is damaged ends
/// the run.
pub(super) fn read(
    config: &Config,
    machine_id: Result<String, Unknown>,
) -> Result<Recorded, Failure> {
    let unread = |why: String| Recorded { unread: Some(why), ..Recorded::default() };
    let machine_id = match machine_id {
        Ok(machine_id) => HostId::id_of(&machine_id).to_string(),
        Err(why) => {
            let why = format!("this machine cannot be told from others: {}", why.detail);
            return Ok(unread(why));
        }
    };
    match ledgers::read(config) {
        Ok(Some(reader)) => {
            let host = format!("sha256:{machine_id}");
            let attested::Judged { heard, untrusted } = attested::all(config, &reader, &host)?;
            let recorded = of(&reader, &machine_id)?;
            Ok(Recorded { attested: heard, untrusted, ..recorded })
        }
        Ok(None) => Ok(Recorded::default()),
        Err(failure) if failure.code == exit::VERIFICATION => Err(failure),
        Err(failure) => Ok(unread(failure.message)),
    }
}

fn of(reader: &Reader, machine: &str) -> Result<Recorded, Failure> {
    let mut recorded = Recorded::default();
    for entry in reader.entries()? {
        let entry = entry?;
        recorded.newest = recorded.newest.max(Some(entry.time));
        if entry.host != machine {
            continue;
        }
        match &entry.event {
            // What was begun later than it ended well may have ended otherwise, and not be recorded.
            Event::ProofIntent(intent) => {
                let record = ProofRecord {
                    contract: intent.contract,
                    holds: Holds::Untold,
                    verdict: "it was begun, and its end is not recorded".to_owned(),
                    system_identifier: None,
                    at: entry.time,
                    entry: entry.seq,
                };
                recorded.proofs.insert(intent.proof.clone(), record);
            }
            Event::ProofOutcome(outcome) => {
                let record = proof(reader, &entry, outcome)?;
                recorded.proofs.insert(outcome.proof.clone(), record);
            }
            Event::ProofsetOutcome(outcome) => {
                let lines = attached(reader, &entry, "lines")?;
                let lines = lines.map(|bytes| serde_json::from_slice::<Vec<LineResult>>(&bytes));
                let record = SetRecord {
                    set: outcome.set,
                    // What cannot be read shows nothing.
                    lines: lines.and_then(Result::ok).unwrap_or_default(),
                    at: entry.time,
                    entry: entry.seq,
                };
                recorded.sets.insert(outcome.proofset.clone(), record);
            }
            _ => {}
        }
    }
    Ok(recorded)
}

/// The verdict is that of the evidence, which the entry only repeats: where they differ, nothing is known.
fn proof(reader: &Reader, entry: &Entry, outcome: &ProofOutcome) -> Result<ProofRecord, Failure> {
    let evidence = evidence(reader, entry)?;
    let same = |evidence: &&Evidence| {
        evidence.verdict.to_string() == outcome.verdict && evidence.contract == outcome.contract
    };
    let holds = match evidence.as_ref().filter(same).map(|evidence| evidence.verdict) {
        Some(verdict) if verdict.is_green() => Holds::Yes,
        None | Some(Verdict::Inconclusive | Verdict::Unprovable) => Holds::Untold,
        Some(_) => Holds::No,
    };
    let because = match holds {
        Holds::Yes => String::new(),
        _ => format!(": {}", outcome.detail),
    };
    Ok(ProofRecord {
        contract: outcome.contract,
        holds,
        verdict: format!("{}{because}", outcome.verdict),
        system_identifier: evidence
            .and_then(|evidence| evidence.server)
            .map(|server| server.system_identifier),
        at: entry.time,
        entry: entry.seq,
    })
}

/// A run that did not come to its end has none.
fn evidence(reader: &Reader, entry: &Entry) -> Result<Option<Evidence>, Failure> {
    let bytes = attached(reader, entry, "evidence")?;
    Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
}

fn attached(reader: &Reader, entry: &Entry, name: &str) -> Result<Option<Vec<u8>>, Failure> {
    let found = entry.attachments.iter().find(|attached| attached.name == name);
    Ok(found.map(|attached| reader.blob(&attached.sha256)).transpose()?)
}
