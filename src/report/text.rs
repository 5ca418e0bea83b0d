//! `text`: made to be read by a tired person: what cannot be told first, then what differs by who has to move, one
//! verdict last.

mod differences;

use std::collections::BTreeMap;
use std::io::{self, Write};

use anstyle::{AnsiColor, Style};

use super::groups::{Class, Group, groups};
use super::value::{Report, ResourceReport};
use super::{Detail, wording};
use crate::drift::Verdict;
use crate::model::display::{escape, escaped_line, few, one_line};
use crate::model::{Reason, Severity};

/// The longest reason that is shown.
const WHY_CHARS_MAX: usize = 300;
/// The longest value that is shown; JSON has the whole.
const VALUE_CHARS_MAX: usize = 100;
/// The most resources of a kind that are named where they are in sync.
const NAMES_MAX: usize = 3;
/// No name of a resource is padded further.
const TITLE_WIDTH_MAX: usize = 60;

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const RED: Style = AnsiColor::Red.on_default().bold();
const YELLOW: Style = AnsiColor::Yellow.on_default().bold();
const GREEN: Style = AnsiColor::Green.on_default().bold();
const CYAN: Style = AnsiColor::Cyan.on_default();
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

const fn style(class: Class) -> Style {
    match class {
        Class::Unknown => MAGENTA,
        Class::Drift(_) => RED,
        Class::Pending => YELLOW,
        Class::Waived | Class::Explained => DIM,
        Class::InSync => GREEN,
    }
}

impl Group<'_> {
    fn write(&self, detail: Detail, out: &mut dyn Write) -> io::Result<()> {
        let style = style(self.class);
        let more = match self.class {
            Class::Unknown => "; `countersign explain REASON` says more",
            _ => "",
        };
        let title = format!("{}  {}{more}", self.class.word(), self.class.meaning());
        writeln!(out, "{style}{}{style:#}", title.trim_end())?;
        if self.class == Class::InSync && !detail.verbose {
            self.write_counts(out)?;
        } else {
            let widths = self.resources.iter().map(|r| title_of(r).chars().count());
            let width = widths.max().unwrap_or(0).min(TITLE_WIDTH_MAX);
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
        let mut kinds: BTreeMap<&str, Vec<&ResourceReport>> = BTreeMap::new();
        for resource in &self.resources {
            kinds.entry(&resource.kind).or_default().push(resource);
        }
        let width = kinds.keys().map(|kind| kind.len()).max().unwrap_or(0);
        for (kind, of_kind) in kinds {
            let names = few(of_kind.iter().map(|r| brief(r)), NAMES_MAX);
            writeln!(out, "  {kind:width$}  {:>4}  {DIM}{names}{DIM:#}", of_kind.len())?;
        }
        Ok(())
    }
}

fn brief(resource: &ResourceReport) -> String {
    let name = one_line(&resource.name, 48);
    match wording::seen(resource) {
        Some(seen) => format!("{name} ({})", escaped_line(&seen, 48)),
        None => name,
    }
}

fn title_of(resource: &ResourceReport) -> String {
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
    let (title, severity) = (title_of(resource), wording::severity(resource.severity));
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
    if let Some(difference) = differences::only(resource) {
        // The usual case, and often many of them in a row: one line each.
        write!(out, "  {head}  ")?;
        differences::write_one(difference, (0, 0), out)?;
    } else {
        match wording::seen(resource) {
            Some(seen) => {
                writeln!(out, "  {head}  {DIM}{}{DIM:#}", escaped_line(&seen, VALUE_CHARS_MAX))?;
            }
            None => writeln!(out, "  {}", head.trim_end())?,
        }
        differences::write_unknown(resource, detail, out)?;
        differences::write(resource, detail, out)?;
    }
    for line in &resource.output {
        writeln!(out, "      {DIM}| {}{DIM:#}", escaped_line(line, VALUE_CHARS_MAX))?;
    }
    for waiver in &resource.waivers {
        let (reason, owner) = (one_line(&waiver.reason, 200), escape(&waiver.owner));
        let what = escape(&wording::waived(resource, waiver)).into_owned();
        writeln!(out, "      {what} until {} by {owner}: {reason}", waiver.expires)?;
    }
    for one in &resource.explanations {
        let said = escape(&wording::explained(resource, one)).into_owned();
        if one.over {
            writeln!(out, "      {RED}{said}{RED:#}")?;
        } else {
            writeln!(out, "      {said}")?;
        }
    }
    write_next(resource, 6, out)
}

fn write_next(resource: &ResourceReport, indent: usize, out: &mut dyn Write) -> io::Result<()> {
    match resource.next_action.as_ref().filter(|_| resource.verdict != Verdict::InSync) {
        Some(next) => writeln!(out, "{:indent$}{DIM}next{DIM:#}  {}", "", one_line(next, 200)),
        None => Ok(()),
    }?;
    // A contact may be everybody's by default: it is worth a line where somebody should be woken.
    let urgent = resource.severity == Severity::Critical && resource.verdict != Verdict::InSync;
    match resource.contact.as_ref().filter(|_| urgent && !resource.is_accepted()) {
        Some(contact) => {
            writeln!(out, "{:indent$}{DIM}ask{DIM:#}   {}", "", one_line(contact, 200))
        }
        None => Ok(()),
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
