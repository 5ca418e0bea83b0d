//! `nagios`: one line and one of four exit codes, as Nagios, Icinga and their kin want it of a plugin.
//!
//! The numbers after the bar are performance data: `drift` warns and is critical above 0. No number there depends on the
//! time of the look, so the same world gives the same line.

use std::io::{self, Write};

use super::groups::{Class, groups};
use super::{Detail, Monitor, Report, wording};
use crate::drift::Verdict;
use crate::model::display::{escape, escaped_line, few};

const OK: u8 = 0;
const WARNING: u8 = 1;
const CRITICAL: u8 = 2;
const UNKNOWN: u8 = 3;

/// The most resources that are named, and the longest name.
const NAMES_MAX: usize = 5;
const NAME_CHARS_MAX: usize = 100;
/// The longest reason of a failure: a monitor cuts its lines off, and then the end is lost.
const WHY_CHARS_MAX: usize = 400;

/// Its own exit codes, for a run that ended without a report as well.
pub(super) static MONITOR: Monitor = Monitor { code, failed, failed_code: UNKNOWN };

fn code(report: &Report) -> u8 {
    match report.verdict {
        Verdict::Unknown => UNKNOWN,
        Verdict::Drift => CRITICAL,
        Verdict::Pending => WARNING,
        Verdict::InSync if report.summary.waived + report.summary.explained > 0 => WARNING,
        Verdict::InSync => OK,
    }
}

pub(super) fn write(report: &Report, _: Detail, out: &mut dyn Write) -> io::Result<()> {
    let word = match code(report) {
        OK => "OK",
        WARNING => "WARNING",
        CRITICAL => "CRITICAL",
        _ => "UNKNOWN",
    };
    let (host, said) = (plain(&escape(&report.header.host)), plain(&wording::summary(report)));
    write!(out, "COUNTERSIGN {word} - {host}: {said}{}", names(report))?;
    let counts = &report.summary;
    writeln!(
        out,
        " | drift={};0;0;0 unknown={} pending={} waived={} explained={} in_sync={}",
        counts.drift,
        counts.unknown,
        counts.pending,
        counts.waived,
        counts.explained,
        counts.in_sync
    )
}

/// The first resources that are not in sync, those that matter most first.
fn names(report: &Report) -> String {
    let open = groups(report).into_iter().filter(|group| group.class != Class::InSync);
    let open: Vec<String> = open
        .flat_map(|group| group.resources)
        .map(|resource| plain(&escape(&resource.resource.to_string())))
        .collect();
    if open.is_empty() {
        return String::new();
    }
    let names = open.iter().map(|name| escaped_line(name, NAME_CHARS_MAX));
    format!("; see {}", few(names, NAMES_MAX))
}

/// The line of a run that ended without a report.
fn failed(why: &str) -> String {
    let lines: Vec<&str> = why.lines().collect();
    format!("COUNTERSIGN UNKNOWN - {}\n", plain(&escaped_line(&lines.join("; "), WHY_CHARS_MAX)))
}

/// Text without the bar that would begin the performance data.
fn plain(escaped: &str) -> String {
    escaped.replace('|', "\\u{7c}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_one_line_without_a_bar() {
        let line = failed("no host | drift=0\nand\u{1b}more");
        assert_eq!(line, "COUNTERSIGN UNKNOWN - no host \\u{7c} drift=0; and\\u{1b}more\n");
    }
}
