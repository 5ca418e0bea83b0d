//! `source.verify = "signed"`: every commit since the last accepted one carries the signature of a known committer.
//!
//! Asked before anything of the commit's tree is parsed. Parents are read out of the commits themselves, because a
//! repository can pretend others (grafts, shallow ends) to whoever asks libgit2 for them.

use std::collections::{BTreeMap, BTreeSet};

use git2::Oid;

use super::SourceError;
use super::git::Objects;
use crate::config::Trust;
use crate::model::SshKey;
use crate::model::display::one_line;
use crate::model::sshsig::{self, SignatureError};

/// What `git commit -S` signs for.
const NAMESPACE: &str = "git";
/// The most commits that are looked at.
const COMMITS_MAX: usize = 100_000;

/// Whose commits are taken, and from where on.
#[derive(Debug, Clone, Copy)]
pub struct SignedBy<'a> {
    /// Whose signatures count.
    pub trust: &'a Trust,
    /// The commit of the host's configuration that is trusted without a signature, in full.
    pub first_commit: &'a str,
    /// The newest commit that was ever accepted, as the ledger says.
    pub accepted: Option<&'a AcceptedTip>,
}

/// A commit that was accepted as desired state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcceptedTip {
    /// Its id, in full.
    pub commit: String,
}

/// Why commits are not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignedError {
    /// Desired state lies in no repository.
    #[error("{0} is no git repository, so nothing of it is signed")]
    NoRepository(String),
    /// What has to be a commit's id is none, or that commit is not there.
    #[error("the commit `{0}` is not there")]
    NoCommit(String),
    /// The branch does not contain what was accepted before.
    #[error(
        "{tip} does not follow from {base}, which was accepted before: the history was rewound or rewritten"
    )]
    Rewound {
        /// Where the branch is.
        tip: String,
        /// What it has to contain.
        base: String,
    },
    /// A commit without a signature.
    #[error("the commit {commit} carries no signature{}", more(*.others))]
    Unsigned {
        /// Which.
        commit: String,
        /// How many other commits are refused as well.
        others: usize,
    },
    /// A commit whose signature does not hold.
    #[error("the signature of the commit {commit} does not hold: {reason}{}", more(*.others))]
    BadSignature {
        /// Which.
        commit: String,
        /// Why.
        reason: String,
        /// How many other commits are refused as well.
        others: usize,
    },
    /// A commit by somebody else.
    #[error("the commit {commit} is signed by {key}, and no committer has that key{}", more(*.others))]
    UnknownCommitter {
        /// Which.
        commit: String,
        /// The fingerprint of the key.
        key: String,
        /// How many other commits are refused as well.
        others: usize,
    },
    /// A commit by a key or a committer that was revoked.
    #[error("the commit {commit} is signed by {key}, which was revoked{}", more(*.others))]
    RevokedCommitter {
        /// Which.
        commit: String,
        /// The fingerprint of the key.
        key: String,
        /// How many other commits are refused as well.
        others: usize,
    },
    /// The history is longer than what is looked at.
    #[error("there are more than {COMMITS_MAX} commits to look at")]
    Limit,
}

fn more(others: usize) -> String {
    match others {
        0 => String::new(),
        1 => ", and 1 more commit is refused".to_owned(),
        others => format!(", and {others} more commits are refused"),
    }
}

impl SignedError {
    /// The word by which programs know it.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NoRepository(_) => "no_repository",
            Self::NoCommit(_) => "no_commit",
            Self::Rewound { .. } => "rewound",
            Self::Unsigned { .. } => "unsigned_commit",
            Self::BadSignature { .. } => "bad_commit_signature",
            Self::UnknownCommitter { .. } => "unknown_committer",
            Self::RevokedCommitter { .. } => "revoked_committer",
            Self::Limit => "too_many_commits",
        }
    }

    /// What to do about it.
    #[must_use]
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::NoRepository(_) => "name a repository as [source] url in the configuration",
            Self::NoCommit(_) => {
                "`first_commit` is a commit of this very branch: `git rev-list --max-parents=0 main`"
            }
            Self::Rewound { .. } => {
                "push commits that follow from it: what was accepted once is not taken back by a push"
            }
            Self::Unsigned { .. } | Self::BadSignature { .. } => {
                "sign with `git config gpg.format ssh` and `git commit -S`; a merge is a commit too"
            }
            Self::UnknownCommitter { .. } | Self::RevokedCommitter { .. } => {
                "[committer.\"NAME\"] of trust.toml lists whose commits are taken"
            }
            Self::Limit => "set `first_commit` to a newer commit",
        }
    }

    fn and(mut self, more: usize) -> Self {
        match &mut self {
            Self::Unsigned { others, .. }
            | Self::BadSignature { others, .. }
            | Self::UnknownCommitter { others, .. }
            | Self::RevokedCommitter { others, .. } => *others = more,
            _ => {}
        }
        self
    }
}

/// Makes sure that `tip` follows from what was accepted, and that every commit since then is signed. Answers who signed them.
pub(super) fn verify(
    objects: &Objects,
    tip: Oid,
    by: &SignedBy<'_>,
) -> Result<BTreeSet<String>, SourceError> {
    let first = commit(objects, by.first_commit)?;
    let base = match by.accepted {
        Some(accepted) => commit(objects, &accepted.commit)?,
        None => first,
    };
    let before = ancestors(objects, base, &BTreeSet::new())?;
    let since = ancestors(objects, tip, &before)?;
    let rewound = |base: Oid| SignedError::Rewound { tip: tip.to_string(), base: base.to_string() };
    // The walk stops where it meets what is known; a branch that never meets the base itself left it behind.
    if !follows(&since, tip, base) {
        return Err(rewound(base).into());
    }
    if !before.contains_key(&first) && !since.contains_key(&first) {
        return Err(rewound(first).into());
    }
    signers(objects, by.trust, since.keys().copied())
}

/// Who signed the commits from `since`, without it, to `tip`.
pub(super) fn authors(
    objects: &Objects,
    since: &str,
    tip: &str,
    trust: &Trust,
) -> Result<BTreeSet<String>, SourceError> {
    let (since, tip) = (commit(objects, since)?, commit(objects, tip)?);
    let before = ancestors(objects, since, &BTreeSet::new())?;
    let range = ancestors(objects, tip, &before)?;
    signers(objects, trust, range.keys().copied())
}

/// Does `tip` follow from `base`, by what commits say of their parents?
pub(super) fn contains(objects: &Objects, base: &str, tip: &str) -> Result<bool, SourceError> {
    let (base, tip) = (commit(objects, base)?, commit(objects, tip)?);
    let since = ancestors(objects, tip, &BTreeSet::from([base]))?;
    Ok(follows(&since, tip, base))
}

fn commit(objects: &Objects, id: &str) -> Result<Oid, SourceError> {
    let none = || SignedError::NoCommit(one_line(id, 60));
    let oid = Oid::from_str(id).ok().filter(|_| id.len() == 40).ok_or_else(none)?;
    objects.commit_bytes(oid)?.map(|_| oid).ok_or_else(|| none().into())
}

/// Commits with their parents.
type Graph = BTreeMap<Oid, Vec<Oid>>;

/// Something that knows commits where a walk can stop.
trait Known {
    fn has(&self, commit: Oid) -> bool;
}

impl Known for BTreeSet<Oid> {
    fn has(&self, commit: Oid) -> bool {
        self.contains(&commit)
    }
}

impl Known for Graph {
    fn has(&self, commit: Oid) -> bool {
        self.contains_key(&commit)
    }
}

/// The commit and everything that it follows from, but for what is known and what lies behind that.
fn ancestors(objects: &Objects, tip: Oid, known: &impl Known) -> Result<Graph, SourceError> {
    let mut graph = Graph::new();
    let mut open = vec![tip];
    while let Some(commit) = open.pop() {
        if known.has(commit) || graph.contains_key(&commit) {
            continue;
        }
        if graph.len() >= COMMITS_MAX {
            return Err(SignedError::Limit.into());
        }
        let bytes = objects.commit_bytes(commit)?;
        let bytes = bytes.ok_or_else(|| SignedError::NoCommit(commit.to_string()))?;
        let parents = parents(&bytes).ok_or_else(|| SignedError::NoCommit(commit.to_string()))?;
        open.extend(&parents);
        graph.insert(commit, parents);
    }
    Ok(graph)
}

/// Is `base` the commit itself or the parent of something since?
fn follows(since: &Graph, tip: Oid, base: Oid) -> bool {
    tip == base || since.values().flatten().any(|parent| *parent == base)
}

/// The parents that a commit names in its own bytes.
fn parents(bytes: &[u8]) -> Option<Vec<Oid>> {
    let lines = bytes.split(|c| *c == b'\n').skip(1);
    let named = lines.map_while(|line| line.strip_prefix(b"parent "));
    named.map(|id| Oid::from_str(std::str::from_utf8(id).ok()?).ok()).collect()
}

/// Who signed each of the commits; the first that nobody known signed is the error.
fn signers(
    objects: &Objects,
    trust: &Trust,
    commits: impl Iterator<Item = Oid>,
) -> Result<BTreeSet<String>, SourceError> {
    let mut signers = BTreeSet::new();
    let mut refused = Vec::new();
    for commit in commits {
        match signer(objects, trust, commit)? {
            Ok(name) => drop(signers.insert(name)),
            Err(refusal) => refused.push(refusal),
        }
    }
    let others = refused.len().saturating_sub(1);
    match refused.into_iter().next() {
        Some(first) => Err(first.and(others).into()),
        None => Ok(signers),
    }
}

fn signer(
    objects: &Objects,
    trust: &Trust,
    oid: Oid,
) -> Result<Result<String, SignedError>, SourceError> {
    let commit = oid.to_string();
    let Some(signed) = objects.signature(oid)? else {
        return Ok(Err(SignedError::Unsigned { commit, others: 0 }));
    };
    let key = match sshsig::verify(&signed.signature, &signed.payload, NAMESPACE) {
        Ok(verified) => verified.key,
        Err(error) => {
            let reason = match error {
                SignatureError::Armour(_) => "it is no SSH signature".to_owned(),
                error => error.to_string(),
            };
            return Ok(Err(SignedError::BadSignature { commit, reason, others: 0 }));
        }
    };
    Ok(match trust.committer_of(&key) {
        Some(name) => Ok(name.to_owned()),
        None if is_listed(trust, &key) => {
            let key = key.fingerprint();
            Err(SignedError::RevokedCommitter { commit, key, others: 0 })
        }
        None => {
            let key = key.fingerprint();
            Err(SignedError::UnknownCommitter { commit, key, others: 0 })
        }
    })
}

fn is_listed(trust: &Trust, key: &SshKey) -> bool {
    trust.is_revoked(key) || trust.committers.values().any(|one| one.keys.contains(key))
}
