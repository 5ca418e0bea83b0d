//! The statements about a plan, from wherever they are: files, the folder of imported ones, the refs of the repository.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::error::Failure;
use super::{exit, ledgers, output};
use crate::approval::{
    Authors, RemoteStatements, SIGNED_BYTES_MAX, Signed, SignedError, Statement,
};
use crate::config::{Config, Trust, Verify};
use crate::desired::{self, statements::Carried};
use crate::ledger::Event;
use crate::model::Digest;
use crate::model::display::escape;
use crate::plan::Plan;

/// The folder of imported statements, below the program's own.
const FOLDER: &str = "approvals";
/// What the file of a statement with its signature is called.
const EXTENSION: &str = "approval";
/// The most imported statements of one plan.
const IMPORTED_MAX: usize = 200;

/// How a statement about a plan is made.
pub(super) const PLAN: &str = "a statement is written by `countersign approve PLAN --as NAME …`, with its signature beside it or in it";

/// Everything that was said about a plan.
#[derive(Debug)]
pub(super) struct Gathered {
    pub(super) statements: Vec<Signed>,
    pub(super) remote: RemoteStatements,
}

/// Gathers the statements about a plan, and fetches those of the repository afresh. What was fetched stays: `keep` has it
/// stored beside the imported ones.
pub(super) fn gather(
    config: &Config,
    plan: Digest,
    files: &[PathBuf],
    keep: bool,
) -> Result<Gathered, Failure> {
    let mut statements: Vec<Signed> =
        files.iter().map(|file| of_file(file, PLAN)).collect::<Result<_, _>>()?;
    statements.extend(imported(config, plan)?);
    let remote = match fetched(config, plan) {
        Ok(fetched) => {
            if keep {
                fetched.iter().try_for_each(|signed| store(config, plan, signed))?;
            }
            statements.extend(fetched);
            RemoteStatements::Fetched
        }
        Err(why) => {
            // A veto that was fetched before stands, whether the policy asks for the remote or not.
            statements.extend(seen(config, plan)?);
            RemoteStatements::Unreachable(why.message)
        }
    };
    Ok(Gathered { statements, remote })
}

/// The statement in a file: with its signature after it, or with `.sig` beside it.
/// `hint`: how one is made.
pub(super) fn of_file(file: &Path, hint: &str) -> Result<Signed, Failure> {
    let bytes = read(file)?;
    let refused = |error: SignedError| {
        let name = escape(&file.display().to_string()).into_owned();
        Failure::new(exit::APPROVAL, format!("{name}: {error}")).hint(hint)
    };
    match Signed::of_one(&bytes, file) {
        Err(SignedError::Unsigned) => {
            let mut beside = file.as_os_str().to_owned();
            beside.push(".sig");
            let Ok(signature) = read(Path::new(&beside)) else {
                return Err(refused(SignedError::Unsigned));
            };
            let origin = file.display().to_string();
            Ok(Signed { statement: bytes, signature, origin })
        }
        other => other.map_err(refused),
    }
}

fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    let failed = |error: std::io::Error| {
        let name = escape(&file.display().to_string()).into_owned();
        Failure::new(exit::ERROR, format!("cannot read {name}: {error}"))
    };
    let mut bytes = Vec::new();
    let opened = std::fs::File::open(file).map_err(failed)?;
    let bytes_max = SIGNED_BYTES_MAX as u64 + 1;
    opened.take(bytes_max).read_to_end(&mut bytes).map_err(failed)?;
    Ok(bytes)
}

/// Where the imported statements of a plan are, below the data folder.
fn folder(plan: Digest) -> PathBuf {
    Path::new(FOLDER).join(plan.to_string())
}

fn imported(config: &Config, plan: Digest) -> Result<Vec<Signed>, Failure> {
    let folder = config.data.value.join(folder(plan));
    let failed = |error: std::io::Error| {
        let name = escape(&folder.display().to_string()).into_owned();
        Failure::new(exit::ERROR, format!("cannot read {name}: {error}"))
    };
    let entries = match std::fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut files = BTreeSet::new();
    for entry in entries {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|extension| extension == EXTENSION) {
            files.insert(path);
        }
        if files.len() > IMPORTED_MAX {
            let message =
                format!("more than {IMPORTED_MAX} statements were imported about this plan");
            return Err(Failure::new(exit::ERROR, message));
        }
    }
    files.iter().map(|file| of_file(file, PLAN)).collect()
}

/// Stores a statement for the verbs that ask for it, under the plan that it is about.
pub(super) fn store(config: &Config, plan: Digest, signed: &Signed) -> Result<(), Failure> {
    let bytes = signed.as_one();
    // By the signature too: somebody else's of the same words would take its place.
    let name = format!("{}.{EXTENSION}", Digest::of(&bytes));
    output::place(&config.data.value, &folder(plan).join(name), &bytes)
}

/// The plan that a statement says it is about.
pub(super) fn plan_of(signed: &Signed) -> Result<(Digest, Statement), Failure> {
    let statement = Statement::parse(&signed.statement).map_err(|error| {
        let origin = escape(&signed.origin).into_owned();
        Failure::new(exit::APPROVAL, format!("{origin} is no statement: {error}"))
    })?;
    Ok((statement.plan, statement))
}

fn fetched(config: &Config, plan: Digest) -> Result<Vec<Signed>, Failure> {
    let Some(source) = config.source.value.as_deref() else { return Ok(Vec::new()) };
    let data = &config.data.value;
    Ok(signed(&desired::statements::fetch(source, data, plan, SIGNED_BYTES_MAX)?))
}

fn seen(config: &Config, plan: Digest) -> Result<Vec<Signed>, Failure> {
    let Some(source) = config.source.value.as_deref() else { return Ok(Vec::new()) };
    let data = &config.data.value;
    Ok(signed(&desired::statements::seen(source, data, plan, SIGNED_BYTES_MAX)?))
}

/// What is no statement at all was put there by somebody who is none of those who could veto.
fn signed(carried: &[Carried]) -> Vec<Signed> {
    let of = |one: &Carried| Signed::of_one(&one.bytes, Path::new(&one.name)).ok();
    carried.iter().filter_map(of).collect()
}

/// Who signed the commits that a plan follows from: those since the last plan that was applied, else since the first commit.
pub(super) fn authors(config: &Config, trust: &Trust, plan: &Plan) -> Result<Authors, Failure> {
    let (Verify::Signed, Some(first)) = (config.verify.value, &config.first_commit) else {
        let why = "[source] verify is not \"signed\", so nobody signs for the commits";
        return Ok(Authors::Unknown(why.to_owned()));
    };
    let since = last_applied(config)?.unwrap_or_else(|| first.clone());
    let source = config.source.value.as_deref().unwrap_or_default();
    let data = &config.data.value;
    match desired::source::authors(source, data, &since, &plan.source.commit, trust) {
        Ok(authors) => Ok(Authors::Known(authors)),
        Err(error) => Ok(Authors::Unknown(escape(&error.to_string()).into_owned())),
    }
}

/// The commit of the last plan that was applied to its end.
fn last_applied(config: &Config) -> Result<Option<String>, Failure> {
    let Some(reader) = ledgers::read(config)? else { return Ok(None) };
    let mut last = None;
    for entry in reader.entries()? {
        if let Event::PlanDone(done) = entry?.event {
            last = Some(done.plan);
        }
    }
    let Some(plan) = last else { return Ok(None) };
    let plan = Plan::read(&reader.blob(&plan)?);
    let plan = plan.map_err(|error| Failure::of(exit::VERIFICATION, &error))?;
    Ok(Some(plan.source.commit))
}

/// Does the executor's ledger know the plan as used, or the mark beside it?
pub(super) fn consumed(config: &Config, plan: &Plan, digest: Digest) -> Result<bool, Failure> {
    if ledgers::is_marked_used(config, digest)? {
        return Ok(true);
    }
    let Some(reader) = ledgers::read(config)? else { return Ok(false) };
    for entry in reader.entries()? {
        if let Event::PermitConsumed(used) = entry?.event
            && (used.plan == digest || used.plan_id == plan.id)
        {
            return Ok(true);
        }
    }
    Ok(false)
}
