//! `markdown`: the report as a document, for a ticket or a commit. Everything observed is escaped as text.

use std::io::{self, Write};

use super::value::{Report, ResourceReport};
use super::{Detail, wording};
use crate::drift::Verdict;
use crate::model::Route;
use crate::model::display::{escaped_line, one_line};

const VALUE_CHARS_MAX: usize = 120;
const DIFFERENCES_SHOWN: usize = 50;

pub(super) fn write(report: &Report, detail: Detail, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "# {} on {}\n", wording::verdict(report.verdict), text(&report.header.host))?;
    writeln!(
        out,
        "**{}**: {}\n",
        wording::verdict(report.verdict),
        text(&wording::summary(report))
    )?;
    if detail.quiet {
        return Ok(());
    }
    header(report, out)?;
    let open = |r: &&ResourceReport, verdict| r.waiver.is_none() && r.verdict == verdict;
    table(
        out,
        "Unknown: it cannot be told",
        report.resources.iter().filter(|r| open(r, Verdict::Unknown)),
    )?;
    for route in [Route::Host, Route::Source, Route::Operator] {
        let title = format!("Drift: {} moves", route.mover());
        table(
            out,
            &title,
            report.resources.iter().filter(|r| open(r, Verdict::Drift) && r.route == route),
        )?;
    }
    table(out, "Pending", report.resources.iter().filter(|r| open(r, Verdict::Pending)))?;
    waived(report, out)?;
    in_sync(report, out)
}

fn header(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let commit =
        report.header.commit.as_deref().filter(|_| report.header.pinned).unwrap_or("unpinned");
    writeln!(out, "| | |\n|---|---|")?;
    writeln!(out, "| host | {} |", text(&report.header.host))?;
    writeln!(out, "| desired state | {commit} from {} |", text(&report.header.source))?;
    if let Some(since) = &report.header.since {
        writeln!(out, "| pending since | {} |", text(since))?;
    }
    writeln!(out, "| observed at | {} |", report.header.observed_at)?;
    for note in wording::notes(report) {
        writeln!(out, "| note | {} |", text(&note))?;
    }
    writeln!(out)
}

fn table<'a>(
    out: &mut dyn Write,
    title: &str,
    rows: impl Iterator<Item = &'a ResourceReport>,
) -> io::Result<()> {
    let mut rows: Vec<&ResourceReport> = rows.collect();
    if rows.is_empty() {
        return Ok(());
    }
    rows.sort_by_key(|r| r.severity);
    writeln!(out, "## {}\n", text(title))?;
    writeln!(
        out,
        "| resource | severity | gap | field | wanted | found |\n|---|---|---|---|---|---|"
    )?;
    for resource in &rows {
        write_rows(resource, out)?;
    }
    writeln!(out)?;
    for resource in rows.iter().filter(|r| r.next_action.is_some()) {
        let next = resource.next_action.as_deref().unwrap_or_default();
        writeln!(out, "- next for {}: {}", text(&resource.resource.to_string()), text(next))?;
    }
    if rows.iter().any(|r| r.next_action.is_some()) {
        writeln!(out)?;
    }
    Ok(())
}

fn write_rows(resource: &ResourceReport, out: &mut dyn Write) -> io::Result<()> {
    let name = text(&resource.resource.to_string());
    let severity = format!("{:?}", resource.severity).to_lowercase();
    let gap = text(resource.gap.as_deref().unwrap_or(""));
    let start = format!("| {name} | {severity} | {gap} |");
    if let (true, Some(reason), Some(detail)) =
        (resource.blind.is_empty(), resource.reason, &resource.detail)
    {
        writeln!(out, "{start} | | {reason}: {} |", seen(detail))?;
    }
    for blind in resource.blind.iter().take(DIFFERENCES_SHOWN) {
        let (field, detail) = (seen(&blind.field), seen(&blind.unknown.detail));
        writeln!(out, "{start} {field} | | {}: {detail} |", blind.unknown.reason)?;
    }
    for difference in resource.differences.iter().take(DIFFERENCES_SHOWN) {
        let change =
            difference.change.map(|c| format!("{} ", wording::change(c))).unwrap_or_default();
        let (desired, actual) = wording::sides(difference, VALUE_CHARS_MAX);
        writeln!(
            out,
            "{start} {change}{} | {} | {} |",
            seen(&difference.field),
            text(&desired),
            text(&actual)
        )?;
    }
    let hidden = resource.differences.len().saturating_sub(DIFFERENCES_SHOWN);
    if hidden > 0 {
        writeln!(out, "{start} … and {hidden} more | | |")?;
    }
    Ok(())
}

fn waived(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let rows: Vec<_> =
        report.resources.iter().filter_map(|r| Some((r, r.waiver.as_ref()?))).collect();
    if rows.is_empty() {
        return Ok(());
    }
    writeln!(out, "## Waived\n\n| resource | owner | reason | expires |\n|---|---|---|---|")?;
    for (resource, waiver) in rows {
        let name = text(&resource.resource.to_string());
        writeln!(
            out,
            "| {name} | {} | {} | {} |",
            text(&waiver.owner),
            text(&waiver.reason),
            waiver.expires
        )?;
    }
    writeln!(out)
}

fn in_sync(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let rows: Vec<_> = report.resources.iter().filter(|r| r.verdict == Verdict::InSync).collect();
    if rows.is_empty() {
        return Ok(());
    }
    writeln!(out, "## In sync\n")?;
    for resource in rows {
        let seen =
            resource.seen.as_deref().map(|seen| format!(" ({})", text(seen))).unwrap_or_default();
        writeln!(out, "- {}{seen}", text(&resource.resource.to_string()))?;
    }
    writeln!(out)
}

/// Text that stays text: one line, and nothing in it that Markdown or HTML would act on.
fn text(raw: &str) -> String {
    markup(&one_line(raw, 400))
}

/// As [`text`], for what was escaped where it was seen.
fn seen(escaped: &str) -> String {
    markup(&escaped_line(escaped, 400))
}

fn markup(line: &str) -> String {
    let mut safe = String::with_capacity(line.len());
    for c in line.chars() {
        match c {
            '<' => safe.push_str("&lt;"),
            '&' => safe.push_str("&amp;"),
            '|' | '`' | '*' | '_' | '[' | ']' | '\\' | '#' | '~' | '!' => {
                safe.push('\\');
                safe.push(c);
            }
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn observed_text_cannot_become_markup() {
        assert_eq!(text("a|b <script>`x`"), "a\\|b &lt;script>\\`x\\`");
        assert_eq!(text("[x](y)\nz"), "\\[x\\](y)\\\\nz");
    }
}
