//! What was found, as a value; and the formats that show it, one file each.
//!
//! A format sees the report and a writer, and nothing else: it decides nothing, reads nothing, asks no clock.

pub mod diagnostics;
mod groups;
mod html;
mod json;
mod junit;
mod markdown;
mod nagios;
mod ndjson;
mod prometheus;
mod sarif;
mod silent;
mod text;
mod value;
mod wording;

use std::io;

pub(crate) use html::{STYLE as PAGE_STYLE, article as page_article, shown as page_text};
pub(crate) use markdown::seen as markdown_text;
pub use value::{Header, Report, ResourceReport, Summary, WaiverReport};

/// How much of a report a format shows.
#[derive(Debug, Clone, Copy, Default)]
pub struct Detail {
    /// Everything: resources in sync one by one, every difference of a tree.
    pub verbose: bool,
    /// Only the verdict.
    pub quiet: bool,
}

/// How a format is to be used.
#[derive(Debug)]
pub enum Use {
    /// A document: on standard output or in a file, alone or beside others.
    Document,
    /// Nothing is written; the exit code says it all.
    Nothing,
    /// The one line of a monitor's plugin, alone.
    Monitor(&'static Monitor),
}

/// The rules of a monitor's plugin, which has exit codes of its own.
#[derive(Debug)]
pub struct Monitor {
    /// The exit code of a report.
    pub code: fn(&Report) -> u8,
    /// The line of a run that ended without a report, from what went wrong.
    pub failed: fn(&str) -> String,
    /// The exit code of such a run.
    pub failed_code: u8,
}

/// One line of [`FORMATS`].
#[derive(Debug)]
pub struct Format {
    /// Its name, as in `--output NAME`.
    pub name: &'static str,
    /// How it is to be used.
    pub used: Use,
    /// Writes the report.
    pub write: fn(&Report, Detail, &mut dyn io::Write) -> io::Result<()>,
}

/// Every format.
pub static FORMATS: &[Format] = &[
    Format { name: "text", used: Use::Document, write: text::write },
    Format { name: "json", used: Use::Document, write: json::write },
    Format { name: "ndjson", used: Use::Document, write: ndjson::write },
    Format { name: "markdown", used: Use::Document, write: markdown::write },
    Format { name: "html", used: Use::Document, write: html::write },
    Format { name: "junit", used: Use::Document, write: junit::write },
    Format { name: "sarif", used: Use::Document, write: sarif::write },
    Format { name: "prometheus", used: Use::Document, write: prometheus::write },
    Format { name: "nagios", used: Use::Monitor(&nagios::MONITOR), write: nagios::write },
    Format { name: "silent", used: Use::Nothing, write: silent::write },
];

/// The format of that name.
#[must_use]
pub fn format(name: &str) -> Option<&'static Format> {
    FORMATS.iter().find(|format| format.name == name)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::model::{Change, Difference};

    fn print(report: &Report, name: &str, detail: Detail) -> String {
        let mut bytes = Vec::new();
        let format = format(name).expect("a format");
        (format.write)(report, detail, &mut bytes).expect("written");
        String::from_utf8(anstream::adapter::strip_bytes(&bytes).into_vec()).expect("UTF-8")
    }

    #[test]
    fn members_of_a_list_that_is_declared_to_be_all_read_as_lines_of_a_diff() {
        let differences = vec![
            Difference::new("0.0.0.0:8080", Value::Null, "nginx, pid 12").changed(Change::Unlisted),
            Difference::new("[::]:22", Value::Null, "present").changed(Change::Unlisted),
            Difference::new("127.0.0.1:5432", "postgres", Value::Null).changed(Change::Missing),
        ];
        let report = Report::sample("listener", differences.clone(), None);
        let lines = [
            "+listener 0.0.0.0:8080 (nginx, pid 12)",
            "+listener [::]:22",
            "-listener 127.0.0.1:5432 (postgres)",
        ];
        for name in ["text", "html", "junit"] {
            let text = print(&report, name, Detail::default());
            assert!(lines.iter().all(|line| text.contains(line)), "{name}: {text}");
        }
        let markdown = print(&report, "markdown", Detail::default());
        assert!(markdown.contains("| +listener \\[::\\]:22 | | |"), "{markdown}");
        let tree = print(&Report::sample("tree", differences, None), "text", Detail::default());
        assert!(tree.contains("unlisted  0.0.0.0:8080    wanted nothing   found"), "{tree}");
    }

    #[test]
    fn what_was_hashed_earlier_says_since_when() {
        let since = Some("2026-05-20T01:02:03Z");
        let differences = vec![Difference::new("f", 1, 2).changed(Change::Changed)];
        let report = Report::sample("tree", differences, since);
        for name in ["text", "html"] {
            let text = print(&report, name, Detail::default());
            assert!(text.contains("2 of 3, cached since 2026-05-20T01:02:03Z"), "{name}: {text}");
        }
        let json: Value =
            serde_json::from_str(&print(&report, "json", Detail::default())).expect("JSON");
        let resource = &json["resources"][0];
        assert_eq!(resource["evidence"], "stat_cached");
        assert_eq!(resource["evidence_since"], "2026-05-20T01:02:03Z");
    }

    #[test]
    fn what_a_command_printed_stands_beside_its_difference_and_is_no_markup() {
        let mut report = Report::sample("smoke", vec![Difference::new("exit_code", 0, 1)], None);
        report.resources[0].output = vec!["```<b>".to_owned(), "\\u{1b}[2J FAILED".to_owned()];
        for name in ["text", "markdown", "html", "junit", "json"] {
            let text = print(&report, name, Detail::default());
            assert!(text.contains("u{1b}[2J FAILED"), "{name}: {text}");
        }
        let html = print(&report, "html", Detail::default());
        assert!(html.contains("<pre>```&lt;b>") || html.contains("<pre>```&lt;b&gt;"), "{html}");
        let markdown = print(&report, "markdown", Detail::default());
        assert!(markdown.contains("````\n```<b>\n"), "{markdown}");
    }

    #[test]
    fn long_lists_are_folded_for_people() {
        let many =
            |count: usize| (0..count).map(|n| Difference::new(format!("f{n}"), 1, 2)).collect();
        let report = Report::sample("tree", many(1500), None);
        let text = print(&report, "text", Detail::default());
        assert!(text.contains("… 1488 more (-v or --output json has all)"), "{text}");
        let all = print(&report, "text", Detail { verbose: true, quiet: false });
        assert!(all.contains("f1499"), "{all}");
        let html = print(&report, "html", Detail::default());
        assert!(html.contains("988 more differences") && html.contains("and 500 more"), "{html}");
        assert!(print(&report, "json", Detail::default()).contains("f1499"));
    }
}
