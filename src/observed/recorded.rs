//! A recorded world: a snapshot as a JSON file, for tests, for replay, and for a report of a bug.
//!
//! Format: `{"schema":"countersign.world","version":1,"observed_at":…,"answers":[{"resource":…,"question":…,"seen":…}]}`,
//! where an answer that is missing has `"unknown":{"reason":…,"detail":…}` in the place of `seen`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Answer, Snapshot};
use crate::model::{Digest, Hashing, ResourceName, Timestamp, Unknown, json};

const SCHEMA: &str = "countersign.world";
const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    schema: String,
    version: u32,
    observed_at: Timestamp,
    /// Whatever its writer wants to say; not read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    comment: Option<String>,
    answers: Vec<Recorded>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Recorded {
    resource: ResourceName,
    #[serde(default, skip_serializing_if = "Value::is_null")]
    question: Value,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    seen: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unknown: Option<Unknown>,
}

/// `null` is an answer ("nothing is there"), and another thing than no answer.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

/// Why a recording cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RecordedError {
    /// It is not the JSON of a recording.
    #[error("it is not a recorded world")]
    Malformed(#[source] serde_json::Error),
    /// It is of another format or version.
    #[error("it is `{schema}` version {version}; this program reads `{SCHEMA}` version {VERSION}")]
    Version {
        /// What it says it is.
        schema: String,
        /// In which version.
        version: u32,
    },
    /// An answer has neither or both of `seen` and `unknown`.
    #[error("the answer for `{0}` needs exactly one of `seen` and `unknown`")]
    Answer(ResourceName),
    /// Two answers to one question: nobody can say which of them was seen.
    #[error("it holds two answers to one question about `{0}`")]
    Twice(ResourceName),
}

/// The digest by which an answer is cited: of its one line of JSON, with the resource and the question.
#[must_use]
pub fn digest(resource: &ResourceName, answer: &Answer) -> Digest {
    let mut hashing = Hashing::default();
    let recorded = Recorded::of(resource, answer);
    // Texts and numbers into a hash: neither can fail.
    let _ = json::line(&mut hashing, &recorded);
    hashing.digest()
}

impl Recorded {
    fn of(resource: &ResourceName, answer: &Answer) -> Self {
        Self {
            resource: resource.clone(),
            question: answer.question.clone(),
            seen: answer.seen.as_ref().ok().cloned(),
            unknown: answer.seen.as_ref().err().cloned(),
        }
    }
}

/// Writes a snapshot as a recording.
///
/// # Errors
/// When it cannot be expressed as JSON.
pub fn write(snapshot: &Snapshot) -> Result<Vec<u8>, RecordedError> {
    let answers = snapshot.answers.iter().flat_map(|(resource, answers)| {
        answers.iter().map(|answer| Recorded::of(resource, answer))
    });
    let file = File {
        schema: SCHEMA.to_owned(),
        version: VERSION,
        observed_at: snapshot.observed_at,
        comment: None,
        answers: answers.collect(),
    };
    let mut bytes = Vec::new();
    let written = json::write(&mut bytes, &file).map_err(serde_json::Error::io);
    written.map(|()| bytes).map_err(RecordedError::Malformed)
}

/// Reads a recording.
///
/// # Errors
/// When it is none, or of a version that this program does not know.
pub fn read(bytes: &[u8]) -> Result<Snapshot, RecordedError> {
    let file: File = serde_json::from_slice(bytes).map_err(RecordedError::Malformed)?;
    if file.schema != SCHEMA || file.version != VERSION {
        return Err(RecordedError::Version { schema: file.schema, version: file.version });
    }
    let mut snapshot = Snapshot::empty(file.observed_at);
    for recorded in file.answers {
        let seen = match (recorded.seen, recorded.unknown) {
            (Some(seen), None) => Ok(seen),
            (None, Some(unknown)) => Err(unknown),
            _ => return Err(RecordedError::Answer(recorded.resource)),
        };
        let earlier = snapshot.answers.get(&recorded.resource).into_iter().flatten();
        if earlier.into_iter().any(|answer| answer.question == recorded.question) {
            return Err(RecordedError::Twice(recorded.resource));
        }
        snapshot.add(recorded.resource, Answer { question: recorded.question, seen });
    }
    Ok(snapshot)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Reason, SystemClock};
    use serde_json::json;

    #[test]
    fn a_recording_reads_back_as_it_was() {
        let mut snapshot = Snapshot::empty(Timestamp::now(&SystemClock));
        let name = ResourceName::new("directory", "/var/lib/x");
        snapshot.add(name.clone(), Answer { question: Value::Null, seen: Ok(Value::Null) });
        snapshot.add(name, Answer { question: json!({"a": 1}), seen: Ok(json!({"mode": "0750"})) });
        let unknown = Unknown::new(Reason::Deadline, "late");
        snapshot.add(
            ResourceName::new("query", "q"),
            Answer { question: Value::Null, seen: Err(unknown) },
        );
        let bytes = write(&snapshot).expect("plain data");
        assert_eq!(read(&bytes).expect("our own"), snapshot);
    }

    #[test]
    fn other_versions_and_half_answers_are_refused() {
        let file = |version: u32, answer: &str| {
            format!(
                r#"{{"schema":"countersign.world","version":{version},"observed_at":"2026-05-21T06:28:50Z","answers":[{answer}]}}"#
            )
        };
        assert!(matches!(
            read(file(2, "").as_bytes()),
            Err(RecordedError::Version { version: 2, .. })
        ));
        let neither = file(1, r#"{"resource":"query.q"}"#);
        assert!(matches!(read(neither.as_bytes()), Err(RecordedError::Answer(_))));
        let absent = file(1, r#"{"resource":"query.q","seen":null}"#);
        assert!(read(absent.as_bytes()).is_ok());
        assert!(matches!(read(b"{"), Err(RecordedError::Malformed(_))));
        let null = r#"{"resource":"query.q","seen":null}"#;
        let one = r#"{"resource":"query.q","seen":1}"#;
        let other = r#"{"resource":"query.q","question":2,"seen":1}"#;
        assert!(read(file(1, &format!("{null},{other}")).as_bytes()).is_ok());
        let twice = file(1, &format!("{null},{other},{one}"));
        assert!(matches!(read(twice.as_bytes()), Err(RecordedError::Twice(_))));
    }
}
