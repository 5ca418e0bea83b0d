//! Which attestations count: held against the trust file, the host and the clock, at the moment of reading. Pure.

use super::rules::Signer;
use super::rules::lifetime::lives_too_long;
use super::rules::signature::opened;
use super::{ATTESTATION, Assertion, Refusal, Signed, Subject, Word};
use crate::config::Trust;
use crate::config::trust::Attest;
use crate::model::display::one_line;
use crate::model::sshsig::Verified;
use crate::model::{Digest, Timestamp};

/// What attestations are held against.
#[derive(Debug)]
pub struct Hearing<'a> {
    /// Whom the host trusts.
    pub trust: &'a Trust,
    /// The id of this host, as plans name it.
    pub host: &'a str,
    /// The time.
    pub now: Timestamp,
}

/// An attestation whose signature holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// SHA-256 of its bytes.
    pub id: Digest,
    /// Who signed, by the first of the names that this person has in the trust file.
    pub person: String,
    /// What it says.
    pub assertion: Assertion,
    /// The fingerprint of the key that signed.
    pub key: String,
    /// The number of the entry of the ledger that has it; none for one that is not there yet.
    pub entry: Option<u64>,
    /// May it explain guards?
    pub of_guards: bool,
    /// Why it does not count.
    pub refused: Option<Refusal>,
}

impl Heard {
    /// Does nothing speak against it but that its time is over?
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.refused.as_ref().is_some_and(|refusal| refusal.word == Word::Expired)
    }
}

impl Hearing<'_> {
    /// Judges attestations, in the order in which they came: those whose signatures hold, and refusals of the others. `entry` of
    /// each: the number of the ledger's entry.
    #[must_use]
    pub fn of(&self, attestations: &[(Signed, Option<u64>)]) -> (Vec<Heard>, Vec<Refusal>) {
        let (mut heard, mut refused) = (Vec::new(), Vec::new());
        for (signed, entry) in attestations {
            match self.one(signed, *entry) {
                Ok(one) => heard.push(one),
                Err(refusal) => refused.push(refusal),
            }
        }
        self.revoke(&mut heard);
        (heard, refused)
    }

    /// Judges one by itself: whether it was revoked is said by others.
    ///
    /// # Errors
    /// When it is none, or its signature does not hold.
    pub fn one(&self, signed: &Signed, entry: Option<u64>) -> Result<Heard, Refusal> {
        let (assertion, verified) = opened(signed, ATTESTATION, Assertion::parse)?;
        let id = signed.id();
        let refused = self.refusal(&assertion, &verified);
        let refused = refused.map(|(word, why)| Refusal::new(word, why).of(id));
        let attest = self.trust.attest.as_ref();
        Ok(Heard {
            id,
            person: self.trust.people().person(&assertion.approver).to_owned(),
            key: verified.key.fingerprint(),
            entry,
            of_guards: attest.is_some_and(|attest| attest.guards.contains(&assertion.role)),
            assertion,
            refused,
        })
    }

    /// That its time is over counts last: one of which that is all was good.
    fn refusal(&self, said: &Assertion, verified: &Verified) -> Option<(Word, String)> {
        let signer = Signer {
            name: &said.approver,
            role: &said.role,
            not_before: said.not_before,
            expires: said.expires,
            verified,
            trust: self.trust,
            now: self.now,
        };
        // Whoever takes something back is on the safe side, in whatever role and at whatever time.
        let veto = matches!(said.about, Subject::Revoked { .. });
        let of_signer = signer.refusal(veto);
        if of_signer.as_ref().is_some_and(|(word, _)| *word != Word::Expired) {
            return of_signer;
        }
        if said.host != self.host {
            let why = format!("it is for {}, and this is {}", said.host, self.host);
            return Some((Word::WrongHost, why));
        }
        if veto {
            return of_signer;
        }
        self.right(said, &signer).or(of_signer)
    }

    /// May somebody in this role attest that, and for so long?
    fn right(&self, said: &Assertion, signer: &Signer<'_>) -> Option<(Word, String)> {
        let Some(attest) = &self.trust.attest else {
            let why = "the trust file has no [attest], so nobody may attest".to_owned();
            return Some((Word::WrongRole, why));
        };
        let (roles, key) = match said.about {
            Subject::Explained { .. } => (attest.explainers(), "explain"),
            Subject::Admitted { .. } => (attest.contracts.clone(), "contracts"),
            _ => (attest.roles.clone(), "roles"),
        };
        if !roles.contains(&said.role) {
            let why =
                format!("`{key}` of [attest] in the trust file does not have `{}`", said.role);
            return Some((Word::WrongRole, why));
        }
        lives_too_long(signer, attest.lifetime)
    }

    /// Marks those that an approver has taken back. What the ledger has was judged when it came there, and holds for good: whoever
    /// takes something back may lose the key or leave later.
    fn revoke(&self, heard: &mut [Heard]) {
        let holds = |one: &&Heard| {
            one.refused.is_none() || one.entry.is_some() && one.assertion.host == self.host
        };
        let revoked: Vec<(Digest, String)> = heard
            .iter()
            .filter(holds)
            .filter_map(|one| match &one.assertion.about {
                Subject::Revoked { attestation } => {
                    let said = &one.assertion;
                    let why = format!("{}: {}", said.approver, one_line(&said.reason, 200));
                    Some((*attestation, why))
                }
                _ => None,
            })
            .collect();
        for (id, why) in revoked {
            for one in heard.iter_mut().filter(|one| one.id == id) {
                one.refused = Some(Refusal::new(Word::Revoked, why.clone()).of(id));
            }
        }
    }
}

/// Who could state something in one of these roles: by name.
#[must_use]
pub fn could_attest(trust: &Trust, roles: &[String]) -> Vec<String> {
    let may = |attest: &Attest, role: &String| attest.roles.contains(role) && roles.contains(role);
    let Some(attest) = &trust.attest else { return Vec::new() };
    let able = trust.approvers.iter().filter(|(_, one)| {
        let usable = !one.revoked && one.keys.iter().any(|key| !trust.is_revoked(key));
        usable && one.roles.iter().any(|role| may(attest, role))
    });
    able.map(|(name, _)| name.clone()).collect()
}
