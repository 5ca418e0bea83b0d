//! `junit`: a test a resource, a suite a kind, for the systems that show tests.
//!
//! Drift is a failure, and so is what is pending: live is not what is wanted, and `skipped` would look like a pass. What
//! cannot be told is an error. What is waived or explained is skipped, with that as the reason.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write};

use super::groups::Class;
use super::value::{Report, ResourceReport};
use super::{Detail, wording};
use crate::model::display::escape;

const VALUE_CHARS_MAX: usize = 200;
/// The most phrases about one resource; JSON has all.
const PHRASES_MAX: usize = 100;
/// The most differing lines of one text.
const LINES_MAX: usize = 200;

#[derive(Default)]
struct Counts {
    tests: usize,
    failures: usize,
    errors: usize,
    skipped: usize,
}

impl Counts {
    fn of<'a>(resources: impl Iterator<Item = &'a ResourceReport>) -> Self {
        let mut counts = Self::default();
        for resource in resources {
            counts.tests += 1;
            match Class::of(resource) {
                Class::Drift(_) | Class::Pending => counts.failures += 1,
                Class::Unknown => counts.errors += 1,
                Class::Waived | Class::Explained => counts.skipped += 1,
                Class::InSync => {}
            }
        }
        counts
    }

    fn attributes(&self) -> String {
        let Self { tests, failures, errors, skipped } = self;
        format!(
            "tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\" skipped=\"{skipped}\""
        )
    }
}

pub(super) fn write(report: &Report, _: Detail, out: &mut dyn Write) -> io::Result<()> {
    let mut suites: BTreeMap<&str, Vec<&ResourceReport>> = BTreeMap::new();
    for resource in &report.resources {
        suites.entry(&resource.kind).or_default().push(resource);
    }
    let (host, all) = (xml(&report.header.host), Counts::of(report.resources.iter()));
    writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
    writeln!(out, "<testsuites name=\"countersign {host}\" {}>", all.attributes())?;
    let at = report.header.observed_at.to_string();
    for (kind, resources) in suites {
        let counts = Counts::of(resources.iter().copied()).attributes();
        writeln!(
            out,
            "  <testsuite name=\"{}\" {counts} hostname=\"{host}\" timestamp=\"{}\">",
            xml(kind),
            at.trim_end_matches('Z')
        )?;
        properties(report, out)?;
        for resource in resources {
            write_case(resource, &report.header.host, out)?;
        }
        writeln!(out, "  </testsuite>")?;
    }
    writeln!(out, "</testsuites>")
}

/// What a reader has to know before trusting the rest.
fn properties(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let header = &report.header;
    let commit = header.commit.as_deref().filter(|_| header.pinned).unwrap_or("unpinned");
    writeln!(out, "    <properties>")?;
    writeln!(out, "      <property name=\"commit\" value=\"{}\"/>", xml(commit))?;
    for note in wording::notes(report) {
        writeln!(out, "      <property name=\"note\" value=\"{}\"/>", xml(&note))?;
    }
    writeln!(out, "    </properties>")
}

fn write_case(resource: &ResourceReport, host: &str, out: &mut dyn Write) -> io::Result<()> {
    write!(
        out,
        "    <testcase name=\"{}\" classname=\"{}.{}\" file=\"{}\" line=\"{}\"",
        xml(&resource.name),
        xml(host),
        xml(&resource.kind),
        xml(&resource.declared_in),
        resource.declared_line
    )?;
    let class = Class::of(resource);
    let element = match class {
        Class::InSync => return writeln!(out, "/>"),
        Class::Waived | Class::Explained => return write_skipped(resource, out),
        Class::Unknown => "error",
        Class::Drift(_) | Class::Pending => "failure",
    };
    let message = shown(&wording::headline(resource));
    writeln!(out, ">")?;
    writeln!(
        out,
        "      <{element} type=\"{}\" message=\"{message}\">{}</{element}>",
        class.label(),
        shown(&body(resource))
    )?;
    writeln!(out, "    </testcase>")
}

fn write_skipped(resource: &ResourceReport, out: &mut dyn Write) -> io::Result<()> {
    let accepted: Vec<String> = wording::accepted(resource).map(|said| xml(&said)).collect();
    let why = format!("{}; {}", accepted.join("; "), shown(&wording::headline(resource)));
    writeln!(out, ">\n      <skipped message=\"{why}\"/>\n    </testcase>")
}

/// Everything about one resource, a line each.
fn body(resource: &ResourceReport) -> String {
    let mut body = String::new();
    let phrases = wording::phrases(resource, VALUE_CHARS_MAX);
    for phrase in phrases.iter().take(PHRASES_MAX) {
        let _ = writeln!(body, "{phrase}");
    }
    if phrases.len() > PHRASES_MAX {
        let _ = writeln!(body, "… and {} more; JSON has all", phrases.len() - PHRASES_MAX);
    }
    for unified in resource.differences.iter().filter_map(|d| d.unified.as_deref()) {
        let lines: Vec<&str> = unified.lines().collect();
        for line in lines.iter().take(LINES_MAX) {
            let _ = writeln!(body, "{line}");
        }
        if lines.len() > LINES_MAX {
            let _ = writeln!(body, "… {} more lines; JSON has all", lines.len() - LINES_MAX);
        }
    }
    for line in &resource.output {
        let _ = writeln!(body, "| {line}");
    }
    for said in wording::accepted(resource) {
        let _ = writeln!(body, "{}", escape(&said));
    }
    let _ = writeln!(body, "who moves: {}", resource.route.mover());
    if let Some(next) = &resource.next_action {
        let _ = writeln!(body, "next: {}", escape(next));
    }
    body
}

/// Text for an attribute or an element. Most control characters are illegal in XML 1.0 even as references, so each shows
/// as `\xNN`; what else hides, the two other characters that XML cannot hold included, shows as everywhere.
fn xml(raw: &str) -> String {
    let mut text = String::with_capacity(raw.len());
    for c in raw.chars() {
        if c.is_ascii_control() && !matches!(c, '\n' | '\r' | '\t') {
            let _ = write!(text, "\\x{:02x}", u32::from(c));
        } else {
            text.push_str(&markup(&escape(c.encode_utf8(&mut [0; 4]))));
        }
    }
    text
}

/// As [`xml`], for lines that are escaped already.
fn shown(escaped: &str) -> String {
    let lines: Vec<String> = escaped
        .split('\n')
        .map(|line| {
            let parts: Vec<String> = line.split('\\').map(xml).collect();
            parts.join("\\")
        })
        .collect();
    lines.join("\n")
}

fn markup(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_xml_cannot_hold_is_shown() {
        assert_eq!(xml("a\u{1b}[31m\u{0}\u{7f}\u{9b}"), "a\\x1b[31m\\x00\\x7f\\u{9b}");
        assert_eq!(xml("<a b=\"c\">&\n\\]]>"), "&lt;a b=&quot;c&quot;&gt;&amp;\\n\\\\]]&gt;");
        assert_eq!(xml("\u{fffe}\u{ffff}\u{202e}"), "\\u{fffe}\\u{ffff}\\u{202e}");
        assert_eq!(shown("a\\xff<\nb\u{1}"), "a\\xff&lt;\nb\\x01");
    }
}
