//! `prometheus`: gauges in the text exposition format, for the textfile collector of `node_exporter`.
//!
//! Labels are kinds and verdicts alone: a label with a path would be a new time series for each file of a tree. A kind
//! that was not looked at has no sample, and a look that could not tell everything leaves no time of success.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::groups::Class;
use super::{Detail, Report};
use crate::model::Route;

/// Every class of a resource once; drift whoever moves.
const CLASSES: [Class; 6] = [
    Class::InSync,
    Class::Drift(Route::Host),
    Class::Pending,
    Class::Unknown,
    Class::Waived,
    Class::Explained,
];

pub(super) fn write(report: &Report, _: Detail, out: &mut dyn Write) -> io::Result<()> {
    const RESOURCES: &str = "countersign_drift_resources";
    const SUCCESS: &str = "countersign_observation_last_success_timestamp_seconds";
    let mut counts: BTreeMap<&str, BTreeMap<&str, u64>> = BTreeMap::new();
    for resource in &report.resources {
        let of_kind = counts.entry(&resource.kind).or_default();
        *of_kind.entry(Class::of(resource).label()).or_default() += 1;
    }
    writeln!(
        out,
        "# HELP {RESOURCES} Resources by kind and verdict; a waived or explained one counts as that alone."
    )?;
    writeln!(out, "# TYPE {RESOURCES} gauge")?;
    for (kind, of_kind) in &counts {
        for verdict in CLASSES.map(Class::label) {
            let count = of_kind.get(verdict).copied().unwrap_or(0);
            writeln!(out, "{RESOURCES}{{kind=\"{}\",verdict=\"{verdict}\"}} {count}", label(kind))?;
        }
    }
    if report.summary.unknown == 0 {
        let seconds = report.header.observed_at.unix_seconds();
        writeln!(
            out,
            "# HELP {SUCCESS} When the last look ended that could tell everything it was asked."
        )?;
        writeln!(out, "# TYPE {SUCCESS} gauge")?;
        writeln!(out, "{SUCCESS} {seconds}")?;
    }
    Ok(())
}

/// A label's value: backslash, quote and line end are escaped.
fn label(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_escaped() {
        assert_eq!(label("a\\b\"c\nd"), "a\\\\b\\\"c\\nd");
    }
}
