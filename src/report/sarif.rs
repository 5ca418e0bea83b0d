//! `sarif`: SARIF 2.1.0, for the systems that show findings beside the lines of a repository. Each result points at the
//! line of desired state that live does not follow. What is in sync is no result.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write};

use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use super::groups::Class;
use super::value::{Report, ResourceReport};
use super::{Detail, wording};
use crate::kinds;
use crate::model::display::escape;
use crate::model::{Digest, Severity, json};

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";
const VALUE_CHARS_MAX: usize = 200;
/// The most phrases about one resource; JSON has all.
const PHRASES_MAX: usize = 20;

/// The log file of one run.
#[derive(Serialize)]
struct Log<'a> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Run<'a> {
    tool: Value,
    automation_details: Value,
    invocations: Value,
    properties: Value,
    results: Results<'a>,
}

/// The results, each made when it is written: there can be a hundred thousand.
struct Results<'a> {
    report: &'a Report,
    /// The rules by kind, with their place in the list of rules.
    rules: &'a BTreeMap<&'a str, usize>,
}

impl Serialize for Results<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(open(self.report).map(|r| result(r, self.report, self.rules)))
    }
}

/// What is no result is in sync.
fn open(report: &Report) -> impl Iterator<Item = &ResourceReport> {
    report.resources.iter().filter(|resource| Class::of(resource) != Class::InSync)
}

pub(super) fn write(report: &Report, _: Detail, out: &mut dyn Write) -> io::Result<()> {
    let mut rules: BTreeMap<&str, usize> = open(report).map(|r| (r.kind.as_str(), 0)).collect();
    for (place, index) in rules.values_mut().enumerate() {
        *index = place;
    }
    let header = &report.header;
    let run = Run {
        tool: json!({ "driver": {
            "name": "countersign",
            "semanticVersion": env!("CARGO_PKG_VERSION"),
            "rules": rules.keys().map(|kind| rule(kind)).collect::<Vec<_>>(),
        }}),
        automation_details: json!({ "id": format!("countersign/{}/", escape(&header.host)) }),
        invocations: json!([{ "executionSuccessful": true, "endTimeUtc": header.observed_at }]),
        properties: json!({
            "host": escape(&header.host),
            "commit": header.commit.as_ref().filter(|_| header.pinned),
            "verdict": report.verdict,
            "summary": report.summary,
            "notes": wording::notes(report),
        }),
        results: Results { report, rules: &rules },
    };
    json::write(out, &Log { schema: SCHEMA, version: "2.1.0", runs: [run] })
}

fn rule(kind: &str) -> Value {
    let about = kinds::kind(kind).map_or("", kinds::Entry::about);
    json!({
        "id": kind,
        "shortDescription": { "text": about },
        "help": { "text": format!("`countersign explain {kind}` says what is compared.") },
    })
}

fn result(resource: &ResourceReport, report: &Report, rules: &BTreeMap<&str, usize>) -> Value {
    let class = Class::of(resource);
    let mut result = json!({
        "ruleId": resource.kind,
        "ruleIndex": rules.get(resource.kind.as_str()),
        "kind": "fail",
        "level": level(resource.severity),
        "message": { "text": message(resource) },
        "locations": [{
            "physicalLocation": {
                "artifactLocation": { "uri": uri(&report.header.folder, &resource.declared_in) },
                "region": { "startLine": resource.declared_line },
            },
            "logicalLocations": [{
                "fullyQualifiedName": escape(&resource.resource.to_string()),
                "kind": "resource",
            }],
        }],
        "partialFingerprints": { "hostAndResource/v1": fingerprint(resource, report) },
        "properties": {
            "verdict": resource.verdict,
            "severity": resource.severity,
            "route": resource.route,
            "reason": resource.reason,
            "gap": resource.gap,
        },
    });
    if matches!(class, Class::Waived | Class::Explained) {
        let why = wording::accepted(resource).collect::<Vec<_>>().join("; ");
        let why = escape(&why);
        result["suppressions"] =
            json!([{ "kind": "external", "status": "accepted", "justification": why }]);
    }
    result
}

const fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::Major => "error",
        Severity::Minor => "warning",
        Severity::Info => "note",
    }
}

fn message(resource: &ResourceReport) -> String {
    let name = escape(&resource.resource.to_string()).into_owned();
    let mut text = format!("{}: {name}", wording::verdict(resource.verdict));
    let phrases = wording::phrases(resource, VALUE_CHARS_MAX);
    for phrase in phrases.iter().take(PHRASES_MAX) {
        let _ = write!(text, "\n{phrase}");
    }
    if phrases.len() > PHRASES_MAX {
        let _ = write!(text, "\n… and {} more", phrases.len() - PHRASES_MAX);
    }
    let _ = write!(text, "\nwho moves: {}", resource.route.mover());
    if let Some(next) = &resource.next_action {
        let _ = write!(text, "; next: {}", escape(next));
    }
    plain(&text)
}

/// Text of a message that is only text: braces are doubled, since `{0}` would be an argument, and `[…](…)` is kept from
/// being a link.
fn plain(text: &str) -> String {
    text.replace('{', "{{").replace('}', "}}").replace("](", "] (")
}

/// The same for one resource of one host as long as it has its name, whatever differs and wherever it is declared.
fn fingerprint(resource: &ResourceReport, report: &Report) -> String {
    let (host, name) = (&report.header.host, &resource.resource);
    Digest::of(format!("{host}\0{name}").as_bytes()).to_string()
}

/// A path in the repository as a relative URI: what is no plain character of one is written as `%NN`.
fn uri(folder: &str, file: &str) -> String {
    let path = if folder.is_empty() { file.to_owned() } else { format!("{folder}/{file}") };
    let mut uri = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            let _ = write!(uri, "%{byte:02X}");
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_only_text() {
        assert_eq!(plain("\\u{7} [x](https://y) {0}"), "\\u{{7}} [x] (https://y) {{0}}");
    }

    #[test]
    fn paths_are_uris() {
        assert_eq!(uri("", "hosts/a/b.toml"), "hosts/a/b.toml");
        assert_eq!(
            uri("desired state", "hosts/ä#?.toml"),
            "desired%20state/hosts/%C3%A4%23%3F.toml"
        );
    }
}
