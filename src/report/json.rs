//! `json`: the report as one object. The contract that other programs read.

use std::io::{self, Write};

use super::{Detail, Report};
use crate::model::json;

pub(super) fn write(report: &Report, _: Detail, out: &mut dyn Write) -> io::Result<()> {
    json::write(out, report)
}
