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
