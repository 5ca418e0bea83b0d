//! `[freshness.NAME]`: the newest of the files that match a pattern is young, large and whole enough.
//!
//! For backups, exports, heartbeats: what has to appear again and again. The age is measured when it is looked at.

mod adopt;
mod beside;

use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use globset::{GlobBuilder, GlobMatcher};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::metadata::not_asked;
use super::{Adopted, Adoption, Answers, Files, Kind, Named, Problem, path};
use crate::model::display::escape_bytes;
use crate::model::{
    Code, Comparison, Difference, Digest, Evidence, Period, Reason, Timestamp, Unknown, shown_path,
};
use crate::probe::World;
use crate::probe::cancel::Cancel;
use crate::probe::host::{Contents, FileType, Host, Links};
use crate::probe::newest::{self, Matches, Question};
use beside::Beside;

/// Longer patterns could nest braces deeper than the stack of whoever compiles them.
const PATTERN_BYTES_MAX: usize = 1000;
/// How far ahead of the look a file may be dated: clocks differ, and a file may be written while the look goes on.
const AHEAD_SECONDS_MAX: i64 = 300;

/// The table of a freshness.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Freshness {
    /// The absolute path of the directory.
    directory: String,
    /// Which of its files count, such as "*.sql.gpg"; with `**` or a slash also those of the folders below.
    pattern: String,
    /// The newest is at most that old, such as "26h" or "8d".
    younger_than: Option<Period>,
    /// The newest has at least so many bytes.
    at_least_bytes: Option<u64>,
    /// At least so many files match.
    count_at_least: Option<u64>,
    /// At most so many files match: old ones are taken away.
    keep_at_most: Option<u64>,
    /// Hash the newest and report its SHA-256. Default: false.
    #[serde(default)]
    digest: bool,
    /// The end of the name of a file beside the newest that holds its SHA-256, as `sha256sum` writes it, such as ".sha256".
    sha256_file: Option<String>,
    /// Look through symbolic links on the way to the directory. Below it none is ever followed. Default: false.
    #[serde(default)]
    through_links: bool,
    /// What `prepare` makes of `pattern`.
    #[serde(skip)]
    matcher: Option<GlobMatcher>,
}

/// What was seen.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Seen {
    /// Nothing stands at the path.
    Absent,
    /// Something else than a directory stands there.
    Other(FileType),
    /// So many files match, and this is the newest.
    Looked {
        /// How many match.
        files: u64,
        /// The newest of them.
        newest: Option<Newest>,
    },
}

/// The newest file.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Newest {
    /// Its path below the directory, escaped.
    name: String,
    bytes: u64,
    modified: Timestamp,
    /// Seconds from its change to the look; negative when it is dated later than that.
    age: i64,
    /// Asked only where the table says something about it.
    sha256: Option<Result<Digest, Unknown>>,
    /// What the file beside it says; asked only where the table names one.
    beside: Option<Result<Beside, Unknown>>,
}

impl Freshness {
    fn hashes(&self) -> bool {
        self.digest || self.sha256_file.is_some()
    }

    fn links(&self) -> Links {
        if self.through_links { Links::Through } else { Links::Refuse }
    }

    fn look(&self, host: &Host, now: Timestamp, cancel: &Cancel) -> Result<Seen, Unknown> {
        let Some(pattern) = self.matcher.clone() else {
            return Err(Unknown::new(Reason::NoAnswer, "the pattern was not prepared"));
        };
        let question = Question {
            directory: PathBuf::from(&self.directory),
            links: self.links(),
            pattern,
            below: self.pattern.contains('/') || self.pattern.contains("**"),
        };
        let Matches { files, newest } = match newest::find(host, &question, cancel)? {
            Contents::Absent => return Ok(Seen::Absent),
            Contents::Other(stat) => return Ok(Seen::Other(stat.file_type)),
            Contents::Regular(_, matches) => matches,
        };
        let newest = newest.map(|(below, dated)| {
            let path = question.directory.join(&below);
            let sha256 = self.hashes().then(|| hash(host, &path, self.links(), cancel));
            let suffix = self.sha256_file.as_deref();
            Newest {
                name: escape_bytes(below.as_os_str().as_bytes()),
                bytes: dated.stat.size,
                modified: Timestamp::from_unix_seconds(dated.modified.0),
                age: now.unix_seconds().saturating_sub(dated.modified.0),
                sha256,
                beside: suffix.map(|suffix| beside::read(host, &path, suffix, self.links())),
            }
        });
        Ok(Seen::Looked { files, newest })
    }

    fn compare_newest(&self, newest: &Newest, found: &mut Comparison) {
        if let Some(wanted) = self.younger_than {
            match u64::try_from(newest.age) {
                Ok(age) if age <= wanted.seconds() => {}
                Ok(age) => {
                    let is = format!("{} ({})", Period::from_seconds(age), newest.name);
                    let difference = Difference::new("younger_than", wanted.to_string(), is);
                    found.differences.push(difference);
                }
                Err(_) if newest.age >= -AHEAD_SECONDS_MAX => {}
                Err(_) => found.blind("younger_than", dated_ahead(newest)),
            }
        }
        if let Some(wanted) = self.at_least_bytes
            && newest.bytes < wanted
        {
            found.differences.push(Difference::new("at_least_bytes", wanted, newest.bytes));
        }
        if self.hashes() {
            match &newest.sha256 {
                Some(Ok(_)) => {}
                Some(Err(unknown)) => found.blind("digest", unknown.clone()),
                None => found.blind("digest", not_asked()),
            }
        }
        if self.sha256_file.is_none() {
            return;
        }
        match (&newest.beside, &newest.sha256) {
            (Some(Ok(Beside::Absent)), _) => {
                found.differences.push(Difference::new("sha256_file", "present", "absent"));
            }
            (Some(Ok(Beside::Says(wanted))), Some(Ok(is))) if wanted != is => {
                let (wanted, is) = (format!("{wanted:?}"), format!("{is:?}"));
                found.differences.push(Difference::new("sha256", wanted, is));
            }
            (Some(Ok(Beside::Says(_))), _) => {}
            (Some(Err(unknown)), _) => found.blind("sha256_file", unknown.clone()),
            (None, _) => found.blind("sha256_file", not_asked()),
        }
    }

    fn check_pattern(&mut self, problems: &mut Vec<Problem>) {
        if self.pattern.len() > PATTERN_BYTES_MAX {
            let message = format!("a pattern has more than {PATTERN_BYTES_MAX} bytes");
            return problems.push(Problem::key("pattern", Code::Limit, message));
        }
        if self.pattern.is_empty() || self.pattern.starts_with('/') {
            let message = "the pattern is about names below `directory`";
            return problems.push(Problem::key("pattern", Code::WrongType, message));
        }
        let mut glob = GlobBuilder::new(&self.pattern);
        match glob.literal_separator(true).backslash_escape(true).build() {
            Ok(glob) => self.matcher = Some(glob.compile_matcher()),
            Err(error) => {
                problems.push(Problem::key("pattern", Code::WrongType, error.to_string()));
            }
        }
    }
}

/// A file that is dated later than the look stays the newest for ever, so its age says nothing.
fn dated_ahead(newest: &Newest) -> Unknown {
    let ahead = Period::from_seconds(newest.age.unsigned_abs());
    let detail = format!(
        "`{}` is dated {}, {ahead} after the look: a clock is wrong, or its time was set by hand",
        newest.name, newest.modified
    );
    Unknown::new(Reason::Undecidable, detail)
}

fn hash(host: &Host, path: &Path, links: Links, cancel: &Cancel) -> Result<Digest, Unknown> {
    match host.hash(path, links, cancel)? {
        Contents::Regular(_, digest) => Ok(digest),
        Contents::Absent | Contents::Other(_) => {
            let detail = format!("`{}` went away while it was looked at", shown_path(path));
            Err(Unknown::new(Reason::ChangedWhileReading, detail))
        }
    }
}

impl Kind for Freshness {
    const NAME: &'static str = "freshness";
    const ABOUT: &'static str =
        "the newest file that matches: age, size, digest, how many there are";
    const DOC: &'static str = "\
The key is a name of your choice. No file that matches is a difference of its own.

The newest is the regular file whose content was changed last (mtime). Links are not followed and count for nothing. In a
pattern `*` stays within one folder and `**` does not; a name that is still being written can be left out by it.

The age runs from that change to the moment when the look began, and is stored: a recorded world judges the age of its own
day. A file dated more than 5 minutes later than the look has no age that means anything; `younger_than` is then unknown,
as somebody's clock is wrong or the time was set by hand.

`digest` reads the newest to its end and reports its SHA-256. `sha256_file` compares it with what the file beside it says.

A folder or file that must not or cannot be read may hide a newer one, and makes everything unknown. At most 200,000
entries and 32 levels are looked at.";
    const EXAMPLE: &'static str = r#"
[freshness.backup]
directory = "/opt/incomex/backups"
pattern = "*.dump"
younger_than = "26h"
at_least_bytes = 50000000
keep_at_most = 14
sha256_file = ".sha256"
"#;
    const ADOPT: Option<Adoption> = Some(Adoption {
        flag: "freshness",
        value: "DIR/PATTERN",
        help: "the newest of some files: twice its age and half its size as limits",
        all: None,
    });
    type Observed = Seen;

    fn prepare(&mut self, _name: &str, _files: &dyn Files, problems: &mut Vec<Problem>) {
        if let Err(why) = path::absolute(&self.directory) {
            let message = format!("`directory` is a path, and it {why}");
            problems.push(Problem::key("directory", Code::BadName, message));
        }
        self.check_pattern(problems);
        if let (Some(least), Some(most)) = (self.count_at_least, self.keep_at_most)
            && least > most
        {
            let message = format!("at least {least} and at most {most} files cannot both be");
            problems.push(Problem::key("keep_at_most", Code::Contradiction, message));
        }
        if self.keep_at_most == Some(0) {
            let message = "no file at all is never fresh";
            problems.push(Problem::key("keep_at_most", Code::Contradiction, message));
        }
        if self.sha256_file.as_ref().is_some_and(|end| end.is_empty() || end.contains(['/', '\0']))
        {
            let message = "expected the end of a file's name, such as \".sha256\"";
            problems.push(Problem::key("sha256_file", Code::WrongType, message));
        }
    }

    fn question(&self, _name: &str) -> Value {
        json!({
            "directory": self.directory,
            "pattern": self.pattern,
            "hashes": self.hashes(),
            "sha256_file": self.sha256_file,
            "through_links": self.through_links,
        })
    }

    async fn observe_all(world: &World, wanted: &[Named<Self>]) -> Answers<Seen> {
        let cancel = Cancel::default();
        let _guard = cancel.on_drop();
        let now = world.now;
        let items = wanted.iter().map(|n| (n.name.clone(), Arc::clone(&n.spec))).collect();
        let look = move |host: &Host, _: &str, spec: &Arc<Self>| spec.look(host, now, &cancel);
        world.sweep(items, look).await
    }

    async fn adopt(world: &World, asked: &str) -> Result<Adopted, Unknown> {
        let (asked, now) = (asked.to_owned(), world.now);
        let cancel = Cancel::default();
        let _guard = cancel.on_drop();
        world.ask(move |host| adopt::adopt(host, &asked, now, &cancel)).await
    }

    fn diff(&self, _name: &str, observed: &Seen) -> Comparison {
        let evidence = if self.hashes() { Evidence::Hashed } else { Evidence::Stat };
        let mut found = Comparison::by(evidence);
        let (files, newest) = match observed {
            Seen::Looked { files, newest } => (*files, newest),
            Seen::Absent => {
                found.differences.push(Difference::new("presence", "present", "absent"));
                return found;
            }
            Seen::Other(actual) => {
                let difference = Difference::new("type", FileType::Directory, *actual);
                found.differences.push(difference);
                return found;
            }
        };
        found.counts = Some(BTreeMap::from([("files", files)]));
        let Some(newest) = newest else {
            let wanted = format!("a file that matches `{}`", self.pattern);
            found.differences.push(Difference::new("newest", wanted, "none"));
            found.seen = Some("none".to_owned());
            return found;
        };
        if self.count_at_least.is_some_and(|least| files < least) {
            found.differences.push(Difference::new("count_at_least", self.count_at_least, files));
        }
        if self.keep_at_most.is_some_and(|most| files > most) {
            found.differences.push(Difference::new("keep_at_most", self.keep_at_most, files));
        }
        self.compare_newest(newest, &mut found);
        found.seen = Some(in_short(newest));
        found
    }
}

fn in_short(newest: &Newest) -> String {
    let age = Period::from_seconds(u64::try_from(newest.age).unwrap_or_default());
    let digest = match newest.sha256 {
        Some(Ok(digest)) => format!(", {digest:?}"),
        _ => String::new(),
    };
    format!("{}, {age} old, {} bytes{digest}", newest.name, newest.bytes)
}

#[cfg(test)]
mod tests;
