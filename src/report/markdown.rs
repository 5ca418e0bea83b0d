//! `markdown`: the report as a document, for a ticket or a commit. Everything observed is escaped as text.

use std::io::{self, Write};

use super::groups::{Class, Group, groups};
use super::value::{Report, ResourceReport};
use super::{Detail, wording};
use crate::model::display::{escaped_line, one_line};

const VALUE_CHARS_MAX: usize = 120;
const DIFFERENCES_SHOWN: usize = 50;
/// The most differing lines of one text.
const LINES_SHOWN: usize = 200;

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
    for group in groups(report) {
        match group.class {
            Class::InSync => in_sync(&group, out)?,
            Class::Waived => waived(&group, out)?,
            _ => table(&group, out)?,
        }
    }
    Ok(())
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

fn title(class: Class) -> String {
    match class {
        Class::Unknown => "Unknown: it cannot be told".to_owned(),
        Class::Drift(route) => format!("Drift: {} moves", route.mover()),
        Class::Pending => "Pending: desired state moved, live did not yet".to_owned(),
        Class::Waived => "Waived".to_owned(),
        Class::Explained => "Explained: expected until then, as somebody signed".to_owned(),
        Class::InSync => "In sync".to_owned(),
    }
}

fn table(group: &Group<'_>, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "## {}\n", text(&title(group.class)))?;
    writeln!(
        out,
        "| resource | severity | gap | field | wanted | found |\n|---|---|---|---|---|---|"
    )?;
    for resource in &group.resources {
        write_rows(resource, out)?;
    }
    writeln!(out)?;
    let next = |r: &&&ResourceReport| r.next_action.is_some();
    for resource in group.resources.iter().filter(next) {
        let next = resource.next_action.as_deref().unwrap_or_default();
        writeln!(out, "- next for {}: {}", text(&resource.resource.to_string()), text(next))?;
    }
    for resource in &group.resources {
        for said in wording::accepted(resource) {
            writeln!(out, "- {}: {}", text(&resource.resource.to_string()), text(&said))?;
        }
    }
    let has_more = |r: &&ResourceReport| {
        r.next_action.is_some() || !r.waivers.is_empty() || !r.explanations.is_empty()
    };
    if group.resources.iter().any(has_more) {
        writeln!(out)?;
    }
    group.resources.iter().try_for_each(|resource| write_lines(resource, out))
}

fn write_rows(resource: &ResourceReport, out: &mut dyn Write) -> io::Result<()> {
    let name = text(&resource.resource.to_string());
    let severity = wording::severity(resource.severity);
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
    more(&start, resource.blind.len(), out)?;
    for difference in resource.differences.iter().take(DIFFERENCES_SHOWN) {
        if let Some(item) = wording::item(&resource.kind, difference) {
            writeln!(out, "{start} {} | | |", seen(&item))?;
            continue;
        }
        let change =
            difference.change.map(|c| format!("{} ", wording::change(c))).unwrap_or_default();
        let (desired, actual) = wording::sides(difference, VALUE_CHARS_MAX);
        let field = seen(&difference.field);
        writeln!(out, "{start} {change}{field} | {} | {} |", seen(&desired), seen(&actual))?;
    }
    more(&start, resource.differences.len(), out)
}

fn more(start: &str, total: usize, out: &mut dyn Write) -> io::Result<()> {
    match total.saturating_sub(DIFFERENCES_SHOWN) {
        0 => Ok(()),
        hidden => writeln!(out, "{start} … and {hidden} more; JSON has all | | |"),
    }
}

/// The lines that differ, in a block that nothing in them can end.
fn write_lines(resource: &ResourceReport, out: &mut dyn Write) -> io::Result<()> {
    for unified in resource.differences.iter().filter_map(|d| d.unified.as_deref()) {
        let fence = "`".repeat(longest_run(unified, '`').max(2) + 1);
        writeln!(out, "### {}\n\n{fence}diff", text(&resource.resource.to_string()))?;
        for line in unified.lines().take(LINES_SHOWN) {
            writeln!(out, "{}", escaped_line(line, 400))?;
        }
        let hidden = unified.lines().count().saturating_sub(LINES_SHOWN);
        if hidden > 0 {
            writeln!(out, "… {hidden} more lines; JSON has all")?;
        }
        writeln!(out, "{fence}\n")?;
    }
    write_output(resource, out)
}

/// The last lines that a command printed, likewise.
fn write_output(resource: &ResourceReport, out: &mut dyn Write) -> io::Result<()> {
    if resource.output.is_empty() {
        return Ok(());
    }
    let longest = resource.output.iter().map(|line| longest_run(line, '`')).max();
    let fence = "`".repeat(longest.unwrap_or(0).max(2) + 1);
    writeln!(out, "### {}\n\n{fence}", text(&resource.resource.to_string()))?;
    for line in &resource.output {
        writeln!(out, "{}", escaped_line(line, 400))?;
    }
    writeln!(out, "{fence}\n")
}

fn longest_run(text: &str, wanted: char) -> usize {
    text.split(|c| c != wanted).map(str::len).max().unwrap_or(0)
}

fn waived(group: &Group<'_>, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "## {}\n", title(group.class))?;
    writeln!(out, "| resource | owner | reason | expires | what |\n|---|---|---|---|---|")?;
    for resource in &group.resources {
        for waiver in &resource.waivers {
            writeln!(
                out,
                "| {} | {} | {} | {} | {} |",
                text(&resource.resource.to_string()),
                text(&waiver.owner),
                text(&waiver.reason),
                waiver.expires,
                seen(&wording::headline(resource))
            )?;
        }
    }
    writeln!(out)
}

fn in_sync(group: &Group<'_>, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "## {}\n", title(group.class))?;
    for resource in &group.resources {
        let name = text(&resource.resource.to_string());
        match wording::seen(resource) {
            Some(about) => writeln!(out, "- {name} ({})", seen(&about))?,
            None => writeln!(out, "- {name}")?,
        }
    }
    writeln!(out)
}

/// Text that stays text: one line, and nothing in it that Markdown or HTML would act on.
fn text(raw: &str) -> String {
    markup(&one_line(raw, 400))
}

/// As [`text`], for what was escaped where it was seen.
pub(crate) fn seen(escaped: &str) -> String {
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

    #[test]
    fn no_line_can_end_its_block() {
        assert_eq!(longest_run("a```b````c`", '`'), 4);
        assert_eq!(longest_run("", '`'), 0);
    }
}
