//! What people have stated: does it count for what desired state asks, and if not, why? Judged when it is read.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::{Held, Recorded};
use crate::approval::{Heard, Subject, asked};
use crate::desired::{self, Desired};
use crate::model::{Digest, Period, Timestamp};

/// A statement of a person that counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Attestation {
    /// The name of its `[attestation.NAME]` in desired state.
    pub name: String,
    /// Who states it, by the name of the trust file.
    pub by: String,
    /// In which role.
    pub role: String,
    /// Why, or on what occasion.
    pub reason: String,
    /// When it was stated.
    pub stated_at: Timestamp,
    /// Until when it counts.
    pub expires: Timestamp,
    /// What is stated: the statement and the criteria that desired state has, each one line.
    pub states: Vec<String>,
    /// The document that it is about.
    pub document: Option<Digest>,
    /// The commit of desired state that whoever signed had before them.
    pub commit: Option<String>,
    /// The fingerprint of the key that signed.
    pub key: String,
    /// SHA-256 of the bytes that were signed.
    pub digest: Digest,
    /// The number of the entry of the executor's ledger that has it, with its bytes and its signature.
    pub entry: Option<u64>,
}

/// What became of one `[attestation.NAME]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Attested {
    /// Its name.
    pub name: String,
    /// What it is about, in a few words.
    pub title: String,
    /// What has to be stated, each one line.
    pub states: Vec<String>,
    /// Does it hold? It was stated, or it was not: never known not to hold, and never waived.
    pub held: Held,
    /// How many people have to state it.
    pub people: usize,
    /// The statements that count, one a person.
    pub by: Vec<Attestation>,
    /// Statements about it that do not count: who made each, and why not.
    pub refused: Vec<String>,
    /// Why it does not hold; null where it does.
    pub missing: Option<String>,
}

/// Holds what was stated against what desired state asks for under that name.
#[must_use]
pub fn attested(desired: &Desired, recorded: &Recorded, name: &str, now: Timestamp) -> Attested {
    let Some(asked) = desired.attestations.get(name) else {
        return Attested {
            name: name.to_owned(),
            title: String::new(),
            states: Vec::new(),
            held: Held::NotRun,
            people: 0,
            by: Vec::new(),
            refused: Vec::new(),
            missing: Some(format!("there is no attestation.{name}")),
        };
    };
    let (mut by, mut people, mut refused) = (Vec::new(), BTreeSet::new(), Vec::new());
    let mut meant: BTreeMap<Option<Digest>, usize> = BTreeMap::new();
    // The newest counts where a person has stated it several times.
    for heard in recorded.attested.iter().rev() {
        let Subject::Stated { name: of, .. } = &heard.assertion.about else { continue };
        if of != name {
            continue;
        }
        match against(desired, asked, name, heard, now) {
            Some(why) => refused.push(format!("{}: {why}", heard.assertion.approver)),
            None if !people.insert(heard.person.as_str()) => {}
            None => {
                let one = Attestation::of(heard);
                *meant.entry(one.as_ref().and_then(|one| one.document)).or_default() += 1;
                by.extend(one);
            }
        }
    }
    // People who mean different documents did not state the same.
    let document = by.iter().map(|one| one.document).max_by_key(|one| meant[one]).flatten();
    by.retain(|one| {
        let same = one.document == document;
        if !same {
            refused.push(format!("{}: means another document than others do", one.by));
        }
        same
    });
    let missing = (by.len() < asked.people)
        .then(|| missing(name, by.len(), asked.people, recorded, &refused));
    Attested {
        name: name.to_owned(),
        title: asked.title.clone(),
        states: asked.states.clone(),
        held: if missing.is_none() { Held::Yes } else { Held::NotRun },
        people: asked.people,
        by,
        refused,
        missing,
    }
}

/// What an assertion is about, in a few words.
#[must_use]
pub fn about(subject: &Subject) -> String {
    match subject {
        Subject::Stated { name, .. } => format!("attestation.{name}"),
        Subject::Explained { resource, .. } => format!("drift of {resource}"),
        Subject::Admitted { proof, .. } => format!("the contract of proof.{proof}"),
        Subject::Revoked { attestation } => format!("sha256:{attestation} is taken back"),
    }
}

/// Why an attestation that was signed as it should be would still count for nothing.
#[must_use]
pub fn objection(desired: &Desired, heard: &Heard, now: Timestamp) -> Option<String> {
    match &heard.assertion.about {
        Subject::Stated { name, .. } => match desired.attestations.get(name) {
            Some(asked) => against(desired, asked, name, heard, now),
            None => Some(format!("desired state has no attestation.{name}")),
        },
        Subject::Explained { resource, question, .. } => match desired.resources.get(resource) {
            Some(one) if asked(&one.spec.question(&resource.name)) != *question => {
                Some(format!("desired state looks at something else for {resource} now"))
            }
            Some(one) if one.common.kill_switch && !heard.of_guards => Some(of_a_guard(heard)),
            Some(_) => None,
            None => Some(format!("desired state has no {resource}")),
        },
        Subject::Admitted { proof, contract } => match desired.proofs.get(proof) {
            Some(one) if one.contract.digest() == *contract => None,
            Some(_) => Some(format!("desired state has another contract of proof.{proof} now")),
            None => Some(format!("desired state has no proof.{proof}")),
        },
        Subject::Revoked { .. } => None,
    }
}

/// Why a guard is not explained.
pub(super) fn of_a_guard(heard: &Heard) -> String {
    let Heard { assertion, .. } = heard;
    format!(
        "{} is a guard, which `{}` may not explain: `guards` of [attest] in the trust file names who may",
        about(&assertion.about),
        assertion.role
    )
}

/// Why there are too few, the newest statement that does not count first.
fn missing(
    name: &str,
    have: usize,
    need: usize,
    recorded: &Recorded,
    refused: &[String],
) -> String {
    if let Some(why) = recorded.unread.as_ref().or(recorded.untrusted.as_ref()) {
        return format!("attestation.{name}: {why}");
    }
    let how = format!("`countersign attest {name}` states it");
    match (refused.first(), have) {
        (Some(why), _) => format!("attestation.{name}: {why}"),
        (None, 0) => format!("attestation.{name} was not stated; {how}"),
        (None, have) => format!("attestation.{name} was stated by {have} of {need} people; {how}"),
    }
}

/// What speaks against a statement about what desired state asks for.
fn against(
    desired: &Desired,
    asked: &desired::Attestation,
    name: &str,
    heard: &Heard,
    now: Timestamp,
) -> Option<String> {
    let said = &heard.assertion;
    if let Some(refusal) = &heard.refused {
        return Some(format!("{}: {}", refusal.word.code(), refusal.detail));
    }
    let Subject::Stated { text, states, document, .. } = &said.about else { return None };
    // The digest is of what was asked, the sentences are what was read: both.
    if *text != asked.text(name) || *states != asked.states {
        return Some("states another text than desired state has now".to_owned());
    }
    if document.is_some() != asked.document {
        return Some("names a document where none is meant, or none where one is".to_owned());
    }
    if !asked.roles.contains(&said.role) {
        return Some(format!("stated it as `{}`, which desired state does not ask for", said.role));
    }
    if asked.this_commit && (!desired.pinned || said.commit != desired.commit) {
        let commit = said.commit.as_deref().unwrap_or("no commit");
        return Some(format!("stated it of {commit} alone"));
    }
    let age = now.unix_seconds().saturating_sub(said.not_before.unix_seconds());
    let age = Period::from_seconds(u64::try_from(age).unwrap_or(0));
    let most = asked.max_age.filter(|most| age > *most)?;
    Some(format!("stated it {}, {age} ago, and {most} is the most", said.not_before))
}

impl Attestation {
    fn of(heard: &Heard) -> Option<Self> {
        let said = &heard.assertion;
        let Subject::Stated { name, states, document, .. } = &said.about else { return None };
        Some(Self {
            name: name.clone(),
            by: said.approver.clone(),
            role: said.role.clone(),
            reason: said.reason.clone(),
            stated_at: said.not_before,
            expires: said.expires,
            states: states.clone(),
            document: *document,
            commit: said.commit.clone(),
            key: heard.key.clone(),
            digest: heard.id,
            entry: heard.entry,
        })
    }
}
