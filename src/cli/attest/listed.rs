//! `attest --list` and `--status`: what is attested now, what is not and why, and who could.

use std::io::{self, Write};

use serde::Serialize;

use super::super::error::Failure;
use super::super::output::Output;
use super::super::planning::CLOCK;
use super::super::{Global, attested, context, exit, ledgers};
use super::made;
use crate::approval::{Heard, Subject, could_attest};
use crate::config::{Config, strict};
use crate::desired::Desired;
use crate::evidence::{self, Attested, Held, Recorded};
use crate::model::display::{escape, escaped_line};
use crate::model::{Clock as _, Digest, Timestamp, json};

/// What was found, as other programs read it.
#[derive(Serialize)]
struct Found {
    schema: &'static str,
    version: u32,
    host: String,
    host_id: String,
    commit: Option<String>,
    notes: Vec<String>,
    attestations: Vec<Attested>,
    explanations: Vec<Explained>,
}

/// An explanation of drift on the ledger.
#[derive(Serialize)]
struct Explained {
    about: String,
    by: String,
    role: String,
    reason: String,
    until: Timestamp,
    attestation: Digest,
    entry: Option<u64>,
    /// Why it does not count; null where it does.
    refused: Option<String>,
}

pub(super) fn run(name: Option<&str>, global: &Global, output: &Output) -> Result<u8, Failure> {
    let config = context::config(global, false)?;
    let (tree, host) = context::tree_of_host(&config)?;
    let (desired, _) = context::desired(&tree, &host, &CLOCK)?;
    let host_id = attested::this_host(&config)?;
    let (recorded, now) = recorded(&config, &host_id)?;
    let names: Vec<&str> = match name {
        None => desired.attestations.keys().map(String::as_str).collect(),
        Some(name) => {
            let name = name.strip_prefix("attestation.").unwrap_or(name);
            let known = desired.attestations.get_key_value(name);
            vec![known.ok_or_else(|| made::unknown(name, &desired))?.0.as_str()]
        }
    };
    let of = |name: &&str| evidence::attested(&desired, &recorded, name, now);
    let attestations: Vec<Attested> = names.iter().map(of).collect();
    let explained = recorded.attested.iter().filter(|_| name.is_none()).filter_map(explained);
    let found = Found {
        schema: "countersign.attestations",
        version: 1,
        host: desired.host.clone(),
        host_id,
        commit: desired.commit.clone().filter(|_| desired.pinned),
        notes: recorded.unread.iter().chain(&recorded.untrusted).cloned().collect(),
        explanations: explained.collect(),
        attestations,
    };
    if output.is("json") {
        output.write(|out| json::write(out, &found))?;
    } else {
        let whole = name.is_some() || global.verbose;
        output.write(|out| tell(&found, &config, &desired, whole, out))?;
    }
    let all = found.attestations.iter().all(|one| one.held == Held::Yes);
    Ok(if all { exit::OK } else { exit::UNKNOWN })
}

fn recorded(config: &Config, host: &str) -> Result<(Recorded, Timestamp), Failure> {
    let Some(reader) = ledgers::read(config)? else {
        return Ok((Recorded::default(), CLOCK.now()));
    };
    let judged = attested::all(config, &reader, host)?;
    let recorded =
        Recorded { attested: judged.heard, untrusted: judged.untrusted, ..Recorded::default() };
    Ok((recorded, attested::now(&reader)?))
}

fn explained(heard: &Heard) -> Option<Explained> {
    let said = &heard.assertion;
    matches!(said.about, Subject::Explained { .. }).then(|| Explained {
        about: evidence::about(&said.about),
        by: said.approver.clone(),
        role: said.role.clone(),
        reason: said.reason.clone(),
        until: said.expires,
        attestation: heard.id,
        entry: heard.entry,
        refused: heard.refused.as_ref().map(|why| format!("{}: {}", why.word.code(), why.detail)),
    })
}

fn tell(
    found: &Found,
    config: &Config,
    desired: &Desired,
    whole: bool,
    out: &mut dyn Write,
) -> io::Result<()> {
    let commit = found.commit.as_deref().unwrap_or("unpinned");
    writeln!(out, "{}  desired state {commit}", escape(&found.host))?;
    writeln!(out, "host id {}", found.host_id)?;
    let mut row =
        |key: &str, text: &str| writeln!(out, "  {key:9} {}", escaped_line(text, usize::MAX));
    for note in &found.notes {
        row("note", note)?;
    }
    for one in &found.attestations {
        let word = if one.held == Held::Yes { "ATTESTED" } else { "NOT_RUN" };
        row(word, &format!("{}  {}", one.name, one.title))?;
        if whole {
            one.states.iter().try_for_each(|state| row("states", state))?;
        }
        for by in &one.by {
            let entry = by.entry.map(|entry| format!("  [{entry}]")).unwrap_or_default();
            let (who, role, until) = (&by.by, &by.role, by.expires);
            row("by", &format!("{who} as {role}, until {until}: {}{entry}", by.reason))?;
            if whole {
                row("", &format!("sha256:{}  signed with {}", by.digest, by.key))?;
            }
            if let Some(document) = by.document {
                row("document", &format!("sha256:{document}"))?;
            }
        }
        if whole {
            one.refused.iter().try_for_each(|why| row("refused", why))?;
        }
        if let Some(missing) = &one.missing {
            row("missing", missing)?;
            row("could", &could(config, desired, &one.name))?;
        }
    }
    for one in &found.explanations {
        let word = if one.refused.is_some() { "refused" } else { "explained" };
        let (by, role, until) = (&one.by, &one.role, one.until);
        row(word, &format!("{} until {until} by {by} as {role}: {}", one.about, one.reason))?;
        if let Some(why) = &one.refused {
            row("", why)?;
        }
        if whole {
            row("", &format!("sha256:{}", one.attestation))?;
        }
    }
    Ok(())
}

/// Who could state it, by the trust file of this host.
fn could(config: &Config, desired: &Desired, name: &str) -> String {
    let Ok(trust) = strict::trust(config) else {
        return "the trust file cannot be used".to_owned();
    };
    let roles = desired.attestations.get(name).map(|asked| asked.roles.as_slice());
    let names = could_attest(&trust, roles.unwrap_or_default());
    if names.is_empty() {
        return "nobody of the trust file: no approver has a role that it and [attest] name"
            .to_owned();
    }
    names.join(", ")
}
