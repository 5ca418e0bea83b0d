//! `text`: made to be read by a tired person: what cannot be told first, then what differs by who has to move, one
//! verdict last.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};

use super::value::{Report, ResourceReport};
use super::{Detail, wording};
use crate::drift::Verdict;
use crate::model::display::{escape, escaped_line, one_line};
use crate::model::{Difference, Route, Severity};

/// The most differences of one resource that are shown without `-v`.
const DIFFERENCES_SHOWN: usize = 12;
/// The longest value that is shown; JSON has the whole.
const VALUE_CHARS_MAX: usize = 100;

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const RED: Style = AnsiColor::Red.on_default().bold();
const YELLOW: Style = AnsiColor::Yellow.on_default().bold();
const GREEN: Style = AnsiColor::Green.on_default().bold();
const MAGENTA: Style = AnsiColor::Magenta.on_default().bold();

pub(super) fn write(report: &Report, detail: Detail, out: &mut dyn Write) -> io::Result<()> {
    if !detail.quiet {
        header(report, out)?;
        for group in groups(report) {
            group.write(detail, out)?;
        }
    }
    last_line(report, out)
}

fn header(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let commit = match &report.commit {
        Some(commit) if report.pinned => commit.chars().take(12).collect(),
        Some(_) | None => "unpinned".to_owned(),
    };
    let host = escape(&report.host);
    write!(out, "{BOLD}{host}{BOLD:#}  desired state {commit} from {}", escape(&report.source))?;
    if let Some(since) = &report.since {
        write!(out, ", since {}", since.chars().take(12).collect::<String>())?;
    }
    writeln!(out, "  {DIM}{}{DIM:#}", report.observed_at)?;
    for note in wording::notes(report) {
        writeln!(out, "  {YELLOW}note{YELLOW:#}  {}", escape(&note))?;
    }
    writeln!(out)
}

struct Section<'a> {
    title: String,
    style: Style,
    resources: Vec<&'a ResourceReport>,
    in_sync: bool,
}

/// What cannot be told, what differs by who moves, what is pending, what is waived, what is in sync.
fn groups(report: &Report) -> Vec<Section<'_>> {
    let mut groups = Vec::new();
    let mut add = |title: String, style, keep: &dyn Fn(&ResourceReport) -> bool| {
        let mut resources: Vec<&ResourceReport> =
            report.resources.iter().filter(|r| keep(r)).collect();
        resources.sort_by_key(|r| r.severity);
        if !resources.is_empty() {
            groups.push(Section { title, style, resources, in_sync: false });
        }
    };
    let open = |r: &ResourceReport, verdict| r.waiver.is_none() && r.verdict == verdict;
    add("UNKNOWN  it cannot be told".into(), MAGENTA, &|r| open(r, Verdict::Unknown));
    for route in [Route::Host, Route::Source, Route::Operator] {
        let title = format!("DRIFT  who moves: {}", route.mover());
        add(title, RED, &|r| open(r, Verdict::Drift) && r.route == route);
    }
    add("PENDING  desired state moved, live did not yet".into(), YELLOW, &|r| {
        open(r, Verdict::Pending)
    });
    add("WAIVED  known and accepted for a time".into(), DIM, &|r| r.waiver.is_some());
    add("IN SYNC".into(), GREEN, &|r| open(r, Verdict::InSync));
    if let Some(last) = groups.last_mut() {
        last.in_sync = last.resources.iter().all(|r| r.verdict == Verdict::InSync);
    }
    groups
}

impl Section<'_> {
    fn write(&self, detail: Detail, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "{}{}{:#}", self.style, self.title, self.style)?;
        if self.in_sync && !detail.verbose {
            self.write_counts(out)?;
        } else {
            let width =
                self.resources.iter().map(|r| title(r).chars().count()).max().unwrap_or(0).min(60);
            for resource in &self.resources {
                write_resource(resource, width, detail, out)?;
            }
        }
        writeln!(out)
    }

    /// In sync in brief: how many of each kind, and what the few with totals showed.
    fn write_counts(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut kinds: Vec<(&str, Vec<&ResourceReport>)> = Vec::new();
        for resource in &self.resources {
            match kinds.iter_mut().find(|(kind, _)| *kind == resource.kind) {
                Some((_, of_kind)) => of_kind.push(resource),
                None => kinds.push((&resource.kind, vec![resource])),
            }
        }
        kinds.sort_by_key(|(kind, _)| *kind);
        let width = kinds.iter().map(|(kind, _)| kind.len()).max().unwrap_or(0);
        for (kind, of_kind) in kinds {
            let names: Vec<String> = of_kind.iter().take(3).map(|r| brief(r)).collect();
            let more = if of_kind.len() > names.len() { ", …" } else { "" };
            let names = format!("{}{more}", names.join(", "));
            writeln!(out, "  {kind:width$}  {:>4}  {DIM}{names}{DIM:#}", of_kind.len())?;
        }
        Ok(())
    }
}

fn brief(resource: &ResourceReport) -> String {
    let name = one_line(&resource.name, 48);
    match &resource.seen {
        Some(seen) => format!("{name} ({})", one_line(seen, 40)),
        None => name,
    }
}

fn title(resource: &ResourceReport) -> String {
    escape(&resource.resource.to_string()).into_owned()
}

fn write_resource(
    resource: &ResourceReport,
    width: usize,
    detail: Detail,
    out: &mut dyn Write,
) -> io::Result<()> {
    write!(out, "  {BOLD}{:width$}{BOLD:#}  {:8}", title(resource), severity(resource.severity))?;
    for word in
        [resource.kill_switch.then_some("guard"), resource.gap.as_deref()].into_iter().flatten()
    {
        write!(out, "  {}", escape(word))?;
    }
    if let Some(difference) = only_difference(resource) {
        // The usual case, and often many of them in a row: one line each.
        write!(out, "  ")?;
        write_difference(difference, 0, out)?;
    } else {
        let seen = resource.seen.as_deref().map(|seen| one_line(seen, VALUE_CHARS_MAX));
        writeln!(out, "  {DIM}{}{DIM:#}", seen.unwrap_or_default())?;
        write_unknown(resource, detail, out)?;
        write_differences(resource, detail, out)?;
    }
    if let Some(waiver) = &resource.waiver {
        let (reason, owner) = (one_line(&waiver.reason, 200), escape(&waiver.owner));
        writeln!(out, "      waived until {} by {owner}: {reason}", waiver.expires)?;
    }
    if let Some(next) =
        resource.next_action.as_ref().filter(|_| resource.verdict != Verdict::InSync)
    {
        writeln!(out, "      {DIM}next{DIM:#}  {}", one_line(next, 200))?;
    }
    Ok(())
}

/// The difference of a resource that has just one, and that is about the resource as a whole.
fn only_difference(resource: &ResourceReport) -> Option<&Difference> {
    match resource.differences.as_slice() {
        [only] if resource.blind.is_empty() && only.change.is_none() && only.line.is_none() => {
            Some(only)
        }
        _ => None,
    }
}

fn write_unknown(resource: &ResourceReport, detail: Detail, out: &mut dyn Write) -> io::Result<()> {
    if resource.verdict != Verdict::Unknown {
        return Ok(());
    }
    let shown = if detail.verbose { usize::MAX } else { DIFFERENCES_SHOWN };
    for blind in resource.blind.iter().take(shown) {
        let (field, why) =
            (one_line(&blind.field, VALUE_CHARS_MAX), one_line(&blind.unknown.detail, 240));
        writeln!(out, "      {field}  {MAGENTA}{}{MAGENTA:#}: {why}", blind.unknown.reason)?;
    }
    more(resource.blind.len(), shown, out)?;
    if let (true, Some(reason), Some(why)) =
        (resource.blind.is_empty(), resource.reason, &resource.detail)
    {
        writeln!(out, "      {MAGENTA}{reason}{MAGENTA:#}: {}", escaped_line(why, 240))?;
    }
    Ok(())
}

fn write_differences(
    resource: &ResourceReport,
    detail: Detail,
    out: &mut dyn Write,
) -> io::Result<()> {
    let shown = if detail.verbose { usize::MAX } else { DIFFERENCES_SHOWN };
    let widths = resource.differences.iter().take(shown);
    let widths = widths.map(|d| wording::field(d, VALUE_CHARS_MAX).chars().count());
    let width = widths.max().unwrap_or(0).min(48);
    for difference in resource.differences.iter().take(shown) {
        write!(out, "      ")?;
        write_difference(difference, width, out)?;
        if let Some(line) = &difference.line {
            let text = line
                .text
                .as_deref()
                .map(|text| format!(": {}", one_line(text.trim(), VALUE_CHARS_MAX)));
            let place = format!("{}:{}", escape(&line.file), line.number);
            writeln!(out, "      {DIM}{place}{}{DIM:#}", text.unwrap_or_default())?;
        }
    }
    more(resource.differences.len(), shown, out)
}

fn write_difference(difference: &Difference, width: usize, out: &mut dyn Write) -> io::Result<()> {
    let change = difference.change.map(|change| format!("{:9} ", wording::change(change)));
    let (desired, actual) = wording::sides(difference, VALUE_CHARS_MAX);
    let (change, field) = (change.unwrap_or_default(), wording::field(difference, VALUE_CHARS_MAX));
    writeln!(
        out,
        "{change}{field:width$}  wanted {GREEN}{desired}{GREEN:#}  found {RED}{actual}{RED:#}"
    )
}

fn more(total: usize, shown: usize, out: &mut dyn Write) -> io::Result<()> {
    if total > shown {
        writeln!(out, "      … and {} more; -v shows them, --output json has them", total - shown)?;
    }
    Ok(())
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "critical",
        Severity::Major => "major",
        Severity::Minor => "minor",
        Severity::Info => "info",
    }
}

fn last_line(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let style = match report.verdict {
        Verdict::InSync => GREEN,
        Verdict::Pending => YELLOW,
        Verdict::Drift => RED,
        Verdict::Unknown => MAGENTA,
    };
    let (word, rest) = (wording::verdict(report.verdict), wording::summary(report));
    writeln!(out, "{style}{word}{style:#}: {rest}")
}
