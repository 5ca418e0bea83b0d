//! Makes what a person is asked to sign, from desired state and from what was said on the command line.

use std::io::Read as _;

use serde_json::Value;

use super::super::error::Failure;
use super::super::planning::CLOCK;
use super::super::{attested, context, exit};
use super::Arguments;
use crate::approval::{Assertion, Expected, Subject, asked, told};
use crate::config::Config;
use crate::desired::Desired;
use crate::model::display::{escape, one_line};
use crate::model::{Digest, Hashing, ResourceName, Timestamp, nearest};
use crate::plan::format::HostId;

/// The largest document that is hashed.
const DOCUMENT_BYTES_MAX: u64 = 1 << 30;
/// The longest question that is shown, in characters.
const QUESTION_CHARS_MAX: usize = 1000;
/// The longest part of a file's name that is taken from what it is about.
const NAME_CHARS_MAX: usize = 80;

/// What is said about which host.
pub(super) struct Made {
    pub(super) title: String,
    pub(super) notes: Vec<String>,
    about: Subject,
    host: String,
    commit: Option<String>,
}

pub(super) fn make(
    arguments: &Arguments,
    config: &Config,
    now: Timestamp,
) -> Result<Made, Failure> {
    let (tree, host) = context::tree_of_host(config)?;
    let (desired, _) = context::desired(&tree, &host, &CLOCK)?;
    let mut notes = Vec::new();
    let (title, about) = if let Some(name) = &arguments.name {
        stated(name, arguments, &desired)?
    } else if let Some(resource) = &arguments.explain {
        explained(resource, arguments, &desired, &mut notes)?
    } else if let Some(proof) = &arguments.admit {
        admitted(proof, &desired, &mut notes)?
    } else if let Some(attestation) = arguments.revoke {
        notes.push("taking back cannot be taken back: sign another attestation then".to_owned());
        (format!("sha256:{attestation} is taken back"), Subject::Revoked { attestation })
    } else {
        return Err(Failure::new(exit::USAGE, "nothing to attest was named"));
    };
    if arguments.until.from(now) <= now {
        notes.push("it would be over at once".to_owned());
    }
    Ok(Made {
        title,
        notes,
        about,
        host: host_id(arguments, config, &desired)?,
        commit: desired.commit.filter(|_| desired.pinned),
    })
}

impl Made {
    /// The statement, signed by whoever is named.
    pub(super) fn assertion(
        &self,
        arguments: &Arguments,
        now: Timestamp,
    ) -> Result<Assertion, Failure> {
        let or = |given: &Option<String>| given.clone().unwrap_or_else(|| "?".to_owned());
        if self.host.contains(char::is_whitespace) {
            return Err(Failure::new(exit::USAGE, "the id of a host is one word"));
        }
        Ok(Assertion {
            host: self.host.clone(),
            commit: self.commit.clone(),
            about: self.about.clone(),
            approver: or(&arguments.approver),
            role: or(&arguments.role),
            reason: or(&arguments.reason),
            not_before: now,
            expires: arguments.until.from(now),
        })
    }

    /// What the file of the statement is called, up to the name of whoever signs.
    pub(super) fn file_name(&self) -> String {
        let about = match &self.about {
            Subject::Stated { name, .. } => format!("attestation.{name}"),
            Subject::Explained { resource, .. } => format!("explanation.{resource}"),
            Subject::Admitted { proof, .. } => format!("admission.{proof}"),
            Subject::Revoked { attestation } => {
                format!("revocation.{}", attestation.to_string().get(..12).unwrap_or_default())
            }
        };
        let plain = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' };
        about.chars().take(NAME_CHARS_MAX).map(plain).collect()
    }
}

/// What desired state wants stated.
fn stated(
    name: &str,
    arguments: &Arguments,
    desired: &Desired,
) -> Result<(String, Subject), Failure> {
    let name = name.strip_prefix("attestation.").unwrap_or(name);
    let asked = desired.attestations.get(name).ok_or_else(|| unknown(name, desired))?;
    let document = match (&arguments.document, asked.document) {
        (Some(named), true) => Some(document(named)?),
        (None, false) => None,
        (None, true) => {
            let message = format!("attestation.{} is about a document", escape(name));
            return Err(Failure::new(exit::USAGE, message)
                .hint("name its SHA-256, or its file, with --document"));
        }
        (Some(_), false) => {
            let message = format!("attestation.{} is about no document", escape(name));
            return Err(Failure::new(exit::USAGE, message));
        }
    };
    if let Some(role) = &arguments.role
        && !asked.roles.contains(role)
    {
        let message = format!("attestation.{} is not stated as `{}`", escape(name), escape(role));
        let hint = format!("it asks for: {}", asked.roles.join(", "));
        return Err(Failure::new(exit::APPROVAL, message).hint(hint));
    }
    let (text, states) = (asked.text(name), asked.states.clone());
    let about = Subject::Stated { name: name.to_owned(), text, states, document };
    Ok((asked.title.clone(), about))
}

/// Says which attestations there are.
pub(super) fn unknown(name: &str, desired: &Desired) -> Failure {
    let message = format!("{} has no attestation `{}`", desired.host, escape(name));
    let failure = Failure::new(exit::INVALID, message);
    let known = desired.attestations.keys().map(String::as_str);
    match nearest(name, known.clone()) {
        Some(near) => failure.hint(format!("did you mean `{near}`?")),
        None if desired.attestations.is_empty() => {
            failure.hint("`countersign explain attestation` says how to write one")
        }
        None => failure.hint(format!("it has: {}", known.collect::<Vec<_>>().join(", "))),
    }
}

/// A SHA-256 as it is, or that of a file.
fn document(named: &str) -> Result<Digest, Failure> {
    if let Ok(digest) = super::digest(named) {
        return Ok(digest);
    }
    let failed = |why: String| {
        let message = format!("cannot read the document {}: {why}", escape(named));
        Failure::new(exit::ERROR, message)
    };
    let file = std::fs::File::open(named).map_err(|error| failed(error.to_string()))?;
    let (mut file, mut hashing) = (file.take(DOCUMENT_BYTES_MAX + 1), Hashing::default());
    std::io::copy(&mut file, &mut hashing).map_err(|error| failed(error.to_string()))?;
    if file.limit() == 0 {
        return Err(failed(format!("it is larger than {DOCUMENT_BYTES_MAX} bytes")));
    }
    Ok(hashing.digest())
}

/// Differences that are expected for a time.
fn explained(
    resource: &str,
    arguments: &Arguments,
    desired: &Desired,
    notes: &mut Vec<String>,
) -> Result<(String, Subject), Failure> {
    let wanted = ResourceName::parse(resource).and_then(|name| desired.resources.get(&name));
    let Some(found) = wanted else {
        let message = format!("{} has no resource `{}`", desired.host, escape(resource));
        let known: Vec<String> = desired.resources.keys().map(ToString::to_string).collect();
        let failure = Failure::new(exit::INVALID, message);
        return Err(match nearest(resource, known.iter().map(String::as_str)) {
            Some(near) => failure.hint(format!("did you mean `{near}`?")),
            None => failure.hint("a resource is named KIND.NAME"),
        });
    };
    let Arguments { field, expect, wanted, line, .. } = arguments;
    let of_each = |many: usize| many == 0 || many == field.len();
    if field.len() != expect.len() || !of_each(wanted.len()) || !of_each(line.len()) {
        let message =
            "each --field has its --expect, and its --wanted and --line where there are any";
        return Err(Failure::new(exit::USAGE, message));
    }
    let pinned = found.spec.pinned().filter(|_| field.len() == 1);
    let mut differences = Vec::new();
    for (at, (field, observed)) in field.iter().zip(expect).enumerate() {
        let wanted = wanted.get(at).map(|text| value(text)).or_else(|| pinned.clone());
        let Some(wanted) = wanted else {
            let message = format!("what is wanted of {} is not one value", found.name);
            return Err(Failure::new(exit::USAGE, message)
                .hint("say it with --wanted, as a report has it: --output json"));
        };
        let (wanted, observed) = (told(&wanted), told(&value(observed)));
        let line = line.get(at).copied();
        differences.push(Expected { field: field.clone(), wanted, observed, line });
    }
    notes.push(format!("declared in {}:{}", found.file, found.line));
    let question = found.spec.question(&found.name.name);
    notes.push(format!("the question: {}", one_line(&question.to_string(), QUESTION_CHARS_MAX)));
    if found.common.kill_switch {
        notes.push(
            "this is a guard: only a role in `guards` of [attest] may explain it, and nothing is applied or proven meanwhile"
                .to_owned(),
        );
    }
    let title = format!("drift of {} is expected", found.name);
    let (resource, run) = (found.name.clone(), arguments.run.clone());
    let question = asked(&question);
    Ok((title, Subject::Explained { resource, question, differences, run }))
}

/// A contract that may run as a proof: it is shown, for its digest says nothing to people.
fn admitted(
    name: &str,
    desired: &Desired,
    notes: &mut Vec<String>,
) -> Result<(String, Subject), Failure> {
    let name = name.strip_prefix("proof.").unwrap_or(name);
    let Some(proof) = desired.proofs.get(name) else {
        let message = format!("{} has no proof `{}`", desired.host, escape(name));
        let failure = Failure::new(exit::INVALID, message);
        return Err(match nearest(name, desired.proofs.keys().map(String::as_str)) {
            Some(near) => failure.hint(format!("did you mean `{near}`?")),
            None => failure.hint("`countersign prove --list` names them all"),
        });
    };
    let contract = serde_json::to_string(&proof.contract).unwrap_or_default();
    notes.push(format!("the contract: {contract}"));
    notes.push(format!("declared in {}:{}", proof.file, proof.line));
    let (proof, contract) = (name.to_owned(), proof.contract.digest());
    Ok((format!("proof.{name} may run"), Subject::Admitted { proof, contract }))
}

/// As JSON where it is some, else as text.
fn value(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()))
}

/// The machine that is meant: the one that was named, the one that desired state pins, or this one where it could be it.
fn host_id(arguments: &Arguments, config: &Config, desired: &Desired) -> Result<String, Failure> {
    if let Some(id) = &arguments.host_id {
        let digest = super::digest(id).map_err(|why| Failure::new(exit::USAGE, why))?;
        return Ok(format!("sha256:{digest}"));
    }
    if let Some(machine_id) = &desired.identity.machine_id {
        return Ok(format!("sha256:{}", HostId::id_of(machine_id)));
    }
    let this = attested::this_host(config)?;
    if let Some(wanted) = &desired.identity.hostname
        && attested::hostname(config).as_ref() != Some(wanted)
    {
        let message =
            format!("this machine is not `{}`, which desired state names", escape(wanted));
        return Err(Failure::new(exit::REFUSED, message)
            .hint("sign for it with --host-id, which `countersign attest --list` prints there"));
    }
    Ok(this)
}
