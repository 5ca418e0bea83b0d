//! The words that formats for people share, so that a terminal and a document say the same.

use serde_json::Value;

use super::value::{ExplanationReport, Report, ResourceReport, WaiverReport};
use crate::drift::Verdict;
use crate::model::display::{escaped_line, one_line};
use crate::model::{Change, Difference, Route, Severity};

/// A verdict as a heading.
pub(super) const fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::InSync => "IN SYNC",
        Verdict::Pending => "PENDING",
        Verdict::Drift => "DRIFT",
        Verdict::Unknown => "UNKNOWN",
    }
}

/// How much a resource matters.
pub(super) const fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "critical",
        Severity::Major => "major",
        Severity::Minor => "minor",
        Severity::Info => "info",
    }
}

/// What happened to an item of a list.
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
    if summary.explained > 0 {
        parts.push(format!("{} explained", summary.explained));
    }
    parts.push(format!("{} in sync", summary.in_sync));
    parts.join(", ")
}

/// How much of a resource a waiver covers.
pub(super) fn waived(resource: &ResourceReport, waiver: &WaiverReport) -> String {
    let what = if resource.waiver.is_some() { "waived" } else { "waived in part" };
    match &waiver.field {
        Some(field) => format!("{what} ({field})"),
        None => what.to_owned(),
    }
}

/// Every waiver of a resource as a sentence; what they say is as desired state has it.
pub(super) fn waivers(resource: &ResourceReport) -> impl Iterator<Item = String> {
    resource.waivers.iter().map(|waiver| {
        let (what, until) = (waived(resource, waiver), waiver.expires);
        format!("{what} until {until} by {}: {}", waiver.owner, waiver.reason)
    })
}

/// What a resource has from waivers and from people who signed, a sentence each.
pub(super) fn accepted(resource: &ResourceReport) -> impl Iterator<Item = String> {
    waivers(resource).chain(resource.explanations.iter().map(|one| explained(resource, one)))
}

/// An explanation as a sentence. One that is over has a word of its own.
pub(super) fn explained(resource: &ResourceReport, one: &ExplanationReport) -> String {
    let what = match (one.over, resource.explained) {
        (true, _) => "OVERDUE: was explained",
        (false, true) => "explained",
        (false, false) => "explained in part",
    };
    let run = one.run.as_ref().map(|run| format!(" for {run}")).unwrap_or_default();
    let (fields, until, by, role) = (one.fields.join(", "), one.until, &one.by, &one.role);
    format!("{what} ({fields}){run} until {until} by {by} as {role}: {}", one.reason)
}

fn movers(report: &Report) -> String {
    let count = |route| {
        let open = |r: &&ResourceReport| {
            !r.is_accepted() && r.verdict == Verdict::Drift && r.route == route
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

/// In a few words what was seen, and since when that is known where it was not looked at now.
pub(super) fn seen(resource: &ResourceReport) -> Option<String> {
    let since = resource.evidence_since.map(|since| format!("cached since {since}"));
    let parts: Vec<String> = resource.seen.iter().cloned().chain(since).collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// A member of a list that is declared to be all: one that nobody declared as `+listener 0.0.0.0:8080 (…)`, one that is
/// not there as `-listener …`. The files of a tree have a table of their own.
pub(super) fn item(kind: &str, difference: &Difference) -> Option<String> {
    const CHARS_MAX: usize = 160;
    let present = |value: &Value| value.as_str() == Some("present");
    // Objects of a schema bring their class along, and their lines instead of a digest.
    let of_schema = kind == "pg_schema";
    let (sign, about) = match difference.change? {
        _ if kind == "tree" => return None,
        Change::Unlisted => ('+', &difference.actual),
        // Why it cannot be there says more than that it should.
        Change::Missing if present(&difference.desired) => ('-', &difference.actual),
        Change::Missing => ('-', &difference.desired),
        Change::Changed if of_schema && difference.field != "digest" => ('~', &difference.actual),
        Change::Changed | Change::Metadata => return None,
    };
    if of_schema {
        return Some(format!("{sign}{}", field(difference, CHARS_MAX)));
    }
    let about = match about {
        Value::Null => String::new(),
        // Its sign says that already.
        Value::String(text) if text == "present" => String::new(),
        Value::String(text) => format!(" ({})", escaped_line(text, CHARS_MAX)),
        other => format!(" ({})", one_line(&other.to_string(), CHARS_MAX)),
    };
    // A grant is a sentence, and names itself, as does what is beside a guard; the others are called what PostgreSQL calls
    // them.
    let noun = match kind.strip_prefix("pg_").unwrap_or(kind) {
        "grant" | "proof_guard" => String::new(),
        object => format!("{object} "),
    };
    Some(format!("{sign}{noun}{}{about}", field(difference, CHARS_MAX)))
}

/// One difference as a phrase: `mode: wanted 0750, found 0755`.
pub(super) fn phrase(kind: &str, difference: &Difference, chars_max: usize) -> String {
    if let Some(item) = item(kind, difference) {
        return item;
    }
    let change = difference.change.map(|c| format!("{} ", change(c))).unwrap_or_default();
    let (desired, actual) = sides(difference, chars_max);
    format!("{change}{}: wanted {desired}, found {actual}", field(difference, chars_max))
}

/// What is wrong with a resource, each thing as a phrase: what differs, and what of it could not be told.
pub(super) fn phrases(resource: &ResourceReport, chars_max: usize) -> Vec<String> {
    let mut phrases = Vec::new();
    if let (true, Some(reason), Some(why)) =
        (resource.blind.is_empty(), resource.reason, &resource.detail)
    {
        phrases.push(format!("{reason}: {}", escaped_line(why, 3 * chars_max)));
    }
    phrases.extend(resource.blind.iter().map(|blind| {
        let field = escaped_line(&blind.field, chars_max);
        let why = escaped_line(&blind.unknown.detail, 3 * chars_max);
        format!("{field}: {}: {why}", blind.unknown.reason)
    }));
    phrases.extend(resource.differences.iter().map(|d| phrase(&resource.kind, d, chars_max)));
    phrases
}

/// The first of these phrases, and how many there are more.
pub(super) fn headline(resource: &ResourceReport) -> String {
    const CHARS_MAX: usize = 120;
    let phrases = phrases(resource, CHARS_MAX);
    match phrases.as_slice() {
        [] => String::new(),
        [only] => only.clone(),
        [first, more @ ..] => format!("{first}; and {} more", more.len()),
    }
}

/// Does a digest stand where a reader looks for a value?
fn has_hidden_value(resource: &ResourceReport) -> bool {
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
    let sides = (value(&difference.desired, chars_max), value(&difference.actual, chars_max));
    if sides.0 != sides.1 {
        return sides;
    }
    // The text "3" and the number 3 differ, and have to look so.
    let quoted = |value: &Value, shown: String| match value {
        Value::String(text) if !is_digest(text) && !shown.starts_with('"') => {
            format!("\"{shown}\"")
        }
        _ => shown,
    };
    (quoted(&difference.desired, sides.0), quoted(&difference.actual, sides.1))
}

fn value(value: &Value, chars_max: usize) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::String(text) if is_digest(text) => format!("{}…", &text[..19]),
        Value::String(text) if text.is_empty() || text.contains(char::is_whitespace) => {
            format!("\"{}\"", escaped_line(text, chars_max))
        }
        Value::String(text) => escaped_line(text, chars_max),
        other => one_line(&other.to_string(), chars_max),
    }
}

fn is_digest(text: &str) -> bool {
    text.strip_prefix("sha256:")
        .is_some_and(|hex| hex.len() == 64 && hex.bytes().all(|c| c.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_differ_look_so() {
        let shown =
            |desired: Value, actual: Value| sides(&Difference::new("f", desired, actual), 20);
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        assert_eq!(shown("3".into(), 3.into()), pair("\"3\"", "3"));
        assert_eq!(shown(true.into(), "true".into()), pair("true", "\"true\""));
        assert_eq!(shown("nothing".into(), Value::Null), pair("\"nothing\"", "nothing"));
        assert_eq!(shown("3".into(), "4".into()), pair("3", "4"));
        assert_eq!(shown("".into(), Value::Null), pair("\"\"", "nothing"));
    }
}
