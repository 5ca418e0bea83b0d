//! The words that formats for people share, so that a terminal and a document say the same.

use serde_json::Value;

use super::value::Report;
use crate::drift::Verdict;
use crate::model::display::{escaped_line, one_line};
use crate::model::{Change, Difference, Route};

/// A verdict as a heading.
pub(super) const fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::InSync => "IN SYNC",
        Verdict::Pending => "PENDING",
        Verdict::Drift => "DRIFT",
        Verdict::Unknown => "UNKNOWN",
    }
}

/// What happened to a file of a tree.
pub(super) const fn change(change: Change) -> &'static str {
    match change {
        Change::Changed => "changed",
        Change::Missing => "missing",
        Change::Unlisted => "unlisted",
        Change::Metadata => "metadata",
    }
}

/// The one-line verdict after its first word.
pub(super) fn summary(report: &Report) -> String {
    let summary = &report.summary;
    let total = summary.total();
    let mut parts = Vec::new();
    // What the verdict says comes first.
    if summary.unknown > 0 {
        parts.push(format!("{} of {total} cannot be told", summary.unknown));
    }
    if summary.drift > 0 {
        parts.push(format!("{} of {total} differ ({})", summary.drift, movers(report)));
    }
    if summary.pending > 0 {
        parts.push(format!("{} of {total} pending", summary.pending));
    }
    if summary.waived > 0 {
        parts.push(format!("{} waived", summary.waived));
    }
    parts.push(format!("{} in sync", summary.in_sync));
    parts.join(", ")
}

fn movers(report: &Report) -> String {
    let count = |route| {
        let open = |r: &&super::ResourceReport| {
            r.waiver.is_none() && r.verdict == Verdict::Drift && r.route == route
        };
        report.resources.iter().filter(open).count()
    };
    let counted =
        [Route::Host, Route::Source, Route::Operator].map(|route| (count(route), route.mover()));
    let named: Vec<String> =
        counted.iter().filter(|(n, _)| *n > 0).map(|(n, mover)| format!("{mover} {n}")).collect();
    format!("who moves: {}", named.join(", "))
}

/// What a reader has to know first.
pub(super) fn notes(report: &Report) -> Vec<String> {
    let mut notes = Vec::new();
    if report.header.sandbox {
        notes.push("sandbox: not a machine's own configuration and root".to_owned());
    }
    if report.header.replayed {
        notes.push(
            "replayed: the world comes from a recording, nothing was looked at now".to_owned(),
        );
    }
    if !report.header.only.is_empty() {
        notes.push(format!(
            "narrowed to {}: nothing else was looked at",
            report.header.only.join(", ")
        ));
    }
    if !report.header.pinned {
        notes.push("unpinned: desired state is not exactly what a commit holds".to_owned());
    }
    notes.extend(report.header.notes.iter().cloned());
    if report.resources.iter().any(has_hidden_value) {
        notes.push(
            "digests: values of files that `[observe] show_content` does not name are compared, and not shown"
                .to_owned(),
        );
    }
    notes
}

/// Does a digest stand where a reader looks for a value?
fn has_hidden_value(resource: &super::ResourceReport) -> bool {
    let digest = |value: &Value| value.as_str().is_some_and(is_digest);
    let hidden = |d: &Difference| d.field == "value" && digest(&d.actual);
    resource.kind == "constant" && resource.differences.iter().any(hidden)
}

/// What differs. Kinds escape the names that they put there; a name that slipped through is escaped here.
pub(super) fn field(difference: &Difference, chars_max: usize) -> String {
    escaped_line(&difference.field, chars_max)
}

/// Both sides of a difference, short enough for a line. Where both are digests, enough of each to tell them apart.
pub(super) fn sides(difference: &Difference, chars_max: usize) -> (String, String) {
    (value(&difference.desired, chars_max), value(&difference.actual, chars_max))
}

fn value(value: &Value, chars_max: usize) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::String(text) if is_digest(text) => format!("{}…", &text[..19]),
        Value::String(text) if text.is_empty() || text.contains(char::is_whitespace) => {
            format!("\"{}\"", one_line(text, chars_max))
        }
        Value::String(text) => one_line(text, chars_max),
        other => one_line(&other.to_string(), chars_max),
    }
}

fn is_digest(text: &str) -> bool {
    text.strip_prefix("sha256:")
        .is_some_and(|hex| hex.len() == 64 && hex.bytes().all(|c| c.is_ascii_hexdigit()))
}
