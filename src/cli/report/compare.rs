//! `countersign report diff`: what two packages tell apart. It reads them and verifies neither.

use std::path::Path;

use serde::Serialize;

use super::super::error::Failure;
use super::super::exit;
use super::super::output::Output;
use super::{Two, inspect};
use crate::model::display::escape;
use crate::model::{json, shown_path};
use crate::package::value::{Package, SCHEMA, VERSION};
use crate::package::{Difference, VALUE, diff};

#[derive(Serialize)]
struct Shown {
    schema: &'static str,
    version: u32,
    old: String,
    new: String,
    differences: Vec<Difference>,
}

pub(super) fn run(two: &Two, output: &Output) -> Result<u8, Failure> {
    let (old, new) = (read(&two.old)?, read(&two.new)?);
    if (&old.header.report, &old.header.host) != (&new.header.report, &new.header.host) {
        let message = format!(
            "these are `{}` of {} and `{}` of {}",
            escape(&old.header.report),
            escape(&old.header.host),
            escape(&new.header.report),
            escape(&new.header.host)
        );
        return Err(Failure::new(exit::USAGE, message).hint("name two packages of one report"));
    }
    let differences = diff(&old, &new);
    let code = if differences.is_empty() { exit::OK } else { exit::DRIFT };
    output.write(|out| {
        if output.is("json") {
            let (old, new) = (old.header.date_utc.to_string(), new.header.date_utc.to_string());
            let shown =
                Shown { schema: "countersign.report.diff", version: 1, old, new, differences };
            return json::write(out, &shown);
        }
        writeln!(
            out,
            "{} of {}: {} -> {}",
            escape(&old.header.report),
            escape(&old.header.host),
            old.header.date_utc,
            new.header.date_utc
        )?;
        for one in &differences {
            let side = |side: &Option<String>| {
                side.as_deref()
                    .map_or_else(|| "nothing".to_owned(), |text| escape(text).into_owned())
            };
            writeln!(out, "  {}  {} -> {}", escape(&one.what), side(&one.old), side(&one.new))?;
        }
        match differences.len() {
            0 => writeln!(out, "they say the same"),
            _ => Ok(()),
        }
    })?;
    Ok(code)
}

fn read(folder: &Path) -> Result<Package, Failure> {
    let files = inspect::read(folder)?;
    let wrong = |why: String| {
        Failure::new(exit::ERROR, format!("{} holds no package: {why}", shown_path(folder)))
    };
    let bytes = files.get(VALUE).ok_or_else(|| wrong(format!("{VALUE} is missing")))?;
    let package: Package =
        serde_json::from_slice(bytes).map_err(|error| wrong(error.to_string()))?;
    if package.schema != SCHEMA || package.version != VERSION {
        return Err(wrong(format!(
            "it is version {} of `{}`",
            package.version,
            escape(&package.schema)
        )));
    }
    Ok(package)
}
