//! `json`: the report as one object. The contract that other programs read.

use std::io::{self, Write};

use super::{Detail, Report};

pub(super) fn write(report: &Report, _: Detail, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, report)?;
    out.write_all(b"\n")
}
