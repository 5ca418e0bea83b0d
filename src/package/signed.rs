//! What a person says about a package: a few lines, signed with an SSH key, beside it.

use std::fmt::Write as _;

use super::SIGNATURES;
use super::statement::Statement as OfLedger;
use crate::config::Trust;
use crate::model::display::one_line;
use crate::model::{Digest, Timestamp, sshsig};

/// What signatures of reports are made for.
pub const NAMESPACE: &str = "countersign/report/v1";
const TITLE: &str = "countersign report v1";
/// The longest such text.
const BYTES_MAX: usize = 16 << 10;

/// What a person says about a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// The report, by its name in desired state.
    pub report: String,
    /// The host, by its name in desired state.
    pub host: String,
    /// What the package says it comes to.
    pub outcome: String,
    /// SHA-256 of the statement that the ledger's key signed.
    pub package: Digest,
    /// Who says so, by the name of the trust file.
    pub signer: String,
    /// Why, or about what.
    pub reason: String,
    /// When.
    pub signed: Timestamp,
}

impl Word {
    /// About the package with this statement.
    #[must_use]
    pub fn new(statement: &OfLedger, signer: &str, reason: &str, at: Timestamp) -> Self {
        let about = &statement.predicate;
        Self {
            report: about.report.clone(),
            host: about.host.clone(),
            outcome: about.outcome.clone(),
            package: statement.digest(),
            signer: signer.to_owned(),
            reason: reason.to_owned(),
            signed: at,
        }
    }

    /// Its text, byte for byte; `None` when a value holds what no line can hold.
    #[must_use]
    pub fn text(&self) -> Option<String> {
        let values = [&self.report, &self.host, &self.outcome, &self.signer, &self.reason];
        let plain =
            |text: &String| !text.is_empty() && text.trim() == text && one_line(text, 500) == *text;
        let word =
            !self.signer.contains(|c: char| !c.is_ascii_alphanumeric() && !"._-@".contains(c));
        let filed = !self.signer.starts_with('.');
        (word && filed && values.into_iter().all(plain)).then(|| self.written())
    }

    fn written(&self) -> String {
        let mut text = format!("{TITLE}\n");
        let _ = writeln!(
            text,
            "report: {}\nhost: {}\noutcome: {}",
            self.report, self.host, self.outcome
        );
        let _ = writeln!(text, "package: sha256:{}\nsigner: {}", self.package, self.signer);
        let _ = writeln!(text, "reason: {}\nsigned: {}", self.reason, self.signed);
        text
    }

    /// Reads one, byte for byte as it is written.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok().filter(|text| text.len() <= BYTES_MAX)?;
        let mut lines = text.lines();
        if lines.next()? != TITLE {
            return None;
        }
        let mut value = |key: &str| lines.next()?.strip_prefix(key)?.strip_prefix(": ");
        let read = Self {
            report: value("report")?.to_owned(),
            host: value("host")?.to_owned(),
            outcome: value("outcome")?.to_owned(),
            package: value("package")?.strip_prefix("sha256:")?.parse().ok()?,
            signer: value("signer")?.to_owned(),
            reason: value("reason")?.to_owned(),
            signed: value("signed")?.parse().ok()?,
        };
        (read.text().as_deref() == Some(text)).then_some(read)
    }

    /// The name of its file.
    #[must_use]
    pub fn file(&self) -> String {
        format!("{SIGNATURES}{}.statement", self.signer)
    }
}

/// Why what a person signed does not count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refused {
    /// It is wrong.
    Wrong(String),
    /// Whose key it is cannot be told.
    Untold(String),
}

/// Verifies what a person signed about the package with this statement.
pub(super) fn verify(
    file: &str,
    text: &[u8],
    signature: Option<&Vec<u8>>,
    statement: &OfLedger,
    trust: Option<&Trust>,
) -> Result<Word, Refused> {
    let wrong = |why: &str| Refused::Wrong(why.to_owned());
    let word = Word::parse(text).ok_or_else(|| wrong("it is no statement about a report"))?;
    if word.file() != file {
        return Err(wrong("it is not named after its signer"));
    }
    if word != Word::new(statement, &word.signer, &word.reason, word.signed) {
        return Err(wrong("it is about another package"));
    }
    let signature = signature.ok_or_else(|| wrong("it has no signature beside it"))?;
    let verified = sshsig::verify(signature, text, NAMESPACE);
    let verified = verified.map_err(|error| Refused::Wrong(error.to_string()))?;
    let key = verified.key.fingerprint();
    let Some(trust) = trust else {
        let why = format!("whose key {key} is cannot be told without a trust file");
        return Err(Refused::Untold(why));
    };
    let approver = trust.approvers.get(&word.signer).filter(|one| !one.revoked);
    let known = approver.is_some_and(|one| one.keys.contains(&verified.key));
    if !known || trust.is_revoked(&verified.key) {
        let why = format!("the trust file does not give {} the key {key}", word.signer);
        return Err(Refused::Wrong(why));
    }
    let approver = approver
        .filter(|one| one.require_touch && !verified.touched || one.require_pin && !verified.pin);
    if approver.is_some() {
        return Err(wrong("the key was not touched, or asked for no PIN, as the trust file wants"));
    }
    Ok(word)
}
