//! One resource of a page: its name, what differs, and what to do about it.

use std::io::{self, Write};

use super::super::value::ResourceReport;
use super::super::wording;
use super::{shown, text};
use crate::model::{Blind, Difference};

/// The longest value; JSON has the whole.
const VALUE_CHARS_MAX: usize = 400;
/// How many differences are not folded.
const OPEN: usize = 12;
/// The most differences of one resource.
const DIFFERENCES_MAX: usize = 1000;
/// How many differing lines of a text are not folded.
const LINES_OPEN: usize = 24;
/// The most differing lines of one text.
const LINES_MAX: usize = 2000;

pub(super) fn title(resource: &ResourceReport) -> String {
    format!("<span class=\"kind\">{}</span> {}", text(&resource.kind), text(&resource.name))
}

pub(super) fn write(resource: &ResourceReport, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "<article>\n<div>\n<h3>{}</h3>", title(resource))?;
    badges(resource, out)?;
    writeln!(out, "</div>\n<div>")?;
    if let Some(difference) = only(resource) {
        one(difference, out)?;
    } else {
        if let Some(seen) = wording::seen(resource) {
            writeln!(out, "<p class=\"place\">{}</p>", shown(&seen))?;
        }
        unknown(resource, out)?;
        differences(resource, out)?;
    }
    for difference in &resource.differences {
        line(difference, out)?;
        unified(difference, out)?;
    }
    output(resource, out)?;
    for waiver in &resource.waivers {
        let (owner, reason) = (text(&waiver.owner), text(&waiver.reason));
        let what = text(&wording::waived(resource, waiver));
        let until = waiver.expires;
        writeln!(out, "<p class=\"next\"><b>{what}</b> until {until} by {owner}: {reason}</p>")?;
    }
    for one in &resource.explanations {
        let class = if one.over { "next overdue" } else { "next" };
        let said = text(&wording::explained(resource, one));
        writeln!(out, "<p class=\"{class}\">{said}</p>")?;
    }
    if let Some(next) = &resource.next_action {
        writeln!(out, "<p class=\"next\"><b>next</b> {}</p>", text(next))?;
    }
    let (file, number) = (text(&resource.declared_in), resource.declared_line);
    write!(out, "<p class=\"declared\">declared in <code>{file}:{number}</code>")?;
    if let Some(contact) = &resource.contact {
        write!(out, "; ask {}", text(contact))?;
    }
    writeln!(out, "</p>\n</div>\n</article>")
}

/// The difference of a resource that has just one, and nothing that cannot be told: no table for a single line.
fn only(resource: &ResourceReport) -> Option<&Difference> {
    match resource.differences.as_slice() {
        [only] if resource.blind.is_empty() && only.change.is_none() => Some(only),
        _ => None,
    }
}

fn one(difference: &Difference, out: &mut dyn Write) -> io::Result<()> {
    let (desired, actual) = wording::sides(difference, VALUE_CHARS_MAX);
    writeln!(
        out,
        "<p class=\"only\"><span>{}</span> <span class=\"label\">wanted</span> <span class=\"wanted\">\
         <span class=\"value\">{}</span></span> <span class=\"label\">found</span> <span class=\"found\">\
         <span class=\"value\">{}</span></span></p>",
        shown(&wording::field(difference, VALUE_CHARS_MAX)),
        shown(&desired),
        shown(&actual)
    )
}

fn badges(resource: &ResourceReport, out: &mut dyn Write) -> io::Result<()> {
    let severity = wording::severity(resource.severity);
    write!(out, "<ul class=\"badges\"><li class=\"{severity}\">{severity}</li>")?;
    if resource.kill_switch {
        write!(out, "<li class=\"guard\">guard</li>")?;
    }
    if let Some(gap) = &resource.gap {
        write!(out, "<li>{}</li>", text(gap))?;
    }
    writeln!(out, "</ul>")
}

/// What of it could not be told, or why nothing could.
fn unknown(resource: &ResourceReport, out: &mut dyn Write) -> io::Result<()> {
    if let (true, Some(reason), Some(why)) =
        (resource.blind.is_empty(), resource.reason, &resource.detail)
    {
        writeln!(out, "<p class=\"next\"><b class=\"reason\">{reason}</b> {}</p>", shown(why))?;
    }
    let rows = Rows { columns: &["field", "cannot be told"], noun: "that cannot be told" };
    rows.write(&resource.blind, out, |blind: &Blind, out| {
        writeln!(
            out,
            "<tr><th scope=\"row\">{}</th><td><b class=\"reason\">{}</b> {}</td></tr>",
            shown(&blind.field),
            blind.unknown.reason,
            shown(&blind.unknown.detail)
        )
    })
}

fn differences(resource: &ResourceReport, out: &mut dyn Write) -> io::Result<()> {
    let rows = Rows { columns: &["field", "wanted", "found"], noun: "differences" };
    rows.write(&resource.differences, out, |difference: &Difference, out| {
        if let Some(item) = wording::item(&resource.kind, difference) {
            let sign = if item.starts_with('+') { "plus" } else { "minus" };
            let item = shown(&item);
            return writeln!(
                out,
                "<tr><td colspan=\"3\"><span class=\"value {sign}\">{item}</span></td></tr>"
            );
        }
        let change =
            difference.change.map(|c| format!("{} ", wording::change(c))).unwrap_or_default();
        let (desired, actual) = wording::sides(difference, VALUE_CHARS_MAX);
        writeln!(
            out,
            "<tr><th scope=\"row\">{change}{}</th>{}{}</tr>",
            shown(&wording::field(difference, VALUE_CHARS_MAX)),
            side("wanted", &desired),
            side("found", &actual)
        )
    })
}

fn side(name: &str, value: &str) -> String {
    let value = shown(value);
    format!(
        "<td class=\"{name}\"><span class=\"label\">{name}</span> <span class=\"value\">{value}</span></td>"
    )
}

/// A table of rows: the first few, the others folded, and how many are left out.
struct Rows {
    columns: &'static [&'static str],
    noun: &'static str,
}

impl Rows {
    fn write<T>(
        &self,
        rows: &[T],
        out: &mut dyn Write,
        row: impl Fn(&T, &mut dyn Write) -> io::Result<()>,
    ) -> io::Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        let kept = &rows[..rows.len().min(DIFFERENCES_MAX)];
        let (open, more) = kept.split_at(kept.len().min(OPEN));
        self.head(out)?;
        open.iter().try_for_each(|one| row(one, out))?;
        writeln!(out, "</tbody></table>")?;
        if more.is_empty() {
            return Ok(());
        }
        writeln!(out, "<details><summary>{} more {}</summary>", more.len(), self.noun)?;
        self.head(out)?;
        more.iter().try_for_each(|one| row(one, out))?;
        writeln!(out, "</tbody></table></details>")?;
        match rows.len() - kept.len() {
            0 => Ok(()),
            left => writeln!(out, "<p class=\"more\">… and {left} more; JSON has all</p>"),
        }
    }

    fn head(&self, out: &mut dyn Write) -> io::Result<()> {
        write!(out, "<table class=\"fields\"><thead><tr>")?;
        for column in self.columns {
            write!(out, "<th scope=\"col\">{column}</th>")?;
        }
        writeln!(out, "</tr></thead><tbody>")
    }
}

/// The line that was read.
fn line(difference: &Difference, out: &mut dyn Write) -> io::Result<()> {
    let Some(line) = &difference.line else { return Ok(()) };
    let said = line.text.as_deref().map(|said| format!(": {}", shown(said.trim())));
    let place = format!("{}:{}", text(&line.file), line.number);
    writeln!(out, "<p class=\"place\"><code>{place}{}</code></p>", said.unwrap_or_default())
}

/// The last lines that a command printed.
fn output(resource: &ResourceReport, out: &mut dyn Write) -> io::Result<()> {
    if resource.output.is_empty() {
        return Ok(());
    }
    write!(out, "<pre>")?;
    for line in &resource.output {
        writeln!(out, "{}", shown(line))?;
    }
    writeln!(out, "</pre>")
}

/// The lines that differ.
fn unified(difference: &Difference, out: &mut dyn Write) -> io::Result<()> {
    let Some(unified) = &difference.unified else { return Ok(()) };
    let total = unified.lines().count();
    if total > LINES_OPEN {
        writeln!(out, "<details><summary>{total} lines of differences</summary>")?;
    }
    write!(out, "<pre>")?;
    for line in unified.lines().take(LINES_MAX) {
        let class = match line.as_bytes().first() {
            Some(b'-') => " class=\"minus\"",
            Some(b'+') => " class=\"plus\"",
            Some(b'@' | b'\\') => " class=\"remark\"",
            _ => "",
        };
        write!(out, "<span{class}>{}\n</span>", shown(line))?;
    }
    writeln!(out, "</pre>")?;
    if total > LINES_MAX {
        writeln!(out, "<p class=\"more\">… {} more lines; JSON has all</p>", total - LINES_MAX)?;
    }
    if total > LINES_OPEN { writeln!(out, "</details>") } else { Ok(()) }
}
