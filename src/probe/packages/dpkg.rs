//! The database of dpkg: `/var/lib/dpkg/status`, and `/var/lib/dpkg/status.d` of images without dpkg itself.
//!
//! Stanzas of `Field: value` lines with blank lines between them. Only four fields are kept; a line that is none, or a
//! stanza without what it needs, makes the whole database unknown: who is not found may be meant by it.

use std::collections::BTreeSet;

use super::{INSTALLED, Package};
use crate::model::{Reason, Unknown};
use crate::probe::host::{Contents, Facts, FileType, Host};

const STATUS: &str = "/var/lib/dpkg/status";
const PARTS: &str = "/var/lib/dpkg/status.d";
const UPDATES: &str = "/var/lib/dpkg/updates";
/// Ten times what a desktop with everything has.
const STATUS_BYTES_MAX: u64 = 64 << 20;
const PART_BYTES_MAX: u64 = 1 << 20;
const ENTRIES_MAX: usize = 20_000;

/// Every package that dpkg knows as more than not installed, in its order.
///
/// # Errors
/// Unknown, when there is no database, it cannot be read, or dpkg is at work on it.
pub fn read(host: &Host) -> Result<Vec<Package>, Unknown> {
    let facts = host.facts();
    let mut packages = Vec::new();
    let status = facts.read(STATUS, STATUS_BYTES_MAX)?;
    let is_there = status.is_some();
    if let Some(text) = status {
        settled(facts)?;
        packages = parse(&text, STATUS, None)?;
    }
    match facts.entries(PARTS, ENTRIES_MAX)? {
        Contents::Regular(_, entries) => {
            for entry in entries {
                let name = entry.name.to_string_lossy().into_owned();
                if name.ends_with(".md5sums") || entry.file_type == Some(FileType::Directory) {
                    continue;
                }
                let path = format!("{PARTS}/{name}");
                let text = facts.read(&path, PART_BYTES_MAX)?.unwrap_or_default();
                packages.extend(parse(&text, &path, Some(INSTALLED))?);
            }
        }
        _ if is_there => {}
        _ => {
            let detail = format!("there is no database of dpkg: neither `{STATUS}` nor `{PARTS}`");
            return Err(Unknown::new(Reason::NotSupported, detail));
        }
    }
    let mut seen = BTreeSet::new();
    if let Some(twice) = packages.iter().find(|p| !seen.insert((&p.name, &p.architecture))) {
        let detail = format!("the database of dpkg has `{}` twice", twice.name);
        return Err(Unknown::new(Reason::Malformed, detail));
    }
    Ok(packages)
}

/// While dpkg works, and after it was interrupted, the newest states stand beside the status file and not in it.
fn settled(facts: Facts<'_>) -> Result<(), Unknown> {
    let Contents::Regular(_, entries) = facts.entries(UPDATES, ENTRIES_MAX)? else { return Ok(()) };
    let numbered = |name: &str| !name.is_empty() && name.bytes().all(|c| c.is_ascii_digit());
    let pending = entries.iter().filter(|e| e.name.to_str().is_some_and(numbered)).count();
    if pending == 0 {
        return Ok(());
    }
    let detail = format!(
        "dpkg is at work or was interrupted: {pending} changes in `{UPDATES}` are not in its status file yet"
    );
    Err(Unknown::new(Reason::ChangedWhileReading, detail))
}

#[derive(Default)]
struct Stanza {
    /// Its first line.
    line: usize,
    package: Option<String>,
    status: Option<String>,
    version: Option<String>,
    architecture: Option<String>,
}

fn malformed(path: &str, line: usize, why: &str) -> Unknown {
    let path = crate::model::display::escape(path);
    Unknown::new(Reason::Malformed, format!("line {line} of `{path}` {why}"))
}

/// `state` is what a stanza without a `Status` is in; `None` where each has to have one.
fn parse(text: &[u8], path: &str, state: Option<&str>) -> Result<Vec<Package>, Unknown> {
    let mut packages = Vec::new();
    let mut stanza = Stanza::default();
    for (number, line) in (1..).zip(text.split(|c| *c == b'\n')) {
        if line.trim_ascii().is_empty() {
            packages.extend(std::mem::take(&mut stanza).finish(path, state)?);
            continue;
        }
        if stanza.line == 0 {
            stanza.line = number;
        } else if line.starts_with(b" ") || line.starts_with(b"\t") {
            continue;
        }
        let why = stanza.field(line);
        why.map_err(|why| malformed(path, number, why))?;
    }
    packages.extend(stanza.finish(path, state)?);
    Ok(packages)
}

impl Stanza {
    fn field(&mut self, line: &[u8]) -> Result<(), &'static str> {
        let colon = line.iter().position(|c| *c == b':').ok_or("is no field with a value")?;
        let name = line[..colon].to_ascii_lowercase();
        let kept = match name.as_slice() {
            b"package" => &mut self.package,
            b"status" => &mut self.status,
            b"version" => &mut self.version,
            b"architecture" => &mut self.architecture,
            [] => return Err("is no field with a value"),
            _ => return Ok(()),
        };
        if kept.is_some() {
            return Err("names a field of its stanza again");
        }
        let value =
            std::str::from_utf8(line[colon + 1..].trim_ascii()).map_err(|_| "is not UTF-8")?;
        *kept = Some(value.to_owned());
        Ok(())
    }

    /// `None` for no stanza at all, and for one of a package that is not installed.
    fn finish(self, path: &str, state: Option<&str>) -> Result<Option<Package>, Unknown> {
        if self.line == 0 {
            return Ok(None);
        }
        let lacks =
            |what: &str| malformed(path, self.line, &format!("begins a stanza without {what}"));
        let name =
            self.package.filter(|name| !name.is_empty()).ok_or_else(|| lacks("`Package`"))?;
        let status = self.status.or_else(|| state.map(str::to_owned));
        let status = status.ok_or_else(|| lacks("`Status`"))?;
        let words: Vec<&str> = status.split_ascii_whitespace().collect();
        let [_, _, status] = words.as_slice() else {
            return Err(lacks("a `Status` of three words"));
        };
        if *status == "not-installed" {
            return Ok(None);
        }
        let version = self.version.filter(|version| !version.is_empty());
        let version = version.ok_or_else(|| lacks("`Version`"))?;
        let state = words.join(" ");
        Ok(Some(Package { name, version, architecture: self.architecture, state }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stanzas_become_packages() {
        let text = "Package: a\nStatus: install  ok installed\nArchitecture: amd64\nversion: 1:2-3\n\
                    Description: one\n Version: 9\n .\n more: x\n\n\nPackage: b\nStatus: deinstall ok config-files\n\
                    Version: 1\n\nPackage: c\nStatus: purge ok not-installed\n";
        let packages = parse(text.as_bytes(), STATUS, None).expect("stanzas");
        let shown: Vec<String> = packages
            .iter()
            .map(|p| format!("{} {} {} {:?}", p.name, p.version, p.state, p.architecture))
            .collect();
        let expected =
            ["a 1:2-3 install ok installed Some(\"amd64\")", "b 1 deinstall ok config-files None"];
        assert_eq!(shown, expected);
        let part = parse(b"Package: d\nVersion: 1\n", "d", Some(INSTALLED)).expect("a stanza");
        assert_eq!(part[0].state, INSTALLED);
    }

    #[test]
    fn what_is_no_stanza_is_told_with_its_line() {
        for (text, line) in [
            ("Package: a\nnonsense\n", 2),
            (" Package: a\n", 1),
            ("\nVersion: 1\n", 2),
            ("Package: a\nVersion: 1\n", 1),
            ("Package: a\nStatus: install ok\nVersion: 1\n", 1),
            ("Package: a\nStatus: install ok installed\n", 1),
            ("Package: a\nPackage: b\n", 2),
            ("Package: a\nStatus: install ok installed\nVersion: \u{e4}\n", 0),
        ] {
            let parsed = parse(text.as_bytes(), STATUS, None);
            if line == 0 {
                assert!(parsed.is_ok());
                continue;
            }
            let why = parsed.expect_err(text);
            assert!(why.detail.starts_with(&format!("line {line} of")), "{text}: {why}");
        }
    }
}
