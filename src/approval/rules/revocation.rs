//! Is the key still trusted, and the approver?

use super::{Ask, Case, Rule};
use crate::approval::Word;

pub(super) const RULE: Rule = Rule {
    name: "revocation",
    about: "neither the key nor the approver was revoked",
    words: &[Word::RevokedKey],
    ask: Ask::Statement { ask, of_vetoes: true },
};

fn ask(case: &Case<'_>) -> Option<(Word, String)> {
    let (name, key) = (&case.statement().approver, &case.read.verified.key);
    let whole = case.approver().is_none_or(|approver| approver.revoked);
    let revoked = whole || case.trust.is_revoked(key);
    revoked.then(|| (Word::RevokedKey, format!("{name} with {}", key.fingerprint())))
}
