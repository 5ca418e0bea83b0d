//! Holds statements against a plan and the trust file, and says what is missing. Pure, and evaluated at the moment of use.

use std::collections::BTreeSet;
use std::fmt;

use super::rules::{Ask, Case, Facts, RULES, Read, Signer, signature};
use super::{About, Decision, NAMESPACE, Refusal, Signed, Statement, Word};
use crate::config::Trust;
use crate::config::trust::{People, Policy};
use crate::model::{Digest, Timestamp};

/// The most statements that are looked at.
pub(super) const STATEMENTS_MAX: usize = 256;

/// Everything that the judgement rests on.
#[derive(Debug)]
pub struct Question<'a> {
    /// The plan.
    pub about: &'a About,
    /// The statements that came, in any order.
    pub statements: &'a [Signed],
    /// Whom the host trusts.
    pub trust: &'a Trust,
    /// The time: never before the newest one of the ledger.
    pub now: Timestamp,
    /// Does the ledger know the plan as used?
    pub consumed: bool,
    /// Were the statements of the repository fetched just now?
    pub remote: &'a RemoteStatements,
}

/// Whether the statements of the repository were fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RemoteStatements {
    /// They are among the statements.
    Fetched,
    /// They are not; why.
    Unreachable(String),
}

/// An approval that counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// SHA-256 of the statement.
    pub statement: Digest,
    /// Whose it is.
    pub approver: String,
    /// In which role.
    pub role: String,
    /// The fingerprint of the key that signed.
    pub key: String,
    /// Until when it counts.
    pub expires: Timestamp,
}

/// People who are still needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// In which role; in all without one.
    pub role: Option<String>,
    /// How many the policy asks for.
    pub need: usize,
    /// How many there are.
    pub have: usize,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { role, need, have } = self;
        match role {
            Some(role) => write!(f, "{have} of {need} as `{role}`"),
            None => write!(f, "{have} of {need} people in all"),
        }
    }
}

/// What came of it.
#[derive(Debug)]
pub struct Judgement {
    /// The policy that it was judged by: one that is met, else the one that is nearest to it; none covers the plan otherwise.
    pub policy: Option<String>,
    /// The approvals that count.
    pub accepted: Vec<Accepted>,
    /// The statements that do not, each with the reason.
    pub refused: Vec<Refusal>,
    /// Who is still needed.
    pub missing: Vec<Missing>,
    /// Everything that stands against applying the plan. Empty exactly when it may be applied.
    pub against: Vec<Refusal>,
    met: Option<QuorumMet>,
}

/// The proof that enough people approved a plan at a moment. Nobody else can make one.
#[derive(Debug)]
#[must_use = "an approval that nobody uses lets nothing run"]
pub struct QuorumMet {
    plan: Digest,
    policy: String,
    approvals: Vec<Accepted>,
    until: Timestamp,
}

impl QuorumMet {
    /// SHA-256 of the plan.
    #[must_use]
    pub const fn plan(&self) -> Digest {
        self.plan
    }

    /// The policy that is met.
    #[must_use]
    pub fn policy(&self) -> &str {
        &self.policy
    }

    /// The approvals that count.
    #[must_use]
    pub fn approvals(&self) -> &[Accepted] {
        &self.approvals
    }

    /// From when on it is no more: the first of its approvals expires, or the plan does.
    #[must_use]
    pub const fn until(&self) -> Timestamp {
        self.until
    }
}

impl Judgement {
    /// The exit code of a run that ends with it.
    #[must_use]
    pub fn exit(&self) -> u8 {
        self.against.iter().map(|refusal| refusal.word.exit()).max().unwrap_or(0)
    }

    /// The proof, when nothing stands against it.
    ///
    /// # Errors
    /// Everything that does.
    pub fn decide(self) -> Result<QuorumMet, Vec<Refusal>> {
        match self.met {
            Some(met) if self.against.is_empty() => Ok(met),
            _ => Err(self.against),
        }
    }
}

/// Holds the statements against the plan.
///
/// A plan needs one policy that covers it alone and is met; several that cover it are alternatives. The order of the
/// statements changes nothing but which of one person's is the one that counts.
#[must_use]
pub fn judge(question: &Question<'_>) -> Judgement {
    let people = question.trust.people();
    let mut refused = Vec::new();
    let reads = read(question, &mut refused);
    let mut facts = Facts { question, vetoes: Vec::new() };
    let mut cases = Vec::new();
    // The same statement signed once more is the same statement, but only of signatures that count: anybody can sign the
    // bytes of somebody else's, and would take its place.
    let mut seen = BTreeSet::new();
    for read in &reads {
        let case = Case {
            read,
            about: question.about,
            trust: question.trust,
            people: &people,
            now: question.now,
        };
        let veto = read.statement.decision != Decision::Approve;
        match asked_alone(&case, veto) {
            Some(refusal) if refused.contains(&refusal) => {}
            Some(refusal) => refused.push(refusal),
            None if !seen.insert(read.id) => {}
            None if veto => facts.vetoes.push(read),
            None => cases.push(case),
        }
    }
    let always: Vec<Refusal> = RULES
        .iter()
        .flat_map(|rule| if let Ask::Plan(ask) = rule.ask { ask(&facts) } else { Vec::new() })
        .collect();
    let judged = question.trust.policies.iter();
    let judged = judged.map(|(name, policy)| under(name, policy, &facts, &cases));
    let best = judged.min_by_key(|one| one.distance);
    let Some(Under { policy, accepted, refused: more, missing, against, .. }) = best else {
        let why = "the trust file has no policy";
        let against = [vec![Refusal::new(Word::NotCovered, why)], always].concat();
        let (accepted, missing) = (Vec::new(), Vec::new());
        return Judgement { policy: None, accepted, refused, missing, against, met: None };
    };
    refused.extend(more);
    let against = [against, always].concat();
    let covered = !against.iter().any(|refusal| refusal.word == Word::NotCovered);
    let met = against.is_empty().then(|| {
        let ends = accepted.iter().map(|one| one.expires);
        let until = ends.chain([question.about.valid_until]).min();
        QuorumMet {
            plan: question.about.plan,
            policy: policy.clone(),
            approvals: accepted.clone(),
            until: until.unwrap_or(question.now),
        }
    });
    let policy = covered.then_some(policy);
    Judgement { policy, accepted, refused, missing, against, met }
}

/// The statements whose signatures hold, whoever made them.
fn read(question: &Question<'_>, refused: &mut Vec<Refusal>) -> Vec<Read> {
    let mut reads = Vec::new();
    for signed in question.statements.iter().take(STATEMENTS_MAX) {
        for rule in RULES {
            let Ask::Reading(ask) = rule.ask else { continue };
            match ask(signed) {
                Ok(read) => reads.push(read),
                Err(refusal) => refused.push(refusal),
            }
        }
    }
    reads
}

/// The first rule about single statements that has something against it.
fn asked_alone(case: &Case<'_>, veto: bool) -> Option<Refusal> {
    RULES.iter().find_map(|rule| match rule.ask {
        Ask::Signer { ask, of_vetoes } if of_vetoes || !veto => {
            ask(&case.signer()).map(|found| case.refused(found))
        }
        Ask::Statement { ask, of_vetoes } if of_vetoes || !veto => {
            ask(case).map(|found| case.refused(found))
        }
        _ => None,
    })
}

/// What comes of it under one policy.
struct Under {
    policy: String,
    accepted: Vec<Accepted>,
    refused: Vec<Refusal>,
    missing: Vec<Missing>,
    against: Vec<Refusal>,
    /// How far from being met: covered or not, how much stands against it, how many people are missing.
    distance: (bool, usize, usize),
}

fn under(name: &str, policy: &Policy, facts: &Facts<'_>, cases: &[Case<'_>]) -> Under {
    let (mut refused, mut against, mut missing) = (Vec::new(), Vec::new(), Vec::new());
    let mut cases: Vec<Case<'_>> = cases.to_vec();
    for rule in RULES {
        match rule.ask {
            Ask::UnderPolicy(ask) => cases.retain(|case| {
                let found = ask(case, policy).map(|found| case.refused(found));
                let kept = found.is_none();
                refused.extend(found);
                kept
            }),
            Ask::Together(ask) => {
                let (kept, others) = ask(std::mem::take(&mut cases));
                cases = kept;
                refused.extend(others);
            }
            Ask::Quorum(ask) => {
                let (people, refusal) = ask(&cases, policy);
                missing.extend(people);
                against.extend(refusal);
            }
            Ask::PlanUnderPolicy(ask) => against.extend(ask(facts, policy)),
            Ask::Reading(_) | Ask::Signer { .. } | Ask::Statement { .. } | Ask::Plan(_) => {}
        }
    }
    let uncovered = against.iter().any(|refusal| refusal.word == Word::NotCovered);
    let people: usize = missing.iter().map(|one| one.need - one.have).sum();
    let accepted = cases.iter().map(Accepted::of).collect();
    let distance = (uncovered, against.len(), people);
    Under { policy: name.to_owned(), accepted, refused, missing, against, distance }
}

impl Accepted {
    fn of(case: &Case<'_>) -> Self {
        let said = case.statement();
        Self {
            statement: case.read.id,
            approver: said.approver.clone(),
            role: said.role.clone(),
            key: case.read.verified.key.fingerprint(),
            expires: said.expires,
        }
    }
}

/// What stands against a statement whatever the plan: its form, its signature, and whoever signed it, as the trust file is now.
#[must_use]
pub fn against_signer(signed: &Signed, trust: &Trust, now: Timestamp) -> Option<Refusal> {
    let (statement, verified) = match signature::opened(signed, NAMESPACE, Statement::parse) {
        Ok(opened) => opened,
        Err(refusal) => return Some(refusal),
    };
    let person = Signer {
        name: &statement.approver,
        role: &statement.role,
        not_before: statement.not_before,
        expires: statement.expires,
        verified: &verified,
        trust,
        now,
    };
    let (word, why) = person.refusal(statement.decision != Decision::Approve)?;
    Some(Refusal::new(word, why).of(signed.id()))
}

/// Who could still approve in a role, or in any that a policy asks for: by name, without those who count already.
#[must_use]
pub fn could_approve(
    trust: &Trust,
    policy: &Policy,
    role: Option<&str>,
    counted: &[Accepted],
) -> Vec<String> {
    let people: People = trust.people();
    let of = |asked: &dyn Fn(&&Accepted) -> bool| -> BTreeSet<&str> {
        counted.iter().filter(asked).map(|one| people.person(&one.approver)).collect()
    };
    // While there are too few people, nobody helps who is among them already.
    let all = of(&|_| true);
    let done =
        if all.len() < policy.total { all } else { of(&|one| role.is_none_or(|r| one.role == r)) };
    let may = trust.approvers.iter().filter(|(name, one)| {
        let usable = !one.revoked && one.keys.iter().any(|key| !trust.is_revoked(key));
        let fits = |own: &String| match role {
            Some(role) => own == role,
            None => policy.require.contains_key(own),
        };
        usable && one.roles.iter().any(fits) && !done.contains(people.person(name))
    });
    may.map(|(name, _)| name.clone()).collect()
}

#[cfg(test)]
mod tests;
