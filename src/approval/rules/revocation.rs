//! Is the key still trusted, and the approver?

use super::{Ask, Rule, Signer};
use crate::approval::Word;

pub(super) const RULE: Rule = Rule {
    name: "revocation",
    about: "neither the key nor the approver was revoked",
    words: &[Word::RevokedKey],
    ask: Ask::Signer { ask, of_vetoes: true },
};

fn ask(signer: &Signer<'_>) -> Option<(Word, String)> {
    let (name, key) = (signer.name, &signer.verified.key);
    let whole = signer.approver().is_none_or(|approver| approver.revoked);
    let revoked = whole || signer.trust.is_revoked(key);
    revoked.then(|| (Word::RevokedKey, format!("{name} with {}", key.fingerprint())))
}
