//! `attest --import`: puts attestations onto the executor's ledger. What does not count now is refused.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::super::error::Failure;
use super::super::output::Output;
use super::super::planning::CLOCK;
use super::super::{Global, attested, context, exit, refusal, statements};
use crate::approval::{Heard, Hearing, Refusal, Signed, Subject};
use crate::config::strict;
use crate::evidence;
use crate::ledger::event::{AttestationImported, AttestationRevoked};
use crate::ledger::{Attachment, Event};
use crate::model::Digest;
use crate::model::display::escape;

/// How an attestation is made.
const ATTESTATION: &str = "one is written by `countersign attest NAME --as NAME …`, with its signature beside it or in it";

pub(super) fn run(files: &[PathBuf], global: &Global, output: &Output) -> Result<u8, Failure> {
    let config = strict::load(&global.overrides())?;
    let trust = strict::trust(&config)?;
    let (host, mut ledger) = refusal::open(&config)?;
    let machine_id = host.machine_id().map_err(|why| Failure::new(exit::UNKNOWN, why.detail))?;
    let id = attested::host_id(&machine_id);
    let reader = ledger.reader();
    let hearing = Hearing { trust: &trust, host: &id, now: attested::now(&reader)? };
    let mut known: BTreeSet<Digest> =
        attested::kept(&reader)?.iter().map(|one| one.signed.id()).collect();
    let mut desired = None;
    let (mut taken, mut told) = (Vec::new(), Vec::new());
    for file in files {
        let signed = statements::of_file(file, ATTESTATION)?;
        let heard = hearing.one(&signed, None).map_err(|why| refused(&signed, &why))?;
        if let Some(why) = &heard.refused {
            return Err(refused(&signed, why));
        }
        // Taking something back needs nothing but a signature.
        if !matches!(heard.assertion.about, Subject::Revoked { .. }) {
            if desired.is_none() {
                let (tree, host) = context::tree_of_host(&config)?;
                desired = Some(context::desired(&tree, &host, &CLOCK)?.0);
            }
            let objection = desired
                .as_ref()
                .and_then(|desired| evidence::objection(desired, &heard, hearing.now));
            if let Some(why) = objection {
                let origin = escape(&signed.origin).into_owned();
                return Err(Failure::new(exit::APPROVAL, format!("{origin}: {why}"))
                    .hint("it would count for nothing, and was not kept"));
            }
        }
        let said = &heard.assertion;
        let what = format!("{} as {}: {}", said.approver, said.role, evidence::about(&said.about));
        if known.insert(heard.id) {
            told.push(format!("{what}, until {}", said.expires));
            taken.push((signed, heard));
        } else {
            told.push(format!("{what}: on the ledger already"));
        }
    }
    for (signed, heard) in &taken {
        let attached = [
            Attachment { name: "statement", bytes: &signed.statement },
            Attachment { name: "signature", bytes: &signed.signature },
        ];
        ledger.append(&event(heard), &attached)?;
    }
    ledger.checkpoint()?;
    output.write(|out| told.iter().try_for_each(|line| writeln!(out, "{}", escape(line))))?;
    Ok(exit::OK)
}

fn event(heard: &Heard) -> Event {
    let said = &heard.assertion;
    let (approver, role, key) = (said.approver.clone(), said.role.clone(), heard.key.clone());
    match &said.about {
        Subject::Revoked { attestation } => {
            let attestation = *attestation;
            AttestationRevoked { attestation, statement: heard.id, approver, role, key }.into()
        }
        about => {
            let (about, expires) = (evidence::about(about), said.expires);
            AttestationImported { statement: heard.id, about, approver, role, expires, key }.into()
        }
    }
}

fn refused(signed: &Signed, why: &Refusal) -> Failure {
    let (origin, code) = (escape(&signed.origin), why.word.code());
    let message = format!("{origin}: {code}: {}: {}", why.word.title(), escape(&why.detail));
    Failure::new(exit::APPROVAL, message).hint("`countersign trust show` says who may attest what")
}
