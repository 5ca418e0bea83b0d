//! `countersign report verify`: a folder of files against keys from elsewhere. Asks no machine and no network.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use rustix::fs::OFlags;
use serde::Serialize;

use super::super::error::Failure;
use super::super::output::Output;
use super::super::{Global, context, exit, ledgers, trusting};
use super::{Folder, Trusted};
use crate::config::Trust;
use crate::ledger::{ActorKind, Key};
use crate::model::display::{escape, escaped_line};
use crate::model::{json, shown_path};
use crate::package::{self, FILE_BYTES_MAX, FILES_MAX, Fault, Files, Verified};

/// How deep folders of a package lie.
const DEPTH_MAX: usize = 8;
/// The largest trust file that is read from an argument.
const TRUST_BYTES_MAX: u64 = 1 << 20;

/// Whom to believe, and who says so.
pub(super) struct Believed {
    pub(super) ledger: Key,
    ledger_from: String,
    pub(super) people: Option<Trust>,
    people_from: String,
}

pub(super) fn run(folder: &Folder, global: &Global, output: &Output) -> Result<u8, Failure> {
    let believed = believed(&folder.trusted, global)?;
    let verified = verified(&folder.folder, &believed)?;
    if output.is("json") {
        output.write(|out| json::write(out, &told(&verified, &believed)))?;
    } else {
        tell(&verified, &believed, output)?;
    }
    Ok(exit::OK)
}

/// What the package is, and who stands behind it.
pub(super) fn tell(
    verified: &Verified,
    believed: &Believed,
    output: &Output,
) -> Result<(), Failure> {
    output.write(|out| {
        let (header, outcome) = (&verified.package.header, &verified.package.outcome);
        let (report, host) = (escape(&header.report), escape(&header.host));
        writeln!(
            out,
            "intact: {report} of {host}, {}: {}",
            header.date_utc,
            escape(&outcome.token)
        )?;
        writeln!(
            out,
            "  {} files are those that were signed; {} citations lead to what is in them",
            verified.files, verified.cited
        )?;
        writeln!(
            out,
            "  signed by the ledger {}, whose key is {}",
            believed.ledger.origin(),
            believed.ledger_from
        )?;
        writeln!(out, "  statement sha256:{}", verified.statement.digest())?;
        let commit = header.commit.as_deref().map_or_else(|| "no commit".into(), escape);
        let exact = if header.pinned { "" } else { ", and desired state was not exactly that" };
        writeln!(out, "  of {commit}{exact}")?;
        for word in &verified.people {
            let (who, reason) = (escape(&word.signer), escaped_line(&word.reason, 200));
            writeln!(
                out,
                "  signed by {who} at {}: {reason}; whose key it is says {}",
                word.signed, believed.people_from
            )?;
        }
        Ok(())
    })
}

#[derive(Serialize)]
struct Told<'a> {
    schema: &'static str,
    version: u32,
    report: &'a str,
    host: &'a str,
    outcome: &'a str,
    ready: bool,
    files: usize,
    cited: usize,
    ledger: String,
    ledger_key_from: &'a str,
    statement: crate::model::Digest,
    signed_by: Vec<&'a str>,
}

fn told<'a>(verified: &'a Verified, believed: &'a Believed) -> Told<'a> {
    Told {
        schema: "countersign.report.verified",
        version: 1,
        report: &verified.package.header.report,
        host: &verified.package.header.host,
        outcome: &verified.package.outcome.token,
        ready: verified.package.outcome.ready,
        files: verified.files,
        cited: verified.cited,
        ledger: believed.ledger.to_string(),
        ledger_key_from: &believed.ledger_from,
        statement: verified.statement.digest(),
        signed_by: verified.people.iter().map(|word| word.signer.as_str()).collect(),
    }
}

/// Verifies the package in a folder.
pub(super) fn verified(folder: &Path, believed: &Believed) -> Result<Verified, Failure> {
    let files = read(folder)?;
    let trusted = package::Trusted { ledger: &believed.ledger, people: believed.people.as_ref() };
    package::verify(&files, trusted).map_err(|faults| failed(folder, &faults))
}

fn failed(folder: &Path, faults: &[Fault]) -> Failure {
    let code = if faults.iter().all(|one| one.untold) { exit::UNKNOWN } else { exit::VERIFICATION };
    let lines =
        faults.iter().map(|one| format!("{}: {}", escape(&one.file), escaped_line(&one.what, 400)));
    let lines = lines.collect::<Vec<_>>().join("\n");
    let folder = shown_path(folder);
    let message = match code {
        exit::UNKNOWN => {
            format!("whether the package in {folder} is what was signed cannot be told\n{lines}")
        }
        _ => format!("the package in {folder} does not verify\n{lines}"),
    };
    let failure = Failure::new(code, message);
    match code {
        exit::UNKNOWN => failure.hint("--trust FILE names a trust file"),
        _ => failure.hint(
            "nothing that it says may be used; ask for it anew, and for the key by another way",
        ),
    }
}

/// Whom to believe: what was named, or this machine. Never the package.
pub(super) fn believed(trusted: &Trusted, global: &Global) -> Result<Believed, Failure> {
    let config = context::config(global, false);
    let (ledger, ledger_from) = match &trusted.ledger_key {
        Some(text) => {
            let key = text.trim().parse::<Key>();
            let key = key.map_err(|error| {
                Failure::of(exit::USAGE, &error).hint("`key.pub` of a ledger holds it")
            })?;
            (key, "the one of --ledger-key".to_owned())
        }
        None => of_machine(config.as_ref().ok())?,
    };
    let (people, people_from) = match (&trusted.trust, &config) {
        (Some(file), _) => (Some(trust(file)?), format!("{}, of --trust", shown_path(file))),
        (None, Ok(config)) => match trusting::trust(config) {
            Ok(trust) => {
                let from = format!("{}, of this machine", escape(&trust.file));
                (Some(trust), from)
            }
            Err(_) => (None, String::new()),
        },
        (None, Err(_)) => (None, String::new()),
    };
    Ok(Believed { ledger, ledger_from, people, people_from })
}

fn of_machine(config: Option<&crate::config::Config>) -> Result<(Key, String), Failure> {
    let unknown = || {
        Failure::new(exit::UNKNOWN, "whose ledger should have signed it is not known")
            .hint("--ledger-key KEY names its key, which you have from somebody else than the sender of the package")
    };
    let file = ledgers::folder(config.ok_or_else(unknown)?, ActorKind::Executor).join("key.pub");
    let text = bytes(&file, 4096).map_err(|_| unknown())?;
    let text = String::from_utf8(text).map_err(|_| unknown())?;
    let key = text.trim_end().parse().map_err(|_| unknown())?;
    Ok((key, format!("the one of this machine, {}", shown_path(&file))))
}

fn trust(file: &Path) -> Result<Trust, Failure> {
    let bytes = bytes(file, TRUST_BYTES_MAX)?;
    let text = String::from_utf8(bytes)
        .map_err(|_| Failure::new(exit::CONFIG, format!("{} is not UTF-8", shown_path(file))))?;
    Ok(Trust::parse(file, text)?)
}

/// The files of a package. Whatever is no regular file does not belong to one.
pub(super) fn read(folder: &Path) -> Result<Files, Failure> {
    let (mut files, mut below) = (Files::new(), vec![(folder.to_owned(), 0)]);
    let mut faults = BTreeSet::new();
    while let Some((at, depth)) = below.pop() {
        let entries = std::fs::read_dir(&at).map_err(|error| cannot(&at, &error))?;
        for entry in entries {
            let entry = entry.map_err(|error| cannot(&at, &error))?;
            let path = entry.path();
            let kind = entry.file_type().map_err(|error| cannot(&path, &error))?;
            let name = name(folder, &path);
            match name {
                Some(_) if kind.is_dir() && depth < DEPTH_MAX => below.push((path, depth + 1)),
                Some(name) if kind.is_file() && files.len() < FILES_MAX => {
                    files.insert(name, bytes(&path, FILE_BYTES_MAX)?);
                }
                _ => drop(faults.insert(path)),
            }
        }
    }
    match faults.first() {
        None => Ok(files),
        Some(first) => {
            let what = format!("{}: it does not belong to a package", shown_path(first));
            Err(Failure::new(exit::VERIFICATION, what))
        }
    }
}

fn name(folder: &Path, path: &Path) -> Option<String> {
    path.strip_prefix(folder).ok()?.to_str().map(str::to_owned)
}

fn cannot(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(exit::ERROR, format!("cannot read {}: {error}", shown_path(path)))
}

/// The bytes of a regular file, not through a link.
fn bytes(path: &Path, most: u64) -> Result<Vec<u8>, Failure> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = File::options().read(true).custom_flags(flags.bits().cast_signed()).open(path);
    let file = file.map_err(|error| cannot(path, &error))?;
    let mut bytes = Vec::new();
    file.take(most + 1).read_to_end(&mut bytes).map_err(|error| cannot(path, &error))?;
    if bytes.len() as u64 > most {
        let message = format!("{} is larger than {most} bytes", shown_path(path));
        return Err(Failure::new(exit::ERROR, message));
    }
    Ok(bytes)
}
