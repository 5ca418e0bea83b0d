//! `text`: made to be read by a tired person: what cannot be told first, then what differs by who has to move, one
//! verdict last.

use std::collections::BTreeMap;
use std::io::{self, Write};

use anstyle::{AnsiColor, Style};

use super::value::{Report, ResourceReport};
use super::{Detail, wording};
use crate::drift::Verdict;
use crate::model::display::{escape, escaped_line, one_line};
use crate::model::{Difference, Reason, Route, Severity};

/// The most differences of one resource that are shown without `-v`.
const DIFFERENCES_SHOWN: usize = 12;
/// No field is padded further.
const FIELD_WIDTH_MAX: usize = 48;
/// What is wanted is padded no further.
const DESIRED_WIDTH_MAX: usize = 24;
/// The longest reason that is shown.
const WHY_CHARS_MAX: usize = 300;
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
    let commit = match &report.header.commit {
        Some(commit) if report.header.pinned => commit.chars().take(12).collect(),
        Some(_) | None => "unpinned".to_owned(),
    };
    let host = escape(&report.header.host);
    write!(
        out,
        "{BOLD}{host}{BOLD:#}  desired state {commit} from {}",
        escape(&report.header.source)
    )?;
    if let Some(since) = &report.header.since {
        write!(out, ", since {}", since.chars().take(12).collect::<String>())?;
    }
    writeln!(out, "  {DIM}{}{DIM:#}", report.header.observed_at)?;
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
    add(
        "UNKNOWN  it cannot be told; `countersign explain REASON` says more".into(),
        MAGENTA,
        &|r| open(r, Verdict::Unknown),
    );
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
            for alike in self.by_reason() {
                match alike.as_slice() {
                    [alone] => write_resource(alone, width, detail, out)?,
                    alike => write_alike(alike, width, out)?,
                }
            }
        }
        writeln!(out)
    }

    /// Resources that cannot be told for one and the same reason stand together, at the place of the first: a database
    /// that is down is one thing to read, whatever hangs on it.
    fn by_reason(&self) -> Vec<Vec<&ResourceReport>> {
        let mut places = BTreeMap::new();
        let mut together: Vec<Vec<&ResourceReport>> = Vec::new();
        for resource in &self.resources {
            let Some(reason) = only_reason(resource) else {
                together.push(vec![resource]);
                continue;
            };
            let place = *places.entry(reason).or_insert(together.len());
            match together.get_mut(place) {
                Some(alike) => alike.push(resource),
                None => together.push(vec![resource]),
            }
        }
        together
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

/// Why nothing at all of a resource could be told.
fn only_reason(resource: &ResourceReport) -> Option<(Reason, &str)> {
    let whole = resource.verdict == Verdict::Unknown && resource.blind.is_empty();
    Some((resource.reason.filter(|_| whole)?, resource.detail.as_deref()?))
}

/// Several resources under the one reason that they share.
fn write_alike(alike: &[&ResourceReport], width: usize, out: &mut dyn Write) -> io::Result<()> {
    if let Some((reason, why)) = alike.first().and_then(|first| only_reason(first)) {
        writeln!(out, "  {MAGENTA}{reason}{MAGENTA:#}: {}", escaped_line(why, WHY_CHARS_MAX))?;
    }
    for resource in alike {
        writeln!(out, "      {}", head(resource, width).trim_end())?;
        write_next(resource, 8, out)?;
    }
    Ok(())
}

/// The name of a resource, how much it matters, and what it belongs to; padded for what follows.
fn head(resource: &ResourceReport, width: usize) -> String {
    let (title, severity) = (title(resource), severity(resource.severity));
    let mut head = format!("{BOLD}{title:width$}{BOLD:#}  {severity:8}");
    for word in
        [resource.kill_switch.then_some("guard"), resource.gap.as_deref()].into_iter().flatten()
    {
        head.push_str("  ");
        head.push_str(&escape(word));
    }
    head
}

fn write_resource(
    resource: &ResourceReport,
    width: usize,
    detail: Detail,
    out: &mut dyn Write,
) -> io::Result<()> {
    let head = head(resource, width);
    if let Some(difference) = only_difference(resource) {
        // The usual case, and often many of them in a row: one line each.
        write!(out, "  {head}  ")?;
        write_difference(difference, (0, 0), out)?;
    } else {
        match &resource.seen {
            Some(seen) => {
                writeln!(out, "  {head}  {DIM}{}{DIM:#}", one_line(seen, VALUE_CHARS_MAX))?;
            }
            None => writeln!(out, "  {}", head.trim_end())?,
        }
        write_unknown(resource, detail, out)?;
        write_differences(resource, detail, out)?;
    }
    for line in &resource.output {
        writeln!(out, "      {DIM}| {}{DIM:#}", escaped_line(line, VALUE_CHARS_MAX))?;
    }
    if let Some(waiver) = &resource.waiver {
        let (reason, owner) = (one_line(&waiver.reason, 200), escape(&waiver.owner));
        writeln!(out, "      waived until {} by {owner}: {reason}", waiver.expires)?;
    }
    write_next(resource, 6, out)
}

fn write_next(resource: &ResourceReport, indent: usize, out: &mut dyn Write) -> io::Result<()> {
    match resource.next_action.as_ref().filter(|_| resource.verdict != Verdict::InSync) {
        Some(next) => writeln!(out, "{:indent$}{DIM}next{DIM:#}  {}", "", one_line(next, 200)),
        None => Ok(()),
    }
}

/// The difference of a resource that has just one, and whose name says where to look. A constant's does not: what was
/// seen of it names its file.
fn only_difference(resource: &ResourceReport) -> Option<&Difference> {
    let named = resource.blind.is_empty() && resource.kind != "constant";
    match resource.differences.as_slice() {
        [only] if named && only.change.is_none() && only.line.is_none() => Some(only),
        _ => None,
    }
}

fn write_unknown(resource: &ResourceReport, detail: Detail, out: &mut dyn Write) -> io::Result<()> {
    if resource.verdict != Verdict::Unknown {
        return Ok(());
    }
    let shown = if detail.verbose { usize::MAX } else { DIFFERENCES_SHOWN };
    let fields = resource.blind.iter().take(shown).map(|blind| blind.field.chars().count());
    let width = fields.max().unwrap_or(0).min(FIELD_WIDTH_MAX);
    for blind in resource.blind.iter().take(shown) {
        let field = escaped_line(&blind.field, VALUE_CHARS_MAX);
        let why = escaped_line(&blind.unknown.detail, WHY_CHARS_MAX);
        writeln!(out, "      {field:width$}  {MAGENTA}{}{MAGENTA:#}: {why}", blind.unknown.reason)?;
    }
    more(resource.blind.len(), shown, out)?;
    if let (true, Some(reason), Some(why)) =
        (resource.blind.is_empty(), resource.reason, &resource.detail)
    {
        writeln!(out, "      {MAGENTA}{reason}{MAGENTA:#}: {}", escaped_line(why, WHY_CHARS_MAX))?;
    }
    Ok(())
}

fn write_differences(
    resource: &ResourceReport,
    detail: Detail,
    out: &mut dyn Write,
) -> io::Result<()> {
    let shown = if detail.verbose { usize::MAX } else { DIFFERENCES_SHOWN };
    let widths = resource.differences.iter().take(shown).map(|difference| {
        let (desired, _) = wording::sides(difference, VALUE_CHARS_MAX);
        (wording::field(difference, VALUE_CHARS_MAX).chars().count(), desired.chars().count())
    });
    let (field, desired) = widths.reduce(|a, b| (a.0.max(b.0), a.1.max(b.1))).unwrap_or_default();
    let widths = (field.min(FIELD_WIDTH_MAX), desired.min(DESIRED_WIDTH_MAX));
    for difference in resource.differences.iter().take(shown) {
        write!(out, "      ")?;
        write_difference(difference, widths, out)?;
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

/// `widths`: of the field, and of what is wanted.
fn write_difference(
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
