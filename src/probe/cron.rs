//! What cron runs: its tables and the folders of scripts, which of them it heeds, and what may be told of each entry.
//!
//! These files may hold secrets, so they are read as any file of the host is: where `[observe]` opens them. Of a command
//! the programs and paths that it names are kept, a digest, and the text itself only where it may be shown.

mod line;
pub mod schedule;

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::accounts::{self, List};
use super::host::{Contents, FileType, Host, Links, Stat};
use crate::model::display::escape;
use crate::model::{Content, Mode, Reason, Unknown};
use schedule::PERIODS;

const TABLE: &str = "/etc/crontab";
const TABLES: &str = "/etc/cron.d";
/// Debian's folder of the users' tables, and Red Hat's.
const SPOOLS: [&str; 2] = ["/var/spool/cron/crontabs", "/var/spool/cron"];
/// No table is read that is larger.
const BYTES_MAX: u64 = 1 << 20;
/// No folder has more tables or scripts.
const ENTRIES_MAX: usize = 10_000;

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its line; `None` for a script, which is an entry as a whole.
    pub line: Option<u64>,
    /// As whom it runs.
    pub user: String,
    /// When, as it is written with one blank between the fields; the period for a script.
    pub schedule: String,
    /// The programs and paths that its command names.
    pub names: Vec<String>,
    /// What runs.
    pub command: Content,
}

/// What one file makes cron run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// Its entries, in their order.
    pub entries: Vec<Entry>,
    /// Why cron does not heed the file, so that none of them runs.
    pub ignored: Option<String>,
}

/// What sort of file it is, by its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source<'a> {
    /// `/etc/crontab`, whose lines name a user.
    System,
    /// A table in `/etc/cron.d`, whose lines name a user.
    Part(&'a str),
    /// A script in a folder of a period.
    Script(&'static str, &'a str),
    /// The table of a user.
    User(&'a str),
}

impl<'a> Source<'a> {
    /// What cron takes a file for; `None` for one that it never looks at.
    #[must_use]
    pub fn of(path: &'a str) -> Option<Self> {
        if path == TABLE {
            return Some(Self::System);
        }
        let (folder, name) = path.rsplit_once('/').filter(|(_, name)| !name.is_empty())?;
        if folder == TABLES {
            return Some(Self::Part(name));
        }
        if let Some(period) = folder.strip_prefix("/etc/cron.") {
            return PERIODS.into_iter().find(|p| *p == period).map(|p| Self::Script(p, name));
        }
        SPOOLS.contains(&folder).then_some(Self::User(name))
    }
}

/// A reader of cron's files on one host.
#[derive(Debug)]
pub struct Reader<'a> {
    host: &'a Host,
    users: Result<List<accounts::Account>, Unknown>,
    /// Debian's cron and `run-parts` skip other names than those elsewhere do.
    debian: bool,
}

impl<'a> Reader<'a> {
    /// Looks at what decides which files cron heeds.
    ///
    /// # Errors
    /// Unknown, when the host opens nothing.
    pub fn new(host: &'a Host) -> Result<Self, Unknown> {
        let debian = host.facts().stat("/etc/debian_version")?.is_some();
        Ok(Self { host, users: accounts::read_users(host), debian })
    }

    /// Every file that cron may run something from, and what that is.
    ///
    /// # Errors
    /// Unknown, when one of the places cannot be read: nobody can say then what else is run.
    pub fn all(&self) -> Result<Vec<(String, Table)>, Unknown> {
        let mut paths = vec![TABLE.to_owned()];
        paths.extend(self.files(TABLES)?);
        for period in PERIODS {
            paths.extend(self.files(&format!("/etc/cron.{period}"))?);
        }
        for spool in SPOOLS {
            paths.extend(self.files(spool)?);
        }
        let mut tables = Vec::new();
        for path in paths {
            if let Some(table) = self.table(&path)? {
                tables.push((path, table));
            }
        }
        Ok(tables)
    }

    /// The paths of the files in a folder. Folders in it are none of cron's.
    fn files(&self, folder: &str) -> Result<Vec<String>, Unknown> {
        let entries = match self.host.entries(Path::new(folder), Links::Refuse, ENTRIES_MAX)? {
            Contents::Absent => return Ok(Vec::new()),
            Contents::Regular(_, entries) => entries,
            Contents::Other(stat) => {
                let detail = format!("`{folder}` is a {}", stat.file_type.name());
                return Err(Unknown::new(Reason::NotSupported, detail));
            }
        };
        let mut paths = Vec::new();
        for entry in entries {
            let path = match entry.name.to_str() {
                // The files that packages leave behind so that the folder stays.
                Some(".placeholder") => continue,
                Some(name) => format!("{folder}/{name}"),
                None => {
                    let detail = format!("a name in `{folder}` is not UTF-8");
                    return Err(Unknown::new(Reason::Malformed, detail));
                }
            };
            let file_type = match entry.file_type {
                Some(file_type) => Some(file_type),
                None => self.host.stat(Path::new(&path), Links::Refuse)?.map(|stat| stat.file_type),
            };
            if file_type != Some(FileType::Directory) {
                paths.push(path);
            }
        }
        Ok(paths)
    }

    /// What one file makes cron run; `None` when it does not exist.
    ///
    /// # Errors
    /// Unknown, when it may not or cannot be read, or a line of it is wrong.
    pub fn table(&self, path: &str) -> Result<Option<Table>, Unknown> {
        let source = Source::of(path).ok_or_else(|| {
            let detail = format!("`{}` is no place where cron looks", escape(path));
            Unknown::new(Reason::NotSupported, detail)
        })?;
        let at = Path::new(path);
        let Some(stat) = self.host.stat(at, Links::Refuse)? else { return Ok(None) };
        if let Source::Script(period, _) = source {
            let ignored = self.ignored(source, &stat, b"\n")?;
            let (user, schedule) = ("root".to_owned(), period.to_owned());
            let command = Content::of_text(path, true);
            let names = vec![path.to_owned()];
            let entries = vec![Entry { line: None, user, schedule, names, command }];
            return Ok(Some(Table { entries, ignored }));
        }
        let Some((text, may_show)) = self.host.read_to_show(at, Links::Refuse, BYTES_MAX)? else {
            return Ok(None);
        };
        let ignored = self.ignored(source, &stat, &text)?;
        match (entries(&text, path, source, may_show), ignored) {
            (Ok(entries), ignored) => Ok(Some(Table { entries, ignored })),
            // What is not heeded may be a note, or an old copy.
            (Err(_), Some(why)) => Ok(Some(Table { entries: Vec::new(), ignored: Some(why) })),
            (Err(unknown), None) => Err(unknown),
        }
    }

    /// Why cron does not heed a file.
    fn ignored(
        &self,
        source: Source<'_>,
        stat: &Stat,
        text: &[u8],
    ) -> Result<Option<String>, Unknown> {
        let table = !matches!(source, Source::Script(..));
        if table && self.debian && !text.is_empty() && !text.ends_with(b"\n") {
            return Ok(Some("its last line has no end".to_owned()));
        }
        let owner = match source {
            Source::User(name) => {
                let users = self.users.as_ref().map_err(Clone::clone)?;
                let Some(user) = users.named(name)? else {
                    return Ok(Some("it is the table of nobody".to_owned()));
                };
                user.uid
            }
            _ => 0,
        };
        Ok(ignored(source, stat, owner, self.debian))
    }
}

/// Why a file of these attributes is not heeded, when `owner` is whose it has to be.
fn ignored(source: Source<'_>, stat: &Stat, owner: u32, debian: bool) -> Option<String> {
    let bits = stat.mode.bits();
    if let Source::Part(name) | Source::Script(_, name) = source
        && !is_heeded(name, debian)
    {
        return Some("its name is one that is skipped".to_owned());
    }
    let bad = match source {
        // `run-parts` asks only whether it can be executed.
        Source::Script(..) => (bits & 0o111 == 0).then_some("not executable"),
        _ if stat.uid != owner => Some("not owned by its user"),
        Source::System | Source::Part(_) => (bits & 0o022 != 0).then_some("writable by others"),
        Source::User(_) if debian => (bits != 0o600).then_some("not of mode 0600"),
        Source::User(_) => (bits & 0o7533 != 0o400).then_some("open to others"),
    };
    bad.map(|why| format!("it is {why} (owner {}, mode {})", stat.uid, Mode::from_bits(bits)))
}

/// Debian takes letters, digits, `-` and `_`; others skip what is hidden or looks like a copy.
fn is_heeded(name: &str, debian: bool) -> bool {
    if debian {
        return name.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_'));
    }
    let copies = ["~", ".rpmsave", ".rpmorig", ".rpmnew", ".swp", ".cfsaved", ",v"];
    !name.starts_with(['.', '#']) && !copies.iter().any(|end| name.ends_with(end))
}

fn entries(
    text: &[u8],
    path: &str,
    source: Source<'_>,
    may_show: bool,
) -> Result<Vec<Entry>, Unknown> {
    let owner = if let Source::User(name) = source { Some(name) } else { None };
    let mut entries = Vec::new();
    for (number, line) in (1..).zip(text.split(|c| *c == b'\n')) {
        let written = line::parse(line, owner.is_none()).map_err(|why| {
            let detail = format!("line {number} of `{}` {why}", escape(path));
            Unknown::new(Reason::Malformed, detail)
        })?;
        let Some(written) = written else { continue };
        entries.push(Entry {
            line: Some(number),
            user: written.user.or(owner).unwrap_or_default().to_owned(),
            schedule: written.schedule,
            names: line::names(written.command).into_iter().map(str::to_owned).collect(),
            command: Content::of_text(written.command, may_show),
        });
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_known_by_its_place() {
        assert_eq!(Source::of("/etc/crontab"), Some(Source::System));
        assert_eq!(Source::of("/etc/cron.d/a.b"), Some(Source::Part("a.b")));
        assert_eq!(Source::of("/etc/cron.daily/x"), Some(Source::Script("daily", "x")));
        assert_eq!(Source::of("/var/spool/cron/crontabs/me"), Some(Source::User("me")));
        assert_eq!(Source::of("/var/spool/cron/me"), Some(Source::User("me")));
        for none in [
            "/etc/cron.d",
            "/etc/cron.d/",
            "/etc/cron.yearly/x",
            "/etc/cron.d/a/b",
            "/etc/passwd",
            "",
        ] {
            assert_eq!(Source::of(none), None, "{none}");
        }
    }

    #[test]
    fn what_cron_does_not_heed_is_told() {
        let stat = |uid, mode| Stat {
            file_type: FileType::File,
            mode: Mode::from_bits(mode),
            uid,
            gid: 0,
            size: 1,
        };
        let part = Source::Part("job");
        for (source, uid, mode, debian, heeded) in [
            (part, 0, 0o644, true, true),
            (part, 0, 0o600, true, true),
            (part, 5, 0o644, true, false),
            (part, 0, 0o664, true, false),
            (part, 0, 0o646, true, false),
            (Source::Part("a.b"), 0, 0o644, true, false),
            (Source::Part("a.b"), 0, 0o644, false, true),
            (Source::Part("a~"), 0, 0o644, false, false),
            (Source::Part(".a"), 0, 0o644, false, false),
            (Source::System, 0, 0o644, true, true),
            (Source::System, 0, 0o666, false, false),
            (Source::Script("daily", "x"), 7, 0o700, true, true),
            (Source::Script("daily", "x"), 0, 0o644, true, false),
            (Source::Script("daily", "x.sh"), 0, 0o755, true, false),
        ] {
            let why = ignored(source, &stat(uid, mode), 0, debian);
            assert_eq!(why.is_none(), heeded, "{source:?} {uid} {mode:o} {debian}: {why:?}");
        }
        let user =
            |uid, mode, debian| ignored(Source::User("me"), &stat(uid, mode), 5, debian).is_none();
        assert!(user(5, 0o600, true) && user(5, 0o600, false) && user(5, 0o640, false));
        assert!(!user(0, 0o600, true) && !user(5, 0o640, true) && !user(5, 0o666, false));
    }
}
