//! `countersign ledger anchor`: the newest checkpoint as a commit in a repository that this machine cannot rewrite.

use std::path::Path;

use super::super::error::Failure;
use super::super::exit;
use super::super::output::Output;
use crate::config::Config;
use crate::desired::anchor::Anchor;
use crate::ledger::event::CheckpointAnchored;
use crate::ledger::verify::{Outside, verify};
use crate::ledger::{ActorKind, Ledger, LedgerError, Writer};
use crate::model::{Decimal, SystemClock, Timestamp};

pub(super) fn run(dir: &Path, config: &Config, output: &Output) -> Result<u8, Failure> {
    let missing = |what: &str, hint: &str| Err(Failure::new(exit::CONFIG, what).hint(hint));
    let Some(url) = config.anchor.value.as_deref() else {
        return missing(
            "no place for checkpoints is configured",
            "name a repository as [anchor] url",
        );
    };
    let Some(host) = config.host.value.as_deref() else {
        return missing("the configuration does not say which host this is", "name it as `host`");
    };
    let kind = match dir.file_name().and_then(|name| name.to_str()) {
        Some("observer") => ActorKind::Observer,
        _ => ActorKind::Executor,
    };
    let mut ledger = Ledger::open(dir, Writer::this(kind))?;
    let anchor = Anchor::fetch(url, &format!("countersign-ledger/{host}"), &config.data.value)?;
    let at = format!("{}/checkpoint", kind.word());
    // What was brought there before still has to be true, or this would bury it.
    if let Some(note) = anchor.file(&at)? {
        let name = format!("the checkpoint anchored at {}", anchor.place());
        let note = String::from_utf8(note).map_err(|_| LedgerError::Untold {
            path: dir.to_owned(),
            why: format!("{name} is not UTF-8"),
        })?;
        verify(dir, Some(&ledger.key()), &[Outside { name, note }])?;
    }
    let signed = ledger.checkpoint()?;
    let checkpoint = &signed.checkpoint;
    let message = format!("{} at {} entries\n", checkpoint.origin, checkpoint.size);
    let key = format!("{}\n", ledger.key());
    let files =
        [(at, signed.note.as_bytes()), (format!("{}/key.pub", kind.word()), key.as_bytes())];
    let place = anchor.push(&files, &message, Timestamp::now(&SystemClock))?;
    let anchored = CheckpointAnchored {
        origin: checkpoint.origin.clone(),
        size: Decimal(checkpoint.size),
        root: checkpoint.root,
        place: place.clone(),
    };
    ledger.append(&anchored.into(), &[])?;
    output.write(|out| {
        writeln!(out, "anchored: {checkpoint}")?;
        writeln!(out, "  at {}", crate::model::display::escape(&place))
    })?;
    Ok(exit::OK)
}
