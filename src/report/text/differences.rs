//! What differs of one resource, and what of it could not be told, on a terminal.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::super::value::ResourceReport;
use super::super::{Detail, wording};
use super::{CYAN, DIM, GREEN, MAGENTA, RED, VALUE_CHARS_MAX, WHY_CHARS_MAX};
use crate::drift::Verdict;
use crate::model::display::{escape, escaped_line};
use crate::model::{Change, Difference};

/// The most differences of one resource that are shown without `-v`.
const SHOWN: usize = 12;
/// The most differing lines of one text that are shown without `-v`.
const LINES_SHOWN: usize = 20;
/// The longest of those lines that is shown whole.
const LINE_CHARS_MAX: usize = 200;
/// No field is padded further.
const FIELD_WIDTH_MAX: usize = 48;
/// What is wanted is padded no further.
const DESIRED_WIDTH_MAX: usize = 24;

/// The difference of a resource that has just one, and whose name says where to look. A constant's does not: what was
/// seen of it names its file.
pub(super) fn only(resource: &ResourceReport) -> Option<&Difference> {
    let named = resource.blind.is_empty() && resource.kind != "constant";
    match resource.differences.as_slice() {
        [only] if named && only.change.is_none() && only.line.is_none() => {
            Some(only).filter(|only| only.unified.is_none())
        }
        _ => None,
    }
}

pub(super) fn write_unknown(
    resource: &ResourceReport,
    detail: Detail,
    out: &mut dyn Write,
) -> io::Result<()> {
    if resource.verdict != Verdict::Unknown {
        return Ok(());
    }
    let shown = if detail.verbose { usize::MAX } else { SHOWN };
    let fields = resource.blind.iter().take(shown).map(|blind| blind.field.chars().count());
    let width = fields.max().unwrap_or(0).min(FIELD_WIDTH_MAX);
    for blind in resource.blind.iter().take(shown) {
        let field = escaped_line(&blind.field, VALUE_CHARS_MAX);
        let why = escaped_line(&blind.unknown.detail, WHY_CHARS_MAX);
        writeln!(out, "      {field:width$}  {MAGENTA}{}{MAGENTA:#}: {why}", blind.unknown.reason)?;
    }
    more(resource.blind.len(), shown, "", out)?;
    if let (true, Some(reason), Some(why)) =
        (resource.blind.is_empty(), resource.reason, &resource.detail)
    {
        writeln!(out, "      {MAGENTA}{reason}{MAGENTA:#}: {}", escaped_line(why, WHY_CHARS_MAX))?;
    }
    Ok(())
}

pub(super) fn write(
    resource: &ResourceReport,
    detail: Detail,
    out: &mut dyn Write,
) -> io::Result<()> {
    let shown = if detail.verbose { usize::MAX } else { SHOWN };
    let listed = resource.differences.iter().take(shown);
    let plain = listed.clone().filter(|d| wording::item(&resource.kind, d).is_none());
    let widths = plain.map(|difference| {
        let (desired, _) = wording::sides(difference, VALUE_CHARS_MAX);
        (wording::field(difference, VALUE_CHARS_MAX).chars().count(), desired.chars().count())
    });
    let (field, desired) = widths.reduce(|a, b| (a.0.max(b.0), a.1.max(b.1))).unwrap_or_default();
    let widths = (field.min(FIELD_WIDTH_MAX), desired.min(DESIRED_WIDTH_MAX));
    for difference in listed {
        write!(out, "      ")?;
        match wording::item(&resource.kind, difference) {
            Some(item) => write_signed(&item, out)?,
            None => write_one(difference, widths, out)?,
        }
        write_line(difference, out)?;
        write_unified(difference, detail, out)?;
    }
    let hidden = resource.differences.get(shown..).unwrap_or_default();
    if hidden.is_empty() {
        return Ok(());
    }
    let count = hidden.len();
    writeln!(out, "      … {count} more{} (-v or --output json has all)", by_change(hidden))
}

/// What happened to the items that are not shown: one that was changed may hide behind hundreds that are missing.
fn by_change(hidden: &[Difference]) -> String {
    let mut counts: BTreeMap<Change, usize> = BTreeMap::new();
    for change in hidden.iter().filter_map(|difference| difference.change) {
        *counts.entry(change).or_default() += 1;
    }
    let counts = counts.into_iter().map(|(c, count)| format!("{count} {}", wording::change(c)));
    let counts = counts.collect::<Vec<_>>().join(", ");
    if counts.is_empty() { counts } else { format!(": {counts}") }
}

/// `widths`: of the field, and of what is wanted.
pub(super) fn write_one(
    difference: &Difference,
    widths: (usize, usize),
    out: &mut dyn Write,
) -> io::Result<()> {
    let change = difference.change.map(|change| format!("{:9} ", wording::change(change)));
    let (desired, actual) = wording::sides(difference, VALUE_CHARS_MAX);
    let (change, field) = (change.unwrap_or_default(), wording::field(difference, VALUE_CHARS_MAX));
    let (field_width, desired_width) = widths;
    writeln!(
        out,
        "{change}{field:field_width$}  wanted {GREEN}{desired:desired_width$}{GREEN:#}  found {RED}{actual}{RED:#}"
    )
}

/// The line that was read.
fn write_line(difference: &Difference, out: &mut dyn Write) -> io::Result<()> {
    let Some(line) = &difference.line else { return Ok(()) };
    let text = line.text.as_deref().map(|text| escaped_line(text.trim(), VALUE_CHARS_MAX));
    let text = text.map(|text| format!(": {text}")).unwrap_or_default();
    let place = format!("{}:{}", escape(&line.file), line.number);
    writeln!(out, "      {DIM}{place}{text}{DIM:#}")
}

/// The lines that differ, folded after the first few.
fn write_unified(difference: &Difference, detail: Detail, out: &mut dyn Write) -> io::Result<()> {
    let Some(unified) = &difference.unified else { return Ok(()) };
    let shown = if detail.verbose { usize::MAX } else { LINES_SHOWN };
    for line in unified.lines().take(shown) {
        write!(out, "        ")?;
        write_signed(line, out)?;
    }
    more(unified.lines().count(), shown, "lines", out)
}

/// A line that begins with the sign of a diff, in the colours that diffs have everywhere.
fn write_signed(line: &str, out: &mut dyn Write) -> io::Result<()> {
    let style = match line.as_bytes().first() {
        Some(b'-') => RED,
        Some(b'+') => GREEN,
        Some(b'@' | b'~') => CYAN,
        Some(b'\\') => DIM,
        _ => return writeln!(out, "{}", escaped_line(line, LINE_CHARS_MAX)),
    };
    writeln!(out, "{style}{}{style:#}", escaped_line(line, LINE_CHARS_MAX))
}

fn more(total: usize, shown: usize, what: &str, out: &mut dyn Write) -> io::Result<()> {
    let hidden = total.saturating_sub(shown);
    match (hidden, what) {
        (0, _) => Ok(()),
        (_, "") => writeln!(out, "      … {hidden} more (-v or --output json has all)"),
        _ => writeln!(out, "        … {hidden} more {what} (-v or --output json has all)"),
    }
}
