//! Is it a statement, and signed for this purpose? Reading it is the rule: what cannot be read has no decision.

use super::{Ask, Read, Rule};
use crate::approval::{NAMESPACE, Refusal, Signed, Statement, StatementError, Word};
use crate::model::display::one_line;
use crate::model::sshsig::{self, SignatureError, Verified};

pub(super) const RULE: Rule = Rule {
    name: "signature",
    about: "a statement is exactly one text with exactly one signature of it, made for approvals",
    words: &[Word::Malformed, Word::BadSignature, Word::WrongNamespace],
    ask: Ask::Reading(read),
};

fn read(signed: &Signed) -> Result<Read, Refusal> {
    let (statement, verified) = opened(signed, NAMESPACE, Statement::parse)?;
    Ok(Read { id: signed.id(), statement, verified })
}

/// What was signed for a purpose, and by which key.
pub(in crate::approval) fn opened<T>(
    signed: &Signed,
    namespace: &str,
    parse: impl FnOnce(&[u8]) -> Result<T, StatementError>,
) -> Result<(T, Verified), Refusal> {
    let id = signed.id();
    let origin = one_line(&signed.origin, 80);
    let refused = |word, why: &dyn std::error::Error| {
        Refusal::new(word, format!("{origin}: {}", one_line(&why.to_string(), 200))).of(id)
    };
    // The signature first: what nobody signed is not even read.
    let verified = sshsig::verify(&signed.signature, &signed.statement, namespace);
    let verified = verified.map_err(|error| match &error {
        SignatureError::Namespace { .. } => refused(Word::WrongNamespace, &error),
        _ => refused(Word::BadSignature, &error),
    })?;
    let statement = parse(&signed.statement);
    let statement = statement.map_err(|error| refused(Word::Malformed, &error))?;
    Ok((statement, verified))
}
