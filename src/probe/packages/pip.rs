//! Python distributions: the `*.dist-info` and `*.egg-info` below a folder of Python's path.
//!
//! As Python's own `importlib.metadata` does, a distribution is found by the name of its folder and described by the
//! metadata in it. What was copied there without metadata is no distribution.

use std::path::{Path, PathBuf};

use super::{INSTALLED, Package};
use crate::model::display::escape;
use crate::model::{Reason, Unknown, shown_path};
use crate::probe::host::{Contents, Host, Links};

const ENTRIES_MAX: usize = 50_000;
/// A description may be a book; its headers come first, and it is read with them.
const METADATA_BYTES_MAX: u64 = 8 << 20;

/// The distributions of one folder.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    /// Normal name, and the name of the entry.
    found: Vec<(String, String)>,
}

/// The one form of a name that may be written in many: lower case, with `-` for each run of `-`, `_` and `.`.
#[must_use]
pub fn normal(name: &str) -> String {
    let parts = name.split(['-', '_', '.']).filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join("-").to_lowercase()
}

impl Folder {
    /// Lists a folder; `None` where there is none.
    ///
    /// # Errors
    /// Unknown, when it may not or cannot be read, or something else stands there.
    pub fn read(host: &Host, path: &Path) -> Result<Option<Self>, Unknown> {
        let entries = match host.entries(path, Links::Refuse, ENTRIES_MAX)? {
            Contents::Absent => return Ok(None),
            Contents::Other(stat) => {
                let detail = format!("`{}` is a {}", shown_path(path), stat.file_type.name());
                return Err(Unknown::new(Reason::NotSupported, detail));
            }
            Contents::Regular(_, entries) => entries,
        };
        let named = entries.iter().filter_map(|entry| {
            let name = entry.name.to_str()?;
            let stem =
                name.strip_suffix(".dist-info").or_else(|| name.strip_suffix(".egg-info"))?;
            let project = stem.split('-').next().unwrap_or(stem);
            Some((normal(project), name.to_owned()))
        });
        Ok(Some(Self { path: path.to_owned(), found: named.collect() }))
    }

    /// The normal names of all distributions.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.found.iter().map(|(name, _)| name.as_str())
    }

    /// The distributions of a name; more than one where an old one was left behind.
    ///
    /// # Errors
    /// Unknown, when the metadata of one cannot be read, or is about another.
    pub fn named(&self, host: &Host, name: &str) -> Result<Vec<Package>, Unknown> {
        let name = normal(name);
        let entries = self.found.iter().filter(|(found, _)| *found == name);
        entries.map(|(_, entry)| self.package(host, entry, &name)).collect()
    }

    fn package(&self, host: &Host, entry: &str, name: &str) -> Result<Package, Unknown> {
        let folder = self.path.join(entry);
        let metadata = if entry.ends_with(".dist-info") { "METADATA" } else { "PKG-INFO" };
        let mut path = folder.join(metadata);
        let text = match host.contents(&folder, Links::Refuse, METADATA_BYTES_MAX)? {
            Contents::Regular(_, text) if metadata == "PKG-INFO" => {
                path = folder;
                Some(text)
            }
            _ => host.read(&path, Links::Refuse, METADATA_BYTES_MAX)?.map(|(_, text)| text),
        };
        let malformed =
            |why: &str| Unknown::new(Reason::Malformed, format!("`{}` {why}", shown_path(&path)));
        let text = text.ok_or_else(|| malformed("does not exist"))?;
        let stated = header(&text, "name").ok_or_else(|| malformed("has no `Name`"))?;
        if normal(&stated) != name {
            return Err(malformed(&format!("is about `{}`", escape(&stated))));
        }
        let version = header(&text, "version").ok_or_else(|| malformed("has no `Version`"))?;
        Ok(Package { name: stated, version, architecture: None, state: INSTALLED.to_owned() })
    }
}

/// A header's value, before the first blank line.
fn header(text: &[u8], wanted: &str) -> Option<String> {
    let lines = text.split(|c| *c == b'\n').take_while(|line| !line.trim_ascii().is_empty());
    lines.filter_map(|line| std::str::from_utf8(line).ok()).find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let value = value.trim();
        (name.eq_ignore_ascii_case(wanted) && !value.is_empty()).then(|| value.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_one_normal_form() {
        for name in ["Foo.Bar", "foo-bar", "FOO__bar", "foo._-bar"] {
            assert_eq!(normal(name), "foo-bar");
        }
    }

    #[test]
    fn headers_end_at_the_first_blank_line() {
        let text =
            b"Metadata-Version: 2.1\r\nname: psycopg2\r\nVersion: 2.9.11\r\n\r\nSummary: no\n";
        assert_eq!(header(text, "Name").as_deref(), Some("psycopg2"));
        assert_eq!(header(text, "version").as_deref(), Some("2.9.11"));
        assert_eq!(header(text, "summary"), None);
    }
}
