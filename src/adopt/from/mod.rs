//! Desired state from what other tools wrote: one file a format. Pure: nothing of the host is looked at.

mod deploy_manifest;
mod goss;
mod sha256sums;

use crate::kinds::Draft;

/// What another tool's file says, as tables of desired state.
#[derive(Debug, Default)]
pub struct Imported {
    /// The kind and the table of each resource.
    pub drafts: Vec<(&'static str, Draft)>,
    /// What has no table here, and why; one line each.
    pub left_out: Vec<String>,
}

/// One line of [`FORMATS`].
#[derive(Debug)]
pub struct Format {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it is.
    pub about: &'static str,
    /// Does it need to be told the folder that it is about?
    pub needs_root: bool,
    /// Reads it. The root is an absolute path; the file is where it was read.
    pub read: fn(&Source<'_>) -> Result<Imported, String>,
}

/// What is read.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// The file that holds it, as it was named.
    pub file: &'a str,
    /// Its content.
    pub bytes: &'a [u8],
    /// The folder on the host that it is about.
    pub root: Option<&'a str>,
}

/// Every format.
pub static FORMATS: &[Format] = &[sha256sums::FORMAT, deploy_manifest::FORMAT, goss::FORMAT];

/// The format of that name.
#[must_use]
pub fn format(name: &str) -> Option<&'static Format> {
    FORMATS.iter().find(|format| format.name == name)
}
