//! `ndjson`: one line a resource, and the report about them last, so that a file that was cut off can be told.

use std::io::{self, Write};

use serde::Serialize;

use super::Detail;
use super::value::{Header, Report, Summary};
use crate::drift::Verdict;
use crate::model::json;

/// The last line: the report without its resources, and how many lines stand before it.
#[derive(Serialize)]
struct Last<'a> {
    schema: &'static str,
    version: u32,
    #[serde(flatten)]
    header: &'a Header,
    verdict: Verdict,
    summary: &'a Summary,
    lines: usize,
}

pub(super) fn write(report: &Report, _: Detail, out: &mut dyn Write) -> io::Result<()> {
    for resource in &report.resources {
        json::line(&mut *out, resource)?;
    }
    let last = Last {
        schema: "countersign.report.lines",
        version: 1,
        header: &report.header,
        verdict: report.verdict,
        summary: &report.summary,
        lines: report.resources.len(),
    };
    json::line(out, &last)
}
