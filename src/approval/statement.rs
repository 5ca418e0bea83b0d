//! The statement: a few lines that a person can read, and that mean one thing.
//!
//! The bytes are what is signed, stored and verified; nothing is ever written anew. So there is one way to write a statement,
//! and whatever deviates from it by a byte is none.

use std::fmt;
use std::str::FromStr;

use super::lines::{Form, Lines, StatementError, Text, commit, digest, instant, plain, word};
use crate::ledger::Checkpoint;
use crate::model::{Digest, Timestamp};

/// The most checkpoints that a statement names.
const CHECKPOINTS_MAX: usize = 4;

/// What a person says about a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// What is decided.
    pub decision: Decision,
    /// SHA-256 of the bytes of the plan.
    pub plan: Digest,
    /// The plan's own name.
    pub plan_id: String,
    /// The id of the host that it is for.
    pub host: String,
    /// The commit of desired state, in full.
    pub commit: String,
    /// What was shown of the plan, in one line.
    pub summary: String,
    /// Who says so, by the name of the trust file.
    pub approver: String,
    /// In which role.
    pub role: String,
    /// Why.
    pub reason: String,
    /// From when on it counts.
    pub not_before: Timestamp,
    /// From when on it counts no more.
    pub expires: Timestamp,
    /// The newest checkpoints of the host's ledgers that the approver's machine found consistent.
    pub checkpoints: Vec<Checkpoint>,
}

/// What is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Decision {
    /// The plan may be applied.
    Approve,
    /// The plan may not be applied, whoever else approves it.
    Reject,
    /// What was approved is so no more.
    Revoke,
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Approve => "approve",
            Self::Reject => "reject",
            Self::Revoke => "revoke",
        })
    }
}

impl FromStr for Decision {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let all = [Self::Approve, Self::Reject, Self::Revoke];
        all.into_iter().find(|decision| decision.to_string() == text).ok_or(())
    }
}

impl Statement {
    /// Its text, byte for byte. `None` when a value holds what no line can hold.
    #[must_use]
    pub fn text(&self) -> Option<String> {
        let text = self.written();
        let reads = Self::parse(text.as_bytes()).is_ok_and(|read| read == *self);
        reads.then_some(text)
    }

    /// Reads the bytes of a statement.
    ///
    /// # Errors
    /// When they are not exactly what [`Statement::text`] would write.
    pub fn parse(bytes: &[u8]) -> Result<Self, StatementError> {
        Self::of_bytes(bytes)
    }
}

impl Form for Statement {
    const TITLE: &'static str = "countersign approval v1";

    fn write(&self, text: &mut Text) {
        text.line("decision", &self.decision);
        text.line("plan", &format_args!("sha256:{}", self.plan));
        text.line("plan-id", &self.plan_id);
        text.line("host", &self.host);
        text.line("desired-commit", &self.commit);
        text.line("summary", &self.summary);
        text.line("approver", &self.approver);
        text.line("role", &self.role);
        text.line("reason", &self.reason);
        text.line("not-before", &self.not_before);
        text.line("expires", &self.expires);
        self.checkpoints.iter().for_each(|checkpoint| text.line("log", checkpoint));
    }

    fn read(lines: &mut Lines<'_>) -> Result<Self, StatementError> {
        let mut statement = Self {
            decision: lines.value("decision", |text| text.parse().ok())?,
            plan: lines.value("plan", digest)?,
            plan_id: lines.value("plan-id", word)?,
            host: lines.value("host", word)?,
            commit: lines.value("desired-commit", commit)?,
            summary: lines.value("summary", plain)?,
            approver: lines.value("approver", word)?,
            role: lines.value("role", word)?,
            reason: lines.value("reason", plain)?,
            not_before: lines.value("not-before", instant)?,
            expires: lines.value("expires", instant)?,
            checkpoints: Vec::new(),
        };
        while !lines.is_last() {
            if statement.checkpoints.len() == CHECKPOINTS_MAX {
                return Err(StatementError::Form);
            }
            statement.checkpoints.push(lines.value("log", |text| text.parse().ok())?);
        }
        Ok(statement)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::approval::STATEMENT_BYTES_MAX;

    const LOG: &str = "web-1/executor 41 BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";

    fn statement() -> Statement {
        Statement {
            decision: Decision::Approve,
            plan: Digest::of(b"plan"),
            plan_id: "mfrggzdfmztwq2lk".to_owned(),
            host: "web-1".to_owned(),
            commit: "0123456789abcdef0123456789abcdef01234567".to_owned(),
            summary: "2 steps: 2 create_directory; touches /var/lib/cutter".to_owned(),
            approver: "operator@example.org".to_owned(),
            role: "dba".to_owned(),
            reason: "CHG-142 provision cutter".to_owned(),
            not_before: "2026-11-22T22:00:00Z".parse().expect("an instant"),
            expires: "2026-11-22T23:00:00Z".parse().expect("an instant"),
            checkpoints: vec![LOG.parse().expect("a checkpoint")],
        }
    }

    fn text() -> String {
        statement().text().expect("written")
    }

    #[test]
    fn these_are_its_bytes() {
        let digest = Digest::of(b"plan");
        let wanted = format!(
            "countersign approval v1\ndecision: approve\nplan: sha256:{digest}\nplan-id: mfrggzdfmztwq2lk\nhost: web-1\n\
             desired-commit: 0123456789abcdef0123456789abcdef01234567\n\
             summary: 2 steps: 2 create_directory; touches /var/lib/cutter\napprover: operator@example.org\nrole: dba\n\
             reason: CHG-142 provision cutter\nnot-before: 2026-11-22T22:00:00Z\nexpires: 2026-11-22T23:00:00Z\n\
             log: {LOG}\n"
        );
        assert_eq!(text(), wanted);
        assert_eq!(Statement::parse(wanted.as_bytes()), Ok(statement()));
        let bare = Statement { checkpoints: Vec::new(), ..statement() };
        assert_eq!(Statement::parse(bare.text().expect("written").as_bytes()), Ok(bare));
    }

    #[test]
    fn whatever_is_written_otherwise_is_none() {
        let text = text();
        let swapped =
            text.replace("role: dba\nreason: CHG-142 provision cutter\n", "reason: x\nrole: dba\n");
        for bad in [
            String::new(),
            format!("\u{feff}{text}"),
            text.replace('\n', "\r\n"),
            text.trim_end().to_owned(),
            format!("{text}\n"),
            format!("{text}x: y\n"),
            format!(" {text}"),
            swapped,
            text.replace("role: dba\n", ""),
            text.replace("role: dba\n", "role: dba\nrole: dba\n"),
            text.replace("role: dba", "role:dba"),
            text.replace("role: dba", "role:  dba"),
            text.replace("role: dba", "role: dba "),
            text.replace("role: dba", "role: d\u{200b}ba"),
            text.replace("reason: CHG-142 provision cutter", "reason: "),
            text.replace("reason: CHG-142", "reason: \u{202e}CHG-142"),
            text.replace("reason: CHG-142", "reason: a\u{1b}[2J"),
            text.replace("approve\n", "Approve\n"),
            text.replace("sha256:", "SHA256:"),
            text.replace("2026-11-22T23:00:00Z", "2026-11-22T24:00:00+01:00"),
            text.replace("2026-11-22T23:00:00Z", "2026-11-22"),
            text.replace("2026-11-22T23:00:00Z", "2026-11-22 23:00:00Z"),
            text.replace(" 41 ", " 041 "),
            text.replace(" 41 ", " +41 "),
            text.replace("BwcHBwc=", "BwcHBwd="),
            text.replace("0123456789abcdef01234567\n", "0123456789ABCDEF01234567\n"),
            format!(
                "{text}{}",
                "log: o 1 BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=\n".repeat(4)
            ),
            "x".repeat(STATEMENT_BYTES_MAX + 1),
        ] {
            assert!(Statement::parse(bad.as_bytes()).is_err(), "{bad}");
        }
        let digest = Digest::of(b"plan").to_string();
        assert!(
            Statement::parse(text.replace(&digest, &digest.to_uppercase()).as_bytes()).is_err()
        );
        assert_eq!(Statement::parse(b"\xff"), Err(StatementError::Encoding));
    }

    #[test]
    fn what_no_line_can_hold_is_not_written() {
        for bad in ["", " ", "a\nexpires: x", "a\r", "\u{202e}", " a", &"x".repeat(3000)] {
            assert_eq!(Statement { reason: bad.to_owned(), ..statement() }.text(), None, "{bad:?}");
        }
        let backslash = Statement { reason: "a\\b".to_owned(), ..statement() };
        assert!(backslash.text().is_some());
        assert_eq!(Statement { role: "a b".to_owned(), ..statement() }.text(), None);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            let _ = Statement::parse(&bytes);
        }

        #[test]
        fn a_changed_byte_never_reads_as_the_same(at in 0usize..400, with in any::<u8>()) {
            let mut bytes = text().into_bytes();
            let at = at % bytes.len();
            prop_assume!(bytes[at] != with);
            bytes[at] = with;
            if let Ok(read) = Statement::parse(&bytes) {
                prop_assert_ne!(read, statement());
            }
        }
    }
}
