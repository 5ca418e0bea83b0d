//! What a person asserts: the text of an attestation, in the form that all signed statements have.
//!
//! It says something that only a person can say, explains a difference for a time, lets a contract run as a proof, or takes back what
//! was asserted before.

use serde_json::Value;

use super::lines::{
    Form, Lines, StatementError, Text, VALUE_BYTES_MAX, commit, digest, instant, plain, word,
};
use crate::model::{Difference, Digest, ResourceName, Timestamp};

/// What signatures of attestations are made for: one is worth nothing for any other purpose.
pub const ATTESTATION: &str = "countersign/attestation/v1";
/// The most criteria of an attestation, and the most differences that one explains.
pub const ITEMS_MAX: usize = 50;
/// What stands for the commit of desired state that is not exactly what a commit holds.
const UNPINNED: &str = "none";

/// An assertion of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assertion {
    /// The id of the host that it is about, as plans name it: `sha256:` and its digest.
    pub host: String,
    /// The commit of desired state that the person had before them; `None` where it was not exactly what a commit holds.
    pub commit: Option<String>,
    /// What is asserted.
    pub about: Subject,
    /// Who says so, by the name of the trust file.
    pub approver: String,
    /// In which role.
    pub role: String,
    /// Why, or on what occasion.
    pub reason: String,
    /// From when on it counts.
    pub not_before: Timestamp,
    /// From when on it counts no more.
    pub expires: Timestamp,
}

/// What is asserted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// What desired state asks a person to state.
    Stated {
        /// The name of the `[attestation.NAME]`.
        name: String,
        /// Of the text that desired state has for it.
        text: Digest,
        /// That text: its statement, and its criteria.
        states: Vec<String>,
        /// The document that it is about.
        document: Option<Digest>,
    },
    /// These differences of a resource are expected while the assertion counts.
    Explained {
        /// The resource.
        resource: ResourceName,
        /// Of what is looked at for it, as [`asked`] computes it: the same name may mean another file later.
        question: Digest,
        /// The differences; at least one.
        differences: Vec<Expected>,
        /// What they are needed for, such as the name of a run.
        run: Option<String>,
    },
    /// A contract may run as a proof.
    Admitted {
        /// The name of its `[proof.NAME]` in desired state.
        proof: String,
        /// Of the contract: of what is run, as whom, and what has to come of it.
        contract: Digest,
    },
    /// An earlier attestation is taken back.
    Revoked {
        /// SHA-256 of the earlier one.
        attestation: Digest,
    },
}

/// A difference that is expected: exactly this one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    /// What differs, as reports name it.
    pub field: String,
    /// What desired state says, as [`told`] writes it.
    pub wanted: String,
    /// What is there, as [`told`] writes it.
    pub observed: String,
    /// The line that it is read from.
    pub line: Option<u64>,
}

impl Expected {
    /// Is this that difference, of which nothing else can change unseen?
    #[must_use]
    pub fn is(&self, difference: &Difference) -> bool {
        !difference.partial && self.reads_like(difference)
    }

    /// Does this say what that difference says? Of content that the host does not show, both sides are digests of what the assertion says in clear.
    #[must_use]
    pub fn reads_like(&self, difference: &Difference) -> bool {
        let (desired, actual) = (&difference.desired, &difference.actual);
        let shown = self.wanted == told(desired) && self.observed == told(actual);
        let hidden = hides(&self.wanted, desired) && hides(&self.observed, actual);
        let line = difference.line.as_ref().map(|line| line.number);
        self.field == difference.field
            && (shown || hidden)
            && (self.line.is_none() || self.line == line)
    }
}

/// The digest of what is looked at for a resource: of the JSON of its question.
#[must_use]
pub fn asked(question: &Value) -> Digest {
    Digest::of(question.to_string().as_bytes())
}

/// A value of a difference on one line: its JSON, or the digest of that where a line cannot hold it or would hide some of it.
#[must_use]
pub fn told(value: &Value) -> String {
    let json = value.to_string();
    if json.len() <= VALUE_BYTES_MAX && plain(&json).is_some() {
        return json;
    }
    format!("sha256:{}", Digest::of(json.as_bytes()))
}

/// Is a value the digest that stands for this JSON where content is not shown?
fn hides(json: &str, value: &Value) -> bool {
    value.as_str() == Some(&*format!("{:?}", Digest::of(json.as_bytes())))
}

impl Assertion {
    /// Its text, byte for byte. `None` when a value holds what no line can hold.
    #[must_use]
    pub fn text(&self) -> Option<String> {
        let text = self.written();
        let reads = Self::parse(text.as_bytes()).is_ok_and(|read| read == *self);
        reads.then_some(text)
    }

    /// Of what is said about which host, and not of who says it, and when.
    #[must_use]
    pub fn matter(&self) -> Digest {
        let text = self.written();
        let said = text.split("\napprover: ").next().unwrap_or_default();
        Digest::of(said.as_bytes())
    }

    /// Reads the bytes of an assertion.
    ///
    /// # Errors
    /// When they are not exactly what [`Assertion::text`] would write.
    pub fn parse(bytes: &[u8]) -> Result<Self, StatementError> {
        Self::of_bytes(bytes)
    }
}

impl Form for Assertion {
    const TITLE: &'static str = "countersign attestation v1";

    fn write(&self, text: &mut Text) {
        text.line("host", &self.host);
        text.line("desired-commit", &self.commit.as_deref().unwrap_or(UNPINNED));
        match &self.about {
            Subject::Stated { name, text: of, states, document } => {
                text.line("attestation", name);
                text.line("text", &format_args!("sha256:{of}"));
                for state in states {
                    text.line("states", state);
                }
                if let Some(document) = document {
                    text.line("document", &format_args!("sha256:{document}"));
                }
            }
            Subject::Explained { resource, question, differences, run } => {
                text.line("explains", resource);
                text.line("question", &format_args!("sha256:{question}"));
                for one in differences {
                    text.line("field", &one.field);
                    text.line("wanted", &one.wanted);
                    text.line("observed", &one.observed);
                    if let Some(line) = one.line {
                        text.line("line", &line);
                    }
                }
                if let Some(run) = run {
                    text.line("run", run);
                }
            }
            Subject::Admitted { proof, contract } => {
                text.line("admits", &format_args!("proof.{proof}"));
                text.line("contract", &format_args!("sha256:{contract}"));
            }
            Subject::Revoked { attestation } => {
                text.line("revokes", &format_args!("sha256:{attestation}"));
            }
        }
        text.line("approver", &self.approver);
        text.line("role", &self.role);
        text.line("reason", &self.reason);
        text.line("not-before", &self.not_before);
        text.line("expires", &self.expires);
    }

    fn read(lines: &mut Lines<'_>) -> Result<Self, StatementError> {
        let of_commit = |text: &str| match text {
            UNPINNED => Some(None),
            text => commit(text).map(Some),
        };
        Ok(Self {
            host: lines.value("host", word)?,
            commit: lines.value("desired-commit", of_commit)?,
            about: Subject::read(lines)?,
            approver: lines.value("approver", word)?,
            role: lines.value("role", word)?,
            reason: lines.value("reason", plain)?,
            not_before: lines.value("not-before", instant)?,
            expires: lines.value("expires", instant)?,
        })
    }
}

impl Subject {
    fn read(lines: &mut Lines<'_>) -> Result<Self, StatementError> {
        if lines.has("attestation") {
            let name = lines.value("attestation", plain)?;
            let text = lines.value("text", digest)?;
            let states = several(lines, "states", |lines| lines.value("states", plain))?;
            let document = lines.optional("document", digest)?;
            return Ok(Self::Stated { name, text, states, document });
        }
        if lines.has("explains") {
            let resource = lines.value("explains", ResourceName::parse)?;
            let question = lines.value("question", digest)?;
            let differences = several(lines, "field", Expected::read)?;
            let run = lines.optional("run", plain)?;
            return Ok(Self::Explained { resource, question, differences, run });
        }
        if lines.has("admits") {
            let of = |text: &str| plain(text.strip_prefix("proof.")?);
            let proof = lines.value("admits", of)?;
            return Ok(Self::Admitted { proof, contract: lines.value("contract", digest)? });
        }
        Ok(Self::Revoked { attestation: lines.value("revokes", digest)? })
    }
}

impl Expected {
    fn read(lines: &mut Lines<'_>) -> Result<Self, StatementError> {
        Ok(Self {
            field: lines.value("field", plain)?,
            wanted: lines.value("wanted", plain)?,
            observed: lines.value("observed", plain)?,
            line: lines.optional("line", |text| text.parse().ok())?,
        })
    }
}

/// At least one, each beginning with a line of that key.
fn several<T>(
    lines: &mut Lines<'_>,
    key: &'static str,
    read: impl Fn(&mut Lines<'_>) -> Result<T, StatementError>,
) -> Result<Vec<T>, StatementError> {
    let mut items = vec![read(lines)?];
    while lines.has(key) {
        if items.len() == ITEMS_MAX {
            return Err(StatementError::Form);
        }
        items.push(read(lines)?);
    }
    Ok(items)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::approval::Statement;

    fn assertion(about: Subject) -> Assertion {
        Assertion {
            host: format!("sha256:{}", Digest::of(b"host")),
            commit: None,
            about,
            approver: "operator@example.org".to_owned(),
            role: "owner".to_owned(),
            reason: "CHG-150".to_owned(),
            not_before: "2026-11-22T22:00:00Z".parse().expect("an instant"),
            expires: "2026-11-22T23:00:00Z".parse().expect("an instant"),
        }
    }

    fn stated() -> Assertion {
        assertion(Subject::Stated {
            name: "no-secret".to_owned(),
            text: Digest::of(b"text"),
            states: vec!["nobody was asked".to_owned(), "for a secret".to_owned()],
            document: Some(Digest::of(b"document")),
        })
    }

    fn explained() -> Assertion {
        let one = Expected {
            field: "value".to_owned(),
            wanted: "false".to_owned(),
            observed: "true".to_owned(),
            line: Some(36),
        };
        let two = Expected { field: "mode".to_owned(), line: None, ..one.clone() };
        assertion(Subject::Explained {
            resource: ResourceName::new("constant", "execution enabled"),
            question: asked(&json!({ "file": "/etc/switch" })),
            differences: vec![one, two],
            run: Some("o11".to_owned()),
        })
    }

    #[test]
    fn these_are_its_bytes() {
        let (host, text, document) =
            (Digest::of(b"host"), Digest::of(b"text"), Digest::of(b"document"));
        let head =
            format!("countersign attestation v1\nhost: sha256:{host}\ndesired-commit: none\n");
        let tail = "approver: operator@example.org\nrole: owner\nreason: CHG-150\nnot-before: 2026-11-22T22:00:00Z\n\
                    expires: 2026-11-22T23:00:00Z\n";
        let wanted = format!(
            "{head}attestation: no-secret\ntext: sha256:{text}\nstates: nobody was asked\nstates: for a secret\n\
             document: sha256:{document}\n{tail}"
        );
        assert_eq!(stated().text().as_deref(), Some(&*wanted));
        let question = Digest::of(br#"{"file":"/etc/switch"}"#);
        let wanted = format!(
            "{head}explains: constant.execution enabled\nquestion: sha256:{question}\nfield: value\nwanted: false\nobserved: true\nline: 36\n\
             field: mode\nwanted: false\nobserved: true\nrun: o11\n{tail}"
        );
        assert_eq!(explained().text().as_deref(), Some(&*wanted));
        assert_eq!(Assertion::parse(wanted.as_bytes()), Ok(explained()));
        let admitted =
            Subject::Admitted { proof: "unit create".to_owned(), contract: Digest::of(b"text") };
        let wanted = format!("{head}admits: proof.unit create\ncontract: sha256:{text}\n{tail}");
        assert_eq!(assertion(admitted).text().as_deref(), Some(&*wanted));
        let revoked = assertion(Subject::Revoked { attestation: Digest::of(b"text") });
        let wanted = format!("{head}revokes: sha256:{text}\n{tail}");
        assert_eq!(revoked.text().as_deref(), Some(&*wanted));
    }

    #[test]
    fn whatever_is_written_otherwise_is_none() {
        let (stated, explained) =
            (stated().text().expect("written"), explained().text().expect("written"));
        for bad in [
            stated.replace("countersign attestation", "countersign approval"),
            stated.replace("states: for a secret\n", "states: \u{202e}for a secret\n"),
            stated.replace("states: nobody was asked\nstates: for a secret\n", ""),
            stated.replace("desired-commit: none", "desired-commit: None"),
            stated.replace("approver: ", "run: x\napprover: "),
            format!("{stated}run: x\n"),
            stated.replace("states: for a secret\n", &"states: x\n".repeat(ITEMS_MAX)),
            explained.replace("line: 36", "line: 036"),
            explained.replace("wanted: false\n", ""),
            explained.replace("question: ", "line: "),
            explained.replace("explains: constant.", "explains: "),
        ] {
            assert!(Assertion::parse(bad.as_bytes()).is_err(), "{bad}");
        }
        // A statement of one kind is none of the other.
        assert!(Statement::parse(stated.as_bytes()).is_err());
    }

    #[test]
    fn what_no_line_can_hold_is_told_by_its_digest() {
        assert_eq!(told(&json!("0755")), "\"0755\"");
        assert_eq!(told(&json!(true)), "true");
        let hidden = json!("a\u{202e}b");
        assert_eq!(told(&hidden), format!("sha256:{}", Digest::of(hidden.to_string().as_bytes())));
        assert!(told(&json!("x".repeat(3000))).starts_with("sha256:"));
        // A text that looks like a digest has quotes around it.
        assert!(told(&json!("sha256:x")).starts_with('"'));
    }

    #[test]
    fn exactly_that_difference_is_meant() {
        let expected = Expected {
            field: "value".to_owned(),
            wanted: "false".to_owned(),
            observed: "true".to_owned(),
            line: Some(36),
        };
        let line = |number| {
            let file = "/f".to_owned();
            Some(crate::model::Line { file, number, text: None })
        };
        let difference = Difference::new("value", false, true).at(line(36));
        assert!(expected.is(&difference));
        assert!(!expected.is(&difference.clone().at(line(37))));
        assert!(!expected.is(&difference.clone().at(None)));
        assert!(!expected.is(&Difference::new("value", false, "true").at(line(36))));
        assert!(!expected.is(&Difference::new("value", true, true).at(line(36))));
        assert!(!expected.is(&Difference::new("mode", false, true).at(line(36))));
        assert!(Expected { line: None, ..expected.clone() }.is(&difference));
        // Where content is not shown, a report has digests of it, on both sides.
        let hidden = |json: &str| format!("{:?}", Digest::of(json.as_bytes()));
        let of = |desired: String, actual: String| {
            Difference::new("value", desired, actual).at(line(36))
        };
        assert!(expected.is(&of(hidden("false"), hidden("true"))));
        assert!(!expected.is(&of(hidden("false"), hidden("\"true\""))));
        assert!(!expected.is(&of("false".to_owned(), hidden("true"))));
    }
}
