//! Verifies a package, offline, with keys from elsewhere: that it is what was signed, and that its lines rest on what it holds.

use std::collections::BTreeSet;

use super::value::{Backing, Cite, Package, SCHEMA, VERSION};
use super::{
    ENVELOPE, Files, OBSERVATIONS, SIGNATURES, SUMS, Statement, VALUE, excerpt, follows, outcome,
    signed, sums,
};
use crate::config::Trust;
use crate::evidence::Held;
use crate::ledger::{Envelope, Key};
use crate::model::Digest;
use crate::observed;

/// What whoever verifies trusts. Nothing of it comes from the package.
#[derive(Debug, Clone, Copy)]
pub struct Trusted<'a> {
    /// The key of the ledger of the host.
    pub ledger: &'a Key,
    /// Whose keys are whose.
    pub people: Option<&'a Trust>,
}

/// What is wrong with a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The file.
    pub file: String,
    /// What is wrong with it.
    pub what: String,
    /// Is it only not to be told?
    pub untold: bool,
}

/// A package that is what was signed.
#[derive(Debug)]
pub struct Verified {
    /// What it says.
    pub package: Package,
    /// What was signed.
    pub statement: Statement,
    /// Who signed it besides, and about what.
    pub people: Vec<signed::Word>,
    /// How many files it has.
    pub files: usize,
    /// How many things lines rest on were looked up.
    pub cited: usize,
}

fn fault(file: &str, what: impl Into<String>) -> Fault {
    Fault { file: file.to_owned(), what: what.into(), untold: false }
}

/// Verifies a package.
///
/// # Errors
/// Everything that is wrong, each with its file.
pub fn verify(files: &Files, trusted: Trusted<'_>) -> Result<Verified, Vec<Fault>> {
    let statement = sealed(files, trusted.ledger).map_err(|fault| vec![fault])?;
    let mut faults = summed(files, &statement);
    let people = people(files, &statement, trusted.people, &mut faults);
    // What is not as it was signed is not read.
    if !faults.is_empty() {
        return Err(faults);
    }
    let (package, cited) =
        content(files, &statement, trusted.ledger).map_err(|fault| vec![fault])?;
    Ok(Verified { package, statement, people, files: files.len(), cited })
}

/// The statement, signed by the key of the ledger.
fn sealed(files: &Files, key: &Key) -> Result<Statement, Fault> {
    let bytes = files.get(ENVELOPE).ok_or_else(|| fault(ENVELOPE, "it is missing"))?;
    let payload = Envelope::parse(bytes).and_then(|one| one.open(key, super::PAYLOAD_TYPE));
    let payload = payload.map_err(|error| fault(ENVELOPE, error.to_string()))?;
    Statement::parse(&payload).ok_or_else(|| fault(ENVELOPE, "it is no statement about a report"))
}

/// Are the files those that were signed, and no others?
pub(super) fn summed(files: &Files, statement: &Statement) -> Vec<Fault> {
    let wanted = statement.sums();
    let mut faults = Vec::new();
    let own = files.get(SUMS).and_then(|bytes| sums::parse(bytes));
    if own.as_ref() != Some(&wanted) {
        let what =
            if files.contains_key(SUMS) { "it is not what was signed" } else { "it is missing" };
        faults.push(fault(SUMS, what));
    }
    for (name, digest) in &wanted {
        match files.get(name) {
            None => faults.push(fault(name, "it is missing")),
            Some(bytes) if Digest::of(bytes) != *digest => {
                faults.push(fault(name, "it is not what was signed"));
            }
            Some(_) => {}
        }
    }
    let added = files.keys().filter(|name| sums::is_summed(name) && !wanted.contains_key(*name));
    faults.extend(added.map(|name| fault(name, "it does not belong to the package")));
    faults
}

fn people(
    files: &Files,
    statement: &Statement,
    trust: Option<&Trust>,
    faults: &mut Vec<Fault>,
) -> Vec<signed::Word> {
    let (mut people, mut used) = (Vec::new(), BTreeSet::new());
    let beside = files.iter().filter(|(name, _)| name.starts_with(SIGNATURES));
    for (name, bytes) in beside.clone().filter(|(name, _)| name.ends_with(".statement")) {
        let signature = format!("{name}.sig");
        match signed::verify(name, bytes, files.get(&signature), statement, trust) {
            Ok(word) => people.push(word),
            Err(signed::Refused::Wrong(what)) => faults.push(fault(name, what)),
            Err(signed::Refused::Untold(what)) => {
                faults.push(Fault { untold: true, ..fault(name, what) });
            }
        }
        used.extend([name.clone(), signature]);
    }
    let added = beside.filter(|(name, _)| !used.contains(*name));
    faults.extend(added.map(|(name, _)| fault(name, "it does not belong to the package")));
    people
}

/// Does the package say what its own files say?
fn content(files: &Files, statement: &Statement, key: &Key) -> Result<(Package, usize), Fault> {
    let value = files.get(VALUE).ok_or_else(|| fault(VALUE, "it is missing"))?;
    let package: Package = serde_json::from_slice(value)
        .map_err(|error| fault(VALUE, format!("it cannot be read: {error}")))?;
    if package.schema != SCHEMA || package.version != VERSION {
        let what = format!("this program reads version {VERSION} of `{SCHEMA}`");
        return Err(Fault { untold: true, ..fault(VALUE, what) });
    }
    let said =
        super::statement::Predicate::of(&package.header, &package.outcome, package.ledger.as_ref());
    if said != statement.predicate {
        return Err(fault(VALUE, "it says other things than what was signed"));
    }
    if package.non_mutation.clone().judged().held != package.non_mutation.held {
        return Err(fault(VALUE, "what was measured does not come to what it says"));
    }
    // Of those, `report` seals none.
    if package.header.replayed {
        return Err(fault(
            VALUE,
            "it is of a recorded world, which no ledger of a machine vouches for",
        ));
    }
    if let Some(line) = follows::unfounded(&package) {
        let what = format!("{line} does not come to what it rests on");
        return Err(fault(VALUE, what));
    }
    let computed = outcome(&package);
    if computed != package.outcome {
        return Err(fault(VALUE, format!("its lines come to {}", computed.token)));
    }
    let seen = observations(files)?;
    let excerpt = match &package.ledger {
        Some(cited) => {
            let read = excerpt::read(files, key, cited);
            Some((read.map_err(|(file, what)| fault(file, what))?, cited))
        }
        None => None,
    };
    blobs(files, excerpt.as_ref().map(|(read, _)| read))?;
    let mut cited = 0;
    for backing in package.backings() {
        for cite in &backing.cites {
            cited += 1;
            let there = match cite {
                Cite::Observation { resource, sha256 } => {
                    seen.contains(&(resource.clone(), *sha256))
                }
                Cite::Entry { seq, leaf } => {
                    excerpt.as_ref().is_some_and(|(read, _)| read.leaf(*seq) == Some(*leaf))
                }
            };
            if !there {
                return Err(fault(VALUE, format!("`{cite}` is not in the package")));
            }
        }
        absent(backing, excerpt.as_ref())?;
        if backing.held == Held::Yes && backing.cites.is_empty() && !backing.is_of_absence() {
            return Err(fault(
                VALUE,
                format!("`{}` holds, and rests on nothing", backing.requires),
            ));
        }
    }
    Ok((package, cited))
}

fn observations(files: &Files) -> Result<BTreeSet<(String, Digest)>, Fault> {
    let bytes = files.get(OBSERVATIONS).ok_or_else(|| fault(OBSERVATIONS, "it is missing"))?;
    let seen = observed::read(bytes).map_err(|error| fault(OBSERVATIONS, error.to_string()))?;
    let answers = seen.answers.iter().flat_map(|(name, answers)| {
        answers.iter().map(move |answer| (name.to_string(), observed::digest(name, answer)))
    });
    Ok(answers.collect())
}

/// Each is named after its bytes, and belongs to an entry.
fn blobs(files: &Files, excerpt: Option<&excerpt::Read>) -> Result<(), Fault> {
    let attached = excerpt.map(excerpt::Read::attached).unwrap_or_default();
    for (file, bytes) in files.iter().filter(|(name, _)| name.starts_with(excerpt::BLOBS)) {
        let digest = Digest::of(bytes);
        if *file != format!("{}{digest}", excerpt::BLOBS) || !attached.contains(&digest) {
            return Err(fault(file, "it belongs to no entry"));
        }
    }
    Ok(())
}

/// What was not done stands on no ledger: the window is whole, so that can be looked up.
fn absent(
    backing: &Backing,
    excerpt: Option<&(excerpt::Read, &super::value::Cited)>,
) -> Result<(), Fault> {
    let types = backing.absent_types().filter(|_| backing.held == Held::Yes);
    let Some(types) = types else { return Ok(()) };
    let types: Vec<&str> = types.split(", ").collect();
    let Some((read, cited)) = excerpt else {
        return Err(fault(
            VALUE,
            format!("`{}` rests on a ledger that is not in the package", backing.requires),
        ));
    };
    match read.first_of(&types, cited) {
        Some(seq) => Err(fault(VALUE, format!("`{}`, and entry {seq} is one", backing.requires))),
        None => Ok(()),
    }
}

impl Backing {
    /// The types of entries that it says are not there.
    fn absent_types(&self) -> Option<&str> {
        self.requires.strip_prefix("no ")?.strip_suffix(" on the executor's ledger")
    }

    fn is_of_absence(&self) -> bool {
        self.absent_types().is_some()
    }
}

impl Package {
    /// Everything that lines rest on.
    fn backings(&self) -> impl Iterator<Item = &Backing> {
        let lines = self.criteria.iter().chain(&self.forbidden).flat_map(|line| &line.backing);
        let gates = self.gates.iter().flat_map(|gate| &gate.backing);
        let inner =
            self.gates.iter().flat_map(|gate| gate.criteria.iter().flat_map(|one| &one.backing));
        let gaps = self.gaps.iter().flat_map(|gap| &gap.backing);
        let proofs =
            self.documents.iter().flat_map(|one| one.proofs.iter().flat_map(|line| &line.backing));
        gates.chain(inner).chain(gaps).chain(proofs).chain(lines)
    }
}
