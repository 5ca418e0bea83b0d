//! The rules of approval, one file each. Each says against what it guards, and with which words it refuses.

mod approver;
mod authorship;
mod beginning;
mod commit;
mod coverage;
mod expiry;
mod host;
pub(super) mod lifetime;
mod number;
mod once;
mod people;
mod pin;
mod plan;
mod quorum;
mod remote;
mod revocation;
mod role;
mod separation;
pub(super) mod signature;
mod summary;
mod touch;
mod veto;
mod window;

use super::{About, Missing, Question, Refusal, Signed, Statement, Word};
use crate::config::Trust;
use crate::config::trust::{Approver, People, Policy};
use crate::model::sshsig::Verified;
use crate::model::{Digest, Timestamp};

/// One rule.
#[derive(Debug)]
pub struct Rule {
    /// Its name, and that of its file.
    pub name: &'static str,
    /// What holds when it has nothing against it.
    pub about: &'static str,
    /// The words with which it refuses.
    pub words: &'static [Word],
    pub(super) ask: Ask,
}

/// Keeps those that count, and refuses the others.
type Together = for<'a> fn(Vec<Case<'a>>) -> (Vec<Case<'a>>, Vec<Refusal>);
/// Who is missing, and the refusal that it makes.
type Quorum = fn(&[Case<'_>], &Policy) -> (Vec<Missing>, Option<Refusal>);

/// What a rule is asked about.
#[derive(Debug)]
pub(super) enum Ask {
    /// A signed statement as it came.
    Reading(fn(&Signed) -> Result<Read, Refusal>),
    /// Whoever signed a statement of any kind, and for which time; of those that say no only where that is said.
    Signer { ask: fn(&Signer<'_>) -> Option<(Word, String)>, of_vetoes: bool },
    /// A statement that could be read; of those that say no only where that is said.
    Statement { ask: fn(&Case<'_>) -> Option<(Word, String)>, of_vetoes: bool },
    /// A statement that approves, under one policy.
    UnderPolicy(fn(&Case<'_>, &Policy) -> Option<(Word, String)>),
    /// All of them together.
    Together(Together),
    /// What is left of them in the end, under one policy.
    Quorum(Quorum),
    /// The plan, under one policy.
    PlanUnderPolicy(fn(&Facts<'_>, &Policy) -> Option<Refusal>),
    /// The plan, whatever the policy.
    Plan(fn(&Facts<'_>) -> Vec<Refusal>),
}

/// Every rule. Of statements the first one that refuses is told, so their order is the order of these.
pub static RULES: &[Rule] = &[
    signature::RULE,
    approver::RULE,
    revocation::RULE,
    plan::RULE,
    host::RULE,
    commit::RULE,
    summary::RULE,
    role::RULE,
    touch::RULE,
    pin::RULE,
    beginning::RULE,
    expiry::RULE,
    lifetime::RULE,
    separation::RULE,
    people::RULE,
    quorum::RULE,
    coverage::RULE,
    authorship::RULE,
    window::RULE,
    remote::RULE,
    veto::RULE,
    once::RULE,
    number::RULE,
];

/// A statement whose signature holds.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) id: Digest,
    pub(super) statement: Statement,
    pub(super) verified: Verified,
}

/// A statement with what it is held against.
#[derive(Debug, Clone, Copy)]
pub(super) struct Case<'a> {
    pub(super) read: &'a Read,
    pub(super) about: &'a About,
    pub(super) trust: &'a Trust,
    pub(super) people: &'a People,
    pub(super) now: Timestamp,
}

/// A plan with what it is held against.
#[derive(Debug)]
pub(super) struct Facts<'a> {
    pub(super) question: &'a Question<'a>,
    /// Statements of approvers that say no.
    pub(super) vetoes: Vec<&'a Read>,
}

/// Who signed a statement, as whom and for which time: what statements of every kind say.
#[derive(Debug, Clone, Copy)]
pub(super) struct Signer<'a> {
    /// Who, by the name of the trust file.
    pub(super) name: &'a str,
    pub(super) role: &'a str,
    pub(super) not_before: Timestamp,
    pub(super) expires: Timestamp,
    pub(super) verified: &'a Verified,
    pub(super) trust: &'a Trust,
    pub(super) now: Timestamp,
}

impl<'a> Signer<'a> {
    /// Whom the trust file knows by the name that the statement gives.
    pub(super) fn approver(&self) -> Option<&'a Approver> {
        self.trust.approvers.get(self.name)
    }

    /// The first of the rules about signers that has something against it. `veto`: of a statement that says no.
    pub(super) fn refusal(&self, veto: bool) -> Option<(Word, String)> {
        RULES.iter().find_map(|rule| match rule.ask {
            Ask::Signer { ask, of_vetoes } if of_vetoes || !veto => ask(self),
            _ => None,
        })
    }
}

impl<'a> Case<'a> {
    pub(super) const fn statement(&self) -> &'a Statement {
        &self.read.statement
    }

    pub(super) fn signer(&self) -> Signer<'a> {
        let said = &self.read.statement;
        Signer {
            name: &said.approver,
            role: &said.role,
            not_before: said.not_before,
            expires: said.expires,
            verified: &self.read.verified,
            trust: self.trust,
            now: self.now,
        }
    }

    pub(super) fn refused(&self, (word, why): (Word, String)) -> Refusal {
        Refusal::new(word, why).of(self.read.id)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::approval::WORDS;

    #[test]
    fn each_word_belongs_to_one_rule() {
        let words: Vec<Word> = RULES.iter().flat_map(|rule| rule.words).copied().collect();
        let all: BTreeSet<Word> = words.iter().copied().collect();
        assert_eq!((words.len(), all.len()), (WORDS.len(), WORDS.len()));
    }
}
