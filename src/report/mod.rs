//! What was found, as a value; and the formats that show it, one file each.
//!
//! A format sees the report and a writer, and nothing else: it decides nothing, reads nothing, asks no clock.

pub mod diagnostics;
mod json;
mod markdown;
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

/// One line of [`FORMATS`].
#[derive(Debug)]
pub struct Format {
    /// Its name, as in `--output NAME`.
    pub name: &'static str,
    /// Writes the report.
    pub write: fn(&Report, Detail, &mut dyn io::Write) -> io::Result<()>,
}

/// Every format.
pub static FORMATS: &[Format] = &[
    Format { name: "text", write: text::write },
    Format { name: "json", write: json::write },
    Format { name: "markdown", write: markdown::write },
];

/// The format of that name.
#[must_use]
pub fn format(name: &str) -> Option<&'static Format> {
    FORMATS.iter().find(|format| format.name == name)
}
